"""What summaries look like in bytes: TensorBoard's protocol messages, and the pictures in them.

The messages are those of the ``tensorboard`` package, which the extra ``summary`` installs. It is
imported when the first summary is made, never before.
"""

import importlib
import struct
import zlib
from types import ModuleType
from typing import Any, Final

import numpy as np

from runtime import errors

__all__ = ["event_file_reader", "event_file_writer", "histogram_of", "messages", "pixels_of", "png"]

Array = np.ndarray[Any, np.dtype[Any]]

_GROWTH: Final = 1.1
_SMALLEST: Final = 1e-12
_LARGEST: Final = 1e20
_BAD_PIXEL: Final = (255, 0, 0, 255)
_PNG_COLORS: Final = {1: 0, 3: 2, 4: 6}


def messages(module: str) -> ModuleType:
    """One of the modules of TensorBoard's protocol messages.

    Args:
        module: Its name without ``_pb2``, for example ``"summary"``.

    Returns:
        The module.

    Raises:
        ImportError: The package is not installed; the message names the extra.
    """
    return _tensorboard(f"tensorboard.compat.proto.{module}_pb2")


def event_file_writer(directory: str, max_queue: int, flush_secs: float, suffix: str) -> Any:
    """TensorBoard's writer of one new event file.

    Args:
        directory: Where the file is made.
        max_queue: Events that may wait to be written.
        flush_secs: Seconds between two flushes.
        suffix: What the file's name ends with.

    Returns:
        The writer: an object with ``add_event``, ``flush`` and ``close``.

    Raises:
        ImportError: The package is not installed; the message names the extra.
    """
    module = _tensorboard("tensorboard.summary.writer.event_file_writer")
    return module.EventFileWriter(directory, max_queue, flush_secs, suffix)


def event_file_reader(path: str) -> Any:
    """TensorBoard's reader of one event file.

    Args:
        path: The file.

    Returns:
        The reader: an object whose ``Load`` gives the events that are new since the last call.

    Raises:
        ImportError: The package is not installed; the message names the extra.
    """
    module = _tensorboard("tensorboard.backend.event_processing.event_file_loader")
    return module.LegacyEventFileLoader(path)


def _tensorboard(name: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise ImportError(
            "Summaries need the package tensorboard, which cannot be imported "
            f"({error}). Install it with the extra 'summary': "
            "pip install 'monitored-session[summary]'",
            name=error.name,
        ) from error


# -- histograms ------------------------------------------------------------------------------------


def _bucket_limits() -> Array:
    """Upper ends of the buckets: each a tenth larger than the one before, on both sides of 0."""
    limits = [_SMALLEST]
    while limits[-1] * _GROWTH < _LARGEST:
        limits.append(limits[-1] * _GROWTH)
    largest = float(np.finfo(np.float64).max)
    positive = [*limits, largest]
    return np.array([*(-limit for limit in reversed(positive)), 0.0, *positive])


_LIMITS: Final = _bucket_limits()


def histogram_of(values: Array, tag: str) -> Any:
    """Counts values in TensorFlow's buckets.

    Source of the rule: TensorBoard's ``HistogramProto``.

    Args:
        values: Numbers; any shape, any type of real numbers or truth values.
        tag: The summary's tag, for the message.

    Returns:
        A ``HistogramProto``.

    Raises:
        InvalidArgumentError: A value is no finite number.
    """
    numbers = np.asarray(values, dtype=np.float64).reshape(-1)
    if not np.isfinite(numbers).all():
        what = "Nan" if np.isnan(numbers).any() else "Infinity"
        raise errors.InvalidArgumentError(None, None, f"{what} in summary histogram for: {tag}")
    places = np.searchsorted(_LIMITS, numbers, side="right").clip(max=len(_LIMITS) - 1)
    counts = np.bincount(places, minlength=len(_LIMITS))
    kept = _kept_buckets(counts)
    return messages("summary").HistogramProto(
        min=float(numbers.min(initial=np.inf)) if numbers.size else 0.0,
        max=float(numbers.max(initial=-np.inf)) if numbers.size else 0.0,
        num=numbers.size,
        sum=float(numbers.sum()),
        sum_squares=float(np.square(numbers).sum()),
        bucket_limit=_LIMITS[kept].tolist(),
        bucket=counts[kept].astype(np.float64).tolist(),
    )


def _kept_buckets(counts: Array) -> Array:
    """The buckets that are written: of each row of empty ones only the last."""
    empty = counts == 0
    followed_by_empty = np.append(empty[1:], False)
    return np.flatnonzero(~(empty & followed_by_empty))


# -- images ----------------------------------------------------------------------------------------


def pixels_of(image: Array) -> Array:
    """Scales an image of floating-point numbers to bytes.

    The largest magnitude becomes 255; with negative numbers, 0 becomes 127. What is not finite
    becomes red. Bytes stay as they are.

    Source of the rule: tf.compat.v1.summary.image documentation.

    Args:
        image: Numbers of shape [height, width, channels].

    Returns:
        Bytes of the same shape.
    """
    if image.dtype == np.uint8:
        return image
    numbers = image.astype(np.float32)
    finite: Array = np.asarray(np.isfinite(numbers).all(axis=-1))
    largest = float(np.abs(numbers[finite]).max(initial=0.0))
    negative = bool((numbers[finite] < 0).any())
    scale, offset = (127.0, 128.0) if negative else (255.0, 0.0)
    factor = scale / largest if largest else 0.0
    scaled = np.where(finite[..., None], numbers, 0) * factor + offset
    pixels: Array = scaled.astype(np.uint8)
    pixels[~finite] = _BAD_PIXEL[: image.shape[-1]]
    return pixels


def png(pixels: Array) -> bytes:
    """Encodes an image as PNG.

    Args:
        pixels: Bytes of shape [height, width, channels], with 1, 3 or 4 channels.

    Returns:
        The file's bytes.
    """
    height, width, channels = pixels.shape
    header = struct.pack(">IIBBBBB", width, height, 8, _PNG_COLORS[channels], 0, 0, 0)
    rows = np.zeros((height, 1 + width * channels), np.uint8)  # each row begins with its filter
    rows[:, 1:] = pixels.reshape(height, -1)
    parts = [(b"IHDR", header), (b"IDAT", zlib.compress(rows.tobytes())), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(_png_part(kind, data) for kind, data in parts)


def _png_part(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


# -- sounds ----------------------------------------------------------------------------------------


def wav(samples: Array, rate: int) -> bytes:
    """Encodes a sound as WAV, in 16 bits.

    Args:
        samples: Shape [frames, channels], from -1 to 1; what is beyond is cut off.
        rate: Frames in a second.

    Returns:
        The file's bytes.
    """
    import io
    import wave

    whole = np.clip(np.trunc(samples * 32768.0 + np.copysign(0.5, samples)), -32768, 32767)
    content = io.BytesIO()
    with wave.open(content, "wb") as file:
        file.setparams((samples.shape[1], 2, rate, 0, "NONE", "not compressed"))
        file.writeframes(whole.astype("<i2").tobytes())
    return content.getvalue()
