"""What authors of adapters and of scenario files get wrong is told, and nothing is judged by it."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

from runtime.testing import (
    AdapterError,
    SessionAdapter,
    SessionHangs,
    check_scenario,
    check_session,
)
from runtime.testing.numpy_sessions import NumpySession
from statemachine.testing import Feature, Known, KnownError, Scenario, ScenarioError, read_known
from tests.cli.running import run

ROOT = Path(__file__).parents[2]


class Bare:
    """A session that does nothing."""

    def run(self, fetches: Any, feed_dict: Any = None) -> None: ...
    def __enter__(self) -> "Bare":
        return self

    def __exit__(self, *exception: object) -> None: ...


class BareAdapter(SessionAdapter):
    name = "bare"

    def construct(self, stage: Any, hooks: Any) -> Any:
        return Bare()


class NothingAdapter(BareAdapter):
    def construct(self, stage: Any, hooks: Any) -> Any:
        return None


class ClosingAdapter(BareAdapter):
    features = frozenset({Feature.CLOSE})


class SleepingAdapter(BareAdapter):
    def construct(self, stage: Any, hooks: Any) -> Any:
        time.sleep(600)


class InterruptedAdapter(BareAdapter):
    def construct(self, stage: Any, hooks: Any) -> Any:
        os.kill(os.getpid(), signal.SIGINT)
        return Bare()


def test_what_is_no_session_is_not_judged() -> None:
    """An adapter that forgets to return its session is told so, not that no hook is called."""
    with pytest.raises(AdapterError, match="gave back, None, has no run; a session is an object"):
        check_session(NothingAdapter(), max_examples=1)


def test_a_feature_needs_its_method() -> None:
    """A feature whose method is missing is no failure of checks: the message names both."""
    with pytest.raises(AdapterError, match=r"has no close, which Feature\.CLOSE promises"):
        check_session(ClosingAdapter(), max_examples=1)


def test_a_class_stands_for_its_adapter() -> None:
    """Where an adapter needs no arguments its class will do, as on the command line."""
    scenario = Scenario(body=({"op": "run", "fetch": "c"},))
    assert check_scenario(NumpySession, scenario).passed


def test_a_scenario_may_use_only_what_the_session_has() -> None:
    """A scenario of somebody else's is refused where a session can't do what it asks for."""
    scenario = Scenario(hooks=({},), body=({"op": "close"}, {"op": "should_stop"}))
    with pytest.raises(ScenarioError, match=r"what bare has not, .*Feature\.CLOSE.*Feature\.STOP"):
        check_scenario(BareAdapter(), scenario)


def test_a_session_that_hangs_is_given_up() -> None:
    """After the time that a scenario may take the scenario is named that does not end."""
    with pytest.raises(
        SessionHangs, match=r"not come back after 0\.05 seconds in this scenario: {"
    ):
        check_session(SleepingAdapter(), max_examples=1, seconds_each=0.05)


def test_an_interrupt_of_the_users_is_no_error_of_the_sessions() -> None:
    """Ctrl-C ends the check, though a session, or the player, has swallowed it."""
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        check_session(InterruptedAdapter(), max_examples=3)
    assert signal.getsignal(signal.SIGINT) is before


@pytest.fixture
def modules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The current directory, of which modules are forgotten afterwards."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    with mock.patch.dict(sys.modules):
        yield tmp_path


def test_a_module_that_exits_is_no_success(modules: Path) -> None:
    """`sys.exit(0)` of a script without a main guard is told, with exit code 1."""
    modules.joinpath("a_script.py").write_text("import sys\nsys.exit(0)\n")
    result = run("conform", "a_script:adapter")
    assert (result.exit_code, "SystemExit: 0" in result.stderr) == (1, True)


def test_an_adapter_whose_session_hangs_exits_with_5(modules: Path) -> None:
    """The option --timeout says when; the scenario is told."""
    modules.joinpath("hangs.py").write_text(
        "from tests.conformance.test_mistakes import SleepingAdapter\n"
    )
    result = run("conform", "hangs:SleepingAdapter", "--timeout", 0.05)
    assert (result.exit_code, "in this scenario" in result.stderr) == (5, True)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[" * 100_000, "a scenario is JSON, and this is none"),
        ('{"session": "singular", "qr": {"n": 1000000000000}}', "whole number from 0 to 100000"),
        ('{"session": "monitored"}', "Feature.MONITORED"),
    ],
)
def test_no_scenario_file_does_harm(modules: Path, text: str, said: str) -> None:
    """What would end in a deep recursion, or never, is refused in words."""
    modules.joinpath("bad.json").write_text(text)
    singular = "runtime.testing.numpy_sessions:singular"
    result = run("conform", singular, "--replay", "bad.json")
    assert result.exit_code in (1, 2)
    assert said in result.stderr


def test_a_saved_program_runs_where_conform_ran(modules: Path) -> None:
    """Also if the adapter is a class of a module in the current directory; it exits with 1."""
    modules.joinpath("of_mine.py").write_text(
        "from tests.conformance.test_mistakes import BareAdapter\n"
    )
    result = run("conform", "of_mine:BareAdapter", "--max-examples", 20, "--save", "kept")
    assert result.exit_code == 5
    program = next(Path("kept").glob("*.py"))
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    again = subprocess.run(
        [sys.executable, program], capture_output=True, text=True, check=False, env=environment
    )
    assert (again.returncode, "failed in 1 examples" in again.stdout) == (1, True), again.stderr


def test_a_table_that_cannot_be_written_names_its_option(modules: Path) -> None:
    """The message speaks of --markdown, for there is no -o."""
    singular = "runtime.testing.numpy_sessions:singular"
    result = run("conform", singular, "--max-examples", 1, "--markdown", modules)
    assert "name another one with --markdown" in result.stderr


def test_an_expected_failure_names_a_check_that_there_is() -> None:
    """A slip in a name would excuse nothing, and nobody would notice: it is refused."""
    slip = Known("leak", "a test", checks=("everything-close",))
    with pytest.raises(KnownError, match="no such check; did you mean 'everything-closed'"):
        check_session(NumpySession(), max_examples=1, known=[slip])


def test_an_expected_failure_that_does_not_happen_is_told() -> None:
    """So that the list can be shortened when a session was mended."""
    known = Known("leak", "a test", checks=("everything-closed",))
    report = check_session(NumpySession(), max_examples=5, known=[known])
    assert report.unneeded == ("leak",)
    assert "expected and not found: leak" in str(report)
    assert "expected and not found: leak." in report.markdown()


def test_a_file_of_expected_failures_holds_nothing_else(tmp_path: Path) -> None:
    """A misspelt table is refused, not passed over."""
    path = tmp_path / "known.toml"
    path.write_text('[[knwon]]\nname = "x"\nreason = "y"\nchecks = ["end-before-close"]\n')
    with pytest.raises(KnownError, match="it holds 'knwon'"):
        read_known(path)


def test_checks_that_are_skipped_for_one_reason_share_a_line() -> None:
    """A reader of a report sees first what was checked."""
    lines = str(check_session(BareAdapter(), max_examples=5)).splitlines()
    assert [line for line in lines if "(needs an event log)" in line] == [
        "  skipped (needs an event log): log-keeps-the-order, log-tells-every-call, "
        "log-written-before-the-call, state-is-that-of-the-log, log-complete, log-tells-every-error"
    ]


def test_rules_are_counted_without_a_log_too() -> None:
    """What the checks test that had something to look at; what they had not is named."""
    report = check_session(BareAdapter(), max_examples=1)
    counts = {reach.what: reach.counts for reach in report.coverage.reached}
    assert counts["rules"]["close-after-end"] == 0
    assert "close-after-end" in report.coverage.missed["rules"]
    assert "run-after-before-run" not in counts["rules"]
