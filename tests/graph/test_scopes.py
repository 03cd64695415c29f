"""get_variable and variable scopes."""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest

import runtime as tf
from runtime.graph.convert import convert_to_tensor


def test_get_variable_makes_and_shares_variables() -> None:
    """Sharing needs reuse; making needs that there is none."""
    with tf.variable_scope("a"):
        v = tf.get_variable("v", [2])
    assert v.name == "a/v:0"
    with (
        pytest.raises(ValueError, match=r"a/v already exists.*AUTO_REUSE.*test_scopes\.py"),
        tf.variable_scope("a"),
    ):
        tf.get_variable("v", [2])
    with tf.variable_scope("a", reuse=True):
        assert tf.get_variable("v", [2]) is v
        with pytest.raises(ValueError, match="a/w does not exist"):
            tf.get_variable("w", [2])
        with pytest.raises(ValueError, match=r"\(3,\).*\(2,\)"):
            tf.get_variable("v", [3])
        with pytest.raises(ValueError, match=r"int32.*float32"):
            tf.get_variable("v", [2], tf.int32)
    with tf.variable_scope("a", reuse=tf.AUTO_REUSE):
        assert tf.get_variable("v", [2]) is v
        assert tf.get_variable("w", [2]).name == "a/w:0"


def test_scopes_nest_and_hand_down_their_defaults(session: tf.Session) -> None:
    """Initializer, regularizer, type, reuse."""
    ones, twos = tf.ones_initializer(), tf.constant_initializer(2.0)
    with tf.variable_scope("a", initializer=ones, dtype=tf.float64) as a:
        with tf.variable_scope("b", initializer=twos):
            inner = tf.get_variable("v", [1])
        outer = tf.get_variable("v", [1])
    assert (inner.name, outer.name, inner.dtype) == ("a/b/v:0", "a/v:0", tf.float64)
    session.run(tf.global_variables_initializer())
    assert [x.tolist() for x in session.run([outer, inner])] == [[1.0], [2.0]]
    with tf.variable_scope(a, reuse=True):
        assert tf.get_variable("v", [1]) is outer
        with tf.variable_scope("b"):
            assert tf.get_variable("v", [1]) is inner
    with tf.variable_scope("a"):
        tf.get_variable_scope().reuse_variables()
        assert tf.get_variable("v", [1], tf.float64) is outer


def test_operations_are_named_by_the_name_scope_that_opens_with_it() -> None:
    """A second entry gets a new name scope but the same variables' scope."""
    with tf.variable_scope("a") as scope:
        assert tf.no_op(name="x").name == "a/x"
        assert scope.original_name_scope == "a/"
    with tf.variable_scope("a"):
        assert tf.no_op(name="x").name == "a_1/x"
        assert tf.get_variable("v", [1]).name == "a/v:0"
    with tf.variable_scope("c", auxiliary_name_scope=False):
        assert tf.no_op(name="y").name == "y"


def test_default_names_are_made_unique() -> None:
    """As layers need it."""
    names = []
    for _ in range(3):
        with tf.variable_scope(None, "dense"):
            names.append(tf.get_variable("w", [1]).name)
    assert names == ["dense/w:0", "dense_1/w:0", "dense_2/w:0"]
    with pytest.raises(TypeError, match="needs name_or_scope"):
        tf.variable_scope(None)


def test_default_initializers_depend_on_the_type(session: tf.Session) -> None:
    """Glorot's for floating-point numbers, zeros for integers, empty strings."""
    real = tf.get_variable("a", [50, 50])
    whole = tf.get_variable("b", [3], tf.int32)
    session.run(tf.global_variables_initializer())
    assert 0 < np.abs(session.run(real)).max() <= np.sqrt(6 / 100)
    assert session.run(whole).tolist() == [0, 0, 0]
    words = tf.get_variable("c", [1], tf.string)
    session.run(words.initializer)
    assert session.run(words).tolist() == [b""]


@pytest.mark.parametrize(
    "initializer", [[1.0, 2.0], np.array([1.0, 2.0]), lambda: tf.constant([1.0, 2.0])]
)
def test_an_initializer_may_be_a_value_or_a_function(initializer: Any, session: tf.Session) -> None:
    """Of a shape, or of nothing."""
    shape = [2] if callable(initializer) else None
    v = tf.get_variable("v", shape, initializer=initializer)
    session.run(v.initializer)
    assert session.run(v).tolist() == [1.0, 2.0]


def test_a_shape_must_be_known_and_fit() -> None:
    """The message names the variable."""
    with pytest.raises(ValueError, match=r"\(v\) must be fully defined"):
        tf.get_variable("v", [None, 2])
    with pytest.raises(ValueError, match="do not specify a shape"):
        tf.get_variable("v", [2], initializer=[1.0, 2.0])


def test_regularizers_add_losses(session: tf.Session) -> None:
    """Once for each variable."""
    with tf.variable_scope("a", regularizer=tf.nn.l2_loss):
        tf.get_variable("v", initializer=[3.0, 4.0])
        tf.get_variable("w", initializer=[1.0], regularizer=tf.no_regularizer)
    (loss,) = tf.get_collection(tf.GraphKeys.REGULARIZATION_LOSSES)
    session.run(tf.global_variables_initializer())
    assert session.run(loss) == 12.5


def test_local_variables_are_local_and_not_trainable() -> None:
    """Also by get_local_variable."""
    v = tf.get_local_variable("v", [1])
    assert tf.local_variables() == [v]
    assert tf.global_variables() == tf.trainable_variables() == []


