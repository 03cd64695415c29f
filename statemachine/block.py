"""A block of events: the two lanes merged, in the columns that a log keeps."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from types import MappingProxyType
from typing import Final

import attrs
import numpy as np
import numpy.typing as npt

from statemachine.errors import UnreadableLog
from statemachine.events import (
    AT_SHIFT,
    EMPTY,
    INDEX_SHIFT,
    KIND_OF_NUMBER,
    SECOND_LANE,
    SYMBOL_MASK,
    Event,
    EventKind,
    encode,
)
from statemachine.values import NO_VALUES, Value, ValuesByPosition, gathered, part_of

Int64s = npt.NDArray[np.int64]
Codes = npt.NDArray[np.int32]

KIND_MASK: Final = 0x7F
_STEP_KINDS: Final = (
    EventKind.STEP_BEGIN,
    EventKind.BEFORE_RUN,
    EventKind.MERGE,
    EventKind.RUN,
    EventKind.AFTER_RUN,
    EventKind.STEP_END,
)
_IN_STEP: Final = np.zeros(SYMBOL_MASK + 1, np.bool_)
"""For each code without index: whether such an event belongs to a step."""
_STEP_OPEN: Final = np.zeros(SYMBOL_MASK + 1, np.bool_)
"""For each code without index: whether the step goes on after such an event."""
for _kind in _STEP_KINDS:
    for _mark in range(8):
        _IN_STEP[encode(_kind, 0, _mark)] = True
        _IN_STEP[encode(EventKind.RAISED, 0, _mark, _kind)] = True
        _STEP_OPEN[encode(_kind, 0, _mark)] = _kind is not EventKind.STEP_END


VALUES: Final = 1 << 31
"""Marks the code of a record that holds values: those that stand at an ordered event."""


@attrs.frozen
class Record:
    """A rare event, or the detail or the values of an ordered one.

    Attributes:
        slot: How many ordered events of the block come before it.
        time: Nanoseconds on the writer's monotonic clock.
        code: The event's code.
        detail: Its detail or values, as JSON text.
    """

    slot: int
    time: int
    code: int
    detail: str

    @property
    def in_second_lane(self) -> bool:
        """Whether it is an event of its own, beside the ordered ones."""
        return bool(self.code & SECOND_LANE)

    @property
    def holds_values(self) -> bool:
        """Whether it holds the values of an ordered event."""
        return bool(self.code & VALUES)


@attrs.frozen(eq=False)
class Block:
    """Consecutive events of one log.

    Attributes:
        sequence: The sequence number of the first event.
        step: How many steps had begun before the block.
        time: Nanoseconds from the start of the log to the event before the block.
        elapsed: Nanoseconds since the event before, int64, shape (events,).
        codes: The codes, int32, shape (events,).
        details: For the events that have one, their detail as JSON text, by position.
        values: For the events that have some, their values, by position.
    """

    sequence: int
    step: int
    time: int
    elapsed: Int64s
    codes: Codes
    details: Mapping[int, str]
    values: ValuesByPosition = NO_VALUES

    def __len__(self) -> int:
        return len(self.codes)

    @property
    def times(self) -> Int64s:
        """Nanoseconds since the start of the log, int64, shape (events,)."""
        return np.cumsum(self.elapsed, dtype=np.int64) + self.time

    @property
    def kinds(self) -> Codes:
        """The numbers of the events' kinds, int32, shape (events,)."""
        return self.codes & KIND_MASK

    @cached_property
    def census(self) -> Mapping[int, int]:
        """How often each code occurs. There are few codes: look here before you look at all."""
        codes, counts = np.unique(self.codes, return_counts=True)
        return MappingProxyType(dict(zip(codes.tolist(), counts.tolist(), strict=True)))

    @cached_property
    def _kinds_held(self) -> frozenset[int]:
        return frozenset(code & KIND_MASK for code in self.census)

    def holds(self, *kinds: EventKind) -> bool:
        """Whether there is an event of one of these kinds."""
        return any(kind.number in self._kinds_held for kind in kinds)

    def count(self, kind: EventKind) -> int:
        """How many events are of this kind."""
        found = (number for code, number in self.census.items() if code & KIND_MASK == kind.number)
        return sum(found)

    def positions(self, *kinds: EventKind) -> Int64s:
        """The positions of the events of these kinds, int64."""
        if not self.holds(*kinds):
            return np.array([], np.int64)
        return np.flatnonzero(np.isin(self.kinds, [kind.number for kind in kinds]))

    @property
    def step_after(self) -> int:
        """How many steps had begun by the end of the block."""
        return self.step + self.count(EventKind.STEP_BEGIN)

    @property
    def sequence_after(self) -> int:
        """The sequence number of the first event after the block."""
        return self.sequence + len(self)

    @property
    def time_after(self) -> int:
        """Nanoseconds from the start of the log to the last event of the block."""
        return self.time + int(self.elapsed.sum(dtype=np.int64))

    @property
    def ordered(self) -> Int64s:
        """The positions of the events of the ordered lane, int64."""
        return np.flatnonzero((self.codes & SECOND_LANE) == 0)

    @property
    def in_one_lane(self) -> bool:
        """Whether there is no event of the second lane."""
        return all(kind < SECOND_LANE for kind in self._kinds_held)

    @property
    def ordered_codes(self) -> Codes:
        """The codes of the ordered lane, int32."""
        return self.codes if self.in_one_lane else self.codes[self.ordered]

    def steps(self, in_step_before: bool) -> tuple[Int64s, npt.NDArray[np.bool_]]:
        """The number of the latest step at each event, and whether the event belongs to it.

        Args:
            in_step_before: Whether the event before the block was inside a step.
        """
        numbers = self.step + np.cumsum(self.kinds == EventKind.STEP_BEGIN.number)
        symbols = self.codes & SYMBOL_MASK
        belongs = _IN_STEP[symbols]
        beside = np.flatnonzero(self.codes & SECOND_LANE)
        if len(beside):
            ordered = self.ordered
            latest = np.searchsorted(ordered, beside) - 1
            inside = np.append(_STEP_OPEN[symbols[ordered]], in_step_before)
            belongs[beside] = inside[latest]  # the last one, where there is none before
        return numbers, belongs

    def part(self, start: int, stop: int) -> "Block":
        """The events from position `start` up to, but not including, `stop`."""
        before = self.kinds[:start] == EventKind.STEP_BEGIN.number
        details = {at - start: text for at, text in self.details.items() if start <= at < stop}
        return Block(
            self.sequence + len(before),
            self.step + int(np.count_nonzero(before)),
            self.time + int(self.elapsed[:start].sum(dtype=np.int64)),
            self.elapsed[start:stop],
            self.codes[start:stop],
            details,
            part_of(self.values, start, stop),
        )

    def in_step_after(self, in_step_before: bool) -> bool:
        """Whether the block ends inside a step."""
        ordered = self.ordered_codes
        if not len(ordered):
            return in_step_before
        return bool(_STEP_OPEN[ordered[-1] & SYMBOL_MASK])

    def events(
        self, origin: int, in_step_before: bool, positions: Int64s | None = None
    ) -> Iterator[Event]:
        """The events as a reader sees them.

        Args:
            origin: The start of the log, in nanoseconds since 1970-01-01 UTC.
            in_step_before: Whether the event before the block was inside a step.
            positions: Which ones, int64, shape (events,); None for all.

        Raises:
            UnreadableLog: If a code is unknown, or a detail is no JSON object.
        """
        at = np.arange(len(self)) if positions is None else positions
        numbers, belongs = self.steps(in_step_before)
        times = self.times + origin
        columns = (at, self.codes[at], times[at], numbers[at], belongs[at])
        rows = zip(*(column.tolist() for column in columns), strict=True)
        for position, code, time, step, inside in rows:
            detail = self.details.get(position)
            yield event_of(
                code,
                sequence=self.sequence + position,
                time=time,
                step=step if inside else None,
                detail=EMPTY if detail is None else read_detail(detail),
                values=self.values.get(position, ()) if self.values else (),
            )


