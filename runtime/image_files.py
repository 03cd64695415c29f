"""``tf.image.decode_png`` and its kin: images in files of PNG, JPEG, GIF and BMP.

Pillow reads and writes them; it is imported when the first image is, and comes with the extra
``image``.

Source: the ``tf.compat.v1.image`` module documentation.
"""

import io
from collections.abc import Callable
from typing import Any, Final

import numpy as np

from runtime import errors
from runtime.data.files import text
from runtime.graph import dtypes
from runtime.graph.convert import TensorLike, convert_to_tensor
from runtime.graph.definition import Definition, Kernel, Spec, View, not_differentiable
from runtime.graph.dtypes import as_dtype
from runtime.graph.export import export
from runtime.graph.ops.colors import convert_image_dtype
from runtime.graph.ops.random import random_uniform
from runtime.graph.ops.rules import fixed
from runtime.graph.shapes import Incompatible, described
from runtime.graph.tensor import Tensor

Array = Any  # of uint8 or uint16
_FORMATS: Final = ("PNG", "JPEG", "GIF", "BMP")
_MODES: Final = {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}
_DAMAGED: Final = (
    "It is damaged, or no image at all; is it the content of a file, and not its name?"
)


def _pillow() -> Any:
    """Pillow's module of images.

    Raises:
        ImportError: If it is not installed; the message names the extra.
    """
    try:
        from PIL import Image
    except ImportError as error:
        raise ImportError(
            f"Images in files need the package Pillow, which cannot be imported ({error}). "
            "Install it with the extra 'image': pip install 'monitored-session[image]'",
            name=error.name,
        ) from error
    return Image


def _invalid(message: str) -> errors.InvalidArgumentError:
    return errors.InvalidArgumentError(None, None, message)


# Reading.


def _read(
    content: bytes, formats: tuple[str, ...], take: Callable[[Any], Array], every: bool = False
) -> list[Array]:
    """What a function takes from the first image of a file, or from each.

    The size is checked before anything is unpacked.
    """
    module = _pillow()
    try:
        with module.open(io.BytesIO(content), formats=formats) as image:
            _check_size(image, module)
            taken = []
            for number in range(getattr(image, "n_frames", 1) if every else 1):
                image.seek(number)
                taken.append(take(image))
            return taken
    except errors.OpError:
        raise
    except Exception as error:  # whatever a damaged file makes of the reader
        raise _invalid(
            f"Unknown image file format or a damaged image ({type(error).__name__}: {error}); "
            f"{', '.join(formats)} can be read. {_DAMAGED}"
        ) from error


def _check_size(image: Any, module: Any) -> None:
    """A small file may claim to hold an image that fills the memory."""
    width, height = image.size
    frames = getattr(image, "n_frames", 1)
    most = module.MAX_IMAGE_PIXELS
    if most is not None and width * height * frames > most:
        raise _invalid(
            f"An image of {width} × {height} pixels ({frames} frames) is refused: more than {most} "
            "pixels could fill the memory. Set PIL.Image.MAX_IMAGE_PIXELS if it is meant."
        )


def _pixels(image: Any, channels: int, deep: bool, content: bytes) -> Array:
    """The pixels of one image: ``[height, width, channels]``."""
    wide = image.mode.startswith("I")  # 16 bits in gray
    if deep and not wide and content[:4] == b"\x89PNG" and content[24:25] == b"\x10":
        raise _invalid("Colors of 16 bits are read in gray images only; give dtype=tf.uint8.")
    if wide:
        gray = np.asarray(image).astype(np.uint16)
        values = gray if deep else (gray >> 8).astype(np.uint8)
        return np.repeat(values[..., None], max(channels, 1), -1)
    if channels == 1 and image.format == "JPEG":
        image.draft("L", image.size)  # brightness is what the file holds
    mode = _MODES[channels] if channels else _own_mode(image)
    made: Array = np.array(image if image.mode == mode else image.convert(mode))
    values = made[..., None] if made.ndim == 2 else made
    return values.astype(np.uint16) * 257 if deep else values


def _own_mode(image: Any) -> str:
    """The mode with as many channels as the file has."""
    if image.mode == "1":
        return "L"
    if image.mode == "P":
        return "RGBA" if "transparency" in image.info else "RGB"
    return image.mode if image.mode in _MODES.values() else "RGB"


# Whether all images of a file are wanted.
_ANIMATED: Final[dict[str, Callable[[bytes], bool]]] = {
    "never": lambda content: False,
    "always": lambda content: True,
    "gif": lambda content: content[:4] == b"GIF8",
}


def _bind_decode(view: View) -> Kernel:
    channels, animated, formats = view["channels"], _ANIMATED[view["animated"]], view["formats"]
    deep = view["dtype"] is dtypes.uint16

    def kernel(content: Array) -> Array:
        data = bytes(content[()])
        every = animated(data)
        count = channels or 3 if every else channels
        found = _read(data, formats, lambda image: _pixels(image, count, deep, data), every)
        return np.stack(found) if every else found[0]

    return kernel


