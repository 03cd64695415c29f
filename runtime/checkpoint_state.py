"""The ``checkpoint`` file: which checkpoints a directory has, and which of them is the newest.

The file is protobuf text, as TensorFlow writes it::

    model_checkpoint_path: "model.ckpt-200"
    all_model_checkpoint_paths: "model.ckpt-100"
    all_model_checkpoint_paths: "model.ckpt-200"
    all_model_checkpoint_timestamps: 1700000000.25
    all_model_checkpoint_timestamps: 1700000060.5

A checkpoint is named by its prefix, as in TensorFlow; its one file is the prefix followed by
``.safetensors``. Functions that take a prefix take the name of that file, too.

The reader is a small strict parser of just this message. A file that is none is an error: to take
it for "no checkpoint" would silently start the training anew.
"""

import os
import re
from collections.abc import Iterable, Iterator, Sequence

import attrs

from runtime import logging
from runtime.durable_file import file_error, replace_file

__all__ = [
    "CHECKPOINT_SUFFIX",
    "CheckpointState",
    "checkpoint_exists",
    "checkpoint_file_name",
    "checkpoint_prefix",
    "format_checkpoint_state",
    "generate_checkpoint_state_proto",
    "get_checkpoint_mtimes",
    "get_checkpoint_state",
    "latest_checkpoint",
    "parse_checkpoint_state",
    "remove_checkpoint",
    "update_checkpoint_state",
]

CHECKPOINT_SUFFIX = ".safetensors"

_DEFAULT_STATE_FILENAME = "checkpoint"
_LARGEST_STATE_FILE = 1 << 24


def _strings(values: Iterable[str]) -> tuple[str, ...]:
    return tuple(values)


def _floats(values: Iterable[float]) -> tuple[float, ...]:
    return tuple(values)


@attrs.frozen
class CheckpointState:
    """What the ``checkpoint`` file of a directory says.

    Attributes:
        model_checkpoint_path: Prefix of the newest checkpoint.
        all_model_checkpoint_paths: Prefixes of all checkpoints that are kept, oldest first.
        all_model_checkpoint_timestamps: When each of them was saved, in seconds since 1970; empty
            if not known.
        last_preserved_timestamp: When the newest checkpoint that will never be deleted was saved,
            in seconds since 1970; None if not known.
    """

    model_checkpoint_path: str
    all_model_checkpoint_paths: tuple[str, ...] = attrs.field(default=(), converter=_strings)
    all_model_checkpoint_timestamps: tuple[float, ...] = attrs.field(default=(), converter=_floats)
    last_preserved_timestamp: float | None = None

    @all_model_checkpoint_timestamps.validator
    def _one_for_each_path(self, _: object, timestamps: tuple[float, ...]) -> None:
        if timestamps and len(timestamps) != len(self.all_model_checkpoint_paths):
            raise ValueError(
                "Checkpoint timestamps, if provided, must match checkpoint paths (got paths "
                f"{list(self.all_model_checkpoint_paths)} and timestamps {list(timestamps)})"
            )


def checkpoint_file_name(save_path: str | os.PathLike[str]) -> str:
    """The file of a checkpoint.

    Args:
        save_path: The checkpoint's prefix, or its file.

    Returns:
        The path of the file.
    """
    path = os.fspath(save_path)
    return path if path.endswith(CHECKPOINT_SUFFIX) else path + CHECKPOINT_SUFFIX


def checkpoint_prefix(save_path: str | os.PathLike[str]) -> str:
    """The prefix of a checkpoint.

    Args:
        save_path: The checkpoint's prefix, or its file.

    Returns:
        The path without the suffix of the file.
    """
    return os.fspath(save_path).removesuffix(CHECKPOINT_SUFFIX)


def checkpoint_exists(checkpoint_prefix: str | os.PathLike[str]) -> bool:
    """Whether there is a checkpoint.

    Source of the rule: tf.compat.v1.train.checkpoint_exists documentation.

    Args:
        checkpoint_prefix: The checkpoint's prefix, or its file.

    Returns:
        Whether the file of the checkpoint exists.
    """
    path = checkpoint_file_name(checkpoint_prefix)
    return "\0" not in path and os.path.isfile(path)


