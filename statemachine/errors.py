"""What can go wrong in the core, one class for each kind of mistake."""

import errno
from collections.abc import Sequence
from typing import Final


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


GO_ON: Final = (
    ". With EventLog(..., on_log_error='warn') the training would go on without a whole log"
)
_REMEDIES: Final = {
    errno.ENOSPC: "make room on the disk",
    errno.EDQUOT: "have the quota raised, or make room",
    errno.EFBIG: "raise the limit of a file's size",
    errno.EROFS: "make the file system writable",
    errno.EACCES: "make the directory writable",
    errno.EPERM: "make the directory writable",
    errno.ENOENT: "see to it that the directory is there",
    errno.ENOTDIR: "see to it that the directory is there",
    errno.ESTALE: "see to it that the file is in its place and its file system mounted",
    errno.ENOTCONN: "see to it that the file system is mounted",
}


class LogWriteFailed(LogError, OSError):
    """The log could not be written: the message names the path, the cause, and what to do."""

    @classmethod
    def told(cls, number: int | None, what: str) -> "LogWriteFailed":
        """An error of the operating system, with what can be done about it."""
        remedy = _REMEDIES.get(number or 0, "mend that")
        return cls(
            number or errno.EIO,
            f"{what}; {remedy}, or name another place with event_log={GO_ON}",
        )


class LogNotWritable(LogError, RuntimeError):
    """An event was to be written to a log that is closed, not begun, or another process's."""


class UnreadableHead(LogError, ValueError):
    """A text is not the head of a log, or not a signed note."""


class UnusableKey(LogError, ValueError):
    """What should be a key for signing or verifying heads is none, or one of another kind."""
