"""What a log keeps of values: scalars exactly, arrays as digests that anybody can compute."""

import hashlib
import json
import math
import struct
from types import SimpleNamespace

import attrs
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays, scalar_dtypes

from statemachine import EventLog, audit
from statemachine.block import VALUES, Record
from statemachine.cli.recovery import recover
from statemachine.tail import SLOTS
from statemachine.values import (
    NO_VALUES,
    ColumnValues,
    Value,
    column_of,
    column_type,
    digest_of_array,
    part_of,
    read,
    row_of,
    value_of,
    written,
)
from tests.golden.make import copy_of_living
from tests.statemachine.histories import HOOKS, Writer
from tests.statemachine.test_block import merged


def scalar(found):
    return value_of("fetched", "caller", "x:0", found, "scalars")


def row(value):
    """A value as it stands in a tail."""
    return json.dumps(attrs.astuple(value))


def round_trips(value, record="scalars"):
    """A value after it stood in a tail, and in a sealed block."""
    (text,) = written([row(value)])
    (here,) = read(text)
    column = column_of({2: (here,)}, 4, record)
    return ColumnValues.of(column)[2][0]


@pytest.mark.parametrize(
    ("found", "dtype", "value"),
    [
        (np.float32(0.1), "float32", float(np.float32(0.1))),
        (np.float16(2.5), "float16", 2.5),
        (0.1, "float64", 0.1),
        (np.float64("inf"), "float64", math.inf),
        (-np.inf, "float64", -math.inf),
        (np.int8(-3), "int8", -3),
        (np.int64(2**53 + 1), "int64", 2**53 + 1),
        (np.uint64(2**64 - 1), "uint64", 2**64 - 1),
        (2**70, "int", 2**70),
        (np.bool_(True), "bool", True),
        (False, "bool", False),
        (np.complex64(1 - 2j), "complex64", 1 - 2j),
        (complex(0, math.inf), "complex128", complex(0, math.inf)),
        ("loss", "string", "loss"),
        (b"loss", "string", "loss"),
        (np.array(7, np.int32), "int32", 7),
        (np.array(b"x", dtype=object), "string", "x"),
    ],
)
def test_a_scalar_of_each_type_comes_back_exactly(found, dtype, value):
    """Whatever float64 can't hold is kept in words."""
    kept = round_trips(scalar(found))
    assert (kept.dtype, kept.shape, kept.value, kept.whole) == (dtype, (), value, True)
    assert type(kept.value) is type(value)


@pytest.mark.parametrize("record", ["scalars", "digests"])
@given(
    st.one_of(
        st.none(), st.booleans(), st.integers(), st.floats(), st.complex_numbers(), st.text(),
        st.binary(), arrays(scalar_dtypes(), array_shapes(min_dims=0, max_dims=2, max_side=3)),
        arrays(scalar_dtypes(), ()).map(lambda array: array[()]),
    )
)  # fmt: skip
def test_the_quick_way_writes_what_the_slow_one_does(record, found):
    """Whatever a run gives: the row of a tail tells the same value."""
    (value,) = read(f"[{row_of('read', 'hook 1', 'an é', found, record)}]")
    assert value.is_same(value_of("read", "hook 1", "an é", found, record))


def test_nan_comes_back_and_is_like_nan():
    """Two runs that both give NaN do not differ."""
    kept = round_trips(scalar(np.float32("nan")))
    assert math.isnan(kept.value)
    assert kept.is_same(scalar(np.float32("nan")))
    assert not kept.is_same(scalar(np.float32(0)))


def test_minus_zero_is_not_zero():
    """They are different numbers to whoever divides by them."""
    assert not scalar(-0.0).is_same(scalar(0.0))


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (np.ones((2, 3), np.float32), "float32[2,3]"),
        (np.ones(1), "float64[1]"),
        (np.array(["a", "b"]), "string[2]"),
        (SimpleNamespace(), "<SimpleNamespace>"),
        ([[1], [2, 3]], "<list>"),
        ("x" * 300, "x" * 200 + "…"),
        (b"\xff\xfe", "\\xff\\xfe…"),
        (1 << 1000, "an integer of 1001 bits…"),
        (None, "done"),
    ],
)
def test_what_is_no_scalar_is_named_with_its_type_and_shape(found, words):
    """Nothing of its content is kept, but that it was there; of a long text, its beginning."""
    kept = round_trips(scalar(found))
    assert kept.words == words
    assert kept.value is None


