"""Printing: tables and messages for people, and nothing that a log could put in between."""

import sys
from collections.abc import Iterable, Sequence
from typing import Final

from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from statemachine.audit import Verdict
from statemachine.cli.plain_text import plain

_WIDTH_OF_FILES: Final = 160
VERDICT_STYLES: Final = {
    Verdict.PASS: "green",
    Verdict.FAIL: "bold red",
    Verdict.NOT_CHECKED: "yellow",
}


def stdout() -> Console:
    """What results are printed on."""
    return _console(stderr=False)


def stderr() -> Console:
    """What messages and progress bars are printed on."""
    return _console(stderr=True)


def _console(stderr: bool) -> Console:
    stream = sys.stderr if stderr else sys.stdout
    width = None if stream.isatty() else _WIDTH_OF_FILES
    return Console(stderr=stderr, width=width, highlight=False, emoji=False)


def say(message: str) -> None:
    """Tell something on standard error, as it is, in one piece."""
    print("\n".join(plain(line) for line in message.split("\n")), file=sys.stderr, flush=True)


def text(words: object, style: str = "") -> Text:
    """A text of a log, fit to be printed."""
    return Text(plain(words), style=style)


def verdict_text(verdict: Verdict) -> Text:
    """A verdict in its colour."""
    return Text(verdict.value, style=VERDICT_STYLES[verdict])


def table(*columns: str, right: Iterable[str] = (), title: str | None = None) -> Table:
    """An empty table.

    Args:
        *columns: Its headings.
        right: Those of columns with numbers.
        title: What stands above it.
    """
    numbers = frozenset(right)
    made = Table(
        title=None if title is None else escape(title),
        title_justify="left",
        title_style="bold",
        box=None,
        pad_edge=False,
        padding=(0, 2, 0, 0),
    )
    for column in columns:
        made.add_column(
            column, justify="right" if column in numbers else "left", overflow="fold", style=None
        )
    return made


def add_row(to: Table, cells: Sequence[object], style: str | None = None) -> None:
    """Add a row; cells that are no `Text` yet become texts that are fit to be printed."""
    to.add_row(*(c if isinstance(c, Text) else text(c) for c in cells), style=style)


def facts(pairs: Iterable[tuple[str, object]]) -> Table:
    """Names and values, one pair a line."""
    made = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
    made.add_column(style="dim", no_wrap=True)
    made.add_column(overflow="fold")
    for name, value in pairs:
        made.add_row(name, value if isinstance(value, Text) else text(value))
    return made
