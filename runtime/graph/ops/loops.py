"""Loops: operations that are carried out again and again while a condition holds.

A loop is one operation with two bodies, the condition and what is repeated; each is compiled into
a function. For gradients the loop keeps, in each iteration, those values that the gradient uses:
their memory grows with the number of iterations, until the gradient was computed.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import attrs
import numpy as np

from runtime import errors
from runtime.graph import dtypes, nest
from runtime.graph.bodies import Body
from runtime.graph.convert import TensorLike, convert_to_tensor
from runtime.graph.definition import Definition, Kernel, Nested, Spec, View, not_differentiable
from runtime.graph.export import export
from runtime.graph.graph import Graph, get_default_graph
from runtime.graph.operation import Operation
from runtime.graph.ops.array import identity
from runtime.graph.ops.cond import built, handles_of, owned, values_of
from runtime.graph.ops.math import less, logical_and
from runtime.graph.ops.rules import as_attributes
from runtime.graph.ops.tensor_array import Rows, TensorArray, as_flow, like
from runtime.graph.plan import Request, interpreted
from runtime.graph.shapes import Dims, as_dims, compatible, described, generalised, merged
from runtime.graph.state import DEADLINE
from runtime.graph.tensor import Tensor

LOOP_VARIABLE: Definition = Definition(
    "LoopVariable", as_attributes, stateful=True, reading=True, gradient=not_differentiable
)


def _argument(tensor: Tensor, dims: Dims, name: str) -> Tensor:
    result: Tensor = LOOP_VARIABLE(dtype=tensor.dtype, dims=dims, name=name)
    return result


# What is known of the values of a loop.


def _settled(
    view: View, body: Body, dims: list[Dims], more: Sequence[tuple[Tensor, Spec]]
) -> list[Spec]:
    """What is known of a body's results in every iteration.

    Args:
        view: The loop.
        body: What it repeats.
        dims: The shapes of its variables at the beginning; what is known of them in every
            iteration afterwards.
        more: Other tensors that are fed to it, and what is known of them.

    Returns:
        One spec for each result of the body.
    """
    feeds, specs = values_of(view)
    arguments = body.arguments
    results = [t for t in body.results if t is not None]
    while True:
        known = [Spec(a.dtype, d) for a, d in zip(arguments, dims, strict=True)]
        found = interpreted(
            results,
            [*arguments, *[t for t, _ in more], *feeds],
            [*known, *[spec for _, spec in more], *specs],
        )
        wider = [
            merged(generalised(d, spec.dims), a.dims)
            for a, d, spec in zip(arguments, dims, found[: len(dims)], strict=True)
        ]
        if wider == dims:
            return found
        dims[:] = wider


def _loop_dims(view: View) -> tuple[list[Dims], list[Spec]]:
    dims = [spec.dims for spec in view.inputs[: view["own"]]]
    found = _settled(view, view["bodies"][1], dims, ())
    return dims, found


def _while_spec(view: View) -> tuple[Spec, ...]:
    dims, found = _loop_dims(view)
    variables = [Spec(s.dtype, d) for s, d in zip(view.inputs, dims, strict=False)]
    return (*variables, *[_stack_spec(spec) for spec in found[len(dims) :]])


def _stack_spec(element: Spec) -> Spec:
    spec = Spec(dtypes.variant, (None,))
    spec.element = Spec(element.dtype, element.dims)
    return spec


def _tuple_of(values: Sequence[str]) -> str:
    return f"({''.join(f'{value}, ' for value in values)})"


def _while_nested(view: View, used: Sequence[bool]) -> Nested:
    count = view["own"]
    test, body = view["bodies"]
    feeds, specs = values_of(view)
    dims, _ = _loop_dims(view)
    known = [Spec(a.dtype, d) for a, d in zip(body.arguments, dims, strict=True)]
    kept = {t.op for t in view.op.inputs}
    saved = [i for i in range(count, len(used)) if used[i]]
    results = [*body.results[:count], *[body.results[i] for i in saved]]
    requests = [
        Request(test.results, _only, [*test.arguments, *feeds], [*known, *specs], {}, kept=kept),
        Request(results, _tuple_of, [*body.arguments, *feeds], [*known, *specs], {}, kept=kept),
    ]
    return Nested(requests, _repeating(count, len(used), saved))


def _only(values: Sequence[str]) -> str:
    return values[0]


def _repeating(count: int, outputs: int, saved: list[int]) -> Callable[..., Kernel]:
    """Makes kernels of loops.

    Args:
        count: The number of variables.
        outputs: The number of outputs.
        saved: Which of the outputs, after the variables, are saved in each iteration.

    Returns:
        A function of the functions of the condition and the body.
    """

    def make(test: Kernel, step: Kernel) -> Kernel:
        def loop(*inputs: Any) -> Any:
            values, outside = inputs[:count], inputs[count:]
            stacks = [Stack() for _ in saved]
            while test(*values, *outside):
                found = step(*values, *outside)
                values = found[:count]
                for stack, value in zip(stacks, found[count:], strict=True):
                    stack.append(value)
                if DEADLINE.moment is not None:
                    _check_time()
            if outputs == 1:
                return values[0]
            places = dict(zip(saved, stacks, strict=True))
            return (*values, *[places.get(i) for i in range(count, outputs)])

        return loop

    return make


def _check_time() -> None:
    moment = DEADLINE.moment
    if moment is not None and time.monotonic() > moment:
        raise errors.DeadlineExceededError(None, None, "The run's time is up in a loop.")


def _save(op: Operation, body: Body, tensor: Tensor) -> Tensor:
    """An output with the values of a tensor in all iterations."""
    if op.definition is WHILE and body is op.attributes["bodies"][0]:
        raise LookupError(f"The condition of the loop {op.name!r} has no gradient.")
    body.results.append(tensor)
    spec = _stack_spec(tensor.spec)
    output = Tensor(op, len(op.outputs), spec)
    op.outputs.append(output)
    return output


# Gradients: a loop back through what was saved, which has a gradient of the same kind.


@attrs.frozen(eq=False)
class _Turns:
    """What a loop repeats, seen by its gradient: the loop itself, or the gradient of one.

    Attributes:
        op: The operation.
        body: What it repeats.
        sums: The number of outputs, after the variables, that are sums over all turns.
        elements: The inputs that hold a value for each turn: their index, by the tensor that the
            body knows one of these values as.
        backwards: Whether the turns go from the last of these values to the first.
    """

    op: Operation
    body: Body
    sums: int = 0
    elements: Mapping[Tensor, int] = attrs.Factory(dict)
    backwards: bool = False

    @property
    def variables(self) -> int:
        """The number of variables."""
        return len(self.body.arguments)

    @property
    def feeds(self) -> dict[Tensor, int]:
        """What the body uses from outside: the index of the input."""
        start = self.op.attributes["own"]
        return {t: start + i for i, t in enumerate(self.op.attributes["feeds"])}


def _while_gradient(op: Operation, *gradients: Tensor | None) -> list[Tensor | None]:
    if not op.attributes["back_prop"]:
        return [None] * len(op.inputs)
    return _slopes(_Turns(op, op.attributes["bodies"][1]), gradients)


def _second_gradient(op: Operation, *gradients: Tensor | None) -> list[Tensor | None]:
    elements = {t: op.attributes["begin"] + i for i, t in enumerate(op.attributes["saved"])}
    body, backwards = op.attributes["bodies"][0], op.attributes["backwards"]
    return _slopes(_Turns(op, body, op.attributes["sums"], elements, backwards), gradients)


def _slopes(turns: _Turns, gradients: Sequence[Tensor | None]) -> list[Tensor | None]:
    """The gradients of the inputs of an operation that repeats a body."""
    result: list[Tensor | None] = [None] * len(turns.op.inputs)
    begun = [i for i, dy in enumerate(gradients) if dy is not None]
    active = _active(turns, begun)
    if active or any(i >= turns.variables for i in begun):
        for index, slope in _Backward(turns, active, gradients).finish().items():
            result[index] = slope
    return result


def _active(turns: _Turns, start: list[int]) -> list[int]:
    """The variables of a loop on which, after some iterations, some of its results depend."""
    from runtime.graph.gradients import is_differentiable

    body = turns.body
    active: set[int] = set()
    todo = list(start)
    while todo:
        number = todo.pop()
        if number < turns.variables and is_differentiable(body.arguments[number].dtype):
            active.add(number)
        result = body.results[number]
        assert result is not None
        for index, argument in enumerate(body.arguments):
            new = index not in active and is_differentiable(argument.dtype)
            if new and is_differentiable(result.dtype) and _depends(result, argument, body):
                active.add(index)
                todo.append(index)
    return sorted(active)


def _depends(result: Tensor, argument: Tensor, body: Body) -> bool:
    seen, stack = {result}, [result]
    while stack:
        tensor = stack.pop()
        if tensor is argument:
            return True
        new = [t for t in tensor.op.inputs if t.op.body is body and t not in seen]
        seen.update(new)
        stack.extend(new)
    return False


class _Backward:
    """The gradient of a loop, as it is made."""

    def __init__(
        self, turns: _Turns, active: list[int], gradients: Sequence[Tensor | None]
    ) -> None:
        self._turns = turns
        self._active = active
        self._gradients = gradients
        graph, forward = turns.op.graph, turns.body
        self._body = Body(f"the gradient of {forward.what}", graph.body, forward)
        with graph.inside(self._body):
            self._build()

    def _build(self) -> None:
        """Makes the body, and finds which inputs of the loop have a gradient."""
        from runtime.graph.gradients import dense_gradients

        turns, forward, body = self._turns, self._turns.body, self._body
        variables = [forward.arguments[i] for i in self._active]
        body.arguments = [_argument(v, v.dims, "grad") for v in variables]
        begun = dict(zip(self._active, body.arguments, strict=True))
        results = enumerate(forward.results[: len(self._gradients)])
        pairs = [
            (y, begun[i] if i in begun else self._given(i, y)) for i, y in results if y is not None
        ]
        ys = [(y, dy) for y, dy in pairs if dy is not None]
        elements, feeds = list(turns.elements), list(turns.feeds)
        found = dense_gradients(turns.op.graph, ys, [*variables, *elements, *feeds])
        slopes = dict(zip([*variables, *elements, *feeds], found, strict=True))
        body.results = [self._result(slopes[v], v) for v in variables]
        self._summed = [t for t in feeds if slopes[t] is not None]
        self._stacked = [t for t in elements if slopes[t] is not None]
        body.results += [self._result(slopes[t], t) for t in (*self._summed, *self._stacked)]

    def _given(self, index: int, result: Tensor) -> Tensor | None:
        """What the gradient of a sum, or of the values of all turns, is in each turn."""
        turns, dy = self._turns, self._gradients[index]
        if dy is None or index < turns.variables:
            return None
        if index < turns.variables + turns.sums:
            return dy
        element = _argument(result, result.dims, "grad_of_saved")
        self._body.elements[element] = dy
        return element

    def _result(self, gradient: Tensor | None, like: Tensor) -> Tensor:
        from runtime.graph.gradients import no_gradient

        result = no_gradient(like) if gradient is None else gradient
        self._body.take(result, reference=False)
        return result

    def finish(self) -> dict[int, Tensor]:
        """Adds the operation; gives the gradients of the loop's inputs by their index."""
        from runtime.graph.gradients import no_gradient

        turns, body = self._turns, self._body
        op, forward = turns.op, turns.body
        begin = [
            no_gradient(op.outputs[i]) if (dy := self._gradients[i]) is None else dy
            for i in self._active
        ]
        of_turns = [t for t in body.feeds if t.op.body is forward or t in turns.elements]
        if not of_turns and not body.elements:
            counted = next(iter([*turns.elements, *forward.arguments]))
            body.take(counted, reference=False)
            of_turns = [counted]
        body.elements.update({t: body.feeds.pop(t) for t in of_turns})
        alike = [op.inputs[turns.feeds[t]] for t in self._summed]
        made = owned(
            WHILE_GRADIENT,
            [*begin, *body.elements.values(), *alike],
            [body],
            "While_grad",
            begin=len(begin),
            saved=list(body.elements),
            sums=len(alike),
            backwards=not turns.backwards,
        )
        places = [
            *self._active,
            *[turns.feeds[t] for t in self._summed],
            *[turns.elements[t] for t in self._stacked],
        ]
        return dict(zip(places, made.outputs, strict=True))


