"""The layers that TensorFlow builds its sessions of, for programs that use them themselves."""

import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

import runtime as tf
from runtime import basic_session_run_hooks, global_step, monitored_session
from runtime.train import SessionRunArgs, SessionRunValues

Wrapped = monitored_session._WrappedSession
Coordinated = monitored_session._CoordinatedSession
Hooked = monitored_session._HookedSession
Recoverable = monitored_session._RecoverableSession


@pytest.fixture(autouse=True)
def graph() -> Iterator[tf.Graph]:
    with tf.Graph().as_default() as graph:
        yield graph


@pytest.fixture
def session(graph) -> Iterator[tf.Session]:
    with tf.Session() as session:
        yield session


class StopsAfter(Wrapped):
    """A layer that stops when it was asked so many times."""

    def __init__(self, sess: Any, times: int) -> None:
        super().__init__(sess)
        self._times = times

    def _check_stop(self) -> bool:
        self._times -= 1
        return self._times < 0


class Asking(tf.train.SessionRunHook):
    """Asks for what it was made with, and keeps what it gets."""

    def __init__(self, request: SessionRunArgs | None = None, stops: bool = False) -> None:
        self.request, self.stops = request, stops

    def before_run(self, run_context):
        self.context = run_context
        return self.request

    def after_run(self, run_context, run_values):
        self.values = run_values
        if self.stops:
            run_context.request_stop()


class Preempted:
    """A session that runs so often, and then is taken away."""

    def __init__(self, sess: tf.Session, runs: int) -> None:
        self.sess, self.runs, self.closed = sess, runs, False

    def run(self, *args: Any, **kwargs: Any) -> Any:
        self.runs -= 1
        if self.runs < 0:
            raise tf.errors.AbortedError(None, None, "taken away")
        return self.sess.run(*args, **kwargs)

    def close(self) -> None:
        self.closed = True


class Giving:
    """A creator that gives the sessions of a list, one after the other."""

    def __init__(self, sessions: list[Any]) -> None:
        self.sessions = sessions

    def create_session(self) -> Any:
        given = self.sessions.pop(0)
        if isinstance(given, Exception):
            raise given
        return given


def test_a_layer_is_what_it_wraps(session) -> None:
    """Graph, target and runs are those of the session below."""
    layer = Wrapped(session)
    fed = tf.constant(0)
    assert (layer.graph, layer.sess_str) == (session.graph, session.sess_str)
    assert layer.run(tf.identity(fed), feed_dict={fed: 42}) == 42


def test_a_closed_layer_is_to_stop(session) -> None:
    """After close should_stop is True; a second close does nothing."""
    layer = Wrapped(session)
    assert not layer.should_stop()
    layer.close()
    layer.close()
    assert layer.should_stop()


def test_a_layer_asks_the_one_below_whether_to_stop(session) -> None:
    """What a layer below answers in its own way comes out of those around it."""
    layer = Wrapped(StopsAfter(session, 2))
    assert [layer.should_stop() for _ in range(3)] == [False, False, True]


def test_a_preemption_while_closing_is_logged(monkeypatch) -> None:
    """The layer counts as closed, and the error is told."""
    told: list[str] = []
    monkeypatch.setattr(tf.logging, "error", told.append)

    class Lost:
        def close(self) -> None:
            raise tf.errors.UnavailableError(None, None, "gone")

    layer = Wrapped(Lost())
    layer.close()
    assert layer.should_stop()
    assert "preempted" in told[0]
    assert "gone" in told[0]


def test_a_coordinator_stops_its_layer(session) -> None:
    """should_stop is True when somebody has asked the coordinator."""
    coord = tf.train.Coordinator()
    layer = Coordinated(session, coord)
    assert not layer.should_stop()
    coord.request_stop()
    assert layer.should_stop()


