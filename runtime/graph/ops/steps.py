"""How a step of an optimizer is carried out: locks, buffers, numbers.

An algorithm is a `Rule` that overwrites arrays. It gets buffers of the variable and of what is kept
beside it, the algorithm's numbers, and the gradient. As a plan is, a kernel is straight-line
Python, made for what is known: small variables feel each call and loop.
"""

import types
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from typing import Any, TypeAlias

import numpy as np

from runtime.graph.definition import Kernel, View

# Overwrites the variable and what is kept; may overwrite the gradient, which comes last. Any:
# arrays of any floating-point type.
Rule: TypeAlias = Callable[..., None]

# A number of a rule: the function that makes it, and of which parameters. It becomes an array
# without axes, which NumPy takes faster than a scalar.
Number: TypeAlias = tuple[Callable[..., Any], *tuple[int, ...]]


def same(parameter: Any) -> Any:
    """A number that is a parameter itself."""
    return parameter


def rest(parameter: Any) -> Any:
    """A number that is what a parameter leaves of one."""
    return 1 - parameter


def parameters(count: int) -> list[Number]:
    """Numbers that are the first parameters themselves.

    Args:
        count: How many.

    Returns:
        The numbers.
    """
    return [(same, index) for index in range(count)]


def bind_step(view: View, rule: Rule, cells: int, numbers: Sequence[Number]) -> Kernel:
    """The kernel of a step on a whole variable.

    Args:
        view: The operation: the variable, what is kept, parameters, the gradient.
        rule: The algorithm.
        cells: How many of the inputs are variables.
        numbers: The numbers of the rule.

    Returns:
        A function of the inputs that gives the variable's new contents.
    """
    in_place = all(spec.exclusive and spec.dims for spec in view.inputs[:cells])
    values = [spec.value for spec in view.inputs]
    names: dict[str, Any] = {"rule": rule, "array": np.array, "asarray": np.asarray}
    awaited = []
    for index, (of, *at) in enumerate(numbers):
        parameters = [values[cells + i] for i in at]
        unknown = any(value is None for value in parameters)
        names[f"n{index}"] = of if unknown else np.asarray(of(*parameters))
        if unknown:
            awaited.append((index, tuple(cells + i for i in at)))
    shape = (len(values), cells, len(numbers), tuple(awaited))
    return types.FunctionType(_compiled(*shape, in_place, view.inputs[-1].owned), names)


@lru_cache(256)
def _compiled(
    inputs: int, cells: int, numbers: int, awaited: Sequence[Any], in_place: bool, owned: bool
) -> types.CodeType:
    """The code of a kernel, whose names are a rule and its numbers.

    Args:
        inputs: How many inputs there are.
        cells: How many of them are variables.
        numbers: How many numbers the rule takes.
        awaited: Those that are made in the step: which, and of which inputs.
        in_place: Whether the variables' own buffers may be overwritten.
        owned: Whether the gradient may be overwritten.

    Returns:
        The code of a function of the inputs.
    """
    lines = _lines(inputs, cells, numbers, dict(awaited), in_place, owned)
    module = compile("\n".join(lines), "<step>", "exec", dont_inherit=True)
    return next(c for c in module.co_consts if isinstance(c, types.CodeType))


def _lines(
    inputs: int, cells: int, numbers: int, awaited: Any, in_place: bool, owned: bool
) -> Iterator[str]:
    gradient = f"x{inputs - 1}"
    yield f"def step({', '.join([f'x{i}' for i in range(inputs)])}):"
    for index, at in awaited.items():
        yield f" m{index} = asarray(n{index}({', '.join([f'x{i}' for i in at])}))"
    if not owned:
        yield f" {gradient} = array({gradient})"
    yield f" with {', '.join([f'x{i}.lock' for i in range(cells)])}:"
    for i in range(cells):
        yield f"  b{i} = x{i}.writable()" if in_place else f"  b{i} = array(x{i}.value)"
    made = [f"m{i}" if i in awaited else f"n{i}" for i in range(numbers)]
    yield f"  rule({', '.join([*[f'b{i}' for i in range(cells)], *made, gradient])})"
    if not in_place:
        yield from [f"  x{i}.value = b{i}[()]" for i in range(cells)]
    yield "  return x0.value"