def event_of(
    code: int,
    *,
    sequence: int,
    time: int,
    step: int | None,
    detail: Mapping[str, object],
    values: tuple[Value, ...] = (),
) -> Event:
    """The event that a code and what stands beside it make.

    Raises:
        UnreadableLog: If the code is unknown.
    """
    kind = KIND_OF_NUMBER.get(code & KIND_MASK)
    if kind is None or not 0 <= code < 1 << 31:
        raise UnreadableLog(
            f"event {sequence} has the unknown code {code}: the log is damaged, or was "
            "written by a newer version of this package"
        )
    call = KIND_OF_NUMBER.get(code >> AT_SHIFT & 0x3F)
    if call is not None:
        detail = MappingProxyType({"call": call.value, **detail})
    of_hook = (call or kind).value.startswith("hook.")
    hook = code >> INDEX_SHIFT if of_hook else None
    if kind in (EventKind.RUN, EventKind.RUN_SIGNATURE):
        detail = MappingProxyType({"signature": code >> INDEX_SHIFT, **detail})
    return Event(sequence, time, kind, hook, step, detail, values)


Merged = tuple[Int64s, Codes, dict[int, str], dict[int, tuple[Value, ...]]]
"""Times, codes, details and values of both lanes in one order."""


def merge_lanes(times: Int64s, codes: Codes, records: Iterable[Record], not_before: int) -> Merged:
    """Put the two lanes of a block in one order.

    An event of the second lane comes after the ordered events that its writer saw, and after
    those that were earlier by the clock. The clock of the result never runs backwards.

    Args:
        times: The ordered events' times in nanoseconds, int64, shape (ordered,).
        codes: Their codes, int32, shape (ordered,).
        records: Events of the second lane, details and values of ordered ones.
        not_before: The time of the event before the block.

    Returns:
        Times, codes, details and values of the merged block.
    """
    beside = []
    details_of_slot = {}
    valued = []
    for record in records:
        if record.holds_values:
            if 0 <= record.slot < len(codes) and codes[record.slot] == record.code & ~VALUES:
                valued.append((record.slot, record.detail))
        elif record.in_second_lane:
            earlier = int(np.searchsorted(times, record.time, side="left"))
            beside.append((min(max(record.slot, earlier), len(codes)), record))
        elif 0 <= record.slot < len(codes) and codes[record.slot] == record.code:
            details_of_slot[record.slot] = record.detail
    values = gathered(valued)
    if not beside:
        latest = np.maximum.accumulate(np.maximum(times, not_before))
        return latest, codes, {p: d for p, d in sorted(details_of_slot.items()) if d}, values
    beside.sort(key=lambda pair: (pair[0], pair[1].time))
    slots = np.array([slot for slot, _ in beside], dtype=np.int64)
    merged_codes = np.insert(codes, slots, [r.code for _, r in beside]).astype(np.int32)
    merged_times = np.insert(times, slots, [r.time for _, r in beside]).astype(np.int64)
    details = {int(s + np.searchsorted(slots, s, "right")): d for s, d in details_of_slot.items()}
    values = {int(s + np.searchsorted(slots, s, "right")): v for s, v in values.items()}
    for order, (slot, record) in enumerate(beside):
        details[slot + order] = record.detail
    latest = np.maximum.accumulate(np.maximum(merged_times, not_before))
    return latest, merged_codes, {p: d for p, d in sorted(details.items()) if d}, values


