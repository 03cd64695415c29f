"""The second model: an automaton that is made from specs/documented_ordering.toml alone.

Each condition of the file becomes a small monitor that remembers as little as it must; the model
is all of them together. It imports nothing of the packages: an event is a `Letter`, which says what
a reader of a log sees. `tests/session/declare.py` decides whole histories by the same file in
another way; a test holds the two equal.

Not in the model are the templates about numbers (`consecutive`, `counted`, `ascending`,
`numbered`), about other logs (`matched`) and about bytes (`digests`): they have no bound.
"""

import functools
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs

SPEC = Path(__file__).parents[2] / "specs" / "documented_ordering.toml"
UNBOUNDED = frozenset(
    {"consecutive", "counted", "ascending", "numbered", "matched", "digests", "witnessed"}
)
Told = tuple[str, tuple[str, ...]]
"""An error: its message, and the classes that it is an instance of, its own first."""


@attrs.frozen(cache_hash=True)
class Letter:
    """One event, as a reader of a log sees it; an empty text stands for what it doesn't tell.

    Attributes:
        kind: Its dotted name.
        hook: The hook that it concerns.
        call: The call that an error came out of.
        by: Who it was.
        state: The state that it speaks of.
        error: The error that it tells of.
        instead_of: The error that this one replaced.
        recovers: Whether it says that the session is one that recovers.
    """

    kind: str
    hook: int | None = None
    call: str = ""
    by: str = ""
    state: str = ""
    error: Told | None = None
    instead_of: Told | None = None
    recovers: bool = False


# What a letter is called


class Vocabulary:
    """Which names of the file stand for a letter."""

    def __init__(self, data: Mapping[str, Any]) -> None:
        self._events, self._errors = data["events"], data["errors"]
        self.of = functools.cache(self._of)

    def _of(self, letter: Letter) -> frozenset[str]:
        return frozenset({letter.kind, *(n for n in self._events if self._is(letter, n))})

    def _is(self, letter: Letter, name: str) -> bool:
        patterns = self._events.get(name)
        if patterns is None:
            return letter.kind == name
        return any(all(self._holds(letter, *pair) for pair in p.items()) for p in patterns)

    def _holds(self, letter: Letter, field: str, wanted: Any) -> bool:
        if field.endswith("_not") or field.startswith("not_"):
            positive = "is" if field == "is_not" else field[4:]
            return not any(self._holds(letter, positive, one) for one in _listed(wanted))
        if field == "is":
            return any(self._is(letter, one) for one in _listed(wanted))
        if field == "recovers":
            return letter.recovers is wanted
        if field == "told":
            return (letter.error is not None) == wanted
        value = getattr(letter, field)
        if field in ("error", "instead_of"):
            return value is not None and self._is_error(set(value[1]), wanted)
        return value in _listed(wanted)

    def _is_error(self, classes: set[str], name: str) -> bool:
        return any(
            ("any" not in line or bool(classes & set(line["any"])))
            and not classes & set(line.get("lacks", ()))
            for line in self._errors[name]
        )


def _listed(names: str | Sequence[str]) -> tuple[str, ...]:
    return (names,) if isinstance(names, str) else tuple(names)


# Monitors. A monitor's memory is a value; None is what it has outside of its stretch. `step` gives
# the memory after a letter, or BROKEN.

BROKEN = object()
Memory = Any  # a hashable value of each monitor's own kind


@attrs.frozen
class Look:
    """What a monitor sees when a letter comes.

    Attributes:
        letter: The letter.
        names: The names that stand for it.
        previous: The ordered letter before, reports passed over; None if the stretch has none.
        strict: The ordered letter before, whatever it is.
        opened: The scopes of which a stretch is open.
        hooks: How many hooks the session has.
    """

    letter: Letter
    names: frozenset[str]
    previous: "Latest | None"
    strict: "Latest | None"
    hooks: int
    on_error: tuple[int, ...]
    opened: frozenset[str] = frozenset()

    def is_(self, names: str | Sequence[str]) -> bool:
        """Whether one of the names stands for the letter."""
        return not self.names.isdisjoint(_listed(names))

    @property
    def ordered(self) -> bool:
        """Whether it is no event that may fall anywhere."""
        return "ordered" in self.names

    @property
    def counts(self) -> bool:
        """Whether it is ordered, and no report of an error."""
        return self.ordered and "report" not in self.names

    def before(self, strict: bool) -> "Latest | None":
        """The ordered letter before."""
        return self.strict if strict else self.previous

    def begins_turn(self, event: str) -> bool:
        """Whether the hooks that have an `on_error` begin to be told of an error."""
        return bool(self.on_error) and self.is_(event) and self.letter.hook == self.on_error[0]


