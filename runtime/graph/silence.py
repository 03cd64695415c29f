"""NumPy's warnings about floating-point numbers, switched off: TensorFlow has none.

`np.errstate` keeps its setting in a context variable. Setting that to what ``errstate`` would set
takes a tenth of the time of entering a new ``errstate``, which a short run would feel.
"""

from collections.abc import Callable
from contextvars import copy_context
from typing import Any, Final

import numpy as np


def _entered(_: None) -> Any:
    state = np.errstate(all="ignore")
    state.__enter__()
    return state


def _left(state: Any) -> None:
    state.__exit__(None, None, None)


def _found() -> tuple[Callable[..., Any], Any, Callable[..., None]]:
    """How to set the warnings, what to, and how to set them back."""
    before = copy_context()
    with np.errstate(all="ignore"):
        inside = copy_context()
    changed = [
        (variable, value) for variable, value in inside.items() if before.get(variable) is not value
    ]
    if len(changed) != 1:  # it is kept elsewhere
        return _entered, None, _left
    variable, value = changed[0]
    return variable.set, value, variable.reset


_set, _silent, _reset = _found()

# What the source of a plan uses: `before = set_warnings(silent)`, at the end
# `reset_warnings(before)`.
SILENCE: Final = {"set_warnings": _set, "silent": _silent, "reset_warnings": _reset}


def silently(function: Callable[..., Any], *arguments: Any) -> Any:
    """Calls a function without warnings.

    Args:
        function: The function.
        *arguments: What it is called with.

    Returns:
        What it returns.
    """
    before = _set(_silent)
    try:
        return function(*arguments)
    finally:
        _reset(before)
