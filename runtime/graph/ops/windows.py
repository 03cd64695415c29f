"""Windows that slide over images: where they lie, and their contents as rows of a matrix.

Images are ``[batch, height, width, channels]``. A convolution is a matrix product of the
windows' contents with the filter. The matrix of contents is many times as large as the images,
so it is made for a few images at a time, small enough to stay in the processor's cache, in
buffers that are used again and again.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeAlias

import attrs
import numpy as np
from numpy.lib.stride_tricks import as_strided

from runtime.graph.shapes import Incompatible

Padding: TypeAlias = str | tuple[tuple[int, int], tuple[int, int]]

# What the contents of the windows of a few images may take up, in bytes.
_CACHE = 1 << 19
# Rows of windows that are shorter are copied column by column, which has longer inner loops.
_SHORT = 12


@attrs.frozen
class Axis:
    """How windows lie along one axis.

    Attributes:
        size: The size of the image.
        window: The number of elements of a window.
        stride: The distance of neighbouring windows.
        dilation: The distance of neighbouring elements of a window.
        before: How many rows of padding are before the image.
        count: The number of windows.
    """

    size: int
    window: int
    stride: int
    dilation: int
    before: int
    count: int

    @property
    def padded(self) -> int:
        """The size of the image with as much padding as the windows reach."""
        reach = (self.count - 1) * self.stride + (self.window - 1) * self.dilation + 1
        return max(reach, self.before + self.size)

    def tap(self, element: int) -> tuple[slice, slice]:
        """Where an element of the windows falls on the image.

        Args:
            element: The number of the element in a window.

        Returns:
            The windows for which it does, and where.
        """
        offset = element * self.dilation - self.before
        first = max(0, -(offset // self.stride))
        last = min(self.count, (self.size - 1 - offset) // self.stride + 1)
        if last <= first:
            return slice(0, 0), slice(0, 0)
        begin = first * self.stride + offset
        end = (last - 1) * self.stride + offset + 1
        return slice(first, last), slice(begin, end, self.stride)


def window_count(
    size: int | None, window: int | None, stride: int, dilation: int, padding: str | tuple[int, int]
) -> int | None:
    """The number of windows along an axis.

    Source: "Notes on padding" in the ``tf.nn`` documentation.

    Args:
        size: The size of the image, or None.
        window: The number of elements of a window, or None.
        stride: The distance of neighbouring windows.
        dilation: The distance of neighbouring elements of a window.
        padding: ``"SAME"``, ``"VALID"`` or the rows before and after the image.

    Returns:
        The number, or None if it is not known.

    Raises:
        Incompatible: If a window is larger than the image.
    """
    if size is None or (window is None and padding != "SAME"):
        return None
    if padding == "SAME":
        return -(-size // stride)
    assert window is not None
    total = size + (0 if padding == "VALID" else sum(padding))  # type: ignore[arg-type]  # a pair
    reach = (window - 1) * dilation + 1
    if reach > total:
        raise Incompatible(
            f"a window of {reach} is larger than the image of {total} (size {size}, padding "
            f"{padding})"
        )
    return (total - reach) // stride + 1


def axis_of(
    size: int, window: int, stride: int, dilation: int, padding: str | tuple[int, int]
) -> Axis:
    """How windows lie along an axis.

    Args:
        size: The size of the image.
        window: The number of elements of a window.
        stride: The distance of neighbouring windows.
        dilation: The distance of neighbouring elements of a window.
        padding: ``"SAME"``, ``"VALID"`` or the rows before and after the image.

    Returns:
        The axis.
    """
    count = window_count(size, window, stride, dilation, padding) or 0
    if padding == "SAME":
        missing = (count - 1) * stride + (window - 1) * dilation + 1 - size
        before = max(missing, 0) // 2
    else:
        before = 0 if padding == "VALID" else int(padding[0])
    return Axis(size, window, stride, dilation, before, count)


def along(padding: Padding, axis: int) -> str | tuple[int, int]:
    """The padding along one axis.

    Args:
        padding: ``"SAME"``, ``"VALID"`` or pairs.
        axis: 0 for the height, 1 for the width.

    Returns:
        The same string, or the pair.
    """
    return padding if isinstance(padding, str) else padding[axis]


def taps(rows: Axis, columns: Axis) -> Iterator[tuple[int, int, Any, Any]]:
    """All elements of the windows.

    Args:
        rows: How windows lie along the height.
        columns: How they lie along the width.

    Yields:
        Row and column of the element, the index of the windows and that of the image.
    """
    for i in range(rows.window):
        for j in range(columns.window):
            (out_rows, in_rows), (out_columns, in_columns) = rows.tap(i), columns.tap(j)
            yield i, j, (slice(None), out_rows, out_columns), (slice(None), in_rows, in_columns)


class Contents:
    """The windows' contents of a few images at a time, as a matrix.

    Args:
        shape: The shape of the images.
        dtype: Their element type.
        rows: How windows lie along the height.
        columns: How they lie along the width.

    Attributes:
        step: The number of images at a time.
    """

    def __init__(self, shape: Sequence[int], dtype: Any, rows: Axis, columns: Axis) -> None:
        batch, _, _, channels = shape
        content = rows.window * columns.window * channels
        row = rows.count * columns.count * content * np.dtype(dtype).itemsize
        self.step = max(1, min(batch, _CACHE // max(row, 1)))
        self._by_column = columns.window * channels < _SHORT
        self._padded = np.zeros((self.step, rows.padded, columns.padded, channels), dtype)
        self._inside = self._padded[
            :,
            rows.before : rows.before + rows.size,
            columns.before : columns.before + columns.size,
        ]
        self._windows = _windows(self._padded, rows, columns)
        if self._by_column:
            self._windows = self._windows.transpose(3, 4, 5, 0, 1, 2)
        self._copy = np.empty(self._windows.shape, dtype)
        self._content = content
        self._per_image = rows.count * columns.count

    def of(self, images: Any) -> Any:
        """The windows of images.

        Args:
            images: At most `step` images.

        Returns:
            A matrix with a row for each window; it holds until the next call.
        """
        count = len(images)
        self._inside[:count] = images
        np.copyto(self._copy, self._windows)
        if self._by_column:
            return self._copy.reshape(self._content, -1).T[: count * self._per_image]
        return self._copy.reshape(-1, self._content)[: count * self._per_image]


def _windows(padded: Any, rows: Axis, columns: Axis) -> Any:
    """A view of images: batch, rows, columns, rows and columns of the windows, channels."""
    batch, _, _, channels = padded.shape
    image, row, column, item = padded.strides
    return as_strided(
        padded,
        (batch, rows.count, columns.count, rows.window, columns.window, channels),
        (
            image,
            row * rows.stride,
            column * columns.stride,
            row * rows.dilation,
            column * columns.dilation,
            item,
        ),
    )


class Pool:
    """Objects with buffers, made when there is none free. Threads may share it.

    Args:
        make: Makes an object for a key.
    """

    def __init__(self, make: Callable[..., Any]) -> None:
        self._make = make
        self._free: dict[Any, list[Any]] = {}

    def take(self, *key: Any) -> Any:
        """An object that nobody uses.

        Args:
            *key: What it is made of.

        Returns:
            The object, to be given back.
        """
        try:
            return self._free[key].pop()
        except (KeyError, IndexError):
            return self._make(*key)

    def give(self, made: Any, *key: Any) -> None:
        """Takes an object back.

        Args:
            made: The object.
            *key: What it was made of.
        """
        self._free.setdefault(key, []).append(made)


def correlate(contents: Contents, images: Any, matrix: Any, out: Any) -> Any:
    """The products of the windows with a matrix.

    Args:
        contents: The buffers.
        images: The images.
        matrix: A column for each channel of the result.
        out: Where the result goes: ``[batch, rows, columns, channels]``.

    Returns:
        The result.
    """
    channels = out.shape[-1]
    for begin in range(0, len(images), contents.step):
        part = out[begin : begin + contents.step]
        np.matmul(
            contents.of(images[begin : begin + contents.step]),
            matrix,
            out=part.reshape(-1, channels),
        )
    return out


def correlate_with_result(contents: Contents, images: Any, result: Any) -> Any:
    """The products of the windows with what came out for them, summed over all windows.

    Args:
        contents: The buffers.
        images: The images.
        result: What came out: ``[batch, rows, columns, channels]``.

    Returns:
        A matrix: elements of a window × channels.
    """
    channels = result.shape[-1]
    total: Any = None
    for begin in range(0, len(images), contents.step):
        windows = contents.of(images[begin : begin + contents.step])
        part = windows.T @ result[begin : begin + contents.step].reshape(-1, channels)
        total = part if total is None else np.add(total, part, out=total)
    return total


def spread(result: Any, matrix: Any, rows: Axis, columns: Axis, channels: int) -> Any:
    """Adds to each image what its windows give, the transpose of `correlate`.

    Args:
        result: ``[batch, rows, columns, channels of the result]``.
        matrix: Elements of a window × channels of the result.
        rows: How windows lie along the height.
        columns: How they lie along the width.
        channels: The channels of the images.

    Returns:
        The images.
    """
    batch = len(result)
    images = np.zeros((batch, rows.size, columns.size, channels), result.dtype)
    content = matrix.shape[0]
    step = max(1, _CACHE // max(1, rows.count * columns.count * content * result.itemsize))
    places = list(taps(rows, columns))
    for begin in range(0, batch, step):
        part = result[begin : begin + step]
        inner = part.reshape(-1, part.shape[-1]) @ matrix.T
        windows = inner.reshape(*part.shape[:3], rows.window, columns.window, channels)
        image = images[begin : begin + step]
        for i, j, outside, inside in places:
            image[inside] += windows[(*outside, i, j)]
    return images
