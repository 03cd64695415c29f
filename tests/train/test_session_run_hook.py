"""What hooks are given and what they may return."""

import inspect

import pytest

from runtime.session_run_hook import (
    SessionRunArgs,
    SessionRunContext,
    SessionRunHook,
    SessionRunValues,
)


def test_arguments_of_a_run_are_a_value() -> None:
    """SessionRunArgs needs fetches; feeds and options are None unless given; they can't change."""
    arguments = SessionRunArgs("x")
    assert arguments == SessionRunArgs(fetches="x", feed_dict=None, options=None)
    with pytest.raises(AttributeError):
        arguments.fetches = "y"
    with pytest.raises(TypeError, match="fetches"):
        SessionRunArgs()


def test_values_of_a_run_are_a_value() -> None:
    """SessionRunValues holds results, options and metadata, in this order."""
    values = SessionRunValues(results=1, options=2, run_metadata=3)
    assert tuple(values) == (1, 2, 3)
    assert values._replace(results=4).results == 4


def test_a_context_shows_the_run_and_takes_a_stop() -> None:
    """The context shows arguments and session; request_stop is seen in stop_requested."""
    arguments, session = SessionRunArgs("x"), object()
    context = SessionRunContext(arguments, session)
    assert context.original_args is arguments
    assert context.session is session
    assert context.stop_requested is False
    context.request_stop()
    assert context.stop_requested is True


def test_a_context_cannot_be_redirected() -> None:
    """Arguments and session of a context can't be replaced by a hook."""
    context = SessionRunContext(SessionRunArgs("x"), object())
    with pytest.raises(AttributeError):
        context.session = object()
    with pytest.raises(AttributeError):
        context.original_args = SessionRunArgs("y")


def test_the_base_class_does_nothing() -> None:
    """Every method of SessionRunHook can be called, asks for nothing and returns None."""
    hook = SessionRunHook()
    context = SessionRunContext(SessionRunArgs("x"), object())
    assert hook.begin() is None
    assert hook.after_create_session(object(), None) is None
    assert hook.before_run(context) is None
    assert hook.after_run(context, SessionRunValues(None, None, None)) is None
    assert hook.end(object()) is None
    assert context.stop_requested is False


@pytest.mark.parametrize(
    ("method", "parameters"),
    [
        ("begin", []),
        ("after_create_session", ["session", "coord"]),
        ("before_run", ["run_context"]),
        ("after_run", ["run_context", "run_values"]),
        ("end", ["session"]),
    ],
)
def test_the_parameters_are_named_as_in_tensorflow(method: str, parameters: list[str]) -> None:
    """Hooks that are called with keywords work as they do in TensorFlow."""
    signature = inspect.signature(getattr(SessionRunHook, method))
    assert list(signature.parameters)[1:] == parameters
