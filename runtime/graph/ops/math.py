"""Arithmetic, comparisons, logic, elementary functions, matrix products."""

import builtins
from functools import lru_cache, partial
from typing import Any

import numpy as np

from runtime.graph import dtypes
from runtime.graph.convert import TensorLike, convert_to_tensor, same_type
from runtime.graph.definition import (
    Definition,
    Kernel,
    Spec,
    View,
    not_differentiable,
)
from runtime.graph.dtypes import DType, as_dtype
from runtime.graph.export import export, public
from runtime.graph.graph import get_default_graph
from runtime.graph.indexed_slices import IndexedSlices, mapped
from runtime.graph.ops.elementwise import Function, binary, comparison, unary
from runtime.graph.ops.rules import checked_kind, predicate_on_one, unchanged
from runtime.graph.ops.sums import quick_sum, sums_over
from runtime.graph.shapes import (
    Dims,
    Incompatible,
    broadcast,
    described,
    fully_known,
)
from runtime.graph.tensor import OVERLOADS, Tensor

_NUMBERS = "fciu"

# Gradients of broadcasting operations.


def _sum_like(value: Any, like: Any) -> Any:
    """Sums over the axes along which something of the shape of `like` was broadcast."""
    if value.shape == like.shape:
        return value
    lead = value.ndim - like.ndim
    axes = [
        i for i in range(value.ndim) if i < lead or (like.shape[i - lead] == 1 != value.shape[i])
    ]
    return sums_over(tuple(axes))(value).reshape(like.shape)[()]


def _like_second(view: View) -> Spec:
    return Spec(view.first.dtype, view.inputs[1].dims)


def _same_known_shape(view: View) -> int | None:
    first, second = view.first.dims, view.inputs[1].dims
    return 0 if fully_known(first) and first == second else None


def _bind_sum_like(view: View) -> Kernel:
    source, target = view.first.dims, view.inputs[1].dims
    if source is None or target is None or not fully_known(source) or not fully_known(target):
        return _sum_like
    lead = len(source) - len(target)
    kept = zip(range(lead, len(source)), source[lead:], target, strict=True)
    axes = tuple([*range(lead), *[i for i, a, b in kept if a != b]])
    quick = quick_sum(source, axes, False, view.first.dtype.numpy)
    if quick is not None and len(target) == len(source) - len(axes):
        return lambda value, like: quick(value)
    total = sums_over(axes)
    if target == tuple([d for i, d in enumerate(source) if i not in axes]):
        return lambda value, like: total(value)
    return lambda value, like: total(value).reshape(target)[()]


SUM_LIKE: Definition = Definition(
    "SumLike",
    _like_second,
    bind=_bind_sum_like,
    passes=_same_known_shape,
    gradient=lambda op, dy: [SPREAD_LIKE(dy, op.inputs[0]), None],
    aliases=lambda view: not fully_known(view.first.dims) or not fully_known(view.inputs[1].dims),
)


def _spread_like(value: Any, like: Any) -> Any:
    result = np.empty(like.shape, value.dtype)
    result[...] = value
    return result


SPREAD_LIKE: Definition = Definition(
    "SpreadLike",
    _like_second,
    _spread_like,
    passes=_same_known_shape,
    gradient=lambda op, dy: [unbroadcast(dy, op.inputs[0]), None],
)


def unbroadcast(dy: Tensor, operand: Tensor) -> Tensor:
    """The gradient of an operand from the gradient of what it was broadcast to.

    Args:
        dy: Gradient of the result.
        operand: The operand.

    Returns:
        The gradient, summed to the operand's shape.
    """
    if fully_known(dy.dims) and dy.dims == operand.dims:
        return dy
    result: Tensor = SUM_LIKE(dy, operand)
    return result


def _each(op: Any, *gradients: Tensor) -> list[Tensor]:
    return [unbroadcast(dy, x) for dy, x in zip(gradients, op.inputs, strict=True)]


# Arithmetic. Gradients of complex numbers are conjugated, as TensorFlow has them.


def _conj_gradient(op: Any, dy: Tensor) -> list[Tensor]:
    return [conj(dy)]


CONJ: Definition = Definition("Conj", unchanged, np.conj, gradient=_conj_gradient)


@export("conj", "math.conj")
def conj(x: TensorLike, name: str | None = None) -> Tensor:
    """The complex conjugate.

    Args:
        x: A tensor.
        name: Name of the operation.

    Returns:
        The conjugate; a real tensor itself.
    """
    tensor = convert_to_tensor(x)
    if not tensor.dtype.is_complex:
        return tensor
    result: Tensor = CONJ(tensor, name=name)
    return result


