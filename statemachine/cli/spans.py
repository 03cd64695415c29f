"""A log as spans: how long the session was in each state, step function, step and call."""

from collections.abc import Iterator
from typing import Final

import attrs

from statemachine.cli.rows import events_of
from statemachine.cli.selection import Selection, events_at
from statemachine.events import Event, EventKind
from statemachine.log import EventLog, Reading

_K = EventKind

_NO_CALL: Final = frozenset(
    {
        *(kind for kind in _K if kind.value.startswith(("state.", "error."))),
        _K.STEP_BEGIN,
        _K.STEP_END,
        _K.STEP_REFUSED,
        _K.STEP_FN_BEGIN,
        _K.STEP_FN_END,
        _K.RAISED,
    }
)


@attrs.frozen
class Span:
    """A stretch of time on one of three levels, each lying within one of the level above.

    Attributes:
        level: 0 a state, 1 a step function, 2 a step, 3 a call.
        start: When it began, in nanoseconds since the log began.
        end: When it ended.
        event: The event that it began with.
        finished: Whether its end is in the log.
    """

    level: int
    start: int
    end: int
    event: Event
    finished: bool = True


@attrs.frozen
class Instant:
    """An event without a duration.

    Attributes:
        time: When, in nanoseconds since the log began.
        event: The event.
    """

    time: int
    event: Event


def level_of(event: Event) -> int | None:
    """The level of the span that an event begins; None if it begins none."""
    if event.kind.value.startswith("state."):
        return 0
    if event.kind is _K.STEP_FN_BEGIN:
        return 1
    if event.kind is _K.STEP_BEGIN:
        return 2
    return None if event.kind in _NO_CALL or event.kind.in_second_lane else 3


def _ends(event: Event) -> int:
    """The level from which on down an event ends the spans that are open."""
    if event.kind.value.startswith("state."):
        return 0
    if event.kind is _K.STEP_FN_END or _raised_out_of_step_fn(event):
        return 1
    if event.kind in (_K.STEP_END, _K.RAISED, _K.STEP_BEGIN, _K.STEP_FN_BEGIN):
        return 2
    return 3


def _raised_out_of_step_fn(event: Event) -> bool:
    return event.kind is _K.RAISED and event.detail.get("call") == _K.STEP_FN_BEGIN.value


@attrs.define
class _Open:
    """A span whose end is not known yet."""

    level: int
    start: int
    event: Event


def spans_of(reading: Reading) -> Iterator[Span | Instant]:
    """The step functions, steps and calls of one pass over a log, and what has no duration.

    What lies within a span comes after it. What is still open at the end of the log ends there,
    and is not finished. States are left out; see `state_spans`.

    Raises:
        UnreadableLog: If a part of the log can't be read.
    """
    open_: list[_Open] = []
    over: list[Span] = []
    started, now = reading.header.started, 0
    for event in events_of(reading):
        now = event.time - started
        if event.kind.in_second_lane:
            yield Instant(now, event)
            continue
        over += _close(open_, max(_ends(event), 1), now)
        if not open_:
            yield from _outer_first(over)
            over = []
        level = level_of(event)
        if level:
            open_.append(_Open(level, now, event))
        elif level is None and event.kind not in _ENDINGS:
            yield Instant(now, event)
    yield from _outer_first([*over, *_close(open_, 1, now, finished=False)])


def _outer_first(spans: list[Span]) -> list[Span]:
    return sorted(spans, key=lambda span: (span.start, span.level))


def _close(open_: list[_Open], level: int, now: int, finished: bool = True) -> Iterator[Span]:
    while open_ and open_[-1].level >= level:
        last = open_.pop()
        yield Span(last.level, last.start, now, last.event, finished)


_ENDINGS: Final = frozenset({_K.STEP_END, _K.STEP_FN_END})


def state_spans(log: EventLog) -> list[Span]:
    """How long the session was in each state, in order; a short pass over a log.

    Raises:
        UnreadableLog: If a part of the log can't be read.
    """
    wanted = frozenset(kind.number for kind in _K if kind.value.startswith("state."))
    reading = log.read()
    started, now, inside = reading.header.started, 0, False
    entered: list[Event] = []
    for block in reading:
        mask = Selection(kinds=wanted).mask(block, inside)
        entered += events_at(block, mask, started, inside)
        now = block.time_after
    ends = [event.time - started for event in entered[1:]] + [now] * bool(entered)
    return [
        Span(0, event.time - started, end, event, number + 1 < len(entered) or _is_closed(event))
        for number, (event, end) in enumerate(zip(entered, ends, strict=True))
    ]


def _is_closed(event: Event) -> bool:
    return event.kind is _K.STATE_CLOSED
