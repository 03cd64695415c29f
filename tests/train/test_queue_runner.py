"""Queue runners: filling a queue, the end of the input, errors, stops."""

import logging
import threading

import pytest

import runtime as tf
from runtime import errors
from runtime.coordinator import Coordinator
from runtime.queue_runner import QueueRunner, add_queue_runner, start_queue_runners


@pytest.fixture(autouse=True)
def graph():
    with tf.Graph().as_default() as graph:
        yield graph


def producer(count: int, error: Exception | None = None):
    """A tensor that gives 0, 1, ... and then raises an error (OutOfRangeError by default)."""
    numbers = iter(range(count))

    def produce():
        for number in numbers:
            return number
        raise error or StopIteration

    return tf.py_func(produce, [], tf.int64)


def queue_of(count: int = 3, error: Exception | None = None, threads: int = 1):
    queue = tf.FIFOQueue(100, tf.int64, shapes=[()], name="numbers")
    return queue, QueueRunner(queue, [queue.enqueue(producer(count, error))] * threads)


def drained(session, dequeue) -> list[int]:
    values = []
    with pytest.raises(errors.OutOfRangeError):
        while True:
            values.append(int(session.run(dequeue)))
    return values


def ended(threads, coord: Coordinator | None = None) -> None:
    if coord is not None:
        coord.request_stop()
    for thread in threads:
        thread.join(20)
        assert not thread.is_alive()


def test_a_queue_and_operations_are_needed() -> None:
    """Without queue or enqueue operations: ValueError that shows what was given."""
    queue = tf.FIFOQueue(1, tf.int64)
    with pytest.raises(ValueError, match="Must provide queue and enqueue_ops"):
        QueueRunner(queue)
    with pytest.raises(ValueError, match=r"enqueue_ops=\[\]"):
        QueueRunner(queue, [])
    with pytest.raises(ValueError, match="queue=None"):
        QueueRunner()


@pytest.mark.parametrize("types", [errors.OutOfRangeError, (), [errors.OutOfRangeError], (1,)])
def test_closed_exceptions_are_a_tuple_of_error_classes(types) -> None:
    """Anything else: TypeError that shows what was given."""
    queue = tf.FIFOQueue(1, tf.int64)
    operation = queue.enqueue(tf.constant(1, tf.int64))
    with pytest.raises(TypeError, match=r"must be a tuple of tf.errors types, but saw"):
        QueueRunner(queue, [operation], queue_closed_exception_types=types)


def test_what_a_queue_runner_shows() -> None:
    """Queue, operations, name and exception types can be read."""
    queue, runner = queue_of()
    assert runner.queue is queue
    assert runner.name == queue.name
    assert len(runner.enqueue_ops) == 1
    assert runner.close_op is not None
    assert runner.cancel_op is not None
    assert runner.queue_closed_exception_types == (errors.OutOfRangeError,)
    assert runner.exceptions_raised == []


def test_the_end_of_the_input_closes_the_queue() -> None:
    """The consumer gets all elements, then OutOfRangeError; the coordinator hears of nothing."""
    queue, runner = queue_of(5)
    dequeue = queue.dequeue()
    coord = Coordinator()
    with tf.Session() as session:
        threads = runner.create_threads(session, coord, start=True)
        assert drained(session, dequeue) == [0, 1, 2, 3, 4]
        assert not coord.should_stop()
        ended(threads, coord)
        coord.join()


def test_the_last_of_several_threads_closes_the_queue() -> None:
    """With several threads, no element is lost at the end."""
    queue, runner = queue_of(50, threads=3)
    dequeue = queue.dequeue()
    with tf.Session() as session:
        threads = runner.create_threads(session, start=True)
        assert sorted(drained(session, dequeue)) == list(range(50))
        ended(threads)


def test_an_error_goes_to_the_coordinator() -> None:
    """Elements that are there can be fetched, then OutOfRangeError; join raises the error."""
    queue, runner = queue_of(2, ValueError("broken input"))
    dequeue = queue.dequeue()
    coord = Coordinator()
    with tf.Session() as session:
        threads = runner.create_threads(session, coord, start=True)
        assert coord.wait_for_stop(20)
        for thread in threads:
            thread.join(20)
        assert drained(session, dequeue) == [0, 1]
    with pytest.raises(errors.InvalidArgumentError, match="broken input"):
        coord.join()
    assert runner.exceptions_raised == []


