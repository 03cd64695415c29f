"""``tf.compat``: `v1` is the whole API, and conversions between text and bytes."""

import os
from typing import Any

import numpy as np

from runtime.compat import v1
from runtime.graph.export import missing
from runtime.graph.shapes import Dimension, TensorShape, dimension_value

bytes_or_text_types = (bytes, str)


def as_bytes(bytes_or_text: Any, encoding: str = "utf-8") -> bytes:
    """Text as bytes.

    Args:
        bytes_or_text: A string or bytes.
        encoding: The encoding of text.

    Returns:
        The bytes.

    Raises:
        TypeError: If it is neither.
    """
    if isinstance(bytes_or_text, (bytes, bytearray)):
        return bytes(bytes_or_text)
    if isinstance(bytes_or_text, str):
        return bytes_or_text.encode(encoding)
    raise TypeError(f"Expected binary or unicode string, got {bytes_or_text!r}")


def as_text(bytes_or_text: Any, encoding: str = "utf-8") -> str:
    """Bytes as text.

    Args:
        bytes_or_text: A string or bytes.
        encoding: The encoding of the bytes.

    Returns:
        The text.

    Raises:
        TypeError: If it is neither.
    """
    if isinstance(bytes_or_text, str):
        return bytes_or_text
    if isinstance(bytes_or_text, (bytes, bytearray)):
        return bytes(bytes_or_text).decode(encoding)
    raise TypeError(f"Expected binary or unicode string, got {bytes_or_text!r}")


def as_str_any(value: Any) -> str:
    """Any value as text.

    Args:
        value: A string, bytes, or anything that `str` takes.

    Returns:
        The text.
    """
    return as_text(value) if isinstance(value, bytes) else str(value)


def path_to_str(path: Any) -> Any:
    """A path as text.

    Args:
        path: A path object, or anything else.

    Returns:
        The text; what is no path as it is.
    """
    return as_str_any(os.fspath(path)) if hasattr(path, "__fspath__") else path


def dimension_at_index(shape: TensorShape, index: int) -> Dimension:
    """The size of an axis.

    Args:
        shape: A shape, maybe of unknown rank.
        index: The axis.

    Returns:
        The size, unknown if the rank is.
    """
    return shape[index]  # type: ignore[no-any-return]  # an index gives a Dimension


as_str = as_text
integral_types = (int, np.integer)
real_types = (float, int, np.integer, np.floating)
complex_types = (complex, float, int, np.number)

__all__ = [
    "as_bytes",
    "as_str",
    "as_str_any",
    "as_text",
    "bytes_or_text_types",
    "dimension_at_index",
    "dimension_value",
    "path_to_str",
    "v1",
]


__getattr__ = missing("tf.compat", globals())
