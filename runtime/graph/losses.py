"""Losses: weighted, reduced to a scalar, and collected.

Source: the ``tf.compat.v1.losses`` module documentation.
"""

from collections.abc import Callable
from typing import Any

from runtime.graph.convert import TensorLike, constant, convert_to_tensor
from runtime.graph.dtypes import float32
from runtime.graph.export import export
from runtime.graph.graph import get_default_graph
from runtime.graph.keys import GraphKeys
from runtime.graph.ops.activation import relu
from runtime.graph.ops.array import shape, size, stop_gradient, where
from runtime.graph.ops.math import (
    add_n,
    cast,
    div_no_nan,
    log,
    maximum,
    minimum,
    multiply,
    not_equal,
    square,
    squared_difference,
    subtract,
)
from runtime.graph.ops.nn import (
    sigmoid_cross_entropy_with_logits,
    softmax_cross_entropy_with_logits_v2,
    sparse_softmax_cross_entropy_with_logits,
)
from runtime.graph.ops.reduction import reduce_sum
from runtime.graph.ops.rules import rank_of, renamed
from runtime.graph.tensor import Tensor
from runtime.graph.weights import check_shapes, fitting, given, spread_over, without_last_axis

_LOSSES = GraphKeys.LOSSES


@export("losses.Reduction")
class Reduction:
    """How losses are reduced to a scalar."""

    NONE = "none"
    SUM = "weighted_sum"
    SUM_OVER_BATCH_SIZE = "weighted_sum_over_batch_size"
    MEAN = "weighted_mean"
    SUM_BY_NONZERO_WEIGHTS = "weighted_sum_by_nonzero_weights"
    SUM_OVER_NONZERO_WEIGHTS = SUM_BY_NONZERO_WEIGHTS

    @classmethod
    def all(cls) -> tuple[str, ...]:
        """All ways."""
        return (
            cls.NONE,
            cls.SUM,
            cls.MEAN,
            cls.SUM_OVER_BATCH_SIZE,
            cls.SUM_OVER_NONZERO_WEIGHTS,
            cls.SUM_BY_NONZERO_WEIGHTS,
        )

    @classmethod
    def validate(cls, key: str) -> None:
        """Checks a way.

        Args:
            key: The way.

        Raises:
            ValueError: If it is none of them.
        """
        if key not in cls.all():
            raise ValueError(f"Invalid reduction {key!r}; use one of {', '.join(set(cls.all()))}.")


_MEAN = Reduction.SUM_BY_NONZERO_WEIGHTS


def _present(losses: Tensor, weights: Tensor) -> Tensor:
    """1 for each loss whose weight is not 0."""
    return spread_over(cast(not_equal(weights, 0.0), float32), losses)


def _divisor(losses: Tensor, weights: Tensor, reduction: str) -> Tensor:
    if reduction == Reduction.MEAN:
        return reduce_sum(spread_over(weights, losses))
    if reduction == Reduction.SUM_OVER_BATCH_SIZE:
        return cast(size(losses), float32)
    if not weights.dims and weights.spec.value is not None and weights.spec.value != 0:
        return cast(size(losses), float32)
    return reduce_sum(_present(losses, weights))


@export("losses.compute_weighted_loss")
def compute_weighted_loss(
    losses: TensorLike,
    weights: TensorLike = 1.0,
    scope: str | None = None,
    loss_collection: str | None = _LOSSES,
    reduction: str = _MEAN,
) -> Tensor:
    """Weighs losses and reduces them.

    Args:
        losses: The losses.
        weights: A scalar, or a tensor whose sizes are 1 or those of the losses.
        scope: Name of the scope of the operations.
        loss_collection: The collection that the result is added to; None for none.
        reduction: How they are reduced.

    Returns:
        A scalar; a tensor of the losses' shape if they are not reduced.

    Raises:
        ValueError: If the weights don't fit.
    """
    Reduction.validate(reduction)
    with get_default_graph().name_scope(scope or "weighted_loss"):
        tensor = convert_to_tensor(losses)
        wide, factors = cast(tensor, float32), fitting(weights, tensor)
        result = multiply(wide, factors)
        if reduction != Reduction.NONE:
            total = reduce_sum(result)
            if reduction == Reduction.SUM:
                result = total
            else:
                divisor = _divisor(wide, factors, reduction)
                result = div_no_nan(total, divisor, name="value")
        result = cast(result, tensor.dtype)
        add_loss(result, loss_collection)
        return result


