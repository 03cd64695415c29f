"""Variables in parts, and the functions that say in how many."""

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from runtime.graph.convert import convert_to_tensor
from runtime.graph.dtypes import DType
from runtime.graph.export import export
from runtime.graph.graph import get_default_graph
from runtime.graph.ops.array import concat, identity
from runtime.graph.ops.layout import split
from runtime.graph.shapes import TensorShape, element_count
from runtime.graph.tensor import Tensor

Partitioner = Callable[..., list[int]]
_BYTES_OF_A_SLICE = 256 << 10


class PartitionedVariable:
    """A variable whose parts are variables of their own.

    Source: the ``tf.compat.v1.get_variable`` documentation, `partitioner`.

    Args:
        name: The name of the whole.
        shape: The shape of the whole.
        variable_list: The parts.
        partitions: The number of parts along each axis; more than one along one axis at most.

    Attributes:
        name: The name of the whole.
    """

    def __init__(
        self, name: str, shape: Sequence[int], variable_list: Sequence[Any], partitions: list[int]
    ) -> None:
        self.name = name
        self._shape = TensorShape(shape)
        self._parts = list(variable_list)
        self._partitions = partitions

    @property
    def dtype(self) -> DType:
        """The element type."""
        return self._parts[0].dtype  # type: ignore[no-any-return]  # parts may be tensors

    @property
    def shape(self) -> TensorShape:
        """The shape of the whole."""
        return self._shape

    def get_shape(self) -> TensorShape:
        """The shape of the whole."""
        return self._shape

    def __iter__(self) -> Iterator[Any]:
        return iter(self._parts)

    def __len__(self) -> int:
        return len(self._parts)

    def _get_variable_list(self) -> list[Any]:
        return list(self._parts)

    def _get_partitions(self) -> list[int]:
        return self._partitions

    def _partition_axes(self) -> list[int]:
        return [axis_of(self._partitions)]

    def as_tensor(self) -> Tensor:
        """The whole as one tensor."""
        return self._as_tensor()

    def _as_tensor(self) -> Tensor:
        graph = get_default_graph()
        with graph.name_scope(f"{self.name}/ConcatPartitions/"):
            whole = concat(self._parts, axis_of(self._partitions))
        with graph.name_scope(None):
            return identity(whole, self.name)

    def assign(
        self,
        value: Any,
        use_locking: bool = False,
        name: str | None = None,
        read_value: bool = True,
    ) -> list[Any]:
        """Gives all parts new values.

        Args:
            value: The value of the whole.
            use_locking: Without effect.
            name: Name of the operations.
            read_value: Whether to return tensors.

        Returns:
            A list of what assigns to a part.
        """
        return [part.assign(v, name=name, read_value=read_value) for part, v in self._with(value)]

    def assign_add(
        self,
        value: Any,
        use_locking: bool = False,
        name: str | None = None,
        read_value: bool = True,
    ) -> list[Any]:
        """Adds to all parts.

        Args:
            value: What to add to the whole.
            use_locking: Without effect.
            name: Name of the operations.
            read_value: Whether to return tensors.

        Returns:
            A list of what adds to a part.
        """
        pairs = self._with(value)
        return [part.assign_add(v, name=name, read_value=read_value) for part, v in pairs]

    def assign_sub(
        self,
        value: Any,
        use_locking: bool = False,
        name: str | None = None,
        read_value: bool = True,
    ) -> list[Any]:
        """Subtracts from all parts.

        Args:
            value: What to subtract from the whole.
            use_locking: Without effect.
            name: Name of the operations.
            read_value: Whether to return tensors.

        Returns:
            A list of what subtracts from a part.
        """
        pairs = self._with(value)
        return [part.assign_sub(v, name=name, read_value=read_value) for part, v in pairs]

    def _with(self, value: Any) -> list[tuple[Any, Tensor]]:
        axis = axis_of(self._partitions)
        sizes = [part.shape.as_list()[axis] for part in self._parts]
        whole = convert_to_tensor(value, self.dtype)
        return list(zip(self._parts, split(whole, sizes, axis), strict=True))

    def __repr__(self) -> str:
        return f"<tf.PartitionedVariable {self.name!r} shape={self._shape} parts={len(self)}>"


