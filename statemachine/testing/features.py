"""What a session class can do, and what can be seen of it: the words of an adapter."""

import enum
from collections.abc import Iterator, Mapping
from typing import Any, Final

from statemachine.testing.hook import METHODS
from statemachine.testing.scenario import Scenario


class Feature(enum.Enum):
    """What a scenario may make use of, beside hooks that raise, runs that fail, and `with`."""

    CLOSE = "close() called by the user"
    STOP = "run_context.request_stop() and should_stop()"
    REQUESTS = "hooks that ask for fetches and feeds in before_run"
    OPTIONS = "run options, of the caller and of hooks"
    STEP_FN = "run_step_fn()"
    RAW = "a raw session for hooks and the user"
    COORDINATOR = "a coordinator: threads, and requests to stop"
    SCAFFOLD = "a scaffold: init_fn, init ops, ready checks, and faults in them"
    CHECKPOINT = "a checkpoint that is restored"
    QUEUE_RUNNER = "a queue runner"
    GRAPH = "a graph that is finalized"
    REENTRY = "hooks that call the session itself"
    REOPEN = "several sessions, one after the other, on one graph"
    MONITORED = "a session that recovers from preemptions"


class Sees(enum.Enum):
    """What an adapter can report, beside the calls of hooks and what comes out of the user's."""

    RAW = "raw sessions: opened, run, closed"
    START = "the pieces of a start: scaffold, init ops, restore, ready checks, queue runners"
    GRAPH = "whether the graph is finalized"
    ERRORS = "the very class and message of refusals"
    LOG = "an event log"


FEATURES: Final = frozenset(Feature)
EVERYTHING: Final = frozenset(Sees)

_METHODS: Final[Mapping[str, Feature | None]] = {
    "run": None,
    "__enter__": None,
    "__exit__": None,
    "close": Feature.CLOSE,
    "should_stop": Feature.STOP,
    "run_step_fn": Feature.STEP_FN,
    "raw_session": Feature.RAW,
    "graph": Feature.GRAPH,
}

OF_OPERATION: Final[Mapping[str, Feature]] = {
    "step_fn": Feature.STEP_FN,
    "should_stop": Feature.STOP,
    "loop": Feature.STOP,
    "close": Feature.CLOSE,
    "graph": Feature.GRAPH,
    "raw_session": Feature.RAW,
    "raw_run": Feature.RAW,
    "add_op": Feature.GRAPH,
    "coord_stop": Feature.COORDINATOR,
    "second": Feature.REOPEN,
}
"""What a session must be able to do for an operation; others every session can do."""
_OF_ACTION: Final = {
    "make": Feature.GRAPH,
    "add_op": Feature.GRAPH,
    "run": Feature.RAW,
    "call": Feature.REENTRY,
    "thread": Feature.COORDINATOR,
    "coord_stop": Feature.COORDINATOR,
    "request_stop": Feature.STOP,
    "return": Feature.REQUESTS,
    "fetch": Feature.REQUESTS,
    "feed": Feature.REQUESTS,
    "options": Feature.OPTIONS,
    "mutate_feed": Feature.REQUESTS,
    "mutate_fetches": Feature.REQUESTS,
}
_OF_FIELD: Final = {
    "scaffold": Feature.SCAFFOLD,
    "ckpt_file": Feature.CHECKPOINT,
    "ckpt_dir": Feature.CHECKPOINT,
    "qr": Feature.QUEUE_RUNNER,
    "pre_finalized": Feature.GRAPH,
    "session_create": Feature.RAW,
    "raw_close": Feature.RAW,
}


def methods_needed(features: frozenset[Feature]) -> Iterator[tuple[str, Feature | None]]:
    """What a session must have, and for which feature; None: in any case.

    A session that recovers shows its raw sessions to hooks only, as `MonitoredSession` does.
    """
    able = features - {Feature.RAW} if Feature.MONITORED in features else features
    return ((name, it) for name, it in _METHODS.items() if it is None or it in able)


def features_of(scenario: Scenario) -> frozenset[Feature]:
    """Everything that a scenario makes use of."""
    return frozenset(_used(scenario))


def _used(scenario: Scenario) -> Iterator[Feature]:
    for name, feature in _OF_FIELD.items():
        if getattr(scenario, name) is not None:
            yield feature
    if scenario.session == "monitored":
        yield Feature.MONITORED
    if scenario.mode != "with":
        yield Feature.CLOSE
    if scenario.reopen:
        yield Feature.REOPEN
    for life in scenario.lives:
        for operation in (*life.get("body", ()), *life.get("after", ())):
            yield from _used_by_operation(operation)
    for hook in scenario.hooks:
        for action in actions_of(hook):
            yield from (_OF_ACTION[name] for name in action if name in _OF_ACTION)
            if "call" in action:
                yield from _used_by_operation(action["call"])


# Any: the parts of a scenario are JSON.
def actions_of(hook: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """All actions of a hook."""
    for method in METHODS:
        yield from hook.get(method, {}).values()


def _used_by_operation(operation: Mapping[str, Any]) -> Iterator[Feature]:
    if operation["op"] in OF_OPERATION:
        yield OF_OPERATION[operation["op"]]
    if operation.get("options"):
        yield Feature.OPTIONS
    for inner in operation.get("body", ()):
        yield from _used_by_operation(inner)
