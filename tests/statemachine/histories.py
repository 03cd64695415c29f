"""Sessions that only write their events: what a log looks like, without a runtime."""

from collections.abc import Iterator
from typing import Final

from statemachine.compiled import Place
from statemachine.events import INDEX_SHIFT, EventKind
from statemachine.journal import Journal
from statemachine.table import ENDS_OWED

HOOKS: Final = ("StepCounter", "Saver")


def starting(hooks: int = 2) -> Iterator[Place]:
    """The places that a session goes through until it runs."""
    yield Place("created")
    yield from (Place("beginning", hook) for hook in range(hooks))
    yield from (Place("finalizing"), Place("finalized"), Place("opening"), Place("init op"))
    yield from (Place("initialized"), Place("restored"), Place("checking locals"))
    yield from (Place("local init"), Place("checking"))
    yield from (Place("announcing", hook) for hook in range(hooks))
    yield Place("running")


def step(hooks: int = 2) -> Iterator[Place]:
    """The places of one step."""
    yield Place("step")
    yield from (Place("gathering", hook) for hook in range(hooks))
    yield Place("computing")
    yield from (Place("delivering", hook) for hook in range(hooks))
    yield Place("step done")


def leaving(hooks: int = 2) -> Iterator[Place]:
    """The places after `stopping`."""
    yield from (Place("ending", hook) for hook in range(hooks))
    yield from (Place("joining"), Place("closing"), Place("closed"))


STEP_EVENTS: Final = len(list(step()))
START_EVENTS: Final = len(list(starting()))


class Writer:
    """Drives a journal as a session does."""

    def __init__(self, journal: Journal, hooks: int = 2) -> None:
        self.journal = journal
        self.hooks = hooks
        self._step = [place.code for place in step(hooks)]
        self._run = Place("computing").code

    def start(self) -> "Writer":
        for place in starting(self.hooks):
            self.journal.record(place.code)
        self.journal.add(EventKind.RUN_SIGNATURE, {"fetches": {"caller": "loss:0"}}, 0)
        return self

    def steps(self, count: int) -> "Writer":
        record = self.journal.record
        for _ in range(count):
            for code in self._step:
                record(code)
        return self

    def fail_step(self, error: str = "ValueError", message: str = "no") -> "Writer":
        self.journal.record(Place("step").code)
        self.journal.raised({"error": told(error, message)})
        return self

    def leave(self) -> "Writer":
        self.journal.record_with(Place("stopping", 0, ENDS_OWED).code, {"by": "close"})
        for place in leaving(self.hooks):
            self.journal.record(place.code)
        return self

    def close(self) -> "Writer":
        self.leave()
        self.journal.close()
        return self


def settle(writer: Writer) -> None:
    """Wait until the thread that seals has served what it was asked for."""
    journal = writer.journal
    beside = journal._beside(journal.recorder.position()[0])
    if beside.block >= 0:
        journal._worker.wait_for(beside)


def told(error: str, message: str = "no") -> dict[str, object]:
    """An error as a detail tells of it."""
    bases = [error, "Exception", "BaseException"]
    return {"type": error, "message": message, "bases": bases}


def signed(code: int, signature: int) -> int:
    """The code of a run with its signature."""
    return code | signature << INDEX_SHIFT
