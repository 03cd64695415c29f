"""Compiling a set of fetches into a plan: straight-line Python over NumPy calls.

Compilation is a pure function of the graph, the fetches, the fed tensors and the shapes of what
is fed. It has three steps:

1. `_Interpretation`: which operations are needed, and what is known of each value. What can be
   computed ahead of time is; operations that change nothing are passed over.
2. `_Liveness`: which values may share memory, and where each is used for the last time. From
   that follows what may be overwritten in place.
3. `_Emission`: one line of source for each operation that is left.

The source consists only of names made here; nothing that a user wrote gets into it.
"""

import functools
import math
import types
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeAlias

import attrs
import numpy as np

from runtime.graph import dtypes
from runtime.graph.buffers import LARGE, Buffers
from runtime.graph.definition import Definition, Nested, NodeDef, Spec, View
from runtime.graph.operation import Operation, folded, inferred
from runtime.graph.shapes import Incompatible, compatible, element_count, fully_known, merged
from runtime.graph.silence import SILENCE
from runtime.graph.state import SessionState
from runtime.graph.tensor import Tensor

# Values larger than this many elements are computed in the run, not ahead of time.
_FOLD_LIMIT = 1 << 20
_FOREVER = 1 << 60
# Of how many shapes and types a plan keeps large arrays.
_KINDS = 256

Root: TypeAlias = tuple[str, Any]
Function: TypeAlias = Callable[..., Any]


class PlanError(Incompatible):
    """An operation can't work with the shapes that were fed."""

    def __init__(self, op: Operation, message: str) -> None:
        super().__init__(message)
        self.op = op
        self.message = message


@attrs.frozen(eq=False)
class Program:
    """A compiled plan that is not bound to a session yet.

    Attributes:
        source: The generated source, for people who want to see it.
        code: Its compiled function.
        constants: What the names in it mean: kernels and known values.
        states: Names that mean the state of an operation, which each session has its own of.
        lines: The operation of each line of the source, None for lines without one.
        nested: The kernels of operations that carry out others: how to make each, and of which
            programs.
    """

    source: str
    code: types.CodeType
    constants: Mapping[str, Any]
    states: Mapping[str, Operation]
    lines: Sequence[Operation | None]
    nested: Mapping[str, tuple[Nested, Sequence["Program"]]]

    def bind(self, state: SessionState, **extra: Any) -> Function:
        """Makes the function that carries the plan out in a session.

        Args:
            state: The states of the session.
            **extra: Further names that the source uses.

        Returns:
            A function of the fed arrays.
        """
        names = dict(self.constants)
        names.update((name, state.of(op)) for name, op in self.states.items())
        for name, (nested, programs) in self.nested.items():
            names[name] = nested.make(*[p.bind(state, **extra) for p in programs])
        names.update(extra)
        names["program"], names["session"] = self, state
        return types.FunctionType(self.code, names)

    def description(self) -> list[NodeDef]:
        """Descriptions of the operations that the plan carries out."""
        lines = [op for program in self._all() for op in program.lines]
        return [op.node_def for op in dict.fromkeys(lines) if op is not None]

    def _all(self) -> Iterator["Program"]:
        """The program and those that it carries out."""
        yield self
        for _, programs in self.nested.values():
            for program in programs:
                yield from program._all()

    def failed_operation(self, error: BaseException) -> Operation | None:
        """The operation whose line in the plan an error came through.

        Args:
            error: An error that the plan's function raised.

        Returns:
            The operation, or None if the error comes from elsewhere.
        """
        # Two branches may have equal code, so it is told apart by what it is, not by what it says.
        lines = {id(program.code): program.lines for program in self._all()}
        trace, found = error.__traceback__, None
        while trace is not None:
            known = lines.get(id(trace.tb_frame.f_code), ())
            if trace.tb_lineno < len(known):
                found = known[trace.tb_lineno] or found  # the check of a closed session has none
            trace = trace.tb_next
        return found


def program_of(function: Function) -> Program:
    """The program that a function carries out.

    Args:
        function: What `Program.bind` returned.

    Returns:
        The program.
    """
    return function.__globals__["program"]  # type: ignore[no-any-return]  # as above


