"""Observers of a session's lifecycle, and what happens when they raise."""

from collections.abc import Callable

import pytest

from statemachine import EventKind, Lifecycle, State, Transition, Verdict, audit, replay
from tests.session.declare import Declared
from tests.session.playing import Played, play
from tests.session.scenario import FAULTS, Deed, HookPlan, Operation, Scenario

DECLARED = Declared()
CALM = Scenario((HookPlan((True,)), HookPlan()), (Operation(),), threads=True)
PATH = list(State)


def _raising(when: str, state: State, error: BaseException) -> Callable[[Lifecycle], None]:
    def observer(_: Transition) -> None:
        raise error

    def watch(lifecycle: Lifecycle) -> None:
        getattr(lifecycle, f"on_{when}_{state.value}")(observer)

    return watch


def _check(plan: Scenario, played: Played) -> None:
    """It is closed, all of it, in the documented order, and the log tells what came out."""
    assert played.log.lifecycle is not None
    assert played.log.lifecycle.state is State.CLOSED
    assert played.closed == played.opened
    assert not played.graph.finalized
    assert not [thread for thread in played.threads if thread.is_alive()]
    report = audit(played.log)
    assert report.conformance is Verdict.PASS, str(report)
    assert report.completeness is Verdict.PASS, str(report)
    assert [*DECLARED.broken([*played.log], len(plan.hooks), finished=True)] == []
    told = replay(played.log).error
    assert (told and told.type) == (played.error and type(played.error).__name__)


def test_observers_are_told_of_every_change_in_order() -> None:
    """On leaving and on entering each state, with the trigger and both states."""
    seen: list[tuple[str, Transition]] = []

    def watch(lifecycle: Lifecycle) -> None:
        for state in State:
            lifecycle.on_exit(state, lambda change: seen.append(("exit", change)))
            lifecycle.on_enter(state, lambda change: seen.append(("enter", change)))

    play(CALM, watch=watch)
    changes = [change for when, change in seen if when == "enter"]
    assert [change.target for change in changes] == PATH[1:]
    assert [change.source for change in changes] == PATH[:-1]
    assert [when for when, _ in seen] == ["exit", "enter"] * len(changes)
    assert [c.trigger.value for c in changes] == [
        "finalize",
        "initialize",
        "restore",
        "start",
        "stop",
        "close",
    ]


@pytest.mark.parametrize("state", PATH)
@pytest.mark.parametrize("when", ["enter", "exit"])
def test_an_observer_that_raises_leaves_nothing_half_done(when: str, state: State) -> None:
    """Its error comes out and is logged; the change is completed and everything is closed."""
    for name, leave in [(name, leave) for name in FAULTS for leave in ("with", "close")]:
        error = FAULTS[name]()
        plan = Scenario(CALM.hooks, CALM.operations, threads=True, leave=leave)
        played = play(plan, watch=_raising(when, state, error))
        observed = (when, state) not in [("enter", State.CREATED), ("exit", State.CLOSED)]
        logged = [e for e in played.log if e.kind is EventKind.OBSERVER_RAISED]
        assert len(logged) == observed
        assert played.error is (error if observed else None)
        _check(plan, played)


def test_hooks_are_ended_although_an_observer_of_stopping_raises() -> None:
    """The end of each hook is owed before the observer was called, and stays so."""
    played = play(CALM, watch=_raising("enter", State.STOPPING, ValueError("observer")))
    assert [hook for kind, hook in played.calls if kind == "hook.end"] == [0, 1]
    _check(CALM, played)


@pytest.mark.parametrize("state", [State.RUNNING, State.STOPPING, State.CLOSED])
@pytest.mark.parametrize("fault", FAULTS)
def test_an_observers_error_meets_every_other_error(state: State, fault: str) -> None:
    """With errors of the block, of end, of a thread and of closing: the order is kept."""
    report = HookPlan(deeds=(Deed("after_create_session", 0, "report", fault),))
    plans = [
        Scenario((HookPlan(),), (Operation("raise", fault),), close_fault=fault),
        Scenario((HookPlan(deeds=(Deed("end", 0, "raise", fault),)),), threads=True),
        Scenario((report,), (), close_fault=fault),
        Scenario((report, HookPlan(deeds=(Deed("end", 0, "raise", "value"),))), leave="close"),
    ]
    for plan in plans:
        for error in (KeyError("observer"), KeyboardInterrupt()):
            _check(plan, play(plan, watch=_raising("enter", state, error)))


def test_an_observer_that_raises_while_a_failed_start_is_undone_does_not_hide_the_error() -> None:
    """The error of the construction comes out; the observer's is logged."""
    plan = Scenario((HookPlan(),), start_fault=("init_op", "value"))
    played = play(plan, watch=_raising("enter", State.CLOSED, KeyError("observer")))
    assert isinstance(played.error, ValueError)
    assert EventKind.OBSERVER_RAISED in {event.kind for event in played.log}
    _check(plan, played)


def test_several_observers_are_all_called_and_the_first_error_comes_out() -> None:
    """One that raises does not keep the next from being called; each error is logged."""
    first, second, called = ValueError("first"), KeyError("second"), list[Transition]()

    def watch(lifecycle: Lifecycle) -> None:
        _raising("enter", State.RUNNING, first)(lifecycle)
        lifecycle.on_enter_running(called.append)
        _raising("enter", State.RUNNING, second)(lifecycle)

    played = play(CALM, watch=watch)
    assert played.error is first
    assert len(called) == 1
    kinds = [event.kind for event in played.log]
    assert kinds.count(EventKind.OBSERVER_RAISED) == 2
    _check(CALM, played)
