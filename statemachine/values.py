"""Values of runs, as a log keeps them if it is asked to: scalars, or digests of arrays.

A value that was fed stands at the event of the run, so it is there when the run fails. A value
that a run gave, or that a hook read with a run of its own on the raw session, stands at the
ordered event that came next.

The digest of an array is SHA-256 over a line that names type and shape, such as
``float32[2,3]``, the line's end, and the elements in C order: numbers little-endian, truth values
as one byte, complex numbers as real and imaginary part; a text or byte string as its length in
bytes (UTF-8 for a text), eight bytes little-endian, and its bytes. The type is NumPy's name,
``string`` for texts and byte strings. Anybody can compute it without this package.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property, lru_cache
from operator import attrgetter
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, Literal, cast

import attrs
import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    import pyarrow as pa

Record = Literal["scalars", "digests"]
"""What is kept of values."""
RECORDS: Final[tuple[Record, ...]] = ("scalars", "digests")

MAX_TEXT: Final = 200
"""How much of a text or a name is kept, in characters."""
_VALUES_OF_RECORD: Final = 256
_EXACT: Final = 1 << 53
_LARGEST_BITS: Final = 500
_SMALL: Final = 4096
"""Bytes of an array that are copied faster than looked at."""


@attrs.frozen
class Value:
    """A value of a run, or what is kept of it.

    Attributes:
        role: `"fetched"`, `"fed"`, or `"read"`: with a run of its own.
        by: Who asked for it or fed it: `"caller"`, `"hook 1"`, or `"session"` for the global
            step, which it reads after each run.
        name: The tensor's or operation's name; parts of a value have their field added to it.
        dtype: The type of its elements in NumPy's words; `"string"` for texts and byte strings,
            `"none"` for an operation, a class's name in angle brackets for what is no array.
        shape: Its shape, or None if it has none.
        number: A scalar as a float64, where it is a real number.
        text: A scalar that no float64 holds exactly, in words; of a long one the first part.
        whole: Whether number and text are the whole value.
        sha256: The digest, 64 hexadecimal digits, where digests are kept.
    """

    role: str
    by: str
    name: str
    dtype: str
    shape: tuple[int, ...] | None
    number: float | None = None
    text: str | None = None
    whole: bool = False
    sha256: str | None = None

    @property
    def value(self) -> object:
        """The value itself: a bool, int, float, complex or text, exactly; None if not kept."""
        if not self.whole or self.dtype == "none":
            return None
        if self.text is not None:
            return _parsed(self.text, self.dtype)
        if self.number is None:
            return None
        if self.dtype == "bool":
            return bool(self.number)
        if _is_integer(self.dtype):
            return int(self.number)
        return self.number

    def is_same(self, other: "Value") -> bool:
        """Whether nothing that is kept tells two values apart: NaN is like NaN, -0.0 not like 0."""
        return (self == other and self.number != 0) or repr(self) == repr(other)

    def __str__(self) -> str:
        return f"{self.name} = {self.words}"

    @property
    def words(self) -> str:
        """What is kept of it, in words."""
        if self.dtype == "none":
            return "done"
        if self.whole:
            return str(self.value)
        kind = self.dtype if self.shape is None else f"{self.dtype}{_bracketed(self.shape)}"
        if self.sha256 is not None:
            return f"{kind} sha256:{self.sha256[:12]}…"
        return kind if self.text is None else f"{self.text}…"


def _is_integer(dtype: str) -> bool:
    return dtype.startswith(("int", "uint"))


def _parsed(text: str, dtype: str) -> object:
    try:
        if _is_integer(dtype):
            return int(text)
        if dtype.startswith("complex"):
            return complex(text)
        if dtype.startswith("float"):
            return np.longdouble(text)
    except ValueError:  # a forged log
        return None
    return text


def _bracketed(shape: tuple[int, ...]) -> str:
    return f"[{','.join(map(str, shape))}]"


# From a run to values


# Any, here and below: a run may give anything.
def value_of(role: str, by: str, name: str, found: Any, record: Record) -> Value:
    """What is kept of something that a run gave or was fed. Never raises."""
    name = _proper(name)[0]
    if found is None:
        return Value(role, by, name, "none", None, whole=record == "scalars")
    try:
        array = _as_array(found)
    except Exception:  # what can't be converted must not end the training
        array = None
    if array is None:
        return Value(role, by, name, f"<{type(found).__name__}>", None)
    dtype, shape = dtype_of(array), array.shape
    if dtype == "object" and isinstance(found, int):
        dtype = "int"  # beyond 64 bits
    if record == "digests":
        return Value(role, by, name, dtype, shape, sha256=digest_of_array(array))
    if shape:
        return Value(role, by, name, dtype, shape)
    number, text, whole = _scalar(array)
    return Value(role, by, name, dtype, shape, number, text, whole)


def _as_array(found: Any) -> npt.NDArray[Any] | None:
    if isinstance(found, np.ndarray):
        return found
    if isinstance(found, (str, bytes)):
        return np.array(found, dtype=object)
    array = np.asarray(found)
    is_odd = array.dtype == object and not isinstance(found, (int, list, tuple))
    return None if is_odd or array.dtype.names else array


def dtype_of(array: npt.NDArray[Any]) -> str:
    """The type of an array's elements, as a log names it."""
    if array.dtype.kind in "SUT":
        return "string"
    if array.dtype == object:
        return "string" if all(isinstance(e, (str, bytes)) for e in array.flat) else "object"
    return _name_of(array.dtype)


