"""Moments, and what is scaled by them."""

from typing import Any

import numpy as np

from runtime.graph import dtypes
from runtime.graph.convert import TensorLike, convert_to_tensor
from runtime.graph.definition import Definition, Kernel, Spec, View
from runtime.graph.export import export
from runtime.graph.graph import get_default_graph
from runtime.graph.ops.array import gather, identity, shape, stop_gradient, where
from runtime.graph.ops.convolution import (
    channels_last,
    checked_format,
    images_of,
    in_order,
    inner_name,
)
from runtime.graph.ops.math import (
    add,
    cast,
    div_no_nan,
    maximum,
    multiply,
    reciprocal,
    rsqrt,
    square,
    squared_difference,
    subtract,
)
from runtime.graph.ops.reduction import reduce_mean, reduce_prod, reduce_sum
from runtime.graph.ops.rules import checked_kind, rank_of, renamed, unchanged
from runtime.graph.ops.sums import column_sums
from runtime.graph.shapes import Incompatible, compatible, described
from runtime.graph.tensor import Tensor


def _wide(tensor: Tensor) -> Tensor:
    """Half precision is too coarse for sums of squares."""
    return cast(tensor, dtypes.float32) if tensor.dtype is dtypes.float16 else tensor


@export("nn.moments")
def moments(
    x: TensorLike,
    axes: Any,
    shift: Any = None,
    name: str | None = None,
    keep_dims: bool | None = None,
    keepdims: bool | None = None,
) -> tuple[Tensor, Tensor]:
    """Mean and variance over some axes.

    Args:
        x: A tensor of floating-point numbers.
        axes: The axes.
        shift: Without effect.
        name: Name of the scope of the operations.
        keep_dims: The old name of `keepdims`.
        keepdims: Whether the axes are kept, with size 1.

    Returns:
        The mean and the variance (of the whole, not the estimate from a sample).
    """
    keep = bool(renamed(keepdims, keep_dims, "keepdims", "keep_dims"))
    tensor = checked_kind(convert_to_tensor(x), "f", "moments")
    with get_default_graph().name_scope(name or "moments"):
        wide = _wide(tensor)
        mean = reduce_mean(wide, axes, keepdims=True, name="mean")
        deviation = squared_difference(wide, stop_gradient(mean))
        variance = reduce_mean(deviation, axes, keepdims=True, name="variance")
        if not keep:
            mean, variance = _without(mean, axes), _without(variance, axes)
        return cast(mean, tensor.dtype), cast(variance, tensor.dtype)


def _without(kept: Tensor, axes: Any) -> Tensor:
    from runtime.graph.ops.array import squeeze

    listed = axes if isinstance(axes, (list, tuple)) else [axes]
    return squeeze(kept, [int(axis) for axis in listed])


@export("nn.weighted_moments")
def weighted_moments(
    x: TensorLike,
    axes: Any,
    frequency_weights: TensorLike,
    name: str | None = None,
    keep_dims: bool | None = None,
    keepdims: bool | None = None,
) -> tuple[Tensor, Tensor]:
    """Mean and variance over some axes, of elements that count differently.

    Args:
        x: A tensor of floating-point numbers.
        axes: The axes.
        frequency_weights: How much each element counts; broadcast to `x`.
        name: Name of the scope of the operations.
        keep_dims: The old name of `keepdims`.
        keepdims: Whether the axes are kept, with size 1.

    Returns:
        The mean and the variance.
    """
    keep = bool(renamed(keepdims, keep_dims, "keepdims", "keep_dims"))
    with get_default_graph().name_scope(name or "weighted_moments"):
        tensor = checked_kind(convert_to_tensor(x), "f", "weighted_moments")
        weights = convert_to_tensor(frequency_weights)
        counts = weights * cast(tensor * 0 + 1, weights.dtype)
        total = cast(reduce_sum(counts, axes, keepdims=True), tensor.dtype)
        scaled = cast(counts, tensor.dtype)
        mean = div_no_nan(reduce_sum(scaled * tensor, axes, keepdims=True), total)
        deviation = scaled * squared_difference(tensor, mean)
        variance = div_no_nan(reduce_sum(deviation, axes, keepdims=True), total)
        return (mean, variance) if keep else (_without(mean, axes), _without(variance, axes))


