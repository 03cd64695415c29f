"""Inverses, determinants, decompositions and solutions; matrices are on the last two axes.

Source of the gradients: M. B. Giles, "Collected matrix derivative results for forward and reverse
mode algorithmic differentiation" (2008).
"""

import builtins
from typing import Any, NamedTuple

import numpy as np

from runtime.graph.convert import TensorLike, convert_to_tensor, same_type
from runtime.graph.definition import Definition, Kernel, Spec, View
from runtime.graph.export import export
from runtime.graph.graph import get_default_graph
from runtime.graph.ops.array import expand_dims, shape, squeeze, zeros_like
from runtime.graph.ops.layout import matrix_transpose
from runtime.graph.ops.math import absolute, cast, log, matmul, negative, square
from runtime.graph.ops.products import (
    matrix_band_part,
    matrix_diag,
    matrix_diag_part,
    matrix_set_diag,
)
from runtime.graph.ops.reduction import reduce_sum
from runtime.graph.ops.rules import checked_kind
from runtime.graph.shapes import Dims, Incompatible, compatible, described
from runtime.graph.tensor import Tensor


def _square_dims(view: View) -> Dims:
    dims = view.first.dims
    if dims is not None and (len(dims) < 2 or (None not in dims[-2:] and dims[-2] != dims[-1])):
        raise Incompatible(f"a square matrix is needed, not shape {described(dims)}")
    return dims


def _square_spec(view: View) -> Spec:
    return Spec(view.first.dtype, _square_dims(view))


def _scalars_spec(view: View) -> Spec:
    dims = _square_dims(view)
    return Spec(view.first.dtype, None if dims is None else dims[:-2])


def _matrix(value: TensorLike, what: str) -> Tensor:
    return checked_kind(convert_to_tensor(value), "fc", what)


def _spread(x: Tensor) -> Tensor:
    return expand_dims(expand_dims(x, -1), -1)


def _inverse_gradient(op: Any, dy: Tensor) -> list[Tensor]:
    turned = adjoint(op.outputs[0])
    return [negative(matmul(turned, matmul(dy, turned)))]


INVERSE: Definition = Definition(
    "MatrixInverse", _square_spec, np.linalg.inv, gradient=_inverse_gradient, floating=True
)


@export("matrix_inverse", "linalg.inv")
def matrix_inverse(
    input: TensorLike, adjoint: builtins.bool = False, name: str | None = None
) -> Tensor:
    """The inverses of square matrices.

    Args:
        input: A tensor of rank 2 or more.
        adjoint: Whether to transpose (and conjugate) the matrices first.
        name: Name of the operation.

    Returns:
        A tensor of the same shape. A matrix without inverse is an error in the run.
    """
    tensor = _matrix(input, "MatrixInverse")
    result: Tensor = INVERSE(_turned(tensor) if adjoint else tensor, name=name)
    return result


DETERMINANT: Definition = Definition(
    "MatrixDeterminant",
    _scalars_spec,
    lambda x: np.linalg.det(x),
    floating=True,
    gradient=lambda op, dy: [
        _spread(dy * op.outputs[0]) * matrix_inverse(op.inputs[0], adjoint=True)
    ],
)


@export("matrix_determinant", "linalg.det")
def matrix_determinant(input: TensorLike, name: str | None = None) -> Tensor:
    """The determinants of square matrices.

    Args:
        input: A tensor of rank 2 or more.
        name: Name of the operation.

    Returns:
        A tensor with two axes less.
    """
    result: Tensor = DETERMINANT(_matrix(input, "MatrixDeterminant"), name=name)
    return result


def _slogdet_gradient(op: Any, _: Any, dy: Tensor | None) -> list[Tensor]:
    if dy is None:
        return [zeros_like(op.inputs[0])]
    return [_spread(dy) * matrix_inverse(op.inputs[0], adjoint=True)]


SLOGDET: Definition = Definition(
    "LogMatrixDeterminant",
    lambda view: (_scalars_spec(view), _scalars_spec(view)),
    lambda x: tuple(np.linalg.slogdet(x)),
    floating=True,
    gradient=_slogdet_gradient,
)


class LogMatrixDeterminant(NamedTuple):
    """What `linalg.slogdet` gives.

    Attributes:
        sign: The signs of the determinants.
        log_abs_determinant: The logarithms of their absolute values.
    """

    sign: Tensor
    log_abs_determinant: Tensor


