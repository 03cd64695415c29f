"""Collections of the outputs and variables of layers.

Source: the documentation of ``tf.contrib.layers`` (``outputs_collections`` and
``variables_collections``).
"""

from collections.abc import Callable, Mapping
from typing import Any
from weakref import WeakKeyDictionary

from runtime.graph.export import F, export
from runtime.graph.graph import get_default_graph
from runtime.graph.tensor import Tensor

_ALIASES: "WeakKeyDictionary[Tensor, list[str]]" = WeakKeyDictionary()


def _both(name: str) -> Callable[[F], F]:
    return export(f"contrib.layers.utils.{name}", f"contrib.slim.utils.{name}")


@_both("collect_named_outputs")
def collect_named_outputs(collections: Any, alias: str, outputs: Any) -> Any:
    """Adds a tensor to collections, under a name for `convert_collection_to_dict`.

    Args:
        collections: The name of a collection, a list of them, or None.
        alias: The tensor's name there.
        outputs: The tensor.

    Returns:
        The tensor.
    """
    if collections:
        names = [collections] if isinstance(collections, str) else collections
        append_tensor_alias(outputs, alias)
        get_default_graph().add_to_collections(names, outputs)
    return outputs


@_both("append_tensor_alias")
def append_tensor_alias(tensor: Any, alias: str) -> Any:
    """Gives a tensor another name.

    Args:
        tensor: The tensor.
        alias: The name; a slash at its end is dropped.

    Returns:
        The tensor.
    """
    _ALIASES.setdefault(tensor, []).append(alias.removesuffix("/"))
    return tensor


@_both("gather_tensors_aliases")
def gather_tensors_aliases(tensors: Any) -> list[str]:
    """The names that tensors were given.

    Args:
        tensors: The tensors.

    Returns:
        All names of all of them.
    """
    return [alias for tensor in tensors for alias in get_tensor_aliases(tensor)]


@_both("get_tensor_aliases")
def get_tensor_aliases(tensor: Any) -> list[str]:
    """The names that a tensor was given.

    Args:
        tensor: The tensor.

    Returns:
        The names; that of its operation if it was given none.
    """
    return _ALIASES.get(tensor) or [tensor.name.removesuffix(":0")]


@_both("convert_collection_to_dict")
def convert_collection_to_dict(collection: str, clear_collection: bool = False) -> dict[str, Any]:
    """The tensors of a collection by the names that they were given.

    Args:
        collection: The collection's name.
        clear_collection: Whether the collection is emptied.

    Returns:
        The tensors in the order in which they were added.
    """
    found = get_default_graph().get_collection_ref(collection)
    named = {alias: tensor for tensor in found for alias in get_tensor_aliases(tensor)}
    if clear_collection:
        found.clear()
    return named


def variable_collections(collections: Any, name: str) -> Any:
    """The collections for the variables of one kind.

    Args:
        collections: A list of collections; or a mapping from kinds to such lists.
        name: The kind.

    Returns:
        The list for that kind, or None.
    """
    return collections.get(name) if isinstance(collections, Mapping) else collections


def add_variable(variable: Any, collections: Any, name: str) -> None:
    """Adds a variable to the collections of its kind.

    Args:
        variable: The variable, or None.
        collections: As for `variable_collections`.
        name: The kind.
    """
    for key in variable_collections(collections, name) or () if variable is not None else ():
        if variable not in get_default_graph().get_collection(key):
            get_default_graph().add_to_collection(key, variable)
