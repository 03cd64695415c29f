"""Conditions: operations of which only those of one branch run.

A condition is one operation with two bodies. It is compiled into the plan as a function for each
branch; only what the run needs of a branch is in it.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from runtime.graph import dtypes, nest
from runtime.graph.bodies import Body
from runtime.graph.convert import TensorLike, convert_to_tensor
from runtime.graph.definition import Definition, Kernel, Nested, Spec, View
from runtime.graph.export import export
from runtime.graph.graph import Graph, get_default_graph
from runtime.graph.operation import Operation
from runtime.graph.ops.array import identity
from runtime.graph.ops.tensor_array import as_flow, like
from runtime.graph.plan import Request, interpreted
from runtime.graph.shapes import compatible, generalised
from runtime.graph.tensor import Tensor


def values_of(view: View) -> tuple[list[Tensor], list[Spec]]:
    """What an operation feeds to its bodies: the tensors in them, and what is known of these."""
    feeds: list[Tensor] = view["feeds"]
    return feeds, list(view.inputs[view["own"] : view["own"] + len(feeds)])


def request_for(
    results: Sequence[Tensor | None],
    feeds: Sequence[Tensor],
    specs: Sequence[Spec],
    kept: Any,
) -> Request:
    """What to compile for a body.

    Args:
        results: What it gives; None for nothing.
        feeds: What is fed to it.
        specs: What is known of that.
        kept: The variables that it may not update in place.

    Returns:
        The request for a plan that returns the results: the only one, or a tuple.
    """
    wanted = [t for t in results if t is not None]

    def source(values: Sequence[str]) -> str:
        names = iter(values)
        parts = ["None" if t is None else next(names) for t in results]
        return parts[0] if len(parts) == 1 else f"({''.join(f'{part}, ' for part in parts)})"

    return Request(wanted, source, feeds, specs, {}, kept=kept)


def handles_of(op: Operation) -> range:
    """The inputs of an operation with bodies that are variables and queues."""
    return range(len(op.inputs) - op.attributes["handles"], len(op.inputs))


def kept_variables(view: View) -> set[Operation]:
    """The variables that the bodies of an operation may not update in place."""
    inputs = zip(view.op.inputs, view.inputs, strict=True)
    return {t.op for t, spec in inputs if t.op.definition.state is not None and not spec.exclusive}


def joined(bodies: Sequence[Body]) -> tuple[list[Tensor], list[Tensor], list[Tensor]]:
    """What bodies use from outside.

    Args:
        bodies: The bodies of one operation.

    Returns:
        The tensors as they are known inside, the tensors outside that they are, and the
        variables and queues.
    """
    feeds: dict[Tensor, Tensor] = {}
    handles: dict[Tensor, None] = {}
    for body in bodies:
        feeds.update(body.feeds)
        handles.update(body.handles)
    return list(feeds), list(feeds.values()), list(handles)


def owned(
    definition: Definition,
    own: Sequence[Tensor],
    bodies: Sequence[Body],
    name: str,
    **attributes: Any,
) -> Operation:
    """Adds an operation that carries out bodies.

    Args:
        definition: Its type.
        own: Its own inputs, before what the bodies use from outside.
        bodies: The bodies.
        name: Its name.
        **attributes: What else its kernel needs.

    Returns:
        The operation.
    """
    feeds, sources, handles = joined(bodies)
    attributes |= {"feeds": feeds, "own": len(own), "handles": len(handles), "bodies": bodies}
    graph = get_default_graph()
    with graph.control_dependencies([op for body in bodies for op in body.controls]):
        op = graph.create(definition, [*own, *sources, *handles], attributes, name)
    for body in bodies:
        body.own(op)
    return op


def _if_spec(view: View) -> tuple[Spec, ...]:
    feeds, specs = values_of(view)
    found: list[list[Spec | None]] = []
    for body in view["bodies"]:
        wanted = [t for t in body.results if t is not None]
        known = iter(interpreted(wanted, feeds, specs))
        found.append([None if t is None else next(known) for t in body.results])
    return tuple([_either(a, b) for a, b in zip(*found, strict=True)])


def _either(first: Spec | None, second: Spec | None) -> Spec:
    """What is known of a value that one of two branches gives."""
    given = second if first is None else first
    assert given is not None  # each result is one of a branch at least
    other = second or given
    return Spec(given.dtype, generalised(given.dims, other.dims))


def _if_nested(view: View, used: Sequence[bool]) -> Nested:
    feeds, specs = values_of(view)
    kept = kept_variables(view)
    requests = []
    for body in view["bodies"]:
        results = [t if use else None for t, use in zip(body.results, used, strict=True)]
        requests.append(request_for(results, feeds, specs, kept))
    return Nested(requests, _chosen)


def _chosen(on_true: Kernel, on_false: Kernel) -> Kernel:
    def choose(predicate: Any, *values: Any) -> Any:
        return on_true(*values) if predicate else on_false(*values)

    return choose


def _save(op: Operation, body: Body, tensor: Tensor) -> Tensor:
    """An output with the value of a tensor of a branch; nothing if the other one is taken."""
    for branch in op.attributes["bodies"]:
        branch.results.append(tensor if branch is body else None)
    output = Tensor(op, len(op.outputs), Spec(tensor.dtype, tensor.dims))
    op.outputs.append(output)
    return output


def _if_gradient(op: Operation, *gradients: Tensor | None) -> list[Tensor | None]:
    """Another condition, whose branches are the gradients of those of the first."""
    bodies: list[Body] = op.attributes["bodies"]
    sources: list[Tensor] = op.attributes["feeds"]
    found = [_backward(op, body, sources, gradients) for body in bodies]
    wanted = [i for i in range(len(sources)) if any(part[i] is not None for _, part in found)]
    result: list[Tensor | None] = [None] * len(op.inputs)
    if not wanted:
        return result
    for body, part in found:
        with op.graph.inside(body):
            body.results = [_filled(body, part[i], op.inputs[1 + i]) for i in wanted]
    slopes = owned(IF, op.inputs[:1], [body for body, _ in found], "Switch").outputs
    for index, slope in zip(wanted, slopes, strict=True):
        result[1 + index] = slope
    return result


def _backward(
    op: Operation, forward: Body, sources: Sequence[Tensor], gradients: Sequence[Tensor | None]
) -> tuple[Body, Sequence[Tensor | None]]:
    from runtime.graph.gradients import dense_gradients

    body = Body(f"the gradient of {forward.what}", op.graph.body, forward)
    ys = [
        (y, dy)
        for y, dy in zip(forward.results, gradients, strict=False)
        if dy is not None and y is not None
    ]
    with op.graph.inside(body):
        return body, dense_gradients(op.graph, ys, sources)


def _filled(body: Body, gradient: Tensor | None, source: Tensor) -> Tensor:
    from runtime.graph.gradients import no_gradient

    result = no_gradient(source) if gradient is None else gradient
    body.take(result, reference=False)
    return result


IF: Definition = Definition(
    "If",
    _if_spec,
    nested=_if_nested,
    save=_save,
    references=handles_of,
    stateful=True,
    aliases=True,
    gradient=_if_gradient,
)


def built(graph: Graph, body: Body, function: Callable[..., Any], *arguments: Any) -> Any:
    """Calls a user's function, whose operations go into a body.

    Args:
        graph: The graph.
        body: The body.
        function: The function.
        *arguments: What it is called with.

    Returns:
        What it returned.
    """
    with graph.inside(body):
        return function(*arguments)


def as_result(graph: Graph, body: Body, value: Any, what: str) -> Tensor:
    """A tensor of a body for something that a user's function returned.

    Args:
        graph: The graph.
        body: The body.
        value: A tensor, what converts to one, or an operation.
        what: The function, for messages.

    Returns:
        A tensor that can be given out.

    Raises:
        ValueError: If it is None.
    """
    if value is None:
        raise ValueError(f"{what} must have a return value, but it returned None.")
    with graph.inside(body):
        if isinstance(value, Operation):
            with graph.control_dependencies([value]):
                return convert_to_tensor(identity(np.bool_(True)))
        return identity(convert_to_tensor(value))


@export("cond")
def cond(
    pred: TensorLike,
    true_fn: Callable[[], Any] | None = None,
    false_fn: Callable[[], Any] | None = None,
    strict: bool = False,
    name: str | None = None,
    fn1: Callable[[], Any] | None = None,
    fn2: Callable[[], Any] | None = None,
) -> Any:
    """What one of two functions gives, depending on a condition.

    Operations that a function makes run only if its branch is taken. What they use from outside
    is computed in any case.

    Source: the ``tf.compat.v1.cond`` documentation.

    Args:
        pred: A scalar of bool.
        true_fn: A function without arguments that gives a tensor, an operation, or a structure
            of these: what is taken if the condition holds.
        false_fn: The same for the other case. Structure and element types must be the same.
        strict: Whether a list of one element stays a list.
        name: Name of the scope of the operations.
        fn1: The old name of `true_fn`.
        fn2: The old name of `false_fn`.

    Returns:
        The tensors, in the structure that the functions return; a bool tensor for an operation.

    Raises:
        TypeError: If the condition is a Python bool, a function can't be called, or the
            structures differ.
        ValueError: If the element types differ, a function returns nothing, or the condition is
            no scalar.
    """
    functions = (_only(true_fn, fn1, "true_fn", "fn1"), _only(false_fn, fn2, "false_fn", "fn2"))
    if isinstance(pred, bool):
        raise TypeError("pred must not be a Python bool; use `if`, or give a tensor.")
    graph = get_default_graph()
    with graph.name_scope(name or "cond") as scope:
        predicate = convert_to_tensor(pred, dtypes.bool, name="pred_id")
        if not compatible(predicate.dims, ()):
            raise ValueError(
                f"pred of the condition {scope[:-1]!r} must be a scalar: {predicate!r}."
            )
        return _cond(graph, scope[:-1], predicate, functions, strict)


def _only(new: Any, old: Any, new_name: str, old_name: str) -> Callable[[], Any]:
    if new is not None and old is not None:
        raise TypeError(f"cond(): {new_name} and {old_name} can't both be given.")
    function = old if new is None else new
    if function is None:
        raise TypeError(f"cond(): the argument {new_name} is needed.")
    if not callable(function):
        raise TypeError(f"{new_name} must be callable.")
    return function  # type: ignore[no-any-return]  # it is callable


def _cond(
    graph: Graph,
    scope: str,
    predicate: Tensor,
    functions: Sequence[Callable[[], Any]],
    strict: bool,
) -> Any:
    structures, bodies = [], []
    for function, label in zip(functions, ("true_fn", "false_fn"), strict=True):
        body = Body(f"a branch ({label}) of the condition {scope!r}", graph.body)
        structure = built(graph, body, function)
        values = map(as_flow, nest.flatten(structure, expand_composites=True))
        body.results = [as_result(graph, body, value, label) for value in values]
        structures.append(structure)
        bodies.append(body)
    _check_same(structures, bodies)
    op = owned(IF, [predicate], bodies, "Switch")
    given = zip(nest.flatten(structures[0], expand_composites=True), op.outputs, strict=True)
    merged = [like(value, identity(t, name="Merge")) for value, t in given]
    result = nest.pack_sequence_as(structures[0], merged, expand_composites=True)
    if not strict and isinstance(result, (list, tuple)) and len(result) == 1:
        return result[0]
    return result


def _check_same(structures: Sequence[Any], bodies: Sequence[Body]) -> None:
    try:
        nest.assert_same_structure(*structures)
    except (TypeError, ValueError) as error:
        raise TypeError(f"Incompatible return types of true_fn and false_fn: {error}") from None
    if len(bodies[0].results) != len(bodies[1].results):
        raise TypeError(
            "Incompatible return types of true_fn and false_fn: one gives a tensor where the other "
            f"gives sparse elements or rows: {structures[0]!r}, {structures[1]!r}."
        )
    for one, other in zip(bodies[0].results, bodies[1].results, strict=True):
        assert one is not None and other is not None
        if one.dtype is not other.dtype:
            raise ValueError(
                "Outputs of true_fn and false_fn must have the same type: "
                f"{one.dtype.name}, {other.dtype.name}"
            )
