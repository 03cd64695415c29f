"""`sign`: vouch for a log as it is now."""

from pathlib import Path

import attrs
import click

from statemachine.cli import terminal
from statemachine.cli.exit_codes import ExitCode
from statemachine.cli.failure import Failure, reading
from statemachine.cli.heads import heads_beside, heads_in, signing_key
from statemachine.cli.json_form import head_json, schema_name, to_json
from statemachine.cli.options import json_option, log_argument
from statemachine.cli.output_file import STANDARD_OUTPUT
from statemachine.cli.source import Source
from statemachine.cli.units import count
from statemachine.errors import UnreadableHead
from statemachine.head import Head
from statemachine.log import Reading
from statemachine.signed_note import Note, SigningKey
from statemachine.verification import verify
from statemachine.witness import HeadFile


@attrs.frozen
class Signed:
    """A head that was signed.

    Attributes:
        head: The head.
        note: The signed note.
        unsealed: How many events of the log it does not cover.
        written: Whether the note was new in the file.
    """

    head: Head
    note: Note
    unsealed: int
    written: bool = True


@click.command("sign")
@log_argument()
@click.option(
    "--key",
    required=True,
    type=click.Path(path_type=Path),
    help="The file of the private key, as keygen or OpenSSL writes it.",
)
@click.option(
    "--output",
    "-o",
    type=click.Path(path_type=Path),
    help="The file of heads to append to; - is standard output. Without it LOG.heads.",
)
@json_option
def sign_command(log: Source, key: Path, output: Path | None, as_json: bool) -> ExitCode:
    """Sign the head of LOG as it is now, after its digests were checked.

    Nothing is signed if LOG is damaged, or is not the log that had the heads that the key signed
    before. Whether what LOG tells is right, audit says.
    """
    place = output or heads_beside(log)
    signer = signing_key(key)
    signed = _sign(log, signer, place)
    if signed.written and place != STANDARD_OUTPUT:
        _append(place, signed.note)
    if as_json:
        print(to_json(_json(log, place, signed, signer), indent=2))
    elif place == STANDARD_OUTPUT:
        print(signed.note, end="")
    else:
        _print(log, place, signed)
    return ExitCode.OK


def _sign(log: Source, key: SigningKey, place: Path) -> Signed:
    opened = log.open()
    with reading(log):
        pass_ = opened.read()
        for _ in pass_:
            pass
    head = _head_of(log, pass_)
    note = key.sign(str(head))
    published = heads_in(place) if place.is_file() else []
    of_key = [one for one in published if one.note and key.verifier.signed(one.note)]
    with reading(log):
        faults = [one for one in verify(opened, key.verifier, of_key).heads if one.fault]
    if faults:
        raise Failure(
            ExitCode.TAMPERED,
            f"{log} is not signed: {place}, line {faults[0].line}: {faults[0].fault}",
        )
    known = any(one.head == head for one in of_key)
    return Signed(head, note, pass_.unsealed, not known)


def _head_of(log: Source, pass_: Reading) -> Head:
    head = pass_.chain.head()
    if head is None:
        raise Failure(
            ExitCode.UNREADABLE,
            f"{log} names no proper session, so it has no head: no session writes such a log",
        )
    return head


def _append(place: Path, note: Note) -> None:
    try:
        HeadFile(place).append(str(note))
    except UnreadableHead as error:
        raise Failure(ExitCode.USAGE, str(error)) from error
    except OSError as error:
        raise Failure(
            ExitCode.USAGE, f"can't write {place}: {error.strerror or error}; name another file"
        ) from error


def _json(log: Source, place: Path, signed: Signed, key: SigningKey) -> dict[str, object]:
    return {
        "schema": schema_name("sign"),
        "log": str(log),
        "output": str(place),
        "verifier_key": str(key.verifier),
        "head": head_json(signed.head),
        "note": str(signed.note),
        "already_signed": not signed.written,
        "unsealed_events": signed.unsealed,
    }


def _print(log: Source, place: Path, signed: Signed) -> None:
    if not signed.written:
        terminal.say(f"{place} holds this head of {log} already")
    else:
        covered = f"{count(signed.head.blocks, 'block')}, {count(signed.head.events, 'event')}"
        terminal.say(f"signed {log} ({covered}) into {place}")
    if not signed.head.complete:
        terminal.say(
            f"the log is not complete: {count(signed.unsealed, 'event')} that are not sealed, and "
            "what may still come, this head does not cover"
        )
