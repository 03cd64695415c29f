"""Public names: which function appears where in the `tf` namespace, and which module defines it.

A family of operations says with `export` under which of TensorFlow's names a function is to be
had. `runtime.names` lists these names by module, so that a module is imported when the first of
its names is used: ``python -m runtime.graph.naming`` writes that list, and a test fails when it
is stale.
"""

import sys
from collections import defaultdict
from collections.abc import Callable, Mapping
from functools import cache
from importlib import import_module
from operator import attrgetter
from types import FrameType, MappingProxyType, ModuleType
from typing import Any, NoReturn, TypeVar

F = TypeVar("F", bound=Any)  # functions and classes alike, of any signature

_NAMES: defaultdict[str, dict[str, Any]] = defaultdict(dict)
_OWNERS: dict[str, str] = {}  # the module that exports a name, by the name below `tf`


def export(*names: str) -> Callable[[F], F]:
    """Makes a function or class public.

    Args:
        *names: Names below `tf`, for example ``"tanh"`` and ``"nn.tanh"``.

    Returns:
        A decorator that returns what it decorates.
    """
    owner = _module_being_imported()

    def register(target: F) -> F:
        for name in names:
            _OWNERS[name] = owner
            namespace, _, last = name.rpartition(".")
            _NAMES[namespace][last] = target
        return target

    return register


def _module_being_imported() -> str:
    frame: FrameType | None = sys._getframe(2)
    while frame is not None and frame.f_code.co_name != "<module>":
        frame = frame.f_back
    return "" if frame is None else str(frame.f_globals["__name__"])


def owners() -> dict[str, str]:
    """The module that exports a name, by its name below `tf`, for the modules that are loaded."""
    return dict(_OWNERS)


@cache
def _places() -> dict[str, dict[str, str]]:
    """The module of each public name, by namespace."""
    from runtime.names import MODULES

    found: dict[str, dict[str, str]] = {"": {}}
    for module, names in MODULES.items():
        for full in names.split():
            namespace, _, name = full.rpartition(".")
            found.setdefault(namespace, {})[name] = module
    return found


def load_all() -> None:
    """Imports every module that defines public names, and with it all types of operations."""
    for module in {module for names in _places().values() for module in names.values()}:
        import_module(module)


def public(namespace: str, name: str) -> Any:  # Any: functions and classes
    """What a public name stands for; its module is imported if need be.

    Args:
        namespace: For example ``"nn"``; empty for `tf` itself.
        name: The name.

    Returns:
        The function or class.

    Raises:
        KeyError: If there is no such name.
    """
    module = _places().get(namespace, {})[name]
    import_module("runtime.graph.core")  # the others rely on it
    loaded = import_module(module)
    exported = _NAMES[namespace]
    return exported[name] if name in exported else getattr(loaded, name)


def attributes(
    namespace: str,
    names: dict[str, Any],
    later: tuple[str, ...] = (),
    aliases: Mapping[str, str] = MappingProxyType({}),
) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """``__getattr__`` and ``__dir__`` of the module that is a namespace.

    Args:
        namespace: For example ``"nn"``; empty for `tf` itself.
        names: The module's globals; what was looked up once is kept there.
        later: Names of modules below the module.
        aliases: Names for what is to be had elsewhere below `tf`, by the name there.

    Returns:
        Both functions.
    """
    fail = missing(f"tf.{namespace}" if namespace else "tf", {**aliases, **names})
    inner = namespace + "." if namespace else ""

    def look_up(name: str) -> Any:
        if name in later:
            return import_module(f"{names['__name__']}.{name}")
        if name in _places().get(namespace, {}):
            names[name] = public(namespace, name)
        elif name in aliases:
            names[name] = attrgetter(aliases[name])(import_module("runtime"))
        elif inner + name in _places() and not name.startswith("_"):
            names[name] = _namespace(inner + name)
        else:
            fail(name)
        return names[name]

    def listed() -> list[str]:
        below = [key.rpartition(".")[2] for key in _places() if key.rpartition(".")[0] == namespace]
        return sorted({*names, *_places().get(namespace, {}), *below, *later, *aliases} - {""})

    return look_up, listed


def _namespace(name: str) -> ModuleType:
    """A namespace such as ``tf.math`` that has no module of its own."""
    module = ModuleType(f"runtime.{name}", f"``tf.{name}``")
    names = vars(module)
    names["__getattr__"], names["__dir__"] = attributes(name, names)
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
        from runtime.graph.absent import ALTERNATIVES

        if (instead := ALTERNATIVES.get(f"{namespace}.{name}"[3:])) is not None:
            raise AttributeError(f"{namespace}.{name} does not exist here. {instead}")
        here = names.get("__all__", names)
        near = _elsewhere(name) or _nearest(name, [*here, *_places().get(namespace[3:], {})])
        raise AttributeError(f"{namespace}.{name} does not exist here{near}")

    return fail


def _elsewhere(name: str) -> str:
    """Where something of just that name exists."""
    known = _places().items()
    places = [f"tf.{key}.{name}" if key else f"tf.{name}" for key, names in known if name in names]
    return f"; there is {' and '.join(places)}." if places else ""


def _nearest(name: str, names: list[str]) -> str:
    """What is most like a name: names that hold it, else names that are spelled alike."""
    if name.startswith("_"):
        return "."
    import difflib

    public = sorted({known for known in names if not known.startswith("_")})
    part = name.lower()
    near = [known for known in public if part in known.lower()][:3]
    near = near or difflib.get_close_matches(name, public, n=3, cutoff=0.6)
    if near:
        return f"; the nearest names are: {', '.join(near)}."
    every = {
        known: f"tf.{key}.{known}".replace("..", ".")
        for key, names_there in _places().items()
        for known in names_there
    }
    far = difflib.get_close_matches(name, every, n=3, cutoff=0.65)
    return f"; the nearest names are: {', '.join(every[f] for f in far)}." if far else "."
