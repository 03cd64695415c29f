"""What a session keeps of values, for a log that was asked to record them."""

from collections.abc import Iterator, Mapping
from typing import Any

import attrs

from runtime.signatures import names_of
from runtime.step import Requests
from statemachine.journal import Journal
from statemachine.values import Record, Value, value_of

Leaf = tuple[str, Any]
"""A name, and what was found under it."""


def caller_or_hook(index: int | None) -> str:
    """Who asks for something in a run, as a log names it."""
    return "caller" if index is None else f"hook {index}"


# Any, here and below: fetches and results are an open set of structures.
@attrs.frozen(eq=False)
class ValueRecorder:
    """Hands values to the journal, which writes them down at the next ordered event."""

    journal: Journal
    record: Record

    def fed(self, feeds: Mapping[Any, Any], requests: Requests) -> None:
        """Keep what is fed to a run, as it was given."""
        for key, value in feeds.items():
            by = caller_or_hook(requests.feeders.get(key))
            self._keep("fed", by, parts_of(_name(key), value))

    def fetched_in_run(
        self, requests: Requests, fetches: Any, value: Any, results: Mapping[int, Any]
    ) -> None:
        """Keep what the caller and the hooks fetched in a run."""
        self._keep("fetched", caller_or_hook(None), leaves(fetches, value))
        for hook, asked in requests.fetches.items():
            self._keep("fetched", caller_or_hook(hook), leaves(asked, results[hook]))

    def read(self, asked: Any, found: Any, hook: int) -> None:
        """Keep what a hook read with a run of its own."""
        self._keep("read", caller_or_hook(hook), leaves(asked, found))

    def _keep(self, role: str, by: str, found: Iterator[Leaf]) -> None:
        values: list[Value] = [value_of(role, by, name, v, self.record) for name, v in found]
        self.journal.keep(values)


def leaves(asked: Any, found: Any) -> Iterator[Leaf]:
    """Each element of a structure of fetches with what a run gave for it, in order."""
    if isinstance(asked, Mapping) and isinstance(found, Mapping):
        for key, part in asked.items():
            yield from leaves(part, found[key])
    elif isinstance(asked, (list, tuple)) and isinstance(found, (list, tuple)):
        for part, value in zip(asked, found, strict=True):
            yield from leaves(part, value)
    elif attrs.has(type(asked)) and type(asked) is type(found):
        for field in attrs.fields(type(asked)):
            yield from leaves(getattr(asked, field.name), getattr(found, field.name))
    else:
        yield from parts_of(_name(asked), found)


def parts_of(name: str, value: Any) -> Iterator[Leaf]:
    """A value, or, of a sparse tensor or the like, each of its parts."""
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        for field, part in zip(value._fields, value, strict=True):
            yield from parts_of(f"{name}.{field}", part)
    elif isinstance(value, Mapping):
        for key, part in value.items():
            yield from parts_of(f"{name}[{key!r}]", part)
    elif isinstance(value, tuple):
        for index, part in enumerate(value):
            yield from parts_of(f"{name}[{index}]", part)
    else:
        yield name, value


def _name(element: Any) -> str:
    name = names_of(element)
    return name if isinstance(name, str) else str(name)