add: Function = binary(
    "Add",
    np.add,
    "add math.add",
    "Adds elementwise; joins strings.",
    lambda op, dy: _each(op, dy, dy),
    kinds=_NUMBERS + "O",
    template=lambda view: None if view.first.dtype is dtypes.string else "{0} + {1}",
)
subtract: Function = binary(
    "Sub",
    np.subtract,
    "subtract math.subtract sub",
    "Subtracts elementwise.",
    lambda op, dy: _each(op, dy, negative(dy)),
    template="{0} - {1}",
)
multiply: Function = binary(
    "Mul",
    np.multiply,
    "multiply math.multiply mul",
    "Multiplies elementwise.",
    lambda op, dy: _each(op, dy * conj(op.inputs[1]), dy * conj(op.inputs[0])),
    template="{0} * {1}",
)
_real_divide: Function = binary(
    "RealDiv",
    np.true_divide,
    "realdiv",
    "Divides floating-point numbers elementwise.",
    lambda op, dy: _each(
        op,
        dy / conj(op.inputs[1]),
        negative(dy) * conj(op.outputs[0]) / conj(op.inputs[1]),
    ),
    kinds="fc",
    template="{0} / {1}",
)


def _dividing(kernel: Kernel, floating: Kernel | None = None) -> Any:
    """Makes division by the integer zero an error, as it is in TensorFlow."""

    def checked(x: Any, y: Any) -> Any:
        if not np.all(y):
            raise ZeroDivisionError("Integer division by zero")
        return kernel(x, y)

    return lambda view: checked if view.first.dtype.is_integer else floating or kernel


def _truncated(x: Any, y: Any) -> Any:
    quotient = np.floor_divide(x, y)
    return (quotient + ((quotient * y != x) & ((x < 0) != (y < 0)))).astype(x.dtype)


_floor_div: Function = binary(
    "FloorDiv",
    None,
    "floor_div",
    "Divides elementwise and rounds towards minus infinity.",
    not_differentiable,
    bind=_dividing(np.floor_divide, lambda x, y: np.floor(np.true_divide(x, y))),
    kinds="fiu",
)


@export("floordiv", "math.floordiv")
def floordiv(x: TensorLike, y: TensorLike, name: str | None = None) -> Tensor:
    """Divides elementwise and rounds towards minus infinity.

    Args:
        x: The dividend.
        y: The divisor.
        name: Name of the operation.

    Returns:
        The quotient, of the operands' type.
    """
    return _floor_div(x, y, name=name or "floordiv")


floormod: Function = binary(
    "FloorMod",
    None,
    "floormod mod math.floormod math.mod",
    "The remainder of `floordiv`, which has the divisor's sign.",
    lambda op, dy: _each(op, dy, negative(dy) * floordiv(op.inputs[0], op.inputs[1])),
    bind=_dividing(np.remainder),
    kinds="fiu",
)
truncatediv: Function = binary(
    "TruncateDiv",
    None,
    "truncatediv",
    "Divides elementwise and rounds towards zero.",
    not_differentiable,
    kinds="fiu",
    bind=_dividing(_truncated, lambda x, y: np.trunc(np.true_divide(x, y))),
)
truncatemod: Function = binary(
    "TruncateMod",
    None,
    "truncatemod",
    "The remainder of `truncatediv`, which has the dividend's sign.",
    not_differentiable,
    kinds="fiu",
    bind=_dividing(np.fmod),
)


@export("truediv", "math.truediv", "divide", "math.divide")
def truediv(x: TensorLike, y: TensorLike, name: str | None = None) -> Tensor:
    """Divides elementwise, as Python's ``/`` does: integers give floating-point numbers.

    Args:
        x: The dividend.
        y: The divisor.
        name: Name of the operation.

    Returns:
        The quotient; of float64 for integers (float32 for those of up to 16 bits).
    """
    return _real_divide(*_fractional(x, y), name=name or "truediv")


def _fractional(x: TensorLike, y: TensorLike) -> list[Tensor]:
    """Operands of a division that gives fractions."""
    operands = same_type(x, y)
    if not operands[0].dtype.is_integer:
        return operands
    target = dtypes.float32 if operands[0].dtype.size < 4 else dtypes.float64
    return [cast(operand, target) for operand in operands]


