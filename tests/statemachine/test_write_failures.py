"""A full or failing disk: the error names path and cause, and what was recorded stays readable."""

import os
import subprocess
import sys
import tempfile
import textwrap
from pathlib import Path

import pytest

from statemachine import EventKind, EventLog, LogError, LogExists, LogWriteFailed, audit
from statemachine.audit import Verdict
from statemachine.compiled import Place
from statemachine.tail import SLOTS
from tests.statemachine.faults import EIO, ENOSPC, EROFS, FailingSystem
from tests.statemachine.histories import HOOKS, STEP_EVENTS, Writer, leaving, starting, step


class Session:
    """A session that keeps count of what it has recorded, until an error comes."""

    def __init__(self, path):
        self.log = EventLog(path)
        self.recorded = []
        self.notes = 0

    def run(self):
        self.journal = self.log.begin(HOOKS)
        self._record(starting())
        for _ in range(3):
            self._record(step(), SLOTS // STEP_EVENTS - 100)
            self.journal.add(EventKind.NOTE, {"text": "x" * 500})
            self.notes += 1
            self.journal.raised({"error": {"bases": []}})
            self.journal.seal()
        stopping = Place("stopping", 0, 1).code
        self.journal.record_with(stopping, {"by": "close"})
        self.recorded.append(stopping)
        self._record(leaving())

    def _record(self, places, times=1):
        codes = [place.code for place in places]
        for _ in range(times):
            for code in codes:
                self.journal.record(code)
                self.recorded.append(code)

    def check(self):
        """What was recorded can be read: nothing is lost, nothing is there that was not."""
        found = [e for block in self.log.read() for e in block.codes.tolist()]
        notes = found.count(EventKind.NOTE.number)
        assert self.notes <= notes <= self.notes + 1
        ordered = [code for code in found if code != EventKind.NOTE.number]
        assert ordered[: len(self.recorded)] == self.recorded
        assert len(ordered) <= len(self.recorded) + 1


@pytest.mark.parametrize("number", [ENOSPC, EIO], ids=["ENOSPC", "EIO"])
@pytest.mark.parametrize(
    ("name", "calls"),
    [("write", 18), ("fsync", 12), ("posix_fallocate", 1), ("mkdir", 1), ("open", 7), ("flock", 1)],
)
def test_each_call_may_fail(tmp_path, monkeypatch, name, calls, number):
    """Wherever it is: the session learns of it, and nothing that was recorded is lost."""
    for at in range(calls + 1):
        path = tmp_path / f"{at}.arrows"
        session = Session(path)
        failure = None
        with monkeypatch.context() as patch:
            system = FailingSystem(patch, name, at, number)
            try:
                session.run()
                session.journal.close()
            except LogWriteFailed as error:
                failure = error
                close_anyway(session)
            failed = system.failed
        assert (failure is not None) == (failed is not None), at
        if failure is not None:
            assert str(path) in str(failure)
            assert os.strerror(number) in str(failure)
            assert failure.errno == number
            assert failure.__cause__ is not None
        if path.exists():
            session.check()
            assert not session.log.running
            assert audit(path).integrity is not Verdict.FAIL or failed
    assert failure is None, "there were more calls than this test lets fail"


def close_anyway(session):
    """As the session does on its way out."""
    if hasattr(session, "journal"):
        with pytest.raises(LogError):
            session.journal.close()


@pytest.mark.parametrize("name", ["write", "fsync", "posix_fallocate", "mkdir", "open", "flock"])
def test_a_log_that_could_not_be_made_leaves_nothing(tmp_path, monkeypatch, name):
    """Neither file nor tail; and the next attempt works."""
    for at in range(7):
        with monkeypatch.context() as patch:
            system = FailingSystem(patch, name, at, ENOSPC)
            try:
                EventLog(tmp_path / "log.arrows").begin(HOOKS)
            except LogWriteFailed:
                assert list(tmp_path.iterdir()) == [], (name, at)
            if system.failed is None:
                break
    else:
        pytest.fail("each call that makes a log was to fail once")


def test_a_failed_log_can_be_told_from_a_running_one(tmp_path, monkeypatch):
    """The lock is let go, so readers see a log that was never closed."""
    log = EventLog(tmp_path / "log.arrows")
    writer = Writer(log.begin(HOOKS)).start().leave()
    with monkeypatch.context() as patch:
        FailingSystem(patch, "write", 0, ENOSPC)
        with pytest.raises(LogWriteFailed, match=r"can't write the event log at .*log\.arrows"):
            writer.journal.close()
    report = audit(log.path)
    assert not EventLog.open(log.path).running
    assert report.completeness is Verdict.FAIL
    assert report.state.state.value == "closed"


def test_a_failure_comes_out_of_the_next_seal(tmp_path, monkeypatch):
    """Not only of the next full block."""
    log = EventLog(tmp_path / "log.arrows")
    writer = Writer(log.begin(HOOKS)).start()
    with monkeypatch.context() as patch:
        FailingSystem(patch, "fsync", 0, EIO)
        writer.journal.seal()
        writer.journal._worker.stop()
        writer.steps(1)
        with pytest.raises(LogWriteFailed, match="can't sync the event log"):
            writer.journal.seal()
    session = Session(None)
    session.log, session.recorded = log, [p.code for p in [*starting(), *step()]]
    found = [code for block in log.read() for code in block.codes.tolist() if code & 0x40 == 0]
    assert found == session.recorded


def test_what_is_wrong_inside_is_told_as_a_failure_of_the_log(tmp_path, monkeypatch):
    """Whatever the thread that seals raises."""
    log = EventLog(tmp_path / "log.arrows")
    writer = Writer(log.begin(HOOKS)).start()
    monkeypatch.setattr(type(writer.journal.store), "append", lambda *_: 1 / 0)
    with pytest.raises(LogWriteFailed, match=r"can't seal a block .*log\.arrows: ZeroDivision"):
        writer.leave().journal.close()


# Where no log can be


def test_a_log_is_never_overwritten(tmp_path):
    """A second writer is told what to do instead, and changes nothing."""
    path = tmp_path / "log.arrows"
    writer = Writer(EventLog(path).begin(HOOKS)).start()
    before = path.read_bytes()
    with pytest.raises(LogExists, match=r"log\.arrows exists; .*never overwritten: name another"):
        EventLog(path).begin(HOOKS)
    assert path.read_bytes() == before
    writer.steps(3).close()
    with pytest.raises(LogExists):
        EventLog(path).begin(HOOKS)
    assert audit(path).passed


def test_the_tail_of_an_older_log_is_not_overwritten(tmp_path):
    """Somebody moved the file of a killed log away; the tail has the only copy of its events."""
    path = tmp_path / "log.arrows"
    writer = Writer(EventLog(path).begin(HOOKS)).start()
    writer.journal.store.release()
    path.rename(tmp_path / "moved.arrows")
    with pytest.raises(LogExists, match=r"log\.arrows\.tail exists"):
        EventLog(path).begin(HOOKS)
    assert not path.exists()
    (tmp_path / "log.arrows.tail").rename(tmp_path / "moved.arrows.tail")
    assert audit(tmp_path / "moved.arrows").state.state.value == "running"


def test_a_directory_that_is_not_there_is_named(tmp_path):
    """It is not made."""
    with pytest.raises(
        LogWriteFailed, match=r"can't create .*none/log.arrows: No such file or dir"
    ):
        EventLog(tmp_path / "none" / "log.arrows").begin(HOOKS)
    assert list(tmp_path.iterdir()) == []


def test_a_file_in_place_of_a_directory_is_named(tmp_path):
    """The cause is the system's."""
    (tmp_path / "file").write_text("")
    with pytest.raises(LogWriteFailed, match=r"file/log.arrows: Not a directory"):
        EventLog(tmp_path / "file" / "log.arrows").begin(HOOKS)


def test_a_read_only_directory_is_named(tmp_path, monkeypatch):
    """As on a read-only mount."""
    FailingSystem(monkeypatch, "open", 0, EROFS)
    with pytest.raises(LogWriteFailed, match=r"log.arrows: Read-only file system"):
        EventLog(tmp_path / "log.arrows").begin(HOOKS)


PERMISSIONS = """
    import os, sys
    from statemachine import EventLog, LogWriteFailed
    warm = EventLog()
    warm.begin([]).record(1)
    warm.to_arrow()  # whoever is not root may not be able to import anything
    if os.getuid() == 0:
        os.setuid(65534)
    try:
        EventLog("locked/log.arrows").begin([])
    except LogWriteFailed as error:
        print(error)
    try:
        EventLog.open("secret.arrows")
    except PermissionError as error:
        print(error)
"""


def test_a_directory_or_file_without_permission_is_named():
    """For writing, and for reading; asked as somebody who is not root."""
    with tempfile.TemporaryDirectory() as directory:
        place = Path(directory)
        place.chmod(0o755)
        (place / "locked").mkdir(mode=0o555)
        Writer(EventLog(place / "secret.arrows").begin(HOOKS)).start().close()
        (place / "secret.arrows").chmod(0)
        program = f"import os; os.chdir({directory!r})\n{textwrap.dedent(PERMISSIONS)}"
        ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert ran.stderr == ""
    first, second = ran.stdout.splitlines()
    assert "locked/log.arrows: Permission denied" in first
    assert second == "[Errno 13] Permission denied: 'secret.arrows'"


def test_a_directory_gets_a_new_file_each_time(tmp_path):
    """Named after time and process, and unlike any other."""
    paths = set()
    for _ in range(3):
        log = EventLog(tmp_path)
        Writer(log.begin(HOOKS)).start().close()
        paths.add(log.path)
    assert len(paths) == 3
    assert set(tmp_path.iterdir()) == paths
    assert all(path.name.startswith("session-") for path in paths)
    assert all(f"-{os.getpid()}-" in path.name for path in paths)
