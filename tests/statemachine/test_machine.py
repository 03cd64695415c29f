"""The `transitions` machines: the lifecycle with its observers, and the walker over the points."""

import logging
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from transitions import Machine

from statemachine import IllegalStep, Lifecycle, State, Transition, Trigger, Walker
from statemachine.compiled import END_CODE, START_CODE, Place, compile_table
from statemachine.events import MARK_SHIFT, EventKind, encode
from statemachine.machine import describe, illegal, rules_of, state_changes

CHANGES = {(source, trigger): target for trigger, source, target in state_changes()}
TO = {
    State.CREATED: (),
    State.FINALIZED: (Trigger.FINALIZE,),
    State.INITIALIZED: (Trigger.FINALIZE, Trigger.INITIALIZE),
    State.RESTORED: (Trigger.FINALIZE, Trigger.INITIALIZE, Trigger.RESTORE),
    State.RUNNING: (Trigger.FINALIZE, Trigger.INITIALIZE, Trigger.RESTORE, Trigger.START),
    State.CLOSED: (Trigger.ABORT,),
}
TO[State.STOPPING] = (*TO[State.RUNNING], Trigger.STOP)


def _in(state: State) -> Lifecycle:
    lifecycle = Lifecycle()
    for trigger in TO[state]:
        lifecycle.move(trigger)
    assert lifecycle.state is state
    return lifecycle


def _before(state: State) -> State:
    """The state before it on the way of TO."""
    reached = State.CREATED
    for trigger in TO[state][:-1]:
        reached = CHANGES[reached, trigger]
    return reached


def _accepts(walker: Walker, code: int) -> bool:
    try:
        walker.step(code)
    except IllegalStep:
        return False
    return True


@pytest.mark.parametrize("hooks", [0, 1, 2, 3])
def test_the_compiled_table_is_the_machine_on_every_pair_of_places(hooks: int) -> None:
    """From each place the walker takes exactly the steps that the look-up allows, and the end."""
    table = compile_table(hooks)
    codes = [*table.places, END_CODE]
    for before in table.places:
        walker = Walker(hooks, after=before)
        for after in codes:
            wanted = table.allows(before, after)
            assert walker.allows(after) == wanted, (describe(before), describe(after))
    start = Walker(hooks)
    assert [code for code in codes if start.allows(code)] == [Place("created").code]


@given(st.lists(st.booleans(), max_size=3), st.integers(0, 2**32))
def test_the_compiled_table_is_the_machine_on_random_walks(having: list[bool], seed: int) -> None:
    """Along random histories both allow the same; a refused step leaves the walker in place."""
    hooks, on_error = len(having), tuple(n for n, has in enumerate(having) if has)
    table, chooser = compile_table(hooks, on_error), random.Random(seed)
    walker = Walker(hooks, on_error=on_error)
    codes, last = [*table.places], START_CODE
    for _ in range(60):
        tried = chooser.choice(codes)
        assert walker.allows(tried) == table.allows(last, tried)
        allowed = table.followers[last] if last else tuple(table.start)
        if not allowed:
            break
        last = chooser.choice(allowed)
        walker.step(last)
        assert walker.last == last


def test_codes_that_nothing_has_are_refused() -> None:
    """Unknown kinds, marks without meaning, hooks that there are not, second-lane events."""
    walker = Walker(2, after=Place("gathering", 1).code)
    strange = [
        0x7FFFFFFF,
        encode(EventKind.RUN, mark=7),
        encode(EventKind.RUN, mark=4),
        encode(EventKind.BEFORE_RUN, index=2),
        encode(EventKind.NOTE),
        encode(EventKind.RAISED),
        Place("computing").code | 1 << MARK_SHIFT,
        START_CODE,
    ]
    for code in strange:
        assert not _accepts(walker, code)
    assert _accepts(walker, Place("computing").code)


def test_an_illegal_step_says_where_it_stood_what_was_tried_and_what_was_allowed() -> None:
    """The message names events in words, with hook and flags."""
    walker = Walker(2, after=Place("delivering", 0, 3).code)
    with pytest.raises(IllegalStep) as caught:
        walker.step(Place("step done", 0, 3).code)
    assert str(caught.value) == (
        "step.end (inside a step function, a stop was asked for) is not allowed after "
        "hook.after_run of hook 0 (inside a step function, a stop was asked for); allowed there: "
        "raised out of hook.after_run of hook 0 (inside a step function, a stop was asked for), "
        "hook.after_run of hook 1 (inside a step function, a stop was asked for)"
    )
    assert caught.value.stood.startswith("hook.after_run of hook 0")
    assert caught.value.tried.startswith("step.end")
    assert len(caught.value.allowed) == 2


def test_an_illegal_step_at_the_rims_of_a_log_is_told_in_words() -> None:
    """Before the first event, after the last, and for codes that mean nothing."""
    closed, created = Place("closed").code, Place("created").code
    assert str(illegal(START_CODE, closed, 0)) == (
        "state.closed is not allowed after the start of the log; allowed there: state.created"
    )
    assert illegal(closed, created, 0).allowed == ("the end of the log",)
    assert illegal(created, 0x7FFFFFFF, 0).tried == "the unknown code 2147483647"
    assert illegal(0x7FFFFFFF, created, 0).allowed == ()
    assert "allowed there: nothing" in str(illegal(0x7FFFFFFF, created, 0))
    assert describe(Place("stopping", 0, 1).code) == "state.stopping (the hooks' end is owed)"
    assert describe(Place("stopping").code) == "state.stopping (no end is owed)"


