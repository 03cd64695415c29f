"""The form of a log: an Arrow stream that others can read, chained from its first byte."""

import hashlib
import io

import pyarrow as pa
import pytest

from statemachine import EventLog
from statemachine.events import VOCABULARY
from statemachine.form import END_MARKER, NO_DIGEST, CutOff, Damaged, read_block, read_frames
from statemachine.table import DIGEST
from tests.statemachine.forging import chained, large_log, messages, small_log
from tests.statemachine.histories import HOOKS


@pytest.fixture
def path(tmp_path):
    small_log(tmp_path / "log.arrows")
    return tmp_path / "log.arrows"


def test_pyarrow_reads_a_log_as_it_is(path):
    """Time since the event before, code, and detail."""
    with pa.ipc.open_stream(path) as stream:
        table = stream.read_all()
    table.validate(full=True)
    assert table.schema.names == ["elapsed", "code", "detail"]
    assert [str(kind) for kind in table.schema.types] == ["duration[ns]", "int32", "string"]
    assert table["code"].to_pylist() == [
        code for block in EventLog.open(path).read() for code in block.codes.tolist()
    ]


def test_polars_reads_a_log_as_it_is(path):
    """Another implementation of the same standard."""
    polars = pytest.importorskip("polars", reason="polars is not installed (group deep)")
    assert polars.read_ipc_stream(path).columns == ["elapsed", "code", "detail"]


def test_the_header_says_who_wrote_the_log(path):
    """And by which rules."""
    header = EventLog.open(path).header
    assert len(header.session) == 32
    assert header.hooks == HOOKS
    assert header.table == DIGEST
    assert header.vocabulary == VOCABULARY
    assert {"python", "numpy", "pyarrow", "monitored-session"} <= set(header.versions)
    assert header.format == 1


def test_the_chain_can_be_checked_by_hand(path):
    """SHA-256 over the digest before and the message with its own digest as zeros."""
    before = bytes(32)
    for message in messages(path):
        at = message.index(b'{"sha256":"') + len('{"sha256":"')
        stated = message[at : at + 64]
        zeroed = message[:at] + b"0" * 64 + message[at + 64 :]
        before = hashlib.sha256(before + zeroed).digest()
        assert before.hex().encode() == stated


def test_a_closed_log_ends_with_the_end_marker_and_no_byte_after_it(path):
    """So whatever is appended is seen."""
    data = path.read_bytes()
    assert data.endswith(END_MARKER)
    assert b"".join(messages(path)) + END_MARKER == data
    assert list(read_frames(io.BytesIO(data)))[-1] is None
    with pytest.raises(Damaged, match="bytes follow the end marker"):
        list(read_frames(io.BytesIO(data + b"\0")))


def test_chaining_a_log_anew_gives_the_same_log(path):
    """The tests' own way to forge one is right."""
    assert chained(messages(path)) == path.read_bytes()


def test_a_message_that_is_cut_off_is_told_from_one_that_is_damaged(path):
    """The first may happen to any process, the second to none."""
    data = path.read_bytes()
    border = len(messages(path)[0])
    assert len(list(read_frames(io.BytesIO(data[:border])))) == 1
    for cut in (border + 1, border + 7, border + 8, border + 100, len(data) - 9, len(data) - 1):
        with pytest.raises(CutOff, match="the log ends within"):
            list(read_frames(io.BytesIO(data[:cut])))


def test_damage_names_the_byte_at_which_its_message_begins(path):
    """So that it can be looked at."""
    data = bytearray(path.read_bytes())
    border = len(messages(path)[0])
    data[border + 200] ^= 1
    with pytest.raises(Damaged, match=f"message at byte {border}") as caught:
        list(read_frames(io.BytesIO(data)))
    assert caught.value.offset == border


def test_a_block_says_where_it_belongs(path):
    """Sequence, step and time go on from the block before."""
    with path.open("rb") as file:
        first, second = (read_block(frame) for frame in list(read_frames(file))[1:-1])
    assert (first.sequence, first.step, first.time) == (0, 0, 0)
    assert (second.sequence, second.step) == (first.sequence_after, first.step_after)
    assert second.time == first.time_after


def test_a_log_takes_few_bytes_an_event(tmp_path):
    """At most six, for a training loop's log."""
    data = large_log(tmp_path / "log.arrows")
    assert len(data) / len(EventLog.open(tmp_path / "log.arrows")) <= 6


def test_zeros_are_no_digest_of_anything():
    """They stand for the message before the first."""
    assert NO_DIGEST == "0" * 64
