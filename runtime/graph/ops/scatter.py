"""Updates of some rows or elements of variables."""

from typing import Any

import numpy as np

from runtime.graph.convert import TensorLike, convert_to_tensor
from runtime.graph.definition import Definition, Kernel, Spec, View, not_differentiable
from runtime.graph.ops.array import check_indices, filled_key
from runtime.graph.ops.indexing import nd_key
from runtime.graph.ops.rules import checked_kind
from runtime.graph.shapes import Incompatible, compatible, described
from runtime.graph.state import VariableCell as Cell
from runtime.graph.tensor import OVERLOADS, Tensor


def _assign_rows(target: Any, key: Any, value: Any) -> None:
    target[key] = value


_CHANGES: dict[str, Any] = {
    "Update": _assign_rows,
    "Add": np.add.at,
    "Sub": np.subtract.at,
    "Mul": np.multiply.at,
    "Div": np.true_divide.at,
    "Max": np.maximum.at,
    "Min": np.minimum.at,
}


def rows_key(indices: Any, value: Any) -> Any:
    """Checks indices of rows.

    Args:
        indices: The indices.
        value: The array that has the rows.

    Returns:
        The indices.

    Raises:
        IndexError: If there is no such row.
    """
    check_indices(indices, value.shape[0])
    return indices


def _nd_places(indices: Any, value: Any) -> Any:
    return nd_key(indices, value.shape)


def _binding(change: Any, key_of: Any) -> Any:
    def bind(view: View) -> Kernel:
        in_place = view.first.exclusive

        def scatter(cell: Cell, indices: Any, updates: Any) -> Any:
            with cell.lock:
                buffer = cell.writable() if in_place else cell.value.copy()
                change(buffer, key_of(indices, buffer), updates)
                cell.value = buffer
            return buffer

        return scatter

    return bind


def _rows_spec(view: View) -> Spec:
    variable, indices, updates = [spec.dims for spec in view.inputs]
    if variable is not None and indices is not None and updates is not None:
        wanted = (*indices, *variable[1:])
        if updates != () and not compatible(updates, wanted):
            raise Incompatible(
                f"updates of shape {described(updates)} don't fit {described(wanted)}: the shape "
                f"of the indices and that of a row of the variable of shape {described(variable)}"
            )
    return Spec(view.first.dtype, variable)


def _define(type_name: str, change: Any, key_of: Any, infer: Any) -> Definition:
    return Definition(
        type_name,
        infer,
        bind=_binding(change, key_of),
        references=(0,),
        stateful=True,
        aliases=True,
        floating=True,
        gradient=not_differentiable,
    )


def _same(view: View) -> Spec:
    return Spec(view.first.dtype, view.first.dims)


ROWS = {
    kind: _define(f"Scatter{kind}", change, rows_key, _rows_spec)
    for kind, change in _CHANGES.items()
}
PLACES = {
    kind: _define(f"ScatterNd{kind}", _CHANGES[kind], _nd_places, _same)
    for kind in ("Update", "Add", "Sub")
}


def scattered(
    definition: Definition, variable: Tensor, indices: TensorLike, updates: Any, name: str | None
) -> Tensor:
    """Adds an update of some rows or elements of a variable.

    Args:
        definition: One of `ROWS` or `PLACES`.
        variable: The tensor that stands for the variable.
        indices: The rows, or coordinates along the last axis.
        updates: The values for them.
        name: Name of the operation.

    Returns:
        A tensor with the new contents.
    """
    where = checked_kind(convert_to_tensor(indices), "iu", definition.type)
    values = convert_to_tensor(updates, variable.dtype)
    result: Tensor = definition(variable, where, values, name=name)
    return result


# Slices.


def _bind_slice_assign(view: View) -> Kernel:
    key, in_place = view["key"], view.first.exclusive and bool(view.first.dims)

    def assign(cell: Cell, value: Any, *bounds: Any) -> Any:
        with cell.lock:
            buffer = cell.writable() if in_place else np.array(cell.value)
            buffer[filled_key(key, bounds)] = value
            cell.value = buffer if buffer.ndim else buffer[()]
        return buffer

    return assign


SLICE_ASSIGN: Definition = Definition(
    "StridedSliceAssign",
    _same,
    bind=_bind_slice_assign,
    references=(0,),
    stateful=True,
    aliases=True,
    gradient=not_differentiable,
)


