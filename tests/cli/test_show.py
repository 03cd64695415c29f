"""`show` prints events, filtered, safely, and follows a log that grows."""

import json
import os
import signal
import threading
import time

import pytest
from rich.console import Console

from statemachine import EventKind, EventLog
from statemachine.cli import terminal
from statemachine.cli.follow import Follower
from tests.cli import logs
from tests.cli.running import finished, run, spawn


def shown(*arguments):
    """The events that a command prints."""
    return [json.loads(line) for line in run("show", *arguments, "--json").stdout.splitlines()]


def test_every_event_has_a_line(closed_log):
    """Without filters as many lines as events, after a line of headings."""
    lines = run("show", closed_log).stdout.splitlines()
    assert len(lines) == 1 + len(EventLog.open(closed_log))
    assert lines[0].split()[:2] == ["#", "time"]
    assert "state.created" in lines[1]
    assert "state.closed" in lines[-1]


def test_kinds_are_chosen_by_name_or_pattern(closed_log):
    """A dotted name, a pattern with a star, several of them."""
    assert {e["kind"] for e in shown(closed_log, "--kind", "session.run")} == {"session.run"}
    found = {e["kind"] for e in shown(closed_log, "-k", "hook.*", "-k", "state.closed")}
    assert found == {
        "hook.begin",
        "hook.after_create_session",
        "hook.before_run",
        "hook.after_run",
        "hook.end",
        "state.closed",
    }


def test_hooks_are_chosen_by_place_or_class(closed_log):
    """Only events of that hook; those of no hook are left out."""
    by_place = shown(closed_log, "--hook", "1")
    assert {event["hook_class"] for event in by_place} == {"Saver"}
    assert shown(closed_log, "--hook", "Sav*") == by_place


@pytest.mark.parametrize(
    ("text", "steps"), [("2", {2}), ("2:3", {2, 3}), ("2:", {2, 3}), (":2", {1, 2})]
)
def test_steps_are_chosen_by_a_range(closed_log, text, steps):
    """One step, a range, or an open one; events between steps are left out."""
    assert {event["step"] for event in shown(closed_log, "--step", text)} == steps


