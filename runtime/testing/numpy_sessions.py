"""Adapters of this package's own session classes.

The session classes are the real ones, with their hooks, coordinator and event log. Graph and raw
session are those of the stage, which the sessions use through the same narrow seam as the embedded
NumPy graph (`runtime.engine`): so a scenario takes a millisecond.
"""

import contextlib
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final
from unittest import mock

import numpy as np

from runtime import backoff, errors, logging
from runtime.engine import NumpyEngine
from runtime.graph.config import RunOptions
from runtime.monitored_session import MonitoredSession
from runtime.session import SingularMonitoredSession
from runtime.session_creator import ChiefSessionCreator
from runtime.session_run_hook import SessionRunArgs, SessionRunHook
from runtime.testing.adapter import SessionAdapter
from statemachine.log import EventLog, versions
from statemachine.testing.features import EVERYTHING, FEATURES, Feature
from statemachine.testing.live import LiveRaw, LiveStage, Piece
from statemachine.testing.log_checks import TailStore
from statemachine.testing.model.graph import Symbol, symbol_name
from statemachine.testing.model.scaffold import Scaffold
from statemachine.testing.player import report
from statemachine.testing.scenario import Scenario

# Any, here: fetches and feeds are open sets of structures, and parts of scenarios are JSON.
MOST_RECOVERIES: Final = 8
STUCK_GRACE_SECONDS: Final = 0.02
GRACE_SECONDS: Final = 10.0
_READY: Final = np.array([])
_NOT_READY: Final = np.array([b"w"])


class StageEngine(NumpyEngine):
    """The engine of a stage: a graph that computes nothing but what scenarios need."""

    def __init__(self, stage: LiveStage) -> None:
        self._stage = stage

    # The graph is of the stage's own class.
    def current_graph(self) -> Any:
        """The stage's graph, or a foreign one where a scenario is outside of it."""
        return self._stage.graph_to_open(False)

    def as_default(self, graph: Any) -> contextlib.AbstractContextManager[object]:
        """There is but one."""
        return contextlib.nullcontext()

    def is_finalized(self, graph: Any) -> bool:
        """Whether operations can no longer be added."""
        return bool(graph.finalized)

    def unfinalize(self, graph: Any) -> None:
        """Let operations be added again."""
        graph.switch(False)

    def open_session(self, graph: Any, master: str, config: Any) -> Any:
        """A new raw session."""
        return self._stage.open_raw()

    def has_queue_runners(self, graph: Any) -> bool:
        """Whether the scenario has one."""
        return "qr" in self._stage.scenario

    def start_queue_runners(self, session: Any, coord: Any) -> None:
        """Have it do all that it can, at once."""
        self._stage.produce(session, lambda error: report(coord, error))

    def feed_key(self, graph: Any, key: Any) -> Any:
        """What is fed, where it was given by name."""
        return symbol_name(key) if isinstance(key, str | Symbol) else key

    def leads_to(self, graph: Any, fetches: Any, error: BaseException) -> bool:
        """Nobody is told."""
        return False


class _Run(Piece):
    """An init op, or a check."""

    def __init__(self, run: Callable[[LiveRaw], Any]) -> None:
        self._run = run

    def run(self, raw: LiveRaw) -> Any:
        return self._run(raw)


class StageScaffold:
    """The scaffold of a scenario, for sessions that are given the stage's engine."""

    init_feed_dict = local_init_feed_dict = None

    def __init__(self, stage: LiveStage) -> None:
        self._stage = stage
        self._scaffold: Scaffold = stage.scaffold_of_scenario
        scaffold = self._scaffold
        self.init_op = _Run(lambda raw: stage.run_init("init_op", raw, scaffold, raw.initialize))
        self.local_init_op = _Run(lambda raw: stage.initialize_local(raw, scaffold))
        self.ready_for_local_init_op = self._check("ready_for_local_init_op")
        self.ready_op = self._check("ready_op")
        self.saver = self

    @property
    def init_fn(self) -> Callable[[Any], None] | None:
        """What is called after the init op."""
        if self._scaffold.spec.get("init_fn") is None:
            return None
        return lambda raw: self._stage.call_init_fn(raw, self._scaffold)

    def finalize(self) -> "StageScaffold":
        """Finalize the graph."""
        self._stage.finalize(self._scaffold)
        return self

    def restore(self, raw: LiveRaw, path: Any) -> None:
        """Restore, as a saver does."""
        self._stage.restore(raw, self._scaffold, path)

    def _check(self, part: str) -> _Run:
        def run(raw: LiveRaw) -> Any:
            ready = self._stage.ready(part, raw, self._scaffold)
            return _READY if ready else _NOT_READY

        return _Run(run)