@export("losses.add_loss")
def add_loss(loss: Tensor, loss_collection: str | None = _LOSSES) -> None:
    """Adds a loss to a collection.

    Args:
        loss: The loss.
        loss_collection: The collection; None for none.
    """
    if loss_collection:
        get_default_graph().add_to_collection(loss_collection, loss)


@export("losses.get_losses")
def get_losses(scope: str | None = None, loss_collection: str = _LOSSES) -> list[Any]:
    """The losses of a collection.

    Args:
        scope: What their names must begin with.
        loss_collection: The collection.

    Returns:
        A list.
    """
    return get_default_graph().get_collection(loss_collection, scope)


@export("losses.get_regularization_losses")
def get_regularization_losses(scope: str | None = None) -> list[Any]:
    """The losses that regularizers gave.

    Args:
        scope: What their names must begin with.

    Returns:
        A list.
    """
    return get_default_graph().get_collection(GraphKeys.REGULARIZATION_LOSSES, scope)


@export("losses.get_regularization_loss")
def get_regularization_loss(
    scope: str | None = None, name: str = "total_regularization_loss"
) -> Tensor:
    """The sum of the losses that regularizers gave.

    Args:
        scope: What their names must begin with.
        name: Name of the operation.

    Returns:
        A scalar; 0 if there are none.
    """
    losses = get_regularization_losses(scope)
    return add_n(losses, name=name) if losses else constant(0.0)


@export("losses.get_total_loss")
def get_total_loss(
    add_regularization_losses: bool = True, name: str = "total_loss", scope: str | None = None
) -> Tensor:
    """The sum of all losses.

    Args:
        add_regularization_losses: Whether those of regularizers are among them.
        name: Name of the operation.
        scope: What their names must begin with.

    Returns:
        A scalar.

    Raises:
        ValueError: If there are none.
    """
    losses = get_losses(scope)
    if add_regularization_losses:
        losses += get_regularization_losses(scope)
    return add_n(losses, name=name)


@export("nn.scale_regularization_loss")
def scale_regularization_loss(regularization_loss: TensorLike) -> Tensor:
    """The sum of a regularization loss; there is one copy of the model, among which it is shared.

    Args:
        regularization_loss: The loss.

    Returns:
        A scalar.
    """
    return reduce_sum(convert_to_tensor(regularization_loss))


@export("nn.compute_average_loss")
def compute_average_loss(
    per_example_loss: TensorLike,
    sample_weight: TensorLike = None,
    global_batch_size: TensorLike = None,
) -> Tensor:
    """The sum of the examples' losses, divided by the size of the batch.

    Args:
        per_example_loss: A loss for each example.
        sample_weight: A weight for each example.
        global_batch_size: The size of the batch; that of the losses if None.

    Returns:
        A scalar.
    """
    losses = convert_to_tensor(per_example_loss)
    if sample_weight is not None:
        losses = multiply(losses, convert_to_tensor(sample_weight, losses.dtype))
    batch = shape(losses)[0] if global_batch_size is None else global_batch_size
    return reduce_sum(losses) / cast(convert_to_tensor(batch), losses.dtype)


def _elementwise(
    function: Callable[[Tensor, Tensor], Tensor],
    labels: TensorLike,
    predictions: TensorLike,
    weights: TensorLike,
    scope: str | None,
    default: str,
    loss_collection: str | None,
    reduction: str,
    names: tuple[str, str] = ("labels", "predictions"),
) -> Tensor:
    """A loss of pairs of labels and predictions."""
    right, found = given(labels, predictions, names)
    with get_default_graph().name_scope(scope or default) as inside:
        right, found = cast(right, float32), cast(found, float32)
        check_shapes(found, right, " and ".join(reversed(names)), default)
        losses = function(right, found)
        return compute_weighted_loss(losses, weights, inside, loss_collection, reduction)


