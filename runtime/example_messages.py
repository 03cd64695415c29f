"""``tf.train.Example`` and its parts: protocol messages, by the package ``protobuf``.

Needs the extra ``records`` (``pip install 'monitored-session[records]'``).

Source of names, numbers and types of fields: the documentation of ``tf.train.Example``,
``tf.train.SequenceExample`` and the messages in them.
"""

from functools import cache
from typing import Any, Final

__all__ = ["MESSAGES", "message"]

# Fields by message, in the order of their numbers from 1: name and type; "repeated" first if there
# may be several, "map" if there is one for each string.
MESSAGES: Final = {
    "BytesList": [("value", "repeated bytes")],
    "FloatList": [("value", "repeated float")],
    "Int64List": [("value", "repeated int64")],
    "Feature": [
        ("bytes_list", "BytesList"),
        ("float_list", "FloatList"),
        ("int64_list", "Int64List"),
    ],
    "Features": [("feature", "map Feature")],
    "FeatureList": [("feature", "repeated Feature")],
    "FeatureLists": [("feature_list", "map FeatureList")],
    "Example": [("features", "Features")],
    "SequenceExample": [("context", "Features"), ("feature_lists", "FeatureLists")],
}
_PACKAGE: Final = "tensorflow"
_CHOICES: Final = {"Feature": "kind"}  # messages that have one of their fields only


def message(name: str) -> Any:  # Any: classes of a package that is imported when needed
    """The class of a message.

    Args:
        name: One of `MESSAGES`.

    Returns:
        The class.

    Raises:
        ImportError: If the package is not installed.
    """
    return _classes()[name]


@cache
def _classes() -> dict[str, Any]:
    try:
        from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
    except ImportError as error:
        raise ImportError(
            "tf.train.Example and its parts need protobuf, which is not installed: "
            "pip install 'monitored-session[records]'",
            name=error.name,
        ) from error
    file = descriptor_pb2.FileDescriptorProto(
        name="tensorflow/core/example/example.proto", package=_PACKAGE, syntax="proto3"
    )
    for name, fields in MESSAGES.items():
        _describe(file.message_type.add(name=name), fields)
    pool = descriptor_pool.DescriptorPool()  # a pool of its own: TensorFlow's may be there, too
    pool.Add(file)
    found = {name: pool.FindMessageTypeByName(f"{_PACKAGE}.{name}") for name in MESSAGES}
    return {name: message_factory.GetMessageClass(found[name]) for name in found}


def _describe(described: Any, fields: list[tuple[str, str]]) -> None:
    for number, (name, kind) in enumerate(fields, 1):
        how, _, type_name = kind.rpartition(" ")
        if how == "map":
            type_name = _add_entry(described, name, type_name)
        field = described.field.add(name=name, number=number, label=3 if how else 1)
        _set_type(field, type_name)
        if described.name in _CHOICES:
            field.oneof_index = 0
    if described.name in _CHOICES:
        described.oneof_decl.add(name=_CHOICES[described.name])


def _add_entry(described: Any, name: str, type_name: str) -> str:
    """Adds the message for the pairs of a map; its name follows from the field's."""
    entry = f"{name.title().replace('_', '')}Entry"
    pair = described.nested_type.add(name=entry)
    pair.options.map_entry = True
    _set_type(pair.field.add(name="key", number=1, label=1), "string")
    _set_type(pair.field.add(name="value", number=2, label=1), type_name)
    return f"{described.name}.{entry}"


def _set_type(field: Any, type_name: str) -> None:
    scalar = {"float": 2, "int64": 3, "string": 9, "bytes": 12}.get(type_name)
    field.type = scalar or 11
    if scalar is None:
        field.type_name = f".{_PACKAGE}.{type_name}"
