"""Convolutions and pooling along three dimensions.

The operations work on ``[batch, depth, height, width, channels]``; for ``NCDHW`` the axes are
exchanged before and after. A convolution is the sum of convolutions of planes: one for each place
along the depth of the filter, with the kernels for images.
"""

from collections.abc import Iterator, Sequence
from itertools import product
from typing import Any, TypeAlias

import attrs
import numpy as np

from runtime.graph.convert import TensorLike, convert_to_tensor, same_type
from runtime.graph.definition import Definition, Kernel, Spec, View
from runtime.graph.dtypes import DType
from runtime.graph.export import export
from runtime.graph.ops import convolution
from runtime.graph.ops.array import _target, gather, shape, shape_argument, transpose
from runtime.graph.ops.rules import checked_kind, renamed
from runtime.graph.ops.windows import Axis, axis_of, window_count
from runtime.graph.shapes import Dims, Incompatible, compatible, described
from runtime.graph.tensor import Tensor

Triple: TypeAlias = tuple[int, int, int]

_FIRST = [0, 4, 1, 2, 3]  # how the axes of NDHWC are exchanged for NCDHW
_LAST = [0, 2, 3, 4, 1]


# Arguments.


def _order(data_format: str | None, what: str) -> bool:
    """Whether the channels are the first axis after the batch."""
    if data_format not in (None, "NDHWC", "NCDHW"):
        raise ValueError(f"data_format of {what} must be 'NDHWC' or 'NCDHW', not {data_format!r}.")
    return data_format == "NCDHW"


