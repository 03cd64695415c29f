"""A scenario as a value: what hooks, scaffold, input and user do in one life of a session.

Its JSON is that of the recorded traces of TensorFlow, so a scenario that fails here can be played
there, and the other way round.
"""

import json
import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import attrs

from statemachine.testing.faults import ERROR_NAMES
from statemachine.testing.hook import METHODS
from statemachine.testing.reading import (
    Reader,
    anything,
    choice,
    count,
    either,
    is_object,
    is_text,
    list_of,
    nullable,
    number,
    object_of,
    refuse,
    text,
)
from statemachine.testing.reading import ScenarioError as ScenarioError

# Any, here: what is read is JSON, of which nothing is known before.
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


def _fetch(value: Any, where: str) -> None:
    if isinstance(value, list):
        list_of(_fetch)(value, where)
    elif isinstance(value, Mapping):
        for name, part in value.items():
            _fetch(part, f"{where}.{name}")
    elif value is not None and not isinstance(value, str):
        refuse(where, value, "a fetch: null, a symbol, or lists and objects of fetches")


_ERROR: Final = choice(*ERROR_NAMES)
_TIMES: Final[Mapping[str, Reader]] = {"times": count, "skip": count}
_FAULT: Final = object_of({"raise": _ERROR, **_TIMES}, "raise")
_BOMB: Final = object_of({"bomb": _ERROR, "value": number, **_TIMES}, "bomb")
_FED: Final = either((is_object, _BOMB), (lambda _: True, number), otherwise="")


def _feed(value: Any, where: str) -> None:
    if value is None:
        return
    if not isinstance(value, Mapping):
        refuse(where, value, "null, or an object from symbols to numbers and bombs")
    for name, part in value.items():
        _FED(part, f"{where}.{name}")


_OPTIONS: Final = object_of(
    {
        "trace_level": count,
        "timeout_in_ms": count,
        "output_partition_graphs": choice(True, False),
        "report_tensor_allocations_upon_oom": choice(True, False),
    }
)
_FLAG: Final = choice(True, False)
_PART: Final = object_of(
    {
        "run": _fetch,
        "hooks": _fetch,
        "feed": _feed,
        "stop": _FLAG,
        "should_stop": _FLAG,
        "raise": _ERROR,
        "return": anything,
        **_TIMES,
    }
)


def _operation(value: Any, where: str) -> None:
    kind = value.get("op") if isinstance(value, Mapping) else None
    if not isinstance(kind, str) or kind not in _OPERATIONS:
        return refuse(where, value, f"an object whose 'op' is one of {', '.join(_OPERATIONS)}")
    common: Mapping[str, Reader] = {"op": text, "catch": _FLAG, "outside": _FLAG}
    object_of({**common, **_OPERATIONS[kind]})(value, where)


def _call(value: Any, where: str) -> None:
    _operation(value, where)


_ACTION: Final = object_of(
    {
        "make": object_of({"name": text, "value": number}, "name", "value"),
        "add_op": _FLAG,
        "run": _fetch,
        "run_feed": _feed,
        "call": _call,
        "mutate_feed": _feed,
        "mutate_fetches": _fetch,
        "thread": either(
            (is_text, choice("obedient", "stuck")),
            (is_object, object_of({"raise": _ERROR}, "raise")),
            otherwise='"obedient", "stuck", or an object with raise',
        ),
        "coord_stop": either(
            (is_text, _ERROR), (lambda _: True, choice(True)), otherwise="true, or an error"
        ),
        "request_stop": _FLAG,
        "raise": _ERROR,
        "return": choice("bad", "empty"),
        "fetch": _fetch,
        "feed": _feed,
        "options": _OPTIONS,
    }
)


def _calls(value: Any, where: str) -> None:
    if not isinstance(value, Mapping):
        refuse(where, value, "an object from numbers of calls to actions")
    for call, action in value.items():
        if call != "*" and not (isinstance(call, str) and call.isdecimal()):
            refuse(f"a key of {where}", call, "the number of a call, or '*' for all others")
        _ACTION(action, f"{where}.{call}")


