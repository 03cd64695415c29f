"""A session that recovers: in order, with nothing left behind, and told in its log."""

import contextlib
from collections.abc import Iterator
from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

import runtime as tf
from runtime import backoff
from runtime.engine import NumpyEngine
from statemachine import EventKind, EventLog, State, Verdict, audit, replay
from statemachine.errors import IllegalStep
from tests.session.declare import Declared
from tests.session.histories import Told, audited

DECLARED = Declared()
K = EventKind
ERRORS = {
    "aborted": lambda: tf.errors.AbortedError(None, None, "planned"),
    "unavailable": lambda: tf.errors.UnavailableError(None, None, "planned"),
    "end": lambda: tf.errors.OutOfRangeError(None, None, "planned"),
    "value": lambda: ValueError("planned"),
    "interrupt": lambda: KeyboardInterrupt("planned"),
}
SEAMS = ("open", "init_fn", "finalize", "threads", "after_create_session", "close", "on_error")
USES = ("before_run", "run", "after_run", "step fn", "report", "stop", "should_stop")


@attrs.define(eq=False)
class Stage:
    """What is to fail, place by place, call by call; and what was opened.

    Attributes:
        faults: For each place the names of errors, one a call; None for none.
    """

    faults: dict[str, list[str | None]]
    raws: list[Any] = attrs.Factory(list)
    open: int = 0
    coords: list[Any] = attrs.Factory(list)
    threads: list[Any] = attrs.Factory(list)
    ended_with: list[bool] = attrs.Factory(list)

    def call(self, place: str) -> None:
        """Raise what this call at a place is to raise."""
        waiting = self.faults.get(place)
        name = waiting.pop(0) if waiting else None
        if name is not None:
            raise ERRORS[name]()


class Raw(tf.Session):
    """A raw session that fails when it is closed."""

    stage: Stage
    closed = False

    def close(self) -> None:
        if not self.closed:
            self.closed = True
            self.stage.open -= 1
            super().close()
            self.stage.call("close")


class Engine(NumpyEngine):
    """The embedded engine, with faults."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage

    def open_session(self, graph: Any, master: str, config: Any) -> Any:
        self.stage.call("open")
        raw = Raw(master, graph=graph, config=config)
        raw.stage = self.stage
        self.stage.open += 1
        self.stage.raws.append(raw)
        return raw

    def has_queue_runners(self, graph: Any) -> bool:
        return True

    def start_queue_runners(self, session: Any, coord: Any) -> None:
        thread = tf.train.LooperThread(coord, None, target=coord.wait_for_stop)
        thread.start()
        self.stage.threads.append(thread)
        self.stage.call("threads")


class Hook(tf.train.SessionRunHook):
    """A hook that fails where the stage wants it to."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.stop = False

    def after_create_session(self, session: Any, coord: Any) -> None:
        self.stage.coords.append(coord)
        self.stage.call("after_create_session")

    def before_run(self, run_context: Any) -> None:
        if self.stop:
            self.stop = False
            run_context.request_stop()
        self.stage.call("before_run")

    def after_run(self, run_context: Any, run_values: Any) -> None:
        self.stage.call("after_run")

    def end(self, session: Any) -> None:
        self.stage.ended_with.append(session.closed)


class ErrorHook(Hook):
    """One that has an `on_error`, too."""

    def on_error(self, run_context: Any, error: BaseException) -> None:
        self.stage.call("on_error")


class Scaffold(tf.train.Scaffold):
    """A scaffold that fails when it is finalized."""

    stage: Stage

    def finalize(self) -> Any:
        self.stage.call("finalize")
        return super().finalize()


@contextlib.contextmanager
def no_waiting() -> Iterator[list[int]]:
    """Waits between attempts take no time; gives the numbers of the attempts."""
    attempts: list[int] = []

    def seconds_before(attempt: int) -> float:
        attempts.append(attempt)
        return 0.0

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(backoff, "seconds_before", seconds_before)
        yield attempts


