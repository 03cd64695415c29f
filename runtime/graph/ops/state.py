"""Variables: reading, assigning, updating, and the steps of optimizers.

A variable's contents are a `VariableCell`, one for each session. An update overwrites the buffer
in place if the plan knows that nobody needs the old contents any more (`Spec.exclusive`), and
keeps an array that it is given if nobody else uses that (`Spec.owned`); else it copies.
"""

import operator
from typing import Any

import numpy as np

from runtime import errors
from runtime.graph import dtypes
from runtime.graph.definition import (
    EVERY_INPUT,
    Definition,
    Kernel,
    Spec,
    View,
    not_differentiable,
)
from runtime.graph.ops.rules import as_attributes, fixed
from runtime.graph.ops.steps import Number, bind_step, parameters, rest, same
from runtime.graph.shapes import Incompatible, compatible, described, merged
from runtime.graph.state import VariableCell

# A variable's cell by the name the kernels below have for it.
Cell = VariableCell


def _cell(op: Any) -> VariableCell:
    return VariableCell(op.name, op.attributes["dtype"], op.attributes["dims"])


VARIABLE: Definition = Definition(
    "VariableV2",
    as_attributes,
    template="{0}.value",
    state=_cell,
    stateful=True,
    reading=True,
    aliases=True,
    gradient=not_differentiable,
)


def _like_variable(view: View) -> Spec:
    return Spec(view.first.dtype, view.first.dims)


READ: Definition = Definition(
    "ReadVariable",
    _like_variable,
    template="{0}.value",
    passes=lambda view: 0 if view.first.fed else None,
    references=(0,),
    stateful=True,
    reading=True,
    aliases=True,
    gradient=lambda op, dy: [dy],
)


def _keeps_shape(view: View) -> bool:
    """Whether a value must have the variable's shape."""
    return bool(view.op.attributes.get("validate_shape", True))


def _assign_spec(view: View) -> Spec:
    variable, value = view.inputs
    if not _keeps_shape(view):
        return Spec(variable.dtype, value.dims)
    if not compatible(variable.dims, value.dims):
        raise Incompatible(
            f"a value of shape {described(value.dims)} can't be assigned to the variable "
            f"{view.op.inputs[0].op.name!r} of shape {described(variable.dims)}"
        )
    return Spec(variable.dtype, merged(variable.dims, value.dims))


def _checked(cell: Cell, value: Any) -> Any:
    if not compatible(cell.dims, value.shape):
        raise ValueError(
            f"a value of shape {described(value.shape)} can't be assigned to the variable "
            f"{cell.name!r} of shape {described(cell.dims)}"
        )
    return value


def _contents(value: Any) -> Any:
    """What a cell holds: a scalar instead of an array without axes, but for strings."""
    return value if value.dtype == object else value[()]


def _assign_copy(cell: Cell, value: Any) -> Any:
    cell.value = result = _contents(np.array(_checked(cell, value), order="C"))
    return result


def _assign_keep(cell: Cell, value: Any) -> Any:
    cell.value = result = _contents(_checked(cell, value))
    return result


def _assign_any(cell: Cell, value: Any) -> Any:
    cell.value = result = _contents(np.array(value, order="C"))
    return result


def _bind_assign(view: View) -> Kernel:
    if not _keeps_shape(view):
        return _assign_any
    return _assign_keep if view.inputs[1].owned else _assign_copy


ASSIGN: Definition = Definition(
    "Assign",
    _assign_spec,
    bind=_bind_assign,
    references=(0,),
    stateful=True,
    aliases=True,
    gradient=not_differentiable,
)


def _updating(ufunc: Any, calculate: Any) -> Any:
    """Makes kernels that add to or subtract from a variable."""

    def fresh(cell: Cell, value: Any) -> Any:
        with cell.lock:
            cell.value = result = calculate(cell.value, value)
        return result

    def in_place(cell: Cell, value: Any) -> Any:
        with cell.lock:
            buffer = cell.writable()
            return ufunc(buffer, value, buffer)

    def bind(view: View) -> Kernel:
        return in_place if _is_in_place(view) else fresh

    return bind


def _is_in_place(view: View) -> bool:
    """Whether a variable can be updated in place: scalars are replaced, they have no buffer."""
    return view.first.exclusive and bool(view.first.dims)


ASSIGN_ADD: Definition = Definition(
    "AssignAdd",
    _assign_spec,
    bind=_updating(np.add, operator.add),
    references=(0,),
    stateful=True,
    aliases=True,
    floating=True,
    gradient=not_differentiable,
)
ASSIGN_SUB: Definition = Definition(
    "AssignSub",
    _assign_spec,
    bind=_updating(np.subtract, operator.sub),
    references=(0,),
    stateful=True,
    aliases=True,
    floating=True,
    gradient=not_differentiable,
)


def _bind_count(view: View) -> Kernel:
    limit = view["limit"]

    def count(cell: Cell) -> Any:
        with cell.lock:
            value = cell.value
            if value >= limit:
                raise errors.OutOfRangeError(None, None, f"Reached limit of {limit}")
            cell.value = value + value.dtype.type(1)
        return value

    return count


COUNT_UP_TO: Definition = Definition(
    "CountUpTo",
    _like_variable,
    bind=_bind_count,
    references=(0,),
    stateful=True,
    gradient=not_differentiable,
)
IS_INITIALIZED: Definition = Definition(
    "IsVariableInitialized",
    fixed(dtypes.bool, ()),
    lambda cell: np.bool_(cell.initialized),
    references=(0,),
    stateful=True,
    reading=True,
    gradient=not_differentiable,
)


