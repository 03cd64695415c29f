"""The block that is being filled, before it is sealed.

Ordered events go into slots of 16 bytes, time first (a float64, in seconds: it is had faster
than an integer), then the code (an int64): a slot counts when its code is not zero and its time
not before the block's start, so what a killed process left half written, or what an older
block left behind, is never taken for an event. Rare events and details are records of their own
beside the slots, each with a checksum.

Before the slots stands what the log lost because it could not be written; see `Loss`. A reader
finds it, and what else is missing from a tail, as events of the kind ``events.lost``.
"""

import contextlib
import os
import struct
import zlib
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from pathlib import Path
from typing import Final, NamedTuple, Protocol

import attrs
import numpy as np

from statemachine.block import KIND_MASK, VALUES, Codes, Int64s, Record, write_detail
from statemachine.events import EventKind

SLOTS: Final = 32768
"""Ordered events in a block, at most."""

_HEADER: Final = struct.Struct("<8sIIdqqiI16s")
_UNWRITTEN: Final = struct.Struct("<iI")
_UNWRITTEN_AT: Final = 40
_SLOT: Final = np.dtype([("time", "<f8"), ("code", "<i8")])
_MAGIC: Final = b"MSTAIL\x01\n"
TAIL_SIZE: Final = _HEADER.size + 16 * SLOTS

_RECORD: Final = struct.Struct("<IIqqqII")
_RECORD_MAGIC: Final = 0x4345524D
MAX_RECORD: Final = 1 << 20
_MOST_DAMAGED: Final = 1000
"""A file with more damaged records is no accident, and would only take time."""
_MOST_LOST: Final = 1 << 60
_END_OF_TIME: Final = 9e9
"""Seconds beyond which nanoseconds no longer fit into 63 bits."""


class TailContent(NamedTuple):
    """What a tail holds.

    Attributes:
        block: Its block's number.
        times: The ordered events' times in nanoseconds, int64, shape (ordered,).
        codes: Their codes, int32, shape (ordered,).
        records: Rare events, and details of ordered ones.
        before: How many ordered events the block before has, at least.
    """

    block: int
    times: Int64s
    codes: Codes
    records: list[Record]
    before: int = 0

    @property
    def outlived_a_crash(self) -> bool:
        """Whether the system has stopped since, so that anything may be missing."""
        return any(RESTARTED in record.detail for record in self.records if _tells_loss(record))


def unsealed(tails: Iterable[TailContent], blocks: int) -> Iterator[TailContent]:
    """The tails that go on after so many sealed blocks, as far as nothing is missing between them.

    A system that crashes may leave a part of one tail and all of the next.
    """
    held = None
    for content in sorted(tails, key=lambda tail: tail.block):
        if content.block == blocks and (held is None or held >= content.before):
            held, blocks = len(content.codes), blocks + 1
            yield content


@attrs.frozen
class Loss:
    """Events that a log lost because it could not be written.

    Attributes:
        events: How many, at the place where the tail's block begins.
        steps: How many steps began among them.
        error: The number of the operating system's error that was the cause.
    """

    events: int = 0
    steps: int = 0
    error: int = 0


NO_LOSS: Final = Loss()
NO_BOOT: Final = bytes(16)


@lru_cache(maxsize=1)
def this_boot() -> bytes:
    """What tells this run of the system from others, 16 bytes; zeros where it does not say."""
    try:
        text = Path("/proc/sys/kernel/random/boot_id").read_text("ascii")
        return bytes.fromhex(text.replace("-", "")).ljust(16, b"\0")[:16]
    except (OSError, ValueError):
        return NO_BOOT


class Side(Protocol):
    """Where a tail's records go: bytes are appended whole, or an error is raised."""

    def append(self, data: bytes) -> None:
        """Append one record."""

    def read(self) -> bytes:
        """Everything that was appended since the last `clear`."""

    def clear(self) -> None:
        """Forget everything."""


