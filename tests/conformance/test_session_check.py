"""`check_session` on this package's own sessions."""

import pytest

from runtime.testing import SESSION_CHECKS, SessionAdapter, check_session
from runtime.testing.numpy_sessions import monitored, singular
from statemachine.ordering import sentences
from statemachine.testing import Outcome


def test_our_session_passes_every_check() -> None:
    """No check of a few hundred scenarios fails; what is skipped is about recoveries."""
    report = check_session(singular, max_examples=200)
    report.raise_if_failed()
    skipped = {r.check.name for r in report.results if r.outcome is Outcome.SKIPPED}
    assert skipped == {
        "recovers-from-preemption",
        "old-session-closed",
        "finalized-again-without-begin",
        "stop-survives-recovery",
    }
    assert report.count(Outcome.PASSED) == len(report.results) - len(skipped)


def test_every_check_cites_a_rule() -> None:
    """Its sentence is that of the documented ordering."""
    assert all(sentences()[check.rule] == check.sentence for check in SESSION_CHECKS)
    names = [check.name for check in SESSION_CHECKS]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("adapter", [singular, monitored], ids=lambda adapter: adapter.name)
def test_the_quick_profile_reaches_what_there_is(adapter: SessionAdapter) -> None:
    """All states, nearly all rules and fault points; what is missed is told."""
    report = check_session(adapter)
    report.raise_if_failed()
    reached = {reach.what: reach for reach in report.coverage.reached}
    assert reached["states"].missed == ()
    assert len(reached["rules"].missed) <= 1, reached["rules"].missed
    assert len(reached["fault points"].missed) <= 4, reached["fault points"].missed
    missed = len(reached["transitions"].missed)
    assert missed < len(reached["transitions"].counts) / 2
    assert f"never reached: {reached['transitions'].missed[0]}" in str(report)


@pytest.mark.deep
@pytest.mark.parametrize("seed", range(1, 11))
@pytest.mark.parametrize("adapter", [singular, monitored], ids=lambda adapter: adapter.name)
def test_our_sessions_pass_thousands_of_scenarios(adapter: SessionAdapter, seed: int) -> None:
    """Whatever the scenarios are drawn from."""
    check_session(adapter, max_examples=4000, seed=seed).raise_if_failed()
