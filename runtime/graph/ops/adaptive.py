"""Steps of optimizers that keep, for each element of a variable, what its gradients were like.

Each algorithm is one rule for elements. It is applied to a whole variable, or to the rows that a
gradient of rows (`IndexedSlices`) has; the other rows, and what is kept of them, stay as they are.
"""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from typing import Any, TypeAlias

import attrs
import numpy as np

from runtime.graph.definition import Definition, Kernel, View
from runtime.graph.ops.scatter import buffer_of, rows_key, rows_spec, unique_rows
from runtime.graph.ops.state import optimizer_spec
from runtime.graph.state import VariableCell as Cell

# From a variable's value, what is kept, the parameters and the gradient: the new value, and what
# is kept from now on. Any: arrays and scalars of any floating-point type.
Rule: TypeAlias = Callable[[Any, Sequence[Any], Sequence[Any], Any], tuple[Any, Sequence[Any]]]


@attrs.frozen
class Algorithm:
    """The two operations of an algorithm.

    Attributes:
        whole: Changes a variable; inputs are the variable, its slots, parameters, the gradient.
        rows: The same for some rows; the last inputs are the gradient's rows and their indices.
    """

    whole: Definition
    rows: Definition


def _adagrad(value: Any, slots: Sequence[Any], parameters: Sequence[Any], gradient: Any) -> Any:
    accumulated = slots[0] + gradient * gradient
    return value - parameters[0] * gradient / np.sqrt(accumulated), [accumulated]


def _adadelta(value: Any, slots: Sequence[Any], parameters: Sequence[Any], gradient: Any) -> Any:
    (accumulated, updates), (rate, rho, epsilon) = slots, parameters
    accumulated = rho * accumulated + (1 - rho) * gradient * gradient
    update = np.sqrt(updates + epsilon) / np.sqrt(accumulated + epsilon) * gradient
    return value - rate * update, [accumulated, rho * updates + (1 - rho) * update * update]


def _rms_prop(value: Any, slots: Sequence[Any], parameters: Sequence[Any], gradient: Any) -> Any:
    (squares, moved), (rate, decay, momentum, epsilon) = slots, parameters
    squares = squares + (gradient * gradient - squares) * (1 - decay)
    moved = momentum * moved + rate * gradient / np.sqrt(squares + epsilon)
    return value - moved, [squares, moved]


def _centered(value: Any, slots: Sequence[Any], parameters: Sequence[Any], gradient: Any) -> Any:
    (squares, mean, moved), (rate, decay, momentum, epsilon) = slots, parameters
    squares = squares + (gradient * gradient - squares) * (1 - decay)
    mean = mean + (gradient - mean) * (1 - decay)
    moved = momentum * moved + rate * gradient / np.sqrt(squares - mean * mean + epsilon)
    return value - moved, [squares, mean, moved]


def _ftrl(value: Any, slots: Sequence[Any], parameters: Sequence[Any], gradient: Any) -> Any:
    (accumulated, linear), (rate, l1, l2, shrinkage, beta, power) = slots, parameters
    new = accumulated + gradient * gradient
    root = new**-power
    slope = gradient + 2 * shrinkage * value
    linear = linear + slope - (root - accumulated**-power) / rate * value
    quadratic = (root + beta) / rate + 2 * l2
    shrunk = (np.sign(linear) * l1 - linear) / quadratic
    return np.where(np.abs(linear) > l1, shrunk, 0).astype(value.dtype), [new, linear]


def _soft(value: Any, threshold: Any) -> Any:
    """A value made smaller, at most to 0."""
    return np.sign(value) * np.maximum(np.abs(value) - threshold, 0)


def _adagrad_da(value: Any, slots: Sequence[Any], parameters: Sequence[Any], gradient: Any) -> Any:
    (total, squares), (rate, l1, l2, step) = slots, parameters
    total, squares = total + gradient, squares + gradient * gradient
    new = -rate * _soft(total, l1 * step) / (l2 * step * rate + np.sqrt(squares))
    return new, [total, squares]


def _proximal(value: Any, rate: Any, l1: Any, l2: Any, gradient: Any) -> Any:
    return _soft(value - rate * gradient, rate * l1) / (1 + rate * l2)


def _proximal_descent(
    value: Any, slots: Sequence[Any], parameters: Sequence[Any], gradient: Any
) -> Any:
    rate, l1, l2 = parameters
    return _proximal(value, rate, l1, l2, gradient), []


def _proximal_adagrad(
    value: Any, slots: Sequence[Any], parameters: Sequence[Any], gradient: Any
) -> Any:
    rate, l1, l2 = parameters
    accumulated = slots[0] + gradient * gradient
    return _proximal(value, rate / np.sqrt(accumulated), l1, l2, gradient), [accumulated]


def _algorithm(name: str, rule: Rule, slots: int) -> Algorithm:
    cells = tuple(range(1 + slots))

    def defined(type_name: str, infer: Any, bind: Callable[[View], Kernel]) -> Definition:
        return Definition(
            type_name,
            infer,
            bind=bind,
            references=cells,
            stateful=True,
            aliases=True,
            floating=True,
        )

    return Algorithm(
        defined(f"Apply{name}", optimizer_spec, lambda view: _whole(view, rule, slots)),
        defined(f"SparseApply{name}", rows_spec, lambda view: _rows(view, rule, slots)),
    )


def _whole(view: View, rule: Rule, slots: int) -> Kernel:
    in_place = all(spec.exclusive and spec.dims for spec in view.inputs[: 1 + slots])

    def step(*inputs: Any) -> Any:
        cells: Sequence[Cell] = inputs[: 1 + slots]
        with ExitStack() as locks:
            for cell in cells:
                locks.enter_context(cell.lock)
            old = [cell.value for cell in cells]
            value, kept = rule(old[0], old[1:], inputs[1 + slots : -1], inputs[-1])
            for cell, new in zip(cells, (value, *kept), strict=True):
                _set(cell, new, in_place)
        return cells[0].value

    return step


def _set(cell: Cell, new: Any, in_place: bool) -> None:
    if in_place:
        cell.writable()[...] = new
    else:
        cell.value = new


def _rows(view: View, rule: Rule, slots: int) -> Kernel:
    in_place = all(spec.exclusive for spec in view.inputs[: 1 + slots])

    def step(*inputs: Any) -> Any:
        cells: Sequence[Cell] = inputs[: 1 + slots]
        gradient, places = unique_rows(*inputs[-2:])
        with ExitStack() as locks:
            for cell in cells:
                locks.enter_context(cell.lock)
            buffers = [buffer_of(cell, in_place) for cell in cells]
            rows_key(places, buffers[0])
            old = [buffer[places] for buffer in buffers]
            value, kept = rule(old[0], old[1:], inputs[1 + slots : -2], gradient)
            for cell, buffer, new in zip(cells, buffers, (value, *kept), strict=True):
                buffer[places] = new
                cell.value = buffer
        return buffers[0]

    return step


ADAGRAD = _algorithm("Adagrad", _adagrad, 1)
ADADELTA = _algorithm("Adadelta", _adadelta, 2)
RMS_PROP = _algorithm("RMSProp", _rms_prop, 2)
CENTERED_RMS_PROP = _algorithm("CenteredRMSProp", _centered, 3)
FTRL = _algorithm("Ftrl", _ftrl, 2)
ADAGRAD_DA = _algorithm("AdagradDA", _adagrad_da, 2)
PROXIMAL_DESCENT = _algorithm("ProximalGradientDescent", _proximal_descent, 0)
PROXIMAL_ADAGRAD = _algorithm("ProximalAdagrad", _proximal_adagrad, 1)
