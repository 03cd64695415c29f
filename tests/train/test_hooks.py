"""The hooks for logging, stopping and saving, and the timer that they share."""

import time
from pathlib import Path

import numpy as np
import pytest

import runtime as tf
from runtime import logging
from runtime.basic_session_run_hooks import (
    CheckpointSaverHook,
    CheckpointSaverListener,
    LoggingTensorHook,
    NeverTriggerTimer,
    SecondOrStepTimer,
    StopAtStepHook,
)
from runtime.coordinator import Coordinator
from runtime.saver import Saver, latest_checkpoint
from runtime.scaffold import Scaffold
from tests.train.driving import run_with_hooks


class Clock:
    """Stands for time.time."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch) -> Clock:
    """The time as the hooks see it; it stands still until a test moves it."""
    clock = Clock()
    monkeypatch.setattr(time, "time", clock)
    return clock


@pytest.fixture
def logged(monkeypatch) -> list[str]:
    """The texts that tf.logging.info is given: each finished, as the only argument."""
    texts: list[str] = []
    monkeypatch.setattr(logging, "info", texts.append)
    return texts


@pytest.fixture
def graph():
    with tf.Graph().as_default() as graph:
        yield graph


@pytest.fixture
def step(graph):
    return tf.train.get_or_create_global_step()


@pytest.fixture
def train_op(step):
    return tf.assign_add(step, 1)


def initialized(graph) -> tf.Session:
    init = tf.global_variables_initializer()
    session = tf.Session(graph=graph)
    session.run(init)
    return session


# -- timers ----------------------------------------------------------------------------------------


def test_a_timer_needs_a_period() -> None:
    """Neither seconds nor steps: ValueError; both: ValueError."""
    with pytest.raises(ValueError, match="Either every_secs or every_steps should be provided"):
        SecondOrStepTimer()
    with pytest.raises(ValueError, match="Can not provide both every_secs and every_steps"):
        SecondOrStepTimer(every_secs=1.0, every_steps=1)


def test_a_timer_is_due_at_its_first_step_and_never_twice_for_one(clock: Clock) -> None:
    """Due at once; after an update not for the same step, however much time has passed."""
    for timer in (SecondOrStepTimer(every_secs=1.0), SecondOrStepTimer(every_steps=1)):
        assert timer.last_triggered_step() is None
        assert timer.should_trigger_for_step(1)
        assert timer.update_last_triggered_step(1) == (None, None)
        clock.now += 100.0
        assert not timer.should_trigger_for_step(1)
        assert timer.should_trigger_for_step(2)
        assert timer.last_triggered_step() == 1


def test_a_timer_of_seconds(clock: Clock) -> None:
    """Due when the seconds have passed, whatever the steps; the update tells how many passed."""
    timer = SecondOrStepTimer(every_secs=1.0)
    timer.update_last_triggered_step(1)
    clock.now += 0.9
    assert not timer.should_trigger_for_step(1000)
    clock.now += 0.1
    assert timer.should_trigger_for_step(2)
    assert timer.update_last_triggered_step(7) == (pytest.approx(1.0), 6)


def test_a_timer_of_steps(clock: Clock) -> None:
    """Due when the steps are made, whatever the time; the update tells how many were made."""
    timer = SecondOrStepTimer(every_steps=3)
    timer.update_last_triggered_step(1)
    assert not timer.should_trigger_for_step(3)
    assert timer.should_trigger_for_step(4)
    clock.now += 0.5
    assert timer.update_last_triggered_step(5) == (0.5, 4)


def test_a_timer_can_be_reset() -> None:
    """After a reset it is as new."""
    timer = SecondOrStepTimer(every_steps=10)
    timer.update_last_triggered_step(1)
    timer.reset()
    assert timer.last_triggered_step() is None
    assert timer.should_trigger_for_step(1)


def test_a_timer_that_is_never_due() -> None:
    """NeverTriggerTimer is not due, and notes nothing."""
    timer = NeverTriggerTimer()
    timer.reset()
    assert timer.update_last_triggered_step(1) == (None, None)
    assert not timer.should_trigger_for_step(2)
    assert timer.last_triggered_step() is None


# -- LoggingTensorHook -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"every_n_iter": 5, "every_n_secs": 5},
        {"every_n_iter": 5, "every_n_secs": 5, "at_end": True},
    ],
)
def test_when_to_log_must_be_clear(arguments) -> None:
    """Not exactly one period, and not the end alone: ValueError that shows what was given."""
    with pytest.raises(ValueError, match="exactly one of every_n_iter and every_n_secs") as caught:
        LoggingTensorHook(["t:0"], **arguments)
    assert f"every_n_iter={arguments.get('every_n_iter')}" in str(caught.value)


@pytest.mark.parametrize("period", [0, -10])
def test_a_period_must_be_positive(period: int) -> None:
    """Zero or fewer runs: ValueError."""
    with pytest.raises(ValueError, match=f"invalid every_n_iter={period}. It must be positive."):
        LoggingTensorHook(["t:0"], every_n_iter=period)


def test_logs_every_n_runs(graph, logged: list[str]) -> None:
    """The first run is logged, then every tenth; in the others nothing is fetched."""
    value = tf.constant(42.0, name="foo")
    hook = LoggingTensorHook([value.name], every_n_iter=10)
    hook.begin()
    with tf.Session(graph=graph) as session:
        lines_at = []
        for run in range(25):
            before = len(logged)
            run_with_hooks(session, [hook], value)
            lines_at += [run] * (len(logged) - before)
        hook.end(session)
    assert lines_at == [0, 10, 20]
    assert logged[0] == "foo:0 = 42.0"
    assert all(line.startswith("foo:0 = 42.0 (0.0") and "sec)" in line for line in logged[1:])


def test_tensors_are_fetched_only_when_they_are_logged(graph, logged: list[str]) -> None:
    """Runs that are not logged don't pay for the tensors."""
    value = tf.constant(42.0)
    hook = LoggingTensorHook({"x": value}, every_n_iter=2)
    hook.begin()
    asked = []
    with tf.Session(graph=graph) as session:
        for _ in range(4):
            asked.append(hook.before_run(None) is not None)
            run_with_hooks(session, [hook], value)
    assert asked == [True, False, True, False]


