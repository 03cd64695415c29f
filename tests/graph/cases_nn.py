"""The operations of neural networks: how to make them, and what they must give, written plainly."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

import runtime as tf
from tests.graph.cases import POSITIVE, Array, Case, X, _sigmoid, integers, numbers


def _pads(size: int, window: int, stride: int, rate: int, padding: Any) -> tuple[int, int, int]:
    """Rows before, rows after, number of windows: the notes on padding of tf.nn."""
    reach = (window - 1) * rate + 1
    if padding == "SAME":
        count = -(-size // stride)
        missing = max((count - 1) * stride + reach - size, 0)
        return missing // 2, missing - missing // 2, count
    before, after = (0, 0) if padding == "VALID" else padding
    return before, after, (size + before + after - reach) // stride + 1


def windows(
    x: Array, size: Sequence[int], strides: Sequence[int], rates: Sequence[int], padding: Any,
    fill: float = 0.0,
) -> Array:  # fmt: skip
    """``[batch, rows, columns, window rows, window columns, channels]``, one by one."""
    each = [padding] * 2 if isinstance(padding, str) else padding
    (top, bottom, rows), (left, right, columns) = (
        _pads(x.shape[1 + i], size[i], strides[i], rates[i], each[i]) for i in (0, 1)
    )
    padded = np.pad(x, [(0, 0), (top, bottom), (left, right), (0, 0)], constant_values=fill)
    result = np.empty((len(x), rows, columns, *size, x.shape[3]), x.dtype)
    for r in range(rows):
        for c in range(columns):
            result[:, r, c] = padded[
                :,
                r * strides[0] : r * strides[0] + (size[0] - 1) * rates[0] + 1 : rates[0],
                c * strides[1] : c * strides[1] + (size[1] - 1) * rates[1] + 1 : rates[1],
            ]
    return result


def convolved(
    x: Array, w: Array, strides: Any = (1, 1), padding: Any = "SAME", rates: Any = (1, 1)
) -> Array:
    result: Array = np.einsum(
        "brchwi,hwio->brco", windows(x, w.shape[:2], strides, rates, padding), w
    )
    return result


def transposed(x: Array, w: Array, size: Any, strides: Any, padding: Any) -> Array:
    """Every element of the result by the definition of a transpose."""
    ones = np.zeros(size)
    result = np.zeros(size)
    for place in np.ndindex(*size):
        ones[place] = 1
        result[place] = np.sum(convolved(ones, w, strides, padding) * x)
        ones[place] = 0
    return result


IMAGES, FILTER = numbers(2, 5, 6, 2), numbers(3, 2, 2, 3, seed=1)
WIDE = numbers(2, 4, 4, 7)
TURNED = np.ascontiguousarray(IMAGES.transpose(0, 3, 1, 2))
ROWS = ((1, 2), (0, 1))


def _convolutions() -> list[Case]:
    cases = []
    for strides in ((1, 1), (2, 1), (2, 3)):
        for padding in ("SAME", "VALID", ROWS):
            cases.append(_convolution(IMAGES, FILTER, strides, padding))
            shape = convolved(IMAGES, FILTER, strides, padding).shape
            cases.append(_transposed_convolution(shape, FILTER, strides, padding))
    cases += [
        _convolution(WIDE, numbers(3, 3, 7, 2, seed=1), (1, 1), "SAME"),
        _convolution(WIDE, numbers(1, 1, 7, 3, seed=1), (2, 2), "VALID"),
        _convolution(IMAGES, numbers(2, 2, 2, 2, seed=1), (1, 1), "SAME", (2, 2)),
        _convolution(IMAGES, numbers(2, 2, 2, 2, seed=1), (2, 1), "VALID", (1, 3)),
        Case("conv2d-nchw",
             lambda x, w: tf.nn.conv2d(x, w, [1, 1, 2, 1], "SAME", data_format="NCHW"),
             lambda x, w: convolved(x.transpose(0, 2, 3, 1), w, (2, 1)).transpose(0, 3, 1, 2),
             (TURNED, FILTER), (0, 1)),
        Case("atrous_conv2d", lambda x, w: tf.nn.atrous_conv2d(x, w, 2, "SAME"),
             lambda x, w: convolved(x, w, rates=(2, 2)), (IMAGES, numbers(2, 2, 2, 1)), (0, 1)),
        Case("convolution", lambda x, w: tf.nn.convolution(x, w, "VALID", [2, 1]),
             lambda x, w: convolved(x, w, (2, 1), "VALID"), (IMAGES, FILTER), (0, 1)),
        Case("conv1d", lambda x, w: tf.nn.conv1d(x, w, 2, "SAME"),
             lambda x, w: convolved(x[:, None], w[None], (1, 2))[:, 0],
             (IMAGES[:, 0], FILTER[0]), (0, 1)),
        Case("conv1d-ncw", lambda x, w: tf.nn.conv1d(x, w, 2, "VALID", data_format="NCW"),
             lambda x, w: convolved(x.transpose(0, 2, 1)[:, None], w[None], (1, 2), "VALID")[:, 0]
             .transpose(0, 2, 1), (np.ascontiguousarray(IMAGES[:, 0].transpose(0, 2, 1)),
             FILTER[0]), (0, 1)),
        Case("backprop_filter",
             lambda x, y: tf.nn.conv2d_backprop_filter(x, [3, 2, 2, 3], y, [1, 1, 1, 1], "SAME"),
             lambda x, y: np.einsum(
                 "brchwi,brco->hwio", windows(x, (3, 2), (1, 1), (1, 1), "SAME"), y),
             (IMAGES, numbers(2, 5, 6, 3, seed=4)), (0, 1)),
        Case("backprop_input",
             lambda w, y: tf.nn.conv2d_backprop_input(IMAGES.shape, w, y, [1, 2, 2, 1], "SAME"),
             lambda w, y: transposed(y, w, IMAGES.shape, (2, 2), "SAME"),
             (FILTER, numbers(2, 3, 3, 3, seed=4)), (0, 1)),
    ]  # fmt: skip
    return cases + _by_channel()


def _convolution(x: Array, w: Array, strides: Any, padding: Any, rates: Any = (1, 1)) -> Case:
    given = padding if isinstance(padding, str) else [[0, 0], *map(list, padding), [0, 0]]
    return Case(
        f"conv2d-{strides}-{padding}-{rates}-{w.shape}",
        lambda a, b: tf.nn.conv2d(a, b, [1, *strides, 1], given, dilations=[1, *rates, 1]),
        lambda a, b: convolved(a, b, strides, padding, rates),
        (x, w),
        (0, 1),
    )


def _transposed_convolution(shape: Any, w: Array, strides: Any, padding: Any) -> Case:
    given = padding if isinstance(padding, str) else [[0, 0], *map(list, padding), [0, 0]]
    return Case(
        f"conv2d_transpose-{strides}-{padding}",
        lambda a, b: tf.nn.conv2d_transpose(a, b, IMAGES.shape, [1, *strides, 1], given),
        lambda a, b: transposed(a, b, IMAGES.shape, strides, padding),
        (numbers(*shape, seed=7), w),
        (1,) if strides == (2, 3) else (),
    )


def _depthwise(x: Array, w: Array, strides: Any = (1, 1), padding: Any = "SAME") -> Array:
    found = windows(x, w.shape[:2], strides, (1, 1), padding)
    result = np.einsum("brchwi,hwio->brcio", found, w)
    return result.reshape(*result.shape[:3], -1)


def _by_channel() -> list[Case]:
    return [
        Case("depthwise", lambda x, w: tf.nn.depthwise_conv2d(x, w, [1, 1, 1, 1], "SAME"),
             _depthwise, (IMAGES, FILTER), (0, 1)),
        Case("depthwise-strides",
             lambda x, w: tf.nn.depthwise_conv2d_native(x, w, [1, 2, 2, 1], "VALID"),
             lambda x, w: _depthwise(x, w, (2, 2), "VALID"), (IMAGES, FILTER), (0, 1)),
        Case("separable",
             lambda x, w, p: tf.nn.separable_conv2d(x, w, p, [1, 1, 1, 1], "SAME"),
             lambda x, w, p: _depthwise(x, w) @ p[0, 0],
             (IMAGES, FILTER, numbers(1, 1, 6, 2, seed=3)), (0, 1, 2)),
        Case("space_to_depth", lambda x: tf.nn.space_to_depth(x, 2),
             lambda x: x.reshape(2, 2, 2, 3, 2, 2).transpose(0, 1, 3, 2, 4, 5).reshape(2, 2, 3, 8),
             (IMAGES[:, :4],), (0,)),
        Case("depth_to_space", lambda x: tf.nn.depth_to_space(x, 2),
             lambda x: x.reshape(1, 2, 3, 2, 2, 1).transpose(0, 1, 3, 2, 4, 5).reshape(1, 4, 6, 1),
             (numbers(1, 2, 3, 4),), (0,)),
    ]  # fmt: skip


def _largest(x: Array, size: Any, strides: Any, padding: Any) -> Array:
    result: Array = windows(x, size, strides, (1, 1), padding, -np.inf).max((3, 4))
    return result


def _means(x: Array, size: Any, strides: Any, padding: Any) -> Array:
    result: Array = np.nanmean(windows(x, size, strides, (1, 1), padding, np.nan), (3, 4))
    return result


def _pools() -> list[Case]:
    cases = []
    table: list[tuple[str, Callable[..., Any], Callable[..., Any]]] = [
        ("max_pool", tf.nn.max_pool, _largest),
        ("avg_pool", tf.nn.avg_pool, _means),
    ]
    for name, make, expected in table:
        for size, strides in (((2, 2), (2, 2)), ((3, 2), (1, 1)), ((2, 3), (3, 2))):
            for padding in ("SAME", "VALID"):
                cases.append(_pool(name, make, expected, size, strides, padding))
        cases.append(Case(
            f"{name}-nchw",
            lambda x, m=make: m(x, [1, 1, 2, 2], [1, 1, 2, 2], "SAME", data_format="NCHW"),
            lambda x, e=expected: e(x.transpose(0, 2, 3, 1), (2, 2), (2, 2), "SAME")
            .transpose(0, 3, 1, 2), (TURNED,), (0,)))  # fmt: skip
    return [
        *cases,
        Case("max_pool-padding",
             lambda x: tf.nn.max_pool(x, 3, 2, [[0, 0], [1, 1], [1, 1], [0, 0]]),
             lambda x: _largest(x, (3, 3), (2, 2), ((1, 1), (1, 1))), (IMAGES,), (0,)),
        Case("max_pool-int", lambda x: tf.nn.max_pool(x, 2, 2, "SAME"),
             lambda x: windows(x, (2, 2), (2, 2), (1, 1), "SAME", -99).max((3, 4)),
             (integers(1, 3, 3, 2, low=-9),)),
        Case("max_pool2d", lambda x: tf.nn.max_pool2d(x, 2, 2, "VALID"),
             lambda x: _largest(x, (2, 2), (2, 2), "VALID"), (IMAGES,), (0,)),
        Case("max_pool1d", lambda x: tf.nn.max_pool1d(x, 2, 2, "SAME"),
             lambda x: _largest(x[:, None], (1, 2), (1, 2), "SAME")[:, 0], (IMAGES[:, 0],), (0,)),
        Case("avg_pool1d", lambda x: tf.nn.avg_pool1d(x, 3, 2, "SAME"),
             lambda x: _means(x[:, None], (1, 3), (1, 2), "SAME")[:, 0], (IMAGES[:, 0],), (0,)),
        Case("max_pool_with_argmax",
             lambda x: tf.nn.max_pool_with_argmax(x, [1, 2, 2, 1], [1, 2, 2, 1], "SAME")[0],
             lambda x: _largest(x, (2, 2), (2, 2), "SAME"), (IMAGES,), (0,)),
        Case("max_pool_argmax",
             lambda x: tf.nn.max_pool_with_argmax(x, 5, 5, "VALID")[1],
             lambda x: x[:, :5, :5].reshape(2, 25, 2).argmax(1).reshape(2, 1, 1, 2) * 2
             + np.arange(2), (IMAGES[:, :, :5],)),
        Case("max_pool-second", lambda x: tf.gradients(
            tf.gradients(tf.nn.max_pool(x, 2, 2, "SAME"), x, x[:, ::2, ::2] ** 2)[0] ** 2, x)[0],
             _second_of_max_pool, (IMAGES,)),
    ]  # fmt: skip


def _second_of_max_pool(x: Array) -> Array:
    """The squares of what goes to each window is summed, so windows' weights w⁴ → 4 w³."""
    result = np.zeros_like(x)
    result[:, ::2, ::2] = 4 * x[:, ::2, ::2] ** 3
    return result


