"""Makes a scenario that fails smaller, as long as it fails."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

import attrs

from statemachine.testing.scenario import Scenario

# Any, here: the parts of a scenario are JSON.
MOST_TRIES: Final = 400
_DEFAULTS: Final = {field.name: field.default for field in attrs.fields(Scenario)}


def smallest(scenario: Scenario, fails: Callable[[Scenario], bool]) -> Scenario:
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


def smaller_ones(scenario: Scenario) -> Iterator[Scenario]:
    """Scenarios with one thing left out, or made simpler; the boldest first."""
    for name, default in _DEFAULTS.items():
        if name != "session" and getattr(scenario, name) != default:
            yield _with(scenario, name, default)
    for name in ("hooks", "body", "after", "reopen"):
        parts = getattr(scenario, name)
        for at, part in enumerate(parts):
            yield _with(scenario, name, (*parts[:at], *parts[at + 1 :]))
            for simpler in _simpler(part):
                yield _with(scenario, name, (*parts[:at], simpler, *parts[at + 1 :]))
    for name in ("scaffold", "qr", "session_create", "raw_close"):
        for simpler in _simpler(getattr(scenario, name)):
            if simpler:
                yield _with(scenario, name, simpler)


def _with(scenario: Scenario, name: str, value: Any) -> Scenario:
    return attrs.evolve(scenario, **{name: value})


_NEEDED: Final = frozenset({"op", "err", "max", "raise", "bomb", "n", "same_as", "name", "value"})


def _simpler(part: Any) -> Iterator[Any]:
    """A part with one thing in it left out, at any depth."""
    if isinstance(part, Mapping):
        for name, value in part.items():
            rest = {k: v for k, v in part.items() if k != name}
            if name not in _NEEDED:
                yield rest
            for simpler in _simpler(value):
                yield {**rest, name: simpler}
    elif isinstance(part, list):
        for at, value in enumerate(part):
            yield [*part[:at], *part[at + 1 :]]
            for simpler in _simpler(value):
                yield [*part[:at], simpler, *part[at + 1 :]]
