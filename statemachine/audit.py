"""What can be proved about a session from its log alone."""

import enum
import os
from collections.abc import Iterable
from functools import cached_property
from pathlib import Path

import attrs
import numpy as np

from statemachine.block import Block
from statemachine.compiled import START_CODE, Place
from statemachine.errors import UnreadableLog
from statemachine.events import Event, EventKind
from statemachine.form import Damaged, Header
from statemachine.head import Head, expected_heads
from statemachine.log import EventLog, Reading
from statemachine.machine import describe, illegal, rules_of
from statemachine.ordering import sentence
from statemachine.pairs import pair_table
from statemachine.replay import Checkpoint, Fold, SessionState
from statemachine.rules import Observation, Rules, lost_before
from statemachine.table import DIGEST, FINAL
from statemachine.upcast import EARLIER_TABLES

_MOST_FINDINGS = 100
_CHECKPOINTS = (EventKind.CHECKPOINT_SAVED, EventKind.CHECKPOINT_RESTORED)


class Verdict(enum.Enum):
    """What an audit says about one question."""

    PASS = "pass"
    FAIL = "fail"
    NOT_CHECKED = "not checked"


@attrs.frozen
class Finding:
    """One thing that an audit has to say.

    Attributes:
        about: The verdict that it belongs to: integrity, completeness, conformance or lineage.
        rule: The id of the rule.
        sentence: The documentation's sentence that the rule comes from.
        seen: What the log holds, in words.
        allowed: What it might have held there.
        sequence: The number of the event, or None if it concerns no single one.
        time: The event's time in nanoseconds since 1970-01-01 UTC, or None.
    """

    about: str
    rule: str
    sentence: str
    seen: str
    allowed: tuple[str, ...] = ()
    sequence: int | None = None
    time: int | None = None

    def __str__(self) -> str:
        where = "" if self.sequence is None else f" at event {self.sequence}"
        allowed = f"; allowed there: {', '.join(self.allowed)}" if self.allowed else ""
        return f"{self.about}{where}: {self.seen}{allowed} [{self.rule}: {self.sentence}]"


@attrs.frozen
class AuditReport:
    """The four verdicts on a log, each with its reasons.

    Attributes:
        location: Where the log is.
        integrity: Whether the bytes are those that were written, and none is missing between.
        completeness: Whether the log reaches the closed session and nothing is cut off.
        conformance: Whether everything happened in the documented order.
        lineage: Whether each restored checkpoint is one that a known log says was saved.
        findings: What there is to say about it, at most 100 for each verdict.
        header: Who wrote the log; None if that can't be read.
        state: What the readable part of the log folds to; None if nothing can be read.
        head: How far the log goes, to be kept elsewhere; None if it is damaged, or its beginning
            was dropped.
    """

    location: str
    integrity: Verdict
    completeness: Verdict
    conformance: Verdict
    lineage: Verdict
    findings: tuple[Finding, ...] = ()
    header: Header | None = None
    state: SessionState | None = None
    head: Head | None = None

    @property
    def passed(self) -> bool:
        """Whether no verdict is FAIL."""
        verdicts = (self.integrity, self.completeness, self.conformance, self.lineage)
        return Verdict.FAIL not in verdicts

    def __str__(self) -> str:
        lines = [f"audit of {self.location}"]
        for about in ("integrity", "completeness", "conformance", "lineage"):
            lines.append(f"  {about:<13} {getattr(self, about).value}")
        return "\n".join(lines + [f"  - {finding}" for finding in self.findings])


def audit(
    log: "EventLog | str | os.PathLike[str]",
    *,
    known: "Iterable[EventLog | str | os.PathLike[str]]" = (),
    expected: "Iterable[Head | str]" = (),
) -> AuditReport:
    """Say what a log proves, from its bytes alone.

    Args:
        log: The log, or its path.
        known: Other logs: a checkpoint that was restored may have been saved by their sessions.
        expected: Heads, or digests of heads, that were kept elsewhere: the log must have had them.

    Returns:
        The verdicts and findings. Damage is a finding, not an error.

    Raises:
        FileNotFoundError: If there is no such file.
        UnreadableLog: If the file is no event log at all.
        TypeError: If `known` is a single log, or `expected` a single head.
        ValueError: If a text in `expected` is no digest.
    """
    wanted = expected_heads(expected)
    if isinstance(known, (str, os.PathLike, EventLog)) or not isinstance(known, Iterable):
        raise TypeError(
            f"known is an iterable of logs, not {known!r}: a single log goes into a list"
        )
    try:
        opened = log if isinstance(log, EventLog) else EventLog.open(log)
        reading = opened.read()
    except Damaged as error:
        return _unreadable(str(log), error)
    return _Audit(opened.location, reading, tuple(known), wanted).report()


def _unreadable(location: str, error: Damaged) -> AuditReport:
    finding = Finding("integrity", "chain-unbroken", sentence("chain-unbroken"), str(error))
    not_checked = Verdict.NOT_CHECKED
    return AuditReport(location, Verdict.FAIL, not_checked, not_checked, not_checked, (finding,))


