"""Picking and placing elements by indices; what occurs how often."""

from typing import Any, NamedTuple

import numpy as np

from runtime.graph import dtypes
from runtime.graph.convert import TensorLike, convert_to_tensor, same_type
from runtime.graph.definition import Definition, Kernel, Spec, View, not_differentiable
from runtime.graph.dtypes import as_dtype
from runtime.graph.export import export
from runtime.graph.ops.array import gather, shape, zeros_like
from runtime.graph.ops.rules import checked_kind, unchanged
from runtime.graph.shapes import Dims, Incompatible, compatible, described
from runtime.graph.tensor import Tensor

_INDEX = "iu"


def _indices(value: TensorLike, what: str) -> Tensor:
    return checked_kind(convert_to_tensor(value), _INDEX, what)


# Several coordinates at once. An index is a vector along the last axis.


def nd_key(indices: Any, shape: Any) -> tuple[Any, ...]:
    """Coordinates as NumPy takes them, checked: negative ones are none.

    Args:
        indices: Coordinates, along the last axis.
        shape: The shape of what they are for.

    Returns:
        A key.

    Raises:
        IndexError: If one is outside of the shape.
    """
    depth = indices.shape[-1]
    limits = np.array(shape[:depth])
    if depth > len(shape):
        raise ValueError(f"indices of {depth} coordinates don't fit a shape of rank {len(shape)}")
    if indices.size and ((indices < 0) | (indices >= limits)).any():
        bad = indices[((indices < 0) | (indices >= limits)).any(-1)][0]
        raise IndexError(f"indices must be in {described(tuple(shape))}, but one is {bad.tolist()}")
    return tuple(np.moveaxis(indices, -1, 0))


def _gather_nd_spec(view: View) -> Spec:
    dims, indices = view.first.dims, view.inputs[1].dims
    if dims is None or indices is None or not indices or indices[-1] is None:
        return Spec(view.first.dtype, None)
    depth = indices[-1]
    if depth > len(dims):
        raise Incompatible(
            f"indices of {depth} coordinates don't fit a tensor of shape {described(dims)}"
        )
    return Spec(view.first.dtype, (*indices[:-1], *dims[depth:]))


GATHER_ND: Definition = Definition(
    "GatherNd",
    _gather_nd_spec,
    lambda params, indices: np.array(params[nd_key(indices, params.shape)])[()],
    gradient=lambda op, dy: [SCATTER_ND(op.inputs[1], dy, shape(op.inputs[0])), None],
)


@export("gather_nd", "manip.gather_nd")
def gather_nd(
    params: TensorLike,
    indices: TensorLike,
    name: str | None = None,
    batch_dims: int = 0,
    bad_indices_policy: str = "",
) -> Tensor:
    """Picks elements or slices of a tensor by several coordinates each.

    Args:
        params: A tensor.
        indices: Coordinates, along the last axis.
        name: Name of the operation.
        batch_dims: Must be 0.
        bad_indices_policy: Without effect: a bad index is an error.

    Returns:
        A tensor with the axes of `indices` but the last, then those of `params` that have no
        coordinate.

    Raises:
        ValueError: If there are more coordinates than axes.
    """
    if batch_dims:
        raise ValueError("gather_nd does not support batch_dims other than 0.")
    where = _indices(indices, "gather_nd")
    result: Tensor = GATHER_ND(convert_to_tensor(params), where, name=name)
    return result


def _target(view: View, index: int) -> Dims:
    """A shape that is an input, as far as it is known."""
    spec = view.inputs[index]
    if spec.value is not None:
        return tuple([int(d) for d in np.ravel(spec.value)])
    if spec.partial is not None:
        return spec.partial
    return (None,) * spec.dims[0] if spec.dims and spec.dims[0] is not None else None


def _scatter_nd_kernel(indices: Any, updates: Any, sizes: Any) -> Any:
    result = np.zeros(tuple(sizes.tolist()), updates.dtype)
    np.add.at(result, nd_key(indices, result.shape), updates)
    return result


