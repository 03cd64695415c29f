"""Hooks of today's code against the calls that a log recorded."""

import contextlib
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import runtime as tf
from runtime.rehearsal import RecordedClock, is_rehearsal, rehearsal
from statemachine import EventLog


class LossWatcher(tf.train.SessionRunHook):
    """Looks at the loss, which it finds by name, and stops when it is too large."""

    def __init__(self, limit=1e9, fails_at=None):
        self.limit, self.fails_at = limit, fails_at
        self.seen = []

    def begin(self):
        self.loss = tf.get_default_graph().get_tensor_by_name("loss:0")

    def before_run(self, run_context):
        return tf.train.SessionRunArgs({"loss": [self.loss]})

    def after_run(self, run_context, run_values):
        (loss,) = run_values.results["loss"]
        self.seen.append((float(loss), time.time()))
        if loss == self.fails_at:
            raise ValueError(f"the loss is {loss}")
        if loss > self.limit:
            run_context.request_stop()


def hooks_of(directory, last_step=12, every=4, watcher=None, feed=0.5):
    return [
        tf.train.StopAtStepHook(last_step=last_step),
        tf.train.LoggingTensorHook(["loss"], every_n_iter=every),
        tf.train.NanTensorHook("loss:0"),
        tf.train.StepCounterHook(every_n_steps=5),
        tf.train.CheckpointSaverHook(str(directory), save_steps=5),
        tf.train.FeedFnHook(lambda: {"x:0": feed}),
        tf.train.EarlyStoppingHook("loss:0", patience=100),
        tf.train.ProfilerHook(save_steps=6, output_dir=str(directory)),
        watcher or LossWatcher(),
    ]


def train(path, hooks, record="scalars", fetch=None, catch=()):
    """A loss of step + x; the caller fetches the step, or something else."""
    with tf.Graph().as_default():
        x = tf.placeholder_with_default(0.0, [], name="x")
        step = tf.assign_add(tf.train.get_or_create_global_step(), 1, name="step")
        loss = tf.add(tf.cast(step, tf.float32), x, name="loss")
        tf.stack([loss, loss], name="pair")
        log = EventLog(path, record=record)
        with tf.train.SingularMonitoredSession(hooks=hooks, event_log=log) as session:
            while not session.should_stop():
                try:
                    session.run(fetch or step)
                except catch:
                    break
    return path


@pytest.fixture(scope="module")
def log(tmp_path_factory):
    directory = tmp_path_factory.mktemp("replay")
    return train(directory / "log.arrows", hooks_of(directory / "model"))


@pytest.fixture
def elsewhere(tmp_path):
    """A directory that nothing may be written to."""
    yield tmp_path / "elsewhere"
    assert not (tmp_path / "elsewhere").exists()


def test_the_same_hooks_do_the_same(log, elsewhere):
    """Saving, logging, counting, feeding, stopping; nothing is written meanwhile."""
    result = tf.replay_hooks(log, hooks_of(elsewhere))
    assert result.same, str(result)
    assert (result.steps, result.stop_step, result.logged_stop_step) == (12, 12, 12)
    assert result.check() is result
    assert result.log_hooks == tuple(range(9))


def test_the_order_of_hooks_does_not_matter_to_what_they_do(log, elsewhere):
    """Each is held against the one of its class."""
    result = tf.replay_hooks(EventLog.open(log), hooks_of(elsewhere)[::-1])
    assert result.same, str(result)
    assert result.log_hooks == tuple(range(9))[::-1]


