"""Tables of the words of a vocabulary, as ``tf.contrib.lookup`` made them.

Source of the names and rules: the ``tf.contrib.lookup`` documentation of TensorFlow 1.15.
"""

from typing import Any

from runtime.graph import dtypes
from runtime.graph.convert import TensorLike, convert_to_tensor
from runtime.graph.dtypes import as_dtype
from runtime.graph.export import export
from runtime.graph.ops.array import range_, size
from runtime.graph.ops.lookup import (
    KeyValueTensorInitializer,
    StaticHashTable,
    StaticVocabularyTable,
    TextFileIndex,
    TextFileInitializer,
)
from runtime.graph.ops.math import cast
from runtime.graph.tensor import Tensor

__all__ = [
    "index_table_from_file",
    "index_table_from_tensor",
    "index_to_string_table_from_file",
    "index_to_string_table_from_tensor",
]


def _table_of(initializer: Any, num_oov_buckets: int, default_value: int, name: str) -> Any:
    if num_oov_buckets < 0:
        raise ValueError(f"num_oov_buckets must not be negative: {num_oov_buckets}.")
    if num_oov_buckets:
        return StaticVocabularyTable(initializer, num_oov_buckets, name=name)
    return StaticHashTable(initializer, default_value, name)


@export("contrib.lookup.index_table_from_file")
def index_table_from_file(
    vocabulary_file: TensorLike = None,
    num_oov_buckets: int = 0,
    vocab_size: int | None = None,
    default_value: int = -1,
    hasher_spec: Any = None,
    key_dtype: Any = dtypes.string,
    name: str | None = None,
    key_column_index: int = TextFileIndex.WHOLE_LINE,
    value_column_index: int = TextFileIndex.LINE_NUMBER,
    delimiter: str = "\t",
) -> Any:
    """A table with the number of each line of a file.

    Args:
        vocabulary_file: The file.
        num_oov_buckets: How many further numbers there are for words that are not in the file.
        vocab_size: How many lines are read; all if None.
        default_value: The number of other words if there are no further ones.
        hasher_spec: Without effect.
        key_dtype: The keys' element type.
        name: Its name.
        key_column_index: Which column is that of keys.
        value_column_index: Which column is that of values.
        delimiter: What separates columns.

    Returns:
        The table.

    Raises:
        ValueError: If no file is named, or the number of buckets is negative.
    """
    if vocabulary_file is None or (isinstance(vocabulary_file, str) and not vocabulary_file):
        raise ValueError("vocabulary_file must be specified and must not be empty.")
    key_type = dtypes.int64 if as_dtype(key_dtype).is_integer else as_dtype(key_dtype)
    index = 0 if key_type.is_integer and key_column_index < 0 else key_column_index
    initializer = TextFileInitializer(
        *(vocabulary_file, key_type, index, dtypes.int64, value_column_index),
        *(vocab_size, delimiter),
    )
    return _table_of(initializer, num_oov_buckets, default_value, name or "string_to_index")


@export("contrib.lookup.index_table_from_tensor")
def index_table_from_tensor(
    mapping: TensorLike = None,
    num_oov_buckets: int = 0,
    default_value: int = -1,
    hasher_spec: Any = None,
    dtype: Any = dtypes.string,
    name: str | None = None,
    vocabulary_list: TensorLike = None,
) -> Any:
    """A table with the number of each word of a vector.

    Args:
        mapping: The words.
        num_oov_buckets: How many further numbers there are for other words.
        default_value: The number of other words if there are no further ones.
        hasher_spec: Without effect.
        dtype: The element type of words.
        name: Its name.
        vocabulary_list: Another name of `mapping`.

    Returns:
        The table.

    Raises:
        ValueError: If there are no words.
    """
    words = _words(mapping, vocabulary_list, dtype)
    initializer = KeyValueTensorInitializer(words, _numbers(words))
    return _table_of(initializer, num_oov_buckets, default_value, name or "string_to_index")


@export("contrib.lookup.index_to_string_table_from_file")
def index_to_string_table_from_file(
    vocabulary_file: TensorLike,
    vocab_size: int | None = None,
    default_value: TensorLike = "UNK",
    name: str | None = None,
    key_column_index: int = TextFileIndex.LINE_NUMBER,
    value_column_index: int = TextFileIndex.WHOLE_LINE,
    delimiter: str = "\t",
) -> StaticHashTable:
    """A table with the line of each number.

    Args:
        vocabulary_file: The file.
        vocab_size: How many lines are read; all if None.
        default_value: What is found for other numbers.
        name: Its name.
        key_column_index: Which column is that of keys.
        value_column_index: Which column is that of values.
        delimiter: What separates columns.

    Returns:
        The table.
    """
    initializer = TextFileInitializer(
        *(vocabulary_file, dtypes.int64, key_column_index, dtypes.string, value_column_index),
        *(vocab_size, delimiter),
    )
    return StaticHashTable(initializer, default_value, name or "index_to_string")


@export("contrib.lookup.index_to_string_table_from_tensor")
def index_to_string_table_from_tensor(
    mapping: TensorLike = None,
    default_value: TensorLike = "UNK",
    name: str | None = None,
    vocabulary_list: TensorLike = None,
) -> StaticHashTable:
    """A table with the word of each number.

    Args:
        mapping: The words.
        default_value: What is found for other numbers.
        name: Its name.
        vocabulary_list: Another name of `mapping`.

    Returns:
        The table.

    Raises:
        ValueError: If there are no words.
    """
    words = _words(mapping, vocabulary_list, dtypes.string)
    initializer = KeyValueTensorInitializer(_numbers(words), words)
    return StaticHashTable(initializer, default_value, name or "index_to_string")


def _words(mapping: TensorLike, vocabulary_list: TensorLike, dtype: Any) -> Tensor:
    given = vocabulary_list if mapping is None else mapping
    if given is None:
        raise ValueError("vocabulary_list must be specified.")
    kind = dtypes.int64 if as_dtype(dtype).is_integer else as_dtype(dtype)
    return convert_to_tensor(given, kind)


def _numbers(words: Tensor) -> Tensor:
    return cast(range_(size(words)), dtypes.int64)