class NumpySession(SessionAdapter):
    """Adapts `SingularMonitoredSession`, or a class derived from it.

    Args:
        session_class: The class.
    """

    features = FEATURES - {Feature.MONITORED}
    sees = EVERYTHING
    errors: Any = errors
    hook_base: type = SessionRunHook

    # Any: of which the constructor is that of the documented class.
    def __init__(self, session_class: Any = SingularMonitoredSession) -> None:
        self.session_class = session_class
        self.name = f"runtime.train.{session_class.__name__}"

    def versions(self) -> Mapping[str, str]:
        """The versions of what takes part."""
        return {**super().versions(), **versions()}

    def make_error(self, error: type[BaseException], message: str) -> BaseException:
        """Those of `runtime.errors` want to know the operation, too."""
        if issubclass(error, errors.OpError):
            return error(None, None, message)  # type: ignore[call-arg]  # the subclasses' own
        return error(message)

    @contextlib.contextmanager
    def surroundings(self) -> Iterator[None]:
        """No time is spent waiting, and nothing is printed."""
        with (
            mock.patch.object(backoff, "seconds_before", lambda attempt: 0.0),
            mock.patch.object(logging, "info", _silent),
            mock.patch.object(logging, "warning", _silent),
        ):
            yield

    def stage(self, scenario: Scenario) -> LiveStage:
        """A stage with this package's arguments and options."""
        return _NumpyStage(scenario.spec, self)

    def construct(self, stage: LiveStage, hooks: Any) -> Any:
        """The session, with the stage's engine and a log in memory."""
        path = None if stage.logs else stage.log_path
        stage.logs.append(EventLog(TailStore() if path is None else path))
        session = self.session_class.__new__(self.session_class)
        session._engine = StageEngine(stage)
        self.initialize(session, stage, hooks)
        return session

    # Any: of the class that is tested.
    def initialize(self, session: Any, stage: LiveStage, hooks: Any) -> None:
        """Call the constructor."""
        session.__init__(
            hooks=hooks,
            stop_grace_period_secs=_grace(stage),
            event_log=stage.logs[-1],
            **_start(stage),
        )

    def called(self, stage: LiveStage, name: str, index: int | None) -> None:
        """Note the latest event of the log."""
        log: EventLog = stage.logs[-1]
        assert log._journal is not None and log.lifecycle is not None
        code = log._journal.recorder.position()[2]
        stage.noted.append((name, index, code, log.lifecycle.state.value))


class NumpyMonitoredSession(NumpySession):
    """Adapts `MonitoredSession`, or a class derived from it.

    Args:
        session_class: The class.
    """

    features = FEATURES

    def __init__(self, session_class: Any = MonitoredSession) -> None:
        super().__init__(session_class)

    def initialize(self, session: Any, stage: LiveStage, hooks: Any) -> None:
        """Call the constructor."""
        session.__init__(
            session_creator=ChiefSessionCreator(**_start(stage)),
            hooks=hooks,
            stop_grace_period_secs=_grace(stage),
            event_log=stage.logs[-1],
            max_recoveries=MOST_RECOVERIES,
        )


class _NumpyStage(LiveStage):
    """What hooks return and are given is of this package's classes."""

    def run_args(self, fetches: Any, feed: Any, options: Any) -> Any:
        return SessionRunArgs(fetches, feed, options)

    def options(self, spec: Mapping[str, Any]) -> Any:
        return RunOptions(**spec)

    def shown_options(self, options: Any) -> dict[str, Any]:
        return {name: value for name in RunOptions.FIELDS if (value := _plain(options, name))}

    def has_step_stats(self, metadata: Any) -> bool:
        return bool(metadata.HasField("step_stats"))


def _plain(options: Any, name: str) -> Any:
    value = getattr(options, name)
    return value if isinstance(value, int) else None


def _start(stage: LiveStage) -> dict[str, Any]:
    return {
        "scaffold": StageScaffold(stage),
        "checkpoint_filename_with_path": stage.scenario.get("ckpt_file"),
    }


def _grace(stage: LiveStage) -> float:
    return STUCK_GRACE_SECONDS if "grace" in stage.scenario else GRACE_SECONDS


def _silent(*arguments: Any) -> None:
    """Says nothing."""


singular = NumpySession()
"""The adapter of `runtime.train.SingularMonitoredSession`."""
monitored = NumpyMonitoredSession()
"""The adapter of `runtime.train.MonitoredSession`."""
__all__ = ["NumpyMonitoredSession", "NumpySession", "monitored", "singular"]
