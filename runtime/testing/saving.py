"""Keeps counterexamples: a scenario file, an event log, and a program that plays it again."""

from pathlib import Path

from runtime.testing.adapter import SessionAdapter
from runtime.testing.hook_play import HookAdapter
from statemachine.testing.features import Sees
from statemachine.testing.results import Report, Result


def save_counterexamples(
    report: Report, adapter: SessionAdapter | HookAdapter, directory: Path, name: str
) -> list[Path]:
    """Write what shows each failure again.

    Args:
        report: The report.
        adapter: The adapter that it is about.
        directory: Where the files go; it is made if it isn't there.
        name: Where the adapter or the hook's factory is, as ``module:name``.

    Returns:
        The scenario files. Beside each are the program (``.py``) and, if the session writes one,
        the event log (``.arrows``).

    Raises:
        OSError: If a file can't be written.
    """
    directory.mkdir(parents=True, exist_ok=True)
    return [_save(result, adapter, directory, name) for result in report.failures]


def _save(
    result: Result, adapter: SessionAdapter | HookAdapter, directory: Path, name: str
) -> Path:
    assert result.counterexample is not None
    scenario = result.counterexample.scenario
    path = directory / f"{result.check.name}.json"
    scenario.write(path)
    path.with_suffix(".py").write_text(scenario.program(name), "utf-8")
    if isinstance(adapter, SessionAdapter) and Sees.LOG in adapter.sees:
        log = path.with_suffix(".arrows")
        log.unlink(missing_ok=True)
        with adapter.surroundings():
            adapter.observe(scenario, log)
    return path
