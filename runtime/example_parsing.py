"""Tensors out of ``tf.train.Example`` messages: what features are wanted, and the parsing.

Needs the extra ``records`` (``pip install 'monitored-session[records]'``).

Source of the names and rules: the tf.compat.v1 documentation of each function.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple, TypeAlias

import attrs
import numpy as np

from runtime.data.files import text
from runtime.example_messages import message
from runtime.graph import dtypes
from runtime.graph.convert import TensorLike, convert_to_tensor
from runtime.graph.definition import Definition, Kernel, Spec, View, not_differentiable
from runtime.graph.dtypes import DType, as_dtype
from runtime.graph.export import export
from runtime.graph.ops.array import reshape
from runtime.graph.shapes import as_dims, fully_known
from runtime.graph.sparse_tensor import SparseTensor
from runtime.graph.tensor import Tensor

__all__ = [
    "FixedLenFeature",
    "FixedLenSequenceFeature",
    "SparseFeature",
    "VarLenFeature",
    "parse_example",
    "parse_single_example",
    "parse_single_sequence_example",
]

Array: TypeAlias = Any  # numbers of any type, or strings
Rows: TypeAlias = Sequence[Sequence[Any]]  # for each example its features, or None, of one column
Sizes: TypeAlias = tuple[int, ...]

_LISTS: Final = {
    dtypes.int64: "int64_list",
    dtypes.float32: "float_list",
    dtypes.string: "bytes_list",
}
_TYPES: Final = {name: dtype.name for dtype, name in _LISTS.items()}


@export("FixedLenFeature", "io.FixedLenFeature")
class FixedLenFeature(NamedTuple):
    """A feature with as many values in each example.

    Attributes:
        shape: Their shape.
        dtype: int64, float32 or string.
        default_value: What stands for values that are missing; they must not be if None.
    """

    shape: Any
    dtype: Any
    default_value: Any = None


@export("VarLenFeature", "io.VarLenFeature")
class VarLenFeature(NamedTuple):
    """A feature with any number of values, which becomes a `SparseTensor`.

    Attributes:
        dtype: int64, float32 or string.
    """

    dtype: Any


@export("FixedLenSequenceFeature", "io.FixedLenSequenceFeature")
class FixedLenSequenceFeature(NamedTuple):
    """A feature with a sequence of values, filled up to the longest of a batch.

    Attributes:
        shape: The shape of an item of the sequence.
        dtype: int64, float32 or string.
        allow_missing: Whether it may be missing, and is empty then.
        default_value: What a sequence is filled up with; 0 or the empty string if None.
    """

    shape: Any
    dtype: Any
    allow_missing: bool = False
    default_value: Any = None


@export("SparseFeature", "io.SparseFeature")
class SparseFeature(NamedTuple):
    """Two features, of values and of where they are, which become a `SparseTensor`.

    Attributes:
        index_key: The feature with indices; a list of them if there are several axes.
        value_key: The feature with values.
        dtype: The values' type: int64, float32 or string.
        size: The size; a list of them if there are several axes.
        already_sorted: Whether the values are in the order of their indices.
    """

    index_key: Any
    value_key: Any
    dtype: Any
    size: Any
    already_sorted: bool = False


# What becomes of the features of some examples.


def _values(feature: Any, key: str, dtype: DType, number: int) -> Array | None:
    """The values of a feature; None if there are none."""
    kind = None if feature is None else feature.WhichOneof("kind")
    if kind is None:
        return None
    if kind != _LISTS[dtype]:
        raise ValueError(
            f"Key: {key}, example {number}. Data types don't match. Data type: "
            f"{_TYPES[kind]} but expected type: {dtype.name}"
        )
    values = getattr(feature, kind).value
    if dtype is not dtypes.string:
        return np.array(values, dtype.numpy)
    array = np.empty(len(values), object)
    array[:] = list(values)
    return array


def _blank(dtype: DType) -> Any:
    return b"" if dtype is dtypes.string else 0


@attrs.frozen
class _Dense:
    """As many values in each example."""

    keys: tuple[str, ...]
    dtype: DType
    sizes: Sizes
    required: bool

    def specs(self, batch: int | None) -> list[Spec]:
        return [Spec(self.dtype, (batch, *self.sizes))]

    def join(self, rows: Rows, default: Array) -> list[Array]:
        count = math.prod(self.sizes)
        joined = np.empty((len(rows), count), self.dtype.numpy)
        for number, (feature,) in enumerate(rows):
            values = _values(feature, self.keys[0], self.dtype, number)
            if values is None:
                if self.required:
                    raise ValueError(
                        f"Feature: {self.keys[0]} (data type: {self.dtype.name}) is required but "
                        f"could not be found in example {number}. Give a default_value if it may "
                        "be missing."
                    )
                values = default.reshape(-1)
            if values.size != count:
                raise ValueError(
                    f"Key: {self.keys[0]}, Index: {number}. Number of {self.dtype.name} values != "
                    f"expected. Values size: {values.size} but output shape: {list(self.sizes)}"
                )
            joined[number] = values
        return [joined.reshape(len(rows), *self.sizes)]

    def of_one(self, joined: list[Array]) -> list[Array]:
        return [joined[0][0]]


@attrs.frozen
class _Padded:
    """A sequence in each example, filled up to the longest."""

    keys: tuple[str, ...]
    dtype: DType
    sizes: Sizes
    required: bool

    def specs(self, batch: int | None) -> list[Spec]:
        return [Spec(self.dtype, (batch, None, *self.sizes))]

    def join(self, rows: Rows, default: Array) -> list[Array]:
        each = math.prod(self.sizes)
        found = [self._items(feature, number) for number, (feature,) in enumerate(rows)]
        longest = max((len(items) for items in found), default=0)
        joined = np.empty((len(rows), longest, each), self.dtype.numpy)
        joined[...] = default.reshape(-1)[0]
        for row, items in zip(joined, found, strict=True):
            row[: len(items)] = items
        return [joined.reshape(len(rows), longest, *self.sizes)]

    def _items(self, feature: Any, number: int) -> Array:
        each = math.prod(self.sizes)
        values = _values(feature, self.keys[0], self.dtype, number)
        if values is None:
            values = np.empty(0, self.dtype.numpy)
        if not each or values.size % each:
            raise ValueError(
                f"Key: {self.keys[0]}, Index: {number}. Number of {self.dtype.name} values is not "
                f"a multiple of stride length. Values size: {values.size} but output shape: "
                f"{list(self.sizes)}"
            )
        return values.reshape(-1, each)

    def of_one(self, joined: list[Array]) -> list[Array]:
        return [joined[0][0]]


def _sparse_specs(dtype: DType, axes: int) -> list[Spec]:
    return [
        Spec(dtypes.int64, (None, axes)),
        Spec(dtype, (None,)),
        Spec(dtypes.int64, (axes,)),
    ]


def _of_one_sparse(joined: list[Array]) -> list[Array]:
    indices, values, shape = joined
    return [indices[:, 1:], values, shape[1:]]


@attrs.frozen
class _Ragged:
    """Any number of values in each example."""

    keys: tuple[str, ...]
    dtype: DType
    sizes: Sizes
    required: bool

    def specs(self, batch: int | None) -> list[Spec]:
        return _sparse_specs(self.dtype, 2)

    def join(self, rows: Rows, default: Array) -> list[Array]:
        none = np.empty(0, self.dtype.numpy)
        found = [_values(f, self.keys[0], self.dtype, number) for number, (f,) in enumerate(rows)]
        parts = [none if values is None else values for values in found]
        counts = [len(part) for part in parts]
        within = np.concatenate([np.arange(count) for count in (0, *counts)])
        indices = np.stack([np.repeat(np.arange(len(parts)), counts), within], axis=1)
        shape = np.array([len(parts), max(counts, default=0)], np.int64)
        return [indices, np.concatenate([none, *parts]), shape]

    def of_one(self, joined: list[Array]) -> list[Array]:
        return _of_one_sparse(joined)


@attrs.frozen
class _Indexed:
    """Values with their indices."""

    keys: tuple[str, ...]  # those of indices, then that of values
    dtype: DType
    sizes: Sizes
    required: bool  # whether values must be sorted

    def specs(self, batch: int | None) -> list[Spec]:
        return _sparse_specs(self.dtype, 1 + len(self.sizes))

    def join(self, rows: Rows, default: Array) -> list[Array]:
        found = [self._elements(row, number) for number, row in enumerate(rows)]
        indices = [places for places, _ in found]
        values = [np.empty(0, self.dtype.numpy), *[values for _, values in found]]
        none = np.empty((0, 1 + len(self.sizes)), np.int64)
        shape = np.array([len(rows), *self.sizes], np.int64)
        return [np.concatenate([none, *indices]), np.concatenate(values), shape]

    def _elements(self, row: Sequence[Any], number: int) -> tuple[Array, Array]:
        *where, what = row
        none = np.empty(0, np.int64)
        values = _values(what, self.keys[-1], self.dtype, number)
        values = np.empty(0, self.dtype.numpy) if values is None else values
        axes = [_values(f, k, dtypes.int64, number) for f, k in zip(where, self.keys, strict=False)]
        places = [none if axis is None else axis for axis in axes]
        if any(len(axis) != len(values) for axis in places):
            raise ValueError(
                f"Feature: {self.keys[-1]}, example {number}: there are {len(values)} values, but "
                f"{[len(axis) for axis in places]} indices in {list(self.keys[:-1])}"
            )
        for axis, size, key in zip(places, self.sizes, self.keys, strict=False):
            if np.any((axis < 0) | (axis >= size)):
                raise ValueError(f"Key: {key}, example {number}: an index is not below {size}")
        if self.required and places:
            order = np.lexsort(places[::-1])
            places, values = [axis[order] for axis in places], values[order]
        first = np.full(len(values), number, np.int64)
        return np.stack([first, *places], axis=1), values

    def of_one(self, joined: list[Array]) -> list[Array]:
        return _of_one_sparse(joined)


_Column: TypeAlias = _Dense | _Padded | _Ragged | _Indexed
_KINDS: Final[Mapping[str, Any]] = {  # classes of columns
    "dense": _Dense,
    "padded": _Padded,
    "ragged": _Ragged,
    "indexed": _Indexed,
}


# The operation. Its inputs are strings, then for each column what stands for missing values. Its
# columns are attributes in a form that a file can hold.


def _columns(view: View) -> list[_Column]:
    return [
        _KINDS[kind](keys, dtype, tuple(sizes), required)
        for kind, keys, dtype, sizes, required in view["columns"]
    ]


def _infer(view: View) -> tuple[Spec, ...]:
    one = view["single"]
    dims = view.first.dims
    batch = dims[0] if dims else None
    found = [(column, spec) for column in _columns(view) for spec in column.specs(batch)]
    return tuple(_spec_of_one(column, spec) if one else spec for column, spec in found)


def _spec_of_one(column: _Column, spec: Spec) -> Spec:
    dims = spec.dims or ()
    if isinstance(column, (_Dense, _Padded)):
        return Spec(spec.dtype, dims[1:])
    # Indices and shapes have one axis less to tell of; values are as many.
    return Spec(spec.dtype, tuple(size if size is None else size - 1 for size in dims))


def _bind(view: View) -> Kernel:
    columns, single, kind = _columns(view), view["single"], view["message"]
    part = view["part"]

    def parse(serialized: Any, *defaults: Any) -> Any:
        features = [
            _features(bytes(item), number, kind, part)
            for number, item in enumerate(serialized.reshape(-1))
        ]
        arrays: list[Array] = []
        for column, default in zip(columns, defaults, strict=True):
            rows = [tuple(_get(found, key) for key in column.keys) for found in features]
            joined = column.join(rows, default)
            arrays += column.of_one(joined) if single else joined
        return _given(arrays)

    return parse


def _given(arrays: list[Array]) -> Any:
    """What a kernel gives: scalars of string are arrays, other scalars are scalars."""
    given = [text(a) if isinstance(a, bytes) else a for a in arrays]
    return tuple(given) if len(given) != 1 else given[0]


def _features(content: bytes, number: int, kind: str, part: str) -> Any:
    return getattr(_parsed(content, number, kind), part).feature


def _parsed(content: bytes, number: int, kind: str) -> Any:
    from google.protobuf.message import DecodeError

    try:
        return message(kind).FromString(content)
    except DecodeError as error:
        shown = content if len(content) <= 40 else content[:37] + b"..."
        raise ValueError(
            f"Could not parse example input {number}, which is no tf.train.{kind}: {shown!r}"
        ) from error


def _get(features: Any, key: str) -> Any:
    return features.get(key)


def _bind_lists(view: View) -> Kernel:
    """As `_bind`, for the lists of a SequenceExample: their items take the place of examples."""
    columns = _columns(view)

    def parse(serialized: Any, *defaults: Any) -> Any:
        lists = _parsed(bytes(serialized[()]), 0, "SequenceExample").feature_lists.feature_list
        arrays: list[Array] = []
        for column, default in zip(columns, defaults, strict=True):
            (key,) = column.keys
            found = _get(lists, key)
            if found is None and column.required:
                raise ValueError(
                    f"Feature list '{key}' is required but could not be found. Give "
                    "allow_missing=True if it may be missing."
                )
            items = () if found is None else found.feature
            arrays += column.join([(item,) for item in items], default)
        return _given(arrays)

    return parse


PARSE: Final = Definition("ParseExampleV2", _infer, bind=_bind, gradient=not_differentiable)
PARSE_LISTS: Final = Definition(
    "ParseSequenceLists", _infer, bind=_bind_lists, gradient=not_differentiable
)


# What users call.


def _dtype_of(key: str, dtype: Any) -> DType:
    found = as_dtype(dtype)
    if found not in _LISTS:
        raise TypeError(
            f"Feature {key!r} can't be of {found.name}: examples hold int64, float32 and string. "
            "Use tf.cast, or tf.decode_raw, afterwards."
        )
    return found


def _sizes(key: str, shape: Any) -> Sizes:
    dims = as_dims(shape)
    if not fully_known(dims):
        raise ValueError(
            f"The shape {shape!r} of feature {key!r} must be known. Consider using "
            "FixedLenSequenceFeature or VarLenFeature."
        )
    return tuple(size for size in dims or () if size is not None)


def _described(key: str, feature: Any) -> tuple[tuple[Any, ...], Tensor]:
    """A column as the attribute of an operation, and what stands for missing values."""
    dtype = _dtype_of(key, getattr(feature, "dtype", dtypes.string))
    fill = convert_to_tensor(_blank(dtype), dtype)
    match feature:
        case FixedLenFeature(shape, _, default):
            sizes = _sizes(key, shape)
            if default is not None:
                fill = reshape(convert_to_tensor(default, dtype), list(sizes))
            return ("dense", (key,), dtype, sizes, default is None), fill
        case FixedLenSequenceFeature(shape, _, allow_missing, default):
            if not allow_missing:
                raise ValueError(
                    "Unsupported: FixedLenSequenceFeature requires allow_missing to be True, as "
                    f"of {key!r}"
                )
            if default is not None:
                fill = convert_to_tensor(default, dtype)
            return ("padded", (key,), dtype, _sizes(key, shape), False), fill
        case VarLenFeature():
            return ("ragged", (key,), dtype, (), False), fill
        case SparseFeature(index_key, value_key, _, size, already_sorted):
            keys = [index_key] if isinstance(index_key, str) else list(index_key)
            sizes = tuple(size) if isinstance(size, (list, tuple)) else (int(size),)
            return ("indexed", (*keys, value_key), dtype, sizes, not already_sorted), fill
    raise _unknown(key, feature)


def _described_list(key: str, feature: Any) -> tuple[tuple[Any, ...], Tensor]:
    match feature:
        case FixedLenSequenceFeature(shape, dtype, allow_missing, _):
            column, fill = _described(key, FixedLenFeature(shape, dtype))
            return (*column[:-1], not allow_missing), fill
        case VarLenFeature():
            return _described(key, feature)
    raise _unknown(key, feature)


def _unknown(key: str, feature: Any) -> ValueError:
    return ValueError(
        f"Invalid feature {key}:{feature!r}. There are FixedLenFeature, FixedLenSequenceFeature, "
        "VarLenFeature and SparseFeature."
    )


def _added(
    definition: Definition,
    serialized: TensorLike,
    described: Mapping[str, tuple[tuple[Any, ...], Tensor]],
    name: str | None,
    **attributes: Any,  # of any type
) -> dict[str, Any]:
    """Adds the operation; its results by feature."""
    columns = [column for column, _ in described.values()]
    inputs = [
        convert_to_tensor(serialized, dtypes.string),
        *[fill for _, fill in described.values()],
    ]
    op = definition.create(inputs, {"columns": columns, **attributes}, name)
    outputs = iter(op.outputs)
    return {
        key: _taken(column[0], outputs)
        for key, (column, _) in zip(described, described.values(), strict=True)
    }


def _taken(kind: str, outputs: Any) -> Any:
    if kind in ("dense", "padded"):
        return next(outputs)
    return SparseTensor(next(outputs), next(outputs), next(outputs))


def _check_features(features: Any) -> None:
    if not features:
        raise ValueError("Missing features: give a dictionary of at least one.")


@export("parse_example", "io.parse_example")
def parse_example(
    serialized: TensorLike,
    features: Mapping[str, Any],
    name: str | None = None,
    example_names: TensorLike = None,
) -> dict[str, Any]:
    """Tensors out of examples.

    Source: the ``tf.compat.v1.io.parse_example`` documentation.

    Args:
        serialized: A vector of strings, each a serialized `tf.train.Example`; or a scalar.
        features: What is wanted, by the names of features: `FixedLenFeature`, `VarLenFeature`,
            `FixedLenSequenceFeature` or `SparseFeature`.
        name: Name of the operation.
        example_names: Without effect.

    Returns:
        By name: tensors with the batch as first axis, or `SparseTensor`. An example that does not
        fit fails with InvalidArgumentError in the run.

    Raises:
        TypeError: If a feature has a type that examples don't have.
        ValueError: If no feature is wanted, or one is not described well.
    """
    _check_features(features)
    strings = convert_to_tensor(serialized, dtypes.string)
    return _added(
        PARSE,
        strings,
        {key: _described(key, features[key]) for key in sorted(features)},
        name or "ParseExample",
        single=strings.dims == (),
        message="Example",
        part="features",
    )


@export("parse_single_example", "io.parse_single_example")
def parse_single_example(
    serialized: TensorLike,
    features: Mapping[str, Any],
    name: str | None = None,
    example_names: TensorLike = None,
) -> dict[str, Any]:
    """Tensors out of one example.

    Source: the ``tf.compat.v1.io.parse_single_example`` documentation.

    Args:
        serialized: A scalar of string: a serialized `tf.train.Example`.
        features: As for `parse_example`.
        name: Name of the operation.
        example_names: Without effect.

    Returns:
        By name: tensors, or `SparseTensor`.

    Raises:
        TypeError: If a feature has a type that examples don't have.
        ValueError: If no feature is wanted, or one is not described well, or there are several
            examples.
    """
    strings = convert_to_tensor(serialized, dtypes.string)
    return parse_example(_scalar(strings), features, name or "ParseSingleExample")


def _scalar(strings: Tensor) -> Tensor:
    if strings.dims not in ((), None):
        raise ValueError(
            f"Input serialized must be a scalar, but {strings.name!r} has shape {strings.shape}. "
            "tf.parse_example takes a vector."
        )
    return strings if strings.dims == () else reshape(strings, [])


@export("parse_single_sequence_example", "io.parse_single_sequence_example")
def parse_single_sequence_example(
    serialized: TensorLike,
    context_features: Mapping[str, Any] | None = None,
    sequence_features: Mapping[str, Any] | None = None,
    example_name: TensorLike = None,
    name: str | None = None,
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Tensors out of one example with sequences.

    Source: the ``tf.io.parse_single_sequence_example`` documentation.

    Args:
        serialized: A scalar of string: a serialized `tf.train.SequenceExample`.
        context_features: What is wanted of its context, as for `parse_example`.
        sequence_features: What is wanted of its sequences: `FixedLenSequenceFeature` or
            `VarLenFeature`.
        example_name: Without effect.
        name: Name of the operation.

    Returns:
        The context by name; the sequences by name, with the place in the sequence as first axis.

    Raises:
        TypeError: If a feature has a type that examples don't have.
        ValueError: If no feature is wanted, or one is not described well.
    """
    if not (context_features or sequence_features):
        raise ValueError("Missing features: give context_features or sequence_features.")
    strings = _scalar(convert_to_tensor(serialized, dtypes.string))
    name = name or "ParseSingleSequenceExample"
    context: dict[str, Any] = {}
    sequences: dict[str, Any] = {}
    if context_features:
        described = {
            key: _described(key, context_features[key]) for key in sorted(context_features)
        }
        how = {"single": True, "message": "SequenceExample", "part": "context"}
        context = _added(PARSE, strings, described, name, **how)
    if sequence_features:
        described = {
            key: _described_list(key, sequence_features[key]) for key in sorted(sequence_features)
        }
        sequences = _added(PARSE_LISTS, strings, described, name, single=False)
    return context, sequences
