"""The checks of the event log that a session writes while a scenario is played."""

from collections.abc import Callable, Iterator
from functools import cache
from typing import Final

import attrs
import numpy as np

from statemachine.block import Block, Codes
from statemachine.compiled import END_CODE, START_CODE, Place
from statemachine.events import SECOND_LANE, EventKind, decode
from statemachine.log import EventLog
from statemachine.machine import illegal
from statemachine.ordering import sentence
from statemachine.pairs import pair_table
from statemachine.rules import Rules
from statemachine.table import FINAL
from statemachine.testing.results import Check
from statemachine.testing.trace import Observation

Called = tuple[str, int | None]
_START: Final = np.array([START_CODE], np.int32)
_END: Final = np.array([END_CODE], np.int32)
BEFORE_THE_CALL: Final = "An event is written down before the call that it names."
EVERY_CALL: Final = "Every call of a hook and every run is an event, in the order of the calls."


class Life:
    """What the log of one life of a session holds.

    Args:
        log: The log.
    """

    def __init__(self, log: EventLog) -> None:
        reading = log.read()
        self.header = reading.header
        self.hooks = len(self.header.hooks)
        self.blocks: list[Block] = list(reading)
        ordered = [block.ordered_codes for block in self.blocks]
        self.codes: Codes = np.concatenate(ordered) if ordered else np.zeros(0, np.int32)


class Logged:
    """The logs of a scenario, read once for all checks.

    Args:
        observation: What was seen of the scenario.
    """

    def __init__(self, observation: Observation) -> None:
        self.observation = observation
        self.lives = [Life(log) for log in observation.logs]


@attrs.frozen
class LogCheck(Check):
    """A check of a log.

    Attributes:
        judge: Says what is wrong, or returns None.
    """

    judge: Callable[[Logged], str | None]

    def is_about(self, names: frozenset[str]) -> bool:
        """Whether there is something to check: whatever happens, a log tells it."""
        return True


def _order(logged: Logged) -> str | None:
    for life in logged.lives:
        chain = np.concatenate((_START, life.codes, _END))
        faults = pair_table(life.hooks).faults(chain)
        if len(faults):
            before, after = chain[faults[0] - 1 : faults[0] + 1].tolist()
            return str(illegal(before, after, life.hooks))
    return None


def _told(logged: Logged) -> str | None:
    codes = (code for life in logged.lives for code in life.codes.tolist())
    told = [called for code in codes if (called := _called(code)) is not None]
    seen = [*_seen(logged.observation)]
    if told == seen:
        return None
    pairs = zip(told, seen, strict=False)
    at = next((n for n, (a, b) in enumerate(pairs) if a != b), min(len(told), len(seen)))
    return f"the log tells of {told[at : at + 3]} where the calls were {seen[at : at + 3]}"


def _seen(observation: Observation) -> Iterator[Called]:
    for event in observation.trace:
        if event["e"] == "hook":
            yield event["m"], event["i"]
        elif event["e"] == "run":
            yield "run", None


def _before_the_call(logged: Logged) -> str | None:
    for name, index, code in logged.observation.noted:
        if _called(code) != (name, index):
            stood = "nothing" if code is None else str(decode(code).kind.value)
            return f"when {name} of {index} was called, the latest event was {stood}"
    return None


def _complete(logged: Logged) -> str | None:
    for life in logged.lives:
        if not len(life.codes) or life.codes[-1] != Place(FINAL).code:
            return "the log does not end with the closed session"
    return None


def _details(logged: Logged) -> str | None:
    for life in logged.lives:
        rules = Rules(life.header)
        for block in life.blocks:
            for observation in rules.judge(block):
                return f"{observation.rule}: {observation.seen}"
    return None


_KINDS: Final = {
    EventKind.HOOK_BEGIN: "begin",
    EventKind.AFTER_CREATE_SESSION: "after_create_session",
    EventKind.BEFORE_RUN: "before_run",
    EventKind.AFTER_RUN: "after_run",
    EventKind.HOOK_END: "end",
}


@cache
def _called(code: int | None) -> Called | None:
    """Which call an event names."""
    if code is None or code < 0 or code & SECOND_LANE:
        return None
    decoded = decode(code)
    if decoded.kind in _KINDS:
        return _KINDS[decoded.kind], decoded.index
    return ("run", None) if decoded.kind is EventKind.RUN else None


LOG_CHECKS: Final = (
    LogCheck("log-keeps-the-order", "hooks-in-list-order", sentence("hooks-in-list-order"), _order),
    LogCheck("log-tells-every-call", "every-call-is-told", EVERY_CALL, _told),
    LogCheck(
        "log-written-before-the-call", "written-before-the-call", BEFORE_THE_CALL, _before_the_call
    ),
    LogCheck("log-complete", "closed-at-the-end", sentence("closed-at-the-end"), _complete),
    LogCheck("log-tells-every-error", "errors-are-told", sentence("errors-are-told"), _details),
)
"""All checks of logs."""
