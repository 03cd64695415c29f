"""Every operation once or more: how to make it, what it must give, for which inputs.

The tests of values, of static shapes, of gradients and of shared memory all go through this
table, so an operation is added to it once.
"""

import math
from collections.abc import Callable
from typing import Any

import attrs
import numpy as np

import runtime as tf

Array = np.ndarray[Any, Any]


@attrs.frozen
class Case:
    """An operation with inputs.

    Attributes:
        name: Identifies the case.
        make: Adds the operation to the graph, from tensors.
        expected: Computes the same with NumPy.
        inputs: The arrays.
        smooth: Indices of the inputs whose gradients can be checked by finite differences.
    """

    name: str
    make: Callable[..., Any]
    expected: Callable[..., Any]
    inputs: tuple[Array, ...]
    smooth: tuple[int, ...] = ()


def numbers(*shape: int, low: float = -2.0, high: float = 2.0, seed: int = 0) -> Array:
    """Numbers with distances between them, so that extremes are unique."""
    count = max(math.prod(shape), 1)
    line = np.linspace(low, high, count)
    return np.random.default_rng(seed + count).permutation(line).reshape(shape)


def integers(*shape: int, low: int = 0, high: int = 5, seed: int = 0) -> Array:
    return np.random.default_rng(seed).integers(low, high, shape).astype(np.int32)


def _sigmoid(x: Array) -> Any:
    return 1 / (1 + np.exp(-x))


def _softmax(x: Array, axis: int = -1) -> Any:
    e = np.exp(x - x.max(axis, keepdims=True))
    return e / e.sum(axis, keepdims=True)


X = numbers(3, 4)
POSITIVE = numbers(3, 4, low=0.3, high=3.0)
UNIT = numbers(3, 4, low=-0.9, high=0.9)
BOOLS = integers(3, 4, high=2).astype(bool)
MORE_BOOLS = integers(3, 4, high=2, seed=1).astype(bool)


def _unary() -> list[Case]:
    table: list[tuple[str, Any, Any, Array, bool]] = [
        ("negative", tf.negative, np.negative, X, True),
        ("square", tf.square, np.square, X, True),
        ("sqrt", tf.sqrt, np.sqrt, POSITIVE, True),
        ("rsqrt", tf.rsqrt, lambda x: 1 / np.sqrt(x), POSITIVE, True),
        ("exp", tf.exp, np.exp, X, True),
        ("expm1", tf.expm1, np.expm1, X, True),
        ("log", tf.log, np.log, POSITIVE, True),
        ("log1p", tf.log1p, np.log1p, POSITIVE, True),
        ("abs", tf.abs, np.abs, X, True),
        ("sign", tf.sign, np.sign, X, False),
        ("floor", tf.floor, np.floor, X, False),
        ("ceil", tf.ceil, np.ceil, X, False),
        ("round", tf.round, np.round, X, False),
        ("reciprocal", tf.reciprocal, lambda x: 1 / x, POSITIVE, True),
        ("sin", tf.sin, np.sin, X, True),
        ("cos", tf.cos, np.cos, X, True),
        ("tan", tf.tan, np.tan, UNIT, True),
        ("tanh", tf.tanh, np.tanh, X, True),
        ("sigmoid", tf.sigmoid, _sigmoid, X, True),
        ("relu", tf.nn.relu, lambda x: np.maximum(x, 0), X, True),
        ("relu6", tf.nn.relu6, lambda x: np.clip(x, 0, 6), 4 * X, True),
        ("leaky_relu", tf.nn.leaky_relu, lambda x: np.where(x > 0, x, 0.2 * x), X, True),
        ("elu", tf.nn.elu, lambda x: np.where(x > 0, x, np.expm1(x)), X, True),
        ("softplus", tf.nn.softplus, lambda x: np.log1p(np.exp(x)), X, True),
        ("softsign", tf.nn.softsign, lambda x: x / (1 + np.abs(x)), X, True),
        ("softmax", tf.nn.softmax, _softmax, X, True),
        ("log_softmax", tf.nn.log_softmax, lambda x: np.log(_softmax(x)), X, True),
        ("softmax_0", lambda x: tf.nn.softmax(x, 0), lambda x: _softmax(x, 0), X, True),
        ("l2_loss", tf.nn.l2_loss, lambda x: (x**2).sum() / 2, X, True),
        ("l2_normalize", lambda x: tf.nn.l2_normalize(x, 1),
         lambda x: x / np.sqrt((x**2).sum(1, keepdims=True)), X, True),
        ("identity", tf.identity, lambda x: x, X, True),
        ("stop_gradient", tf.stop_gradient, lambda x: x, X, False),
        ("is_nan", tf.is_nan, np.isnan, np.array([1.0, np.nan, np.inf]), False),
        ("is_inf", tf.is_inf, np.isinf, np.array([1.0, np.nan, np.inf]), False),
        ("is_finite", tf.is_finite, np.isfinite, np.array([1.0, np.nan, np.inf]), False),
        ("logical_not", tf.logical_not, np.logical_not, BOOLS, False),
        ("cast", lambda x: tf.cast(x, tf.int32), lambda x: x.astype(np.int32), 3 * X, False),
        ("to_float", tf.to_float, lambda x: x.astype(np.float32), X, False),
        ("saturate", lambda x: tf.saturate_cast(x, tf.uint8),
         lambda x: np.clip(x, 0, 255).astype(np.uint8), 300 * X, False),
        ("clip", lambda x: tf.clip_by_value(x, -0.5, 0.6), lambda x: np.clip(x, -0.5, 0.6), X,
         True),
        ("shape", tf.shape, lambda x: np.array(x.shape, np.int32), X, False),
        ("size", tf.size, lambda x: np.int32(x.size), X, False),
        ("rank", tf.rank, lambda x: np.int32(x.ndim), X, False),
        ("zeros_like", tf.zeros_like, np.zeros_like, X, False),
        ("ones_like", tf.ones_like, np.ones_like, X, False),
        ("conj", tf.conj, np.conj, X, True),
    ]  # fmt: skip
    return [Case(n, f, g, (x,), (0,) if smooth else ()) for n, f, g, x, smooth in table]


