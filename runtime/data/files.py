"""Files as streams of elements: lines of text, and records of a fixed size."""

import gzip
import zlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
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
    with opened(name, compression) as file:
        for line in file:
            yield line.removesuffix(b"\n").replace(b"\r", b"")


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
    with opened(name, compression) as file:
        content = file.read()
    end = len(content) - layout.footer
    if (end - layout.header) % layout.record:
        raise errors.InvalidArgumentError(
            None,
            None,
            f"Excluding the header ({layout.header} bytes) and footer ({layout.footer} bytes), the "
            f"file {name!r} has {end - layout.header} bytes, which is not an exact multiple of the "
            f"record length ({layout.record} bytes).",
        )
    for start in range(layout.header, end, layout.record):
        yield content[start : start + layout.record]


def opened(name: str, compression: str = "") -> IO[bytes] | gzip.GzipFile:
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
            return gzip.open(name, "rb")
        if compression == "ZLIB":
            import io

            return io.BytesIO(zlib.decompress(Path(name).read_bytes()))
        return open(name, "rb")  # the caller closes it
    except FileNotFoundError:
        raise errors.NotFoundError(None, None, f"{name}; No such file or directory") from None
    except OSError as error:
        raise errors.UnknownError(None, None, f"{name}; {error.strerror}") from error
