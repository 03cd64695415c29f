"""Sums of short rows and columns, by products with ones.

BLAS has such a product several times as fast as NumPy has the reduction of a small array.
"""

import math
from functools import lru_cache
from typing import Any, Final

import numpy as np

from runtime.graph.definition import Kernel
from runtime.graph.shapes import Dims

# So many numbers at a time are added up at least as exactly as NumPy does, too.
SHORT: Final = 4096
# What has fewer elements is not worth a look at its shape.
_FEW: Final = 4096


def is_quick(count: int, dtype: np.dtype[Any]) -> bool:
    """Whether a sum is better taken by a product.

    Args:
        count: How many numbers are added up.
        dtype: Their type.

    Returns:
        True if a product is quicker, and as exact.
    """
    return 0 < count <= SHORT and dtype.char in "fd"


@lru_cache(256)
def ones(shape: int | tuple[int, ...], dtype: np.dtype[Any]) -> Any:
    """An array of ones that is shared, so nobody may change it.

    Args:
        shape: Its shape.
        dtype: Its type.

    Returns:
        The array.
    """
    return np.ones(shape, dtype)


def quick_sum(
    dims: Dims, axes: tuple[int, ...] | None, keep: bool, dtype: np.dtype[Any]
) -> Kernel | None:
    """A quick kernel for a sum.

    Args:
        dims: The shape of what is summed.
        axes: Over which axes; all if None.
        keep: Whether they stay, with size 1.
        dtype: The element type.

    Returns:
        A function of the array; None if `numpy.add.reduce` does it better, or not enough is known.
    """
    if not dims or None in dims:
        return None
    sizes: Any = dims
    gone = set(range(len(dims)) if axes is None else [axis % len(dims) for axis in axes])
    count = math.prod(sizes[axis] for axis in gone)
    if not is_quick(count, dtype):
        return None
    if len(gone) == len(dims):
        return None if keep else _total(len(dims), ones(count, dtype))
    if len(dims) == 2 and gone == {1}:
        column = ones((count, 1) if keep else count, dtype)
        return lambda x: x.dot(column)
    if len(dims) == 2 and gone == {0}:
        product: Kernel = ones((1, count) if keep else count, dtype).dot
        return product
    return None


def _total(rank: int, weights: Any) -> Kernel:
    product: Kernel = weights.dot
    return product if rank == 1 else lambda x: product(x.ravel())


def column_sums(matrix: Any) -> Any:
    """Sums a matrix over its first axis.

    Args:
        matrix: Numbers of shape [rows, columns].

    Returns:
        A vector.
    """
    rows, dtype = len(matrix), matrix.dtype
    if dtype.char not in "fd":
        return np.add.reduce(matrix, 0)
    if rows <= SHORT:
        return ones(rows, dtype).dot(matrix)
    whole = rows - rows % SHORT
    parts = ones(SHORT, dtype) @ matrix[:whole].reshape(-1, SHORT, matrix.shape[1])
    return np.add.reduce(parts, 0) + column_sums(matrix[whole:])


def sums_over(axes: tuple[int, ...] | None) -> Kernel:
    """What sums numbers over axes.

    Args:
        axes: The axes; None for all.

    Returns:
        A function of an array, that gives an array without these axes.
    """
    if not axes or axes != tuple(range(len(axes))):
        only = axes[0] if axes and len(axes) == 1 else axes
        return lambda value: np.add.reduce(value, only)
    lead = len(axes)

    def kernel(value: Any) -> Any:
        if value.size < _FEW or value.ndim == lead or not value.flags.c_contiguous:
            return np.add.reduce(value, axes)
        kept = value.shape[lead:]
        return column_sums(value.reshape(-1, math.prod(kept))).reshape(kept)

    return kernel
