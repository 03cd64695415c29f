"""Turning, flipping, cropping and padding images.

Images are ``[batch, height, width, channels]`` or one ``[height, width, channels]``.

Source: the ``tf.compat.v1.image`` module documentation.
"""

from collections.abc import Callable
from typing import Any

from runtime.graph import dtypes
from runtime.graph.convert import TensorLike, convert_to_tensor
from runtime.graph.export import export
from runtime.graph.graph import get_default_graph
from runtime.graph.ops.array import expand_dims, reshape, shape, slice_, squeeze, stack, transpose
from runtime.graph.ops.cond import cond
from runtime.graph.ops.layout import pad, reverse
from runtime.graph.ops.math import cast, equal, floor, floormod, less, maximum, minimum, rounded
from runtime.graph.ops.random import random_crop, random_uniform
from runtime.graph.ops.resizing import ResizeMethod, resize_images
from runtime.graph.shapes import described
from runtime.graph.tensor import Tensor

Number = Any  # an int or a scalar tensor

export("image.random_crop")(random_crop)


def images_of(image: TensorLike) -> tuple[Tensor, bool]:
    """An image as a batch of one.

    Args:
        image: One image or several.

    Returns:
        Several images, and whether it was one.

    Raises:
        ValueError: If it has neither three nor four axes.
    """
    tensor = convert_to_tensor(image)
    if tensor.dims is not None and len(tensor.dims) not in (3, 4):
        raise ValueError(
            f"'image' must have either 3 or 4 dimensions, but {tensor.name!r} has shape "
            f"{described(tensor.dims)}."
        )
    if tensor.dims is None:
        tensor.set_shape([None] * 3)
    one = len(tensor.dims or ()) == 3
    return (expand_dims(tensor, 0) if one else tensor), one


def _on_images(image: TensorLike, change: Callable[[Tensor], Tensor], name: str) -> Tensor:
    """What a function of several images makes of one or several."""
    with get_default_graph().name_scope(name):
        images, one = images_of(image)
        made = change(images)
        return squeeze(made, [0]) if one else made


# Flipping and turning.


@export("image.flip_left_right")
def flip_left_right(image: TensorLike) -> Tensor:
    """Images with left and right exchanged.

    Args:
        image: One image or several.

    Returns:
        As many images.
    """
    return _on_images(image, lambda images: reverse(images, [2]), "flip_left_right")


@export("image.flip_up_down")
def flip_up_down(image: TensorLike) -> Tensor:
    """Images upside down.

    Args:
        image: One image or several.

    Returns:
        As many images.
    """
    return _on_images(image, lambda images: reverse(images, [1]), "flip_up_down")


def _random_flip(image: TensorLike, axis: int, seed: int | None, name: str) -> Tensor:
    with get_default_graph().name_scope(name) as scope:
        tensor = convert_to_tensor(image)
        images, one = images_of(tensor)
        if one:
            chance = random_uniform([], 0, 1.0, seed=seed)
            flipped = cond(
                less(chance, 0.5),
                lambda: reverse(tensor, [axis - 1]),
                lambda: tensor,
                name=scope.removesuffix("/"),
            )
            flipped.set_shape(tensor.dims)
            return flipped  # type: ignore[no-any-return]  # both are tensors
        batch = shape(images)[0]
        chosen = rounded(reshape(random_uniform([batch], 0, 1.0, seed=seed), [batch, 1, 1, 1]))
        flips = cast(chosen, images.dtype)
        return flips * reverse(images, [axis]) + (1 - flips) * images


@export("image.random_flip_left_right")
def random_flip_left_right(image: TensorLike, seed: int | None = None) -> Tensor:
    """Images with left and right exchanged, each with probability 1/2.

    Args:
        image: One image or several.
        seed: The operation's seed.

    Returns:
        As many images.
    """
    return _random_flip(image, 2, seed, "random_flip_left_right")


@export("image.random_flip_up_down")
def random_flip_up_down(image: TensorLike, seed: int | None = None) -> Tensor:
    """Images upside down, each with probability 1/2.

    Args:
        image: One image or several.
        seed: The operation's seed.

    Returns:
        As many images.
    """
    return _random_flip(image, 1, seed, "random_flip_up_down")


@export("image.transpose_image", "image.transpose")
def transpose_image(image: TensorLike, name: str | None = None) -> Tensor:
    """Images with rows and columns exchanged.

    Args:
        image: One image or several.
        name: Name of the scope of the operations.

    Returns:
        As many images.
    """
    return _on_images(image, lambda images: transpose(images, [0, 2, 1, 3]), name or "transpose")


