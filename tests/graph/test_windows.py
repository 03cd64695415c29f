"""Windows that slide over images: products with them, however they are computed."""

from typing import Any

import numpy as np
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from runtime.graph.buffers import Buffers
from runtime.graph.ops import windows
from runtime.graph.ops.windows import (
    Axis,
    Channelwise,
    Correlation,
    Pool,
    Transposed,
    axis_of,
    gathered,
    taps,
)
from runtime.graph.shapes import Incompatible

Pads = st.one_of(
    st.sampled_from(["SAME", "VALID"]), st.tuples(st.integers(0, 5), st.integers(0, 2))
)


@st.composite
def axes(draw: st.DrawFn) -> Axis:
    size, window = draw(st.integers(1, 12)), draw(st.integers(1, 4))
    try:
        axis = axis_of(
            size, window, draw(st.integers(1, 3)), draw(st.sampled_from([1, 1, 2, 3])), draw(Pads)
        )
    except Incompatible:
        assume(False)
        raise
    assume(axis.count > 0)
    return axis


@st.composite
def cases(draw: st.DrawFn) -> tuple[Axis, Axis, Any, Any, Any]:
    """Two axes; images, filters and a result that fit them."""
    rows, columns = draw(axes()), draw(axes())
    batch, channels = draw(st.integers(1, 3)), draw(st.integers(1, 5))
    results = draw(st.sampled_from([1, 2, 5, 24]))
    numbers = np.random.default_rng(draw(st.integers(0, 99))).normal
    return (
        rows,
        columns,
        numbers(size=(batch, rows.size, columns.size, channels)),
        numbers(size=(rows.window, columns.window, channels, results)),
        numbers(size=(batch, rows.count, columns.count, results)),
    )


@given(cases(), st.sampled_from([1 << 10, 1 << 19]), st.sampled_from([1, 512]))
@settings(max_examples=60)
def test_products_of_windows_are_sums_over_their_elements(
    case: tuple[Axis, Axis, Any, Any, Any], cache: int, enough: int
) -> None:
    """The convolution, its transpose and its derivative by the filters; twice, in old memory."""
    rows, columns, images, filters, result = case
    product, spread, slope = np.zeros_like(result), np.zeros_like(images), np.zeros_like(filters)
    for i, j, outside, inside in taps(rows, columns):
        product[outside] += images[inside] @ filters[i, j]
        spread[inside] += result[outside] @ filters[i, j].T
        slope[i, j] += np.einsum("nhwc,nhwf->cf", images[inside], result[outside])
    before = windows._CACHE, windows._ENOUGH
    windows._CACHE, windows._ENOUGH = cache, enough
    try:
        convolution = Correlation(images.shape, images.dtype, rows, columns, filters.shape[3])
        transposed = Transposed(result.shape, images.dtype, rows, columns, images.shape[3])
    finally:
        windows._CACHE, windows._ENOUGH = before
    for _ in range(2):
        out = convolution(images, filters, np.full_like(result, np.nan))
        np.testing.assert_allclose(out, product, atol=1e-9)
        np.testing.assert_allclose(convolution.by_filters(images, result), slope, atol=1e-9)
        out = transposed(result, filters, np.full_like(images, np.nan))
        np.testing.assert_allclose(out, spread, atol=1e-9)


@given(cases(), st.sampled_from([1 << 8, 1 << 19]))
@settings(max_examples=40)
def test_channels_with_filters_of_their_own_are_sums_over_elements_of_windows(
    case: tuple[Axis, Axis, Any, Any, Any], cache: int
) -> None:
    """The convolution of each channel, its transpose and its derivative by the filters."""
    rows, columns, images, filters, result = case
    filters, result = filters[..., 0], np.repeat(result[..., :1], images.shape[3], -1)
    product, spread, slope = np.zeros_like(result), np.zeros_like(images), np.zeros_like(filters)
    for i, j, outside, inside in taps(rows, columns):
        product[outside] += images[inside] * filters[i, j]
        spread[inside] += result[outside] * filters[i, j]
        slope[i, j] += np.einsum("nhwc,nhwc->c", images[inside], result[outside])
    before, windows._CACHE = windows._CACHE, cache
    try:
        made = [Channelwise(images.shape, images.dtype, rows, columns) for _ in range(3)]
    finally:
        windows._CACHE = before
    for _ in range(2):
        np.testing.assert_allclose(
            made[0](images, filters, np.empty_like(result)), product, atol=1e-9
        )
        out = made[1].transposed(result, filters, np.empty_like(images))
        np.testing.assert_allclose(out, spread, atol=1e-9)
        out = made[2].by_filters(images, result, np.empty_like(filters))
        np.testing.assert_allclose(out, slope, atol=1e-9)


def test_objects_for_many_shapes_do_not_pile_up() -> None:
    """A pool gives one that is free, and forgets all if there are too many keys."""
    pool = Pool(lambda *key: [*key])
    made = pool.take(1)
    pool.give(made, 1)
    assert pool.take(1) is made
    for key in range(100):
        pool.give([key], key)
    assert len(pool._free) <= 16


def test_few_channels_are_gathered_and_many_are_left() -> None:
    """Where each point is long enough, NumPy works on parts of images as they lie."""
    buffers, few, many = Buffers(), np.arange(64.0).reshape(1, 4, 4, 4), np.zeros((1, 4, 4, 64))
    part = gathered(few[:, ::2, ::2], buffers)
    assert part.flags.c_contiguous
    assert part.tolist() == few[:, ::2, ::2].tolist()
    assert np.shares_memory(gathered(many[:, ::2, ::2], buffers), many)
