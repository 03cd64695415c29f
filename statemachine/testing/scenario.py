"""A scenario as a value: what hooks, scaffold, input and user do in one life of a session.

Its JSON is that of the recorded traces of TensorFlow, so a scenario that fails here can be played
there, and the other way round.
"""

import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import attrs

from statemachine.testing.faults import ERROR_NAMES
from statemachine.testing.hook import METHODS

# Any, here: what is read is JSON, of which nothing is known before.
Reader = Callable[[Any, str], None]
SIGNATURES: Final = (
    "step_context",
    "self",
    "callable",
    "lambda",
    "partial",
    "kwonly",
    "other",
    "none",
    "extra",
    "varargs",
    "not_callable",
    "self_unbound",
)


class ScenarioError(ValueError):
    """What was read is no scenario; the message says where, what stands there, and what may."""


def _refuse(where: str, value: object, wanted: str) -> None:
    shown = json.dumps(value, default=repr)
    shown = shown if len(shown) <= 60 else shown[:59] + "…"
    raise ScenarioError(f"{where or 'the scenario'} is {shown}; it must be {wanted}")


def _choice(*values: Any) -> Reader:
    shown = ", ".join(json.dumps(value) for value in values)

    def read(value: Any, where: str) -> None:
        if not any(value is one or (isinstance(one, str) and value == one) for one in values):
            _refuse(where, value, f"one of {shown}")

    return read


def _count(value: Any, where: str) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        _refuse(where, value, "a whole number from 0")


def _number(value: Any, where: str) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        _refuse(where, value, "a number")


def _text(value: Any, where: str) -> None:
    if not isinstance(value, str):
        _refuse(where, value, "a text")


def _anything(value: Any, where: str) -> None:
    """Takes any JSON."""


def _list(of: Reader) -> Reader:
    def read(value: Any, where: str) -> None:
        if not isinstance(value, list | tuple):
            _refuse(where, value, "a list")
        for index, element in enumerate(value):
            of(element, f"{where}[{index}]")

    return read


def _object(fields: Mapping[str, Reader], *required: str) -> Reader:
    def read(value: Any, where: str) -> None:
        if not isinstance(value, Mapping):
            _refuse(where, value, "an object")
        for name in required:
            if name not in value:
                _refuse(where, value, f"an object with {name!r}")
        for name, part in value.items():
            if name not in fields:
                _refuse(where, value, f"an object of {', '.join(sorted(fields))}, not {name!r}")
            fields[name](part, f"{where}.{name}" if where else name)

    return read


def _either(*readers: tuple[Callable[[Any], bool], Reader], otherwise: str) -> Reader:
    def read(value: Any, where: str) -> None:
        for fits, reader in readers:
            if fits(value):
                return reader(value, where)
        return _refuse(where, value, otherwise)

    return read


def _is_object(value: Any) -> bool:
    return isinstance(value, Mapping)


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _fetch(value: Any, where: str) -> None:
    if isinstance(value, list):
        _list(_fetch)(value, where)
    elif isinstance(value, Mapping):
        for name, part in value.items():
            _fetch(part, f"{where}.{name}")
    elif value is not None and not isinstance(value, str):
        _refuse(where, value, "a fetch: null, a symbol, or lists and objects of fetches")


_ERROR: Final = _choice(*ERROR_NAMES)
_TIMES: Final[Mapping[str, Reader]] = {"times": _count, "skip": _count}
_FAULT: Final = _object({"raise": _ERROR, **_TIMES}, "raise")
_BOMB: Final = _object({"bomb": _ERROR, "value": _number, **_TIMES}, "bomb")
_FED: Final = _either((_is_object, _BOMB), (lambda _: True, _number), otherwise="")


def _feed(value: Any, where: str) -> None:
    if value is None:
        return
    if not isinstance(value, Mapping):
        _refuse(where, value, "null, or an object from symbols to numbers and bombs")
    for name, part in value.items():
        _FED(part, f"{where}.{name}")


_OPTIONS: Final = _object(
    {
        "trace_level": _count,
        "timeout_in_ms": _count,
        "output_partition_graphs": _choice(True, False),
        "report_tensor_allocations_upon_oom": _choice(True, False),
    }
)
_FLAG: Final = _choice(True, False)
_PART: Final = _object(
    {
        "run": _fetch,
        "hooks": _fetch,
        "feed": _feed,
        "stop": _FLAG,
        "should_stop": _FLAG,
        "raise": _ERROR,
        "return": _anything,
        **_TIMES,
    }
)


def _operation(value: Any, where: str) -> None:
    kind = value.get("op") if isinstance(value, Mapping) else None
    if not isinstance(kind, str) or kind not in _OPERATIONS:
        return _refuse(where, value, f"an object whose 'op' is one of {', '.join(_OPERATIONS)}")
    common: Mapping[str, Reader] = {"op": _text, "catch": _FLAG, "outside": _FLAG}
    _object({**common, **_OPERATIONS[kind]})(value, where)


