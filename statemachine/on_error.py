"""Whether the hooks that have an `on_error` were told of each error that they should be told of.

That one follows the other in list order is decided by the pairs of neighbours (see `pairs`). What
is judged here: that they are called at all, and of which error they are told.
"""

import copy
from collections.abc import Hashable, Iterator
from typing import Final

import attrs
import numpy as np
import numpy.typing as npt

from statemachine.block import KIND_MASK, Block, event_of, read_detail
from statemachine.error_classes import CLEAN_ERRORS, PREEMPTIONS, Identity, classes_of, identity_of
from statemachine.errors import UnreadableLog
from statemachine.events import EMPTY, KIND_OF_NUMBER, Event, EventKind

Judgement = tuple[str, int]
"""What was seen, and at which position of the block."""

_LOOKED_AT: Final = (
    EventKind.STATE_CREATED,
    EventKind.STATE_STOPPING,
    EventKind.STEP_REFUSED,
    EventKind.RAISED,
    EventKind.REPLACED,
    EventKind.LOST,
    EventKind.ON_ERROR,
)
_CALLS: Final = frozenset(
    kind.value
    for kind in (
        EventKind.STEP_BEGIN,
        EventKind.BEFORE_RUN,
        EventKind.MERGE,
        EventKind.RUN,
        EventKind.AFTER_RUN,
        EventKind.STEP_FN_BEGIN,
    )
)


@attrs.frozen
class _Failure:
    """An error that the hooks are to be told of.

    Attributes:
        identity: What tells it from others.
        spared: Whether they need not be told: it may be one that they were told of before.
    """

    identity: Identity
    spared: bool


class OnErrorRules:
    """Judges the blocks of one log in turn.

    Args:
        on_error: The places in the list of the hooks that have an `on_error`, ascending.
    """

    def __init__(self, on_error: tuple[int, ...]) -> None:
        self._on_error = on_error
        self._recovers: bool | None = None
        self._told: set[Identity] = set()
        self._failure: _Failure | None = None
        self._telling: Identity | None = None
        self._leaving: Identity | None = None

    def fork(self) -> "OnErrorRules":
        """Another judge that goes on from here."""
        other = copy.copy(self)
        other._told = set(self._told)
        return other

    @property
    def standing(self) -> Hashable:
        """What the judgements depend on: two that stand alike judge alike."""
        if not self._on_error:
            return None
        told, failure = frozenset(self._told), self._failure
        return self._recovers, told, failure, self._telling, self._leaving

    def judge(self, block: Block) -> Iterator[Judgement]:
        """What is wrong with the next block."""
        if self._on_error:
            for position in _to_look_at(block).tolist():
                for seen in self._judge(_event(block, position)):
                    yield seen, position

    def _judge(self, event: Event) -> Iterator[str]:
        if event.kind is EventKind.ON_ERROR:
            yield from self._judge_call(event)
        elif not _is_of_hook(event):
            yield from self._judge_untold(event)
            self._failure = self._failure_in(event)
            self._leaving = None

    def _judge_call(self, event: Event) -> Iterator[str]:
        error = event.detail.get("error")
        identity = identity_of(error)
        if classes_of(error) & CLEAN_ERRORS:
            yield "on_error is called for the end of the input"
        if event.hook != self._on_error[0]:
            if identity != self._telling:
                yield "on_error is called for another error than that of the hook before"
            return
        if self._leaving is not None:
            yield "on_error was called before the session was left, and it is not left"
        failure = self._failure
        same = failure is not None and failure.identity == identity
        is_interrupt = bool(classes_of(error)) and "Exception" not in classes_of(error)
        if failure is None or (not same and (failure.spared or is_interrupt)):
            self._leaving = identity
        elif not same:
            yield "on_error is called for another error than the one that came out"
        self._failure, self._telling = None, identity
        self._told.add(identity)

    def _judge_untold(self, event: Event) -> Iterator[str]:
        """What should have come before an event that is no call of `on_error`."""
        failure, replaced = self._failure, _is_replaced_step(event)
        if failure is not None and not failure.spared and not replaced:
            yield f"on_error was not called for the error {failure.identity[0]}"
        left = event.kind is EventKind.STATE_STOPPING and event.detail.get("by") == "with"
        error = event.detail.get("error")
        identity = identity_of(error)
        if self._leaving is not None and not (left and identity == self._leaving):
            yield "on_error was called for an error that does not leave the session"
        classes = classes_of(error)
        if left and classes and not classes & CLEAN_ERRORS and identity not in self._told:
            yield f"on_error was not called for the error {identity[0]}, which leaves the session"

    def _failure_in(self, event: Event) -> _Failure | None:
        """The error of an event that the hooks are to be told of next."""
        if event.kind is EventKind.STATE_CREATED:
            self._recovers = event.detail.get("recovers") is True
        if not _is_failure(event):
            return None
        error = event.detail.get("error")
        classes, identity = classes_of(error), identity_of(error)
        if not classes or classes & CLEAN_ERRORS:
            return None
        again = event.kind is EventKind.LOST or event.detail.get("call") == _STEP_FN
        spared = again and identity in self._told
        if classes & PREEMPTIONS and event.kind is not EventKind.LOST:
            if self._recovers:
                return None
            spared = spared or self._recovers is None
        return _Failure(identity, spared)


_STEP_FN: Final = EventKind.STEP_FN_BEGIN.value


def _to_look_at(block: Block) -> npt.NDArray[np.int64]:
    """The positions of events that matter, with the ordered event after each and the first one."""
    ordered = block.ordered
    if not len(ordered):
        return ordered
    matters = np.isin(block.kinds[ordered], [kind.number for kind in _LOOKED_AT])
    matters[1:] |= matters[:-1].copy()
    matters[0] = True
    return ordered[matters]


def _event(block: Block, position: int) -> Event:
    """An event with its detail, if that matters; a note in the place of one that nobody knows."""
    code = int(block.codes[position])
    kind = KIND_OF_NUMBER.get(code & KIND_MASK)
    detail = block.details.get(position) if kind in _LOOKED_AT else None
    told = EMPTY if detail is None else read_detail(detail)
    try:
        return event_of(code, sequence=block.sequence + position, time=0, step=None, detail=told)
    except UnreadableLog:
        return Event(block.sequence + position, 0, EventKind.NOTE)


def _is_of_hook(event: Event) -> bool:
    """Whether an event tells of an error out of `on_error` itself."""
    is_raised = event.kind is EventKind.RAISED
    return is_raised and event.detail.get("call") == EventKind.ON_ERROR.value


def _is_replaced_step(event: Event) -> bool:
    return event.kind is EventKind.REPLACED and event.detail.get("call") is None


def _is_failure(event: Event) -> bool:
    """Whether a run or a step function fails, or there is no session any more."""
    if event.kind is EventKind.RAISED:
        return event.detail.get("call") in _CALLS
    failed = (EventKind.STEP_REFUSED, EventKind.LOST)
    return event.kind in failed or _is_replaced_step(event)
