"""Arrays of tensors: elements written and read one by one, mostly in loops.

What an array holds is a value that flows from one operation to the next, so that order follows
from who uses which. Each index is written once, as TensorFlow wants it, and so the operations may
all share one object in a run; its gradient is an object of the same kind.
"""

from typing import Any

import numpy as np

from runtime import errors
from runtime.graph import dtypes
from runtime.graph.convert import TensorLike, convert_to_tensor
from runtime.graph.definition import Definition, Kernel, Spec, View, not_differentiable
from runtime.graph.dtypes import DType, as_dtype
from runtime.graph.export import export
from runtime.graph.ops.rules import checked_kind, fixed
from runtime.graph.shapes import Dims, TensorShape, as_dims, compatible, described, merged
from runtime.graph.tensor import Tensor

_FLOW = fixed(dtypes.variant, ())


class Rows:
    """The elements of an array in one run, or those of its gradient.

    Attributes:
        elements: Arrays by index.
        size: The number of elements; grows if the array may.
    """

    __slots__ = ("elements", "size")

    def __init__(self, elements: dict[int, Any], size: int) -> None:
        self.elements = elements
        self.size = size

    def __add__(self, other: "Rows") -> "Rows":
        return Rows(dict(self.elements), self.size)._add(other)

    def __iadd__(self, other: "Rows") -> "Rows":
        return self._add(other)

    def _add(self, other: "Rows") -> "Rows":
        for index, element in other.elements.items():
            known = self.elements.get(index)
            self.elements[index] = element if known is None else known + element
        self.size = max(self.size, other.size)
        return self


def _fail(message: str) -> Any:
    raise errors.InvalidArgumentError(None, None, message)


# Kernels.


def _bind_write(view: View) -> Kernel:
    name, grows = view["array"], view["dynamic_size"]

    def write(rows: Rows, index: Any, value: Any) -> Rows:
        place = int(index)
        if place < 0 or (place >= rows.size and not grows):
            _fail(
                f"TensorArray {name}: Tried to write to index {place} but array is not resizeable "
                f"and size is: {rows.size}"
            )
        if place in rows.elements:
            _fail(
                f"TensorArray {name}: Could not write to TensorArray index {place} because it has "
                "already been written to."
            )
        rows.elements[place] = value
        rows.size = max(rows.size, place + 1)
        return rows

    return write


def _element(rows: Rows, place: int, view: View) -> Any:
    found = rows.elements.get(place)
    if found is not None:
        return found
    if not 0 <= place < rows.size:
        _fail(
            f"TensorArray {view['array']}: Tried to read from index {place} but array size is: "
            f"{rows.size}"
        )
    dims, dtype = view["dims"], view["dtype"].numpy
    if dims is None or None in dims:
        shapes = [x.shape for x in rows.elements.values()]
        if not shapes:
            _fail(
                f"TensorArray {view['array']}: Could not read from TensorArray index {place}. "
                "It was not written, and the element shape is not fully defined. Give "
                "element_shape= to read zeros."
            )
        dims = shapes[0]
    return np.zeros(dims, dtype)[()]


def _bind_read(view: View) -> Kernel:
    return lambda rows, index: _element(rows, int(index), view)


def _bind_gather(view: View) -> Kernel:
    dtype, dims = view["dtype"].numpy, view["dims"]

    def gather(rows: Rows, indices: Any) -> Any:
        found = [_element(rows, place, view) for place in indices.tolist()]
        if not found:
            return np.zeros((0, *[d or 0 for d in dims or ()]), dtype)
        return np.stack(found)

    return gather


def _scatter(rows: Rows, indices: Any, value: Any) -> Rows:
    places = indices.tolist()
    if len(places) != len(value):
        _fail(f"{len(places)} indices do not fit a value of shape {value.shape}.")
    for place, row in zip(places, value, strict=True):
        rows.elements[place] = row
    rows.size = max(rows.size, max(places, default=-1) + 1)
    return rows


def _concat(rows: Rows, *_: Any) -> Any:
    return np.concatenate([rows.elements[place] for place in range(rows.size)])