@export("nn.batch_normalization")
def batch_normalization(
    x: TensorLike,
    mean: TensorLike,
    variance: TensorLike,
    offset: TensorLike,
    scale: TensorLike,
    variance_epsilon: Any,
    name: str | None = None,
) -> Tensor:
    """Scales a tensor to mean 0 and variance 1, then by `scale`, and adds `offset`.

    Args:
        x: A tensor.
        mean: Its mean, of a shape that broadcasts to it.
        variance: Its variance.
        offset: What is added; None for nothing.
        scale: The factor; None for 1.
        variance_epsilon: What is added to the variance, against division by zero.
        name: Name of the scope of the operations.

    Returns:
        A tensor of the same shape.
    """
    with get_default_graph().name_scope(name or "batchnorm"):
        tensor = convert_to_tensor(x)
        factor = rsqrt(convert_to_tensor(variance) + variance_epsilon)
        if scale is not None:
            factor = factor * scale
        shift = convert_to_tensor(mean) * factor
        shift = -shift if offset is None else convert_to_tensor(offset) - shift
        return add(multiply(tensor, factor), shift, name="add_1")


@export("nn.batch_norm_with_global_normalization")
def batch_norm_with_global_normalization(
    t: TensorLike = None,
    m: TensorLike = None,
    v: TensorLike = None,
    beta: TensorLike = None,
    gamma: TensorLike = None,
    variance_epsilon: Any = None,
    scale_after_normalization: bool | None = None,
    name: str | None = None,
    input: TensorLike = None,
    mean: TensorLike = None,
    variance: TensorLike = None,
) -> Tensor:
    """An old form of `batch_normalization`.

    Args:
        t: Images.
        m: The mean of each channel.
        v: The variance of each channel.
        beta: What is added to each channel.
        gamma: The factor of each channel.
        variance_epsilon: What is added to the variance.
        scale_after_normalization: Whether `gamma` counts.
        name: Name of the scope of the operations.
        input: The new name of `t`.
        mean: The new name of `m`.
        variance: The new name of `v`.

    Returns:
        A tensor of the same shape.
    """
    return batch_normalization(
        renamed(input, t, "input", "t"),
        renamed(mean, m, "mean", "m"),
        renamed(variance, v, "variance", "v"),
        beta,
        gamma if scale_after_normalization else None,
        variance_epsilon,
        name,
    )


@export("nn.sufficient_statistics")
def sufficient_statistics(
    x: TensorLike,
    axes: Any,
    shift: TensorLike = None,
    keep_dims: bool | None = None,
    name: str | None = None,
    keepdims: bool | None = None,
) -> tuple[Tensor, Tensor, Tensor, Tensor | None]:
    """What mean and variance can be computed from.

    Args:
        x: A tensor of floating-point numbers.
        axes: The axes.
        shift: A value near the mean, which makes the result more exact.
        keep_dims: The old name of `keepdims`.
        name: Name of the scope of the operations.
        keepdims: Whether the axes are kept, with size 1.

    Returns:
        The number of elements, their sum, the sum of their squares (both less the shift), and the
        shift or None.
    """
    keep = bool(renamed(keepdims, keep_dims, "keepdims", "keep_dims"))
    listed = list(axes) if isinstance(axes, (list, tuple)) else [axes]
    with get_default_graph().name_scope(name or "sufficient_statistics"):
        tensor = checked_kind(convert_to_tensor(x), "f", "sufficient_statistics")
        sizes = cast(reduce_prod(gather(shape(tensor), listed)), tensor.dtype)
        given = None if shift is None else convert_to_tensor(shift, tensor.dtype, name="shift")
        apart = tensor if given is None else tensor - given
        total = reduce_sum(apart, listed, keepdims=keep, name="mean_ss")
        squares = reduce_sum(square(apart), listed, keepdims=keep, name="var_ss")
        return identity(sizes, name="count"), total, squares, given


@export("nn.normalize_moments")
def normalize_moments(
    counts: TensorLike,
    mean_ss: TensorLike,
    variance_ss: TensorLike,
    shift: TensorLike,
    name: str | None = None,
) -> tuple[Tensor, Tensor]:
    """Mean and variance of what `sufficient_statistics` gives.

    Args:
        counts: The number of elements.
        mean_ss: Their sum, less the shift.
        variance_ss: The sum of their squares, less the shift.
        shift: The shift, or None.
        name: Name of the scope of the operations.

    Returns:
        The mean and the variance.
    """
    with get_default_graph().name_scope(name or "normalize"):
        inverse = reciprocal(convert_to_tensor(counts), name="divisor")
        apart = multiply(convert_to_tensor(mean_ss), inverse)
        mean = apart if shift is None else add(apart, convert_to_tensor(shift))
        second = multiply(convert_to_tensor(variance_ss), inverse)
        variance = subtract(second, square(apart), name="variance")
        return identity(mean, name="mean"), variance


