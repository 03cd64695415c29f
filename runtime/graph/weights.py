"""How losses and metrics pair labels with predictions, and weights with both.

Source: the ``tf.compat.v1.losses`` and ``tf.compat.v1.metrics`` module documentation.
"""

from typing import Any

from runtime.graph.convert import TensorLike, convert_to_tensor
from runtime.graph.dtypes import float32
from runtime.graph.ops.array import expand_dims, squeeze
from runtime.graph.ops.math import cast, multiply
from runtime.graph.shapes import Dims, compatible, described
from runtime.graph.tensor import Tensor


def check_shapes(first: Tensor, second: Tensor, names: str, what: str) -> None:
    """Checks that two tensors can have the same shape.

    Args:
        first: A tensor.
        second: Another one.
        names: What they are called, for the message.
        what: The function, for the message.

    Raises:
        ValueError: If they can't.
    """
    if not compatible(first.dims, second.dims):
        raise ValueError(
            f"Shapes {described(first.dims)} and {described(second.dims)} are incompatible: "
            f"{names} of {what} must have the same shape."
        )


def given(labels: Any, predictions: Any, names: tuple[str, str] = ("labels", "predictions")) -> Any:
    """Labels and predictions as tensors.

    Args:
        labels: What is right.
        predictions: What was predicted.
        names: What they are called.

    Returns:
        Two tensors.

    Raises:
        ValueError: If one is None.
    """
    for value, name in zip((labels, predictions), names, strict=True):
        if value is None:
            raise ValueError(f"{name} must not be None.")
    return convert_to_tensor(labels), convert_to_tensor(predictions)


def without_last_axis(labels: Tensor, predictions: Tensor, difference: int = 0) -> Any:
    """Takes a last axis of size 1 away from the one of two tensors that has an axis too much.

    Args:
        labels: A tensor.
        predictions: A tensor.
        difference: How many axes more the predictions should have.

    Returns:
        Both tensors.
    """
    if labels.dims is None or predictions.dims is None:
        return labels, predictions
    excess = len(predictions.dims) - len(labels.dims) - difference
    if excess == 1 and predictions.dims[-1] in (1, None):
        return labels, squeeze(predictions, [-1])
    if excess == -1 and labels.dims[-1] in (1, None):
        return squeeze(labels, [-1]), predictions
    return labels, predictions


def fitting(weights: TensorLike, values: Tensor) -> Tensor:
    """Weights that broadcast to values: a scalar, or of sizes 1 or those of the values.

    Args:
        weights: The weights; their last axis of size 1 may be one too much or missing.
        values: What they weigh.

    Returns:
        The weights, as float32.

    Raises:
        ValueError: If they don't fit.
    """
    tensor = cast(convert_to_tensor(weights), float32)
    if not tensor.dims or values.dims is None:
        return tensor
    excess = len(tensor.dims) - len(values.dims)
    if excess == 1 and tensor.dims[-1] in (1, None):
        tensor = squeeze(tensor, [-1])
    elif excess == -1:
        tensor = expand_dims(tensor, -1)
    if not _fit(tensor.dims, values.dims):
        raise ValueError(
            f"weights can not be broadcast to values: weights of shape {described(tensor.dims)}, "
            f"values of shape {described(values.dims)}. Weights must be a scalar or have sizes 1 "
            "or those of the values."
        )
    return tensor


def _fit(weights: Dims, values: Dims) -> bool:
    if weights is None or values is None:
        return True
    if len(weights) != len(values):
        return False
    return all(w in (1, None, v) or v is None for w, v in zip(weights, values, strict=True))


def spread_over(weights: Tensor, values: Tensor) -> Tensor:
    """Weights broadcast to the shape of values.

    Args:
        weights: The weights.
        values: What they weigh.

    Returns:
        A tensor of the values' shape.
    """
    return multiply(weights, cast(values, weights.dtype) * 0 + 1)
