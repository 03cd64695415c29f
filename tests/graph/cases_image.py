"""The operations of tf.image: how to make them, and what they must give, written plainly."""

import colorsys
import math
from collections.abc import Callable
from itertools import product
from typing import Any

import numpy as np

import runtime as tf
from tests.graph.cases import Array, Case, integers, numbers

IMAGES = numbers(2, 5, 7, 3, low=0.05, high=0.95)
IMAGE, SMALL = IMAGES[0], IMAGES[:1, :, :, :1]
GRAY = numbers(4, 3, 1)
BYTES = integers(4, 5, 3, high=256).astype(np.uint8)


def _places(size: int, target: int, kind: str) -> list[float]:
    """Where the pixels of the result lie between those of the image, in single precision."""
    scale = np.float32(size) / np.float32(target)
    if kind == "corners" and target > 1:
        scale = np.float32(size - 1) / np.float32(target - 1)
    half = np.float32(0.5)
    if kind == "centers":
        return [float((np.float32(i) + half) * scale - half) for i in range(target)]
    return [float(np.float32(i) * scale) for i in range(target)]


def _bilinear(row: Array, place: float, kind: str) -> Any:
    below = math.floor(place)
    first, second = max(below, 0), min(math.ceil(place), len(row) - 1)
    return row[first] + (row[second] - row[first]) * (place - below)


def _nearest(row: Array, place: float, kind: str) -> Any:
    shifted = place + 0.5 if kind in ("corners", "centers") else place
    return row[min(max(math.floor(shifted), 0), len(row) - 1)]


def _cubic(row: Array, place: float, kind: str) -> Any:
    a = -0.5 if kind == "centers" else -0.75
    below = math.floor(place)
    part = round((place - below) * 1024) / 1024
    total = weights = 0.0
    for tap in range(-1, 3):
        x, index = abs(part - tap), below + tap
        near, far = (a + 2) * x**3 - (a + 3) * x**2 + 1, a * (x**3 - 5 * x**2 + 8 * x - 4)
        weight = near if x <= 1 else far
        if kind == "centers" and not 0 <= index < len(row):
            continue
        total = total + weight * row[min(max(index, 0), len(row) - 1)]
        weights += weight
    return total / weights if kind == "centers" else total


def _resized(images: Array, size: Any, kind: str, one: Callable[..., Any]) -> Array:
    def along(x: Array, target: int) -> Array:
        return np.array([one(x, place, kind) for place in _places(len(x), target, kind)])

    tall = [along(image, size[0]).swapaxes(0, 1) for image in images]
    return np.array([along(image, size[1]).swapaxes(0, 1) for image in tall])


def _area(images: Array, size: Any) -> Array:
    def shares(length: int, target: int) -> Array:
        scale, pixels = length / target, np.arange(length)
        begin = np.arange(target)[:, None] * scale
        over = np.minimum(pixels + 1, begin + scale) - np.maximum(pixels, begin)
        return np.maximum(over, 0) / scale

    rows, columns = shares(images.shape[1], size[0]), shares(images.shape[2], size[1])
    made: Array = np.einsum("rh,bhwc,kw->brkc", rows, images, columns)
    return made


def _resizing() -> list[Case]:
    methods = (("bilinear", _bilinear), ("nearest_neighbor", _nearest), ("bicubic", _cubic))
    cases = []
    for (name, one), kind, size in product(
        methods, ("plain", "corners", "centers"), ((8, 4), (3, 9), (1, 2))
    ):
        options = {"align_corners": kind == "corners", "half_pixel_centers": kind == "centers"}
        cases.append(
            Case(
                f"resize_{name}-{kind}-{size}",
                lambda x, n=name, s=size, o=options: getattr(tf.image, f"resize_{n}")(x, s, **o),
                lambda x, s=size, k=kind, f=one: _resized(x, s, k, f),
                (SMALL,),
                (0,),
                single=True,
            )
        )
    cases += [
        Case(f"resize_area-{size}", lambda x, s=size: tf.image.resize_area(x, s),
             lambda x, s=size: _area(x, s), (IMAGES,), single=True)
        for size in ((2, 3), (10, 4))
    ]  # fmt: skip
    return [*cases, *_resizing_by_method()]


