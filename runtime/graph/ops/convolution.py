"""Convolutions of images.

The operations work on ``[batch, height, width, channels]``; for ``NCHW`` the axes are exchanged
before and after.
"""

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np

from runtime.graph.convert import TensorLike, convert_to_tensor, same_type
from runtime.graph.definition import Definition, Spec, View
from runtime.graph.export import export
from runtime.graph.ops.array import (
    _target,
    expand_dims,
    shape,
    shape_argument,
    squeeze,
    transpose,
)
from runtime.graph.ops.rules import checked_kind, renamed
from runtime.graph.ops.windows import (
    Axis,
    Channelwise,
    Correlation,
    Padding,
    Pool,
    Transposed,
    along,
    axis_of,
    window_count,
)
from runtime.graph.shapes import Dims, Incompatible, compatible, described
from runtime.graph.tensor import Tensor

Pair: TypeAlias = tuple[int, int]


# Arguments.


def pair_of(value: Any, what: str, data_format: str | None = "NHWC") -> Pair:
    """The height's and width's part of an argument such as strides.

    Args:
        value: One number, two, or four: one for each axis of the images.
        what: The argument, for messages.
        data_format: The order of the axes.

    Returns:
        Two numbers.

    Raises:
        ValueError: If it is something else, or batch or channels have another number than 1.
    """
    if value is None:
        raise ValueError(f"{what} must be given.")
    listed = [value] if not isinstance(value, (list, tuple)) else list(value)
    numbers = [int(number) for number in listed]
    if len(numbers) in (1, 2):
        return numbers[0], numbers[-1]
    if len(numbers) != 4:
        raise ValueError(f"{what} must be 1, 2 or 4 numbers, not {value!r}.")
    first, second = (2, 3) if data_format == "NCHW" else (1, 2)
    rest = [n for i, n in enumerate(numbers) if i not in (first, second)]
    if rest != [1, 1]:
        raise ValueError(
            f"{what} must be 1 for the batch and the channels ({data_format}), not {value!r}."
        )
    return numbers[first], numbers[second]


def checked_format(data_format: str | None, what: str) -> str:
    """The order of the axes of images.

    Args:
        data_format: ``"NHWC"``, ``"NCHW"`` or None.
        what: The function, for the message.

    Returns:
        The order; ``"NHWC"`` if None.

    Raises:
        ValueError: If it is something else.
    """
    if data_format not in (None, "NHWC", "NCHW"):
        raise ValueError(f"data_format of {what} must be 'NHWC' or 'NCHW', not {data_format!r}.")
    return data_format or "NHWC"


def checked_padding(padding: Any, data_format: str, what: str) -> Padding:
    """The padding of images.

    Args:
        padding: ``"SAME"``, ``"VALID"``, or the rows before and after for each axis.
        data_format: The order of the axes.
        what: The function, for the message.

    Returns:
        The string, or the pairs for height and width.

    Raises:
        ValueError: If it is something else.
    """
    if isinstance(padding, str) and padding.upper() in ("SAME", "VALID"):
        return padding.upper()
    if isinstance(padding, (list, tuple)) and len(padding) == 4:
        first = 2 if data_format == "NCHW" else 1
        rows, columns = padding[first], padding[first + 1]
        return (int(rows[0]), int(rows[1])), (int(columns[0]), int(columns[1]))
    raise ValueError(
        f"padding of {what} must be 'SAME', 'VALID' or a list of pairs for each of the four "
        f"axes, not {padding!r}."
    )


def channels_last(tensor: Tensor, data_format: str) -> Tensor:
    """Images with the channels as the last axis.

    Args:
        tensor: Images.
        data_format: The order of their axes.

    Returns:
        The same images as ``NHWC``.
    """
    return transpose(tensor, [0, 2, 3, 1]) if data_format == "NCHW" else tensor


def in_order(tensor: Tensor, data_format: str, name: str) -> Tensor:
    """Images with the axes in the order that the user works with.

    Args:
        tensor: Images as ``NHWC``.
        data_format: The order that is wanted.
        name: Name of the operation that gives it, if one is needed.

    Returns:
        The images.
    """
    return transpose(tensor, [0, 3, 1, 2], name=name) if data_format == "NCHW" else tensor


