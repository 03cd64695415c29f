"""Session creators, the session manager, and the session that training usually has."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import runtime as tf


def test_a_chief_creates_a_session_that_is_ready() -> None:
    """Its variables have their initial values, local ones too."""
    with tf.Graph().as_default():
        variable = tf.Variable(3.0, name="v")
        with tf.train.ChiefSessionCreator().create_session() as session:
            assert session.run(variable) == 3.0


def test_a_session_is_prepared_from_a_checkpoint_instead_of_init(tmp_path: Path) -> None:
    """As the documentation says; without one the init op and init_fn are run."""
    called: list[Any] = []
    with tf.Graph().as_default():
        variable = tf.Variable(3.0, name="v")
        init, saver = tf.global_variables_initializer(), tf.train.Saver()
        manager = tf.train.SessionManager()

        def prepare() -> Any:
            return manager.prepare_session(
                "", init, saver, checkpoint_dir=str(tmp_path), init_fn=called.append
            )

        session = prepare()
        assert called == [session]
        session.run(variable.assign(7.0))
        saver.save(session, str(tmp_path / "model"))
        assert prepare().run(variable) == 7.0
        assert called == [session]


def test_a_session_that_nothing_initializes_is_refused() -> None:
    """The message says what was missing."""
    with tf.Graph().as_default(), pytest.raises(RuntimeError, match="no init_op or init_fn"):
        tf.train.SessionManager().prepare_session("")


def test_what_is_not_ready_is_named() -> None:
    """A variable without a value, in prepare_session."""
    with tf.Graph().as_default():
        tf.Variable(3.0, name="v")
        manager = tf.train.SessionManager(ready_op=tf.report_uninitialized_variables())
        with pytest.raises(RuntimeError, match="Variables not initialized: v"):
            manager.prepare_session("", init_op=tf.no_op())


def test_recover_session_tells_whether_it_restored_and_runs_the_local_init_op() -> None:
    """Without a checkpoint it did not; local variables have values all the same."""
    with tf.Graph().as_default():
        local = tf.Variable(5.0, name="l", collections=[tf.GraphKeys.LOCAL_VARIABLES])
        manager = tf.train.SessionManager(local_init_op=tf.local_variables_initializer())
        session, restored = manager.recover_session("")
        assert not restored
        assert session.run(local) == 5.0


def test_waiting_for_a_checkpoint_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It looks every recovery_wait_secs until the time is over."""
    slept: list[float] = []
    monkeypatch.setattr("runtime.session_manager.time.sleep", slept.append)
    with tf.Graph().as_default():
        tf.Variable(3.0, name="v")
        manager = tf.train.SessionManager(recovery_wait_secs=2)
        _, restored = manager.recover_session(
            "", tf.train.Saver(), str(tmp_path), wait_for_checkpoint=True, max_wait_secs=5
        )
    assert not restored
    assert slept == [2, 2, 2]


