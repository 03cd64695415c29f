"""Shapes, slicing, joining, filling: operations that move elements without calculating."""

import builtins
from collections.abc import Sequence
from typing import Any

import numpy as np

from runtime.graph import dtypes
from runtime.graph.arrays import array_of
from runtime.graph.convert import (
    TensorLike,
    constant_of,
    convert_to_tensor,
    holds_tensor,
    same_type,
)
from runtime.graph.definition import Definition, Kernel, Spec, View, not_differentiable
from runtime.graph.dtypes import DType, as_dtype
from runtime.graph.export import export
from runtime.graph.graph import get_default_graph, graph_of
from runtime.graph.indexed_slices import IndexedSlices
from runtime.graph.nest import flatten
from runtime.graph.ops.rules import (
    as_attributes,
    checked_kind,
    rank_of,
    renamed,
    static_int,
    static_ints,
    static_value,
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
    element_count,
    fully_known,
    merged,
    normalized_axis,
)
from runtime.graph.tensor import OVERLOADS, Tensor

_INDEX = "iu"

# Placeholders.


def _not_fed(view: View) -> Kernel:
    op = view.op
    dims = described(op.attributes["dims"])
    dtype = op.attributes["dtype"].name

    def fail() -> Any:
        raise ValueError(
            f"You must feed a value for placeholder tensor {op.name!r} with dtype {dtype} and "
            f"shape {dims}: give it in feed_dict."
        )

    return fail


PLACEHOLDER: Definition = Definition(
    "Placeholder",
    as_attributes,
    bind=_not_fed,
    stateful=True,
    reading=True,
    gradient=not_differentiable,
)


@export("placeholder")
def placeholder(dtype: Any, shape: Any = None, name: str | None = None) -> Tensor:
    """A tensor whose value has to be fed in each run that needs it.

    Args:
        dtype: The element type.
        shape: The static shape, with None for what isn't known; None if nothing is.
        name: Name of the operation.

    Returns:
        A tensor.
    """
    result: Tensor = PLACEHOLDER(dtype=as_dtype(dtype), dims=as_dims(shape), name=name)
    return result


PLACEHOLDER_WITH_DEFAULT: Definition = Definition(
    "PlaceholderWithDefault",
    lambda view: Spec(view.first.dtype, view["dims"]),
    lambda default: default,
    template="{0}",
    aliases=True,
    stateful=True,
    reading=True,
    gradient=lambda op, dy: [dy],
)


@export("placeholder_with_default")
def placeholder_with_default(input: TensorLike, shape: Any, name: str | None = None) -> Tensor:
    """A tensor whose value may be fed.

    Args:
        input: The value if none is fed.
        shape: The static shape of what may be fed.
        name: Name of the operation.

    Returns:
        A tensor.

    Raises:
        ValueError: If the default does not have such a shape.
    """
    default, dims = convert_to_tensor(input), as_dims(shape)
    if not compatible(default.dims, dims):
        raise ValueError(
            f"The default of shape {described(default.dims)} does not fit the placeholder "
            f"{name or 'PlaceholderWithDefault'!r} of shape {described(dims)}."
        )
    result: Tensor = PLACEHOLDER_WITH_DEFAULT(default, dims=dims, name=name)
    return result


# The same value again.


def _always(view: View) -> int:
    return 0


IDENTITY: Definition = Definition(
    "Identity",
    lambda view: Spec(view.first.dtype, view.first.dims, partial=view.first.partial),
    template="{0}",
    passes=_always,
    aliases=True,
    gradient=lambda op, dy: [dy],
)


@export("identity")
def identity(input: TensorLike, name: str | None = None) -> Tensor:
    """A tensor of the same value.

    Args:
        input: A tensor.
        name: Name of the operation.

    Returns:
        Another tensor with that value; of a `SparseTensor` or `IndexedSlices` the same kind.
    """
    if hasattr(input, "_of_parts"):
        return input._of_parts([identity(p, name) for p in input._parts()])  # type: ignore[no-any-return]  # the same kind
    result: Tensor = IDENTITY(convert_to_tensor(input), name=name)
    return result


STOP_GRADIENT: Definition = Definition(
    "StopGradient",
    unchanged,
    template="{0}",
    passes=_always,
    aliases=True,
    gradient=not_differentiable,
)


@export("stop_gradient")
def stop_gradient(input: TensorLike, name: str | None = None) -> Tensor:
    """A tensor of the same value through which no gradient flows.

    Args:
        input: A tensor.
        name: Name of the operation.

    Returns:
        Another tensor with that value.
    """
    result: Tensor = STOP_GRADIENT(convert_to_tensor(input), name=name)
    return result


# Sizes.


def _shape_spec(view: View) -> Spec:
    dims, target = view.first.dims, view["dtype"]
    if dims is None:
        return Spec(target, (None,))
    known = np.array(dims, target.numpy) if fully_known(dims) else None
    return Spec(target, (len(dims),), known, partial=dims)


SHAPE: Definition = Definition(
    "Shape",
    _shape_spec,
    bind=lambda view: lambda x: np.array(x.shape, view["dtype"].numpy),
    gradient=not_differentiable,
)


@export("shape")
def shape(
    input: TensorLike,
    name: str | None = None,
    out_type: Any = None,
) -> Tensor:
    """The shape of a tensor, as a tensor.

    Args:
        input: A tensor.
        name: Name of the operation.
        out_type: The type of the sizes: int32 (if None) or int64.

    Returns:
        A vector with the size of each axis.
    """
    if hasattr(input, "with_values"):  # a sparse tensor
        return OVERLOADS["cast"](input.dense_shape, out_type or dtypes.int32, name)
    result: Tensor = SHAPE(
        convert_to_tensor(input), dtype=as_dtype(out_type or dtypes.int32), name=name
    )
    return result


def _size_spec(view: View) -> Spec:
    count = element_count(view.first.dims)
    target = view["dtype"]
    return Spec(target, (), None if count is None else target.as_numpy_dtype(count))


SIZE: Definition = Definition(
    "Size",
    _size_spec,
    bind=lambda view: lambda x: view["dtype"].as_numpy_dtype(x.size),
    gradient=not_differentiable,
)


@export("size")
def size(
    input: TensorLike,
    name: str | None = None,
    out_type: Any = None,
) -> Tensor:
    """The number of elements of a tensor, as a tensor.

    Args:
        input: A tensor.
        name: Name of the operation.
        out_type: The type of the number: int32 (if None) or int64.

    Returns:
        A scalar.
    """
    if hasattr(input, "with_values"):  # a sparse tensor
        from runtime.graph.ops.reduction import reduce_prod

        return OVERLOADS["cast"](reduce_prod(input.dense_shape), out_type or dtypes.int32, name)
    result: Tensor = SIZE(
        convert_to_tensor(input), dtype=as_dtype(out_type or dtypes.int32), name=name
    )
    return result


def _rank_spec(view: View) -> Spec:
    dims = view.first.dims
    return Spec(dtypes.int32, (), None if dims is None else np.int32(len(dims)))


RANK: Definition = Definition(
    "Rank", _rank_spec, lambda x: np.int32(x.ndim), gradient=not_differentiable
)


@export("rank")
def rank(input: TensorLike, name: str | None = None) -> Tensor:
    """The number of axes of a tensor, as a tensor.

    Args:
        input: A tensor.
        name: Name of the operation.

    Returns:
        A scalar of int32.
    """
    if hasattr(input, "with_values"):  # a sparse tensor
        return size(input.dense_shape, name)
    result: Tensor = RANK(convert_to_tensor(input), name=name)
    return result


# Shapes given as arguments: what is known statically becomes an attribute, else an input.


