"""Initial values of variables.

Each is made with its parameters and then called with a shape.

Source: the ``tf.compat.v1.initializers`` module documentation.
"""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from runtime.graph import dtypes
from runtime.graph.convert import constant, convert_to_tensor
from runtime.graph.dtypes import DType, as_dtype
from runtime.graph.export import export
from runtime.graph.ops import random
from runtime.graph.ops.array import ones, zeros
from runtime.graph.tensor import Tensor


class Initializer:
    """Base of the initializers.

    Args:
        dtype: The element type, if the call does not say another.
    """

    def __init__(self, dtype: Any = dtypes.float32) -> None:
        self.dtype = as_dtype(dtype)

    def __call__(self, shape: Any, dtype: Any = None, partition_info: Any = None) -> Tensor:
        """Makes an initial value.

        Args:
            shape: The variable's shape.
            dtype: The element type; that of the initializer if None.
            partition_info: Without effect.

        Returns:
            A tensor.
        """
        sizes = [int(d) for d in shape]
        return self._value(sizes, self.dtype if dtype is None else as_dtype(dtype))

    def _value(self, shape: list[int], dtype: DType) -> Tensor:
        raise NotImplementedError(f"{type(self).__name__} does not say what value it gives.")

    def get_config(self) -> dict[str, Any]:
        """The parameters, so that an equal initializer can be made.

        Returns:
            Values by the names of the constructor's arguments.
        """
        config = {key: value for key, value in vars(self).items() if not key.startswith("_")}
        return {**config, "dtype": self.dtype.name}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "Initializer":
        """Makes an initializer of the parameters that `get_config` gave.

        Args:
            config: The parameters.

        Returns:
            The initializer.
        """
        return cls(**config)


@export("zeros_initializer", "initializers.zeros")
class Zeros(Initializer):
    """Zeros."""

    def _value(self, shape: list[int], dtype: DType) -> Tensor:
        return zeros(shape, dtype)


@export("ones_initializer", "initializers.ones")
class Ones(Initializer):
    """Ones."""

    def _value(self, shape: list[int], dtype: DType) -> Tensor:
        return ones(shape, dtype)


@export("constant_initializer", "initializers.constant")
class Constant(Initializer):
    """A given value.

    Args:
        value: A number, or a list or array whose elements fill the variable; the last one is
            repeated if there are too few.
        dtype: The element type.
        verify_shape: Whether the value must have the variable's shape.

    Raises:
        TypeError: If the value is neither.
    """

    def __init__(
        self, value: Any = 0, dtype: Any = dtypes.float32, verify_shape: bool = False
    ) -> None:
        if not (np.isscalar(value) or isinstance(value, (list, tuple, np.ndarray, np.generic))):
            raise TypeError(f"Invalid type for initial value: {type(value).__name__}.")
        super().__init__(dtype)
        self.value = value
        self._verify_shape = verify_shape

    def _value(self, shape: list[int], dtype: DType) -> Tensor:
        return constant(self.value, dtype, shape, verify_shape=self._verify_shape)


@export("random_uniform_initializer", "initializers.random_uniform")
class RandomUniform(Initializer):
    """Numbers that are equally likely in a range.

    Args:
        minval: The least number.
        maxval: The limit.
        seed: The operation's seed.
        dtype: The element type.
    """

    def __init__(
        self,
        minval: Any = 0.0,
        maxval: Any = None,
        seed: int | None = None,
        dtype: Any = dtypes.float32,
    ) -> None:
        super().__init__(dtype)
        self.minval, self.maxval, self.seed = minval, maxval, seed

    def _value(self, shape: list[int], dtype: DType) -> Tensor:
        return random.random_uniform(shape, self.minval, self.maxval, dtype, self.seed)


@export("random_normal_initializer", "initializers.random_normal")
class RandomNormal(Initializer):
    """Numbers from a normal distribution.

    Args:
        mean: The mean.
        stddev: The standard deviation.
        seed: The operation's seed.
        dtype: The element type.
    """

    def __init__(
        self,
        mean: Any = 0.0,
        stddev: Any = 1.0,
        seed: int | None = None,
        dtype: Any = dtypes.float32,
    ) -> None:
        super().__init__(dtype)
        self.mean, self.stddev, self.seed = mean, stddev, seed

    def _value(self, shape: list[int], dtype: DType) -> Tensor:
        return random.random_normal(shape, self.mean, self.stddev, dtype, self.seed)