# NumPy makes the name anew each time, and there are few types.
@lru_cache(maxsize=256)
def _name_of(dtype: np.dtype[Any]) -> str:
    return dtype.newbyteorder("=").name


def digest_of_array(array: npt.NDArray[Any]) -> str | None:
    """The digest of an array: see the module; None for objects that are no texts."""
    dtype = dtype_of(array)
    if dtype == "object":
        return None
    digest = hashlib.sha256(f"{dtype}{_bracketed(array.shape)}\n".encode())
    if dtype == "string":
        for element in array.ravel(order="C").tolist():
            data = _bytes_of(element)
            digest.update(len(data).to_bytes(8, "little") + data)
    else:
        digest.update(_little_endian(array))
    return digest.hexdigest()


def _little_endian(array: npt.NDArray[Any]) -> bytes | memoryview:
    if array.nbytes <= _SMALL and array.dtype.newbyteorder("<") == array.dtype:
        return array.tobytes()
    plain = np.ascontiguousarray(array, array.dtype.newbyteorder("<"))
    return plain.reshape(-1).view(np.uint8).data


def _bytes_of(element: str | bytes) -> bytes:
    return element if isinstance(element, bytes) else element.encode("utf-8", "surrogatepass")


def _scalar(array: npt.NDArray[Any]) -> tuple[float | None, str | None, bool]:
    """Number, text, and whether they are the whole value."""
    value = array.item()
    if isinstance(value, (bool, float)):
        return float(value), None, True
    if isinstance(value, int):
        return _integer(value)
    if isinstance(value, (str, bytes)):
        return (None, *_proper(value))
    if isinstance(value, complex):
        return None, str(value), True
    if isinstance(value, np.floating):  # wider than 64 bits
        number = float(value)
        return number, None if number == value else str(value), number == value
    return None, str(value)[:MAX_TEXT], False


def _integer(value: int) -> tuple[float | None, str | None, bool]:
    if -_EXACT <= value <= _EXACT:
        return float(value), None, True
    if value.bit_length() > _LARGEST_BITS:
        return None, f"an integer of {value.bit_length()} bits", False
    return float(value), str(value), True


