"""Files of records in TensorFlow's form, bit for bit.

A record is its length in eight bytes, a check sum of these, its data, and a check sum of that. A
check sum is a CRC-32C, turned and shifted, in four bytes. All numbers begin with their least byte.
Needs the extra ``records`` (``pip install 'monitored-session[records]'``).

Source of the form: "TFRecords format details" of the TensorFlow tutorial on TFRecord.
"""

import gzip
import io
import os
import struct
import warnings
import zlib
from collections.abc import Callable, Iterator
from functools import cache
from types import TracebackType
from typing import IO, Any, Final

from runtime import errors
from runtime.data.files import opened, reading
from runtime.graph.export import export

__all__ = [
    "TFRecordCompressionType",
    "TFRecordOptions",
    "TFRecordWriter",
    "compression_of",
    "framed",
    "tf_record_iterator",
]

_HEADER: Final = struct.Struct("<QI")
_SUM: Final = struct.Struct("<I")
_SHIFT: Final = 0xA282EAD8
_PIECE: Final = 1 << 20  # no more is asked for at once, whatever a file says


@cache
def _crc() -> Callable[[bytes], int]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # that it is slow without its extension
            from google_crc32c import value
    except ImportError as error:
        raise ImportError(
            "Files of records need google-crc32c, which is not installed: "
            "pip install 'monitored-session[records]'",
            name=error.name,
        ) from error
    return value  # type: ignore[no-any-return]  # it has no type information


def _check_sum(data: bytes) -> int:
    crc = _crc()(data)
    return ((crc >> 15 | crc << 17) + _SHIFT) & 0xFFFFFFFF


def framed(file: IO[bytes], name: str, place: int = 0) -> Iterator[tuple[int, bytes]]:
    """The records of a file.

    Args:
        file: The file, open at a record.
        name: Its name, for messages.
        place: Where in the file that is, in bytes.

    Yields:
        Where a record begins, and the record.

    Raises:
        DataLossError: If the file is damaged or cut off.
    """
    while header := _exactly(file, _HEADER.size):
        if len(header) < _HEADER.size:
            raise _loss("truncated", place, name)
        length, check = _HEADER.unpack(header)
        if check != _check_sum(header[:8]):
            raise _loss("corrupted", place, name, " (Is this even a TFRecord file?)")
        data, end = _exactly(file, length), _exactly(file, _SUM.size)
        if len(data) < length or len(end) < _SUM.size:
            raise _loss("truncated", place, name)
        if _SUM.unpack(end)[0] != _check_sum(data):
            raise _loss("corrupted", place, name)
        yield place, data
        place += _HEADER.size + length + _SUM.size


def _exactly(file: IO[bytes], size: int) -> bytes:
    """So many bytes, or fewer at the end; a size that is not true takes up no memory."""
    if size <= _PIECE:
        return file.read(size)
    parts = []
    while size and (part := file.read(min(size, _PIECE))):
        parts.append(part)
        size -= len(part)
    return b"".join(parts)


def _loss(how: str, place: int, name: str, more: str = "") -> errors.DataLossError:
    return errors.DataLossError(None, None, f"{how} record at {place} in {name!r}{more}")


@export("io.TFRecordCompressionType", "python_io.TFRecordCompressionType")
class TFRecordCompressionType:
    """How a file of records is compressed.

    Source: the ``tf.compat.v1.io.TFRecordCompressionType`` documentation.
    """

    NONE = 0
    ZLIB = 1
    GZIP = 2


@export("io.TFRecordOptions", "python_io.TFRecordOptions")
class TFRecordOptions:
    """How a file of records is written or read.

    Source: the ``tf.io.TFRecordOptions`` documentation.

    Args:
        compression_type: ``""``, ``"ZLIB"``, ``"GZIP"``, one of `TFRecordCompressionType`, or
            other options.
        flush_mode: Without effect.
        input_buffer_size: Without effect.
        output_buffer_size: Without effect.
        window_bits: Without effect.
        compression_level: 0 to 9: how much work compression may take; as zlib has it if None.
        compression_method: Without effect.
        mem_level: Without effect.
        compression_strategy: Without effect.

    Raises:
        ValueError: If there is no such compression.
    """

    compression_type_map: Final = {0: "", 1: "ZLIB", 2: "GZIP"}

    def __init__(
        self,
        compression_type: Any = None,
        flush_mode: Any = None,
        input_buffer_size: Any = None,
        output_buffer_size: Any = None,
        window_bits: Any = None,
        compression_level: int | None = None,
        compression_method: Any = None,
        mem_level: Any = None,
        compression_strategy: Any = None,
    ) -> None:
        self.get_compression_type_string(compression_type)  # does it exist?
        self.compression_type = compression_type
        self.compression_level = compression_level

    @classmethod
    def get_compression_type_string(cls, options: Any) -> str:
        """The name of the compression.

        Args:
            options: Options, a kind of compression, its name, or None.

        Returns:
            ``""``, ``"ZLIB"`` or ``"GZIP"``.

        Raises:
            ValueError: If there is no such compression.
        """
        if isinstance(options, TFRecordOptions):
            return cls.get_compression_type_string(options.compression_type)
        kind = cls.compression_type_map.get(options, options) if options else ""
        if kind not in cls.compression_type_map.values():
            raise ValueError(f"compression_type must be None, 'GZIP' or 'ZLIB', not {options!r}.")
        return str(kind)


