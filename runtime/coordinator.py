"""Stopping several threads together, and bringing the error of one of them to the main thread.

The names and rules are those of the tf.train.Coordinator documentation. Three things are better
here: an exception may be reported from outside its ``except`` block, a thread that ends is noticed
within a tenth of a second, and threads that outlive the grace period are named
(`Coordinator.live_threads`) even where an error hides them or they are no failure.
"""

import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from types import TracebackType
from typing import Any

from runtime import errors, logging

__all__ = ["Coordinator", "LooperThread"]

ExcInfo = tuple[type[BaseException], BaseException, TracebackType | None]

_POLL_SECS = 0.1
_SHORTEST_WAIT_SECS = 0.001


class Coordinator:
    """Tells threads when to stop, waits for them, and keeps the first error that one reports.

    Each thread checks ``should_stop()`` often; any thread calls ``request_stop()``. The main
    thread calls ``join()``, which raises the error that a thread has reported.

    Source of the rules: tf.train.Coordinator documentation.

    Example:
        >>> coord = Coordinator()
        >>> def work():
        ...     with coord.stop_on_exception():
        ...         raise ValueError("no more work")
        >>> thread = threading.Thread(target=work)
        >>> thread.start()
        >>> coord.join([thread])
        Traceback (most recent call last):
        ValueError: no more work

    Args:
        clean_stop_exception_types: Classes of exceptions that stop the threads without being an
            error, subclasses included; OutOfRangeError if not given.

    Attributes:
        stop_listener: Called with the error, or None, when a stop is requested that counts, just
            before it takes effect, in the thread that requests it; None if nobody listens.
    """

    def __init__(
        self, clean_stop_exception_types: Iterable[type[BaseException]] | None = None
    ) -> None:
        if clean_stop_exception_types is None:
            clean_stop_exception_types = (errors.OutOfRangeError,)
        self._clean_stop_exception_types = tuple(clean_stop_exception_types)
        self.stop_listener: Callable[[BaseException | None], None] | None = None
        # Re-entrant, because a signal handler may request a stop while its thread does.
        self._lock = threading.RLock()
        self._stop_event = threading.Event()
        self._reported: BaseException | None = None
        self._reported_traceback: TracebackType | None = None
        self._joined = False
        self._registered_threads: set[threading.Thread] = set()
        self._live_threads: tuple[str, ...] = ()

    @property
    def joined(self) -> bool:
        """Whether ``join`` has been called to its end (and ``clear_stop`` not since then)."""
        return self._joined

    @property
    def live_threads(self) -> tuple[str, ...]:
        """Names of the threads that were still alive when the last ``join`` gave up waiting."""
        return self._live_threads

    def request_stop(self, ex: BaseException | ExcInfo | None = None) -> None:
        """Asks the threads to stop. After this ``should_stop()`` is True.

        Only the first request counts: an error that comes after it is dropped, because it may well
        be a consequence of the stop. After ``join`` nobody would see the error any more, so it is
        raised right here.

        Args:
            ex: The exception that is the reason, or the tuple of ``sys.exc_info()``. ``join`` will
                raise it, unless its class is one of the clean stop exceptions.

        Raises:
            BaseException: ``ex`` itself, if the coordinator has been joined.
            TypeError: ``ex`` is neither an exception nor what ``sys.exc_info()`` gives in an
                ``except`` block.
        """
        error, traceback = _exception_and_traceback(ex)
        with self._lock:
            if isinstance(error, self._clean_stop_exception_types):
                error = None
            if error is not None and self._joined:
                raise error.with_traceback(traceback)
            if self._stop_event.is_set():
                return
            if error is not None:
                logging.info(f"Error reported to Coordinator: {type(error).__name__}: {error}")
                self._reported = error
                self._reported_traceback = traceback
            if self.stop_listener is not None:
                self.stop_listener(error)
            self._stop_event.set()

    def clear_stop(self) -> None:
        """Forgets the stop, the error and the join: ``should_stop()`` is False again."""
        with self._lock:
            self._joined = False
            self._reported = None
            self._reported_traceback = None
            self._stop_event.clear()

    def should_stop(self) -> bool:
        """Whether a stop was requested."""
        return self._stop_event.is_set()

    def stop_on_exception(self) -> "_StopOnException":
        """A context manager that turns an exception in its block into a stop request.

        The exception is reported to the coordinator and does not leave the block, except when the
        coordinator has been joined already.

        Returns:
            The context manager, for the body of a thread.
        """
        return _StopOnException(self)

    def wait_for_stop(self, timeout: float | None = None) -> bool:
        """Waits until a stop is requested.

        Args:
            timeout: Seconds to wait at most; None for no limit.

        Returns:
            Whether a stop was requested.
        """
        return self._stop_event.wait(timeout)

    def register_thread(self, thread: threading.Thread) -> None:
        """Adds a thread to those that ``join`` waits for.

        Args:
            thread: A thread; it need not be started.
        """
        with self._lock:
            self._registered_threads.add(thread)

    def join(
        self,
        threads: Iterable[threading.Thread] | None = None,
        stop_grace_period_secs: float = 120,
        ignore_live_threads: bool = False,
    ) -> None:
        """Waits for the threads to end; raises the error that one of them has reported.

        Waits without limit until all threads have ended or a stop is requested. From then on the
        threads have the grace period. The registered threads are forgotten at the end.

        Args:
            threads: Threads to wait for beside the registered ones.
            stop_grace_period_secs: Seconds that threads have for ending once a stop is requested.
            ignore_live_threads: Whether threads that outlive the grace period are no failure;
                ``live_threads`` names them.

        Raises:
            BaseException: The error that was reported with the first ``request_stop``.
            RuntimeError: Threads are still alive after the grace period, no error was reported,
                and ``ignore_live_threads`` is false.
        """
        with self._lock:
            waited_for = list(self._registered_threads.union(threads or ()))
        while _any_alive(waited_for) and not self.wait_for_stop(_POLL_SECS):
            pass
        _wait_in_steps(waited_for, stop_grace_period_secs)
        stragglers = tuple(sorted(t.name for t in waited_for if t.is_alive()))
        with self._lock:
            self._joined = True
            self._registered_threads = set()
            self._live_threads = stragglers
        self._report_stragglers(stragglers, stop_grace_period_secs, ignore_live_threads)

    def _report_stragglers(
        self, stragglers: Sequence[str], grace_secs: float, ignore: bool
    ) -> None:
        """Raises the reported error, if any; speaks of the threads that are still alive."""
        message = (
            f"Coordinator stopped with threads still running: {' '.join(stragglers)}\n"
            f"They had {grace_secs:g} seconds to end after the stop was requested. Let them check "
            "coord.should_stop() more often, or give a longer stop_grace_period_secs."
        )
        if stragglers and ignore:
            logging.info(message)
        elif stragglers and self._reported is not None:
            logging.warning(message)
        self.raise_requested_exception()
        if stragglers and not ignore:
            raise RuntimeError(message)

    def raise_requested_exception(self) -> None:
        """Raises the error that was reported with the first ``request_stop``, if there is one.

        Raises:
            BaseException: The error, each time that this is called.
        """
        with self._lock:
            if self._reported is not None:
                raise self._reported.with_traceback(self._reported_traceback)


