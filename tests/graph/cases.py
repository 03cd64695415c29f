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
        single: Whether it is computed in single precision whatever the inputs are.
    """

    name: str
    make: Callable[..., Any]
    expected: Callable[..., Any]
    inputs: tuple[Array, ...]
    smooth: tuple[int, ...] = ()
    single: bool = False

    @property
    def tolerance(self) -> dict[str, float]:
        """How close values have to be."""
        return {"rtol": 1e-5, "atol": 1e-5} if self.single else {"rtol": 1e-6, "atol": 1e-9}


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
        ("asin", tf.asin, np.arcsin, UNIT, True),
        ("acos", tf.acos, np.arccos, UNIT, True),
        ("atan", tf.atan, np.arctan, X, True),
        ("sinh", tf.sinh, np.sinh, X, True),
        ("cosh", tf.cosh, np.cosh, X, True),
        ("asinh", tf.asinh, np.arcsinh, X, True),
        ("acosh", tf.acosh, np.arccosh, POSITIVE + 1, True),
        ("atanh", tf.atanh, np.arctanh, UNIT, True),
        ("rint", tf.rint, np.rint, X, False),
        ("reciprocal_no_nan", tf.math.reciprocal_no_nan, lambda x: 1 / x, POSITIVE, True),
        ("erf", tf.erf, np.vectorize(math.erf), X, True),
        ("erfc", tf.erfc, np.vectorize(math.erfc), X, True),
        ("lgamma", tf.lgamma, np.vectorize(math.lgamma), POSITIVE, True),
        ("log_sigmoid", tf.log_sigmoid, lambda x: np.log(_sigmoid(x)), 5 * X, True),
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
        ("xdivy", tf.math.xdivy, np.true_divide, True),
        ("xlogy", tf.math.xlogy, lambda x, y: x * np.log(np.abs(y)), False),
        ("multiply_no_nan", tf.math.multiply_no_nan, np.multiply, True),
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
        Case("transpose-dynamic", tf.transpose, np.transpose,
             (CUBE, np.array([2, 0, 1], np.int32)), (0,)),
        Case("one_hot-dynamic", tf.one_hot, lambda i, n: np.eye(n, dtype=np.float32)[i],
             (indices, np.array(3, np.int32))),
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


LENGTHS = np.array([2, 0, 4], np.int32)
IDS = np.array([0, 0, 2], np.int32)
MIXED = np.array([2, -1, 0], np.int32)
NUMBERS = np.array([3, 1, 3, 2, 1], np.int32)
COORDINATES = np.array([[2, 0], [1, 1], [2, 0]], np.int32)


def _placed(target: Array, indices: Array, values: Array, change: Any = np.add.at) -> Array:
    """NumPy's way to change some elements."""
    result = np.array(target)
    change(result, tuple(indices.T), values)
    return result


