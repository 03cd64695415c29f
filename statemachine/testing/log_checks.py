"""The checks of the event log that a session writes while a scenario is played."""

import itertools
from collections.abc import Callable, Iterator
from functools import cache
from typing import Final

import attrs
import numpy as np

from statemachine.block import Block
from statemachine.compiled import END_CODE, START_CODE, Place, compile_table
from statemachine.events import SECOND_LANE, SYMBOL_MASK, EventKind, decode
from statemachine.form import Header
from statemachine.journal import block_after
from statemachine.log import EventLog
from statemachine.machine import illegal
from statemachine.ordering import sentence
from statemachine.pairs import pair_table
from statemachine.rules import Rules
from statemachine.store import MemoryStore
from statemachine.table import FINAL
from statemachine.testing.results import Check
from statemachine.testing.trace import Observation

Called = tuple[str, int | None]
BEFORE_THE_CALL: Final = "An event is written down before the call that it names."
STATE: Final = "The session's state is what its log folds to."
EVERY_CALL: Final = "Every call of a hook and every run is an event, in the order of the calls."


class Life:
    """What the log of one life of a session holds.

    Args:
        log: The log.
    """

    def __init__(self, log: EventLog) -> None:
        self.header = log.header
        self.hooks = len(self.header.hooks)
        self.blocks: list[Block] = _unsealed(log) or list(log.read())
        self.codes: list[int] = []
        for block in self.blocks:
            self.codes += block.ordered_codes.tolist()


class TailStore(MemoryStore):
    """A store in memory whose block can be read without sealing it, which takes a while."""

    def blocks(self, header: Header) -> list[Block]:
        """The block that the tail holds; none if there are sealed ones."""
        if self._held.blocks or self._tails is None:
            return []
        content = self._tails[0].contents()
        return [] if content is None else [block_after(header, None, content)]


def _unsealed(log: EventLog) -> list[Block]:
    store = log._store
    return store.blocks(log.header) if isinstance(store, TailStore) else []


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
        every: It is made with one of so many examples, for what it costs.
    """

    judge: Callable[[Logged], str | None]
    every: int = 1

    def is_about(self, names: frozenset[str]) -> bool:
        """Whether there is something to check: whatever happens, a log tells it."""
        return True


def _order(logged: Logged) -> str | None:
    for life in logged.lives:
        legal = _legal(life.hooks)
        chain = (START_CODE, *life.codes, END_CODE)
        for pair in dict.fromkeys(itertools.pairwise(chain)):
            if pair in legal:
                continue
            if len(pair_table(life.hooks).faults(np.array(pair, np.int32))):
                return str(illegal(*pair, life.hooks))
            legal.add(pair)
    return None


@cache
def _legal(hooks: int) -> set[tuple[int, int]]:
    """Pairs of neighbours that were found legal before."""
    return set()


def _told(logged: Logged) -> str | None:
    codes = (code for life in logged.lives for code in life.codes)
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
    for name, index, code, _ in logged.observation.noted:
        if _called(code) != (name, index):
            stood = "nothing" if code is None else str(decode(code).kind.value)
            return f"when {name} of {index} was called, the latest event was {stood}"
    return None


def _state(logged: Logged) -> str | None:
    for name, index, code, state in logged.observation.noted:
        told = _state_after(code)
        if told is not None and told != state:
            return f"when {name} of {index} was called, the state was {state}, in the log {told}"
    return None


@cache
def _state_after(code: int | None) -> str | None:
    place = None if code is None else compile_table(1).places.get(code & SYMBOL_MASK)
    return place.state.value if place is not None and place.state is not None else None


def _complete(logged: Logged) -> str | None:
    for life in logged.lives:
        if not life.codes or life.codes[-1] != Place(FINAL).code:
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
    LogCheck("state-is-that-of-the-log", "state-follows-the-log", STATE, _state),
    LogCheck("log-complete", "closed-at-the-end", sentence("closed-at-the-end"), _complete),
    LogCheck("log-tells-every-error", "errors-are-told", sentence("errors-are-told"), _details, 4),
)
"""All checks of logs."""