def shape_argument(value: TensorLike) -> tuple[Dims, list[Tensor]]:
    """Reads an argument that says a shape.

    Args:
        value: A list of sizes, a `TensorShape`, or a tensor; the list may hold tensors.

    Returns:
        The shape if it is known, and no input; else what is known of it, and the tensor.

    Raises:
        TypeError: If it is not made of integers.
    """
    if isinstance(value, TensorShape):
        return as_dims(value.as_list()), []
    if isinstance(value, (int, np.integer)):
        return (int(value),), []
    if isinstance(value, (list, tuple)) and all(type(d) is int for d in value):
        return tuple(value), []
    if isinstance(value, np.ndarray) and value.dtype.kind in _INDEX and value.ndim == 1:
        return _as_tuple(value), []
    tensor = _integers(value)
    if tensor.dims == ():
        tensor = reshape(tensor, [-1])
    if tensor.spec.value is not None:
        return tuple([int(d) for d in np.ravel(tensor.spec.value)]), []
    if tensor.spec.partial is not None:
        return tensor.spec.partial, [tensor]
    length = tensor.dims[0] if tensor.dims else None
    return (None if length is None else (None,) * length), [tensor]


def _integers(value: TensorLike) -> Tensor:
    tensor = convert_to_tensor(value)
    if tensor.dims == (0,) and tensor.dtype is dtypes.float32:
        return convert_to_tensor(np.zeros(0, np.int32))
    return checked_kind(tensor, _INDEX, "A shape")


def _target(view: View, index: int) -> Dims:
    """The shape that an operation is to give, as far as it is known by now."""
    if len(view.inputs) <= index:
        return view["dims"]  # type: ignore[no-any-return]  # attributes are untyped
    spec = view.inputs[index]
    if spec.value is not None:
        return tuple([int(d) for d in np.ravel(spec.value)])
    return spec.partial if spec.partial is not None else view["dims"]


def _as_tuple(sizes: Any) -> tuple[int, ...]:
    return tuple(sizes.tolist())


def _reshape_spec(view: View) -> Spec:
    target, source = _target(view, 1), view.first.dims
    if target is None:
        return Spec(view.first.dtype, None)
    if target.count(-1) > 1:
        raise Incompatible(f"shape {target} has more than one -1")
    return Spec(view.first.dtype, _completed(target, source))


def _completed(target: tuple[int | None, ...], source: Dims) -> Dims:
    """The target with -1 replaced, if it can be, and checked against the number of elements."""
    total = element_count(source)
    open_sizes = [d for d in target if d is None or d == -1]
    rest = element_count(tuple([d for d in target if d is not None and d != -1])) or 0
    if total is not None and not _divides(rest, total, len(open_sizes)):
        raise Incompatible(
            f"a tensor of shape {described(source)} with {total} elements can't be reshaped to "
            f"{list(target)}"
        )
    solved = total // rest if total is not None and rest and len(open_sizes) == 1 else None
    return tuple([solved if d is None or d == -1 else d for d in target])


def _divides(rest: int, total: int, open_sizes: int) -> builtins.bool:
    if not open_sizes:
        return rest == total
    return total % rest == 0 if rest else total == 0


def _bind_reshape(view: View) -> Kernel:
    if len(view.inputs) > 1:
        return lambda x, sizes: x.reshape(_as_tuple(sizes))[()]
    target = view["dims"]
    return lambda x: x.reshape(target)[()]


def _reshape_template(view: View) -> str | None:
    target = _target(view, 1)
    if target is None or None in target or target == ():
        return None
    return f"{{0}}.reshape({', '.join(str(int(d)) for d in target if d is not None)})"


def _same_shape(view: View) -> int | None:
    target = _reshape_spec(view).dims
    return 0 if fully_known(target) and target == view.first.dims else None


def reshape_like(x: Tensor, like: Tensor) -> Tensor:
    """A tensor with the elements of one and the shape of another.

    Args:
        x: The tensor with the elements.
        like: The tensor with the shape.

    Returns:
        The tensor.
    """
    return reshape(x, list(like.dims) if fully_known(like.dims) else shape(like))  # type: ignore[arg-type]  # known


RESHAPE: Definition = Definition(
    "Reshape",
    _reshape_spec,
    bind=_bind_reshape,
    template=_reshape_template,
    passes=_same_shape,
    aliases=True,
    gradient=lambda op, dy: [reshape_like(dy, op.inputs[0]), None][: len(op.inputs)],
)


@export("reshape", "manip.reshape")
def reshape(tensor: TensorLike, shape: TensorLike, name: str | None = None) -> Tensor:
    """A tensor with the same elements in another shape.

    Args:
        tensor: A tensor.
        shape: The new shape; one size may be -1 and is found from the others.
        name: Name of the operation.

    Returns:
        The tensor.

    Raises:
        ValueError: If the number of elements does not fit.
    """
    dims, inputs = shape_argument(shape)
    if isinstance(shape, int):
        raise ValueError(
            f"The shape of reshape must have rank 1, but is the scalar {shape}: give [{shape}]."
        )
    result: Tensor = RESHAPE(convert_to_tensor(tensor), *inputs, dims=dims, name=name)
    return result


def _order(view: View) -> tuple[int, ...] | None:
    """The axes in their new order, as far as they are known; None if reversed."""
    if len(view.inputs) == 1:
        return view["order"]  # type: ignore[no-any-return]  # attributes are untyped
    value = view.inputs[1].value
    return None if value is None else tuple(value.tolist())


def _transpose_spec(view: View) -> Spec:
    dims, order = view.first.dims, _order(view)
    if len(view.inputs) > 1 and order is None:
        return Spec(view.first.dtype, None if dims is None else (None,) * len(dims))
    if dims is None:
        return Spec(view.first.dtype, None if order is None else (None,) * len(order))
    order = order or tuple(range(len(dims)))[::-1]
    if sorted(order) != list(range(len(dims))):
        raise Incompatible(f"{list(order)} is no permutation of the axes of {described(dims)}")
    return Spec(view.first.dtype, tuple([dims[axis] for axis in order]))


def _transpose_gradient(op: Any, dy: Tensor) -> list[Tensor | None]:
    if len(op.inputs) > 1:
        back = transpose(dy, _ORDER_BACK(op.inputs[1]))
        back.set_shape(op.inputs[0].shape)
        return [back, None]
    order = op.attributes["order"]
    inverse = None if order is None else [int(i) for i in np.argsort(order)]
    return [transpose(dy, inverse)]


_ORDER_BACK: Definition = Definition(
    "InverseOrder",
    lambda view: Spec(view.first.dtype, view.first.dims),
    lambda order: np.argsort(order).astype(order.dtype),
    gradient=not_differentiable,
)


def _transposed(x: Any, order: Any) -> Any:
    if sorted(order.tolist()) != list(range(x.ndim)):
        raise ValueError(f"{order.tolist()} is no permutation of the axes of shape {x.shape}")
    return x.transpose(order)


def _bind_transpose(view: View) -> Kernel:
    if len(view.inputs) > 1:
        return _transposed
    order = view["order"]
    return lambda x: x.transpose(order)


TRANSPOSE: Definition = Definition(
    "Transpose",
    _transpose_spec,
    bind=_bind_transpose,
    aliases=True,
    gradient=_transpose_gradient,
)


@export("transpose")
def transpose(
    a: TensorLike,
    perm: TensorLike = None,
    name: str = "transpose",
    conjugate: builtins.bool = False,
) -> Tensor:
    """A tensor with its axes in another order.

    Args:
        a: A tensor.
        perm: The axes in their new order; reversed if None.
        name: Name of the operation.
        conjugate: Whether to conjugate complex elements, too.

    Returns:
        The tensor.

    Raises:
        ValueError: If `perm` is no permutation of the axes.
    """
    tensor = convert_to_tensor(a)
    if conjugate and tensor.dtype.is_complex:
        from runtime.graph.ops.math import conj

        with graph_of([tensor]).name_scope(name) as scope:
            return transpose(conj(tensor), perm, scope)
    unknown = isinstance(perm, Tensor) and perm.spec.value is None
    if unknown:
        inputs = [checked_kind(perm, _INDEX, "perm of transpose")]
        turned: Tensor = TRANSPOSE(tensor, *inputs, order=None, name=name)
        return turned
    order = None if perm is None else static_ints(perm, "perm of transpose")
    result: Tensor = TRANSPOSE(tensor, order=order, name=name)
    return result


def _expand_spec(view: View) -> Spec:
    dims = view.first.dims
    if dims is None:
        return Spec(view.first.dtype, None)
    axis = normalized_axis(view["axis"], len(dims) + 1)
    return Spec(view.first.dtype, (*dims[:axis], 1, *dims[axis:]))


