"""`show`: the events of a log, one a line."""

import sys
import time
from collections.abc import Callable, Iterator
from typing import Final

import click
from rich.console import Console
from rich.text import Text

from statemachine.block import Block
from statemachine.cli import terminal
from statemachine.cli.exit_codes import ExitCode
from statemachine.cli.failure import Failure, failure_of, reading
from statemachine.cli.follow import Follower
from statemachine.cli.json_form import event_json, hook_class, time_text, to_json
from statemachine.cli.options import json_option, log_argument
from statemachine.cli.plain_text import plain
from statemachine.cli.selection import (
    Mask,
    Misspelt,
    Selection,
    events_at,
    hooks_named,
    kinds_named,
    moment_named,
    steps_named,
)
from statemachine.cli.source import Source
from statemachine.errors import UnreadableLog
from statemachine.events import Event
from statemachine.form import Header
from statemachine.log import EventLog
from statemachine.replay import replay

_PAUSE: Final = 0.1
_STYLES: Final = {
    "state": "bold cyan",
    "raised": "bold red",
    "error": "bold red",
    "call": "red",
    "checkpoint": "green",
    "stop": "yellow",
    "note": "magenta",
    "step": "dim",
}


@click.command("show")
@log_argument()
@click.option("--kind", "-k", "kinds", multiple=True, help="Only this kind, as hook.* or raised.")
@click.option("--hook", "hooks", multiple=True, help="Only this hook: its place or its class.")
@click.option("--step", "steps", help="Only these steps: 5, 5:9, 5: or :9.")
@click.option("--since", help="Not before: +12.5s from the start, or 2025-01-31T12:00:00 (UTC).")
@click.option("--until", help="Not after; written as for --since.")
@click.option("--last", type=click.IntRange(1, sys.maxsize), help="Only the last so many of them.")
@click.option("--follow", "-f", is_flag=True, help="Go on until the session ends.")
@json_option
def show_command(
    log: Source,
    kinds: tuple[str, ...],
    hooks: tuple[str, ...],
    steps: str | None,
    since: str | None,
    until: str | None,
    last: int | None,
    follow: bool,
    as_json: bool,
) -> ExitCode:
    """Show the events of LOG, one a line.

    What is damaged ends the output; what comes before it is shown. With --follow the exit code
    is 0 when the session was closed and 4 when its writer died.
    """
    if follow and last:
        raise click.UsageError("--last and --follow can't be used together: use one of them")
    opened = log.open()
    try:
        selection = Selection(
            kinds_named(kinds),
            hooks_named(hooks, opened.hooks),
            steps_named(steps),
            moment_named(since, opened.header.started),
            moment_named(until, opened.header.started),
        )
    except Misspelt as error:
        raise click.UsageError(str(error)) from error
    printer = _json_printer(opened.header) if as_json else _line_printer(opened.header)
    if follow:
        return _follow(log, opened, selection, printer)
    events = selected(opened, selection)
    with reading(log):
        for event in events if last is None else _last(events, last):
            printer(event)
    return ExitCode.OK


def selected(log: EventLog, selection: Selection) -> Iterator[Event]:
    """The events of a log that are wanted.

    Raises:
        UnreadableLog: If a part of it can't be read; what comes before is yielded first.
    """
    pass_ = log.read()
    inside = False
    for block in pass_:
        mask = selection.mask(block, inside)
        yield from events_at(block, mask, pass_.header.started, inside)
        inside = block.in_step_after(inside)


def _last(events: Iterator[Event], count: int) -> Iterator[Event]:
    """The last events; if the log is damaged, the last before the damage, and then the error."""
    from collections import deque

    kept: deque[Event] = deque(maxlen=count)
    damage: UnreadableLog | None = None
    try:
        kept.extend(events)
    except UnreadableLog as error:
        damage = error
    yield from kept
    if damage is not None:
        raise damage


_Printer = Callable[[Event], None]


def _follow(path: Source, log: EventLog, selection: Selection, printer: _Printer) -> ExitCode:
    """Show what comes, until nobody writes any more."""
    follower = Follower(log)
    while True:
        with reading(path):
            for growth in follower.look():
                _print_growth(growth.block, growth.inside, growth.fresh, selection, log, printer)
        if not follower.running:
            return _say_how_it_ended(path, log, follower)
        time.sleep(_PAUSE)


def _print_growth(
    block: Block, inside: bool, fresh: Mask, selection: Selection, log: EventLog, printer: _Printer
) -> None:
    if not fresh.any():
        return
    wanted = fresh & selection.mask(block, inside)
    for event in events_at(block, wanted, log.header.started, inside):
        printer(event)


def _say_how_it_ended(path: Source, log: EventLog, follower: Follower) -> ExitCode:
    if follower.ended:
        terminal.say("the log is complete")
        return ExitCode.OK
    try:
        where = replay(log).stopped_in
    except (OSError, UnreadableLog) as error:
        raise failure_of(path, error) from error
    died = f"died in {where}" if where else "died after the session was closed"
    raise Failure(
        ExitCode.INCOMPLETE,
        f"nobody writes {path} any more: its writer {died}. "
        f"`monitored-session recover` seals what it left",
    )


def _json_printer(header: Header) -> _Printer:
    def show(event: Event) -> None:
        print(to_json(event_json(event, header.started, header.hooks)))

    return show


def _line_printer(header: Header) -> _Printer:
    """Prints lines: coloured and cut to the width on a terminal, whole elsewhere."""
    console = terminal.stdout()
    width = max((len(plain(name)) + 3 for name in header.hooks), default=4)
    width = min(width, 32)
    first = _line("#", "time (UTC)", "since start", "step", "kind", f"{'hook':<{width}}", "detail")
    _print_line(console, first, "bold")

    def show(event: Event) -> None:
        line = _line(
            str(event.sequence),
            time_text(event.time)[11:26],
            f"{(event.time - header.started) / 1e9:.6f}",
            "" if event.step is None else str(event.step),
            event.kind.value,
            f"{_hook_words(header, event):<{width}}",
            detail_words(event),
        )
        _print_line(console, line, _STYLES.get(event.kind.value.split(".")[0], ""))

    return show


def _line(*cells: str) -> str:
    number, moment, elapsed, step, kind, hook, detail = cells
    line = f"{number:>7}  {moment:<15}  {elapsed:>12}  {step:>7}  {kind:<28}  {hook}  {detail}"
    return line.rstrip()


def _print_line(console: Console, line: str, style: str) -> None:
    if console.is_terminal:
        console.print(Text(line, style=style), no_wrap=True, overflow="ellipsis")
    else:
        print(line)


def _hook_words(header: Header, event: Event) -> str:
    if event.hook is None:
        return ""
    name = hook_class(header.hooks, event.hook)
    return f"{event.hook} {plain(name or 'not declared')}"


def detail_words(event: Event) -> str:
    """The detail of an event in one line, fit to be printed."""
    details = (f"{key}={_value(value)}" for key, value in event.detail.items())
    values = (f"{value.role} by {value.by}: {value}" for value in event.values)
    return plain(", ".join((*details, *values)))


def _value(value: object) -> str:
    return value if isinstance(value, str) else to_json(value)
