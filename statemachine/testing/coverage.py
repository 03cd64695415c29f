"""What the examples of a run reached: states, transitions, fault points, and rules."""

import itertools
from collections import Counter
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Final

from statemachine.compiled import compile_table, steps_from
from statemachine.events import SYMBOL_MASK
from statemachine.table import State
from statemachine.testing.building import fault_points, possible_fault_points
from statemachine.testing.features import Feature, Sees
from statemachine.testing.log_checks import Logged
from statemachine.testing.results import Coverage, Reach
from statemachine.testing.scenario import Scenario

HOOKS: Final = 2
"""Transitions are those of so many hooks; with more hooks there are no others."""
Transition = tuple[str, str]


class Reached:
    """Counts what scenarios and logs reach.

    Args:
        features: What the session can do.
        sees: What its adapter reports.
    """

    def __init__(self, features: Iterable[Feature], sees: Iterable[Sees]) -> None:
        self._features = frozenset(features)
        self._logs = Sees.LOG in frozenset(sees)
        self._faults: Counter[str] = Counter()
        self._pairs: Counter[tuple[int, int]] = Counter()

    def scenario(self, scenario: Scenario) -> None:
        """Count the fault points of a scenario."""
        self._faults.update(set(fault_points(scenario)))

    def log(self, logged: Logged) -> None:
        """Count the transitions of a log."""
        for life in logged.lives:
            self._pairs.update(itertools.pairwise(code & SYMBOL_MASK for code in life.codes))

    def coverage(self) -> Coverage:
        """What was reached, and what could have been."""
        points = possible_fault_points(self._features)
        faults = Reach("fault points", {point: self._faults[point] for point in points})
        return Coverage((*(self._of_logs() if self._logs else ()), faults))

    def _of_logs(self) -> tuple[Reach, ...]:
        points = _points()
        found: Counter[Transition] = Counter()
        states: Counter[str] = Counter()
        for (before, after), count in self._pairs.items():
            if before in points and after in points:
                found[points[before], points[after]] += count
                states.update({_state(before): count, _state(after): count})
        known = self._possible()
        rules = Counter[str]()
        for transition, count in found.items():
            rules.update(dict.fromkeys(known.get(transition, ()), count))
        all_rules = sorted({rule for of in known.values() for rule in of})
        return (
            Reach("states", {state.value: states[state.value] for state in State}),
            Reach("transitions", {" → ".join(pair): found[pair] for pair in known}),
            Reach("rules", {rule: rules[rule] for rule in all_rules}),
        )

    def _possible(self) -> Mapping[Transition, frozenset[str]]:
        others = _NEVER if Feature.MONITORED in self._features else _NEVER | _OF_RECOVERY
        return {pair: rules - others for pair, rules in _transitions().items() if rules - others}


_NEVER: Final = frozenset({"creator-creates", "observer-told-at-once"})
_OF_RECOVERY: Final = frozenset(
    {
        "recover-from-preemption",
        "old-session-closed",
        "finalize-again",
        "failed-recovery-undone",
        "lost-session",
        "stop-survives-recovery",
    }
)


@cache
def _points() -> Mapping[int, str]:
    """The point of the lifecycle that an event stands for, by its code without the hook."""
    return {code & SYMBOL_MASK: place.point for code, place in compile_table(1).places.items()}


@cache
def _state(code: int) -> str:
    state = compile_table(1).places[code].state
    return "" if state is None else state.value


@cache
def _transitions() -> Mapping[Transition, frozenset[str]]:
    """Every pair of points of which one may follow the other, and the rules that say so."""
    found: dict[Transition, set[str]] = {}
    for place in compile_table(HOOKS).places.values():
        for step in steps_from(place, HOOKS):
            found.setdefault((place.point, step.place.point), set()).add(step.rule)
    return {pair: frozenset(rules) for pair, rules in sorted(found.items())}
