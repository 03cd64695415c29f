"""Gradients and optimizers."""

from typing import Any

import numpy as np
import pytest

import runtime as tf


def test_gradients_add_up_over_paths_and_targets(session: tf.Session) -> None:
    """A tensor used twice gets the sum."""
    x = tf.constant(3.0)
    y, z = x * x + x, x * 5.0
    assert session.run(tf.gradients([y, z], [x])) == [2 * 3 + 1 + 5]


def test_gradients_begin_with_grad_ys(session: tf.Session) -> None:
    """Ones by default."""
    x = tf.constant([1.0, 2.0])
    (gradient,) = tf.gradients(x * 3.0, x, grad_ys=[tf.constant([1.0, 10.0])])
    assert session.run(gradient).tolist() == [3.0, 30.0]
    with pytest.raises(ValueError, match="as many grad_ys as ys"):
        tf.gradients(x, x, grad_ys=[x, x])
    with pytest.raises(ValueError, match=r"\(3,\).*\(2,\)"):
        tf.gradients(x, x, grad_ys=[[1.0, 2.0, 3.0]])


def test_nothing_flows_through_stopped_tensors(session: tf.Session) -> None:
    """stop_gradients and tf.stop_gradient; None where no path is left."""
    x = tf.constant(3.0)
    y = x * x
    assert session.run(tf.gradients(y * x, [x], stop_gradients=[y])) == [9.0]
    assert session.run(tf.gradients(tf.stop_gradient(y) * x, x)) == [9.0]
    assert tf.gradients(tf.stop_gradient(y), [x]) == [None]
    (zero,) = tf.gradients(tf.stop_gradient(y), [x], unconnected_gradients="zero")
    assert session.run(zero) == 0.0


def test_the_gradient_by_an_intermediate_tensor(session: tf.Session) -> None:
    """And by the target itself."""
    x = tf.constant(3.0)
    y = x * x
    z = y * y
    assert session.run(tf.gradients(z, [x, y, z])) == [108.0, 18.0, 1.0]


def test_second_derivatives(session: tf.Session) -> None:
    """Gradients are operations like others."""
    x = tf.constant(2.0)
    y = tf.exp(x) * tf.square(x) + tf.reduce_sum(tf.tanh(x * tf.constant([1.0, 2.0])))
    (first,) = tf.gradients(y, x)
    (second,) = tf.gradients(first, x)
    t = np.tanh([2.0, 4.0])
    expected = np.exp(2) * (4 + 8 + 2) + (-2 * t * (1 - t**2) * [1.0, 4.0]).sum()
    np.testing.assert_allclose(session.run(second), expected, rtol=1e-5)


def test_gradients_reach_variables_by_every_read(session: tf.Session) -> None:
    """Conversions and read_value alike."""
    w = tf.Variable(3.0)
    session.run(w.initializer)
    with tf.control_dependencies([tf.no_op()]):
        y = w * w + w.read_value()
    assert session.run(tf.gradients(y, [w])) == [7.0]


def test_an_operation_without_a_gradient_is_an_error() -> None:
    """The message names it and its type."""
    x = tf.placeholder(tf.float64, [2, 2])
    (gradient,) = tf.gradients(tf.digamma(x), x)
    with pytest.raises(LookupError, match="Trigamma"):
        tf.gradients(gradient, x)


def test_no_gradient_flows_through_what_has_none(session: tf.Session) -> None:
    """Positions and comparisons, though their results may be used further."""
    x = tf.constant([1.0, 3.0])
    weight = tf.cast(tf.argmax(x), tf.float32) + tf.cast(x > 2.0, tf.float32)
    assert session.run(tf.gradients(tf.reduce_sum(weight * x), x))[0].tolist() == [1.0, 2.0]


def test_whole_numbers_have_no_gradient(caplog: pytest.LogCaptureFixture) -> None:
    """It is None, as in TensorFlow, and a warning names the tensor and its type."""
    x = tf.constant(1)
    assert tf.gradients(tf.multiply(x, x, name="product"), x) == [None]
    assert "product:0 is None: it is of int32" in caplog.text