def _bind_expand(view: View) -> Kernel:
    axis = view["axis"]
    every = slice(None)
    key = (*[every] * axis, None) if axis >= 0 else (..., None, *[every] * (-axis - 1))
    return lambda x: x[key]


EXPAND_DIMS: Definition = Definition(
    "ExpandDims",
    _expand_spec,
    bind=_bind_expand,
    aliases=True,
    gradient=lambda op, dy: [reshape_like(dy, op.inputs[0])],
)


@export("expand_dims")
def expand_dims(
    input: TensorLike, axis: TensorLike = None, name: str | None = None, dim: TensorLike = None
) -> Tensor:
    """A tensor with one more axis, of size 1.

    Args:
        input: A tensor.
        axis: Where the new axis goes; negative from the end.
        name: Name of the operation.
        dim: The old name of `axis`.

    Returns:
        The tensor.

    Raises:
        ValueError: If there is no such place.
    """
    chosen = renamed(axis, dim, "axis", "dim")
    if chosen is None:
        raise ValueError("expand_dims needs an axis.")
    from runtime.graph.ops import late_axes

    if late_axes.is_late(chosen):
        return late_axes.expanded(convert_to_tensor(input), chosen, name or "ExpandDims")
    number = static_int(chosen, "The axis of expand_dims")
    result: Tensor = EXPAND_DIMS(convert_to_tensor(input), axis=number, name=name)
    return result


def _squeeze_spec(view: View) -> Spec:
    dims, axes = view.first.dims, view["axes"]
    if dims is None:
        return Spec(view.first.dtype, None)
    if not axes:
        known = None if None in dims else tuple([d for d in dims if d != 1])
        return Spec(view.first.dtype, known)
    gone = {normalized_axis(axis, len(dims)) for axis in axes}
    for axis in gone:
        if dims[axis] not in (1, None):
            raise Incompatible(f"axis {axis} of shape {described(dims)} is not of size 1")
    return Spec(view.first.dtype, tuple([d for i, d in enumerate(dims) if i not in gone]))


def _bind_squeeze(view: View) -> Kernel:
    axes = tuple(view["axes"]) or None
    return lambda x: np.squeeze(x, axes)[()]


SQUEEZE: Definition = Definition(
    "Squeeze",
    _squeeze_spec,
    bind=_bind_squeeze,
    aliases=True,
    gradient=lambda op, dy: [reshape_like(dy, op.inputs[0])],
)


@export("squeeze")
def squeeze(
    input: TensorLike,
    axis: TensorLike = None,
    name: str | None = None,
    squeeze_dims: TensorLike = None,
) -> Tensor:
    """A tensor without its axes of size 1.

    Args:
        input: A tensor.
        axis: The axes that go; all of size 1 if None.
        name: Name of the operation.
        squeeze_dims: The old name of `axis`.

    Returns:
        The tensor.

    Raises:
        ValueError: If one of the axes has another size.
    """
    chosen = renamed(axis, squeeze_dims, "axis", "squeeze_dims")
    axes = () if chosen is None else static_ints(chosen, "The axis of squeeze")
    result: Tensor = SQUEEZE(convert_to_tensor(input), axes=axes, name=name)
    return result


# Joining and taking apart.


def _concat_spec(view: View) -> Spec:
    dims: Dims = None
    for spec in view.inputs:
        if spec.dims is not None:
            dims = spec.dims if dims is None else _joined_base(dims, spec.dims, view["axis"])
    if dims is None:
        return Spec(view.first.dtype, None)
    axis = normalized_axis(view["axis"], len(dims))
    sizes = [None if spec.dims is None else spec.dims[axis] for spec in view.inputs]
    total = None if None in sizes else sum(d for d in sizes if d is not None)
    partial = _joined_partial(view) if len(dims) == 1 else None
    return Spec(view.first.dtype, (*dims[:axis], total, *dims[axis + 1 :]), partial=partial)


def _joined_base(a: Dims, b: Dims, axis: int) -> Dims:
    assert a is not None and b is not None
    if len(a) == len(b):
        axis = normalized_axis(axis, len(a))
        free_a, free_b = (*a[:axis], None, *a[axis + 1 :]), (*b[:axis], None, *b[axis + 1 :])
        if compatible(free_a, free_b):
            return merged(free_a, free_b)
    raise Incompatible(f"shapes {described(a)} and {described(b)} can't be joined on axis {axis}")


def _joined_partial(view: View) -> tuple[int | None, ...] | None:
    parts: list[int | None] = []
    for spec in view.inputs:
        known = _elements(spec)
        if known is None:
            return None
        parts.extend(known)
    return tuple(parts)


def _elements(spec: Spec) -> tuple[int | None, ...] | None:
    """What is known of the elements of an integer vector."""
    if spec.dtype.numpy.kind not in _INDEX:
        return None
    if spec.value is not None:
        return tuple([int(d) for d in np.ravel(spec.value)])
    return spec.partial


def _concat_gradient(op: Any, dy: Tensor) -> list[Tensor]:
    axis, offset, parts = op.attributes["axis"], 0, []
    sizes: list[Any] = [None if t.dims is None else t.dims[axis] for t in op.inputs]
    if None not in sizes:
        for amount in sizes:
            parts.append(_sliced_on_axis(dy, axis, offset, amount))
            offset += amount
        return parts
    return list(CONCAT_GRADIENT(dy, *op.inputs, axis=axis))


def _sliced_on_axis(x: Tensor, axis: int, offset: int, amount: int) -> Tensor:
    assert x.dims is not None
    key = [slice(None)] * (axis % len(x.dims)) + [slice(offset, offset + amount)]
    return x[tuple(key)]


def _bind_concat_gradient(view: View) -> Kernel:
    axis = view["axis"]

    def parts(dy: Any, *inputs: Any) -> Any:
        return tuple(np.split(dy, np.cumsum([x.shape[axis] for x in inputs])[:-1], axis))

    return parts


CONCAT_GRADIENT: Definition = Definition(
    "ConcatGradient",
    lambda view: tuple([Spec(view.first.dtype, spec.dims) for spec in view.inputs[1:]]),
    bind=_bind_concat_gradient,
    aliases=True,
)
CONCAT: Definition = Definition(
    "ConcatV2",
    _concat_spec,
    bind=lambda view: lambda *values: np.concatenate(values, view["axis"]),
    gradient=_concat_gradient,
)


@export("concat")
def concat(values: Any, axis: TensorLike, name: str = "concat") -> Tensor:
    """Joins tensors along an axis that they have.

    Args:
        values: A list of tensors.
        axis: The axis.
        name: Name of the operation.

    Returns:
        The joined tensor.

    Raises:
        ValueError: If the shapes don't fit.
    """
    items = list(values) if isinstance(values, (list, tuple)) else [values]
    if not items:
        raise ValueError("concat needs at least one tensor, but `values` is empty.")
    tensors = same_type(*items, names=[f"values[{i}]" for i in range(len(items))])
    if len(tensors) == 1:
        with graph_of(tensors).name_scope(name):
            return identity(tensors[0], name)
    from runtime.graph.ops import late_axes

    if late_axes.is_late(axis):
        return late_axes.joined(tensors, axis, name)
    number = static_int(axis, "The axis of concat")
    result: Tensor = CONCAT(*tensors, axis=number, name=name)
    return result


def _stack_spec(view: View) -> Spec:
    dims = view.first.dims
    for spec in view.inputs:
        if not compatible(dims, spec.dims):
            raise Incompatible(
                f"shapes {described(dims)} and {described(spec.dims)} can't be stacked"
            )
        dims = merged(dims, spec.dims)
    if dims is None:
        return Spec(view.first.dtype, None)
    axis = normalized_axis(view["axis"], len(dims) + 1)
    partial = _stacked_partial(view) if dims == () else None
    whole = (*dims[:axis], len(view.inputs), *dims[axis:])
    return Spec(view.first.dtype, whole, partial=partial)