def _decoded_spec(view: View) -> Spec:
    dims = view.first.dims
    if dims not in (None, ()):
        raise Incompatible(f"contents must be a scalar, not of shape {described(dims)}")
    return Spec(view["dtype"], view["dims"])


DECODE = Definition("DecodeImage", _decoded_spec, bind=_bind_decode, gradient=not_differentiable)


def _decode(
    contents: TensorLike,
    channels: int | None,
    dtype: Any,
    name: str | None,
    type_name: str,
    formats: tuple[str, ...] = _FORMATS,
    animated: str = "never",
    dims: Any = (None, None),
) -> Tensor:
    _pillow()  # it is missed when the graph is made already
    target = as_dtype(dtype)
    if channels not in (None, 0, 1, 3, 4):
        raise ValueError(f"channels must be 0, 1, 3 or 4, not {channels!r}.")
    if target not in (dtypes.uint8, dtypes.uint16):
        raise TypeError(f"{type_name} gives uint8 or uint16, not {target.name}.")
    result: Tensor = DECODE(
        convert_to_tensor(contents, dtypes.string),
        channels=channels or 0,
        dtype=target,
        formats=formats,
        animated=animated,
        dims=None if dims is None else (*dims, channels or None),
        name=name or type_name,
    )
    return result


@export("image.decode_png", "io.decode_png")
def decode_png(
    contents: TensorLike, channels: int = 0, dtype: Any = dtypes.uint8, name: str | None = None
) -> Tensor:
    """The image in the content of a PNG file.

    Args:
        contents: A scalar of string; JPEG, BMP and the first image of a GIF are read, too.
        channels: 1 for gray, 3 for colors, 4 for colors with alpha; 0 for what the file has.
        dtype: uint8 or uint16.
        name: Name of the operation.

    Returns:
        ``[height, width, channels]``. What is no image makes the run fail with
        InvalidArgumentError.
    """
    return _decode(contents, channels, dtype, name, "DecodePng")


@export("image.decode_jpeg", "io.decode_jpeg")
def decode_jpeg(
    contents: TensorLike,
    channels: int = 0,
    ratio: int = 1,
    fancy_upscaling: bool = True,
    try_recover_truncated: bool = False,
    acceptable_fraction: float = 1,
    dct_method: str = "",
    name: str | None = None,
) -> Tensor:
    """The image in the content of a JPEG file.

    Args:
        contents: A scalar of string; PNG, BMP and the first image of a GIF are read, too.
        channels: 1 for gray, 3 for colors; 0 for what the file has.
        ratio: By what the size is divided: 1, 2, 4 or 8.
        fancy_upscaling: Without effect.
        try_recover_truncated: Must be False.
        acceptable_fraction: Without effect.
        dct_method: Without effect.
        name: Name of the operation.

    Returns:
        ``[height, width, channels]`` of uint8. What is no image makes the run fail with
        InvalidArgumentError.

    Raises:
        ValueError: If damaged files are to be read.
    """
    if try_recover_truncated:
        raise ValueError("decode_jpeg reads no damaged files: leave try_recover_truncated=False.")
    if ratio not in (1, 2, 4, 8):
        raise ValueError(f"ratio must be 1, 2, 4 or 8, not {ratio!r}.")
    found = _decode(contents, channels, dtypes.uint8, name, "DecodeJpeg")
    return found if ratio == 1 else found[::ratio, ::ratio]


@export("image.decode_bmp", "io.decode_bmp")
def decode_bmp(contents: TensorLike, channels: int = 0, name: str | None = None) -> Tensor:
    """The image in the content of a BMP file.

    Args:
        contents: A scalar of string.
        channels: 1 for gray, 3 for colors, 4 for colors with alpha; 0 for what the file has.
        name: Name of the operation.

    Returns:
        ``[height, width, channels]`` of uint8. What is no image makes the run fail with
        InvalidArgumentError.
    """
    return _decode(contents, channels, dtypes.uint8, name, "DecodeBmp", ("BMP",))


@export("image.decode_gif", "io.decode_gif")
def decode_gif(contents: TensorLike, name: str | None = None) -> Tensor:
    """The images in the content of a GIF file.

    Args:
        contents: A scalar of string.
        name: Name of the operation.

    Returns:
        ``[images, height, width, 3]`` of uint8. What is no image makes the run fail with
        InvalidArgumentError.
    """
    dims = (None, None, None)
    return _decode(contents, 3, dtypes.uint8, name, "DecodeGif", ("GIF",), "always", dims)


