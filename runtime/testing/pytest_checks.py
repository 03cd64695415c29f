"""Checks as tests of pytest: each check of each session or hook is a test with an id of its own."""

from collections.abc import Callable, Iterable, Sequence
from functools import cache, partial
from typing import Any

import attrs

try:
    import pytest
except ImportError as error:
    raise ImportError(
        "tests of sessions and hooks need pytest: pip install 'monitored-session[testing]'"
    ) from error

from runtime.testing.adapter import SessionAdapter
from runtime.testing.hook_check import QUICK_HOOK_EXAMPLES, check_hook
from runtime.testing.hook_checks import HOOK_CHECKS
from runtime.testing.hook_play import HookAdapter
from runtime.testing.session_check import QUICK, SESSION_CHECKS, check_session
from statemachine.testing.known import Known
from statemachine.testing.results import Check, Outcome, Report


@attrs.frozen(eq=False)
class MadeCheck:
    """One check of one session class or hook; called, it is made.

    Attributes:
        name: The check's name.
        report: Gives the report of all checks, which are made together, once.
    """

    name: str
    report: Callable[[], Report]

    def __call__(self) -> None:
        """Make the check: fail, skip, or expect to fail the test that is running."""
        result = self.report().of(self.name)
        if result.outcome is Outcome.SKIPPED:
            pytest.skip(result.reason)
        if result.outcome is Outcome.EXPECTED_FAILURE:
            pytest.xfail(result.reason)
        if result.outcome is Outcome.FAILED:
            assert result.counterexample is not None
            scenario = result.counterexample.scenario.to_json()
            pytest.fail(
                f"{result.check.rule}: {result.check.sentence}\nscenario: {scenario}\n"
                f"{result.counterexample.difference}",
                pytrace=False,
            )


# Any: a decorator of whatever test function.
def parametrize_with_session_checks(
    adapters: Sequence[SessionAdapter],
    *,
    max_examples: int = QUICK,
    known: Iterable[Known] = (),
    seed: int = 0,
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Make a test function the tests of session classes.

    The function has the argument ``check`` and calls it.

    Args:
        adapters: Adapters of the session classes.
        max_examples: How many scenarios are played on each, for all checks together.
        known: In which ways the sessions are known to differ: these tests are xfailed.
        seed: What the scenarios are drawn from.
    """
    check = partial(check_session, max_examples=max_examples, known=tuple(known), seed=seed)
    subjects = [(adapter.name, partial(check, adapter)) for adapter in adapters]
    return _parametrized(subjects, SESSION_CHECKS)


# Any: as above, and hooks are of any class.
def parametrize_with_hook_checks(
    hooks: Sequence[HookAdapter | Callable[..., Any]],
    *,
    max_examples: int = QUICK_HOOK_EXAMPLES,
    known: Iterable[Known] = (),
    seed: int = 0,
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Make a test function the tests of hooks.

    The function has the argument ``check`` and calls it.

    Args:
        hooks: Factories of the hooks, or their adapters, as `check_hook` has it.
        max_examples: How many scenarios are played around each, for all checks together.
        known: Checks that may fail: these tests are xfailed.
        seed: What the scenarios are drawn from.
    """
    check = partial(check_hook, max_examples=max_examples, known=tuple(known), seed=seed)
    subjects = [(HookAdapter.of(hook).name, partial(check, hook)) for hook in hooks]
    return _parametrized(subjects, HOOK_CHECKS)


def _parametrized(
    subjects: Iterable[tuple[str, Callable[[], Report]]], checks: Iterable[Check]
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    listed, made = tuple(checks), []
    for subject, play in subjects:
        report = cache(play)
        for check in listed:
            one = MadeCheck(check.name, report)
            made.append(pytest.param(one, id=f"{subject}-{check.name}"))
    return pytest.mark.parametrize("check", made)
