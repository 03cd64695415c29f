"""Scenarios that are drawn: how they are spread, and how they shrink."""

from hypothesis import Phase, find, settings

from statemachine.testing import Scenario, features_of, scenarios
from statemachine.testing.building import fault_points
from statemachine.testing.distribution import distribution
from statemachine.testing.features import FEATURES, Feature
from statemachine.testing.shrinking import smallest

FEW = settings(max_examples=3000, database=None, derandomize=True, phases=[*Phase])


def test_no_fault_point_is_rare() -> None:
    """Each comes in one of a thousand scenarios at least, and none in more than one of five."""
    count = 6000
    shares = {point: times / count for point, times in distribution(count).items()}
    assert min(shares.values()) > 0.001, shares
    assert max(shares.values()) < 0.2, shares


def test_scenarios_make_use_of_nothing_else() -> None:
    """Whatever a session can do, the scenarios for it need no more."""
    for able in ({Feature.CLOSE}, {Feature.STOP, Feature.REQUESTS}, FEATURES - {Feature.RAW}):
        drawn = [find(scenarios(able), lambda s: True, settings=FEW)]
        found = find(scenarios(able), lambda s: len(s.body) > 2, settings=FEW)
        for scenario in (*drawn, found):
            assert features_of(scenario) <= frozenset(able)


def test_the_strategy_shrinks_to_small_scenarios() -> None:
    """What is not needed is left out."""

    def interrupted(scenario: Scenario) -> bool:
        return "hook.before_run: interrupt" in fault_points(scenario)

    found = find(scenarios({Feature.CLOSE}), interrupted, settings=FEW)
    assert found == Scenario(hooks=({"before_run": {"0": {"raise": "KeyboardInterrupt"}}},))


def test_shrinking_leaves_out_what_is_not_needed() -> None:
    """The shrinker of `check_session` does the same, without drawing anew."""
    big = Scenario(
        mode="finally",
        hooks=({}, {"end": {"0": {"raise": "ValueError", "request_stop": True}}}, {}),
        body=({"op": "run", "fetch": "c", "catch": True}, {"op": "should_stop"}),
        scaffold={"init_fn": "ok"},
    )
    found = smallest(big, lambda s: any("end" in hook for hook in s.hooks))
    assert found == Scenario(hooks=({"end": {"0": {}}},)) or found == Scenario(hooks=({"end": {}},))


def test_shrinking_makes_plain_what_is_needed() -> None:
    """Loops are unrolled, the first call stands for any, and a run fetches a constant.

    A run without a fetch would fail, and a counterexample be about that, too.
    """
    loop = {"op": "loop", "max": 3, "body": [{"op": "run", "fetch": ["w", {"a": "inc"}]}]}
    hook = {"before_run": {"*": {"request_stop": True}}, "after_run": {"2": {}}}
    big = Scenario(hooks=(hook,), body=({"op": "with", "body": [loop]},))

    def stops(scenario: Scenario) -> bool:
        return "request_stop" in scenario.to_json() and "run" in str(scenario.body)

    hooks = ({"before_run": {"0": {"request_stop": True}}},)
    assert smallest(big, stops) == Scenario(hooks=hooks, body=({"op": "run", "fetch": "c"},))
