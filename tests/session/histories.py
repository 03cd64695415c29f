"""Histories as values: they can be told as events, and written down as codes, legal or not."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import attrs
import numpy as np

from statemachine import Event, EventKind
from statemachine.block import Block, event_of
from statemachine.compiled import END_CODE, START_CODE
from statemachine.events import SECOND_LANE, encode
from statemachine.form import Header
from statemachine.pairs import pair_table
from statemachine.rules import Observation, Rules
from statemachine.table import (
    AGAIN,
    BY_CREATOR,
    ENDS_OWED,
    IN_STEP_FN,
    NOTHING_OPEN,
    POINTS,
    RECOVERING,
    REPEATED,
    STOP_ASKED,
    UNDO_STATES,
    Context,
)

K = EventKind
CONTEXTS: dict[tuple[EventKind, EventKind | None], set[Context]] = {}
for _point in POINTS.values():
    CONTEXTS.setdefault((_point.event, _point.at), set()).add(_point.context)
STATES = {
    point.event: point.state
    for point in POINTS.values()
    if point.state is not None and point.event not in (K.JOIN, K.SESSION_CLOSE, K.ON_ERROR)
}


@attrs.frozen
class Told:
    """One event as somebody tells it: without anything that only a code knows."""

    kind: EventKind
    index: int = 0
    at: EventKind | None = None
    detail: str = ""

    @classmethod
    def of(cls, event: Event) -> "Told":
        """What an event of a log tells."""
        detail = {k: v for k, v in event.detail.items() if k not in ("call", "signature")}
        call = event.detail.get("call")
        at = EventKind(call) if isinstance(call, str) and not event.kind.in_second_lane else None
        hook = event.detail.get("signature", event.hook or 0)
        assert isinstance(hook, int)
        return cls(event.kind, hook, at, json.dumps(detail, sort_keys=True) if detail else "")

    @property
    def detail_value(self) -> Mapping[str, Any]:
        """The detail, decoded."""
        value: Mapping[str, Any] = json.loads(self.detail) if self.detail else {}
        return value


def events_of(history: Sequence[Told]) -> list[Event]:
    """The history as a reader of its log would see it."""
    found, steps = [], 0
    for number, told in enumerate(history):
        steps += told.kind is EventKind.STEP_BEGIN
        code = encode(told.kind, told.index, 0, told.at)
        detail = told.detail_value
        found.append(event_of(code, sequence=number, time=number, step=None, detail=detail))
    return found


class Writer:
    """Writes a history as codes: what a reader doesn't see, it takes from what was told before."""

    def __init__(self) -> None:
        self._asked = False
        self._inside = False
        self._stopping = False
        self._undo = 1
        self._finalized = self._again = self._recovering = self._repeated = False
        self._lost = False
        self._by_creator = True  # until somebody else finalizes the graph

    def write(self, told: Told) -> int:
        """The code of the next event."""
        if told.kind.in_second_lane:
            self._ask(told)
            return encode(told.kind, told.index)
        if (told.kind, told.at) == (EventKind.STEP_FN_BEGIN, None):
            self._inside = True
        elif told.kind is EventKind.STEP_FN_END or told.at is EventKind.STEP_FN_BEGIN:
            self._inside = False
        self._recovering = self._recovering or told.kind is K.ABANDON
        self._lost = told.kind is K.LOST or (self._lost and K.ON_ERROR in (told.kind, told.at))
        mark = self._mark(told, CONTEXTS.get((told.kind, told.at), {Context.PLAIN}))
        self._stopping = self._stopping or told.kind is EventKind.STATE_STOPPING
        if told.kind is EventKind.RAISED and not self._stopping and told.at in STATES:
            state = STATES[told.at]
            self._undo = 1 + UNDO_STATES.index(state) if state in UNDO_STATES else self._undo
        return encode(told.kind, told.index, mark, told.at)

    def _start_mark(self, told: Told) -> int:
        """What kind of creation it is, and whether a creator has its own way."""
        kind = told.at or told.kind
        if not self._finalized and kind in (K.SCAFFOLD_FINALIZE, K.RECOVER):
            self._by_creator = False
            return 0
        if told.kind is K.STATE_FINALIZED:
            self._finalized = True
        elif told.kind is K.RECOVER:
            self._by_creator, self._again = False, True
        elif told.kind is K.SESSION_OPEN:
            self._by_creator = told.detail_value.get("by") == "creator"
        if self._recovering:
            return RECOVERING | STOP_ASKED * self._asked | BY_CREATOR * self._by_creator
        return AGAIN * self._again | BY_CREATOR * self._by_creator

    def _call_is_repeated(self, told: Told) -> bool:
        over = (K.STEP_END, K.STEP_REFUSED, K.STEP_FN_END, K.RAISED, K.REPLACED)
        if told.kind is K.STATE_RUNNING:
            self._repeated = told.detail_value.get("by") == "recovery"
        elif told.kind in over and not self._inside:
            self._repeated = False
        return self._repeated

    def _ask(self, told: Told) -> None:
        if told.kind is EventKind.STOP_REQUESTED and told.detail_value.get("by") != "coordinator":
            self._asked = True

    def _mark(self, told: Told, contexts: set[Context]) -> int:
        if Context.RUN in contexts and not self._lost:
            flags = IN_STEP_FN * self._inside | STOP_ASKED * self._asked
            return flags | REPEATED * self._call_is_repeated(told)
        if self._stopping and Context.EXIT not in contexts:
            return 0
        if Context.RECOVERY in contexts and self._recovering:
            return RECOVERING | STOP_ASKED * self._asked
        if Context.START in contexts:
            return self._start_mark(told)
        if Context.EXIT in contexts:
            detail = told.detail_value
            if detail.get("state") == "finalized":
                return NOTHING_OPEN
            bases = detail.get("error", {}).get("bases", ())
            clean = not bases or bool({"OutOfRangeError", "StopIteration"} & set(bases))
            owed = detail.get("by") == "close" or (detail.get("by") != "observer" and clean)
            return ENDS_OWED * owed
        return self._undo if Context.UNDO in contexts and not self._stopping else 0


