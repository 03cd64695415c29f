"""tf.contrib: layers, argument scopes, finding and restoring variables, training loops."""

import math
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import runtime as tf
from runtime.contrib import layers, slim

IMAGES = (np.random.default_rng(0).normal(size=(2, 4, 4, 6)) * 3 + 1).astype(np.float32)


def variables() -> dict[str, list[int]]:
    return {v.name: v.shape.as_list() for v in tf.global_variables()}


def value(session: tf.Session, tensor: Any) -> Any:
    session.run(tf.global_variables_initializer())
    return session.run(tensor)


# Layers.


@pytest.mark.parametrize(
    "make, shape, expected",
    [
        (lambda x: layers.fully_connected(layers.flatten(x), 5), [2, 5],
         {"fully_connected/weights:0": [96, 5], "fully_connected/biases:0": [5]}),
        (lambda x: layers.linear(x, 5, biases_initializer=None, scope="out"), [2, 4, 4, 5],
         {"out/weights:0": [6, 5]}),
        (lambda x: layers.conv2d(x, 5, 3, stride=2), [2, 2, 2, 5],
         {"Conv/weights:0": [3, 3, 6, 5], "Conv/biases:0": [5]}),
        (lambda x: layers.convolution2d(x, 5, [3], padding="VALID", rate=[1]), [2, 2, 2, 5],
         {"Conv/weights:0": [3, 3, 6, 5], "Conv/biases:0": [5]}),
        (lambda x: layers.conv1d(x[:, 0], 5, 2, scope="c"), [2, 4, 5],
         {"c/weights:0": [2, 6, 5], "c/biases:0": [5]}),
        (lambda x: layers.conv3d(x[..., None], 5, [1, 2, 2], 2), [2, 2, 2, 3, 5],
         {"Conv/weights:0": [1, 2, 2, 1, 5], "Conv/biases:0": [5]}),
        (lambda x: layers.conv2d_transpose(x, 5, [3, 3], 2), [2, 8, 8, 5],
         {"Conv2d_transpose/weights:0": [3, 3, 5, 6], "Conv2d_transpose/biases:0": [5]}),
        (lambda x: slim.separable_conv2d(x, 5, 3, depth_multiplier=2), [2, 4, 4, 5],
         {"SeparableConv2d/depthwise_weights:0": [3, 3, 6, 2],
          "SeparableConv2d/pointwise_weights:0": [1, 1, 12, 5], "SeparableConv2d/biases:0": [5]}),
        (lambda x: slim.separable_conv2d(x, None, 3, 2, stride=2), [2, 2, 2, 12],
         {"SeparableConv2d/depthwise_weights:0": [3, 3, 6, 2], "SeparableConv2d/biases:0": [12]}),
        (lambda x: layers.conv2d(x, 5, 1, normalizer_fn=layers.batch_norm), [2, 4, 4, 5],
         {"Conv/weights:0": [1, 1, 6, 5], "Conv/BatchNorm/beta:0": [5],
          "Conv/BatchNorm/moving_mean:0": [5], "Conv/BatchNorm/moving_variance:0": [5]}),
        (layers.layer_norm, [2, 4, 4, 6], {"LayerNorm/beta:0": [6], "LayerNorm/gamma:0": [6]}),
        (layers.instance_norm, [2, 4, 4, 6],
         {"InstanceNorm/beta:0": [6], "InstanceNorm/gamma:0": [6]}),
        (lambda x: layers.group_norm(x, 3), [2, 4, 4, 6],
         {"GroupNorm/beta:0": [6], "GroupNorm/gamma:0": [6]}),
        (layers.bias_add, [2, 4, 4, 6], {"BiasAdd/biases:0": [6]}),
        (lambda x: layers.embed_sequence(tf.cast(x[:, 0, :, 0] * 0, tf.int32), 7, 3), [2, 4, 3],
         {"EmbedSequence/embeddings:0": [7, 3]}),
        (lambda x: layers.max_pool2d(x, [2, 2]), [2, 2, 2, 6], {}),
        (lambda x: layers.avg_pool2d(x, 3, 1, "SAME"), [2, 4, 4, 6], {}),
        (lambda x: layers.repeat(x, 2, layers.conv2d, 6, [3, 3], scope="r"), [2, 4, 4, 6],
         {f"r/r_{i}/{n}:0": s for i in (1, 2)
          for n, s in (("weights", [3, 3, 6, 6]), ("biases", [6]))}),
        (lambda x: layers.stack(layers.flatten(x), layers.fully_connected, [4, 3]), [2, 3],
         {"Stack/fully_connected_1/weights:0": [96, 4], "Stack/fully_connected_1/biases:0": [4],
          "Stack/fully_connected_2/weights:0": [4, 3], "Stack/fully_connected_2/biases:0": [3]}),
    ],
)  # fmt: skip
def test_layers_have_tensorflows_variables(
    make: Any, shape: list[int], expected: dict[str, list[int]], session: tf.Session
) -> None:
    """Their names, shapes and order, all of them model variables; and the result's shape."""
    result = make(tf.constant(IMAGES))
    assert variables() == expected and list(variables()) == list(expected)
    assert [v.name for v in slim.get_model_variables()] == list(expected)
    assert result.shape.as_list() == shape == list(value(session, result).shape)