@export("div")
def div(x: TensorLike, y: TensorLike, name: str | None = None) -> Tensor:
    """Divides elementwise, as Python 2 did: integers give integers.

    Args:
        x: The dividend.
        y: The divisor.
        name: Name of the operation.

    Returns:
        The quotient, of the operands' type.
    """
    first, second = same_type(x, y)
    divide = floordiv if first.dtype.is_integer else _real_divide
    return divide(first, second, name=name or "div")


def _div_no_nan(x: Any, y: Any) -> Any:
    return np.where(y == 0, np.zeros((), x.dtype), np.true_divide(x, y))[()]


_quotient_or_zero: Function = binary(
    "DivNoNan",
    _div_no_nan,
    "",
    "Divides elementwise; zero where the divisor is zero.",
    lambda op, dy: _each(
        op,
        _quotient_or_zero(dy, op.inputs[1]),
        negative(dy) * _quotient_or_zero(op.outputs[0], op.inputs[1]),
    ),
    kinds="fc",
    ufunc=False,
)


@export("div_no_nan", "math.divide_no_nan")
def div_no_nan(x: TensorLike, y: TensorLike, name: str | None = None) -> Tensor:
    """Divides elementwise; zero where the divisor is zero.

    Args:
        x: The dividend.
        y: The divisor.
        name: Name of the operation.

    Returns:
        The quotient; of float64 for integers (float32 for those of up to 16 bits).
    """
    return _quotient_or_zero(*_fractional(x, y), name=name or "div_no_nan")


def _power(x: Any, y: Any) -> Any:
    if x.dtype.kind in "iu" and np.any(y < 0):
        raise ValueError("Integers to negative integer powers are not allowed")
    return np.power(x, y)


def _pow_gradient(op: Any, dy: Tensor) -> list[Tensor]:
    x, y = op.inputs
    return _each(op, dy * y * power(x, y - 1), dy * op.outputs[0] * _safe_log(x))


def _log_or_zero(x: Any) -> Any:
    """The logarithm where there is one; zero elsewhere, as TensorFlow's gradient of pow has it."""
    positive = x > 0 if x.dtype.kind != "c" else x != 0
    return np.where(positive, np.log(np.where(positive, x, x.dtype.type(1))), x.dtype.type(0))[()]


_safe_log: Function = unary(
    "SafeLog",
    _log_or_zero,
    "",
    "The natural logarithm, zero where there is none.",
    lambda op, dy: [div_no_nan(dy, op.inputs[0])],
    ufunc=False,
)


power: Function = binary(
    "Pow",
    _power,
    "pow math.pow",
    "Raises the elements of one tensor to the powers of another.",
    _pow_gradient,
    ufunc=False,
)


def _larger_gradient(chosen: Any) -> Any:
    def gradient(op: Any, dy: Tensor) -> list[Tensor]:
        mask = cast(chosen(op.inputs[0], op.inputs[1]), dy.dtype)
        return _each(op, dy * mask, dy * (1 - mask))

    return gradient


maximum: Function = binary(
    "Maximum",
    np.maximum,
    "maximum math.maximum",
    "The larger of two tensors, elementwise.",
    _larger_gradient(lambda x, y: greater_equal(x, y)),
    kinds="fiu",
    floating=False,
)
minimum: Function = binary(
    "Minimum",
    np.minimum,
    "minimum math.minimum",
    "The smaller of two tensors, elementwise.",
    _larger_gradient(lambda x, y: less_equal(x, y)),
    kinds="fiu",
    floating=False,
)


def _squared_difference(x: Any, y: Any) -> Any:
    difference = x - y
    return np.conj(difference) * difference


def _squared_difference_gradient(op: Any, dy: Tensor) -> list[Tensor]:
    slope = 2 * dy * (op.inputs[0] - op.inputs[1])
    return _each(op, slope, negative(slope))


squared_difference: Function = binary(
    "SquaredDifference",
    _squared_difference,
    "squared_difference math.squared_difference",
    "The square of the difference, elementwise.",
    _squared_difference_gradient,
    ufunc=False,
)
_atan2: Function = binary(
    "Atan2",
    np.arctan2,
    "",
    "The angle of a point.",
    lambda op, dy: _each(
        op,
        dy * op.inputs[1] / (square(op.inputs[0]) + square(op.inputs[1])),
        negative(dy) * op.inputs[0] / (square(op.inputs[0]) + square(op.inputs[1])),
    ),
    kinds="f",
)


