"""Reads plans out of decoded JSON, strictly: each reader refuses what it doesn't know."""

import json
from collections.abc import Callable, Mapping
from typing import Any, Final

# Any, here: what is read is JSON, of which nothing is known before.
Reader = Callable[[Any, str], None]
MOST: Final = 100_000
"""The largest number of anything in a plan."""


class ScenarioError(ValueError):
    """What was read is no scenario; the message says where, what stands there, and what may."""


def refuse(where: str, value: object, wanted: str) -> None:
    """Raise the ScenarioError that says what stands where, and what may stand there."""
    shown = json.dumps(value, default=repr)
    shown = shown if len(shown) <= 60 else shown[:59] + "…"
    raise ScenarioError(f"{where or 'the scenario'} is {shown}; it must be {wanted}")


def choice(*values: Any) -> Reader:
    """Reads one of some values."""
    shown = ", ".join(json.dumps(value) for value in values)

    def read(value: Any, where: str) -> None:
        if not any(value is one or (isinstance(one, str) and value == one) for one in values):
            refuse(where, value, f"one of {shown}")

    return read


def count(value: Any, where: str) -> None:
    """Reads a whole number from 0; not one with which a scenario would last for ever."""
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= MOST:
        refuse(where, value, f"a whole number from 0 to {MOST}")


def number(value: Any, where: str) -> None:
    """Reads a number."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        refuse(where, value, "a number")


def text(value: Any, where: str) -> None:
    """Reads a text."""
    if not isinstance(value, str):
        refuse(where, value, "a text")


def anything(value: Any, where: str) -> None:
    """Takes any JSON."""


def list_of(of: Reader) -> Reader:
    """Reads a list."""

    def read(value: Any, where: str) -> None:
        if not isinstance(value, list | tuple):
            refuse(where, value, "a list")
        for index, element in enumerate(value):
            of(element, f"{where}[{index}]")

    return read


def object_of(fields: Mapping[str, Reader], *required: str) -> Reader:
    """Reads an object that has these fields and no others."""

    def read(value: Any, where: str) -> None:
        if not isinstance(value, Mapping):
            refuse(where, value, "an object")
        for name in required:
            if name not in value:
                refuse(where, value, f"an object with {name!r}")
        for name, part in value.items():
            if name not in fields:
                refuse(where, value, f"an object of {', '.join(sorted(fields))}, not {name!r}")
            fields[name](part, f"{where}.{name}" if where else name)

    return read


def either(*readers: tuple[Callable[[Any], bool], Reader], otherwise: str) -> Reader:
    """Reads with the first reader whose condition holds."""

    def read(value: Any, where: str) -> None:
        for fits, reader in readers:
            if fits(value):
                return reader(value, where)
        return refuse(where, value, otherwise)

    return read


def is_object(value: Any) -> bool:
    """Whether it is an object."""
    return isinstance(value, Mapping)


def is_text(value: Any) -> bool:
    """Whether it is a text."""
    return isinstance(value, str)


def nullable(reader: Reader) -> Reader:
    """Reads null, too."""
    return lambda value, where: None if value is None else reader(value, where)
