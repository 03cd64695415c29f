"""This project's session classes against the recorded traces of TensorFlow."""

from collections.abc import Sequence

import pytest

from tests.oracle.adapter import play_on_runtime
from tests.oracle.corpora import Row
from tests.oracle.explain import Verdict
from tests.oracle.runner import judge_all

CHUNKS = 12


@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_every_difference_from_tensorflow_is_explained(singular: Sequence[Row], chunk: int) -> None:
    """Each trace is TensorFlow's, or differs by wanted divergences and nothing else."""
    unexplained = [
        f"{outcome.row.id}: {outcome.explanation.remark}\n{difference and difference.render()}"
        for outcome in judge_all(singular[chunk::CHUNKS], play_on_runtime)
        if outcome.explanation.verdict is Verdict.UNEXPLAINED
        for difference in [outcome.explanation.difference]
    ]
    assert unexplained == []
