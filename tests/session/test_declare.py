"""The evaluator of the hand-written rules can say no: each kind of disorder is named."""

from collections.abc import Callable

import attrs
import pytest

from statemachine import EventKind
from tests.session.declare import UNDECIDABLE, Declared
from tests.session.histories import Told, events_of
from tests.session.playing import play
from tests.session.scenario import Deed, HookPlan, Operation, Scenario
from tests.session.test_recovery import Use
from tests.session.test_recovery import played as play_recovery

K = EventKind
DECLARED = Declared()
CALM = Scenario((HookPlan((True,)), HookPlan()), (Operation(),), init_fn=True, threads=True)


@attrs.frozen
class Recovered:
    """A life with a recovery: see `test_recovery`."""

    faults: tuple[tuple[str, tuple[str | None, ...]], ...] = ()
    hooks: tuple[None, ...] = (None,)


RECOVERED = Recovered()
FAILED_ONCE = Recovered((("init_fn", (None, "unavailable")),))
LOST = Recovered((("init_fn", (None, "value")),))


def _history(plan: Scenario | Recovered = CALM) -> list[Told]:
    if isinstance(plan, Recovered):
        faults = {place: list(errors) for place, errors in plan.faults}
        _, log, _ = play_recovery(faults, [Use("before_run", "aborted", True)])
        return [Told.of(event) for event in log]
    return [Told.of(event) for event in play(plan).log]


def _place(history: list[Told], kind: EventKind, index: int = 0) -> int:
    return next(n for n, t in enumerate(history) if (t.kind, t.index) == (kind, index))


def _without(kind: EventKind, index: int = 0) -> Callable[[list[Told]], None]:
    def change(history: list[Told]) -> None:
        del history[_place(history, kind, index)]

    return change


def _twice(kind: EventKind, index: int = 0) -> Callable[[list[Told]], None]:
    def change(history: list[Told]) -> None:
        at = _place(history, kind, index)
        history.insert(at, history[at])

    return change


def _swapped(kind: EventKind, other: EventKind, i: int = 0, j: int = 0) -> Callable[..., None]:
    def change(history: list[Told]) -> None:
        a, b = _place(history, kind, i), _place(history, other, j)
        history[a], history[b] = history[b], history[a]

    return change


def _told(kind: EventKind, detail: str) -> Callable[[list[Told]], None]:
    def change(history: list[Told]) -> None:
        at = _place(history, kind)
        history[at] = attrs.evolve(history[at], detail=detail)

    return change


def _leaving_with(fault: str) -> Scenario:
    return attrs.evolve(CALM, operations=(Operation("raise", fault),))


VALUE = '{"error":{"type":"ValueError","message":"m","bases":["ValueError","Exception"]}}'
STOPPED = attrs.evolve(
    CALM,
    hooks=(HookPlan(deeds=(Deed("after_run", 0, "stop"),)), HookPlan()),
    operations=(Operation(), Operation(caught=True)),
)
BROKEN_START = attrs.evolve(CALM, start_fault=("queue_runners", "value"))
STEP_FN = attrs.evolve(CALM, operations=(Operation("step fn", parts=("hooks",)),))
THREAD_ERROR = attrs.evolve(CALM, operations=(Operation("report", "value"),))
CLOSE_ERROR = attrs.evolve(CALM, close_fault="value")
HELD = attrs.evolve(
    CALM, operations=(Operation("report", "aborted"), Operation(fault="value", caught=True))
)

TOLD = attrs.evolve(
    CALM,
    hooks=(HookPlan(on_error=True), HookPlan(), HookPlan(on_error=True)),
    operations=(Operation(fault="value", caught=True), Operation("raise", "lookup")),
)

