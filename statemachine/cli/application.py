"""The group of all commands, and the one place where a command ends: with an exit code."""

import contextlib
import os
import sys
from collections.abc import Sequence
from importlib import metadata
from typing import Any, Final

import click

from statemachine.cli import terminal
from statemachine.cli.audit_command import audit_command
from statemachine.cli.conform_command import conform_command
from statemachine.cli.diff_command import diff_command
from statemachine.cli.exit_codes import ExitCode
from statemachine.cli.export_command import export_command
from statemachine.cli.failure import Failure
from statemachine.cli.json_form import schema_name, to_json
from statemachine.cli.keygen_command import keygen_command
from statemachine.cli.recover_command import recover_command
from statemachine.cli.replay_command import replay_command
from statemachine.cli.report_command import report_command
from statemachine.cli.show_command import show_command
from statemachine.cli.sign_command import sign_command
from statemachine.cli.state_command import state_command
from statemachine.cli.stats_command import stats_command
from statemachine.cli.verify_command import verify_command

PROGRAM: Final = "monitored-session"
DEBUG: Final = "MONITORED_SESSION_DEBUG"
"""An environment variable: set, an unforeseen error is shown with its traceback."""


class Application(click.Group):
    """A group of commands each of which returns its `ExitCode`."""

    # Any: click passes on whatever its callers name.
    def main(self, *arguments: Any, **options: Any) -> Any:
        """Run one command.

        Exits the process with the code, unless `standalone_mode` is False: then returns it.
        """
        standalone = options.pop("standalone_mode", True)
        code = self._code_of(*arguments, standalone_mode=False, **options)
        if standalone:
            sys.exit(int(code))
        return code

    def _code_of(self, *arguments: Any, **options: Any) -> int:
        try:
            return _as_code(super().main(*arguments, **options))
        except click.exceptions.Exit as exit_:
            return _as_code(exit_.exit_code)
        except click.ClickException as error:
            given = arguments[0] if arguments else options.get("args")
            if "--json" in (sys.argv[1:] if given is None else given):
                _tell_json(ExitCode.USAGE, error.format_message())
            terminal.say(_usage_message(error))
            return ExitCode.USAGE
        except (click.Abort, KeyboardInterrupt):
            terminal.say("interrupted")
            return ExitCode.INTERRUPTED

    def invoke(self, context: click.Context) -> Any:
        """Run the command, and turn every error into a message and an exit code."""
        try:
            code = super().invoke(context)
            sys.stdout.flush()
            return code
        except BrokenPipeError:
            _drop_output()
            return ExitCode.READER_GONE
        except Failure as failure:
            return _fail(context, failure.code, failure.message)
        except (click.ClickException, click.exceptions.Exit, click.Abort):
            raise
        except Exception as error:  # nobody is to see a traceback for what a log holds
            if isinstance(error, OSError) and error.errno and error.filename is None:
                _drop_output()
                return _fail(context, ExitCode.USAGE, f"can't write the output: {error.strerror}")
            if os.environ.get(DEBUG):
                raise
            return _fail(context, ExitCode.UNREADABLE, _unforeseen(error))


def _as_code(value: object) -> int:
    return value if isinstance(value, int) else ExitCode.OK


def _usage_message(error: click.ClickException) -> str:
    context = getattr(error, "ctx", None)
    lines = [f"{PROGRAM}: {error.format_message()}"]
    if isinstance(context, click.Context):
        lines.append(context.get_usage())
        lines.append(f"`{context.command_path} --help` says more")
    return "\n".join(lines)


def _unforeseen(error: Exception) -> str:
    return (
        f"this could not be done, by an error that was not foreseen: {type(error).__name__}: "
        f"{error}. With {DEBUG}=1 in the environment its traceback is shown; please report it"
    )


def _fail(context: click.Context, code: ExitCode, message: str) -> ExitCode:
    if context.meta.get("json"):
        _tell_json(code, message)
    terminal.say(f"{PROGRAM}: {message}")
    return code


def _tell_json(code: ExitCode, message: str) -> None:
    told = {"schema": schema_name("error"), "exit_code": int(code), "error": message}
    with contextlib.suppress(OSError):  # the reader went away, or has no room for it
        print(to_json(told), flush=True)


def _drop_output() -> None:
    """Send what is still to be written nowhere, so that the interpreter ends in silence."""
    with contextlib.suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)


def _version(context: click.Context, _: click.Parameter, wanted: bool) -> None:
    if wanted:
        print(f"{PROGRAM} {metadata.version(PROGRAM)}")
        context.exit(ExitCode.OK)


@click.group(
    PROGRAM,
    cls=Application,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Exit codes: "
    + "; ".join(f"{int(code)} {code.meaning}" for code in ExitCode)
    + ". Where several hold, the lowest.",
)
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_version,
    help="Say which version this is.",
)
def application() -> None:
    """Read, audit, compare and export the event logs of training sessions."""


for _command in (
    show_command,
    state_command,
    audit_command,
    stats_command,
    diff_command,
    replay_command,
    recover_command,
    export_command,
    report_command,
    keygen_command,
    sign_command,
    verify_command,
    conform_command,
):
    application.add_command(_command)


def run(arguments: Sequence[str] | None = None) -> int:
    """Run the program.

    Args:
        arguments: What stands after its name; None takes the process's own.

    Returns:
        The exit code.
    """
    for name in ("stdout", "stderr"):  # closed by who started it: nobody wants to read that
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w"))  # noqa: SIM115  # for the whole process
    code = application.main(args=arguments, prog_name=PROGRAM, standalone_mode=False)
    return int(code)
