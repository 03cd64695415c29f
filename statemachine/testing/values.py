"""Fetches and values as traces show them."""

from collections.abc import Callable, Mapping
from typing import Any


def map_structure(function: Callable[[Any], Any], structure: Any) -> Any:
    """Applies a function to every leaf of nested lists and dicts; None stays."""
    if structure is None:
        return None
    if type(structure) is str:
        return function(structure)
    if isinstance(structure, Mapping):
        return {k: map_structure(function, v) for k, v in structure.items()}
    if isinstance(structure, (list, tuple)):
        return [map_structure(function, v) for v in structure]
    return function(structure)


def show_value(value: Any) -> Any:
    """Turns what a run returned into JSON."""
    if value is None or type(value) in _PLAIN:
        return value
    if isinstance(value, Mapping):
        return {k: show_value(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [show_value(v) for v in value]
    if hasattr(value, "item"):
        value = value.item()
    return value.decode() if isinstance(value, bytes) else value


_PLAIN = frozenset({float, int, str, bool})
