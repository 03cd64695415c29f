"""Small functions of `contrib.framework`.

Source: the ``tf.contrib.framework`` documentation.
"""

from collections.abc import Callable
from typing import Any

from runtime.graph.convert import convert_to_tensor
from runtime.graph.export import export
from runtime.graph.graph import get_default_graph
from runtime.graph.ops.cond import cond
from runtime.graph.tensor import Tensor
from runtime.graph.values import get_static_value


@export("contrib.framework.get_name_scope")
def get_name_scope() -> str:
    """The current name scope."""
    with get_default_graph().name_scope("scope") as inner:
        return inner.rpartition("scope")[0].removesuffix("/")


@export("contrib.framework.smart_constant_value", "contrib.util.constant_value")
def constant_value(tensor: Any, partial: bool = False) -> Any:
    """The value of a tensor, if it is known before the graph runs.

    Args:
        tensor: A tensor.
        partial: Whether to give a vector of integers of which only some are known.

    Returns:
        An array or scalar; None if it isn't known.
    """
    return get_static_value(tensor, partial)


@export("contrib.framework.smart_cond")
def smart_cond(
    pred: Any,
    true_fn: Callable[[], Any] | None = None,
    false_fn: Callable[[], Any] | None = None,
    name: str | None = None,
) -> Any:
    """Calls one of two functions if the condition is known already, else makes a `tf.cond`.

    Args:
        pred: A bool, or a tensor.
        true_fn: What is done if it holds.
        false_fn: What is done if it does not.
        name: Name of the scope of the operations.

    Returns:
        What the function gives, or the tensors of either.

    Raises:
        TypeError: If one is no function.
    """
    if not callable(true_fn) or not callable(false_fn):
        raise TypeError("smart_cond needs two functions: true_fn and false_fn.")
    known = pred if isinstance(pred, (bool, int)) else get_static_value(convert_to_tensor(pred))
    if known is None:
        return cond(pred, true_fn, false_fn, name=name)
    return true_fn() if known else false_fn()


@export("contrib.framework.assert_scalar")
def assert_scalar(tensor: Any, name: str | None = None, message: str | None = None) -> Tensor:
    """Checks that something has no axes.

    Args:
        tensor: A tensor, or what becomes one.
        name: Without effect.
        message: What the error begins with.

    Returns:
        The tensor.

    Raises:
        ValueError: If it has axes.
    """
    value = convert_to_tensor(tensor)
    if value.dims not in (None, ()):
        raise ValueError(
            f"{message or ''}Expected scalar shape for {value.name}, saw shape: {value.shape}."
        )
    return value


@export("contrib.framework.with_shape")
def with_shape(expected_shape: Any, tensor: Any) -> Tensor:
    """A tensor whose static shape is known to be as it should.

    Args:
        expected_shape: The shape.
        tensor: The tensor.

    Returns:
        The tensor.

    Raises:
        ValueError: If it has another shape.
    """
    value = convert_to_tensor(tensor)
    value.set_shape(expected_shape)
    return value
