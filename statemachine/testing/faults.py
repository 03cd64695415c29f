"""Errors that a scenario asks for: which attempt fails, and with what."""

import functools
from collections.abc import Mapping
from typing import Any

BUILTIN_ERRORS: Mapping[str, type[BaseException]] = {
    "StopIteration": StopIteration,
    "ValueError": ValueError,
    "RuntimeError": RuntimeError,
    "KeyboardInterrupt": KeyboardInterrupt,
}
OP_ERRORS = (
    "OutOfRangeError",
    "AbortedError",
    "UnavailableError",
    "InvalidArgumentError",
    "UnknownError",
    "FailedPreconditionError",
    "NotFoundError",
)
SUBCLASSES = {
    "StopIterationSub": "StopIteration",
    "OutOfRangeSub": "OutOfRangeError",
    "AbortedSub": "AbortedError",
}
ERROR_NAMES = (*BUILTIN_ERRORS, *OP_ERRORS, *SUBCLASSES)
"""Every error that a scenario can name."""


class Fault:
    """Fails the attempts `skip` to `skip + times - 1`, counting from 0."""

    def __init__(self, times: int = 1, skip: int = 0) -> None:
        self._first = skip
        self._after_last = skip + times
        self.attempts = 0

    @classmethod
    def from_spec(cls, spec: Mapping[str, Any]) -> "Fault":
        """Reads `times` and `skip` of a fault or a bomb."""
        return cls(spec.get("times", 1), spec.get("skip", 0))

    @property
    def armed(self) -> bool:
        """Whether the next attempt fails."""
        return self._first <= self.attempts < self._after_last

    def strikes(self) -> bool:
        """Counts an attempt and tells whether it fails."""
        armed = self.armed
        self.attempts += 1
        return armed


class Bomb:
    """A value to feed that raises inside the raw run on some attempts."""

    def __init__(self, fault: Fault, error: BaseException, value: Any) -> None:
        self.fault = fault
        self.error = error
        self.value = value

    def shown(self) -> Any:
        """Returns what a trace shows: "bomb" if it will go off, else the value."""
        return "bomb" if self.fault.armed else self.value

    def take(self) -> Any:
        """Counts an attempt; raises the error or returns the value."""
        if self.fault.strikes():
            raise self.error
        return self.value


@functools.cache
def error_classes(namespace: Any) -> Mapping[str, type[BaseException]]:
    """Returns every error that a scenario can name, from a `tf.errors`-like namespace."""
    classes: dict[str, type[BaseException]] = dict(BUILTIN_ERRORS)
    for name in OP_ERRORS:
        classes[name] = getattr(namespace, name)
    for name, base in SUBCLASSES.items():
        classes[name] = type(name, (classes[base],), {})
    return classes
