"""Which calls still happen when a session stops, for each way to stop: derived from the table.

``python -m statemachine.stops [FILE]`` writes the table into a document (default: docs/hooks.md),
between two marks; a test fails when it is stale.
"""

import sys
from pathlib import Path
from typing import Final

import attrs

from statemachine.table import FINAL, MOVES_FROM, POINTS

__all__ = ["COLUMNS", "WAYS", "Way", "calls_after", "render", "written"]

TARGET: Final = Path("docs/hooks.md")
_BEGIN: Final = "<!-- begin: python -m statemachine.stops -->\n"
_END: Final = "<!-- end: python -m statemachine.stops -->\n"
_NEW_WORK: Final = frozenset({"step", "refused", "step fn"})

COLUMNS: Final = {
    "run": "computing",
    "after_run": "delivering",
    "on_error²": "telling",
    "end": "ending",
    "threads stopped": "joining",
    "raw session closed": "closing",
}
"""What the table tells of: a heading, and the point of the lifecycle that stands for it."""


@attrs.frozen
class Way:
    """One way to stop.

    Attributes:
        words: How it is described.
        point: The point of the lifecycle that the session stands at.
        ends_owed: Whether leaving from there owes the hooks their `end`.
        told: Whether the hooks that have an `on_error` are told.
    """

    words: str
    point: str
    ends_owed: bool = False
    told: bool = False


WAYS: Final = (
    Way("a stop was asked for in `before_run`", "gathering", True),
    Way("a stop was asked for, the step is over: `with` ends, or `close()`", "step done", True),
    Way("end of input¹ out of `before_run`, leaving `with`", "gathering!", True),
    Way("end of input¹ out of the run, leaving `with`", "computing!", True),
    Way("end of input¹ out of `after_run`, leaving `with`", "delivering!", True),
    Way("another error out of `before_run`, leaving `with`", "gathering!", told=True),
    Way("another error out of the run, leaving `with`", "computing!", told=True),
    Way("another error out of `after_run`, leaving `with`", "delivering!", told=True),
    Way("an error of the caller's own, leaving `with`", "step done", told=True),
    Way("another error of a run that was caught, then `close()`", "computing!", True, True),
    Way("an error out of a hook's `end`", "ending!"),
    Way("an error that a thread reported, at the end", "joining!"),
    Way("construction fails in `begin`", "beginning!"),
    Way("construction fails in the init op, or restoring", "init op!"),
    Way("construction fails in `after_create_session`", "announcing!"),
)
"""The ways to stop, as users meet them."""

_UNDOING: Final = {"undo joining": "joining", "undo closing": "closing"}


def calls_after(way: Way) -> frozenset[str]:
    """The points that the session still comes to, beginning with no further step.

    Args:
        way: How it stops.

    Returns:
        Names of points.
    """
    found: set[str] = set()
    waiting = [way.point]
    while waiting:
        for move in MOVES_FROM[waiting.pop()]:
            owed = move.ends_owed in (None, way.ends_owed)
            passed = POINTS[move.target].each_on_error and not way.told
            if owed and not passed and move.target not in found | _NEW_WORK:
                found.add(move.target)
                waiting.append(move.target)
    assert FINAL in found
    assert found <= POINTS.keys()
    return frozenset(_UNDOING.get(name, name) for name in found)


def render() -> str:
    """The table as Markdown."""
    rows = [("way to stop", *COLUMNS), ("---",) * (1 + len(COLUMNS))]
    for way in WAYS:
        calls = calls_after(way)
        rows.append((way.words, *("yes" if at in calls else "–" for at in COLUMNS.values())))
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


def written(document: str) -> str:
    """A document with the table in it.

    Args:
        document: The text; it holds the two marks.

    Returns:
        The text, with what stands between the marks replaced.
    """
    before, _, rest = document.partition(_BEGIN)
    _, _, after = rest.partition(_END)
    return f"{before}{_BEGIN}\n{render()}\n{_END}{after}"


def main(target: Path = TARGET) -> None:
    """Write the table into a document."""
    target.write_text(written(target.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:2]))
