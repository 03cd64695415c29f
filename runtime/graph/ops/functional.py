"""Functions applied to each row of tensors, and choices between several functions."""

from collections.abc import Callable, Sequence
from typing import Any

from runtime.graph import nest
from runtime.graph.convert import TensorLike, convert_to_tensor
from runtime.graph.dtypes import DType, as_dtype
from runtime.graph.export import export
from runtime.graph.graph import get_default_graph
from runtime.graph.operation import Operation
from runtime.graph.ops.array import shape
from runtime.graph.ops.cond import cond
from runtime.graph.ops.control_flow import assert_
from runtime.graph.ops.loops import while_loop
from runtime.graph.ops.math import add_n, cast, equal, less_equal
from runtime.graph.ops.tensor_array import TensorArray
from runtime.graph.tensor import Tensor


def _tensors(elems: Any, what: str) -> list[Tensor]:
    tensors = [convert_to_tensor(e) for e in nest.flatten(elems)]
    if not tensors:
        raise ValueError(f"{what}: elems must not be empty.")
    for tensor in tensors:
        if tensor.dims == ():
            raise ValueError(
                f"{what}: elements must be at least 1-dimensional, but {tensor.name} is a scalar."
            )
    return tensors


def _length(tensors: Sequence[Tensor]) -> Any:
    for tensor in tensors:
        if tensor.dims is not None and tensor.dims[0] is not None:
            return tensor.dims[0]
    return shape(tensors[0])[0]


def _unstacked(tensors: Sequence[Tensor], count: Any) -> list[TensorArray]:
    return [TensorArray(t.dtype, count).unstack(t) for t in tensors]


def _stacked(array: TensorArray, count: Any) -> Tensor:
    result = array.stack()
    if isinstance(count, int) and result.dims is not None:
        result.set_shape([count, *result.dims[1:]])
    return result


def _row(elems: Any, arrays: Sequence[TensorArray], index: Tensor) -> Any:
    return nest.pack_sequence_as(elems, [array.read(index) for array in arrays])


def _types(dtype: Any) -> list[DType]:
    return [
        as_dtype(t if isinstance(t, type) else getattr(t, "dtype", t)) for t in nest.flatten(dtype)
    ]


@export("map_fn")
def map_fn(
    fn: Callable[[Any], Any],
    elems: Any,
    dtype: Any = None,
    parallel_iterations: int | None = None,
    back_prop: bool = True,
    swap_memory: bool = False,
    infer_shape: bool = True,
    name: str | None = None,
    fn_output_signature: Any = None,
) -> Any:
    """Applies a function to each row of tensors.

    Source: the ``tf.compat.v1.map_fn`` documentation.

    Args:
        fn: A function of a row, or of a structure of rows.
        elems: A tensor, or a structure of tensors with as many rows.
        dtype: The element type of what the function gives, in its structure; as `elems` if None.
        parallel_iterations: Without effect.
        back_prop: Whether gradients flow through it.
        swap_memory: Without effect.
        infer_shape: Whether all results have one shape.
        name: Name of the scope of the operations.
        fn_output_signature: The same as `dtype`.

    Returns:
        The results, joined along a new first axis.

    Raises:
        TypeError: If the function can't be called.
        ValueError: If a tensor has no rows.
    """
    if not callable(fn):
        raise TypeError(f"fn must be callable, got {fn!r}.")
    with get_default_graph().name_scope(name or "map"):
        tensors = _tensors(elems, "map_fn")
        count = _length(tensors)
        form = fn_output_signature if dtype is None else dtype
        form = elems if form is None else form
        types = _types(form) if form is not elems else [t.dtype for t in tensors]
        inputs = _unstacked(tensors, count)
        outputs = [TensorArray(t, count, infer_shape=infer_shape) for t in types]

        def body(index: Tensor, arrays: list[TensorArray]) -> Any:
            result = fn(_row(elems, inputs, index))
            nest.assert_same_structure(form, result)
            pairs = zip(arrays, nest.flatten(result), strict=True)
            return index + 1, [array.write(index, value) for array, value in pairs]

        _, written = while_loop(
            lambda index, _: index < count, body, (0, outputs), back_prop=back_prop
        )
        results = [_stacked(array, count) for array in written]
        return nest.pack_sequence_as(form, results)


