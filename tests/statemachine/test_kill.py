"""kill -9 at any moment: every event that was written is there, and the last call is named."""

import os
import random
import signal
import subprocess
import sys
import time

import pytest

from statemachine import EventKind, EventLog, State, UnreadableLog, Verdict, audit, replay
from statemachine.cli.recovery import recover
from statemachine.compiled import Place
from statemachine.events import SECOND_LANE
from statemachine.tail import SLOTS
from tests.statemachine.histories import HOOKS, START_EVENTS, STEP_EVENTS, Writer, starting, step
from tests.statemachine.nursery import FAILING, THREADS, counts

CYCLE = [place.code for place in step()]
FAILED = [Place("step").code, Place("step!").code]


@pytest.fixture(scope="module")
def nursery():
    command = [sys.executable, "-m", "tests.statemachine.nursery"]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        yield process
        process.stdin.close()


def kill_writer_after(nursery, path, events, seconds):
    """Have a log written, and its writer killed so long after so many ordered events."""
    written = counts(path)
    nursery.stdin.write(f"{path}\n")
    nursery.stdin.flush()
    child = int(nursery.stdout.readline())
    while written[0] < events:
        time.sleep(0.0002)
    time.sleep(seconds)
    os.kill(child, signal.SIGKILL)
    assert nursery.stdout.readline() == ".\n"


def history(count):
    """The first so many ordered events that a child writes."""
    codes = [place.code for place in starting()]
    while len(codes) < count:
        codes += CYCLE * FAILING + FAILED
    return codes[:count]


@pytest.mark.parametrize("kills", [25, pytest.param(250, marks=pytest.mark.deep)])
def test_no_event_that_was_written_is_lost(tmp_path, nursery, kills):
    """In neither lane, whatever the process was doing when it died."""
    moments = random.Random(kills)
    blocks = 0
    for number in range(kills):
        path = tmp_path / f"{number}.arrows"
        events = moments.choice([0, 1, 100, FAILING * STEP_EVENTS, 3 * SLOTS]) * moments.random()
        kill_writer_after(nursery, path, events, moments.choice([0, 0.005]) * moments.random())
        blocks += check_killed(path)
    assert blocks > kills // 2  # or hardly anything was sealed and swapped


def check_killed(path):
    """Compare a log with what its writer had counted; gives the number of its blocks."""
    written = counts(path)
    try:
        log = EventLog.open(path)
    except (FileNotFoundError, UnreadableLog):
        assert written[0] == 0  # it died before there was a log
        return 0
    blocks = list(log.read())
    codes = [code for block in blocks for code in block.codes.tolist()]
    ordered = [code for code in codes if not code & SECOND_LANE]
    assert written[0] <= len(ordered) <= written[0] + 1
    assert ordered == history(len(ordered))
    notes = [e.detail for block in blocks for e in notes_of(block)]
    for thread in range(THREADS):
        numbers = [d["detail"]["n"] for d in notes if d["text"] == f"thread {thread}"]
        assert written[1 + thread] <= len(numbers) <= written[1 + thread] + 1
        assert numbers == list(range(len(numbers)))
    check_verdicts(log, ordered)
    return len(blocks)


def notes_of(block):
    wanted = (block.codes == EventKind.NOTE.number).nonzero()[0]
    return block.events(0, False, wanted)


def check_verdicts(log, ordered):
    report = audit(log)
    assert report.conformance is Verdict.PASS, report
    assert report.completeness is Verdict.FAIL
    assert report.integrity is not Verdict.FAIL, report
    assert not log.running
    assert report.state == replay(log)
    if ordered:
        assert report.state.stopped_in is not None
        assert sum(code == FAILED[1] for code in ordered) == report.state.steps_failed


@pytest.mark.parametrize("kills", [8, pytest.param(200, marks=pytest.mark.deep)])
def test_death_while_a_log_is_begun_closed_or_recovered_leaves_it_whole(tmp_path, nursery, kills):
    """It is not there, or can be read and recovered; those before it are complete.

    A busy machine may let it die at the same place often, so it dies until two places were met.
    """
    moments, states, number = random.Random(kills), set(), 0
    while number < kills or (len(states) < 2 and number < 20 * kills):
        number += 1
        directory = tmp_path / f"{number}"
        directory.mkdir()
        nursery.stdin.write(f"{directory}\n")
        nursery.stdin.flush()
        child = int(nursery.stdout.readline())
        time.sleep(0.06 * moments.random())
        os.kill(child, signal.SIGKILL)
        assert nursery.stdout.readline() == ".\n"
        logs = sorted(directory.glob("*.arrows"), key=lambda path: int(path.stem))
        for path in logs[:-1]:
            assert audit(path).integrity is Verdict.PASS
            assert not path.with_name(f"{path.name}.tail").exists()
        states |= {check_short(path) for path in logs[-1:]}
    assert len(states) > 1


