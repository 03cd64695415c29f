"""The one table of the lifecycle, and what is compiled from it."""

import os
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from statemachine.compiled import (
    END_CODE,
    START_CODE,
    Place,
    compile_table,
    failure_of,
    place_at,
    steps_from,
    strip_signature,
)
from statemachine.events import MAX_INDEX, EventKind, decode, encode
from statemachine.machine import state_changes
from statemachine.table import (
    DIGEST,
    FINAL,
    GROUPS,
    IN_STEP_FN,
    INITIAL,
    MOVES,
    MOVES_FROM,
    POINTS,
    REPEATED,
    STOP_ASKED,
    Context,
    State,
    Trigger,
    points_named,
)

CHANGES = {
    (Trigger.FINALIZE, State.CREATED, State.FINALIZED),
    (Trigger.INITIALIZE, State.FINALIZED, State.INITIALIZED),
    (Trigger.RESTORE, State.INITIALIZED, State.RESTORED),
    (Trigger.START, State.RESTORED, State.RUNNING),
    (Trigger.RECOVER, State.RUNNING, State.FINALIZED),
    (Trigger.RECOVER, State.RESTORED, State.FINALIZED),
    (Trigger.RECOVER, State.INITIALIZED, State.FINALIZED),
    (Trigger.RECOVER, State.FINALIZED, State.FINALIZED),
    (Trigger.STOP, State.FINALIZED, State.STOPPING),
    (Trigger.STOP, State.RUNNING, State.STOPPING),
    (Trigger.CLOSE, State.STOPPING, State.CLOSED),
    (Trigger.ABORT, State.CREATED, State.CLOSED),
    (Trigger.ABORT, State.FINALIZED, State.CLOSED),
    (Trigger.ABORT, State.INITIALIZED, State.CLOSED),
    (Trigger.ABORT, State.RESTORED, State.CLOSED),
}
hook_counts = pytest.mark.parametrize("hooks", [0, 1, 2, 3])


def test_the_states_are_left_by_the_documented_triggers() -> None:
    """Seven states, eight triggers: a construction can fail in four states, and be repeated."""
    assert set(state_changes()) == CHANGES


def test_a_change_of_state_is_where_a_move_names_a_trigger_and_nowhere_else() -> None:
    """A move between points of different states has a trigger; one within a state has none."""
    for move in MOVES:
        for source in points_named(move.source):
            left, entered = source.state, POINTS[move.target].state
            stays = left is entered or entered is None
            if move.trigger is Trigger.RECOVER:  # it also leads from finalized to finalized
                assert entered is State.FINALIZED
                continue
            assert stays == (move.trigger is None), move


def test_every_name_in_a_row_stands_for_points() -> None:
    """Sources are points, groups or failures; targets are points; nothing is left over."""
    for move in MOVES:
        assert points_named(move.source), move
        assert move.target in POINTS
    for members in GROUPS.values():
        assert all(points_named(member) for member in members)


def test_every_call_that_may_raise_says_what_follows() -> None:
    """After each failure there is a way on, and only the final point has none."""
    for name, point in POINTS.items():
        if point.failure is not None:
            assert MOVES_FROM[f"{name}!"], name
        assert bool(MOVES_FROM[name]) == (name != FINAL)


@hook_counts
def test_every_point_can_be_reached_and_left(hooks: int) -> None:
    """Without hooks all but their phases; from each place the closed session can be reached."""
    table = compile_table(hooks, tuple(range(hooks)))
    wanted = {n for n, p in POINTS.items() if hooks or not p.of_hook}
    assert {place.point for place in table.places.values()} == wanted
    followers = table.followers
    reaching, before = {Place(FINAL).code}, 0
    while len(reaching) > before:
        before = len(reaching)
        reaching |= {code for code, after in followers.items() if reaching & set(after)}
    assert reaching == followers.keys()


@hook_counts
def test_a_code_determines_the_place_after_it(hooks: int) -> None:
    """No two places have one code; a code gives its fields back, and its place."""
    table = compile_table(hooks, tuple(range(hooks)))
    assert len({place.code for place in table.places.values()}) == len(table.places)
    for code, place in table.places.items():
        point, fields = POINTS[place.point], decode(code)
        assert (fields.kind, fields.at) == (point.event, point.at)
        assert (fields.index, fields.mark) == (place.index, place.mark)
        assert fields.number == code == place.code
        assert place_at(code, hooks) == place
        assert START_CODE < code < 2**31
        assert code not in (START_CODE, END_CODE)


@hook_counts
def test_a_code_determines_the_state_after_it(hooks: int) -> None:
    """However a place was come to, its state is the one that the code's place has."""
    table = compile_table(hooks, tuple(range(hooks)))
    for code, following in table.followers.items():
        before = table.places[code].state
        for after in following:
            entered = table.places[after].state
            change = {(a, b) for _, a, b in CHANGES}
            assert before is entered or (before, entered) in change


