"""Further operations of numbers and matrices: how to make them, and what they must give."""

from typing import Any

import numpy as np

import runtime as tf
from tests.graph.cases import BOOLS, CUBE, POSITIVE, Array, Case, X, integers, numbers
from tests.graph.cases_signal import SIGNAL_CASES
from tests.graph.cases_sparse import SPARSE_CASES

SQUARE = numbers(3, 3, seed=11) + 2 * np.eye(3)
SYMMETRIC = SQUARE @ SQUARE.T + np.diag([1.0, 2.0, 4.0])
TALL = numbers(2, 4, 3, seed=12)
RIGHT = numbers(3, 2, seed=13)
HOLES = np.where(np.arange(12).reshape(3, 4) % 5 == 0, 0.0, X)
AXIS = np.array(1, np.int32)
AXES = np.array([2, 0], np.int32)


def _late_axes() -> list[Case]:
    """Reductions along axes that are fed."""
    table: list[tuple[str, Any, Any, bool]] = [
        ("sum", tf.reduce_sum, np.sum, True),
        ("mean", tf.reduce_mean, np.mean, True),
        ("prod", tf.reduce_prod, np.prod, True),
        ("max", tf.reduce_max, np.max, True),
        ("logsumexp", tf.reduce_logsumexp, _log_sum_exp, True),
    ]
    cases = []
    for name, make, expected, smooth in table:
        for label, axis in (("one", AXIS), ("two", AXES), ("none", np.zeros(0, np.int32))):
            for keep in (False, True):
                cases.append(Case(
                    f"fed-{name}-{label}-{keep}",
                    lambda x, a, m=make, k=keep: m(x, a, keepdims=k),
                    lambda x, a, e=expected, k=keep: e(x, tuple(np.ravel(a)), keepdims=k),
                    (CUBE, axis), (0,) if smooth else ()))  # fmt: skip
    return [
        *cases,
        Case("fed-all", tf.reduce_all, lambda x, a: np.all(x, int(a)), (BOOLS, AXIS)),
        Case("fed-argmax", tf.argmax, lambda x, a: np.argmax(x, int(a)), (CUBE, AXIS)),
        Case("fed-cumsum", lambda x, a: tf.cumsum(x, a, reverse=True),
             lambda x, a: np.flip(np.cumsum(np.flip(x, int(a)), int(a)), int(a)), (CUBE, AXIS),
             (0,)),
    ]  # fmt: skip


def _log_sum_exp(x: Array, axis: Any = None, keepdims: bool = False) -> Any:
    return np.log(np.exp(x).sum(axis, keepdims=keepdims))


def _diagonal(x: Array) -> Any:
    return np.einsum("bii->bi", x)


def _digamma(x: Array) -> Any:
    """By its recurrence, far out where it is nearly the logarithm."""
    far = x + 200
    return np.log(far) - 1 / (2 * far) - 1 / (12 * far**2) - sum(1 / (x + n) for n in range(200))


def _rebuilt(x: Array) -> Any:
    u, s, vh = np.linalg.svd(x, full_matrices=False)
    return (u * np.exp(-s)[..., None, :]) @ vh


def _rebuilt_here(x: Any) -> Any:
    s, u, v = tf.svd(x)
    return tf.matmul(u * tf.exp(-s)[..., tf.newaxis, :], v, transpose_b=True)


def _root(x: Array) -> Any:
    values, vectors = np.linalg.eigh(x)
    return (vectors * np.sqrt(values)) @ vectors.T


def _root_here(x: Any) -> Any:
    values, vectors = tf.self_adjoint_eig(x)
    return tf.matmul(vectors * tf.sqrt(values), vectors, transpose_b=True)


def _qr(x: Array) -> Any:
    q, r = np.linalg.qr(x)
    return q @ np.cos(r)


def _qr_here(x: Any) -> Any:
    q, r = tf.qr(tf.ensure_shape(x, [2, 4, 3]))
    return tf.matmul(q, tf.cos(r))