@attrs.frozen(eq=False)
class Request:
    """What is to be compiled.

    Attributes:
        fetches: Tensors and operations.
        result: Makes the source of the returned structure from the sources of the fetches.
        feeds: The tensors that are fed.
        feed_specs: What is known of what is fed for them.
        constants: Names that the source of the structure uses.
        traced: Whether the time of each operation is to be recorded.
        kept: Inside of another plan: the variables that may not be updated in place. None for
            a plan of its own, whose results go to the user.
    """

    fetches: Sequence[Tensor | Operation]
    result: Callable[[Sequence[str]], str]
    feeds: Sequence[Tensor]
    feed_specs: Sequence[Spec]
    constants: Mapping[str, Any]
    traced: bool = False
    kept: Container[Operation] | None = None


def compile_program(request: Request) -> Program:
    """Compiles a plan.

    Args:
        request: What is fetched and fed.

    Returns:
        The program.

    Raises:
        PlanError: If an operation can't work with the shapes that are fed.
    """
    meaning = _Interpretation(request)
    liveness = _Liveness(request, meaning)
    return _Emission(request, meaning, liveness).program()


def interpreted(
    fetches: Sequence[Tensor], feeds: Sequence[Tensor], specs: Sequence[Spec]
) -> list[Spec]:
    """What is known of tensors if something is known of others.

    Args:
        fetches: The tensors.
        feeds: The others.
        specs: What is known of these.

    Returns:
        A spec for each of `fetches`.

    Raises:
        PlanError: If an operation can't work with such values.
    """
    meaning = _Interpretation(Request(fetches, ", ".join, feeds, specs, {}))
    return [meaning.specs[tensor] for tensor in fetches]


def ancestors(
    start: Iterable[Operation],
    cut: Callable[[Tensor], bool],
    inputs: Callable[[Operation], Iterable[Tensor]] = lambda op: op.inputs,
) -> list[Operation]:
    """Operations that others need, in the order of their creation.

    Args:
        start: Where to begin.
        cut: Says of a tensor that it is known, so that its operation is not needed for it.
        inputs: The inputs of an operation that count.

    Returns:
        The operations, those of `start` among them.
    """
    seen = set(start)
    stack = list(seen)
    while stack:
        op = stack.pop()
        needed = [t.op for t in inputs(op) if not cut(t)]
        for parent in (*needed, *op.control_inputs):
            if parent not in seen:
                seen.add(parent)
                stack.append(parent)
    return sorted(seen, key=lambda op: op.number)


