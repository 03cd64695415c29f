"""Logs of many sessions in one SQLite database, with tables that SQL can query.

Needs SQLAlchemy: the extra ``sql``. Three tables are made:

- ``blocks``: the messages of each log, byte for byte as a file would hold them, with the end
  marker as the last. This is the log; only this is audited.
- ``sessions``: one row for each log: the state it reached, how many steps it made, which error came
  out of it, and of which call.
- ``events``: one row for each rare event: changes of state, calls of the start and the end, errors,
  checkpoints, stop requests, notes, signatures of runs. What makes up an ordinary step is only
  counted.

The last two are a projection of the sealed blocks, written in the same transaction as each block.
"""

import errno
import io
import json
import os
import re
import sqlite3
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO, Final, cast
from urllib.parse import quote

import numpy as np

from statemachine.block import Block
from statemachine.errors import LogExists, LogWriteFailed, UnreadableLog
from statemachine.events import Event, EventKind
from statemachine.form import END_MARKER, Header, read_block, read_frames, read_header
from statemachine.log import EventLog
from statemachine.replay import ErrorInfo, Fold, hook_name
from statemachine.store import Durability, Snapshot, TailFiles, is_locked, tails_in
from statemachine.tail import Tail

try:
    import sqlalchemy as sa
except ImportError as error:
    raise ImportError(
        "logs in SQL need SQLAlchemy: pip install 'monitored-session[sql]'"
    ) from error

_NAME: Final = re.compile(r"[\w-][\w.-]{0,99}", re.ASCII)
_PATIENCE: Final = 60.0
"""How many seconds to wait for another process's transaction."""
_COMMON: Final = frozenset(
    {
        EventKind.STEP_BEGIN,
        EventKind.BEFORE_RUN,
        EventKind.MERGE,
        EventKind.RUN,
        EventKind.AFTER_RUN,
        EventKind.STEP_END,
        EventKind.STEP_FN_BEGIN,
        EventKind.STEP_FN_END,
    }
)
_SYNCHRONOUS: Final = {
    Durability.PROCESS: "PRAGMA synchronous = OFF",
    # FULL would do without a sync of the directory, and could lose the latest transaction.
    Durability.SYSTEM: "PRAGMA synchronous = EXTRA",
}
_RARE: Final = np.array([kind.number for kind in EventKind if kind not in _COMMON])

