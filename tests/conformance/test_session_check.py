"""`check_session` on this package's own sessions."""

from runtime.testing import check_session
from runtime.testing.numpy_sessions import singular
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
