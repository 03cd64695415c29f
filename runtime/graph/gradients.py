"""Symbolic gradients: operations that compute derivatives, added to the graph."""

import functools
import inspect
from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeAlias

from runtime import logging
from runtime.graph import dtypes, nest
from runtime.graph.choices import UnconnectedGradients
from runtime.graph.convert import convert_to_tensor
from runtime.graph.definition import (
    Definition,
    Gradient,
    Kernel,
    Spec,
    View,
    definition_of,
    not_differentiable,
)
from runtime.graph.dtypes import DType
from runtime.graph.export import export
from runtime.graph.graph import Graph, get_default_graph
from runtime.graph.indexed_slices import IndexedSlices, summed
from runtime.graph.keys import GraphKeys
from runtime.graph.operation import Operation, described
from runtime.graph.ops.array import IDENTITY, ones_like, reshape, stack, zeros, zeros_like
from runtime.graph.ops.math import ADD_N, CAST, add_n
from runtime.graph.ops.state import READ
from runtime.graph.ops.tensor_array import no_rows
from runtime.graph.shapes import compatible, element_count, fully_known
from runtime.graph.shapes import described as shape_text
from runtime.graph.tensor import Tensor
from runtime.graph.variables import Variable

# A gradient is a tensor, or for what was gathered from a tensor some of its rows.
Slope: TypeAlias = Tensor | IndexedSlices

# The operations whose rules take rows as they are; others are given a tensor.
_PASSING = (IDENTITY, READ, CAST)


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
    unconnected_gradients: Any = UnconnectedGradients.NONE,
) -> list[Any]:
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
        unconnected_gradients: `UnconnectedGradients.ZERO` or ``"zero"`` for zeros in place of
            None.

    Returns:
        For each of `xs` the sum of the derivatives of all `ys` by it; None if there is no path.
        `IndexedSlices` for what was only gathered from.

    Raises:
        LookupError: If an operation on the way has no gradient.
        TypeError: If something to differentiate is not of floating-point numbers.
        ValueError: If there are not as many `grad_ys` as `ys`, or `unconnected_gradients` is
            something else.
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
        zero = UnconnectedGradients(unconnected_gradients) is UnconnectedGradients.ZERO
        return [
            zeros_like(x) if g is None and zero else g for x, g in zip(sources, found, strict=True)
        ]


@export("hessians")
def hessians(
    ys: Any,
    xs: Any,
    name: str = "hessians",
    colocate_gradients_with_ops: bool = False,
    gate_gradients: Any = False,
    aggregation_method: Any = None,
) -> list[Tensor]:
    """The second derivatives of the sum of some tensors by the elements of others.

    Source: the ``tf.compat.v1.hessians`` documentation.

    Args:
        ys: A tensor, or a list of tensors.
        xs: A tensor or variable, or a list of these.
        name: Name of the scope of the operations.
        colocate_gradients_with_ops: Without effect.
        gate_gradients: Without effect.
        aggregation_method: Without effect.

    Returns:
        For each of `xs` a tensor with its axes twice.

    Raises:
        ValueError: If there is no path.
    """
    return [_hessian(ys, x, name) for x in _listed(xs)]


def _hessian(ys: Any, x: Any, name: str) -> Tensor:
    tensor = convert_to_tensor(x)
    count = element_count(tensor.dims)
    (first,) = gradients(ys, [x], name=name)
    if first is None:
        raise ValueError(f"hessians needs an x that ys depend on, not {tensor!r}.")
    flat = reshape(convert_to_tensor(first), [-1])
    if count is None:
        return _hessian_in_a_loop(flat, x, tensor)
    rows = [
        convert_to_tensor(gradients(flat[i], [x], unconnected_gradients="zero")[0])
        for i in range(count)
    ]
    dims: Any = tensor.dims
    return reshape(stack(rows), [*dims, *dims])


