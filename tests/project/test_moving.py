"""The guide for moving a program lists every deliberate difference.

``python -m tests.project.test_moving`` writes the list into it.
"""

import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]
GUIDE = ROOT / "docs/moving.md"
BEGIN = "<!-- begin: python -m tests.project.test_moving -->\n"
END = "<!-- end: python -m tests.project.test_moving -->\n"


def written(document: str) -> str:
    """The document with the list between the two marks."""
    entries = tomllib.loads((ROOT / "specs/divergences.toml").read_text())["divergence"]
    items = [
        f"{e['number']}. **{e['name']}**\n"
        f"   - TensorFlow: {e['tensorflow']}\n   - Here: {e['ours']}\n   - Why: {e['why']}\n"
        for e in entries
    ]
    before, _, rest = document.partition(BEGIN)
    return f"{before}{BEGIN}\n{''.join(items)}\n{END}{rest.partition(END)[2]}"


def test_the_guide_lists_every_difference() -> None:
    """What stands between the marks is what specs/divergences.toml says."""
    document = GUIDE.read_text()
    assert BEGIN in document and END in document
    assert written(document) == document, "stale: run `python -m tests.project.test_moving`"


if __name__ == "__main__":
    GUIDE.write_text(written(GUIDE.read_text()))