def _pool(name: str, make: Any, expected: Any, size: Any, strides: Any, padding: str) -> Case:
    return Case(
        f"{name}-{size}-{strides}-{padding}",
        lambda x: make(x, [1, *size, 1], [1, *strides, 1], padding),
        lambda x: expected(x, size, strides, padding),
        (IMAGES,),
        (0,),
    )


MEAN, VARIANCE = numbers(2, seed=2), numbers(2, low=0.5, high=2.0, seed=2)
SCALE, OFFSET = numbers(2, seed=5), numbers(2, low=1.0, seed=6)


def _normalized(x: Array, mean: Array, variance: Array, epsilon: float = 1e-3) -> Array:
    result: Array = (x - mean) / np.sqrt(variance + epsilon)
    return result


def _batch_normalized(x: Array, scale: Array, offset: Array) -> Array:
    return _normalized(x, x.mean((0, 1, 2)), x.var((0, 1, 2))) * scale + offset


def _responses(x: Array, radius: int, bias: float, alpha: float, beta: float) -> Array:
    result = np.empty_like(x)
    for c in range(x.shape[3]):
        near = x[..., max(0, c - radius) : c + radius + 1]
        result[..., c] = x[..., c] / (bias + alpha * (near**2).sum(-1)) ** beta
    return result