def test_a_worker_says_what_it_waits_for_until_the_model_is_ready(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The chief makes it ready while the worker sleeps; each session in vain is closed."""
    waits: list[float] = []
    said: list[str] = []
    ready = [False]

    def sleep(seconds: float) -> None:
        waits.append(seconds)
        ready[0] = len(waits) == 12

    monkeypatch.setattr("runtime.session_manager.time.sleep", sleep)
    monkeypatch.setattr("runtime.logging.warning", lambda text, *args: said.append(text))
    with tf.Graph().as_default():
        names = tf.py_func(
            lambda: np.array([] if ready[0] else [b"weights"], object), [], tf.string
        )
        scaffold = tf.train.Scaffold(
            ready_op=names, ready_for_local_init_op=tf.constant([], tf.string)
        )
        creator = tf.train.WorkerSessionCreator(scaffold, max_wait_secs=10_000)
        with tf.train.MonitoredSession(creator) as session:
            assert not session.should_stop()
    assert waits == [30] * 12
    assert len(said) == 1
    assert "Variables not initialized: weights" in said[0]


def test_a_worker_does_not_wait_for_ever() -> None:
    """DeadlineExceededError says how long it has waited."""
    with tf.Graph().as_default():
        tf.Variable(3.0, name="v")
        creator = tf.train.WorkerSessionCreator(max_wait_secs=0)
        with pytest.raises(tf.errors.DeadlineExceededError, match="after waiting 0 secs"):
            creator.create_session()


def _made_by(monkeypatch: pytest.MonkeyPatch, **arguments: Any) -> dict[str, dict[str, Any]]:
    made: dict[str, dict[str, Any]] = {}
    for name in ("StepCounterHook", "SummarySaverHook", "CheckpointSaverHook"):

        def make(*args: Any, _name: str = name, **kwargs: Any) -> Any:
            made[_name] = {**kwargs, **({"directory": args[0]} if args else {})}
            return tf.train.SessionRunHook()

        monkeypatch.setattr(f"runtime.monitored_training_session.{name}", make)
    with tf.Graph().as_default():
        tf.train.get_or_create_global_step()
        with tf.train.MonitoredTrainingSession(**arguments):
            pass
    return made


def test_a_training_session_has_the_usual_hooks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Steps are counted every 100, summaries saved every 100 steps, checkpoints every 600 s."""
    made = _made_by(monkeypatch, checkpoint_dir=str(tmp_path))
    assert made["StepCounterHook"]["every_n_steps"] == 100
    assert (made["SummarySaverHook"]["save_steps"], made["SummarySaverHook"]["save_secs"]) == (
        100,
        None,
    )
    saver = made["CheckpointSaverHook"]
    assert (saver["save_steps"], saver["save_secs"]) == (None, 600)
    assert saver["directory"] == str(tmp_path)


def test_what_was_asked_for_takes_the_place_of_what_is_usual(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One given number switches the other's default off; None and 0 mean never."""
    made = _made_by(
        monkeypatch,
        checkpoint_dir=str(tmp_path),
        save_checkpoint_steps=7,
        save_summaries_secs=None,
        log_step_count_steps=0,
    )
    assert made.keys() == {"CheckpointSaverHook"}
    saver = made["CheckpointSaverHook"]
    assert (saver["save_steps"], saver["save_secs"]) == (7, None)


def test_without_a_directory_there_are_only_the_hooks_that_were_given(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Nothing could be saved anywhere."""
    assert _made_by(monkeypatch) == {}


def test_the_hooks_of_a_chief_come_first() -> None:
    """Then the hooks of everybody, in their order."""
    called: list[str] = []

    class Hook(tf.train.SessionRunHook):
        def __init__(self, name: str) -> None:
            self.name = name

        def begin(self) -> None:
            called.append(self.name)

    with tf.Graph().as_default():
        arguments = {"hooks": [Hook("a")], "chief_only_hooks": [Hook("chief")]}
        with tf.train.MonitoredTrainingSession(**arguments):
            pass
        with tf.train.MonitoredTrainingSession(is_chief=False, **arguments):
            pass
    assert called == ["chief", "a", "a"]


def test_summaries_may_have_a_directory_of_their_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Speed and summaries go to summary_dir, checkpoints to checkpoint_dir."""
    directories = {"checkpoint_dir": str(tmp_path / "c"), "summary_dir": str(tmp_path / "s")}
    made = _made_by(monkeypatch, **directories)
    assert made["StepCounterHook"]["output_dir"] == str(tmp_path / "s")
    assert made["SummarySaverHook"]["output_dir"] == str(tmp_path / "s")
    assert made["CheckpointSaverHook"]["directory"] == str(tmp_path / "c")
    only = _made_by(monkeypatch, summary_dir=str(tmp_path / "s"))
    assert only.keys() == {"StepCounterHook", "SummarySaverHook"}


def test_each_period_is_that_of_its_hook(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Steps or seconds of summaries and checkpoints, steps of the count; what is None is never."""
    made = _made_by(
        monkeypatch,
        checkpoint_dir=str(tmp_path),
        save_checkpoint_secs=3,
        save_summaries_secs=4,
        log_step_count_steps=5,
        save_graph_def=False,
    )
    saver, summaries = made["CheckpointSaverHook"], made["SummarySaverHook"]
    assert (saver["save_steps"], saver["save_secs"]) == (None, 3)
    assert saver["save_graph_def"] is False
    assert (summaries["save_steps"], summaries["save_secs"]) == (None, 4)
    assert made["StepCounterHook"]["every_n_steps"] == 5
    none = {"save_checkpoint_secs": None, "save_summaries_steps": None}
    rest = _made_by(monkeypatch, checkpoint_dir=str(tmp_path), log_step_count_steps=None, **none)
    assert rest == {}


def test_steps_and_seconds_at_once_are_refused(tmp_path: Path) -> None:
    """For checkpoints and for summaries."""
    for what in ("save_checkpoint", "save_summaries"):
        with (
            tf.Graph().as_default(),
            pytest.raises(ValueError, match="Can not provide both every_secs and every_steps"),
        ):
            both = {f"{what}_secs": 1, f"{what}_steps": 1}
            tf.train.MonitoredTrainingSession(checkpoint_dir=str(tmp_path), **both)


def test_a_training_session_without_the_graph_beside_its_checkpoints(tmp_path: Path) -> None:
    """save_graph_def=False writes neither graph.pbtxt nor .meta files; else both are there."""
    for directory, wanted in ((tmp_path / "with", True), (tmp_path / "without", False)):
        with tf.Graph().as_default():
            step = tf.assign_add(tf.train.get_or_create_global_step(), 1)
            with tf.train.MonitoredTrainingSession(
                checkpoint_dir=str(directory),
                save_checkpoint_steps=1,
                save_summaries_steps=None,
                log_step_count_steps=None,
                save_graph_def=wanted,
            ) as session:
                session.run(step)
        written = {path.name for path in directory.iterdir()}
        assert ("graph.pbtxt" in written) == wanted
        assert ("model.ckpt-1.meta" in written) == wanted
        assert "model.ckpt-1.safetensors" in written


def test_what_a_training_session_passes_on(tmp_path: Path) -> None:
    """Master, patience of a worker, grace period, bound of recoveries, log: each has its effect."""

    def refused(error: type[Exception], match: str, **arguments: Any) -> None:
        with tf.Graph().as_default(), pytest.raises(error, match=match):
            tf.Variable(3.0, name="v")
            tf.train.MonitoredTrainingSession(**arguments)

    refused(tf.errors.NotFoundError, "No engine is registered", master="grpc://chief")
    patience = {"is_chief": False, "max_wait_secs": 0}
    refused(tf.errors.DeadlineExceededError, "after waiting 0 secs", **patience)
    refused(ValueError, "stop_grace_period_secs is a number", stop_grace_period_secs=-1)
    refused(ValueError, "max_recoveries is a number", max_recoveries=-1)
    with tf.Graph().as_default():
        log = tmp_path / "log.arrows"
        with tf.train.MonitoredTrainingSession(event_log=log, config=tf.ConfigProto()) as session:
            assert session.event_log.path == log


def test_a_graph_must_be_ready_before_its_local_init_op() -> None:
    """Without a local init op that makes no sense; what is not ready then is named."""
    with tf.Graph().as_default():
        variable = tf.Variable(1.0, name="v")
        local = tf.Variable(variable, name="w", collections=[tf.GraphKeys.LOCAL_VARIABLES])
        ready = tf.report_uninitialized_variables(tf.global_variables())
        with pytest.raises(ValueError, match="you must also pass a local_init_op"):
            tf.train.SessionManager(ready_for_local_init_op=ready)
        manager = tf.train.SessionManager(local.initializer, ready_for_local_init_op=ready)
        with pytest.raises(
            RuntimeError, match=r"did not make model ready for local_init\..*not initialized: v"
        ):
            manager.prepare_session("", init_op=tf.no_op())
        assert manager.prepare_session("", variable.initializer).run(local) == 1.0


def test_initialization_and_local_initialization_are_fed() -> None:
    """Each with its own feeds."""
    with tf.Graph().as_default():
        fed = tf.placeholder(tf.float32, [])
        variable = tf.Variable(fed, name="v")
        local = tf.Variable(fed, name="w", collections=[tf.GraphKeys.LOCAL_VARIABLES])
        manager = tf.train.SessionManager(local.initializer, local_init_feed_dict={fed: 2.0})
        session = manager.prepare_session("", variable.initializer, init_feed_dict={fed: 1.0})
        assert session.run([variable, local]) == [1.0, 2.0]


def test_a_readiness_check_may_fail_instead_of_naming() -> None:
    """assert_variables_initialized is one, too."""
    with tf.Graph().as_default():
        variable = tf.Variable(1.0, name="v")
        manager = tf.train.SessionManager(ready_op=tf.assert_variables_initialized())
        with pytest.raises(RuntimeError, match="Init operations did not make model ready"):
            manager.prepare_session("", tf.no_op())
        assert manager.prepare_session("", variable.initializer).run(variable) == 1.0


def test_a_session_is_recovered_from_a_file_or_a_directory(tmp_path: Path) -> None:
    """Not from both; what a checkpoint leaves uninitialized is not called restored."""
    with tf.Graph().as_default():
        variable, other = tf.Variable(1.0, name="v"), tf.Variable(2.0, name="w")
        part, init = tf.train.Saver([variable]), tf.global_variables_initializer()
        with tf.Session() as session:
            session.run(init)
            path = part.save(session, str(tmp_path / "part"))
            whole = tf.train.Saver().save(session, str(tmp_path / "whole"), write_state=False)
        manager = tf.train.SessionManager(ready_op=tf.report_uninitialized_variables())
        session, restored = manager.recover_session("", part, str(tmp_path))
        assert not restored
        assert session.run(variable) == 1.0
        saver = tf.train.Saver()
        session, restored = manager.recover_session("", saver, checkpoint_filename_with_path=whole)
        assert restored
        assert session.run(other) == 2.0
        with pytest.raises(ValueError, match="Can not provide both checkpoint_dir and"):
            manager.recover_session("", saver, str(tmp_path), path)


@pytest.mark.parametrize("failing", ["init", "local init", "restore", "readiness"])
@pytest.mark.parametrize("call", ["prepare", "recover", "wait"])
def test_a_session_that_cannot_be_made_ready_is_closed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str, failing: str
) -> None:
    """Whatever fails on the way, nobody else could close it; one that is given out stays open."""
    opened: list[Any] = []

    class Session(tf.Session):
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **kwargs)
            self.is_closed = False
            opened.append(self)

        def close(self) -> None:
            super().close()
            self.is_closed = True

    monkeypatch.setattr("runtime.session_manager.Session", Session)
    with tf.Graph().as_default():
        fails = tf.assert_equal(tf.placeholder_with_default(1, []), 2)
        tf.Variable(1.0, name="v")
        init = fails if failing == "init" else tf.global_variables_initializer()
        manager = tf.train.SessionManager(
            local_init_op=fails if failing == "local init" else None,
            ready_op=fails if failing == "readiness" else None,
        )
        saver = tf.train.Saver() if failing == "restore" else None
        checkpoint = {"saver": saver, "checkpoint_filename_with_path": str(tmp_path / "none")}
        make = {
            "prepare": lambda: manager.prepare_session("", init, **checkpoint),
            "recover": lambda: manager.recover_session("", **checkpoint),
            "wait": lambda: manager.wait_for_session("", max_wait_secs=0),
        }[call]
        try:
            make()
        except (ValueError, tf.errors.InvalidArgumentError):
            failed = True
        else:
            failed = False
    harmless = {"recover": ("init", "readiness"), "wait": ("init", "restore")}
    assert failed == (failing not in harmless.get(call, ()))
    assert [session.is_closed for session in opened] == [failed]
