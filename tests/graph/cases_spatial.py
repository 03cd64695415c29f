"""Windows along one, two or three dimensions: how to make them, and what they must give."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

import runtime as tf
from tests.graph.cases import Array, Case, numbers
from tests.graph.cases_nn import _pads


def contents(
    x: Array, size: Sequence[int], strides: Sequence[int], rates: Sequence[int], padding: str,
    fill: float = 0.0,
) -> Array:  # fmt: skip
    """``[batch, windows along each axis, elements along each axis, channels]``, one by one."""
    count = len(size)
    strides, rates = strides[:count], rates[:count]
    pads = [_pads(x.shape[1 + i], size[i], strides[i], rates[i], padding) for i in range(count)]
    padded = np.pad(
        x, [(0, 0), *[(low, high) for low, high, _ in pads], (0, 0)], constant_values=fill
    )
    result = np.empty((len(x), *[n for *_, n in pads], *size, x.shape[-1]), x.dtype)
    for place in np.ndindex(*[n for *_, n in pads]):
        reach = [
            slice(p * s, p * s + (n - 1) * r + 1, r)
            for p, s, n, r in zip(place, strides, size, rates, strict=True)
        ]
        result[(slice(None), *place)] = padded[(slice(None), *reach)]
    return result


def convolved(
    x: Array, w: Array, strides: Any = (1, 1, 1), padding: str = "SAME", rates: Any = (1, 1, 1)
) -> Array:
    count = w.ndim - 2
    inner = list(range(1 + count, 2 + 2 * count))
    found = contents(x, w.shape[:count], strides, rates, padding)
    result: Array = np.tensordot(found, w, (inner, list(range(1 + count))))
    return result


def transposed(y: Array, w: Array, size: Any, strides: Any, padding: str) -> Array:
    """Every element of the result by the definition of a transpose."""
    ones, result = np.zeros(size), np.zeros(size)
    for place in np.ndindex(*size):
        ones[place] = 1
        result[place] = np.sum(convolved(ones, w, strides, padding) * y)
        ones[place] = 0
    return result


def pooled(
    x: Array, kind: str, size: Any, strides: Any, padding: str, rates: Any = (1, 1, 1)
) -> Array:
    count = len(size)
    fill = -np.inf if kind == "MAX" else np.nan
    inner = tuple(range(1 + count, 1 + 2 * count))
    found = contents(x, size, strides, rates, padding, fill)
    result: Array = found.max(inner) if kind == "MAX" else np.nanmean(found, inner)
    return result


VOLUMES, FILTER = numbers(1, 3, 4, 3, 2), numbers(2, 3, 2, 2, 2, seed=1)
SEQUENCES, LINE = numbers(2, 5, 2), numbers(3, 2, 2, seed=1)
IMAGES, PLANE = numbers(1, 4, 5, 2), numbers(2, 3, 2, 2, seed=1)


def _volumes() -> list[Case]:
    cases = []
    for strides, padding in (((1, 1, 1), "SAME"), ((2, 1, 2), "SAME"), ((1, 2, 1), "VALID")):
        size = convolved(VOLUMES, FILTER, strides, padding).shape
        steps = [1, *strides, 1]
        cases += [
            Case(f"conv3d-{strides}-{padding}",
                 lambda x, w, s=steps, p=padding: tf.nn.conv3d(x, w, s, p),
                 lambda x, w, s=strides, p=padding: convolved(x, w, s, p), (VOLUMES, FILTER),
                 (0, 1)),
            Case(f"conv3d_transpose-{strides}-{padding}",
                 lambda y, w, s=steps, p=padding: tf.nn.conv3d_transpose(
                     y, w, VOLUMES.shape, s, p),
                 lambda y, w, s=strides, p=padding: transposed(y, w, VOLUMES.shape, s, p),
                 (numbers(*size, seed=3), FILTER), ()),
            Case(f"max_pool3d-{strides}-{padding}",
                 lambda x, s=steps, p=padding: tf.nn.max_pool3d(x, [1, 2, 3, 2, 1], s, p),
                 lambda x, s=strides, p=padding: pooled(x, "MAX", (2, 3, 2), s, p), (VOLUMES,),
                 (0,)),
            Case(f"avg_pool3d-{strides}-{padding}",
                 lambda x, s=steps, p=padding: tf.nn.avg_pool3d(x, [1, 2, 3, 2, 1], s, p),
                 lambda x, s=strides, p=padding: pooled(x, "AVG", (2, 3, 2), s, p), (VOLUMES,),
                 (0,)),
        ]  # fmt: skip
    turned = np.ascontiguousarray(VOLUMES.transpose(0, 4, 1, 2, 3))
    return [
        *cases,
        Case("conv3d-holes",
             lambda x, w: tf.nn.conv3d(x, w, [1] * 5, "SAME", dilations=[1, 2, 1, 2, 1]),
             lambda x, w: convolved(x, w, rates=(2, 1, 2)), (VOLUMES, FILTER), (0, 1)),
        Case("conv3d-ncdhw",
             lambda x, w: tf.nn.conv3d(x, w, [1] * 5, "SAME", data_format="NCDHW"),
             lambda x, w: convolved(x.transpose(0, 2, 3, 4, 1), w).transpose(0, 4, 1, 2, 3),
             (turned, FILTER), (0, 1)),
        Case("max_pool3d-ncdhw",
             lambda x: tf.nn.max_pool3d(x, 2, [1, 1, 2, 2, 2], "SAME", data_format="NCDHW"),
             lambda x: pooled(x.transpose(0, 2, 3, 4, 1), "MAX", (2, 2, 2), (2, 2, 2), "SAME")
             .transpose(0, 4, 1, 2, 3), (turned,), (0,)),
        Case("conv3d_filter",
             lambda x, y: tf.nn.conv3d_backprop_filter(x, FILTER.shape, y, [1] * 5, "SAME"),
             lambda x, y: np.tensordot(
                 contents(x, FILTER.shape[:3], (1, 1, 1), (1, 1, 1), "SAME"), y,
                 ([0, 1, 2, 3], [0, 1, 2, 3])), (VOLUMES, numbers(1, 3, 4, 3, 2, seed=5)),
             (0, 1)),
    ]  # fmt: skip


def _any() -> list[Case]:
    cases = []
    table: list[tuple[Array, Array]] = [(SEQUENCES, LINE), (IMAGES, PLANE), (VOLUMES, FILTER)]
    for x, w in table:
        count = x.ndim - 2
        cases += [
            _case("convolution", count, lambda a, b: tf.nn.convolution(a, b, "SAME"), convolved,
                  (x, w), (0, 1)),
            _case("convolution-holes", count,
                  lambda a, b, n=count: tf.nn.convolution(
                      a, b, "VALID", dilation_rate=[2, 1, 1][:n]),
                  lambda a, b: convolved(a, b, padding="VALID", rates=(2, 1, 1)), (x, w), (0, 1)),
        ]  # fmt: skip
        for kind in ("MAX", "AVG"):
            size = [2, 3, 2][:count]
            cases += [
                _case(f"pool-{kind}", count,
                      lambda a, k=kind, s=size: tf.nn.pool(a, s, k, "SAME", strides=[2] * len(s)),
                      lambda a, k=kind, s=size: pooled(a, k, s, (2, 2, 2), "SAME"), (x,), (0,)),
                _case(f"pool-holes-{kind}", count,
                      lambda a, k=kind, s=size: tf.nn.pool(
                          a, s, k, "VALID", dilation_rate=[2, 1, 1][: len(s)]),
                      lambda a, k=kind, s=size: pooled(a, k, s, (1, 1, 1), "VALID", (2, 1, 1)),
                      (x,), (0,)),
            ]  # fmt: skip
    return cases


def _case(
    name: str, count: int, make: Callable[..., Any], expected: Callable[..., Any], inputs: Any,
    smooth: tuple[int, ...],
) -> Case:  # fmt: skip
    return Case(f"{name}-{count}d", make, expected, inputs, smooth)


def _others() -> list[Case]:
    return [
        Case("conv1d_transpose",
             lambda y, w: tf.nn.conv1d_transpose(y, w, [2, 5, 2], 2),
             lambda y, w: transposed(y, w, (2, 5, 2), (2,), "SAME"), (numbers(2, 3, 2), LINE),
             (0, 1)),
        Case("conv_transpose-2d",
             lambda y, w: tf.nn.conv_transpose(y, w, IMAGES.shape, [2, 1], "VALID"),
             lambda y, w: transposed(y, w, IMAGES.shape, (2, 1), "VALID"),
             (numbers(1, 2, 3, 2), PLANE), (0, 1)),
        Case("extract_image_patches",
             lambda x: tf.extract_image_patches(x, [1, 2, 3, 1], [1, 2, 1, 1], [1] * 4, "SAME"),
             lambda x: contents(x, (2, 3), (2, 1), (1, 1), "SAME").reshape(1, 2, 5, 12),
             (IMAGES,), (0,)),
        Case("extract_image_patches-holes",
             lambda x: tf.extract_image_patches(x, [1, 2, 2, 1], [1] * 4, [1, 2, 1, 1], "VALID"),
             lambda x: contents(x, (2, 2), (1, 1), (2, 1), "VALID").reshape(1, 2, 4, 8),
             (IMAGES,), (0,)),
        Case("dilation2d",
             lambda x, w: tf.nn.dilation2d(x, w, [1, 2, 1, 1], [1, 1, 2, 1], "SAME"),
             lambda x, w: (contents(x, (2, 3), (2, 1), (1, 2), "SAME", -np.inf) + w).max((3, 4)),
             (IMAGES, numbers(2, 3, 2, seed=4) / 3), (0, 1)),
        Case("erosion2d",
             lambda x, w: tf.nn.erosion2d(x, w, [1, 1, 1, 1], [1, 1, 1, 1], "VALID"),
             lambda x, w: (contents(x, (2, 3), (1, 1), (1, 1), "VALID") - w[::-1, ::-1])
             .min((3, 4)), (IMAGES, numbers(2, 3, 2, seed=4) / 3), (0, 1)),
        Case("depthwise_input",
             lambda w, y: tf.nn.depthwise_conv2d_backprop_input(
                 [1, 4, 5, 2], w, y, [1, 1, 1, 1], "SAME"),
             lambda w, y: np.concatenate(
                 [transposed(y[..., c : c + 1], w[:, :, c : c + 1], (1, 4, 5, 1), (1, 1), "SAME")
                  for c in (0, 1)], 3),
             (numbers(2, 3, 2, 1), numbers(1, 4, 5, 2, seed=5)), (0, 1)),
        Case("depthwise_filter",
             lambda x, y: tf.nn.depthwise_conv2d_backprop_filter(
                 x, [2, 3, 2, 1], y, [1, 1, 1, 1], "SAME"),
             lambda x, y: np.einsum(
                 "brchwi,brci->hwi", contents(x, (2, 3), (1, 1), (1, 1), "SAME"), y)[..., None],
             (IMAGES, numbers(1, 4, 5, 2, seed=5)), (0, 1)),
    ]  # fmt: skip


SPATIAL_CASES = [*_volumes(), *_any(), *_others()]
