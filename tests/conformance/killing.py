"""Which check kills which mutant, as the table in the documentation has it."""

from pathlib import Path

from runtime.testing import check_session
from statemachine.testing import Result
from tests.conformance.mutants import MUTANTS, Mutant

TABLE = Path(__file__).parents[2] / "docs" / "mutants.md"
HEAD = """# What the conformance kit is able to find

Each of these faults was put into this package's own session, state machine or log, and each is
found by `check_session` in its quick profile, which stops here at the first example that fails.
`python -m tests.conformance.killing` wrote this table; a test holds that it is fresh.

| fault | found by |
|---|---|
"""


def killers(mutant: Mutant) -> tuple[Result, ...]:
    """The results of the checks that fail with a mutant."""
    with mutant.in_force():
        return check_session(mutant.adapter, stop_at_first=True).failures


def row(mutant: Mutant, killed_by: tuple[Result, ...]) -> str:
    """A mutant's line in the table."""
    return f"| {mutant.name} | `{killed_by[0].check.name}` |\n"


if __name__ == "__main__":
    TABLE.write_text(HEAD + "".join(row(mutant, killers(mutant)) for mutant in MUTANTS))
