"""The world of the model: everything that the model session opens, told to the recorder."""

import contextlib
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any

from tests.oracle.faults import Fault, error_classes
from tests.oracle.model import errors
from tests.oracle.model.coordinator import Coordinator
from tests.oracle.model.graph import FAILING, INITIAL, SYMBOLS, Graph, Raw, Symbol
from tests.oracle.model.merge import Arguments, Identity, Merger, Options
from tests.oracle.model.scaffold import Scaffold
from tests.oracle.model.session import MonitoredSession, SingularSession
from tests.oracle.recorder import Recorder, describe_error
from tests.oracle.world import World


class ModelWorld(World):
    """One scenario's world, with the rules that are switched on in it."""

    hook_base = object

    def __init__(self, scenario: Mapping[str, Any], rules: Collection[str] = ()) -> None:
        self.scenario = scenario
        self.rules = frozenset(rules)
        self.recorder = Recorder()
        self.errors = error_classes(errors)
        self.graph = Graph(self._flipped)
        self._raws: list[Raw] = []
        self._coordinators: list[Coordinator] = []
        self._stuck = 0
        self._foreign: Graph | None = None
        self._faults: dict[str, Fault] = {}
        self._given = (
            Scaffold(scenario["scaffold"]) if scenario.get("scaffold") is not None else None
        )
        self._finalize_beforehand()

    def wants(self, rule: str) -> bool:
        """Tells whether a rule is switched on."""
        return rule in self.rules

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

    def hook_index(self, key: Any) -> int:
        """Returns the number of a hook."""
        hook = key.hook if isinstance(key, Identity) else key
        return int(hook.index)

    # Raw sessions.

    def open(self, hooks: Any, plain: bool = False) -> Any:
        """Constructs the model session."""
        monitored = self.scenario["session"] == "monitored"
        return (MonitoredSession if monitored else SingularSession)(self, hooks, plain)

    def create_raw(self) -> Raw:
        """Opens a raw session."""
        self._strike("session_create", self.scenario.get("session_create"))
        variables = {} if self.scenario.get("model") == "empty" else INITIAL
        raw = Raw(len(self._raws), self.graph, variables)
        self._raws.append(raw)
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

    def merged_run(self, raw: Any, merger: Merger) -> Any:
        """Runs what hooks and caller asked for."""
        player = self.player
        self.recorder.emit(
            "run",
            s=raw.number,
            fetch=merger.shown_fetches(player.shown_fetches),
            feed=player.shown_feed(merger.feed),
            options=self.shown_options(merger.options),
        )
        with self._failing("run"):
            return raw.run(merger.fetches, merger.feed)

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
        self._init("init_op", raw, scaffold, raw.initialize)
        wanted = scaffold.spec.get("init_fn")
        if wanted is None:
            return
        self.recorder.emit("init_fn", s=self.shown_session(raw))
        with self._failing("init_fn"):
            self._scaffold_fault(scaffold, "init_fn", "init_fn")
            if "run" in wanted:
                self.player.init_run(raw, wanted["run"])

    def initialize_local(self, raw: Raw, scaffold: Scaffold) -> None:
        """Runs local_init_op."""
        self._init("local_init_op", raw, scaffold, raw.initialize_local)

    def _init(self, part: str, raw: Raw, scaffold: Scaffold, usual: Callable[[], None]) -> None:
        self.recorder.emit(part, s=raw.number)
        with self._failing(part):
            self._scaffold_fault(scaffold, part, part)
            kind = scaffold.spec.get(part, "ok")
            if kind in ("inv", "oor"):
                raise FAILING[kind]()
            if kind != "noop":
                usual()

    def ready(self, part: str, raw: Raw, scaffold: Scaffold) -> bool:
        """Runs a ready check and tells its outcome."""
        kind = scaffold.spec.get(part, "default")
        if kind == "uninit":
            error: Exception = errors.FailedPreconditionError("Could not find variable never")
            self.recorder.emit(part, s=raw.number, exc=describe_error(error))
            return False
        if kind in ("inv", "oor"):
            error = FAILING[kind]()
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
        return kind != "not_ready"

    # Threads.

    def create_coordinator(self) -> Coordinator:
        """Makes a coordinator."""
        coordinator = Coordinator(len(self._coordinators), self.recorder)
        self._coordinators.append(coordinator)
        return coordinator

    def start_queue_runners(self, raw: Raw, coordinator: Coordinator) -> None:
        """Starts the producer, which at once does all that it can."""
        spec = self.scenario.get("qr")
        if spec is None:
            return
        if "start_raise" in spec:
            self._strike("qr_start", {**spec, "raise": spec["start_raise"]}, "queue_runners")
        self.recorder.emit("queue_runners", s=raw.number)
        if "lv" not in raw.variables:
            coordinator.report(errors.NotFoundError("Could not find resource: lv"))
            return
        raw.queue.extend(range(spec["n"]))
        if "raise" in spec:
            cause = {"InvalidArgumentError": "ValueError"}.get(spec["raise"], "RuntimeError")
            coordinator.report(self.error(spec["raise"], f"{cause}: inj:enqueue"))

    def start_thread(self, coordinator: Any, kind: Any, place: str) -> None:
        """Starts a thread of a hook."""
        if kind == "obedient":
            coordinator.register(place)
        elif kind == "stuck":
            self._stuck += 1
        else:
            coordinator.report(self.error(kind["raise"], f"inj:{place}.thread"))

    def wait(self) -> None:
        """Needs nothing: threads of the model have always done what they can."""

    def final(self) -> dict[str, Any]:
        """Returns the final state."""
        return {
            "sessions": ["closed" if raw.closed else "open" for raw in self._raws],
            "fin": self.graph.finalized,
            "coords": [[c.stopped, c.joined] for c in self._coordinators],
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
