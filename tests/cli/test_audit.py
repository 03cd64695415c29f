"""`audit` says what logs prove, one or many."""

import contextlib
import errno
import itertools
import os
import pty
import select
import sqlite3
import subprocess
from pathlib import Path

import attrs

from statemachine import EventLog, audit
from statemachine.cli.audit_command import lineage_lines
from statemachine.cli.lineage import Descent
from statemachine.replay import Checkpoint
from statemachine.sql_store import SqlStore
from tests.cli import logs
from tests.cli.running import COMMAND, run, run_json
from tests.statemachine.histories import HOOKS, Writer

SAVED = Checkpoint("model.ckpt-3", 3, 64, logs.DIGEST)


def test_a_finding_quotes_the_documentation(disordered_log):
    """The event, what was seen, what was allowed there, the rule and its sentence."""
    shown = run("audit", disordered_log).stdout
    finding = audit(disordered_log).findings[0]
    words = " ".join(shown.split())
    assert f"conformance, event {finding.sequence}: {finding.seen}" in words
    assert "allowed there:" in words
    assert f"{finding.rule}: {' '.join(finding.sentence.split())}" in words


def test_a_directory_stands_for_all_logs_below_it(tmp_path, closed_log):
    """At any depth, and nothing but logs; each once."""
    deep = tmp_path / "a" / "b"
    deep.mkdir(parents=True)
    logs.closed(deep / "one.arrows")
    logs.closed(tmp_path / "two.arrows")
    (tmp_path / "notes.txt").write_text("no log")
    told, code = run_json("audit", tmp_path, tmp_path / "two.arrows")
    assert code == 0
    assert [Path(one["log"]).name for one in told["logs"]] == ["one.arrows", "two.arrows"]


def test_a_directory_stands_for_the_logs_in_databases_too(tmp_path):
    """Told by what is in them; databases of other things and empty ones are passed over."""
    log = EventLog(SqlStore(tmp_path / "runs.db", "monday"))
    Writer(log.begin(HOOKS)).start().close()
    logs.closed(tmp_path / "one.arrows")
    (tmp_path / "notes.db").write_text("no database")
    for name, tables in (
        ("other.sqlite", ["things"]),
        ("empty.db", ["blocks", "sessions", "events"]),
    ):
        with contextlib.closing(sqlite3.connect(tmp_path / name)) as connection:
            for table in tables:
                connection.execute(f"CREATE TABLE {table} (log, started)")
    told, code = run_json("audit", tmp_path)
    assert [Path(one["log"]).name for one in told["logs"]] == ["one.arrows", "runs.db#monday"]
    assert code == 0


def test_a_damaged_database_below_a_directory_is_told_of(tmp_path):
    """Nobody knows what it held; the other logs are audited all the same."""
    logs.closed(tmp_path / "one.arrows")
    (tmp_path / "runs.db").write_bytes(b"SQLite format 3\0" + bytes(5000))
    told, code = run_json("audit", tmp_path)
    assert (code, len(told["logs"])) == (2, 2)
    assert "can't be read as a database of logs" in told["logs"][1]["error"]


def test_a_directory_that_can_not_be_searched_is_told_of(tmp_path, monkeypatch):
    """What is below it is not left out in silence."""
    logs.closed(tmp_path / "one.arrows")
    (tmp_path / "secret").mkdir()
    scan = os.scandir

    def scandir(path):
        if Path(path).name == "secret":
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return scan(path)

    monkeypatch.setattr(os, "scandir", scandir)
    result = run("audit", tmp_path)
    assert result.exit_code == 2
    assert "secret: Permission denied; name the logs that you mean" in result.stderr


def test_a_loop_of_links_is_unreadable(tmp_path):
    """And says that it is one."""
    (tmp_path / "a.arrows").symlink_to("b.arrows")
    (tmp_path / "b.arrows").symlink_to("a.arrows")
    for named in (tmp_path, tmp_path / "a.arrows"):
        result = run("audit", named)
        assert result.exit_code == 2
        assert "Too many levels of symbolic links" in " ".join(
            (result.stdout + result.stderr).split()
        )


def test_an_empty_name_is_not_the_directory_that_one_is_in():
    """It comes of a variable of the shell that is not set."""
    result = run("audit", "")
    assert result.exit_code == 1
    assert "an empty name names no log" in result.stderr


def test_many_logs_make_one_table(closed_log, killed_log, tampered_log, tmp_path):
    """A row a log, the faults of those that have some, and a count."""
    none = tmp_path / "none.arrows"
    none.write_text("x")
    result = run("audit", closed_log, killed_log, tampered_log, none)
    table = result.stdout.splitlines()[1:5]
    rows = {line.split()[0]: line.split()[1:] for line in table}
    assert rows[str(closed_log)][:4] == ["pass"] * 4
    assert rows[str(none)] == ["unreadable"]
    assert "never closed: it died in" in result.stdout
    assert "1 of 4 logs all well" in result.stdout
    assert result.exit_code == 2


