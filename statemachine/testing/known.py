"""Failures that are expected: a file lists them, each with its reason."""

import os
import tomllib
from collections.abc import Iterable
from importlib import resources
from pathlib import Path
from typing import Any

import attrs

from statemachine.testing.expected import DOCUMENTED


class KnownError(ValueError):
    """A file of expected failures holds something else; the message says what it may hold."""


def _texts(value: Iterable[str]) -> tuple[str, ...]:
    return tuple(value)


@attrs.frozen
class Known:
    """A way in which a session is known to differ.

    Attributes:
        name: A short name.
        reason: Why it differs, or why that is accepted.
        rules: Rules of the model that the session does not keep: a failure is expected where the
            model without them gives what was found.
        checks: Names of checks that may fail in any way.
    """

    name: str
    reason: str
    rules: tuple[str, ...] = attrs.field(default=(), converter=_texts)
    checks: tuple[str, ...] = attrs.field(default=(), converter=_texts)


def read_known(path: str | os.PathLike[str]) -> tuple[Known, ...]:
    """Read a TOML file of expected failures.

    Raises:
        OSError: If it can't be read.
        KnownError: If it holds something else.
    """
    return _parsed(Path(path).read_text("utf-8"), str(path))


def known_of_package(package: str, name: str) -> tuple[Known, ...]:
    """Read a file of expected failures that comes with a package."""
    return _parsed(resources.files(package).joinpath(name).read_text("utf-8"), name)


def _parsed(text: str, where: str) -> tuple[Known, ...]:
    try:
        read = tomllib.loads(text)
        entries = read.pop("known", [])
        if read:
            raise TypeError(f"it holds {next(iter(read))!r}")
        return tuple(_entry(entry, where) for entry in entries)
    except (tomllib.TOMLDecodeError, TypeError, AttributeError) as error:
        raise KnownError(
            f"{where} is no file of expected failures: {error}. It holds tables [[known]] with "
            "name, reason, and rules or checks"
        ) from error


# Any: decoded TOML.
def _entry(entry: Any, where: str) -> Known:
    known = Known(**entry)
    unknown = set(known.rules) - DOCUMENTED
    if unknown or not (known.rules or known.checks) or not known.reason:
        problem = f"unknown rules {sorted(unknown)}" if unknown else "no reason, or nothing named"
        raise KnownError(
            f"{where}: the entry {known.name!r} has {problem}; it needs a reason, and checks or "
            f"rules of {', '.join(sorted(DOCUMENTED))}"
        )
    return known
