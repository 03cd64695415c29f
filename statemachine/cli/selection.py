"""Which events of a log are wanted, decided for a whole block at once."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from typing import Final

import attrs
import numpy as np
import numpy.typing as npt

from statemachine.block import KIND_MASK, Block
from statemachine.events import AT_SHIFT, INDEX_SHIFT, Event, EventKind

Mask = npt.NDArray[np.bool_]

_HOOK_KIND: Final = np.zeros(KIND_MASK + 1, dtype=np.bool_)
for _kind in EventKind:
    _HOOK_KIND[_kind.number] = _kind.value.startswith("hook.")


@attrs.frozen
class Selection:
    """Which events are wanted; what is None admits all.

    Attributes:
        kinds: The numbers of their kinds.
        hooks: The places of their hooks in the list.
        steps: The first and the last step, either of them None for an open end.
        since: The earliest time, in nanoseconds since the log began.
        until: The latest.
    """

    kinds: frozenset[int] | None = None
    hooks: frozenset[int] | None = None
    steps: tuple[int | None, int | None] | None = None
    since: int | None = None
    until: int | None = None

    def mask(self, block: Block, inside: bool) -> Mask:
        """Which events of a block are wanted.

        Args:
            block: The block.
            inside: Whether the event before it was inside a step.
        """
        wanted = np.ones(len(block), dtype=np.bool_)
        if self.kinds is not None:
            wanted &= np.isin(block.kinds, list(self.kinds))
        if self.hooks is not None:
            wanted &= of_a_hook(block) & np.isin(block.codes >> INDEX_SHIFT, list(self.hooks))
        if self.steps is not None:
            numbers, belongs = block.steps(inside)
            wanted &= belongs & _between(numbers, *self.steps)
        if self.since is not None or self.until is not None:
            wanted &= _between(block.times, self.since, self.until)
        return wanted


def _between(
    values: npt.NDArray[np.int64], first: int | None, last: int | None
) -> npt.NDArray[np.bool_]:
    within = np.ones(len(values), dtype=np.bool_)
    if first is not None:
        within &= values >= first
    if last is not None:
        within &= values <= last
    return within


def of_a_hook(block: Block) -> Mask:
    """Which events of a block carry the index of a hook."""
    calls = block.codes >> AT_SHIFT & 0x3F
    hooked: Mask = _HOOK_KIND[np.where(calls > 0, calls, block.kinds)]
    return hooked


def events_at(block: Block, positions: Mask, origin: int, inside: bool) -> Iterator[Event]:
    """Some events of a block, as a reader sees them.

    Args:
        block: The block.
        positions: Which of its events.
        origin: The start of the log, in nanoseconds since 1970-01-01 UTC.
        inside: Whether the event before the block was inside a step.
    """
    chosen = np.flatnonzero(positions)
    if len(chosen):
        yield from block.events(origin, inside, chosen)


class Misspelt(ValueError):
    """A filter that names nothing: the message says what may be named."""


def kinds_named(patterns: tuple[str, ...]) -> frozenset[int] | None:
    """The numbers of the kinds that patterns such as `hook.*` name; None for no pattern.

    Raises:
        Misspelt: If a pattern names none.
    """
    if not patterns:
        return None
    found: set[int] = set()
    for pattern in patterns:
        named = {kind.number for kind in EventKind if fnmatchcase(kind.value, pattern)}
        if not named:
            names = ", ".join(kind.value for kind in EventKind)
            raise Misspelt(f"no kind of event is named {pattern!r}; there are {names}")
        found |= named
    return frozenset(found)


def hooks_named(names: tuple[str, ...], hooks: tuple[str, ...]) -> frozenset[int] | None:
    """The places of the hooks that numbers or classes name; None for no name.

    Raises:
        Misspelt: If a name is that of no hook of the session.
    """
    if not names:
        return None
    found: set[int] = set()
    for name in names:
        named = {i for i, hook in enumerate(hooks) if name == str(i) or fnmatchcase(hook, name)}
        if not named:
            known = ", ".join(f"{i} {hook}" for i, hook in enumerate(hooks)) or "no hooks at all"
            raise Misspelt(f"no hook of this session is named {name!r}; there are {known}")
        found |= named
    return frozenset(found)


_STEPS: Final = re.compile(r"(\d{1,18})?(:)?(\d{1,18})?")


def steps_named(text: str | None) -> tuple[int | None, int | None] | None:
    """The first and the last step of a range like `5`, `5:9`, `5:` or `:9`.

    Raises:
        Misspelt: If it is no such range.
    """
    if text is None:
        return None
    found = _STEPS.fullmatch(text)
    if found is None or found.group(0) in ("", ":"):
        raise Misspelt(f"{text!r} is no range of steps; write 5, 5:9, 5: or :9")
    first, colon, last = found.groups()
    if colon is None:
        return int(first), int(first)
    return (int(first) if first else None), (int(last) if last else None)


_SECONDS: Final = re.compile(r"\+(\d{1,12}(?:\.\d{1,9})?)(ms|s|min|h)?")
_IN_NANOSECONDS: Final = {
    "ms": 10**6,
    "s": 10**9,
    None: 10**9,
    "min": 60 * 10**9,
    "h": 3600 * 10**9,
}
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def moment_named(text: str | None, started: int) -> int | None:
    """A moment, in nanoseconds since the log began.

    Args:
        text: `+12.5s` or `+3min` counts from the start of the log; else an ISO 8601 date and
            time, in UTC if it names no zone.
        started: The start of the log, in nanoseconds since 1970-01-01 UTC.

    Raises:
        Misspelt: If it is neither.
    """
    if text is None:
        return None
    found = _SECONDS.fullmatch(text)
    if found:
        return round(float(found.group(1)) * _IN_NANOSECONDS[found.group(2)])
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise Misspelt(
            f"{text!r} is no time; write +12.5s (from the start of the log; also ms, min, h) or "
            "2025-01-31T12:00:00"
        ) from None
    moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment
    passed = moment - _EPOCH
    microseconds = (passed.days * 86400 + passed.seconds) * 10**6 + passed.microseconds
    return microseconds * 1000 - started
