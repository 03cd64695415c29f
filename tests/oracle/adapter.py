"""The world of this project's classes: plays a scenario on them and watches their seams."""

import contextlib
import threading
from collections.abc import Iterator, Mapping
from typing import Any

import runtime as tf
from statemachine.testing.faults import error_classes
from statemachine.testing.player import play, report
from statemachine.testing.recorder import Recorder
from statemachine.testing.trace import Observation
from statemachine.testing.world import MOST_RECOVERIES, World
from tests.oracle.fixed_model import FixedModel
from tests.oracle.watching import Watch, watching

STUCK_GRACE_SECONDS = 0.03
SECONDS_TO_WAIT = 10.0
OPTION_FIELDS = (
    "trace_level",
    "timeout_in_ms",
    "output_partition_graphs",
    "report_tensor_allocations_upon_oom",
)


def monitored_session_exists() -> bool:
    """Tells whether there is a MonitoredSession to play scenarios on."""
    return hasattr(tf.train, "MonitoredSession")


def play_on_runtime(scenario: Mapping[str, Any]) -> Observation:
    """Plays a scenario on this project's classes."""
    world = RuntimeWorld(scenario)
    with watching(world.watch):
        try:
            return play(scenario, world)
        finally:
            world.tear_down()


class RuntimeWorld(World):
    """One scenario's graph, sessions, coordinators and threads."""

    hook_base = tf.train.SessionRunHook

    def __init__(self, scenario: Mapping[str, Any]) -> None:
        self.scenario = scenario
        self.recorder = Recorder()
        self.errors = error_classes(tf.errors)
        self.model = FixedModel(scenario, self)
        self.graph = self.model.graph
        self.watch = Watch(self)
        self._stuck: list[threading.Thread] = []
        self._obedient: list[tuple[Any, threading.Thread]] = []
        self._release = threading.Event()
        with self.graph.as_default():
            self._finalize_beforehand()

    def _finalize_beforehand(self) -> None:
        kind = self.scenario.get("pre_finalized")
        if kind == "plain":
            self.graph.finalize()
        elif kind == "scaffold":
            self.model.scaffold = self.model.scaffold or tf.train.Scaffold()
            self.model.scaffold.finalize()

    def error(self, name: str, message: str) -> BaseException:
        """Makes an error; those of `tf.errors` want to know the operation, too."""
        error_class = self.errors[name]
        if issubclass(error_class, tf.errors.OpError):
            return error_class(None, None, message)
        return error_class(message)

    # Graph.

    def own_graph(self) -> contextlib.AbstractContextManager[Any]:
        """Makes the scenario's graph the default one."""
        return self.graph.as_default()

    @contextlib.contextmanager
    def foreign_graph(self) -> Iterator[None]:
        """Makes a finalized foreign graph the default one."""
        graph = tf.Graph()
        with self.direct():
            graph.finalize()
        with graph.as_default():
            yield

    def finalized(self) -> bool:
        """Tells whether the scenario's graph is finalized."""
        return bool(self.graph.finalized)

    def add_operation(self) -> None:
        """Adds an operation."""
        with self.graph.as_default():
            tf.no_op()

    def make_constant(self, name: str, value: float) -> None:
        """Adds a constant; it is a float, as those of the model."""
        with self.graph.as_default():
            self.model.add(name, tf.constant(float(value)))

    def tensor(self, symbol: str) -> Any:
        """Returns the symbol's tensor or operation."""
        return self.model.symbols.get(symbol, symbol)

    def tensor_name(self, symbol: str) -> str:
        """Returns the tensor's name."""
        return str(self.model.symbols[symbol].name)

    def symbol(self, fetched: Any) -> str:
        """Returns the symbol of a tensor, an operation or a name."""
        return self.model.symbol(fetched)

    def shown_graph(self, graph: Any) -> Any:
        """Shows a graph."""
        if graph is None:
            return None
        which = "same" if graph is self.graph else "other"
        return [which, "finalized" if graph.finalized else "open"]

    # What hooks return and are given.

    def run_args(self, fetches: Any, feed: Any, options: Any) -> Any:
        """Makes the return value of before_run."""
        return tf.train.SessionRunArgs(fetches, feed, options)

    def options(self, spec: Mapping[str, Any]) -> Any:
        """Makes run options."""
        return tf.RunOptions(**spec)

    def shown_options(self, options: Any) -> dict[str, Any]:
        """Returns the fields of run options that are not at their default."""
        values = {name: getattr(options, name) for name in OPTION_FIELDS}
        return {name: value for name, value in values.items() if value}

    def has_step_stats(self, metadata: Any) -> bool:
        """Tells whether run metadata hold step statistics."""
        return bool(metadata.HasField("step_stats"))

    # Sessions.

    def open(self, hooks: Any, plain: bool = False) -> Any:
        """Constructs the session under test."""
        if self.scenario["session"] == "monitored":
            return self._open_monitored(hooks, plain)
        arguments = {} if plain else self._arguments()
        return tf.train.SingularMonitoredSession(
            hooks=hooks, stop_grace_period_secs=self._grace(), **arguments
        )

    def _open_monitored(self, hooks: Any, plain: bool) -> Any:
        creator = None
        if self.scenario.get("creator") != "none":
            creator = tf.train.ChiefSessionCreator(**({} if plain else self._arguments()))
        return tf.train.MonitoredSession(
            session_creator=creator,
            hooks=hooks,
            stop_grace_period_secs=self._grace(),
            max_recoveries=MOST_RECOVERIES,
        )

    def _arguments(self) -> dict[str, Any]:
        return {
            "scaffold": self.model.scaffold,
            "checkpoint_dir": self.model.checkpoint_directory(),
            "checkpoint_filename_with_path": self.model.checkpoint_file(),
        }

    def _grace(self) -> float:
        """A scenario with a short grace period has a stuck thread; it gets a shorter one."""
        return STUCK_GRACE_SECONDS if "grace" in self.scenario else SECONDS_TO_WAIT

    def session_number(self, raw: Any) -> int:
        """Returns its number."""
        return int(raw.number)

    def session_open(self, raw: Any) -> bool:
        """Tells whether it is open."""
        return not raw.was_closed

    @contextlib.contextmanager
    def direct(self) -> Iterator[None]:
        """Keeps the watch from writing down raw runs of the scenario itself."""
        self.watch.quiet += 1
        try:
            yield
        finally:
            self.watch.quiet -= 1

    # Threads.

    def start_thread(self, coordinator: Any, kind: Any, place: str) -> None:
        """Registers and starts a thread of a hook."""
        if kind == "stuck":
            thread = threading.Thread(target=self._release.wait, name=place, daemon=True)
            self._stuck.append(thread)
        elif kind == "obedient":
            thread = threading.Thread(target=self._obey, args=(coordinator, place), daemon=True)
            self._obedient.append((coordinator, thread))
        else:
            error = self.error(kind["raise"], f"inj:{place}.thread")
            thread = threading.Thread(target=report, args=(coordinator, error), daemon=True)
        coordinator.register_thread(thread)
        thread.start()
        if isinstance(kind, Mapping):
            thread.join(SECONDS_TO_WAIT)

    def _obey(self, coordinator: Any, place: str) -> None:
        coordinator.wait_for_stop()
        self.recorder.emit_background("thread_exit", of=place)

    def wait(self) -> None:
        """Waits for threads that were asked to stop; producers have done all they can."""
        for coordinator, thread in self._obedient:
            if coordinator.should_stop():
                thread.join(SECONDS_TO_WAIT)

    def final(self) -> dict[str, Any]:
        """Returns the final state."""
        self.wait()
        return {
            "sessions": ["closed" if raw.was_closed else "open" for raw in self.watch.sessions],
            "fin": self.finalized(),
            "coords": [[c.should_stop(), c.joined] for c in self.watch.coordinators],
            "stuck": sum(thread.is_alive() for thread in self._stuck),
        }

    def tear_down(self) -> None:
        """Ends all threads and closes all raw sessions that the scenario left."""
        self.watch.over = True
        self._release.set()
        for coordinator in self.watch.coordinators:
            coordinator.request_stop()
        for raw in self.watch.sessions:
            raw.close()
