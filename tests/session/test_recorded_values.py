"""A session whose log records values: who asked for what, and what it was given."""

import signal
import subprocess
import sys

import attrs
import numpy as np
import pytest

import runtime as tf
from runtime.recording import leaves, parts_of
from statemachine import EventLog, audit, replay
from statemachine.values import digest_of_array
from tests.cli.running import run, run_json


class Asks(tf.train.SessionRunHook):
    """Asks for something in each run, and reads something after it."""

    def __init__(self, fetches, feeds=None, reads=None):
        self.args = tf.train.SessionRunArgs(fetches, feeds)
        self.reads = reads
        self.results = []

    def before_run(self, run_context):
        return self.args

    def after_run(self, run_context, run_values):
        self.results.append(run_values.results)
        if self.reads is not None:
            self.results.append(run_context.session.run(self.reads))


@pytest.fixture
def model():
    """A tensor that is fed, and what depends on it."""
    with tf.Graph().as_default():
        fed = tf.placeholder(tf.float32, [], name="fed")
        twice = tf.multiply(fed, 2.0, name="twice")
        pair = tf.stack([fed, fed], name="pair")
        step = tf.assign_add(tf.train.get_or_create_global_step(), 1, name="step")
        yield attrs.make_class("Model", ["fed", "twice", "pair", "step"])(fed, twice, pair, step)


def told(log, kind=None):
    return [
        f"{e.step} {e.kind.value} {v.role} {v.by} {v}"
        for e in log
        for v in e.values
        if kind in (None, e.kind.value) and v.by != "session"
    ]


def session(hooks, record, path=None):
    return tf.train.SingularMonitoredSession(hooks=hooks, event_log=EventLog(path, record=record))


def test_each_value_names_who_asked_for_it_and_who_fed_it(model):
    """The caller and two hooks; feeds stand at the run, what it gave at the next event."""
    hooks = [Asks([model.twice]), Asks({"a": model.pair, "b": (model.step,)}, {model.fed: 1.5})]
    with session(hooks, "scalars") as sess:
        value = sess.run([model.step, model.step.op])
    assert value == [1, None]
    assert told(sess.event_log) == [
        "1 session.run fed hook 1 fed:0 = 1.5",
        "1 hook.after_run fetched caller step:0 = 1",
        "1 hook.after_run fetched caller step = done",
        "1 hook.after_run fetched hook 0 twice:0 = 3.0",
        "1 hook.after_run fetched hook 1 pair:0 = float32[2]",
        "1 hook.after_run fetched hook 1 step:0 = 1",
    ]
    assert audit(sess.event_log).passed
    assert [v.name for v in replay(sess.event_log).last_values[:2]] == ["step:0", "step"]


def test_results_are_what_they_are_without_recording(model):
    """Hooks and caller get the same, whatever the log keeps."""
    results = []
    for record in (None, "scalars", "digests"):
        hook = Asks({"a": model.pair}, reads=model.step)
        with session([hook], record) as sess:
            values = [sess.run(model.twice, {model.fed: n}) for n in range(3)]
        results.append((values, str(hook.results)))
    assert results[0] == results[1] == results[2]


def test_what_a_hook_reads_with_a_run_of_its_own_is_kept(model):
    """It stands at the next event; a read of the caller or of a step function is not kept."""
    with session([Asks(None, reads=model.step), Asks(None)], "scalars") as sess:
        sess.run(model.twice, {model.fed: 1.0})
        sess.raw_session().run(model.step)
        sess.run_step_fn(lambda step_context: step_context.session.run(model.step))
    assert [line for line in told(sess.event_log) if " read " in line] == [
        "1 hook.after_run read hook 0 step:0 = 1"
    ]


def test_the_session_reads_the_global_step_for_hooks_to_come(model):
    """When it was made, after each run, and before the end."""
    with session([Asks(model.step)], "scalars") as sess:
        sess.run(model.step)
    read = [(e.kind.value, v.value) for e in sess.event_log for v in e.values if v.role == "read"]
    assert read == [("hook.after_create_session", 0), ("hook.after_run", 1), ("hook.end", 1)]


