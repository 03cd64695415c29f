"""Less common functions of numbers: inverse and hyperbolic functions, erf, gamma, complex parts."""

import builtins
import math
from typing import Any

import numpy as np

from runtime.graph import dtypes
from runtime.graph.convert import TensorLike, convert_to_tensor, same_type
from runtime.graph.definition import Definition, Kernel, Spec, View, not_differentiable
from runtime.graph.export import export
from runtime.graph.graph import get_default_graph
from runtime.graph.ops.array import zeros_like
from runtime.graph.ops.elementwise import Function, binary, unary
from runtime.graph.ops.math import (
    add_n,
    cast,
    div_no_nan,
    exp,
    multiply,
    negative,
    rsqrt,
    sigmoid,
    square,
    unbroadcast,
)
from runtime.graph.ops.near_zero import log_one_plus_exp
from runtime.graph.ops.rules import checked_kind, static_int
from runtime.graph.shapes import broadcast, compatible, described, normalized_axis
from runtime.graph.tensor import Tensor

# Inverse and hyperbolic functions.

asin: Function = unary(
    "Asin",
    np.arcsin,
    "asin math.asin",
    "The angle with a sine.",
    lambda op, dy: [dy * rsqrt(1 - square(op.inputs[0]))],
)
acos: Function = unary(
    "Acos",
    np.arccos,
    "acos math.acos",
    "The angle with a cosine.",
    lambda op, dy: [negative(dy) * rsqrt(1 - square(op.inputs[0]))],
)
atan: Function = unary(
    "Atan",
    np.arctan,
    "atan math.atan",
    "The angle with a tangent.",
    lambda op, dy: [dy / (1 + square(op.inputs[0]))],
)
sinh: Function = unary(
    "Sinh",
    np.sinh,
    "sinh math.sinh",
    "The hyperbolic sine.",
    lambda op, dy: [dy * cosh(op.inputs[0])],
)
cosh: Function = unary(
    "Cosh",
    np.cosh,
    "cosh math.cosh",
    "The hyperbolic cosine.",
    lambda op, dy: [dy * sinh(op.inputs[0])],
)
asinh: Function = unary(
    "Asinh",
    np.arcsinh,
    "asinh math.asinh",
    "The inverse of the hyperbolic sine.",
    lambda op, dy: [dy / cosh(op.outputs[0])],
)
acosh: Function = unary(
    "Acosh",
    np.arccosh,
    "acosh math.acosh",
    "The inverse of the hyperbolic cosine.",
    lambda op, dy: [dy / sinh(op.outputs[0])],
)
atanh: Function = unary(
    "Atanh",
    np.arctanh,
    "atanh math.atanh",
    "The inverse of the hyperbolic tangent.",
    lambda op, dy: [dy / (1 - square(op.inputs[0]))],
)
rint: Function = unary(
    "Rint",
    np.rint,
    "rint math.rint",
    "The nearest whole number; halves go to the even one.",
    not_differentiable,
    kinds="f",
)
reciprocal_no_nan: Function = unary(
    "ReciprocalNoNan",
    lambda x: np.where(x == 0, x, 1 / np.where(x == 0, x.dtype.type(1), x))[()],
    "math.reciprocal_no_nan",
    "One over x; zero where x is zero.",
    lambda op, dy: [negative(dy) * square(op.outputs[0])],
    ufunc=False,
)

# Functions that NumPy has not got. Python's are exact; they are called for each element.


def _each(function: Any) -> Kernel:
    many = np.frompyfunc(function, 1, 1)
    return lambda x: np.asarray(many(x)).astype(x.dtype)[()]


def _log_gamma(x: float) -> float:
    pole = math.isinf(x) or (x <= 0 and x == math.floor(x))
    return math.inf if pole else math.lgamma(x)


def _digamma(x: Any) -> Any:
    """By reflection for negative numbers, by recurrence up to 6, then by the asymptotic series."""
    wide = np.asarray(x, np.float64)
    negative_ones = wide <= 0
    y = np.where(negative_ones, 1 - wide, wide)
    total = np.zeros_like(y)
    for _ in range(6):
        small = y < 6
        total -= np.where(small, 1 / np.where(small, y, 1), 0)
        y = np.where(small, y + 1, y)
    z = 1 / (y * y)
    series = z * (1 / 12 - z * (1 / 120 - z * (1 / 252 - z * (1 / 240 - z * (1 / 132)))))
    total += np.log(y) - 0.5 / y - series
    total = np.where(negative_ones, total - np.pi / np.tan(np.pi * wide), total)
    return np.where(_poles(wide), np.nan, total).astype(x.dtype)[()]