@export("image.decode_image", "io.decode_image")
def decode_image(
    contents: TensorLike,
    channels: int | None = None,
    dtype: Any = dtypes.uint8,
    name: str | None = None,
    expand_animations: bool = True,
) -> Tensor:
    """The image in the content of a file, of whatever kind.

    Args:
        contents: A scalar of string: the content of a PNG, JPEG, GIF or BMP file.
        channels: 1 for gray, 3 for colors, 4 for colors with alpha; None for what the file has.
        dtype: The type that the colors are converted to.
        name: Name of the operation.
        expand_animations: Whether a GIF gives all of its images, with one more axis.

    Returns:
        ``[height, width, channels]``, or ``[images, height, width, 3]`` for a GIF; so set_shape is
        needed before other functions can know it.
    """
    target = as_dtype(dtype)
    read = dtypes.uint16 if target is dtypes.uint16 else dtypes.uint8
    animated, dims = ("gif", None) if expand_animations else ("never", (None, None))
    found = _decode(contents, channels, read, name, "DecodeImage", _FORMATS, animated, dims)
    return found if target is read else convert_image_dtype(found, target)


IS_JPEG = Definition(
    "IsJpeg",
    fixed(dtypes.bool, ()),
    lambda content: np.bool_(bytes(content[()])[:3] == b"\xff\xd8\xff"),
    gradient=not_differentiable,
)


@export("image.is_jpeg", "io.is_jpeg")
def is_jpeg(contents: TensorLike, name: str | None = None) -> Tensor:
    """Whether something begins as JPEG files do.

    Args:
        contents: A scalar of string.
        name: Name of the operation.

    Returns:
        A scalar of bool.
    """
    result: Tensor = IS_JPEG(convert_to_tensor(contents, dtypes.string), name=name)
    return result


def _jpeg_shape(content: Array) -> Array:
    def size(image: Any) -> Array:
        return np.array([*image.size[::-1], len(image.getbands())])

    return _read(bytes(content[()]), ("JPEG",), size)[0]


JPEG_SHAPE = Definition(
    "ExtractJpegShape",
    lambda view: Spec(view["dtype"], (3,)),
    bind=lambda view: lambda content: _jpeg_shape(content).astype(view["dtype"].numpy),
    gradient=not_differentiable,
)


@export("image.extract_jpeg_shape", "io.extract_jpeg_shape")
def extract_jpeg_shape(
    contents: TensorLike, output_type: Any = dtypes.int32, name: str | None = None
) -> Tensor:
    """The size of a JPEG image, without unpacking it.

    Args:
        contents: A scalar of string.
        output_type: int32 or int64.
        name: Name of the operation.

    Returns:
        Height, width and channels.
    """
    _pillow()
    tensor = convert_to_tensor(contents, dtypes.string)
    result: Tensor = JPEG_SHAPE(tensor, dtype=as_dtype(output_type), name=name)
    return result


# Writing.


def _image_of(pixels: Array, channels: tuple[int, ...]) -> Any:
    if pixels.ndim != 3 or pixels.shape[2] not in channels or not pixels.size:
        raise _invalid(
            f"image must be [height, width, channels] with {channels} channels and not empty, but "
            f"has shape {pixels.shape}"
        )
    if pixels.dtype == np.uint16:
        if pixels.shape[2] != 1:
            raise _invalid("images of uint16 must be gray: one channel")
        return _pillow().fromarray(pixels[..., 0])
    return _pillow().fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels)


def _written(image: Any, kind: str, **options: Any) -> Array:
    target = io.BytesIO()
    image.save(target, kind, **options)
    return text(target.getvalue())


def _bind_png(view: View) -> Kernel:
    level = view["compression"]
    options = {} if level < 0 else {"compress_level": level}
    return lambda pixels: _written(_image_of(pixels, (1, 2, 3, 4)), "PNG", **options)


def _bind_jpeg(view: View) -> Kernel:
    options = {name: view[name] for name in ("progressive", "subsampling", "optimize", "dpi")}
    mode = view["format"]

    def kernel(pixels: Array, quality: Any = view["quality"]) -> Array:
        image = _image_of(pixels, (1, 3))
        if mode == "grayscale":
            image = image.convert("L")
        return _written(image, "JPEG", quality=int(quality), **options)

    return kernel


ENCODE_PNG = Definition(
    "EncodePng", fixed(dtypes.string, ()), bind=_bind_png, gradient=not_differentiable
)
ENCODE_JPEG = Definition(
    "EncodeJpeg", fixed(dtypes.string, ()), bind=_bind_jpeg, gradient=not_differentiable
)


