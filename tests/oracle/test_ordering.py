"""The checker of the documented ordering accepts what is wanted and rejects what is not."""

from collections.abc import Mapping, Sequence

import pytest

from statemachine.testing.trace import Event, project
from tests.oracle.corpora import Row
from tests.oracle.divergences import wanted
from tests.oracle.explain import derive
from tests.oracle.ordering import OrderViolation, check_ordering

LIFECYCLE = {
    "new",
    "scaffold_finalize",
    "graph_finalize",
    "session_create",
    "init_op",
    "init_fn",
    "restore",
    "ready_for_local_init_op",
    "local_init_op",
    "ready_op",
    "queue_runners",
    "new_ok",
    "new_exc",
    "session_close",
    "graph_unfinalize",
    "exit",
    "exited",
    "final",
}


def is_legal(row: Row, trace: Sequence[Event]) -> bool:
    try:
        check_ordering(row.scenario, trace)
    except OrderViolation:
        return False
    return True


def wanted_trace(row: Row) -> list[Event]:
    return project(derive(row, wanted()).trace)


def test_every_wanted_trace_keeps_the_documented_ordering(singular: Sequence[Row]) -> None:
    """What the divergences make of TensorFlow's traces is in order."""
    assert [row.id for row in singular if not is_legal(row, wanted_trace(row))] == []


def test_tensorflow_breaks_it_where_a_divergence_says_so(by_id: Mapping[str, Row]) -> None:
    """A restore without init ops, an open session after a failed start, a hook after close."""
    for name in ("order.s.ckpt", "ctor.s.init_fn.value", "close.s.twice", "ckpt.s.both"):
        assert not is_legal(by_id[name], by_id[name].expected.trace)


@pytest.mark.parametrize("change", ["drop", "repeat"])
def test_a_step_of_the_lifecycle_cannot_be_missing_or_twice(
    singular: Sequence[Row], change: str
) -> None:
    """Leaving out or doubling any such event of a legal trace makes it illegal."""
    for row in singular[::15]:
        trace = wanted_trace(row)
        for at, event in enumerate(trace):
            if event["e"] in LIFECYCLE:
                middle = [] if change == "drop" else [event, event]
                changed = trace[:at] + middle + trace[at + 1 :]
                assert not is_legal(row, changed), f"{row.id}: {change} event {at}, {event}"


def test_two_hooks_cannot_change_places(singular: Sequence[Row]) -> None:
    """Exchanging neighbouring calls of two hooks makes a legal trace illegal."""
    tried = 0
    for row in singular[::5]:
        trace = wanted_trace(row)
        for at in range(len(trace) - 1):
            one, other = trace[at], trace[at + 1]
            if one["e"] == other["e"] == "hook" and one["i"] != other["i"]:
                changed = [*trace[:at], other, one, *trace[at + 2 :]]
                assert not is_legal(row, changed), f"{row.id}: {one} and {other}"
                tried += 1
    assert tried > 500


def test_a_run_after_a_stop_is_found(by_id: Mapping[str, Row]) -> None:
    """A stop that hooks saw and that the session forgot is a violation."""
    row = by_id["stop.s.lost-by-run-error"]
    seen = [{**event, "stop": True} if "stop" in event else event for event in row.expected.trace]
    with pytest.raises(OrderViolation, match=r"no run after a stop|should_stop is true"):
        check_ordering(row.scenario, seen)


def test_a_violation_tells_where_it_is_and_what_was_due(by_id: Mapping[str, Row]) -> None:
    """The message shows the events before, what came, and what should have come."""
    row = by_id["order.s.three-hooks"]
    trace = [e for e in row.expected.trace if e["e"] != "graph_finalize"]
    with pytest.raises(OrderViolation, match=r"event 5: graph_finalize .* came .*session_create"):
        check_ordering(row.scenario, trace)
