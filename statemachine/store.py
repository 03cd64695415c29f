"""Where the sealed blocks of a log are kept, and the tails that are being filled."""

import contextlib
import enum
import errno
import fcntl
import mmap
import os
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path
from typing import BinaryIO, Final, Protocol

import attrs

from statemachine.errors import LogError, LogExists, LogWriteFailed, UnreadableLog
from statemachine.form import END_MARKER, NO_DIGEST
from statemachine.tail import TAIL_SIZE, MemorySide, Tail, TailContent, read_tail, settled

SUFFIX: Final = ".arrows"
TAIL_SUFFIX: Final = ".tail"


@attrs.frozen(eq=False)
class Snapshot:
    """What a store holds at one moment.

    Attributes:
        sealed: The messages' bytes in turn, opened for reading at the start.
        tails: What each tail in use holds. Blocks may be both here and sealed.
        running: Whether a writer still has the log open.
        dropped: How many of the first blocks a bounded store had to forget.
        resume: The digest of the last block that was forgotten, or NO_DIGEST.
        complete: Whether the log is complete with what the tails hold.
    """

    sealed: BinaryIO
    tails: tuple[TailContent, ...]
    running: bool
    dropped: int = 0
    resume: str = NO_DIGEST
    complete: bool = False


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
        """Add a sealed block. When this returns, it survives the death of the process.

        After an interrupt it may be called again with the block that was added last; that changes
        nothing. After an error it may be called again with the block that it could not add.
        """

    def sync(self) -> None:
        """Make everything that was appended survive the death of the machine.

        After an error nobody knows what is on the disk: all blocks that were appended since it
        last succeeded are taken back, and appended again.
        """

    def finish(self) -> None:
        """Write the end marker, sync, and drop the tails: the log is complete."""

    def release(self) -> None:
        """Let go of everything without writing; called in a forked child, and at the end."""

    def snapshot(self) -> Snapshot:
        """What is there now; may be called while the log is written."""


@attrs.frozen
class _Held:
    """The sealed blocks of a log in memory; replaced as a whole, so that it needs no lock."""

    blocks: tuple[tuple[bytes, str], ...] = ()
    size: int = 0
    dropped: int = 0
    resume: str = NO_DIGEST

    def with_block(self, message: bytes, digest: str, limit: int) -> "_Held":
        """The same with a further block, and without the oldest ones beyond the limit."""
        blocks = (*self.blocks, (message, digest))
        size, dropped, resume = self.size + len(message), 0, self.resume
        while size > limit and dropped < len(blocks) - 1:
            forgotten, resume = blocks[dropped]
            size -= len(forgotten)
            dropped += 1
        return _Held(blocks[dropped:], size, self.dropped + dropped, resume)


class MemoryStore:
    """A log in memory, bounded: what does not fit is forgotten, oldest first.

    Args:
        limit: How many bytes of sealed (compressed) blocks are kept.
    """

    durable = False

    def __init__(self, limit: int = 64 << 20) -> None:
        self._limit = limit
        self._schema: Callable[[], bytes] | None = None
        self._held = _Held()
        self._tails: tuple[Tail, Tail] | None = None
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
        self._tails = (_memory_tail(), _memory_tail())
        return self._tails

    def append(self, message: bytes, digest: str) -> None:
        """Add a sealed block, and forget the oldest ones beyond the limit."""
        held = self._held
        if not held.blocks or held.blocks[-1][1] != digest:
            self._held = held.with_block(message, digest, self._limit)

    def sync(self) -> None:
        """Nothing in memory outlives the process."""

    def finish(self) -> None:
        """The log is complete; what was not sealed by then stays in its tail."""
        self._ended = True

    def release(self) -> None:
        """A forked child has its own copy; nothing is shared."""

    def snapshot(self) -> Snapshot:
        """What is there now. Looked at in this order, nothing is missed: end, tails, blocks."""
        ended, tails = self._ended, self._tails
        contents = () if tails is None else settled(lambda number: tails[number].contents())
        held = self._held
        schema = b"" if self._schema is None else self._schema()
        sealed = BytesIO(b"".join((schema, *(message for message, _ in held.blocks))))
        return Snapshot(sealed, contents, not ended, held.dropped, held.resume, ended)


