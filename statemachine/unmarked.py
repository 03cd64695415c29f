"""Judges a history as somebody tells it, event by event, without the marks of a log's codes.

A code of a log says where the session stands. What another program writes, or what was exported,
tells only what a reader sees: kinds, hooks, details. So the session may stand at several places at
once. All of them are followed; a history conforms as long as one of them is left. Calls that nobody
wrote down are steps that the session may have taken in between.

There are few ways to stand, however long the history is: what an event leads to is remembered.
"""

import json
from collections.abc import Callable, Iterable, Iterator
from functools import cached_property, lru_cache
from typing import Final, TypeAlias

import attrs
import numpy as np

from statemachine.block import Block
from statemachine.compiled import START_CODE, Place, compile_table, place_at, steps_from
from statemachine.events import INDEX_SHIFT, MARK_SHIFT, Event, EventKind, encode
from statemachine.form import Header
from statemachine.machine import describe, rules_of
from statemachine.rules import Observation, Rules
from statemachine.table import FINAL, INITIAL

_MARKS: Final = 7 << MARK_SHIFT
_REMEMBERED: Final = 1 << 13
_LONGEST: Final = 2000
"""Of events with a longer detail, in characters of JSON, nothing is remembered."""
_ONE: Final = np.ones(1, np.int64)
_UNJUDGED: Final = frozenset({EventKind.RUN_SIGNATURE, EventKind.EVENTS_LOST})
"""Events about others: whoever reads the history judges them."""


@attrs.frozen(eq=False, slots=False)
class Branch:
    """One place where the session may stand, and what is to be kept in mind there.

    Attributes:
        code: The code of the last ordered event, START_CODE before the first.
        rules: The judge of what reaches further than to the next event; None where the history
            tells calls only, so that it can't be judged.
    """

    code: int
    rules: Rules | None

    @cached_property
    def standing(self) -> object:
        """What decides how it goes on."""
        return self.code, None if self.rules is None else self.rules.standing


Branches: TypeAlias = tuple[Branch, ...]
_Sight: TypeAlias = tuple[EventKind, int | None, str]


@attrs.frozen
class Fault:
    """What is wrong with an event.

    Attributes:
        rule: The id of the rule that it breaks.
        seen: What the history holds, in words.
        allowed: What might have come there.
    """

    rule: str
    seen: str
    allowed: tuple[str, ...] = ()


