"""`recover` seals what a killed process left, and hides nothing."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time

import pytest

from statemachine import EventKind, EventLog, Verdict, audit
from statemachine.cli import recovery
from statemachine.cli.recovery import COPY_SUFFIX, NOTE, recover
from statemachine.store import tail_directory
from tests.cli import logs
from tests.cli.running import run, run_json


def told(path):
    """What a log tells, but for the notes of a recovery."""
    return [event for event in EventLog.open(path) if event.detail.get("text") != NOTE]


@pytest.mark.parametrize("sealed", [0, 2])
def test_every_event_is_sealed(tmp_path, sealed):
    """The events are the same as before, now all of them covered by the chain."""
    path = logs.killed(tmp_path / "log.arrows", sealed=sealed)
    before = told(path)
    assert audit(path).integrity is Verdict.NOT_CHECKED
    result = run("recover", path)
    assert result.exit_code == 0
    assert "sealed" in result.stdout
    assert "never closed: it died in the caller's code, after step.end" in result.stdout
    assert told(path) == before
    assert audit(path).integrity is Verdict.PASS
    assert not tail_directory(path).exists()


def test_the_session_stays_incomplete(tmp_path):
    """An audit still says that the session was never closed, and nothing else is wrong."""
    path = logs.killed(tmp_path / "log.arrows")
    run("recover", path)
    report = audit(path)
    assert report.completeness is Verdict.FAIL
    assert report.conformance is Verdict.PASS
    assert "never closed" in next(f.seen for f in report.findings if f.about == "completeness")
    assert run("audit", path).exit_code == 4


def test_the_log_says_that_it_was_recovered(tmp_path):
    """A note tells how many events were sealed afterwards, when, and by which version."""
    path = logs.killed(tmp_path / "log.arrows")
    count = len(EventLog.open(path))
    run("recover", path)
    *_, note = EventLog.open(path)
    assert note.kind is EventKind.NOTE
    assert note.detail["text"] == NOTE
    assert note.detail["detail"]["events"] == count
    assert {"torn_bytes", "at", "version"} <= set(note.detail["detail"])


def test_a_second_time_there_is_nothing_to_do(tmp_path):
    """The log is not changed any more, and the exit code is 0."""
    path = logs.killed(tmp_path / "log.arrows")
    run("recover", path)
    before = path.read_bytes()
    result = run("recover", path)
    assert result.exit_code == 0
    assert "nothing to do" in result.stdout
    assert path.read_bytes() == before


def test_a_complete_log_is_left_alone(closed_log):
    """Nothing is done to the log of a session that was closed."""
    before = closed_log.read_bytes(), closed_log.stat().st_mtime_ns
    assert run_json("recover", closed_log)[0]["already_complete"] is True
    assert (closed_log.read_bytes(), closed_log.stat().st_mtime_ns) == before


def test_a_living_writer_is_respected(tmp_path):
    """While a process has the log open, the recovery is refused and changes nothing."""
    log, writer = logs.begun(tmp_path / "log.arrows")
    writer.steps(1)
    before = log.path.read_bytes()
    result = run("recover", log.path)
    assert result.exit_code == 1
    assert "a living process still has" in result.stderr
    assert log.path.read_bytes() == before
    writer.steps(1).close()
    assert audit(log.path).passed


def test_two_recoveries_do_not_meet(tmp_path):
    """While one is at work another one is refused."""
    path = logs.killed(tmp_path / "log.arrows")
    with recovery._sole(path):
        assert run("recover", path).exit_code == 1
    assert run("recover", path).exit_code == 0


def test_a_torn_block_is_taken_from_the_tail(tmp_path):
    """A process killed while it appended a block left half of it; the tail has the whole."""
    path = logs.killed(tmp_path / "log.arrows")
    before = told(path)
    with path.open("ab") as file:
        file.write(b"\xff\xff\xff\xff" + (200).to_bytes(4, "little") + b"\1" * 50)
    result, code = run_json("recover", path)
    assert (code, result["torn_bytes"]) == (0, 58)
    assert told(path) == before
    assert audit(path).integrity is Verdict.PASS


def test_a_tampered_log_is_not_sealed(tmp_path, tampered_log):
    """To seal it anew would hide the damage: exit code 3, and not a byte is changed."""
    path = tmp_path / "log.arrows"
    shutil.copy(tampered_log, path)
    before = path.read_bytes()
    result = run("recover", path)
    assert result.exit_code == 3
    assert "nothing was done" in result.stderr
    assert path.read_bytes() == before


def test_a_tail_that_does_not_go_on_where_the_file_ends_is_refused(tmp_path):
    """The file was replaced by an older copy: events between are missing, and nothing is done."""
    path = logs.killed(tmp_path / "log.arrows", sealed=2)
    older = logs.killed(tmp_path / "older.arrows")
    shutil.copy(older, path)  # without the block that was sealed
    for side in ("side-0", "side-1"):
        assert (tail_directory(path) / side).exists()
    with (tail_directory(path) / "slots").open("r+b") as slots:
        slots.write(bytes(8))  # and the tail that had it was used again
    before = path.read_bytes()
    result = run("recover", path)
    assert result.exit_code == 4
    assert "events between are missing" in result.stderr
    assert path.read_bytes() == before
    assert tail_directory(path).exists()


def test_a_log_that_lost_its_tail_is_sealed_as_it_is(tmp_path):
    """Copied without its tails, only what was sealed is left; the note says that it was 0."""
    path = logs.killed(tmp_path / "log.arrows", sealed=2)
    shutil.rmtree(tail_directory(path))
    before = told(path)
    result, _ = run_json("recover", path)
    assert result["sealed_events"] == 0
    assert told(path) == before
    assert audit(path).integrity is Verdict.PASS


@pytest.mark.parametrize("call", ["fsync", "replace", "copymode"])
def test_an_error_in_the_middle_leaves_everything_as_it_was(tmp_path, monkeypatch, call):
    """A full disk, or whatever: the log and its tails are as before, and no copy is left."""
    path = logs.killed(tmp_path / "log.arrows")
    before = path.read_bytes(), told(path)

    def fail(*_, **__):
        raise OSError(28, "No space left on device")

    if call == "copymode":
        monkeypatch.setattr(recovery.shutil, call, fail)
    elif call == "replace":
        monkeypatch.setattr(recovery.Path, call, fail)
    else:
        monkeypatch.setattr(recovery.os, call, fail)
    result = run("recover", path)
    assert result.exit_code == 1
    assert "No space left on device" in result.stderr
    monkeypatch.undo()
    assert (path.read_bytes(), told(path)) == before
    assert not path.with_name(path.name + COPY_SUFFIX).exists()
    assert run("recover", path).exit_code == 0


KILLED = """
import os, signal, sys
from pathlib import Path
from statemachine.cli import recovery

