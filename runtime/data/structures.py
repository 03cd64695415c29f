"""Structures of the elements of datasets: tuples, dictionaries and attrs objects of tensors.

A list is no structure here: it is made into one tensor.

Source of the rules: the ``tf.data.Dataset`` documentation.
"""

from collections.abc import Callable, Mapping
from typing import Any

from runtime.graph import nest
from runtime.graph.convert import convert_to_tensor
from runtime.graph.dtypes import DType, as_dtype, float32, variant
from runtime.graph.export import export
from runtime.graph.shapes import Dims, TensorShape, as_dims, compatible, generalised


@export("TensorSpec")
class TensorSpec:
    """Element type and static shape of a tensor.

    Args:
        shape: The shape; unknown if None.
        dtype: The element type.
        name: A name.
    """

    __slots__ = ("dtype", "name", "shape")

    def __init__(self, shape: Any, dtype: Any = float32, name: str | None = None) -> None:
        self.shape = TensorShape(shape)
        self.dtype: DType = as_dtype(dtype)
        self.name = name

    @property
    def dims(self) -> Dims:
        """The shape as a tuple of int and None, or None if the rank is unknown."""
        return as_dims(self.shape)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, TensorSpec):
            return NotImplemented
        return (self.dims, self.dtype, self.name) == (other.dims, other.dtype, other.name)

    def __hash__(self) -> int:
        return hash((self.dims, self.dtype, self.name))

    def __repr__(self) -> str:
        return f"TensorSpec(shape={self.shape}, dtype={self.dtype!r}, name={self.name!r})"


class DatasetSpec:
    """What is known of a component of elements that is a dataset, such as a window.

    Args:
        element_spec: The structure of its elements.
    """

    __slots__ = ("element_spec",)

    dtype = variant
    shape = TensorShape([])
    dims: Dims = ()

    def __init__(self, element_spec: Any) -> None:
        self.element_spec = element_spec

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, DatasetSpec):
            return NotImplemented
        return bool(self.element_spec == other.element_spec)

    def __hash__(self) -> int:
        return hash(repr(self.element_spec))

    def __repr__(self) -> str:
        return f"DatasetSpec({self.element_spec!r})"


def spec_of(component: Any) -> Any:
    """What is known of a tensor, or of a dataset that is a component of elements."""
    if hasattr(component, "variant"):
        return DatasetSpec(component.element_spec)
    return TensorSpec(component.shape, component.dtype)


def check_no_datasets(spec: Any, what: str) -> None:
    """Checks that no component of elements is a dataset.

    Args:
        spec: The structure of elements.
        what: What needs that, for messages.

    Raises:
        TypeError: If one is.
    """
    if any(isinstance(part, DatasetSpec) for part in nest.flatten(spec)):
        raise TypeError(
            f"{what} takes tensors, but elements hold datasets: {spec!r}. Use flat_map, for "
            "example flat_map(lambda window: window.batch(size)), before."
        )


# Any, here and below: structures of anything.
def mapped(value: Any, leaf: Callable[[Any], Any]) -> Any:
    """A structure with each leaf replaced; lists are leaves.

    Args:
        value: A structure, or a leaf.
        leaf: Gives what takes a leaf's place.

    Returns:
        The new structure.
    """
    if isinstance(value, Mapping):
        pairs = [(key, mapped(part, leaf)) for key, part in value.items()]
        kind: Any = dict if hasattr(value, "default_factory") else type(value)
        return kind(pairs)
    if isinstance(value, tuple):
        parts = [mapped(part, leaf) for part in value]
        kind = type(value)
        return kind(*parts) if hasattr(value, "_fields") else kind(parts)
    if not isinstance(value, list) and nest.is_nested(value):
        fields = type(value).__attrs_attrs__
        return type(value)(*[mapped(getattr(value, field.name), leaf) for field in fields])
    return leaf(value)


def tensors_of(value: Any) -> Any:
    """A structure of tensors.

    Args:
        value: A structure of whatever converts to tensors.

    Returns:
        The same structure of tensors.
    """
    return mapped(value, convert_to_tensor)


