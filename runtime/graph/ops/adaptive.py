"""Steps of optimizers that keep, for each element of a variable, what its gradients were like.

Each algorithm is one rule for elements. It is applied to a whole variable, or to the rows that a
gradient of rows (`IndexedSlices`) has; the other rows, and what is kept of them, stay as they are.
"""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from typing import Any, Final

import attrs
import numpy as np

from runtime.graph.definition import Definition, Kernel, View
from runtime.graph.ops.scatter import buffer_of, rows_key, rows_spec, unique_rows
from runtime.graph.ops.state import optimizer_spec
from runtime.graph.ops.steps import Number, Rule, bind_step, parameters, rest, same
from runtime.graph.state import VariableCell as Cell


@attrs.frozen
class Algorithm:
    """The two operations of an algorithm.

    Attributes:
        whole: Changes a variable; inputs are the variable, its slots, parameters, the gradient.
        rows: The same for some rows; the last inputs are the gradient's rows and their indices.
    """

    whole: Definition
    rows: Definition


def _adagrad(value: Any, accumulated: Any, rate: Any, gradient: Any) -> None:
    accumulated += gradient * gradient
    gradient *= rate
    gradient /= np.sqrt(accumulated)
    value -= gradient


def _adadelta(
    value: Any,
    accumulated: Any,
    updates: Any,
    rate: Any,
    rho: Any,
    epsilon: Any,
    rest_of_rho: Any,
    gradient: Any,
) -> None:
    accumulated *= rho
    accumulated += rest_of_rho * gradient * gradient
    gradient *= np.sqrt(updates + epsilon) / np.sqrt(accumulated + epsilon)
    value -= rate * gradient
    updates *= rho
    updates += rest_of_rho * gradient * gradient


def _rms_prop(
    value: Any,
    squares: Any,
    moved: Any,
    rate: Any,
    rest_of_decay: Any,
    momentum: Any,
    epsilon: Any,
    gradient: Any,
) -> None:
    _follow(squares, gradient * gradient, rest_of_decay)
    _move(value, moved, rate, momentum, squares + epsilon, gradient)


def _centered(
    value: Any,
    squares: Any,
    mean: Any,
    moved: Any,
    rate: Any,
    rest_of_decay: Any,
    momentum: Any,
    epsilon: Any,
    gradient: Any,
) -> None:
    _follow(squares, gradient * gradient, rest_of_decay)
    _follow(mean, gradient.copy(), rest_of_decay)
    _move(value, moved, rate, momentum, squares - mean * mean + epsilon, gradient)


def _follow(mean: Any, new: Any, share: Any) -> None:
    """Lets a running mean follow a new value, which is overwritten."""
    new -= mean
    new *= share
    mean += new


def _move(value: Any, moved: Any, rate: Any, momentum: Any, scale: Any, gradient: Any) -> None:
    gradient *= rate
    gradient /= np.sqrt(scale)
    moved *= momentum
    moved += gradient
    value -= moved


def _ftrl(
    value: Any,
    accumulated: Any,
    linear: Any,
    rate: Any,
    l1: Any,
    l2: Any,
    shrinkage: Any,
    beta: Any,
    power: Any,
    gradient: Any,
) -> None:
    new = accumulated + gradient * gradient
    root = new**-power
    linear += gradient + 2 * shrinkage * value
    linear -= (root - accumulated**-power) / rate * value
    quadratic = (root + beta) / rate + 2 * l2
    shrunk = (np.sign(linear) * l1 - linear) / quadratic
    value[...] = np.where(np.abs(linear) > l1, shrunk, 0)
    accumulated[...] = new


def _soft(value: Any, threshold: Any) -> Any:
    """A value made smaller, at most to 0."""
    return np.sign(value) * np.maximum(np.abs(value) - threshold, 0)


def _adagrad_da(
    value: Any,
    total: Any,
    squares: Any,
    rate: Any,
    l1: Any,
    l2: Any,
    step: Any,
    gradient: Any,
) -> None:
    total += gradient
    squares += gradient * gradient
    value[...] = -rate * _soft(total, l1 * step) / (l2 * step * rate + np.sqrt(squares))


def _proximal_descent(value: Any, rate: Any, l1: Any, l2: Any, gradient: Any) -> None:
    value[...] = _soft(value - rate * gradient, rate * l1) / (1 + rate * l2)


def _proximal_adagrad(
    value: Any, accumulated: Any, rate: Any, l1: Any, l2: Any, gradient: Any
) -> None:
    accumulated += gradient * gradient
    _proximal_descent(value, rate / np.sqrt(accumulated), l1, l2, gradient)


def _algorithm(name: str, rule: Rule, slots: int, numbers: Sequence[Number]) -> Algorithm:
    cells = 1 + slots

    def defined(type_name: str, infer: Any, bind: Callable[[View], Kernel]) -> Definition:
        return Definition(
            type_name,
            infer,
            bind=bind,
            references=range(cells),
            stateful=True,
            aliases=True,
            floating=True,
        )

    return Algorithm(
        defined(f"Apply{name}", optimizer_spec, lambda v: bind_step(v, rule, cells, numbers)),
        defined(f"SparseApply{name}", rows_spec, lambda v: _rows(v, rule, cells, numbers)),
    )


def _rows(view: View, rule: Rule, count: int, numbers: Sequence[Number]) -> Kernel:
    in_place = all(spec.exclusive for spec in view.inputs[:count])

    def step(*inputs: Any) -> Any:
        cells: Sequence[Cell] = inputs[:count]
        gradient, places = unique_rows(*inputs[-2:])
        made = [np.asarray(of(*[inputs[count + i] for i in at])) for of, *at in numbers]
        with ExitStack() as locks:
            for cell in cells:
                locks.enter_context(cell.lock)
            buffers = [buffer_of(cell, in_place) for cell in cells]
            rows_key(places, buffers[0])
            rows = [buffer[places] for buffer in buffers]
            rule(*rows, *made, gradient.copy())
            for cell, buffer, new in zip(cells, buffers, rows, strict=True):
                buffer[places] = new
                cell.value = buffer
        return buffers[0]

    return step


_RMS_NUMBERS: Final = [(same, 0), (rest, 1), (same, 2), (same, 3)]

ADAGRAD = _algorithm("Adagrad", _adagrad, 1, parameters(1))
ADADELTA = _algorithm("Adadelta", _adadelta, 2, [*parameters(3), (rest, 1)])
RMS_PROP = _algorithm("RMSProp", _rms_prop, 2, _RMS_NUMBERS)
CENTERED_RMS_PROP = _algorithm("CenteredRMSProp", _centered, 3, _RMS_NUMBERS)
FTRL = _algorithm("Ftrl", _ftrl, 2, parameters(6))
ADAGRAD_DA = _algorithm("AdagradDA", _adagrad_da, 2, parameters(4))
PROXIMAL_DESCENT = _algorithm("ProximalGradientDescent", _proximal_descent, 0, parameters(3))
PROXIMAL_ADAGRAD = _algorithm("ProximalAdagrad", _proximal_adagrad, 1, parameters(3))