def images_of(value: TensorLike, what: str) -> Tensor:
    """A tensor of images.

    Args:
        value: What was given.
        what: The operation, for messages.

    Returns:
        A tensor with four axes, or of unknown rank.

    Raises:
        ValueError: If it has another number of axes.
    """
    tensor = checked_kind(convert_to_tensor(value), "f", what)
    if tensor.dims is not None and len(tensor.dims) != 4:
        raise ValueError(
            f"{what} needs images of four axes (batch, height, width, channels in the order of "
            f"data_format), but {tensor.name!r} has shape {described(tensor.dims)}."
        )
    return tensor


def inner_name(name: str, data_format: str) -> str:
    """The name of an operation on ``NHWC`` whose result may have to be turned.

    Args:
        name: The name of the whole.
        data_format: The order of the axes that the user works with.

    Returns:
        The name, free for the turned result if there is one.
    """
    return f"{name.rstrip('/')}_nhwc" if data_format == "NCHW" else name


# Shapes.


def window_dims(view: View, images: Dims, window: Dims) -> tuple[int | None, int | None]:
    """The numbers of windows along height and width.

    Args:
        view: An operation with strides, dilations and padding.
        images: The shape of the images.
        window: Height and width of a window.

    Returns:
        The numbers, None where unknown.
    """
    rows, columns = (
        window_count(
            None if images is None else images[1 + axis],
            None if window is None else window[axis],
            view["strides"][axis],
            view["dilations"][axis],
            along(view["padding"], axis),
        )
        for axis in (0, 1)
    )
    return rows, columns


def _check_filter(images: Dims, filters: Dims) -> None:
    for dims, what in ((images, "images"), (filters, "a filter")):
        if dims is not None and len(dims) != 4:
            raise Incompatible(f"{what} must have four axes, not the shape {described(dims)}")
    if images is None or filters is None or None in (images[3], filters[2]):
        return
    if images[3] != filters[2]:
        raise Incompatible(
            f"images of shape {described(images)} have {images[3]} channels, but the filter of "
            f"shape {described(filters)} takes {filters[2]}"
        )


def _with_shapes(view: View, images: Dims, filters: Dims) -> tuple[int | None, int | None]:
    try:
        return window_dims(view, images, None if filters is None else filters[:2])
    except Incompatible as error:
        raise Incompatible(
            f"images of shape {described(images)} and a filter of shape {described(filters)} "
            f"don't fit: {error}"
        ) from None


def _convolution_spec(view: View) -> Spec:
    images, filters = view.first.dims, view.inputs[1].dims
    _check_filter(images, filters)
    rows, columns = _with_shapes(view, images, filters)
    batch = None if images is None else images[0]
    return Spec(view.first.dtype, (batch, rows, columns, None if filters is None else filters[3]))


def _axes(view: View, images: Sequence[int], window: Sequence[int]) -> tuple[Axis, Axis]:
    rows, columns = (
        axis_of(
            images[1 + axis],
            window[axis],
            view["strides"][axis],
            view["dilations"][axis],
            along(view["padding"], axis),
        )
        for axis in (0, 1)
    )
    return rows, columns


# The convolution and its derivatives.


class _Buffers:
    """What an operation works with, kept from run to run."""

    def __init__(self, view: View) -> None:
        self._view = view
        self._correlations = Pool(self._correlation)
        self._transposed = Pool(self._transpose)
        self._results = view.buffers

    def _correlation(self, images: Any, dtype: Any, filters: Any) -> Correlation:
        return Correlation(images, dtype, *_axes(self._view, images, filters), filters[3])

    def _transpose(self, result: Any, dtype: Any, filters: Any, images: Any) -> Transposed:
        return Transposed(result, dtype, *_axes(self._view, images, filters), filters[2])

    def correlated(self, images: Any, filters: Any) -> Any:
        """The convolution."""
        key = images.shape, images.dtype, filters.shape
        rows, columns = _axes(self._view, images.shape, filters.shape)
        size = len(images), rows.count, columns.count, filters.shape[3]
        out = self._results.take(size, images.dtype)
        if not images.size or not filters.size:
            out[...] = 0
            return out
        correlation = self._correlations.take(*key)
        correlation(images, filters, out)
        self._correlations.give(correlation, *key)
        return out

    def filter_gradient(self, images: Any, sizes: Any, result: Any) -> Any:
        """The derivative by the filter."""
        size = tuple(sizes.tolist())
        if not images.size or not result.size:
            return np.zeros(size, images.dtype)
        key = images.shape, images.dtype, size
        correlation = self._correlations.take(*key)
        total = correlation.by_filters(images, np.ascontiguousarray(result))
        self._correlations.give(correlation, *key)
        return total

    def input_gradient(self, sizes: Any, filters: Any, result: Any) -> Any:
        """The derivative by the images."""
        size = tuple(sizes.tolist())
        out = self._results.take(size, result.dtype)
        if not result.size or not filters.size:
            out[...] = 0
            return out
        key = result.shape, result.dtype, filters.shape, size
        transposed = self._transposed.take(*key)
        transposed(result, filters, out)
        self._transposed.give(transposed, *key)
        return out


