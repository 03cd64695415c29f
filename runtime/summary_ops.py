"""Operations that describe values for TensorBoard.

Each gives a string: a serialized ``Summary``. It costs nothing in runs that don't fetch it.
"""

import re
from collections.abc import Sequence
from typing import Any

import numpy as np

from runtime import errors, logging
from runtime.graph import dtypes
from runtime.graph.convert import TensorLike, convert_to_tensor
from runtime.graph.definition import Definition, Kernel, View, not_differentiable
from runtime.graph.graph import get_default_graph
from runtime.graph.keys import GraphKeys
from runtime.graph.ops.rules import fixed
from runtime.graph.tensor import Tensor
from runtime.summary_format import histogram_of, messages, pixels_of, png, wav

__all__ = ["audio", "histogram", "image", "merge", "merge_all", "scalar", "text"]

Array = np.ndarray[Any, np.dtype[Any]]
Collections = Sequence[str] | None

_ILLEGAL = re.compile(r"[^-/\w.]")


def scalar(
    name: str, tensor: TensorLike, collections: Collections = None, family: str | None = None
) -> Tensor:
    """Describes one number.

    Source of the rules: tf.compat.v1.summary.scalar documentation.

    Args:
        name: The tag, below the current name scope.
        tensor: A real number: one element, of any shape.
        collections: Collections that the summary is added to; SUMMARIES if None.
        family: Put before the tag, so that TensorBoard shows tags of a family together.

    Returns:
        A string: the serialized summary.

    Raises:
        ImportError: The extra ``summary`` is not installed.
    """
    return _described(_SCALAR, name, tensor, collections, family)


def histogram(
    name: str, values: TensorLike, collections: Collections = None, family: str | None = None
) -> Tensor:
    """Describes how numbers are distributed.

    Source of the rules: tf.compat.v1.summary.histogram documentation.

    Args:
        name: The tag, below the current name scope.
        values: Real numbers of any shape. A run that gives one that is not finite fails with
            InvalidArgumentError.
        collections: Collections that the summary is added to; SUMMARIES if None.
        family: Put before the tag.

    Returns:
        A string: the serialized summary.

    Raises:
        ImportError: The extra ``summary`` is not installed.
    """
    return _described(_HISTOGRAM, name, values, collections, family)


def image(
    name: str,
    tensor: TensorLike,
    max_outputs: int = 3,
    collections: Collections = None,
    family: str | None = None,
) -> Tensor:
    """Describes a batch of images.

    Source of the rules: tf.compat.v1.summary.image documentation.

    Args:
        name: What the tags begin with: ``name/image``, or ``name/image/0`` … if there may be
            several.
        tensor: Shape [batch, height, width, channels], with 1, 3 or 4 channels; bytes, or
            floating-point numbers, which are scaled image by image.
        max_outputs: How many images of the batch are written at most.
        collections: Collections that the summary is added to; SUMMARIES if None.
        family: Put before the tags.

    Returns:
        A string: the serialized summary.

    Raises:
        ImportError: The extra ``summary`` is not installed.
    """
    return _described(_IMAGE, name, tensor, collections, family, max_outputs=max_outputs)


def audio(
    name: str,
    tensor: TensorLike,
    sample_rate: TensorLike,
    max_outputs: int = 3,
    collections: Collections = None,
    family: str | None = None,
) -> Tensor:
    """Describes a batch of sounds.

    Source of the rules: tf.compat.v1.summary.audio documentation.

    Args:
        name: What the tags begin with: ``name/audio``, or ``name/audio/0`` … if there may be
            several.
        tensor: Shape [batch, frames] or [batch, frames, channels], from -1 to 1.
        sample_rate: Frames in a second, a scalar.
        max_outputs: How many sounds of the batch are written at most.
        collections: Collections that the summary is added to; SUMMARIES if None.
        family: Put before the tags.

    Returns:
        A string: the serialized summary.

    Raises:
        ImportError: The extra ``summary`` is not installed.
    """
    rate = convert_to_tensor(sample_rate, dtypes.float32)
    return _described(_AUDIO, name, tensor, collections, family, rate, max_outputs=max_outputs)


