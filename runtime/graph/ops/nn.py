"""Softmax, cross entropies, biases and rankings."""

import math
from typing import Any, NamedTuple

import numpy as np

from runtime.graph import dtypes
from runtime.graph.convert import TensorLike, convert_to_tensor, same_type
from runtime.graph.definition import Definition, Kernel, Spec, View, not_differentiable
from runtime.graph.export import export
from runtime.graph.ops.array import (
    expand_dims,
    identity,
    reshape,
    stop_gradient,
    transpose,
    where,
)
from runtime.graph.ops.math import add, cast, exp, log, log1p, negative, sigmoid
from runtime.graph.ops.near_zero import log_one_plus_exp_minus
from runtime.graph.ops.reduction import reduce_sum
from runtime.graph.ops.rules import broadcasted, checked_kind, rank_of, renamed
from runtime.graph.ops.softmax import bind_dense, bind_log_softmax, bind_softmax, bind_sparse
from runtime.graph.shapes import (
    Dims,
    Incompatible,
    compatible,
    described,
    merged,
    normalized_axis,
)
from runtime.graph.tensor import Tensor

# Softmax.


def _is_along_last(view: View) -> bool:
    dims = view.first.dims
    return (
        dims is not None
        and len(dims) > 0
        and normalized_axis(view["axis"], len(dims)) == len(dims) - 1
    )


def _bind_softmax(view: View) -> Kernel:
    if _is_along_last(view):
        return bind_softmax(view)
    axis = view["axis"]

    def softmax(x: Any) -> Any:
        result = np.exp(x - np.maximum.reduce(x, axis, keepdims=True))
        result /= np.add.reduce(result, axis, keepdims=True)
        return result

    return softmax


def _bind_log_softmax(view: View) -> Kernel:
    if _is_along_last(view):
        return bind_log_softmax(view)
    axis = view["axis"]

    def log_softmax(x: Any) -> Any:
        shifted = x - np.maximum.reduce(x, axis, keepdims=True)
        shifted -= np.log(np.add.reduce(np.exp(shifted), axis, keepdims=True))
        return shifted

    return log_softmax


def _same_with_axis(view: View) -> Spec:
    dims = view.first.dims
    if dims is not None:
        normalized_axis(view["axis"], len(dims))
    return Spec(view.first.dtype, dims)


def _softmax_gradient(op: Any, dy: Tensor) -> list[Tensor]:
    y, axis = op.outputs[0], op.attributes["axis"]
    return [(dy - reduce_sum(dy * y, axis, keepdims=True)) * y]


def _log_softmax_gradient(op: Any, dy: Tensor) -> list[Tensor]:
    y, axis = op.outputs[0], op.attributes["axis"]
    return [dy - reduce_sum(dy, axis, keepdims=True) * exp(y)]


SOFTMAX: Definition = Definition(
    "Softmax",
    _same_with_axis,
    bind=_bind_softmax,
    gradient=_softmax_gradient,
    floating=True,
)
LOG_SOFTMAX: Definition = Definition(
    "LogSoftmax",
    _same_with_axis,
    bind=_bind_log_softmax,
    gradient=_log_softmax_gradient,
    floating=True,
)


@export("nn.softmax", "math.softmax")
def softmax(
    logits: TensorLike, axis: int | None = None, name: str | None = None, dim: int | None = None
) -> Tensor:
    """The exponential, divided by its sum over an axis.

    Args:
        logits: A tensor of floating-point numbers.
        axis: The axis; the last one if None.
        name: Name of the operation.
        dim: The old name of `axis`.

    Returns:
        A tensor of the same shape.
    """
    chosen = renamed(axis, dim, "axis", "dim")
    tensor = checked_kind(convert_to_tensor(logits), "f", "Softmax")
    result: Tensor = SOFTMAX(tensor, axis=-1 if chosen is None else chosen, name=name)
    return result


@export("nn.log_softmax", "math.log_softmax")
def log_softmax(
    logits: TensorLike, axis: int | None = None, name: str | None = None, dim: int | None = None
) -> Tensor:
    """The logarithm of the softmax.

    Args:
        logits: A tensor of floating-point numbers.
        axis: The axis; the last one if None.
        name: Name of the operation.
        dim: The old name of `axis`.

    Returns:
        A tensor of the same shape.
    """
    chosen = renamed(axis, dim, "axis", "dim")
    tensor = checked_kind(convert_to_tensor(logits), "f", "LogSoftmax")
    result: Tensor = LOG_SOFTMAX(tensor, axis=-1 if chosen is None else chosen, name=name)
    return result


