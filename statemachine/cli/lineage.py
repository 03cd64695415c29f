"""Which session descends from which: by the digests of the checkpoints that they tell of."""

from collections import defaultdict
from collections.abc import Iterable, Mapping

import attrs
import numpy as np

from statemachine.cli.source import Source
from statemachine.errors import UnreadableLog
from statemachine.events import EventKind
from statemachine.replay import Checkpoint

_SAVED = EventKind.CHECKPOINT_SAVED.number
_RESTORED = EventKind.CHECKPOINT_RESTORED.number


@attrs.frozen
class Ancestry:
    """What one log says of checkpoints.

    Attributes:
        path: The log.
        started: When its session began, in nanoseconds since 1970-01-01 UTC.
        saved: The checkpoints that were saved.
        restored: The checkpoints that were restored.
    """

    path: Source
    started: int
    saved: tuple[Checkpoint, ...] = ()
    restored: tuple[Checkpoint, ...] = ()


@attrs.frozen
class Descent:
    """One session restored what another saved.

    Attributes:
        parent: The log of the session that saved the checkpoint.
        child: The log of the session that restored it.
        checkpoint: The checkpoint, as the parent tells of it.
    """

    parent: Source
    child: Source
    checkpoint: Checkpoint


def ancestry_of(path: Source) -> Ancestry:
    """What a log says of checkpoints, as far as it can be read.

    Raises:
        Failure: If it can't be read, or is no event log.
    """
    log = path.open()
    saved, restored = [], []
    reading = log.read()
    try:
        for block in reading:
            if not np.isin(block.kinds, (_SAVED, _RESTORED)).any():
                continue
            for event in block.events(reading.header.started, False):
                if event.kind is EventKind.CHECKPOINT_SAVED:
                    saved.append(Checkpoint.of(event))
                elif event.kind is EventKind.CHECKPOINT_RESTORED:
                    restored.append(Checkpoint.of(event))
    except UnreadableLog:
        pass  # the audit says so
    return Ancestry(path, log.header.started, tuple(saved), tuple(restored))


class Family:
    """Logs that know each other.

    Args:
        members: What each of them says of checkpoints.
    """

    def __init__(self, members: Iterable[Ancestry]) -> None:
        self.members = tuple(members)
        self._savers: dict[str, list[Ancestry]] = defaultdict(list)
        for member in self.members:
            for digest in {c.sha256 for c in member.saved if c.sha256}:
                self._savers[digest].append(member)

    def relevant_to(self, path: Source) -> tuple[Source, ...]:
        """The other logs that an audit of a log's lineage has to look at.

        These are the ones that saved what it restored; if nobody did, one other log is enough to
        find that out.
        """
        member = next((m for m in self.members if m.path == path), None)
        if member is None or not member.restored:
            return ()
        digests = [c.sha256 for c in member.restored if c.sha256]
        savers = {m.path: None for d in digests for m in self._savers[d] if m.path != path}
        others = (m.path for m in self.members if m.path != path)
        return tuple(savers) or tuple(others)[:1]

    def descents(self) -> list[Descent]:
        """Each session that restored what another one saved, once for each checkpoint."""
        found = []
        for child in self.members:
            for digest in dict.fromkeys(c.sha256 for c in child.restored if c.sha256):
                parent = self._parent(child, digest)
                if parent is not None:
                    saved = next(c for c in parent.saved if c.sha256 == digest)
                    found.append(Descent(parent.path, child.path, saved))
        return found

    def _parent(self, child: Ancestry, digest: str) -> Ancestry | None:
        """Of those that saved it, the latest that began before the child; never itself."""
        savers = [m for m in self._savers[digest] if m.path != child.path]
        earlier = [m for m in savers if m.started <= child.started]
        return max(earlier or savers, key=lambda member: member.started, default=None)


def children_of(descents: Iterable[Descent]) -> Mapping[Source, list[Descent]]:
    """For each log the descents from it; each child under the first parent that it has."""
    under: dict[Source, list[Descent]] = defaultdict(list)
    placed: set[Source] = set()
    for descent in descents:
        if descent.child not in placed:
            placed.add(descent.child)
            under[descent.parent].append(descent)
    return under
