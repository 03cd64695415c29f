"""Strings and files as tensors: reading files, taking records apart, numbers out of text.

Source of the names and rules: the tf.compat.v1 documentation of each function.
"""

import glob
import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import attrs
import numpy as np

from runtime.graph import dtypes
from runtime.graph.convert import TensorLike, convert_to_tensor
from runtime.graph.definition import Definition, Kernel, Spec, View, not_differentiable
from runtime.graph.dtypes import DType, as_dtype
from runtime.graph.export import export
from runtime.graph.ops.rules import fixed, renamed
from runtime.graph.sparse_tensor import SparseTensor, SparseTensorValue
from runtime.graph.tensor import Tensor

__all__ = [
    "SparseTensor",
    "SparseTensorValue",
    "decode_csv",
    "decode_raw",
    "matching_files",
    "read_file",
    "string_split",
    "strings_split",
    "write_file",
]

_NUMBER = re.compile(rb"\s*[+-]?(\d+\.?\d*([eE][+-]?\d+)?|\.\d+([eE][+-]?\d+)?|inf|nan)\s*", re.I)
_INTEGER = re.compile(rb"\s*[+-]?\d+\s*")


def _strings(value: TensorLike) -> Tensor:
    return convert_to_tensor(value, dtypes.string)


def _define(name: str, infer: Any, **how: Any) -> Definition:  # Any: arguments of a definition
    return Definition(name, infer, gradient=not_differentiable, **how)


# Files.


def _content(name: Any) -> Any:
    from runtime.data.files import opened, text  # its package takes sparse tensors from here

    with opened(bytes(name[()]).decode()) as file:
        return text(file.read())


def _write(name: Any, content: Any) -> None:
    from runtime.files import GFile

    with GFile(bytes(name[()]).decode(), "wb") as file:
        file.write(bytes(content[()]))


def _matching(patterns: Any) -> Any:
    names = {n for pattern in patterns.reshape(-1) for n in glob.glob(bytes(pattern).decode())}
    found = np.empty(len(names), dtype=object)
    found[:] = [name.encode() for name in sorted(names)]
    return found


READ_FILE = _define("ReadFile", fixed(dtypes.string, ()), kernel=_content, stateful=True)
WRITE_FILE = _define("WriteFile", lambda view: (), kernel=_write, stateful=True)
MATCHING_FILES = _define(
    "MatchingFiles", fixed(dtypes.string, (None,)), kernel=_matching, stateful=True
)


@export("read_file", "io.read_file")
def read_file(filename: TensorLike, name: str | None = None) -> Tensor:
    """The content of a file.

    Args:
        filename: A scalar of string.
        name: Name of the operation.

    Returns:
        A scalar of string. If there is no such file the run fails with NotFoundError.
    """
    return READ_FILE(_strings(filename), name=name)  # type: ignore[no-any-return]  # a tensor


@export("write_file", "io.write_file")
def write_file(filename: TensorLike, contents: TensorLike, name: str | None = None) -> Any:
    """Writes a file.

    Args:
        filename: A scalar of string; directories are made where there are none.
        contents: A scalar of string.
        name: Name of the operation.

    Returns:
        The operation.
    """
    return WRITE_FILE(_strings(filename), _strings(contents), name=name)


@export("matching_files", "io.matching_files")
def matching_files(pattern: TensorLike, name: str | None = None) -> Tensor:
    """The names of files that match a pattern, sorted.

    Args:
        pattern: A pattern such as ``"data/*.txt"``, or a vector of patterns.
        name: Name of the operation.

    Returns:
        A vector of strings.
    """
    return MATCHING_FILES(_strings(pattern), name=name)  # type: ignore[no-any-return]  # a tensor


# Numbers.


