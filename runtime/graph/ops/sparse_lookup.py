"""Embeddings of lists of ids of different lengths, which a sparse matrix holds."""

from typing import Any

from runtime.graph import dtypes
from runtime.graph.convert import convert_to_tensor
from runtime.graph.export import export
from runtime.graph.graph import get_default_graph
from runtime.graph.ops.array import boolean_mask, concat, ones_like, reshape, shape, where
from runtime.graph.ops.math import cast, div_no_nan, multiply, sqrt, square
from runtime.graph.ops.reduction import reduce_max, reduce_prod
from runtime.graph.ops.rules import rank_of
from runtime.graph.ops.sampling import embedding_lookup
from runtime.graph.ops.segments import _UNSORTED
from runtime.graph.tensor import Tensor

_COMBINERS = ("sum", "mean", "sqrtn")


def _checked(combiner: str | None) -> str:
    if combiner not in (None, *_COMBINERS):
        raise ValueError(f"combiner must be one of {', '.join(_COMBINERS)}, not {combiner!r}.")
    return combiner or "mean"


def _check_sparse(value: Any, name: str) -> None:
    if not all(hasattr(value, part) for part in ("indices", "values", "dense_shape")):
        raise TypeError(f"{name} must be a SparseTensor, not {value!r}.")


def _summed(values: Tensor, rows: Tensor, count: Any) -> Tensor:
    made: Tensor = _UNSORTED["sum"](values, rows, count)
    return made


def _combined(
    vectors: Tensor, weights: Tensor | None, rows: Tensor, count: Any, combiner: str
) -> Tensor:
    """The vectors of each row, added up, and divided by what the combiner says."""
    rank = rank_of(vectors, "The lookup of embeddings by sparse ids")
    factors = ones_like(rows) if weights is None else weights
    factors = reshape(cast(factors, vectors.dtype), [-1, *[1] * (rank - 1)])
    total = _summed(vectors if weights is None else multiply(vectors, factors), rows, count)
    if combiner == "sum":
        return total
    if combiner == "mean":
        return div_no_nan(total, _summed(factors, rows, count))
    return div_no_nan(total, sqrt(_summed(square(factors), rows, count)))


@export("nn.embedding_lookup_sparse")
def embedding_lookup_sparse(
    params: Any,
    sp_ids: Any,
    sp_weights: Any,
    partition_strategy: str = "mod",
    name: str | None = None,
    combiner: str | None = None,
    max_norm: float | None = None,
    allow_fast_lookup: bool = False,
) -> Tensor:
    """The embeddings of each row's ids, combined.

    Args:
        params: The table ``[ids, …]``, or a list of parts of it.
        sp_ids: A sparse matrix of ids: a row for each example.
        sp_weights: A sparse matrix of weights at the same places; None for 1.
        partition_strategy: How ids fall on parts: ``"mod"`` or ``"div"``.
        name: Name of the scope of the operations.
        combiner: ``"sum"``, ``"mean"`` (of the weights, too), or ``"sqrtn"``: the sum divided by
            the root of the sum of the squares of the weights.
        max_norm: The largest norm of an embedding; larger ones are scaled down.
        allow_fast_lookup: Without effect.

    Returns:
        A row for each up to the last one with an id; zeros where there is none.

    Raises:
        TypeError: If ids or weights are not sparse.
        ValueError: If there is no such combiner.
    """
    kind = _checked(combiner)
    _check_sparse(sp_ids, "sp_ids")
    if sp_weights is not None:
        _check_sparse(sp_weights, "sp_weights")
    with get_default_graph().name_scope(name or "embedding_lookup_sparse"):
        rows = sp_ids.indices[:, 0]
        count = reduce_max(concat([rows, convert_to_tensor([-1], rows.dtype)], 0)) + 1
        vectors = embedding_lookup(params, sp_ids.values, partition_strategy, max_norm=max_norm)
        weights = None if sp_weights is None else sp_weights.values
        return _combined(vectors, weights, rows, count, kind)


@export("nn.safe_embedding_lookup_sparse")
def safe_embedding_lookup_sparse(
    embedding_weights: Any,
    sparse_ids: Any,
    sparse_weights: Any = None,
    combiner: str | None = "mean",
    default_id: int | None = None,
    name: str | None = None,
    partition_strategy: str = "div",
    max_norm: float | None = None,
    allow_fast_lookup: bool = False,
) -> Tensor:
    """The embeddings of each row's ids, combined; negative ids and empty rows are allowed.

    Args:
        embedding_weights: The table ``[ids, …]``, or a list of parts of it.
        sparse_ids: Sparse ids: the last axis is combined. Negative ones don't count.
        sparse_weights: Sparse weights at the same places; None for 1. What has no positive weight
            doesn't count, unless sums are asked for.
        combiner: ``"sum"``, ``"mean"`` or ``"sqrtn"``.
        default_id: The id that empty rows get; zeros if None.
        name: Name of the scope of the operations.
        partition_strategy: How ids fall on parts: ``"div"`` or ``"mod"``.
        max_norm: The largest norm of an embedding; larger ones are scaled down.
        allow_fast_lookup: Without effect.

    Returns:
        A vector for each row.

    Raises:
        TypeError: If ids or weights are not sparse.
        ValueError: If there is no such combiner.
    """
    kind = _checked(combiner)
    _check_sparse(sparse_ids, "sparse_ids")
    with get_default_graph().name_scope(name or "embedding_lookup"):
        sizes = cast(sparse_ids.dense_shape, dtypes.int64)[:-1]
        count = reduce_prod(sizes)
        there, weights = sparse_ids.values >= 0, None
        if sparse_weights is not None:
            _check_sparse(sparse_weights, "sparse_weights")
            there = there & (sparse_weights.values > 0) if kind != "sum" else there
            weights = boolean_mask(sparse_weights.values, there)
        rows = boolean_mask(_flat_rows(sparse_ids.indices, sizes), there)
        ids = boolean_mask(sparse_ids.values, there)
        vectors = embedding_lookup(embedding_weights, ids, partition_strategy, max_norm=max_norm)
        result = _combined(vectors, weights, rows, count, kind)
        if default_id is not None:
            found = _summed(ones_like(rows), rows, count)
            other = embedding_lookup(
                embedding_weights, [default_id], partition_strategy, max_norm=max_norm
            )
            result = where(found > 0, result, result * 0 + other)
        return _unflattened(result, sizes, sparse_ids)


def _flat_rows(indices: Tensor, sizes: Tensor) -> Tensor:
    """The numbers of the rows if all axes but the last were one."""
    rank = indices.dims[1] if indices.dims else None
    if rank == 2:
        return indices[:, 0]
    if rank is None:
        raise ValueError("safe_embedding_lookup_sparse needs to know the rank of sparse_ids.")
    rows = indices[:, 0]
    for axis in range(1, rank - 1):
        rows = rows * sizes[axis] + indices[:, axis]
    return rows


def _unflattened(result: Tensor, sizes: Tensor, ids: Any) -> Tensor:
    width = result.dims[-1] if result.dims else None
    if sizes.dims == (1,):
        return result
    made = reshape(result, concat([cast(sizes, dtypes.int32), shape(result)[1:]], 0))
    made.set_shape([*[None] * (ids.indices.dims[1] - 1), width])
    return made
