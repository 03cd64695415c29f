"""What can happen in a session, and how it is written down.

An event is two integers, a time and a *code*. The code packs four fields::

    bits  0-5   the kind of event
    bit   6     1 where the event belongs to the second lane
    bits  7-9   the mark: what else decides the state (see `table`)
    bits 10-15  the call that an error came out of, 0 where there is none
    bits 16-31  the index: of a hook, or of a run's signature; 0 where there is none

To a reader an event is an `Event`.
"""

import enum
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Final

import attrs

from statemachine.values import Value

EMPTY: Final[Mapping[str, object]] = MappingProxyType({})
"""The detail of an event that has none."""

SECOND_LANE: Final = 0x40
INDEX_SHIFT: Final = 16
AT_SHIFT: Final = 10
MARK_SHIFT: Final = 7
SYMBOL_MASK: Final = 0xFFFF
MAX_INDEX: Final = 0x7FFF
"""The largest index that a code can carry; codes stay below 2**31."""


class EventKind(enum.Enum):
    """The kind of an event; the value is its stable, dotted name."""

    number: int

    STATE_CREATED = "state.created"
    STATE_FINALIZED = "state.finalized"
    STATE_INITIALIZED = "state.initialized"
    STATE_RESTORED = "state.restored"
    STATE_RUNNING = "state.running"
    STATE_STOPPING = "state.stopping"
    STATE_CLOSED = "state.closed"
    HOOK_BEGIN = "hook.begin"
    SCAFFOLD_FINALIZE = "scaffold.finalize"
    SESSION_OPEN = "session.open"
    INIT_OP = "session.init_op"
    INIT_FN = "session.init_fn"
    RESTORE = "checkpoint.restore"
    READY_FOR_LOCAL_INIT_OP = "session.ready_for_local_init_op"
    LOCAL_INIT_OP = "session.local_init_op"
    READY_OP = "session.ready_op"
    START_QUEUE_RUNNERS = "queue_runners.start"
    AFTER_CREATE_SESSION = "hook.after_create_session"
    STEP_BEGIN = "step.begin"
    BEFORE_RUN = "hook.before_run"
    MERGE = "step.merge"
    RUN = "session.run"
    AFTER_RUN = "hook.after_run"
    STEP_END = "step.end"
    STEP_REFUSED = "step.refused"
    STEP_FN_BEGIN = "step_fn.begin"
    STEP_FN_END = "step_fn.end"
    HOOK_END = "hook.end"
    JOIN = "threads.join"
    SESSION_CLOSE = "session.close"
    RAISED = "raised"
    REPLACED = "error.replaced"
    SWALLOWED = "error.swallowed"
    SUPPRESSED = "error.suppressed"
    ABANDON = "session.abandon"
    RECOVER = "session.recover"
    LOST = "session.lost"
    ON_ERROR = "hook.on_error"

    CHECKPOINT_SAVED = "checkpoint.saved"
    CHECKPOINT_RESTORED = "checkpoint.restored"
    STOP_REQUESTED = "stop.requested"
    RUN_SIGNATURE = "run.signature"
    CALL_REFUSED = "call.refused"
    THREADS_LEFT = "threads.left"
    OBSERVER_RAISED = "observer.raised"
    NOTE = "note"
    EVENTS_LOST = "events.lost"

    @property
    def in_second_lane(self) -> bool:
        """Whether events of this kind may fall anywhere, beside the ordered ones."""
        return self.number >= SECOND_LANE


_ORDERED: Final = tuple(EventKind)[: tuple(EventKind).index(EventKind.CHECKPOINT_SAVED)]
for _number, _kind in enumerate(_ORDERED, start=1):
    _kind.number = _number
for _number, _kind in enumerate(tuple(EventKind)[len(_ORDERED) :], start=SECOND_LANE + 1):
    _kind.number = _number

KIND_OF_NUMBER: Final[Mapping[int, EventKind]] = MappingProxyType(
    {kind.number: kind for kind in EventKind}
)

VOCABULARY: Final[Mapping[str, int]] = MappingProxyType(
    {kind.value: kind.number for kind in EventKind}
)
"""Each kind's dotted name and the number that stands for it in a code."""


@attrs.frozen
class Code:
    """The four fields of a code.

    Attributes:
        kind: What happened.
        index: The hook's place in the list, or the number of a run's signature.
        mark: Three bits whose meaning depends on the point of the table that the event enters.
        at: For an error: the call that it came out of.
    """

    kind: EventKind
    index: int = 0
    mark: int = 0
    at: EventKind | None = None

    @property
    def number(self) -> int:
        """The code as the integer that a log holds."""
        return encode(self.kind, self.index, self.mark, self.at)


def encode(kind: EventKind, index: int = 0, mark: int = 0, at: EventKind | None = None) -> int:
    """Pack the fields of a code into one integer below 2**31."""
    call = at.number if at is not None else 0
    return kind.number | mark << MARK_SHIFT | call << AT_SHIFT | index << INDEX_SHIFT


def decode(number: int) -> Code:
    """Unpack a code.

    Raises:
        ValueError: If a field holds what the vocabulary does not have.
    """
    kind = KIND_OF_NUMBER.get(number & 0x7F)
    call = number >> AT_SHIFT & 0x3F
    at = KIND_OF_NUMBER.get(call)
    if kind is None or (at is None and call) or not 0 <= number < 1 << 31:
        raise ValueError(f"{number} is not the code of an event")
    return Code(kind, number >> INDEX_SHIFT, number >> MARK_SHIFT & 7, at)


@attrs.frozen
class Event:
    """One event, as a reader of a log sees it.

    Attributes:
        sequence: The event's place in the log, from 0.
        time: Nanoseconds since 1970-01-01 UTC, on a monotonic clock that was anchored to
            UTC when the log began.
        kind: What happened.
        hook: The place in the list of hooks of the hook that it concerns, or None.
        step: The number of the `run` call that it belongs to, from 1, or None between steps.
        detail: What else was written down: names, shapes, digests and scalars, never arrays.
        values: The values that stand at it, in a log that records them: see `statemachine.values`.
    """

    sequence: int
    time: int
    kind: EventKind
    hook: int | None = None
    step: int | None = None
    detail: Mapping[str, object] = EMPTY
    values: tuple[Value, ...] = ()

    @property
    def timestamp(self) -> datetime:
        """The time as a `datetime` in UTC, cut to whole microseconds."""
        return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=self.time // 1000)

    def __str__(self) -> str:
        """One line: sequence, step, kind, hook, detail, values."""
        step = "" if self.step is None else f" step {self.step}"
        hook = "" if self.hook is None else f" hook {self.hook}"
        detail = f" {dict(self.detail)}" if self.detail else ""
        values = f" {', '.join(map(str, self.values))}" if self.values else ""
        return f"#{self.sequence}{step} {self.kind.value}{hook}{detail}{values}"
