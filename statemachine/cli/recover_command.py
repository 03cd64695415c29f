"""`recover`: seals what a killed process left."""

from pathlib import Path

import click

from statemachine.cli import terminal
from statemachine.cli.exit_codes import ExitCode
from statemachine.cli.failure import Failure, failure_of
from statemachine.cli.json_form import schema_name, to_json
from statemachine.cli.options import json_option, log_argument
from statemachine.cli.recovery import EventsMissing, Recovery, StillWritten, recover
from statemachine.cli.source import Source
from statemachine.cli.units import count, size
from statemachine.errors import UnreadableLog
from statemachine.replay import SessionState, replay


@click.command("recover")
@log_argument()
@json_option
def recover_command(log: Source, as_json: bool) -> ExitCode:
    """Seal what a killed process left of LOG, so that every event is covered by a digest.

    The events that were not sealed yet are appended with the right digests, then a note that
    says so and the end marker. The session stays what it is: not closed, so that an audit still
    finds the log incomplete. It may be interrupted and run again.
    """
    if log.stored:
        raise click.UsageError(
            f"{log}: only a log in a file can be recovered; one in a database is read as it is, "
            "with what its tail holds"
        )
    log.open()
    done = _recover(log.path)
    state = _state_of(log)
    if as_json:
        print(to_json(_json(log.path, done, state), indent=2))
    else:
        _print(log.path, done, state)
    return ExitCode.OK


def _state_of(log: Source) -> SessionState | None:
    """What the log folds to; None if it holds events that nothing is known of."""
    try:
        return replay(log.open())
    except (UnreadableLog, ValueError):
        return None


def _recover(log: Path) -> Recovery:
    try:
        return recover(log)
    except StillWritten as error:
        raise Failure(
            ExitCode.USAGE,
            f"{error}: only what a dead process left can be recovered; wait, or read it as it is",
        ) from error
    except EventsMissing as error:
        raise Failure(
            ExitCode.INCOMPLETE,
            f"{error}; nothing was done. Was the log replaced by an older copy of itself?",
        ) from error
    except UnreadableLog as error:
        failure = failure_of(log, error)
        raise Failure(failure.code, f"{failure.message}; nothing was done") from error
    except OSError as error:
        raise Failure(
            ExitCode.USAGE, f"can't recover {log}: {error.strerror or error}; nothing was done"
        ) from error


def _json(log: Path, done: Recovery, state: SessionState | None) -> dict[str, object]:
    return {
        "schema": schema_name("recover"),
        "log": str(log),
        "already_complete": done.complete,
        "sealed_events": done.sealed,
        "appended_blocks": done.blocks,
        "torn_bytes": done.torn,
        "state": state.state.value if state else None,
        "stopped_in": state.stopped_in if state else None,
    }


def _print(log: Path, done: Recovery, state: SessionState | None) -> None:
    console = terminal.stdout()
    if done.complete:
        console.print(terminal.text(f"{log} is complete: there was nothing to do"))
        return
    console.print(terminal.text(f"{log}: sealed {count(done.sealed, 'event')}"))
    if done.torn:
        torn = f"left out {size(done.torn)} of a block that was never finished"
        console.print(terminal.text(torn))
    if state and state.stopped_in:
        words = f"the session was never closed: it died in {state.stopped_in}"
        console.print(terminal.text(words))
