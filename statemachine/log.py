"""`EventLog`: one session's events, being written or read back."""

import os
import platform
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from importlib import metadata
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, BinaryIO, Final

import attrs

from statemachine.block import Block
from statemachine.errors import LogNotWritable, LogWriteFailed, UnreadableLog
from statemachine.events import Event, EventKind
from statemachine.form import (
    KEY,
    CutOff,
    Damaged,
    Header,
    read_block,
    read_frames,
    read_header,
)
from statemachine.head import Chain
from statemachine.journal import IN_MEMORY, Journal, Troubles, block_after, nanoseconds
from statemachine.machine import Lifecycle
from statemachine.store import (
    SUFFIX,
    Durability,
    EventStore,
    FileStore,
    MemoryStore,
    Snapshot,
    file_snapshot,
)
from statemachine.tail import unsealed
from statemachine.upcast import upcaster
from statemachine.values import RECORDS, Record
from statemachine.witness import Witness

if TYPE_CHECKING:
    import pyarrow as pa

_LIBRARIES: Final = ("monitored-session", "numpy", "transitions", "attrs", "pyarrow")
_LOOK: Final = 1 << 16
_MARKS: Final = (KEY.encode(), b'{"sha256":"')


@lru_cache(maxsize=1)
def versions() -> Mapping[str, str]:
    """The versions that a log states: Python's and those of the libraries that take part."""
    found = {"python": platform.python_version()}
    for name in _LIBRARIES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            found[name] = "unknown"
    return MappingProxyType(found)


@attrs.define(eq=False)
class Reading:
    """One pass over what a log held at one moment.

    Iterating yields its blocks, the unsealed ones last. The attributes are filled while it
    goes on.

    Attributes:
        header: Who wrote the log.
        sealed: How many blocks with a right digest were read.
        unsealed: How many events were read from the tails.
        ended: Whether the log was completed.
        cut_off: What is wrong where the file ends within a message, or None.
        chain: The heads that the log had, as far as it was read.
        dropped: How many of the first blocks a bounded log had to forget.
        running: Whether the writer still has the log open.
    """

    header: Header
    snapshot: Snapshot
    sealed: int = 0
    unsealed: int = 0
    ended: bool = False
    cut_off: Damaged | None = None
    chain: Chain = attrs.field()

    @chain.default
    def _new_chain(self) -> Chain:
        return Chain(self.header.session)

    @property
    def dropped(self) -> int:
        """How many of the first blocks a bounded log had to forget."""
        return self.snapshot.dropped

    @property
    def running(self) -> bool:
        """Whether the writer still has the log open."""
        return self.snapshot.running

    def __iter__(self) -> Iterator[Block]:
        """The blocks in turn.

        Raises:
            Damaged: If a sealed block is not what was written.
        """
        latest = None
        for block in self._sealed_blocks():
            latest = block
            yield block
        if not self.ended:
            yield from self._unsealed_blocks(latest)
            self.ended = self.snapshot.complete

    def _sealed_blocks(self) -> Iterator[Block]:
        frames = read_frames(self.snapshot.sealed, after=self.snapshot.resume)
        upcast = upcaster(self.header.vocabulary)
        try:
            for number, frame in enumerate(frames):
                if frame is None:
                    self.ended = self.chain.ended = True
                elif number:
                    block = read_block(frame, self.header.record)
                    self.chain.add(frame.digest, block.sequence_after)
                    yield upcast(block)
                    self.sealed += 1
                else:
                    self.chain.add(frame.digest, 0)
        except CutOff as error:
            self.cut_off = error
        finally:
            self.snapshot.sealed.close()

    def _unsealed_blocks(self, latest: Block | None) -> Iterator[Block]:
        upcast = upcaster(self.header.vocabulary)
        for content in unsealed(self.snapshot.tails, self.sealed + self.dropped):
            self.cut_off = None  # the torn message is this block, which the tail still has
            latest = upcast(block_after(self.header, latest, content))
            self.unsealed += len(latest)
            if len(latest):
                yield latest