class Stack(list[Any]):
    """The values of a tensor in all turns of a loop, or their gradients."""

    def __add__(self, other: Any) -> "Stack":
        if isinstance(other, Rows):  # the gradient of what nothing depends on
            return self
        return Stack([a + b for a, b in zip(self, other, strict=True)])

    __radd__ = __add__


def _backward_dims(view: View) -> tuple[list[Dims], list[tuple[Tensor, Spec]], list[Spec]]:
    begin = view["begin"]
    saved = view["saved"]
    specs = [
        _element(t, spec)
        for t, spec in zip(saved, view.inputs[begin : begin + len(saved)], strict=True)
    ]
    dims = [spec.dims for spec in view.inputs[:begin]]
    more = list(zip(saved, specs, strict=True))
    return dims, more, _settled(view, view["bodies"][0], dims, more)


def _element(tensor: Tensor, stack: Spec) -> Spec:
    """What is known of the saved values of a tensor."""
    if stack.element is None:
        return Spec(tensor.dtype, tensor.dims)
    return Spec(tensor.dtype, stack.element.dims)


def _while_gradient_spec(view: View) -> tuple[Spec, ...]:
    dims, _, found = _backward_dims(view)
    first = [Spec(s.dtype, d) for s, d in zip(view.inputs, dims, strict=False)]
    start = view["begin"] + len(view["saved"])
    alike = view.inputs[start : view["own"]]
    totals = zip(found[len(first) :], alike, strict=False)
    stacks = found[len(first) + len(alike) :]
    return (
        *first,
        *[Spec(spec.dtype, like.dims) for spec, like in totals],
        *map(_stack_spec, stacks),
    )


