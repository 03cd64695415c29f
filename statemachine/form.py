"""The bytes of a log: an Arrow IPC stream whose messages are chained by SHA-256.

The first message holds the schema, and in its metadata who wrote the log and by which rules.
Each further message is one block. In every message's metadata stands a digest: SHA-256 over
the digest of the message before (32 zero bytes for the first) and the whole message with the
64 characters of its own digest set to zeros. A closed log ends with the stream's end marker
and not a byte after it.

Framing and digests are checked on the raw bytes, before Arrow decodes anything.
"""

import hashlib
import json
import os
import re
import struct
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, BinaryIO, Final, cast

import attrs
import numpy as np

from statemachine import values
from statemachine.block import Block
from statemachine.errors import UnreadableLog
from statemachine.events import MAX_INDEX, VOCABULARY
from statemachine.table import DIGEST
from statemachine.upcast import is_translatable, upcast_header

if TYPE_CHECKING:
    import pyarrow as pa

FORMAT: Final = 1
"""The version of this form."""
KEY: Final = "monitored-session"
END_MARKER: Final = b"\xff\xff\xff\xff\x00\x00\x00\x00"
NO_DIGEST: Final = "0" * 64

_CONTINUATION: Final = b"\xff\xff\xff\xff"
_DIGEST: Final = re.compile(rb'\{"sha256":"([0-9a-f]{64})",')
_PLACE: Final = re.compile(
    rb'\{"sha256":"[0-9a-f]{64}","sequence":(\d{1,18}),"step":(\d{1,18}),"time":(\d{1,18})\}'
)
_MAX_METADATA: Final = 1 << 22
_MAX_BODY: Final = 1 << 28
_MAX_EVENTS: Final = 1 << 20
_PIECE: Final = 1 << 20
_MAX_BUFFERS: Final = 64
"""More than the columns of any log have."""
_I32: Final = struct.Struct("<i")
_I64: Final = struct.Struct("<q")
_U16: Final = struct.Struct("<H")
_U32: Final = struct.Struct("<I")
_BUFFER: Final = struct.Struct("<qq")


@attrs.frozen
class Header:
    """Who wrote a log, when, and by which rules.

    Attributes:
        session: The session's own identifier, 32 hexadecimal digits.
        started: When it began, in nanoseconds since 1970-01-01 UTC.
        clock: The writer's monotonic clock at that moment, in nanoseconds.
        hooks: The classes of the hooks, in list order.
        versions: Versions of Python and of the libraries that took part.
        process: The number of the process that wrote it.
        table: SHA-256 of the table of the lifecycle that was in force.
        vocabulary: The number of each kind of event.
        format: The version of the log's form.
        record: What is kept of values: `"scalars"`, `"digests"`, or None. It stands in the
            metadata only where something is.
        on_error: The places in the list of the hooks that have an `on_error`, ascending. They
            stand in the metadata only where there are any.
    """

    session: str
    started: int
    clock: int
    hooks: tuple[str, ...]
    versions: Mapping[str, str]
    process: int
    table: str = DIGEST
    vocabulary: Mapping[str, int] = VOCABULARY
    format: int = FORMAT
    record: values.Record | None = None
    on_error: tuple[int, ...] = ()


def digest_of(message: bytes, before: str) -> str:
    """The digest of a message whose own digest is still zeros.

    Args:
        message: The whole encapsulated message.
        before: The digest of the message before, or NO_DIGEST.
    """
    return hashlib.sha256(bytes.fromhex(before) + message).hexdigest()


def schema(record: values.Record | None = None) -> "pa.Schema":
    """The columns of a log, as Arrow sees them.

    Args:
        record: What is kept of values; None, and there is no column for them.
    """
    import pyarrow as pa

    columns = [
        pa.field("elapsed", pa.duration("ns"), nullable=False),
        pa.field("code", pa.int32(), nullable=False),
        pa.field("detail", pa.string()),
    ]
    if record is not None:
        columns.append(pa.field("values", values.column_type(record)))
    return pa.schema(columns)