@export("linalg.slogdet")
def slogdet(input: TensorLike, name: str | None = None) -> LogMatrixDeterminant:
    """Signs and logarithms of the determinants of square matrices.

    Args:
        input: A tensor of rank 2 or more.
        name: Name of the operation.

    Returns:
        The signs, and the logarithms of the absolute values.
    """
    return LogMatrixDeterminant(*SLOGDET(_matrix(input, "LogMatrixDeterminant"), name=name))


@export("linalg.logdet")
def logdet(matrix: TensorLike, name: str | None = None) -> Tensor:
    """The logarithms of the determinants of positive definite matrices.

    Args:
        matrix: A tensor of rank 2 or more.
        name: Name of the operation.

    Returns:
        A tensor with two axes less.
    """
    diagonal = matrix_diag_part(cholesky(matrix))
    return reduce_sum(log(absolute(diagonal)), [-1], name=name) * 2.0


def _cholesky_gradient(op: Any, dy: Tensor) -> list[Tensor]:
    lower = op.outputs[0]
    inverse = matrix_triangular_solve(lower, _identity_like(lower))
    halved = _halved(matrix_band_part(matmul(lower, dy, adjoint_a=True), -1, 0))
    whole = matmul(matmul(inverse, halved, adjoint_a=True), inverse)
    return [(whole + adjoint(whole)) * 0.5]


def _halved(x: Tensor) -> Tensor:
    """Matrices with half their diagonals."""
    return matrix_set_diag(x, matrix_diag_part(x) * 0.5)


def _identity_like(x: Tensor) -> Tensor:
    from runtime.graph.ops.array import ones_like

    return matrix_band_part(ones_like(x), 0, 0)


CHOLESKY: Definition = Definition(
    "Cholesky", _square_spec, np.linalg.cholesky, floating=True, gradient=_cholesky_gradient
)


@export("cholesky", "linalg.cholesky")
def cholesky(input: TensorLike, name: str | None = None) -> Tensor:
    """The Cholesky decompositions of positive definite matrices.

    Args:
        input: A tensor of rank 2 or more.
        name: Name of the operation.

    Returns:
        Lower triangular matrices. One that isn't positive definite is an error in the run.
    """
    result: Tensor = CHOLESKY(_matrix(input, "Cholesky"), name=name)
    return result


# Solving.


def _solution_spec(view: View) -> Spec:
    dims, right = _square_dims(view), view.inputs[1].dims
    if dims is not None and right is not None and not _fits(dims, right):
        raise Incompatible(
            f"a matrix of shape {described(dims)} doesn't fit a right side of shape "
            f"{described(right)}"
        )
    return Spec(view.first.dtype, right)


def _fits(dims: tuple[int | None, ...], right: tuple[int | None, ...]) -> builtins.bool:
    return len(right) == len(dims) and compatible(dims[-1:], right[-2:-1])


def _solve_gradient(op: Any, dy: Tensor) -> list[Tensor]:
    slope = matrix_solve(op.inputs[0], dy, adjoint=True)
    return [negative(matmul(slope, op.outputs[0], adjoint_b=True)), slope]


SOLVE: Definition = Definition(
    "MatrixSolve",
    _solution_spec,
    lambda a, b: np.linalg.solve(a, b),
    floating=True,
    gradient=_solve_gradient,
)


@export("matrix_solve", "linalg.solve")
def matrix_solve(
    matrix: TensorLike, rhs: TensorLike, adjoint: builtins.bool = False, name: str | None = None
) -> Tensor:
    """The solutions X of the equations A X = B.

    Args:
        matrix: The matrices A.
        rhs: The right sides B.
        adjoint: Whether to transpose the matrices first.
        name: Name of the operation.

    Returns:
        A tensor of the shape of `rhs`.
    """
    a, b = same_type(matrix, rhs, names=("matrix", "rhs"))
    checked_kind(a, "fc", "MatrixSolve")
    result: Tensor = SOLVE(_turned(a) if adjoint else a, b, name=name)
    return result


def _bind_triangular(view: View) -> Kernel:
    lower = view["lower"]
    return lambda a, b: np.linalg.solve(np.tril(a) if lower else np.triu(a), b)


