"""Variables in parts."""

import numpy as np
import pytest

import runtime as tf


def test_a_partitioned_variable_is_made_of_variables(session: tf.Session) -> None:
    """The whole has the name, its parts are in the collections; the first ones are larger."""
    table = tf.get_variable(
        "table", initializer=np.arange(10.0).reshape(5, 2).astype(np.float32),
        partitioner=tf.fixed_size_partitioner(2),
    )  # fmt: skip
    assert [part.name for part in table] == ["table/part_0:0", "table/part_1:0"]
    assert [part.shape.as_list() for part in table] == [[3, 2], [2, 2]]
    assert tf.trainable_variables() == list(table)
    assert (table.name, table.shape.as_list(), table.dtype) == ("table", [5, 2], tf.float32)
    session.run(tf.global_variables_initializer())
    assert (
        session.run(tf.convert_to_tensor(table)).tolist() == np.arange(10.0).reshape(5, 2).tolist()
    )
    picked = tf.nn.embedding_lookup(table, [4, 0], partition_strategy="div")
    assert session.run(picked).tolist() == [[8, 9], [0, 1]]


def test_a_partitioned_variable_is_trained_and_assigned_in_parts(session: tf.Session) -> None:
    """Gradients flow to the parts; a value of the whole is cut for them."""
    with tf.variable_scope("net", partitioner=tf.fixed_size_partitioner(3, axis=1)):
        weights = tf.get_variable("w", [2, 7], initializer=tf.ones_initializer())
    assert [part.shape.as_list() for part in weights] == [[2, 3], [2, 2], [2, 2]]
    loss = tf.reduce_sum(tf.square(weights.as_tensor()))
    step = tf.train.GradientDescentOptimizer(0.25).minimize(loss)
    session.run(tf.global_variables_initializer())
    session.run(step)
    assert session.run(weights.as_tensor()).tolist() == [[0.5] * 7] * 2
    whole = np.arange(14.0).reshape(2, 7)
    session.run(weights.assign(whole))
    session.run(weights.assign_add(whole))
    assert session.run(weights.as_tensor()).tolist() == (2 * whole).tolist()


def test_a_partitioned_variable_is_shared(session: tf.Session) -> None:
    """By reuse, as any other; another shape is refused."""
    with tf.variable_scope("a", reuse=tf.AUTO_REUSE, partitioner=tf.fixed_size_partitioner(2)):
        first = tf.get_variable("w", [4])
        assert tf.get_variable("w", [4]) is first
        with pytest.raises(
            ValueError, match=r"w, but specified shape \(5,\) and found shape \(4,\)"
        ):
            tf.get_variable("w", [5])


@pytest.mark.parametrize(
    ("partitioner", "expected"),
    [
        (tf.fixed_size_partitioner(20), [10, 1]),
        (tf.min_max_variable_partitioner(4, min_slice_size=16), [4, 1]),
        (tf.min_max_variable_partitioner(4), [1, 1]),
        (tf.variable_axis_size_partitioner(64), [2, 1]),
        (tf.variable_axis_size_partitioner(12, max_shards=3), [3, 1]),
    ],
)
def test_partitioners_say_how_many_parts(partitioner: object, expected: list[int]) -> None:
    """For a matrix of ten rows of three numbers, as TensorFlow's do."""
    assert callable(partitioner)
    assert partitioner(shape=tf.TensorShape([10, 3]), dtype=tf.float32) == expected


@pytest.mark.parametrize("partitions", [[2], [0, 1], [2, 2], [5, 1]])
def test_a_partitioner_that_gives_nonsense_is_refused(partitions: list[int]) -> None:
    """The message names the variable and what was given."""
    with pytest.raises(ValueError, match=r"w.*\[") as error:
        tf.get_variable("w", [4, 4], partitioner=lambda shape, dtype: partitions)
    assert str(partitions) in str(error.value)