class _Audit:
    """One audit: walks over the blocks once, then judges."""

    def __init__(
        self,
        location: str,
        reading: Reading,
        known: tuple["EventLog | str | os.PathLike[str]", ...],
        expected: tuple["Head | str", ...],
    ) -> None:
        self._location = location
        self._reading = reading
        self._known = known
        self._expected = expected
        self._hooks = len(reading.header.hooks)
        self._on_error = reading.header.on_error
        self._fold = Fold(reading.header.hooks, reading.header.started)
        self._rules = Rules(reading.header, whole=not reading.dropped)
        self._last = START_CODE if not reading.dropped else None
        self._findings: dict[str, list[Finding]] = {
            "integrity": [],
            "completeness": [],
            "conformance": [],
            "lineage": [],
        }
        self._saved: list[tuple[Checkpoint, int]] = []
        self._restored: list[tuple[Checkpoint, int, int]] = []
        self._damage: UnreadableLog | None = None

    def report(self) -> AuditReport:
        """Judge the whole log."""
        self._walk()
        self._compare_heads()
        verdicts = {
            "integrity": self._integrity(),
            "completeness": self._completeness(),
            "conformance": self._conformance(),
            "lineage": self._lineage(),
        }
        findings = tuple(f for about in self._findings.values() for f in about)
        return AuditReport(
            self._location,
            **verdicts,
            findings=findings,
            header=self._reading.header,
            state=self._state(),
            head=self._head(),
        )

    def _head(self) -> Head | None:
        whole = self._damage is None and not self._reading.dropped
        return self._reading.chain.head() if whole else None

    def _state(self) -> SessionState | None:
        try:
            return self._fold.result()
        except UnreadableLog:
            return None

    def _walk(self) -> None:
        try:
            for block in self._reading:
                if self._damage is None:
                    self._judge(block)
        except UnreadableLog as error:
            self._damage = error

    def _compare_heads(self) -> None:
        """Hold the log against the heads that were kept elsewhere."""
        for fault in self._reading.chain.faults(self._expected):
            self._find(fault.about, fault.rule, fault.seen)

    def _judge(self, block: Block) -> None:
        """Judge a block; one that can't be understood ends the judging, not the reading."""
        try:
            self._neighbours(block)
            for observation in self._rules.judge(block):
                self._observe(observation)
            self._fold.add(block)
            self._checkpoints(block)
            self._losses(block)
        except UnreadableLog as error:
            self._find("conformance", "known-events", str(error))
            self._damage = error

    def _find(
        self,
        about: str,
        rule: str,
        seen: str,
        allowed: Iterable[str] = (),
        sequence: int | None = None,
        time: int | None = None,
    ) -> None:
        if len(self._findings[about]) < _MOST_FINDINGS:
            finding = Finding(about, rule, sentence(rule), seen, tuple(allowed), sequence, time)
            self._findings[about].append(finding)

    def _observe(self, observation: Observation) -> None:
        self._find("conformance", **attrs.asdict(observation, recurse=False))

    def _neighbours(self, block: Block) -> None:
        """Judge each event of the ordered lane by the one before it."""
        codes = block.ordered_codes
        if lost_before(block) is not None:
            self._last = None
        if not len(codes):
            return
        before = [] if self._last is None else [self._last]
        self._last = int(codes[-1])
        chain = np.concatenate((np.array(before, codes.dtype), codes))
        faults = pair_table(self._hooks, self._on_error).faults(chain)[:_MOST_FINDINGS]
        places = block.ordered[faults - len(before)] if len(faults) else faults
        for position, at in zip(faults.tolist(), places.tolist(), strict=True):
            time = int(block.times[at]) + self._reading.header.started
            pair = int(chain[position - 1]), int(chain[position])
            self._explain(*pair, block.sequence + at, time)

    def _explain(self, before: int, after: int, sequence: int, time: int | None) -> None:
        error = illegal(before, after, self._hooks, self._on_error)
        rule = rules_of(before, self._hooks, self._on_error)[0]
        seen = f"{error.tried} after {error.stood}"
        self._find("conformance", rule, seen, error.allowed, sequence, time)

    def _checkpoints(self, block: Block) -> None:
        positions = block.positions(*_CHECKPOINTS)
        if not len(positions):
            return
        for event in block.events(self._reading.header.started, False, positions):
            if event.kind is EventKind.CHECKPOINT_SAVED:
                self._saved.append((Checkpoint.of(event), event.sequence))
            elif event.kind is EventKind.CHECKPOINT_RESTORED:
                self._restored.append((Checkpoint.of(event), event.sequence, event.time))

    def _losses(self, block: Block) -> None:
        """Events that could not be written down are told of by an event in their place."""
        positions = block.positions(EventKind.EVENTS_LOST)
        for event in block.events(self._reading.header.started, False, positions):
            self._find("completeness", "nothing-lost", lost_words(event), (), event.sequence)

    # Verdicts

    def _integrity(self) -> Verdict:
        if isinstance(self._damage, Damaged):
            self._find("integrity", "chain-unbroken", str(self._damage))
        if self._findings["integrity"]:
            return Verdict.FAIL
        if self._reading.unsealed or not self._reading.sealed:
            seen = f"{self._reading.unsealed} events were never sealed, so no digest covers them"
            self._find("integrity", "sealed-blocks-only", seen)
            return Verdict.NOT_CHECKED
        return Verdict.PASS

    def _completeness(self) -> Verdict:
        reading = self._reading
        missing = []
        if self._damage is not None:
            missing.append("what comes after the damage can't be read")
        if reading.cut_off is not None:
            missing.append(str(reading.cut_off))
        if reading.dropped:
            missing.append(f"the first {reading.dropped} blocks were dropped: memory is bounded")
        if self._damage is None and self._last != Place(FINAL).code:
            missing.append(self._unfinished())
        elif self._damage is None and not reading.ended and reading.cut_off is None:
            missing.append("the end marker of the log is missing")
        for seen in missing:
            self._find("completeness", "closed-at-the-end", seen)
        return Verdict.FAIL if self._findings["completeness"] else Verdict.PASS

    def _unfinished(self) -> str:
        state = self._state()
        where = state.stopped_in if state else describe(self._last or START_CODE)
        if self._reading.running:
            return f"the session is still running; its latest call is {where}"
        return f"the session was never closed: it died in {where}"

    def _conformance(self) -> Verdict:
        if self._findings["conformance"]:
            return Verdict.FAIL
        return Verdict.NOT_CHECKED if self._damage or self._is_foreign() else Verdict.PASS

    def _is_foreign(self) -> bool:
        """Whether another table was in force than one that is known here; then it is told."""
        table = self._reading.header.table
        foreign = table not in (DIGEST, *EARLIER_TABLES)
        if foreign:
            writer = self._reading.header.versions.get("monitored-session", "unknown")
            seen = (
                f"the log was written by another table of the lifecycle ({table:.12}…, version "
                f"{writer}) than that of this version ({DIGEST:.12}…), by which nothing was found"
            )
            self._find("conformance", "order-in-force", seen)
        return foreign

    def _lineage(self) -> Verdict:
        if self._damage is not None:
            return Verdict.NOT_CHECKED
        verdicts = [self._judge_restore(*restore) for restore in self._restored]
        if self._untold():
            seen = "a checkpoint was restored without its digest being written down"
            self._find("lineage", "restored-was-saved", seen)
            verdicts.append(Verdict.NOT_CHECKED)
        for verdict in (Verdict.FAIL, Verdict.NOT_CHECKED):
            if verdict in verdicts:
                return verdict
        return Verdict.PASS

    def _untold(self) -> bool:
        state = self._state()
        asked = self._rules.restores
        return bool(asked) and state is not None and not self._restored

    def _judge_restore(self, restored: Checkpoint, sequence: int, time: int) -> Verdict:
        digest = restored.sha256 or "not told"
        origin = self._origin(digest, sequence)
        if origin is not None:
            place, step = origin
            seen = (
                f"{restored.path} (step {step}, sha256 {digest:.12}…) was saved by the "
                f"session of {place}"
            )
            self._find("lineage", "restored-was-saved", seen, (), sequence, time)
            return Verdict.PASS
        seen = f"{restored.path} (sha256 {digest:.12}…) was saved by no session of "
        if not self._known:
            seen += "this log, and no other log was given"
            self._find("lineage", "restored-was-saved", seen, (), sequence, time)
            return Verdict.NOT_CHECKED
        seen += "the logs that were given: it is another file, or it was changed"
        self._find("lineage", "restored-was-saved", seen, (), sequence, time)
        return Verdict.FAIL

    def _origin(self, digest: str, before: int) -> tuple[str, int | None] | None:
        """Which log says that a checkpoint was saved, and at which step."""
        for saved, sequence in self._saved:
            # A save after the restore may have the same bytes, and still be no ancestor of it.
            if saved.sha256 == digest and sequence < before:
                return self._location, saved.step
        return self._saved_elsewhere.get(digest)

    @cached_property
    def _saved_elsewhere(self) -> dict[str, tuple[str, int | None]]:
        found: dict[str, tuple[str, int | None]] = {}
        for log in self._known:
            opened = log if isinstance(log, EventLog) else EventLog.open(log)
            for saved in saved_in(opened):
                if saved.sha256:
                    found.setdefault(saved.sha256, (_short(opened), saved.step))
        return found


def lost_words(event: Event) -> str:
    """What an event says was lost, in words."""
    told = event.detail
    because = f"because: {told.get('reason')}"
    if "first" in told:
        return f"events {told['first']}..{told.get('last')} were lost {because}"
    if "records" in told:
        return f"{told['records']} notes or details of events were lost {because}"
    return f"events may be lost {because}"


def _short(log: EventLog) -> str:
    return Path(log.location).name


def saved_in(log: EventLog) -> list[Checkpoint]:
    """The checkpoints that a log says were saved, as far as it can be read."""
    saved = []
    reading = log.read()
    try:
        for block in reading:
            positions = block.positions(EventKind.CHECKPOINT_SAVED)
            events = block.events(reading.header.started, False, positions)
            saved += [Checkpoint.of(event) for event in events]
    except UnreadableLog:
        pass
    return saved