class EventLog:
    """One session's event log.

    Created, it waits for a session to write to it: pass it as ``event_log=``. Read it with
    `EventLog.open`, or while it is written. Iterating gives `Event`s in order.

    Args:
        target: Where to write: None, memory; a file that does not exist yet; a directory,
            which gets a new, uniquely named file; or an `EventStore`.
        witness: Who is told of the log's heads, so that nobody can change it unnoticed; None
            for nobody.
        on_log_error: What becomes of the training if the log can't be written: "raise", the error
            comes out of the call that notices it; "warn", the training goes on, a warning is
            logged once for each kind of trouble, and the log says what it lost.
        durability: What the sealed blocks survive: "process", the death of the process;
            "system", a crash of the system and a loss of power, too. None means "system" for a
            path, and leaves an `EventStore` as it is.
        record: What is kept of the values that runs give and are fed: `"scalars"`, `"digests"`
            (SHA-256 of each array and scalar), or None, nothing. See `statemachine.values`.

    Raises:
        TypeError: If the target is nothing that a log can go to, or the witness is none.
        ValueError: If there is a witness for a log in memory, of which nothing is sealed in
            the end; or if a setting is none.

    Attributes:
        lifecycle: The lifecycle of the session that writes the log, for observers.
            None for a log that was opened.

    Example:
        >>> log = EventLog()
        >>> log.location
        'memory'
    """

    def __init__(
        self,
        target: "str | os.PathLike[str] | EventStore | None" = None,
        *,
        witness: Witness | None = None,
        on_log_error: str = "raise",
        durability: str | None = None,
        record: Record | None = None,
    ) -> None:
        if record is not None and record not in RECORDS:
            raise ValueError(
                f'record is "scalars", "digests", or None for no values, not {record!r}'
            )
        if on_log_error not in ("raise", "warn"):
            raise ValueError(f"on_log_error is 'raise' or 'warn', not {on_log_error!r}")
        if witness is not None and not hasattr(witness, "publish"):
            raise TypeError(
                f"witness is a Witness, or None, not {witness!r}: Witness(path or callable, key)"
            )
        store = _store_for(target, _durability(durability))
        if witness is not None and not store.durable:
            raise ValueError(
                f"a log in {store.location} is never sealed as a whole, so it has no heads for a "
                "witness: name a path, a directory or a durable store"
            )
        self._store: EventStore | None = store
        self._witness = witness
        self._goes_on = on_log_error == "warn"
        self._record = record
        self._path: Path | None = None
        self._journal: Journal | None = None
        self._header: Header | None = None
        self.lifecycle: Lifecycle | None = Lifecycle()

    @classmethod
    def open(cls, path: str | os.PathLike[str]) -> "EventLog":
        """Open a log for reading: a closed one, a running one, or one of a killed process.

        Raises:
            FileNotFoundError: If there is no such file.
            UnreadableLog: If it is not an event log, or its first message can't be read.
            TypeError: If it is no path.
        """
        if not isinstance(path, (str, os.PathLike)):
            raise TypeError(f"a log is opened by its path, a text or a Path, not by {path!r}")
        return cls._opened(None, Path(path))

    @classmethod
    def of(cls, store: EventStore) -> "EventLog":
        """Open the log that a store holds for reading.

        Raises:
            FileNotFoundError: If there is none.
            UnreadableLog: If its first message can't be read.
        """
        return cls._opened(store, None)

    @classmethod
    def _opened(cls, store: EventStore | None, path: Path | None) -> "EventLog":
        log = cls.__new__(cls)
        log._store, log._path = store, path
        log._journal = log._header = log.lifecycle = log._witness = log._record = None
        log._header = log.header
        return log

    @property
    def location(self) -> str:
        """Where the log is: a path, or a word for another kind of place."""
        return self._store.location if self._store is not None else str(self._path)

    @property
    def path(self) -> Path | None:
        """The log's file, or None if it has none."""
        if isinstance(self._store, FileStore):
            return self._store.path
        return self._path

    @property
    def header(self) -> Header:
        """Who wrote the log, when, and by which rules.

        Raises:
            LogNotWritable: If no session has begun to write it yet.
            UnreadableLog: If the log's first message can't be read.
        """
        if self._header is not None:
            return self._header
        if self.lifecycle is not None:
            raise LogNotWritable("no session has begun this event log: pass it as event_log=")
        with self.snapshot().sealed as file:
            return _read_header(file, self.location)

    @property
    def hooks(self) -> tuple[str, ...]:
        """The classes of the session's hooks, in list order."""
        return self.header.hooks

    @property
    def record(self) -> Record | None:
        """What it keeps of values: `"scalars"`, `"digests"`, or None."""
        return self._record if self._header is None else self._header.record

    @property
    def running(self) -> bool:
        """Whether a living process is still writing the log."""
        snapshot = self.snapshot()
        snapshot.sealed.close()
        return snapshot.running

    def begin(self, hooks: Sequence[str], on_error: Sequence[int] = ()) -> Journal:
        """Begin to write. For the session that the log was passed to.

        Args:
            hooks: The classes of its hooks, in list order.
            on_error: The places in that list of the hooks that have an `on_error`, ascending.

        Raises:
            LogNotWritable: If the log was opened for reading, or another session has it.
            LogExists: If the file is there already.
            LogWriteFailed: If it can't be made; with ``on_log_error="warn"`` the log is kept in
                memory then.
        """
        if self._store is None or self.lifecycle is None:
            raise LogNotWritable(f"{self.location} was opened for reading; create a new EventLog")
        if self._journal is not None:
            raise LogNotWritable(
                f"the event log {self.location} belongs to another session: one session, one log"
            )
        started, clock = time.time_ns(), nanoseconds(time.monotonic())
        header = Header(
            uuid.uuid4().hex,
            started,
            clock,
            tuple(hooks),
            versions(),
            os.getpid(),
            record=self._record,
            on_error=tuple(on_error),
        )
        self._journal = self._make_journal(self._store, header)
        self._header = header
        return self._journal

    def _make_journal(self, store: EventStore, header: Header) -> Journal:
        try:
            return Journal(store, header, witness=self._witness, goes_on=self._goes_on)
        except LogWriteFailed as error:
            if not self._goes_on:
                raise
            Troubles(self.location, self._goes_on).tell(error, IN_MEMORY)
        self._store = MemoryStore()
        return Journal(self._store, header)

    def note(self, text: str, /, **detail: object) -> None:
        """Write down an event of your own; any thread may, at any time while it is written.

        Args:
            text: What to write down.
            **detail: Names, shapes, digests or scalars that belong to it; no arrays.

        Raises:
            TypeError: If the text is none, or the detail holds something else.
            LogNotWritable: If no session is writing the log.
        """
        if not isinstance(text, str):
            raise TypeError(f"a note is a text, not {text!r}")
        if self._journal is None:
            raise LogNotWritable(
                f"no session is writing the event log {self.location}, so nothing can be noted"
            )
        self._journal.add(EventKind.NOTE, {"text": text, **({"detail": detail} if detail else {})})

    def read(self) -> Reading:
        """One pass over what the log holds now, block by block.

        Raises:
            UnreadableLog: If the log's first message can't be read.
        """
        return Reading(self.header, self.snapshot())

    def snapshot(self) -> Snapshot:
        """What the log's store holds now; whoever takes it closes its file."""
        if self._store is not None:
            return self._store.snapshot()
        assert self._path is not None
        return file_snapshot(self._path)

    def __iter__(self) -> Iterator[Event]:
        """The events in order.

        Raises:
            Damaged: If a part of the log is not what was written; what comes before it is
                yielded first.
        """
        reading = self.read()
        inside = False
        for block in reading:
            yield from block.events(reading.header.started, inside)
            inside = block.in_step_after(inside)

    def __len__(self) -> int:
        """How many events the log holds."""
        return sum(len(block) for block in self.read())

    def __bool__(self) -> bool:
        """A log is true, even without events."""
        return True

    def __repr__(self) -> str:
        return f"<EventLog {self.location}>"

    def to_arrow(self) -> "pa.Table":
        """The events as a table that a person understands.

        Returns:
            An Arrow table with the columns sequence (int64), time (timestamp, ns, UTC), state
            (the session's state after the event), kind (dotted name), hook (int32, or null),
            hook_class, step (int64, or null), detail (JSON text, or null) and, if the log records
            values, values (a list of structures with the fields of `statemachine.values.Value`).
        """
        from statemachine.arrow_table import table_of

        return table_of(self.read())


