"""What checks have found: results, the report of a whole run, and its ways to be read."""

import enum
import platform
from collections.abc import Mapping
from typing import Any

import attrs


class Outcome(enum.Enum):
    """What became of a check."""

    PASSED = "passed"
    FAILED = "failed"
    SKIPPED = "skipped"
    EXPECTED_FAILURE = "expected failure"


@attrs.frozen
class Check:
    """Something that is checked, in general.

    Attributes:
        name: Its name, unique.
        rule: The id of the rule that it tests.
        sentence: The documentation's sentence that the rule comes from.
    """

    name: str
    rule: str
    sentence: str


@attrs.frozen
class Counterexample:
    """An example that fails a check.

    Attributes:
        scenario: The scenario.
        difference: What was expected and what was found, in words, a line each.
    """

    scenario: Any  # a Scenario, or a HookScenario: what is known of it is what both have
    difference: str


@attrs.frozen
class Result:
    """What became of one check.

    Attributes:
        check: The check.
        outcome: What became of it.
        examples: In how many examples there was something to check.
        reason: Why it was skipped, or why its failure was expected.
        counterexample: The smallest example that fails it, or None.
    """

    check: Check
    outcome: Outcome
    examples: int = 0
    reason: str = ""
    counterexample: Counterexample | None = None


@attrs.frozen
class Reach:
    """How often each of several things was reached.

    Attributes:
        what: What is counted.
        counts: For each of them, in how many examples it was reached.
    """

    what: str
    counts: Mapping[str, int]

    @property
    def missed(self) -> tuple[str, ...]:
        """Those that were never reached."""
        return tuple(name for name, count in self.counts.items() if not count)


@attrs.frozen
class Coverage:
    """What the examples of a run reached.

    Attributes:
        reached: States, transitions, fault points, rules: what could be counted.
    """

    reached: tuple[Reach, ...] = ()

    @property
    def missed(self) -> dict[str, tuple[str, ...]]:
        """What was never reached, where there is any."""
        return {reach.what: reach.missed for reach in self.reached if reach.missed}

    @property
    def lines(self) -> tuple[str, ...]:
        """How much was reached, and what was not, a line for each kind."""
        return tuple(_reach_line(reach) for reach in self.reached)


@attrs.frozen
class Report:
    """The report of a run, for people and for programs.

    Attributes:
        subject: What was tested.
        results: The result of each check.
        examples: How many examples there were.
        seconds: How long it took.
        coverage: What they reached.
        versions: The versions of what took part, by name.
        unneeded: The names of the expected failures that did not happen.
    """

    subject: str
    results: tuple[Result, ...]
    examples: int = 0
    seconds: float = 0.0
    coverage: Coverage = Coverage()
    versions: Mapping[str, str] = attrs.Factory(dict)
    unneeded: tuple[str, ...] = ()

    @property
    def passed(self) -> bool:
        """Whether no check failed in a way that was not expected."""
        return not self.failures

    @property
    def failures(self) -> tuple[Result, ...]:
        """The results of the checks that failed."""
        return tuple(r for r in self.results if r.outcome is Outcome.FAILED)

    def of(self, name: str) -> Result:
        """The result of one check.

        Raises:
            KeyError: If there is no such check in the report.
        """
        return {result.check.name: result for result in self.results}[name]

    def count(self, outcome: Outcome) -> int:
        """How many checks had this outcome."""
        return sum(result.outcome is outcome for result in self.results)

    @property
    def summary(self) -> str:
        """The report in one line."""
        counts = [f"{self.count(o)} {o.value}" for o in Outcome if self.count(o)]
        return f"{self.subject}: {self.examples} examples; {', '.join(counts) or 'no checks'}"

    def raise_if_failed(self) -> None:
        """Do nothing if it passed.

        Raises:
            ConformanceError: If a check failed.
        """
        if not self.passed:
            raise ConformanceError(self)

    def __str__(self) -> str:
        lines = [self.summary]
        width = max((len(r.check.name) for r in self.results), default=0)
        skipped: dict[str, list[str]] = {}
        for result in self.results:
            if result.outcome is Outcome.SKIPPED:
                skipped.setdefault(result.reason, []).append(result.check.name)
            else:
                lines += _lines(result, width)
        lines += (f"  skipped ({why}): {', '.join(names)}" for why, names in skipped.items())
        lines += (f"  {line}" for line in self._notes)
        return "\n".join(lines)

    @property
    def _notes(self) -> tuple[str, ...]:
        if not self.unneeded:
            return self.coverage.lines
        return (*self.coverage.lines, f"expected and not found: {', '.join(self.unneeded)}")

    def markdown(self) -> str:
        """The compliance table, in Markdown."""
        versions = ", ".join(f"{name} {version}" for name, version in self.versions.items())
        rows = [
            f"## {self.subject}",
            "",
            f"{self.examples} examples. {versions}.",
            "",
            "| check | the documentation says | result | examples |",
            "|---|---|---|---|",
        ]
        for result in self.results:
            outcome = result.outcome.value + (f": {result.reason}" if result.reason else "")
            cells = (result.check.name, result.check.sentence, outcome, str(result.examples))
            rows.append("| " + " | ".join(_cell(cell) for cell in cells) + " |")
        for line in self._notes:
            rows += ["", f"{line}."]
        return "\n".join(rows) + "\n"

    # Any: JSON.
    def json(self) -> dict[str, Any]:
        """The report as JSON objects."""
        return {
            "subject": self.subject,
            "passed": self.passed,
            "examples": self.examples,
            "seconds": round(self.seconds, 3),
            "versions": dict(self.versions),
            "checks": [_result_json(result) for result in self.results],
            "coverage": {reach.what: dict(reach.counts) for reach in self.coverage.reached},
            "unneeded": list(self.unneeded),
            "never_reached": {what: list(names) for what, names in self.coverage.missed.items()},
        }


class ConformanceError(AssertionError):
    """A check failed.

    Attributes:
        report: The whole report.
    """

    def __init__(self, report: Report) -> None:
        self.report = report
        super().__init__(str(report))


def this_python() -> dict[str, str]:
    """The version of Python, for reports."""
    return {"Python": platform.python_version()}


def _reach_line(reach: Reach) -> str:
    missed = reach.missed
    words = f"{len(reach.counts) - len(missed)} of {len(reach.counts)} {reach.what} reached"
    if not missed:
        return words
    more = f", … and {len(missed) - _MOST_NAMED} more" if len(missed) > _MOST_NAMED else ""
    return f"{words}; never reached: {', '.join(missed[:_MOST_NAMED])}{more}"


_MOST_NAMED = 8


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def _lines(result: Result, width: int) -> list[str]:
    tail = f" ({result.reason})" if result.reason else f" in {result.examples} examples"
    lines = [f"  {result.check.name:<{width}}  {result.outcome.value}{tail}"]
    if result.outcome is Outcome.FAILED:
        lines.append(f"    {result.check.rule}: {result.check.sentence}")
        if result.counterexample is not None:
            lines.append(f"    scenario: {result.counterexample.scenario.to_json()}")
            lines += ["    " + line for line in result.counterexample.difference.splitlines()]
    return lines


def _result_json(result: Result) -> dict[str, Any]:
    found: dict[str, Any] = {
        "name": result.check.name,
        "rule": result.check.rule,
        "sentence": result.check.sentence,
        "result": result.outcome.value,
        "examples": result.examples,
        "reason": result.reason,
        "counterexample": None,
    }
    if result.counterexample is not None:
        found["counterexample"] = {
            "scenario": result.counterexample.scenario.spec,
            "difference": result.counterexample.difference,
        }
    return found