class MemorySide:
    """Records in memory."""

    def __init__(self) -> None:
        self._data = bytearray()

    def append(self, data: bytes) -> None:
        """Append one record."""
        self._data.extend(data)

    def read(self) -> bytes:
        """Everything that was appended since the last `clear`."""
        return bytes(self._data)

    def clear(self) -> None:
        """Forget everything."""
        self._data.clear()


class Tail:
    """One block that is being filled.

    Args:
        buffer: Writable memory of TAIL_SIZE bytes, all zero when new; may be a mapped file.
        side: Where records go.

    Attributes:
        block: The number of the block that is being filled, or was last; -1 before the first.
        times: Where the ordered events' times go, in seconds.
        codes: Where their codes go.
        size: How many bytes of records it holds, at most.
        loss: What the log lost before the tail's block.
    """

    def __init__(self, buffer: memoryview, side: Side) -> None:
        self._buffer = buffer
        self._slots = buffer[_HEADER.size :]
        self._side = side
        self.times = self._slots.cast("d")[0::2]
        self.codes = self._slots.cast("q")[1::2]
        self.block = -1
        self.size = 0
        self.loss = NO_LOSS
        self._beside = self._before = 0
        self._held: tuple[Record, ...] = ()

    def begin(
        self, block: int, clock: Callable[[], float], before: int = 0, loss: Loss = NO_LOSS
    ) -> None:
        """Take the tail for the events of block number `block`; it must be clear.

        Args:
            block: The number of the block.
            clock: Gives monotonic seconds.
            before: How many ordered events the block before has, at least.
            loss: What the log lost between the two.
        """
        lost = attrs.astuple(loss)
        _HEADER.pack_into(self._buffer, 0, _MAGIC, block, before, clock(), *lost, 0, this_boot())
        self.size, self.loss, self._beside, self._held = 0, loss, 0, ()
        self._before = before
        self.block = block

    def lose(self, clock: Callable[[], float], error: int) -> None:
        """Begin the same block again without what it holds, and say in the tail what was lost."""
        content = read_tail(bytes(self._buffer), b"", ())
        assert content is not None
        events = self.loss.events + len(content.codes) + self._beside
        begins = content.codes & KIND_MASK == EventKind.STEP_BEGIN.number
        loss = Loss(events, self.loss.steps + int(np.count_nonzero(begins)), error)
        self.begin(self.block, clock, self._before, loss)
        with contextlib.suppress(OSError):  # records of what was lost can be told by their times
            self.clear()

    def clear(self) -> None:
        """Forget the events, once their block is safe elsewhere."""
        self._slots[:] = bytes(len(self._slots))
        self._side.clear()

    def add(self, record: Record) -> None:
        """Write down a rare event or a detail; when this returns it is written."""
        data = pack_record(self.block, record)
        self.size += len(data)
        self._side.append(data)
        self._beside += record.in_second_lane

    def hold(self, record: Record, error: int) -> None:
        """Keep a record in memory that `add` could not write down, and say so in the tail."""
        self._held += (record,)
        self._beside += record.in_second_lane
        _UNWRITTEN.pack_into(self._buffer, _UNWRITTEN_AT, error, len(self._held))

    def contents(self) -> TailContent | None:
        """A copy of what it holds; None if it was never begun."""
        return read_tail(bytes(self._buffer), self._side.read(), self._held)


def settled(read: Callable[[int], TailContent | None]) -> tuple[TailContent, ...]:
    """Two tails, read while somebody may be writing them.

    A tail can be trusted to be whole if the next one was in use before it was read. So
    the older one is read last.

    Args:
        read: Reads tail 0 or 1.
    """
    tails = [read(0), read(1)]
    latest_read = 1
    while _number(tails[latest_read]) > _number(tails[1 - latest_read]):
        latest_read = 1 - latest_read
        tails[latest_read] = read(latest_read)
    return tuple(tail for tail in tails if tail is not None)


def _number(tail: TailContent | None) -> int:
    return -1 if tail is None else tail.block


