"""The raw session: compiles each set of fetches once, then only carries it out."""

import threading
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import attrs
import numpy as np

from runtime import errors
from runtime.graph.config import ConfigProto, RunMetadata, RunOptions
from runtime.graph.definition import Spec
from runtime.graph.export import export
from runtime.graph.failures import reraise, uninitialized
from runtime.graph.feeds import check_shape, fed_array, fed_tensors, flattened
from runtime.graph.fetches import Structure, signature, structure_of
from runtime.graph.graph import Graph, default_session, get_default_graph
from runtime.graph.graph_def import GraphDef
from runtime.graph.operation import Operation, described
from runtime.graph.plan import Function, PlanError, Program, Request, compile_program, program_of
from runtime.graph.shapes import Dims
from runtime.graph.state import DEADLINE, SessionState, VariableCell
from runtime.graph.tensor import Tensor
from runtime.graph.tracing import Trace

# Plans are specialised for the shapes of what is fed. A caller who feeds ever new shapes gets,
# after so many, a plan that works for all of them.
_SPECIALISATIONS = 16
_SHARED = 4 * _SPECIALISATIONS  # by all sessions on one graph


# Types whose objects are a single element; variables.py adds that of variables.
SINGLE: set[type] = {Tensor, Operation}


class _Prepared:
    """Fetches and keys of feeds that were seen before, with their plans by shapes of feeds."""

    __slots__ = ("dtypes", "feeds", "key", "last", "plans", "structure", "unique")

    def __init__(self, key: Any, structure: Structure, feeds: list[Tensor]) -> None:
        self.key = key
        self.structure = structure
        self.feeds = feeds
        self.unique = list(dict.fromkeys(feeds))
        self.dtypes = [tensor.dtype.numpy for tensor in feeds]
        self.plans: dict[Any, tuple[Function, Program]] = {}
        # Which of the fed values counts if a tensor is fed twice: the last one.
        last = [len(feeds) - 1 - feeds[::-1].index(tensor) for tensor in self.unique]
        self.last = last if len(last) < len(feeds) else None


@attrs.define(eq=False)
class PartialRun:
    """What is known of a run in parts.

    Attributes:
        fetches: What may be fetched.
        feeds: What may still be fed.
        values: What was fed or fetched so far.
    """

    fetches: set[Any]  # tensors and operations
    feeds: set[Tensor]
    values: dict[Any, Any] = attrs.field(factory=dict)

    def feed(self, tensors: Iterable[Tensor], values: Iterable[Any]) -> None:
        """Takes what a part feeds.

        Args:
            tensors: The tensors.
            values: Their values.

        Raises:
            ValueError: If a tensor was not prepared, or was fed already.
        """
        for tensor, value in zip(tensors, values, strict=True):
            if tensor not in self.feeds:
                raise ValueError(
                    f"The feed {tensor.name!r} was fed already in this partial run, or was not "
                    "given to partial_run_setup."
                )
            self.feeds.remove(tensor)
            self.values[tensor] = value

    def check_fetches(self, elements: Iterable[Any]) -> None:
        """Checks what a part fetches.

        Args:
            elements: Tensors and operations.

        Raises:
            ValueError: If one was not prepared.
        """
        for element in elements:
            if element not in self.fetches:
                raise ValueError(f"The fetch {element.name!r} was not given to partial_run_setup.")


