"""`diff`: where two logs part."""

from collections.abc import Iterator

import click
from rich.console import Console

from statemachine.cli import terminal
from statemachine.cli.difference import Divergence, first_divergences
from statemachine.cli.exit_codes import ExitCode
from statemachine.cli.failure import reading
from statemachine.cli.json_form import event_json, hook_class, schema_name, state_json, to_json
from statemachine.cli.options import json_option, log_argument
from statemachine.cli.show_command import detail_words
from statemachine.cli.source import Source
from statemachine.events import Event
from statemachine.log import EventLog
from statemachine.replay import SessionState, replay


@click.command("diff")
@log_argument("a")
@log_argument("b")
@json_option
def diff_command(a: Source, b: Source, as_json: bool) -> ExitCode:
    """Tell where the logs A and B part: the event, the hook, the field. Then a summary.

    Times and paths are ignored. Of the events that other threads wrote, only the order among
    those of one kind counts.
    """
    logs = (a.open(), b.open())
    states = []
    for path, log in zip((a, b), logs, strict=True):
        with reading(path):
            states.append(replay(log))
    with reading(f"{a} or {b}"):
        found = first_divergences(*logs)
    code = ExitCode.DIFFERENT if found else ExitCode.OK
    if as_json:
        print(to_json(_json((a, b), logs, states, found, code), indent=2))
    else:
        _print(terminal.stdout(), (a, b), logs, states, found)
    return code


# For programs


def _json(
    paths: tuple[Source, Source],
    logs: tuple[EventLog, EventLog],
    states: list[SessionState],
    found: list[Divergence],
    code: ExitCode,
) -> dict[str, object]:
    return {
        "schema": schema_name("diff"),
        "exit_code": int(code),
        "different": bool(found),
        "a": str(paths[0]),
        "b": str(paths[1]),
        "divergences": [_divergence_json(divergence, logs) for divergence in found],
        "summary": {
            name: {"log": str(path), "session": log.header.session, **state_json(state)}
            for name, path, log, state in zip(("a", "b"), paths, logs, states, strict=True)
        },
    }


def _divergence_json(divergence: Divergence, logs: tuple[EventLog, EventLog]) -> dict[str, object]:
    return {
        "field": divergence.field,
        "a": divergence.left,
        "b": divergence.right,
        "a_event": _event_json(divergence.left_event, logs[0]),
        "b_event": _event_json(divergence.right_event, logs[1]),
    }


def _event_json(event: Event | None, log: EventLog) -> dict[str, object] | None:
    return None if event is None else event_json(event, log.header.started, log.hooks)


# For people


def _print(
    console: Console,
    paths: tuple[Source, Source],
    logs: tuple[EventLog, EventLog],
    states: list[SessionState],
    found: list[Divergence],
) -> None:
    if not found:
        console.print("The two logs tell the same; only times and paths may differ.")
    for divergence in found:
        _print_divergence(console, divergence, paths, logs)
        console.print()
    made = terminal.table("", "A", "B")
    for name, here, there in _summary(states):
        style = None if here == there else "bold yellow"
        terminal.add_row(made, [name, here, there], style)
    console.print(made)


def _print_divergence(
    console: Console,
    divergence: Divergence,
    paths: tuple[Source, Source],
    logs: tuple[EventLog, EventLog],
) -> None:
    where = "of the header" if _of_header(divergence) else "of an event"
    console.print(terminal.text(f"first difference {where}: {divergence.field}", style="bold"))
    values = (divergence.left, divergence.right)
    events = (divergence.left_event, divergence.right_event)
    for name, path, log, value, event in zip("AB", paths, logs, values, events, strict=True):
        console.print(terminal.text(f"  {name} {path}"))
        if not _of_header(divergence):
            console.print(terminal.text(f"      {_event_words(event, log)}"))
        console.print(terminal.text(f"      {divergence.field} = {_value_words(value)}"))


def _of_header(divergence: Divergence) -> bool:
    return divergence.left_event is None and divergence.right_event is None


def _value_words(value: object) -> str:
    return "nothing" if value is None else value if isinstance(value, str) else to_json(value)


def _event_words(event: Event | None, log: EventLog) -> str:
    if event is None:
        return "has no such event"
    words = f"event {event.sequence} {event.kind.value}"
    if event.step is not None:
        words += f", step {event.step}"
    if event.hook is not None:
        words += f", hook {event.hook} ({hook_class(log.hooks, event.hook) or 'not declared'})"
    detail = detail_words(event)
    return f"{words}: {detail}" if detail else words


def _summary(states: list[SessionState]) -> Iterator[tuple[str, str, str]]:
    rows = [_summary_of(state) for state in states]
    for name in dict.fromkeys(name for row in rows for name in row):
        yield name, rows[0].get(name, "–"), rows[1].get(name, "–")


def _summary_of(state: SessionState) -> dict[str, str]:
    told = {
        "state": state.state.value,
        "events": str(state.events),
        "steps asked, done, failed": f"{state.steps_asked}, {state.steps_done}, "
        f"{state.steps_failed}",
        "stop": state.stop_reason or "–",
        "error": str(state.error or "–"),
    }
    for index, name in enumerate(state.hooks):
        calls = state.calls.get(index, {})
        told[f"calls of hook {index} ({name})"] = ", ".join(
            f"{method} {count}" for method, count in calls.items()
        )
    for name, checkpoint in (("saved", state.last_saved), ("restored", state.last_restored)):
        if checkpoint is not None:
            digest = (checkpoint.sha256 or "no digest")[:12]
            told[f"last checkpoint {name}"] = f"step {checkpoint.step}, {digest}"
    return told
