"""`conform`: whether a session class keeps the documented order, and a hook what hooks promise."""

import contextlib
import importlib
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from statemachine.cli import terminal
from statemachine.cli.exit_codes import ExitCode
from statemachine.cli.failure import Failure, unwritable
from statemachine.cli.json_form import schema_name, to_json
from statemachine.cli.options import json_option

if TYPE_CHECKING:
    from statemachine.testing.hook_scenario import HookScenario
    from statemachine.testing.known import Known
    from statemachine.testing.results import Report
    from statemachine.testing.scenario import Scenario

DEFAULT_EXAMPLES = 500
DEFAULT_HOOK_EXAMPLES = 150
SECONDS_EACH = 60.0


@click.command("conform")
@click.argument("adapter", metavar="MODULE:NAME")
@click.option("--hook", is_flag=True, help="MODULE:NAME is a hook: its factory, or its class.")
@click.option(
    "--max-examples",
    type=click.IntRange(1),
    help="How many scenarios are played: "
    f"{DEFAULT_EXAMPLES} on a session class, {DEFAULT_HOOK_EXAMPLES} around a hook, by default.",
)
@click.option("--seed", type=int, default=0, help="What the scenarios are drawn from.")
@click.option(
    "--timeout",
    type=click.FloatRange(0, min_open=True),
    default=SECONDS_EACH,
    show_default=True,
    metavar="SECONDS",
    help="After how long a scenario is given up, because the session class hangs.",
)
@click.option(
    "--known",
    type=click.Path(path_type=Path),
    help="A TOML file of failures that are expected, each with its reason.",
)
@click.option(
    "--replay",
    type=click.Path(path_type=Path),
    help="Play the scenario in this file, and no other.",
)
@click.option(
    "--save",
    type=click.Path(path_type=Path),
    help="A directory for scenario, program and event log of each failure.",
)
@click.option(
    "--markdown", type=click.Path(path_type=Path), help="Write the compliance table to this file."
)
@json_option
def conform_command(
    adapter: str,
    hook: bool,
    max_examples: int | None,
    seed: int,
    timeout: float,
    known: Path | None,
    replay: Path | None,
    save: Path | None,
    markdown: Path | None,
    as_json: bool,
) -> ExitCode:
    """Play scenarios on a session class, and compare with the documented order.

    MODULE:NAME is an adapter of the class, such as runtime.testing.numpy_sessions:singular; with
    --hook it is what makes a hook, and the scenarios are played around the hook. Modules are
    looked for in the current directory, too.
    """
    testing = _testing()
    from statemachine.testing.known import KnownError
    from statemachine.testing.scenario import ScenarioError

    expected = () if known is None else _known(known)
    if hook:
        adapted = testing.HookAdapter.of(_factory(adapter))
        check, check_one = testing.check_hook, testing.check_hook_scenario
    else:
        adapted = _adapter(adapter, testing)
        check = partial(testing.check_session, seconds_each=timeout)
        check_one = partial(testing.check_scenario, seconds_each=timeout)
    try:
        if replay is not None:
            report = check_one(adapted, _scenario(replay, hook), expected)
        else:
            count = max_examples or (DEFAULT_HOOK_EXAMPLES if hook else DEFAULT_EXAMPLES)
            report = check(adapted, max_examples=count, known=expected, seed=seed)
    except (testing.HookFactoryError, testing.AdapterError, ScenarioError) as error:
        raise Failure(ExitCode.USAGE, f"can't check {adapter}: {error}") from error
    except KnownError as error:
        raise Failure(ExitCode.USAGE, f"can't use --known {known}: {error}") from error
    except testing.SessionHangs as error:
        raise Failure(ExitCode.NOT_CONFORMANT, str(error)) from error
    saved: list[Path] = []
    if save is not None:
        with _writing(save, "--save"):
            saved = testing.save_counterexamples(report, adapted, save, adapter)
    if markdown is not None:
        with _writing(markdown, "--markdown"):
            markdown.write_text(report.markdown(), "utf-8")
    code = ExitCode.OK if report.passed else ExitCode.NOT_CONFORMANT
    if as_json:
        told = {"schema": schema_name("conform"), "exit_code": int(code), **report.json()}
        print(to_json({**told, "saved": [str(path) for path in saved]}, indent=2))
    else:
        _print(report, saved, f"--hook {adapter}" if hook else adapter)
    return code