def _poles(x: Any) -> Any:
    return (x <= 0) & (x == np.floor(x))


def _trigamma(x: Any) -> Any:
    """In the same way; its reflection is the square of the cosecant."""
    wide = np.asarray(x, np.float64)
    turned = wide <= 0
    y = np.where(turned, 1 - wide, wide)
    total = np.zeros_like(y)
    for _ in range(6):
        small = y < 6
        total += np.where(small, 1 / np.where(small, y * y, 1), 0)
        y = np.where(small, y + 1, y)
    z = 1 / (y * y)
    series = z * (1 / 6 - z * (1 / 30 - z * (1 / 42 - z * (1 / 30 - z * (5 / 66)))))
    total += 1 / y + 0.5 * z + series / y
    reflected = (np.pi / np.sin(np.pi * np.where(turned, wide, 0.5))) ** 2 - total
    total = np.where(turned, reflected, total)
    return np.where(_poles(wide), np.inf, total).astype(x.dtype)[()]


_ROOT = 2 / math.sqrt(math.pi)
erf: Function = unary(
    "Erf",
    _each(math.erf),
    "erf math.erf",
    "The error function.",
    lambda op, dy: [dy * _ROOT * exp(negative(square(op.inputs[0])))],
    kinds="f",
    ufunc=False,
)
erfc: Function = unary(
    "Erfc",
    _each(math.erfc),
    "erfc math.erfc",
    "One minus the error function.",
    lambda op, dy: [dy * -_ROOT * exp(negative(square(op.inputs[0])))],
    kinds="f",
    ufunc=False,
)
_trigamma_of: Function = unary(
    "Trigamma",
    _trigamma,
    "",
    "The derivative of `digamma`.",
    None,
    kinds="f",
    ufunc=False,
)
digamma: Function = unary(
    "Digamma",
    _digamma,
    "digamma math.digamma",
    "The derivative of the logarithm of the gamma function.",
    lambda op, dy: [dy * _trigamma_of(op.inputs[0])],
    kinds="f",
    ufunc=False,
)
lgamma: Function = unary(
    "Lgamma",
    _each(_log_gamma),
    "lgamma math.lgamma",
    "The logarithm of the absolute value of the gamma function.",
    lambda op, dy: [dy * digamma(op.inputs[0])],
    kinds="f",
    ufunc=False,
)


@export("log_sigmoid", "math.log_sigmoid")
def log_sigmoid(x: TensorLike, name: str | None = None) -> Tensor:
    """The logarithm of the sigmoid, which does not underflow.

    Args:
        x: A tensor.
        name: Name of the operation.

    Returns:
        A tensor.
    """
    result: Tensor = _LOG_SIGMOID(checked_kind(convert_to_tensor(x), "f", "LogSigmoid"), name=name)
    return result


_LOG_SIGMOID: Definition = Definition(
    "LogSigmoid",
    lambda view: Spec(view.first.dtype, view.first.dims),
    lambda x: -log_one_plus_exp(-x),
    gradient=lambda op, dy: [dy * sigmoid(negative(op.inputs[0]))],
    floating=True,
)


# Products that are zero where a factor is.


def _without_zeros(function: Any) -> Kernel:
    def kernel(x: Any, y: Any) -> Any:
        zero = (x == 0) | np.zeros(y.shape, np.bool_)
        return np.where(zero, x.dtype.type(0), function(x, np.where(zero, y.dtype.type(1), y)))[()]

    return kernel


def _pair(op: Any, dx: Tensor, dy: Tensor) -> list[Tensor]:
    return [unbroadcast(dx, op.inputs[0]), unbroadcast(dy, op.inputs[1])]


def _nonzero(x: Tensor) -> Tensor:
    from runtime.graph.ops.math import not_equal

    return cast(not_equal(x, convert_to_tensor(0, x.dtype)), x.dtype)


