"""The file of one checkpoint: safetensors, with the variables' names, types and shapes in front.

The file is written here and read by the safetensors library. Written here, because the library
writes a file in one call: it can neither hash what it writes nor sync it to the disk, so a file
would have to be read back. The format is simple enough: a length, a JSON header, the tensors'
bytes, those with large elements first so that all are aligned. Read by the library, because
reading is where a hostile file does harm. Nothing is ever unpickled.

The header's metadata holds ``variables`` (JSON: type and shape of each variable) and, if known,
``global_step``. It holds no time: the same values at the same step give the same bytes, hence the
same digest.

safetensors has no strings and no complex128. They are stored as

* string: a vector of bytes; first the length of each element as a little-endian int64, then all
  elements, one after the other;
* complex128: float64 with one more axis of length 2, real and imaginary part.
"""

import contextlib
import io
import json
import math
import os
import struct
import types
from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import TracebackType
from typing import Any

import attrs
import numpy as np

from runtime import errors
from runtime.background_hash import BackgroundHash
from runtime.durable_file import FileDigest, file_error, replace_file

__all__ = ["CheckpointReader", "StoredVariable", "write_checkpoint"]

Array = np.ndarray[Any, np.dtype[Any]]

_PRODUCER = "monitored-session"
_LARGEST_HEADER = 100_000_000  # The safetensors library reads no larger one.
_CHUNK_BYTES = 1 << 22
_CODE_OF_TYPE = {
    "bool": "BOOL",
    "int8": "I8",
    "int16": "I16",
    "int32": "I32",
    "int64": "I64",
    "uint8": "U8",
    "uint16": "U16",
    "uint32": "U32",
    "uint64": "U64",
    "float16": "F16",
    "float32": "F32",
    "float64": "F64",
    "complex64": "C64",
}
_TYPE_OF_CODE = {code: name for name, code in _CODE_OF_TYPE.items()}


def _integers(values: Iterable[int]) -> tuple[int, ...]:
    return tuple(values)


@attrs.frozen
class StoredVariable:
    """Type and shape of a variable in a checkpoint.

    Attributes:
        dtype: Name of the type, for example ``float32``; for a type that the graph doesn't have,
            the name that safetensors has for it.
        shape: The shape.
    """

    dtype: str
    shape: tuple[int, ...] = attrs.field(converter=_integers)

    def __str__(self) -> str:
        return f"{self.dtype}{list(self.shape)}"


def write_checkpoint(
    path: str,
    values: Mapping[str, Array | bytes],
    global_step: int | None = None,
    extra: Mapping[str, str] = types.MappingProxyType({}),
) -> FileDigest:
    """Writes a checkpoint, all of it or nothing.

    The arrays' own memory is written; no copy is made of one that is contiguous.

    Args:
        path: The file.
        values: The variables' values by name. Any shape; any type of the graph, bytes for a
            string.
        global_step: The step that the values belong to.
        extra: Other texts that are kept in the file's metadata, by name.

    Returns:
        Size and SHA-256 of the file.

    Raises:
        InvalidArgumentError: A value cannot be stored; the message names the variable.
        OpError: The file cannot be written; a subclass says why. What was there before is kept.
    """
    arrays = {name: _as_array(value) for name, value in values.items()}
    stored = {name: _encoded(name, array) for name, array in arrays.items()}
    names = sorted(stored, key=lambda name: (-stored[name].dtype.itemsize, name))
    metadata = _metadata(arrays, global_step) | dict(extra)
    header = _header({name: stored[name] for name in names}, metadata)
    return replace_file(path, _chunks(header, (stored[name] for name in names)))


