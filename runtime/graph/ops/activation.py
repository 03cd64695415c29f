"""Activations: what a unit of a network makes of its input."""

from typing import Any

import numpy as np

from runtime.graph.buffers import Buffers
from runtime.graph.convert import TensorLike, convert_to_tensor
from runtime.graph.definition import Definition, Kernel, Spec, View
from runtime.graph.dtypes import DType
from runtime.graph.export import export
from runtime.graph.graph import get_default_graph
from runtime.graph.ops.array import concat, where
from runtime.graph.ops.elementwise import Function, unary
from runtime.graph.ops.math import (
    cast,
    equal,
    matmul,
    maximum,
    minimum,
    multiply,
    negative,
    sigmoid,
    square,
)
from runtime.graph.ops.near_zero import exp_minus_one, log_one_plus_exp
from runtime.graph.ops.nn import bias_add
from runtime.graph.ops.reduction import reduce_mean
from runtime.graph.ops.rules import checked_kind, unchanged
from runtime.graph.shapes import broadcast, element_count, fully_known
from runtime.graph.tensor import Tensor

# NumPy compares a small array faster with another array than with a number, and limits a large one
# faster on both sides than on one.
_SMALL = 16384


def _bind_relu(view: View) -> Kernel:
    dims: Any = view.first.dims
    dtype = view.first.dtype.numpy
    owned, count = view.first.owned and bool(dims), element_count(dims) or 0
    if count > _SMALL:
        low, high = dtype.type(0), _highest(view.first.dtype)
        buffers = view.buffers
        return lambda x: x.clip(low, high, x if owned else buffers.take(dims, dtype))
    zero = np.zeros(dims if count else (), dtype)
    return lambda x: np.maximum(x, zero, out=x if owned else None)


def _highest(dtype: DType) -> Any:
    return dtype.numpy.type(np.inf if dtype.is_floating else dtype.max)


def _bind_relu_gradient(view: View) -> Kernel:
    dy, y = view.inputs
    zero, dtype, multiply = np.zeros((), y.dtype.numpy), dy.dtype.numpy, np.multiply
    if not (dy.dims and fully_known(dy.dims) and dy.dims == y.dims):
        return lambda dy, y: dy * (y > zero)
    if element_count(dy.dims) > _SMALL:  # type: ignore[operator]  # all known
        return _large_relu_gradient(dy.dims, dtype, dy.owned, view.buffers)
    if not dy.owned:
        return lambda dy, y: dy * (y > zero)
    if not (y.owned and y.dtype is dy.dtype):
        return lambda dy, y: multiply(dy, (y > zero).astype(dtype), dy)

    def overwrite(dy: Any, y: Any) -> Any:
        y[...] = y > zero
        return multiply(dy, y, dy)

    return overwrite


def _large_relu_gradient(dims: Any, dtype: Any, owned: bool, buffers: Buffers) -> Kernel:
    def kernel(dy: Any, y: Any) -> Any:
        mask = np.greater(y, 0, buffers.take(dims, bool))
        return np.multiply(dy, mask, dy if owned else buffers.take(dims, dtype))

    return kernel


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


def _relu6_gradient(dy: Any, y: Any) -> Any:
    return dy * ((y > 0) & (y < 6))


RELU6_GRADIENT: Definition = Definition(
    "Relu6Grad",
    unchanged,
    _relu6_gradient,
    gradient=lambda op, ddx: [RELU6_GRADIENT(ddx, op.inputs[1]), None],
    floating=True,
)
relu6: Function = unary(
    "Relu6",
    lambda x: x.clip(x.dtype.type(0), x.dtype.type(6)),
    "nn.relu6",
    "Limits x to the range from 0 to 6.",
    lambda op, dy: [RELU6_GRADIENT(dy, op.outputs[0])],
    kinds="fiu",
    ufunc=False,
    features=True,
)


def _bind_leaky(view: View) -> Kernel:
    alpha = view.first.dtype.as_numpy_dtype(view["alpha"])
    if 0 <= view["alpha"] <= 1:
        return lambda x: np.maximum(x, alpha * x)
    return lambda x: np.where(x > 0, x, alpha * x)[()]


def _bind_leaky_gradient(view: View) -> Kernel:
    one, alpha = (view.first.dtype.as_numpy_dtype(number) for number in (1, view["alpha"]))
    if 0 <= alpha <= 1:  # then limits turn truths into factors, faster than a choice
        return lambda dy, x: dy * (x > 0).astype(one.dtype).clip(alpha, one)
    return lambda dy, x: dy * np.where(x > 0, one, alpha)


LEAKY_GRADIENT: Definition = Definition(
    "LeakyReluGrad",
    unchanged,
    bind=_bind_leaky_gradient,
    gradient=lambda op, ddx: [
        LEAKY_GRADIENT(ddx, op.inputs[1], alpha=op.attributes["alpha"]),
        None,
    ],
    floating=True,
)
LEAKY: Definition = Definition(
    "LeakyRelu",
    unchanged,
    bind=_bind_leaky,
    gradient=lambda op, dy: [LEAKY_GRADIENT(dy, op.inputs[0], alpha=op.attributes["alpha"])],
    floating=True,
)