def test_a_hook_sees_the_values_and_the_time_of_the_log(log, elsewhere):
    """A stop timer works as it did; the clock is real again afterwards."""
    watcher = LossWatcher()
    tf.replay_hooks(log, hooks_of(elsewhere, watcher=watcher))
    assert [loss for loss, _ in watcher.seen] == [n + 0.5 for n in range(1, 13)]
    times = [e.time / 1e9 for e in EventLog.open(log) if e.kind.value == "hook.after_run"]
    assert [moment for _, moment in watcher.seen] == pytest.approx(times[8::9], abs=1e-6)
    assert not is_rehearsal()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"last_step": 7}, "after_run of hook 0 (StopAtStepHook), step 7 (event"),
        ({"last_step": 7}, "asks for a stop; in the log it does not"),
        ({"last_step": 99}, "step 12 (event"),
        ({"last_step": 99}, "does not ask for a stop; in the log it does"),
        ({"watcher": LossWatcher(limit=5)}, "hook 8 (LossWatcher), step 5"),
        ({"every": 2}, "before_run of hook 1 (LoggingTensorHook), step 3"),
        ({"every": 2}, "asks for loss:0; in the log for nothing"),
        ({"feed": 0.25}, "feeds x:0 = 0.25; in the log x:0 = 0.5"),
        ({"watcher": LossWatcher(fails_at=3.5)}, "raises ValueError: the loss is 3.5; in the log"),
    ],
)
def test_a_changed_hook_is_told_with_the_first_place(log, elsewhere, change, words):
    """Another stop, other fetches, another feed, an error."""
    result = tf.replay_hooks(log, hooks_of(elsewhere, **change))
    assert words in str(result.first)
    assert not result.same
    with pytest.raises(tf.HooksDiffer, match="different: ") as caught:
        result.check()
    assert caught.value.replay is result


def test_what_would_have_been_goes_on_to_the_stop(log, elsewhere):
    """A hook that asks for more than it did goes on; where it stops, the replay ends."""
    result = tf.replay_hooks(log, hooks_of(elsewhere, every=2, last_step=9))
    assert [d.kind for d in result.differences] == ["fetches", "stop"]
    assert (result.stop_step, result.logged_stop_step, result.steps) == (9, None, 9)


def without(hooks, kind):
    return [hook for hook in hooks if type(hook) is not kind]


def test_a_hook_that_is_left_out_is_missed_where_it_acted(log, elsewhere):
    """One that only watched is not; one that fed or stopped is."""
    every = hooks_of(elsewhere)
    assert tf.replay_hooks(log, without(every, tf.train.NanTensorHook)).same
    stopless = tf.replay_hooks(log, without(hooks_of(elsewhere), tf.train.StopAtStepHook))
    assert "the log's hook 0 (StopAtStepHook), which nobody stands for now" in str(stopless.first)
    feedless = tf.replay_hooks(log, without(hooks_of(elsewhere), tf.train.FeedFnHook))
    assert "feeds nothing; in the log x:0 = 0.5" in str(feedless.first)


def test_an_added_hook_is_given_what_anybody_fetched(log, elsewhere):
    """Whether it stops or raises is told; what it asks for is its own business."""
    early = tf.train.StopAtStepHook(last_step=3)
    result = tf.replay_hooks(log, [*hooks_of(elsewhere), early])
    assert result.log_hooks[-1] is None
    assert "hook 9 (StopAtStepHook), which the log does not have, step 3" in str(result.first)
    assert tf.replay_hooks(log, [*hooks_of(elsewhere), LossWatcher()]).same


def test_a_renamed_hook_is_held_against_the_one_at_its_place(log, elsewhere):
    """As long as nobody else of the log's class is there."""

    class BetterWatcher(LossWatcher):
        pass

    result = tf.replay_hooks(log, hooks_of(elsewhere, watcher=BetterWatcher(limit=5)))
    assert result.log_hooks[8] == 8
    assert "hook 8 (BetterWatcher), step 5" in str(result.first)


class StopsByCoordinator(tf.train.SessionRunHook):
    """Asks the coordinator for a stop, in the middle of a step or before the first."""

    def __init__(self, at):
        self.at, self.steps = at, 0

    def after_create_session(self, session, coord):
        self.coord = coord
        if self.at == 0:
            coord.request_stop()

    def after_run(self, run_context, run_values):
        self.steps += 1
        if self.steps == self.at:
            self.coord.request_stop()