def _as_number(item: bytes, dtype: DType) -> Any:
    pattern = _INTEGER if dtype.is_integer else _NUMBER
    if not pattern.fullmatch(item):
        raise ValueError(f"{item!r} is no number")
    number = int(item) if dtype.is_integer else float(item)
    if dtype.is_integer and not dtype.min <= number <= dtype.max:
        raise ValueError(f"{number} is out of the range of {dtype.name}.")
    return number


def _bind_raw(view: View) -> Kernel:
    kind = view["dtype"].numpy.newbyteorder("<" if view["little_endian"] else ">")

    def decode(value: Any) -> Any:
        sizes = {len(item) for item in value.reshape(-1)} or {0}
        if len(sizes) > 1:
            raise ValueError(f"DecodeRaw needs strings of one length, but they have {sizes}.")
        (size,) = sizes
        if size % kind.itemsize:
            raise ValueError(
                f"Input to DecodeRaw has length {size} that is not a multiple of {kind.itemsize}, "
                f"the size of {view['dtype'].name}"
            )
        content = np.frombuffer(b"".join(value.reshape(-1)), kind)
        return content.astype(view["dtype"].numpy).reshape(*value.shape, size // kind.itemsize)

    return decode


DECODE_RAW = _define(
    "DecodeRaw",
    lambda view: Spec(view["dtype"], None if view.first.dims is None else (*view.first.dims, None)),
    bind=_bind_raw,
)


@export("decode_raw", "io.decode_raw")
def decode_raw(
    input_bytes: TensorLike = None,
    out_type: Any = None,
    little_endian: bool = True,
    name: str | None = None,
    bytes: TensorLike = None,  # TensorFlow's name
) -> Tensor:
    """The numbers that strings hold as bytes.

    Args:
        input_bytes: Strings of one length.
        out_type: The element type of the numbers.
        little_endian: Whether the least byte of a number comes first.
        name: Name of the operation.
        bytes: The old name of `input_bytes`.

    Returns:
        A tensor with one axis more.

    Raises:
        ValueError: If the type is missing.
    """
    given = renamed(input_bytes, bytes, "input_bytes", "bytes")
    if out_type is None:
        raise ValueError("decode_raw needs out_type: the element type of the numbers.")
    return DECODE_RAW(  # type: ignore[no-any-return]  # a tensor
        _strings(given), dtype=as_dtype(out_type), little_endian=little_endian, name=name
    )


# Records of comma-separated values.


@attrs.frozen
class _Csv:
    """How records are written."""

    delimiter: str
    quotes: bool
    missing: bytes
    columns: tuple[int, ...] | None

    def fields(self, record: bytes, number: int) -> list[bytes]:
        """The fields of a record."""
        line = record.decode("latin-1")
        found = list(self._fields(line, number)) if self.quotes else line.split(self.delimiter)
        encoded = [field.encode("latin-1") for field in found]
        if self.columns is None:
            return encoded
        if self.columns and self.columns[-1] >= len(encoded):
            raise ValueError(
                f"Expect at least {self.columns[-1] + 1} fields but have {len(encoded)} in record "
                f"{number}"
            )
        return [encoded[column] for column in self.columns]

    def _fields(self, line: str, number: int) -> Iterator[str]:
        place = 0
        while True:
            if line[place : place + 1] == '"':
                field, place = self._quoted(line, place + 1, number)
            else:
                end = line.find(self.delimiter, place)
                end = len(line) if end < 0 else end
                field, place = line[place:end], end
                if re.search('["\r\n]', field):
                    raise ValueError(
                        f"Unquoted fields cannot have quotes/CRLFs inside, as in record {number}"
                    )
            yield field
            if place >= len(line):
                return
            place += 1

    def _quoted(self, line: str, place: int, number: int) -> tuple[str, int]:
        parts = []
        while True:
            end = line.find('"', place)
            if end < 0:
                raise ValueError(f"Quoted field has to end with quote, in record {number}")
            parts.append(line[place:end])
            if line[end + 1 : end + 2] != '"':
                break
            parts.append('"')
            place = end + 2
        if line[end + 1 : end + 2] not in ("", self.delimiter):
            raise ValueError(
                f"Quoted field has to end with quote followed by delim or end, in record {number}"
            )
        return "".join(parts), end + 1


def _bind_csv(view: View) -> Kernel:
    form = _Csv(view["delimiter"], view["quotes"], view["missing"], view["columns"])
    types: Sequence[DType] = [spec.dtype for spec in view.inputs[1:]]

    def decode(records: Any, *defaults: Any) -> Any:
        columns: list[list[Any]] = [[] for _ in types]
        for number, record in enumerate(records.reshape(-1)):
            fields = form.fields(record, number)
            if len(fields) != len(types):
                raise ValueError(
                    f"Expect {len(types)} fields but have {len(fields)} in record {number}"
                )
            for index, (field, dtype) in enumerate(zip(fields, types, strict=True)):
                value = _field(field, dtype, form.missing, defaults[index], index, number)
                columns[index].append(value)
        arrays = [_filled(c, t, records.shape) for c, t in zip(columns, types, strict=True)]
        return tuple(arrays) if len(arrays) > 1 else arrays[0]

    return decode


def _field(
    field: bytes, dtype: DType, missing: bytes, default: Any, index: int, number: int
) -> Any:
    if field in (b"", missing):
        if not default.size:
            raise ValueError(f"Field {index} is required but missing in record {number}!")
        return default.reshape(-1)[0]
    if dtype is dtypes.string:
        return field
    try:
        return _as_number(field, dtype)
    except ValueError:
        raise ValueError(
            f"Field {index} in record {number} is not a valid {dtype.name}: "
            f"{field.decode(errors='replace')}"
        ) from None


def _filled(values: list[Any], dtype: DType, shape: tuple[int, ...]) -> Any:
    array = np.empty(len(values), dtype.numpy)
    array[:] = values
    array = array.reshape(shape)
    return array if dtype is dtypes.string else array[()]


DECODE_CSV = _define(
    "DecodeCSV",
    lambda view: tuple([Spec(spec.dtype, view.first.dims) for spec in view.inputs[1:]]),
    bind=_bind_csv,
)


@export("decode_csv", "io.decode_csv")
def decode_csv(
    records: TensorLike,
    record_defaults: Sequence[TensorLike],
    field_delim: str = ",",
    use_quote_delim: bool = True,
    name: str | None = None,
    na_value: str = "",
    select_cols: Sequence[int] | None = None,
) -> list[Tensor]:
    """The columns of records of comma-separated values.

    Args:
        records: Strings, each a record.
        record_defaults: For each column a scalar or a vector of one, which is taken where a
            field is empty and tells the column's type; an empty vector if no field may be empty.
        field_delim: What separates fields.
        use_quote_delim: Whether double quotes may surround a field.
        name: Name of the operation.
        na_value: What also means an empty field.
        select_cols: The columns to take, in rising order; all if None.

    Returns:
        A tensor for each column, of the shape of `records`. A record that can't be read fails
        with InvalidArgumentError in the run.

    Raises:
        ValueError: If `select_cols` is not in rising order or has another length than
            `record_defaults`, or a default has more than one element.
        TypeError: If a column can't be of a type.
    """
    defaults = [convert_to_tensor(default) for default in record_defaults]
    for default in defaults:
        if default.dtype not in _CSV_TYPES:
            names = ", ".join(t.name for t in _CSV_TYPES)
            raise TypeError(f"decode_csv has columns of {names}, not of {default.dtype.name}.")
    columns = None if select_cols is None else tuple(int(column) for column in select_cols)
    if columns is not None:
        if list(columns) != sorted(set(columns)):
            raise ValueError(f"select_cols is not strictly increasing: {columns}.")
        if len(columns) != len(defaults):
            raise ValueError(
                f"Length of select_cols and record_defaults do not match: {len(columns)} and "
                f"{len(defaults)}."
            )
    attributes = {
        "delimiter": field_delim,
        "quotes": use_quote_delim,
        "missing": na_value.encode(),
        "columns": columns,
    }
    return list(DECODE_CSV.create([_strings(records), *defaults], attributes, name).outputs)


_CSV_TYPES = (dtypes.float32, dtypes.float64, dtypes.int32, dtypes.int64, dtypes.string)


# Parts of strings.


def _bind_split(view: View) -> Kernel:
    cut = view["cut"]

    def split(source: Any) -> Any:
        rows = [cut(bytes(item)) for item in source.reshape(-1)]
        longest = max(map(len, rows), default=0)
        places = [(row, place) for row, parts in enumerate(rows) for place in range(len(parts))]
        words = [part for parts in rows for part in parts]
        return (
            np.array(places, np.int64).reshape(-1, 2),
            _filled(words, dtypes.string, (len(words),)),
            np.array([len(rows), longest], np.int64),
        )

    return split


SPLIT = _define(
    "StringSplit",
    lambda view: (
        Spec(dtypes.int64, (None, 2)),
        Spec(dtypes.string, (None,)),
        Spec(dtypes.int64, (2,)),
    ),
    bind=_bind_split,
)


def _split(source: TensorLike, cut: Callable[[bytes], list[bytes]], name: str | None) -> Any:
    op = SPLIT.create([_strings(source)], {"cut": cut}, name)
    return SparseTensor(*op.outputs)


@export("string_split")
def string_split(
    source: TensorLike,
    sep: str | None = None,
    skip_empty: bool = True,
    delimiter: str | None = None,
    result_type: str = "SparseTensor",
    name: str | None = None,
) -> SparseTensor:
    """The parts of strings.

    Args:
        source: A vector of strings.
        sep: The characters at each of which a string is cut; a space if None. If empty, each
            character is a part.
        skip_empty: Whether empty parts are left out.
        delimiter: The old name of `sep`.
        result_type: Must be ``"SparseTensor"``.
        name: Name of the operation.

    Returns:
        The parts, a row for each string; ``.values`` holds them all.

    Raises:
        NotImplementedError: If another kind of result is asked for.
    """
    _check_sparse(result_type)
    given = renamed(sep, delimiter, "sep", "delimiter")
    at = b" " if given is None else str(given).encode()
    pattern = re.compile(b"[" + re.escape(at) + b"]") if at else None

    def cut(item: bytes) -> list[bytes]:
        parts = [item[i : i + 1] for i in range(len(item))]
        if pattern is not None:
            parts = pattern.split(item)
        return [part for part in parts if part or not skip_empty]

    return _split(source, cut, name)  # type: ignore[no-any-return]  # as it says


@export("strings.split")
def strings_split(
    input: TensorLike = None,
    sep: str | None = None,
    maxsplit: int = -1,
    result_type: str = "SparseTensor",
    source: TensorLike = None,
    name: str | None = None,
) -> SparseTensor:
    """The parts of strings, as Python's `bytes.split` gives them.

    Args:
        input: A vector of strings.
        sep: What a string is cut at; any white space if None or empty.
        maxsplit: How often it is cut at most; everywhere if negative.
        result_type: Must be ``"SparseTensor"``.
        source: Another name of `input`.
        name: Name of the operation.

    Returns:
        The parts, a row for each string; ``.values`` holds them all.

    Raises:
        NotImplementedError: If another kind of result is asked for.
    """
    _check_sparse(result_type)
    at = sep.encode() if sep else None
    given = renamed(input, source, "input", "source")
    return _split(given, lambda item: item.split(at, maxsplit), name)  # type: ignore[no-any-return]


def _check_sparse(result_type: str) -> None:
    if result_type != "SparseTensor":
        raise NotImplementedError(f"There are no results of type {result_type!r}: SparseTensor is.")