class _Interpretation:
    """Which operations are needed, and what is known of each value before the run.

    Attributes:
        specs: What is known of each tensor.
        same: For a tensor that an operation passes through unchanged: the tensor it equals.
        order: The operations that have to be carried out, in order.
        awaited: What needed operations pass through. Something may run after them without
            reading it, such as what follows a condition by control dependency.
    """

    def __init__(self, request: Request) -> None:
        self._fed = dict(zip(request.feeds, request.feed_specs, strict=True))
        for spec in request.feed_specs if request.kept is None else ():
            spec.fed = True
        self.specs = dict(self._fed)
        self.same: dict[Tensor, Tensor] = {}
        self._known = set(self._fed)
        self._quiet = set(self._fed)
        fetched = [f for f in request.fetches if isinstance(f, Tensor)]
        tensors = [t for t in fetched if t not in self._fed]
        ops = [f for f in request.fetches if isinstance(f, Operation)]
        for op in ancestors([t.op for t in tensors] + ops, self._fed.__contains__):
            self._interpret(op)
        start = [t.op for t in tensors if t not in self._known]
        needed = ancestors(start + ops, self._known.__contains__, self._used_inputs)
        self.order = _variables_last([op for op in needed if not self._is_idle(op)], fetched)
        passed = [op.outputs[0] for op in needed if op.outputs]
        self.awaited = {self.same[tensor] for tensor in passed if tensor in self.same}

    def resolve(self, tensor: Tensor) -> Tensor:
        """The tensor that has the same value and whose operation is carried out."""
        return self.same.get(tensor, tensor)

    def _interpret(self, op: Operation) -> None:
        view = View(op, [self.specs[t] for t in op.inputs])
        specs = self._inferred(op, view)
        quiet = self._is_quiet(op)
        if quiet and self._known.issuperset(op.inputs):
            specs = folded(view, specs, _FOLD_LIMIT) or specs
        for tensor, spec in zip(op.outputs, specs, strict=True):
            if tensor not in self._fed:
                self._learn(tensor, spec, quiet)
        self._pass_over(op, view)

    def _is_quiet(self, op: Operation) -> bool:
        """Whether a run can do without an operation and all that it needs, but for its value."""
        harmless = op.definition.reading or not op.definition.stateful
        return harmless and not op.control_inputs and self._quiet.issuperset(op.inputs)

    def _learn(self, tensor: Tensor, spec: Spec, quiet: bool) -> None:
        self.specs[tensor] = spec
        if quiet:
            self._quiet.add(tensor)
            if spec.value is not None:
                self._known.add(tensor)

    def _inferred(self, op: Operation, view: View) -> tuple[Spec, ...]:
        try:
            specs = inferred(view)
        except PlanError:  # it names the operation that it comes from
            raise
        except Incompatible as error:
            raise PlanError(op, str(error)) from None
        for tensor, spec in zip(op.outputs, specs, strict=True):
            if compatible(spec.dims, tensor.dims):
                spec.dims = merged(spec.dims, tensor.dims)
        return specs

    def _pass_over(self, op: Operation, view: View) -> None:
        passes = op.definition.passes
        if passes is None or op.outputs[0] in self._fed or op.outputs[0] in self._known:
            return
        index = passes(view)
        if index is not None:
            source = self.resolve(op.inputs[index])
            self.same[op.outputs[0]] = source
            self.specs[op.outputs[0]] = self.specs[source]
            if source in self._known and op.outputs[0] in self._quiet:
                self._known.add(op.outputs[0])

    def _used_inputs(self, op: Operation) -> Iterable[Tensor]:
        """The inputs whose values an operation needs when it is carried out."""
        if op.outputs and op.outputs[0] in self.same:
            return [self.same[op.outputs[0]], *[t for t in op.inputs if t.op.control_inputs]]
        return data_inputs(op)

    def _is_idle(self, op: Operation) -> bool:
        """Whether there is nothing to do for an operation itself."""
        definition = op.definition
        if op.outputs and definition.reading and self._fed.keys() >= set(op.outputs):
            return True  # what runs after a placeholder by control dependency
        if op.outputs and op.outputs[0] in self.same:
            return True
        if op.outputs and all(self.specs[t].value is not None for t in op.outputs):
            return True
        does = definition.kernel or definition.bind or definition.template or definition.nested
        return not does


def _variables_last(order: list[Operation], fetched: Sequence[Tensor]) -> list[Operation]:
    """Reads variables that are fetched themselves after everything else was done.

    So ``session.run([train_op, global_step])`` gives the step that the training has come to, as
    TensorFlow does. What reads a variable by `value` or `read_value` reads it where it stands.
    """
    waited_for = {control for op in order for control in op.control_inputs}
    late = {t.op for t in fetched if t.op.type == "VariableV2"} - waited_for
    return [op for op in order if op not in late] + [op for op in order if op in late]


def data_inputs(op: Operation) -> list[Tensor]:
    """The inputs of an operation that are values, not references to variables or queues."""
    references = op.references
    if not references:
        return list(op.inputs)
    return [t for index, t in enumerate(op.inputs) if index not in references]


def variable_roots(op: Operation) -> list["Root"]:
    """The memory of the variables that an operation reads or updates."""
    known = op.references
    references = [t.op for index, t in enumerate(op.inputs) if index in known]
    if op.definition.state is not None:
        references.append(op)
    return [("variable", reference) for reference in references]