Monitor = Callable[[Mapping[str, Any], Memory, Look], tuple[Memory, bool]]
"""A condition, a memory and a letter in; the new memory and whether the condition holds out."""


def _only(condition: Mapping[str, Any], memory: Memory, look: Look) -> tuple[Memory, bool]:
    return memory, look.is_([*condition["events"], "beside"])


def _absence(condition: Mapping[str, Any], memory: Memory, look: Look) -> tuple[Memory, bool]:
    return memory, not look.is_(condition["event"])


def _at_most_once(condition: Mapping[str, Any], memory: Memory, look: Look) -> tuple[Memory, bool]:
    now = look.is_(condition["event"])
    return memory or now, not (memory and now)


def _first(condition: Mapping[str, Any], memory: Memory, look: Look) -> tuple[Memory, bool]:
    if memory or not look.ordered:
        return memory, True
    return True, look.is_(condition["event"])


def _nothing_after(condition: Mapping[str, Any], memory: Memory, look: Look) -> tuple[Memory, bool]:
    return memory or look.is_(condition["first"]), not (memory and look.ordered)


def _in_list_order(condition: Mapping[str, Any], memory: Memory, look: Look) -> tuple[Memory, bool]:
    """Memory: how many hooks had it; and whether the last ordered letter was that of a hook."""
    count, latest = memory or (0, False)
    if look.is_(condition["event"]):
        in_turn = look.letter.hook == count < look.hooks and (latest or not count)
        return (count + 1, True), in_turn
    if not (look.counts and latest):
        return memory, True
    raised = look.letter.kind == "raised" and look.letter.call == condition["event"]
    return (count, False), raised or count >= look.hooks


def _in_this_order(condition: Mapping[str, Any], memory: Memory, look: Look) -> tuple[Memory, bool]:
    """Memory: the names that happened so far; of a hook's, for which hooks."""
    seen, held = dict(memory or ()), True
    names, optional = condition["events"], condition.get("optional", ())
    now = [name for name in names if name in look.names]
    for name in now:
        at = names.index(name)
        most = look.hooks if name.startswith("hook.") else 1
        held &= len(seen.get(name, ())) < most
        held &= not any(later in seen for later in names[at + 1 :])
        earlier = (one for one in names[:at] if one not in optional)
        held &= all(_is_complete(one, seen.get(one, frozenset()), look.hooks) for one in earlier)
    for name in now:
        seen[name] = seen.get(name, frozenset()) | {look.letter.hook}
    return tuple(sorted(seen.items())), held


def _is_complete(name: str, hooks: frozenset[int | None], all_hooks: int) -> bool:
    return hooks >= set(range(all_hooks)) if name.startswith("hook.") else bool(hooks)


def _precedence(condition: Mapping[str, Any], memory: Memory, look: Look) -> tuple[Memory, bool]:
    """Memory: whether `first` happened; with `each`, for which hooks."""
    seen = memory or frozenset()
    held = True
    if look.is_(condition["then"]):
        enough = range(look.hooks) if condition.get("each") else ()
        held = seen >= set(enough) if condition.get("each") else bool(seen)
    if look.is_(condition["first"]):
        seen |= {look.letter.hook if condition.get("each") else "once"}
    return seen, held


def _not_succession(
    condition: Mapping[str, Any], memory: Memory, look: Look
) -> tuple[Memory, bool]:
    broken = memory and look.is_(condition["then"]) and condition.get("spared") not in look.opened
    return memory or look.is_(condition["first"]), not broken


