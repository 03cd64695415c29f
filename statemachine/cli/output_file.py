"""Writing a result into a file: whole or not at all, and never over a log."""

import contextlib
import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Final

from statemachine.cli.exit_codes import ExitCode
from statemachine.cli.failure import Failure, unwritable
from statemachine.cli.source import is_database
from statemachine.form import KEY

STANDARD_OUTPUT: Final = Path("-")
_LOOK: Final = 1 << 16


class _Output:
    """A file that is being written; errors of it are told from those of the log."""

    def __init__(self, file: BinaryIO, path: Path) -> None:
        self._file = file
        self._path = path

    def write(self, data: bytes) -> int:
        """Write bytes.

        Raises:
            Failure: If they can't be written.
        """
        try:
            return self._file.write(data)
        except BrokenPipeError:
            raise
        except OSError as error:
            raise unwritable(self._path, error) from error


@contextlib.contextmanager
def written(path: Path) -> Iterator[_Output]:
    """A file to write into, which takes its place at the end, if nothing went wrong.

    Args:
        path: Where to; `-` is standard output.

    Raises:
        Failure: If it can't be written, or is an event log.
    """
    if path == STANDARD_OUTPUT:
        yield _Output(sys.stdout.buffer, path)
        sys.stdout.buffer.flush()
        return
    if path.exists() and not path.is_file():
        with _told(path), path.open("wb") as device:
            yield _Output(device, path)
        return
    _spare_logs(path)
    with _told(path):
        descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield _Output(file, path)
        with _told(path):
            os.chmod(name, 0o666 & ~_mask())
            os.replace(name, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(name)
        raise


@contextlib.contextmanager
def _told(path: Path) -> Iterator[None]:
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        raise unwritable(path, error) from error


def _mask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _spare_logs(path: Path) -> None:
    """Refuse to write over an event log."""
    try:
        with path.open("rb") as file:
            start = file.read(_LOOK)
    except OSError:
        return
    if is_database(path):
        raise Failure(
            ExitCode.USAGE, f"{path} is a database, and may hold logs: name another file with -o"
        )
    if start.startswith(b"\xff\xff\xff\xff") and KEY.encode() in start:
        raise Failure(
            ExitCode.USAGE,
            f"{path} is an event log, and a log is never overwritten: name another file with -o",
        )