_HOOK: Final = object_of({**dict.fromkeys(METHODS, _calls), "same_as": count, "unhashable": _FLAG})
_OPERATIONS: Final[Mapping[str, Mapping[str, Reader]]] = {
    "run": {"fetch": _fetch, "feed": _feed, "options": _OPTIONS},
    "step_fn": {"do": list_of(_PART), "sig": choice(*SIGNATURES)},
    "should_stop": {},
    "close": {},
    "graph": {},
    "raw_session": {},
    "enter": {},
    "raw_run": {"fetch": _fetch, "feed": _feed},
    "loop": {"max": count, "body": list_of(_operation)},
    "add_op": {},
    "raise": {"err": _ERROR},
    "coord_stop": {"err": _ERROR},
    "hooks_append": {"hook": _HOOK},
    "with": {"body": list_of(_operation)},
    "second": {"body": list_of(_operation)},
    "wait": {},
}
_INIT: Final = either(
    (is_text, choice("ok", "noop", "inv", "oor")), (is_object, _FAULT), otherwise="an init op"
)
_READY: Final = either(
    (is_text, choice("ok", "not_ready", "int32", "uninit", "inv", "oor")),
    (is_object, object_of({"not_ready": choice(True), **_TIMES}, "not_ready")),
    otherwise="a ready op",
)
_SCAFFOLD: Final = object_of(
    {
        "finalize": _FAULT,
        "saver": _FAULT,
        "init_fn": either(
            (is_text, choice("ok")),
            (lambda value: is_object(value) and "run" in value, object_of({"run": _fetch})),
            (is_object, _FAULT),
            otherwise='"ok", an object with run, or a fault',
        ),
        "init_op": _INIT,
        "local_init_op": _INIT,
        "ready_op": _READY,
        "ready_for_local_init_op": _READY,
        "dup_init_op": _FLAG,
    }
)
_MODE: Final = choice("with", "finally", "plain", "none")
_BODY: Final = list_of(_operation)
_CHECKPOINTS: Final = ("empty", "missing", "full", "partial", "corrupt")


_FIELDS: Final[Mapping[str, Reader]] = {
    "session": choice("singular", "monitored"),
    "mode": _MODE,
    "hooks": list_of(_HOOK),
    "hooks_as": choice("list", "tuple", "iterator", "none"),
    "body": _BODY,
    "after": _BODY,
    "reopen": list_of(object_of({"mode": _MODE, "body": _BODY, "after": _BODY})),
    "scaffold": nullable(_SCAFFOLD),
    "ckpt_dir": nullable(choice(*_CHECKPOINTS)),
    "ckpt_file": nullable(choice("full", "partial", "missing")),
    "qr": nullable(object_of({"n": count, "raise": _ERROR, "start_raise": _ERROR, **_TIMES}, "n")),
    "session_create": nullable(_FAULT),
    "raw_close": nullable(object_of({"raise": _ERROR, "times": count}, "raise")),
    "pre_finalized": nullable(choice("plain", "scaffold")),
    "grace": nullable(number),
    "creator": nullable(choice("none")),
    "model": nullable(choice("empty")),
}
_READ: Final = object_of(_FIELDS, "session")

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
        try:
            _READ(data, "")
        except RecursionError as error:
            raise ScenarioError("a scenario is not nested so deeply") from error
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
        except (ValueError, RecursionError) as error:
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
        return program_of(adapter, "check_scenario", "Scenario", self.to_json(indent=1))

    @property
    def lives(self) -> Iterator[Spec]:
        """The bodies of all lives: objects with body and after."""
        yield {"body": self.body, "after": self.after}
        yield from self.reopen


_DEFAULTS: Final = {
    field.name: field.default for field in attrs.fields(Scenario) if field.name != "session"
}


def program_of(where: str, check: str, kind: str, text: str) -> str:
    """A program that plays a scenario again; it exits with 1 if a check fails.

    Args:
        where: Where is what is checked, as ``module:name``; in the current directory, too.
        check: The function of `runtime.testing` that plays it.
        kind: The class of the scenario, of `statemachine.testing`.
        text: Its JSON.
    """
    module, _, name = where.partition(":")
    lines = [
        "import sys",
        "",
        'sys.path.insert(0, "")',
        "",
        f"from {module} import {name}",
        f"from runtime.testing import {check}",
        f"from statemachine.testing import {kind}",
        "",
        f'scenario = {kind}.from_json(r"""{text}""")',
        f"report = {check}({name}, scenario)",
        "print(report)",
        "sys.exit(not report.passed)",
    ]
    return "\n".join(lines) + "\n"
