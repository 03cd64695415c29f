"""A scenario for a hook as a value: what happens around it in the lives of its sessions."""

import json
import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from random import Random
from typing import Any, Final

import attrs

from statemachine.testing.building import KINDS, kind_of
from statemachine.testing.faults import ERROR_NAMES
from statemachine.testing.hook import METHODS
from statemachine.testing.reading import (
    Reader,
    ScenarioError,
    choice,
    count,
    list_of,
    nullable,
    object_of,
    refuse,
    text,
)
from statemachine.testing.scenario import program_of

# Any, here: the parts of a scenario are JSON.
Spec = Mapping[str, Any]
Choose = Callable[[int], int]
"""Chooses one of so many, counted from 0; 0 is the simplest."""
MOST_OTHERS: Final = 2
MOST_OPERATIONS: Final = 5
PREEMPTIONS: Final = ("AbortedError", "UnavailableError")

_ERROR: Final = choice(*ERROR_NAMES)
_YES: Final = choice(True)
_ACTION: Final = object_of(
    {"raise": _ERROR, "stop": _YES, "fetch": _YES, "feed": _YES, "save": _YES, "report": _ERROR}
)
_OPERATIONS: Final[Mapping[str, Mapping[str, Reader]]] = {
    "run": {"raise": _ERROR, "still": _YES, "feed": _YES, "options": _YES},
    "step_fn": {"runs": count, "raise": _ERROR, "stop": _YES},
    "raise": {"raise": _ERROR},
    "stop": {},
}


def _calls(value: Any, where: str) -> None:
    if not isinstance(value, Mapping):
        refuse(where, value, "an object from numbers of calls to actions")
    for call, action in value.items():
        if not (isinstance(call, str) and call.isdecimal()):
            refuse(f"a key of {where}", call, "the number of a call")
        _ACTION(action, f"{where}.{call}")


def _operation(value: Any, where: str) -> None:
    kind = str(value.get("op")) if isinstance(value, Mapping) else ""
    if kind not in _OPERATIONS:
        refuse(where, value, f"an object whose 'op' is one of {', '.join(_OPERATIONS)}")
    common: Mapping[str, Reader] = {"op": text, "catch": _YES}
    needed = ("raise",) if kind == "raise" else ()
    object_of({**common, **_OPERATIONS[kind]}, *needed)(value, where)


_READ: Final = object_of(
    {
        "session": choice("singular", "monitored"),
        "place": count,
        "hooks": list_of(object_of(dict.fromkeys(METHODS, _calls))),
        "body": list_of(_operation),
        "leave": choice("with", "close"),
        "start": nullable(object_of({"raise": _ERROR}, "raise")),
        "own": nullable(object_of({"raise": _ERROR, "at": count}, "raise", "at")),
        "directory": choice(True, False),
        "again": count,
    }
)


@attrs.frozen(kw_only=True, hash=False)
class HookScenario:
    """What happens around a hook.

    Attributes:
        session: "singular" for a SingularMonitoredSession, "monitored" for a MonitoredSession,
            which recovers.
        place: How many of the other hooks stand before the tested one.
        hooks: What each other hook does, by method and number of the call: it can raise, ask for
            a stop, fetch, feed, save a checkpoint, report an error to the coordinator.
        body: What the user does: runs (that may fail, or leave the global step as it is), step
            functions, errors of the user's own, requests to stop.
        leave: Whether the session is left by ``with``, or closed with ``close()``.
        start: An error of the scaffold's init_fn, once, or None.
        own: An error of one of the runs that the tested hook makes itself, on the raw session
            (``at`` counts them from 0), or None.
        directory: Whether the session has a directory of checkpoints, which recoveries restore.
        again: In how many further sessions the same hook is used.

    Example:
        >>> scenario = HookScenario(
        ...     session="monitored", body=({"op": "run", "raise": "AbortedError"},)
        ... )
        >>> HookScenario.from_json(scenario.to_json()) == scenario
        True
    """

    session: str = "singular"
    place: int = 0
    hooks: tuple[Spec, ...] = attrs.field(default=(), converter=tuple[Spec, ...])
    body: tuple[Spec, ...] = attrs.field(default=(), converter=tuple[Spec, ...])
    leave: str = "with"
    start: Spec | None = None
    own: Spec | None = None
    directory: bool = False
    again: int = 0

    @classmethod
    def of(cls, data: object) -> "HookScenario":
        """Read a scenario from decoded JSON, strictly.

        Raises:
            ScenarioError: If it is none; the message names the place.
        """
        _READ(data, "")
        assert isinstance(data, Mapping)
        return cls(**data)

    @classmethod
    def from_json(cls, text: str) -> "HookScenario":
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
    def read(cls, path: str | os.PathLike[str]) -> "HookScenario":
        """Read a scenario from a file.

        Raises:
            OSError: If it can't be read.
            ScenarioError: If it holds no scenario.
        """
        try:
            return cls.from_json(Path(path).read_text("utf-8"))
        except UnicodeDecodeError as error:
            raise ScenarioError(f"{path} is no text, so it holds no scenario") from error

    @property
    def spec(self) -> dict[str, Any]:
        """The JSON of the scenario, decoded; what is at its default is left out."""
        values = attrs.asdict(self, recurse=False)
        changed = {n: v for n, v in values.items() if v != _DEFAULTS[n] or n == "session"}
        return {n: list(v) if isinstance(v, tuple) else v for n, v in changed.items()}

    def to_json(self, indent: int | None = None) -> str:
        """The scenario as JSON text."""
        return json.dumps(self.spec, indent=indent)

    def write(self, path: str | os.PathLike[str]) -> None:
        """Write the scenario to a file."""
        Path(path).write_text(self.to_json(indent=1) + "\n", "utf-8")

    def program(self, factory: str) -> str:
        """A program that plays the scenario again and says what differs.

        Args:
            factory: Where the hook's factory is, as ``module:name``.
        """
        text = self.to_json(indent=1)
        return program_of(factory, "check_hook_scenario", "HookScenario", text)


