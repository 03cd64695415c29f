"""Linear-chain conditional random fields.

Source: the ``tf.contrib.crf`` documentation; Lafferty et al., "Conditional Random Fields:
Probabilistic Models for Segmenting and Labeling Sequence Data" (2001).
"""

from typing import Any

import numpy as np

from runtime.graph import dtypes
from runtime.graph.convert import TensorLike, convert_to_tensor
from runtime.graph.definition import Definition, Spec, View, not_differentiable
from runtime.graph.export import export
from runtime.graph.ops.array import expand_dims, gather, one_hot, reshape, shape
from runtime.graph.ops.layout import sequence_mask
from runtime.graph.ops.math import maximum
from runtime.graph.ops.reduction import reduce_sum
from runtime.graph.scopes import get_variable
from runtime.graph.shapes import Incompatible, described
from runtime.graph.tensor import Tensor

Array = Any  # of floating-point numbers or integers


# The sum over all sequences of tags, and its slope: how likely each tag and pair of tags is.


def _log_sum(values: Array, axis: int) -> Array:
    most = values.max(axis, keepdims=True)
    most = np.where(np.isfinite(most), most, 0)
    summed = np.log(np.exp(values - most).sum(axis))
    return summed + most.squeeze(axis)


def _forward(x: Array, transitions: Array, lengths: Array) -> Array:
    """The log of the sum over all beginnings that end in each tag: ``[time, batch, tags]``."""
    found = np.empty((x.shape[1], x.shape[0], x.shape[2]), x.dtype)
    found[0] = x[:, 0]
    for time in range(1, len(found)):
        going_on = _log_sum(found[time - 1][:, :, None] + transitions, 1) + x[:, time]
        found[time] = np.where((time < lengths)[:, None], going_on, found[time - 1])
    return found


def _log_norm(x: Array, transitions: Array, lengths: Array) -> Array:
    if not x.shape[1]:
        return np.zeros(len(x), x.dtype)
    total = _log_sum(_forward(x, transitions, lengths)[-1], 1)
    return np.where(lengths > 0, total, 0).astype(x.dtype)


def _marginals(dy: Array, x: Array, transitions: Array, lengths: Array) -> tuple[Array, Array]:
    """Probabilities of tags at each place, and sums of those of pairs, both times the slope."""
    tags, pairs = np.zeros_like(x), np.zeros_like(transitions)
    if not x.shape[1]:
        return tags, pairs
    forward = _forward(x, transitions, lengths)
    total = _log_sum(forward[-1], 1)[:, None]
    weights = np.where(lengths > 0, dy, 0)
    backward = np.zeros((len(x), x.shape[2]), x.dtype)
    for time in range(x.shape[1] - 1, -1, -1):
        here = (time < lengths)[:, None]
        share = np.where(here, np.exp(forward[time] + backward - total), 0)
        tags[:, time] = share * weights[:, None]
        if time:
            ahead = transitions + (x[:, time] + backward)[:, None, :]
            joint = np.exp(forward[time - 1][:, :, None] + ahead - total[:, :, None])
            joint = np.where(here[:, :, None], joint, 0)
            pairs += np.einsum("bij,b->ij", joint, weights)
            backward = np.where(here, _log_sum(ahead, 2), backward)
    return tags, pairs


def _checked_spec(view: View, found: tuple[Any, ...]) -> Spec:
    dims, square = view.inputs[0].dims, view.inputs[1].dims
    if dims is not None and len(dims) != 3:
        raise Incompatible(f"inputs must be [batch, time, tags], not {described(dims)}")
    if square is not None and len(square) != 2:
        raise Incompatible(f"transition_params must be a matrix, not {described(square)}")
    kept = None if dims is None else tuple(dims[axis] for axis in found)
    return Spec(view.first.dtype, kept)


LOG_NORM_SLOPE = Definition(
    "CrfLogNormGrad",
    lambda view: tuple(Spec(spec.dtype, spec.dims) for spec in view.inputs[1:3]),
    _marginals,
)
LOG_NORM = Definition(
    "CrfLogNorm",
    lambda view: _checked_spec(view, (0,)),
    _log_norm,
    gradient=lambda op, dy: [*LOG_NORM_SLOPE(dy, *op.inputs), None],
)


def _given(
    inputs: TensorLike, lengths: TensorLike, transitions: TensorLike
) -> tuple[Tensor, Tensor, Tensor]:
    x = convert_to_tensor(inputs)
    return x, convert_to_tensor(transitions, x.dtype), convert_to_tensor(lengths)


@export("contrib.crf.crf_log_norm")
def crf_log_norm(
    inputs: TensorLike, sequence_lengths: TensorLike, transition_params: TensorLike
) -> Tensor:
    """The logarithm of the sum over all sequences of tags of the exponential of their score.

    Args:
        inputs: ``[batch, time, tags]``: the scores of tags.
        sequence_lengths: ``[batch]``: the length of each example.
        transition_params: ``[tags, tags]``: the scores of pairs of neighbouring tags.

    Returns:
        ``[batch]``; 0 for empty sequences.
    """
    result: Tensor = LOG_NORM(*_given(inputs, sequence_lengths, transition_params))
    return result


@export("contrib.crf.crf_unary_score")
def crf_unary_score(
    tag_indices: TensorLike, sequence_lengths: TensorLike, inputs: TensorLike
) -> Tensor:
    """The sum of the scores of the tags of sequences.

    Args:
        tag_indices: ``[batch, time]``: the tags.
        sequence_lengths: ``[batch]``: the length of each example.
        inputs: ``[batch, time, tags]``: the scores of tags.

    Returns:
        ``[batch]``.
    """
    scores = convert_to_tensor(inputs)
    chosen = one_hot(convert_to_tensor(tag_indices), shape(scores)[2], dtype=scores.dtype)
    mask = sequence_mask(convert_to_tensor(sequence_lengths), shape(scores)[1], scores.dtype)
    return reduce_sum(scores * chosen * expand_dims(mask, 2), [1, 2])


