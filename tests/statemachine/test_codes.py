"""Codes, and events as a reader sees them."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from statemachine.compiled import compile_table, place_at
from statemachine.events import MAX_INDEX, VOCABULARY, Code, Event, EventKind, decode, encode

ORDERED = [kind for kind in EventKind if not kind.in_second_lane]


@given(
    st.sampled_from(list(EventKind)),
    st.integers(0, MAX_INDEX),
    st.integers(0, 7),
    st.sampled_from([None, *ORDERED]),
)
def test_a_code_gives_back_what_was_packed_into_it(kind, index, mark, at):
    """Packing and unpacking the four fields is lossless, within 31 bits."""
    number = encode(kind, index, mark, at)
    assert 0 < number < 1 << 31
    assert decode(number) == Code(kind, index, mark, at)
    assert decode(number).number == number


@given(st.integers(-(1 << 31), (1 << 31) - 1))
def test_every_integer_is_a_code_or_refused(number):
    """Unpacking raises ValueError for what is none, and loses no bit of what is."""
    try:
        code = decode(number)
    except ValueError as error:
        assert f"{number} is not the code of an event" in str(error)
    else:
        assert code.number == number


def test_the_numbers_of_kinds_stay_what_they_are():
    """Logs hold them: a number is never given to another kind, and the lanes are told apart."""
    assert len(set(VOCABULARY.values())) == len(EventKind)
    assert VOCABULARY["state.created"] == 1
    assert VOCABULARY["session.run"] == 22
    assert VOCABULARY["raised"] == 31
    assert VOCABULARY["error.suppressed"] == 34
    assert VOCABULARY["checkpoint.saved"] == 65
    assert VOCABULARY["note"] == 72


@pytest.mark.parametrize("hooks", [0, 1, 2, 5])
def test_a_place_is_had_from_its_code_without_unrolling_the_table(hooks):
    """For each code that the unrolled table has, and for no other."""
    table = compile_table(hooks)
    for code, place in table.places.items():
        assert place_at(code, hooks) == place
        beyond = code + (hooks << 16)
        assert place_at(beyond, hooks) == table.places.get(beyond) or beyond & 0x7F == 22


def test_a_runs_signature_does_not_change_its_place():
    """The index of a run numbers what was asked for, not a hook."""
    run = encode(EventKind.RUN)
    assert place_at(run | 5 << 16, 2) == place_at(run, 2)


def test_an_event_tells_its_time_and_prints_on_one_line():
    """The time is UTC; the text names sequence, step, kind, hook and detail."""
    event = Event(7, 1_000_000_001_500, EventKind.BEFORE_RUN, 1, 3, {"text": "a"})
    assert event.timestamp == datetime(1970, 1, 1, 0, 16, 40, 1, tzinfo=UTC)
    assert str(event) == "#7 step 3 hook.before_run hook 1 {'text': 'a'}"