def test_a_run_that_fails_has_its_feeds_and_nothing_else(model):
    """Feeds are written down before the run, as an event is before its call."""
    failing = tf.debugging.Assert(tf.greater(model.fed, 0.0), [model.fed])
    with session([], "scalars") as sess:
        with pytest.raises(tf.errors.InvalidArgumentError):
            sess.run(failing, {model.fed: float("nan")})
        sess.run(model.twice, {model.fed: 2.0})
    assert told(sess.event_log) == [
        "1 session.run fed caller fed:0 = nan",
        "2 session.run fed caller fed:0 = 2.0",
        "2 step.end fetched caller twice:0 = 4.0",
    ]


def test_each_run_of_a_step_function_has_its_own_values(model):
    """They are steps of their own."""

    def twice(step_context):
        return [step_context.run_with_hooks(model.step) for _ in range(2)]

    with session([], "scalars") as sess:
        assert sess.run_step_fn(twice) == [1, 2]
    assert told(sess.event_log) == [
        "1 step.end fetched caller step:0 = 1",
        "2 step.end fetched caller step:0 = 2",
    ]


def test_digests_are_kept_of_scalars_arrays_and_feeds(model):
    """A feed is digested as it was given."""
    with session([], "digests") as sess:
        sess.run([model.pair], {model.fed: 1.0})
    kept = {v.name: v.sha256 for e in sess.event_log for v in e.values if v.role != "read"}
    assert kept == {
        "fed:0": digest_of_array(np.array(1.0)),
        "pair:0": digest_of_array(np.ones(2, np.float32)),
    }


def test_values_survive_kill_9(tmp_path):
    """Those of the step before the one in which the process dies, like its events."""
    program = """
import os, signal
import runtime as tf
from statemachine import EventLog

class Deadly(tf.train.SessionRunHook):
    def after_run(self, run_context, run_values):
        if run_values.results == 3:
            os.kill(os.getpid(), signal.SIGKILL)

    def before_run(self, run_context):
        return tf.train.SessionRunArgs(step)

step = tf.assign_add(tf.train.get_or_create_global_step(), 1, name="step")
log = EventLog("killed.arrows", record="scalars")
with tf.train.SingularMonitoredSession(hooks=[Deadly()], event_log=log) as session:
    while True:
        session.run(step)
"""
    done = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, check=False)
    assert done.returncode == -signal.SIGKILL
    log = EventLog.open(tmp_path / "killed.arrows")
    assert [v.value for e in log for v in e.values if v.by == "caller"] == [1, 2, 3]


# Structures


@attrs.frozen
class Both:
    here: object
    there: object


def test_structures_are_taken_apart_along_the_fetches():
    """Lists, tuples, dictionaries and attrs objects; a leaf may give a structure of its own."""
    asked = {"a": ["x:0", ("y:0",)], "b": Both("z:0", "u:0")}
    sparse = tf.train.SessionRunValues(np.ones(2), {"k": 3}, (4, 5))  # any named tuple
    found = {"a": [1, (sparse,)], "b": Both(2, None)}
    names = [name for name, _ in leaves(asked, found)]
    assert names == [
        "x:0",
        "y:0.results",
        "y:0.options['k']",
        "y:0.run_metadata[0]",
        "y:0.run_metadata[1]",
        "z:0",
        "u:0",
    ]
    assert list(parts_of("x:0", [1, 2])) == [("x:0", [1, 2])]


# diff, show, state, export


def train(path, record="scalars", wrong_at=None, steps=5, directory=None):
    """A deterministic training, which goes wrong at one step if that is wanted."""
    with tf.Graph().as_default():
        fed = tf.placeholder(tf.float32, [2], name="fed")
        loss = tf.reduce_sum(fed, name="loss")
        step = tf.assign_add(tf.train.get_or_create_global_step(), 1, name="step")
        hooks = [tf.train.StopAtStepHook(num_steps=steps)]
        if directory:
            hooks.append(tf.train.CheckpointSaverHook(directory, save_steps=2))
        log = EventLog(path, record=record)
        with tf.train.SingularMonitoredSession(
            hooks=hooks, event_log=log, checkpoint_dir=directory
        ) as sess:
            while not sess.should_stop():
                at = int(sess.raw_session().run("global_step:0"))
                sess.run([loss, step], {fed: [at, 0.5 if at == wrong_at else 0.25]})
    return path


