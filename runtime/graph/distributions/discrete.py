"""Distributions of classes and counts.

Source: the ``tf.compat.v1.distributions`` documentation.
"""

from collections.abc import Sequence
from typing import Any

from runtime.graph import dtypes
from runtime.graph.convert import TensorLike, convert_to_tensor
from runtime.graph.distributions.base import (
    NOT_REPARAMETERIZED,
    Distribution,
    RegisterKL,
    positive,
    public,
)
from runtime.graph.export import export
from runtime.graph.graph import get_default_graph
from runtime.graph.ops.activation import softplus
from runtime.graph.ops.array import (
    concat,
    expand_dims,
    identity,
    one_hot,
    ones_like,
    reshape,
    shape,
    stack,
    transpose,
)
from runtime.graph.ops.layout import sequence_mask
from runtime.graph.ops.math import cast, exp, floor, greater, log, log1p, sigmoid
from runtime.graph.ops.nn import (
    log_softmax,
    sigmoid_cross_entropy_with_logits,
    softmax,
    sparse_softmax_cross_entropy_with_logits,
)
from runtime.graph.ops.products import matrix_diag
from runtime.graph.ops.random import multinomial, random_poisson, random_uniform
from runtime.graph.ops.reduction import argmax, reduce_max, reduce_sum
from runtime.graph.ops.special import lgamma
from runtime.graph.shapes import TensorShape
from runtime.graph.tensor import Tensor


def _logits_and_probs(
    logits: TensorLike, probs: TensorLike, name: str, many: bool
) -> tuple[Tensor, Tensor]:
    """Both, from the one that is given; `many` classes are along the last axis."""
    if (logits is None) == (probs is None):
        raise ValueError(f"{name}: must pass probs or logits, but not both.")
    if logits is not None:
        given = convert_to_tensor(logits, name="logits")
        return given, softmax(given) if many else sigmoid(given)
    given = convert_to_tensor(probs, name="probs")
    return (log(given) if many else log(given) - log1p(-given)), given


class _OfClasses(Distribution):
    """A distribution with logits and probabilities."""

    def __init__(self, arguments: dict[str, Any], dtype: Any, many: bool) -> None:
        name = arguments["name"] or type(self).__name__
        with get_default_graph().name_scope(name) as scope:
            both = _logits_and_probs(arguments["logits"], arguments["probs"], name, many)
            self._logits, self._probs = both
        super().__init__(
            dtype or self._probs.dtype,
            NOT_REPARAMETERIZED,
            arguments["validate_args"],
            arguments["allow_nan_stats"],
            arguments,
            name=scope,
        )

    @property
    def logits(self) -> Tensor:
        """The logarithms of probabilities, or of odds of single events."""
        return self._logits

    @property
    def probs(self) -> Tensor:
        """The probabilities."""
        return self._probs


@public("Bernoulli")
class Bernoulli(_OfClasses):
    """The distribution of 0 and 1.

    Args:
        logits: The log-odds of 1.
        probs: The probability of 1, instead.
        dtype: The type of samples.
        validate_args: Without effect.
        allow_nan_stats: Without effect: all statistics are defined.
        name: The name.
    """

    def __init__(
        self,
        logits: TensorLike = None,
        probs: TensorLike = None,
        dtype: Any = dtypes.int32,
        validate_args: bool = False,
        allow_nan_stats: bool = True,
        name: str = "Bernoulli",
    ) -> None:
        super().__init__(locals(), dtype, many=False)

    def _batch_parameters(self) -> Sequence[Tensor]:
        return [self._logits]

    def _sample_n(self, n: Tensor, seed: int | None = None) -> Tensor:
        sizes = concat([stack([n]), self.batch_shape_tensor()], 0)
        return cast(
            random_uniform(sizes, dtype=self.probs.dtype, seed=seed) < self.probs, self.dtype
        )

    def _log_prob(self, value: Tensor) -> Tensor:
        event = cast(value, self.logits.dtype)
        wide = event * ones_like(self.logits)
        logits = self.logits * ones_like(event)
        return -sigmoid_cross_entropy_with_logits(labels=wide, logits=logits)

    def _entropy(self) -> Tensor:
        return -self.logits * (sigmoid(self.logits) - 1) + softplus(-self.logits)

    def _mean(self) -> Tensor:
        return identity(self.probs)

    def _variance(self) -> Tensor:
        return self.probs * (1 - self.probs)

    def _mode(self) -> Tensor:
        return cast(greater(self.probs, 0.5), self.dtype)


@RegisterKL(Bernoulli, Bernoulli)
def _bernoulli_bernoulli(a: Bernoulli, b: Bernoulli, name: str | None = None) -> Tensor:
    zero = softplus(b.logits) - softplus(a.logits)
    one = softplus(-b.logits) - softplus(-a.logits)
    return a.probs * one + (1 - a.probs) * zero