def make(stage: Stage, hooks: list[Any], log: EventLog, most: int | None = None) -> Any:
    """A session on a stage."""
    scaffold = Scaffold(init_fn=lambda scaffold, session: stage.call("init_fn"))
    scaffold.stage = stage

    class Session(tf.train.MonitoredSession):
        _engine = Engine(stage)

    creator = tf.train.ChiefSessionCreator(scaffold=scaffold)
    return Session(creator, hooks, event_log=log, max_recoveries=most)


def check(log: EventLog, hooks: int) -> None:
    """The hand-written rules and the audit accept the log, and both tellings agree."""
    events, on_error = list(log), log.header.on_error
    broken = [*DECLARED.broken(events, hooks, True, on_error)]
    assert not broken, (broken[0], [str(event) for event in events])
    report = audit(log)
    assert report.conformance is Verdict.PASS, str(report)
    assert report.completeness is Verdict.PASS, str(report)
    assert not [*audited([Told.of(event) for event in events], hooks, True, on_error)]


@attrs.frozen
class Use:
    """What the user does, and whether errors of it are caught."""

    what: str
    fault: str | None
    caught: bool


_faults = st.sampled_from([None, None, "aborted", "unavailable", "value", "end", "interrupt"])
_uses = st.builds(Use, st.sampled_from(USES), _faults, st.booleans())


def use(session: Any, stage: Stage, hook: Hook, fetch: Any, one: Use) -> None:
    """Do what the user does."""
    if one.what in ("before_run", "after_run"):
        stage.faults[one.what] = [one.fault]
        session.run(fetch)
    elif one.what == "stop":
        hook.stop = True
        stage.faults["before_run"] = [one.fault]
        session.run(fetch)
    elif one.what == "report" and stage.coords:
        stage.coords[-1].request_stop(ERRORS[one.fault]() if one.fault else None)
    elif one.what == "step fn":
        failing = [one.fault]

        def step_fn(step_context: Any) -> None:
            step_context.session.run(fetch)
            step_context.run_with_hooks(fetch)
            if (name := failing.pop() if failing else None) is not None:
                raise ERRORS[name]()
            step_context.run_with_hooks(fetch)

        session.run_step_fn(step_fn)
    elif one.what == "should_stop":
        session.should_stop()
    else:
        session.run(fetch)


seam_faults = st.dictionaries(st.sampled_from(SEAMS), st.lists(_faults, max_size=4), max_size=3)
some_uses = st.lists(_uses, max_size=5)


@given(
    seam_faults,
    some_uses,
    st.sampled_from([None, 0, 1, 2]),
    st.integers(0, 2),
    st.booleans(),
    st.booleans(),
)
def test_a_recovered_session_keeps_the_documented_order(
    faults: dict[str, list[str | None]],
    uses: list[Use],
    most: int | None,
    more_hooks: int,
    closes: bool,
    told: bool,
) -> None:
    """Whatever is preempted or fails, and how often: the log conforms, all that was opened is
    closed, no hook's end gets a closed session, and the graph is open again.
    """
    stage, log = Stage(faults), EventLog()
    hook = (ErrorHook if told else Hook)(stage)
    more = (ErrorHook(stage) if told else tf.train.SessionRunHook() for _ in range(more_hooks))
    hooks = [hook, *more]
    with no_waiting(), tf.Graph().as_default() as graph:
        fetch = tf.constant(7.0)
        with contextlib.suppress(Exception, KeyboardInterrupt):
            session = make(stage, hooks, log, most)
            _live(session, stage, hook, fetch, uses, closes)
        assert not graph.finalized
    check(log, len(hooks))
    assert stage.open == 0
    assert not any(stage.ended_with)
    assert not [thread for thread in stage.threads if thread.is_alive()]
    assert log.lifecycle is not None
    assert log.lifecycle.state is State.CLOSED