def _layouts() -> list[Case]:
    times = np.array([2, 3], np.int32)
    pads = [[1, 0], [2, 1]]
    return [
        Case("tile", lambda x: tf.tile(x, [2, 3]), lambda x: np.tile(x, (2, 3)), (X,), (0,)),
        Case("tile-dynamic", tf.tile, np.tile, (X, times), (0,)),
        Case("broadcast_to", lambda x: tf.broadcast_to(x, [2, 3, 4]),
             lambda x: np.broadcast_to(x, (2, 3, 4)), (COLUMN,), (0,)),
        Case("pad", lambda x: tf.pad(x, pads, constant_values=7.0),
             lambda x: np.pad(x, pads, constant_values=7.0), (X,), (0,)),
        Case("pad-reflect", lambda x: tf.pad(x, pads, "REFLECT"),
             lambda x: np.pad(x, pads, "reflect"), (X,), (0,)),
        Case("pad-symmetric", lambda x: tf.pad(x, pads, "symmetric"),
             lambda x: np.pad(x, pads, "symmetric"), (X,), (0,)),
        Case("reverse", lambda x: tf.reverse(x, [0, -1]), lambda x: x[::-1, ::-1], (X,), (0,)),
        Case("reverse_sequence", lambda x, n: tf.reverse_sequence(x, n, 1, 0),
             lambda x, n: np.array([[*r[:k][::-1], *r[k:]] for r, k in zip(x, n, strict=True)]),
             (X, LENGTHS), (0,)),
        Case("roll", lambda x: tf.roll(x, [1, -2], [0, 1]), lambda x: np.roll(x, (1, -2), (0, 1)),
             (X,), (0,)),
        Case("split", lambda x: tf.split(x, 2, 1)[1] * 2.0, lambda x: 2 * x[:, 2:], (X,), (0,)),
        Case("split-sizes", lambda x: tf.split(x, [1, -1], 1)[1], lambda x: x[:, 1:], (X,), (0,)),
        Case("split-dynamic", lambda x, n: tf.split(x, n, 1, num=2)[0], lambda x, n: x[:, :3],
             (X, np.array([3, 1], np.int32)), (0,)),
        Case("sequence_mask", lambda n: tf.sequence_mask(n, 5),
             lambda n: np.arange(5) < n[:, None], (LENGTHS,)),
        Case("sequence_mask-longest", lambda n: tf.sequence_mask(n, dtype=tf.float32),
             lambda n: (np.arange(4) < n[:, None]).astype(np.float32), (LENGTHS,)),
        Case("meshgrid", lambda x, y: tf.meshgrid(x, y)[0] * 2.0,
             lambda x, y: 2 * np.meshgrid(x, y)[0], (ROW, ROW[:3]), (0,)),
        Case("meshgrid-ij", lambda x, y: tf.meshgrid(x, y, indexing="ij")[1],
             lambda x, y: np.meshgrid(x, y, indexing="ij")[1], (ROW, ROW[:3]), (1,)),
        Case("ensure_shape", lambda x: tf.ensure_shape(x, [3, None]), lambda x: x, (X,), (0,)),
        Case("repeat", lambda x: tf.repeat(x, 2, 1), lambda x: np.repeat(x, 2, 1), (X,), (0,)),
        Case("repeat-each", lambda x, n: tf.repeat(x, n, 0), lambda x, n: np.repeat(x, n, 0),
             (X, LENGTHS), (0,)),
        Case("space_to_batch", lambda x: tf.space_to_batch_nd(x, [2, 1], [[1, 0], [0, 0]]),
             lambda x: np.stack([np.stack([0 * x[0, 0], x[0, 1]]), x[0, ::2]]),
             (numbers(1, 3, 2),), (0,)),
        Case("batch_to_space", lambda x: tf.batch_to_space_nd(x, [2], [[1, 0]]),
             lambda x: np.stack([x[1, 0], x[0, 1], x[1, 1]])[None], (numbers(2, 2, 3),), (0,)),
        Case("strided_slice", lambda x: tf.strided_slice(x, [0, 1], [3, 4], [2, 1], 0, 0, 0, 0, 2),
             lambda x: x[0:3:2, 1], (X,), (0,)),
        Case("where_v2", tf.where_v2, np.where, (BOOLS[:, :1], X, POSITIVE), (1, 2)),
        Case("matrix_transpose", tf.matrix_transpose, lambda x: x.mT, (CUBE,), (0,)),
        Case("broadcast_dynamic_shape",
             lambda x, y: tf.broadcast_dynamic_shape(tf.shape(x), tf.shape(y)),
             lambda x, y: np.array([3, 4], np.int32), (X, ROW)),
    ]  # fmt: skip


