"""Windows that slide over images: where they lie, and their contents as rows of a matrix.

Images are ``[batch, height, width, channels]``. A convolution is a matrix product of the
windows' contents with the filter. The matrix of contents is many times as large as the images,
so it is made for a few images at a time, small enough to stay in the processor's cache, in
buffers that are used again and again.
"""

import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from typing import Any, TypeAlias

import attrs
import numpy as np

from runtime.graph.buffers import Buffers
from runtime.graph.ops.sums import column_sums
from runtime.graph.shapes import Incompatible

Padding: TypeAlias = str | tuple[tuple[int, int], tuple[int, int]]

# What the contents of the windows of a few images may take up, in bytes; and how many windows
# are enough for a product that is worth it.
_CACHE = 1 << 19
_ENOUGH = 512
# Points of fewer bytes are gathered before something is done with them.
_LONG = 512
# How many channels are few.
_FEW = 16


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

    @property
    def whole(self) -> bool:
        """Whether the windows need no padding."""
        return self.before == 0 and self.padded == self.size

    @property
    def points(self) -> bool:
        """Whether each window is an element of the image."""
        return self.before == 0 and self.window == self.stride == 1 and self.count == self.size

    @property
    def inside(self) -> slice:
        """Where the image lies in the padded one."""
        return slice(self.before, self.before + self.size)

    def joined(self, count: int) -> "Axis":
        """The windows if some neighbours at a time are taken as one.

        Args:
            count: How many; a divisor of the number of windows.

        Returns:
            An axis with fewer, larger windows.
        """
        return attrs.evolve(
            self,
            window=self.window + (count - 1) * self.stride,
            stride=self.stride * count,
            count=self.count // count,
        )

    def turned(self) -> "list[tuple[slice, slice, Axis]]":
        """How windows lie on the result of a convolution such that they give the image back.

        Of what lies at distances of the stride each gets its share by the same elements of the
        windows, and by other elements than the rest: so there is a convolution for each.

        Returns:
            For each: its part of the image, the elements, and how the windows lie.
        """
        common = math.gcd(self.stride, self.dilation)
        apart, dilation = self.stride // common, self.dilation // common
        parts = []
        for first in range(min(self.stride, self.size)):
            hits = [
                j
                for j in range(self.window)
                if (first + self.before - j * self.dilation) % self.stride == 0
            ]
            if not hits:
                continue
            start = (first + self.before - hits[-1] * self.dilation) // self.stride
            count = len(range(first, self.size, self.stride))
            elements = slice(hits[-1], hits[0] - 1 if hits[0] else None, -apart)
            axis = Axis(self.count, len(hits), 1, dilation, -start, count)
            parts.append((slice(first, None, self.stride), elements, axis))
        return parts

    @property
    def tiles(self) -> bool:
        """Whether each element of the image is in exactly one window."""
        whole = self.count * self.stride >= self.before + self.size
        return whole and self.window == self.stride

    def part(self, element: int) -> slice:
        """Where an element of all windows lies on the padded image."""
        begin = element * self.dilation
        return slice(begin, begin + (self.count - 1) * self.stride + 1, self.stride)

    @cached_property
    def taps(self) -> list[tuple[slice, slice]]:
        """All elements of the windows: `tap` of each; first those that are in the image in all."""
        every = slice(0, self.count)
        places = [self.tap(element) for element in range(self.window)]
        return sorted(places, key=lambda place: place[0] != every)

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
        self._rows, self._columns = rows, columns
        self._width = rows.window * columns.window * channels
        self._count = rows.count * columns.count
        self._points = rows.points and columns.points
        size = self._count * self._width * np.dtype(dtype).itemsize
        step = max(_CACHE // max(size, 1), -(-_ENOUGH // max(self._count, 1)))
        self.step = max(1, batch if self._points else min(batch, step))
        self._padded = self._matrix = None
        if not rows.whole or not columns.whole:
            self._padded = np.zeros((self.step, rows.padded, columns.padded, channels), dtype)
        if not self._points:
            self._matrix = np.empty((self.step * self._count, self._width), dtype)

    def of(self, images: Any) -> Any:
        """The windows of images.

        Args:
            images: At most `step` images.

        Returns:
            A matrix with a row for each window; it holds until the next call.
        """
        if self._matrix is None:
            return images.reshape(-1, self._width)
        count = len(images)
        matrix = self._matrix[: count * self._count]
        if self._padded is not None:
            self._padded[:count, self._rows.inside, self._columns.inside] = images
            images = self._padded[:count]
        windows = _windows(np.ascontiguousarray(images), self._rows, self._columns)
        np.ndarray(windows.shape, windows.dtype, matrix)[...] = windows
        return matrix


def _windows(images: Any, rows: Axis, columns: Axis) -> Any:
    """A view: batch, rows, columns, rows of the windows, parts of such a row that lie together.

    A part is one element, for NumPy copies elements several times as fast as short rows of them.
    """
    parts = 1 if columns.dilation == 1 else columns.window
    image, row, column, _ = images.strides
    return np.ndarray(
        (len(images), rows.count, columns.count, rows.window, parts),
        np.dtype((np.void, columns.window // parts * column)),
        images,
        strides=(
            image,
            row * rows.stride,
            column * columns.stride,
            row * rows.dilation,
            column * columns.dilation,
        ),
    )


def move(source: Any, target: Any) -> None:
    """Copies images of which only the channels need to lie together, fast if these are few.

    Args:
        source: What to copy.
        target: Where to, of the same shape and type.
    """
    size = source.shape[-1] * source.itemsize
    if source.strides[-1] == target.strides[-1] == source.itemsize and source.size:
        point = np.dtype((np.void, size))
        source, target = source.view(point), target.view(point)
    np.copyto(target, source)


def gathered(part: Any, buffers: Buffers) -> Any:
    """A part of images, lying together if that makes working on it faster.

    Args:
        part: The part, such as every second column.
        buffers: Where memory for it may come from.

    Returns:
        The part itself, or a copy.
    """
    if part.shape[-1] * part.itemsize >= _LONG or part.flags.c_contiguous:
        return part
    copy = buffers.take(part.shape, part.dtype)
    move(part, copy)
    return copy


# For how many keys objects are kept; if there are more, all are forgotten.
_KEYS = 16


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
        if key not in self._free and len(self._free) >= _KEYS:
            self._free.clear()
        self._free.setdefault(key, []).append(made)


# The most windows that are taken as one.
_MOST = 8


def _neighbours(rows: Axis, columns: Axis, channels: int, results: int) -> int:
    """How many neighbouring windows of a row are best taken as one.

    Then less is copied, and the product has more columns, which it is better at; but it
    multiplies by more zeros. In units of the time that copying an element takes, starting to copy
    a row of a window takes about 30, and multiplying and adding about 0.2.
    """

    def cost(count: int) -> float:
        width = columns.joined(count).window * channels
        product = 0.2 * width * (results + 4.5 / count)
        return (30 + width) / count + product

    if columns.dilation != 1:
        return 1
    return min([n for n in range(1, _MOST + 1) if columns.count % n == 0], key=cost)


class Correlation:
    """The products of the windows of images with filters, with the buffers for it.

    Args:
        shape: The shape of the images.
        dtype: Their element type.
        rows: How windows lie along the height.
        columns: How they lie along the width.
        results: The number of filters.
    """

    def __init__(
        self, shape: Sequence[int], dtype: Any, rows: Axis, columns: Axis, results: int
    ) -> None:
        joined = _neighbours(rows, columns, shape[3], results)
        wide = columns.joined(joined)
        self._contents = Contents(shape, dtype, rows, wide)
        self._shape = rows.window, wide.window, shape[3], joined, results
        self._dtype = dtype
        self._places = [
            (slice(None), slice(start, start + columns.window), slice(None), number)
            for number, start in enumerate(range(0, joined * columns.stride, columns.stride))
        ]

    def __call__(self, images: Any, filters: Any, out: Any) -> Any:
        """The convolution.

        Args:
            images: The images.
            filters: ``[rows, columns, channels, filters]``.
            out: Where the result goes: ``[batch, rows, columns, filters]``, contiguous.

        Returns:
            The result.
        """
        matrix = self._matrix(filters)
        for some in self._parts(images):
            rows = out[some].reshape(-1, matrix.shape[1])
            np.matmul(self._contents.of(images[some]), matrix, out=rows)
        return out

    def by_filters(self, images: Any, result: Any) -> Any:
        """The products of the windows with what came out for them, summed over all windows.

        Args:
            images: The images.
            result: What came out: ``[batch, rows, columns, filters]``, contiguous.

        Returns:
            ``[rows, columns, channels, filters]``.
        """
        total: Any = None
        for some in self._parts(images):
            windows = self._contents.of(images[some])
            part = windows.T @ result[some].reshape(len(windows), -1)
            total = part if total is None else np.add(total, part, out=total)
        first, *rest = (total.reshape(self._shape)[place] for place in self._places)
        return sum(rest, start=first)

    def _parts(self, images: Any) -> Iterator[slice]:
        step = self._contents.step
        return (slice(begin, begin + step) for begin in range(0, len(images), step))

    def _matrix(self, filters: Any) -> Any:
        """A column for each filter of each of the windows that are taken as one."""
        if len(self._places) == 1:
            return filters.reshape(-1, filters.shape[3])
        matrix = np.zeros(self._shape, self._dtype)
        for place in self._places:
            matrix[place] = filters
        return matrix.reshape(-1, self._shape[3] * self._shape[4])


class Transposed:
    """The transpose of a convolution, which gives images back, with the buffers for it.

    It is made of convolutions of the result. If the images have few channels these would have to
    copy much for little, and the products are made first and then added to the images.

    Args:
        shape: The shape of the result.
        dtype: Its element type.
        rows: How windows lie along the height of the images.
        columns: How they lie along the width.
        channels: The channels of the images.
    """

    def __init__(
        self, shape: Sequence[int], dtype: Any, rows: Axis, columns: Axis, channels: int
    ) -> None:
        self._axes = rows, columns
        pairs = list(itertools.product(rows.turned(), columns.turned()))
        self._complete = len(pairs) == rows.stride * columns.stride
        few = channels <= _FEW and 4 * channels <= shape[3]
        self._spreads = few or any(axis.before < 0 for pair in pairs for _, _, axis in pair)
        self._parts: list[tuple[Any, Any, Correlation]] = []
        for (height, upper, row), (width, left, column) in () if self._spreads else pairs:
            part = Correlation(shape, dtype, row, column, channels)
            self._parts.append(((slice(None), height, width), (upper, left), part))

    def __call__(self, result: Any, filters: Any, out: Any) -> Any:
        """The images.

        Args:
            result: ``[batch, rows, columns, filters]``.
            filters: ``[rows, columns, channels, filters]``.
            out: Where the images go, contiguous.

        Returns:
            The images.
        """
        if self._spreads:
            return _spread(result, filters, *self._axes, out)
        if not self._complete:
            out[...] = 0
        turned = filters.transpose(0, 1, 3, 2)
        for place, elements, correlation in self._parts:
            if len(self._parts) == 1 and self._complete:
                return correlation(result, turned[elements], out)
            target = out[place]
            made = np.empty(target.shape, out.dtype)
            move(correlation(result, turned[elements], made), target)
        return out


def _spread(result: Any, filters: Any, rows: Axis, columns: Axis, out: Any) -> Any:
    """Adds to each image what its windows give; every channel by itself, in long rows."""
    *window, channels, filled = filters.shape
    matrix = filters.reshape(-1, filled)
    size = rows.count * columns.count * len(matrix) * result.itemsize
    step, places = max(1, _CACHE // max(1, size)), list(taps(rows, columns))
    for begin in range(0, len(result), step):
        part = result[begin : begin + step]
        products = matrix @ part.reshape(-1, filled).T
        windows = products.reshape(*window, channels, *part.shape[:3])
        images = np.zeros((channels, len(part), rows.size, columns.size), out.dtype)
        for i, j, outside, inside in places:
            images[(slice(None), *inside)] += windows[(i, j, slice(None), *outside)]
        out[begin : begin + step] = images.transpose(1, 2, 3, 0)
    return out


class Channelwise:
    """Convolutions of each channel with a filter of its own, with the buffers for them.

    An object is for one of the three computations only.

    Args:
        shape: The shape of the images.
        dtype: Their element type.
        rows: How windows lie along the height.
        columns: How they lie along the width.
    """

    def __init__(self, shape: Sequence[int], dtype: Any, rows: Axis, columns: Axis) -> None:
        batch, _, _, channels = shape
        size = rows.padded * columns.padded * channels * np.dtype(dtype).itemsize
        self._step = max(1, min(batch, _CACHE // max(1, 2 * size)))
        padded = np.zeros((self._step, rows.padded, columns.padded, channels), dtype)
        self._padded, self._inside = padded, padded[:, rows.inside, columns.inside]
        self._product = np.empty((self._step, rows.count, columns.count, channels), dtype)
        self._elements = [
            (i, j, padded[:, rows.part(i), columns.part(j)])
            for i in range(rows.window)
            for j in range(columns.window)
        ]

    def __call__(self, images: Any, filters: Any, out: Any) -> Any:
        """The convolution.

        Args:
            images: The images.
            filters: ``[rows, columns, channels]``.
            out: Where the result goes.

        Returns:
            The result.
        """
        wide = self._wide(filters)
        for some, count in self._parts(images):
            self._inside[:count] = images[some]
            out[some] = 0
            for i, j, part in self._elements:
                out[some] += np.multiply(part[:count], wide[i, j], self._product[:count])
        return out

    def transposed(self, result: Any, filters: Any, out: Any) -> Any:
        """The images that the transpose gives back.

        Args:
            result: What came out.
            filters: ``[rows, columns, channels]``.
            out: Where the images go.

        Returns:
            The images.
        """
        wide = self._wide(filters)
        for some, count in self._parts(result):
            self._padded[:count] = 0
            for i, j, part in self._elements:
                part[:count] += np.multiply(result[some], wide[i, j], self._product[:count])
            out[some] = self._inside[:count]
        return out

    def by_filters(self, images: Any, result: Any, out: Any) -> Any:
        """The products of the windows with what came out for them, summed over all windows.

        Args:
            images: The images.
            result: What came out.
            out: Where the sums go: ``[rows, columns, channels]``.

        Returns:
            The sums.
        """
        out[...] = 0
        for some, count in self._parts(images):
            self._inside[:count] = images[some]
            for i, j, part in self._elements:
                product = np.multiply(part[:count], result[some], self._product[:count])
                out[i, j] += column_sums(product.reshape(-1, product.shape[-1]))
        return out

    def _parts(self, images: Any) -> Iterator[tuple[slice, int]]:
        for begin in range(0, len(images), self._step):
            some = slice(begin, min(begin + self._step, len(images)))
            yield some, some.stop - begin

    def _wide(self, filters: Any) -> Any:
        """The filters, repeated along a row of windows: NumPy is faster with long rows."""
        columns = self._product.shape[2]
        wide = np.empty((*filters.shape[:2], columns, filters.shape[2]), filters.dtype)
        wide[...] = filters[:, :, None]
        return wide
