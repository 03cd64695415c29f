"""The hand-written rules and the audit, which is derived from the table, accept the same histories.

Neither knows the other: the evaluator reads the rules from the file and sees events; the audit
looks up pairs of codes. What a reader cannot see (the marks in the codes) is filled in from what
was told before; so what is compared is everything that a reader of a log can see.
"""

import functools
import json
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from statemachine import EventKind
from tests.session.declare import Declared
from tests.session.histories import Told, audited, events_of
from tests.session.playing import play
from tests.session.scenario import Scenario, scenarios
from tests.session.test_recovery import Use, lived, seam_faults, some_uses

DECLARED = Declared()
K = EventKind


def _error(name: str, *bases: str, message: str = "planned") -> dict[str, object]:
    return {"type": name, "message": message, "bases": [name, *bases, "BaseException"]}


ERRORS = (
    _error("ValueError", "Exception"),
    _error("OutOfRangeError", "OpError", "Exception"),
    _error("KeyboardInterrupt"),
    _error("AbortedError", "OpError", "Exception"),
)
OBSERVED = _error("RuntimeError", "Exception", message="observer")
CALLS = tuple(k for k in K if not k.in_second_lane and not k.value.startswith(("error.", "raised")))
CLOSING = (K.HOOK_END, K.JOIN, K.SESSION_CLOSE)


def _told(kind: EventKind, index: int = 0, at: EventKind | None = None, **detail: object) -> Told:
    return Told(kind, index, at, json.dumps(detail, sort_keys=True) if detail else "")


def _calls(kind: EventKind, hooks: int) -> list[Told]:
    """A call, in each of the ways in which it can be told."""
    if kind is K.STATE_STOPPING:
        ways = ("close", "with", "observer", "nobody")
        plain = [_told(kind, by=by) for by in ways]
        return plain + [_told(kind, by=by, error=error) for by in ways for error in ERRORS]
    if kind is K.ON_ERROR:
        return [_told(kind, index, error=e) for index in range(hooks + 1) for e in ERRORS]
    if kind is K.RUN:
        return [_told(kind, number) for number in (0, 1, 0x7FFF)]
    return [_told(kind, index) for index in range(hooks + 1 if _of_hook(kind) else 1)]


def _of_hook(kind: EventKind) -> bool:
    return kind.value.startswith("hook.")


def _failures(call: EventKind, hooks: int) -> list[Told]:
    errors = ERRORS if call in CLOSING else ERRORS[:1]
    indices = range(hooks + 1 if _of_hook(call) else 1)
    return [_told(K.RAISED, index, call, error=e) for index in indices for e in errors]


def _dealings() -> list[Told]:
    """Everything that can be said about what became of an error."""
    found = [_told(K.SUPPRESSED, error=error) for error in ERRORS]
    for call in (None, *CLOSING, K.RUN):
        for error in ERRORS:
            found.append(_told(K.SWALLOWED, 0, call, error=error))
            found += [_told(K.REPLACED, 0, call, error=error, instead_of=e) for e in ERRORS]
    return found


def _beside(hooks: int) -> list[Told]:
    methods = ("hook.before_run", "hook.after_run", "hook.on_error")
    found = [
        _told(K.STOP_REQUESTED, by=by, hook=hook) for by in methods for hook in range(hooks + 1)
    ]
    found += [_told(K.STOP_REQUESTED, by=by) for by in ("step_fn", "coordinator")]
    found += [_told(K.STOP_REQUESTED, by="coordinator", error=error) for error in ERRORS]
    found.append(_told(K.OBSERVER_RAISED, state="stopping", error=OBSERVED))
    return [*found, _told(K.RUN_SIGNATURE, 0), _told(K.RUN_SIGNATURE, 1), _told(K.NOTE)]


def next_events(hooks: int) -> list[Told]:
    """Everything that could be told next, sense or nonsense."""
    found = _dealings() + _beside(hooks) + [_told(K.RAISED, 0, K.JOIN)]
    for kind in CALLS:
        found += _calls(kind, hooks) + _failures(kind, hooks)
    return found


def _compare(
    history: list[Told], hooks: int, finished: bool = False, on_error: tuple[int, ...] = ()
) -> bool:
    """Whether both accept a history; fails if they differ."""
    by_audit = [*audited(history, hooks, finished, on_error)]
    by_rules = [*DECLARED.broken(events_of(history), hooks, finished, on_error)]
    assert bool(by_audit) == bool(by_rules), (by_audit, by_rules[:1], history)
    return not by_audit


