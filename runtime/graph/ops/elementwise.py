"""Definitions of elementwise operations in a line each: a function and its gradient."""

from collections.abc import Callable
from typing import Any

import numpy as np

from runtime.graph.convert import TensorLike, convert_to_tensor, same_type
from runtime.graph.definition import (
    Definition,
    Gradient,
    Infer,
    Kernel,
    View,
    not_differentiable,
)
from runtime.graph.export import export
from runtime.graph.ops.rules import broadcasted, checked_kind, predicate, unchanged
from runtime.graph.tensor import Tensor

Function = Callable[..., Tensor]


def unary(
    type_name: str,
    kernel: Kernel,
    names: str,
    doc: str,
    gradient: Gradient | None,
    kinds: str = "fc",
    infer: Infer = unchanged,
    ufunc: bool = True,
    floating: bool = True,
    template: str | None = None,
    passes: Callable[[View], int | None] | None = None,
    features: bool = False,
) -> Function:
    """Defines an operation on each element of a tensor, and exports a function that adds it.

    Args:
        type_name: The operation's type.
        kernel: A NumPy ufunc or another function of an array.
        names: Public names, separated by blanks.
        doc: What it computes, for the docstring.
        gradient: The gradient rule.
        kinds: Kinds of element types that it takes.
        infer: The rule for shape and type.
        ufunc: Whether the kernel can write to a given buffer.
        floating: Whether the kernel may meet floating-point exceptions.
        template: The same as a Python expression.
        passes: When the result equals the input.
        features: Whether the operand is called that; else ``x``.

    Returns:
        A function of a tensor and a name.
    """
    definition = Definition(
        type_name,
        infer,
        kernel,
        ufunc=kernel if ufunc else None,
        gradient=gradient,
        floating=floating,
        template=template,
        passes=passes,
    )

    def function(x: TensorLike, name: str | None = None) -> Any:
        if hasattr(x, "with_values") and not np.any(kernel(np.zeros(1))):
            return x.with_values(function(x.values, name))  # sparse, and zeros stay zeros
        tensor = checked_kind(convert_to_tensor(x), kinds, type_name)
        return definition(tensor, name=name)

    def of_features(features: TensorLike, name: str | None = None) -> Any:
        return function(features, name)

    if features:
        return _published(of_features, names, doc, "features: The operand.")
    return _published(function, names, doc, "x: The operand.")


def binary(
    type_name: str,
    kernel: Kernel | None,
    names: str,
    doc: str,
    gradient: Gradient | None,
    kinds: str = "fciu",
    infer: Infer = broadcasted,
    ufunc: bool = True,
    template: str | Callable[[View], str | None] | None = None,
    bind: Callable[[View], Kernel] | None = None,
    floating: bool = True,
    default: str | None = None,
) -> Function:
    """Defines an operation on the elements of two tensors, and exports a function that adds it.

    Args:
        type_name: The operation's type.
        kernel: A NumPy ufunc or another function of two arrays.
        names: Public names, separated by blanks.
        doc: What it computes, for the docstring.
        gradient: The gradient rule.
        kinds: Kinds of element types that it takes.
        infer: The rule for shape and type.
        ufunc: Whether the kernel can write to a given buffer.
        template: The same as a Python expression, or what makes one.
        bind: Instead of a kernel: makes it.
        floating: Whether the kernel may meet floating-point exceptions.
        default: The name of the operations, if it is another than their type.

    Returns:
        A function of two tensors and a name.
    """
    definition = Definition(
        type_name,
        infer,
        kernel,
        bind=bind,
        template=template,
        ufunc=kernel if ufunc else None,
        gradient=gradient,
        floating=floating,
    )

    def function(x: TensorLike, y: TensorLike, name: str | None = None) -> Tensor:
        first, second = same_type(x, y)
        checked_kind(first, kinds, type_name)
        result: Tensor = definition(first, second, name=name or default)
        return result

    return _published(function, names, doc, "x: An operand.\n        y: The other operand.")


def comparison(type_name: str, kernel: Kernel, names: str, doc: str, symbol: str) -> Function:
    """Defines a comparison of two tensors.

    Args:
        type_name: The operation's type.
        kernel: The NumPy ufunc.
        names: Public names, separated by blanks.
        doc: What it computes, for the docstring.
        symbol: Python's operator.

    Returns:
        A function of two tensors and a name.
    """
    return binary(
        type_name,
        kernel,
        names,
        doc,
        not_differentiable,
        kinds="fciubO" if symbol in ("==", "!=") else "fiu",
        infer=predicate,
        ufunc=False,
        template=f"{{0}} {symbol} {{1}}",
        floating=False,
    )


def _published(function: Any, names: str, doc: str, arguments: str) -> Function:
    public = names.split()
    if public:
        function.__name__ = function.__qualname__ = public[0].rpartition(".")[2]
    function.__doc__ = f"""{doc}

    Args:
        {arguments}
        name: Name of the operation.

    Returns:
        A tensor.
    """
    return export(*public)(function)  # type: ignore[no-any-return]  # export keeps the type
