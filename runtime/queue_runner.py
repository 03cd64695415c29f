"""Threads that keep the queues of a graph filled.

The names and rules are those of the tf.compat.v1.train.QueueRunner documentation.
"""

import threading
import weakref
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from runtime import errors, logging
from runtime.graph.graph import get_default_graph, get_default_session
from runtime.graph.keys import GraphKeys

if TYPE_CHECKING:
    from runtime.coordinator import Coordinator
    from runtime.graph.operation import Operation
    from runtime.graph.ops.data_flow import QueueBase
    from runtime.graph.session import Session

__all__ = ["QueueRunner", "add_queue_runner", "start_queue_runners"]


class QueueRunner:
    """Holds what is put into a queue, and makes the threads that do it.

    Each enqueue operation gets a thread that runs it again and again. When one meets the end of
    its input (OutOfRangeError, or another of the queue closed exceptions), its thread ends; the
    last to end closes the queue, so that a consumer gets what is left and then OutOfRangeError.
    Any other error goes to the coordinator; then, as at every stop, the queue is cancelled.

    Source of the rules: tf.compat.v1.train.QueueRunner documentation.

    Args:
        queue: The queue.
        enqueue_ops: Operations that put something into it, one for each thread.
        close_op: What closes the queue at the end of the input; by default ``queue.close()``.
        cancel_op: What closes the queue at a stop; by default the same, cancelling the enqueue
            operations that wait for room.
        queue_closed_exception_types: Classes of ``tf.errors`` that mean the end of the input; a
            tuple, by default of OutOfRangeError alone.

    Raises:
        ValueError: Queue or enqueue operations are missing.
        TypeError: ``queue_closed_exception_types`` is no tuple of classes of ``tf.errors``.
    """

    def __init__(
        self,
        queue: "QueueBase | None" = None,
        enqueue_ops: "Sequence[Operation] | None" = None,
        close_op: "Operation | None" = None,
        cancel_op: "Operation | None" = None,
        queue_closed_exception_types: tuple[type[errors.OpError], ...] | None = None,
    ) -> None:
        if queue is None or not enqueue_ops:
            raise ValueError(
                f"Must provide queue and enqueue_ops: queue={queue}, enqueue_ops={enqueue_ops}"
            )
        self._queue = queue
        self._enqueue_ops = list(enqueue_ops)
        self._queue_closed_exception_types = _checked(queue_closed_exception_types)
        self._close_op = queue.close() if close_op is None else close_op
        self._cancel_op = (
            queue.close(cancel_pending_enqueues=True) if cancel_op is None else cancel_op
        )
        self._lock = threading.Lock()
        self._runs_per_session: weakref.WeakKeyDictionary[Session, int] = (
            weakref.WeakKeyDictionary()
        )
        self._exceptions_raised: list[Exception] = []

    @property
    def queue(self) -> "QueueBase":
        """The queue."""
        return self._queue

    @property
    def enqueue_ops(self) -> "list[Operation]":
        """The operations that put something into the queue."""
        return self._enqueue_ops

    @property
    def close_op(self) -> "Operation":
        """What closes the queue at the end of the input."""
        return self._close_op

    @property
    def cancel_op(self) -> "Operation":
        """What closes the queue at a stop."""
        return self._cancel_op

    @property
    def queue_closed_exception_types(self) -> tuple[type[errors.OpError], ...]:
        """Classes of errors that mean the end of the input."""
        return self._queue_closed_exception_types

    @property
    def exceptions_raised(self) -> list[Exception]:
        """Errors of the threads of the last session; those reported to a coordinator left out."""
        return self._exceptions_raised

    @property
    def name(self) -> str:
        """The name of the queue."""
        return self._queue.name

    def create_threads(
        self,
        sess: "Session",
        coord: "Coordinator | None" = None,
        daemon: bool = False,
        start: bool = False,
    ) -> list[threading.Thread]:
        """Makes the threads that fill the queue in a session.

        With a coordinator there is one more, which cancels the queue at a stop, and all are
        registered with it.

        Args:
            sess: The raw session.
            coord: Told of errors, asked for stops. Without one, errors are logged and kept in
                ``exceptions_raised``.
            daemon: Whether the threads are daemon threads.
            start: Whether the threads are started.

        Returns:
            The threads; none if those of an earlier call with this session still count as running.
        """
        with self._lock:
            if self._runs_per_session.get(sess, 0) > 0:
                return []
            self._runs_per_session[sess] = len(self._enqueue_ops)
            self._exceptions_raised = []
        threads = self._threads(sess, coord)
        for thread in threads:
            if coord is not None:
                coord.register_thread(thread)
            thread.daemon = daemon
            if start:
                thread.start()
        return threads

    def _threads(self, sess: "Session", coord: "Coordinator | None") -> list[threading.Thread]:
        prefix = f"QueueRunnerThread-{self.name}"
        threads = [
            threading.Thread(target=self._run, args=(sess, op, coord), name=f"{prefix}-{op.name}")
            for op in self._enqueue_ops
        ]
        if coord is not None:
            name = f"{prefix}-close_on_stop"
            threads.append(
                threading.Thread(target=self._close_on_stop, args=(sess, coord), name=name)
            )
        return threads

    def _run(self, sess: "Session", enqueue_op: "Operation", coord: "Coordinator | None") -> None:
        """The body of a thread: enqueues until the end of the input, a stop or an error."""
        at_end_of_input = False
        try:
            while coord is None or not coord.should_stop():
                sess.run(enqueue_op)
        except self._queue_closed_exception_types:
            at_end_of_input = True
        except Exception as error:
            self._report(error, coord)
        finally:
            self._note_end(sess, at_end_of_input)

    def _report(self, error: Exception, coord: "Coordinator | None") -> None:
        if coord is not None:
            coord.request_stop(error)
            return
        logging.error(f"Exception in QueueRunner: {error}")
        with self._lock:
            self._exceptions_raised.append(error)
        raise error

    def _note_end(self, sess: "Session", at_end_of_input: bool) -> None:
        """Counts a thread that ends; closes the queue if it is the last, by end of input."""
        with self._lock:
            self._runs_per_session[sess] -= 1
            is_last = self._runs_per_session[sess] == 0
        if at_end_of_input and is_last:
            _run_ignoring_errors(sess, self._close_op)

    def _close_on_stop(self, sess: "Session", coord: "Coordinator") -> None:
        coord.wait_for_stop()
        _run_ignoring_errors(sess, self._cancel_op)


