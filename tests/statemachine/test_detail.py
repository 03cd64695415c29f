"""Details: what may stand beside an event, and how it is spelled."""

import enum

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from statemachine import UnreadableLog
from statemachine.block import (
    MAX_DEPTH,
    MAX_DETAIL,
    MAX_MESSAGE,
    error_detail,
    read_detail,
    write_detail,
)


def kept(**detail):
    return dict(read_detail(write_detail(detail)))


plain = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda part: st.lists(part, max_size=3) | st.dictionaries(st.text(), part, max_size=3),
    max_leaves=10,
)


@given(st.dictionaries(st.text(), plain, max_size=4))
def test_plain_values_come_back_as_they_were(detail):
    """Texts, numbers, booleans, None, lists and dictionaries."""
    assert dict(read_detail(write_detail(detail) or "{}")) == detail


def test_what_is_not_finite_has_a_defined_spelling():
    """JSON has no numbers for these."""
    found = kept(a=float("nan"), b=float("inf"), c=[-np.inf], d=np.float32("nan"))
    assert found == {"a": "NaN", "b": "Infinity", "c": ["-Infinity"], "d": "NaN"}


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (np.float32(0.5), 0.5),
        (np.float16(2), 2.0),
        (np.longdouble(1.5), 1.5),
        (np.int8(-3), -3),
        (np.uint64(2**64 - 1), 2**64 - 1),
        (np.bool_(True), True),
        (np.str_("a"), "a"),
        ((1, 2), [1, 2]),
        (range(3), [0, 1, 2]),
        (enum.IntEnum("Colour", "RED").RED, 1),
        ({1: {None: 2}}, {"1": {"None": 2}}),
    ],
    ids=repr,
)
def test_scalars_of_numpy_and_sequences_become_plain(value, expected):
    """A reader needs no NumPy to understand them."""
    assert kept(x=value) == {"x": expected}


@pytest.mark.parametrize(
    "value", [np.zeros(3), b"bytes", bytearray(2), {1, 2}, object(), 1j, np.complex64(1), print]
)
def test_anything_else_is_refused_by_name(value):
    """Arrays above all: the message says what to write down instead."""
    with pytest.raises(TypeError, match=r"'x\.y\[1\]'.*not \w+; write down a name, a shape"):
        write_detail({"x": {"y": [0, value]}})


def test_dates_of_numpy_are_refused():
    """They have no one spelling."""
    with pytest.raises(TypeError, match="not datetime64"):
        write_detail({"x": np.datetime64("2020-01-01")})


def test_what_is_too_long_is_refused_with_both_lengths():
    """A log is no place for data."""
    with pytest.raises(ValueError, match=f"may have {MAX_DETAIL} characters, this one has 70008"):
        write_detail({"x": "a" * 70000})


def test_an_endless_integer_is_refused():
    """Python itself would refuse to read it back."""
    with pytest.raises(ValueError, match="'x' of an event is an integer of 33220 bits"):
        write_detail({"x": 10**10000})


def test_what_is_nested_without_end_is_refused():
    """A list that holds itself, for example."""
    endless: list[object] = []
    endless.append(endless)
    with pytest.raises(ValueError, match="nested too deeply"):
        write_detail({"x": endless})
    deep: object = 1
    for _ in range(MAX_DEPTH - 1):
        deep = [deep]
    assert kept(x=deep) == {"x": deep}


def test_surrogates_are_spelled_out():
    """File names may hold them, and then no terminal could print the log."""
    assert kept(x="a\udc80b", **{"k\ud800": "\U0001f600"}) == {
        "x": "a\\udc80b",
        "k\\ud800": "\U0001f600",
    }


def test_a_surrogate_in_a_foreign_log_is_made_printable():
    """A whole pair is a character, a single one is none."""
    assert read_detail(r'{"a":"\ud83d\ude00","b":"\ud800"}') == {"a": "\U0001f600", "b": "?"}


def test_nothing_is_written_for_nothing():
    """Most events have no detail."""
    assert write_detail({}) == ""


@pytest.mark.parametrize(
    "text",
    ["", "3", "[]", "null", "{", '{"a":1}}', "[" * 100000, '{"a":' * 100000, "1" * 5000, "\x00"],
    ids=lambda text: f"{text[:6]!r}*{len(text)}",
)
def test_what_is_no_object_is_unreadable(text):
    """The message shows a part of it, not all."""
    with pytest.raises(UnreadableLog, match="is not a JSON object") as caught:
        read_detail(text)
    assert len(str(caught.value)) < 150


def test_an_error_is_kept_as_class_message_and_bases():
    """Whoever reads the log needs none of these classes."""

    class Own(ValueError):
        pass

    assert error_detail(Own("no")) == {
        "type": "Own",
        "message": "no",
        "bases": ["Own", "ValueError", "Exception", "BaseException"],
    }


def test_private_bases_of_an_error_are_not_told():
    """They are of no use to a reader; the name of the error itself is kept, whatever it is."""

    class _Shared(ValueError):
        pass

    class Public(_Shared):
        pass

    known = ["ValueError", "Exception", "BaseException"]
    assert error_detail(Public())["bases"] == ["Public", *known]
    assert error_detail(_Shared())["bases"] == ["_Shared", *known]


def test_a_long_message_is_cut():
    """Its beginning says most."""
    message = error_detail(ValueError("x" * 5000))["message"]
    assert message == "x" * (MAX_MESSAGE - 1) + "…"


def test_an_error_whose_text_fails_is_still_told_of():
    """Its class is known even so."""

    class Mute(Exception):
        def __str__(self):
            raise RuntimeError

    assert error_detail(Mute())["message"] == "its text can't be had: RuntimeError"
