"""Nested structures: lists, tuples, namedtuples, dictionaries and attrs objects of elements.

Source of the rules: the ``tf.nest`` documentation. Dictionaries are taken in the order of their
sorted keys.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from runtime.graph.export import export


def _is_attrs(value: Any) -> bool:
    return hasattr(type(value), "__attrs_attrs__")


@export("nest.is_nested")
def is_nested(seq: Any) -> bool:
    """Whether something is a structure, not an element.

    Args:
        seq: Anything.

    Returns:
        True for lists, tuples, mappings and attrs objects.
    """
    return isinstance(seq, (list, tuple, Mapping)) or _is_attrs(seq)


def _children(structure: Any) -> list[Any]:
    if isinstance(structure, Mapping):
        return [structure[key] for key in _sorted_keys(structure)]
    if _is_attrs(structure):
        return [getattr(structure, field.name) for field in type(structure).__attrs_attrs__]
    return list(structure)


def _sorted_keys(structure: Mapping[Any, Any]) -> list[Any]:
    try:
        return sorted(structure)
    except TypeError:
        raise TypeError(
            f"A dictionary in a structure needs keys that can be sorted, not {list(structure)!r}."
        ) from None


@export("nest.flatten")
def flatten(structure: Any, expand_composites: bool = False) -> list[Any]:
    """The elements of a structure.

    Args:
        structure: A structure, or a single element.
        expand_composites: Whether to take apart what is made of several tensors: `SparseTensor`
            and `IndexedSlices`.

    Returns:
        A list of the elements, in order.
    """
    return list(_elements(structure, expand_composites))


def _elements(structure: Any, expand: bool) -> Iterator[Any]:
    if not is_nested(structure):
        if expand and hasattr(structure, "_parts"):
            yield from structure._parts()
        else:
            yield structure
        return
    for child in _children(structure):
        yield from _elements(child, expand)


@export("nest.pack_sequence_as")
def pack_sequence_as(
    structure: Any, flat_sequence: Sequence[Any], expand_composites: bool = False
) -> Any:
    """Elements in the form of a structure.

    Args:
        structure: The structure, or a single element.
        flat_sequence: As many elements as it has.
        expand_composites: Whether to put together what is made of several tensors.

    Returns:
        The same structure with these elements.

    Raises:
        ValueError: If there are more or fewer elements.
    """
    count = len(flatten(structure, expand_composites))
    if count != len(flat_sequence):
        raise ValueError(
            f"Could not pack sequence. The structure {structure!r} has {count} elements, but "
            f"flat_sequence has {len(flat_sequence)}: {list(flat_sequence)!r}."
        )
    return _packed(structure, iter(flat_sequence), expand_composites)


def _packed(structure: Any, elements: Iterator[Any], expand: bool) -> Any:
    if not is_nested(structure):
        if expand and hasattr(structure, "_parts"):
            return structure._of_parts([next(elements) for _ in structure._parts()])
        return next(elements)
    children = [_packed(child, elements, expand) for child in _children(structure)]
    kind: Any = type(structure)
    if isinstance(structure, Mapping):
        return _mapped(structure, dict(zip(_sorted_keys(structure), children, strict=True)))
    if _is_attrs(structure) or hasattr(structure, "_fields"):
        return kind(*children)
    return kind(children)


def _mapped(structure: Mapping[Any, Any], children: dict[Any, Any]) -> Any:
    pairs = [(key, children[key]) for key in structure]
    default = getattr(structure, "default_factory", None)
    kind: Any = type(structure)
    return kind(pairs) if default is None else kind(default, pairs)


@export("nest.map_structure")
def map_structure(func: Callable[..., Any], *structure: Any, **kwargs: Any) -> Any:
    """Applies a function to the elements of structures.

    Args:
        func: A function of as many elements as there are structures.
        *structure: Structures of the same form.
        **kwargs: ``check_types`` and ``expand_composites``, as for `assert_same_structure`.

    Returns:
        A structure of the same form with the results.

    Raises:
        TypeError: If the function can't be called, or types of structures differ.
        ValueError: If there is no structure, or their forms differ.
    """
    if not callable(func):
        raise TypeError(f"func must be callable, got: {func!r}.")
    if not structure:
        raise ValueError("Must provide at least one structure.")
    for other in structure[1:]:
        assert_same_structure(structure[0], other, **kwargs)
    results = [func(*items) for items in zip(*map(flatten, structure), strict=True)]
    return pack_sequence_as(structure[0], results)


@export("nest.assert_same_structure")
def assert_same_structure(
    nest1: Any, nest2: Any, check_types: bool = True, expand_composites: bool = False
) -> None:
    """Checks that two structures have the same form.

    Args:
        nest1: A structure.
        nest2: Another.
        check_types: Whether a list may not stand for a tuple.
        expand_composites: Without effect.

    Raises:
        TypeError: If types of structures differ.
        ValueError: If their forms differ.
    """
    if is_nested(nest1) != is_nested(nest2):
        raise _different(nest1, nest2, ValueError)
    if not is_nested(nest1):
        return
    if check_types and not _same_kind(nest1, nest2):
        raise _different(nest1, nest2, TypeError)
    if isinstance(nest1, Mapping) and set(nest1) != set(nest2):
        raise _different(nest1, nest2, ValueError)
    first, second = _children(nest1), _children(nest2)
    if len(first) != len(second):
        raise _different(nest1, nest2, ValueError)
    for one, other in zip(first, second, strict=True):
        assert_same_structure(one, other, check_types)


def _same_kind(first: Any, second: Any) -> bool:
    if isinstance(first, Mapping) and isinstance(second, Mapping):
        return True
    if hasattr(first, "_fields") and hasattr(second, "_fields"):
        return bool(
            first._fields == second._fields and type(first).__name__ == type(second).__name__
        )
    return type(first) is type(second)


def _different(first: Any, second: Any, kind: type[Exception]) -> Exception:
    return kind(
        "The two structures don't have the same nested structure.\n"
        f"First structure: type={type(first).__name__} str={first!r}\n"
        f"Second structure: type={type(second).__name__} str={second!r}"
    )