def get_checkpoint_mtimes(checkpoint_prefixes: Sequence[str | os.PathLike[str]]) -> list[float]:
    """When checkpoints were written.

    Source of the rule: tf.compat.v1.train.get_checkpoint_mtimes documentation.

    Args:
        checkpoint_prefixes: Prefixes or files of checkpoints.

    Returns:
        Seconds since 1970 for each checkpoint that exists.
    """
    files = [checkpoint_file_name(p) for p in checkpoint_prefixes if checkpoint_exists(p)]
    return [os.path.getmtime(path) for path in files]


def remove_checkpoint(
    checkpoint_prefix: str | os.PathLike[str],
    checkpoint_format_version: int = 2,
    meta_graph_suffix: str = "meta",
) -> None:
    """Removes the file of a checkpoint and that of its graph, if they exist.

    Source of the rule: tf.compat.v1.train.remove_checkpoint documentation.

    Args:
        checkpoint_prefix: The checkpoint's prefix, or its file.
        checkpoint_format_version: No difference: there is one format.
        meta_graph_suffix: What the name of the graph's file ends with, after a dot.

    Raises:
        OpError: A file cannot be removed; a subclass says why.
    """
    _remove(checkpoint_file_name(checkpoint_prefix))
    prefix = os.fspath(checkpoint_prefix).removesuffix(CHECKPOINT_SUFFIX)
    _remove(f"{prefix}.{meta_graph_suffix}")


def _remove(path: str) -> None:
    try:
        os.unlink(path)
    except FileNotFoundError:
        return
    except OSError as error:
        raise file_error(error, f"Removing the checkpoint {path!r} failed") from error


def latest_checkpoint(
    checkpoint_dir: str | os.PathLike[str], latest_filename: str | None = None
) -> str | None:
    """The newest checkpoint of a directory.

    Source of the rule: tf.train.latest_checkpoint documentation.

    Args:
        checkpoint_dir: The directory.
        latest_filename: Name of the state file, ``checkpoint`` if not given.

    Returns:
        The prefix of the checkpoint; None if there is none, or if its file is gone (which is
        logged as an error).

    Raises:
        ValueError: The state file is damaged.
    """
    state = get_checkpoint_state(checkpoint_dir, latest_filename)
    if state is None:
        return None
    if checkpoint_exists(state.model_checkpoint_path):
        return state.model_checkpoint_path
    logging.error(f"Couldn't match files for checkpoint {state.model_checkpoint_path}")
    return None


def get_checkpoint_state(
    checkpoint_dir: str | os.PathLike[str], latest_filename: str | None = None
) -> CheckpointState | None:
    """Reads the ``checkpoint`` file of a directory.

    Source of the rule: tf.train.get_checkpoint_state documentation. Ours differs: a file that
    cannot be read or is damaged is an error, not "no checkpoint".

    Args:
        checkpoint_dir: The directory.
        latest_filename: Name of the state file, ``checkpoint`` if not given.

    Returns:
        What the file says, with the directory put before relative paths; None if there is no such
        file.

    Raises:
        ValueError: The file is damaged or names no checkpoint.
        OpError: The file cannot be read; a subclass says why.
    """
    directory = os.fspath(checkpoint_dir)
    path = _state_file(directory, latest_filename)
    try:
        content = _read_at_most(path, _LARGEST_STATE_FILE)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise file_error(error, f"Reading the checkpoint state {path!r} failed") from error
    state = parse_checkpoint_state(content, path)
    return attrs.evolve(
        state,
        model_checkpoint_path=os.path.join(directory, state.model_checkpoint_path),
        all_model_checkpoint_paths=[
            os.path.join(directory, p) for p in state.all_model_checkpoint_paths
        ],
    )


