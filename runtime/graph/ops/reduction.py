"""Sums, means, extremes and the like over axes."""

import builtins
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from runtime.graph import dtypes
from runtime.graph.convert import TensorLike, convert_to_tensor
from runtime.graph.definition import Definition, Gradient, Kernel, Spec, View, not_differentiable
from runtime.graph.dtypes import DType, as_dtype
from runtime.graph.export import export, public
from runtime.graph.graph import get_default_graph
from runtime.graph.ops.math import cast, conj, equal, exp, log, not_equal, sqrt
from runtime.graph.ops.rules import axes_of, checked_kind, rank_of, renamed, static_int
from runtime.graph.ops.sums import quick_sum, sums_over
from runtime.graph.shapes import Dims, Incompatible, element_count, fully_known, normalized_axis
from runtime.graph.tensor import Tensor

_NUMBERS = "fciu"
# Tensors of up to this many equal elements are made ahead of time.
_SMALL = 1 << 16


def reduced_dims(dims: Dims, axes: tuple[int, ...] | None, keep: builtins.bool) -> Dims:
    """The shape of something that was reduced.

    Args:
        dims: The shape before.
        axes: The axes that are reduced; all if None.
        keep: Whether they stay, with size 1.

    Returns:
        The shape.

    Raises:
        Incompatible: If there is no such axis.
    """
    if axes is None:
        return () if not keep else None if dims is None else (1,) * len(dims)
    if dims is None:
        return None
    gone = {normalized_axis(axis, len(dims)) for axis in axes}
    if keep:
        return tuple([1 if i in gone else d for i, d in enumerate(dims)])
    return tuple([d for i, d in enumerate(dims) if i not in gone])


def _reduced(view: View) -> Spec:
    dims = reduced_dims(view.first.dims, view["axes"], view["keepdims"])
    return Spec(view["dtype"], dims)


def _plain(ufunc: Any) -> Callable[[View], Kernel]:
    """Makes kernels of a ufunc that has a neutral element."""

    def bind(view: View) -> Kernel:
        reduce, axes, dtype, keep = (
            ufunc.reduce,
            view["axes"],
            view["dtype"].numpy,
            view["keepdims"],
        )
        if not keep:
            only = axes[0] if axes is not None and len(axes) == 1 else axes
            return lambda x: reduce(x, only, dtype)
        return lambda x: reduce(x, axes, dtype, None, True)

    return bind


def _bind_sum(view: View) -> Kernel:
    axes, dtype = view["axes"], view["dtype"]
    if dtype not in (dtypes.float32, dtypes.float64):
        return _plain(np.add)(view)
    quick = quick_sum(view.first.dims, axes, view["keepdims"], dtype.numpy)
    total = quick or sums_over(axes)
    if quick or not view["keepdims"]:
        return total
    return lambda x: total(x).reshape(_kept_shape(x.shape, axes))


def _extreme(ufunc: Any, lowest: Callable[[DType], Any]) -> Callable[[View], Kernel]:
    """Makes kernels of maximum and minimum; without elements they give the type's limit."""

    def bind(view: View) -> Kernel:
        axes, keep = view["axes"], view["keepdims"]
        if element_count(view.first.dims):
            return lambda x: ufunc.reduce(x, axes, keepdims=keep)
        initial = lowest(view["dtype"])
        return lambda x: ufunc.reduce(x, axes, keepdims=keep, initial=initial)

    return bind


def _lowest(dtype: DType) -> Any:
    return -np.inf if dtype.is_floating else dtype.min


def _highest(dtype: DType) -> Any:
    return np.inf if dtype.is_floating else dtype.max


def _count(shape: tuple[int, ...], axes: tuple[int, ...] | None) -> int:
    return math.prod(shape if axes is None else [shape[axis] for axis in axes])


