"""Metrics with the predictions first, as before `tf.metrics`.

Source: the ``tf.contrib.metrics`` documentation.
"""

import inspect
from collections.abc import Mapping
from typing import Any

from runtime.graph import dtypes, metrics
from runtime.graph.convert import TensorLike, convert_to_tensor
from runtime.graph.export import export
from runtime.graph.graph import get_default_graph
from runtime.graph.ops.indexing import confusion_matrix
from runtime.graph.ops.math import cast, equal
from runtime.graph.ops.reduction import reduce_mean
from runtime.graph.tensor import Tensor

# What `tf.metrics` calls them, by the names after ``streaming_``.
_RENAMED = {
    "mean": "mean",
    "mean_tensor": "mean_tensor",
    "percentage_less": "percentage_below",
    "accuracy": "accuracy",
    "auc": "auc",
    "false_negatives": "false_negatives",
    "false_positives": "false_positives",
    "mean_absolute_error": "mean_absolute_error",
    "mean_cosine_distance": "mean_cosine_distance",
    "mean_iou": "mean_iou",
    "mean_relative_error": "mean_relative_error",
    "mean_squared_error": "mean_squared_error",
    "precision": "precision",
    "precision_at_thresholds": "precision_at_thresholds",
    "recall": "recall",
    "recall_at_thresholds": "recall_at_thresholds",
    "root_mean_squared_error": "root_mean_squared_error",
    "sensitivity_at_specificity": "sensitivity_at_specificity",
    "specificity_at_sensitivity": "specificity_at_sensitivity",
    "true_negatives": "true_negatives",
    "true_positives": "true_positives",
    "sparse_recall_at_k": "recall_at_k",
    "sparse_precision_at_k": "precision_at_k",
}


def _predictions_first(name: str) -> Any:
    """A metric of `tf.metrics` that takes its first two arguments the other way round."""
    target = getattr(metrics, name)
    signature = inspect.signature(target)
    parameters = list(signature.parameters.values())
    turned = {p.name for p in parameters[:2]} == {"labels", "predictions"}
    if turned:
        parameters[:2] = reversed(parameters[:2])
    given = inspect.Signature(parameters)

    def metric(*args: Any, **kwargs: Any) -> tuple[Tensor, Any]:
        return target(**given.bind(*args, **kwargs).arguments)  # type: ignore[no-any-return]

    metric.__signature__ = given  # type: ignore[attr-defined]  # what inspect shows
    metric.__doc__ = target.__doc__
    metric.__module__ = __name__
    return metric


for _old, _new in _RENAMED.items():
    _made = _predictions_first(_new)
    _made.__name__ = _made.__qualname__ = f"streaming_{_old}"
    export(f"contrib.metrics.streaming_{_old}")(_made)


@export("contrib.metrics.accuracy")
def accuracy(
    predictions: TensorLike, labels: TensorLike, weights: Any = None, name: str | None = None
) -> Tensor:
    """The share of predictions that are right.

    Args:
        predictions: What was predicted.
        labels: What was to be predicted.
        weights: Their weights.
        name: Name of the scope of the operations.

    Returns:
        A scalar.

    Raises:
        ValueError: If both are of different types.
    """
    first, second = convert_to_tensor(predictions), convert_to_tensor(labels)
    if first.dtype is not second.dtype:
        raise ValueError(
            "Dtypes of predictions and labels should match: "
            f"{first.dtype.name} and {second.dtype.name}."
        )
    with get_default_graph().name_scope(name or "accuracy"):
        right = cast(equal(first, second), dtypes.float32)
        if weights is None:
            return reduce_mean(right)
        scaled = right * weights
        return reduce_mean(scaled) / reduce_mean(right * 0.0 + weights)


export("contrib.metrics.confusion_matrix")(confusion_matrix)


@export("contrib.metrics.aggregate_metrics")
def aggregate_metrics(*value_update_tuples: Any) -> tuple[list[Any], list[Any]]:
    """The values and the updates of several metrics.

    Args:
        *value_update_tuples: What metrics gave.

    Returns:
        A list of values and a list of updates.

    Raises:
        ValueError: If there are none.
    """
    if not value_update_tuples:
        raise ValueError("Expected at least one value_tensor/update_op pair.")
    values, updates = zip(*value_update_tuples, strict=True)
    return list(values), list(updates)


@export("contrib.metrics.aggregate_metric_map")
def aggregate_metric_map(
    names_to_tuples: Mapping[str, Any],
) -> tuple[dict[str, Any], dict[str, Any]]:
    """The values and the updates of several metrics, by names.

    Args:
        names_to_tuples: What metrics gave, by names.

    Returns:
        A dictionary of values and one of updates.
    """
    return (
        {name: pair[0] for name, pair in names_to_tuples.items()},
        {name: pair[1] for name, pair in names_to_tuples.items()},
    )
