"""Metrics: figures that are added up over many runs in local variables.

Each function gives a tensor with the figure so far and one that first adds what this run knows.

Source: the ``tf.compat.v1.metrics`` module documentation.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from runtime.graph import dtypes
from runtime.graph.convert import TensorLike, constant, convert_to_tensor
from runtime.graph.dtypes import float32, float64, int64
from runtime.graph.export import export
from runtime.graph.graph import get_default_graph
from runtime.graph.keys import GraphKeys
from runtime.graph.ops.array import (
    expand_dims,
    gather,
    identity,
    one_hot,
    ones_like,
    range_,
    reshape,
    shape,
    size,
    where,
    zeros,
)
from runtime.graph.ops.math import (
    cast,
    div_no_nan,
    equal,
    log,
    logical_and,
    logical_not,
    matmul,
    maximum,
    minimum,
    multiply,
    sqrt,
    squared_difference,
    subtract,
    truediv,
)
from runtime.graph.ops.nn import top_k
from runtime.graph.ops.reduction import ARGMIN, reduce_any, reduce_mean, reduce_sum
from runtime.graph.ops.rules import rank_of
from runtime.graph.ops.special import cumsum
from runtime.graph.scopes import variable_scope
from runtime.graph.tensor import Tensor
from runtime.graph.variables import Variable, assign_add
from runtime.graph.weights import check_shapes, fitting, given, spread_over, without_last_axis

Metric = tuple[Tensor, Tensor]
Collections = Sequence[str] | None

_EPSILON = 1e-7


def _variable(name: str, shape: Sequence[int] = (), dtype: Any = float32) -> Any:
    """A local variable that begins with zeros."""
    return Variable(
        zeros(list(shape), dtype),
        trainable=False,
        collections=[GraphKeys.LOCAL_VARIABLES, GraphKeys.METRIC_VARIABLES],
        name=name,
    )


def _collected(value: Tensor, update: Tensor, metrics: Collections, updates: Collections) -> Metric:
    graph = get_default_graph()
    graph.add_to_collections(metrics or (), value)
    graph.add_to_collections(updates or (), update)
    return value, update


def _paired(
    labels: TensorLike, predictions: TensorLike, weights: TensorLike, what: str
) -> tuple[Tensor, Tensor, Tensor | None]:
    """Labels, predictions and weights of one shape."""
    right, found = without_last_axis(*given(labels, predictions))
    check_shapes(found, right, "predictions and labels", what)
    return right, found, None if weights is None else fitting(weights, found)


def _weighed(values: Tensor, weights: Tensor | None) -> Tensor:
    return values if weights is None else multiply(values, spread_over(weights, values))


# Means.


@export("metrics.mean")
def mean(
    values: TensorLike,
    weights: TensorLike = None,
    metrics_collections: Collections = None,
    updates_collections: Collections = None,
    name: str | None = None,
) -> Metric:
    """The mean.

    Args:
        values: Numbers.
        weights: What they count, broadcast to them; 1 if None.
        metrics_collections: Collections for the figure.
        updates_collections: Collections for the update.
        name: Name of the scope of the variables.

    Returns:
        The figure so far; the figure after adding this run.
    """
    with variable_scope(name, "mean"):
        tensor = cast(convert_to_tensor(values), float32)
        total, count = _variable("total"), _variable("count")
        factors = None if weights is None else fitting(weights, tensor)
        number = cast(size(tensor), float32)
        if factors is not None:
            number = reduce_sum(spread_over(factors, tensor))
        sums = assign_add(total, reduce_sum(_weighed(tensor, factors)))
        counts = assign_add(count, number)
        value = div_no_nan(total, count, name="value")
        update = div_no_nan(sums, counts, name="update_op")
        return _collected(value, update, metrics_collections, updates_collections)


def _mean_of(
    function: Callable[[Tensor, Tensor], Tensor],
    default: str,
    labels: TensorLike,
    predictions: TensorLike,
    weights: TensorLike,
    metrics: Collections,
    updates: Collections,
    name: str | None,
) -> Metric:
    right, found, factors = _paired(labels, predictions, weights, default)
    return mean(function(right, found), factors, metrics, updates, name or default)


@export("metrics.accuracy")
def accuracy(
    labels: TensorLike,
    predictions: TensorLike,
    weights: TensorLike = None,
    metrics_collections: Collections = None,
    updates_collections: Collections = None,
    name: str | None = None,
) -> Metric:
    """How often predictions are the labels.

    Args:
        labels: What is right.
        predictions: What was predicted, of the same shape.
        weights: What examples count; 1 if None.
        metrics_collections: Collections for the figure.
        updates_collections: Collections for the update.
        name: Name of the scope of the variables.

    Returns:
        The figure so far; the figure after adding this run.

    Raises:
        ValueError: If shapes don't fit.
    """
    return _mean_of(
        lambda y, x: cast(equal(cast(x, y.dtype), y), float32), "accuracy", labels, predictions,
        weights, metrics_collections, updates_collections, name,
    )  # fmt: skip


@export("metrics.mean_absolute_error")
def mean_absolute_error(
    labels: TensorLike,
    predictions: TensorLike,
    weights: TensorLike = None,
    metrics_collections: Collections = None,
    updates_collections: Collections = None,
    name: str | None = None,
) -> Metric:
    """The mean distance of predictions from labels.

    Args:
        labels: What is right.
        predictions: What was predicted, of the same shape.
        weights: What examples count; 1 if None.
        metrics_collections: Collections for the figure.
        updates_collections: Collections for the update.
        name: Name of the scope of the variables.

    Returns:
        The figure so far; the figure after adding this run.

    Raises:
        ValueError: If shapes don't fit.
    """
    return _mean_of(
        lambda y, x: abs(subtract(x, cast(y, x.dtype))), "mean_absolute_error", labels,
        predictions, weights, metrics_collections, updates_collections, name,
    )  # fmt: skip


@export("metrics.mean_squared_error")
def mean_squared_error(
    labels: TensorLike,
    predictions: TensorLike,
    weights: TensorLike = None,
    metrics_collections: Collections = None,
    updates_collections: Collections = None,
    name: str | None = None,
) -> Metric:
    """The mean square of the distance of predictions from labels.

    Args:
        labels: What is right.
        predictions: What was predicted, of the same shape.
        weights: What examples count; 1 if None.
        metrics_collections: Collections for the figure.
        updates_collections: Collections for the update.
        name: Name of the scope of the variables.

    Returns:
        The figure so far; the figure after adding this run.

    Raises:
        ValueError: If shapes don't fit.
    """
    return _mean_of(
        lambda y, x: squared_difference(cast(y, x.dtype), x), "mean_squared_error", labels,
        predictions, weights, metrics_collections, updates_collections, name,
    )  # fmt: skip


@export("metrics.root_mean_squared_error")
def root_mean_squared_error(
    labels: TensorLike,
    predictions: TensorLike,
    weights: TensorLike = None,
    metrics_collections: Collections = None,
    updates_collections: Collections = None,
    name: str | None = None,
) -> Metric:
    """The root of the mean square of the distance of predictions from labels.

    Args:
        labels: What is right.
        predictions: What was predicted, of the same shape.
        weights: What examples count; 1 if None.
        metrics_collections: Collections for the figure.
        updates_collections: Collections for the update.
        name: Name of the scope of the variables.

    Returns:
        The figure so far; the figure after adding this run.

    Raises:
        ValueError: If shapes don't fit.
    """
    value, update = mean_squared_error(
        labels, predictions, weights, name=name or "root_mean_squared_error"
    )
    return _collected(sqrt(value), sqrt(update), metrics_collections, updates_collections)


@export("metrics.mean_relative_error")
def mean_relative_error(
    labels: TensorLike,
    predictions: TensorLike,
    normalizer: TensorLike,
    weights: TensorLike = None,
    metrics_collections: Collections = None,
    updates_collections: Collections = None,
    name: str | None = None,
) -> Metric:
    """The mean distance of predictions from labels, divided by a normalizer.

    Args:
        labels: What is right.
        predictions: What was predicted, of the same shape.
        normalizer: What distances are divided by; a distance counts 0 where it is 0.
        weights: What examples count; 1 if None.
        metrics_collections: Collections for the figure.
        updates_collections: Collections for the update.
        name: Name of the scope of the variables.

    Returns:
        The figure so far; the figure after adding this run.

    Raises:
        ValueError: If shapes don't fit.
    """

    def relative(y: Tensor, x: Tensor) -> Tensor:
        distance = abs(subtract(cast(y, x.dtype), x))
        return div_no_nan(distance, convert_to_tensor(normalizer, x.dtype))

    return _mean_of(
        relative, "mean_relative_error", labels, predictions, weights, metrics_collections,
        updates_collections, name,
    )  # fmt: skip


@export("metrics.mean_cosine_distance")
def mean_cosine_distance(
    labels: TensorLike,
    predictions: TensorLike,
    dim: int,
    weights: TensorLike = None,
    metrics_collections: Collections = None,
    updates_collections: Collections = None,
    name: str | None = None,
) -> Metric:
    """1 - the mean inner product of vectors of length 1.

    Args:
        labels: What is right.
        predictions: What was predicted, of the same shape.
        dim: The axis of the vectors.
        weights: What examples count; 1 if None.
        metrics_collections: Collections for the figure.
        updates_collections: Collections for the update.
        name: Name of the scope of the variables.

    Returns:
        The figure so far; the figure after adding this run.

    Raises:
        ValueError: If shapes don't fit.
    """
    right, found, factors = _paired(labels, predictions, weights, "mean_cosine_distance")
    product = reduce_sum(multiply(found, right), dim, keepdims=True)
    value, update = mean(product, factors, name=name or "mean_cosine_distance")
    return _collected(
        subtract(1.0, value), subtract(1.0, update), metrics_collections, updates_collections
    )


@export("metrics.percentage_below")
def percentage_below(
    values: TensorLike,
    threshold: TensorLike,
    weights: TensorLike = None,
    metrics_collections: Collections = None,
    updates_collections: Collections = None,
    name: str | None = None,
) -> Metric:
    """How often values are below a threshold.

    Args:
        values: Numbers.
        threshold: The threshold.
        weights: What they count; 1 if None.
        metrics_collections: Collections for the figure.
        updates_collections: Collections for the update.
        name: Name of the scope of the variables.

    Returns:
        The figure so far; the figure after adding this run.
    """
    below = cast(convert_to_tensor(values) < threshold, float32)
    title = name or "percentage_below_threshold"
    return mean(below, weights, metrics_collections, updates_collections, title)


@export("metrics.mean_tensor")
def mean_tensor(
    values: TensorLike,
    weights: TensorLike = None,
    metrics_collections: Collections = None,
    updates_collections: Collections = None,
    name: str | None = None,
) -> Metric:
    """The mean of each element over the runs.

    Args:
        values: Numbers, of known shape.
        weights: What they count; 1 if None.
        metrics_collections: Collections for the figure.
        updates_collections: Collections for the update.
        name: Name of the scope of the variables.

    Returns:
        The figure so far; the figure after adding this run.

    Raises:
        ValueError: If the shape is not known.
    """
    with variable_scope(name, "mean"):
        tensor = cast(convert_to_tensor(values), float32)
        dims = _known_dims(tensor, "mean_tensor")
        total, count = _variable("total_tensor", dims), _variable("count_tensor", dims)
        factors = None if weights is None else fitting(weights, tensor)
        sums = assign_add(total, _weighed(tensor, factors))
        counts = assign_add(count, _weighed(ones_like(tensor), factors))
        value = div_no_nan(total, count, name="value")
        update = div_no_nan(sums, counts, name="update_op")
        return _collected(value, update, metrics_collections, updates_collections)


def _known_dims(tensor: Tensor, what: str) -> list[int]:
    dims = tensor.dims
    if dims is None or None in dims:
        raise ValueError(f"{what} needs to know the shape of {tensor.name!r}; use set_shape.")
    return [int(d) for d in dims if d is not None]


# Counts of what was predicted right and wrong.


def _counted(
    wanted: tuple[bool, bool],
    default: str,
    labels: TensorLike,
    predictions: TensorLike,
    weights: TensorLike,
    metrics: Collections,
    updates: Collections,
    name: str | None,
) -> Metric:
    """Counts pairs of a label and a prediction."""
    with variable_scope(name, default):
        right, found, factors = _paired(
            cast(convert_to_tensor(labels), dtypes.bool),
            cast(convert_to_tensor(predictions), dtypes.bool),
            weights,
            default,
        )
        right, found = (
            tensor if want else logical_not(tensor)
            for tensor, want in zip((right, found), wanted, strict=True)
        )
        hits = cast(logical_and(right, found), float32)
        count = _variable("count")
        update = assign_add(count, reduce_sum(_weighed(hits, factors)), name="AssignAdd")
        return _collected(identity(count, name="Identity"), update, metrics, updates)


def _counting(default: str, wanted: tuple[bool, bool], doc: str) -> Callable[..., Metric]:
    def function(
        labels: TensorLike,
        predictions: TensorLike,
        weights: TensorLike = None,
        metrics_collections: Collections = None,
        updates_collections: Collections = None,
        name: str | None = None,
    ) -> Metric:
        return _counted(
            wanted, default, labels, predictions, weights, metrics_collections,
            updates_collections, name,
        )  # fmt: skip

    return _published(function, default, doc)


def _published(function: Any, name: str, doc: str, more: str = "") -> Callable[..., Metric]:
    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"""{doc}

    Args:
        labels: What is right, as bools.
        predictions: What was predicted, of the same shape.{more}
        weights: What examples count; 1 if None.
        metrics_collections: Collections for the figure.
        updates_collections: Collections for the update.
        name: Name of the scope of the variables.

    Returns:
        The figure so far; the figure after adding this run.
    """
    return export(f"metrics.{name}")(function)  # type: ignore[no-any-return]  # it stays what it is


true_positives = _counting(
    "true_positives", (True, True), "The number of true labels that were predicted."
)
false_positives = _counting(
    "false_positives", (False, True), "The number of false labels predicted to be true."
)
true_negatives = _counting(
    "true_negatives", (False, False), "The number of false labels that were predicted."
)
false_negatives = _counting(
    "false_negatives", (True, False), "The number of true labels predicted to be false."
)


def _share(part: Tensor, rest: Tensor, name: str) -> Tensor:
    """Part / (part + rest), or 0."""
    return div_no_nan(part, part + rest, name=name)


def _ratio(
    default: str,
    second: Callable[..., Metric],
    labels: TensorLike,
    predictions: TensorLike,
    weights: TensorLike,
    metrics: Collections,
    updates: Collections,
    name: str | None,
) -> Metric:
    """The share of true positives in them and something else."""
    with variable_scope(name, default):
        hits, more_hits = true_positives(labels, predictions, weights)
        misses, more_misses = second(labels, predictions, weights)
        value = _share(hits, misses, "value")
        update = _share(more_hits, more_misses, "update_op")
        return _collected(value, update, metrics, updates)


@export("metrics.precision")
def precision(
    labels: TensorLike,
    predictions: TensorLike,
    weights: TensorLike = None,
    metrics_collections: Collections = None,
    updates_collections: Collections = None,
    name: str | None = None,
) -> Metric:
    """The share of what was predicted to be true that is true.

    Args:
        labels: What is right, as bools.
        predictions: What was predicted, of the same shape.
        weights: What examples count; 1 if None.
        metrics_collections: Collections for the figure.
        updates_collections: Collections for the update.
        name: Name of the scope of the variables.

    Returns:
        The figure so far; the figure after adding this run.
    """
    return _ratio(
        "precision", false_positives, labels, predictions, weights, metrics_collections,
        updates_collections, name,
    )  # fmt: skip


@export("metrics.recall")
def recall(
    labels: TensorLike,
    predictions: TensorLike,
    weights: TensorLike = None,
    metrics_collections: Collections = None,
    updates_collections: Collections = None,
    name: str | None = None,
) -> Metric:
    """The share of what is true that was predicted to be true.

    Args:
        labels: What is right, as bools.
        predictions: What was predicted, of the same shape.
        weights: What examples count; 1 if None.
        metrics_collections: Collections for the figure.
        updates_collections: Collections for the update.
        name: Name of the scope of the variables.

    Returns:
        The figure so far; the figure after adding this run.
    """
    return _ratio(
        "recall", false_negatives, labels, predictions, weights, metrics_collections,
        updates_collections, name,
    )  # fmt: skip


# The same for each of several thresholds.

_KINDS = {
    "true_positives": (True, True),
    "false_negatives": (True, False),
    "true_negatives": (False, False),
    "false_positives": (False, True),
}


def _at_thresholds(
    labels: TensorLike,
    predictions: TensorLike,
    thresholds: Sequence[float],
    weights: TensorLike,
    kinds: Sequence[str],
    what: str,
) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """Counts for each threshold: those so far, and those after adding this run."""
    right, found, factors = _paired(
        cast(convert_to_tensor(labels), dtypes.bool), predictions, weights, what
    )
    limits = constant([[float(t)] for t in thresholds], float32)
    positive = reshape(cast(found, float32), [1, -1]) > limits
    counted = reshape(_weighed(cast(ones_like(found), float32), factors), [-1, 1])
    values, updates = {}, {}
    for kind in kinds:
        true, predicted = _KINDS[kind]
        row = right if true else logical_not(right)
        chosen = positive if predicted else logical_not(positive)
        amounts = multiply(counted, cast(reshape(row, [-1, 1]), float32))
        sums = reshape(matmul(cast(chosen, float32), amounts), [-1])
        values[kind] = variable = _variable(kind, [len(thresholds)])
        updates[kind] = assign_add(variable, sums)
    return {kind: convert_to_tensor(v) for kind, v in values.items()}, updates


def _counting_at_thresholds(kind: str, doc: str) -> Callable[..., Metric]:
    def function(
        labels: TensorLike,
        predictions: TensorLike,
        thresholds: Sequence[float],
        weights: TensorLike = None,
        metrics_collections: Collections = None,
        updates_collections: Collections = None,
        name: str | None = None,
    ) -> Metric:
        with variable_scope(name, kind):
            values, updates = _at_thresholds(
                labels, predictions, thresholds, weights, [kind], f"{kind}_at_thresholds"
            )
            value = identity(values[kind], name="Identity")
            return _collected(value, updates[kind], metrics_collections, updates_collections)

    more = "\n        thresholds: What predictions must exceed to count as true."
    return _published(function, f"{kind}_at_thresholds", doc, more)


for _kind, _doc in (
    ("true_positives", "The numbers of true labels that were predicted, by threshold."),
    ("false_positives", "The numbers of false labels predicted to be true, by threshold."),
    ("true_negatives", "The numbers of false labels that were predicted, by threshold."),
    ("false_negatives", "The numbers of true labels predicted to be false, by threshold."),
):
    _counting_at_thresholds(_kind, _doc)


def _ratios_at_thresholds(
    default: str,
    prefix: str,
    second: str,
    labels: TensorLike,
    predictions: TensorLike,
    thresholds: Sequence[float],
    weights: TensorLike,
    metrics: Collections,
    updates: Collections,
    name: str | None,
) -> Metric:
    with variable_scope(name, default):
        kinds = ("true_positives", second)
        now, then = _at_thresholds(labels, predictions, thresholds, weights, kinds, default)
        value, update = (
            div_no_nan(n[kinds[0]], n[kinds[0]] + n[second] + _EPSILON, name=f"{prefix}_{suffix}")
            for n, suffix in ((now, "value"), (then, "update_op"))
        )
        return _collected(value, update, metrics, updates)


@export("metrics.precision_at_thresholds")
def precision_at_thresholds(
    labels: TensorLike,
    predictions: TensorLike,
    thresholds: Sequence[float],
    weights: TensorLike = None,
    metrics_collections: Collections = None,
    updates_collections: Collections = None,
    name: str | None = None,
) -> Metric:
    """The share of what was predicted to be true that is true, by threshold.

    Args:
        labels: What is right, as bools.
        predictions: Numbers from 0 to 1, of the same shape.
        thresholds: What predictions must exceed to count as true.
        weights: What examples count; 1 if None.
        metrics_collections: Collections for the figure.
        updates_collections: Collections for the update.
        name: Name of the scope of the variables.

    Returns:
        The figures so far; the figures after adding this run.
    """
    return _ratios_at_thresholds(
        "precision_at_thresholds", "precision", "false_positives", labels, predictions,
        thresholds, weights, metrics_collections, updates_collections, name,
    )  # fmt: skip


@export("metrics.recall_at_thresholds")
def recall_at_thresholds(
    labels: TensorLike,
    predictions: TensorLike,
    thresholds: Sequence[float],
    weights: TensorLike = None,
    metrics_collections: Collections = None,
    updates_collections: Collections = None,
    name: str | None = None,
) -> Metric:
    """The share of what is true that was predicted to be true, by threshold.

    Args:
        labels: What is right, as bools.
        predictions: Numbers from 0 to 1, of the same shape.
        thresholds: What predictions must exceed to count as true.
        weights: What examples count; 1 if None.
        metrics_collections: Collections for the figure.
        updates_collections: Collections for the update.
        name: Name of the scope of the variables.

    Returns:
        The figures so far; the figures after adding this run.
    """
    return _ratios_at_thresholds(
        "recall_at_thresholds", "recall", "false_negatives", labels, predictions, thresholds,
        weights, metrics_collections, updates_collections, name,
    )  # fmt: skip


def _grid(count: int) -> list[float]:
    """Thresholds from just below 0 to just above 1."""
    inner = [(i + 1) / (count - 1) for i in range(count - 2)]
    return [-_EPSILON, *inner, 1.0 + _EPSILON]


def _figure_at_grid(
    compute: Callable[[dict[str, Tensor], str], Tensor],
    default: str,
    labels: TensorLike,
    predictions: TensorLike,
    weights: TensorLike,
    thresholds: Sequence[float],
    metrics: Collections,
    updates: Collections,
    name: str | None,
) -> Metric:
    """A figure made of the counts at many thresholds."""
    with variable_scope(name, default):
        now, then = _at_thresholds(labels, predictions, thresholds, weights, list(_KINDS), default)
        return _collected(compute(now, "value"), compute(then, "update_op"), metrics, updates)


@export("metrics.auc")
def auc(
    labels: TensorLike,
    predictions: TensorLike,
    weights: TensorLike = None,
    num_thresholds: int = 200,
    metrics_collections: Collections = None,
    updates_collections: Collections = None,
    curve: str = "ROC",
    name: str | None = None,
    summation_method: str = "trapezoidal",
    thresholds: Sequence[float] | None = None,
) -> Metric:
    """The area under the curve of true against false positives, or of precision against recall.

    Args:
        labels: What is right, as bools.
        predictions: Numbers from 0 to 1, of the same shape.
        weights: What examples count; 1 if None.
        num_thresholds: At how many thresholds the curve is taken.
        metrics_collections: Collections for the figure.
        updates_collections: Collections for the update.
        curve: ``"ROC"`` or ``"PR"``.
        name: Name of the scope of the variables.
        summation_method: ``"trapezoidal"``, ``"minoring"``, ``"majoring"``, or
            ``"careful_interpolation"``.
        thresholds: The thresholds between 0 and 1, instead of equally spaced ones.

    Returns:
        The figure so far; the figure after adding this run.

    Raises:
        ValueError: If the curve or the method is another.
    """
    methods = ("trapezoidal", "minoring", "majoring", "careful_interpolation")
    if curve not in ("ROC", "PR"):
        raise ValueError(f"curve must be either ROC or PR, {curve} unknown")
    if summation_method not in methods:
        raise ValueError(f"Invalid summation_method: {summation_method}; use one of {methods}.")
    between = None if thresholds is None else sorted(thresholds)
    limits = _grid(num_thresholds) if between is None else [-_EPSILON, *between, 1.0 + _EPSILON]
    compute = lambda counts, title: _area(counts, curve, summation_method, title)  # noqa: E731  # one expression
    return _figure_at_grid(
        compute, "auc", labels, predictions, weights, limits, metrics_collections,
        updates_collections, name,
    )  # fmt: skip


def _area(counts: dict[str, Tensor], curve: str, method: str, name: str) -> Tensor:
    tp, fn, tn, fp = (counts[kind] for kind in _KINDS)
    if curve == "PR" and method == "careful_interpolation":
        return _interpolated(tp, fp, fn, name)
    small = 1.0e-6
    recalled = (tp + small) / (tp + fn + small)
    if curve == "ROC":
        x, y = fp / (fp + tn + small), recalled
    else:
        x, y = recalled, (tp + small) / (tp + fp + small)
    left, right = y[:-1], y[1:]
    heights = {"minoring": minimum, "majoring": maximum}.get(method, _middle)(left, right)
    return reduce_sum((x[:-1] - x[1:]) * heights, name=name)


def _middle(a: Tensor, b: Tensor) -> Tensor:
    return (a + b) / 2.0


def _interpolated(tp: Tensor, fp: Tensor, fn: Tensor, name: str) -> Tensor:
    """The area with false positives interpolated between thresholds.

    Source: Davis and Goadrich, "The Relationship Between Precision-Recall and ROC Curves" (2006).
    """
    change, found = tp[:-1] - tp[1:], tp + fp
    slope = div_no_nan(change, maximum(found[:-1] - found[1:], 0.0))
    base = tp[1:] - slope * found[1:]
    both = logical_and(found[:-1] > 0, found[1:] > 0)
    ratio = where(both, div_no_nan(found[:-1], maximum(found[1:], 0.0)), ones_like(found[1:]))
    area = div_no_nan(slope * (change + base * log(ratio)), maximum(tp[1:] + fn[1:], 0.0))
    return reduce_sum(area, name=name)


@export("metrics.sensitivity_at_specificity")
def sensitivity_at_specificity(
    labels: TensorLike,
    predictions: TensorLike,
    specificity: float,
    weights: TensorLike = None,
    num_thresholds: int = 200,
    metrics_collections: Collections = None,
    updates_collections: Collections = None,
    name: str | None = None,
) -> Metric:
    """The recall at the threshold where the share of false labels found is nearest to a value.

    Args:
        labels: What is right, as bools.
        predictions: Numbers from 0 to 1, of the same shape.
        specificity: The share of false labels that are to be found, from 0 to 1.
        weights: What examples count; 1 if None.
        num_thresholds: How many thresholds are tried.
        metrics_collections: Collections for the figure.
        updates_collections: Collections for the update.
        name: Name of the scope of the variables.

    Returns:
        The figure so far; the figure after adding this run.

    Raises:
        ValueError: If the share is out of range.
    """
    _check_share(specificity, "specificity")

    def compute(counts: dict[str, Tensor], title: str) -> Tensor:
        tp, fn, tn, fp = (counts[kind] for kind in _KINDS)
        best = _nearest(abs(tn / (tn + fp + _EPSILON) - specificity))
        hits = gather(tp, best)
        return identity(hits / (hits + gather(fn, best) + _EPSILON), name=title)

    return _figure_at_grid(
        compute, "sensitivity_at_specificity", labels, predictions, weights,
        _grid(num_thresholds), metrics_collections, updates_collections, name,
    )  # fmt: skip


@export("metrics.specificity_at_sensitivity")
def specificity_at_sensitivity(
    labels: TensorLike,
    predictions: TensorLike,
    sensitivity: float,
    weights: TensorLike = None,
    num_thresholds: int = 200,
    metrics_collections: Collections = None,
    updates_collections: Collections = None,
    name: str | None = None,
) -> Metric:
    """The share of false labels found at the threshold where the recall is nearest to a value.

    Args:
        labels: What is right, as bools.
        predictions: Numbers from 0 to 1, of the same shape.
        sensitivity: The recall, from 0 to 1.
        weights: What examples count; 1 if None.
        num_thresholds: How many thresholds are tried.
        metrics_collections: Collections for the figure.
        updates_collections: Collections for the update.
        name: Name of the scope of the variables.

    Returns:
        The figure so far; the figure after adding this run.

    Raises:
        ValueError: If the recall is out of range.
    """
    _check_share(sensitivity, "sensitivity")

    def compute(counts: dict[str, Tensor], title: str) -> Tensor:
        tp, fn, tn, fp = (counts[kind] for kind in _KINDS)
        # Of equally near thresholds the highest.
        distance = abs(tp / (tp + fn + _EPSILON) - sensitivity)[::-1]
        best = num_thresholds - 1 - _nearest(distance)
        hits = gather(tn, best)
        return identity(hits / (hits + gather(fp, best) + _EPSILON), name=title)

    return _figure_at_grid(
        compute, "specificity_at_sensitivity", labels, predictions, weights,
        _grid(num_thresholds), metrics_collections, updates_collections, name,
    )  # fmt: skip


def _nearest(distance: Tensor) -> Tensor:
    """The index of the least distance."""
    result: Tensor = ARGMIN(distance, axis=0, dtype=int64)
    return result


def _check_share(value: float, name: str) -> None:
    if not 0 <= value <= 1:
        raise ValueError(f"`{name}` must be in the range [0, 1], but is {value}.")


# Classes.


@export("metrics.mean_per_class_accuracy")
def mean_per_class_accuracy(
    labels: TensorLike,
    predictions: TensorLike,
    num_classes: int,
    weights: TensorLike = None,
    metrics_collections: Collections = None,
    updates_collections: Collections = None,
    name: str | None = None,
) -> Metric:
    """The mean over the classes of how often examples of a class are predicted to be of it.

    Args:
        labels: The right classes.
        predictions: The predicted classes, of the same shape.
        num_classes: The number of classes.
        weights: What examples count; 1 if None.
        metrics_collections: Collections for the figure.
        updates_collections: Collections for the update.
        name: Name of the scope of the variables.

    Returns:
        The figure so far; the accuracy of each class after adding this run.
    """
    with variable_scope(name, "mean_accuracy"):
        right, found, factors = _paired(labels, predictions, weights, "mean_per_class_accuracy")
        classes = one_hot(reshape(cast(right, int64), [-1]), num_classes)
        hits = cast(equal(cast(found, right.dtype), right), float32)
        counted = reshape(_weighed(ones_like(hits), factors), [1, -1])
        total, count = _variable("total", [num_classes]), _variable("count", [num_classes])
        totals = assign_add(total, reshape(matmul(counted, classes), [-1]))
        hits = multiply(counted, reshape(hits, [1, -1]))
        counts = assign_add(count, reshape(matmul(hits, classes), [-1]))
        value = reduce_mean(div_no_nan(count, total), name="mean_accuracy")
        update = div_no_nan(counts, totals, name="update_op")
        return _collected(value, update, metrics_collections, updates_collections)


@export("metrics.mean_iou")
def mean_iou(
    labels: TensorLike,
    predictions: TensorLike,
    num_classes: int,
    weights: TensorLike = None,
    metrics_collections: Collections = None,
    updates_collections: Collections = None,
    name: str | None = None,
) -> Metric:
    """The mean over the classes that occur of intersection over union.

    Args:
        labels: The right classes.
        predictions: The predicted classes, of the same shape.
        num_classes: The number of classes.
        weights: What examples count; 1 if None.
        metrics_collections: Collections for the figure.
        updates_collections: Collections for the update.
        name: Name of the scope of the variables.

    Returns:
        The figure so far; the matrix of confusions after adding this run.
    """
    with variable_scope(name, "mean_iou"):
        right, found, factors = _paired(labels, predictions, weights, "mean_iou")
        matrix = _variable("total_confusion_matrix", [num_classes, num_classes], float64)
        rows, columns = (
            one_hot(reshape(cast(t, int64), [-1]), num_classes, dtype=float64)
            for t in (right, found)
        )
        counted = reshape(_weighed(cast(ones_like(right), float32), factors), [-1, 1])
        confusions = matmul(rows * cast(counted, float64), columns, transpose_a=True)
        update = assign_add(matrix, confusions, name="AssignAdd")
        both = reduce_sum(matrix * constant(np.eye(num_classes)), 0)
        either = reduce_sum(matrix, 0) + reduce_sum(matrix, 1) - both
        occurring = reduce_sum(cast(either > 0, float64))
        value = cast(div_no_nan(reduce_sum(div_no_nan(both, either)), occurring), float32)
        return _collected(value, update, metrics_collections, updates_collections)


# The best k classes.


def _hits_in_top(
    labels: TensorLike, chosen: TensorLike, class_id: int | None
) -> tuple[Tensor, Tensor, Tensor]:
    """For each example: right classes that were chosen, chosen ones that are wrong, missed ones."""
    right, found = cast(convert_to_tensor(labels), int64), cast(convert_to_tensor(chosen), int64)
    if rank_of(right, "labels") == rank_of(found, "predictions") - 1:
        right = expand_dims(right, -1)
    same = equal(expand_dims(right, -1), expand_dims(found, -2))
    wanted, taken = _first_of_each(right), ones_like(found) > 0
    if class_id is not None:
        wanted, taken = logical_and(wanted, equal(right, class_id)), equal(found, class_id)
    hit, known = reduce_any(same, -1), reduce_any(same, -2)
    return (
        _number(logical_and(wanted, hit)),
        _number(logical_and(taken, logical_not(known))),
        _number(logical_and(wanted, logical_not(hit))),
    )


def _first_of_each(labels: Tensor) -> Tensor:
    """Whether a label is the first of its value in its example: labels are a set."""
    same = equal(expand_dims(labels, -1), expand_dims(labels, -2))
    places = range_(shape(labels)[-1])
    earlier = expand_dims(places, 1) > places
    repeated = reduce_any(logical_and(same, earlier), -1)
    return logical_and(logical_not(repeated), labels >= 0)


def _number(flags: Tensor) -> Tensor:
    return reduce_sum(cast(flags, float32), -1)


def _share_in_top(
    what: str,
    kind: int,
    labels: TensorLike,
    chosen: TensorLike,
    k: int | None,
    class_id: int | None,
    weights: TensorLike,
    metrics: Collections,
    updates: Collections,
    name: str | None,
) -> Metric:
    """The share of hits in them and what was wrong (kind 1) or missed (kind 2)."""
    suffix = f"_at_{'k' if k is None else k}" + ("" if class_id is None else f"_class{class_id}")
    title = f"{what}{suffix}"
    with variable_scope(name, title) as scope:
        counts = _hits_in_top(labels, chosen, class_id)
        factors = None if weights is None else fitting(weights, counts[0])
        pairs = []
        for label, count in (("true_positive", counts[0]), (_REST[kind], counts[kind])):
            total = _variable(f"{label}{suffix}", dtype=float64)
            update = assign_add(total, cast(reduce_sum(_weighed(count, factors)), float64))
            pairs.append((convert_to_tensor(total), update))
        inside = scope.original_name_scope
        value = truediv(pairs[0][0], pairs[0][0] + pairs[1][0], name=inside)
        update = truediv(pairs[0][1], pairs[0][1] + pairs[1][1], name="update")
        return _collected(value, update, metrics, updates)


_REST = {1: "false_positive", 2: "false_negative"}


@export("metrics.recall_at_k")
def recall_at_k(
    labels: TensorLike,
    predictions: TensorLike,
    k: int,
    class_id: int | None = None,
    weights: TensorLike = None,
    metrics_collections: Collections = None,
    updates_collections: Collections = None,
    name: str | None = None,
) -> Metric:
    """The share of the right classes that are among the k predicted to be likeliest.

    Args:
        labels: The right classes of each example: ``[batch, number]`` or ``[batch]``.
        predictions: A number for each class: ``[batch, classes]``.
        k: How many of the likeliest count.
        class_id: The only class that counts; all if None.
        weights: What examples count; 1 if None.
        metrics_collections: Collections for the figure.
        updates_collections: Collections for the update.
        name: Name of the scope of the variables.

    Returns:
        The figure so far; the figure after adding this run.
    """
    return _share_in_top(
        "recall", 2, labels, top_k(predictions, k).indices, k, class_id, weights,
        metrics_collections, updates_collections, name,
    )  # fmt: skip


@export("metrics.precision_at_k", "metrics.sparse_precision_at_k")
def precision_at_k(
    labels: TensorLike,
    predictions: TensorLike,
    k: int,
    class_id: int | None = None,
    weights: TensorLike = None,
    metrics_collections: Collections = None,
    updates_collections: Collections = None,
    name: str | None = None,
) -> Metric:
    """The share of the k classes predicted to be likeliest that are right.

    Args:
        labels: The right classes of each example: ``[batch, number]`` or ``[batch]``.
        predictions: A number for each class: ``[batch, classes]``.
        k: How many of the likeliest count.
        class_id: The only class that counts; all if None.
        weights: What examples count; 1 if None.
        metrics_collections: Collections for the figure.
        updates_collections: Collections for the update.
        name: Name of the scope of the variables.

    Returns:
        The figure so far; the figure after adding this run.
    """
    return _share_in_top(
        "precision", 1, labels, top_k(predictions, k).indices, k, class_id, weights,
        metrics_collections, updates_collections, name,
    )  # fmt: skip


@export("metrics.average_precision_at_k", "metrics.sparse_average_precision_at_k")
def average_precision_at_k(
    labels: TensorLike,
    predictions: TensorLike,
    k: int,
    weights: TensorLike = None,
    metrics_collections: Collections = None,
    updates_collections: Collections = None,
    name: str | None = None,
) -> Metric:
    """The mean over examples of their average precision: how early right classes are predicted.

    That of an example is the sum of the precisions at the ranks, up to k, of classes that are
    right, divided by the number of right classes, or k if there are more.

    Source: the definition of average precision in information retrieval.

    Args:
        labels: The right classes of each example: ``[batch, number]`` or ``[batch]``; negative
            ones don't count.
        predictions: A number for each class: ``[batch, classes]``.
        k: How many of the likeliest count.
        weights: What examples count; 1 if None.
        metrics_collections: Collections for the figure.
        updates_collections: Collections for the update.
        name: Name of the scope of the variables.

    Returns:
        The figure so far; the figure after adding this run.

    Raises:
        ValueError: If k is less than 1.
    """
    if k < 1:
        raise ValueError(f"Invalid k={k}: average_precision_at_k needs at least 1.")
    with variable_scope(name, f"average_precision_at_{k}") as scope:
        each = _average_precisions(labels, top_k(predictions, k).indices, k)
        factors = None if weights is None else cast(fitting(weights, each), float64)
        count, total = _variable("max_1", dtype=float64), _variable("total", dtype=float64)
        counts = assign_add(count, reduce_sum(_weighed(ones_like(each), factors)))
        totals = assign_add(total, reduce_sum(_weighed(each, factors)))
        value = div_no_nan(total, count, name="mean")
        update = div_no_nan(totals, counts, name=scope.original_name_scope)
        return _collected(value, update, metrics_collections, updates_collections)


def _average_precisions(labels: TensorLike, chosen: Tensor, k: int) -> Tensor:
    """That of each example."""
    right, found = cast(convert_to_tensor(labels), int64), cast(chosen, int64)
    if rank_of(right, "labels") == rank_of(found, "predictions") - 1:
        right = expand_dims(right, -1)
    hits = cast(reduce_any(equal(expand_dims(found, -1), expand_dims(right, -2)), -1), float64)
    precisions = cumsum(hits, -1) / np.arange(1.0, k + 1)
    wanted = minimum(reduce_sum(cast(right >= 0, float64), -1), float(k))
    return truediv(reduce_sum(precisions * hits, -1), wanted)


@export("metrics.recall_at_top_k")
def recall_at_top_k(
    labels: TensorLike,
    predictions_idx: TensorLike,
    k: int | None = None,
    class_id: int | None = None,
    weights: TensorLike = None,
    metrics_collections: Collections = None,
    updates_collections: Collections = None,
    name: str | None = None,
) -> Metric:
    """The share of the right classes that are among those chosen.

    Args:
        labels: The right classes of each example: ``[batch, number]`` or ``[batch]``.
        predictions_idx: The chosen classes: ``[batch, k]``.
        k: For the names of the variables.
        class_id: The only class that counts; all if None.
        weights: What examples count; 1 if None.
        metrics_collections: Collections for the figure.
        updates_collections: Collections for the update.
        name: Name of the scope of the variables.

    Returns:
        The figure so far; the figure after adding this run.
    """
    return _share_in_top(
        "recall", 2, labels, predictions_idx, k, class_id, weights, metrics_collections,
        updates_collections, name,
    )  # fmt: skip


@export("metrics.precision_at_top_k")
def precision_at_top_k(
    labels: TensorLike,
    predictions_idx: TensorLike,
    k: int | None = None,
    class_id: int | None = None,
    weights: TensorLike = None,
    metrics_collections: Collections = None,
    updates_collections: Collections = None,
    name: str | None = None,
) -> Metric:
    """The share of the chosen classes that are right.

    Args:
        labels: The right classes of each example: ``[batch, number]`` or ``[batch]``.
        predictions_idx: The chosen classes: ``[batch, k]``.
        k: For the names of the variables.
        class_id: The only class that counts; all if None.
        weights: What examples count; 1 if None.
        metrics_collections: Collections for the figure.
        updates_collections: Collections for the update.
        name: Name of the scope of the variables.

    Returns:
        The figure so far; the figure after adding this run.
    """
    return _share_in_top(
        "precision", 1, labels, predictions_idx, k, class_id, weights, metrics_collections,
        updates_collections, name,
    )  # fmt: skip