def _triangular_gradient(op: Any, dy: Tensor) -> list[Tensor]:
    lower = op.attributes["lower"]
    slope: Tensor = TRIANGULAR(adjoint(op.inputs[0]), dy, lower=not lower)
    full = negative(matmul(slope, op.outputs[0], adjoint_b=True))
    bounds = (-1, 0) if lower else (0, -1)
    return [matrix_band_part(full, *bounds), slope]


TRIANGULAR: Definition = Definition(
    "MatrixTriangularSolve",
    _solution_spec,
    bind=_bind_triangular,
    floating=True,
    gradient=_triangular_gradient,
)


@export("matrix_triangular_solve", "linalg.triangular_solve")
def matrix_triangular_solve(
    matrix: TensorLike,
    rhs: TensorLike,
    lower: builtins.bool = True,
    adjoint: builtins.bool = False,
    name: str | None = None,
) -> Tensor:
    """The solutions X of the equations A X = B with triangular matrices A.

    Args:
        matrix: The matrices A; the other triangle is not looked at.
        rhs: The right sides B.
        lower: Whether it is the lower triangle.
        adjoint: Whether to transpose the matrices first.
        name: Name of the operation.

    Returns:
        A tensor of the shape of `rhs`.
    """
    a, b = same_type(matrix, rhs, names=("matrix", "rhs"))
    turned = _turned(a) if adjoint else a
    result: Tensor = TRIANGULAR(turned, b, lower=lower != adjoint, name=name)
    return result


@export("cholesky_solve", "linalg.cholesky_solve")
def cholesky_solve(chol: TensorLike, rhs: TensorLike, name: str | None = None) -> Tensor:
    """The solutions X of the equations A X = B from the Cholesky decompositions of A.

    Args:
        chol: The decompositions.
        rhs: The right sides B.
        name: Without effect.

    Returns:
        A tensor of the shape of `rhs`.
    """
    middle = matrix_triangular_solve(chol, rhs)
    return matrix_triangular_solve(chol, middle, adjoint=True)


@export("linalg.matvec")
def matvec(
    a: TensorLike,
    b: TensorLike,
    transpose_a: builtins.bool = False,
    adjoint_a: builtins.bool = False,
    a_is_sparse: builtins.bool = False,
    b_is_sparse: builtins.bool = False,
    name: str | None = None,
) -> Tensor:
    """The products of matrices and vectors.

    Args:
        a: The matrices.
        b: The vectors, along the last axis.
        transpose_a: Whether to transpose the matrices first.
        adjoint_a: The same for real numbers.
        a_is_sparse: Without effect.
        b_is_sparse: Without effect.
        name: Name of the operation.

    Returns:
        Vectors along the last axis.
    """
    column = expand_dims(b, -1)
    product = matmul(a, column, transpose_a=transpose_a, adjoint_a=adjoint_a)
    return squeeze(product, [-1], name)


@export("linalg.adjoint")
def adjoint(matrix: TensorLike, name: str | None = None) -> Tensor:
    """Matrices, transposed and conjugated.

    Args:
        matrix: A tensor of rank 2 or more.
        name: Name of the operation.

    Returns:
        The tensor.
    """
    return matrix_transpose(matrix, name or "adjoint", conjugate=True)


_turned = adjoint  # for functions with an argument of that name


# Least squares.


@export("matrix_solve_ls", "linalg.lstsq")
def matrix_solve_ls(
    matrix: TensorLike,
    rhs: TensorLike,
    l2_regularizer: float = 0.0,
    fast: builtins.bool = True,
    name: str | None = None,
) -> Tensor:
    """The X that make A X - B smallest, by the sum of squares; the smallest one if many do.

    Args:
        matrix: The matrices A.
        rhs: The right sides B.
        l2_regularizer: The weight of the sum of squares of X.
        fast: Whether to solve the normal equations; they are always what is solved here.
        name: Name of the operation.

    Returns:
        A tensor with as many rows as A has columns. A of too low a rank is an error in the run,
        unless there is a regularizer.

    Raises:
        ValueError: If the numbers of rows and columns of A are not known.
    """
    a, b = same_type(matrix, rhs, names=("matrix", "rhs"))
    if a.dims is None or None in a.dims[-2:]:
        raise ValueError(f"matrix_solve_ls needs to know the size of the matrices {a!r}.")
    rows, columns = a.dims[-2:]
    tall = rows >= columns  # type: ignore[operator]  # both are known
    with get_default_graph().name_scope(name or "matrix_solve_ls"):
        gram = matmul(a, a, adjoint_a=tall, adjoint_b=not tall)
        if l2_regularizer:
            gram = matrix_set_diag(gram, matrix_diag_part(gram) + l2_regularizer)
        if tall:
            return cholesky_solve(cholesky(gram), matmul(a, b, adjoint_a=True))
        return matmul(a, cholesky_solve(cholesky(gram), b), adjoint_a=True)


