"""The signatures of what `tf` has; run with TensorFlow's interpreter, of what that has."""

import inspect
import json
import os
import sys
from operator import attrgetter
from pathlib import Path
from typing import Any

# Namespaces whose contents are compared; `tf` itself is the empty one.
NAMESPACES = (
    *("", "bitwise", "debugging", "initializers", "linalg", "losses", "manip", "math"),
    *("distributions", "image", "metrics", "nest", "nn", "queue", "random", "strings"),
    *("data", "data.Dataset", "data.Iterator", "data.experimental", "FIFOQueue", "ReaderBase"),
    "train",
)


def signatures(module: Any) -> dict[str, list[list[str | None]] | None]:
    """Names and defaults of parameters, by the name of the function or class.

    Args:
        module: What takes TensorFlow's place, or TensorFlow.

    Returns:
        For each callable a list of names with their defaults as text; None if it has none.
    """
    found: dict[str, list[list[str | None]] | None] = {}
    for namespace in NAMESPACES:
        place = attrgetter(namespace)(module) if namespace else module
        for name in sorted(set(dir(place))):
            value = None if name.startswith("_") else getattr(place, name, None)
            if callable(value):
                found[f"{namespace}.{name}".lstrip(".")] = _parameters(value)
    return found


def _parameters(value: Any) -> list[list[str | None]] | None:
    try:
        signature = inspect.signature(value)
    except (TypeError, ValueError):
        return None
    return [[_name(p), _default(p.default)] for p in signature.parameters.values()]


def _name(parameter: inspect.Parameter) -> str:
    """The name; of those that take any number of arguments nobody needs to know it."""
    many = {inspect.Parameter.VAR_POSITIONAL: "*", inspect.Parameter.VAR_KEYWORD: "**"}
    return many.get(parameter.kind, parameter.name)


def _default(value: Any) -> str | None:
    if value is inspect.Parameter.empty:
        return None
    return str(getattr(value, "name", None) or repr(value))


if __name__ == "__main__":
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    import tensorflow.compat.v1 as tf

    Path(sys.argv[1]).write_text(json.dumps(signatures(tf)))