def _bind_mean(view: View) -> Kernel:
    axes, keep, dims = view["axes"], view["keepdims"], view.first.dims
    total, divide, make = sums_over(axes), _division(view["dtype"]), view["dtype"].as_numpy_dtype
    if dims is not None and None not in dims and not keep:
        count = make(_count(dims, axes))  # type: ignore[arg-type]  # all known
        quick = quick_sum(dims, axes, keep, view["dtype"].numpy) or total
        return lambda x: divide(quick(x), count)

    def kernel(x: Any) -> Any:
        mean = divide(total(x), make(_count(x.shape, axes)))
        return mean.reshape(_kept_shape(x.shape, axes)) if keep else mean

    return kernel


def _division(dtype: DType) -> Kernel:
    if not dtype.is_integer:
        return lambda total, count: total / count
    return lambda total, count: np.trunc(total / count).astype(dtype.numpy)[()]


# Gradients.


def _restore(op: Any, reduced: Tensor) -> Tensor:
    """Gives something of the result's shape the axes that were reduced, of size 1."""
    if op.attributes["keepdims"]:
        return reduced
    result: Tensor = RESTORE_AXES(reduced, op.inputs[0], axes=op.attributes["axes"])
    return result


def _kept_shape(shape: Any, axes: tuple[int, ...] | None) -> Any:
    gone = range(len(shape)) if axes is None else axes
    kept = list(shape)
    for axis in gone:
        kept[axis] = 1
    return tuple(kept)


def _bind_restore(view: View) -> Kernel:
    axes = view["axes"]
    return lambda value, like: value.reshape(_kept_shape(like.shape, axes))


RESTORE_AXES: Definition = Definition(
    "RestoreAxes",
    lambda view: Spec(view.first.dtype, reduced_dims(view.inputs[1].dims, view["axes"], keep=True)),
    bind=_bind_restore,
    gradient=lambda op, dy: [SQUEEZE_LIKE(dy, op.inputs[0]), None],
    aliases=True,
)
SQUEEZE_LIKE: Definition = Definition(
    "SqueezeLike",
    lambda view: Spec(view.first.dtype, view.inputs[1].dims),
    lambda value, like: value.reshape(like.shape)[()],
    gradient=not_differentiable,
    aliases=True,
)


def _spread(value: Any, like: Any, axes: tuple[int, ...] | None) -> Any:
    result = np.empty(like.shape, value.dtype)
    if value.ndim and value.ndim != like.ndim:
        value = value.reshape(_kept_shape(like.shape, axes))
    result[...] = value
    return result[()]


def _bind_spread(view: View) -> Kernel:
    axes = view["axes"]
    return lambda value, like: _spread(value, like, axes)


def _spread_spec(view: View) -> Spec:
    dims, value = view.inputs[1].dims, view.first.value
    if value is None or value.ndim or not fully_known(dims) or (element_count(dims) or 0) > _SMALL:
        return Spec(view.first.dtype, dims)
    shape: Any = dims
    return Spec(view.first.dtype, dims, np.full(shape, value, value.dtype)[()])


SPREAD: Definition = Definition(
    "SpreadReduced",
    _spread_spec,
    bind=_bind_spread,
    gradient=lambda op, dy: [
        REDUCE_LIKE(dy, op.inputs[0], axes=op.attributes["axes"]),
        None,
    ],
)
REDUCE_LIKE: Definition = Definition(
    "ReduceLike",
    lambda view: Spec(view.first.dtype, view.inputs[1].dims),
    bind=lambda view: (
        lambda value, like: np.add.reduce(value, view["axes"]).reshape(like.shape)[()]
    ),
    gradient=not_differentiable,
    floating=True,
)


def _sum_gradient(op: Any, dy: Tensor) -> list[Tensor]:
    return [SPREAD(dy, op.inputs[0], axes=op.attributes["axes"])]