ROW = numbers(4, seed=2)
COLUMN = numbers(3, 1, low=0.5, high=1.5, seed=3)


PAIRS = (
    ("same", X, POSITIVE),
    ("row", X + 5, COLUMN),
    ("scalar", X, np.float64(1.3)),
    ("outer", ROW, COLUMN),
)


def _binary() -> list[Case]:
    table: list[tuple[str, Any, Any, bool]] = [
        ("add", tf.add, np.add, True),
        ("subtract", tf.subtract, np.subtract, True),
        ("multiply", tf.multiply, np.multiply, True),
        ("divide", tf.divide, np.true_divide, True),
        ("div", tf.div, np.true_divide, True),
        ("floordiv", tf.floordiv, np.floor_divide, False),
        ("floormod", tf.floormod, np.mod, False),
        ("truncatemod", tf.truncatemod, np.fmod, False),
        ("maximum", tf.maximum, np.maximum, True),
        ("minimum", tf.minimum, np.minimum, True),
        ("squared_difference", tf.squared_difference, lambda x, y: (x - y) ** 2, True),
        ("atan2", tf.atan2, np.arctan2, True),
        ("div_no_nan", tf.div_no_nan, np.true_divide, True),
        ("equal", tf.equal, np.equal, False),
        ("not_equal", tf.not_equal, np.not_equal, False),
        ("less", tf.less, np.less, False),
        ("less_equal", tf.less_equal, np.less_equal, False),
        ("greater", tf.greater, np.greater, False),
        ("greater_equal", tf.greater_equal, np.greater_equal, False),
    ]
    cases = []
    for name, make, expected, smooth in table:
        slopes = (0, 1) if smooth else ()
        for label, left, right in PAIRS:
            cases.append(Case(f"{name}-{label}", make, expected, (left, np.asarray(right)), slopes))
    logic = [
        ("logical_and", tf.logical_and, np.logical_and),
        ("logical_or", tf.logical_or, np.logical_or),
        ("logical_xor", tf.logical_xor, np.logical_xor),
    ]
    cases += [Case(n, f, g, (BOOLS, MORE_BOOLS)) for n, f, g in logic]
    cases.append(Case("floormod-smooth", tf.floormod, np.mod,
                      (np.array([1.1, -3.3]), np.array([0.7, 2.0])), (0, 1)))  # fmt: skip
    cases.append(Case("pow", tf.pow, np.power, (POSITIVE, X), (0, 1)))
    cases.append(Case("pow-broadcast", tf.pow, np.power, (POSITIVE, ROW), (0, 1)))
    return cases