def _options(op: Any) -> dict[str, Any]:
    return {key: op.attributes[key] for key in ("strides", "padding", "dilations")}


def _convolution_gradient(op: Any, dy: Tensor) -> list[Tensor]:
    images, filters = op.inputs
    return [
        INPUT_GRADIENT(shape(images), filters, dy, dims=images.dims, **_options(op)),
        FILTER_GRADIENT(images, shape(filters), dy, dims=filters.dims, **_options(op)),
    ]


def _input_gradient_gradient(op: Any, dx: Tensor) -> list[Tensor | None]:
    _, filters, result = op.inputs
    return [
        None,
        FILTER_GRADIENT(dx, shape(filters), result, dims=filters.dims, **_options(op)),
        CONVOLUTION(dx, filters, **_options(op)),
    ]


def _filter_gradient_gradient(op: Any, df: Tensor) -> list[Tensor | None]:
    images, _, result = op.inputs
    return [
        INPUT_GRADIENT(shape(images), df, result, dims=images.dims, **_options(op)),
        None,
        CONVOLUTION(images, df, **_options(op)),
    ]


def _input_gradient_spec(view: View) -> Spec:
    images, filters, result = _target(view, 0), view.inputs[1].dims, view.inputs[2].dims
    if images is not None and filters is not None and images[3] is None:
        images = (*images[:3], filters[2])
    _check_filter(images, filters)
    rows, columns = _with_shapes(view, images, filters)
    batch = None if images is None else images[0]
    expected = (batch, rows, columns, None if filters is None else filters[3])
    if not compatible(expected, result):
        raise Incompatible(
            f"images of shape {described(images)} and a filter of shape {described(filters)} "
            f"give the shape {described(expected)}, not {described(result)}"
        )
    return Spec(view.inputs[2].dtype, images)


CONVOLUTION: Definition = Definition(
    "Conv2D",
    _convolution_spec,
    bind=lambda view: _Buffers(view).correlated,
    gradient=_convolution_gradient,
    floating=True,
)
INPUT_GRADIENT: Definition = Definition(
    "Conv2DBackpropInput",
    _input_gradient_spec,
    bind=lambda view: _Buffers(view).input_gradient,
    gradient=_input_gradient_gradient,
    floating=True,
)
FILTER_GRADIENT: Definition = Definition(
    "Conv2DBackpropFilter",
    lambda view: Spec(view.first.dtype, _target(view, 1)),
    bind=lambda view: _Buffers(view).filter_gradient,
    gradient=_filter_gradient_gradient,
    floating=True,
)


def _operands(images: TensorLike, filters: TensorLike, what: str) -> tuple[Tensor, Tensor]:
    first, second = same_type(images, filters, names=("input", "filter"))
    return images_of(first, what), checked_kind(second, "f", what)


