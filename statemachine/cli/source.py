"""The logs that a command reads: by name, all below a directory, or those of a database."""

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

import attrs
import click

from statemachine.cli.exit_codes import ExitCode
from statemachine.cli.failure import Failure, reading
from statemachine.log import EventLog
from statemachine.store import SUFFIX

_URL: Final = "sqlite:///"
_SQLITE: Final = b"SQLite format 3\0"


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
        return attrs.evolve(self, path=self.path.resolve())

    def logs(self) -> "list[Source]":
        """Each log of a database; a file as it is.

        Raises:
            Failure: If the database can't be read, or holds none.
        """
        if not self.stored or self.log is not None:
            return [self]
        names = self._names()
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

    def _names(self) -> list[str]:
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
        return value if isinstance(value, Source) else Source.named(value)


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
    """All logs below a directory, sorted; links to directories are not followed.

    Raises:
        Failure: If there is none.
    """
    logs = sorted(_walk(directory))
    if not logs:
        raise Failure(
            ExitCode.UNREADABLE,
            f"there is no event log (*{SUFFIX}) in the directory {directory} or below it",
        )
    return [Source(log) for log in logs]


def _walk(directory: Path) -> Iterator[Path]:
    for root, _, names in os.walk(directory):
        yield from (Path(root, name) for name in names if name.endswith(SUFFIX))
