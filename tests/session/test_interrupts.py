"""An interrupt on the way out of a session leaves nothing open."""

import sys
from types import FrameType
from typing import Any

import pytest

import runtime as tf
from runtime import session as session_module
from statemachine import EventLog, State, Verdict, audit
from tests.session.test_recovery import ErrorHook, Stage, make, no_waiting

WAY_OUT = {"go", "_leave", "_change", "_call_ends", "_join_threads", "_close_raw"}
RECOVERY = ("runtime/recovery.py", "runtime/monitored_session.py", "runtime/starting.py")


class InterruptAt:
    """Raises KeyboardInterrupt at the line event of that number on the way out."""

    def __init__(self, number: int) -> None:
        self.left = number

    def __call__(self, frame: FrameType, event: str, argument: Any) -> Any:
        code = frame.f_code
        if code.co_filename != session_module.__file__ or code.co_name not in WAY_OUT:
            return None
        return self.line

    def line(self, frame: FrameType, event: str, argument: Any) -> Any:
        if event == "line":
            self.left -= 1
            if self.left == 0:
                sys.settrace(None)
                raise KeyboardInterrupt
        return self.line


def interrupted_exit(number: int) -> tuple[bool, Any, Any]:
    """Leave a session and be interrupted; returns whether one was, the raw session, the log."""
    with tf.Graph().as_default() as graph:
        value = tf.constant(1.0)
        session = tf.train.SingularMonitoredSession(hooks=[tf.train.SessionRunHook()])
        raw, log = session.raw_session(), session.event_log
        session.run(value)
        interrupt, before = InterruptAt(number), sys.gettrace()
        try:
            sys.settrace(interrupt)
            session.close()
        except KeyboardInterrupt:
            pass
        finally:
            sys.settrace(before)
        assert not graph.finalized
        assert session.raw_session() is None
        with pytest.raises(RuntimeError, match="closed"):
            raw.run(value)
    return interrupt.left <= 0, raw, log


def test_an_interrupt_at_any_line_of_the_way_out_leaves_nothing_open() -> None:
    """Wherever Ctrl-C strikes, the raw session is closed, the graph open, the state closed."""
    number, struck = 0, True
    while struck:
        number += 1
        struck, _, log = interrupted_exit(number)
        assert isinstance(log, EventLog)
        assert log.lifecycle is not None
        assert log.lifecycle.state is State.CLOSED
    assert number > 15


def test_a_turn_that_an_interrupt_took_away_is_no_turn_of_anybody() -> None:
    """If an interrupt kept a call from giving its turn back, the next call has it."""
    with tf.Graph().as_default():
        value = tf.constant(1.0)
        session = tf.train.SingularMonitoredSession()
        assert session._turn.acquire(False)
        assert session.run(value) == 1.0
        assert session._turn.acquire(False)
        session.close()
        assert session.should_stop()


class InterruptRecoveryAt:
    """Raises KeyboardInterrupt at the line event of that number in the modules that recover."""

    def __init__(self, number: int) -> None:
        self.left = number

    def __call__(self, frame: FrameType, event: str, argument: Any) -> Any:
        if not frame.f_code.co_filename.endswith(RECOVERY):
            return None
        if event == "line":
            self.left -= 1
            if self.left == 0:
                sys.settrace(None)
                raise KeyboardInterrupt
        return self


def interrupted_recovery(number: int, lost: bool) -> bool:
    """Have a run recover, and be interrupted; returns whether it got so far."""
    faults: dict[str, list[str | None]] = {"before_run": [], "init_fn": []}
    stage, log = Stage(faults), EventLog()
    with no_waiting(), tf.Graph().as_default() as graph:
        fetch = tf.constant(7.0)
        session = make(stage, [ErrorHook(stage)], log)
        faults["before_run"] = ["aborted"]
        faults["init_fn"] = ["value"] if lost else []
        interrupt, before = InterruptRecoveryAt(number), sys.gettrace()
        wanted = KeyboardInterrupt if not lost else (KeyboardInterrupt, ValueError)
        try:
            with session:
                sys.settrace(interrupt)
                try:
                    session.run(fetch)
                finally:
                    sys.settrace(before)
        except wanted:
            pass
        struck = interrupt.left <= 0
        assert not graph.finalized
    for thread in stage.threads:
        thread.join(timeout=10)
    assert not [thread for thread in stage.threads if thread.is_alive()]
    assert stage.open == 0
    assert not any(stage.ended_with)
    assert log.lifecycle is not None
    assert log.lifecycle.state is State.CLOSED
    report = audit(log)
    assert (report.conformance, report.completeness) == (Verdict.PASS, Verdict.PASS), str(report)
    return struck


def test_an_interrupt_at_some_lines_of_a_recovery_leaves_nothing_open() -> None:
    """Wherever Ctrl-C strikes, what was opened is closed, and the log tells of a whole life."""
    assert all(interrupted_recovery(number, lost=False) for number in range(1, 200, 7))
    assert not interrupted_recovery(1000, lost=False)


@pytest.mark.deep
@pytest.mark.parametrize("lost", [False, True])
def test_an_interrupt_at_any_line_of_a_recovery_leaves_nothing_open(lost: bool) -> None:
    """The same, at every line; and where the recovery itself fails."""
    number = 1
    while interrupted_recovery(number, lost):
        number += 1
    assert number > 100
