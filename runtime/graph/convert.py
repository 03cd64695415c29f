"""Constants, and the conversion of Python values to tensors."""

from collections.abc import Callable, Iterable
from typing import Any, TypeAlias

import numpy as np

from runtime.graph import dtypes
from runtime.graph.arrays import array_of, frozen
from runtime.graph.definition import Definition, Spec, View, not_differentiable
from runtime.graph.dtypes import DType, as_dtype
from runtime.graph.export import export
from runtime.graph.graph import get_default_graph
from runtime.graph.shapes import Dimension, TensorShape, as_dims, described, element_count
from runtime.graph.tensor import OVERLOADS, Tensor

# A tensor, a variable, or any Python or NumPy value that a constant can be made of.
TensorLike: TypeAlias = Any


def _constant_spec(view: View) -> Spec:
    value = view["value"]
    return Spec(view["dtype"], value.shape, value)


CONST = Definition("Const", _constant_spec, gradient=not_differentiable)


def constant_of(value: Any, dtype: Any = None, name: str | None = None) -> Tensor:
    """A constant.

    Args:
        value: A Python or NumPy value.
        dtype: The element type; found from the value if None.
        name: Name of the operation.

    Returns:
        A tensor of the value's shape.
    """
    wanted = None if dtype is None else as_dtype(dtype)
    array = frozen(np.asarray(array_of(value, wanted)))
    result: Tensor = CONST(value=array, dtype=dtypes.of_array(array), name=name)
    return result


@export("constant")
def constant(
    value: Any,
    dtype: Any = None,
    shape: Any = None,
    name: str = "Const",
    verify_shape: bool = False,
) -> Tensor:
    """A constant.

    Source: the ``tf.compat.v1.constant`` documentation.

    Args:
        value: A number, string, nested lists of these, or an array.
        dtype: The element type; found from the value if None.
        shape: The shape; a value with fewer elements is filled up with its last one.
        name: Name of the operation.
        verify_shape: Whether the value must have exactly that shape.

    Returns:
        A tensor.

    Raises:
        TypeError: If the value does not fit the element type.
        ValueError: If it does not fit the shape.
    """
    array = np.asarray(array_of(value, None if dtype is None else as_dtype(dtype)))
    if shape is not None:
        array = _shaped(array, as_dims(shape), verify_shape)
    return constant_of(array, None, name)


def _shaped(array: Any, dims: Any, verify: bool) -> Any:
    if array.shape == dims:
        return array
    count = element_count(dims)
    if verify or count is None or array.size > max(count, 1) or (array.size == 0 and count):
        raise ValueError(
            f"A constant of shape {described(dims)} can't be made of a value "
            f"of shape {described(array.shape)} with {array.size} elements."
        )
    filled = np.resize(array.ravel()[-1:], count)
    filled[: array.size] = array.ravel()
    return filled.reshape(dims)


@export("convert_to_tensor")
def converted(
    value: TensorLike,
    dtype: Any = None,
    name: str | None = None,
    preferred_dtype: Any = None,
    dtype_hint: Any = None,
) -> Tensor:
    """Makes a tensor of a value.

    Source: the ``tf.compat.v1.convert_to_tensor`` documentation.

    Args:
        value: A tensor, a variable, a Python or NumPy value, or lists that hold tensors.
        dtype: The element type that the tensor must have.
        name: Name of a constant that is made.
        preferred_dtype: The element type to use if the value can have it and `dtype` is None.
        dtype_hint: The same as `preferred_dtype`.

    Returns:
        A tensor; a tensor is returned as it is.

    Raises:
        TypeError: If no tensor can be made of it.
        ValueError: If a tensor has another element type than `dtype`.
    """
    if name is None:
        name = "packed" if holds_tensor(value) else _constant_name(value)
    return convert_to_tensor(value, dtype, name, preferred_dtype, dtype_hint)


def _constant_name(value: Any) -> str:
    return "shape_as_tensor" if isinstance(value, (TensorShape, Dimension)) else "Const"


def convert_to_tensor(
    value: TensorLike,
    dtype: Any = None,
    name: str | None = None,
    preferred_dtype: Any = None,
    dtype_hint: Any = None,
) -> Tensor:
    """Makes a tensor of an operation's argument.

    Args:
        value: A tensor, a variable, a Python or NumPy value, or lists that hold tensors.
        dtype: The element type that the tensor must have.
        name: Name of a constant that is made; if None it gets one below that of the operation.
        preferred_dtype: The element type to use if the value can have it and `dtype` is None.
        dtype_hint: The same as `preferred_dtype`.

    Returns:
        A tensor; a tensor is returned as it is.

    Raises:
        TypeError: If no tensor can be made of it.
        ValueError: If a tensor has another element type than `dtype`.
    """
    wanted = None if dtype is None else as_dtype(dtype)
    hint = dtype_hint if preferred_dtype is None else preferred_dtype
    if wanted is None and hint is not None and not _is_tensor(value):
        try:
            return convert_to_tensor(value, hint, name)
        except (TypeError, ValueError):
            return convert_to_tensor(value, None, name)
    return _converted(value, wanted, name)


