"""What all distributions have in common, and the divergence of two of them.

A distribution stands for a batch of them: `batch_shape` is the shape of its parameters, and
`event_shape` that of what is drawn from one of them. Samples have the shape that is asked for,
then that of the batch, then that of an event.

Source: the ``tf.compat.v1.distributions.Distribution`` documentation.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NoReturn, TypeVar

import numpy as np

from runtime.graph import dtypes
from runtime.graph.convert import TensorLike, convert_to_tensor
from runtime.graph.dtypes import as_dtype
from runtime.graph.export import export
from runtime.graph.export import public as published
from runtime.graph.graph import control_dependencies, get_default_graph
from runtime.graph.ops.array import concat, identity, ones, reshape, shape
from runtime.graph.ops.layout import broadcast_dynamic_shape, broadcast_static_shape, where_v2
from runtime.graph.ops.math import exp, log, sqrt, square
from runtime.graph.ops.reduction import reduce_prod
from runtime.graph.shapes import TensorShape
from runtime.graph.tensor import Tensor

F = TypeVar("F", bound=Any)  # functions, classes and constants


def public(name: str) -> Callable[[F], F]:
    """Exports a distribution from `tf.distributions` and from `tf.contrib.distributions`.

    Args:
        name: Its name.

    Returns:
        A decorator.
    """
    return export(f"distributions.{name}", f"contrib.distributions.{name}")


@public("ReparameterizationType")
class ReparameterizationType:
    """Whether gradients flow from samples to parameters.

    Args:
        rep_type: A name.
    """

    def __init__(self, rep_type: str) -> None:
        self._name = rep_type

    def __repr__(self) -> str:
        return f"<Reparameterization Type: {self._name}>"


FULLY_REPARAMETERIZED = ReparameterizationType("FULLY_REPARAMETERIZED")
NOT_REPARAMETERIZED = ReparameterizationType("NOT_REPARAMETERIZED")
public("FULLY_REPARAMETERIZED")(FULLY_REPARAMETERIZED)
public("NOT_REPARAMETERIZED")(NOT_REPARAMETERIZED)


def given(arguments: dict[str, Any]) -> dict[str, Any]:
    """The arguments of a constructor, from its `locals()`.

    Args:
        arguments: The local variables.

    Returns:
        The arguments by their names.
    """
    return {k: v for k, v in arguments.items() if k not in ("self", "__class__")}


def positive(value: Tensor, wanted: bool) -> Tensor:
    """A parameter that has to be positive.

    Args:
        value: The parameter.
        wanted: Whether a run checks it.

    Returns:
        The parameter.
    """
    if not wanted:
        return value
    with control_dependencies([published("", "assert_positive")(value)]):
        return identity(value)


@public("Distribution")
class Distribution:
    """Base of the distributions.

    Subclasses define `_sample_n`, `_log_prob` or `_prob`, `_mean` and so on, and the shapes.

    Args:
        dtype: The type of samples.
        reparameterization_type: Whether gradients flow from samples to parameters.
        validate_args: Whether runs check parameters.
        allow_nan_stats: Whether a mean, mode or variance that is undefined is NaN; else it makes
            the run fail.
        parameters: The arguments that `copy` makes another one from.
        graph_parents: Without effect.
        name: The name, which begins those of the operations.
    """

    def __init__(
        self,
        dtype: Any,
        reparameterization_type: ReparameterizationType,
        validate_args: bool,
        allow_nan_stats: bool,
        parameters: dict[str, Any] | None = None,
        graph_parents: Sequence[Tensor] | None = None,
        name: str | None = None,
    ) -> None:
        self._dtype = as_dtype(dtype)
        self._reparameterization_type = reparameterization_type
        self._validate_args, self._allow_nan_stats = validate_args, allow_nan_stats
        self._parameters = given(parameters or {})
        self._name = name or type(self).__name__

    @property
    def name(self) -> str:
        """The name, which begins those of the operations."""
        return self._name

    @property
    def dtype(self) -> Any:
        """The type of samples."""
        return self._dtype

    @property
    def parameters(self) -> dict[str, Any]:
        """The arguments that it was made from."""
        return dict(self._parameters)

    @property
    def reparameterization_type(self) -> ReparameterizationType:
        """Whether gradients flow from samples to parameters."""
        return self._reparameterization_type

    @property
    def allow_nan_stats(self) -> bool:
        """Whether a statistic that is undefined is NaN."""
        return self._allow_nan_stats

    @property
    def validate_args(self) -> bool:
        """Whether runs check parameters."""
        return self._validate_args

    def copy(self, **override_parameters_kwargs: Any) -> Any:
        """Another distribution with some arguments changed.

        Args:
            **override_parameters_kwargs: The new arguments.

        Returns:
            The distribution.
        """
        return type(self)(**{**self._parameters, **override_parameters_kwargs})

    @contextmanager
    def _scope(self, name: str) -> Iterator[None]:
        graph = get_default_graph()
        with graph.name_scope(self._name), graph.name_scope(name):
            yield

    # Shapes. Subclasses give the parameters that a number is drawn from.

    def _batch_parameters(self) -> Sequence[Tensor]:
        raise NotImplementedError(f"{type(self).__name__} does not say its batch_shape.")

    def _batch_shape(self) -> TensorShape:
        found: Any = TensorShape([])
        for parameter in self._batch_parameters():
            found = broadcast_static_shape(found, parameter.shape)
        return TensorShape(found)

    def _batch_shape_tensor(self) -> Tensor:
        found, *others = [shape(parameter) for parameter in self._batch_parameters()]
        for other in others:
            found = broadcast_dynamic_shape(found, other)
        return found

    def _event_shape(self) -> TensorShape:
        return TensorShape([])

    def _event_shape_tensor(self) -> Tensor:
        return convert_to_tensor(np.zeros(0, np.int32))

    @property
    def batch_shape(self) -> TensorShape:
        """The static shape of the batch."""
        return self._batch_shape()

    @property
    def event_shape(self) -> TensorShape:
        """The static shape of what is drawn."""
        return self._event_shape()

    def batch_shape_tensor(self, name: str = "batch_shape_tensor") -> Tensor:
        """The shape of the batch.

        Args:
            name: Name of the scope of the operations.

        Returns:
            A vector of integers.
        """
        with self._scope(name):
            known = _known_shape(self.batch_shape)
            return self._batch_shape_tensor() if known is None else known

    def event_shape_tensor(self, name: str = "event_shape_tensor") -> Tensor:
        """The shape of what is drawn.

        Args:
            name: Name of the scope of the operations.

        Returns:
            A vector of integers.
        """
        with self._scope(name):
            known = _known_shape(self.event_shape)
            return self._event_shape_tensor() if known is None else known

    def is_scalar_batch(self, name: str = "is_scalar_batch") -> Tensor:
        """Whether it stands for one distribution.

        Args:
            name: Name of the scope of the operations.

        Returns:
            A scalar of bool.
        """
        return convert_to_tensor(self.batch_shape.ndims == 0, name=name)

    def is_scalar_event(self, name: str = "is_scalar_event") -> Tensor:
        """Whether single numbers are drawn.

        Args:
            name: Name of the scope of the operations.

        Returns:
            A scalar of bool.
        """
        return convert_to_tensor(self.event_shape.ndims == 0, name=name)

    def _spread(self, value: Tensor) -> Tensor:
        """A statistic with the shape of the batch."""
        return value * ones(self.batch_shape_tensor(), value.dtype)

    def _defined(self, condition: Tensor, value: Tensor) -> Tensor:
        """A statistic that is undefined where the condition does not hold."""
        if self._allow_nan_stats:
            return where_v2(condition, value, convert_to_tensor(np.nan, value.dtype))
        from runtime.graph.ops.control_flow import assert_

        with control_dependencies([assert_(condition, ["statistic is undefined", value])]):
            return identity(value)

    # Drawing.

    def sample(
        self, sample_shape: TensorLike = (), seed: int | None = None, name: str = "sample"
    ) -> Tensor:
        """Draws from the distribution.

        Args:
            sample_shape: How many to draw: a number or a shape.
            seed: The operation's seed.
            name: Name of the scope of the operations.

        Returns:
            ``[*sample_shape, *batch_shape, *event_shape]``.
        """
        with self._scope(name):
            sizes = reshape(convert_to_tensor(_sizes(sample_shape), dtypes.int32), [-1])
            drawn = self._sample_n(reduce_prod(sizes), seed)
            result = reshape(drawn, concat([sizes, shape(drawn)[1:]], 0))
            known = TensorShape(self.batch_shape).concatenate(self.event_shape)
            lead = sizes.spec.value
            if lead is not None:
                result.set_shape(TensorShape(list(lead)).concatenate(known))
            return result

    # Probabilities and statistics: public methods around those of the subclasses.

    def _unknown(self, what: str) -> NoReturn:
        raise NotImplementedError(f"{what} is not implemented: {type(self).__name__}")

    def _sample_n(self, n: Tensor, seed: int | None = None) -> Tensor:
        self._unknown("sample")

    def _log_prob(self, value: Tensor) -> Tensor:
        if type(self)._prob is Distribution._prob:
            self._unknown("log_prob")
        return log(self._prob(value))

    def _prob(self, value: Tensor) -> Tensor:
        if type(self)._log_prob is Distribution._log_prob:
            self._unknown("prob")
        return exp(self._log_prob(value))

    def _log_cdf(self, value: Tensor) -> Tensor:
        if type(self)._cdf is Distribution._cdf:
            self._unknown("log_cdf")
        return log(self._cdf(value))

    def _cdf(self, value: Tensor) -> Tensor:
        if type(self)._log_cdf is Distribution._log_cdf:
            self._unknown("cdf")
        return exp(self._log_cdf(value))

    def _survival_function(self, value: Tensor) -> Tensor:
        return 1.0 - self._cdf(value)

    def _quantile(self, value: Tensor) -> Tensor:
        self._unknown("quantile")

    def _entropy(self) -> Tensor:
        self._unknown("entropy")

    def _mean(self) -> Tensor:
        self._unknown("mean")

    def _mode(self) -> Tensor:
        self._unknown("mode")

    def _variance(self) -> Tensor:
        if type(self)._stddev is Distribution._stddev:
            self._unknown("variance")
        return square(self._stddev())

    def _stddev(self) -> Tensor:
        if type(self)._variance is Distribution._variance:
            self._unknown("stddev")
        return sqrt(self._variance())

    def _covariance(self) -> Tensor:
        self._unknown("covariance")

    def _of(self, function: Callable[[Tensor], Tensor], value: TensorLike, name: str) -> Tensor:
        with self._scope(name):
            return function(self._converted(value))

    def _converted(self, value: TensorLike) -> Tensor:
        if isinstance(value, Tensor):
            return value
        try:
            return convert_to_tensor(value, self._dtype)
        except (TypeError, ValueError):
            return convert_to_tensor(value)

    def _statistic(self, function: Callable[[], Tensor], name: str) -> Tensor:
        with self._scope(name):
            return function()

    def log_prob(self, value: TensorLike, name: str = "log_prob") -> Tensor:
        """The logarithm of the probability or density.

        Args:
            value: What might be drawn.
            name: Name of the scope of the operations.

        Returns:
            A tensor of the shape of `value` without that of an event, broadcast to the batch.
        """
        return self._of(self._log_prob, value, name)

    def prob(self, value: TensorLike, name: str = "prob") -> Tensor:
        """The probability or density.

        Args:
            value: What might be drawn.
            name: Name of the scope of the operations.

        Returns:
            A tensor as from `log_prob`.
        """
        return self._of(self._prob, value, name)

    def log_cdf(self, value: TensorLike, name: str = "log_cdf") -> Tensor:
        """The logarithm of the probability that what is drawn is not larger.

        Args:
            value: What might be drawn.
            name: Name of the scope of the operations.

        Returns:
            A tensor as from `log_prob`.
        """
        return self._of(self._log_cdf, value, name)

    def cdf(self, value: TensorLike, name: str = "cdf") -> Tensor:
        """The probability that what is drawn is not larger.

        Args:
            value: What might be drawn.
            name: Name of the scope of the operations.

        Returns:
            A tensor as from `log_prob`.
        """
        return self._of(self._cdf, value, name)

    def survival_function(self, value: TensorLike, name: str = "survival_function") -> Tensor:
        """The probability that what is drawn is larger.

        Args:
            value: What might be drawn.
            name: Name of the scope of the operations.

        Returns:
            A tensor as from `log_prob`.
        """
        return self._of(self._survival_function, value, name)

    def log_survival_function(
        self, value: TensorLike, name: str = "log_survival_function"
    ) -> Tensor:
        """The logarithm of the probability that what is drawn is larger.

        Args:
            value: What might be drawn.
            name: Name of the scope of the operations.

        Returns:
            A tensor as from `log_prob`.
        """
        return self._of(lambda x: log(self._survival_function(x)), value, name)

    def quantile(self, value: TensorLike, name: str = "quantile") -> Tensor:
        """What is larger than a draw with some probability.

        Args:
            value: Probabilities.
            name: Name of the scope of the operations.

        Returns:
            A tensor as from `log_prob`.
        """
        return self._of(self._quantile, value, name)

    def entropy(self, name: str = "entropy") -> Tensor:
        """The mean of -log_prob, in nats.

        Args:
            name: Name of the scope of the operations.

        Returns:
            A tensor of the shape of the batch.
        """
        return self._statistic(self._entropy, name)

    def mean(self, name: str = "mean") -> Tensor:
        """The mean.

        Args:
            name: Name of the scope of the operations.

        Returns:
            A tensor of the shape of the batch, then that of an event.
        """
        return self._statistic(self._mean, name)

    def mode(self, name: str = "mode") -> Tensor:
        """What is drawn most likely.

        Args:
            name: Name of the scope of the operations.

        Returns:
            A tensor of the shape of the batch, then that of an event.
        """
        return self._statistic(self._mode, name)

    def variance(self, name: str = "variance") -> Tensor:
        """The variance.

        Args:
            name: Name of the scope of the operations.

        Returns:
            A tensor of the shape of the batch, then that of an event.
        """
        return self._statistic(self._variance, name)

    def stddev(self, name: str = "stddev") -> Tensor:
        """The standard deviation.

        Args:
            name: Name of the scope of the operations.

        Returns:
            A tensor of the shape of the batch, then that of an event.
        """
        return self._statistic(self._stddev, name)

    def covariance(self, name: str = "covariance") -> Tensor:
        """The covariances of the elements of an event.

        Args:
            name: Name of the scope of the operations.

        Returns:
            A tensor with a matrix for each distribution.
        """
        return self._statistic(self._covariance, name)

    # Two distributions.

    def kl_divergence(self, other: "Distribution", name: str = "kl_divergence") -> Tensor:
        """The Kullback-Leibler divergence from this one to another.

        Args:
            other: The other distribution.
            name: Name of the scope of the operations.

        Returns:
            A tensor of the shape of the batch.

        Raises:
            NotImplementedError: If none is registered for both.
        """
        return kl_divergence(self, other, self._allow_nan_stats, name)

    def cross_entropy(self, other: "Distribution", name: str = "cross_entropy") -> Tensor:
        """The mean of another one's -log_prob.

        Args:
            other: The other distribution.
            name: Name of the scope of the operations.

        Returns:
            A tensor of the shape of the batch.

        Raises:
            NotImplementedError: If no divergence is registered for both.
        """
        with self._scope(name):
            return self._entropy() + kl_divergence(self, other)

    def __repr__(self) -> str:
        return (
            f"<tf.distributions.{type(self).__name__} {self.name!r} "
            f"batch_shape={self.batch_shape} event_shape={self.event_shape} "
            f"dtype={self.dtype.name}>"
        )


def _sizes(sample_shape: Any) -> Any:
    if isinstance(sample_shape, TensorShape):
        return sample_shape.as_list()
    empty = isinstance(sample_shape, (list, tuple)) and not sample_shape
    return np.zeros(0, np.int32) if empty else sample_shape


def _known_shape(sizes: TensorShape) -> Tensor | None:
    if not sizes.is_fully_defined():
        return None
    return convert_to_tensor(np.array(sizes.as_list(), np.int32))


# Divergences.

_DIVERGENCES: dict[tuple[type, type], Callable[..., Tensor]] = {}


@public("RegisterKL")
class RegisterKL:
    """Registers the Kullback-Leibler divergence of two distributions; a decorator.

    Args:
        dist_cls_a: The class of the one that the mean is taken of.
        dist_cls_b: The class of the other.
    """

    def __init__(self, dist_cls_a: type, dist_cls_b: type) -> None:
        self._key = dist_cls_a, dist_cls_b

    def __call__(self, kl_fn: F) -> F:
        """Registers a function of two distributions and a name.

        Args:
            kl_fn: The function.

        Returns:
            The function.

        Raises:
            TypeError: If it is none.
            ValueError: If there is one already.
        """
        if not callable(kl_fn):
            raise TypeError(f"kl_fn must be callable, received: {kl_fn!r}")
        if self._key in _DIVERGENCES:
            names = ", ".join(kind.__name__ for kind in self._key)
            raise ValueError(f"KL({names}) has already been registered.")
        _DIVERGENCES[self._key] = kl_fn
        return kl_fn


@public("kl_divergence")
def kl_divergence(
    distribution_a: Distribution,
    distribution_b: Distribution,
    allow_nan_stats: bool = True,
    name: str | None = None,
) -> Tensor:
    """The Kullback-Leibler divergence: the mean of log(a / b) by a.

    Args:
        distribution_a: The distribution that the mean is taken of.
        distribution_b: The other.
        allow_nan_stats: Whether the result may be NaN; else the run fails.
        name: Name of the scope of the operations.

    Returns:
        A tensor of the shape of the batch.

    Raises:
        NotImplementedError: If none is registered for both.
    """
    from runtime.graph.ops.checks import check_numerics

    pairs = [(a, b) for a in type(distribution_a).__mro__ for b in type(distribution_b).__mro__]
    found = next((_DIVERGENCES[pair] for pair in pairs if pair in _DIVERGENCES), None)
    if found is None:
        raise NotImplementedError(
            f"No KL(distribution_a || distribution_b) registered for distribution_a type "
            f"{type(distribution_a).__name__} and distribution_b type "
            f"{type(distribution_b).__name__}. Register one with tf.distributions.RegisterKL."
        )
    with get_default_graph().name_scope(name or "KullbackLeibler"):
        result = found(distribution_a, distribution_b, name=None)
        return result if allow_nan_stats else check_numerics(result, "KL divergence is NaN")
