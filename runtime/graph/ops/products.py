"""Products along axes, traces and norms; matrices made of diagonals."""

import builtins
import string
from collections.abc import Sequence
from typing import Any

import numpy as np

from runtime.graph import dtypes
from runtime.graph.convert import TensorLike, convert_to_tensor, same_type
from runtime.graph.definition import Definition, Kernel, Spec, View
from runtime.graph.dtypes import as_dtype
from runtime.graph.export import export
from runtime.graph.graph import get_default_graph
from runtime.graph.ops.array import ones_like, transpose
from runtime.graph.ops.math import absolute, conj, power, sqrt
from runtime.graph.ops.reduction import reduce_max, reduce_prod, reduce_sum
from runtime.graph.ops.rules import (
    checked_kind,
    rank_of,
    renamed,
    static_ints,
    static_value,
    unchanged,
)
from runtime.graph.shapes import Incompatible, described, normalized_axis
from runtime.graph.tensor import Tensor

# Products of tensors.


def _tensordot_spec(view: View) -> Spec:
    a, b = view.first.dims, view.inputs[1].dims
    if a is None or b is None:
        return Spec(view.first.dtype, None)
    axes_a = [normalized_axis(i, len(a)) for i in view["a"]]
    axes_b = [normalized_axis(i, len(b)) for i in view["b"]]
    for i, k in zip(axes_a, axes_b, strict=True):
        if a[i] is not None and b[k] is not None and a[i] != b[k]:
            raise Incompatible(
                f"axis {i} of shape {described(a)} and axis {k} of shape {described(b)} differ"
            )
    rest_a = [d for i, d in enumerate(a) if i not in axes_a]
    rest_b = [d for i, d in enumerate(b) if i not in axes_b]
    return Spec(view.first.dtype, (*rest_a, *rest_b))


def _bind_tensordot(view: View) -> Kernel:
    axes = (view["a"], view["b"])
    return lambda x, y: np.tensordot(x, y, axes)[()]


def _bind_late_slopes(view: View) -> Kernel:
    """Both gradients, where only the run knows the ranks."""

    def slope(dy: Any, x: Any, y: Any, axes_x: list[int], axes_y: list[int], lead: int) -> Any:
        free_x = [i for i in range(x.ndim) if i not in axes_x]
        free_y = [i for i in range(y.ndim) if i not in axes_y]
        taken = list(range(lead, lead + len(free_y)))
        order = free_x + [axes_x[i] for i in np.argsort(axes_y)]
        return np.tensordot(dy, y, (taken, free_y)).transpose(np.argsort(order))

    def slopes(dy: Any, x: Any, y: Any) -> Any:
        axes_x, axes_y = [i % x.ndim for i in view["a"]], [i % y.ndim for i in view["b"]]
        free_x = x.ndim - len(axes_x)
        turned = np.moveaxis(dy, range(free_x), range(dy.ndim - free_x, dy.ndim))
        return slope(dy, x, y, axes_x, axes_y, free_x), slope(
            turned, y, x, axes_y, axes_x, y.ndim - len(axes_y)
        )

    return slopes


LATE_SLOPES = Definition(
    "TensordotGrad",
    lambda view: tuple([Spec(spec.dtype, spec.dims) for spec in view.inputs[1:]]),
    bind=_bind_late_slopes,
    floating=True,
)


def _tensordot_gradient(op: Any, dy: Tensor) -> list[Tensor]:
    x, y = op.inputs
    axes_x, axes_y = list(op.attributes["a"]), list(op.attributes["b"])
    if x.dims is None or y.dims is None:
        return list(LATE_SLOPES(dy, x, y, a=axes_x, b=axes_y))
    free_x = [i for i in range(rank_of(x, "tensordot")) if i not in axes_x]
    free_y = [i for i in range(rank_of(y, "tensordot")) if i not in axes_y]
    count = len(free_x)
    # What is left of the other factor are the axes that were summed over, in rising order.
    dx = TENSORDOT(dy, y, a=list(range(count, count + len(free_y))), b=free_y)
    dy_y = TENSORDOT(x, dy, a=free_x, b=list(range(count)))
    order_x = free_x + [axes_x[i] for i in np.argsort(axes_y)]
    order_y = [axes_y[i] for i in np.argsort(axes_x)] + free_y
    return [
        transpose(dx, [int(i) for i in np.argsort(order_x)]),
        transpose(dy_y, [int(i) for i in np.argsort(order_y)]),
    ]


