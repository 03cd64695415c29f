"""Operations on sparse tensors.

What happens to the elements is made of operations that gather and add them, and so has a gradient;
operations of their own say only where elements go.

Source of the rules: the tf.compat.v1 documentation of each function.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from runtime.graph import dtypes
from runtime.graph.convert import TensorLike, convert_to_tensor, same_type
from runtime.graph.definition import Definition, Kernel, Spec, View, not_differentiable
from runtime.graph.dtypes import as_dtype
from runtime.graph.export import export
from runtime.graph.graph import get_default_graph
from runtime.graph.indexed_slices import IndexedSlices
from runtime.graph.ops.array import (
    boolean_mask,
    concat,
    gather,
    identity,
    ones_like,
    placeholder,
    reshape,
    shape,
    where,
    zeros_like,
)
from runtime.graph.ops.indexing import gather_nd
from runtime.graph.ops.layout import broadcast_to
from runtime.graph.ops.math import absolute, cast, conj, exp, greater, not_equal
from runtime.graph.ops.math import maximum as larger
from runtime.graph.ops.math import minimum as smaller
from runtime.graph.ops.reduction import reduce_sum
from runtime.graph.ops.rules import checked_kind, renamed, static_int, static_ints
from runtime.graph.ops.segments import (
    segment_mean,
    segment_sum,
    unsorted_segment_max,
    unsorted_segment_mean,
    unsorted_segment_sqrt_n,
    unsorted_segment_sum,
)
from runtime.graph.shapes import Dims, Incompatible, described
from runtime.graph.sparse_tensor import SparseTensor, SparseTensorValue
from runtime.graph.tensor import Tensor

# A sparse tensor, its value, or its three parts.
SparseLike = Any


@export("convert_to_tensor_or_sparse_tensor")
def convert_to_tensor_or_sparse_tensor(
    value: Any, dtype: Any = None, name: str | None = None
) -> Any:
    """A sparse tensor of a sparse value, a tensor of anything else.

    Args:
        value: A `SparseTensor`, a `SparseTensorValue`, or what converts to a tensor.
        dtype: The element type that it must have.
        name: Name of a constant that is made.

    Returns:
        A `SparseTensor` or a tensor.

    Raises:
        RuntimeError: If the element type is another.
    """
    if not isinstance(value, (SparseTensor, SparseTensorValue)):
        return convert_to_tensor(value, dtype, name)
    made = SparseTensor.from_value(value)
    if dtype is not None and made.dtype is not as_dtype(dtype):
        raise RuntimeError(
            f"Sparse dtype mismatch. Requested: {as_dtype(dtype).name}, Actual: {made.dtype.name}"
        )
    return made


def _sparse(value: SparseLike, what: str) -> SparseTensor:
    if isinstance(value, (SparseTensor, SparseTensorValue)):
        return SparseTensor.from_value(value)
    raise TypeError(f"{what} needs a SparseTensor, not {value!r}; use tf.sparse.from_dense.")


@export("sparse_placeholder", "sparse.placeholder")
def sparse_placeholder(dtype: Any, shape: Any = None, name: str | None = None) -> SparseTensor:
    """A sparse tensor that is fed: with a `SparseTensorValue`, or a tuple of its three parts.

    Args:
        dtype: The type of the elements.
        shape: The shape of the whole, with None for sizes that are not known; or a tensor.
        name: Name of the placeholders' scope.

    Returns:
        The sparse tensor.
    """
    from runtime.graph.ops.array import shape_argument
    from runtime.graph.shapes import as_dims

    dims = shape_argument(shape)[0] if isinstance(shape, Tensor) else as_dims(shape)
    rank = None if dims is None else len(dims)
    title = f"{name}/" if name else ""
    sizes = placeholder(dtypes.int64, [rank], name=f"{title}shape" if name else None)
    values = placeholder(dtype, [None], name=f"{title}values" if name else None)
    made = SparseTensor(
        placeholder(dtypes.int64, [None, rank], name=f"{title}indices" if name else None),
        values,
        sizes,
    )
    made.dense_shape.spec.partial = dims
    return made


# Where elements go.


def _line(indices: Any, sizes: Any) -> Any:
    """The place of each element in the flattened whole."""
    if not indices.size:
        return np.zeros(len(indices), np.int64)
    return np.ravel_multi_index(tuple(indices.T), tuple(sizes))


def _unline(line: Any, sizes: Any) -> Any:
    if not len(sizes):
        return np.zeros((len(line), 0), np.int64)
    return (
        np.stack(np.unravel_index(line, tuple(sizes)), 1).astype(np.int64).reshape(-1, len(sizes))
    )


def _checked_places(indices: Any, sizes: Any, sorted_too: bool) -> None:
    """Fails as TensorFlow does if places are out of bounds, repeated or not in rising order."""
    wrong = (indices < 0) | (indices >= np.asarray(sizes))
    if wrong.any():
        first = int(wrong.any(1).argmax())
        raise IndexError(
            f"indices[{first}] = {indices[first].tolist()} is out of bounds: "
            f"need 0 <= index < {np.asarray(sizes).tolist()}"
        )
    steps = np.diff(_line(indices, sizes)) if sorted_too else np.ones(0)
    if (steps <= 0).any():
        first = int((steps <= 0).argmax()) + 1
        how = "repeated" if steps[first - 1] == 0 else "out of order; use tf.sparse.reorder"
        raise ValueError(f"indices[{first}] = {indices[first].tolist()} is {how}")


def _places(name: str, infer: Any, kernel: Kernel | None = None, **how: Any) -> Definition:
    """An operation on indices, which has no gradient."""
    return Definition(name, infer, kernel, gradient=not_differentiable, **how)


def _indices_spec(view: View) -> Spec:
    return Spec(dtypes.int64, view.first.dims)


def _positions(view: View) -> Spec:
    return Spec(dtypes.int64, (None,))


def _picked(values: Tensor, order: Tensor) -> Tensor:
    """Elements in another order; their gradient is whole."""
    result: Tensor = _PICKED(values, order)
    return result


def _picked_gradient(op: Any, dy: Tensor) -> list[Tensor | None]:
    values, order = op.inputs
    return [unsorted_segment_sum(dy, order, shape(values)[0]), None]


_PICKED: Definition = Definition(
    "SparseElements",
    lambda view: Spec(view.first.dtype, view.inputs[1].dims),
    lambda values, order: values[order],
    gradient=_picked_gradient,
)
_ORDER = _places(
    "SparseOrder",
    lambda view: Spec(dtypes.int64, None if view.first.dims is None else view.first.dims[:1]),
    lambda indices, sizes: np.argsort(_line(indices, sizes), kind="stable"),
)


@export("sparse_reorder", "sparse.reorder")
def sparse_reorder(sp_input: SparseLike, name: str | None = None) -> SparseTensor:
    """The same with its elements in rising order of their places, row by row.

    Args:
        sp_input: A sparse tensor.
        name: Name of the scope of the operations.

    Returns:
        The sparse tensor.
    """
    sp = _sparse(sp_input, "sparse_reorder")
    with get_default_graph().name_scope(name or "SparseReorder"):
        order = _ORDER(sp.indices, sp.dense_shape)
        indices, values = gather(sp.indices, order), _picked(sp.values, order)
        return SparseTensor(indices, values, identity(sp.dense_shape))


def _reshaped(indices: Any, sizes: Any, target: Any) -> tuple[Any, Any]:
    whole, known = int(np.prod(sizes)), int(np.prod(target[target >= 0]))
    sizes_now = np.where(target < 0, whole // max(known, 1), target).astype(np.int64)
    if (target < 0).sum() > 1 or int(np.prod(sizes_now)) != whole:
        raise ValueError(
            f"Input to reshape is a SparseTensor of shape {sizes.tolist()} with {whole} dense "
            f"values, which can't have the shape {target.tolist()}"
        )
    return _unline(_line(indices, sizes), sizes_now), sizes_now


def _reshape_spec(view: View) -> tuple[Spec, Spec]:
    rank = None if view.inputs[2].dims is None else view.inputs[2].dims[0]
    count = None if view.first.dims is None else view.first.dims[0]
    target, sizes = view.inputs[2].value, view.inputs[1].value
    spec = Spec(dtypes.int64, (rank,))
    if target is not None and (sizes is not None or (target >= 0).all()):
        known = np.zeros((0, len(sizes if sizes is not None else target)), np.int64)
        spec.partial = tuple(
            _reshaped(known, target if sizes is None else sizes, target)[1].tolist()
        )
    return Spec(dtypes.int64, (count, rank)), spec


_RESHAPE = _places("SparseReshape", _reshape_spec, _reshaped)


@export("sparse_reshape", "sparse.reshape")
def sparse_reshape(
    sp_input: SparseLike, shape: TensorLike, name: str | None = None
) -> SparseTensor:
    """The same elements in another shape.

    Args:
        sp_input: A sparse tensor.
        shape: The new shape; one size may be -1.
        name: Name of the operation.

    Returns:
        The sparse tensor.
    """
    sp = _sparse(sp_input, "sparse_reshape")
    target = (
        convert_to_tensor(shape, dtypes.int64) if _is_plain(shape) else cast(shape, dtypes.int64)
    )
    indices, sizes = _RESHAPE(sp.indices, sp.dense_shape, target, name=name)
    return SparseTensor(indices, identity(sp.values), sizes)


def _is_plain(value: Any) -> bool:
    return not isinstance(value, Tensor) and not hasattr(value, "_as_tensor")


@export("sparse_transpose", "sparse.transpose")
def sparse_transpose(
    sp_input: SparseLike, perm: TensorLike = None, name: str | None = None
) -> SparseTensor:
    """The same with its axes in another order, and its elements in rising order of their places.

    Args:
        sp_input: A sparse tensor.
        perm: The axes in their new order; reversed if None.
        name: Name of the scope of the operations.

    Returns:
        The sparse tensor.
    """
    from runtime.graph.ops.array import range_

    sp = _sparse(sp_input, "sparse_transpose")
    with get_default_graph().name_scope(name or "SparseTranspose"):
        rank = shape(sp.dense_shape)[0]
        order = rank - 1 - range_(rank) if perm is None else convert_to_tensor(perm)
        turned = gather(sp.indices, order, axis=1)
        sizes = gather(sp.dense_shape, order)
        known, places = sp.shape.ndims, order.spec.value
        if known is not None and places is not None:
            listed = sp.shape.as_list()
            sizes.spec.partial = tuple([listed[int(axis)] for axis in places])
        return sparse_reorder(SparseTensor(turned, sp.values, sizes))


@export("sparse_retain", "sparse.retain")
def sparse_retain(sp_input: SparseLike, to_retain: TensorLike) -> SparseTensor:
    """Some of the elements.

    Args:
        sp_input: A sparse tensor.
        to_retain: For each element whether it stays.

    Returns:
        The sparse tensor, of the same shape.
    """
    sp = _sparse(sp_input, "sparse_retain")
    kept = convert_to_tensor(to_retain, dtypes.bool)
    sp.values.shape.assert_is_compatible_with(kept.shape)
    flags = reshape(kept, [-1])
    return SparseTensor(
        boolean_mask(sp.indices, flags), boolean_mask(sp.values, flags), identity(sp.dense_shape)
    )


def _sliced(indices: Any, sizes: Any, start: Any, size: Any) -> tuple[Any, Any, Any]:
    stop = np.minimum(start + size, sizes)
    kept = np.flatnonzero(((indices >= start) & (indices < stop)).all(1))
    return kept, indices[kept] - start, np.maximum(stop - start, 0)


_SLICE = _places(
    "SparseSlice",
    lambda view: (
        Spec(dtypes.int64, (None,)),
        Spec(dtypes.int64, None if view.first.dims is None else (None, view.first.dims[1])),
        Spec(dtypes.int64, view.inputs[1].dims),
    ),
    _sliced,
)


@export("sparse_slice", "sparse.slice")
def sparse_slice(
    sp_input: SparseLike, start: TensorLike, size: TensorLike, name: str | None = None
) -> SparseTensor:
    """A block of a sparse tensor.

    Args:
        sp_input: A sparse tensor.
        start: Where the block begins, for each axis.
        size: The most that it has along each axis.
        name: Name of the operation.

    Returns:
        The block, as large as there is something.
    """
    sp = _sparse(sp_input, "sparse_slice")
    first, sizes = (_whole_numbers(v) for v in (start, size))
    kept, indices, dense = _SLICE(sp.indices, sp.dense_shape, first, sizes, name=name)
    return SparseTensor(indices, _picked(sp.values, kept), dense)


def _whole_numbers(value: TensorLike) -> Tensor:
    return cast(checked_kind(convert_to_tensor(value), "iu", "A size"), dtypes.int64)


@export("sparse_split", "sparse.split")
def sparse_split(
    keyword_required: Any = None,
    sp_input: SparseLike = None,
    num_split: int | None = None,
    axis: TensorLike = None,
    name: str | None = None,
    split_dim: TensorLike = None,
) -> list[SparseTensor]:
    """The blocks of a sparse tensor along an axis; the first ones are larger if it does not divide.

    Args:
        keyword_required: Must be left out: the others are given by their names.
        sp_input: A sparse tensor.
        num_split: The number of blocks.
        axis: The axis.
        name: Name of the scope of the operations.
        split_dim: The old name of `axis`.

    Returns:
        A list of sparse tensors.

    Raises:
        ValueError: If an argument is missing or not given by its name.
    """
    along = renamed(axis, split_dim, "axis", "split_dim")
    if keyword_required is not None or sp_input is None or num_split is None or along is None:
        raise ValueError("sparse_split needs sp_input=, num_split= and axis=, all by their names.")
    sp = _sparse(sp_input, "sparse_split")
    number = static_int(along, "The axis of sparse_split")
    with get_default_graph().name_scope(name or "SparseSplit"):
        size = sp.dense_shape[number]
        least, more = size // num_split, size % num_split
        blocks = []
        for index in range(num_split):
            begin = least * index + smaller(more, np.int64(index))
            end = least * (index + 1) + smaller(more, np.int64(index + 1))
            flag = _UNIT(sp.dense_shape, axis=number)
            start = flag * begin
            blocks.append(sparse_slice(sp, start, sp.dense_shape + flag * (end - begin - size)))
        return blocks


def _bind_unit(view: View) -> Kernel:
    return lambda sizes: np.eye(len(sizes), dtype=np.int64)[view["axis"]]


_UNIT = _places("SparseAxis", _indices_spec, bind=_bind_unit)


def _bind_joined(view: View) -> Kernel:
    axis, expand, count = view["axis"], view["expand"], view["count"]

    def joined(*parts: Any) -> tuple[Any, Any, Any]:
        indices, sizes = parts[:count], np.stack(parts[count:])
        whole = sizes.max(0)
        others = np.delete(sizes, axis, 1)
        if not expand and (others != others[0]).any():
            raise ValueError(
                f"All shapes must match except along axis {axis}: {sizes.tolist()}; "
                "expand_nonconcat_dims=True takes the largest."
            )
        lengths = sizes[:, axis]
        whole[axis] = lengths.sum()
        starts = np.cumsum(lengths) - lengths
        moved = [part.copy() for part in indices]
        for part, start in zip(moved, starts, strict=True):
            part[:, axis] += start
        every = np.concatenate(moved)
        order = np.argsort(_line(every, whole), kind="stable")
        return every[order], order, whole

    return joined


_JOIN = _places(
    "SparseConcat",
    lambda view: (
        Spec(dtypes.int64, None if view.first.dims is None else (None, view.first.dims[1])),
        Spec(dtypes.int64, (None,)),
        Spec(dtypes.int64, view.inputs[view["count"]].dims),
    ),
    bind=_bind_joined,
)


@export("sparse_concat", "sparse.concat")
def sparse_concat(
    axis: int,
    sp_inputs: Sequence[SparseLike],
    name: str | None = None,
    expand_nonconcat_dim: bool = False,
    concat_dim: int | None = None,
    expand_nonconcat_dims: bool | None = None,
) -> SparseTensor:
    """Joins sparse tensors along an axis.

    Args:
        axis: The axis.
        sp_inputs: The sparse tensors.
        name: Name of the operation.
        expand_nonconcat_dim: Whether the other axes may differ; the largest is taken.
        concat_dim: The old name of `axis`.
        expand_nonconcat_dims: The same as `expand_nonconcat_dim`.

    Returns:
        The sparse tensor.

    Raises:
        TypeError: If something else than sparse tensors is given.
    """
    along = renamed(axis, concat_dim, "axis", "concat_dim")
    inputs = [_sparse(sp, "sparse_concat") for sp in sp_inputs]
    values = same_type(*[sp.values for sp in inputs])
    indices, order, sizes = _JOIN(
        *[sp.indices for sp in inputs],
        *[sp.dense_shape for sp in inputs],
        axis=static_int(along, "The axis of sparse_concat"),
        expand=bool(expand_nonconcat_dim or expand_nonconcat_dims),
        count=len(inputs),
        name=name,
    )
    return SparseTensor(indices, _picked(concat(values, 0), order), sizes)


@export("sparse.expand_dims")
def sparse_expand_dims(
    sp_input: SparseLike, axis: TensorLike = None, name: str | None = None
) -> SparseTensor:
    """The same with an axis of size 1 more.

    Args:
        sp_input: A sparse tensor.
        axis: Where the axis goes; to the end if None.
        name: Name of the scope of the operations.

    Returns:
        The sparse tensor.
    """
    sp = _sparse(sp_input, "sparse.expand_dims")
    rank = _rank(sp, "sparse.expand_dims")
    place = rank if axis is None else static_int(axis, "The axis of sparse.expand_dims")
    place = place + rank + 1 if place < 0 else place
    sizes = sp.dense_shape
    target = concat([sizes[:place], [np.int64(1)], sizes[place:]], 0)
    return sparse_reshape(sp, target, name)


def _rank(sp: SparseTensor, what: str) -> int:
    rank = sp.shape.ndims
    if rank is None:
        raise ValueError(f"{what} needs to know the number of axes of {sp!r}.")
    return rank


def _filled_rows(indices: Any, sizes: Any) -> tuple[Any, Any, Any, Any]:
    rows = int(sizes[0])
    empty = np.ones(rows, np.bool_)
    empty[indices[:, 0]] = False
    more = np.zeros((int(empty.sum()), indices.shape[1]), np.int64)
    more[:, 0] = np.flatnonzero(empty)
    every = np.concatenate([indices, more])
    order = np.argsort(_line(every, sizes), kind="stable")
    return every[order], order, empty, more[:, 0]


_FILL_ROWS = _places(
    "SparseFillEmptyRows",
    lambda view: (
        Spec(dtypes.int64, None if view.first.dims is None else (None, view.first.dims[1])),
        Spec(dtypes.int64, (None,)),
        Spec(dtypes.bool, (None,)),
        Spec(dtypes.int64, (None,)),
    ),
    _filled_rows,
)


@export("sparse_fill_empty_rows", "sparse.fill_empty_rows")
def sparse_fill_empty_rows(
    sp_input: SparseLike, default_value: TensorLike, name: str | None = None
) -> tuple[SparseTensor, Tensor]:
    """The same with an element at the beginning of each row that had none.

    Args:
        sp_input: A sparse tensor.
        default_value: The element.
        name: Name of the operation.

    Returns:
        The sparse tensor, and for each row whether it was empty.
    """
    sp = _sparse(sp_input, "sparse_fill_empty_rows")
    default = convert_to_tensor(default_value, sp.dtype)
    indices, order, empty, more = _FILL_ROWS(sp.indices, sp.dense_shape, name=name)
    every = concat([sp.values, broadcast_to(default, shape(more))], 0)
    return SparseTensor(indices, _picked(every, order), identity(sp.dense_shape)), empty


@export("sparse_reset_shape", "sparse.reset_shape")
def sparse_reset_shape(sp_input: SparseLike, new_shape: TensorLike = None) -> SparseTensor:
    """The same elements in a whole of another size.

    Args:
        sp_input: A sparse tensor.
        new_shape: The size, none smaller than before; the smallest that holds all elements if
            None.

    Returns:
        The sparse tensor.
    """
    sp = _sparse(sp_input, "sparse_reset_shape")
    if new_shape is not None:
        sizes = larger(_whole_numbers(new_shape), sp.dense_shape)
    else:
        sizes = _TIGHT(sp.indices, sp.dense_shape)
    return SparseTensor(identity(sp.indices), identity(sp.values), sizes)


_TIGHT = _places(
    "SparseTightShape",
    lambda view: Spec(dtypes.int64, view.inputs[1].dims),
    lambda indices, sizes: indices.max(0) + 1 if len(indices) else np.zeros_like(sizes),
)


# From and to whole tensors.


def _dense(indices: Any, values: Any, sizes: Any, default: Any) -> Any:
    dense = np.empty(tuple(sizes), values.dtype)
    dense[...] = default
    dense[tuple(indices.T)] = values
    return dense


def _bind_dense(view: View) -> Kernel:
    checked = view["checked"]

    def dense(indices: Any, values: Any, sizes: Any, default: Any) -> Any:
        _checked_places(indices, sizes, checked)
        return _dense(indices, values, sizes, default)

    return dense


def _dense_spec(view: View) -> Spec:
    sizes = view.inputs[2]
    if sizes.value is not None:
        return Spec(view.inputs[1].dtype, tuple(sizes.value.tolist()))
    axes = None if sizes.dims is None else sizes.dims[0]
    dims: Dims = sizes.partial or (None if axes is None else (None,) * axes)
    return Spec(view.inputs[1].dtype, dims)


def _dense_gradient(op: Any, dy: Tensor) -> list[Tensor | None]:
    values = gather_nd(dy, op.inputs[0])
    rest = reduce_sum(dy) - reduce_sum(values)
    return [None, reshape(values, shape(op.inputs[1])), None, rest]


TO_DENSE: Definition = Definition(
    "SparseToDense", _dense_spec, bind=_bind_dense, gradient=_dense_gradient
)


@export("sparse_to_dense")
def sparse_to_dense(
    sparse_indices: TensorLike,
    output_shape: TensorLike,
    sparse_values: TensorLike,
    default_value: TensorLike = 0,
    validate_indices: bool = True,
    name: str | None = None,
) -> Tensor:
    """A whole tensor of some elements.

    Args:
        sparse_indices: Where they are: ``[elements, axes]``; a vector for a vector of elements,
            a scalar for one element.
        output_shape: The shape of the whole.
        sparse_values: The elements, or one for all places.
        default_value: What stands where there is no element.
        validate_indices: Whether it is an error in the run that places are not in rising order.
        name: Name of the operation.

    Returns:
        The tensor.
    """
    values = convert_to_tensor(sparse_values)
    places = _whole_numbers(sparse_indices)
    rank = places.shape.ndims
    if rank is not None and rank < 2:
        places = reshape(places, [-1, 1])
    values = broadcast_to(values, shape(places)[:1]) if values.dims == () else values
    return TO_DENSE(  # type: ignore[no-any-return]  # a tensor
        places,
        values,
        _whole_numbers(output_shape),
        convert_to_tensor(default_value, values.dtype),
        checked=validate_indices,
        name=name,
    )


@export("sparse_tensor_to_dense", "sparse.to_dense")
def sparse_tensor_to_dense(
    sp_input: SparseLike,
    default_value: Any = None,
    validate_indices: bool = True,
    name: str | None = None,
) -> Tensor:
    """A whole tensor of the elements that are there.

    Args:
        sp_input: A sparse tensor.
        default_value: What stands where there is no element; 0 or the empty string if None.
        validate_indices: Whether it is an error in the run that places are not in rising order.
        name: Name of the operation.

    Returns:
        The tensor.
    """
    sp = _sparse(sp_input, "sparse_tensor_to_dense")
    if default_value is None:
        default_value = "" if sp.dtype is dtypes.string else False if sp.dtype is dtypes.bool else 0
    default = convert_to_tensor(default_value, sp.dtype)
    result: Tensor = TO_DENSE(
        sp.indices, sp.values, sp.dense_shape, default, checked=validate_indices, name=name
    )
    return result


@export("sparse.from_dense")
def from_dense(tensor: TensorLike, name: str | None = None) -> SparseTensor:
    """The elements of a tensor that are not zero.

    Args:
        tensor: A tensor.
        name: Name of the scope of the operations.

    Returns:
        The sparse tensor.
    """
    whole = convert_to_tensor(tensor)
    with get_default_graph().name_scope(name or "dense_to_sparse"):
        empty = "" if whole.dtype is dtypes.string else False if whole.dtype is dtypes.bool else 0
        indices = where(not_equal(whole, convert_to_tensor(empty, whole.dtype)))
        return SparseTensor(indices, gather_nd(whole, indices), shape(whole, out_type=dtypes.int64))


@export("sparse_to_indicator", "sparse.to_indicator")
def sparse_to_indicator(sp_input: SparseLike, vocab_size: Any, name: str | None = None) -> Tensor:
    """For each row of ids which ids it has.

    Args:
        sp_input: A sparse tensor of int32 or int64.
        vocab_size: The number of ids.
        name: Name of the scope of the operations.

    Returns:
        A bool tensor whose last axis is that of the ids.
    """
    sp = _sparse(sp_input, "sparse_to_indicator")
    with get_default_graph().name_scope(name or "SparseToIndicator"):
        ids = reshape(_whole_numbers(sp.values), [-1, 1])
        places = concat([sp.indices[:, :-1], ids], 1)
        size = reshape(cast(convert_to_tensor(vocab_size), dtypes.int64), [1])
        sizes = concat([sp.dense_shape[:-1], size], 0)
        return sparse_to_dense(places, sizes, True, False, validate_indices=False)


@export("sparse.eye")
def sparse_eye(
    num_rows: int,
    num_columns: int | None = None,
    dtype: Any = dtypes.float32,
    name: str | None = None,
) -> SparseTensor:
    """A matrix with ones on the diagonal.

    Args:
        num_rows: The number of rows.
        num_columns: The number of columns; as many as rows if None.
        dtype: The element type.
        name: Name of the scope of the operations.

    Returns:
        The sparse matrix.
    """
    columns = num_rows if num_columns is None else num_columns
    with get_default_graph().name_scope(name or "eye"):
        places = np.arange(min(num_rows, columns), dtype=np.int64)
        ones = np.ones(len(places), as_dtype(dtype).numpy)
        return SparseTensor(np.stack([places, places], 1), ones, [num_rows, columns])


def elements_of(dense: TensorLike, sp: SparseTensor) -> Tensor:
    """The elements of a whole tensor where a sparse one has some.

    Args:
        dense: A tensor that can be broadcast to its shape.
        sp: The sparse tensor.

    Returns:
        A vector with as many elements.
    """
    whole = convert_to_tensor(dense, sp.dtype)
    return whole if whole.dims == () else gather_nd(broadcast_to(whole, sp.dense_shape), sp.indices)


# Products.


def _rows_and_columns(view: View) -> tuple[int, int]:
    return (1, 0) if view["adjoint_a"] else (0, 1)


def _product_spec(view: View) -> Spec:
    sizes, b = view.inputs[2], view.inputs[3].dims
    row, column = _rows_and_columns(view)
    known = sizes.partial if sizes.value is None else tuple(sizes.value.tolist())
    known = known or (None, None)
    if b is None:
        return Spec(view.inputs[3].dtype, (known[row], None))
    if len(b) != 2 or (None not in (known[column], b[0]) and known[column] != b[0]):
        raise Incompatible(
            f"a sparse matrix of shape {described(known)} and a matrix of shape {described(b)} "
            f"can't be multiplied{' (adjoint_a)' if row else ''}"
        )
    return Spec(view.inputs[3].dtype, (known[row], b[1]))


def _bind_product(view: View) -> Kernel:
    row, column = _rows_and_columns(view)

    def product(indices: Any, values: Any, sizes: Any, b: Any) -> Any:
        if sizes[column] != len(b):
            raise ValueError(
                f"Cannot multiply A and B because inner dimension does not match: {sizes[column]} "
                f"vs. {len(b)}. Did you forget a transpose? Dimensions of A: {sizes.tolist()}, "
                f"B: {b.shape}"
            )
        _checked_places(indices, sizes, sorted_too=False)
        result = np.zeros((int(sizes[row]), b.shape[1]), b.dtype)
        _add_rows(result, indices[:, row], values, b, indices[:, column])
        return result

    return product


def _add_rows(result: Any, rows: Any, values: Any, b: Any, columns: Any) -> None:
    """Adds multiples of some rows of b to rows of the result."""
    if not len(rows):
        return
    if (np.diff(rows) < 0).any():
        order = np.argsort(rows, kind="stable")
        rows, values, columns = rows[order], values[order], columns[order]
    starts = np.flatnonzero(np.diff(rows, prepend=-1))
    terms = b[columns]
    terms *= values[:, None]
    result[rows[starts]] = np.add.reduceat(terms, starts)


def _product_gradient(op: Any, dy: Tensor) -> list[Tensor | None]:
    indices, values, sizes, b = op.inputs
    turned = op.attributes["adjoint_a"]
    row, column = (1, 0) if turned else (0, 1)
    slope = reduce_sum(gather(dy, indices[:, row]) * conj(gather(b, indices[:, column])), 1)
    to_b: Tensor = _PRODUCT(indices, conj(values), sizes, dy, adjoint_a=not turned)
    return [None, conj(slope) if turned else slope, None, to_b]


_PRODUCT: Definition = Definition(
    "SparseTensorDenseMatMul",
    _product_spec,
    bind=_bind_product,
    gradient=_product_gradient,
    floating=True,
)


@export("sparse_tensor_dense_matmul", "sparse.sparse_dense_matmul", "sparse.matmul")
def sparse_tensor_dense_matmul(
    sp_a: SparseLike,
    b: Any,
    adjoint_a: bool = False,
    adjoint_b: bool = False,
    name: str | None = None,
) -> Tensor:
    """The product of a sparse matrix and a whole one.

    Args:
        sp_a: A sparse matrix; or a whole one, if `b` is sparse.
        b: A matrix; or a sparse one.
        adjoint_a: Whether to transpose (and conjugate) the first one.
        adjoint_b: Whether to transpose (and conjugate) the second one.
        name: Name of the operation.

    Returns:
        The matrix.

    Raises:
        ValueError: If the shapes don't fit.
    """
    from runtime.graph.ops.linear_algebra import adjoint

    if isinstance(b, (SparseTensor, SparseTensorValue)):
        turned = sparse_tensor_dense_matmul(b, sp_a, not adjoint_b, not adjoint_a)
        return adjoint(turned, name or "SparseTensorDenseMatMul")
    sp = _sparse(sp_a, "sparse_tensor_dense_matmul")
    values, matrix = same_type(sp.values, b, names=("sp_a", "b"))
    checked_kind(values, "fciu", "sparse_tensor_dense_matmul")
    matrix = adjoint(matrix) if adjoint_b else matrix
    values = conj(values) if adjoint_a else values
    result: Tensor = _PRODUCT(
        sp.indices, values, sp.dense_shape, matrix, adjoint_a=adjoint_a, name=name
    )
    return result


@export("sparse_matmul")
def sparse_matmul(
    a: TensorLike,
    b: TensorLike,
    transpose_a: bool = False,
    transpose_b: bool = False,
    a_is_sparse: bool = False,
    b_is_sparse: bool = False,
    name: str | None = None,
) -> Tensor:
    """The product of two whole matrices, many of whose elements may be zero.

    Args:
        a: A matrix.
        b: A matrix.
        transpose_a: Whether to transpose `a` first.
        transpose_b: Whether to transpose `b` first.
        a_is_sparse: A hint that has no effect.
        b_is_sparse: A hint that has no effect.
        name: Name of the operation.

    Returns:
        The matrix.
    """
    from runtime.graph.ops.math import matmul

    return matmul(a, b, transpose_a, transpose_b, name=name or "SparseMatMul")


# Sums and extremes.


def _bind_reduced(view: View) -> Kernel:
    axes, keep = view["axes"], view["keep"]

    def reduced(indices: Any, sizes: Any) -> tuple[Any, Any, Any]:
        rank = len(sizes)
        gone = range(rank) if axes is None else [a % rank for a in axes]
        rest = sizes.copy()
        rest[list(gone)] = 1
        places = indices.copy()
        places[:, list(gone)] = 0
        kept = rest if keep else np.delete(rest, list(gone))
        return _line(places, rest), np.int64(np.prod(rest)), kept.astype(np.int64)

    return reduced


def _reduced_specs(view: View) -> tuple[Spec, ...]:
    sizes, axes, keep = view.inputs[1], view["axes"], view["keep"]
    dims = sizes.partial if sizes.value is None else tuple(sizes.value.tolist())
    rank = None if sizes.dims is None else sizes.dims[0]
    dims = dims if dims is not None or rank is None else (None,) * rank
    last = Spec(dtypes.int64, (None,))
    if dims is not None:
        gone = {a % len(dims) for a in (range(len(dims)) if axes is None else axes)}
        kept = [1 if i in gone else d for i, d in enumerate(dims) if keep or i not in gone]
        last = Spec(dtypes.int64, (len(kept),), partial=tuple(kept))
    elif axes is None and not keep:
        last = Spec(dtypes.int64, (0,), partial=())
    return Spec(dtypes.int64, (None,)), Spec(dtypes.int64, ()), last


_REDUCED = _places("SparseReducedPlaces", _reduced_specs, bind=_bind_reduced)


def _reduce(
    sp_input: SparseLike,
    axis: TensorLike,
    keep: Any,
    what: str,
    combine: Callable[..., Tensor],
    sparse: bool,
) -> Any:
    """Combines the elements along axes: to a whole tensor, or to where something is left."""
    sp = _sparse(sp_input, what)
    axes = None if axis is None else static_ints(axis, f"The axis of {what}")
    if axes is not None and sp.shape.ndims is not None:
        for number in axes:
            if not -sp.shape.ndims <= number < sp.shape.ndims:
                raise ValueError(f"{what}: axis {number} is out of range for {sp!r}.")
    with get_default_graph().name_scope(what):
        places, count, sizes = _REDUCED(sp.indices, sp.dense_shape, axes=axes, keep=bool(keep))
        flat = combine(sp.values, places, count)
        if not sparse:
            return reshape(flat, sizes)
        there = _DISTINCT(places)
        spread = SparseTensor(reshape(there, [-1, 1]), _picked(flat, there), reshape(count, [1]))
        return sparse_reshape(spread, sizes)


_DISTINCT = _places("SparseDistinct", _positions, np.unique)


def _largest(values: Tensor, places: Tensor, count: Tensor) -> Tensor:
    """The largest elements; zero where there is none."""
    found = unsorted_segment_max(values, places, count)
    some = unsorted_segment_sum(ones_like(values), places, count)
    return where(greater(some, zeros_like(some)), found, zeros_like(found))


def _reduction(name: str, combine: Callable[..., Tensor], doc: str) -> None:
    what = f"sparse_{name}"

    @export(what, f"sparse.{name}")
    def dense(
        sp_input: SparseLike,
        axis: TensorLike = None,
        keepdims: bool | None = None,
        reduction_axes: TensorLike = None,
        keep_dims: bool | None = None,
    ) -> Any:
        along = renamed(axis, reduction_axes, "axis", "reduction_axes")
        keep = renamed(keepdims, keep_dims, "keepdims", "keep_dims")
        return _reduce(sp_input, along, keep, what, combine, sparse=False)

    @export(f"{what}_sparse", f"sparse.{name}_sparse")
    def sparse(
        sp_input: SparseLike,
        axis: TensorLike = None,
        keepdims: bool | None = None,
        reduction_axes: TensorLike = None,
        keep_dims: bool | None = None,
    ) -> Any:
        along = renamed(axis, reduction_axes, "axis", "reduction_axes")
        keep = renamed(keepdims, keep_dims, "keepdims", "keep_dims")
        return _reduce(sp_input, along, keep, what, combine, sparse=True)

    for function, result in ((dense, "A whole tensor."), (sparse, "A sparse tensor.")):
        end = "_sparse" if function is sparse else ""
        function.__name__ = function.__qualname__ = f"sparse_{name}{end}"
        function.__doc__ = f"""{doc} of a sparse tensor along axes.

    Args:
        sp_input: A sparse tensor.
        axis: An axis, or a list of axes; all if None.
        keepdims: Whether the axes stay, with size 1.
        reduction_axes: The old name of `axis`.
        keep_dims: The old name of `keepdims`.

    Returns:
        {result}
    """


_reduction("reduce_sum", unsorted_segment_sum, "The sums of the elements")
_reduction("reduce_max", _largest, "The largest of the elements that are there")


@export("sparse_softmax", "sparse.softmax")
def sparse_softmax(sp_input: SparseLike, name: str | None = None) -> SparseTensor:
    """The softmax of the elements that are there along the last axis.

    Args:
        sp_input: A sparse tensor of floating-point numbers with two axes or more.
        name: Name of the scope of the operations.

    Returns:
        A sparse tensor with elements in the same places.
    """
    from runtime.graph.ops.array import stop_gradient

    sp = _sparse(sp_input, "sparse_softmax")
    checked_kind(sp.values, "f", "sparse_softmax")
    with get_default_graph().name_scope(name or "SparseSoftmax"):
        rows, count, _ = _REDUCED(sp.indices, sp.dense_shape, axes=(-1,), keep=False)
        largest = stop_gradient(unsorted_segment_max(sp.values, rows, count))
        raised = exp(sp.values - gather(largest, rows))
        return sp.with_values(raised / gather(unsorted_segment_sum(raised, rows, count), rows))


# Two sparse tensors.


def _union(first: Any, second: Any, sizes: Any, other: Any) -> tuple[Any, Any]:
    if sizes.tolist() != other.tolist():
        raise ValueError(
            f"Operands' shapes do not match: got {sizes.tolist()} for a and {other.tolist()} for b"
        )
    line = _line(np.concatenate([first, second]), sizes)
    places, which = np.unique(line, return_inverse=True)
    return _unline(places, sizes), which.reshape(-1)


_UNION = _places(
    "SparseUnion",
    lambda view: (
        Spec(dtypes.int64, None if view.first.dims is None else (None, view.first.dims[1])),
        Spec(dtypes.int64, (None,)),
    ),
    _union,
)


def _united(a: SparseTensor, b: SparseTensor, name: str) -> tuple[Tensor, Tensor, Tensor]:
    """The places of both, and the elements of each there."""
    places, which = _UNION(a.indices, b.indices, a.dense_shape, b.dense_shape, name=name)
    count = shape(places)[0]
    border = shape(a.values)[0]
    x, y = same_type(a.values, b.values, names=("a", "b"))
    return (
        places,
        unsorted_segment_sum(x, which[:border], count),
        unsorted_segment_sum(y, which[border:], count),
    )


@export("sparse_add", "sparse.add")
def sparse_add(a: Any, b: Any, threshold: Any = None, thresh: Any = None) -> Any:
    """The sum of two tensors, of which at least one is sparse.

    Args:
        a: A sparse tensor, or a whole one.
        b: A sparse tensor, or a whole one.
        threshold: Of two sparse ones: sums of a smaller absolute value are left out; 0 keeps all.
        thresh: The old name of `threshold`.

    Returns:
        A sparse tensor, if both are; else a whole one.

    Raises:
        TypeError: If neither is sparse.
    """
    kinds = (SparseTensor, SparseTensorValue)
    if not isinstance(a, kinds) and not isinstance(b, kinds):
        raise TypeError("At least one input should be SparseTensor; use tf.add for whole tensors.")
    first, second = (convert_to_tensor_or_sparse_tensor(x) for x in (a, b))
    limit = renamed(threshold, thresh, "threshold", "thresh")
    if isinstance(first, Tensor) or isinstance(second, Tensor):
        sp, dense = (second, first) if isinstance(first, Tensor) else (first, second)
        return dense + _added_up(sp)
    first.shape.assert_is_compatible_with(second.shape)
    places, x, y = _united(first, second, "SparseAdd")
    result = SparseTensor(places, x + y, identity(first.dense_shape))
    if limit is None or (_is_plain(limit) and not limit):
        return result
    bound = convert_to_tensor(limit, first.dtype.real_dtype)
    return sparse_retain(result, absolute(result.values) >= bound)


def _added_up(sp: SparseTensor) -> Tensor:
    """The whole tensor; elements in the same place are added."""
    places, count, _ = _REDUCED(sp.indices, sp.dense_shape, axes=(), keep=False)
    return reshape(unsorted_segment_sum(sp.values, places, count), sp.dense_shape)


def _extreme(name: str, choose: Callable[..., Tensor], doc: str) -> None:
    @export(f"sparse_{name}", f"sparse.{name}")
    def function(sp_a: SparseLike, sp_b: SparseLike, name: str | None = None) -> SparseTensor:
        a, b = (_sparse(sp, function.__name__) for sp in (sp_a, sp_b))
        places, x, y = _united(a, b, name or function.__name__)
        return SparseTensor(places, choose(x, y), identity(a.dense_shape))

    function.__name__ = function.__qualname__ = f"sparse_{name}"
    function.__doc__ = f"""The {doc} of two sparse tensors; elements that are not there are zero.

    Args:
        sp_a: A sparse tensor.
        sp_b: A sparse tensor of the same shape.
        name: Name of the operation.

    Returns:
        A sparse tensor with an element wherever one of them has one.
    """


_extreme("maximum", larger, "larger elements")
_extreme("minimum", smaller, "smaller elements")


# Rows of gradients, and sums of rows.


@export("sparse_mask", "sparse.mask")
def sparse_mask(
    a: IndexedSlices, mask_indices: TensorLike, name: str | None = None
) -> IndexedSlices:
    """Rows without those of some indices.

    Args:
        a: The rows.
        mask_indices: The indices of the rows that go.
        name: Name of the scope of the operations.

    Returns:
        The other rows.
    """
    from runtime.graph.ops.indexing import setdiff1d

    with get_default_graph().name_scope(name or "sparse_mask"):
        gone = convert_to_tensor(mask_indices, a.indices.dtype)
        indices, kept = setdiff1d(a.indices, gone)
        return IndexedSlices(gather(a.values, kept), indices, a.dense_shape)


def _of_gathered(
    name: str, combine: Callable[..., Tensor], with_count: Callable[..., Tensor], doc: str
) -> None:
    @export(f"sparse_{name}", f"sparse.{name}")
    def function(
        data: TensorLike,
        indices: TensorLike,
        segment_ids: TensorLike,
        name: str | None = None,
        num_segments: TensorLike = None,
        sparse_gradient: bool = False,
    ) -> Tensor:
        with get_default_graph().name_scope(name or function.__name__):
            rows = gather(data, indices)
            if num_segments is not None:
                return with_count(rows, segment_ids, num_segments)
            return combine(rows, segment_ids)

    function.__name__ = function.__qualname__ = f"sparse_{name}"
    function.__doc__ = f"""{doc} of the rows of each segment, of some rows of a tensor.

    Args:
        data: A tensor.
        indices: Which of its rows.
        segment_ids: For each of these the number of its segment, never falling.
        name: Name of the scope of the operations.
        num_segments: The number of segments; up to the last one that has rows if None.
        sparse_gradient: Without effect: the gradient is rows of a gradient in any case.

    Returns:
        A tensor with a row for each segment.
    """


def _root_weighted(rows: Tensor, ids: TensorLike) -> Tensor:
    numbers = convert_to_tensor(ids)
    return unsorted_segment_sqrt_n(rows, numbers, numbers[-1] + 1)


_of_gathered("segment_sum", segment_sum, unsorted_segment_sum, "The sum")
_of_gathered("segment_mean", segment_mean, unsorted_segment_mean, "The mean")
_of_gathered(
    "segment_sqrt_n",
    _root_weighted,
    unsorted_segment_sqrt_n,
    "The sum, divided by the root of their number,",
)
