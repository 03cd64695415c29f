"""Folding a log to the state that it tells of."""

import os
from collections import Counter, defaultdict
from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Final

import attrs
import numpy as np

from statemachine.block import Block
from statemachine.compiled import place_at
from statemachine.error_classes import CLEAN_ERRORS
from statemachine.errors import UnreadableLog
from statemachine.events import Code, Event, EventKind, decode
from statemachine.log import EventLog
from statemachine.table import POINTS, State
from statemachine.values import Value, holds_role, last_of_role

_FAILED_STEP: Final = frozenset(
    p.at for p in POINTS.values() if p.event is EventKind.RAISED and p.state is State.RUNNING
) - {EventKind.STEP_FN_BEGIN, EventKind.ON_ERROR}
_TOLD: Final = frozenset(
    {
        EventKind.STATE_STOPPING,
        EventKind.OBSERVER_RAISED,
        EventKind.RAISED,
        EventKind.REPLACED,
        EventKind.SUPPRESSED,
        EventKind.CHECKPOINT_SAVED,
        EventKind.CHECKPOINT_RESTORED,
        EventKind.STOP_REQUESTED,
        EventKind.ABANDON,
        EventKind.RECOVER,
        EventKind.LOST,
    }
)
_AT_REST: Final = frozenset(
    {
        EventKind.LOST,
        EventKind.STATE_RUNNING,
        EventKind.STEP_END,
        EventKind.STEP_REFUSED,
        EventKind.STEP_FN_END,
        EventKind.RAISED,
        EventKind.REPLACED,
    }
)


@attrs.frozen
class Checkpoint:
    """A checkpoint that a log says was saved or restored.

    Attributes:
        path: Where it is, as the saver named it.
        step: The global step, or None if it wasn't known.
        size: Its size in bytes.
        sha256: SHA-256 of the file, 64 hexadecimal digits.
    """

    path: str
    step: int | None
    size: int | None
    sha256: str | None

    @classmethod
    def of(cls, event: Event) -> "Checkpoint":
        """The checkpoint that an event tells of; what it does not say is None."""
        detail = event.detail
        path, step, size, sha256 = (detail.get(k) for k in ("path", "step", "size", "sha256"))
        return cls(
            path if isinstance(path, str) else "",
            step if isinstance(step, int) else None,
            size if isinstance(size, int) else None,
            sha256 if isinstance(sha256, str) else None,
        )


@attrs.frozen
class ErrorInfo:
    """An error as a log keeps it.

    Attributes:
        type: The name of its class.
        message: What it said.
        bases: The names of the classes that it is an instance of, its own first.
    """

    type: str
    message: str
    bases: tuple[str, ...] = ()

    @classmethod
    def of(cls, detail: object) -> "ErrorInfo | None":
        """The error that an event's detail holds, or None."""
        if not isinstance(detail, Mapping):
            return None
        bases = detail.get("bases")
        names = tuple(str(base) for base in bases) if isinstance(bases, list) else ()
        return cls(str(detail.get("type", "")), str(detail.get("message", "")), names)

    def __str__(self) -> str:
        return f"{self.type}: {self.message}" if self.message else self.type


@attrs.frozen
class SessionState:
    """What a log folds to.

    Attributes:
        state: The state of the session.
        hooks: The classes of its hooks, in list order.
        events: How many events were folded.
        steps_asked: How often `run` was called, refused calls included.
        steps_done: How many of them returned to the caller.
        steps_failed: How many raised, refused calls included.
        calls: For each hook's place in the list, how often each of its methods was called.
        last_saved: The latest checkpoint that was saved, or None.
        last_restored: The latest checkpoint that was restored, or None.
        stop_reason: Why the session stops or should, in words, or None.
        stop_asked_by: Who asked for the stop first (`"hook 1 (StopAtStepHook)"`, `"step_fn"`,
            `"close"`, …), or None.
        error: The error that came out of the construction, the `with` block or `close`, or
            None if there was none or it was suppressed.
        last_failure: The error of the latest step that failed, or None.
        last_event: The last event that was folded, or None.
        last_values: What the latest run gave, in a log that records values.
        recoveries: How often another session was running in the place of one that was given up.
        recovery_cause: The error for which a session, or an attempt at one, was given up last.
        stopped_in: For a log that does not reach `closed`: where it stops, in words.
    """

    state: State
    hooks: tuple[str, ...] = ()
    events: int = 0
    steps_asked: int = 0
    steps_done: int = 0
    steps_failed: int = 0
    calls: Mapping[int, Mapping[str, int]] = MappingProxyType({})
    last_saved: Checkpoint | None = None
    last_restored: Checkpoint | None = None
    stop_reason: str | None = None
    stop_asked_by: str | None = None
    error: ErrorInfo | None = None
    last_failure: ErrorInfo | None = None
    last_event: Event | None = None
    stopped_in: str | None = None
    recoveries: int = 0
    recovery_cause: ErrorInfo | None = None
    last_values: tuple[Value, ...] = ()


