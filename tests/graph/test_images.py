"""tf.image: randomness, sizes that only a run knows, files, what is refused."""

import io
import struct
import subprocess
import sys
import zlib
from typing import Any

import numpy as np
import pytest
from PIL import Image

import runtime as tf

IMAGE = np.random.default_rng(0).integers(0, 256, (6, 5, 3)).astype(np.uint8)
FLOATS = (IMAGE / 255).astype(np.float32)


def many(session: tf.Session, tensor: Any, count: int = 30) -> list[Any]:
    return [session.run(tensor) for _ in range(count)]


# Randomness.


@pytest.mark.parametrize(
    "function, axis", [(tf.image.random_flip_left_right, 1), (tf.image.random_flip_up_down, 0)]
)
def test_images_are_flipped_at_random(function: Any, axis: int, session: tf.Session) -> None:
    """One as a whole, several each by itself; the same seeds flip the same ones."""
    turned = np.flip(IMAGE, axis)
    first = function(IMAGE, seed=1)
    found = many(session, first)
    flipped = [(one == turned).all() for one in found]
    assert all(f or (one == IMAGE).all() for f, one in zip(flipped, found, strict=True))
    assert 0 < sum(flipped) < 30
    batch = session.run(function(np.stack([FLOATS] * 40), seed=1))
    assert 0 < sum((one == np.flip(FLOATS, axis)).all() for one in batch) < 40
    with tf.Session() as again:
        assert [(o == turned).all() for o in many(again, first)] == flipped


@pytest.mark.parametrize(
    "change, low, high",
    [
        (lambda x: tf.image.random_brightness(x, 0.2, seed=1) - x, -0.2, 0.2),
        (lambda x: _contrast(tf.image.random_contrast(x, 0.5, 1.5, seed=1), x), 0.5, 1.5),
        (lambda x: _saturation(tf.image.random_saturation(x, 0.5, 0.9, seed=1), x), 0.5, 0.9),
        (lambda x: _turn(tf.image.random_hue(x, 0.1, seed=1), x), 0.0, 0.1),
    ],
)
def test_colors_change_at_random_in_a_range(
    change: Any, low: float, high: float, session: tf.Session
) -> None:
    """A number for the whole image, drawn anew in each run."""
    found = many(session, change(tf.constant(FLOATS)))
    assert all(np.ptp(one) < 1e-3 for one in found)
    means = [float(np.mean(one)) for one in found]
    assert low - 1e-3 <= min(means) < max(means) <= high + 1e-3
    assert max(means) - min(means) > (high - low) / 2


def _contrast(changed: Any, x: Any) -> Any:
    return tf.math.reduce_std(changed, [0, 1]) / tf.math.reduce_std(x, [0, 1])


def _saturation(changed: Any, x: Any) -> Any:
    return (tf.image.rgb_to_hsv(changed) / tf.image.rgb_to_hsv(x))[..., 1]


def _turn(changed: Any, x: Any) -> Any:
    by = (tf.image.rgb_to_hsv(changed) - tf.image.rgb_to_hsv(x))[..., 0]
    return tf.abs(by - tf.round(by))


def test_ranges_that_are_none_are_refused() -> None:
    """When the graph is made."""
    for make, message in (
        (lambda: tf.image.random_brightness(FLOATS, -1.0), "max_delta must be non-negative"),
        (lambda: tf.image.random_contrast(FLOATS, 1.0, 1.0), "upper must be > lower"),
        (lambda: tf.image.random_saturation(FLOATS, -1.0, 1.0), "lower must be non-negative"),
        (lambda: tf.image.random_hue(FLOATS, 0.6), "max_delta must be .* <= 0.5"),
        (lambda: tf.image.adjust_gamma(FLOATS, -1.0), "Gamma should be a non-negative"),
        (lambda: tf.image.central_crop(FLOATS, 1.5), r"within \(0, 1\], not 1.5"),
        (lambda: tf.image.random_jpeg_quality(IMAGE, 50, 50), "must be less than"),
    ):
        with pytest.raises(ValueError, match=message):
            make()


