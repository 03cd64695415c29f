"""What `--json` prints keeps to the published schemas."""

import json
from functools import cache
from pathlib import Path

import jsonschema
import pytest

from statemachine.cli.application import application
from tests.cli import logs
from tests.cli.running import run, run_json
from tests.session.test_recorded_values import train

SCHEMAS = json.loads((Path(__file__).parents[2] / "specs/command_line.schema.json").read_text())


@cache
def validator(name):
    """What holds objects against the definition of that name."""
    return jsonschema.Draft202012Validator(SCHEMAS | {"$ref": f"#/$defs/{name}"})


def check(told, name):
    """Hold an object against the definition of that name."""
    validator(name).validate(told)


def test_the_schemas_are_schemas():
    """The published file keeps to JSON Schema itself, and has a definition for each command."""
    jsonschema.Draft202012Validator.check_schema(SCHEMAS)
    assert set(application.commands) | {"error"} <= set(SCHEMAS["$defs"])


@pytest.mark.parametrize("log", ["closed_log", "killed_log", "disordered_log"])
@pytest.mark.parametrize("command", ["state", "audit", "stats"])
def test_readers_keep_to_their_schema(command, log, request):
    """Whatever the log is like."""
    told, _ = run_json(command, request.getfixturevalue(log))
    assert told["schema"] == f"monitored-session/{command}/1"
    check(told, command)


def test_show_prints_one_event_a_line(killed_log):
    """Each line is an object of its own."""
    lines = run("show", killed_log, "--json").stdout.splitlines()
    assert len(lines) == len({json.loads(line)["sequence"] for line in lines}) > 20
    for line in lines:
        check(json.loads(line), "show")


def test_audits_of_many_keep_to_the_schema(tampered_log, tmp_path):
    """With damaged logs, things that are no logs, and lineage."""
    (tmp_path / "no.arrows").write_bytes(b"no")
    told, code = run_json("audit", tampered_log, logs.related(tmp_path / "both"), tmp_path)
    check(told, "audit")
    assert (code, len(told["logs"]), len(told["lineage"])) == (2, 4, 1)


def test_diff_keeps_to_its_schema(closed_log, killed_log):
    """Of equal logs and of different ones."""
    for other, different in ((closed_log, False), (killed_log, True)):
        told, _ = run_json("diff", closed_log, other)
        check(told, "diff")
        assert told["different"] is different


def test_replay_keeps_to_its_schema(tmp_path):
    """Hooks that do the same, that stop elsewhere, and that can't be answered."""
    path = train(tmp_path / "log.arrows")
    for factory, code in (("same", 0), ("earlier", 7), ("unanswered", 4)):
        told, found = run_json("replay", path, f"tests.cli.hooks:{factory}")
        check(told, "replay")
        assert (found, told["exit_code"], told["same"]) == (code, code, code == 0)


def test_recover_keeps_to_its_schema(tmp_path):
    """The first time and the second time."""
    path = logs.killed(tmp_path / "log.arrows")
    for already in (False, True):
        told, _ = run_json("recover", path)
        check(told, "recover")
        assert told["already_complete"] is already


def test_what_is_written_is_told(closed_log, tmp_path):
    """Export and report say what they wrote, and how much."""
    for command, options in (("export", ["--format", "csv"]), ("report", [])):
        output = tmp_path / command
        told, _ = run_json(command, closed_log, *options, "-o", output)
        check(told, command)
        assert told["bytes"] == output.stat().st_size


def test_errors_keep_to_their_schema(tmp_path):
    """A missing file, told as an object."""
    told, code = run_json("show", tmp_path / "none")
    check(told, "error")
    assert code == 2


def test_json_is_printable_ascii(tmp_path):
    """Whatever stands in a log, its JSON steers no terminal."""
    path = logs.closed(tmp_path / "log.arrows", hooks=("\x1b[2J\x7f\u202eevil\x9b", "b"))
    for command in ("show", "state", "stats"):
        shown = run(command, path, "--json").stdout
        assert shown.isascii()
        assert all(line.isprintable() for line in shown.splitlines())


def test_numbers_that_json_lacks_become_texts(tmp_path, closed_log):
    """A detail may hold NaN if a forger wants it to; what is printed is still JSON."""
    codes = logs.codes_of(closed_log)
    path = logs.forged(tmp_path / "log.arrows", codes, {3: '{"a": NaN, "b": [-Infinity]}'})
    line = run("show", path, "--json").stdout.splitlines()[3]

    def refuse(name):
        raise AssertionError(name)

    assert json.loads(line, parse_constant=refuse)["detail"] == {"a": "NaN", "b": ["-Infinity"]}