@export("Session")
class Session:
    """Runs operations of a graph and holds the state of its variables and queues.

    It may be used from several threads at once.

    Source: the ``tf.compat.v1.Session`` documentation.

    Args:
        target: The engine; only ``''``, the embedded one, exists.
        graph: The graph; the default graph if None.
        config: Options.

    Attributes:
        event_listener: Called with the name of an event and its details by whoever does
            something with the session that an event log should know; None if nobody listens.
        hook_states: What hooks want to have saved with the variables, or None.

    Raises:
        TypeError: If an argument is of the wrong type.
        NotFoundError: If the target is not known.
    """

    def __init__(
        self, target: str = "", graph: Graph | None = None, config: ConfigProto | None = None
    ) -> None:
        self._graph = get_default_graph() if graph is None else graph
        self._config = ConfigProto() if config is None else config
        self._target = target
        self._check_arguments()
        self._state = SessionState()
        self._closed = False
        self._lock = threading.Lock()
        self._unfed: dict[Any, Function] = {}
        self._fed: dict[Any, _Prepared] = {}
        self._prepared: dict[Any, _Prepared] = {}
        self._contexts: list[Any] = []
        self._partial_runs: dict[str, PartialRun] = {}
        self.event_listener: Callable[[str, Mapping[str, object]], None] | None = None
        self.hook_states: Any = None  # hooks are above the graph

    def _check_arguments(self) -> None:
        if not isinstance(self._target, str):
            raise TypeError(f"Argument `target` must be a string, but got {self._target!r}.")
        if not isinstance(self._graph, Graph):
            raise TypeError(f"Argument `graph` must be a tf.Graph, but got {self._graph!r}.")
        if not isinstance(self._config, ConfigProto):
            raise TypeError(f"Argument `config` must be a tf.ConfigProto, got {self._config!r}.")
        if self._target:
            raise errors.NotFoundError(
                None,
                None,
                f"No engine is registered for the session target {self._target!r}. Only the "
                "embedded engine exists: use target='' (for a monitored session: master='').",
            )

    @property
    def graph(self) -> Graph:
        """The graph whose operations it runs."""
        return self._graph

    @property
    def graph_def(self) -> GraphDef:
        """A description of the graph."""
        return self._graph.as_graph_def()

    @property
    def sess_str(self) -> str:
        """The target."""
        return self._target

    def run(
        self,
        fetches: Any,
        feed_dict: Any = None,
        options: RunOptions | None = None,
        run_metadata: RunMetadata | None = None,
    ) -> Any:
        """Carries out what is needed to compute the fetches, once.

        Args:
            fetches: A tensor, an operation, a variable, a name of one, or a structure of these:
                list, tuple, namedtuple, dict, attrs object, nested at will.
            feed_dict: Values for tensors (given as objects or names), which replace what the
                graph would compute for them.
            options: A time limit for waiting, whether to record times.
            run_metadata: Filled with what the options ask for.

        Returns:
            The same structure with NumPy arrays and scalars for tensors and None for
            operations. Nothing in it shares memory with what later runs change.

        Raises:
            RuntimeError: If the session is closed.
            TypeError: If a fetch or a feed's key or value is of an impossible type.
            ValueError: If a fetch or feed is not in the graph, or a value has a wrong shape.
            tf.errors.OpError: If an operation fails.
        """
        if feed_dict is None is options and run_metadata is None:
            try:
                plan = self._unfed.get(fetches if type(fetches) in SINGLE else signature(fetches))
            except TypeError:  # something in it has no hash, so it can't be fetched
                plan = None
            if plan is not None:
                try:
                    return plan()
                except Exception as error:
                    reraise(error, program_of(plan))
        elif type(feed_dict) is dict and options is None is run_metadata:
            try:
                prepared = self._fed.get((signature(fetches), *feed_dict))
            except TypeError:  # as above
                prepared = None
            if prepared is not None:
                arrays, shapes = _converted(prepared, feed_dict.values())
                plan, program = prepared.plans.get(shapes) or self._plan(prepared, shapes, arrays)
                try:
                    return plan(*arrays)
                except Exception as error:
                    reraise(error, program)
        return self._run(fetches, feed_dict, options, run_metadata)

    def _run(
        self,
        fetches: Any,
        feed_dict: Any,
        options: RunOptions | None,
        run_metadata: RunMetadata | None,
    ) -> Any:
        self._check_open()
        if options is not None and not isinstance(options, RunOptions):
            raise TypeError(f"options must be a tf.RunOptions, not {type(options).__name__}.")
        if run_metadata is not None and not isinstance(run_metadata, RunMetadata):
            raise TypeError(
                f"run_metadata must be a tf.RunMetadata, not {type(run_metadata).__name__}."
            )
        prepared, values = self._prepare(fetches, feed_dict)
        arrays, shapes = _converted(prepared, values)
        if options is not None or self._config.operation_timeout_in_ms > 0:
            return self._run_with_options(prepared, arrays, shapes, options, run_metadata)
        plan, program = self._plan(prepared, shapes, arrays)
        self._remember(prepared, plan)
        return _carried_out(plan, program, arrays)

    def _remember(self, prepared: _Prepared, plan: Function) -> None:
        """Lets later runs of the same fetches, fed for the same tensors, find the plan at once."""
        if prepared.key is not None:
            with self._lock:
                if self._closed:
                    return
                if prepared.feeds:
                    self._fed[prepared.key] = prepared
                else:
                    self._unfed[prepared.key[0]] = plan

    def _check_open(self) -> None:
        if self._closed:
            raise RuntimeError("Attempted to use a closed Session.")

    def _prepare(self, fetches: Any, feed_dict: Any) -> tuple[_Prepared, list[Any]]:
        feeds = _mapping(feed_dict)
        key: Any = (signature(fetches), *feeds)
        try:
            known = self._prepared.get(key)
        except TypeError:  # something in it has no hash, so it can't be an element
            key = None
            known = None
        if known is None:
            if not self._graph.version:
                raise RuntimeError(
                    "The session's graph is empty: nothing can be run in it. Make operations in "
                    "it, or give another graph: tf.Session(graph=...)."
                )
            structure = structure_of(fetches, self._graph)
            known = _Prepared(key, structure, fed_tensors(tuple(feeds), self._graph))
            if key is not None:
                self._prepared[key] = known
        return known, list(feeds.values())

    def _plan(
        self, prepared: _Prepared, shapes: Any, arrays: Collection[Any]
    ) -> tuple[Function, Program]:
        found = prepared.plans.get(shapes)
        if found is not None:
            return found
        _check_fed(prepared, arrays)
        if len(prepared.plans) >= _SPECIALISATIONS:
            shapes = None
            if None in prepared.plans:
                return prepared.plans[None]
        program = self._compiled(prepared, shapes, traced=False)
        plan = program.bind(self._state)
        with self._lock:
            prepared.plans[shapes] = plan, program
        return plan, program

    def _compiled(self, prepared: _Prepared, shapes: Any, traced: bool) -> Program:
        """The program for feeds of certain shapes; sessions on one graph share it."""
        shared: dict[Any, dict[Any, Program]] = self._graph.programs if prepared.key else {}
        known = shared.setdefault((prepared.key, traced), {})
        if shapes not in known and len(known) >= _SHARED:
            shapes = None
        if shapes not in known:
            known[shapes] = self._new_program(prepared, shapes, traced)
        return known[shapes]

    def _new_program(self, prepared: _Prepared, shapes: Any, traced: bool) -> Program:
        dims: list[Dims] = [t.dims for t in prepared.unique] if shapes is None else [*shapes]
        structure = prepared.structure
        request = Request(
            structure.elements,
            structure.source,
            prepared.unique,
            [Spec(t.dtype, d) for t, d in zip(prepared.unique, dims, strict=True)],
            structure.constants,
            traced,
        )
        try:
            return compile_program(request)
        except PlanError as error:
            reraise(errors.InvalidArgumentError(None, error.op, error.message), None)

    def _run_with_options(
        self,
        prepared: _Prepared,
        arrays: Collection[Any],
        shapes: Any,
        options: RunOptions | None,
        run_metadata: RunMetadata | None,
    ) -> Any:
        chosen = RunOptions() if options is None else options
        limit = chosen.timeout_in_ms or self._config.operation_timeout_in_ms
        before = DEADLINE.moment
        DEADLINE.moment = time.monotonic() + limit / 1000 if limit > 0 else before
        try:
            if _asks_for_statistics(chosen) and run_metadata is not None:
                return self._traced(prepared, arrays, shapes, chosen, run_metadata)
            plan, program = self._plan(prepared, shapes, arrays)
            if chosen.output_partition_graphs and run_metadata is not None:
                run_metadata.partition_graphs = [program.description()]
            result = _carried_out(plan, program, arrays)
            if (DEADLINE.remaining() or 0) < 0:
                raise errors.DeadlineExceededError(
                    None, None, f"The run took longer than its time limit of {limit} ms."
                )
            return result
        finally:
            DEADLINE.moment = before

    def _traced(
        self,
        prepared: _Prepared,
        arrays: Collection[Any],
        shapes: Any,
        options: RunOptions,
        run_metadata: RunMetadata,
    ) -> Any:
        """Carries out a variant of the plan that records the time of each operation."""
        _check_fed(prepared, arrays)
        program = self._compiled(prepared, shapes, traced=True)
        trace = Trace()
        plan = program.bind(self._state, clock=time.perf_counter_ns, record=trace.record)
        if options.output_partition_graphs:
            run_metadata.partition_graphs = [program.description()]
        try:
            return _carried_out(plan, program, arrays)
        finally:
            if not set(prepared.structure.elements) <= set(prepared.unique):
                run_metadata.step_stats = trace.step_stats()

    def make_callable(
        self, fetches: Any, feed_list: Any = None, accept_options: bool = False
    ) -> Callable[..., Any]:
        """A function that runs the same fetches again and again.

        Args:
            fetches: As for `run`.
            feed_list: Tensors whose values are the function's arguments, in this order.
            accept_options: Whether the function takes `options` and `run_metadata`.

        Returns:
            The function.

        Raises:
            TypeError: If the feed list is neither a list nor a tuple.
        """
        if feed_list is not None and not isinstance(feed_list, (list, tuple)):
            raise TypeError(f"Argument `feed_list` must be a list or tuple, got {feed_list!r}.")
        keys = list(feed_list or ())
        structure_of(fetches, self._graph)
        fed_tensors(tuple(keys), self._graph)

        def call(*values: Any, **options: Any) -> Any:
            if len(values) != len(keys):
                raise ValueError(f"This callable needs {len(keys)} arguments, got {len(values)}.")
            if options and not accept_options:
                raise TypeError(f"This callable takes no options, but got {sorted(options)}.")
            feeds = dict(zip(keys, values, strict=True)) if keys else None
            return self.run(fetches, feeds, **options)

        return call

    def partial_run_setup(self, fetches: Any, feeds: Any = None) -> str:
        """Prepares a run that is carried out in several parts.

        Source: the ``tf.compat.v1.Session.partial_run_setup`` documentation.

        Args:
            fetches: Everything that the parts will fetch.
            feeds: The tensors that the parts will feed.

        Returns:
            A handle for `partial_run`.

        Raises:
            RuntimeError: If the session is closed.
            TypeError: If something can't be fetched or fed.
            ValueError: If something is not in the graph.
        """
        self._check_open()
        elements = structure_of(fetches, self._graph).elements
        fed = fed_tensors(tuple(feeds or ()), self._graph)
        handle = f"partial_run/{len(self._partial_runs)}"
        self._partial_runs[handle] = PartialRun(set(elements), set(fed))
        return handle

    def partial_run(self, handle: str, fetches: Any, feed_dict: Any = None) -> Any:
        """Carries out a part of a run: what it fetches, from all that was fed so far.

        What an earlier part has fetched keeps its value; what it computed without fetching it is
        computed again if it is needed again.

        Source: the ``tf.compat.v1.Session.partial_run`` documentation.

        Args:
            handle: What `partial_run_setup` gave.
            fetches: As for `run`; among those that were prepared.
            feed_dict: As for `run`; only for tensors that were prepared, each once.

        Returns:
            As for `run`.

        Raises:
            ValueError: If there is no such run, or something was not prepared or already fed.
            tf.errors.OpError: If an operation fails.
        """
        self._check_open()
        if handle not in self._partial_runs:
            raise ValueError(
                f"There is no partial run {handle!r}: partial_run_setup gives handles."
            )
        part = self._partial_runs[handle]
        feeds = _mapping(feed_dict)
        part.feed(fed_tensors(tuple(feeds), self._graph), feeds.values())
        elements = structure_of(fetches, self._graph).elements
        part.check_fetches(elements)
        tensors = [element for element in elements if isinstance(element, Tensor)]
        result, values = self.run([fetches, tensors], part.values)
        part.values.update(zip(tensors, values, strict=True))
        return result

    def write_variables(self, values: Mapping[Any, Any]) -> None:
        """Sets variables without an operation; so it also works on a finalized graph.

        Nothing is set unless all values fit. For restoring checkpoints.

        Args:
            values: Arrays by variable. The session keeps them; nobody else may change them.

        Raises:
            RuntimeError: If the session is closed.
            ValueError: If a variable belongs to another graph, or a value has another element
                type or shape than its variable.
        """
        self._check_open()
        contents = [
            (self._cell(variable), _contents(variable, value)) for variable, value in values.items()
        ]
        for cell, value in contents:
            with cell.lock:
                cell.value = value

    @contextmanager
    def pinned_variables(self, variables: Iterable[Any]) -> Iterator[dict[Any, Any]]:
        """Variables' contents as they are now, without a copy. For saving checkpoints.

        All are taken at once, but not between two operations of a run in another thread. While
        the block lasts, an update leaves the arrays alone and goes on with a copy of its own. So
        nothing is torn, and nothing is copied that nobody trains on meanwhile.

        Args:
            variables: Variables of this session's graph.

        Yields:
            Array or scalar by variable; for reading only.

        Raises:
            RuntimeError: If the session is closed.
            ValueError: If a variable belongs to another graph.
            FailedPreconditionError: If a variable has no value.
        """
        self._check_open()
        cells = {variable: self._cell(variable) for variable in variables}
        pinned: dict[Any, Any] = {}
        try:
            for variable, cell in cells.items():
                pinned[variable] = _pinned(cell, variable)
            yield dict(pinned)
        finally:
            for variable, value in pinned.items():
                cells[variable].unpin(value)

    def _cell(self, variable: Any) -> VariableCell:
        if variable.graph is not self._graph:
            raise ValueError(f"{variable!r} is not a variable of this session's graph.")
        cell: VariableCell = self._state.of(variable.op)
        return cell

    def list_devices(self) -> list[str]:
        """Names of the devices: the CPU."""
        return ["/job:localhost/replica:0/task:0/device:CPU:0"]

    def close(self) -> None:
        """Ends the session: state is dropped, whatever waits in it fails with CancelledError."""
        with self._lock:
            self._closed = True
            self._unfed.clear()
            self._fed.clear()
        self._prepared.clear()
        self._partial_runs.clear()
        self._state.cancel()

    def as_default(self) -> AbstractContextManager["Session"]:
        """Makes this session the default of the thread inside a `with` block.

        Returns:
            A context manager that yields the session.
        """
        return default_session(self)

    def __enter__(self) -> "Session":
        contexts = (self._graph.as_default(), default_session(self))
        for context in contexts:
            context.__enter__()
        self._contexts.append(contexts)
        return self

    def __exit__(self, *error: Any) -> None:
        for context in reversed(self._contexts.pop()):
            context.__exit__(*error)
        self.close()