def replay(log: "EventLog | str | os.PathLike[str]", until: int | None = None) -> SessionState:
    """Fold a log to the state that it tells of.

    Args:
        log: The log, or its path; nothing but its events is looked at.
        until: The sequence number of the last event to take; None takes all.

    Returns:
        The state after that event.

    Raises:
        Damaged: If a part of the log that is needed is not what was written.
        TypeError: If `until` is no integer.
        ValueError: If `until` is negative.
        FileNotFoundError: If there is no such file.
        UnreadableLog: If the file is no event log at all.
    """
    _check_until(until)
    reading = (log if isinstance(log, EventLog) else EventLog.open(log)).read()
    fold = Fold(reading.header.hooks, reading.header.started)
    for block in reading:
        count = len(block) if until is None else max(until + 1 - block.sequence, 0)
        fold.add(block.part(0, count))
        if until is not None and until < block.sequence_after:
            break
    return fold.result()


def _check_until(until: object) -> None:
    if until is None:
        return
    if isinstance(until, bool) or not isinstance(until, (int, np.integer)):
        raise TypeError(
            "until is the sequence number of an event, an integer such as event.sequence, "
            f"or None for all events, not {until!r}"
        )
    if until < 0:
        raise ValueError(f"until is the sequence number of an event, from 0, not {until}")


class Fold:
    """Folds blocks one after the other; counts are taken from whole blocks at once."""

    def __init__(self, hooks: tuple[str, ...], started: int) -> None:
        self._hooks = hooks
        self._started = started
        self._counts: Counter[int] = Counter()
        self._in_step = False
        self._latest: tuple[Block, bool] | None = None
        self._latest_ordered: tuple[Block, bool] | None = None
        self._valued: Block | None = None
        self._state = SessionState(State.CREATED, hooks)

    def add(self, block: Block) -> None:
        """Fold the next block.

        Raises:
            UnreadableLog: If it holds a code that is none.
        """
        if not len(block):
            return
        for code in block.census:
            _decoded(code)
        self._counts.update(block.census)
        told = block.positions(*_TOLD)
        if len(told):
            for event in block.events(self._started, self._in_step, told):
                self._tell(event)
        if holds_role(block.values, "fetched"):
            self._valued = block
        self._latest = block, self._in_step
        if len(block.ordered_codes):
            self._latest_ordered = self._latest
        self._in_step = block.in_step_after(self._in_step)

    def _tell(self, event: Event) -> None:
        changes = _CHANGES[event.kind](self._state, event)
        self._state = attrs.evolve(self._state, **changes)  # type: ignore[arg-type]  # fields

    def result(self) -> SessionState:
        """The state after everything that was folded."""
        by_kind: Counter[EventKind] = Counter()
        calls: dict[int, Counter[str]] = defaultdict(Counter)
        failed = 0
        for number, count in self._counts.items():
            code = _decoded(number)
            by_kind[code.kind] += count
            if code.kind.value.startswith("hook."):
                calls[code.index][code.kind.value.removeprefix("hook.")] += count
            if code.kind is EventKind.RAISED and code.at in _FAILED_STEP:
                failed += count
        refused = by_kind[EventKind.STEP_REFUSED]
        state = self._reached()
        last = None if self._latest is None else self._event(*self._latest, -1)
        return attrs.evolve(
            self._state,
            state=state,
            events=self._counts.total(),
            last_event=last,
            last_values=()
            if self._valued is None
            else last_of_role(self._valued.values, "fetched"),
            steps_asked=by_kind[EventKind.STEP_BEGIN] + refused,
            steps_done=by_kind[EventKind.STEP_END],
            steps_failed=failed + refused,
            recoveries=max(0, by_kind[EventKind.STATE_RUNNING] - 1),
            calls=MappingProxyType(
                {hook: MappingProxyType(dict(c)) for hook, c in sorted(calls.items())}
            ),
            stopped_in=None if state is State.CLOSED else self._stopped_in(),
        )

    def _event(self, block: Block, inside: bool, position: int) -> Event:
        (event,) = block.events(self._started, inside, np.arange(len(block))[[position]])
        return event

    def _reached(self) -> State:
        block = self._latest_ordered and self._latest_ordered[0]
        code = int(block.ordered_codes[-1]) if block else 0
        place = place_at(code, len(self._hooks))
        return place.state if place else State.CREATED

    def _stopped_in(self) -> str:
        if self._latest_ordered is None:
            return "nothing: no event was written"
        block, inside = self._latest_ordered
        event = self._event(block, inside, int(block.ordered[-1]))
        words: str = event.kind.value
        if event.hook is not None:
            words += f" of {hook_name(self._hooks, event.hook)}"
        if event.step is not None:
            words += f", step {event.step}"
        if event.kind is EventKind.ON_ERROR:
            return f"{words}, or the caller's code after it"
        if event.kind in _AT_REST:
            return f"the caller's code, after {words}"
        return words