@export("nn.conv2d")
def conv2d(
    input: TensorLike,
    filter: TensorLike = None,
    strides: Any = None,
    padding: Any = None,
    use_cudnn_on_gpu: bool = True,
    data_format: str = "NHWC",
    dilations: Any = [1, 1, 1, 1],  # noqa: B006  # nobody changes it
    name: str | None = None,
    filters: TensorLike = None,
) -> Tensor:
    """Convolves images with a filter (in truth a cross-correlation, as everywhere).

    Args:
        input: Images: ``[batch, height, width, channels]``.
        filter: ``[height, width, channels, channels of the result]``.
        strides: The distance of neighbouring windows, for each axis of the images.
        padding: ``"SAME"``, ``"VALID"``, or pairs of rows before and after, for each axis.
        use_cudnn_on_gpu: Without effect.
        data_format: The order of the axes: ``"NHWC"`` or ``"NCHW"``.
        dilations: The distance of neighbouring elements of a window, for each axis.
        name: Name of the operation.
        filters: The new name of `filter`.

    Returns:
        ``[batch, rows, columns, channels of the result]``.

    Raises:
        ValueError: If the shapes don't fit.
    """
    order = checked_format(data_format, "conv2d")
    images, kernel = _operands(input, renamed(filters, filter, "filters", "filter"), "Conv2D")
    result = CONVOLUTION(
        channels_last(images, order),
        kernel,
        strides=pair_of(strides, "strides of conv2d", order),
        padding=checked_padding(padding, order, "conv2d"),
        dilations=pair_of(dilations, "dilations of conv2d", order),
        name=inner_name(name or "Conv2D", order),
    )
    return in_order(result, order, name or "Conv2D")


@export("nn.conv2d_transpose")
def conv2d_transpose(
    value: TensorLike = None,
    filter: TensorLike = None,
    output_shape: TensorLike = None,
    strides: Any = None,
    padding: Any = "SAME",
    data_format: str = "NHWC",
    name: str | None = None,
    input: TensorLike = None,
    filters: TensorLike = None,
    dilations: Any = None,
) -> Tensor:
    """The transpose of `conv2d`: spreads each element over a window.

    Args:
        value: Images: ``[batch, height, width, channels]``.
        filter: ``[height, width, channels of the result, channels]``.
        output_shape: The shape of the result.
        strides: The distance of neighbouring windows in the result.
        padding: ``"SAME"`` or ``"VALID"``, of the convolution that it is the transpose of.
        data_format: The order of the axes: ``"NHWC"`` or ``"NCHW"``.
        name: Name of the operation.
        input: The new name of `value`.
        filters: The new name of `filter`.
        dilations: The distance of neighbouring elements of a window.

    Returns:
        A tensor of `output_shape`.

    Raises:
        ValueError: If the shapes don't fit.
    """
    order = checked_format(data_format, "conv2d_transpose")
    images, kernel = _operands(
        renamed(input, value, "input", "value"),
        renamed(filters, filter, "filters", "filter"),
        "Conv2DTranspose",
    )
    wanted, sizes = _output_sizes(output_shape, order)
    result = INPUT_GRADIENT(
        sizes,
        kernel,
        channels_last(images, order),
        dims=wanted,
        strides=pair_of(strides, "strides of conv2d_transpose", order),
        padding=checked_padding(padding, order, "conv2d_transpose"),
        dilations=pair_of(dilations or 1, "dilations of conv2d_transpose", order),
        name=inner_name(name or "conv2d_transpose", order),
    )
    return in_order(result, order, name or "conv2d_transpose")


def _output_sizes(output_shape: TensorLike, order: str) -> tuple[Dims, Tensor]:
    """The shape of the result, in the order of the kernels."""
    dims, inputs = shape_argument(output_shape)
    if dims is not None and len(dims) != 4:
        raise ValueError(f"output_shape must have four numbers, but is {described(dims)}.")
    sizes = inputs[0] if inputs else convert_to_tensor(list(dims or ()), "int32")
    if order == "NHWC":
        return dims, sizes
    from runtime.graph.ops.array import gather

    turned = None if dims is None else tuple([dims[axis] for axis in (0, 2, 3, 1)])
    return turned, gather(sizes, [0, 2, 3, 1])


@export("nn.conv2d_backprop_input")
def conv2d_backprop_input(
    input_sizes: TensorLike,
    filter: TensorLike = None,
    out_backprop: TensorLike = None,
    strides: Any = None,
    padding: Any = None,
    use_cudnn_on_gpu: bool = True,
    data_format: str = "NHWC",
    dilations: Any = [1, 1, 1, 1],  # noqa: B006  # nobody changes it
    name: str | None = None,
    filters: TensorLike = None,
) -> Tensor:
    """The derivative of `conv2d` by the images.

    Args:
        input_sizes: The shape of the images.
        filter: The filter.
        out_backprop: The derivative by the result of the convolution.
        strides: As for the convolution.
        padding: As for the convolution.
        use_cudnn_on_gpu: Without effect.
        data_format: As for the convolution.
        dilations: As for the convolution.
        name: Name of the operation.
        filters: The new name of `filter`.

    Returns:
        A tensor of shape `input_sizes`.
    """
    return conv2d_transpose(
        out_backprop,
        renamed(filters, filter, "filters", "filter"),
        input_sizes,
        strides,
        padding,
        data_format,
        name or "Conv2DBackpropInput",
        dilations=list(dilations),
    )