@export("atan2", "math.atan2")
def atan2(y: TensorLike, x: TensorLike, name: str | None = None) -> Tensor:
    """The angle of the point (x, y).

    Args:
        y: The ordinates.
        x: The abscissas.
        name: Name of the operation.

    Returns:
        Angles from -pi to pi.
    """
    return _atan2(y, x, name=name)


# Comparisons and logic.

equal: Function = comparison(
    "Equal", np.equal, "equal math.equal", "Whether elements are equal.", "=="
)
not_equal: Function = comparison(
    "NotEqual", np.not_equal, "not_equal math.not_equal", "Whether elements differ.", "!="
)
less: Function = comparison("Less", np.less, "less math.less", "Whether x < y.", "<")
less_equal: Function = comparison(
    "LessEqual", np.less_equal, "less_equal math.less_equal", "Whether x <= y.", "<="
)
greater: Function = comparison("Greater", np.greater, "greater math.greater", "Whether x > y.", ">")
greater_equal: Function = comparison(
    "GreaterEqual", np.greater_equal, "greater_equal math.greater_equal", "Whether x >= y.", ">="
)
logical_and: Function = binary(
    "LogicalAnd",
    np.logical_and,
    "logical_and math.logical_and",
    "Whether both are true.",
    not_differentiable,
    kinds="b",
    floating=False,
)
logical_or: Function = binary(
    "LogicalOr",
    np.logical_or,
    "logical_or math.logical_or",
    "Whether at least one is true.",
    not_differentiable,
    kinds="b",
    floating=False,
)
logical_not: Function = unary(
    "LogicalNot",
    np.logical_not,
    "logical_not math.logical_not",
    "Whether it is false.",
    not_differentiable,
    kinds="b",
    floating=False,
)


@export("logical_xor", "math.logical_xor")
def logical_xor(x: TensorLike, y: TensorLike, name: str = "LogicalXor") -> Tensor:
    """Whether exactly one is true.

    Args:
        x: A bool tensor.
        y: A bool tensor.
        name: Name of the operation.

    Returns:
        A bool tensor.
    """
    return not_equal(
        checked_kind(convert_to_tensor(x), "b", name), convert_to_tensor(y, "bool"), name=name
    )


# Functions of one tensor.

negative: Function = unary(
    "Neg",
    np.negative,
    "negative math.negative neg",
    "The negative.",
    lambda op, dy: [negative(dy)],
    kinds=_NUMBERS,
    template="-{0}",
    floating=False,
)
square: Function = unary(
    "Square",
    np.square,
    "square math.square",
    "The square.",
    lambda op, dy: [dy * (conj(op.inputs[0]) * 2)],
    kinds=_NUMBERS,
)


def _slope(name: str, compute: Kernel, second: Any) -> Definition:
    """The gradient of a function by its value y: where nothing comes in, nothing comes out.

    So what `where` does not choose has no gradient, though y is zero or infinite there.
    """

    def kernel(y: Any, dy: Any) -> Any:
        found = compute(np.conj(y), dy)
        return found if np.isfinite(found).all() else np.where(dy == 0, dy, found)[()]

    return Definition(name, unchanged, kernel, gradient=second, floating=True)


def _sqrt_slopes(op: Any, dz: Tensor) -> list[Tensor]:
    y = op.inputs[0]
    part: Tensor = dz / y
    return [negative(conj(part)) * op.outputs[0], part * 0.5]


def _rsqrt_slopes(op: Any, dz: Tensor) -> list[Tensor]:
    y, dy = op.inputs
    return [-1.5 * dz * dy * square(y), _RSQRT_GRAD(y, dz)]


def _reciprocal_slopes(op: Any, dz: Tensor) -> list[Tensor]:
    y, dy = op.inputs
    return [-2.0 * dz * dy * y, _RECIPROCAL_GRAD(y, dz)]


_SQRT_GRAD = _slope("SqrtGrad", lambda y, dy: 0.5 * dy / y, _sqrt_slopes)
_RSQRT_GRAD = _slope("RsqrtGrad", lambda y, dy: -0.5 * dy * (y * y * y), _rsqrt_slopes)
_RECIPROCAL_GRAD = _slope("ReciprocalGrad", lambda y, dy: -dy * (y * y), _reciprocal_slopes)

