"""Boxes in images: cutting them out, drawing, choosing and sampling them.

A box is ``[top, left, bottom, right]`` in parts of the image's height and width.

Source: the ``tf.compat.v1.image`` module documentation.
"""

from collections.abc import Mapping
from typing import Any, Final

import attrs
import numpy as np

from runtime.graph import dtypes
from runtime.graph.convert import TensorLike, convert_to_tensor
from runtime.graph.definition import Definition, Kernel, Spec, View, not_differentiable
from runtime.graph.export import export
from runtime.graph.ops.array import _target, shape_argument
from runtime.graph.ops.random import _generator, get_seed
from runtime.graph.ops.rules import checked_kind, renamed, unchanged
from runtime.graph.shapes import Incompatible, described
from runtime.graph.tensor import Tensor

Array = Any  # of any element type
_ONE = np.float32(1)


# Cutting boxes out.


@attrs.frozen
class _Axis:
    """Where the pixels of crops lie along an axis, for each box.

    Attributes:
        below: The pixel of the image before each.
        above: The pixel after each.
        part: How far each is from the one before.
        inside: Which are in the image.
        share: How much each moves with the end of its box; with the begin by the rest.
        reach: The distance of the image's first and last pixel.
    """

    below: Array
    above: Array
    part: Array
    inside: Array
    share: Array
    reach: int


def _axis(begin: Array, end: Array, size: int, count: int, nearest: bool) -> _Axis:
    reach = size - 1
    share = np.full(1, 0.5, np.float32)
    places = (np.float32(0.5) * (begin + end) * reach)[:, None]
    if count > 1:
        share = np.arange(count, dtype=np.float32) / np.float32(count - 1)
        step = (end - begin) * np.float32(reach) / np.float32(count - 1)
        places = begin[:, None] * reach + np.arange(count, dtype=np.float32) * step[:, None]
    inside = (places >= 0) & (places <= reach)
    bounded = np.where(inside, places, 0)
    if nearest:
        below = np.floor(bounded + np.float32(0.5)).astype(np.intp)
        return _Axis(below, below, np.zeros_like(bounded), inside, share, reach)
    below, above = np.floor(bounded).astype(np.intp), np.ceil(bounded).astype(np.intp)
    return _Axis(below, above, bounded - below, inside, share, reach)


def _axes(image: Array, boxes: Array, crop: tuple[int, int], nearest: bool) -> tuple[_Axis, _Axis]:
    top, left, bottom, right = boxes.astype(np.float32).T
    return (
        _axis(top, bottom, image.shape[1], crop[0], nearest),
        _axis(left, right, image.shape[2], crop[1], nearest),
    )


def _corners(rows: _Axis, columns: _Axis) -> list[tuple[Array, Array, Array]]:
    """Row, column and weight of the four pixels around each pixel of the crops."""
    found = []
    for row, tall in ((rows.below, 1 - rows.part), (rows.above, rows.part)):
        for column, wide in ((columns.below, 1 - columns.part), (columns.above, columns.part)):
            weight = (tall[:, :, None] * wide[:, None, :])[..., None]
            found.append((row[:, :, None], column[:, None, :], weight))
    return found


def _inside(rows: _Axis, columns: _Axis) -> Array:
    return (rows.inside[:, :, None] & columns.inside[:, None, :])[..., None]


def _check_numbers(numbers: Array, image: Array) -> Array:
    if numbers.size and not (numbers.min() >= 0 and numbers.max() < len(image)):
        raise ValueError(f"box_ind has values outside [0, {len(image)}): {numbers}")
    return numbers[:, None, None]


def _bind_crop(view: View) -> Kernel:
    nearest, other, known = view["method"] == "nearest", view["extrapolation_value"], view["dims"]

    def kernel(image: Array, boxes: Array, numbers: Array, size: Any = known) -> Array:
        rows, columns = _axes(image, boxes, (int(size[0]), int(size[1])), nearest)
        which = _check_numbers(numbers, image)
        found = sum(
            weight * image[which, row, column] for row, column, weight in _corners(rows, columns)
        )
        return np.where(_inside(rows, columns), found, other).astype(np.float32)

    return kernel


def _crop_spec(view: View) -> Spec:
    image, boxes = view.inputs[0].dims, view.inputs[1].dims
    if image is not None and len(image) != 4:
        raise Incompatible(f"images must have four axes, not the shape {described(image)}")
    if boxes is not None and (len(boxes) != 2 or boxes[1] not in (4, None)):
        raise Incompatible(f"boxes must be [boxes, 4], not of shape {described(boxes)}")
    size = _target(view, 3) or (None, None)
    if len(size) != 2:
        raise Incompatible(f"crop_size must be two numbers, not {described(size)}")
    count, channels = None if boxes is None else boxes[0], None if image is None else image[3]
    return Spec(dtypes.float32, (count, *size, channels))


