"""`export` writes forms that other tools read."""

import csv
import io
import json
import xml.etree.ElementTree as ET
from itertools import pairwise

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest

from statemachine import EventLog
from statemachine.arrow_table import table_schema
from statemachine.compiled import Place
from statemachine.events import EventKind, encode
from statemachine.table import ENDS_OWED
from tests.cli import logs
from tests.cli.running import run
from tests.statemachine.histories import leaving, starting, step

FORMATS = ["jsonl", "csv", "parquet", "chrome-trace", "xes"]
XES = "{http://www.xes-standard.org/}"


@pytest.fixture(scope="module")
def eventful(tmp_path_factory):
    """The log of a session with notes, a failed step and names that need care everywhere."""
    path = tmp_path_factory.mktemp("eventful") / "log.arrows"
    log, writer = logs.begun(path, hooks=('=cmd|"<&\x1b\ud800', "]]></script>"))
    log.note("<b>&amp;\n\t'\"", detail={"key": [1, None, "\u202e"]})
    writer.steps(2).fail_step(message='a,b;"c"\r\nd').steps(1).close()
    return path


def exported(log, form, directory):
    """What a log is exported to."""
    output = directory / f"out.{form}"
    result = run("export", log, "--format", form, "-o", output)
    assert result.exit_code == 0, result.stderr
    return output


def test_jsonl_has_an_object_for_each_event(eventful, tmp_path):
    """After a header, the same lines as `show --json` prints."""
    header, _, lines = exported(eventful, "jsonl", tmp_path).read_text().partition("\n")
    assert json.loads(header)["schema"] == "monitored-session/log/1"
    assert lines == run("show", eventful, "--json").stdout


def test_csv_has_the_columns_of_the_table(eventful, tmp_path):
    """One row an event; no cell begins like a formula; Arrow reads it back."""
    content = exported(eventful, "csv", tmp_path).read_text()
    head, *rows = list(csv.reader(io.StringIO(content)))
    assert head == table_schema().names
    events = list(EventLog.open(eventful))
    assert [int(row[0]) for row in rows] == [event.sequence for event in events]
    assert [row[3] for row in rows] == [event.kind.value for event in events]
    assert not any(cell.startswith(("=", "+", "-", "@")) for row in rows for cell in row)
    assert pyarrow.csv.read_csv(tmp_path / "out.csv").num_rows == len(events)


def test_parquet_is_the_table(closed_log, tmp_path):
    """Read back it equals `EventLog.to_arrow`, and its metadata names the session."""
    table = pq.read_table(exported(closed_log, "parquet", tmp_path))
    log = EventLog.open(closed_log)
    expected = log.to_arrow()
    assert table.column_names == expected.column_names
    for name, column in zip(table.column_names, table.columns, strict=True):
        kind = pa.int64() if name == "time" else table.schema.field(name).type
        assert column.cast(kind).to_pylist() == expected[name].cast(kind).to_pylist()
    assert table.schema.metadata[b"session"].decode() == log.header.session


def test_many_blocks_become_few_row_groups(tmp_path):
    """A long log gives row groups of a useful size, not one for each block."""
    log = logs.closed(tmp_path / "log.arrows", steps=9000)
    file = pq.ParquetFile(exported(log, "parquet", tmp_path))
    assert file.metadata.num_rows == len(EventLog.open(log))
    assert file.metadata.num_row_groups == 1


def trace_of(log, directory):
    """The events of a Chrome trace."""
    return json.loads(exported(log, "chrome-trace", directory).read_text())["traceEvents"]


def assert_nested(spans):
    """Each span of a thread lies within the one that is open, or begins after its end."""
    open_ = []
    for span in spans:
        start, end = round(span["ts"] * 1000), round((span["ts"] + span["dur"]) * 1000)
        while open_ and open_[-1][1] <= start and open_[-1] != (start, end):
            open_.pop()
        assert not open_ or (open_[-1][0] <= start and end <= open_[-1][1]), span
        open_.append((start, end))


def in_order(trace):
    """The complete events in the order in which a reader takes them: by start, then as written."""
    return sorted((e for e in trace if e["ph"] == "X"), key=lambda event: event["ts"])


def test_a_chrome_trace_nests_calls_in_steps_in_states(eventful, tmp_path):
    """Complete events, each within the one above; names tell step, hook and method."""
    trace = trace_of(eventful, tmp_path)
    assert_nested(in_order(trace))
    names = [event["name"] for event in trace if event["ph"] == "X"]
    assert {"created", "running", "closed", "step 1", "step 4", "session.run"} <= set(names)
    assert "]]></script>.after_run" in names
    steps = {e["name"]: e for e in trace if e.get("cat") == "step"}
    for call in (e for e in trace if e.get("cat") == "call" and "step" in e["args"]):
        outer = steps[f"step {call['args']['step']}"]
        assert outer["ts"] <= call["ts"]
        assert call["ts"] + call["dur"] <= outer["ts"] + outer["dur"] + 0.0005


def test_events_without_duration_are_instants(eventful, tmp_path):
    """Notes stand on a line of their own beside the session's thread."""
    trace = trace_of(eventful, tmp_path)
    (note,) = [e for e in trace if e["ph"] == "i" and e["name"] == "note"]
    assert (note["tid"], note["s"]) == (2, "t")
    assert any(e["ph"] == "i" and e["name"] == "raised" for e in trace)