def _while_gradient_nested(view: View, used: Sequence[bool]) -> Nested:
    begin, saved, sums = view["begin"], view["saved"], view["sums"]
    body: Body = view["bodies"][0]
    feeds, specs = values_of(view)
    dims, more, _ = _backward_dims(view)
    known = [Spec(a.dtype, d) for a, d in zip(body.arguments, dims, strict=True)]
    wanted = [i for i in range(begin, len(used)) if used[i]]
    results = [*body.results[:begin], *[body.results[i] for i in wanted]]
    request = Request(
        [t for t in results if t is not None],
        _tuple_of,
        [*body.arguments, *saved, *feeds],
        [*known, *[spec for _, spec in more], *specs],
        {},
        kept={t.op for t in view.op.inputs},
    )
    form = _Form(begin, len(saved), sums, len(used), wanted, view["backwards"])
    return Nested([request], _going_through(form))


@attrs.frozen
class _Form:
    """How the kernel of a loop's gradient is laid out.

    Attributes:
        begin: The number of variables, which the loop's gradients are.
        saved: The number of inputs that hold a value for each turn.
        sums: The number of outputs after the variables that are sums over all turns.
        outputs: The number of outputs; the last ones hold a value for each turn.
        wanted: Which outputs after the variables are needed.
        backwards: Whether the turns go from the last value to the first.
    """

    begin: int
    saved: int
    sums: int
    outputs: int
    wanted: list[int]
    backwards: bool