@export("InteractiveSession")
class InteractiveSession(Session):
    """A session that makes itself the default when it is created, for use in a shell.

    Source: the ``tf.compat.v1.InteractiveSession`` documentation.

    Args:
        target: As for `Session`.
        graph: As for `Session`.
        config: As for `Session`.
    """

    def __init__(
        self, target: str = "", graph: Graph | None = None, config: ConfigProto | None = None
    ) -> None:
        super().__init__(target, graph, config)
        self._open: list[AbstractContextManager[Any]] = [default_session(self)]
        if graph is not None:
            self._open.append(graph.as_default())
        for context in self._open:
            context.__enter__()

    def close(self) -> None:
        """Ends the session and stops being the default."""
        super().close()
        while self._open:
            self._open.pop().__exit__(None, None, None)


def _pinned(cell: VariableCell, variable: Any) -> Any:
    try:
        return cell.pin()
    except AttributeError:
        message = f"{uninitialized(cell.name)}\n\t[in {described(variable.op)}]"
        raise errors.FailedPreconditionError(variable.op.node_def, variable.op, message) from None


def _contents(variable: Any, value: Any) -> Any:
    """A value as a variable's cell holds it: scalars, but for strings, are no arrays."""
    array = np.asarray(value, order="C")
    if array.dtype != variable.dtype.numpy or not variable.shape.is_compatible_with(array.shape):
        raise ValueError(
            f"A value of type {array.dtype} and shape {array.shape} can't be given to the variable "
            f"{variable.op.name!r} of type {variable.dtype.name} and shape {variable.shape}."
        )
    return array if array.dtype == object else array[()]


