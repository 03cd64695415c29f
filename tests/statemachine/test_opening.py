"""Opening a log: closed, running, killed; and everything that is no log."""

import itertools
import json
import os
import subprocess
import sys
import textwrap

import numpy as np
import pyarrow as pa
import pytest

from statemachine import EventLog, UnreadableLog, Verdict, audit, replay
from tests.statemachine.forging import large_log, messages, small_log
from tests.statemachine.histories import HOOKS, START_EVENTS, STEP_EVENTS, Writer


def arrow_file(path):
    with pa.ipc.new_file(path, pa.schema([("a", pa.int64())])) as writer:
        writer.write_batch(pa.record_batch({"a": [1, 2]}))


def arrow_stream(path):
    with pa.ipc.new_stream(path, pa.schema([("a", pa.int64())])) as writer:
        writer.write_batch(pa.record_batch({"a": [1, 2]}))


NO_LOGS = {
    "empty": lambda path: path.write_bytes(b""),
    "text": lambda path: path.write_text("training log\n" * 100),
    "json lines": lambda path: path.write_text(json.dumps({"event": 1}) + "\n"),
    "png": lambda path: path.write_bytes(b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR" + bytes(100)),
    "zeros": lambda path: path.write_bytes(bytes(10_000)),
    "ones": lambda path: path.write_bytes(b"\xff" * 10_000),
    "array": lambda path: np.save(path.open("wb"), np.zeros(100)),
    "arrow file": arrow_file,
    "arrow stream": arrow_stream,
    "end of a stream": lambda path: path.write_bytes(b"\xff\xff\xff\xff\x00\x00\x00\x00"),
    "one byte": lambda path: path.write_bytes(b"\xff"),
}


@pytest.mark.filterwarnings("ignore::ResourceWarning")
@pytest.mark.parametrize("kind", NO_LOGS)
def test_what_is_no_log_is_refused_by_name(tmp_path, kind):
    """By every reader, with the path and the reason in one sentence."""
    path = tmp_path / "file.arrows"
    NO_LOGS[kind](path)
    for reader in (EventLog.open, audit):
        with pytest.raises(UnreadableLog, match=r"file\.arrows.* is (not an event log|empty)"):
            reader(path)


def test_a_file_that_is_not_there_is_named(tmp_path):
    """As every file that is not there."""
    for reader in (EventLog.open, audit):
        with pytest.raises(FileNotFoundError, match=r"none\.arrows"):
            reader(tmp_path / "none.arrows")


def test_a_directory_is_no_log(tmp_path):
    """But there may be some in it."""
    for reader in (EventLog.open, audit):
        with pytest.raises(UnreadableLog, match="it is a directory: name one of the logs in it"):
            reader(tmp_path)


def test_a_pipe_is_no_log(tmp_path):
    """To open it would wait for a writer."""
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(UnreadableLog, match="no regular file"):
        EventLog.open(tmp_path / "pipe")


def test_a_closed_log_can_be_read_again_and_again(tmp_path):
    """Each pass sees the same events as the writer."""
    log = EventLog(tmp_path)
    Writer(log.begin(HOOKS)).start().steps(3).close()
    opened = EventLog.open(str(log.path))
    assert list(opened) == list(opened) == list(log)
    assert (opened.header, opened.hooks, opened.path) == (log.header, HOOKS, log.path)
    assert not opened.running
    assert opened
    assert repr(opened) == f"<EventLog {log.path}>"


@pytest.mark.parametrize("every", [5, pytest.param(1, marks=pytest.mark.deep)])
def test_a_log_that_is_cut_at_any_byte_gives_what_comes_before(tmp_path, every):
    """Whole blocks; the audit says that it is incomplete. Cut within its header it is damaged."""
    path = tmp_path / "log.arrows"
    data = small_log(path)
    whole = list(EventLog.open(path))
    borders = list(itertools.accumulate(len(message) for message in messages(path)))
    events = [0, next(iter(EventLog.open(path).read())).sequence_after, len(whole)]
    near = {border + by for border in borders for by in (-1, 0, 1, 7, 8, 9)}
    cuts = near.union(range(1, len(data), every))
    for cut in sorted(cut for cut in cuts if cut < len(data)):
        path.write_bytes(data[:cut])
        if cut < borders[0]:
            assert_unreadable(path, cut)
            continue
        report = audit(path)
        count = events[sum(cut >= border for border in borders) - 1]
        assert report.state.events == count, cut
        assert report.completeness is Verdict.FAIL, cut
        assert report.conformance is Verdict.PASS, cut
        if cut in near:
            assert list(EventLog.open(path)) == whole[:count], cut


def assert_unreadable(path, cut):
    try:
        report = audit(path)
    except UnreadableLog as error:
        assert "log.arrows" in str(error)
    else:
        assert report.integrity is Verdict.FAIL, cut
    with pytest.raises(UnreadableLog):
        EventLog.open(path)


# While it is written, by another process

WRITER = """
    import sys, threading, time
    from statemachine import EventLog
    from tests.statemachine.histories import HOOKS, Writer
    log = EventLog(sys.argv[1])
    writer = Writer(log.begin(HOOKS)).start()
    print("running", flush=True)
    wanted = threading.Event()
    threading.Thread(target=lambda: (sys.stdin.read(), wanted.set()), daemon=True).start()
    number = 0
    while not wanted.is_set() or number < 100:
        writer.steps(300)
        time.sleep(0.01)
        log.note("progress", n=number)
        number += 1
        if number % 5 == 0:
            writer.journal.seal()
    writer.close()
    print(len(log), flush=True)
"""


@pytest.fixture
def writer(tmp_path):
    command = [sys.executable, "-c", textwrap.dedent(WRITER), str(tmp_path / "log.arrows")]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout.readline() == "running\n"
        yield process
        process.kill()


def test_a_running_log_can_be_read_by_another_process(tmp_path, writer):
    """Again and again while blocks are swapped and sealed: always a legal beginning of it."""
    log = EventLog.open(tmp_path / "log.arrows")
    counts = []
    for _ in range(15):
        report = audit(log)
        assert report.conformance is Verdict.PASS, report
        assert report.integrity is not Verdict.FAIL, report
        assert report.completeness is Verdict.FAIL
        (finding,) = (f for f in report.findings if f.about == "completeness")
        assert "the session is still running; its latest call is" in finding.seen
        notes = noted(log)
        assert notes == list(range(len(notes)))
        counts.append(report.state.events)
    assert log.running
    assert counts == sorted(counts)
    assert counts[-1] > counts[0]
    told, _ = writer.communicate("")
    assert len(log) == int(told)
    assert audit(log).completeness is Verdict.PASS
    assert not log.running


def noted(log):
    details = (text for block in log.read() for text in block.details.values())
    return [json.loads(text)["detail"]["n"] for text in details if '"progress"' in text]


def test_a_killed_log_is_told_from_a_running_one(tmp_path, writer):
    """And can be read to its last event."""
    log = EventLog.open(tmp_path / "log.arrows")
    assert log.running
    writer.kill()
    writer.wait()
    assert not log.running
    report = audit(log)
    (finding,) = (f for f in report.findings if f.about == "completeness")
    assert "the session was never closed: it died in" in finding.seen
    assert report.conformance is Verdict.PASS
    assert report.integrity is Verdict.NOT_CHECKED


# Tails beside a log


def test_a_tail_beside_a_closed_log_is_not_read(tmp_path):
    """The process died when it was removing it; or somebody put it there."""
    log = EventLog(tmp_path / "log.arrows")
    writer = Writer(log.begin(HOOKS)).start().steps(3)
    kept = {f.name: f.read_bytes() for f in (tmp_path / "log.arrows.tail").iterdir()}
    writer.close()
    (tmp_path / "log.arrows.tail").mkdir()
    for name, data in kept.items():
        (tmp_path / "log.arrows.tail" / name).write_bytes(data.replace(b"\1\n\0", b"\1\n\1", 1))
    report = audit(log.path)
    assert report.passed
    assert report.integrity is Verdict.PASS
    assert len(EventLog.open(log.path)) == START_EVENTS + 1 + 3 * STEP_EVENTS + 6


def test_a_killed_log_without_its_tail_gives_what_was_sealed(tmp_path):
    """Somebody copied only the file."""
    path = tmp_path / "log.arrows"
    large_log(path)
    path.write_bytes(b"".join(messages(path)[:3]))
    report = audit(path)
    assert report.integrity is Verdict.PASS
    assert report.completeness is Verdict.FAIL
    assert report.state.events == replay(EventLog.open(path)).events > 30_000


@pytest.mark.parametrize("name", ["slots", "side-0"])
@pytest.mark.parametrize(
    "data", [b"", b"x" * 100, b"\xff" * 600_000, None], ids=["empty", "short", "long", "missing"]
)
def test_a_damaged_tail_hides_nothing_that_was_sealed(tmp_path, name, data):
    """Whatever its files hold, and where they are missing."""
    log = EventLog(tmp_path / "log.arrows")
    writer = Writer(log.begin(HOOKS)).start()
    writer.journal.seal()
    writer.journal._worker.stop()
    writer.steps(1)
    writer.journal.store.release()
    file = tmp_path / "log.arrows.tail" / name
    file.unlink()
    if data is not None:
        file.write_bytes(data)
    report = audit(tmp_path / "log.arrows")
    assert report.state.events >= START_EVENTS + 1
    assert report.integrity is not Verdict.FAIL
    assert report.conformance is Verdict.PASS
