"""Arguments for many calls at once: `arg_scope`.

Source: the ``tf.contrib.framework.arg_scope`` documentation.
"""

import functools
import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, TypeVar

from runtime.graph.export import export

F = TypeVar("F", bound=Callable[..., Any])
# What each function gets, by its key.
Scope = Mapping[str, Mapping[str, Any]]

_CURRENT: ContextVar[Scope | None] = ContextVar("arg_scope", default=None)
_KNOWN: dict[str, frozenset[str]] = {}  # the arguments with a default, by the function's key


@export("contrib.framework.current_arg_scope", "contrib.slim.current_arg_scope")
def current_arg_scope() -> Scope:
    """What the functions get at this place, by their keys."""
    return _CURRENT.get() or {}


@export("contrib.framework.arg_scope_func_key", "contrib.slim.arg_scope_func_key")
def arg_scope_func_key(op: Any) -> str:
    """The key of a function in the current arguments.

    Args:
        op: The function.

    Returns:
        The key.
    """
    return str(getattr(op, "_key_op", op))


@export("contrib.framework.arg_scope", "contrib.slim.arg_scope")
@contextmanager
def arg_scope(list_ops_or_scope: Any, **kwargs: Any) -> Iterator[Scope]:
    """Gives functions other defaults inside the block.

    Args:
        list_ops_or_scope: A function or a list of them, each made by `add_arg_scope`; or what an
            earlier `arg_scope` gave, to have that again.
        **kwargs: The defaults.

    Yields:
        What the functions get, to be given to another `arg_scope`.

    Raises:
        TypeError: If the first argument is neither.
        ValueError: If a function takes no such defaults, or defaults come with an old scope.
    """
    chosen = _chosen(list_ops_or_scope, kwargs)
    token = _CURRENT.set(chosen)
    try:
        yield chosen
    finally:
        _CURRENT.reset(token)


def _chosen(given: Any, kwargs: dict[str, Any]) -> Scope:
    if isinstance(given, Mapping):
        if kwargs:
            raise ValueError(
                "When attempting to re-use a scope by suppling a dictionary, kwargs must be empty, "
                f"but there is {', '.join(kwargs)}."
            )
        return given
    functions = given if isinstance(given, (list, tuple)) else [given]
    if not all(callable(function) for function in functions):
        raise TypeError(
            "list_ops_or_scope must either be a list/tuple or reused scope (i.e. dict), not "
            f"{given!r}."
        )
    return {**current_arg_scope(), **_changed(functions, kwargs)}


def _changed(functions: Sequence[Any], kwargs: dict[str, Any]) -> dict[str, Mapping[str, Any]]:
    changed: dict[str, Mapping[str, Any]] = {}
    for function in functions:
        key = arg_scope_func_key(function)
        if not has_arg_scope(function):
            raise ValueError(
                f"{getattr(function, '__name__', function)} is not decorated with @add_arg_scope, "
                "so arg_scope can't give it arguments."
            )
        changed[key] = {**current_arg_scope().get(key, {}), **kwargs}
    return changed


@export("contrib.framework.add_arg_scope", "contrib.slim.add_arg_scope")
def add_arg_scope(func: F) -> F:
    """Lets `arg_scope` give a function arguments; a decorator.

    Args:
        func: The function.

    Returns:
        The function, which takes what it was not given from the scope.
    """

    @functools.wraps(func)
    def with_defaults(*args: Any, **kwargs: Any) -> Any:
        return func(*args, **{**current_arg_scope().get(key, {}), **kwargs})

    key = f"{func.__module__}.{func.__qualname__}"
    vars(with_defaults)["_key_op"] = key
    parameters = inspect.signature(func).parameters.values()
    _KNOWN[key] = frozenset(p.name for p in parameters if p.default is not p.empty)
    return with_defaults  # type: ignore[return-value]  # it takes the same arguments


@export("contrib.framework.has_arg_scope", "contrib.slim.has_arg_scope")
def has_arg_scope(func: Any) -> bool:
    """Whether `arg_scope` can give a function arguments.

    Args:
        func: The function.

    Returns:
        Whether `add_arg_scope` made it.
    """
    return arg_scope_func_key(func) in _KNOWN


@export("contrib.framework.arg_scoped_arguments", "contrib.slim.arg_scoped_arguments")
def arg_scoped_arguments(func: Any) -> tuple[str, ...]:
    """The arguments that `arg_scope` can give a function.

    Args:
        func: The function, made by `add_arg_scope`.

    Returns:
        Their names.
    """
    return tuple(sorted(_KNOWN[arg_scope_func_key(func)]))