# The same for images in one operation.


def _fused_spec(view: View) -> tuple[Spec, ...]:
    x = view.first
    channels = None if x.dims is None else x.dims[-1]
    for spec in view.inputs[1 : 3 if view["is_training"] else 5]:
        if not compatible(spec.dims, (channels,)):
            raise Incompatible(
                f"images of shape {described(x.dims)} have {channels} channels, but scale, "
                f"offset, mean or variance has shape {described(spec.dims)}"
            )
    statistics = [Spec(view.inputs[1].dtype, (channels,)) for _ in range(4)]
    return Spec(x.dtype, x.dims), *statistics


# Images with fewer channels are worked on in rows of images: NumPy works row by row.
_MANY = 256


class _Rows:
    """How images are taken as rows, and what there is for each channel as a row like them."""

    def __init__(self, x: Any) -> None:
        self._channels = x.shape[-1]
        self._times = x.shape[-2] if x.ndim > 2 and x.size and self._channels < _MANY else 1
        self.count = x.dtype.type(max(x.size // max(self._channels, 1), 1))

    def of(self, images: Any) -> Any:
        return images.reshape(-1, self._times * self._channels)

    def row(self, channels: Any) -> Any:
        return channels[None].repeat(self._times, 0).reshape(-1)

    def sums(self, images: Any) -> Any:
        return column_sums(images.reshape(-1, self._channels))


def _bind_fused(view: View) -> Kernel:
    epsilon, estimate, buffers = view["epsilon"], view["estimate"], view.buffers

    def training(x: Any, scale: Any, offset: Any, *_: Any) -> Any:
        x, rows = np.ascontiguousarray(x), _Rows(x)
        mean = rows.sums(x) / rows.count
        result, squares = (buffers.take(x.shape, x.dtype) for _ in range(2))
        apart = np.subtract(rows.of(x), rows.row(mean), rows.of(result))
        variance = rows.sums(np.multiply(apart, apart, rows.of(squares))) / rows.count
        factor = 1 / np.sqrt(variance + x.dtype.type(epsilon))
        apart *= rows.row(scale * factor)
        apart += rows.row(offset)
        if estimate:
            variance *= rows.count / max(rows.count - 1, x.dtype.type(1))
        return result, mean, variance, mean.copy(), factor

    def inference(x: Any, scale: Any, offset: Any, mean: Any, variance: Any) -> Any:
        x, rows = np.ascontiguousarray(x), _Rows(x)
        inverse = 1 / np.sqrt(variance + x.dtype.type(epsilon))
        factor = scale * inverse
        result = buffers.take(x.shape, x.dtype)
        scaled = np.multiply(rows.of(x), rows.row(factor), rows.of(result))
        scaled += rows.row(offset - mean * factor)
        return result, mean.copy(), variance.copy(), mean.copy(), inverse

    return _chosen(view, training, inference)


def _chosen(view: View, training: Kernel, inference: Kernel) -> Kernel:
    """One of two kernels; if only the run knows which, the last input says it."""
    if view["is_training"] is not None:
        return training if view["is_training"] else inference
    return lambda *inputs: (training if inputs[-1] else inference)(*inputs[:-1])


def _bind_fused_gradient(view: View) -> Kernel:
    buffers = view.buffers

    def training(dy: Any, x: Any, scale: Any, mean: Any, factor: Any) -> Any:
        x, dy, rows = np.ascontiguousarray(x), np.ascontiguousarray(dy), _Rows(x)
        result, products = (buffers.take(x.shape, x.dtype) for _ in range(2))
        apart, product = rows.of(result), rows.of(products)
        np.subtract(rows.of(x), rows.row(mean), apart)
        by_scale = rows.sums(np.multiply(rows.of(dy), apart, product)) * factor
        by_offset = rows.sums(dy)
        whole = scale * factor
        apart *= rows.row(-whole * factor * by_scale / rows.count)
        apart += np.multiply(rows.of(dy), rows.row(whole), product)
        apart -= rows.row(whole * by_offset / rows.count)
        return result, by_scale, by_offset

    def inference(dy: Any, x: Any, scale: Any, mean: Any, factor: Any) -> Any:
        x, dy, rows = np.ascontiguousarray(x), np.ascontiguousarray(dy), _Rows(x)
        result = buffers.take(x.shape, x.dtype)
        apart = np.subtract(rows.of(x), rows.row(mean), rows.of(result))
        apart *= rows.of(dy)
        by_scale = rows.sums(apart) * factor
        np.multiply(rows.of(dy), rows.row(scale * factor), apart)
        return result, by_scale, rows.sums(dy)

    return _chosen(view, training, inference)


def _fused_gradient(op: Any, dy: Tensor, *_: Any) -> list[Tensor | None]:
    training = op.attributes["is_training"]
    condition = [] if training is not None else [op.inputs[-1]]
    found = FUSED_GRADIENT(
        dy,
        *op.inputs[:2],
        *op.outputs[3:],
        *condition,
        is_training=training,
        epsilon=op.attributes["epsilon"],
    )
    return [*found, *[None] * (len(op.inputs) - 3)]


def _plain_gradient(op: Any, dy: Tensor, x: Tensor, scale: Tensor) -> list[Tensor]:
    """The same as the gradient of the operation, of plain operations."""
    axes = list(range(rank_of(x, "The second derivative of FusedBatchNormV3") - 1))
    _, _, _, mean, factor, *condition = op.inputs
    training = op.attributes["is_training"]
    if training is not False:
        here = reduce_mean(x, axes)
        inverse = rsqrt(reduce_mean(square(x - here), axes) + op.attributes["epsilon"])
        mean = where(condition[0], here, mean) if condition else here
        factor = where(condition[0], inverse, factor) if condition else inverse
    apart = (x - mean) * factor
    slopes = dy
    if training is not False:
        common = reduce_mean(dy, axes) + apart * reduce_mean(dy * apart, axes)
        slopes = dy - (where(condition[0], common, common * 0) if condition else common)
    return [slopes * (scale * factor), reduce_sum(dy * apart, axes), reduce_sum(dy, axes)]


def _fused_second_gradient(op: Any, *slopes: Tensor | None) -> list[Tensor | None]:
    from runtime.graph.gradients import gradients

    copies = [identity(value) for value in op.inputs[:3]]
    made = _plain_gradient(op, *copies)
    pairs = [(y, dy) for y, dy in zip(made, slopes, strict=True) if dy is not None]
    found = gradients([y for y, _ in pairs], copies, [dy for _, dy in pairs])
    return [*found, *[None] * (len(op.inputs) - 3)]


FUSED: Definition = Definition(
    "FusedBatchNormV3",
    _fused_spec,
    bind=_bind_fused,
    gradient=_fused_gradient,
    floating=True,
)
FUSED_GRADIENT: Definition = Definition(
    "FusedBatchNormGradV3",
    lambda view: (
        Spec(view.first.dtype, view.first.dims),
        *[Spec(view.inputs[2].dtype, view.inputs[2].dims) for _ in range(2)],
    ),
    bind=_bind_fused_gradient,
    gradient=_fused_second_gradient,
    floating=True,
)


@export("nn.fused_batch_norm")
def fused_batch_norm(
    x: TensorLike,
    scale: TensorLike,
    offset: TensorLike,
    mean: TensorLike = None,
    variance: TensorLike = None,
    epsilon: float = 0.001,
    data_format: str = "NHWC",
    is_training: bool = True,
    name: str | None = None,
    exponential_avg_factor: float = 1.0,
) -> tuple[Tensor, Tensor, Tensor]:
    """Scales each channel of images to mean 0 and variance 1, then by `scale`, adds `offset`.

    Args:
        x: Images.
        scale: A factor for each channel.
        offset: What is added to each channel.
        mean: The mean of each channel; needed if this is not training.
        variance: The variance of each channel; needed if this is not training.
        epsilon: What is added to the variance.
        data_format: The order of the axes: ``"NHWC"`` or ``"NCHW"``.
        is_training: Whether mean and variance are those of `x`.
        name: Name of the operation.
        exponential_avg_factor: How much of the batch's mean and variance the returned ones
            take; the rest is of `mean` and `variance`.

    Returns:
        The result; the mean; the variance (the estimate from a sample, if this is training).

    Raises:
        ValueError: If mean or variance is missing.
    """
    order = checked_format(data_format, "fused_batch_norm")
    images = images_of(x, "FusedBatchNorm")
    given = mean is not None and variance is not None
    if not is_training and not given:
        raise ValueError("Both mean and variance must be given if is_training is False.")
    title = name or "FusedBatchNormV3"
    made = FUSED(
        channels_last(images, order),
        convert_to_tensor(scale, images.dtype),
        convert_to_tensor(offset, images.dtype),
        *[convert_to_tensor(v, images.dtype) for v in ((mean, variance) if given else ())],
        epsilon=float(epsilon),
        is_training=bool(is_training),
        estimate=True,
        name=inner_name(title, order),
    )
    result, batch_mean, batch_variance = made[:3]
    if is_training and given and exponential_avg_factor != 1.0:
        keep = 1.0 - exponential_avg_factor
        batch_mean = mean * keep + batch_mean * exponential_avg_factor
        batch_variance = variance * keep + batch_variance * exponential_avg_factor
    return in_order(result, order, title), batch_mean, batch_variance


@export("nn.l2_normalize", "math.l2_normalize")
def l2_normalize(
    x: TensorLike,
    axis: TensorLike = None,
    epsilon: float = 1e-12,
    name: str | None = None,
    dim: TensorLike = None,
) -> Tensor:
    """Scales vectors to length 1.

    Args:
        x: A tensor.
        axis: The axis, or axes, of the vectors; all if None.
        epsilon: The least square of a length to divide by.
        name: Name of the operation.
        dim: The old name of `axis`.

    Returns:
        A tensor of the same shape.
    """
    tensor = convert_to_tensor(x)
    chosen = renamed(axis, dim, "axis", "dim")
    with get_default_graph().name_scope(name or "l2_normalize") as scope:
        total = reduce_sum(square(tensor), chosen, keepdims=True)
        return multiply(tensor, rsqrt(maximum(total, epsilon)), name=scope)


# Local response normalization.


def _window_sums(x: Any, radius: int) -> Any:
    """For each channel the sum over its neighbours."""
    total = x.copy()
    for distance in range(1, min(radius, x.shape[-1] - 1) + 1):
        total[..., distance:] += x[..., :-distance]
        total[..., :-distance] += x[..., distance:]
    return total


def _bind_response(view: View) -> Kernel:
    radius, bias, alpha, beta = (view[key] for key in ("depth_radius", "bias", "alpha", "beta"))
    return lambda x: x * (bias + alpha * _window_sums(x * x, radius)) ** -beta


def _bind_response_gradient(view: View) -> Kernel:
    radius, bias, alpha, beta = (view[key] for key in ("depth_radius", "bias", "alpha", "beta"))

    def gradient(dy: Any, x: Any, y: Any) -> Any:
        base = bias + alpha * _window_sums(x * x, radius)
        return dy * base**-beta - 2 * alpha * beta * x * _window_sums(dy * y / base, radius)

    return gradient


RESPONSE: Definition = Definition(
    "LRN",
    unchanged,
    bind=_bind_response,
    gradient=lambda op, dy: [RESPONSE_GRADIENT(dy, op.inputs[0], op.outputs[0], **op.attributes)],
    floating=True,
)
RESPONSE_GRADIENT: Definition = Definition(
    "LRNGrad", unchanged, bind=_bind_response_gradient, floating=True
)


@export("nn.local_response_normalization", "nn.lrn")
def local_response_normalization(
    input: TensorLike,
    depth_radius: int | None = 5,
    bias: float | None = 1,
    alpha: float | None = 1,
    beta: float | None = 0.5,
    name: str | None = None,
) -> Tensor:
    """Divides by a power of the sum of squares over neighbouring channels.

    Args:
        input: Images: ``[batch, height, width, channels]``.
        depth_radius: How many channels on each side count; 5 if None.
        bias: What is added to the sum; 1 if None.
        alpha: The factor of the sum; 1 if None.
        beta: The power; 0.5 if None.
        name: Name of the operation.

    Returns:
        A tensor of the same shape.
    """
    result: Tensor = RESPONSE(
        images_of(input, "LRN"),
        depth_radius=5 if depth_radius is None else int(depth_radius),
        bias=1.0 if bias is None else float(bias),
        alpha=1.0 if alpha is None else float(alpha),
        beta=0.5 if beta is None else float(beta),
        name=name,
    )
    return result
