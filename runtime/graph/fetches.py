"""Structures of fetches: what `Session.run` takes, and how its result gets the same structure."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

import attrs

from runtime.graph.graph import Graph
from runtime.graph.operation import Operation
from runtime.graph.tensor import Tensor

Element: TypeAlias = Tensor | Operation

_PLAIN = (Tensor, Operation, str)


def signature(fetches: Any) -> Any:
    """A hashable key that is equal for fetches of the same structure and content.

    Args:
        fetches: What `Session.run` was given.

    Returns:
        The element itself for a single element; else a tuple that begins with a type.
    """
    kind = type(fetches)
    if kind in _PLAIN:
        return fetches
    if isinstance(fetches, (list, tuple)):
        return (kind, *[signature(fetch) for fetch in fetches])
    if isinstance(fetches, Mapping):
        keys = tuple(fetches)
        return (kind, keys, tuple(map(type, keys)), *map(signature, fetches.values()))
    if hasattr(kind, "__attrs_attrs__"):
        return (kind, *map(signature, _attrs_values(fetches)))
    return fetches


def _attrs_values(fetches: Any) -> list[Any]:
    return [getattr(fetches, field.name) for field in type(fetches).__attrs_attrs__]


@attrs.frozen(eq=False)
class Structure:
    """The elements of fetches, and how to build the result from their values.

    Attributes:
        elements: Tensors and operations, in order.
        source: Makes Python source of the result from the sources of the values.
        constants: What the names in that source mean.
    """

    elements: Sequence[Element]
    source: Callable[[Sequence[str]], str]
    constants: Mapping[str, Any]


def structure_of(fetches: Any, graph: Graph) -> Structure:
    """Finds the elements of fetches.

    Args:
        fetches: What `Session.run` was given.
        graph: The graph that names and elements belong to.

    Returns:
        The structure.

    Raises:
        TypeError: If something in it can't be fetched.
        ValueError: If a name or an element is not in the graph, or may not be fetched.
    """
    reader = _Reader(graph)
    template = reader.read(fetches)
    return Structure(reader.elements, lambda values: template.format(*values), reader.constants)


class _Reader:
    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self.elements: list[Element] = []
        self.constants: dict[str, Any] = {}

    def read(self, fetches: Any) -> str:
        """The template of the source of a part of the structure."""
        if fetches is None:
            raise TypeError(
                "Fetch argument None has invalid type NoneType: nothing can be fetched for it. "
                "Fetch a tensor, an operation, a name, or a structure of these."
            )
        if isinstance(fetches, Mapping):
            return self._mapping(fetches)
        if isinstance(fetches, (list, tuple)):
            return self._sequence(fetches)
        if hasattr(fetches, "_as_fetches"):
            return self._made(*fetches._as_fetches())
        if hasattr(type(fetches), "__attrs_attrs__"):
            return self._made(type(fetches), _attrs_values(fetches))
        return self._element(fetches)

    def _sequence(self, fetches: Any) -> str:
        kind = type(fetches)
        if isinstance(fetches, list):
            return f"[{', '.join(map(self.read, fetches))}]"
        if kind is tuple:
            return f"({''.join(f'{self.read(fetch)}, ' for fetch in fetches)})"
        return self._made(kind, fetches)

    def _made(self, kind: Any, values: Any) -> str:
        name = self._constant(kind)
        return f"{name}({', '.join(map(self.read, values))})"

    def _mapping(self, fetches: Mapping[Any, Any]) -> str:
        pairs = [f"({self._constant(key)}, {self.read(fetch)})" for key, fetch in fetches.items()]
        if type(fetches) is dict:
            return f"dict([{', '.join(pairs)}])"
        make = self._constant(_maker(fetches))
        return f"{make}([{', '.join(pairs)}])"

    def _constant(self, value: Any) -> str:
        name = f"q{len(self.constants)}"
        self.constants[name] = value
        return name

    def _element(self, fetch: Any) -> str:
        element = self._found(fetch)
        if not self._graph.is_fetchable(element):
            raise ValueError(f"{element!r} may not be fetched{_reason(element)}")
        self.elements.append(element)
        return f"{{{len(self.elements) - 1}}}"

    def _found(self, fetch: Any) -> Element:
        try:
            return self._graph.as_graph_element(fetch)
        except TypeError as error:
            raise TypeError(
                f"Fetch argument {fetch!r} has invalid type {type(fetch).__name__}, must be a "
                f"string or Tensor or Operation, or a structure of these. ({error})"
            ) from None
        except (ValueError, KeyError) as error:
            raise ValueError(
                f"Fetch argument {fetch!r} cannot be interpreted as a Tensor or Operation of "
                f"this session's graph. ({error.args[0]})"
            ) from None


def _reason(element: Element) -> str:
    body = (element if isinstance(element, Operation) else element.op).body
    if body is None:
        return "."
    return (
        f": it is inside of {body.what}. Return it from the function that makes it, and fetch "
        "what comes out."
    )


def _maker(fetches: Mapping[Any, Any]) -> Callable[[list[tuple[Any, Any]]], Any]:
    """Makes mappings of the type that was fetched, without calling its constructor with items."""
    kind: Any = type(fetches)
    default = getattr(fetches, "default_factory", None)
    arguments = () if default is None else (default,)

    def make(pairs: list[tuple[Any, Any]]) -> Any:
        result = kind(*arguments)
        for key, value in pairs:
            result[key] = value
        return result

    return make