def _normalizations() -> list[Case]:
    return [
        Case("moments-mean", lambda x: tf.nn.moments(x, [0, 2])[0], lambda x: x.mean((0, 2)),
             (IMAGES,), (0,)),
        Case("moments-variance", lambda x: tf.nn.moments(x, [1], keep_dims=True)[1],
             lambda x: x.var(1, keepdims=True), (IMAGES,), (0,)),
        Case("weighted_moments", lambda x, w: tf.nn.weighted_moments(x, [0], w)[1],
             lambda x, w: (w * (x - (w * x).sum(0) / w.sum(0)) ** 2).sum(0) / w.sum(0),
             (X, POSITIVE), (0, 1)),
        Case("batch_normalization",
             lambda x, m, v, o, s: tf.nn.batch_normalization(x, m, v, o, s, 1e-3),
             lambda x, m, v, o, s: _normalized(x, m, v) * s + o,
             (IMAGES, MEAN, VARIANCE, OFFSET, SCALE), (0, 1, 2, 3, 4)),
        Case("batch_normalization-bare",
             lambda x, m, v: tf.nn.batch_normalization(x, m, v, None, None, 1e-3),
             _normalized, (IMAGES, MEAN, VARIANCE), (0, 1, 2)),
        Case("fused_batch_norm", lambda x, s, o: tf.nn.fused_batch_norm(x, s, o)[0],
             _batch_normalized, (IMAGES, SCALE, OFFSET), (0, 1, 2)),
        Case("fused_batch_norm-nchw",
             lambda x, s, o: tf.nn.fused_batch_norm(x, s, o, data_format="NCHW")[0],
             lambda x, s, o: _batch_normalized(x.transpose(0, 2, 3, 1), s, o)
             .transpose(0, 3, 1, 2), (TURNED, SCALE, OFFSET), (0, 1, 2)),
        Case("fused_batch_norm-mean", lambda x, s, o: tf.nn.fused_batch_norm(x, s, o)[1],
             lambda x, s, o: x.mean((0, 1, 2)), (IMAGES, SCALE, OFFSET)),
        Case("fused_batch_norm-variance", lambda x, s, o: tf.nn.fused_batch_norm(x, s, o)[2],
             lambda x, s, o: x.var((0, 1, 2), ddof=1), (IMAGES, SCALE, OFFSET)),
        Case("fused_batch_norm-given",
             lambda x, s, o, m, v: tf.nn.fused_batch_norm(x, s, o, m, v, is_training=False)[0],
             lambda x, s, o, m, v: _normalized(x, m, v) * s + o,
             (IMAGES, SCALE, OFFSET, MEAN, VARIANCE), (0, 1, 2)),
        Case("lrn", lambda x: tf.nn.lrn(x, 2, bias=1.5, alpha=0.7, beta=0.6),
             lambda x: _responses(x, 2, 1.5, 0.7, 0.6), (WIDE,), (0,)),
    ]  # fmt: skip


