"""Activations, losses and what else neural networks are made of."""

from typing import Any

import numpy as np

from runtime.graph import dtypes
from runtime.graph.convert import TensorLike, convert_to_tensor, same_type
from runtime.graph.definition import Definition, Kernel, Spec, View, not_differentiable
from runtime.graph.export import export
from runtime.graph.ops.array import (
    expand_dims,
    reshape,
    stop_gradient,
    transpose,
    where,
)
from runtime.graph.ops.elementwise import Function, unary
from runtime.graph.ops.math import add, exp, log1p, maximum, minimum, negative, sigmoid, square
from runtime.graph.ops.reduction import reduce_sum
from runtime.graph.ops.rules import checked_kind, rank_of, renamed
from runtime.graph.shapes import (
    Dims,
    Incompatible,
    broadcast,
    compatible,
    described,
    element_count,
    fully_known,
    merged,
    normalized_axis,
)
from runtime.graph.tensor import Tensor

# Activations.


def _bind_relu(view: View) -> Kernel:
    zero = view.first.dtype.as_numpy_dtype(0)
    if view.first.owned and view.first.dims:
        return lambda x: np.maximum(x, zero, out=x)
    return lambda x: np.maximum(x, zero)


def _bind_relu_gradient(view: View) -> Kernel:
    if view.first.owned and view.first.dims and view.first.dims == view.inputs[1].dims:
        return lambda dy, y: np.multiply(dy, y > 0, dy)
    return lambda dy, y: dy * (y > 0)


RELU_GRADIENT: Definition = Definition(
    "ReluGrad",
    lambda view: Spec(view.first.dtype, broadcast(view.first.dims, view.inputs[1].dims)),
    bind=_bind_relu_gradient,
    gradient=lambda op, dy: [RELU_GRADIENT(dy, op.inputs[1]), None],
    floating=True,
)
RELU: Definition = Definition(
    "Relu",
    lambda view: Spec(view.first.dtype, view.first.dims),
    bind=_bind_relu,
    gradient=lambda op, dy: [RELU_GRADIENT(dy, op.outputs[0])],
)


@export("nn.relu")
def relu(features: TensorLike, name: str | None = None) -> Tensor:
    """The larger of x and 0.

    Args:
        features: A tensor of numbers.
        name: Name of the operation.

    Returns:
        A tensor of the same shape.
    """
    tensor = checked_kind(convert_to_tensor(features), "fiu", "Relu")
    result: Tensor = RELU(tensor, name=name)
    return result


@export("nn.relu6")
def relu6(features: TensorLike, name: str | None = None) -> Tensor:
    """Limits x to the range from 0 to 6.

    Args:
        features: A tensor of numbers.
        name: Name of the operation.

    Returns:
        A tensor of the same shape.
    """
    return minimum(relu(features), 6, name=name or "Relu6")


@export("nn.leaky_relu")
def leaky_relu(features: TensorLike, alpha: float = 0.2, name: str | None = None) -> Tensor:
    """Leaves x where it is positive, takes a fraction of it elsewhere.

    Args:
        features: A tensor of floating-point numbers.
        alpha: The fraction.
        name: Name of the operation.

    Returns:
        A tensor of the same shape.
    """
    tensor = checked_kind(convert_to_tensor(features), "f", "LeakyRelu")
    return where(tensor > 0, tensor, tensor * alpha, name=name or "LeakyRelu")


def _softplus(x: Any) -> Any:
    return np.logaddexp(x, x.dtype.type(0))


softplus: Function = unary(
    "Softplus",
    _softplus,
    "nn.softplus math.softplus",
    "log(1 + exp(x)).",
    lambda op, dy: [dy * sigmoid(op.inputs[0])],
    kinds="f",
    ufunc=False,
)
softsign: Function = unary(
    "Softsign",
    lambda x: x / (1 + np.abs(x)),
    "nn.softsign math.softsign",
    "x / (1 + |x|).",
    lambda op, dy: [dy / square(abs(op.inputs[0]) + 1)],
    kinds="f",
    ufunc=False,
)
elu: Function = unary(
    "Elu",
    lambda x: np.where(x > 0, x, np.expm1(np.minimum(x, x.dtype.type(0))))[()],
    "nn.elu",
    "x where it is positive, exp(x) - 1 elsewhere.",
    lambda op, dy: [dy * where(op.outputs[0] > 0, op.outputs[0] * 0 + 1, op.outputs[0] + 1)],
    kinds="f",
    ufunc=False,
)


# Softmax.


def _softmax(x: Any, axis: int) -> Any:
    result = np.exp(x - np.maximum.reduce(x, axis, keepdims=True))
    result /= np.add.reduce(result, axis, keepdims=True)
    return result