# Cross entropies. The operations give the loss and its gradient by the logits at once.


def _cross_entropy_spec(view: View) -> tuple[Spec, ...]:
    logits, labels = view.inputs
    if not compatible(logits.dims, labels.dims):
        raise Incompatible(
            f"logits of shape {described(logits.dims)} and labels of shape "
            f"{described(labels.dims)} must have the same shape"
        )
    dims = merged(logits.dims, labels.dims)
    loss = None if dims is None else dims[:-1]
    return Spec(logits.dtype, loss), Spec(logits.dtype, dims)


def _cross_entropy_gradient(op: Any, dloss: Tensor, dslope: Tensor | None) -> list[Tensor]:
    logits = op.inputs[0]
    by_logits = expand_dims(dloss, -1) * op.outputs[1]
    by_labels = expand_dims(dloss, -1) * negative(log_softmax(logits))
    if dslope is not None:
        by_logits = by_logits + _slope_of_softmax(logits, dslope)
        by_labels = by_labels - dslope
    return [by_logits, by_labels]


def _slope_of_softmax(logits: Tensor, dy: Tensor) -> Tensor:
    probabilities = softmax(logits)
    inner = reduce_sum(dy * probabilities, -1, keepdims=True)
    return (dy - inner) * probabilities


CROSS_ENTROPY: Definition = Definition(
    "SoftmaxCrossEntropyWithLogits",
    _cross_entropy_spec,
    bind=bind_dense,
    gradient=_cross_entropy_gradient,
    floating=True,
)


def _last_axis_first(tensor: Tensor, axis: int) -> Tensor:
    """Moves an axis to the end."""
    if axis == -1:
        return tensor
    count = rank_of(tensor, "A loss along another axis than the last")
    chosen = normalized_axis(axis, count)
    return transpose(tensor, [*[i for i in range(count) if i != chosen], chosen])


@export("nn.softmax_cross_entropy_with_logits_v2")
def softmax_cross_entropy_with_logits_v2(
    labels: TensorLike,
    logits: TensorLike,
    axis: int | None = None,
    name: str | None = None,
    dim: int | None = None,
) -> Tensor:
    """The cross entropy between labels and the softmax of logits.

    Args:
        labels: Probabilities of the classes along the axis.
        logits: Unscaled log probabilities, of the same shape.
        axis: The axis of the classes; the last one if None.
        name: Name of the operation.
        dim: The old name of `axis`.

    Returns:
        The loss, without that axis. Gradients flow to both arguments.

    Raises:
        ValueError: If the shapes differ.
    """
    chosen = renamed(axis, dim, "axis", "dim")
    first = checked_kind(convert_to_tensor(logits), "f", "softmax_cross_entropy_with_logits")
    second = convert_to_tensor(labels)
    if second.dtype.numpy.kind in "fiub":  # one-hot vectors that NumPy made, for example
        second = cast(second, first.dtype)
    first, second = same_type(first, second, names=("logits", "labels"))
    where_to = -1 if chosen is None else chosen
    loss, _ = CROSS_ENTROPY(
        _last_axis_first(first, where_to),
        _last_axis_first(second, where_to),
        name=name or "softmax_cross_entropy_with_logits",
    )
    return loss  # type: ignore[no-any-return]  # what a definition makes is untyped


@export("nn.softmax_cross_entropy_with_logits")
def softmax_cross_entropy_with_logits(
    labels: TensorLike = None,
    logits: TensorLike = None,
    dim: int = -1,
    name: str | None = None,
    axis: int | None = None,
) -> Tensor:
    """The cross entropy between labels and the softmax of logits.

    Args:
        labels: Probabilities of the classes along the axis.
        logits: Unscaled log probabilities, of the same shape.
        dim: The axis of the classes.
        name: Name of the operation.
        axis: The new name of `dim`.

    Returns:
        The loss, without that axis. Gradients flow to the logits only.

    Raises:
        ValueError: If an argument is missing, or the shapes differ.
    """
    _check_given("softmax_cross_entropy_with_logits", labels, logits)
    return softmax_cross_entropy_with_logits_v2(
        stop_gradient(labels), logits, axis=dim if axis is None else axis, name=name
    )


def _check_given(what: str, labels: Any, logits: Any) -> None:
    if labels is None or logits is None:
        raise ValueError(f"{what} needs both labels and logits.")