ALPHA, LAMBDA = 1.6732632423543772, 1.0507009873554805


def _activations() -> list[Case]:
    return [
        Case("leaky_relu-2", lambda x: tf.nn.leaky_relu(x, 1.5),
             lambda x: np.where(x > 0, x, 1.5 * x), (X,), (0,)),
        Case("leaky_relu-int", tf.nn.leaky_relu,
             lambda x: np.where(x > 0, x, 0.2 * x).astype(np.float32), (integers(3, low=-4),)),
        Case("selu", tf.nn.selu,
             lambda x: LAMBDA * np.where(x > 0, x, ALPHA * np.expm1(x)), (X,), (0,)),
        Case("crelu", tf.nn.crelu, lambda x: np.maximum(np.concatenate([x, -x], -1), 0), (X,),
             (0,)),
        Case("swish", tf.nn.swish, lambda x: x * _sigmoid(x), (X,), (0,)),
        Case("swish-beta", lambda x: tf.nn.swish(x, 1.5), lambda x: x * _sigmoid(1.5 * x), (X,),
             (0,)),
        Case("xw_plus_b", tf.nn.xw_plus_b, lambda x, w, b: x @ w + b,
             (X, numbers(4, 2), numbers(2)), (0, 1, 2)),
        Case("relu_layer", tf.nn.relu_layer, lambda x, w, b: np.maximum(x @ w + b, 0),
             (X, numbers(4, 2), numbers(2)), (0, 1, 2)),
        Case("zero_fraction", tf.nn.zero_fraction, lambda x: np.float32((x == 0).mean()),
             (integers(3, 4),)),
        Case("bias_add-nchw", lambda x, b: tf.nn.bias_add(x, b, "NCHW"),
             lambda x, b: x + b[:, None, None], (TURNED, OFFSET), (0, 1)),
    ]  # fmt: skip


