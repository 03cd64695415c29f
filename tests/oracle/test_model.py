"""The model, with no rule switched on, is TensorFlow as the corpora show it."""

from collections.abc import Sequence

import attrs
import pytest

from statemachine.testing.trace import Level, compare
from tests.oracle.corpora import Row, shipped
from tests.oracle.divergences import Divergence, wanted
from tests.oracle.explain import derive


@pytest.mark.parametrize("chunk", range(4))
def test_the_model_derives_every_trace(rows: Sequence[Row], chunk: int) -> None:
    """Every event of every trace, coordinators and other threads included, follows."""
    gaps = [
        f"{row.id}\n{gap.render()}"
        for row in rows[chunk::4]
        if (gap := compare(row.expected, derive(row, ()), Level.FULL)) is not None
    ]
    assert gaps == []


def test_the_model_is_deterministic(singular: Sequence[Row]) -> None:
    """Deriving a trace twice gives the same trace."""
    assert all(derive(row, wanted()) == derive(row, wanted()) for row in singular[::10])


@pytest.mark.parametrize("divergence", [d for d in wanted() if d.rules], ids=str)
def test_a_rule_leaves_alone_what_it_does_not_concern(
    singular: Sequence[Row], divergence: Divergence
) -> None:
    """Each rule changes some traces of the class that it is about, and by far not all."""
    shown = next(row for row in shipped() if row.id == divergence.scenario)
    rows = [row for row in shipped() if row.monitored] if shown.monitored else singular
    changed = [
        row.id
        for row in rows
        if compare(row.expected, derive(row, (divergence,)), Level.CORE) is not None
    ]
    assert 0 < len(changed) < len(rows) / 4


def test_a_rule_that_does_not_exist_changes_nothing(singular: Sequence[Row]) -> None:
    """An unknown name of a rule would go unnoticed, so this says what it does."""
    unknown = attrs.evolve(wanted()[0], rules=("no_such_rule",))
    assert derive(singular[0], (unknown,)) == derive(singular[0], ())