class ChainWriter:
    """Turns a header and blocks into the messages of a log.

    It holds nothing that changes: what is asked for twice is the same twice.

    Attributes:
        schema_message: The first message.
        schema_digest: Its digest.
    """

    def __init__(self, header: Header) -> None:
        import pyarrow as pa

        fields = {"sha256": NO_DIGEST, **attrs.asdict(header)}
        if header.record is None:
            del fields["record"]
        if not header.on_error:
            del fields["on_error"]
        text = json.dumps(fields, separators=(",", ":"), default=dict)
        self._record = header.record
        self._schema = schema(header.record)
        unlinked = self._schema.with_metadata({KEY: text}).serialize().to_pybytes()
        self._plain_schema: bytes = self._schema.serialize().to_pybytes()
        self._options = pa.ipc.IpcWriteOptions(compression="lz4")
        self.schema_message, self.schema_digest = _linked(unlinked, NO_DIGEST)

    def encode(self, block: Block, after: str) -> tuple[bytes, str]:
        """The message that holds `block`, after the message of digest `after`; and its digest."""
        import pyarrow as pa

        columns = [
            pa.array(block.elapsed.view("timedelta64[ns]")),
            pa.array(block.codes),
            _detail_column(block) if block.details else pa.nulls(len(block), pa.string()),
        ]
        if self._record is not None:
            columns.append(values.column_of(block.values, len(block), self._record))
        batch = pa.record_batch(columns, schema=self._schema)
        place = {
            "sha256": NO_DIGEST,
            "sequence": block.sequence,
            "step": block.step,
            "time": block.time,
        }
        text = json.dumps(place, separators=(",", ":"))
        stream = pa.BufferOutputStream()
        with pa.ipc.new_stream(stream, self._schema, options=self._options) as writer:
            writer.write_batch(batch, custom_metadata={KEY: text})
        whole = stream.getvalue().to_pybytes()
        # Arrow writes the schema before the first batch, and an end marker after the last.
        message = whole[len(self._plain_schema) : -len(END_MARKER)]
        return _linked(message, after)


def _linked(message: bytes, after: str) -> tuple[bytes, str]:
    """A message with its digest, and the digest."""
    digest = digest_of(message, after)
    zeros = f'{{"sha256":"{NO_DIGEST}",'.encode()
    at = message.index(zeros) + len(b'{"sha256":"')
    return message[:at] + digest.encode() + message[at + 64 :], digest


def _detail_column(block: Block) -> "pa.Array":
    import pyarrow as pa

    column: list[str | None] = [None] * len(block)
    for position, detail in block.details.items():
        column[position] = detail
    return pa.array(column, pa.string())


class Damaged(UnreadableLog):
    """The bytes of a log are not what was written: the message says where and how.

    Attributes:
        offset: The byte at which the damaged message begins.
    """

    def __init__(self, offset: int, what: str) -> None:
        self.offset = offset
        super().__init__(f"{what} (message at byte {offset})")


class CutOff(Damaged):
    """The bytes end in the middle of a message."""


@attrs.frozen
class Frame:
    """One message whose framing and digest are right.

    Attributes:
        offset: Where it begins in the file.
        message: Its bytes.
        metadata: The part of them that is Arrow's metadata.
        digest: Its digest.
    """

    offset: int
    message: bytes
    metadata: bytes
    digest: str


def read_frames(
    file: BinaryIO, check: bool = True, after: str = NO_DIGEST
) -> Iterator[Frame | None]:
    """The messages of a log in turn; None, last, stands for a right end marker.

    Args:
        file: A log, opened for reading at its start.
        check: Whether digests are compared.
        after: The digest that the second message follows, if blocks before it were dropped.

    Raises:
        CutOff: If the bytes end within a message; if they end between two, there is just no
            None.
        Damaged: If a frame is malformed, a digest is wrong, or bytes follow the end.
    """
    offset, before = 0, NO_DIGEST
    while prefix := file.read(8):
        if prefix == END_MARKER:
            if file.read(1):
                raise Damaged(offset, "bytes follow the end marker of the log")
            yield None
            return
        try:
            message, metadata = _read_message(file, prefix, offset)
            digest = _checked_digest(message, metadata, before, offset) if check else ""
        except CutOff:
            raise
        except Damaged as error:
            if offset and _is_torn(file, offset):
                raise CutOff(
                    offset, f"the log ends in a message that is not whole: {error}"
                ) from None
            raise
        yield Frame(offset, message, metadata, digest)
        before = after if after != NO_DIGEST and not offset else digest
        offset += len(message)


_MOST_TORN: Final = 1 << 26
"""No block is as long as that."""


def _is_torn(file: BinaryIO, offset: int) -> bool:
    """Whether a damaged message is the last one of a log that was never completed.

    A system that crashes while a message is written may leave any part of it out, also in its
    midst. A log that was completed, or goes on after the message, was changed.
    """
    try:
        size = file.seek(0, os.SEEK_END) - offset
        file.seek(offset)
    except OSError:  # messages of a database are there whole or not at all
        return False
    rest = file.read(size) if size < _MOST_TORN else b""
    if rest.endswith(END_MARKER) or (len(rest) <= len(END_MARKER) and any(rest)):
        return False
    return bool(rest) and not _holds_message(rest)