sqrt: Function = unary(
    "Sqrt",
    np.sqrt,
    "sqrt math.sqrt",
    "The square root.",
    lambda op, dy: [_SQRT_GRAD(op.outputs[0], dy)],
)
rsqrt: Function = unary(
    "Rsqrt",
    lambda x: 1 / np.sqrt(x),
    "rsqrt math.rsqrt",
    "One over the square root.",
    lambda op, dy: [_RSQRT_GRAD(op.outputs[0], dy)],
    ufunc=False,
)
exp: Function = unary(
    "Exp", np.exp, "exp math.exp", "e to the power x.", lambda op, dy: [dy * op.outputs[0]]
)
expm1: Function = unary(
    "Expm1",
    np.expm1,
    "expm1 math.expm1",
    "e to the power x, minus one.",
    lambda op, dy: [dy * (op.outputs[0] + 1)],
)
log: Function = unary(
    "Log", np.log, "log math.log", "The natural logarithm.", lambda op, dy: [dy / op.inputs[0]]
)
log1p: Function = unary(
    "Log1p",
    np.log1p,
    "log1p math.log1p",
    "The natural logarithm of 1 + x.",
    lambda op, dy: [dy / (op.inputs[0] + 1)],
)
_real_abs: Function = unary(
    "Abs",
    np.absolute,
    "",
    "The absolute value.",
    lambda op, dy: [dy * sign(op.inputs[0])],
    kinds="fiu",
    floating=False,
)


def _complex_abs_gradient(op: Any, dy: Tensor) -> list[Tensor]:
    return [cast(div_no_nan(dy, op.outputs[0]), op.inputs[0].dtype) * op.inputs[0]]


_COMPLEX_ABS: Definition = Definition(
    "ComplexAbs",
    lambda view: Spec(view.first.dtype.real_dtype, view.first.dims),
    np.absolute,
    gradient=_complex_abs_gradient,
    floating=True,
)


@export("abs", "math.abs")
def absolute(x: TensorLike, name: str | None = None) -> Tensor:
    """The absolute value.

    Args:
        x: The operand.
        name: Name of the operation.

    Returns:
        A tensor of real numbers.
    """
    if hasattr(x, "with_values"):
        return x.with_values(absolute(x.values, name))  # type: ignore[no-any-return]  # sparse
    tensor = convert_to_tensor(x)
    if not tensor.dtype.is_complex:
        return _real_abs(tensor, name)
    result: Tensor = _COMPLEX_ABS(tensor, name=name or "Abs")
    return result


def _complex_sign_gradient(op: Any, dy: Tensor) -> list[Tensor]:
    """The change of the direction: what of the gradient is at a right angle to it."""
    x, y = op.inputs[0], op.outputs[0]
    if not x.dtype.is_complex:
        return [dy * 0]
    turned = dy - cast(public("math", "real")(dy * conj(y)), x.dtype) * y
    return [turned * div_no_nan(convert_to_tensor(1, x.dtype), cast(absolute(x), x.dtype))]


sign: Function = unary(
    "Sign",
    np.sign,
    "sign math.sign",
    "-1, 0 or 1 by the sign; the direction of a complex number.",
    _complex_sign_gradient,
    kinds="fiuc",
)
floor: Function = unary(
    "Floor",
    np.floor,
    "floor math.floor",
    "The largest whole number that is not larger.",
    not_differentiable,
    kinds="f",
)
ceil: Function = unary(
    "Ceil",
    np.ceil,
    "ceil math.ceil",
    "The smallest whole number that is not smaller.",
    not_differentiable,
    kinds="f",
)
_rounded: Function = unary(
    "Round", np.rint, "", "The nearest whole number.", not_differentiable, kinds="f"
)


@export("round", "math.round")
def rounded(x: TensorLike, name: str | None = None) -> Tensor:
    """The nearest whole number; halves go to the even one.

    Args:
        x: The operand.
        name: Name of the operation.

    Returns:
        A tensor; one of integers itself.
    """
    tensor = convert_to_tensor(x)
    return tensor if tensor.dtype.is_integer else _rounded(tensor, name)


