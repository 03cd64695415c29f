"""What becomes of the training when its log can't be written: ``on_log_error``."""

import errno
import logging
import os
import shutil

import pytest

from statemachine import (
    EventKind,
    EventLog,
    LogExists,
    LogWriteFailed,
    Verdict,
    audit,
    replay,
)
from statemachine.cli.recovery import recover
from statemachine.compiled import Place
from statemachine.tail import MAX_RECORD
from tests.statemachine.faults import EIO, ENOSPC, FailingSystem
from tests.statemachine.histories import HOOKS, START_EVENTS, STEP_EVENTS, Writer, settle
from tests.statemachine.tails import resize

SLOTS = 2044
BLOCK = SLOTS // STEP_EVENTS
"""Steps that fill a block."""
KINDS = [
    errno.ENOSPC,
    errno.EDQUOT,
    errno.EIO,
    errno.EROFS,
    errno.ENOTCONN,
    errno.ESTALE,
    errno.EFBIG,
]


@pytest.fixture(autouse=True)
def _small_tails(monkeypatch):
    resize(monkeypatch, SLOTS)


@pytest.fixture
def log(tmp_path):
    return EventLog(tmp_path / "log.arrows", on_log_error="warn")


def warnings(caplog):
    return [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]


def lost_in(log):
    return [event for event in log if event.kind is EventKind.EVENTS_LOST]


def check_numbers(log):
    """No number is missing but those of which the log says so, and none is there twice."""
    expected = 0
    for event in log:
        if event.kind is EventKind.EVENTS_LOST:
            assert event.detail["first"] == expected
            expected = event.detail["last"] + 1
        assert event.sequence == expected
        expected += 1
    return expected


@pytest.mark.parametrize(
    ("name", "number"),
    [("fsync", EIO), *(("write", number) for number in KINDS)],
    ids=["sync-EIO", *(f"write-{errno.errorcode[number]}" for number in KINDS)],
)
def test_what_was_lost_becomes_part_of_the_log(log, monkeypatch, caplog, name, number):
    """Which events, how many steps, and why; what comes before and after is all there."""
    writer = Writer(log.begin(HOOKS)).start().steps(10)
    with monkeypatch.context() as patch:
        FailingSystem(patch, name, 0, number)
        writer.steps(4 * BLOCK)
        log.note("while nothing can be sealed")
    writer.steps(2 * BLOCK).close()

    (event,) = lost_in(log)
    assert event.detail["reason"] == os.strerror(number)
    everything = START_EVENTS + 1 + (6 * BLOCK + 10) * STEP_EVENTS + 1 + len(HOOKS) + 4
    note = [e for e in log if e.kind is EventKind.NOTE]
    assert check_numbers(log) == everything + 1
    assert len(note) <= 1
    state = replay(log)
    assert state.state.value == "closed"
    assert state.steps_done < 6 * BLOCK + 10
    report = audit(log)
    assert report.integrity is report.conformance is Verdict.PASS, report
    assert report.completeness is Verdict.FAIL
    first, last = event.detail["first"], event.detail["last"]
    because = f"events {first}..{last} were lost because: {os.strerror(number)}"
    assert [f.seen for f in report.findings] == [because]
    (warning,) = warnings(caplog)
    assert str(log.path) in warning
    assert os.strerror(number) in warning
    assert "The training goes on" in warning
    assert "would go on" not in warning


def test_the_number_of_the_step_counts_those_that_were_lost(log, monkeypatch):
    """So that a step in the log is the step that the training made."""
    writer = Writer(log.begin(HOOKS)).start()
    with monkeypatch.context() as patch:
        FailingSystem(patch, "write", 0, ENOSPC)
        writer.steps(4 * BLOCK)
    writer.steps(7).close()
    assert max(event.step or 0 for event in log) == 4 * BLOCK + 7


def test_nothing_is_lost_while_two_blocks_hold_it(log, monkeypatch, caplog):
    """A short trouble costs nothing but a warning."""
    writer = Writer(log.begin(HOOKS)).start()
    with monkeypatch.context() as patch:
        FailingSystem(patch, "fsync", 0, EIO)
        writer.journal.seal()
        settle(writer)
        writer.steps(10).journal.seal()
        settle(writer)
    writer.steps(1).close()
    assert audit(log).passed, audit(log)
    assert replay(log).steps_done == 11
    assert len(warnings(caplog)) == 1


