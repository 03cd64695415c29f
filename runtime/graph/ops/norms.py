"""Limiting values and gradients by their norm."""

from collections.abc import Callable, Sequence
from typing import Any

from runtime.graph.convert import TensorLike, convert_to_tensor
from runtime.graph.export import export
from runtime.graph.graph import get_default_graph
from runtime.graph.indexed_slices import IndexedSlices, mapped
from runtime.graph.ops.array import identity, where
from runtime.graph.ops.math import (
    cast,
    greater,
    is_finite,
    maximum,
    minimum,
    multiply,
    sqrt,
    square,
)
from runtime.graph.ops.reduction import reduce_sum
from runtime.graph.tensor import Tensor


def _values(t: Any) -> Tensor:
    return t.values if isinstance(t, IndexedSlices) else convert_to_tensor(t)


@export("clip_by_norm")
def clip_by_norm(t: Any, clip_norm: TensorLike, axes: Any = None, name: str | None = None) -> Any:
    """A tensor, scaled down if its norm is too large.

    Args:
        t: A tensor, or `IndexedSlices`.
        clip_norm: The largest norm.
        axes: The axes over which norms are taken; all if None.
        name: Name of the operation.

    Returns:
        The same kind.
    """

    def clipped(values: Tensor) -> Tensor:
        limit = convert_to_tensor(clip_norm, values.dtype)
        total = reduce_sum(values * values, axes, keepdims=True)
        # Where all elements are zero the root would have no gradient.
        there = greater(total, convert_to_tensor(0, values.dtype))
        safe = where(there, total, total * 0 + 1)
        size = where(there, sqrt(safe), total)
        result = values * limit / maximum(size, limit)
        return identity(result, name=name or "clip_by_norm")

    return mapped(clipped, t)


@export("clip_by_average_norm")
def clip_by_average_norm(t: TensorLike, clip_norm: TensorLike, name: str | None = None) -> Tensor:
    """A tensor, scaled down if its norm divided by its size is too large.

    Args:
        t: A tensor.
        clip_norm: The largest average norm.
        name: Name of the operation.

    Returns:
        A tensor of the same shape.
    """
    from runtime.graph.ops.array import size

    with get_default_graph().name_scope(name or "clip_by_average_norm") as scope:
        tensor = convert_to_tensor(t)
        limit = convert_to_tensor(clip_norm, tensor.dtype)
        average = sqrt(reduce_sum(square(tensor))) / cast(size(tensor), tensor.dtype)
        return multiply(tensor, limit / maximum(average, limit), name=scope)


@export("global_norm", "linalg.global_norm")
def global_norm(t_list: Sequence[Any], name: str | None = None) -> Tensor:
    """The norm of all elements of several tensors.

    Args:
        t_list: Tensors, `IndexedSlices` or None.
        name: Name of the operation.

    Returns:
        A scalar.

    Raises:
        TypeError: If it is no list.
    """
    if not isinstance(t_list, (list, tuple)):
        raise TypeError("t_list should be a sequence of tensors.")
    with get_default_graph().name_scope(name or "global_norm"):
        halves = [reduce_sum(square(_values(t))) for t in t_list if t is not None]
        total = halves[0] if halves else convert_to_tensor(0.0)
        for half in halves[1:]:
            total = total + half
        return sqrt(total, name="global_norm")


def _scaled_by(factor: Tensor, name: str) -> Callable[[Tensor], Tensor]:
    return lambda values: multiply(values, cast(factor, values.dtype), name=name)


@export("clip_by_global_norm")
def clip_by_global_norm(
    t_list: Sequence[Any],
    clip_norm: TensorLike,
    use_norm: TensorLike = None,
    name: str | None = None,
) -> tuple[list[Any], Tensor]:
    """Tensors, all scaled down by the same factor if their common norm is too large.

    Args:
        t_list: Tensors, `IndexedSlices` or None.
        clip_norm: The largest norm.
        use_norm: The common norm, if it is known.
        name: Name of the scope of the operations.

    Returns:
        A list of the same kinds, and the common norm before. If that isn't finite, what is
        returned isn't a number.

    Raises:
        TypeError: If it is no list.
    """
    size = global_norm(t_list) if use_norm is None else convert_to_tensor(use_norm)
    with get_default_graph().name_scope(name or "clip_by_global_norm") as scope:
        limit = convert_to_tensor(clip_norm, size.dtype)
        scale = limit * minimum(1.0 / size, 1.0 / limit)
        factor = where(is_finite(size), scale, scale * 0 + float("nan"))
        clipped = [
            None if t is None else mapped(_scaled_by(factor, f"{scope}_{number}"), t)
            for number, t in enumerate(t_list)
        ]
    return clipped, size