reciprocal: Function = unary(
    "Reciprocal",
    np.reciprocal,
    "reciprocal math.reciprocal",
    "One over x.",
    lambda op, dy: [_RECIPROCAL_GRAD(op.outputs[0], dy)],
)
sin: Function = unary(
    "Sin", np.sin, "sin math.sin", "The sine.", lambda op, dy: [dy * cos(op.inputs[0])]
)
cos: Function = unary(
    "Cos", np.cos, "cos math.cos", "The cosine.", lambda op, dy: [negative(dy) * sin(op.inputs[0])]
)
tan: Function = unary(
    "Tan",
    np.tan,
    "tan math.tan",
    "The tangent.",
    lambda op, dy: [dy * (square(op.outputs[0]) + 1)],
)
tanh: Function = unary(
    "Tanh",
    np.tanh,
    "tanh math.tanh nn.tanh",
    "The hyperbolic tangent.",
    lambda op, dy: [dy * (1 - square(op.outputs[0]))],
)


@lru_cache(16)
def _half(dtype: np.dtype[Any]) -> Any:
    return np.array(0.5, dtype)  # no scalar, for NumPy takes an array faster


def _sigmoid(x: Any) -> Any:
    """Computes by the tanh, which is stable at both ends."""
    half = _half(x.dtype)
    result = np.tanh(x * half)
    result *= half
    result += half
    return result


sigmoid: Function = unary(
    "Sigmoid",
    _sigmoid,
    "sigmoid math.sigmoid nn.sigmoid",
    "1 / (1 + exp(-x)).",
    lambda op, dy: [dy * op.outputs[0] * (1 - op.outputs[0])],
    ufunc=False,
)
is_nan: Function = unary(
    "IsNan",
    np.isnan,
    "is_nan math.is_nan debugging.is_nan",
    "Whether it is not a number.",
    not_differentiable,
    kinds="f",
    infer=predicate_on_one,
    ufunc=False,
    floating=False,
)
is_inf: Function = unary(
    "IsInf",
    np.isinf,
    "is_inf math.is_inf debugging.is_inf",
    "Whether it is infinite.",
    not_differentiable,
    kinds="f",
    infer=predicate_on_one,
    ufunc=False,
    floating=False,
)
is_finite: Function = unary(
    "IsFinite",
    np.isfinite,
    "is_finite math.is_finite debugging.is_finite",
    "Whether it is neither infinite nor not a number.",
    not_differentiable,
    kinds="f",
    infer=predicate_on_one,
    ufunc=False,
    floating=False,
)

# Sums of many, casts.


def _add_n_spec(view: View) -> Spec:
    dims = view.first.dims
    for spec in view.inputs[1:]:
        if spec.dims is not None and dims is not None and len(spec.dims) != len(dims):
            raise Incompatible(
                f"shapes {described(dims)} and {described(spec.dims)} can't be added"
            )
        dims = broadcast(dims, spec.dims)
    return Spec(view.first.dtype, dims)


def _add_n(first: Any, second: Any, *others: Any) -> Any:
    total = first + second
    for other in others:
        total = total + other
    return total


ADD_N: Definition = Definition(
    "AddN",
    _add_n_spec,
    _add_n,
    gradient=lambda op, dy: [dy] * len(op.inputs),
    floating=True,
)


@export("add_n", "math.add_n")
def add_n(inputs: Any, name: str | None = None) -> Tensor:
    """Adds tensors of the same shape.

    Args:
        inputs: A list of tensors.
        name: Name of the operation.

    Returns:
        Their sum.

    Raises:
        ValueError: If the list is empty, or shapes differ.
    """
    if not isinstance(inputs, (list, tuple)) or not inputs:
        raise ValueError("inputs of add_n must be a list of at least one tensor.")
    tensors = same_type(*inputs, names=[f"inputs[{i}]" for i in range(len(inputs))])
    if len(tensors) == 1:
        return OVERLOADS["identity"](tensors[0], name=name)
    result: Tensor = ADD_N(*tensors, name=name)
    return result


def _bind_cast(view: View) -> Kernel:
    target = view["dtype"].numpy
    if view.first.dtype.is_complex and not view["dtype"].is_complex:
        return lambda x: x.real.astype(target)
    return lambda x: x.astype(target)


def _cast_gradient(op: Any, dy: Tensor) -> list[Tensor | None]:
    source = op.inputs[0].dtype
    return [cast(dy, source) if source.is_floating or source.is_complex else None]


CAST: Definition = Definition(
    "Cast",
    lambda view: Spec(view["dtype"], view.first.dims, partial=view.first.partial),
    bind=_bind_cast,
    gradient=_cast_gradient,
    floating=True,
)