@export("nn.leaky_relu")
def leaky_relu(features: TensorLike, alpha: TensorLike = 0.2, name: str | None = None) -> Tensor:
    """Leaves x where it is positive, takes a fraction of it elsewhere.

    Args:
        features: A tensor of floating-point numbers; integers are converted to float32.
        alpha: The fraction: a number, or a tensor with one or with one for each unit.
        name: Name of the operation.

    Returns:
        A tensor of the same shape.
    """
    tensor = checked_kind(convert_to_tensor(features), "fiu", "LeakyRelu")
    numbers = cast(tensor, "float32") if tensor.dtype.is_integer else tensor
    if isinstance(alpha, Tensor) or hasattr(alpha, "_as_tensor"):
        return maximum(multiply(convert_to_tensor(alpha), numbers), numbers, name or "LeakyRelu")
    result: Tensor = LEAKY(numbers, alpha=float(alpha), name=name)
    return result


# The constants of the self-normalizing unit.
_SELU_ALPHA = 1.6732632423543772
_SELU_SCALE = 1.0507009873554805


def _selu(x: Any) -> Any:
    kind = x.dtype.type
    below = exp_minus_one(np.minimum(x, kind(0))) * kind(_SELU_ALPHA * _SELU_SCALE)
    return np.maximum(x, kind(0)) * kind(_SELU_SCALE) + below


selu: Function = unary(
    "Selu",
    _selu,
    "nn.selu",
    "The scaled exponential linear unit: scale · x, below 0 scale · alpha · (exp(x) - 1).",
    lambda op, dy: [
        dy
        * where(
            op.outputs[0] > 0,
            op.outputs[0] * 0 + _SELU_SCALE,
            op.outputs[0] + _SELU_ALPHA * _SELU_SCALE,
        )
    ],
    kinds="f",
    ufunc=False,
    features=True,
)


@export("nn.crelu")
def crelu(features: TensorLike, name: str | None = None, axis: int = -1) -> Tensor:
    """The positive part and the negated negative part, side by side.

    Args:
        features: A tensor of numbers.
        name: Name of the operation.
        axis: The axis along which they are joined.

    Returns:
        A tensor twice as long along the axis.
    """
    tensor = convert_to_tensor(features)
    with get_default_graph().name_scope(name or "CRelu") as scope:
        return relu(concat([tensor, negative(tensor)], axis), name=scope)


@export("nn.swish", "nn.silu")
def swish(features: TensorLike, beta: float = 1.0) -> Tensor:
    """X · sigmoid(beta · x).

    Args:
        features: A tensor of floating-point numbers.
        beta: The factor of x in the sigmoid.

    Returns:
        A tensor of the same shape.
    """
    tensor = checked_kind(convert_to_tensor(features), "f", "swish")
    return multiply(tensor, sigmoid(tensor if beta == 1.0 else tensor * beta), name="swish_f32")


@export("nn.xw_plus_b")
def xw_plus_b(
    x: TensorLike, weights: TensorLike, biases: TensorLike, name: str | None = None
) -> Tensor:
    """A matrix product and a bias.

    Args:
        x: A matrix.
        weights: A matrix.
        biases: A vector.
        name: Name of the operation.

    Returns:
        A matrix.
    """
    with get_default_graph().name_scope(name or "xw_plus_b") as scope:
        return bias_add(matmul(x, weights), biases, name=scope)


@export("nn.relu_layer")
def relu_layer(
    x: TensorLike, weights: TensorLike, biases: TensorLike, name: str | None = None
) -> Tensor:
    """The positive part of a matrix product and a bias.

    Args:
        x: A matrix.
        weights: A matrix.
        biases: A vector.
        name: Name of the operation.

    Returns:
        A matrix.
    """
    with get_default_graph().name_scope(name or "relu_layer") as scope:
        return relu(bias_add(matmul(x, weights), biases), name=scope)


@export("nn.zero_fraction", "math.zero_fraction")
def zero_fraction(value: TensorLike, name: str | None = None) -> Tensor:
    """The fraction of elements that are zero.

    Args:
        value: A tensor of numbers.
        name: Name of the operation.

    Returns:
        A scalar of float32.
    """
    tensor = convert_to_tensor(value)
    with get_default_graph().name_scope(name or "zero_fraction"):
        zero = convert_to_tensor(0, tensor.dtype)
        return reduce_mean(cast(equal(tensor, zero), "float32"), name="fraction")


softplus: Function = unary(
    "Softplus",
    log_one_plus_exp,
    "nn.softplus math.softplus",
    "log(1 + exp(x)).",
    lambda op, dy: [dy * sigmoid(op.inputs[0])],
    kinds="f",
    ufunc=False,
    features=True,
)
softsign: Function = unary(
    "Softsign",
    lambda x: x / (1 + np.abs(x)),
    "nn.softsign math.softsign",
    "x / (1 + |x|).",
    lambda op, dy: [dy / square(abs(op.inputs[0]) + 1)],
    kinds="f",
    ufunc=False,
    features=True,
)
elu: Function = unary(
    "Elu",
    lambda x: np.maximum(x, x.dtype.type(0)) + exp_minus_one(np.minimum(x, x.dtype.type(0))),
    "nn.elu",
    "x where it is positive, exp(x) - 1 elsewhere.",
    lambda op, dy: [dy * (minimum(op.outputs[0], 0) + 1)],
    kinds="f",
    ufunc=False,
    features=True,
)