class CheckpointReader:
    """A checkpoint file that is open for reading; a context manager.

    Opening does not look at the content. So the bytes can be hashed (`digest`) before anything is
    decoded; what of them is wanted can be kept on the way, so that the file is read once. A file
    that is replaced in between is noticed.

    Args:
        path: The file.

    Raises:
        NotFoundError: There is no such file.
        OpError: The file cannot be opened; a subclass says why.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        self._contents: dict[str, StoredVariable] | None = None
        self._kept: dict[str, Array] = {}
        try:
            self._descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
            self._identity = _identity(os.fstat(self._descriptor))
        except OSError as error:
            raise file_error(error, f"Opening the checkpoint {path!r} failed") from error

    def __enter__(self) -> "CheckpointReader":
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Closes the file."""
        os.close(self._descriptor)

    def digest(self, keep: Iterable[str] = ()) -> FileDigest:
        """Reads the whole file once and hashes it; nothing of what it holds is decoded.

        Args:
            keep: Names of variables whose bytes are kept on the way, so that `read` needs not
                read them again.

        Returns:
            Size and SHA-256 of the file.

        Raises:
            OpError: The file cannot be read; a subclass says why.
        """
        try:
            with (
                open(self._descriptor, "rb", buffering=0, closefd=False) as file,
                BackgroundHash() as sha256,
            ):
                head = _read_head(file)
                sha256.update(memoryview(head))
                kept, size = _places(head, set(keep), self._identity[2]), len(head)
                for piece in _pieces(file, size, kept):
                    sha256.update(piece)
                    size += len(piece)
                digest = FileDigest(size, sha256.hexdigest())
        except OSError as error:
            raise file_error(error, f"Reading the checkpoint {self._path!r} failed") from error
        self._kept = {place.name: place.array for place in kept if place.end <= size}
        return digest

    def contents(self) -> dict[str, StoredVariable]:
        """What the file holds.

        Returns:
            Type and shape of each variable, by name, sorted.

        Raises:
            DataLossError: The file is no checkpoint, is damaged, or was replaced since it was
                opened.
        """
        if self._contents is None:
            with self._decoding() as tensors:
                self._contents = self._described(tensors)
        return self._contents

    def metadata(self, name: str) -> str | None:
        """A text of the file's metadata.

        Args:
            name: Its name.

        Returns:
            The text; None if there is none.

        Raises:
            DataLossError: As for `contents`.
        """
        with self._decoding() as tensors:
            text: str | None = (tensors.metadata() or {}).get(name)
            return text

    def read(self, names: Iterable[str]) -> dict[str, Array]:
        """Reads values.

        Args:
            names: Names of variables that the file holds.

        Returns:
            Their values; arrays that nobody else uses.

        Raises:
            InvalidArgumentError: The graph doesn't have the type of a value.
            DataLossError: As for `contents`.
        """
        names, contents = list(names), self.contents()
        foreign = [f"{name} {contents[name]}" for name in names if not _is_known(contents[name])]
        if foreign:
            raise errors.InvalidArgumentError(
                None, None, f"{self._path!r} holds types that the graph doesn't have: {foreign}"
            )
        with self._decoding() as tensors:
            return {
                name: _decoded(name, contents[name], self._array(tensors, name)) for name in names
            }

    def _array(self, tensors: Any, name: str) -> Array:  # Any: the library's safe_open.
        """The array as it is stored; each one that was kept is given away once."""
        kept = self._kept.pop(name, None)
        if kept is None:
            array: Array = tensors.get_tensor(name)
            return array
        stored = tensors.get_slice(name)
        code = _CODE_OF_TYPE[kept.dtype.name]
        if (code, list(kept.shape)) != (stored.get_dtype(), list(stored.get_shape())):
            raise ValueError(f"variable {name!r} is described twice, and differently")
        return kept

    @contextlib.contextmanager
    def _decoding(self) -> Iterator[Any]:  # Any: the library's safe_open has no types.
        """The file as the library sees it; whatever is wrong with it becomes DataLossError."""
        from safetensors import SafetensorError, safe_open

        try:
            with safe_open(self._path, framework="numpy") as tensors:
                if _identity(os.stat(self._path)) != self._identity:
                    raise ValueError("it was replaced while it was being read")
                yield tensors
        except (SafetensorError, OSError, ValueError, KeyError) as error:
            raise errors.DataLossError(
                None,
                None,
                f"{self._path!r} is not a checkpoint, or it is damaged: {error}. Restore an older "
                "checkpoint of the same directory (the file 'checkpoint' there lists them), or "
                "remove this one to start without it.",
            ) from error

    # Any: the library's safe_open has no types.
    def _described(self, tensors: Any) -> dict[str, StoredVariable]:
        slices = {name: tensors.get_slice(name) for name in sorted(tensors.keys())}
        found = {name: (s.get_dtype(), tuple(s.get_shape())) for name, s in slices.items()}
        metadata = (tensors.metadata() or {}).get("variables")
        declared = {} if metadata is None else _declared(metadata)
        if metadata is not None and declared.keys() != found.keys():
            odd = sorted(declared.keys() ^ found.keys())
            raise ValueError(f"metadata and content disagree about {odd}")
        return {
            name: _described_variable(name, code, shape, declared.get(name))
            for name, (code, shape) in found.items()
        }


def _identity(status: os.stat_result) -> tuple[int, ...]:
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns


# -- writing ---------------------------------------------------------------------------------------


