"""Hyperparameters that can be read from a command line.

Source: the ``tf.contrib.training.HParams`` documentation.
"""

import json
import re
from typing import Any, Final

from runtime.graph.export import export

# A name, perhaps with an index, then a value or a list of values.
_ASSIGNMENT: Final = re.compile(
    r"(?P<name>[a-zA-Z][\w.]*)(\[\s*(?P<index>\d+)\s*\])?\s*=\s*"
    r"((?P<value>[^,\[]*)|\[(?P<values>[^\]]*)\])($|,\s*)"
)


_WORDS: Final = {"true": True, "True": True, "false": False, "False": False}


def _parsed(name: str, kind: Any, text: str) -> Any:
    if kind is bool and text in _WORDS:
        return _WORDS[text]
    try:
        return bool(int(text)) if kind is bool else kind(text)
    except ValueError:
        raise ValueError(
            f"Could not parse hparam {name!r} of type {kind.__name__!r} with value {text!r}."
        ) from None


def _fitting(name: str, kind: Any, value: Any) -> Any:
    """A value as the type that a hyperparameter has."""
    if isinstance(value, kind) or kind is type(None) or value is None:
        return value
    whole = isinstance(value, (int, float)) and not isinstance(value, bool)
    if kind is float and whole:
        return float(value)
    if kind is int and whole and int(value) == value:
        return int(value)
    raise ValueError(
        f"Could not cast hparam {name!r} of type {kind.__name__!r} from value {value!r}."
    )


@export("contrib.training.parse_values")
def parse_values(
    values: str, type_map: dict[str, Any], ignore_unknown: bool = False
) -> dict[str, Any]:
    """Reads ``"a=1,b=[2,3],c[0]=4"``.

    Args:
        values: The text.
        type_map: The types of values, by their names.
        ignore_unknown: Whether names that are not in `type_map` are left out.

    Returns:
        Values by names: single ones, lists, or dictionaries from indices to values.

    Raises:
        ValueError: If the text is no such list, has a name twice or an unknown one, or a value
            that is not of the type.
    """
    found: dict[str, Any] = {}
    place = 0
    while place < len(values):
        match = _ASSIGNMENT.match(values, place)
        if match is None:
            raise ValueError(f"Malformed hyperparameter value: {values[place:]!r}.")
        place = match.end()
        if match["name"] in type_map:
            _assign(found, match, type_map[match["name"]], values)
        elif not ignore_unknown:
            raise ValueError(f"Unknown hyperparameter type for {match['name']}.")
    return found


def _assign(found: dict[str, Any], match: re.Match[str], kind: Any, text: str) -> None:
    name, index = match["name"], match["index"]
    if name in found and (index is None or not isinstance(found[name], dict)):
        raise ValueError(f"Multiple assignments to variable {name!r} in {text!r}.")
    if match["values"] is not None:
        if index is not None:
            raise ValueError(f"Assignment of a list to a list index in {text!r}.")
        parts = [part.strip() for part in re.split(r"[ ,]", match["values"]) if part.strip()]
        found[name] = [_parsed(name, kind, part) for part in parts]
        return
    value = _parsed(name, kind, match["value"].strip())
    if index is None:
        found[name] = value
    elif int(index) in found.setdefault(name, {}):
        raise ValueError(f"Multiple assignments to variable {name}[{index}] in {text!r}.")
    else:
        found[name][int(index)] = value


