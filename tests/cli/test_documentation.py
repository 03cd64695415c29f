"""The guide to the command line says what the program does."""

import re
from pathlib import Path

from statemachine.cli.application import application
from statemachine.cli.exit_codes import ExitCode
from statemachine.cli.export_command import FORMATS
from tests.cli.running import run

GUIDE = (Path(__file__).parents[2] / "docs/command-line.md").read_text()


def test_every_exit_code_is_in_the_guide():
    """With the meaning that the program gives it, and no other code."""
    rows = re.findall(r"^\| (\d+) \| (.*) \|$", GUIDE, re.MULTILINE)
    assert {int(code): meaning for code, meaning in rows} == {
        int(code): code.meaning for code in ExitCode
    }


def test_every_command_is_in_the_guide():
    """The table names each command, and each of them has a help text."""
    named = set(re.findall(r"^\| `([a-z]+) ", GUIDE, re.MULTILINE))
    assert named == set(application.commands)
    for name in named:
        shown = run(name, "--help")
        assert shown.exit_code == 0
        assert "--json" in shown.stdout


def test_every_format_is_in_the_guide():
    """The table of exports names each format."""
    assert set(re.findall(r"^\| `([a-z-]+)` \|", GUIDE, re.MULTILINE)) == set(FORMATS)


def test_every_option_in_the_guide_is_there():
    """Whatever the guide writes with two hyphens, some command takes."""
    options = {
        o for command in application.commands.values() for p in command.params for o in p.opts
    }
    mentioned = set(re.findall(r"(?<![\w-])--[a-z]+(?:-[a-z]+)*", GUIDE)) - {"--help"}
    assert mentioned <= options
