"""What draws at random: dropout, candidate sampling and the losses that use it."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, NamedTuple

import numpy as np

from runtime.graph import dtypes
from runtime.graph.convert import TensorLike, convert_to_tensor
from runtime.graph.definition import Definition, Kernel, Spec, View, not_differentiable
from runtime.graph.export import export
from runtime.graph.graph import get_default_graph
from runtime.graph.ops.array import (
    _as_tuple,
    _target,
    concat,
    expand_dims,
    gather,
    identity,
    ones_like,
    shape,
    shape_argument,
    stack,
    stop_gradient,
    where,
    zeros_like,
)
from runtime.graph.ops.math import cast, equal, log, matmul, multiply
from runtime.graph.ops.nn import (
    sigmoid_cross_entropy_with_logits,
    softmax_cross_entropy_with_logits_v2,
)
from runtime.graph.ops.random import Generator, _generator, get_seed
from runtime.graph.ops.reduction import reduce_any, reduce_sum
from runtime.graph.ops.rules import checked_kind, rank_of, unchanged
from runtime.graph.partitions import PartitionedVariable
from runtime.graph.tensor import Tensor

# Dropout.


def _bind_mask(view: View) -> Kernel:
    kind, dims = view["dtype"].as_numpy_dtype, view["dims"]

    def mask(generator: Generator, rate: Any, *sizes: Any) -> Any:
        size = _as_tuple(sizes[0]) if sizes else dims
        kept = generator.random(size, np.float32) >= rate
        return np.multiply(kept, kind(1 / (1 - rate)))

    return mask


DROPOUT_MASK: Definition = Definition(
    "DropoutMask",
    lambda view: Spec(view["dtype"], _target(view, 1)),
    bind=_bind_mask,
    state=_generator,
    stateful=True,
    gradient=not_differentiable,
)


@export("nn.dropout")
def dropout(
    x: TensorLike,
    keep_prob: Any = None,
    noise_shape: Any = None,
    seed: int | None = None,
    name: str | None = None,
    rate: Any = None,
) -> Tensor:
    """Sets elements to zero at random, and scales the others so that the expected sum stays.

    Args:
        x: A tensor of floating-point numbers.
        keep_prob: The probability that an element is kept (deprecated; `rate` is 1 - this).
        noise_shape: The shape of what is drawn, broadcast to `x`; None in it for the size of
            `x`.
        seed: The operation's seed.
        name: Name of the scope of the operations.
        rate: The probability that an element is dropped.

    Returns:
        A tensor of the same shape.

    Raises:
        ValueError: If not exactly one of the probabilities is given, or it is out of range, or
            `x` is not of floating-point numbers.
    """
    wanted = _rate(keep_prob, rate)
    tensor = convert_to_tensor(x)
    if not tensor.dtype.is_floating:
        raise ValueError(
            "x has to be a floating point tensor since it's going to be scaled. Got a "
            f"{tensor.dtype.name} tensor instead."
        )
    if isinstance(wanted, float) and wanted == 0.0:
        return tensor
    with get_default_graph().name_scope(name or "dropout"):
        dims, sizes = _noise_shape(tensor, noise_shape)
        mask = DROPOUT_MASK(
            convert_to_tensor(wanted, tensor.dtype),
            *sizes,
            dims=dims,
            dtype=tensor.dtype,
            seeds=get_seed(seed),
            name="random_uniform",
        )
        return multiply(tensor, mask, name="mul_1")


def _rate(keep_prob: Any, rate: Any) -> Any:
    """The probability that an element is dropped: a float or a tensor."""
    if (keep_prob is None) == (rate is None):
        raise ValueError("dropout needs either rate or (deprecated) keep_prob, and not both.")
    if keep_prob is not None:
        if _is_number(keep_prob) and not 0 < keep_prob <= 1:
            raise ValueError(f"keep_prob must be in the range (0, 1], got {keep_prob}.")
        return 1.0 - float(keep_prob) if _is_number(keep_prob) else 1.0 - keep_prob
    if _is_number(rate) and not 0 <= rate < 1:
        raise ValueError(f"rate must be in the range [0, 1), got {rate}.")
    return float(rate) if _is_number(rate) else rate


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float, np.integer, np.floating))


def _noise_shape(x: Tensor, noise_shape: Any) -> tuple[Any, list[Tensor]]:
    if noise_shape is None:
        return shape_argument(shape(x))
    if isinstance(noise_shape, (list, tuple)) and x.dims is not None:
        noise_shape = [d if n is None else n for n, d in zip(noise_shape, x.dims, strict=True)]
        if None in noise_shape:
            actual = shape(x)
            noise_shape = [actual[i] if n is None else n for i, n in enumerate(noise_shape)]
    return shape_argument(noise_shape)


# Embeddings.

_SEVERAL: Final = (list, tuple, PartitionedVariable)


@export("nn.embedding_lookup")
def embedding_lookup(
    params: Any,
    ids: TensorLike,
    partition_strategy: str = "mod",
    name: str | None = None,
    validate_indices: bool = True,
    max_norm: float | None = None,
) -> Tensor:
    """Picks rows of a table by their numbers.

    Args:
        params: The table, or a list of the parts of it.
        ids: Integers of any shape.
        partition_strategy: How ids fall on parts: ``"mod"``: in turn; ``"div"``: in blocks.
        name: Name of the operation.
        validate_indices: Without effect: ids are always checked.
        max_norm: The length that longer rows are scaled to, if not None.

    Returns:
        A tensor of the shape of `ids` with a row for each.

    Raises:
        ValueError: If there is no table, or the strategy is another.
    """
    title = name or "embedding_lookup"
    numbers = checked_kind(convert_to_tensor(ids), "iu", "embedding_lookup")
    parts = list(params) if isinstance(params, _SEVERAL) else [params]
    if not parts:
        raise ValueError("Need at least one param.")
    with get_default_graph().name_scope(title) as scope:
        if len(parts) == 1:
            found = identity(gather(parts[0], numbers, name=scope))
        else:
            tables = [convert_to_tensor(part) for part in parts]
            rows = _flat_rows(tables, numbers, partition_strategy)
            found = gather(concat(tables, 0), rows, name="Reshape_1")
        return _limited(found, numbers, max_norm)


def _bind_rows(view: View) -> Kernel:
    """Rows of the joined tables, for ids that fall on the tables in turn."""

    def rows(ids: Any, sizes: Any) -> Any:
        starts = np.cumsum(sizes, dtype=ids.dtype) - sizes.astype(ids.dtype)
        return starts[ids % len(sizes)] + ids // len(sizes)

    return rows


ROWS_IN_TURN: Definition = Definition(
    "RowsInTurn", unchanged, bind=_bind_rows, gradient=not_differentiable
)


def _flat_rows(tables: Sequence[Tensor], ids: Tensor, strategy: str) -> Tensor:
    """The rows of the joined tables that ids mean."""
    if strategy not in ("mod", "div"):
        raise ValueError(f"partition_strategy must be 'mod' or 'div', not {strategy!r}.")
    if strategy == "div":
        return ids  # Blocks one after another: the joined table is in the order of the ids.
    rows: Tensor = ROWS_IN_TURN(ids, stack([shape(table)[0] for table in tables]))
    return rows


def _limited(rows: Tensor, ids: Tensor, max_norm: float | None) -> Tensor:
    if max_norm is None:
        return rows
    from runtime.graph.ops.math import maximum, rsqrt, square

    rank = rank_of(rows, "embedding_lookup with max_norm")
    axes = list(range(rank_of(ids, "embedding_lookup with max_norm"), rank))
    squares = reduce_sum(square(rows), axes, keepdims=True)
    return rows * (max_norm * rsqrt(maximum(squares, max_norm**2)))


# Candidate sampling.


class Candidates(NamedTuple):
    """What a sampler draws.

    Attributes:
        sampled_candidates: Numbers of classes.
        true_expected_count: How often each true class is expected among them.
        sampled_expected_count: How often each of them is expected.
    """

    sampled_candidates: Any
    true_expected_count: Any
    sampled_expected_count: Any


# What draws so many classes, and what gives the probability of classes.
Draw = Callable[[Any, int], Any]
Distribution = tuple[Draw, Callable[[Any], Any]]


def _uniform(attributes: Mapping[str, Any]) -> Distribution:
    limit = attributes["range_max"]
    return (
        lambda generator, count: generator.integers(0, limit, count),
        lambda classes: np.full(classes.shape, 1 / limit),
    )


def _log_uniform(attributes: Mapping[str, Any]) -> Distribution:
    limit = attributes["range_max"]
    scale = math.log(limit + 1)

    def draw(generator: Any, count: int) -> Any:
        drawn = np.exp(generator.random(count) * scale).astype(np.int64) - 1
        return np.clip(drawn, 0, limit - 1)

    return draw, lambda classes: np.log((classes + 2.0) / (classes + 1.0)) / scale


def _unigram(attributes: Mapping[str, Any]) -> Distribution:
    weights = np.array(attributes["weights"])
    limits = np.cumsum(weights)

    def draw(generator: Any, count: int) -> Any:
        drawn = np.searchsorted(limits, generator.random(count), "right")
        return np.minimum(drawn, len(weights) - 1).astype(np.int64)

    return draw, lambda classes: weights[classes]


def _unique(generator: Any, draw: Draw, count: int) -> tuple[Any, int]:
    """Different classes in the order of being drawn, and how many draws that took."""
    drawn = draw(generator, 2 * count)
    while True:
        _, first = np.unique(drawn, return_index=True)
        if len(first) >= count:
            order = np.sort(first)[:count]
            return drawn[order], int(order[-1]) + 1 if count else 0
        drawn = np.concatenate([drawn, draw(generator, len(drawn))])


def _bind_sampler(view: View, distribution: Distribution) -> Kernel:
    (draw, probability), count = distribution, view["num_sampled"]

    def expected(classes: Any, tries: int) -> Any:
        p = probability(classes)
        many = -np.expm1(tries * np.log1p(-p)) if view["unique"] else p * tries
        return many.astype(np.float32)

    def sample(generator: Any, true_classes: Any) -> Any:
        if view["unique"]:
            sampled, tries = _unique(generator, draw, count)
        else:
            sampled, tries = draw(generator, count), count
        return sampled, expected(true_classes, tries), expected(sampled, tries)

    return sample


def _sampler_spec(view: View) -> tuple[Spec, ...]:
    count = (view["num_sampled"],)
    return (
        Spec(dtypes.int64, count),
        Spec(dtypes.float32, view.first.dims),
        Spec(dtypes.float32, count),
    )


def _sampler(kind: str, distribution: Callable[[Mapping[str, Any]], Distribution]) -> Definition:
    return Definition(
        kind,
        _sampler_spec,
        bind=lambda view: _bind_sampler(view, distribution(view.op.attributes)),
        state=_generator,
        stateful=True,
        floating=True,
        gradient=not_differentiable,
    )


UNIFORM_SAMPLER = _sampler("UniformCandidateSampler", _uniform)
LOG_UNIFORM_SAMPLER = _sampler("LogUniformCandidateSampler", _log_uniform)
FIXED_UNIGRAM_SAMPLER = _sampler("FixedUnigramCandidateSampler", _unigram)


def _sampled(
    definition: Definition,
    true_classes: TensorLike,
    num_sampled: int,
    unique: bool,
    seed: int | None,
    name: str | None,
    available: int,
    **attributes: Any,
) -> Candidates:
    if unique and num_sampled > available:
        raise ValueError(
            f"{definition.type} can't draw {num_sampled} different classes of {available}: "
            "num_sampled must be at most range_max if unique is True."
        )
    classes = checked_kind(convert_to_tensor(true_classes), "iu", definition.type)
    return Candidates(
        *definition(
            cast(classes, dtypes.int64),
            num_sampled=int(num_sampled),
            unique=unique,
            seeds=get_seed(seed),
            name=name,
            **attributes,
        )
    )


@export("nn.uniform_candidate_sampler", "random.uniform_candidate_sampler")
def uniform_candidate_sampler(
    true_classes: TensorLike,
    num_true: int,
    num_sampled: int,
    unique: bool,
    range_max: int,
    seed: int | None = None,
    name: str | None = None,
) -> Candidates:
    """Draws classes that are all equally likely.

    Args:
        true_classes: The right classes: ``[batch, num_true]``.
        num_true: How many right classes an example has.
        num_sampled: How many classes to draw.
        unique: Whether they must differ.
        range_max: The number of classes.
        seed: The operation's seed.
        name: Name of the operation.

    Returns:
        The classes and how often they were to be expected.
    """
    return _sampled(
        UNIFORM_SAMPLER, true_classes, num_sampled, unique, seed, name, range_max,
        range_max=range_max,
    )  # fmt: skip


@export("nn.log_uniform_candidate_sampler", "random.log_uniform_candidate_sampler")
def log_uniform_candidate_sampler(
    true_classes: TensorLike,
    num_true: int,
    num_sampled: int,
    unique: bool,
    range_max: int,
    seed: int | None = None,
    name: str | None = None,
) -> Candidates:
    """Draws classes, low numbers more often: p = (log(n + 2) - log(n + 1)) / log(range + 1).

    Args:
        true_classes: The right classes: ``[batch, num_true]``.
        num_true: How many right classes an example has.
        num_sampled: How many classes to draw.
        unique: Whether they must differ.
        range_max: The number of classes.
        seed: The operation's seed.
        name: Name of the operation.

    Returns:
        The classes and how often they were to be expected.
    """
    return _sampled(
        LOG_UNIFORM_SAMPLER, true_classes, num_sampled, unique, seed, name, range_max,
        range_max=range_max,
    )  # fmt: skip


@export("nn.fixed_unigram_candidate_sampler", "random.fixed_unigram_candidate_sampler")
def fixed_unigram_candidate_sampler(
    true_classes: TensorLike,
    num_true: int,
    num_sampled: int,
    unique: bool,
    range_max: int,
    vocab_file: str = "",
    distortion: float = 1.0,
    num_reserved_ids: int = 0,
    num_shards: int = 1,
    shard: int = 0,
    unigrams: Sequence[float] = (),
    seed: int | None = None,
    name: str | None = None,
) -> Candidates:
    """Draws classes by given frequencies.

    Args:
        true_classes: The right classes: ``[batch, num_true]``.
        num_true: How many right classes an example has.
        num_sampled: How many classes to draw.
        unique: Whether they must differ.
        range_max: The number of classes.
        vocab_file: A file with lines whose last column, after a comma, is a frequency.
        distortion: The power that frequencies are taken to.
        num_reserved_ids: How many classes come before the first frequency, never drawn.
        num_shards: Must be 1.
        shard: Must be 0.
        unigrams: The frequencies, if there is no file.
        seed: The operation's seed.
        name: Name of the operation.

    Returns:
        The classes and how often they were to be expected.

    Raises:
        ValueError: If there are not as many frequencies as classes, or there are shards.
    """
    if (num_shards, shard) != (1, 0):
        raise ValueError("fixed_unigram_candidate_sampler does not support shards.")
    weights = _frequencies(vocab_file, unigrams) ** distortion
    weights = np.concatenate([np.zeros(num_reserved_ids), weights])
    if len(weights) != range_max:
        raise ValueError(
            f"fixed_unigram_candidate_sampler: range_max is {range_max}, but there are "
            f"{len(weights)} frequencies (reserved ids included)."
        )
    shares = tuple((weights / weights.sum()).tolist())
    return _sampled(
        FIXED_UNIGRAM_SAMPLER, true_classes, num_sampled, unique, seed, name,
        int(np.count_nonzero(weights)), weights=shares,
    )  # fmt: skip


@export("nn.all_candidate_sampler", "random.all_candidate_sampler")
def all_candidate_sampler(
    true_classes: TensorLike,
    num_true: int,
    num_sampled: int,
    unique: bool,
    seed: int | None = None,
    name: str | None = None,
) -> Candidates:
    """Gives all classes, so that a loss is the one without sampling.

    Args:
        true_classes: The right classes: ``[batch, num_true]``.
        num_true: How many right classes an example has.
        num_sampled: The number of classes.
        unique: Must be True.
        seed: Without effect.
        name: Name of the scope of the operations.

    Returns:
        The classes and how often they were to be expected: once.
    """
    classes = checked_kind(convert_to_tensor(true_classes), "iu", "AllCandidateSampler")
    with get_default_graph().name_scope(name or "AllCandidateSampler"):
        every = convert_to_tensor(np.arange(num_sampled))
        true_count = ones_like(cast(classes, dtypes.float32))
        return Candidates(every, true_count, ones_like(cast(every, dtypes.float32)))


@export("nn.compute_accidental_hits")
def compute_accidental_hits(
    true_classes: TensorLike,
    sampled_candidates: TensorLike,
    num_true: int,
    seed: int | None = None,
    name: str | None = None,
) -> tuple[Tensor, Tensor, Tensor]:
    """Where classes that were drawn are right ones.

    Args:
        true_classes: The right classes: ``[batch, num_true]``.
        sampled_candidates: The classes that were drawn.
        num_true: How many right classes an example has.
        seed: Without effect.
        name: Name of the scope of the operations.

    Returns:
        The examples, the places among the drawn classes, and for each of these pairs the lowest
        number of float32, to be added to a logit.
    """
    with get_default_graph().name_scope(name or "ComputeAccidentalHits"):
        right, drawn = convert_to_tensor(true_classes), convert_to_tensor(sampled_candidates)
        hits = where(reduce_any(equal(expand_dims(right, 2), cast(drawn, right.dtype)), 1))
        examples, places = cast(hits[:, 0], dtypes.int32), hits[:, 1]
        lowest = cast(places, dtypes.float32) * 0 + dtypes.float32.min
        return examples, places, lowest


def _frequencies(vocab_file: str, unigrams: Sequence[float]) -> Any:
    if not vocab_file:
        return np.asarray(unigrams, np.float64)
    with open(vocab_file, encoding="utf-8") as lines:
        return np.array([float(line.rpartition(",")[2]) for line in lines if line.strip()])


def _logits(
    weights: Any,
    biases: Any,
    labels: TensorLike,
    inputs: TensorLike,
    num_sampled: int,
    num_classes: int,
    num_true: int,
    sampled_values: Any,
    subtract_log_q: bool,
    remove_accidental_hits: bool,
    partition_strategy: str,
    seed: int | None,
) -> tuple[Tensor, Tensor]:
    """Logits of the true and of the drawn classes, and labels for them."""
    x = convert_to_tensor(inputs)
    classes = cast(convert_to_tensor(labels), dtypes.int64)
    values = sampled_values or log_uniform_candidate_sampler(
        classes, num_true, num_sampled, True, num_classes, seed
    )
    sampled, true_count, sampled_count = (stop_gradient(value) for value in values)
    sampled = cast(sampled, dtypes.int64)
    true_rows, drawn_rows = _rows(weights, classes, sampled, partition_strategy)
    true_shifts, drawn_shifts = _rows(biases, classes, sampled, partition_strategy)
    true = reduce_sum(expand_dims(x, 1) * true_rows, 2) + true_shifts
    drawn = matmul(x, drawn_rows, transpose_b=True) + drawn_shifts
    if remove_accidental_hits:
        hits = reduce_any(equal(expand_dims(classes, 2), sampled), 1)
        drawn = where(hits, zeros_like(drawn) + x.dtype.min, drawn)
    if subtract_log_q:
        true, drawn = true - log(true_count), drawn - log(sampled_count)
    wanted = concat([ones_like(true) / num_true, zeros_like(drawn)], 1)
    return concat([true, drawn], 1), stop_gradient(wanted)


def _rows(table: Any, true: Tensor, drawn: Tensor, strategy: str) -> tuple[Tensor, Tensor]:
    return embedding_lookup(table, true, strategy), embedding_lookup(table, drawn, strategy)


@export("nn.nce_loss")
def nce_loss(
    weights: Any,
    biases: Any,
    labels: TensorLike,
    inputs: TensorLike,
    num_sampled: int,
    num_classes: int,
    num_true: int = 1,
    sampled_values: Any = None,
    remove_accidental_hits: bool = False,
    partition_strategy: str = "mod",
    name: str = "nce_loss",
) -> Tensor:
    """The loss of noise-contrastive estimation.

    Args:
        weights: ``[classes, size]``, or a list of parts.
        biases: ``[classes]``, or a list of parts.
        labels: The right classes: ``[batch, num_true]``.
        inputs: ``[batch, size]``.
        num_sampled: How many classes to draw.
        num_classes: The number of classes.
        num_true: How many right classes an example has.
        sampled_values: What a sampler gave; drawn log-uniformly if None.
        remove_accidental_hits: Whether right classes that are drawn don't count.
        partition_strategy: How classes fall on parts.
        name: Name of the scope of the operations.

    Returns:
        The loss of each example.
    """
    with get_default_graph().name_scope(name):
        logits, wanted = _logits(
            weights, biases, labels, inputs, num_sampled, num_classes, num_true,
            sampled_values, True, remove_accidental_hits, partition_strategy, None,
        )  # fmt: skip
        losses = sigmoid_cross_entropy_with_logits(labels=wanted, logits=logits)
        return reduce_sum(losses, 1)


@export("nn.sampled_softmax_loss")
def sampled_softmax_loss(
    weights: Any,
    biases: Any,
    labels: TensorLike,
    inputs: TensorLike,
    num_sampled: int,
    num_classes: int,
    num_true: int = 1,
    sampled_values: Any = None,
    remove_accidental_hits: bool = True,
    partition_strategy: str = "mod",
    name: str = "sampled_softmax_loss",
    seed: int | None = None,
) -> Tensor:
    """The cross entropy of a softmax over the right and some drawn classes.

    Args:
        weights: ``[classes, size]``, or a list of parts.
        biases: ``[classes]``, or a list of parts.
        labels: The right classes: ``[batch, num_true]``.
        inputs: ``[batch, size]``.
        num_sampled: How many classes to draw.
        num_classes: The number of classes.
        num_true: How many right classes an example has.
        sampled_values: What a sampler gave; drawn log-uniformly if None.
        remove_accidental_hits: Whether right classes that are drawn don't count.
        partition_strategy: How classes fall on parts.
        name: Name of the scope of the operations.
        seed: The seed of the sampler.

    Returns:
        The loss of each example.
    """
    with get_default_graph().name_scope(name):
        logits, wanted = _logits(
            weights, biases, labels, inputs, num_sampled, num_classes, num_true,
            sampled_values, True, remove_accidental_hits, partition_strategy, seed,
        )  # fmt: skip
        return softmax_cross_entropy_with_logits_v2(wanted, logits)
