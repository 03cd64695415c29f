"""Logs in a database: what SQL finds there, who may write, and what goes wrong."""

import builtins
import contextlib
import errno
import importlib
import sqlite3
import sys
import threading

import pytest

from statemachine import (
    EventKind,
    EventLog,
    LogExists,
    LogNotWritable,
    LogWriteFailed,
    UnreadableLog,
    Verdict,
    audit,
    replay,
)
from statemachine.sql_store import SqlStore, log_names, open_log
from tests.statemachine.histories import HOOKS, Writer


@pytest.fixture
def database(tmp_path):
    return tmp_path / "runs.db"


def written(database, name, steps=3):
    """A closed log."""
    Writer(EventLog(SqlStore(database, name)).begin(HOOKS)).start().steps(steps).close()
    return open_log(database, name)


def ask(database, question):
    with contextlib.closing(sqlite3.connect(database)) as connection, connection:
        return connection.execute(question).fetchall()


def test_several_sessions_share_a_database(database):
    """Each log is read back alone, by its name."""
    for name, steps in (("one", 1), ("two", 2)):
        assert replay(written(database, name, steps)).steps_done == steps
    assert log_names(database) == ["one", "two"]


def test_several_sessions_write_at_the_same_time(database):
    """Writers of different logs wait for each other, and lose nothing."""
    threads = [
        threading.Thread(target=written, args=(database, f"run-{number}", 10 * number))
        for number in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for number in range(4):
        report = audit(open_log(database, f"run-{number}"))
        assert report.integrity is report.completeness is Verdict.PASS
        assert report.state.steps_done == 10 * number


def test_the_blocks_are_the_file(database, tmp_path):
    """The messages of a log, one after the other, are a file that passes every audit."""
    written(database, "run")
    messages = ask(database, "SELECT message FROM blocks WHERE log = 'run' ORDER BY number")
    path = tmp_path / "run.arrows"
    path.write_bytes(b"".join(message for (message,) in messages))
    report = audit(path)
    assert report.integrity is report.completeness is report.conformance is Verdict.PASS


def test_two_writers_cannot_write_one_log(database):
    """Neither while the first one writes nor when it is done."""
    store = SqlStore(database, "run")
    writer = Writer(EventLog(store).begin(HOOKS)).start()
    with pytest.raises(LogExists, match=r"'run' was begun in .*runs\.db already"):
        EventLog(SqlStore(database, "run")).begin(HOOKS)
    assert EventLog.of(store).running
    writer.close()
    with pytest.raises(LogExists, match=r"holds a log named 'run' already.*name another"):
        EventLog(SqlStore(database, "run")).begin(HOOKS)
    assert audit(open_log(database, "run")).completeness is Verdict.PASS
    assert [path.name for path in database.parent.iterdir()] == ["runs.db"]


def test_a_log_that_was_opened_cannot_be_written(database):
    """Not even by way of its store."""
    with pytest.raises(LogNotWritable, match=r"runs\.db#run was opened for reading"):
        written(database, "run").begin(HOOKS)


def test_the_name_is_made_up_where_none_is_given(database):
    """Two logs without a name don't get into each other's way."""
    stores = [SqlStore(f"sqlite:///{database}") for _ in range(2)]
    for store in stores:
        Writer(EventLog(store).begin(HOOKS)).start().close()
    assert sorted(log_names(database)) == sorted(store.name for store in stores)


def test_sql_tells_which_sessions_failed_where_and_with_what(database):
    """A row a session, with the error that came out and the call that it came out of."""
    written(database, "good", 2)
    writer = Writer(EventLog(SqlStore(database, "bad")).begin(HOOKS)).start().steps(1)
    writer.fail_step("OSError", "the disk is gone").close()
    question = "SELECT log, state, complete, steps_done, steps_failed FROM sessions"
    assert ask(database, question) == [("good", "closed", 1, 2, 0), ("bad", "closed", 1, 1, 1)]
    question = "SELECT log, step, call, error_type, error_message FROM events WHERE kind='raised'"
    assert ask(database, question) == [("bad", 2, "step.begin", "OSError", "the disk is gone")]
    assert ask(database, "SELECT failed_in FROM sessions WHERE log = 'bad'") == [("step.begin",)]


def test_the_calls_of_ordinary_steps_are_no_rows(database):
    """Rows do not grow with the number of steps; the numbers of events do."""
    written(database, "short", 1)
    written(database, "long", 1000)
    rows = ask(database, "SELECT count(*) FROM events GROUP BY log")
    assert rows[0] == rows[1]
    kinds = {kind for (kind,) in ask(database, "SELECT kind FROM events")}
    assert {"state.created", "run.signature", "state.closed"} <= kinds
    assert "hook.before_run" not in kinds


def test_what_is_not_sealed_is_read_from_the_tail(database):
    """A killed session's last events are there for a reader, though not for SQL."""
    store = SqlStore(database, "run")
    writer = Writer(EventLog(store).begin(HOOKS)).start().steps(2)
    store.release()  # as the end of the process would
    log = open_log(database, "run")
    assert not log.running
    assert replay(log).steps_done == 2
    assert audit(log).completeness is Verdict.FAIL
    assert ask(database, "SELECT complete, events FROM sessions") == [(0, 0)]
    writer.journal.release()


@pytest.mark.parametrize(
    ("damage", "seen"),
    [
        ("UPDATE blocks SET message = zeroblob(80) WHERE number = 1", "not the start of an Arrow"),
        ("UPDATE blocks SET message = 'text' WHERE number = 1", "not the start of an Arrow"),
        ("UPDATE blocks SET message = x'' WHERE number = 1", "never closed"),
        ("DELETE FROM blocks WHERE number = 1", "never closed"),
        ("DELETE FROM blocks WHERE number = 2", "the end marker of the log is missing"),
        ("UPDATE blocks SET number = 'x' WHERE number = 1", "bytes follow the end marker"),
    ],
)
def test_damage_is_found(database, damage, seen):
    """Whatever is done to the blocks with SQL, an audit gives verdicts, and no error."""
    log = written(database, "run")
    ask(database, damage)
    report = audit(log)
    assert Verdict.FAIL in (report.integrity, report.completeness)
    assert seen in str(report)


def test_a_missing_database_is_not_made_by_reading(database):
    """Opening says so as it does for files."""
    with pytest.raises(FileNotFoundError, match="no such database of logs"):
        open_log(database, "run")
    assert not database.exists()


def test_a_missing_log_is_told_with_those_that_are_there(database):
    """The error names the database's logs."""
    written(database, "one")
    with pytest.raises(UnreadableLog, match=r"holds no log named 'two'; logs in it: one"):
        open_log(database, "two")


def test_another_file_is_no_database(database):
    """The driver's error comes out as one of the log."""
    database.write_bytes(b"not a database" * 100)
    with pytest.raises(UnreadableLog, match="can't be read as a database of logs: file is not"):
        open_log(database, "run")
    with pytest.raises(LogWriteFailed, match=r"can't create the event log .*runs\.db#run: file"):
        EventLog(SqlStore(database, "run")).begin(HOOKS)


def test_a_write_that_fails_names_the_log_and_the_cause(database):
    """When the database refuses a block, the session hears of it as for a file."""
    writer = Writer(EventLog(SqlStore(database, "run")).begin(HOOKS)).start()
    ask(database, "DROP TABLE blocks")
    with pytest.raises(LogWriteFailed, match=r"can't write .*runs\.db#run: no such table") as told:
        writer.close()
    assert told.value.errno == errno.EIO


def test_a_directory_that_is_not_there_is_told(tmp_path):
    """As for files, the directory has to be there."""
    store = SqlStore(tmp_path / "missing" / "runs.db", "run")
    with pytest.raises(LogWriteFailed, match="No such file or directory"):
        EventLog(store).begin(HOOKS)


@pytest.mark.parametrize("name", ["", "a/b", "..", "ä", "x" * 101])
def test_a_name_must_be_one_that_a_file_could_have(database, name):
    """Tails lie in a directory of that name."""
    with pytest.raises(ValueError, match="can't be the name of a log: take up to 100 letters"):
        SqlStore(database, name)


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///:memory:", "postgresql://host/runs"])
def test_only_sqlite_files_hold_logs(url):
    """Other databases are refused, with what to take instead."""
    with pytest.raises(ValueError, match=r"can't hold logs: name an SQLite database"):
        SqlStore(url)


def test_the_extra_is_named_where_it_is_missing(monkeypatch):
    """Without SQLAlchemy the import says what to install."""

    def without_sqlalchemy(name, *arguments):
        if name == "sqlalchemy":
            raise ModuleNotFoundError(name)
        return import_before(name, *arguments)

    import_before = builtins.__import__
    monkeypatch.setattr(builtins, "__import__", without_sqlalchemy)
    monkeypatch.delitem(sys.modules, "statemachine.sql_store")
    with pytest.raises(ImportError, match=r"pip install 'monitored-session\[sql\]'"):
        importlib.import_module("statemachine.sql_store")


def test_notes_can_be_found_with_sql(database):
    """A rare event's row holds its detail as JSON."""
    log = EventLog(SqlStore(database, "run"))
    writer = Writer(log.begin(HOOKS)).start()
    log.note("lunch", hours=2)
    writer.close()
    question = "SELECT json_extract(detail, '$.detail.hours') FROM events WHERE kind = ?"
    with contextlib.closing(sqlite3.connect(database)) as connection:
        assert connection.execute(question, [EventKind.NOTE.value]).fetchall() == [(2,)]
