"""Rehearsals: hooks are called against a log; nothing may be written, and the time is the log's.

The hooks, savers and writers of this package ask `is_rehearsal()` before they write. The clocks of
the module `time` tell the recorded time as long as a rehearsal goes on, to its own thread only.
Whoever took a clock out of the module before (``from time import time``) still has the real one.
"""

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any, Final

import attrs

__all__ = ["RecordedClock", "SilentWriter", "is_rehearsal", "rehearsal"]

_SECONDS: Final = ("time", "monotonic", "perf_counter")
_lock: Final = threading.Lock()
_here: Final = threading.local()


@attrs.define
class RecordedClock:
    """The time that hooks see.

    Attributes:
        utc: Nanoseconds since 1970-01-01 UTC.
        monotonic: Nanoseconds on the monotonic clock of the process that wrote the log.
    """

    utc: int = 0
    monotonic: int = 0


def is_rehearsal() -> bool:
    """Whether this thread rehearses, so that nothing may be written."""
    return getattr(_here, "clock", None) is not None


class SilentWriter:
    """Takes the place of a writer of summaries: whatever it is told, it does nothing."""

    def __getattr__(self, name: str) -> Callable[..., None]:
        return lambda *arguments, **options: None


@contextlib.contextmanager
def rehearsal(clock: RecordedClock) -> Iterator[None]:
    """Rehearse in this thread; another thread's rehearsal waits until this one is over."""
    if is_rehearsal():
        raise RuntimeError("hooks can't be replayed by a hook that is being replayed")
    with _lock, _patched_clocks():
        _here.clock = clock
        try:
            yield
        finally:
            _here.clock = None


@contextlib.contextmanager
def _patched_clocks() -> Iterator[None]:
    names = [*_SECONDS, *(f"{name}_ns" for name in _SECONDS), "sleep"]
    real = {name: getattr(time, name) for name in names}
    try:
        for name in names:
            setattr(time, name, _stand_in(name, real[name]))
        yield
    finally:
        for name in names:
            setattr(time, name, real[name])


def _stand_in(name: str, real: Callable[..., Any]) -> Callable[..., Any]:
    """A function of the module `time` as this thread is to see it."""

    def told(*arguments: Any) -> Any:
        clock = getattr(_here, "clock", None)
        if clock is None:
            return real(*arguments)
        if name == "sleep":
            return None
        nanoseconds = clock.utc if name.startswith("time") else clock.monotonic
        return nanoseconds if name.endswith("_ns") else nanoseconds / 1e9

    return told