def _stacked_partial(view: View) -> tuple[int | None, ...] | None:
    if view.first.dtype.numpy.kind not in _INDEX:
        return None
    return tuple([None if s.value is None else int(s.value) for s in view.inputs])


def _stack_gradient(op: Any, dy: Tensor) -> list[Tensor]:
    return unstack(dy, len(op.inputs), op.attributes["axis"])


STACK: Definition = Definition(
    "Pack",
    _stack_spec,
    bind=lambda view: lambda *values: np.stack(values, view["axis"]),
    gradient=_stack_gradient,
)


@export("stack")
def stack(values: Any, axis: int = 0, name: str = "stack") -> Tensor:
    """Joins tensors of one shape along a new axis.

    Args:
        values: A list of tensors.
        axis: Where the new axis goes.
        name: Name of the operation.

    Returns:
        The joined tensor.

    Raises:
        ValueError: If the shapes differ.
    """
    if isinstance(values, Tensor):
        return values
    items = list(values)
    if axis == 0 and not holds_tensor(items):
        return convert_to_tensor(items, name=name)
    tensors = same_type(*items, names=[f"values[{i}]" for i in range(len(items))])
    result: Tensor = STACK(*tensors, axis=axis, name=name)
    return result


def _stacked(value: Any, dtype: DType | None, name: str) -> Tensor:
    """Makes a tensor of nested lists with tensors in them; the first of these says the type."""
    tensors = (item for item in flatten(value) if holds_tensor([item]))
    wanted = dtype or convert_to_tensor(next(tensors)).dtype
    return stack([convert_to_tensor(item, wanted) for item in value], name=name)


def _unstack_spec(view: View) -> tuple[Spec, ...]:
    dims, number = view.first.dims, view["number"]
    rest: Dims = None
    if dims is not None:
        axis = normalized_axis(view["axis"], len(dims))
        if dims[axis] not in (None, number):
            raise Incompatible(f"axis {axis} of shape {described(dims)} can't give {number} parts")
        rest = (*dims[:axis], *dims[axis + 1 :])
    return tuple([Spec(view.first.dtype, rest) for _ in range(number)])


def _bind_unstack(view: View) -> Kernel:
    axis, number = view["axis"], view["number"]

    def parts(x: Any) -> Any:
        moved = np.moveaxis(x, axis, 0)
        if len(moved) != number:
            raise ValueError(f"axis {axis} of shape {x.shape} can't give {number} parts")
        values = tuple(moved)
        return values if number != 1 else values[0]

    return parts


UNSTACK: Definition = Definition(
    "Unpack",
    _unstack_spec,
    bind=_bind_unstack,
    aliases=True,
    gradient=lambda op, *dys: [
        stack(
            [_or_zeros(dy, y) for dy, y in zip(dys, op.outputs, strict=True)], op.attributes["axis"]
        )
    ],
)


def _or_zeros(dy: Tensor | None, y: Tensor) -> Tensor:
    return zeros_like(y) if dy is None else dy


@export("unstack")
def unstack(
    value: TensorLike, num: int | None = None, axis: int = 0, name: str = "unstack"
) -> list[Tensor]:
    """Takes a tensor apart along an axis.

    Args:
        value: A tensor.
        num: The size of that axis, if it isn't known statically.
        axis: The axis.
        name: Name of the operation.

    Returns:
        A list of tensors without that axis.

    Raises:
        ValueError: If the size of the axis isn't known.
    """
    tensor = convert_to_tensor(value)
    if tensor.dims is not None and not -len(tensor.dims) <= axis < len(tensor.dims):
        raise ValueError(
            f"Argument `axis` = {axis} of unstack is not in [-{len(tensor.dims)}, "
            f"{len(tensor.dims)}) for {tensor!r}."
        )
    if num is None:
        num = None if tensor.dims is None else tensor.dims[axis]
    if num is None:
        raise ValueError(f"unstack can't infer the size of axis {axis} of {tensor!r}; give num=.")
    result = UNSTACK(tensor, number=num, axis=axis, name=name)
    return [result] if isinstance(result, Tensor) else list(result) if num else []


# Slicing.


def _key_parts(key: Any) -> tuple[tuple[Any, ...], list[Tensor]]:
    """A slicing key with tensors taken out: they become inputs, and the key has their numbers."""
    inputs: list[Tensor] = []

    def bound(part: Any) -> Any:
        if part is None:
            return None
        if isinstance(part, Tensor) or hasattr(part, "_as_tensor"):
            tensor = convert_to_tensor(part)
            if tensor.spec.value is not None:
                return int(tensor.spec.value)
            inputs.append(checked_kind(tensor, _INDEX, "Slicing"))
            return _Input(len(inputs) - 1)
        if not hasattr(part, "__index__"):
            raise TypeError(
                "Only integers, slices (`:`), ellipsis (`...`), tf.newaxis (`None`) and scalar "
                f"tf.int32/tf.int64 tensors are valid indices, got {part!r}"
            )
        return int(part.__index__())

    def part_of(part: Any) -> Any:
        if isinstance(part, slice):
            return slice(bound(part.start), bound(part.stop), bound(part.step))
        return part if part is None or part is Ellipsis else bound(part)

    parts = key if isinstance(key, (tuple, list)) else (key,)
    return tuple([part_of(part) for part in parts]), inputs


class _Input:
    """Stands in a slicing key for the value of one of the operation's inputs."""

    def __init__(self, index: int) -> None:
        self.index = index


def _filled(part: Any, values: Any) -> Any:
    if isinstance(part, _Input):
        return int(values[part.index])
    if isinstance(part, slice):
        return slice(*[_filled(p, values) for p in (part.start, part.stop, part.step)])
    return part


def filled_key(key: tuple[Any, ...], values: Sequence[Any]) -> tuple[Any, ...]:
    """A slicing key with the bounds that are tensors.

    Args:
        key: The key, with the numbers of these bounds.
        values: Their values.

    Returns:
        A key for NumPy.
    """
    return tuple([_filled(part, values) for part in key])


def _slice_spec(view: View) -> Spec:
    dims, key = view.first.dims, view["key"]
    values = [None if spec.value is None else spec.value for spec in view.inputs[1:]]
    if dims is None:
        return Spec(view.first.dtype, None)
    axes = sum(1 for part in key if part is not None and part is not Ellipsis)
    if axes > len(dims):
        raise Incompatible(f"{axes} axes can't be sliced out of shape {described(dims)}")
    result = tuple(_sliced_dims(dims, _spelled_out(key, len(dims) - axes), values))
    return Spec(view.first.dtype, result, partial=_sliced_partial(view, key))


def _spelled_out(key: tuple[Any, ...], missing: int) -> list[Any]:
    full = [slice(None)] * missing
    if any(part is Ellipsis for part in key):
        at = next(i for i, part in enumerate(key) if part is Ellipsis)
        return [*key[:at], *full, *key[at + 1 :]]
    return [*key, *full]


def _sliced_dims(dims: Any, key: list[Any], values: list[Any]) -> Any:
    axis = 0
    for part in key:
        if part is None:
            yield 1
            continue
        d = dims[axis]
        axis += 1
        if isinstance(part, slice):
            yield _sliced_size(d, part, values)
        elif isinstance(part, int) and d is not None and not -d <= part < d:
            raise Incompatible(f"index {part} is out of bounds for axis {axis - 1} of size {d}")


def _sliced_size(d: int | None, part: slice, values: list[Any]) -> int | None:
    bounds = (part.start, part.stop, part.step)
    if any(isinstance(b, _Input) and values[b.index] is None for b in bounds):
        return None
    if d is None:
        return None if part != slice(0, 0) else 0
    return len(range(*_filled(part, values).indices(d)))


def _sliced_partial(view: View, key: tuple[Any, ...]) -> tuple[int | None, ...] | None:
    known = _elements(view.first)
    if known is None or len(view.inputs) > 1 or len(key) != 1 or not isinstance(key[0], slice):
        return None
    return known[key[0]]


def _slice_infer(view: View) -> Spec:
    spec = _slice_spec(view)
    key, known = view["key"], view.first.partial
    single = len(key) == 1 and isinstance(key[0], int) and len(view.inputs) == 1
    if known is not None and single and known[key[0]] is not None:
        spec.value = view.first.dtype.as_numpy_dtype(known[key[0]])
    return spec