def _sparse_spec(view: View) -> tuple[Spec, ...]:
    logits, labels = view.inputs
    rest: Dims = None if logits.dims is None else logits.dims[:-1]
    if logits.dims == ():
        raise Incompatible("logits can't be a scalar")
    if not compatible(rest, labels.dims):
        raise Incompatible(
            f"labels of shape {described(labels.dims)} do not fit logits of shape "
            f"{described(logits.dims)}: labels have the shape of the logits without the last axis"
        )
    return Spec(logits.dtype, merged(rest, labels.dims)), Spec(logits.dtype, logits.dims)


def _sparse_gradient(op: Any, dloss: Tensor, dslope: Tensor | None) -> list[Tensor | None]:
    by_logits = expand_dims(dloss, -1) * op.outputs[1]
    if dslope is not None:
        by_logits = by_logits + _slope_of_softmax(op.inputs[0], dslope)
    return [by_logits, None]


SPARSE_CROSS_ENTROPY: Definition = Definition(
    "SparseSoftmaxCrossEntropyWithLogits",
    _sparse_spec,
    bind=bind_sparse,
    gradient=_sparse_gradient,
    floating=True,
)


@export("nn.sparse_softmax_cross_entropy_with_logits")
def sparse_softmax_cross_entropy_with_logits(
    labels: TensorLike = None,
    logits: TensorLike = None,
    name: str | None = None,
) -> Tensor:
    """The cross entropy between class numbers and the softmax of logits.

    Args:
        labels: Numbers of the classes.
        logits: Unscaled log probabilities, with one more axis, of the classes.
        name: Name of the operation.

    Returns:
        The loss, of the shape of the labels.

    Raises:
        ValueError: If an argument is missing, or the shapes don't fit.
    """
    _check_given("sparse_softmax_cross_entropy_with_logits", labels, logits)
    numbers = checked_kind(convert_to_tensor(labels), "iu", "labels")
    scores = checked_kind(convert_to_tensor(logits), "f", "logits")
    loss, _ = SPARSE_CROSS_ENTROPY(
        scores, numbers, name=name or "SparseSoftmaxCrossEntropyWithLogits"
    )
    return loss  # type: ignore[no-any-return]  # what a definition makes is untyped


def _bind_sigmoid_cross_entropy(view: View) -> Kernel:
    zero = np.zeros((), view.first.dtype.numpy)

    def compute(logits: Any, labels: Any) -> Any:
        result = np.maximum(logits, zero)
        result -= logits * labels
        result += log_one_plus_exp_minus(logits)
        return result

    return compute


SIGMOID_CROSS_ENTROPY: Definition = Definition(
    "SigmoidCrossEntropyWithLogits",
    broadcasted,
    bind=_bind_sigmoid_cross_entropy,
    gradient=lambda op, dy: [
        (sigmoid(op.inputs[0]) - op.inputs[1]) * dy,
        negative(op.inputs[0]) * dy,
    ],
    floating=True,
)


@export("nn.sigmoid_cross_entropy_with_logits")
def sigmoid_cross_entropy_with_logits(
    labels: TensorLike = None,
    logits: TensorLike = None,
    name: str | None = None,
) -> Tensor:
    """The cross entropy between labels and the sigmoid of logits, elementwise.

    Args:
        labels: Probabilities.
        logits: Unscaled log odds, of the same shape.
        name: Name of the operation.

    Returns:
        The loss, of the same shape.

    Raises:
        ValueError: If an argument is missing, or the shapes differ.
    """
    _check_given("sigmoid_cross_entropy_with_logits", labels, logits)
    x, z = same_type(logits, labels, names=("logits", "labels"))
    _check_same_shape(x, z, "sigmoid_cross_entropy_with_logits")
    result: Tensor = SIGMOID_CROSS_ENTROPY(x, z, name=name or "logistic_loss")
    return result


@export("nn.weighted_cross_entropy_with_logits")
def weighted_cross_entropy_with_logits(
    labels: TensorLike = None,
    logits: TensorLike = None,
    pos_weight: TensorLike = None,
    name: str | None = None,
    targets: TensorLike = None,
) -> Tensor:
    """The cross entropy between labels and the sigmoid of logits, positive labels weighted.

    Args:
        labels: Probabilities.
        logits: Unscaled log odds, of the same shape.
        pos_weight: The weight of positive labels.
        name: Name of the operation.
        targets: The old name of `labels`.

    Returns:
        The loss, of the same shape.

    Raises:
        ValueError: If an argument is missing, or the shapes differ.
    """
    given = renamed(labels, targets, "labels", "targets")
    _check_given("weighted_cross_entropy_with_logits", given, logits)
    x, z = same_type(logits, given, names=("logits", "labels"))
    _check_same_shape(x, z, "weighted_cross_entropy_with_logits")
    weight = (convert_to_tensor(pos_weight, x.dtype) - 1) * z + 1
    decay = log1p(exp(-abs(x))) + where(x < 0, negative(x), x * 0)
    return add((1 - z) * x, weight * decay, name=name or "logistic_loss")


