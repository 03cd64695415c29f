"""Convolutions and pooling along as many axes as the input has, and windows as such."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from runtime.graph.convert import TensorLike, convert_to_tensor, same_type
from runtime.graph.definition import Definition, Kernel, Spec, View
from runtime.graph.export import export
from runtime.graph.graph import get_default_graph
from runtime.graph.ops import convolution as planes
from runtime.graph.ops import pooling, volumes
from runtime.graph.ops.array import _target, expand_dims, shape, shape_argument, stack
from runtime.graph.ops.array import squeeze as squeezed
from runtime.graph.ops.layout import batch_to_space_nd, space_to_batch_nd
from runtime.graph.ops.rules import checked_kind, rank_of, renamed, static_ints
from runtime.graph.ops.windows import axis_of, taps
from runtime.graph.shapes import Incompatible, compatible, described
from runtime.graph.tensor import Tensor

# Any number of axes.


def _spatial(tensor: Tensor, what: str) -> int:
    """The number of axes beside batch and channels."""
    count = rank_of(tensor, what) - 2
    if count not in (1, 2, 3):
        raise ValueError(
            f"{what} works along one, two or three axes: {tensor.name!r} of shape "
            f"{described(tensor.dims)} must have three, four or five axes, batch and channels "
            "included."
        )
    return count


def _channels_first(data_format: str | None, count: int, what: str) -> bool:
    """Whether the channels are the first axis after the batch."""
    last = {1: "NWC", 2: "NHWC", 3: "NDHWC"}[count]
    first = f"NC{last[1:-1]}"
    if data_format not in (None, last, first):
        raise ValueError(
            f"data_format of {what} must be {last!r} or {first!r}, not {data_format!r}."
        )
    return data_format == first


def _numbers(value: Any, count: int, what: str) -> list[int]:
    """One number for each axis."""
    numbers = [int(n) for n in (value if isinstance(value, (list, tuple)) else [value or 1])]
    if len(numbers) not in (1, count):
        raise ValueError(f"{what} must be {count} numbers, one for each axis, not {value!r}.")
    return numbers * count if len(numbers) == 1 else numbers


_CONVOLUTIONS = {
    1: lambda x, w, strides, padding, order, rates, name: planes.conv1d(
        x, w, strides[0], padding, data_format=order, dilations=rates[0], name=name
    ),
    2: lambda x, w, strides, padding, order, rates, name: planes.conv2d(
        x, w, strides, padding, data_format=order or "NHWC", dilations=rates, name=name
    ),
    3: lambda x, w, strides, padding, order, rates, name: volumes.conv3d(
        x, w, strides, padding, order or "NDHWC", rates, name
    ),
}


@export("nn.convolution")
def convolution(
    input: TensorLike,
    filter: TensorLike,
    padding: Any,
    strides: Any = None,
    dilation_rate: Any = None,
    name: str | None = None,
    data_format: str | None = None,
    filters: TensorLike = None,
    dilations: Any = None,
) -> Tensor:
    """A convolution along one, two or three axes.

    Args:
        input: Sequences ``[batch, length, channels]``, images or volumes.
        filter: The filter, with as many axes.
        padding: ``"SAME"`` or ``"VALID"``.
        strides: The distance of neighbouring windows, a number for each axis.
        dilation_rate: The distance of neighbouring elements of a window, for each axis.
        name: Name of the operation.
        data_format: The order of the axes, such as ``"NHWC"`` or ``"NCW"``.
        filters: The new name of `filter`.
        dilations: The new name of `dilation_rate`.

    Returns:
        The result.

    Raises:
        ValueError: If there are more axes, or the shapes don't fit.
    """
    tensor = convert_to_tensor(input)
    count = _spatial(tensor, "convolution")
    _channels_first(data_format, count, "convolution")
    rates = renamed(dilations, dilation_rate, "dilations", "dilation_rate")
    return _CONVOLUTIONS[count](
        tensor,
        renamed(filters, filter, "filters", "filter"),
        _numbers(strides, count, "strides of convolution"),
        padding,
        data_format,
        _numbers(rates, count, "dilation_rate of convolution"),
        name or "convolution",
    )


_POOLS: dict[tuple[str, int], Callable[..., Tensor]] = {
    ("MAX", 1): pooling.max_pool1d,
    ("MAX", 2): pooling.max_pool,
    ("MAX", 3): volumes.max_pool3d,
    ("AVG", 1): pooling.avg_pool1d,
    ("AVG", 2): pooling.avg_pool,
    ("AVG", 3): volumes.avg_pool3d,
}


def _pool_of(kind: Any, count: int) -> Callable[..., Tensor]:
    if (kind, count) not in _POOLS:
        raise ValueError(f"pooling_type of pool must be 'MAX' or 'AVG', not {kind!r}.")
    return _POOLS[kind, count]


@export("nn.pool")
def pool(
    input: TensorLike,
    window_shape: Sequence[int],
    pooling_type: str,
    padding: str,
    dilation_rate: Any = None,
    strides: Any = None,
    name: str | None = None,
    data_format: str | None = None,
    dilations: Any = None,
) -> Tensor:
    """Pools along one, two or three axes.

    Args:
        input: Sequences ``[batch, length, channels]``, images or volumes.
        window_shape: The size of the windows, a number for each axis.
        pooling_type: ``"MAX"`` or ``"AVG"``.
        padding: ``"SAME"`` or ``"VALID"``.
        dilation_rate: The distance of neighbouring elements of a window, for each axis.
        strides: The distance of neighbouring windows, for each axis; 1 if None.
        name: Name of the operation.
        data_format: The order of the axes, such as ``"NHWC"`` or ``"NCW"``.
        dilations: The new name of `dilation_rate`.

    Returns:
        The result.

    Raises:
        ValueError: If there are more axes, or dilations go with strides or ``"SAME"``.
    """
    tensor = convert_to_tensor(input)
    count = _spatial(tensor, "pool")
    function = _pool_of(pooling_type, count)
    order = (None, "NWC", "NHWC", "NDHWC")[count] if data_format is None else data_format
    first = _channels_first(order, count, "pool")
    rates = renamed(dilations, dilation_rate, "dilations", "dilation_rate")
    rates = _numbers(rates, count, "dilation_rate of pool")
    steps = _numbers(strides, count, "strides of pool")
    size = _numbers(window_shape, count, "window_shape of pool")
    title = name or f"{pooling_type.lower()}_pool"
    if max(rates) == 1:
        return function(tensor, size, steps, padding, order, title)
    if max(steps) > 1 or padding.upper() == "SAME":
        raise ValueError("pool with dilation_rate > 1 needs strides of 1 and the padding 'VALID'.")
    with get_default_graph().name_scope(title):
        return _dilated(
            tensor, rates, padding, lambda x: function(x, size, steps, "VALID", order), size, first
        )


def _dilated(
    tensor: Tensor,
    rates: Sequence[int],
    padding: str,
    function: Callable[[Tensor], Tensor],
    window: Sequence[int],
    first: bool,
) -> Tensor:
    """What a function of ``"VALID"`` windows gives for windows with holes."""
    begin = 2 if first else 1
    missing = [(n - 1) * rate if padding.upper() == "SAME" else 0 for n, rate in
               zip(window, rates, strict=True)]  # fmt: skip
    sizes, known = shape(tensor), tensor.dims or ()
    pads: list[Any] = []
    crops: list[Any] = []
    for i, (more, rate) in enumerate(zip(missing, rates, strict=True)):
        size = known[begin + i]
        full = (sizes[begin + i] if size is None else size) + more
        extra = (rate - full % rate) % rate
        pads.append([more // 2, more - more // 2 + extra])
        crops.append([0, extra])
    lead = ([1], [[0, 0]]) if first else ([], [])
    blocks = [*lead[0], *rates]
    moved = space_to_batch_nd(tensor, blocks, [*lead[1], *pads])
    return batch_to_space_nd(function(moved), blocks, [*lead[1], *crops])


@export("nn.with_space_to_batch")
def with_space_to_batch(
    input: TensorLike,
    dilation_rate: TensorLike,
    padding: str,
    op: Callable[[Tensor, int, str], Tensor],
    filter_shape: TensorLike = None,
    spatial_dims: Sequence[int] | None = None,
    data_format: str | None = None,
) -> Tensor:
    """What a function of windows gives for windows with holes.

    Args:
        input: ``[batch, …, channels]``.
        dilation_rate: The distance of neighbouring elements of a window, for each axis.
        padding: ``"SAME"`` or ``"VALID"``.
        op: A function of the input, the number of axes, and the padding.
        filter_shape: The size of the windows for each axis; needed for ``"SAME"``.
        spatial_dims: The axes; they must be those after the batch (and the channels).
        data_format: The order of the axes; the channels are first if it begins with ``"NC"``.

    Returns:
        What the function gives.

    Raises:
        ValueError: If the axes are others, or `filter_shape` is missing.
    """
    tensor = convert_to_tensor(input)
    rates = list(static_ints(dilation_rate, "dilation_rate"))
    first = bool(data_format) and str(data_format).startswith("NC")
    begin, count = 2 if first else 1, len(rates)
    if spatial_dims is not None and sorted(spatial_dims) != list(range(begin, begin + count)):
        raise ValueError(
            f"spatial_dims of with_space_to_batch must be {list(range(begin, begin + count))}, "
            f"not {list(spatial_dims)}."
        )
    if max(rates, default=1) == 1:
        return op(tensor, count, padding)
    if filter_shape is None and padding.upper() == "SAME":
        raise ValueError("filter_shape must be given for the padding 'SAME'.")
    window = [1] * count
    if filter_shape is not None:
        window = list(static_ints(filter_shape, "filter_shape"))[:count]
    return _dilated(tensor, rates, padding, lambda x: op(x, count, "VALID"), window, first)


# Transposes.


@export("nn.conv1d_transpose")
def conv1d_transpose(
    input: TensorLike,
    filters: TensorLike,
    output_shape: TensorLike,
    strides: Any,
    padding: str = "SAME",
    data_format: str = "NWC",
    dilations: Any = None,
    name: str | None = None,
) -> Tensor:
    """The transpose of `conv1d`: spreads each element over a window.

    Args:
        input: Sequences: ``[batch, length, channels]``.
        filters: ``[length, channels of the result, channels]``.
        output_shape: The shape of the result.
        strides: The distance of neighbouring windows in the result.
        padding: ``"SAME"`` or ``"VALID"``.
        data_format: ``"NWC"`` or ``"NCW"``.
        dilations: The distance of neighbouring elements of a window.
        name: Name of the operation.

    Returns:
        A tensor of `output_shape`.

    Raises:
        ValueError: If the shapes don't fit.
    """
    order = "NCHW" if _channels_first(data_format, 1, "conv1d_transpose") else "NHWC"
    axis = 2 if order == "NCHW" else 1
    with get_default_graph().name_scope(name or "conv1d_transpose"):
        result = planes.conv2d_transpose(
            expand_dims(input, axis),
            expand_dims(filters, 0),
            _with_one(output_shape, axis),
            planes._flat_pair(strides, "strides of conv1d_transpose"),
            padding,
            order,
            dilations=planes._flat_pair(dilations or 1, "dilations of conv1d_transpose"),
        )
        return squeezed(result, [axis])


def _with_one(output_shape: TensorLike, axis: int) -> Any:
    """The shape with one more axis, of size 1."""
    dims, inputs = shape_argument(output_shape)
    if dims is None or len(dims) != 3:
        raise ValueError(f"output_shape must have three numbers, but is {described(dims)}.")
    if not inputs:
        return [*dims[:axis], 1, *dims[axis:]]
    sizes = inputs[0]
    parts = [sizes[i] if d is None else d for i, d in enumerate(dims)]
    return stack([*parts[:axis], 1, *parts[axis:]])


@export("nn.conv_transpose")
def conv_transpose(
    input: TensorLike,
    filters: TensorLike,
    output_shape: TensorLike,
    strides: Any,
    padding: str = "SAME",
    data_format: str | None = None,
    dilations: Any = None,
    name: str | None = None,
) -> Tensor:
    """The transpose of `convolution`, along one, two or three axes.

    Args:
        input: Sequences ``[batch, length, channels]``, images or volumes.
        filters: The filter, with as many axes.
        output_shape: The shape of the result.
        strides: The distance of neighbouring windows in the result.
        padding: ``"SAME"`` or ``"VALID"``.
        data_format: The order of the axes, such as ``"NHWC"`` or ``"NCW"``.
        dilations: The distance of neighbouring elements of a window.
        name: Name of the operation.

    Returns:
        A tensor of `output_shape`.

    Raises:
        ValueError: If there are more axes, or the shapes don't fit.
    """
    tensor = convert_to_tensor(input)
    count = _spatial(tensor, "conv_transpose")
    first = _channels_first(data_format, count, "conv_transpose")
    title, arguments = name or "conv_transpose", (tensor, filters, output_shape, strides, padding)
    if count == 1:
        order = "NCW" if first else "NWC"
        return conv1d_transpose(*arguments, order, dilations, title)
    if count == 2:
        order = "NCHW" if first else "NHWC"
        return planes.conv2d_transpose(*arguments, order, title, dilations=dilations)
    order = "NCDHW" if first else "NDHWC"
    return volumes.conv3d_transpose(*arguments, order, title, dilations=dilations)


@export("nn.atrous_conv2d_transpose")
def atrous_conv2d_transpose(
    value: TensorLike,
    filters: TensorLike,
    output_shape: TensorLike,
    rate: int,
    padding: str,
    name: str | None = None,
) -> Tensor:
    """The transpose of `atrous_conv2d`.

    Args:
        value: Images: ``[batch, height, width, channels]``.
        filters: ``[height, width, channels of the result, channels]``.
        output_shape: The shape of the result.
        rate: The distance of neighbouring elements of a window.
        padding: ``"SAME"`` or ``"VALID"``.
        name: Name of the operation.

    Returns:
        A tensor of `output_shape`.
    """
    title = name or "atrous_conv2d_transpose"
    return planes.conv2d_transpose(
        value, filters, output_shape, 1, padding, name=title, dilations=rate
    )


# Old and new spellings.


def _pooled_by_rank(
    kind: str,
    input: TensorLike,
    ksize: Any,
    strides: Any,
    padding: Any,
    data_format: Any,
    name: Any,
) -> Tensor:
    tensor = convert_to_tensor(input)
    count = _spatial(tensor, f"{kind.lower()}_pool")
    order = (None, "NWC", "NHWC", "NDHWC")[count] if data_format is None else data_format
    return _POOLS[kind, count](tensor, ksize, strides, padding, order, name)


@export("nn.max_pool_v2")
def max_pool_v2(
    input: TensorLike,
    ksize: Any,
    strides: Any,
    padding: Any,
    data_format: str | None = None,
    name: str | None = None,
) -> Tensor:
    """The largest element of each window of sequences, images or volumes.

    Args:
        input: ``[batch, …, channels]``.
        ksize: The size of the windows.
        strides: The distance of neighbouring windows.
        padding: ``"SAME"`` or ``"VALID"``.
        data_format: The order of the axes, such as ``"NHWC"``.
        name: Name of the operation.

    Returns:
        A tensor with as many axes.
    """
    return _pooled_by_rank("MAX", input, ksize, strides, padding, data_format, name)


@export("nn.avg_pool_v2")
def avg_pool_v2(
    input: TensorLike,
    ksize: Any,
    strides: Any,
    padding: Any,
    data_format: str | None = None,
    name: str | None = None,
) -> Tensor:
    """The mean of each window of sequences, images or volumes.

    Args:
        input: ``[batch, …, channels]``.
        ksize: The size of the windows.
        strides: The distance of neighbouring windows.
        padding: ``"SAME"`` or ``"VALID"``.
        data_format: The order of the axes, such as ``"NHWC"``.
        name: Name of the operation.

    Returns:
        A tensor with as many axes.
    """
    return _pooled_by_rank("AVG", input, ksize, strides, padding, data_format, name)


@export("nn.depthwise_conv2d_backprop_input", "nn.depthwise_conv2d_native_backprop_input")
def depthwise_conv2d_backprop_input(
    input_sizes: TensorLike,
    filter: TensorLike,
    out_backprop: TensorLike,
    strides: Any,
    padding: Any,
    data_format: str = "NHWC",
    dilations: Any = [1, 1, 1, 1],  # noqa: B006  # nobody changes it
    name: str | None = None,
) -> Tensor:
    """The derivative of `depthwise_conv2d` by the images.

    Args:
        input_sizes: The shape of the images.
        filter: The filter.
        out_backprop: The derivative by the result of the convolution.
        strides: As for the convolution.
        padding: As for the convolution.
        data_format: ``"NHWC"``.
        dilations: As for the convolution.
        name: Name of the operation.

    Returns:
        A tensor of shape `input_sizes`.
    """
    dims, inputs = shape_argument(input_sizes)
    made: Tensor = planes.DEPTHWISE_INPUT(
        inputs[0] if inputs else convert_to_tensor(list(dims or ()), "int32"),
        convert_to_tensor(filter),
        convert_to_tensor(out_backprop),
        name=name,
        **_depthwise_options(dims, strides, padding, data_format, dilations),
    )
    return made


@export("nn.depthwise_conv2d_backprop_filter", "nn.depthwise_conv2d_native_backprop_filter")
def depthwise_conv2d_backprop_filter(
    input: TensorLike,
    filter_sizes: TensorLike,
    out_backprop: TensorLike,
    strides: Any,
    padding: Any,
    data_format: str = "NHWC",
    dilations: Any = [1, 1, 1, 1],  # noqa: B006  # nobody changes it
    name: str | None = None,
) -> Tensor:
    """The derivative of `depthwise_conv2d` by the filter.

    Args:
        input: The images.
        filter_sizes: The shape of the filter.
        out_backprop: The derivative by the result of the convolution.
        strides: As for the convolution.
        padding: As for the convolution.
        data_format: ``"NHWC"``.
        dilations: As for the convolution.
        name: Name of the operation.

    Returns:
        A tensor of shape `filter_sizes`.
    """
    dims, inputs = shape_argument(filter_sizes)
    made: Tensor = planes.DEPTHWISE_FILTER(
        convert_to_tensor(input),
        inputs[0] if inputs else convert_to_tensor(list(dims or ()), "int32"),
        convert_to_tensor(out_backprop),
        name=name,
        **_depthwise_options(dims, strides, padding, data_format, dilations),
    )
    return made


def _depthwise_options(
    dims: Any, strides: Any, padding: Any, data_format: str, dilations: Any
) -> dict[str, Any]:
    if data_format != "NHWC":
        raise ValueError(
            f"The derivatives of depthwise_conv2d work on 'NHWC', not {data_format!r}."
        )
    return {
        "dims": dims,
        "strides": planes.pair_of(strides, "strides of depthwise_conv2d"),
        "padding": planes.checked_padding(padding, "NHWC", "depthwise_conv2d"),
        "dilations": planes.pair_of(dilations, "dilations of depthwise_conv2d"),
    }


# The contents of windows.


def _patches_spec(view: View) -> Spec:
    images, window = view.first.dims, view["ksizes"]
    rows, columns = planes.window_dims(view, images, window)
    depth = None if images is None or images[3] is None else images[3] * window[0] * window[1]
    return Spec(view.first.dtype, (None if images is None else images[0], rows, columns, depth))


def _axes(view: View, images: Sequence[int]) -> Any:
    return [
        axis_of(
            images[1 + i], view["ksizes"][i], view["strides"][i], view["dilations"][i],
            view["padding"],
        )
        for i in (0, 1)
    ]  # fmt: skip


def _bind_patches(view: View) -> Kernel:
    def kernel(images: Any) -> Any:
        rows, columns = _axes(view, images.shape)
        size = len(images), rows.count, columns.count, *view["ksizes"], images.shape[3]
        result = np.zeros(size, images.dtype)
        for i, j, outside, inside in taps(rows, columns):
            result[(*outside, i, j)] = images[inside]
        return result.reshape(*size[:3], -1)

    return kernel


def _bind_patches_gradient(view: View) -> Kernel:
    def kernel(sizes: Any, dy: Any) -> Any:
        result = np.zeros(tuple(sizes.tolist()), dy.dtype)
        parts = dy.reshape(*dy.shape[:3], *view["ksizes"], -1)
        for i, j, outside, inside in taps(*_axes(view, result.shape)):
            result[inside] += parts[(*outside, i, j)]
        return result

    return kernel


def _options(op: Any) -> dict[str, Any]:
    return {key: value for key, value in op.attributes.items() if key != "dims"}


PATCHES: Definition = Definition(
    "ExtractImagePatches",
    _patches_spec,
    bind=_bind_patches,
    gradient=lambda op, dy: [
        PATCHES_GRADIENT(shape(op.inputs[0]), dy, dims=op.inputs[0].dims, **_options(op))
    ],
)
PATCHES_GRADIENT: Definition = Definition(
    "ExtractImagePatchesGrad",
    lambda view: Spec(view.inputs[1].dtype, _target(view, 0)),
    bind=_bind_patches_gradient,
    gradient=lambda op, dx: [None, PATCHES(dx, **_options(op))],
    floating=True,
)


@export("extract_image_patches", "image.extract_image_patches")
def extract_image_patches(
    images: TensorLike,
    ksizes: Any = None,
    strides: Any = None,
    rates: Any = None,
    padding: str | None = None,
    name: str | None = None,
    sizes: Any = None,
) -> Tensor:
    """The contents of windows on images.

    Args:
        images: ``[batch, height, width, channels]``.
        ksizes: The size of the windows, for each axis of the images.
        strides: The distance of neighbouring windows, for each axis.
        rates: The distance of neighbouring elements of a window, for each axis.
        padding: ``"SAME"`` or ``"VALID"``.
        name: Name of the operation.
        sizes: The new name of `ksizes`.

    Returns:
        ``[batch, rows, columns, window height × window width × channels]``.

    Raises:
        ValueError: If the windows don't fit.
    """
    what, tensor = "extract_image_patches", convert_to_tensor(images)
    if tensor.dims is not None and len(tensor.dims) != 4:
        raise ValueError(
            f"{what} needs images of four axes, but {tensor.name!r} has shape "
            f"{described(tensor.dims)}."
        )
    made: Tensor = PATCHES(
        tensor,
        ksizes=planes.pair_of(renamed(sizes, ksizes, "sizes", "ksizes"), f"ksizes of {what}"),
        strides=planes.pair_of(strides, f"strides of {what}"),
        dilations=planes.pair_of(rates, f"rates of {what}"),
        padding=planes.checked_padding(padding, "NHWC", what),
        name=name,
    )
    return made


@export("image.extract_patches")
def extract_patches(
    images: TensorLike, sizes: Any, strides: Any, rates: Any, padding: str, name: str | None = None
) -> Tensor:
    """The same as `extract_image_patches`.

    Args:
        images: ``[batch, height, width, channels]``.
        sizes: The size of the windows, for each axis of the images.
        strides: The distance of neighbouring windows, for each axis.
        rates: The distance of neighbouring elements of a window, for each axis.
        padding: ``"SAME"`` or ``"VALID"``.
        name: Name of the operation.

    Returns:
        ``[batch, rows, columns, window height × window width × channels]``.
    """
    return extract_image_patches(images, sizes, strides, rates, padding, name)


# Morphology: the largest sum of a window and a filter.


def _dilated_spec(view: View) -> Spec:
    images, filters = view.first.dims, view.inputs[1].dims
    for dims, count, what in ((images, 4, "images"), (filters, 3, "a filter")):
        if dims is not None and len(dims) != count:
            raise Incompatible(f"{what} must have {count} axes, not the shape {described(dims)}")
    if images and filters and not compatible(images[3:], filters[2:]):
        raise Incompatible(
            f"images of shape {described(images)} have {images[3]} channels, but the filter of "
            f"shape {described(filters)} has {filters[2]}"
        )
    rows, columns = planes.window_dims(view, images, None if filters is None else filters[:2])
    batch, channels = (None, None) if images is None else (images[0], images[3])
    return Spec(view.first.dtype, (batch, rows, columns, channels))


def _filter_axes(view: View, images: Any, filters: Any) -> Any:
    return [
        axis_of(
            images.shape[1 + i], filters.shape[i], view["strides"][i], view["dilations"][i],
            view["padding"],
        )
        for i in (0, 1)
    ]  # fmt: skip


def _largest_sums(view: View, images: Any, filters: Any) -> tuple[Any, Any]:
    """The largest sums, and the numbers of the elements of the windows that give them."""
    rows, columns = _filter_axes(view, images, filters)
    size = len(images), rows.count, columns.count, images.shape[3]
    result, chosen = np.full(size, -np.inf, images.dtype), np.zeros(size, np.intp)
    for i, j, outside, inside in taps(rows, columns):
        sums = images[inside] + filters[i, j]
        hit = sums > result[outside]
        np.copyto(result[outside], sums, where=hit)
        np.copyto(chosen[outside], i * columns.window + j, where=hit)
    return result, chosen


def _bind_dilated(view: View) -> Kernel:
    return lambda images, filters: _largest_sums(view, images, filters)[0]


def _bind_dilated_gradient(view: View) -> Kernel:
    """The gradients go to the first of the largest sums of each window."""

    def gradient(images: Any, filters: Any, dy: Any) -> Any:
        _, chosen = _largest_sums(view, images, filters)
        by_images, by_filter = np.zeros_like(images), np.zeros_like(filters)
        rows, columns = _filter_axes(view, images, filters)
        for i, j, outside, inside in taps(rows, columns):
            part = dy[outside] * (chosen[outside] == i * columns.window + j)
            by_images[inside] += part
            by_filter[i, j] = part.sum((0, 1, 2))
        return by_images, by_filter

    return gradient


DILATED: Definition = Definition(
    "Dilation2D",
    _dilated_spec,
    bind=_bind_dilated,
    gradient=lambda op, dy: list(DILATED_GRADIENT(*op.inputs, dy, **_options(op))),
    floating=True,
)
DILATED_GRADIENT: Definition = Definition(
    "Dilation2DBackprop",
    lambda view: tuple([Spec(spec.dtype, spec.dims) for spec in view.inputs[:2]]),
    bind=_bind_dilated_gradient,
    floating=True,
)


@export("nn.dilation2d")
def dilation2d(
    input: TensorLike,
    filter: TensorLike = None,
    strides: Any = None,
    rates: Any = None,
    padding: str | None = None,
    name: str | None = None,
    filters: TensorLike = None,
    dilations: Any = None,
) -> Tensor:
    """The largest sum of each window and a filter: the dilation of morphology.

    Args:
        input: Images: ``[batch, height, width, channels]``.
        filter: ``[height, width, channels]``.
        strides: The distance of neighbouring windows, for each axis of the images.
        rates: The distance of neighbouring elements of a window, for each axis.
        padding: ``"SAME"`` or ``"VALID"``.
        name: Name of the operation.
        filters: The new name of `filter`.
        dilations: The new name of `rates`.

    Returns:
        ``[batch, rows, columns, channels]``. The gradient goes to the first of the largest.

    Raises:
        ValueError: If the shapes don't fit.
    """
    what = "dilation2d"
    images, kernel = same_type(
        input, renamed(filters, filter, "filters", "filter"), names=("input", "filter")
    )
    made: Tensor = DILATED(
        checked_kind(images, "f", "Dilation2D"),
        kernel,
        strides=planes.pair_of(strides, f"strides of {what}"),
        dilations=planes.pair_of(
            renamed(dilations, rates, "dilations", "rates"), f"rates of {what}"
        ),
        padding=planes.checked_padding(padding, "NHWC", what),
        name=name,
    )
    return made


@export("nn.erosion2d")
def erosion2d(
    value: TensorLike,
    kernel: TensorLike,
    strides: Any,
    rates: Any,
    padding: str,
    name: str | None = None,
) -> Tensor:
    """The least difference of each window and a filter: the erosion of morphology.

    Args:
        value: Images: ``[batch, height, width, channels]``.
        kernel: ``[height, width, channels]``.
        strides: The distance of neighbouring windows, for each axis of the images.
        rates: The distance of neighbouring elements of a window, for each axis.
        padding: ``"SAME"`` or ``"VALID"``.
        name: Name of the scope of the operations.

    Returns:
        ``[batch, rows, columns, channels]``.

    Raises:
        ValueError: If the shapes don't fit.
    """
    with get_default_graph().name_scope(name or "erosion2d"):
        turned = convert_to_tensor(kernel)[::-1, ::-1]
        return -dilation2d(-convert_to_tensor(value), turned, strides, rates, padding)