def _bind_slice(view: View) -> Kernel:
    key = view["key"]
    if len(view.inputs) == 1:
        return lambda x: x[key]
    return lambda x, *values: x[filled_key(key, values)]


def _bind_slice_gradient(view: View) -> Kernel:
    key = view["key"]

    def gradient(dy: Any, x: Any, *values: Any) -> Any:
        result = np.zeros(x.shape, dy.dtype)
        result[filled_key(key, values)] = dy
        return result

    return gradient


SLICE_GRADIENT: Definition = Definition(
    "StridedSliceGrad",
    lambda view: Spec(view.first.dtype, view.inputs[1].dims),
    bind=_bind_slice_gradient,
    gradient=lambda op, dy: [
        STRIDED_SLICE(dy, *op.inputs[2:], key=op.attributes["key"]),
        *[None] * (len(op.inputs) - 1),
    ],
)
STRIDED_SLICE: Definition = Definition(
    "StridedSlice",
    _slice_infer,
    bind=_bind_slice,
    aliases=True,
    gradient=lambda op, dy: [
        SLICE_GRADIENT(dy, *op.inputs, key=op.attributes["key"]),
        *[None] * (len(op.inputs) - 1),
    ],
)


def _getitem(tensor: Any, key: Any, name: str = "strided_slice") -> Tensor:
    source = convert_to_tensor(tensor)
    if isinstance(key, bool) or getattr(key, "dtype", None) in (dtypes.bool, np.bool_):
        return boolean_mask(source, key)
    parts, inputs = _key_parts(tuple(key) if isinstance(key, list) else key)
    if sum(1 for part in parts if part is Ellipsis) > 1:
        raise ValueError(f"Multiple ellipses in the slice {key!r} of {source!r} are not allowed.")
    if inputs:
        _take_names(source, key if isinstance(key, (tuple, list)) else (key,))
    result: Tensor = STRIDED_SLICE(source, *inputs, key=parts, name=name)
    return result


def _take_names(source: Tensor, parts: Any) -> None:
    """Uses up the names that TensorFlow gives to the bounds it calculates from tensors."""
    for part in parts:
        if isinstance(part, slice):
            bounds = (part.start, part.stop, part.step)
            if any(isinstance(b, Tensor) for b in bounds):
                for _ in range(bounds.count(None)):
                    source.graph.unique_name("Const")
        elif isinstance(part, Tensor):
            source.graph.unique_name("add")
            if part.dtype is not dtypes.int32:
                source.graph.unique_name("Const")


def _slice_key(shape: tuple[int, ...], begin: Any, sizes: Any) -> tuple[slice, ...]:
    places = list(zip(begin.tolist(), sizes.tolist(), strict=True))
    if len(places) != len(shape):
        raise ValueError(f"begin {begin} and size {sizes} need a number for each axis of {shape}")
    key = [slice(b, n if s == -1 else b + s) for n, (b, s) in zip(shape, places, strict=True)]
    for part, n in zip(key, shape, strict=True):
        if not 0 <= part.start <= part.stop <= n:
            raise ValueError(f"begin {begin} and size {sizes} do not fit shape {shape}")
    return tuple(key)


def _bind_slice_function(view: View) -> Kernel:
    dims, begin, sizes = view.first.dims, view.inputs[1].value, view.inputs[2].value
    if dims is not None and fully_known(dims) and begin is not None and sizes is not None:
        known = _slice_key(tuple([d or 0 for d in dims]), begin, sizes)
        return lambda x, *_: x[known]
    return lambda x, begin, sizes: x[_slice_key(x.shape, begin, sizes)]


def _dynamic_slice_spec(view: View) -> Spec:
    dims, begin, sizes = view.first.dims, _elements(view.inputs[1]), _elements(view.inputs[2])
    length = next((p.dims[0] for p in view.inputs[1:] if p.dims), None)
    if dims is not None and length not in (None, len(dims)):
        raise Incompatible(
            f"begin and size of {length} numbers don't fit a tensor of shape {described(dims)}"
        )
    if sizes is None:
        return Spec(view.first.dtype, dims and (None,) * len(dims))
    rank = len(sizes)
    places = zip(dims or (None,) * rank, begin or (None,) * rank, sizes, strict=True)
    found = Spec(view.first.dtype, tuple([_part_size(n, b, s) for n, b, s in places]))
    known = _elements(view.first)
    if known is not None and rank == 1 and begin is not None and begin[0] is not None:
        amount = (found.dims or (None,))[0]
        found.partial = None if amount is None else known[begin[0] : begin[0] + amount]
    return found


def _part_size(whole: int | None, begin: int | None, size: int | None) -> int | None:
    if size == -1:
        size = None if whole is None or begin is None else whole - begin
    first = begin or 0
    if first < 0 or (whole is not None and size is not None and not 0 <= first + size <= whole):
        raise Incompatible(f"begin {begin} and size {size} don't fit an axis of size {whole}")
    return size


def _dynamic_slice_gradient(x: Any, begin: Any, dy: Any) -> Any:
    result = np.zeros(x.shape, dy.dtype)
    result[tuple([slice(b, b + s) for b, s in zip(begin, dy.shape, strict=True)])] = dy
    return result


DYNAMIC_SLICE_GRADIENT: Definition = Definition(
    "SliceGrad",
    lambda view: Spec(view.inputs[2].dtype, view.first.dims),
    _dynamic_slice_gradient,
    gradient=lambda op, dy: [
        None,
        None,
        DYNAMIC_SLICE(dy, op.inputs[1], shape(op.inputs[2])),
    ],
)
DYNAMIC_SLICE: Definition = Definition(
    "Slice",
    _dynamic_slice_spec,
    bind=_bind_slice_function,
    aliases=True,
    gradient=lambda op, dy: [
        DYNAMIC_SLICE_GRADIENT(op.inputs[0], op.inputs[1], dy),
        None,
        None,
    ],
)


@export("slice")
def slice_(
    input_: TensorLike, begin: TensorLike, size: TensorLike, name: str | None = None
) -> Tensor:
    """A part of a tensor.

    Args:
        input_: A tensor.
        begin: The index on each axis at which the part begins.
        size: The size of the part on each axis; -1 for all that is left.
        name: Name of the operation.

    Returns:
        The part.

    Raises:
        ValueError: If it is known that the part does not fit the tensor.
    """
    tensor, first, sizes = convert_to_tensor(input_), _integers(begin), _integers(size)
    result: Tensor = DYNAMIC_SLICE(tensor, first, sizes, name=name)
    return result


def _mask_spec(view: View) -> Spec:
    dims, mask = view.first.dims, view.inputs[1].dims
    if dims is None or mask is None:
        return Spec(view.first.dtype, None)
    if not compatible(dims[: len(mask)], mask):
        raise Incompatible(
            f"a mask of shape {described(mask)} does not fit a tensor of {described(dims)}"
        )
    return Spec(view.first.dtype, (None, *dims[len(mask) :]))


def _mask_gradient(dy: Any, x: Any, mask: Any) -> Any:
    result = np.zeros(x.shape, dy.dtype)
    result[mask] = dy
    return result


MASK_GRADIENT: Definition = Definition(
    "BooleanMaskGrad",
    lambda view: Spec(view.first.dtype, view.inputs[1].dims),
    _mask_gradient,
    gradient=lambda op, dy: [BOOLEAN_MASK(dy, op.inputs[2]), None, None],
)
BOOLEAN_MASK: Definition = Definition(
    "BooleanMask",
    _mask_spec,
    lambda x, mask: x[mask],
    gradient=lambda op, dy: [MASK_GRADIENT(dy, *op.inputs), None],
)


