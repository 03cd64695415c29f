"""Session checks as tests of pytest: each check of each adapter is a test with an id of its own."""

from collections.abc import Callable, Iterable, Sequence
from functools import cache
from typing import Any

import attrs

try:
    import pytest
except ImportError as error:
    raise ImportError(
        "parametrize_with_session_checks needs pytest: pip install 'monitored-session[testing]'"
    ) from error

from runtime.testing.adapter import SessionAdapter
from runtime.testing.session_check import QUICK, SESSION_CHECKS, check_session
from statemachine.testing.known import Known
from statemachine.testing.results import Outcome, Report


@attrs.frozen(eq=False)
class SessionCheck:
    """One check of one session class; called, it is made.

    Attributes:
        name: The check's name.
        adapter: The adapter.
        report: Gives the report of all checks, which are made together, once.
    """

    name: str
    adapter: SessionAdapter
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
    expected = tuple(known)

    def reporter(adapter: SessionAdapter) -> Callable[[], Report]:
        return cache(
            lambda: check_session(adapter, max_examples=max_examples, known=expected, seed=seed)
        )

    checks = []
    for adapter in adapters:
        report = reporter(adapter)
        for check in SESSION_CHECKS:
            made = SessionCheck(check.name, adapter, report)
            checks.append(pytest.param(made, id=f"{adapter.name}-{check.name}"))
    return pytest.mark.parametrize("check", checks)
