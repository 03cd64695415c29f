"""Where the sealed blocks of a log are kept, and the tails that are being filled."""

import contextlib
import errno
import fcntl
import mmap
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from io import BytesIO
from pathlib import Path
from typing import BinaryIO, Final, Protocol

import attrs

from statemachine.block import Codes, Int64s, Record
from statemachine.errors import LogExists, LogWriteFailed
from statemachine.form import END_MARKER, NO_DIGEST
from statemachine.tail import TAIL_SIZE, MemorySide, Tail, read_tail

SUFFIX: Final = ".arrows"
TAIL_SUFFIX: Final = ".tail"

TailContent = tuple[int, Int64s, Codes, list[Record]]


@attrs.frozen(eq=False)
class Snapshot:
    """What a store holds at one moment.

    Attributes:
        sealed: The messages' bytes in turn, opened for reading at the start.
        tails: For each tail in use: its block's number, times, codes and records.
        running: Whether a writer still has the log open.
        dropped: How many of the first blocks a bounded store had to forget.
        resume: The digest of the last block that was forgotten, or NO_DIGEST.
    """

    sealed: BinaryIO
    tails: tuple[TailContent, ...]
    running: bool
    dropped: int = 0
    resume: str = NO_DIGEST


class EventStore(Protocol):
    """The small interface that a place for logs has to offer; one store holds one log."""

    durable: bool
    """Whether it outlives the process: then blocks are sealed early, and in the background."""

    @property
    def location(self) -> str:
        """Where the log is, for messages."""

    def create(self, schema_message: Callable[[], bytes]) -> tuple[Tail, Tail]:
        """Make the log, which must not exist yet, and the two tails for its blocks.

        Args:
            schema_message: Gives the first message, when it is needed.
        """

    def append(self, message: bytes, digest: str) -> None:
        """Add a sealed block. When this returns, it survives the death of the process."""

    def sync(self) -> None:
        """Make everything that was appended survive the death of the machine."""

    def finish(self) -> None:
        """Write the end marker, sync, and drop the tails: the log is complete."""

    def release(self) -> None:
        """Let go of everything without writing: called in a forked child."""

    def snapshot(self) -> Snapshot:
        """What is there now; may be called while the log is written."""


class MemoryStore:
    """A log in memory, bounded: what does not fit is forgotten, oldest first.

    Args:
        limit: How many bytes of sealed (compressed) blocks are kept.
    """

    durable = False

    def __init__(self, limit: int = 64 << 20) -> None:
        self._limit = limit
        self._schema: Callable[[], bytes] | None = None
        self._blocks: deque[tuple[bytes, str]] = deque()
        self._size = 0
        self._dropped = 0
        self._resume = NO_DIGEST
        self._tails: tuple[Tail, ...] = ()
        self._ended = False

    @property
    def location(self) -> str:
        """Where the log is, for messages."""
        return "memory"

    def create(self, schema_message: Callable[[], bytes]) -> tuple[Tail, Tail]:
        """Make the log."""
        if self._schema is not None:
            raise LogExists("this store in memory holds the log of another session already")
        self._schema = schema_message
        tails = (_memory_tail(), _memory_tail())
        self._tails = tails
        return tails

    def append(self, message: bytes, digest: str) -> None:
        """Add a sealed block, and forget the oldest ones beyond the limit."""
        self._blocks.append((message, digest))
        self._size += len(message)
        while self._size > self._limit and len(self._blocks) > 1:
            forgotten, self._resume = self._blocks.popleft()
            self._size -= len(forgotten)
            self._dropped += 1

    def sync(self) -> None:
        """Nothing in memory outlives the process."""

    def finish(self) -> None:
        """The log is complete; what was not sealed by then stays in its tail."""
        self._ended = True

    def release(self) -> None:
        """A forked child has its own copy; nothing is shared."""

    def snapshot(self) -> Snapshot:
        """What is there now."""
        schema = b"" if self._schema is None else self._schema()
        parts = [schema, *(message for message, _ in self._blocks)]
        sealed = BytesIO(b"".join(parts) + (END_MARKER if self._ended else b""))
        tails = tuple((tail.block, *tail.contents()) for tail in self._tails if tail.block >= 0)
        return Snapshot(sealed, tails, not self._ended, self._dropped, self._resume)


def _memory_tail() -> Tail:
    return Tail(memoryview(bytearray(TAIL_SIZE)), MemorySide())