def test_default_names_are_numbered_and_scopes_reused() -> None:
    """As `tf.variable_scope` does it."""
    x = tf.constant(IMAGES[:, 0, 0])
    for reuse in (None, None):
        layers.fully_connected(x, 3, reuse=reuse)
    for reuse in (None, True):
        layers.fully_connected(x, 3, reuse=reuse, scope="shared")
    assert [name for name in variables() if "weights" in name] == [
        *("fully_connected/weights:0", "fully_connected_1/weights:0", "shared/weights:0")
    ]
    with pytest.raises(ValueError, match="already exists"):
        layers.fully_connected(x, 3, scope="shared")
    with pytest.raises(ValueError, match=r"num_outputs should be an integer, got 2\.5"):
        layers.fully_connected(x, 2.5)
    with pytest.raises(ValueError, match=r"input with rank 4, got .* of shape \(2, 6\)"):
        layers.conv2d(x, 3, 3)


def test_a_layer_activates_by_relu_unless_told_otherwise(session: tf.Session) -> None:
    """The old default of contrib; operations are named after it."""
    ones = tf.ones([1, 2])
    minus = tf.constant_initializer(-1.0)
    made = layers.fully_connected(ones, 2, weights_initializer=minus)
    plain = layers.fully_connected(ones, 2, None, weights_initializer=minus)
    assert made.op.name == "fully_connected/Relu" and plain.op.name == "fully_connected_1/BiasAdd"
    found = value(session, [made, plain])
    assert [f.tolist() for f in found] == [[[0.0, 0.0]], [[-2.0, -2.0]]]


def _normalized(x: Any, axes: tuple[int, ...], small: float) -> Any:
    return (x - x.mean(axes, keepdims=True)) / np.sqrt(x.var(axes, keepdims=True) + small)


