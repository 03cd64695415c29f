"""Initializers of `contrib.layers`.

Source: the documentation of ``tf.contrib.layers.variance_scaling_initializer``.
"""

import math
from collections.abc import Callable
from typing import Any

from runtime.graph import dtypes
from runtime.graph.dtypes import as_dtype
from runtime.graph.export import export
from runtime.graph.initializers import fans
from runtime.graph.ops import random
from runtime.graph.tensor import Tensor

Initializer = Callable[..., Tensor]


@export(
    "contrib.layers.variance_scaling_initializer",
    "contrib.slim.variance_scaling_initializer",
    "contrib.slim.initializers.variance_scaling_initializer",
)
def variance_scaling_initializer(
    factor: float = 2.0,
    mode: str = "FAN_IN",
    uniform: bool = False,
    seed: int | None = None,
    dtype: Any = dtypes.float32,
) -> Initializer:
    """Random numbers whose variance depends on the number of a unit's inputs or outputs.

    Args:
        factor: The factor of the variance.
        mode: ``"FAN_IN"``, ``"FAN_OUT"`` or ``"FAN_AVG"``.
        uniform: Whether the numbers are equally likely in a range; else from a normal
            distribution, none further than two standard deviations away.
        seed: The operation's seed.
        dtype: The element type.

    Returns:
        A function of a shape.

    Raises:
        ValueError: If the mode is none of these.
        TypeError: If the element type is not of floating-point numbers.
    """
    if not as_dtype(dtype).is_floating:
        raise TypeError("Cannot create initializer for non-floating point type.")
    if mode not in ("FAN_IN", "FAN_OUT", "FAN_AVG"):
        raise ValueError(f"Unknown mode {mode} [FAN_IN, FAN_OUT, FAN_AVG]")

    def initializer(shape: Any, dtype: Any = dtype, partition_info: Any = None) -> Tensor:
        sizes = [int(size) for size in shape]
        inputs, outputs = fans(sizes)
        fan = {"FAN_IN": inputs, "FAN_OUT": outputs, "FAN_AVG": (inputs + outputs) / 2}[mode]
        if uniform:
            limit = math.sqrt(3.0 * factor / fan)
            return random.random_uniform(sizes, -limit, limit, dtype, seed)
        # 1.3 makes up for the variance that cutting takes away.
        return random.truncated_normal(sizes, 0.0, math.sqrt(1.3 * factor / fan), dtype, seed)

    return initializer


@export(
    "contrib.layers.xavier_initializer",
    "contrib.layers.xavier_initializer_conv2d",
    "contrib.slim.xavier_initializer",
    "contrib.slim.xavier_initializer_conv2d",
    "contrib.slim.initializers.xavier_initializer",
)
def xavier_initializer(
    uniform: bool = True, seed: int | None = None, dtype: Any = dtypes.float32
) -> Initializer:
    """Random numbers that keep the scale of gradients about the same in all layers.

    Args:
        uniform: Whether the numbers are equally likely in a range; else they come from a normal
            distribution.
        seed: The operation's seed.
        dtype: The element type.

    Returns:
        A function of a shape.
    """
    return variance_scaling_initializer(1.0, "FAN_AVG", uniform, seed, dtype)
