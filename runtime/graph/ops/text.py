"""Strings: making them of numbers, joining, cutting and reading them."""

import math
import re
from typing import Any

import numpy as np

from runtime.graph import dtypes
from runtime.graph.convert import TensorLike, convert_to_tensor
from runtime.graph.definition import Definition, Kernel, Spec, View, not_differentiable
from runtime.graph.dtypes import as_dtype
from runtime.graph.export import export
from runtime.graph.graph import get_default_graph
from runtime.graph.ops.reduction import reduced_dims
from runtime.graph.ops.rules import axes_of, checked_kind, renamed, static_ints
from runtime.graph.shapes import broadcast
from runtime.graph.tensor import Tensor


def _each(function: Any, otype: Any = object) -> Kernel:
    """Makes a kernel of a function of one string."""

    def kernel(x: Any) -> Any:
        items = [function(item) for item in np.ravel(np.asarray(x, object)).tolist()]
        result = np.empty(len(items), otype)
        result[:] = items
        return result.reshape(np.shape(x))

    return kernel


def _strings(view: View) -> Spec:
    return Spec(dtypes.string, view.first.dims)


def _text(value: TensorLike, what: str) -> Tensor:
    return checked_kind(convert_to_tensor(value), "O", what)


def _formatted(view: View) -> Kernel:
    precision, kind = view["precision"], view.first.dtype.numpy.kind
    style = "e" if view["scientific"] else "g" if view["shortest"] else "f"

    def written(item: Any) -> str:
        if kind == "b":
            return "true" if item else "false"
        if kind in "iu":
            return str(int(item))
        digits = "" if precision < 0 else f".{precision}"
        return format(float(item), f"{digits}{style}")

    def form(item: Any) -> bytes:
        return written(item).rjust(view["width"], view["fill"]).encode()

    return _each(form)


_AS_STRING: Definition = Definition(
    "AsString", _strings, bind=_formatted, gradient=not_differentiable
)


@export("as_string", "dtypes.as_string", "strings.as_string")
def as_string(
    input: TensorLike,
    precision: int = -1,
    scientific: bool = False,
    shortest: bool = False,
    width: int = -1,
    fill: str = "",
    name: str | None = None,
) -> Tensor:
    """Numbers and truth values as strings.

    Args:
        input: A tensor.
        precision: The number of decimals; the usual six if negative.
        scientific: Whether to write floating-point numbers with an exponent.
        shortest: Whether to write floating-point numbers as short as they can be.
        width: The least length.
        fill: What to fill up with in front; blanks if empty.
        name: Name of the operation.

    Returns:
        A tensor of strings.
    """
    result: Tensor = _AS_STRING(
        checked_kind(convert_to_tensor(input), "fiub", "AsString"),
        precision=precision,
        scientific=scientific,
        shortest=shortest,
        width=max(width, 0),
        fill=fill or " ",
        name=name,
    )
    return result


def _joined_spec(view: View) -> Spec:
    dims = view.first.dims
    for spec in view.inputs[1:]:
        dims = broadcast(dims, spec.dims)
    return Spec(dtypes.string, dims)


def _bind_join(view: View) -> Kernel:
    separator = view["separator"].encode()

    def join(*parts: Any) -> Any:
        arrays = np.broadcast_arrays(*[np.asarray(p, object) for p in parts])
        rows = zip(*[a.ravel().tolist() for a in arrays], strict=True)
        result = np.empty(arrays[0].size, object)
        result[:] = [separator.join(row) for row in rows]
        return result.reshape(arrays[0].shape)

    return join


_JOIN: Definition = Definition(
    "StringJoin", _joined_spec, bind=_bind_join, gradient=not_differentiable
)


