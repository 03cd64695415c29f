"""Queues: order, closing, waiting, waking up."""

import threading
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import runtime as tf


class Waiting:
    """A call in a thread of its own."""

    def __init__(self, call: Callable[[], Any]) -> None:
        self.result: Any = None
        self.error: BaseException | None = None
        self._call = call
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            self.result = self._call()
        except BaseException as error:
            self.error = error

    def still_waits(self) -> bool:
        self._thread.join(0.05)
        return self._thread.is_alive()

    def ended(self) -> Any:
        self._thread.join(10)
        assert not self._thread.is_alive(), "it still waits"
        if self.error is not None:
            raise self.error
        return self.result


def test_elements_come_out_in_the_order_in_which_they_went_in(session: tf.Session) -> None:
    """One by one and several at once."""
    queue = tf.FIFOQueue(10, [tf.int32], shapes=[[]])
    x = tf.placeholder(tf.int32)
    session.run(queue.enqueue(x), {x: 1})
    session.run(queue.enqueue_many([[2, 3, 4]]))
    assert session.run(queue.size()) == 4
    assert session.run(queue.dequeue()) == 1
    assert session.run(queue.dequeue_many(2)).tolist() == [2, 3]
    assert session.run(queue.dequeue_up_to(1)).tolist() == [4]


def test_elements_may_have_several_components_with_names(session: tf.Session) -> None:
    """Lists without names, dictionaries with them."""
    queue = tf.FIFOQueue(3, [tf.int32, tf.string], shapes=[[2], []])
    session.run(queue.enqueue([[1, 2], "a"]))
    session.run(queue.enqueue_many([[[3, 4], [5, 6]], ["b", "c"]]))
    number, text = session.run(queue.dequeue())
    assert (number.tolist(), text) == ([1, 2], b"a")
    numbers, texts = session.run(queue.dequeue_many(2))
    assert (numbers.tolist(), texts.tolist()) == ([[3, 4], [5, 6]], [b"b", b"c"])
    named = tf.FIFOQueue(3, [tf.int32, tf.float32], names=["n", "f"])
    session.run(named.enqueue({"n": 1, "f": 2.0}))
    assert session.run(named.dequeue()) == {"n": 1, "f": 2.0}
    with pytest.raises(ValueError, match="named"):
        named.enqueue([1, 2.0])
    with pytest.raises(ValueError, match=r"\['f', 'n'\]|\['n', 'f'\]"):
        named.enqueue({"n": 1})


def test_static_shapes_and_types_of_dequeued_tensors() -> None:
    """As far as they are known."""
    queue = tf.FIFOQueue(3, [tf.int32, tf.float64], shapes=[[2], []])
    first, second = queue.dequeue_many(4)
    assert (first.shape.as_list(), second.shape.as_list()) == ([4, 2], [4])
    assert (first.dtype, second.dtype) == (tf.int32, tf.float64)
    assert queue.dequeue_up_to(4)[0].shape.as_list() == [None, 2]
    assert queue.dtypes == [tf.int32, tf.float64]
    with pytest.raises(ValueError, match="without shapes"):
        tf.FIFOQueue(3, tf.int32).dequeue_many(2)


def test_what_does_not_fit_is_refused_at_building() -> None:
    """Wrong number, type or shape of components."""
    queue = tf.FIFOQueue(3, [tf.int32], shapes=[[2]], name="q")
    with pytest.raises(ValueError, match=r"'q'.*\(2,\).*\(3,\)"):
        queue.enqueue([[1, 2, 3]])
    with pytest.raises(TypeError, match="int32"):
        queue.enqueue([[1.5, 2.5]])
    with pytest.raises(ValueError, match="2 components, but 3"):
        tf.FIFOQueue(3, [tf.int32, tf.int32]).enqueue([1, 2, 3])


def test_an_empty_queue_makes_wait_until_something_comes(session: tf.Session) -> None:
    """From another thread."""
    queue = tf.FIFOQueue(3, tf.int32, shapes=[[]])
    enqueue, dequeue = queue.enqueue(7), queue.dequeue()
    waiting = Waiting(lambda: session.run(dequeue))
    assert waiting.still_waits()
    session.run(enqueue)
    assert waiting.ended() == 7


