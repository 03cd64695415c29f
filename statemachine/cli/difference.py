"""Where two logs part, times and paths left aside.

The ordered lanes are compared event by event. Events of the second lane may fall anywhere, so
of these only the order among those of one kind is compared.
"""

import itertools
import re
from collections import deque
from collections.abc import Iterator, Mapping
from typing import Final

import attrs
import numpy as np

from statemachine.block import Block, Codes, Int64s, event_of, read_detail
from statemachine.events import EMPTY, SECOND_LANE, Event, EventKind
from statemachine.form import Header
from statemachine.log import EventLog
from statemachine.machine import describe
from statemachine.values import Value

_TIMES: Final = re.compile(r"(^|_)(time|times|seconds|secs|elapsed|duration|timestamp)$")
_PATHS: Final = re.compile(r"(^|_)(path|paths|file|filename|directory|dir|location)$")
_ABSOLUTE: Final = re.compile(r"(?<![\w.])/[^\s'\",;:)\]}]+")
_ADDRESS: Final = re.compile(r"0x[0-9a-f]{6,16}")


@attrs.frozen
class Divergence:
    """The first place where two logs differ.

    Attributes:
        field: What differs: `hooks`, `rules` or `record` of the header; of an event `kind`, `hook`,
            `call`, `signature`, `state` (step function, stop asked), `presence` (one log has it
            and the other one not), `detail.<name>`, or, of a recorded value, `value of <name>`
            with its role and whose it is.
        left: What the first log has there.
        right: What the second log has there.
        left_event: The event of the first log, or None.
        right_event: The event of the second log, or None.
    """

    field: str
    left: object
    right: object
    left_event: Event | None = None
    right_event: Event | None = None


def first_divergences(left: EventLog, right: EventLog) -> list[Divergence]:
    """The first divergence of the headers, if any, and the first one of the events.

    Raises:
        UnreadableLog: If a part of a log that is needed can't be read.
    """
    found = list(_header_divergences(left.header, right.header))
    ordered = _first_ordered(left, right)
    beside = _first_beside(left, right)
    of_events = [d for d in (ordered, beside) if d is not None]
    return found + sorted(of_events, key=_position)[:1]


def _position(divergence: Divergence) -> int:
    events = (divergence.left_event, divergence.right_event)
    return min(event.sequence for event in events if event is not None)


def _header_divergences(left: Header, right: Header) -> Iterator[Divergence]:
    if left.hooks != right.hooks:
        yield Divergence("hooks", list(left.hooks), list(right.hooks))
    if left.table != right.table:
        yield Divergence("rules", left.table, right.table)
    if left.record != right.record:
        yield Divergence("record", left.record, right.record)


# The ordered lane


def _blocks_of(log: EventLog) -> Iterator[Block]:
    """The blocks of a log, which is opened when the first one is asked for."""
    yield from log.read()


class _Lane:
    """The ordered events of a log, taken from the front."""

    def __init__(self, log: EventLog) -> None:
        self.started = log.header.started
        self._blocks = _blocks_of(log)
        self._block: Block | None = None
        self._inside = False
        self._positions: Int64s = np.empty(0, dtype=np.int64)
        self._at = 0

    @property
    def left(self) -> int:
        """How many events are at hand; 0 only at the end of the log."""
        while self._at == len(self._positions) and self._next_block():
            pass
        return len(self._positions) - self._at

    def _next_block(self) -> bool:
        if self._block is not None:
            self._inside = self._block.in_step_after(self._inside)
        self._block = next(self._blocks, None)
        if self._block is None:
            return False
        self._positions, self._at = self._block.ordered, 0
        return True

    def codes(self, count: int) -> Codes:
        """The codes of the next events."""
        assert self._block is not None
        return self._block.codes[self._positions[self._at : self._at + count]]

    def detailed(self, count: int) -> set[int]:
        """Which of the next events have a detail or values."""
        assert self._block is not None
        told = [*self._block.details, *self._block.values]
        if not told:
            return set()
        ahead = self._positions[self._at : self._at + count]
        return set(np.flatnonzero(np.isin(ahead, told)).tolist())

    def told(self, ahead: int) -> tuple[str | None, tuple[Value, ...]]:
        """What stands at one of the next events: its detail as text, and its values."""
        assert self._block is not None
        position = int(self._positions[self._at + ahead])
        return self._block.details.get(position), self._block.values.get(position, ())

    def event(self, ahead: int) -> Event:
        """One of the next events."""
        assert self._block is not None
        return _event_of(self._block, int(self._positions[self._at + ahead]), self)

    @property
    def inside(self) -> bool:
        """Whether the event before the block was inside a step."""
        return self._inside

    def skip(self, count: int) -> None:
        """Pass over the next events."""
        self._at += count


def _event_of(block: Block, position: int, lane: "_Lane") -> Event:
    numbers, belongs = block.steps(lane.inside)
    text = block.details.get(position)
    return event_of(
        int(block.codes[position]),
        sequence=block.sequence + position,
        time=int(block.times[position]) + lane.started,
        step=int(numbers[position]) if belongs[position] else None,
        detail=EMPTY if text is None else read_detail(text),
        values=block.values.get(position, ()),
    )