def generate_checkpoint_state_proto(
    save_dir: str | os.PathLike[str],
    model_checkpoint_path: str,
    all_model_checkpoint_paths: Sequence[str] | None = None,
    all_model_checkpoint_timestamps: Sequence[float] | None = None,
    last_preserved_timestamp: float | None = None,
) -> CheckpointState:
    """Makes the value that describes the checkpoints of a directory.

    Source of the rules: tf.compat.v1.train.generate_checkpoint_state_proto documentation.

    Args:
        save_dir: The directory. If it is a relative path, paths are made relative to it.
        model_checkpoint_path: Prefix of the newest checkpoint.
        all_model_checkpoint_paths: Prefixes of all checkpoints, oldest first; the newest is added
            if it isn't the last.
        all_model_checkpoint_timestamps: Seconds since 1970 for each of them.
        last_preserved_timestamp: Seconds since 1970.

    Returns:
        The value.

    Raises:
        ValueError: The number of time stamps is not that of the paths.
    """
    paths = list(all_model_checkpoint_paths or ())
    if not paths or paths[-1] != model_checkpoint_path:
        logging.info(
            f"{model_checkpoint_path} is not in all_model_checkpoint_paths. Manually adding it."
        )
        paths.append(model_checkpoint_path)
    directory = os.fspath(save_dir)
    return CheckpointState(
        _relative_to_relative(model_checkpoint_path, directory),
        [_relative_to_relative(path, directory) for path in paths],
        all_model_checkpoint_timestamps or (),
        last_preserved_timestamp,
    )


def update_checkpoint_state(
    save_dir: str | os.PathLike[str],
    model_checkpoint_path: str,
    all_model_checkpoint_paths: Sequence[str] | None = None,
    latest_filename: str | None = None,
    all_model_checkpoint_timestamps: Sequence[float] | None = None,
    last_preserved_timestamp: float | None = None,
) -> None:
    """Writes the ``checkpoint`` file of a directory, all of it or nothing.

    Paths inside the directory are written relative to it, so that it can be moved.

    Source of the rules: tf.compat.v1.train.update_checkpoint_state documentation.

    Args:
        save_dir: The directory.
        model_checkpoint_path: Prefix of the newest checkpoint.
        all_model_checkpoint_paths: Prefixes of all checkpoints, oldest first.
        latest_filename: Name of the state file, ``checkpoint`` if not given.
        all_model_checkpoint_timestamps: Seconds since 1970 for each of them.
        last_preserved_timestamp: Seconds since 1970.

    Raises:
        RuntimeError: The checkpoint has the name of the state file.
        OpError: The file cannot be written; a subclass says why.
    """
    directory = os.fspath(save_dir)
    path = _state_file(directory, latest_filename)
    if path == model_checkpoint_path:
        raise RuntimeError(
            f"Save path '{model_checkpoint_path}' conflicts with path used for checkpoint state. "
            "Please use a different save path."
        )
    state = generate_checkpoint_state_proto(
        directory,
        model_checkpoint_path,
        all_model_checkpoint_paths,
        all_model_checkpoint_timestamps,
        last_preserved_timestamp,
    )
    text = format_checkpoint_state(_relative_where_inside(state, directory))
    replace_file(path, [text.encode("ascii")])


def format_checkpoint_state(state: CheckpointState) -> str:
    """Writes a state as protobuf text.

    Args:
        state: The state.

    Returns:
        ASCII text; other bytes of a path are escaped.
    """
    lines = [f"model_checkpoint_path: {_quoted(state.model_checkpoint_path)}"]
    for path in state.all_model_checkpoint_paths:
        lines.append(f"all_model_checkpoint_paths: {_quoted(path)}")
    for timestamp in state.all_model_checkpoint_timestamps:
        lines.append(f"all_model_checkpoint_timestamps: {float(timestamp)!r}")
    if state.last_preserved_timestamp is not None:
        lines.append(f"last_preserved_timestamp: {float(state.last_preserved_timestamp)!r}")
    return "\n".join(lines) + "\n"