def test_each_kind_of_trouble_is_warned_of_once(log, monkeypatch, caplog):
    """Not once for each step, block or attempt."""
    writer = Writer(log.begin(HOOKS)).start()
    for number in [ENOSPC, EIO, ENOSPC, EIO]:
        with monkeypatch.context() as patch:
            FailingSystem(patch, "write", 0, number)
            writer.steps(3 * BLOCK)
            for _ in range(10):
                writer.journal.seal()
                log.note("x")
        writer.steps(3 * BLOCK)
    writer.close()
    found = warnings(caplog)
    assert len(found) == 2
    assert "No space left" in found[0]
    assert "make room on the disk" in found[0]
    assert "Input/output error" in found[1]


def test_memory_stays_bounded(log, monkeypatch):
    """Whatever is noted while neither file nor tail can be written."""
    writer = Writer(log.begin(HOOKS)).start()
    held = []
    with monkeypatch.context() as patch:
        FailingSystem(patch, "write", 0, ENOSPC)
        writer.journal.seal()
        settle(writer)  # until then nobody knows that the file can't be written
        for _ in range(200):
            log.note("x" * 60_000)
            held.append(writer.journal.recorder.position()[0].size)
    writer.steps(1).close()
    assert max(held) < (4 << 20) + MAX_RECORD
    (event,) = lost_in(log)
    check_numbers(log)
    assert event.detail["last"] > event.detail["first"]


def test_details_that_the_tail_has_no_room_for_are_sealed_with_their_block(log, monkeypatch):
    """The disk of the tail is full, that of the log isn't."""
    writer = Writer(log.begin(HOOKS)).start()
    full = EventLog.note
    with monkeypatch.context() as patch:
        system = FailingSystem(patch, "write", 0, ENOSPC)
        full(log, "there is no room for this")
        writer.fail_step(message="nor for this")
        assert system.failed
    writer.steps(1).close()
    assert [e.detail["text"] for e in log if e.kind is EventKind.NOTE] == [
        "there is no room for this"
    ]
    (raised,) = (event for event in log if event.kind is EventKind.RAISED)
    assert raised.detail["error"]["message"] == "nor for this"
    assert audit(log).passed


def test_details_that_died_with_the_process_are_told_as_lost(log, monkeypatch, tmp_path):
    """They were in memory only; the tail says how many."""
    writer = Writer(log.begin(HOOKS)).start()
    with monkeypatch.context() as patch:
        FailingSystem(patch, "write", 0, ENOSPC)
        log.note("there is no room for this")
        writer.fail_step()
    writer.journal.store.release()
    for _ in range(2):
        report = audit(log.path)
        assert report.conformance is Verdict.PASS
        assert report.completeness is Verdict.FAIL
        because = "2 notes or details of events were lost because: No space left on device"
        assert because in str(report)
        recover(log.path)


def test_a_log_that_can_not_be_written_at_the_end_is_left_to_recovery(log, monkeypatch, caplog):
    """What its tail holds is not lost; close raises nothing."""
    writer = Writer(log.begin(HOOKS)).start().steps(5)
    with monkeypatch.context() as patch:
        FailingSystem(patch, "write", 0, ENOSPC)
        writer.journal.seal()
        settle(writer)
        writer.steps(2)
        for place in (Place("stopping", 0, 1), Place("ending", 0), Place("ending", 1)):
            writer.journal.record(place.code)
        for point in ("joining", "closing", "closed"):
            writer.journal.record(Place(point).code)
        writer.journal.close()
    assert not log.running
    assert audit(log.path).completeness is Verdict.FAIL
    assert "monitored-session recover" in warnings(caplog)[-1]
    recover(log.path)
    report = audit(log.path)
    assert report.integrity is report.completeness is Verdict.PASS, report
    assert report.state.steps_done == 7


def test_a_log_with_losses_is_recovered_with_them(log, monkeypatch):
    """Its process was killed while it could not be written."""
    writer = Writer(log.begin(HOOKS)).start()
    with monkeypatch.context() as patch:
        FailingSystem(patch, "write", 0, ENOSPC)
        writer.steps(5 * BLOCK)
    writer.journal.store.release()
    before = audit(log.path)
    assert len(lost_in(log)) == 1
    recover(log.path)
    after = audit(log.path)
    assert after.integrity is after.conformance is Verdict.PASS, after
    lost = [f.seen for f in after.findings if f.rule == "nothing-lost"]
    assert lost == [f.seen for f in before.findings if f.rule == "nothing-lost"]
    assert len(lost) == 1
    check_numbers(EventLog.open(log.path))


# The file is gone