def _going_through(form: _Form) -> Callable[..., Kernel]:
    """Makes kernels of gradients of loops, from the function of their body."""
    begin, saved = form.begin, form.begin + form.saved
    added = [i for i in form.wanted if i < begin + form.sums]
    border = begin + len(added)

    def make(step: Kernel) -> Kernel:
        def through(*inputs: Any) -> Any:
            slopes, stacks = inputs[:begin], inputs[begin:saved]
            alike, outside = inputs[saved : saved + form.sums], inputs[saved + form.sums :]
            totals: list[Any] = []
            kept = [Stack() for _ in form.wanted[len(added) :]]
            turns = map(reversed, stacks) if form.backwards else stacks
            for number, values in enumerate(zip(*turns, strict=True)):
                found = step(*slopes, *values, *outside)
                slopes = found[:begin]
                totals = _added(totals, found[begin:border], number)
                for stack, value in zip(kept, found[border:], strict=True):
                    stack.append(value)
                if DEADLINE.moment is not None:
                    _check_time()
            for stack in kept if form.backwards else ():
                stack.reverse()
            sums = totals or [_zero(alike[i - begin]) for i in added]
            places = dict(zip(form.wanted, [*sums, *kept], strict=True))
            result = (*slopes, *[places.get(i) for i in range(begin, form.outputs)])
            return result[0] if form.outputs == 1 else result

        return through

    return make