# Decompositions.


def _one_over(x: Tensor) -> Tensor:
    """One over x; next to nothing where x is zero."""
    return x / (square(x) + 1e-20)


def _differences(values: Tensor) -> Tensor:
    """One over the difference of each pair of values, zero on the diagonal."""
    gaps = expand_dims(values, -2) - expand_dims(values, -1)
    empty = zeros_like(matrix_diag_part(gaps))
    return matrix_set_diag(_one_over(matrix_set_diag(gaps, empty)), empty)


def _economic(view: View, full: builtins.bool) -> tuple[Any, Any, Any]:
    dims = view.first.dims
    if dims is None:
        return None, None, None
    rows, columns = dims[-2:]
    least = None if rows is None or columns is None else min(rows, columns)
    inner = (rows, columns) if full else (least, least)
    return (*dims[:-2], rows, inner[0]), (*dims[:-2], least), (*dims[:-2], columns, inner[1])


def _svd_spec(view: View) -> tuple[Spec, ...]:
    u, s, v = _economic(view, view["full_matrices"])
    return Spec(view.first.dtype, s), Spec(view.first.dtype, u), Spec(view.first.dtype, v)


def _bind_svd(view: View) -> Kernel:
    full = view["full_matrices"]
    if not view.needs(1) and not view.needs(2):
        return lambda x: (np.linalg.svd(x, compute_uv=False), None, None)

    def kernel(x: Any) -> Any:
        u, s, vh = np.linalg.svd(x, full)
        return s, u, np.conj(vh.mT)

    return kernel


def _svd_gradient(op: Any, ds: Tensor, du: Tensor | None, dv: Tensor | None) -> list[Tensor]:
    """Source: J. Townsend, "Differentiating the singular value decomposition" (2016)."""
    s, u, v = op.outputs
    if s.dtype.is_complex or u.dtype.is_complex:
        raise NotImplementedError("The gradient of svd is defined for real matrices only.")
    full = op.attributes["full_matrices"]
    if full and not (du is None and dv is None):
        raise NotImplementedError(
            "The gradient of svd's vectors needs full_matrices=False: the further vectors are not "
            f"determined by the matrix (operation {op.name!r})."
        )
    if full:
        count = shape(s)[-1]
        u, v = u[..., :count], v[..., :count]
    middle = matrix_diag(ds)
    gaps = _differences(square(s)) if du is not None or dv is not None else s
    whole = matmul(u, middle)
    if du is not None:
        turn = gaps * (matmul(u, du, transpose_a=True) - matmul(du, u, transpose_a=True))
        inside = matmul(u, turn * expand_dims(s, -2))
        outside = du - matmul(u, matmul(u, du, transpose_a=True))
        whole = whole + inside + outside * expand_dims(_one_over(s), -2)
    slope = matmul(whole, v, transpose_b=True)
    if dv is None:
        return [slope]
    turn = gaps * (matmul(v, dv, transpose_a=True) - matmul(dv, v, transpose_a=True))
    outside = (dv - matmul(v, matmul(v, dv, transpose_a=True))) * expand_dims(_one_over(s), -2)
    inside = matmul(turn * expand_dims(s, -1), v, transpose_b=True)
    return [slope + matmul(u, inside + matrix_transpose(outside))]


SVD: Definition = Definition(
    "Svd", _svd_spec, bind=_bind_svd, floating=True, gradient=_svd_gradient
)


@export("svd", "linalg.svd")
def svd(
    tensor: TensorLike,
    full_matrices: builtins.bool = False,
    compute_uv: builtins.bool = True,
    name: str | None = None,
) -> Any:
    """The singular value decompositions of matrices.

    The gradient of the vectors is defined for real matrices with different singular values and
    without `full_matrices`.

    Args:
        tensor: A tensor of rank 2 or more.
        full_matrices: Whether to give all vectors.
        compute_uv: Whether to give vectors at all.
        name: Name of the operation.

    Returns:
        The singular values, and the left and the right vectors in columns.
    """
    found = SVD(_matrix(tensor, "Svd"), full_matrices=full_matrices, name=name)
    return tuple(found) if compute_uv else found[0]