def _proper(value: str | bytes) -> tuple[str, bool]:
    """A text that can be written down, and whether it is the whole value."""
    whole = len(value) <= MAX_TEXT
    head = value[:MAX_TEXT]
    try:
        text = head.decode() if isinstance(head, bytes) else head.encode().decode()
    except UnicodeError:
        told = head if isinstance(head, bytes) else head.encode("utf-8", "backslashreplace")
        return told.decode("utf-8", "backslashreplace"), False
    return text, whole


# In the tail: JSON


_ALL_FIELDS: Final = tuple(field.name for field in attrs.fields(Value))
_row_of: Final = attrgetter(*_ALL_FIELDS)


_PLAIN: Final[Mapping[type, str]] = {
    **{np.dtype(kind).type: np.dtype(kind).name for kind in "?bhilqBHILQefd"},
    **{kind: np.dtype(kind).name for kind in (bool, int, float)},
}
"""Types of numbers, with the names that a log has for them."""


def row_of(role: str, by: str, name: str, found: Any, record: Record) -> str:
    """What `value_of` makes of something, as JSON; quickly for the usual scalar. Never raises."""
    if record == "scalars":
        kind = type(found)
        if kind is np.ndarray and not found.shape:
            kind = found.dtype.type
        dtype = _PLAIN.get(kind)
        if dtype is not None:
            number = found if kind is type(found) and kind in (bool, int, float) else found.item()
            if -_EXACT <= number <= _EXACT:  # NaN and infinity are not
                return (
                    f"{_start_of_row(role, by, name, dtype, ())}{float(number)!r},null,true,null]"
                )
    value = value_of(role, by, name, found, record)
    if value.sha256 is not None:
        start = _start_of_row(role, by, name, value.dtype, value.shape)
        return f'{start}null,null,false,"{value.sha256}"]'
    return _json(_row_of(value))


# A session asks for the same again and again.
@lru_cache(maxsize=1024)
def _start_of_row(role: str, by: str, name: str, dtype: str, shape: tuple[int, ...] | None) -> str:
    return _json([role, by, _proper(name)[0], dtype, shape])[:-1] + ","


def _json(row: Sequence[object]) -> str:
    return json.dumps(row, separators=(",", ":"), ensure_ascii=False)


def written(rows: Sequence[str]) -> Iterator[str]:
    """Rows as JSON, in as many texts as are needed."""
    for start in range(0, len(rows), _VALUES_OF_RECORD):
        yield f"[{','.join(rows[start : start + _VALUES_OF_RECORD])}]"


def read(text: str) -> tuple[Value, ...]:
    """Values from JSON; none if it is damaged."""
    try:
        return tuple(_made(*row) for row in json.loads(text))
    except (ValueError, TypeError, IndexError, RecursionError):
        return ()


# Any: what JSON holds; the writer's own tail is no evidence.
def _made(role: Any, by: Any, name: Any, dtype: Any, shape: Any, *kept: Any) -> Value:
    return Value(role, by, name, dtype, None if shape is None else tuple(shape), *kept)


# In a sealed block: a column


ValuesByPosition = Mapping[int, tuple[Value, ...]]
"""The values of a block, by the position of the event that they stand at."""
NO_VALUES: Final[ValuesByPosition] = MappingProxyType({})

_FIELDS: Final[Mapping[Record, tuple[str, ...]]] = {
    "scalars": ("role", "by", "name", "dtype", "shape", "number", "text", "whole"),
    "digests": ("role", "by", "name", "dtype", "shape", "sha256"),
}


def column_type(record: Record) -> "pa.DataType":
    """The type of the column: a list of structures for each event, null for most."""
    import pyarrow as pa

    types = {
        "role": pa.string(),
        "by": pa.string(),
        "name": pa.string(),
        "dtype": pa.string(),
        "shape": pa.list_(pa.int64()),
        "number": pa.float64(),
        "text": pa.string(),
        "whole": pa.bool_(),
        "sha256": pa.string(),
    }
    return pa.list_(pa.struct([(name, types[name]) for name in _FIELDS[record]]))


