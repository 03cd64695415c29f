"""Making images larger and smaller.

Each method is linear in rows and in columns, so it is a matrix for the rows and one for the
columns; the gradient is a product with the transposed matrices. Positions are computed in single
precision, as TensorFlow does it: there the rounding decides which pixels are taken.

Source: the ``tf.compat.v1.image.resize`` documentation.
"""

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np

from runtime.graph import dtypes
from runtime.graph.convert import TensorLike, convert_to_tensor
from runtime.graph.definition import Definition, Kernel, Spec, View
from runtime.graph.export import export
from runtime.graph.graph import get_default_graph
from runtime.graph.ops.array import _target, expand_dims, shape, shape_argument, squeeze, stack
from runtime.graph.ops.math import cast, minimum, rounded
from runtime.graph.ops.rules import checked_kind
from runtime.graph.shapes import Incompatible, described
from runtime.graph.tensor import Tensor

Array = Any  # of any element type
_SINGLE = np.float32
# Bicubic weights come from a table of this many steps between two pixels.
_STEPS = 1024


def _scale(size: int, target: int, aligned: bool) -> Any:
    if aligned and target > 1:
        return _SINGLE(size - 1) / _SINGLE(target - 1)
    return _SINGLE(size) / _SINGLE(target)


def _places(size: int, target: int, aligned: bool, centers: bool) -> Array:
    """Where each pixel of the result lies between those of the image."""
    numbers, scale = np.arange(target, dtype=_SINGLE), _scale(size, target, aligned)
    half = _SINGLE(0.5)
    return (numbers + half) * scale - half if centers else numbers * scale


def nearest(size: int, target: int, aligned: bool, centers: bool) -> Array:
    """The pixel that each pixel of the result takes its value from.

    Args:
        size: The size of the image along an axis.
        target: The size of the result.
        aligned: Whether the corners of both are in the same places.
        centers: Whether pixels are counted from their centers.

    Returns:
        A vector of indices.
    """
    numbers, scale = np.arange(target, dtype=_SINGLE), _scale(size, target, aligned)
    places = (numbers + _SINGLE(0.5)) * scale if centers else numbers * scale
    # Halves are rounded away from zero here, not to even numbers.
    chosen = np.floor(places + _SINGLE(0.5)) if aligned else np.floor(places)
    return np.clip(chosen, 0, size - 1).astype(np.intp)


def _matrix(size: int, taps: Array, weights: Array) -> Array:
    """The matrix of weighted sums: ``taps`` and ``weights`` are ``[target, taps]``."""
    made = np.zeros((len(taps), size), _SINGLE)
    rows = np.repeat(np.arange(len(taps)), taps.shape[1])
    np.add.at(made, (rows, taps.ravel()), weights.astype(_SINGLE).ravel())
    return made


def _nearest(size: int, target: int, aligned: bool, centers: bool) -> Array:
    taps = nearest(size, target, aligned, centers)[:, None]
    return _matrix(size, taps, np.ones(taps.shape))


def _bilinear(size: int, target: int, aligned: bool, centers: bool) -> Array:
    places = _places(size, target, aligned, centers)
    below, part = np.floor(places), places - np.floor(places)
    taps = np.stack([np.maximum(below, 0), np.minimum(np.ceil(places), size - 1)], 1)
    return _matrix(size, taps.astype(np.intp), np.stack([1 - part, part], 1))


def _cubic(distance: Array, a: float) -> Array:
    """The weight of a pixel at a distance up to 2.

    Source: Keys, "Cubic Convolution Interpolation for Digital Image Processing" (1981).
    """
    x = np.abs(distance)
    near = ((a + 2) * x - (a + 3)) * x * x + 1
    far = ((a * x - 5 * a) * x + 8 * a) * x - 4 * a
    return np.where(x <= 1, near, far)


