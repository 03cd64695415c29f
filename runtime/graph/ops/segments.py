"""Sums, means and extremes over segments: rows that have the same number."""

from collections.abc import Callable
from typing import Any

import numpy as np

from runtime.graph import dtypes
from runtime.graph.convert import TensorLike, convert_to_tensor
from runtime.graph.definition import Definition, Kernel, Spec, View, not_differentiable
from runtime.graph.export import export
from runtime.graph.ops.math import cast
from runtime.graph.ops.rules import checked_kind
from runtime.graph.shapes import Dims, Incompatible, compatible, described
from runtime.graph.tensor import Tensor


def _neutral(kind: str, dtype: Any) -> Any:
    """What a segment without rows has."""
    if kind in ("max", "min"):
        limits = np.finfo(dtype) if dtype.kind == "f" else np.iinfo(dtype)
        return limits.min if kind == "max" else limits.max
    return 1 if kind == "prod" else 0


_UFUNCS: dict[str, Any] = {
    "max": np.maximum,
    "min": np.minimum,
    "prod": np.multiply,
}


def _counts(ids: Any, count: int) -> Any:
    return np.bincount(ids[ids >= 0].ravel(), minlength=count)[:count]


def _combined(kind: str, data: Any, ids: Any, count: int, empty: Any) -> Any:
    """Combines the rows of each segment; rows with a negative number count for none."""
    rest = data.shape[ids.ndim :]
    flat, rows = ids.ravel(), data.reshape(-1, *rest)
    if flat.size and flat.min() < 0:
        flat, rows = flat[flat >= 0], rows[flat >= 0]
    if flat.size and flat.max() >= count:
        raise IndexError(f"segment_ids must be below {count}, but one is {flat.max()}")
    start = _neutral(kind, data.dtype)
    result = np.full((count, *rest), start, data.dtype)
    _UFUNCS.get(kind, np.add).at(result, flat, rows)
    if kind in ("mean", "sqrt_n"):
        sizes = np.maximum(np.bincount(flat, minlength=count), 1).reshape(-1, *[1] * len(rest))
        result = (result / (sizes if kind == "mean" else np.sqrt(sizes))).astype(data.dtype)
    if empty != start:
        result[np.bincount(flat, minlength=count) == 0] = empty
    return result


def _bind_sorted(kind: str) -> Any:
    def bind(view: View) -> Kernel:
        def kernel(data: Any, ids: Any) -> Any:
            if ids.size and (ids[0] < 0 or (np.diff(ids) < 0).any()):
                raise ValueError(f"segment ids must be sorted and not negative, but are {ids}")
            empty = 1 if kind == "prod" else 0
            return _combined(kind, data, ids, int(ids[-1]) + 1 if ids.size else 0, empty)

        return kernel

    return bind


def _bind_unsorted(kind: str) -> Any:
    def bind(view: View) -> Kernel:
        empty = _neutral(kind, view.first.dtype.numpy)
        return lambda data, ids, count: _combined(kind, data, ids, int(count), empty)

    return bind


def _check(view: View) -> Dims:
    """The shape of a segment; None if its rank isn't known."""
    data, ids = view.first.dims, view.inputs[1].dims
    if data is None or ids is None:
        return None
    if not compatible(data[: len(ids)], ids):
        raise Incompatible(
            f"segment_ids of shape {described(ids)} don't fit data of shape {described(data)}"
        )
    return data[len(ids) :]


def _sorted_spec(view: View) -> Spec:
    rest = _check(view)
    return Spec(view.first.dtype, None if rest is None else (None, *rest))


def _unsorted_spec(view: View) -> Spec:
    rest, count = _check(view), view.inputs[2].value
    known = None if count is None else int(count)
    return Spec(view.first.dtype, None if rest is None else (known, *rest))


def _rows(dy: Tensor, ids: Tensor) -> Tensor:
    """For each row what belongs to its segment; zeros for rows that belong to none."""
    result: Tensor = _SPREAD_ROWS(dy, ids)
    return result


def _spread_rows(dy: Any, ids: Any) -> Any:
    result = dy[np.maximum(ids, 0)]
    result[ids < 0] = 0
    return result


def _spread_gradient(op: Any, dy: Tensor) -> list[Tensor | None]:
    from runtime.graph.ops.array import shape

    count = shape(op.inputs[0])[0]
    return [_UNSORTED["sum"](dy, op.inputs[1], count), None]


_SPREAD_ROWS: Definition = Definition(
    "SpreadRows",
    lambda view: Spec(
        view.first.dtype,
        None
        if view.first.dims is None or view.inputs[1].dims is None
        else (*view.inputs[1].dims, *view.first.dims[1:]),
    ),
    _spread_rows,
    gradient=_spread_gradient,
)


def _bind_weights(view: View) -> Kernel:
    kind = view["kind"]

    def weights(like: Any, ids: Any) -> Any:
        """One over the size of each segment (or its root), in the shape of its rows."""
        sizes = np.maximum(_counts(ids, len(like)), 1)
        root = sizes if kind == "mean" else np.sqrt(sizes)
        return (1 / root).astype(like.dtype).reshape(-1, *[1] * (like.ndim - 1))

    return weights


_WEIGHTS: Definition = Definition(
    "SegmentWeights",
    lambda view: Spec(
        view.first.dtype,
        None
        if view.first.dims is None
        else (view.first.dims[0], *[1] * (len(view.first.dims) - 1)),
    ),
    bind=_bind_weights,
    gradient=not_differentiable,
)