@given(
    st.sampled_from(EventKind),
    st.integers(0, MAX_INDEX),
    st.integers(0, 7),
    st.none() | st.sampled_from([kind for kind in EventKind if not kind.in_second_lane]),
)
def test_decoding_gives_back_what_was_encoded(
    kind: EventKind, index: int, mark: int, at: EventKind | None
) -> None:
    """The four fields of a code do not touch each other."""
    code = decode(encode(kind, index, mark, at))
    assert (code.kind, code.index, code.mark, code.at) == (kind, index, mark, at)


def test_the_stop_flag_never_falls_and_no_run_begins_under_it() -> None:
    """What follows a place with the flag has it, or lies outside of the running state."""
    table = compile_table(2)
    for code, following in table.followers.items():
        place = table.places[code]
        if POINTS[place.point].context is Context.RUN and place.mark & STOP_ASKED:
            for after in (table.places[one] for one in following):
                assert after.state is State.STOPPING or after.mark & STOP_ASKED
                assert after.point != "step" or place.mark & REPEATED


def test_a_session_is_left_only_outside_of_step_functions_and_steps() -> None:
    """No place inside a step function, nor within a step, is followed by stopping."""
    table = compile_table(2)
    for code, following in table.followers.items():
        if any(table.places[after].point == "stopping" for after in following):
            place = table.places[code]
            assert not place.mark & IN_STEP_FN
            assert place.point not in ("step", "gathering", "merging", "computing", "delivering")


def test_hooks_follow_each_other_in_list_order() -> None:
    """Within a phase the next hook's call is the only one that follows, beside an error."""
    table = compile_table(3)
    for place in table.places.values():
        point = POINTS[place.point]
        if point.each_hook and place.index < 2:
            ordinary = {s.place for s in steps_from(place, 3) if s.rule != "error-comes-out"}
            assert {(s.point, s.index) for s in ordinary} == {(place.point, place.index + 1)}


def test_the_hooks_that_have_an_on_error_follow_each_other_whatever_they_raise() -> None:
    """After the call of one, and after an error out of it, comes the next; then, as without."""
    plain, table = compile_table(4), compile_table(4, (1, 3))
    for mark in (0, IN_STEP_FN, STOP_ASKED):
        first, last = Place("telling", 1, mark), Place("telling", 3, mark)
        for place in (first, Place("telling!", 1, mark)):
            following = {table.places[code] for code in table.followers[place.code]}
            assert last in following
            assert {p.point for p in following} <= {"telling", "telling!"}
        failed = Place("computing!", 0, mark)
        on = set(plain.followers[failed.code]) - {Place("step error replaced", 0, mark).code}
        for place in (last, Place("telling!", 3, mark)):
            assert {code for code in on if plain.places[code].mark == mark} <= set(
                table.followers[place.code]
            )


def test_without_an_on_error_there_is_no_such_place() -> None:
    """Logs of sessions whose hooks have none are judged as they were before there was one."""
    points = {place.point for place in compile_table(2).places.values()}
    assert not [name for name in points if POINTS[name].each_on_error]


def test_an_error_leads_to_the_failure_of_the_call_and_hook_it_came_out_of() -> None:
    """The place after an error keeps hook and flags; where nothing is called there is none."""
    assert failure_of(Place("gathering", 1, IN_STEP_FN)) == Place("gathering!", 1, IN_STEP_FN)
    asked = failure_of(Place("gathering", 1), stop_asked=True)
    assert asked == Place("gathering!", 1, STOP_ASKED)
    assert failure_of(Place("restoring")) == Place("restoring!")
    assert failure_of(Place("step done")) is None


def test_a_signature_is_stripped_of_runs_only() -> None:
    """The table does not know which signature a run has; of other codes the index counts."""
    assert strip_signature(encode(EventKind.RUN, 7, 1)) == encode(EventKind.RUN, 0, 1)
    assert strip_signature(encode(EventKind.AFTER_RUN, 7)) == encode(EventKind.AFTER_RUN, 7)


@pytest.mark.parametrize("hooks", [-1, MAX_INDEX + 1])
def test_more_hooks_than_codes_can_tell_apart_are_refused(hooks: int) -> None:
    """The message says how many there may be."""
    with pytest.raises(ValueError, match=f"a session can have 0 to {MAX_INDEX} hooks, not {hooks}"):
        compile_table(hooks)


def test_the_digest_of_the_table_is_the_same_in_every_process() -> None:
    """It names the rules by which a log was made, so it can't depend on a process's hash seed."""
    command = "from statemachine.table import DIGEST; print(DIGEST)"
    for seed in ("1", "2"):
        environment = {**os.environ, "PYTHONHASHSEED": seed}
        run = [sys.executable, "-c", command]
        told = subprocess.run(run, env=environment, capture_output=True, text=True, check=True)
        assert told.stdout.strip() == DIGEST


def test_the_life_of_a_session_begins_created_and_ends_closed() -> None:
    """The first and the last point belong to the first and the last state."""
    assert POINTS[INITIAL].state is State.CREATED
    assert POINTS[FINAL].state is State.CLOSED