def _bicubic(size: int, target: int, aligned: bool, centers: bool) -> Array:
    places = _places(size, target, aligned, centers)
    below = np.floor(places)
    # The nearest step of the table, halves to the even one.
    part = np.rint((places - below) * _STEPS).astype(_SINGLE) / _STEPS
    taps = below[:, None].astype(np.intp) + np.arange(-1, 3)
    distances = part[:, None] - np.arange(-1, 3)
    inside = np.clip(taps, 0, size - 1)
    if not centers:
        return _matrix(size, inside, _cubic(distances, -0.75))
    weights = np.where(inside == taps, _cubic(distances, -0.5), 0)
    sums = weights.sum(1, keepdims=True)
    known = np.abs(sums) >= 1000 * np.finfo(_SINGLE).tiny
    return _matrix(size, inside, np.divide(weights, sums, out=weights, where=known))


def _area(size: int, target: int, aligned: bool, centers: bool) -> Array:
    """What part of each pixel lies under a pixel of the result."""
    scale = _scale(size, target, aligned)
    if not scale:  # all corners of one pixel
        return np.ones((target, 1), _SINGLE)
    begin = np.arange(target, dtype=_SINGLE) * scale
    end = (np.arange(target, dtype=_SINGLE) + 1) * scale
    most = int(np.ceil(end).max()) + 1
    pixels = np.arange(most)
    covered = np.minimum(pixels + 1, end[:, None]) - np.maximum(pixels, begin[:, None])
    taps = np.broadcast_to(np.minimum(pixels, size - 1), covered.shape)
    return _matrix(size, taps, np.maximum(covered, 0) / scale)


@lru_cache(maxsize=256)
def _weights(method: Callable[..., Array], size: int, target: int, *options: bool) -> Array:
    made = method(size, target, *options)
    made.flags.writeable = False
    return made


def _spec(view: View) -> Spec:
    dims, size = view.first.dims, _target(view, 1)
    if dims is not None and len(dims) != 4:
        raise Incompatible(f"images must have four axes, not the shape {described(dims)}")
    if size is not None and len(size) != 2:
        raise Incompatible(f"size must be two numbers, not {described(size)}")
    if size is not None and any(number is not None and number <= 0 for number in size):
        raise Incompatible(f"output dimensions must be positive, not {described(size)}")
    height, width = size or (None, None)
    batch, channels = (None, None) if dims is None else (dims[0], dims[3])
    return Spec(view["dtype"], (batch, height, width, channels))


def _products(images: Array, rows: Array, columns: Array) -> Array:
    """``rows · images · columnsᵀ`` for each image and channel."""
    batch, height, width, channels = images.shape
    tall = np.matmul(rows, images.reshape(batch, height, width * channels))
    wide = np.matmul(columns, tall.reshape(batch * len(rows), width, channels))
    return wide.reshape(batch, len(rows), len(columns), channels)


def _checked_sizes(images: Array, size: Array) -> tuple[int, int]:
    height, width = (int(number) for number in size)
    if height <= 0 or width <= 0:
        raise ValueError(f"output dimensions must be positive, not {height} × {width}")
    if not (images.shape[1] and images.shape[2]):
        raise ValueError(f"input image must be of non-zero size, not {images.shape}")
    return height, width


def _bind_resize(view: View, method: Callable[..., Array]) -> Kernel:
    options, dtype = (view["align_corners"], view["half_pixel_centers"]), view["dtype"].numpy
    known = view["dims"]

    def kernel(images: Array, size: Any = known) -> Array:
        height, width = _checked_sizes(images, size)
        rows = _weights(method, images.shape[1], height, *options)
        columns = _weights(method, images.shape[2], width, *options)
        return _products(images.astype(_SINGLE), rows, columns).astype(dtype, copy=False)

    return kernel


def _bind_nearest(view: View) -> Kernel:
    options, known = (view["align_corners"], view["half_pixel_centers"]), view["dims"]

    def kernel(images: Array, size: Any = known) -> Array:
        height, width = _checked_sizes(images, size)
        rows = nearest(images.shape[1], height, *options)
        columns = nearest(images.shape[2], width, *options)
        return images[:, rows][:, :, columns]

    return kernel


