"""Arguments that can't be used are refused at once, and the message names them."""

import functools
from collections.abc import Callable
from typing import Any

import pytest

import runtime as tf
from statemachine import EventLog, replay

StepContext = tf.train.SingularMonitoredSession.StepContext


@pytest.mark.parametrize("name", ["checkpoint_dir", "checkpoint_filename_with_path"])
@pytest.mark.parametrize("value", [3, 0, False, b"model"], ids=repr)
def test_a_checkpoint_that_is_no_path_is_refused_by_name(name: str, value: object) -> None:
    """The message names the argument, the types that are allowed, and the value."""
    arguments: dict[str, Any] = {name: value}
    with tf.Graph().as_default(), pytest.raises(TypeError) as refused:
        tf.train.SingularMonitoredSession(**arguments)
    message = str(refused.value)
    assert message == f"{name} must be a path (str or os.PathLike) or None, not {value!r}"


def test_a_scaffold_class_is_not_taken_for_a_scaffold() -> None:
    """The message says that the class has to be called."""
    scaffold: Any = tf.train.Scaffold
    with tf.Graph().as_default(), pytest.raises(TypeError) as refused:
        tf.train.SingularMonitoredSession(scaffold=scaffold)
    assert str(refused.value) == (
        "scaffold must be a Scaffold, not a class: call it, as in Scaffold()"
    )


def test_an_empty_path_for_the_log_is_refused() -> None:
    """The message says what can be given instead."""
    with tf.Graph().as_default(), pytest.raises(ValueError, match="event_log is the empty") as no:
        tf.train.SingularMonitoredSession(event_log="")
    assert "a path, a directory, an EventStore or an EventLog; None" in str(no.value)


async def awaited(step_context: StepContext) -> None:
    """A step function that nobody awaits."""


class Awaited:
    async def __call__(self, step_context: StepContext) -> None:
        """A step function that nobody awaits."""


def with_keyword(step_context: StepContext, *, rate: float) -> float:
    """A step function that can't be called with the context alone."""
    return rate


BAD_STEP_FNS = {
    "async function": (awaited, "is async"),
    "async object": (Awaited(), "is async"),
    "bound async function": (functools.partial(awaited), "is async"),
    "keyword-only argument": (with_keyword, "also needs the keyword rate"),
}


@pytest.mark.parametrize("name", BAD_STEP_FNS)
def test_a_step_function_that_the_context_alone_does_not_run_is_refused(name: str) -> None:
    """It isn't called, and the message says what is wrong with it."""
    step_fn, problem = BAD_STEP_FNS[name]
    called: Callable[..., object] = step_fn
    with tf.Graph().as_default(), tf.train.SingularMonitoredSession() as session:
        with pytest.raises(ValueError, match="one `step_context` argument") as refused:
            session.run_step_fn(called)
        assert problem in str(refused.value)


def test_a_step_function_whose_keyword_is_bound_runs() -> None:
    """The advice of the message that refuses it helps."""
    with tf.Graph().as_default(), tf.train.SingularMonitoredSession() as session:
        assert session.run_step_fn(functools.partial(with_keyword, rate=0.5)) == 0.5


@pytest.mark.parametrize("until", ["a", 1.5, True], ids=repr)
def test_replaying_until_something_that_is_no_integer_is_refused(until: Any) -> None:
    """The message says what `until` is, and how to get one."""
    with tf.Graph().as_default(), tf.train.SingularMonitoredSession(event_log=EventLog()) as s:
        pass
    with pytest.raises(TypeError) as refused:
        replay(s.event_log, until=until)
    assert str(refused.value) == (
        "until is the sequence number of an event, an integer such as event.sequence, "
        f"or None for all events, not {until!r}"
    )