@export("losses.absolute_difference")
def absolute_difference(
    labels: TensorLike,
    predictions: TensorLike,
    weights: TensorLike = 1.0,
    scope: str | None = None,
    loss_collection: str | None = _LOSSES,
    reduction: str = _MEAN,
) -> Tensor:
    """The distance of predictions from labels.

    Args:
        labels: What is right.
        predictions: What was predicted, of the same shape.
        weights: A scalar, or a tensor whose sizes are 1 or those of the labels.
        scope: Name of the scope of the operations.
        loss_collection: The collection that the result is added to; None for none.
        reduction: How losses are reduced.

    Returns:
        A scalar, or a tensor if losses are not reduced.

    Raises:
        ValueError: If shapes don't fit.
    """
    return _elementwise(
        lambda y, x: abs(subtract(x, y)), labels, predictions, weights, scope,
        "absolute_difference", loss_collection, reduction,
    )  # fmt: skip


@export("losses.mean_squared_error")
def mean_squared_error(
    labels: TensorLike,
    predictions: TensorLike,
    weights: TensorLike = 1.0,
    scope: str | None = None,
    loss_collection: str | None = _LOSSES,
    reduction: str = _MEAN,
) -> Tensor:
    """The square of the distance of predictions from labels.

    Args:
        labels: What is right.
        predictions: What was predicted, of the same shape.
        weights: A scalar, or a tensor whose sizes are 1 or those of the labels.
        scope: Name of the scope of the operations.
        loss_collection: The collection that the result is added to; None for none.
        reduction: How losses are reduced.

    Returns:
        A scalar, or a tensor if losses are not reduced.

    Raises:
        ValueError: If shapes don't fit.
    """
    return _elementwise(
        lambda y, x: squared_difference(x, y), labels, predictions, weights, scope,
        "mean_squared_error", loss_collection, reduction,
    )  # fmt: skip


@export("losses.hinge_loss")
def hinge_loss(
    labels: TensorLike,
    logits: TensorLike,
    weights: TensorLike = 1.0,
    scope: str | None = None,
    loss_collection: str | None = _LOSSES,
    reduction: str = _MEAN,
) -> Tensor:
    """max(0, 1 - y · logits), where y is -1 or 1.

    Args:
        labels: What is right, 0 or 1.
        logits: What was predicted, of the same shape.
        weights: A scalar, or a tensor whose sizes are 1 or those of the labels.
        scope: Name of the scope of the operations.
        loss_collection: The collection that the result is added to; None for none.
        reduction: How losses are reduced.

    Returns:
        A scalar, or a tensor if losses are not reduced.

    Raises:
        ValueError: If shapes don't fit.
    """
    return _elementwise(
        lambda y, x: relu(1.0 - (2.0 * y - 1.0) * x), labels, logits, weights, scope,
        "hinge_loss", loss_collection, reduction, ("labels", "logits"),
    )  # fmt: skip


@export("losses.huber_loss")
def huber_loss(
    labels: TensorLike,
    predictions: TensorLike,
    weights: TensorLike = 1.0,
    delta: float = 1.0,
    scope: str | None = None,
    loss_collection: str | None = _LOSSES,
    reduction: str = _MEAN,
) -> Tensor:
    """Half the square of the distance; beyond `delta` linear.

    Args:
        labels: What is right.
        predictions: What was predicted, of the same shape.
        weights: A scalar, or a tensor whose sizes are 1 or those of the labels.
        delta: Where it becomes linear.
        scope: Name of the scope of the operations.
        loss_collection: The collection that the result is added to; None for none.
        reduction: How losses are reduced.

    Returns:
        A scalar, or a tensor if losses are not reduced.

    Raises:
        ValueError: If shapes don't fit.
    """

    def huber(y: Tensor, x: Tensor) -> Tensor:
        distance = abs(subtract(x, y))
        near = minimum(distance, delta)
        return 0.5 * near * near + delta * (distance - near)

    return _elementwise(
        huber, labels, predictions, weights, scope, "huber_loss", loss_collection, reduction
    )