def _holds_message(rest: bytes) -> bool:
    """Whether a message begins somewhere after the first byte."""
    at = 0
    while (at := rest.find(_CONTINUATION, at + 1)) >= 0:
        (size,) = struct.unpack("<i", rest[at + 4 : at + 8].ljust(4, b"\0"))
        if 0 < size <= _MAX_METADATA and _DIGEST.search(rest, at, at + 8 + size):
            return True
    return False


def _read_message(file: BinaryIO, prefix: bytes, offset: int) -> tuple[bytes, bytes]:
    if len(prefix) < 8:
        raise CutOff(offset, "the log ends within the frame of a message")
    if prefix[:4] != _CONTINUATION:
        raise Damaged(offset, "this is not the start of an Arrow message")
    (size,) = struct.unpack("<i", prefix[4:])
    if not 0 < size <= _MAX_METADATA or size % 8:
        raise Damaged(offset, f"a message can't have {size} bytes of metadata")
    metadata = _read_exactly(file, size, offset)
    body = _read_exactly(file, _body_length(metadata, offset), offset)
    return prefix + metadata + body, metadata


def _read_exactly(file: BinaryIO, size: int, offset: int) -> bytes:
    """Read in pieces: a message may state any length, and memory is to be had for it only then."""
    pieces = []
    while size and (piece := file.read(min(size, _PIECE))):
        pieces.append(piece)
        size -= len(piece)
    if size:
        raise CutOff(offset, "the log ends within a message")
    return b"".join(pieces)


def _body_length(metadata: bytes, offset: int) -> int:
    """The length of a message's body: field 3 of the flatbuffer table `Message`."""
    try:
        (message,) = _U32.unpack_from(metadata, 0)
        field = _field(metadata, message, 3)
        length = _I64.unpack_from(metadata, field)[0] if field else 0
    except struct.error:
        raise Damaged(offset, "a message's metadata is malformed") from None
    if not 0 <= length <= _MAX_BODY or length % 8:
        raise Damaged(offset, f"a message can't have a body of {length} bytes")
    return int(length)


def _field(metadata: bytes, table: int, number: int) -> int:
    """Where a field of a flatbuffer table is; 0 if it is not there."""
    vtable = table - _I32.unpack_from(metadata, table)[0]
    if vtable < 0:
        raise struct.error
    entries = _U16.unpack_from(metadata, vtable)[0]
    place = 4 + 2 * number
    at = _U16.unpack_from(metadata, vtable + place)[0] if place < entries else 0
    return table + at if at else 0


def _follow(metadata: bytes, field: int) -> int:
    """Where the table or vector is that a field of a flatbuffer table points to."""
    if not field:
        raise struct.error
    return field + int(_U32.unpack_from(metadata, field)[0])


def _check_claims(frame: Frame) -> None:
    """Refuse a block that would take more memory than any real one, before Arrow decodes it."""
    metadata = frame.metadata
    try:
        batch = _follow(metadata, _field(metadata, _U32.unpack_from(metadata, 0)[0], 2))
        length = _field(metadata, batch, 0)  # a zero is left out, as in a block without events
        events = _I64.unpack_from(metadata, length)[0] if length else 0
        buffers = _follow(metadata, _field(metadata, batch, 2))
        compressed = _field(metadata, batch, 3) != 0
        body = 8 + len(metadata)
        claimed = 0
        for number in range(min(_U32.unpack_from(metadata, buffers)[0], _MAX_BUFFERS)):
            start, size = _BUFFER.unpack_from(metadata, buffers + 4 + number * _BUFFER.size)
            if compressed and size >= 8 and start >= 0:
                claimed += max(_I64.unpack_from(frame.message, body + start)[0], 0)
    except struct.error:
        raise Damaged(frame.offset, "a block's metadata is malformed") from None
    if not 0 <= events <= _MAX_EVENTS or claimed > _MAX_BODY:
        what = f"a block can't hold {events} events in {claimed} bytes"
        raise Damaged(frame.offset, what)


def _checked_digest(message: bytes, metadata: bytes, before: str, offset: int) -> str:
    found = list(_DIGEST.finditer(metadata))
    if len(found) != 1:
        raise Damaged(offset, "a message does not hold exactly one digest")
    start = 8 + found[0].start(1)
    stated = found[0].group(1).decode()
    view = memoryview(message)
    hashed = hashlib.sha256(bytes.fromhex(before))
    for part in (view[:start], NO_DIGEST.encode(), view[start + 64 :]):
        hashed.update(part)
    if hashed.hexdigest() != stated:
        raise Damaged(offset, "the digest of a message is not that of its bytes")
    return stated


