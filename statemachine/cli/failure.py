"""How a command fails: with an exit code and a message, never with a traceback."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from statemachine.cli.exit_codes import ExitCode
from statemachine.errors import UnreadableLog
from statemachine.form import Damaged
from statemachine.json_log import is_json_log


class Failure(Exception):
    """A command can't go on.

    Attributes:
        code: The exit code.
        message: What was tried, where, and what to do next.
    """

    def __init__(self, code: ExitCode, message: str) -> None:
        self.code = code
        self.message = message
        super().__init__(message)


@contextlib.contextmanager
def reading(source: object) -> Iterator[None]:
    """Turn what can go wrong while a log is read into a `Failure`.

    Args:
        source: What is read, for messages.
    """
    path = str(source)
    try:
        yield
    except BrokenPipeError:
        raise
    except ImportError as error:  # of what an extra brings
        raise Failure(ExitCode.USAGE, f"can't read {path}: {error}") from error
    except (OSError, UnreadableLog) as error:
        raise failure_of(path, error) from error
    except (ArithmeticError, ValueError, RecursionError) as error:
        raise Failure(
            ExitCode.UNREADABLE,
            f"{path} holds what no session writes, and can't be read: "
            f"{type(error).__name__}: {error}",
        ) from error


def failure_of(path: object, error: OSError | UnreadableLog) -> Failure:
    """An error of reading a log as the failure that it means."""
    if isinstance(error, Damaged) and is_json_log(str(path)):
        said = f"{path} is in JSON lines, which only audit reads: monitored-session audit {path}"
        return Failure(ExitCode.UNREADABLE, said)
    if isinstance(error, Damaged):
        message = str(error)
        where = "" if str(path) in message else f"{path}: "
        return Failure(
            ExitCode.TAMPERED,
            f"{where}{message}; what comes after it can't be trusted. "
            "`monitored-session audit` says what the log still proves",
        )
    if isinstance(error, UnreadableLog):
        message = str(error)
        return Failure(
            ExitCode.UNREADABLE, message if str(path) in message else f"{path}: {message}"
        )
    if isinstance(error, FileNotFoundError):
        return Failure(ExitCode.UNREADABLE, f"there is no file {path}: name an event log")
    reason = os.strerror(error.errno) if error.errno else str(error)
    return Failure(ExitCode.UNREADABLE, f"can't read {path}: {reason}")


def unwritable(path: Path | str, error: OSError, option: str = "-o") -> Failure:
    """An error of writing an output, which an option names, as the failure that it means."""
    reason = os.strerror(error.errno) if error.errno else str(error)
    return Failure(ExitCode.USAGE, f"can't write {path}: {reason}; name another one with {option}")
