"""Holding a log against the signed heads that were published of it."""

import os
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

import attrs

from statemachine.audit import Finding, Verdict
from statemachine.errors import UnreadableLog
from statemachine.form import Damaged
from statemachine.head import Chain, Head, expected_heads
from statemachine.log import EventLog, Reading
from statemachine.ordering import sentence
from statemachine.signed_note import Note, VerifierKey
from statemachine.witness import Published, read_heads


@attrs.frozen
class SignedHead:
    """A head of the log that carries a right signature.

    Attributes:
        line: Where it stands in the file of heads.
        head: The head.
        keys: The names of the keys that signed it.
        fault: Why the log can't be the one that had this head, or None.
    """

    line: int
    head: Head
    keys: tuple[str, ...]
    fault: str | None = None


@attrs.frozen
class Verification:
    """What signed heads prove of a log.

    Attributes:
        location: Where the log is.
        session: The identifier of its session; None if that can't be read.
        integrity: PASS if the digests are right and the log had every head that was signed.
        completeness: PASS if a signed head says that the log is complete, and this is all of it.
        heads: The heads of this log with a right signature, in the order of the file.
        findings: Why a verdict is FAIL.
        remarks: What else is to be told of the file of heads.
        covered: How many events the newest of those heads covers that the log really had.
        head: The head that the log has; None if that can't be read.
    """

    location: str
    session: str | None
    integrity: Verdict
    completeness: Verdict
    heads: tuple[SignedHead, ...] = ()
    findings: tuple[Finding, ...] = ()
    remarks: tuple[str, ...] = ()
    covered: int = 0
    head: Head | None = None

    @property
    def passed(self) -> bool:
        """Whether no verdict is FAIL."""
        return Verdict.FAIL not in (self.integrity, self.completeness)

    def __str__(self) -> str:
        lines = [f"verification of {self.location}"]
        lines += [f"  {about:<13} {getattr(self, about).value}" for about in _VERDICTS]
        return "\n".join(lines + [f"  - {told}" for told in (*self.findings, *self.remarks)])


_VERDICTS: Final = ("integrity", "completeness")
_MOST_TOLD: Final = 10


def verify(
    log: "EventLog | str | os.PathLike[str]",
    keys: "VerifierKey | Iterable[VerifierKey]",
    heads: "str | os.PathLike[str] | Iterable[Published]",
    *,
    expected: Iterable[Head | str] = (),
) -> Verification:
    """Hold a log against the signed heads that were published of it.

    Args:
        log: The log, or its path.
        keys: The keys whose signatures count; one of them is enough for a head.
        heads: The file of heads, which may hold those of other logs, too; or what it holds.
        expected: Heads, or digests of heads, that were kept elsewhere.

    Returns:
        The verdicts and findings. Damage is a finding, not an error.

    Raises:
        FileNotFoundError: If there is no such file.
        UnreadableLog: If the file is no event log at all.
        ImportError: If `cryptography` is missing.
        TypeError: If `keys` or `heads` are something else.
        ValueError: If a text in `expected` is no digest.
    """
    wanted, trusted, published = expected_heads(expected), _trusted(keys), _published(heads)
    try:
        opened = log if isinstance(log, EventLog) else EventLog.open(log)
        reading = opened.read()
    except Damaged as error:
        finding = Finding("integrity", "chain-unbroken", sentence("chain-unbroken"), str(error))
        return Verification(str(log), None, Verdict.FAIL, Verdict.NOT_CHECKED, (), (finding,))
    check = _Check(reading, trusted, published)
    return check.result(opened.location, wanted)


def _trusted(keys: object) -> tuple[VerifierKey, ...]:
    if isinstance(keys, Iterable) and not isinstance(keys, (str, bytes)):
        return tuple(_trusted_key(key) for key in keys)
    return (_trusted_key(keys),)


def _trusted_key(key: object) -> VerifierKey:
    if isinstance(key, VerifierKey):
        return key
    raise TypeError(
        f"keys has VerifierKey objects, and not {key!r}: VerifierKey.parse(text) or .load(path) "
        "makes one"
    )


def _published(heads: object) -> list[Published]:
    if isinstance(heads, (str, os.PathLike)):
        return read_heads(heads)
    published = list(heads) if isinstance(heads, Iterable) else [heads]
    right = [one for one in published if isinstance(one, Published)]
    if len(right) < len(published):
        raise TypeError(
            f"heads is the path of a file of heads, or what it holds, not {heads!r:.200}"
        )
    return right


