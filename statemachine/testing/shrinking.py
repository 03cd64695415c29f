"""Makes a scenario that fails smaller, as long as it fails."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, TypeVar

import attrs

from statemachine.testing.hook_scenario import HookScenario
from statemachine.testing.scenario import Scenario

# Any, here: the parts of a scenario are JSON.
MOST_TRIES: Final = 400
Plan = TypeVar("Plan", Scenario, HookScenario)


def smallest(scenario: Plan, fails: Callable[[Plan], bool]) -> Plan:
    """Leave out of a scenario whatever it fails without.

    Args:
        scenario: A scenario that fails.
        fails: Whether another one does, too.
    """
    tries = 0
    shrunk = True
    while shrunk:
        shrunk = False
        for smaller in smaller_ones(scenario):
            tries += 1
            if tries > MOST_TRIES:
                return scenario
            if fails(smaller):
                scenario, shrunk = smaller, True
                break
    return scenario


def smaller_ones(scenario: Plan) -> Iterator[Plan]:
    """Scenarios with one thing left out, or made simpler; the boldest first."""
    parts = {
        field.name: (getattr(scenario, field.name), field.default)
        for field in attrs.fields(type(scenario))
    }
    for name, (part, default) in parts.items():
        is_kept = name == "session" and isinstance(scenario, Scenario)
        if part != default and not is_kept:
            yield _with(scenario, name, default)
    for name, (part, _) in parts.items():
        if isinstance(part, tuple):
            for smaller in _shorter(part):
                yield _with(scenario, name, smaller)
    for name, (part, _) in parts.items():
        if isinstance(part, Mapping):
            for simpler in _simpler(part):
                if simpler:
                    yield _with(scenario, name, simpler)


def _shorter(parts: tuple[Any, ...]) -> Iterator[tuple[Any, ...]]:
    for at, part in enumerate(parts):
        yield (*parts[:at], *parts[at + 1 :])
        if part.get("op") in _AROUND:
            yield (*parts[:at], *part["body"], *parts[at + 1 :])
        for simpler in _simpler(part):
            yield (*parts[:at], simpler, *parts[at + 1 :])


def _with(scenario: Plan, name: str, value: Any) -> Plan:
    return attrs.evolve(scenario, **{name: value})


_NEEDED: Final = frozenset(
    {"op", "body", "err", "max", "raise", "bomb", "n", "same_as", "name", "value", "at"}
)


_AROUND: Final = frozenset({"loop", "with"})
"""Operations that can be left away around others."""
_FETCHING: Final = frozenset({"run", "raw_run"})
"""Operations that fail without a fetch: they are given a plain one instead."""
_PLAIN: Final = "c"


def _simpler(part: Any) -> Iterator[Any]:
    """A part with one thing in it left out or made plain, at any depth."""
    if isinstance(part, Mapping):
        yield from _simpler_object(part)
    elif isinstance(part, list):
        for at, value in enumerate(part):
            yield [*part[:at], *part[at + 1 :]]
            for simpler in _simpler(value):
                yield [*part[:at], simpler, *part[at + 1 :]]


def _simpler_object(part: Mapping[str, Any]) -> Iterator[Any]:
    fetches = part.get("op") in _FETCHING
    for name, value in part.items():
        rest = {k: v for k, v in part.items() if k != name}
        if name == "fetch" and fetches:
            if value != _PLAIN:
                yield {**part, name: _PLAIN}
        elif name not in _NEEDED:
            yield rest
        if _is_later_call(name) and "0" not in part:
            yield {**rest, "0": value}
        for simpler in _simpler(value):
            yield {**rest, name: simpler}


def _is_later_call(name: str) -> bool:
    """Whether a key of a hook's method names a call that is not the first, or any call."""
    return name == "*" or (name.isdecimal() and name != "0")
