"""Axes that only a run knows: what works along such an axis, made of operations along known ones.

Source: TensorFlow takes the axis of these operations as a tensor like any other.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from runtime.graph import dtypes
from runtime.graph.convert import TensorLike, convert_to_tensor, holds_tensor
from runtime.graph.definition import Definition, Spec, not_differentiable
from runtime.graph.graph import graph_of
from runtime.graph.ops.array import concat, gather, identity, rank, reshape, shape, transpose
from runtime.graph.ops.reduction import reduce_prod
from runtime.graph.ops.rules import checked_kind
from runtime.graph.tensor import Tensor

_INDEX = "iu"


def is_late(axis: TensorLike) -> bool:
    """Whether an axis is, or holds, a tensor whose value the graph does not know.

    Args:
        axis: What an operation was given as its axis or axes.

    Returns:
        False for numbers and for tensors of a known value.
    """
    if isinstance(axis, (list, tuple)):
        return any(is_late(item) for item in axis)
    return holds_tensor([axis]) and convert_to_tensor(axis).spec.value is None


def _normalized(axis: Any, rank: Any) -> Any:
    if axis.size != 1 or not -rank <= axis.ravel()[0] < rank:
        raise ValueError(f"axis {axis} is out of range for a tensor with {rank} axes")
    return axis.ravel()[0] % rank


_NORMALIZED: Definition = Definition(
    "NormalizedAxis",
    lambda view: Spec(view.first.dtype, ()),
    _normalized,
    gradient=not_differentiable,
)


def _axes_first(axes: Any, rank: Any) -> Any:
    gone = [int(axis) for axis in axes.ravel()]
    if any(not -rank <= axis < rank for axis in gone):
        raise ValueError(f"axes {gone} are out of range for a tensor with {rank} axes")
    chosen = {axis % rank for axis in gone}
    if len(chosen) != len(gone):
        raise ValueError(f"axes {gone} name one axis twice")
    return np.array([*chosen, *(i for i in range(rank) if i not in chosen)], np.int32)


_AXES_FIRST: Definition = Definition(
    "AxesFirst",
    lambda view: Spec(dtypes.int32, (None,)),
    _axes_first,
    gradient=not_differentiable,
)


class _Blocks:
    """A tensor's elements in three blocks: before the axis, along it, and after it."""

    def __init__(self, tensor: Tensor, axis: TensorLike, extra: int = 0) -> None:
        place = checked_kind(convert_to_tensor(axis), _INDEX, "An axis")
        at: Tensor = _NORMALIZED(place, rank(tensor) + extra)
        sizes = shape(tensor)
        self.before, self.after = sizes[:at], sizes[at + 1 - extra :]
        middle = [] if extra else [sizes[at]]
        whole = [reduce_prod(self.before), *middle, reduce_prod(self.after)]
        self.tensor = reshape(tensor, whole)

    def back(self, result: Tensor, middle: Any) -> Tensor:
        """A result in the shape of the whole, with `middle` in place of the axis."""
        return reshape(result, concat([self.before, middle, self.after], 0))


def along(
    tensor: Tensor,
    axis: TensorLike,
    function: Callable[[Tensor], Tensor],
    name: str,
    keeps: bool = True,
) -> Tensor:
    """Works along one axis.

    Args:
        tensor: The tensor.
        axis: The axis.
        function: Works along the second axis of three.
        name: Name of the result.
        keeps: Whether the result still has the axis, of the same size.

    Returns:
        The result.
    """
    with graph_of([tensor]).name_scope(name) as scope:
        blocks = _Blocks(tensor, axis)
        result = blocks.back(function(blocks.tensor), shape(blocks.tensor)[1:2] if keeps else [])
        return _named(result, tensor, scope, 0 if keeps else -1, keeps)


def _named(result: Tensor, like: Tensor, scope: str, more: int, same: bool = False) -> Tensor:
    """The result under its name, with what is known of its shape: the rank, or all."""
    found = identity(result, scope)
    if like.dims is not None:
        found.set_shape(like.dims if same else [None] * (len(like.dims) + more))
    return found