def read_detail(text: str) -> Mapping[str, object]:
    """Read an event's detail back.

    Raises:
        UnreadableLog: If it is not a JSON object.
    """
    try:
        value = json.loads(text)
        if _MAYBE_SURROGATE.search(text):  # which could not be printed
            value = json.loads(json.dumps(value, ensure_ascii=False).encode(errors="replace"))
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        raise UnreadableLog(f"an event's detail is not a JSON object: {text[:80]!r}")
    return MappingProxyType(value)


_MAYBE_SURROGATE: Final = re.compile(r"\\u[dD]")
MAX_DETAIL: Final = 64 * 1024
"""The longest detail, in characters of JSON."""
MAX_DEPTH: Final = 32
"""How deeply lists and dictionaries may be nested in a detail."""
MAX_BITS: Final = 1024
"""How long an integer in a detail may be."""


def write_detail(detail: Mapping[str, object]) -> str:
    r"""Write an event's detail as JSON; empty text for an empty one.

    NumPy scalars become numbers; NaN and the infinities become the texts ``"NaN"``,
    ``"Infinity"`` and ``"-Infinity"``; surrogates that stand alone become ``\udXXX``, spelled out.

    Raises:
        TypeError: If it holds anything but texts, numbers, booleans, None, and lists and
            dictionaries of them.
        ValueError: If it is longer than 64 KiB or nested too deeply.
    """
    if not detail:
        return ""
    plain = {_text(str(key)): _plain(value, str(key), 1) for key, value in detail.items()}
    text = json.dumps(plain, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    if len(text) > MAX_DETAIL:
        raise ValueError(
            f"the detail of an event may have {MAX_DETAIL} characters, this one has {len(text)}"
        )
    return text


MAX_MESSAGE: Final = 2000
"""How much of an error's message is kept, in characters."""


def error_detail(error: BaseException) -> dict[str, object]:
    """An error as a log keeps it: class, message, and the classes that it is an instance of.

    Private classes, whose names begin with an underscore, are left out unless it is its own.
    """
    kind = type(error)
    public = [base for base in kind.__mro__[1:] if not base.__name__.startswith("_")]
    bases = [base.__name__ for base in (kind, *public) if base is not object]
    return {"type": kind.__name__, "message": _message_of(error), "bases": bases}


def _message_of(error: BaseException) -> str:
    try:
        message = str(error)
    except Exception as failure:  # an error whose own text fails must still be told of
        message = f"its text can't be had: {type(failure).__name__}"
    return message if len(message) <= MAX_MESSAGE else message[: MAX_MESSAGE - 1] + "…"


def _plain(value: object, name: str, depth: int) -> object:
    if isinstance(value, str):
        return _text(value)
    if value is None or isinstance(value, (bool, np.bool_)):
        return None if value is None else bool(value)
    if isinstance(value, (int, np.integer)):
        return _plain_integer(int(value), name)
    if isinstance(value, (float, np.floating)):
        return _plain_float(float(value))
    if depth > MAX_DEPTH:
        raise ValueError(f"the detail {name[:80]!r} of an event is nested too deeply")
    if isinstance(value, Mapping):
        return {_text(str(k)): _plain(v, f"{name}.{k}", depth + 1) for k, v in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, (bytes, bytearray, memoryview)):
        return [_plain(v, f"{name}[{i}]", depth + 1) for i, v in enumerate(value)]
    raise TypeError(
        f"the detail {name!r} of an event must be text, a number, a boolean, None, or a list or "
        f"dictionary of them, not {type(value).__name__}; write down a name, a shape or a digest"
    )


def _text(value: str) -> str:
    return value.encode("utf-8", "backslashreplace").decode()


def _plain_integer(value: int, name: str) -> int:
    if value.bit_length() > MAX_BITS:
        raise ValueError(
            f"the detail {name[:80]!r} of an event is an integer of {value.bit_length()} bits; at "
            f"most {MAX_BITS} can be written down"
        )
    return value


def _plain_float(value: float) -> float | str:
    if value != value:
        return "NaN"
    if value in (float("inf"), float("-inf")):
        return "Infinity" if value > 0 else "-Infinity"
    return value
