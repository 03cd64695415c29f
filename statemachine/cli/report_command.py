"""`report`: a page about a log, for people who don't know the library."""

from pathlib import Path

import click

from statemachine.cli import terminal
from statemachine.cli.exit_codes import ExitCode
from statemachine.cli.failure import reading
from statemachine.cli.json_form import schema_name, to_json
from statemachine.cli.options import json_option, log_argument
from statemachine.cli.output_file import STANDARD_OUTPUT, written
from statemachine.cli.page.document import page
from statemachine.cli.page.material import gather
from statemachine.cli.source import Source, SourceType, find_logs
from statemachine.cli.units import size


@click.command("report")
@log_argument()
@click.option(
    "--output",
    "-o",
    type=click.Path(path_type=Path),
    required=True,
    help="The file to write; - is standard output.",
)
@click.option(
    "--known",
    "known",
    multiple=True,
    type=SourceType(),
    help="Another log, or a directory of logs, whose session may have saved what was restored.",
)
@json_option
def report_command(log: Source, output: Path, known: tuple[Source, ...], as_json: bool) -> ExitCode:
    """Make a page about LOG: one HTML file that needs nothing else.

    The path through the lifecycle, a timeline, what each hook cost, checkpoints, and the findings
    of the audit.
    """
    if as_json and output == STANDARD_OUTPUT:
        raise click.UsageError("--json tells of a file: name one with -o, or leave out --json")
    opened = log.open()
    with reading(log):
        material = gather(log, opened, find_logs(known))
    content = page(material).encode("utf-8")
    with written(output) as file:
        file.write(content)
    if as_json:
        told = {"log": str(log), "output": str(output), "bytes": len(content)}
        print(to_json({"schema": schema_name("report"), **told}, indent=2))
    elif output != STANDARD_OUTPUT:
        terminal.say(f"wrote {output}, {size(len(content))}")
    return ExitCode.OK
