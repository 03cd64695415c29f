"""`check_session`: plays scenarios on a session class and judges what is seen."""

import difflib
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from random import Random
from typing import Any, Final

import attrs

from runtime.testing.adapter import Adapter, SessionAdapter, made
from runtime.testing.hook_checks import HOOK_CHECKS
from runtime.testing.watch import Watch
from statemachine.testing.building import BYTES, Builder
from statemachine.testing.checks import CHECKS, TraceCheck, named
from statemachine.testing.coverage import Reached
from statemachine.testing.expected import DOCUMENTED, expected
from statemachine.testing.features import Feature, Sees, features_of
from statemachine.testing.known import Known, KnownError
from statemachine.testing.log_checks import LOG_CHECKS, LogCheck, Logged
from statemachine.testing.results import (
    Check,
    Counterexample,
    Coverage,
    Outcome,
    Reach,
    Report,
    Result,
)
from statemachine.testing.scenario import Scenario, ScenarioError
from statemachine.testing.shrinking import smallest
from statemachine.testing.trace import Event
from statemachine.testing.view import View

SESSION_CHECKS: Final[tuple[TraceCheck | LogCheck, ...]] = (*CHECKS, *LOG_CHECKS)
"""Everything that `check_session` checks."""
QUICK: Final = 500
"""How many examples the quick profile has."""

Named = list[tuple[str, Event]]


@attrs.frozen
class Failing:
    """What one scenario shows of one check.

    Attributes:
        difference: What was expected and what was found, in words.
        expected_by: The known differences that explain it; empty if it was not expected.
    """

    difference: str
    expected_by: tuple[Known, ...] = ()


@attrs.define
class _Tally:
    """What is known of one check so far."""

    examples: int = 0
    failing: tuple[Scenario, Failing] | None = None
    expected: tuple[Scenario, Failing] | None = None
    needed: set[str] = attrs.Factory(set)

    def add(self, scenario: Scenario, failing: Failing) -> None:
        """Keep the first scenario that fails, and the first that fails as expected."""
        self.needed.update(one.name for one in failing.expected_by)
        if failing.expected_by:
            self.expected = self.expected or (scenario, failing)
        else:
            self.failing = self.failing or (scenario, failing)


class Judge:
    """Plays scenarios on the session of one adapter, and judges what is seen.

    Args:
        adapter: The adapter.
        checks: What is checked.
        known: In which ways the session is known to differ.
    """

    def __init__(
        self,
        adapter: SessionAdapter,
        checks: Iterable[TraceCheck | LogCheck] = SESSION_CHECKS,
        known: Iterable[Known] = (),
    ) -> None:
        self.adapter = adapter
        self.watch = Watch()
        self.checks = tuple(checks)
        self.known = tuple(known)
        refuse_unknown(self.known)
        self.reached = Reached(adapter.features, adapter.sees)
        self._judged = 0
        self._view = View(adapter.sees, adapter.features)
        self.active = [check for check in self.checks if self.why_not(check) is None]
        self.trace_checks = [check for check in self.active if isinstance(check, TraceCheck)]
        self.log_checks = [check for check in self.active if isinstance(check, LogCheck)]

    def why_not(self, check: TraceCheck | LogCheck) -> str | None:
        """Why a check can't be made with this adapter, or None."""
        if isinstance(check, LogCheck):
            return None if Sees.LOG in self.adapter.sees else f"needs {Sees.LOG.value}"
        unseen = [see.value for see in check.sees - self.adapter.sees]
        unable = [feature.value for feature in check.needs - self.adapter.features]
        missing = [*(f"the adapter does not report {what}" for what in sorted(unseen))]
        missing += [f"the session has not: {what}" for what in sorted(unable)]
        return "; ".join(missing) or None

    def judge(
        self, scenario: Scenario, thoroughly: bool = False
    ) -> tuple[frozenset[str], dict[str, Failing]]:
        """Play a scenario.

        Args:
            scenario: The scenario.
            thoroughly: Whether checks that are made with some examples only are made, too.

        Returns:
            The names of the events that were expected, and what failed, by the check's name.
        """
        spec = scenario.spec
        wanted = self._view.of(expected(spec))
        with self.watch.over(scenario):
            seen = self.adapter.observe(scenario)
        found = self._view.of(seen)
        wanted_named = named(wanted)
        failing: dict[str, Failing] = {}
        if wanted != found:
            failing.update(self._differences(spec, wanted_named, named(found)))
        if seen.logs:
            logged = Logged(seen)
            self.reached.log(logged)
            due = [c for c in self.log_checks if thoroughly or not self._judged % c.every]
            failing.update(_faults(due, logged))
            logged.hand_on()
        self._judged += 1
        self.reached.scenario(scenario)
        return frozenset(name for name, _ in wanted_named), failing

    # Any: a scenario's JSON.
    def _differences(
        self, spec: dict[str, Any], wanted: Named, found: Named
    ) -> Iterator[tuple[str, Failing]]:
        names = frozenset(name for name, _ in (*wanted, *found))
        for check in self.trace_checks:
            if not check.is_about(names):
                continue
            difference = check.difference(wanted, found)
            if difference is not None:
                by = self._explained(spec, check, found)
                yield check.name, Failing(difference.render(), by)

    def _explained(
        self, spec: dict[str, Any], check: TraceCheck, found: Named
    ) -> tuple[Known, ...]:
        """The known differences that explain what a check found."""
        by_name = tuple(one for one in self.known if check.name in one.checks)
        ruled = [one for one in self.known if one.rules]
        if by_name or not ruled or not self._explains(spec, check, found, ruled):
            return by_name
        needed = list(ruled)
        for one in ruled:
            without = [other for other in needed if other is not one]
            if self._explains(spec, check, found, without):
                needed = without
        return tuple(needed)

    def _explains(
        self, spec: dict[str, Any], check: TraceCheck, found: Named, known: Sequence[Known]
    ) -> bool:
        rules = DOCUMENTED - {rule for one in known for rule in one.rules}
        told = named(self._view.of(expected(spec, rules)))
        return check.difference(told, found) is None