@export("boolean_mask")
def boolean_mask(
    tensor: TensorLike, mask: TensorLike, name: str = "boolean_mask", axis: int | None = None
) -> Tensor:
    """The elements of a tensor where a mask is true.

    Args:
        tensor: A tensor.
        mask: A tensor of bools for its first axes.
        name: Name of the operation.
        axis: The axis at which the mask begins; 0 if None.

    Returns:
        A tensor that has, in place of the axes of the mask, one for its true elements.

    Raises:
        ValueError: If the shapes don't fit.
    """
    with get_default_graph().name_scope(name or "boolean_mask"):
        source, truth = convert_to_tensor(tensor), convert_to_tensor(mask, dtypes.bool)
        lead = rank_of(truth, "The mask of boolean_mask")
        if not lead:
            raise ValueError("The mask of boolean_mask cannot be scalar.")
        if not axis:
            result: Tensor = BOOLEAN_MASK(source, truth, name="GatherV2")
            return result
        begin = normalized_axis(axis, rank_of(source, "boolean_mask"))
        order = [*range(begin, begin + lead), *range(begin)]
        front = transpose(source, [*order, *range(len(order), rank_of(source, "boolean_mask"))])
        masked: Tensor = BOOLEAN_MASK(front, truth)
        rest = range(begin + 1, rank_of(masked, "boolean_mask"))
        return transpose(masked, [*range(1, begin + 1), 0, *rest], "GatherV2")


# Picking by index.


def _gather_spec(view: View) -> Spec:
    dims, indices = view.first.dims, view.inputs[1].dims
    if dims is None or indices is None:
        return Spec(view.first.dtype, None)
    axis = normalized_axis(view["axis"], len(dims))
    return Spec(view.first.dtype, (*dims[:axis], *indices, *dims[axis + 1 :]))


def _batch_gather_spec(view: View) -> Spec:
    dims, indices, batch = view.first.dims, view.inputs[1].dims, view["batch_dims"]
    if dims is None or indices is None:
        return Spec(view.first.dtype, None)
    if not compatible(dims[:batch], indices[:batch]):
        raise Incompatible(
            f"the first {batch} axes of shapes {described(dims)} and {described(indices)} differ"
        )
    axis = normalized_axis(view["axis"], len(dims))
    return Spec(view.first.dtype, (*dims[:axis], *indices[batch:], *dims[axis + 1 :]))


def _batch_key(params: Any, indices: Any, axis: int, batch: int) -> tuple[Any, ...]:
    """The key that picks along an axis, for each place on the first axes by other indices."""
    lead = [slice(None)] * (axis - batch)
    grid = np.ogrid[tuple([slice(n) for n in params.shape[:batch]])]
    spread = [g.reshape(g.shape + (1,) * (indices.ndim - batch)) for g in grid]
    return (*spread, *lead, indices)


def _bind_batch_gather(view: View) -> Kernel:
    axis, batch = view["axis"], view["batch_dims"]

    def pick(params: Any, indices: Any) -> Any:
        moved = np.moveaxis(params, axis, batch)
        check_indices(indices, moved.shape[batch])
        picked = moved[_batch_key(moved, indices, batch, batch)]
        back = [*range(batch), *range(indices.ndim, indices.ndim + axis - batch)]
        rest = range(indices.ndim + axis - batch, picked.ndim)
        return picked.transpose([*back, *range(batch, indices.ndim), *rest])

    return pick


def _bind_batch_gather_gradient(view: View) -> Kernel:
    axis, batch = view["axis"], view["batch_dims"]

    def gradient(dy: Any, params: Any, indices: Any) -> Any:
        result = np.zeros(params.shape, dy.dtype)
        moved = np.moveaxis(result, axis, batch)
        count = indices.ndim - batch
        middle = range(axis, axis + count)
        order = [*range(batch), *middle, *range(batch, axis), *range(axis + count, dy.ndim)]
        key = _batch_key(moved, indices, batch, batch)
        np.add.at(moved, key, dy.transpose(order))
        return result

    return gradient


def check_indices(indices: Any, size: int) -> None:
    """Raises IndexError unless all indices are in [0, size).

    Args:
        indices: An array of integers.
        size: The size of the axis that they count along.
    """
    if indices.size and (indices.min() < 0 or indices.max() >= size):
        raise IndexError(
            f"indices must be in [0, {size}), but range from {indices.min()} to {indices.max()}"
        )


_BATCH_GATHER_GRADIENT: Definition = Definition(
    "BatchGatherGrad",
    lambda view: Spec(view.first.dtype, view.inputs[1].dims),
    bind=_bind_batch_gather_gradient,
    floating=True,
    gradient=lambda op, dy: [BATCH_GATHER(dy, op.inputs[2], **op.attributes), None, None],
)
BATCH_GATHER: Definition = Definition(
    "BatchGather",
    _batch_gather_spec,
    bind=_bind_batch_gather,
    gradient=lambda op, dy: [_BATCH_GATHER_GRADIENT(dy, *op.inputs, **op.attributes), None],
)


def _bind_gather(view: View) -> Kernel:
    axis = view["axis"]

    def gather_kernel(params: Any, indices: Any) -> Any:
        check_indices(indices, params.shape[axis])
        return params.take(indices, axis)

    return gather_kernel


def _bind_gather_gradient(view: View) -> Kernel:
    axis = view["axis"]

    def gradient(dy: Any, params: Any, indices: Any) -> Any:
        result = np.zeros(params.shape, dy.dtype)
        front = np.moveaxis(result, axis, 0)
        rest = params.shape[:axis] + params.shape[axis + 1 :]
        lead = tuple(range(axis, axis + indices.ndim))
        turned = np.moveaxis(dy, lead, tuple(range(indices.ndim))).reshape(-1, *rest)
        np.add.at(front, indices.ravel(), turned)
        return result

    return gradient


def _second_gather_gradient(op: Any, dy: Tensor) -> list[Tensor | None]:
    return [gather(dy, op.inputs[2], axis=op.attributes["axis"]), None, None]


GATHER_GRADIENT: Definition = Definition(
    "GatherGrad",
    lambda view: Spec(view.first.dtype, view.inputs[1].dims),
    bind=_bind_gather_gradient,
    floating=True,
    gradient=_second_gather_gradient,
)


def _gather_gradient(op: Any, dy: Tensor) -> list[Any]:
    params, indices = op.inputs
    if op.attributes["axis"] == 0:
        return [_rows_gradient(dy, params, indices), None]
    axis = op.attributes["axis"]
    axis = axis if axis > 0 else axis % rank_of(params, "The gradient of gather")
    return [GATHER_GRADIENT(dy, params, indices, axis=axis), None]


def _rows_gradient(dy: Tensor, params: Tensor, indices: Tensor) -> IndexedSlices:
    """Which rows were picked, with their gradients."""
    sizes = shape(params, name="Shape")
    if indices.dims is not None and len(indices.dims) == 1:
        return IndexedSlices(dy, indices, sizes)
    rest: Any = None if params.dims is None else params.dims[1:]
    tail = list(rest) if fully_known(rest) else sizes[1:]
    rows = concat([[-1], tail], 0) if isinstance(tail, Tensor) else [-1, *tail]
    return IndexedSlices(reshape(dy, rows), reshape(indices, [-1]), sizes)


def _bind_from_slices(view: View) -> Kernel:
    def whole(values: Any, indices: Any, sizes: Any) -> Any:
        result = np.zeros(_as_tuple(sizes), values.dtype)
        np.add.at(result, indices, values)
        return result

    return whole


FROM_SLICES: Definition = Definition(
    "SlicesToTensor",
    lambda view: Spec(view.first.dtype, _target(view, 2)),
    bind=_bind_from_slices,
    floating=True,
    gradient=lambda op, dy: _picked(op, dy),
)


def _picked(op: Any, dy: Tensor) -> list[Tensor | None]:
    return [gather(dy, op.inputs[1]), None, None]


def _from_slices(values: Tensor, indices: Tensor, sizes: Tensor) -> Tensor:
    """The tensor that is zero but for some rows."""
    dims, _ = shape_argument(sizes)
    result: Tensor = FROM_SLICES(values, indices, sizes, dims=dims)
    return result


GATHER: Definition = Definition(
    "GatherV2", _gather_spec, bind=_bind_gather, gradient=_gather_gradient
)


