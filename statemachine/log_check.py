"""Whether a log, of whatever implementation, tells what the documentation allows."""

import os
from collections.abc import Iterator
from typing import Final

from statemachine.audit import AuditReport, Finding, Verdict, audit
from statemachine.events import MAX_INDEX, Event, EventKind
from statemachine.json_log import CALLED, CALLS, FULL, JsonLog, is_json_log
from statemachine.log import EventLog
from statemachine.ordering import sentence
from statemachine.unmarked import Fault, Follower

_MOST_FINDINGS: Final = 100
_PROVES_NOTHING: Final = "JSON lines carry no digests: nothing proves that they were not changed"
_NO_LINEAGE: Final = "checkpoints are not traced in JSON lines"


def check_log(log: "EventLog | str | os.PathLike[str]") -> AuditReport:
    """Say whether a log keeps the documented order, and what is wrong where it doesn't.

    Our own logs are audited. A file of JSON lines in the form of specs/event.schema.json is read
    line by line, and followed through the lifecycle; its size makes no difference to the memory
    that this takes. A log of the profile `calls` conforms if some whole history, with all that
    such a log leaves out, shows these calls in this order; what became of errors isn't judged then.

    Args:
        log: A log, or the path of one, in Arrow's form or in JSON lines.

    Returns:
        The verdicts, and findings in words. For JSON lines, integrity and lineage are not checked.

    Raises:
        FileNotFoundError: If there is no such file.
        UnreadableLog: If it is no log, or a line of it is no event; the message names the line.
    """
    if isinstance(log, EventLog) or not is_json_log(log):
        return audit(log)
    with open(log, "rb") as file:
        return _Check(JsonLog(file, str(log)), str(log)).report()


class _Check:
    """One pass over a log in JSON lines."""

    def __init__(self, log: JsonLog, location: str) -> None:
        self._log = log
        self._location = location
        header = log.header
        observed = CALLED if header.profile == CALLS else None
        self._follower = Follower(len(header.hooks), header.on_error, observed)
        self._findings: dict[str, list[Finding]] = {"completeness": [], "conformance": []}
        self._count = self._steps = self._signatures = self._time = 0

    def report(self) -> AuditReport:
        """Judge the whole log."""
        for event in self._log:
            for fault in self._faults(event):
                self._find("conformance", fault, event)
            self._count += 1
        if self._log.torn:
            seen = f"after {self._count} events the last line is cut off"
            self._find("completeness", Fault("closed-at-the-end", seen))
        elif not self._follower.may_end(self._follower.branches):
            seen = f"after {self._count} events the session is not closed"
            allowed = self._follower.allowed(self._follower.branches)
            self._find("completeness", Fault("closed-at-the-end", seen, allowed))
        findings = (
            _plain("integrity", "sealed-blocks-only", _PROVES_NOTHING),
            *self._findings["completeness"],
            *self._findings["conformance"],
            _plain("lineage", "restored-was-saved", _NO_LINEAGE),
        )
        return AuditReport(
            self._location,
            integrity=Verdict.NOT_CHECKED,
            completeness=self._verdict("completeness"),
            conformance=self._verdict("conformance"),
            lineage=Verdict.NOT_CHECKED,
            findings=findings,
        )

    def _verdict(self, about: str) -> Verdict:
        return Verdict.FAIL if self._findings[about] else Verdict.PASS

    def _find(self, about: str, fault: Fault, event: Event | None = None) -> None:
        if len(self._findings[about]) < _MOST_FINDINGS:
            sequence = None if event is None else event.sequence
            time = None if event is None or not event.time else event.time
            said = sentence(fault.rule)
            finding = Finding(about, fault.rule, said, fault.seen, fault.allowed, sequence, time)
            self._findings[about].append(finding)

    def _faults(self, event: Event) -> Iterator[Fault]:
        yield from self._numbering(event)
        told = event.kind.in_second_lane or event.kind in CALLED
        if self._log.header.profile == CALLS and not told:
            seen = f"{event.kind.value} is none of the events of the profile {CALLS}"
            yield Fault("known-events", seen, tuple(sorted(kind.value for kind in CALLED)))
            return
        yield from self._signature(event)
        if event.hook is not None and event.hook > MAX_INDEX:
            yield Fault("hooks-in-list-order", f"there is no hook {event.hook}")
            return
        if event.kind is EventKind.EVENTS_LOST:
            lost = Fault("nothing-lost", "the log says that events were lost")
            self._find("completeness", lost, event)
        yield from self._follower.tell(event)

    def _numbering(self, event: Event) -> Iterator[Fault]:
        if event.sequence != self._count:
            seen = f"event {self._count} of the file has the number {event.sequence}"
            yield Fault("numbered-without-gap", seen)
        if event.time and event.time < self._time:
            yield Fault("clock-monotonic", "the clock runs backwards")
        self._time = max(self._time, event.time)
        self._steps += event.kind is EventKind.STEP_BEGIN
        if self._log.header.profile == FULL and event.step not in (None, self._steps):
            seen = f"it belongs to step {event.step}, and {self._steps} steps have begun"
            yield Fault("numbered-without-gap", seen)

    def _signature(self, event: Event) -> Iterator[Fault]:
        number = event.detail.get("signature")
        if event.kind is EventKind.RUN_SIGNATURE:
            if number != self._signatures:
                seen = f"the signature {number} is declared out of turn"
                yield Fault("signature-declared", seen, (f"signature {self._signatures}",))
            self._signatures += 1
        elif event.kind is EventKind.RUN and isinstance(number, int):
            known = 0 <= number < self._signatures or number == MAX_INDEX
            if not known:
                yield Fault("signature-declared", f"the signature {number} was never declared")


def _plain(about: str, rule: str, seen: str) -> Finding:
    return Finding(about, rule, sentence(rule), seen)
