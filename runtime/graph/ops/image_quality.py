"""How much images change, and how much they differ.

Source: the ``tf.compat.v1.image`` module documentation; Wang et al., "Image Quality Assessment:
From Error Visibility to Structural Similarity" (2004).
"""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from runtime.graph import dtypes
from runtime.graph.convert import TensorLike, convert_to_tensor
from runtime.graph.export import export
from runtime.graph.graph import get_default_graph
from runtime.graph.ops.array import concat, reshape, shape, zeros_like
from runtime.graph.ops.colors import convert_image_dtype
from runtime.graph.ops.convolution import depthwise_conv2d
from runtime.graph.ops.layout import pad, tile
from runtime.graph.ops.math import absolute, cast, log, square, squared_difference
from runtime.graph.ops.reduction import reduce_mean, reduce_sum
from runtime.graph.shapes import compatible, described
from runtime.graph.tensor import Tensor


def _images(images: TensorLike, ranks: tuple[int, ...], what: str) -> Tensor:
    tensor = convert_to_tensor(images)
    if tensor.dims is None or len(tensor.dims) not in ranks:
        wanted = " or ".join(str(number) for number in ranks)
        raise ValueError(
            f"{what} expects images with {wanted} dimensions, not {tensor.name!r} of shape "
            f"{described(tensor.dims)}."
        )
    return tensor


@export("image.total_variation")
def total_variation(images: TensorLike, name: str | None = None) -> Tensor:
    """The sum of the differences of neighbouring pixels.

    Args:
        images: One image or several.
        name: Name of the scope of the operations.

    Returns:
        A scalar, or a number for each image.
    """
    with get_default_graph().name_scope(name or "total_variation"):
        tensor = _images(images, (3, 4), "total_variation")
        down = tensor[..., 1:, :, :] - tensor[..., :-1, :, :]
        right = tensor[..., :, 1:, :] - tensor[..., :, :-1, :]
        axes = None if len(tensor.dims or ()) == 3 else [1, 2, 3]
        return reduce_sum(absolute(down), axes) + reduce_sum(absolute(right), axes)


@export("image.image_gradients")
def image_gradients(image: TensorLike) -> tuple[Tensor, Tensor]:
    """The differences to the next row and to the next column.

    Args:
        image: ``[batch, height, width, channels]``.

    Returns:
        Two tensors of the same shape; zero in the last row, and in the last column.
    """
    tensor = _images(image, (4,), "image_gradients")
    down, right = tensor[:, 1:] - tensor[:, :-1], tensor[:, :, 1:] - tensor[:, :, :-1]
    found = (
        concat([down, zeros_like(tensor[:, -1:])], 1),
        concat([right, zeros_like(tensor[:, :, -1:])], 2),
    )
    for one in found:
        one.set_shape(tensor.dims)
    return found


@export("image.sobel_edges")
def sobel_edges(image: TensorLike) -> Tensor:
    """How steep colors are downwards and to the right.

    Args:
        image: ``[batch, height, width, channels]``.

    Returns:
        ``[batch, height, width, channels, 2]``.
    """
    tensor = _images(image, (4,), "sobel_edges")
    down = np.array([[-1, -2, -1], [0, 0, 0], [1, 2, 1]])
    filters = convert_to_tensor(np.stack([down, down.T], -1)[:, :, None], tensor.dtype)
    around = pad(tensor, [[0, 0], [1, 1], [1, 1], [0, 0]], "REFLECT")
    many = tile(filters, [1, 1, shape(tensor)[-1], 1])
    found = depthwise_conv2d(around, many, [1, 1, 1, 1], "VALID")
    edges = reshape(found, concat([shape(tensor), [2]], 0))
    edges.set_shape([*(tensor.dims or ()), 2])
    return edges


