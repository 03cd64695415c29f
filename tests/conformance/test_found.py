"""Scenarios in which the kit once found sessions and model to differ."""

import pytest

from runtime.testing import check_scenario
from runtime.testing.numpy_sessions import monitored
from statemachine.testing import Scenario

FOUND = {
    "an interrupt out of a thread, while a failed start is undone": Scenario(
        session="monitored",
        hooks=(
            {"after_create_session": {"0": {"coord_stop": "KeyboardInterrupt"}}},
            {"after_create_session": {"0": {"raise": "AbortedError"}}},
        ),
    ),
    "a step function that is repeated after a stop that was asked for before": Scenario(
        session="monitored",
        hooks=(
            {
                "before_run": {"0": {"request_stop": True}},
                "after_create_session": {"0": {"coord_stop": "AbortedError"}},
            },
        ),
        body=({"op": "run", "fetch": "c"}, {"op": "step_fn", "do": [{"hooks": "c"}]}),
    ),
    "a run of a lost session whose coordinator had been asked to stop": Scenario(
        session="monitored",
        body=(
            {"op": "coord_stop"},
            {"op": "run", "fetch": "yd", "feed": {"xd": {"bomb": "AbortedError"}}, "catch": True},
            {"op": "run", "fetch": "c", "catch": True},
        ),
        scaffold={"local_init_op": {"raise": "OutOfRangeError", "skip": 1}},
    ),
}


@pytest.mark.parametrize("what", FOUND)
def test_it_is_found_no_more(what: str) -> None:
    """The log is complete, and runs that were refused stay refused."""
    check_scenario(monitored, FOUND[what]).raise_if_failed()
