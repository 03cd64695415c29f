"""Sparse tensors: feeding, fetching, what is refused, and where they may go."""

import re
from typing import Any

import numpy as np
import pytest

import runtime as tf

PLACES, VALUES, SHAPE = [[0, 1], [1, 2]], [1.0, 2.0], [2, 3]
WHOLE = [[0, 1, 0], [0, 0, 2]]


@pytest.mark.parametrize(
    "fed",
    [(PLACES, VALUES, SHAPE), tf.SparseTensorValue(PLACES, VALUES, SHAPE)],
    ids=["tuple", "value"],
)
def test_a_sparse_placeholder_is_fed_and_fetched_as_a_whole(fed: Any, session: tf.Session) -> None:
    """With a tuple or a value, of one shape or another."""
    sp = tf.sparse_placeholder(tf.float32, [None, 3], name="sp")
    assert [part.name for part in (sp.indices, sp.values, sp.dense_shape)] == [
        "sp/indices:0",
        "sp/values:0",
        "sp/shape:0",
    ]
    assert sp.get_shape().as_list() == [None, 3]
    value, dense = session.run([sp, tf.sparse_tensor_to_dense(sp)], {sp: fed})
    assert isinstance(value, tf.SparseTensorValue)
    assert value.indices.tolist() == PLACES
    assert dense.tolist() == WHOLE
    again = session.run(tf.sparse_reduce_sum(sp), {sp: value})
    assert again == 3.0


def test_parts_that_do_not_fit_are_refused() -> None:
    """When the tensor is made: numbers of elements, and of axes."""
    with pytest.raises(ValueError, match=re.escape("(1,) and (2,) are incompatible")):
        tf.SparseTensor([[0, 1]], [1.0, 2.0], [2, 2])
    with pytest.raises(ValueError, match="rank 2"):
        tf.SparseTensor([0, 1], [1.0, 2.0], [2])
    with pytest.raises(ValueError, match="incompatible"):
        tf.SparseTensor([[0, 1]], [1.0], [2, 2, 2])


@pytest.mark.parametrize(
    ("places", "message"),
    [
        ([[0, 1], [0, 1]], r"indices\[1\] = \[0, 1\] is repeated"),
        ([[1, 1], [0, 1]], r"indices\[1\] = \[0, 1\] is out of order; use tf.sparse.reorder"),
        ([[0, 0], [2, 1]], r"indices\[1\] = \[2, 1\] is out of bounds: need 0 <= index < \[2, 3\]"),
    ],
)
def test_places_that_make_no_sense_fail_in_the_run(
    places: Any, message: str, session: tf.Session
) -> None:
    """The message names the first wrong one."""
    sp = tf.sparse_placeholder(tf.float32)
    dense = tf.sparse_tensor_to_dense(sp)
    with pytest.raises(tf.errors.InvalidArgumentError, match=message):
        session.run(dense, {sp: (places, VALUES, SHAPE)})


def test_products_of_sparse_matrices_check_their_shapes(session: tf.Session) -> None:
    """When the graph is built, or in the run if nothing was known."""
    with pytest.raises(ValueError, match=r"shape \(2, 3\) and a matrix of shape \(2, 2\)"):
        tf.sparse_tensor_dense_matmul(tf.SparseTensor(PLACES, VALUES, SHAPE), tf.ones([2, 2]))
    sp = tf.sparse_placeholder(tf.float32)
    product = tf.sparse_tensor_dense_matmul(sp, tf.ones([2, 2]))
    with pytest.raises(tf.errors.InvalidArgumentError, match="forget a transpose"):
        session.run(product, {sp: (PLACES, VALUES, SHAPE)})
    with pytest.raises(TypeError, match=re.escape("use tf.sparse.from_dense")):
        tf.sparse_tensor_dense_matmul(tf.ones([2, 2]), tf.ones([2, 2]))


def test_two_sparse_tensors_of_different_shapes_can_not_be_added() -> None:
    """Nor two whole ones by this function."""
    one, other = (tf.SparseTensor(PLACES, VALUES, shape) for shape in (SHAPE, [5, 5]))
    with pytest.raises(ValueError, match="incompatible"):
        tf.sparse_add(one, other)
    with pytest.raises(TypeError, match="At least one input"):
        tf.sparse_add(tf.ones([2]), tf.ones([2]))


