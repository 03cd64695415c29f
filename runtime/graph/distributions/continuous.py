"""Distributions of floating-point numbers.

Source: the ``tf.compat.v1.distributions`` documentation.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from runtime.graph.convert import TensorLike, convert_to_tensor, same_type
from runtime.graph.distributions.base import (
    FULLY_REPARAMETERIZED,
    Distribution,
    RegisterKL,
    positive,
    public,
)
from runtime.graph.export import public as published
from runtime.graph.graph import control_dependencies, get_default_graph
from runtime.graph.ops.array import concat, identity, ones, stack, zeros_like
from runtime.graph.ops.layout import where_v2
from runtime.graph.ops.math import (
    absolute,
    exp,
    greater,
    greater_equal,
    is_nan,
    less,
    log,
    log1p,
    logical_or,
    maximum,
    minimum,
    rsqrt,
    sign,
    sqrt,
    square,
)
from runtime.graph.ops.random import random_gamma, random_normal, random_uniform
from runtime.graph.ops.special import digamma, erfc, lgamma, xlogy
from runtime.graph.tensor import Tensor


class _Continuous(Distribution):
    """A distribution of floating-point numbers with parameters of one shape each.

    Args:
        arguments: The arguments of the constructor.
        parameters: The parameters by their names.
        scales: Those that have to be positive.
    """

    def __init__(
        self,
        arguments: dict[str, Any],
        parameters: dict[str, TensorLike],
        scales: Sequence[str] = (),
    ) -> None:
        check = arguments["validate_args"]
        with get_default_graph().name_scope(arguments["name"] or type(self).__name__) as scope:
            tensors = same_type_of(list(parameters.values()))
            self._tensors = {
                name: identity(positive(tensor, check and name in scales), name=name)
                for name, tensor in zip(parameters, tensors, strict=True)
            }
        super().__init__(
            tensors[0].dtype,
            FULLY_REPARAMETERIZED,
            check,
            arguments["allow_nan_stats"],
            arguments,
            name=scope,
        )

    def _batch_parameters(self) -> Sequence[Tensor]:
        return list(self._tensors.values())

    def _full(self, n: Tensor) -> Tensor:
        """The shape of `n` samples."""
        return concat([stack([n]), self.batch_shape_tensor()], 0)


def same_type_of(values: Sequence[TensorLike]) -> list[Tensor]:
    """Parameters as tensors of one floating-point type.

    Args:
        values: The parameters.

    Returns:
        Tensors.

    Raises:
        TypeError: If they are of different types, or not of floating-point numbers.
    """
    floats = [float(value) if isinstance(value, int) else value for value in values]
    tensors = same_type(*floats) if len(floats) > 1 else [convert_to_tensor(floats[0])]
    if not tensors[0].dtype.is_floating:
        raise TypeError(
            f"Parameters of distributions must be floating-point numbers, not of "
            f"{tensors[0].dtype.name}: {tensors[0]!r}."
        )
    return tensors


class _Parameter:
    """A parameter of a distribution as its attribute."""

    def __init__(self, doc: str) -> None:
        self.__doc__ = doc

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    def __get__(self, instance: Any, owner: type) -> Tensor:
        if instance is None:
            return self  # type: ignore[return-value]  # the class itself has none
        found: Tensor = instance._tensors[self._name]
        return found


_HALF_LOG = 0.5 * math.log(2 * math.pi)


@public("Normal")
class Normal(_Continuous):
    """The normal distribution.

    Args:
        loc: The mean.
        scale: The standard deviation.
        validate_args: Whether runs check that it is positive.
        allow_nan_stats: Without effect: all statistics are defined.
        name: The name.
    """

    loc = _Parameter("The mean.")
    scale = _Parameter("The standard deviation.")

    def __init__(
        self,
        loc: TensorLike,
        scale: TensorLike,
        validate_args: bool = False,
        allow_nan_stats: bool = True,
        name: str = "Normal",
    ) -> None:
        super().__init__(locals(), {"loc": loc, "scale": scale}, ["scale"])

    def _sample_n(self, n: Tensor, seed: int | None = None) -> Tensor:
        return random_normal(self._full(n), dtype=self.dtype, seed=seed) * self.scale + self.loc

    def _z(self, value: Tensor) -> Tensor:
        return (value - self.loc) / self.scale

    def _log_prob(self, value: Tensor) -> Tensor:
        return -0.5 * square(self._z(value)) - (_HALF_LOG + log(self.scale))

    def _cdf(self, value: Tensor) -> Tensor:
        return 0.5 * erfc(-self._z(value) * math.sqrt(0.5))

    def _survival_function(self, value: Tensor) -> Tensor:
        return 0.5 * erfc(self._z(value) * math.sqrt(0.5))

    def _log_cdf(self, value: Tensor) -> Tensor:
        z = self._z(value)
        # Far below the mean the probability is too small for its logarithm to be taken.
        far = minimum(z, -8.0)
        series = 1 - 1 / square(far) + 3 / square(square(far)) - 15 / (square(far) * far**4)
        tail = -0.5 * square(far) - log(-far) - _HALF_LOG + log(series)
        near = log(0.5 * erfc(-minimum(maximum(z, -8.0), 5.0) * math.sqrt(0.5)))
        above = -0.5 * erfc(maximum(z, 5.0) * math.sqrt(0.5))
        return where_v2(less(z, -8.0), tail, where_v2(greater(z, 5.0), above, near))

    def _entropy(self) -> Tensor:
        return self._spread(0.5 + _HALF_LOG + log(self.scale))

    def _mean(self) -> Tensor:
        return self._spread(self.loc)

    _mode = _mean

    def _stddev(self) -> Tensor:
        return self._spread(self.scale)


@RegisterKL(Normal, Normal)
def _normal_normal(a: Normal, b: Normal, name: str | None = None) -> Tensor:
    ratio = square(a.scale / b.scale)
    return square(a.loc - b.loc) / (2 * square(b.scale)) + 0.5 * (ratio - 1 - log(ratio))


@public("Laplace")
class Laplace(_Continuous):
    """The Laplace distribution.

    Args:
        loc: The mean.
        scale: The mean distance to it.
        validate_args: Whether runs check that it is positive.
        allow_nan_stats: Without effect: all statistics are defined.
        name: The name.
    """

    loc = _Parameter("The mean.")
    scale = _Parameter("The mean distance to it.")

    def __init__(
        self,
        loc: TensorLike,
        scale: TensorLike,
        validate_args: bool = False,
        allow_nan_stats: bool = True,
        name: str = "Laplace",
    ) -> None:
        super().__init__(locals(), {"loc": loc, "scale": scale}, ["scale"])

    def _sample_n(self, n: Tensor, seed: int | None = None) -> Tensor:
        least = float(np.nextafter(np.float32(-1), np.float32(0)))
        uniform = random_uniform(self._full(n), least, 1.0, self.dtype, seed)
        return self.loc - self.scale * sign(uniform) * log1p(-absolute(uniform))

    def _z(self, value: Tensor) -> Tensor:
        return (value - self.loc) / self.scale

    def _log_prob(self, value: Tensor) -> Tensor:
        return -absolute(self._z(value)) - math.log(2.0) - log(self.scale)

    def _cdf(self, value: Tensor) -> Tensor:
        z = self._z(value)
        return 0.5 + 0.5 * sign(z) * (1 - exp(-absolute(z)))

    def _entropy(self) -> Tensor:
        return self._spread(math.log(2.0) + 1 + log(self.scale))

    def _mean(self) -> Tensor:
        return self._spread(self.loc)

    _mode = _mean

    def _stddev(self) -> Tensor:
        return self._spread(math.sqrt(2.0) * self.scale)


@RegisterKL(Laplace, Laplace)
def _laplace_laplace(a: Laplace, b: Laplace, name: str | None = None) -> Tensor:
    ratio, distance = a.scale / b.scale, absolute(a.loc - b.loc)
    return -log(ratio) - 1 + distance / b.scale + ratio * exp(-distance / a.scale)


@public("Uniform")
class Uniform(_Continuous):
    """The distribution of numbers that are equally likely in a range.

    Args:
        low: The least number.
        high: The limit, which is not reached.
        validate_args: Whether runs check that the range is not empty.
        allow_nan_stats: Without effect: all statistics are defined.
        name: The name.
    """

    low = _Parameter("The least number.")
    high = _Parameter("The limit.")

    def __init__(
        self,
        low: TensorLike = 0.0,
        high: TensorLike = 1.0,
        validate_args: bool = False,
        allow_nan_stats: bool = True,
        name: str = "Uniform",
    ) -> None:
        super().__init__(locals(), {"low": low, "high": high})
        if validate_args:
            message = "uniform not defined when low >= high."
            check = published("", "assert_less")
            with control_dependencies([check(self.low, self.high, message=message)]):
                self._tensors["high"] = identity(self.high)

    def range(self, name: str = "range") -> Tensor:
        """The size of the range.

        Args:
            name: Name of the scope of the operations.

        Returns:
            A tensor of the shape of the batch.
        """
        with self._scope(name):
            return self.high - self.low

    def _sample_n(self, n: Tensor, seed: int | None = None) -> Tensor:
        uniform = random_uniform(self._full(n), dtype=self.dtype, seed=seed)
        return self.low + self.range() * uniform

    def _prob(self, value: Tensor) -> Tensor:
        value = self._spread(value)
        outside = logical_or(less(value, self.low), greater_equal(value, self.high))
        inside = where_v2(outside, zeros_like(value), 1 / self.range() + zeros_like(value))
        return where_v2(is_nan(value), value, inside)

    def _cdf(self, value: Tensor) -> Tensor:
        return minimum(maximum((value - self.low) / self.range(), 0.0), 1.0)

    def _quantile(self, value: Tensor) -> Tensor:
        return value * self.range() + self.low

    def _entropy(self) -> Tensor:
        return log(self.range())

    def _mean(self) -> Tensor:
        return (self.low + self.high) / 2.0

    def _variance(self) -> Tensor:
        return square(self.range()) / 12.0


@public("Gamma")
class Gamma(_Continuous):
    """The gamma distribution.

    Args:
        concentration: The shape parameter.
        rate: The inverse scale.
        validate_args: Whether runs check that both are positive.
        allow_nan_stats: Whether a mode that is undefined is NaN; else the run fails.
        name: The name.
    """

    concentration = _Parameter("The shape parameter.")
    rate = _Parameter("The inverse scale.")

    def __init__(
        self,
        concentration: TensorLike,
        rate: TensorLike,
        validate_args: bool = False,
        allow_nan_stats: bool = True,
        name: str = "Gamma",
    ) -> None:
        parameters = {"concentration": concentration, "rate": rate}
        super().__init__(locals(), parameters, list(parameters))

    def _sample_n(self, n: Tensor, seed: int | None = None) -> Tensor:
        return random_gamma(stack([n]), self.concentration, self.rate, self.dtype, seed)

    def _log_prob(self, value: Tensor) -> Tensor:
        total = lgamma(self.concentration) - self.concentration * log(self.rate)
        return xlogy(self.concentration - 1, value) - self.rate * value - total

    def _entropy(self) -> Tensor:
        a = self.concentration
        return a - log(self.rate) + lgamma(a) + (1 - a) * digamma(a)

    def _mean(self) -> Tensor:
        return self.concentration / self.rate

    def _variance(self) -> Tensor:
        return self.concentration / square(self.rate)

    def _stddev(self) -> Tensor:
        return sqrt(self.concentration) / self.rate

    def _mode(self) -> Tensor:
        mode = (self.concentration - 1) / self.rate
        return self._defined(greater(self.concentration, 1.0), mode)


@RegisterKL(Gamma, Gamma)
def _gamma_gamma(a: Gamma, b: Gamma, name: str | None = None) -> Tensor:
    first, second = a.concentration, b.concentration
    return (
        (first - second) * digamma(first)
        + lgamma(second)
        - lgamma(first)
        + second * log(a.rate)
        - second * log(b.rate)
        + first * (b.rate / a.rate - 1)
    )


@public("Exponential")
class Exponential(Gamma):
    """The exponential distribution.

    Args:
        rate: The inverse of the mean.
        validate_args: Whether runs check that it is positive.
        allow_nan_stats: Whether the mode, which is undefined, is NaN; else the run fails.
        name: The name.
    """

    def __init__(
        self,
        rate: TensorLike,
        validate_args: bool = False,
        allow_nan_stats: bool = True,
        name: str = "Exponential",
    ) -> None:
        arguments = locals()
        _Continuous.__init__(self, arguments, {"rate": rate}, ["rate"])

    @property
    def concentration(self) -> Tensor:  # type: ignore[override]  # no parameter here
        """One: that of the gamma distribution that it is."""
        return ones([], self.dtype)

    def _sample_n(self, n: Tensor, seed: int | None = None) -> Tensor:
        least = float(np.finfo(self.dtype.as_numpy_dtype).tiny)
        return -log(random_uniform(self._full(n), least, 1.0, self.dtype, seed)) / self.rate

    def _cdf(self, value: Tensor) -> Tensor:
        return 1 - exp(-self.rate * maximum(value, 0.0))


@public("Beta")
class Beta(_Continuous):
    """The beta distribution, of numbers from 0 to 1.

    Args:
        concentration1: How strongly they tend to 1.
        concentration0: How strongly they tend to 0.
        validate_args: Whether runs check that both are positive.
        allow_nan_stats: Whether a mode that is undefined is NaN; else the run fails.
        name: The name.
    """

    concentration1 = _Parameter("How strongly numbers tend to 1.")
    concentration0 = _Parameter("How strongly numbers tend to 0.")

    def __init__(
        self,
        concentration1: TensorLike = None,
        concentration0: TensorLike = None,
        validate_args: bool = False,
        allow_nan_stats: bool = True,
        name: str = "Beta",
    ) -> None:
        parameters = {"concentration1": concentration1, "concentration0": concentration0}
        super().__init__(locals(), parameters, list(parameters))

    @property
    def total_concentration(self) -> Tensor:
        """The sum of both parameters."""
        return self.concentration1 + self.concentration0

    def _sample_n(self, n: Tensor, seed: int | None = None) -> Tensor:
        one, zero = (
            random_gamma(stack([n]), self._spread(c), dtype=self.dtype, seed=number)
            for c, number in (
                (self.concentration1, seed),
                (self.concentration0, None if seed is None else seed + 1),
            )
        )
        return one / (one + zero)

    def _log_beta(self) -> Tensor:
        total = lgamma(self.total_concentration)
        return lgamma(self.concentration1) + lgamma(self.concentration0) - total

    def _log_prob(self, value: Tensor) -> Tensor:
        ones_, zeros_ = self.concentration1 - 1, self.concentration0 - 1
        return xlogy(ones_, value) + zeros_ * log1p(-value) - self._log_beta()

    def _entropy(self) -> Tensor:
        a, b, total = self.concentration1, self.concentration0, self.total_concentration
        parts = (a - 1) * digamma(a) + (b - 1) * digamma(b)
        return self._log_beta() - parts + (total - 2) * digamma(total)

    def _mean(self) -> Tensor:
        return self.concentration1 / self.total_concentration

    def _variance(self) -> Tensor:
        mean = self._mean()
        return mean * (1 - mean) / (self.total_concentration + 1)

    def _mode(self) -> Tensor:
        mode = (self.concentration1 - 1) / (self.total_concentration - 2)
        least = minimum(self.concentration1, self.concentration0)
        return self._defined(greater(least, 1.0), mode)


@RegisterKL(Beta, Beta)
def _beta_beta(a: Beta, b: Beta, name: str | None = None) -> Tensor:
    def part(function: Callable[[Beta], Tensor]) -> Tensor:
        return (function(a) - function(b)) * digamma(function(a))

    parts = part(lambda d: d.concentration1) + part(lambda d: d.concentration0)
    return b._log_beta() - a._log_beta() + parts - part(lambda d: d.total_concentration)


@public("StudentT")
class StudentT(_Continuous):
    """Student's t distribution.

    Args:
        df: The degrees of freedom.
        loc: The middle.
        scale: The factor of distances to it.
        validate_args: Whether runs check that the degrees of freedom are positive.
        allow_nan_stats: Whether a mean or variance that is undefined is NaN; else the run fails.
        name: The name.
    """

    df = _Parameter("The degrees of freedom.")
    loc = _Parameter("The middle.")
    scale = _Parameter("The factor of distances to it.")

    def __init__(
        self,
        df: TensorLike,
        loc: TensorLike,
        scale: TensorLike,
        validate_args: bool = False,
        allow_nan_stats: bool = True,
        name: str = "StudentT",
    ) -> None:
        super().__init__(locals(), {"df": df, "loc": loc, "scale": scale}, ["df"])

    def _sample_n(self, n: Tensor, seed: int | None = None) -> Tensor:
        normal = random_normal(self._full(n), dtype=self.dtype, seed=seed)
        df = self._spread(self.df)
        other = None if seed is None else seed + 1
        squares = random_gamma(stack([n]), 0.5 * df, 0.5, self.dtype, other)
        return normal * rsqrt(squares / df) * self.scale + self.loc

    def _log_prob(self, value: Tensor) -> Tensor:
        y, df = (value - self.loc) / self.scale, self.df
        total = (
            log(absolute(self.scale))
            + 0.5 * (log(df) + math.log(math.pi))
            + lgamma(0.5 * df)
            - lgamma(0.5 * (df + 1))
        )
        return -0.5 * (df + 1) * log1p(square(y) / df) - total

    def _entropy(self) -> Tensor:
        df = self._spread(self.df)
        half, more = 0.5 * df, 0.5 * (df + 1)
        log_beta = lgamma(half) + 0.5 * math.log(math.pi) - lgamma(more)
        spread = log(absolute(self.scale)) + 0.5 * log(df)
        return spread + log_beta + more * (digamma(more) - digamma(half))

    def _mean(self) -> Tensor:
        return self._defined(greater(self._spread(self.df), 1.0), self._spread(self.loc))

    def _variance(self) -> Tensor:
        df = self._spread(self.df)
        bounded = where_v2(greater(df, 2.0), df - 2, df * 0 + 1)
        found = square(self.scale) * df / bounded
        infinite = where_v2(greater(df, 2.0), found, convert_to_tensor(np.inf, self.dtype))
        return self._defined(greater(df, 1.0), infinite)

    def _mode(self) -> Tensor:
        return self._spread(self.loc)
