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


def test_inside_a_step_function_the_message_names_no_call_of_a_hook() -> None:
    """There is none; the step function is all that there is to name."""
    with tf.Graph().as_default(), tf.train.SingularMonitoredSession() as session:
        message = session.run_step_fn(lambda step_context: outcome(session.close))
    assert message.startswith("close was called inside a step function. Use step_context.session")


class CallsFrom(tf.train.SessionRunHook):
    """Runs the session it belongs to, or closes it, in one of its methods."""

    def __init__(self, method: str, call: str) -> None:
        self.method, self.call, self.message = method, call, ""
        self.session: tf.train.SingularMonitoredSession | None = None

    def _called(self, method: str) -> None:
        if method == self.method and self.session is not None:
            self.message = outcome(lambda: CALLS[self.call](self.session))

    def begin(self) -> None:
        self._called("begin")

    def after_create_session(self, session: tf.Session, coord: tf.train.Coordinator) -> None:
        self._called("after_create_session")

    def before_run(self, run_context: tf.train.SessionRunContext) -> None:
        self._called("before_run")

    def end(self, session: tf.Session) -> None:
        self._called("end")


ADVICE = {
    "begin": "run in after_create_session, which is given the raw session",
    "after_create_session": "The raw session that after_create_session was given runs without",
    "before_run": "A hook uses run_context.session",
    "end": "The raw session that end was given runs without hooks; the session is being closed",
}


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("method", ADVICE)
def test_a_hook_is_advised_to_use_what_its_method_is_given(method: str, call: str) -> None:
    """Only the methods around a run are given a `run_context`, so only there it is named."""
    hook = CallsFrom(method, call)
    with tf.Graph().as_default():
        constant = tf.constant(1.0, name="c")
        session_class = tf.train.SingularMonitoredSession
        hook.session = session = session_class.__new__(session_class)
        session.__init__(hooks=[hook])  # type: ignore[misc]  # begin needs to know the session
        with session:
            session.run(constant)
    assert f"was called inside {method} of hook 0 (CallsFrom). " in hook.message
    assert ADVICE[method] in hook.message
    assert ("run_context" in hook.message) == (method == "before_run")
    assert audit(session.event_log).passed


def test_a_hook_inside_a_step_function_is_named_beside_it() -> None:
    """Both are in the way of the call."""
    hook = CallsFrom("before_run", "close")
    with tf.Graph().as_default():
        constant = tf.constant(1.0)
        with tf.train.SingularMonitoredSession(hooks=[hook]) as hook.session:
            hook.session.run_step_fn(lambda step_context: step_context.run_with_hooks(constant))
    assert "inside a step function (before_run of hook 0 (CallsFrom)). Use" in hook.message