# Any: modules and adapters are the user's own.
def _testing() -> Any:
    try:
        return importlib.import_module("runtime.testing")
    except ImportError as error:
        raise Failure(
            ExitCode.USAGE,
            "conform needs the extra `testing`: pip install 'monitored-session[testing]' "
            f"({error})",
        ) from error


def _named(name: str, what: str, example: str) -> Any:
    """What stands under a name in a module."""
    module_name, colon, attribute = name.partition(":")
    if not (colon and module_name and attribute):
        raise Failure(
            ExitCode.USAGE,
            f"{name!r} names no {what}: give MODULE:{what.upper()}, such as {example}",
        )
    with _current_directory_on_the_path():
        try:
            return getattr(importlib.import_module(module_name), attribute)
        except (Exception, SystemExit) as error:  # whatever goes wrong in the user's module
            raise _unusable(name, what, error) from error


def _unusable(name: str, what: str, error: BaseException) -> Failure:
    module_name, _, attribute = name.partition(":")
    return Failure(
        ExitCode.USAGE,
        f"can't get the {what} {attribute} from the module {module_name}: "
        f"{type(error).__name__}: {error}",
    )


def _factory(name: str) -> Any:
    found = _named(name, "factory", "runtime.train:SessionRunHook")
    if not (callable(found) or hasattr(found, "factory")):
        raise Failure(
            ExitCode.USAGE,
            f"{name} is {found!r:.80}; a hook is checked by its class, by a function that makes a "
            "fresh one, or by a runtime.testing.HookAdapter",
        )
    return found


def _adapter(name: str, testing: Any) -> Any:
    found = _named(name, "adapter", "runtime.testing.numpy_sessions:singular")
    if isinstance(found, type):
        try:
            found = found()
        except (Exception, SystemExit) as error:  # the user's own class
            raise _unusable(name, "adapter", error) from error
    if not isinstance(found, testing.SessionAdapter):
        raise Failure(
            ExitCode.USAGE,
            f"{name} is {found!r:.80}; an adapter is an object of a class derived from "
            "runtime.testing.SessionAdapter",
        )
    return found


@contextlib.contextmanager
def _current_directory_on_the_path() -> Iterator[None]:
    here = str(Path.cwd())
    sys.path.insert(0, here)
    try:
        yield
    finally:
        with contextlib.suppress(ValueError):
            sys.path.remove(here)


def _known(path: Path) -> "tuple[Known, ...]":
    from statemachine.testing.known import KnownError, read_known

    try:
        return read_known(path)
    except (OSError, KnownError, UnicodeDecodeError) as error:
        raise Failure(ExitCode.USAGE, f"can't use --known {path}: {error}") from error


def _scenario(path: Path, of_hook: bool) -> "Scenario | HookScenario":
    from statemachine.testing.hook_scenario import HookScenario
    from statemachine.testing.scenario import Scenario, ScenarioError

    try:
        return HookScenario.read(path) if of_hook else Scenario.read(path)
    except (OSError, ScenarioError) as error:
        raise Failure(ExitCode.UNREADABLE, f"can't replay {path}: {error}") from error


@contextlib.contextmanager
def _writing(path: Path, option: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise unwritable(path, error, option) from error


def _print(report: "Report", saved: list[Path], name: str) -> None:
    console = terminal.stdout()
    for line in str(report).splitlines():
        console.print(terminal.text(line))
    for path in saved:
        console.print(terminal.text(f"again: monitored-session conform {name} --replay {path}"))
