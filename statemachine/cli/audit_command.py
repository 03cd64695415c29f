"""`audit`: what logs prove."""

import contextlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final

import attrs
import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.text import Text

from statemachine.audit import AuditReport, Finding, Verdict, audit
from statemachine.cli import terminal
from statemachine.cli.exit_codes import ExitCode, code_of_report, lowest
from statemachine.cli.failure import Failure, reading
from statemachine.cli.heads import Expected, head_words
from statemachine.cli.json_form import head_json, report_json, schema_name, to_json
from statemachine.cli.lineage import Ancestry, Descent, Family, ancestry_of, children_of
from statemachine.cli.options import expect_head_option, json_option
from statemachine.cli.source import Source, SourceType, find_logs
from statemachine.cli.units import count
from statemachine.errors import UnreadableLog
from statemachine.head import Head
from statemachine.json_log import is_json_log
from statemachine.log_check import check_log

VERDICTS: Final = ("integrity", "completeness", "conformance", "lineage")


@attrs.frozen
class Audited:
    """One log after its audit.

    Attributes:
        path: The log.
        code: What the exit code would be for it alone.
        report: The verdicts, or None if the log can't be read.
        failure: Why it can't be read, or None.
    """

    path: Source
    code: ExitCode
    report: AuditReport | None = None
    failure: str | None = None


@click.command("audit")
@click.argument("sources", metavar="LOG...|DIRECTORY", nargs=-1, required=True, type=SourceType())
@expect_head_option
@json_option
def audit_command(
    sources: tuple[Source, ...], expect_head: tuple[str, ...], as_json: bool
) -> ExitCode:
    """Say what logs prove: integrity, completeness, conformance and lineage.

    A DIRECTORY stands for all logs below it, a database (sqlite:///runs.db) for all that it holds.
    Logs given together know each other: a checkpoint that one session restored may have been saved
    by another one. A FILE.jsonl is a log in JSON lines, such as implementations in other languages
    write (specs/event.schema.json): it is audited for completeness and conformance.
    """
    logs = find_logs(sources)
    expected = Expected.named(expect_head)
    if expected.digests and len(logs) > 1:
        raise click.UsageError(
            "--expect-head with a digest goes with one log; for several, name a file of heads"
        )
    audited, descents = audit_together(logs, expected)
    missing = expected.missing(_sessions(audited)) if len(logs) > 1 else []
    code = lowest([ExitCode.INCOMPLETE] * bool(missing) + [one.code for one in audited])
    if as_json:
        print(to_json(_json(audited, descents, missing, code), indent=2))
    elif len(audited) == 1:
        _print_one(audited[0])
    else:
        _print_many(audited, descents, missing)
    return code


def _sessions(audited: Iterable[Audited]) -> Iterator[str]:
    return (one.report.header.session for one in audited if one.report and one.report.header)


def audit_together(
    logs: Sequence[Source], expected: Expected
) -> tuple[list[Audited], list[Descent]]:
    """Audit logs that know each other.

    Returns:
        The audits in the order of the logs, and which session descends from which.
    """
    with _progress(2 * len(logs) if len(logs) > 1 else 0) as step:
        family = Family(_ancestries(logs, step)) if len(logs) > 1 else Family(())
        of = expected.of if len(logs) > 1 else expected.of_only
        audited = [_audit_one(log, family.relevant_to(log), of, step) for log in logs]
    return audited, family.descents()


def _ancestries(logs: Sequence[Source], step: "_Ticker") -> Iterator[Ancestry]:
    for log in logs:
        with contextlib.suppress(Failure, OSError, UnreadableLog, ArithmeticError, ValueError):
            yield ancestry_of(log)
        step(log.name)


def _audit_one(
    log: Source,
    known: tuple[Source, ...],
    expected: Callable[[str], tuple[Head | str, ...]],
    step: "_Ticker",
) -> Audited:
    try:
        if not log.stored and is_json_log(log.path):
            return _check_told(log, expected)
        with reading(log):
            opened = log.open()
            others = [other.open() for other in known]
            report = audit(opened, known=others, expected=expected(opened.header.session))
        return Audited(log, code_of_report(report), report)
    except Failure as failure:
        return Audited(log, failure.code, failure=failure.message)
    finally:
        step(log.name)


def _check_told(log: Source, expected: Callable[[str], tuple[Head | str, ...]]) -> Audited:
    """Check a log in JSON lines, of whatever implementation."""
    if expected(""):
        raise Failure(
            ExitCode.USAGE,
            f"{log} is a log in JSON lines, which has no heads: audit the log itself",
        )
    with reading(log):
        report = check_log(log.path)
    return Audited(log, code_of_report(report), report)


class _Ticker:
    """Moves a progress bar by one, if there is one."""

    def __init__(self, progress: Progress | None, total: int) -> None:
        self._progress = progress
        self._task = progress.add_task("", total=total) if progress else None

    def __call__(self, name: str) -> None:
        if self._progress is not None and self._task is not None:
            words = terminal.text(name).plain
            self._progress.update(self._task, advance=1, description=f"auditing {words}")


