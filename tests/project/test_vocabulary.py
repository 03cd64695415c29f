"""The page of all public names."""

from tests.project.vocabulary import FILE, text


def test_the_page_of_names_is_fresh() -> None:
    """It lists every public name with what its description says first."""
    assert FILE.read_text() == text(), "stale: run `python -m tests.project.vocabulary`"


def test_every_name_is_described() -> None:
    """In a sentence."""
    rows = [line for line in FILE.read_text().splitlines() if line.startswith("| `")]
    assert len(rows) > 900
    assert not [row for row in rows if row.endswith("|  |")]