@export("contrib.crf.crf_binary_score")
def crf_binary_score(
    tag_indices: TensorLike, sequence_lengths: TensorLike, transition_params: TensorLike
) -> Tensor:
    """The sum of the scores of the pairs of neighbouring tags of sequences.

    Args:
        tag_indices: ``[batch, time]``: the tags.
        sequence_lengths: ``[batch]``: the length of each example.
        transition_params: ``[tags, tags]``: the scores of pairs.

    Returns:
        ``[batch]``.
    """
    pairs, tags = convert_to_tensor(transition_params), convert_to_tensor(tag_indices)
    count = shape(pairs)[1] if tags.dtype is dtypes.int32 else pairs.shape.as_list()[1]
    places = tags[:, :-1] * count + tags[:, 1:]
    mask = sequence_mask(
        maximum(convert_to_tensor(sequence_lengths) - 1, 0), shape(places)[1], pairs.dtype
    )
    return reduce_sum(gather(reshape(pairs, [-1]), places) * mask, 1)


@export("contrib.crf.crf_sequence_score")
def crf_sequence_score(
    inputs: TensorLike,
    tag_indices: TensorLike,
    sequence_lengths: TensorLike,
    transition_params: TensorLike,
) -> Tensor:
    """The scores of sequences of tags.

    Args:
        inputs: ``[batch, time, tags]``: the scores of tags.
        tag_indices: ``[batch, time]``: the tags.
        sequence_lengths: ``[batch]``: the length of each example.
        transition_params: ``[tags, tags]``: the scores of pairs of neighbouring tags.

    Returns:
        ``[batch]``; 0 for empty sequences.
    """
    unary = crf_unary_score(tag_indices, sequence_lengths, inputs)
    return unary + crf_binary_score(tag_indices, sequence_lengths, transition_params)


@export("contrib.crf.crf_log_likelihood")
def crf_log_likelihood(
    inputs: TensorLike,
    tag_indices: TensorLike,
    sequence_lengths: TensorLike,
    transition_params: TensorLike = None,
) -> tuple[Tensor, Any]:
    """The log-likelihood of sequences of tags.

    Args:
        inputs: ``[batch, time, tags]``: the scores of tags.
        tag_indices: ``[batch, time]``: the tags.
        sequence_lengths: ``[batch]``: the length of each example.
        transition_params: ``[tags, tags]``: the scores of pairs of neighbouring tags; a new
            variable ``transitions`` if None.

    Returns:
        ``[batch]``, and the scores of pairs.

    Raises:
        ValueError: If the number of tags is not known but has to be.
    """
    scores = convert_to_tensor(inputs)
    if transition_params is None:
        tags = None if scores.dims is None else scores.dims[2]
        if tags is None:
            raise ValueError(
                f"crf_log_likelihood needs to know the number of tags of {scores.name!r} of shape "
                f"{scores.shape}; use set_shape, or give transition_params."
            )
        transition_params = get_variable("transitions", [tags, tags], scores.dtype)
    score = crf_sequence_score(scores, tag_indices, sequence_lengths, transition_params)
    return score - crf_log_norm(scores, sequence_lengths, transition_params), transition_params


# The best sequence.


def _best(x: Array, transitions: Array, lengths: Array) -> Array:
    batch, time, _ = x.shape
    tags, rows = np.zeros((batch, time), np.int32), np.arange(batch)
    if not time:
        return tags
    score, before = x[:, 0], []
    for place in range(1, time):
        options = score[:, :, None] + transitions
        before.append(options.argmax(1))
        going_on = options.max(1) + x[:, place]
        score = np.where((place < lengths)[:, None], going_on, score)
    tag = score.argmax(1)
    for place in range(time - 1, -1, -1):
        here = place < lengths
        tags[:, place] = np.where(here, tag, 0)
        if place:
            tag = np.where(here, before[place - 1][rows, tag], tag)
    return tags


DECODE = Definition(
    "CrfDecode",
    lambda view: Spec(dtypes.int32, _checked_spec(view, (0, 1)).dims),
    _best,
    gradient=not_differentiable,
)


@export("contrib.crf.crf_decode")
def crf_decode(
    potentials: TensorLike, transition_params: TensorLike, sequence_length: TensorLike
) -> tuple[Tensor, Tensor]:
    """The best sequences of tags.

    Args:
        potentials: ``[batch, time, tags]``: the scores of tags.
        transition_params: ``[tags, tags]``: the scores of pairs of neighbouring tags.
        sequence_length: ``[batch]``: the length of each example.

    Returns:
        ``[batch, time]`` of int32: the tags, 0 beyond the end; and ``[batch]``: their scores.
    """
    x, pairs, lengths = _given(potentials, sequence_length, transition_params)
    tags = DECODE(x, pairs, lengths)
    return tags, crf_sequence_score(x, tags, lengths, pairs)


@export("contrib.crf.viterbi_decode")
def viterbi_decode(score: Array, transition_params: Array) -> tuple[list[int], Any]:
    """The best sequence of tags of an array, outside of the graph.

    Args:
        score: ``[time, tags]``: the scores of tags.
        transition_params: ``[tags, tags]``: the scores of pairs of neighbouring tags.

    Returns:
        The tags, and their score.
    """
    x, pairs = np.asarray(score), np.asarray(transition_params)
    tags = _best(x[None], pairs, np.array([len(x)]))[0].tolist()
    total = x[np.arange(len(x)), tags].sum() + pairs[tags[:-1], tags[1:]].sum()
    return tags, total
