"""`replay`: hooks of today's code against the calls that a log recorded."""

import os
import sys
from collections.abc import Callable, Iterable
from importlib import import_module
from typing import Any

import click

from statemachine.cli import terminal
from statemachine.cli.exit_codes import ExitCode
from statemachine.cli.failure import reading
from statemachine.cli.json_form import schema_name, to_json
from statemachine.cli.options import json_option, log_argument
from statemachine.cli.source import Source


@click.command("replay")
@log_argument()
@click.argument("factory", metavar="MODULE:FACTORY")
@json_option
def replay_command(log: Source, factory: str, as_json: bool) -> ExitCode:
    """Run hooks against the calls that LOG recorded, with no model at all.

    FACTORY is a function without arguments that returns the hooks; what operations it adds to the
    default graph are those of the model. Its code is run. The log has to record values:
    EventLog(path, record="scalars"). Told is where the hooks ask for other fetches or feeds, ask
    for a stop at another step, or raise.
    """
    make = _factory_named(factory)
    opened = log.open()
    if opened.header.record is None:
        raise click.UsageError(
            f"{log} records no values, so hooks can't be given any: write it with "
            'event_log=EventLog(path, record="scalars")'
        )
    # Any, here and below: the hooks' package stands above this one, so it is not known here.
    result: Any = _replayed(opened, make, factory, log)
    code = _code_of(result)
    if as_json:
        print(to_json(_json(log, factory, result, code), indent=2))
    else:
        terminal.stdout().print(terminal.text(str(result)))
    return code


def _code_of(result: Any) -> ExitCode:
    """The lowest that holds, as everywhere."""
    if result.unanswered is not None:
        return ExitCode.INCOMPLETE
    return ExitCode.OK if result.same else ExitCode.DIFFERENT


def _replayed(opened: Any, make: Callable[[], Iterable[Any]], factory: str, log: Source) -> Any:
    runtime: Any = import_module("runtime")
    graph = runtime.Graph()
    with graph.as_default():
        try:
            hooks = tuple(make())
        except Exception as error:
            raise click.UsageError(
                f"{factory} failed: {type(error).__name__}: {error}. It has to return the hooks"
            ) from error
    model = graph if graph.get_operations() else None
    with reading(log):
        try:
            return runtime.replay_hooks(opened, hooks, graph=model)
        except TypeError as error:
            raise click.UsageError(f"{factory} has to return hooks: {error}") from error


def _factory_named(name: str) -> Callable[[], Iterable[Any]]:
    """The function that ``module:function`` names; the current directory is looked at, too."""
    module, _, function = name.partition(":")
    if not module or not function:
        raise click.UsageError(
            f"{name!r} names no function: write MODULE:FACTORY, as in training.hooks:make_hooks"
        )
    if os.getcwd() not in sys.path:
        sys.path.insert(0, os.getcwd())
    try:
        found: Any = import_module(module)
        for part in function.split("."):
            found = getattr(found, part)
    except Exception as error:  # of whatever the module does
        raise click.UsageError(
            f"can't import {name}: {type(error).__name__}: {error}. Modules are looked for as "
            "`python -m` does, in the current directory first"
        ) from error
    if not callable(found):
        raise click.UsageError(f"{name} is no function that could return hooks")
    return found  # type: ignore[no-any-return]  # it was looked up by name


def _json(log: Source, factory: str, result: Any, code: ExitCode) -> dict[str, object]:
    return {
        "schema": schema_name("replay"),
        "exit_code": int(code),
        "log": str(log),
        "factory": factory,
        "same": result.same,
        "steps": result.steps,
        "stop_step": result.stop_step,
        "logged_stop_step": result.logged_stop_step,
        "hooks": [
            {"hook": index, "class": name, "log_hook": place}
            for index, (name, place) in enumerate(zip(result.hooks, result.log_hooks, strict=True))
        ],
        "differences": [_difference_json(difference) for difference in result.differences],
        "unanswered": None if result.unanswered is None else _difference_json(result.unanswered),
    }


def _difference_json(difference: Any) -> dict[str, object]:
    return {
        "kind": difference.kind,
        "hook": difference.hook,
        "log_hook": difference.log_hook,
        "hook_class": difference.name,
        "call": difference.call,
        "step": difference.step,
        "sequence": difference.sequence,
        "logged": difference.logged,
        "now": difference.now,
        "words": str(difference),
    }