def test_logs_every_n_seconds(graph, clock: Clock, logged: list[str]) -> None:
    """The first run is logged, then the first one after the seconds have passed."""
    value = tf.constant(42.0, name="foo")
    hook = LoggingTensorHook({"tag": value}, every_n_secs=1.0)
    hook.begin()
    with tf.Session(graph=graph) as session:
        run_with_hooks(session, [hook], value)
        clock.now += 0.5
        run_with_hooks(session, [hook], value)
        clock.now += 1.5
        run_with_hooks(session, [hook], value)
    assert logged == ["tag = 42.0", "tag = 42.0 (2.000 sec)"]


def test_logs_at_the_end_only(graph, logged: list[str]) -> None:
    """With at_end alone, nothing is logged before the end."""
    value = tf.constant(42.0, name="foo")
    hook = LoggingTensorHook([value.name], at_end=True)
    hook.begin()
    with tf.Session(graph=graph) as session:
        run_with_hooks(session, [hook], value)
        assert logged == []
        hook.end(session)
    assert logged == ["foo:0 = 42.0"]


def test_logs_at_the_end_too(graph, clock: Clock, logged: list[str]) -> None:
    """With a period and at_end, both are logged."""
    value = tf.constant(42.0, name="foo")
    hook = LoggingTensorHook([value.name], every_n_iter=10, at_end=True)
    hook.begin()
    with tf.Session(graph=graph) as session:
        run_with_hooks(session, [hook], value)
        hook.end(session)
    assert logged == ["foo:0 = 42.0", "foo:0 = 42.0 (0.000 sec)"]