def test_rectangles_are_sampled_that_show_enough(session: tf.Session) -> None:
    """Of one of the boxes, in a range of proportions and areas; the box says where they are."""
    boxes = np.array([[[0.2, 0.2, 0.6, 0.5]]], np.float32)
    begin, size, box = tf.image.sample_distorted_bounding_box(
        [100, 80, 3], boxes, seed=3, min_object_covered=0.5, aspect_ratio_range=[0.8, 1.25],
        area_range=[0.1, 0.9],
    )  # fmt: skip
    assert (begin.shape, size.shape, box.shape.as_list()) == ((3,), (3,), [1, 1, 4])
    tops = set()
    for (top, left, _), (rows, columns, depth), one in many(session, (begin, size, box)):
        assert 0.79 <= columns / rows <= 1.27 and 0.09 <= rows * columns / 8000 <= 0.91
        assert depth == -1 and top + rows <= 100 and left + columns <= 80
        np.testing.assert_allclose(one[0, 0, :2], [top / 100, left / 80], rtol=1e-6)
        rows_seen = min(top + rows, 60) - max(top, 20)
        columns_seen = min(left + columns, 40) - max(left, 16)
        assert rows_seen * columns_seen >= 0.5 * 40 * 24
        tops.add(int(top))
    assert len(tops) > 5
    none = np.zeros([1, 0, 4], np.float32)
    whole = tf.image.sample_distorted_bounding_box(
        [10, 10, 1],
        none,
        use_image_if_no_bounding_boxes=True,
        area_range=[1.0, 1.0],
        aspect_ratio_range=[1.0, 1.0],
    )
    assert session.run(whole[1]).tolist() == [10, 10, -1]
    with pytest.raises(tf.errors.InvalidArgumentError, match="no bounding boxes"):
        session.run(tf.image.sample_distorted_bounding_box([10, 10, 1], none)[0])


def test_glimpses_have_noise_where_there_is_no_image(session: tf.Session) -> None:
    """Their places count from the middle, in parts of the image, or in pixels from the corner."""
    x = np.arange(1.0, 26.0, dtype=np.float32).reshape(1, 5, 5, 1)
    middle = tf.image.extract_glimpse(x, [3, 3], [[0.0, 0.0]])
    assert session.run(middle)[0, ..., 0].tolist() == x[0, 1:4, 1:4, 0].tolist()
    corner = tf.image.extract_glimpse(x, [3, 3], [[1.0, 1.0]], centered=False, normalized=False)
    assert session.run(corner)[0, ..., 0].tolist() == x[0, :3, :3, 0].tolist()
    outside = tf.image.extract_glimpse(x, [2, 2], [[-3.0, 0.0]])
    assert not np.isin(session.run(outside), x).all()


# Sizes that only a run knows.


def test_sizes_may_be_tensors(session: tf.Session) -> None:
    """Of images, of results, of what is cut out, and the number of turns."""
    x = tf.placeholder(tf.float32, [None, None, 3])
    size, turns = tf.placeholder(tf.int32, [2]), tf.placeholder(tf.int32, [])
    found = session.run(
        {
            "resized": tf.image.resize_images(x, size),
            "nearest": tf.image.resize_nearest_neighbor(x[None], size),
            "cropped": tf.image.crop_to_bounding_box(x, 1, 1, size[0], size[1]),
            "fitted": tf.image.resize_image_with_crop_or_pad(x, size[0], size[1] * 3),
            "turned": tf.image.rot90(x, turns),
            "middle": tf.image.central_crop(x, 0.5),
            "boxes": tf.image.crop_and_resize(x[None], [[0.0, 0.0, 1.0, 1.0]], [0], size),
        },
        {x: FLOATS, size: [4, 3], turns: 3},
    )
    assert found["resized"].shape == (4, 3, 3) and found["nearest"].shape == (1, 4, 3, 3)
    assert found["boxes"].shape == (1, 4, 3, 3)
    np.testing.assert_array_equal(found["cropped"], FLOATS[1:5, 1:4])
    np.testing.assert_array_equal(found["fitted"][:, 2:7], FLOATS[1:5])
    np.testing.assert_array_equal(found["turned"], np.rot90(FLOATS, 3))
    np.testing.assert_array_equal(found["middle"], FLOATS[1:5, 1:4])


