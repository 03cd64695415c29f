"""Learning rates that change with the steps of a training.

Source of names, arguments and formulas: the ``tf.compat.v1.train`` documentation of each function.
The results have the element type of the learning rate.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from runtime.graph.convert import TensorLike, constant, convert_to_tensor
from runtime.graph.graph import get_default_graph
from runtime.graph.ops.array import gather
from runtime.graph.ops.math import (
    add,
    cast,
    ceil,
    cos,
    exp,
    floor,
    greater,
    log,
    maximum,
    minimum,
    multiply,
)
from runtime.graph.ops.random import random_normal
from runtime.graph.ops.reduction import reduce_sum
from runtime.graph.shapes import compatible
from runtime.graph.tensor import Tensor

__all__ = [
    "cosine_decay",
    "cosine_decay_restarts",
    "exponential_decay",
    "inverse_time_decay",
    "linear_cosine_decay",
    "natural_exp_decay",
    "noisy_linear_cosine_decay",
    "piecewise_constant",
    "polynomial_decay",
]


def _decayed(
    function: str,
    scope: str,
    name: str | None,
    learning_rate: TensorLike,
    global_step: Any,
    formula: Callable[[Tensor, Callable[[Any], Tensor]], Tensor],
) -> Tensor:
    """A decay: the formula gets the step, and what makes numbers of the rate's type."""
    if global_step is None:
        raise ValueError(f"global_step is required for {function}.")
    with get_default_graph().name_scope(name or scope) as inside:
        rate = convert_to_tensor(learning_rate, name="learning_rate")

        def typed(value: Any) -> Tensor:
            return cast(convert_to_tensor(value), rate.dtype)

        factor = formula(typed(global_step), typed)
        return multiply(rate, factor, name=inside)


def _periods(step: Tensor, decay_steps: Tensor, staircase: bool) -> Tensor:
    periods = step / decay_steps
    return floor(periods) if staircase else periods


def exponential_decay(
    learning_rate: TensorLike,
    global_step: Any,
    decay_steps: TensorLike,
    decay_rate: TensorLike,
    staircase: bool = False,
    name: str | None = None,
) -> Tensor:
    """``learning_rate * decay_rate ** (global_step / decay_steps)``.

    Args:
        learning_rate: The rate at step 0; a scalar of a floating-point type.
        global_step: The step: a number, tensor or variable.
        decay_steps: Steps of one period.
        decay_rate: The factor of one period.
        staircase: Whether the rate changes only at the ends of periods.
        name: Name of the operation.

    Returns:
        A scalar.

    Raises:
        ValueError: If there is no step.
    """
    return _decayed(
        "exponential_decay",
        "ExponentialDecay",
        name,
        learning_rate,
        global_step,
        lambda step, typed: typed(decay_rate) ** _periods(step, typed(decay_steps), staircase),
    )


def natural_exp_decay(
    learning_rate: TensorLike,
    global_step: Any,
    decay_steps: TensorLike,
    decay_rate: TensorLike,
    staircase: bool = False,
    name: str | None = None,
) -> Tensor:
    """``learning_rate * exp(-decay_rate * global_step / decay_steps)``.

    Args:
        learning_rate: The rate at step 0; a scalar of a floating-point type.
        global_step: The step: a number, tensor or variable.
        decay_steps: Steps of one period.
        decay_rate: The exponent of one period.
        staircase: Whether the rate changes only at the ends of periods.
        name: Name of the operation.

    Returns:
        A scalar.

    Raises:
        ValueError: If there is no step.
    """
    return _decayed(
        "natural_exp_decay",
        "NaturalExpDecay",
        name,
        learning_rate,
        global_step,
        lambda step, typed: exp(-typed(decay_rate) * _periods(step, typed(decay_steps), staircase)),
    )


def inverse_time_decay(
    learning_rate: TensorLike,
    global_step: Any,
    decay_steps: TensorLike,
    decay_rate: TensorLike,
    staircase: bool = False,
    name: str | None = None,
) -> Tensor:
    """``learning_rate / (1 + decay_rate * global_step / decay_steps)``.

    Args:
        learning_rate: The rate at step 0; a scalar of a floating-point type.
        global_step: The step: a number, tensor or variable.
        decay_steps: Steps of one period.
        decay_rate: What one period adds to the divisor.
        staircase: Whether the rate changes only at the ends of periods.
        name: Name of the operation.

    Returns:
        A scalar.

    Raises:
        ValueError: If there is no step.
    """
    return _decayed(
        "inverse_time_decay",
        "InverseTimeDecay",
        name,
        learning_rate,
        global_step,
        lambda step, typed: (
            typed(1.0)
            / (typed(1.0) + typed(decay_rate) * _periods(step, typed(decay_steps), staircase))
        ),
    )


