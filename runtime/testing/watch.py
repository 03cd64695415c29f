"""Watches over the playing of scenarios: for Ctrl-C, and for a session that does not come back."""

import contextlib
import signal
import threading
import time
from collections.abc import Iterator
from types import FrameType

from statemachine.testing.scenario import Scenario


class SessionHangs(TimeoutError):
    """A session did not come back; the message has the scenario.

    Attributes:
        scenario: What was played.
    """

    def __init__(self, scenario: Scenario, seconds: float) -> None:
        self.scenario = scenario
        super().__init__(
            f"the session had not come back after {seconds:g} seconds in this scenario: "
            f"{scenario.to_json()}"
        )


class Watch:
    """Notices what a scenario would take for an error that the session handles.

    Players go on after every error, so that a KeyboardInterrupt of the user's would only end a
    scenario, and be judged. Outside of the main thread nothing is noticed.

    Args:
        limit: How many seconds a scenario may take, or None for any number.
    """

    def __init__(self, limit: float | None = None) -> None:
        self._limit = limit
        self._playing: tuple[Scenario, float] | None = None
        self._interrupted = False
        self._hangs: SessionHangs | None = None

    @contextlib.contextmanager
    def over(self, scenario: Scenario) -> Iterator[None]:
        """Watch over one scenario.

        Raises:
            KeyboardInterrupt: If the user interrupted it, whatever became of that.
            SessionHangs: If it took longer than the limit.
        """
        self._playing = scenario, time.monotonic()
        try:
            yield
        finally:
            self._playing = None
        if self._hangs is not None:
            raise self._hangs
        if self._interrupted:
            raise KeyboardInterrupt

    @contextlib.contextmanager
    def noticing(self) -> Iterator["Watch"]:
        """Be on the watch."""
        before = signal.getsignal(signal.SIGINT)
        if threading.current_thread() is not threading.main_thread() or not callable(before):
            yield self
            return

        def interrupted(number: int, frame: FrameType | None) -> None:
            self._interrupted = True
            before(number, frame)

        done = threading.Event()
        signal.signal(signal.SIGINT, interrupted)
        try:
            if self._limit is not None:
                threading.Thread(target=self._look, args=(self._limit, done), daemon=True).start()
            yield self
        finally:
            done.set()
            signal.signal(signal.SIGINT, before)

    def _look(self, limit: float, done: threading.Event) -> None:
        """Interrupt the main thread where a scenario takes too long; it may swallow that once."""
        while not done.wait(limit / 4):
            playing = self._playing
            if playing is not None and time.monotonic() - playing[1] > limit:
                self._hangs = SessionHangs(playing[0], limit)
                signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
