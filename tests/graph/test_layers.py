"""Layers: scopes, reuse, what they say about mistakes."""

from typing import Any

import pytest

import runtime as tf


def matrix(*shape: int | None) -> tf.Tensor:
    return tf.placeholder(tf.float32, shape)


def variables() -> list[str]:
    return [v.name for v in tf.global_variables()]


def test_layers_without_names_are_numbered() -> None:
    """Variables and operations alike."""
    a = tf.layers.dense(matrix(None, 4), 3, activation=tf.nn.relu)
    b = tf.layers.dense(a, 2)
    assert (a.name, b.name) == ("dense/Relu:0", "dense_1/BiasAdd:0")
    assert variables() == ["dense/kernel:0", "dense/bias:0", "dense_1/kernel:0", "dense_1/bias:0"]


def test_a_name_can_be_used_again_with_reuse() -> None:
    """The second call takes the variables of the first."""
    x = matrix(None, 4)
    a = tf.layers.dense(x, 3, name="fc")
    with pytest.raises(ValueError, match="fc/kernel already exists"):
        tf.layers.dense(x, 3, name="fc")
    b = tf.layers.dense(x, 3, name="fc", reuse=True)
    assert a.op.inputs[1] is b.op.inputs[1] and variables() == ["fc/kernel:0", "fc/bias:0"]


def test_a_scope_that_is_entered_again_reuses_layers_without_names() -> None:
    """Default names begin anew in each."""
    x = matrix(None, 4)

    def network(reuse: Any) -> Any:
        with tf.variable_scope("D", reuse=reuse):
            return tf.layers.dense(tf.layers.dense(x, 3), 1)

    first, second = network(None), network(True)
    assert (first.name, second.name) == ("D/dense_1/BiasAdd:0", "D_1/dense_1/BiasAdd:0")
    assert len(variables()) == 4


def test_a_layer_object_keeps_its_variables() -> None:
    """However often it is called."""
    layer = tf.layers.Dense(3, name="out", use_bias=False)
    with pytest.raises(ValueError, match="has not been used yet"):
        _ = layer.scope_name
    layer(matrix(None, 4))
    layer.apply(matrix(5, 4))
    assert [v.name for v in layer.trainable_weights] == ["out/kernel:0"] == variables()
    assert (layer.name, layer.scope_name, layer.count_params()) == ("out", "out", 12)
    assert layer.weights == layer.variables and not layer.non_trainable_weights


def test_regularizers_give_losses_once() -> None:
    """The regularization of shared variables does not count twice."""
    half = lambda w: 0.5 * tf.nn.l2_loss(w)  # noqa: E731  # an argument
    x = matrix(None, 4)
    tf.layers.dense(x, 3, kernel_regularizer=half, name="a")
    tf.layers.dense(x, 3, kernel_regularizer=half, name="a", reuse=True)
    tf.layers.dense(x, 3, activity_regularizer=tf.nn.l2_loss, name="b")
    losses = [loss.name for loss in tf.losses.get_regularization_losses()]
    assert losses == ["a/kernel/Regularizer/mul:0", "b/L2Loss:0"]


def test_a_layer_of_ones_own_has_a_scope(session: tf.Session) -> None:
    """Variables in build, operations in call."""

    class Twice(tf.layers.Layer):  # type: ignore[misc]  # the base is found at run time
        def build(self, input_shape: Any) -> None:
            self.w = self.add_variable("w", [int(input_shape[-1])],
                                       initializer=tf.ones_initializer())  # fmt: skip
            self.steady = self.add_weight("s", [], trainable=False)
            super().build(input_shape)

        def call(self, x: Any) -> Any:
            self.add_update(tf.no_op())
            self.add_loss(tf.reduce_sum(x))
            return x * self.w * 2.0

    layer = Twice()
    y = layer(tf.ones([2, 3]))
    session.run(tf.global_variables_initializer())
    assert session.run(y).tolist() == [[2.0] * 3] * 2
    assert y.name == "twice/mul_1:0" and variables() == ["twice/w:0", "twice/s:0"]
    assert [v.name for v in layer.trainable_variables] == ["twice/w:0"]
    assert [v.name for v in layer.non_trainable_variables] == ["twice/s:0"]
    assert layer.get_updates_for(None) == tf.get_collection("update_ops")
    assert layer.get_losses_for(None) == tf.losses.get_regularization_losses()


def test_a_layer_that_is_not_trainable_adds_nothing_to_train() -> None:
    """But its variables exist."""
    layer = tf.layers.Dense(3, trainable=False)
    layer(matrix(None, 4))
    assert tf.trainable_variables() == [] and len(layer.non_trainable_variables) == 2


