"""Repeating, padding, cutting and turning tensors over: operations that move or copy elements."""

import builtins
from collections.abc import Sequence
from typing import Any

import numpy as np

from runtime.graph import dtypes
from runtime.graph.convert import TensorLike, convert_to_tensor, same_type
from runtime.graph.definition import Definition, Kernel, Spec, View, not_differentiable
from runtime.graph.dtypes import DType, as_dtype
from runtime.graph.export import export
from runtime.graph.graph import get_default_graph
from runtime.graph.ops.array import (
    SELECT_V2,
    concat,
    expand_dims,
    identity,
    range_,
    reshape,
    stack,
    where,
    zeros_like,
)
from runtime.graph.ops.array import shape as shape_of
from runtime.graph.ops.math import cast, less, unbroadcast
from runtime.graph.ops.rules import (
    checked_kind,
    rank_of,
    renamed,
    static_ints,
    unchanged,
)
from runtime.graph.shapes import (
    Dims,
    Incompatible,
    TensorShape,
    as_dims,
    broadcast,
    compatible,
    described,
    merged,
    normalized_axis,
)
from runtime.graph.tensor import Tensor

_INDEX = "iu"


def _known(spec: Spec) -> tuple[int | None, ...] | None:
    """What is known of the elements of an integer vector."""
    if spec.value is not None:
        return tuple([int(item) for item in np.ravel(spec.value)])
    return spec.partial


def _integers(value: TensorLike, what: str) -> Tensor:
    tensor = convert_to_tensor(value)
    if tensor.dims is not None and 0 in tensor.dims and tensor.dtype is dtypes.float32:
        return convert_to_tensor(np.zeros(tensor.dims, np.int32))
    return checked_kind(tensor, _INDEX, what)


# Repeating.


def _tile_spec(view: View) -> Spec:
    dims, times = view.first.dims, _known(view.inputs[1])
    if dims is None or times is None:
        length = view.inputs[1].dims
        count = len(dims) if dims is not None else length[0] if length else None
        return Spec(view.first.dtype, None if count is None else (None,) * count)
    if len(times) != len(dims):
        raise Incompatible(
            f"multiples {list(times)} must have one number for each axis of {described(dims)}"
        )
    if any(t is not None and t < 0 for t in times):
        raise Incompatible(f"multiples {list(times)} must not be negative")
    pairs = zip(dims, times, strict=True)
    return Spec(
        view.first.dtype, tuple([None if d is None or t is None else d * t for d, t in pairs])
    )


def _untile(dy: Any, x: Any, multiples: Any) -> Any:
    sizes = [n for pair in zip(multiples.tolist(), x.shape, strict=True) for n in pair]
    return np.add.reduce(dy.reshape(sizes), tuple(range(0, 2 * x.ndim, 2)))


_UNTILE: Definition = Definition(
    "TileGrad",
    lambda view: Spec(view.first.dtype, view.inputs[1].dims),
    _untile,
    floating=True,
    gradient=lambda op, dy: [TILE(dy, op.inputs[2]), None, None],
)
TILE: Definition = Definition(
    "Tile",
    _tile_spec,
    lambda x, multiples: np.tile(x, multiples),
    gradient=lambda op, dy: [_UNTILE(dy, *op.inputs), None],
)


@export("tile", "manip.tile")
def tile(input: TensorLike, multiples: TensorLike, name: str | None = None) -> Tensor:
    """Repeats a tensor along its axes.

    Args:
        input: A tensor.
        multiples: How often on each axis.
        name: Name of the operation.

    Returns:
        The tensor.

    Raises:
        ValueError: If there is not one number for each axis.
    """
    times = _integers(multiples, "The multiples of tile")
    result: Tensor = TILE(convert_to_tensor(input), times, name=name)
    return result


def _broadcast_spec(view: View) -> Spec:
    dims, target = view.first.dims, _known(view.inputs[1])
    if target is None:
        length = view.inputs[1].dims
        return Spec(view.first.dtype, (None,) * length[0] if length and length[0] else None)
    if dims is not None and broadcast(dims, target) != target and None not in (*dims, *target):
        raise Incompatible(f"shape {described(dims)} can't be broadcast to {described(target)}")
    return Spec(view.first.dtype, target)


BROADCAST_TO: Definition = Definition(
    "BroadcastTo",
    _broadcast_spec,
    lambda x, sizes: np.broadcast_to(x, sizes.tolist())[()],
    aliases=True,
    gradient=lambda op, dy: [unbroadcast(dy, op.inputs[0]), None],
)


@export("broadcast_to")
def broadcast_to(input: TensorLike, shape: TensorLike, name: str | None = None) -> Tensor:
    """A tensor in a larger shape, by NumPy's rules of broadcasting.

    Args:
        input: A tensor.
        shape: The shape.
        name: Name of the operation.

    Returns:
        The tensor.
    """
    value = shape.as_list() if isinstance(shape, TensorShape) else shape
    sizes = _integers(value, "The shape of broadcast_to")
    result: Tensor = BROADCAST_TO(convert_to_tensor(input), sizes, name=name)
    return result


