"""Scenarios that nobody recorded: parts of recorded ones, put together anew."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from statemachine.testing.trace import Observation, compare
from tests.oracle.adapter import play_on_runtime
from tests.oracle.corpora import Row, shipped
from tests.oracle.divergences import wanted
from tests.oracle.explain import derive
from tests.oracle.ordering import check_ordering
from tests.oracle.recombine import recombined

ROWS: Sequence[Row] = tuple(row for row in shipped() if not row.monitored)


def check(seed: int) -> None:
    row = Row(f"recombined {seed}", "", recombined(ROWS, seed), Observation(()))
    expected = derive(row, wanted())
    check_ordering(row.scenario, expected.trace)
    difference = compare(expected, play_on_runtime(row.scenario))
    assert difference is None, f"{row.scenario}\n{difference.render()}"


@given(st.integers(min_value=0, max_value=10**9))
def test_our_classes_do_what_is_derived(seed: int) -> None:
    """For any recombination our trace is the derived one, and in the documented order."""
    check(seed)


@pytest.mark.deep
def test_our_classes_do_what_is_derived_in_many_scenarios() -> None:
    """The same for thousands of them."""
    for seed in range(4000):
        check(seed)
