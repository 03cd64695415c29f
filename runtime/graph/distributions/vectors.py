"""Distributions of vectors.

Source: the documentation of ``tf.compat.v1.distributions.Dirichlet`` and of
``tf.contrib.distributions.MultivariateNormalDiag`` and its neighbours.
"""

import math
from typing import Any

from runtime.graph.convert import TensorLike, convert_to_tensor
from runtime.graph.distributions.base import (
    FULLY_REPARAMETERIZED,
    NOT_REPARAMETERIZED,
    Distribution,
    RegisterKL,
    positive,
    public,
)
from runtime.graph.distributions.continuous import same_type_of
from runtime.graph.distributions.discrete import Multinomial, _OfVectors
from runtime.graph.export import export
from runtime.graph.graph import get_default_graph
from runtime.graph.ops.array import concat, expand_dims, identity, ones_like, shape, stack
from runtime.graph.ops.layout import broadcast_dynamic_shape, broadcast_static_shape
from runtime.graph.ops.linear_algebra import cholesky, matrix_triangular_solve
from runtime.graph.ops.math import absolute, cast, exp, log, matmul, minimum, square
from runtime.graph.ops.nn import log_softmax
from runtime.graph.ops.products import matrix_diag, matrix_diag_part
from runtime.graph.ops.random import random_gamma, random_normal, random_uniform
from runtime.graph.ops.reduction import reduce_logsumexp, reduce_min, reduce_sum
from runtime.graph.ops.special import digamma, lgamma, xlogy
from runtime.graph.shapes import TensorShape
from runtime.graph.tensor import Tensor


def _log_beta(concentration: Tensor) -> Tensor:
    return reduce_sum(lgamma(concentration), -1) - lgamma(reduce_sum(concentration, -1))


class _OfConcentration(Distribution):
    """A distribution with a vector of concentrations."""

    _concentration: Tensor

    @property
    def concentration(self) -> Tensor:
        """How strongly each element is expected."""
        return self._concentration

    @property
    def total_concentration(self) -> Tensor:
        """The sum of all."""
        return reduce_sum(self._concentration, -1)

    def _batch_shape(self) -> TensorShape:
        return TensorShape(self._concentration.shape[:-1])

    def _batch_shape_tensor(self) -> Tensor:
        return shape(self._concentration)[:-1]

    def _event_shape(self) -> TensorShape:
        return TensorShape(self._concentration.shape[-1:])

    def _event_shape_tensor(self) -> Tensor:
        return shape(self._concentration)[-1:]

    def _share(self) -> Tensor:
        return self._concentration / expand_dims(self.total_concentration, -1)


@public("Dirichlet")
class Dirichlet(_OfConcentration):
    """The Dirichlet distribution, of vectors of probabilities.

    Args:
        concentration: ``[…, classes]``: how strongly each class is expected.
        validate_args: Whether runs check that it is positive.
        allow_nan_stats: Whether a mode that is undefined is NaN; else the run fails.
        name: The name.
    """

    def __init__(
        self,
        concentration: TensorLike,
        validate_args: bool = False,
        allow_nan_stats: bool = True,
        name: str = "Dirichlet",
    ) -> None:
        arguments = locals()
        with get_default_graph().name_scope(name) as scope:
            (given,) = same_type_of([convert_to_tensor(concentration)])
            self._concentration = positive(given, validate_args)
        super().__init__(
            given.dtype, FULLY_REPARAMETERIZED, validate_args, allow_nan_stats, arguments,
            name=scope,
        )  # fmt: skip

    def _sample_n(self, n: Tensor, seed: int | None = None) -> Tensor:
        drawn = random_gamma(stack([n]), self._concentration, dtype=self.dtype, seed=seed)
        return drawn / reduce_sum(drawn, -1, keepdims=True)

    def _log_prob(self, value: Tensor) -> Tensor:
        parts = xlogy(self._concentration - 1, value)
        return reduce_sum(parts, -1) - _log_beta(self._concentration)

    def _entropy(self) -> Tensor:
        classes = cast(shape(self._concentration)[-1], self.dtype)
        total = self.total_concentration
        parts = reduce_sum((self._concentration - 1) * digamma(self._concentration), -1)
        return _log_beta(self._concentration) + (total - classes) * digamma(total) - parts

    def _mean(self) -> Tensor:
        return self._share()

    def _variance(self) -> Tensor:
        mean = self._share()
        return mean * (1 - mean) / (1 + expand_dims(self.total_concentration, -1))

    def _covariance(self) -> Tensor:
        mean = self._share()
        scale = expand_dims(expand_dims(1 + self.total_concentration, -1), -1)
        return (matrix_diag(mean) - expand_dims(mean, -1) * expand_dims(mean, -2)) / scale

    def _mode(self) -> Tensor:
        classes = cast(shape(self._concentration)[-1], self.dtype)
        mode = (self._concentration - 1) / expand_dims(self.total_concentration - classes, -1)
        least = reduce_min(self._concentration, -1, keepdims=True)
        return self._defined(least > 1.0, mode)