@export("scan")
def scan(
    fn: Callable[[Any, Any], Any],
    elems: Any,
    initializer: Any = None,
    parallel_iterations: int = 10,
    back_prop: bool = True,
    swap_memory: bool = False,
    infer_shape: bool = True,
    reverse: bool = False,
    name: str | None = None,
) -> Any:
    """Applies a function to the result so far and each row of tensors; gives all results.

    Source: the ``tf.scan`` documentation.

    Args:
        fn: A function of the result so far and a row.
        elems: A tensor, or a structure of tensors with as many rows.
        initializer: The result to begin with; the first row if None.
        parallel_iterations: Without effect.
        back_prop: Whether gradients flow through it.
        swap_memory: Without effect.
        infer_shape: Whether all results have one shape.
        reverse: Whether to begin with the last row.
        name: Name of the scope of the operations.

    Returns:
        The results, joined along a new first axis, in the structure of `initializer`.

    Raises:
        TypeError: If the function can't be called.
        ValueError: If a tensor has no rows.
    """
    if not callable(fn):
        raise TypeError(f"fn must be callable, got {fn!r}.")
    with get_default_graph().name_scope(name or "scan"):
        tensors = _tensors(elems, "scan")
        count = _length(tensors)
        inputs = _unstacked(tensors, count)
        first, begin, form = _begin(elems, inputs, initializer, count - 1 if reverse else 0)
        outputs = [TensorArray(t.dtype, count, infer_shape=infer_shape) for t in begin]
        if first:
            place = count - 1 if reverse else 0
            outputs = [a.write(place, t) for a, t in zip(outputs, begin, strict=True)]

        def body(step: Tensor, state: list[Tensor], arrays: list[TensorArray]) -> Any:
            index = count - 1 - step if reverse else step
            result = fn(nest.pack_sequence_as(form, state), _row(elems, inputs, index))
            nest.assert_same_structure(form, result)
            values = [convert_to_tensor(v) for v in nest.flatten(result)]
            written = [a.write(index, v) for a, v in zip(arrays, values, strict=True)]
            return step + 1, values, written

        _, _, arrays = while_loop(
            lambda step, *_: step < count, body, (first, begin, outputs), back_prop=back_prop
        )
        return nest.pack_sequence_as(form, [_stacked(array, count) for array in arrays])


def _begin(
    elems: Any, inputs: Sequence[TensorArray], initializer: Any, place: Any
) -> tuple[int, list[Tensor], Any]:
    """How many rows are used up, the result to begin with, and its structure."""
    if initializer is None:
        return 1, [array.read(place) for array in inputs], elems
    return 0, [convert_to_tensor(v) for v in nest.flatten(initializer)], initializer


def _folded(
    fn: Callable[[Any, Any], Any],
    elems: Any,
    initializer: Any,
    back_prop: bool,
    backwards: bool,
    name: str,
) -> Any:
    if not callable(fn):
        raise TypeError(f"fn must be callable, got {fn!r}.")
    with get_default_graph().name_scope(name):
        tensors = _tensors(elems, name)
        count = _length(tensors)
        inputs = _unstacked(tensors, count)
        first, begin, form = _begin(elems, inputs, initializer, count - 1 if backwards else 0)

        def body(step: Tensor, state: list[Tensor]) -> Any:
            index = count - 1 - step if backwards else step
            result = fn(nest.pack_sequence_as(form, state), _row(elems, inputs, index))
            return step + 1, [convert_to_tensor(v) for v in nest.flatten(result)]

        _, last = while_loop(
            lambda step, _: step < count, body, (first, begin), back_prop=back_prop
        )
        return nest.pack_sequence_as(form, last)


@export("foldl")
def foldl(
    fn: Callable[[Any, Any], Any],
    elems: Any,
    initializer: Any = None,
    parallel_iterations: int = 10,
    back_prop: bool = True,
    swap_memory: bool = False,
    name: str | None = None,
) -> Any:
    """Applies a function to the result so far and each row of tensors; gives the last result.

    Source: the ``tf.compat.v1.foldl`` documentation.

    Args:
        fn: A function of the result so far and a row.
        elems: A tensor, or a structure of tensors with as many rows.
        initializer: The result to begin with; the first row if None.
        parallel_iterations: Without effect.
        back_prop: Whether gradients flow through it.
        swap_memory: Without effect.
        name: Name of the scope of the operations.

    Returns:
        The result, in the structure of `initializer`.
    """
    return _folded(fn, elems, initializer, back_prop, False, name or "foldl")


@export("foldr")
def foldr(
    fn: Callable[[Any, Any], Any],
    elems: Any,
    initializer: Any = None,
    parallel_iterations: int = 10,
    back_prop: bool = True,
    swap_memory: bool = False,
    name: str | None = None,
) -> Any:
    """The same as `foldl`, from the last row to the first.

    Source: the ``tf.compat.v1.foldr`` documentation.

    Args:
        fn: A function of the result so far and a row.
        elems: A tensor, or a structure of tensors with as many rows.
        initializer: The result to begin with; the last row if None.
        parallel_iterations: Without effect.
        back_prop: Whether gradients flow through it.
        swap_memory: Without effect.
        name: Name of the scope of the operations.

    Returns:
        The result, in the structure of `initializer`.
    """
    return _folded(fn, elems, initializer, back_prop, True, name or "foldr")


# Choices.


