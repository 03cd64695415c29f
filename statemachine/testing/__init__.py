"""Conformance testing: scenarios as values, what is expected of them, and what was found.

Comes with the extra ``testing``: ``pip install 'monitored-session[testing]'``. Nothing here knows
a session class; `runtime.testing` plays scenarios on one.
"""

from typing import TYPE_CHECKING

from statemachine.log_check import check_log
from statemachine.testing.building import fault_points
from statemachine.testing.features import Feature, Sees, features_of
from statemachine.testing.known import Known, KnownError, read_known
from statemachine.testing.results import (
    Check,
    ConformanceError,
    Counterexample,
    Coverage,
    Outcome,
    Reach,
    Report,
    Result,
)
from statemachine.testing.scenario import Scenario, ScenarioError

if TYPE_CHECKING:
    from statemachine.testing.strategies import scenarios

__all__ = [
    "Check",
    "ConformanceError",
    "Counterexample",
    "Coverage",
    "Feature",
    "Known",
    "KnownError",
    "Outcome",
    "Reach",
    "Report",
    "Result",
    "Scenario",
    "ScenarioError",
    "Sees",
    "check_log",
    "fault_points",
    "features_of",
    "read_known",
    "scenarios",
]


def __getattr__(name: str) -> object:
    """`scenarios`, which needs hypothesis; everything else does without."""
    if name == "scenarios":
        from statemachine.testing.strategies import scenarios

        return scenarios
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