def parse_checkpoint_state(content: bytes, source: str) -> CheckpointState:
    r"""Reads a state from protobuf text.

    Args:
        content: The text.
        source: Where it comes from, for messages.

    Returns:
        The state, paths as they are written.

    Raises:
        ValueError: The text is no such state; the message names the source and the line.

    Example:
        >>> parse_checkpoint_state(b'model_checkpoint_path: "model.ckpt-7"\n', "checkpoint")
        ... # doctest: +ELLIPSIS
        CheckpointState(model_checkpoint_path='model.ckpt-7', all_model_checkpoint_paths=(), ...)
        >>> parse_checkpoint_state(b"model_checkpoint_path: 7", "checkpoint")
        Traceback (most recent call last):
        ValueError: Invalid checkpoint state loaded from checkpoint: line 1: ...
    """
    try:
        return _state_of_fields(list(_fields(content)))
    except ValueError as error:
        raise ValueError(
            f"Invalid checkpoint state loaded from {source}: {error}. The file should hold lines "
            'like model_checkpoint_path: "model.ckpt-100". The checkpoints themselves are not '
            "affected: correct the file, or remove it and restore a checkpoint by its own name."
        ) from None


# -- protobuf text ---------------------------------------------------------------------------------

_TOKEN = re.compile(
    rb"""(?P<blank>(?:[ \t\r\f\v]|\#[^\n]*)+)
    |(?P<newline>\n)
    |(?P<name>[A-Za-z_][A-Za-z0-9_]*)
    |(?P<number>[-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?|[-+](?:inf|nan)\b)
    |(?P<string>"(?:[^"\\\n\0]|\\[^\n\0])*"|'(?:[^'\\\n\0]|\\[^\n\0])*')
    |(?P<colon>:)
    |(?P<separator>[,;])""",
    re.VERBOSE,
)
_ESCAPE = re.compile(rb"\\(?:([0-7]{1,3})|[xX]([0-9A-Fa-f]{1,2})|(.))", re.DOTALL)
_SIMPLE_ESCAPES = {
    b"a": b"\a",
    b"b": b"\b",
    b"f": b"\f",
    b"n": b"\n",
    b"r": b"\r",
    b"t": b"\t",
    b"v": b"\v",
    b"\\": b"\\",
    b"'": b"'",
    b'"': b'"',
    b"?": b"?",
}
_PATH_FIELDS = ("model_checkpoint_path", "all_model_checkpoint_paths")
_NUMBER_FIELDS = ("all_model_checkpoint_timestamps", "last_preserved_timestamp")


@attrs.frozen
class _Token:
    kind: str
    text: bytes
    line: int


@attrs.frozen
class _Field:
    name: str
    value: str | float
    line: int


def _tokens(content: bytes) -> Iterator[_Token]:
    """The tokens of a text, without blanks and comments; the last is always of kind "end"."""
    position, line = 0, 1
    while position < len(content):
        match = _TOKEN.match(content, position)
        if match is None:
            raise ValueError(f"line {line}: cannot be read: {_excerpt(content[position:])}")
        position = match.end()
        if match.lastgroup == "newline":
            line += 1
        elif match.lastgroup != "blank":
            yield _Token(match.lastgroup or "", match.group(), line)
    yield _Token("end", b"end of file", line)


def _fields(content: bytes) -> Iterator[_Field]:
    """The fields of a text, in order, each with a value of the field's own type."""
    if len(content) > _LARGEST_STATE_FILE:
        raise ValueError(f"it is larger than {_LARGEST_STATE_FILE} bytes")
    tokens = list(_tokens(content))
    at = 0
    while tokens[at].kind != "end":
        name = _expect(tokens[at], "name", "the name of a field").text.decode("ascii")
        _expect(tokens[at + 1], "colon", f"a colon after {name}")
        line = tokens[at].line
        at += 2
        start = at
        while tokens[at].kind == tokens[start].kind == "string":
            at += 1
        yield _Field(name, _value(name, tokens[start : max(at, start + 1)]), line)
        at = max(at, start + 1)
        at += tokens[at].kind == "separator"


def _expect(token: _Token, kind: str, what: str) -> _Token:
    if token.kind != kind:
        raise ValueError(f"line {token.line}: expected {what}, found {_excerpt(token.text)}")
    return token


