"""Moving averages: what they are, what they are called, how they are restored."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import runtime as tf


@pytest.fixture(autouse=True)
def graph():
    with tf.Graph().as_default() as graph:
        yield graph


def _variable(name: str, value: float, **keywords: Any) -> Any:
    return tf.get_variable(name, [2], initializer=tf.constant_initializer(value), **keywords)


def test_an_average_follows_a_variable(graph) -> None:
    """It begins with the initial value, and loses a part of the difference in each update."""
    w = _variable("w", 1.0)
    averages = tf.train.ExponentialMovingAverage(0.75)
    update = averages.apply()
    average = averages.average(w)
    assert average.op.name == "w/ExponentialMovingAverage" == averages.average_name(w)
    assert not average.trainable and average in tf.global_variables()
    assert tf.moving_average_variables() == [w]
    assert update.name == "ExponentialMovingAverage"
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        session.run(w.assign([5.0, 1.0]))
        session.run(update)
        assert session.run(average).tolist() == [2.0, 1.0]
        session.run(update)
        assert session.run(average).tolist() == [2.75, 1.0]


def test_an_average_of_a_tensor_begins_with_zero() -> None:
    """Zero, or the value itself if that is corrected for."""
    x = tf.placeholder(tf.float32, [2], name="x")
    plain = tf.train.ExponentialMovingAverage(0.75, name="plain")
    corrected = tf.train.ExponentialMovingAverage(0.75, zero_debias=True, name="corrected")
    updates = [plain.apply([x]), corrected.apply([x])]
    assert plain.average(x).op.name == "x/plain"
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        found = []
        for value in (4.0, 8.0):
            session.run(updates, {x: [value, 0.0]})
            found.append(session.run([plain.average(x)[0], corrected.average(x)[0]]))
    np.testing.assert_allclose(found, [[1.0, 4.0], [2.75, 2.75 / (1 - 0.75**2)]], rtol=1e-6)


def test_an_average_follows_faster_in_the_beginning() -> None:
    """With num_updates at most (1 + n) / (10 + n) is kept."""
    w = _variable("w", 0.0)
    n = tf.placeholder(tf.int32, [])
    averages = tf.train.ExponentialMovingAverage(0.5, num_updates=n)
    update = averages.apply([w])
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        session.run(w.assign([10.0, 10.0]))
        session.run(update, {n: 0})
        assert session.run(averages.average(w))[0] == pytest.approx(9.0)
        session.run(update, {n: 1000})
        assert session.run(averages.average(w))[0] == pytest.approx(9.5)


def test_variables_can_be_restored_from_their_averages(tmp_path: Path) -> None:
    """variables_to_restore is what a Saver takes; other variables keep their names."""
    w, other = _variable("w", 1.0), _variable("other", 3.0, trainable=False)
    averages = tf.train.ExponentialMovingAverage(0.5)
    update = averages.apply([w])
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        session.run(w.assign([2.0, 2.0]))
        session.run(update)
        path = tf.train.Saver().save(session, str(tmp_path / "m"))
    with tf.Graph().as_default(), tf.Session() as session:
        w, other = _variable("w", 0.0), _variable("other", 0.0, trainable=False)
        names = tf.train.ExponentialMovingAverage(0.5).variables_to_restore()
        assert names == {"w/ExponentialMovingAverage": w, "other": other}
        tf.train.Saver(names).restore(session, path)
        assert session.run(w).tolist() == [1.5, 1.5]
        assert session.run(other).tolist() == [3.0, 3.0]


def test_an_average_is_made_once() -> None:
    """A second `apply` makes another update of the same average."""
    w = _variable("w", 1.0)
    averages = tf.train.ExponentialMovingAverage(0.5)
    averages.apply([w])
    made = averages.average(w)
    assert averages.apply([w]).name == "ExponentialMovingAverage_1"
    assert averages.average(w) is made
    assert len(tf.global_variables()) == 2


def test_an_average_after_a_step_is_of_what_the_step_left() -> None:
    """An update that waits for a change of the variable sees the change, as in TensorFlow."""
    w = _variable("w", 1.0)
    averages = tf.train.ExponentialMovingAverage(0.75)
    with tf.control_dependencies([w.assign([5.0, 1.0])]):
        update = averages.apply()
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        session.run(update)
        assert session.run(averages.average(w)).tolist() == [2.0, 1.0]


def test_averages_are_in_the_current_variable_scope() -> None:
    """As slots of optimizers are."""
    w = _variable("w", 1.0)
    averages = tf.train.ExponentialMovingAverage(0.5)
    with tf.variable_scope("ema"), tf.name_scope("more"):
        update = averages.apply()
    assert averages.average(w).op.name == "ema/w/ExponentialMovingAverage"
    assert update.name == "ema/more/ExponentialMovingAverage"


def test_only_floating_point_numbers_are_averaged() -> None:
    """TypeError names the variable and its type; an unknown shape is a ValueError."""
    count = tf.get_variable("count", [], tf.int32)
    averages = tf.train.ExponentialMovingAverage(0.5)
    with pytest.raises(TypeError, match="count:0 is int32"):
        averages.apply([count])
    with pytest.raises(ValueError, match=r"The shape of 'x:0' must be known"):
        averages.apply([tf.placeholder(tf.float32, [None], name="x")])