def _bind_reduce_join(view: View) -> Kernel:
    axes, separator, keep = view["axes"], view["separator"].encode(), view["keepdims"]

    def join(x: Any) -> Any:
        # The first of the axes is joined first, so its elements stand closest together.
        chosen = [axis % x.ndim for axis in (range(x.ndim) if axes is None else axes[::-1])]
        kept = [axis for axis in range(x.ndim) if axis not in chosen]
        rows = np.transpose(x, [*kept, *chosen])
        shape = rows.shape[: len(kept)]
        if keep:
            shape = tuple([1 if axis in chosen else size for axis, size in enumerate(x.shape)])
        lines = rows.reshape(math.prod(rows.shape[: len(kept)]), -1).tolist()
        result = np.empty(len(lines), object)
        result[:] = [separator.join(line) for line in lines]
        return result.reshape(shape)[()]

    return join


def _reduce_joined(view: View) -> Spec:
    dims = reduced_dims(view.first.dims, view["axes"], view["keepdims"])
    return Spec(dtypes.string, dims)


_REDUCE_JOIN: Definition = Definition(
    "ReduceJoin", _reduce_joined, bind=_bind_reduce_join, gradient=not_differentiable
)


@export("reduce_join", "strings.reduce_join")
def reduce_join(
    inputs: TensorLike,
    axis: TensorLike = None,
    keep_dims: bool | None = None,
    separator: str = "",
    name: str | None = None,
    reduction_indices: TensorLike = None,
    keepdims: bool | None = None,
) -> Tensor:
    """Joins strings along axes.

    Source: the ``tf.compat.v1.reduce_join`` documentation.

    Args:
        inputs: A tensor of strings.
        axis: The axis, or axes in the order in which they are joined; all if None.
        keep_dims: The old name of `keepdims`.
        separator: What stands between the strings.
        name: Name of the operation.
        reduction_indices: The old name of `axis`.
        keepdims: Whether the joined axes stay, with size 1.

    Returns:
        The joined strings.

    Raises:
        ValueError: If there is no such axis.
    """
    chosen = renamed(axis, reduction_indices, "axis", "reduction_indices")
    keep = renamed(keepdims, keep_dims, "keepdims", "keep_dims")
    with get_default_graph().name_scope("ReduceJoin"):
        tensor = _text(inputs, "ReduceJoin")
        axes = None if chosen is None else static_ints(chosen, "The axis of reduce_join")
        axes_of(axes, tensor.dims, "reduce_join")
        result: Tensor = _REDUCE_JOIN(
            tensor, axes=axes, keepdims=bool(keep), separator=separator, name=name
        )
        return result


@export("string_join", "strings.join")
def string_join(inputs: Any, separator: str = "", name: str | None = None) -> Tensor:
    """Joins strings elementwise.

    Args:
        inputs: A list of tensors of strings; scalars are joined to each element.
        separator: What stands between them.
        name: Name of the operation.

    Returns:
        A tensor of strings.
    """
    tensors = [_text(t, "StringJoin") for t in inputs]
    result: Tensor = _JOIN(*tensors, separator=separator, name=name)
    return result


def _bind_to_number(view: View) -> Kernel:
    target = view["dtype"].numpy

    def number(item: bytes) -> Any:
        try:
            return int(item) if target.kind in "iu" else float(item)
        except ValueError:
            raise ValueError(
                f"StringToNumberOp could not correctly convert string: {item!r}"
            ) from None

    return _each(number, target)


_TO_NUMBER: Definition = Definition(
    "StringToNumber",
    lambda view: Spec(view["dtype"], view.first.dims),
    bind=_bind_to_number,
    gradient=not_differentiable,
)


@export("string_to_number", "strings.to_number")
def string_to_number(
    string_tensor: TensorLike = None,
    out_type: Any = dtypes.float32,
    name: str | None = None,
    input: TensorLike = None,
) -> Tensor:
    """Numbers from strings.

    Args:
        string_tensor: A tensor of strings.
        out_type: The element type.
        name: Name of the operation.
        input: Another name of `string_tensor`.

    Returns:
        A tensor of numbers. What is no number is an error in the run.
    """
    given = string_tensor if input is None else input
    result: Tensor = _TO_NUMBER(_text(given, "StringToNumber"), dtype=as_dtype(out_type), name=name)
    return result


def _bind_replace(view: View) -> Kernel:
    count = 0 if view["replace_global"] else 1

    def replace(x: Any, pattern: Any, rewrite: Any) -> Any:
        wanted, new = re.compile(_only(pattern)), _only(rewrite)
        return _each(lambda item: wanted.sub(new, item, count))(x)

    return replace


