"""Readers: records of the files whose names come out of a queue.

Source of the names and rules: the tf.compat.v1.ReaderBase documentation.
"""

import threading
from collections.abc import Callable, Iterator
from typing import Any, TypeAlias

import numpy as np

from runtime import errors
from runtime.data.files import Layout, opened, reading, text
from runtime.data.files import records as records_of
from runtime.graph import dtypes
from runtime.graph.convert import TensorLike, convert_to_tensor
from runtime.graph.definition import Definition, Spec, not_differentiable
from runtime.graph.export import export
from runtime.graph.operation import Operation
from runtime.graph.ops.data_flow import QueueBase
from runtime.graph.ops.rules import fixed, no_output
from runtime.graph.queue_state import QueueState
from runtime.graph.tensor import Tensor
from runtime.record_file import compression_of, framed

__all__ = [
    "FixedLengthRecordReader",
    "IdentityReader",
    "ReaderBase",
    "TFRecordReader",
    "TextLineReader",
    "WholeFileReader",
]

Records: TypeAlias = Iterator[tuple[str, bytes]]


class ReaderState:
    """Where a reader stands in one session.

    Args:
        read: Gives the keys and records of a file.
    """

    def __init__(self, read: Callable[[str], Records]) -> None:
        self._read = read
        self._lock = threading.Lock()
        self._records: Records | None = None
        self.produced = 0
        self.completed = 0

    def next(self, queue: QueueState) -> tuple[Any, Any]:
        """The next record.

        Args:
            queue: Where names of files come from.

        Returns:
            Its key and the record.

        Raises:
            OutOfRangeError: If the queue is closed and empty.
        """
        with self._lock:
            return self._next(queue)

    def _next(self, queue: QueueState) -> tuple[Any, Any]:
        while True:
            if self._records is None:
                ((name,),) = queue.dequeue(1)
                self._records = self._read(bytes(np.asarray(name, object)[()]).decode())
            for key, record in self._records:
                self.produced += 1
                return text(key.encode()), text(record)
            self._records = None
            self.completed += 1

    def next_up_to(self, queue: QueueState, most: Any) -> tuple[Any, Any]:
        """Several records; fewer at the end of the input.

        Args:
            queue: Where names of files come from.
            most: How many.

        Returns:
            Vectors of keys and records.

        Raises:
            OutOfRangeError: If there is none.
        """
        found: list[tuple[Any, Any]] = []
        with self._lock:
            try:
                while len(found) < most:
                    found.append(self._next(queue))
            except errors.OutOfRangeError:
                if not found:
                    raise
        keys, records = zip(*found, strict=True)
        return np.stack(keys), np.stack(records)

    def reset(self) -> None:
        """Begins anew, with the next file."""
        with self._lock:
            self._records = None
            self.produced = self.completed = 0


# Any: arguments of a definition.
def _define(
    name: str, infer: Any, kernel: Callable[..., Any], on_queue: bool = False
) -> Definition:
    return Definition(
        name,
        infer,
        kernel,
        references=(0, 1) if on_queue else (0,),
        stateful=True,
        gradient=not_differentiable,
    )


READ = _define(
    "ReaderReadV2",
    lambda view: (Spec(dtypes.string, ()), Spec(dtypes.string, ())),
    ReaderState.next,
    on_queue=True,
)
READ_UP_TO = _define(
    "ReaderReadUpToV2",
    lambda view: (Spec(dtypes.string, (None,)), Spec(dtypes.string, (None,))),
    ReaderState.next_up_to,
    on_queue=True,
)
PRODUCED = _define(
    "ReaderNumRecordsProducedV2",
    fixed(dtypes.int64, ()),
    lambda state: np.int64(state.produced),
)
COMPLETED = _define(
    "ReaderNumWorkUnitsCompletedV2",
    fixed(dtypes.int64, ()),
    lambda state: np.int64(state.completed),
)
RESET = _define("ReaderResetV2", no_output, ReaderState.reset)


def _reader(name: str, read: Callable[[Operation, str], Records]) -> Definition:
    return Definition(
        name,
        fixed(dtypes.resource, ()),
        state=lambda op: ReaderState(lambda file: read(op, file)),
        stateful=True,
        gradient=not_differentiable,
    )


def _lines(op: Operation, name: str) -> Records:
    with opened(name) as file:
        for number, line in enumerate(file, 1):
            if number > op.attributes["skip_header_lines"]:
                yield f"{name}:{number}", line.removesuffix(b"\n").removesuffix(b"\r")


def _whole(op: Operation, name: str) -> Records:
    with opened(name) as file:
        content = file.read()
    yield name, content


def _fixed(op: Operation, name: str) -> Records:
    layout = Layout(*op.attributes["sizes"])
    for number, (record,) in enumerate(records_of([name], layout, "")):
        yield f"{name}:{number}", record[()]


def _tf_records(op: Operation, name: str) -> Records:
    compression = op.attributes["compression_type"]
    with reading(name), opened(name, compression) as file:
        for place, record in framed(file, name):
            yield f"{name}:{place}", record