def _pairs(pred_fn_pairs: Any) -> list[tuple[Tensor, Callable[[], Any]]]:
    if isinstance(pred_fn_pairs, dict):
        pred_fn_pairs = list(pred_fn_pairs.items())
    if not isinstance(pred_fn_pairs, (list, tuple)):
        raise TypeError("'pred_fn_pairs' must be a list, tuple, or dict")
    for pair in pred_fn_pairs:
        if not isinstance(pair, tuple) or len(pair) != 2:
            raise TypeError(f"Each entry in 'pred_fn_pairs' must be a 2-tuple. Received {pair!r}.")
        if not callable(pair[1]):
            raise TypeError(f"Function for condition {pair[0]!r} must be callable.")
    return [(convert_to_tensor(p, "bool"), function) for p, function in pred_fn_pairs]


@export("case")
def case(
    pred_fn_pairs: Any,
    default: Callable[[], Any] | None = None,
    exclusive: bool = False,
    strict: bool = False,
    name: str = "case",
) -> Any:
    """What the function of the first condition that holds gives.

    Source: the ``tf.compat.v1.case`` documentation.

    Args:
        pred_fn_pairs: Pairs of a scalar of bool and a function, in order.
        default: The function for the case that none holds; that is an error in the run if None.
        exclusive: Whether it is an error in the run that more than one holds.
        strict: Whether a list of one element stays a list.
        name: Name of the scope of the operations.

    Returns:
        What the function gives.

    Raises:
        TypeError: If pairs are not as they must be, or a function can't be called.
        ValueError: If there is no function.
    """
    with get_default_graph().name_scope(name):
        pairs = _pairs(pred_fn_pairs)
        if default is not None and not callable(default):
            raise TypeError("default must be callable.")
        if not pairs:
            if default is None:
                raise ValueError("case needs at least one pair, or a default.")
            return default()
        checks = [_at_most_one(pairs)] if exclusive and len(pairs) > 1 else []
        last = default or _refusing(pairs)
        with get_default_graph().control_dependencies(checks):
            return _chain(pairs, last, strict)


def _chain(
    pairs: Sequence[tuple[Tensor, Callable[[], Any]]], last: Callable[[], Any], strict: bool
) -> Any:
    (predicate, function), rest = pairs[0], pairs[1:]
    if not rest:
        return cond(predicate, function, last, strict=strict)
    return cond(predicate, function, lambda: _chain(rest, last, strict), strict=strict)


def _at_most_one(pairs: Sequence[tuple[Tensor, Callable[[], Any]]]) -> Operation:
    count = add_n([cast(predicate, "int32") for predicate, _ in pairs])
    message = "Input error: exclusive=True: more than 1 conditions evaluated as True: "
    return assert_(less_equal(count, 1), [message, *[p for p, _ in pairs]], summarize=len(pairs))


def _refusing(pairs: Sequence[tuple[Tensor, Callable[[], Any]]]) -> Callable[[], Any]:
    """The last function, if there is no default: after a check that its condition holds."""
    predicate, function = pairs[-1]

    def last() -> Any:
        message = "None of the conditions evaluated as True."
        with get_default_graph().control_dependencies([assert_(predicate, [message])]):
            return _identities(function())

    return last


def _identities(structure: Any) -> Any:
    from runtime.graph.ops.array import identity

    def kept(value: Any) -> Any:
        return value if isinstance(value, Operation) else identity(convert_to_tensor(value))

    return nest.map_structure(kept, structure)


@export("switch_case")
def switch_case(
    branch_index: TensorLike,
    branch_fns: Any,
    default: Callable[[], Any] | None = None,
    name: str = "switch_case",
) -> Any:
    """What the function with a number gives.

    Source: the ``tf.switch_case`` documentation.

    Args:
        branch_index: A scalar of int32.
        branch_fns: Functions: a list, a dictionary by numbers, or pairs of number and function.
        default: The function for all other numbers; the one with the largest number if None.
        name: Name of the scope of the operations.

    Returns:
        What the function gives.

    Raises:
        TypeError: If a function can't be called.
        ValueError: If there is no function, or a number is used twice.
    """
    numbered = _numbered(branch_fns)
    with get_default_graph().name_scope(name):
        index = convert_to_tensor(branch_index, "int32")
        last = default or numbered[-1][1]
        pairs = [(equal(index, number), function) for number, function in numbered]
        return _chain(pairs, last, False)


def _numbered(branch_fns: Any) -> list[tuple[int, Callable[[], Any]]]:
    if isinstance(branch_fns, dict):
        branch_fns = list(branch_fns.items())
    if all(callable(f) for f in branch_fns):
        branch_fns = list(enumerate(branch_fns))
    if not branch_fns:
        raise ValueError("switch_case needs at least one function.")
    numbered = sorted(branch_fns, key=lambda pair: pair[0])
    if len(dict(numbered)) != len(numbered):
        raise ValueError("switch_case: a number is used twice in branch_fns.")
    for _, function in numbered:
        if not callable(function):
            raise TypeError("switch_case: branch_fns must be functions.")
    return numbered