@export("gather")
def gather(
    params: TensorLike,
    indices: TensorLike,
    validate_indices: builtins.bool | None = None,
    name: str | None = None,
    axis: TensorLike = None,
    batch_dims: int = 0,
) -> Tensor:
    """Picks slices of a tensor by their indices.

    Args:
        params: A tensor.
        indices: A tensor of indices of any shape.
        validate_indices: Without effect: indices are always checked.
        name: Name of the operation.
        axis: The axis that the indices count along; 0 if None.
        batch_dims: The number of first axes that both have, for each place on which other
            indices count.

    Returns:
        A tensor with the axes of `indices` in place of that axis.

    Raises:
        ValueError: If there is no such axis.
    """
    tensor = convert_to_tensor(params)
    where = checked_kind(convert_to_tensor(indices), _INDEX, "gather")
    if batch_dims:
        return _gathered_in_batches(tensor, where, batch_dims, axis, name)
    from runtime.graph.ops import late_axes

    if axis is not None and late_axes.is_late(axis):
        return late_axes.gathered(tensor, where, axis, name or "GatherV2")
    number = 0 if axis is None else static_int(axis, "The axis of gather")
    result: Tensor = GATHER(tensor, where, axis=number, name=name or "GatherV2")
    return result


def _gathered_in_batches(
    tensor: Tensor, where: Tensor, batch_dims: int, axis: TensorLike, name: str | None
) -> Tensor:
    batch = normalized_axis(batch_dims, rank_of(where, "gather") + 1)
    number = batch if axis is None else static_int(axis, "The axis of gather")
    along = normalized_axis(number, rank_of(tensor, "gather"))
    if along < batch:
        raise ValueError(f"batch_dims ({batch}) must be less than or equal to axis ({along}).")
    result: Tensor = BATCH_GATHER(
        tensor, where, axis=along, batch_dims=batch, name=name or "GatherV2"
    )
    return result


def _one_hot_spec(view: View) -> Spec:
    dims = view.first.dims
    if dims is None:
        return Spec(view["dtype"], None)
    axis = normalized_axis(view["axis"], len(dims) + 1)
    return Spec(view["dtype"], (*dims[:axis], _depth(view), *dims[axis:]))


def _depth(view: View) -> int | None:
    """The length of the vectors, as far as it is known."""
    if len(view.inputs) == 1:
        return int(view["depth"])
    value = view.inputs[1].value
    return None if value is None else int(value)


def _bind_one_hot(view: View) -> Kernel:
    depth, axis, on, off = _depth(view), view["axis"], view["on"], view["off"]
    known = None if depth is None else np.arange(depth)

    def kernel(indices: Any, size: Any = None) -> Any:
        numbers = np.arange(int(size)) if known is None else known
        hot = np.expand_dims(indices, axis if axis >= 0 else indices.ndim + 1 + axis)
        at = axis if axis >= 0 else indices.ndim + 1 + axis
        line = numbers.reshape([-1 if i == at else 1 for i in range(indices.ndim + 1)])
        return np.where(hot == line, on, off)

    return kernel


ONE_HOT: Definition = Definition(
    "OneHot", _one_hot_spec, bind=_bind_one_hot, gradient=not_differentiable
)


@export("one_hot")
def one_hot(
    indices: TensorLike,
    depth: TensorLike,
    on_value: TensorLike = None,
    off_value: TensorLike = None,
    axis: int | None = None,
    dtype: Any = None,
    name: str | None = None,
) -> Tensor:
    """Vectors that are zero but at one place.

    Args:
        indices: The places; those out of range give no one at all.
        depth: The length of the vectors.
        on_value: What stands at the place; 1 if None.
        off_value: What stands elsewhere; 0 if None.
        axis: Where the new axis goes; last if None.
        dtype: The element type; that of the values, else float32.
        name: Name of the operation.

    Returns:
        A tensor with one more axis.
    """
    where = checked_kind(convert_to_tensor(indices), _INDEX, "one_hot")
    target = None if dtype is None else as_dtype(dtype)
    given = [v for v in (on_value, off_value) if v is not None]
    if target is None:
        target = _type_of(given[0]) if given else dtypes.float32
    on, off = (1 if on_value is None else on_value), (0 if off_value is None else off_value)
    if not (_is_known(on) and _is_known(off)):
        hot = one_hot(where, depth, True, False, axis, dtypes.bool)
        sizes = shape(hot)
        values = [fill(sizes, convert_to_tensor(value, target)) for value in (on, off)]
        return SELECT(hot, *values, name=name or "one_hot")  # type: ignore[no-any-return]
    count = convert_to_tensor(depth) if holds_tensor([depth]) else depth
    known = not isinstance(count, Tensor) or count.spec.value is not None
    if known and static_int(count, "The depth of one_hot") < 0:
        raise ValueError(f"The depth of one_hot must be >= 0, but is {depth!r}.")
    result: Tensor = ONE_HOT(
        where,
        *([] if known else [checked_kind(count, _INDEX, "The depth of one_hot")]),
        depth=static_int(count, "The depth of one_hot") if known else None,
        axis=-1 if axis is None else axis,
        on=_scalar(on, target),
        off=_scalar(off, target),
        dtype=target,
        name=name or "one_hot",
    )
    return result


def _is_known(value: TensorLike) -> bool:
    """Whether a value is one of Python or NumPy, or a tensor that is known ahead of the run."""
    symbolic = isinstance(value, Tensor) or hasattr(value, "_as_tensor")
    return not symbolic or convert_to_tensor(value).spec.value is not None


def _scalar(value: Any, dtype: DType) -> Any:
    return np.asarray(static_value(value, "The value of one_hot")).astype(dtype.numpy)[()]


def _select_spec(view: View) -> Spec:
    condition, x, y = [spec.dims for spec in view.inputs]
    if condition is not None and x is not None and len(condition) == 1 < len(x):
        condition = (*condition, *(1,) * (len(x) - 1))
    return Spec(view.inputs[1].dtype, broadcast(condition, broadcast(x, y)))


def _select(condition: Any, x: Any, y: Any) -> Any:
    if condition.ndim == 1 < x.ndim:
        condition = condition.reshape(-1, *(1,) * (x.ndim - 1))
    return np.where(condition, x, y)[()]


def _select_gradient(op: Any, dy: Tensor) -> list[Tensor | None]:
    from runtime.graph.ops.math import unbroadcast

    condition, x, y = op.inputs
    choose, zero = op.definition, zeros_like(dy)
    return [
        None,
        unbroadcast(choose(condition, dy, zero), x),
        unbroadcast(choose(condition, zero, dy), y),
    ]


def _broadcast_select_spec(view: View) -> Spec:
    condition, x, y = [spec.dims for spec in view.inputs]
    return Spec(view.inputs[1].dtype, broadcast(condition, broadcast(x, y)))


def _select_broadcast(condition: Any, x: Any, y: Any) -> Any:
    return np.where(condition, x, y)[()]


SELECT_V2: Definition = Definition(
    "SelectV2",
    _broadcast_select_spec,
    _select_broadcast,
    gradient=_select_gradient,
)
SELECT: Definition = Definition("Select", _select_spec, _select, gradient=_select_gradient)
WHERE: Definition = Definition(
    "Where",
    lambda view: Spec(
        dtypes.int64, (None, None if view.first.dims is None else len(view.first.dims))
    ),
    lambda condition: np.argwhere(condition),
    gradient=not_differentiable,
)


@export("where")
def where(
    condition: TensorLike, x: TensorLike = None, y: TensorLike = None, name: str | None = None
) -> Tensor:
    """Elements of one tensor where a condition holds, of another elsewhere; or indices.

    Args:
        condition: A bool tensor, of the same shape as `x`, or a vector for its first axis.
        x: What to take where it is true.
        y: What to take where it is false.
        name: Name of the operation.

    Returns:
        A tensor like `x`. Without `x` and `y`: the indices of the true elements, one a row.

    Raises:
        ValueError: If only one of `x` and `y` is given, or shapes don't fit.
    """
    if (x is None) != (y is None):
        raise ValueError("where needs both x and y, or neither of them.")
    truth = convert_to_tensor(condition)
    if x is None:
        found: Tensor = WHERE(truth, name=name)
        return found
    first, second = same_type(x, y)
    checked_kind(truth, "b", "where")
    if not (compatible(first.dims, second.dims) and _chooses(truth.dims, first.dims)):
        raise ValueError(
            f"where can't choose between shapes {described(first.dims)} and "
            f"{described(second.dims)} by a condition of shape {described(truth.dims)}: all three "
            "must be the same, or the condition a vector for the first axis; tf.where_v2 can."
        )
    result: Tensor = SELECT(truth, first, second, name=name)
    return result


