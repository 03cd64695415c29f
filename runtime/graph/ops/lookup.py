"""Tables: values by keys, such as the numbers of the words of a vocabulary.

Source of the names and rules: the ``tf.compat.v1.lookup`` documentation.
"""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, TypeAlias

import numpy as np

from runtime import errors
from runtime.data.files import lines
from runtime.graph import dtypes
from runtime.graph.convert import TensorLike, convert_to_tensor
from runtime.graph.definition import Definition, Kernel, Spec, View, not_differentiable
from runtime.graph.dtypes import DType, as_dtype
from runtime.graph.export import export
from runtime.graph.graph import get_default_graph
from runtime.graph.keys import GraphKeys
from runtime.graph.operation import Operation
from runtime.graph.ops.array import where
from runtime.graph.ops.math import add, cast, not_equal
from runtime.graph.ops.rules import fixed, no_output
from runtime.graph.shapes import as_dims
from runtime.graph.sparse_tensor import SparseTensor
from runtime.graph.tensor import Tensor

__all__ = [
    "KeyValueTensorInitializer",
    "LookupTable",
    "MutableHashTable",
    "StaticHashTable",
    "StaticVocabularyTable",
    "TextFileIndex",
    "TextFileInitializer",
    "string_to_hash_bucket_fast",
]

Array: TypeAlias = Any  # of any element type
Keys: TypeAlias = Any  # whatever converts to a tensor, or a SparseTensor


class TableState:
    """A table in one session.

    Args:
        ready: Whether it can be used before it was initialized: then it is empty.
    """

    def __init__(self, ready: bool) -> None:
        self._lock = threading.Lock()
        self._values: dict[Any, Any] | None = {} if ready else None

    def initialize(self, keys: list[Any], values: list[Any]) -> None:
        """Fills the table.

        Args:
            keys: The keys.
            values: As many values.

        Raises:
            FailedPreconditionError: If a key has two values.
        """
        found: dict[Any, Any] = {}
        for key, value in zip(keys, values, strict=True):
            if found.setdefault(key, value) != value:
                raise errors.FailedPreconditionError(
                    None,
                    None,
                    f"HashTable has different value for same key. Key {key!r} has "
                    f"{found[key]!r} and trying to add value {value!r}",
                )
        self._values = found

    def change(self, edit: Callable[[dict[Any, Any]], None]) -> None:
        """Changes the table as nobody sees it half changed.

        Args:
            edit: Changes a copy.
        """
        with self._lock:
            changed = dict(self.values)
            edit(changed)
            self._values = changed

    @property
    def values(self) -> dict[Any, Any]:
        """The values by key.

        Raises:
            FailedPreconditionError: If it was not initialized.
        """
        if self._values is None:
            raise errors.FailedPreconditionError(
                None, None, "Table not initialized. Run tf.tables_initializer() first."
            )
        return self._values


def _items(array: Array) -> list[Any]:
    """Elements as Python's numbers, truth values and bytes."""
    return np.asarray(array).reshape(-1).tolist()


def _array(items: list[Any], dtype: DType) -> Array:
    array = np.empty(len(items), dtype.numpy)
    array[:] = items
    return array


def _define(name: str, infer: Any = no_output, **how: Any) -> Definition:  # of a definition
    return Definition(
        name, infer, references=(0,), stateful=True, gradient=not_differentiable, **how
    )


def _bind_find(view: View) -> Kernel:
    dtype = view["value_dtype"]

    def find(table: TableState, keys: Array, default: Array) -> Array:
        get, (missing,) = table.values.get, _items(default)
        found = _array([get(key, missing) for key in _items(keys)], dtype)
        shaped = found.reshape(np.shape(keys))
        return shaped if dtype is dtypes.string else shaped[()]

    return find


def _fill_from_file(view: View) -> Kernel:
    form = _Vocabulary(**{name: view[name] for name in _Vocabulary.FIELDS})

    def fill(table: TableState, filename: Array) -> None:
        table.initialize(*form.read(bytes(np.asarray(filename, object)[()]).decode()))

    return fill


def _bind_export(view: View) -> Kernel:
    key_dtype, value_dtype = view["key_dtype"], view["value_dtype"]

    def content(table: TableState) -> tuple[Array, Array]:
        values = table.values
        return _array(list(values), key_dtype), _array(list(values.values()), value_dtype)

    return content


