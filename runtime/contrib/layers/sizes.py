"""Small functions of `contrib.layers.utils` that networks in public programs use.

Source: the documentation of ``tf.contrib.layers.utils``.
"""

from collections.abc import Callable, Sequence
from typing import Any

from runtime.contrib.framework.names import constant_value, smart_cond
from runtime.contrib.layers.collected import variable_collections
from runtime.graph.export import F, export
from runtime.graph.shapes import TensorShape, as_dims, described


def _both(name: str) -> Callable[[F], F]:
    return export(f"contrib.layers.utils.{name}", f"contrib.slim.utils.{name}")


_both("constant_value")(constant_value)
_both("smart_cond")(smart_cond)
_both("get_variable_collections")(variable_collections)


def _size(shape: Any, axis: int, min_rank: int) -> int:
    dims = as_dims(shape)
    if dims is None or len(dims) < min_rank:
        raise ValueError(f"rank of shape must be at least {min_rank}, not {described(dims)}.")
    size = dims[axis]
    if size is None:
        raise ValueError(f"dimension {axis} of shape must be known but is None: {described(dims)}.")
    return size


@_both("last_dimension")
def last_dimension(shape: TensorShape, min_rank: int = 1) -> int:
    """The size of the last axis.

    Args:
        shape: The shape.
        min_rank: How many axes it must have at least.

    Returns:
        The size.

    Raises:
        ValueError: If there are fewer axes, or it is not known.
    """
    return _size(shape, -1, min_rank)


@_both("channel_dimension")
def channel_dimension(shape: TensorShape, data_format: str, min_rank: int = 1) -> int:
    """The number of channels.

    Args:
        shape: The shape.
        data_format: ``"NHWC"`` or the like, or ``"NCHW"`` or the like.
        min_rank: How many axes it must have at least.

    Returns:
        The number.

    Raises:
        ValueError: If there are fewer axes, or it is not known.
    """
    first = data_format.startswith("NC") or data_format == "channels_first"
    return _size(shape, 1 if first else -1, min_rank)


@_both("two_element_tuple")
def two_element_tuple(int_or_tuple: int | Sequence[int] | TensorShape) -> tuple[int, int]:
    """One number for height and width, or two of them.

    Args:
        int_or_tuple: A number, or two.

    Returns:
        Both.

    Raises:
        ValueError: If it is neither.
    """
    return n_positive_integers(2, int_or_tuple)  # type: ignore[return-value]  # two


@_both("n_positive_integers")
def n_positive_integers(n: int, value: Any) -> tuple[int, ...]:
    """One number for all axes, or one for each.

    Args:
        n: The number of axes.
        value: A number, or a list of numbers.

    Returns:
        One for each.

    Raises:
        ValueError: If there is another number of them, or one is not positive.
    """
    given: Any = value.as_list() if isinstance(value, TensorShape) else value
    listed = [given] * n if isinstance(given, int) else [int(number) for number in given]
    listed = listed * n if len(listed) == 1 else listed
    if len(listed) != n or any(number < 1 for number in listed):
        raise ValueError(
            f"value must be a positive integer or a list of {n} of them, not {value!r}."
        )
    return tuple(listed)