def _triple(value: Any, what: str, first: bool) -> Triple:
    """Depth's, height's and width's part of an argument such as strides."""
    if value is None:
        raise ValueError(f"{what} must be given.")
    numbers = [int(n) for n in (value if isinstance(value, (list, tuple)) else [value])]
    if len(numbers) not in (1, 3, 5):
        raise ValueError(f"{what} must be 1, 3 or 5 numbers, not {value!r}.")
    if len(numbers) == 5:
        inner = numbers[2:] if first else numbers[1:4]
        if numbers != ([1, 1, *inner] if first else [1, *inner, 1]):
            raise ValueError(f"{what} must be 1 for the batch and the channels, not {value!r}.")
        numbers = inner
    return numbers[0], numbers[len(numbers) // 2], numbers[-1]


def _padding(padding: Any, what: str) -> str:
    if not isinstance(padding, str) or padding.upper() not in ("SAME", "VALID"):
        raise ValueError(f"padding of {what} must be 'SAME' or 'VALID', not {padding!r}.")
    return padding.upper()


def _volumes(value: TensorLike, what: str, kinds: str = "f") -> Tensor:
    tensor = checked_kind(convert_to_tensor(value), kinds, what)
    if tensor.dims is not None and len(tensor.dims) != 5:
        raise ValueError(
            f"{what} needs volumes of five axes (batch, depth, height, width, channels in the "
            f"order of data_format), but {tensor.name!r} has shape {described(tensor.dims)}."
        )
    return tensor


def _channels_last(tensor: Tensor, first: bool) -> Tensor:
    return transpose(tensor, _LAST) if first else tensor


def _named(name: str, first: bool) -> str:
    return f"{name.rstrip('/')}_ndhwc" if first else name


def _in_order(tensor: Tensor, first: bool, name: str) -> Tensor:
    return transpose(tensor, _FIRST, name=name) if first else tensor


# How windows lie.


def _axes(view: View, volumes: Sequence[int], window: Sequence[int]) -> list[Axis]:
    strides, rates, padding = view["strides"], view["dilations"], view["padding"]
    return [axis_of(volumes[1 + i], window[i], strides[i], rates[i], padding) for i in range(3)]


def _places(axes: Sequence[Axis]) -> Iterator[tuple[tuple[int, ...], Any, Any]]:
    """Each element of the windows: its index, those of the windows and of the volume."""
    for element in product(*[range(axis.window) for axis in axes]):
        outside, inside = zip(*[a.tap(e) for a, e in zip(axes, element, strict=True)], strict=True)
        yield element, (slice(None), *outside), (slice(None), *inside)


def _counted(view: View, volumes: Dims, window: Dims) -> list[int | None]:
    """The numbers of windows along depth, height and width."""
    sizes = (None,) * 3 if volumes is None else volumes[1:4]
    sides = (None,) * 3 if window is None else window[:3]
    try:
        return [
            window_count(
                sizes[i], sides[i], view["strides"][i], view["dilations"][i], view["padding"]
            )
            for i in range(3)
        ]
    except Incompatible as error:
        raise Incompatible(
            f"volumes of shape {described(volumes)} and windows of {described(window)} don't fit: "
            f"{error}"
        ) from None


# Convolutions, plane by plane.


@attrs.frozen
class _Plane:
    """The part of an operation that concerns height and width alone, as kernels see it."""

    attributes: dict[str, Any]


def _planar(definition: Definition, view: View, count: int) -> Kernel:
    """The kernel for images with the strides and so on of height and width."""
    inner = {key: view[key][1:] for key in ("strides", "dilations")}
    plane: Any = _Plane({**inner, "padding": view["padding"]})
    dtype: DType = view.inputs[-1].dtype
    return definition.kernel_for(View(plane, [Spec(dtype, None) for _ in range(count)]))


def _stacked(volumes: Any) -> Any:
    """The planes of volumes as images."""
    return volumes.reshape(-1, *volumes.shape[2:])


def _bind_convolution(view: View) -> Kernel:
    plane = _planar(convolution.CONVOLUTION, view, 2)

    def kernel(volumes: Any, filters: Any) -> Any:
        axes = _axes(view, volumes.shape, filters.shape)
        sizes = len(volumes), *[axis.count for axis in axes], filters.shape[4]
        result = np.zeros(sizes, volumes.dtype)
        for k, outside, inside in _slices(axes[0]):
            part = plane(_stacked(volumes[inside]), filters[k])
            result[outside] += part.reshape(len(volumes), -1, *sizes[2:])
        return result

    return kernel


def _slices(depth: Axis) -> Iterator[tuple[int, Any, Any]]:
    """The elements of the windows along the depth that fall on a volume, and where."""
    for k in range(depth.window):
        outside, inside = depth.tap(k)
        if outside.stop > outside.start:
            yield k, (slice(None), outside), (slice(None), inside)


def _bind_input_gradient(view: View) -> Kernel:
    plane = _planar(convolution.INPUT_GRADIENT, view, 3)

    def kernel(sizes: Any, filters: Any, dy: Any) -> Any:
        result = np.zeros(tuple(sizes.tolist()), dy.dtype)
        for k, outside, inside in _slices(_axes(view, result.shape, filters.shape)[0]):
            images = _stacked(dy[outside])
            wanted = np.array([len(images), *result.shape[2:]], np.int32)
            part = plane(wanted, filters[k], images)
            result[inside] += part.reshape(len(result), -1, *result.shape[2:])
        return result

    return kernel


def _bind_filter_gradient(view: View) -> Kernel:
    plane = _planar(convolution.FILTER_GRADIENT, view, 3)

    def kernel(volumes: Any, sizes: Any, dy: Any) -> Any:
        result = np.zeros(tuple(sizes.tolist()), dy.dtype)
        for k, outside, inside in _slices(_axes(view, volumes.shape, result.shape)[0]):
            result[k] = plane(_stacked(volumes[inside]), sizes[1:], _stacked(dy[outside]))
        return result

    return kernel


def _check_filter(volumes: Dims, filters: Dims) -> None:
    for dims, what in ((volumes, "volumes"), (filters, "a filter")):
        if dims is not None and len(dims) != 5:
            raise Incompatible(f"{what} must have five axes, not the shape {described(dims)}")
    if volumes and filters and not compatible(volumes[4:], filters[3:4]):
        raise Incompatible(
            f"volumes of shape {described(volumes)} have {volumes[4]} channels, but the filter of "
            f"shape {described(filters)} takes {filters[3]}"
        )


def _convolved_dims(view: View, volumes: Dims, filters: Dims) -> Dims:
    _check_filter(volumes, filters)
    batch = None if volumes is None else volumes[0]
    return batch, *_counted(view, volumes, filters), None if filters is None else filters[4]


def _input_gradient_spec(view: View) -> Spec:
    volumes, filters, result = _target(view, 0), view.inputs[1].dims, view.inputs[2].dims
    if volumes is not None and filters is not None and volumes[4] is None:
        volumes = (*volumes[:4], filters[3])
    expected = _convolved_dims(view, volumes, filters)
    if not compatible(expected, result):
        raise Incompatible(
            f"volumes of shape {described(volumes)} and a filter of shape {described(filters)} "
            f"give the shape {described(expected)}, not {described(result)}"
        )
    return Spec(view.inputs[2].dtype, volumes)


def _options(op: Any) -> dict[str, Any]:
    return {key: value for key, value in op.attributes.items() if key != "dims"}


def _by_volumes(op: Any, volumes: Tensor, filters: Tensor, dy: Tensor) -> Tensor:
    made: Tensor = INPUT_GRADIENT(shape(volumes), filters, dy, dims=volumes.dims, **_options(op))
    return made


def _by_filter(op: Any, volumes: Tensor, filters: Tensor, dy: Tensor) -> Tensor:
    made: Tensor = FILTER_GRADIENT(volumes, shape(filters), dy, dims=filters.dims, **_options(op))
    return made


CONVOLUTION: Definition = Definition(
    "Conv3D",
    lambda view: Spec(
        view.first.dtype, _convolved_dims(view, view.first.dims, view.inputs[1].dims)
    ),
    bind=_bind_convolution,
    gradient=lambda op, dy: [
        _by_volumes(op, op.inputs[0], op.inputs[1], dy),
        _by_filter(op, op.inputs[0], op.inputs[1], dy),
    ],
    floating=True,
)
INPUT_GRADIENT: Definition = Definition(
    "Conv3DBackpropInputV2",
    _input_gradient_spec,
    bind=_bind_input_gradient,
    gradient=lambda op, dx: [
        None,
        _by_filter(op, dx, op.inputs[1], op.inputs[2]),
        CONVOLUTION(dx, op.inputs[1], **_options(op)),
    ],
    floating=True,
)
FILTER_GRADIENT: Definition = Definition(
    "Conv3DBackpropFilterV2",
    lambda view: Spec(view.first.dtype, _target(view, 1)),
    bind=_bind_filter_gradient,
    gradient=lambda op, df: [
        _by_volumes(op, op.inputs[0], df, op.inputs[2]),
        None,
        CONVOLUTION(op.inputs[0], df, **_options(op)),
    ],
    floating=True,
)


def _convolution_options(
    strides: Any, padding: Any, dilations: Any, first: bool, what: str
) -> dict[str, Any]:
    return {
        "strides": _triple(strides, f"strides of {what}", first),
        "padding": _padding(padding, what),
        "dilations": _triple(dilations or 1, f"dilations of {what}", first),
    }


@export("nn.conv3d")
def conv3d(
    input: TensorLike,
    filter: TensorLike = None,
    strides: Any = None,
    padding: Any = None,
    data_format: str = "NDHWC",
    dilations: Any = [1, 1, 1, 1, 1],  # noqa: B006  # nobody changes it
    name: str | None = None,
    filters: TensorLike = None,
) -> Tensor:
    """Convolves volumes with a filter.

    Args:
        input: Volumes: ``[batch, depth, height, width, channels]``.
        filter: ``[depth, height, width, channels, channels of the result]``.
        strides: The distance of neighbouring windows, for each axis of the volumes.
        padding: ``"SAME"`` or ``"VALID"``.
        data_format: The order of the axes: ``"NDHWC"`` or ``"NCDHW"``.
        dilations: The distance of neighbouring elements of a window, for each axis.
        name: Name of the operation.
        filters: The new name of `filter`.

    Returns:
        ``[batch, windows along each axis, channels of the result]``.

    Raises:
        ValueError: If the shapes don't fit.
    """
    first, title = _order(data_format, "conv3d"), name or "Conv3D"
    kernel = renamed(filters, filter, "filters", "filter")
    volumes, kernel = same_type(input, kernel, names=("input", "filter"))
    result = CONVOLUTION(
        _channels_last(_volumes(volumes, "Conv3D"), first),
        checked_kind(kernel, "f", "Conv3D"),
        name=_named(title, first),
        **_convolution_options(strides, padding, dilations, first, "conv3d"),
    )
    return _in_order(result, first, title)


@export("nn.conv3d_transpose")
def conv3d_transpose(
    value: TensorLike,
    filter: TensorLike = None,
    output_shape: TensorLike = None,
    strides: Any = None,
    padding: Any = "SAME",
    data_format: str = "NDHWC",
    name: str | None = None,
    input: TensorLike = None,
    filters: TensorLike = None,
    dilations: Any = None,
) -> Tensor:
    """The transpose of `conv3d`: spreads each element over a window.

    Args:
        value: Volumes: ``[batch, depth, height, width, channels]``.
        filter: ``[depth, height, width, channels of the result, channels]``.
        output_shape: The shape of the result.
        strides: The distance of neighbouring windows in the result.
        padding: ``"SAME"`` or ``"VALID"``, of the convolution that it is the transpose of.
        data_format: The order of the axes: ``"NDHWC"`` or ``"NCDHW"``.
        name: Name of the operation.
        input: The new name of `value`.
        filters: The new name of `filter`.
        dilations: The distance of neighbouring elements of a window.

    Returns:
        A tensor of `output_shape`.

    Raises:
        ValueError: If the shapes don't fit.
    """
    first, title = _order(data_format, "conv3d_transpose"), name or "conv3d_transpose"
    kernel = renamed(filters, filter, "filters", "filter")
    volumes, kernel = same_type(
        renamed(input, value, "input", "value"), kernel, names=("value", "filter")
    )
    dims, sizes = _output_sizes(output_shape, first)
    result = INPUT_GRADIENT(
        sizes,
        checked_kind(kernel, "f", "Conv3DTranspose"),
        _channels_last(_volumes(volumes, "Conv3DTranspose"), first),
        dims=dims,
        name=_named(title, first),
        **_convolution_options(strides, padding, dilations, first, "conv3d_transpose"),
    )
    return _in_order(result, first, title)


def _output_sizes(output_shape: TensorLike, first: bool) -> tuple[Dims, Tensor]:
    """The shape of the result, in the order of the kernels."""
    dims, inputs = shape_argument(output_shape)
    if dims is not None and len(dims) != 5:
        raise ValueError(f"output_shape must have five numbers, but is {described(dims)}.")
    sizes = inputs[0] if inputs else convert_to_tensor(list(dims or ()), "int32")
    if not first:
        return dims, sizes
    return None if dims is None else tuple([dims[axis] for axis in _LAST]), gather(sizes, _LAST)


@export("nn.conv3d_backprop_filter", "nn.conv3d_backprop_filter_v2")
def conv3d_backprop_filter(
    input: TensorLike,
    filter_sizes: TensorLike,
    out_backprop: TensorLike,
    strides: Any,
    padding: Any,
    data_format: str = "NDHWC",
    dilations: Any = [1, 1, 1, 1, 1],  # noqa: B006  # nobody changes it
    name: str | None = None,
) -> Tensor:
    """The derivative of `conv3d` by the filter.

    Args:
        input: The volumes.
        filter_sizes: The shape of the filter.
        out_backprop: The derivative by the result of the convolution.
        strides: As for the convolution.
        padding: As for the convolution.
        data_format: As for the convolution.
        dilations: As for the convolution.
        name: Name of the operation.

    Returns:
        A tensor of shape `filter_sizes`.
    """
    first = _order(data_format, "conv3d_backprop_filter")
    dims, inputs = shape_argument(filter_sizes)
    volumes, result = same_type(input, out_backprop, names=("input", "out_backprop"))
    made: Tensor = FILTER_GRADIENT(
        _channels_last(_volumes(volumes, "Conv3DBackpropFilterV2"), first),
        inputs[0] if inputs else convert_to_tensor(list(dims or ()), "int32"),
        _channels_last(_volumes(result, "Conv3DBackpropFilterV2"), first),
        dims=dims,
        name=name or "Conv3DBackpropFilterV2",
        **_convolution_options(strides, padding, dilations, first, "conv3d_backprop_filter"),
    )
    return made


# Pooling.


def _pooled(view: View) -> Spec:
    volumes = view.first.dims
    if volumes is None:
        return Spec(view.first.dtype, (None,) * 5)
    counts = _counted(view, volumes, view["ksize"])
    return Spec(view.first.dtype, (volumes[0], *counts, volumes[4]))


def _sized(volumes: Any, axes: Sequence[Axis]) -> tuple[int, ...]:
    return len(volumes), *[axis.count for axis in axes], volumes.shape[4]


def _bind_max(view: View) -> Kernel:
    def kernel(volumes: Any) -> Any:
        axes = _axes(view, volumes.shape, view["ksize"])
        result = np.full(_sized(volumes, axes), -np.inf, volumes.dtype)
        for _, outside, inside in _places(axes):
            part = result[outside]
            np.maximum(part, volumes[inside], out=part)
        return result

    return kernel


def _bind_max_gradient(view: View) -> Kernel:
    """The gradient goes to the first of the largest elements of each window."""

    def kernel(volumes: Any, pooled: Any, dy: Any) -> Any:
        result, left = np.zeros(volumes.shape, dy.dtype), np.ones(pooled.shape, bool)
        for outside, inside, hit in _hits(view, volumes, pooled, left):
            result[inside] += dy[outside] * hit
        return result

    return kernel


def _bind_max_second(view: View) -> Kernel:
    def kernel(volumes: Any, pooled: Any, ddx: Any) -> Any:
        result, left = np.zeros(pooled.shape, ddx.dtype), np.ones(pooled.shape, bool)
        for outside, inside, hit in _hits(view, volumes, pooled, left):
            result[outside] += ddx[inside] * hit
        return result

    return kernel


def _hits(view: View, volumes: Any, pooled: Any, left: Any) -> Iterator[tuple[Any, Any, Any]]:
    """Where an element of the windows is the first that is the largest."""
    for _, outside, inside in _places(_axes(view, volumes.shape, view["ksize"])):
        hit = volumes[inside] == pooled[outside]
        hit &= left[outside]
        left[outside] ^= hit
        yield outside, inside, hit


def _shares(axes: Sequence[Axis], dtype: Any) -> Any:
    """One over the number of elements of each window that fall on the volume."""
    counts: Any = np.ones((), dtype)
    for axis in axes:
        along = np.zeros(axis.count, dtype)
        for element in range(axis.window):
            along[axis.tap(element)[0]] += 1
        counts = counts[..., None] * along
    return 1 / counts[..., None]


def _bind_mean(view: View) -> Kernel:
    def kernel(volumes: Any) -> Any:
        axes = _axes(view, volumes.shape, view["ksize"])
        result = np.zeros(_sized(volumes, axes), volumes.dtype)
        for _, outside, inside in _places(axes):
            result[outside] += volumes[inside]
        result *= _shares(axes, volumes.dtype)
        return result

    return kernel


def _bind_mean_gradient(view: View) -> Kernel:
    def kernel(sizes: Any, dy: Any) -> Any:
        result = np.zeros(tuple(sizes.tolist()), dy.dtype)
        axes = _axes(view, result.shape, view["ksize"])
        share = dy * _shares(axes, dy.dtype)
        for _, outside, inside in _places(axes):
            result[inside] += share[outside]
        return result

    return kernel


MAX: Definition = Definition(
    "MaxPool3D",
    _pooled,
    bind=_bind_max,
    gradient=lambda op, dy: [MAX_GRADIENT(op.inputs[0], op.outputs[0], dy, **_options(op))],
)
MAX_GRADIENT: Definition = Definition(
    "MaxPool3DGrad",
    lambda view: Spec(view.inputs[2].dtype, view.first.dims),
    bind=_bind_max_gradient,
    gradient=lambda op, ddx: [None, None, MAX_SECOND(*op.inputs[:2], ddx, **_options(op))],
    floating=True,
)
MAX_SECOND: Definition = Definition(
    "MaxPool3DGradGrad",
    lambda view: Spec(view.inputs[2].dtype, view.inputs[1].dims),
    bind=_bind_max_second,
    gradient=lambda op, dy: [None, None, MAX_GRADIENT(*op.inputs[:2], dy, **_options(op))],
    floating=True,
)
MEAN: Definition = Definition(
    "AvgPool3D",
    _pooled,
    bind=_bind_mean,
    gradient=lambda op, dy: [
        MEAN_GRADIENT(shape(op.inputs[0]), dy, dims=op.inputs[0].dims, **_options(op))
    ],
    floating=True,
)
MEAN_GRADIENT: Definition = Definition(
    "AvgPool3DGrad",
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
    what: str,
) -> Tensor:
    first = _order(data_format, what)
    result = definition(
        _channels_last(_volumes(value, definition.type), first),
        ksize=_triple(ksize, f"ksize of {what}", first),
        strides=_triple(strides, f"strides of {what}", first),
        dilations=(1, 1, 1),
        padding=_padding(padding, what),
        name=_named(name, first),
    )
    return _in_order(result, first, name)


@export("nn.max_pool3d")
def max_pool3d(
    input: TensorLike,
    ksize: Any,
    strides: Any,
    padding: Any,
    data_format: str = "NDHWC",
    name: str | None = None,
) -> Tensor:
    """The largest element of each window of volumes, for each channel.

    Args:
        input: Volumes: ``[batch, depth, height, width, channels]``.
        ksize: The size of the windows, for each axis of the volumes.
        strides: The distance of neighbouring windows, for each axis.
        padding: ``"SAME"`` or ``"VALID"``.
        data_format: The order of the axes: ``"NDHWC"`` or ``"NCDHW"``.
        name: Name of the operation.

    Returns:
        ``[batch, windows along each axis, channels]``.

    Raises:
        ValueError: If the windows don't fit.
    """
    return _pool(
        MAX, input, ksize, strides, padding, data_format, name or "MaxPool3D", "max_pool3d"
    )


@export("nn.avg_pool3d")
def avg_pool3d(
    input: TensorLike,
    ksize: Any,
    strides: Any,
    padding: Any,
    data_format: str = "NDHWC",
    name: str | None = None,
) -> Tensor:
    """The mean of each window of volumes, for each channel. Padding does not count.

    Args:
        input: Volumes: ``[batch, depth, height, width, channels]``.
        ksize: The size of the windows, for each axis of the volumes.
        strides: The distance of neighbouring windows, for each axis.
        padding: ``"SAME"`` or ``"VALID"``.
        data_format: The order of the axes: ``"NDHWC"`` or ``"NCDHW"``.
        name: Name of the operation.

    Returns:
        ``[batch, windows along each axis, channels]``.

    Raises:
        ValueError: If the windows don't fit.
    """
    return _pool(
        MEAN, input, ksize, strides, padding, data_format, name or "AvgPool3D", "avg_pool3d"
    )