def _added(totals: list[Any], parts: Sequence[Any], number: int) -> list[Any]:
    """Sums so far and what an iteration adds; in place, once they are arrays of their own."""
    if number == 0:
        return list(parts)
    if number == 1:
        return [total + part for total, part in zip(totals, parts, strict=True)]
    for index, part in enumerate(parts):
        totals[index] += part
    return totals


def _zero(like: Any) -> Any:
    return Rows({}, 0) if isinstance(like, Rows) else np.zeros(like.shape, like.dtype)[()]


WHILE_GRADIENT: Definition = Definition(
    "WhileGrad",
    _while_gradient_spec,
    nested=_while_gradient_nested,
    save=_save,
    references=handles_of,
    stateful=True,
    aliases=True,
    gradient=_second_gradient,
)
WHILE: Definition = Definition(
    "While",
    _while_spec,
    nested=_while_nested,
    save=_save,
    references=handles_of,
    stateful=True,
    aliases=True,
    gradient=_while_gradient,
)


@export("while_loop")
def while_loop(
    cond: Callable[..., Any],
    body: Callable[..., Any],
    loop_vars: Any,
    shape_invariants: Any = None,
    parallel_iterations: int = 10,
    back_prop: bool = True,
    swap_memory: bool = False,
    name: str | None = None,
    maximum_iterations: TensorLike = None,
    return_same_structure: bool = False,
) -> Any:
    """Repeats what a function does while a condition holds.

    For its gradient the loop keeps those values of each iteration that the gradient uses; their
    memory grows with the number of iterations until the run's end.

    Source: the ``tf.compat.v1.while_loop`` documentation.

    Args:
        cond: A function of the loop's variables that gives a scalar of bool.
        body: A function of the loop's variables that gives their next values.
        loop_vars: What the variables begin with: a list or tuple of tensors, tensor arrays, and
            structures of these.
        shape_invariants: In the same structure, what is true of the shapes in every iteration;
            the shapes at the beginning if None.
        parallel_iterations: Without effect: iterations follow each other.
        back_prop: Whether gradients flow through the loop.
        swap_memory: Without effect.
        name: Name of the scope of the operations.
        maximum_iterations: The most iterations; without limit if None.
        return_same_structure: Whether a list of one variable stays a list.

    Returns:
        The variables after the loop, in the structure of `loop_vars`.

    Raises:
        TypeError: If a function can't be called, or a variable changes its element type.
        ValueError: If there is no variable, the structure changes, or a shape changes that is not
            said to change.
    """
    if not callable(cond) or not callable(body):
        raise TypeError("cond and body of while_loop must be callable.")
    if parallel_iterations < 1:
        raise TypeError("parallel_iterations must be a positive integer.")
    if not nest.flatten(loop_vars):
        raise ValueError("No loop variables provided: while_loop needs at least one.")
    if maximum_iterations is not None:
        cond, body, loop_vars, shape_invariants = _limited(
            cond, body, loop_vars, shape_invariants, maximum_iterations
        )
    graph = get_default_graph()
    with graph.name_scope(name or "while") as scope:
        loop = _Loop(graph, scope[:-1], loop_vars, shape_invariants, back_prop)
        result = loop.finish(cond, body)
    if maximum_iterations is not None:
        result = result[1]
    single = isinstance(result, (list, tuple)) and len(result) == 1
    return result[0] if single and not return_same_structure else result


