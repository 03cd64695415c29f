"""`state` tells what a log folds to, at its end or before."""

from statemachine import EventLog, replay
from tests.cli import logs
from tests.cli.running import run, run_json


def test_the_state_is_the_fold(closed_log):
    """What is printed for programs is what `replay` gives."""
    told, code = run_json("state", closed_log)
    state = replay(EventLog.open(closed_log))
    assert code == 0
    assert (told["state"], told["steps_done"]) == ("closed", 3)
    assert told["hooks"][1] == {"hook": 1, "class": "Saver", "calls": dict(state.calls[1])}


def test_an_earlier_state_can_be_asked_for(closed_log):
    """--at takes the number of the last event that counts."""
    for event in EventLog.open(closed_log):
        told, _ = run_json("state", closed_log, "--at", event.sequence)
        assert told["last_sequence"] == event.sequence
        assert told["state"] == replay(EventLog.open(closed_log), event.sequence).state.value


def test_an_event_that_is_not_there_is_a_wrong_usage(closed_log):
    """The message says how many there are."""
    result = run("state", closed_log, "--at", "1000")
    assert result.exit_code == 1
    assert f"holds {len(EventLog.open(closed_log))} events" in result.stderr
    assert run("state", closed_log, "--at", "-1").exit_code == 1


def test_people_read_it(killed_log, tmp_path):
    """The state, where a killed session stands, checkpoints, and the calls of each hook."""
    shown = run("state", killed_log).stdout
    assert "stands in" in shown
    assert "the caller's code, after step.end, step 3" in shown
    assert "3 asked, 3 done, 0 failed" in shown
    assert "1 Saver" in shown
    directory = logs.related(tmp_path / "both")
    assert "model.ckpt-3, step 3, 64 B, sha256 abababababab…" in (
        run("state", directory / "second.arrows").stdout
    )


def test_recoveries_and_their_cause_are_told(tmp_path):
    """How often a session was given up for another one, and for which error."""
    import runtime as tf

    path = tmp_path / "log.arrows"
    failures = [tf.errors.AbortedError(None, None, "preempted")]

    class FailOnce(tf.train.SessionRunHook):
        def after_run(self, run_context, run_values):
            if failures:
                raise failures.pop()

    with tf.Graph().as_default():
        one = tf.constant(1.0)
        with tf.train.MonitoredSession(hooks=[FailOnce()], event_log=path) as session:
            session.run(one)
    told, _ = run_json("state", path)
    assert told["recoveries"] == 1
    assert told["recovery_cause"]["message"] == "preempted"
    assert "preempted" in run("state", path).stdout
