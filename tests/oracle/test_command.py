"""The command that runs corpora: python -m tests.oracle."""

import gzip
import json
from collections.abc import Mapping
from pathlib import Path

import attrs
import pytest

from tests.oracle.__main__ import main
from tests.oracle.corpora import SHIPPED, Row, read


def corpus(path: Path, rows: list[Row]) -> Path:
    lines = [
        json.dumps({"id": r.id, "scenario": r.scenario, "trace": list(r.expected.trace)})
        for r in rows
    ]
    opener = gzip.open if path.suffix == ".gz" else open
    with opener(path, "wt") as stream:
        stream.write("\n".join(lines))
    return path


def test_shipped_corpora_are_complete() -> None:
    """There are 2044 scenarios, each with a distinct id."""
    rows = [row for path in SHIPPED for row in read(path)]
    assert len({row.id for row in rows}) == len(rows) == 2044


def test_the_last_line_counts_the_verdicts(
    by_id: Mapping[str, Row], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A compressed file of an equal and an explained scenario gives one each."""
    rows = [by_id["step.s.plain"], by_id["order.s.ckpt"]]
    assert main([str(corpus(tmp_path / "some.jsonl.gz", rows))]) == 0
    assert capsys.readouterr().out == "equal=1 explained=1 unexplained=0\n"


def test_list_tells_what_explains(capsys: pytest.CaptureFixture[str]) -> None:
    """With --list each explained scenario is shown with its divergences."""
    assert main(["--list", "--only", "order.s.ckpt"]) == 0
    shown = capsys.readouterr().out.splitlines()
    assert shown[0] == "order.s.ckpt: explained by 1 documented-start-order"


def test_an_unexplained_difference_is_shown_and_fails(
    by_id: Mapping[str, Row], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The exit code is 1, and the first differing event is shown readably."""
    row = by_id["order.s.three-hooks"]
    wrong = [{**e, "v": 99} if e["e"] == "ret" else e for e in row.expected.trace]
    changed = attrs.evolve(row, expected=attrs.evolve(row.expected, trace=wrong))
    assert main([str(corpus(tmp_path / "wrong.jsonl", [changed]))]) == 1
    shown = capsys.readouterr().out
    assert "order.s.three-hooks: UNEXPLAINED" in shown
    assert "  - < 0 99" in shown
    assert "  + < 0 1" in shown
    assert shown.endswith("equal=0 explained=0 unexplained=1\n")


def test_a_missing_corpus_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The message names the file and what would be accepted; the exit code is 2."""
    with pytest.raises(SystemExit, match="2"):
        main([str(tmp_path / "none.jsonl")])
    assert "none.jsonl; give a .jsonl, .jsonl.gz or .jsonl.xz file" in capsys.readouterr().err