@export("losses.log_loss")
def log_loss(
    labels: TensorLike,
    predictions: TensorLike,
    weights: TensorLike = 1.0,
    epsilon: float = 1e-7,
    scope: str | None = None,
    loss_collection: str | None = _LOSSES,
    reduction: str = _MEAN,
) -> Tensor:
    """The cross entropy of predicted probabilities.

    Args:
        labels: What is right.
        predictions: Probabilities, of the same shape.
        weights: A scalar, or a tensor whose sizes are 1 or those of the labels.
        epsilon: What is added to probabilities, against the logarithm of 0.
        scope: Name of the scope of the operations.
        loss_collection: The collection that the result is added to; None for none.
        reduction: How losses are reduced.

    Returns:
        A scalar, or a tensor if losses are not reduced.

    Raises:
        ValueError: If shapes don't fit.
    """
    return _elementwise(
        lambda y, x: -(y * log(x + epsilon)) - (1.0 - y) * log(1.0 - x + epsilon),
        labels, predictions, weights, scope, "log_loss", loss_collection, reduction,
    )  # fmt: skip


@export("losses.cosine_distance")
def cosine_distance(
    labels: TensorLike,
    predictions: TensorLike,
    axis: int | None = None,
    weights: TensorLike = 1.0,
    scope: str | None = None,
    loss_collection: str | None = _LOSSES,
    reduction: str = _MEAN,
    dim: int | None = None,
) -> Tensor:
    """1 - the inner product of vectors of length 1.

    Args:
        labels: What is right, of length 1 along the axis.
        predictions: What was predicted, of the same shape, of length 1 along the axis.
        axis: The axis of the vectors.
        weights: A scalar, or a tensor whose sizes are 1 or those of the labels.
        scope: Name of the scope of the operations.
        loss_collection: The collection that the result is added to; None for none.
        reduction: How losses are reduced.
        dim: The old name of `axis`.

    Returns:
        A scalar, or a tensor if losses are not reduced.

    Raises:
        ValueError: If shapes don't fit, or there is no axis.
    """
    chosen = renamed(axis, dim, "axis", "dim")
    if chosen is None:
        raise ValueError("You must specify argument `axis`.")
    return _elementwise(
        lambda y, x: 1.0 - reduce_sum(x * y, chosen, keepdims=True), labels, predictions,
        weights, scope, "cosine_distance_loss", loss_collection, reduction,
    )  # fmt: skip


@export("losses.mean_pairwise_squared_error")
def mean_pairwise_squared_error(
    labels: TensorLike,
    predictions: TensorLike,
    weights: TensorLike = 1.0,
    scope: str | None = None,
    loss_collection: str | None = _LOSSES,
) -> Tensor:
    """The squares of the differences between the errors of all pairs of elements of an example.

    Args:
        labels: What is right: ``[batch, …]``.
        predictions: What was predicted, of the same shape.
        weights: A scalar, or a weight for each example.
        scope: Name of the scope of the operations.
        loss_collection: The collection that the result is added to; None for none.

    Returns:
        A scalar.

    Raises:
        ValueError: If shapes don't fit.
    """
    right, found = given(labels, predictions)
    with get_default_graph().name_scope(scope or "mean_pairwise_squared_error"):
        check_shapes(found, right, "predictions and labels", "mean_pairwise_squared_error")
        apart = cast(found, float32) - cast(right, float32)
        axes = list(range(1, rank_of(apart, "mean_pairwise_squared_error")))
        factors = fitting(weights, apart)
        present = reduce_sum(_present(apart, factors), axes, keepdims=True)
        squares = reduce_sum(square(apart), axes, keepdims=True)
        total = reduce_sum(apart, axes, keepdims=True)
        each = div_no_nan(squares, maximum(present - 1.0, 0.0))
        both = div_no_nan(square(total), maximum(present * (present - 1.0), 0.0))
        loss = reduce_sum((each - both) * 2.0 * factors)
        result = where(reduce_sum(present) > 0, loss, loss * 0.0, name="value")
        add_loss(result, loss_collection)
        return result


def _with_logits(
    function: Callable[[Tensor, Tensor], Tensor],
    labels: Tensor,
    logits: Tensor,
    weights: TensorLike,
    scope: str | None,
    default: str,
    loss_collection: str | None,
    reduction: str,
) -> Tensor:
    with get_default_graph().name_scope(scope or default) as inside:
        losses = function(labels, logits)
        return compute_weighted_loss(losses, weights, inside, loss_collection, reduction)