_DEFAULTS: Final = {field.name: field.default for field in attrs.fields(HookScenario)}


def hook_fault_points(scenario: HookScenario) -> list[str]:
    """Where a scenario has faults, and of which kind: ``another before_run: preemption``."""
    found = []
    for hook in scenario.hooks:
        for method, calls in hook.items():
            for action in calls.values():
                if "raise" in action:
                    found.append(f"another's {method}: {kind_of(action['raise'])}")
                if "report" in action:
                    found.append(f"a thread: {kind_of(action['report'])}")
    found += [f"{op['op']}: {kind_of(op['raise'])}" for op in scenario.body if "raise" in op]
    for name, what in (("start", "init_fn"), ("own", "a run of its own")):
        fault = getattr(scenario, name)
        if fault is not None:
            found.append(f"{what}: {kind_of(fault['raise'])}")
    return found


def possible_hook_fault_points() -> list[str]:
    """All fault points that scenarios for hooks can have."""
    places = [f"another's {method}" for method in METHODS]
    places += ["a thread", "run", "step_fn", "raise", "init_fn", "a run of its own"]
    return [f"{place}: {kind}" for place in places for kind in KINDS]


# How scenarios are made. What keeps a session from running is rarer than what happens while it
# runs, and each kind of error is as frequent as the others.

_METHODS: Final = (
    *("before_run", "after_run", "before_run", "after_run"),
    *("after_create_session", "end", "begin"),
)
_OF_KIND: Final = {
    kind: tuple(name for name in ERROR_NAMES if kind_of(name) == kind) for kind in KINDS
}


def built(choose: Choose) -> HookScenario:
    """A scenario, of choices that somebody makes."""
    others = tuple(_other(choose) for _ in range(choose(MOST_OTHERS + 1)))
    body = [_step(choose) for _ in range(choose(MOST_OPERATIONS + 1))]
    return HookScenario(
        session=("singular", "monitored")[choose(2)],
        place=choose(len(others) + 1),
        hooks=others,
        body=({"op": "run"}, *body),
        leave=("with", "close")[choose(2)],
        start={"raise": _error(choose)} if choose(12) == 11 else None,
        own={"raise": _grave_error(choose), "at": choose(4)} if choose(4) == 3 else None,
        directory=choose(4) == 3,
        again=int(choose(5) == 4),
    )


def hook_scenarios_of(seed: int) -> Iterator[HookScenario]:
    """Scenarios without end; the same seed gives the same ones."""
    random = Random(seed)
    while True:
        yield built(random.randrange)


def _error(choose: Choose) -> str:
    names = _OF_KIND[KINDS[choose(len(KINDS))]]
    return names[choose(len(names))]


def _grave_error(choose: Choose) -> str:
    """Mostly one that has to come out."""
    graves = (*PREEMPTIONS, "KeyboardInterrupt")
    return graves[choose(3)] if choose(4) else _error(choose)


def _other(choose: Choose) -> Spec:
    hook: dict[str, dict[str, dict[str, Any]]] = {}
    for _ in range(choose(3)):
        method = _METHODS[choose(len(_METHODS))]
        call = str(choose(4)) if "run" in method else "0"
        hook.setdefault(method, {})[call] = _action(choose, method)
    return hook


def _action(choose: Choose, method: str) -> dict[str, Any]:
    if choose(2) == 0:
        return {"raise": _error(choose)}
    if method == "before_run":
        return {("fetch", "feed", "stop")[choose(3)]: True}
    if method == "after_run":
        return {("save", "stop")[choose(2)]: True}
    if method == "after_create_session":
        return {"report": _error(choose)}
    return {"raise": _error(choose)}


def _step(choose: Choose) -> Spec:
    """One operation; plain runs are the most frequent."""
    operation = _STEPS[choose(len(_STEPS))](choose)
    return {**operation, "catch": True} if choose(3) == 2 else operation


def _run(choose: Choose) -> dict[str, Any]:
    return {"op": "run"}


def _special_run(choose: Choose) -> dict[str, Any]:
    return {"op": "run", ("still", "feed", "options")[choose(3)]: True}


def _failing_run(choose: Choose) -> dict[str, Any]:
    return {"op": "run", "raise": _error(choose)}


def _preempted_run(choose: Choose) -> dict[str, Any]:
    return {"op": "run", "raise": PREEMPTIONS[choose(2)]}


def _step_fn(choose: Choose) -> dict[str, Any]:
    operation: dict[str, Any] = {"op": "step_fn", "runs": choose(3)}
    kind = choose(4)
    if kind == 2:
        operation["raise"] = _error(choose)
    elif kind == 3:
        operation["stop"] = True
    return operation


def _user_raises(choose: Choose) -> dict[str, Any]:
    return {"op": "raise", "raise": _error(choose)}


def _user_stops(choose: Choose) -> dict[str, Any]:
    return {"op": "stop"}


_STEPS: Final = (
    _run,
    _run,
    _run,
    _run,
    _special_run,
    _failing_run,
    _failing_run,
    _preempted_run,
    _step_fn,
    _user_raises,
    _user_stops,
)