@export("nn.conv2d_backprop_filter")
def conv2d_backprop_filter(
    input: TensorLike,
    filter_sizes: TensorLike,
    out_backprop: TensorLike,
    strides: Any,
    padding: Any,
    use_cudnn_on_gpu: bool = True,
    data_format: str = "NHWC",
    dilations: Any = [1, 1, 1, 1],  # noqa: B006  # nobody changes it
    name: str | None = None,
) -> Tensor:
    """The derivative of `conv2d` by the filter.

    Args:
        input: The images.
        filter_sizes: The shape of the filter.
        out_backprop: The derivative by the result of the convolution.
        strides: As for the convolution.
        padding: As for the convolution.
        use_cudnn_on_gpu: Without effect.
        data_format: As for the convolution.
        dilations: As for the convolution.
        name: Name of the operation.

    Returns:
        A tensor of shape `filter_sizes`.
    """
    order = checked_format(data_format, "conv2d_backprop_filter")
    dims, inputs = shape_argument(filter_sizes)
    images, result = _operands(input, out_backprop, "Conv2DBackpropFilter")
    made: Tensor = FILTER_GRADIENT(
        channels_last(images, order),
        inputs[0] if inputs else convert_to_tensor(list(dims or ()), "int32"),
        channels_last(result, order),
        dims=dims,
        strides=pair_of(strides, "strides of conv2d_backprop_filter", order),
        padding=checked_padding(padding, order, "conv2d_backprop_filter"),
        dilations=pair_of(dilations, "dilations of conv2d_backprop_filter", order),
        name=name or "Conv2DBackpropFilter",
    )
    return made


# Depthwise convolution: each channel has filters of its own.


def _depthwise_spec(view: View) -> Spec:
    images, filters = view.first.dims, view.inputs[1].dims
    _check_filter(images, filters)
    rows, columns = _with_shapes(view, images, filters)
    batch = None if images is None else images[0]
    channels = None
    if filters is not None and None not in filters[2:]:
        channels = filters[2] * filters[3]  # type: ignore[operator]  # both known
    return Spec(view.first.dtype, (batch, rows, columns, channels))


class _Depthwise:
    """What a convolution of each channel works with, kept from run to run.

    If channels have several filters they are repeated, so each is a channel with one filter.
    """

    def __init__(self, view: View) -> None:
        self._view, self._results = view, view.buffers
        self._pool = Pool(self._made)

    def _made(self, images: Any, dtype: Any, filters: Any) -> Channelwise:
        shape = *images[:3], images[3] * filters[3]
        return Channelwise(shape, dtype, *_axes(self._view, images, filters))

    def correlated(self, images: Any, filters: Any) -> Any:
        """The convolution."""
        rows, columns = _axes(self._view, images.shape, filters.shape)
        flat = filters.reshape(*filters.shape[:2], -1)
        size = len(images), rows.count, columns.count, flat.shape[2]
        out = self._results.take(size, images.dtype)
        key = images.shape, images.dtype, filters.shape
        channelwise = self._pool.take(*key)
        channelwise(_repeated(images, filters.shape[3]), flat, out)
        self._pool.give(channelwise, *key)
        return out

    def input_gradient(self, sizes: Any, filters: Any, result: Any) -> Any:
        """The derivative by the images."""
        size, each = tuple(sizes.tolist()), filters.shape[3]
        flat = filters.reshape(*filters.shape[:2], -1)
        out = self._results.take((*size[:3], flat.shape[2]), result.dtype)
        key = size, result.dtype, filters.shape
        channelwise = self._pool.take(*key)
        channelwise.transposed(result, flat, out)
        self._pool.give(channelwise, *key)
        return out if each == 1 else np.add.reduce(out.reshape(*size, each), -1)

    def filter_gradient(self, images: Any, sizes: Any, result: Any) -> Any:
        """The derivative by the filters."""
        size = tuple(sizes.tolist())
        out = np.empty(size, result.dtype)
        key = images.shape, images.dtype, size
        channelwise = self._pool.take(*key)
        flat = out.reshape(*size[:2], -1)
        channelwise.by_filters(_repeated(images, size[3]), result, flat)
        self._pool.give(channelwise, *key)
        return out