def column_of(values: ValuesByPosition, events: int, record: Record) -> "pa.Array":
    """The column of a block of so many events."""
    import pyarrow as pa

    kind = column_type(record)
    if isinstance(values, ColumnValues) and len(values.column) == events:
        return values.column
    counts = np.zeros(events, np.int64)
    for position, here in values.items():
        counts[position] = len(here)
    flat = [value for _, here in sorted(values.items()) for value in here]
    fields = kind.value_type
    arrays = [
        pa.array([getattr(v, field.name) for v in flat], field.type)
        for field in (fields.field(n) for n in range(fields.num_fields))
    ]
    offsets = np.concatenate(([0], np.cumsum(counts))).astype(np.int32)
    structures = pa.StructArray.from_arrays(arrays, fields=list(fields))
    mask = pa.array(counts == 0)
    return pa.ListArray.from_arrays(pa.array(offsets), structures, type=kind, mask=mask)


class ColumnValues(Mapping[int, tuple[Value, ...]]):
    """The values that a column holds; decoded when they are first looked at.

    Args:
        column: The column, as `column_of` makes it.

    Attributes:
        column: The same.
    """

    def __init__(self, column: "pa.Array") -> None:
        self.column = column

    @classmethod
    def of(cls, column: "pa.Array") -> ValuesByPosition:
        """The values of a column."""
        return cls(column) if column.null_count < len(column) else NO_VALUES

    @cached_property
    def _positions(self) -> list[int]:
        held: npt.NDArray[np.int64] = np.flatnonzero(
            self.column.is_valid().to_numpy(zero_copy_only=False)
        )
        return cast(list[int], held.tolist())

    @cached_property
    def _held(self) -> frozenset[int]:
        return frozenset(self._positions)

    @cached_property
    def _decoded(self) -> dict[int, tuple[Value, ...]]:
        found = self.column.drop_null().to_pylist()
        return {
            position: tuple(_value_of_row(row) for row in rows)
            for position, rows in zip(self._positions, found, strict=True)
        }

    def __getitem__(self, position: int) -> tuple[Value, ...]:
        if position not in self._held:  # most events have none: nothing is decoded to say so
            raise KeyError(position)
        return self._decoded[position]

    def __iter__(self) -> Iterator[int]:
        return iter(self._positions)

    def __len__(self) -> int:
        return len(self._positions)


def _value_of_row(row: Mapping[str, Any] | None) -> Value:
    fields = {name: found for name, found in (row or {}).items() if found is not None}
    texts = {name: fields.get(name, "") for name in ("role", "by", "name", "dtype")}
    shape = fields.pop("shape", None)
    shape = None if shape is None else tuple(size or 0 for size in shape)
    return Value(**{**fields, **texts, "shape": shape})


def holds_role(values: ValuesByPosition, role: str) -> bool:
    """Whether there is a value of this role; of a column nothing else is decoded."""
    if isinstance(values, ColumnValues):
        return role in values.column.flatten().field("role").unique().to_pylist()
    return any(value.role == role for here in values.values() for value in here)


def last_of_role(values: ValuesByPosition, role: str) -> tuple[Value, ...]:
    """The values of this role at the last event that has some."""
    for position in sorted(values, reverse=True):
        found = tuple(value for value in values[position] if value.role == role)
        if found:
            return found
    return ()


def part_of(values: ValuesByPosition, start: int, stop: int) -> ValuesByPosition:
    """The values from position `start` up to, but not including, `stop`."""
    if not values or (start == 0 and stop > max(values)):
        return values
    return {at - start: values[at] for at in values if start <= at < stop}


def gathered(records: Iterable[tuple[int, str]]) -> dict[int, tuple[Value, ...]]:
    """Values by slot, from the texts of a tail."""
    found: dict[int, tuple[Value, ...]] = {}
    for slot, text in records:
        found[slot] = found.get(slot, ()) + read(text)
    return found
