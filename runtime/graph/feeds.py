"""Feeds: checking and converting what `Session.run` is fed."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from runtime.graph import dtypes
from runtime.graph.graph import Graph
from runtime.graph.indexed_slices import IndexedSlices
from runtime.graph.shapes import compatible, described
from runtime.graph.silence import silently
from runtime.graph.sparse_tensor import SparseTensor
from runtime.graph.tensor import Tensor

# What is converted here; anything else converts itself, and its errors come out as they are.
_PLAIN = (
    int,
    float,
    complex,
    str,
    bytes,
    list,
    tuple,
    dict,
    set,
    type(None),
    np.ndarray,
    np.generic,
)


# Keys that stand for several tensors.
_SEVERAL = (tuple, SparseTensor, IndexedSlices)


def fed_tensors(keys: tuple[Any, ...], graph: Graph) -> list[Tensor]:
    """The tensors that the keys of a feed dictionary stand for.

    Args:
        keys: Tensors, variables, or names.
        graph: The session's graph.

    Returns:
        The tensors, in order; one may occur twice.

    Raises:
        TypeError: If a key is no tensor of the graph.
        ValueError: If a tensor may not be fed.
    """
    return [_fed_tensor(key, graph) for key in keys]


def _fed_tensor(key: Any, graph: Graph) -> Tensor:
    try:
        tensor = graph.as_graph_element(key, allow_operation=False)
    except (TypeError, ValueError, KeyError) as error:
        raise TypeError(f"Cannot interpret feed_dict key as Tensor: {error.args[0]}") from None
    assert isinstance(tensor, Tensor)
    if not graph.is_feedable(tensor):
        inside = "" if tensor.op.body is None else f": it is inside of {tensor.op.body.what}"
        raise ValueError(f"Tensor {tensor.name} may not be fed{inside}.")
    return tensor


def fed_array(tensor: Tensor, value: Any) -> Any:
    """Converts a value to an array that can be fed for a tensor.

    Args:
        tensor: The tensor.
        value: A number, string, nested lists, or array.

    Returns:
        An array of the tensor's element type.

    Raises:
        TypeError: If the value is a tensor, or would lose something by the conversion.
        ValueError: If it can't be converted, or has another shape than the tensor.
    """
    if isinstance(value, Tensor) or hasattr(value, "_as_tensor"):
        raise TypeError(
            f"The value fed for {tensor.name!r} can't be a tensor ({value!r}). Feed a number, "
            "a string, a list or an array; run the tensor first to get its value."
        )
    array = _strings(tensor, value) if tensor.dtype is dtypes.string else _numbers(tensor, value)
    check_shape(tensor, array.shape)
    return array


def check_shape(tensor: Tensor, shape: tuple[int, ...]) -> None:
    """Checks that an array of that shape can be fed for a tensor.

    Args:
        tensor: The tensor.
        shape: The array's shape.

    Raises:
        ValueError: If it can't.
    """
    if not compatible(tensor.dims, shape):
        raise ValueError(
            f"Cannot feed value of shape {described(shape)} for Tensor {tensor.name!r}, "
            f"which has shape {described(tensor.dims)}."
        )


def _numbers(tensor: Tensor, value: Any) -> Any:
    wanted = tensor.dtype.numpy
    kind = type(value)
    if kind is float and wanted.kind == "f":
        return silently(np.array, value, wanted)
    if kind is not np.ndarray and not isinstance(value, _PLAIN):
        return np.asarray(value, dtype=wanted)
    try:
        if kind is int and wanted.kind == "f":
            return silently(np.array, value, wanted)
        raw = np.asarray(value)
        array = raw if raw.dtype == wanted else _cast(tensor, raw)
    except (TypeError, ValueError, OverflowError) as error:
        raise _refused(tensor, value, error) from error
    return array


def _cast(tensor: Tensor, raw: np.ndarray[Any, Any]) -> Any:
    """Converts an array, but not if whole numbers would be made of fractions and the like."""
    wanted = tensor.dtype.numpy
    if raw.dtype.kind == "O":
        raw = _numbers_of_objects(raw)
    if raw.dtype.kind in "SUO":
        raise ValueError("it is not made of numbers")
    if raw.dtype.kind == "c" and wanted.kind != "c":
        raise TypeError("complex numbers would lose their imaginary part")
    array = silently(raw.astype, wanted)
    exact = wanted.kind not in "iub" or np.can_cast(raw.dtype, wanted)
    if not exact and not np.array_equal(array, raw):
        raise TypeError(f"it does not fit {tensor.dtype.name} without loss")
    return array


def _numbers_of_objects(raw: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Takes numbers out of an array of objects, such as a column of a table of mixed types."""
    numbers = np.asarray(raw.tolist())
    return numbers if numbers.shape == raw.shape else raw


def _refused(tensor: Tensor, value: Any, error: Exception) -> Exception:
    kind: type[Exception] = TypeError if isinstance(error, TypeError) else ValueError
    shown = repr(value) if not isinstance(value, np.ndarray) or value.size < 9 else "an array"
    dtype = f" of {value.dtype}" if isinstance(value, np.ndarray) else ""
    return kind(
        f"Cannot feed {shown}{dtype} (type {type(value).__name__}) for Tensor {tensor.name!r} "
        f"with dtype {tensor.dtype.name} and shape {described(tensor.dims)}: {error}."
    )


def _strings(tensor: Tensor, value: Any) -> Any:
    raw = np.asarray(value, dtype=object)
    result = np.empty(raw.shape, dtype=object)
    for index in np.ndindex(raw.shape):
        item: Any = raw[index]
        if not isinstance(item, (str, bytes)):
            raise TypeError(
                f"Cannot feed {item!r} (type {type(item).__name__}) for Tensor "
                f"{tensor.name!r}, whose elements are strings (str or bytes)."
            )
        result[index] = item.encode("utf-8") if isinstance(item, str) else item
    return result


def flattened(feed_dict: Mapping[Any, Any]) -> dict[Any, Any]:
    """Takes tuples of keys with tuples of values apart, and the tuples in them.

    Args:
        feed_dict: Feeds, some of whose keys may be tuples of tensors, such as a cell's state, or
            sparse tensors and rows of gradients, which are as many tensors.

    Returns:
        Feeds with single keys.

    Raises:
        ValueError: If a tuple of keys has another length than its values.
    """
    for key in feed_dict:
        if isinstance(key, _SEVERAL):
            break
    else:
        return dict(feed_dict)
    flat: dict[Any, Any] = {}
    for key, value in feed_dict.items():
        if not isinstance(key, _SEVERAL):
            flat[key] = value
            continue
        keys = key if isinstance(key, tuple) else key._parts()
        if not hasattr(value, "__len__") or len(value) != len(keys):
            raise ValueError(f"The keys {key!r} of feed_dict need {len(keys)} values.")
        flat.update(flattened(dict(zip(keys, value, strict=True))))
    return flat