def _call(value: Any, where: str) -> None:
    _operation(value, where)


_ACTION: Final = _object(
    {
        "make": _object({"name": _text, "value": _number}, "name", "value"),
        "add_op": _FLAG,
        "run": _fetch,
        "run_feed": _feed,
        "call": _call,
        "mutate_feed": _feed,
        "mutate_fetches": _fetch,
        "thread": _either(
            (_is_text, _choice("obedient", "stuck")),
            (_is_object, _object({"raise": _ERROR}, "raise")),
            otherwise='"obedient", "stuck", or an object with raise',
        ),
        "coord_stop": _either(
            (_is_text, _ERROR), (lambda _: True, _choice(True)), otherwise="true, or an error"
        ),
        "request_stop": _FLAG,
        "raise": _ERROR,
        "return": _choice("bad", "empty"),
        "fetch": _fetch,
        "feed": _feed,
        "options": _OPTIONS,
    }
)


def _calls(value: Any, where: str) -> None:
    if not isinstance(value, Mapping):
        _refuse(where, value, "an object from numbers of calls to actions")
    for number, action in value.items():
        if number != "*" and not (isinstance(number, str) and number.isdecimal()):
            _refuse(f"a key of {where}", number, "the number of a call, or '*' for all others")
        _ACTION(action, f"{where}.{number}")


_HOOK: Final = _object({**dict.fromkeys(METHODS, _calls), "same_as": _count, "unhashable": _FLAG})
_OPERATIONS: Final[Mapping[str, Mapping[str, Reader]]] = {
    "run": {"fetch": _fetch, "feed": _feed, "options": _OPTIONS},
    "step_fn": {"do": _list(_PART), "sig": _choice(*SIGNATURES)},
    "should_stop": {},
    "close": {},
    "graph": {},
    "raw_session": {},
    "enter": {},
    "raw_run": {"fetch": _fetch, "feed": _feed},
    "loop": {"max": _count, "body": _list(_operation)},
    "add_op": {},
    "raise": {"err": _ERROR},
    "coord_stop": {"err": _ERROR},
    "hooks_append": {"hook": _HOOK},
    "with": {"body": _list(_operation)},
    "second": {"body": _list(_operation)},
    "wait": {},
}
_INIT: Final = _either(
    (_is_text, _choice("ok", "noop", "inv", "oor")), (_is_object, _FAULT), otherwise="an init op"
)
_READY: Final = _either(
    (_is_text, _choice("ok", "not_ready", "int32", "uninit", "inv", "oor")),
    (_is_object, _object({"not_ready": _choice(True), **_TIMES}, "not_ready")),
    otherwise="a ready op",
)
_SCAFFOLD: Final = _object(
    {
        "finalize": _FAULT,
        "saver": _FAULT,
        "init_fn": _either(
            (_is_text, _choice("ok")),
            (lambda value: _is_object(value) and "run" in value, _object({"run": _fetch})),
            (_is_object, _FAULT),
            otherwise='"ok", an object with run, or a fault',
        ),
        "init_op": _INIT,
        "local_init_op": _INIT,
        "ready_op": _READY,
        "ready_for_local_init_op": _READY,
        "dup_init_op": _FLAG,
    }
)
_MODE: Final = _choice("with", "finally", "plain", "none")
_BODY: Final = _list(_operation)
_CHECKPOINTS: Final = ("empty", "missing", "full", "partial", "corrupt")


def _nullable(reader: Reader) -> Reader:
    return lambda value, where: None if value is None else reader(value, where)


_FIELDS: Final[Mapping[str, Reader]] = {
    "session": _choice("singular", "monitored"),
    "mode": _MODE,
    "hooks": _list(_HOOK),
    "hooks_as": _choice("list", "tuple", "iterator", "none"),
    "body": _BODY,
    "after": _BODY,
    "reopen": _list(_object({"mode": _MODE, "body": _BODY, "after": _BODY})),
    "scaffold": _nullable(_SCAFFOLD),
    "ckpt_dir": _nullable(_choice(*_CHECKPOINTS)),
    "ckpt_file": _nullable(_choice("full", "partial", "missing")),
    "qr": _nullable(_object({"n": _count, "raise": _ERROR, "start_raise": _ERROR, **_TIMES}, "n")),
    "session_create": _nullable(_FAULT),
    "raw_close": _nullable(_object({"raise": _ERROR, "times": _count}, "raise")),
    "pre_finalized": _nullable(_choice("plain", "scaffold")),
    "grace": _nullable(_number),
    "creator": _nullable(_choice("none")),
    "model": _nullable(_choice("empty")),
}
_READ: Final = _object(_FIELDS, "session")

Spec = Mapping[str, Any]


