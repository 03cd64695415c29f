"""Operations on sparse tensors: how to make them from their elements, and what they must give."""

from typing import Any

import numpy as np

import runtime as tf
from tests.graph.cases import Array, Case, numbers

PLACES = np.array([[0, 1], [0, 3], [1, 0], [2, 2], [2, 3]])
SHAPE = (3, 4)
VALUES = numbers(5, seed=21)
OTHERS = np.array([[0, 1], [1, 2], [2, 3]])
MORE = numbers(3, seed=22)
LEFT, RIGHT = numbers(2, 3, seed=23), numbers(4, 2, seed=24)


def sparse(values: Any) -> Any:
    return tf.SparseTensor(PLACES, values, SHAPE)


def others(values: Any) -> Any:
    return tf.SparseTensor(OTHERS, values, SHAPE)


def whole(values: Array, places: Array = PLACES) -> Array:
    dense = np.zeros(SHAPE)
    dense[tuple(places.T)] = values
    return dense


def _softmax(values: Array) -> Array:
    dense = np.where(whole(np.ones(5)) > 0, np.exp(whole(values)), 0)
    return (dense / dense.sum(1, keepdims=True))[tuple(PLACES.T)]


def _largest(values: Array, axis: int) -> Any:
    dense = np.where(whole(np.ones(5)) > 0, whole(values), -np.inf).max(axis)
    return np.where(np.isfinite(dense), dense, 0)


def _dense(sp: Any) -> Any:
    return tf.sparse_tensor_to_dense(sp)


