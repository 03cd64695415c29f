"""The coordinator: stop requests, the first error, joining threads, looper threads."""

import logging
import sys
import threading
import time

import pytest

from runtime import errors
from runtime.coordinator import Coordinator, LooperThread


def raised(error: BaseException) -> BaseException:
    """The error, with a traceback."""
    try:
        raise error
    except BaseException as caught:
        return caught


def started(target, *args) -> threading.Thread:
    thread = threading.Thread(target=target, args=args, daemon=True)
    thread.start()
    return thread


def test_nobody_is_asked_to_stop_at_first() -> None:
    """A new coordinator asks for no stop, is not joined and has no error."""
    coord = Coordinator()
    assert not coord.should_stop()
    assert not coord.joined
    coord.raise_requested_exception()


def test_a_stop_request_is_seen() -> None:
    """After request_stop, should_stop is True and waiting ends at once."""
    coord = Coordinator()
    coord.request_stop()
    assert coord.should_stop()
    assert coord.wait_for_stop()


def test_waiting_for_a_stop_is_bounded() -> None:
    """wait_for_stop with a time-out returns False when nobody asked."""
    assert Coordinator().wait_for_stop(0.01) is False


def test_join_raises_the_reported_error() -> None:
    """The error that a thread reports is the very object that join raises."""
    coord = Coordinator()
    error = raised(ValueError("first"))
    coord.request_stop(error)
    with pytest.raises(ValueError, match="first") as caught:
        coord.join()
    assert caught.value is error


def test_exc_info_is_taken_too() -> None:
    """request_stop takes the tuple of sys.exc_info() as well as an exception."""
    coord = Coordinator()
    try:
        raise ValueError("by tuple")
    except ValueError:
        coord.request_stop(sys.exc_info())
    with pytest.raises(ValueError, match="by tuple"):
        coord.join()


def test_an_exception_may_be_reported_outside_its_except_block() -> None:
    """An exception that was never raised is reported as it is."""
    coord = Coordinator()
    coord.request_stop(ValueError("never raised"))
    with pytest.raises(ValueError, match="never raised"):
        coord.join()


@pytest.mark.parametrize("wrong", ["an error", (None, None, None), ValueError, 7])
def test_only_an_exception_can_be_the_reason(wrong) -> None:
    """Anything but an exception or a filled sys.exc_info() is refused, with what is allowed."""
    with pytest.raises(TypeError, match=r"takes an exception, or the tuple of sys.exc_info\(\)"):
        Coordinator().request_stop(wrong)


def test_the_first_error_is_kept() -> None:
    """An error that comes after another is dropped."""
    coord = Coordinator()
    coord.request_stop(raised(ValueError("first")))
    coord.request_stop(raised(KeyError("second")))
    with pytest.raises(ValueError, match="first"):
        coord.join()


def test_an_error_after_a_plain_stop_is_dropped() -> None:
    """Once a stop is requested, a thread's error is taken for a consequence of it."""
    coord = Coordinator()
    coord.request_stop()
    coord.request_stop(raised(ValueError("late")))
    coord.join()


def test_an_error_after_join_is_raised_in_the_caller() -> None:
    """After join nobody would see the error, so request_stop raises it."""
    coord = Coordinator()
    coord.join()
    error = raised(ValueError("too late"))
    with pytest.raises(ValueError, match="too late") as caught:
        coord.request_stop(error)
    assert caught.value is error
    assert not coord.should_stop()


def test_a_plain_stop_after_join_is_no_error() -> None:
    """request_stop() without an error does not raise, even after join."""
    coord = Coordinator()
    coord.join()
    coord.request_stop()
    assert coord.should_stop()


def test_the_end_of_the_input_is_no_error() -> None:
    """OutOfRangeError stops the threads, and join does not raise it."""
    coord = Coordinator()
    coord.request_stop(raised(errors.OutOfRangeError(None, None, "no more")))
    assert coord.should_stop()
    coord.join()


def test_own_clean_stop_exceptions_replace_the_default() -> None:
    """With clean_stop_exception_types given, only these are clean; subclasses count."""
    coord = Coordinator(clean_stop_exception_types=(LookupError,))
    coord.request_stop(raised(KeyError("a LookupError")))
    coord.join()
    coord = Coordinator(clean_stop_exception_types=(LookupError,))
    coord.request_stop(raised(errors.OutOfRangeError(None, None, "no more")))
    with pytest.raises(errors.OutOfRangeError):
        coord.join()


def test_clear_stop_forgets_everything() -> None:
    """After clear_stop there is no stop, no error and no join."""
    coord = Coordinator()
    coord.request_stop(raised(ValueError("old")))
    with pytest.raises(ValueError, match="old"):
        coord.join()
    coord.clear_stop()
    assert not coord.should_stop()
    assert not coord.joined
    coord.raise_requested_exception()
    coord.request_stop(raised(ValueError("new")))
    with pytest.raises(ValueError, match="new"):
        coord.join()


