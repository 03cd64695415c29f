"""`Supervisor`: sessions, checkpoints, summaries and threads as old programs know them."""

import threading
from pathlib import Path
from typing import Any

import pytest

import runtime as tf


@pytest.fixture(autouse=True)
def graph() -> Any:
    with tf.Graph().as_default() as graph:
        yield graph


@pytest.fixture(autouse=True)
def no_thread_is_left() -> Any:
    before = threading.active_count()
    yield
    assert threading.active_count() == before


def _model() -> tuple[Any, Any]:
    step = tf.train.get_or_create_global_step()
    w = tf.get_variable("w", [2], initializer=tf.ones_initializer())
    loss = tf.reduce_sum(w * w)
    tf.summary.scalar("loss", loss)
    return tf.train.GradientDescentOptimizer(0.1).minimize(loss, step), loss


def _events(directory: Path) -> list[Any]:
    files = sorted(directory.glob("events*"))
    return [event for file in files for event in tf.train.summary_iterator(str(file))]


def test_a_program_trains_saves_and_goes_on(tmp_path: Path, graph: Any) -> None:
    """The graph is finalized; the next supervisor goes on from the checkpoint."""
    train_op, loss = _model()
    supervisor = tf.train.Supervisor(logdir=tmp_path / "logs")
    assert graph.finalized
    with supervisor.managed_session() as session:
        while not supervisor.should_stop():
            session.run(train_op)
            if session.run(supervisor.global_step) >= 5:
                break
        last = session.run(loss)
        supervisor.saver.save(session, supervisor.save_path, supervisor.global_step)
    assert supervisor.should_stop()
    with pytest.raises(RuntimeError, match="closed Session"):
        session.run(loss)
    assert (tmp_path / "logs" / "graph.pbtxt").exists()
    with tf.Graph().as_default():
        _, loss = _model()
        supervisor = tf.train.Supervisor(logdir=tmp_path / "logs")
        with supervisor.managed_session() as session:
            assert session.run([supervisor.global_step, loss]) == [5, last]


def test_summaries_steps_and_checkpoints_are_written_beside(tmp_path: Path) -> None:
    """By threads, the first time at once; the beginning and the end are told, too."""
    train_op, _ = _model()
    supervisor = tf.train.Supervisor(
        logdir=tmp_path, save_summaries_secs=0.02, save_model_secs=0.02
    )
    with supervisor.managed_session() as session:
        while not list(tmp_path.glob("model.ckpt-*.meta")):
            session.run(train_op)
        waiting = threading.Event()
        while not any(e.summary.value for e in _events(tmp_path)):
            waiting.wait(0.02)
            supervisor.summary_writer.flush()
    told = _events(tmp_path)
    tags = {value.tag for event in told for value in event.summary.value}
    assert {"loss", "global_step/sec"} <= tags
    assert any(event.graph_def for event in told)
    logged = [event.session_log.status for event in told if event.HasField("session_log")]
    log = tf.SessionLog
    assert logged[0] == log.START and logged[-1] == log.STOP and log.CHECKPOINT in logged


def test_services_can_be_left_out(tmp_path: Path) -> None:
    """Then nothing is written but what the program writes itself."""
    train_op, _ = _model()
    supervisor = tf.train.Supervisor(logdir=tmp_path, summary_op=None, save_model_secs=0)
    with supervisor.managed_session(start_standard_services=False) as session:
        session.run(train_op)
        value = tf.Summary.Value(tag="mine", simple_value=1.0)
        supervisor.summary_computed(session, tf.Summary(value=[value]))
    assert tf.train.latest_checkpoint(tmp_path) is None
    (event,) = [event for event in _events(tmp_path) if event.summary.value]
    assert (event.step, event.summary.value[0].tag) == (1, "mine")


def test_without_a_directory_nothing_is_written() -> None:
    """And a summary cannot be, which is said."""
    _model()
    supervisor = tf.train.Supervisor()
    assert supervisor.save_path is None and supervisor.summary_writer is None
    with pytest.raises(RuntimeError, match="requires a summary writer"):  # noqa: SIM117
        with supervisor.managed_session() as session:
            supervisor.summary_computed(session, b"")


def test_the_end_of_input_ends_quietly_other_errors_come_out() -> None:
    """Threads have stopped, the session is closed."""
    queue = tf.train.string_input_producer(["a", "b"], num_epochs=1, shuffle=False)
    element = queue.dequeue()
    supervisor = tf.train.Supervisor()
    found = []
    with supervisor.managed_session() as session:
        while not supervisor.should_stop():
            found.append(session.run(element))
    assert found == [b"a", b"b"]
    with pytest.raises(ZeroDivisionError), supervisor.managed_session():
        raise ZeroDivisionError


def test_a_function_is_called_in_a_thread() -> None:
    """Until the sessions stop."""
    _model()
    supervisor = tf.train.Supervisor()
    called = threading.Event()
    with supervisor.managed_session():
        supervisor.loop(0.01, lambda event: event.set(), args=(called,))
        assert called.wait(10)


def test_what_initializes_can_be_given() -> None:
    """A function of the session, and feeds for the init op."""
    fed = tf.placeholder(tf.float32, [2])
    w = tf.Variable(fed)
    called: list[Any] = []
    supervisor = tf.train.Supervisor(
        init_feed_dict={fed: [1.0, 2.0]}, init_fn=lambda session: called.append(session)
    )
    with supervisor.managed_session() as session:
        assert session.run(w).tolist() == [1.0, 2.0]
        assert called == [session]