def _scatter_nd_spec(view: View) -> Spec:
    indices, updates, target = view.first.dims, view.inputs[1].dims, _target(view, 2)
    if indices and updates is not None and target is not None and indices[-1] is not None:
        wanted = (*indices[:-1], *target[indices[-1] :])
        if not compatible(updates, wanted):
            raise Incompatible(
                f"updates of shape {described(updates)} don't fit indices of shape "
                f"{described(indices)} into {described(target)}: {described(wanted)} is needed"
            )
    return Spec(view.inputs[1].dtype, target)


SCATTER_ND: Definition = Definition(
    "ScatterNd",
    _scatter_nd_spec,
    _scatter_nd_kernel,
    floating=True,
    gradient=lambda op, dy: [None, GATHER_ND(dy, op.inputs[0]), None],
)


@export("scatter_nd", "manip.scatter_nd")
def scatter_nd(
    indices: TensorLike,
    updates: TensorLike,
    shape: TensorLike,
    bad_indices_policy: str = "",
    name: str | None = None,
) -> Tensor:
    """A tensor of zeros but for some elements or slices; what has the same index is added.

    Args:
        indices: Coordinates, along the last axis.
        updates: What to place there.
        shape: The shape of the whole.
        bad_indices_policy: Without effect: a bad index is an error.
        name: Name of the operation.

    Returns:
        The tensor.
    """
    result: Tensor = SCATTER_ND(
        _indices(indices, "scatter_nd"),
        convert_to_tensor(updates),
        _indices(shape, "The shape of scatter_nd"),
        name=name,
    )
    return result


def _placing(change: Any) -> Kernel:
    def place(tensor: Any, indices: Any, updates: Any) -> Any:
        result = np.array(tensor)
        change(result, nd_key(indices, result.shape), updates)
        return result

    return place


def _set(target: Any, key: Any, value: Any) -> None:
    target[key] = value


def _tensor_scatter(type_name: str, change: Any, gradient: Any = None) -> Definition:
    return Definition(type_name, unchanged, _placing(change), floating=True, gradient=gradient)


_PLACE: Definition = _tensor_scatter(
    "TensorScatterUpdate",
    _set,
    lambda op, dy: [
        _PLACE(dy, op.inputs[1], zeros_like(op.inputs[2])),
        None,
        GATHER_ND(dy, op.inputs[1]),
    ],
)
_PLACE_ADD: Definition = _tensor_scatter(
    "TensorScatterAdd", np.add.at, lambda op, dy: [dy, None, GATHER_ND(dy, op.inputs[1])]
)
_PLACE_SUB: Definition = _tensor_scatter(
    "TensorScatterSub", np.subtract.at, lambda op, dy: [dy, None, -GATHER_ND(dy, op.inputs[1])]
)
_PLACE_MAX: Definition = _tensor_scatter("TensorScatterMax", np.maximum.at)
_PLACE_MIN: Definition = _tensor_scatter("TensorScatterMin", np.minimum.at)


def _tensor_scatter_function(definition: Definition, names: str, what: str) -> None:
    @export(*names.split())
    def function(
        tensor: TensorLike,
        indices: TensorLike,
        updates: TensorLike,
        bad_indices_policy: str = "",
        name: str | None = None,
    ) -> Tensor:
        first, values = same_type(tensor, updates, names=("tensor", "updates"))
        where = _indices(indices, names)
        result: Tensor = definition(first, where, values, name=name)
        return result

    function.__name__ = function.__qualname__ = names.split()[0]
    function.__doc__ = f"""A tensor with some elements or slices {what}.

    Args:
        tensor: A tensor.
        indices: Coordinates, along the last axis.
        updates: The values for them.
        bad_indices_policy: Without effect: a bad index is an error.
        name: Name of the operation.

    Returns:
        A tensor of the same shape.
    """


@export("tensor_scatter_nd_update", "tensor_scatter_update")
def tensor_scatter_nd_update(
    tensor: TensorLike, indices: TensorLike, updates: TensorLike, name: str | None = None
) -> Tensor:
    """A tensor with some elements or slices replaced.

    Args:
        tensor: A tensor.
        indices: Coordinates, along the last axis.
        updates: The values for them.
        name: Name of the operation.

    Returns:
        A tensor of the same shape.
    """
    first, values = same_type(tensor, updates, names=("tensor", "updates"))
    result: Tensor = _PLACE(first, _indices(indices, "tensor_scatter_nd_update"), values, name=name)
    return result


