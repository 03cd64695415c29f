"""``tf.flags`` and ``tf.app.flags``: arguments of the command line, by the package ``absl-py``.

Everything in ``absl.flags`` is here under its name. As in TensorFlow, flags that are read before
anybody has parsed the command line parse it then, and the old names of arguments are understood.
"""

import sys
from collections.abc import Callable
from functools import wraps
from types import ModuleType
from typing import Any, Final

__all__ = ["FLAGS"]

_OLD_NAMES: Final = {"flag_name": "name", "default_value": "default", "docstring": "help"}


def absl(module: str) -> ModuleType:
    """A module of the package that does the work.

    Args:
        module: Its name below ``absl``.

    Returns:
        The module.

    Raises:
        ImportError: The package is not installed; the message names the extra.
    """
    import importlib

    try:
        return importlib.import_module(f"absl.{module}")
    except ImportError as error:
        raise ImportError(
            f"tf.app and tf.flags need the package absl-py, which cannot be imported ({error}). "
            "Install it with the extra 'flags': pip install 'monitored-session[flags]'",
            name=error.name,
        ) from error


# Any, here and below: flags and what absl has are of any type.
class _Flags:
    """The flags of the program; the command line is parsed when the first one is read."""

    def __getattr__(self, name: str) -> Any:
        return getattr(_parsed(), name)

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(absl("flags").FLAGS, name, value)

    def __delattr__(self, name: str) -> None:
        delattr(absl("flags").FLAGS, name)

    def __getitem__(self, name: str) -> Any:
        return absl("flags").FLAGS[name]

    def __contains__(self, name: str) -> bool:
        return name in absl("flags").FLAGS

    def __call__(self, argv: Any, known_only: bool = False) -> list[str]:
        """Parses arguments.

        Args:
            argv: The arguments, the program's name first.
            known_only: Whether unknown flags are left alone.

        Returns:
            What is no flag.
        """
        rest: list[str] = absl("flags").FLAGS(argv, known_only)
        return rest


def _parsed() -> Any:
    flags = absl("flags").FLAGS
    if not flags.is_parsed():
        flags(sys.argv)
    return flags


FLAGS: Final = _Flags()


def _with_old_names(define: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(define)
    def defining(*args: Any, **keywords: Any) -> Any:
        return define(*args, **{_OLD_NAMES.get(k, k): value for k, value in keywords.items()})

    return defining


def __getattr__(name: str) -> Any:
    if name.startswith("__"):
        raise AttributeError(name)
    found = getattr(absl("flags"), name)
    return _with_old_names(found) if name.startswith("DEFINE") else found
