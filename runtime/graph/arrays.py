"""Python values to arrays: which element type a number, list or string gets.

The rules are TensorFlow's: Python's floats become float32, ints int32 (int64 if they need it),
text becomes bytes; a NumPy array keeps its type; a value never loses its fraction silently.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from runtime import errors
from runtime.graph import dtypes
from runtime.graph.dtypes import DType
from runtime.graph.shapes import Dimension, TensorShape

# Kinds of NumPy types that can be had from Python values of another kind without loss.
_FITS = {"b": "b", "i": "iufc", "u": "iufc", "f": "fc", "c": "c"}


def array_of(value: Any, dtype: DType | None) -> Any:
    """Makes an array of a Python or NumPy value.

    Args:
        value: A number, a bool, a string, nested lists of these, or an array.
        dtype: The element type; found from the value if None.

    Returns:
        An array (a NumPy scalar for numeric scalars); strings are `bytes` in an object array.

    Raises:
        TypeError: If the value does not fit the element type.
        ValueError: If it is None, or its nested lists have different lengths.
    """
    if value is None:
        raise ValueError("None values not supported: a tensor can't be made of None.")
    if isinstance(value, (np.ndarray, np.generic)):
        return _of_numpy(value, dtype)
    if isinstance(value, TensorShape):
        value = value.as_list()
    raw = _raw(value)
    if raw.dtype.kind in "OSU":
        return _of_objects(value, raw, dtype)
    return _of_numbers(value, raw, dtype)


def _raw(value: Any) -> np.ndarray[Any, Any]:
    try:
        return np.array(value)
    except ValueError as error:
        raise ValueError(
            f"Can't convert {value!r} to a tensor: its nested lists have different lengths."
        ) from error


def _of_numpy(value: Any, dtype: DType | None) -> Any:
    if value.dtype.kind in "SU" or (value.dtype.kind == "O"):
        return _of_objects(value, np.asarray(value), dtype)
    found = dtypes.of_array(value)
    if dtype is dtypes.string:
        raise _mismatch(value, dtype)
    if dtype is None or dtype is found:
        return value
    return value.astype(dtype.numpy)


def _of_objects(value: Any, raw: np.ndarray[Any, Any], dtype: DType | None) -> Any:
    items = [_plain(item) for item in np.asarray(value, dtype=object).ravel().tolist()]
    if items and not all(isinstance(item, bytes) for item in items):
        return _of_numbers(value, _numbers(value, items, raw.shape), dtype)
    if dtype is not None and dtype is not dtypes.string:
        raise _mismatch(value, dtype)
    result = np.empty(len(items), dtype=object)
    result[:] = items
    return result.reshape(raw.shape)


def _plain(item: Any) -> Any:
    if isinstance(item, str):
        return item.encode("utf-8")
    if isinstance(item, Dimension):
        return int(item)
    return item


def _numbers(value: Any, items: list[Any], shape: tuple[int, ...]) -> np.ndarray[Any, Any]:
    result = np.array(items)
    if result.dtype.kind not in _FITS or result.size != len(items):
        raise TypeError(f"Can't convert {value!r} to a tensor: unsupported or mixed elements.")
    return result.reshape(shape)


def _of_numbers(value: Any, raw: np.ndarray[Any, Any], dtype: DType | None) -> Any:
    if dtype is None:
        return raw.astype(_default(raw))[()]
    if raw.size == 0:
        return raw.astype(dtype.numpy)
    if dtype is dtypes.string or dtype.numpy.kind not in _FITS[raw.dtype.kind]:
        raise _mismatch(value, dtype)
    result = raw.astype(dtype.numpy)[()]
    if dtype.is_integer and not np.array_equal(result, raw):
        raise TypeError(f"Can't convert {value!r} to a tensor of {dtype.name}: out of its range.")
    return result


def _default(raw: np.ndarray[Any, Any]) -> Any:
    if raw.dtype == np.float64:
        return np.float32
    if raw.dtype == np.complex128 or raw.dtype.kind not in "iu":
        return raw.dtype
    return np.int32 if np.array_equal(raw.astype(np.int32), raw) else raw.dtype


def _mismatch(value: Any, dtype: DType) -> TypeError:
    kind = type(value).__name__
    return TypeError(f"Expected {dtype.name}, but got {value!r} of type '{kind}'.")


def frozen(array: Any) -> Any:
    """A read-only copy of an array, so that no kernel can overwrite a constant.

    Args:
        array: An array or scalar.

    Returns:
        A scalar as it is; else a copy that can't be written to.
    """
    if array.ndim == 0 and array.dtype.kind != "O":
        return array[()]
    copy = np.array(array, order="C")
    copy.flags.writeable = False
    return copy


def pad(values: Sequence[Any], shape: Any, fill: Any) -> Any:
    """Arrays joined along a new first axis, filled up to the same size.

    Args:
        values: The arrays, of one rank.
        shape: The size to fill up to; -1 for that of the largest.
        fill: What to fill up with.

    Returns:
        One array.

    Raises:
        ValueError: If an array has another rank.
        DataLossError: If one is larger than that size.
    """
    rank = len(shape)
    for value in values:
        if value.ndim != rank:
            raise ValueError(
                f"All elements in a batch must have the same rank as the padded shape: expected "
                f"rank {rank} but got an element of shape {list(value.shape)}."
            )
    sizes = [max(value.shape[axis] for value in values) for axis in range(rank)]
    target = [s if wanted < 0 else int(wanted) for s, wanted in zip(sizes, shape, strict=True)]
    if any(size > wanted for size, wanted in zip(sizes, target, strict=True)):
        raise errors.DataLossError(
            None,
            None,
            f"Attempted to pad to a smaller size than the input element: to {target}, where the "
            f"largest sizes are {sizes}.",
        )
    result = np.empty((len(values), *target), values[0].dtype)
    result[...] = fill
    for number, value in enumerate(values):
        place: Any = (number, *map(slice, value.shape))
        result[place] = value if rank else value[()]
    return result