INTS, OTHERS = integers(3, 4, low=-9, high=9), integers(3, 4, low=1, high=5, seed=1)


def _integer() -> list[Case]:
    table: list[tuple[str, Any, Any]] = [
        ("int-add", tf.add, np.add),
        ("int-floordiv", tf.floordiv, np.floor_divide),
        ("int-floormod", tf.floormod, np.mod),
        ("int-truncatediv", tf.truncatediv, lambda x, y: np.trunc(x / y).astype(np.int32)),
        ("int-truncatemod", tf.truncatemod, np.fmod),
        ("int-truediv", tf.truediv, np.true_divide),
        ("int-div", tf.div, np.floor_divide),
        ("int-pow", tf.pow, np.power),
        ("int-max", tf.maximum, np.maximum),
    ]
    return [Case(n, f, g, (INTS, OTHERS)) for n, f, g in table]


CUBE = numbers(2, 3, 4)


def _reductions() -> list[Case]:
    table: list[tuple[str, Any, Any, bool]] = [
        ("sum", tf.reduce_sum, np.sum, True),
        ("mean", tf.reduce_mean, np.mean, True),
        ("prod", tf.reduce_prod, np.prod, True),
        ("max", tf.reduce_max, np.max, True),
        ("min", tf.reduce_min, np.min, True),
        ("logsumexp", tf.reduce_logsumexp,
         lambda x, axis=None, keepdims=False: np.log(np.exp(x).sum(axis, keepdims=keepdims)), True),
    ]  # fmt: skip
    cases = []
    for name, make, expected, smooth in table:
        for axis in (None, 0, -1, (0, 2), (1,)):
            for keep in (False, True):
                cases.append(_reduction(name, make, expected, axis, keep, smooth))
    for name, make, expected in (("any", tf.reduce_any, np.any), ("all", tf.reduce_all, np.all)):
        cases.append(Case(name, make, expected, (BOOLS,)))
        cases.append(Case(f"{name}-1", lambda x, m=make: m(x, 1), lambda x, e=expected: e(x, 1),
                          (BOOLS,)))  # fmt: skip
    for name, make, expected in (
        ("argmax", tf.argmax, np.argmax),
        ("argmin", tf.argmin, np.argmin),
    ):
        for axis in (0, 1, -1):
            cases.append(Case(f"{name}{axis}", lambda x, m=make, a=axis: m(x, a),
                              lambda x, e=expected, a=axis: e(x, a), (CUBE,)))  # fmt: skip
    cases.append(Case("int-sum", tf.reduce_sum, lambda x: x.sum(dtype=np.int32), (INTS,)))
    cases.append(Case("int-mean", tf.reduce_mean, lambda x: np.int32(np.trunc(x.mean())), (INTS,)))
    cases.append(Case("argmax-int32", lambda x: tf.argmax(x, 1, output_type=tf.int32),
                      lambda x: x.argmax(1).astype(np.int32), (CUBE,)))  # fmt: skip
    return cases


def _reduction(name: str, make: Any, expected: Any, axis: Any, keep: bool, smooth: bool) -> Case:
    return Case(
        f"{name}-{axis}-{keep}",
        lambda x: make(x, axis=axis, keepdims=keep),
        lambda x: expected(x, axis=axis, keepdims=keep),
        (CUBE,),
        (0,) if smooth else (),
    )


A, B = numbers(3, 4, seed=5), numbers(4, 2, seed=6)