TENSORDOT: Definition = Definition(
    "Tensordot",
    _tensordot_spec,
    bind=_bind_tensordot,
    gradient=_tensordot_gradient,
    floating=True,
)


def _from_front(axes: Sequence[int], tensor: Tensor) -> list[int]:
    """Axes counted from the front, if it is known how many there are."""
    if tensor.dims is None:
        return list(axes)
    return [normalized_axis(axis, len(tensor.dims)) for axis in axes]


@export("tensordot", "linalg.tensordot")
def tensordot(a: TensorLike, b: TensorLike, axes: Any, name: str | None = None) -> Tensor:
    """Sums products of the elements of two tensors along axes of both.

    Args:
        a: A tensor.
        b: Another.
        axes: A number n for the last n axes of `a` and the first n of `b`; or the axes of `a`
            and the axes of `b`.
        name: Name of the operation.

    Returns:
        A tensor with the axes of `a` and then those of `b` that are left.

    Raises:
        ValueError: If the axes don't fit.
    """
    x, y = same_type(a, b, names=("a", "b"))
    axes = static_value(axes, "The axes of tensordot") if isinstance(axes, Tensor) else axes
    if isinstance(axes, (int, np.integer)):
        first, second = list(range(-int(axes), 0)), list(range(int(axes)))
    else:
        first, second = (list(static_ints(part, "The axes of tensordot")) for part in axes)
    if len(first) != len(second):
        raise ValueError(
            f"Different number of contraction axes for a and b: {len(first)} != {len(second)}."
        )
    result: Tensor = TENSORDOT(
        x,
        y,
        a=_from_front(first, x),
        b=_from_front(second, y),
        name=name or "Tensordot",
    )
    return result


def _einsum_labels(equation: str, ranks: Sequence[int | None]) -> tuple[list[str], str]:
    """The labels of operands and result, with an ellipsis spelled out in capital letters.

    Raises:
        ValueError: If the equation is not well formed or doesn't fit.
    """
    left, arrow, right = equation.replace(" ", "").partition("->")
    terms = left.split(",")
    if len(terms) != len(ranks):
        raise ValueError(
            f"The equation {equation!r} has {len(terms)} operands, but {len(ranks)} are given."
        )
    spare = [c for c in string.ascii_uppercase + string.ascii_lowercase if c not in equation]
    depth = 0
    for term, rank in zip(terms, ranks, strict=True):
        if "..." in term:
            if rank is None:
                raise ValueError(f"The equation {equation!r} needs operands of known rank.")
            depth = max(depth, rank - len(term) + 3)
    dots = "".join(spare[:depth])
    full = [_spelled(t, r, dots) for t, r in zip(terms, ranks, strict=True)]
    if not arrow:
        every = "".join(full)
        free = sorted(c for c in set(every) - set(dots) if every.count(c) == 1)
        return full, dots + "".join(free)
    result = right.replace("...", dots)
    if len(set(result)) != len(result) or not set(result) <= set("".join(full)):
        raise ValueError(
            f"The result of the equation {equation!r} may name each label of the operands once, "
            "and no other label."
        )
    return full, result


def _spelled(term: str, rank: int | None, dots: str) -> str:
    if "..." not in term or rank is None:
        return term
    count = rank - len(term) + 3
    return term.replace("...", dots[len(dots) - count :])


def _einsum_spec(view: View) -> Spec:
    sizes: dict[str, int | None] = {}
    for term, spec in zip(view["terms"], view.inputs, strict=True):
        if spec.dims is None:
            continue
        if len(term) != len(spec.dims):
            raise Incompatible(
                f"labels {term!r} of the equation don't fit shape {described(spec.dims)}"
            )
        for label, d in zip(term, spec.dims, strict=True):
            _learn_size(sizes, label, d)
    dims = tuple([sizes.get(label) for label in view["result"]])
    return Spec(view.first.dtype, dims)


def _learn_size(sizes: dict[str, int | None], label: str, d: int | None) -> None:
    known = sizes.get(label)
    if known is not None and d is not None and d != known and 1 not in (d, known):
        raise Incompatible(f"label {label!r} has sizes {known} and {d}")
    if known is None or (known == 1 and d is not None):
        sizes[label] = d


def _bind_einsum(view: View) -> Kernel:
    equation = f"{','.join(view['terms'])}->{view['result']}"
    paths: dict[Any, Any] = {}

    def kernel(*operands: Any) -> Any:
        shapes = tuple([x.shape for x in operands])
        if shapes not in paths:
            paths[shapes] = np.einsum_path(equation, *operands, optimize="greedy")[0]
        return np.einsum(equation, *operands, optimize=paths[shapes])[()]

    return kernel