@RegisterKL(Dirichlet, Dirichlet)
def _dirichlet_dirichlet(a: Dirichlet, b: Dirichlet, name: str | None = None) -> Tensor:
    total = expand_dims(digamma(a.total_concentration), -1)
    moved = (a.concentration - b.concentration) * (digamma(a.concentration) - total)
    return reduce_sum(moved, -1) - _log_beta(a.concentration) + _log_beta(b.concentration)


@public("DirichletMultinomial")
class DirichletMultinomial(_OfConcentration):
    """How often classes are drawn whose probabilities are drawn from a Dirichlet distribution.

    Args:
        total_count: How many are drawn.
        concentration: ``[…, classes]``: how strongly each class is expected.
        validate_args: Whether runs check that it is positive.
        allow_nan_stats: Without effect: all statistics are defined.
        name: The name.
    """

    def __init__(
        self,
        total_count: TensorLike,
        concentration: TensorLike,
        validate_args: bool = False,
        allow_nan_stats: bool = True,
        name: str = "DirichletMultinomial",
    ) -> None:
        arguments = locals()
        with get_default_graph().name_scope(name) as scope:
            (given,) = same_type_of([convert_to_tensor(concentration)])
            self._concentration = positive(given, validate_args)
            self._count = convert_to_tensor(total_count, given.dtype)
        super().__init__(
            given.dtype, NOT_REPARAMETERIZED, validate_args, allow_nan_stats, arguments,
            name=scope,
        )  # fmt: skip

    @property
    def total_count(self) -> Tensor:
        """How many are drawn."""
        return self._count

    def _sample_n(self, n: Tensor, seed: int | None = None) -> Tensor:
        probs = random_gamma(stack([n]), self._concentration, dtype=self.dtype, seed=seed)
        other = None if seed is None else seed + 1
        return Multinomial(self._count, logits=log(probs)).sample(1, other)[0]

    def _log_prob(self, value: Tensor) -> Tensor:
        counts = cast(value, self.dtype)
        orders = lgamma(self._count + 1) - reduce_sum(lgamma(counts + 1), -1)
        return _log_beta(self._concentration + counts) - _log_beta(self._concentration) + orders

    def _mean(self) -> Tensor:
        return expand_dims(self._count, -1) * self._share()

    def _variance(self) -> Tensor:
        total = self.total_concentration
        scale = expand_dims((self._count + total) / (1 + total), -1)
        return scale * self._mean() * (1 - self._share())


# Normal distributions of vectors.


class _Normal(Distribution):
    """loc + scale · z, where z has independent standard normal elements."""

    def __init__(self, arguments: dict[str, Any], loc: TensorLike, scale: Any, scope: str) -> None:
        given = convert_to_tensor(scale)
        self._scale = given
        self._loc = convert_to_tensor(loc, given.dtype)
        super().__init__(
            given.dtype,
            FULLY_REPARAMETERIZED,
            arguments["validate_args"],
            arguments["allow_nan_stats"],
            arguments,
            name=scope,
        )

    @property
    def loc(self) -> Tensor:
        """The mean."""
        return self._loc

    def _diagonal(self) -> Tensor:
        """The diagonal of the scale."""
        raise NotImplementedError

    def _scaled(self, z: Tensor) -> Tensor:
        raise NotImplementedError

    def _unscaled(self, x: Tensor) -> Tensor:
        raise NotImplementedError

    def _whole(self) -> Tensor:
        """The scale as a matrix."""
        raise NotImplementedError

    def _shape(self) -> TensorShape:
        return TensorShape(broadcast_static_shape(self._loc.shape, self._diagonal().shape))

    def _shape_tensor(self) -> Tensor:
        return broadcast_dynamic_shape(shape(self._loc), shape(self._diagonal()))

    def _batch_shape(self) -> TensorShape:
        return TensorShape(self._shape()[:-1])

    def _batch_shape_tensor(self) -> Tensor:
        return self._shape_tensor()[:-1]

    def _event_shape(self) -> TensorShape:
        return TensorShape(self._shape()[-1:])

    def _event_shape_tensor(self) -> Tensor:
        return self._shape_tensor()[-1:]

    def _sample_n(self, n: Tensor, seed: int | None = None) -> Tensor:
        sizes = concat([stack([n]), self._shape_tensor()], 0)
        return self._loc + self._scaled(random_normal(sizes, dtype=self.dtype, seed=seed))

    def _size(self) -> Tensor:
        return cast(self._shape_tensor()[-1], self.dtype)

    def _log_volume(self) -> Tensor:
        return reduce_sum(log(absolute(self._diagonal())), -1)

    def _log_prob(self, value: Tensor) -> Tensor:
        z = self._unscaled(value - self._loc)
        constant = 0.5 * math.log(2 * math.pi) * self._size()
        return -0.5 * reduce_sum(square(z), -1) - constant - self._log_volume()

    def _entropy(self) -> Tensor:
        return 0.5 * (1 + math.log(2 * math.pi)) * self._size() + self._log_volume()

    def _mean(self) -> Tensor:
        return self._loc * ones_like(self._diagonal())

    _mode = _mean

    def _covariance(self) -> Tensor:
        whole = self._whole()
        return matmul(whole, whole, adjoint_b=True)

    def _variance(self) -> Tensor:
        return reduce_sum(square(self._whole()), -1)