def _matrices() -> list[Case]:
    cases = []
    for ta in (False, True):
        for tb in (False, True):
            a, b = A.T if ta else A, B.T if tb else B
            cases.append(Case(
                f"matmul-{ta}-{tb}",
                lambda x, y, ta=ta, tb=tb: tf.matmul(x, y, transpose_a=ta, transpose_b=tb),
                lambda x, y, ta=ta, tb=tb: (x.T if ta else x) @ (y.T if tb else y),
                (a.copy(), b.copy()), (0, 1)))  # fmt: skip
            batch_a = np.stack([a, a + 1])
            cases.append(Case(
                f"matmul-batch-{ta}-{tb}",
                lambda x, y, ta=ta, tb=tb: tf.matmul(x, y, transpose_a=ta, transpose_b=tb),
                lambda x, y, ta=ta, tb=tb: (x.mT if ta else x) @ (y.mT if tb else y),
                (batch_a, b.copy()), (0, 1)))  # fmt: skip
    return cases


def _shapes() -> list[Case]:
    indices = np.array([[2, 0], [1, 1]], np.int32)
    return [
        Case("reshape", lambda x: tf.reshape(x, [4, -1]), lambda x: x.reshape(4, -1), (X,), (0,)),
        Case("reshape-flat", lambda x: tf.reshape(x, [-1]), np.ravel, (X,), (0,)),
        Case("reshape-scalar", lambda x: tf.reshape(x, []), lambda x: x.reshape(()),
             (numbers(1, 1),), (0,)),
        Case("reshape-same", lambda x: tf.reshape(x, [3, 4]), lambda x: x, (X,), (0,)),
        Case("reshape-dynamic", lambda x: tf.reshape(x, tf.stack([tf.shape(x)[1], -1])),
             lambda x: x.reshape(4, -1), (X,), (0,)),
        Case("transpose", tf.transpose, np.transpose, (CUBE,), (0,)),
        Case("transpose-perm", lambda x: tf.transpose(x, [1, 2, 0]),
             lambda x: x.transpose(1, 2, 0), (CUBE,), (0,)),
        Case("expand_dims", lambda x: tf.expand_dims(x, 1), lambda x: x[:, None], (X,), (0,)),
        Case("expand_dims-last", lambda x: tf.expand_dims(x, -1), lambda x: x[..., None], (X,),
             (0,)),
        Case("expand_dims--2", lambda x: tf.expand_dims(x, -2), lambda x: x[:, None, :], (X,),
             (0,)),
        Case("squeeze", tf.squeeze, np.squeeze, (numbers(1, 3, 1),), (0,)),
        Case("squeeze-axis", lambda x: tf.squeeze(x, [0]), lambda x: x[0], (numbers(1, 3, 1),),
             (0,)),
        Case("concat", lambda x, y: tf.concat([x, y], 1), lambda x, y: np.concatenate([x, y], 1),
             (X, numbers(3, 2)), (0, 1)),
        Case("concat-0", lambda x, y: tf.concat([x, y], 0), lambda x, y: np.concatenate([x, y]),
             (X, numbers(2, 4)), (0, 1)),
        Case("stack", lambda x, y: tf.stack([x, y], 1), lambda x, y: np.stack([x, y], 1),
             (X, POSITIVE), (0, 1)),
        Case("unstack", lambda x: tf.unstack(x, 4, 1)[2] * 2, lambda x: x[:, 2] * 2, (X,), (0,)),
        Case("slice-row", lambda x: x[1], lambda x: x[1], (X,), (0,)),
        Case("slice-element", lambda x: x[1, -1], lambda x: x[1, -1], (X,), (0,)),
        Case("slice-strided", lambda x: x[::-1, 1:4:2], lambda x: x[::-1, 1:4:2], (X,), (0,)),
        Case("slice-ellipsis", lambda x: x[..., 0], lambda x: x[..., 0], (CUBE,), (0,)),
        Case("slice-newaxis", lambda x: x[:, tf.newaxis, 1:], lambda x: x[:, None, 1:], (X,),
             (0,)),
        Case("slice-tensor", lambda x, i: x[i : i + 1], lambda x, i: x[i : i + 1],
             (X, np.array(1, np.int32)), (0,)),
        Case("slice-function", lambda x: tf.slice(x, [1, 0], [2, -1]), lambda x: x[1:3], (X,),
             (0,)),
        Case("slice-dynamic", lambda x, b: tf.slice(x, b, [2, 2]), lambda x, b: x[1:3, 2:4],
             (X, np.array([1, 2], np.int32)), (0,)),
        Case("boolean_mask", tf.boolean_mask, lambda x, m: x[m], (X, BOOLS), (0,)),
        Case("boolean_mask-rows", tf.boolean_mask, lambda x, m: x[m],
             (X, np.array([True, False, True])), (0,)),
        Case("gather", tf.gather, lambda x, i: x[i], (X, indices), (0,)),
        Case("gather-axis", lambda x, i: tf.gather(x, i, axis=1), lambda x, i: x[:, i],
             (X, indices), (0,)),
        Case("one_hot", lambda i: tf.one_hot(i, 3), lambda i: np.eye(3, dtype=np.float32)[i],
             (indices,)),
        Case("one_hot-axis", lambda i: tf.one_hot(i, 3, 5.0, -1.0, 0),
             lambda i: np.where(np.arange(3)[:, None, None] == i, np.float32(5), np.float32(-1)),
             (indices,)),
        Case("where", tf.where, np.where, (BOOLS, X, POSITIVE), (1, 2)),
        Case("where-rows", tf.where, lambda c, x, y: np.where(c[:, None], x, y),
             (np.array([True, False, True]), X, POSITIVE), (1, 2)),
        Case("where-indices", tf.where, np.argwhere, (BOOLS,)),
        Case("fill", lambda v: tf.fill([2, 3], v), lambda v: np.full((2, 3), v),
             (np.asarray(2.5),), (0,)),
        Case("range", lambda n: tf.range(1, n, 2), lambda n: np.arange(1, n, 2, np.int32),
             (np.array(8, np.int32),)),
        Case("add_n", lambda x, y: tf.add_n([x, y, x]), lambda x, y: 2 * x + y, (X, POSITIVE),
             (0, 1)),
        Case("bias_add", tf.nn.bias_add, np.add, (X, ROW), (0, 1)),
        Case("tuple", lambda x: tf.tuple([x, x])[1], lambda x: x, (X,), (0,)),
    ]  # fmt: skip


