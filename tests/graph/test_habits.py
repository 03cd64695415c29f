"""What public programs rely on, though no documentation speaks of it."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import runtime as tf


@pytest.mark.parametrize("make", [tf.constant, tf.Variable, lambda x: tf.constant(x).op])
def test_a_program_hangs_its_own_things_on_what_is_in_the_graph(
    make: Callable[[float], Any],
) -> None:
    """Tensors, variables and operations take attributes that nobody here knows."""
    element = make(1.0)
    element.history = ("a layer", 3)
    assert element.history == ("a layer", 3)


def test_a_variable_is_true_as_an_object() -> None:
    """``if variable:`` asks whether there is one; a tensor refuses the question."""
    assert tf.Variable(0)
    assert (None or tf.Variable(0.0, name="w")).op.name == "w"
    with pytest.raises(TypeError, match="Python bool"):
        bool(tf.constant(0))


def test_a_variable_does_not_look_like_a_list() -> None:
    """Programs tell lists of variables from a variable by `__len__`."""
    assert not hasattr(tf.Variable([1.0, 2.0]), "__len__")
    with pytest.raises(TypeError, match="no len"):
        len(tf.constant([1.0, 2.0]))


def test_a_variable_carries_a_note_about_the_whole_that_it_is_a_slice_of() -> None:
    """Libraries that tell full names look at `_save_slice_info`, which is None here."""
    variable: Any = tf.Variable(1.0)
    assert variable._save_slice_info is None
    variable._set_save_slice_info("a part")
    assert variable._get_save_slice_info() == "a part"


def test_an_array_of_sizes_is_a_shape() -> None:
    """A row of an integer matrix stands for a shape of its length."""
    shapes = np.array([[2, 3], [4, 5]])
    assert tf.TensorShape(shapes[1]).as_list() == [4, 5]
    assert tf.placeholder(tf.float32, shapes[0]).shape.as_list() == [2, 3]


def test_a_shape_tells_whether_it_has_too_many_axes() -> None:
    """`with_rank_at_most` and `assert_same_rank` let unknown ranks pass."""
    shape = tf.TensorShape([2, None])
    assert shape.with_rank_at_most(2) is shape
    assert tf.TensorShape(None).with_rank_at_most(1).ndims is None
    with pytest.raises(ValueError, match=r"\(2, \?\) must have rank at most 1"):
        shape.with_rank_at_most(1)
    shape.assert_same_rank(None)
    shape.assert_same_rank([7, 7])
    with pytest.raises(ValueError, match=r"\(2, \?\) and \(3,\) must have the same rank"):
        shape.assert_same_rank([3])


def test_a_constant_without_elements_is_made_of_any_number() -> None:
    """A shape with a size of 0 needs nothing of the value."""
    assert tf.constant(0.0, shape=[2, 0]).shape.as_list() == [2, 0]


def test_a_list_of_slices_is_a_key(session: tf.Session) -> None:
    """A list between ``[]`` means what a tuple means, as parts of a key are put together."""
    x = tf.constant(np.arange(12).reshape(3, 4))
    key: Any = [slice(None)] * 2
    key[1] = slice(1, 3)
    np.testing.assert_array_equal(session.run(x[key]), [[1, 2], [5, 6], [9, 10]])


def test_a_getter_may_be_called_with_a_name_and_a_shape_alone() -> None:
    """A custom getter passes on what it cares about; the rest takes its defaults."""

    def getter(true_getter: Callable[..., Any], name: str, shape: Any = None, **_: Any) -> Any:
        return true_getter(f"{name}_renamed", shape=shape)

    with tf.variable_scope("scope", custom_getter=getter):
        variable = tf.get_variable("w", [2])
    assert variable.op.name == "scope/w_renamed"
    assert variable in tf.trainable_variables()


def test_a_getter_is_told_everything_that_may_be_asked_for() -> None:
    """A custom getter may name each argument of `get_variable` in its own signature."""
    told: dict[str, Any] = {}

    def getter(true_getter: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        told.update(kwargs)
        return true_getter(*args, **kwargs)

    tf.get_variable("w", [2], custom_getter=getter, use_resource=True)
    assert {"caching_device", "partitioner", "use_resource"} <= told.keys()
    assert told["use_resource"] is True


def test_a_scope_notes_the_wishes_that_are_without_effect() -> None:
    """Partitioner, caching device and kind of variable are kept for whoever asks."""
    with tf.variable_scope("scope") as scope:
        scope.set_partitioner(len)
        scope.set_caching_device("/cpu:0")
        scope.set_use_resource(True)
        inner = tf.get_variable_scope()
    assert (inner.partitioner, inner.caching_device, inner.use_resource) == (len, "/cpu:0", True)


class _OwnCell:
    """A cell that is no layer: it asks for its variable in each step."""

    state_size = output_size = 3

    def __call__(self, inputs: tf.Tensor, state: tf.Tensor, scope: Any = None) -> Any:
        with tf.variable_scope(scope or "own"):
            kernel = tf.get_variable("kernel", [2, 3])
        after = tf.tanh(tf.matmul(inputs, kernel) + state)
        return after, after


def test_steps_of_a_static_rnn_share_variables() -> None:
    """A cell that calls `get_variable` in each step gets the variable of the first one."""
    inputs = [tf.ones([4, 2]) for _ in range(3)]
    outputs, _ = tf.nn.static_rnn(_OwnCell(), inputs, dtype=tf.float32)
    assert len(outputs) == 3
    assert [v.op.name for v in tf.trainable_variables()] == ["rnn/own/kernel"]


def test_what_passes_a_constant_on_does_not_lend_it_to_be_overwritten(
    session: tf.Session,
) -> None:
    """A checked constant is divided in a place of its own, and is the same in the next run."""
    checked = tf.verify_tensor_all_finite(tf.constant([[1.0, 3.0]]), "not finite")
    halves = checked / tf.reduce_sum(tf.abs(checked), [1], keep_dims=True)
    for _ in range(2):
        np.testing.assert_array_equal(session.run(halves), [[0.25, 0.75]])