def _first_ordered(left: EventLog, right: EventLog) -> Divergence | None:
    a, b = _Lane(left), _Lane(right)
    same_record = left.record == right.record
    while count := min(a.left, b.left):
        here, there = a.codes(count), b.codes(count)
        unequal = np.flatnonzero(here != there)
        first = int(unequal[0]) if len(unequal) else count
        for ahead in sorted(a.detailed(first) | b.detailed(first)):
            if _are_same(a.told(ahead), b.told(ahead)):
                continue
            pair = a.event(ahead), b.event(ahead)
            found = _compare_details(*pair) or (_compare_values(*pair) if same_record else None)
            if found is not None:
                return found
        if first < count:
            return _code_divergence(a.event(first), b.event(first), here[first], there[first])
        a.skip(count)
        b.skip(count)
    if a.left:
        return Divergence("presence", a.event(0).kind.value, None, a.event(0), None)
    if b.left:
        return Divergence("presence", None, b.event(0).kind.value, None, b.event(0))
    return None


def _are_same(
    left: tuple[str | None, tuple[Value, ...]], right: tuple[str | None, tuple[Value, ...]]
) -> bool:
    """Whether two events need no closer look, which takes longer."""
    (detail, values), (other, others) = left, right
    if detail != other or len(values) != len(others):
        return False
    return all(map(Value.is_same, values, others))


def _code_divergence(left: Event, right: Event, here: int, there: int) -> Divergence:
    """The field in which two different codes differ."""
    if left.kind is not right.kind:
        return Divergence("kind", left.kind.value, right.kind.value, left, right)
    if left.hook != right.hook:
        return Divergence("hook", left.hook, right.hook, left, right)
    for key in ("call", "signature"):
        if left.detail.get(key) != right.detail.get(key):
            values = left.detail.get(key), right.detail.get(key)
            return Divergence(key, *values, left, right)
    return Divergence("state", describe(int(here)), describe(int(there)), left, right)


def _compare_details(left: Event, right: Event) -> Divergence | None:
    for name, here, there in detail_differences(left.detail, right.detail):
        return Divergence(f"detail.{name}", here, there, left, right)
    return None


def _compare_values(left: Event, right: Event) -> Divergence | None:
    """The first recorded value that differs."""
    for here, there in itertools.zip_longest(left.values, right.values):
        if here is None or there is None or not here.is_same(there):
            shown = here or there
            field = f"value of {shown.name}, {shown.role} by {shown.by}"
            return Divergence(field, *_told_apart(here, there), left, right)
    return None


def _told_apart(left: Value | None, right: Value | None) -> tuple[object, object]:
    values = tuple(None if v is None else _exactly(v) for v in (left, right))
    if values[0] != values[1] or left is None or right is None:
        return values[0], values[1]
    kinds = [f"{_exactly(v)} ({v.role} {v.by} {v.name} {v.dtype})" for v in (left, right)]
    return kinds[0], kinds[1]


def _exactly(value: Value) -> object:
    if value.whole and isinstance(value.value, (bool, int, float, str)):
        return value.value
    return value.words if value.sha256 is None else f"{value.dtype} {value.shape} {value.sha256}"


def detail_differences(
    left: Mapping[str, object], right: Mapping[str, object], prefix: str = ""
) -> Iterator[tuple[str, object, object]]:
    """The names under which two details differ, times and paths left aside."""
    for key in dict.fromkeys((*left, *right)):
        if _TIMES.search(key) or _PATHS.search(key):
            continue
        here, there = left.get(key), right.get(key)
        if isinstance(here, Mapping) and isinstance(there, Mapping):
            yield from detail_differences(here, there, f"{prefix}{key}.")
        elif _without_paths(here) != _without_paths(there):
            yield f"{prefix}{key}", here, there


def _without_paths(value: object) -> object:
    """A value in which absolute paths and addresses in memory are no longer to be seen."""
    if isinstance(value, str):
        return _ADDRESS.sub("<address>", _ABSOLUTE.sub("<path>", value))
    if isinstance(value, list):
        return [_without_paths(element) for element in value]
    if isinstance(value, Mapping):
        return {k: _without_paths(v) for k, v in value.items() if not _PATHS.search(k)}
    return value


# The second lane


def _beside(log: EventLog) -> Iterator[Event]:
    reading = log.read()
    inside = False
    for block in reading:
        if (block.codes & SECOND_LANE).any():
            for event in block.events(reading.header.started, inside):
                if event.kind.in_second_lane:
                    yield event
        inside = block.in_step_after(inside)


def _first_beside(left: EventLog, right: EventLog) -> Divergence | None:
    """The first event of the second lane that has no equal one at its place among its kind."""
    waiting: dict[EventKind, deque[tuple[int, Event]]] = {}
    streams = [_beside(left), _beside(right)]
    for side in itertools.cycle((0, 1)):
        event = next(streams[side], None)
        if event is None:
            break
        found = _match(waiting.setdefault(event.kind, deque()), side, event)
        if found is not None:
            return found
    return _rest(waiting, streams, side)


def _match(queue: deque[tuple[int, Event]], side: int, event: Event) -> Divergence | None:
    """Compare an event with the one of the other log that waits for it, or have it wait."""
    if not queue or queue[0][0] == side:
        queue.append((side, event))
        return None
    _, other = queue.popleft()
    left, right = (event, other) if side == 0 else (other, event)
    return _compare_details(left, right)


def _rest(
    waiting: dict[EventKind, deque[tuple[int, Event]]], streams: list[Iterator[Event]], ended: int
) -> Divergence | None:
    """One log has no more of them: those of the other one have to match what waits."""
    other = 1 - ended
    for event in streams[other]:
        found = _match(waiting.setdefault(event.kind, deque()), other, event)
        if found is not None:
            return found
    left_over = [queue[0] for queue in waiting.values() if queue]
    if not left_over:
        return None
    side, event = min(left_over, key=lambda pair: pair[1].sequence)
    if side == 0:
        return Divergence("presence", event.kind.value, None, event, None)
    return Divergence("presence", None, event.kind.value, None, event)