def _matrices() -> list[Case]:
    return [
        Case("svd-values", lambda x: tf.svd(x, compute_uv=False),
             lambda x: np.linalg.svd(x, compute_uv=False), (TALL,), (0,)),
        Case("svd-rebuilt", _rebuilt_here, _rebuilt, (TALL,), (0,)),
        Case("svd-rebuilt-wide", _rebuilt_here, _rebuilt, (TALL.mT.copy(),), (0,)),
        Case("eigh-values", tf.self_adjoint_eigvals, np.linalg.eigvalsh, (SYMMETRIC,), (0,)),
        Case("eigh-root", _root_here, _root, (SYMMETRIC,), (0,)),
        Case("qr-rebuilt", _qr_here, _qr, (TALL,), (0,)),
        Case("lstsq", lambda a, b: tf.linalg.lstsq(tf.ensure_shape(a, [3, 3])[:, :2], b),
             lambda a, b: np.linalg.lstsq(a[:, :2], b)[0], (SQUARE, RIGHT), (0, 1)),
        Case("lstsq-wide-regular",
             lambda a, b: tf.matrix_solve_ls(tf.ensure_shape(a, [3, 3])[:2], b[:2], 0.5),
             lambda a, b: np.linalg.solve(a[:2].T @ a[:2] + 0.5 * np.eye(3), a[:2].T @ b[:2]),
             (SQUARE, RIGHT), (0, 1)),
        Case("norm-spectral", lambda x: tf.norm(x, ord=2, axis=[0, 1]),
             lambda x: np.linalg.norm(x, 2), (SQUARE,), (0,)),
        Case("einsum-diagonal", lambda x: tf.einsum("ii->i", x), np.diagonal, (SQUARE,), (0,)),
        Case("einsum-trace-of-product", lambda x, y: tf.einsum("iij,jk->k", x, y),
             lambda x, y: np.einsum("iij,jk->k", x, y), (numbers(2, 2, 3), RIGHT), (0, 1)),
    ]  # fmt: skip


def _numbers() -> list[Case]:
    return [
        Case("digamma", tf.digamma, _digamma, (POSITIVE,), (0,)),
        Case("prod-holes", lambda x: tf.reduce_prod(x, 1), lambda x: x.prod(1), (HOLES,), (0,)),
        Case("segment_prod-holes", lambda x: tf.segment_prod(x, [0, 0, 1]),
             lambda x: np.stack([x[0] * x[1], x[2]]), (HOLES,), (0,)),
        Case("unsorted_segment_prod-holes", lambda x: tf.unsorted_segment_prod(x, [1, 0, 1], 2),
             lambda x: np.stack([x[1], x[0] * x[2]]), (HOLES,), (0,)),
        Case("floordiv-exact", tf.floordiv, lambda x, y: np.floor(x / y),
             (np.array([1.0, 7.5, -7.5, np.inf]), np.array([0.1, -2.0, 2.0, 2.0]))),
        Case("truncatediv-floats", tf.truncatediv, lambda x, y: np.trunc(x / y),
             (3 * X, POSITIVE)),
        Case("div_no_nan-ints", tf.div_no_nan,
             lambda x, y: np.where(y == 0, 0.0, x / np.where(y == 0, 1, y)),
             (integers(3, 4, low=-9, high=9), integers(3, 4, high=3, seed=1))),
        Case("round-ints", lambda x: tf.round(x) + 0, lambda x: x, (integers(3, 4),)),
        Case("and-ints", lambda x, y: x & y, np.bitwise_and,
             (integers(3, 4, high=16), integers(3, 4, high=16, seed=1))),
        Case("or-ints", lambda x, y: x | y, np.bitwise_or,
             (integers(3, 4, high=16), integers(3, 4, high=16, seed=1))),
        Case("xor-ints", lambda x, y: x ^ y, np.bitwise_xor,
             (integers(3, 4, high=16), integers(3, 4, high=16, seed=1))),
        Case("invert-ints", lambda x: ~x, np.invert, (integers(3, 4, high=16),)),
        Case("euclidean-ints", lambda x: tf.math.reduce_euclidean_norm(x, 1),
             lambda x: np.sqrt((x * x).sum(1)).astype(np.int32), (integers(3, 4),)),
        Case("unsorted_segment_mean-ints", lambda x: tf.unsorted_segment_mean(x, [0, 0, 1], 2),
             lambda x: np.stack([(x[0] + x[1]) / 2, x[2] / 1]), (integers(3, 4),)),
        Case("bincount-most", lambda x: tf.bincount(x, maxlength=3),
             lambda x: np.bincount(x[x < 3], minlength=3).astype(np.int32),
             (np.array([1, 5, 5], np.int32),)),
    ]  # fmt: skip


MATH_CASES = [*_late_axes(), *_matrices(), *_numbers(), *SPARSE_CASES, *SIGNAL_CASES]