def check_short(path):
    """What a log's writer had come to, when it died while beginning, closing or recovering it."""
    found = sorted(
        other.name.removeprefix(path.name) for other in path.parent.glob(f"{path.name}*")
    )
    try:
        events = list(EventLog.open(path))
    except UnreadableLog:
        assert path.stat().st_size < 4096  # it died before there was a log
        return tuple(found)
    report = audit(path)
    assert report.conformance is Verdict.PASS, report
    assert report.integrity is not Verdict.FAIL, report
    recover(path)
    assert list(EventLog.open(path))[: len(events)] == events
    assert audit(path).integrity is Verdict.PASS
    assert [other for other in path.parent.glob(f"{path.name}*") if other != path] == []
    return (*found, report.state.state, report.completeness)


# The call in which it died


def died_after(tmp_path, act):
    """The state of a log whose process died right after `act`."""
    path = tmp_path / "log.arrows"
    child = os.fork()
    if not child:
        try:
            act(Writer(EventLog(path).begin(HOOKS)))
        finally:
            os.kill(os.getpid(), signal.SIGKILL)
    assert os.waitpid(child, 0)[1] == signal.SIGKILL
    return replay(EventLog.open(path))


def in_step(*places):
    def act(writer):
        writer.start().steps(2)
        for place in places:
            writer.journal.record(place.code)

    return act


STEP, GATHER = Place("step"), [Place("gathering", 0), Place("gathering", 1)]


@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
@pytest.mark.parametrize(
    ("act", "words"),
    [
        (lambda writer: None, "nothing: no event was written"),
        (
            lambda w: w.journal.record(Place("created").code),
            "state.created",
        ),
        (in_step(), "the caller's code, after step.end, step 2"),
        (in_step(STEP), "step.begin, step 3"),
        (in_step(STEP, GATHER[0]), "hook.before_run of hook 0 (StepCounter), step 3"),
        (in_step(STEP, *GATHER), "hook.before_run of hook 1 (Saver), step 3"),
        (in_step(STEP, *GATHER, Place("computing")), "session.run, step 3"),
        (in_step(STEP, Place("step!")), "the caller's code, after raised, step 3"),
        (lambda writer: writer.start().leave(), None),
    ],
)
def test_the_call_in_which_it_died_is_named(tmp_path, act, words):
    """With hook and step, or what was the last call before the caller's own code."""
    state = died_after(tmp_path, act)
    assert state.stopped_in == words
    assert (state.state is State.CLOSED) == (words is None)


def test_a_half_written_event_is_none(tmp_path):
    """The process died between its time and its code."""
    path = tmp_path / "log.arrows"
    writer = Writer(EventLog(path).begin(HOOKS)).start()
    tail, slot, _ = writer.journal.recorder.position()
    tail.times[slot] = time.monotonic()
    writer.journal.store.release()
    assert len(EventLog.open(path)) == START_EVENTS + 1
    assert audit(path).conformance is Verdict.PASS


def test_a_block_that_was_appended_but_not_taken_from_its_tail_is_there_once(tmp_path, monkeypatch):
    """The process died between the two."""
    path = tmp_path / "log.arrows"
    writer = Writer(EventLog(path).begin(HOOKS)).start()
    monkeypatch.setattr(type(writer.journal._tails[0]), "clear", lambda _: 1 / 0)
    writer.journal.seal()
    writer.journal._worker.stop()
    assert len(EventLog.open(path)) == START_EVENTS + 1


@pytest.mark.parametrize("written", [1, 8, 9, 300, -1])
def test_a_block_that_was_half_appended_is_read_from_its_tail(tmp_path, written):
    """The process died in the middle of the write, or the disk was full."""
    path = tmp_path / "log.arrows"
    writer = Writer(EventLog(path).begin(HOOKS)).start()
    append = writer.journal.store.append

    def half(message, digest):
        append(message[:written], digest)
        raise OSError

    writer.journal.store.append = half
    writer.journal.seal()
    writer.journal._worker.stop()
    writer.steps(1)
    writer.journal.store.release()
    report = audit(path)
    assert report.state.steps_done == 1
    assert report.conformance is Verdict.PASS
    assert report.integrity is Verdict.NOT_CHECKED
    assert "is cut off" not in str(report)