def _as_array(value: Array | bytes) -> Array:
    """A value as an array; strings as an array of objects, which keeps zeros at their end."""
    array = np.asarray(value)
    if array.dtype.kind not in "SU":
        return array
    objects = np.empty(array.shape, dtype=object)
    objects[...] = value
    return objects


def _encoded(name: str, value: Array) -> Array:
    """A value as an array of a type that safetensors has, little-endian, contiguous."""
    if name in ("", "__metadata__") or not _is_unicode(name):
        raise errors.InvalidArgumentError(
            None, None, f"A checkpoint cannot hold a variable with the name {name!r}; rename it."
        )
    if value.dtype == object:
        return _encoded_strings(name, value)
    if value.dtype.name == "complex128":
        value = np.stack([value.real, value.imag], axis=-1)
    if value.dtype.name not in _CODE_OF_TYPE:
        raise errors.InvalidArgumentError(
            None,
            None,
            f"Variable {name!r} has the type {value.dtype.name}, which a checkpoint cannot hold; "
            f"it can hold string, complex128, {', '.join(_CODE_OF_TYPE)}.",
        )
    return np.asarray(value, dtype=value.dtype.newbyteorder("<"), order="C")


def _is_unicode(name: str) -> bool:
    return name.encode("utf-8", "ignore").decode("utf-8") == name


def _encoded_strings(name: str, value: Array) -> Array:
    elements = [_as_bytes(name, element) for element in value.reshape(-1).tolist()]
    lengths = np.array([len(element) for element in elements], dtype="<i8").tobytes()
    return np.frombuffer(lengths + b"".join(elements), dtype=np.uint8)


# Any: an array of objects can hold anything.
def _as_bytes(name: str, element: Any) -> bytes:
    if isinstance(element, str):
        return element.encode("utf-8")
    if isinstance(element, bytes):
        return element
    raise errors.InvalidArgumentError(
        None,
        None,
        f"Variable {name!r} holds a {type(element).__name__}; a checkpoint can hold numbers, "
        "truth values and strings. Nothing is ever pickled.",
    )


def _metadata(values: Mapping[str, Array], global_step: int | None) -> dict[str, str]:
    variables = {}
    for name, value in sorted(values.items()):
        dtype = "string" if value.dtype == object else value.dtype.name
        variables[name] = [dtype, list(value.shape)]
    metadata = {} if global_step is None else {"global_step": str(global_step)}
    return metadata | {"producer": _PRODUCER, "variables": _json(variables)}


def _header(stored: Mapping[str, Array], metadata: Mapping[str, str]) -> bytes:
    """Length and JSON of the header, with blanks at the end so that the tensors are aligned."""
    entries: dict[str, object] = {"__metadata__": metadata}
    start = 0
    for name, array in stored.items():
        end = start + array.nbytes
        entries[name] = {
            "dtype": _CODE_OF_TYPE[array.dtype.name],
            "shape": list(array.shape),
            "data_offsets": [start, end],
        }
        start = end
    text = _json(entries).encode("utf-8")
    text += b" " * (-len(text) % 8)
    if len(text) > _LARGEST_HEADER:
        raise errors.InvalidArgumentError(
            None, None, f"{len(stored)} variables are too many for one checkpoint file."
        )
    return struct.pack("<Q", len(text)) + text


def _json(value: object) -> str:
    return json.dumps(value, separators=(",", ":"))


def _chunks(header: bytes, arrays: Iterable[Array]) -> Iterator[memoryview | bytes]:
    yield header
    for array in arrays:
        yield array.reshape(-1).view(np.uint8).data


# -- reading ---------------------------------------------------------------------------------------


@attrs.frozen(eq=False)
class _Place:
    """Where in the file a variable lies, and the array that its bytes are read into."""

    name: str
    start: int
    end: int
    array: Array


def _read_head(file: io.FileIO) -> bytearray:
    """The bytes in front of the tensors, as far as they are there; at least the length field."""
    head = bytearray(_read_up_to(file, 8))
    length = int.from_bytes(head, "little")
    if len(head) == 8 and length <= _LARGEST_HEADER:
        head += _read_up_to(file, length)
    return head


def _read_up_to(file: io.FileIO, count: int) -> bytearray:
    found = bytearray()
    while len(found) < count and (part := file.read(min(count - len(found), _CHUNK_BYTES))):
        found += part
    return found