def _chain_precedence(
    condition: Mapping[str, Any], memory: Memory, look: Look
) -> tuple[Memory, bool]:
    if not look.is_(condition["then"]):
        return memory, True
    before = look.before(condition.get("strict", False))
    stands = before is not None and not before[3].isdisjoint(_listed(condition["first"]))
    return memory, stands and all(_same(field, look, before) for field in condition.get("same", ()))


def _same(field: str, look: Look, before: "Latest | None") -> bool:
    assert before is not None
    kind, hook, error, _ = before
    if field == "error":
        return error == _identity(look.letter)
    if field == "hook":
        return hook == look.letter.hook
    if field == "state":
        return kind == f"state.{look.letter.state}"
    return kind == getattr(look.letter, field)


def _identity(letter: Letter) -> tuple[str, str] | None:
    """What tells one error from another: its class and its message."""
    return None if letter.error is None else (letter.error[1][0], letter.error[0])


def _chain_response(
    condition: Mapping[str, Any], memory: Memory, look: Look
) -> tuple[Memory, bool]:
    """Memory: whether the last ordered letter, or an event after it, was one of `first`."""
    due = bool(memory) and look.counts
    held = not due or look.is_(condition["then"])
    return look.is_(condition["first"]) or (memory and not look.counts), held


def _alternate(condition: Mapping[str, Any], memory: Memory, look: Look) -> tuple[Memory, bool]:
    if look.is_(condition["first"]):
        return True, not memory
    if look.is_(condition["then"]):
        return False, bool(memory)
    return memory, True


def _whenever(condition: Mapping[str, Any], memory: Memory, look: Look) -> tuple[Memory, bool]:
    """Memory: whether `then` is owed, which errors were told, and whether all is over."""
    owed, told, over = memory or (False, frozenset(), False)
    held = True
    if look.is_(condition["then"]):
        owed = False
    if look.is_(condition["by"]) and not over:
        held, over = not owed, True
    identity = _identity(look.letter)
    if look.is_(condition["first"]) and not (condition.get("unless_told") and identity in told):
        owed = True
    if identity is not None and condition.get("unless_told"):
        told |= {identity}
    return (False, frozenset(), True) if over else (owed, told, False), held


def _turns(condition: Mapping[str, Any], memory: Memory, look: Look) -> tuple[Memory, bool]:
    """Memory: of the last ordered letter, if it is of a turn: whether failed, hook, and error."""
    if not look.ordered:
        return memory, True
    failed, hook = look.is_(condition["failed"]), look.letter.hook
    if not failed and not look.is_(condition["event"]):
        return None, memory is None or memory[1] == look.on_error[-1]
    goes_on = memory is not None and _goes_on(memory, failed, look)
    begins = not failed and look.begins_turn(condition["event"])
    complete = memory is None or memory[1] == look.on_error[-1]
    error = memory[2] if failed and memory is not None else _identity(look.letter)
    return (failed, hook, error), hook in look.on_error and (goes_on or (begins and complete))


def _goes_on(memory: Memory, failed: bool, look: Look) -> bool:
    before_failed, hook, error = memory
    if failed:
        return not before_failed and hook == look.letter.hook
    rest = [place for place in look.on_error if place > hook]
    return bool(rest) and look.letter.hook == rest[0] and error == _identity(look.letter)


def _turn_response(condition: Mapping[str, Any], memory: Memory, look: Look) -> tuple[Memory, bool]:
    """Memory: the error that a turn is owed about, in a tuple; and those that turns were about."""
    owed, told = memory or (None, frozenset())
    held = True
    if owed is not None and look.ordered:
        begins = look.begins_turn(condition["event"]) and owed == (_identity(look.letter),)
        held, owed = begins or look.is_(condition.get("or_next", ())), None
    error = _identity(look.letter)
    spared = condition.get("unless_told") and error in told
    if look.on_error and look.is_(condition["first"]) and not spared:
        owed = (error,)
    if condition.get("unless_told") and look.is_(condition["event"]):
        told |= {error}
    return (owed, told), held