def add_queue_runner(qr: QueueRunner, collection: str = GraphKeys.QUEUE_RUNNERS) -> None:
    """Adds a queue runner to the default graph, for `start_queue_runners`.

    Source of the rule: tf.compat.v1.train.add_queue_runner documentation.

    Args:
        qr: The queue runner.
        collection: Name of the collection.
    """
    get_default_graph().add_to_collection(collection, qr)


def start_queue_runners(
    # Any: a monitored session is recognized, too, without knowing its class here.
    sess: Any = None,
    coord: "Coordinator | None" = None,
    daemon: bool = True,
    start: bool = True,
    collection: str = GraphKeys.QUEUE_RUNNERS,
) -> list[threading.Thread]:
    """Makes, and starts, the threads of all queue runners of a session's graph.

    A monitored session has done that already; for one, nothing is done.

    Source of the rules: tf.compat.v1.train.start_queue_runners documentation.

    Args:
        sess: The raw session; the default session if not given.
        coord: The coordinator of the threads.
        daemon: Whether the threads are daemon threads.
        start: Whether the threads are started.
        collection: Name of the collection of queue runners.

    Returns:
        The threads.

    Raises:
        ValueError: No session is given, and there is no default session.
        TypeError: ``sess`` is no session.
    """
    sess = get_default_session() if sess is None else sess
    if sess is None:
        raise ValueError(
            "Cannot start queue runners: No default session is registered. Use `with "
            "sess.as_default()` or pass an explicit session to "
            "tf.train.start_queue_runners(sess=sess)"
        )
    if hasattr(sess, "run_step_fn"):
        return []
    if not hasattr(sess, "run") or not hasattr(sess, "graph"):
        raise TypeError(f"sess must be a `tf.Session` object. Given class: {type(sess)}")
    queue_runners: list[QueueRunner] = sess.graph.get_collection(collection)
    if not queue_runners:
        logging.warning(
            "`tf.train.start_queue_runners()` was called when no queue runners were defined. "
            "You can safely remove the call to this deprecated function."
        )
    with sess.graph.as_default():
        return [
            thread
            for runner in queue_runners
            for thread in runner.create_threads(sess, coord=coord, daemon=daemon, start=start)
        ]


def _checked(
    types: tuple[type[errors.OpError], ...] | None,
) -> tuple[type[errors.OpError], ...]:
    if types is None:
        return (errors.OutOfRangeError,)
    given: object = types  # What untyped code passes can be anything.
    if not isinstance(given, tuple) or not given or not all(map(_is_op_error, given)):
        raise TypeError(
            "queue_closed_exception_types, when provided, must be a tuple of tf.errors types, "
            f"but saw: {types}"
        )
    return types


def _is_op_error(candidate: object) -> bool:
    return isinstance(candidate, type) and issubclass(candidate, errors.OpError)


def _run_ignoring_errors(sess: "Session", op: "Operation") -> None:
    """Runs an operation that may well fail: the queue or the session may be closed already."""
    try:
        sess.run(op)
    except Exception as error:
        logging.debug(f"Ignored exception: {error}")