def expanded(tensor: Tensor, axis: TensorLike, name: str) -> Tensor:
    """A tensor with one more axis.

    Args:
        tensor: The tensor.
        axis: Where the new axis goes.
        name: Name of the result.

    Returns:
        The tensor.
    """
    with graph_of([tensor]).name_scope(name) as scope:
        blocks = _Blocks(tensor, axis, extra=1)
        return _named(blocks.back(blocks.tensor, [1]), tensor, scope, 1)


def joined(tensors: Sequence[Tensor], axis: TensorLike, name: str) -> Tensor:
    """Tensors joined along an axis.

    Args:
        tensors: The tensors.
        axis: The axis.
        name: Name of the result.

    Returns:
        The tensor.
    """
    with graph_of(tensors).name_scope(name) as scope:
        parts = [_Blocks(tensor, axis) for tensor in tensors]
        whole = concat([part.tensor for part in parts], 1)
        return _named(parts[0].back(whole, shape(whole)[1:2]), tensors[0], scope, 0)


def cut(
    tensor: Tensor, axis: TensorLike, function: Callable[[Tensor], list[Tensor]], name: str
) -> list[Tensor]:
    """A tensor cut into parts along an axis.

    Args:
        tensor: The tensor.
        axis: The axis.
        function: Cuts along the second axis of three.
        name: Name of the parts.

    Returns:
        The parts.
    """
    with graph_of([tensor]).name_scope(name):
        blocks = _Blocks(tensor, axis)
        parts = function(blocks.tensor)
        return [_named(blocks.back(p, shape(p)[1:2]), tensor, "part", 0) for p in parts]


def gathered(tensor: Tensor, indices: Tensor, axis: TensorLike, name: str) -> Tensor:
    """Slices of a tensor picked along an axis.

    Args:
        tensor: The tensor.
        indices: Which slices.
        axis: The axis.
        name: Name of the result.

    Returns:
        The tensor.
    """
    with graph_of([tensor, indices]).name_scope(name) as scope:
        blocks = _Blocks(tensor, axis)
        result = blocks.back(gather(blocks.tensor, indices, axis=1), shape(indices))
        if indices.dims is None:
            return identity(result, scope)
        return _named(result, tensor, scope, len(indices.dims) - 1)


def reduced(
    tensor: Tensor, axes: TensorLike, keepdims: bool, function: Callable[..., Tensor], name: str
) -> Tensor:
    """A tensor reduced over axes.

    Args:
        tensor: The tensor.
        axes: The axis or axes.
        keepdims: Whether the axes stay, with size 1.
        function: Reduces over one axis.
        name: Name of the result.

    Returns:
        The tensor.
    """
    from runtime.graph.ops.array import ones, size
    from runtime.graph.ops.indexing import invert_permutation

    with graph_of([tensor]).name_scope(name) as scope:
        places = checked_kind(convert_to_tensor(axes), _INDEX, "An axis")
        order: Tensor = _AXES_FIRST(places, rank(tensor))
        turned, count = transpose(tensor, order), size(places)
        sizes = shape(turned)
        gone, kept = sizes[:count], sizes[count:]
        result = function(reshape(turned, concat([[reduce_prod(gone)], kept], 0)), 0)
        result = reshape(result, kept)
        if not keepdims:
            return identity(result, scope)
        single = concat([ones(shape(gone), dtypes.int32), kept], 0)
        return _named(reshape(result, gather(single, invert_permutation(order))), tensor, scope, 0)


def reversed_along(tensor: Tensor, axes: TensorLike, name: str) -> Tensor:
    """A tensor with its elements in the opposite order along axes.

    Args:
        tensor: The tensor.
        axes: The axes.
        name: Name of the result.

    Returns:
        The tensor.
    """
    from runtime.graph.ops.array import size
    from runtime.graph.ops.indexing import invert_permutation
    from runtime.graph.ops.layout import reverse

    with graph_of([tensor]).name_scope(name) as scope:
        places = checked_kind(convert_to_tensor(axes), _INDEX, "An axis")
        order: Tensor = _AXES_FIRST(places, rank(tensor))
        turned = transpose(tensor, order)
        sizes = shape(turned)
        count = size(places)
        flat = reshape(turned, concat([[reduce_prod(sizes[:count])], sizes[count:]], 0))
        back = transpose(reshape(reverse(flat, [0]), sizes), invert_permutation(order))
        return _named(back, tensor, scope, 0, same=True)
