"""Two sessions can't write one log: a log is created, never overwritten."""

import os

import pytest

from statemachine import EventLog, LogExists, audit, replay
from statemachine.sql_store import SqlStore
from tests.statemachine.histories import HOOKS, Writer

pytestmark = pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
WON, REFUSED, BROKEN = 0, 3, 4


def told(message):
    """Whether a message says that a log has one writer."""
    return "never overwritten" in message or "one log" in message


def racing(begin, processes=6):
    """Have processes begin a log at the same time; gives what came of each."""
    start, go = os.pipe()
    children = []
    for _ in range(processes):
        child = os.fork()
        if not child:
            code = BROKEN
            try:
                os.close(go)
                os.read(start, 1)  # until all are there
                Writer(begin()).start().steps(3).close()
                code = WON
            except LogExists as error:
                code = REFUSED if told(str(error)) else BROKEN
            finally:
                os._exit(code)
        children.append(child)
    os.close(start)
    os.close(go)
    return sorted(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children)


@pytest.mark.parametrize("store", ["file", "sql"])
def test_of_processes_that_begin_one_log_exactly_one_may(tmp_path, store):
    """The others are told so, and change nothing."""

    def target(number):
        path = tmp_path / f"{number}.arrows"
        return path if store == "file" else SqlStore(tmp_path / "runs.db", f"run-{number}")

    for number in range(3):
        outcomes = racing(lambda number=number: EventLog(target(number)).begin(HOOKS))
        assert outcomes == [WON] + [REFUSED] * 5
        log = EventLog.open(target(number)) if store == "file" else EventLog.of(target(number))
        assert audit(log).passed
        assert replay(log).steps_done == 3


def test_processes_that_begin_logs_in_one_directory_have_one_each(tmp_path):
    """Whenever they do."""
    assert racing(lambda: EventLog(tmp_path).begin(HOOKS)) == [WON] * 6
    assert len(list(tmp_path.glob("*.arrows"))) == 6


@pytest.mark.parametrize("running", [True, False])
def test_a_log_is_not_overwritten_through_a_link(tmp_path, running):
    """Of the file or of its directory, while it is written and afterwards."""
    (tmp_path / "real").mkdir()
    (tmp_path / "linked").symlink_to("real")
    path = tmp_path / "real" / "log.arrows"
    writer = Writer(EventLog(path).begin(HOOKS)).start()
    (tmp_path / "other.arrows").symlink_to(path)
    if not running:
        writer.close()
    before = path.read_bytes()
    for other in (tmp_path / "linked" / "log.arrows", tmp_path / "other.arrows"):
        with pytest.raises(LogExists, match="never overwritten: name another"):
            EventLog(other).begin(HOOKS)
    assert path.read_bytes() == before
    if running:
        writer.close()
    assert audit(path).passed


def test_a_link_that_leads_nowhere_is_not_followed(tmp_path):
    """Who put it there would decide where the log goes."""
    (tmp_path / "log.arrows").symlink_to(tmp_path / "elsewhere.arrows")
    with pytest.raises(LogExists):
        EventLog(tmp_path / "log.arrows").begin(HOOKS)
    assert not (tmp_path / "elsewhere.arrows").exists()


def test_the_tail_that_a_killed_process_left_in_a_directory_of_sql_is_not_overwritten(tmp_path):
    """The database was moved away; the tail has the only copy of the latest events."""
    store = SqlStore(tmp_path / "runs.db", "monday")
    Writer(EventLog(store).begin(HOOKS)).start()
    store.release()
    (tmp_path / "runs.db").rename(tmp_path / "moved.db")
    with pytest.raises(LogExists, match=r"'monday' was begun in .*runs\.db already"):
        EventLog(SqlStore(tmp_path / "runs.db", "monday")).begin(HOOKS)
