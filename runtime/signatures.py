"""What a run computes, in names: each distinct request is described in the log once."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

import attrs

from statemachine.events import MAX_INDEX

MAX_SIGNATURES: Final = MAX_INDEX
"""Signatures that a log tells apart; the number of the last one stands for all further ones."""


class Signatures:
    """Numbers the distinct requests of a session's runs.

    A request is looked up by the identity of what it consists of, and only if that is new, by
    names. What was looked up is kept alive, so an identity is never used twice.

    Args:
        describe: Called with the number and the description of each new one.
    """

    def __init__(self, describe: Callable[[int, dict[str, object]], None]) -> None:
        self._describe = describe
        self._by_identity: dict[object, tuple[int, object]] = {}
        self._by_names: dict[str, int] = {}

    # Any: fetches and feeds are an open set of structures.
    def of_plain(self, fetches: Any) -> int:
        """The number of a run that only the caller asked for, and that feeds nothing."""
        known = self._by_identity.get(id(fetches))
        if known is not None:
            return known[0]
        number = self._number_of(fetches, (), {})
        if is_element(fetches):
            self._by_identity[id(fetches)] = (number, fetches)
        return number

    def of(self, fetches: Any, feeds: Iterable[Any], hooks: Mapping[int, Any]) -> int:
        """The number of a run.

        Args:
            fetches: What the caller asked for.
            feeds: The tensors that are fed.
            hooks: What each hook that asked for something asked for.
        """
        fed = tuple(feeds)
        parts = (fetches, *hooks.values(), *fed)
        key = (id(fetches), tuple(hooks), *(id(part) for part in parts[1:]))
        known = self._by_identity.get(key)
        if known is not None:
            return known[0]
        number = self._number_of(fetches, fed, hooks)
        if all(is_element(part) for part in parts):
            self._by_identity[key] = (number, parts)
        return number

    def _number_of(self, fetches: Any, feeds: tuple[Any, ...], hooks: Mapping[int, Any]) -> int:
        description: dict[str, object] = {"fetches": {"caller": names_of(fetches)}}
        asked = {f"hook {hook}": names_of(part) for hook, part in hooks.items()}
        description["fetches"] = {"caller": names_of(fetches), **asked}
        description["feeds"] = sorted(str(names_of(tensor)) for tensor in feeds)
        text = repr(description)
        number = self._by_names.get(text)
        if number is None:
            number = min(len(self._by_names), MAX_SIGNATURES)
            if number < MAX_SIGNATURES:
                self._by_names[text] = number
                self._describe(number, description)
        return number


def is_element(part: object) -> bool:
    """Whether something is a single tensor, operation or name, so that it never changes."""
    return isinstance(part, str) or isinstance(getattr(part, "name", None), str)


def names_of(fetches: Any) -> object:
    """A structure of fetches with each element's name in its place.

    Args:
        fetches: Tensors, operations, names, and lists, tuples, dictionaries and attrs objects of
            them.
    """
    if fetches is None or isinstance(fetches, str):
        return fetches
    if isinstance(fetches, Mapping):
        return {str(key): names_of(value) for key, value in fetches.items()}
    if isinstance(fetches, (list, tuple)):
        return [names_of(value) for value in fetches]
    name = getattr(fetches, "name", None)
    if isinstance(name, str):
        return name
    if attrs.has(type(fetches)):
        values = attrs.asdict(fetches, recurse=False)
        return {key: names_of(value) for key, value in values.items()}
    return f"<{type(fetches).__name__}>"
