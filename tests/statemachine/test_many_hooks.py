"""Sessions with very many hooks are judged as those with few."""

from functools import cache

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from statemachine import pairs
from statemachine.compiled import Place
from tests.statemachine.histories import leaving, starting, step

HOOKS = 7
LEGAL = [
    place.code
    for place in (
        *starting(HOOKS),
        *step(HOOKS),
        *step(HOOKS),
        Place("stopping", 0, 1),
        *leaving(HOOKS),
    )
]


def faults(codes, limit):
    """The faults, as they are found if the table is unrolled for so many hooks at most."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pairs, "_MOST_UNROLLED", limit)
        return table(limit).faults(codes).tolist()


@cache
def table(limit):
    return pairs.pair_table.__wrapped__(HOOKS)


change = st.tuples(
    st.integers(0, len(LEGAL) - 1),
    st.sampled_from(["drop", "double", "index", "any"]),
    st.integers(-1, HOOKS + 1),
)


@given(st.lists(change, max_size=4))
def test_the_short_way_of_judging_finds_the_same_faults(changes):
    """In histories to which little or much was done."""
    history = list(LEGAL)
    for at, how, index in changes:
        at %= len(history)
        if how == "drop":
            history[at : at + 1] = []
        elif how == "double":
            history.insert(at, history[at])
        elif how == "index":
            history[at] = (history[at] & 0xFFFF) + index * 65536
        else:
            history[at] = LEGAL[(at * 7 + index) % len(LEGAL)]
    codes = np.array([0, *history], np.int32)
    assert faults(codes, HOOKS - 1) == faults(codes, HOOKS)
    assert changes or not faults(codes, HOOKS - 1)
