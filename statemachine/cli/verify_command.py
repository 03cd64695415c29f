"""`verify`: hold a log against the signed heads that were published of it."""

from pathlib import Path

import click
from rich.console import Console

from statemachine.audit import Verdict
from statemachine.cli import terminal
from statemachine.cli.audit_command import print_findings
from statemachine.cli.exit_codes import OF_VERDICT, ExitCode, lowest
from statemachine.cli.failure import reading
from statemachine.cli.heads import (
    Expected,
    head_words,
    heads_beside,
    heads_in,
    verifier_key,
)
from statemachine.cli.json_form import finding_json, head_json, schema_name, to_json
from statemachine.cli.options import expect_head_option, json_option, log_argument
from statemachine.cli.source import Source
from statemachine.cli.units import count
from statemachine.signed_note import VerifierKey
from statemachine.verification import Verification, verify

_VERDICTS = ("integrity", "completeness")


@click.command("verify")
@log_argument()
@click.option(
    "--key",
    "keys",
    multiple=True,
    required=True,
    help="The public key, as keygen prints it, or a file that holds it (also in PEM).",
)
@click.option(
    "--witness",
    "witness",
    type=click.Path(path_type=Path),
    help="The file of heads; without it LOG.heads.",
)
@expect_head_option
@json_option
def verify_command(
    log: Source,
    keys: tuple[str, ...],
    witness: Path | None,
    expect_head: tuple[str, ...],
    as_json: bool,
) -> ExitCode:
    """Tell whether LOG is the log whose heads were signed, all of it.

    The exit code is 0 if the digests are right, the log had every head that one of the keys signed,
    and the newest of them says that the log is complete; 3 if something was changed, or nothing is
    signed; 4 if something was cut off, or comes after the newest signed head.
    """
    trusted = [verifier_key(key) for key in keys]
    expected = Expected.named(expect_head)
    place = witness or heads_beside(log)
    published = heads_in(place)
    opened = log.open()
    with reading(log):
        done = verify(opened, trusted, published, expected=expected.of_only(opened.header.session))
    code = lowest(OF_VERDICT[name] for name in _VERDICTS if getattr(done, name) is Verdict.FAIL)
    if as_json:
        print(to_json(_json(log, place, trusted, done, code), indent=2))
    else:
        _print(terminal.stdout(), log, done)
    return code


def _json(
    log: Source, place: Path, keys: list[VerifierKey], done: Verification, code: ExitCode
) -> dict[str, object]:
    return {
        "schema": schema_name("verify"),
        "exit_code": int(code),
        "log": str(log),
        "session": done.session,
        "witness": str(place),
        "keys": [str(key) for key in keys],
        "integrity": done.integrity.value,
        "completeness": done.completeness.value,
        "head": head_json(done.head),
        "covered_events": done.covered,
        "signed_heads": [
            {
                "line": one.line,
                "head": head_json(one.head),
                "keys": list(one.keys),
                "fault": one.fault,
            }
            for one in done.heads
        ],
        "findings": [finding_json(finding) for finding in done.findings],
        "remarks": list(done.remarks),
    }


def _print(console: Console, log: Source, done: Verification) -> None:
    console.print(terminal.text(f"verification of {log}", style="bold"))
    verdicts = [(f"  {name}", terminal.verdict_text(getattr(done, name))) for name in _VERDICTS]
    console.print(terminal.facts([*verdicts, *_facts(done)]))
    print_findings(console, done.findings)
    for remark in done.remarks:
        console.print()
        console.print(terminal.text(f"the file of heads: {remark}"))


def _facts(done: Verification) -> list[tuple[str, object]]:
    right = sum(1 for one in done.heads if one.fault is None)
    facts: list[tuple[str, object]] = [
        ("  signed heads", f"{right} of {len(done.heads)} are heads of this log"),
        ("  they cover", count(done.covered, "event")),
    ]
    return facts + ([("  head", head_words(done.head))] if done.head else [])