@export("nn.log_poisson_loss")
def log_poisson_loss(
    targets: TensorLike,
    log_input: TensorLike,
    compute_full_loss: bool = False,
    name: str | None = None,
) -> Tensor:
    """The negative log likelihood of counts under Poisson distributions.

    Args:
        targets: The counts.
        log_input: The logarithms of the expected counts, of the same shape.
        compute_full_loss: Whether the part that depends only on the targets is added (by
            Stirling's formula).
        name: Name of the operation.

    Returns:
        The loss, of the same shape.

    Raises:
        ValueError: If the shapes differ.
    """
    c, z = same_type(log_input, targets, names=("log_input", "targets"))
    _check_same_shape(c, z, "log_poisson_loss")
    result = exp(c) - c * z
    if compute_full_loss:
        stirling = z * log(z) - z + 0.5 * log(2 * math.pi * z)
        result = result + where((z >= 0) & (z <= 1), z * 0, stirling)
    return identity(result, name=name or "log_poisson_loss")


def _check_same_shape(x: Tensor, z: Tensor, what: str) -> None:
    if not compatible(x.dims, z.dims):
        raise ValueError(
            f"logits of shape {described(x.dims)} and labels of shape {described(z.dims)} must "
            f"have the same shape in {what}."
        )


# Others.


def _l2_loss(x: Any) -> Any:
    flat = x.reshape(-1)
    return flat.dot(flat) * x.dtype.type(0.5)


L2_LOSS: Definition = Definition(
    "L2Loss",
    lambda view: Spec(view.first.dtype, ()),
    _l2_loss,
    gradient=lambda op, dy: [op.inputs[0] * dy],
    floating=True,
)


@export("nn.l2_loss")
def l2_loss(t: TensorLike, name: str | None = None) -> Tensor:
    """Half the sum of squares.

    Args:
        t: A tensor of floating-point numbers.
        name: Name of the operation.

    Returns:
        A scalar.
    """
    tensor = checked_kind(convert_to_tensor(t), "f", "L2Loss")
    result: Tensor = L2_LOSS(tensor, name=name)
    return result


@export("nn.bias_add")
def bias_add(
    value: TensorLike, bias: TensorLike, data_format: str | None = None, name: str | None = None
) -> Tensor:
    """Adds a vector along the axis of the channels.

    Args:
        value: A tensor.
        bias: A vector as long as the axis of the channels.
        data_format: ``"NHWC"`` and the like: the channels are last; ``"NCHW"`` and the like: they
            come second.
        name: Name of the operation.

    Returns:
        The sum.

    Raises:
        ValueError: If the shapes don't fit.
    """
    tensor, vector = same_type(value, bias, names=("value", "bias"))
    first = data_format is not None and data_format.startswith("NC")
    if not (first or data_format is None or (data_format[:1] + data_format[-1:] == "NC")):
        raise ValueError(f"data_format must be 'NHWC' or 'NCHW', not {data_format!r}.")
    if vector.dims is not None and len(vector.dims) != 1:
        raise ValueError(f"The bias of BiasAdd must be a vector, not {described(vector.dims)}.")
    channels = None if not tensor.dims else tensor.dims[1 if first else -1]
    if not compatible((channels,), vector.dims):
        raise ValueError(
            f"BiasAdd: a bias of shape {described(vector.dims)} does not fit the {channels} "
            f"channels of a value of shape {described(tensor.dims)}."
        )
    if first:
        vector = reshape(vector, [-1, *[1] * (rank_of(tensor, "BiasAdd of NCHW") - 2)])
    return add(tensor, vector, name=name or "BiasAdd")


def _in_top(predictions: Any, targets: Any, k: int) -> Any:
    known = (targets >= 0) & (targets < predictions.shape[1])
    index = np.where(known, targets, 0)[:, None].astype(np.int64)
    chosen = np.take_along_axis(predictions, index, 1)
    ahead = np.add.reduce(predictions > chosen, 1)
    return (ahead < k) & known & np.isfinite(chosen[:, 0])


def _in_top_spec(view: View) -> Spec:
    predictions, targets = view.inputs[0].dims, view.inputs[1].dims
    rows = None if predictions is None else predictions[:1]
    if not compatible(predictions, (None, None)) or not compatible(rows, targets):
        raise Incompatible(
            f"targets of shape {described(targets)} do not fit predictions of shape "
            f"{described(predictions)}: one target for each row"
        )
    return Spec(dtypes.bool, merged(rows, targets))