def _late_axes() -> list[Case]:
    """Axes that are tensors which only a run knows."""
    last, both, one = np.array(-1, np.int32), np.array([2, 0], np.int32), np.array([1], np.int32)
    middle = np.array(1, np.int32)
    kept = {"axis": (0, 2), "keepdims": True}
    return [
        Case("late-sum", tf.reduce_sum, lambda x, a: x.sum(-1), (CUBE, last), (0,)),
        Case(
            "late-sum-both",
            lambda x, a: tf.reduce_sum(x, a, keepdims=True),
            lambda x, a: x.sum(**kept),
            (CUBE, both),
            (0,),
        ),
        Case("late-mean", tf.reduce_mean, lambda x, a: x.mean((0, 2)), (CUBE, both), (0,)),
        Case("late-max", tf.reduce_max, lambda x, a: x.max(1), (CUBE, one), (0,)),
        Case(
            "late-logsumexp",
            tf.reduce_logsumexp,
            lambda x, a: np.log(np.exp(x).sum(1)),
            (CUBE, middle),
            (0,),
        ),
        Case("late-argmax", tf.argmax, lambda x, a: x.argmax(1), (CUBE, middle)),
        Case("late-cumsum", tf.cumsum, lambda x, a: x.cumsum(-1), (CUBE, last), (0,)),
        Case(
            "late-concat",
            lambda x, y, a: tf.concat([x, y, x], a),
            lambda x, y, a: np.concatenate([x, y, x], 1),
            (CUBE, CUBE + 1, middle),
            (0, 1),
        ),
        Case("late-expand_dims", tf.expand_dims, lambda x, a: x[..., None], (CUBE, last), (0,)),
        Case(
            "late-split",
            lambda x, a: tf.split(x, [1, 2], a)[1] * 2.0,
            lambda x, a: 2 * x[:, 1:],
            (CUBE, middle),
            (0,),
        ),
        Case(
            "late-gather",
            lambda x, i, a: tf.gather(x, i, axis=a),
            lambda x, i, a: x.take(i, 1),
            (CUBE, np.array([[2, 0], [1, 1]], np.int32), middle),
            (0,),
        ),
        Case("late-reverse", tf.reverse, lambda x, a: x[::-1, :, ::-1], (CUBE, both), (0,)),
    ]


def _bits_and_strings() -> list[Case]:
    words = np.array([["a", "b", "c"], ["dd", "ee", "ff"]])
    single = X.astype(np.float32)
    return [
        Case("bitcast", lambda x: tf.bitcast(x, tf.int32), lambda x: x.view(np.int32), (single,)),
        Case(
            "bitcast-smaller",
            lambda x: tf.bitcast(x, tf.uint8),
            lambda x: x.view(np.uint8).reshape(3, 4, 4),
            (single,),
        ),
        Case(
            "bitcast-larger",
            lambda x: tf.bitcast(x, tf.float64),
            lambda x: x.view(np.float64)[:, 0],
            (single[:, :2],),
        ),
        Case(
            "reduce_join",
            lambda x: tf.size(tf.reduce_join(tf.constant(words), 0)) + x,
            lambda x: 3 + x,
            (np.array(1, np.int32),),
        ),
        Case(
            "where_v2-broadcast",
            lambda x, y: tf.where_v2(x > 0, x, y),
            lambda x, y: np.where(x > 0, x, y),
            (X, ROW),
            (0, 1),
        ),
        Case(
            "shape_n",
            lambda x, y: tf.concat(tf.shape_n([x, y]), 0),
            lambda x, y: np.array([*x.shape, *y.shape]),
            (X, CUBE),
        ),
    ]