def test_a_list_keeps_its_order_and_a_dict_is_sorted(graph, logged: list[str]) -> None:
    """Tensors of a list are logged in its order, those of a dict in the order of the tags."""
    one, two = tf.constant(1, name="one"), tf.constant(2, name="two")
    with tf.Session(graph=graph) as session:
        for tensors in (["two:0", "one:0"], {"b": one, "a": two}):
            hook = LoggingTensorHook(tensors, every_n_iter=1)
            hook.begin()
            run_with_hooks(session, [hook], one)
    assert logged == ["two:0 = 2, one:0 = 1", "a = 2, b = 1"]


def test_a_formatter_makes_the_text(graph, logged: list[str]) -> None:
    """A formatter gets the values by tag; what it returns is logged as it is, % and all."""
    value = tf.constant(42.0)
    hook = LoggingTensorHook(
        {"x": value}, every_n_iter=1, formatter=lambda values: f"100 % of {values['x']}"
    )
    hook.begin()
    with tf.Session(graph=graph) as session:
        run_with_hooks(session, [hook], value)
    assert logged == ["100 % of 42.0"]


def test_small_numbers_are_logged_without_exponents(graph, logged: list[str]) -> None:
    """Arrays are printed with exponents suppressed, and the user's print options come back."""
    before = np.get_printoptions()
    value = tf.constant([1e-5, 1.0])
    hook = LoggingTensorHook({"x": value}, every_n_iter=1)
    hook.begin()
    with tf.Session(graph=graph) as session:
        run_with_hooks(session, [hook], value)
    assert logged == ["x = [0.00001 1.     ]"]
    assert np.get_printoptions() == before


def test_a_hook_that_is_used_again_starts_anew(graph, logged: list[str]) -> None:
    """begin forgets the runs of an earlier session: the first run is logged again."""
    value = tf.constant(42.0)
    hook = LoggingTensorHook({"x": value}, every_n_iter=10)
    with tf.Session(graph=graph) as session:
        for _ in range(2):
            hook.begin()
            run_with_hooks(session, [hook], value)
            run_with_hooks(session, [hook], value)
    assert logged == ["x = 42.0", "x = 42.0"]


def test_a_tensor_of_another_graph_cannot_be_logged(graph) -> None:
    """begin: ValueError for a tensor of another graph, KeyError for a name that isn't there."""
    with tf.Graph().as_default():
        foreign = tf.constant(1.0)
    with pytest.raises(ValueError, match="graph attribute that is equal to current graph"):
        LoggingTensorHook([foreign], every_n_iter=1).begin()
    with pytest.raises(KeyError, match="none"):
        LoggingTensorHook(["none:0"], every_n_iter=1).begin()


def test_an_operation_can_stand_for_its_only_output(graph, logged: list[str]) -> None:
    """A name without a colon means the only output."""
    value = tf.constant(42.0, name="foo")
    hook = LoggingTensorHook(["foo"], every_n_iter=1)
    hook.begin()
    with tf.Session(graph=graph) as session:
        run_with_hooks(session, [hook], value)
    assert logged == ["foo = 42.0"]


# -- StopAtStepHook --------------------------------------------------------------------------------


def test_the_step_to_stop_at_must_be_clear() -> None:
    """Neither a number of steps nor a last step: ValueError; both: ValueError."""
    with pytest.raises(ValueError, match="One of num_steps or last_step must be specified"):
        StopAtStepHook()
    with pytest.raises(ValueError, match="Only one of num_steps or last_step can be specified"):
        StopAtStepHook(num_steps=10, last_step=20)


def test_stopping_needs_a_global_step(graph) -> None:
    """begin in a graph without global step: RuntimeError that says how to make one."""
    with pytest.raises(RuntimeError, match="Global step should be created to use StopAtStepHook"):
        StopAtStepHook(last_step=1).begin()


def test_stops_at_the_last_step(graph, step, train_op) -> None:
    """The run that brings the global step to last_step asks for the stop, none before."""
    hook = StopAtStepHook(last_step=3)
    hook.begin()
    with initialized(graph) as session:
        hook.after_create_session(session, None)
        assert [run_with_hooks(session, [hook], train_op) for _ in range(4)] == [
            *(False, False),
            *(True, True),
        ]