def test_sizes_that_do_not_fit_are_refused(session: tf.Session) -> None:
    """At once, or in the run that knows them."""
    for make, message in (
        (lambda: tf.image.crop_to_bounding_box(FLOATS, 4, 0, 3, 1), r"height 6 must be >= .*4"),
        (lambda: tf.image.crop_to_bounding_box(FLOATS, -1, 0, 3, 1), "offset_height must be >= 0"),
        (lambda: tf.image.pad_to_bounding_box(FLOATS, 0, 0, 6, 4), "width 5 must be <= target"),
        (lambda: tf.image.resize_image_with_crop_or_pad(FLOATS, 0, 4), "target_height must be > 0"),
        (lambda: tf.image.resize_images(FLOATS, [1, 2, 3]), "must be two numbers"),
        (lambda: tf.image.resize_images(FLOATS, [1, 2], 7), "Resize method 7 is not implemented"),
        (lambda: tf.image.resize_images(FLOATS[0], [1, 2]), "either 3 or 4 dimensions"),
        (lambda: tf.image.resize_bilinear(FLOATS, [1, 2]), r"four axes.*ResizeBilinear"),
        (lambda: tf.image.resize_bilinear(FLOATS[None], [0, 2]), "must be positive"),
        (lambda: tf.image.resize_bilinear(FLOATS[None], [1, 2], True, None, True), "align_corners"),
        (lambda: tf.image.rgb_to_hsv(FLOATS[..., :2]), "size 3"),
        (lambda: tf.image.ssim(FLOATS, FLOATS, 1.0), "smaller than the window of 11"),
        (lambda: tf.image.psnr(FLOATS, FLOATS[1:], 1.0), "not compatible"),
        (lambda: tf.image.sobel_edges(FLOATS), "4 dimensions"),
        (lambda: tf.image.crop_and_resize(FLOATS[None], [[0.0] * 4], [0], [2, 2], "cubic"),
         "'bilinear' or 'nearest'"),
    ):  # fmt: skip
        with pytest.raises(ValueError, match=message):
            make()
    size = tf.placeholder(tf.int32, [2])
    resized = tf.image.resize_images(FLOATS, size)
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"positive, not -1 × 2"):
        session.run(resized, {size: [-1, 2]})
    which = tf.image.crop_and_resize(FLOATS[None], [[0.0] * 4], [1], [2, 2])
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"outside \[0, 1\)"):
        session.run(which)


def test_what_has_no_gradient_says_so() -> None:
    """As in TensorFlow 1."""
    x = tf.placeholder(tf.float32, [1, 4, 4, 3])
    for y in (tf.image.resize_area(x, [2, 2]), tf.image.rgb_to_hsv(x), tf.image.adjust_hue(x, 0.1)):
        with pytest.raises(LookupError, match="No gradient"):
            tf.gradients(y, x)


# Files.


def _file(kind: str, pixels: Any = IMAGE, **options: Any) -> bytes:
    target = io.BytesIO()
    Image.fromarray(pixels).save(target, kind, **options)
    return target.getvalue()


@pytest.mark.parametrize("channels", [0, 1, 3, 4])
def test_files_are_decoded(channels: int, session: tf.Session) -> None:
    """PNG and BMP bit for bit, with as many channels as asked for."""
    png, bmp = _file("PNG"), _file("BMP")
    content = tf.placeholder(tf.string, [])
    decoded = tf.image.decode_png(content, channels)
    assert decoded.shape.as_list() == [None, None, channels or None]
    found = session.run(
        [decoded, tf.image.decode_bmp(bmp, channels), tf.image.decode_image(png)], {content: png}
    )
    assert found[0].shape == (6, 5, channels or 3) and found[0].dtype == np.uint8
    assert (found[0] == found[1]).all() and (found[2] == IMAGE).all()
    if channels != 1:
        assert (found[0][..., :3] == IMAGE).all()


def test_jpeg_files_are_decoded(session: tf.Session) -> None:
    """About as they were, in gray as well; their size is known without unpacking."""
    smooth = np.indices((16, 16)).sum(0).astype(np.uint8)[..., None].repeat(3, -1) * 8
    jpeg = _file("JPEG", smooth, quality=95)
    found, gray, small, size, yes, no = session.run(
        [
            tf.image.decode_jpeg(jpeg),
            tf.image.decode_jpeg(jpeg, channels=1),
            tf.image.decode_jpeg(jpeg, ratio=2),
            tf.image.extract_jpeg_shape(jpeg),
            tf.image.is_jpeg(jpeg),
            tf.image.is_jpeg(_file("PNG")),
        ]
    )
    assert np.abs(found.astype(int) - smooth).max() < 12 and gray.shape == (16, 16, 1)
    assert small.shape == (8, 8, 3) and size.tolist() == [16, 16, 3] and yes and not no


def test_gif_files_have_one_more_axis(session: tf.Session) -> None:
    """Unless only the first image is asked for."""
    frames = [Image.fromarray(IMAGE), Image.fromarray(255 - IMAGE)]
    target = io.BytesIO()
    frames[0].save(target, "GIF", save_all=True, append_images=frames[1:])
    gif = target.getvalue()
    content = tf.placeholder(tf.string, [])
    tensors = [
        tf.image.decode_gif(content),
        tf.image.decode_image(content, dtype=tf.float32),
        tf.image.decode_image(content, expand_animations=False),
        tf.image.decode_png(content, channels=3),
    ]
    assert tensors[1].shape.ndims is None
    found = session.run(tensors, {content: gif})
    assert [f.shape for f in found] == [(2, 6, 5, 3)] * 2 + [(6, 5, 3)] * 2
    assert found[1].dtype == np.float32 and found[1].max() <= 1


