"""Exploring live sessions, operation by operation."""

import pytest
from hypothesis import Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from runtime.testing import SessionAdapter, session_machine
from runtime.testing.numpy_sessions import monitored, singular
from tests.conformance.mutants import MUTANTS

FEW = settings(
    max_examples=30,
    stateful_step_count=12,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.generate],
)


@pytest.mark.parametrize("adapter", [singular, monitored], ids=lambda adapter: adapter.name)
def test_live_sessions_do_what_is_expected(adapter: SessionAdapter) -> None:
    """After each operation the trace is the one that the model derives."""
    run_state_machine_as_test(session_machine(adapter), settings=FEW)


def test_a_fault_is_found_while_the_session_lives() -> None:
    """The error says with which scenario, and where the traces differ."""
    mutant = next(m for m in MUTANTS if m.name == "runs go on after a stop")
    with mutant.in_force(), pytest.raises(AssertionError, match="scenario: "):
        run_state_machine_as_test(session_machine(singular), settings=FEW)