def test_a_custom_getter_is_asked_instead() -> None:
    """It gets the true getter; nested ones are chained."""
    seen = []

    def getter(true_getter: Any, name: str, **options: Any) -> Any:
        seen.append(name)
        return true_getter(name, **options)

    with tf.variable_scope("a", custom_getter=getter), tf.variable_scope("b", custom_getter=getter):
        v = tf.get_variable("v", [1])
    assert seen == ["a/b/v", "a/b/v"]
    assert v.name == "a/b/v:0"


def test_a_scope_lists_its_variables() -> None:
    """Those whose names begin with it."""
    with tf.variable_scope("a") as scope:
        v = tf.get_variable("v", [1])
    tf.get_variable("ab", [1])
    assert scope.global_variables() == scope.trainable_variables() == [v]


def test_graphs_do_not_share_variables() -> None:
    """The same name in two graphs is two variables."""
    v = tf.get_variable("v", [1])
    with tf.Graph().as_default():
        assert tf.get_variable("v", [1]) is not v


def _names_after(make: Callable[[tf.Tensor], object]) -> list[str]:
    with tf.Graph().as_default() as graph:
        make(tf.placeholder(tf.float32, [2, 3], name="in"))
        return [operation.name for operation in graph.get_operations()][1:]


@pytest.mark.parametrize(
    ("make", "names"),
    [
        (lambda x: x + 1, ["add/y", "add"]),
        (lambda x: 1 - x, ["sub/x", "sub"]),
        (lambda x: tf.maximum(x, 0.0), ["Maximum/y", "Maximum"]),
        (lambda x: tf.equal(x, 0, name="same"), ["same/y", "same"]),
    ],
)
def test_an_argument_is_named_below_the_operation_that_takes_it(make: Any, names: Any) -> None:
    """As in TensorFlow: a page that draws the graph shows it there."""
    assert _names_after(make) == names


@pytest.mark.parametrize(
    "make",
    [
        lambda x: (x + 1) * 2,
        lambda x: tf.reshape(x, [-1]),
        lambda x: tf.clip_by_value(x, 0.0, 1.0),
        lambda x: tf.nn.l2_normalize(x, 1),
        lambda x: tf.norm(x),
        lambda x: tf.random_uniform([2], -1.0, 1.0),
        lambda x: tf.truncated_normal([2], stddev=0.1),
        lambda x: tf.zeros([2]),
        lambda x: tf.tile(x, [1, 2]),
        lambda x: tf.nn.dropout(x, 0.5),
    ],
)
def test_what_a_function_is_made_of_takes_no_names_of_the_users_own(make: Any) -> None:
    """The first constant, sum and so on that a program makes itself have the plain names."""
    with tf.Graph().as_default():
        x = tf.placeholder(tf.float32, [2, 3])
        make(x)
        assert tf.constant(1.0).name == "Const:0"
        assert tf.reduce_sum(x, 0).name == "Sum:0"
        assert tf.square(x).name == "Square:0"
        assert tf.minimum(x, x).name == "Minimum:0"
        assert tf.sqrt(x).name == "Sqrt:0"


def test_an_argument_that_two_operations_take_keeps_its_first_name() -> None:
    """What was made of it is found under its name."""
    with tf.Graph().as_default() as graph:
        shared = convert_to_tensor(2.0)
        first, second = tf.square(shared), tf.sqrt(shared)
        assert first.op.inputs[0] is second.op.inputs[0]
        assert graph.get_tensor_by_name(shared.name) is shared
        assert shared.name == "Square/Const:0"


def test_an_initializer_is_any_function_of_a_shape(session: tf.Session) -> None:
    """It is told the type and the partition if it asks for them, by whatever default."""

    def strict(shape: Any, dtype: Any, partition_info: Any) -> Any:
        return tf.fill(shape, tf.cast(3, dtype))

    class Four:
        def __call__(self, shape: Any, **options: Any) -> Any:
            return tf.ones(shape, options["dtype"]) * 4

    made: list[Any] = [
        strict,
        Four,
        Four(),
        partial(strict, partition_info=None),
        lambda shape: tf.ones(shape) * 5,
        lambda: tf.ones([2]) * 6,
    ]
    variables = [tf.get_variable(f"v{i}", [2], initializer=f) for i, f in enumerate(made)]
    session.run(tf.global_variables_initializer())
    assert [session.run(v)[0] for v in variables] == [3, 4, 4, 3, 5, 6]


def test_an_error_of_an_initializer_comes_out_as_it_is() -> None:
    """It is not called again in another way."""

    def broken(shape: Any, dtype: Any = None) -> Any:
        raise TypeError("argument of my own")

    with pytest.raises(TypeError, match="argument of my own"):
        tf.get_variable("v", [2], initializer=broken)


@pytest.mark.parametrize(
    "make",
    [
        lambda x: tf.split(x, 2),
        lambda x: tf.one_hot([0, 1], 3, on_value=5.0),
        lambda x: tf.reshape(x, np.array([3, 2])),
        lambda x: tf.range(1, 3.5),
    ],
)
def test_an_argument_that_becomes_an_attribute_leaves_no_constant_behind(make: Any) -> None:
    """A graph holds nothing that nobody takes."""
    with tf.Graph().as_default() as graph:
        make(tf.placeholder(tf.float32, [2, 3]))
        assert not graph._provisional