class _StopOnException:
    """The context manager of `Coordinator.stop_on_exception`.

    Args:
        coord: The coordinator that is told.
    """

    def __init__(self, coord: Coordinator) -> None:
        self._coord = coord

    def __enter__(self) -> None:
        """Nothing is to be done before the block."""

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> bool:
        if exc is not None:
            self._coord.request_stop(exc)
        return True


class LooperThread(threading.Thread):
    """A thread that does something again and again until its coordinator asks for a stop.

    It registers itself with the coordinator. An exception in it is reported to the coordinator.

    Source of the rules: tf.compat.v1.train.LooperThread documentation.

    Args:
        coord: The coordinator.
        timer_interval_secs: Seconds between the starts of two rounds; None for back to back.
        target: What a round calls, unless ``run_loop`` is overridden.
        args: Positional arguments for ``target``.
        kwargs: Keyword arguments for ``target``.

    Raises:
        ValueError: ``coord`` is no Coordinator.
    """

    def __init__(
        self,
        coord: Coordinator,
        timer_interval_secs: float | None,
        # Any: target's result is dropped and its arguments are its own affair.
        target: Callable[..., Any] | None = None,
        args: Iterable[Any] | None = None,
        kwargs: Mapping[str, Any] | None = None,
    ) -> None:
        if not isinstance(coord, Coordinator):
            raise ValueError(
                f"'coord' argument must be a Coordinator: {coord!r} is a {type(coord).__name__}"
            )
        super().__init__(daemon=True)
        self._coord = coord
        self._timer_interval_secs = timer_interval_secs
        self._loop_target = target
        self._loop_args = tuple(args or ())
        self._loop_kwargs = dict(kwargs or {})
        self._coord.register_thread(self)

    @staticmethod
    def loop(
        coord: Coordinator,
        timer_interval_secs: float | None,
        # Any: as in the constructor.
        target: Callable[..., Any],
        args: Iterable[Any] | None = None,
        kwargs: Mapping[str, Any] | None = None,
    ) -> "LooperThread":
        """Starts a thread that calls a function again and again until a stop is requested.

        Args:
            coord: The coordinator.
            timer_interval_secs: Seconds between the starts of two calls; None for back to back.
            target: The function.
            args: Positional arguments for it.
            kwargs: Keyword arguments for it.

        Returns:
            The thread, started.
        """
        looper = LooperThread(coord, timer_interval_secs, target, args, kwargs)
        looper.start()
        return looper

    def run(self) -> None:
        """The thread's body: ``start_loop``, ``run_loop`` again and again, ``stop_loop``."""
        with self._coord.stop_on_exception():
            self.start_loop()
            if self._timer_interval_secs is None:
                while not self._coord.should_stop():
                    self.run_loop()
            else:
                self._run_timed(self._timer_interval_secs)
            self.stop_loop()

    def _run_timed(self, interval_secs: float) -> None:
        next_start = time.time()
        while not self._coord.wait_for_stop(max(0.0, next_start - time.time())):
            next_start += interval_secs
            self.run_loop()

    def start_loop(self) -> None:
        """Called once when the thread starts; for subclasses."""

    def stop_loop(self) -> None:
        """Called once after the last round; for subclasses. Not called after an exception."""

    def run_loop(self) -> None:
        """One round: calls the target. A subclass may override it."""
        if self._loop_target is not None:
            self._loop_target(*self._loop_args, **self._loop_kwargs)


