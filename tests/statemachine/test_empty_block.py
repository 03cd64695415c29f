"""A block without events: what is sealed when nothing came after the seal before it."""

import time

from statemachine import EventLog, State, Verdict, audit, replay
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