compression_of = TFRecordOptions.get_compression_type_string


@export("io.tf_record_iterator", "python_io.tf_record_iterator")
def tf_record_iterator(path: str | os.PathLike[str], options: Any = None) -> Iterator[bytes]:
    """The records of a file.

    Source: the ``tf.compat.v1.io.tf_record_iterator`` documentation.

    Args:
        path: The file.
        options: `TFRecordOptions`, or the name of a compression.

    Yields:
        Each record.

    Raises:
        DataLossError: If the file is damaged or cut off.
        NotFoundError: If there is no such file.
    """
    name = os.fspath(path)
    with reading(name), opened(name, compression_of(options)) as file:
        for _, record in framed(file, name):
            yield record


@export("io.TFRecordWriter", "python_io.TFRecordWriter")
class TFRecordWriter:
    """Writes a file of records; also a context manager.

    Source: the ``tf.io.TFRecordWriter`` documentation.

    Args:
        path: The file; what was in it is lost.
        options: `TFRecordOptions`, or the name of a compression.

    Raises:
        NotFoundError: If there is no such directory.
        ValueError: If there is no such compression.
    """

    def __init__(self, path: str | os.PathLike[str], options: Any = None) -> None:
        self._name = os.fspath(path)
        kind = compression_of(options)
        level = getattr(options, "compression_level", None)
        _crc()  # says at once that it is not installed
        try:
            self._file: IO[bytes] = open(self._name, "wb")  # noqa: SIM115  # until close()
        except FileNotFoundError:
            raise errors.NotFoundError(
                None, None, f"{self._name}; No such file or directory"
            ) from None
        except OSError as error:
            raise errors.UnknownError(None, None, f"{self._name}; {error.strerror}") from error
        self._into = _compressed(self._file, kind, -1 if level is None else level)

    def write(self, record: bytes) -> None:
        """Writes a record.

        Args:
            record: The record, such as ``example.SerializeToString()``.

        Raises:
            FailedPreconditionError: If the file was closed.
            TypeError: If it is not bytes.
        """
        if not isinstance(record, bytes):
            raise TypeError(
                f"A record must be bytes, not {type(record).__name__}: give "
                "message.SerializeToString(), or text.encode()."
            )
        if self._file.closed:
            raise errors.FailedPreconditionError(None, None, "Writer is closed.")
        length = len(record).to_bytes(8, "little")
        header = length + _SUM.pack(_check_sum(length))
        self._into.write(header + record + _SUM.pack(_check_sum(record)))

    def flush(self) -> None:
        """Hands what was written to the operating system."""
        if not self._file.closed:
            self._into.flush()
            self._file.flush()

    def close(self) -> None:
        """Ends the file."""
        if not self._file.closed:
            self._into.close()
            self._file.close()

    def __enter__(self) -> "TFRecordWriter":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def _compressed(file: IO[bytes], kind: str, level: int) -> IO[bytes]:
    if kind == "GZIP":
        # 9, which is the default of the module gzip, takes longer than the file gets smaller.
        return gzip.GzipFile(fileobj=file, mode="wb", compresslevel=6 if level < 0 else level)  # type: ignore[return-value]  # it has what is used
    return _Deflating(file, level) if kind else file


class _Deflating(io.BytesIO):
    """Compresses what is written, by zlib."""

    def __init__(self, file: IO[bytes], level: int) -> None:
        super().__init__()
        self._into = file
        self._work = zlib.compressobj(level)

    def write(self, data: Any) -> int:
        self._into.write(self._work.compress(data))
        return len(data)

    def flush(self) -> None:
        self._into.write(self._work.flush(zlib.Z_SYNC_FLUSH))

    def close(self) -> None:
        self._into.write(self._work.flush())