def _converted(value: Any, wanted: DType | None, name: str | None) -> Tensor:
    if not isinstance(value, Tensor):
        if hasattr(value, "_as_tensor"):
            value = value._as_tensor()
        elif holds_tensor(value):
            value = OVERLOADS["stack"](
                value, wanted, name or get_default_graph().provisional_name()
            )
        else:
            made = _by_conversion(value, wanted, name) if _CONVERSIONS else None
            if made is None:
                return constant_of(value, wanted, name or get_default_graph().provisional_name())
            value = made
    assert isinstance(value, Tensor)
    if wanted is not None and value.dtype is not wanted:
        raise ValueError(
            f"Tensor conversion requested dtype {wanted.name} for {value!r}, which has dtype "
            f"{value.dtype.name}. Use tf.cast to change it."
        )
    return value


Conversion: TypeAlias = Callable[..., Any]

# Functions that make tensors of a user's own types, and the order in which they are asked.
_CONVERSIONS: list[tuple[int, tuple[type, ...], Conversion]] = []


@export("register_tensor_conversion_function")
def register_tensor_conversion_function(
    base_type: Any, conversion_func: Conversion, priority: int = 100
) -> None:
    """Says how tensors are made of objects of a type.

    Source: the ``tf.register_tensor_conversion_function`` documentation.

    Args:
        base_type: The type, or a tuple of types.
        conversion_func: A function of the object, the element type (or None), the name (or None)
            and whether a reference is wanted; it gives a tensor, or NotImplemented.
        priority: Functions with a smaller number are asked first.

    Raises:
        TypeError: If it is no type, or the function can't be called.
    """
    types = base_type if isinstance(base_type, tuple) else (base_type,)
    if not all(isinstance(kind, type) for kind in types) or not callable(conversion_func):
        raise TypeError("register_tensor_conversion_function needs a type and a function.")
    _CONVERSIONS.append((priority, types, conversion_func))
    _CONVERSIONS.sort(key=lambda entry: entry[0])


def _by_conversion(value: Any, wanted: DType | None, name: str | None) -> Any:
    for _, types, function in _CONVERSIONS:
        if isinstance(value, types):
            found = function(value, dtype=wanted, name=name, as_ref=False)
            if found is not NotImplemented:
                return found
    return None


def _is_tensor(value: Any) -> bool:
    return isinstance(value, Tensor) or hasattr(value, "_as_tensor")


def holds_tensor(value: Any) -> bool:
    """Whether there is a tensor in nested lists.

    Args:
        value: Any value.

    Returns:
        False if it is no list or tuple, or has no tensor in it.
    """
    if not isinstance(value, (list, tuple)):
        return False
    return any(_is_tensor(v) or holds_tensor(v) for v in value)


def same_type(*values: TensorLike, names: Iterable[str] = ("x", "y")) -> list[Tensor]:
    """Converts operands that must have one element type.

    Args:
        *values: The operands; at least one tensor among them decides the type.
        names: What the operands are called in error messages.

    Returns:
        The tensors.

    Raises:
        TypeError: If they have different element types.
    """
    known = next((v.dtype for v in values if _is_tensor(v)), None)
    known = known or next(
        (dtypes.of_array(v) for v in values if isinstance(v, (np.ndarray, np.generic))), None
    )
    tensors: list[Tensor] = []
    for value in values:
        tensors.append(_operand(value, known or (tensors[0].dtype if tensors else None)))
    _check_types(tensors, list(names))
    return tensors


def _operand(value: Any, known: DType | None) -> Tensor:
    if _is_tensor(value):
        return convert_to_tensor(value)
    try:
        return convert_to_tensor(value, known)
    except ValueError:
        if known is not None and holds_tensor(value):
            return convert_to_tensor(value)
        raise


def _check_types(tensors: list[Tensor], names: list[str]) -> None:
    first = tensors[0]
    for index, tensor in enumerate(tensors):
        if tensor.dtype is not first.dtype:
            label = names[index] if index < len(names) else str(index)
            raise TypeError(
                f"Operand {label!r} ({tensor.name}) has type {tensor.dtype.name}, which does "
                f"not match the type {first.dtype.name} of operand {names[0]!r} "
                f"({first.name}). Use tf.cast on one of them."
            )
