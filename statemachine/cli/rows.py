"""A log as rows: JSON lines, CSV and Parquet."""

import csv
import io
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, Final, Protocol

import attrs

from statemachine.arrow_table import batches_of, table_schema
from statemachine.cli.json_form import event_json, time_text, to_json
from statemachine.cli.plain_text import plain
from statemachine.events import Event
from statemachine.json_log import header_json
from statemachine.log import EventLog, Reading

if TYPE_CHECKING:
    import pyarrow as pa


class Sink(Protocol):
    """Where bytes go."""

    def write(self, data: bytes) -> int:
        """Write bytes."""


COLUMNS: Final = ("sequence", "time", "state", "kind", "hook", "hook_class", "step", "detail")


def events_of(reading: Reading) -> Iterator[Event]:
    """The events of one pass over a log."""
    inside = False
    for block in reading:
        yield from block.events(reading.header.started, inside)
        inside = block.in_step_after(inside)


def write_jsonl(log: EventLog, to: Sink) -> None:
    """A header, then one event a line, as `show --json` prints it: see specs/event.schema.json."""
    header = log.header
    first = header_json(header.hooks, header.on_error, header.session, time_text(header.started))
    to.write(to_json(first).encode() + b"\n")
    for event in events_of(log.read()):
        to.write(to_json(event_json(event, header.started, header.hooks)).encode() + b"\n")


def write_csv(log: EventLog, to: Sink) -> None:
    """One event a row, with the columns of `EventLog.to_arrow`; texts are made plain."""
    names = COLUMNS if log.record is None else (*COLUMNS, "values")
    head = (",".join(names) + "\r\n").encode()
    for batch in batches_of(_plainly_named(log.read())):
        buffer = io.StringIO()
        writer = csv.writer(buffer)
        columns = [_csv_column(batch, name) for name in names]
        writer.writerows(zip(*columns, strict=True))
        to.write(head + buffer.getvalue().encode())
        head = b""
    to.write(head)


def _csv_column(batch: "pa.RecordBatch", name: str) -> Iterable[object]:
    import pyarrow as pa

    column = batch.column(name)
    if name == "time":
        return map(time_text, column.cast(pa.int64()).to_pylist())
    if name == "values":
        return (None if v is None else _cell(to_json(v)) for v in column.to_pylist())
    if name in ("hook_class", "detail"):
        return (None if value is None else _cell(value) for value in column.to_pylist())
    values: list[object] = column.to_pylist()
    return values


def _cell(text: str) -> str:
    """A text that a spreadsheet takes for a text, and not for a formula."""
    words = plain(text)
    return "'" + words if words[:1] in ("=", "+", "-", "@") else words


def write_parquet(log: EventLog, to: Sink) -> None:
    """One event a row, with the columns of `EventLog.to_arrow`."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    header = log.header
    names = {"session": plain(header.session), "started": time_text(header.started)}
    schema = table_schema(header.record).with_metadata(names)
    with (
        pa.PythonFile(_Written(to), "w") as file,
        pq.ParquetWriter(file, schema, compression="zstd") as writer,
    ):
        for batches in _gathered(batches_of(_plainly_named(log.read()))):
            writer.write_table(pa.Table.from_batches(batches).replace_schema_metadata(names))


_ROWS_OF_A_GROUP: Final = 1 << 17


def _gathered(batches: Iterable["pa.RecordBatch"]) -> Iterator[list["pa.RecordBatch"]]:
    """Several batches together, so that a file has few row groups."""
    waiting: list[pa.RecordBatch] = []
    for batch in batches:
        waiting.append(batch)
        if sum(len(one) for one in waiting) >= _ROWS_OF_A_GROUP:
            yield waiting
            waiting = []
    if waiting:
        yield waiting


class _Written:
    """A sink as Arrow wants a file."""

    closed = False

    def __init__(self, sink: Sink) -> None:
        self._sink = sink

    def write(self, data: Any) -> int:  # whatever buffer Arrow hands over
        return self._sink.write(bytes(data))

    def flush(self) -> None:
        """The sink does so itself."""

    def close(self) -> None:
        """The sink is closed by whoever opened it."""


def _plainly_named(reading: Reading) -> Reading:
    """The same pass, with names of hooks that every encoding can hold."""
    hooks = tuple(plain(name) for name in reading.header.hooks)
    reading.header = attrs.evolve(reading.header, hooks=hooks)
    return reading