@export("image.encode_png", "io.encode_png")
def encode_png(image: TensorLike, compression: int = -1, name: str | None = None) -> Tensor:
    """The content of a PNG file with an image.

    Args:
        image: ``[height, width, channels]`` of uint8, or of uint16 with one channel.
        compression: From 0 (none) to 9; -1 for the usual one.
        name: Name of the operation.

    Returns:
        A scalar of string.

    Raises:
        TypeError: If the image is of another type.
    """
    _pillow()
    tensor = convert_to_tensor(image)
    if tensor.dtype not in (dtypes.uint8, dtypes.uint16):
        raise TypeError(
            f"encode_png takes images of uint8 or uint16, not of {tensor.dtype.name}. Use "
            "tf.image.convert_image_dtype."
        )
    result: Tensor = ENCODE_PNG(tensor, compression=int(compression), name=name)
    return result


@export("image.encode_jpeg", "io.encode_jpeg")
def encode_jpeg(
    image: TensorLike,
    format: str = "",
    quality: int = 95,
    progressive: bool = False,
    optimize_size: bool = False,
    chroma_downsampling: bool = True,
    density_unit: str = "in",
    x_density: int = 300,
    y_density: int = 300,
    xmp_metadata: str = "",
    name: str | None = None,
) -> Tensor:
    """The content of a JPEG file with an image.

    Args:
        image: ``[height, width, channels]`` of uint8, with one or three channels.
        format: ``"grayscale"``, ``"rgb"``, or ``""`` for what the channels say.
        quality: From 0 to 100.
        progressive: Whether the file can be shown before all of it is read.
        optimize_size: Whether it is made smaller at the cost of time.
        chroma_downsampling: Whether colors have half of the resolution.
        density_unit: ``"in"`` or ``"cm"``.
        x_density: Pixels in one of these, horizontally.
        y_density: Pixels in one of these, vertically.
        xmp_metadata: Without effect.
        name: Name of the operation.

    Returns:
        A scalar of string.

    Raises:
        TypeError: If the image is of another type.
        ValueError: If there is no such format.
    """
    if format not in ("", "grayscale", "rgb"):
        raise ValueError(f"format must be '', 'grayscale' or 'rgb', not {format!r}.")
    options = {"format": format, "progressive": progressive, "optimize": optimize_size}
    factor = 2.54 if density_unit == "cm" else 1.0
    dpi = round(x_density * factor), round(y_density * factor)
    return _jpeg(image, chroma_downsampling, dpi, options, int(quality), name)


def _jpeg(
    image: TensorLike, half: bool, dpi: Any, options: Any, quality: Any, name: str | None
) -> Tensor:
    _pillow()
    tensor = convert_to_tensor(image)
    if tensor.dtype is not dtypes.uint8:
        raise TypeError(
            f"encode_jpeg takes images of uint8, not of {tensor.dtype.name}. Use "
            "tf.image.convert_image_dtype."
        )
    known = quality if isinstance(quality, int) else None
    given = [] if known is not None else [convert_to_tensor(quality)]
    result: Tensor = ENCODE_JPEG(
        tensor,
        *given,
        quality=known,
        subsampling=2 if half else 0,
        dpi=dpi,
        name=name,
        **options,
    )
    return result


@export("image.adjust_jpeg_quality")
def adjust_jpeg_quality(
    image: TensorLike, jpeg_quality: Any, dct_method: str = "", name: str | None = None
) -> Tensor:
    """An image as a JPEG file of some quality would keep it.

    Args:
        image: ``[height, width, channels]``.
        jpeg_quality: From 0 to 100: a number or a scalar tensor.
        dct_method: Without effect.
        name: Name of the operation.

    Returns:
        An image of the same type.
    """
    tensor = convert_to_tensor(image)
    options = {"format": "", "progressive": False, "optimize": False}
    bytes_ = convert_image_dtype(tensor, dtypes.uint8, saturate=True)
    content = _jpeg(bytes_, True, (300, 300), options, jpeg_quality, name)
    made = convert_image_dtype(decode_jpeg(content), tensor.dtype, saturate=True)
    made.set_shape(tensor.dims)
    return made


@export("image.random_jpeg_quality")
def random_jpeg_quality(
    image: TensorLike, min_jpeg_quality: int, max_jpeg_quality: int, seed: int | None = None
) -> Tensor:
    """An image as a JPEG file of random quality would keep it.

    Args:
        image: ``[height, width, channels]``.
        min_jpeg_quality: The least quality.
        max_jpeg_quality: The limit of the quality.
        seed: The operation's seed.

    Returns:
        An image of the same type.

    Raises:
        ValueError: If the range is empty or not from 0 to 100.
    """
    if not 0 <= min_jpeg_quality < max_jpeg_quality <= 100:
        raise ValueError(
            "min_jpeg_quality must be less than max_jpeg_quality, both from 0 to 100, not "
            f"{min_jpeg_quality} and {max_jpeg_quality}."
        )
    quality = random_uniform([], min_jpeg_quality, max_jpeg_quality, dtypes.int32, seed)
    return adjust_jpeg_quality(image, quality)