def _turn_reason(condition: Mapping[str, Any], memory: Memory, look: Look) -> tuple[Memory, bool]:
    """Memory: the error that the event after a turn has to be about, in a tuple."""
    if not look.ordered:
        return memory, True
    begins, held = look.begins_turn(condition["event"]), True
    error = _identity(look.letter)
    if memory is not None and (begins or look.counts):
        held, memory = look.is_(condition["then"]) and memory == (error,), None
    if begins:
        before = look.strict
        known = before is not None and not before[3].isdisjoint(_listed(condition["first"]))
        same = condition.get("any_error") or (before is not None and before[2] == error)
        if not (known and same):
            return ((error,), held) if "then" in condition else (None, False)
    return memory, held


def _told_before(condition: Mapping[str, Any], memory: Memory, look: Look) -> tuple[Memory, bool]:
    """Memory: the errors that turns were about."""
    told, error = memory or frozenset(), _identity(look.letter)
    held = not (look.on_error and look.is_(condition["then"])) or error in told
    return (told | {error} if look.is_(condition["event"]) else told), held


MONITORS: Mapping[str, Monitor] = {
    "only": _only,
    "absence": _absence,
    "at-most-once": _at_most_once,
    "first": _first,
    "nothing-after": _nothing_after,
    "in-list-order": _in_list_order,
    "in-this-order": _in_this_order,
    "precedence": _precedence,
    "not-succession": _not_succession,
    "chain-precedence": _chain_precedence,
    "chain-response": _chain_response,
    "alternate": _alternate,
    "whenever": _whenever,
    "turns": _turns,
    "turn-response": _turn_response,
    "turn-reason": _turn_reason,
    "told-before": _told_before,
}
"""What each template means."""


_NAMING = ("event", "failed", "events", "first", "then", "by")
"""The fields of a condition that name events."""
_CONCERNED_BY_ALL = {
    "only",
    "first",
    "nothing-after",
    "in-list-order",
    "chain-response",
    "whenever",
    "turns",
    "turn-response",
    "turn-reason",
}


_BREAKING = {
    "at-most-once": ("event",),
    "precedence": ("then",),
    "not-succession": ("then",),
    "whenever": ("by",),
    "in-this-order": ("events",),
}
"""Which fields of a condition name the events that break it; for others, all do."""


# All of them together


@attrs.frozen
class Broken:
    """A condition that a letter breaks."""

    rule: str
    condition: Mapping[str, Any] = attrs.field(eq=False)


Latest = tuple[str, int | None, tuple[str, str] | None, frozenset[str]]
"""The last ordered letter as the next one is judged by it: kind, hook, error, names."""


@attrs.frozen(cache_hash=True)
class Standing:
    """What the model remembers of a history.

    Attributes:
        previous: The last ordered letter that is no report; None at the start.
        strict: The last ordered letter.
        stretches: For each scope, whether a stretch of it is open, and how far its guards' events
            have happened.
        memories: For each condition, its monitor's memory.
    """

    previous: Latest | None = None
    strict: Latest | None = None
    open: frozenset[str] = frozenset()
    guards: frozenset[tuple[str, str]] = frozenset()
    memories: tuple[Memory, ...] = ()


@attrs.frozen(eq=False)
class _Condition:
    rule: str
    data: Mapping[str, Any] = attrs.field(eq=False)
    scope: str
    monitor: Monitor
    when: tuple[str, ...]
    unless: tuple[str, ...]

    @classmethod
    def of(cls, rule: str, data: Mapping[str, Any]) -> "_Condition":
        if data["template"] == "inside":  # outside of the scope nothing of the kind happens
            return cls(rule, data, f"outside of {data['scope']}", _absence, (), ())
        guards = (tuple(data.get(name, ())) for name in ("when", "unless"))
        return cls(rule, data, data.get("scope", "session"), MONITORS[data["template"]], *guards)

    def concerns(self, names: frozenset[str]) -> bool:
        """Whether an event of these names changes the monitor's memory, or breaks the condition."""
        if self.data["template"] in _CONCERNED_BY_ALL:
            return True
        fields = (self.data.get(field, ()) for field in _NAMING)
        return any(name in names for field in fields for name in _listed(field))

    def breaks_at(self, names: frozenset[str]) -> bool:
        """Whether an event of these names may break the condition, now or with the next one."""
        fields = _BREAKING.get(self.data["template"], _NAMING)
        return any(name in names for f in fields for name in _listed(self.data.get(f, ())))

    @property
    def is_local(self) -> bool:
        """Whether two neighbours decide it."""
        everywhere = self.scope == "session" and not self.when and not self.unless
        return everywhere and self.data["template"] in ("only", "absence", "chain-precedence")

    def applies(self, guards: frozenset[tuple[str, str]]) -> bool:
        """Whether what the condition demands of the stretch so far is met."""
        when = not self.when or any((self.scope, name) in guards for name in self.when)
        return when and not any((self.scope, name) in guards for name in self.unless)


