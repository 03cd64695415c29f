"""`check_hook`: plays random sessions around a hook and judges what it does."""

import time
from collections import Counter
from collections.abc import Callable, Collection, Iterable
from itertools import islice
from typing import Any, Final

import attrs

from runtime.testing.hook_checks import (
    BLOCKS,
    COUNTS,
    HOOK_CHECKS,
    INTERRUPTS,
    LETS_GO,
    RECOVERS,
    REUSED,
    SAME,
    STATE,
    TOLERATES,
    HookCheck,
)
from runtime.testing.hook_play import HookAdapter, hook_surroundings
from runtime.testing.hook_watch import Seen
from runtime.testing.session_check import refuse_unknown
from statemachine.log import versions
from statemachine.testing.hook import METHODS
from statemachine.testing.hook_scenario import (
    HookScenario,
    hook_fault_points,
    hook_scenarios_of,
    possible_hook_fault_points,
)
from statemachine.testing.known import Known
from statemachine.testing.results import (
    Check,
    Counterexample,
    Coverage,
    Outcome,
    Reach,
    Report,
    Result,
    this_python,
)
from statemachine.testing.shrinking import smallest

# Any, here: hooks are of any class.
QUICK_HOOK_EXAMPLES: Final = 150
"""How many examples the quick profile has."""
_TWICE_EVERY: Final = 4
_COLLECTED: Final = 3
_SITUATIONS: Final = (
    "left by with",
    "left by close()",
    "stopped",
    "a recovery",
    "a start that fails",
    "an error came out",
    "another session",
)


class _Judge:
    """Plays scenarios around fresh hooks of one factory."""

    def __init__(self, adapter: HookAdapter) -> None:
        self.adapter = adapter
        self.methods: Counter[str] = Counter()
        self.faults: Counter[str] = Counter()
        self.situations: Counter[str] = Counter()
        self._judged = 0

    def judge(self, scenario: HookScenario, surely: Collection[str] = ()) -> Seen:
        """Play a scenario; some of them twice, and looking through all memory afterwards.

        Args:
            scenario: The scenario.
            surely: Checks that are to be made for sure.
        """
        seen = self.adapter.play(scenario)
        if LETS_GO in surely or self._judged < _COLLECTED:
            seen.forgotten_by_all()
        if SAME in surely or not self._judged % _TWICE_EVERY:
            self._compare(seen, self.adapter.play(scenario))
        self._judged += 1
        self.methods.update(set(seen.methods))
        self.situations.update(seen.situations)
        self.faults.update(set(hook_fault_points(scenario)))
        return seen

    def _compare(self, first: Seen, second: Seen) -> None:
        first.about.add(SAME)
        pairs = zip([*first.told, "ends"], [*second.told, "ends"], strict=False)
        for number, (one, other) in enumerate(pairs):
            if one != other:
                before = first.told[number - 1] if number else "the start"
                first.find(SAME, f"after {before}, a hook {one}; another one {other}")
                return

    def coverage(self) -> Coverage:
        """What the examples reached."""
        methods = Reach("methods of the hook", {m: self.methods[m] for m in METHODS})
        points = possible_hook_fault_points()
        faults = Reach("fault points", {point: self.faults[point] for point in points})
        situations = Reach("situations", {s: self.situations[s] for s in _SITUATIONS})
        return Coverage((methods, situations, faults))


@attrs.define
class _Tally:
    """What is known of one check so far: for each error, or none, the first scenario that fails."""

    examples: int = 0
    failing: dict[str, tuple[HookScenario, str]] = attrs.Factory(dict)

    def first(self, elsewhere: Collection[str] = ()) -> tuple[HookScenario, str] | None:
        """A scenario that fails, but for errors that another check has told of."""
        return next((it for error, it in self.failing.items() if error not in elsewhere), None)