def _exception_and_traceback(
    ex: BaseException | ExcInfo | None,
) -> tuple[BaseException | None, TracebackType | None]:
    """The exception that ``request_stop`` was given, and where it was raised."""
    if ex is None:
        return None, None
    if isinstance(ex, BaseException):
        return ex, ex.__traceback__
    if isinstance(ex, tuple) and len(ex) == 3 and isinstance(ex[1], BaseException):
        return ex[1], ex[2]
    raise TypeError(
        "request_stop takes an exception, or the tuple of sys.exc_info() inside an except block "
        f"(which is empty outside of one); it was given {ex!r}"
    )


def _any_alive(threads: Iterable[threading.Thread]) -> bool:
    return any(thread.is_alive() for thread in threads)


def _wait_in_steps(threads: Sequence[threading.Thread], grace_secs: float) -> None:
    """Sleeps, in steps that grow to a tenth of a second, while a thread lives and time is left.

    Waiting in steps, instead of once, lets a thread that ends late within the period be noticed.
    The steps are counted, not measured: a test that patches ``time.sleep`` ends at once.
    """
    step, left = _SHORTEST_WAIT_SECS, grace_secs
    while _any_alive(threads) and left >= 0.0:
        time.sleep(step)
        left -= step
        step = max(min(2 * step, left, _POLL_SECS), _SHORTEST_WAIT_SECS)
