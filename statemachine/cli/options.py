"""Arguments and options that several commands share."""

from collections.abc import Callable
from typing import Any, TypeVar

import click

from statemachine.cli.source import SourceType

# Any: a command's function may take whatever its options are.
_Function = TypeVar("_Function", bound=Callable[..., Any])


def _remember(context: click.Context, _: click.Parameter, wanted: bool) -> bool:
    context.meta["json"] = wanted
    return wanted


def json_option(function: _Function) -> _Function:
    """Add `--json`: output for programs."""
    return click.option(
        "--json",
        "as_json",
        is_flag=True,
        callback=_remember,
        is_eager=True,
        help="Print JSON for programs instead.",
    )(function)


def expect_head_option(function: _Function) -> _Function:
    """Add `--expect-head`: what was kept elsewhere of a log."""
    return click.option(
        "--expect-head",
        "expect_head",
        multiple=True,
        metavar="DIGEST|FILE",
        help="A head that was kept elsewhere: its digest, or a file of heads, whose signatures "
        "are not looked at.",
    )(function)


def log_argument(name: str = "log") -> Callable[[_Function], _Function]:
    """Add an argument that names one log."""
    return click.argument(name, metavar=name.upper(), type=SourceType())