def test_an_error_without_a_coordinator_is_kept(monkeypatch, caplog) -> None:
    """Without coordinator the error is logged, kept, and raised in its thread."""
    in_thread = []
    monkeypatch.setattr(threading, "excepthook", lambda args: in_thread.append(args.exc_value))
    _, runner = queue_of(2, ValueError("broken input"))
    with tf.Session() as session, caplog.at_level(logging.ERROR, logger="tensorflow"):
        ended(runner.create_threads(session, start=True))
    assert [type(error) for error in runner.exceptions_raised] == [errors.InvalidArgumentError]
    assert in_thread == runner.exceptions_raised
    assert "Exception in QueueRunner" in caplog.text


def test_own_closed_exceptions() -> None:
    """An error of a class that is given counts as the end of the input."""
    queue = tf.FIFOQueue(100, tf.int64, shapes=[()])
    enqueue = queue.enqueue(producer(2, ValueError("just the end")))
    runner = QueueRunner(
        queue, [enqueue], queue_closed_exception_types=(errors.InvalidArgumentError,)
    )
    dequeue = queue.dequeue()
    coord = Coordinator()
    with tf.Session() as session:
        threads = runner.create_threads(session, coord, start=True)
        assert drained(session, dequeue) == [0, 1]
        ended(threads, coord)
        coord.join()


def test_a_stop_wakes_a_thread_that_waits_for_room() -> None:
    """A full queue does not keep its threads from stopping."""
    queue = tf.FIFOQueue(1, tf.int64, shapes=[()])
    runner = QueueRunner(queue, [queue.enqueue(producer(1000))])
    coord = Coordinator()
    with tf.Session() as session:
        threads = runner.create_threads(session, coord, start=True)
        ended(threads, coord)
        coord.join()


def test_threads_are_registered_and_named() -> None:
    """One thread an operation and one that waits for the stop, each with a telling name."""
    _, runner = queue_of()
    coord = Coordinator()
    with tf.Session() as session:
        threads = runner.create_threads(session, coord, daemon=True, start=False)
        names = [thread.name for thread in threads]
        assert names == [
            f"QueueRunnerThread-numbers-{runner.enqueue_ops[0].name}",
            "QueueRunnerThread-numbers-close_on_stop",
        ]
        assert all(thread.daemon and not thread.is_alive() for thread in threads)
        assert coord._registered_threads == set(threads)


def test_threads_count_when_they_are_made() -> None:
    """A second call for the same session gives no threads, even if the first were not started."""
    _, runner = queue_of()
    with tf.Session() as session, tf.Session() as other:
        assert len(runner.create_threads(session)) == 1
        assert runner.create_threads(session) == []
        assert len(runner.create_threads(other)) == 1


def test_threads_can_be_made_again_after_they_ended() -> None:
    """When all threads of a session have ended, a new call makes new ones."""
    queue, runner = queue_of(1)
    with tf.Session() as session:
        ended(runner.create_threads(session, start=True))
        assert len(runner.create_threads(session)) == 1
        assert queue is runner.queue


def test_all_queue_runners_of_the_graph_are_started() -> None:
    """start_queue_runners starts those of the session's graph, whatever graph is the default."""
    queue, runner = queue_of(3)
    dequeue = queue.dequeue()
    add_queue_runner(runner)
    assert tf.get_collection(tf.GraphKeys.QUEUE_RUNNERS) == [runner]
    coord = Coordinator()
    with tf.Session() as session:
        with tf.Graph().as_default():
            threads = start_queue_runners(session, coord)
        assert all(thread.daemon for thread in threads)
        assert drained(session, dequeue) == [0, 1, 2]
        ended(threads, coord)


def test_the_default_session_is_used() -> None:
    """Without a session the default session is taken; without that: ValueError."""
    _, runner = queue_of(3)
    add_queue_runner(runner)
    with pytest.raises(ValueError, match="No default session is registered"):
        start_queue_runners()
    with tf.Session():
        ended(start_queue_runners())


def test_a_monitored_session_needs_no_queue_runners_started() -> None:
    """For a monitored session nothing is done: it has started them itself."""

    class Monitored:
        def run_step_fn(self) -> None:
            """What only monitored sessions have."""

    assert start_queue_runners(Monitored()) == []


def test_something_that_is_no_session() -> None:
    """TypeError that names the class."""
    with pytest.raises(TypeError, match=r"must be a `tf.Session` object. Given class: .*int"):
        start_queue_runners(7)


def test_no_queue_runners_is_worth_a_warning(caplog) -> None:
    """Nothing in the collection: a warning that the call can go."""
    with tf.Session() as session, caplog.at_level(logging.WARNING, logger="tensorflow"):
        assert start_queue_runners(session) == []
    assert "when no queue runners were defined" in caplog.text