def _memory_tail() -> Tail:
    return Tail(memoryview(bytearray(TAIL_SIZE)), MemorySide())


class Durability(enum.Enum):
    """What the sealed blocks of a log survive; events in a tail survive the process in any case."""

    PROCESS = "process"
    """The death of the process that writes it. Nothing is synced."""
    SYSTEM = "system"
    """A crash of the system and a loss of power, too. Each seal is synced."""


@attrs.frozen
class _End:
    """How far a file goes, and the digest of its last message."""

    size: int = 0
    digest: str = ""


class FileStore:
    """A log in a file, with its tails in a directory beside it until it is complete.

    Args:
        path: The file; must not exist. Its directory must.
        durability: What the sealed blocks are to survive.
    """

    durable = True

    def __init__(
        self, path: str | os.PathLike[str], durability: Durability = Durability.SYSTEM
    ) -> None:
        self.path = Path(path)
        self.durability = durability
        self._file = -1
        self._end = self._synced = _End()
        self._torn = False
        self._tail_files: TailFiles | None = None

    @property
    def location(self) -> str:
        """Where the log is, for messages."""
        return str(self.path)

    def create(self, schema_message: Callable[[], bytes]) -> tuple[Tail, Tail]:
        """Make the file and the directory of the tails."""
        with _told("create the event log", self.path):
            self._file = _new_file(self.path, os.O_WRONLY | os.O_APPEND)
        try:
            self._tail_files = TailFiles(tail_directory(self.path))
            self._append(schema_message(), "")
            self.sync()
            self._sync_directory()
        except BaseException:
            self._undo()
            raise
        return self._tail_files.tails

    def _undo(self) -> None:
        self.release()
        if self._tail_files is not None:
            self._tail_files.remove()
        with contextlib.suppress(OSError):
            self.path.unlink()

    def append(self, message: bytes, digest: str) -> None:
        """Add a sealed block."""
        if digest != self._end.digest:
            self._append(message, digest)

    def _append(self, message: bytes, digest: str) -> None:
        with _told("write the event log", self.path):
            self._check_place()
            if self._torn:  # an earlier attempt left a part of a message, or one not synced
                os.ftruncate(self._file, self._end.size)
        self._torn = True
        _write_all(self._file, message, self.path)
        self._end, self._torn = _End(self._end.size + len(message), digest), False

    def _check_place(self) -> None:
        """A file that is written to is not always one that somebody will find."""
        try:
            is_there = os.path.samestat(os.stat(self.path), os.fstat(self._file))
        except FileNotFoundError:
            is_there = False
        if not is_there:
            gone = "it was removed or replaced while it was written, or its file system unmounted"
            raise OSError(errno.ESTALE, gone)

    def sync(self) -> None:
        """Make everything that was appended survive the death of the machine."""
        try:
            self._sync(self._file)
        except LogWriteFailed:
            self._end, self._torn = self._synced, True
            raise
        self._synced = self._end

    def _sync(self, file: int) -> None:
        if self.durability is Durability.SYSTEM:
            with _told("sync the event log", self.path):
                os.fsync(file)

    def _sync_directory(self) -> None:
        with _told("sync the directory of the event log", self.path):
            directory = os.open(self.path.parent, os.O_RDONLY | os.O_CLOEXEC)
        try:
            self._sync(directory)
        finally:
            os.close(directory)

    def finish(self) -> None:
        """Write the end marker, sync, and drop the tails."""
        self._append(END_MARKER, "")
        self.sync()
        self.release()
        if self._tail_files is not None:
            self._tail_files.remove()
        self._sync_directory()

    def release(self) -> None:
        """Let go of everything without writing."""
        file, self._file = self._file, -1  # first: an interrupt must not make it be closed twice
        if file >= 0:
            os.close(file)
        if self._tail_files is not None:
            self._tail_files.release()

    def snapshot(self) -> Snapshot:
        """What is there now."""
        return file_snapshot(self.path)


def tail_directory(path: Path) -> Path:
    """Where the tails of a log that is being written lie."""
    return path.with_name(path.name + TAIL_SUFFIX)