calls = 0
def deadly(name, call):
    def wrapped(*arguments, **options):
        global calls
        if calls == int(sys.argv[2]):
            os.kill(os.getpid(), signal.SIGKILL)
        calls += 1
        return call(*arguments, **options)
    return wrapped

for name in ("fsync", "open"):
    setattr(recovery.os, name, deadly(name, getattr(os, name)))
recovery.Path.replace = deadly("replace", Path.replace)
recovery.Path.unlink = deadly("unlink", Path.unlink)
recovery.Path.rmdir = deadly("rmdir", Path.rmdir)
recovery._copy = deadly("copy", recovery._copy)
recovery.recover(Path(sys.argv[1]))
"""


@pytest.mark.parametrize("at", [0, 1, 2, 4, 6, 8])
def test_a_recovery_that_is_killed_can_be_run_again(tmp_path, at):
    """At whatever call it dies: no event is lost, and a second run finishes."""
    path = logs.killed(tmp_path / "log.arrows", sealed=1)
    before = told(path)
    done = subprocess.run([sys.executable, "-c", KILLED, path, str(at)], timeout=60)
    assert done.returncode in (0, -signal.SIGKILL)
    assert told(path) == before
    assert run("recover", path).exit_code == 0
    assert told(path) == before
    assert audit(path).integrity is Verdict.PASS
    assert sorted(os.listdir(tmp_path)) == ["log.arrows"]


def test_a_link_stays_a_link(tmp_path):
    """The log that a link names is recovered where it is, with the tails beside it."""
    path = logs.killed(tmp_path / "log.arrows")
    link = tmp_path / "elsewhere" / "link.arrows"
    link.parent.mkdir()
    link.symlink_to(path)
    assert run("recover", link).exit_code == 0
    assert link.is_symlink()
    assert audit(path).integrity is Verdict.PASS
    assert not tail_directory(path).exists()


def test_a_process_that_was_really_killed(tmp_path):
    """SIGKILL in the middle of a training loop, then recovery: nothing is lost."""
    path = tmp_path / "log.arrows"
    program = (
        "import sys; from tests.cli import logs; from pathlib import Path\n"
        "_, writer = logs.begun(Path(sys.argv[1]))\n"
        "print(flush=True)\n"
        "while True: writer.steps(10)\n"
    )
    process = subprocess.Popen([sys.executable, "-c", program, path], stdout=subprocess.PIPE)
    with process.stdout:
        process.stdout.readline()
    time.sleep(0.1)
    process.kill()
    process.wait()
    before = told(path)
    result, _ = run_json("recover", path)
    assert result["state"] == "running"
    assert told(path) == before
    assert json.loads(run("audit", path, "--json").stdout)["logs"][0]["integrity"] == "pass"
    assert recover(path).complete