def text(name: str, tensor: TensorLike, collections: Collections = None) -> Tensor:
    """Describes text, which TensorBoard shows as Markdown.

    Source of the rules: tf.compat.v1.summary.text documentation.

    Args:
        name: The tag, below the current name scope.
        tensor: Strings of any shape.
        collections: Collections that the summary is added to; SUMMARIES if None.

    Returns:
        A string: the serialized summary.

    Raises:
        ImportError: The extra ``summary`` is not installed.
        ValueError: The tensor holds no strings.
    """
    converted = convert_to_tensor(tensor)
    if converted.dtype is not dtypes.string:
        raise ValueError(
            f"Expected tensor {converted.name} to have dtype string, got {converted.dtype.name}"
        )
    return _described(_TEXT, name, converted, collections, None)


def merge(inputs: Any, collections: Collections = None, name: str | None = None) -> Tensor:
    """Puts several summaries into one.

    Source of the rules: tf.compat.v1.summary.merge documentation.

    Args:
        inputs: Serialized summaries. If two have one tag, the run fails with
            InvalidArgumentError.
        collections: Collections that the merged summary is added to; none if None.
        name: Name of the operation.

    Returns:
        A string: the serialized summary.

    Raises:
        ImportError: The extra ``summary`` is not installed.
        ValueError: There are no inputs.
    """
    messages("summary")
    tensors = [convert_to_tensor(value, dtypes.string) for value in inputs]
    if not tensors:
        raise ValueError("merge needs at least one summary; inputs is empty.")
    with tensors[0].graph.name_scope(name or "Merge"):
        merged: Tensor = _MERGE(*tensors, name="MergeSummary")
    get_default_graph().add_to_collections(collections or (), merged)
    return merged


def merge_all(
    key: str = GraphKeys.SUMMARIES, scope: str | None = None, name: str | None = None
) -> Tensor | None:
    """Puts all summaries of the default graph into one.

    Source of the rules: tf.compat.v1.summary.merge_all documentation.

    Args:
        key: The collection.
        scope: A regular expression; only summaries with a name that it matches at the start.
        name: Name of the operation.

    Returns:
        A string: the serialized summary. None if there is none to merge.
    """
    found = get_default_graph().get_collection(key, scope)
    return merge(found, name=name) if found else None


def _described(
    definition: Definition,
    name: str,
    value: TensorLike,
    collections: Collections,
    family: str | None,
    *more: Tensor,
    **attributes: Any,
) -> Tensor:
    messages("summary")  # better now than in the middle of a training
    clean = _clean(name)
    prefix = "" if family is None else f"{_clean(family)}/"
    tensor = convert_to_tensor(value)
    with tensor.graph.name_scope(prefix + clean) as scope:
        tag = prefix + scope.rstrip("/")
        summary: Tensor = definition(tensor, *more, tag=tag, name=scope, **attributes)
    names = [GraphKeys.SUMMARIES] if collections is None else collections
    tensor.graph.add_to_collections(names, summary)
    return summary


def _clean(name: str) -> str:
    """A name with what tags can't have replaced."""
    clean = _ILLEGAL.sub("_", name).lstrip("/")
    if clean != name:
        logging.info(f"Summary name {name} is illegal; using {clean} instead.")
    return clean


def _serialized(summary: Any) -> Array:
    result = np.empty((), dtype=object)
    result[()] = summary.SerializeToString()
    return result


def _bind_scalar(view: View) -> Kernel:
    tag = view["tag"]

    def describe(value: Any) -> Array:
        if value.size != 1:
            raise errors.InvalidArgumentError(
                None,
                None,
                f"A scalar summary describes one number, but the tensor for the tag {tag!r} has "
                f"the shape {list(value.shape)}. Reduce it first, or use summary.histogram.",
            )
        summary = messages("summary").Summary()
        summary.value.add(tag=tag, simple_value=float(np.reshape(value, ())))
        return _serialized(summary)

    return describe