def test_stops_after_a_number_of_steps(graph, step, train_op) -> None:
    """num_steps counts from the step that the session starts with."""
    hook = StopAtStepHook(num_steps=2)
    hook.begin()
    with initialized(graph) as session:
        session.run(train_op)
        hook.after_create_session(session, None)
        assert [run_with_hooks(session, [hook], train_op) for _ in range(3)] == [
            *(False, True),
            True,
        ]


def test_a_second_session_does_not_move_the_last_step(graph, step, train_op) -> None:
    """num_steps is counted once: a session after a recovery stops at the same step."""
    hook = StopAtStepHook(num_steps=2)
    hook.begin()
    with initialized(graph) as session:
        hook.after_create_session(session, None)
        session.run(train_op)
        hook.after_create_session(session, None)
        assert run_with_hooks(session, [hook], train_op)


def test_a_stale_step_is_read_again(graph, step) -> None:
    """The step that is fetched with the run may be one behind or not: the answer is the same."""
    hook = StopAtStepHook(last_step=10)
    hook.begin()
    jump = tf.assign_add(step, 20)
    idle = tf.no_op()
    with initialized(graph) as session:
        hook.after_create_session(session, None)
        assert not run_with_hooks(session, [hook], idle)
        run_with_hooks(session, [hook], jump)
        assert run_with_hooks(session, [hook], idle)
    with initialized(graph) as session:
        hook.after_create_session(session, None)
        session.run(tf.assign(step, 9))
        assert not run_with_hooks(session, [hook], idle)


# -- CheckpointSaverHook ---------------------------------------------------------------------------


class Recorder(CheckpointSaverListener):
    """Notes what it is told; asks for a stop when it is told to."""

    def __init__(self) -> None:
        self.calls: list[tuple[object, ...]] = []
        self.ask_for_stop = False

    def begin(self) -> None:
        self.calls.append(("begin",))

    def before_save(self, session, global_step_value: int) -> None:
        self.calls.append(("before", global_step_value))

    def after_save(self, session, global_step_value: int) -> bool:
        self.calls.append(("after", global_step_value))
        return self.ask_for_stop

    def end(self, session, global_step_value: int) -> None:
        self.calls.append(("end", global_step_value))


def saved_steps(directory: Path) -> list[int]:
    return sorted(
        int(path.name.removesuffix(".safetensors").rpartition("-")[2])
        for path in directory.glob("*.safetensors")
    )


def started_saving(graph, hook: CheckpointSaverHook, coord: Coordinator | None = None):
    hook.begin()
    Scaffold().finalize()
    session = tf.Session(graph=graph)
    session.run(tf.get_collection(tf.GraphKeys.INIT_OP))
    hook.after_create_session(session, coord)
    return session


def test_when_to_save_must_be_clear(tmp_path: Path) -> None:
    """Both or neither of seconds and steps: ValueError; saver and scaffold both: ValueError."""
    with pytest.raises(ValueError, match="Either every_secs or every_steps should be provided"):
        CheckpointSaverHook(tmp_path)
    with pytest.raises(ValueError, match="Can not provide both"):
        CheckpointSaverHook(tmp_path, save_secs=10, save_steps=20)
    saver = Saver(defer_build=True)
    with pytest.raises(ValueError, match="You cannot provide both saver and scaffold"):
        CheckpointSaverHook(tmp_path, save_secs=10, saver=saver, scaffold=Scaffold())


def test_saving_needs_a_global_step(graph, tmp_path: Path) -> None:
    """begin in a graph without global step: RuntimeError that says how to make one."""
    with pytest.raises(RuntimeError, match=r"CheckpointSaverHook.*get_or_create_global_step"):
        CheckpointSaverHook(tmp_path, save_steps=1).begin()