_METADATA: Final = sa.MetaData()
_BLOCKS: Final = sa.Table(
    "blocks",
    _METADATA,
    sa.Column("log", sa.Text, primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("digest", sa.Text, nullable=False),
    sa.Column("message", sa.LargeBinary, nullable=False),
)
_SESSIONS: Final = sa.Table(
    "sessions",
    _METADATA,
    sa.Column("log", sa.Text, primary_key=True),
    sa.Column("session", sa.Text),
    sa.Column("started", sa.Integer),
    sa.Column("process", sa.Integer),
    sa.Column("hooks", sa.Text),
    sa.Column("complete", sa.Boolean, nullable=False),
    sa.Column("state", sa.Text),
    sa.Column("events", sa.Integer),
    sa.Column("steps_asked", sa.Integer),
    sa.Column("steps_done", sa.Integer),
    sa.Column("steps_failed", sa.Integer),
    sa.Column("stop_reason", sa.Text),
    sa.Column("stopped_in", sa.Text),
    sa.Column("error_type", sa.Text),
    sa.Column("error_message", sa.Text),
    sa.Column("failed_in", sa.Text),
)
_EVENTS: Final = sa.Table(
    "events",
    _METADATA,
    sa.Column("log", sa.Text, primary_key=True),
    sa.Column("sequence", sa.Integer, primary_key=True),
    sa.Column("time", sa.Integer, nullable=False),
    sa.Column("kind", sa.Text, nullable=False, index=True),
    sa.Column("hook", sa.Integer),
    sa.Column("hook_class", sa.Text),
    sa.Column("step", sa.Integer),
    sa.Column("call", sa.Text),
    sa.Column("error_type", sa.Text),
    sa.Column("error_message", sa.Text),
    sa.Column("detail", sa.Text),
)

Row = dict[str, object]


class SqlStore:
    """One session's log in an SQLite database that may hold those of many.

    The block being filled lies in a directory beside the database until the log is complete.

    Args:
        database: The database's path, or its URL (``sqlite:///runs.db``). Made if it is not there;
            its directory must be.
        name: What the log is called in it: letters, digits, ``-``, ``_`` and ``.``. None makes
            up a name that no other log has.
        durability: What the sealed blocks are to survive.

    Raises:
        ValueError: If the name can't be one, or the URL is of another kind.

    Example:
        >>> store = SqlStore("runs.db", "monday")
        >>> store.location
        'runs.db#monday'
    """

    durable = True

    def __init__(
        self,
        database: str | os.PathLike[str],
        name: str | None = None,
        durability: Durability = Durability.SYSTEM,
    ) -> None:
        self.database = _path_of(database)
        self.name = uuid.uuid4().hex if name is None else name
        if not _NAME.fullmatch(self.name):
            raise ValueError(
                f"{self.name!r} can't be the name of a log: take up to 100 letters, digits, "
                "'-', '_' and '.', and begin with another one than '.'"
            )
        self.durability = durability
        self._tail_files: TailFiles | None = None
        self._projection: _Projection | None = None
        self._count = 0
        self._latest = ""

    @property
    def location(self) -> str:
        """Where the log is, for messages."""
        return f"{self.database}#{self.name}"

    @property
    def _tail_directory(self) -> Path:
        return self.database.with_name(f"{self.database.name}.{self.name}.tail")

    def create(self, schema_message: Callable[[], bytes]) -> tuple[Tail, Tail]:
        """Make the log and the directory of its tails.

        Raises:
            LogExists: If the database holds a log of that name, whoever writes it.
            LogWriteFailed: If the database can't be written.
        """
        tail_files = self._new_tail_files()
        try:
            self._create(schema_message())
        except BaseException:
            tail_files.release()
            tail_files.remove()
            raise
        self._tail_files = tail_files
        return tail_files.tails

    def _new_tail_files(self) -> TailFiles:
        try:
            return TailFiles(self._tail_directory)
        except LogExists:
            raise LogExists(
                f"a log named {self.name!r} was begun in {self.database} already, for its tail "
                f"{self._tail_directory} exists; one session, one log: name another one, or none"
            ) from None

    def _create(self, message: bytes) -> None:
        projection = _Projection.of(self.name, message)
        with self._writing("create") as connection:
            _METADATA.create_all(connection)
            row = projection.session() if projection else {}
            self._insert_new(connection, {"log": self.name, "complete": False, **row})
            self._insert_message(connection, message, "")
        self._projection, self._count = projection, 1

    def _insert_new(self, connection: sa.Connection, row: Row) -> None:
        try:
            connection.execute(_SESSIONS.insert(), row)
        except sa.exc.IntegrityError:
            raise LogExists(
                f"{self.database} holds a log named {self.name!r} already; a log is created, never "
                "overwritten: name another one, or none"
            ) from None

    def append(self, message: bytes, digest: str) -> None:
        """Add a sealed block, and what SQL is to know of it, in one transaction."""
        if digest == self._latest:
            return
        projection = self._projection
        events = projection.add(message) if projection else []
        with self._writing("write") as connection:
            self._insert_message(connection, message, digest)
            if events:
                connection.execute(_EVENTS.insert(), events)
            if projection:
                connection.execute(self._update(), projection.session())
        self._count, self._latest = self._count + 1, digest

    def _insert_message(self, connection: sa.Connection, message: bytes, digest: str) -> None:
        row = {"log": self.name, "number": self._count, "digest": digest, "message": message}
        connection.execute(_BLOCKS.insert(), row)

    def _update(self) -> sa.Update:
        return _SESSIONS.update().where(_SESSIONS.c.log == self.name)

    def sync(self) -> None:
        """Nothing is left to do: SQLite syncs at the end of each transaction."""

    def finish(self) -> None:
        """Write the end marker and drop the tails: the log is complete."""
        with self._writing("complete") as connection:
            self._insert_message(connection, END_MARKER, "")
            connection.execute(self._update(), {"complete": True})
        self.release()
        if self._tail_files is not None:
            self._tail_files.remove()

    def release(self) -> None:
        """Let go of everything without writing; no connection outlives a call."""
        if self._tail_files is not None:
            self._tail_files.release()

    def snapshot(self) -> Snapshot:
        """What is there now; tails first, so that nothing is missed.

        Raises:
            FileNotFoundError: If there is no such database.
            UnreadableLog: If it can't be read, or holds no log of that name.
        """
        running = is_locked(self._tail_directory / "slots")
        tails = tails_in(self._tail_directory)
        blocks = _BLOCKS
        with _reading(self.database) as connection:
            highest = sa.select(sa.func.max(blocks.c.number)).where(blocks.c.log == self.name)
            last = connection.execute(highest).scalar()
        if last is None:
            known = ", ".join(log_names(self.database)[:10]) or "none"
            raise UnreadableLog(
                f"{self.database} holds no log named {self.name!r}; logs in it: {known}"
            )
        messages = _Messages(self.database, self.name, last)
        return Snapshot(cast(BinaryIO, io.BufferedReader(messages)), tails, running)

    @contextmanager
    def _writing(self, what: str) -> Iterator[sa.Connection]:
        """A transaction; an error of the driver comes out as one of the log."""
        try:
            with _engine(self.database, "rwc").begin() as connection:
                connection.exec_driver_sql(_SYNCHRONOUS[self.durability])
                # The driver would begin later, after another process could have made the tables.
                connection.exec_driver_sql("BEGIN IMMEDIATE")
                yield connection
        except sa.exc.SQLAlchemyError as error:
            told = f"can't {what} the event log {self.location}: {_reason(error)}"
            raise LogWriteFailed.told(_errno(error), told) from error


def log_names(database: str | os.PathLike[str]) -> list[str]:
    """The names of the logs in a database, oldest first.

    Raises:
        FileNotFoundError: If there is no such database.
        UnreadableLog: If it is not one that holds logs.
    """
    names = sa.select(_SESSIONS.c.log).order_by(_SESSIONS.c.started, _SESSIONS.c.log)
    with _reading(_path_of(database)) as connection:
        return [str(name) for name in connection.execute(names).scalars()]


def open_log(database: str | os.PathLike[str], name: str) -> EventLog:
    """Open a log of a database for reading, as `EventLog.open` opens a file.

    Raises:
        FileNotFoundError: If there is no such database.
        UnreadableLog: If it holds no log of that name, or one that can't be read.
    """
    return EventLog.of(SqlStore(database, name))


class _Projection:
    """What the tables say of one log, built up block by block."""

    def __init__(self, log: str, header: Header) -> None:
        self._log = log
        self._header = header
        self._fold = Fold(header.hooks, header.started)
        self._inside = False
        self._failed_in: str | None = None

    @classmethod
    def of(cls, log: str, message: bytes) -> "_Projection | None":
        """The projection of a log that begins with this message; None if that is no log's."""
        try:
            frame = next(read_frames(BytesIO(message)))
            return None if frame is None else cls(log, read_header(frame))
        except UnreadableLog:
            return None

    def add(self, message: bytes) -> list[Row]:
        """Take in a block.

        Returns:
            The rows of its rare events.
        """
        (frame,) = read_frames(BytesIO(message), check=False)
        assert frame is not None
        block = read_block(frame, self._header.record)
        rows = [self._row(event) for event in self._rare(block)]
        self._fold.add(block)
        self._inside = block.in_step_after(self._inside)
        return rows

    def _rare(self, block: Block) -> Iterator[Event]:
        positions = np.flatnonzero(np.isin(block.kinds, _RARE))
        return block.events(self._header.started, self._inside, positions)

    def _row(self, event: Event) -> Row:
        hooks, detail = self._header.hooks, event.detail
        error = ErrorInfo.of(detail.get("error"))
        call = detail.get("call")
        if event.kind is EventKind.RAISED:
            of_hook = "" if event.hook is None else f" of {hook_name(hooks, event.hook)}"
            self._failed_in = f"{call}{of_hook}"
        known = event.hook is not None and event.hook < len(hooks)
        return {
            "log": self._log,
            "sequence": event.sequence,
            "time": event.time,
            "kind": event.kind.value,
            "hook": event.hook,
            "hook_class": hooks[event.hook or 0] if known else None,
            "step": event.step,
            "call": call,
            "error_type": error and error.type,
            "error_message": error and error.message,
            "detail": json.dumps(dict(detail), ensure_ascii=False) if detail else None,
        }

    def session(self) -> Row:
        """The session's row, so far."""
        header, state = self._header, self._fold.result()
        error = state.error
        return {
            "session": header.session,
            "started": header.started,
            "process": header.process,
            "hooks": json.dumps(header.hooks),
            "state": state.state.value,
            "events": state.events,
            "steps_asked": state.steps_asked,
            "steps_done": state.steps_done,
            "steps_failed": state.steps_failed,
            "stop_reason": state.stop_reason,
            "stopped_in": state.stopped_in,
            "error_type": error and error.type,
            "error_message": error and error.message,
            "failed_in": self._failed_in,
        }


class _Messages(io.RawIOBase):
    """The messages of a log, one after the other, as one file; one of them in memory at a time."""

    def __init__(self, database: Path, log: str, last: object) -> None:
        self._database, self._log, self._last = database, log, last
        self._rewind()

    def _rewind(self) -> None:
        self._rest = memoryview(b"")
        self._number: object = -1

    def readable(self) -> bool:
        """It can be read."""
        return True

    def seekable(self) -> bool:
        """It can go back to the start."""
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Go to the start of a message, counted in bytes from the start of the first."""
        if whence != os.SEEK_SET:
            raise io.UnsupportedOperation("a place in a log is counted from its start")
        self._rewind()
        at = 0
        for number, size in self._sizes() if offset else ():
            if at == offset:
                break
            self._number, at = number, at + size
        if at != offset:
            raise io.UnsupportedOperation(f"no message of {self._log} begins at byte {offset}")
        return offset

    def _sizes(self) -> list[tuple[object, int]]:
        """The number and length of each message; their bytes are not read."""
        blocks = _BLOCKS
        of_log = (blocks.c.log == self._log, blocks.c.number <= self._last)
        size = sa.func.length(blocks.c.message)
        with _reading(self._database) as connection:
            rows = connection.execute(
                sa.select(blocks.c.number, size).where(*of_log).order_by(blocks.c.number)
            )
            return [(row[0], int(row[1])) for row in rows if row[1]]

    def readinto(self, buffer: Any) -> int:  # any writable buffer, as the base class has it
        """Read on, within one message."""
        if not self._rest:
            self._rest = memoryview(self._next_message())
        count = min(len(buffer), len(self._rest))
        buffer[:count] = self._rest[:count]
        self._rest = self._rest[count:]
        return count

    def _next_message(self) -> bytes:
        """The next message; if one is missing, the chain tells."""
        blocks = _BLOCKS
        content = sa.cast(blocks.c.message, sa.LargeBinary)
        following = sa.select(blocks.c.number, content).where(
            blocks.c.log == self._log,
            blocks.c.number > self._number,
            blocks.c.number <= self._last,
            sa.func.length(content) > 0,
        )
        with _reading(self._database) as connection:
            row = connection.execute(following.order_by(blocks.c.number).limit(1)).first()
        if row is None:
            return b""
        self._number = row[0]
        return bytes(row[1])


def _path_of(database: str | os.PathLike[str]) -> Path:
    """The path of a database that is named by its path or its URL."""
    text = os.fspath(database)
    if "://" not in text:
        return Path(text)
    path = sa.make_url(text).database if text.startswith("sqlite://") else None
    if not path or path == ":memory:":
        raise ValueError(
            f"{text} can't hold logs: name an SQLite database by its path or as sqlite:///runs.db; "
            "in memory, take a MemoryStore"
        )
    return Path(path)


def _engine(path: Path, mode: str) -> sa.Engine:
    """Makes a connection for each use, so that none is shared by threads or forked children."""
    uri = f"file:{quote(str(path.absolute()))}?mode={mode}"
    return sa.create_engine(
        "sqlite://",
        creator=lambda: sqlite3.connect(uri, uri=True, timeout=_PATIENCE, isolation_level=None),
        poolclass=sa.NullPool,
    )


@contextmanager
def _reading(path: Path) -> Iterator[sa.Connection]:
    """A connection that only reads; an error of the driver comes out as one of the log."""
    if not path.exists():
        raise FileNotFoundError(errno.ENOENT, "there is no such database of logs", str(path))
    try:
        with _engine(path, "ro").connect() as connection:
            yield connection
    except sa.exc.SQLAlchemyError as error:
        what = f"{path} can't be read as a database of logs: {_reason(error)}"
        raise UnreadableLog(what) from error


def _reason(error: sa.exc.SQLAlchemyError) -> str:
    return str(error.orig if isinstance(error, sa.exc.DBAPIError) else error)


def _errno(error: sa.exc.SQLAlchemyError) -> int:
    """The nearest error number of the operating system."""
    name = getattr(getattr(error, "orig", None), "sqlite_errorname", "")
    return _ERRNOS.get(name.removeprefix("SQLITE_").partition("_")[0], errno.EIO)


_ERRNOS: Final = {
    "FULL": errno.ENOSPC,
    "READONLY": errno.EROFS,
    "CANTOPEN": errno.ENOENT,
    "BUSY": errno.EBUSY,
    "PERM": errno.EACCES,
}
