"""Tails: what is left of a block that was being filled when its process died."""

import struct
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from statemachine.block import Record
from statemachine.events import EventKind
from statemachine.tail import (
    MAX_RECORD,
    SLOTS,
    TAIL_SIZE,
    MemorySide,
    Tail,
    TailContent,
    pack_record,
    read_tail,
    settled,
    unpack_records,
)

NOTE = EventKind.NOTE.number
RECORDS = [Record(n, 10 + n, NOTE, f'{{"n":{n},"text":"{"ä" * n}"}}') for n in range(5)]
PACKED = [pack_record(3, record) for record in RECORDS]


class Halves:
    """A tail and the memory under it."""

    def __init__(self, block=0, start=1.0):
        self.buffer = bytearray(TAIL_SIZE)
        self.side = MemorySide()
        self.tail = Tail(memoryview(self.buffer), self.side)
        self.tail.begin(block, lambda: start)

    def put(self, slot, time, code):
        self.tail.times[slot], self.tail.codes[slot] = time, code
        return self

    def read(self):
        return read_tail(bytes(self.buffer), self.side.read())


def events(content):
    _, times, codes, _, _ = content
    return list(zip(times.tolist(), codes.tolist(), strict=True))


def test_memory_that_was_never_begun_is_no_tail():
    """Zeros, nothing, or something else."""
    assert read_tail(bytes(TAIL_SIZE), b"") is None
    assert read_tail(b"", b"") is None
    assert read_tail(b"something else" * 100, b"") is None


def test_events_are_read_up_to_the_first_empty_slot():
    """Times are in nanoseconds."""
    halves = Halves(block=4).put(0, 1.0, 11).put(1, 1.5, 12).put(3, 2.0, 13)
    assert halves.read()[0] == 4
    assert events(halves.read()) == [(1_000_000_000, 11), (1_500_000_000, 12)]


def test_a_full_tail_is_read_to_its_end():
    """There is no empty slot then."""
    halves = Halves()
    for slot in range(SLOTS):
        halves.put(slot, 1.0 + slot, slot + 1)
    assert len(events(halves.read())) == SLOTS


def test_a_slot_with_a_time_and_no_code_is_no_event():
    """The process died between the two stores."""
    assert events(Halves().put(0, 1.0, 11).put(1, 2.0, 0).read()) == [(1_000_000_000, 11)]


def test_a_slot_of_an_older_block_is_no_event():
    """Its time is before the start of this one."""
    assert events(Halves(start=5.0).put(0, 6.0, 11).put(1, 4.0, 12).read()) == [(6_000_000_000, 11)]


@pytest.mark.parametrize("time", [float("nan"), float("inf"), -1.0, 1e300])
def test_a_time_that_is_none_ends_the_events(time):
    """Whatever the bytes are, they are no time then."""
    assert len(events(Halves().put(0, 1.0, 11).put(1, time, 12).read())) == 1


@pytest.mark.parametrize("code", [-5, 1 << 31, 1 << 62])
def test_a_code_that_is_none_ends_the_events(code):
    """Codes have 31 bits."""
    assert len(events(Halves().put(0, 1.0, 11).put(1, 2.0, code).read())) == 1


def test_a_clock_that_runs_backwards_ends_the_events():
    """No process writes such slots."""
    assert len(events(Halves().put(0, 3.0, 11).put(1, 2.0, 12).read())) == 1


def test_a_tail_that_was_cut_is_read_as_if_zeros_followed():
    """The file may have been made shorter than it was."""
    halves = Halves().put(0, 1.0, 11).put(1, 2.0, 12)
    assert events(read_tail(bytes(halves.buffer[:88]), b"")) == [(1_000_000_000, 11)]


def test_a_tail_can_be_used_again():
    """What the block before left is gone, or at least never taken for an event."""
    halves = Halves(block=0).put(0, 1.0, 11)
    halves.tail.add(Record(0, 1, NOTE, ""))
    halves.tail.clear()
    halves.tail.begin(2, lambda: 3.0)
    block, times, _, records, _ = halves.read()
    assert (block, len(times), records) == (2, 0, [])


