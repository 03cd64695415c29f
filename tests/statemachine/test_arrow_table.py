"""A log as a table: the same events, in columns that a person understands."""

import json

import pyarrow as pa
import pytest

from statemachine import EventKind, EventLog, MemoryStore, replay
from statemachine.tail import SLOTS
from tests.cli import logs
from tests.statemachine.histories import HOOKS, STEP_EVENTS, Writer
from tests.statemachine.test_replay import eventful


def rows_of(log):
    """What the table should hold, from iterating and replaying."""
    for event in log:
        detail = {k: v for k, v in event.detail.items() if k not in ("call", "signature")}
        yield {
            "sequence": event.sequence,
            "time": event.time,
            "kind": event.kind.value,
            "hook": event.hook,
            "hook_class": None if event.hook is None else HOOKS[event.hook],
            "step": event.step,
            "detail": detail,
        }


def table_rows(table):
    times = table["time"].cast(pa.int64()).to_pylist()
    for row, time in zip(table.drop_columns(["time", "state"]).to_pylist(), times, strict=True):
        detail = {} if row["detail"] is None else json.loads(row["detail"])
        yield row | {"time": time, "detail": detail}


def test_the_columns_have_names_and_types_that_a_person_understands():
    """Time is a timestamp in UTC; words are dictionaries of words."""
    schema = eventful().to_arrow().schema
    assert {field.name: str(field.type) for field in schema} == {
        "sequence": "int64",
        "time": "timestamp[ns, tz=UTC]",
        "state": "dictionary<values=string, indices=int32, ordered=0>",
        "kind": "dictionary<values=string, indices=int32, ordered=0>",
        "hook": "int32",
        "hook_class": "dictionary<values=string, indices=int32, ordered=0>",
        "step": "int64",
        "detail": "string",
    }


def test_the_table_equals_iteration():
    """Row by row, for a log to which everything happens."""
    log = eventful()
    table = log.to_arrow()
    table.validate(full=True)
    assert list(table_rows(table)) == list(rows_of(log))


def test_the_state_is_the_one_after_each_event():
    """As replay has it."""
    log = eventful()
    states = log.to_arrow()["state"].to_pylist()
    assert states == [replay(log, until).state.value for until in range(len(states))]


@pytest.mark.parametrize("target", ["memory", "file"])
def test_the_table_goes_on_over_blocks(tmp_path, target):
    """Steps and states do not begin anew with a block."""
    log = EventLog(None if target == "memory" else tmp_path)
    Writer(log.begin(HOOKS)).start().steps(SLOTS // STEP_EVENTS + 10).close()
    table = log.to_arrow()
    assert table.num_rows == len(log)
    assert list(table_rows(table)) == list(rows_of(log))
    assert set(table["state"].to_pylist()[20:-7]) == {"running"}


def test_an_event_beside_has_the_state_around_it():
    """Also at the very beginning."""
    log = EventLog()
    journal = log.begin(HOOKS)
    log.note("early")
    Writer(journal).start()
    log.note("late")
    rows = log.to_arrow().select(["state", "kind"]).to_pylist()
    states = [row["state"] for row in rows if row["kind"] == EventKind.NOTE.value]
    assert states == ["created", "running"]


def test_an_empty_log_is_an_empty_table():
    """With all its columns."""
    log = EventLog()
    log.begin(HOOKS)
    assert log.to_arrow().num_rows == 0
    assert log.to_arrow().num_columns == 8


def test_a_bounded_log_does_not_guess_the_state_before_it():
    """Its first events are those of a session that runs."""
    log = EventLog(MemoryStore(limit=1000))
    Writer(log.begin(HOOKS)).start().steps(12_000).close()
    assert log.to_arrow()["state"][0].as_py() == "running"


def test_half_a_character_in_a_name_is_spelled_out(tmp_path):
    """No session writes one, and a forged header that has it can be looked at all the same."""
    path = logs.closed(tmp_path / "log.arrows")
    forged = logs.forged(path, logs.codes_of(path), hooks=("\ud800", "b"))
    names = set(EventLog.open(forged).to_arrow()["hook_class"].to_pylist())
    assert names == {None, "\\ud800", "b"}