def _bind_histogram(view: View) -> Kernel:
    tag = view["tag"]

    def describe(values: Any) -> Array:
        summary = messages("summary").Summary()
        summary.value.add(tag=tag, histo=histogram_of(values, tag))
        return _serialized(summary)

    return describe


def _bind_image(view: View) -> Kernel:
    tag, limit = view["tag"], view["max_outputs"]

    def describe(batch: Any) -> Array:
        _check_images(batch, tag)
        summary = messages("summary").Summary()
        for index, picture in enumerate(batch[:limit]):
            height, width, channels = picture.shape
            value = summary.value.add(tag=f"{tag}/image" + (f"/{index}" if limit > 1 else ""))
            value.image.height, value.image.width = height, width
            value.image.colorspace = channels
            value.image.encoded_image_string = png(pixels_of(picture))
        return _serialized(summary)

    return describe


def _check_images(batch: Array, tag: str) -> None:
    if batch.ndim != 4 or batch.shape[-1] not in (1, 3, 4):
        raise errors.InvalidArgumentError(
            None,
            None,
            "An image summary describes a tensor of shape [batch, height, width, channels] with "
            f"1, 3 or 4 channels, but that for the tag {tag!r} has {list(batch.shape)}.",
        )


def _bind_audio(view: View) -> Kernel:
    tag, limit = view["tag"], view["max_outputs"]

    def describe(batch: Any, rate: Any) -> Array:
        if batch.ndim not in (2, 3) or rate.size != 1:
            raise errors.InvalidArgumentError(
                None,
                None,
                "An audio summary describes a tensor of shape [batch, frames] or [batch, frames, "
                f"channels], and a rate, but those for the tag {tag!r} have {list(batch.shape)} "
                f"and {list(rate.shape)}.",
            )
        summary = messages("summary").Summary()
        for index, sound in enumerate(batch.reshape(*batch.shape[:2], -1)[:limit]):
            value = summary.value.add(tag=f"{tag}/audio" + (f"/{index}" if limit > 1 else ""))
            value.audio.sample_rate = float(np.reshape(rate, ()))
            value.audio.length_frames, value.audio.num_channels = sound.shape
            value.audio.content_type = "audio/wav"
            value.audio.encoded_audio_string = wav(sound, round(value.audio.sample_rate))
        return _serialized(summary)

    return describe


def _bind_text(view: View) -> Kernel:
    tag = view["tag"]

    def describe(strings: Any) -> Array:
        tensor = messages("tensor").TensorProto(
            dtype=messages("types").DT_STRING,
            string_val=np.ravel(strings).tolist(),
        )
        for size in np.shape(strings):
            tensor.tensor_shape.dim.add(size=size)
        summary = messages("summary").Summary()
        value = summary.value.add(tag=tag, tensor=tensor)
        value.metadata.plugin_data.plugin_name = "text"
        return _serialized(summary)

    return describe


def _merge(*summaries: Any) -> Array:
    merged = messages("summary").Summary()
    for serialized in summaries:
        for one in np.ravel(serialized).tolist():
            merged.MergeFromString(one)
    tags = [value.tag for value in merged.value]
    if len(set(tags)) < len(tags):
        twice = next(tag for tag in tags if tags.count(tag) > 1)
        raise errors.InvalidArgumentError(
            None,
            None,
            f"Duplicate tag {twice} found in summary inputs. Give each summary a name of its own.",
        )
    return _serialized(merged)


def _definition(kind: str, bind: Any) -> Definition:
    return Definition(
        kind,
        fixed(dtypes.string, ()),
        bind=bind,
        gradient=not_differentiable,
    )


_SCALAR = _definition("ScalarSummary", _bind_scalar)
_HISTOGRAM = _definition("HistogramSummary", _bind_histogram)
_IMAGE = _definition("ImageSummary", _bind_image)
_AUDIO = _definition("AudioSummaryV2", _bind_audio)
_TEXT = _definition("TensorSummaryV2", _bind_text)
_MERGE = Definition("MergeSummary", fixed(dtypes.string, ()), _merge, gradient=not_differentiable)