class _Check:
    """One verification: reads the log once, then judges."""

    def __init__(
        self, reading: Reading, keys: Sequence[VerifierKey], published: Sequence[Published]
    ) -> None:
        self._keys = keys
        self._reading = reading
        self._findings: list[Finding] = []
        self._remarks: list[str] = []
        self._damage = _walk(reading)
        self._chain: Chain = reading.chain
        self._heads = list(self._signed(published))

    def result(self, location: str, expected: Sequence[Head | str]) -> Verification:
        """The verdicts."""
        if self._damage is not None:
            self._find("integrity", "chain-unbroken", str(self._damage))
        for fault in self._chain.faults(expected):
            self._find(fault.about, fault.rule, fault.seen)
        kept = [one.head for one in self._heads if one.fault is None]
        newest = max(kept, key=lambda head: (head.blocks, head.complete), default=None)
        self._judge_cover(newest)
        failed = {finding.about for finding in self._findings}
        integrity, completeness = (
            Verdict.FAIL if about in failed else Verdict.PASS for about in _VERDICTS
        )
        return Verification(
            location,
            self._reading.header.session,
            integrity,
            completeness,
            heads=tuple(self._heads),
            findings=tuple(self._findings),
            remarks=tuple(self._remarks),
            covered=newest.events if newest else 0,
            head=self._chain.head() if self._damage is None else None,
        )

    def _find(self, about: str, rule: str, seen: str) -> None:
        finding = Finding(about, rule, sentence(rule), seen)
        if finding not in self._findings:
            self._findings.append(finding)

    def _signed(self, published: Sequence[Published]) -> Iterator[SignedHead]:
        """The heads of this log that one of the keys signed; what is wrong with others is told."""
        session = self._chain.session
        others, before, strangers, damaged = 0, -1, list[str](), list[str]()
        for one in published:
            if one.note is None or one.head is None:
                damaged.append(f"line {one.line} of the heads: {one.damage}")
            elif one.head.session != session:
                others += 1
            elif names := self._signers(one, one.note):
                if one.head.blocks < before:
                    self._remarks.append(f"line {one.line}: this head is older than the one before")
                before = one.head.blocks
                yield self._judged(one.line, one.head, names)
            else:
                strangers += [s.name for s in one.note.signatures] or ["nobody"]
        self._remarks += damaged[:_MOST_TOLD]
        if len(damaged) > _MOST_TOLD:
            self._remarks.append(f"and {len(damaged) - _MOST_TOLD} more that can't be read")
        if strangers:
            self._remarks.append(
                f"{len(strangers)} signatures are not of the given keys, but of "
                f"{', '.join(dict.fromkeys(strangers))}"
            )
        if others:
            self._remarks.append(f"{others} heads are of other sessions")

    def _signers(self, one: Published, note: Note) -> tuple[str, ...]:
        signed = {key: key.signed(note) for key in self._keys}
        if False in signed.values():
            seen = f"the signature of the head at line {one.line} is wrong: the head was changed"
            self._find("integrity", "head-signed", seen)
        return tuple(key.name or str(key) for key, right in signed.items() if right)

    def _judged(self, line: int, head: Head, names: tuple[str, ...]) -> SignedHead:
        if self._damage is not None and head.blocks > self._chain.blocks:
            return SignedHead(line, head, names, "it covers what is damaged")
        fault = next(self._chain.faults([head]), None)
        if fault is None:
            return SignedHead(line, head, names)
        self._find(fault.about, fault.rule, f"line {line} of the heads: {fault.seen}")
        return SignedHead(line, head, names, fault.seen)

    def _judge_cover(self, newest: Head | None) -> None:
        """Find what no signed head vouches for."""
        if not self._heads:
            named = ", ".join(str(key.name or key) for key in self._keys)
            seen = (
                f"there is no head of this log that {named} signed: are log, heads and key right?"
            )
            self._find("integrity", "head-signed", seen)
        elif self._damage is None and newest is not None and not newest.complete:
            more = self._chain.events[-1] - newest.events + self._reading.unsealed
            self._find("completeness", "heads-cover-log", _uncovered(newest, more, self._chain))


def _uncovered(newest: Head, more: int, chain: Chain) -> str:
    told = f"the newest signed head covers {newest.events} events"
    if more:
        told += f", and nobody vouches for the {more} that come after them"
    if chain.ended:
        return f"{told}; no signed head says that the log ends here"
    return f"{told}; the log is not complete"


def _walk(reading: Reading) -> UnreadableLog | None:
    """Read a log to its end, or to its damage."""
    try:
        for _ in reading:
            pass
    except UnreadableLog as error:
        return error
    return None