def test_the_requested_exception_is_raised_each_time() -> None:
    """raise_requested_exception raises the same error again and again; its traceback stays."""
    coord = Coordinator()
    coord.request_stop(raised(ValueError("again")))
    lengths = set()
    for _ in range(3):
        with pytest.raises(ValueError, match="again") as caught:
            coord.raise_requested_exception()
        lengths.add(len(caught.traceback))
    assert len(lengths) == 1


def test_stop_on_exception_reports_and_swallows() -> None:
    """An exception in the block is reported and does not leave the block."""
    coord = Coordinator()
    with coord.stop_on_exception():
        raise ValueError("inside")
    assert coord.should_stop()
    with pytest.raises(ValueError, match="inside"):
        coord.join()


@pytest.mark.parametrize("error", [StopIteration("x"), KeyboardInterrupt(), SystemExit(1)])
def test_stop_on_exception_takes_every_exception(error) -> None:
    """StopIteration, KeyboardInterrupt and SystemExit are reported like any other."""
    coord = Coordinator()
    with coord.stop_on_exception():
        raise error
    with pytest.raises(type(error)) as caught:
        coord.raise_requested_exception()
    assert caught.value is error


def test_stop_on_exception_without_one_asks_for_no_stop() -> None:
    """A block that ends normally is no stop request."""
    coord = Coordinator()
    with coord.stop_on_exception():
        pass
    assert not coord.should_stop()


def test_join_waits_for_threads_that_end_by_themselves() -> None:
    """Without a stop request, join waits until all threads have ended."""
    coord = Coordinator()
    done = threading.Event()
    thread = started(lambda: (time.sleep(0.05), done.set()))
    coord.join([thread])
    assert done.is_set()
    assert coord.joined
    assert coord.live_threads == ()


def test_join_waits_for_registered_threads() -> None:
    """Registered threads are waited for without being named to join."""
    coord = Coordinator()
    thread = started(coord.wait_for_stop)
    coord.register_thread(thread)
    threading.Timer(0.05, coord.request_stop).start()
    coord.join()
    assert not thread.is_alive()


def test_a_late_thread_within_the_grace_period_is_no_failure() -> None:
    """A thread that ends some time after the stop, but within the period, is waited for."""
    coord = Coordinator()
    thread = started(lambda: (coord.wait_for_stop(), time.sleep(0.3)))
    coord.request_stop()
    coord.join([thread], stop_grace_period_secs=20)
    assert not thread.is_alive()


def test_the_wait_is_made_in_steps(monkeypatch) -> None:
    """join sleeps in steps through time.sleep that sum up to the grace period."""
    sleeps: list[float] = []
    monkeypatch.setattr(time, "sleep", sleeps.append)
    coord = Coordinator()
    stuck = threading.Event()
    thread = started(stuck.wait)
    coord.request_stop()
    with pytest.raises(RuntimeError):
        coord.join([thread], stop_grace_period_secs=5)
    stuck.set()
    assert 5 <= sum(sleeps) < 5.01
    assert max(sleeps) <= 0.1


def test_stuck_threads_are_named_in_the_error() -> None:
    """Threads that outlive the grace period: RuntimeError with their names and what to do."""
    coord = Coordinator()
    stuck = threading.Event()
    thread = threading.Thread(target=stuck.wait, name="the-stuck-one", daemon=True)
    thread.start()
    coord.request_stop()
    with pytest.raises(RuntimeError, match="threads still running: the-stuck-one") as caught:
        coord.join([thread], stop_grace_period_secs=0.01)
    stuck.set()
    assert "stop_grace_period_secs" in str(caught.value)
    assert coord.joined
    assert coord.live_threads == ("the-stuck-one",)


def test_ignored_stuck_threads_are_no_failure(caplog) -> None:
    """With ignore_live_threads, join returns; live_threads and the log name the threads."""
    coord = Coordinator()
    stuck = threading.Event()
    thread = threading.Thread(target=stuck.wait, name="the-stuck-one", daemon=True)
    thread.start()
    coord.request_stop()
    with caplog.at_level(logging.INFO, logger="tensorflow"):
        coord.join([thread], stop_grace_period_secs=0.01, ignore_live_threads=True)
    stuck.set()
    assert "the-stuck-one" in caplog.text
    assert coord.live_threads == ("the-stuck-one",)


def test_a_reported_error_comes_before_stuck_threads(caplog) -> None:
    """With an error and a stuck thread, join raises the error and warns of the thread."""
    coord = Coordinator()
    stuck = threading.Event()
    thread = threading.Thread(target=stuck.wait, name="the-stuck-one", daemon=True)
    thread.start()
    coord.request_stop(raised(ValueError("the cause")))
    with (
        caplog.at_level(logging.WARNING, logger="tensorflow"),
        pytest.raises(ValueError, match="the cause"),
    ):
        coord.join([thread], stop_grace_period_secs=0.01)
    stuck.set()
    assert "the-stuck-one" in caplog.text