class Follower:
    """Follows one history.

    Args:
        hooks: How many hooks the session has.
        on_error: The places in their list of those that have an `on_error`, ascending.
        observed: Which kinds of ordered events the history tells, each time that they happen;
            None for all of them. Then what became of errors and stops is judged, too.
    """

    def __init__(
        self,
        hooks: int,
        on_error: tuple[int, ...] = (),
        observed: frozenset[EventKind] | None = None,
    ) -> None:
        self._hooks = hooks
        self._places = on_error
        self._observed = observed
        header = Header("", 0, 0, (), {}, 0, on_error=on_error)
        rules = Rules(header).fork() if observed is None else None
        self.branches: Branches = (Branch(START_CODE, rules),)
        self._known: dict[object, tuple[Branches, tuple[Fault, ...]]] = {}
        self.codes_after = lru_cache(_REMEMBERED)(self._codes_after)

    def tell(self, event: Event) -> tuple[Fault, ...]:
        """Go on by one event, and say what is wrong with it.

        After a fault it goes on from wherever the event may stand in an orderly history.
        """
        if event.kind in _UNJUDGED:
            return ()
        sight = _sight(event)
        if len(sight[2]) > _LONGEST:
            self.branches, faults = self._judge(event)
            return faults
        key = tuple(branch.standing for branch in self.branches), sight
        if key not in self._known:
            if len(self._known) >= _REMEMBERED:
                self._known.clear()
            self._known[key] = self._judge(event)
        self.branches, faults = self._known[key]
        return faults

    def may_end(self, branches: Branches) -> bool:
        """Whether the session may be closed where it may stand."""
        last = Place(FINAL).code
        return any(last in self._reached(branch.code) for branch in branches)

    def allowed(self, branches: Branches) -> tuple[str, ...]:
        """What may come next, in words."""
        codes = (code for branch in branches for code in self.codes_after(branch.code))
        return tuple(dict.fromkeys(_words(code) for code in codes))

    # One event

    def after(self, branches: Branches, event: Event) -> Branches:
        """Where the session may stand after an event; empty if the event can't come there."""
        judged = [self._step(branch, code, event) for branch, code in self._ways(branches, event)]
        return _distinct(branch for branch, faults in judged if not faults)

    def _judge(self, event: Event) -> tuple[Branches, tuple[Fault, ...]]:
        ways = self._ways(self.branches, event)
        if not ways:
            return self._astray(event)
        judged = [self._step(branch, code, event) for branch, code in ways]
        clean = [branch for branch, faults in judged if not faults]
        if clean:
            return _distinct(clean), ()
        return _distinct([judged[0][0]]), judged[0][1]

    def _ways(self, branches: Branches, event: Event) -> list[tuple[Branch, int]]:
        """Where an event may lead, by the table: a place before it, and its code."""
        number = code_told(event)
        if event.kind.in_second_lane:
            return [(branch, number) for branch in branches]
        fits = _fits(event, number)
        return [(b, c) for b in branches for c in self.codes_after(b.code) if fits(c & ~_MARKS)]

    def _step(self, branch: Branch, code: int, event: Event) -> tuple[Branch, tuple[Fault, ...]]:
        kept = branch.code if event.kind.in_second_lane else code
        if branch.rules is None:
            return Branch(kept, None), ()
        rules = branch.rules.fork()
        details = {0: json.dumps(dict(event.detail))} if event.detail else {}
        block = Block(0, 0, 0, _ONE, np.array([code], np.int32), details)
        faults = tuple(Fault(o.rule, o.seen) for o in _in_order(rules.judge(block)))
        return Branch(kept, rules.fork()), faults

    def _astray(self, event: Event) -> tuple[Branches, tuple[Fault, ...]]:
        """An event that can't come here: the history is followed from wherever it may come."""
        number = code_told(event)
        stood = self.branches[0]
        seen = f"{_words(number)} after {_words(stood.code)}"
        fault = Fault(
            rules_of(stood.code, self._hooks, self._places)[0], seen, self.allowed(self.branches)
        )
        found = [self._step(stood, code, event)[0] for code in self._anywhere(event, number)]
        return _distinct(found) or self.branches, (fault,)

    def _anywhere(self, event: Event, number: int) -> Iterator[int]:
        """The codes that an event can have in some history of a session with so many hooks."""
        fits = _fits(event, number & 0xFFFF)
        index = number >> INDEX_SHIFT
        for code in compile_table(min(self._hooks, 1), (0,) * min(self._hooks, 1)).places:
            found = code | index << INDEX_SHIFT
            if fits(code & ~_MARKS) and place_at(found, self._hooks) is not None:
                yield found

    # The table

    def _codes_after(self, before: int) -> tuple[int, ...]:
        """The codes of the events that may be told next."""
        codes = (code for at in self._reached(before) for code in self._steps(at))
        return tuple(dict.fromkeys(code for code in codes if self._is_told(code)))

    def _reached(self, before: int) -> tuple[int, ...]:
        """Where the session may be by now, without anything having been told."""
        found = {before: None}
        waiting = [before] if self._observed is not None else []
        while waiting:
            for code in self._steps(waiting.pop()):
                if code not in found and not self._is_told(code):
                    found[code] = None
                    waiting.append(code)
        return tuple(found)

    def _steps(self, before: int) -> Iterable[int]:
        if before == START_CODE:
            return (Place(INITIAL).code,)
        place = place_at(before, self._hooks)
        return (
            ()
            if place is None
            else (s.place.code for s in steps_from(place, self._hooks, self._places))
        )

    def _is_told(self, code: int) -> bool:
        return self._observed is None or _kind_of(code) in self._observed


def _kind_of(code: int) -> EventKind:
    return _KINDS[code & 0x7F]


_KIND_NAMED: Final = {kind.value: kind for kind in EventKind}
_KINDS: Final = {kind.number: kind for kind in EventKind}


def _in_order(observations: Iterable[Observation]) -> list[Observation]:
    return list(dict.fromkeys(observations))


def _fits(event: Event, number: int) -> Callable[[int], bool]:
    """Whether a code without marks may be that of an event."""
    if event.kind is EventKind.RAISED and "call" not in event.detail:  # out of whichever call
        kind, hook = event.kind.number, event.hook
        return lambda code: code & 0x7F == kind and hook in (None, code >> INDEX_SHIFT)
    return lambda code: code == number


def _sight(event: Event) -> _Sight:
    """What of an event decides how the history goes on."""
    if event.kind is EventKind.RUN or not event.detail:
        return event.kind, event.hook, ""
    return event.kind, event.hook, json.dumps(dict(event.detail), sort_keys=True)


def code_told(event: Event) -> int:
    """The code of an event as far as it was told: without a mark, and without a signature."""
    call = None if event.kind.in_second_lane else event.detail.get("call")
    at = _KIND_NAMED.get(call) if isinstance(call, str) else None
    return encode(event.kind, event.hook or 0, 0, at)


def _words(code: int) -> str:
    """A code in words, without its mark, which nobody told."""
    return describe(code).partition(" (")[0]


def _distinct(branches: Iterable[Branch]) -> Branches:
    return tuple({branch.standing: branch for branch in branches}.values())