def _einsum_gradient(op: Any, dy: Tensor) -> list[Tensor]:
    return [_einsum_slope(op, dy, index) for index in range(len(op.inputs))]


def _einsum_slope(op: Any, dy: Tensor, index: int) -> Tensor:
    """The gradient of an operand: the product of all others and that of the result."""
    from runtime.graph.ops.math import unbroadcast

    terms, result = op.attributes["terms"], op.attributes["result"]
    term, x = terms[index], op.inputs[index]
    # A label that only this operand has was summed over: ones bring it back.
    others = [i for i in range(len(terms)) if i != index]
    around = [result, *[terms[i] for i in others]]
    factors = [dy, *[conj(op.inputs[i]) for i in others]]
    if any(label not in "".join(around) for label in term):
        around.append(term)
        factors.append(ones_like(x))
    slope: Tensor = EINSUM(*factors, terms=around, result=term)
    return unbroadcast(slope, x)


EINSUM: Definition = Definition(
    "Einsum",
    _einsum_spec,
    bind=_bind_einsum,
    gradient=_einsum_gradient,
    floating=True,
    aliases=True,
)


@export("einsum", "linalg.einsum")
def einsum(equation: str, *inputs: TensorLike, **kwargs: Any) -> Tensor:
    """Sums of products of the elements of tensors, by Einstein's convention.

    Args:
        equation: Labels for the axes of each operand and, after ``->``, of the result.
        *inputs: The operands.
        **kwargs: ``name``; ``optimize`` is without effect.

    Returns:
        The tensor.

    Raises:
        TypeError: If an unknown keyword is given.
        ValueError: If the equation is not well formed or doesn't fit the operands.
    """
    name = kwargs.pop("name", None)
    kwargs.pop("optimize", None)
    if kwargs:
        raise TypeError(f"einsum() got unexpected keyword arguments {sorted(kwargs)}")
    tensors = same_type(*inputs, names=[f"inputs[{i}]" for i in range(len(inputs))])
    ranks = [None if t.dims is None else len(t.dims) for t in tensors]
    terms, result = _einsum_labels(equation, ranks)
    for index, term in enumerate(terms):
        if len(set(term)) != len(term):
            terms[index] = "".join(dict.fromkeys(term))
            tensors[index] = _SAME_LABELS(tensors[index], term=term, unique=terms[index])
    found: Tensor = EINSUM(*tensors, terms=terms, result=result, name=name or "einsum")
    return found


def _same_labels_spec(view: View) -> Spec:
    dims = view.first.dims
    if dims is not None and len(dims) != len(view["term"]):
        raise Incompatible(
            f"labels {view['term']!r} of the equation don't fit shape {described(dims)}"
        )
    sizes: dict[str, int | None] = {}
    for label, d in zip(view["term"], dims or [None] * len(view["term"]), strict=True):
        _learn_size(sizes, label, d)
    return Spec(view.first.dtype, tuple([sizes[label] for label in view["unique"]]))


def _bind_on_same_labels(view: View) -> Kernel:
    equation = f"{view['term']}->{view['unique']}"

    def kernel(dy: Any, like: Any) -> Any:
        result = np.zeros(like.shape, like.dtype)
        np.einsum(equation, result)[...] = dy  # a view of the elements in question
        return result

    return kernel


def _of_same_labels(definition: str, op: Any, *inputs: Tensor) -> Tensor:
    result: Tensor = _LABELS[definition](
        *inputs, term=op.attributes["term"], unique=op.attributes["unique"]
    )
    return result


_SAME_LABELS: Definition = Definition(
    "EinsumDiagonal",
    _same_labels_spec,
    bind=lambda view: lambda x: np.einsum(f"{view['term']}->{view['unique']}", x),
    aliases=True,
    gradient=lambda op, dy: [_of_same_labels("embed", op, dy, op.inputs[0])],
)
_LABELS: dict[str, Definition] = {
    "take": _SAME_LABELS,
    "embed": Definition(
        "EinsumOnDiagonal",
        lambda view: Spec(view.first.dtype, view.inputs[1].dims),
        bind=_bind_on_same_labels,
        gradient=lambda op, dy: [_of_same_labels("take", op, dy), None],
    ),
}


# Diagonals. Matrices are on the last two axes.


