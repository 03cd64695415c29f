"""The head of a log: how far it goes, and the digest of everything up to there.

Whoever keeps a head can tell later that what it covers was neither changed nor cut off. Its
textual form is in the manner of the checkpoints of transparency logs (https://c2sp.org/tlog-checkpoint),
a few lines of ASCII, each ending in a newline::

    monitored-session/head/1/3f6c…      which log: the identifier of its session
    3                                   how many blocks are sealed
    1tJvbm9uZXh0…=                      the digest of the last of them, in base64
    events 81920                        how many events they hold
    log open                            or `log complete`: nothing may follow them

The digest is the head of a chain, not the root of a Merkle tree: a witness of transparency logs can
keep it, but can't check that one head follows from another.
"""

import base64
import re
from collections.abc import Iterable, Iterator
from typing import Final

import attrs

from statemachine.errors import UnreadableHead

ORIGIN: Final = "monitored-session/head/1/"
"""What the first line begins with: it tells a head from whatever else a key may sign."""

_NUMBER: Final = r"(0|[1-9][0-9]{0,17})"
_FORM: Final = re.compile(
    rf"{ORIGIN}([0-9a-f]{{32}})\n{_NUMBER}\n([A-Za-z0-9+/]{{43}}=)\nevents {_NUMBER}\n"
    r"log (open|complete)\n"
)
_SESSION: Final = re.compile("[0-9a-f]{32}")
_DIGEST: Final = re.compile("[0-9a-f]{64}")


def expected_heads(expected: "Iterable[Head | str]") -> "tuple[Head | str, ...]":
    """Heads that were kept elsewhere, and digests of heads, as somebody passes them.

    Raises:
        TypeError: If it is no iterable of them.
        ValueError: If a text among them is no digest: what is mistyped accuses no log.
    """
    if isinstance(expected, (str, bytes, Head)) or not isinstance(expected, Iterable):
        raise TypeError(
            f"expected is an iterable of heads, not {expected!r}: a single one goes into a list"
        )
    return tuple(_expected(one) for one in expected)


def _expected(one: object) -> "Head | str":
    if isinstance(one, Head):
        return one
    if not isinstance(one, str):
        raise TypeError(f"expected has heads, or digests as texts, and not {one!r}")
    if not _DIGEST.fullmatch(one.lower()):
        raise ValueError(
            f"{one[:80]!r} is no digest of a head: that has 64 hexadecimal digits; of the text of "
            "a head Head.parse makes one"
        )
    return one.lower()


@attrs.frozen
class Head:
    """How far a log goes, and the digest of everything up to there.

    Its text (`str(head)`) is what a witness signs and publishes.

    Attributes:
        session: The identifier of the session, 32 hexadecimal digits.
        blocks: How many blocks are sealed.
        events: How many events they hold.
        digest: The SHA-256 of the last of them, 64 hexadecimal digits.
        complete: Whether the log ends there.

    Example:
        >>> head = Head("0" * 32, 3, 81920, "ab" * 32, complete=True)
        >>> Head.parse(str(head)) == head
        True
    """

    session: str = attrs.field(validator=attrs.validators.matches_re(_SESSION))
    blocks: int
    events: int
    digest: str = attrs.field(validator=attrs.validators.matches_re(_DIGEST))
    complete: bool = False

    def __str__(self) -> str:
        digest = base64.b64encode(bytes.fromhex(self.digest)).decode()
        end = "complete" if self.complete else "open"
        lines = [ORIGIN + self.session, str(self.blocks), digest, f"events {self.events}"]
        return "\n".join([*lines, f"log {end}", ""])

    @classmethod
    def parse(cls, text: str) -> "Head":
        """The head that a text states.

        Raises:
            UnreadableHead: If it is not the text of a head, to the letter.
        """
        found = _FORM.fullmatch(text)
        if found is None:
            raise UnreadableHead(
                f"{text[:60]!r} is not the head of a log: its five lines begin with {ORIGIN!r}"
            )
        session, blocks, digest, events, end = found.groups()
        raw = base64.b64decode(digest)
        head = cls(session, int(blocks), int(events), raw.hex(), end == "complete")
        if str(head) != text:  # the last digit of base64 has bits that say nothing
            raise UnreadableHead(f"the digest {digest!r} is not spelled as base64 spells it")
        return head


@attrs.frozen
class Fault:
    """Why a log can't be the one that had a head.

    Attributes:
        about: What it speaks against: integrity or completeness.
        rule: The id of the rule.
        seen: What was found, in words.
    """

    about: str
    rule: str
    seen: str


@attrs.define
class Chain:
    """The heads that a log had, one after the other.

    Attributes:
        session: The identifier of its session.
        digests: The digest of the first message, and of each block.
        events: How many events there were up to each of them.
        ended: Whether the log is complete.
    """

    session: str
    digests: list[str] = attrs.Factory(list)
    events: list[int] = attrs.Factory(list)
    ended: bool = False

    @property
    def blocks(self) -> int:
        """How many blocks there are."""
        return len(self.digests) - 1

    def add(self, digest: str, events: int) -> None:
        """Take the next message into account."""
        self.digests.append(digest)
        self.events.append(events)

    def head(self) -> Head | None:
        """The newest head; None if the log has none, or names no proper session."""
        if not self.digests or not _SESSION.fullmatch(self.session):
            return None
        return Head(self.session, self.blocks, self.events[-1], self.digests[-1], self.ended)

    def faults(self, expected: Iterable[Head | str]) -> Iterator[Fault]:
        """Why this can't be the log that had some heads, or the digests of some."""
        for head in expected:
            fault = self._missing(head) if isinstance(head, str) else self._fault(head)
            if fault is not None:
                yield fault

    def _missing(self, digest: str) -> Fault | None:
        if digest in self.digests:
            return None
        seen = (
            f"none of the {self.blocks} blocks has the digest {digest:.12}… that was kept "
            "elsewhere: something was changed or cut off, or it is the head of another log"
        )
        return Fault("integrity", "head-in-chain", seen)

    def _fault(self, head: Head) -> Fault | None:
        if head.session != self.session:
            seen = f"the head of another session, {head.session}, was expected"
            return Fault("integrity", "head-in-chain", seen)
        if head.blocks > self.blocks:
            return self._too_short(head)
        if self.digests[head.blocks] != head.digest:
            seen = (
                f"up to block {head.blocks} the log is not the one that had the head "
                f"{head.digest:.12}…: it was changed and its digests computed anew"
            )
            return Fault("integrity", "head-in-chain", seen)
        if self.events[head.blocks] != head.events:
            seen = (
                f"the head counts {head.events} events up to block {head.blocks}, "
                f"and there are {self.events[head.blocks]}"
            )
            return Fault("integrity", "head-in-chain", seen)
        return self._wrong_end(head) if head.complete else None

    def _too_short(self, head: Head) -> Fault:
        told = (
            f"a head of {head.blocks} blocks with {head.events} events was published, "
            f"and the log has {self.blocks} blocks"
        )
        if self.ended:  # the end marker was put there afterwards
            return Fault("integrity", "head-in-chain", f"{told} and a false end")
        return Fault("completeness", "log-reaches-heads", f"{told}: its end was cut off")

    def _wrong_end(self, head: Head) -> Fault | None:
        if head.blocks < self.blocks:
            more = self.blocks - head.blocks
            seen = f"{more} blocks were added after the {head.blocks} that made the log complete"
            return Fault("integrity", "head-in-chain", seen)
        if not self.ended:
            seen = "the log was complete, and now its end marker is missing"
            return Fault("completeness", "log-reaches-heads", seen)
        return None