class FileStore:
    """A log in a file, with its tails in a directory beside it until it is complete.

    Args:
        path: The file; must not exist. Its directory must.
    """

    durable = True

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        self._file = -1
        self._tail_files: _TailFiles | None = None

    @property
    def location(self) -> str:
        """Where the log is, for messages."""
        return str(self.path)

    def create(self, schema_message: Callable[[], bytes]) -> tuple[Tail, Tail]:
        """Make the file and the directory of the tails."""
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC
        try:
            self._file = os.open(self.path, flags, 0o644)
        except FileExistsError:
            raise LogExists(
                f"{self.path} exists; a log is created, never overwritten: name another file, or "
                "a directory, which gets a new file"
            ) from None
        except OSError as error:
            raise _failed(self.path, "create the event log", error) from error
        try:
            self._tail_files = _TailFiles(tail_directory(self.path))
            _write_all(self._file, schema_message(), self.path)
            self.sync()
            _sync_directory(self.path.parent)
        except BaseException:
            self._undo()
            raise
        return self._tail_files.tails

    def _undo(self) -> None:
        self.release()
        with contextlib.suppress(OSError):
            self.path.unlink()
        _remove_directory(tail_directory(self.path))

    def append(self, message: bytes, digest: str) -> None:
        """Add a sealed block."""
        _write_all(self._file, message, self.path)

    def sync(self) -> None:
        """Make everything that was appended survive the death of the machine."""
        try:
            os.fsync(self._file)
        except OSError as error:
            raise _failed(self.path, "sync the event log", error) from error

    def finish(self) -> None:
        """Write the end marker, sync, and drop the tails."""
        _write_all(self._file, END_MARKER, self.path)
        self.sync()
        self.release()
        _remove_directory(tail_directory(self.path))
        _sync_directory(self.path.parent)

    def release(self) -> None:
        """Let go of everything without writing."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1
        if self._tail_files is not None:
            self._tail_files.release()

    def snapshot(self) -> Snapshot:
        """What is there now."""
        return file_snapshot(self.path)


def tail_directory(path: Path) -> Path:
    """Where the tails of a log that is being written lie."""
    return path.with_name(path.name + TAIL_SUFFIX)


class _TailFiles:
    """The directory of the tails: `slots` is mapped and locked, `side-0` and `side-1` grow."""

    def __init__(self, directory: Path) -> None:
        try:
            directory.mkdir()
            self._lock = _locked(directory / "slots")
            self._map = _mapped(directory / "slots", 2 * TAIL_SIZE)
        except OSError as error:
            raise _failed(directory, "make the tail of the event log", error) from error
        self._sides = (_FileSide(directory / "side-0"), _FileSide(directory / "side-1"))
        view = memoryview(self._map)
        self.tails = (
            Tail(view[:TAIL_SIZE], self._sides[0]),
            Tail(view[TAIL_SIZE:], self._sides[1]),
        )

    def release(self) -> None:
        """Close the files; the mapping goes when nothing refers to it any more."""
        for side in self._sides:
            side.close()
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1


def _locked(path: Path) -> int:
    """Create a file and lock it; the lock tells a running log from a killed one."""
    file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644)
    fcntl.flock(file, fcntl.LOCK_EX)  # a reader holds it for a moment at most
    return file


def _mapped(path: Path, size: int) -> mmap.mmap:
    """Map a file whose blocks are really there: a store into a hole of a full disk kills."""
    file = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    try:
        if hasattr(os, "posix_fallocate"):
            os.posix_fallocate(file, 0, size)
        else:
            os.write(file, bytes(size))
        return mmap.mmap(file, size)
    finally:
        os.close(file)


class _FileSide:
    """Records in a file; one `write` each, so that a record is there whole or not at all."""

    def __init__(self, path: Path) -> None:
        self._path = path
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC
        self._file = os.open(path, flags, 0o644)

    def append(self, data: bytes) -> None:
        """Append one record."""
        _write_all(self._file, data, self._path)

    def read(self) -> bytes:
        """Everything that was appended since the last `clear`."""
        return os.pread(self._file, os.fstat(self._file).st_size, 0)

    def clear(self) -> None:
        """Forget everything."""
        os.ftruncate(self._file, 0)

    def close(self) -> None:
        """Close the file."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1


def _write_all(file: int, data: bytes, path: Path) -> None:
    view = memoryview(data)
    try:
        while view:
            view = view[os.write(file, view) :]
    except OSError as error:
        raise _failed(path, "write the event log", error) from error


def _failed(path: Path, what: str, error: OSError) -> LogWriteFailed:
    reason = os.strerror(error.errno) if error.errno else str(error)
    return LogWriteFailed(error.errno or errno.EIO, f"can't {what} at {path}: {reason}")


def _sync_directory(directory: Path) -> None:
    file = os.open(directory, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(file)
    finally:
        os.close(file)


def _remove_directory(directory: Path) -> None:
    with contextlib.suppress(OSError):
        for path in directory.iterdir():
            path.unlink()
        directory.rmdir()


def file_snapshot(path: Path) -> Snapshot:
    """What a log's file and the tails beside it hold; they are only read.

    Tails are read before the file: a block that is sealed meanwhile is then found twice, and
    never missed.
    """
    directory = tail_directory(path)
    running = _is_locked(directory / "slots")
    tails = tuple(_read_tails(directory))
    return Snapshot(path.open("rb"), tails, running)


def _read_tails(directory: Path) -> Iterator[TailContent]:
    slots = _read_if_there(directory / "slots")
    for number in range(2):
        side = _read_if_there(directory / f"side-{number}")
        content = read_tail(slots[number * TAIL_SIZE : (number + 1) * TAIL_SIZE], side)
        if content is not None:
            yield content


def _read_if_there(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return b""


def _is_locked(path: Path) -> bool:
    try:
        file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(file)
    return False


def missing_blocks(sealed: int, tails: Iterable[TailContent]) -> bool:
    """Whether tails begin later than the sealed blocks end: the snapshot was torn."""
    numbers = sorted(block for block, *_ in tails if block >= sealed)
    return numbers[:1] not in ([], [sealed])