@export("broadcast_static_shape")
def broadcast_static_shape(shape_x: Any, shape_y: Any) -> TensorShape:
    """The shape that two shapes are broadcast to.

    Args:
        shape_x: A shape.
        shape_y: Another.

    Returns:
        The shape.

    Raises:
        ValueError: If they can't be broadcast together.
    """
    return TensorShape(broadcast(as_dims(shape_x), as_dims(shape_y)))


@export("broadcast_dynamic_shape")
def broadcast_dynamic_shape(shape_x: TensorLike, shape_y: TensorLike) -> Tensor:
    """The shape that two shapes are broadcast to, as a tensor.

    Args:
        shape_x: A vector of integers.
        shape_y: Another.

    Returns:
        A vector of integers.
    """
    first, second = (_integers(s, "broadcast_dynamic_shape") for s in (shape_x, shape_y))
    result: Tensor = _BROADCAST_ARGS(first, second)
    return result


_BROADCAST_ARGS: Definition = Definition(
    "BroadcastArgs",
    lambda view: Spec(view.first.dtype, (None,)),
    lambda x, y: np.array(np.broadcast_shapes(tuple(x), tuple(y)), x.dtype),
    gradient=not_differentiable,
)

# Padding.


def _pad_spec(view: View) -> Spec:
    dims, pads = view.first.dims, view.inputs[1]
    if dims is None:
        rank = pads.dims[0] if pads.dims else None
        return Spec(view.first.dtype, None if rank is None else (None,) * rank)
    if pads.dims is not None and pads.dims[:1] not in ((None,), (len(dims),)):
        raise Incompatible(
            f"paddings of shape {described(pads.dims)} don't fit a tensor of {described(dims)}"
        )
    if pads.value is None:
        return Spec(view.first.dtype, (None,) * len(dims))
    if (pads.value < 0).any():
        raise Incompatible(f"paddings must not be negative, but are {pads.value.tolist()}")
    added = pads.value.sum(1).tolist()
    padded = [None if d is None else d + a for d, a in zip(dims, added, strict=True)]
    return Spec(view.first.dtype, tuple(padded))


_MODES = {"CONSTANT": "constant", "REFLECT": "reflect", "SYMMETRIC": "symmetric"}


def _bind_pad(view: View) -> Kernel:
    mode = _MODES[view["mode"]]
    if mode == "constant":
        value = view["value"]
        return lambda x, paddings: np.pad(x, paddings, constant_values=value)
    return lambda x, paddings: _mirrored(x, paddings, mode)


def _mirrored(x: Any, paddings: Any, mode: str) -> Any:
    room = np.array(x.shape).reshape(-1, 1) - (mode == "reflect")
    if (paddings > room).any():
        raise ValueError(f"paddings {paddings.tolist()} are too large to mirror shape {x.shape}")
    return np.pad(x, paddings, mode)  # type: ignore[call-overload]  # mode is one of NumPy's


def _unpadded_spec(view: View) -> Spec:
    return Spec(view.first.dtype, view.inputs[2].dims)


def _bind_unpad(view: View) -> Kernel:
    if view["mode"] != "CONSTANT":
        mode = _MODES[view["mode"]]
        return lambda dy, paddings, x: _folded_back(dy, paddings, x.shape, mode)

    def cut(dy: Any, paddings: Any, x: Any) -> Any:
        sizes = zip(paddings[:, 0].tolist(), x.shape, strict=True)
        return dy[tuple([slice(begin, begin + size) for begin, size in sizes])]

    return cut


def _folded_back(dy: Any, paddings: Any, shape: Any, mode: str) -> Any:
    """Adds the gradients of mirrored elements to those of the elements they mirror."""
    result = np.zeros(shape, dy.dtype)
    indices = np.arange(result.size).reshape(shape)
    mirrored = np.pad(indices, paddings, mode)  # type: ignore[call-overload]  # mode is one of NumPy's
    np.add.at(result.reshape(-1), mirrored.reshape(-1), dy.reshape(-1))
    return result


_UNPAD: Definition = Definition(
    "PadGrad",
    _unpadded_spec,
    bind=_bind_unpad,
    aliases=True,
    floating=True,
    gradient=lambda op, dy: [
        PAD(dy, op.inputs[1], mode=op.attributes["mode"], value=0),
        None,
        None,
    ],
)
PAD: Definition = Definition(
    "Pad",
    _pad_spec,
    bind=_bind_pad,
    gradient=lambda op, dy: [
        _UNPAD(dy, op.inputs[1], op.inputs[0], mode=op.attributes["mode"]),
        None,
    ],
)


