"""A block without events: what is sealed when nothing came after the seal before it."""

import time

import numpy as np

from statemachine import (
    Block,
    EventKind,
    EventLog,
    Head,
    Header,
    State,
    Verdict,
    Witness,
    audit,
    replay,
)
from statemachine.journal import block_after
from statemachine.tail import TailContent
from tests.statemachine.histories import HOOKS, Writer


def test_a_log_that_ends_in_a_block_without_events_is_read_like_any_other(tmp_path):
    """Closed after everything was sealed already, the log is whole and passes its audit."""
    path = tmp_path / "log.arrows"
    writer = Writer(EventLog(path).begin(HOOKS)).start().steps(1).leave()
    until_sealed(writer.journal)
    writer.journal.close()
    report = audit(path)
    assert (report.integrity, report.completeness) == (Verdict.PASS, Verdict.PASS)
    assert replay(EventLog.open(path)).state is State.CLOSED
    assert [len(block) for block in EventLog.open(path).read()][-1] == 0


def until_sealed(journal):
    """Have everything sealed, as soon as the thread that does it has time."""
    deadline = time.monotonic() + 30
    while journal.recorder.position()[1] and time.monotonic() < deadline:
        journal.seal()
        time.sleep(0.01)
    assert journal.recorder.position()[1] == 0


def test_the_head_of_a_block_without_events_counts_those_before(tmp_path):
    """It is the head of the log all the same."""
    texts = []
    path = tmp_path / "log.arrows"
    log = EventLog(path, witness=Witness(texts.append))
    writer = Writer(log.begin(HOOKS)).start().steps(1).leave()
    until_sealed(writer.journal)
    writer.journal.close()
    assert Head.parse(texts[-1]) == audit(path).head
    assert [len(block) for block in EventLog.open(path).read()][-1] == 0


def test_what_follows_a_block_without_events_goes_on_counting():
    """Numbers and times are led on through it."""
    empty = np.empty(0, np.int64)
    before = Block(7, 2, 1000, empty, empty.astype(np.int32), {})
    header = Header("0" * 32, 0, 0, (), {}, 1)
    codes = np.array([EventKind.STEP_BEGIN.number], np.int32)
    content = TailContent(3, np.array([1500], np.int64), codes, [])
    block = block_after(header, before, content)
    assert (block.sequence, block.step, block.time) == (7, 2, 1000)