def _repeated(images: Any, each: int) -> Any:
    return images if each == 1 else images.repeat(each, -1)


def _depthwise_gradient(op: Any, dy: Tensor) -> list[Tensor]:
    images, filters = op.inputs
    return [
        DEPTHWISE_INPUT(shape(images), filters, dy, dims=images.dims, **_options(op)),
        DEPTHWISE_FILTER(images, shape(filters), dy, dims=filters.dims, **_options(op)),
    ]


DEPTHWISE: Definition = Definition(
    "DepthwiseConv2dNative",
    _depthwise_spec,
    bind=lambda view: _Depthwise(view).correlated,
    gradient=_depthwise_gradient,
    floating=True,
)
DEPTHWISE_INPUT: Definition = Definition(
    "DepthwiseConv2dNativeBackpropInput",
    lambda view: Spec(view.inputs[2].dtype, _target(view, 0)),
    bind=lambda view: _Depthwise(view).input_gradient,
    gradient=lambda op, dx: [
        None,
        DEPTHWISE_FILTER(
            dx, shape(op.inputs[1]), op.inputs[2], dims=op.inputs[1].dims, **_options(op)
        ),
        DEPTHWISE(dx, op.inputs[1], **_options(op)),
    ],
    floating=True,
)
DEPTHWISE_FILTER: Definition = Definition(
    "DepthwiseConv2dNativeBackpropFilter",
    lambda view: Spec(view.first.dtype, _target(view, 1)),
    bind=lambda view: _Depthwise(view).filter_gradient,
    gradient=lambda op, df: [
        DEPTHWISE_INPUT(
            shape(op.inputs[0]), df, op.inputs[2], dims=op.inputs[0].dims, **_options(op)
        ),
        None,
        DEPTHWISE(op.inputs[0], df, **_options(op)),
    ],
    floating=True,
)


@export("nn.depthwise_conv2d")
def depthwise_conv2d(
    input: TensorLike,
    filter: TensorLike,
    strides: Any,
    padding: Any,
    rate: Any = None,
    name: str | None = None,
    data_format: str | None = None,
    dilations: Any = None,
) -> Tensor:
    """Convolves each channel of images with filters of its own.

    Args:
        input: Images: ``[batch, height, width, channels]``.
        filter: ``[height, width, channels, filters for each channel]``.
        strides: The distance of neighbouring windows, for each axis of the images.
        padding: ``"SAME"``, ``"VALID"``, or pairs of rows before and after, for each axis.
        rate: The distance of neighbouring elements of a window.
        name: Name of the operation.
        data_format: The order of the axes: ``"NHWC"`` or ``"NCHW"``.
        dilations: The new name of `rate`.

    Returns:
        ``[batch, rows, columns, channels × filters for each]``.

    Raises:
        ValueError: If the shapes don't fit.
    """
    order = checked_format(data_format, "depthwise_conv2d")
    images, kernel = _operands(input, filter, "DepthwiseConv2dNative")
    rates = renamed(dilations, rate, "dilations", "rate")
    result = DEPTHWISE(
        channels_last(images, order),
        kernel,
        strides=pair_of(strides, "strides of depthwise_conv2d", order),
        padding=checked_padding(padding, order, "depthwise_conv2d"),
        dilations=pair_of(1 if rates is None else rates, "rate of depthwise_conv2d", order),
        name=inner_name(name or "depthwise", order),
    )
    return in_order(result, order, name or "depthwise")


@export("nn.depthwise_conv2d_native")
def depthwise_conv2d_native(
    input: TensorLike,
    filter: TensorLike,
    strides: Any,
    padding: Any,
    data_format: str = "NHWC",
    dilations: Any = [1, 1, 1, 1],  # noqa: B006  # nobody changes it
    name: str | None = None,
) -> Tensor:
    """An old spelling of `depthwise_conv2d`.

    Args:
        input: Images.
        filter: ``[height, width, channels, filters for each channel]``.
        strides: The distance of neighbouring windows, for each axis of the images.
        padding: ``"SAME"``, ``"VALID"``, or pairs of rows.
        data_format: The order of the axes.
        dilations: The distance of neighbouring elements of a window.
        name: Name of the operation.

    Returns:
        ``[batch, rows, columns, channels × filters for each]``.
    """
    rate = pair_of(dilations, "dilations of depthwise_conv2d_native", data_format)
    return depthwise_conv2d(
        input, filter, strides, padding, rate, name or "DepthwiseConv2dNative", data_format
    )