@pytest.mark.parametrize(
    "make, expected",
    [
        (layers.layer_norm, lambda x: _normalized(x, (1, 2, 3), 1e-12)),
        (lambda x: layers.layer_norm(x, begin_norm_axis=-1), lambda x: _normalized(x, (3,), 1e-12)),
        (layers.instance_norm, lambda x: _normalized(x, (1, 2), 1e-6)),
        (lambda x: layers.group_norm(x, 3),
         lambda x: _normalized(x.reshape(2, 4, 4, 3, 2), (1, 2, 4), 1e-6).reshape(x.shape)),
        (lambda x: layers.batch_norm(x, updates_collections=None),
         lambda x: _normalized(x, (0, 1, 2), 1e-3)),
        (lambda x: layers.unit_norm(x, 3), lambda x: x / np.linalg.norm(x, axis=3, keepdims=True)),
        (lambda x: layers.maxout(x, 2), lambda x: x.reshape(2, 4, 4, 2, 3).max(-1)),
        (layers.softmax, lambda x: np.exp(x) / np.exp(x).sum(-1, keepdims=True)),
    ],
)  # fmt: skip
def test_normalizations_give_what_their_definition_says(
    make: Any, expected: Any, session: tf.Session
) -> None:
    """Computed plainly with NumPy; for unknown batches, too."""
    x = tf.placeholder(tf.float32, [None, 4, 4, 6])
    result = make(x)
    session.run(tf.global_variables_initializer())
    wanted = expected(IMAGES.astype(np.float64))
    np.testing.assert_allclose(session.run(result, {x: IMAGES}), wanted, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("function", [layers.instance_norm, layers.batch_norm])
def test_normalization_can_have_the_channels_first(function: Any, session: tf.Session) -> None:
    """With the same values, moved."""
    last = function(tf.constant(IMAGES))
    first = function(tf.constant(IMAGES.transpose(0, 3, 1, 2)), data_format="NCHW")
    one, other = value(session, [last, first])
    np.testing.assert_allclose(other.transpose(0, 2, 3, 1), one, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("collections", ["update_ops", "mine", None])
def test_batch_normalization_updates_its_statistics(collections: Any, session: tf.Session) -> None:
    """In the collection that was asked for, or at once; decay 0.999 unless told otherwise."""
    x = IMAGES[:, 0, 0]
    result = layers.batch_norm(x, updates_collections=collections)
    fixed = layers.batch_norm(x, is_training=False, scope="fixed")
    updates = tf.get_collection(collections) if collections else []
    assert len(updates) == (2 if collections else 0)
    session.run(tf.global_variables_initializer())
    session.run([result, updates])
    mean, variance = session.run(tf.get_collection("model_variables", "BatchNorm/moving"))
    np.testing.assert_allclose(mean, x.mean(0) * 0.001, rtol=1e-4)
    np.testing.assert_allclose(variance, 0.999 + x.var(0, ddof=1) * 0.001, rtol=1e-5)
    np.testing.assert_allclose(session.run(fixed), x / np.sqrt(1.001), rtol=1e-5)
    with pytest.raises(NotImplementedError, match="renorm"):
        layers.batch_norm(x, renorm=True)


def test_batch_normalization_and_dropout_take_a_tensor_for_training(session: tf.Session) -> None:
    """The same graph trains and evaluates."""
    training = tf.placeholder(tf.bool, [])
    x = tf.constant(IMAGES)
    normal = layers.batch_norm(x, is_training=training, updates_collections=None, decay=0.5)
    dropped = slim.dropout(tf.ones([100]), 0.25, is_training=training)
    session.run(tf.global_variables_initializer())
    first = session.run(normal, {training: False})
    np.testing.assert_allclose(first, IMAGES / np.sqrt(1.001), rtol=1e-5)
    session.run(normal, {training: True})
    assert not np.allclose(session.run(normal, {training: False}), first)
    assert set(session.run(dropped, {training: True}).tolist()) == {0.0, 4.0}
    assert set(session.run(dropped, {training: False}).tolist()) == {1.0}


@pytest.mark.parametrize(
    "make, fan, uniform",
    [
        (layers.xavier_initializer(seed=1), 1 * (200 + 300) / 2, True),
        (layers.xavier_initializer(uniform=False, seed=1), 1 * (200 + 300) / 2, False),
        (layers.variance_scaling_initializer(seed=1), 200 / 2, False),
        (layers.variance_scaling_initializer(1.0, "FAN_OUT", True, 1), 300, True),
    ],
)
def test_initializers_have_the_variance_that_the_fans_give(
    make: Any, fan: float, uniform: bool, session: tf.Session
) -> None:
    """Uniform numbers in their bounds; normal ones with 1.3 times the variance, cut."""
    numbers = session.run(make([200, 300]))
    if uniform:
        assert np.abs(numbers).max() <= math.sqrt(3 / fan) < np.abs(numbers).max() * 1.01
    else:
        assert np.abs(numbers).max() <= 2 * math.sqrt(1.3 / fan)
    assert numbers.var() == pytest.approx(1 / fan, rel=0.03)


def test_regularizers_add_losses(session: tf.Session) -> None:
    """To REGULARIZATION_LOSSES, for variables and for what is given."""
    x = tf.ones([1, 2])
    both = layers.l1_l2_regularizer(0.5, 0.25)
    for name, regularizer in (("a", layers.l2_regularizer(0.5)), ("b", both)):
        layers.fully_connected(
            x, 3, weights_initializer=tf.constant_initializer(2.0),
            weights_regularizer=regularizer, scope=name,
        )  # fmt: skip
    losses = tf.losses.get_regularization_losses()
    assert losses[0].op.name == "a/weights/Regularizer/l2_regularizer"
    assert value(session, losses) == [0.5 * 12, 0.5 * 12 + 0.25 * 12]
    penalty = layers.apply_regularization(layers.l1_regularizer(0.5), tf.trainable_variables())
    assert session.run(penalty) == 12 and penalty in tf.losses.get_regularization_losses()
    assert layers.l2_regularizer(0.0)(x) is None
    with pytest.raises(ValueError, match="scale cannot be an integer: 1"):
        layers.l1_regularizer(1)
    with pytest.raises(ValueError, match="must not be negative"):
        layers.l2_regularizer(-0.5)


def test_outputs_and_variables_are_collected() -> None:
    """Under the names of the scopes, in the collections of each kind."""
    x = tf.constant(IMAGES)
    with slim.arg_scope([slim.conv2d, slim.max_pool2d], outputs_collections="ends"):
        kinds = {"weights": ["w"], "biases": ["b"]}
        net = slim.conv2d(x, 3, 3, variables_collections=kinds, scope="one")
        net = slim.max_pool2d(net, 2, scope="pool")
    ends = slim.utils.convert_collection_to_dict("ends")
    assert list(ends) == ["one", "pool"] and ends["pool"] is net
    assert [v.op.name for v in tf.get_collection("w")] == ["one/weights"]
    assert [v.op.name for v in tf.get_collection("b")] == ["one/biases"]


def test_sizes_are_read_from_shapes() -> None:
    """As the networks of slim do it."""
    utils, shape = slim.utils, tf.TensorShape([None, 4, None, 3])
    assert utils.last_dimension(shape, min_rank=4) == 3
    assert (
        utils.channel_dimension(shape, "NCHW") == 4 and utils.channel_dimension(shape, "NHWC") == 3
    )
    assert utils.two_element_tuple(2) == (2, 2) == utils.two_element_tuple([2, 2])
    assert utils.smart_cond(True, lambda: 1, lambda: 2) == 1
    with pytest.raises(ValueError, match="at least 5"):
        utils.last_dimension(shape, 5)
    with pytest.raises(ValueError, match="must be known"):
        utils.channel_dimension(shape[:3], "NHWC")
    with pytest.raises(ValueError, match="a list of 2 of them"):
        utils.two_element_tuple([1, 2, 3])


# Argument scopes.


@slim.add_arg_scope
def _echo(first: int, second: int = 2, third: int = 3) -> tuple[int, int, int]:
    return first, second, third


def test_argument_scopes_nest_and_are_given_again() -> None:
    """What is given in the call counts most; a scope can be entered again."""
    with slim.arg_scope([_echo], second=20) as outer:
        with slim.arg_scope([_echo], third=30):
            assert _echo(1) == (1, 20, 30) and _echo(1, third=0) == (1, 20, 0)
        assert _echo(1) == (1, 20, 3)
    assert _echo(1) == (1, 2, 3)
    with tf.contrib.framework.arg_scope(outer):
        assert _echo(1) == (1, 20, 3)
    assert slim.arg_scoped_arguments(_echo) == ("second", "third")
    assert slim.has_arg_scope(_echo) and not slim.has_arg_scope(len)
    with pytest.raises(ValueError, match="len is not decorated with @add_arg_scope"):
        slim.arg_scope([len], a=1).__enter__()
    with pytest.raises(ValueError, match="kwargs must be empty, but there is second"):
        slim.arg_scope(outer, second=1).__enter__()
    with pytest.raises(TypeError, match="list_ops_or_scope must either be"):
        slim.arg_scope("conv2d", second=1).__enter__()


# Variables.


def test_variables_are_found_by_scope_and_name() -> None:
    """And left out by scope."""
    for scope in ("net/a", "net/b", "other"):
        with tf.variable_scope(scope):
            slim.model_variable("weights", [2])
            slim.variable("count", [], trainable=False)
    slim.local_variable(0.0, name="local")

    def names(found: Any) -> list[str]:
        return [v.op.name for v in found]

    assert names(slim.get_variables("net/a")) == ["net/a/weights", "net/a/count"]
    assert len(slim.get_variables_by_name("weights")) == 3
    assert names(slim.get_variables_by_suffix("count", "net")) == ["net/a/count", "net/b/count"]
    assert names(slim.get_trainable_variables("other")) == ["other/weights"]
    assert names(slim.get_local_variables()) == ["local"]
    assert slim.get_unique_variable("other/count").op.name == "other/count"
    kept = slim.get_variables_to_restore(include=["net"], exclude=["net/b"])
    assert names(kept) == ["net/a/weights", "net/a/count"]
    chosen = slim.filter_variables(tf.global_variables(), ["net"], ["count"])
    assert names(chosen) == ["net/a/weights", "net/b/weights"]
    with pytest.raises(ValueError, match="Couldn't find variable net/c"):
        slim.get_unique_variable("net/c")
    with pytest.raises(TypeError, match="exclude is provided but is not a list"):
        slim.get_variables_to_restore(exclude="net")


def test_variables_are_assigned_from_checkpoints(tmp_path: Path, session: tf.Session) -> None:
    """By an operation or a function; missing ones are errors, or left out with a warning."""
    kept = tf.get_variable("kept", initializer=[1.0, 2.0])
    session.run(kept.initializer)
    path = tf.train.Saver([kept]).save(session, str(tmp_path / "model"))
    new = tf.get_variable("new", initializer=[0.0, 0.0])
    session.run(new.initializer)
    operation, feeds = slim.assign_from_checkpoint(path, {"kept": new})
    session.run(operation, feeds)
    assert session.run(new).tolist() == [1.0, 2.0]
    session.run(kept.assign([5.0, 5.0]))
    restore = slim.assign_from_checkpoint_fn(path, [kept, new], ignore_missing_vars=True)
    assert restore is not None
    restore(session)
    assert session.run(kept).tolist() == [1.0, 2.0]
    assert slim.assign_from_checkpoint_fn(path, [new], ignore_missing_vars=True) is None
    with pytest.raises(ValueError, match=r"is missing variable \[new\]"):
        slim.assign_from_checkpoint(path, [new])
    with pytest.raises(ValueError, match="var_list cannot be empty"):
        slim.assign_from_checkpoint_fn(path, [])
    scalar = tf.get_variable("scalar", initializer=0.0)
    with pytest.raises(ValueError, match=r"has shape \[2\], the variable \[\]"):
        slim.assign_from_checkpoint(path, {"kept": scalar})
    tf.contrib.framework.assign_from_values_fn({"new": [7.0, 8.0]})(session)
    assert session.run(new).tolist() == [7.0, 8.0]


# Training.


def _loss() -> Any:
    w = tf.get_variable("w", initializer=[4.0, -2.0])
    unused = tf.get_variable("unused", initializer=0.0)
    return w, unused, tf.reduce_sum(tf.square(w))


@pytest.mark.parametrize(
    "rate, optimizer",
    [
        (0.1, "SGD"),
        (0.1, tf.train.GradientDescentOptimizer),
        (None, tf.train.GradientDescentOptimizer(0.1)),
        (0.1, lambda rate: tf.train.GradientDescentOptimizer(rate)),
        (None, lambda: tf.train.GradientDescentOptimizer(0.1)),
    ],
)
def test_a_loss_is_optimized_in_one_call(rate: Any, optimizer: Any, session: tf.Session) -> None:
    """By a name, class, object or function; the step is counted, updates come first."""
    w, _, loss = _loss()
    step = tf.train.get_or_create_global_step()
    updated = tf.get_variable("updated", initializer=0.0)
    tf.add_to_collection(tf.GraphKeys.UPDATE_OPS, updated.assign(1.0).op)
    train = layers.optimize_loss(loss, step, rate, optimizer, gradient_multipliers={"w:0": 0.5})
    assert value(session, train) == 20.0
    np.testing.assert_allclose(session.run(w), [3.6, -1.8], rtol=1e-6)
    assert session.run([step, updated]) == [1, 1.0]


def test_what_optimize_loss_may_be_given_is_told(session: tf.Session) -> None:
    """And lengths of gradients are limited, rates decayed, summaries made as asked."""
    w, _, loss = _loss()
    step = tf.train.get_or_create_global_step()
    train = layers.optimize_loss(
        loss, step, 1.0, "SGD", clip_gradients=1.0, variables=[w],
        learning_rate_decay_fn=lambda rate, n: tf.train.exponential_decay(rate, n, 1, 0.5),
        summaries=["loss", "gradients", "gradient_norm", "learning_rate"],
    )  # fmt: skip
    value(session, train)
    first = session.run(w)
    assert np.linalg.norm(first - [4.0, -2.0]) == pytest.approx(1.0)
    session.run(train)
    assert np.linalg.norm(session.run(w) - first) == pytest.approx(0.5)
    assert len(tf.get_collection(tf.GraphKeys.SUMMARIES)) == 6
    for arguments, message in (
        ({"optimizer": "Newton"}, "Optimizer name should be one of .*'Newton'"),
        ({"optimizer": "SGD", "learning_rate": None}, "Learning rate is None"),
        ({"optimizer": 3}, "Unrecognized optimizer"),
        ({"optimizer": lambda rate: rate}, "the function should return one"),
        ({"learning_rate": -1.0}, "must not be negative"),
        ({"clip_gradients": "1"}, "Unknown type .* for clip_gradients"),
        ({"summaries": ["all"]}, "you provided 'all'"),
        ({"loss": w}, "Expected a scalar loss"),
    ):
        given = {"loss": loss, "global_step": step, "learning_rate": 0.1, "optimizer": "SGD"}
        with pytest.raises(ValueError, match=message):
            layers.optimize_loss(**{**given, **arguments})


def _trained(directory: Path, steps: int) -> tuple[float, float]:
    """The last loss, and the weight at the beginning."""
    with tf.Graph().as_default():
        w, _, loss = _loss()
        slim.losses.add_loss(loss)
        optimizer = tf.train.GradientDescentOptimizer(0.1)
        total = slim.losses.get_total_loss()
        train_op = slim.learning.create_train_op(total, optimizer, clip_gradient_norm=1.0)
        assert train_op in tf.get_collection(tf.GraphKeys.TRAIN_OP)
        begin: list[float] = []
        last = slim.learning.train(
            train_op, str(directory), number_of_steps=steps, save_summaries_secs=0,
            init_fn=lambda session: begin.append(session.run(w)[0]),
        )  # fmt: skip
        return float(last), begin[0]


def test_slim_trains_saves_and_goes_on(tmp_path: Path) -> None:
    """Until there were so many steps in all; the train operation gives the loss."""
    (first, begin), (second, again) = _trained(tmp_path, 3), _trained(tmp_path, 5)
    assert second < first < 20 and begin == again == 4.0
    assert tf.train.latest_checkpoint(str(tmp_path)).endswith("-5")
    _, _, loss = _loss()
    train_op = slim.learning.create_train_op(loss, tf.train.AdamOptimizer())
    assert slim.learning.train(train_op, str(tmp_path / "new"), number_of_steps=1) == 20.0
    with pytest.raises(ValueError, match="trains in one process"):
        slim.learning.train(train_op, None, master="grpc://there")


def test_training_ends_when_a_hook_says_so(tmp_path: Path) -> None:
    """contrib.training.train; a loss that is no number stops it."""
    with tf.Graph().as_default():
        _, _, loss = _loss()
        clip = tf.contrib.training.clip_gradient_norms_fn(0.5)
        train_op = tf.contrib.training.create_train_op(
            loss, tf.train.GradientDescentOptimizer(1.0), transform_grads_fn=clip
        )
        hooks = [tf.train.StopAtStepHook(num_steps=2)]
        found = tf.contrib.training.train(
            train_op, str(tmp_path), hooks=hooks, save_summaries_steps=None
        )
        assert np.sqrt(found) == pytest.approx(np.sqrt(20) - 0.5)
        with pytest.raises(ValueError, match="logdir cannot be None"):
            tf.contrib.training.train(train_op, None, hooks=hooks)
    with tf.Graph().as_default(), tf.Session() as session:
        nothing = tf.get_variable("nothing", initializer=np.nan)
        optimizer = tf.train.GradientDescentOptimizer(1.0)
        train_op = slim.learning.create_train_op(nothing * 1.0, optimizer)
        session.run(tf.global_variables_initializer())
        with pytest.raises(tf.errors.InvalidArgumentError, match="LossTensor is inf or nan"):
            session.run(train_op)


def test_checkpoints_are_evaluated(tmp_path: Path) -> None:
    """One, or each new one of a directory: so many steps, then the values of metrics."""
    _trained(tmp_path, 3)
    w = tf.get_variable("w", [2])
    tf.get_variable("unused", [])
    tf.train.get_or_create_global_step()
    value, update = tf.metrics.mean(tf.reduce_sum(w))
    tf.summary.scalar("value", value)
    path = tf.train.latest_checkpoint(str(tmp_path))
    once = tf.contrib.training.evaluate_once(
        path, eval_ops=update, final_ops={"value": value, "step": slim.get_global_step()},
        hooks=[tf.contrib.training.StopAfterNEvalsHook(4)],
    )  # fmt: skip
    assert once["step"] == 3 and 0 < once["value"] < 2
    assert tf.contrib.training.evaluate_once(path, final_ops=value) == 0
    logs = tmp_path / "logs"
    found = slim.evaluation.evaluation_loop(
        "", str(tmp_path), str(logs), num_evals=2, eval_op=update, final_op=value,
        eval_interval_secs=0, max_number_of_evaluations=1,
    )  # fmt: skip
    assert found == pytest.approx(once["value"]) and list(logs.glob("events*"))
    restored = slim.get_variables("w")
    alone = slim.evaluation.evaluate_once(
        "", path, None, eval_op=update, final_op=value, summary_op=None,
        variables_to_restore=[*restored, *slim.get_variables("unused|global_step")],
    )  # fmt: skip
    assert alone == pytest.approx(once["value"])
    with pytest.raises(ValueError, match="One of log_dir or summary_writer"):
        tf.contrib.training.SummaryAtEndHook()


def test_losses_take_the_predictions_first(session: tf.Session) -> None:
    """And give what tf.losses gives."""
    logits = np.array([[2.0, -1.0], [0.5, 0.25]], np.float32)
    onehot = np.array([[1.0, 0.0], [0.0, 1.0]], np.float32)
    old, new = slim.losses, tf.losses
    pairs = [
        (old.softmax_cross_entropy(logits, onehot), new.softmax_cross_entropy(onehot, logits)),
        (old.sparse_softmax_cross_entropy(logits, [0, 1]),
         new.sparse_softmax_cross_entropy([0, 1], logits)),
        (old.sigmoid_cross_entropy(logits, onehot), new.sigmoid_cross_entropy(onehot, logits)),
        (old.mean_squared_error(logits, onehot), new.mean_squared_error(onehot, logits)),
        (old.absolute_difference(logits, onehot), new.absolute_difference(onehot, logits)),
        (old.log_loss(onehot * 0.5 + 0.1, onehot), new.log_loss(onehot, onehot * 0.5 + 0.1)),
        (old.mean_pairwise_squared_error(logits, onehot),
         new.mean_pairwise_squared_error(onehot, logits)),
        (old.cosine_distance(onehot, onehot, 1), new.cosine_distance(onehot, onehot, 1)),
    ]  # fmt: skip
    assert len(tf.losses.get_losses()) == 2 * len(pairs)
    for first, second in session.run(pairs):
        assert first == second
    each = old.hinge_loss(logits, onehot)
    assert session.run(each).tolist() == [[0.0, 0.0], [1.5, 0.75]]
    assert len(tf.losses.get_losses()) == 2 * len(pairs)


def test_metrics_take_the_predictions_first(session: tf.Session) -> None:
    """Streaming ones under their old names, in maps of values and updates."""
    metrics = tf.contrib.metrics
    values, updates = metrics.aggregate_metric_map(
        {
            "error": metrics.streaming_mean_relative_error([1.0, 3.0], [2.0, 2.0], [2.0, 2.0]),
            "recall": slim.metrics.streaming_recall([1, 0, 1], labels=[1, 1, 1]),
        }
    )
    session.run(tf.local_variables_initializer())
    session.run(updates)
    assert session.run(values) == pytest.approx({"error": 0.5, "recall": 2 / 3})
    assert session.run(metrics.accuracy([1, 2, 3, 4], [1, 2, 0, 0])) == 0.5


# Hyperparameters.


def test_hyperparameters_are_read_from_text_and_json() -> None:
    """Each keeps its type; what does not fit is an error."""
    found = tf.contrib.training.HParams(rate=0.1, units=[1, 2], name="a", deep=False, none=None)
    found.parse("rate=1,units=[3, 4],name=b c,deep=true")
    found.parse("units[1]=9").parse_json('{"rate": 2}')
    assert found.values() == {
        "rate": 2.0, "units": [3, 9], "name": "b c", "deep": True, "none": None
    }  # fmt: skip
    assert found.get("rate") == 2.0 and found.get("other", 5) == 5 and "name" in found
    assert type(found.rate) is float and '"units": [3, 9]' in found.to_json()
    found.add_hparam("more", 1)
    found.del_hparam("more")
    assert repr(found).startswith("HParams([('deep', True)")
    for text, message in (
        ("rate=fast", "Could not parse hparam 'rate' of type 'float' with value 'fast'"),
        ("speed=1", "Unknown hyperparameter type for speed"),
        ("rate=1,rate=2", "Multiple assignments to variable 'rate'"),
        ("units[0]=1,units[0]=2", r"Multiple assignments to variable units\[0\]"),
        ("=1", "Malformed hyperparameter value"),
        ("units=5", "Must pass a list for multi-valued parameter: units"),
        ("name=[a]", "Must not pass a list for single-valued parameter: name"),
    ):
        with pytest.raises(ValueError, match=message):
            found.parse(text)
    with pytest.raises(AttributeError, match="no hyperparameter 'speed'; there are rate, units"):
        found.speed  # noqa: B018  # asking is the test
    with pytest.raises(ValueError, match="Hyperparameter name is reserved: parse"):
        found.add_hparam("parse", 1)


def test_a_model_is_described(capsys: pytest.CaptureFixture[str]) -> None:
    """The numbers of elements and bytes of its variables."""
    slim.model_variable("w", [3, 4])
    assert slim.model_analyzer.analyze_vars(tf.global_variables(), print_info=True) == (12, 48)
    assert "w:0 (float32_ref 3x4) [12, bytes: 48]" in capsys.readouterr().out
    assert slim.model_analyzer.analyze_ops(tf.get_default_graph()) >= 12


# Names.


def test_what_contrib_lacks_is_told_with_the_nearest() -> None:
    """And the same things are the same objects."""
    import runtime.contrib.slim as imported

    assert imported is tf.contrib.slim and slim.conv2d is layers.convolution2d
    assert tf.contrib.framework.nest.flatten is tf.nest.flatten
    with pytest.raises(AttributeError, match=r"nearest names are: .*fully_connected"):
        layers.fully_conected  # noqa: B018  # asking is the test
    with pytest.raises(AttributeError, match=r"tf.contrib.learn does not exist here\. .*tf.train"):
        tf.contrib.learn  # noqa: B018  # asking is the test


def test_contrib_is_imported_only_when_it_is_used() -> None:
    """Neither by importing runtime nor by making a graph."""
    program = (
        "import sys, runtime as tf; tf.layers.dense(tf.ones([1, 2]), 3); "
        "assert not [m for m in sys.modules if m.startswith('runtime.contrib')]"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


def test_programs_may_import_from_where_tensorflow_keeps_things() -> None:
    """The inner packages give the same objects."""
    from runtime.contrib.framework.python.ops import add_arg_scope, arg_scope
    from runtime.contrib.layers.python.layers import initializers, utils
    from runtime.contrib.rnn.python.ops import core_rnn_cell
    from runtime.contrib.rnn.python.ops.core_rnn_cell import BasicLSTMCell, _linear

    assert add_arg_scope is slim.add_arg_scope and arg_scope is slim.arg_scope
    assert initializers.xavier_initializer is layers.xavier_initializer
    assert utils is tf.contrib.layers.utils and core_rnn_cell.GRUCell is tf.contrib.rnn.GRUCell
    assert BasicLSTMCell is tf.nn.rnn_cell.BasicLSTMCell
    assert _linear([tf.ones([2, 3]), tf.ones([2, 1])], 5, True).shape.as_list() == [2, 5]
    assert list(variables()) == ["kernel:0", "bias:0"]
