"""Writes events down while a scenario runs."""

from collections.abc import Mapping
from typing import Any

from statemachine.testing.trace import Event, Observation

# Wordings that are part of the contract; a message may say more.
KNOWN_WORDINGS = (
    "Graph is finalized and cannot be modified.",
    "Init operations did not make model ready for local_init.",
    "Init operations did not make model ready.",
    "More than one item in the collection",
    "Can not provide both checkpoint_dir and checkpoint_filename_with_path.",
    "Run called even after should_stop requested.",
    "Same tensor is fed by two hooks.",
    "Same tensor is fed by a SessionRunHook and user.",
    "`step_fn` may either have one `step_context` argument",
    "step_fn has requested the iterations to stop.",
    "Session is already closed.",
    "Attempted to use a closed Session.",
)


def describe_error(error: BaseException | None) -> list[str] | None:
    """Returns [type, message]; a wording that need not agree starts with a tilde."""
    if error is None:
        return None
    message = str(getattr(error, "message", error))
    return [type(error).__name__, _wording(message)]


def _wording(message: str) -> str:
    if message.startswith("inj:"):
        return message
    for known in KNOWN_WORDINGS:
        if known in message:
            return known
    return "~" + message[:60]


class Recorder:
    """Collects the events of the driving thread in order, those of others as a bag."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.background: list[Event] = []

    def emit(self, kind: str, **fields: Any) -> None:
        """Writes an event of the driving thread down."""
        self.events.append({"e": kind, **fields})

    def emit_background(self, kind: str, **fields: Any) -> None:
        """Writes an event of another thread down."""
        self.background.append({"e": kind, **fields})

    def fail(self, what: str, error: BaseException) -> None:
        """Writes down that an inner call raised."""
        self.emit("fail", of=what, exc=describe_error(error))

    def observation(self) -> Observation:
        """Returns what was seen so far."""
        return Observation(tuple(self.events), tuple(self.background))


def sorted_feed(feed: Mapping[str, Any]) -> dict[str, Any]:
    """Orders a feed by name, as traces show it."""
    return dict(sorted(feed.items()))
