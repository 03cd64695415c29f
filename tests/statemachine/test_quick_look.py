"""What makes auditing fast looks at little, and sees what looking at everything sees."""

import attrs
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from statemachine import EventKind
from statemachine.block import Block
from statemachine.compiled import END_CODE, START_CODE, Place, compile_table
from statemachine.events import INDEX_SHIFT, MAX_INDEX, encode
from statemachine.pairs import pair_table
from tests.statemachine.histories import starting, step


def thorough(hooks):
    """The table without its quick look-up."""
    return attrs.evolve(pair_table(hooks), place_of=np.zeros(0, np.int32))


def walk(hooks, signature=0):
    run = Place("computing").code
    codes = [place.code for place in (*starting(hooks), *step(hooks), *step(hooks))]
    return [START_CODE, *(c | signature << INDEX_SHIFT if c == run else c for c in codes)]


@pytest.mark.parametrize("hooks", [0, 1, 2, 5, 40])
def test_every_pair_is_judged_alike(hooks):
    """The quick look-up and the thorough one find the same faults among all codes and others."""
    codes = list(compile_table(hooks).places)[:150]
    codes += [START_CODE, END_CODE, 0x3F, -1, 2**31 - 1, encode(EventKind.RUN, 3), -(2**31)]
    pairs = np.array([(a, b) for a in codes for b in codes], np.int32)
    quick, slow = pair_table(hooks), thorough(hooks)
    assert slow.faults(pairs.reshape(-1)).tolist() == quick.faults(pairs.reshape(-1)).tolist()
    for before, after in pairs[:: 1 + len(pairs) // 2000]:
        pair = np.array([before, after], np.int32)
        assert quick.faults(pair).tolist() == slow.faults(pair).tolist()


@pytest.mark.parametrize("signature", [0, 1, 15, 16, 1000, MAX_INDEX])
def test_any_signature_of_a_run_is_right(signature):
    """Also one beyond those that the quick look-up knows."""
    codes = np.array(walk(2, signature), np.int32)
    assert pair_table(2).faults(codes).tolist() == []


@given(st.data())
def test_one_wrong_code_is_found(data):
    """Whatever stands in the place of one event of a right history is judged alike."""
    codes = np.array(walk(3), np.int32)
    at = data.draw(st.integers(0, len(codes) - 1))
    codes[at] = data.draw(st.integers(-(2**31), 2**31 - 1) | st.sampled_from(codes.tolist()))
    assert pair_table(3).faults(codes).tolist() == thorough(3).faults(codes).tolist()


def block_of(codes):
    array = np.array(codes, np.int32)
    return Block(0, 7, 0, np.ones(len(array), np.int64), array, {})


def test_a_block_counts_its_codes_once():
    """The census answers which kinds there are, how many, and where."""
    note, begin, end = EventKind.NOTE, EventKind.STEP_BEGIN, EventKind.STEP_END
    block = block_of([begin.number, note.number, end.number, begin.number])
    assert block.census == {begin.number: 2, note.number: 1, end.number: 1}
    assert (block.count(begin), block.count(EventKind.RAISED)) == (2, 0)
    assert block.positions(begin, note).tolist() == [0, 1, 3]
    assert block.positions(EventKind.RAISED).tolist() == []
    assert block.step_after == 9
    assert not block.in_one_lane
    assert block.ordered_codes.tolist() == [begin.number, end.number, begin.number]


def test_an_empty_block_holds_nothing():
    """It has no codes, and is in one lane."""
    block = block_of([])
    assert (dict(block.census), block.in_one_lane, len(block.ordered_codes)) == ({}, True, 0)
