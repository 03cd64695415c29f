"""Logs that nobody wrote: messages taken apart, changed, and chained anew."""

import json
from pathlib import Path

import pyarrow as pa

from statemachine import EventLog
from statemachine.form import END_MARKER, KEY, NO_DIGEST, digest_of, read_frames, schema
from statemachine.tail import SLOTS
from tests.statemachine.histories import HOOKS, STEP_EVENTS, Writer


def small_log(path: Path, steps: int = 2) -> bytes:
    """The bytes of a closed log of two blocks."""
    log = EventLog(path)
    writer = Writer(log.begin(HOOKS)).start()
    writer.journal.seal()
    writer.journal._worker.wait_for(writer.journal._tails[0])
    log.note("between")
    writer.steps(steps).close()
    return path.read_bytes()


def large_log(path: Path, blocks: int = 3) -> bytes:
    """The bytes of a closed log of several full blocks."""
    Writer(EventLog(path).begin(HOOKS)).start().steps(blocks * SLOTS // STEP_EVENTS).close()
    return path.read_bytes()


def messages(path: Path) -> list[bytes]:
    """The messages of a log, without the end marker."""
    with path.open("rb") as file:
        return [frame.message for frame in read_frames(file) if frame is not None]


def chained(parts: list[bytes]) -> bytes:
    """A log of these messages, with a chain that is right."""
    before, found = NO_DIGEST, []
    for part in parts:
        at = part.index(b'{"sha256":"') + 11
        zeroed = part[:at] + NO_DIGEST.encode() + part[at + 64 :]
        before = digest_of(zeroed, before)
        found.append(part[:at] + before.encode() + part[at + 64 :])
    return b"".join(found) + END_MARKER


def header_message(fields: object, columns: pa.Schema | None = None) -> bytes:
    """A first message with any header."""
    text = fields if isinstance(fields, str | bytes) else json.dumps(fields, separators=(",", ":"))
    return (
        (schema() if columns is None else columns)
        .with_metadata({KEY: text})
        .serialize()
        .to_pybytes()
    )


def header_fields(path: Path) -> dict[str, object]:
    """The header of a log, with its digest set to zeros."""
    with pa.ipc.open_stream(path) as stream:
        fields = json.loads(stream.schema.metadata[KEY.encode()])
    return fields | {"sha256": NO_DIGEST}


def block_message(
    codes: list[int],
    *,
    elapsed: list[int] | None = None,
    details: list[str | None] | None = None,
    place: str | None = None,
    sequence: int = 0,
    step: int = 0,
    time: int = 0,
) -> bytes:
    """A block with any content."""
    columns = [
        pa.array(elapsed or [1] * len(codes), pa.duration("ns")),
        pa.array(codes, pa.int32()),
        pa.array(details or [None] * len(codes), pa.string()),
    ]
    fields = {"sha256": NO_DIGEST, "sequence": sequence, "step": step, "time": time}
    text = place or json.dumps(fields, separators=(",", ":"))
    return batch_message(pa.record_batch(columns, schema=schema()), text)


def batch_message(batch: pa.RecordBatch, text: str, compression: str | None = "zstd") -> bytes:
    """A message with any record batch and any metadata."""
    sink = pa.BufferOutputStream()
    options = pa.ipc.IpcWriteOptions(compression=compression)
    with pa.ipc.new_stream(sink, batch.schema, options=options) as writer:
        writer.write_batch(batch, custom_metadata={KEY: text})
    first = batch.schema.serialize().to_pybytes()
    return sink.getvalue().to_pybytes()[len(first) : -len(END_MARKER)]
