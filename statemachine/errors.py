"""What can go wrong in the core, one class for each kind of mistake."""

from collections.abc import Sequence


class IllegalStep(RuntimeError):
    """A session was told to do what the documented order does not allow.

    Attributes:
        stood: Where it stood, in words.
        tried: What was tried.
        allowed: What was allowed there.
    """

    def __init__(self, stood: str, tried: str, allowed: Sequence[str]) -> None:
        self.stood = stood
        self.tried = tried
        self.allowed = tuple(allowed)
        choices = ", ".join(self.allowed) or "nothing"
        super().__init__(f"{tried} is not allowed after {stood}; allowed there: {choices}")


class LogError(Exception):
    """Something is wrong with an event log."""


class UnreadableLog(LogError, ValueError):
    """A file is not an event log, or not one that this version can read."""


class LogExists(LogError, FileExistsError):
    """A log is created, never overwritten: there is already a file of that name."""


class LogWriteFailed(LogError, OSError):
    """The log could not be written: the message names the path and the cause."""


class LogNotWritable(LogError, RuntimeError):
    """An event was to be written to a log that is closed, not begun, or another process's."""


class UnreadableHead(LogError, ValueError):
    """A text is not the head of a log, or not a signed note."""


class UnusableKey(LogError, ValueError):
    """What should be a key for signing or verifying heads is none, or one of another kind."""