@export("pad")
def pad(
    tensor: TensorLike,
    paddings: TensorLike,
    mode: str = "CONSTANT",
    name: str | None = None,
    constant_values: Any = 0,
) -> Tensor:
    """A tensor with more elements at its borders.

    Args:
        tensor: A tensor.
        paddings: For each axis how many elements to add before and after.
        mode: ``"CONSTANT"``, ``"REFLECT"`` (without the border) or ``"SYMMETRIC"`` (with it).
        name: Name of the operation.
        constant_values: What to add if the mode is ``"CONSTANT"``.

    Returns:
        The tensor.

    Raises:
        ValueError: If there is no such mode, or `paddings` has another number of axes.
    """
    if mode.upper() not in _MODES:
        raise ValueError(f"Unknown padding mode: {mode!r}; there are: {', '.join(_MODES)}.")
    pads = _integers(paddings, "The paddings of pad")
    source = convert_to_tensor(tensor)
    value = b"" if source.dtype is dtypes.string and constant_values == 0 else constant_values
    plain = "Pad" if isinstance(value, (int, float, bytes)) and not value else "PadV2"
    title = name or (plain if mode.upper() == "CONSTANT" else "MirrorPad")
    result: Tensor = PAD(source, pads, mode=mode.upper(), value=value, name=title)
    return result


# The same bits.


def _bitcast_spec(view: View) -> Spec:
    dims, target = view.first.dims, view["dtype"]
    ratio = _size_ratio(view.first.dtype, target)
    if dims is None or ratio == 1:
        return Spec(target, dims)
    if ratio > 1:
        return Spec(target, (*dims, int(ratio)))
    needed = round(1 / ratio)
    if not dims or dims[-1] not in (None, needed):
        raise Incompatible(
            f"a tensor of {view.first.dtype.name} and shape {described(dims)} can't be bitcast to "
            f"{target.name}: its last axis must have size {needed}"
        )
    return Spec(target, dims[:-1])


def _size_ratio(source: DType, target: DType) -> float:
    return source.numpy.itemsize / target.numpy.itemsize


def _bind_bitcast(view: View) -> Kernel:
    target = view["dtype"].numpy
    ratio = _size_ratio(view.first.dtype, view["dtype"])

    def kernel(x: Any) -> Any:
        rows = np.ascontiguousarray(x)[..., None] if ratio > 1 else np.ascontiguousarray(x)
        if ratio < 1 and (not x.ndim or x.shape[-1] != round(1 / ratio)):
            raise ValueError(f"the last axis of shape {x.shape} must have size {round(1 / ratio)}")
        shape = x.shape if ratio == 1 else x.shape[:-1] if ratio < 1 else (*x.shape, int(ratio))
        return rows.view(target).reshape(shape).copy()[()]

    return kernel


BITCAST: Definition = Definition(
    "Bitcast", _bitcast_spec, bind=_bind_bitcast, gradient=not_differentiable
)


@export("bitcast")
def bitcast(input: TensorLike, type: Any, name: str | None = None) -> Tensor:
    """A tensor of the same bits, read as another element type.

    Source: the ``tf.compat.v1.bitcast`` documentation.

    Args:
        input: A tensor of numbers.
        type: The element type. If its elements are smaller, each element becomes a new last
            axis; if they are larger, the last axis becomes one element.
        name: Name of the operation.

    Returns:
        The tensor.

    Raises:
        TypeError: If one of the types has no bits to speak of (strings, bools).
        ValueError: If the last axis has the wrong size.
    """
    tensor, target = checked_kind(convert_to_tensor(input), "fiuc", "Bitcast"), as_dtype(type)
    if target.numpy.kind not in "fiuc":
        raise TypeError(f"Bitcast can't convert {tensor.dtype.name} to {target.name}.")
    result: Tensor = BITCAST(tensor, dtype=target, name=name)
    return result


# Turning over.


def _bind_reverse(view: View) -> Kernel:
    axes = tuple(view["axes"])
    return lambda x: np.flip(x, axes)


def _reverse_spec(view: View) -> Spec:
    dims = view.first.dims
    if dims is not None:
        axes = [normalized_axis(axis, len(dims)) for axis in view["axes"]]
        if len(set(axes)) != len(axes):
            raise Incompatible(f"axes {list(view['axes'])} name one axis twice")
    return unchanged(view)


REVERSE: Definition = Definition(
    "ReverseV2",
    _reverse_spec,
    bind=_bind_reverse,
    aliases=True,
    gradient=lambda op, dy: [REVERSE(dy, axes=op.attributes["axes"])],
)


@export("reverse", "reverse_v2", "manip.reverse")
def reverse(tensor: TensorLike, axis: TensorLike, name: str | None = None) -> Tensor:
    """A tensor with its elements in the opposite order.

    Args:
        tensor: A tensor.
        axis: The axes along which the order is turned over.
        name: Name of the operation.

    Returns:
        The tensor.

    Raises:
        ValueError: If there is no such axis.
    """
    from runtime.graph.ops import late_axes

    if late_axes.is_late(axis):
        late: Tensor = late_axes.reversed_along(
            convert_to_tensor(tensor), axis, name or "ReverseV2"
        )
        return late
    if isinstance(axis, int):
        raise ValueError(f"reverse needs a list of axes, but got {axis}: give [{axis}].")
    axes = static_ints(axis, "The axis of reverse")
    result: Tensor = REVERSE(convert_to_tensor(tensor), axes=axes, name=name)
    return result