@export("nn.separable_conv2d")
def separable_conv2d(
    input: TensorLike,
    depthwise_filter: TensorLike,
    pointwise_filter: TensorLike,
    strides: Any,
    padding: Any,
    rate: Any = None,
    name: str | None = None,
    data_format: str | None = None,
    dilations: Any = None,
) -> Tensor:
    """Convolves each channel by itself, then mixes the channels at each point.

    Args:
        input: Images: ``[batch, height, width, channels]``.
        depthwise_filter: ``[height, width, channels, filters for each channel]``.
        pointwise_filter: ``[1, 1, channels × filters for each, channels of the result]``.
        strides: The distance of neighbouring windows, for each axis of the images.
        padding: ``"SAME"`` or ``"VALID"``.
        rate: The distance of neighbouring elements of a window.
        name: Name of the operation.
        data_format: The order of the axes: ``"NHWC"`` or ``"NCHW"``.
        dilations: The new name of `rate`.

    Returns:
        ``[batch, rows, columns, channels of the result]``.
    """
    from runtime.graph.graph import get_default_graph

    with get_default_graph().name_scope(name or "separable_conv2d") as scope:
        spread_out = depthwise_conv2d(
            input, depthwise_filter, strides, padding, rate, None, data_format, dilations
        )
        return conv2d(
            spread_out,
            pointwise_filter,
            [1, 1, 1, 1],
            "VALID",
            data_format=data_format or "NHWC",
            name=scope,
        )


@export("nn.atrous_conv2d")
def atrous_conv2d(
    value: TensorLike, filters: TensorLike, rate: int, padding: str, name: str | None = None
) -> Tensor:
    """A convolution whose windows have holes.

    Args:
        value: Images: ``[batch, height, width, channels]``.
        filters: ``[height, width, channels, channels of the result]``.
        rate: The distance of neighbouring elements of a window.
        padding: ``"SAME"`` or ``"VALID"``.
        name: Name of the operation.

    Returns:
        ``[batch, rows, columns, channels of the result]``.
    """
    return conv2d(value, filters, 1, padding, dilations=rate, name=name or "convolution")


@export("nn.conv1d")
def conv1d(
    value: TensorLike = None,
    filters: TensorLike = None,
    stride: Any = None,
    padding: Any = None,
    use_cudnn_on_gpu: bool | None = None,
    data_format: str | None = None,
    name: str | None = None,
    input: TensorLike = None,
    dilations: Any = None,
) -> Tensor:
    """Convolves sequences with a filter.

    Args:
        value: Sequences: ``[batch, length, channels]``.
        filters: ``[length, channels, channels of the result]``.
        stride: The distance of neighbouring windows.
        padding: ``"SAME"`` or ``"VALID"``.
        use_cudnn_on_gpu: Without effect.
        data_format: ``"NWC"`` (also ``"NHWC"``) or ``"NCW"`` (also ``"NCHW"``).
        name: Name of the operation.
        input: The new name of `value`.
        dilations: The distance of neighbouring elements of a window.

    Returns:
        ``[batch, windows, channels of the result]``.

    Raises:
        ValueError: If the shapes don't fit.
    """
    from runtime.graph.graph import get_default_graph

    orders = {None: "NHWC", "NWC": "NHWC", "NHWC": "NHWC", "NCW": "NCHW", "NCHW": "NCHW"}
    if data_format not in orders:
        raise ValueError(f"data_format of conv1d must be 'NWC' or 'NCW', not {data_format!r}.")
    order = orders[data_format]
    axis = 2 if order == "NCHW" else 1
    sequences = convert_to_tensor(renamed(input, value, "input", "value"))
    with get_default_graph().name_scope(name or "conv1d"):
        result = conv2d(
            expand_dims(sequences, axis),
            expand_dims(filters, 0),
            _flat_pair(stride, "stride of conv1d"),
            padding,
            data_format=order,
            dilations=_flat_pair(1 if dilations is None else dilations, "dilations of conv1d"),
        )
        return squeeze(result, [axis])