def _limited(
    cond: Callable[..., Any],
    body: Callable[..., Any],
    loop_vars: Any,
    shape_invariants: Any,
    limit: TensorLike,
) -> tuple[Any, Any, Any, Any]:
    """The same loop with a counter."""
    most = convert_to_tensor(limit, name="maximum_iterations")
    if most.dims != ():
        raise ValueError(
            f"maximum_iterations must be a scalar, not of shape {described(most.dims)}."
        )
    zero = convert_to_tensor(0, most.dtype, name="iteration_counter")

    def test(counter: Tensor, values: Any) -> Any:
        return logical_and(less(counter, most), cond(*values))

    def step(counter: Tensor, values: Any) -> Any:
        return counter + 1, _like_arguments(values, body(*values))

    invariants = None if shape_invariants is None else (as_dims([]), shape_invariants)
    return test, step, (zero, loop_vars), invariants


def _like_arguments(arguments: Any, results: Any) -> Any:
    """A body's results as a sequence, also if there is one that isn't in a list."""
    single = isinstance(arguments, (list, tuple)) and len(arguments) == 1
    if single and not (isinstance(results, (list, tuple)) and len(results) == 1):
        results = [results]
    return _in_form(arguments, results)


def _in_form(arguments: Any, results: Any) -> Any:
    """Makes a list of a tuple or the other way round, as the arguments have it."""
    kind = type(arguments)
    if kind in (list, tuple) and type(results) in (list, tuple):
        return kind(results)
    return results