def refuse_unknown(known: Iterable[Known]) -> None:
    """Refuse entries that name a check of neither sessions nor hooks, which would excuse nothing.

    Raises:
        KnownError: If there is one.
    """
    names = [check.name for check in (*SESSION_CHECKS, *HOOK_CHECKS)]
    for one in known:
        for name in one.checks:
            if name not in names:
                near = difflib.get_close_matches(name, names, 1)
                hint = f"; did you mean {near[0]!r}?" if near else "; a report lists their names"
                raise KnownError(
                    f"the expected failure {one.name!r} names the check {name!r}, and there is no "
                    f"such check{hint}"
                )


def _faults(checks: Iterable[LogCheck], logged: Logged) -> Iterator[tuple[str, Failing]]:
    for check in checks:
        fault = check.judge(logged)
        if fault is not None:
            yield check.name, Failing(fault)


def check_session(
    adapter: Adapter,
    *,
    max_examples: int = QUICK,
    checks: Iterable[TraceCheck | LogCheck] = SESSION_CHECKS,
    known: Iterable[Known] = (),
    stop_at_first: bool = False,
    seed: int = 0,
    seconds_each: float | None = None,
) -> Report:
    """Check a session class against the documented order.

    Args:
        adapter: Adapts the class; an object, or its class.
        max_examples: How many scenarios are played.
        checks: What is checked.
        known: In which ways the session is known to differ, each with its reason.
        stop_at_first: Whether to stop at the first failure that is not expected.
        seed: What the examples are drawn from; the same seed gives the same examples.
        seconds_each: After how many seconds a scenario is given up, because the session hangs;
            None for never. It is interrupted as by Ctrl-C, so only in the main thread.

    Returns:
        The report. `report.raise_if_failed()` raises if a check failed.

    Raises:
        KnownError: If an expected failure names a check that there is not.
        AdapterError: If the session lacks what the adapter says that it has.
        SessionHangs: If a scenario took too long.
    """
    adapter = made(adapter)
    judge = Judge(adapter, checks, known)
    judge.watch = Watch(seconds_each)
    tallies = {check.name: _Tally() for check in judge.checks}
    began, examples = time.perf_counter(), 0

    with adapter.surroundings(), judge.watch.noticing():
        for scenario in examples_of(adapter.features, max_examples, seed):
            examples += 1
            names, failing = judge.judge(scenario)
            for check in judge.active:
                tallies[check.name].examples += check.is_about(names)
            for name, fails in failing.items():
                tallies[name].add(scenario, fails)
            if stop_at_first and any(not fails.expected_by for fails in failing.values()):
                break
        seconds = time.perf_counter() - began
        results = tuple(_result(judge, c, tallies[c.name], stop_at_first) for c in judge.checks)
    coverage = _coverage(judge, tallies)
    unneeded = _unneeded(judge, tallies)
    versions = adapter.versions()
    return Report(adapter.name, results, examples, seconds, coverage, versions, unneeded)