DISORDERS = {
    "on-error-called": (TOLD, _without(K.ON_ERROR, 2)),
    "begin-first": (CALM, _without(K.STATE_CREATED)),
    "finalize-after-begin": (CALM, _without(K.HOOK_BEGIN, 1)),
    "session-after-finalize": (CALM, _swapped(K.STATE_FINALIZED, K.SESSION_OPEN)),
    "initialize-new-session": (CALM, _without(K.INIT_OP)),
    "init-fn-after-init-op": (CALM, _swapped(K.INIT_OP, K.INIT_FN)),
    "restore-after-init": (CALM, _without(K.STATE_INITIALIZED)),
    "ready-before-start": (CALM, _without(K.LOCAL_INIT_OP)),
    "queue-runners-after-restore": (CALM, _swapped(K.READY_OP, K.START_QUEUE_RUNNERS)),
    "after-create-session-in-order": (
        CALM,
        _swapped(K.START_QUEUE_RUNNERS, K.AFTER_CREATE_SESSION, 0, 1),
    ),
    "run-after-start": (CALM, _without(K.STATE_RUNNING)),
    "failed-start-undone": (BROKEN_START, _without(K.SESSION_CLOSE)),
    "one-run-at-a-time": (CALM, _twice(K.STEP_BEGIN)),
    "before-run-first": (CALM, _without(K.STEP_BEGIN)),
    "feeds-merged": (CALM, _swapped(K.MERGE, K.RUN)),
    "run-after-before-run": (CALM, _without(K.BEFORE_RUN, 1)),
    "after-run-follows-run": (CALM, _without(K.AFTER_RUN, 1)),
    "result-returned": (CALM, _swapped(K.RUN, K.STEP_END)),
    "hooks-in-list-order": (CALM, _swapped(K.AFTER_RUN, K.AFTER_RUN, 0, 1)),
    "error-comes-out": (BROKEN_START, _without(K.START_QUEUE_RUNNERS)),
    "error-out-of-run": (HELD, _without(K.STOP_REQUESTED)),
    "step-fn": (STEP_FN, _without(K.STEP_FN_BEGIN)),
    "stop-is-kept": (STOPPED, _swapped(K.STEP_REFUSED, K.STEP_BEGIN)),
    "stop-asked-in-a-run": (STOPPED, _swapped(K.STOP_REQUESTED, K.AFTER_RUN, 0, 1)),
    "stop-at-rest": (CALM, _told(K.STATE_STOPPING, '{"by":"nobody"}')),
    "end-first": (CALM, _swapped(K.HOOK_END, K.JOIN, 1)),
    "end-only-if-owed": (CALM, _without(K.HOOK_END, 1)),
    "close-after-end": (CALM, _swapped(K.JOIN, K.SESSION_CLOSE)),
    "error-of-end": (_leaving_with("oor"), None),
    "error-of-thread": (THREAD_ERROR, None),
    "error-of-close": (CLOSE_ERROR, _without(K.SWALLOWED)),
    "suppress-end-of-input": (_leaving_with("oor"), _without(K.SUPPRESSED)),
    "errors-are-told": (_leaving_with("oor"), _told(K.SUPPRESSED, "{}")),
    "observer-told-at-once": (CALM, None),
    "recover-from-preemption": (RECOVERED, _told(K.ABANDON, VALUE)),
    "old-session-closed": (RECOVERED, _without(K.JOIN)),
    "finalize-again": (RECOVERED, None),
    "failed-recovery-undone": (FAILED_ONCE, None),
    "lost-session": (LOST, _without(K.LOST)),
    "creator-creates": (CALM, _told(K.SESSION_OPEN, '{"by":"creator"}')),
    "stop-survives-recovery": (CALM, _told(K.STATE_RUNNING, '{"by":"recovery"}')),
    "signature-declared": (CALM, _without(K.RUN_SIGNATURE)),
}


def _end_error_untold(history: list[Told]) -> None:
    """An end raises while an end of input is on its way, and nothing is said about that."""
    at = _place(history, K.HOOK_END, 1)
    history[at + 1 : at + 1] = [Told(K.RAISED, 1, K.HOOK_END, VALUE)]
    del history[_place(history, K.SUPPRESSED)]


