"""Conformance testing: scenarios as values, what is expected of them, and what was found.

Comes with the extra ``testing``: ``pip install 'monitored-session[testing]'``. Nothing here knows
a session class; `runtime.testing` plays scenarios on one.
"""

import importlib
from typing import TYPE_CHECKING

from statemachine.log_check import check_log
from statemachine.testing.building import fault_points
from statemachine.testing.features import Feature, Sees, features_of
from statemachine.testing.hook_scenario import HookScenario, hook_fault_points
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
    from statemachine.testing.strategies import hook_scenarios, scenarios

__all__ = [
    "Check",
    "ConformanceError",
    "Counterexample",
    "Coverage",
    "Feature",
    "HookScenario",
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
    "hook_fault_points",
    "hook_scenarios",
    "read_known",
    "scenarios",
]


def __getattr__(name: str) -> object:
    """The strategies, which need hypothesis; everything else does without."""
    if name in ("hook_scenarios", "scenarios"):
        return getattr(importlib.import_module("statemachine.testing.strategies"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
