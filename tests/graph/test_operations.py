"""Each operation of the table: value, type, static shape, gradient, memory."""

import re
from typing import Any

import numpy as np
import pytest

import runtime as tf
from runtime.graph.definition import View
from runtime.graph.operation import Operation
from tests.graph.cases import CASES, SHAPED_BY_VALUES, Case
from tests.graph.cases_distributions import DISTRIBUTION_CASES
from tests.graph.cases_image import IMAGE_CASES
from tests.graph.cases_math import MATH_CASES
from tests.graph.cases_nn import NN_CASES
from tests.graph.cases_rnn import SEQUENCE_CASES
from tests.graph.cases_spatial import SPATIAL_CASES

every_case = pytest.mark.parametrize(
    "case",
    CASES
    + DISTRIBUTION_CASES
    + IMAGE_CASES
    + MATH_CASES
    + NN_CASES
    + SPATIAL_CASES
    + SEQUENCE_CASES,
    ids=lambda case: case.name,
)


def placeholders(case: Case, unknown: bool) -> list[tf.Tensor]:
    """Placeholders for the inputs, with or without static shapes."""
    shapes = [[None] * x.ndim if unknown else x.shape for x in case.inputs]
    return [tf.placeholder(x.dtype, s) for x, s in zip(case.inputs, shapes, strict=True)]


def feeds(tensors: list[tf.Tensor], case: Case) -> dict[Any, Any]:
    return dict(zip(tensors, case.inputs, strict=True))


@every_case
@pytest.mark.parametrize("kind", ["constant", "known", "unknown", "unranked"])
def test_an_operation_gives_what_numpy_gives(case: Case, kind: str, session: tf.Session) -> None:
    """Constants (folded), placeholders of known, of unknown shape: the value is NumPy's."""
    if kind == "constant":
        tensors = [tf.constant(x) for x in case.inputs]
    elif kind == "unranked" and not _works_without_rank(case):
        return
    elif kind == "unranked":
        tensors = [tf.placeholder(x.dtype) for x in case.inputs]
    else:
        tensors = placeholders(case, kind == "unknown")
    result = case.make(*tensors)
    value = session.run(result, feeds(tensors, case) if kind != "constant" else None)
    expected = np.asarray(case.expected(*case.inputs))
    np.testing.assert_allclose(value, expected, **case.tolerance)
    assert np.shape(value) == expected.shape
    assert value.dtype == result.dtype.as_numpy_dtype
    assert result.shape.is_compatible_with(np.shape(value))


def _works_without_rank(case: Case) -> bool:
    """Some operations say at once that they need to know the rank."""
    try:
        with tf.Graph().as_default():
            case.make(*[tf.placeholder(x.dtype) for x in case.inputs])
    except ValueError:
        return False
    return True


@every_case
def test_what_is_known_of_the_inputs_shapes_is_known_of_the_result(case: Case) -> None:
    """With fully known inputs the static shape is the true one, if it depends on shapes only."""
    if case.name.startswith(SHAPED_BY_VALUES):
        return
    result = case.make(*placeholders(case, unknown=False))
    assert result.shape.as_list() == list(np.shape(case.expected(*case.inputs)))


@every_case
@pytest.mark.parametrize("unknown", [False, True])
def test_a_gradient_is_the_limit_of_finite_differences(
    case: Case, unknown: bool, session: tf.Session
) -> None:
    """The derivative of a weighted sum of the result, by each input it depends smoothly on."""
    if not case.smooth:
        return
    tensors = placeholders(case, unknown)
    result = case.make(*tensors)
    weights = np.random.default_rng(1).normal(size=np.shape(case.expected(*case.inputs)))
    loss = tf.reduce_sum(result * tf.constant(weights, result.dtype))
    sources = [tensors[index] for index in case.smooth]
    for index, gradient in zip(case.smooth, tf.gradients(loss, sources), strict=True):
        gradient = tf.convert_to_tensor(gradient)
        found = session.run(gradient, feeds(tensors, case))
        expected = _differences(case, index, weights)
        assert found.shape == expected.shape
        assert gradient.shape.is_compatible_with(found.shape)
        close = {"rtol": 1e-4, "atol": 2e-5} if case.single else {"rtol": 2e-5, "atol": 2e-6}
        np.testing.assert_allclose(found, expected, **close)


