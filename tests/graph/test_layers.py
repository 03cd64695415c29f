"""Layers: scopes, reuse, what they say about mistakes."""

from typing import Any

import numpy as np
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
    assert losses == ["a/kernel/Regularizer/mul:0", "b/ActivityRegularizer/truediv:0"]


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


def test_layers_of_three_dimensions_have_tensorflows_names() -> None:
    """And know the sizes of what they give."""
    x = matrix(None, 8, 6, 4, 2)
    a = tf.layers.conv3d(x, 3, (3, 2, 1), strides=(2, 1, 1), padding="same")
    b = tf.layers.conv3d_transpose(a, 5, 3, strides=2)
    c = tf.layers.max_pooling3d(b, 2, 2)
    d = tf.layers.average_pooling3d(c, 2, (1, 2, 2), "same")
    assert [t.name for t in (a, b)] == ["conv3d/BiasAdd:0", "conv3d_transpose/BiasAdd:0"]
    assert [t.shape.as_list() for t in (a, b, c, d)] == [
        [None, 4, 6, 4, 3], [None, 9, 13, 9, 5], [None, 4, 6, 4, 5], [None, 4, 3, 2, 5]
    ]  # fmt: skip
    assert variables() == [
        f"{layer}/{part}:0" for layer in ("conv3d", "conv3d_transpose") for part in
        ("kernel", "bias")
    ]  # fmt: skip


@pytest.mark.parametrize("rank", [1, 2, 3])
def test_channels_may_come_first_in_every_number_of_dimensions(
    rank: int, session: tf.Session
) -> None:
    """It gives the same as with the axes exchanged."""
    values = np.random.default_rng(0).normal(size=(2, *(6, 5, 4)[:rank], 3)).astype(np.float32)
    back, forth = [0, *range(2, rank + 2), 1], [0, rank + 1, *range(1, rank + 1)]

    def network(x: Any, order: str) -> Any:
        with tf.variable_scope("net", reuse=tf.AUTO_REUSE):
            made = getattr(tf.layers, f"conv{rank}d")(
                x, 4, 2, padding="same", data_format=order, bias_initializer=tf.ones_initializer()
            )
            if rank > 1:
                made = getattr(tf.layers, f"conv{rank}d_transpose")(made, 2, 3, 2, "same", order)
            if rank < 3:
                made = getattr(tf.layers, f"separable_conv{rank}d")(made, 3, 2, data_format=order)
            made = getattr(tf.layers, f"max_pooling{rank}d")(made, 2, 1, "same", order)
            return getattr(tf.layers, f"average_pooling{rank}d")(made, 2, 2, "valid", order)

    last = network(tf.constant(values), "channels_last")
    first = network(tf.constant(values.transpose(forth)), "channels_first")
    session.run(tf.global_variables_initializer())
    found, expected = session.run([first, last])
    np.testing.assert_allclose(found.transpose(back), expected, rtol=1e-4, atol=1e-5)


def test_an_activity_regularizer_counts_per_example(session: tf.Session) -> None:
    """The sum over a batch does not grow with it."""
    x = tf.ones([4, 2])
    tf.layers.dense(x, 3, kernel_initializer=tf.ones_initializer(),
                    activity_regularizer=tf.reduce_sum)  # fmt: skip
    (loss,) = tf.losses.get_regularization_losses()
    session.run(tf.global_variables_initializer())
    assert session.run(loss) == 6.0
    assert loss.name.startswith("dense/ActivityRegularizer/")