def _lengths(rows: Rows) -> Any:
    return np.array([len(rows.elements[place]) for place in range(rows.size)], np.int64)


def _split(rows: Rows, value: Any, lengths: Any) -> Rows:
    if lengths.sum() != len(value):
        _fail(f"Expected sum of lengths to be equal to values.shape[0], but {lengths} is not.")
    parts = np.split(value, np.cumsum(lengths)[:-1])
    rows.elements.update(enumerate(parts))
    rows.size = max(rows.size, len(parts))
    return rows


# Gradients. That of an array is another one, to which reading adds and from which writing takes.


def _write_gradient(op: Any, dflow: Tensor) -> list[Tensor | None]:
    dims = op.inputs[2].dims
    slope = _READ_LIKE(
        dflow, op.inputs[1], op.inputs[2], array=op.attributes["array"], dims=dims,
        dtype=op.inputs[2].dtype,
    )  # fmt: skip
    return [dflow, None, slope]


def _bind_read_like(view: View) -> Kernel:
    dtype = view["dtype"].numpy

    def read(rows: Rows, index: Any, like: Any) -> Any:
        found = rows.elements.get(int(index))
        return np.zeros(like.shape, dtype)[()] if found is None else found

    return read


def _rows(indices: Any, value: Any) -> Rows:
    """Elements of a gradient; what belongs to the same index is added."""
    rows = Rows({}, 0)
    for place, row in zip(indices.tolist(), value, strict=True):
        rows._add(Rows({place: row}, place + 1))
    return rows


def _scatter_gradient(op: Any, dflow: Tensor) -> list[Tensor | None]:
    return [dflow, None, _GATHER_LIKE(dflow, op.inputs[1], op.inputs[2])]


def _gather_like(rows: Rows, indices: Any, like: Any) -> Any:
    result = np.zeros(like.shape, like.dtype)
    for row, place in zip(result, indices.tolist(), strict=True) if like.ndim > 1 else ():
        if place in rows.elements:
            row[...] = rows.elements[place]
    if like.ndim == 1:
        result[:] = [rows.elements.get(place, 0) for place in indices.tolist()]
    return result


def _split_gradient(op: Any, dflow: Tensor) -> list[Tensor | None]:
    return [dflow, _CONCAT_LIKE(dflow, op.inputs[1], op.inputs[2]), None]


def _concat_like(rows: Rows, like: Any, lengths: Any) -> Any:
    result = np.zeros(like.shape, like.dtype)
    start = 0
    for place, length in enumerate(lengths.tolist()):
        if place in rows.elements:
            result[start : start + length] = rows.elements[place]
        start += length
    return result


def _like_third(view: View) -> Spec:
    return Spec(view.inputs[2].dtype, view.inputs[2].dims)