@pytest.mark.parametrize("at", [0, 3])
def test_a_stop_by_the_coordinator_is_a_stop(tmp_path, at):
    """Where the log has it, it is the same; elsewhere it is told."""
    path = train(tmp_path / "log.arrows", [StopsByCoordinator(at)])
    assert tf.replay_hooks(path, [StopsByCoordinator(at)]).same
    if at:
        result = tf.replay_hooks(path, [StopsByCoordinator(1)])
        assert (result.first.kind, result.first.step, result.stop_step) == ("stop", 1, 1)


def test_a_session_that_recovered_is_replayed_with_its_recovery(tmp_path, elsewhere):
    """after_create_session is called again, and the step that was lost comes again."""

    class Preempted(tf.train.SessionRunHook):
        def __init__(self):
            self.runs = self.sessions = 0

        def after_create_session(self, session, coord):
            self.sessions += 1

        def after_run(self, run_context, run_values):
            self.runs += 1
            if self.runs == 3:
                raise tf.errors.AbortedError(None, None, "preempted")

    def hooks(directory):
        saver = tf.train.CheckpointSaverHook(str(directory), save_steps=1)
        return [saver, Preempted(), StopAt(6)]

    with tf.Graph().as_default():
        step = tf.assign_add(tf.train.get_or_create_global_step(), 1, name="step")
        creator = tf.train.ChiefSessionCreator(checkpoint_dir=str(tmp_path / "model"))
        log = EventLog(tmp_path / "log.arrows", record="scalars")
        with tf.train.MonitoredSession(
            creator, hooks(tmp_path / "model"), event_log=log
        ) as session:
            while not session.should_stop():
                session.run(step)
    again = hooks(elsewhere)
    result = tf.replay_hooks(log, again)
    assert result.same, str(result)
    assert (again[1].sessions, result.stop_step) == (2, result.logged_stop_step)


# What the log does not hold


class Asks(tf.train.SessionRunHook):
    """Asks for something, and does something with it."""

    def __init__(self, fetches, use=None, read=None):
        self.fetches, self.use, self.read = fetches, use, read

    def before_run(self, run_context):
        return tf.train.SessionRunArgs(self.fetches)

    def after_run(self, run_context, run_values):
        if self.use:
            self.use(run_values.results)
        if self.read:
            run_context.session.run(self.read)


@pytest.mark.parametrize(
    ("hook", "words"),
    [
        (Asks("pair:0", use=np.sum), "'pair:0' (float32[2]), because it is no scalar"),
        (Asks("pair:0", use=float), "fetch what you need of it as a scalar"),
        (Asks("pair:0", use=lambda found: found > 1), "because it is no scalar"),
        (Asks("pair:0", use=lambda found: found.shape), "because it is no scalar"),
        (Asks("pair:0", use=str), "because it is no scalar"),
        (Asks("other:0", use=float), "'other:0', because nobody fetched it in this run"),
        (Asks("loss:0", read="loss:0"), "what a run of 'loss:0' gave in this call"),
    ],
)
def test_what_the_log_does_not_hold_is_said_and_not_guessed(tmp_path, hook, words):
    """Where a hook uses it, the replay ends with the reason, also if the hook catches it."""
    path = train(tmp_path / "log.arrows", [Asks(["pair:0", "loss:0"]), StopAt(2)])
    result = tf.replay_hooks(path, [hook, StopAt(2)])
    assert result.unanswered is not None
    assert words in str(result.unanswered)
    assert "hook 0 (Asks), step 1" in str(result.unanswered)
    with pytest.raises(tf.HooksDiffer, match="can't go on"):
        result.check()


def StopAt(step):  # stands for a class
    return tf.train.StopAtStepHook(last_step=step)


def test_a_hook_that_hides_the_error_is_found_all_the_same(tmp_path):
    """It would have gone another way with the value."""

    def hide(found):
        try:
            float(found)
        except Exception:
            return

    path = train(tmp_path / "log.arrows", [Asks("pair:0"), StopAt(2)])
    assert tf.replay_hooks(path, [Asks("pair:0", use=hide), StopAt(2)]).unanswered is not None