def examples_of(features: Iterable[Feature], count: int, seed: int = 0) -> Iterator[Scenario]:
    """Scenarios of the same kind as those of the strategy `scenarios`; a seed gives the same.

    They are drawn without hypothesis, which would take a third of the time.
    """
    builder = Builder(features)
    random = Random(seed)
    return (builder.build(random.randbytes(BYTES)) for _ in range(count))


def _result(judge: Judge, check: TraceCheck | LogCheck, tally: _Tally, as_it_is: bool) -> Result:
    general = Check(check.name, check.rule, check.sentence)
    why_not = judge.why_not(check)
    if why_not is not None:
        return Result(general, Outcome.SKIPPED, reason=why_not)
    if tally.failing is not None:
        example = _counterexample(judge, check.name, *tally.failing, as_it_is)
        return Result(general, Outcome.FAILED, tally.examples, "", example)
    if tally.expected is not None:
        scenario, failing = tally.expected
        reason = "; ".join(f"{one.name}: {one.reason}" for one in failing.expected_by)
        example = Counterexample(scenario, failing.difference)
        return Result(general, Outcome.EXPECTED_FAILURE, tally.examples, reason, example)
    if not tally.examples:
        return Result(general, Outcome.SKIPPED, reason="no example had anything to check")
    return Result(general, Outcome.PASSED, tally.examples)


def _counterexample(
    judge: Judge, name: str, scenario: Scenario, failing: Failing, as_it_is: bool
) -> Counterexample:
    """The smallest scenario that still fails the check."""
    found = failing

    def fails(smaller: Scenario) -> bool:
        nonlocal found
        fails = judge.judge(smaller, thoroughly=True)[1].get(name)
        if fails is None or fails.expected_by:
            return False
        found = fails
        return True

    if not as_it_is:
        scenario = smallest(scenario, fails)
    return Counterexample(scenario, found.difference)


def check_scenario(
    adapter: Adapter,
    scenario: Scenario,
    known: Iterable[Known] = (),
    seconds_each: float | None = None,
) -> Report:
    """Play one scenario, and report what the checks say of it.

    Raises:
        ScenarioError: If it makes use of what the session can't do.
        AdapterError, SessionHangs: As `check_session`.
    """
    adapter = made(adapter)
    missing = features_of(scenario) - adapter.features
    if missing:
        raise ScenarioError(
            f"the scenario makes use of what {adapter.name} has not, as its adapter says: "
            + "; ".join(sorted(f"Feature.{it.name}, {it.value}" for it in missing))
        )
    judge = Judge(adapter, known=known)
    judge.watch = Watch(seconds_each)
    with adapter.surroundings(), judge.watch.noticing():
        names, failing = judge.judge(scenario, thoroughly=True)
    results = []
    for check in judge.checks:
        tally = _Tally(int(check.is_about(names)))
        if check.name in failing:
            tally.add(scenario, failing[check.name])
        results.append(_result(judge, check, tally, True))
    coverage = judge.reached.coverage()
    return Report(adapter.name, tuple(results), 1, 0.0, coverage, adapter.versions())


def _coverage(judge: Judge, tallies: Mapping[str, _Tally]) -> Coverage:
    """What was reached; the rules are those of the checks, where no log tells more."""
    reached = judge.reached.coverage().reached
    if judge.log_checks:
        return Coverage(reached)
    rules = Counter({check.rule: 0 for check in judge.active})
    for check in judge.active:
        rules[check.rule] = max(rules[check.rule], tallies[check.name].examples)
    return Coverage((Reach("rules", dict(rules)), *reached))


def _unneeded(judge: Judge, tallies: Mapping[str, _Tally]) -> tuple[str, ...]:
    """The expected failures that no example had."""
    needed = {name for tally in tallies.values() for name in tally.needed}
    return tuple(one.name for one in judge.known if one.name not in needed)
