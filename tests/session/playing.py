"""Plays a scenario on the real session, on the real graph, and writes down what happened."""

import contextlib
import threading
from collections.abc import Callable, Iterator
from typing import Any

import attrs

import runtime as tf
from runtime.engine import NumpyEngine
from statemachine import EventLog, Lifecycle
from tests.session.scenario import FAULTS, Deed, HookPlan, Operation, Scenario

Call = tuple[str, int | None]


@attrs.define(eq=False)
class Played:
    """What came of a scenario.

    Attributes:
        log: The session's log.
        calls: What was called, in order, as those who were called wrote it down.
        graph: The graph.
        opened: How many raw sessions were opened.
        closed: How many of them were closed.
        error: What came out of the construction, the with block, or close().
        closed_early: Whether the user closed the session before the end.
        threads: Threads that the session started.
    """

    log: EventLog
    calls: list[Call] = attrs.Factory(list)
    graph: Any = None
    opened: int = 0
    closed: int = 0
    error: BaseException | None = None
    closed_early: bool = False
    threads: list[threading.Thread] = attrs.Factory(list)


@attrs.define(eq=False)
class _Stage:
    """What the parts of a played scenario share."""

    plan: Scenario
    played: Played
    constant: Any = None
    fed: Any = None
    session: Any = None
    coord: Any = None
    scaffold: Any = None
    run_fault: str | None = None
    by_user: bool = False

    def called(self, kind: str, hook: int | None = None) -> None:
        self.played.calls.append((kind, hook))

    def start_fault(self, piece: str) -> None:
        """Raise what a piece of the construction is to raise."""
        if self.plan.start_fault is not None and self.plan.start_fault[0] == piece:
            raise FAULTS[self.plan.start_fault[1]]()


class _Raw(tf.Session):
    """A raw session that fails where the scenario wants it to."""

    stage: _Stage

    def run(self, fetches: Any, *args: Any, **kwargs: Any) -> Any:
        stage = self.stage
        if stage.by_user:
            return super().run(fetches, *args, **kwargs)
        piece = _piece_of(stage.scaffold, fetches)
        if piece is not None:
            stage.called(f"session.{piece}")
            stage.start_fault(piece)
        else:
            stage.called("session.run")
            if stage.run_fault is not None:
                raise FAULTS[stage.run_fault]()
        return super().run(fetches, *args, **kwargs)

    def close(self) -> None:
        self.stage.called("session.close")
        self.stage.played.closed += 1
        super().close()
        if self.stage.plan.close_fault is not None:
            raise FAULTS[self.stage.plan.close_fault]()


def _piece_of(scaffold: Any, fetches: Any) -> str | None:
    names = ("init_op", "ready_for_local_init_op", "local_init_op", "ready_op")
    return next((name for name in names if getattr(scaffold, name) is fetches), None)


class _Engine(NumpyEngine):
    """The embedded engine, with faults."""

    def __init__(self, stage: _Stage) -> None:
        self.stage = stage

    def open_session(self, graph: Any, master: str, config: Any) -> Any:
        self.stage.called("session.open")
        self.stage.start_fault("open")
        raw = _Raw(master, graph=graph, config=config)
        raw.stage = self.stage
        self.stage.played.opened += 1
        return raw

    def has_queue_runners(self, graph: Any) -> bool:
        return self.stage.plan.threads

    def start_queue_runners(self, session: Any, coord: Any) -> None:
        self.stage.called("queue_runners.start")
        thread = tf.train.LooperThread(coord, None, target=coord.wait_for_stop)
        thread.start()
        self.stage.played.threads.append(thread)
        self.stage.start_fault("queue_runners")


class _Scaffold(tf.train.Scaffold):
    stage: _Stage

    def finalize(self) -> Any:
        self.stage.called("scaffold.finalize")
        self.stage.start_fault("finalize")
        return super().finalize()


class _Hook(tf.train.SessionRunHook):
    """A hook that does what its plan says."""

    def __init__(self, stage: _Stage, index: int, plan: HookPlan) -> None:
        self._stage = stage
        self._index = index
        self._plan = plan
        self._counts: dict[str, int] = {}

    def begin(self) -> None:
        self._do("begin", None)

    def after_create_session(self, session: Any, coord: Any) -> None:
        self._stage.coord = coord
        self._do("after_create_session", None)

    def before_run(self, run_context: Any) -> Any:
        run = self._do("before_run", run_context)
        fetches = self._plan.fetches[run % len(self._plan.fetches)]
        feeds = {self._stage.fed: 2.0} if self._plan.feeds else None
        if not fetches and feeds is None:
            return None
        return tf.train.SessionRunArgs(self._stage.constant if fetches else None, feeds)

    def after_run(self, run_context: Any, run_values: Any) -> None:
        run = self._do("after_run", run_context)
        asked = self._plan.fetches[run % len(self._plan.fetches)] if self._plan.deeds == () else 0
        if asked:
            assert run_values.results == 7.0

    def end(self, session: Any) -> None:
        self._do("end", None)

    def _do(self, method: str, context: Any) -> int:
        self._stage.called(f"hook.{method}", self._index)
        count = self._counts.get(method, 0)
        self._counts[method] = count + 1
        for deed in self._plan.deeds:
            if (deed.method, deed.call) == (method, count):
                self._deed(deed, context)
        return count

    def _deed(self, deed: Deed, context: Any) -> None:
        if deed.what == "raise":
            raise FAULTS[deed.fault]()
        if deed.what == "report" and self._stage.coord is not None:
            self._stage.coord.request_stop(FAULTS[deed.fault]())
        elif deed.what == "stop" and context is not None:
            context.request_stop()
        elif deed.what in ("run", "close", "step fn") and self._stage.session is not None:
            with contextlib.suppress(RuntimeError) if deed.caught else contextlib.nullcontext():
                self._reenter(deed.what)

    def _reenter(self, what: str) -> None:
        session = self._stage.session
        calls: dict[str, Callable[[], Any]] = {
            "run": lambda: session.run(self._stage.constant),
            "close": session.close,
            "step fn": lambda: session.run_step_fn(lambda step_context: None),
        }
        calls[what]()


