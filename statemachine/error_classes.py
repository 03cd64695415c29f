"""What a log tells of an error: of which classes it is, and what tells it from others."""

from collections.abc import Mapping
from typing import Final

CLEAN_ERRORS: Final = frozenset({"OutOfRangeError", "StopIteration"})
"""Classes of errors that mean the end of the input."""
PREEMPTIONS: Final = frozenset({"AbortedError", "UnavailableError"})
"""Classes of errors that mean that the machine was taken away."""

Identity = tuple[str, str]
"""The class and the message of an error."""


def identity_of(error: object) -> Identity:
    """What tells one error from another in a log: its class and its message."""
    told = error if isinstance(error, Mapping) else {}
    return str(told.get("type")), str(told.get("message"))


def classes_of(error: object) -> frozenset[str]:
    """The names of the classes that an error in a detail is an instance of."""
    bases = error.get("bases") if isinstance(error, Mapping) else None
    if not isinstance(bases, list):
        return frozenset()
    return frozenset(base for base in bases if isinstance(base, str))