def _insert(table: TableState, keys: Array, values: Array) -> None:
    new = dict(zip(_items(keys), _items(values), strict=True))
    table.change(lambda content: content.update(new))


def _remove(table: TableState, keys: Array) -> None:
    gone = set(_items(keys))

    def edit(content: dict[Any, Any]) -> None:
        for key in gone & content.keys():
            del content[key]

    table.change(edit)


TABLE: Final = Definition(
    "HashTableV2",
    fixed(dtypes.resource, ()),
    state=lambda op: TableState(op.attributes["ready"]),
    stateful=True,
    gradient=not_differentiable,
)
FILL: Final = _define(
    "LookupTableImportV2",
    kernel=lambda table, keys, values: table.initialize(_items(keys), _items(values)),
)
FILL_FROM_FILE: Final = _define("InitializeTableFromTextFileV2", bind=_fill_from_file)
FIND: Final = _define(
    "LookupTableFindV2",
    lambda view: Spec(view["value_dtype"], view.inputs[1].dims),
    bind=_bind_find,
    reading=True,
)
SIZE: Final = _define(
    "LookupTableSizeV2",
    fixed(dtypes.int64, ()),
    kernel=lambda table: np.int64(len(table.values)),
    reading=True,
)
EXPORT: Final = _define(
    "LookupTableExportV2",
    lambda view: (Spec(view["key_dtype"], (None,)), Spec(view["value_dtype"], (None,))),
    bind=_bind_export,
    reading=True,
)
INSERT: Final = _define("LookupTableInsertV2", kernel=_insert)
REMOVE: Final = _define("LookupTableRemoveV2", kernel=_remove)


# What a table is filled with.


class KeyValueTensorInitializer:
    """Keys and values of a table, as tensors.

    Source: the ``tf.lookup.KeyValueTensorInitializer`` documentation.

    Args:
        keys: The keys.
        values: As many values.
        key_dtype: The keys' element type.
        value_dtype: The values' element type.
        name: Name of the operation that fills a table.

    Raises:
        ValueError: If there are not as many values as keys.
    """

    def __init__(
        self,
        keys: TensorLike,
        values: TensorLike,
        key_dtype: Any = None,
        value_dtype: Any = None,
        name: str | None = None,
    ) -> None:
        self._keys = convert_to_tensor(keys, key_dtype, name="keys")
        self._values = convert_to_tensor(values, value_dtype, name="values")
        if None not in (sizes := {as_dims(t.shape) for t in (self._keys, self._values)}) and (
            len(sizes) > 1
        ):
            raise ValueError(f"There must be as many values as keys, but the shapes are {sizes}.")
        self._name = name

    @property
    def key_dtype(self) -> DType:
        """The keys' element type."""
        return self._keys.dtype

    @property
    def value_dtype(self) -> DType:
        """The values' element type."""
        return self._values.dtype

    def initialize(self, table: Any) -> Operation:
        """Adds the operation that fills a table.

        Args:
            table: The table.

        Returns:
            The operation.
        """
        reference = table.resource_handle
        result: Operation = FILL(reference, self._keys, self._values, name=self._name)
        return result


class TextFileIndex:
    """What a column of a text file is, if it is not one between delimiters.

    Source: the ``tf.lookup.TextFileIndex`` documentation.
    """

    WHOLE_LINE = -2
    LINE_NUMBER = -1