def test_logs_that_are_given_together_know_each_other(tmp_path):
    """Alone the lineage is not checked; together it is traced, and drawn."""
    directory = logs.related(tmp_path / "both")
    second = directory / "second.arrows"
    alone, _ = run_json("audit", second)
    assert alone["logs"][0]["lineage"] == "not checked"
    both, code = run_json("audit", directory)
    assert code == 0
    assert [one["lineage"] for one in both["logs"]] == ["pass", "pass"]
    (descent,) = both["lineage"]
    assert descent == {
        "parent": str(directory / "first.arrows"),
        "child": str(second),
        "step": 3,
        "sha256": logs.DIGEST,
        "path": "model.ckpt-3",
    }
    assert f"└ {second} from step 3" in run("audit", directory).stdout


def test_the_verdicts_are_those_of_audit_with_all_others_known(tmp_path):
    """Looking at fewer logs than all others makes no difference to any verdict."""
    directory = logs.related(tmp_path / "both")
    for number in range(3):
        logs.closed(directory / f"stranger-{number}.arrows")
    paths = sorted(directory.iterdir())
    told, _ = run_json("audit", *paths)
    for path, one in zip(paths, told["logs"], strict=True):
        report = audit(path, known=[other for other in paths if other != path])
        assert one["lineage"] == report.lineage.value


def test_a_long_chain_of_sessions_is_drawn():
    """A thousand sessions, each resumed from the one before, are no reason to fail."""
    paths = [Path(f"{number}.arrows") for number in range(1000)]
    pairs = itertools.pairwise(paths)
    lines = list(lineage_lines(paths, [Descent(a, b, SAVED) for a, b in pairs]))
    assert len(lines) == 1000
    assert lines[:2] == ["0.arrows", "  └ 1.arrows from step 3"]


def test_sessions_that_descend_from_each_other_are_drawn_once():
    """Forged logs may claim to descend from each other in a circle."""
    a, b = Path("a"), Path("b")
    lines = list(lineage_lines([a, b], [Descent(a, b, SAVED), Descent(b, a, SAVED)]))
    assert len(lines) == 3


def test_branches_stand_below_what_they_branch_from():
    """Two sessions that restored the same checkpoint are siblings."""
    a, b, c = Path("a"), Path("b"), Path("c")
    nameless = attrs.evolve(SAVED, step=None)
    lines = list(lineage_lines([a, b, c], [Descent(a, b, SAVED), Descent(a, c, nameless)]))
    assert lines == ["a", "  └ b from step 3", "  └ c"]


def test_a_running_log_is_incomplete_and_says_where_it_is(tmp_path):
    """It is no damage that a session still runs."""
    log, writer = logs.begun(tmp_path / "log.arrows")
    result = run("audit", tmp_path / "log.arrows")
    writer.close()
    assert result.exit_code == 4
    assert "still running" in result.stdout
    assert run("audit", log.path).exit_code == 0


def test_a_progress_bar_is_shown_on_a_terminal(tmp_path):
    """While many logs are audited; it is gone at the end, and never in what is printed."""
    for number in range(3):
        logs.closed(tmp_path / f"{number}.arrows")
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [*COMMAND, "audit", tmp_path], stdout=subprocess.PIPE, stderr=theirs, text=True
    )
    shown = process.communicate(timeout=30)[0]
    ready, _, _ = select.select([ours], [], [], 5)
    assert ready
    told = os.read(ours, 1 << 16).decode()
    os.close(ours)
    os.close(theirs)
    assert process.returncode == 0
    assert "6/6" in told
    assert "auditing" not in shown
    assert "3 of 3 logs all well" in shown


def test_a_header_of_another_century_does_no_harm(tmp_path, closed_log):
    """A forged start of the log beyond any calendar is shown as a number."""
    codes = logs.codes_of(closed_log)
    for started in (10**17, 1 << 62, -(10**18)):
        path = logs.forged(tmp_path / f"{started}.arrows", codes, started=started)
        for command in ("audit", "show", "state", "stats"):
            assert run(command, path).exit_code in (0, 2, 3, 4, 5)


def test_reading_leaves_no_trace(closed_log):
    """An audit changes neither the log nor its directory."""
    before = {path: path.stat().st_mtime_ns for path in closed_log.parent.iterdir()}
    run("audit", closed_log)
    run("state", closed_log)
    assert {path: path.stat().st_mtime_ns for path in closed_log.parent.iterdir()} == before
    assert EventLog.open(closed_log).running is False