def test_a_full_queue_makes_wait_until_something_goes(session: tf.Session) -> None:
    """From another thread."""
    queue = tf.FIFOQueue(1, tf.int32, shapes=[[]])
    enqueue, dequeue, size = queue.enqueue(7), queue.dequeue(), queue.size()
    session.run(enqueue)
    waiting = Waiting(lambda: session.run(enqueue))
    assert waiting.still_waits()
    session.run(dequeue)
    waiting.ended()
    assert session.run(size) == 1


def test_more_can_be_dequeued_at_once_than_there_is_room_for(session: tf.Session) -> None:
    """Elements are taken as they come."""
    queue = tf.FIFOQueue(2, tf.int32, shapes=[[]])
    enqueue, dequeue = queue.enqueue_many([np.arange(5)]), queue.dequeue_many(5)
    producer = Waiting(lambda: session.run(enqueue))
    assert producer.still_waits()
    assert session.run(dequeue).tolist() == [0, 1, 2, 3, 4]
    producer.ended()


def test_a_closed_queue_gives_what_is_left_and_then_ends(session: tf.Session) -> None:
    """OutOfRangeError for dequeues, CancelledError for enqueues."""
    queue = tf.FIFOQueue(5, tf.int32, shapes=[[]], name="q")
    session.run(queue.enqueue_many([[1, 2, 3]]))
    assert session.run(queue.is_closed()) == False  # noqa: E712
    session.run(queue.close())
    assert session.run(queue.is_closed()) == True  # noqa: E712
    with pytest.raises(tf.errors.CancelledError, match="'q' is closed"):
        session.run(queue.enqueue(4))
    assert session.run(queue.dequeue()) == 1
    with pytest.raises(tf.errors.OutOfRangeError, match="requested 5, current size 2"):
        session.run(queue.dequeue_many(5))
    assert session.run(queue.dequeue_up_to(5)).tolist() == [2, 3]
    for dequeue in (queue.dequeue(), queue.dequeue_up_to(5)):
        with pytest.raises(tf.errors.OutOfRangeError, match="insufficient elements"):
            session.run(dequeue)
    session.run(queue.close())


def test_closing_wakes_those_who_wait_in_vain(session: tf.Session) -> None:
    """A dequeue of a closed, empty queue ends."""
    queue = tf.FIFOQueue(5, tf.int32, shapes=[[]])
    close, dequeue, many = queue.close(), queue.dequeue(), queue.dequeue_many(2)
    waiting = [Waiting(lambda f=f: session.run(f)) for f in (dequeue, many, dequeue)]
    assert all(w.still_waits() for w in waiting)
    session.run(close)
    for w in waiting:
        with pytest.raises(tf.errors.OutOfRangeError):
            w.ended()


@pytest.mark.parametrize("cancel", [False, True])
def test_pending_enqueues_are_cancelled_only_if_asked(cancel: bool, session: tf.Session) -> None:
    """Else they are carried out when there is room."""
    queue = tf.FIFOQueue(1, tf.int32, shapes=[[]])
    enqueue, dequeue, close = queue.enqueue(1), queue.dequeue(), queue.close(cancel)
    session.run(enqueue)
    waiting = Waiting(lambda: session.run(enqueue))
    assert waiting.still_waits()
    session.run(close)
    if cancel:
        with pytest.raises(tf.errors.CancelledError):
            waiting.ended()
        assert session.run(dequeue) == 1
    else:
        assert waiting.still_waits()
        assert [session.run(dequeue), session.run(dequeue)] == [1, 1]
        waiting.ended()
    with pytest.raises(tf.errors.OutOfRangeError):
        session.run(dequeue)


def test_closing_the_session_wakes_everybody() -> None:
    """With CancelledError, which says so."""
    queue = tf.FIFOQueue(1, tf.int32, shapes=[[]])
    full = tf.FIFOQueue(1, tf.int32, shapes=[[]])
    dequeue, enqueue = queue.dequeue(), full.enqueue(1)
    session = tf.Session()
    session.run(enqueue)
    waiting = [Waiting(lambda f=f: session.run(f)) for f in (dequeue, enqueue)]
    assert all(w.still_waits() for w in waiting)
    session.close()
    for w in waiting:
        with pytest.raises(tf.errors.CancelledError, match="session was closed"):
            w.ended()