def _assign_slice(
    part: Tensor, value: TensorLike, use_locking: bool = False, name: str | None = None
) -> Tensor:
    """Gives a part of a variable new values.

    Args:
        part: A slice of a variable.
        value: The values, of the part's shape.
        use_locking: Without effect.
        name: Name of the operation.

    Returns:
        A tensor with the variable's new contents.

    Raises:
        ValueError: If the shapes don't fit.
    """
    new = convert_to_tensor(value, part.dtype)
    if not compatible(part.dims, new.dims):
        raise ValueError(
            f"Values of shape {described(new.dims)} can't be assigned to {part.name!r}, a slice "
            f"of shape {described(part.dims)}."
        )
    variable = part.op.inputs[0].op.inputs[0]
    title = name or f"{part.op.name}/_assign/"
    key = part.op.attributes["key"]
    result: Tensor = SLICE_ASSIGN(variable, new, *part.op.inputs[1:], key=key, name=title)
    return result


OVERLOADS["assign_slice"] = _assign_slice


# Steps of optimizers along gradients of some rows. Rows that occur more than once are added
# first. Inputs after the variables: numbers, then rows and their indices.


def unique_rows(values: Any, indices: Any) -> tuple[Any, Any]:
    """Adds up rows that have the same index.

    Args:
        values: The rows.
        indices: Their indices.

    Returns:
        Rows, and their indices, which are all different.
    """
    places, inverse = np.unique(indices, return_inverse=True)
    if len(places) == len(indices):
        return values, indices
    total = np.zeros((len(places), *values.shape[1:]), values.dtype)
    np.add.at(total, inverse, values)
    return total, places


def rows_spec(view: View) -> Spec:
    """What is known of a variable after a step along rows.

    Args:
        view: The operation: the variable is its first input, the rows its last but one.

    Returns:
        What is known of it.

    Raises:
        Incompatible: If the rows don't fit the variable.
    """
    rows = view.inputs[-2].dims
    if rows is not None and view.first.dims is not None:
        wanted = (None, *view.first.dims[1:])
        if not compatible(rows, wanted):
            raise Incompatible(
                f"rows of shape {described(rows)} do not fit the variable "
                f"{view.op.inputs[0].op.name!r} of shape {described(view.first.dims)}"
            )
    return Spec(view.first.dtype, view.first.dims)


def buffer_of(cell: Cell, in_place: bool) -> Any:
    """An array with a variable's contents that may be changed.

    Args:
        cell: The variable.
        in_place: Whether nobody needs the old contents.

    Returns:
        The array: the variable's own, or a copy.
    """
    return cell.writable() if in_place else cell.value.copy()


def _bind_momentum(view: View) -> Kernel:
    in_place = view.inputs[0].exclusive and view.inputs[1].exclusive
    nesterov = view["use_nesterov"]

    def step(cell: Cell, slot: Cell, rate: Any, momentum: Any, values: Any, indices: Any) -> Any:
        rows, places = unique_rows(values, indices)
        with cell.lock, slot.lock:
            value, kept = buffer_of(cell, in_place), buffer_of(slot, in_place)
            rows_key(places, value)
            moved = kept[places] * momentum + rows
            kept[places] = moved
            value[places] -= rate * (rows + momentum * moved if nesterov else moved)
            cell.value, slot.value = value, kept
        return value

    return step


SPARSE_MOMENTUM: Definition = Definition(
    "SparseApplyMomentum",
    rows_spec,
    bind=_bind_momentum,
    references=(0, 1),
    stateful=True,
    aliases=True,
    floating=True,
)


def _bind_descent(view: View) -> Kernel:
    in_place = view.first.exclusive

    def step(cell: Cell, rate: Any, values: Any, indices: Any) -> Any:
        with cell.lock:
            value = buffer_of(cell, in_place)
            np.subtract.at(value, rows_key(indices, value), values * rate)
            cell.value = value
        return value

    return step


SPARSE_DESCENT: Definition = Definition(
    "SparseApplyGradientDescent",
    rows_spec,
    bind=_bind_descent,
    references=(0,),
    stateful=True,
    aliases=True,
    floating=True,
)


def _bind_adam(view: View) -> Kernel:
    in_place = all(spec.exclusive for spec in view.inputs[:3])

    def step(
        cell: Cell,
        first: Cell,
        second: Cell,
        power1: Any,
        power2: Any,
        rate: Any,
        beta1: Any,
        beta2: Any,
        epsilon: Any,
        values: Any,
        indices: Any,
    ) -> Any:
        rows, places = unique_rows(values, indices)
        alpha = rate * np.sqrt(1 - power2) / (1 - power1)
        with cell.lock, first.lock, second.lock:
            value, m, v = (buffer_of(c, in_place) for c in (cell, first, second))
            rows_key(places, value)
            m *= beta1
            m[places] += rows * (1 - beta1)
            v *= beta2
            v[places] += rows * rows * (1 - beta2)
            value -= alpha * m / (np.sqrt(v) + epsilon)
            cell.value, first.value, second.value = value, m, v
        return value

    return step


SPARSE_ADAM: Definition = Definition(
    "SparseApplyAdam",
    rows_spec,
    bind=_bind_adam,
    references=(0, 1, 2),
    stateful=True,
    aliases=True,
    floating=True,
)
