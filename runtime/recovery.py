"""Giving up a session that lost its machine, and creating another one in its place."""

from collections.abc import Callable

from runtime.backoff import PREEMPTION, Backoff
from runtime.error_hooks import ErrorHooks
from runtime.starting import Start, close_all, struck_between_calls
from statemachine.block import error_detail
from statemachine.compiled import Place
from statemachine.journal import Journal
from statemachine.table import (
    POINTS,
    RECOVERING,
    REPEATED,
    STOP_ASKED,
    Context,
    Point,
    State,
    Trigger,
)

__all__ = ["Recovery"]

_ABANDONING = {
    "nothing open": "abandoning nothing",
    "session open": "abandoning raw",
    "threads open": "abandoning threads",
}
_LOST = ("lost", "telling of loss")


class Recovery:
    """Creates a session again, as often as it takes.

    Args:
        start: Creates it.
        journal: Where the events go.
        backoff: How often, and how soon.
        flags: Gives the stop flag as it stands.
        error_hooks: Tells the hooks when there is no session any more.

    Attributes:
        attempt: How many attempts were made since the last call that came to its end.
    """

    def __init__(
        self,
        start: Start,
        journal: Journal,
        backoff: Backoff,
        flags: Callable[[], int],
        error_hooks: ErrorHooks,
    ) -> None:
        self._start = start
        self._journal = journal
        self._backoff = backoff
        self._flags = flags
        self._error_hooks = error_hooks
        self.attempt = 0

    def replace(self, cause: BaseException) -> None:
        """Give up the session that is open, and create another one.

        Args:
            cause: The preemption.

        Raises:
            BaseException: Why there is no other session now.
        """
        instead = self._abandon("abandoning", cause)
        if instead is not None:
            raise self._lost(instead) from cause
        self.create(cause)

    def create(self, cause: BaseException | None) -> None:
        """Create a session where there is none.

        Args:
            cause: The preemption; None if the session was lost before.

        Raises:
            BaseException: Why there is still none.
        """
        while True:
            self.attempt += 1
            if cause is not None and not self._backoff.allows(self.attempt):
                raise self._lost(cause)
            error = self._attempt(cause)
            if error is None:
                return
            if not self._began():
                raise error
            instead = self._abandon(self._point_of_failure(), error)
            if instead is not None:
                raise self._lost(instead) from error
            if not isinstance(error, PREEMPTION):
                raise self._lost(error)
            cause = error

    def run_again(self, repeated: bool) -> BaseException | None:
        """Say that the session runs again.

        Args:
            repeated: Whether a call is to be repeated, which a stop does not bar.

        Returns:
            What an observer raised, or None.
        """
        mark = self._flags() & STOP_ASKED | REPEATED * repeated
        detail = {"by": "recovery"} if repeated else {}
        return self._start.change(Place("running", 0, mark), Trigger.START, detail)

    def settle(self, error: BaseException) -> bool:
        """Go on, after an error that struck between two calls, to where nothing is half done.

        Args:
            error: The error, which comes out.

        Returns:
            Whether there is a session that runs; else it is lost.
        """
        self._start.settle()
        place = self._journal.place
        point = POINTS[place.point] if place is not None else None
        if point is not None and point.state is State.RUNNING and self._start.raw is not None:
            return True
        if point is not None and point.name.removesuffix("!") not in _LOST:
            if self._journal.failure is None:
                self._give_up(point, error)
            if struck_between_calls(error):
                self._start.make_sure()
        return False

    def _give_up(self, point: Point, error: BaseException) -> None:
        """Close what is open, from wherever that was interrupted, and say that it is lost."""
        if point.context is Context.START:
            self._abandon(self._point_of_failure(), error)
        else:
            self._finish_closing(point.name, error)
        self._lost(error)

    def _finish_closing(self, name: str, error: BaseException) -> None:
        """The rest of what `_abandon` does."""
        start, journal = self._start, self._journal
        told = {"error": error_detail(error), "instead_of": error_detail(error)}
        journal.tell_raised({"error": error_detail(error)}, bool(self._flags() & STOP_ASKED))
        if name.removesuffix("!") in ("old joining", "old closing"):
            dealt_with = "old join" if name.startswith("old join") else "old close"
            journal.tell(Place(f"{dealt_with} error replaced", 0, self._mark()).code, told)
        steps = []
        if name in ("abandoning", "abandoning threads"):
            steps.append(("old joining", start.join_threads))
        if steps or name.startswith("old join") or name == "abandoning raw":
            steps.append(("old closing", start.close_raw))
        close_all(start, steps, self._mark(), error)

    def _attempt(self, cause: BaseException | None) -> BaseException | None:
        attempt, backoff = self.attempt, self._backoff
        detail = {"by": "run"} if cause is None else backoff.told(attempt, cause)

        def wait() -> None:
            if cause is not None:
                backoff.wait(attempt, cause)

        try:
            self._start.create_again(self._mark(), detail, wait)
        except BaseException as error:
            return error
        return None

    def _began(self) -> bool:
        """Whether an attempt has been written down."""
        place = self._journal.place
        return place is not None and POINTS[place.point].context is Context.START

    def _point_of_failure(self) -> str:
        place = self._journal.place
        name = place.point.removesuffix("!") if place is not None else ""
        failure = POINTS[name].failure if name in POINTS else None
        return _ABANDONING.get(failure or "", "abandoning nothing")

    def _abandon(self, point: str, error: BaseException) -> BaseException | None:
        """Close what is open; returns what comes out in place of the error, or None."""
        start = self._start
        told = {"error": error_detail(error)}
        if point != "abandoning":
            self._journal.tell_raised(told)
        observed = start.change(Place(point, 0, self._mark()), Trigger.RECOVER, told)
        steps = []
        if point in ("abandoning", "abandoning threads"):
            steps.append(("old joining", start.join_threads))
        if point != "abandoning nothing":
            steps.append(("old closing", start.close_raw))
        else:
            start.make_sure()  # an interrupt may have come when it was just opened
        live = point == "abandoning"
        return close_all(start, steps, self._mark(), error, of_threads=live) or observed

    def _lost(self, error: BaseException) -> BaseException:
        self._journal.tell(Place("lost", 0, self._mark()).code, {"error": error_detail(error)})
        self._error_hooks.tell("telling of loss", self._mark, None, error)
        self._journal.tell_sealed()
        return error

    def _mark(self) -> int:
        return RECOVERING | self._flags() & STOP_ASKED
