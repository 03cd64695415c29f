"""Decides any history by specs/documented_ordering.toml alone.

It knows the templates of that file, and neither the table of the lifecycle nor the codes of the
events: what it reads is what a reader of a log sees. `Declared.broken` gives the rules that a
history breaks.
"""

import functools
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs

from statemachine import Event

SPEC = Path(__file__).parents[2] / "specs" / "documented_ordering.toml"
UNDECIDABLE = {"digests", "witnessed"}
"""Templates about bytes and calls: no history of events can decide them."""

Names = str | Sequence[str]
Span = tuple[int, int]


@attrs.frozen
class Broken:
    """A condition that does not hold.

    Attributes:
        rule: The rule's id.
        at: The position of the event that breaks it.
        condition: The condition, as it stands in the file.
    """

    rule: str
    at: int
    condition: Mapping[str, Any]


def _listed(names: Names) -> tuple[str, ...]:
    return (names,) if isinstance(names, str) else tuple(names)


def _classes(error: object) -> frozenset[str]:
    bases = error.get("bases") if isinstance(error, Mapping) else None
    listed = bases if isinstance(bases, list) else []
    return frozenset(base for base in listed if isinstance(base, str))


class Declared:
    """The rules of the documented ordering.

    Args:
        path: The file that holds them.
    """

    def __init__(self, path: Path = SPEC) -> None:
        data = tomllib.loads(path.read_text("utf-8"))
        self.rules: list[dict[str, Any]] = data["rule"]
        self._errors: dict[str, list[dict[str, list[str]]]] = data["errors"]
        self._scopes: dict[str, dict[str, Any]] = data["scopes"]
        self._events: dict[str, list[dict[str, Any]]] = data["events"]
        self._names_of_shape = functools.lru_cache(maxsize=None)(self._all_names)

    def broken(
        self,
        events: Sequence[Event],
        hooks: int,
        finished: bool = False,
        on_error: Sequence[int] = (),
    ) -> Iterator[Broken]:
        """The conditions that a history breaks.

        Args:
            events: The history.
            hooks: How many hooks the session has.
            finished: Whether nothing more can come.
            on_error: The places in the list of the hooks that have an `on_error`.
        """
        history = _History(self, events, hooks, finished, on_error)
        for rule in self.rules:
            for condition in rule["conditions"]:
                if condition["template"] not in UNDECIDABLE:
                    for at in history.judge(condition):
                        yield Broken(rule["id"], at, condition)

    def accepts(
        self,
        events: Sequence[Event],
        hooks: int,
        finished: bool = False,
        on_error: Sequence[int] = (),
    ) -> bool:
        """Whether a history breaks no condition."""
        return next(self.broken(events, hooks, finished, on_error), None) is None

    def unmatched(self, events: Iterable[Event], known: Iterable[Event]) -> Iterator[Event]:
        """Events that should have the fields of an earlier one, and have those of none.

        Args:
            events: The history.
            known: The events of all logs that are known.
        """
        conditions = (c for rule in self.rules for c in rule["conditions"])
        for condition in (c for c in conditions if c["template"] == "matched"):
            fields = condition["same"]
            first = [e for e in known if self.matches(e, condition["first"])]
            earlier = {tuple(e.detail.get(field) for field in fields) for e in first}
            for event in events:
                values = tuple(event.detail.get(field) for field in fields)
                if self.matches(event, condition["then"]) and values not in earlier:
                    yield event

    def matches(self, event: Event, name: str) -> bool:
        """Whether an event is one that a name stands for: a kind, or a name of the file."""
        return name in self.names(event)

    def names(self, event: Event) -> frozenset[str]:
        """All names that stand for an event: its kind, and names of the file."""
        return self._names_of_shape(_shape_of(event))

    def _all_names(self, shape: "_Shape") -> frozenset[str]:
        return frozenset({shape.kind, *(n for n in self._events if self._shape_is(shape, n))})

    def _shape_is(self, shape: "_Shape", name: str) -> bool:
        if name in self._events:
            return any(self._fits(shape, pattern) for pattern in self._events[name])
        return shape.kind == name

    def _fits(self, shape: "_Shape", pattern: Mapping[str, Any]) -> bool:
        return all(self._holds(shape, field, wanted) for field, wanted in pattern.items())

    def _holds(self, shape: "_Shape", field: str, wanted: Any) -> bool:
        if field.startswith("not_") or field == "is_not":
            positive = "is" if field == "is_not" else field.removeprefix("not_")
            return not any(self._holds(shape, positive, one) for one in _listed(wanted))
        if field == "is":
            return any(self._shape_is(shape, one) for one in _listed(wanted))
        if field == "recovers":
            return shape.recovers is wanted
        if field == "told":
            return bool(shape.error) is wanted
        if field in ("error", "instead_of"):
            classes = getattr(shape, field)
            return bool(classes) and self._is_error(classes, wanted)
        return getattr(shape, field) in _listed(wanted)

    def _is_error(self, classes: frozenset[str], name: str) -> bool:
        return any(
            (bool(classes & set(line["any"])) if "any" in line else True)
            and (not classes & set(line["lacks"]) if "lacks" in line else True)
            for line in self._errors[name]
        )

    def stretches(self, events: Sequence[Event], scope: str) -> list[Span]:
        """The stretches of a scope: positions of the first and of the last event."""
        if scope == "session":
            return [(0, len(events) - 1)] if events else []
        found, start = [], None
        opens, closes = self._scopes[scope]["from"], set(self._scopes[scope].get("to", ()))
        inner = self._scopes[scope].get("not_inside")
        inside = (
            {at for a, b in self.stretches(events, inner) for at in range(a, b)} if inner else ()
        )
        for at, event in enumerate(events):
            if start is None and self.matches(event, opens):
                start = at
            elif start is not None and at not in inside and self.names(event) & closes:
                found.append((start, at))
                start = None
        return found if start is None else [*found, (start, len(events) - 1)]