def _indexing() -> list[Case]:
    values = numbers(3, seed=4)
    rows = np.array([[2], [0]], np.int32)
    batch = np.array([[2, 0], [1, 1]], np.int32)
    deep = np.array([[[1, 0]], [[2, 2]]], np.int32)
    return [
        Case("gather_nd", tf.gather_nd, lambda x, i: x[tuple(i.T)], (X, COORDINATES), (0,)),
        Case("gather_nd-rows", tf.gather_nd, lambda x, i: x[i[:, 0]], (X, rows), (0,)),
        Case("scatter_nd", lambda v, i: tf.scatter_nd(i, v, [3, 4]),
             lambda v, i: _placed(np.zeros((3, 4)), i, v), (values, COORDINATES), (0,)),
        Case("tensor_scatter_nd_update", tf.tensor_scatter_nd_update,
             lambda x, i, v: _placed(x, i, v, lambda t, k, w: t.__setitem__(k, w)),
             (X, COORDINATES[:2], values[:2]), (0, 2)),
        Case("tensor_scatter_nd_add", tf.tensor_scatter_nd_add, _placed,
             (X, COORDINATES, values), (0, 2)),
        Case("tensor_scatter_nd_sub", tf.tensor_scatter_nd_sub,
             lambda x, i, v: _placed(x, i, -v), (X, COORDINATES, values), (0, 2)),
        Case("tensor_scatter_nd_max", tf.tensor_scatter_nd_max,
             lambda x, i, v: _placed(x, i, v, np.maximum.at), (X, COORDINATES, values)),
        Case("dynamic_partition", lambda x, p: tf.dynamic_partition(x, p, 3)[0] * 2.0,
             lambda x, p: 2 * x[p == 0], (X, IDS), (0,)),
        Case("dynamic_stitch", lambda x, y: tf.dynamic_stitch([[0, 2], [1]], [x[:2], y]),
             lambda x, y: np.stack([x[0], y[0], x[1]]), (X, numbers(1, 4)), (0, 1)),
        Case("invert_permutation", tf.invert_permutation, np.argsort,
             (np.array([2, 0, 1], np.int32),)),
        Case("unique", lambda x: tf.unique(x)[0], lambda x: np.array([3, 1, 2], np.int32),
             (NUMBERS,)),
        Case("unique-places", lambda x: tf.unique(x).idx,
             lambda x: np.array([0, 1, 0, 2, 1], np.int32), (NUMBERS,)),
        Case("unique-counts", lambda x: tf.unique_with_counts(x).count,
             lambda x: np.array([2, 2, 1], np.int32), (NUMBERS,)),
        Case("setdiff1d", lambda x, y: tf.setdiff1d(x, y).out,
             lambda x, y: np.array([3, 3], np.int32), (NUMBERS, np.array([1, 2], np.int32))),
        Case("searchsorted", lambda x, v: tf.searchsorted(x, v, "right"),
             lambda x, v: np.searchsorted(x, v, "right").astype(np.int32),
             (np.sort(ROW), np.array([-1.0, 0.5]))),
        Case("argsort", lambda x: tf.argsort(x, direction="DESCENDING"),
             lambda x: np.argsort(-x).astype(np.int32), (X,)),
        Case("sort", lambda x: tf.sort(x, 0), lambda x: np.sort(x, 0), (X,), (0,)),
        Case("sort-descending", lambda x: tf.sort(x, 1, "DESCENDING"),
             lambda x: np.sort(x)[:, ::-1], (X,), (0,)),
        Case("bincount", lambda x: tf.bincount(x, minlength=6),
             lambda x: np.bincount(x, minlength=6).astype(np.int32), (NUMBERS,)),
        Case("histogram", lambda x: tf.histogram_fixed_width(x, [-1.0, 1.0], 4),
             lambda x: np.histogram(np.clip(x, -1, 0.99), 4, (-1, 1))[0].astype(np.int32), (X,)),
        Case("confusion_matrix", lambda x, y: tf.confusion_matrix(x, y, 3),
             lambda x, y: np.array([[1, 0, 1], [0, 0, 0], [0, 1, 0]], np.int32),
             (IDS, np.array([2, 0, 1], np.int32))),
        Case("unravel_index", lambda x: tf.unravel_index(x, [2, 4]),
             lambda x: np.array(np.unravel_index(x, (2, 4)), np.int32), (NUMBERS,)),
        Case("batch_gather", tf.batch_gather, lambda x, i: np.stack([x[0][i[0]], x[1][i[1]]]),
             (CUBE, batch), (0,)),
        Case("gather-batch_dims", lambda x, i: tf.gather(x, i, axis=2, batch_dims=1),
             lambda x, i: np.stack([x[0][:, i[0]], x[1][:, i[1]]]), (CUBE, deep), (0,)),
        Case("boolean_mask-axis", lambda x, m: tf.boolean_mask(x, m, axis=1),
             lambda x, m: x[:, m], (X, np.array([True, False, True, True])), (0,)),
    ]  # fmt: skip