def _is_in(scope: str, opened: frozenset[str]) -> bool:
    inside = scope.removeprefix("outside of ")
    return scope == "session" or (inside in opened) == (inside == scope)


_About = tuple[
    frozenset[str], frozenset[str], frozenset[str], tuple[int, ...], frozenset[tuple[str, str]]
]


class Model:
    """The automaton for a number of hooks.

    Args:
        hooks: How many hooks the session has.
        data: The file's content, if it is not to be read.
        on_error: The places in their list of those that have an `on_error`, ascending.
        letters: All letters that will come, if they are known. Then the model forgets what none
            of them can break any more, and so stands in fewer ways.
    """

    def __init__(
        self,
        hooks: int,
        data: Mapping[str, Any] | None = None,
        letters: Sequence[Letter] = (),
        on_error: tuple[int, ...] = (),
    ) -> None:
        self._on_error = on_error
        data = tomllib.loads(SPEC.read_text("utf-8")) if data is None else data
        self._hooks = hooks
        self._vocabulary = Vocabulary(data)
        self._scopes: Mapping[str, Mapping[str, Any]] = data["scopes"]
        self._last = _listed(
            [c["event"] for r in data["rule"] for c in r["conditions"] if c["template"] == "last"]
        )
        self._conditions = [
            _Condition.of(rule["id"], condition)
            for rule in data["rule"]
            for condition in rule["conditions"]
            if condition["template"] not in UNBOUNDED | {"last"}
        ]
        self._watched = sorted(
            {(c.scope, n) for c in self._conditions for n in (*c.when, *c.unless)}
        )
        self._of_scope = {
            scope: [n for n, c in enumerate(self._conditions) if c.scope == scope]
            for scope in self._scopes
        }
        self._moot, self._mute = self._what_ends(letters)
        self._about = functools.cache(self._all_about)
        self._local = [c for c in self._conditions if c.is_local]
        self.broken_at_once = functools.cache(self._find_at_once)
        self.start = Standing(memories=(None,) * len(self._conditions))

    def step(self, standing: Standing, letter: Letter) -> Standing | Broken:
        """Where a letter leads, or the condition that it breaks."""
        at_once = self.broken_at_once(standing.previous, standing.strict, letter)
        if at_once is not None:
            return at_once
        names, opens, closes, concerned, watched = self._about(letter)
        open_before = standing.open
        opened = open_before | opens
        fresh = opens - open_before
        guards = standing.guards
        if fresh:
            guards = frozenset(guard for guard in guards if guard[0] not in fresh)
        memories = list(standing.memories)
        moot = frozenset[int]().union(*(self._moot[s] for s in self._moot.keys() & open_before))
        look = attrs.evolve(self._look(standing, letter), opened=opened)
        first_look = attrs.evolve(look, previous=None) if fresh else look
        for at in concerned:
            condition = self._conditions[at]
            if at in moot or not _is_in(condition.scope, opened):
                continue
            seen = first_look if condition.scope in fresh else look
            memories[at], held = condition.monitor(condition.data, memories[at], seen)
            if not held and condition.applies(guards):
                return Broken(condition.rule, condition.data)
        guards |= {pair for pair in watched if _is_in(pair[0], opened)}
        for scope in fresh & self._moot.keys():
            memories = [None if n in self._moot[scope] else m for n, m in enumerate(memories)]
            guards = frozenset(guard for guard in guards if guard[0] not in self._mute[scope])
        closed = self._closed(closes & open_before, opened)
        for at in (n for scope in closed for n in self._of_scope[scope]):
            memories[at] = None
        if closed:
            guards = frozenset(guard for guard in guards if guard[0] not in closed)
        previous, strict = standing.previous, standing.strict
        if "ordered" in names:
            about = letter.kind == "raised" or self._on_error
            strict = (letter.kind, letter.hook, _identity(letter) if about else None, names)
            previous = previous if "report" in names else strict
        return Standing(previous, strict, opened - closed, guards, tuple(memories))

    def _closed(self, closes: frozenset[str], opened: frozenset[str]) -> frozenset[str]:
        inside = opened - closes
        return frozenset(s for s in closes if self._scopes[s].get("not_inside") not in inside)

    def _look(self, standing: Standing, letter: Letter) -> Look:
        before = standing.previous, standing.strict
        return Look(letter, self._vocabulary.of(letter), *before, self._hooks, self._on_error)

    def _find_at_once(
        self, previous: Latest | None, strict: Latest | None, letter: Letter
    ) -> Broken | None:
        """The condition that a letter breaks whatever came earlier than the one before."""
        look = self._look(Standing(previous, strict), letter)
        for condition in self._local:
            if not condition.monitor(condition.data, None, look)[1]:
                return Broken(condition.rule, condition.data)
        return None

    def _all_about(self, letter: Letter) -> _About:
        """The names of a letter, the scopes that it opens and closes, and whom it concerns."""
        names = self._vocabulary.of(letter)
        opens = frozenset(n for n, scope in self._scopes.items() if scope["from"] in names)
        closes = frozenset(
            name for name, scope in self._scopes.items() if names & set(scope.get("to", ()))
        )
        concerned = tuple(
            at
            for at, condition in enumerate(self._conditions)
            if condition not in self._local and condition.concerns(names)
        )
        watched = frozenset(pair for pair in self._watched if pair[1] in names)
        return names, opens, closes, concerned, watched

    def _what_ends(
        self, letters: Sequence[Letter]
    ) -> tuple[dict[str, frozenset[int]], dict[str, frozenset[str]]]:
        """For each scope that nothing closes: the conditions that nothing can break in it.

        And the scopes of which no guard matters there.
        """
        moot, mute = {}, {}
        for condition in self._conditions:
            scope = condition.scope
            if not letters or condition.data["template"] != "only" or scope not in self._scopes:
                continue
            if "to" in self._scopes[scope]:
                continue
            allowed = {*condition.data["events"], "beside"}
            coming = [n for n in map(self._vocabulary.of, letters) if n & allowed]
            live = {
                at
                for at, one in enumerate(self._conditions)
                if one.scope == scope or any(one.breaks_at(names) for names in coming)
            }
            moot[scope] = frozenset(range(len(self._conditions))) - live
            mute[scope] = {*self._scopes, "session"} - {self._conditions[at].scope for at in live}
        return moot, {scope: frozenset(muted) for scope, muted in mute.items()}

    def may_end(self, standing: Standing) -> bool:
        """Whether a finished history may end here."""
        last = standing.previous
        return last is not None and not last[3].isdisjoint(self._last)


def accepts(model: Model, letters: Sequence[Letter], finished: bool = False) -> bool:
    """Whether the model allows a history."""
    standing: Standing | Broken = model.start
    for letter in letters:
        standing = model.step(standing, letter)
        if isinstance(standing, Broken):
            return False
    return not finished or model.may_end(standing)


def histories(model: Model, letters: Sequence[Letter], length: int) -> Iterator[tuple[Letter, ...]]:
    """All histories of a length that the model allows."""
    waiting: list[tuple[Standing, tuple[Letter, ...]]] = [(model.start, ())]
    while waiting:
        standing, told = waiting.pop()
        if len(told) == length:
            yield told
            continue
        for letter in letters:
            after = model.step(standing, letter)
            if isinstance(after, Standing):
                waiting.append((after, (*told, letter)))