def test_what_cannot_be_converted_is_named_by_its_class():
    """An array of a library that refuses conversion must not end the training."""

    class Stubborn:
        def __array__(self, *args, **kwargs):
            raise RuntimeError("call detach() first")

    for record in ("scalars", "digests"):
        kept = value_of("fetched", "caller", "x", Stubborn(), record)
        assert (kept.dtype, kept.shape, kept.sha256) == ("<Stubborn>", None, None)


# Digests


@pytest.mark.parametrize(
    ("array", "content"),
    [
        (np.array([[1.5, -0.0]], np.float32), b"float32[1,2]\n" + struct.pack("<2f", 1.5, -0.0)),
        (np.array([1, 2], ">i8"), b"int64[2]\n" + struct.pack("<2q", 1, 2)),
        (np.array([[1, 2], [3, 4]], np.int8, order="F"), b"int8[2,2]\n\x01\x02\x03\x04"),
        (np.array([True, False]), b"bool[2]\n\x01\x00"),
        (np.array(1 + 2j, np.complex64), b"complex64[]\n" + struct.pack("<2f", 1, 2)),
        (np.zeros((0, 3)), b"float64[0,3]\n"),
        (np.arange(6.0)[::2], b"float64[3]\n" + struct.pack("<3d", 0, 2, 4)),
        (
            np.array(["é", ""], dtype=object),
            b"string[2]\n" + struct.pack("<Q", 2) + "é".encode() + struct.pack("<Q", 0),
        ),
        (np.array(["ab"]), b"string[1]\n" + struct.pack("<Q", 2) + b"ab"),
        (np.array([b"ab"]), b"string[1]\n" + struct.pack("<Q", 2) + b"ab"),
    ],
)
def test_a_digest_can_be_computed_by_anybody(array, content):
    """Type and shape in a line, then the elements in C order, little-endian."""
    assert digest_of_array(array) == hashlib.sha256(content).hexdigest()
    kept = round_trips(value_of("fetched", "hook 1", "x:0", array, "digests"), "digests")
    assert kept.sha256 == digest_of_array(array)
    assert (kept.number, kept.text, kept.value) == (None, None, None)


def test_objects_that_are_no_texts_have_no_digest():
    """There is no form of them that everybody would agree on."""
    kept = value_of("fed", "caller", "x", np.array([{}, 1], dtype=object), "digests")
    assert (kept.dtype, kept.shape, kept.sha256) == ("object", (2,), None)


# In blocks


def test_values_follow_their_event_when_lanes_are_merged():
    """An event beside it moves the event, and its values with it."""
    value = scalar(1.0)
    (text,) = written([row(value)])
    records = [Record(1, 0, 2 | VALUES, text), Record(0, 0, 72, "")]
    *_, values = merged([10, 20], [1, 2], records)
    assert values == {2: (value,)}


def test_values_of_an_event_that_was_not_written_are_dropped():
    """A killed process may have written them just before the event."""
    (text,) = written([row(scalar(1.0))])
    for record in (Record(2, 0, 3 | VALUES, text), Record(1, 0, 9 | VALUES, text)):
        assert merged([10, 20], [1, 2], [record])[-1] == {}
    assert read("[[1]") == read("[1]") == read('[["fetched"]]') == ()


def test_many_values_of_one_event_are_all_kept():
    """They take several records of the tail."""
    values = [attrs.evolve(scalar(float(n)), name=f"{n}:0") for n in range(1000)]
    records = [Record(0, 0, 1 | VALUES, text) for text in written([row(v) for v in values])]
    assert len(records) > 1
    assert merged([10], [1], records)[-1] == {0: tuple(values)}


def test_a_part_of_a_block_has_its_part_of_the_values():
    """With the positions that its events have there; a whole block's are not even decoded."""
    one, other = scalar(1.0), scalar(2.0)
    column = ColumnValues.of(column_of({1: (one,), 3: (other,)}, 4, "scalars"))
    assert part_of(column, 0, 4) is column
    assert part_of(column, 2, 4) == {1: (other,)}
    assert ColumnValues.of(column_of({}, 4, "scalars")) is NO_VALUES


