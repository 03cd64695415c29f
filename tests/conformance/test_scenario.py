"""Scenarios as values, and how strictly they are read."""

import pytest
from hypothesis import given

from statemachine.testing import Scenario, ScenarioError, scenarios
from tests.oracle.corpora import shipped


def test_every_recorded_scenario_is_one() -> None:
    """The reader takes all that were played on TensorFlow, and gives them back."""
    for row in shipped():
        scenario = Scenario.of(row.scenario)
        assert Scenario.from_json(scenario.to_json()) == scenario


@given(scenarios())
def test_every_drawn_scenario_is_one(scenario: Scenario) -> None:
    """What the strategy draws survives being written and read strictly."""
    assert Scenario.from_json(scenario.to_json()) == scenario


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "a scenario is JSON"),
        ("[]", "the scenario is []; it must be an object"),
        ("{}", "it must be an object with 'session'"),
        ('{"session": "other"}', 'session is "other"; it must be one of "singular", "monitored"'),
        ('{"session": "singular", "hook": []}', "not 'hook'"),
        ('{"session": "singular", "hooks": [{"begin": {"x": {}}}]}', "a key of hooks[0].begin"),
        ('{"session": "singular", "body": [{"op": "ran"}]}', "body[0] is"),
        ('{"session": "singular", "body": [{"op": "raise", "err": "E"}]}', "body[0].err is"),
        ('{"session": "singular", "grace": true}', "grace is true; it must be a number"),
    ],
)
def test_what_is_no_scenario_is_refused(text: str, said: str) -> None:
    """The message names the place, what stands there, and what may stand there."""
    with pytest.raises(ScenarioError) as raised:
        Scenario.from_json(text)
    assert said in str(raised.value)