def _flat_pair(value: Any, what: str) -> Pair:
    """The numbers for images of height 1."""
    if value is None:
        raise ValueError(f"{what} must be given.")
    numbers = [int(n) for n in (value if isinstance(value, (list, tuple)) else [value])]
    if len(numbers) == 3:
        numbers = [max(numbers)]
    return 1, numbers[-1]


# Blocks of points as channels.


def _gathered(images: Any, b: int) -> Any:
    batch, height, width, depth = images.shape
    blocks = images.reshape(batch, height // b, b, width // b, b, depth)
    return blocks.transpose(0, 1, 3, 2, 4, 5).reshape(batch, height // b, width // b, -1)


def _scattered(images: Any, b: int) -> Any:
    batch, height, width, depth = images.shape
    blocks = images.reshape(batch, height, width, b, b, depth // (b * b))
    return blocks.transpose(0, 1, 3, 2, 4, 5).reshape(batch, height * b, width * b, -1)


def _blocks_spec(view: View, factor: int, divisor: int) -> Spec:
    """Height and width by a factor, or divided."""
    dims, b = view.first.dims, view["block_size"]
    if dims is None:
        return Spec(view.first.dtype, (None,) * 4)
    divided = [dims[3]] if factor > 1 else list(dims[1:3])
    if any(d is not None and d % (b * b if factor > 1 else b) for d in divided):
        raise Incompatible(f"images of shape {described(dims)} can't be cut by blocks of {b}")
    rows, columns = (None if d is None else d * factor // divisor for d in dims[1:3])
    depth = None if dims[3] is None else dims[3] * divisor**2 // factor**2
    return Spec(view.first.dtype, (dims[0], rows, columns, depth))


SPACE_TO_DEPTH: Definition = Definition(
    "SpaceToDepth",
    lambda view: _blocks_spec(view, 1, view["block_size"]),
    bind=lambda view: lambda images: _gathered(images, view["block_size"]),
    gradient=lambda op, dy: [DEPTH_TO_SPACE(dy, **op.attributes)],
    aliases=True,
)
DEPTH_TO_SPACE: Definition = Definition(
    "DepthToSpace",
    lambda view: _blocks_spec(view, view["block_size"], 1),
    bind=lambda view: lambda images: _scattered(images, view["block_size"]),
    gradient=lambda op, dy: [SPACE_TO_DEPTH(dy, **op.attributes)],
    aliases=True,
)


def _in_blocks(
    definition: Definition, input: TensorLike, size: int, name: str | None, data_format: str
) -> Tensor:
    order = checked_format(data_format, definition.type)
    images = convert_to_tensor(input)
    if images.dims is not None and len(images.dims) != 4:
        raise ValueError(
            f"{definition.type} needs images of four axes, not {described(images.dims)}."
        )
    title = name or definition.type
    result = definition(
        channels_last(images, order), block_size=int(size), name=inner_name(title, order)
    )
    return in_order(result, order, title)


@export("space_to_depth", "nn.space_to_depth")
def space_to_depth(
    input: TensorLike, block_size: int, name: str | None = None, data_format: str = "NHWC"
) -> Tensor:
    """Makes channels of the points of each block.

    Args:
        input: Images: ``[batch, height, width, channels]``.
        block_size: Height and width of a block.
        name: Name of the operation.
        data_format: The order of the axes.

    Returns:
        ``[batch, height / block, width / block, channels × block²]``.
    """
    return _in_blocks(SPACE_TO_DEPTH, input, block_size, name, data_format)


@export("depth_to_space", "nn.depth_to_space")
def depth_to_space(
    input: TensorLike, block_size: int, name: str | None = None, data_format: str = "NHWC"
) -> Tensor:
    """Makes a block of points of the channels of each point.

    Args:
        input: Images: ``[batch, height, width, channels]``.
        block_size: Height and width of a block.
        name: Name of the operation.
        data_format: The order of the axes.

    Returns:
        ``[batch, height × block, width × block, channels / block²]``.
    """
    return _in_blocks(DEPTH_TO_SPACE, input, block_size, name, data_format)