def _chooses(condition: Dims, dims: Dims) -> builtins.bool:
    """Whether a condition of one shape can choose between tensors of another."""
    if condition == () or dims is None or condition is None or compatible(condition, dims):
        return True
    return len(condition) == 1 < len(dims) and compatible(condition, dims[:1])


# Making tensors.


def _range_spec(view: View) -> Spec:
    return Spec(view.first.dtype, (None,))


def _range(start: Any, limit: Any, delta: Any) -> Any:
    if delta == 0:
        raise ValueError("range requires delta != 0")
    numbers: Any = np.arange
    return numbers(start, limit, delta, start.dtype)


RANGE: Definition = Definition("Range", _range_spec, _range, gradient=not_differentiable)


@export("range")
def range_(
    start: TensorLike,
    limit: TensorLike = None,
    delta: TensorLike = 1,
    dtype: Any = None,
    name: str = "range",
) -> Tensor:
    """Numbers from `start` up to but not including `limit`.

    Args:
        start: The first number; the limit, if that is not given.
        limit: Where to stop.
        delta: The step.
        dtype: The element type; found from the numbers if None.
        name: Name of the operation.

    Returns:
        A vector.
    """
    if limit is None:
        start, limit = 0, start
    values = [start, limit, delta]
    if dtype is not None:
        values = [convert_to_tensor(v, dtype) for v in values]
    else:
        values = _widened(values)
    if values[2].spec.value is not None and values[2].spec.value == 0:
        raise ValueError("range requires delta != 0, but it is 0.")
    result: Tensor = RANGE(*same_type(*values, names=("start", "limit", "delta")), name=name)
    return result


def _widened(values: list[Any]) -> list[Tensor]:
    """Numbers as tensors of the widest type among them."""
    from runtime.graph.ops.math import cast

    order = [dtypes.int32, dtypes.int64, dtypes.float32, dtypes.float64]
    types = [_type_of(value) for value in values]
    widest = max(types, key=lambda t: order.index(t) if t in order else -1)
    return [
        cast(value, widest)
        if isinstance(value, Tensor) and found is not widest
        else convert_to_tensor(value, widest)
        for value, found in zip(values, types, strict=True)
    ]


def _type_of(value: Any) -> DType:
    """The type that a tensor made of a value has."""
    if holds_tensor([value]):
        return convert_to_tensor(value).dtype
    return dtypes.of_array(np.asarray(array_of(value, None)))


def _fill_spec(view: View) -> Spec:
    target = _target(view, 1)
    return Spec(view.first.dtype, target)


def _bind_fill(view: View) -> Kernel:
    dtype = view.first.dtype.numpy
    if len(view.inputs) == 1:
        dims = view["dims"]
        return lambda value: np.full(dims, value, dtype)
    return lambda value, sizes: np.full(_as_tuple(sizes), value, dtype)


def _fill_gradient(op: Any, dy: Tensor) -> list[Tensor | None]:
    from runtime.graph.ops.reduction import reduce_sum

    return [reduce_sum(dy), None][: len(op.inputs)]


FILL: Definition = Definition("Fill", _fill_spec, bind=_bind_fill, gradient=_fill_gradient)


@export("fill")
def fill(
    dims: TensorLike, value: TensorLike, name: str | None = None, layout: Any = None
) -> Tensor:
    """A tensor of which all elements are the same.

    Args:
        dims: The shape.
        value: The element.
        name: Name of the operation.
        layout: Without effect.

    Returns:
        The tensor.
    """
    known, inputs = shape_argument(dims)
    element = convert_to_tensor(value)
    if isinstance(dims, int) or element.dims not in ((), None):
        raise ValueError(
            f"fill needs a vector of sizes and a scalar, but got {dims!r} and a value of shape "
            f"{described(element.dims)}."
        )
    if not inputs and known is not None and any(d is not None and d < 0 for d in known):
        raise ValueError(f"The sizes of fill must be >= 0, but are {list(known)}.")
    result: Tensor = FILL(element, *inputs, dims=known, name=name)
    return result


def _constant_filled(shape: TensorLike, value: Any, dtype: Any, name: str | None) -> Tensor:
    target = as_dtype(dtype)
    known, inputs = shape_argument(shape)
    if not inputs and not fully_known(known):
        raise ValueError(f"The shape of {name} must be fully known, but is {described(known)}.")
    if not inputs and (element_count(known) or 0) <= 1000:
        sizes: Any = known or ()
        return constant_of(np.full(sizes, value, target.numpy), None, name)
    element = convert_to_tensor(np.full((), value, target.numpy)[()])
    result: Tensor = FILL(element, *inputs, dims=known, name=name)
    return result


def _neutral(dtype: DType, number: int) -> Any:
    if dtype is dtypes.string:
        return b""
    return bool(number) if dtype.is_bool else number


@export("zeros")
def zeros(
    shape: TensorLike, dtype: Any = dtypes.float32, name: str | None = None, layout: Any = None
) -> Tensor:
    """A tensor of zeros (false, empty strings).

    Args:
        shape: The shape.
        dtype: The element type.
        name: Name of the operation.
        layout: Without effect.

    Returns:
        The tensor.
    """
    return _constant_filled(shape, _neutral(as_dtype(dtype), 0), dtype, name or "zeros")


@export("ones")
def ones(
    shape: TensorLike, dtype: Any = dtypes.float32, name: str | None = None, layout: Any = None
) -> Tensor:
    """A tensor of ones (true).

    Args:
        shape: The shape.
        dtype: The element type.
        name: Name of the operation.
        layout: Without effect.

    Returns:
        The tensor.
    """
    return _constant_filled(shape, _neutral(as_dtype(dtype), 1), dtype, name or "ones")


def _bind_like(view: View) -> Kernel:
    value, dtype = view["value"], view["dtype"].numpy
    return lambda x: np.full(x.shape, value, dtype)


def _like_spec(view: View) -> Spec:
    dims = view.first.dims
    small = fully_known(dims) and (element_count(dims) or 0) <= 1000
    shape: Any = dims or ()
    value = np.full(shape, view["value"], view["dtype"].numpy) if small else None
    return Spec(view["dtype"], dims, value if value is None or value.ndim else value[()])


FILL_LIKE: Definition = Definition(
    "FillLike", _like_spec, bind=_bind_like, gradient=not_differentiable
)


def _like(tensor: TensorLike, number: int, dtype: Any, name: str | None) -> Tensor:
    source = convert_to_tensor(tensor)
    target = source.dtype if dtype is None else as_dtype(dtype)
    result: Tensor = FILL_LIKE(source, value=_neutral(target, number), dtype=target, name=name)
    return result


@export("zeros_like")
def zeros_like(
    tensor: TensorLike,
    dtype: Any = None,
    name: str | None = None,
    optimize: builtins.bool = True,
) -> Tensor:
    """Zeros in the shape of another tensor.

    Args:
        tensor: The tensor.
        dtype: The element type; that of the tensor if None.
        name: Name of the operation.
        optimize: Without effect.

    Returns:
        A tensor.
    """
    return _like(tensor, 0, dtype, name or "zeros_like")


@export("ones_like")
def ones_like(
    tensor: TensorLike,
    dtype: Any = None,
    name: str | None = None,
    optimize: builtins.bool = True,
) -> Tensor:
    """Ones in the shape of another tensor.

    Args:
        tensor: The tensor.
        dtype: The element type; that of the tensor if None.
        name: Name of the operation.
        optimize: Without effect.

    Returns:
        A tensor.
    """
    return _like(tensor, 1, dtype, name or "ones_like")


OVERLOADS.update(
    {
        "identity": identity,
        "stack": _stacked,
        "getitem": _getitem,
        "select": where,
        "concat": concat,
        "from_slices": _from_slices,
    }
)