class _Vocabulary:
    """How a text file is read into a table."""

    FIELDS: Final = (
        *("key_dtype", "key_index", "value_dtype", "value_index"),
        *("vocab_size", "delimiter", "offset"),
    )

    # Any: attributes of an operation.
    def __init__(self, **fields: Any) -> None:
        self._columns = [
            (fields["key_index"], fields["key_dtype"]),
            (fields["value_index"], fields["value_dtype"]),
        ]
        self._size: int | None = fields["vocab_size"]
        self._delimiter: bytes = fields["delimiter"].encode()
        self._offset: int = fields["offset"]

    def read(self, name: str) -> tuple[list[Any], list[Any]]:
        """Keys and values out of a file.

        Args:
            name: The file.

        Returns:
            A list of each.

        Raises:
            InvalidArgumentError: If a line does not fit, or there are too few.
            NotFoundError: If there is no such file.
        """
        rows = []
        for number, (line,) in enumerate(lines([name], "")):
            if number == self._size:
                break
            rows.append(self._row(bytes(line[()]), number, name))
        if self._size is not None and len(rows) < self._size:
            raise errors.InvalidArgumentError(
                None,
                None,
                f"Invalid vocab_size in {name}: expected {self._size} lines but got {len(rows)}",
            )
        keys, values = [key for key, _ in rows], [value for _, value in rows]
        return keys, values

    def _row(self, line: bytes, number: int, name: str) -> list[Any]:
        parts = line.split(self._delimiter)
        return [self._cell(parts, line, number, name, *column) for column in self._columns]

    def _cell(
        self, parts: list[bytes], line: bytes, number: int, name: str, index: int, dtype: DType
    ) -> Any:
        if index == TextFileIndex.LINE_NUMBER:
            return number + self._offset
        if index == TextFileIndex.WHOLE_LINE:
            return line
        try:
            return _converted(parts[index], dtype)
        except (IndexError, ValueError):
            raise errors.InvalidArgumentError(
                None,
                None,
                f"Line {number} of {name} has no {dtype.name} in column {index}: {line[:80]!r}",
            ) from None


def _converted(part: bytes, dtype: DType) -> Any:
    if dtype is dtypes.string:
        return part
    return int(part) if dtype.is_integer else float(part)


class TextFileInitializer:
    r"""Keys and values of a table, as columns of a text file.

    Source: the ``tf.lookup.TextFileInitializer`` documentation.

    Args:
        filename: The file.
        key_dtype: The keys' element type.
        key_index: Which column, from 0, is that of keys; or one of `TextFileIndex`.
        value_dtype: The values' element type.
        value_index: Which column, from 0, is that of values; or one of `TextFileIndex`.
        vocab_size: How many lines are read; all if None.
        delimiter: What separates columns.
        name: Name of the operation that fills a table.
        value_index_offset: What is added to the numbers of lines.

    Raises:
        ValueError: If a type does not fit a column.
    """

    def __init__(
        self,
        filename: TensorLike,
        key_dtype: Any,
        key_index: int,
        value_dtype: Any,
        value_index: int,
        vocab_size: int | None = None,
        delimiter: str = "\t",
        name: str | None = None,
        value_index_offset: int = 0,
    ) -> None:
        if isinstance(filename, Path):
            filename = str(filename)
        self._filename = convert_to_tensor(filename, dtypes.string, name="filename")
        self._key_dtype, self._value_dtype = as_dtype(key_dtype), as_dtype(value_dtype)
        _check_column("key", key_index, self._key_dtype)
        _check_column("value", value_index, self._value_dtype)
        get_default_graph().add_to_collection(GraphKeys.ASSET_FILEPATHS, self._filename)
        self._attributes = {
            "key_dtype": self._key_dtype,
            "key_index": int(key_index),
            "value_dtype": self._value_dtype,
            "value_index": int(value_index),
            "vocab_size": None if vocab_size is None else int(vocab_size),
            "delimiter": delimiter,
            "offset": int(value_index_offset),
        }
        self._name = name

    @property
    def key_dtype(self) -> DType:
        """The keys' element type."""
        return self._key_dtype

    @property
    def value_dtype(self) -> DType:
        """The values' element type."""
        return self._value_dtype

    def initialize(self, table: Any) -> Operation:
        """Adds the operation that fills a table.

        Args:
            table: The table.

        Returns:
            The operation.
        """
        inputs = [table.resource_handle, self._filename]
        return FILL_FROM_FILE.create(inputs, self._attributes, self._name)


def _check_column(what: str, index: int, dtype: DType) -> None:
    if index < TextFileIndex.WHOLE_LINE:
        raise ValueError(f"Invalid {what} index {index}.")
    if index == TextFileIndex.LINE_NUMBER and not dtype.is_integer:
        raise ValueError(f"The {what}s are numbers of lines, so they must be int64: {dtype.name}.")
    if index == TextFileIndex.WHOLE_LINE and dtype is not dtypes.string:
        raise ValueError(f"The {what}s are whole lines, so they must be string: {dtype.name}.")


# Tables.