def _to_image(view: View) -> Kernel:
    nearest, dtype = view["method"] == "nearest", view.inputs[1].dtype.numpy

    def kernel(dy: Array, image: Array, boxes: Array, numbers: Array) -> Array:
        rows, columns = _axes(image, boxes, dy.shape[1:3], nearest)
        which, slope = _check_numbers(numbers, image), dy * _inside(rows, columns)
        found = np.zeros(image.shape, dtype)
        for row, column, weight in _corners(rows, columns):
            np.add.at(found, (which, row, column), slope * weight)
        return found

    return kernel


def _to_boxes(dy: Array, image: Array, boxes: Array, numbers: Array) -> Array:
    """How the result changes with the begin and the end of each box."""
    rows, columns = _axes(image, boxes, dy.shape[1:3], False)
    which, slope = _check_numbers(numbers, image), dy * _inside(rows, columns)
    corners = [image[which, row, column] for row, column, _ in _corners(rows, columns)]
    tall, wide = rows.part[:, :, None, None], columns.part[:, None, :, None]
    down = (corners[2] - corners[0]) * (1 - wide) + (corners[3] - corners[1]) * wide
    right = (corners[1] - corners[0]) * (1 - tall) + (corners[3] - corners[2]) * tall
    by_row = (slope * down).sum((2, 3)) * rows.reach
    by_column = (slope * right).sum((1, 3)) * columns.reach
    found = [
        (by_row * (1 - rows.share)).sum(1),
        (by_column * (1 - columns.share)).sum(1),
        (by_row * rows.share).sum(1),
        (by_column * columns.share).sum(1),
    ]
    return np.stack(found, 1).astype(np.float32)


CROP_TO_IMAGE = Definition(
    "CropAndResizeGradImage", lambda view: Spec(view.inputs[1].dtype, view.inputs[1].dims),
    bind=_to_image,
)  # fmt: skip
CROP_TO_BOXES = Definition(
    "CropAndResizeGradBoxes", lambda view: Spec(dtypes.float32, view.inputs[2].dims), _to_boxes
)


def _crop_gradient(op: Any, dy: Tensor) -> list[Any]:
    image, boxes, numbers = op.inputs[:3]
    to_image = CROP_TO_IMAGE(dy, image, boxes, numbers, method=op.attributes["method"])
    nearest = op.attributes["method"] == "nearest"
    to_boxes = None if nearest else CROP_TO_BOXES(dy, image, boxes, numbers)
    return [to_image, to_boxes, *[None] * (len(op.inputs) - 2)]


CROP_AND_RESIZE = Definition("CropAndResize", _crop_spec, bind=_bind_crop, gradient=_crop_gradient)


@export("image.crop_and_resize")
def crop_and_resize(
    image: TensorLike,
    boxes: TensorLike,
    box_ind: TensorLike = None,
    crop_size: TensorLike = None,
    method: str = "bilinear",
    extrapolation_value: float = 0,
    name: str | None = None,
    box_indices: TensorLike = None,
) -> Tensor:
    """Boxes cut out of images and resized.

    Args:
        image: ``[batch, height, width, channels]``.
        boxes: ``[boxes, 4]``; a box whose begin and end are exchanged is turned.
        box_ind: ``[boxes]``: the number of each one's image.
        crop_size: Height and width of the result.
        method: ``"bilinear"`` or ``"nearest"``.
        extrapolation_value: The color of what lies outside of the image.
        name: Name of the operation.
        box_indices: Another name of `box_ind`.

    Returns:
        ``[boxes, *crop_size, channels]``, of float32.

    Raises:
        ValueError: If shapes don't fit, or there is no such method.
    """
    if method not in ("bilinear", "nearest"):
        raise ValueError(f"method must be 'bilinear' or 'nearest', not {method!r}.")
    numbers = renamed(box_indices, box_ind, "box_indices", "box_ind")
    dims, inputs = shape_argument(crop_size)
    result: Tensor = CROP_AND_RESIZE(
        checked_kind(convert_to_tensor(image), "fiu", "CropAndResize"),
        convert_to_tensor(boxes, dtypes.float32),
        convert_to_tensor(numbers, dtypes.int32),
        *inputs,
        dims=dims,
        method=method,
        extrapolation_value=extrapolation_value,
        name=name,
    )
    return result