def _durability(name: str | None) -> Durability | None:
    try:
        return None if name is None else Durability(name)
    except ValueError:
        raise ValueError(f"durability is 'process', 'system' or None, not {name!r}") from None


def _store_for(target: object, durability: Durability | None) -> EventStore:
    if isinstance(target, (str, os.PathLike)):
        path = Path(target)
        path = new_path(path) if path.is_dir() else path
        return FileStore(path, durability or Durability.SYSTEM)
    if durability is not None:
        raise ValueError(
            f"durability={durability.value!r} goes with a path: what is in memory dies with the "
            "process, and an EventStore is made with a durability of its own"
        )
    if target is None:
        return MemoryStore()
    if not hasattr(target, "snapshot"):
        raise TypeError(
            "an event log goes to a path, a directory, an EventStore, or None (memory), "
            f"not {target!r}"
        )
    return target  # type: ignore[return-value]  # a protocol: the look above is all one can check


def new_path(directory: Path) -> Path:
    """A name in a directory that no other log has: time, process, and a random part."""
    now = datetime.now(UTC).strftime("%Y%m%dT%H%M%S")
    return directory / f"session-{now}-{os.getpid()}-{uuid.uuid4().hex[:8]}{SUFFIX}"


def _read_header(file: BinaryIO, location: str) -> Header:
    """The header at the start of a file; Damaged if it is not what was written."""
    start = file.read(_LOOK)
    file.seek(0)
    if not start:
        raise UnreadableLog(f"{location} is empty: it is not an event log")
    try:
        frame = next(read_frames(file))
    except UnreadableLog as error:
        if not any(mark in start for mark in _MARKS):
            raise UnreadableLog(f"{location} is not an event log: {error}") from None
        raise Damaged(0, f"the event log {location} is damaged: {error}") from None
    if frame is None:
        raise UnreadableLog(f"{location} is not an event log: it is an empty Arrow stream")
    try:
        return read_header(frame)
    except UnreadableLog as error:
        raise UnreadableLog(f"the event log {location} can't be read: {error}") from None