def _log_softmax(x: Any, axis: int) -> Any:
    shifted = x - np.maximum.reduce(x, axis, keepdims=True)
    shifted -= np.log(np.add.reduce(np.exp(shifted), axis, keepdims=True))
    return shifted


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
    bind=lambda view: lambda x: _softmax(x, view["axis"]),
    gradient=_softmax_gradient,
    floating=True,
)
LOG_SOFTMAX: Definition = Definition(
    "LogSoftmax",
    _same_with_axis,
    bind=lambda view: lambda x: _log_softmax(x, view["axis"]),
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


def _cross_entropy(logits: Any, labels: Any) -> Any:
    shifted = logits - np.maximum.reduce(logits, -1, keepdims=True)
    exponentials = np.exp(shifted)
    total = np.add.reduce(exponentials, -1, keepdims=True)
    shifted -= np.log(total)
    loss = -np.add.reduce(labels * shifted, -1)
    exponentials /= total
    exponentials -= labels
    return loss, exponentials


def _cross_entropy_gradient(op: Any, dloss: Tensor, dslope: Tensor | None) -> list[Tensor]:
    logits = op.inputs[0]
    gradient = expand_dims(dloss, -1) * op.outputs[1]
    if dslope is not None:
        probabilities = softmax(logits)
        inner = reduce_sum(dslope * probabilities, -1, keepdims=True)
        gradient = gradient + (dslope - inner) * probabilities
    return [gradient, expand_dims(dloss, -1) * negative(log_softmax(logits))]


CROSS_ENTROPY: Definition = Definition(
    "SoftmaxCrossEntropyWithLogits",
    _cross_entropy_spec,
    _cross_entropy,
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
    first, second = same_type(logits, labels, names=("logits", "labels"))
    checked_kind(first, "f", "softmax_cross_entropy_with_logits")
    where_to = -1 if chosen is None else chosen
    loss, _ = CROSS_ENTROPY(
        _last_axis_first(first, where_to),
        _last_axis_first(second, where_to),
        name=name or "softmax_cross_entropy_with_logits",
    )
    return loss  # type: ignore[no-any-return]  # what a definition makes is untyped


@export("nn.softmax_cross_entropy_with_logits")
def softmax_cross_entropy_with_logits(
    _sentinel: None = None,
    labels: TensorLike = None,
    logits: TensorLike = None,
    dim: int = -1,
    name: str | None = None,
    axis: int | None = None,
) -> Tensor:
    """The cross entropy between labels and the softmax of logits.

    Args:
        _sentinel: Not to be given: labels and logits must be named.
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
    _check_named("softmax_cross_entropy_with_logits", _sentinel, labels, logits)
    return softmax_cross_entropy_with_logits_v2(
        stop_gradient(labels), logits, axis=dim if axis is None else axis, name=name
    )


def _check_named(what: str, sentinel: Any, labels: Any, logits: Any) -> None:
    if sentinel is not None:
        raise ValueError(f"Only call {what} with named arguments (labels=..., logits=..., ...).")
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


def _row_starts(rows: int, classes: int) -> Any:
    return np.arange(0, rows * classes, classes or 1)


def _check_labels(labels: Any, classes: int) -> None:
    # Seen as unsigned, a negative number is a large one.
    if labels.size and labels.view(f"u{labels.itemsize}").max() >= classes:
        wrong = labels[(labels < 0) | (labels >= classes)][0]
        raise ValueError(
            f"Received a label value of {wrong} which is outside the valid range of [0, {classes})."
        )


def _sparse_cross_entropy(logits: Any, labels: Any, starts: Any) -> Any:
    flat = labels.ravel()
    _check_labels(flat, logits.shape[-1])
    index = starts + flat
    shifted = logits - np.maximum.reduce(logits, -1, keepdims=True)
    exponentials = np.exp(shifted)
    total = np.add.reduce(exponentials, -1, keepdims=True)
    loss = np.log(total.ravel()) - shifted.take(index)
    exponentials /= total
    exponentials.put(index, exponentials.take(index) - 1)
    return loss.reshape(labels.shape)[()], exponentials


def _bind_sparse(view: View) -> Kernel:
    dims = view.first.dims
    if dims is not None and fully_known(dims):
        known = _row_starts(element_count(dims[:-1]) or 0, dims[-1] or 0)
        return lambda logits, labels: _sparse_cross_entropy(logits, labels, known)
    return lambda logits, labels: _sparse_cross_entropy(
        logits, labels, _row_starts(labels.size, logits.shape[-1])
    )


SPARSE_CROSS_ENTROPY: Definition = Definition(
    "SparseSoftmaxCrossEntropyWithLogits",
    _sparse_spec,
    bind=_bind_sparse,
    gradient=lambda op, dloss, dslope: [expand_dims(dloss, -1) * op.outputs[1], None],
    floating=True,
)


@export("nn.sparse_softmax_cross_entropy_with_logits")
def sparse_softmax_cross_entropy_with_logits(
    _sentinel: None = None,
    labels: TensorLike = None,
    logits: TensorLike = None,
    name: str | None = None,
) -> Tensor:
    """The cross entropy between class numbers and the softmax of logits.

    Args:
        _sentinel: Not to be given: labels and logits must be named.
        labels: Numbers of the classes.
        logits: Unscaled log probabilities, with one more axis, of the classes.
        name: Name of the operation.

    Returns:
        The loss, of the shape of the labels.

    Raises:
        ValueError: If an argument is missing, or the shapes don't fit.
    """
    _check_named("sparse_softmax_cross_entropy_with_logits", _sentinel, labels, logits)
    numbers = checked_kind(convert_to_tensor(labels), "iu", "labels")
    scores = checked_kind(convert_to_tensor(logits), "f", "logits")
    loss, _ = SPARSE_CROSS_ENTROPY(
        scores, numbers, name=name or "SparseSoftmaxCrossEntropyWithLogits"
    )
    return loss  # type: ignore[no-any-return]  # what a definition makes is untyped


@export("nn.sigmoid_cross_entropy_with_logits")
def sigmoid_cross_entropy_with_logits(
    _sentinel: None = None,
    labels: TensorLike = None,
    logits: TensorLike = None,
    name: str | None = None,
) -> Tensor:
    """The cross entropy between labels and the sigmoid of logits, elementwise.

    Args:
        _sentinel: Not to be given: labels and logits must be named.
        labels: Probabilities.
        logits: Unscaled log odds, of the same shape.
        name: Name of the operation.

    Returns:
        The loss, of the same shape.

    Raises:
        ValueError: If an argument is missing, or the shapes differ.
    """
    _check_named("sigmoid_cross_entropy_with_logits", _sentinel, labels, logits)
    x, z = same_type(logits, labels, names=("logits", "labels"))
    if not compatible(x.dims, z.dims):
        raise ValueError(
            f"logits of shape {described(x.dims)} and labels of shape {described(z.dims)} must "
            "have the same shape in sigmoid_cross_entropy_with_logits."
        )
    positive = where(x >= 0, x, x * 0)
    decay = log1p(exp(where(x >= 0, negative(x), x)))
    return add(positive - x * z, decay, name=name or "logistic_loss")


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
        data_format: ``"NHWC"``: the channels are last; ``"NCHW"``: they come second.
        name: Name of the operation.

    Returns:
        The sum.

    Raises:
        ValueError: If the shapes don't fit.
    """
    tensor, vector = same_type(value, bias, names=("value", "bias"))
    if data_format not in (None, "NHWC", "NCHW"):
        raise ValueError(f"data_format must be 'NHWC' or 'NCHW', not {data_format!r}.")
    if vector.dims is not None and len(vector.dims) != 1:
        raise ValueError(f"The bias of BiasAdd must be a vector, not {described(vector.dims)}.")
    first = data_format == "NCHW"
    channels = None if not tensor.dims else tensor.dims[1 if first else -1]
    if not compatible((channels,), vector.dims):
        raise ValueError(
            f"BiasAdd: a bias of shape {described(vector.dims)} does not fit the {channels} "
            f"channels of a value of shape {described(tensor.dims)}."
        )
    if first and tensor.dims is not None:
        vector = reshape(vector, [-1, *[1] * (len(tensor.dims) - 2)])
    return add(tensor, vector, name=name or "BiasAdd")


@export("nn.l2_normalize", "math.l2_normalize")
def l2_normalize(
    x: TensorLike,
    axis: TensorLike = None,
    epsilon: float = 1e-12,
    name: str | None = None,
    dim: TensorLike = None,
) -> Tensor:
    """Scales vectors to length 1.

    Args:
        x: A tensor.
        axis: The axis, or axes, of the vectors; all if None.
        epsilon: The least square of a length to divide by.
        name: Name of the operation.
        dim: The old name of `axis`.

    Returns:
        A tensor of the same shape.
    """
    from runtime.graph.ops.math import multiply, rsqrt

    tensor = convert_to_tensor(x)
    chosen = renamed(axis, dim, "axis", "dim")
    total = reduce_sum(square(tensor), chosen, keepdims=True)
    return multiply(tensor, rsqrt(maximum(total, epsilon)), name=name or "l2_normalize")


def _in_top(predictions: Any, targets: Any, k: int) -> Any:
    chosen = np.take_along_axis(predictions, targets[:, None].astype(np.int64), 1)
    ahead = np.add.reduce(predictions > chosen, 1)
    return (ahead < k) & np.isfinite(chosen[:, 0])


IN_TOP_K: Definition = Definition(
    "InTopK",
    lambda view: Spec(dtypes.bool, view.inputs[1].dims),
    bind=lambda view: lambda predictions, targets: _in_top(predictions, targets, view["k"]),
    gradient=not_differentiable,
)


@export("nn.in_top_k", "math.in_top_k")
def in_top_k(
    predictions: TensorLike, targets: TensorLike, k: int, name: str | None = None
) -> Tensor:
    """Whether the targets are among the k largest predictions.

    Args:
        predictions: A matrix, one row an example.
        targets: The number of the right class of each example.
        k: How many of the largest predictions count.
        name: Name of the operation.

    Returns:
        A vector of bools.
    """
    scores = checked_kind(convert_to_tensor(predictions), "f", "InTopK")
    numbers = checked_kind(convert_to_tensor(targets), "iu", "InTopK")
    result: Tensor = IN_TOP_K(scores, numbers, k=k, name=name)
    return result