def _hessian_in_a_loop(flat: Tensor, x: Any, tensor: Tensor) -> Tensor:
    """Row by row, for an x whose number of elements only a run knows."""
    from runtime.graph.ops.array import concat, range_, shape
    from runtime.graph.ops.functional import map_fn

    def row(index: Tensor) -> Tensor:
        found = gradients(flat[index], [x], unconnected_gradients="zero")[0]
        return reshape(convert_to_tensor(found), [-1])

    rows = map_fn(row, range_(shape(flat)[0]), dtype=tensor.dtype, back_prop=False)
    return reshape(rows, concat([shape(tensor), shape(tensor)], 0))


def _listed(values: Any) -> list[Any]:
    return list(values) if isinstance(values, (list, tuple)) else [values]


def _source(x: Any) -> Tensor:
    return x._ref() if isinstance(x, Variable) else convert_to_tensor(x)


def dense_gradients(
    graph: Graph, ys: Iterable[tuple[Tensor, Tensor]], xs: Sequence[Tensor]
) -> list[Tensor | None]:
    """The partial derivatives of tensors by others, none of which is seen through.

    Args:
        graph: The graph.
        ys: Pairs of a tensor and the gradient that begins there.
        xs: Tensors to differentiate by.

    Returns:
        For each of `xs` a tensor; None if there is no path.
    """
    walk = _Backward(graph, xs, set(xs))
    for y, gradient in ys:
        if is_differentiable(y.dtype):
            walk.begin(y, gradient)
    return [None if g is None else convert_to_tensor(g) for g in walk.run()]


def is_differentiable(dtype: DType) -> bool:
    """Whether gradients flow through tensors of a type: numbers, and arrays of tensors.

    Args:
        dtype: The type.

    Returns:
        True for floating-point and complex numbers and for what a `TensorArray` holds.
    """
    return dtype.is_floating or dtype.is_complex or dtype is dtypes.variant


def no_gradient(x: Tensor) -> Tensor:
    """The gradient of a tensor that nothing depends on.

    Args:
        x: The tensor.

    Returns:
        Zeros of its shape.
    """
    if x.dtype is dtypes.variant:
        return no_rows()
    return zeros(list(x.dims), x.dtype) if fully_known(x.dims) else zeros_like(x)  # type: ignore[arg-type]  # known


def _without_lead(gradient: Tensor, y: Tensor) -> Tensor:
    """A gradient without axes of size 1 in front, such as those of a list with one tensor."""
    if not fully_known(gradient.dims) or not fully_known(y.dims):
        return gradient
    have, wanted = tuple(gradient.dims or ()), tuple(y.dims or ())
    lead = len(have) - len(wanted)
    return (
        reshape(gradient, list(wanted)) if lead > 0 and have == (1,) * lead + wanted else gradient
    )