@functools.cache
def _choices(hooks: int) -> list[Told]:
    return next_events(hooks)


@given(scenarios(most_hooks=3), st.integers(0, 2**32))
def test_evaluator_and_audit_agree_on_each_next_event(plan: Scenario, seed: int) -> None:
    """After any event that a real session tells, both allow the same next ones."""
    hooks, chooser = len(plan.hooks), random.Random(seed)
    history = told_by(plan)
    for at in range(chooser.randrange(4), len(history) + 1, 4):
        assert _compare(history[:at], hooks, on_error=plan.on_error)
        for told in chooser.sample(_choices(hooks), 3):
            _compare([*history[:at], told], hooks, on_error=plan.on_error)


def _following(history: list[Told], hooks: int, on_error: tuple[int, ...]) -> list[Told]:
    """What both allow next; fails if they differ about anything."""
    return [t for t in _choices(hooks) if _compare([*history, t], hooks, on_error=on_error)]


@pytest.mark.deep
@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize(
    ("hooks", "on_error"), [(0, ()), (1, ()), (2, ()), (1, (0,)), (2, (1,)), (3, (0, 2))]
)
def test_evaluator_and_audit_agree_wherever_a_random_walk_leads(
    hooks: int, on_error: tuple[int, ...], seed: int
) -> None:
    """All that could come next is compared at each event of histories that no session wrote."""
    chooser, history = random.Random(seed), list[Told]()
    while len(history) < 80 and (legal := _following(history, hooks, on_error)):
        ordered = [told for told in legal if not told.kind.in_second_lane]
        history.append(chooser.choice(ordered if ordered and chooser.random() < 0.9 else legal))
    assert len(history) > 5


def mutated(history: list[Told], hooks: int, draw: st.DataObject) -> list[Told]:
    """A history with one event dropped, doubled, moved, exchanged or altered."""
    at = draw.draw(st.integers(0, len(history) - 1))
    to = draw.draw(st.integers(0, len(history) - 1))
    what = draw.draw(st.sampled_from(["drop", "double", "swap", "move", "insert", "replace"]))
    changed = list(history)
    if what == "drop":
        del changed[at]
    elif what == "double":
        changed.insert(at, history[at])
    elif what == "swap":
        changed[at], changed[to] = changed[to], changed[at]
    elif what == "move":
        changed.insert(to, changed.pop(at))
    else:
        choices = _choices(hooks)
        told = choices[draw.draw(st.integers(0, len(choices) - 1))]
        changed[at : at + (what == "replace")] = [told]
    return changed


def _agree_through_recoveries(
    faults: dict[str, list[str | None]], uses: list[Use], told: bool, data: st.DataObject
) -> None:
    log = lived(faults, [Use("before_run", "aborted", True), *uses], told)
    history, on_error = [Told.of(event) for event in log], log.header.on_error
    hooks = len(log.header.hooks)
    assert _compare(history, hooks, True, on_error)
    for _ in range(4):
        cut = data.draw(st.integers(1, len(history)))
        changed = mutated(history[:cut], hooks, data)
        _compare(changed, hooks, on_error=on_error)


@settings(max_examples=15)
@given(seam_faults, some_uses, st.booleans(), st.data())
def test_evaluator_and_audit_agree_on_recoveries(
    faults: dict[str, list[str | None]], uses: list[Use], told: bool, data: st.DataObject
) -> None:
    """Sessions that are given up and created again, lost or not; and mutations of their logs."""
    _agree_through_recoveries(faults, uses, told, data)


@pytest.mark.deep
@settings(max_examples=600)
@given(seam_faults, some_uses, st.booleans(), st.data())
def test_evaluator_and_audit_agree_on_very_many_recoveries(
    faults: dict[str, list[str | None]], uses: list[Use], told: bool, data: st.DataObject
) -> None:
    """The same, with many more."""
    _agree_through_recoveries(faults, uses, told, data)


def told_by(plan: Scenario) -> list[Told]:
    """What the log of a played scenario tells."""
    return [Told.of(event) for event in play(plan).log]


@given(scenarios(most_hooks=3), st.data())
def test_evaluator_and_audit_agree_on_mutated_histories(
    plan: Scenario, data: st.DataObject
) -> None:
    """Both accept what the real session tells, and both or none what a mutation makes of it."""
    hooks, history = len(plan.hooks), told_by(plan)
    assert _compare(history, hooks, True, plan.on_error)
    for _ in range(6):
        _compare(mutated(history, hooks, data), hooks, True, plan.on_error)