def test_activations_initializers_and_regularizers_may_be_named(session: tf.Session) -> None:
    """As strings, which layers look up."""
    x = tf.constant([[-1.0, 2.0]])
    y = tf.layers.dense(
        x, 2, "relu", kernel_initializer="ones", bias_initializer="zeros", kernel_regularizer="l2"
    )
    z = tf.layers.dense(x, 2, "linear", kernel_initializer="he_normal")
    cell = tf.nn.rnn_cell.BasicRNNCell(2, activation="hard_sigmoid")
    h, _ = cell(x, tf.zeros([1, 2]))
    session.run(tf.global_variables_initializer())
    assert session.run([y, *tf.losses.get_regularization_losses()])[0].tolist() == [[1.0, 1.0]]
    assert session.run(tf.losses.get_regularization_loss()) == pytest.approx(0.04)
    assert z.name == "dense_1/BiasAdd:0" and (session.run(h) >= 0).all()


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: tf.layers.dense(matrix(None, 4), 3, "reluu"), ValueError, "Unknown activation"),
        (lambda: tf.layers.dense(matrix(None, 4), 3, kernel_initializer="zeroes"), ValueError,
         "Unknown initializer: 'zeroes'.*zeros"),
        (lambda: tf.layers.dense(matrix(None, 4), 3, kernel_regularizer="l3"), ValueError,
         "Unknown regularizer"),
        (lambda: tf.layers.dense(matrix(None, 4), 0), ValueError, "must be at least 1, not 0"),
        (lambda: tf.layers.conv2d(matrix(None, 4, 4, 1), -1, 2), ValueError, "at least 1, not -1"),
        (lambda: tf.layers.dense(tf.placeholder(tf.int32, [None, 4]), 3), TypeError,
         r"layer dense_\d: it works with floating-point numbers"),
        (lambda: tf.layers.conv3d(matrix(None, 4, 4, 1), 3, 3), ValueError, "expected ndim=5"),
        (lambda: tf.layers.batch_normalization(matrix(2, 3, 4, 4), axis=[1, -3]), ValueError,
         "axes of batch_normalization must differ"),
        (lambda: tf.layers.batch_normalization(matrix(2, 3), fused=True, renorm=True), ValueError,
         "takes neither renorm"),
        (lambda: tf.layers.batch_normalization(matrix(2, 3), renorm=True, renorm_clipping={"r": 1}),
         ValueError, "may have the keys rmin, rmax, dmax"),
    ],
)  # fmt: skip
def test_what_a_layer_cannot_be_made_of_is_said_at_once(
    make: Any, error: type[Exception], message: str
) -> None:
    """Names that there are not, sizes, types and ranks."""
    with pytest.raises(error, match=message):
        make()


def test_a_layer_that_is_not_trainable_has_no_updates() -> None:
    """Its moving averages stay as they are."""
    x = matrix(None, 4)
    tf.layers.batch_normalization(x, training=True, trainable=False)
    assert tf.get_collection(tf.GraphKeys.UPDATE_OPS) == []
    tf.layers.batch_normalization(x, training=True)
    assert len(tf.get_collection(tf.GraphKeys.UPDATE_OPS)) == 2


@pytest.mark.parametrize("training", [True, False, None])
def test_a_gradient_penalty_goes_through_batch_normalization(
    training: bool | None, session: tf.Session
) -> None:
    """The derivative of a gradient is the limit of its differences."""
    condition = tf.placeholder_with_default(True, []) if training is None else training
    x = tf.placeholder(tf.float64, [3, 2, 2, 2])
    y = tf.layers.batch_normalization(x, training=condition, gamma_initializer=_wide)
    slope = tf.gradients(y**3, x)[0]
    penalty = tf.reduce_sum(slope**2)
    by_x, *by_weights = tf.gradients(penalty, [x, *tf.trainable_variables()])
    session.run(tf.global_variables_initializer())
    rng = np.random.default_rng(0)
    values, step = rng.normal(size=x.shape.as_list()), rng.normal(size=x.shape.as_list())
    after, before = (session.run(penalty, {x: values + s * step}) for s in (1e-5, -1e-5))
    found = np.sum(session.run(by_x, {x: values}) * step)
    np.testing.assert_allclose(found, (after - before) / 2e-5, rtol=1e-4)
    assert all(np.any(session.run(w, {x: values})) for w in by_weights)


def _wide(shape: Any, dtype: Any = None, partition_info: Any = None) -> Any:
    return tf.constant([0.7, 1.6][: int(shape[0])], dtype)


def test_a_layer_takes_lists_of_numbers(session: tf.Session) -> None:
    """As other functions do."""
    y = tf.layers.dense([[1.0, 2.0], [3.0, 4.0]], 1, kernel_initializer=tf.ones_initializer())
    session.run(tf.global_variables_initializer())
    assert session.run(y).tolist() == [[3.0], [7.0]]