def _alike(first: TensorLike, second: TensorLike, largest: Any) -> tuple[Tensor, Tensor, Tensor]:
    """Both as float32, and the largest color."""
    a, b = convert_to_tensor(first), convert_to_tensor(second)
    for dims in (a.dims, b.dims):
        if dims is not None and len(dims) < 3:
            raise ValueError(
                f"Images need at least three dimensions, not the shape {described(dims)}."
            )
    if a.dims is not None and b.dims is not None and not compatible(a.dims[-3:], b.dims[-3:]):
        raise ValueError(
            f"Two images are not compatible: shapes {described(a.dims)} and {described(b.dims)}."
        )
    limit = convert_image_dtype(cast(largest, a.dtype), dtypes.float32)
    return (
        convert_image_dtype(a, dtypes.float32),
        convert_image_dtype(b, dtypes.float32),
        limit,
    )


@export("image.psnr")
def psnr(a: TensorLike, b: TensorLike, max_val: Any, name: str | None = None) -> Tensor:
    """The peak signal-to-noise ratio of images, in decibels.

    Args:
        a: Images.
        b: The images that they are compared with.
        max_val: The distance of the lightest and the darkest color.
        name: Name of the scope of the operations.

    Returns:
        A number for each image.

    Raises:
        ValueError: If the images are of different sizes.
    """
    with get_default_graph().name_scope(name or "PSNR"):
        first, second, largest = _alike(a, b, max_val)
        error = reduce_mean(squared_difference(first, second), [-3, -2, -1])
        return 20 * log(largest) / math.log(10.0) - 10 / math.log(10.0) * log(error)


def _window(size: int, sigma: float) -> Any:
    """A normal distribution over a square."""
    places = np.arange(size) - (size - 1) / 2
    weights = np.exp(-(places**2) / (2 * sigma**2))
    square_ = np.outer(weights, weights)
    return (square_ / square_.sum()).astype(np.float32)[:, :, None, None]


def _similarity(
    first: Tensor, second: Tensor, largest: Tensor, mean: Callable[[Tensor], Tensor], k: Any
) -> Tensor:
    """Of luminance, times that of contrast and structure."""
    c1, c2 = (square(constant * largest) for constant in k)
    one, other = mean(first), mean(second)
    product, squares = one * other * 2.0, square(one) + square(other)
    luminance = (product + c1) / (squares + c1)
    both = mean(first * second) * 2.0
    each = mean(square(first) + square(second))
    return luminance * (both - product + c2) / (each - squares + c2)


@export("image.ssim")
def ssim(
    img1: TensorLike,
    img2: TensorLike,
    max_val: Any,
    filter_size: int = 11,
    filter_sigma: float = 1.5,
    k1: float = 0.01,
    k2: float = 0.03,
    return_index_map: bool = False,
) -> Tensor:
    """The structural similarity of images: 1 if they are the same.

    Args:
        img1: Images.
        img2: The images that they are compared with.
        max_val: The distance of the lightest and the darkest color.
        filter_size: The size of the window.
        filter_sigma: How fast weights fall from the middle of the window.
        k1: Keeps the similarity of dark images from being undetermined.
        k2: Keeps that of images of one color from being undetermined.
        return_index_map: Whether there is a number for each window.

    Returns:
        A number for each image.

    Raises:
        ValueError: If the images are of different sizes, or smaller than the window.
    """
    first, second, largest = _alike(img1, img2, max_val)
    for size in (first.dims or ())[-3:-1]:
        if size is not None and size < filter_size:
            raise ValueError(f"Images of {size} are smaller than the window of {filter_size}.")
    channels = shape(first)[-1]
    kernel = tile(convert_to_tensor(_window(filter_size, filter_sigma)), [1, 1, channels, 1])

    def mean(x: Tensor) -> Tensor:
        flat = reshape(x, concat([[-1], shape(x)[-3:]], 0))
        flat.set_shape([None, *(first.dims or (None,) * 3)[-3:]])
        found = depthwise_conv2d(flat, kernel, [1, 1, 1, 1], "VALID")
        return reshape(found, concat([shape(x)[:-3], shape(found)[1:]], 0))

    similarity = _similarity(first, second, largest, mean, (k1, k2))
    by_window = reduce_mean(similarity, [-1])
    return by_window if return_index_map else reduce_mean(by_window, [-2, -1])
