"""Losses in the order of arguments that they had before `tf.losses`.

Source: the ``tf.contrib.losses`` documentation.
"""

from collections.abc import Callable
from typing import Any

from runtime.contrib.framework.arguments import add_arg_scope
from runtime.graph import losses as core
from runtime.graph.convert import TensorLike
from runtime.graph.export import F, export
from runtime.graph.keys import GraphKeys
from runtime.graph.tensor import Tensor


def _both(name: str) -> Callable[[F], F]:
    return export(f"contrib.losses.{name}", f"contrib.slim.losses.{name}")


for _name in ("get_losses", "get_regularization_losses"):
    _both(_name)(getattr(core, _name))


@_both("add_loss")
@add_arg_scope
def add_loss(loss: Tensor, loss_collection: str | None = GraphKeys.LOSSES) -> None:
    """Adds a loss to a collection.

    Args:
        loss: The loss.
        loss_collection: The collection; nothing is done if None.
    """
    core.add_loss(loss, loss_collection)


@_both("compute_weighted_loss")
def compute_weighted_loss(
    losses: TensorLike, weights: Any = 1.0, scope: str | None = None
) -> Tensor:
    """The mean of losses over those with a weight other than 0, added to LOSSES.

    Args:
        losses: The losses.
        weights: Their weights, broadcast to them.
        scope: Name of the scope of the operations.

    Returns:
        A scalar.
    """
    return core.compute_weighted_loss(losses, weights, scope)


@_both("get_total_loss")
def get_total_loss(add_regularization_losses: bool = True, name: str = "total_loss") -> Tensor:
    """The sum of all losses.

    Args:
        add_regularization_losses: Whether REGULARIZATION_LOSSES are added to LOSSES.
        name: Name of the operation.

    Returns:
        A scalar.
    """
    return core.get_total_loss(add_regularization_losses, name)


@_both("absolute_difference")
def absolute_difference(
    predictions: TensorLike, labels: TensorLike = None, weights: Any = 1.0, scope: str | None = None
) -> Tensor:
    """The mean distance of predictions and labels, added to LOSSES.

    Args:
        predictions: What was predicted.
        labels: What was to be predicted.
        weights: Weights, broadcast to the labels.
        scope: Name of the scope of the operations.

    Returns:
        A scalar.
    """
    return core.absolute_difference(labels, predictions, weights, scope)


@_both("sigmoid_cross_entropy")
def sigmoid_cross_entropy(
    logits: TensorLike,
    multi_class_labels: TensorLike,
    weights: Any = 1.0,
    label_smoothing: float = 0,
    scope: str | None = None,
) -> Tensor:
    """The cross entropy of independent classes, added to LOSSES.

    Args:
        logits: The log-odds of the classes.
        multi_class_labels: 1 for classes that are the case, else 0.
        weights: Weights, broadcast to the labels.
        label_smoothing: How far labels are moved towards 1/2.
        scope: Name of the scope of the operations.

    Returns:
        A scalar.
    """
    return core.sigmoid_cross_entropy(multi_class_labels, logits, weights, label_smoothing, scope)


@_both("softmax_cross_entropy")
def softmax_cross_entropy(
    logits: TensorLike,
    onehot_labels: TensorLike,
    weights: Any = 1.0,
    label_smoothing: float = 0,
    scope: str | None = None,
) -> Tensor:
    """The cross entropy of classes of which one is the case, added to LOSSES.

    Args:
        logits: ``[batch, classes]``.
        onehot_labels: The same shape: the probabilities of the classes.
        weights: Weights, broadcast to the batch.
        label_smoothing: How far labels are moved towards equal ones.
        scope: Name of the scope of the operations.

    Returns:
        A scalar.
    """
    return core.softmax_cross_entropy(onehot_labels, logits, weights, label_smoothing, scope)


@_both("sparse_softmax_cross_entropy")
def sparse_softmax_cross_entropy(
    logits: TensorLike, labels: TensorLike, weights: Any = 1.0, scope: str | None = None
) -> Tensor:
    """The cross entropy of classes of which one is the case, added to LOSSES.

    Args:
        logits: ``[batch, classes]``.
        labels: The numbers of the classes.
        weights: Weights, broadcast to the batch.
        scope: Name of the scope of the operations.

    Returns:
        A scalar.
    """
    return core.sparse_softmax_cross_entropy(labels, logits, weights, scope)


@_both("log_loss")
def log_loss(
    predictions: TensorLike,
    labels: TensorLike = None,
    weights: Any = 1.0,
    epsilon: float = 1e-07,
    scope: str | None = None,
) -> Tensor:
    """The mean negative log-likelihood of labels, added to LOSSES.

    Args:
        predictions: Probabilities.
        labels: 1 for what is the case, else 0.
        weights: Weights, broadcast to the labels.
        epsilon: What is added to probabilities, against log(0).
        scope: Name of the scope of the operations.

    Returns:
        A scalar.
    """
    return core.log_loss(labels, predictions, weights, epsilon, scope)


@_both("hinge_loss")
def hinge_loss(logits: TensorLike, labels: TensorLike = None, scope: str | None = None) -> Tensor:
    """The hinge loss of each element; it is added to no collection.

    Args:
        logits: What was predicted.
        labels: 1 for what is the case, else 0.
        scope: Name of the scope of the operations.

    Returns:
        A tensor of the shape of the logits.
    """
    none = core.Reduction.NONE
    return core.hinge_loss(labels, logits, scope=scope, loss_collection=None, reduction=none)


@_both("mean_squared_error")
def mean_squared_error(
    predictions: TensorLike, labels: TensorLike = None, weights: Any = 1.0, scope: str | None = None
) -> Tensor:
    """The mean squared distance of predictions and labels, added to LOSSES.

    Args:
        predictions: What was predicted.
        labels: What was to be predicted.
        weights: Weights, broadcast to the labels.
        scope: Name of the scope of the operations.

    Returns:
        A scalar.
    """
    return core.mean_squared_error(labels, predictions, weights, scope)


@_both("mean_pairwise_squared_error")
def mean_pairwise_squared_error(
    predictions: TensorLike, labels: TensorLike = None, weights: Any = 1.0, scope: str | None = None
) -> Tensor:
    """How much differences between pairs of elements are off, added to LOSSES.

    Args:
        predictions: What was predicted.
        labels: What was to be predicted.
        weights: Weights, broadcast to the batch.
        scope: Name of the scope of the operations.

    Returns:
        A scalar.
    """
    return core.mean_pairwise_squared_error(labels, predictions, weights, scope)


@_both("cosine_distance")
def cosine_distance(
    predictions: TensorLike,
    labels: TensorLike = None,
    axis: int | None = None,
    weights: Any = 1.0,
    scope: str | None = None,
    dim: int | None = None,
) -> Tensor:
    """1 less the cosine of the angle of predictions and labels, added to LOSSES.

    Args:
        predictions: Vectors of length 1.
        labels: Vectors of length 1.
        axis: The axis of the vectors.
        weights: Weights, broadcast to the others.
        scope: Name of the scope of the operations.
        dim: The old name of `axis`.

    Returns:
        A scalar.
    """
    return core.cosine_distance(labels, predictions, axis, weights, scope, dim=dim)