def test_a_value_that_is_only_passed_on_is_no_matter(tmp_path):
    """A hook may fetch an array and look at something else."""
    path = train(tmp_path / "log.arrows", [Asks("pair:0"), StopAt(2)])
    kept = []
    assert tf.replay_hooks(path, [Asks("pair:0", use=kept.append), StopAt(2)]).same
    assert [repr(found) for found in kept] == ["<not recorded>"] * 2


def test_a_log_of_digests_tells_what_is_asked_for(tmp_path):
    """As long as nobody uses a value, which it can't give."""
    path = train(tmp_path / "log.arrows", [Asks("loss:0"), StopAt(2)], record="digests")
    alone = tf.replay_hooks(path, [Asks("pair:0")])
    assert "asks for pair:0; in the log for loss:0" in str(alone.first)
    both = tf.replay_hooks(path, [Asks("loss:0"), StopAt(2)])
    assert "holds only the digest of 'global_step/read:0'" in str(both.unanswered)


def test_a_log_without_values_is_refused(tmp_path):
    """The message says how to write one that can be replayed."""
    path = train(tmp_path / "log.arrows", [StopAt(1)], record=None)
    with pytest.raises(ValueError, match=r'records no values.*record="scalars"'):
        tf.replay_hooks(path, [])


# Errors, starts and ends


def test_an_error_that_the_log_has_is_no_difference(tmp_path):
    """A hook that no longer raises, or raises something else, is one."""
    hooks = [LossWatcher(fails_at=3.0), StopAt(9)]
    path = train(tmp_path / "log.arrows", hooks, catch=ValueError)
    assert tf.replay_hooks(path, [LossWatcher(fails_at=3.0), StopAt(9)]).same
    mended = tf.replay_hooks(path, [LossWatcher(), StopAt(9)])
    assert "raises nothing; in the log ValueError: the loss is 3.0" in str(mended.first)
    worse = tf.replay_hooks(path, [LossWatcher(fails_at=2.0), StopAt(9)])
    assert "step 2 (event" in str(worse.first)
    dropped = tf.replay_hooks(path, [StopAt(9)])
    assert "raises nothing; in the log ValueError" in str(dropped.first)


def test_a_run_that_failed_has_no_after_run(tmp_path):
    """The hooks were asked before it, and not told of it."""
    with tf.Graph().as_default():
        fed = tf.placeholder(tf.float32, [], name="fed")
        checked = tf.debugging.Assert(tf.greater(fed, 0.0), [fed])
        log = EventLog(tmp_path / "log.arrows", record="scalars")
        with tf.train.SingularMonitoredSession(hooks=[Counts()], event_log=log) as session:
            for value in (1.0, -1.0, 2.0):
                with contextlib.suppress(tf.errors.InvalidArgumentError):
                    session.run(checked, {fed: value})
    hook = Counts()
    assert tf.replay_hooks(log, [hook]).same
    steps = ["before", "after", "before", "before", "after"]
    assert hook.calls == ["begin", "create", *steps, "end"]
    assert hook.fed == [1.0, -1.0, 2.0]


class Counts(tf.train.SessionRunHook):
    """Writes down its calls, and what the caller fed."""

    def __init__(self):
        self.calls, self.fed = [], []

    def begin(self):
        self.calls.append("begin")

    def after_create_session(self, session, coord):
        assert not coord.should_stop()
        self.calls.append("create")

    def before_run(self, run_context):
        self.calls.append("before")
        fetched, feeds, _ = run_context.original_args
        assert fetched is not None
        self.fed += [float(value) for value in feeds.values()]

    def after_run(self, run_context, run_values):
        assert run_values.results is None
        self.calls.append("after")

    def end(self, session):
        self.calls.append("end")