def _bind_reverse_sequence(view: View) -> Kernel:
    along, batch = view["seq_axis"], view["batch_axis"]

    def turned(x: Any, lengths: Any) -> Any:
        if lengths.size and (lengths.min() < 0 or lengths.max() > x.shape[along]):
            raise ValueError(f"lengths must be in [0, {x.shape[along]}], but are {lengths}")
        steps = np.arange(x.shape[along])
        ends = lengths.reshape(-1, 1)
        places = np.where(steps < ends, ends - 1 - steps, steps)
        moved = np.moveaxis(x, (batch, along), (0, 1))
        picked = moved[np.arange(len(lengths))[:, None], places]
        return np.moveaxis(picked, (0, 1), (batch, along))

    return turned


def _reverse_sequence_spec(view: View) -> Spec:
    """The shape stays; the number of lengths is that of the examples."""
    dims, lengths, axis = view.first.dims, view.inputs[1].dims, view["batch_axis"]
    if dims is None or not lengths or dims[axis] is not None:
        return Spec(view.first.dtype, dims)
    sizes = list(dims)
    sizes[axis] = lengths[0]
    return Spec(view.first.dtype, tuple(sizes))


REVERSE_SEQUENCE: Definition = Definition(
    "ReverseSequence",
    _reverse_sequence_spec,
    bind=_bind_reverse_sequence,
    aliases=True,
    gradient=lambda op, dy: [
        REVERSE_SEQUENCE(dy, op.inputs[1], **op.attributes),
        None,
    ],
)


@export("reverse_sequence")
def reverse_sequence(
    input: TensorLike,
    seq_lengths: TensorLike,
    seq_axis: int | None = None,
    batch_axis: int | None = None,
    name: str | None = None,
    seq_dim: int | None = None,
    batch_dim: int | None = None,
) -> Tensor:
    """Sequences in the opposite order, each up to its own length.

    Args:
        input: A tensor.
        seq_lengths: The length of each sequence.
        seq_axis: The axis along which they run.
        batch_axis: The axis that counts the sequences.
        name: Name of the operation.
        seq_dim: The old name of `seq_axis`.
        batch_dim: The old name of `batch_axis`.

    Returns:
        The tensor; what is behind a sequence's end stays in its place.

    Raises:
        ValueError: If no axis of the sequences is given.
    """
    along = renamed(seq_axis, seq_dim, "seq_axis", "seq_dim")
    if along is None:
        raise ValueError("reverse_sequence needs seq_axis.")
    batch = renamed(batch_axis, batch_dim, "batch_axis", "batch_dim") or 0
    result: Tensor = REVERSE_SEQUENCE(
        convert_to_tensor(input),
        _integers(seq_lengths, "The lengths of reverse_sequence"),
        seq_axis=along,
        batch_axis=batch,
        name=name,
    )
    return result


def _roll_kernel(x: Any, shift: Any, axes: Any) -> Any:
    return np.roll(x, tuple(np.ravel(shift).tolist()), tuple(np.ravel(axes).tolist()))


ROLL: Definition = Definition(
    "Roll",
    unchanged,
    _roll_kernel,
    gradient=lambda op, dy: [ROLL(dy, -op.inputs[1], op.inputs[2]), None, None],
)


@export("roll", "manip.roll")
def roll(input: TensorLike, shift: TensorLike, axis: TensorLike, name: str | None = None) -> Tensor:
    """Moves elements along axes; what leaves at one end comes in at the other.

    Args:
        input: A tensor.
        shift: By how many places, for each axis in `axis`.
        axis: The axes.
        name: Name of the operation.

    Returns:
        The tensor.
    """
    result: Tensor = ROLL(
        convert_to_tensor(input),
        _integers(shift, "The shift of roll"),
        _integers(axis, "The axis of roll"),
        name=name,
    )
    return result


# Cutting.


def _split_spec(view: View) -> tuple[Spec, ...]:
    dims, number = view.first.dims, view["number"]
    if dims is None:
        return tuple([Spec(view.first.dtype, None) for _ in range(number)])
    axis = normalized_axis(view["axis"], len(dims))
    sizes = _sizes(view, dims, axis)
    return tuple([Spec(view.first.dtype, (*dims[:axis], s, *dims[axis + 1 :])) for s in sizes])