def check_hook(
    hook: HookAdapter | Callable[..., Any],
    *,
    max_examples: int = QUICK_HOOK_EXAMPLES,
    checks: Iterable[HookCheck] = HOOK_CHECKS,
    known: Iterable[Known] = (),
    stop_at_first: bool = False,
    seed: int = 0,
) -> Report:
    """Check that a hook keeps what hooks promise, whatever happens around it.

    Each example is a real session on the NumPy graph: other hooks stand before and after the
    hook; they, runs, step functions, starts and runs of the hook's own fail; somebody asks for a
    stop; the input ends; the session is preempted and recovers; it is left by ``with`` or closed.

    Args:
        hook: A factory that makes a fresh hook for each example, in the default graph. If it needs
            an argument it is given a `HookModel`, with loss, global step, scaffold, and a
            directory. Or a `HookAdapter`, which may say more.
        max_examples: How many scenarios are played.
        checks: What is checked.
        known: Checks that may fail, each with its reason.
        stop_at_first: Whether to stop at the first failure that is not expected.
        seed: What the examples are drawn from; the same seed gives the same examples.

    Returns:
        The report. `report.raise_if_failed()` raises if a check failed. What takes long is only
        warned of: that is an expected failure.

    Raises:
        HookFactoryError: If the factory makes no hook.

    Example:
        >>> import runtime as tf
        >>> report = check_hook(
        ...     lambda model: tf.train.NanTensorHook(model.loss), max_examples=5
        ... )
        >>> report.passed
        True
    """
    adapter = HookAdapter.of(hook)
    judge, listed = _Judge(adapter), tuple(checks)
    excused = _excused(known)
    tallies = {check.name: _Tally() for check in listed}
    began, examples = time.perf_counter(), 0
    with hook_surroundings():
        for scenario in islice(hook_scenarios_of(seed), max_examples):
            examples += 1
            seen = judge.judge(scenario)
            _add(tallies, scenario, seen)
            if stop_at_first and any(_is_failure(c, tallies[c.name], excused) for c in listed):
                break
        seconds = time.perf_counter() - began
        results = _results(judge, listed, tallies, excused, stop_at_first)
    told = {**this_python(), **versions()}
    return Report(adapter.name, results, examples, seconds, judge.coverage(), told)


def check_hook_scenario(
    hook: HookAdapter | Callable[..., Any],
    scenario: HookScenario,
    known: Iterable[Known] = (),
) -> Report:
    """Play one scenario around a hook, and report what the checks say; see `check_hook`."""
    adapter = HookAdapter.of(hook)
    judge, excused = _Judge(adapter), _excused(known)
    tallies = {check.name: _Tally() for check in HOOK_CHECKS}
    with hook_surroundings():
        _add(tallies, scenario, judge.judge(scenario, surely=tallies))
    results = _results(judge, HOOK_CHECKS, tallies, excused, True)
    told = {**this_python(), **versions()}
    return Report(adapter.name, results, 1, 0.0, judge.coverage(), told)


def _excused(known: Iterable[Known]) -> dict[str, str]:
    known = tuple(known)
    refuse_unknown(known)
    return {name: f"{one.name}: {one.reason}" for one in known for name in one.checks}


def _add(tallies: dict[str, _Tally], scenario: HookScenario, seen: Seen) -> None:
    for name, tally in tallies.items():
        tally.examples += name in seen.about
        if name in seen.findings:
            found = (scenario, seen.findings[name])
            tally.failing.setdefault(seen.errors[name], found)


def _is_failure(check: HookCheck, tally: _Tally, excused: dict[str, str]) -> bool:
    return bool(tally.failing) and not check.only_warns and check.name not in excused


_NOTHING: Final = {
    COUNTS: "no `count` is given",
    INTERRUPTS: "the hook runs nothing itself",
    STATE: "the hook has no state_dict and load_state_dict",
    REUSED: "no example had a second session",
    RECOVERS: "no example had a recovery",
    BLOCKS: "the hook was never called",
}


def _results(
    judge: _Judge,
    checks: Iterable[HookCheck],
    tallies: dict[str, _Tally],
    excused: dict[str, str],
    as_it_is: bool,
) -> tuple[Result, ...]:
    """The results; an error that comes in any session counts once, not for each sort of session."""
    anywhere = tallies[TOLERATES].failing if TOLERATES in tallies else {}
    found = []
    for check in checks:
        tally = tallies[check.name]
        failing = tally.first(() if check.name == TOLERATES else anywhere.keys() - {""})
        excuse = excused.get(check.name)
        found.append(_result(judge, check, tally.examples, failing, excuse, as_it_is))
    return tuple(found)


def _result(
    judge: _Judge,
    check: HookCheck,
    examples: int,
    failing: tuple[HookScenario, str] | None,
    excuse: str | None,
    as_it_is: bool,
) -> Result:
    general = Check(check.name, check.rule, check.sentence)
    if failing is None:
        if examples:
            return Result(general, Outcome.PASSED, examples)
        reason = _NOTHING.get(check.name, "no example had anything to check")
        return Result(general, Outcome.SKIPPED, reason=reason)
    if check.only_warns:
        excuse = f"only a warning: {failing[1]}"
    if excuse is not None:
        example = Counterexample(*failing)
        return Result(general, Outcome.EXPECTED_FAILURE, examples, excuse, example)
    example = Counterexample(*failing) if as_it_is else _smallest(judge, check, failing)
    return Result(general, Outcome.FAILED, examples, "", example)


def _smallest(judge: _Judge, check: HookCheck, failing: tuple[HookScenario, str]) -> Counterexample:
    words = failing[1]

    def fails(smaller: HookScenario) -> bool:
        nonlocal words
        found = judge.judge(smaller, surely=[check.name]).findings.get(check.name)
        words = words if found is None else found
        return found is not None

    scenario = smallest(failing[0], fails)
    return Counterexample(scenario, words)