class _Backward:
    """Goes from the targets back to the sources, in the reverse order of creation."""

    def __init__(self, graph: Graph, sources: Sequence[Tensor], stops: set[Tensor]) -> None:
        self._graph = graph
        self._sources = sources
        self._stops = stops
        self._between = _reached_from(sources, stops)
        self._collected: dict[Tensor, list[Slope]] = {}
        self._open: set[Operation] = set()

    def begin(self, y: Tensor, gradient: Any) -> None:
        """Sets the gradient of a target."""
        if not is_differentiable(y.dtype):
            logging.warning("The gradient of %s is None: it is of %s.", y.name, y.dtype.name)
            return
        if gradient is None and y.dtype.is_complex:
            raise TypeError(
                f"Gradients of complex tensors ({y!r}) must set grad_ys (y.dtype = {y.dtype.name})"
            )
        if gradient is None:
            value = ones_like(y, name=f"grad_ys_{len(self._collected)}")
        else:
            value = convert_to_tensor(gradient, y.dtype)
            value = _without_lead(value, y)
            if not compatible(value.dims, y.dims):
                raise ValueError(
                    f"grad_ys of shape {shape_text(value.dims)} does not fit {y.name!r} of "
                    f"shape {shape_text(y.dims)}."
                )
        self._collect(y, value)

    def _collect(self, tensor: Tensor, gradient: Slope) -> None:
        self._collected.setdefault(tensor, []).append(gradient)
        if tensor.op in self._between:
            self._open.add(tensor.op)

    def run(self) -> list[Slope | None]:
        """The gradients of the sources."""
        while self._open:
            op = max(self._open, key=lambda candidate: candidate.number)
            self._open.remove(op)
            self._visit(op)
        return [self._total(x) for x in self._sources]

    def _total(self, tensor: Tensor) -> Slope | None:
        """The sum of what was collected for a tensor, made once."""
        parts = self._collected.get(tensor)
        if not parts:
            return None
        if len(parts) > 1:
            self._collected[tensor] = parts = [_sum(parts)]
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

    def _output_gradients(self, op: Operation) -> Sequence[Slope | None]:
        found = [None if t in self._stops else self._total(t) for t in op.outputs]
        if op.definition in _PASSING:
            return found
        totals = [None if g is None else convert_to_tensor(g) for g in found]
        given = [t is not None for t in totals]
        if any(given) and not given[0] and is_differentiable(op.outputs[0].dtype):
            totals[0] = no_gradient(op.outputs[0])
        return totals

    def _differentiated(self, op: Operation, totals: Sequence[Slope | None]) -> Iterable[Any]:
        if all(total is None for total in totals):
            return [None] * len(op.inputs)
        rule = _rule(op)
        if rule is None:
            if not any(is_differentiable(t.dtype) for t in op.inputs):
                return [None] * len(op.inputs)
            raise LookupError(f"No gradient is defined for {described(op)}.")
        return rule(op, *totals)  # type: ignore[no-any-return]  # rules are untyped


def _rule(op: Operation) -> Gradient | None:
    override = op.attributes.get("_gradient_op_type")
    if override is None:
        return op.definition.gradient
    known = definition_of(override)
    rule = _REGISTERED.get(override) or (None if known is None else known.gradient)
    if rule is None:
        raise LookupError(
            f"No gradient of the name {override!r} is registered, for {described(op)}."
        )
    return lambda op, *gradients: _complete(op, _listed(rule(op, *gradients)))


def _complete(op: Operation, found: list[Any]) -> list[Any]:
    if len(found) != len(op.inputs):
        raise ValueError(
            f"Num gradients {len(found)} generated for {described(op)} do not match num inputs "
            f"{len(op.inputs)}."
        )
    return found


_REGISTERED: dict[str, Gradient] = {}


@export("RegisterGradient")
class RegisterGradient:
    """Registers a gradient under a name, for `Graph.gradient_override_map`.

    Source: the ``tf.RegisterGradient`` documentation. The gradients of the operations that exist
    here can't be replaced by registering one under their type.

    Args:
        op_type: The name.

    Raises:
        TypeError: If the name is no string.
    """

    def __init__(self, op_type: str) -> None:
        if not isinstance(op_type, str):
            raise TypeError("op_type must be a string")
        self._op_type = op_type

    def __call__(self, f: Gradient) -> Gradient:
        """Registers a function of the operation and the gradients of its outputs.

        Args:
            f: The function; it gives the gradient of each input, or None.

        Returns:
            The function.

        Raises:
            KeyError: If there is one of that name.
        """
        if self._op_type in _REGISTERED or definition_of(self._op_type) is not None:
            raise KeyError(f"Registering two gradients with name '{self._op_type}'!")
        _REGISTERED[self._op_type] = f
        return f


@export("NoGradient", "NotDifferentiable", "no_gradient")
def no_gradient_for(op_type: str) -> None:
    """Registers that no gradient flows through operations of a type.

    Args:
        op_type: The name, for `Graph.gradient_override_map`.

    Raises:
        TypeError: If the name is no string.
    """
    RegisterGradient(op_type)(not_differentiable)