class TailFiles:
    """The directory of the tails: `slots` is mapped and locked, `side-0` and `side-1` grow."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._lock = -1
        self._sides: list[_FileSide] = []
        with _told("make the tail of the event log", directory):
            directory.mkdir()
            try:
                self.tails = self._make()
            except BaseException:
                self.release()
                self.remove()
                raise

    def _make(self) -> tuple[Tail, Tail]:
        self._lock = _new_file(self._directory / "slots", os.O_RDWR)
        fcntl.flock(self._lock, fcntl.LOCK_EX)  # a reader holds it for a moment at most
        view = memoryview(_mapped(self._directory / "slots", 2 * TAIL_SIZE))
        for name in ("side-0", "side-1"):
            self._sides.append(_FileSide(self._directory / name))
        halves = (view[:TAIL_SIZE], view[TAIL_SIZE:])
        return Tail(halves[0], self._sides[0]), Tail(halves[1], self._sides[1])

    def release(self) -> None:
        """Close the files; the mapping goes when nothing refers to it any more."""
        for side in self._sides:
            side.close()
        lock, self._lock = self._lock, -1
        if lock >= 0:
            os.close(lock)

    def remove(self) -> None:
        """Remove the directory; a reader takes no notice of one beside a complete log."""
        with contextlib.suppress(OSError):
            for path in self._directory.iterdir():
                path.unlink()
            self._directory.rmdir()


def _mapped(path: Path, size: int) -> mmap.mmap:
    """Map a file whose blocks are really there: a store into a hole of a full disk kills.

    The mapping keeps a copy of the descriptor, so this must be another one than that of the lock.
    """
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
        self._file = _new_file(path, os.O_RDWR | os.O_APPEND)

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
        file, self._file = self._file, -1
        if file >= 0:
            os.close(file)


def _new_file(path: Path, flags: int) -> int:
    return os.open(path, flags | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644)


def _write_all(file: int, data: bytes, path: Path) -> None:
    view = memoryview(data)
    with _told("write the event log", path):
        while view:
            view = view[os.write(file, view) :]


@contextlib.contextmanager
def _told(what: str, path: Path) -> Iterator[None]:
    """Tell of an error of the operating system as an error of the log."""
    try:
        yield
    except LogError:
        raise
    except FileExistsError as error:
        raise LogExists(
            f"{error.filename} exists; a log is created, never overwritten: name another file, or "
            "a directory, which gets a new file"
        ) from None
    except OSError as error:
        told = f"can't {what} at {path}: {error.strerror or error}"
        raise LogWriteFailed.told(error.errno, told) from error


def file_snapshot(path: Path) -> Snapshot:
    """What a log's file and the tails beside it hold; they are only read.

    Tails are read before the file: a block that is sealed meanwhile is then found twice, and
    never missed.

    Raises:
        FileNotFoundError: If there is no such file.
        UnreadableLog: If it is no file, but a directory or a device.
    """
    if not path.is_file() and path.exists():
        kind = "a directory: name one of the logs in it" if path.is_dir() else "no regular file"
        raise UnreadableLog(f"{path} can't be an event log: it is {kind}")
    directory = tail_directory(path)
    running = is_locked(directory / "slots")
    tails = tails_in(directory)
    return Snapshot(path.open("rb"), tails, running)


def tails_in(directory: Path) -> tuple[TailContent, ...]:
    """What the tails in a directory hold, also if there is none; they are only read."""
    return settled(lambda number: _read_tail_file(directory, number))


def _read_tail_file(directory: Path, number: int) -> TailContent | None:
    slots = _read_if_there(directory / "slots", number * TAIL_SIZE, TAIL_SIZE)
    return read_tail(slots, _read_if_there(directory / f"side-{number}"))


def _read_if_there(path: Path, start: int = 0, size: int = -1) -> bytes:
    try:
        with path.open("rb") as file:
            file.seek(start)
            return file.read(size)
    except (FileNotFoundError, NotADirectoryError):
        return b""


def is_locked(path: Path) -> bool:
    """Whether a living writer holds the lock of the tails in this file."""
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