@export("contrib.distributions.MultivariateNormalDiag")
class MultivariateNormalDiag(_Normal):
    """Vectors of independent normally distributed elements.

    Args:
        loc: ``[…, size]``: the mean; 0 if None.
        scale_diag: ``[…, size]``: the standard deviations; 1 if None.
        scale_identity_multiplier: What is added to them all.
        validate_args: Without effect.
        allow_nan_stats: Without effect: all statistics are defined.
        name: The name.

    Raises:
        ValueError: If neither the mean nor the standard deviations say the size.
    """

    def __init__(
        self,
        loc: TensorLike = None,
        scale_diag: TensorLike = None,
        scale_identity_multiplier: TensorLike = None,
        validate_args: bool = False,
        allow_nan_stats: bool = True,
        name: str = "MultivariateNormalDiag",
    ) -> None:
        arguments = locals()
        if loc is None and scale_diag is None:
            raise ValueError("MultivariateNormalDiag needs loc or scale_diag to know the size.")
        with get_default_graph().name_scope(name) as scope:
            scale = None if scale_diag is None else convert_to_tensor(scale_diag)
            mean = None if loc is None else convert_to_tensor(loc)
            if scale is None:
                unit = 0.0 if scale_identity_multiplier is not None else 1.0
                scale = ones_like(mean) * unit
            if scale_identity_multiplier is not None:
                added = convert_to_tensor(scale_identity_multiplier, scale.dtype)
                scale = scale + expand_dims(added, -1)
            super().__init__(arguments, 0.0 if mean is None else mean, scale, scope)

    def _diagonal(self) -> Tensor:
        return self._scale

    def _scaled(self, z: Tensor) -> Tensor:
        return self._scale * z

    def _unscaled(self, x: Tensor) -> Tensor:
        return x / self._scale

    def _whole(self) -> Tensor:
        return matrix_diag(self._scale)

    def _variance(self) -> Tensor:
        return square(self._scale) * ones_like(self._loc)

    def _stddev(self) -> Tensor:
        return absolute(self._scale) * ones_like(self._loc)


class _Triangular(_Normal):
    def _diagonal(self) -> Tensor:
        return matrix_diag_part(self._scale)

    def _scaled(self, z: Tensor) -> Tensor:
        return reduce_sum(self._scale * expand_dims(z, -2), -1)

    def _unscaled(self, x: Tensor) -> Tensor:
        column = expand_dims(x, -1)
        whole = self._scale + expand_dims(column[..., 0], -1) * 0
        return matrix_triangular_solve(whole, column)[..., 0]

    def _whole(self) -> Tensor:
        return identity(self._scale)


@export("contrib.distributions.MultivariateNormalTriL")
class MultivariateNormalTriL(_Triangular):
    """Normally distributed vectors, by a triangular matrix.

    Args:
        loc: ``[…, size]``: the mean; 0 if None.
        scale_tril: ``[…, size, size]``: a lower triangular matrix whose product with its transpose
            is the covariance.
        validate_args: Without effect.
        allow_nan_stats: Without effect: all statistics are defined.
        name: The name.
    """

    def __init__(
        self,
        loc: TensorLike = None,
        scale_tril: TensorLike = None,
        validate_args: bool = False,
        allow_nan_stats: bool = True,
        name: str = "MultivariateNormalTriL",
    ) -> None:
        arguments = locals()
        with get_default_graph().name_scope(name) as scope:
            super().__init__(arguments, 0.0 if loc is None else loc, scale_tril, scope)


