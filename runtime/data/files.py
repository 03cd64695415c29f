"""Files as streams of elements: lines of text, and records of a fixed size."""

import gzip
import io
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import IO, Any

import attrs
import numpy as np

from runtime import errors
from runtime.data.sources import Element


@attrs.frozen
class Layout:
    """How a file of records is laid out, in bytes.

    Attributes:
        record: The size of a record.
        header: What comes before the first.
        footer: What comes after the last.
    """

    record: int
    header: int = 0
    footer: int = 0


class _InFiles:
    """What is read from files, one after the other; a file is closed at its end."""

    def __init__(self, names: Sequence[str], read: Callable[[str], Iterator[bytes]]) -> None:
        self._names = iter(names)
        self._read = read
        self._parts: Iterator[bytes] = iter(())

    def __iter__(self) -> Iterator[Element]:
        return self

    def __next__(self) -> Element:
        while True:
            for part in self._parts:
                return (text(part),)
            self._parts = self._read(next(self._names))


def text(value: bytes) -> Any:
    """A string as an array without axes."""
    array = np.empty((), dtype=object)
    array[()] = value
    return array


def lines(names: Sequence[str], compression: str) -> Iterator[Element]:
    """The lines of text files, without what ends them.

    Args:
        names: The files.
        compression: ``""``, ``"GZIP"`` or ``"ZLIB"``.

    Returns:
        The elements.
    """
    return _InFiles(names, lambda name: _lines(name, compression))


def _lines(name: str, compression: str) -> Iterator[bytes]:
    with reading(name), opened(name, compression) as file:
        for line in file:
            yield line.removesuffix(b"\n").replace(b"\r", b"")


def tf_records(names: Sequence[str], compression: str) -> Iterator[Element]:
    """The records of files in TensorFlow's form.

    Args:
        names: The files.
        compression: ``""``, ``"GZIP"`` or ``"ZLIB"``.

    Returns:
        The elements.
    """
    from runtime.record_file import tf_record_iterator

    return _InFiles(names, lambda name: tf_record_iterator(name, compression))


def records(names: Sequence[str], layout: Layout, compression: str) -> Iterator[Element]:
    """The records of files.

    Args:
        names: The files.
        layout: Their sizes.
        compression: ``""``, ``"GZIP"`` or ``"ZLIB"``.

    Returns:
        The elements.
    """
    return _InFiles(names, lambda name: _records(name, layout, compression))


def _records(name: str, layout: Layout, compression: str) -> Iterator[bytes]:
    with reading(name), opened(name, compression) as file:
        content = io.BytesIO(file.read()) if compression else file
        size = content.seek(0, io.SEEK_END) - layout.footer - layout.header
        if size % layout.record:
            raise errors.InvalidArgumentError(
                None,
                None,
                f"Excluding the header ({layout.header} bytes) and footer ({layout.footer} bytes), "
                f"the file {name!r} has {size} bytes, which is not an exact multiple of the record "
                f"length ({layout.record} bytes).",
            )
        content.seek(layout.header)
        for _ in range(size // layout.record):
            yield content.read(layout.record)


@contextmanager
def reading(name: str) -> Iterator[None]:
    """Names a file whose compressed content turns out to be damaged.

    Args:
        name: The file.

    Raises:
        DataLossError: In place of what the modules for compression raise.
    """
    try:
        yield
    except (zlib.error, EOFError, gzip.BadGzipFile) as error:
        raise errors.DataLossError(
            None, None, f"The compressed file {name!r} is damaged or cut off: {error}"
        ) from error


class _Inflated(io.RawIOBase):
    """What a file that zlib compressed holds, a piece at a time."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._work = zlib.decompressobj()

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:  # Any: whatever can be written to
        while True:
            data = self._work.unconsumed_tail or self._file.read(1 << 16)
            piece = self._work.decompress(data, len(buffer))
            if piece or self._work.eof:
                break
            if not data:
                raise EOFError("it ends before the end of its content")
        buffer[: len(piece)] = piece
        return len(piece)

    def close(self) -> None:
        self._file.close()
        super().close()


def opened(name: str, compression: str = "") -> IO[bytes]:
    """Opens a file for reading.

    Args:
        name: The file.
        compression: ``""``, ``"GZIP"`` or ``"ZLIB"``.

    Returns:
        The file.

    Raises:
        NotFoundError: If there is no such file.
        UnknownError: If it can't be read.
    """
    try:
        if compression == "GZIP":
            return gzip.open(name, "rb")  # type: ignore[return-value]  # it has what is used
        if compression == "ZLIB":
            return io.BufferedReader(_Inflated(open(name, "rb")))  # the caller closes it
        return open(name, "rb")
    except FileNotFoundError:
        raise errors.NotFoundError(None, None, f"{name}; No such file or directory") from None
    except OSError as error:
        raise errors.UnknownError(None, None, f"{name}; {error.strerror}") from error