class LookupTable:
    """What all tables have.

    Attributes:
        resource_handle: The tensor that stands for the table.
        name: Its name.
    """

    def __init__(
        self,
        key_dtype: DType,
        value_dtype: DType,
        default_value: TensorLike,
        name: str,
        ready: bool,
    ) -> None:
        self._key_dtype, self._value_dtype = key_dtype, value_dtype
        self._default = convert_to_tensor(default_value, value_dtype, name="default_value")
        self.resource_handle: Tensor = TABLE(
            key_dtype=key_dtype, value_dtype=value_dtype, ready=ready, name=name
        )
        self.name = self.resource_handle.op.name

    @property
    def key_dtype(self) -> DType:
        """The keys' element type."""
        return self._key_dtype

    @property
    def value_dtype(self) -> DType:
        """The values' element type."""
        return self._value_dtype

    @property
    def default_value(self) -> Tensor:
        """What is found for a key that is not there."""
        return self._default

    @property
    def table_ref(self) -> Tensor:
        """The tensor that stands for the table, by its old name."""
        return self.resource_handle

    def size(self, name: str | None = None) -> Tensor:
        """How many keys there are.

        Args:
            name: Name of the operation.

        Returns:
            A scalar of int64.
        """
        result: Tensor = SIZE(self.resource_handle, name=name)
        return result

    def lookup(self, keys: Keys, name: str | None = None) -> Any:
        """The values of keys.

        Args:
            keys: A tensor, or a `SparseTensor`.
            name: Name of the operation.

        Returns:
            A tensor of the keys' shape, or a `SparseTensor`, with the values; the default where a
            key is not there. A run before the table was initialized fails with
            FailedPreconditionError.

        Raises:
            TypeError: If the keys have another type than the table's.
        """
        if isinstance(keys, SparseTensor):
            return SparseTensor(keys.indices, self._found(keys.values, name), keys.dense_shape)
        return self._found(convert_to_tensor(keys), name)

    __getitem__ = lookup

    def _found(self, keys: Tensor, name: str | None) -> Tensor:
        keys = self._of_key_type(keys)
        result: Tensor = FIND(
            self.resource_handle, keys, self._default, value_dtype=self._value_dtype, name=name
        )
        return result

    def _of_key_type(self, keys: Tensor) -> Tensor:
        if keys.dtype is self._key_dtype:
            return keys
        if keys.dtype.is_integer and self._key_dtype is dtypes.int64:
            return cast(keys, dtypes.int64)
        raise TypeError(
            f"Dtype of argument `keys` must be {self._key_dtype!r}, received: {keys.dtype!r}"
        )


@export("lookup.StaticHashTable", "contrib.lookup.HashTable")
class StaticHashTable(LookupTable):
    """A table that does not change after it was initialized.

    Source: the ``tf.compat.v1.lookup.StaticHashTable`` documentation.

    Args:
        initializer: What it is filled with, by ``tf.tables_initializer()``.
        default_value: What is found for a key that is not there.
        name: Its name.
        experimental_is_anonymous: Without effect.
        shared_name: Without effect.
    """

    def __init__(
        self,
        initializer: Any,
        default_value: TensorLike,
        name: str | None = None,
        experimental_is_anonymous: bool = False,
        shared_name: str | None = None,
    ) -> None:
        key_dtype, value_dtype = initializer.key_dtype, initializer.value_dtype
        super().__init__(key_dtype, value_dtype, default_value, name or "hash_table", ready=False)
        self._initializer: Operation = initializer.initialize(self)
        graph = get_default_graph()
        graph.add_to_collection(GraphKeys.TABLE_INITIALIZERS, self._initializer)

    @property
    def initializer(self) -> Operation:
        """The operation that fills it; also in ``tf.tables_initializer()``."""
        return self._initializer

    @property
    def init(self) -> Operation:
        """The operation that fills it, by its old name."""
        return self._initializer

    def export(self, name: str | None = None) -> tuple[Tensor, Tensor]:
        """All that is in it.

        Args:
            name: Name of the operation.

        Returns:
            Vectors of keys and values.
        """
        return _exported(self, name)


def _exported(table: LookupTable, name: str | None) -> tuple[Tensor, Tensor]:
    return EXPORT(  # type: ignore[no-any-return]  # two tensors
        table.resource_handle, key_dtype=table.key_dtype, value_dtype=table.value_dtype, name=name
    )