def _linear_gradient(kind: str) -> Any:
    def gradient(op: Any, dy: Tensor) -> list[Tensor | None]:
        ids = op.inputs[1]
        if kind != "sum":
            dy = dy * _WEIGHTS(op.outputs[0], ids, kind=kind)
        return [_rows(dy, ids), *[None] * (len(op.inputs) - 1)]

    return gradient


def _extreme_gradient(op: Any, dy: Tensor) -> list[Tensor | None]:
    """Rows that are the extreme share the gradient."""
    from runtime.graph.ops.array import shape
    from runtime.graph.ops.math import equal

    data, ids = op.inputs[:2]
    mask = cast(equal(data, _rows(op.outputs[0], ids)), dy.dtype)
    ties = _UNSORTED["sum"](mask, ids, shape(op.outputs[0])[0])
    return [mask * _rows(dy / ties, ids), *[None] * (len(op.inputs) - 1)]


def _prod_gradient(op: Any, dy: Tensor) -> list[Tensor | None]:
    """The product of the others: of all that are not zero, if no other one is zero."""
    from runtime.graph.ops.array import ones_like, shape, where, zeros_like
    from runtime.graph.ops.math import equal, greater

    data, ids = op.inputs[:2]
    count = shape(op.outputs[0])[0]
    zero = equal(data, zeros_like(data))
    zeros = _UNSORTED["sum"](cast(zero, dtypes.int32), ids, count)
    alone = where(greater(zeros, 1), zeros_like(dy), dy)
    rest = _UNSORTED["prod"](where(zero, ones_like(data), data), ids, count)
    for_zero = _rows(alone * rest, ids)
    others = _rows(dy * op.outputs[0], ids) / where(zero, ones_like(data), data)
    return [where(zero, for_zero, others), *[None] * (len(op.inputs) - 1)]


_RULES: dict[str, Any] = {
    "sum": _linear_gradient("sum"),
    "mean": _linear_gradient("mean"),
    "sqrt_n": _linear_gradient("sqrt_n"),
    "max": _extreme_gradient,
    "min": _extreme_gradient,
    "prod": _prod_gradient,
}
_TITLES = {
    "sum": "Sum",
    "mean": "Mean",
    "sqrt_n": "SqrtN",
    "max": "Max",
    "min": "Min",
    "prod": "Prod",
}
_SORTED = {
    kind: Definition(
        f"Segment{_TITLES[kind]}",
        _sorted_spec,
        bind=_bind_sorted(kind),
        gradient=_RULES[kind],
        floating=True,
    )
    for kind in ("sum", "mean", "max", "min", "prod")
}
_UNSORTED = {
    kind: Definition(
        f"UnsortedSegment{title}",
        _unsorted_spec,
        bind=_bind_unsorted(kind),
        gradient=_RULES[kind],
        floating=True,
    )
    for kind, title in _TITLES.items()
}
_WHAT = {
    "sum": "The sum of the rows of each segment",
    "mean": "The mean of the rows of each segment",
    "sqrt_n": "The sum of the rows of each segment divided by the root of their number",
    "max": "The largest elements of the rows of each segment",
    "min": "The smallest elements of the rows of each segment",
    "prod": "The product of the rows of each segment",
}


def _ids(value: TensorLike) -> Tensor:
    return checked_kind(convert_to_tensor(value), "iu", "segment_ids")


def _sorted_function(kind: str) -> Callable[..., Tensor]:
    name_of = f"segment_{kind}"

    @export(name_of, f"math.{name_of}")
    def function(data: TensorLike, segment_ids: TensorLike, name: str | None = None) -> Tensor:
        result: Tensor = _SORTED[kind](convert_to_tensor(data), _ids(segment_ids), name=name)
        return result

    function.__name__ = function.__qualname__ = name_of
    function.__doc__ = f"""{_WHAT[kind]}, whose numbers are sorted.

    Args:
        data: A tensor.
        segment_ids: For each row the number of its segment, never falling.
        name: Name of the operation.

    Returns:
        A tensor with a row for each segment.
    """
    return function


def _unsorted_function(kind: str) -> Callable[..., Tensor]:
    name_of = f"unsorted_segment_{kind}"

    @export(name_of, f"math.{name_of}")
    def function(
        data: TensorLike,
        segment_ids: TensorLike,
        num_segments: TensorLike,
        name: str | None = None,
    ) -> Tensor:
        values = convert_to_tensor(data)
        if kind == "mean" and values.dtype.is_integer:
            values = cast(values, dtypes.float64)
        result: Tensor = _UNSORTED[kind](
            values,
            _ids(segment_ids),
            checked_kind(convert_to_tensor(num_segments), "iu", "num_segments"),
            name=name,
        )
        return result

    function.__name__ = function.__qualname__ = name_of
    function.__doc__ = f"""{_WHAT[kind]}, in any order.

    Args:
        data: A tensor.
        segment_ids: The number of the segment of each row, or of each element of the first
            axes; negative for none.
        num_segments: The number of segments.
        name: Name of the operation.

    Returns:
        A tensor with a row for each segment.
    """
    return function


segment_sum, segment_mean, segment_max, segment_min, segment_prod = map(_sorted_function, _SORTED)
unsorted_segment_sum = _unsorted_function("sum")
unsorted_segment_mean = _unsorted_function("mean")
unsorted_segment_sqrt_n = _unsorted_function("sqrt_n")
unsorted_segment_max = _unsorted_function("max")
unsorted_segment_min = _unsorted_function("min")
unsorted_segment_prod = _unsorted_function("prod")
