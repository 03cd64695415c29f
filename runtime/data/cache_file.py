"""Elements of datasets in files: what `Dataset.cache` keeps under a file's name.

A cache is a directory of safetensors files, each with several elements, and an index. It appears
under its name when it is whole; until then it is a directory beside, which goes with whoever
writes it.

Source of the rules: the ``tf.data.Dataset.cache`` documentation.
"""

import itertools
import json
import os
import shutil
import tempfile
import weakref
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from runtime import errors
from runtime.data.sources import Element, Source, Watch

__all__ = ["cached_in"]

_PIECE: Final = 1 << 26  # bytes after which another file begins
_INDEX: Final = "index.json"
Arrays = dict[str, np.ndarray[Any, np.dtype[Any]]]


def cached_in(source: Source, filename: str, types: Sequence[str]) -> Source:
    """A source that is computed only once, also by later processes.

    Args:
        source: The source.
        filename: What the name of the directory begins with.
        types: The names of the components' element types.

    Returns:
        The other source. Its elements come from the directory if that is there.
    """
    place = Path(f"{filename}.cache")

    def begin(watch: Watch) -> Iterator[Element]:
        if place.is_dir():
            return _read(place, list(types))
        return _Recorded(source.elements(watch), _Writer(place, list(types)))

    return Source(begin)


# Writing.


class _Recorded:
    def __init__(self, elements: Iterator[Element], writer: "_Writer") -> None:
        self._elements = elements
        self._writer: _Writer | None = writer

    def __iter__(self) -> Iterator[Element]:
        return self

    def __next__(self) -> Element:
        for element in self._elements:
            if self._writer is not None:
                self._writer.add(element)
            return element
        if self._writer is not None:
            self._writer.finish()
            self._writer = None
        raise StopIteration


class _Writer:
    def __init__(self, place: Path, types: list[str]) -> None:
        self._place, self._types = place, types
        try:
            made = tempfile.mkdtemp(prefix=f"{place.name}.", suffix=".partial", dir=place.parent)
        except OSError as error:
            raise errors.NotFoundError(
                None, None, f"The cache {str(place)!r} can't be written: {error.strerror}"
            ) from error
        self._directory = Path(made)
        self._drop = weakref.finalize(self, shutil.rmtree, made, ignore_errors=True)
        self._arrays: Arrays = {}
        self._size = self._count = self._pieces = 0

    def add(self, element: Element) -> None:
        for number, part in enumerate(element):
            for suffix, array in _packed(np.asarray(part)).items():
                self._arrays[f"{self._count}.{number}{suffix}"] = array
                self._size += array.nbytes
        self._count += 1
        if self._size >= _PIECE:
            self._end_piece()

    def _end_piece(self) -> None:
        save_file(self._arrays, self._directory / _piece_name(self._pieces))
        self._arrays, self._size = {}, 0
        self._pieces += 1

    def finish(self) -> None:
        """Gives the directory its name, unless another writer was quicker."""
        if self._arrays:
            self._end_piece()
        index = {"elements": self._count, "pieces": self._pieces, "types": self._types}
        (self._directory / _INDEX).write_text(json.dumps(index))
        try:
            os.rename(self._directory, self._place)
        except OSError:
            if not self._place.is_dir():
                raise
        self._drop()


def _piece_name(number: int) -> str:
    return f"{number:05}.safetensors"


def _packed(array: Any) -> Arrays:
    """An array as arrays of numbers, by what their names end with."""
    if array.dtype != object:
        return {"": np.ascontiguousarray(array).reshape(array.shape)}
    items = [bytes(item) for item in array.reshape(-1)]
    lengths = np.array([len(item) for item in items], np.int64).reshape(array.shape)
    return {".lengths": lengths, ".bytes": np.frombuffer(b"".join(items), np.uint8)}


# Reading.


def _read(place: Path, types: list[str]) -> Iterator[Element]:
    index = _index(place)
    if index["types"] != types:
        raise errors.FailedPreconditionError(
            None,
            None,
            f"The cache {str(place)!r} holds elements of {index['types']}, but those of the "
            f"dataset are of {types}. Remove the directory, or give another name.",
        )
    return _elements(place, index["elements"], index["pieces"], len(types))


def _index(place: Path) -> dict[str, Any]:
    try:
        index = json.loads((place / _INDEX).read_text())
        if not isinstance(index["types"], list):
            raise TypeError("no list of types")
        return {**index, "elements": int(index["elements"]), "pieces": int(index["pieces"])}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise _damaged(place, error) from error


def _elements(place: Path, count: int, pieces: int, components: int) -> Iterator[Element]:
    given = 0
    for piece in range(pieces):
        try:
            arrays = load_file(place / _piece_name(piece))
            for number in itertools.count(given):
                if not any(f"{number}.0{suffix}" in arrays for suffix in ("", ".lengths")):
                    break
                yield tuple([_unpacked(arrays, f"{number}.{i}") for i in range(components)])
                given += 1
        except (OSError, SafetensorError, KeyError, ValueError) as error:
            raise _damaged(place, error) from error
    if given != count:
        raise _damaged(place, f"{given} of {count} elements are there")


def _unpacked(arrays: Arrays, name: str) -> Any:
    if name in arrays:
        return arrays[name][()]
    lengths, content = arrays[f"{name}.lengths"], arrays[f"{name}.bytes"].tobytes()
    ends = np.cumsum(lengths.reshape(-1)).tolist()
    if np.any(lengths < 0) or (ends[-1] if ends else 0) != len(content):
        raise ValueError(f"the lengths of {name!r} are not those of its content")
    items = np.empty(lengths.size, object)
    items[:] = [content[a:b] for a, b in itertools.pairwise([0, *ends])]
    return items.reshape(lengths.shape)


def _damaged(place: Path, why: object) -> errors.DataLossError:
    return errors.DataLossError(
        None,
        None,
        f"The cache {str(place)!r} is damaged: {why}. Remove the directory; it is made again.",
    )