@export("contrib.training.HParams")
class HParams:
    """Hyperparameters: values that are attributes, whose types stay as they are.

    Args:
        hparam_def: Must be None.
        model_structure: Anything, for `get_model_structure`.
        **kwargs: The hyperparameters.

    Raises:
        ValueError: If a name is taken by a method, or a list is empty.
    """

    _hparam_types: dict[str, tuple[Any, bool]]

    def __init__(self, hparam_def: Any = None, model_structure: Any = None, **kwargs: Any) -> None:
        if hparam_def is not None:
            raise ValueError(
                "HParams are not made from a protocol buffer here; give them as keywords."
            )
        vars(self)["_hparam_types"] = {}
        self._model_structure = model_structure
        for name, value in kwargs.items():
            self.add_hparam(name, value)

    # Any: attributes are what the program makes them.
    def __getattr__(self, name: str) -> Any:
        raise AttributeError(
            f"There is no hyperparameter {name!r}; there are {', '.join(self._hparam_types)}."
        )

    def add_hparam(self, name: str, value: Any) -> None:
        """Adds a hyperparameter.

        Args:
            name: Its name.
            value: Its value, or a list of values.

        Raises:
            ValueError: If the name is taken, or the list is empty.
        """
        if getattr(self, name, None) is not None:
            raise ValueError(f"Hyperparameter name is reserved: {name}")
        many = isinstance(value, (list, tuple))
        if many and not value:
            raise ValueError(f"Multi-valued hyperparameters cannot be empty: {name}")
        self._hparam_types[name] = (type(value[0] if many else value), many)
        setattr(self, name, value)

    def set_hparam(self, name: str, value: Any) -> None:
        """Changes a hyperparameter.

        Args:
            name: Its name.
            value: Its new value, of the type that it has; or a dictionary of some elements of a
                list.

        Raises:
            KeyError: If there is none of that name.
            ValueError: If the value is of another type.
        """
        kind, many = self._hparam_types[name]
        if isinstance(value, dict):
            whole = list(getattr(self, name))
            for index, element in value.items():
                whole[index] = element
            value = whole
        if isinstance(value, (list, tuple)) is not many:
            raise ValueError(
                f"Must {'' if many else 'not '}pass a list for "
                f"{'multi' if many else 'single'}-valued parameter: {name}."
            )
        made = [_fitting(name, kind, v) for v in value] if many else _fitting(name, kind, value)
        setattr(self, name, made)

    def del_hparam(self, name: str) -> None:
        """Removes a hyperparameter, if it is there.

        Args:
            name: Its name.
        """
        if name in self._hparam_types:
            delattr(self, name)
            del self._hparam_types[name]

    def parse(self, values: str) -> "HParams":
        """Changes hyperparameters as a text such as ``"a=1,b=[2,3]"`` says.

        Args:
            values: The text.

        Returns:
            The object itself.

        Raises:
            ValueError: As for `parse_values`.
        """
        kinds = {name: kind for name, (kind, _) in self._hparam_types.items()}
        return self.override_from_dict(parse_values(values, kinds))

    def override_from_dict(self, values_dict: dict[str, Any]) -> "HParams":
        """Changes hyperparameters.

        Args:
            values_dict: Values by names.

        Returns:
            The object itself.

        Raises:
            KeyError: If there is none of a name.
            ValueError: If a value is of another type.
        """
        for name, value in values_dict.items():
            self.set_hparam(name, value)
        return self

    set_from_map = override_from_dict

    def set_model_structure(self, model_structure: Any) -> None:
        """Keeps an object for `get_model_structure`.

        Args:
            model_structure: Anything.
        """
        self._model_structure = model_structure

    def get_model_structure(self) -> Any:
        """The object that was kept."""
        return self._model_structure

    def to_json(self, indent: Any = None, separators: Any = None, sort_keys: bool = False) -> str:
        """The hyperparameters as JSON.

        Args:
            indent: As for `json.dumps`.
            separators: As for `json.dumps`.
            sort_keys: As for `json.dumps`.

        Returns:
            The text.
        """
        return json.dumps(self.values(), indent=indent, separators=separators, sort_keys=sort_keys)

    def parse_json(self, values_json: str) -> "HParams":
        """Changes hyperparameters as JSON says.

        Args:
            values_json: The text.

        Returns:
            The object itself.
        """
        return self.override_from_dict(json.loads(values_json))

    def values(self) -> dict[str, Any]:
        """The values by their names."""
        return {name: getattr(self, name) for name in self._hparam_types}

    def get(self, key: str, default: Any = None) -> Any:
        """A value, or another if there is none.

        Args:
            key: Its name.
            default: What is given if there is none; of the same type, if there is one.

        Returns:
            The value.

        Raises:
            ValueError: If `default` is of another type than the value.
        """
        if key not in self._hparam_types:
            return default
        kind, many = self._hparam_types[key]
        if default is not None:
            if isinstance(default, list) is not many:
                raise ValueError(f"Hparam {key!r} is incompatible with default={default!r}.")
            for value in default if many else [default]:
                _fitting(key, kind, value)
        return getattr(self, key)

    def __contains__(self, key: str) -> bool:
        return key in self._hparam_types

    def __str__(self) -> str:
        return ",".join(f"{name}={value}" for name, value in self.values().items())

    def __repr__(self) -> str:
        return f"{type(self).__name__}({sorted(self.values().items())})"