def codes_of(history: Sequence[Told]) -> list[int]:
    """The codes of a history, in order."""
    writer = Writer()
    return [writer.write(told) for told in history]


def header_of(hooks: int, on_error: Sequence[int] = ()) -> Header:
    """The header of a log that nobody wrote."""
    return Header("0" * 32, 0, 0, ("Hook",) * hooks, {}, 1, on_error=tuple(on_error))


def block_of(codes: Sequence[int], details: Mapping[int, str], sequence: int = 0) -> Block:
    """A block, one nanosecond an event; the first one of a log if `sequence` is 0."""
    elapsed = np.ones(len(codes), np.int64)
    return Block(sequence, 0, 0, elapsed, np.array(codes, np.int32), details)


def audited(
    history: Sequence[Told], hooks: int, finished: bool = False, on_error: Sequence[int] = ()
) -> Iterator[str]:
    """The rules that the vectorised audit finds broken; "order" where neighbours don't fit."""
    codes = codes_of(history)
    details = {at: told.detail for at, told in enumerate(history) if told.detail}
    ordered = [code for code in codes if not code & SECOND_LANE]
    chain = [START_CODE, *ordered, *([END_CODE] if finished else [])]
    if len(pair_table(hooks, tuple(on_error)).faults(np.array(chain, np.int32))):
        yield "order"
    yield from (o.rule for o in observations(block_of(codes, details), hooks, on_error))


def observations(block: Block, hooks: int, on_error: Sequence[int] = ()) -> Iterator[Observation]:
    """What the rules beyond neighbours say of a whole history."""
    return Rules(header_of(hooks, on_error)).judge(block)
