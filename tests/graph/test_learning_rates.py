"""Learning rates that change with the step, each against its formula."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import runtime as tf

STEPS = [0, 1, 3, 9, 10, 11, 25, 40]


def _restarts(t: float, growth: float, height: float, alpha: float) -> float:
    """By following the waves one by one."""
    length, peak = 1.0, 1.0
    while t >= length:
        t, length, peak = t - length, length * growth, peak * height
    wave = peak * 0.5 * (1 + math.cos(math.pi * t / length))
    return (1 - alpha) * wave + alpha


def _polynomial(step: float, cycle: bool) -> float:
    steps = 10.0 * max(1, math.ceil(step / 10)) if cycle else 10.0
    step = step if cycle else min(step, steps)
    return (0.5 - 0.01) * (1 - step / steps) ** 2 + 0.01


train = tf.train
CASES: dict[str, tuple[Callable[[Any], Any], Callable[[float], float]]] = {
    "exponential": (
        lambda s: train.exponential_decay(0.5, s, 10, 0.9),
        lambda s: 0.5 * 0.9 ** (s / 10),
    ),
    "exponential staircase": (
        lambda s: train.exponential_decay(0.5, s, 10, 0.9, staircase=True),
        lambda s: 0.5 * 0.9 ** (s // 10),
    ),
    "natural": (
        lambda s: train.natural_exp_decay(0.5, s, 10, 0.9),
        lambda s: 0.5 * math.exp(-0.9 * s / 10),
    ),
    "natural staircase": (
        lambda s: train.natural_exp_decay(0.5, s, 10, 0.9, True),
        lambda s: 0.5 * math.exp(-0.9 * (s // 10)),
    ),
    "inverse": (
        lambda s: train.inverse_time_decay(0.5, s, 10, 0.9),
        lambda s: 0.5 / (1 + 0.9 * s / 10),
    ),
    "inverse staircase": (
        lambda s: train.inverse_time_decay(0.5, s, 10, 0.9, True),
        lambda s: 0.5 / (1 + 0.9 * (s // 10)),
    ),
    "polynomial": (
        lambda s: train.polynomial_decay(0.5, s, 10, 0.01, 2.0),
        lambda s: _polynomial(s, False),
    ),
    "polynomial cycle": (
        lambda s: train.polynomial_decay(0.5, s, 10, 0.01, 2.0, cycle=True),
        lambda s: _polynomial(s, True),
    ),
    "cosine": (
        lambda s: train.cosine_decay(0.5, s, 10, 0.1),
        lambda s: 0.5 * (0.9 * 0.5 * (1 + math.cos(math.pi * min(s, 10) / 10)) + 0.1),
    ),
    "restarts": (
        lambda s: train.cosine_decay_restarts(0.5, s, 10, 2.0, 0.5, 0.1),
        lambda s: 0.5 * _restarts(s / 10, 2.0, 0.5, 0.1),
    ),
    "equal restarts": (
        lambda s: train.cosine_decay_restarts(0.5, s, 10, 1.0),
        lambda s: 0.5 * _restarts(s / 10, 1.0, 1.0, 0.0),
    ),
    "linear cosine": (
        lambda s: train.linear_cosine_decay(0.5, s, 10, 1.5, 0.2, 0.01),
        lambda s: (
            0.5
            * (
                (0.2 + 1 - min(s, 10) / 10) * 0.5 * (1 + math.cos(math.pi * 3 * min(s, 10) / 10))
                + 0.01
            )
        ),
    ),
    "piecewise": (
        lambda s: train.piecewise_constant(s, [3, 10], [1.0, 0.5, 0.1]),
        lambda s: 1.0 if s <= 3 else 0.5 if s <= 10 else 0.1,
    ),
}


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("dtype", [tf.int32, tf.int64])
def test_a_rate_follows_its_formula(case: str, dtype: Any) -> None:
    """At each step, as a float32 scalar, from a step of any integer type."""
    make, formula = CASES[case]
    with tf.Graph().as_default(), tf.Session() as session:
        step = tf.placeholder(dtype, [])
        rate = make(step)
        assert rate.dtype == tf.float32 and rate.shape.as_list() == []
        found = [session.run(rate, {step: value}) for value in STEPS]
    np.testing.assert_allclose(found, [formula(float(s)) for s in STEPS], rtol=2e-5, atol=1e-7)


def test_a_rate_follows_the_global_step() -> None:
    """The step may be a variable; the optimizer takes the rate as it is."""
    with tf.Graph().as_default(), tf.Session() as session:
        step = tf.train.get_or_create_global_step()
        w = tf.get_variable("w", [], initializer=tf.zeros_initializer())
        rate = tf.train.exponential_decay(1.0, step, 1, 0.5, name="rate")
        train_op = tf.train.GradientDescentOptimizer(rate).minimize(w, global_step=step)
        session.run(tf.global_variables_initializer())
        for _ in range(3):
            session.run(train_op)
        assert rate.op.name == "rate"
        assert session.run(w) == -1.75


def test_noise_becomes_smaller() -> None:
    """The noisy decay differs from run to run, less and less, around the one without noise."""
    with tf.Graph().as_default(), tf.Session() as session:
        tf.set_random_seed(1)
        step = tf.placeholder(tf.int32, [])
        noisy = tf.train.noisy_linear_cosine_decay(1.0, step, 100, variance_decay=2.0)
        smooth = tf.train.linear_cosine_decay(1.0, step, 100)
        spread = []
        for value in (0, 9, 49):
            drawn = [session.run(noisy, {step: value}) for _ in range(400)]
            spread.append(np.std(drawn))
            assert abs(np.mean(drawn) - session.run(smooth, {step: value})) < 0.2
        assert spread[0] > 5 * spread[1] > 5 * spread[2] > 0


@pytest.mark.parametrize(
    "function",
    ["exponential", "natural_exp", "inverse_time", "polynomial", "cosine", "linear_cosine"],
)
def test_a_rate_needs_a_step(function: str) -> None:
    """ValueError names the function."""
    name = f"{function}_decay"
    arguments = [0.1] if function in ("exponential", "natural_exp", "inverse_time") else []
    with pytest.raises(ValueError, match=f"global_step is required for {name}"):
        getattr(tf.train, name)(0.1, None, 10, *arguments)


def test_intervals_and_their_values_must_fit() -> None:
    """ValueError says how many there are; boundaries have the step's type."""
    with pytest.raises(ValueError, match="2 boundaries and 2 values"):
        tf.train.piecewise_constant(1, [1, 2], [1.0, 2.0])
    with pytest.raises(ValueError, match="must have the type of x, which is int64"):
        tf.train.piecewise_constant(tf.constant(1, tf.int64), [1.5], [1.0, 2.0])