@export("cast", "dtypes.cast")
def cast(x: TensorLike, dtype: Any, name: str | None = None) -> Tensor:
    """Converts the elements to another type.

    Args:
        x: A tensor, `IndexedSlices`, or a `SparseTensor`.
        dtype: The type.
        name: Name of the operation.

    Returns:
        The same kind of that type; the tensor itself if it has it already.

    Raises:
        TypeError: If strings would have to be converted.
    """
    target = as_dtype(dtype)
    if hasattr(x, "dense_shape"):
        return mapped(partial(cast, dtype=target, name=name), x)  # type: ignore[no-any-return]  # the same kind as before
    tensor = convert_to_tensor(x)
    if tensor.dtype is target:
        return tensor
    if dtypes.string in (tensor.dtype, target):
        raise TypeError(f"Cast can't convert {tensor.dtype.name} to {target.name}.")
    result: Tensor = CAST(tensor, dtype=target, name=name)
    return result


def _short_cast(name: str, dtype: DType, default: str) -> None:
    @export(name)
    def function(x: TensorLike, name: str = default) -> Tensor:
        return cast(x, dtype, name)

    function.__name__ = name
    function.__doc__ = f"Converts the elements to {dtype.name}; arguments as for `cast`."


for _name, _dtype, _default in (
    ("to_float", dtypes.float32, "ToFloat"),
    ("to_double", dtypes.float64, "ToDouble"),
    ("to_int32", dtypes.int32, "ToInt32"),
    ("to_int64", dtypes.int64, "ToInt64"),
    ("to_complex64", dtypes.complex64, "ToComplex64"),
    ("to_complex128", dtypes.complex128, "ToComplex128"),
):
    _short_cast(_name, _dtype, _default)


@export("saturate_cast", "dtypes.saturate_cast")
def saturate_cast(value: TensorLike, dtype: Any, name: str | None = None) -> Tensor:
    """Converts the elements to another type; what is out of its range becomes its limit.

    Args:
        value: A tensor.
        dtype: The type.
        name: Name of the operation.

    Returns:
        A tensor of that type.
    """
    target = as_dtype(dtype)
    with get_default_graph().name_scope(name or "saturate_cast") as scope:
        tensor = convert_to_tensor(value)
        low, high = (tensor.dtype.as_numpy_dtype(limit) for limit in target.limits)
        return cast(minimum(maximum(tensor, low), high), target, scope)


@export("clip_by_value")
def clip_by_value(
    t: TensorLike, clip_value_min: TensorLike, clip_value_max: TensorLike, name: str | None = None
) -> Tensor:
    """Limits the elements to a range.

    Args:
        t: A tensor, or `IndexedSlices`.
        clip_value_min: The smallest value.
        clip_value_max: The largest value.
        name: Name of the operation.

    Returns:
        The same kind.
    """
    if isinstance(t, IndexedSlices):
        return mapped(lambda v: clip_by_value(v, clip_value_min, clip_value_max, name), t)  # type: ignore[no-any-return]  # rows
    with get_default_graph().name_scope(name or "clip_by_value") as scope:
        return maximum(minimum(t, clip_value_max), clip_value_min, name=scope)


# Matrix products.


def _matmul_spec(view: View) -> Spec:
    a, b = view.first.dims, view.inputs[1].dims
    if a is None or b is None:
        return Spec(view.first.dtype, None)
    if len(a) < 2 or len(b) < 2:
        raise Incompatible(f"matrices are needed, not shapes {described(a)} and {described(b)}")
    rows, inner = _turned(a[-2:], view["transpose_a"])
    inner_b, columns = _turned(b[-2:], view["transpose_b"])
    if inner is not None and inner_b is not None and inner != inner_b:
        raise Incompatible(
            f"matrices of shapes {described(a)} and {described(b)} can't be multiplied: "
            f"{inner} columns of the left one meet {inner_b} rows of the right one"
            f"{_turn_note(view)}"
        )
    lead = broadcast(a[:-2], b[:-2])
    return Spec(view.first.dtype, None if lead is None else (*lead, rows, columns))


def _turned(dims: Any, turn: builtins.bool) -> Any:
    return dims[::-1] if turn else dims


def _turn_note(view: View) -> str:
    turns = [side for side in ("a", "b") if view[f"transpose_{side}"]]
    return f" (transposed: {', '.join(turns)})" if turns else ""


def _matmul_template(view: View) -> str:
    vectors = "T" if _is_matrix(view.first.dims) and _is_matrix(view.inputs[1].dims) else "mT"
    left = f"{{0}}.{vectors}" if view["transpose_a"] else "{0}"
    right = f"{{1}}.{vectors}" if view["transpose_b"] else "{1}"
    return f"{left}.dot({right})" if vectors == "T" else f"{left} @ {right}"