class _Liveness:
    """Which values may share memory, and where each memory is used for the last time.

    A *root* is a piece of memory: that of a variable, of a fed array, or one that an operation
    of the plan allocates. Constants have none, for nothing may write to them.

    Attributes:
        snapshots: Fetched values in the memory of a variable. They are copied where they are
            computed, so that later operations are free to update the variable in place.
    """

    def __init__(self, request: Request, meaning: _Interpretation) -> None:
        self._meaning = meaning
        self._fetched = {meaning.resolve(f) for f in request.fetches if isinstance(f, Tensor)}
        self._roots = {t: frozenset([("feed", t)]) for t in request.feeds}
        self._nested = request.kept is not None
        self._kept = request.kept or ()
        self._last: dict[Root, int] = {}
        self._last_tensor: dict[Tensor, int] = {}
        self._read = self._fetched | meaning.awaited
        self.snapshots: set[Tensor] = set()
        for position, op in enumerate(meaning.order):
            self._visit(position, op)
        for tensor in self._fetched - self.snapshots:
            self._use(tensor, _FOREVER)

    def _visit(self, position: int, op: Operation) -> None:
        inputs = [self._meaning.resolve(t) for t in data_inputs(op)]
        for tensor in inputs:
            self._read.add(tensor)
            self._use(tensor, position)
        view = View(op, [self._meaning.specs[t] for t in op.inputs])
        shared: set[Root] = set()
        if op.definition.may_alias(view):
            shared = set(variable_roots(op)).union(*[self._lent(t, op) for t in inputs])
        for tensor in op.outputs:
            if tensor not in self._roots:
                self._produce(position, tensor, shared | _hidden(op, tensor))

    def _lent(self, tensor: Tensor, op: Operation) -> frozenset[Root]:
        """The memory that an operation may pass on of an input; nobody may write to a constant."""
        constant = tensor not in self._roots and self._meaning.specs[tensor].dims != ()
        if constant and any(_may_hold(output, tensor) for output in op.outputs):
            return frozenset([("constant", tensor)])
        return self.roots(tensor)

    def _produce(self, position: int, tensor: Tensor, shared: set[Root]) -> None:
        # Kernels give scalars, never views; but what a TensorArray holds is no scalar.
        scalar = self._meaning.specs[tensor].dims == () and tensor.dtype.is_numpy_compatible
        roots = shared if shared and not scalar else {("own", tensor)}
        self._roots[tensor] = frozenset(roots)
        self._use(tensor, position)
        in_variable = any(kind == "variable" for kind, _ in roots)
        if tensor in self._fetched and in_variable and not self._nested:
            self.snapshots.add(tensor)

    def _use(self, tensor: Tensor, position: int) -> None:
        self._last_tensor[tensor] = position
        for root in self.roots(tensor):
            self._last[root] = position

    def roots(self, tensor: Tensor) -> frozenset[Root]:
        """The memory that a value may lie in; nothing for constants."""
        return self._roots.get(tensor, frozenset())

    def dying(self, op: Operation, position: int) -> list[Tensor]:
        """Values that nobody reads after an operation."""
        inputs = [self._meaning.resolve(t) for t in data_inputs(op)]
        candidates = dict.fromkeys([*inputs, *op.outputs])
        return [t for t in candidates if self._last_tensor.get(t) == position]

    def is_used(self, tensor: Tensor) -> bool:
        """Whether anything reads a value."""
        return tensor in self._read

    def owned(self, tensor: Tensor, position: int) -> bool:
        """Whether an operation may overwrite or keep one of its inputs."""
        own = ("own", tensor)
        return self.roots(tensor) == {own} and self._last[own] == position

    def exclusive(self, variable: Operation, position: int) -> bool:
        """Whether an operation may update a variable in place."""
        if variable in self._kept:
            return False
        return self._last.get(("variable", variable), -1) <= position

    def reads(self, op: Operation, variable: Operation) -> bool:
        """Whether a value that an operation takes lies in the memory of a variable."""
        inputs = [self._meaning.resolve(t) for t in data_inputs(op)]
        return any(("variable", variable) in self.roots(t) for t in inputs)

    def is_constant(self, tensor: Tensor) -> bool:
        """Whether a value may lie in memory that nobody may write to."""
        roots = self.roots(tensor)
        return not roots or any(kind == "constant" for kind, _ in roots)

    def needs_copy(self, tensor: Tensor) -> bool:
        """Whether a fetched value lies in memory that outlives the run."""
        roots = self.roots(tensor)
        return not roots or any(kind != "own" for kind, _ in roots)


