"""The stage on which a session plays a scenario: graph, raw sessions and scaffold in plain Python.

It stands in for what a session is used with, so that playing a scenario takes microseconds; what is
done on it is told to the recorder. The session itself is the real one.
"""

import contextlib
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from statemachine.testing.faults import Fault, error_classes
from statemachine.testing.model import errors
from statemachine.testing.model.graph import FAILING, INITIAL, SYMBOLS, Graph, Raw, Symbol
from statemachine.testing.model.merge import Arguments, Options
from statemachine.testing.model.scaffold import Scaffold
from statemachine.testing.recorder import Recorder, describe_error
from statemachine.testing.world import World

# Any, here: the parts of a scenario are JSON, and sessions are of whatever class is tested.


class Stage(World):
    """The stage of one scenario.

    Args:
        scenario: The scenario, in the form of its JSON.
        namespace: Where the error classes are that operations and faults raise.

    Attributes:
        graph: The graph: whether it is finalized.
        raws: The raw sessions that were opened, in order.
    """

    hook_base: type = object
    raw_class: type[Raw] = Raw

    def __init__(self, scenario: Mapping[str, Any], namespace: Any = errors) -> None:
        self.scenario = scenario
        self.recorder = Recorder()
        self.errors = error_classes(namespace)
        self.graph = Graph(self._flipped)
        self.raws: list[Raw] = []
        self._stuck = 0
        self._foreign: Graph | None = None
        self._faults: dict[str, Fault] = {}
        given = scenario.get("scaffold")
        self._given = None if given is None else Scaffold(given)
        self._finalize_beforehand()

    # Graph.

    def _finalize_beforehand(self) -> None:
        kind = self.scenario.get("pre_finalized")
        if kind == "plain":
            self.graph.finalized = True
        elif kind == "scaffold":
            self._given = self._given or Scaffold(None)
            self._given.finalize(self.graph)
            self.recorder.events.clear()

    def _flipped(self, finalized: bool) -> None:
        self.recorder.emit("graph_finalize" if finalized else "graph_unfinalize")

    def _foreign_flipped(self, finalized: bool) -> None:
        self.recorder.emit("graph_finalize" if finalized else "graph_unfinalize", other=True)

    @contextlib.contextmanager
    def own_graph(self) -> Iterator[None]:
        """Is the default from the start."""
        yield

    @contextlib.contextmanager
    def foreign_graph(self) -> Iterator[None]:
        """Makes a finalized foreign graph the default one."""
        before = self._foreign
        self._foreign = Graph(self._foreign_flipped, finalized=True)
        try:
            yield
        finally:
            self._foreign = before

    def graph_to_open(self, own: bool) -> Graph:
        """Returns the graph that a close opens again."""
        return self.graph if own or self._foreign is None else self._foreign

    def finalized(self) -> bool:
        """Tells whether the graph is finalized."""
        return self.graph.finalized

    def add_operation(self) -> None:
        """Adds an operation."""
        self.graph.add()

    def make_constant(self, name: str, value: float) -> None:
        """Adds a constant."""
        self.graph.add()
        self.graph.constants[name] = value

    def tensor(self, symbol: str) -> Any:
        """Returns the symbol's tensor."""
        known = symbol in SYMBOLS and (symbol != "deq" or "qr" in self.scenario)
        if self.scenario.get("model") == "empty":
            known = False
        return Symbol(symbol) if known or symbol in self.graph.constants else symbol

    def tensor_name(self, symbol: str) -> str:
        """Returns the tensor's name."""
        return f"{symbol}:0"

    def symbol(self, fetched: Any) -> str:
        """Returns the symbol."""
        if isinstance(fetched, Symbol):
            return fetched.name
        name, colon, _ = fetched.partition(":")
        return f"@{name}" if colon else name

    # What hooks return and are given.

    def run_args(self, fetches: Any, feed: Any, options: Any) -> Any:
        """Makes the return value of before_run."""
        return Arguments(fetches, feed, options)

    def options(self, spec: Mapping[str, Any]) -> Any:
        """Makes options."""
        return Options({k: v for k, v in spec.items() if v})

    def shown_options(self, options: Any) -> dict[str, Any]:
        """Returns the options."""
        return dict(options.fields)

    def has_step_stats(self, metadata: Any) -> bool:
        """Tells whether something was traced."""
        return bool(metadata.step_stats)

    # Raw sessions.

    def create_raw(self) -> Raw:
        """Opens a raw session."""
        self._strike("session_create", self.scenario.get("session_create"))
        variables = {} if self.scenario.get("model") == "empty" else INITIAL
        raw = self.raw_class(len(self.raws), self.graph, variables, self.error)
        self.raws.append(raw)
        self.recorder.emit("session_create", s=raw.number)
        return raw

    def close_raw(self, raw: Raw) -> None:
        """Closes a raw session."""
        self.recorder.emit("session_close", s=raw.number)
        spec = self.scenario.get("raw_close")
        if spec and raw.number < spec.get("times", 1):
            error = self.error(spec["raise"], f"inj:raw_close{raw.number}")
            self.recorder.fail("session_close", error)
            raise error
        raw.closed = True

    def session_number(self, raw: Any) -> int:
        """Returns its number."""
        return int(raw.number)

    def session_open(self, raw: Any) -> bool:
        """Tells whether it is open."""
        return not raw.closed

    @contextlib.contextmanager
    def direct(self) -> Iterator[None]:
        """Needs nothing: raw runs of the model write nothing down themselves."""
        yield

    def shown_graph(self, graph: Any) -> Any:
        """Shows a graph."""
        if graph is None:
            return None
        which = "same" if graph is self.graph else "other"
        return [which, "finalized" if graph.finalized else "open"]

    # Starting.

    def checkpoint(self) -> str | None:
        """Returns which checkpoint is there: its name, "both", or None."""
        directory, file = (self.scenario.get(k) for k in ("ckpt_dir", "ckpt_file"))
        if directory and file:
            return "both"
        if file:
            return str(file)
        return None if directory in (None, "empty", "missing") else str(directory)

    def scaffold(self, plain: bool) -> Scaffold:
        """Returns the scaffold that was given, or a new one."""
        return Scaffold(None) if plain or self._given is None else self._given

    def finalize(self, scaffold: Scaffold) -> None:
        """Finalizes the scaffold."""
        self.recorder.emit("scaffold_finalize")
        with self._failing("scaffold_finalize"):
            self._scaffold_fault(scaffold, "finalize", "scaffold_finalize")
            scaffold.finalize(self.graph)

    def restore(self, raw: Raw, scaffold: Scaffold, name: str) -> None:
        """Restores from a checkpoint."""
        self.recorder.emit("restore", s=raw.number, ck=name)
        with self._failing("restore"):
            self._scaffold_fault(scaffold, "saver", "restore")
            raw.restore(name)

    def initialize(self, raw: Raw, scaffold: Scaffold) -> None:
        """Runs init_op and init_fn."""
        self.run_init("init_op", raw, scaffold, raw.initialize)
        if scaffold.spec.get("init_fn") is not None:
            self.call_init_fn(raw, scaffold)

    def call_init_fn(self, raw: Raw, scaffold: Scaffold) -> None:
        """Does what the scaffold's init_fn does."""
        wanted = scaffold.spec["init_fn"]
        self.recorder.emit("init_fn", s=self.shown_session(raw))
        with self._failing("init_fn"):
            self._scaffold_fault(scaffold, "init_fn", "init_fn")
            if "run" in wanted:
                self.player.init_run(raw, wanted["run"])

    def initialize_local(self, raw: Raw, scaffold: Scaffold) -> None:
        """Runs local_init_op."""
        self.run_init("local_init_op", raw, scaffold, raw.initialize_local)

    def run_init(self, part: str, raw: Raw, scaffold: Scaffold, usual: Callable[[], None]) -> None:
        """Runs an init op."""
        self.recorder.emit(part, s=raw.number)
        with self._failing(part):
            self._scaffold_fault(scaffold, part, part)
            kind = scaffold.spec.get(part, "ok")
            if kind in ("inv", "oor"):
                raise self.error(*FAILING[kind])
            if kind != "noop":
                usual()

    def ready(self, part: str, raw: Raw, scaffold: Scaffold) -> bool:
        """Runs a ready check and tells its outcome."""
        kind = scaffold.spec.get(part, "default")
        if kind == "uninit":
            error = self.error("FailedPreconditionError", "Could not find variable never")
            self.recorder.emit(part, s=raw.number, exc=describe_error(error))
            return False
        if kind in ("inv", "oor"):
            error = self.error(*FAILING[kind])
            self.recorder.emit(part, s=raw.number, exc=describe_error(error))
            raise error
        ready = self._is_ready(kind, part, raw, scaffold)
        self.recorder.emit(part, s=raw.number, ready=ready)
        return ready

    def _is_ready(self, kind: Any, part: str, raw: Raw, scaffold: Scaffold) -> bool:
        if isinstance(kind, Mapping):
            return not scaffold.faults[part].strikes()
        if kind == "default":
            needed = set(raw.initial)
            if part == "ready_op" and needed:
                needed.add("lv")
            return needed <= raw.variables.keys()
        return bool(kind != "not_ready")

    def produce(self, raw: Raw, report: Callable[[BaseException], None]) -> None:
        """Starts the producer, which at once does all that it can."""
        spec = self.scenario.get("qr")
        if spec is None:
            return
        if "start_raise" in spec:
            self._strike("qr_start", {**spec, "raise": spec["start_raise"]}, "queue_runners")
        self.recorder.emit("queue_runners", s=raw.number)
        if "lv" not in raw.variables:
            report(self.error("NotFoundError", "Could not find resource: lv"))
            return
        raw.queue.extend(range(spec["n"]))
        if "raise" in spec:
            cause = {"InvalidArgumentError": "ValueError"}.get(spec["raise"], "RuntimeError")
            report(self.error(spec["raise"], f"{cause}: inj:enqueue"))

    def final(self) -> dict[str, Any]:
        """Returns the final state."""
        return {
            "sessions": ["closed" if raw.closed else "open" for raw in self.raws],
            "fin": self.graph.finalized,
            "stuck": self._stuck,
        }

    # Faults.

    def _strike(self, where: str, spec: Mapping[str, Any] | None, what: str = "") -> None:
        if spec is None:
            return
        fault = self._faults.setdefault(where, Fault.from_spec(spec))
        if fault.strikes():
            error = self.error(spec["raise"], f"inj:{where}")
            self.recorder.fail(what or where, error)
            raise error

    def _scaffold_fault(self, scaffold: Scaffold, part: str, where: str) -> None:
        fault = scaffold.faults.get(part)
        if fault and fault.strikes():
            raise self.error(scaffold.spec[part]["raise"], f"inj:{where}")

    @contextlib.contextmanager
    def _failing(self, what: str) -> Iterator[None]:
        try:
            yield
        except BaseException as error:
            self.recorder.fail(what, error)
            raise