def _diag_part_spec(view: View) -> Spec:
    dims = view.first.dims
    if dims is None:
        return Spec(view.first.dtype, None)
    if len(dims) < 2:
        raise Incompatible(f"a matrix is needed, not shape {described(dims)}")
    a, b = dims[-2:]
    return Spec(view.first.dtype, (*dims[:-2], None if a is None or b is None else min(a, b)))


def _on_diagonal(diagonal: Any, like: Any) -> Any:
    result = np.zeros(like.shape, diagonal.dtype)
    places = np.arange(diagonal.shape[-1])
    result[..., places, places] = diagonal
    return result


_ON_DIAGONAL: Definition = Definition(
    "OnDiagonal",
    lambda view: Spec(view.first.dtype, view.inputs[1].dims),
    _on_diagonal,
    gradient=lambda op, dy: [DIAG_PART(dy), None],
)
DIAG_PART: Definition = Definition(
    "MatrixDiagPart",
    _diag_part_spec,
    lambda x: np.diagonal(x, 0, -2, -1),
    aliases=True,
    gradient=lambda op, dy: [_ON_DIAGONAL(dy, op.inputs[0])],
)


def _diag_kernel(x: Any) -> Any:
    size = x.shape[-1]
    result = np.zeros((*x.shape, size), x.dtype)
    result[..., np.arange(size), np.arange(size)] = x
    return result


def _diag_spec(view: View) -> Spec:
    dims = view.first.dims
    if dims == ():
        raise Incompatible("a vector is needed, not a scalar")
    return Spec(view.first.dtype, None if dims is None else (*dims, dims[-1]))


DIAG: Definition = Definition(
    "MatrixDiag", _diag_spec, _diag_kernel, gradient=lambda op, dy: [DIAG_PART(dy)]
)


def _only_main(k: Any, num_rows: Any, num_cols: Any, what: str) -> None:
    if static_ints(k, "k")[0] or (num_rows, num_cols) != (-1, -1):
        raise ValueError(f"{what} supports the main diagonal of square matrices only: k=0.")


@export("matrix_diag", "linalg.diag")
def matrix_diag(
    diagonal: TensorLike,
    name: str = "diag",
    k: TensorLike = 0,
    num_rows: int = -1,
    num_cols: int = -1,
    padding_value: Any = 0,
    align: str = "RIGHT_LEFT",
) -> Tensor:
    """Matrices with given diagonals, zero elsewhere.

    Args:
        diagonal: The diagonals, along the last axis.
        name: Name of the operation.
        k: Which diagonal; must be 0, the main one.
        num_rows: Must be -1: as many as the diagonal has elements.
        num_cols: Must be -1.
        padding_value: Must be 0.
        align: Without effect.

    Returns:
        A tensor with one more axis.
    """
    _only_main(k, num_rows, num_cols, "matrix_diag")
    result: Tensor = DIAG(convert_to_tensor(diagonal), name=name)
    return result


@export("matrix_diag_part", "linalg.diag_part")
def matrix_diag_part(
    input: TensorLike,
    name: str = "diag_part",
    k: TensorLike = 0,
    padding_value: Any = 0,
    align: str = "RIGHT_LEFT",
) -> Tensor:
    """The main diagonals of matrices.

    Args:
        input: A tensor of rank 2 or more.
        name: Name of the operation.
        k: Which diagonal; must be 0, the main one.
        padding_value: Without effect.
        align: Without effect.

    Returns:
        A tensor with one axis less.
    """
    _only_main(k, -1, -1, "matrix_diag_part")
    result: Tensor = DIAG_PART(convert_to_tensor(input), name=name)
    return result


@export("matrix_set_diag", "linalg.set_diag")
def matrix_set_diag(
    input: TensorLike,
    diagonal: TensorLike,
    name: str = "set_diag",
    k: TensorLike = 0,
    align: str = "RIGHT_LEFT",
) -> Tensor:
    """Matrices with their main diagonals replaced.

    Args:
        input: A tensor of rank 2 or more.
        diagonal: The diagonals.
        name: Name of the operation.
        k: Which diagonal; must be 0, the main one.
        align: Without effect.

    Returns:
        A tensor of the same shape.
    """
    _only_main(k, -1, -1, "matrix_set_diag")
    matrix, line = same_type(input, diagonal, names=("input", "diagonal"))
    old = _ON_DIAGONAL(DIAG_PART(matrix), matrix)
    new = _ON_DIAGONAL(line, matrix)
    result: Tensor = (matrix - old) + new
    return result