def _segments() -> list[Case]:
    def rows(function: Any, empty: float) -> Any:
        def expected(x: Array, ids: Array) -> Any:
            parts = [x[ids == i] for i in range(3)]
            return np.stack([function(p) if len(p) else np.full(4, empty) for p in parts])

        return expected

    low, high = np.finfo(np.float64).min, np.finfo(np.float64).max
    table: list[tuple[str, Any, float, float]] = [
        ("sum", lambda p: p.sum(0), 0, 0),
        ("mean", lambda p: p.mean(0), 0, 0),
        ("max", lambda p: p.max(0), 0, low),
        ("min", lambda p: p.min(0), 0, high),
        ("prod", lambda p: p.prod(0), 1, 1),
        ("sqrt_n", lambda p: p.sum(0) / np.sqrt(len(p)), 0, 0),
    ]
    cases = []
    for kind, function, empty, unsorted_empty in table:
        if kind != "sqrt_n":
            make = getattr(tf, f"segment_{kind}")
            cases.append(Case(f"segment_{kind}", make, rows(function, empty), (X, IDS), (0,)))
        make = getattr(tf, f"unsorted_segment_{kind}")
        smooth = () if kind in ("max", "min") else (0,)  # of an empty segment they are limits
        cases.append(Case(f"unsorted_segment_{kind}", lambda x, i, m=make: m(x, i, 3),
                          rows(function, unsorted_empty), (X, MIXED), smooth))  # fmt: skip
        full = rows(function, 0.0)
        cases.append(Case(f"unsorted_segment_{kind}-full", lambda x, i, m=make: m(x, i, 2),
                          lambda x, i, e=full: e(x, i)[:2],
                          (X, np.array([1, 0, 1], np.int32)), (0,)))  # fmt: skip
    return cases


SQUARES = numbers(2, 3, 3, seed=7)