for _definition, _names, _what in (
    (_PLACE_ADD, "tensor_scatter_nd_add tensor_scatter_add", "added to"),
    (_PLACE_SUB, "tensor_scatter_nd_sub tensor_scatter_sub", "subtracted from"),
    (_PLACE_MAX, "tensor_scatter_nd_max", "replaced where the others are larger"),
    (_PLACE_MIN, "tensor_scatter_nd_min", "replaced where the others are smaller"),
):
    _tensor_scatter_function(_definition, _names, _what)


# Taking apart and putting together.


def _partition_spec(view: View) -> tuple[Spec, ...]:
    dims, parts = view.first.dims, view.inputs[1].dims
    rest: Dims = None
    if dims is not None and parts is not None:
        if not compatible(dims[: len(parts)], parts):
            raise Incompatible(
                f"partitions of shape {described(parts)} don't fit a tensor of {described(dims)}"
            )
        rest = (None, *dims[len(parts) :])
    return tuple([Spec(view.first.dtype, rest) for _ in range(view["number"])])


def _bind_partition(view: View) -> Kernel:
    number = view["number"]

    def cut(data: Any, partitions: Any) -> Any:
        if partitions.size and not 0 <= partitions.min() <= partitions.max() < number:
            raise ValueError(f"partitions must be in [0, {number}), but are {partitions}")
        parts = [data[partitions == i] for i in range(number)]
        return tuple(parts) if number != 1 else parts[0]

    return cut


def _partition_gradient(op: Any, *gradients: Tensor | None) -> list[Tensor | None]:
    pairs = zip(gradients, op.outputs, strict=True)
    parts = [zeros_like(y) if dy is None else dy for dy, y in pairs]
    result: Tensor = _JOIN_PARTS(op.inputs[0], op.inputs[1], *parts)
    return [result, None]


def _join_parts(data: Any, partitions: Any, *parts: Any) -> Any:
    result = np.zeros(data.shape, parts[0].dtype)
    for i, part in enumerate(parts):
        result[partitions == i] = part
    return result


def _split_again(op: Any, dy: Tensor) -> list[Tensor | None]:
    number = len(op.inputs) - 2
    return [None, None, *dynamic_partition(dy, op.inputs[1], number)]


_JOIN_PARTS: Definition = Definition(
    "JoinPartitions", unchanged, _join_parts, gradient=_split_again
)
PARTITION: Definition = Definition(
    "DynamicPartition", _partition_spec, bind=_bind_partition, gradient=_partition_gradient
)


@export("dynamic_partition")
def dynamic_partition(
    data: TensorLike, partitions: TensorLike, num_partitions: int, name: str | None = None
) -> list[Tensor]:
    """Sorts the elements of a tensor into several.

    Args:
        data: A tensor.
        partitions: For each element or slice the number of the tensor it belongs to.
        num_partitions: The number of tensors.
        name: Name of the operation.

    Returns:
        A list of tensors.
    """
    where = _indices(partitions, "dynamic_partition")
    found = PARTITION(convert_to_tensor(data), where, number=num_partitions, name=name)
    return [found] if isinstance(found, Tensor) else list(found)


def _stitch_spec(view: View) -> Spec:
    half = len(view.inputs) // 2
    index, data = view.inputs[0].dims, view.inputs[half].dims
    known = [spec.value for spec in view.inputs[:half]]
    size = None
    if all(value is not None for value in known):
        size = max([int(np.max(value)) + 1 for value in known if np.size(value)], default=0)
    rest = None if index is None or data is None else (size, *data[len(index) :])
    return Spec(view.inputs[half].dtype, rest)


def _stitch(*inputs: Any) -> Any:
    half = len(inputs) // 2
    indices, data = inputs[:half], inputs[half:]
    size = max([int(i.max()) + 1 for i in indices if i.size], default=0)
    result = np.zeros((size, *data[0].shape[indices[0].ndim :]), data[0].dtype)
    for where, values in zip(indices, data, strict=True):
        result[where] = values
    return result