def test_operations_of_gradients_are_in_a_scope() -> None:
    """Named after the operation that they belong to."""
    x = tf.placeholder(tf.float32, [2, 2])
    (gradient,) = tf.gradients(tf.matmul(x, x, name="product"), x)
    assert gradient.name.startswith("gradients/")
    names = [op.name for op in tf.get_default_graph().get_operations()]
    assert any(name.startswith("gradients/product_grad/") for name in names)


W0, G0 = np.array([1.0, -2.0, 3.0]), np.array([0.5, 0.25, -1.0])


def _descent(w: Any, g: Any, state: dict[str, Any]) -> Any:
    return w - 0.1 * g


def _momentum(w: Any, g: Any, state: dict[str, Any]) -> Any:
    state["a"] = state.get("a", 0) * 0.9 + g
    return w - 0.1 * state["a"]


def _nesterov(w: Any, g: Any, state: dict[str, Any]) -> Any:
    state["a"] = state.get("a", 0) * 0.9 + g
    return w - 0.1 * (g + 0.9 * state["a"])


def _adam(w: Any, g: Any, state: dict[str, Any]) -> Any:
    t = state["t"] = state.get("t", 0) + 1
    state["m"] = 0.9 * state.get("m", 0) + 0.1 * g
    state["v"] = 0.999 * state.get("v", 0) + 0.001 * g * g
    rate = 0.1 * np.sqrt(1 - 0.999**t) / (1 - 0.9**t)
    return w - rate * state["m"] / (np.sqrt(state["v"]) + 1e-8)


OPTIMIZERS = [
    (lambda: tf.train.GradientDescentOptimizer(0.1), _descent),
    (lambda: tf.train.MomentumOptimizer(0.1, 0.9), _momentum),
    (lambda: tf.train.MomentumOptimizer(0.1, 0.9, use_nesterov=True), _nesterov),
    (lambda: tf.train.AdamOptimizer(0.1), _adam),
]


@pytest.mark.parametrize(("make", "formula"), OPTIMIZERS)
@pytest.mark.parametrize("how", ["alone", "gradient fetched", "variable fetched", "aliased"])
@pytest.mark.parametrize("scalar", [False, True])
def test_a_step_follows_the_formula(
    make: Any, formula: Any, how: str, scalar: bool, session: tf.Session
) -> None:
    """Whether or not buffers can be overwritten: what is fetched beside does not matter."""
    start = W0[0] if scalar else W0
    w = tf.Variable(start, dtype=tf.float64)
    g = tf.placeholder(tf.float64, np.shape(start))
    gradient = w.value() if how == "aliased" else g * 2.0 / 2.0
    train = make().apply_gradients([(gradient, w)])
    session.run(tf.global_variables_initializer())
    fetches = {"gradient fetched": [train, gradient], "variable fetched": [train, w]}
    expected, state = start.copy(), {}
    for step in range(4):
        slope = (G0[0] if scalar else G0) * (step + 1)
        used = expected if how == "aliased" else slope
        expected = formula(expected, used, state)
        result = session.run(fetches.get(how, train), {g: slope})
        if how in fetches:
            np.testing.assert_allclose(result[1], expected if "variable" in how else slope, 1e-5)
        np.testing.assert_allclose(session.run(w), expected, rtol=1e-5)


def test_slots_have_the_names_that_tensorflow_gives_them() -> None:
    """So that checkpoints have the same keys."""
    w = tf.get_variable("w", [2])
    loss = tf.reduce_sum(w * w)
    adam = tf.train.AdamOptimizer()
    adam.minimize(loss)
    momentum = tf.train.MomentumOptimizer(0.1, 0.9)
    momentum.minimize(loss)
    names = [v.op.name for v in tf.global_variables()]
    assert names == ["w", "beta1_power", "beta2_power", "w/Adam", "w/Adam_1", "w/Momentum"]
    assert adam.get_slot_names() == ["m", "v"]
    assert adam.get_slot(w, "v").op.name == "w/Adam_1"  # type: ignore[union-attr]
    assert momentum.get_slot(w, "nothing") is None
    assert [v.op.name for v in adam.variables()] == names[1:5]
    assert tf.trainable_variables() == [w]