INITIALIZED_VALUE: Definition = Definition(
    "InitializedValue",
    _like_variable,
    lambda cell, initial: getattr(cell, "value", initial),
    references=(0,),
    stateful=True,
    aliases=True,
    gradient=not_differentiable,
)


def _uninitialized_names(*cells: Cell) -> Any:
    names = [cell.name.encode() for cell in cells if not cell.initialized]
    result = np.empty(len(names), dtype=object)
    result[:] = names
    return result


REPORT_UNINITIALIZED: Definition = Definition(
    "ReportUninitialized",
    fixed(dtypes.string, (None,)),
    _uninitialized_names,
    references=EVERY_INPUT,
    stateful=True,
    gradient=not_differentiable,
)


# Steps of optimizers. Inputs after the variables: numbers (scalars), then the gradient. The
# gradient may lie in the memory of a variable, so it is used before that is overwritten.


def optimizer_spec(view: View) -> Spec:
    """What is known of a variable after a step along a gradient.

    Args:
        view: The operation: the variable is its first input, the gradient its last.

    Returns:
        What is known of it.

    Raises:
        Incompatible: If the gradient doesn't fit the variable.
    """
    gradient = view.inputs[-1].dims
    if not compatible(view.first.dims, gradient):
        raise Incompatible(
            f"a gradient of shape {described(gradient)} does not fit the variable "
            f"{view.op.inputs[0].op.name!r} of shape {described(view.first.dims)}"
        )
    return Spec(view.first.dtype, view.first.dims)


def _bind_descent(view: View) -> Kernel:
    if not _is_in_place(view):
        return _descent
    if not view.inputs[2].owned:
        return _descent_in_place_copying
    rate = view.inputs[1].value
    return _descent_in_place if rate is None else _descent_by(np.asarray(rate))


def _descent(cell: Cell, rate: Any, gradient: Any) -> Any:
    cell.value = result = cell.value - rate * gradient
    return result


def _descent_in_place_copying(cell: Cell, rate: Any, gradient: Any) -> Any:
    with cell.lock:
        value = cell.writable()
        return np.subtract(value, gradient * rate, value)


def _descent_in_place(cell: Cell, rate: Any, gradient: Any) -> Any:
    with cell.lock:
        value = cell.writable()
        return np.subtract(value, np.multiply(gradient, rate, gradient), value)


def _descent_by(rate: Any) -> Kernel:
    """Makes the kernel for a rate that never changes: an array takes NumPy less than a scalar."""
    multiply, subtract = np.multiply, np.subtract

    def step(cell: Cell, _: Any, gradient: Any) -> Any:
        with cell.lock:
            value = cell.writable()
            return subtract(value, multiply(gradient, rate, gradient), value)

    return step


APPLY_DESCENT: Definition = Definition(
    "ApplyGradientDescent",
    optimizer_spec,
    bind=_bind_descent,
    references=(0,),
    stateful=True,
    aliases=True,
    floating=True,
)


def _momentum(value: Any, kept: Any, rate: Any, momentum: Any, gradient: Any) -> None:
    kept *= momentum
    kept += gradient
    value -= np.multiply(kept, rate, gradient)


def _nesterov_momentum(value: Any, kept: Any, rate: Any, momentum: Any, gradient: Any) -> None:
    kept *= momentum
    kept += gradient
    gradient += kept * momentum
    gradient *= rate
    value -= gradient


def _bind_momentum(view: View) -> Kernel:
    rule = _nesterov_momentum if view["use_nesterov"] else _momentum
    return bind_step(view, rule, 2, parameters(2))


APPLY_MOMENTUM: Definition = Definition(
    "ApplyMomentum",
    optimizer_spec,
    bind=_bind_momentum,
    references=(0, 1),
    stateful=True,
    aliases=True,
    floating=True,
)


def _adam_rate(power1: Any, power2: Any, rate: Any) -> Any:
    return rate * np.sqrt(1 - power2) / (1 - power1)


def _adam(
    value: Any, m: Any, v: Any, rate: Any, rest1: Any, rest2: Any, epsilon: Any, gradient: Any
) -> None:
    scratch = gradient - m
    scratch *= rest1
    m += scratch
    gradient *= gradient
    gradient -= v
    gradient *= rest2
    v += gradient
    np.sqrt(v, gradient)
    gradient += epsilon
    scratch = np.multiply(m, rate, scratch) if m.ndim else m * rate
    scratch /= gradient
    value -= scratch


def _nesterov_adam(
    value: Any,
    m: Any,
    v: Any,
    rate: Any,
    rest1: Any,
    rest2: Any,
    epsilon: Any,
    beta1: Any,
    gradient: Any,
) -> None:
    m += (gradient - m) * rest1
    v += (gradient * gradient - v) * rest2
    lead = gradient * rest1 + beta1 * m
    value -= lead * rate / (np.sqrt(v) + epsilon)


def _bind_adam(view: View) -> Kernel:
    numbers: list[Number] = [(_adam_rate, 0, 1, 2), (rest, 3), (rest, 4), (same, 5)]
    if view["use_nesterov"]:
        return bind_step(view, _nesterov_adam, 3, [*numbers, (same, 3)])
    return bind_step(view, _adam, 3, numbers)


APPLY_ADAM: Definition = Definition(
    "ApplyAdam",
    optimizer_spec,
    bind=_bind_adam,
    references=(0, 1, 2),
    stateful=True,
    aliases=True,
    floating=True,
)