@contextlib.contextmanager
def _progress(total: int) -> Iterator[_Ticker]:
    """A progress bar on standard error, if that is a terminal and there is more than one log."""
    console = terminal.stderr()
    if not total or not console.is_terminal:
        yield _Ticker(None, total)
        return
    columns = (
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.description}", markup=False),
    )
    with Progress(*columns, console=console, transient=True) as progress:
        yield _Ticker(progress, total)


# For programs


def _json(
    audited: Sequence[Audited],
    descents: Sequence[Descent],
    missing: Sequence[Head],
    code: ExitCode,
) -> dict[str, object]:
    return {
        "schema": schema_name("audit"),
        "exit_code": int(code),
        "logs": [_one_json(one) for one in audited],
        "lineage": [
            {
                "parent": str(descent.parent),
                "child": str(descent.child),
                "step": descent.checkpoint.step,
                "sha256": descent.checkpoint.sha256,
                "path": descent.checkpoint.path,
            }
            for descent in descents
        ],
        "missing": [head_json(head) for head in missing],
    }


def _one_json(one: Audited) -> dict[str, object]:
    if one.report is None:
        return {"log": str(one.path), "exit_code": int(one.code), "error": one.failure}
    return report_json(one.report, int(one.code)) | {"log": str(one.path)}


# For people


def _print_one(one: Audited) -> None:
    if one.report is None:
        raise Failure(one.code, one.failure or "it can't be read")
    console = terminal.stdout()
    console.print(terminal.text(f"audit of {one.path}", style="bold"))
    facts: list[tuple[str, object]] = [(f"  {n}", _verdict(one.report, n)) for n in VERDICTS]
    if one.report.head:
        facts.append(("  head", head_words(one.report.head)))
    console.print(terminal.facts(facts))
    print_findings(console, one.report.findings)


def _verdict(report: AuditReport, name: str) -> Text:
    return terminal.verdict_text(getattr(report, name))


def print_findings(console: Console, findings: Sequence[Finding]) -> None:
    """Print findings, each with the sentence of the documentation behind it."""
    for finding in findings:
        console.print()
        where = "" if finding.sequence is None else f", event {finding.sequence}"
        console.print(terminal.text(f"{finding.about}{where}: {finding.seen}"))
        if finding.allowed:
            console.print(terminal.text("  allowed there: " + "; ".join(finding.allowed)))
        console.print(terminal.text(f"  {finding.rule}: {finding.sentence}", style="dim italic"))


def _print_many(
    audited: Sequence[Audited], descents: Sequence[Descent], missing: Sequence[Head]
) -> None:
    console = terminal.stdout()
    made = terminal.table("log", *VERDICTS, "events", "steps", right=("events", "steps"))
    for one in audited:
        terminal.add_row(made, _row(one))
    console.print(made)
    for one in audited:
        _print_faults(console, one)
    for head in missing:
        console.print()
        console.print(
            terminal.text(f"no log of session {head.session}, whose head was expected: is it gone?")
        )
    if descents:
        console.print()
        _print_tree(console, audited, descents)
    well = sum(1 for one in audited if not one.code)
    console.print()
    console.print(f"{well} of {count(len(audited), 'log')} all well")


def _row(one: Audited) -> list[object]:
    if one.report is None:
        return [one.path, Text(one.code.meaning.split(":")[0], style="bold red"), *[""] * 5]
    state = one.report.state
    counts = [state.events, state.steps_done] if state else ["", ""]
    return [one.path, *(_verdict(one.report, name) for name in VERDICTS), *counts]


def _print_faults(console: Console, one: Audited) -> None:
    """The findings of a log that is not all well, for the verdicts that it failed."""
    if not one.code:
        return
    console.print()
    console.print(terminal.text(one.path, style="bold"))
    if one.report is None:
        console.print(terminal.text(one.failure or ""))
        return
    failed = {name for name in VERDICTS if getattr(one.report, name) is Verdict.FAIL}
    print_findings(console, [f for f in one.report.findings if f.about in failed])


_DEEPEST: Final = 24


def _print_tree(console: Console, audited: Sequence[Audited], descents: Sequence[Descent]) -> None:
    """Who descends from whom; sessions that are no relatives of others are left out."""
    console.print("[bold]lineage[/bold] (a session below another one restored its checkpoint)")
    for line in lineage_lines([one.path for one in audited], descents):
        console.print(terminal.text(line))


def lineage_lines(logs: Sequence[Source], descents: Sequence[Descent]) -> Iterator[str]:
    """A tree of the sessions, one a line, each indented below the one that it descends from."""
    under = children_of(descents)
    children = {descent.child for of in under.values() for descent in of}
    roots = [log for log in logs if log in under]
    seen: set[Source] = set()
    for root in sorted(roots, key=lambda log: log in children):  # a circle has no other root
        waiting = [] if root in seen else [(0, root, str(root))]
        while waiting:
            depth, path, words = waiting.pop()
            yield "  " * min(depth, _DEEPEST) + ("└ " if depth else "") + words
            if path not in seen:
                seen.add(path)
                waiting += [(depth + 1, d.child, _words(d)) for d in reversed(under.get(path, []))]


def _words(descent: Descent) -> str:
    step = descent.checkpoint.step
    return f"{descent.child}" + (f" from step {step}" if step is not None else "")
