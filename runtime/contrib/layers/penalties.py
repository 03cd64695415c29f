"""Regularizers of `contrib.layers`.

Source: the documentation of ``tf.contrib.layers.apply_regularization``.
"""

import numbers
from collections.abc import Callable, Sequence
from typing import Any

from runtime.graph.convert import constant, convert_to_tensor
from runtime.graph.export import F, export
from runtime.graph.graph import get_default_graph
from runtime.graph.keys import GraphKeys
from runtime.graph.ops.math import absolute, add_n, multiply
from runtime.graph.ops.nn import l2_loss
from runtime.graph.ops.reduction import reduce_sum
from runtime.graph.tensor import Tensor

Regularizer = Callable[..., Tensor | None]


def _both(name: str) -> Callable[[F], F]:
    return export(
        f"contrib.layers.{name}", f"contrib.slim.{name}", f"contrib.slim.regularizers.{name}"
    )


def _checked(scale: Any, name: str) -> None:
    if isinstance(scale, numbers.Integral):
        raise ValueError(f"{name} cannot be an integer: {scale}. Write it as a float.")
    if isinstance(scale, float) and not 0.0 <= scale < float("inf"):
        raise ValueError(f"Setting a {name} of {scale} on a regularizer: it must not be negative.")


def _scaled(
    scale: Any, scope: str | None, kind: str, penalty: Callable[[Tensor], Tensor]
) -> Regularizer:
    _checked(scale, "scale")

    def regularizer(weights: Any, name: str | None = None) -> Tensor | None:
        if isinstance(scale, float) and scale == 0.0:
            return None
        with get_default_graph().name_scope(scope or kind) as opened:
            values = convert_to_tensor(weights)
            factor = convert_to_tensor(scale, values.dtype, name="scale")
            return multiply(factor, penalty(values), name=name or opened)

    return regularizer


@_both("l1_regularizer")
def l1_regularizer(scale: Any, scope: str | None = None) -> Regularizer:
    """A loss: the sum of the weights' magnitudes.

    Args:
        scale: Its factor: a float or a scalar tensor. There is no loss for 0.0.
        scope: Name of the scope of the operations.

    Returns:
        A function of the weights.

    Raises:
        ValueError: If the factor is an integer or negative.
    """
    return _scaled(scale, scope, "l1_regularizer", lambda weights: reduce_sum(absolute(weights)))


@_both("l2_regularizer")
def l2_regularizer(scale: Any, scope: str | None = None) -> Regularizer:
    """A loss: half of the sum of the weights' squares.

    Args:
        scale: Its factor: a float or a scalar tensor. There is no loss for 0.0.
        scope: Name of the scope of the operations.

    Returns:
        A function of the weights.

    Raises:
        ValueError: If the factor is an integer or negative.
    """
    return _scaled(scale, scope, "l2_regularizer", l2_loss)


@_both("l1_l2_regularizer")
def l1_l2_regularizer(
    scale_l1: Any = 1.0, scale_l2: Any = 1.0, scope: str | None = None
) -> Regularizer:
    """A loss: the sum of the weights' magnitudes and half of the sum of their squares.

    Args:
        scale_l1: The factor of the magnitudes.
        scale_l2: The factor of the squares.
        scope: Name of the scope of the operations.

    Returns:
        A function of the weights.

    Raises:
        ValueError: If a factor is an integer or negative.
    """
    _checked(scale_l1, "scale_l1")
    _checked(scale_l2, "scale_l2")
    parts = [l1_regularizer(scale_l1), l2_regularizer(scale_l2)]
    return sum_regularizer(parts, scope or "l1_l2_regularizer")


@_both("sum_regularizer")
def sum_regularizer(
    regularizer_list: Sequence[Regularizer | None], scope: str | None = None
) -> Regularizer:
    """The sum of several losses.

    Args:
        regularizer_list: The regularizers; None among them counts nothing.
        scope: Name of the scope of the operations.

    Returns:
        A function of the weights.
    """

    def regularizer(weights: Any) -> Tensor | None:
        with get_default_graph().name_scope(scope or "sum_regularizer") as opened:
            given = [part(weights) for part in regularizer_list if part is not None]
            losses = [loss for loss in given if loss is not None]
            return add_n(losses, name=opened) if losses else None

    return regularizer


@_both("apply_regularization")
def apply_regularization(
    regularizer: Regularizer, weights_list: Sequence[Any] | None = None
) -> Tensor:
    """The sum of the losses of several weights, which is added to REGULARIZATION_LOSSES.

    Args:
        regularizer: A function of weights that gives a loss.
        weights_list: The weights; the collection WEIGHTS if None.

    Returns:
        The sum.

    Raises:
        ValueError: If there are no weights, or a loss is not a scalar.
    """
    graph = get_default_graph()
    weights = weights_list or graph.get_collection(GraphKeys.WEIGHTS)
    if not weights:
        raise ValueError("No weights to regularize: give weights_list.")
    with graph.name_scope("get_regularization_penalty") as scope:
        found = [regularizer(w) for w in weights]
        losses = [constant(0.0) if loss is None else loss for loss in found]
        for loss in losses:
            if loss.dims not in (None, ()):
                raise ValueError(f"regularizer must return a scalar Tensor instead of {loss!r}.")
        total = add_n(losses, name=scope)
    graph.add_to_collection(GraphKeys.REGULARIZATION_LOSSES, total)
    return total