def test_equal_times_keep_the_outer_span_first(tmp_path):
    """With a coarse clock many events have one time; the order still tells what nests."""
    codes = [p.code for p in (*starting(), *step(), *step(), Place("stopping", 0, ENDS_OWED))]
    codes += [place.code for place in leaving()]
    path = logs.forged(tmp_path / "log.arrows", codes)
    trace = trace_of(path, tmp_path)
    order = {"state": 0, "step function": 1, "step": 2, "call": 3}
    for before, after in pairwise(in_order(trace)):
        if before["ts"] == after["ts"] and before["dur"]:
            assert order[before["cat"]] < order[after["cat"]]


def test_step_functions_enclose_their_steps(tmp_path):
    """A step function is a span between the state and the step."""
    inside = 1 << 7
    function = [Place("step fn", 0, 1).code]
    steps = [place.code | inside for place in step()]
    codes = [p.code for p in starting()] + function + steps + [Place("step fn done").code]
    path = logs.forged(tmp_path / "log.arrows", [*codes, *function, *steps])
    trace = trace_of(path, tmp_path)
    assert_nested(in_order(trace))
    functions = [e for e in trace if e.get("cat") == "step function"]
    assert [e["args"].get("finished") for e in functions] == [None, False]
    (first, second) = (e for e in trace if e.get("cat") == "step")
    assert functions[0]["ts"] < first["ts"] < functions[1]["ts"] < second["ts"]


def test_an_unfinished_call_says_so(killed_log, tmp_path):
    """The last state of a log that breaks off ends with the log, marked as not finished."""
    (running,) = [e for e in trace_of(killed_log, tmp_path) if e["name"] == "running"]
    assert running["args"]["finished"] is False


def test_forged_orders_still_nest(tmp_path, closed_log):
    """However wrong the order of the events, the spans of the trace nest."""
    codes = logs.codes_of(closed_log)
    raised = encode(EventKind.RAISED, 0, 0, EventKind.STEP_FN_BEGIN)
    mixed = [*codes[::-1], Place("step fn").code, *codes[5:30:2], raised, *codes[::3]]
    assert_nested(in_order(trace_of(logs.forged(tmp_path / "log.arrows", mixed), tmp_path)))


def test_xes_is_one_trace_of_all_events(eventful, tmp_path):
    """Well-formed XML with the names and times of the standard's extensions."""
    root = ET.parse(exported(eventful, "xes", tmp_path)).getroot()
    (trace,) = root.findall(f"{XES}trace")
    events = list(EventLog.open(eventful))
    told = [
        {child.get("key"): child.get("value") for child in event}
        for event in trace.findall(f"{XES}event")
    ]
    assert [event["concept:name"] for event in told] == [event.kind.value for event in events]
    assert [int(event["sequence"]) for event in told] == [event.sequence for event in events]
    assert any("]]></script>" in event.get("org:resource", "") for event in told)
    note = next(event for event in told if event["concept:name"] == "note")
    assert json.loads(note["detail"])["text"] == "<b>&amp;\n\t'\""


@pytest.mark.parametrize("form", FORMATS)
def test_standard_output_takes_every_format(closed_log, form, tmp_path):
    """With `-o -` the same bytes go to standard output, and nothing else."""
    written = exported(closed_log, form, tmp_path).read_bytes()
    shown = run("export", closed_log, "-f", form, "-o", "-")
    assert shown.exit_code == 0
    assert shown.stderr == ""
    assert shown.stdout_bytes == written


@pytest.mark.parametrize("form", FORMATS)
def test_a_damaged_log_leaves_no_file(tampered_log, form, tmp_path):
    """Half an export would be taken for a whole one: there is none, and an older one stays."""
    output = tmp_path / "out"
    output.write_text("older")
    result = run("export", tampered_log, "-f", form, "-o", output)
    assert result.exit_code == 3
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
    assert output.read_text() == "older"


def test_a_log_is_never_overwritten(closed_log, killed_log):
    """Neither the one that is read nor another one."""
    for target in (closed_log, killed_log):
        before = target.read_bytes()
        result = run("export", closed_log, "-f", "csv", "-o", target)
        assert result.exit_code == 1
        assert "is an event log" in result.stderr
        assert target.read_bytes() == before


def test_an_output_that_can_not_be_written_is_named(closed_log, tmp_path):
    """A directory that is not there, one that is no file, and a full disk: exit code 1."""
    for target in (tmp_path / "none" / "out", tmp_path, "/dev/full"):
        result = run("export", closed_log, "-f", "jsonl", "-o", target)
        assert result.exit_code == 1, target
        assert f"can't write {target}" in result.stderr


def test_an_unknown_format_is_told_with_the_known_ones(closed_log, tmp_path):
    """The message lists all of them."""
    result = run("export", closed_log, "-f", "xls", "-o", tmp_path / "out")
    assert result.exit_code == 1
    assert all(form in result.stderr for form in FORMATS)


def test_json_and_standard_output_do_not_go_together(closed_log):
    """Both would go to the same place."""
    for command in (("export", closed_log, "-f", "csv"), ("report", closed_log)):
        result = run(*command, "-o", "-", "--json")
        assert result.exit_code == 1
        assert "--json tells of a file" in result.stderr