def _value(name: str, tokens: Sequence[_Token]) -> str | float:
    if name in _PATH_FIELDS:
        _expect(tokens[0], "string", f"a path in quotes for {name}")
        return _path(b"".join(_unescaped(t) for t in tokens), tokens[0].line)
    if name in _NUMBER_FIELDS:
        token = tokens[0]
        if token.kind == "name" and token.text in (b"inf", b"nan"):
            return float(token.text)
        return float(_expect(token, "number", f"a number for {name}").text)
    known = ", ".join(_PATH_FIELDS + _NUMBER_FIELDS)
    raise ValueError(f"line {tokens[0].line}: unknown field {name}; known are {known}")


def _path(raw: bytes, line: int) -> str:
    if not raw or b"\0" in raw:
        raise ValueError(f"line {line}: {_excerpt(raw)} is no path")
    return os.fsdecode(raw)


def _unescaped(token: _Token) -> bytes:
    def replacement(match: re.Match[bytes]) -> bytes:
        octal, hexadecimal, simple = match.groups()
        if simple in _SIMPLE_ESCAPES:
            return _SIMPLE_ESCAPES[simple]
        code = int(octal, 8) if octal else int(hexadecimal, 16) if hexadecimal else 256
        if code > 255:
            raise ValueError(f"line {token.line}: unknown escape {_excerpt(match.group())}")
        return bytes([code])

    return _ESCAPE.sub(replacement, token.text[1:-1])


def _state_of_fields(fields: Sequence[_Field]) -> CheckpointState:
    def of(name: str) -> list[_Field]:
        return [field for field in fields if field.name == name]

    for name in ("model_checkpoint_path", "last_preserved_timestamp"):
        if len(of(name)) > 1:
            raise ValueError(f"line {of(name)[1].line}: {name} is given a second time")
    if not of("model_checkpoint_path"):
        raise ValueError("it has no model_checkpoint_path")
    preserved = of("last_preserved_timestamp")
    return CheckpointState(
        str(of("model_checkpoint_path")[0].value),
        [str(field.value) for field in of("all_model_checkpoint_paths")],
        [float(field.value) for field in of("all_model_checkpoint_timestamps")],
        float(preserved[0].value) if preserved else None,
    )


def _quoted(path: str) -> str:
    """A path as a protobuf string literal: everything but plain ASCII is escaped."""
    escaped = []
    for byte in os.fsencode(path):
        if byte in b"\"'\\":
            escaped.append("\\" + chr(byte))
        elif 0x20 <= byte < 0x7F:
            escaped.append(chr(byte))
        else:
            escaped.append(f"\\{byte:03o}")
    return '"' + "".join(escaped) + '"'


def _excerpt(raw: bytes) -> str:
    return repr(raw[:40].decode("utf-8", "backslashreplace")) + ("..." if len(raw) > 40 else "")


# -- paths -----------------------------------------------------------------------------------------


def _state_file(directory: str, latest_filename: str | None) -> str:
    return os.path.join(directory, latest_filename or _DEFAULT_STATE_FILENAME)


def _read_at_most(path: str, size: int) -> bytes:
    with open(path, "rb") as file:
        return file.read(size + 1)


def _relative_to_relative(path: str, directory: str) -> str:
    """A path as seen from the directory, if both are relative to the working directory."""
    if os.path.isabs(directory) or os.path.isabs(path):
        return path
    return os.path.relpath(path, directory or ".")


def _relative_where_inside(state: CheckpointState, directory: str) -> CheckpointState:
    def shortened(path: str) -> str:
        if not os.path.isabs(path):
            return path
        relative = os.path.relpath(path, os.path.abspath(directory))
        return path if relative.split(os.sep)[0] == os.pardir else relative

    return attrs.evolve(
        state,
        model_checkpoint_path=shortened(state.model_checkpoint_path),
        all_model_checkpoint_paths=[shortened(p) for p in state.all_model_checkpoint_paths],
    )
