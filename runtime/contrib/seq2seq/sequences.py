"""The loss of sequences, and copies of them for the beams of a search.

Source: the ``tf.contrib.seq2seq`` documentation.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from runtime.graph import dtypes, nest
from runtime.graph.convert import TensorLike, convert_to_tensor
from runtime.graph.definition import Definition, not_differentiable
from runtime.graph.export import export
from runtime.graph.graph import get_default_graph
from runtime.graph.ops.array import concat, expand_dims, reshape, shape
from runtime.graph.ops.layout import tile
from runtime.graph.ops.math import cast
from runtime.graph.ops.nn import sparse_softmax_cross_entropy_with_logits
from runtime.graph.ops.reduction import reduce_sum
from runtime.graph.ops.rules import unchanged
from runtime.graph.tensor import Tensor

Array = Any  # of integers


def _ranked(name: str, tensor: Tensor, rank: int) -> None:
    if tensor.dims is not None and len(tensor.dims) != rank:
        raise ValueError(
            f"{name} must be of rank {rank}, but {tensor.name!r} has shape {tensor.shape}."
        )


@export("contrib.seq2seq.sequence_loss")
def sequence_loss(
    logits: TensorLike,
    targets: TensorLike,
    weights: TensorLike,
    average_across_timesteps: bool = True,
    average_across_batch: bool = True,
    sum_over_timesteps: bool = False,
    sum_over_batch: bool = False,
    softmax_loss_function: Callable[..., Tensor] | None = None,
    name: str | None = None,
) -> Tensor:
    """The cross entropy of the symbols of sequences.

    Args:
        logits: ``[batch, time, symbols]``.
        targets: ``[batch, time]``: the symbols that were to come.
        weights: ``[batch, time]``: how much each counts, for example 0 beyond a sequence's end.
        average_across_timesteps: Whether the sum over time is divided by that of the weights.
        average_across_batch: Whether the sum over examples is divided by that of the weights.
        sum_over_timesteps: Whether it is divided by the number of steps instead.
        sum_over_batch: Whether it is divided by the number of examples instead.
        softmax_loss_function: A function of ``labels`` and ``logits``; the cross entropy if None.
        name: Name of the scope of the operations.

    Returns:
        A scalar, if both axes are averaged over; ``[batch]`` or ``[time]`` for one of them, else
        ``[batch, time]``.

    Raises:
        ValueError: If ranks don't fit, or an axis is to be averaged and summed.
    """
    if average_across_timesteps and sum_over_timesteps:
        raise ValueError("average_across_timesteps and sum_over_timesteps cannot be set both.")
    if average_across_batch and sum_over_batch:
        raise ValueError("average_across_batch and sum_over_batch cannot be set both.")
    with get_default_graph().name_scope(name or "sequence_loss"):
        scores, labels = convert_to_tensor(logits), convert_to_tensor(targets)
        counts = convert_to_tensor(weights, scores.dtype)
        for what, tensor, rank in (
            ("Logits", scores, 3),
            ("Targets", labels, 2),
            ("Weights", counts, 2),
        ):
            _ranked(what, tensor, rank)
        entropy = softmax_loss_function or sparse_softmax_cross_entropy_with_logits
        flat = reshape(scores, [-1, scores.dims[2] if scores.dims else shape(scores)[2]])
        each = entropy(labels=reshape(labels, [-1]), logits=flat) * reshape(counts, [-1])
        losses = reshape(each, shape(scores)[:2])
        losses.set_shape(None if scores.dims is None else scores.dims[:2])
        axes = [
            axis
            for axis, wanted in (
                (0, average_across_batch or sum_over_batch),
                (1, average_across_timesteps or sum_over_timesteps),
            )
            if wanted
        ]
        if not axes:
            return losses
        if average_across_batch or average_across_timesteps:
            total = reduce_sum(counts, axes)
        else:
            total = cast(reduce_sum(counts * 0 + 1, axes), losses.dtype)
        return reduce_sum(losses, axes) / (total + 1e-12)


@export("contrib.seq2seq.tile_batch")
def tile_batch(t: Any, multiplier: int, name: str | None = None) -> Any:
    """Each example several times, for the beams of a search.

    Args:
        t: A tensor ``[batch, …]``, or a structure of such tensors.
        multiplier: How often.
        name: Name of the scope of the operations.

    Returns:
        The same structure with ``[batch · multiplier, …]``.
    """

    def tiled(given: TensorLike) -> Tensor:
        tensor = convert_to_tensor(given)
        if tensor.dims is None:
            raise ValueError(
                f"tile_batch needs to know the rank of {tensor.name!r}; use set_shape."
            )
        rest = len(tensor.dims) - 1
        many = tile(expand_dims(tensor, 1), [1, multiplier, *[1] * rest])
        made = reshape(many, concat([[-1], shape(tensor)[1:]], 0))
        batch = tensor.dims[0]
        made.set_shape([None if batch is None else batch * multiplier, *tensor.dims[1:]])
        return made

    with get_default_graph().name_scope(name or "tile_batch"):
        return nest.map_structure(tiled, t)


def _traced(steps: Array, parents: Array, lengths: Array, end: Array) -> Array:
    time, batch, width = steps.shape
    found = np.full_like(steps, end)
    rows = np.arange(batch)[:, None]
    beams = np.tile(np.arange(width), (batch, 1))
    for step in range(time - 1, -1, -1):
        running = (step < np.minimum(lengths, time))[:, None]
        found[step] = np.where(running, steps[step][rows, beams], found[step])
        beams = np.where(running, parents[step][rows, beams], beams)
        if running.any() and not ((beams >= 0) & (beams < width)).all():
            raise ValueError(f"parent ids must be in [0, {width})")
    over = np.cumsum(found == end, 0) - (found == end) > 0
    return np.where(over, end, found)


GATHER_TREE = Definition("GatherTree", unchanged, _traced, gradient=not_differentiable)


@export("contrib.seq2seq.gather_tree")
def gather_tree(
    step_ids: TensorLike,
    parent_ids: TensorLike,
    max_sequence_lengths: TensorLike,
    end_token: TensorLike,
    name: str | None = None,
) -> Tensor:
    """The sequences that a beam search found, from its steps.

    Args:
        step_ids: ``[time, batch, beams]``: the symbols of the steps.
        parent_ids: The same shape: from which beam of the step before each one comes.
        max_sequence_lengths: ``[batch]``: where the longest beam ends.
        end_token: The symbol that stands after the end.
        name: Name of the operation.

    Returns:
        ``[time, batch, beams]``: the symbols of each beam from the beginning.
    """
    steps = convert_to_tensor(step_ids)
    result: Tensor = GATHER_TREE(
        steps,
        convert_to_tensor(parent_ids),
        convert_to_tensor(max_sequence_lengths, dtypes.int32),
        convert_to_tensor(end_token, steps.dtype),
        name=name,
    )
    return result