def _products() -> list[Case]:
    return [
        Case("tensordot", lambda x, y: tf.tensordot(x, y, 1), lambda x, y: np.tensordot(x, y, 1),
             (CUBE, B), (0, 1)),
        Case("tensordot-axes", lambda x, y: tf.tensordot(x, y, [[2, 0], [0, 2]]),
             lambda x, y: np.tensordot(x, y, [[2, 0], [0, 2]]),
             (CUBE, numbers(4, 5, 2)), (0, 1)),
        Case("tensordot-outer", lambda x, y: tf.tensordot(x, y, 0),
             lambda x, y: np.tensordot(x, y, 0), (ROW, ROW), (0, 1)),
        Case("einsum", lambda x, y: tf.einsum("bij,jk->bik", x, y),
             lambda x, y: np.einsum("bij,jk->bik", x, y), (CUBE, B), (0, 1)),
        Case("einsum-implicit", lambda x, y: tf.einsum("ij,jk", x, y), np.matmul, (A, B), (0, 1)),
        Case("einsum-sum", lambda x: tf.einsum("ijk->j", x), lambda x: x.sum((0, 2)), (CUBE,),
             (0,)),
        Case("einsum-dots", lambda x, y: tf.einsum("...j,jk->...k", x, y), np.matmul, (CUBE, B),
             (0, 1)),
        Case("einsum-three", lambda x, y, z: tf.einsum("ij,jk,k->i", x, y, z),
             lambda x, y, z: x @ y @ z, (A, B, ROW[:2]), (0, 1, 2)),
        Case("matrix_diag", tf.matrix_diag, lambda x: np.stack([np.diag(r) for r in x]), (X,),
             (0,)),
        Case("matrix_diag_part", tf.matrix_diag_part,
             lambda x: np.diagonal(x, axis1=-2, axis2=-1), (CUBE,), (0,)),
        Case("matrix_set_diag", tf.matrix_set_diag,
             lambda x, d: np.where(np.eye(3) > 0, d[..., None], x), (SQUARES, numbers(2, 3)),
             (0, 1)),
        Case("diag", tf.diag, np.diag, (ROW,), (0,)),
        Case("diag-matrix", tf.diag, lambda x: np.diag(x.ravel()).reshape(3, 4, 3, 4), (X,), (0,)),
        Case("diag_part", tf.diag_part, np.diag, (SQUARES[0],), (0,)),
        Case("diag_part-rank4", tf.diag_part, lambda x: np.einsum("ijij->ij", x),
             (numbers(2, 3, 2, 3),), (0,)),
        Case("trace", tf.trace, lambda x: np.trace(x, axis1=1, axis2=2), (SQUARES,), (0,)),
        Case("matrix_band_part", lambda x: tf.matrix_band_part(x, 1, 0),
             lambda x: np.tril(np.triu(x, -1)), (SQUARES,), (0,)),
        Case("cross", tf.cross, np.cross, (SQUARES, SQUARES[::-1].copy()), (0, 1)),
        Case("norm", tf.norm, np.linalg.norm, (CUBE,), (0,)),
        Case("norm-axis", lambda x: tf.norm(x, axis=1, keepdims=True),
             lambda x: np.linalg.norm(x, axis=1, keepdims=True), (CUBE,), (0,)),
        Case("norm-1", lambda x: tf.norm(x, 1, axis=-1), lambda x: np.abs(x).sum(-1), (CUBE,),
             (0,)),
        Case("norm-3", lambda x: tf.norm(x, 3, axis=-1),
             lambda x: (np.abs(x) ** 3).sum(-1) ** (1 / 3), (CUBE,), (0,)),
        Case("norm-inf", lambda x: tf.norm(x, np.inf, axis=0), lambda x: np.abs(x).max(0),
             (CUBE,), (0,)),
        Case("norm-matrix", lambda x: tf.norm(x, 1, axis=[-2, -1]),
             lambda x: np.linalg.norm(x, 1, axis=(-2, -1)), (CUBE,), (0,)),
        Case("norm-matrix-inf", lambda x: tf.norm(x, np.inf, axis=[-2, -1]),
             lambda x: np.linalg.norm(x, np.inf, axis=(-2, -1)), (CUBE,), (0,)),
        Case("cumsum", lambda x: tf.cumsum(x, 1), lambda x: np.cumsum(x, 1), (X,), (0,)),
        Case("cumsum-reverse", lambda x: tf.cumsum(x, 0, True, True),
             lambda x: np.cumsum(x[::-1], 0)[::-1] - x, (X,), (0,)),
        Case("cumprod", lambda x: tf.cumprod(x, -1), lambda x: np.cumprod(x, -1), (X,), (0,)),
        Case("cumprod-exclusive", lambda x: tf.cumprod(x, 0, True),
             lambda x: np.cumprod(x, 0) / x, (X,), (0,)),
        Case("clip_by_norm", lambda x: tf.clip_by_norm(x, 2.0),
             lambda x: x * 2 / np.linalg.norm(x), (X,), (0,)),
        Case("clip_by_norm-axes", lambda x: tf.clip_by_norm(x, 2.5, [1]),
             lambda x: x * 2.5 / np.maximum(np.linalg.norm(x, axis=1, keepdims=True), 2.5), (X,),
             (0,)),
        Case("clip_by_average_norm", lambda x: tf.clip_by_average_norm(x, 0.1),
             lambda x: x * 0.1 / (np.linalg.norm(x) / 12), (X,), (0,)),
        Case("global_norm", lambda x, y: tf.global_norm([x, None, y]),
             lambda x, y: np.sqrt((x**2).sum() + (y**2).sum()), (X, ROW), (0, 1)),
        Case("clip_by_global_norm", lambda x, y: tf.clip_by_global_norm([x, y], 2.0)[0][1],
             lambda x, y: y * 2 / np.sqrt((x**2).sum() + (y**2).sum()), (X, ROW), (0, 1)),
        Case("count_nonzero", lambda x: tf.count_nonzero(x, 1),
             lambda x: np.count_nonzero(x, 1), (INTS,)),
        Case("reduce_variance", lambda x: tf.math.reduce_variance(x, 1), lambda x: x.var(1),
             (X,), (0,)),
        Case("reduce_std", lambda x: tf.math.reduce_std(x, 0), lambda x: x.std(0), (X,), (0,)),
        Case("reduce_euclidean_norm", lambda x: tf.math.reduce_euclidean_norm(x, 1),
             lambda x: np.linalg.norm(x, axis=1), (X,), (0,)),
        Case("accumulate_n", lambda x, y: tf.accumulate_n([x, y]), np.add, (X, POSITIVE), (0, 1)),
        Case("scalar_mul", lambda x: tf.scalar_mul(2.5, x), lambda x: 2.5 * x, (X,), (0,)),
        Case("polyval", lambda x: tf.math.polyval([2.0, -1.0, 3.0], x),
             lambda x: (2 * x - 1) * x + 3, (X,), (0,)),
        Case("linspace", lambda n: tf.linspace(1.0, 2.0, n),
             lambda n: np.linspace(1, 2, n).astype(np.float32), (np.array(5, np.int32),)),
        Case("check_numerics", lambda x: tf.check_numerics(x, ""), lambda x: x, (X,), (0,)),
        Case("angle", lambda x, y: tf.angle(tf.complex(x, y)), lambda x, y: np.angle(x + 1j * y),
             (X, POSITIVE)),
        Case("complex", lambda x, y: tf.real(tf.square(tf.complex(x, y))),
             lambda x, y: x**2 - y**2, (X, POSITIVE), (0, 1)),
        Case("imag", lambda x, y: tf.imag(tf.square(tf.complex(x, y))), lambda x, y: 2 * x * y,
             (X, POSITIVE), (0, 1)),
        Case("bitwise", lambda x, y: tf.bitwise.bitwise_xor(x, tf.bitwise.invert(y)),
             lambda x, y: x ^ ~y, (INTS, OTHERS)),
    ]  # fmt: skip


