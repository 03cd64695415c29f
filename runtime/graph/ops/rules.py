"""Rules that many operations share: for shapes and types, and for checking arguments."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from runtime.graph import dtypes
from runtime.graph.convert import TensorLike, convert_to_tensor
from runtime.graph.definition import Infer, Spec, View
from runtime.graph.dtypes import DType
from runtime.graph.shapes import Dims, Incompatible, broadcast, described, normalized_axis
from runtime.graph.tensor import Tensor


def unchanged(view: View) -> Spec:
    """The result has the type and shape of the first input."""
    return Spec(view.first.dtype, view.first.dims)


def broadcasted(view: View) -> Spec:
    """The result has the type of the first two inputs and the shape they broadcast to."""
    return Spec(view.first.dtype, broadcast(view.first.dims, view.inputs[1].dims))


def predicate(view: View) -> Spec:
    """The result is of bools and has the shape that the first two inputs broadcast to."""
    return Spec(dtypes.bool, broadcast(view.first.dims, view.inputs[1].dims))


def predicate_on_one(view: View) -> Spec:
    """The result is of bools and has the shape of the first input."""
    return Spec(dtypes.bool, view.first.dims)


def no_output(view: View) -> tuple[Spec, ...]:
    """There is no result."""
    return ()


def as_attributes(view: View) -> Spec:
    """The result's type and shape are the attributes `dtype` and `dims`."""
    return Spec(view["dtype"], view["dims"])


def fixed(dtype: DType, dims: Dims) -> Infer:
    """A rule for results that always have the same type and shape.

    Args:
        dtype: The type.
        dims: The shape.

    Returns:
        The rule.
    """
    return lambda view: Spec(dtype, dims)


def checked_kind(tensor: Tensor, kinds: str, what: str) -> Tensor:
    """Checks that an operation can work with a tensor's element type.

    Args:
        tensor: The tensor.
        kinds: NumPy's letters of the kinds that are allowed.
        what: The operation's type, for the message.

    Returns:
        The tensor.

    Raises:
        TypeError: If it can't.
    """
    if tensor.dtype.numpy.kind not in kinds:
        raise TypeError(
            f"{what} can't work with {tensor.name!r} of type {tensor.dtype.name}; it takes "
            f"{' or '.join(_KINDS[kind] for kind in kinds)} tensors. Use tf.cast to convert."
        )
    return tensor


_KINDS = {
    "f": "floating-point",
    "c": "complex",
    "i": "integer",
    "u": "unsigned integer",
    "b": "bool",
    "O": "string",
}


def static_value(value: TensorLike, what: str) -> Any:
    """The value of an argument that must be known before the graph runs.

    Args:
        value: A Python value, an array, or a tensor whose value is known.
        what: The argument, for the message.

    Returns:
        An array, or a scalar.

    Raises:
        ValueError: If it is a tensor whose value is not known.
    """
    if not isinstance(value, Tensor) and not hasattr(value, "_as_tensor"):
        return np.asarray(value)[()] if not isinstance(value, (list, tuple)) else _list(value, what)
    tensor = convert_to_tensor(value)
    if tensor.spec.value is None:
        raise ValueError(
            f"{what} must be known when the graph is built, but is the tensor {tensor.name!r}, "
            "whose value depends on the run."
        )
    return tensor.spec.value


def _list(values: Sequence[Any], what: str) -> Any:
    return np.array([static_value(value, what) for value in values])


def static_ints(value: TensorLike, what: str) -> tuple[int, ...]:
    """Integers that must be known before the graph runs.

    Args:
        value: An int or a list of them, or a tensor with such a value.
        what: The argument, for the message.

    Returns:
        The integers.

    Raises:
        TypeError: If they are not integers.
        ValueError: If the value is not known.
    """
    array = np.asarray(static_value(value, what))
    if array.size and array.dtype.kind not in "iu":
        raise TypeError(f"{what} must be made of integers, but is {value!r}.")
    return tuple(int(item) for item in array.ravel())


def static_int(value: TensorLike, what: str) -> int:
    """An integer that must be known before the graph runs.

    Args:
        value: An int, or a tensor with such a value.
        what: The argument, for the message.

    Returns:
        The integer.
    """
    found = static_ints(value, what)
    if len(found) != 1:
        raise ValueError(f"{what} must be one integer, but is {value!r}.")
    return found[0]


def axes_of(axis: TensorLike, dims: Dims, what: str) -> tuple[int, ...] | None:
    """Axes to reduce over.

    Args:
        axis: None for all, an int, or a list of them.
        dims: The shape of what is reduced.
        what: The operation, for messages.

    Returns:
        Sorted axes, counted from the front if the rank is known; None for all.

    Raises:
        ValueError: If there is no such axis.
    """
    if axis is None:
        return None
    axes = static_ints(axis, f"The axis of {what}")
    if dims is None:
        return axes
    try:
        found = {normalized_axis(a, len(dims)) for a in axes}
    except Incompatible as error:
        raise ValueError(f"{what}: {error} (shape {described(dims)}).") from None
    if len(found) != len(axes):
        raise ValueError(f"{what}: the axes {list(axes)} name one axis twice.")
    return tuple(sorted(found))


def renamed(new: Any, old: Any, new_name: str, old_name: str) -> Any:
    """The value of an argument that has a deprecated second name.

    Args:
        new: Value of the argument under its present name.
        old: Value under its old name.
        new_name: The present name.
        old_name: The old name.

    Returns:
        Whichever was given, or None.

    Raises:
        ValueError: If both were given.
    """
    if new is not None and old is not None:
        raise ValueError(f"Cannot specify both '{old_name}' and '{new_name}'; use '{new_name}'.")
    return old if new is None else new


def rank_of(tensor: Tensor, what: str) -> int:
    """The rank of a tensor where it has to be known.

    Args:
        tensor: The tensor.
        what: The operation, for the message.

    Returns:
        The number of axes.

    Raises:
        ValueError: If it is not known.
    """
    if tensor.dims is None:
        raise ValueError(f"{what} needs to know the rank of {tensor.name!r}; use set_shape.")
    return len(tensor.dims)


Predicate = Callable[[View], bool]