@export("lookup.experimental.MutableHashTable", "contrib.lookup.MutableHashTable")
class MutableHashTable(LookupTable):
    """A table that runs change. It is empty in the beginning, and not saved in checkpoints.

    Source: the ``tf.lookup.experimental.MutableHashTable`` documentation.

    Args:
        key_dtype: The keys' element type.
        value_dtype: The values' element type; values are scalars.
        default_value: What is found for a key that is not there.
        name: Its name.
        checkpoint: Without effect.
        experimental_is_anonymous: Without effect.
        shared_name: Without effect.
    """

    def __init__(
        self,
        key_dtype: Any,
        value_dtype: Any,
        default_value: TensorLike,
        name: str = "MutableHashTable",
        checkpoint: bool = True,
        experimental_is_anonymous: bool = False,
        shared_name: str | None = None,
    ) -> None:
        super().__init__(
            as_dtype(key_dtype), as_dtype(value_dtype), default_value, name, ready=True
        )
        if self._default.dims not in ((), None):
            raise ValueError(f"Values of a table must be scalars here, not {self._default!r}.")

    def insert(self, keys: TensorLike, values: TensorLike, name: str | None = None) -> Operation:
        """Adds keys with values, or changes those of keys that are there.

        Args:
            keys: The keys.
            values: As many values.
            name: Name of the operation.

        Returns:
            The operation.
        """
        keys = self._of_key_type(convert_to_tensor(keys))
        given = convert_to_tensor(values, self._value_dtype)
        return INSERT(self.resource_handle, keys, given, name=name)  # type: ignore[no-any-return]

    def remove(self, keys: TensorLike, name: str | None = None) -> Operation:
        """Takes keys out; those that are not there make no difference.

        Args:
            keys: The keys.
            name: Name of the operation.

        Returns:
            The operation.
        """
        keys = self._of_key_type(convert_to_tensor(keys))
        return REMOVE(self.resource_handle, keys, name=name)  # type: ignore[no-any-return]

    def export(self, name: str | None = None) -> tuple[Tensor, Tensor]:
        """All that is in it.

        Args:
            name: Name of the operation.

        Returns:
            Vectors of keys and values.
        """
        return _exported(self, name)


def _bucket(view: View) -> Kernel:
    number = view["num_buckets"]
    hashed = _fingerprint()

    def kernel(strings: Array) -> Array:
        found = [hashed(item) % number for item in _items(np.asarray(strings, object))]
        return _array(found, dtypes.int64).reshape(np.shape(strings))[()]

    return kernel


def _fingerprint() -> Callable[[bytes], int]:
    try:
        from farmhash import fingerprint64
    except ImportError as error:
        raise ImportError(
            "Hashing strings into buckets needs pyfarmhash, which is not installed: "
            "pip install 'monitored-session[hash]'",
            name=error.name,
        ) from error
    return fingerprint64  # type: ignore[no-any-return]  # it has no type information


BUCKET: Final = Definition(
    "StringToHashBucketFast",
    lambda view: Spec(dtypes.int64, view.first.dims),
    bind=_bucket,
    gradient=not_differentiable,
)


@export("string_to_hash_bucket_fast", "strings.to_hash_bucket_fast")
def string_to_hash_bucket_fast(
    input: TensorLike, num_buckets: int, name: str | None = None
) -> Tensor:
    """A number for each string, the same as TensorFlow's: FarmHash's fingerprint.

    Needs the extra ``hash`` (``pip install 'monitored-session[hash]'``).

    Source: the ``tf.strings.to_hash_bucket_fast`` documentation.

    Args:
        input: Strings.
        num_buckets: How many numbers there are; positive.
        name: Name of the operation.

    Returns:
        int64, from 0 to below `num_buckets`, of the shape of `input`.

    Raises:
        ImportError: If the package for it is not installed.
        ValueError: If there are no numbers.
    """
    if num_buckets < 1:
        raise ValueError(f"num_buckets must be positive, not {num_buckets}.")
    _fingerprint()
    strings = convert_to_tensor(input, dtypes.string)
    return BUCKET(strings, num_buckets=int(num_buckets), name=name)  # type: ignore[no-any-return]


