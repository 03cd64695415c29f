"""Pooling: the largest or the mean of each window of images."""

from functools import lru_cache
from typing import Any

import numpy as np

from runtime.graph import dtypes
from runtime.graph.buffers import Buffers
from runtime.graph.convert import TensorLike, convert_to_tensor
from runtime.graph.definition import Definition, Kernel, Spec, View
from runtime.graph.export import export
from runtime.graph.ops.array import _target, expand_dims, shape, squeeze
from runtime.graph.ops.convolution import (
    _flat_pair,
    channels_last,
    checked_format,
    checked_padding,
    in_order,
    inner_name,
    pair_of,
    window_dims,
)
from runtime.graph.ops.rules import checked_kind, renamed
from runtime.graph.ops.windows import Axis, along, axis_of, gathered, move, taps
from runtime.graph.shapes import Incompatible, described
from runtime.graph.tensor import Tensor


def _pooled(view: View) -> Spec:
    images = view.first.dims
    if images is None:
        return Spec(view.first.dtype, (None,) * 4)
    if len(images) != 4:
        raise Incompatible(f"images must have four axes, not the shape {described(images)}")
    try:
        rows, columns = window_dims(view, images, view["ksize"])
    except Incompatible as error:
        raise Incompatible(
            f"images of shape {described(images)} and windows of {view['ksize']} don't fit: {error}"
        ) from None
    return Spec(view.first.dtype, (images[0], rows, columns, images[3]))


def _axes(view: View, images: Any) -> tuple[Axis, Axis]:
    rows, columns = (
        axis_of(
            images[1 + axis],
            view["ksize"][axis],
            view["strides"][axis],
            1,
            along(view["padding"], axis),
        )
        for axis in (0, 1)
    )
    return rows, columns


class _Geometry:
    """How windows lie on images, kept for the shapes that were seen last."""

    def __init__(self, view: View) -> None:
        self.axes = lru_cache(8)(lambda shape: _axes(view, shape))
        self.places = lru_cache(8)(lambda shape: list(taps(*self.axes(shape))))


def _combined(
    ufunc: Any, neutral: Any, images: Any, number: int, axis: Axis, buffers: Buffers
) -> Any:
    """What a ufunc makes of the windows along one axis: the second or the third."""
    lead = (slice(None),) * number
    shape = *images.shape[:number], axis.count, *images.shape[number + 1 :]
    result = buffers.take(shape, images.dtype)
    first, *rest = axis.taps
    if first[0] == slice(0, axis.count):
        move(images[(*lead, first[1])], result)
    else:
        result.fill(neutral)
        rest = [first, *rest]
    for outside, inside in rest:
        part = result[(*lead, outside)]
        ufunc(part, gathered(images[(*lead, inside)], buffers), out=part)
    return result


def _bind_pool(ufunc: Any, neutral: Any, view: View) -> Kernel:
    geometry, buffers = _Geometry(view), view.buffers

    def kernel(images: Any) -> Any:
        rows, columns = geometry.axes(images.shape)
        upper = _combined(ufunc, neutral, images, 1, rows, buffers)
        return _combined(ufunc, neutral, upper, 2, columns, buffers)

    return kernel


def _bind_max(view: View) -> Kernel:
    dtype = view.first.dtype
    return _bind_pool(np.maximum, -np.inf if dtype.is_floating else dtype.min, view)


def _bind_max_gradient(view: View) -> Kernel:
    """The gradient goes to the first of the largest elements of each window."""
    geometry, buffers = _Geometry(view), view.buffers

    def kernel(images: Any, pooled: Any, dy: Any) -> Any:
        rows, columns = geometry.axes(images.shape)
        result = buffers.take(images.shape, dy.dtype)
        if not rows.tiles or not columns.tiles:
            result.fill(0)
        apart = rows.window <= rows.stride and columns.window <= columns.stride
        left = np.ones(pooled.shape, bool)
        for _, _, outside, inside in geometry.places(images.shape):
            hit = gathered(images[inside], buffers) == pooled[outside]
            hit &= left[outside]
            left[outside] ^= hit
            share = np.multiply(dy[outside], hit, buffers.take(hit.shape, dy.dtype))
            _put(share, result[inside], apart, buffers)
        return result

    return kernel


def _put(share: Any, part: Any, apart: bool, buffers: Buffers) -> None:
    """Puts shares where they belong; adds them if others lie there, too."""
    if apart:
        move(share, part)
    elif (place := gathered(part, buffers)) is part:
        part += share
    else:
        place += share
        move(place, part)