@export("contrib.distributions.MultivariateNormalFullCovariance")
class MultivariateNormalFullCovariance(_Triangular):
    """Normally distributed vectors, by their covariance.

    Args:
        loc: ``[…, size]``: the mean; 0 if None.
        covariance_matrix: ``[…, size, size]``: the covariance.
        validate_args: Without effect.
        allow_nan_stats: Without effect: all statistics are defined.
        name: The name.
    """

    def __init__(
        self,
        loc: TensorLike = None,
        covariance_matrix: TensorLike = None,
        validate_args: bool = False,
        allow_nan_stats: bool = True,
        name: str = "MultivariateNormalFullCovariance",
    ) -> None:
        arguments = locals()
        with get_default_graph().name_scope(name) as scope:
            scale = cholesky(convert_to_tensor(covariance_matrix))
            super().__init__(arguments, 0.0 if loc is None else loc, scale, scope)


@RegisterKL(_Normal, _Normal)
def _normal_normal(a: _Normal, b: _Normal, name: str | None = None) -> Tensor:
    moved = reduce_sum(square(b._unscaled(b.loc - a.loc)), -1)
    if isinstance(a, MultivariateNormalDiag) and isinstance(b, MultivariateNormalDiag):
        ratio = reduce_sum(square(a._scale / b._scale), -1)
    else:
        ratio = reduce_sum(square(matrix_triangular_solve(b._whole(), a._whole())), [-2, -1])
    return b._log_volume() - a._log_volume() + 0.5 * (ratio + moved - a._size())


# Relaxed classes.


@export("contrib.distributions.ExpRelaxedOneHotCategorical")
class ExpRelaxedOneHotCategorical(_OfVectors):
    """The logarithm of what `RelaxedOneHotCategorical` gives.

    Args:
        temperature: How far from single classes they are.
        logits: ``[…, classes]``: the log-probabilities of the classes, up to a constant.
        probs: ``[…, classes]``: the probabilities, instead.
        dtype: The type of samples; that of the probabilities if None.
        validate_args: Without effect.
        allow_nan_stats: Without effect: all statistics are defined.
        name: The name.
    """

    def __init__(
        self,
        temperature: TensorLike,
        logits: TensorLike = None,
        probs: TensorLike = None,
        dtype: Any = None,
        validate_args: bool = False,
        allow_nan_stats: bool = True,
        name: str = "ExpRelaxedOneHotCategorical",
    ) -> None:
        super().__init__(locals(), dtype)
        self._temperature = convert_to_tensor(temperature, self.dtype)
        self._reparameterization_type = FULLY_REPARAMETERIZED

    @property
    def temperature(self) -> Tensor:
        """How far from single classes samples are."""
        return self._temperature

    def _log_sample(self, n: Tensor, seed: int | None) -> Tensor:
        sizes = concat([stack([n]), shape(self._logits)], 0)
        uniform = random_uniform(sizes, 1e-30, 1.0, self._logits.dtype, seed)
        gumbel = -log(-log(minimum(uniform, 1 - 1e-7)))
        return log_softmax((gumbel + self._logits) / self._temperature)

    def _log_density(self, logs: Tensor) -> Tensor:
        classes = cast(self.event_size, self.dtype)
        constant = lgamma(classes) + (classes - 1) * log(self._temperature)
        parts = log_softmax(self._logits) - self._temperature * logs
        return constant + reduce_sum(parts, -1) - classes * reduce_logsumexp(parts, -1)

    def _sample_n(self, n: Tensor, seed: int | None = None) -> Tensor:
        return self._log_sample(n, seed)

    def _log_prob(self, value: Tensor) -> Tensor:
        return self._log_density(value)


@export("contrib.distributions.RelaxedOneHotCategorical")
class RelaxedOneHotCategorical(ExpRelaxedOneHotCategorical):
    """Vectors of probabilities near single classes, with gradients.

    Source: Jang et al., "Categorical Reparameterization with Gumbel-Softmax" (2017); Maddison et
    al., "The Concrete Distribution" (2017).

    Args:
        temperature: How far from single classes they are.
        logits: ``[…, classes]``: the log-probabilities of the classes, up to a constant.
        probs: ``[…, classes]``: the probabilities, instead.
        dtype: The type of samples; that of the probabilities if None.
        validate_args: Without effect.
        allow_nan_stats: Without effect: all statistics are defined.
        name: The name.
    """

    def __init__(
        self,
        temperature: TensorLike,
        logits: TensorLike = None,
        probs: TensorLike = None,
        dtype: Any = None,
        validate_args: bool = False,
        allow_nan_stats: bool = True,
        name: str = "RelaxedOneHotCategorical",
    ) -> None:
        super().__init__(temperature, logits, probs, dtype, validate_args, allow_nan_stats, name)

    def _sample_n(self, n: Tensor, seed: int | None = None) -> Tensor:
        return exp(self._log_sample(n, seed))

    def _log_prob(self, value: Tensor) -> Tensor:
        logs = log(value)
        return self._log_density(logs) - reduce_sum(logs, -1)