def _losses() -> list[Case]:
    labels = _sigmoid(numbers(3, 4, seed=9))
    return [
        Case("weighted_cross_entropy",
             lambda x, z: tf.nn.weighted_cross_entropy_with_logits(z, x, 2.5),
             lambda x, z: -2.5 * z * np.log(_sigmoid(x)) - (1 - z) * np.log(_sigmoid(-x)),
             (X, labels), (0, 1)),
        Case("log_poisson_loss", lambda x, z: tf.nn.log_poisson_loss(z, x),
             lambda x, z: np.exp(x) - z * x, (X, POSITIVE), (0, 1)),
        Case("log_poisson_loss-full", lambda x, z: tf.nn.log_poisson_loss(z, x, True),
             lambda x, z: np.exp(x) - z * x
             + np.where(z > 1, z * np.log(z) - z + np.log(2 * np.pi * z) / 2, 0), (X, POSITIVE),
             (0, 1)),
    ]  # fmt: skip


TIES = np.array([[1.0, 3.0, 3.0, 2.0], [0.0, 0.0, 0.0, 0.0]])


def _rankings() -> list[Case]:
    return [
        Case("top_k", lambda x: tf.nn.top_k(x, 3).values, lambda x: -np.sort(-x)[:, :3], (X,),
             (0,)),
        Case("top_k-indices", lambda x: tf.nn.top_k(x, 2).indices,
             lambda x: np.array([[1, 2], [0, 1]], np.int32), (TIES,)),
        Case("top_k-vector", lambda x: tf.nn.top_k(x)[0], lambda x: x.max(keepdims=True), (X[0],),
             (0,)),
        Case("in_top_k-wrong", lambda p, t: tf.nn.in_top_k(p, t, 4),
             lambda p, t: np.array([False, True, False]), (X, np.array([-1, 3, 4], np.int32))),
    ]  # fmt: skip


