"""The operations, by family. Importing this package registers all of them."""

from runtime.graph.ops import (
    array,
    control_flow,
    data_flow,
    math,
    nn,
    random,
    reduction,
    script,
    state,
)

__all__ = [
    "array",
    "control_flow",
    "data_flow",
    "math",
    "nn",
    "random",
    "reduction",
    "script",
    "state",
]
