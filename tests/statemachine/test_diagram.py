"""The generated description of the lifecycle."""

import re
from pathlib import Path

from statemachine.diagram import lifecycle, main
from statemachine.events import EventKind
from statemachine.machine import state_changes
from statemachine.table import POINTS, State

FILE = Path(__file__).parents[2] / "specs" / "lifecycle.md"


def test_the_file_is_what_the_table_gives() -> None:
    """specs/lifecycle.md is not stale; `python -m statemachine.diagram` makes it anew."""
    assert FILE.read_text("utf-8") == lifecycle()


def test_main_writes_the_document(tmp_path: Path) -> None:
    """The generator writes where it is told to."""
    main(tmp_path / "lifecycle.md")
    assert (tmp_path / "lifecycle.md").read_text("utf-8") == lifecycle()


def test_the_diagram_of_states_has_every_change_and_no_other() -> None:
    """Each arrow is a change of state of the table, with its trigger."""
    arrows = set(re.findall(r"^    (\w+) --> (\w+): (\w+)$", lifecycle(), re.M))
    assert arrows == {(a.value, b.value, t.value) for t, a, b in state_changes()}


def test_every_point_of_a_call_is_drawn_in_the_diagram_of_its_state() -> None:
    """Each point but those of errors that came out has a box that names its event."""
    drawings = lifecycle().split("```mermaid")
    for point in POINTS.values():
        box = f'"{point.name}<br/><i>{point.event.value}</i>"'
        if point.event is not EventKind.RAISED:
            assert box in lifecycle()
            homes = [d for d in drawings if point.state and f"subgraph {point.state.value}[" in d]
            assert all(box in home for home in homes)


def test_the_vocabulary_has_every_event_with_its_number() -> None:
    """Each kind of event is a row of one of the two tables."""
    rows = set(re.findall(r"^\| `([\w.]+)` \| (\d+) \|", lifecycle(), re.M))
    assert rows == {(kind.value, str(kind.number)) for kind in EventKind}


def test_what_leaves_the_with_block_decides_whether_end_is_called() -> None:
    """The table has a row for a clean exit, the end of the input, and any other error."""
    faults = lifecycle().split("what still happens, in this order")[1]
    rows = re.findall(r"^\| (nothing|the `with` block)[^|]* \| running \| (.+) \|$", faults, re.M)
    whole = "`state.stopping` → `hook.end` of each hook → `threads.join` → `session.close` → "
    assert [row[1] for row in rows] == [
        whole + "`state.closed`",
        whole + "`error.suppressed` → `state.closed`; `with` swallows the error",
        "`state.stopping` → `threads.join` → `session.close` → `state.closed`; "
        "the error comes out of `with`",
    ]


def test_every_fault_has_its_aftermath() -> None:
    """Each call that may raise has a row, which ends with the session closed or at rest."""
    faults = lifecycle().split("what still happens, in this order")[1]
    rows = re.findall(r"^\| `([\w.]+)` \| ([\w ]+) \| (.+) \|$", faults, re.M)
    calls = [point for point in POINTS.values() if point.failure]
    assert [row[0] for row in rows] == [point.event.value for point in calls]
    for _, state, aftermath in rows:
        last = aftermath.split(" → ")[-1]
        wanted = "goes on" if state == State.RUNNING.value else "`state.closed`"
        wanted = "there is no session" if "there is no session" in last else wanted
        assert wanted in last


def test_no_box_uses_a_word_that_mermaid_keeps_for_itself() -> None:
    """`call`, `end` and the like would end a diagram early; styles and boxes have other names."""
    names = set(re.findall(r":::(\w+)", lifecycle()))
    boxes = set(re.findall(r"^\s+(\w+)[\[(]", lifecycle(), re.M))
    assert not (names | boxes) & {"call", "end", "graph", "class", "click", "style", "default"}
