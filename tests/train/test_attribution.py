"""An error that a hook causes names the hook, and says what to do."""

import pytest

import runtime as tf


@pytest.fixture(autouse=True)
def graph():
    with tf.Graph().as_default() as graph:
        yield graph


class AddsIn(tf.train.SessionRunHook):
    """Adds an operation in one of its methods."""

    def __init__(self, method: str) -> None:
        setattr(self, method, lambda *_: tf.constant(1.0) and None)


class Asks(tf.train.SessionRunHook):
    """Asks for something in each run."""

    def __init__(self, fetches) -> None:
        self.fetches = fetches

    def before_run(self, run_context):
        return tf.train.SessionRunArgs(self.fetches)


def notes_of(call) -> str:
    with pytest.raises(Exception) as caught:
        call()
    return "\n".join(getattr(caught.value, "__notes__", ()))


def run_once(hooks, fetches) -> None:
    with tf.train.SingularMonitoredSession(hooks=hooks) as session:
        session.run(fetches)


@pytest.mark.parametrize("method", ["after_create_session", "before_run", "after_run", "end"])
def test_adding_to_a_finalized_graph_names_hook_and_method(method: str) -> None:
    """The note names the hook, its place and its method, and says that begin is the place."""
    value = tf.constant(1.0)
    hooks = [tf.train.SessionRunHook(), AddsIn(method)]
    with pytest.raises(RuntimeError, match=r"^Graph is finalized and cannot be modified\."):
        run_once(hooks, value)
    with tf.Graph().as_default():
        notes = notes_of(lambda: run_once(hooks, tf.constant(1.0)))
    assert notes.startswith(f"{method} of hook 1 (AddsIn) tried to add an operation to the graph.")
    assert "begin()" in notes


def test_adding_in_begin_to_a_graph_that_was_finalized(graph) -> None:
    """The note says that the graph was finalized before the session."""
    graph.finalize()
    notes = notes_of(lambda: tf.train.SingularMonitoredSession(hooks=[AddsIn("begin")]))
    assert notes.startswith("begin of hook 0 (AddsIn) tried to add an operation")
    assert "finalized before the session was made" in notes


def test_the_callers_own_addition_is_not_laid_at_a_hooks_door() -> None:
    """An operation that the user adds in the loop gives the plain error."""
    hooks = [tf.train.SessionRunHook()]
    with tf.train.SingularMonitoredSession(hooks=hooks):
        assert notes_of(lambda: tf.constant(1.0)) == ""


def failing(name: str):
    return tf.py_func(lambda: 1 / 0, [], tf.float32, name=name)


def test_a_fetch_that_fails_names_the_hook_that_asked() -> None:
    """An operation that only a hook needs fails: the note names that hook and no other."""
    value, bad = tf.constant(1.0), failing("bad") + 1.0
    hooks = [Asks(value), Asks({"x": [bad]}), Asks("Const:0")]
    notes = notes_of(lambda: run_once(hooks, value))
    assert notes.startswith("hook 1 (Asks) asked for this in before_run, not the caller of run.")


def test_two_hooks_that_asked_are_both_named() -> None:
    """The note names all hooks that need what failed."""
    bad = failing("bad")
    notes = notes_of(lambda: run_once([Asks(bad), Asks("bad:0")], tf.constant(1.0)))
    assert notes.startswith("hook 0 (Asks) and hook 1 (Asks) asked for this")


def test_what_the_caller_asked_for_is_the_callers() -> None:
    """If the caller needs what failed, no hook is named."""
    bad = failing("bad")
    assert notes_of(lambda: run_once([Asks(bad)], bad + 1.0)) == ""


@pytest.mark.parametrize("fetches", ["nothing:0", [None], 7])
def test_a_fetch_that_is_none_names_the_hook(fetches) -> None:
    """An unknown name, None, or something else that can't be fetched is laid to its hook."""
    value = tf.constant(1.0)
    notes = notes_of(lambda: run_once([Asks(value), Asks(fetches)], value))
    assert notes.startswith("hook 1 (Asks) asked for this in before_run")
    assert notes_of(lambda: run_once([Asks(value)], fetches)) == ""
