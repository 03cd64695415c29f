"""The hooks that watch a training: speed, summaries, loss, start, end, profile."""

import json
import math
import time
from pathlib import Path

import pytest

import runtime as tf
from runtime import errors, logging
from runtime.timeline import chrome_trace


@pytest.fixture
def graph():
    with tf.Graph().as_default() as graph:
        yield graph
    tf.summary.FileWriterCache.clear()


@pytest.fixture
def step(graph):
    return tf.train.get_or_create_global_step()


@pytest.fixture
def train_op(step):
    return tf.assign_add(step, 1)


@pytest.fixture
def told(monkeypatch) -> list[str]:
    """What is logged, each text finished, with its level."""
    texts: list[str] = []
    for level in ("info", "warning", "error"):
        monkeypatch.setattr(logging, level, lambda text, at=level: texts.append(f"{at}: {text}"))
    return texts


class Clock:
    """Stands for time.time and time.sleep."""

    now = 1000.0

    def sleep(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def clock(monkeypatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(time, "time", lambda: clock.now)
    monkeypatch.setattr(time, "sleep", clock.sleep)
    return clock


class Summaries:
    """A writer that keeps what it is given."""

    def __init__(self) -> None:
        self.values: list[tuple[int, str, float]] = []
        self.logs: list[tuple[int, int]] = []
        self.flushed = 0

    def add_summary(self, summary, step) -> None:
        if isinstance(summary, bytes):
            summary = tf.summary.Summary.FromString(summary)
        self.values += [(step, value.tag, value.simple_value) for value in summary.value]

    def add_session_log(self, log, step) -> None:
        self.logs.append((step, log.status))

    def flush(self) -> None:
        self.flushed += 1


class Waits(tf.train.SessionRunHook):
    """Lets time pass in each run."""

    def __init__(self, clock: Clock, seconds: float) -> None:
        self.clock, self.seconds = clock, seconds

    def before_run(self, run_context) -> None:
        self.clock.now += self.seconds


def train(hooks, fetches, runs: int):
    with tf.train.SingularMonitoredSession(hooks=hooks) as session:
        for _ in range(runs):
            session.run(fetches)
    return session


@pytest.mark.parametrize(
    "make",
    [
        lambda: tf.train.StepCounterHook(),
        lambda: tf.train.SummarySaverHook(save_steps=1, summary_op="none"),
        lambda: tf.train.GlobalStepWaiterHook(1),
        lambda: tf.train.ProfilerHook(save_steps=1),
    ],
)
def test_a_global_step_is_needed(make, graph) -> None:
    """begin in a graph without global step: RuntimeError that names the hook."""
    hook = make()
    with pytest.raises(RuntimeError, match=f"to use {type(hook).__name__}"):
        hook.begin()


# -- StepCounterHook -------------------------------------------------------------------------------


@pytest.mark.parametrize("periods", [(None, None), (1, 1)])
def test_when_to_count_must_be_clear(periods) -> None:
    """Both or neither of steps and seconds: ValueError."""
    with pytest.raises(ValueError, match="exactly one of every_n_steps and every_n_secs"):
        tf.train.StepCounterHook(*periods)


def test_counts_steps_per_second(train_op, clock: Clock, told) -> None:
    """Every n steps the speed is written under <global step>/sec, but not the first time."""
    writer = Summaries()
    hook = tf.train.StepCounterHook(every_n_steps=10, summary_writer=writer)
    train([Waits(clock, 0.25), hook], train_op, 31)
    assert writer.values == [(step, "global_step/sec", 4.0) for step in (11, 21, 31)]
    assert told.count("info: global_step/sec: 4") == 3


def test_counts_every_n_seconds(train_op, clock: Clock) -> None:
    """With seconds, at the first step after so many have passed."""
    writer = Summaries()
    hook = tf.train.StepCounterHook(every_n_steps=None, every_n_secs=2.0, summary_writer=writer)
    train([Waits(clock, 0.5), hook], train_op, 10)
    assert writer.values == [(step, "global_step/sec", 2.0) for step in (5, 9)]


def test_the_tag_is_the_name_of_the_global_step(graph, clock: Clock) -> None:
    """A global step of another name has its own tag."""
    with tf.variable_scope("outer"):
        step = tf.get_variable(
            "my_step",
            initializer=tf.constant(0, tf.int64),
            trainable=False,
            collections=[tf.GraphKeys.GLOBAL_STEP, tf.GraphKeys.GLOBAL_VARIABLES],
        )
    writer = Summaries()
    hook = tf.train.StepCounterHook(every_n_steps=1, summary_writer=writer)
    train([Waits(clock, 1.0), hook], tf.assign_add(step, 1), 2)
    assert writer.values == [(2, "outer/my_step/sec", 1.0)]


@pytest.mark.parametrize(("every_n_steps", "warned_after"), [(1, 2), (1000, 21)])
def test_a_step_that_stands_still_is_warned_of(
    every_n_steps: int, warned_after: int, step, train_op, monkeypatch
) -> None:
    """A step that does not move when a measurement is due, or for many runs: a warning."""
    warnings: list[tuple[object, ...]] = []
    monkeypatch.setattr(logging, "log_first_n", lambda *told: warnings.append(told))
    hook = tf.train.StepCounterHook(every_n_steps=every_n_steps)
    with tf.train.SingularMonitoredSession(hooks=[hook]) as session:
        session.run(train_op)
        session.run(step)
        idle = 1
        while not warnings:
            session.run(step)
            idle += 1
    assert idle == warned_after
    level, text, count = warnings[0]
    assert (level, count) == (logging.WARN, 5)
    assert "global step (tf.train.get_global_step) has not been increased" in text
    assert "Optimizer.minimize" in text


def test_the_speed_is_in_the_event_file(train_op, tmp_path: Path) -> None:
    """With output_dir, TensorBoard finds the tag."""
    reader = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    train([tf.train.StepCounterHook(every_n_steps=1, output_dir=tmp_path)], train_op, 3)
    tf.summary.FileWriterCache.clear()
    found = reader.EventAccumulator(str(tmp_path))
    found.Reload()
    assert [event.step for event in found.Scalars("global_step/sec")] == [2, 3]


# -- SummarySaverHook ------------------------------------------------------------------------------


class Fetched(tf.train.SessionRunHook):
    """Notes in which runs a py_func was computed."""

    def __init__(self) -> None:
        self.runs: list[int] = []
        self.run = -1

    def before_run(self, run_context) -> None:
        self.run += 1

    def value(self):
        def note() -> float:
            self.runs.append(self.run)
            return 1.5

        return tf.cast(tf.py_func(note, [], tf.float64), tf.float32)


def test_what_to_save_and_when_must_be_clear() -> None:
    """Scaffold or operation, steps or seconds: exactly one of each."""
    for arguments in ({}, {"scaffold": tf.train.Scaffold(), "summary_op": "s"}):
        with pytest.raises(ValueError, match="Exactly one of scaffold or summary_op"):
            tf.train.SummarySaverHook(save_steps=1, **arguments)
    for periods in ({}, {"save_secs": 1, "save_steps": 1}):
        with pytest.raises(ValueError, match=r"every_secs (and|or) every_steps"):
            tf.train.SummarySaverHook(summary_op="s", **periods)


def test_summaries_are_computed_only_when_they_are_written(train_op) -> None:
    """In the first run, and then every n steps; the start is marked, the end flushed."""
    writer, fetched = Summaries(), Fetched()
    summary = tf.summary.scalar("s", fetched.value())
    hook = tf.train.SummarySaverHook(save_steps=8, summary_writer=writer, summary_op=summary)
    train([fetched, hook], train_op, 30)
    assert fetched.runs == [0, 8, 16, 24]
    assert writer.values == [(step, "s", 1.5) for step in (1, 9, 17, 25)]
    assert writer.logs == [(1, tf.summary.SessionLog.START)]
    assert writer.flushed == 1


def test_several_summaries_and_seconds(train_op, clock: Clock) -> None:
    """A list of operations is written together; seconds count as they pass."""
    writer = Summaries()
    summaries = [tf.summary.scalar(name, 1.0) for name in "ab"]
    hook = tf.train.SummarySaverHook(save_secs=4, summary_writer=writer, summary_op=summaries)
    train([Waits(clock, 1.0), hook], train_op, 6)
    assert [(step, tag) for step, tag, _ in writer.values] == [
        *((1, "a"), (1, "b")),
        *((5, "a"), (5, "b")),
    ]


def test_the_scaffold_gives_the_summaries(train_op) -> None:
    """The scaffold's merged operation is used; without any summary nothing is written."""
    for count in (1, 0):
        writer = Summaries()
        with tf.Graph().as_default():
            step = tf.assign_add(tf.train.get_or_create_global_step(), 1)
            for index in range(count):
                tf.summary.scalar(f"s{index}", 1.0)
            scaffold = tf.train.Scaffold()
            hook = tf.train.SummarySaverHook(save_steps=1, summary_writer=writer, scaffold=scaffold)
            with tf.train.SingularMonitoredSession(hooks=[hook], scaffold=scaffold) as session:
                session.run(step)
        assert len(writer.values) == count


def test_a_directory_shows_graph_and_checkpoints(train_op, tmp_path: Path) -> None:
    """Beside summaries, the hook that saves checkpoints writes the graph and marks each save."""
    reader = pytest.importorskip("tensorboard.backend.event_processing.event_file_loader")
    summary = tf.summary.scalar("s", 1.0)
    saving = tf.train.CheckpointSaverHook(tmp_path, save_steps=2)
    writing = tf.train.SummarySaverHook(save_steps=1, output_dir=tmp_path, summary_op=summary)
    train([saving, writing], train_op, 2)
    tf.summary.FileWriterCache.clear()
    (path,) = tmp_path.glob("events.out.tfevents.*")
    events = list(reader.LegacyEventFileLoader(str(path)).Load())
    marks = [(e.step, e.session_log.checkpoint_path) for e in events if e.session_log.status == 3]
    assert marks == [(0, str(tmp_path / "model.ckpt")), (2, str(tmp_path / "model.ckpt"))]
    assert [e.WhichOneof("what") for e in events].count("graph_def") == 1


# -- NanTensorHook ---------------------------------------------------------------------------------


@pytest.mark.parametrize("value", [math.nan, [1.0, math.nan]])
def test_a_loss_of_nan_fails(graph, value, told) -> None:
    """NanLossDuringTrainingError; what has happened is logged as an error."""
    with pytest.raises(tf.train.NanLossDuringTrainingError, match="NaN loss during training"):
        train([tf.train.NanTensorHook(tf.constant(value))], tf.constant(1.0), 1)
    assert "error: Model diverged with loss = NaN." in told


def test_a_loss_of_nan_stops(graph, told) -> None:
    """Without fail_on_nan_loss the training is asked to stop, with a warning."""
    loss = tf.placeholder_with_default(1.0, [])
    hook = tf.train.NanTensorHook(loss, fail_on_nan_loss=False)
    with tf.train.SingularMonitoredSession(hooks=[hook]) as session:
        session.run(loss)
        assert not session.should_stop()
        session.run(loss, {loss: math.nan})
        assert session.should_stop()
    assert "warning: Model diverged with loss = NaN." in told


# -- GlobalStepWaiterHook --------------------------------------------------------------------------


def test_the_first_run_waits_for_the_step(step, train_op, clock: Clock, monkeypatch, told) -> None:
    """The first run sleeps until the step is there; later runs don't look."""
    hook = tf.train.GlobalStepWaiterHook(3)
    with tf.train.SingularMonitoredSession(hooks=[hook]) as session:
        slept = []

        def sleep(seconds: float) -> None:
            slept.append(seconds)
            session.raw_session().run(train_op)

        monkeypatch.setattr(time, "sleep", sleep)
        assert session.run(step) == 3
        session.run(step)
    assert slept == [0.5, 0.5, 0.5]
    assert any("Waiting for global step 3 before starting" in text for text in told)
    assert any("Global step 3 is reached" in text for text in told)


def test_step_zero_is_not_waited_for(step, told) -> None:
    """With 0 nothing is read and nothing is said."""
    train([tf.train.GlobalStepWaiterHook(0)], step, 1)
    assert not [text for text in told if "Waiting" in text]


# -- FinalOpsHook, FeedFnHook ----------------------------------------------------------------------


def test_final_operations_run_at_the_end(train_op, step) -> None:
    """Their values are there after the end, in the structure that was asked for."""
    fed = tf.placeholder(tf.float32, [])
    hook = tf.train.FinalOpsHook({"step": step, "twice": [fed * 2]}, {fed: 4.0})
    assert hook.final_ops_values is None
    train([hook], train_op, 2)
    assert hook.final_ops_values == {"step": 2, "twice": [8.0]}


def test_no_final_operations(train_op) -> None:
    """None runs nothing."""
    hook = tf.train.FinalOpsHook(None)
    train([hook], train_op, 1)
    assert hook.final_ops_values is None


def test_final_operations_that_need_input(train_op, told) -> None:
    """OutOfRangeError comes out, and what is wrong is logged."""

    def end():
        raise StopIteration

    hook = tf.train.FinalOpsHook(tf.py_func(end, [], tf.float32))
    with pytest.raises(errors.OutOfRangeError):
        train([hook], train_op, 1)
    assert any("should not depend on the input" in text for text in told)


def test_a_function_feeds_each_run(graph) -> None:
    """The function is called once before each run."""
    fed = tf.placeholder(tf.int32, [])
    numbers = iter(range(10))
    one_more = fed + 1
    hook = tf.train.FeedFnHook(feed_fn=lambda: {fed: next(numbers)})
    with tf.train.SingularMonitoredSession(hooks=[hook]) as session:
        assert [session.run(one_more) for _ in range(3)] == [1, 2, 3]


# -- ProfilerHook ----------------------------------------------------------------------------------


def traces(directory: Path) -> list[int]:
    return sorted(int(path.stem.rpartition("-")[2]) for path in directory.glob("timeline-*.json"))


def test_the_first_run_is_never_recorded(train_op, tmp_path: Path) -> None:
    """Recorded are the runs that come n steps after the first, and so on."""
    hook = tf.train.ProfilerHook(save_steps=3, output_dir=tmp_path / "made")
    seen = []
    with tf.train.SingularMonitoredSession(hooks=[hook]) as session:
        for _ in range(8):
            session.run(train_op)
            seen.append(len(traces(tmp_path / "made")))
    assert seen[0] == 0
    assert traces(tmp_path / "made") in ([3, 6], [4, 7])


def test_a_recording_every_n_seconds(train_op, tmp_path: Path, clock: Clock) -> None:
    """With seconds, the run after so many have passed is recorded."""
    hook = tf.train.ProfilerHook(save_secs=2, output_dir=tmp_path)
    train([Waits(clock, 1.0), hook], train_op, 6)
    assert traces(tmp_path) == [3, 5]


def test_a_recording_is_a_chrome_trace(step, tmp_path: Path) -> None:
    """Each operation is a slice with its type, name and inputs; arrows show the data's way."""
    fed = tf.placeholder_with_default([[1.0, 2.0]], [1, 2], name="fed")
    product = tf.matmul(fed, tf.random.normal([2, 2]), name="product")
    train_op = tf.group(product, tf.assign_add(step, 1))
    train([tf.train.ProfilerHook(save_steps=1, output_dir=tmp_path)], train_op, 3)
    path = sorted(tmp_path.glob("*.json"))[0]
    events = json.loads(path.read_text())["traceEvents"]
    (slice_,) = [e for e in events if e["ph"] == "X" and e["args"]["name"] == "product"]
    assert slice_["name"] == "MatMul"
    assert slice_["dur"] >= 0
    assert "fed" in slice_["args"].values()
    starts = [e for e in events if e["ph"] == "s"]
    ends = {e["id"]: e for e in events if e["ph"] == "t"}
    assert starts
    assert all(ends[e["id"]]["ts"] >= e["ts"] - 0.002 for e in starts)


def test_arrows_can_be_left_out() -> None:
    """Without dataflow a trace has slices only; no statistics give no slices."""
    assert json.loads(chrome_trace(tf.StepStats(), False)) == {"traceEvents": []}


def test_runs_without_a_step_are_recorded_once(step, train_op, tmp_path: Path, clock) -> None:
    """A step that stands still does not write one recording again and again."""
    writer = tf.summary.FileWriterCache.get(tmp_path)
    hook = tf.train.ProfilerHook(save_secs=1, output_dir=tmp_path)
    train([Waits(clock, 1.0), hook], step, 6)
    writer.flush()
    assert len(traces(tmp_path)) == 1