def polynomial_decay(
    learning_rate: TensorLike,
    global_step: Any,
    decay_steps: TensorLike,
    end_learning_rate: TensorLike = 0.0001,
    power: TensorLike = 1.0,
    cycle: bool = False,
    name: str | None = None,
) -> Tensor:
    """Goes from a rate to another one within some steps, along a polynomial.

    Args:
        learning_rate: The rate at step 0; a scalar of a floating-point type.
        global_step: The step: a number, tensor or variable.
        decay_steps: The steps after which the end is reached.
        end_learning_rate: The rate at the end.
        power: The exponent.
        cycle: Whether the way begins anew beyond the end, stretched; else the rate stays there.
        name: Name of the operation.

    Returns:
        A scalar.

    Raises:
        ValueError: If there is no step.
    """
    if global_step is None:
        raise ValueError("global_step is required for polynomial_decay.")
    with get_default_graph().name_scope(name or "PolynomialDecay") as inside:
        rate = convert_to_tensor(learning_rate, name="learning_rate")
        step, steps = (cast(convert_to_tensor(v), rate.dtype) for v in (global_step, decay_steps))
        end, exponent = (cast(convert_to_tensor(v), rate.dtype) for v in (end_learning_rate, power))
        if cycle:
            steps = steps * maximum(constant(1, rate.dtype), ceil(step / steps))
        else:
            step = minimum(step, steps)
        left = (constant(1, rate.dtype) - step / steps) ** exponent
        return add((rate - end) * left, end, name=inside)


def _half_cosine(fraction: Tensor, typed: Callable[[Any], Tensor]) -> Tensor:
    return typed(0.5) * (typed(1.0) + cos(typed(math.pi) * fraction))


def cosine_decay(
    learning_rate: TensorLike,
    global_step: Any,
    decay_steps: TensorLike,
    alpha: TensorLike = 0.0,
    name: str | None = None,
) -> Tensor:
    """Goes down along half a wave of the cosine (Loshchilov and Hutter, 2016).

    Args:
        learning_rate: The rate at step 0; a scalar of a floating-point type.
        global_step: The step: a number, tensor or variable.
        decay_steps: The steps after which the end is reached.
        alpha: The rate at the end, as a fraction of the first one.
        name: Name of the operation.

    Returns:
        A scalar.

    Raises:
        ValueError: If there is no step.
    """

    def formula(step: Tensor, typed: Callable[[Any], Tensor]) -> Tensor:
        steps = typed(decay_steps)
        wave = _half_cosine(minimum(step, steps) / steps, typed)
        return (typed(1.0) - typed(alpha)) * wave + typed(alpha)

    return _decayed("cosine_decay", "CosineDecay", name, learning_rate, global_step, formula)


def cosine_decay_restarts(
    learning_rate: TensorLike,
    global_step: Any,
    first_decay_steps: TensorLike,
    t_mul: float = 2.0,
    m_mul: TensorLike = 1.0,
    alpha: TensorLike = 0.0,
    name: str | None = None,
) -> Tensor:
    """Half waves of the cosine, each longer and lower than the last (Loshchilov and Hutter, 2016).

    Args:
        learning_rate: The rate at step 0; a scalar of a floating-point type.
        global_step: The step: a number, tensor or variable.
        first_decay_steps: The steps of the first wave.
        t_mul: How many times as long each further wave is.
        m_mul: How many times as high each further wave begins.
        alpha: The least rate, as a fraction of the first one.
        name: Name of the operation.

    Returns:
        A scalar.

    Raises:
        ValueError: If there is no step.
    """

    def formula(step: Tensor, typed: Callable[[Any], Tensor]) -> Tensor:
        number, fraction = _wave(step / typed(first_decay_steps), t_mul, typed)
        wave = typed(m_mul) ** number * _half_cosine(fraction, typed)
        return (typed(1.0) - typed(alpha)) * wave + typed(alpha)

    return _decayed("cosine_decay_restarts", "SGDRDecay", name, learning_rate, global_step, formula)


def _wave(
    completed: Tensor, growth: float, typed: Callable[[Any], Tensor]
) -> tuple[Tensor, Tensor]:
    """The number of the wave, and the fraction of it that is over."""
    if growth == 1.0:
        number = floor(completed)
        return number, completed - number
    one, factor = typed(1.0), typed(growth)
    number = floor(log(one - completed * (one - factor)) / log(factor))
    before = (one - factor**number) / (one - factor)
    return number, (completed - before) / factor**number