def _differences(case: Case, index: int, weights: Any) -> Any:
    step = 1e-6
    x = case.inputs[index]
    result = np.zeros(x.shape)
    for place in np.ndindex(x.shape):
        values = []
        for sign in (1, -1):
            moved = x.copy()
            moved[place] += sign * step
            inputs = [*case.inputs[:index], moved, *case.inputs[index + 1 :]]
            values.append(np.sum(case.expected(*inputs) * weights))
        result[place] = (values[0] - values[1]) / (2 * step)
    return result


# The variance lets no gradient through the mean, as TensorFlow's; the largest element has kinks;
# the gradient of the cross entropy takes it that labels sum to one, so it is none elsewhere.
NOT_SMOOTH_TWICE = ("moments-variance", "norm-inf", "cross_entropy", "cross_entropy-axis")


@pytest.mark.deep
@every_case
def test_a_second_derivative_is_the_limit_of_differences_of_first_ones(
    case: Case, session: tf.Session
) -> None:
    """In a random direction; an operation may have none, but then says so."""
    if not case.smooth or case.single or case.name in NOT_SMOOTH_TWICE:
        return
    tensors = placeholders(case, unknown=False)
    sources = [tensors[index] for index in case.smooth]
    loss = tf.reduce_sum(tf.square(case.make(*tensors)))
    slopes = [tf.convert_to_tensor(g) for g in tf.gradients(loss, sources)]
    draw = np.random.default_rng(3).normal
    ways = [draw(size=case.inputs[index].shape) for index in case.smooth]
    along = tf.add_n([tf.reduce_sum(g * way) for g, way in zip(slopes, ways, strict=True)])
    try:
        second = tf.gradients(along, sources, unconnected_gradients="zero")
    except LookupError as error:
        assert re.search("No gradient is defined", str(error))
        return
    found = session.run([tf.convert_to_tensor(g) for g in second], feeds(tensors, case))
    ends = []
    for step in (1e-6, -1e-6):
        moved = dict(feeds(tensors, case))
        for source, way in zip(sources, ways, strict=True):
            moved[source] = moved[source] + step * way
        ends.append(session.run(slopes, moved))
    for value, upper, lower in zip(found, *ends, strict=True):
        np.testing.assert_allclose(value, (upper - lower) / 2e-6, rtol=1e-4, atol=1e-4)


@every_case
def test_a_kernel_shares_memory_only_if_its_definition_says_so(case: Case) -> None:
    """The plan overwrites what it owns, so an undeclared alias would corrupt values."""
    arrays = dict(zip(placeholders(case, unknown=False), case.inputs, strict=True))
    case.make(*arrays)
    gradients_of(case)
    values: dict[Any, Any] = dict(arrays)
    for op in tf.get_default_graph().get_operations():
        if op.type == "Placeholder":
            dims, kind = op.outputs[0].dims or (), op.outputs[0].dtype.as_numpy_dtype
            values.setdefault(op.outputs[0], np.ones([d or 1 for d in dims], kind))
            continue
        with np.errstate(all="ignore"):
            _check_memory(op, values)


def gradients_of(case: Case) -> None:
    tensors = placeholders(case, unknown=True)
    result = case.make(*tensors)
    if case.smooth:
        tf.gradients(result, [tensors[index] for index in case.smooth])


def _check_memory(op: Operation, values: dict[Any, Any]) -> None:
    """Carries one operation out and looks at the memory of what comes out."""
    specs = [tensor.spec for tensor in op.inputs]
    if op.type == "Const":
        values[op.outputs[0]] = op.outputs[0].spec.value
        return
    if any(tensor not in values for tensor in op.inputs) or not op.outputs:
        return
    if op.body is not None or op.definition.nested is not None:
        return  # what a branch or loop carries out has its own inputs in a run
    view = View(op, specs)
    inputs = [values[tensor] for tensor in op.inputs]
    try:
        results = op.definition.kernel_for(view)(*inputs)
    except (ValueError, IndexError):  # invented shapes of unknown placeholders don't fit
        return
    listed = results if isinstance(results, tuple) else (results,)
    for tensor, value in zip(op.outputs, listed, strict=True):
        values[tensor] = value
        if not op.definition.may_alias(view) and np.ndim(value):
            shared = [np.shares_memory(value, x) for x in inputs if np.ndim(x)]
            assert not any(shared), op
        if tensor.dims == ():
            assert np.ndim(value) == 0