def test_sparse_tensors_and_rows_go_through_branches(session: tf.Session) -> None:
    """And come out as what they were."""
    sp = tf.SparseTensor(PLACES, VALUES, SHAPE)
    choice = tf.placeholder(tf.bool, [])
    found = tf.cond(choice, lambda: sp, lambda: sp * 3.0)
    assert isinstance(found, tf.SparseTensor)
    assert session.run(found, {choice: False}).values.tolist() == [3.0, 6.0]
    rows = tf.IndexedSlices(tf.ones([1, 2]), tf.constant([1]), tf.constant([2, 2]))
    taken = tf.cond(choice, lambda: rows, lambda: rows)
    assert isinstance(taken, tf.IndexedSlices)
    assert session.run(taken, {choice: True}).indices.tolist() == [1]
    with pytest.raises(TypeError, match="where the other gives sparse"):
        tf.cond(choice, lambda: sp, lambda: tf.constant(1.0))


def test_a_sparse_tensor_may_grow_in_a_loop(session: tf.Session) -> None:
    """The number of its elements is no invariant, that of its axes is one."""
    sp = tf.SparseTensor(PLACES, VALUES, SHAPE)
    _, grown = tf.while_loop(
        lambda i, _: i < 2, lambda i, s: (i + 1, tf.sparse_concat(0, [s, s * 2.0])), (0, sp)
    )
    value = session.run(grown)
    assert value.dense_shape.tolist() == [8, 3]
    assert value.values.tolist() == [1, 2, 2, 4, 2, 4, 4, 8]
    with pytest.raises(ValueError, match="sparse elements, rows and"):
        tf.while_loop(lambda i, _: i < 2, lambda i, s: (i + 1, s.values), (0, sp))


def test_rows_stay_rows_in_a_tuple_of_gradients(session: tf.Session) -> None:
    """None of which is there before all are."""
    v = tf.Variable([[1.0], [2.0]])
    session.run(v.initializer)
    (slope,) = tf.gradients(tf.gather(v, [1, 1]), v)
    rows, number = tf.tuple([slope, tf.constant(1.0)])
    assert isinstance(rows, tf.IndexedSlices)
    assert session.run(rows).indices.tolist() == [1, 1]
    assert session.run(number) == 1.0


def test_functions_of_tensors_take_sparse_ones_where_zeros_stay_zeros(session: tf.Session) -> None:
    """Casts, absolute values, sizes; but no exponential."""
    sp = tf.SparseTensor(PLACES, [-1.0, 4.0], SHAPE)
    assert session.run(tf.cast(sp, tf.int32)).values.tolist() == [-1, 4]
    assert session.run(tf.sqrt(tf.abs(sp))).values.tolist() == [1.0, 2.0]
    assert session.run([tf.shape(sp)[1], tf.size(sp), tf.rank(sp)]) == [3, 6, 2]
    assert isinstance(tf.identity(sp), tf.SparseTensor)
    with pytest.raises(TypeError):
        tf.exp(sp)


def test_indicators_tell_which_ids_a_row_has(session: tf.Session) -> None:
    """Repeated ids count once."""
    ids = tf.SparseTensor([[0, 0], [0, 1], [1, 0]], tf.constant([3, 3, 1], tf.int64), [2, 2])
    found = session.run(tf.sparse_to_indicator(ids, 4))
    assert found.tolist() == [[False, False, False, True], [False, True, False, False]]


def test_one_hot_rows_by_sparse_to_dense(session: tf.Session) -> None:
    """The way of programs that are older than `one_hot`."""
    labels = tf.placeholder(tf.int32, [None])
    count = tf.size(labels)
    places = tf.concat([tf.expand_dims(tf.range(count), 1), tf.expand_dims(labels, 1)], 1)
    rows = tf.sparse_to_dense(places, tf.stack([count, 3]), 1.0, 0.0)
    assert session.run(rows, {labels: [2, 0]}).tolist() == [[0, 0, 1], [1, 0, 0]]


def test_rows_of_a_gradient_are_masked(session: tf.Session) -> None:
    """By the indices of those that go."""
    rows = tf.IndexedSlices(tf.constant([[1.0], [2.0], [3.0]]), tf.constant([4, 7, 9]))
    masked = session.run(tf.sparse_mask(rows, [7]))
    assert masked.indices.tolist() == [4, 9]
    assert masked.values.tolist() == [[1.0], [3.0]]


def test_a_product_with_a_large_sparse_matrix_is_that_with_the_whole(session: tf.Session) -> None:
    """Also where rows are empty or come again."""
    draw = np.random.default_rng(0)
    whole = np.where(draw.random((40, 30)) < 0.05, draw.normal(size=(40, 30)), 0)
    sp = tf.sparse.from_dense(whole)
    b = draw.normal(size=(30, 7))
    np.testing.assert_allclose(session.run(tf.sparse_tensor_dense_matmul(sp, b)), whole @ b)