def test_a_walker_cannot_begin_after_what_cannot_be() -> None:
    """A code that no place has is no place to begin."""
    with pytest.raises(IllegalStep, match=r"hook.begin of hook 5 is not allowed"):
        Walker(2, after=Place("beginning", 5).code)


def test_the_rules_behind_a_step_are_those_of_its_rows() -> None:
    """What comes after a code is ruled by the table's rows; errors come last."""
    assert rules_of(START_CODE, 1) == ("begin-first",)
    assert rules_of(Place("initialized").code, 1) == ("restore-after-init", "error-comes-out")
    assert rules_of(Place("gathering", 0).code, 2) == ("hooks-in-list-order", "error-comes-out")


@pytest.mark.parametrize("state", State)
@pytest.mark.parametrize("trigger", Trigger)
def test_each_trigger_moves_each_state_as_the_table_says_or_not_at_all(
    state: State, trigger: Trigger
) -> None:
    """A legal trigger leads to its state; an illegal one says so and changes nothing."""
    lifecycle = _in(state)
    target = CHANGES.get((state, trigger))
    if target is not None:
        assert lifecycle.move(trigger) == []
        assert lifecycle.state is target
        return
    with pytest.raises(IllegalStep) as caught:
        lifecycle.move(trigger)
    allowed = [t.value for s, t in CHANGES if s is state]
    assert (caught.value.stood, caught.value.tried) == (f"state {state.value}", trigger.value)
    assert sorted(caught.value.allowed) == sorted(allowed)
    assert str(caught.value) == (
        f"{trigger.value} is not allowed after state {state.value}; allowed there: "
        f"{', '.join(caught.value.allowed) or 'nothing'}"
    )
    assert lifecycle.state is state


def test_an_observer_gets_the_change_when_its_state_is_entered_or_left() -> None:
    """`on_enter_<state>` and `on_exit_<state>`, as `transitions` names them."""
    lifecycle, seen = Lifecycle(), list[tuple[str, Transition, State]]()
    lifecycle.on_exit_created(lambda change: seen.append(("exit", change, lifecycle.state)))
    lifecycle.on_enter_finalized(lambda change: seen.append(("enter", change, lifecycle.state)))
    lifecycle.on_enter_running(lambda change: seen.append(("never", change, lifecycle.state)))
    lifecycle.move(Trigger.FINALIZE)
    change = Transition(Trigger.FINALIZE, State.CREATED, State.FINALIZED)
    assert seen == [("exit", change, State.CREATED), ("enter", change, State.FINALIZED)]


@pytest.mark.parametrize("kind", [ValueError, KeyboardInterrupt, StopIteration, AttributeError])
@pytest.mark.parametrize("state", [state for state in State if state is not State.CREATED])
def test_an_observer_that_raises_cannot_keep_a_change_half_done(
    kind: type[BaseException], state: State
) -> None:
    """The state is changed, all observers are called, and their errors are handed back."""
    lifecycle, called = Lifecycle(), list[str]()
    errors = [kind("leaving"), kind("entering")]
    before = _before(state)

    def raise_error(error: BaseException) -> None:
        called.append(str(error))
        raise error

    lifecycle.on_exit(before, lambda change: raise_error(errors[0]))
    lifecycle.on_enter(state, lambda change: raise_error(errors[1]))
    lifecycle.on_enter(state, lambda change: called.append("last"))
    handed_back = [lifecycle.move(trigger) for trigger in TO[state]]
    assert handed_back[-1] == errors
    assert called == ["leaving", "entering", "last"]
    assert lifecycle.state is state


def test_errors_of_one_change_are_not_handed_back_by_the_next() -> None:
    """Each change tells only what its own observers raised."""
    lifecycle = Lifecycle()

    def fail(_: Transition) -> None:
        raise ValueError

    lifecycle.on_enter_finalized(fail)
    assert len(lifecycle.move(Trigger.FINALIZE)) == 1
    assert lifecycle.move(Trigger.INITIALIZE) == []


def test_an_observer_must_be_something_that_can_be_called() -> None:
    """The error says what was given instead."""
    with pytest.raises(TypeError, match="an observer must be callable, not 'print'"):
        Lifecycle().on_enter_running("print")  # type: ignore[arg-type]  # that is the point


@pytest.mark.parametrize(
    "name", ["on_enter_started", "on_exit_", "to_closed", "finalize", "state_"]
)
def test_the_facade_has_no_other_doors(name: str) -> None:
    """Neither triggers nor `to_<state>` can be reached; the message says what there is."""
    with pytest.raises(AttributeError) as caught:
        getattr(Lifecycle(), name)
    message = str(caught.value)
    assert f"Lifecycle has no {name!r}" in message
    assert "on_enter_<state> and on_exit_<state>" in message
    assert "created, finalized, initialized, restored, running, stopping, closed" in message


def test_the_machine_says_nothing_to_a_program_that_logs_information(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Nobody asked for it; another machine's messages are left alone."""
    caplog.set_level(logging.DEBUG, "transitions")
    _in(State.STOPPING)
    assert caplog.messages == []
    other = Machine(states=["a", "b"], initial="a", name="other")
    other.trigger("to_b")
    assert any(message.startswith("other: ") for message in caplog.messages)
