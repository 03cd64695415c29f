"""Progress bar, evaluation, early stopping."""

import io
import math
import subprocess
import sys
from pathlib import Path

import pytest

import runtime as tf
from runtime import errors, logging


@pytest.fixture(autouse=True)
def graph():
    with tf.Graph().as_default() as graph:
        yield graph


@pytest.fixture
def train_op():
    return tf.assign_add(tf.train.get_or_create_global_step(), 1)


def train(hooks, fetches, runs: int = 1000, feed=None, **options) -> int:
    """Runs until a stop, or so many runs; returns how many there were."""
    made = 0
    with tf.train.SingularMonitoredSession(hooks=hooks, **options) as session:
        while made < runs and not session.should_stop():
            session.run(fetches, feed(made) if feed else None)
            made += 1
    return made


# -- ProgressBarHook -------------------------------------------------------------------------------


def test_the_bar_shows_steps_and_scalars(train_op) -> None:
    """From the first step to the last, with the scalars beside it."""
    shown = io.StringIO()
    hook = tf.train.ProgressBarHook(
        total=7,
        tensors={"loss": tf.constant(0.25)},
        description="train",
        every_n_secs=0,
        file=shown,
    )
    train([hook], train_op, 7)
    lines = shown.getvalue().split("\r")
    assert "train:   0%" in lines[1]
    assert "7/7" in lines[-1]
    assert "loss=0.25" in lines[-1]
    assert shown.getvalue().endswith("\n")


def test_a_resumed_bar_begins_where_the_training_is(train_op, tmp_path: Path) -> None:
    """After a restore the bar begins at the restored step."""
    saving = tf.train.CheckpointSaverHook(tmp_path, save_steps=100)
    train([saving], train_op, 4)
    shown = io.StringIO()
    bar = tf.train.ProgressBarHook(total=8, file=shown)
    train([bar], train_op, 1, checkpoint_dir=tmp_path)
    assert "4/8" in shown.getvalue().split("\r")[1]
    assert "5/8" in shown.getvalue()


def test_scalars_are_fetched_only_when_the_bar_is_refreshed(train_op) -> None:
    """Runs between two refreshes don't pay for them."""
    calls = []
    scalar = tf.py_func(lambda: calls.append(1) or 1.0, [], tf.float64)
    hook = tf.train.ProgressBarHook(
        total=5, tensors={"x": scalar}, every_n_secs=1000, file=io.StringIO()
    )
    train([hook], train_op, 5)
    assert calls == []


def test_an_error_closes_the_bar(train_op) -> None:
    """The session calls on_error, which ends the line; `end` is not called."""
    shown = io.StringIO()
    hook = tf.train.ProgressBarHook(total=5, file=shown)
    with pytest.raises(KeyError), tf.train.SingularMonitoredSession(hooks=[hook]):
        raise KeyError
    assert shown.getvalue().endswith("\n")


def test_the_bar_is_opened_again_if_the_training_goes_on_after_an_error(train_op) -> None:
    """A run fails and the caller catches it: the bar closes, and the next runs show it again."""
    shown = io.StringIO()
    hook = tf.train.ProgressBarHook(total=5, every_n_secs=0, file=shown)
    number = tf.placeholder(tf.float32, [])
    with tf.train.SingularMonitoredSession(hooks=[hook]) as session:
        session.run(train_op)
        with pytest.raises(tf.errors.InvalidArgumentError):
            session.run(number)
        closed = shown.getvalue()
        session.run(train_op)
    assert closed.endswith("\n")
    assert "2/5" in shown.getvalue().removeprefix(closed)