IDS = np.array([[4, 0], [1, 4]], np.int32)
TABLE = numbers(5, 3)


def _tables() -> list[Case]:
    def lengths_limited(t: Array, i: Array) -> Array:
        rows: Array = t[i]
        norm = np.linalg.norm(rows, axis=-1, keepdims=True)
        return rows * np.minimum(1, 1.5 / norm)

    return [
        Case("embedding", tf.nn.embedding_lookup, lambda t, i: t[i], (TABLE, IDS), (0,)),
        Case("embedding-mod", lambda a, b, i: tf.nn.embedding_lookup([a, b], i),
             lambda a, b, i: np.where((i % 2 == 0)[..., None], a[i // 2], b[i // 2 % 2]),
             (TABLE[:3].copy(), TABLE[3:].copy(), IDS), (0, 1)),
        Case("embedding-div", lambda a, b, i: tf.nn.embedding_lookup([a, b], i, "div"),
             lambda a, b, i: np.concatenate([a, b])[i],
             (TABLE[:3].copy(), TABLE[3:].copy(), IDS), (0, 1)),
        Case("embedding-norm", lambda t, i: tf.nn.embedding_lookup(t, i, max_norm=1.5),
             lengths_limited, (TABLE, IDS), (0,)),
    ]  # fmt: skip


SAMPLED = np.array([3, 0, 1], np.int64)
TRUE_COUNTS, COUNTS = np.array([[0.5], [0.25]], np.float32), np.array([0.9, 0.5, 0.7], np.float32)
CLASSES = np.array([[4], [1]])


def _sampled_logits(x: Array, w: Array, b: Array, hits: bool) -> tuple[Array, Array]:
    true = (x[:, None] * w[CLASSES]).sum(-1) + b[CLASSES] - np.log(TRUE_COUNTS)
    drawn = x @ w[SAMPLED].T + b[SAMPLED] - np.log(COUNTS)
    if not hits:
        drawn = np.where(CLASSES == SAMPLED, -1e300, drawn)
    logits = np.concatenate([true, drawn], 1)
    return logits, np.eye(1, logits.shape[1]).repeat(len(logits), 0)


def _candidates() -> list[Case]:
    values = SAMPLED, TRUE_COUNTS.astype(np.float64), COUNTS.astype(np.float64)
    inputs = numbers(2, 3, seed=8), TABLE, numbers(5, seed=9)

    def nce(x: Array, w: Array, b: Array) -> Any:
        logits, labels = _sampled_logits(x, w, b, True)
        return np.where(labels > 0, np.logaddexp(0, -logits), np.logaddexp(0, logits)).sum(1)

    def softmax(x: Array, w: Array, b: Array) -> Any:
        logits, _ = _sampled_logits(x, w, b, False)
        return np.log(np.exp(logits).sum(1)) - logits[:, 0]

    return [
        Case("nce_loss",
             lambda x, w, b: tf.nn.nce_loss(w, b, CLASSES, x, 3, 5, sampled_values=values),
             nce, inputs, (0, 1, 2)),
        Case("sampled_softmax_loss",
             lambda x, w, b: tf.nn.sampled_softmax_loss(
                 w, b, CLASSES, x, 3, 5, sampled_values=values), softmax, inputs, (0, 1, 2)),
    ]  # fmt: skip


NN_CASES = [
    *_activations(),
    *_convolutions(),
    *_pools(),
    *_normalizations(),
    *_losses(),
    *_rankings(),
    *_tables(),
    *_candidates(),
]