def test_minimize_counts_steps_and_trains(session: tf.Session) -> None:
    """The global step is incremented after the update; the operation is in TRAIN_OP."""
    w = tf.Variable(5.0)
    step = tf.Variable(0, trainable=False, dtype=tf.int64)
    train = tf.train.GradientDescentOptimizer(0.1).minimize(tf.square(w), global_step=step)
    assert train.name == "GradientDescent"
    assert tf.get_collection(tf.GraphKeys.TRAIN_OP) == [train]
    session.run(tf.global_variables_initializer())
    for _ in range(30):
        assert session.run(train) is None
    assert session.run(step) == 30
    assert abs(session.run(w)) < 0.01


def test_learning_rates_may_be_tensors(session: tf.Session) -> None:
    """Fed, or functions of the step."""
    w, rate = tf.Variable(1.0), tf.placeholder(tf.float32, [])
    train = tf.train.GradientDescentOptimizer(rate).minimize(w * 1.0)
    session.run(w.initializer)
    session.run(train, {rate: 0.25})
    assert session.run(w) == 0.75


def test_a_loss_without_variables_is_an_error() -> None:
    """None at all, or none that it depends on."""
    optimizer = tf.train.GradientDescentOptimizer(0.1)
    with pytest.raises(ValueError, match="No variables to optimize"):
        optimizer.minimize(tf.constant(1.0))
    w = tf.Variable(1.0, name="w")
    with pytest.raises(ValueError, match=r"No gradients provided.*w:0"):
        optimizer.minimize(tf.constant(1.0))
    assert optimizer.compute_gradients(tf.constant(1.0)) == [(None, w)]
    with pytest.raises(TypeError, match=r"not a tf\.Variable"):
        optimizer.compute_gradients(w * 1.0, ["w"])
    with pytest.raises(ValueError, match="No gradients provided"):
        optimizer.apply_gradients([(None, w)])
    with pytest.raises(ValueError, match="No variables provided"):
        optimizer.apply_gradients([])


def test_two_optimizers_in_one_run_use_the_same_old_values(session: tf.Session) -> None:
    """The second one's gradient is not disturbed by the first one's update."""
    a, b = tf.Variable([2.0]), tf.Variable([3.0])
    product = tf.reduce_sum(a * b)
    first = tf.train.GradientDescentOptimizer(1.0).minimize(product, var_list=[a])
    second = tf.train.GradientDescentOptimizer(1.0).minimize(product, var_list=[b])
    session.run(tf.global_variables_initializer())
    session.run([first, second])
    assert [v.tolist() for v in session.run([a, b])] == [[-1.0], [1.0]]


def _train(seed: int) -> Any:
    rng = np.random.default_rng(seed)
    images, labels = rng.normal(size=(64, 8)), rng.integers(0, 3, 64)
    with tf.Graph().as_default():
        tf.set_random_seed(seed)
        x, y = tf.placeholder(tf.float32, [None, 8]), tf.placeholder(tf.int64, [None])
        w1, w2 = tf.get_variable("w1", [8, 16]), tf.get_variable("w2", [16, 3])
        logits = tf.matmul(tf.nn.relu(tf.matmul(x, w1)), w2)
        loss = tf.reduce_mean(
            tf.nn.sparse_softmax_cross_entropy_with_logits(labels=y, logits=logits)
        )
        train = tf.train.AdamOptimizer(0.01).minimize(loss)
        with tf.Session() as session:
            session.run(tf.global_variables_initializer())
            for _ in range(20):
                session.run(train, {x: images, y: labels})
            return session.run([loss, w1, w2], {x: images, y: labels})


def test_training_is_repeatable_bit_for_bit() -> None:
    """Same seeds and inputs, same bits; other seeds, other bits."""
    first, again, other = _train(1), _train(1), _train(2)
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    assert not np.array_equal(first[1], other[1])