@export("custom_gradient")
def custom_gradient(f: Callable[..., Any] | None = None) -> Callable[..., Any]:
    """Makes a function that has a gradient of its own.

    Source: the ``tf.custom_gradient`` documentation.

    Args:
        f: A function of tensors that gives a result (a tensor, or a list of them) and a function
            that gives the gradients of the arguments from those of the result. If `f` uses
            trainable variables, that one also takes a list ``variables=`` and gives two lists:
            the gradients of the arguments, and those of the variables.

    Returns:
        The function, which gives the result only; what decorates a function if `f` is None.

    Raises:
        TypeError: When the function is called, if `f` uses variables and the other function does
            not take them.
    """
    if f is None:
        return custom_gradient

    @functools.wraps(f)
    def decorated(*args: Any, **kwargs: Any) -> Any:
        inputs = [convert_to_tensor(a) for a in args]
        graph = get_default_graph()
        before = len(graph.get_operations())
        result, backward = f(*inputs, **kwargs)
        variables = _trained_in(graph.get_operations()[before:], inputs)
        backward = _with_variables(backward, variables)
        outputs = [convert_to_tensor(r) for r in nest.flatten(result)]
        weights = [convert_to_tensor(variable) for variable in variables]
        given = _CUSTOM(*outputs, *inputs, *weights, count=len(outputs), function=backward)
        listed = [given] if isinstance(given, Tensor) else list(given)
        return nest.pack_sequence_as(result, listed)

    return decorated


def _trained_in(ops: Sequence[Operation], inputs: Sequence[Tensor]) -> list[Variable]:
    """The trainable variables that operations use, beside what was handed in."""
    used = {tensor for op in ops for tensor in op.inputs} - set(inputs)
    trained = get_default_graph().get_collection(GraphKeys.TRAINABLE_VARIABLES)
    return [v for v in trained if v._ref() in used or v._as_tensor() in used]


def _with_variables(backward: Callable[..., Any], variables: list[Variable]) -> Any:
    """A function for the gradients of arguments and variables alike, in one list."""
    if not variables:
        return backward
    parameters = inspect.signature(backward).parameters.values()
    if not any(p.name == "variables" or p.kind is p.VAR_KEYWORD for p in parameters):
        raise TypeError(
            "If using @custom_gradient with a function that uses variables "
            f"({', '.join(v.name for v in variables)}), then grad_fn must accept a 'variables' "
            "keyword argument."
        )

    def both(*gradients: Any) -> list[Any]:
        first, of_variables = backward(*gradients, variables=variables)
        return [*_listed(first), *_listed(of_variables)]

    return both


def _custom_gradient(op: Operation, *gradients: Tensor | None) -> list[Any]:
    pairs = zip(gradients, op.outputs, strict=True)
    given = [no_gradient(y) if dy is None else dy for dy, y in pairs]
    return [*[None] * op.attributes["count"], *_listed(op.attributes["function"](*given))]


def _custom_kernel(view: View) -> Kernel:
    count = view["count"]
    return lambda *values: values[:count] if count > 1 else values[0]


_CUSTOM: Definition = Definition(
    "IdentityWithGradient",
    lambda view: tuple([Spec(s.dtype, s.dims) for s in view.inputs[: view["count"]]]),
    bind=_custom_kernel,
    aliases=True,
    gradient=_custom_gradient,
)


@export("grad_pass_through")
def grad_pass_through(f: Callable[..., Any]) -> Callable[..., Any]:
    """Makes a function through which gradients flow as if it gave its arguments.

    Args:
        f: A function of tensors.

    Returns:
        The function.
    """
    return custom_gradient(lambda *args: (f(*args), lambda *gradients: list(gradients)))


def _sum(parts: Sequence[Slope]) -> Slope:
    slices = [part for part in parts if isinstance(part, IndexedSlices)]
    if len(slices) == len(parts):
        return summed(slices)
    tensors = [convert_to_tensor(part) for part in parts]
    if tensors[0].dtype is dtypes.variant:
        total: Tensor = ADD_N(*tensors)
        return total
    return add_n(tensors)


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
