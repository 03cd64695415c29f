"""The logs that a command reads: by name, all below a directory, or those of a database."""

import os
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Final, NoReturn

import attrs
import click

from statemachine.cli.exit_codes import ExitCode
from statemachine.cli.failure import Failure, reading
from statemachine.log import EventLog
from statemachine.store import SUFFIX

_URL: Final = "sqlite:///"
_SQLITE: Final = b"SQLite format 3\0"
_DATABASES: Final = (".db", ".sqlite", ".sqlite3")
_TABLES: Final = frozenset({"blocks", "sessions", "events"})


@attrs.frozen
class Source:
    """What a command was told to read.

    Attributes:
        path: The file, or the database.
        log: The name of the log in the database; None for the only one.
        stored: Whether it is a database.
    """

    path: Path
    log: str | None = None
    stored: bool = False

    @classmethod
    def named(cls, text: str) -> "Source":
        """What a text names: a path, `sqlite:///runs.db`, or one log as `runs.db#monday`."""
        if text.startswith(_URL):
            database, _, log = text.removeprefix(_URL).partition("#")
            return cls(Path(database), log or None, stored=True)
        path = Path(text)
        if "#" in text and not path.exists():
            database, _, log = text.rpartition("#")
            if is_database(Path(database)):
                return cls(Path(database), log or None, stored=True)
        return cls(path, stored=is_database(path))

    def __str__(self) -> str:
        return str(self.path) if self.log is None else f"{self.path}#{self.log}"

    @property
    def name(self) -> str:
        """It without the directory."""
        return self.path.name if self.log is None else f"{self.path.name}#{self.log}"

    @property
    def resolved(self) -> "Source":
        """What is equal for all names of one log."""
        return attrs.evolve(self, path=Path(os.path.realpath(self.path)))

    def logs(self) -> "list[Source]":
        """Each log of a database; a file as it is.

        Raises:
            Failure: If the database can't be read, or holds none.
        """
        if not self.stored or self.log is not None:
            return [self]
        names = self.names()
        if not names:
            raise Failure(ExitCode.UNREADABLE, f"the database {self.path} holds no log")
        return [attrs.evolve(self, log=name) for name in names]

    def open(self) -> EventLog:
        """Open the one log that is meant.

        Raises:
            Failure: If that can't be read, or is not the only one.
        """
        if not self.stored:
            with reading(self):
                return EventLog.open(self.path)
        one, *more = self.logs()
        if more:
            known = ", ".join(source.name for source in (one, *more[:9]))
            raise Failure(
                ExitCode.USAGE,
                f"{self.path} holds {len(more) + 1} logs: name one of them, as {known}",
            )
        with reading(self):
            from statemachine.sql_store import open_log as open_stored

            return open_stored(self.path, str(one.log))

    def names(self) -> list[str]:
        """The names of the logs in a database.

        Raises:
            Failure: If it can't be read.
        """
        with reading(self):
            from statemachine.sql_store import log_names

            return log_names(self.path)


def is_database(path: Path) -> bool:
    """Whether a file is an SQLite database."""
    try:
        if not path.is_file():  # a pipe would wait for somebody to write
            return False
        with path.open("rb") as file:
            return file.read(len(_SQLITE)) == _SQLITE
    except OSError:
        return False


class SourceType(click.ParamType[Source]):
    """A log that an argument or option names."""

    name = "log"

    def convert(
        self, value: str | Source, param: click.Parameter | None, context: click.Context | None
    ) -> Source:
        """The source that a text names."""
        if isinstance(value, Source):
            return value
        if not value:  # as from a variable of the shell that is not set; it would mean "."
            self.fail("an empty name names no log", param, context)
        return Source.named(value)


def find_logs(sources: Iterable[Source]) -> list[Source]:
    """The logs that are meant; a directory stands for all logs below it, a database for its logs.

    Returns:
        Each log once, those of a directory sorted by path, those of a database by their start.

    Raises:
        Failure: If a directory or a database holds none.
    """
    found: dict[Source, Source] = {}
    for source in sources:
        for log in logs_below(source.path) if source.path.is_dir() else source.logs():
            found.setdefault(log.resolved, log)
    return list(found.values())


def logs_below(directory: Path) -> list[Source]:
    """All logs below a directory, also in databases; links to directories are not followed.

    Returns:
        The logs, sorted by path, those of a database by their start.

    Raises:
        Failure: If there is none, or a directory can't be read.
    """
    found = [log for path in sorted(_walk(directory)) for log in _logs_in(path)]
    if not found:
        raise Failure(
            ExitCode.UNREADABLE,
            f"there is no event log (*{SUFFIX}, or a database of them) in the directory "
            f"{directory} or below it",
        )
    return found


def _walk(directory: Path) -> Iterator[Path]:
    for root, _, names in os.walk(directory, onerror=_refuse):
        yield from (Path(root, name) for name in names if name.endswith((SUFFIX, *_DATABASES)))


def _refuse(error: OSError) -> NoReturn:
    raise Failure(
        ExitCode.UNREADABLE,
        f"can't look for logs in {error.filename}: {error.strerror}; name the logs that you mean",
    ) from error


def _logs_in(path: Path) -> list[Source]:
    """A log in a file, or those of a database; a database that holds other things has none."""
    if path.name.endswith(SUFFIX):
        return [Source(path)]
    if not is_database(path) or not _may_hold_logs(path):
        return []
    source = Source(path, stored=True)
    try:
        return [attrs.evolve(source, log=name) for name in source.names()]
    except Failure:  # which an audit tells of each log that it can't read
        return [source]


def _may_hold_logs(database: Path) -> bool:
    """Whether a database has the tables of logs, or is damaged so that nobody knows."""
    address = f"{Path(os.path.realpath(database)).as_uri()}?mode=ro"
    try:
        with closing(sqlite3.connect(address, uri=True)) as connection:
            rows = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
            return {str(name) for (name,) in rows} >= _TABLES
    except sqlite3.Error:
        return True
