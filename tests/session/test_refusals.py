"""Calls in the middle of another call are refused, and the message says why."""

import threading
from collections.abc import Callable

import pytest

import runtime as tf
from statemachine import State, audit


def leave(session: tf.train.SingularMonitoredSession) -> None:
    with session:
        pass


def outcome(call: Callable[[], object]) -> str:
    """What a call that is refused says."""
    with pytest.raises(RuntimeError) as refused:
        call()
    return str(refused.value)


class CallsFromAnotherThread(tf.train.SessionRunHook):
    def __init__(self, call: Callable[[], object]) -> None:
        self.call = call
        self.message = ""

    def before_run(self, run_context: tf.train.SessionRunContext) -> None:
        def try_it() -> None:
            self.message = outcome(self.call)

        thread = threading.Thread(target=try_it)
        thread.start()
        thread.join()


CALLS = {
    "run": lambda session: session.run("c:0"),
    "run_step_fn": lambda session: session.run_step_fn(lambda step_context: None),
    "close": lambda session: session.close(),
    "leaving with": leave,
}


@pytest.mark.parametrize("name", CALLS)
def test_another_thread_is_told_of_the_thread_that_drives(name: str) -> None:
    """Whatever it calls in the middle of a step, it isn't taken for the hook that is called."""
    with tf.Graph().as_default():
        constant = tf.constant(1.0, name="c")
        hook = CallsFromAnotherThread(lambda: CALLS[name](session))
        with tf.train.SingularMonitoredSession(hooks=[hook]) as session:
            session.run(constant)
    assert "another thread drives this session" in hook.message
    assert "raw_session()" in hook.message


def test_leaving_with_inside_a_step_function_is_refused() -> None:
    """It would close the session under the step function; the session goes on instead."""
    with tf.Graph().as_default():
        constant = tf.constant(1.0)
        with tf.train.SingularMonitoredSession() as session:
            message = session.run_step_fn(lambda step_context: outcome(lambda: leave(session)))
            assert session.lifecycle.state is State.RUNNING
            session.run(constant)
    assert "inside a step function" in message
    assert "step_context.request_stop()" in message
    assert audit(session.event_log).passed


def test_another_thread_that_leaves_with_does_not_close_a_session_under_a_step_function() -> None:
    """It is refused as its `close` would be."""

    def step_fn(step_context: tf.train.SingularMonitoredSession.StepContext) -> str:
        hook = CallsFromAnotherThread(lambda: leave(session))
        hook.before_run(None)
        return hook.message

    with tf.Graph().as_default(), tf.train.SingularMonitoredSession() as session:
        message = session.run_step_fn(step_fn)
        assert session.lifecycle.state is State.RUNNING
    assert "another thread drives this session" in message