def _resizing_by_method() -> list[Case]:
    method = tf.image.ResizeMethod
    shaped = IMAGE[:, :, :2]
    return [
        Case("resize_images", lambda x: tf.image.resize_images(tf.reshape(x, [5, 7, 3]), [3, 4]),
             lambda x: _resized(x[None], (3, 4), "plain", _bilinear)[0], (IMAGE,), (0,), True),
        Case("resize-nearest", lambda x: tf.image.resize(
                 tf.reshape(x, [4, 5, 3]), [2, 2], method.NEAREST_NEIGHBOR),
             lambda x: x[::2][:, [0, 2]], (BYTES,)),
        Case("resize-ratio", lambda x: tf.image.resize_images(
                 tf.reshape(x, [5, 7, 2]), [10, 10], method.BICUBIC, True, True),
             lambda x: _resized(x[None], (7, 10), "corners", _cubic)[0], (shaped,), (0,), True),
        Case("resize-same", lambda x: tf.image.resize_images(tf.reshape(x, [4, 5, 3]), (4, 5)),
             lambda x: x, (BYTES,)),
        Case("resize_image_with_pad",
             lambda x: tf.image.resize_image_with_pad(tf.reshape(x, [5, 7, 2]), 8, 6),
             lambda x: np.pad(_resized(x[None], (4, 6), "plain", _bilinear)[0],
                              [(1, 3), (0, 0), (0, 0)]), (shaped,), (0,), True),
    ]  # fmt: skip


def _geometry() -> list[Case]:
    image = tf.image
    return [
        Case("flip_left_right", image.flip_left_right, lambda x: x[:, ::-1], (IMAGE,), (0,)),
        Case("flip_up_down", image.flip_up_down, lambda x: x[::-1], (IMAGE,), (0,)),
        Case("transpose_image", image.transpose_image, lambda x: x.swapaxes(0, 1), (IMAGE,), (0,)),
        Case("rot90", image.rot90, np.rot90, (IMAGE,), (0,)),
        Case("rot90-3", lambda x: image.rot90(tf.reshape(x, [2, 5, 7, 3]), -1),
             lambda x: np.rot90(x, -1, (1, 2)), (IMAGES,), (0,)),
        Case("central_crop", lambda x: image.central_crop(x, 0.6), lambda x: x[1:4, 1:6],
             (IMAGE,), (0,)),
        Case("central_crop-all", lambda x: image.central_crop(x, 1.0), lambda x: x, (IMAGE,)),
        Case("crop_to_bounding_box", lambda x: image.crop_to_bounding_box(x, 1, 2, 3, 4),
             lambda x: x[1:4, 2:6], (IMAGE,), (0,)),
        Case("crop_to_bounding_box-4",
             lambda x: image.crop_to_bounding_box(tf.reshape(x, [2, 5, 7, 3]), 0, 0, 5, 1),
             lambda x: x[:, :, :1], (IMAGES,), (0,)),
        Case("pad_to_bounding_box", lambda x: image.pad_to_bounding_box(x, 1, 2, 6, 9),
             lambda x: np.pad(x, [(1, 0), (2, 0), (0, 0)]), (IMAGE,), (0,)),
        Case("crop_or_pad", lambda x: image.resize_image_with_crop_or_pad(x, 8, 4),
             lambda x: np.pad(x[:, 1:5], [(1, 2), (0, 0), (0, 0)]), (IMAGE,), (0,)),
        Case("crop_or_pad-odd", lambda x: image.resize_image_with_crop_or_pad(x, 2, 10),
             lambda x: np.pad(x[1:3], [(0, 0), (1, 2), (0, 0)]),
             (IMAGE,), (0,)),
        Case("total_variation", image.total_variation,
             lambda x: np.abs(np.diff(x, axis=0)).sum() + np.abs(np.diff(x, axis=1)).sum(),
             (IMAGE,), (0,)),
        Case("total_variation-4",
             lambda x: image.total_variation(tf.reshape(x, [2, 5, 7, 3])),
             lambda x: np.abs(np.diff(x, axis=1)).sum((1, 2, 3))
             + np.abs(np.diff(x, axis=2)).sum((1, 2, 3)), (IMAGES,), (0,)),
        Case("image_gradients-down", lambda x: image.image_gradients(x)[0],
             lambda x: np.pad(np.diff(x, axis=1), [(0, 0), (0, 1), (0, 0), (0, 0)]),
             (IMAGES,), (0,)),
        Case("image_gradients-right", lambda x: image.image_gradients(x)[1],
             lambda x: np.pad(np.diff(x, axis=2), [(0, 0), (0, 0), (0, 1), (0, 0)]),
             (IMAGES,), (0,)),
        Case("sobel_edges", image.sobel_edges, _sobel, (IMAGES,), (0,)),
    ]  # fmt: skip


