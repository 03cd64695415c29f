"""`state`: what a log folds to."""

from collections.abc import Iterable, Iterator

import click
from rich.text import Text

from statemachine.cli import terminal
from statemachine.cli.exit_codes import ExitCode
from statemachine.cli.failure import reading
from statemachine.cli.json_form import schema_name, state_json, time_text, to_json
from statemachine.cli.options import json_option, log_argument
from statemachine.cli.plain_text import plain
from statemachine.cli.source import Source
from statemachine.cli.units import size
from statemachine.replay import Checkpoint, SessionState, replay
from statemachine.values import Value


@click.command("state")
@log_argument()
@click.option("--at", type=click.IntRange(min=0), help="After the event with this number.")
@json_option
def state_command(log: Source, at: int | None, as_json: bool) -> ExitCode:
    """Tell the state of the session that wrote LOG, at its end or after an earlier event."""
    opened = log.open()
    with reading(log):
        state = replay(opened, at)
    if at is not None and (state.last_event is None or state.last_event.sequence < at):
        raise click.UsageError(
            f"--at {at}: {log} holds {state.events} events, numbered from 0; name one of them"
        )
    if as_json:
        told = {"schema": schema_name("state"), "log": str(log), "at": at, **state_json(state)}
        print(to_json(told, indent=2))
    else:
        _print(state)
    return ExitCode.OK


def _print(state: SessionState) -> None:
    console = terminal.stdout()
    console.print(terminal.facts(_facts(state)))
    if state.hooks:
        console.print()
        console.print(_calls(state))


def _facts(state: SessionState) -> Iterator[tuple[str, object]]:
    yield "state", Text(state.state.value, style="bold")
    if state.stopped_in:
        yield "stands in", state.stopped_in
    if state.last_event:
        last = state.last_event
        yield "last event", f"{last.sequence} {last.kind.value} at {time_text(last.time)}"
    yield (
        "steps",
        f"{state.steps_asked} asked, {state.steps_done} done, {state.steps_failed} failed",
    )
    told = (
        ("stop asked by", state.stop_asked_by),
        ("stop reason", state.stop_reason),
        ("error", state.error),
        ("last failed step", state.last_failure),
        ("recoveries", state.recoveries),
        ("given up for", state.recovery_cause),
        ("last saved", checkpoint_words(state.last_saved)),
        ("last restored", checkpoint_words(state.last_restored)),
        ("last values", values_words(state.last_values)),
    )
    yield from ((name, value) for name, value in told if value)


def checkpoint_words(checkpoint: Checkpoint | None) -> str | None:
    """A checkpoint in one line."""
    if checkpoint is None:
        return None
    words = checkpoint.path or "a checkpoint"
    if checkpoint.step is not None:
        words += f", step {checkpoint.step}"
    if checkpoint.size is not None:
        words += f", {size(checkpoint.size)}"
    return words + (f", sha256 {checkpoint.sha256[:12]}…" if checkpoint.sha256 else "")


def values_words(values: Iterable[Value]) -> str:
    """Recorded values in one line, each tensor once for all who fetched it."""
    return plain(", ".join(dict.fromkeys(map(str, values))))


def _calls(state: SessionState) -> object:
    methods = ("begin", "after_create_session", "before_run", "after_run", "end")
    made = terminal.table("hook", *methods, right=methods, title="calls of the hooks' methods")
    for index, name in enumerate(state.hooks):
        calls = state.calls.get(index, {})
        terminal.add_row(made, [f"{index} {name}", *(calls.get(method, 0) for method in methods)])
    return made
