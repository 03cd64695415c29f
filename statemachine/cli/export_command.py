"""`export`: a log in a form that other tools read."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

import click

from statemachine.cli import terminal
from statemachine.cli.chrome_trace import write_chrome_trace
from statemachine.cli.exit_codes import ExitCode
from statemachine.cli.failure import reading
from statemachine.cli.json_form import schema_name, to_json
from statemachine.cli.options import json_option, log_argument
from statemachine.cli.output_file import STANDARD_OUTPUT, written
from statemachine.cli.rows import Sink, write_csv, write_jsonl, write_parquet
from statemachine.cli.source import Source
from statemachine.cli.units import size
from statemachine.cli.xes import write_xes
from statemachine.log import EventLog

FORMATS: Final[Mapping[str, Callable[[EventLog, Sink], None]]] = {
    "jsonl": write_jsonl,
    "csv": write_csv,
    "parquet": write_parquet,
    "chrome-trace": write_chrome_trace,
    "xes": write_xes,
}
"""What a log can be exported to."""


class _Counted:
    """A sink that knows how much went into it."""

    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        self.size = 0

    def write(self, data: bytes) -> int:
        """Write bytes."""
        self.size += len(data)
        return self._sink.write(data)


@click.command("export")
@log_argument()
@click.option(
    "--format",
    "-f",
    "form",
    type=click.Choice(list(FORMATS)),
    required=True,
    help="jsonl, csv, parquet: one row an event. chrome-trace: opens in Perfetto (ui.perfetto.dev) "
    "and Chrome. xes: opens in tools for process mining.",
)
@click.option(
    "--output",
    "-o",
    type=click.Path(path_type=Path),
    required=True,
    help="The file to write; - is standard output.",
)
@json_option
def export_command(log: Source, form: str, output: Path, as_json: bool) -> ExitCode:
    """Write LOG in another form.

    The file appears when it is whole. A damaged log is not exported.
    """
    if as_json and output == STANDARD_OUTPUT:
        raise click.UsageError("--json tells of a file: name one with -o, or leave out --json")
    opened = log.open()
    with written(output) as file, reading(log):
        counted = _Counted(file)
        FORMATS[form](opened, counted)
    if as_json:
        told = {"log": str(log), "format": form, "output": str(output), "bytes": counted.size}
        print(to_json({"schema": schema_name("export"), **told}, indent=2))
    elif output != STANDARD_OUTPUT:
        terminal.say(f"wrote {output}, {size(counted.size)}")
    return ExitCode.OK