def test_saves_first_every_n_steps_and_last(graph, train_op, tmp_path: Path) -> None:
    """A checkpoint at the start, after each n steps, and at the end."""
    directory = tmp_path / "made" / "by the hook"
    hook = CheckpointSaverHook(directory, save_steps=2)
    with started_saving(graph, hook) as session:
        seen = [saved_steps(directory)]
        for _ in range(5):
            run_with_hooks(session, [hook], train_op)
            seen.append(saved_steps(directory))
        hook.end(session)
    assert seen == [[0], [0], [0, 2], [0, 2], [0, 2, 4], [0, 2, 4]]
    assert saved_steps(directory) == [0, 2, 4, 5]
    assert latest_checkpoint(directory) == str(directory / "model.ckpt-5")


def test_a_run_may_make_several_steps(graph, step, tmp_path: Path) -> None:
    """What is due is saved after the very run that came to it, however far that run went."""
    leap = tf.assign_add(step, 2)
    hook = CheckpointSaverHook(tmp_path, save_steps=2)
    with started_saving(graph, hook) as session:
        for _ in range(3):
            run_with_hooks(session, [hook], leap)
    assert saved_steps(tmp_path) == [0, 2, 4, 6]


def test_saves_every_n_seconds(graph, train_op, tmp_path: Path, clock: Clock) -> None:
    """A checkpoint at the first step after the seconds have passed."""
    hook = CheckpointSaverHook(tmp_path, save_secs=2)
    with started_saving(graph, hook) as session:
        for pause in (0.0, 1.9, 0.2, 0.0, 2.5):
            clock.now += pause
            run_with_hooks(session, [hook], train_op)
        assert saved_steps(tmp_path) == [0, 3, 5]


def test_a_step_is_not_saved_twice(graph, train_op, tmp_path: Path) -> None:
    """At the end, a step that is saved already is not saved again; listeners hear of the end."""
    listener = Recorder()
    hook = CheckpointSaverHook(tmp_path, save_steps=1, listeners=[listener])
    with started_saving(graph, hook) as session:
        run_with_hooks(session, [hook], train_op)
        hook.end(session)
    assert listener.calls == [
        ("begin",),
        *(("before", 0), ("after", 0)),
        *(("before", 1), ("after", 1)),
        ("end", 1),
    ]


def test_runs_that_make_no_step_save_nothing(graph, step, train_op, tmp_path: Path) -> None:
    """If the global step has not moved, nothing is saved again."""
    listener = Recorder()
    idle = tf.no_op()
    hook = CheckpointSaverHook(tmp_path, save_steps=1, listeners=[listener])
    with started_saving(graph, hook) as session:
        for _ in range(3):
            run_with_hooks(session, [hook], idle)
        hook.end(session)
    assert listener.calls == [("begin",), ("before", 0), ("after", 0), ("end", 0)]


def test_a_save_that_failed_is_made_up_for_at_the_end(
    graph, train_op, tmp_path: Path, monkeypatch
) -> None:
    """A step whose save failed counts as not saved, so the end saves it."""
    hook = CheckpointSaverHook(tmp_path, save_steps=1)
    with started_saving(graph, hook) as session:
        with monkeypatch.context() as patch:
            patch.setattr(Saver, "save", lambda *args, **kwargs: 1 / 0)
            with pytest.raises(ZeroDivisionError):
                run_with_hooks(session, [hook], train_op)
        hook.end(session)
    assert saved_steps(tmp_path) == [0, 1]


def test_listeners_are_called_in_order_around_the_save(graph, train_op, tmp_path: Path) -> None:
    """All before_save, then the checkpoint is there, then all after_save, in list order."""
    calls = []

    class Looks(CheckpointSaverListener):
        def __init__(self, name: str) -> None:
            self.name = name

        def before_save(self, session, global_step_value: int) -> None:
            calls.append((self.name, "before", saved_steps(tmp_path)))

        def after_save(self, session, global_step_value: int) -> None:
            calls.append((self.name, "after", saved_steps(tmp_path)))

    hook = CheckpointSaverHook(tmp_path, save_steps=1, listeners=[Looks("a"), Looks("b")])
    started_saving(graph, hook).close()
    assert calls == [
        *(("a", "before", []), ("b", "before", [])),
        *(("a", "after", [0]), ("b", "after", [0])),
    ]


