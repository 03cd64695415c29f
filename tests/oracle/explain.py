"""Decides whether a trace is TensorFlow's behaviour, a wanted divergence, or neither."""

import enum
from collections.abc import Sequence

import attrs

from statemachine.testing.model.world import ModelWorld
from statemachine.testing.player import play
from statemachine.testing.trace import Difference, Level, Observation, compare
from tests.oracle.corpora import Row
from tests.oracle.divergences import Divergence, rules_of, wanted
from tests.oracle.ordering import OrderViolation, check_ordering


class Verdict(enum.Enum):
    """What became of one scenario."""

    EQUAL = "equal"
    EXPLAINED = "explained"
    UNEXPLAINED = "unexplained"


@attrs.frozen
class Explanation:
    """A verdict and its reason.

    Attributes:
        verdict: the verdict.
        by: the divergences that explain the difference.
        by_ordering: whether the documented ordering had to suffice.
        difference: the first unexplained difference.
        remark: what the difference is between.
    """

    verdict: Verdict
    by: tuple[Divergence, ...] = ()
    by_ordering: bool = False
    difference: Difference | None = None
    remark: str = ""


def derive(row: Row, divergences: Sequence[Divergence]) -> Observation:
    """Derives a scenario's trace with some divergences switched on."""
    return play(row.scenario, ModelWorld(row.scenario, rules_of(divergences)))


def explain(row: Row, found: Observation, level: Level = Level.CORE) -> Explanation:
    """Compares with TensorFlow's trace, then with the trace rewritten by the divergences."""
    from_tensorflow = compare(row.expected, found, level)
    if from_tensorflow is None:
        return Explanation(Verdict.EQUAL)
    gap = compare(row.expected, derive(row, ()), level)
    if gap is not None:
        return _explain_by_ordering(row, found, gap, from_tensorflow, level)
    difference = compare(derive(row, wanted()), found, level)
    if difference is None:
        return Explanation(Verdict.EXPLAINED, by=_needed(row, found, level))
    remark = "found against what is expected with the wanted divergences"
    return Explanation(Verdict.UNEXPLAINED, difference=difference, remark=remark)


def _needed(row: Row, found: Observation, level: Level) -> tuple[Divergence, ...]:
    """Leaves out each divergence without which the trace is still the found one."""
    needed = [d for d in wanted() if d.rules]
    for divergence in tuple(needed):
        fewer = [d for d in needed if d is not divergence]
        if compare(derive(row, fewer), found, level) is None:
            needed = fewer
    return tuple(needed)


def _explain_by_ordering(
    row: Row, found: Observation, gap: Difference, plain: Difference, level: Level
) -> Explanation:
    """Handles a scenario whose trace the model cannot derive to its end."""
    beginning = _first_divergence(row, level)
    if beginning is None:
        return _not_derived(
            plain, "found against TensorFlow's trace, which the model cannot derive"
        )
    divergence, position = beginning
    if gap.position is None or gap.position <= position or not divergence.ordering_suffices:
        return _not_derived(plain, "the model cannot derive TensorFlow's trace up to a divergence")
    ours = compare(derive(row, wanted()), found, level)
    if ours is not None and (ours.position is None or ours.position <= position):
        return _not_derived(ours, f"found differs up to divergence {divergence}")
    try:
        check_ordering(row.scenario, found.trace)
    except OrderViolation as violation:
        return _not_derived(plain, f"after divergence {divergence}: {violation}")
    return Explanation(Verdict.EXPLAINED, by=(divergence,), by_ordering=True)


def _not_derived(difference: Difference, remark: str) -> Explanation:
    return Explanation(Verdict.UNEXPLAINED, difference=difference, remark=remark)


def _first_divergence(row: Row, level: Level) -> tuple[Divergence, int] | None:
    """Returns the divergence that shows first in a scenario, and where."""
    plain = derive(row, ())
    places = []
    for divergence in wanted():
        difference = compare(plain, derive(row, (divergence,)), level)
        if difference is not None and difference.position is not None:
            places.append((difference.position, divergence))
    if not places:
        return None
    position, divergence = min(places, key=lambda place: place[0])
    return divergence, position