class _OfManyClasses(_OfClasses):
    """A distribution over classes along the last axis of its logits."""

    def __init__(self, arguments: dict[str, Any], dtype: Any) -> None:
        super().__init__(arguments, dtype, many=True)

    @property
    def event_size(self) -> Tensor:
        """The number of classes."""
        return shape(self._logits)[-1]

    def _batch_shape(self) -> TensorShape:
        return TensorShape(self._logits.shape[:-1])

    def _batch_shape_tensor(self) -> Tensor:
        return shape(self._logits)[:-1]

    def _classes(self, n: Tensor, seed: int | None, dtype: Any) -> Tensor:
        """``[n, *batch]``: the numbers of classes."""
        rows = reshape(self._logits, [-1, self.event_size])
        drawn = transpose(multinomial(rows, n, seed, output_dtype=dtype))
        return reshape(drawn, concat([stack([n]), self.batch_shape_tensor()], 0))


@public("Categorical")
class Categorical(_OfManyClasses):
    """The distribution of classes.

    Args:
        logits: ``[…, classes]``: the log-probabilities of the classes, up to a constant.
        probs: ``[…, classes]``: the probabilities, instead.
        dtype: The type of samples.
        validate_args: Without effect.
        allow_nan_stats: Without effect: all statistics are defined.
        name: The name.
    """

    def __init__(
        self,
        logits: TensorLike = None,
        probs: TensorLike = None,
        dtype: Any = dtypes.int32,
        validate_args: bool = False,
        allow_nan_stats: bool = True,
        name: str = "Categorical",
    ) -> None:
        super().__init__(locals(), dtype)

    def _sample_n(self, n: Tensor, seed: int | None = None) -> Tensor:
        wide = self.dtype is dtypes.int64
        return cast(self._classes(n, seed, dtypes.int64 if wide else dtypes.int32), self.dtype)

    def _numbers(self, value: Tensor) -> tuple[Tensor, Tensor]:
        """Classes and logits of one shape."""
        if not (value.dtype.is_integer or value.dtype.is_floating):
            raise TypeError(f"value should have integer dtype, not {value.dtype.name}.")
        classes = value if value.dtype.is_integer else cast(value, dtypes.int32)
        logits = self._logits * ones_like(expand_dims(cast(classes, self._logits.dtype), -1))
        return classes * ones_like(cast(logits[..., 0], classes.dtype)), logits

    def _log_prob(self, value: Tensor) -> Tensor:
        classes, logits = self._numbers(value)
        return -sparse_softmax_cross_entropy_with_logits(labels=classes, logits=logits)

    def _cdf(self, value: Tensor) -> Tensor:
        """The probability of all classes below, as TensorFlow has it."""
        classes, logits = self._numbers(value)
        below = sequence_mask(classes, self.event_size, dtype=logits.dtype)
        return reduce_sum(softmax(logits) * below, -1)

    def _entropy(self) -> Tensor:
        return -reduce_sum(log_softmax(self._logits) * self._probs, -1)

    def _mode(self) -> Tensor:
        return cast(argmax(self._logits, -1), self.dtype)


@RegisterKL(Categorical, Categorical)
def _categorical_categorical(a: Categorical, b: Categorical, name: str | None = None) -> Tensor:
    return _divergence(a, b)


def _divergence(a: _OfManyClasses, b: _OfManyClasses) -> Tensor:
    return reduce_sum(softmax(a.logits) * (log_softmax(a.logits) - log_softmax(b.logits)), -1)


class _OfVectors(_OfManyClasses):
    """A distribution whose events are vectors with an element for each class."""

    def _event_shape(self) -> TensorShape:
        return TensorShape(self._logits.shape[-1:])

    def _event_shape_tensor(self) -> Tensor:
        return shape(self._logits)[-1:]


@export("contrib.distributions.OneHotCategorical")
class OneHotCategorical(_OfVectors):
    """The distribution of classes as vectors with a one at the class's place.

    Args:
        logits: ``[…, classes]``: the log-probabilities of the classes, up to a constant.
        probs: ``[…, classes]``: the probabilities, instead.
        dtype: The type of samples.
        validate_args: Without effect.
        allow_nan_stats: Without effect: all statistics are defined.
        name: The name.
    """

    def __init__(
        self,
        logits: TensorLike = None,
        probs: TensorLike = None,
        dtype: Any = dtypes.int32,
        validate_args: bool = False,
        allow_nan_stats: bool = True,
        name: str = "OneHotCategorical",
    ) -> None:
        super().__init__(locals(), dtype)

    def _sample_n(self, n: Tensor, seed: int | None = None) -> Tensor:
        return one_hot(self._classes(n, seed, dtypes.int32), self.event_size, dtype=self.dtype)

    def _log_prob(self, value: Tensor) -> Tensor:
        return reduce_sum(cast(value, self._logits.dtype) * log_softmax(self._logits), -1)

    def _entropy(self) -> Tensor:
        return -reduce_sum(log_softmax(self._logits) * self._probs, -1)

    def _mode(self) -> Tensor:
        return one_hot(argmax(self._logits, -1), self.event_size, dtype=self.dtype)

    def _mean(self) -> Tensor:
        return identity(self._probs)

    def _variance(self) -> Tensor:
        return self._probs * (1 - self._probs)


