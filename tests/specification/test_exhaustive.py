"""The table of the package and the hand-written rules accept the very same histories.

A walk over the product of both compares all histories over its letters, of any length: any number
of steps, step functions, requests to stop, and (in the deep tests) recoveries. What bounds a walk
is the number of hooks, the number of errors that come out of calls, and the classes of errors; each
error may come out of every call. See specs/README.md for what that leaves out.
"""

import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

import attrs
import pytest

from statemachine import Event
from statemachine.events import EventKind, decode
from statemachine.unmarked import Follower
from tests.session.declare import Declared
from tests.specification.alphabet import (
    END_OF_INPUT,
    ERRORS,
    INTERRUPT,
    PREEMPTION,
    VALUE,
    event_of,
    letters,
    letters_of_reports,
    without_recovery,
)
from tests.specification.model import SPEC, Letter, Model, Told, accepts, histories
from tests.specification.product import Difference, Walk

K = EventKind


def _first(walk: Walk, count: int = 3) -> list[str]:
    return [str(difference) for difference in islice(walk.differences(), count)]


@pytest.mark.parametrize(
    ("hooks", "errors"),
    [
        (1, (VALUE,)),
        (3, (VALUE,)),
        pytest.param(0, ERRORS, marks=pytest.mark.deep),
        pytest.param(2, ERRORS, marks=pytest.mark.deep),
    ],
)
def test_table_and_rules_accept_the_same_histories(hooks: int, errors: tuple[Told, ...]) -> None:
    """With up to three hooks, and one error at every position, whatever is told in between."""
    walk = Walk(hooks, without_recovery(letters(hooks, errors)), most_faults=1)
    assert not _first(walk)
    assert walk.pairs > 500


@pytest.mark.parametrize(
    ("hooks", "on_error", "most_faults"),
    [
        (1, (0,), 0),
        pytest.param(1, (0,), 1, marks=pytest.mark.deep),
        pytest.param(2, (1,), 1, marks=pytest.mark.deep),
        pytest.param(2, (0, 1), 1, marks=pytest.mark.deep),
        pytest.param(3, (0, 2), 1, marks=pytest.mark.deep),
    ],
)
def test_table_and_rules_tell_the_same_hooks_of_errors(
    hooks: int, on_error: tuple[int, ...], most_faults: int
) -> None:
    """Hooks with an `on_error` are told by both at the same times, of the same errors."""
    told = without_recovery(letters_of_reports(hooks, (VALUE,)))
    walk = Walk(hooks, told, most_faults=most_faults, on_error=on_error)
    assert not _first(walk)
    assert walk.pairs > 200


@pytest.mark.deep
@pytest.mark.parametrize("hooks", [0, 1, 2, 3])
def test_table_and_rules_agree_about_two_errors(hooks: int) -> None:
    """Two errors at every two positions, of two classes."""
    told = without_recovery(letters(hooks, (VALUE, END_OF_INPUT)))
    assert not _first(Walk(hooks, told, most_faults=2))


@pytest.mark.deep
@pytest.mark.parametrize(
    ("hooks", "errors"),
    [(0, (VALUE, END_OF_INPUT, PREEMPTION, INTERRUPT)), (1, (PREEMPTION,)), (2, (PREEMPTION,))],
)
def test_table_and_rules_accept_the_same_recoveries(hooks: int, errors: tuple[Told, ...]) -> None:
    """Sessions that are given up and created again, any number of times, also by creators."""
    walk = Walk(hooks, letters(hooks, errors), most_faults=1)
    assert not _first(walk)
    assert walk.pairs > 5000


# The walk can find a difference


def _rule(data: dict[str, Any], name: str) -> list[dict[str, Any]]:
    conditions: list[dict[str, Any]] = next(r for r in data["rule"] if r["id"] == name)[
        "conditions"
    ]
    return conditions


def _without(rule: str, template: str, **fields: object) -> Callable[[dict[str, Any]], None]:
    def change(data: dict[str, Any]) -> None:
        conditions = _rule(data, rule)
        wanted = {"template": template, **fields}
        conditions.remove(next(c for c in conditions if wanted.items() <= c.items()))

    return change


def _without_all(*conditions: tuple[str, str]) -> Callable[[dict[str, Any]], None]:
    def change(data: dict[str, Any]) -> None:
        for condition in conditions:
            _without(*condition)(data)

    return change


def _threads_left(data: dict[str, Any]) -> None:
    _without("close-after-end", "in-this-order", scope="exit")(data)
    for condition in _rule(data, "end-first"):  # says so, too
        condition["optional"] = ["hook.end", "threads.join"]