def test_a_tail_that_could_not_be_cleared_shows_nothing_of_the_block_before():
    """An interrupt may come between the two halves of clearing."""
    halves = Halves(block=0).put(0, 1.0, 11).put(1, 1.5, 12)
    halves.tail.add(Record(0, 1, NOTE, ""))
    halves.tail.begin(2, lambda: 3.0)
    halves.put(0, 3.5, 21)
    assert events(halves.read()) == [(3_500_000_000, 21)]
    assert halves.read()[3] == []


@given(st.binary(max_size=300))
def test_arbitrary_bytes_are_a_tail_or_none(data):
    """And never an error."""
    header = bytes(Halves(block=1).buffer[:64])
    read_tail(data, data)
    read_tail(header + data, data)


# Records


def test_records_come_back_in_order():
    """With slot, time, code and text."""
    assert list(unpack_records(b"".join(PACKED), 3)) == RECORDS


def test_records_of_another_block_are_passed_over():
    """A tail is used by every second block."""
    data = pack_record(1, RECORDS[0]) + PACKED[1]
    assert list(unpack_records(data, 3)) == [RECORDS[1]]


def test_a_record_that_was_cut_anywhere_is_passed_over():
    """The disk was full, and others could be written later."""
    for cut in range(len(PACKED[2])):
        data = PACKED[0] + PACKED[2][:cut] + PACKED[1]
        assert list(unpack_records(data, 3)) == RECORDS[:2], cut


def test_a_record_that_was_changed_anywhere_is_passed_over():
    """Every bit of it is under its checksum."""
    for at in range(len(PACKED[2])):
        changed = bytearray(PACKED[2])
        changed[at] ^= 1 << at % 8
        assert list(unpack_records(PACKED[0] + changed + PACKED[1], 3)) == RECORDS[:2], at


@given(st.binary(max_size=200), st.binary(max_size=200))
def test_records_are_found_among_anything(before, after):
    """Whatever stands around them."""
    assert RECORDS[3] in list(unpack_records(before + PACKED[3] + after, 3))


def test_a_text_that_is_no_utf_8_is_read_with_marks():
    """It says what can be said."""
    data = pack_record(3, Record(0, 0, NOTE, "abc"))
    payload = b"a\xff\xfe"
    fields = repr((3, 0, 0, NOTE)).encode()
    data = data[:-7] + struct.pack("<I", zlib.crc32(payload, zlib.crc32(fields))) + payload
    (record,) = unpack_records(data, 3)
    assert record.detail == "a\ufffd\ufffd"


@pytest.mark.parametrize("field", [{"slot": -1}, {"code": 0}, {"code": 1 << 31}])
def test_a_record_that_nobody_writes_is_passed_over(field):
    """Its checksum may be right even so."""
    fields = {"slot": 0, "time": 0, "code": NOTE, "detail": ""} | field
    assert list(unpack_records(pack_record(3, Record(**fields)), 3)) == []


def test_a_file_full_of_damaged_records_is_given_up():
    """Each claims a megabyte: to check them all would take hours."""
    claim = PACKED[0][:4] + struct.pack("<I", MAX_RECORD) + PACKED[0][8:40]
    assert list(unpack_records(claim * 200_000, 3)) == []


# Two tails, read while they are written


def test_the_older_tail_is_read_after_the_newer_one():
    """Only then it can be trusted to be whole."""
    empty = np.empty(0, np.int64)

    def content(block):
        return None if block is None else TailContent(block, empty, empty.astype(np.int32), [])

    for reads, expected in [
        ({0: [0], 1: [None]}, {0}),
        ({0: [0, 0], 1: [1]}, {0, 1}),
        ({0: [0, 2, 2], 1: [1, 3]}, {2, 3}),
        ({0: [2], 1: [1]}, {1, 2}),
        ({0: [0, 2, 4], 1: [1, 3, 3]}, {3, 4}),
    ]:
        left = {number: list(blocks) for number, blocks in reads.items()}
        found = settled(lambda number, left=left: content(left[number].pop(0)))
        assert {tail[0] for tail in found} == expected, reads
