"""The program as it is installed: its entry point, and what comes with which extra."""

import subprocess
import sys
from importlib.metadata import entry_points, requires

import pytest

from statemachine.cli.entry import LIBRARIES, main
from tests.cli.running import finished


def after(program):
    """Run a program in an interpreter of its own."""
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)


def test_the_entry_point_is_declared():
    """`monitored-session` is the command, and leads to `main`."""
    (script,) = entry_points(group="console_scripts", name="monitored-session")
    assert script.load() is main


def test_the_extra_brings_what_the_entry_point_asks_for():
    """Each library that is looked for is one of the extra `cli`, and of nothing else."""
    stated = [line for line in requires("monitored-session") if line.startswith(LIBRARIES)]
    assert len(stated) == len(LIBRARIES)
    assert all('extra == "cli"' in line.replace("'", '"') for line in stated)


def test_without_the_extra_the_program_says_what_to_install():
    """Exit code 1, the missing libraries, and the command that brings them."""
    done = after(
        "import sys, importlib.util as u\n"
        "found = u.find_spec\n"
        "from statemachine.cli import entry\n"
        "entry.find_spec = lambda name: None if name == 'rich' else found(name)\n"
        "sys.exit(entry.main())"
    )
    assert done.returncode == 1
    assert "needs rich" in done.stderr
    assert "pip install 'monitored-session[cli]'" in done.stderr
    assert done.stdout == ""


def test_the_packages_do_without_the_libraries():
    """Neither importing the packages nor the command line's package loads click or rich."""
    done = after(
        "import sys, runtime, statemachine, statemachine.cli, statemachine.cli.entry\n"
        "print([name for name in ('click', 'rich') if name in sys.modules])"
    )
    assert done.stdout.strip() == "[]"


def test_reading_a_log_needs_no_runtime(closed_log):
    """An auditor's program never loads the classes that train."""
    done = after(
        "import sys\n"
        "from statemachine.cli.application import run\n"
        f"code = run(['audit', {str(closed_log)!r}])\n"
        "print(code, 'runtime' in sys.modules, 'transitions' in sys.modules)"
    )
    assert done.stdout.splitlines()[-1] == "0 False False"


def test_the_module_is_the_program(closed_log):
    """`python -m statemachine.cli` does the same, with the same exit codes."""
    assert finished("audit", closed_log).returncode == 0
    assert finished("nonsense").returncode == 1


def test_an_unforeseen_error_is_a_message(monkeypatch, closed_log):
    """Not a traceback, unless it is asked for; it names the error and asks for a report."""
    from click.testing import CliRunner

    from statemachine.cli import state_command
    from statemachine.cli.application import DEBUG, application

    def fail(*_):
        raise ZeroDivisionError("by \x1b nothing")

    monkeypatch.setattr(state_command, "_facts", fail)
    result = CliRunner().invoke(application, ["state", str(closed_log)])
    assert result.exit_code == 2
    assert r"ZeroDivisionError: by \x1b nothing" in result.stderr
    assert "please report it" in result.stderr
    monkeypatch.setenv(DEBUG, "1")
    assert isinstance(
        CliRunner().invoke(application, ["state", str(closed_log)]).exception, ZeroDivisionError
    )


@pytest.mark.parametrize("arguments", [("audit",), ("show",), ("state", "--json")], ids=" ".join)
def test_an_output_on_a_full_disk_is_told_of(closed_log, arguments):
    """It is the output that can't be written, and not the log that can't be read."""
    command = [sys.executable, "-m", "statemachine.cli", *arguments, str(closed_log)]
    with open("/dev/full", "w") as full:
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True)
    assert done.returncode == 1
    assert done.stderr == ("monitored-session: can't write the output: No space left on device\n")


def test_a_program_without_an_output_still_judges(killed_log):
    """Who closes standard output and error wants the exit code alone."""
    command = f"'{sys.executable}' -m statemachine.cli audit '{killed_log}' >&- 2>&-"
    assert subprocess.run(["sh", "-c", command]).returncode == 4