DEFINITE = SQUARES @ SQUARES.mT + np.eye(3)


def _linear_algebra() -> list[Case]:
    right = numbers(2, 3, 2, seed=8)
    return [
        Case("matrix_inverse", tf.matrix_inverse, np.linalg.inv, (DEFINITE,), (0,)),
        Case("matrix_determinant", tf.matrix_determinant, np.linalg.det, (DEFINITE,), (0,)),
        Case("slogdet", lambda x: tf.linalg.slogdet(x)[1], lambda x: np.linalg.slogdet(x)[1],
             (DEFINITE,), (0,)),
        Case("logdet", lambda x: tf.linalg.logdet(tf.matmul(x, x, transpose_b=True)),
             lambda x: np.linalg.slogdet(x @ x.mT)[1], (DEFINITE,), (0,)),
        Case("cholesky", lambda x: tf.cholesky(tf.matmul(x, x, transpose_b=True)),
             lambda x: np.linalg.cholesky(x @ x.mT), (DEFINITE,), (0,)),
        Case("matrix_solve", tf.matrix_solve, np.linalg.solve, (DEFINITE, right), (0, 1)),
        Case("matrix_solve-adjoint", lambda a, b: tf.matrix_solve(a, b, adjoint=True),
             lambda a, b: np.linalg.solve(a.mT, b), (SQUARES + np.eye(3), right), (0, 1)),
        Case("matrix_triangular_solve", tf.matrix_triangular_solve,
             lambda a, b: np.linalg.solve(np.tril(a), b), (DEFINITE, right), (0, 1)),
        Case("matrix_triangular_solve-upper",
             lambda a, b: tf.matrix_triangular_solve(a, b, lower=False),
             lambda a, b: np.linalg.solve(np.triu(a), b), (DEFINITE, right), (0, 1)),
        Case("cholesky_solve", tf.cholesky_solve,
             lambda c, b: np.linalg.solve(np.tril(c) @ np.tril(c).mT, b), (DEFINITE, right),
             (0, 1)),
        Case("matvec", tf.linalg.matvec, lambda a, b: (a @ b[..., None])[..., 0],
             (SQUARES, right[..., 0].copy()), (0, 1)),
        Case("svd", lambda x: tf.svd(x, compute_uv=False),
             lambda x: np.linalg.svd(x, compute_uv=False), (CUBE,)),
        Case("qr", lambda x: tf.matmul(*tf.qr(x)), lambda x: x, (CUBE,)),
        Case("self_adjoint_eigvals", tf.self_adjoint_eigvals, np.linalg.eigvalsh, (DEFINITE,)),
        Case("eye", lambda n: tf.eye(n, 4), lambda n: np.eye(n, 4, dtype=np.float32),
             (np.array(3, np.int32),)),
    ]  # fmt: skip