def _sobel(x: Array) -> Array:
    around = np.pad(x, [(0, 0), (1, 1), (1, 1), (0, 0)], "reflect")
    down = np.array([[-1, -2, -1], [0, 0, 0], [1, 2, 1]])

    def slope(weights: Array) -> Any:
        return sum(
            weights[i, j] * around[:, i : i + x.shape[1], j : j + x.shape[2]]
            for i in range(3)
            for j in range(3)
        )

    return np.stack([slope(down), slope(down.T)], -1)


def _by_color(change: Callable[..., Any]) -> Callable[[Array], Array]:
    return lambda x: np.apply_along_axis(lambda color: np.array(change(*color)), -1, x)


def _hue(red: float, green: float, blue: float, by: float = 0.2) -> Any:
    hue, saturation, value = colorsys.rgb_to_hsv(red, green, blue)
    return colorsys.hsv_to_rgb((hue + by) % 1, saturation, value)


def _saturation(red: float, green: float, blue: float, factor: float = 1.5) -> Any:
    hue, saturation, value = colorsys.rgb_to_hsv(red, green, blue)
    return colorsys.hsv_to_rgb(hue, min(saturation * factor, 1), value)


def _contrast(x: Array) -> Array:
    mean = x.mean((-3, -2), keepdims=True)
    return (x - mean) * 1.5 + mean


def _floats(change: Callable[[Array], Array]) -> Callable[[Array], Array]:
    """What a change of floating-point colors makes of bytes."""

    def changed(x: Array) -> Array:
        scaled = change(x / np.float32(255)) * 255.5
        return np.clip(scaled, 0, 255).astype(np.uint8)

    return changed