GONE = {
    "removed": lambda path: path.unlink(),
    "replaced": lambda path: shutil.copy(path, path.with_suffix(".copy")).replace(path),
    "moved": lambda path: path.rename(path.with_suffix(".moved")),
}


@pytest.mark.parametrize("how", GONE)
def test_a_file_that_is_gone_stops_the_training(tmp_path, how):
    """What is written to it would be found by nobody."""
    log = EventLog(tmp_path / "log.arrows")
    writer = Writer(log.begin(HOOKS)).start()
    GONE[how](log.path)
    with pytest.raises(LogWriteFailed, match=r"log\.arrows: it was removed or replaced while") as e:
        writer.steps(3 * BLOCK)
    assert e.value.errno == errno.ESTALE
    assert "its file system mounted" in str(e.value)
    with pytest.raises(LogWriteFailed):
        writer.journal.close()


def test_a_file_that_comes_back_goes_on(log, caplog):
    """As a file system that was mounted again."""
    writer = Writer(log.begin(HOOKS)).start()
    GONE["moved"](log.path)
    writer.steps(4 * BLOCK)
    log.path.with_suffix(".moved").rename(log.path)
    writer.steps(2 * BLOCK).close()
    assert len(lost_in(log)) == 1
    check_numbers(log)
    assert len(warnings(caplog)) == 1
    report = audit(log)
    assert (report.integrity, report.conformance) == (Verdict.PASS, Verdict.PASS)


# A sync that failed


@pytest.mark.parametrize("on_log_error", ["raise", "warn"])
def test_a_block_stays_in_its_tail_until_it_is_synced(tmp_path, monkeypatch, on_log_error):
    """After a sync that failed nobody knows what is on the disk."""
    log = EventLog(tmp_path / "log.arrows", on_log_error=on_log_error)
    writer = Writer(log.begin(HOOKS)).start()
    whole = len(log)
    with monkeypatch.context() as patch:
        system = FailingSystem(patch, "fsync", 0, EIO)
        before = log.path.stat().st_size
        writer.journal.seal()
        writer.journal._worker.stop()
        assert system.failed
    os.truncate(log.path, before)  # the disk has dropped what was not synced
    assert len(EventLog.open(log.path)) == whole
    writer.journal.store.release()


def test_a_block_is_appended_again_after_a_sync_that_failed(log, monkeypatch):
    """For a second sync would tell nothing of what the first one could not write."""
    writer = Writer(log.begin(HOOKS)).start()
    with monkeypatch.context() as patch:
        FailingSystem(patch, "fsync", 0, EIO)
        writer.journal.seal()
        settle(writer)
    size = log.path.stat().st_size
    log.path.write_bytes(log.path.read_bytes()[:-100] + bytes(100))  # pages that were dropped
    writer.steps(1).journal.seal()
    settle(writer)
    assert log.path.stat().st_size >= size
    writer.close()
    assert audit(log).passed, audit(log)


# At the opening


@pytest.mark.parametrize("name", ["mkdir", "posix_fallocate", "write", "fsync"])
def test_a_log_that_can_not_be_made_is_kept_in_memory(tmp_path, monkeypatch, caplog, name):
    """If the training is to go on; nothing is left behind."""
    log = EventLog(tmp_path / "log.arrows", on_log_error="warn")
    with monkeypatch.context() as patch:
        FailingSystem(patch, name, 0, ENOSPC)
        journal = log.begin(HOOKS)
    Writer(journal).start().steps(1).close()
    assert (log.location, log.path) == ("memory", None)
    assert replay(log).steps_done == 1
    assert list(tmp_path.iterdir()) == []
    (warning,) = warnings(caplog)
    assert "log.arrows" in warning
    assert "kept in memory" in warning


def test_a_log_that_exists_is_refused_in_any_case(tmp_path):
    """That is no trouble of the disk: two sessions were given one name."""
    (tmp_path / "log.arrows").write_bytes(b"")
    with pytest.raises(LogExists):
        EventLog(tmp_path / "log.arrows", on_log_error="warn").begin(HOOKS)


@pytest.mark.parametrize("value", ["ignore", None, True])
def test_another_setting_is_refused(value):
    """With those that there are."""
    with pytest.raises(ValueError, match=f"'raise' or 'warn', not {value!r}"):
        EventLog(on_log_error=value)


def test_a_detail_that_is_wrong_is_refused_in_any_case(log):
    """It is the caller's mistake."""
    writer = Writer(log.begin(HOOKS)).start()
    with pytest.raises(TypeError, match="must be text"):
        log.note("x", value=object())
    writer.close()
