"""Running commands: in this process through click's runner, or as a process of its own."""

import json
import subprocess
import sys

from click.testing import CliRunner

from statemachine.cli.application import application

COMMAND = [sys.executable, "-m", "statemachine.cli"]


def run(*arguments):
    """Run a command in this process.

    Returns:
        What it printed and its exit code. A traceback, or an error that was not foreseen, is a
        failure of the test.
    """
    result = CliRunner().invoke(application, [str(argument) for argument in arguments])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    assert "Traceback" not in result.output
    assert "not foreseen" not in result.output, result.output
    return result


def run_json(*arguments):
    """Run a command with `--json`; what it printed, decoded, and its exit code."""
    result = run(*arguments, "--json")
    return json.loads(result.stdout), result.exit_code


def spawn(*arguments, **options):
    """Start a command as a process of its own."""
    options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True} | options
    return subprocess.Popen([*COMMAND, *map(str, arguments)], **options)


def finished(*arguments, **options):
    """Run a command as a process of its own; its output and exit code."""
    process = spawn(*arguments, **options)
    stdout, stderr = process.communicate(timeout=60)
    return subprocess.CompletedProcess(arguments, process.returncode, stdout, stderr)
