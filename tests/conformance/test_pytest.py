"""Session checks as tests: `parametrize_with_session_checks`."""

import pytest

from examples.homemade_loop import TrainerAdapter
from runtime.testing import check_session, parametrize_with_session_checks
from runtime.testing.numpy_sessions import monitored, singular
from statemachine.testing import Known, Outcome
from tests.conformance.mutants import MUTANTS

LEAKS = next(m for m in MUTANTS if m.name == "the raw session is not closed")


@parametrize_with_session_checks([singular, monitored], max_examples=150)
def test_our_sessions(check) -> None:  # type: ignore[no-untyped-def]
    """Each check of each of our session classes is a test."""
    check()


@parametrize_with_session_checks([TrainerAdapter()], max_examples=150)
def test_a_loop_of_another_make(check) -> None:  # type: ignore[no-untyped-def]
    """The worked example passes; what can't be seen of it is skipped with a reason."""
    check()


def outcomes(marked: object) -> dict[str, str]:
    found = {}
    for param in marked.pytestmark[0].args[1]:  # type: ignore[attr-defined]
        try:
            param.values[0]()
        except BaseException as error:
            found[param.id] = f"{type(error).__name__}: {error}"
    return found


def test_a_failure_is_told_with_rule_scenario_and_difference() -> None:
    """The failing test says which sentence is broken, and by which scenario."""

    def test(check) -> None:  # type: ignore[no-untyped-def]
        check()

    marked = parametrize_with_session_checks([singular], max_examples=40)(test)
    with LEAKS.in_force():
        found = outcomes(marked)
    told = found["runtime.train.SingularMonitoredSession-everything-closed"]
    assert told.startswith("Failed: close-after-end: closes the queue runners and the session")
    assert '\nscenario: {"session": "singular"' in told
    assert "-   session_close" in told


def test_a_known_failure_is_expected() -> None:
    """A check that a file lists is no failure, and its reason is told."""
    known = (Known("leak", "it is a test", checks=("everything-closed",)),)
    with LEAKS.in_force():
        report = check_session(singular, max_examples=40, known=known)
    result = report.of("everything-closed")
    assert (result.outcome, result.reason) == (Outcome.EXPECTED_FAILURE, "leak: it is a test")
    with pytest.raises(AssertionError, match="end-before-close"):
        report.raise_if_failed()