@export("truncated_normal_initializer", "initializers.truncated_normal")
class TruncatedNormal(RandomNormal):
    """Numbers from a normal distribution, none further than two standard deviations away."""

    def _value(self, shape: list[int], dtype: DType) -> Tensor:
        return random.truncated_normal(shape, self.mean, self.stddev, dtype, self.seed)


def fans(shape: Sequence[int]) -> tuple[float, float]:
    """The numbers of inputs and of outputs of one unit of a layer with such weights.

    Args:
        shape: The shape of the weights.

    Returns:
        Both numbers.
    """
    if len(shape) < 2:
        size = shape[0] if shape else 1
        return size, size
    receptive = math.prod(shape[:-2])
    return shape[-2] * receptive, shape[-1] * receptive


# The standard deviation of a standard normal distribution cut at two standard deviations.
_CUT_DEVIATION = 0.87962566103423978


@export("variance_scaling_initializer", "initializers.variance_scaling")
class VarianceScaling(Initializer):
    """Random numbers whose variance depends on the number of a unit's inputs or outputs.

    Args:
        scale: The factor of the variance.
        mode: ``"fan_in"``, ``"fan_out"`` or ``"fan_avg"``.
        distribution: ``"truncated_normal"`` (or ``"normal"``), ``"untruncated_normal"`` or
            ``"uniform"``.
        seed: The operation's seed.
        dtype: The element type.

    Raises:
        ValueError: If an argument is none of these.
    """

    def __init__(
        self,
        scale: float = 1.0,
        mode: str = "fan_in",
        distribution: str = "truncated_normal",
        seed: int | None = None,
        dtype: Any = dtypes.float32,
    ) -> None:
        if scale <= 0.0:
            raise ValueError(f"Argument `scale` must be a positive float, got {scale}.")
        if mode not in ("fan_in", "fan_out", "fan_avg"):
            raise ValueError(f"Argument `mode` must be fan_in, fan_out or fan_avg, got {mode!r}.")
        known = ("normal", "truncated_normal", "untruncated_normal", "uniform")
        if distribution.lower() not in known:
            raise ValueError(f"Argument `distribution` must be in {known}, got {distribution!r}.")
        super().__init__(dtype)
        self.scale, self.mode, self.seed = scale, mode, seed
        self.distribution = distribution.lower()

    def _value(self, shape: list[int], dtype: DType) -> Tensor:
        fan_in, fan_out = fans(shape)
        fan = {"fan_in": fan_in, "fan_out": fan_out, "fan_avg": (fan_in + fan_out) / 2}[self.mode]
        variance = self.scale / max(1.0, fan)
        if self.distribution == "uniform":
            limit = math.sqrt(3.0 * variance)
            return random.random_uniform(shape, -limit, limit, dtype, self.seed)
        if self.distribution == "untruncated_normal":
            return random.random_normal(shape, 0.0, math.sqrt(variance), dtype, self.seed)
        spread = math.sqrt(variance) / _CUT_DEVIATION
        return random.truncated_normal(shape, 0.0, spread, dtype, self.seed)


class _Scaled(VarianceScaling):
    """Variance scaling with fixed parameters."""

    _parameters: tuple[float, str, str] = (1.0, "fan_in", "truncated_normal")

    def __init__(self, seed: int | None = None, dtype: Any = dtypes.float32) -> None:
        scale, mode, distribution = self._parameters
        super().__init__(scale, mode, distribution, seed, dtype)

    def get_config(self) -> dict[str, Any]:
        """The parameters, so that an equal initializer can be made.

        Returns:
            Values by the names of the constructor's arguments.
        """
        return {"seed": self.seed, "dtype": self.dtype.name}


@export("glorot_uniform_initializer", "initializers.glorot_uniform")
class GlorotUniform(_Scaled):
    """Uniform numbers whose variance is 2 / (inputs + outputs).

    Args:
        seed: The operation's seed.
        dtype: The element type.
    """

    _parameters = (1.0, "fan_avg", "uniform")


@export("glorot_normal_initializer", "initializers.glorot_normal")
class GlorotNormal(_Scaled):
    """Cut normal numbers whose variance is 2 / (inputs + outputs).

    Args:
        seed: The operation's seed.
        dtype: The element type.
    """

    _parameters = (1.0, "fan_avg", "truncated_normal")