def _sizes(view: View, dims: Any, axis: int) -> Sequence[int | None]:
    """The sizes of the parts as far as they are known."""
    total, number = dims[axis], view["number"]
    given = _known(view.inputs[1]) if len(view.inputs) > 1 else None
    if len(view.inputs) > 1:
        return _completed(given or (None,) * number, total, dims)
    if total is None:
        return [None] * number
    if total % number:
        raise Incompatible(
            f"axis {axis} of shape {described(dims)} can't give {number} equal parts"
        )
    return [total // number] * number


def _completed(given: Sequence[int | None], total: int | None, dims: Any) -> Sequence[int | None]:
    """Sizes with -1 replaced, checked against the size of the whole."""
    if None in given or total is None:
        return [None if s == -1 else s for s in given]
    rest = total - sum(s for s in given if s is not None and s != -1)
    if rest < 0 or (rest and -1 not in given):
        raise Incompatible(f"parts of sizes {list(given)} can't be cut from {described(dims)}")
    return [rest if s == -1 else s for s in given]


def _bind_split(view: View) -> Kernel:
    axis, number = view["axis"], view["number"]

    def cut(x: Any, sizes: Any = None) -> Any:
        if sizes is None:
            parts = np.split(x, number, axis)
        else:
            known = np.where(sizes < 0, x.shape[axis] - sizes[sizes >= 0].sum(), sizes)
            if len(known) != number or known.sum() != x.shape[axis]:
                raise ValueError(f"parts of sizes {sizes} can't be cut from {x.shape}")
            parts = np.split(x, np.cumsum(known)[:-1], axis)
        return tuple(parts) if number != 1 else parts[0]

    return cut


def _split_gradient(op: Any, *gradients: Tensor | None) -> list[Tensor | None]:
    pairs = zip(gradients, op.outputs, strict=True)
    parts = [zeros_like(y) if dy is None else dy for dy, y in pairs]
    return [concat(parts, op.attributes["axis"]), None][: len(op.inputs)]


SPLIT: Definition = Definition(
    "Split", _split_spec, bind=_bind_split, aliases=True, gradient=_split_gradient
)


@export("split")
def split(
    value: TensorLike,
    num_or_size_splits: TensorLike,
    axis: TensorLike = 0,
    num: int | None = None,
    name: str = "split",
) -> list[Tensor]:
    """Cuts a tensor into parts along an axis.

    Args:
        value: A tensor.
        num_or_size_splits: The number of equal parts; or the size of each part, of which one
            may be -1 and is found from the others.
        axis: The axis.
        num: The number of parts, if the sizes are a tensor of unknown length.
        name: Name of the operation.

    Returns:
        A list of tensors.

    Raises:
        ValueError: If the parts don't fit, or their number isn't known.
    """
    tensor = convert_to_tensor(value)
    from runtime.graph.ops import late_axes

    if late_axes.is_late(axis):
        parts: list[Tensor] = late_axes.cut(
            tensor, axis, lambda x: split(x, num_or_size_splits, 1, num), name
        )
        return parts
    along = static_ints(axis, "The axis of split")[0]
    if isinstance(num_or_size_splits, int):
        result = SPLIT(tensor, number=num_or_size_splits, axis=along, name=name)
        return [result] if isinstance(result, Tensor) else list(result)
    sizes = _integers(num_or_size_splits, "The sizes of split")
    if sizes.dims == () and sizes.spec.value is not None:
        inputs, number = [], int(sizes.spec.value)
    elif sizes.dims == ():
        raise ValueError(
            f"split takes a number of parts that the graph knows, or a vector of sizes, but got "
            f"the scalar tensor {sizes.name!r}, whose value depends on the run."
        )
    else:
        if not isinstance(num_or_size_splits, Tensor):
            tensor.graph.unique_name("Const")  # TensorFlow makes the sizes before it enters
        inputs, number = [sizes], num if sizes.dims is None else sizes.dims[0]  # type: ignore[assignment]  # checked below
        number = num if number is None else number
    if number is None:
        raise ValueError("split can't infer the number of parts; give num=.")
    result = SPLIT(tensor, *inputs, number=number, axis=along, name=name)
    return [result] if isinstance(result, Tensor) else list(result)


# Masks, grids, shapes.


@export("sequence_mask")
def sequence_mask(
    lengths: TensorLike,
    maxlen: TensorLike = None,
    dtype: Any = dtypes.bool,
    name: str | None = None,
) -> Tensor:
    """For each length a vector that is true at so many first places.

    Args:
        lengths: A tensor of integers.
        maxlen: The length of the vectors; the largest of the lengths if None.
        dtype: The element type.
        name: Name of the scope of the operations.

    Returns:
        A tensor with one more axis.
    """
    from runtime.graph.ops.reduction import reduce_max

    with get_default_graph().name_scope(name or "SequenceMask"):
        counts = checked_kind(convert_to_tensor(lengths), "iuf", "The lengths of sequence_mask")
        last = reduce_max(counts) if maxlen is None else convert_to_tensor(maxlen)
        if last.dims not in ((), None):
            raise ValueError(f"The maxlen of sequence_mask must be a scalar, but is {maxlen!r}.")
        one = convert_to_tensor(1, counts.dtype)
        places = range_(convert_to_tensor(0, counts.dtype), cast(last, counts.dtype), one)
        rows = cast(expand_dims(counts, -1), counts.dtype, "Cast")
        mask = less(places, rows)
        target = as_dtype(dtype)
        return mask if target.is_bool else cast(mask, target)


@export("meshgrid")
def meshgrid(*args: TensorLike, **kwargs: Any) -> list[Tensor]:
    """Coordinates of all points of a grid.

    Args:
        *args: For each axis a vector of its coordinates.
        **kwargs: ``indexing``: ``"xy"`` (the default) or ``"ij"``; ``name``.

    Returns:
        For each axis a tensor with the coordinate of each point.

    Raises:
        TypeError: If an unknown keyword is given.
        ValueError: If there is no such indexing.
    """
    indexing = kwargs.pop("indexing", "xy")
    name = kwargs.pop("name", "meshgrid")
    if kwargs:
        raise TypeError(f"meshgrid() got unexpected keyword arguments {sorted(kwargs)}")
    if indexing not in ("xy", "ij"):
        raise ValueError(f"indexing must be 'xy' or 'ij', not {indexing!r}.")
    order = list(range(len(args)))
    if indexing == "xy" and len(order) > 1:
        order[:2] = [1, 0]
    with get_default_graph().name_scope(name):
        vectors = [reshape(v, [-1]) for v in args]
        sizes = [shape_of(vectors[i]) for i in order]
        whole: Any = concat(sizes, 0) if sizes else []
        shapes = [[-1 if i == k else 1 for i in order] for k in range(len(vectors))]
        turned = [reshape(v, s) for v, s in zip(vectors, shapes, strict=True)]
        return [broadcast_to(vector, whole, "mul") for vector in turned]


@export("shape_n")
def shape_n(input: Any, out_type: Any = dtypes.int32, name: str | None = None) -> list[Tensor]:
    """The shapes of tensors, as tensors.

    Args:
        input: A list of tensors.
        out_type: The type of the sizes.
        name: Name of the operations.

    Returns:
        A list of vectors.
    """
    found = _SHAPE_N(*map(convert_to_tensor, input), dtype=as_dtype(out_type), name=name)
    return [found] if isinstance(found, Tensor) else list(found)


def _bind_shapes(view: View) -> Kernel:
    dtype = view["dtype"].numpy

    def kernel(*values: Any) -> Any:
        sizes = tuple([np.array(x.shape, dtype) for x in values])
        return sizes if len(sizes) > 1 else sizes[0]

    return kernel


def _shapes_spec(view: View) -> tuple[Spec, ...]:
    lengths = [None if spec.dims is None else len(spec.dims) for spec in view.inputs]
    return tuple([Spec(view["dtype"], (length,)) for length in lengths])


_SHAPE_N: Definition = Definition(
    "ShapeN", _shapes_spec, bind=_bind_shapes, gradient=not_differentiable
)


@export("identity_n")
def identity_n(input: Any, name: str | None = None) -> list[Tensor]:
    """Tensors of the same values.

    Args:
        input: A list of tensors.
        name: Name of the operations.

    Returns:
        A list of tensors.
    """
    return [identity(t, name) for t in input]


def _ensured(view: View) -> Spec:
    dims = view.first.dims
    if not compatible(dims, view["dims"]):
        raise Incompatible(f"shape {described(dims)} is not {described(view['dims'])}")
    return Spec(view.first.dtype, merged(dims, view["dims"]))


def _bind_ensure(view: View) -> Kernel:
    wanted: Dims = view["dims"]

    def check(x: Any) -> Any:
        if not compatible(wanted, x.shape):
            raise ValueError(
                f"shape {described(x.shape)} is not compatible with {described(wanted)}"
            )
        return x

    return check


ENSURE_SHAPE: Definition = Definition(
    "EnsureShape", _ensured, bind=_bind_ensure, aliases=True, gradient=lambda op, dy: [dy]
)


@export("ensure_shape")
def ensure_shape(x: TensorLike, shape: Any, name: str | None = None) -> Tensor:
    """A tensor whose shape is checked in the run.

    Args:
        x: A tensor.
        shape: The shape, with None for sizes that don't matter.
        name: Name of the operation.

    Returns:
        A tensor of the same value with that static shape.

    Raises:
        ValueError: If it is known that the shape is another.
    """
    result: Tensor = ENSURE_SHAPE(convert_to_tensor(x), dims=as_dims(shape), name=name)
    return result


@export("repeat")
def repeat(
    input: TensorLike, repeats: TensorLike, axis: int | None = None, name: str | None = None
) -> Tensor:
    """Repeats each element.

    Args:
        input: A tensor.
        repeats: How often: one number, or one for each element along the axis.
        axis: The axis; all elements in a row if None.
        name: Name of the operation.

    Returns:
        The tensor.
    """
    from runtime.graph.ops.array import gather

    tensor = convert_to_tensor(input)
    if axis is None:
        tensor, axis = reshape(tensor, [-1]), 0
    counts = _integers(repeats, "The repeats of repeat")
    along = normalized_axis(axis, rank_of(tensor, "repeat"))
    places: Tensor = _REPEATED(shape_of(tensor)[along], counts)
    return gather(tensor, places, axis=along, name=name)


_REPEATED: Definition = Definition(
    "RepeatedPlaces",
    lambda view: Spec(dtypes.int32, (None,)),
    lambda size, counts: np.repeat(np.arange(size, dtype=np.int32), counts),
    gradient=not_differentiable,
)


@export("matrix_transpose", "linalg.matrix_transpose", "linalg.transpose")
def matrix_transpose(
    a: TensorLike, name: str = "matrix_transpose", conjugate: builtins.bool = False
) -> Tensor:
    """A tensor with its last two axes exchanged.

    Args:
        a: A tensor of rank 2 or more.
        name: Name of the operation.
        conjugate: Whether to conjugate complex elements, too.

    Returns:
        The tensor.

    Raises:
        ValueError: If it has fewer axes.
    """
    from runtime.graph.ops.array import transpose

    tensor = convert_to_tensor(a)
    order = _last_exchanged(tensor)
    with get_default_graph().name_scope(name):
        return transpose(tensor, order, conjugate=conjugate)


def _last_exchanged(tensor: Tensor) -> TensorLike:
    """The axes of a tensor, the last two exchanged."""
    from runtime.graph.ops.array import concat, range_, rank

    if tensor.dims is None:
        count = rank(tensor)
        return concat([range_(count - 2), [count - 1, count - 2]], 0)
    known = len(tensor.dims)
    if known < 2:
        raise ValueError(f"matrix_transpose needs a matrix, but {tensor!r} has rank {known}.")
    return [*builtins.range(known - 2), known - 1, known - 2]


@export("parallel_stack")
def parallel_stack(values: Any, name: str = "parallel_stack") -> Tensor:
    """The same as `stack` along the first axis.

    Args:
        values: A list of tensors.
        name: Name of the operation.

    Returns:
        The joined tensor.
    """
    with get_default_graph().name_scope(name):
        return stack([convert_to_tensor(v) for v in values], 0, "ParallelConcat")


def _places(value: TensorLike, what: str) -> list[Any]:
    """One number or scalar tensor for each axis."""
    if isinstance(value, (list, tuple)):
        return list(value)
    tensor = convert_to_tensor(value)
    if tensor.spec.value is not None:
        return list(static_ints(tensor, what))
    if not tensor.dims or tensor.dims[0] is None:
        raise ValueError(
            f"{what} of strided_slice must be a vector of known length, but is {tensor!r}."
        )
    return [tensor[i] for i in builtins.range(tensor.dims[0])]


@export("strided_slice")
def strided_slice(
    input_: TensorLike,
    begin: TensorLike,
    end: TensorLike,
    strides: TensorLike = None,
    begin_mask: int = 0,
    end_mask: int = 0,
    ellipsis_mask: int = 0,
    new_axis_mask: int = 0,
    shrink_axis_mask: int = 0,
    var: Any = None,
    name: str | None = None,
) -> Tensor:
    """A part of a tensor, as slicing with ``[]`` gives it.

    Args:
        input_: A tensor.
        begin: Where the part begins on each axis.
        end: Where it ends on each axis.
        strides: The steps; 1 if None.
        begin_mask: Bits of the axes on which `begin` doesn't count.
        end_mask: Bits of the axes on which `end` doesn't count.
        ellipsis_mask: The bit of the place that stands for all other axes.
        new_axis_mask: Bits of the places that stand for a new axis.
        shrink_axis_mask: Bits of the axes on which `begin` is an index.
        var: Without effect.
        name: Name of the operation.

    Returns:
        The part.
    """
    from runtime.graph.tensor import OVERLOADS

    first, last = _places(begin, "begin"), _places(end, "end")
    steps = [1] * len(first) if strides is None else _places(strides, "strides")

    def part(i: int) -> Any:
        bit = 1 << i
        if ellipsis_mask & bit:
            return Ellipsis
        if new_axis_mask & bit:
            return None
        if shrink_axis_mask & bit:
            return first[i]
        start = None if begin_mask & bit else first[i]
        return slice(start, None if end_mask & bit else last[i], steps[i])

    source = convert_to_tensor(input_)
    if strides is None:
        source.graph.unique_name("ones_like")
    key = tuple([part(i) for i in range(len(first))])
    result: Tensor = OVERLOADS["getitem"](source, key, name or "StridedSlice")
    return result


@export("where_v2")
def where_v2(
    condition: TensorLike, x: TensorLike = None, y: TensorLike = None, name: str | None = None
) -> Tensor:
    """Like `where`, with NumPy's rules of broadcasting.

    Args:
        condition: A bool tensor.
        x: What to take where it is true.
        y: What to take where it is false.
        name: Name of the operation.

    Returns:
        A tensor; without `x` and `y` the indices of the true elements.
    """
    if x is None or y is None:
        return where(condition, x, y, name)
    truth = checked_kind(convert_to_tensor(condition), "b", "where_v2")
    result: Tensor = SELECT_V2(truth, *same_type(x, y), name=name)
    return result


def _blocks_spec(view: View) -> Spec:
    dims, blocks, edges = view.first.dims, view.inputs[1].value, view.inputs[2].value
    if dims is None or blocks is None or edges is None:
        return Spec(view.first.dtype, None if dims is None else (None,) * len(dims))
    sizes, count, turn = list(dims), 1, view["batch_to_space"]
    for i, (block, edge) in enumerate(zip(blocks.tolist(), edges.sum(1).tolist(), strict=True)):
        size = sizes[i + 1]
        count *= block
        if size is not None:
            sizes[i + 1] = size * block - edge if turn else (size + edge) // block
    first = sizes[0]
    if first is not None:
        sizes[0] = first // count if turn else first * count
    return Spec(view.first.dtype, tuple(sizes))


def _bind_blocks(view: View) -> Kernel:
    return _from_blocks if view["batch_to_space"] else _to_blocks


def _to_blocks(x: Any, blocks: Any, paddings: Any) -> Any:
    count, rest = len(blocks), x.ndim - 1 - len(blocks)
    padded = np.pad(x, [(0, 0), *paddings.tolist(), *[(0, 0)] * rest])
    pairs = zip(padded.shape[1 : count + 1], blocks.tolist(), strict=True)
    inner = [n for size, block in pairs for n in (size // block, block)]
    split_up = padded.reshape(padded.shape[0], *inner, *padded.shape[count + 1 :])
    order = [*range(2, 2 * count + 1, 2), 0, *range(1, 2 * count, 2)]
    turned = split_up.transpose([*order, *range(2 * count + 1, split_up.ndim)])
    return turned.reshape(-1, *inner[::2], *padded.shape[count + 1 :])


def _from_blocks(x: Any, blocks: Any, crops: Any) -> Any:
    count, whole = len(blocks), int(np.prod(blocks))
    split_up = x.reshape(*blocks.tolist(), x.shape[0] // whole, *x.shape[1:])
    inner = [n for i in range(count) for n in (count + 1 + i, i)]
    turned = split_up.transpose([count, *inner, *range(2 * count + 1, split_up.ndim)])
    pairs = zip(x.shape[1 : count + 1], blocks.tolist(), strict=True)
    joined = turned.reshape(-1, *[s * b for s, b in pairs], *x.shape[count + 1 :])
    ends = zip(crops.tolist(), joined.shape[1 : count + 1], strict=True)
    return joined[(slice(None), *[slice(low, size - high) for (low, high), size in ends])]


BLOCKS: Definition = Definition(
    "SpaceAndBatch",
    _blocks_spec,
    bind=_bind_blocks,
    aliases=True,
    gradient=lambda op, dy: [
        BLOCKS(dy, *op.inputs[1:], batch_to_space=not op.attributes["batch_to_space"]),
        None,
        None,
    ],
)


@export("space_to_batch_nd", "manip.space_to_batch_nd")
def space_to_batch_nd(
    input: TensorLike, block_shape: TensorLike, paddings: TensorLike, name: str | None = None
) -> Tensor:
    """Moves the places inside of blocks to the first axis.

    Args:
        input: A tensor.
        block_shape: The sizes of blocks on the axes after the first.
        paddings: How many zeros to add on these axes first.
        name: Name of the operation.

    Returns:
        The tensor.
    """
    sizes = _integers(block_shape, "block_shape"), _integers(paddings, "paddings")
    result: Tensor = BLOCKS(
        convert_to_tensor(input), *sizes, batch_to_space=False, name=name or "SpaceToBatchND"
    )
    return result


@export("space_to_batch", "nn.space_to_batch")
def space_to_batch(
    input: TensorLike,
    paddings: TensorLike,
    block_size: int | None = None,
    name: str | None = None,
    block_shape: TensorLike = None,
) -> Tensor:
    """Moves the places inside of square blocks to the first axis.

    Args:
        input: A tensor of rank 4.
        paddings: How many zeros to add on the second and third axis first.
        block_size: The size of blocks on these axes.
        name: Name of the operation.
        block_shape: Another form of `block_size`: the size on each axis.

    Returns:
        The tensor.
    """
    sizes = renamed(block_shape, block_size, "block_shape", "block_size")
    shape = [sizes, sizes] if isinstance(sizes, int) else sizes
    return space_to_batch_nd(input, shape, paddings, name)


@export("batch_to_space")
def batch_to_space(
    input: TensorLike,
    crops: TensorLike,
    block_size: int | None,
    name: str | None = None,
    block_shape: TensorLike = None,
) -> Tensor:
    """Moves places on the first axis into square blocks: the opposite of `space_to_batch`.

    Args:
        input: A tensor of rank 4.
        crops: How much to cut off on the second and third axis afterwards.
        block_size: The size of blocks on these axes.
        name: Name of the operation.
        block_shape: Another form of `block_size`: the size on each axis.

    Returns:
        The tensor.
    """
    sizes = renamed(block_shape, block_size, "block_shape", "block_size")
    shape = [sizes, sizes] if isinstance(sizes, int) else sizes
    return batch_to_space_nd(input, shape, crops, name)


@export("batch_to_space_nd", "manip.batch_to_space_nd")
def batch_to_space_nd(
    input: TensorLike, block_shape: TensorLike, crops: TensorLike, name: str | None = None
) -> Tensor:
    """Moves places on the first axis into blocks: the opposite of `space_to_batch_nd`.

    Args:
        input: A tensor.
        block_shape: The sizes of blocks on the axes after the first.
        crops: How much to cut off on these axes afterwards.
        name: Name of the operation.

    Returns:
        The tensor.
    """
    sizes = _integers(block_shape, "block_shape"), _integers(crops, "crops")
    result: Tensor = BLOCKS(
        convert_to_tensor(input), *sizes, batch_to_space=True, name=name or "BatchToSpaceND"
    )
    return result