def _bind_max_second(view: View) -> Kernel:
    def kernel(images: Any, pooled: Any, ddx: Any) -> Any:
        rows, columns = _axes(view, images.shape)
        result = np.zeros(pooled.shape, ddx.dtype)
        left = np.ones(pooled.shape, bool)
        for _, _, outside, inside in taps(rows, columns):
            hit = images[inside] == pooled[outside]
            hit &= left[outside]
            left[outside] ^= hit
            result[outside] += ddx[inside] * hit
        return result

    return kernel


def _counts(rows: Axis, columns: Axis, dtype: Any) -> Any:
    """How many elements of each window fall on the image."""
    sizes = []
    for axis in (rows, columns):
        places = [axis.tap(element)[0] for element in range(axis.window)]
        count = np.zeros(axis.count, dtype)
        for place in places:
            count[place] += 1
        sizes.append(count)
    return (sizes[0][:, None] * sizes[1])[..., None]


def _bind_mean(view: View) -> Kernel:
    total, geometry = _bind_pool(np.add, 0, view), _Geometry(view)

    def kernel(images: Any) -> Any:
        result = total(images)
        result /= _counts(*geometry.axes(images.shape), images.dtype)
        return result

    return kernel


def _bind_mean_gradient(view: View) -> Kernel:
    geometry, buffers = _Geometry(view), view.buffers

    def kernel(sizes: Any, dy: Any) -> Any:
        rows, columns = geometry.axes(tuple(sizes.tolist()))
        share = dy / _counts(rows, columns, dy.dtype)
        return _spread(_spread(share, 2, columns, buffers), 1, rows, buffers)

    return kernel


def _spread(share: Any, number: int, axis: Axis, buffers: Buffers) -> Any:
    """Gives each element of the windows along an axis the share of its window."""
    lead = (slice(None),) * number
    result = buffers.take(
        (*share.shape[:number], axis.size, *share.shape[number + 1 :]), share.dtype
    )
    if not axis.tiles:
        result.fill(0)
    for outside, inside in axis.taps:
        part = result[(*lead, inside)]
        _put(share[(*lead, outside)], part, axis.window <= axis.stride, buffers)
    return result


def _options(op: Any) -> dict[str, Any]:
    return {key: op.attributes[key] for key in ("ksize", "strides", "padding", "dilations")}


MAX: Definition = Definition(
    "MaxPool",
    _pooled,
    bind=_bind_max,
    gradient=lambda op, dy: [MAX_GRADIENT(op.inputs[0], op.outputs[0], dy, **_options(op))],
)
MAX_GRADIENT: Definition = Definition(
    "MaxPoolGrad",
    lambda view: Spec(view.inputs[2].dtype, view.first.dims),
    bind=_bind_max_gradient,
    gradient=lambda op, ddx: [None, None, MAX_SECOND(*op.inputs[:2], ddx, **_options(op))],
    floating=True,
)
MAX_SECOND: Definition = Definition(
    "MaxPoolGradGrad",
    lambda view: Spec(view.inputs[2].dtype, view.inputs[1].dims),
    bind=_bind_max_second,
    gradient=lambda op, dy: [None, None, MAX_GRADIENT(*op.inputs[:2], dy, **_options(op))],
    floating=True,
)
MEAN: Definition = Definition(
    "AvgPool",
    _pooled,
    bind=_bind_mean,
    gradient=lambda op, dy: [
        MEAN_GRADIENT(shape(op.inputs[0]), dy, dims=op.inputs[0].dims, **_options(op))
    ],
    floating=True,
)
MEAN_GRADIENT: Definition = Definition(
    "AvgPoolGrad",
    lambda view: Spec(view.inputs[1].dtype, _target(view, 0)),
    bind=_bind_mean_gradient,
    gradient=lambda op, dx: [None, MEAN(dx, **_options(op))],
    floating=True,
)


def _pool(
    definition: Definition,
    value: TensorLike,
    ksize: Any,
    strides: Any,
    padding: Any,
    data_format: str | None,
    name: str,
) -> Tensor:
    what = name.rpartition("/")[2] or definition.type
    order = checked_format(data_format, what)
    kinds = "f" if definition is MEAN else "fiu"
    images = checked_kind(convert_to_tensor(value), kinds, definition.type)
    if images.dims is not None and len(images.dims) != 4:
        raise ValueError(
            f"{definition.type} needs images of four axes, but {images.name!r} has shape "
            f"{described(images.dims)}."
        )
    result = definition(
        channels_last(images, order),
        ksize=pair_of(ksize, f"ksize of {what}", order),
        strides=pair_of(strides, f"strides of {what}", order),
        dilations=(1, 1),
        padding=checked_padding(padding, order, what),
        name=inner_name(name, order),
    )
    return in_order(result, order, name)