def _live(
    session: Any, stage: Stage, hook: Hook, fetch: Any, uses: list[Use], closes: bool
) -> None:
    def work() -> None:
        for one in uses:
            wanted = (Exception, KeyboardInterrupt) if one.caught else ()
            try:
                use(session, stage, hook, fetch, one)
            except IllegalStep:
                raise
            except wanted:  # the rest leaves the block
                pass

    if closes:
        with contextlib.suppress(Exception, KeyboardInterrupt):
            work()
        session.close()
        return
    with session:
        work()


def lived(faults: dict[str, list[str | None]], uses: list[Use], told: bool) -> EventLog:
    """The log of a life on a stage, whatever comes out of it; `told`: the hook has an on_error."""
    stage, log = Stage(faults), EventLog()
    hook = (ErrorHook if told else Hook)(stage)
    with no_waiting(), tf.Graph().as_default():
        fetch = tf.constant(7.0)
        with contextlib.suppress(Exception, KeyboardInterrupt):
            session = make(stage, [tf.train.SessionRunHook(), hook], log, 2)
            _live(session, stage, hook, fetch, uses, closes=False)
    return log


def played(faults: dict[str, list[str | None]], uses: list[Use]) -> tuple[Stage, EventLog, Any]:
    """A life on a stage, used in a with block."""
    stage, log = Stage(faults), EventLog()
    hook = Hook(stage)
    with no_waiting(), tf.Graph().as_default():
        fetch = tf.constant(7.0)
        session = make(stage, [hook], log)
        with contextlib.suppress(Exception):
            _live(session, stage, hook, fetch, uses, closes=False)
    return stage, log, session


def test_each_recovery_is_an_event_with_its_cause() -> None:
    """The log says why a session was given up, which attempt follows, and replays to a count."""
    _, log, _ = played({"open": [None, "unavailable"]}, [Use("before_run", "aborted", False)])
    told = {k: [e.detail for e in log if e.kind is k] for k in (K.ABANDON, K.RECOVER)}
    assert [d["error"]["type"] for d in told[K.ABANDON]] == ["AbortedError", "UnavailableError"]
    assert [d["attempt"] for d in told[K.RECOVER]] == [1, 2]
    state = replay(log)
    assert state.recoveries == 1
    assert state.recovery_cause is not None
    assert state.recovery_cause.type == "UnavailableError"
    assert state.error is None


