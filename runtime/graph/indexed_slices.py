"""Rows of a tensor: gradients of what was gathered from it.

Source of the rules: the ``tf.IndexedSlices`` documentation.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from runtime.graph.convert import convert_to_tensor
from runtime.graph.dtypes import DType
from runtime.graph.export import export
from runtime.graph.shapes import TensorShape
from runtime.graph.tensor import OVERLOADS, Tensor

if TYPE_CHECKING:
    from runtime.graph.graph import Graph
    from runtime.graph.operation import Operation


@export("IndexedSlicesValue")
class IndexedSlicesValue(NamedTuple):
    """What `Session.run` returns for `IndexedSlices`.

    Attributes:
        values: The rows.
        indices: Which row each is.
        dense_shape: The shape of the whole tensor, or None.
    """

    values: Any
    indices: Any
    dense_shape: Any


@export("IndexedSlices")
class IndexedSlices:
    """Rows of a tensor that is zero elsewhere; rows with the same index are added.

    Source: the ``tf.compat.v1.IndexedSlices`` documentation.

    Args:
        values: A tensor with the rows.
        indices: A vector of their indices along the first axis.
        dense_shape: The shape of the whole tensor, if it is known.
    """

    def __init__(self, values: Tensor, indices: Tensor, dense_shape: Tensor | None = None) -> None:
        self._values = values
        self._indices = indices
        self._dense_shape = dense_shape

    @property
    def values(self) -> Tensor:
        """A tensor with the rows."""
        return self._values

    @property
    def indices(self) -> Tensor:
        """A vector of their indices."""
        return self._indices

    @property
    def dense_shape(self) -> Tensor | None:
        """The shape of the whole tensor, or None."""
        return self._dense_shape

    @property
    def shape(self) -> TensorShape:
        """What is known statically of the shape of the whole tensor."""
        if self._dense_shape is None:
            return TensorShape(None)
        spec = self._dense_shape.spec
        if spec.value is not None:
            return TensorShape(spec.value.tolist())
        return TensorShape(spec.partial)

    def get_shape(self) -> TensorShape:
        """What is known statically of the shape of the whole tensor."""
        return self.shape

    @property
    def name(self) -> str:
        """The name of its values."""
        return self._values.name

    @property
    def op(self) -> "Operation":
        """The operation that computes its values."""
        return self._values.op

    @property
    def device(self) -> str:
        """The device that was asked for."""
        return self._values.device

    @property
    def dtype(self) -> DType:
        """The type of its elements."""
        return self._values.dtype

    @property
    def graph(self) -> "Graph":
        """The graph that it belongs to."""
        return self._values.graph

    def consumers(self) -> list["Operation"]:
        """The operations that take its values."""
        return self._values.consumers()

    def _as_tensor(self) -> Tensor:
        if self._dense_shape is None:
            raise ValueError(
                "Tensor conversion requested for IndexedSlices without dense_shape: "
                f"{self._values!r}; how many rows there are isn't known."
            )
        return OVERLOADS["from_slices"](self._values, self._indices, self._dense_shape)

    def _parts(self) -> list[Tensor]:
        last = [] if self._dense_shape is None else [self._dense_shape]
        return [self._values, self._indices, *last]

    def _of_parts(self, parts: Sequence[Any]) -> "IndexedSlices":
        return IndexedSlices(*parts)

    def _as_fetches(self) -> tuple[Any, list[Tensor]]:
        """What `Session.run` makes of it, and of which fetches."""
        parts = [self._values, self._indices]
        if self._dense_shape is None:
            return lambda values, indices: IndexedSlicesValue(values, indices, None), parts
        return IndexedSlicesValue, [*parts, self._dense_shape]

    def __neg__(self) -> "IndexedSlices":
        return IndexedSlices(-self._values, self._indices, self._dense_shape)

    def __repr__(self) -> str:
        shape = "" if self._dense_shape is None else f", dense_shape={self._dense_shape!r}"
        return f"IndexedSlices(indices={self._indices!r}, values={self._values!r}{shape})"


def summed(slices: Sequence[IndexedSlices]) -> IndexedSlices:
    """The sum of rows of one tensor, without putting them together.

    Args:
        slices: The rows.

    Returns:
        All the rows.
    """
    join = OVERLOADS["concat"]
    values = join([part.values for part in slices], 0)
    target = slices[0].indices.dtype
    if any(part.indices.dtype is not target for part in slices):
        target = "int64"  # type: ignore[assignment]  # names of types are taken, too
    indices = join([OVERLOADS["cast"](part.indices, target) for part in slices], 0)
    return IndexedSlices(values, indices, slices[0].dense_shape)


def mapped(function: Any, gradient: Any) -> Any:
    """Applies a function that works on each row to a tensor or to rows, or to sparse elements.

    Args:
        function: A function of a tensor.
        gradient: A tensor, `IndexedSlices`, or a `SparseTensor`.

    Returns:
        The same kind with the function's result.
    """
    if isinstance(gradient, IndexedSlices):
        values = function(gradient.values)
        return IndexedSlices(values, gradient.indices, gradient.dense_shape)
    if hasattr(gradient, "with_values"):
        return gradient.with_values(function(gradient.values))
    return function(convert_to_tensor(gradient))