@export("lookup.StaticVocabularyTable")
class StaticVocabularyTable:
    """Numbers of words: of known ones those of a table, of others one of some buckets after it.

    Several buckets need the extra ``hash``.

    Source: the ``tf.compat.v1.lookup.StaticVocabularyTable`` documentation.

    Args:
        initializer: What it is filled with: values of int64 from 0; nothing if None.
        num_oov_buckets: The number of buckets; positive.
        lookup_key_dtype: The type of keys that are asked for; that of the initializer if None.
        name: Its name.
        experimental_is_anonymous: Without effect.

    Raises:
        TypeError: If the values are not of int64, or keys neither strings nor integers.
        ValueError: If there is no bucket.
    """

    def __init__(
        self,
        initializer: Any,
        num_oov_buckets: int,
        lookup_key_dtype: Any = None,
        name: str | None = None,
        experimental_is_anonymous: bool = False,
    ) -> None:
        if num_oov_buckets < 1:
            raise ValueError(f"oov_buckets must be > 0, not {num_oov_buckets}.")
        self._buckets = num_oov_buckets
        self._table: StaticHashTable | None = None
        key_dtype = lookup_key_dtype or dtypes.string
        if initializer is not None:
            if initializer.value_dtype is not dtypes.int64:
                raise TypeError(f"Values must be of int64, not {initializer.value_dtype.name}.")
            self._table = StaticHashTable(initializer, -1, name)
            key_dtype = lookup_key_dtype or initializer.key_dtype
        self._key_dtype = as_dtype(key_dtype)
        if not (self._key_dtype is dtypes.string or self._key_dtype.is_integer):
            raise TypeError(f"Keys must be strings or integers, not {self._key_dtype.name}.")

    @property
    def key_dtype(self) -> DType:
        """The type of keys that are asked for."""
        return self._key_dtype

    @property
    def value_dtype(self) -> DType:
        """int64."""
        return dtypes.int64

    @property
    def initializer(self) -> Operation | None:
        """The operation that fills it; also in ``tf.tables_initializer()``."""
        return None if self._table is None else self._table.initializer

    init = initializer

    @property
    def name(self) -> str:
        """Its name."""
        return "hash_bucket" if self._table is None else self._table.name

    def size(self, name: str | None = None) -> Tensor:
        """How many numbers there are, with those of the buckets.

        Args:
            name: Name of the operation.

        Returns:
            A scalar of int64.
        """
        buckets = convert_to_tensor(self._buckets, dtypes.int64)
        return buckets if self._table is None else add(self._table.size(), buckets, name=name)

    def lookup(self, keys: Keys, name: str | None = None) -> Any:
        """The numbers of keys.

        Args:
            keys: A tensor, or a `SparseTensor`.
            name: Name of the operation.

        Returns:
            A tensor of the keys' shape, or a `SparseTensor`, of int64.

        Raises:
            TypeError: If the keys have another type than the table's.
        """
        if isinstance(keys, SparseTensor):
            return SparseTensor(keys.indices, self.lookup(keys.values, name), keys.dense_shape)
        asked = convert_to_tensor(keys)
        if (asked.dtype is dtypes.string) != (self._key_dtype is dtypes.string):
            raise TypeError(
                f"Dtype of argument `keys` must be {self._key_dtype!r}, received: {asked.dtype!r}"
            )
        bucket = self._bucket_of(asked)
        if self._table is None:
            return bucket
        known = self._table.lookup(asked)
        missing = convert_to_tensor(-1, dtypes.int64)
        return where(not_equal(known, missing), known, add(bucket, self._table.size()), name=name)

    __getitem__ = lookup

    def _bucket_of(self, keys: Tensor) -> Tensor:
        if self._buckets == 1:
            return cast(not_equal(keys, keys), dtypes.int64)  # 0 for each
        from runtime.graph.ops.text import as_string

        strings = keys if keys.dtype is dtypes.string else as_string(keys)
        return string_to_hash_bucket_fast(strings, self._buckets)


export("lookup.KeyValueTensorInitializer", "contrib.lookup.KeyValueTensorInitializer")(
    KeyValueTensorInitializer
)
export("lookup.TextFileInitializer", "contrib.lookup.TextFileInitializer")(TextFileInitializer)
export("lookup.TextFileIndex", "contrib.lookup.TextFileIndex")(TextFileIndex)