def test_images_of_sixteen_bits_are_decoded(session: tf.Session) -> None:
    """Gray ones; others have their high byte, or are refused."""
    deep = (np.arange(20).reshape(4, 5) * 3000).astype(np.uint16)
    png = _file("PNG", deep)
    whole, high = session.run([tf.image.decode_png(png, 1, tf.uint16), tf.image.decode_png(png)])
    assert (whole[..., 0] == deep).all() and (high[..., 0] == deep >> 8).all()
    eight = tf.image.decode_png(_file("PNG"), dtype=tf.uint16)
    assert (session.run(eight) == IMAGE.astype(np.uint16) * 257).all()


def test_images_are_encoded(session: tf.Session) -> None:
    """Into what other programs read."""
    x = tf.placeholder(tf.uint8, [None, None, 3])
    png, jpeg, gray, deep = session.run(
        [
            tf.image.encode_png(x, compression=9),
            tf.image.encode_jpeg(x, quality=100, chroma_downsampling=False),
            tf.image.encode_jpeg(x, "grayscale", progressive=True, density_unit="cm"),
            tf.image.encode_png(np.full([2, 2, 1], 40000, np.uint16)),
        ],
        {x: IMAGE},
    )
    assert (np.asarray(Image.open(io.BytesIO(png))) == IMAGE).all()
    assert np.abs(np.asarray(Image.open(io.BytesIO(jpeg))).astype(int) - IMAGE).max() < 6
    assert Image.open(io.BytesIO(gray)).mode == "L"
    assert np.asarray(Image.open(io.BytesIO(deep))).max() == 40000
    worse = session.run(tf.image.adjust_jpeg_quality(FLOATS, 5))
    assert worse.shape == FLOATS.shape and not np.allclose(worse, FLOATS, atol=0.02)
    kept = session.run(tf.image.random_jpeg_quality(IMAGE, 95, 100))
    assert kept.dtype == np.uint8
    with pytest.raises(TypeError, match=r"uint8 or uint16, not of float32.*convert_image_dtype"):
        tf.image.encode_png(FLOATS)
    with pytest.raises(TypeError, match="encode_jpeg takes images of uint8"):
        tf.image.encode_jpeg(FLOATS)
    with pytest.raises(ValueError, match="'grayscale' or 'rgb', not 'cmyk'"):
        tf.image.encode_jpeg(IMAGE, "cmyk")
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"has shape \(0, 5, 3\)"):
        session.run(tf.image.encode_png(x), {x: IMAGE[:0]})


def _bomb(width: int, height: int) -> bytes:
    """A PNG file of a few bytes that claims to hold a very large image."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        checksum = zlib.crc32(kind + data)
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", checksum)

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", b"") + chunk(b"IEND", b"")


@pytest.mark.parametrize(
    "content",
    [
        b"", b"no image", _file("PNG")[:60], _file("JPEG")[:200], _bomb(50_000, 50_000),
        _bomb(10_000, 9_500), b"GIF89a" + b"\xff" * 30, b"BM" + b"\xff" * 60,
        _file("TIFF"),
    ],
    ids=["empty", "text", "cut-png", "cut-jpeg", "bomb", "smaller-bomb", "gif", "bmp", "tiff"],
)  # fmt: skip
@pytest.mark.parametrize("function", ["decode_image", "decode_png", "decode_jpeg"])
def test_hostile_files_are_invalid_arguments(
    function: str, content: bytes, session: tf.Session
) -> None:
    """Whatever Pillow makes of them; no file can fill the memory."""
    decoded = getattr(tf.image, function)(tf.constant(content))
    with pytest.raises(tf.errors.InvalidArgumentError, match="image") as caught:
        session.run(decoded)
    assert "PNG, JPEG, GIF, BMP can be read" in str(caught.value) or "pixels" in str(caught.value)


def test_what_decoding_needs_is_told() -> None:
    """Arguments that are none, and the extra that brings Pillow."""
    for make, message in (
        (lambda: tf.image.decode_png(b"", channels=5), "channels must be 0, 1, 3 or 4, not 5"),
        (lambda: tf.image.decode_jpeg(b"", ratio=3), "ratio must be 1, 2, 4 or 8"),
        (lambda: tf.image.decode_jpeg(b"", try_recover_truncated=True), "no damaged files"),
        (lambda: tf.image.decode_png([b"", b""]), "contents must be a scalar"),
    ):
        with pytest.raises(ValueError, match=message):
            make()
    with pytest.raises(TypeError, match="gives uint8 or uint16, not float32"):
        tf.image.decode_png(b"", dtype=tf.float32)
    program = (
        "import sys; sys.modules['PIL'] = None\nimport runtime as tf\n"
        "try: tf.Session().run(tf.image.decode_png(b'x'))\n"
        "except ImportError as error: print(error)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert "pip install 'monitored-session[image]'" in done.stdout, done.stderr[-500:]