def axis_of(partitions: Sequence[int]) -> int:
    """The axis along which there are several parts.

    Args:
        partitions: The number of parts along each axis.

    Returns:
        The axis; 0 if there is one part alone.
    """
    return next((axis for axis, count in enumerate(partitions) if count > 1), 0)


def sizes_of_parts(size: int, count: int) -> list[int]:
    """How an axis is divided: the first parts are larger by one, if it does not come out even.

    Args:
        size: The size of the axis.
        count: The number of parts.

    Returns:
        The sizes.
    """
    whole, more = divmod(size, count)
    return [whole + (number < more) for number in range(count)]


def checked_partitions(partitions: Any, shape: Sequence[int], name: str) -> list[int]:
    """What a partitioner has given.

    Args:
        partitions: What it has given.
        shape: The shape of the variable.
        name: The name of the variable, for messages.

    Returns:
        The number of parts along each axis.

    Raises:
        ValueError: If these are no such numbers.
    """
    found = [int(count) for count in partitions]
    if len(found) != len(shape) or any(count < 1 for count in found):
        raise ValueError(
            f"The partitioner of variable {name} gave {found} for the shape {list(shape)}; it must "
            "give a number of parts, 1 or more, for each axis."
        )
    if sum(count > 1 for count in found) > 1:
        raise ValueError(
            f"Variable {name} can be divided along one axis only, but its partitioner gave {found}."
        )
    if any(count > size for count, size in zip(found, shape, strict=True)):
        raise ValueError(f"Variable {name} of shape {list(shape)} can't be divided into {found}.")
    return found


def _along(shape: TensorShape, axis: int, count: int) -> list[int]:
    partitions = [1] * len(shape)
    partitions[axis] = count
    return partitions


def _bytes(shape: TensorShape, dtype: DType, of_a_string: int) -> int:
    each = of_a_string if dtype.name == "string" else dtype.size
    return (element_count(tuple(shape.as_list())) or 0) * each


@export("fixed_size_partitioner")
def fixed_size_partitioner(num_shards: int, axis: int = 0) -> Partitioner:
    """A partitioner that always gives the same number of parts.

    Args:
        num_shards: The number of parts.
        axis: The axis that is divided.

    Returns:
        A function of a shape and an element type.
    """

    def partitioner(shape: TensorShape, **_: Any) -> list[int]:
        return _along(shape, axis, min(num_shards, shape.as_list()[axis] or 1))

    return partitioner


@export("variable_axis_size_partitioner")
def variable_axis_size_partitioner(
    max_shard_bytes: int,
    axis: int = 0,
    bytes_per_string_element: int = 16,
    max_shards: int | None = None,
) -> Partitioner:
    """A partitioner that keeps parts below a size.

    Args:
        max_shard_bytes: The largest size of a part, in bytes.
        axis: The axis that is divided.
        bytes_per_string_element: What a string counts.
        max_shards: The largest number of parts; None for any.

    Returns:
        A function of a shape and an element type.

    Raises:
        ValueError: If a size or number is less than 1.
    """
    if max_shard_bytes < 1 or bytes_per_string_element < 1 or (max_shards or 1) < 1:
        raise ValueError("Sizes and numbers of variable_axis_size_partitioner must be positive.")

    def partitioner(shape: TensorShape, dtype: DType) -> list[int]:
        size = shape.as_list()[axis] or 1
        slice_bytes = _bytes(shape, dtype, bytes_per_string_element) / size
        count = math.ceil(size / max(1, math.floor(max_shard_bytes / max(slice_bytes, 1))))
        return _along(shape, axis, min(count, max_shards or count))

    return partitioner


@export("min_max_variable_partitioner")
def min_max_variable_partitioner(
    max_partitions: int = 1,
    axis: int = 0,
    min_slice_size: int = _BYTES_OF_A_SLICE,
    bytes_per_string_element: int = 16,
) -> Partitioner:
    """A partitioner that makes as many parts as there may be, of a least size.

    Args:
        max_partitions: The largest number of parts.
        axis: The axis that is divided.
        min_slice_size: The least size of a part, in bytes.
        bytes_per_string_element: What a string counts.

    Returns:
        A function of a shape and an element type.
    """

    def partitioner(shape: TensorShape, dtype: DType) -> list[int]:
        parts = math.ceil(_bytes(shape, dtype, bytes_per_string_element) / min_slice_size)
        return _along(shape, axis, max(1, min(shape.as_list()[axis] or 1, max_partitions, parts)))

    return partitioner