def pack_record(block: int, record: Record) -> bytes:
    """A record as bytes: header with checksum, then the detail."""
    payload = record.detail.encode()
    fields = (block, record.slot, record.time, record.code)
    checksum = zlib.crc32(payload, zlib.crc32(repr(fields).encode()))
    return _RECORD.pack(_RECORD_MAGIC, len(payload), *fields, checksum) + payload


def unpack_records(data: bytes, block: int) -> Iterator[Record]:
    """The records of a block; what is damaged, torn or of another block is passed over."""
    at = damaged = 0
    marker = struct.pack("<I", _RECORD_MAGIC)
    while (at := data.find(marker, at)) >= 0 and at + _RECORD.size <= len(data):
        size, of_block, record = _unpack_record(data, at)
        if record is None:
            at += 1
            damaged += 1
            if damaged > _MOST_DAMAGED:
                return
        else:
            at += _RECORD.size + size
            if of_block == block:
                yield record


def _unpack_record(data: bytes, at: int) -> tuple[int, int, Record | None]:
    """A record's size, block, and itself, or None if it is damaged."""
    _, size, block, slot, time, code, checksum = _RECORD.unpack_from(data, at)
    if size > MAX_RECORD or slot < 0 or not 0 < code & ~VALUES < 1 << 31:
        return size, block, None
    payload = data[at + _RECORD.size : at + _RECORD.size + size]
    fields = repr((block, slot, time, code)).encode()
    if len(payload) < size or zlib.crc32(payload, zlib.crc32(fields)) != checksum:
        return size, block, None
    return size, block, Record(slot, time, code, payload.decode("utf-8", "replace"))


def read_tail(
    data: bytes, side: bytes, held: tuple[Record, ...] | None = None
) -> TailContent | None:
    """What a tail holds, None if it is unused.

    Args:
        data: The TAIL_SIZE bytes of a tail; fewer are read as if zeros followed.
        side: The bytes of its records.
        held: The records that its writer has in memory only; None if another process reads it.
    """
    data = data[:TAIL_SIZE].ljust(TAIL_SIZE, b"\0")
    magic, block, before, start, events, steps, error, unwritten, boot = _HEADER.unpack_from(data)
    is_one = magic == _MAGIC and 0 <= start < _END_OF_TIME
    if not is_one or not 0 <= steps <= events < _MOST_LOST:
        return None
    slots = np.frombuffer(data, _SLOT, offset=_HEADER.size)
    times, codes = slots["time"], slots["code"]
    valid = (codes > 0) & (codes < 1 << 31) & (times >= start) & (times < _END_OF_TIME)
    valid[1:] &= times[1:] >= times[:-1]
    count = int(np.argmin(valid)) if not valid.all() else len(valid)
    ordered = (times[:count] * 1e9).astype(np.int64)
    records = [*unpack_records(side, block), *(held or ())]
    if events:  # what stood here before was lost: its records are none of this block's
        began = int(start * 1e9)
        told = {"events": events, "steps": steps, "reason": os.strerror(error)}
        records = [_lost(0, began, told), *(r for r in records if r.time >= began)]
    if held is None:
        end = int(ordered[-1]) if count else 0
        records += [_lost(count, end, told) for told in _missing(unwritten, error, boot)]
    return TailContent(block, ordered, codes[:count].astype(np.int32), records, before)


def _missing(unwritten: int, error: int, boot: bytes) -> Iterator[dict[str, object]]:
    """What is missing from a tail of which nobody can say where."""
    if unwritten:
        yield {"records": unwritten, "reason": os.strerror(error)}
    if NO_BOOT != boot != this_boot() != NO_BOOT:
        yield {"reason": RESTARTED}


RESTARTED: Final = (
    "the system on which it was written has stopped, and what it had not synced by then may be "
    "missing here"
)


def _tells_loss(record: Record) -> bool:
    return record.code == EventKind.EVENTS_LOST.number


def _lost(slot: int, time: int, told: dict[str, object]) -> Record:
    return Record(slot, time, EventKind.EVENTS_LOST.number, write_detail(told))