def test_join_forgets_the_registered_threads() -> None:
    """A second join does not wait for the threads of the first."""
    coord = Coordinator()
    stuck = threading.Event()
    coord.register_thread(started(stuck.wait))
    coord.request_stop()
    coord.join(stop_grace_period_secs=0.01, ignore_live_threads=True)
    coord.join(stop_grace_period_secs=0.01)
    stuck.set()


def test_a_thread_that_was_never_started_is_not_waited_for() -> None:
    """Registered but not started threads do not hold up join."""
    coord = Coordinator()
    coord.register_thread(threading.Thread(target=coord.wait_for_stop))
    coord.join()


def test_an_error_from_a_thread_reaches_join() -> None:
    """The usual pattern: stop_on_exception in a thread, join in the main thread."""
    coord = Coordinator()

    def work() -> None:
        with coord.stop_on_exception():
            raise ValueError("in the thread")

    with pytest.raises(ValueError, match="in the thread"):
        coord.join([started(work), started(coord.wait_for_stop)])


def test_a_stop_that_counts_is_told() -> None:
    """The listener hears of the first request only, with its error, before it takes effect."""
    coord = Coordinator()
    told = []
    coord.stop_listener = lambda error: told.append((error, coord.should_stop()))
    first = raised(ValueError("first"))
    coord.request_stop(first)
    coord.request_stop(raised(ValueError("second")))
    coord.request_stop()
    assert told == [(first, False)]
    coord.clear_stop()
    coord.request_stop(raised(errors.OutOfRangeError(None, None, "a clean stop")))
    assert told[1:] == [(None, False)]


def test_a_signal_handler_may_request_a_stop_at_any_moment() -> None:
    """A request inside of a request, as a signal handler makes it, does not block."""
    coord = Coordinator()
    told = []

    def interrupted(error) -> None:
        told.append(error)
        if len(told) == 1:
            coord.request_stop()

    coord.stop_listener = interrupted
    coord.request_stop()
    assert coord.should_stop()
    assert told == [None, None]


def test_a_looper_calls_its_target_until_the_stop() -> None:
    """LooperThread.loop calls the target with the arguments, again and again."""
    coord = Coordinator()
    calls: list[tuple[object, ...]] = []

    def target(*args, **kwargs) -> None:
        calls.append((args, kwargs))
        if len(calls) == 3:
            coord.request_stop()

    thread = LooperThread.loop(coord, 0, target=target, args=(1, 2), kwargs={"three": 3})
    coord.join()
    assert not thread.is_alive()
    assert calls == [((1, 2), {"three": 3})] * 3


def test_a_looper_without_interval_goes_on_at_once() -> None:
    """With timer_interval_secs None the rounds follow each other directly."""
    coord = Coordinator()
    counts = [0]

    def target() -> None:
        counts[0] += 1
        if counts[0] == 100:
            coord.request_stop()

    LooperThread.loop(coord, None, target=target)
    coord.join()
    assert counts == [100]


def test_a_looper_keeps_its_interval() -> None:
    """Rounds start an interval apart, the first one at once."""
    coord = Coordinator()
    times: list[float] = []

    def target() -> None:
        times.append(time.monotonic())
        if len(times) == 3:
            coord.request_stop()

    begin = time.monotonic()
    LooperThread.loop(coord, 0.05, target=target)
    coord.join()
    assert times[0] - begin < 0.05
    assert times[2] - begin >= 0.099


def test_a_looper_reports_an_error() -> None:
    """An exception in a round ends the thread and is what join raises."""
    coord = Coordinator()

    def target() -> None:
        raise ValueError("in a round")

    LooperThread.loop(coord, 0, target=target)
    with pytest.raises(ValueError, match="in a round"):
        coord.join()


def test_a_looper_subclass_gets_start_run_and_stop() -> None:
    """start_loop, run_loop and stop_loop are called in this order."""
    calls: list[str] = []

    class Loop(LooperThread):
        def start_loop(self) -> None:
            calls.append("start")

        def run_loop(self) -> None:
            calls.append("run")
            self._coord.request_stop()

        def stop_loop(self) -> None:
            calls.append("stop")

    coord = Coordinator()
    Loop(coord, 0).start()
    coord.join()
    assert calls == ["start", "run", "stop"]


def test_a_looper_needs_a_coordinator() -> None:
    """Anything else as coordinator: ValueError that says what was given."""
    with pytest.raises(ValueError, match="'coord' argument must be a Coordinator: 'x' is a str"):
        LooperThread("x", 0)