def test_without_tqdm_the_error_names_the_extra() -> None:
    """Making the hook says what to install."""
    program = (
        "import sys; sys.modules['tqdm.auto'] = None\n"
        "import runtime as tf\n"
        "try: tf.train.ProgressBarHook()\n"
        "except ImportError as error: print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert "pip install 'monitored-session[demo]'" in done.stdout, done.stderr


# -- EvaluationHook --------------------------------------------------------------------------------


def test_evaluates_every_n_steps_and_at_the_end(train_op, monkeypatch) -> None:
    """After each n steps, and at the end unless that is done; the values are logged and given."""
    told: list[str] = []
    monkeypatch.setattr(logging, "info", told.append)
    step = tf.train.get_global_step()
    results = []
    hook = tf.train.EvaluationHook(
        {"twice": step * 2}, every_n_steps=3, on_result=lambda *result: results.append(result)
    )
    train([hook], train_op, 7)
    assert results == [(3, {"twice": 6}), (6, {"twice": 12}), (7, {"twice": 14})]
    assert hook.last_values == {"twice": 14}
    assert "Evaluation at step 6: twice = 12" in told
    del results[:]
    train([tf.train.EvaluationHook({"x": step}, 3, at_end=False)], train_op, 2)
    assert results == []


def test_an_evaluation_leaves_the_steps_input_alone(train_op) -> None:
    """The caller's feeds go to the step, the hook's to its own runs, of which no hook hears."""
    fed = tf.placeholder(tf.float32, [])
    batches = iter([1.0, 2.0, 6.0])
    hook = tf.train.EvaluationHook(
        {"mean": fed}, every_n_steps=2, feed_fn=lambda: {fed: next(batches)}, batches=3
    )
    runs = []

    class Counts(tf.train.SessionRunHook):
        def before_run(self, run_context):
            runs.append(1)

    train([hook, Counts()], [train_op, fed], 2, feed=lambda run: {fed: -1.0})
    assert hook.last_values == {"mean": 3.0}
    assert len(runs) == 2


def test_an_evaluation_ends_with_its_input(train_op) -> None:
    """OutOfRangeError ends the batches; without any batch it comes out."""
    values = iter([2.0, 4.0])
    metric = tf.py_func(lambda: next(values), [], tf.float64)
    hook = tf.train.EvaluationHook({"m": metric}, every_n_steps=1, batches=10, at_end=False)
    train([hook], train_op, 1)
    assert hook.last_values == {"m": 3.0}
    with pytest.raises(errors.OutOfRangeError):
        session = tf.train.SingularMonitoredSession(hooks=[hook])
        session.run(train_op)
    session.close()


def test_a_function_evaluates(train_op) -> None:
    """A function gets the raw session and gives the values."""
    step = tf.train.get_global_step()
    hook = tf.train.EvaluationHook(lambda session: {"x": session.run(step) + 0.5}, 2)
    train([hook], train_op, 2)
    assert hook.last_values == {"x": 2.5}


@pytest.mark.parametrize("arguments", [{"every_n_steps": 0}, {"every_n_steps": 1, "batches": 0}])
def test_periods_must_be_positive(arguments) -> None:
    """ValueError that shows what was given."""
    with pytest.raises(ValueError, match=r"=0\. It must be positive"):
        tf.train.EvaluationHook({}, **arguments)


# -- EarlyStoppingHook -----------------------------------------------------------------------------


def fed_with(values):
    fed = tf.placeholder(tf.float32, [])
    return fed, lambda run: {fed: values[run]}


@pytest.mark.parametrize(
    ("direction", "values", "runs", "best"),
    [
        ("min", [5, 4, 4, 3, 3, 3, 0], 6, 3),
        ("max", [1, 2, 2, 1, 9], 4, 2),
        ("min", [1, math.nan, math.nan, 0], 3, 1),
    ],
)
def test_stops_when_nothing_becomes_better(train_op, direction, values, runs, best) -> None:
    """After so many values in a row that are no better; NaN is never better."""
    fed, feed = fed_with(values)
    hook = tf.train.EarlyStoppingHook(fed, patience=2, direction=direction)
    assert train([hook], [train_op, fed], len(values), feed) == runs
    assert hook.best == best


def test_a_little_better_may_not_count(train_op) -> None:
    """A value must be better by more than min_delta."""
    fed, feed = fed_with([5.0, 4.9, 4.8, 0.0])
    hook = tf.train.EarlyStoppingHook(fed, patience=2, min_delta=0.5)
    assert train([hook], fed, 4, feed) == 3


def test_evaluations_can_be_what_counts(train_op) -> None:
    """Each evaluation counts once, however many runs lie between two."""
    scores = iter([1.0, 2.0, 2.0, 2.0, 5.0])
    evaluation = tf.train.EvaluationHook(lambda session: {"score": next(scores)}, 3)
    hook = tf.train.EarlyStoppingHook((evaluation, "score"), patience=2, direction="max")
    assert train([evaluation, hook], train_op) == 12
    assert hook.best == 2.0


def test_patience_goes_on_after_a_restart(train_op, tmp_path: Path) -> None:
    """What was waited for before the restart counts."""
    fed, feed = fed_with([1.0, 2.0, 2.0, 2.0])
    for runs, made in ((2, 2), (4, 1)):
        hook = tf.train.EarlyStoppingHook(fed, patience=2)
        saving = tf.train.CheckpointSaverHook(tmp_path, save_steps=100)
        started = 0 if runs == 2 else 2
        hooks = [hook, saving]
        done = train(
            hooks, [train_op, fed], runs, lambda run, s=started: feed(run + s),
            checkpoint_dir=tmp_path,
        )  # fmt: skip
        assert done == made
    assert hook.best == 1.0


@pytest.mark.parametrize("arguments", [{"direction": "up"}, {"patience": 0}, {"min_delta": -1}])
def test_what_stops_must_be_clear(arguments) -> None:
    """A direction that is none, no patience, a negative difference: ValueError."""
    with pytest.raises(ValueError, match=str(next(iter(arguments.values())))):
        tf.train.EarlyStoppingHook(tf.constant(1.0), **{"patience": 1, **arguments})