def linear_cosine_decay(
    learning_rate: TensorLike,
    global_step: Any,
    decay_steps: TensorLike,
    num_periods: TensorLike = 0.5,
    alpha: TensorLike = 0.0,
    beta: TensorLike = 0.001,
    name: str | None = None,
) -> Tensor:
    """Waves of the cosine under a falling line (Bello et al., 2017).

    Args:
        learning_rate: The rate at step 0; a scalar of a floating-point type.
        global_step: The step: a number, tensor or variable.
        decay_steps: The steps after which the end is reached.
        num_periods: How many waves there are until then.
        alpha: What is added to the line.
        beta: What is added to the product.
        name: Name of the operation.

    Returns:
        A scalar.

    Raises:
        ValueError: If there is no step.
    """

    def formula(step: Tensor, typed: Callable[[Any], Tensor]) -> Tensor:
        line, wave = _line_and_wave(step, typed(decay_steps), num_periods, typed)
        return (typed(alpha) + line) * wave + typed(beta)

    return _decayed(
        "linear_cosine_decay", "LinearCosineDecay", name, learning_rate, global_step, formula
    )


def noisy_linear_cosine_decay(
    learning_rate: TensorLike,
    global_step: Any,
    decay_steps: TensorLike,
    initial_variance: TensorLike = 1.0,
    variance_decay: TensorLike = 0.55,
    num_periods: TensorLike = 0.5,
    alpha: TensorLike = 0.0,
    beta: TensorLike = 0.001,
    name: str | None = None,
) -> Tensor:
    """As `linear_cosine_decay`, with noise on the line that becomes smaller.

    Args:
        learning_rate: The rate at step 0; a scalar of a floating-point type.
        global_step: The step: a number, tensor or variable.
        decay_steps: The steps after which the end is reached.
        initial_variance: The noise's variance at step 0.
        variance_decay: The exponent with which it becomes smaller.
        num_periods: How many waves there are until the end.
        alpha: What is added to the line.
        beta: What is added to the product.
        name: Name of the operation.

    Returns:
        A scalar, another one in each run.

    Raises:
        ValueError: If there is no step.
    """

    def formula(step: Tensor, typed: Callable[[Any], Tensor]) -> Tensor:
        line, wave = _line_and_wave(step, typed(decay_steps), num_periods, typed)
        variance = typed(initial_variance) / (typed(1.0) + step) ** typed(variance_decay)
        noise = random_normal([], dtype=step.dtype) * variance ** typed(0.5)
        return (typed(alpha) + line + noise) * wave + typed(beta)

    return _decayed(
        "noisy_linear_cosine_decay",
        "NoisyLinearCosineDecay",
        name,
        learning_rate,
        global_step,
        formula,
    )


def _line_and_wave(
    step: Tensor, steps: Tensor, num_periods: TensorLike, typed: Callable[[Any], Tensor]
) -> tuple[Tensor, Tensor]:
    step = minimum(step, steps)
    fraction = typed(2.0) * typed(num_periods) * (step / steps)
    return (steps - step) / steps, _half_cosine(fraction, typed)


def piecewise_constant(
    x: Any, boundaries: Sequence[Any], values: Sequence[Any], name: str | None = None
) -> Tensor:
    """A value for each interval that the step can be in.

    Args:
        x: The step: a number, tensor or variable.
        boundaries: The ends of all intervals but the last, increasing; each belongs to its
            interval. Integers if `x` is one.
        values: One for each interval: one more than `boundaries`, of one element type.
        name: Name of the operation.

    Returns:
        A scalar of the values' element type.

    Raises:
        ValueError: If there are not one more values than boundaries, or the types don't fit.
    """
    if len(boundaries) != len(values) - 1:
        raise ValueError(
            "The length of boundaries should be 1 less than the length of values, but there are "
            f"{len(boundaries)} boundaries and {len(values)} values."
        )
    with get_default_graph().name_scope(name or "PiecewiseConstant") as inside:
        step = convert_to_tensor(x)
        limits = _boundaries(step, boundaries)
        chosen = convert_to_tensor(list(values), name="values")
        if not compatible(chosen.dims, (len(values),)):
            raise ValueError(f"The values of piecewise_constant must be scalars: {values!r}")
        above = reduce_sum(cast(greater(step, limits), np.int32), name="interval")
        return gather(chosen, above, name=inside)


def _boundaries(step: Tensor, boundaries: Sequence[Any]) -> Tensor:
    whole = all(isinstance(b, (int, np.integer)) for b in boundaries)
    known = all(not isinstance(b, Tensor) for b in boundaries)
    if known and step.dtype.is_integer and not whole:
        raise ValueError(
            f"The boundaries {list(boundaries)!r} must have the type of x, which is "
            f"{step.dtype.name}."
        )
    return convert_to_tensor(list(boundaries), step.dtype, name="boundaries")