@export("nn.max_pool")
def max_pool(
    value: TensorLike,
    ksize: Any,
    strides: Any,
    padding: Any,
    data_format: str = "NHWC",
    name: str | None = None,
    input: TensorLike = None,
) -> Tensor:
    """The largest element of each window, for each channel.

    Args:
        value: Images: ``[batch, height, width, channels]``.
        ksize: The size of the windows, for each axis of the images.
        strides: The distance of neighbouring windows, for each axis.
        padding: ``"SAME"``, ``"VALID"``, or pairs of rows before and after, for each axis.
        data_format: The order of the axes: ``"NHWC"`` or ``"NCHW"``.
        name: Name of the operation.
        input: The new name of `value`.

    Returns:
        ``[batch, rows, columns, channels]``. The gradient goes to the first of the largest.

    Raises:
        ValueError: If the windows don't fit.
    """
    images = renamed(input, value, "input", "value")
    return _pool(MAX, images, ksize, strides, padding, data_format, name or "MaxPool")


@export("nn.avg_pool")
def avg_pool(
    value: TensorLike,
    ksize: Any,
    strides: Any,
    padding: Any,
    data_format: str = "NHWC",
    name: str | None = None,
    input: TensorLike = None,
) -> Tensor:
    """The mean of each window, for each channel. Padding does not count.

    Args:
        value: Images: ``[batch, height, width, channels]``.
        ksize: The size of the windows, for each axis of the images.
        strides: The distance of neighbouring windows, for each axis.
        padding: ``"SAME"`` or ``"VALID"``.
        data_format: The order of the axes: ``"NHWC"`` or ``"NCHW"``.
        name: Name of the operation.
        input: The new name of `value`.

    Returns:
        ``[batch, rows, columns, channels]``.

    Raises:
        ValueError: If the windows don't fit.
    """
    images = renamed(input, value, "input", "value")
    return _pool(MEAN, images, ksize, strides, padding, data_format, name or "AvgPool")


@export("nn.max_pool2d")
def max_pool2d(
    input: TensorLike,
    ksize: Any,
    strides: Any,
    padding: Any,
    data_format: str = "NHWC",
    name: str | None = None,
) -> Tensor:
    """The same as `max_pool`.

    Args:
        input: Images.
        ksize: The size of the windows.
        strides: The distance of neighbouring windows.
        padding: ``"SAME"``, ``"VALID"``, or pairs of rows.
        data_format: The order of the axes.
        name: Name of the operation.

    Returns:
        ``[batch, rows, columns, channels]``.
    """
    return _pool(MAX, input, ksize, strides, padding, data_format, name or "MaxPool2d")


@export("nn.avg_pool2d")
def avg_pool2d(
    value: TensorLike,
    ksize: Any,
    strides: Any,
    padding: Any,
    data_format: str = "NHWC",
    name: str | None = None,
    input: TensorLike = None,
) -> Tensor:
    """The same as `avg_pool`.

    Args:
        value: Images.
        ksize: The size of the windows.
        strides: The distance of neighbouring windows.
        padding: ``"SAME"`` or ``"VALID"``.
        data_format: The order of the axes.
        name: Name of the operation.
        input: The new name of `value`.

    Returns:
        ``[batch, rows, columns, channels]``.
    """
    return avg_pool(value, ksize, strides, padding, data_format, name, input)


def _pool1d(
    definition: Definition,
    input: TensorLike,
    ksize: Any,
    strides: Any,
    padding: Any,
    data_format: str | None,
    name: str,
) -> Tensor:
    from runtime.graph.graph import get_default_graph

    if data_format not in (None, "NWC", "NCW"):
        raise ValueError(f"data_format of {name} must be 'NWC' or 'NCW', not {data_format!r}.")
    order, axis = ("NCHW", 2) if data_format == "NCW" else ("NHWC", 1)
    with get_default_graph().name_scope(name):
        images = expand_dims(input, axis)
        size, step = (
            _flat_pair(ksize, f"ksize of {name}"),
            _flat_pair(strides, f"strides of {name}"),
        )
        result = _pool(definition, images, size, step, padding, order, definition.type)
        return squeeze(result, [axis])