# Choosing boxes.


def _overlap(one: Array, others: Array) -> Array:
    """What part of the area of two boxes together is in both."""
    begin, end = np.maximum(one[:2], others[:, :2]), np.minimum(one[2:], others[:, 2:])
    common = np.maximum(end - begin, 0).prod(1)
    areas = (others[:, 2:] - others[:, :2]).prod(1)
    own = (one[2:] - one[:2]).prod()
    found = np.divide(common, own + areas - common, out=np.zeros_like(common), where=common > 0)
    return np.where((areas > 0) & (own > 0), found, 0)


def _suppressed(boxes: Array, scores: Array, most: Array, overlap: Array, least: Array) -> Array:
    if len(boxes) != len(scores):
        raise ValueError(f"there are {len(boxes)} boxes and {len(scores)} scores")
    if not 0 <= overlap <= 1:
        raise ValueError(f"iou_threshold must be in [0, 1], not {overlap}")
    ordered = np.concatenate(
        [np.minimum(boxes[:, :2], boxes[:, 2:]), np.maximum(boxes[:, :2], boxes[:, 2:])], 1
    )
    left = np.argsort(-scores, kind="stable")
    left = left[scores[left] > least]
    chosen: list[int] = []
    while left.size and len(chosen) < most:
        best, left = left[0], left[1:]
        chosen.append(int(best))
        left = left[_overlap(ordered[best], ordered[left]) <= overlap]
    return np.array(chosen, np.int32)


NON_MAX_SUPPRESSION = Definition(
    "NonMaxSuppressionV3",
    lambda view: Spec(dtypes.int32, (None,)),
    _suppressed,
    gradient=not_differentiable,
)


@export("image.non_max_suppression")
def non_max_suppression(
    boxes: TensorLike,
    scores: TensorLike,
    max_output_size: TensorLike,
    iou_threshold: Any = 0.5,
    score_threshold: Any = float("-inf"),
    name: str | None = None,
) -> Tensor:
    """The best boxes that don't overlap too much with better ones.

    Args:
        boxes: ``[boxes, 4]``, in whatever unit.
        scores: ``[boxes]``: how good they are.
        max_output_size: How many are chosen at most.
        iou_threshold: How much two may overlap: the common part of their area together.
        score_threshold: The score that a box has to exceed.
        name: Name of the operation.

    Returns:
        Numbers of boxes, the best one first.
    """
    result: Tensor = NON_MAX_SUPPRESSION(
        convert_to_tensor(boxes, dtypes.float32),
        convert_to_tensor(scores, dtypes.float32),
        convert_to_tensor(max_output_size, dtypes.int32),
        convert_to_tensor(iou_threshold, dtypes.float32),
        convert_to_tensor(score_threshold, dtypes.float32),
        name=name,
    )
    return result


# Drawing boxes.

_COLORS: Final = np.array(
    [
        [1, 1, 0, 1],
        [0, 0, 1, 1],
        [1, 0, 0, 1],
        [0, 1, 0, 1],
        [0.5, 0, 0.5, 1],
        [0.5, 0.5, 0, 1],
        [0.5, 0, 0, 1],
        [0, 0, 0.5, 1],
        [0, 1, 1, 1],
        [1, 0, 1, 1],
    ],
    np.float32,
)


def _drawn(images: Array, boxes: Array, colors: Array = _COLORS) -> Array:
    made = images.copy()
    channels = images.shape[3]
    if channels == 1 and colors is _COLORS:
        colors = np.ones((1, 1), np.float32)
    for image, given in zip(made, boxes, strict=True):
        for number, box in enumerate(given):
            _draw(image, box, colors[number % len(colors)][:channels])
    return made


def _draw(image: Array, box: Array, color: Array) -> None:
    height, width = image.shape[:2]
    reach = np.array([height - 1, width - 1] * 2, np.float32)
    top, left, bottom, right = (int(place) for place in box.astype(np.float32) * reach)
    if top > bottom or left > right or top >= height or left >= width or bottom < 0 or right < 0:
        return
    rows = slice(max(top, 0), min(bottom, height - 1) + 1)
    columns = slice(max(left, 0), min(right, width - 1) + 1)
    if top >= 0:
        image[top, columns] = color
    if bottom < height:
        image[bottom, columns] = color
    if left >= 0:
        image[rows, left] = color
    if right < width:
        image[rows, right] = color


DRAW = Definition("DrawBoundingBoxes", unchanged, _drawn, gradient=not_differentiable)