def _only(value: Any) -> bytes:
    result = value.item() if hasattr(value, "item") else value
    assert isinstance(result, bytes)
    return result


_REPLACE: Definition = Definition(
    "RegexReplace", _strings, bind=_bind_replace, gradient=not_differentiable
)


@export("regex_replace", "strings.regex_replace")
def regex_replace(
    input: TensorLike,
    pattern: TensorLike,
    rewrite: TensorLike,
    replace_global: bool = True,
    name: str | None = None,
) -> Tensor:
    r"""Replaces what a regular expression matches; the expressions are Python's.

    Args:
        input: A tensor of strings.
        pattern: The regular expression.
        rewrite: What to put in place, with ``\\1`` for groups.
        replace_global: Whether to replace all matches, not only the first.
        name: Name of the operation.

    Returns:
        A tensor of strings.
    """
    parts = [_text(t, "RegexReplace") for t in (input, pattern, rewrite)]
    result: Tensor = _REPLACE(*parts, replace_global=replace_global, name=name)
    return result


def _one(type_name: str, names: str, function: Any, what: str) -> None:
    definition = Definition(type_name, _strings, _each(function), gradient=not_differentiable)

    @export(*names.split())
    def made(input: TensorLike, name: str | None = None) -> Tensor:
        result: Tensor = definition(_text(input, type_name), name=name)
        return result

    made.__name__ = made.__qualname__ = names.split()[0].rpartition(".")[2]
    made.__doc__ = f"""{what}

    Args:
        input: A tensor of strings.
        name: Name of the operation.

    Returns:
        A tensor of strings.
    """


_one("StringStrip", "string_strip strings.strip", bytes.strip, "Strings without blanks around.")


def _bind_substr(view: View) -> Kernel:
    def cut(x: Any, place: Any, length: Any) -> Any:
        arrays = np.broadcast_arrays(np.asarray(x, object), place, length)
        rows = zip(*[a.ravel().tolist() for a in arrays], strict=True)
        result = np.empty(arrays[0].size, object)
        result[:] = [item[p : (p + n if p >= 0 or p + n < 0 else None)] for item, p, n in rows]
        return result.reshape(arrays[0].shape)

    return cut


_SUBSTR: Definition = Definition(
    "Substr", _joined_spec, bind=_bind_substr, gradient=not_differentiable
)


@export("substr", "strings.substr")
def substr(
    input: TensorLike,
    pos: TensorLike,
    len: TensorLike,
    name: str | None = None,
    unit: str = "BYTE",
) -> Tensor:
    """Parts of strings.

    Args:
        input: A tensor of strings.
        pos: Where the parts begin; negative from the end.
        len: How long they are.
        name: Name of the operation.
        unit: Must be ``"BYTE"``.

    Returns:
        A tensor of strings.

    Raises:
        ValueError: If there is no such unit.
    """
    if unit != "BYTE":
        raise ValueError(f"substr supports the unit 'BYTE' only, not {unit!r}.")
    places = [checked_kind(convert_to_tensor(n), "iu", "Substr") for n in (pos, len)]
    result: Tensor = _SUBSTR(_text(input, "Substr"), *places, name=name)
    return result


_LENGTH: Definition = Definition(
    "StringLength",
    lambda view: Spec(dtypes.int32, view.first.dims),
    _each(len, np.int32),
    gradient=not_differentiable,
)


@export("strings.length")
def length(input: TensorLike, name: str | None = None, unit: str = "BYTE") -> Tensor:
    """The lengths of strings, in bytes.

    Args:
        input: A tensor of strings.
        name: Name of the operation.
        unit: Must be ``"BYTE"``.

    Returns:
        A tensor of int32.

    Raises:
        ValueError: If there is no such unit.
    """
    if unit != "BYTE":
        raise ValueError(f"strings.length supports the unit 'BYTE' only, not {unit!r}.")
    result: Tensor = _LENGTH(_text(input, "StringLength"), name=name)
    return result
