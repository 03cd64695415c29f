"""A forked child must not write its parent's log, nor let go of it for the parent."""

import os
import traceback

import pytest

from statemachine import EventLog, LogNotWritable, Verdict, audit
from statemachine.compiled import Place
from statemachine.tail import SLOTS
from tests.statemachine.histories import HOOKS, START_EVENTS, STEP_EVENTS, Writer

pytestmark = pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")


def in_child(call):
    """What a call raises or gives in a forked child, as text."""
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        try:
            told = repr(call())
        except BaseException as error:
            told = f"{type(error).__name__}: {error}"
        finally:
            os.write(writing, (told or traceback.format_exc()).encode())
            os._exit(0)
    os.close(writing)
    with open(reading, "rb") as pipe:
        told = pipe.read().decode()
    assert os.waitpid(child, 0)[1] == 0
    return child, told


@pytest.fixture(params=["memory", "file"])
def writer(request, tmp_path):
    log = EventLog(None if request.param == "memory" else tmp_path / "log.arrows")
    writer = Writer(log.begin(HOOKS)).start()
    writer.log = log
    return writer


def attempts(writer):
    journal = writer.journal
    return {
        "record": lambda: journal.record(Place("step").code),
        "record_with": lambda: journal.record_with(Place("step").code, {"a": 1}),
        "add": lambda: writer.log.note("from the child"),
        "close": journal.close,
        "illegal": lambda: journal.record(Place("created").code),
    }


@pytest.mark.parametrize("how", ["record", "record_with", "add", "close", "illegal"])
def test_a_child_is_refused_and_told_which_process_may_write(writer, how):
    """The parent's log is as it was, and goes on."""
    child, told = in_child(attempts(writer)[how])
    assert told == (
        f"LogNotWritable: this event log belongs to process {os.getpid()}, of which this process "
        f"{child} is a fork: only the process that made a session can drive it"
    )
    assert len(writer.log) == START_EVENTS + 1
    writer.steps(SLOTS // STEP_EVENTS + 1).close()
    report = audit(writer.log)
    assert (report.completeness, report.conformance) == (Verdict.PASS, Verdict.PASS)
    assert report.state.steps_done == SLOTS // STEP_EVENTS + 1


def test_a_child_seals_nothing(writer):
    """A session that is told of an error in the child tries to."""
    assert in_child(writer.journal.seal)[1] == "None"
    assert len(writer.log) == START_EVENTS + 1
    writer.close()


def test_a_child_can_read(writer):
    """What was written until the fork, and from a file also what came later."""
    assert in_child(lambda: len(writer.log))[1] == str(START_EVENTS + 1)


def test_the_log_runs_as_long_as_the_parent_does_though_a_child_was_there(tmp_path):
    """The child's end is not the end of the lock."""
    log = EventLog(tmp_path)
    writer = Writer(log.begin(HOOKS)).start()
    opened = EventLog.open(log.path)
    assert in_child(lambda: opened.running)[1] == "True"
    assert opened.running
    writer.close()
    assert not opened.running


def test_a_child_that_lives_on_does_not_keep_the_log_running(tmp_path):
    """After the parent closed its log, or died, nobody holds the lock."""
    log = EventLog(tmp_path)
    writer = Writer(log.begin(HOOKS)).start()
    (there, here), (reading, writing) = os.pipe(), os.pipe()
    child = os.fork()
    if not child:
        os.close(writing)
        os.write(here, b"forked")
        os.read(reading, 1)  # until the parent closes its end
        os._exit(0)
    os.close(reading)
    assert os.read(there, 6) == b"forked"
    opened = EventLog.open(log.path)
    writer.journal.store.release()  # as the death of this process would
    assert not opened.running
    for end in (writing, there, here):
        os.close(end)
    os.waitpid(child, 0)


def test_a_log_that_was_not_begun_before_the_fork_is_the_childs(tmp_path):
    """Only a session's process matters."""
    log = EventLog(tmp_path / "log.arrows")
    assert in_child(lambda: Writer(log.begin(HOOKS)).start().close() and None)[1] == "None"
    assert audit(tmp_path / "log.arrows").passed


def test_a_closed_log_is_refused_as_closed_in_the_parent(writer):
    """The two reasons are not mixed up."""
    writer.close()
    with pytest.raises(LogNotWritable, match="is closed; nothing can be added to it"):
        writer.log.note("late")