def test_the_first_attempt_is_made_at_once_and_later_ones_ever_later(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Waits are slept with `time.sleep`, and stand in the log."""
    slept: list[float] = []
    monkeypatch.setattr("runtime.backoff.time.sleep", slept.append)
    wait = backoff.Backoff().wait
    for attempt in range(1, 9):
        wait(attempt, ValueError("planned"))
    assert slept == [1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0]
    assert backoff.Backoff().told(3, ValueError("x"))["seconds"] == 2.0


def test_attempts_in_a_row_can_be_bounded() -> None:
    """After the last one the preemption itself comes out, and there is no session."""
    stage = Stage({"before_run": ["aborted"] * 9})
    with no_waiting() as attempts, tf.Graph().as_default():
        fetch = tf.constant(1.0)
        session = make(stage, [Hook(stage)], EventLog(), most=2)
        with pytest.raises(tf.errors.AbortedError):
            session.run(fetch)
        assert session.should_stop()
        assert max(attempts) == 2
        assert stage.open == 0
        stage.faults.clear()
        assert session.run(fetch) == 1.0  # the next run creates a session again
        assert not session.should_stop()
        session.close()


def test_a_session_that_is_lost_ends_without_one() -> None:
    """`end` is not called, nothing is closed twice, and the graph can be added to again."""
    stage, log, session = played({"init_fn": [None, "value"]}, [Use("before_run", "aborted", True)])
    kinds = [event.kind for event in log]
    assert kinds[-3:] == [K.LOST, K.STATE_STOPPING, K.STATE_CLOSED]
    assert stage.ended_with == []
    assert session.graph is None
    assert replay(log).last_failure is not None
    check(log, 1)


def test_a_stop_survives_a_recovery() -> None:
    """The run in which it was asked for is made again; then the session refuses runs."""
    stage, log = Stage({}), EventLog()
    hook = Hook(stage)
    with no_waiting(), tf.Graph().as_default():
        fetch = tf.constant(7.0)
        with make(stage, [hook], log) as session:
            hook.stop = True
            stage.faults["before_run"] = ["aborted"]
            assert session.run(fetch) == 7.0
            assert session.should_stop()
            with pytest.raises(RuntimeError, match="even after should_stop"):
                session.run(fetch)
    assert replay(log).recoveries == 1
    check(log, 1)


def test_a_preemption_that_a_thread_reported_is_dealt_with_in_should_stop() -> None:
    """The answer is False: there is a new session; a plain stop of a thread survives it."""
    stage, log = Stage({}), EventLog()
    with no_waiting(), tf.Graph().as_default():
        fetch = tf.constant(7.0)
        with make(stage, [Hook(stage)], log) as session:
            stage.coords[-1].request_stop(ERRORS["aborted"]())
            assert not session.should_stop()
            assert len(stage.raws) == 2
            stage.coords[-1].request_stop()
            stage.faults["before_run"] = ["aborted"]
            assert session.run(fetch) == 7.0
            assert session.should_stop()
    check(log, 1)


def test_a_repeated_step_function_gets_the_new_session() -> None:
    """The whole function is called again, and its raw runs work."""
    seen: list[Any] = []
    stage, log = Stage({}), EventLog()
    with no_waiting(), tf.Graph().as_default():
        fetch = tf.constant(7.0)

        def step_fn(step_context: Any) -> Any:
            seen.append(step_context.session)
            if len(seen) == 1:
                raise ERRORS["aborted"]()
            return step_context.session.run(fetch)

        with make(stage, [Hook(stage)], log) as session:
            assert session.run_step_fn(step_fn) == 7.0
    assert seen == stage.raws
    check(log, 1)


class OwnCreator(tf.train.SessionCreator):
    """A creator that does everything in its own way."""

    def __init__(self) -> None:
        self.made: list[Any] = []

    def create_session(self) -> Any:
        graph = tf.get_default_graph()
        if not graph.finalized:
            graph.finalize()
        self.made.append(tf.Session(graph=graph))
        return self.made[-1]


def test_a_creator_of_ones_own_creates_each_session() -> None:
    """The first one and those after recoveries; the log says who creates them."""
    stage, log, creator = Stage({}), EventLog(), OwnCreator()
    hook = Hook(stage)
    hook.end = lambda session: None  # type: ignore[method-assign]
    with no_waiting(), tf.Graph().as_default():
        fetch = tf.constant(7.0)
        with tf.train.MonitoredSession(creator, [hook], event_log=log) as session:
            stage.faults["before_run"] = ["aborted"]
            assert session.run(fetch) == 7.0
    assert len(creator.made) == 2
    opened = [event.detail["creator"] for event in log if event.kind is K.SESSION_OPEN]
    assert opened == ["OwnCreator", "OwnCreator"]
    check(log, 1)


def test_what_cannot_create_sessions_is_refused() -> None:
    """The message names what is wanted."""
    with pytest.raises(TypeError, match="must be a SessionCreator"):
        tf.train.MonitoredSession(session_creator=object())


@pytest.mark.parametrize("kind", ["SingularMonitoredSession", "MonitoredSession"])
def test_a_stop_can_be_asked_of_the_session_itself(kind: str) -> None:
    """`should_stop()` is True at once, runs are refused, and the log says why."""
    log = EventLog()
    with tf.Graph().as_default():
        fetch = tf.constant(7.0)
        with getattr(tf.train, kind)(event_log=log) as session:
            session.run(fetch)
            session.request_stop("time is up")
            assert session.should_stop()
            with pytest.raises(RuntimeError, match="even after should_stop"):
                session.run(fetch)
        session.request_stop("too late")
    assert replay(log).stop_reason == "session asked for it: time is up"
    check(log, 0)