xdivy: Function = binary(
    "Xdivy",
    _without_zeros(np.true_divide),
    "math.xdivy",
    "x / y; zero where x is zero.",
    lambda op, dy: _pair(
        op,
        dy * xdivy(_nonzero(op.inputs[0]), op.inputs[1]),
        dy * xdivy(negative(op.inputs[0]), square(op.inputs[1])),
    ),
    kinds="fc",
    ufunc=False,
)
xlogy: Function = binary(
    "Xlogy",
    _without_zeros(lambda x, y: x * np.log(y)),
    "math.xlogy",
    "x * log(y); zero where x is zero.",
    lambda op, dy: _pair(
        op,
        dy * xlogy(_nonzero(op.inputs[0]), op.inputs[1]),
        dy * xdivy(op.inputs[0], op.inputs[1]),
    ),
    kinds="fc",
    ufunc=False,
)
xlog1py: Function = binary(
    "Xlog1py",
    _without_zeros(lambda x, y: x * np.log1p(y)),
    "math.xlog1py",
    "x * log(1 + y); zero where x is zero.",
    lambda op, dy: _pair(
        op,
        dy * xlog1py(_nonzero(op.inputs[0]), op.inputs[1]),
        dy * xdivy(op.inputs[0], op.inputs[1] + 1),
    ),
    kinds="fc",
    ufunc=False,
)
_product_or_zero: Function = binary(
    "MulNoNan",
    lambda x, y: np.where(y == 0, y * 0, np.multiply(x, y))[()],
    "math.multiply_no_nan",
    "x * y; zero where y is zero, whatever x is.",
    lambda op, dy: _pair(
        op, _product_or_zero(dy, op.inputs[1]), _product_or_zero(op.inputs[0], dy)
    ),
    kinds="fc",
    ufunc=False,
    default="multiply_no_nan",
)

# Complex numbers.


def _real_spec(view: View) -> Spec:
    return Spec(view.first.dtype.real_dtype, view.first.dims)


def _complex_spec(view: View) -> Spec:
    target = dtypes.complex64 if view.first.dtype is dtypes.float32 else dtypes.complex128
    return Spec(target, broadcast(view.first.dims, view.inputs[1].dims))


_REAL: Definition = Definition(
    "Real",
    _real_spec,
    lambda x: np.real(x),
    aliases=True,
    gradient=lambda op, dy: [_COMPLEX(dy, dy * 0)],
)
_IMAG: Definition = Definition(
    "Imag",
    _real_spec,
    lambda x: np.imag(x),
    aliases=True,
    gradient=lambda op, dy: [_COMPLEX(dy * 0, dy)],
)
_COMPLEX: Definition = Definition(
    "Complex",
    _complex_spec,
    bind=lambda view: (
        lambda x, y: (x + 1j * y).astype(np.complex64 if x.dtype == np.float32 else np.complex128)[
            ()
        ]
    ),
    gradient=lambda op, dy: _pair(op, _REAL(dy), _IMAG(dy)),
)


@export("complex", "dtypes.complex")
def complex_(real: TensorLike, imag: TensorLike, name: str | None = None) -> Tensor:
    """Complex numbers from their parts.

    Args:
        real: The real parts, of float32 or float64.
        imag: The imaginary parts.
        name: Name of the operation.

    Returns:
        A tensor of complex64 or complex128.
    """
    first, second = same_type(real, imag, names=("real", "imag"))
    result: Tensor = _COMPLEX(checked_kind(first, "f", "Complex"), second, name=name)
    return result


@export("real", "math.real")
def real(input: TensorLike, name: str | None = None) -> Tensor:
    """The real parts of complex numbers.

    Args:
        input: A tensor.
        name: Name of the operation.

    Returns:
        A tensor of real numbers; one of real numbers itself.
    """
    tensor = checked_kind(convert_to_tensor(input), "fciu", "Real")
    result: Tensor = _REAL(tensor, name=name) if tensor.dtype.is_complex else tensor
    return result


@export("imag", "math.imag")
def imag(input: TensorLike, name: str | None = None) -> Tensor:
    """The imaginary parts of complex numbers.

    Args:
        input: A tensor.
        name: Name of the operation.

    Returns:
        A tensor of real numbers.
    """
    tensor = convert_to_tensor(input)
    if not tensor.dtype.is_complex:
        return zeros_like(tensor)
    result: Tensor = _IMAG(tensor, name=name)
    return result


def _angle_gradient(op: Any, dy: Tensor) -> list[Tensor]:
    x = op.inputs[0]
    if not x.dtype.is_complex:
        return [zeros_like(x)]
    return [cast(negative(dy), x.dtype) / _COMPLEX(_IMAG(x), _REAL(x))]


_ANGLE: Definition = Definition(
    "Angle", _real_spec, np.angle, floating=True, gradient=_angle_gradient
)


@export("angle", "math.angle")
def angle(input: TensorLike, name: str | None = None) -> Tensor:
    """The angles of complex numbers.

    Args:
        input: A tensor.
        name: Name of the operation.

    Returns:
        A tensor of real numbers.
    """
    result: Tensor = _ANGLE(checked_kind(convert_to_tensor(input), "fc", "Angle"), name=name)
    return result


# Bits of integers.


