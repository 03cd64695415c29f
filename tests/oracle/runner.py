"""Plays the scenarios of a corpus on our classes and counts the verdicts."""

import collections
import contextlib
import signal
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping
from types import FrameType
from typing import Any

import attrs

from statemachine.testing.trace import Level, Observation
from tests.oracle.corpora import Row
from tests.oracle.explain import Explanation, Verdict, explain

SECONDS_PER_SCENARIO = 30.0

Play = Callable[[Mapping[str, Any]], Observation]


class ScenarioTimeout(Exception):
    """A scenario did not come to its end."""


@attrs.frozen
class Outcome:
    """One scenario and its explanation."""

    row: Row
    explanation: Explanation


@contextlib.contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Raises ScenarioTimeout in the main thread when the time is over."""

    def ring(number: int, frame: FrameType | None) -> None:
        raise ScenarioTimeout(f"no end after {seconds} seconds")

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def judge(row: Row, play: Play, level: Level = Level.CORE) -> Outcome:
    """Plays one scenario and explains what was found; a crash is unexplained."""
    try:
        with time_limit(SECONDS_PER_SCENARIO):
            found = play(row.scenario)
    except Exception:
        crash = Explanation(Verdict.UNEXPLAINED, remark=traceback.format_exc())
        return Outcome(row, crash)
    return Outcome(row, explain(row, found, level))


def judge_all(rows: Iterable[Row], play: Play, level: Level = Level.CORE) -> Iterator[Outcome]:
    """Plays one scenario after the other."""
    return (judge(row, play, level) for row in rows)


def count(outcomes: Iterable[Outcome]) -> Mapping[Verdict, int]:
    """Counts the verdicts."""
    return collections.Counter(outcome.explanation.verdict for outcome in outcomes)