def test_a_listener_asks_for_a_stop(graph, train_op, tmp_path: Path, logged) -> None:
    """after_save that returns True asks for the stop in the run that saved, and says who it was."""
    listener = Recorder()
    hook = CheckpointSaverHook(tmp_path, save_steps=1, listeners=[listener])
    with started_saving(graph, hook) as session:
        assert not run_with_hooks(session, [hook], train_op)
        listener.ask_for_stop = True
        assert run_with_hooks(session, [hook], train_op)
    assert f"listener: {listener}" in logged[-1]


def test_a_stop_with_the_first_save_is_not_forgotten(graph, train_op, tmp_path: Path) -> None:
    """A listener that asks for a stop at the first save stops the coordinator."""
    listener = Recorder()
    listener.ask_for_stop = True
    coord = Coordinator()
    hook = CheckpointSaverHook(tmp_path, save_steps=1, listeners=[listener])
    started_saving(graph, hook, coord).close()
    assert coord.should_stop()


def test_the_messages_of_a_save(graph, train_op, tmp_path: Path, logged: list[str]) -> None:
    """Before, during and after a save the log tells step and path."""
    hook = CheckpointSaverHook(tmp_path, save_steps=1, checkpoint_basename="m")
    started_saving(graph, hook).close()
    assert logged[0] == "Create CheckpointSaverHook."
    assert "Calling checkpoint listeners before saving checkpoint 0..." in logged
    assert f"Saving checkpoints for 0 into {tmp_path / 'm'}." in logged
    assert "Calling checkpoint listeners after saving checkpoint 0..." in logged


def test_the_saver_can_be_given(graph, step, tmp_path: Path) -> None:
    """A saver that is given is used, and the collection is not asked."""
    tf.get_variable("other", initializer=1.0)
    saver = Saver([step])
    hook = CheckpointSaverHook(tmp_path, save_steps=1, saver=saver)
    started_saving(graph, hook).close()
    assert saver.last_checkpoints == [str(tmp_path / "model.ckpt-0")]


def test_the_saver_of_the_scaffold_is_used(graph, step, tmp_path: Path) -> None:
    """With a scaffold, its saver is used, also when finalize made it."""
    scaffold = Scaffold()
    hook = CheckpointSaverHook(tmp_path, save_steps=1, scaffold=scaffold)
    hook.begin()
    scaffold.finalize()
    with tf.Session(graph=graph) as session:
        session.run(scaffold.init_op)
        hook.after_create_session(session, None)
    assert scaffold.saver.last_checkpoints == [str(tmp_path / "model.ckpt-0")]


def test_the_collection_must_hold_one_saver(graph, step, tmp_path: Path) -> None:
    """No saver anywhere, or two in the collection: RuntimeError that says what to do."""
    hook = CheckpointSaverHook(tmp_path, save_steps=1)
    hook.begin()
    with initialized(graph) as session:
        with pytest.raises(RuntimeError, match=r"No items in collection savers\. Please add"):
            hook.after_create_session(session, None)
        for _ in range(2):
            tf.add_to_collection(tf.GraphKeys.SAVERS, Saver())
        with pytest.raises(RuntimeError, match="More than one item in collection savers"):
            hook.after_create_session(session, None)
    assert latest_checkpoint(tmp_path) is None


def test_saving_does_not_depend_on_the_default_graph(graph, train_op, tmp_path: Path) -> None:
    """The saver is found in the session's own graph, whatever graph is the default."""
    hook = CheckpointSaverHook(tmp_path, save_steps=1)
    with started_saving(graph, hook) as session, tf.Graph().as_default():
        run_with_hooks(session, [hook], train_op)
    assert saved_steps(tmp_path) == [0, 1]
