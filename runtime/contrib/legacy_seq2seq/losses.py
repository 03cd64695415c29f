"""Losses of lists of predictions, and models for several lengths.

Source: the ``tf.contrib.legacy_seq2seq`` documentation.
"""

from collections.abc import Callable, Sequence
from typing import Any

from runtime.graph.convert import TensorLike, convert_to_tensor
from runtime.graph.export import export
from runtime.graph.graph import get_default_graph
from runtime.graph.ops.array import reshape, shape
from runtime.graph.ops.math import add_n, cast
from runtime.graph.ops.nn import sparse_softmax_cross_entropy_with_logits
from runtime.graph.ops.reduction import reduce_sum
from runtime.graph.scopes import get_variable_scope, variable_scope
from runtime.graph.tensor import Tensor

Loss = Callable[..., Tensor]


@export("contrib.legacy_seq2seq.sequence_loss_by_example")
def sequence_loss_by_example(
    logits: Sequence[TensorLike],
    targets: Sequence[TensorLike],
    weights: Sequence[TensorLike],
    average_across_timesteps: bool = True,
    softmax_loss_function: Loss | None = None,
    name: str | None = None,
) -> Tensor:
    """The cross entropy of each example's symbols.

    Args:
        logits: A list of ``[batch, symbols]``, one for each step.
        targets: A list of ``[batch]``: the symbols that were to come.
        weights: A list of ``[batch]``: how much each symbol counts.
        average_across_timesteps: Whether the sum is divided by that of the weights.
        softmax_loss_function: A function of ``labels`` and ``logits``; the cross entropy if None.
        name: Name of the scope of the operations.

    Returns:
        ``[batch]``.

    Raises:
        ValueError: If the lists are not of one length.
    """
    if not len(logits) == len(targets) == len(weights):
        raise ValueError(
            "Lengths of logits, weights, and targets must be the same "
            f"{len(logits)}, {len(weights)}, {len(targets)}."
        )
    entropy = softmax_loss_function or sparse_softmax_cross_entropy_with_logits
    with get_default_graph().name_scope(name or "sequence_loss_by_example"):
        each = []
        for logit, target, weight in zip(logits, targets, weights, strict=True):
            labels = reshape(target, [-1]) if softmax_loss_function is None else target
            each.append(entropy(labels=labels, logits=logit) * weight)
        total = add_n(each)
        if average_across_timesteps:
            total = total / (add_n([convert_to_tensor(weight) for weight in weights]) + 1e-12)
        return total


@export("contrib.legacy_seq2seq.sequence_loss")
def sequence_loss(
    logits: Sequence[TensorLike],
    targets: Sequence[TensorLike],
    weights: Sequence[TensorLike],
    average_across_timesteps: bool = True,
    average_across_batch: bool = True,
    softmax_loss_function: Loss | None = None,
    name: str | None = None,
) -> Tensor:
    """The cross entropy of symbols.

    Args:
        logits: A list of ``[batch, symbols]``, one for each step.
        targets: A list of ``[batch]``: the symbols that were to come.
        weights: A list of ``[batch]``: how much each symbol counts.
        average_across_timesteps: Whether each example's sum is divided by that of its weights.
        average_across_batch: Whether the sum is divided by the number of examples.
        softmax_loss_function: A function of ``labels`` and ``logits``; the cross entropy if None.
        name: Name of the scope of the operations.

    Returns:
        A scalar.

    Raises:
        ValueError: If the lists are not of one length.
    """
    with get_default_graph().name_scope(name or "sequence_loss"):
        cost = reduce_sum(
            sequence_loss_by_example(
                logits, targets, weights, average_across_timesteps, softmax_loss_function
            )
        )
        return cost / cast(shape(targets[0])[0], cost.dtype) if average_across_batch else cost


@export("contrib.legacy_seq2seq.model_with_buckets")
def model_with_buckets(
    encoder_inputs: Sequence[TensorLike],
    decoder_inputs: Sequence[TensorLike],
    targets: Sequence[TensorLike],
    weights: Sequence[TensorLike],
    buckets: Sequence[tuple[int, int]],
    seq2seq: Callable[..., tuple[Any, Any]],
    softmax_loss_function: Loss | None = None,
    per_example_loss: bool = False,
    name: str | None = None,
) -> tuple[list[Any], list[Tensor]]:
    """A model for each of several lengths, with the same variables.

    Args:
        encoder_inputs: The inputs of the longest encoder.
        decoder_inputs: The inputs of the longest decoder.
        targets: The symbols that are to come.
        weights: How much they count.
        buckets: Lengths of encoders and decoders, the longest last.
        seq2seq: Makes a model of a list of inputs for the encoder and one for the decoder; gives
            the outputs and the last state.
        softmax_loss_function: As for `sequence_loss`.
        per_example_loss: Whether the losses are those of the examples.
        name: Name of the scope of the operations.

    Returns:
        The outputs and the losses, for each length.

    Raises:
        ValueError: If a list is shorter than the longest length.
    """
    longest = buckets[-1]
    for given, needed, what in (
        (encoder_inputs, longest[0], "encoder_inputs"),
        (targets, longest[1], "targets"),
        (weights, longest[1], "weights"),
    ):
        if len(given) < needed:
            raise ValueError(
                f"Length of {what} ({len(given)}) must be at least that of last bucket ({needed})."
            )
    loss = sequence_loss_by_example if per_example_loss else sequence_loss
    outputs, losses = [], []
    with get_default_graph().name_scope(name or "model_with_buckets"):
        for number, (before, after) in enumerate(buckets):
            with variable_scope(get_variable_scope(), reuse=True if number else None):
                made, _ = seq2seq(encoder_inputs[:before], decoder_inputs[:after])
                outputs.append(made)
                wanted = targets[:after], weights[:after]
                losses.append(loss(made, *wanted, softmax_loss_function=softmax_loss_function))
    return outputs, losses
