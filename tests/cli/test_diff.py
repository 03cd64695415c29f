"""`diff` finds where two logs part."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from statemachine import EventKind
from statemachine.cli.difference import detail_differences
from tests.cli import logs
from tests.cli.running import run, run_json
from tests.statemachine.histories import HOOKS


def test_a_log_is_like_itself_and_like_another_run(closed_log, tmp_path):
    """Times, session and process differ between two runs; that is no difference."""
    again = logs.closed(tmp_path / "again.arrows")
    for other in (closed_log, again):
        told, code = run_json("diff", closed_log, other)
        assert (code, told["divergences"]) == (0, [])
    assert "The two logs tell the same" in run("diff", closed_log, again).stdout


def test_one_step_more_is_where_they_part(closed_log, tmp_path):
    """The first event that differs is told, with its step, and both sides' summaries."""
    longer = logs.closed(tmp_path / "longer.arrows", steps=4)
    told, code = run_json("diff", closed_log, longer)
    assert code == 7
    (found,) = told["divergences"]
    assert found["field"] == "kind"
    assert (found["a"], found["b"]) == ("state.stopping", "step.begin")
    assert found["b_event"]["step"] == 4
    assert [told["summary"][side]["steps_done"] for side in "ab"] == [3, 4]
    shown = run("diff", closed_log, longer)
    assert shown.exit_code == 7
    assert "first difference of an event: kind" in shown.stdout
    assert "3, 3, 0" in shown.stdout


def test_a_log_that_breaks_off_parts_there(closed_log, killed_log):
    """Where one log has no more events, the other one's next event is the difference."""
    told, code = run_json("diff", killed_log, closed_log)
    (found,) = told["divergences"]
    assert code == 7
    assert (found["field"], found["a"], found["b"]) == ("presence", None, "state.stopping")
    assert found["a_event"] is None


def test_other_hooks_are_a_difference_of_the_header(closed_log, tmp_path):
    """The classes of the hooks are compared, also if the events are the same."""
    other = logs.closed(tmp_path / "other.arrows", hooks=("StepCounter", "Other"))
    told, code = run_json("diff", closed_log, other)
    (found,) = told["divergences"]
    assert code == 7
    assert (found["field"], found["a"]) == ("hooks", list(HOOKS))
    assert "first difference of the header: hooks" in run("diff", closed_log, other).stdout


def altered(tmp_path, name, details, note="", message="no", path="/tmp/a/x"):
    """A log of a session in which some details are what a test wants."""
    log, writer = logs.begun(tmp_path / name)
    writer.journal.add(EventKind.CHECKPOINT_SAVED, details)
    log.note(note or "ready")
    writer.fail_step(message=f"{message} at {path}").steps(1).close()
    return tmp_path / name


SAVED = {"path": "/tmp/a/model.ckpt-1", "step": 1, "size": 5, "sha256": "00" * 32}


def test_paths_and_times_are_ignored(tmp_path):
    """Where something was, and when, is no difference; neither are paths within messages."""
    a = altered(tmp_path, "a.arrows", SAVED)
    moved = {**SAVED, "path": "/var/b/model.ckpt-1", "seconds": 3.5}
    b = altered(tmp_path, "b.arrows", moved, path="/var/b/x")
    assert run("diff", a, b).exit_code == 0


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"details": {**SAVED, "sha256": "11" * 32}}, "detail.sha256"),
        ({"note": "steady"}, "detail.text"),
        ({"message": "yes"}, "detail.error.message"),
    ],
)
def test_a_detail_that_differs_is_named(tmp_path, change, field):
    """The name of the detail is the field, down to the part of it."""
    a = altered(tmp_path, "a.arrows", SAVED)
    b = altered(tmp_path, "b.arrows", **{"details": SAVED, **change})
    told, code = run_json("diff", a, b)
    assert code == 7
    assert [found["field"] for found in told["divergences"]] == [field]


def test_where_events_of_other_threads_fall_is_ignored(tmp_path):
    """Of a note only its order among notes counts."""
    paths = []
    for name, before in (("a.arrows", 1), ("b.arrows", 2)):
        log, writer = logs.begun(tmp_path / name)
        writer.steps(before)
        log.note("one")
        writer.steps(3 - before).close()
        paths.append(log.path)
    assert run("diff", *paths).exit_code == 0


def test_one_note_more_is_a_difference(tmp_path):
    """An event of another thread that only one log has."""
    paths = []
    for name, count in (("a.arrows", 1), ("b.arrows", 2)):
        log, writer = logs.begun(tmp_path / name)
        for number in range(count):
            log.note(str(number))
        writer.close()
        paths.append(log.path)
    told, code = run_json("diff", *paths)
    assert code == 7
    assert (told["divergences"][0]["a"], told["divergences"][0]["b"]) == (None, "note")


def test_damage_comes_before_difference(closed_log, tampered_log):
    """Where several codes hold, the lowest is given."""
    assert run("diff", closed_log, tampered_log).exit_code == 3
    assert run("diff", closed_log, closed_log.with_name("none")).exit_code == 2


@given(where=st.integers(0, 1000), other=st.integers(0, 1000))
def test_a_swap_is_found_where_it_was_made(closed_log, tmp_path_factory, where, other):
    """Two events swapped: the first of the two places is where the logs part."""
    codes = logs.codes_of(closed_log)
    ordered = [i for i, code in enumerate(codes) if not code & 0x40]
    a, b = sorted((ordered[where % len(ordered)], ordered[other % len(ordered)]))
    codes[a], codes[b] = codes[b], codes[a]
    directory = tmp_path_factory.mktemp("swapped")
    plain = logs.forged(directory / "plain.arrows", logs.codes_of(closed_log))
    swapped = logs.forged(directory / "swapped.arrows", codes)
    told, code = run_json("diff", plain, swapped)
    if codes[a] == codes[b]:
        assert code == 0
    else:
        assert code == 7
        assert told["divergences"][0]["a_event"]["sequence"] == a
        assert told["divergences"][0]["b_event"]["sequence"] == a


values = st.recursive(
    st.none() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=5,
)


@given(detail=st.dictionaries(st.text(max_size=4), values))
def test_a_detail_is_like_itself(detail):
    """Also after it was written and read."""
    again = json.loads(json.dumps(detail))
    assert list(detail_differences(detail, again)) == []
