"""Public names: which function appears where in the `tf` namespace.

A family of operations says with `export` under which of TensorFlow's names a function is to be
had; `runtime/__init__.py` and its sub-namespaces fill themselves from here.
"""

from collections import defaultdict
from collections.abc import Callable
from types import ModuleType
from typing import Any, NoReturn, TypeVar

F = TypeVar("F", bound=Any)  # functions and classes alike, of any signature

_NAMES: defaultdict[str, dict[str, Any]] = defaultdict(dict)


def export(*names: str) -> Callable[[F], F]:
    """Makes a function or class public.

    Args:
        *names: Names below `tf`, for example ``"tanh"`` and ``"nn.tanh"``.

    Returns:
        A decorator that returns what it decorates.
    """

    def register(target: F) -> F:
        for name in names:
            namespace, _, last = name.rpartition(".")
            _NAMES[namespace][last] = target
        return target

    return register


def exported(namespace: str = "") -> dict[str, Any]:
    """What is public in a namespace.

    Args:
        namespace: For example ``"nn"``; empty for `tf` itself.

    Returns:
        Objects by name.
    """
    return dict(_NAMES[namespace])


def namespace(name: str) -> ModuleType:
    """A namespace such as ``tf.math``, with what is public in it.

    Args:
        name: Its name.

    Returns:
        A module, with the namespaces below it; it says what is there if a missing name is asked
        for.
    """
    module = ModuleType(f"runtime.{name}", f"``tf.{name}``")
    names = vars(module)
    names.update(exported(name))
    for inner in [key for key in _NAMES if key.rpartition(".")[0] == name]:
        names[inner.rpartition(".")[2]] = namespace(inner)
    names["__getattr__"] = missing(f"tf.{name}", names)
    return module


def missing(namespace: str, names: dict[str, Any]) -> Callable[[str], NoReturn]:
    """A module's ``__getattr__``, which says what is there instead of a missing name.

    Args:
        namespace: For example ``"tf.nn"``.
        names: The module's globals.

    Returns:
        A function that raises AttributeError with the nearest names that exist.
    """

    def fail(name: str) -> NoReturn:
        near = _elsewhere(name) or _nearest(name, names)
        raise AttributeError(f"{namespace}.{name} does not exist here{near}")

    return fail


def _elsewhere(name: str) -> str:
    """Where something of just that name exists."""
    places = [f"tf.{key}.{name}" if key else f"tf.{name}" for key in _NAMES if name in _NAMES[key]]
    return f"; there is {' and '.join(places)}." if places else ""


def _nearest(name: str, names: dict[str, Any]) -> str:
    """What is most like a name: names that hold it, else names that are spelled alike."""
    if name.startswith("_"):
        return "."
    import difflib

    public = [known for known in names if not known.startswith("_")]
    part = name.lower()
    near = [known for known in public if part in known.lower()][:3]
    near = near or difflib.get_close_matches(name, public, n=3, cutoff=0.6)
    if near:
        return f"; the nearest names are: {', '.join(near)}."
    every = {
        known: f"tf.{key}.{known}".replace("..", ".") for key in _NAMES for known in _NAMES[key]
    }
    far = difflib.get_close_matches(name, every, n=3, cutoff=0.5)
    return f"; the nearest names are: {', '.join(every[f] for f in far)}." if far else "."