def test_one_that_is_not_the_chief_waits() -> None:
    """Until the model is ready; it starts no services."""
    table = tf.Variable(1.0, collections=[tf.GraphKeys.LOCAL_VARIABLES])
    supervisor = tf.train.Supervisor(is_chief=False, recovery_wait_secs=0.01)
    with supervisor.managed_session() as session:
        assert session.run(table) == 1.0
    with pytest.raises(RuntimeError, match="Only chief supervisor can start standard services"):
        supervisor.start_standard_services(session)


def test_a_loop_calls_a_step_and_begins_again_after_a_loss() -> None:
    """A session that was aborted is replaced."""
    train_op, _ = _model()
    supervisor = tf.train.Supervisor()
    steps: list[int] = []

    def step(session: Any, most: int, lost: int = 0) -> None:
        session.run(train_op)
        steps.append(int(session.run(supervisor.global_step)))
        if len(steps) == lost:
            raise tf.errors.AbortedError(None, None, "lost")
        if steps[-1] == most:
            supervisor.request_stop()

    tf.train.basic_train_loop(supervisor, step, args=(3,), kwargs={"lost": 2})
    assert steps == [1, 2, 1, 2, 3]


def test_a_cluster_names_its_tasks() -> None:
    """By job and number."""
    addresses = {"ps": ["h:1"], "worker": ["h:2", "h:3"], "x": {1: "q:1"}}
    cluster = tf.train.ClusterSpec(addresses)
    assert cluster.as_dict() == addresses
    assert cluster.jobs == ["ps", "worker", "x"]
    assert (cluster.num_tasks("worker"), cluster.task_indices("x")) == (2, [1])
    assert cluster.task_address("worker", 1) == "h:3"
    assert cluster.job_tasks("x") == [None, "q:1"]
    assert cluster == tf.train.ClusterSpec(cluster) and not tf.train.ClusterSpec({})
    with pytest.raises(TypeError, match="or a ClusterSpec, not 3"):
        tf.train.ClusterSpec(3)
    with pytest.raises(TypeError, match="tasks for job 'a' must be a list"):
        tf.train.ClusterSpec({"a": "h:1"})
    with pytest.raises(ValueError, match=r"No such job in cluster: 'z'; there are \['ps'"):
        cluster.num_tasks("z")
    with pytest.raises(ValueError, match="No task with index 4 in job 'ps'"):
        cluster.task_address("ps", 4)


def test_the_only_worker_of_a_cluster_runs_here() -> None:
    """Its variables are here, too; the program for several tasks is unchanged."""
    cluster = tf.train.ClusterSpec({"ps": ["h:1"], "worker": ["h:2"]})
    server = tf.train.Server(cluster, job_name="worker", task_index=0)
    assert server.server_def.job_name == "worker"
    with tf.device(tf.train.replica_device_setter(cluster=cluster)):
        train_op, _ = _model()
    with tf.train.MonitoredTrainingSession(master=server.target, is_chief=True) as session:
        session.run(train_op)
    local = tf.train.Server.create_local_server()
    with tf.Graph().as_default(), tf.Session(local.target) as session:
        assert session.run(tf.constant(1)) == 1


def test_more_than_one_process_is_refused() -> None:
    """With what to do instead, for each task."""
    cluster = {"ps": ["h:1"], "worker": ["h:2", "h:3"]}
    with pytest.raises(NotImplementedError, match=r"2 tasks that compute.*Start the program once"):
        tf.train.Server(cluster, "worker", 0)
    waiting = tf.train.Server({"ps": ["h:1"], "worker": ["h:2"]}, "ps", 0)
    with pytest.raises(RuntimeError, match=r"'ps' would wait for others.*Start the program once"):
        waiting.join()
    with pytest.raises(RuntimeError, match="would wait for others"):
        waiting.target  # noqa: B018
    with pytest.raises(ValueError, match="No task with index 3"):
        tf.train.Server({"worker": ["h:2"]}, "worker", 3)
    assert tf.train.replica_device_setter(0) is None


@pytest.mark.parametrize(
    ("chosen", "old_names", "expected"),
    [
        ("a", None, [7.0, 0.0, 0.0]),
        (["a", "b"], None, [7.0, 8.0, 0.0]),
        ("[ac]", {"c": "a/w"}, [7.0, 0.0, 7.0]),
    ],
)
def test_a_model_is_warmed_up(
    chosen: Any, old_names: Any, expected: list[float], tmp_path: Path
) -> None:
    """By names of trainable variables, of all variables, and by other names in the checkpoint."""
    with tf.Graph().as_default(), tf.Session() as session:
        tf.get_variable("a/w", [], initializer=tf.constant_initializer(7.0))
        tf.get_variable("b", [], initializer=tf.constant_initializer(8.0))
        session.run(tf.global_variables_initializer())
        tf.train.Saver().save(session, str(tmp_path / "model"))
    zeros = tf.zeros_initializer()
    variables = [
        tf.get_variable(n, [], initializer=zeros, trainable=n != "b") for n in ("a/w", "b", "c")
    ]
    tf.train.warm_start(tmp_path, chosen, var_name_to_prev_var_name=old_names)
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        assert session.run(variables) == expected
    with pytest.raises(ValueError, match=r"not used: \['zz'\].*misspelled"):
        tf.train.warm_start(tmp_path, "a", var_name_to_prev_var_name={"zz": "a/w"})
    with pytest.raises(NotImplementedError, match="no vocabularies"):
        tf.train.warm_start(tmp_path, "a", {"a/w": None})