def test_closing_the_layer_of_a_coordinator_ends_the_threads(session) -> None:
    """Threads are asked to stop and waited for."""
    coord = tf.train.Coordinator()
    layer = Coordinated(session, coord)
    threads = [threading.Thread(target=coord.wait_for_stop) for _ in range(3)]
    for thread in threads:
        coord.register_thread(thread)
        thread.start()
    layer.close()
    assert not any(thread.is_alive() for thread in threads)
    assert layer.should_stop()


def test_the_error_of_a_thread_comes_out_of_close_and_all_is_closed() -> None:
    """The session below is closed all the same; its own error is only logged."""

    class Failing:
        closed = False

        def close(self) -> None:
            self.closed = True
            raise ValueError("of no interest")

    coord, below = tf.train.Coordinator(), Failing()
    coord.request_stop(RuntimeError("a thread failed"))
    with pytest.raises(RuntimeError, match="a thread failed"):
        Coordinated(below, coord).close()
    assert below.closed


@pytest.mark.parametrize(
    ("held", "raised"),
    [
        (None, TypeError),
        (ValueError("held"), TypeError),
        (tf.errors.AbortedError(None, None, "held"), tf.errors.AbortedError),
    ],
)
def test_a_held_preemption_takes_the_place_of_another_error(session, held, raised) -> None:
    """A run that fails while the coordinator holds a preemption was probably failed by it."""
    tf.no_op()
    coord = tf.train.Coordinator()
    layer = Coordinated(session, coord)
    if held is not None:
        coord.request_stop(held)
    with pytest.raises(raised):
        layer.run([None])


def test_hooks_get_what_they_ask_for(session) -> None:
    """Each hook gets its own results, with the options and metadata of the run."""
    first, second = tf.constant([1]), tf.constant([2])
    one, two, none = Asking(SessionRunArgs([first])), Asking(SessionRunArgs(second)), Asking()
    caller = tf.constant([0])
    assert Hooked(session, [one, two, none]).run(caller) == [0]
    assert one.values.results[0] == [1]
    assert two.values.results == [2]
    assert none.values == SessionRunValues(None, tf.RunOptions(), tf.RunMetadata())
    assert one.context is two.context
    assert one.context.original_args == SessionRunArgs(caller)
    assert one.context.session is session


def test_hooks_feed_beside_the_caller(session) -> None:
    """Feeds are merged; the same tensor fed twice is an error; the caller's dict is left alone."""
    left, right = tf.constant([1]), tf.constant([2])
    total = left + right
    feeder = Asking(SessionRunArgs(None, {left: [10]}))
    layer, feeds = Hooked(session, [feeder]), {right: [5]}
    assert layer.run(total, feed_dict=feeds) == [15]
    assert list(feeds) == [right]
    with pytest.raises(RuntimeError, match="Same tensor is fed by a SessionRunHook and user"):
        layer.run(total, feed_dict={left: [1]})
    with pytest.raises(RuntimeError, match="Same tensor is fed by two hooks"):
        Hooked(session, [feeder, Asking(SessionRunArgs(None, {left: [11]}))]).run(total)


def test_arguments_go_through_as_they_are() -> None:
    """Without hooks, feeds, options and metadata are passed on untouched, by name."""
    passed: dict[str, Any] = {}

    class Noting:
        graph = None

        def run(self, fetches: Any, **kwargs: Any) -> Any:
            passed.update(kwargs)
            return fetches

    result = Hooked(Noting(), []).run("x", feed_dict="f", options="o", run_metadata="m")
    assert result == "x"
    assert passed == {"feed_dict": "f", "options": "o", "run_metadata": "m"}


def test_a_stop_of_a_hook_bars_further_runs(session) -> None:
    """The run is finished; then should_stop is True and a run is refused."""
    layer = Hooked(session, [Asking(stops=True)])
    assert layer.run(tf.constant(3)) == 3
    assert layer.should_stop()
    with pytest.raises(RuntimeError, match="Run called even after should_stop requested"):
        layer.run(tf.constant(3))