@export("losses.sigmoid_cross_entropy")
def sigmoid_cross_entropy(
    multi_class_labels: TensorLike,
    logits: TensorLike,
    weights: TensorLike = 1.0,
    label_smoothing: float = 0,
    scope: str | None = None,
    loss_collection: str | None = _LOSSES,
    reduction: str = _MEAN,
) -> Tensor:
    """The cross entropy between labels and the sigmoid of logits.

    Args:
        multi_class_labels: What is right, from 0 to 1.
        logits: Unscaled log odds, of the same shape.
        weights: A scalar, or a tensor whose sizes are 1 or those of the labels.
        label_smoothing: How far labels are moved towards 1/2.
        scope: Name of the scope of the operations.
        loss_collection: The collection that the result is added to; None for none.
        reduction: How losses are reduced.

    Returns:
        A scalar, or a tensor if losses are not reduced.

    Raises:
        ValueError: If shapes don't fit.
    """
    right, scores = given(multi_class_labels, logits, ("multi_class_labels", "logits"))
    check_shapes(scores, right, "logits and labels", "sigmoid_cross_entropy")

    def function(y: Tensor, x: Tensor) -> Tensor:
        y = cast(y, x.dtype)
        if label_smoothing > 0:
            y = y * (1 - label_smoothing) + 0.5 * label_smoothing
        return sigmoid_cross_entropy_with_logits(labels=y, logits=x, name="xentropy")

    return _with_logits(
        function, right, scores, weights, scope, "sigmoid_cross_entropy_loss", loss_collection,
        reduction,
    )  # fmt: skip


@export("losses.softmax_cross_entropy")
def softmax_cross_entropy(
    onehot_labels: TensorLike,
    logits: TensorLike,
    weights: TensorLike = 1.0,
    label_smoothing: float = 0,
    scope: str | None = None,
    loss_collection: str | None = _LOSSES,
    reduction: str = _MEAN,
) -> Tensor:
    """The cross entropy between labels and the softmax of logits.

    Args:
        onehot_labels: Probabilities of the classes along the last axis.
        logits: Unscaled log probabilities, of the same shape.
        weights: A scalar, or a weight for each example.
        label_smoothing: How far labels are moved towards 1 / classes.
        scope: Name of the scope of the operations.
        loss_collection: The collection that the result is added to; None for none.
        reduction: How losses are reduced.

    Returns:
        A scalar, or a tensor if losses are not reduced.

    Raises:
        ValueError: If shapes don't fit.
    """
    right, scores = given(onehot_labels, logits, ("onehot_labels", "logits"))
    check_shapes(scores, right, "logits and labels", "softmax_cross_entropy")

    def function(y: Tensor, x: Tensor) -> Tensor:
        y = cast(y, x.dtype)
        if label_smoothing > 0:
            y = y * (1 - label_smoothing) + label_smoothing / _classes(y)
        return softmax_cross_entropy_with_logits_v2(stop_gradient(y), x, name="xentropy")

    return _with_logits(
        function, right, scores, weights, scope, "softmax_cross_entropy_loss", loss_collection,
        reduction,
    )  # fmt: skip


def _classes(labels: Tensor) -> Any:
    from runtime.graph.ops.array import shape

    known = None if labels.dims is None else labels.dims[-1]
    return cast(shape(labels)[-1], labels.dtype) if known is None else float(known)


@export("losses.sparse_softmax_cross_entropy")
def sparse_softmax_cross_entropy(
    labels: TensorLike,
    logits: TensorLike,
    weights: TensorLike = 1.0,
    scope: str | None = None,
    loss_collection: str | None = _LOSSES,
    reduction: str = _MEAN,
) -> Tensor:
    """The cross entropy between class numbers and the softmax of logits.

    Args:
        labels: Numbers of the classes.
        logits: Unscaled log probabilities, with one more axis, of the classes.
        weights: A scalar, or a tensor whose sizes are 1 or those of the labels.
        scope: Name of the scope of the operations.
        loss_collection: The collection that the result is added to; None for none.
        reduction: How losses are reduced.

    Returns:
        A scalar, or a tensor if losses are not reduced.

    Raises:
        ValueError: If shapes don't fit.
    """
    right, scores = given(labels, logits, ("labels", "logits"))
    right, scores = without_last_axis(right, scores, 1)
    return _with_logits(
        lambda y, x: sparse_softmax_cross_entropy_with_logits(labels=y, logits=x, name="xentropy"),
        right, scores, weights, scope, "sparse_softmax_cross_entropy_loss", loss_collection,
        reduction,
    )  # fmt: skip