def _bind_ratio(view: View) -> Kernel:
    make = view["dtype"].as_numpy_dtype
    return lambda whole, part: make(max(whole.size // max(part.size, 1), 1))


def _ratio_spec(view: View) -> Spec:
    whole, part = element_count(view.first.dims), element_count(view.inputs[1].dims)
    make = view["dtype"].as_numpy_dtype
    return Spec(view["dtype"], (), make(whole // part) if whole and part else None)


REDUCED_COUNT: Definition = Definition(
    "ReducedCount",
    _ratio_spec,
    bind=_bind_ratio,
    gradient=not_differentiable,
)


def _mean_gradient(op: Any, dy: Tensor) -> list[Tensor]:
    whole = element_count(op.inputs[0].dims)
    part = element_count(op.outputs[0].dims)
    if whole and part:
        scaled = dy / (whole // part)
    else:
        scaled = dy / REDUCED_COUNT(op.inputs[0], op.outputs[0], dtype=dy.dtype)
    return _sum_gradient(op, scaled)


def _extreme_gradient(op: Any, dy: Tensor) -> list[Tensor]:
    x, axes = op.inputs[0], op.attributes["axes"]
    mask = cast(equal(x, _restore(op, op.outputs[0])), dy.dtype)
    ties = SUM(mask, axes=axes, keepdims=True, dtype=dy.dtype)
    return [mask / ties * _restore(op, dy)]


def _bind_others(view: View) -> Kernel:
    """The product of all other elements along the axes; right also where some are zero."""
    axes = view["axes"]

    def others(x: Any) -> Any:
        gone = tuple(range(x.ndim)) if axes is None else tuple(a % x.ndim for a in axes)
        kept = [i for i in range(x.ndim) if i not in gone]
        turned = np.transpose(x, [*kept, *gone])
        flat = turned.reshape([*turned.shape[: len(kept)], -1])
        before = np.cumprod(flat, -1) / 1
        before = np.concatenate([np.ones_like(flat[..., :1]), before[..., :-1]], -1)
        after = np.cumprod(flat[..., ::-1], -1)[..., ::-1]
        after = np.concatenate([after[..., 1:], np.ones_like(flat[..., :1])], -1)
        result = (before * after).astype(x.dtype).reshape(turned.shape)
        return np.transpose(result, np.argsort([*kept, *gone]))[()]

    return others


def _others_gradient(op: Any, dy: Tensor) -> list[Tensor | None]:
    """The gradient of the same by products from both ends, which have gradients themselves."""
    from runtime.graph.gradients import dense_gradients

    x = op.inputs[0]
    made = _others_by_products(x, op.attributes["axes"])
    return dense_gradients(op.graph, [(made, dy)], [x])


def _others_by_products(x: Tensor, axes: tuple[int, ...] | None) -> Tensor:
    from runtime.graph.ops.array import reshape, shape, transpose

    cumprod = public("math", "cumprod")
    rank = 1 if axes is None else rank_of(x, "The second derivative of reduce_prod")
    gone = sorted({normalized_axis(a, rank) for a in axes or (0,)})
    order = [*gone, *[i for i in range(rank) if i not in gone]]
    turned = reshape(x, [-1]) if axes is None else transpose(x, order)
    rows = reshape(turned, [reduce_prod(shape(turned)[: len(gone)]), -1])
    both = cumprod(rows, exclusive=True) * cumprod(rows, exclusive=True, reverse=True)
    if axes is None:
        return reshape(both, shape(x))
    return transpose(reshape(both, shape(turned)), [int(i) for i in np.argsort(order)])


PROD_OF_OTHERS: Definition = Definition(
    "ProdOfOthers",
    lambda view: Spec(view.first.dtype, view.first.dims),
    bind=_bind_others,
    floating=True,
    gradient=_others_gradient,
)


def _prod_gradient(op: Any, dy: Tensor) -> list[Tensor]:
    axes = op.attributes["axes"]
    return [PROD_OF_OTHERS(op.inputs[0], axes=axes) * _restore(op, dy)]


SUM: Definition = Definition("Sum", _reduced, bind=_bind_sum, gradient=_sum_gradient, floating=True)


def take_names_of_axes(tensor: Tensor) -> None:
    """Uses up the names of what TensorFlow makes to reduce over all axes.

    Args:
        tensor: The tensor that is reduced.
    """
    for name in ("Rank", "range") if tensor.dims is None else ("Const",):
        tensor.graph.unique_name(name)


def _late(function: Any, tensor: Tensor, axes: Any, keep: bool, name: str) -> Tensor:
    from runtime.graph.ops import late_axes

    result: Tensor = late_axes.reduced(tensor, axes, keep, function, name)
    return result


def _reduction(
    name: str,
    type_name: str,
    bind: Callable[[View], Kernel],
    gradient: Gradient,
    doc: str,
    kinds: str = _NUMBERS,
    definition: Definition | None = None,
) -> Callable[..., Tensor]:
    """Defines a reduction and exports the function that adds it."""
    found = definition or Definition(
        type_name, _reduced, bind=bind, gradient=gradient, floating=kinds != "b"
    )

    def function(
        input_tensor: TensorLike,
        axis: TensorLike = None,
        keepdims: builtins.bool | None = None,
        name: str | None = None,
        reduction_indices: TensorLike = None,
        keep_dims: builtins.bool | None = None,
    ) -> Tensor:
        tensor = checked_kind(convert_to_tensor(input_tensor), kinds, type_name)
        chosen = renamed(axis, reduction_indices, "axis", "reduction_indices")
        keep = renamed(keepdims, keep_dims, "keepdims", "keep_dims")
        from runtime.graph.ops import late_axes

        if chosen is not None and late_axes.is_late(chosen):
            return _late(function, tensor, chosen, bool(keep), name or type_name)
        axes = axes_of(chosen, tensor.dims, type_name)
        if chosen is None:
            take_names_of_axes(tensor)
        result: Tensor = found(
            tensor, axes=axes, keepdims=bool(keep), dtype=tensor.dtype, name=name
        )
        return result

    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"""{doc}

    Args:
        input_tensor: The tensor to reduce.
        axis: An axis, or a list of axes; all if None.
        keepdims: Whether the reduced axes stay, with size 1.
        name: Name of the operation.
        reduction_indices: The old name of `axis`.
        keep_dims: The old name of `keepdims`.

    Returns:
        The reduced tensor, of the same element type.
    """
    return export(name, f"math.{name}")(function)


reduce_sum = _reduction(
    "reduce_sum", "Sum", _bind_sum, _sum_gradient, "Sums over axes.", definition=SUM
)
reduce_mean = _reduction(
    "reduce_mean", "Mean", _bind_mean, _mean_gradient, "The arithmetic mean over axes."
)
reduce_prod = _reduction(
    "reduce_prod", "Prod", _plain(np.multiply), _prod_gradient, "The product over axes."
)
reduce_max = _reduction(
    "reduce_max",
    "Max",
    _extreme(np.maximum, _lowest),
    _extreme_gradient,
    "The largest element along axes.",
    "fiu",
)
reduce_min = _reduction(
    "reduce_min",
    "Min",
    _extreme(np.minimum, _highest),
    _extreme_gradient,
    "The smallest element along axes.",
    "fiu",
)
reduce_any = _reduction(
    "reduce_any",
    "Any",
    _plain(np.logical_or),
    not_differentiable,
    "Whether any element along axes is true.",
    "b",
)
reduce_all = _reduction(
    "reduce_all",
    "All",
    _plain(np.logical_and),
    not_differentiable,
    "Whether all elements along axes are true.",
    "b",
)


@export("reduce_logsumexp", "math.reduce_logsumexp")
def reduce_logsumexp(
    input_tensor: TensorLike,
    axis: TensorLike = None,
    keepdims: builtins.bool | None = None,
    name: str | None = None,
    reduction_indices: TensorLike = None,
    keep_dims: builtins.bool | None = None,
) -> Tensor:
    """The logarithm of the sum of exponentials, without overflow on the way.

    Args:
        input_tensor: The tensor to reduce.
        axis: An axis, or a list of axes; all if None.
        keepdims: Whether the reduced axes stay, with size 1.
        name: Name of the operation.
        reduction_indices: The old name of `axis`.
        keep_dims: The old name of `keepdims`.

    Returns:
        The reduced tensor.
    """
    from runtime.graph.ops.array import stop_gradient, zeros_like
    from runtime.graph.ops.math import is_finite
    from runtime.graph.tensor import OVERLOADS

    with get_default_graph().name_scope(name or "ReduceLogSumExp") as scope:
        tensor = convert_to_tensor(input_tensor)
        axis = renamed(axis, reduction_indices, "axis", "reduction_indices")
        keep = bool(renamed(keepdims, keep_dims, "keepdims", "keep_dims"))
        largest = stop_gradient(reduce_max(tensor, axis, keepdims=True))
        shift = OVERLOADS["select"](is_finite(largest), largest, zeros_like(largest))
        total = log(reduce_sum(exp(tensor - shift), axis, keepdims=True)) + shift
        return reduce_sum(total, axis, keepdims=keep, name=scope)


# Positions of extremes.


def _position_spec(view: View) -> Spec:
    return Spec(view["dtype"], reduced_dims(view.first.dims, (view["axis"],), keep=False))


def _position(function: Callable[..., Any]) -> Callable[[View], Kernel]:
    def bind(view: View) -> Kernel:
        axis, target = view["axis"], view["dtype"].numpy
        if view["dtype"] is dtypes.int64:
            return lambda x: function(x, axis)
        return lambda x: function(x, axis).astype(target)

    return bind


ARGMAX: Definition = Definition(
    "ArgMax", _position_spec, bind=_position(np.argmax), gradient=not_differentiable
)
ARGMIN: Definition = Definition(
    "ArgMin", _position_spec, bind=_position(np.argmin), gradient=not_differentiable
)


def _arg_function(name: str, old: str, definition: Definition, which: str) -> Callable[..., Tensor]:
    def function(
        input: TensorLike,
        axis: TensorLike = None,
        name: str | None = None,
        dimension: TensorLike = None,
        output_type: Any = dtypes.int64,
    ) -> Tensor:
        tensor = convert_to_tensor(input)
        chosen = renamed(axis, dimension, "axis", "dimension")
        from runtime.graph.ops import late_axes

        if chosen is not None and late_axes.is_late(chosen):
            target = as_dtype(output_type)
            late: Tensor = late_axes.along(
                tensor,
                chosen,
                lambda x: definition(x, axis=1, dtype=target),
                name or definition.type,
                False,
            )
            return late
        number = 0 if chosen is None else static_int(chosen, f"The axis of {definition.type}")
        _check_axis(definition.type, number, tensor.dims)
        result: Tensor = definition(tensor, axis=number, dtype=as_dtype(output_type), name=name)
        return result

    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"""The index of the {which} element along an axis; the first among equals.

    Args:
        input: A tensor of numbers.
        axis: The axis; 0 if None.
        name: Name of the operation.
        dimension: The old name of `axis`.
        output_type: The type of the indices: int64 or int32.

    Returns:
        A tensor of indices, without that axis.
    """
    export(name, f"math.{name}")(function)

    @export(old)
    def old_function(
        input: TensorLike,
        dimension: TensorLike,
        output_type: Any = dtypes.int64,
        name: str | None = None,
    ) -> Tensor:
        return function(input, dimension, name, output_type=output_type)

    old_function.__name__ = old_function.__qualname__ = old
    old_function.__doc__ = f"""The old form of `{name}`.

    Args:
        input: A tensor of numbers.
        dimension: The axis.
        output_type: The type of the indices: int64 or int32.
        name: Name of the operation.

    Returns:
        A tensor of indices, without that axis.
    """
    return function


def _check_axis(what: str, axis: int, dims: Dims) -> None:
    if dims is None:
        return
    try:
        normalized_axis(axis, len(dims))
    except Incompatible as error:
        raise ValueError(f"{what}: {error} (shape {dims}).") from None


argmax = _arg_function("argmax", "arg_max", ARGMAX, "largest")
argmin = _arg_function("argmin", "arg_min", ARGMIN, "smallest")


# Combinations of others.


@export("count_nonzero", "math.count_nonzero")
def count_nonzero(
    input_tensor: TensorLike = None,
    axis: TensorLike = None,
    keepdims: builtins.bool | None = None,
    dtype: Any = dtypes.int64,
    name: str | None = None,
    reduction_indices: TensorLike = None,
    keep_dims: builtins.bool | None = None,
    input: TensorLike = None,
) -> Tensor:
    """The number of elements that are not zero.

    Args:
        input_tensor: The tensor to reduce.
        axis: An axis, or a list of axes; all if None.
        keepdims: Whether the reduced axes stay, with size 1.
        dtype: The type of the number.
        name: Name of the operation.
        reduction_indices: The old name of `axis`.
        keep_dims: The old name of `keepdims`.
        input: Another name of `input_tensor`.

    Returns:
        A tensor of numbers.
    """
    chosen = renamed(axis, reduction_indices, "axis", "reduction_indices")
    keep = renamed(keepdims, keep_dims, "keepdims", "keep_dims")
    with get_default_graph().name_scope(name or "count_nonzero"):
        tensor = convert_to_tensor(renamed(input, input_tensor, "input", "input_tensor"))
        is_text = tensor.dtype is dtypes.string
        zero = convert_to_tensor(b"" if is_text else np.zeros((), tensor.dtype.numpy)[()])
        there = cast(not_equal(tensor, zero), dtypes.int64)
        return cast(reduce_sum(there, chosen, keepdims=keep), dtype)


@export("math.reduce_variance")
def reduce_variance(
    input_tensor: TensorLike,
    axis: TensorLike = None,
    keepdims: builtins.bool = False,
    name: str | None = None,
) -> Tensor:
    """The mean square of the distance from the mean.

    Args:
        input_tensor: The tensor to reduce.
        axis: An axis, or a list of axes; all if None.
        keepdims: Whether the reduced axes stay, with size 1.
        name: Name of the operation.

    Returns:
        A tensor without the axes.
    """
    tensor = checked_kind(convert_to_tensor(input_tensor), "fc", "reduce_variance")
    distance = tensor - reduce_mean(tensor, axis, keepdims=True)
    squared = public("math", "real")(distance * conj(distance))
    return reduce_mean(squared, axis, keepdims=keepdims, name=name)


@export("math.reduce_std")
def reduce_std(
    input_tensor: TensorLike,
    axis: TensorLike = None,
    keepdims: builtins.bool = False,
    name: str | None = None,
) -> Tensor:
    """The root of the variance.

    Args:
        input_tensor: The tensor to reduce.
        axis: An axis, or a list of axes; all if None.
        keepdims: Whether the reduced axes stay, with size 1.
        name: Name of the operation.

    Returns:
        A tensor without the axes.
    """
    return sqrt(reduce_variance(input_tensor, axis, keepdims), name=name)


@export("math.reduce_euclidean_norm")
def reduce_euclidean_norm(
    input_tensor: TensorLike,
    axis: TensorLike = None,
    keepdims: builtins.bool = False,
    name: str | None = None,
) -> Tensor:
    """The root of the sum of squares.

    Args:
        input_tensor: The tensor to reduce.
        axis: An axis, or a list of axes; all if None.
        keepdims: Whether the reduced axes stay, with size 1.
        name: Name of the operation.

    Returns:
        A tensor without the axes.
    """
    tensor = checked_kind(convert_to_tensor(input_tensor), _NUMBERS, "EuclideanNorm")
    total = reduce_sum(tensor * conj(tensor), axis, keepdims=keepdims)
    if tensor.dtype.is_integer:
        return cast(sqrt(cast(total, dtypes.float64)), tensor.dtype, name)
    return sqrt(total, name=name)