def test_dropout_and_normalization_take_the_phase_from_a_tensor(session: tf.Session) -> None:
    """Or from a bool."""
    training = tf.placeholder_with_default(False, [])
    dropped = tf.layers.dropout(tf.ones([100]), 0.5, training=training)
    assert session.run(dropped).tolist() == [1.0] * 100
    assert set(session.run(dropped, {training: True}).tolist()) == {0.0, 2.0}
    always = tf.layers.dropout(tf.ones([100]), 0.5, training=True, seed=1)
    assert set(session.run(always).tolist()) == {0.0, 2.0}


def test_moving_averages_follow_the_updates(session: tf.Session) -> None:
    """Only if they are run."""
    x = tf.placeholder(tf.float32, [None, 2])
    y = tf.layers.batch_normalization(x, training=True, momentum=0.5)
    mean = tf.global_variables("batch_normalization/moving_mean")[0]
    session.run(tf.global_variables_initializer())
    session.run(y, {x: [[2.0, 4.0], [4.0, 4.0]]})
    assert session.run(mean).tolist() == [0.0, 0.0]
    session.run(tf.get_collection(tf.GraphKeys.UPDATE_OPS), {x: [[2.0, 4.0], [4.0, 4.0]]})
    assert session.run(mean).tolist() == [1.5, 2.0]


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: tf.layers.dense(matrix(None, None), 3), ValueError, "last dimension .* Dense"),
        (lambda: tf.layers.dense(matrix(None), 3), ValueError, "min_ndim=2, found ndim=1"),
        (lambda: tf.layers.conv2d(matrix(None, 8, 8), 3, 3), ValueError, "ndim=4, found ndim=3"),
        (lambda: tf.layers.conv2d(matrix(None, 8, 8, None), 3, 3), ValueError,
         "channel|last dimension"),
        (lambda: tf.layers.conv2d(matrix(None, 8, 8, 1), 3, (3, 3, 3)), ValueError,
         "kernel_size argument must be 2 integers"),
        (lambda: tf.layers.conv2d(matrix(None, 8, 8, 1), 3, 3, data_format="NHWC"), ValueError,
         "'channels_first', 'channels_last'"),
        (lambda: tf.layers.max_pooling2d(tf.placeholder(tf.float32), 2, 2), ValueError,
         "rank is undefined"),
        (lambda: tf.layers.batch_normalization(matrix(2, 3), renorm=True), NotImplementedError,
         "does not support renorm"),
        (lambda: tf.layers.batch_normalization(matrix(2, 3), axis=5), ValueError, "Invalid axis"),
        (lambda: tf.layers.Dense(3, units_typo=1), TypeError, "not understood: units_typo"),
        (lambda: tf.losses.mean_squared_error(matrix(2, 3), matrix(3, 2)), ValueError,
         r"\(3, 2\) and \(2, 3\)"),
        (lambda: tf.losses.mean_squared_error(None, matrix(3, 2)), ValueError,
         "labels must not be None"),
        (lambda: tf.losses.absolute_difference(matrix(2, 3), matrix(2, 3), matrix(2, 2)),
         ValueError, r"can not be broadcast .*\(2, 2\).*\(2, 3\)"),
        (lambda: tf.losses.compute_weighted_loss(matrix(2), reduction="mean"), ValueError,
         "Invalid reduction 'mean'"),
        (lambda: tf.losses.cosine_distance(matrix(2, 3), matrix(2, 3)), ValueError, "axis"),
        (lambda: tf.metrics.accuracy(matrix(2), matrix(3)), ValueError, r"\(3,\) and \(2,\)"),
        (lambda: tf.metrics.auc(matrix(2), matrix(2), curve="X"), ValueError, "ROC or PR"),
        (lambda: tf.metrics.auc(matrix(2), matrix(2), summation_method="x"), ValueError,
         "Invalid summation_method"),
        (lambda: tf.metrics.mean_tensor(matrix(None)), ValueError, "know the shape"),
        (lambda: tf.metrics.sensitivity_at_specificity(matrix(2), matrix(2), 2.0), ValueError,
         r"range \[0, 1\]"),
    ],
)  # fmt: skip
def test_mistakes_are_told_when_the_graph_is_built(make: Any, error: Any, message: str) -> None:
    """With the names of what does not fit."""
    with pytest.raises(error, match=message):
        make()


def test_names_that_do_not_exist_name_the_nearest() -> None:
    """In each namespace."""
    with pytest.raises(AttributeError, match=r"tf.layers.conv4d does not .* conv"):
        _ = tf.layers.conv4d
    with pytest.raises(AttributeError, match=r"mean_squared_error"):
        _ = tf.losses.mean_square_error
    with pytest.raises(AttributeError, match=r"recall_at_k"):
        _ = tf.metrics.recall_at_kk


def test_unit_scaling_keeps_the_scale_of_the_inputs(session: tf.Session) -> None:
    """The limit is the root of three divided by the number of inputs, times the factor."""
    made = tf.uniform_unit_scaling_initializer(factor=2.0, seed=1)([3, 4, 1000])
    values = session.run(made)
    assert 0.95 < values.max() <= 1.0 and -1.0 <= values.min() < -0.95
