"""The power of the kit: faults that are put into our own session are found."""

import pytest

from tests.conformance.killing import HEAD, TABLE, killers, row
from tests.conformance.mutants import MUTANTS

CHUNKS = 8


@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_every_mutant_is_killed_by_the_check_that_the_table_names(chunk: int) -> None:
    """The quick profile finds each fault; docs/mutants.md says with which check."""
    told = set(TABLE.read_text().splitlines(keepends=True))
    for mutant in MUTANTS[chunk::CHUNKS]:
        killed_by = killers(mutant)
        assert killed_by, f"nothing finds that {mutant.name}"
        assert row(mutant, killed_by) in told, "run python -m tests.conformance.killing"


def test_the_table_holds_nothing_else() -> None:
    """There are at least forty faults, each with a name of its own, and a line in the table."""
    names = [mutant.name for mutant in MUTANTS]
    assert len(names) == len(set(names)) >= 40
    text = TABLE.read_text()
    assert text.startswith(HEAD)
    assert text.removeprefix(HEAD).count("\n") == len(names)