def _is_matrix(dims: Dims) -> builtins.bool:
    return dims is not None and len(dims) == 2


def _matmul_gradient(op: Any, dy: Tensor) -> list[Tensor]:
    a, b = map(conj, op.inputs)
    turn_a, turn_b = op.attributes["transpose_a"], op.attributes["transpose_b"]
    if turn_a:
        da = matmul(b, dy, transpose_a=turn_b, transpose_b=True)
    else:
        da = matmul(dy, b, transpose_b=not turn_b)
    if turn_b:
        db = matmul(dy, a, transpose_a=True, transpose_b=turn_a)
    else:
        db = matmul(a, dy, transpose_a=not turn_a)
    return [unbroadcast(da, op.inputs[0]), unbroadcast(db, op.inputs[1])]


MATMUL: Definition = Definition(
    "MatMul",
    _matmul_spec,
    template=_matmul_template,
    gradient=_matmul_gradient,
    floating=True,
)


@export("matmul", "linalg.matmul")
def matmul(
    a: TensorLike,
    b: TensorLike,
    transpose_a: builtins.bool = False,
    transpose_b: builtins.bool = False,
    adjoint_a: builtins.bool = False,
    adjoint_b: builtins.bool = False,
    a_is_sparse: builtins.bool = False,
    b_is_sparse: builtins.bool = False,
    output_type: Any = None,
    grad_a: builtins.bool = False,
    grad_b: builtins.bool = False,
    name: str | None = None,
) -> Tensor:
    """The matrix product of the last two axes.

    Args:
        a: A tensor of rank 2 or more.
        b: A tensor of rank 2 or more.
        transpose_a: Whether to transpose the last two axes of `a` first.
        transpose_b: Whether to transpose the last two axes of `b` first.
        adjoint_a: The same for real numbers; also conjugates complex ones.
        adjoint_b: The same for real numbers; also conjugates complex ones.
        a_is_sparse: A hint that has no effect.
        b_is_sparse: A hint that has no effect.
        output_type: Must be None.
        grad_a: Without effect.
        grad_b: Without effect.
        name: Name of the operation.

    Returns:
        The product; the axes before the last two are broadcast.

    Raises:
        ValueError: If the shapes don't fit.
    """
    if output_type is not None:
        raise ValueError("matmul supports no output_type; use tf.cast on the product.")
    first, second = same_type(a, b, names=("a", "b"))
    checked_kind(first, _NUMBERS, "MatMul")
    first = conj(first) if adjoint_a else first
    second = conj(second) if adjoint_b else second
    result: Tensor = MATMUL(
        first,
        second,
        transpose_a=transpose_a or adjoint_a,
        transpose_b=transpose_b or adjoint_b,
        name=name,
    )
    return result


def _operator(function: Any, name: str) -> Any:
    """A function for one of Python's operators, whose operations have lower-case names."""
    return lambda x, y: function(x, y, name=name)


def _bitwise(function: Any, name: str) -> Any:
    def operator(x: Any, y: Any) -> Tensor:
        first, second = same_type(x, y)
        if not first.dtype.is_integer:
            checked_kind(first, "b", f"The operator for {name}")
        how = _of_bits(f"bitwise_{name}") if first.dtype.is_integer else function
        result: Tensor = how(first, second, name=name)
        return result

    return operator


def _inverted(x: Any) -> Tensor:
    result: Tensor = _of_bits("invert")(x) if x.dtype.is_integer else logical_not(x)
    return result


def _of_bits(name: str) -> Any:
    return public("bitwise", name)


OVERLOADS.update(
    {
        "add": _operator(add, "add"),
        "sub": _operator(subtract, "sub"),
        "mul": _operator(multiply, "mul"),
        "truediv": _operator(truediv, "truediv"),
        "floordiv": _operator(floordiv, "floordiv"),
        "mod": _operator(floormod, "mod"),
        "pow": _operator(power, "pow"),
        "matmul": _operator(matmul, "matmul"),
        "less": less,
        "less_equal": less_equal,
        "greater": greater,
        "greater_equal": greater_equal,
        "and": _bitwise(logical_and, "and"),
        "or": _bitwise(logical_or, "or"),
        "xor": _bitwise(logical_xor, "xor"),
        "invert": _inverted,
        "neg": negative,
        "abs": absolute,
        "cast": cast,
    }
)