def _thread_error_swallowed(history: list[Told]) -> None:
    """An ordinary error of a thread is swallowed though nothing else is on its way."""
    at = _place(history, K.RAISED)
    history.insert(at + 1, Told(K.SWALLOWED, 0, K.JOIN, VALUE))


def _observer_told_late(history: list[Told]) -> None:
    """An observer of the stopping state raises, and it is told when the hooks have ended."""
    detail = VALUE.replace("{", '{"state":"stopping",', 1)
    history.insert(_place(history, K.JOIN), Told(K.OBSERVER_RAISED, detail=detail))


def _finalized_late(history: list[Told]) -> None:
    """The graph is finalized again only when the new session has been opened."""
    at = _place(history[::-1], K.SESSION_OPEN)
    at = len(history) - 1 - at
    history[at - 1], history[at] = history[at], history[at - 1]


def _attempt_left_open(history: list[Told]) -> None:
    """The raw session of an attempt that failed is not closed."""
    failed = next(n for n, t in enumerate(history) if t.at is K.SESSION_OPEN)
    del history[failed + 1]


SPECIAL: dict[str, Callable[[list[Told]], None]] = {
    "error-of-end": _end_error_untold,
    "observer-told-at-once": _observer_told_late,
    "error-of-thread": _thread_error_swallowed,
    "finalize-again": _finalized_late,
    "failed-recovery-undone": _attempt_left_open,
}


@pytest.mark.parametrize("rule", DISORDERS)
def test_each_disorder_breaks_the_rule_that_forbids_it(rule: str) -> None:
    """A history that a session wrote breaks nothing; changed in one place, it breaks the rule."""
    plan, change = DISORDERS[rule]
    history = _history(plan)
    hooks, on_error = len(plan.hooks), getattr(plan, "on_error", ())
    assert DECLARED.accepts(events_of(history), hooks, True, on_error)
    (change or SPECIAL[rule])(history)
    broken = DECLARED.broken(events_of(history), hooks, True, on_error)
    assert rule in {one.rule for one in broken}


def test_what_a_log_itself_promises_is_decided_too() -> None:
    """Numbering, clock, and the end of a finished history."""
    events = events_of(_history())
    late = [*events[:5], attrs.evolve(events[5], time=0), *events[6:]]
    gap = [attrs.evolve(event, sequence=event.sequence + 1) for event in events]
    miscounted = [attrs.evolve(event, step=7) for event in events]

    def broken(history: list[object]) -> set[str]:
        return {one.rule for one in DECLARED.broken(history, 2, True)}  # type: ignore[arg-type]

    assert broken([*late]) == {"clock-monotonic"}
    assert broken([*gap]) == {"numbered-without-gap"}
    assert broken([*miscounted]) == {"numbered-without-gap"}
    assert broken([*events[:-2], attrs.evolve(events[-2], kind=K.EVENTS_LOST), events[-1]]) >= {
        "nothing-lost"
    }
    assert "closed-at-the-end" in broken([*events[:-1]])
    assert DECLARED.accepts(events[:-1], 2, finished=False)


def test_a_restored_checkpoint_that_nobody_saved_is_named() -> None:
    """Lineage is decided over the events of all known logs."""
    told = '{"sha256":"ab"}'
    saved, restored = (
        events_of([Told(K.CHECKPOINT_SAVED, detail=told)]),
        events_of([Told(K.CHECKPOINT_RESTORED, detail=told)]),
    )
    assert [*DECLARED.unmatched(restored, saved)] == []
    assert [*DECLARED.unmatched(restored, [])] == restored


def test_every_decidable_rule_is_shown_to_be_breakable() -> None:
    """No rule that events can decide is left out above, save that of unknown kinds of events."""
    decidable = {
        rule["id"]
        for rule in DECLARED.rules
        if any(c["template"] not in UNDECIDABLE for c in rule["conditions"])
    }
    shown = {"clock-monotonic", "numbered-without-gap", "closed-at-the-end", "restored-was-saved"}
    shown |= {"nothing-lost"}
    assert decidable - shown - DISORDERS.keys() == {"known-events"}