def _shifting(ufunc: Any) -> Kernel:
    """A shift by less than nothing is none, one by more bits than there are is by all but one."""
    return lambda x, y: ufunc(x, np.clip(y, 0, 8 * y.dtype.itemsize - 1).astype(y.dtype))


for _name, _ufunc, _title, _doc in (
    ("bitwise_and", np.bitwise_and, "BitwiseAnd", "The bits that both have."),
    ("bitwise_or", np.bitwise_or, "BitwiseOr", "The bits that either has."),
    ("bitwise_xor", np.bitwise_xor, "BitwiseXor", "The bits that one has and the other not."),
    ("left_shift", _shifting(np.left_shift), "LeftShift", "Bits moved up."),
    ("right_shift", _shifting(np.right_shift), "RightShift", "Bits moved down."),
):
    binary(
        _title,
        _ufunc,
        f"bitwise.{_name}",
        _doc,
        not_differentiable,
        kinds="iu",
        ufunc=isinstance(_ufunc, np.ufunc),
        floating=False,
    )
unary(
    "Invert",
    np.invert,
    "bitwise.invert",
    "The bits that it has not.",
    not_differentiable,
    kinds="iu",
    floating=False,
)

# Sums and products so far.


def _running_spec(view: View) -> Spec:
    dims = view.first.dims
    if dims is not None:
        normalized_axis(view["axis"], len(dims))
    return Spec(view.first.dtype, dims)


def _bind_running(ufunc: Any, start: int) -> Any:
    def bind(view: View) -> Kernel:
        axis, exclusive, turn = view["axis"], view["exclusive"], view["reverse"]

        def kernel(x: Any) -> Any:
            values = np.flip(x, axis) if turn else x
            total = ufunc.accumulate(values, axis, dtype=x.dtype)
            if exclusive:
                total = np.roll(total, 1, axis)
                np.moveaxis(total, axis, 0)[:1] = start
            return np.flip(total, axis) if turn else total

        return kernel

    return bind


def _running(op: Any) -> dict[str, Any]:
    return {**op.attributes, "reverse": not op.attributes["reverse"]}


_CUMSUM: Definition = Definition(
    "Cumsum",
    _running_spec,
    bind=_bind_running(np.add, 0),
    floating=True,
    gradient=lambda op, dy: [_CUMSUM(dy, **_running(op))],
)
_CUMPROD: Definition = Definition(
    "Cumprod",
    _running_spec,
    bind=_bind_running(np.multiply, 1),
    floating=True,
    gradient=lambda op, dy: [div_no_nan(_CUMSUM(dy * op.outputs[0], **_running(op)), op.inputs[0])],
)


def _accumulated(
    definition: Definition,
    x: TensorLike,
    axis: TensorLike,
    exclusive: builtins.bool,
    reverse: builtins.bool,
    name: str | None,
) -> Tensor:
    tensor = convert_to_tensor(x)
    order: dict[str, Any] = {"exclusive": exclusive, "reverse": reverse}
    result: Tensor
    from runtime.graph.ops import late_axes

    if late_axes.is_late(axis):
        result = late_axes.along(
            tensor, axis, lambda part: definition(part, axis=1, **order), name or definition.type
        )
    else:
        number = static_int(axis, f"The axis of {definition.type}")
        result = definition(tensor, axis=number, **order, name=name)
    return result


@export("cumsum", "math.cumsum")
def cumsum(
    x: TensorLike,
    axis: TensorLike = 0,
    exclusive: builtins.bool = False,
    reverse: builtins.bool = False,
    name: str | None = None,
) -> Tensor:
    """Sums of the elements so far along an axis.

    Args:
        x: A tensor.
        axis: The axis.
        exclusive: Whether an element's sum is without itself.
        reverse: Whether to begin at the end.
        name: Name of the operation.

    Returns:
        A tensor of the same shape.

    Raises:
        ValueError: If there is no such axis.
    """
    return _accumulated(_CUMSUM, x, axis, exclusive, reverse, name)


@export("cumprod", "math.cumprod")
def cumprod(
    x: TensorLike,
    axis: TensorLike = 0,
    exclusive: builtins.bool = False,
    reverse: builtins.bool = False,
    name: str | None = None,
) -> Tensor:
    """Products of the elements so far along an axis.

    Args:
        x: A tensor.
        axis: The axis.
        exclusive: Whether an element's product is without itself.
        reverse: Whether to begin at the end.
        name: Name of the operation.

    Returns:
        A tensor of the same shape. Where an element is zero its gradient is not a number.

    Raises:
        ValueError: If there is no such axis.
    """
    return _accumulated(_CUMPROD, x, axis, exclusive, reverse, name)


