"""`keygen`: a pair of keys for a witness."""

from pathlib import Path

import click

from statemachine.cli import terminal
from statemachine.cli.exit_codes import ExitCode
from statemachine.cli.failure import Failure
from statemachine.cli.heads import usable
from statemachine.cli.json_form import schema_name, to_json
from statemachine.cli.options import json_option
from statemachine.signed_note import DEFAULT_NAME, SigningKey


@click.command("keygen")
@click.argument("file", metavar="FILE", type=click.Path(path_type=Path))
@click.option(
    "--name",
    default=DEFAULT_NAME,
    show_default=True,
    help="What the key is called; best a name that is yours alone, as training.example.org.",
)
@json_option
def keygen_command(file: Path, name: str, as_json: bool) -> ExitCode:
    """Make a key that signs heads of logs.

    The private half goes into FILE, which only you may read; the public one into FILE.pub and on
    standard output. Whoever verifies a log needs the public one.
    """
    public = file.with_name(file.name + ".pub")
    for path in (file, public):
        if path.exists():
            raise Failure(ExitCode.USAGE, f"{path} exists, and a key is never overwritten")
    with usable("the name", name):
        key = SigningKey.generate(name)
    with usable("the file", file):
        key.save(file)
        public.write_text(f"{key.verifier}\n")
    if as_json:
        told = {"private": str(file), "public": str(public), "verifier_key": str(key.verifier)}
        print(to_json({"schema": schema_name("keygen"), **told}, indent=2))
    else:
        terminal.say(f"wrote {file} (private: keep it where no log is) and {public}")
        print(key.verifier)
    return ExitCode.OK