def _qr_spec(view: View) -> tuple[Spec, ...]:
    dims = view.first.dims
    if dims is None:
        return Spec(view.first.dtype, None), Spec(view.first.dtype, None)
    rows, columns = dims[-2:]
    least = None if rows is None or columns is None else min(rows, columns)
    inner = rows if view["full_matrices"] else least
    lead = dims[:-2]
    dtype = view.first.dtype
    return Spec(dtype, (*lead, rows, inner)), Spec(dtype, (*lead, inner, columns))


def _qr_gradient(op: Any, dq: Tensor, dr: Tensor | None) -> list[Tensor]:
    """Source: M. Seeger et al., "Auto-differentiating linear algebra" (2017)."""
    q, r = op.outputs
    if r.dims is None or None in r.dims[-2:] or r.dims[-2] != r.dims[-1]:
        raise NotImplementedError(
            f"The gradient of qr needs matrices of known size with at least as many rows as "
            f"columns, and full_matrices=False for those with more (operation {op.name!r})."
        )
    mixed = negative(matmul(dq, q, adjoint_a=True))
    if dr is not None:
        mixed = matmul(r, dr, adjoint_b=True) + mixed
    lower = _halved(matrix_band_part(mixed, -1, 0))
    inner = dq + matmul(q, lower + adjoint(lower))
    return [adjoint(matrix_triangular_solve(r, adjoint(inner), lower=False))]


class Qr(NamedTuple):
    """What `qr` gives.

    Attributes:
        q: Matrices with orthogonal columns.
        r: Upper triangular matrices.
    """

    q: Tensor
    r: Tensor


QR: Definition = Definition(
    "Qr",
    _qr_spec,
    bind=lambda view: (
        lambda x: tuple(np.linalg.qr(x, "complete" if view["full_matrices"] else "reduced"))
    ),
    floating=True,
    gradient=_qr_gradient,
)


@export("qr", "linalg.qr")
def qr(input: TensorLike, full_matrices: builtins.bool = False, name: str | None = None) -> Qr:
    """The QR decompositions of matrices.

    Args:
        input: A tensor of rank 2 or more.
        full_matrices: Whether to give all columns.
        name: Name of the operation.

    Returns:
        The matrices.
    """
    return Qr(*QR(_matrix(input, "Qr"), full_matrices=full_matrices, name=name))


def _eigh_spec(view: View) -> tuple[Spec, ...]:
    dims = _square_dims(view)
    values = None if dims is None else dims[:-1]
    return Spec(view.first.dtype.real_dtype, values), Spec(view.first.dtype, dims)


def _eigh_gradient(op: Any, dvalues: Tensor, dvectors: Tensor | None) -> list[Tensor]:
    """The gradient of the lower triangle, which is what is read of the matrix."""
    values, vectors = op.outputs
    middle = matrix_diag(cast(dvalues, vectors.dtype))
    if dvectors is not None:
        gaps = cast(_differences(values), vectors.dtype)
        middle = middle + gaps * matmul(vectors, dvectors, adjoint_a=True)
    whole = matmul(vectors, matmul(middle, vectors, adjoint_b=True))
    return [_halved(matrix_band_part(whole + adjoint(whole), -1, 0))]


EIGH: Definition = Definition(
    "SelfAdjointEigV2",
    _eigh_spec,
    lambda x: tuple(np.linalg.eigh(x)),
    floating=True,
    gradient=_eigh_gradient,
)


@export("self_adjoint_eig", "linalg.eigh")
def self_adjoint_eig(tensor: TensorLike, name: str | None = None) -> Any:
    """Eigenvalues and eigenvectors of symmetric matrices.

    Args:
        tensor: A tensor of rank 2 or more.
        name: Name of the operation.

    Returns:
        The eigenvalues, rising, and the eigenvectors in columns.
    """
    return tuple(EIGH(_matrix(tensor, "SelfAdjointEigV2"), name=name))


@export("self_adjoint_eigvals", "linalg.eigvalsh")
def self_adjoint_eigvals(tensor: TensorLike, name: str | None = None) -> Tensor:
    """Eigenvalues of symmetric matrices.

    Args:
        tensor: A tensor of rank 2 or more.
        name: Name of the operation.

    Returns:
        The eigenvalues, rising.
    """
    result: Tensor = self_adjoint_eig(tensor, name)[0]
    return result
