"""Symbolic gradients: operations that compute derivatives, added to the graph."""

from collections.abc import Iterable, Sequence
from typing import Any

from runtime.graph.convert import convert_to_tensor
from runtime.graph.export import export
from runtime.graph.graph import Graph
from runtime.graph.operation import Operation, described
from runtime.graph.ops.array import ones_like, zeros_like
from runtime.graph.ops.math import add_n
from runtime.graph.shapes import compatible
from runtime.graph.shapes import described as shape_text
from runtime.graph.tensor import Tensor
from runtime.graph.variables import Variable


class AggregationMethod:
    """How gradients of several uses of a tensor are added; all ways are the same here."""

    ADD_N = 0
    DEFAULT = 0
    EXPERIMENTAL_TREE = 1
    EXPERIMENTAL_ACCUMULATE_N = 2


export("AggregationMethod")(AggregationMethod)


@export("gradients")
def gradients(
    ys: Any,
    xs: Any,
    grad_ys: Any = None,
    name: str = "gradients",
    colocate_gradients_with_ops: bool = False,
    gate_gradients: Any = False,
    aggregation_method: Any = None,
    stop_gradients: Any = None,
    unconnected_gradients: Any = None,
) -> list[Tensor | None]:
    """The derivatives of the sum of some tensors by others.

    Source: the ``tf.compat.v1.gradients`` documentation.

    Args:
        ys: A tensor, or a list of tensors.
        xs: A tensor or variable, or a list of these.
        grad_ys: For each of `ys` what its gradient begins with; ones if None.
        name: Name of the scope of the operations.
        colocate_gradients_with_ops: Without effect.
        gate_gradients: Without effect.
        aggregation_method: Without effect.
        stop_gradients: Tensors through which no gradient flows.
        unconnected_gradients: ``"zero"`` for zeros in place of None.

    Returns:
        For each of `xs` the sum of the derivatives of all `ys` by it; None if there is no path.

    Raises:
        LookupError: If an operation on the way has no gradient.
        TypeError: If something to differentiate is not of floating-point numbers.
        ValueError: If there are not as many `grad_ys` as `ys`.
    """
    targets = [convert_to_tensor(y) for y in _listed(ys)]
    sources = [_source(x) for x in _listed(xs)]
    stops = {_source(x) for x in _listed(stop_gradients or [])}
    given = [None] * len(targets) if grad_ys is None else _listed(grad_ys)
    if len(given) != len(targets):
        raise ValueError(f"Must have as many grad_ys as ys: {len(given)} != {len(targets)}.")
    if not targets:
        return [None] * len(sources)
    graph = targets[0].graph
    with graph.as_default(), graph.name_scope(name):
        walk = _Backward(graph, sources, stops)
        for y, gradient in zip(targets, given, strict=True):
            walk.begin(y, gradient)
        found = walk.run()
        zero = getattr(unconnected_gradients, "value", unconnected_gradients) == "zero"
        return [
            zeros_like(x) if g is None and zero else g for x, g in zip(sources, found, strict=True)
        ]


def _listed(values: Any) -> list[Any]:
    return list(values) if isinstance(values, (list, tuple)) else [values]


def _source(x: Any) -> Tensor:
    return x._ref() if isinstance(x, Variable) else convert_to_tensor(x)


class _Backward:
    """Goes from the targets back to the sources, in the reverse order of creation."""

    def __init__(self, graph: Graph, sources: Sequence[Tensor], stops: set[Tensor]) -> None:
        self._graph = graph
        self._sources = sources
        self._stops = stops
        self._between = _reached_from(sources, stops)
        self._collected: dict[Tensor, list[Tensor]] = {}
        self._open: set[Operation] = set()

    def begin(self, y: Tensor, gradient: Any) -> None:
        """Sets the gradient of a target."""
        if not (y.dtype.is_floating or y.dtype.is_complex):
            raise TypeError(
                f"Gradients of {y.name!r} can't be taken: it is of {y.dtype.name}, and only "
                "floating-point tensors have gradients."
            )
        if gradient is None:
            value = ones_like(y, name=f"grad_ys_{len(self._collected)}")
        else:
            value = convert_to_tensor(gradient, y.dtype)
            if not compatible(value.dims, y.dims):
                raise ValueError(
                    f"grad_ys of shape {shape_text(value.dims)} does not fit {y.name!r} of "
                    f"shape {shape_text(y.dims)}."
                )
        self._collect(y, value)

    def _collect(self, tensor: Tensor, gradient: Tensor) -> None:
        self._collected.setdefault(tensor, []).append(gradient)
        if tensor.op in self._between:
            self._open.add(tensor.op)

    def run(self) -> list[Tensor | None]:
        """The gradients of the sources."""
        while self._open:
            op = max(self._open, key=lambda candidate: candidate.number)
            self._open.remove(op)
            self._visit(op)
        return [self._total(x) for x in self._sources]

    def _total(self, tensor: Tensor) -> Tensor | None:
        """The sum of what was collected for a tensor, made once."""
        parts = self._collected.get(tensor)
        if not parts:
            return None
        if len(parts) > 1:
            self._collected[tensor] = parts = [add_n(parts)]
        return parts[0]

    def _visit(self, op: Operation) -> None:
        inputs = [t for t in op.inputs if self._counts(t)]
        if not inputs:
            return
        with self._graph.name_scope(f"{op.name}_grad"):
            totals = self._output_gradients(op)
            found = self._differentiated(op, totals)
        for tensor, gradient in zip(op.inputs, found, strict=True):
            if gradient is not None and self._counts(tensor):
                self._collect(tensor, gradient)

    def _counts(self, tensor: Tensor) -> bool:
        """Whether a gradient flows on into a tensor."""
        if tensor in self._stops and tensor not in self._sources:
            return False
        return tensor.op in self._between or tensor in self._sources

    def _output_gradients(self, op: Operation) -> list[Tensor | None]:
        totals = [None if t in self._stops else self._total(t) for t in op.outputs]
        first = totals[0]
        if first is None and any(t is not None for t in totals):
            totals[0] = zeros_like(op.outputs[0])
        return totals

    def _differentiated(self, op: Operation, totals: list[Tensor | None]) -> Iterable[Any]:
        if all(total is None for total in totals):
            return [None] * len(op.inputs)
        rule = op.definition.gradient
        if rule is None:
            raise LookupError(f"No gradient is defined for {described(op)}.")
        return rule(op, *totals)  # type: ignore[no-any-return]  # rules are untyped


def _reached_from(sources: Sequence[Tensor], stops: set[Tensor]) -> set[Operation]:
    """The operations that depend on the sources."""
    reached: set[Operation] = set()
    stack = list(sources)
    while stack:
        tensor = stack.pop()
        for op in tensor._consumers:
            if op not in reached:
                reached.add(op)
                stack.extend(t for t in op.outputs if t not in stops)
    return reached