def test_a_log_of_a_killed_process_is_replayed_to_where_it_died(tmp_path):
    """What the hooks did until then is compared."""
    from tests.golden.make import copy_of_living

    path = tmp_path / "killed.arrows"
    copies = iter([lambda: copy_of_living(tmp_path / "log.arrows", path)])

    def copy_once(found):
        if found == 3.0:
            next(copies)()

    train(tmp_path / "log.arrows", [Asks("loss:0", use=copy_once), StopAt(5)])
    result = tf.replay_hooks(path, [Asks("loss:0"), StopAt(5)])
    assert result.same, str(result)
    assert result.steps == 3


def test_a_hook_that_adds_operations_needs_the_graph(tmp_path):
    """With the model's own graph the names are those of the log."""

    class Doubles(tf.train.SessionRunHook):
        def begin(self):
            loss = tf.get_default_graph().get_tensor_by_name("loss:0")
            self.double = loss * 2.0

        def before_run(self, run_context):
            return tf.train.SessionRunArgs(self.double)

        def after_run(self, run_context, run_values):
            assert run_values.results > 0

    def build():
        tf.get_variable("mul", [], initializer=tf.zeros_initializer())
        tf.multiply(1.0, 2.0)
        tf.add(tf.cast(tf.train.get_or_create_global_step(), tf.float32), 1.0, name="loss")

    with tf.Graph().as_default():
        build()
        log = EventLog(tmp_path / "log.arrows", record="scalars")
        with tf.train.SingularMonitoredSession(hooks=[Doubles()], event_log=log) as session:
            session.run("loss:0")
    graph = tf.Graph()
    with graph.as_default():
        build()
    assert tf.replay_hooks(log, [Doubles()], graph=graph).same
    assert not graph.finalized
    assert "asks for" in str(tf.replay_hooks(log, [Doubles()]).first)


def test_the_clock_of_the_log_is_for_its_own_thread():
    """Other threads see the real time meanwhile, and sleep as long as they want."""
    clock = RecordedClock(5_000_000_000, 7_000_000_000)
    seen = []
    with rehearsal(clock):
        thread = threading.Thread(target=lambda: seen.append((time.time(), is_rehearsal())))
        thread.start()
        thread.join()
        assert (time.time(), time.time_ns()) == (5.0, 5_000_000_000)
        assert (time.monotonic(), time.perf_counter_ns()) == (7.0, 7_000_000_000)
        time.sleep(1000)
        with pytest.raises(RuntimeError, match="can't be replayed by a hook"), rehearsal(clock):
            pass
    assert seen[0][0] > 1e9
    assert not seen[0][1]
    assert time.time() > 1e9


def test_a_hook_that_waits_by_the_clock_waits_as_it_did(tmp_path):
    """A timer of seconds comes due at the step at which it came due."""
    hook = tf.train.LoggingTensorHook(["loss"], every_n_secs=0.02)

    class Slow(tf.train.SessionRunHook):
        def before_run(self, run_context):
            time.sleep(0.008)

    path = train(tmp_path / "log.arrows", [Slow(), hook, StopAt(12)])
    again = tf.train.LoggingTensorHook(["loss"], every_n_secs=0.02)
    assert tf.replay_hooks(path, [Slow(), again, StopAt(12)]).same
    other = tf.train.LoggingTensorHook(["loss"], every_n_secs=5)
    result = tf.replay_hooks(path, [Slow(), other, StopAt(12)])
    assert "asks for nothing; in the log for loss:0" in str(result.first)


def test_what_is_no_graph_or_log_is_refused(tmp_path: Path) -> None:
    """Before any hook is called."""
    wrong: Any = 5
    with pytest.raises(
        TypeError, match=r"graph is a tf\.Graph, or None for one of stand-ins, not 5"
    ):
        tf.replay_hooks(tmp_path / "none.arrows", [], graph=wrong)
    with pytest.raises(TypeError, match="a log is opened by its path, a text or a Path, not by 5"):
        tf.replay_hooks(wrong, [])