class _Loop:
    """A loop, as it is made."""

    def __init__(
        self, graph: Graph, scope: str, loop_vars: Any, invariants: Any, back_prop: bool
    ) -> None:
        self._graph = graph
        self._scope = scope
        self._structure = loop_vars
        self._variables = nest.flatten(loop_vars, expand_composites=True)
        self._back_prop = back_prop
        self._begin = [convert_to_tensor(as_flow(v)) for v in self._variables]
        if invariants is not None:
            self._dims = self._given(invariants)
        else:
            self._dims = [d for v in nest.flatten(loop_vars) for d in _own_dims(v)]

    def _given(self, invariants: Any) -> list[Dims]:
        shapes = _flat_shapes(invariants, self._structure)
        if len(shapes) != len(self._begin):
            raise ValueError(
                f"shape_invariants has {len(shapes)} shapes for {len(self._begin)} loop variables."
            )
        for tensor, variable, dims in zip(self._begin, self._variables, shapes, strict=True):
            if not isinstance(variable, TensorArray) and not _less_known(dims, tensor.dims):
                raise ValueError(
                    f"The shape invariant specified for {tensor.name} is not compatible with the "
                    f"initial shape of the loop variable. It enters the loop with shape "
                    f"{described(tensor.dims)}, but the specified shape invariant is "
                    f"{described(dims)}."
                )
        arrays = [isinstance(variable, TensorArray) for variable in self._variables]
        return [() if array else dims for array, dims in zip(arrays, shapes, strict=True)]

    def _body(self, what: str, name: str) -> tuple[Body, Any]:
        """A body, and its variables in the structure of the loop's."""
        body = Body(f"{what} the loop {self._scope!r}", self._graph.body)
        with self._graph.inside(body), self._graph.control_dependencies([]):
            pairs = zip(self._begin, self._dims, strict=True)
            body.arguments = [_argument(t, dims, name) for t, dims in pairs]
        known = zip(self._variables, body.arguments, strict=True)
        return body, nest.pack_sequence_as(
            self._structure, [like(v, t) for v, t in known], expand_composites=True
        )

    def finish(self, cond: Callable[..., Any], body: Callable[..., Any]) -> Any:
        """Calls the functions, adds the operation, and gives what comes out of it."""
        test, arguments = self._body("the condition of", "Merge")
        truth = built(self._graph, test, lambda: self._truth(cond(*arguments)))
        test.results = [truth]
        step, arguments = self._body("the body of", "Identity")
        found = _like_arguments(arguments, built(self._graph, step, body, *arguments))
        self._check_structure(found)
        values = nest.flatten(found, expand_composites=True)
        self._check_count(values)
        with self._graph.inside(step):
            step.results = [self._next(i, value) for i, value in enumerate(values)]
        op = owned(WHILE, self._begin, [test, step], "While", back_prop=self._back_prop)
        pairs = zip(values, op.outputs, strict=True)
        exits = [like(value, identity(t, name="Exit")) for value, t in pairs]
        return nest.pack_sequence_as(self._structure, exits, expand_composites=True)

    def _check_count(self, values: Sequence[Any]) -> None:
        if len(values) != len(self._begin):
            raise ValueError(
                f"The body of the loop {self._scope!r} must return sparse elements, rows and "
                "tensors where loop_vars has them."
            )

    def _truth(self, value: Any) -> Tensor:
        tensor = identity(convert_to_tensor(value, dtypes.bool), name="LoopCond")
        if not compatible(tensor.dims, ()):
            raise ValueError(
                f"The condition of the loop {self._scope!r} must give a scalar, but gives "
                f"{tensor!r}."
            )
        return tensor

    def _check_structure(self, found: Any) -> None:
        try:
            nest.assert_same_structure(_plain(self._structure), _plain(found))
        except (TypeError, ValueError) as error:
            raise type(error)(
                f"The body of the loop {self._scope!r} must return its variables in the "
                f"structure of loop_vars. {error}"
            ) from None

    def _next(self, index: int, value: Any) -> Tensor:
        tensor = identity(convert_to_tensor(as_flow(value)), name="NextIteration")
        begin = self._begin[index]
        if tensor.dtype is not begin.dtype:
            raise TypeError(
                f"Loop variable {index} ({begin.name}) of the loop {self._scope!r} enters it with "
                f"type {begin.dtype.name}, but has type {tensor.dtype.name} after one iteration. "
                "Use tf.cast on one of them."
            )
        if not _less_known(self._dims[index], tensor.dims):
            raise ValueError(
                f"Loop variable {index} ({begin.name}) of the loop {self._scope!r} enters it with "
                f"shape {described(self._dims[index])}, but has shape {described(tensor.dims)} "
                "after one iteration. To allow the shape to vary across iterations, use the "
                "shape_invariants argument of tf.while_loop to specify a less-specific shape."
            )
        return tensor


def _own_dims(variable: Any) -> list[Dims]:
    """The shapes of a variable's tensors; sparse elements and rows may become more or fewer."""
    parts = nest.flatten(variable, expand_composites=True)
    if not hasattr(variable, "_of_parts"):
        return [convert_to_tensor(as_flow(part)).dims for part in parts]
    dims = [part.dims for part in parts]
    free = [None if d is None else (None, *d[1:]) for d in dims]
    fixed = [part is variable.dense_shape for part in parts]
    return [d if keep else more for d, more, keep in zip(dims, free, fixed, strict=True)]


def _less_known(general: Dims, special: Dims) -> bool:
    """Whether a shape says no more than another, and nothing else."""
    return generalised(general, special) == general


def _flat_shapes(invariants: Any, structure: Any) -> list[Dims]:
    """The shapes in a structure whose leaves may be lists of sizes themselves."""
    if hasattr(structure, "_of_parts"):
        return _own_dims(structure)
    if not nest.is_nested(structure):
        return [as_dims(invariants)]
    if isinstance(structure, Mapping):
        keys = sorted(structure)
        return [d for key in keys for d in _flat_shapes(invariants[key], structure[key])]
    pairs = zip(invariants, structure, strict=True)
    return [d for shape, part in pairs for d in _flat_shapes(shape, part)]


def _plain(structure: Any) -> Any:
    """A structure in which lists and tuples are not told apart."""
    if type(structure) in (list, tuple):
        return [_plain(part) for part in structure]
    return structure
