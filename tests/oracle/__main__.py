"""Compares our classes with recorded TensorFlow traces: python -m tests.oracle [FILE...]."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from statemachine.testing.trace import Level
from tests.oracle.adapter import monitored_session_exists, play_on_runtime
from tests.oracle.corpora import SHIPPED, Row, read
from tests.oracle.explain import Verdict
from tests.oracle.runner import Outcome, count, judge_all


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the corpora and returns the exit code."""
    parser = _parser()
    options = parser.parse_args(arguments)
    for path in options.corpus:
        if not path.is_file():
            parser.error(f"there is no corpus {path}; give a .jsonl, .jsonl.gz or .jsonl.xz file")
    rows = [row for path in options.corpus or SHIPPED for row in read(path)]
    chosen = [row for row in rows if row.id.startswith(tuple(options.only or ("",)))]
    playable = [row for row in chosen if not row.monitored or monitored_session_exists()]
    outcomes = []
    for outcome in judge_all(playable, play_on_runtime, Level(options.level)):
        outcomes.append(outcome)
        _report(outcome, options.list)
    return _summarize(outcomes, chosen, playable)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.oracle", description=__doc__)
    parser.add_argument("corpus", nargs="*", type=Path, help=".jsonl, .gz or .xz; default: shipped")
    parser.add_argument("--list", action="store_true", help="show explained scenarios, too")
    parser.add_argument("--only", action="append", metavar="PREFIX", help="ids to play")
    parser.add_argument("--level", default="core", choices=[level.value for level in Level])
    return parser


def _report(outcome: Outcome, explained: bool) -> None:
    explanation = outcome.explanation
    if explanation.verdict is Verdict.EXPLAINED and explained:
        names = ", ".join(str(divergence) for divergence in explanation.by)
        how = " (documented ordering)" if explanation.by_ordering else ""
        print(f"{outcome.row.id}: explained by {names}{how}")
    elif explanation.verdict is Verdict.UNEXPLAINED:
        print(f"{outcome.row.id}: UNEXPLAINED; {outcome.row.why}\n  {explanation.remark}")
        if explanation.difference:
            print(explanation.difference.render())


def _summarize(outcomes: list[Outcome], chosen: list[Row], playable: list[Row]) -> int:
    skipped = len(chosen) - len(playable)
    if skipped:
        print(f"skipped={skipped} (MonitoredSession does not exist yet)")
    counts = count(outcomes)
    print(" ".join(f"{v.value}={counts.get(v, 0)}" for v in Verdict))
    return 1 if counts.get(Verdict.UNEXPLAINED) else 0


if __name__ == "__main__":
    sys.exit(main())