IN_TOP_K: Definition = Definition(
    "InTopKV2",
    _in_top_spec,
    lambda predictions, targets, k: _in_top(predictions, targets, int(k)),
    gradient=not_differentiable,
)


@export("nn.in_top_k", "math.in_top_k")
def in_top_k(
    predictions: TensorLike, targets: TensorLike, k: TensorLike, name: str | None = None
) -> Tensor:
    """Whether the targets are among the k largest predictions.

    Args:
        predictions: A matrix, one row an example.
        targets: The number of the right class of each example.
        k: How many of the largest predictions count.
        name: Name of the operation.

    Returns:
        A vector of bools; false where a target is no class or its prediction is not finite.
    """
    scores = checked_kind(convert_to_tensor(predictions), "f", "InTopK")
    numbers = checked_kind(convert_to_tensor(targets), "iu", "InTopK")
    count = checked_kind(convert_to_tensor(k), "iu", "InTopK")
    result: Tensor = IN_TOP_K(scores, numbers, count, name=name or "in_top_k/InTopKV2")
    return result


class TopKV2(NamedTuple):
    """What `top_k` gives.

    Attributes:
        values: The largest elements.
        indices: Where they are along the last axis.
    """

    values: Any
    indices: Any


def _top_spec(view: View) -> tuple[Spec, ...]:
    dims, k = view.first.dims, view.inputs[1].value
    if dims == ():
        raise Incompatible("input must have at least one axis")
    wanted = None if k is None else int(k)
    if dims is not None and None not in (dims[-1], wanted) and dims[-1] < wanted:  # type: ignore[operator]  # both known
        raise Incompatible(
            f"input of shape {described(dims)} must have at least k = {wanted} columns"
        )
    result = None if dims is None else (*dims[:-1], wanted)
    return Spec(view.first.dtype, result), Spec(view["index_type"], result)


def _bind_top(view: View) -> Kernel:
    kind = view["index_type"].numpy

    def kernel(x: Any, k: Any) -> Any:
        count, size = int(k), x.shape[-1]
        if not 0 <= count <= size:
            raise ValueError(f"input must have at least k columns. Had {size}, needed {count}")
        # Sorted backwards, so that of equal elements the one with the lower index comes first.
        order = np.argsort(x[..., ::-1], axis=-1, kind="stable")[..., ::-1][..., :count]
        indices = size - 1 - order
        return np.take_along_axis(x, indices, -1), indices.astype(kind)

    return kernel


def _top_gradient(dy: Any, x: Any, indices: Any) -> Any:
    result = np.zeros(x.shape, dy.dtype)
    np.put_along_axis(result, indices.astype(np.int64), dy, -1)
    return result


TOP_K_GRADIENT: Definition = Definition(
    "TopKGrad",
    lambda view: Spec(view.first.dtype, view.inputs[1].dims),
    _top_gradient,
    gradient=lambda op, ddx: [TAKE_ALONG_LAST(ddx, op.inputs[2]), None, None],
)
TAKE_ALONG_LAST: Definition = Definition(
    "TakeAlongLastAxis",
    lambda view: Spec(view.first.dtype, view.inputs[1].dims),
    lambda x, indices: np.take_along_axis(x, indices.astype(np.int64), -1),
    gradient=lambda op, dy: [TOP_K_GRADIENT(dy, op.inputs[0], op.inputs[1]), None],
)
TOP_K: Definition = Definition(
    "TopKV2",
    _top_spec,
    bind=_bind_top,
    gradient=lambda op, dy, _: [TOP_K_GRADIENT(dy, op.inputs[0], op.outputs[1]), None],
)


@export("nn.top_k", "math.top_k")
def top_k(
    input: TensorLike,
    k: TensorLike = 1,
    sorted: bool = True,
    index_type: Any = dtypes.int32,
    name: str | None = None,
) -> TopKV2:
    """The k largest elements along the last axis, the largest first.

    Args:
        input: A tensor of numbers.
        k: How many.
        sorted: Without effect: they are always sorted.
        index_type: The type of the indices.
        name: Name of the operation.

    Returns:
        The elements and their indices; of equal elements the one with the lower index is first.

    Raises:
        ValueError: If the axis is shorter.
    """
    numbers = checked_kind(convert_to_tensor(input), "fiu", "TopK")
    count = checked_kind(convert_to_tensor(k), "iu", "TopK")
    return TopKV2(
        *TOP_K(numbers, count, index_type=dtypes.as_dtype(index_type), name=name or "TopKV2")
    )
