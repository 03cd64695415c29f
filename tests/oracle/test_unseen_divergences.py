"""Divergences that leave no mark in a trace, shown in other ways."""

import threading
from collections.abc import Mapping
from typing import Any

import pytest

import runtime as tf
from tests.oracle.adapter import play_on_runtime
from tests.oracle.corpora import Row


def opened(**arguments: Any) -> tf.train.SingularMonitoredSession:
    return tf.train.SingularMonitoredSession(**arguments)


def test_a_stuck_thread_is_named_in_a_warning(
    by_id: Mapping[str, Row], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The thread that outlives the grace period is spoken of by its name."""
    said: list[str] = []
    monkeypatch.setattr(tf.logging, "warning", lambda text, *values: said.append(text % values))
    play_on_runtime(by_id["coord.s.thread-stuck"].scenario)
    assert any("h0.after_create_session#0" in line for line in said)


def test_a_suppressed_error_is_in_the_event_log() -> None:
    """An end of input that with suppresses can be read in the log afterwards."""
    with tf.Graph().as_default():
        with opened() as session:
            raise tf.errors.OutOfRangeError(None, None, "no more input")
        shown = [str(event) for event in session.event_log]
    assert any("suppressed" in line and "no more input" in line for line in shown)


class CallsFromAnotherThread(tf.train.SessionRunHook):
    """Lets a second thread call run while the first is in before_run."""

    def __init__(self) -> None:
        self.session: Any = None
        self.error: BaseException | None = None

    def before_run(self, run_context: Any) -> None:
        thread = threading.Thread(target=self._call)
        thread.start()
        thread.join()

    def _call(self) -> None:
        try:
            self.session.run([])
        except RuntimeError as error:
            self.error = error


def test_a_second_thread_is_refused_in_the_middle_of_a_step() -> None:
    """It is told what to use instead, and the step goes on undisturbed."""
    hook = CallsFromAnotherThread()
    with tf.Graph().as_default():
        constant = tf.constant(3.0)
        with opened(hooks=[hook]) as session:
            hook.session = session
            assert session.run(constant) == 3.0
    assert "raw_session()" in str(hook.error)