def _specs(values: Iterable[Spec]) -> tuple[Spec, ...]:
    return tuple(values)


@attrs.frozen(kw_only=True, hash=False, repr=False)
class Scenario:
    """One life of a session, planned. FORMAT.md of the recorded traces says what each part means.

    Attributes:
        session: "singular" or "monitored".
        mode: How it is used: "with", "finally", "plain", "none".
        hooks: What each hook does, by method and number of the call.
        body: What the user does.
        after: What the user does once the session was left.
        scaffold: The parts of the scaffold that are special, or None.
        ckpt_file: Which checkpoint is restored: "full", "partial", "missing", or None.
        ckpt_dir: What lies in the directory of checkpoints, or None.
        qr: The queue runner, or None.
        session_create: A fault of opening a raw session, or None.
        raw_close: A fault of closing raw sessions, or None.
        hooks_as: How the hooks are passed.
        reopen: Further lives with the same hooks and graph.
        pre_finalized: How the graph was finalized before, or None.
        grace: The grace period of the threads in seconds, or None for the usual one.
        creator: "none" for a MonitoredSession without a session creator.
        model: "empty" for a graph without operations.

    Example:
        >>> scenario = Scenario(
        ...     hooks=({"before_run": {"0": {"raise": "OutOfRangeError"}}},),
        ...     body=({"op": "run", "fetch": "c"},),
        ... )
        >>> Scenario.from_json(scenario.to_json()) == scenario
        True
    """

    session: str = "singular"
    mode: str = "with"
    hooks: tuple[Spec, ...] = attrs.field(default=(), converter=_specs)
    body: tuple[Spec, ...] = attrs.field(default=(), converter=_specs)
    after: tuple[Spec, ...] = attrs.field(default=(), converter=_specs)
    scaffold: Spec | None = None
    ckpt_file: str | None = None
    ckpt_dir: str | None = None
    qr: Spec | None = None
    session_create: Spec | None = None
    raw_close: Spec | None = None
    hooks_as: str = "list"
    reopen: tuple[Spec, ...] = attrs.field(default=(), converter=_specs)
    pre_finalized: str | None = None
    grace: float | None = None
    creator: str | None = None
    model: str | None = None

    @classmethod
    def of(cls, data: object) -> "Scenario":
        """Read a scenario from decoded JSON, strictly.

        Raises:
            ScenarioError: If it is none; the message names the place.
        """
        _READ(data, "")
        assert isinstance(data, Mapping)
        return cls(**data)

    @classmethod
    def from_json(cls, text: str) -> "Scenario":
        """Read a scenario from JSON text.

        Raises:
            ScenarioError: If it is none.
        """
        try:
            data = json.loads(text)
        except ValueError as error:
            raise ScenarioError(f"a scenario is JSON, and this is none: {error}") from error
        return cls.of(data)

    @classmethod
    def read(cls, path: str | os.PathLike[str]) -> "Scenario":
        """Read a scenario from a file.

        Raises:
            OSError: If it can't be read.
            ScenarioError: If it holds no scenario.
        """
        try:
            text = Path(path).read_text("utf-8")
        except UnicodeDecodeError as error:
            raise ScenarioError(f"{path} is no text, so it holds no scenario") from error
        return cls.from_json(text)

    def __repr__(self) -> str:
        """An expression that makes the scenario again."""
        return f"Scenario.of({self.spec!r})"

    @property
    def spec(self) -> dict[str, Any]:
        """The JSON of the scenario, decoded; what is at its default is left out."""
        found: dict[str, Any] = {"session": self.session}
        for name, default in _DEFAULTS.items():
            value = getattr(self, name)
            if value != default:
                found[name] = list(value) if isinstance(value, tuple) else value
        return found

    def to_json(self, indent: int | None = None) -> str:
        """The scenario as JSON text."""
        return json.dumps(self.spec, indent=indent)

    def write(self, path: str | os.PathLike[str]) -> None:
        """Write the scenario to a file."""
        Path(path).write_text(self.to_json(indent=1) + "\n", "utf-8")

    def program(self, adapter: str) -> str:
        """A program that plays the scenario again and says what differs.

        Args:
            adapter: Where the adapter is, as ``module:name``.
        """
        module, _, name = adapter.partition(":")
        lines = [
            f"from {module} import {name}",
            "from runtime.testing import check_scenario",
            "from statemachine.testing import Scenario",
            "",
            f'scenario = Scenario.from_json("""{self.to_json(indent=1)}""")',
            f"print(check_scenario({name}, scenario))",
        ]
        return "\n".join(lines) + "\n"

    @property
    def lives(self) -> Iterator[Spec]:
        """The bodies of all lives: objects with body and after."""
        yield {"body": self.body, "after": self.after}
        yield from self.reopen


_DEFAULTS: Final = {
    field.name: field.default for field in attrs.fields(Scenario) if field.name != "session"
}
