"""What the exit code of a command says."""

import enum
from collections.abc import Iterable
from typing import Final

from statemachine.audit import AuditReport, Verdict


class ExitCode(enum.IntEnum):
    """The exit codes, each with one meaning. Where several hold, the lowest is given."""

    OK = 0
    USAGE = 1
    UNREADABLE = 2
    TAMPERED = 3
    INCOMPLETE = 4
    NOT_CONFORMANT = 5
    LINEAGE_BROKEN = 6
    DIFFERENT = 7
    INTERRUPTED = 130
    READER_GONE = 141

    @property
    def meaning(self) -> str:
        """What it says, in a few words."""
        return MEANINGS[self]


MEANINGS: Final = {
    ExitCode.OK: "all well",
    ExitCode.USAGE: "wrong usage: an option, an argument, or an output that can't be written",
    ExitCode.UNREADABLE: "unreadable: no such file, or not an event log",
    ExitCode.TAMPERED: "tampered: the bytes are not those that were written",
    ExitCode.INCOMPLETE: "incomplete: the session was not closed, or something is cut off",
    ExitCode.NOT_CONFORMANT: "not conformant: something happened out of the documented order",
    ExitCode.LINEAGE_BROKEN: "lineage broken: no known log saved the restored checkpoint",
    ExitCode.DIFFERENT: "different",
    ExitCode.INTERRUPTED: "interrupted with Ctrl-C",
    ExitCode.READER_GONE: "whoever read the output went away (as `head` does)",
}

OF_VERDICT: Final = {
    "integrity": ExitCode.TAMPERED,
    "completeness": ExitCode.INCOMPLETE,
    "conformance": ExitCode.NOT_CONFORMANT,
    "lineage": ExitCode.LINEAGE_BROKEN,
}
"""The exit code for each verdict of an audit that is FAIL."""


def lowest(codes: Iterable[ExitCode]) -> ExitCode:
    """The exit code where several hold: the lowest that is not OK."""
    return min((code for code in codes if code), default=ExitCode.OK)


def code_of_report(report: AuditReport) -> ExitCode:
    """The exit code for an audit."""
    return lowest(
        code for name, code in OF_VERDICT.items() if getattr(report, name) is Verdict.FAIL
    )
