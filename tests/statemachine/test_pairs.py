"""Pairs of neighbours, judged for a whole block at once, are those of the compiled table."""

import random
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from statemachine import pairs
from statemachine.compiled import END_CODE, START_CODE, Place, compile_table
from statemachine.events import INDEX_SHIFT, EventKind, encode
from statemachine.pairs import PairTable, pair_table


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Judges more than three hooks as if they were very many."""
    monkeypatch.setattr(pairs, "_MOST_UNROLLED", 3)
    pair_table.cache_clear()
    yield
    pair_table.cache_clear()


def _legal(table: PairTable, before: int, after: int) -> bool:
    return not len(table.faults(np.array([before, after], np.int32)))


def _compare_all(hooks: int, on_error: tuple[int, ...] = ()) -> None:
    table, compiled = pair_table(hooks, on_error), compile_table(hooks, on_error)
    codes = [START_CODE, *compiled.places, END_CODE]
    for before in codes:
        chain = np.array([code for after in codes for code in (before, after)], np.int32)
        faults = set(table.faults(chain).tolist())
        for number, after in enumerate(codes):
            assert (2 * number + 1 not in faults) == compiled.allows(before, after)


@pytest.mark.parametrize("hooks", [0, 1, 2, 3])
def test_every_pair_is_judged_as_the_compiled_table_judges_it(hooks: int) -> None:
    """Start and end of a log included."""
    _compare_all(hooks)


@pytest.mark.parametrize("on_error", [(0,), (2,), (0, 2), (0, 1, 2)])
def test_every_pair_is_judged_alike_where_some_hooks_have_an_on_error(
    on_error: tuple[int, ...],
) -> None:
    """They are called in list order, the others not."""
    _compare_all(3, on_error)


@pytest.mark.usefixtures("few")
@pytest.mark.parametrize("on_error", [(3,), (1, 4), (0, 2, 5), (0, 1, 3, 5), (0, 1, 2, 3, 5)])
def test_very_many_hooks_with_an_on_error_are_judged_by_a_table_of_few(
    on_error: tuple[int, ...],
) -> None:
    """Where a hook stands among those that have one decides, and the verdicts are the same."""
    _compare_all(6, on_error)


@pytest.mark.usefixtures("few")
@pytest.mark.parametrize("hooks", [4, 5, 7])
def test_every_pair_of_very_many_hooks_is_judged_by_a_table_of_few(hooks: int) -> None:
    """The table is not unrolled for very many hooks, and the verdicts are the same."""
    assert pair_table(hooks).places == pair_table(4).places
    _compare_all(hooks)


@pytest.mark.parametrize("hooks", [2, 300])
def test_what_no_place_has_may_follow_nothing_and_nothing_may_follow_it(
    hooks: int,
) -> None:
    """Unknown kinds, hooks that there are not, negative numbers, marks without meaning."""
    table = pair_table(hooks)
    legal = Place("gathering", hooks - 1).code
    strange = [
        -1,
        -(2**31),
        0x7FFFFFFF,
        encode(EventKind.BEFORE_RUN, index=hooks),
        encode(EventKind.BEFORE_RUN, index=0x7FFF),
        encode(EventKind.RUN, mark=7),
        encode(EventKind.RAISED),
        encode(EventKind.NOTE),
    ]
    for code in strange:
        assert not _legal(table, legal, code)
        assert not _legal(table, code, legal)
        assert not _legal(table, code, code)


@given(st.integers(0, 0x7FFF))
def test_a_run_may_have_any_signature(signature: int) -> None:
    """Which signature a run has is no matter of order."""
    run = Place("computing").code | signature << INDEX_SHIFT
    table = pair_table(1)
    assert _legal(table, Place("gathering").code, run)
    assert _legal(table, run, Place("delivering").code)


def test_the_first_code_of_a_chain_is_not_judged_and_short_chains_have_no_faults() -> None:
    """A chain of no or one code has no neighbours."""
    table = pair_table(0)
    assert table.faults(np.array([], np.int32)).tolist() == []
    assert table.faults(np.array([0x7FFFFFFF], np.int32)).tolist() == []


@pytest.mark.parametrize("hooks", [65, 150])
def test_random_pairs_and_walks_of_very_many_hooks_are_judged_alike(hooks: int) -> None:
    """The same verdicts as the compiled table's on random pairs, and on neighbours of a walk."""
    table, compiled, chooser = pair_table(hooks), compile_table(hooks), random.Random(0)
    codes = [START_CODE, *compiled.places, END_CODE]
    chain = np.array(chooser.choices(codes, k=4000), np.int32)
    faults = set(table.faults(chain).tolist())
    for at in range(1, len(chain)):
        allowed = compiled.allows(int(chain[at - 1]), int(chain[at]))
        assert (at not in faults) == allowed
    walk = [*compiled.start]
    while following := compiled.followers[walk[-1]]:
        walk.append(chooser.choice(following))
    assert table.faults(np.array([START_CODE, *walk, END_CODE], np.int32)).tolist() == []
