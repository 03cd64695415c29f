"""Logs in JSON lines, of this and of other implementations, are checked from the file alone."""

import io
import json
from pathlib import Path

import attrs
import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from statemachine import EventKind, EventLog, UnreadableLog, Verdict, audit
from statemachine.cli.rows import write_jsonl
from statemachine.json_log import CALLED, MAX_LINE, SCHEMA
from statemachine.testing import check_log
from tests.cli.running import run
from tests.session.playing import play
from tests.session.scenario import Scenario, scenarios

SPECS = Path(__file__).parents[2] / "specs"
FORM = jsonschema.Draft202012Validator(json.loads((SPECS / "event.schema.json").read_text()))
EXAMPLES = sorted((SPECS / "examples").glob("*.jsonl"))
GOOD = SPECS / "examples" / "good-calls.jsonl"


def _valid(path: Path) -> bool:
    header, *events = map(json.loads, path.read_text().splitlines())
    defs = {"$defs": FORM.schema["$defs"]}
    as_header = jsonschema.Draft202012Validator({**defs, "$ref": "#/$defs/header"})
    as_event = jsonschema.Draft202012Validator({**defs, "$ref": "#/$defs/event"})
    return as_header.is_valid(header) and all(map(as_event.is_valid, events))


def test_the_schema_is_one_and_knows_the_vocabulary() -> None:
    """The published form is a JSON Schema, and its kinds are those of the package."""
    jsonschema.Draft202012Validator.check_schema(FORM.schema)
    assert FORM.schema["$defs"]["kind"]["enum"] == [kind.value for kind in EventKind]
    assert FORM.schema["$id"] == SCHEMA
    profile = FORM.schema["$defs"]["header"]["properties"]["profile"]["description"]
    assert all(kind.value in profile for kind in CALLED)


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_each_example_is_judged_as_its_name_says(path: Path) -> None:
    """Malformed ones are refused with their line; of others the schema and the order are judged."""
    kind = path.stem.partition("-")[0]
    assert _valid(path) == (kind != "malformed")
    if kind == "malformed":
        with pytest.raises(UnreadableLog, match=r", line \d+: .*specs/event\.schema\.json"):
            check_log(path)
        return
    report = check_log(path)
    assert (report.conformance is Verdict.PASS) == (kind in ("good", "unfinished"))
    assert kind != "good" or report.completeness is Verdict.PASS
    assert kind != "unfinished" or report.completeness is Verdict.FAIL


def test_a_finding_says_what_was_seen_what_was_allowed_and_why() -> None:
    """A skipped hook is named, with its event, what might have come, and the sentence."""
    report = check_log(SPECS / "examples" / "disordered-calls-hook-skipped.jsonl")
    found = next(finding for finding in report.findings if finding.about == "conformance")
    assert found.seen == "session.run after hook.before_run of hook 0"
    assert found.allowed == ("raised out of hook.before_run of hook 0", "hook.before_run of hook 1")
    assert found.sequence == 10
    assert found.rule == "hooks-in-list-order"


def _exported(log: EventLog) -> list[str]:
    sink = io.BytesIO()
    write_jsonl(log, sink)
    return sink.getvalue().decode().splitlines()