LABELS = _softmax(numbers(3, 4, seed=9))


def _losses() -> list[Case]:
    def entropy(logits: Array, labels: Array) -> Any:
        return -(labels * np.log(_softmax(logits))).sum(-1)

    return [
        Case("cross_entropy", lambda x, y: tf.nn.softmax_cross_entropy_with_logits_v2(y, x),
             entropy, (X, LABELS), (0, 1)),
        Case("cross_entropy-v1",
             lambda x, y: tf.nn.softmax_cross_entropy_with_logits(labels=y, logits=x), entropy,
             (X, LABELS), (0,)),
        Case("cross_entropy-axis",
             lambda x, y: tf.nn.softmax_cross_entropy_with_logits_v2(y, x, axis=0),
             lambda x, y: entropy(x.T, y.T), (X, _softmax(X[::-1], 0)), (0, 1)),
        Case("sparse_cross_entropy",
             lambda x, y: tf.nn.sparse_softmax_cross_entropy_with_logits(labels=y, logits=x),
             lambda x, y: -np.log(_softmax(x))[np.arange(3), y], (X, integers(3, high=4)), (0,)),
        Case("sparse_cross_entropy-batch",
             lambda x, y: tf.nn.sparse_softmax_cross_entropy_with_logits(labels=y, logits=x),
             lambda x, y: -np.take_along_axis(np.log(_softmax(x)), y[..., None], -1)[..., 0],
             (CUBE, integers(2, 3, high=4)), (0,)),
        Case("sigmoid_cross_entropy",
             lambda x, z: tf.nn.sigmoid_cross_entropy_with_logits(labels=z, logits=x),
             lambda x, z: -z * np.log(_sigmoid(x)) - (1 - z) * np.log(1 - _sigmoid(x)),
             (X, LABELS), (0, 1)),
        Case("in_top_k", lambda p, t: tf.nn.in_top_k(p, t, 2),
             lambda p, t: np.array([t[i] in np.argsort(p[i])[-2:] for i in range(3)]),
             (X, integers(3, high=4))),
    ]  # fmt: skip


CASES = [
    *_unary(),
    *_binary(),
    *_integer(),
    *_reductions(),
    *_matrices(),
    *_shapes(),
    *_losses(),
]