def _hooks_reversed(data: dict[str, Any]) -> None:
    for condition in _rule(data, "after-run-follows-run"):
        condition["events"] = condition.get("events", [])[::-1]


def _end_always(data: dict[str, Any]) -> None:
    for condition in _rule(data, "end-only-if-owed"):
        condition.pop("unless", None)


RULES_CHANGED: Mapping[str, Callable[[dict[str, Any]], None]] = {
    "a hook may be skipped in before_run": _without(
        "hooks-in-list-order", "in-list-order", event="hook.before_run"
    ),
    "after_run may come before the run": _hooks_reversed,
    "end is owed whatever leaves the block": _end_always,
    "the threads may be left running": _threads_left,
    "a step may begin after a stop": _without_all(
        ("stop-is-kept", "not-succession"), ("stop-survives-recovery", "not-succession")
    ),
    "end of input need not be suppressed": _without("suppress-end-of-input", "whenever"),
    "steps may overlap": _without("one-run-at-a-time", "only"),
    "errors of the end need not be told": _without("error-of-end", "whenever"),
}


@pytest.mark.parametrize("change", RULES_CHANGED)
def test_a_changed_rule_is_found(change: str) -> None:
    """Each change of the rules makes a history that only one side accepts."""
    data = tomllib.loads(SPEC.read_text("utf-8"))
    RULES_CHANGED[change](data)
    told = without_recovery(letters(1, (VALUE, END_OF_INPUT)))
    walk = Walk(1, told, Model(1, data, told), most_faults=1)
    assert _first(walk, 1)


class _Mutant(Follower):
    """The package's acceptor with a step forbidden, or one more allowed."""

    def __init__(self, hooks: int, before: K, after: K, instead: K | None = None) -> None:
        super().__init__(hooks)
        self._pair, self._instead = (before, after), instead

    def _steps(self, before: int) -> Iterator[int]:
        for code in super()._steps(before):
            changed = before and (decode(before).kind, decode(code).kind) == self._pair
            if not changed:
                yield code
            elif self._instead is not None:
                yield from (c for c in super()._steps(code) if decode(c).kind is self._instead)


TABLE_CHANGED: Mapping[str, tuple[K, K, K | None]] = {
    "no step can end": (K.AFTER_RUN, K.STEP_END, None),
    "requests are never merged": (K.BEFORE_RUN, K.MERGE, None),
    "the run is left out": (K.BEFORE_RUN, K.RUN, K.AFTER_RUN),
    "end is never called": (K.STATE_STOPPING, K.HOOK_END, None),
    "the session is not closed": (K.JOIN, K.SESSION_CLOSE, K.STATE_CLOSED),
    "queue runners are never started": (K.READY_OP, K.START_QUEUE_RUNNERS, None),
    "a failed start is not undone": (K.RAISED, K.SESSION_CLOSE, K.STATE_CLOSED),
    "begin is skipped": (K.STATE_CREATED, K.HOOK_BEGIN, K.SCAFFOLD_FINALIZE),
}


@pytest.mark.parametrize("change", TABLE_CHANGED)
def test_a_changed_table_is_found(change: str) -> None:
    """Each change of the table makes a history that only one side accepts."""
    told = without_recovery(letters(1, (VALUE,)))
    walk = Walk(1, told, follower=_Mutant(1, *TABLE_CHANGED[change]), most_faults=1)
    assert _first(walk, 1)


def test_a_difference_is_told_as_a_history() -> None:
    """A reader sees the shortest history, what comes next, and which side refuses it."""
    difference = Difference((Letter("state.created"), Letter("hook.begin", 0)), None, True)
    assert str(difference) == (
        "after [state.created hook.begin#0] the model accepts the end of the log, "
        "the table does not"
    )


def test_model_and_evaluator_read_the_file_alike() -> None:
    """Two programs that know only the file allow the same next events, after each of some."""
    told, declared, model = without_recovery(letters(1, (VALUE,))), Declared(), Model(1)
    for length in (1, 6, 12):
        history = next(iter(histories(model, told, length)))
        for letter in told:
            events = _numbered([*history, letter])
            assert accepts(model, [*history, letter]) == declared.accepts(events, 1), letter


def _numbered(history: Sequence[Letter]) -> list[Event]:
    told = enumerate(map(event_of, history))
    return [attrs.evolve(event, sequence=number, time=number) for number, event in told]


def test_forgetting_what_is_over_changes_nothing() -> None:
    """A model that remembers everything allows what the table does, too."""
    told = without_recovery(letters(0, (VALUE,)))
    assert not _first(Walk(0, told, Model(0), most_faults=0))
