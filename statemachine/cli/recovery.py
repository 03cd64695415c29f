"""Sealing what a killed process left.

The log is copied, what its tails still hold is appended as blocks of the same chain with a
note that says so and the end marker, and the copy takes the log's place in one step. So
whatever happens in the middle leaves either the log and its tails as they were, or the
sealed log. The events say themselves that the session was not closed.
"""

import contextlib
import fcntl
import os
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO, Final

import attrs
import numpy as np

from statemachine.block import Block, write_detail
from statemachine.errors import UnreadableLog
from statemachine.events import EventKind
from statemachine.form import (
    END_MARKER,
    ChainWriter,
    CutOff,
    Damaged,
    Frame,
    Header,
    read_block,
    read_frames,
    read_header,
)
from statemachine.journal import block_after
from statemachine.log import versions
from statemachine.store import file_snapshot, tail_directory
from statemachine.tail import TailContent, unsealed
from statemachine.upcast import is_renumbered

COPY_SUFFIX: Final = ".recovering"
NOTE: Final = "sealed by recovery"
"""The text of the note that a recovery leaves in the log."""


class StillWritten(Exception):
    """A living process has the log open: there is nothing to recover yet."""


class EventsMissing(Exception):
    """The tails hold a later block than the one that would come next."""


@attrs.frozen
class Recovery:
    """What a recovery did.

    Attributes:
        sealed: How many events it sealed.
        blocks: In how many blocks.
        torn: How many bytes of a message that was never finished it left out.
        complete: Whether the log was complete already, so that nothing was done.
    """

    sealed: int = 0
    blocks: int = 0
    torn: int = 0
    complete: bool = False


@attrs.define
class _Found:
    """What stands in the file: up to where it is whole, and what the next block follows."""

    header: Header | None = None
    end: int = 0
    digest: str = ""
    blocks: int = 0
    last: Frame | None = None
    ended: bool = False

    def add(self, frame: Frame | None) -> None:
        """Take the next message into account."""
        if frame is None:
            self.ended = True
            return
        if self.header is None:
            self.header = read_header(frame)
        else:
            self.blocks += 1
            self.last = frame
        self.end = frame.offset + len(frame.message)
        self.digest = frame.digest


def recover(path: Path) -> Recovery:
    """Seal what a killed process left. A second time there is nothing left to do.

    Args:
        path: The log's file.

    Returns:
        What was done.

    Raises:
        StillWritten: If a living process has it open, or another recovery is at work.
        EventsMissing: If the tails don't go on where the file ends.
        Damaged: If the file is not what was written; then nothing is done.
        UnreadableLog: If it is no event log.
        OSError: If it can't be read, or the copy can't be written.
    """
    path = path.resolve()  # a link stays a link
    with _sole(path):
        found = _look_at(path)
        if not found.ended:
            return _seal(path, found)
        _remove_leftovers(path)
        return Recovery(complete=True)


@contextlib.contextmanager
def _sole(path: Path) -> Iterator[None]:
    """Hold the log alone: no writer is alive, no other recovery at work."""
    with contextlib.ExitStack() as held:
        file = held.enter_context(path.open("rb"))
        _lock(file, path)
        if os.stat(path).st_ino != os.fstat(file.fileno()).st_ino:
            raise StillWritten(f"another process has just recovered {path}")
        with contextlib.suppress(FileNotFoundError, NotADirectoryError):
            _lock(held.enter_context((tail_directory(path) / "slots").open("rb")), path)
        yield


def _lock(file: BinaryIO, path: Path) -> None:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise StillWritten(f"a living process still has {path} open") from None


def _look_at(path: Path) -> _Found:
    found = _Found()
    with path.open("rb") as file:
        try:
            for frame in read_frames(file):
                found.add(frame)
        except CutOff:
            if found.header is None:
                raise
    if found.header is None:
        raise UnreadableLog(f"{path} is empty: it is not an event log")
    return found