# Evenly spaced numbers.


def _linspace_spec(view: View) -> Spec:
    count = view.inputs[2].value
    return Spec(view.first.dtype, (None if count is None else int(count),))


def _linspace(start: Any, stop: Any, count: Any) -> Any:
    if count < 0:
        raise ValueError(f"Requires num >= 0: {count}")
    return np.linspace(start, stop, int(count)).astype(start.dtype)


_LINSPACE: Definition = Definition(
    "LinSpace", _linspace_spec, _linspace, floating=True, gradient=not_differentiable
)


@export("linspace", "lin_space")
def linspace(
    start: TensorLike, stop: TensorLike, num: TensorLike, name: str | None = None, axis: int = 0
) -> Tensor:
    """Evenly spaced numbers.

    Args:
        start: The first.
        stop: The last.
        num: How many.
        name: Name of the operation.
        axis: Must be 0.

    Returns:
        A vector.

    Raises:
        ValueError: If the ends are no scalars.
    """
    with get_default_graph().name_scope(name or "linspace"):
        first, last = same_type(start, stop, names=("start", "stop"))
        if axis or not compatible(first.dims, ()) or not compatible(last.dims, ()):
            raise ValueError("linspace supports scalars for start and stop, and axis 0.")
        count = checked_kind(convert_to_tensor(num), "iu", "linspace")
        if checked_kind(first, "fiu", "linspace").dtype.is_integer:
            first, last = cast(first, dtypes.float64), cast(last, dtypes.float64)
        result: Tensor = _LINSPACE(first, last, count, name="Slice")
        return result


# Combinations of others.


@export("accumulate_n", "math.accumulate_n")
def accumulate_n(
    inputs: Any, shape: Any = None, tensor_dtype: Any = None, name: str | None = None
) -> Tensor:
    """Adds tensors of the same shape.

    Args:
        inputs: A list of tensors.
        shape: Their shape, if it is known.
        tensor_dtype: Their element type.
        name: Name of the operation.

    Returns:
        Their sum.
    """
    tensors = [convert_to_tensor(t, tensor_dtype) for t in inputs]
    result = add_n(tensors, name)
    if shape is not None:
        result.set_shape(shape)
    return result


@export("scalar_mul", "math.scalar_mul")
def scalar_mul(scalar: TensorLike, x: Any, name: str | None = None) -> Any:
    """Multiplies a tensor by a scalar.

    Args:
        scalar: The scalar.
        x: A tensor, or `IndexedSlices`.
        name: Name of the operation.

    Returns:
        The same kind.

    Raises:
        ValueError: If it is no scalar.
    """
    from runtime.graph.indexed_slices import mapped

    factor = convert_to_tensor(scalar, x.dtype if hasattr(x, "dtype") else None)
    if not compatible(factor.dims, ()):
        raise ValueError(f"Only scalar multiply works, got shape {described(factor.dims)}.")
    return mapped(lambda values: multiply(factor, values, name=name), x)


@export("math.polyval")
def polyval(coeffs: Any, x: TensorLike, name: str | None = None) -> Tensor:
    """The value of a polynomial.

    Args:
        coeffs: A list of its coefficients, the highest power first.
        x: Where.
        name: Without effect.

    Returns:
        A tensor.
    """
    tensor = convert_to_tensor(x)
    total: Any = coeffs[0] if coeffs else tensor * 0
    for coefficient in coeffs[1:]:
        total = total * tensor + coefficient
    return convert_to_tensor(total)


@export("math.is_non_decreasing", "is_non_decreasing", "debugging.is_non_decreasing")
def is_non_decreasing(x: TensorLike, name: str | None = None) -> Tensor:
    """Whether no element is smaller than the one before.

    Args:
        x: A tensor.
        name: Without effect.

    Returns:
        A scalar of bool.
    """
    return _neighbours(x, lambda a, b: a <= b)


@export("math.is_strictly_increasing", "is_strictly_increasing", "debugging.is_strictly_increasing")
def is_strictly_increasing(x: TensorLike, name: str | None = None) -> Tensor:
    """Whether each element is larger than the one before.

    Args:
        x: A tensor.
        name: Without effect.

    Returns:
        A scalar of bool.
    """
    return _neighbours(x, lambda a, b: a < b)


def _neighbours(x: TensorLike, compare: Any) -> Tensor:
    from runtime.graph.ops.array import reshape
    from runtime.graph.ops.reduction import reduce_all

    flat = reshape(x, [-1])
    result: Tensor = reduce_all(compare(flat[:-1], flat[1:]))
    return result