def test_a_forged_column_is_read_without_a_traceback():
    """Null where a text belongs, and a structure that is null."""
    import pyarrow as pa

    row = {"role": None, "shape": [None, 2], "number": 1.0}
    forged = pa.array([[row, None]], column_type("scalars"))
    first, second = ColumnValues.of(forged)[0]
    assert (first.role, first.shape, first.value) == ("", (0, 2), None)
    assert second == Value("", "", "", "", None)
    assert str(Value("", "", "n", "int8", (), None, "many", True)) == "n = None"


# In logs


def kept_by(log):
    return [(e.sequence, e.step, e.values) for e in log if e.values]


def write(path, record, steps=3, close=True):
    """A log whose steps each give a value and an array."""
    log = EventLog(path, record=record)
    session = Writer(log.begin(HOOKS)).start()
    for number in range(steps):
        asked = {"loss:0": number / 4, "w:0": np.full(3, number)}
        session.journal.keep(
            row_of("fetched", "caller", name, found, record) for name, found in asked.items()
        )
        session.steps(1)
    if close:
        session.close()
    return session


@pytest.mark.parametrize("record", ["scalars", "digests"])
def test_a_closed_log_has_the_values_that_were_kept(tmp_path, record):
    """At the event that came next, in a column of their own, covered by the chain."""
    path = tmp_path / "log.arrows"
    write(path, record)
    log = EventLog.open(path)
    assert log.record == record
    found = [values for *_, values in kept_by(log)]
    assert [[v.name for v in values] for values in found] == [["loss:0", "w:0"]] * 3
    told = [values[0].value if record == "scalars" else values[1].sha256 for values in found]
    digests = [digest_of_array(np.full(3, n)) for n in range(3)]
    assert told == ([0.0, 0.25, 0.5] if record == "scalars" else digests)
    assert audit(path).passed


def test_the_column_is_there_only_if_it_was_asked_for(tmp_path):
    """Schema and metadata of a log without values are what they always were."""
    import pyarrow as pa

    schemas = {}
    for record in (None, "scalars"):
        path = tmp_path / f"{record}.arrows"
        session = Writer(EventLog(path, record=record).begin(HOOKS)).start()
        session.steps(1).close()
        schemas[record] = pa.ipc.open_stream(path).schema
        assert EventLog.open(path).to_arrow().column_names[8:] == (["values"] if record else [])
    assert schemas[None].names == ["elapsed", "code", "detail"]
    assert schemas["scalars"].names == ["elapsed", "code", "detail", "values"]
    metadata = {r: s.metadata[b"monitored-session"] for r, s in schemas.items()}
    assert b'"record"' not in metadata[None]
    assert metadata["scalars"].endswith(b'"record":"scalars"}')


def test_values_survive_the_death_of_the_process(tmp_path):
    """Before anything is sealed they are in the tail, and recovery seals them."""
    session = write(tmp_path / "living.arrows", "scalars", close=False)
    path = tmp_path / "killed.arrows"
    copy_of_living(tmp_path / "living.arrows", path)
    session.close()
    before = kept_by(EventLog.open(path))
    assert [values[0].value for *_, values in before] == [0.0, 0.25, 0.5]
    recover(path)
    assert kept_by(EventLog.open(path)) == before


def test_values_stay_with_their_events_over_many_blocks(tmp_path):
    """Also where a block is full in the middle of a step."""
    steps = 2 * SLOTS // 7
    write(tmp_path / "log.arrows", "scalars", steps)
    found = kept_by(EventLog.open(tmp_path / "log.arrows"))
    assert [values[0].value for *_, values in found] == [n / 4 for n in range(steps)]
    assert [step for _, step, _ in found] == list(range(1, steps + 1))


def test_another_word_for_record_is_refused():
    """The message says which words there are."""
    with pytest.raises(ValueError, match='record is "scalars", "digests", or None'):
        EventLog(record="everything")


def test_polars_reads_the_column_as_it_is(tmp_path):
    """A list of structures, one row a value when it is unfolded."""
    polars = pytest.importorskip("polars", reason="polars is not installed (group deep)")
    write(tmp_path / "log.arrows", "scalars")
    log = polars.read_ipc_stream(tmp_path / "log.arrows")
    values = log.filter(polars.col("values").is_not_null()).select("values").explode("values")
    assert values.unnest("values")["number"].to_list()[::2] == [0.0, 0.25, 0.5]
