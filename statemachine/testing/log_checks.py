"""The checks of the event log that a session writes while a scenario is played."""

import itertools
from collections.abc import Callable, Iterator
from functools import cache, cached_property
from typing import ClassVar, Final

import attrs
import numpy as np

from statemachine.block import Block
from statemachine.compiled import END_CODE, START_CODE, Place, compile_table
from statemachine.events import SECOND_LANE, SYMBOL_MASK, EventKind, decode
from statemachine.journal import block_after
from statemachine.log import EventLog
from statemachine.machine import illegal
from statemachine.ordering import sentence
from statemachine.pairs import pair_table
from statemachine.rules import Rules
from statemachine.store import MemoryStore
from statemachine.table import FINAL
from statemachine.tail import TAIL_SIZE, MemorySide, Tail
from statemachine.testing.results import Check
from statemachine.testing.trace import Observation

Called = tuple[str, int | None]
_BLANK: Final = bytes(TAIL_SIZE)


class TailStore(MemoryStore):
    """A store in memory whose block can be read before it is sealed, which takes a while.

    New memory for the tails takes a while, too, so a log that is done with hands it on.
    """

    _spare: ClassVar[list[bytearray]] = []

    def __init__(self) -> None:
        super().__init__()
        self._buffers: list[bytearray] = []

    def create(self, schema_message: Callable[[], bytes]) -> tuple[Tail, Tail]:
        """Make the log."""
        self._schema = schema_message
        self._buffers = [self._spare.pop() if self._spare else bytearray(TAIL_SIZE) for _ in "ab"]
        first, second = (Tail(memoryview(buffer), MemorySide()) for buffer in self._buffers)
        self._tails = first, second
        return self._tails

    def hand_on(self) -> None:
        """Give up the log: its events are gone then."""
        for buffer in self._buffers:
            buffer[:] = _BLANK
        self._spare.extend(self._buffers)
        self._buffers = []

    @property
    def whole_tail(self) -> Tail | None:
        """The tail that holds all events; None if there are sealed blocks, too."""
        return None if self._held.blocks or self._tails is None else self._tails[0]


class Life:
    """What the log of one life of a session holds.

    Args:
        log: The log.
    """

    def __init__(self, log: EventLog) -> None:
        self._log = log
        self.header = log.header
        self.hooks = len(self.header.hooks)
        store = log._store
        self._tail = store.whole_tail if isinstance(store, TailStore) else None

    @cached_property
    def codes(self) -> list[int]:
        """The codes of the ordered lane."""
        if self._tail is not None:
            return list(itertools.takewhile(bool, self._tail.codes))
        return [code for block in self.blocks for code in block.ordered_codes.tolist()]

    @cached_property
    def blocks(self) -> list[Block]:
        """The blocks."""
        content = self._tail.contents() if self._tail is not None else None
        if content is None:
            return list(self._log.read())
        return [block_after(self.header, None, content)]


class Logged:
    """The logs of a scenario, read once for all checks.

    Args:
        observation: What was seen of the scenario.
    """

    def __init__(self, observation: Observation) -> None:
        self.observation = observation
        self.lives = [Life(log) for log in observation.logs]

    def hand_on(self) -> None:
        """Give up logs in memory."""
        for log in self.observation.logs:
            if isinstance(log._store, TailStore):
                log._store.hand_on()


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


LOG_CHECKS: Final = tuple(
    LogCheck(name, rule, sentence(rule), judge, every)
    for name, rule, judge, every in (
        ("log-keeps-the-order", "hooks-in-list-order", _order, 1),
        ("log-tells-every-call", "every-call-is-told", _told, 1),
        ("log-written-before-the-call", "written-before-the-call", _before_the_call, 1),
        ("state-is-that-of-the-log", "state-follows-the-log", _state, 1),
        ("log-complete", "closed-at-the-end", _complete, 1),
        ("log-tells-every-error", "errors-are-told", _details, 4),
    )
)
"""All checks of logs."""