STITCH: Definition = Definition(
    "DynamicStitch",
    _stitch_spec,
    _stitch,
    gradient=lambda op, dy: [
        *[None] * (len(op.inputs) // 2),
        *[gather(dy, where) for where in op.inputs[: len(op.inputs) // 2]],
    ],
)


@export("dynamic_stitch")
def dynamic_stitch(indices: Any, data: Any, name: str | None = None) -> Tensor:
    """Puts tensors together by indices; the opposite of `dynamic_partition`.

    Args:
        indices: A list of tensors of indices.
        data: A list of tensors with the elements or slices for them.
        name: Name of the operation.

    Returns:
        The tensor.
    """
    where = [_indices(i, "dynamic_stitch") for i in indices]
    result: Tensor = STITCH(*where, *same_type(*data), name=name)
    return result


def _invert(x: Any) -> Any:
    result = np.empty_like(x)
    if not np.array_equal(np.sort(x), np.arange(len(x))):
        raise ValueError(f"{x} is no permutation")
    result[x] = np.arange(len(x))
    return result


_INVERT: Definition = Definition(
    "InvertPermutation", unchanged, _invert, gradient=not_differentiable
)


@export("invert_permutation", "math.invert_permutation")
def invert_permutation(x: TensorLike, name: str | None = None) -> Tensor:
    """The permutation that undoes another.

    Args:
        x: A vector with the integers from 0 to its length.
        name: Name of the operation.

    Returns:
        A vector of the same length.
    """
    result: Tensor = _INVERT(_indices(x, "invert_permutation"), name=name)
    return result


# What there is, and how often.


class Unique(NamedTuple):
    """What `unique` gives.

    Attributes:
        y: The different elements, in the order in which they occur.
        idx: For each element its place in `y`.
    """

    y: Tensor
    idx: Tensor


class UniqueWithCounts(NamedTuple):
    """What `unique_with_counts` gives.

    Attributes:
        y: The different elements, in the order in which they occur.
        idx: For each element its place in `y`.
        count: How often each occurs.
    """

    y: Tensor
    idx: Tensor
    count: Tensor  # type: ignore[assignment]  # it hides the method of tuples, as TensorFlow's does


def _unique_spec(view: View) -> tuple[Spec, ...]:
    index = view["dtype"]
    if view.first.dims is not None and len(view.first.dims) != 1:
        raise Incompatible(
            f"the input must be a vector, but has shape {described(view.first.dims)}"
        )
    return (
        Spec(view.first.dtype, (None,)),
        Spec(index, view.first.dims),
        Spec(index, (None,)),
    )


def _bind_unique(view: View) -> Kernel:
    index = view["dtype"].numpy

    def unique_kernel(x: Any) -> Any:
        _, first, inverse, counts = np.unique(
            x, return_index=True, return_inverse=True, return_counts=True
        )
        order = np.argsort(first)
        places = np.empty_like(order)
        places[order] = np.arange(len(order))
        return x[first[order]], places[inverse].astype(index), counts[order].astype(index)

    return unique_kernel


_UNIQUE: Definition = Definition(
    "UniqueWithCounts", _unique_spec, bind=_bind_unique, gradient=not_differentiable
)


@export("unique")
def unique(x: TensorLike, out_idx: Any = dtypes.int32, name: str | None = None) -> Unique:
    """The different elements of a vector.

    Args:
        x: A vector.
        out_idx: The type of the indices.
        name: Name of the operation.

    Returns:
        The elements in the order in which they occur first, and for each element of `x` its
        place among them.
    """
    found = _UNIQUE(convert_to_tensor(x), dtype=as_dtype(out_idx), name=name or "Unique")
    return Unique(*found[:2])


@export("unique_with_counts")
def unique_with_counts(
    x: TensorLike, out_idx: Any = dtypes.int32, name: str | None = None
) -> UniqueWithCounts:
    """The different elements of a vector, and how often each occurs.

    Args:
        x: A vector.
        out_idx: The type of the indices and counts.
        name: Name of the operation.

    Returns:
        The same as `unique`, and the counts.
    """
    return UniqueWithCounts(*_UNIQUE(convert_to_tensor(x), dtype=as_dtype(out_idx), name=name))


class ListDiff(NamedTuple):
    """What `setdiff1d` gives.

    Attributes:
        out: The elements that are left.
        idx: Their places.
    """

    out: Tensor
    idx: Tensor


_SETDIFF: Definition = Definition(
    "ListDiff",
    lambda view: (Spec(view.first.dtype, (None,)), Spec(view["dtype"], (None,))),
    bind=lambda view: lambda x, y: _difference(x, y, view["dtype"].numpy),
    gradient=not_differentiable,
)


def _difference(x: Any, y: Any, index: Any) -> Any:
    places = np.flatnonzero(~np.isin(x, y))
    return x[places], places.astype(index)


@export("setdiff1d")
def setdiff1d(
    x: TensorLike, y: TensorLike, index_dtype: Any = dtypes.int32, name: str | None = None
) -> ListDiff:
    """The elements of a vector that another does not have.

    Args:
        x: A vector.
        y: Another.
        index_dtype: The type of the indices.
        name: Name of the operation.

    Returns:
        The elements in their order, and their places.
    """
    first, second = same_type(x, y)
    return ListDiff(*_SETDIFF(first, second, dtype=as_dtype(index_dtype), name=name))


def _bind_searchsorted(view: View) -> Kernel:
    side, dtype = view["side"], view["dtype"].numpy

    def search(sequence: Any, values: Any) -> Any:
        rows = sequence.reshape(-1, sequence.shape[-1])
        wanted = values.reshape(-1, values.shape[-1])
        found = [np.searchsorted(r, v, side) for r, v in zip(rows, wanted, strict=True)]
        return np.array(found, dtype).reshape(values.shape)

    return search


_SEARCH: Definition = Definition(
    "SearchSorted",
    lambda view: Spec(view["dtype"], view.inputs[1].dims),
    bind=_bind_searchsorted,
    gradient=not_differentiable,
)


@export("searchsorted")
def searchsorted(
    sorted_sequence: TensorLike,
    values: TensorLike,
    side: str = "left",
    out_type: Any = dtypes.int32,
    name: str | None = None,
) -> Tensor:
    """Where values would have to be put into sorted vectors.

    Args:
        sorted_sequence: Vectors along the last axis, sorted.
        values: For each vector the values.
        side: ``"left"`` for the first place, ``"right"`` for the last.
        out_type: The type of the indices.
        name: Name of the operation.

    Returns:
        A tensor of the shape of `values`.

    Raises:
        ValueError: If there is no such side.
    """
    if side not in ("left", "right"):
        raise ValueError(f"side must be 'left' or 'right', not {side!r}.")
    first, second = same_type(sorted_sequence, values)
    result: Tensor = _SEARCH(first, second, side=side, dtype=as_dtype(out_type), name=name)
    return result


def _bind_sort(view: View) -> Kernel:
    axis, descending = view["axis"], view["descending"]

    def order(values: Any) -> Any:
        if not descending:
            return np.argsort(values, axis, kind="stable").astype(np.int32)
        turned = np.flip(values, axis)
        places = np.flip(np.argsort(turned, axis, kind="stable"), axis)
        return (values.shape[axis] - 1 - places).astype(np.int32)

    return order


_ARGSORT: Definition = Definition(
    "ArgSort",
    lambda view: Spec(dtypes.int32, view.first.dims),
    bind=_bind_sort,
    gradient=not_differentiable,
)
_ALONG: Definition = Definition(
    "TakeAlongAxis",
    lambda view: Spec(view.first.dtype, view.inputs[1].dims),
    bind=lambda view: lambda x, places: np.take_along_axis(x, places, view["axis"]),
    gradient=lambda op, dy: [_PUT_ALONG(dy, *op.inputs, axis=op.attributes["axis"]), None],
)


def _bind_put(view: View) -> Kernel:
    axis = view["axis"]

    def put(dy: Any, x: Any, places: Any) -> Any:
        result = np.zeros(x.shape, dy.dtype)
        np.put_along_axis(result, places, dy, axis)
        return result

    return put


_PUT_ALONG: Definition = Definition(
    "PutAlongAxis",
    lambda view: Spec(view.first.dtype, view.inputs[1].dims),
    bind=_bind_put,
    gradient=lambda op, dy: [
        _ALONG(dy, op.inputs[2], axis=op.attributes["axis"]),
        None,
        None,
    ],
)


@export("argsort")
def argsort(
    values: TensorLike,
    axis: int = -1,
    direction: str = "ASCENDING",
    stable: bool = False,
    name: str | None = None,
) -> Tensor:
    """The indices that sort a tensor along an axis.

    Args:
        values: A tensor.
        axis: The axis.
        direction: ``"ASCENDING"`` or ``"DESCENDING"``.
        stable: Without effect: equal elements always stay in their order.
        name: Name of the operation.

    Returns:
        Indices of int32.

    Raises:
        ValueError: If there is no such direction.
    """
    if direction not in ("ASCENDING", "DESCENDING"):
        raise ValueError(f"direction must be ASCENDING or DESCENDING, not {direction!r}.")
    result: Tensor = _ARGSORT(
        convert_to_tensor(values), axis=axis, descending=direction == "DESCENDING", name=name
    )
    return result


@export("sort")
def sort(
    values: TensorLike, axis: int = -1, direction: str = "ASCENDING", name: str | None = None
) -> Tensor:
    """A tensor with its elements sorted along an axis.

    Args:
        values: A tensor.
        axis: The axis.
        direction: ``"ASCENDING"`` or ``"DESCENDING"``.
        name: Name of the operation.

    Returns:
        The tensor.
    """
    tensor = convert_to_tensor(values)
    result: Tensor = _ALONG(tensor, argsort(tensor, axis, direction), axis=axis, name=name)
    return result


def _bind_bincount(view: View) -> Kernel:
    given, dtype = view["given"], view["dtype"].numpy

    def count(numbers: Any, *options: Any) -> Any:
        chosen = dict(zip(given, options, strict=True))
        flat, most = numbers.ravel(), chosen.get("maxlength")
        heavy = chosen["weights"].ravel() if "weights" in chosen else None
        size = max(int(chosen.get("minlength", 0)), int(flat.max(initial=-1)) + 1)
        if most is not None:
            size = min(size, int(most))
            heavy = None if heavy is None else heavy[flat < most]
            flat = flat[flat < most]
        return np.bincount(flat, heavy, size).astype(dtype)

    return count


_BINCOUNT: Definition = Definition(
    "Bincount",
    lambda view: Spec(view["dtype"], (None,)),
    bind=_bind_bincount,
    gradient=not_differentiable,
)


@export("bincount", "math.bincount")
def bincount(
    arr: TensorLike,
    weights: TensorLike = None,
    minlength: TensorLike = None,
    maxlength: TensorLike = None,
    dtype: Any = dtypes.int32,
) -> Tensor:
    """How often each of the numbers 0, 1, 2, … occurs.

    Args:
        arr: A tensor of integers.
        weights: What each counts; 1 if None.
        minlength: The least length of the result.
        maxlength: Larger numbers are not counted.
        dtype: The element type of the result, if there are no weights.

    Returns:
        A vector.
    """
    options = {"weights": weights, "minlength": minlength, "maxlength": maxlength}
    inputs = {key: convert_to_tensor(value) for key, value in options.items() if value is not None}
    for key in inputs.keys() - {"weights"}:
        checked_kind(inputs[key], "iu", f"The {key} of bincount")
    target = inputs["weights"].dtype if "weights" in inputs else as_dtype(dtype)
    result: Tensor = _BINCOUNT(
        _indices(arr, "bincount"), *inputs.values(), given=tuple(inputs), dtype=target
    )
    return result


def _bind_histogram(view: View) -> Kernel:
    bins, dtype = view["bins"], view["dtype"].numpy

    def count(values: Any, limits: Any) -> Any:
        low, high = limits.tolist()
        places = np.floor((values.ravel() - low) / (high - low) * bins)
        clipped = np.clip(places, 0, bins - 1).astype(np.int64)
        return np.bincount(clipped, minlength=bins).astype(dtype)

    return count


_HISTOGRAM: Definition = Definition(
    "HistogramFixedWidth",
    lambda view: Spec(view["dtype"], (view["bins"],)),
    bind=_bind_histogram,
    gradient=not_differentiable,
    floating=True,
)


@export("histogram_fixed_width")
def histogram_fixed_width(
    values: TensorLike,
    value_range: TensorLike,
    nbins: int = 100,
    dtype: Any = dtypes.int32,
    name: str | None = None,
) -> Tensor:
    """How many values fall into each of some equal intervals.

    Args:
        values: A tensor.
        value_range: The ends of all intervals together; what is outside counts for the outermost.
        nbins: The number of intervals.
        dtype: The element type of the result.
        name: Name of the operation.

    Returns:
        A vector.
    """
    first, limits = same_type(values, value_range)
    result: Tensor = _HISTOGRAM(first, limits, bins=nbins, dtype=as_dtype(dtype), name=name)
    return result


def _bind_confusion(view: View) -> Kernel:
    classes, dtype = view["classes"], view["dtype"].numpy

    def count(labels: Any, predictions: Any, *weights: Any) -> Any:
        largest = max([int(x.max()) + 1 for x in (labels, predictions) if x.size], default=0)
        size = largest if classes is None else classes
        if largest > size:
            raise ValueError(f"classes must be in [0, {size}), but one is {largest - 1}")
        result = np.zeros((size, size), dtype)
        np.add.at(result, (labels, predictions), weights[0] if weights else 1)
        return result

    return count


_CONFUSION: Definition = Definition(
    "ConfusionMatrix",
    lambda view: Spec(view["dtype"], (view["classes"],) * 2),
    bind=_bind_confusion,
    gradient=not_differentiable,
)


@export("confusion_matrix", "math.confusion_matrix")
def confusion_matrix(
    labels: TensorLike,
    predictions: TensorLike,
    num_classes: int | None = None,
    dtype: Any = dtypes.int32,
    name: str | None = None,
    weights: TensorLike = None,
) -> Tensor:
    """How often each class was taken for each other.

    Args:
        labels: A vector of the true classes, of any numbers.
        predictions: A vector of the predicted classes.
        num_classes: The number of classes; the largest one plus one if None.
        dtype: The element type of the result.
        name: Name of the operation.
        weights: What each counts; 1 if None.

    Returns:
        A matrix with a row for each true and a column for each predicted class.
    """
    from runtime.graph.ops.math import cast

    target = as_dtype(dtype)
    inputs = [cast(convert_to_tensor(t), dtypes.int64) for t in (labels, predictions)]
    if weights is not None:
        inputs.append(cast(weights, target))
    result: Tensor = _CONFUSION(*inputs, classes=num_classes, dtype=target, name=name)
    return result


_UNRAVEL: Definition = Definition(
    "UnravelIndex",
    lambda view: Spec(
        view.first.dtype,
        None
        if view.first.dims is None
        else ((view.inputs[1].dims or (None,))[0], *view.first.dims),
    ),
    lambda indices, sizes: np.array(np.unravel_index(indices, tuple(sizes)), indices.dtype),
    gradient=not_differentiable,
)


@export("unravel_index")
def unravel_index(indices: TensorLike, dims: TensorLike, name: str | None = None) -> Tensor:
    """The coordinates of places in a tensor whose elements stand in a row.

    Args:
        indices: The places.
        dims: The shape of the tensor.
        name: Name of the operation.

    Returns:
        A tensor with a row for each coordinate.
    """
    first, sizes = same_type(indices, dims)
    result: Tensor = _UNRAVEL(first, sizes, name=name)
    return result


@export("batch_gather")
def batch_gather(params: TensorLike, indices: TensorLike, name: str | None = None) -> Tensor:
    """Picks slices by indices, with a row of indices for each row of the tensor.

    Args:
        params: A tensor.
        indices: Indices; all their axes but the last are those of `params`.
        name: Name of the operation.

    Returns:
        The tensor.
    """
    places = _indices(indices, "batch_gather")
    depth = None if places.dims is None else len(places.dims) - 1
    if depth is None:
        raise ValueError(f"batch_gather needs to know the rank of {places.name!r}; use set_shape.")
    return gather(params, places, name=name, axis=depth, batch_dims=depth)