@pytest.mark.parametrize("record", ["scalars", "digests"])
def test_diff_finds_the_first_step_whose_numbers_differ(tmp_path, record):
    """The order of the calls is the same; the message names the fetch and both values."""
    one = train(tmp_path / "one.arrows", record)
    other = train(tmp_path / "other.arrows", record, wrong_at=3)
    found, code = run_json("diff", one, other)
    assert code == 7
    (divergence,) = found["divergences"]
    assert divergence["a_event"]["step"] == 4
    if record == "scalars":
        assert divergence["field"] == "value of loss:0, fetched by caller"
        assert (divergence["a"], divergence["b"]) == (3.25, 3.5)
        assert "value of loss:0, fetched by caller = 3.5" in run("diff", one, other).stdout
    else:
        assert divergence["field"] == "value of fed:0, fed by caller"
        assert divergence["a"].startswith("float64 (2,) ")
        assert divergence["a"] != divergence["b"]


@pytest.mark.parametrize("record", ["scalars", "digests"])
def test_two_deterministic_runs_have_the_same_values(tmp_path, record):
    """Also the second halves of two trainings, each restored from its own checkpoint."""
    logs = []
    for name in ("one", "other"):
        train(tmp_path / f"{name}-1.arrows", record, directory=str(tmp_path / name))
        logs.append(
            train(tmp_path / f"{name}-2.arrows", record, directory=str(tmp_path / name), steps=3)
        )
    found, code = run_json("diff", *logs)
    assert (code, found["divergences"]) == (0, [])
    first = next(v for e in EventLog.open(logs[0]) for v in e.values)
    assert record == "digests" or (first.name, first.value) == ("global_step:0", 5)


def test_logs_that_record_different_things_differ_in_the_header(tmp_path):
    """Whether their numbers are the same can't be told, and that is said."""
    logs = [train(tmp_path / f"{record}.arrows", record) for record in ("scalars", None)]
    found, code = run_json("diff", *logs)
    assert code == 7
    assert [(d["field"], d["a"], d["b"]) for d in found["divergences"]] == [
        ("record", "scalars", None)
    ]


def test_show_state_and_export_know_values(tmp_path):
    """Lines for people, objects for programs, rows for tables, curves for traces."""
    import json

    path = train(tmp_path / "log.arrows")
    assert "fetched by caller: loss:0 = 0.25" in run("show", path, "--step", "1").stdout
    assert "loss:0 = 4.25" in run("state", path).stdout
    state, _ = run_json("state", path)
    assert state["last_values"][0] == {
        "role": "fetched",
        "by": "caller",
        "name": "loss:0",
        "dtype": "float32",
        "shape": [],
        "value": 4.25,
    }
    lines = [json.loads(line) for line in run("show", path, "--json").stdout.splitlines()]
    values = [v for line in lines for v in line.get("values", ()) if v["name"] == "loss:0"]
    assert [v["value"] for v in values] == [0.25, 1.25, 2.25, 3.25, 4.25]
    for form in ("jsonl", "csv", "parquet", "chrome-trace", "xes"):
        assert run("export", path, "--format", form, "-o", tmp_path / form).exit_code == 0
    trace = json.loads((tmp_path / "chrome-trace").read_text())["traceEvents"]
    curve = [e["args"]["value"] for e in trace if e["ph"] == "C" and e["name"] == "loss:0"]
    assert curve == [0.25, 1.25, 2.25, 3.25, 4.25]
    assert "loss:0" in (tmp_path / "csv").read_text()
    assert "loss:0" in (tmp_path / "xes").read_text()
    import pyarrow.parquet as pq

    rows = pq.read_table(tmp_path / "parquet").filter(
        pq.read_table(tmp_path / "parquet")["values"].is_valid()
    )
    assert rows["values"][-1].as_py()[0]["name"] == "global_step:0"
