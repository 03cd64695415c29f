"""When to try again to create a session, and how long to wait before."""

import time
from typing import Final

import attrs

from runtime import errors, logging
from statemachine.block import error_detail

__all__ = ["PREEMPTION", "Backoff", "seconds_before"]

PREEMPTION: Final = (errors.AbortedError, errors.UnavailableError)
"""Errors that mean that the machine was taken away: a session recovers from them.

Source of the rule: tf.compat.v1.train.MonitoredSession documentation.
"""

_LONGEST_SECS: Final = 30.0


def seconds_before(attempt: int) -> float:
    """How long to wait before an attempt: the first is made at once, later ones ever later.

    Args:
        attempt: The number of the attempt, from 1.

    Returns:
        Seconds.
    """
    return 0.0 if attempt == 1 else min(_LONGEST_SECS, 2.0 ** min(attempt - 2, 10))


@attrs.frozen
class Backoff:
    """How often, and how soon, a session is created again after a preemption.

    Attributes:
        most: How many attempts in a row are made; None for no limit.
    """

    most: int | None = None

    def allows(self, attempt: int) -> bool:
        """Whether an attempt of this number, from 1, is to be made."""
        return self.most is None or attempt <= self.most

    def told(self, attempt: int, cause: BaseException) -> dict[str, object]:
        """What the event log holds of an attempt."""
        seconds = seconds_before(attempt)
        return {"error": error_detail(cause), "attempt": attempt, "seconds": seconds}

    def wait(self, attempt: int, cause: BaseException) -> None:
        """Wait before an attempt, and say so."""
        seconds = seconds_before(attempt)
        logging.info(
            f"An error was raised that means a preemption. The session is created again in "
            f"{seconds:g} seconds (attempt {attempt}). Error: {cause}"
        )
        if seconds:
            time.sleep(seconds)