SPARSE_CASES = [
    Case("sparse-to_dense", lambda v: _dense(sparse(v)), whole, (VALUES,), (0,)),
    Case("sparse-to_dense-default",
         lambda v, d: tf.sparse_to_dense(PLACES, SHAPE, v, d),
         lambda v, d: np.where(whole(np.ones(5)) > 0, whole(v), d), (VALUES, np.array(0.7)), (0,)),
    Case("sparse-matmul", lambda v, b: tf.sparse_tensor_dense_matmul(sparse(v), b),
         lambda v, b: whole(v) @ b, (VALUES, RIGHT), (0, 1)),
    Case("sparse-matmul-adjoint",
         lambda v, b: tf.sparse_tensor_dense_matmul(sparse(v), b, adjoint_a=True, adjoint_b=True),
         lambda v, b: whole(v).T @ b.T, (VALUES, LEFT), (0, 1)),
    Case("sparse-matmul-turned", lambda v, a: tf.sparse.sparse_dense_matmul(a, sparse(v)),
         lambda v, a: a @ whole(v), (VALUES, LEFT), (0, 1)),
    Case("sparse-matmul-unsorted",
         lambda v, b: tf.sparse_tensor_dense_matmul(tf.SparseTensor(PLACES[::-1], v, SHAPE), b),
         lambda v, b: whole(v[::-1]) @ b, (VALUES, RIGHT), (0, 1)),
    Case("sparse-sum", lambda v: tf.sparse_reduce_sum(sparse(v)), np.sum, (VALUES,), (0,)),
    Case("sparse-sum-0", lambda v: tf.sparse_reduce_sum(sparse(v), 0, keepdims=True),
         lambda v: whole(v).sum(0, keepdims=True), (VALUES,), (0,)),
    Case("sparse-sum-both", lambda v: tf.sparse_reduce_sum(sparse(v), [0, -1]),
         lambda v: whole(v).sum(), (VALUES,), (0,)),
    Case("sparse-max", lambda v: tf.sparse_reduce_max(sparse(v), 1), lambda v: _largest(v, 1),
         (VALUES,), ()),
    Case("sparse-sum-sparse", lambda v: _dense(tf.sparse_reduce_sum_sparse(sparse(v), 1)),
         lambda v: whole(v).sum(1), (VALUES,), ()),
    Case("sparse-transpose", lambda v: _dense(tf.sparse_transpose(sparse(v))),
         lambda v: whole(v).T, (VALUES,), (0,)),
    Case("sparse-reorder",
         lambda v: _dense(tf.sparse_reorder(tf.SparseTensor(PLACES[::-1], v, SHAPE))),
         lambda v: whole(v[::-1]), (VALUES,), (0,)),
    Case("sparse-reshape", lambda v: _dense(tf.sparse_reshape(sparse(v), [2, -1])),
         lambda v: whole(v).reshape(2, 6), (VALUES,), (0,)),
    Case("sparse-slice", lambda v: _dense(tf.sparse_slice(sparse(v), [0, 1], [2, 5])),
         lambda v: whole(v)[0:2, 1:], (VALUES,), (0,)),
    Case("sparse-split",
         lambda v: _dense(tf.sparse_split(sp_input=sparse(v), num_split=3, axis=1)[0]),
         lambda v: whole(v)[:, :2], (VALUES,), (0,)),
    Case("sparse-concat-0", lambda v, w: _dense(tf.sparse_concat(0, [sparse(v), others(w)])),
         lambda v, w: np.concatenate([whole(v), whole(w, OTHERS)]), (VALUES, MORE), ()),
    Case("sparse-concat-1", lambda v, w: _dense(tf.sparse_concat(1, [sparse(v), others(w)])),
         lambda v, w: np.concatenate([whole(v), whole(w, OTHERS)], 1), (VALUES, MORE), ()),
    Case("sparse-softmax", lambda v: tf.sparse_softmax(sparse(v)).values, _softmax, (VALUES,),
         (0,)),
    Case("sparse-add", lambda v, w: _dense(tf.sparse_add(sparse(v), others(w))),
         lambda v, w: whole(v) + whole(w, OTHERS), (VALUES, MORE), (0, 1)),
    Case("sparse-add-thresh", lambda v: _dense(tf.sparse_add(sparse(v), sparse(v), thresh=2.5)),
         lambda v: np.where(np.abs(whole(v)) * 2 >= 2.5, 2 * whole(v), 0), (VALUES,), ()),
    Case("sparse-add-dense", lambda v, d: tf.sparse_add(d, sparse(v)),
         lambda v, d: whole(v) + d, (VALUES, numbers(3, 4, seed=25)), (0, 1)),
    Case("sparse-maximum", lambda v, w: _dense(tf.sparse_maximum(sparse(v), others(w))),
         lambda v, w: np.maximum(whole(v), whole(w, OTHERS)), (VALUES, MORE), ()),
    Case("sparse-minimum", lambda v, w: _dense(tf.sparse_minimum(sparse(v), others(w))),
         lambda v, w: np.minimum(whole(v), whole(w, OTHERS)), (VALUES, MORE), ()),
    Case("sparse-times-row", lambda v, r: (sparse(v) * r).values,
         lambda v, r: (whole(v) * r)[tuple(PLACES.T)], (VALUES, numbers(1, 4, seed=26)), (0, 1)),
    Case("sparse-over-column", lambda v, c: (sparse(v) / c).values,
         lambda v, c: (whole(v) / c)[tuple(PLACES.T)],
         (VALUES, numbers(3, 1, low=1.0, seed=27)), (0, 1)),
    Case("sparse-fill_empty_rows",
         lambda v, d: _dense(tf.sparse_fill_empty_rows(
             tf.SparseTensor(PLACES, v, (4, 4)), d)[0]),
         lambda v, d: np.concatenate([whole(v), [[d, 0, 0, 0]]]), (VALUES, np.array(0.5)), (0,)),
    Case("sparse-from_dense", lambda x: _dense(tf.sparse.from_dense(x)), lambda x: x,
         (whole(VALUES),), ()),
    Case("sparse-segment_mean", lambda x: tf.sparse_segment_mean(x, [0, 3, 1], [0, 0, 1]),
         lambda x: np.stack([(x[0] + x[3]) / 2, x[1]]), (RIGHT,), (0,)),
    Case("sparse-segment_sum-count",
         lambda x: tf.sparse_segment_sum(x, [0, 3, 1], [0, 0, 2], num_segments=3),
         lambda x: np.stack([x[0] + x[3], 0 * x[0], x[1]]), (RIGHT,), (0,)),
    Case("sparse-square", lambda v: _dense(tf.square(sparse(v))), lambda v: whole(v) ** 2,
         (VALUES,), (0,)),
]  # fmt: skip