def test_each_preemption_takes_another_session(session) -> None:
    """Runs go on in the creator's next session; the one before is closed; its error comes out."""
    fed = tf.constant(0)
    value = tf.identity(fed)
    sessions = [Preempted(session, runs) for runs in (1, 2)]
    layer = Recoverable(Giving([*sessions]))
    assert [layer.run(value, feed_dict={fed: n}) for n in (51, 52, 53)] == [51, 52, 53]
    assert sessions[0].closed
    with pytest.raises(IndexError, match="pop from empty list"):
        layer.run(value)


def test_the_creation_is_tried_again_after_a_preemption(session, monkeypatch) -> None:
    """The first time at once, then after a while; another error comes out."""
    slept: list[float] = []
    monkeypatch.setattr(time, "sleep", slept.append)
    gone = tf.errors.UnavailableError(None, None, "gone")
    layer = Recoverable(Giving([gone, gone, session]))
    assert layer.run(tf.constant(1)) == 1
    assert slept == [1.0]
    with pytest.raises(ValueError, match="broken"):
        Recoverable(Giving([gone, ValueError("broken")]))


def test_a_preemption_found_by_should_stop_takes_another_session(session) -> None:
    """There is another session then, so the answer is False."""

    class Lost(Wrapped):
        def _check_stop(self) -> bool:
            raise tf.errors.AbortedError(None, None, "taken away")

    layer = Recoverable(Giving([Lost(Preempted(session, 0)), session]))
    assert not layer.should_stop()
    assert layer.run(tf.constant(1)) == 1


def test_a_thread_with_another_error_stops_the_layer(session) -> None:
    """should_stop is True, and raises nothing."""
    coord = tf.train.Coordinator()
    layer = Recoverable(Giving([Coordinated(session, coord)]))
    assert not layer.should_stop()
    coord.request_stop(ValueError("of a thread"))
    assert layer.should_stop()


@pytest.mark.parametrize("make", [tf.train.MonitoredSession, tf.train.SingularMonitoredSession])
def test_what_programs_read_of_a_session(make, graph) -> None:
    """The raw session and the coordinator are found under TensorFlow's private names."""
    hook = Asking()
    with make(hooks=[hook]) as session:
        below = session._coordinated_creator
        assert below.tf_sess is session._tf_sess() is session._sess
        assert below.tf_sess.graph is graph
        assert below.hooks == (hook,)
        assert not session._is_closed()
        below.coord.request_stop()
        assert session.should_stop()
    assert session._is_closed()
    assert session._tf_sess() is None
    assert isinstance(session, monitored_session._MonitoredSession)


def test_modules_have_the_names_of_tensorflows_modules() -> None:
    """What one of TensorFlow's modules holds is found in ours, wherever it is defined."""
    assert monitored_session.Scaffold is tf.train.Scaffold
    assert monitored_session.MonitoredTrainingSession is tf.train.MonitoredTrainingSession
    assert basic_session_run_hooks.ProfilerHook is tf.train.ProfilerHook
    assert monitored_session.USE_DEFAULT is not None
    for module in (monitored_session, basic_session_run_hooks):
        with pytest.raises(AttributeError):
            module.NoSuchHook  # noqa: B018  # looking it up is the test


def test_the_step_that_was_read_is_the_one_before_the_increment(session) -> None:
    """A run that reads the copy and increments the step always sees it before the increment."""
    step = tf.train.get_or_create_global_step()
    increment = global_step._increment_global_step(3)
    read = global_step._get_or_create_global_step_read()
    session.run(tf.global_variables_initializer())
    assert session.run([read, increment]) == [0, 3]
    assert session.run([increment, read]) == [6, 3]
    assert session.run(step) == 6
    assert global_step._get_or_create_global_step_read() is read


def test_there_is_nothing_to_increment_without_a_global_step() -> None:
    """Incrementing is a ValueError that names the remedy; the copy is None."""
    assert global_step._get_or_create_global_step_read() is None
    with pytest.raises(
        ValueError, match=r"should be created by tf\.train.get_or_create_global_step"
    ):
        global_step._increment_global_step(1)