@export("nn.max_pool1d")
def max_pool1d(
    input: TensorLike,
    ksize: Any,
    strides: Any,
    padding: str,
    data_format: str = "NWC",
    name: str | None = None,
) -> Tensor:
    """The largest element of each window of sequences.

    Args:
        input: Sequences: ``[batch, length, channels]``.
        ksize: The size of the windows.
        strides: The distance of neighbouring windows.
        padding: ``"SAME"`` or ``"VALID"``.
        data_format: ``"NWC"`` or ``"NCW"``.
        name: Name of the operation.

    Returns:
        ``[batch, windows, channels]``.
    """
    return _pool1d(MAX, input, ksize, strides, padding, data_format, name or "MaxPool1d")


@export("nn.avg_pool1d")
def avg_pool1d(
    input: TensorLike,
    ksize: Any,
    strides: Any,
    padding: str,
    data_format: str = "NWC",
    name: str | None = None,
) -> Tensor:
    """The mean of each window of sequences.

    Args:
        input: Sequences: ``[batch, length, channels]``.
        ksize: The size of the windows.
        strides: The distance of neighbouring windows.
        padding: ``"SAME"`` or ``"VALID"``.
        data_format: ``"NWC"`` or ``"NCW"``.
        name: Name of the operation.

    Returns:
        ``[batch, windows, channels]``.
    """
    return _pool1d(MEAN, input, ksize, strides, padding, data_format, name or "AvgPool1D")


def _bind_argmax(view: View) -> Kernel:
    whole = view["include_batch_in_index"]

    def kernel(images: Any) -> Any:
        rows, columns = _axes(view, images.shape)
        batch, height, width, channels = images.shape
        numbers = np.arange(height * width * channels).reshape(1, height, width, channels)
        if whole:
            numbers = numbers + (np.arange(batch) * numbers.size)[:, None, None, None]
        best = np.full((batch, rows.count, columns.count, channels), -np.inf, images.dtype)
        where = np.zeros(best.shape, view["index_type"].numpy)
        for _, _, outside, inside in taps(rows, columns):
            hit = images[inside] > best[outside]
            np.copyto(best[outside], images[inside], where=hit)
            np.copyto(where[outside], numbers[inside], where=hit, casting="same_kind")
        return best, where

    return kernel


MAX_WITH_ARGMAX: Definition = Definition(
    "MaxPoolWithArgmax",
    lambda view: (_pooled(view), Spec(view["index_type"], _pooled(view).dims)),
    bind=_bind_argmax,
    gradient=lambda op, dy, _: [MAX_GRADIENT(op.inputs[0], op.outputs[0], dy, **_options(op))],
    floating=True,
)


@export("nn.max_pool_with_argmax")
def max_pool_with_argmax(
    input: TensorLike,
    ksize: Any,
    strides: Any,
    padding: Any,
    data_format: str = "NHWC",
    Targmax: Any = None,
    name: str | None = None,
    output_dtype: Any = None,
    include_batch_in_index: bool = False,
) -> tuple[Tensor, Tensor]:
    """The largest element of each window and where it lies.

    Args:
        input: Images: ``[batch, height, width, channels]``.
        ksize: The size of the windows, for each axis of the images.
        strides: The distance of neighbouring windows, for each axis.
        padding: ``"SAME"`` or ``"VALID"``.
        data_format: ``"NHWC"``.
        Targmax: The type of the indices; int64 if None.
        name: Name of the operation.
        output_dtype: The new name of `Targmax`.
        include_batch_in_index: Whether indices count through the whole batch.

    Returns:
        The elements, and their indices in the flattened image.
    """
    if data_format != "NHWC":
        raise ValueError(f"max_pool_with_argmax works on 'NHWC' only, not {data_format!r}.")
    chosen = renamed(output_dtype, Targmax, "output_dtype", "Targmax")
    made: tuple[Tensor, Tensor] = MAX_WITH_ARGMAX(
        checked_kind(convert_to_tensor(input), "f", "MaxPoolWithArgmax"),
        ksize=pair_of(ksize, "ksize of max_pool_with_argmax"),
        strides=pair_of(strides, "strides of max_pool_with_argmax"),
        dilations=(1, 1),
        padding=checked_padding(padding, "NHWC", "max_pool_with_argmax"),
        index_type=dtypes.as_dtype(chosen or dtypes.int64),
        include_batch_in_index=include_batch_in_index,
        name=name or "MaxPoolWithArgmax",
    )
    return made