def _places(head: bytearray, names: set[str], size: int) -> list[_Place]:
    """Where the variables lie; none if the header isn't as it should be.

    This only says which bytes are worth keeping. Whether the file is a checkpoint is decided by
    the library, after all has been hashed.
    """
    try:
        entries = json.loads(head[8:])
        places = [_place(name, entries[name], len(head), size) for name in names & entries.keys()]
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError, MemoryError):
        return []
    places.sort(key=lambda place: place.start)
    ends = [len(head), *(place.end for place in places)]
    apart = all(place.start >= end for place, end in zip(places, ends, strict=False))
    return places if apart else []


# Any: what json.loads gives.
def _place(name: str, entry: Any, offset: int, size: int) -> _Place:
    dtype = np.dtype(_TYPE_OF_CODE[entry["dtype"]])
    shape = tuple(_length(n) for n in entry["shape"])
    start, end = (offset + _length(n) for n in entry["data_offsets"])
    if end > size or end - start != math.prod(shape) * dtype.itemsize:
        raise ValueError(f"{name!r} does not lie in the file, or has another shape")
    return _Place(name, start, end, np.empty(shape, dtype))


def _pieces(file: io.FileIO, position: int, places: Iterable[_Place]) -> Iterator[memoryview]:
    """The rest of the file in pieces; what belongs to a place lies in its array."""
    for place in places:
        yield from _skipped(file, place.start - position)
        yield from _filled(file, place.array.reshape(-1).view(np.uint8).data)
        position = place.end
    yield from _skipped(file, None)


def _filled(file: io.FileIO, target: memoryview) -> Iterator[memoryview]:
    """Reads into an array, as far as the file goes."""
    while len(target) and (count := file.readinto(target[:_CHUNK_BYTES])):
        yield target[:count]
        target = target[count:]


def _skipped(file: io.FileIO, count: int | None) -> Iterator[memoryview]:
    """Reads bytes that nobody keeps: so many, or all that are left."""
    while count is None or count > 0:
        piece = file.read(_CHUNK_BYTES if count is None else min(count, _CHUNK_BYTES))
        if not piece:
            return
        yield memoryview(piece)
        count = None if count is None else count - len(piece)


def _declared(metadata: str) -> dict[str, StoredVariable]:
    """Type and shape of each variable as the metadata tell them."""
    try:
        variables = json.loads(metadata)
        return {
            name: StoredVariable(_text(dtype), [_length(n) for n in shape])
            for name, (dtype, shape) in variables.items()
        }
    except (ValueError, TypeError, AttributeError, RecursionError) as error:
        raise ValueError(f"its metadata about variables cannot be read ({error})") from None


# Any: what json.loads gives; these two check it.
def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is no name of a type")
    return value


def _length(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 1 << 62:
        raise TypeError(f"{value!r} is no length of an axis")
    return value


def _described_variable(
    name: str, code: str, shape: Sequence[int], declared: StoredVariable | None
) -> StoredVariable:
    found = StoredVariable(_TYPE_OF_CODE.get(code, code), shape)
    if declared is None or declared == found or _encodes(found, declared):
        return declared or found
    raise ValueError(f"variable {name!r} is declared as {declared} but stored as {found}")


def _encodes(found: StoredVariable, declared: StoredVariable) -> bool:
    """Whether a variable that is stored otherwise is stored like this."""
    if declared.dtype == "complex128":
        return found == StoredVariable("float64", (*declared.shape, 2))
    return (
        declared.dtype == "string"
        and found.dtype == "uint8"
        and len(found.shape) == 1
        and found.shape[0] >= 8 * math.prod(declared.shape)
    )


def _is_known(stored: StoredVariable) -> bool:
    return stored.dtype in _CODE_OF_TYPE or stored.dtype in ("complex128", "string")


def _decoded(name: str, described: StoredVariable, array: Array) -> Array:
    if described.dtype == "string":
        return _decoded_strings(name, described.shape, array.tobytes())
    if described.dtype == "complex128":
        return np.ascontiguousarray(array).view(np.complex128).reshape(described.shape)
    if described.dtype == "bool" and array.size and int(array.view(np.uint8).max()) > 1:
        raise ValueError(f"variable {name!r} holds truth values that are neither 0 nor 1")
    return array


def _decoded_strings(name: str, shape: tuple[int, ...], raw: bytes) -> Array:
    count = math.prod(shape)
    lengths = np.frombuffer(raw, dtype="<i8", count=count).tolist()
    result = np.empty(count, dtype=object)
    position = 8 * count
    for index, length in enumerate(lengths):
        if not 0 <= length <= len(raw) - position:
            raise ValueError(f"the strings of variable {name!r} do not fit their lengths")
        result[index] = raw[position : position + length]
        position += length
    if position != len(raw):
        raise ValueError(f"the strings of variable {name!r} do not fit their lengths")
    return result.reshape(shape)
