"""An interrupt on the way out of a session leaves nothing open."""

import sys
from types import FrameType
from typing import Any

import pytest

import runtime as tf
from runtime import session as session_module
from statemachine import EventLog, State

# An interrupt at the line that closes the raw session counts as one that comes out of its close.
WAY_OUT = {"go", "_leave", "_change", "_call_ends"}


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