@export("diag", "linalg.tensor_diag")
def diag(diagonal: TensorLike, name: str | None = None) -> Tensor:
    """A tensor with given elements on its diagonal, zero elsewhere.

    Args:
        diagonal: A tensor; a vector gives a matrix.
        name: Name of the operation.

    Returns:
        A tensor of twice the rank.
    """
    from runtime.graph.ops.array import concat, reshape, shape

    tensor = convert_to_tensor(diagonal)
    if tensor.dims is not None and len(tensor.dims) == 1:
        result: Tensor = DIAG(tensor, name=name or "Diag")
        return result
    flat: Tensor = DIAG(reshape(tensor, [-1]), name=name or "Diag")
    sizes = shape(tensor)
    return reshape(flat, concat([sizes, sizes], 0))


@export("diag_part", "linalg.tensor_diag_part")
def diag_part(input: TensorLike, name: str | None = None) -> Tensor:
    """The diagonal of a tensor of even rank.

    Args:
        input: A tensor; a matrix gives a vector.
        name: Name of the operation.

    Returns:
        A tensor of half the rank.
    """
    from runtime.graph.ops.array import rank, reshape, shape

    tensor = convert_to_tensor(input)
    if tensor.dims is not None and len(tensor.dims) == 2:
        result: Tensor = DIAG_PART(tensor, name=name or "DiagPart")
        return result
    half = (rank(tensor) if tensor.dims is None else len(tensor.dims)) // 2
    sizes = shape(tensor)[:half]
    count = reduce_prod(sizes)
    return reshape(DIAG_PART(reshape(tensor, [count, count]), name=name or "DiagPart"), sizes)


def _bind_band(view: View) -> Kernel:
    def band(x: Any, lower: Any, upper: Any) -> Any:
        rows, columns = np.ogrid[: x.shape[-2], : x.shape[-1]]
        kept = ((lower < 0) | (rows - columns <= lower)) & ((upper < 0) | (columns - rows <= upper))
        return np.where(kept, x, x.dtype.type(0))

    return band


BAND: Definition = Definition(
    "MatrixBandPart",
    unchanged,
    bind=_bind_band,
    gradient=lambda op, dy: [BAND(dy, *op.inputs[1:]), None, None],
)


@export("matrix_band_part", "linalg.band_part")
def matrix_band_part(
    input: TensorLike, num_lower: TensorLike, num_upper: TensorLike, name: str | None = None
) -> Tensor:
    """Matrices of which only a band around the main diagonal is kept.

    Args:
        input: A tensor of rank 2 or more.
        num_lower: The number of diagonals below; all if negative.
        num_upper: The number of diagonals above; all if negative.
        name: Name of the operation.

    Returns:
        A tensor of the same shape.
    """
    bounds = [
        checked_kind(convert_to_tensor(n), "iu", "matrix_band_part") for n in (num_lower, num_upper)
    ]
    result: Tensor = BAND(convert_to_tensor(input), *bounds, name=name)
    return result


def _eye_spec(view: View) -> Spec:
    sizes = [None if s.value is None else int(s.value) for s in view.inputs]
    return Spec(view["dtype"], tuple(sizes))


_EYE: Definition = Definition(
    "Eye",
    _eye_spec,
    bind=lambda view: (
        lambda rows, columns: np.eye(int(rows), int(columns), dtype=view["dtype"].numpy)
    ),
)


@export("eye", "linalg.eye")
def eye(
    num_rows: TensorLike,
    num_columns: TensorLike = None,
    batch_shape: TensorLike = None,
    dtype: Any = dtypes.float32,
    name: str | None = None,
) -> Tensor:
    """Matrices with ones on the diagonal.

    Args:
        num_rows: The number of rows.
        num_columns: The number of columns; as many as rows if None.
        batch_shape: The shape of the axes before the matrices.
        dtype: The element type.
        name: Name of the operation.

    Returns:
        The tensor.
    """
    from runtime.graph.ops.array import concat
    from runtime.graph.ops.layout import broadcast_to

    rows = checked_kind(convert_to_tensor(num_rows), "iu", "eye")
    columns = rows if num_columns is None else convert_to_tensor(num_columns)
    result: Tensor = _EYE(rows, columns, dtype=as_dtype(dtype), name=name or "eye")
    if batch_shape is None:
        return result
    lead = checked_kind(convert_to_tensor(batch_shape), "iu", "eye")
    return broadcast_to(result, concat([lead, convert_to_tensor([rows, columns], lead.dtype)], 0))