_NEW: Definition = Definition(
    "TensorArrayV3",
    _FLOW,
    lambda size: Rows({}, int(size)),
    stateful=True,
    gradient=not_differentiable,
)
_NO_ROWS: Definition = Definition(
    "NoRows", _FLOW, lambda: Rows({}, 0), stateful=True, gradient=not_differentiable
)
_READ: Definition = Definition(
    "TensorArrayReadV3",
    lambda view: Spec(view["dtype"], view["dims"]),
    bind=_bind_read,
    stateful=True,
    aliases=True,
    gradient=lambda op, dy: [_ROW(op.inputs[1], dy), None],
)
_ROW: Definition = Definition(
    "TensorArrayRow",
    _FLOW,
    lambda index, dy: Rows({int(index): dy}, int(index) + 1),
    stateful=True,
    aliases=True,
    gradient=lambda op, dflow: [
        None,
        _READ_LIKE(dflow, *op.inputs, array=op.name, dims=op.inputs[1].dims,
                   dtype=op.inputs[1].dtype),
    ],
)  # fmt: skip
_READ_LIKE: Definition = Definition(
    "TensorArrayReadLike",
    _like_third,
    bind=_bind_read_like,
    stateful=True,
    aliases=True,
    gradient=lambda op, dy: [_ROW(op.inputs[1], dy), None, None],
)
_WRITE: Definition = Definition(
    "TensorArrayWriteV3",
    _FLOW,
    bind=_bind_write,
    stateful=True,
    aliases=True,
    gradient=_write_gradient,
)
_GATHER: Definition = Definition(
    "TensorArrayGatherV3",
    lambda view: Spec(
        view["dtype"],
        None if view["dims"] is None else ((view.inputs[1].dims or (None,))[0], *view["dims"]),
    ),
    bind=_bind_gather,
    stateful=True,
    gradient=lambda op, dy: [_ROWS(op.inputs[1], dy), None],
)
_ROWS: Definition = Definition(
    "TensorArrayRows",
    _FLOW,
    _rows,
    stateful=True,
    aliases=True,
    gradient=lambda op, dflow: [None, _GATHER_LIKE(dflow, *op.inputs)],
)
_SCATTER: Definition = Definition(
    "TensorArrayScatterV3",
    _FLOW,
    _scatter,
    stateful=True,
    aliases=True,
    gradient=_scatter_gradient,
)
_GATHER_LIKE: Definition = Definition(
    "TensorArrayGatherLike",
    _like_third,
    _gather_like,
    stateful=True,
    gradient=lambda op, dy: [_ROWS(op.inputs[1], dy), None, None],
)
_CONCAT: Definition = Definition(
    "TensorArrayConcatV3",
    lambda view: Spec(view["dtype"], None if view["dims"] is None else (None, *view["dims"][1:])),
    _concat,
    stateful=True,
    gradient=lambda op, dy: [_SPLIT(_NO_ROWS(), dy, _LENGTHS(op.inputs[0]))],
)
_LENGTHS: Definition = Definition(
    "TensorArrayLengths",
    fixed(dtypes.int64, (None,)),
    _lengths,
    stateful=True,
    gradient=not_differentiable,
)
_SPLIT: Definition = Definition(
    "TensorArraySplitV3",
    _FLOW,
    _split,
    stateful=True,
    aliases=True,
    gradient=_split_gradient,
)
_CONCAT_LIKE: Definition = Definition(
    "TensorArrayConcatLike",
    lambda view: Spec(view.inputs[1].dtype, view.inputs[1].dims),
    _concat_like,
    stateful=True,
    gradient=lambda op, dy: [_SPLIT(_NO_ROWS(), dy, op.inputs[2]), None, None],
)
_SIZE: Definition = Definition(
    "TensorArraySizeV3",
    fixed(dtypes.int32, ()),
    lambda rows: np.int32(rows.size),
    stateful=True,
    gradient=not_differentiable,
)


def as_flow(value: Any) -> Any:
    """What stands for an array in a structure that an operation takes.

    Args:
        value: A `TensorArray`, or anything else.

    Returns:
        The tensor of what the array holds; anything else as it is.
    """
    return value.flow if isinstance(value, TensorArray) else value


def like(value: Any, tensor: Tensor) -> Any:
    """A tensor in the form of what it stands for.

    Args:
        value: A `TensorArray`, or anything else.
        tensor: A tensor that an operation gave for it.

    Returns:
        For an array, the same array that holds what the tensor says; else the tensor.
    """
    return value.holding(tensor) if isinstance(value, TensorArray) else tensor


def no_rows() -> Tensor:
    """The gradient of an array that nothing depends on.

    Returns:
        Elements of an array, none of them written.
    """
    result: Tensor = _NO_ROWS(name="no_rows")
    return result