class _Emission:
    """Writes the source."""

    def __init__(self, request: Request, meaning: _Interpretation, liveness: _Liveness) -> None:
        self._request = request
        self._meaning = meaning
        self._liveness = liveness
        self._names: dict[Tensor, str] = {}
        self._constants: dict[str, Any] = dict(request.constants)
        self._states: dict[str, Operation] = {}
        self._state_names: dict[Operation, str] = {}
        self._lines: list[tuple[str, Operation | None]] = []
        self._nested: dict[str, tuple[Nested, list[Program]]] = {}
        self._buffers = Buffers(_KINDS)

    def program(self) -> Program:
        """The whole plan."""
        arguments = ", ".join([self._name(t) for t in self._request.feeds])
        for position, op in enumerate(self._meaning.order):
            self._emit(position, op)
        results = [self._fetch(f) for f in self._request.fetches]
        self._line(f"return {self._request.result(results)}", None)
        return self._assembled(arguments)

    def _assembled(self, arguments: str) -> Program:
        head, foot = [(f"def plan({arguments}):", None)], []
        if self._request.kept is not None:
            head.append((" if session.cancelled: session.fail()", None))
        indent = " "
        if self._request.kept is None and any(map(_may_overflow, self._meaning.order)):
            head += [(" before = set_warnings(silent)", None), (" try:", None)]
            foot = [(" finally:", None), ("  reset_warnings(before)", None)]
            self._constants.update(SILENCE)
            indent = "  "
        body = [(indent + text, op) for text, op in self._lines]
        lines = [("", None), *head, *body, *foot]
        source = "\n".join(text for text, _ in lines[1:]) + "\n"
        module = compile(source, "<plan>", "exec", dont_inherit=True)
        code = next(c for c in module.co_consts if isinstance(c, types.CodeType))
        operations = [op for _, op in lines]
        return Program(source, code, self._constants, self._states, operations, self._nested)

    def _line(self, text: str, op: Operation | None) -> None:
        self._lines.append((text, op))

    def _bound(self, prefix: str, value: Any) -> str:
        name = f"{prefix}{len(self._constants)}"
        self._constants[name] = value
        return name

    def _name(self, tensor: Tensor) -> str:
        """The name of a value; that of a constant is made at its first use."""
        tensor = self._meaning.resolve(tensor)
        if tensor not in self._names:
            value = self._meaning.specs[tensor].value
            if value is None:
                self._names[tensor] = f"v{len(self._names)}"
            else:
                self._names[tensor] = self._bound("c", value)
        return self._names[tensor]

    def _state(self, op: Operation) -> str:
        if op not in self._state_names:
            name = f"s{len(self._states)}"
            self._state_names[op] = name
            self._states[name] = op
        return self._state_names[op]

    def _arguments(self, op: Operation) -> list[str]:
        own = [self._state(op)] if op.definition.state is not None else []
        if op.definition.nested is not None:
            return [self._name(t) for t in data_inputs(op)]
        references = op.references
        return own + [
            self._state(t.op) if index in references else self._name(t)
            for index, t in enumerate(op.inputs)
        ]

    def _view(self, position: int, op: Operation) -> View:
        """An operation with what is known of its inputs, and what it may do with them."""
        specs = []
        references = op.references
        resolved = [self._meaning.resolve(t) for t in op.inputs]
        for index, tensor in enumerate(resolved):
            spec = self._meaning.specs[tensor]
            copy = Spec(spec.dtype, spec.dims, spec.value, spec.partial)
            copy.element = spec.element
            if index in references:
                copy.exclusive = self._exclusive(op, tensor.op, position)
            else:
                once = resolved.count(tensor) == 1
                copy.owned = once and bool(spec.dims) and self._liveness.owned(tensor, position)
            specs.append(copy)
        used = [self._liveness.is_used(tensor) for tensor in op.outputs]
        return View(op, specs, used, self._buffers)

    def _exclusive(self, op: Operation, variable: Operation, position: int) -> bool:
        if op.definition.nested is not None and self._liveness.reads(op, variable):
            return False
        return self._liveness.exclusive(variable, position)

    def _emit(self, position: int, op: Operation) -> None:
        view = self._view(position, op)
        arguments = self._arguments(op)
        text = self._statement(op, self._call(op, view, arguments))
        if self._request.traced:
            text = f"b = clock(); {text}; record({self._bound('o', op)}, b, clock())"
        self._line(text, op)
        self._snapshot(op)
        self._forget(position, op)

    def _statement(self, op: Operation, expression: str) -> str:
        if not any(self._liveness.is_used(t) for t in op.outputs):
            return expression
        return f"{', '.join([self._name_output(t) for t in op.outputs])} = {expression}"

    def _name_output(self, tensor: Tensor) -> str:
        """A name for an output; one that is fed keeps the fed value."""
        if tensor in self._request.feeds or self._meaning.specs[tensor].value is not None:
            return "_"
        return self._name(tensor)

    def _call(self, op: Operation, view: View, arguments: list[str]) -> str:
        definition = op.definition
        if definition.nested is not None:
            return f"{self._carrying_out(definition.nested, view, op)}({', '.join(arguments)})"
        if definition.ufunc is not None:
            arguments = [self._fitted(view, index, name) for index, name in enumerate(arguments)]
        target = self._target(definition, view, op, arguments)
        if target is not None:
            ufunc = self._bound("k", definition.ufunc)
            return f"{ufunc}({', '.join([*arguments, f'out={target}'])})"
        template = definition.expression(view)
        if template is not None:
            return template.format(*arguments)
        kernel = definition.kernel_for(view)
        if any(t.dtype is dtypes.string for t in op.outputs):
            kernel = _giving_arrays(kernel)
        return f"{self._bound('k', kernel)}({', '.join(arguments)})"

    def _carrying_out(self, nested: Any, view: View, op: Operation) -> str:
        """The name of the kernel of an operation that carries out others."""
        how: Nested = nested(view, view.used)
        requests = [attrs.evolve(r, traced=self._request.traced) for r in how.requests]
        name = f"n{len(self._nested)}"
        self._nested[name] = how, [compile_program(request) for request in requests]
        return name

    def _fitted(self, view: View, index: int, name: str) -> str:
        """An operand, such that NumPy is fast with it beside the other one."""
        others = [spec for at, spec in enumerate(view.inputs) if at != index]
        if not others:
            return name
        return self._thin(view.inputs[index], others[0], name) or self._wide(
            view.inputs[index], others[0], name
        )

    def _thin(self, spec: Spec, other: Spec, name: str) -> str | None:
        """A number in place of a constant array of equal ones, where another operand has the shape.

        NumPy is several times as fast with a number as with a column or row that it spreads; and
        faster with an array without axes than with a scalar.
        """
        value = spec.value
        if isinstance(value, np.generic) and other.dims:
            return self._bound("c", np.asarray(value))
        if not isinstance(value, np.ndarray) or value.dtype == object:
            return None
        if other.value is not None:  # or two constants might both lose the shape of the result
            return None
        if not 1 < value.size <= _UNIFORM or not _covers(other.dims, value.shape):
            return None
        if (value != value.flat[0]).any():
            return None
        return self._bound("c", value.reshape(-1)[:1].reshape(()))

    def _wide(self, spec: Spec, other: Spec, name: str) -> str:
        """A longer row in place of a short one that is spread over many, such as a bias.

        NumPy works row by row, and to begin one takes as long as some tens of numbers. A small
        array is filled with the row altogether, by repeating its bytes.
        """
        row: Any = spec.dims
        dims: Any = other.dims
        if not row or row[0] == 1 or not _covers(dims, row) or spec.dtype is dtypes.string:
            return name
        count = element_count(dims) or 0
        if not count:
            return name
        if count < _UNIFORM:
            return self._repeated(spec, dims, count // math.prod(row), name)
        ends = [dims[at:] for at in range(1, len(dims) - len(row) + 1)]
        longer = [end for end in ends if math.prod(row) < math.prod(end) <= _ROW]
        return f"{self._bound('k', _spread_over(longer[0]))}({name})" if longer else name

    def _repeated(self, row: Spec, dims: Any, times: int, name: str) -> str:
        if times < 2 or dims[-len(row.dims or ()) :] != row.dims:
            return name
        array, dtype = self._bound("k", np.ndarray), self._bound("k", row.dtype.numpy)
        return f"{array}({dims!r}, {dtype}, {name}.tobytes() * {times})"

    def _target(
        self, definition: Definition, view: View, op: Operation, arguments: Sequence[str]
    ) -> str | None:
        """Where the result can be written to: the memory of an input, or a buffer."""
        if definition.ufunc is None:
            return None
        result = self._meaning.specs[op.outputs[0]]
        dims: Any = result.dims
        if not fully_known(dims):
            return None
        for index, spec in enumerate(view.inputs):
            if spec.owned and spec.dtype is result.dtype and spec.dims == dims:
                return arguments[index]
        if (element_count(dims) or 0) * result.dtype.numpy.itemsize < LARGE:
            return None
        take = functools.partial(self._buffers.take, dims, result.dtype.numpy)
        return f"{self._bound('t', take)}()"

    def _snapshot(self, op: Operation) -> None:
        """Copies what is fetched of a variable before a later operation can overwrite it."""
        for tensor in op.outputs:
            if tensor in self._liveness.snapshots:
                name = self._name(tensor)
                self._line(f"f{name} = {self._bound('k', _detached)}({name})", None)

    def _forget(self, position: int, op: Operation) -> None:
        """Lets go of large values as soon as nobody needs them."""
        dying = [t for t in self._liveness.dying(op, position) if self._is_worth_it(t)]
        if dying:
            self._line(f"del {', '.join([self._name(t) for t in dying])}", None)

    def _is_worth_it(self, tensor: Tensor) -> bool:
        """Whether a value was computed and lies in memory of its own."""
        if tensor not in self._names or not self._liveness.is_used(tensor):
            return False
        own = any(kind == "own" for kind, _ in self._liveness.roots(tensor))
        return own and self._meaning.specs[tensor].dims != ()

    def _handed_out(self, tensor: Tensor, name: str) -> str:
        """A result for a plan around this one, which may write into it: no constant."""
        array = self._meaning.specs[tensor].dims != () and tensor.dtype.is_numpy_compatible
        if array and self._liveness.is_constant(tensor):
            return f"{self._bound('k', _detached)}({name})"
        return name

    def _fetch(self, fetch: Tensor | Operation) -> str:
        if isinstance(fetch, Operation):
            return "None"
        tensor = self._meaning.resolve(fetch)
        name = self._name(tensor)
        if self._request.kept is not None:
            return self._handed_out(tensor, name)
        if tensor in self._liveness.snapshots:
            return f"f{name}"
        spec = self._meaning.specs[tensor]
        if spec.dims == ():
            return name if isinstance(spec.value, np.generic) else f"{name}[()]"
        if self._liveness.needs_copy(tensor):
            return f"{self._bound('k', _detached)}({name})"
        if tensor.op.definition.aliases:
            return f"{self._bound('k', _released)}({name})"
        return name if spec.dims is not None else f"{self._bound('k', _unwrapped)}({name})"


def _hidden(op: Operation, output: Tensor) -> set["Root"]:
    """Constants of a body that a TensorArray which comes out of it may hold."""
    holds = op.definition.nested is not None and not output.dtype.is_numpy_compatible
    return {("constant", output)} if holds else set()


def _may_hold(output: Tensor, given: Tensor) -> bool:
    """Whether an output may lie in the memory of an input: not in that of indices and sizes."""
    same = output.dtype is given.dtype
    return same or not given.dtype.is_integer or not output.dtype.is_numpy_compatible


_UNIFORM = 1 << 16
# The most elements of a row that is made of a shorter one.
_ROW = 4096


def _covers(dims: Any, shape: tuple[int, ...]) -> bool:
    """Whether an array of a shape, spread to others, is of these and no larger."""
    if not fully_known(dims) or len(dims) < len(shape):
        return False
    tail = dims[len(dims) - len(shape) :]
    return all(size in (1, whole) for size, whole in zip(shape, tail, strict=True))


def _spread_over(dims: Any) -> Function:
    """What repeats a row to a shape."""

    def spread(row: Any) -> Any:
        result = np.empty(dims, row.dtype)
        result[...] = row
        return result

    return spread


def _may_overflow(op: Operation) -> bool:
    """Whether NumPy might warn about floating-point numbers, where TensorFlow is silent."""
    if op.definition.nested is not None:
        return True
    tensors = [*op.inputs, *op.outputs]
    return op.definition.floating and any(not t.dtype.is_integer for t in tensors)


def _giving_arrays(kernel: Function) -> Function:
    """Wraps a kernel on strings, for NumPy gives a bare object instead of a 0-d array."""

    def call(*arguments: Any) -> Any:
        result = kernel(*arguments)
        if isinstance(result, tuple):
            return tuple([_array(value) for value in result])
        return _array(result)

    return call


def _array(value: Any) -> Any:
    if isinstance(value, (np.ndarray, np.generic)):
        return value
    array = np.empty((), dtype=object)
    array[()] = value
    return array


def _detached(value: Any) -> Any:
    """A value for the user: a copy, or a scalar."""
    return value.copy() if value.ndim else value[()]


def _released(value: Any) -> Any:
    """A value for the user that may be a view: writable, and keeping no large array alive."""
    if not value.ndim:
        return value[()]
    small = value.base is None or getattr(value.base, "nbytes", 0) <= 2 * value.nbytes
    return value if small and value.flags.writeable else value.copy()


def _unwrapped(value: Any) -> Any:
    """A value for the user: the array itself, or a scalar."""
    return value if value.ndim else value[()]
