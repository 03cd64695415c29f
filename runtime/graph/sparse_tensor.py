"""Sparse tensors: the elements that are there, and where they are.

Source of the rules: the ``tf.compat.v1.SparseTensor`` documentation.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from runtime.graph import dtypes
from runtime.graph.convert import TensorLike, convert_to_tensor
from runtime.graph.dtypes import DType
from runtime.graph.export import export
from runtime.graph.graph import get_default_graph
from runtime.graph.shapes import TensorShape
from runtime.graph.tensor import Tensor

if TYPE_CHECKING:
    from runtime.graph.graph import Graph
    from runtime.graph.operation import Operation


@export("SparseTensorValue")
class SparseTensorValue(NamedTuple):
    """What a run gives for a `SparseTensor`, and what can be fed for one.

    Attributes:
        indices: int64, one row for each element: where it is.
        values: The elements.
        dense_shape: int64: the shape of the whole.
    """

    indices: Any
    values: Any
    dense_shape: Any


@export("SparseTensor", "sparse.SparseTensor")
class SparseTensor:
    """The elements of a tensor that are there; the others are zero.

    It can be fetched and fed as a whole: as a `SparseTensorValue`, or a tuple of three arrays.
    Most operations want the indices in rising order; `sparse_reorder` brings them there.

    Args:
        indices: int64, ``[elements, axes]``: where each element is.
        values: ``[elements]``: the elements.
        dense_shape: int64, ``[axes]``: the shape of the whole.

    Raises:
        ValueError: If the numbers of elements or axes don't fit.
    """

    def __init__(self, indices: TensorLike, values: TensorLike, dense_shape: TensorLike) -> None:
        with get_default_graph().name_scope("SparseTensor"):
            self._indices = convert_to_tensor(indices, dtypes.int64, name="indices")
            self._values = convert_to_tensor(values, name="values")
            self._dense_shape = convert_to_tensor(dense_shape, dtypes.int64, name="dense_shape")
        places, shape = self._indices.shape.with_rank(2), self._dense_shape.shape.with_rank(1)
        places[:1].assert_is_compatible_with(self._values.shape.with_rank(1))
        places[1:].assert_is_compatible_with(shape)

    @classmethod
    def from_value(cls, sparse_tensor_value: Any) -> "SparseTensor":
        """Makes a sparse tensor of what a run gave.

        Args:
            sparse_tensor_value: A `SparseTensorValue`, or a `SparseTensor`.

        Returns:
            A sparse tensor.

        Raises:
            TypeError: If it is neither.
        """
        if isinstance(sparse_tensor_value, cls):
            return sparse_tensor_value
        if not isinstance(sparse_tensor_value, SparseTensorValue):
            raise TypeError(
                f"Neither a SparseTensor nor SparseTensorValue: {sparse_tensor_value!r}."
            )
        return cls(*sparse_tensor_value)

    @property
    def indices(self) -> Tensor:
        """Where the elements are."""
        return self._indices

    @property
    def values(self) -> Tensor:
        """The elements."""
        return self._values

    @property
    def dense_shape(self) -> Tensor:
        """The shape of the whole."""
        return self._dense_shape

    @property
    def dtype(self) -> DType:
        """The type of the elements."""
        return self._values.dtype

    @property
    def shape(self) -> TensorShape:
        """What is known statically of the shape of the whole."""
        spec, rank = self._dense_shape.spec, self._dense_shape.dims
        if spec.value is not None:
            return TensorShape([None if size < 0 else size for size in spec.value.tolist()])
        unknown = None if rank is None or rank[0] is None else (None,) * rank[0]
        return TensorShape(spec.partial or unknown)

    def get_shape(self) -> TensorShape:
        """What is known statically of the shape of the whole."""
        return self.shape

    @property
    def graph(self) -> "Graph":
        """The graph that it belongs to."""
        return self._values.graph

    @property
    def op(self) -> "Operation":
        """The operation that gives the elements."""
        return self._values.op

    @property
    def name(self) -> str:
        """The name of the elements."""
        return self._values.name

    def consumers(self) -> list["Operation"]:
        """The operations that take the elements."""
        return self._values.consumers()

    def eval(self, feed_dict: Any = None, session: Any = None) -> SparseTensorValue:
        """Runs it in a session.

        Args:
            feed_dict: What is fed.
            session: The session; the default one if None.

        Returns:
            Its value.
        """
        found = [part.eval(feed_dict, session) for part in self._parts()]
        return SparseTensorValue(*found)

    def with_values(self, new_values: TensorLike) -> "SparseTensor":
        """A sparse tensor with other elements in the same places.

        Args:
            new_values: As many elements.

        Returns:
            The sparse tensor.
        """
        return SparseTensor(self._indices, new_values, self._dense_shape)

    def __mul__(self, other: Any) -> "SparseTensor":
        return self.with_values(self._values * self._of_dense(other))

    def __truediv__(self, other: Any) -> "SparseTensor":
        return self.with_values(self._values / self._of_dense(other))

    __div__ = __truediv__

    def _of_dense(self, dense: Any) -> Tensor:
        """The elements of a whole tensor where this one has some."""
        from runtime.graph.ops.sparse import elements_of

        return elements_of(dense, self)

    def _parts(self) -> list[Tensor]:
        return [self._indices, self._values, self._dense_shape]

    def _of_parts(self, parts: Sequence[Any]) -> "SparseTensor":
        return SparseTensor(*parts)

    def _as_fetches(self) -> tuple[Any, list[Tensor]]:
        return SparseTensorValue, self._parts()

    def __repr__(self) -> str:
        return (
            f"SparseTensor(indices={self._indices!r}, values={self._values!r}, "
            f"dense_shape={self._dense_shape!r})"
        )