def _quarter_turns(images: Tensor, times: int) -> Tensor:
    """Turned counter-clockwise."""
    if times == 1:
        return transpose(reverse(images, [2]), [0, 2, 1, 3])
    if times == 2:
        return reverse(images, [1, 2])
    return reverse(transpose(images, [0, 2, 1, 3]), [2]) if times == 3 else images


@export("image.rot90")
def rot90(image: TensorLike, k: Number = 1, name: str | None = None) -> Tensor:
    """Images turned counter-clockwise.

    Args:
        image: One image or several.
        k: By how many right angles: a number or a scalar tensor.
        name: Name of the scope of the operations.

    Returns:
        As many images.
    """

    def turned(images: Tensor) -> Tensor:
        number = convert_to_tensor(k, dtypes.int32)
        if number.spec.value is not None:
            return _quarter_turns(images, int(number.spec.value) % 4)
        quarter = floormod(number, 4)
        made = images
        for times in (1, 2, 3):
            made = _either(equal(quarter, times), images, times, made)
        known = images.dims
        made.set_shape(None if known is None else (known[0], None, None, known[3]))
        return made

    return _on_images(image, turned, name or "rot90")


def _either(condition: Tensor, images: Tensor, times: int, other: Tensor) -> Tensor:
    made: Tensor = cond(condition, lambda: _quarter_turns(images, times), lambda: other)
    return made


# Cropping and padding.


def _sizes(images: Tensor) -> tuple[Number, Number]:
    """Height and width, as numbers if they are known."""
    actual = shape(images)
    return tuple(  # type: ignore[return-value]  # there are two
        actual[axis] if size is None else size
        for axis, size in ((axis, (images.dims or ())[axis]) for axis in (1, 2))
    )


def _check(condition: Any, message: str) -> None:
    """Refuses what is known to be wrong; what a run finds wrong fails there."""
    if condition is False:
        raise ValueError(message)


def _check_size(height: Number, width: Number) -> None:
    for name, size in (("height", height), ("width", width)):
        _check(isinstance(size, Tensor) or size > 0, f"target_{name} must be > 0, not {size}.")


@export("image.crop_to_bounding_box")
def crop_to_bounding_box(
    image: TensorLike,
    offset_height: Number,
    offset_width: Number,
    target_height: Number,
    target_width: Number,
) -> Tensor:
    """A rectangle out of images.

    Args:
        image: One image or several.
        offset_height: The first row.
        offset_width: The first column.
        target_height: The number of rows.
        target_width: The number of columns.

    Returns:
        As many images.

    Raises:
        ValueError: If the rectangle is known not to lie in the images.
    """

    def cropped(images: Tensor) -> Tensor:
        _check_size(target_height, target_width)
        for name, size, offset, target in zip(
            ("height", "width"),
            _sizes(images),
            (offset_height, offset_width),
            (target_height, target_width),
            strict=True,
        ):
            if isinstance(offset, Tensor) or isinstance(target, Tensor):
                continue
            _check(offset >= 0, f"offset_{name} must be >= 0, not {offset}.")
            if not isinstance(size, Tensor):
                needed = f"target + offset, {target} + {offset}"
                _check(size >= target + offset, f"{name} {size} must be >= {needed}.")
        begin = stack([0, offset_height, offset_width, 0])
        made = slice_(images, begin, stack([-1, target_height, target_width, -1]))
        return _with_sizes(made, images, target_height, target_width)

    return _on_images(image, cropped, "crop_to_bounding_box")


def _with_sizes(made: Tensor, images: Tensor, height: Number, width: Number) -> Tensor:
    known = [None if isinstance(size, Tensor) else int(size) for size in (height, width)]
    dims = images.dims or (None,) * 4
    made.set_shape([dims[0], *known, dims[3]])
    return made


@export("image.pad_to_bounding_box")
def pad_to_bounding_box(
    image: TensorLike,
    offset_height: Number,
    offset_width: Number,
    target_height: Number,
    target_width: Number,
) -> Tensor:
    """Images with zeros around them.

    Args:
        image: One image or several.
        offset_height: The number of rows above.
        offset_width: The number of columns on the left.
        target_height: The height of the result.
        target_width: The width of the result.

    Returns:
        As many images.

    Raises:
        ValueError: If the images are known not to have room there.
    """

    def padded(images: Tensor) -> Tensor:
        around = [(0, 0)]
        for name, size, offset, target in zip(
            ("height", "width"),
            _sizes(images),
            (offset_height, offset_width),
            (target_height, target_width),
            strict=True,
        ):
            rest = target - offset - size
            _check(isinstance(offset, Tensor) or offset >= 0, f"offset_{name} must be >= 0")
            needed = f"{name} {size} must be <= target - offset, {target} - {offset}."
            _check(isinstance(rest, Tensor) or rest >= 0, needed)
            around.append((offset, rest))
        flat = stack([number for pair in (*around, (0, 0)) for number in pair])
        made = pad(images, reshape(flat, [4, 2]))
        return _with_sizes(made, images, target_height, target_width)

    return _on_images(image, padded, "pad_to_bounding_box")