def _bind_gradient(view: View, method: Callable[..., Array]) -> Kernel:
    options, dtype = (view["align_corners"], view["half_pixel_centers"]), view["dtype"].numpy

    def kernel(dy: Array, images: Array) -> Array:
        rows = _weights(method, images.shape[1], dy.shape[1], *options)
        columns = _weights(method, images.shape[2], dy.shape[2], *options)
        kind = dy.dtype if dy.dtype == np.float64 else _SINGLE
        found = _products(dy.astype(kind, copy=False), rows.T, columns.T)
        return found.astype(dtype, copy=False)

    return kernel


def _define(name: str, method: Callable[..., Array], single: bool, slope: bool) -> Definition:
    """A method with its gradient, and the gradient of that.

    Args:
        name: The operation's type.
        method: Makes the matrix of an axis.
        single: Whether the result is of float32 whatever the images are.
        slope: Whether there is a gradient.
    """

    def again(op: Any, dy: Tensor) -> list[Any]:
        slopes = resize(dy, shape(op.inputs[0])[1:3], **_options(op), dtype=op.inputs[0].dtype)
        return [slopes, None]

    def gradient(op: Any, dy: Tensor) -> list[Any]:
        images = op.inputs[0]
        found = backwards(dy, images, **_options(op), dtype=images.dtype)
        return [found, *[None] * (len(op.inputs) - 1)]

    def resize(images: Tensor, size: TensorLike, dtype: Any, **options: Any) -> Tensor:
        dims, inputs = shape_argument(size)
        found: Tensor = forwards(images, *inputs, dims=dims, dtype=dtype, **options)
        return found

    backwards = Definition(
        f"{name}Grad",
        lambda view: Spec(view["dtype"], view.inputs[1].dims),
        bind=lambda view: _bind_gradient(view, method),
        gradient=again,
    )
    forwards = Definition(
        name,
        _spec,
        bind=(lambda view: _bind_resize(view, method)) if single else _bind_nearest,
        gradient=gradient if slope else None,
    )
    return forwards


def _options(op: Any) -> dict[str, Any]:
    return {name: op.attributes[name] for name in ("align_corners", "half_pixel_centers")}


BILINEAR = _define("ResizeBilinear", _bilinear, True, True)
BICUBIC = _define("ResizeBicubic", _bicubic, True, True)
AREA = _define("ResizeArea", _area, True, False)
NEAREST = _define("ResizeNearestNeighbor", _nearest, False, True)


def _resized(
    definition: Definition,
    images: TensorLike,
    size: TensorLike,
    align_corners: bool,
    half_pixel_centers: bool,
    name: str | None,
) -> Tensor:
    if align_corners and half_pixel_centers:
        raise ValueError(
            f"{definition.type}: If half_pixel_centers is True, align_corners must be False."
        )
    tensor = checked_kind(convert_to_tensor(images), "fiu", definition.type)
    dims, inputs = shape_argument(size)
    result: Tensor = definition(
        tensor,
        *inputs,
        dims=dims,
        align_corners=bool(align_corners),
        half_pixel_centers=bool(half_pixel_centers),
        dtype=tensor.dtype if definition is NEAREST else dtypes.float32,
        name=name,
    )
    return result


def _published(definition: Definition, names: tuple[str, ...], how: str) -> Any:
    def function(
        images: TensorLike,
        size: TensorLike,
        align_corners: bool = False,
        name: str | None = None,
        half_pixel_centers: bool = False,
    ) -> Tensor:
        return _resized(definition, images, size, align_corners, half_pixel_centers, name)

    function.__name__ = function.__qualname__ = names[0].rpartition(".")[2]
    function.__doc__ = f"""Resizes images {how}.

    Args:
        images: ``[batch, height, width, channels]``.
        size: Height and width of the result.
        align_corners: Whether the corner pixels of both have the same centers.
        name: Name of the operation.
        half_pixel_centers: Whether pixels are counted from their centers.

    Returns:
        Images, {"of the same type" if definition is NEAREST else "of float32"}.

    Raises:
        ValueError: If shapes don't fit, or both options are given.
    """
    return export(*names)(function)


