"""The calls of hooks that a log tells of, grouped as a session makes them."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

import attrs

from statemachine.events import Event, EventKind
from statemachine.log import EventLog
from statemachine.replay import ErrorInfo
from statemachine.values import Value

__all__ = ["Act", "Call", "acts", "names_in", "signatures_of"]

_METHODS: Final[Mapping[EventKind, str]] = {
    EventKind.HOOK_BEGIN: "begin",
    EventKind.AFTER_CREATE_SESSION: "after_create_session",
    EventKind.BEFORE_RUN: "before_run",
    EventKind.AFTER_RUN: "after_run",
    EventKind.HOOK_END: "end",
}
_IN_STEP: Final = ("before_run", "after_run")


@attrs.define
class Call:
    """One call of a hook.

    Attributes:
        method: What was called.
        hook: The hook's place in the log's list.
        event: The event of the call.
        reads: What the hook read with runs of its own, in order.
        raised: The error that came out, or None.
        stopped: Whether the hook asked for a stop.
    """

    method: str
    hook: int
    event: Event
    reads: list[Value] = attrs.Factory(list)
    raised: ErrorInfo | None = None
    stopped: bool = False


@attrs.define
class Act:
    """What a session does in one go: a method of each hook, or a step.

    Attributes:
        method: The method, or `"step"`.
        event: The first event.
        calls: The calls of hooks, in order.
        signature: The number of the run's signature, or None if there was no run.
        fed: What was fed to the run.
        fetched: What the run gave.
        known: What the session itself read when the run was over.
        failed: The error of the run, or of what else is no hook's call.
        stopped: Whether a stop was asked for by anybody.
    """

    method: str
    event: Event
    calls: list[Call] = attrs.Factory(list)
    signature: int | None = None
    fed: list[Value] = attrs.Factory(list)
    fetched: list[Value] = attrs.Factory(list)
    known: list[Value] = attrs.Factory(list)
    failed: ErrorInfo | None = None
    stopped: bool = False

    def call_of(self, method: str, hook: int | None) -> Call | None:
        """The call of a method of the hook at this place, if there was one."""
        found = (c for c in self.calls if c.method == method and c.hook == hook)
        return next(found, None)

    def take(self, value: Value) -> None:
        """Take a value to where it belongs."""
        if value.role == "fed":
            self.fed.append(value)
        elif value.role == "fetched":
            self.fetched.append(value)
        else:
            own = [call for call in self.calls if value.by == f"hook {call.hook}"]
            (own[-1].reads if own else self.known).append(value)


def acts(log: EventLog) -> Iterator[Act]:
    """The acts of a log, in order; the last one may have been broken off.

    Raises:
        UnreadableLog: If a part of the log can't be read.
    """
    current: Act | None = None
    loose: list[Value] = []
    for event in log:
        if event.kind.in_second_lane:
            if event.kind is EventKind.STOP_REQUESTED and current is not None:
                _take_stop(current, event)
            continue
        for value in event.values:
            loose.append(value) if current is None else current.take(value)
        method = "step" if event.kind is EventKind.STEP_BEGIN else _METHODS.get(event.kind)
        if method is not None and method not in _IN_STEP and not _goes_on(current, method):
            if current is not None:
                yield current
            # What was read before a step need no longer hold after its run.
            current, loose = Act(method, event, known=[] if method == "step" else loose), []
        if current is not None and not _added(current, event, method):
            yield current
            current, loose = None, []
    if current is not None:
        yield current


def _goes_on(current: Act | None, method: str) -> bool:
    return current is not None and current.method == method != "step"


def _added(act: Act, event: Event, method: str | None) -> bool:
    """Add an event to an act; whether the act goes on after it."""
    if method is not None:
        if event.hook is not None:
            act.calls.append(Call(method, event.hook, event))
        return True
    if event.kind is EventKind.RUN:
        signature = event.detail.get("signature")
        act.signature = signature if isinstance(signature, int) else None
    elif event.kind is EventKind.RAISED:
        error = ErrorInfo.of(event.detail.get("error"))
        if event.hook is not None and act.calls:
            act.calls[-1].raised = error
        else:
            act.failed = error
        return False
    return event.kind in (EventKind.RUN, EventKind.MERGE)


def _take_stop(act: Act, event: Event) -> None:
    act.stopped = True
    own = [call for call in act.calls if call.hook == event.detail.get("hook")]
    if own:
        own[-1].stopped = True


def signatures_of(log: EventLog) -> dict[int, Mapping[str, Any]]:
    """What each run's signature asks for, by its number."""
    found: dict[int, Mapping[str, Any]] = {}
    for block in log.read():
        positions = block.positions(EventKind.RUN_SIGNATURE)
        for event in block.events(log.header.started, False, positions):
            number = event.detail["signature"]
            assert isinstance(number, int)  # it stands in the code
            found[number] = event.detail
    return found


def names_in(structure: object) -> Iterator[str]:
    """The names in what a signature says of fetches or feeds."""
    if isinstance(structure, str):
        yield structure
    elif isinstance(structure, Mapping):
        for part in structure.values():
            yield from names_in(part)
    elif isinstance(structure, (list, tuple)):
        for part in structure:
            yield from names_in(part)
