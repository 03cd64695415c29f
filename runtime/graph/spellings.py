"""Activations, initial values and regularizers by their names, as layers take them.

Source: the documentation of ``tf.compat.v1.layers`` and of the names in ``tf.keras``.
"""

from collections.abc import Callable
from typing import Any, Final

from runtime.graph import initializers
from runtime.graph.ops.math import exp, square
from runtime.graph.ops.reduction import reduce_sum
from runtime.graph.tensor import Tensor

_IN_NN: Final = frozenset(
    {
        "elu",
        "leaky_relu",
        "log_softmax",
        "relu",
        "relu6",
        "selu",
        "sigmoid",
        "softmax",
        "softplus",
        "softsign",
        "swish",
        "tanh",
    }
)
_INITIALIZERS: Final[dict[str, Callable[[], Any]]] = {
    "constant": initializers.Constant,
    "glorot_normal": initializers.GlorotNormal,
    "glorot_uniform": initializers.GlorotUniform,
    "he_normal": initializers.he_normal,
    "he_uniform": initializers.he_uniform,
    "identity": initializers.Identity,
    "lecun_normal": initializers.lecun_normal,
    "lecun_uniform": initializers.lecun_uniform,
    "normal": lambda: initializers.RandomNormal(0.0, 0.05),
    "ones": initializers.Ones,
    "orthogonal": initializers.Orthogonal,
    "random_normal": lambda: initializers.RandomNormal(0.0, 0.05),
    "random_uniform": lambda: initializers.RandomUniform(-0.05, 0.05),
    "truncated_normal": lambda: initializers.TruncatedNormal(0.0, 0.05),
    "uniform": lambda: initializers.RandomUniform(-0.05, 0.05),
    "variance_scaling": initializers.VarianceScaling,
    "zeros": initializers.Zeros,
}


def activation_of(given: Any) -> Any:
    """An activation.

    Args:
        given: A function of a tensor, its name, or None.

    Returns:
        The function, or None.

    Raises:
        ValueError: If there is none of that name.
    """
    if not isinstance(given, str):
        return given
    if given in ("linear", "identity"):
        return None
    if given in _OTHERS:
        return _OTHERS[given]
    if given in _IN_NN:
        from runtime.graph.export import public

        return public("nn", given)
    raise ValueError(_unknown("activation", given, [*_IN_NN, *_OTHERS, "linear"]))


def initializer_of(given: Any) -> Any:
    """What gives a variable's initial value.

    Args:
        given: An initializer, its name or class, a value, or None.

    Returns:
        The initializer; what was given if it is no name.

    Raises:
        ValueError: If there is none of that name.
    """
    if not isinstance(given, str):
        return given
    if given not in _INITIALIZERS:
        raise ValueError(_unknown("initializer", given, list(_INITIALIZERS)))
    return _INITIALIZERS[given]()


def regularizer_of(given: Any) -> Any:
    """What gives a loss of a variable.

    Args:
        given: A function, its name (``"l1"``, ``"l2"``, ``"l1_l2"``), or None.

    Returns:
        The function.

    Raises:
        ValueError: If there is none of that name.
    """
    if not isinstance(given, str):
        return given
    if given not in _REGULARIZERS:
        raise ValueError(_unknown("regularizer", given, list(_REGULARIZERS)))
    return _REGULARIZERS[given]


def _unknown(what: str, given: str, known: list[str]) -> str:
    return f"Unknown {what}: {given!r}. Use a function, or one of {', '.join(sorted(known))}."


def _hard_sigmoid(x: Tensor) -> Tensor:
    from runtime.graph.ops.math import clip_by_value

    return clip_by_value(x * 0.2 + 0.5, 0.0, 1.0)


def _l1(w: Any) -> Tensor:
    return 0.01 * reduce_sum(abs(w + 0.0))


def _l2(w: Any) -> Tensor:
    return 0.01 * reduce_sum(square(w))


_OTHERS: Final[dict[str, Callable[[Tensor], Tensor]]] = {
    "exponential": exp,
    "hard_sigmoid": _hard_sigmoid,
}
_REGULARIZERS: Final[dict[str, Callable[[Any], Tensor]]] = {
    "l1": _l1,
    "l2": _l2,
    "l1_l2": lambda w: _l1(w) + _l2(w),
}
