"""Attributes of operations in a form that JSON can hold, and back.

Whatever JSON has no type for becomes an object with one key, which names the type. Reading checks
everything, for a file can come from anywhere; nothing in it is evaluated.
"""

import base64
import math
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final, TypeAlias

import numpy as np

from runtime.graph import dtypes
from runtime.graph.dtypes import DType, as_dtype
from runtime.graph.shapes import TensorShape

__all__ = ["Unportable", "portable", "restored"]

Array = np.ndarray[Any, np.dtype[Any]]


class Unportable(ValueError):
    """A value that a file cannot hold."""


class _MissingFunction:
    """Stands for a Python function that was left behind when a graph was written to a file."""

    def __init__(self, name: str) -> None:
        self.__name__ = name

    def __call__(self, *_: Any) -> Any:
        raise NotImplementedError(
            f"The Python function {self.__name__!r} is not in the file that the graph was read "
            "from: a file holds no code. Make this operation in the program that runs it."
        )


# Any, here and below: attributes are of any type.
def _refused(value: Any) -> Any:
    raise Unportable(f"a value of type {type(value).__name__} cannot be written to a file")


def portable(value: Any, other: Callable[[Any], Any] = _refused) -> Any:
    """An attribute's value as JSON can hold it.

    Args:
        value: None, a truth value, a number, a string, bytes, an element type, a shape, a NumPy
            array or scalar, a slice, an ellipsis, a function, or a tuple, list or dict of these.
        other: What is asked for any other value; its answer has the form of those here.

    Returns:
        What `restored` makes the value of again; of a function only its name.

    Raises:
        Unportable: It is something else.
    """
    if value is None or type(value) in (bool, int, str):
        return value
    for kind, name, convert in _FORMS:
        if isinstance(value, kind):
            return {name: convert(value)}
    if isinstance(value, (tuple, list)):
        return {type(value).__name__: [portable(item, other) for item in value]}
    if isinstance(value, dict):
        return {"dict": [[portable(k, other), portable(v, other)] for k, v in value.items()]}
    if callable(value):
        return {"function": str(getattr(value, "__name__", type(value).__name__))}
    return other(value)


Readers: TypeAlias = Mapping[str, Callable[[Any], Any]]


def restored(content: Any, others: Readers = MappingProxyType({})) -> Any:
    """The value that `portable` was given.

    Args:
        content: What JSON held.
        others: How values are read that `portable` was given an answer for, by the key.

    Returns:
        The value; a function is one that raises NotFoundError when it is called.

    Raises:
        ValueError: It is nothing that `portable` gives.
    """
    if content is None or type(content) in (bool, int, str):
        return content
    if not isinstance(content, dict) or len(content) != 1:
        raise ValueError(f"a value must be simple or an object with one key, not {_short(content)}")
    ((name, inner),) = content.items()
    try:
        if name in _CONTAINERS:
            return _CONTAINERS[name]([restored(item, others) for item in _items(inner)])
        if name == "dict":
            return {restored(k, others): restored(v, others) for k, v in _items(inner)}
        reader = _READERS.get(name) or others.get(name)
        if reader is not None:
            return reader(inner)
    except (TypeError, KeyError, AttributeError, OverflowError) as error:
        raise ValueError(f"{_short(inner)} is no value of type {name!r}") from error
    raise ValueError(f"values of type {_short(name)} are not known; there are {_KNOWN}")


def _short(content: Any) -> str:
    text = repr(content)
    return text if len(text) <= 80 else f"{text[:77]}..."


def _base64(content: bytes) -> str:
    return base64.b64encode(content).decode("ascii")


def _from_base64(text: str) -> bytes:
    return base64.b64decode(text, validate=True)


def _of_array(value: Array | np.generic) -> dict[str, Any]:
    array = np.asarray(value)
    dtype = dtypes.of_array(array)
    if dtype is dtypes.string:
        data: Any = [_base64(bytes(item)) for item in array.reshape(-1)]
    else:
        data = _base64(np.ascontiguousarray(array, array.dtype.newbyteorder("<")).tobytes())
    return {"dtype": dtype.name, "shape": list(array.shape), "data": data}


def _to_array(content: Mapping[str, Any]) -> Array:
    dtype, shape = as_dtype(_text(content["dtype"])), _sizes(content["shape"])
    if dtype is dtypes.string:
        result = np.empty(len(content["data"]), dtype=object)
        result[:] = [_from_base64(item) for item in content["data"]]
    else:
        data = _from_base64(content["data"])
        result = np.frombuffer(data, dtype.numpy.newbyteorder("<")).astype(dtype.numpy)
    if result.size != math.prod(shape):
        raise ValueError(f"an array of shape {shape} cannot have {result.size} elements")
    return result.reshape(shape)


def _sizes(content: Any) -> tuple[int, ...]:
    if not all(type(size) is int and size >= 0 for size in content):
        raise ValueError(f"{_short(content)} is no shape")
    return tuple(content)


def _text(content: Any) -> str:
    if not isinstance(content, str):
        raise TypeError
    return content


def _items(content: Any) -> list[Any]:
    if not isinstance(content, list):
        raise TypeError
    return content


def _number(content: Any) -> float:
    return float(_text(content))


# In this order: a NumPy float is a float, too.
_FORMS: Final[tuple[tuple[Any, str, Callable[[Any], Any]], ...]] = (
    (np.ndarray, "array", _of_array),
    (np.generic, "scalar", _of_array),
    (float, "float", repr),
    (bytes, "bytes", _base64),
    (DType, "dtype", lambda value: value.name),
    (TensorShape, "shape", lambda value: None if value.ndims is None else value.as_list()),
    (slice, "slice", lambda value: [portable(v) for v in (value.start, value.stop, value.step)]),
    (type(...), "ellipsis", lambda value: True),
)
_CONTAINERS: Final[Readers] = {"tuple": tuple, "list": list}
_READERS: Final[Readers] = {
    "array": _to_array,
    "scalar": lambda content: _to_array(content)[()],
    "float": _number,
    "bytes": lambda content: _from_base64(_text(content)),
    "dtype": lambda content: as_dtype(_text(content)),
    "shape": TensorShape,
    "slice": lambda content: slice(*map(restored, _items(content))),
    "ellipsis": lambda content: ...,
    "function": lambda content: _MissingFunction(_text(content)),
}
_KNOWN: Final = ", ".join(sorted([*_CONTAINERS, *_READERS, "dict"]))