@attrs.frozen
class _Shape:
    """What patterns look at."""

    kind: str
    call: str
    by: str
    state: str
    error: frozenset[str]
    instead_of: frozenset[str]
    recovers: bool = False


@functools.cache
def _plain_shape(kind: str) -> _Shape:
    return _Shape(kind, "", "", "", frozenset(), frozenset())


def _shape_of(event: Event) -> _Shape:
    detail = event.detail
    if not detail:
        return _plain_shape(event.kind.value)
    call, by, state = (str(detail.get(field, "")) for field in ("call", "by", "state"))
    error, instead_of = _classes(detail.get("error")), _classes(detail.get("instead_of"))
    recovers = detail.get("recovers") is True
    return _Shape(event.kind.value, call, by, state, error, instead_of, recovers)


def _error_of(event: Event) -> tuple[object, object] | None:
    error = event.detail.get("error")
    return (error.get("type"), error.get("message")) if isinstance(error, Mapping) else None


class _History:
    """One history under judgement: each template is a method that yields where it is broken."""

    def __init__(
        self,
        declared: Declared,
        events: Sequence[Event],
        hooks: int,
        finished: bool,
        on_error: Sequence[int],
    ) -> None:
        self._declared = declared
        self._events = events
        self._hooks = hooks
        self._finished = finished
        self._on_error = on_error
        self._stretches: dict[str, list[Span]] = {}
        self._places: dict[str, list[int]] = {}
        for at, event in enumerate(events):
            for name in declared.names(event):
                self._places.setdefault(name, []).append(at)
        self._ordered = self._at("ordered")
        reports = set(self._at("report"))
        self._unreported = [at for at in self._ordered if at not in reports]

    def judge(self, condition: Mapping[str, Any]) -> Iterator[int]:
        """Where a condition is broken."""
        if condition["template"] == "inside":
            yield from self._outside(condition)
            return
        name = condition["template"].replace("-", "_")
        template: Callable[[Mapping[str, Any], Span], Iterator[int]] = getattr(self, f"_{name}")
        for span in self._spans(condition.get("scope", "session")):
            for at in template(condition, span):
                if self._applies(condition, span, at):
                    yield at

    def _spans(self, scope: str) -> list[Span]:
        if scope not in self._stretches:
            self._stretches[scope] = self._declared.stretches(self._events, scope)
        return self._stretches[scope]

    def _applies(self, condition: Mapping[str, Any], span: Span, at: int) -> bool:
        return self._guarded(condition, (span[0], at - 1))

    def _guarded(self, condition: Mapping[str, Any], before: Span) -> bool:
        when, unless = condition.get("when", ()), condition.get("unless", ())
        return (not when or self._any(when, before)) and not self._any(unless, before)

    def _at(self, name: str) -> list[int]:
        """The positions of the events that a name stands for."""
        return self._places.get(name, [])

    def _within(self, names: Names, span: Span) -> list[int]:
        listed = _listed(names)
        if len(listed) == 1:
            return [at for at in self._at(listed[0]) if span[0] <= at <= span[1]]
        found = (at for name in listed for at in self._at(name))
        return sorted({at for at in found if span[0] <= at <= span[1]})

    def _any(self, names: Names, span: Span) -> bool:
        return bool(self._within(names, span))

    def _previous(self, at: int, strict: bool = False) -> int | None:
        """The ordered event before a position; reports are passed over, unless `strict`."""
        places = self._ordered if strict else self._unreported
        earlier = [place for place in places if place < at]
        return earlier[-1] if earlier else None

    def _next(self, at: int, strict: bool = False) -> int | None:
        places = self._ordered if strict else self._unreported
        later = [place for place in places if place > at]
        return later[0] if later else None

    # Templates: a condition and a stretch in, positions out

    def _first(self, condition: Mapping[str, Any], span: Span) -> Iterator[int]:
        first = self._ordered[0] if self._ordered else None
        if first is not None and not self._any(condition["event"], (first, first)):
            yield first

    def _last(self, condition: Mapping[str, Any], span: Span) -> Iterator[int]:
        last = self._ordered[-1] if self._ordered else None
        if self._finished and (last is None or not self._any(condition["event"], (last, last))):
            yield span[1]

    def _at_most_once(self, condition: Mapping[str, Any], span: Span) -> Iterator[int]:
        yield from self._within(condition["event"], span)[1:]

    def _absence(self, condition: Mapping[str, Any], span: Span) -> Iterator[int]:
        yield from self._within(condition["event"], span)

    def _only(self, condition: Mapping[str, Any], span: Span) -> Iterator[int]:
        allowed = set(self._within([*condition["events"], "beside"], span))
        yield from (at for at in range(span[0], span[1] + 1) if at not in allowed)

    def _nothing_after(self, condition: Mapping[str, Any], span: Span) -> Iterator[int]:
        for first in self._within(condition["first"], span)[:1]:
            yield from self._within("ordered", (first + 1, span[1]))

    def _in_list_order(self, condition: Mapping[str, Any], span: Span) -> Iterator[int]:
        places = self._within(condition["event"], span)
        for number, at in enumerate(places):
            contiguous = not number or self._previous(at) == places[number - 1]
            if self._events[at].hook != number or number >= self._hooks or not contiguous:
                yield at
        following = self._next(places[-1]) if places else None
        if following is not None and len(places) < self._hooks:
            event, last = self._events[following], self._events[places[-1]]
            if event.kind.value != "raised" or event.detail.get("call") != last.kind.value:
                yield following

    def _in_this_order(self, condition: Mapping[str, Any], span: Span) -> Iterator[int]:
        optional = condition.get("optional", ())
        for number, name in enumerate(condition["events"]):
            for place, at in enumerate(self._within(name, span)):
                most = self._hooks if name.startswith("hook.") else 1
                later = condition["events"][number + 1 :]
                earlier = [n for n in condition["events"][:number] if n not in optional]
                before = (span[0], at - 1)
                complete = all(self._complete(one, before) for one in earlier)
                if place >= most or self._any(later, before) or not complete:
                    yield at

    def _complete(self, name: str, span: Span) -> bool:
        found = self._within(name, span)
        if name.startswith("hook."):
            return {self._events[at].hook for at in found} >= set(range(self._hooks))
        return bool(found)

    def _precedence(self, condition: Mapping[str, Any], span: Span) -> Iterator[int]:
        for at in self._within(condition["then"], span):
            before = (span[0], at - 1)
            if condition.get("each"):
                held = self._complete(condition["first"], before)
            else:
                held = self._any(condition["first"], before)
            if not held:
                yield at

    def _not_succession(self, condition: Mapping[str, Any], span: Span) -> Iterator[int]:
        spans = self._spans(condition["spared"]) if "spared" in condition else ()
        spared = {at for a, b in spans for at in range(a, b + 1)}
        for first in self._within(condition["first"], span)[:1]:
            later = self._within(condition["then"], (first + 1, span[1]))
            yield from (at for at in later if at not in spared)

    def _chain_precedence(self, condition: Mapping[str, Any], span: Span) -> Iterator[int]:
        for at in self._within(condition["then"], span):
            before = self._previous(at, condition.get("strict", False))
            if before is None or before < span[0]:
                yield at
                continue
            stands = self._any(condition["first"], (before, before))
            if not (stands and self._same(condition.get("same", ()), before, at)):
                yield at

    def _same(self, fields: Iterable[str], first: int, then: int) -> bool:
        """Whether an event names the one before: its call or its place, and its hook."""
        before, after = self._events[first], self._events[then]
        for field in fields:
            if field == "error":
                if _error_of(before) != _error_of(after):
                    return False
            elif field == "hook":
                hook = after.hook if after.hook is not None else after.detail.get("hook")
                if before.hook != hook:
                    return False
            elif field == "state":
                if before.kind.value != f"state.{after.detail.get(field)}":
                    return False
            elif before.kind.value != after.detail.get(field):
                return False
        return True

    def _chain_response(self, condition: Mapping[str, Any], span: Span) -> Iterator[int]:
        for at in self._within(condition["first"], span):
            following = self._next(at)
            if following is not None and not self._any(condition["then"], (following, following)):
                yield following

    def _alternate(self, condition: Mapping[str, Any], span: Span) -> Iterator[int]:
        inside = False
        opens = set(self._within(condition["first"], span))
        for at in self._within([condition["first"], *condition["then"]], span):
            if (at in opens) == inside:
                yield at
            inside = at in opens

    def _whenever(self, condition: Mapping[str, Any], span: Span) -> Iterator[int]:
        for end in self._within(condition["by"], span)[:1]:
            for first in self._within(condition["first"], (span[0], end - 1)):
                told = condition.get("unless_told") and self._was_told(span[0], first)
                if not told and not self._any(condition["then"], (first, end)):
                    yield end

    def _was_told(self, start: int, at: int) -> bool:
        error = _error_of(self._events[at])
        return any(_error_of(event) == error for event in self._events[start:at])

    def _outside(self, condition: Mapping[str, Any]) -> Iterator[int]:
        """Where an event lies in no stretch of the scope that it belongs into."""
        covered = {at for a, b in self._spans(condition["scope"]) for at in range(a, b + 1)}
        yield from (at for at in self._at(condition["event"]) if at not in covered)

    def _numbered(self, condition: Mapping[str, Any], span: Span) -> Iterator[int]:
        field = condition["number"]
        declared = self._within(condition["first"], span)
        yield from (a for n, a in enumerate(declared) if self._events[a].detail.get(field) != n)
        for at in self._within(condition["then"], span):
            number = self._events[at].detail.get(field)
            known = isinstance(number, int) and number < sum(place < at for place in declared)
            if not known and number != condition["unless_number"]:
                yield at

    def _consecutive(self, condition: Mapping[str, Any], span: Span) -> Iterator[int]:
        for at, event in enumerate(self._events):
            if getattr(event, condition["field"]) != at:
                yield at

    def _ascending(self, condition: Mapping[str, Any], span: Span) -> Iterator[int]:
        values = [getattr(event, condition["field"]) for event in self._events]
        yield from (at for at in range(1, len(values)) if values[at] < values[at - 1])

    def _counted(self, condition: Mapping[str, Any], span: Span) -> Iterator[int]:
        counted = 0
        for at, event in enumerate(self._events):
            counted += self._declared.matches(event, condition["first"])
            if getattr(event, condition["field"]) not in (None, counted):
                yield at

    def _turns(self, condition: Mapping[str, Any], span: Span) -> Iterator[int]:
        failed = self._at(condition["failed"])
        for at in self._within([condition["event"], condition["failed"]], span):
            hook, before = self._events[at].hook, self._previous(at, strict=True)
            known = hook in self._on_error
            first = known and at not in failed and hook == self._on_error[0]
            if not known or not (first or self._goes_on(condition, before, at)):
                yield at
            following = self._next(at, strict=True)
            ended = not known or hook == self._on_error[-1] or following is None
            if not ended and not self._goes_on(condition, at, following):
                yield following if following is not None else at

    def _goes_on(self, condition: Mapping[str, Any], at: int | None, to: int | None) -> bool:
        """Whether an event of a turn is followed by the next one of the same turn."""
        names = (condition["event"], condition["failed"])
        if at is None or to is None or not self._any(names, (at, at)):
            return False
        hook, other = self._events[at].hook, self._events[to].hook
        if self._any(condition["failed"], (to, to)):
            return self._any(condition["event"], (at, at)) and hook == other
        if not self._any(condition["event"], (to, to)) or hook not in self._on_error:
            return False
        rest = self._on_error[list(self._on_error).index(hook) + 1 :]
        told = max(p for p in self._at(condition["event"]) if p <= at)
        same = _error_of(self._events[told]) == _error_of(self._events[to])
        return bool(rest) and other == rest[0] and same

    def _begins_turn(self, condition: Mapping[str, Any], at: int | None) -> bool:
        if at is None or not self._any(condition["event"], (at, at)):
            return False
        return bool(self._on_error) and self._events[at].hook == self._on_error[0]

    def _turn_response(self, condition: Mapping[str, Any], span: Span) -> Iterator[int]:
        for at in self._within(condition["first"], span) if self._on_error else ():
            following = self._next(at, strict=True)
            if following is None or self._any(condition.get("or_next", ()), (following,) * 2):
                continue
            same = _error_of(self._events[following]) == _error_of(self._events[at])
            same = same or self._any(condition.get("or_turn", ()), (following, following))
            told = condition.get("unless_told") and self._was_reported(condition, at)
            if not told and not (self._begins_turn(condition, following) and same):
                yield following

    def _was_reported(self, condition: Mapping[str, Any], at: int) -> bool:
        error = _error_of(self._events[at])
        earlier = (p for p in self._at(condition["event"]) if p < at)
        return any(_error_of(self._events[place]) == error for place in earlier)

    def _turn_reason(self, condition: Mapping[str, Any], span: Span) -> Iterator[int]:
        begins = (a for a in self._within(condition["event"], span))
        for at in (a for a in begins if self._begins_turn(condition, a)):
            before, error = self._previous(at, strict=True), _error_of(self._events[at])
            if before is not None and self._any(condition["first"], (before, before)):
                same = _error_of(self._events[before]) == error
                if same or condition.get("any_error"):
                    continue
            if "then" not in condition:
                yield at
                continue
            after = self._after_turn(condition, at)
            if after is None:
                continue
            same = _error_of(self._events[after]) == error
            if not (self._any(condition["then"], (after, after)) and same):
                yield after

    def _after_turn(self, condition: Mapping[str, Any], at: int) -> int | None:
        """The first event after a turn."""
        following = self._next(at, strict=True)
        while following is not None and self._any("report", (following, following)):
            if self._begins_turn(condition, following):
                break
            following = self._next(following, strict=True)
        return following

    def _told_before(self, condition: Mapping[str, Any], span: Span) -> Iterator[int]:
        for at in self._within(condition["then"], span) if self._on_error else ():
            if not self._was_reported(condition, at):
                yield at

    def _matched(self, condition: Mapping[str, Any], span: Span) -> Iterator[int]:
        return iter(())  # reaches beyond one history: see `Declared.unmatched`
