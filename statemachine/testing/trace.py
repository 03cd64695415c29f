"""Traces: what is compared at which level, and how an event is shown to a person."""

import enum
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import attrs

from statemachine.log import EventLog

Event = dict[str, Any]

DETAIL_KINDS = frozenset({"coord_create", "coord_stop", "coord_join"})
CORE_KINDS = frozenset(
    {
        "fail",
        "scaffold_finalize",
        "graph_finalize",
        "graph_unfinalize",
        "session_create",
        "session_close",
        "restore",
        "init_op",
        "init_fn",
        "local_init_op",
        "ready_for_local_init_op",
        "ready_op",
        "queue_runners",
        "run",
        "raw_run",
        "final",
    }
)


class Level(enum.Enum):
    """How much of a trace has to agree."""

    USER = "user"
    CORE = "core"
    FULL = "full"


def visible(event: Event, level: Level) -> bool:
    """Tells whether an event counts at a level."""
    if event["e"] in DETAIL_KINDS:
        return level is Level.FULL
    return event["e"] not in CORE_KINDS or level is not Level.USER


def comparable(event: Event, level: Level) -> Event:
    """Returns the event without what need not agree: foreign wording, coordinators."""
    event = dict(event)
    error = event.get("exc")
    if error and error[1].startswith("~"):
        event["exc"] = [error[0], "~"]
    if event["e"] == "final" and level is not Level.FULL:
        event.pop("coords", None)
    return event


def project(trace: Iterable[Event], level: Level = Level.CORE) -> list[Event]:
    """Reduces a trace to what is compared at a level."""
    return [comparable(event, level) for event in trace if visible(event, level)]


@attrs.frozen
class Difference:
    """The first place where two traces disagree.

    Attributes:
        position: index in the projected traces, or None for the events of other threads.
        expected: the projected trace that was expected.
        found: the projected trace that was found.
    """

    position: int | None
    expected: Sequence[Any]
    found: Sequence[Any]

    def render(self, context: int = 4) -> str:
        """Shows the difference with the events before it."""
        if self.position is None:
            return f"  other threads\n  - {list(self.expected)}\n  + {list(self.found)}"
        start = max(0, self.position - context)
        shared = ["    " + describe(e) for e in self.expected[start : self.position]]
        wanted = self.expected[self.position : self.position + 2] or [{"e": "(nothing more)"}]
        found = self.found[self.position : self.position + 2] or [{"e": "(nothing more)"}]
        lines = [*shared, *("  - " + describe(e) for e in wanted)]
        return "\n".join(lines + ["  + " + describe(e) for e in found])


@attrs.frozen
class Observation:
    """What was seen of one scenario.

    Attributes:
        trace: The driving thread's events, in order.
        background: Those of other threads, as a bag.
        logs: The event logs that the sessions wrote, in order, if there are any.
        noted: For each call of a hook and each run the code of the log's latest event at that
            moment, and the state in which the session's lifecycle was.
    """

    trace: Sequence[Event]
    background: Sequence[Event] = ()
    logs: Sequence[EventLog] = attrs.field(default=(), eq=False)
    noted: Sequence[tuple[str, int | None, int | None, str]] = attrs.field(default=(), eq=False)


def compare(
    expected: Observation, found: Observation, level: Level = Level.CORE
) -> Difference | None:
    """Returns the first difference at a level, or None."""
    left, right = project(expected.trace, level), project(found.trace, level)
    for position in range(max(len(left), len(right))):
        if left[position : position + 1] != right[position : position + 1]:
            return Difference(position, left, right)
    if level is Level.FULL:
        return _compare_bags(expected.background, found.background)
    return None


def _compare_bags(expected: Sequence[Event], found: Sequence[Event]) -> Difference | None:
    left, right = _bag(expected), _bag(found)
    return None if left == right else Difference(None, left, right)


def _bag(events: Sequence[Event]) -> list[str]:
    return sorted(json.dumps(comparable(e, Level.FULL), sort_keys=True) for e in events)


def describe(event: Mapping[str, Any]) -> str:
    """Shows one event on one line; what a check does not look at is not there."""
    kind = event["e"]
    error = event.get("exc")
    tail = f" !! {error[0]}({error[1]})" if error else ""
    name = event.get("of", event.get("n", ""))
    if kind == "op":
        return f"> {name} {event.get('k', '')}"
    if kind in {"ret", "ok", "exc"}:
        return f"< {name} {json.dumps(event.get('v'))}{tail}"
    shown = {k: v for k, v in event.items() if k not in {"e", "exc", "i", "m", "n"}}
    name = f"h{event['i']}.{event['m']}#{event['n']}" if kind == "hook" else kind
    return f"  {name} {json.dumps(shown) if shown else ''}{tail}"
