"""A log as an Arrow table that a person understands."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from statemachine.block import Block, event_of
from statemachine.compiled import place_at
from statemachine.events import EMPTY, SECOND_LANE
from statemachine.log import Reading
from statemachine.table import State
from statemachine.values import Record, column_of, column_type

if TYPE_CHECKING:
    import pyarrow as pa


def table_of(reading: Reading) -> "pa.Table":
    """One row an event; see `EventLog.to_arrow` for the columns."""
    import pyarrow as pa

    schema = table_schema(reading.header.record)
    return pa.Table.from_batches(list(batches_of(reading)), schema=schema)


def table_schema(record: Record | None = None) -> "pa.Schema":
    """The columns of the table of a log that keeps this of values."""
    import pyarrow as pa

    values = [] if record is None else [("values", column_type(record))]
    return pa.schema(
        [
            ("sequence", pa.int64()),
            ("time", pa.timestamp("ns", tz="UTC")),
            ("state", pa.dictionary(pa.int32(), pa.string())),
            ("kind", pa.dictionary(pa.int32(), pa.string())),
            ("hook", pa.int32()),
            ("hook_class", pa.dictionary(pa.int32(), pa.string())),
            ("step", pa.int64()),
            ("detail", pa.string()),
            *values,
        ]
    )


def batches_of(reading: Reading) -> Iterator["pa.RecordBatch"]:
    """One batch for each block; the columns follow the block's distinct codes."""
    before = None if reading.dropped else State.CREATED.value
    states = _StateColumn(len(reading.header.hooks), before)
    inside = False
    for block in reading:
        yield _batch(block, reading, states, inside)
        inside = block.in_step_after(inside)


def _batch(
    block: Block, reading: Reading, states: "_StateColumn", inside: bool
) -> "pa.RecordBatch":
    import pyarrow as pa

    distinct, which = np.unique(block.codes, return_inverse=True)
    events = [
        event_of(code, sequence=block.sequence, time=0, step=None, detail=EMPTY)
        for code in distinct.tolist()
    ]
    hooks = [event.hook for event in events]
    names = reading.header.hooks
    classes = [_encodable(names[h]) if h is not None and h < len(names) else None for h in hooks]
    numbers, belongs = block.steps(inside)
    sequence = np.arange(block.sequence, block.sequence_after)
    details = [block.details.get(position) for position in range(len(block))]
    columns = [
        pa.array(sequence),
        pa.array(block.times + reading.header.started, pa.timestamp("ns", tz="UTC")),
        states.column(block),
        _spread([event.kind.value for event in events], which),
        pa.array(hooks, pa.int32()).take(pa.array(which)),
        _spread(classes, which),
        pa.array(numbers, pa.int64(), mask=~belongs),
        pa.array(details, pa.string()),
    ]
    record = reading.header.record
    if record is not None:
        columns.append(column_of(block.values, len(block), record))
    return pa.record_batch(columns, schema=table_schema(record))


def _encodable(name: str) -> str:
    """A name of a header, which is JSON and may hold half a character, as UTF-8 can have it."""
    return name.encode("utf-8", "backslashreplace").decode()


def _spread(values: list[str | None] | list[str], which: npt.NDArray[np.intp]) -> "pa.Array":
    import pyarrow as pa

    return pa.array(values, pa.string()).take(pa.array(which)).dictionary_encode()


class _StateColumn:
    """The state after each event; the second lane's events have the state around them."""

    def __init__(self, hooks: int, before: str | None) -> None:
        self._hooks = hooks
        self._before = before

    def column(self, block: Block) -> "pa.Array":
        """The states of a block, in words."""
        import pyarrow as pa

        ordered = block.ordered
        distinct, which = np.unique(block.codes[ordered], return_inverse=True)
        names = np.array([self._state(code) for code in distinct.tolist()] or [""], dtype=object)
        before = np.array([self._before], dtype=object)
        states = np.concatenate((before, names[which]))
        counts = np.cumsum((block.codes & SECOND_LANE) == 0)
        self._before = states[-1]
        return pa.array(states[counts], pa.string()).dictionary_encode()

    def _state(self, code: int) -> str | None:
        place = place_at(code, self._hooks)
        return place.state.value if place else None
