"""The real session, under random hooks, faults and users, keeps the documented order."""

import attrs
import pytest
from hypothesis import given

from statemachine import EventLog, State, Verdict, audit, replay
from tests.session.declare import Declared
from tests.session.playing import Call, Played, play
from tests.session.scenario import FAULTS, PIECES, Deed, HookPlan, Operation, Scenario, scenarios

DECLARED = Declared()
CALLED = {
    "scaffold.finalize",
    "session.open",
    "session.init_op",
    "session.init_fn",
    "session.ready_for_local_init_op",
    "session.local_init_op",
    "session.ready_op",
    "queue_runners.start",
    "session.run",
    "session.close",
}


def _logged(log: EventLog) -> list[Call]:
    kinds = ((event.kind.value, event.hook) for event in log)
    return [(kind, hook) for kind, hook in kinds if kind in CALLED or kind.startswith("hook.")]


def _check(plan: Scenario, played: Played) -> None:
    """Everything that must hold, whatever happened."""
    events = list(played.log)
    broken = [*DECLARED.broken(events, len(plan.hooks), True, plan.on_error)]
    assert not broken, (broken[0], [str(event) for event in events])
    report = audit(played.log)
    assert report.conformance is Verdict.PASS, str(report)
    assert report.completeness is Verdict.PASS, str(report)
    assert _logged(played.log) == played.calls
    _check_nothing_left(played)
    _check_outcome(plan, played)


def _check_nothing_left(played: Played) -> None:
    assert played.closed == played.opened <= 1
    assert not played.graph.finalized
    assert not [thread for thread in played.threads if thread.is_alive()]
    assert played.log.lifecycle is not None
    assert played.log.lifecycle.state is State.CLOSED


def _check_outcome(plan: Scenario, played: Played) -> None:
    """What came out of the session is what the log says came out."""
    if played.closed_early:
        return
    told = replay(played.log).error
    came_out = None if played.error is None else type(played.error).__name__
    assert came_out == (None if told is None else told.type)


@given(scenarios())
def test_a_session_keeps_the_documented_order(plan: Scenario) -> None:
    """Whatever hooks, operations and users do: the log conforms, tells what was called, no more.

    The audit and the hand-written rules accept it; the calls that hooks, scaffold and raw session
    wrote down are those of the log, in its order; everything that was opened is closed.
    """
    _check(plan, play(plan))


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("leave", ["with", "close"])
def test_a_fault_at_every_call_keeps_the_documented_order(fault: str, leave: str) -> None:
    """Each class of error, out of each call of hooks, raw session and scaffold, is dealt with."""
    calm = Scenario((HookPlan((True,)), HookPlan()), (Operation(),), None, True, True, leave)
    plans = [attrs.evolve(calm, start_fault=(piece, fault)) for piece in PIECES]
    plans.append(attrs.evolve(calm, close_fault=fault))
    plans.append(attrs.evolve(calm, operations=(Operation(fault=fault),)))
    plans.append(attrs.evolve(calm, operations=(Operation("raise", fault),)))
    for method in ("begin", "after_create_session", "before_run", "after_run", "end"):
        for what in ("raise", "report"):
            hook = HookPlan(deeds=(Deed(method, 0, what, fault),))
            plans.append(attrs.evolve(calm, hooks=(HookPlan(), hook, HookPlan())))
    for plan in plans:
        _check(plan, play(plan))


@pytest.mark.parametrize("held", FAULTS)
def test_an_error_that_a_thread_reported_meets_every_other_error(held: str) -> None:
    """The coordinator's error against each error of a run, of the block and of end."""
    report = Operation("report", held)
    for fault in FAULTS:
        for leave in ("with", "close"):
            for last in (Operation(fault=fault), Operation("raise", fault)):
                plan = Scenario((HookPlan(),), (report, last), leave=leave)
                _check(plan, play(plan))
            deeds = (Deed("end", 0, "raise", fault),)
            plan = Scenario((HookPlan(deeds=deeds),), (report,), leave=leave, close_fault=fault)
            _check(plan, play(plan))


def test_calls_in_the_middle_of_a_step_are_refused_and_leave_the_order_alone() -> None:
    """A hook's own run, close and run_step_fn are refused in each of its methods."""
    for method in ("before_run", "after_run", "end"):
        for what in ("run", "close", "step fn"):
            for caught in (True, False):
                hook = HookPlan(deeds=(Deed(method, 0, what, caught=caught),))
                plan = Scenario((HookPlan(), hook), (Operation(),))
                played = play(plan)
                _check(plan, played)
                assert [
                    event.kind.value for event in played.log if event.kind.value == "call.refused"
                ] == ["call.refused"]