def _colors() -> list[Case]:
    image, single = tf.image, IMAGE.astype(np.float32)
    half = BYTES.astype(np.float32) / 256
    mixing = [
        Case(name, getattr(image, name), lambda x, m=matrix: x @ m, (IMAGE,), (0,))
        for name, matrix in (
            ("rgb_to_yiq", _matrix([[0.299, 0.59590059, 0.2115],
                                    [0.587, -0.27455667, -0.52273617],
                                    [0.114, -0.32134392, 0.31119955]])),
            ("rgb_to_yuv", _matrix([[0.299, -0.14714119, 0.61497538],
                                    [0.587, -0.28886916, -0.51496512],
                                    [0.114, 0.43601035, -0.10001026]])),
            ("yiq_to_rgb", _matrix([[1, 1, 1], [0.95598634, -0.27201283, -1.10674021],
                                    [0.6208248, -0.64720424, 1.70423049]])),
            ("yuv_to_rgb", _matrix([[1, 1, 1], [0, -0.394642334, 2.03206185],
                                    [1.13988303, -0.58062185, 0]])),
        )
    ]  # fmt: skip
    return [
        *mixing,
        Case("rgb_to_hsv", image.rgb_to_hsv, _by_color(colorsys.rgb_to_hsv), (IMAGE,)),
        Case("hsv_to_rgb", image.hsv_to_rgb, _by_color(colorsys.hsv_to_rgb), (IMAGE,)),
        Case("adjust_hue", lambda x: image.adjust_hue(x, 0.2), _by_color(_hue), (single,),
             single=True),
        Case("adjust_saturation", lambda x: image.adjust_saturation(x, 1.5),
             _by_color(_saturation), (single,), single=True),
        Case("adjust_brightness", lambda x: image.adjust_brightness(x, 0.3),
             lambda x: x + 0.3, (single,), single=True),
        Case("adjust_brightness-bytes", lambda x: image.adjust_brightness(x, 0.3),
             _floats(lambda x: x + np.float32(0.3)), (BYTES,)),
        Case("adjust_contrast", lambda x: image.adjust_contrast(x, 1.5), _contrast, (single,),
             single=True),
        Case("adjust_contrast-bytes", lambda x: image.adjust_contrast(x, 1.5),
             _floats(_contrast), (BYTES,)),
        Case("adjust_gamma", lambda x: image.adjust_gamma(x, 2.0, 0.5), lambda x: x**2 * 0.5,
             (single,), single=True),
        Case("standardization", image.per_image_standardization,
             lambda x: (x - x.mean()) / x.std(), (single,), single=True),
        Case("standardization-plain", lambda x: image.per_image_standardization(x * 0 + 3),
             lambda x: x * 0, (single,), single=True),
        Case("rgb_to_grayscale", image.rgb_to_grayscale,
             lambda x: (x @ [0.2989, 0.587, 0.114])[..., None], (single,), single=True),
        Case("rgb_to_grayscale-bytes", image.rgb_to_grayscale,
             lambda x: ((x / 255) @ [0.2989, 0.587, 0.114] * 255.5)[..., None].astype(np.uint8),
             (BYTES,)),
        Case("grayscale_to_rgb", image.grayscale_to_rgb, lambda x: np.repeat(x, 3, -1), (GRAY,),
             (0,)),
        Case("to_floats", lambda x: image.convert_image_dtype(x, tf.float32), lambda x: x / 255,
             (BYTES,), single=True),
        Case("to_bytes", lambda x: image.convert_image_dtype(x, tf.uint8),
             lambda x: (x * 255.5).astype(np.uint8), (half,)),
        Case("to_bytes-saturated", lambda x: image.convert_image_dtype(x, tf.uint8, True),
             lambda x: np.clip(x * 255.5, 0, 255).astype(np.uint8), (3 * half - 1,)),
        Case("to_shorts", lambda x: image.convert_image_dtype(x, tf.int16),
             lambda x: x.astype(np.int16) * 128, (BYTES,)),
        Case("from_shorts", lambda x: image.convert_image_dtype(x, tf.uint8),
             lambda x: (x // 128).astype(np.uint8), (BYTES.astype(np.int16) * 100,)),
    ]  # fmt: skip


def _matrix(rows: Any) -> Array:
    return np.array(rows)


def _psnr(a: Array, b: Array) -> Any:
    return 20 * np.log10(2.0) - 10 * np.log10(((a - b) ** 2).mean((-3, -2, -1)))


def _ssim(a: Array, b: Array) -> Any:
    places = np.arange(3) - 1
    line = np.exp(-(places**2) / 4.5)
    window = np.outer(line, line) / np.outer(line, line).sum()

    def mean(x: Array) -> Any:
        height, width = x.shape[1] - 2, x.shape[2] - 2
        return sum(
            window[i, j] * x[:, i : i + height, j : j + width] for i in range(3) for j in range(3)
        )

    c1, c2 = 0.0001, 0.0009
    x, y = mean(a), mean(b)
    both, each = mean(a * b) - x * y, mean(a * a + b * b) - x * x - y * y
    similar = (2 * x * y + c1) * (2 * both + c2) / ((x * x + y * y + c1) * (each + c2))
    return similar.mean((1, 2, 3))


BOXES = np.array(
    [[0.11, 0.23, 0.83, 0.92], [0.9, 0.1, 0.2, 0.6], [-0.3, 0.25, 0.45, 1.3]], np.float32
)
NUMBERS = np.array([1, 0, 0], np.int32)
FOUND = np.array(
    [[0, 0, 1, 1], [0, 0.1, 1, 1.1], [0, -0.1, 1, 0.9], [0, 10, 1, 11], [1.1, 11.1, 0.1, 10.1],
     [0, 100, 1, 101]], np.float32)  # fmt: skip
SCORES = np.array([0.9, 0.75, 0.6, 0.95, 0.5, 0.3], np.float32)


def _crops(image: Array, boxes: Array, numbers_: Array, rows: int, columns: int) -> Array:
    height, width = image.shape[1:3]
    made = np.full((len(boxes), rows, columns, image.shape[3]), 0.25)
    for crop, box, number in zip(made, boxes.astype(float), numbers_, strict=True):
        for i, j in np.ndindex(rows, columns):
            y = box[0] * (height - 1) + i * (box[2] - box[0]) * (height - 1) / max(rows - 1, 1)
            x = box[1] * (width - 1) + j * (box[3] - box[1]) * (width - 1) / max(columns - 1, 1)
            y = (box[0] + box[2]) / 2 * (height - 1) if rows == 1 else y
            x = (box[1] + box[3]) / 2 * (width - 1) if columns == 1 else x
            if 0 <= y <= height - 1 and 0 <= x <= width - 1:
                line = _bilinear(image[number], y, "")
                crop[i, j] = _bilinear(line, x, "")
    return made


def _framed(images: Array, boxes: Array, colors: Array) -> Array:
    made = images.copy()
    for image, given in zip(made, boxes, strict=True):
        for number, box in enumerate(given):
            top, left, bottom, right = (box * [4, 6, 4, 6]).astype(int)
            color = colors[number % len(colors)]
            for row, column in np.ndindex(image.shape[:2]):
                inside = top <= row <= bottom and left <= column <= right
                if inside and (row in (top, bottom) or column in (left, right)):
                    image[row, column] = color
    return made


def _boxes() -> list[Case]:
    image, floats = tf.image, IMAGES.astype(np.float32)
    frames = np.array([[[0.0, 0.2, 0.5, 0.6]], [[0.3, 0.4, 1.0, 1.0]]], np.float32)
    colors = np.array([[0.5, 0.25, 1.0]], np.float32)
    return [
        Case(f"crop_and_resize-{size}",
             lambda x, b, n, s=size: image.crop_and_resize(x, b, n, s, extrapolation_value=0.25),
             lambda x, b, n, s=size: _crops(x, b, n, *s), (IMAGES[..., :1], BOXES, NUMBERS),
             (0,), True)
        for size in ((3, 4), (1, 2))
    ] + [
        Case("crop_and_resize-boxes",
             lambda b: image.crop_and_resize(IMAGES.astype(np.float32), tf.cast(b, tf.float32),
                                             [1, 0, 0], [3, 4], extrapolation_value=0.25),
             lambda b: _crops(IMAGES, b, NUMBERS, 3, 4), (BOXES.astype(np.float64),), (0,), True),
        Case("crop_and_resize-nearest",
             lambda x, b, n: image.crop_and_resize(x, b, n, [5, 7], "nearest"),
             lambda x, b, n: x[n], (IMAGES, np.array([[0, 0, 1, 1]] * 3, np.float32), NUMBERS),
             single=True),
        Case("non_max_suppression", lambda b, s: image.non_max_suppression(b, s, 3),
             lambda b, s: np.array([3, 0, 5], np.int32), (FOUND, SCORES)),
        Case("non_max_suppression-score",
             lambda b, s: image.non_max_suppression(b, s, 6, 0.9, score_threshold=0.55),
             lambda b, s: np.array([3, 0, 1, 2], np.int32), (FOUND, SCORES)),
        Case("draw_bounding_boxes", lambda x, b, c: image.draw_bounding_boxes(x, b, colors=c),
             _framed, (floats, frames, colors)),
        Case("draw_bounding_boxes-own", lambda x, b: image.draw_bounding_boxes(x, b),
             lambda x, b: _framed(x, b, np.array([[1.0, 1.0, 0.0]], np.float32)),
             (floats, frames)),
        Case("psnr", lambda a, b: image.psnr(a, b, 2.0), _psnr,
             (floats, floats[::-1].copy()), single=True),
        Case("ssim", lambda a, b: image.ssim(a, b, 1.0, filter_size=3),
             _ssim, (floats, floats[::-1].copy()), single=True),
    ]  # fmt: skip


IMAGE_CASES = _resizing() + _geometry() + _colors() + _boxes()