LINES = _reader("TextLineReaderV2", _lines)
WHOLE = _reader("WholeFileReaderV2", _whole)
FIXED = _reader("FixedLengthRecordReaderV2", _fixed)
TF_RECORDS = _reader("TFRecordReaderV2", _tf_records)
IDENTITY = _reader("IdentityReaderV2", lambda op, name: iter([(name, name.encode())]))


@export("ReaderBase")
class ReaderBase:
    """Reads records of the files whose names come out of a queue.

    Args:
        reader_ref: The tensor that stands for the reader.
        supports_serialize: Without effect.
    """

    def __init__(self, reader_ref: Tensor, supports_serialize: bool = False) -> None:
        self._reference = reader_ref

    @property
    def reader_ref(self) -> Tensor:
        """The tensor that stands for the reader."""
        return self._reference

    @property
    def supports_serialize(self) -> bool:
        """Whether it can be saved: no."""
        return False

    def read(self, queue: QueueBase | Tensor, name: str | None = None) -> tuple[Tensor, Tensor]:
        """The next record.

        Args:
            queue: A queue of names of files, or the tensor that stands for it.
            name: Name of the operation.

        Returns:
            Scalars of string: a key (the file and where in it), and the record. After the last
            record of the last file the run raises OutOfRangeError.
        """
        return READ(self._reference, _handle(queue), name=name)  # type: ignore[no-any-return]

    def read_up_to(
        self, queue: QueueBase | Tensor, num_records: TensorLike, name: str | None = None
    ) -> tuple[Tensor, Tensor]:
        """Several records.

        Args:
            queue: A queue of names of files, or the tensor that stands for it.
            num_records: How many at most; there are fewer only at the end of the input.
            name: Name of the operation.

        Returns:
            Vectors of string: keys and records.
        """
        most = convert_to_tensor(num_records)
        return READ_UP_TO(self._reference, _handle(queue), most, name=name)  # type: ignore[no-any-return]

    def num_records_produced(self, name: str | None = None) -> Tensor:
        """How many records it gave.

        Args:
            name: Name of the operation.

        Returns:
            A scalar of int64.
        """
        return PRODUCED(self._reference, name=name)  # type: ignore[no-any-return]  # a tensor

    def num_work_units_completed(self, name: str | None = None) -> Tensor:
        """How many files it read to the end.

        Args:
            name: Name of the operation.

        Returns:
            A scalar of int64.
        """
        return COMPLETED(self._reference, name=name)  # type: ignore[no-any-return]  # a tensor

    def reset(self, name: str | None = None) -> Operation:
        """Begins anew, with the next file.

        Args:
            name: Name of the operation.

        Returns:
            The operation.
        """
        return RESET(self._reference, name=name)  # type: ignore[no-any-return]  # an operation


def _handle(queue: QueueBase | Tensor) -> Tensor:
    return queue.queue_ref if isinstance(queue, QueueBase) else queue


@export("TextLineReader")
class TextLineReader(ReaderBase):
    """Reads the lines of text files; the key of a line is ``file:number``.

    Args:
        skip_header_lines: How many lines at the beginning of each file are left out.
        name: Name of the operation.
    """

    def __init__(self, skip_header_lines: int | None = None, name: str | None = None) -> None:
        super().__init__(LINES(skip_header_lines=skip_header_lines or 0, name=name))


@export("WholeFileReader")
class WholeFileReader(ReaderBase):
    """Reads whole files; the key is the file's name.

    Args:
        name: Name of the operation.
    """

    def __init__(self, name: str | None = None) -> None:
        super().__init__(WHOLE(name=name))


@export("TFRecordReader")
class TFRecordReader(ReaderBase):
    """Reads files of records in TensorFlow's form; the key is ``file:byte``.

    Needs the extra ``records``.

    Args:
        name: Name of the operation.
        options: `tf.python_io.TFRecordOptions`.
    """

    def __init__(self, name: str | None = None, options: Any = None) -> None:  # Any: see options
        super().__init__(TF_RECORDS(compression_type=compression_of(options), name=name))


@export("IdentityReader")
class IdentityReader(ReaderBase):
    """Gives what comes out of the queue, as key and as record.

    Args:
        name: Name of the operation.
    """

    def __init__(self, name: str | None = None) -> None:
        super().__init__(IDENTITY(name=name))


@export("FixedLengthRecordReader")
class FixedLengthRecordReader(ReaderBase):
    """Reads the records of files; the key is ``file:number``.

    Args:
        record_bytes: The size of a record in bytes.
        header_bytes: How many bytes come before the first record of a file.
        footer_bytes: How many bytes come after the last.
        hop_bytes: Must be None.
        name: Name of the operation.
        encoding: Must be None.

    Raises:
        NotImplementedError: If records overlap or are compressed.
    """

    def __init__(
        self,
        record_bytes: int,
        header_bytes: int | None = None,
        footer_bytes: int | None = None,
        hop_bytes: int | None = None,
        name: str | None = None,
        encoding: str | None = None,
    ) -> None:
        if hop_bytes or encoding:
            raise NotImplementedError("FixedLengthRecordReader has no hop_bytes and encoding here.")
        sizes = [int(record_bytes), int(header_bytes or 0), int(footer_bytes or 0)]
        super().__init__(FIXED(sizes=sizes, name=name))
