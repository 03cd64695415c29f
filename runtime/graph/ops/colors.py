"""Colors of images: their types, brightness, contrast, hue and saturation.

Colors of floating-point numbers are from 0 to 1, those of integers from 0 to the largest one.

Source: the ``tf.compat.v1.image`` module documentation.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from runtime.graph import dtypes
from runtime.graph.convert import TensorLike, convert_to_tensor
from runtime.graph.definition import Definition, Spec, View
from runtime.graph.dtypes import as_dtype
from runtime.graph.export import export
from runtime.graph.graph import get_default_graph
from runtime.graph.ops.array import expand_dims, identity, rank, reshape, shape
from runtime.graph.ops.layout import tile
from runtime.graph.ops.math import cast, maximum, power, rsqrt, saturate_cast
from runtime.graph.ops.products import tensordot
from runtime.graph.ops.random import random_uniform
from runtime.graph.ops.reduction import reduce_mean, reduce_prod, reduce_std
from runtime.graph.ops.rules import checked_kind
from runtime.graph.shapes import Incompatible, described
from runtime.graph.tensor import Tensor

Array = Any  # of floating-point numbers
Number = Any  # a number or a scalar tensor


@export("image.convert_image_dtype")
def convert_image_dtype(
    image: TensorLike, dtype: Any, saturate: bool = False, name: str | None = None
) -> Tensor:
    """Images of another type, with their colors scaled to its range.

    Args:
        image: Images.
        dtype: The type of the result.
        saturate: Whether colors outside of the range become the nearest one in it.
        name: Name of the operation.

    Returns:
        Images.

    Raises:
        AttributeError: If the type is not of numbers.
    """
    tensor, target = convert_to_tensor(image), as_dtype(dtype)
    if not (target.is_floating or target.is_integer):
        raise AttributeError("dtype must be either floating point or integer")
    if target is tensor.dtype:
        return identity(tensor, name=name)
    to: Callable[..., Tensor] = saturate_cast if saturate else cast
    with get_default_graph().name_scope(name or "convert_image"):
        if tensor.dtype.is_floating and target.is_floating:
            return cast(tensor, target)
        if tensor.dtype.is_floating:
            return to(tensor * (target.max + 0.5), target)
        if target.is_floating:
            floats: Tensor = cast(tensor, target) * (1.0 / tensor.dtype.max)
            return floats
        inside, outside = int(tensor.dtype.max), int(target.max)
        if inside > outside:
            return to(tensor // ((inside + 1) // (outside + 1)), target)
        return to(tensor, target) * ((outside + 1) // (inside + 1))


def _in_floats(
    image: TensorLike, change: Callable[[Tensor], Tensor], name: str, saturate: bool = True
) -> Tensor:
    """What a function of floating-point colors makes of images of any type."""
    with get_default_graph().name_scope(name):
        tensor = convert_to_tensor(image)
        if tensor.dtype in (dtypes.float16, dtypes.float32):
            return change(tensor)
        changed = change(convert_image_dtype(tensor, dtypes.float32))
        return convert_image_dtype(changed, tensor.dtype, saturate)


# Brightness and contrast.


@export("image.adjust_brightness")
def adjust_brightness(image: TensorLike, delta: Number) -> Tensor:
    """Images with something added to all colors.

    Args:
        image: Images.
        delta: What is added, in the range of floating-point colors.

    Returns:
        Images of the same type.
    """
    return _in_floats(image, lambda x: x + cast(delta, x.dtype), "adjust_brightness")


@export("image.random_brightness")
def random_brightness(image: TensorLike, max_delta: float, seed: int | None = None) -> Tensor:
    """Images with a random number added to all colors.

    Args:
        image: Images.
        max_delta: The limit of its magnitude.
        seed: The operation's seed.

    Returns:
        Images of the same type.

    Raises:
        ValueError: If the limit is negative.
    """
    if max_delta < 0:
        raise ValueError(f"max_delta must be non-negative, not {max_delta}.")
    return adjust_brightness(image, random_uniform([], -max_delta, max_delta, seed=seed))


@export("image.adjust_contrast")
def adjust_contrast(images: TensorLike, contrast_factor: Number) -> Tensor:
    """Images with each channel's distance to its mean multiplied.

    Args:
        images: Images.
        contrast_factor: The factor.

    Returns:
        Images of the same type.
    """

    def adjusted(x: Tensor) -> Tensor:
        mean = reduce_mean(x, [-3, -2], keepdims=True)
        return (x - mean) * cast(contrast_factor, x.dtype) + mean

    return _in_floats(images, adjusted, "adjust_contrast")


def _check_range(lower: float, upper: float) -> None:
    if upper <= lower:
        raise ValueError(f"upper must be > lower, but they are {upper} and {lower}.")
    if lower < 0:
        raise ValueError(f"lower must be non-negative, not {lower}.")


@export("image.random_contrast")
def random_contrast(
    image: TensorLike, lower: float, upper: float, seed: int | None = None
) -> Tensor:
    """Images with a random contrast.

    Args:
        image: Images.
        lower: The least factor.
        upper: The limit of the factor.
        seed: The operation's seed.

    Returns:
        Images of the same type.

    Raises:
        ValueError: If the range is empty or begins below 0.
    """
    _check_range(lower, upper)
    return adjust_contrast(image, random_uniform([], lower, upper, seed=seed))


@export("image.adjust_gamma")
def adjust_gamma(image: TensorLike, gamma: Number = 1, gain: Number = 1) -> Tensor:
    """Raises colors to a power: gain · color ** gamma.

    Args:
        image: Images.
        gamma: The exponent.
        gain: The factor.

    Returns:
        Images of the same type.

    Raises:
        ValueError: If the exponent is negative.
    """
    if not isinstance(gamma, Tensor) and gamma < 0:
        raise ValueError(f"Gamma should be a non-negative real number, not {gamma}.")
    return _in_floats(image, lambda x: gain * power(x, cast(gamma, x.dtype)), "adjust_gamma")


@export("image.per_image_standardization")
def per_image_standardization(image: TensorLike) -> Tensor:
    """Images each of which has mean 0 and variance 1.

    Args:
        image: One image or several.

    Returns:
        As many images, of float32 or float16.
    """
    with get_default_graph().name_scope("per_image_standardization"):
        tensor = convert_to_tensor(image)
        if tensor.dtype not in (dtypes.float16, dtypes.float32):
            tensor = cast(tensor, dtypes.float32)
        axes = [-1, -2, -3]
        count = cast(reduce_prod(shape(tensor)[-3:]), tensor.dtype)
        mean = reduce_mean(tensor, axes, keepdims=True)
        deviation = reduce_std(tensor, axes, keepdims=True)
        # An image of one color has no deviation.
        return (tensor - mean) / maximum(deviation, rsqrt(count))


# Hue and saturation.


def _colored(view: View) -> Spec:
    dims = view.first.dims
    if dims is not None and (not dims or dims[-1] not in (3, None)):
        raise Incompatible(f"the last axis must have the size 3, in the shape {described(dims)}")
    return Spec(view.first.dtype, dims)


def _to_hsv(rgb: Array) -> Array:
    red, green, blue = np.moveaxis(rgb, -1, 0)
    value = rgb.max(-1)
    spread = value - rgb.min(-1)
    saturation = np.divide(spread, value, out=np.zeros_like(value), where=value > 0)
    part = np.divide(1, 6 * spread, out=np.zeros_like(value), where=spread > 0)
    third = rgb.dtype.type(1 / 3)
    hue = np.select(
        [red == value, green == value],
        [part * (green - blue), part * (blue - red) + third],
        part * (red - green) + 2 * third,
    )
    hue = np.where(spread > 0, hue, 0)
    return np.stack([np.where(hue < 0, hue + 1, hue), saturation, value], -1).astype(rgb.dtype)


def _to_rgb(hsv: Array) -> Array:
    hue, saturation, value = np.moveaxis(hsv, -1, 0)
    sixth = hue * 6
    parts = np.stack(
        [
            np.clip(np.abs(sixth - 3) - 1, 0, 1),
            np.clip(2 - np.abs(sixth - 2), 0, 1),
            np.clip(2 - np.abs(sixth - 4), 0, 1),
        ],
        -1,
    )
    made = ((1 - saturation)[..., None] + saturation[..., None] * parts) * value[..., None]
    return made.astype(hsv.dtype, copy=False)


def _turned(rgb: Array, delta: Array) -> Array:
    hsv = _to_hsv(rgb)
    hsv[..., 0] = np.mod(hsv[..., 0] + delta.astype(rgb.dtype), 1)
    return _to_rgb(hsv)


def _saturated(rgb: Array, factor: Array) -> Array:
    hsv = _to_hsv(rgb)
    hsv[..., 1] = np.clip(hsv[..., 1] * factor.astype(rgb.dtype), 0, 1)
    return _to_rgb(hsv)


RGB_TO_HSV = Definition("RGBToHSV", _colored, _to_hsv)
HSV_TO_RGB = Definition("HSVToRGB", _colored, _to_rgb)
HUE = Definition("AdjustHue", _colored, _turned)
SATURATION = Definition("AdjustSaturation", _colored, _saturated)


@export("image.rgb_to_hsv")
def rgb_to_hsv(images: TensorLike, name: str | None = None) -> Tensor:
    """Red, green and blue as hue, saturation and value.

    Args:
        images: ``[…, 3]``, of floating-point numbers from 0 to 1.
        name: Name of the operation.

    Returns:
        A tensor of the same shape; there is no gradient.
    """
    tensor = checked_kind(convert_to_tensor(images), "f", "RGBToHSV")
    result: Tensor = RGB_TO_HSV(tensor, name=name)
    return result


@export("image.hsv_to_rgb")
def hsv_to_rgb(images: TensorLike, name: str | None = None) -> Tensor:
    """Hue, saturation and value as red, green and blue.

    Args:
        images: ``[…, 3]``, of floating-point numbers from 0 to 1.
        name: Name of the operation.

    Returns:
        A tensor of the same shape; there is no gradient.
    """
    tensor = checked_kind(convert_to_tensor(images), "f", "HSVToRGB")
    result: Tensor = HSV_TO_RGB(tensor, name=name)
    return result


@export("image.adjust_hue")
def adjust_hue(image: TensorLike, delta: Number, name: str | None = None) -> Tensor:
    """Images with the hue of their colors turned.

    Args:
        image: Images with three channels.
        delta: By what part of a whole turn, from -1 to 1.
        name: Name of the scope of the operations.

    Returns:
        Images of the same type; there is no gradient.
    """

    def adjusted(x: Tensor) -> Tensor:
        result: Tensor = HUE(x, convert_to_tensor(delta, dtypes.float32))
        return result

    return _in_floats(image, adjusted, name or "adjust_hue", saturate=False)


@export("image.random_hue")
def random_hue(image: TensorLike, max_delta: float, seed: int | None = None) -> Tensor:
    """Images with the hue of their colors turned at random.

    Args:
        image: Images with three channels.
        max_delta: The limit, up to 0.5.
        seed: The operation's seed.

    Returns:
        Images of the same type.

    Raises:
        ValueError: If the limit is not from 0 to 0.5.
    """
    if not 0 <= max_delta <= 0.5:
        raise ValueError(f"max_delta must be non-negative and <= 0.5, not {max_delta}.")
    return adjust_hue(image, random_uniform([], -max_delta, max_delta, seed=seed))


@export("image.adjust_saturation")
def adjust_saturation(
    image: TensorLike, saturation_factor: Number, name: str | None = None
) -> Tensor:
    """Images with the saturation of their colors multiplied.

    Args:
        image: Images with three channels.
        saturation_factor: The factor.
        name: Name of the scope of the operations.

    Returns:
        Images of the same type; there is no gradient.
    """

    def adjusted(x: Tensor) -> Tensor:
        result: Tensor = SATURATION(x, convert_to_tensor(saturation_factor, dtypes.float32))
        return result

    return _in_floats(image, adjusted, name or "adjust_saturation", saturate=False)


@export("image.random_saturation")
def random_saturation(
    image: TensorLike, lower: float, upper: float, seed: int | None = None
) -> Tensor:
    """Images with a random saturation.

    Args:
        image: Images with three channels.
        lower: The least factor.
        upper: The limit of the factor.
        seed: The operation's seed.

    Returns:
        Images of the same type.

    Raises:
        ValueError: If the range is empty or begins below 0.
    """
    _check_range(lower, upper)
    return adjust_saturation(image, random_uniform([], lower, upper, seed=seed))


@export("image.rgb_to_grayscale")
def rgb_to_grayscale(images: TensorLike, name: str | None = None) -> Tensor:
    """The brightness of colors.

    Args:
        images: ``[…, 3]``.
        name: Name of the scope of the operations.

    Returns:
        ``[…, 1]``, of the same type.
    """
    with get_default_graph().name_scope(name or "rgb_to_grayscale"):
        tensor = convert_to_tensor(images)
        floats = convert_image_dtype(tensor, dtypes.float32)
        gray = tensordot(floats, convert_to_tensor([0.2989, 0.5870, 0.1140]), [[-1], [-1]])
        return convert_image_dtype(expand_dims(gray, -1), tensor.dtype)


@export("image.grayscale_to_rgb")
def grayscale_to_rgb(images: TensorLike, name: str | None = None) -> Tensor:
    """Gray images as colored ones.

    Args:
        images: ``[…, 1]``.
        name: Name of the scope of the operations.

    Returns:
        ``[…, 3]``, of the same type.
    """
    with get_default_graph().name_scope(name or "grayscale_to_rgb"):
        tensor = convert_to_tensor(images)
        if tensor.dims is not None:
            return tile(tensor, [*[1] * (len(tensor.dims) - 1), 3])
        last = cast(convert_to_tensor(np.arange(64)) == rank(tensor) - 1, dtypes.int32)
        return tile(tensor, (1 + 2 * last)[: rank(tensor)])


_TO_YIQ = np.array(
    [
        [0.299, 0.59590059, 0.2115],
        [0.587, -0.27455667, -0.52273617],
        [0.114, -0.32134392, 0.31119955],
    ]
)
_TO_YUV = np.array(
    [
        [0.299, -0.14714119, 0.61497538],
        [0.587, -0.28886916, -0.51496512],
        [0.114, 0.43601035, -0.10001026],
    ]
)
_FROM_YIQ = np.array(
    [[1, 1, 1], [0.95598634, -0.27201283, -1.10674021], [0.6208248, -0.64720424, 1.70423049]]
)
_FROM_YUV = np.array([[1, 1, 1], [0, -0.394642334, 2.03206185], [1.13988303, -0.58062185, 0]])


def _mixing(name: str, matrix: Array, what: str) -> Callable[[TensorLike], Tensor]:
    def function(images: TensorLike) -> Tensor:
        tensor = checked_kind(convert_to_tensor(images), "f", name)
        mixed = tensordot(
            reshape(tensor, [-1, 3]), convert_to_tensor(matrix, tensor.dtype), [[1], [0]]
        )
        made = reshape(mixed, shape(tensor))
        made.set_shape(tensor.dims)
        return made

    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"""{what}.

    Args:
        images: ``[…, 3]``, of floating-point numbers.

    Returns:
        A tensor of the same shape.
    """
    return export(f"image.{name}")(function)


rgb_to_yiq = _mixing("rgb_to_yiq", _TO_YIQ, "Red, green and blue as the colors of NTSC television")
rgb_to_yuv = _mixing("rgb_to_yuv", _TO_YUV, "Red, green and blue as the colors of PAL television")
yiq_to_rgb = _mixing(
    "yiq_to_rgb", _FROM_YIQ, "The colors of NTSC television as red, green and blue"
)
yuv_to_rgb = _mixing("yuv_to_rgb", _FROM_YUV, "The colors of PAL television as red, green and blue")