@given(plan=scenarios(most_hooks=3), change=st.data())
def test_an_exported_log_gets_the_verdicts_of_its_audit(
    plan: Scenario, change: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """What a session wrote is valid and conforms; with an ordered event missing it does not."""
    log = play(plan).log
    path = tmp_path_factory.mktemp("exported") / "log.jsonl"
    header, *events = _exported(log)
    path.write_text("\n".join((header, *events)))
    assert _valid(path)
    report, audited = check_log(path), audit(log)
    assert (report.conformance, report.completeness) == (audited.conformance, audited.completeness)
    told = [json.loads(line) for line in events]
    of_hooks = [n for n, event in enumerate(told) if event["kind"] == "state.finalized"]
    for gone in of_hooks[:1]:
        left = [*told[:gone], *told[gone + 1 :]]
        renumbered = [json.dumps(event | {"sequence": n}) for n, event in enumerate(left)]
        path.write_text("\n".join((header, *renumbered)))
        assert check_log(path).conformance is Verdict.FAIL


@given(plan=scenarios(most_hooks=3))
def test_the_calls_alone_of_any_session_conform(
    plan: Scenario, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """What an implementation may leave out can be left out of every log that a session wrote."""
    header, *events = map(json.loads, _exported(play(plan).log))
    kinds = {kind.value for kind in CALLED}
    told = [event for event in events if event["kind"] in kinds]
    lines = [header | {"profile": "calls"}]
    lines += [event | {"sequence": n, "detail": None} for n, event in enumerate(told)]
    path = tmp_path_factory.mktemp("calls") / "log.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    report = check_log(path)
    assert report.conformance is Verdict.PASS, str(report)
    assert report.completeness is Verdict.PASS, str(report)


HEADER = json.dumps({"schema": SCHEMA, "hooks": ["Hook"]})
HOSTILE = {
    "an empty file's": ("{", "is no JSON"),
    "a list": (f"{HEADER}\n[]", "line 2: the line is no object"),
    "deep nesting": (f"{HEADER}\n" + "[" * 100_000, "line 2: the line is no JSON"),
    "a long line": (f'{HEADER}\n{{"kind": "' + "x" * MAX_LINE, "is longer than 1048576 bytes"),
    "a constant": (f'{HEADER}\n{{"sequence": NaN}}', "NaN is no JSON; write it as a text"),
    "a huge number": (f'{HEADER}\n{{"sequence": {"9" * 5000}}}', "line 2"),
    "many hooks": (json.dumps({"schema": SCHEMA, "hooks": ["H"] * 40_000}), "at most 32767"),
    "a profile": (json.dumps({"schema": SCHEMA, "hooks": [], "profile": "some"}), "'calls'"),
    "an on_error": (json.dumps({"schema": SCHEMA, "hooks": [], "on_error": [0]}), "have an on_err"),
    "an error": (
        f'{HEADER}\n{{"sequence": 0, "kind": "raised", "detail": {{"error": "no"}}}}',
        "tell an error as",
    ),
}


@pytest.mark.parametrize("what", HOSTILE)
def test_what_is_no_log_is_refused_with_its_line(what: str, tmp_path: Path) -> None:
    """The message says which line, what is wrong with it, and what to do."""
    text, said = HOSTILE[what]
    path = tmp_path / "log.jsonl"
    path.write_text(text)
    with pytest.raises(UnreadableLog) as caught:
        check_log(path)
    assert said in str(caught.value)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize(
    ("event", "rule"),
    [
        ({"sequence": 7, "kind": "state.created"}, "numbered-without-gap"),
        ({"sequence": 0, "kind": "state.created", "step": 3}, "numbered-without-gap"),
        ({"sequence": 0, "kind": "hook.begin", "hook": 99_999}, "hooks-in-list-order"),
        ({"sequence": 0, "kind": "hook.begin", "hook": 0}, "begin-first"),
        (
            {"sequence": 0, "kind": "run.signature", "detail": {"signature": 4}},
            "signature-declared",
        ),
    ],
)
def test_numbers_are_judged_too(event: dict[str, object], rule: str, tmp_path: Path) -> None:
    """Events, steps, hooks and signatures that are numbered wrongly are findings."""
    path = tmp_path / "log.jsonl"
    path.write_text(f"{HEADER}\n{json.dumps(event)}\n")
    assert rule in {f.rule for f in check_log(path).findings if f.about == "conformance"}


def test_a_profile_holds_its_events_only(tmp_path: Path) -> None:
    """An event that the profile leaves out is one that the reader would have to guess about."""
    path = tmp_path / "log.jsonl"
    header = json.dumps({"schema": SCHEMA, "hooks": [], "profile": "calls"})
    path.write_text(f'{header}\n{{"sequence": 0, "kind": "state.created"}}\n')
    finding = next(f for f in check_log(path).findings if f.about == "conformance")
    assert finding.seen == "state.created is none of the events of the profile calls"


def test_audit_reads_json_lines() -> None:
    """The command line gives the exit codes of an audit: 0, 5, 4, and 2 for what is no log."""
    codes = {
        "good-full": 0,
        "good-calls": 0,
        "disordered-end-missing": 5,
        "unfinished-killed-in-run": 4,
        "malformed-time": 2,
    }
    for name, code in codes.items():
        result = run("audit", SPECS / "examples" / f"{name}.jsonl")
        assert result.exit_code == code, result.stderr
        assert "Traceback" not in result.stderr


def test_heads_are_for_logs_that_have_some() -> None:
    """An expected head of a file of JSON lines is refused, not passed over."""
    path = SPECS / "examples" / "good-full.jsonl"
    result = run("audit", path, "--expect-head", "0" * 64)
    assert result.exit_code == 1
    assert "which has no heads" in result.stderr


def test_our_own_logs_are_audited(tmp_path: Path) -> None:
    """A log in Arrow's form, or in memory, gets the audit that it always gets."""
    log = play(Scenario((), ())).log
    assert attrs.evolve(check_log(log)) == audit(log)


@pytest.mark.parametrize("events", [3, 100])
def test_a_last_line_that_is_cut_off_is_an_incomplete_log(tmp_path: Path, events: int) -> None:
    """A process that was killed while it wrote leaves a log to be judged, not one of no use."""
    whole = GOOD.read_text().splitlines(keepends=True)[: events + 1]
    path = tmp_path / "torn.jsonl"
    path.write_text("".join(whole) + '{"sequence": 9, "ti')
    report = check_log(path)
    assert (report.completeness, report.conformance) == (Verdict.FAIL, Verdict.PASS)
    assert f"after {len(whole) - 1} events the last line is cut off" in str(report)


def test_a_command_that_reads_no_json_lines_names_the_one_that_does() -> None:
    """Such a log is not damaged."""
    result = run("show", GOOD)
    assert result.exit_code == 2
    assert "which only audit reads: monitored-session audit" in result.stderr
