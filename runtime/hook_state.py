"""Hooks with state: what a hook remembers is saved in each checkpoint, and restored from it.

A hook takes part by having two methods, ``state_dict()`` and ``load_state_dict(state)``. In a
checkpoint a state stands under the name of the hook's class; if several hooks of the list are of
classes with one name, under ``Name#1``, ``Name#2`` … for the second, the third …. So a state is
found again when other hooks were added to the list.

A state is a dictionary of plain values. It is stored as JSON; nothing is pickled.
"""

import base64
import json
import math
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np

from runtime import errors, logging

__all__ = ["HookStates", "decoded_states", "encoded_states"]

_LARGEST_STATES = 50_000_000
_TAG = "is"
_NUMBERS = "biufc"


# Any: a hook is any object; states are any plain values.
class HookStates:
    """The states of the hooks of one session.

    Args:
        hooks: The hooks, in list order.
    """

    def __init__(self, hooks: Iterable[Any]) -> None:
        self._by_name = dict(_named(hooks))

    def collect(self) -> dict[str, Any]:
        """What each hook that has a state gives.

        Returns:
            State by name.
        """
        return {name: hook.state_dict() for name, hook in self._by_name.items()}

    def load(self, states: Mapping[str, Any]) -> None:
        """Gives each hook the state that was saved for it; a hook without one stays as it is.

        Args:
            states: State by name.
        """
        for name, hook in self._by_name.items():
            if name in states:
                hook.load_state_dict(states[name])
            else:
                logging.info(f"The checkpoint has no state of the hook {name}; it starts anew.")


def _named(hooks: Iterable[Any]) -> Iterator[tuple[str, Any]]:
    counts: dict[str, int] = {}
    for hook in {id(hook): hook for hook in hooks}.values():
        methods = (getattr(hook, name, None) for name in ("state_dict", "load_state_dict"))
        if all(map(callable, methods)):
            name = type(hook).__qualname__
            count = counts[name] = counts.get(name, -1) + 1
            yield (f"{name}#{count}" if count else name), hook


def encoded_states(states: Mapping[str, Any]) -> str:
    """States as JSON.

    Args:
        states: State by name: dictionaries with strings as keys, lists, tuples (which come back as
            lists), None, truth values, numbers, strings, bytes, NumPy arrays and scalars of
            numbers.

    Returns:
        The text.

    Raises:
        InvalidArgumentError: A state holds something else, or is too large; the message names
            the hook and the place.
    """
    plain = {name: _plain(state, f"state_dict() of {name}") for name, state in states.items()}
    text = json.dumps(plain, allow_nan=False, separators=(",", ":"))
    if len(text) > _LARGEST_STATES:
        raise errors.InvalidArgumentError(
            None,
            None,
            f"The states of the hooks {', '.join(states)} take {len(text)} bytes; a checkpoint "
            f"holds at most {_LARGEST_STATES}. Keep large arrays in variables.",
        )
    return text


def decoded_states(text: str) -> dict[str, Any]:
    """States from JSON.

    Args:
        text: What `encoded_states` gave.

    Returns:
        State by name.

    Raises:
        ValueError: The text is something else.
    """
    try:
        found = json.loads(text)
        return {name: _value(state) for name, state in found.items()}
    except (TypeError, KeyError, AttributeError, RecursionError, ValueError) as error:
        raise ValueError(f"the states of hooks cannot be read ({error})") from None


def _plain(value: Any, where: str) -> Any:
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else {_TAG: "float", "value": repr(value)}
    if isinstance(value, bytes):
        return {_TAG: "bytes", "value": base64.b64encode(value).decode()}
    if isinstance(value, (np.ndarray, np.generic)):
        return _plain_array(np.asarray(value), isinstance(value, np.generic), where)
    if isinstance(value, (list, tuple)):
        return [_plain(item, f"{where}[{index}]") for index, item in enumerate(value)]
    if isinstance(value, Mapping) and all(isinstance(key, str) for key in value):
        items = {key: _plain(item, f"{where}[{key!r}]") for key, item in value.items()}
        return {_TAG: "dict", "value": items} if _TAG in items else items
    raise _not_plain(value, where)


def _plain_array(array: np.ndarray[Any, Any], is_scalar: bool, where: str) -> dict[str, Any]:
    if array.dtype.kind not in _NUMBERS:
        raise _not_plain(array, where)
    little = array.astype(array.dtype.newbyteorder("<"), copy=False)
    return {
        _TAG: "scalar" if is_scalar else "array",
        "dtype": array.dtype.name,
        "shape": list(array.shape),
        "value": base64.b64encode(little.tobytes()).decode(),
    }


def _not_plain(value: Any, where: str) -> errors.InvalidArgumentError:
    return errors.InvalidArgumentError(
        None,
        None,
        f"{where} holds a {type(value).__name__}: {value!r:.80}. The state of a hook may hold "
        "dictionaries with strings as keys, lists, None, truth values, numbers, strings, bytes and "
        "NumPy arrays of numbers. Nothing is ever pickled.",
    )


def _value(found: Any) -> Any:
    if isinstance(found, list):
        return [_value(item) for item in found]
    if not isinstance(found, dict):
        return found
    kind = found.get(_TAG)
    if kind is None:
        return {key: _value(item) for key, item in found.items()}
    return _READERS[kind](found)


def _array(found: dict[str, Any]) -> np.ndarray[Any, Any]:
    dtype = np.dtype(found["dtype"])
    if dtype.kind not in _NUMBERS:
        raise ValueError(f"{dtype} is no type of numbers")
    raw = base64.b64decode(found["value"], validate=True)
    return np.frombuffer(raw, dtype.newbyteorder("<")).astype(dtype).reshape(found["shape"])


_READERS: dict[str, Any] = {
    "float": lambda found: float(found["value"]),
    "bytes": lambda found: base64.b64decode(found["value"], validate=True),
    "array": _array,
    "scalar": lambda found: _array(found)[()],
    "dict": lambda found: {key: _value(item) for key, item in found["value"].items()},
}
