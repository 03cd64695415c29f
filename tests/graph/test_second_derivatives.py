"""Second derivatives through loops, branches and what is made of them."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import runtime as tf

X = np.array([0.7, -1.2, 0.4])
W = np.array([[0.5, -0.3, 0.2], [0.1, 0.4, -0.6], [-0.2, 0.3, 0.7]])


def _power(x: Any, w: Any) -> Any:
    """A variable that is multiplied in each turn by what comes from outside."""
    return tf.while_loop(lambda i, _: i < 3, lambda i, a: (i + 1, tf.sin(a * x)), [0, x * x])[1]


def _fed(x: Any, w: Any) -> Any:
    """A recurrent network."""

    def step(i: Any, h: Any) -> Any:
        return i + 1, tf.tanh(tf.matmul(h, w) + x)

    return tf.while_loop(lambda i, _: i < 4, step, [0, x[tf.newaxis]])[1]


def _nested(x: Any, w: Any) -> Any:
    def outer(i: Any, a: Any) -> Any:
        inner = tf.while_loop(lambda j, _: j < 2, lambda j, b: (j + 1, tf.sin(b) * x), [0, a])[1]
        return i + 1, inner + tf.tensordot(a, w, 1)

    return tf.while_loop(lambda i, _: i < 2, outer, [0, x])[1]


def _branching(x: Any, w: Any) -> Any:
    def step(i: Any, a: Any) -> Any:
        return i + 1, tf.cond(tf.equal(i % 2, 0), lambda: a * a * x, lambda: tf.exp(a * 0.3) + x)

    return tf.while_loop(lambda i, _: i < 3, step, [0, x])[1]


def _in_a_branch(x: Any, w: Any) -> Any:
    return tf.cond(x[0] > 0, lambda: _power(x, w) * x, lambda: x)


def _rows(x: Any, w: Any) -> Any:
    """Each row of a table by itself, all with the same numbers."""
    return tf.map_fn(lambda row: tf.reduce_sum(tf.exp(row * x)) * row, w)


def _scanned(x: Any, w: Any) -> Any:
    return tf.scan(lambda a, row: tf.sin(a * row) + x * a, w, initializer=x)


def _folded(x: Any, w: Any) -> Any:
    return tf.foldr(lambda a, row: a * row + tf.square(a), w, initializer=x)


def _growing(x: Any, w: Any) -> Any:
    """Elements of an array, read and written in turn."""
    array = tf.TensorArray(tf.float64, 4, clear_after_read=False).write(0, x)

    def step(i: Any, array: Any) -> Any:
        return i + 1, array.write(i + 1, tf.sin(array.read(i)) * x + w[i])

    return tf.while_loop(lambda i, _: i < 3, step, [0, array])[1].stack()


def _never(x: Any, w: Any) -> Any:
    return tf.while_loop(lambda i, _: i < 0, lambda i, a: (i + 1, a * x), [0, x * x])[1]


PROGRAMS = [_power, _fed, _nested, _branching, _in_a_branch, _rows, _scanned, _folded, _growing,
            _never]  # fmt: skip


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda p: p.__name__.strip("_"))
@pytest.mark.parametrize("known", [True, False], ids=["known", "unknown"])
def test_the_gradient_of_a_gradient_is_the_limit_of_its_differences(
    program: Callable[..., Any], known: bool, session: tf.Session
) -> None:
    """In a random direction; of static and of unknown shapes."""
    x = tf.placeholder(tf.float64, [3] if known else [None])
    w = tf.placeholder(tf.float64, [3, 3] if known else [None, 3])
    x.set_shape([3])
    loss = tf.reduce_sum(tf.square(program(x, w)))
    slopes = tf.gradients(loss, [x, w], unconnected_gradients="zero")
    draw = np.random.default_rng(1).normal
    ways = [draw(size=3), draw(size=(3, 3))]
    along = tf.add_n([tf.reduce_sum(g * way) for g, way in zip(slopes, ways, strict=True)])
    second = tf.gradients(along, [x, w], unconnected_gradients="zero")
    found = session.run(second, {x: X, w: W})
    ends = [
        session.run(slopes, {x: X + step * ways[0], w: W + step * ways[1]})
        for step in (1e-6, -1e-6)
    ]
    for value, upper, lower in zip(found, *ends, strict=True):
        np.testing.assert_allclose(value, (upper - lower) / 2e-6, rtol=1e-5, atol=1e-6)


def test_a_loop_has_derivatives_of_any_order(session: tf.Session) -> None:
    """Those of the eighth power, which three squarings make."""
    x = tf.constant(2.0, tf.float64)
    y = tf.while_loop(lambda i, _: i < 3, lambda i, a: (i + 1, a * a), [0, x])[1]
    expected, power = 1.0, 8
    for order in range(4):
        (y,) = tf.gradients(y, x)
        expected *= power - order
        assert session.run(y) == pytest.approx(expected * 2.0 ** (power - order - 1))


def test_a_training_step_may_differentiate_what_a_loop_has_trained(session: tf.Session) -> None:
    """Steps of gradient descent in a loop; the rate of learning has a gradient, too."""
    rate = tf.placeholder(tf.float64, [])

    def step(i: Any, w: Any) -> Any:
        return i + 1, w - rate * tf.gradients(tf.reduce_sum(tf.cos(w) + w * w), w)[0]

    trained = tf.while_loop(lambda i, _: i < 4, step, [0, tf.constant(X)])[1]
    loss = tf.reduce_sum(trained**2)
    (slope,) = tf.gradients(loss, rate)
    (second,) = tf.gradients(slope, rate)
    at, tiny = 0.1, 1e-6
    found = session.run([slope, second], {rate: at})
    losses = [session.run([loss, slope], {rate: at + e}) for e in (tiny, -tiny)]
    for value, upper, lower in zip(found, *losses, strict=True):
        assert value == pytest.approx((upper - lower) / (2 * tiny), rel=1e-5)


@pytest.mark.parametrize("taken", [True, False])
def test_a_branch_of_unknown_shape_has_a_second_derivative(
    taken: bool, session: tf.Session
) -> None:
    """Also where what it would have computed is not there."""
    x, choice = tf.placeholder(tf.float64, [None]), tf.placeholder(tf.bool, [])
    y = tf.cond(choice, lambda: tf.exp(x * x), lambda: x * 3.0)
    (slope,) = tf.gradients(y, x)
    (second,) = tf.gradients(slope, x)
    at = np.array([0.5, 1.0])
    found = session.run(second, {x: at, choice: taken})
    expected = (2 + 4 * at**2) * np.exp(at**2) if taken else np.zeros(2)
    np.testing.assert_allclose(found, expected)