@export("image.draw_bounding_boxes")
def draw_bounding_boxes(
    images: TensorLike, boxes: TensorLike, name: str | None = None, colors: TensorLike = None
) -> Tensor:
    """Images with lines around boxes.

    Args:
        images: ``[batch, height, width, channels]``, of floating-point numbers.
        boxes: ``[batch, boxes, 4]``.
        name: Name of the operation.
        colors: ``[colors, channels]``, which take turns; ten of their own if None.

    Returns:
        Images.
    """
    given = [] if colors is None else [convert_to_tensor(colors, dtypes.float32)]
    tensor = checked_kind(convert_to_tensor(images), "f", "DrawBoundingBoxes")
    result: Tensor = DRAW(tensor, convert_to_tensor(boxes, dtypes.float32), *given, name=name)
    return result


# Sampling boxes.


def _sampled(generator: Any, options: Mapping[str, Any], size: Array, given: Array) -> Any:
    """A box that covers enough of one of those that are given; else the whole image."""
    height, width = int(size[0]), int(size[1])
    needed = given.reshape(-1, 4).astype(np.float64)
    if not len(needed):
        if not options["whole"]:
            raise ValueError(
                "There are no bounding boxes; give use_image_if_no_bounding_boxes=True to take "
                "the whole image for one."
            )
        needed = np.array([[0.0, 0.0, 1.0, 1.0]])
    if needed.size and not ((needed >= 0) & (needed <= 1)).all():
        raise ValueError(f"All bounding box coordinates must be in [0, 1], not {needed}")
    for _ in range(options["attempts"]):
        crop = _random_crop(generator, height, width, options)
        if crop is not None and _covers(crop, needed, height, width, options["covered"]):
            return crop
    return 0, 0, height, width


def _random_crop(
    generator: Any, height: int, width: int, options: Mapping[str, Any]
) -> tuple[int, int, int, int] | None:
    """A rectangle of random proportions and area; None if it does not fit into the image."""
    ratio = generator.uniform(*options["ratios"])
    area = generator.uniform(*options["areas"]) * height * width
    rows = round((area / ratio) ** 0.5)
    columns = round(rows * ratio)
    if not (0 < rows <= height and 0 < columns <= width):
        return None
    top = int(generator.integers(0, height - rows, endpoint=True))
    left = int(generator.integers(0, width - columns, endpoint=True))
    return top, left, rows, columns


def _covers(crop: Any, boxes: Array, height: int, width: int, least: float) -> bool:
    top, left, rows, columns = crop
    crop_box = np.array([top, left, top + rows, left + columns], np.float64)
    scaled = boxes * np.array([height, width] * 2)
    begin, end = np.maximum(crop_box[:2], scaled[:, :2]), np.minimum(crop_box[2:], scaled[:, 2:])
    common = np.maximum(end - begin, 0).prod(1)
    areas = (scaled[:, 2:] - scaled[:, :2]).prod(1)
    return bool(((areas > 0) & (common >= least * areas)).any())


def _bind_sample(view: View) -> Kernel:
    options, kind = view.op.attributes, view.first.dtype.numpy

    def kernel(generator: Any, size: Array, boxes: Array) -> tuple[Array, Array, Array]:
        top, left, rows, columns = _sampled(generator, options, size, boxes)
        height, width = int(size[0]), int(size[1])
        box = [top / height, left / width, (top + rows) / height, (left + columns) / width]
        return (
            np.array([top, left, 0], kind),
            np.array([rows, columns, -1], kind),
            np.array([[box]], np.float32),
        )

    return kernel


SAMPLE = Definition(
    "SampleDistortedBoundingBoxV2",
    lambda view: (
        Spec(view.first.dtype, (3,)),
        Spec(view.first.dtype, (3,)),
        Spec(dtypes.float32, (1, 1, 4)),
    ),
    bind=_bind_sample,
    state=_generator,
    stateful=True,
    gradient=not_differentiable,
)