class HeNormal(_Scaled):
    """Cut normal numbers whose variance is 2 / inputs."""

    _parameters = (2.0, "fan_in", "truncated_normal")


class HeUniform(_Scaled):
    """Uniform numbers whose variance is 2 / inputs."""

    _parameters = (2.0, "fan_in", "uniform")


class LecunNormal(_Scaled):
    """Cut normal numbers whose variance is 1 / inputs."""

    _parameters = (1.0, "fan_in", "truncated_normal")


class LecunUniform(_Scaled):
    """Uniform numbers whose variance is 1 / inputs."""

    _parameters = (1.0, "fan_in", "uniform")


@export("uniform_unit_scaling_initializer", "initializers.uniform_unit_scaling")
class UniformUnitScaling(Initializer):
    """Uniform numbers such that a product with them keeps the scale of the inputs.

    Args:
        factor: The factor of all numbers.
        seed: The operation's seed.
        dtype: The element type.
    """

    def __init__(
        self, factor: float = 1.0, seed: int | None = None, dtype: Any = dtypes.float32
    ) -> None:
        super().__init__(dtype)
        self.factor, self.seed = factor, seed

    def _value(self, shape: list[int], dtype: DType) -> Tensor:
        limit = math.sqrt(3 / max(1.0, math.prod(shape[:-1]))) * self.factor
        return random.random_uniform(shape, -limit, limit, dtype, self.seed)


@export("initializers.he_normal")
def he_normal(seed: int | None = None) -> Initializer:
    """An initializer with cut normal numbers whose variance is 2 / inputs.

    Args:
        seed: The operation's seed.

    Returns:
        The initializer.
    """
    return HeNormal(seed)


@export("initializers.he_uniform")
def he_uniform(seed: int | None = None) -> Initializer:
    """An initializer with uniform numbers whose variance is 2 / inputs.

    Args:
        seed: The operation's seed.

    Returns:
        The initializer.
    """
    return HeUniform(seed)


@export("initializers.lecun_normal")
def lecun_normal(seed: int | None = None) -> Initializer:
    """An initializer with cut normal numbers whose variance is 1 / inputs.

    Args:
        seed: The operation's seed.

    Returns:
        The initializer.
    """
    return LecunNormal(seed)


@export("initializers.lecun_uniform")
def lecun_uniform(seed: int | None = None) -> Initializer:
    """An initializer with uniform numbers whose variance is 1 / inputs.

    Args:
        seed: The operation's seed.

    Returns:
        The initializer.
    """
    return LecunUniform(seed)


@export("initializers.identity")
class Identity(Initializer):
    """An identity matrix.

    Args:
        gain: The number on the diagonal.
        dtype: The element type.
    """

    def __init__(self, gain: float = 1.0, dtype: Any = dtypes.float32) -> None:
        super().__init__(dtype)
        self.gain = gain

    def _value(self, shape: list[int], dtype: DType) -> Tensor:
        if len(shape) != 2:
            raise ValueError(f"Identity matrix initializer can only be used for 2D, got {shape}.")
        return convert_to_tensor(np.eye(shape[0], shape[1], dtype=dtype.numpy) * self.gain, dtype)


@export("orthogonal_initializer", "initializers.orthogonal")
class Orthogonal(Initializer):
    """An orthogonal matrix, from random numbers.

    Args:
        gain: The factor of all numbers.
        seed: The operation's seed.
        dtype: The element type.
    """

    def __init__(
        self, gain: float = 1.0, seed: int | None = None, dtype: Any = dtypes.float32
    ) -> None:
        super().__init__(dtype)
        self.gain, self.seed = gain, seed

    def _value(self, shape: list[int], dtype: DType) -> Tensor:
        if len(shape) < 2:
            raise ValueError(f"The tensor to initialize must be at least 2D, got shape {shape}.")
        return random.random_orthogonal(shape, self.gain, dtype, self.seed)


def default_for(dtype: DType) -> Initializer:
    """The initializer that `get_variable` uses if it is given none.

    Args:
        dtype: The variable's element type.

    Returns:
        Glorot's uniform one for floating-point numbers, else zeros (empty strings).

    Raises:
        ValueError: If there is none for the type.
    """
    if dtype.is_floating:
        return GlorotUniform()
    if dtype.is_integer or dtype.is_bool or dtype is dtypes.string:
        return Zeros()
    raise ValueError(f"An initializer for a variable of {dtype.name} is required.")