@export("trace", "linalg.trace")
def trace(x: TensorLike, name: str | None = None) -> Tensor:
    """The sums of the main diagonals of matrices.

    Args:
        x: A tensor of rank 2 or more.
        name: Name of the operation.

    Returns:
        A tensor with two axes less.
    """
    return reduce_sum(matrix_diag_part(x), [-1], name=name or "Trace")


@export("cross", "linalg.cross")
def cross(a: TensorLike, b: TensorLike, name: str | None = None) -> Tensor:
    """The cross products of vectors of three elements.

    Args:
        a: Vectors along the last axis.
        b: Vectors, in the same shape.
        name: Name of the operation.

    Returns:
        A tensor of the same shape.
    """
    first, second = same_type(a, b, names=("a", "b"))
    result: Tensor = CROSS(first, second, name=name)
    return result


def _cross_spec(view: View) -> Spec:
    dims = view.first.dims
    if dims is not None and (not dims or dims[-1] not in (3, None)):
        raise Incompatible(f"vectors of 3 elements are needed, not shape {described(dims)}")
    return unchanged(view)


CROSS: Definition = Definition(
    "Cross",
    _cross_spec,
    lambda a, b: np.cross(a, b),
    gradient=lambda op, dy: [CROSS(op.inputs[1], dy), CROSS(dy, op.inputs[0])],
    floating=True,
)


# Norms.


@export("norm", "linalg.norm")
def norm(
    tensor: TensorLike,
    ord: Any = "euclidean",
    axis: Any = None,
    keepdims: builtins.bool | None = None,
    name: str | None = None,
    keep_dims: builtins.bool | None = None,
) -> Tensor:
    """The norm of vectors or matrices.

    Args:
        tensor: A tensor.
        ord: ``"euclidean"``, a positive number, or infinity. Of matrices: ``"euclidean"``,
            ``"fro"``, 1, 2 or infinity.
        axis: An axis for vectors, two for matrices; all elements as one vector if None.
        keepdims: Whether the axes are kept, of size 1.
        name: Name of the operation.
        keep_dims: The old name of `keepdims`.

    Returns:
        The norms.

    Raises:
        ValueError: If there is no such norm.
    """
    keep = bool(renamed(keepdims, keep_dims, "keepdims", "keep_dims"))
    x = convert_to_tensor(tensor)
    matrix = isinstance(axis, (list, tuple)) and len(axis) == 2
    if ord == "euclidean" or (ord == "fro" and matrix) or (ord == 2 and not matrix):
        with get_default_graph().name_scope(name or "norm") as scope:
            return sqrt(reduce_sum(x * conj(x), axis, keepdims=keep), name=scope)
    if matrix:
        return _matrix_norm(x, ord, list(axis), keep)
    if ord == np.inf:
        return reduce_max(absolute(x), axis, keepdims=keep, name=name)
    if isinstance(ord, str) or ord <= 0:
        raise ValueError(f"There is no norm of order {ord!r}; use 'euclidean', p > 0 or infinity.")
    total = reduce_sum(power(absolute(x), convert_to_tensor(ord, x.dtype)), axis, keepdims=keep)
    return power(total, convert_to_tensor(1.0 / ord, x.dtype), name=name)


def _matrix_norm(x: Tensor, ord: Any, axes: list[int], keep: builtins.bool) -> Tensor:
    if ord not in (1, 2, np.inf):
        raise ValueError(f"There is no matrix norm of order {ord!r}; use 'fro', 1, 2 or infinity.")
    rank = rank_of(x, "norm")
    first, second = (normalized_axis(a, rank) for a in axes)
    if ord == 2:
        return _spectral_norm(x, [first, second], keep)
    inner, outer = (first, second) if ord == 1 else (second, first)
    sums = reduce_sum(absolute(x), inner, keepdims=True)
    largest = reduce_max(sums, outer, keepdims=True)
    from runtime.graph.ops.array import squeeze

    return largest if keep else squeeze(largest, [first, second])


def _spectral_norm(x: Tensor, axes: list[int], keep: builtins.bool) -> Tensor:
    """The largest singular value."""
    from runtime.graph.export import public

    rank = rank_of(x, "norm")
    order = [*[i for i in range(rank) if i not in axes], *axes]
    values = public("linalg", "svd")(transpose(x, order), compute_uv=False)
    largest = reduce_max(values, -1)
    from runtime.graph.ops.array import expand_dims

    for axis in sorted(axes) if keep else ():
        largest = expand_dims(largest, axis)
    return largest
