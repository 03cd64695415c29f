"""`monitored-session conform`."""

import json
import subprocess
import sys
from pathlib import Path
from unittest import mock

import pytest

from runtime.testing import QUICK, QUICK_HOOK_EXAMPLES, numpy_sessions
from statemachine import EventLog
from statemachine.cli import conform_command
from statemachine.testing import Scenario
from tests.cli.running import run, run_json
from tests.cli.test_json import check
from tests.conformance.mutants import MUTANTS

SINGULAR = "runtime.testing.numpy_sessions:singular"
LEAKS = next(m for m in MUTANTS if m.name == "the raw session is not closed")


def test_a_session_that_conforms(tmp_path: Path) -> None:
    """Exit code 0, the results of all checks, and the compliance table as a file."""
    table = tmp_path / "table.md"
    result = run("conform", SINGULAR, "--max-examples", 60, "--markdown", table)
    assert result.exit_code == 0
    assert "60 examples" in result.stdout
    assert "| begin-of-each-hook-first | calls `hook.begin()` for each given hook | passed |" in (
        table.read_text()
    )


def test_json_keeps_to_its_schema() -> None:
    """Of a session that passes, and of one that does not, with its counterexample."""
    told, code = run_json("conform", SINGULAR, "--max-examples", 30)
    check(told, "conform")
    assert (code, told["exit_code"], told["passed"]) == (0, 0, True)
    with LEAKS.in_force():
        told, code = run_json("conform", SINGULAR, "--max-examples", 30)
    check(told, "conform")
    assert (code, told["passed"]) == (5, False)


def test_a_failure_is_kept_and_played_again(tmp_path: Path) -> None:
    """Scenario, log and program of each failure are saved; each of them shows it again."""
    with LEAKS.in_force():
        result = run("conform", SINGULAR, "--max-examples", 30, "--save", tmp_path)
        assert result.exit_code == 5
        saved = tmp_path / "everything-closed.json"
        assert Scenario.read(saved).session == "singular"
        again = run("conform", SINGULAR, "--replay", saved)
        assert again.exit_code == 5
        assert "everything-closed" in again.stdout
        log = saved.with_suffix(".arrows")
        assert [event.kind.value for event in EventLog.open(log)][-1] == "state.closed"
    assert run("conform", SINGULAR, "--replay", saved).exit_code == 0
    program = [sys.executable, str(saved.with_suffix(".py"))]
    output = subprocess.run(program, capture_output=True, text=True, check=True).stdout
    assert "1 examples" in output


def test_known_failures_are_read_from_a_file(tmp_path: Path) -> None:
    """What the file lists with a reason does not fail; the reason is told."""
    known = tmp_path / "known.toml"
    checks = '["everything-closed", "end-before-close", "failed-start-undone"]'
    known.write_text(f'[[known]]\nname = "leak"\nreason = "a test"\nchecks = {checks}\n')
    with LEAKS.in_force():
        result = run("conform", SINGULAR, "--max-examples", 30, "--known", known)
    assert result.exit_code == 0, result.stdout
    assert "leak: a test" in result.stdout


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["nothing"], 1, "names no adapter: give MODULE:ADAPTER"),
        (["no_such_module:x"], 1, "ModuleNotFoundError"),
        (["runtime.testing.numpy_sessions:nothing"], 1, "AttributeError"),
        (["runtime.testing:QUICK"], 1, "derived from"),
        ([SINGULAR, "--replay", "gone.json"], 2, "can't replay gone.json"),
        ([SINGULAR, "--replay", "bad.json"], 2, "it must be an object with 'session'"),
        ([SINGULAR, "--known", "bad.toml"], 1, "can't use --known bad.toml"),
        ([SINGULAR, "--max-examples", "1", "--markdown", "no/where.md"], 1, "can't write"),
    ],
)
def test_what_cannot_be_done_is_told(
    arguments: list[str], code: int, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With an exit code, and without a traceback."""
    monkeypatch.chdir(tmp_path)
    Path("bad.json").write_text("{}")
    Path("bad.toml").write_text('[[known]]\nname = "x"\nreason = "y"\nrules = ["unknown"]\n')
    result = run("conform", *arguments)
    assert (result.exit_code, said in result.stderr) == (code, True), result.stderr


def test_an_adapter_may_be_a_class(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A class is made an adapter, and a module in the current directory is found."""
    monkeypatch.chdir(tmp_path)
    Path("of_mine.py").write_text(
        "from runtime.testing.numpy_sessions import NumpySession\nclass Mine(NumpySession): pass\n"
    )
    with mock.patch.dict(sys.modules):
        assert run("conform", "of_mine:Mine", "--max-examples", 5).exit_code == 0


def test_the_adapters_of_our_sessions_have_names() -> None:
    """Reports say which class they are about, and with which versions."""
    told = json.dumps(dict(numpy_sessions.monitored.versions()))
    assert numpy_sessions.monitored.name == "runtime.train.MonitoredSession"
    assert "Python" in told
    assert "numpy" in told


def test_the_command_plays_as_many_as_the_functions_do() -> None:
    """A quick profile is the same from Python and from the command line."""
    assert conform_command.DEFAULT_EXAMPLES == QUICK
    assert conform_command.DEFAULT_HOOK_EXAMPLES == QUICK_HOOK_EXAMPLES