@export("image.sample_distorted_bounding_box")
def sample_distorted_bounding_box(
    image_size: TensorLike,
    bounding_boxes: TensorLike,
    seed: int | None = None,
    seed2: int | None = None,
    min_object_covered: Any = 0.1,
    aspect_ratio_range: Any = None,
    area_range: Any = None,
    max_attempts: int | None = None,
    use_image_if_no_bounding_boxes: bool | None = None,
    name: str | None = None,
) -> tuple[Tensor, Tensor, Tensor]:
    """A random rectangle of an image that shows enough of what is in it.

    Args:
        image_size: Height, width and channels of the image.
        bounding_boxes: ``[1, boxes, 4]``: what is in it.
        seed: The operation's seed.
        seed2: A second seed.
        min_object_covered: What part of at least one box the rectangle has to cover.
        aspect_ratio_range: The range of its width in parts of its height; 0.75 to 1.33 if None.
        area_range: The range of its area in parts of the image's; 0.05 to 1 if None.
        max_attempts: How often one is drawn before the whole image is taken; 100 if None.
        use_image_if_no_bounding_boxes: Whether the whole image counts as a box if there is none.
        name: Name of the operation.

    Returns:
        The begin and the size for `tf.slice`, and the rectangle as a box ``[1, 1, 4]``.
    """
    from runtime.graph.ops.rules import static_value

    numbers = None if seed is None and seed2 is None else (seed or 0) ^ ((seed2 or 0) << 32)
    result: tuple[Tensor, Tensor, Tensor] = SAMPLE(
        convert_to_tensor(image_size),
        convert_to_tensor(bounding_boxes, dtypes.float32),
        seeds=get_seed(numbers),
        covered=float(static_value(min_object_covered, "min_object_covered")),
        ratios=tuple(aspect_ratio_range or (0.75, 1.33)),
        areas=tuple(area_range or (0.05, 1.0)),
        attempts=max_attempts or 100,
        whole=bool(use_image_if_no_bounding_boxes),
        name=name,
    )
    return result


# Glimpses.


def _glimpse_spec(view: View) -> Spec:
    dims, size = view.first.dims, _target(view, 2) or (None, None)
    batch, channels = (None, None) if dims is None else (dims[0], dims[3])
    return Spec(dtypes.float32, (batch, *size, channels))


def _bind_glimpse(view: View) -> Kernel:
    centered, normalized = view["centered"], view["normalized"]
    uniform, known = view["uniform_noise"], view["dims"]

    def kernel(generator: Any, images: Array, offsets: Array, size: Any = known) -> Array:
        rows, columns = int(size[0]), int(size[1])
        batch, height, width, channels = images.shape
        shape = batch, rows, columns, channels
        noise = generator.random if uniform else generator.standard_normal
        found = noise(shape, dtype=np.float32) * (images.max(initial=0) if uniform else 1)
        found = found.astype(np.float32, copy=False)
        whole = np.array([height, width], np.float32)
        places = offsets.astype(np.float32) * (whole if normalized else _ONE)
        if centered:
            places = places / 2 + whole / 2
        begins = np.trunc(places - np.array([rows, columns], np.float32) / 2).astype(int)
        for image, (top, left), glimpse in zip(images, begins, found, strict=True):
            _look(image, top, left, glimpse)
        return found

    return kernel


def _look(image: Array, top: int, left: int, glimpse: Array) -> None:
    """Copies what a glimpse sees of an image."""
    rows, columns = glimpse.shape[:2]
    first, last = max(top, 0), min(top + rows, image.shape[0])
    begin, end = max(left, 0), min(left + columns, image.shape[1])
    if first < last and begin < end:
        seen = image[first:last, begin:end]
        glimpse[first - top : last - top, begin - left : end - left] = seen


GLIMPSE = Definition(
    "ExtractGlimpse",
    _glimpse_spec,
    bind=_bind_glimpse,
    state=_generator,
    stateful=True,
    gradient=not_differentiable,
)


@export("image.extract_glimpse")
def extract_glimpse(
    input: TensorLike,
    size: TensorLike,
    offsets: TensorLike,
    centered: bool = True,
    normalized: bool = True,
    uniform_noise: bool = True,
    name: str | None = None,
) -> Tensor:
    """A rectangle around a place of each image, with noise where there is no image.

    Args:
        input: ``[batch, height, width, channels]``, of float32.
        size: Height and width of the rectangles.
        offsets: ``[batch, 2]``: row and column of their centers.
        centered: Whether these are counted from the middle of the image.
        normalized: Whether they are in parts of its size: from -1 to 1 if `centered`, else from 0
            to 1.
        uniform_noise: Whether the noise is equally likely up to the largest color; else normal.
        name: Name of the operation.

    Returns:
        ``[batch, *size, channels]``.
    """
    dims, inputs = shape_argument(size)
    result: Tensor = GLIMPSE(
        convert_to_tensor(input, dtypes.float32),
        convert_to_tensor(offsets, dtypes.float32),
        *inputs,
        dims=dims,
        centered=bool(centered),
        normalized=bool(normalized),
        uniform_noise=bool(uniform_noise),
        seeds=get_seed(None),
        name=name,
    )
    return result