def specs_for(output_types: Any, output_shapes: Any) -> Any:
    """The structure of elements that types and shapes describe.

    Args:
        output_types: A structure of element types.
        output_shapes: The same structure of shapes; all are unknown if None.

    Returns:
        The same structure of `TensorSpec`.

    Raises:
        TypeError: If something is no element type.
        ValueError: If the structures differ.
    """
    types = mapped(
        tuple(output_types) if isinstance(output_types, list) else output_types, as_dtype
    )
    flat = nest.flatten(types)
    shapes = [None] * len(flat) if output_shapes is None else parts_of(output_shapes, types)
    specs = [TensorSpec(shape, dtype) for dtype, shape in zip(flat, shapes, strict=True)]
    return nest.pack_sequence_as(types, specs)


def parts_of(value: Any, structure: Any) -> list[Any]:
    """What stands in one structure where the leaves of another are.

    Args:
        value: A structure whose leaves may be lists or tuples, such as shapes.
        structure: The other.

    Returns:
        A part of `value` for each leaf of `structure`.

    Raises:
        ValueError: If `value` is not like `structure`.
    """
    if not nest.is_nested(structure):
        return [value]
    if isinstance(structure, Mapping):
        if not isinstance(value, Mapping) or set(value) != set(structure):
            raise _unlike(value, structure)
        return [p for key in sorted(structure) for p in parts_of(value[key], structure[key])]
    parts = _children(structure)
    others = _children(value) if nest.is_nested(value) else []
    if len(parts) != len(others):
        raise _unlike(value, structure)
    return [p for one, part in zip(others, parts, strict=True) for p in parts_of(one, part)]


def _children(value: Any) -> list[Any]:
    if hasattr(type(value), "__attrs_attrs__"):
        return [getattr(value, field.name) for field in type(value).__attrs_attrs__]
    return list(value)


def _unlike(value: Any, structure: Any) -> ValueError:
    return ValueError(f"The structure {value!r} is not like that of the elements: {structure!r}.")


def generalisation(first: Any, second: Any) -> Any:
    """What is true of the elements of two datasets.

    Args:
        first: A structure of `TensorSpec`.
        second: Another.

    Returns:
        The structure of `TensorSpec` that both are like.

    Raises:
        TypeError: If structures or element types differ.
    """
    try:
        nest.assert_same_structure(first, second)
        pairs = list(zip(nest.flatten(first), nest.flatten(second), strict=True))
        if any(a.dtype is not b.dtype for a, b in pairs):
            raise ValueError("The element types differ.")
    except (TypeError, ValueError) as error:
        raise TypeError(
            f"Incompatible dataset elements: {first!r} vs. {second!r}. {error}"
        ) from None
    specs = [
        a if isinstance(a, DatasetSpec) else TensorSpec(generalised(a.dims, b.dims), a.dtype)
        for a, b in pairs
    ]
    return nest.pack_sequence_as(first, specs)


def check_fits(given: Any, wanted: Any) -> None:
    """Checks that a dataset's elements are such as an iterator gives out.

    Args:
        given: The structure of `TensorSpec` of the dataset.
        wanted: That of the iterator.

    Raises:
        TypeError: If they aren't.
    """
    try:
        nest.assert_same_structure(wanted, given)
    except (TypeError, ValueError) as error:
        raise TypeError(
            f"Expected elements like {wanted!r} but got a dataset with {given!r}: {error}"
        ) from None
    for want, have in zip(nest.flatten(wanted), nest.flatten(given), strict=True):
        if want.dtype is not have.dtype:
            raise TypeError(
                f"Expected output types {want.dtype!r} but got dataset with output types "
                f"{have.dtype!r}."
            )
        if not compatible(want.dims, have.dims) or generalised(want.dims, have.dims) != want.dims:
            raise TypeError(
                f"Expected output shapes compatible with {want.shape} but got dataset with output "
                f"shapes {have.shape}."
            )