@RegisterKL(OneHotCategorical, OneHotCategorical)
def _one_hot_one_hot(a: OneHotCategorical, b: OneHotCategorical, name: str | None = None) -> Tensor:
    return _divergence(a, b)


@public("Multinomial")
class Multinomial(_OfVectors):
    """The distribution of how often each class is drawn.

    Args:
        total_count: How many are drawn.
        logits: ``[…, classes]``: the log-probabilities of the classes, up to a constant.
        probs: ``[…, classes]``: the probabilities, instead.
        validate_args: Without effect.
        allow_nan_stats: Without effect: all statistics are defined.
        name: The name.
    """

    def __init__(
        self,
        total_count: TensorLike,
        logits: TensorLike = None,
        probs: TensorLike = None,
        validate_args: bool = False,
        allow_nan_stats: bool = True,
        name: str = "Multinomial",
    ) -> None:
        super().__init__(locals(), None)
        self._count = convert_to_tensor(total_count, self._probs.dtype)

    @property
    def total_count(self) -> Tensor:
        """How many are drawn."""
        return self._count

    def _sample_n(self, n: Tensor, seed: int | None = None) -> Tensor:
        counts = cast(self._spread(self._count), dtypes.int32)
        most = reduce_max(counts)
        batch = self.batch_shape_tensor()
        drawn = reshape(
            self._classes(n * most, seed, dtypes.int32), concat([stack([most, n]), batch], 0)
        )
        hot = one_hot(drawn, self.event_size, dtype=self.dtype)
        rows = sequence_mask(reshape(counts, [-1]), most, dtype=self.dtype)
        kept = reshape(transpose(rows), concat([stack([most, 1]), batch, [1]], 0))
        return reduce_sum(hot * kept, 0)

    def _log_prob(self, value: Tensor) -> Tensor:
        counts = cast(value, self.dtype)
        orders = lgamma(self._count + 1) - reduce_sum(lgamma(counts + 1), -1)
        return orders + reduce_sum(counts * log_softmax(self._logits), -1)

    def _mean(self) -> Tensor:
        return expand_dims(self._count, -1) * self._probs

    def _covariance(self) -> Tensor:
        scaled = self._probs * expand_dims(self._spread(self._count), -1)
        crossed = expand_dims(scaled, -1) * expand_dims(self._probs, -2)
        return matrix_diag(scaled) - crossed

    def _variance(self) -> Tensor:
        return self._mean() * (1 - self._probs)


@export("contrib.distributions.Poisson")
class Poisson(Distribution):
    """The Poisson distribution.

    Args:
        rate: The mean.
        log_rate: Its logarithm, instead.
        validate_args: Whether runs check that the mean is positive.
        allow_nan_stats: Without effect: all statistics are defined.
        name: The name.
    """

    def __init__(
        self,
        rate: TensorLike = None,
        log_rate: TensorLike = None,
        validate_args: bool = False,
        allow_nan_stats: bool = True,
        name: str = "Poisson",
    ) -> None:
        arguments = locals()
        if (rate is None) == (log_rate is None):
            raise ValueError("Must specify exactly one of `rate` and `log_rate`.")
        with get_default_graph().name_scope(name) as scope:
            given = exp(convert_to_tensor(log_rate)) if rate is None else convert_to_tensor(rate)
            self._rate = positive(given, validate_args)
        super().__init__(
            self._rate.dtype, NOT_REPARAMETERIZED, validate_args, allow_nan_stats, arguments,
            name=scope,
        )  # fmt: skip

    @property
    def rate(self) -> Tensor:
        """The mean."""
        return self._rate

    def _batch_parameters(self) -> Sequence[Tensor]:
        return [self._rate]

    def _sample_n(self, n: Tensor, seed: int | None = None) -> Tensor:
        return random_poisson(self._rate, stack([n]), self.dtype, seed)

    def _log_prob(self, value: Tensor) -> Tensor:
        return value * log(self._rate) - self._rate - lgamma(value + 1)

    def _mean(self) -> Tensor:
        return identity(self._rate)

    _variance = _mean

    def _mode(self) -> Tensor:
        return floor(self._rate)


@RegisterKL(Poisson, Poisson)
def _poisson_poisson(a: Poisson, b: Poisson, name: str | None = None) -> Tensor:
    return a.rate * (log(a.rate) - log(b.rate)) - a.rate + b.rate