def _larger(x: Number, y: Number) -> Number:
    return maximum(x, y) if isinstance(x, Tensor) or isinstance(y, Tensor) else max(x, y)


def _smaller(x: Number, y: Number) -> Number:
    return minimum(x, y) if isinstance(x, Tensor) or isinstance(y, Tensor) else min(x, y)


@export("image.resize_image_with_crop_or_pad", "image.resize_with_crop_or_pad")
def resize_image_with_crop_or_pad(
    image: TensorLike, target_height: Number, target_width: Number
) -> Tensor:
    """The middle of images, or images with zeros around them, so that they have a size.

    Args:
        image: One image or several.
        target_height: The height of the result.
        target_width: The width of the result.

    Returns:
        As many images.

    Raises:
        ValueError: If a size is not positive.
    """

    def resized(images: Tensor) -> Tensor:
        _check_size(target_height, target_width)
        height, width = _sizes(images)
        rows, columns = target_height - height, target_width - width
        cropped = crop_to_bounding_box(
            images,
            _larger(-rows // 2, 0),
            _larger(-columns // 2, 0),
            _smaller(target_height, height),
            _smaller(target_width, width),
        )
        above, left = _larger(rows // 2, 0), _larger(columns // 2, 0)
        return pad_to_bounding_box(cropped, above, left, target_height, target_width)

    return _on_images(image, resized, "resize_image_with_crop_or_pad")


@export("image.resize_image_with_pad")
def resize_image_with_pad(
    image: TensorLike,
    target_height: Number,
    target_width: Number,
    method: Any = ResizeMethod.BILINEAR,
    align_corners: bool = False,
) -> Tensor:
    """Resizes images without a change of their proportions, and puts zeros around them.

    Args:
        image: One image or several.
        target_height: The height of the result.
        target_width: The width of the result.
        method: One of `ResizeMethod`.
        align_corners: As for `resize_images`.

    Returns:
        As many images.
    """

    def resized(images: Tensor) -> Tensor:
        _check_size(target_height, target_width)
        sides = [cast(side, dtypes.float64) for side in _sizes(images)]
        room = [cast(side, dtypes.float64) for side in (target_height, target_width)]
        ratio = maximum(sides[0] / room[0], sides[1] / room[1])
        sizes = [side / ratio for side in sides]
        whole = stack([cast(floor(size), dtypes.int32) for size in sizes])
        above, left = (
            maximum(0, cast(floor((r - s) / 2), dtypes.int32))
            for r, s in zip(room, sizes, strict=True)
        )
        made = resize_images(images, whole, method, align_corners)
        return pad_to_bounding_box(made, above, left, target_height, target_width)

    return _on_images(image, resized, "resize_image_with_pad")


@export("image.central_crop")
def central_crop(image: TensorLike, central_fraction: float) -> Tensor:
    """The middle of images.

    Args:
        image: One image or several.
        central_fraction: What part of height and width is kept, more than 0 and up to 1.

    Returns:
        As many images.

    Raises:
        ValueError: If the part is not in that range.
    """
    if not 0.0 < central_fraction <= 1.0:
        raise ValueError(f"central_fraction must be within (0, 1], not {central_fraction}.")
    if central_fraction == 1.0:
        return convert_to_tensor(image)

    def begin(size: Number) -> Number:
        if not isinstance(size, Tensor):
            return int((size - size * central_fraction) / 2)
        wide = cast(size, dtypes.float64)
        return cast((wide - wide * central_fraction) / 2, dtypes.int32)

    def cropped(images: Tensor) -> Tensor:
        sizes = _sizes(images)
        first = [begin(size) for size in sizes]
        kept = [size - number * 2 for size, number in zip(sizes, first, strict=True)]
        made = slice_(images, stack([0, *first, 0]), stack([-1, *kept, -1]))
        return _with_sizes(made, images, kept[0], kept[1])

    return _on_images(image, cropped, "central_crop")