class _ErrorHook(_Hook):
    """One that has an `on_error`, too."""

    def on_error(self, run_context: Any, error: BaseException) -> None:
        self._do("on_error", run_context)


Watch = Callable[[Lifecycle], None]


def play(plan: Scenario, log: EventLog | None = None, watch: Watch | None = None) -> Played:
    """Play a scenario.

    Args:
        plan: The scenario.
        log: Where the events go; memory if None.
        watch: Attaches observers to the session's lifecycle before it is constructed.
    """
    played = Played(EventLog() if log is None else log)
    stage = _Stage(plan, played)
    if watch is not None:
        assert played.log.lifecycle is not None
        watch(played.log.lifecycle)
    with tf.Graph().as_default() as played.graph:
        stage.constant = tf.constant(7.0)
        stage.fed = tf.placeholder_with_default(1.0, ())
        try:
            _live(stage)
        except BaseException as error:
            played.error = error
    return played


def _live(stage: _Stage) -> None:
    stage.session = session = _construct(stage)
    if stage.plan.leave == "with":
        with session:
            _use(stage)
        return
    with contextlib.suppress(BaseException):
        _use(stage)
    if not stage.played.closed_early:
        session.close()


def _construct(stage: _Stage) -> Any:
    def init_fn(scaffold: Any, session: Any) -> None:
        stage.called("session.init_fn")
        stage.start_fault("init_fn")

    class Session(tf.train.SingularMonitoredSession):
        _engine = _Engine(stage)

    stage.scaffold = _Scaffold(init_fn=init_fn if stage.plan.init_fn else None)
    stage.scaffold.stage = stage
    hooks = (
        (_ErrorHook if hook.on_error else _Hook)(stage, index, hook)
        for index, hook in enumerate(stage.plan.hooks)
    )
    return Session(hooks=hooks, scaffold=stage.scaffold, event_log=stage.played.log)


def _use(stage: _Stage) -> None:
    for operation in stage.plan.operations:
        caught: type[BaseException] = BaseException if operation.caught else _Never
        with contextlib.suppress(caught):
            _USES[operation.what](stage, operation)


class _Never(Exception):
    """Is never raised."""


def _run(stage: _Stage, operation: Operation) -> None:
    stage.run_fault = operation.fault
    try:
        feeds = {stage.fed: 3.0} if operation.feeds else None
        assert stage.session.run([stage.constant, stage.fed], feeds)[0] == 7.0
    finally:
        stage.run_fault = None


def _step_fn(stage: _Stage, operation: Operation) -> None:
    def step_fn(step_context: Any) -> None:
        for part in operation.parts:
            _part(stage, step_context, part)

    stage.session.run_step_fn(step_fn)


def _part(stage: _Stage, step_context: Any, part: str) -> None:
    word, _, caught = part.partition(", ")
    with contextlib.suppress(BaseException if caught else _Never):
        if word == "raw":
            with _as_user(stage):
                step_context.session.run(stage.constant)
        elif word == "hooks":
            step_context.run_with_hooks(stage.constant)
        elif word == "stop":
            step_context.request_stop()
        elif word == "close":
            stage.session.close()
        else:
            raise FAULTS[word]()


@contextlib.contextmanager
def _as_user(stage: _Stage) -> Iterator[None]:
    stage.by_user = True
    yield
    stage.by_user = False


def _report(stage: _Stage, operation: Operation) -> None:
    if stage.coord is not None:
        stage.coord.request_stop(FAULTS[operation.fault]() if operation.fault else None)


def _raise(stage: _Stage, operation: Operation) -> None:
    raise FAULTS[operation.fault or "value"]()


def _close(stage: _Stage, operation: Operation) -> None:
    stage.played.closed_early = True
    stage.session.close()


_USES: dict[str, Callable[[_Stage, Operation], None]] = {
    "run": _run,
    "step fn": _step_fn,
    "should_stop": lambda stage, operation: stage.session.should_stop(),
    "report": _report,
    "raise": _raise,
    "close": _close,
}
