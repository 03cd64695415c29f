"""The logs that a command reads: by name, or all below a directory."""

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from statemachine.cli.exit_codes import ExitCode
from statemachine.cli.failure import Failure, reading
from statemachine.log import EventLog
from statemachine.store import SUFFIX


def open_log(path: Path) -> EventLog:
    """Open a log.

    Raises:
        Failure: If it can't be read or is none.
    """
    with reading(path):
        return EventLog.open(path)


def find_logs(paths: Iterable[Path]) -> list[Path]:
    """The logs that paths name; a directory stands for all logs below it.

    Returns:
        Each log once, those of a directory sorted by path.

    Raises:
        Failure: If a directory holds none.
    """
    found: dict[Path, Path] = {}
    for path in paths:
        for log in logs_below(path) if path.is_dir() else [path]:
            found.setdefault(log.resolve(), log)
    return list(found.values())


def logs_below(directory: Path) -> list[Path]:
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
    return logs


def _walk(directory: Path) -> Iterator[Path]:
    for root, _, names in os.walk(directory):
        yield from (Path(root, name) for name in names if name.endswith(SUFFIX))