@pytest.mark.parametrize("where", ["run", "config"])
def test_waiting_ends_when_the_time_is_up(where: str) -> None:
    """timeout_in_ms of a run, operation_timeout_in_ms of a session."""
    queue = tf.FIFOQueue(1, tf.int32, shapes=[[]], name="q")
    dequeue = queue.dequeue()
    config = tf.ConfigProto(operation_timeout_in_ms=100) if where == "config" else None
    options = tf.RunOptions(timeout_in_ms=100) if where == "run" else None
    with tf.Session(config=config) as session:
        begin = time.monotonic()
        with pytest.raises(tf.errors.DeadlineExceededError, match="'q'"):
            session.run(dequeue, options=options)
        assert 0.09 < time.monotonic() - begin < 5
        session.run(queue.enqueue(3))
        assert session.run(dequeue, options=options) == 3


def test_a_timed_out_dequeue_puts_back_what_it_took(session: tf.Session) -> None:
    """In the right order."""
    queue = tf.FIFOQueue(5, tf.int32, shapes=[[]])
    session.run(queue.enqueue_many([[1, 2, 3]]))
    with pytest.raises(tf.errors.DeadlineExceededError):
        session.run(queue.dequeue_many(5), options=tf.RunOptions(timeout_in_ms=50))
    assert session.run(queue.dequeue_many(3)).tolist() == [1, 2, 3]


def test_the_contents_belong_to_a_session(session: tf.Session) -> None:
    """Another one begins with an empty queue."""
    queue = tf.FIFOQueue(5, tf.int32, shapes=[[]])
    session.run(queue.enqueue(1))
    with tf.Session() as other:
        assert other.run(queue.size()) == 0
    assert session.run(queue.size()) == 1


def test_what_is_enqueued_is_copied(session: tf.Session) -> None:
    """The user may overwrite what was fed."""
    queue = tf.FIFOQueue(5, tf.float32, shapes=[[2]])
    x = tf.placeholder(tf.float32, [2])
    w = tf.Variable([1.0, 1.0])
    fed = np.zeros(2, np.float32)
    session.run([queue.enqueue(x), w.initializer], {x: fed})
    fed[:] = 9
    session.run(queue.enqueue(w))
    session.run(w.assign_add([1.0, 1.0]))
    assert session.run(queue.dequeue_many(2)).tolist() == [[0, 0], [1, 1]]


def test_nothing_is_lost_or_doubled_between_threads(session: tf.Session) -> None:
    """Several producers and consumers."""
    queue = tf.FIFOQueue(7, tf.int32, shapes=[[]])
    x = tf.placeholder(tf.int32, [])
    enqueue, dequeue, close = queue.enqueue(x), queue.dequeue(), queue.close()
    taken: list[int] = []

    def consume() -> None:
        while True:
            try:
                taken.append(int(session.run(dequeue)))
            except tf.errors.OutOfRangeError:
                return

    def produce(start: int) -> None:
        for value in range(start, start + 100):
            session.run(enqueue, {x: value})

    consumers = [Waiting(consume) for _ in range(3)]
    producers = [Waiting(lambda s=s: produce(s)) for s in (0, 100, 200)]
    for producer in producers:
        producer.ended()
    session.run(close)
    for consumer in consumers:
        consumer.ended()
    assert sorted(taken) == list(range(300))


@given(st.lists(st.integers(-3, 4), max_size=30))
def test_a_queue_is_a_bounded_list(steps: list[int]) -> None:
    """Random enqueues and dequeues that can't wait, against a Python list."""
    with tf.Graph().as_default(), tf.Session() as session:
        queue = tf.FIFOQueue(6, tf.int32, shapes=[[]])
        x, n = tf.placeholder(tf.int32, [None]), tf.placeholder(tf.int32, [])
        enqueue, dequeue, size = queue.enqueue_many([x]), queue.dequeue_many(n), queue.size()
        model: list[int] = []
        for number, step in enumerate(steps):
            if step < 0 and len(model) + step >= 0:
                assert session.run(dequeue, {n: -step}).tolist() == model[:-step]
                del model[:-step]
            elif 0 <= step <= 6 - len(model):
                model.extend([number] * step)
                session.run(enqueue, {x: [number] * step})
            assert session.run(size) == len(model)