@export("TensorArray")
class TensorArray:
    """An array of tensors that can be written and read in loops.

    An element is written once. Gradients flow through writing and reading.

    Source: the ``tf.compat.v1.TensorArray`` documentation.

    Args:
        dtype: The element type of the tensors.
        size: The number of tensors; 0 if None.
        dynamic_size: Whether it grows when something is written behind its end.
        clear_after_read: Without effect: what was read can be read again.
        tensor_array_name: The name of the array.
        handle: Not supported.
        flow: The elements, as another array has them.
        infer_shape: Whether all tensors have one shape.
        element_shape: What is known of the shape of the tensors.
        colocate_with_first_write_call: Without effect.
        name: Name of the operation.

    Raises:
        ValueError: If an argument is given that is not supported.
    """

    def __init__(
        self,
        dtype: Any,
        size: TensorLike = None,
        dynamic_size: bool | None = None,
        clear_after_read: bool | None = None,
        tensor_array_name: str | None = None,
        handle: Any = None,
        flow: Tensor | None = None,
        infer_shape: bool = True,
        element_shape: Any = None,
        colocate_with_first_write_call: bool = True,
        name: str | None = None,
    ) -> None:
        if handle is not None:
            raise ValueError("TensorArray: handle= is not supported; give flow= of an array.")
        self._dtype = as_dtype(dtype)
        self._dynamic_size = bool(dynamic_size)
        self._infer_shape = infer_shape
        self._count: int | None = None
        self._dims: Dims = as_dims(element_shape)
        if flow is None:
            count = convert_to_tensor(0 if size is None else size, dtypes.int32)
            flow = _NEW(count, name=name or "TensorArray")
            known = count.spec.value
            self._count = None if known is None or self._dynamic_size else int(known) or None
        assert flow is not None
        self._flow = flow
        self._name = tensor_array_name or flow.op.name

    @property
    def dtype(self) -> DType:
        """The element type of the tensors."""
        return self._dtype

    @property
    def flow(self) -> Tensor:
        """The tensor that stands for what the array holds by now."""
        return self._flow

    @property
    def handle(self) -> Tensor:
        """The same as `flow`."""
        return self._flow

    @property
    def graph(self) -> Any:
        """The graph that it belongs to."""
        return self._flow.graph

    @property
    def dynamic_size(self) -> bool:
        """Whether it grows when something is written behind its end."""
        return self._dynamic_size

    @property
    def element_shape(self) -> TensorShape:
        """What is known of the shape of the tensors."""
        return TensorShape(self._dims)

    def holding(self, flow: Tensor) -> "TensorArray":
        """The same array after an operation on it.

        Args:
            flow: The tensor that stands for what it holds.

        Returns:
            The array.
        """
        result = TensorArray.__new__(TensorArray)
        result.__dict__.update(self.__dict__)
        result._flow = flow
        return result

    def _described(self) -> dict[str, Any]:
        return {"array": self._name, "dtype": self._dtype, "dims": self._dims}

    def _learn(self, dims: Dims) -> None:
        if not self._infer_shape:
            return
        if not compatible(self._dims, dims):
            raise ValueError(
                f"Inconsistent shapes: saw {described(dims)} but expected "
                f"{described(self._dims)} for the elements of the TensorArray {self._name!r} "
                "(and infer_shape=True)"
            )
        self._dims = merged(self._dims, dims)

    def identity(self) -> "TensorArray":
        """The same array, written under the current control dependencies."""
        from runtime.graph.ops.array import identity

        return self.holding(identity(self._flow))

    def grad(self, source: str, flow: Tensor | None = None, name: str | None = None) -> Any:
        """Not supported: gradients flow through the array by `tf.gradients`.

        Args:
            source: Not used.
            flow: Not used.
            name: Not used.

        Raises:
            NotImplementedError: Always.
        """
        raise NotImplementedError("TensorArray.grad does not exist here; use tf.gradients.")

    def read(self, index: TensorLike, name: str | None = None) -> Tensor:
        """Reads a tensor.

        Args:
            index: A scalar of int32.
            name: Name of the operation.

        Returns:
            The tensor.
        """
        place = checked_kind(convert_to_tensor(index), "iu", "TensorArray.read")
        result: Tensor = _READ(
            self._flow, place, name=name or "TensorArrayReadV3", **self._described()
        )
        return result

    def write(self, index: TensorLike, value: TensorLike, name: str | None = None) -> "TensorArray":
        """Writes a tensor.

        Args:
            index: A scalar of int32.
            value: The tensor.
            name: Name of the operation.

        Returns:
            The array to use from now on.

        Raises:
            ValueError: If the shape is another than that of the other tensors.
        """
        tensor = convert_to_tensor(value, self._dtype)
        place = checked_kind(convert_to_tensor(index), "iu", "TensorArray.write")
        with self.graph.name_scope(name or "TensorArrayWrite"):
            flow = _WRITE(
                self._flow,
                place,
                tensor,
                array=self._name,
                dtype=self._dtype,
                dynamic_size=self._dynamic_size,
            )
        result = self.holding(flow)
        result._learn(tensor.dims)
        return result

    def stack(self, name: str | None = None) -> Tensor:
        """All tensors, joined along a new first axis.

        Args:
            name: Name of the operation.

        Returns:
            The tensor.
        """
        from runtime.graph.ops.array import range_

        with self.graph.name_scope(name or "TensorArrayStack"):
            return self.gather(range_(0, self._count or self.size()), name)

    def gather(self, indices: TensorLike, name: str | None = None) -> Tensor:
        """Some tensors, joined along a new first axis.

        Args:
            indices: A vector of int32.
            name: Name of the operation.

        Returns:
            The tensor.
        """
        places = checked_kind(convert_to_tensor(indices), "iu", "TensorArray.gather")
        result: Tensor = _GATHER(
            self._flow, places, name=name or "TensorArrayGatherV3", **self._described()
        )
        return result

    def concat(self, name: str | None = None) -> Tensor:
        """All tensors, joined along their first axis.

        Args:
            name: Name of the operation.

        Returns:
            The tensor.
        """
        result: Tensor = _CONCAT(
            self._flow, name=name or "TensorArrayConcatV3", **self._described()
        )
        return result

    def unstack(self, value: TensorLike, name: str | None = None) -> "TensorArray":
        """Writes the rows of a tensor.

        Args:
            value: A tensor; its first axis is that of the array.
            name: Name of the operation.

        Returns:
            The array to use from now on.
        """
        from runtime.graph.ops.array import range_, shape

        tensor = convert_to_tensor(value, self._dtype)
        with self.graph.name_scope(name or "TensorArrayUnstack"):
            return self.scatter(range_(0, shape(tensor)[0]), tensor, name)

    def scatter(
        self, indices: TensorLike, value: TensorLike, name: str | None = None
    ) -> "TensorArray":
        """Writes the rows of a tensor at some places.

        Args:
            indices: A vector of int32.
            value: A tensor with as many rows.
            name: Name of the operation.

        Returns:
            The array to use from now on.
        """
        tensor = convert_to_tensor(value, self._dtype)
        places = checked_kind(convert_to_tensor(indices), "iu", "TensorArray.scatter")
        with self.graph.name_scope(name or "TensorArrayScatter"):
            flow = _SCATTER(self._flow, places, tensor, array=self._name)
        result = self.holding(flow)
        if tensor.dims is not None:
            result._learn(tensor.dims[1:])
        return result

    def split(
        self, value: TensorLike, lengths: TensorLike, name: str | None = None
    ) -> "TensorArray":
        """Writes parts of a tensor, cut along its first axis.

        Args:
            value: A tensor.
            lengths: A vector of int64 with the length of each part.
            name: Name of the operation.

        Returns:
            The array to use from now on.
        """
        tensor = convert_to_tensor(value, self._dtype)
        counts = checked_kind(convert_to_tensor(lengths), "iu", "TensorArray.split")
        with self.graph.name_scope(name or "TensorArraySplit"):
            return self.holding(_SPLIT(self._flow, tensor, counts))

    def size(self, name: str | None = None) -> Tensor:
        """The number of tensors.

        Args:
            name: Name of the operation.

        Returns:
            A scalar of int32.
        """
        result: Tensor = _SIZE(self._flow, name=name or "TensorArraySizeV3")
        return result

    def close(self, name: str | None = None) -> Any:
        """Does nothing: an array goes when nothing uses it any more.

        Args:
            name: Name of the operation.

        Returns:
            An operation.
        """
        from runtime.graph.ops.control_flow import no_op

        return no_op(name)