def _functional() -> list[Case]:
    def running(x: Array, y: Array) -> Any:
        total, rows = y, []
        for row in x:
            total = np.tanh(total) + row
            rows.append(total)
        return np.stack(rows)

    def step(total: Any, row: Any) -> Any:
        return tf.tanh(total) + row

    return [
        Case("map_fn", lambda x: tf.map_fn(lambda r: tf.square(r) + 1.0, x), lambda x: x**2 + 1,
             (X,), (0,)),
        Case("map_fn-several",
             lambda x, y: tf.map_fn(lambda p: p[0] * p[1], (x, y), dtype=x.dtype),
             lambda x, y: x * y[:, None], (X, COLUMN[:, 0]), (0, 1)),
        Case("scan", lambda x, y: tf.scan(step, x, y), running, (X, ROW), (0, 1)),
        Case("scan-first", lambda x: tf.scan(step, x),
             lambda x: np.concatenate([x[:1], running(x[1:], x[0])]), (X,), (0,)),
        Case("scan-reverse", lambda x, y: tf.scan(step, x, y, reverse=True),
             lambda x, y: running(x[::-1], y)[::-1], (X, ROW), (0, 1)),
        Case("foldl", lambda x, y: tf.foldl(step, x, y), lambda x, y: running(x, y)[-1], (X, ROW),
             (0, 1)),
        Case("foldr", lambda x: tf.foldr(step, x), lambda x: running(x[::-1][1:], x[-1])[-1],
             (X,), (0,)),
        Case("case", lambda x: tf.case([(tf.reduce_sum(x) > 1e9, lambda: x),
                                        (tf.reduce_sum(x) > -1e9, lambda: tf.exp(x))],
                                       lambda: x * 2.0), np.exp, (X,), (0,)),
        Case("switch_case", lambda x, i: tf.switch_case(i, [lambda: x, lambda: tf.sin(x)]),
             lambda x, i: np.sin(x), (X, np.array(1, np.int32)), (0,)),
        Case("while_loop",
             lambda x: tf.while_loop(lambda i, a: i < 3, lambda i, a: (i + 1, tf.sin(a) * x),
                                     [0, x])[1],
             lambda x: np.sin(np.sin(np.sin(x) * x) * x) * x, (X,), (0,)),
        Case("cond", lambda x, y: tf.cond(tf.reduce_sum(x) > 0.0, lambda: x * y, lambda: x + y),
             lambda x, y: x * y if x.sum() > 0 else x + y, (POSITIVE, X), (0, 1)),
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


# Cases whose results have shapes that depend on values, by how their names begin.
SHAPED_BY_VALUES = (
    *(
        "late-",
        "non_max_suppression",
        "boolean_mask",
        "where-indices",
        "range",
        "slice-tensor",
        "slice-dynamic",
    ),
    *("slice-function", "tile-dynamic", "split-dynamic", "sequence_mask-longest", "repeat-each"),
    *("dynamic_partition", "dynamic_stitch", "unique", "setdiff1d", "bincount", "segment_"),
    *(
        "fed-",
        "sparse-segment_mean",
        "unsorted_segment_",
        "transpose-dynamic",
        "one_hot-dynamic",
        "linspace",
        "eye",
        "broadcast_dynamic_shape",
    ),
)

CASES = [
    *_unary(),
    *_binary(),
    *_integer(),
    *_reductions(),
    *_matrices(),
    *_shapes(),
    *_layouts(),
    *_late_axes(),
    *_bits_and_strings(),
    *_indexing(),
    *_segments(),
    *_products(),
    *_linear_algebra(),
    *_functional(),
    *_losses(),
]