@lru_cache(maxsize=1024)
def _decoded(number: int) -> Code:
    try:
        return decode(number)
    except ValueError as error:
        raise UnreadableLog(f"the log can't be folded: {error}") from None


def hook_name(hooks: tuple[str, ...], index: int) -> str:
    """A hook in words: its place and its class."""
    name = hooks[index] if 0 <= index < len(hooks) else "not declared"
    return f"hook {index} ({name})"


def _stopping(state: SessionState, event: Event) -> dict[str, object]:
    error = ErrorInfo.of(event.detail.get("error"))
    by = str(event.detail.get("by", "close"))
    changes: dict[str, object] = {"error": error}
    if state.stop_reason is None:
        left = "close() was called" if by == "close" else "the with block was left"
        changes["stop_reason"] = f"{left} by {error}" if error else left
        changes["stop_asked_by"] = by
    return changes


def _raised(state: SessionState, event: Event) -> dict[str, object]:
    error = ErrorInfo.of(event.detail.get("error"))
    call = event.detail.get("call")
    if call == EventKind.ON_ERROR.value:
        return {}  # the error that the hook was told of comes out
    if call in _RUNNING_CALLS:
        return {"last_failure": error}
    if call in _CLOSING_CALLS and (state.error is not None or not _comes_out(call, error)):
        return {}  # if it takes the place of another error, an event of its own says so
    return {"error": error}


def _comes_out(call: object, error: ErrorInfo | None) -> bool:
    closing = call == EventKind.SESSION_CLOSE.value
    return not closing or error is None or "Exception" not in error.bases


_CLOSING_CALLS: Final = (EventKind.JOIN.value, EventKind.SESSION_CLOSE.value)
_RUNNING_CALLS: Final = {kind.value for kind in _FAILED_STEP if kind} | {
    EventKind.STEP_FN_BEGIN.value
}


def _observer_raised(state: SessionState, event: Event) -> dict[str, object]:
    """An observer's error comes out, unless an error that isn't to be suppressed is on its way."""
    where, pending = event.detail.get("state"), state.error
    if where == State.STOPPING.value:
        comes_out = pending is None or not CLEAN_ERRORS.isdisjoint(pending.bases)
    else:  # while starting, what comes out of it is told as raised
        comes_out = pending is None and where == State.CLOSED.value
    return {"error": ErrorInfo.of(event.detail.get("error"))} if comes_out else {}


def _replaced(state: SessionState, event: Event) -> dict[str, object]:
    error = ErrorInfo.of(event.detail.get("error"))
    return {"error": error} if "call" in event.detail else {"last_failure": error}


def _stop_requested(state: SessionState, event: Event) -> dict[str, object]:
    if state.stop_asked_by is not None:
        return {}
    by, hook = event.detail.get("by"), event.detail.get("hook")
    who = hook_name(state.hooks, hook) if isinstance(hook, int) else str(by)
    where = f" in {by}" if isinstance(hook, int) else ""
    reason = event.detail.get("reason")
    error = ErrorInfo.of(event.detail.get("error"))
    words = f"{who} asked for it{where}"
    words += f": {reason or error}" if reason or error else ""
    return {"stop_asked_by": who, "stop_reason": words}


def _lost(state: SessionState, event: Event) -> dict[str, object]:
    return {"error": None, "last_failure": ErrorInfo.of(event.detail.get("error"))}


def _abandoned(state: SessionState, event: Event) -> dict[str, object]:
    return {"error": None, "recovery_cause": ErrorInfo.of(event.detail.get("error"))}


_CHANGES: Final = {
    EventKind.STATE_STOPPING: _stopping,
    EventKind.OBSERVER_RAISED: _observer_raised,
    EventKind.RAISED: _raised,
    EventKind.REPLACED: _replaced,
    EventKind.SUPPRESSED: lambda state, event: {"error": None},
    EventKind.CHECKPOINT_SAVED: lambda state, event: {"last_saved": Checkpoint.of(event)},
    EventKind.CHECKPOINT_RESTORED: lambda state, event: {"last_restored": Checkpoint.of(event)},
    EventKind.STOP_REQUESTED: _stop_requested,
    EventKind.RECOVER: lambda state, event: {"error": None},
    EventKind.LOST: _lost,
    EventKind.ABANDON: _abandoned,
}
