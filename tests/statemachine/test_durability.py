"""What each setting of durability does; docs/durability.md has the promises."""

import os
import re
import signal
from pathlib import Path

import pytest

from statemachine import Durability, EventLog, FileStore, audit, replay
from statemachine.sql_store import SqlStore
from tests.statemachine.faults import EIO, FailingSystem
from tests.statemachine.histories import HOOKS, Writer

PAGE = Path(__file__).parents[2] / "docs" / "durability.md"


def test_a_log_for_the_process_alone_is_never_synced(tmp_path, monkeypatch):
    """Not when it is begun, sealed or closed."""
    log = EventLog(tmp_path / "log.arrows", durability="process")
    system = FailingSystem(monkeypatch, "fsync", 0, EIO)
    writer = Writer(log.begin(HOOKS)).start().steps(10)
    writer.journal.seal()
    writer.steps(1).close()
    assert system.failed is None
    assert audit(log).passed


@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
@pytest.mark.parametrize("durability", ["process", "system"])
def test_the_death_of_the_process_costs_nothing(tmp_path, durability):
    """Whatever is synced."""
    path = tmp_path / "log.arrows"
    child = os.fork()
    if not child:
        try:
            Writer(EventLog(path, durability=durability).begin(HOOKS)).start().steps(7)
        finally:
            os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(child, 0)
    assert replay(path).steps_done == 7


@pytest.mark.parametrize(("durability", "level"), [("process", 0), ("system", 3)])
def test_sqlite_is_told_how_durable_a_log_is(tmp_path, monkeypatch, durability, level):
    """OFF, or EXTRA: with less the latest transaction may be rolled back after a crash."""
    store = SqlStore(tmp_path / "runs.db", durability=Durability(durability))
    levels = []
    insert = store._insert_message

    def look(connection, *args):
        levels.append(connection.exec_driver_sql("PRAGMA synchronous").scalar())
        insert(connection, *args)

    monkeypatch.setattr(store, "_insert_message", look)
    log = EventLog(store)
    Writer(log.begin(HOOKS)).start().close()
    assert set(levels) == {level}


def test_a_setting_goes_with_a_path(tmp_path):
    """Stores have one of their own, and memory has none."""
    with pytest.raises(ValueError, match="'process', 'system' or None, not 'disk'"):
        EventLog(tmp_path, durability="disk")
    for target in (None, FileStore(tmp_path / "log.arrows")):
        with pytest.raises(ValueError, match="durability='system' goes with a path"):
            EventLog(target, durability="system")


def test_every_promise_names_tests_that_are_there():
    """In the table of the documentation."""
    named = re.findall(r"`(tests/\S+?)::(\w+)`", PAGE.read_text("utf-8"))
    assert len(named) >= 10
    for path, name in named:
        assert f"def {name}(" in (PAGE.parents[1] / path).read_text("utf-8"), name
