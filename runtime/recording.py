"""What a session keeps of values, for a log that was asked to record them."""

import contextlib
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import attrs

from runtime.global_step import get_global_step
from runtime.signatures import names_of
from runtime.step import Requests
from statemachine.journal import Journal
from statemachine.values import Record, row_of

Leaf = tuple[str, Any]
"""A name, and what was found under it."""


def caller_or_hook(index: int | None) -> str:
    """Who asks for something in a run, as a log names it."""
    return "caller" if index is None else f"hook {index}"


# Any, here and below: fetches and results are an open set of structures.
@attrs.define(eq=False)
class ValueRecorder:
    """Hands values to the journal, which writes them down at the next ordered event.

    It also reads the global step when the session was made, after each run, and before the end:
    hooks read it there when something is due, so other hooks can be answered from the log.
    """

    journal: Journal
    record: Record
    _run: Callable[..., Any] | None = None
    _global_step: Any = None
    _step_name: str = ""

    def watch(self, run: Callable[..., Any], graph: Any) -> None:
        """Take the raw session that was made.

        Args:
            run: Its `run`, which keeps nothing.
            graph: The graph.
        """
        self._run, self._global_step = run, None
        with contextlib.suppress(Exception):  # another engine's graph need not know of one
            self._global_step = get_global_step(graph)
            self._step_name = _name(self._global_step)
        self.read_step()

    def read_step(self) -> None:
        """Keep the global step, if there is one that can be read."""
        if self._global_step is None or self._run is None:
            return
        try:
            found = self._run(self._global_step)
        except Exception:  # it must not end the training
            return
        self.journal.keep([row_of("read", "session", self._step_name, found, self.record)])

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
        self.read_step()

    def read(self, asked: Any, found: Any, hook: int) -> None:
        """Keep what a hook read with a run of its own."""
        self._keep("read", caller_or_hook(hook), leaves(asked, found))

    def _keep(self, role: str, by: str, found: Iterator[Leaf]) -> None:
        self.journal.keep([row_of(role, by, name, v, self.record) for name, v in found])


def leaves(asked: Any, found: Any) -> Iterator[Leaf]:
    """Each element of a structure of fetches with what a run gave for it, in order."""
    if isinstance(asked, Mapping) and isinstance(found, Mapping):
        for key, part in asked.items():
            yield from leaves(part, found[key])
    elif isinstance(asked, (list, tuple)) and isinstance(found, (list, tuple)):
        for part, value in zip(asked, found, strict=True):
            yield from leaves(part, value)
    elif type(asked) is type(found) and attrs.has(type(asked)):
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