def read_header(frame: Frame) -> Header:
    """The header that the first message of a log holds.

    Raises:
        UnreadableLog: If it is another kind of Arrow stream, or of a newer version.
    """
    import pyarrow as pa

    try:
        found = pa.ipc.open_stream(frame.message + END_MARKER).schema
        names = found.names[: 2 * len(schema())]
        fields = upcast_header(json.loads((found.metadata or {})[KEY.encode()]))
        version, record = fields["format"], fields.get("record")
    except (pa.ArrowException, OSError, LookupError, TypeError, ValueError, RecursionError):
        raise UnreadableLog(
            "this is an Arrow stream, but not an event log of this package: its schema does "
            f"not hold the metadata {KEY!r}"
        ) from None
    columns = schema(record if _is_record(record) else None)
    if version != FORMAT or not found.remove_metadata().equals(columns):
        raise UnreadableLog(
            f"this log has the form {version!r:.40} with the columns {names}; this version of "
            f"the package reads form {FORMAT} with the columns {columns.names}"
        )
    return _header_of(fields)


_MAX_NUMBER: Final = 1 << 62
"""Times up to here can be added without leaving 64 bits: the year 2116."""


def _is_number(value: object) -> bool:
    return type(value) is int and 0 <= value < _MAX_NUMBER


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _are_hooks(value: object) -> bool:
    return isinstance(value, list) and len(value) <= MAX_INDEX and all(map(_is_text, value))


def _are_versions(value: object) -> bool:
    return isinstance(value, dict) and all(map(_is_text, value.values()))


def _is_vocabulary(value: object) -> bool:
    is_one = isinstance(value, dict) and all(map(_is_number, value.values()))
    return is_one and is_translatable(cast(dict[str, int], value))


def _is_record(value: object) -> bool:
    return value is None or value in values.RECORDS


_CHECKS: Final[dict[str, Callable[[object], bool]]] = {
    "session": _is_text,
    "started": _is_number,
    "clock": _is_number,
    "hooks": _are_hooks,
    "versions": _are_versions,
    "process": _is_number,
    "table": _is_text,
    "vocabulary": _is_vocabulary,
    "format": _is_number,
    "record": _is_record,
}


def _header_of(fields: dict[str, Any]) -> Header:  # decoded JSON
    for name, is_proper in _CHECKS.items():
        if not is_proper(fields.get(name)):
            raise UnreadableLog(f"the header of the log has no proper {name!r}")
    known: dict[str, Any] = {name: fields.get(name) for name in _CHECKS}
    hooks, on_error = tuple(fields["hooks"]), fields.get("on_error", [])
    if not _are_places(on_error, len(hooks)):
        raise UnreadableLog("the header of the log has no proper 'on_error'")
    return Header(**(known | {"hooks": hooks, "on_error": tuple(on_error)}))


def _are_places(value: object, hooks: int) -> bool:
    """Whether these are places in a list of so many hooks, ascending."""
    if not isinstance(value, list) or not all(type(one) is int for one in value):
        return False
    return value == sorted(set(value)) and all(0 <= one < hooks for one in value)


def read_block(frame: Frame, record: values.Record | None = None) -> Block:
    """The block that a message holds.

    Args:
        frame: The message.
        record: What the log's header says is kept of values.

    Raises:
        Damaged: If the message is not a block.
    """
    import pyarrow as pa

    place = _PLACE.search(frame.metadata)
    if place is None:
        raise Damaged(frame.offset, "a block does not say where it belongs")
    _check_claims(frame)
    try:
        batch = pa.ipc.read_record_batch(pa.py_buffer(frame.message), schema(record))
        batch.validate(full=True)
    except (pa.ArrowException, OSError) as error:
        raise Damaged(frame.offset, f"a block can't be decoded: {error}") from None
    elapsed, codes, details, *kept = batch.columns
    if elapsed.null_count or codes.null_count:
        raise Damaged(frame.offset, "a block has events without time or code")
    sequence, step, time = (int(number) for number in place.groups())
    return Block(
        sequence,
        step,
        time,
        elapsed.to_numpy(zero_copy_only=False).view(np.int64),
        codes.to_numpy(zero_copy_only=False),
        _details_of(details),
        values.ColumnValues.of(kept[0]) if kept else values.NO_VALUES,
    )


def _details_of(column: Any) -> dict[int, str]:  # an Arrow array
    if column.null_count == len(column):
        return {}
    positions = np.flatnonzero(column.is_valid().to_numpy(zero_copy_only=False)).tolist()
    return dict(zip(positions, column.drop_null().to_pylist(), strict=True))
