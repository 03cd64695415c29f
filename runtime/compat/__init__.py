"""``tf.compat``: `v1` is the whole API, and conversions between text and bytes."""

from typing import Any

import numpy as np

from runtime.compat import v1

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


as_str = as_text
integral_types = (int, np.integer)
real_types = (float, int, np.integer, np.floating)
complex_types = (complex, float, int, np.number)

__all__ = ["as_bytes", "as_str", "as_text", "bytes_or_text_types", "v1"]