def _asks_for_statistics(options: RunOptions) -> bool:
    """Whether the times of operations are recorded; TensorFlow does it for either option."""
    return bool(options.trace_level or options.report_tensor_allocations_upon_oom)


def _mapping(feed_dict: Any) -> dict[Any, Any]:
    if not feed_dict:
        return {}
    if type(feed_dict) is not dict and not isinstance(feed_dict, Mapping):
        raise TypeError(f"feed_dict must be a dictionary of tensors and values, not {feed_dict!r}.")
    return flattened(feed_dict)


def _converted(prepared: _Prepared, values: Collection[Any]) -> tuple[Collection[Any], Any]:
    """The fed arrays, one for each tensor, and their shapes."""
    array, shapes = np.ndarray, []
    for value, dtype in zip(values, prepared.dtypes):  # noqa: B905  # equally long, and this is faster
        if type(value) is not array or value.dtype is not dtype:
            break
        shapes.append(value.shape)
    else:
        if prepared.last is None:
            return values, tuple(shapes)
    arrays = [
        value if type(value) is array and value.dtype is dtype else fed_array(tensor, value)
        for tensor, dtype, value in zip(prepared.feeds, prepared.dtypes, values)  # noqa: B905  # as above
    ]
    if prepared.last is not None:
        arrays = [arrays[index] for index in prepared.last]
    return arrays, tuple([array.shape for array in arrays])


def _check_fed(prepared: _Prepared, arrays: Collection[Any]) -> None:
    for tensor, array in zip(prepared.unique, arrays, strict=True):
        check_shape(tensor, array.shape)


def _carried_out(plan: Function, program: Program, arrays: Collection[Any]) -> Any:
    try:
        return plan(*arrays)
    except Exception as error:
        reraise(error, program)