def _seal(path: Path, found: _Found) -> Recovery:
    assert found.header is not None  # _look_at has seen to it
    if is_renumbered(found.header.vocabulary):
        raise UnreadableLog(
            f"{path} was written by another version, which numbers the kinds of events otherwise: "
            f"recover it with version {found.header.versions.get('monitored-session')}"
        )
    tails = _tails_after(path, found.blocks)
    latest = None if found.last is None else read_block(found.last, found.header.record)
    blocks = list(_blocks(found.header, latest, tails))
    torn = path.stat().st_size - found.end
    sealed = sum(len(block) for block in blocks)
    blocks = _with_note(blocks, latest, sealed, torn)
    _replace(path, found.end, list(_messages(found.header, blocks, found.digest)))
    _remove_leftovers(path)
    return Recovery(sealed, len(blocks), torn)


def _tails_after(path: Path, blocks: int) -> list[TailContent]:
    """The tails that go on where the file ends, in order.

    After a crash of the system one of two may be missing, and what the other holds is of no use.
    """
    snapshot = file_snapshot(path)
    snapshot.sealed.close()
    tails = sorted((t for t in snapshot.tails if t[0] >= blocks), key=lambda tail: tail[0])
    numbers = [tail[0] for tail in tails]
    crashed = any(tail.outlived_a_crash for tail in tails)
    if numbers != list(range(blocks, blocks + len(numbers))) and not crashed:
        raise EventsMissing(
            f"{path} holds {blocks} blocks, and beside it lies what belongs to block "
            f"{', '.join(map(str, numbers))}: events between are missing"
        )
    return list(unsealed(tails, blocks))


def _blocks(header: Header, latest: Block | None, tails: list[TailContent]) -> Iterator[Block]:
    for content in tails:
        block = block_after(header, latest, content)
        if len(block):
            yield block
            latest = block


def _messages(header: Header, blocks: list[Block], after: str) -> Iterator[bytes]:
    writer = ChainWriter(header)
    for block in blocks:
        message, after = writer.encode(block, after)
        yield message


def _with_note(blocks: list[Block], latest: Block | None, sealed: int, torn: int) -> list[Block]:
    """The blocks with a note at the end of the last one, or alone in one of its own."""
    detail = {
        "text": NOTE,
        "detail": {
            "events": sealed,
            "torn_bytes": torn,
            "at": datetime.now(UTC).isoformat(timespec="seconds"),
            "version": versions()["monitored-session"],
        },
    }
    *before, last = blocks or [_empty_after(latest)]
    note = attrs.evolve(
        last,
        elapsed=np.append(last.elapsed, np.int64(0)),
        codes=np.append(last.codes, np.int32(EventKind.NOTE.number)),
        details={**last.details, len(last): write_detail(detail)},
    )
    return [*before, note]


def _empty_after(latest: Block | None) -> Block:
    none = np.empty(0, dtype=np.int64)
    if latest is None:
        return Block(0, 0, 0, none, none.astype(np.int32), {})
    place = (latest.sequence_after, latest.step_after, latest.time_after)
    return Block(*place, none, none.astype(np.int32), {})


def _replace(path: Path, whole: int, messages: list[bytes]) -> None:
    """Put the log's whole messages and those that follow in its place, in one step."""
    copy = path.with_name(path.name + COPY_SUFFIX)
    try:
        with path.open("rb") as source, copy.open("wb") as target:
            _copy(source, target, whole)
            target.writelines([*messages, END_MARKER])
            target.flush()
            os.fsync(target.fileno())
        shutil.copymode(path, copy)
        copy.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            copy.unlink()
        raise
    directory = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)


def _copy(source: BinaryIO, target: BinaryIO, size: int) -> None:
    while size:
        data = source.read(min(size, 1 << 20))
        if not data:
            raise Damaged(source.tell(), "the log became shorter while it was recovered")
        target.write(data)
        size -= len(data)


def _remove_leftovers(path: Path) -> None:
    """Remove the tails of a log that is sealed, and the copy of a recovery that was killed."""
    with contextlib.suppress(OSError):
        path.with_name(path.name + COPY_SUFFIX).unlink()
    directory = tail_directory(path)
    for name in ("slots", "side-0", "side-1"):
        with contextlib.suppress(OSError):
            (directory / name).unlink()
    with contextlib.suppress(OSError):
        directory.rmdir()