resize_bilinear = _published(
    BILINEAR, ("image.resize_bilinear",), "with the weighted mean of the four nearest pixels"
)
resize_bicubic = _published(
    BICUBIC, ("image.resize_bicubic",), "with a cubic function of the sixteen nearest pixels"
)
resize_nearest_neighbor = _published(
    NEAREST, ("image.resize_nearest_neighbor",), "with the nearest pixel"
)


@export("image.resize_area")
def resize_area(
    images: TensorLike, size: TensorLike, align_corners: bool = False, name: str | None = None
) -> Tensor:
    """Resizes images with the mean of what lies under a pixel of the result.

    Args:
        images: ``[batch, height, width, channels]``.
        size: Height and width of the result.
        align_corners: Whether the corner pixels of both have the same centers.
        name: Name of the operation.

    Returns:
        Images, of float32; there is no gradient.
    """
    return _resized(AREA, images, size, align_corners, False, name)


@export("image.ResizeMethod")
class ResizeMethod:
    """The methods of `resize_images`."""

    BILINEAR = 0
    NEAREST_NEIGHBOR = 1
    BICUBIC = 2
    AREA = 3


_METHODS = {
    ResizeMethod.BILINEAR: BILINEAR,
    "bilinear": BILINEAR,
    ResizeMethod.NEAREST_NEIGHBOR: NEAREST,
    "nearest": NEAREST,
    ResizeMethod.BICUBIC: BICUBIC,
    "bicubic": BICUBIC,
    ResizeMethod.AREA: AREA,
    "area": AREA,
}


@export("image.resize_images", "image.resize")
def resize_images(
    images: TensorLike,
    size: TensorLike,
    method: Any = ResizeMethod.BILINEAR,
    align_corners: bool = False,
    preserve_aspect_ratio: bool = False,
    name: str | None = None,
) -> Tensor:
    """Resizes one image or several.

    Args:
        images: ``[batch, height, width, channels]`` or ``[height, width, channels]``.
        size: Height and width of the result.
        method: One of `ResizeMethod`.
        align_corners: Whether the corner pixels of both have the same centers.
        preserve_aspect_ratio: Whether the result is the largest one of the images' proportions
            that `size` has room for.
        name: Name of the scope of the operations.

    Returns:
        As many images, of float32, unless the method is NEAREST_NEIGHBOR or the size is the one
        that they have.

    Raises:
        ValueError: If shapes don't fit, or there is no such method.
    """
    with get_default_graph().name_scope(name or "resize"):
        tensor = convert_to_tensor(images)
        if tensor.dims is None or len(tensor.dims) not in (3, 4):
            raise ValueError(
                f"'images' must have either 3 or 4 dimensions, but {tensor.name!r} has shape "
                f"{described(tensor.dims)}."
            )
        if not isinstance(method, (int, str)) or method not in _METHODS:
            raise ValueError(
                f"Resize method {method!r} is not implemented; there are BILINEAR (0), "
                "NEAREST_NEIGHBOR (1), BICUBIC (2) and AREA (3)."
            )
        one = len(tensor.dims) == 3
        batch = expand_dims(tensor, 0) if one else tensor
        if preserve_aspect_ratio:
            size = _largest(batch, size)
        wanted, _ = shape_argument(size)
        if wanted is not None and len(wanted) != 2:
            raise ValueError(f"'size' must be two numbers, height and width, not {size!r}.")
        if wanted is not None and None not in wanted and wanted == batch.dims[1:3]:  # type: ignore[index]  # of rank 4
            return tensor
        made = _resized(_METHODS[method], batch, size, align_corners, False, None)
        return squeeze(made, [0]) if one else made


def _largest(images: Tensor, size: TensorLike) -> Tensor:
    """The largest size of the images' proportions that fits into another."""
    room = cast(convert_to_tensor(size), dtypes.float32)
    height, width = (cast(shape(images)[axis], dtypes.float32) for axis in (1, 2))
    factor = minimum(room[0] / height, room[1] / width)
    return stack([cast(rounded(side * factor), dtypes.int32) for side in (height, width)])