def test_times_are_chosen_from_the_start_or_by_the_clock(closed_log):
    """--since and --until take +seconds and ISO 8601, and both name the same moment."""
    events = shown(closed_log)
    middle = events[len(events) // 2]
    later = shown(closed_log, "--since", f"+{middle['elapsed_ns'] / 1e9:.9f}s")
    assert abs(len(later) - len(events) / 2) <= 2
    moment = middle["time"][:26] + "+00:00"  # datetime has microseconds
    assert len(shown(closed_log, "--since", moment)) >= len(later)
    assert shown(closed_log, "--until", "1999-12-31") == []


def test_the_last_ones(closed_log):
    """--last counts from the end, after the other filters."""
    last = shown(closed_log, "--kind", "step.end", "--last", "2")
    assert [event["step"] for event in last] == [2, 3]


def test_more_than_can_be_counted_is_a_wrong_usage(closed_log):
    """And no fault of the log."""
    result = run("show", closed_log, "--last", str(10**30))
    assert result.exit_code == 1
    assert "is not in the range" in result.stderr


@pytest.mark.parametrize(
    ("option", "value", "words"),
    [
        ("--kind", "hook.nothing", "session.run"),
        ("--hook", "7", "0 StepCounter, 1 Saver"),
        ("--step", "two", "5:9"),
        ("--step", ":", "5:9"),
        ("--since", "yesterday", "2025-01-31T12:00:00"),
        ("--last", "0", "1"),
    ],
)
def test_a_filter_that_names_nothing_says_what_may_be_named(closed_log, option, value, words):
    """Exit code 1, and the message holds what is allowed."""
    result = run("show", closed_log, option, value)
    assert result.exit_code == 1
    assert words in result.stderr


def test_a_damaged_log_is_shown_up_to_the_damage(closed_log, tmp_path):
    """What can be trusted is printed; then the message, and exit code 3."""
    content = closed_log.read_bytes()
    path = tmp_path / "log.arrows"
    path.write_bytes(content + b"x")
    result = run("show", path)
    assert result.exit_code == 3
    assert "state.created" in result.stdout
    assert "end marker" in result.stderr
    assert "state.closed" in run("show", path, "--last", "1").stdout


NASTY = "\x1b[31mred\x07\r\n\x9b2J\u202e\u2028\ud800\x00"


def test_texts_of_a_log_do_not_steer_a_terminal(tmp_path):
    """Control characters, writing directions and surrogates are spelled out, everywhere."""
    log, writer = logs.begun(tmp_path / "log.arrows", hooks=("A" + NASTY[:6], "B"))
    log.note("see " + NASTY.replace("\ud800", ""), **{"key\x1b": NASTY.replace("\ud800", "")})
    writer.steps(1).fail_step(message=NASTY.replace("\ud800", "")).close()
    for command in ("show", "state", "audit", "stats"):
        result = run(command, tmp_path / "log.arrows")
        assert result.exit_code == 0
        assert not set(result.stdout) & set("\x1b\x07\r\x9b\u202e\u2028\x00")
    assert r"\x1b[31mred\x07\r\n\x9b2J\u202e\u2028" in run("show", tmp_path / "log.arrows").stdout


def test_markup_in_a_log_is_only_text(tmp_path):
    """The library that draws tables has a markup of its own; a log can't use it."""
    path = logs.closed(tmp_path / "log.arrows", hooks=("[red]x[/red]", "[/]"))
    for command in ("show", "state", "stats"):
        shown_ = run(command, path)
        assert shown_.exit_code == 0
        assert "[red]x[/red]" in shown_.stdout
        assert "[/]" in shown_.stdout


def test_lines_are_cut_to_a_terminal(closed_log, monkeypatch):
    """On a terminal a line is never wider than it, and coloured by the program alone."""
    monkeypatch.setattr(
        terminal, "stdout", lambda: Console(force_terminal=True, width=60, color_system="standard")
    )
    lines = run("show", closed_log).stdout.splitlines()
    assert len(lines) == 1 + len(EventLog.open(closed_log))
    assert any("\x1b[" in line for line in lines)


def test_follow_shows_what_comes_and_ends_with_the_session(tmp_path):
    """Lines come while the session runs; when it is closed, the command ends with 0."""
    path = tmp_path / "log.arrows"
    log, writer = logs.begun(path)
    process = spawn("show", path, "--follow", "--json")
    first = json.loads(process.stdout.readline())
    assert first["kind"] == "state.created"
    writer.steps(1)
    log.note("still here")
    writer.steps(2).close()
    with process.stdout, process.stderr:
        rest = [json.loads(line) for line in process.stdout]
        assert process.stderr.read() == "the log is complete\n"
    assert process.wait(timeout=20) == 0
    events = [first, *rest]
    assert [e["kind"] for e in events] == [e.kind.value for e in EventLog.open(path)]


def test_follow_says_in_which_call_the_writer_died(killed_log):
    """Nobody writes the log any more: exit code 4, the call, and what to do."""
    result = run("show", killed_log, "--follow")
    assert result.exit_code == 4
    assert "state.created" in result.stdout
    assert "died in the caller's code, after step.end, step 3" in result.stderr
    assert "recover" in result.stderr


def test_follow_ends_at_once_for_a_log_that_is_complete(closed_log):
    """Everything is shown, and the command says that it is complete."""
    result = run("show", closed_log, "--follow")
    assert result.exit_code == 0
    assert len(result.stdout.splitlines()) == 1 + len(EventLog.open(closed_log))
    assert "complete" in result.stderr


def test_following_reads_each_sealed_block_once(tmp_path):
    """Over many looks, with blocks sealed between, each event is met exactly once."""
    path = tmp_path / "log.arrows"
    log, writer = logs.begun(path)
    follower = Follower(EventLog.open(path))
    met = []

    def look():
        for growth in follower.look():
            codes, times = growth.block.codes[growth.fresh], growth.block.times[growth.fresh]
            met.extend(zip(times.tolist(), codes.tolist(), strict=True))

    look()
    for number in range(6):
        writer.steps(700 * number)
        log.note("between")
        look()
        writer.journal.seal()
        time.sleep(0.02)
        look()
    writer.close()
    look()
    blocks = list(EventLog.open(path).read())
    whole = [pair for b in blocks for pair in zip(b.times.tolist(), b.codes.tolist(), strict=True)]
    assert sorted(met) == sorted(whole)
    assert len(blocks) > 2
    assert follower.ended


def test_following_misses_nothing_of_other_threads(tmp_path):
    """Notes of other threads may fall before events that were shown already; all are met."""
    path = tmp_path / "log.arrows"
    log, writer = logs.begun(path)
    follower = Follower(EventLog.open(path))
    notes = threading.Thread(target=lambda: [log.note(str(i)) for i in range(200)])
    notes.start()
    count = 0
    while notes.is_alive():
        writer.steps(5)
        count += sum(int(growth.fresh.sum()) for growth in follower.look())
    notes.join()
    writer.close()
    count += sum(int(growth.fresh.sum()) for growth in follower.look())
    assert count == len(EventLog.open(path))
    assert sum(event.kind is EventKind.NOTE for event in EventLog.open(path)) == 200


def test_follow_can_be_interrupted(tmp_path):
    """Ctrl-C ends it with 130 and without a traceback."""
    _, writer = logs.begun(tmp_path / "log.arrows")
    process = spawn("show", tmp_path / "log.arrows", "--follow")
    process.stdout.readline()
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=20)
    writer.close()
    assert process.returncode == 130
    assert "interrupted" in errors
    assert "Traceback" not in errors


def test_follow_and_last_do_not_go_together(closed_log):
    """Which of them is meant, the message asks."""
    result = run("show", closed_log, "--follow", "--last", "3")
    assert result.exit_code == 1
    assert "--last and --follow" in result.stderr


def test_the_reader_of_a_pipe_may_go_away(closed_log, shared):
    """As `| head -1` does: no traceback, exit code 141."""
    path = logs.closed(shared / "long.arrows", steps=4000)
    process = spawn("show", path)
    process.stdout.readline()
    process.stdout.close()
    with process.stderr:
        errors = process.stderr.read()
    assert process.wait(timeout=20) == 141
    assert errors == ""


def test_a_pipe_is_no_log(tmp_path):
    """A named pipe would block for ever: it is refused."""
    os.mkfifo(tmp_path / "pipe.arrows")
    result = finished("show", tmp_path / "pipe.arrows")
    assert result.returncode == 2
    assert "no regular file" in result.stderr
