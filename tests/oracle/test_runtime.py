"""This project's session classes against the recorded traces of TensorFlow."""

from collections.abc import Iterable, Iterator, Sequence

import pytest

from statemachine.testing.trace import compare
from tests.oracle.adapter import play_on_runtime
from tests.oracle.corpora import Row
from tests.oracle.divergences import wanted
from tests.oracle.explain import Verdict, derive, explain
from tests.oracle.runner import SECONDS_PER_SCENARIO, time_limit

CHUNKS = 12


def faults(rows: Iterable[Row]) -> Iterator[str]:
    """What is wrong: unexplained differences, and TensorFlow's way where we want another."""
    for row in rows:
        with time_limit(SECONDS_PER_SCENARIO):
            found = play_on_runtime(row.scenario)
        explanation = explain(row, found)
        if explanation.verdict is Verdict.UNEXPLAINED:
            shown = explanation.difference.render() if explanation.difference else ""
            yield f"{row.id}: {explanation.remark}\n{shown}"
        elif lapse := compare(derive(row, wanted()), found):
            yield f"{row.id}: a wanted divergence is missing\n{lapse.render()}"


@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_every_difference_from_tensorflow_is_explained(singular: Sequence[Row], chunk: int) -> None:
    """Each trace is TensorFlow's, or differs by the wanted divergences and nothing else."""
    assert list(faults(singular[chunk::CHUNKS])) == []
