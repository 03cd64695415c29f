"""Blocks: two lanes in one order, steps, parts."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from statemachine import Block, EventKind, Record, UnreadableLog
from statemachine.block import event_of, merge_lanes
from statemachine.compiled import Place
from statemachine.events import EMPTY, encode
from tests.statemachine.histories import step

NOTE = EventKind.NOTE.number
BEGIN = Place("step").code
RUN = Place("computing").code
DONE = Place("step done").code


def merged(times, codes, records, not_before=0):
    return merge_lanes(np.array(times, np.int64), np.array(codes, np.int32), records, not_before)


def block_of(codes, sequence=0, step=0, details=None):
    return Block(
        sequence, step, 0, np.ones(len(codes), np.int64), np.array(codes, np.int32), details or {}
    )


def test_an_event_beside_comes_after_the_ordered_ones_that_its_writer_saw():
    """Its slot counts them, whatever the clock says."""
    _, codes, *_ = merged([10, 20, 30], [1, 2, 3], [Record(2, 5, NOTE, "")])
    assert codes.tolist() == [1, 2, NOTE, 3]


def test_an_event_beside_comes_after_those_that_were_earlier_by_the_clock():
    """A writer may have looked at the slot long before it read the clock."""
    _, codes, *_ = merged([10, 20, 30], [1, 2, 3], [Record(0, 25, NOTE, "")])
    assert codes.tolist() == [1, 2, NOTE, 3]


def test_events_beside_stay_in_the_order_of_their_times():
    """However they were written down."""
    notes = [Record(1, time, NOTE, f'{{"n":{time}}}') for time in (11, 12, 13)]
    for order in itertools.permutations(notes):
        times, codes, details, _ = merged([10, 20], [1, 2], order)
        assert codes.tolist() == [1, NOTE, NOTE, NOTE, 2]
        assert list(details.values()) == ['{"n":11}', '{"n":12}', '{"n":13}']
        assert times.tolist() == [10, 11, 12, 13, 20]


def test_a_detail_follows_its_ordered_event():
    """Events that are put before it move its position."""
    records = [Record(1, 9, 2, '{"a":1}'), Record(0, 5, NOTE, '{"b":2}')]
    _, codes, details, _ = merged([10, 20], [1, 2], records)
    assert codes.tolist() == [NOTE, 1, 2]
    assert details == {0: '{"b":2}', 2: '{"a":1}'}


def test_the_latest_detail_of_an_event_counts():
    """An interrupt may have come between the detail and its event."""
    records = [Record(0, 1, 1, '{"old":1}'), Record(0, 2, 1, '{"new":1}')]
    assert merged([10], [1], records)[2] == {0: '{"new":1}'}


@pytest.mark.parametrize("slot", [1, 7, -1, -(10**12)])
def test_a_detail_without_its_event_is_dropped(slot):
    """A process may have died between the two, and a file may hold anything."""
    assert merged([10], [1], [Record(slot, 5, 1, '{"a":1}')])[2] == {}


def test_a_detail_of_another_event_in_its_place_is_dropped():
    """The event that was meant was refused, and another one came."""
    assert merged([10], [1], [Record(0, 5, 2, '{"a":1}')])[2] == {}


times_and_codes = st.lists(st.tuples(st.integers(0, 100), st.integers(1, 63)), max_size=8)
records_beside = st.lists(
    st.builds(Record, st.integers(0, 9), st.integers(-5, 120), st.just(NOTE), st.just("")),
    max_size=6,
)


@given(times_and_codes, records_beside, st.integers(0, 50))
def test_merging_loses_nothing_and_never_turns_the_clock_back(pairs, records, not_before):
    """All events of both lanes are there, the ordered ones in order, times ascending."""
    times = sorted(time for time, _ in pairs)
    result, codes, *_ = merged(times, [code for _, code in pairs], records, not_before)
    ordered = [code for code in codes.tolist() if code != NOTE]
    assert ordered == [code for _, code in pairs]
    assert len(codes) == len(pairs) + len(records)
    assert all(np.diff(result) >= 0)
    assert (result >= not_before).all()


def test_events_of_a_step_have_its_number_and_others_none():
    """A step reaches from its begin to its end; what is between steps belongs to none."""
    codes = [Place("running").code, *(place.code for place in step()), NOTE, BEGIN, NOTE, RUN]
    steps = [event.step for event in block_of(codes, step=4).events(0, False)]
    assert steps == [None, 5, 5, 5, 5, 5, 5, 5, None, 6, 6, 6]


def test_an_error_of_a_step_belongs_to_it_and_ends_it():
    """What comes after `raised` is between steps."""
    codes = [BEGIN, Place("step!").code, NOTE, Place("stopping").code]
    assert [event.step for event in block_of(codes).events(0, False)] == [1, 1, None, None]


def test_a_block_that_begins_inside_a_step_goes_on_with_it():
    """Events beside belong to the step in which the block before ended."""
    block = block_of([NOTE, RUN, DONE, NOTE], step=3)
    assert [event.step for event in block.events(0, True)] == [3, 3, 3, None]
    assert next(block.events(0, False)).step is None
    assert not block.in_step_after(True)
    assert block_of([NOTE]).in_step_after(True)
    assert not block_of([]).in_step_after(False)


@given(st.integers(0, 30), st.integers(0, 30))
def test_a_part_of_a_block_is_what_iterating_over_that_part_gives(start, stop):
    """Sequence, steps, times and details are those of the whole."""
    codes = [place.code for place in step()] * 3 + [NOTE, BEGIN, NOTE]
    details = {at: f'{{"at":{at}}}' for at in (0, 5, 21, 23)}
    whole = list(block_of(codes, sequence=100, step=9, details=details).events(1000, False))
    part = block_of(codes, sequence=100, step=9, details=details).part(start, stop)
    inside = block_of(codes[:start]).in_step_after(False)
    assert list(part.events(1000, inside)) == whole[start:stop]


def test_only_some_events_can_be_asked_for():
    """They are the same as among all."""
    codes = [place.code for place in step()] * 2
    whole = list(block_of(codes).events(0, False))
    some = block_of(codes).events(0, False, np.array([3, 9]))
    assert list(some) == [whole[3], whole[9]]


def test_an_empty_block_has_no_events():
    """Everything that is computed from it is as before it."""
    block = block_of([], sequence=5, step=2)
    assert list(block.events(0, False)) == []
    assert (block.sequence_after, block.step_after, block.time_after) == (5, 2, 0)


def test_an_event_names_the_hook_or_the_signature_that_its_code_carries():
    """And for an error the call that it came out of."""

    def event(code):
        return event_of(code, sequence=0, time=0, step=None, detail=EMPTY)

    assert event(encode(EventKind.BEFORE_RUN, 3)).hook == 3
    assert event(encode(EventKind.RUN, 4)).hook is None
    assert event(encode(EventKind.RUN, 4)).detail == {"signature": 4}
    raised = event(encode(EventKind.RAISED, 2, 0, EventKind.AFTER_RUN))
    assert (raised.hook, raised.detail) == (2, {"call": "hook.after_run"})


@pytest.mark.parametrize("code", [0, 63, 127, -1, -(1 << 31), -(1 << 31) + 1])
def test_an_unknown_code_is_told_of_as_damage_or_news(code):
    """The message says what may be wrong."""
    with pytest.raises(UnreadableLog, match=f"unknown code {code}: .*damaged.*newer version"):
        event_of(code, sequence=3, time=0, step=None, detail=EMPTY)
