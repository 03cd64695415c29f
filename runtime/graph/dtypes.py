"""Element types of tensors (``tf.float32`` and its siblings).

Source of names and attributes: the ``tf.compat.v1.DType`` documentation.
"""

import builtins
from typing import Any, Final

import numpy as np


class DType:
    """The type of the elements of a tensor.

    Compares equal to whatever describes the same type: a NumPy type, a Python type or a name.

    Attributes:
        name: The name, for example ``"float32"``.
        as_numpy_dtype: The NumPy scalar type; `object` for strings.
        numpy: The `numpy.dtype` of arrays with such elements.
        as_datatype_enum: TensorFlow's number of the type.
    """

    __slots__ = ("as_datatype_enum", "as_numpy_dtype", "name", "numpy")

    def __init__(self, name: str, number: int, numpy_type: Any) -> None:
        self.name = name
        self.as_datatype_enum = number
        self.as_numpy_dtype = numpy_type
        self.numpy: np.dtype[Any] = np.dtype(numpy_type)

    @property
    def base_dtype(self) -> "DType":
        """The type itself; there are no reference types here."""
        return self

    @property
    def real_dtype(self) -> "DType":
        """The type of the real part."""
        return {"complex64": float32, "complex128": float64}.get(self.name, self)

    @property
    def is_floating(self) -> builtins.bool:
        """Whether it is a real floating-point type."""
        return self.numpy.kind == "f"

    @property
    def is_complex(self) -> builtins.bool:
        """Whether it is a complex type."""
        return self.numpy.kind == "c"

    @property
    def is_integer(self) -> builtins.bool:
        """Whether it is an integer type; bool is none."""
        return self.numpy.kind in "iu"

    @property
    def is_unsigned(self) -> builtins.bool:
        """Whether it is an unsigned integer type."""
        return self.numpy.kind == "u"

    @property
    def is_bool(self) -> builtins.bool:
        """Whether it is the type of truth values."""
        return self.numpy.kind == "b"

    @property
    def is_numpy_compatible(self) -> builtins.bool:
        """Whether NumPy arrays can have such elements; false for handles of queues and the like."""
        return self.name not in ("resource", "variant")

    @property
    def size(self) -> int:
        """Bytes an element takes; 1 for strings, as in TensorFlow."""
        return 1 if self.name == "string" else self.numpy.itemsize

    @property
    def min(self) -> Any:
        """The smallest number of the type."""
        return self._limits()[0]

    @property
    def max(self) -> Any:
        """The largest number of the type."""
        return self._limits()[1]

    @property
    def limits(self) -> tuple[Any, Any]:
        """The smallest and the largest number of the type."""
        return self._limits()

    def _limits(self) -> tuple[Any, Any]:
        if self.is_floating:
            return np.finfo(self.numpy).min, np.finfo(self.numpy).max
        if self.is_integer:
            return np.iinfo(self.numpy).min, np.iinfo(self.numpy).max
        if self.is_bool:
            return False, True
        raise TypeError(f"The type {self.name} has no smallest and no largest value.")

    def is_compatible_with(self, other: Any) -> builtins.bool:
        """Whether values of the other type can stand where this type is asked for.

        Args:
            other: Anything that `as_dtype` takes.

        Returns:
            True if the types are the same.
        """
        return self is as_dtype(other)

    def __eq__(self, other: object) -> builtins.bool:
        if self is other:
            return True
        if other is None or isinstance(other, DType):
            return False
        try:
            return self is as_dtype(other)
        except TypeError:
            return False

    def __hash__(self) -> int:
        return self.as_datatype_enum

    def __reduce__(self) -> tuple[Any, ...]:
        return as_dtype, (self.name,)

    def __copy__(self) -> "DType":
        return self

    def __deepcopy__(self, memo: object) -> "DType":
        return self

    def __str__(self) -> str:
        return f"<dtype: '{self.name}'>"

    def __repr__(self) -> str:
        return f"tf.{self.name}"


float32: Final = DType("float32", 1, np.float32)
float64: Final = DType("float64", 2, np.float64)
int32: Final = DType("int32", 3, np.int32)
uint8: Final = DType("uint8", 4, np.uint8)
int16: Final = DType("int16", 5, np.int16)
int8: Final = DType("int8", 6, np.int8)
string: Final = DType("string", 7, np.object_)
complex64: Final = DType("complex64", 8, np.complex64)
int64: Final = DType("int64", 9, np.int64)
bool: Final = DType("bool", 10, np.bool_)
resource: Final = DType("resource", 20, np.object_)
variant: Final = DType("variant", 21, np.object_)
uint16: Final = DType("uint16", 17, np.uint16)
complex128: Final = DType("complex128", 18, np.complex128)
float16: Final = DType("float16", 19, np.float16)
uint32: Final = DType("uint32", 22, np.uint32)
uint64: Final = DType("uint64", 23, np.uint64)
double: Final = float64
half: Final = float16

ALL: Final = (
    *(float32, float64, float16, int8, int16, int32, int64),
    *(uint8, uint16, uint32, uint64, bool, string, complex64, complex128),
)
_BY_NAME = {t.name: t for t in ALL} | {"double": float64, "half": float16, "float": float32}
_BY_NUMPY: dict[Any, DType] = {t.numpy: t for t in ALL}
_BY_NAME |= {"resource": resource, "variant": variant}
_BY_ENUM = {t.as_datatype_enum: t for t in (*ALL, resource, variant)}
_BY_PYTHON: dict[Any, DType] = {float: float32, int: int32, str: string, bytes: string}


def as_dtype(type_value: Any) -> DType:
    """Finds the type that a value stands for.

    Args:
        type_value: A `DType`, a name, a NumPy type or dtype, TensorFlow's number of a type, or
            one of Python's float (float32), int (int32), bool, str.

    Returns:
        The type. There is one object for each.

    Raises:
        TypeError: If no type is meant by the value.
    """
    if isinstance(type_value, DType):
        return type_value
    found = _known(type_value)
    if found is None:
        allowed = ", ".join(t.name for t in ALL)
        raise TypeError(f"Cannot convert {type_value!r} to a tensor type; there are: {allowed}.")
    return found


def _known(value: Any) -> DType | None:
    if isinstance(value, str):
        return _BY_NAME.get(value)
    if isinstance(value, type) and value in _BY_PYTHON:
        return _BY_PYTHON[value]
    if isinstance(value, int):
        return _BY_ENUM.get(value)
    try:
        dtype = np.dtype(value)
    except TypeError:
        return None
    return string if dtype.kind in "SU" and value is not None else _by_numpy(value, dtype)


def _by_numpy(value: Any, dtype: np.dtype[Any]) -> DType | None:
    return None if value is None else _BY_NUMPY.get(dtype)


def of_array(array: Any) -> DType:
    """The type of a NumPy array or scalar.

    Args:
        array: Anything with a NumPy `dtype`.

    Returns:
        The type with such elements.

    Raises:
        TypeError: If tensors can't have such elements.
    """
    dtype: np.dtype[Any] = array.dtype
    found = _BY_NUMPY.get(dtype)
    if found is not None:
        return found
    return string if dtype.kind in "SU" else as_dtype(dtype)
