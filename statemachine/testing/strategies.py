"""Hypothesis strategies for scenarios."""

from collections.abc import Iterable

from statemachine.testing.building import BYTES, Builder
from statemachine.testing.features import FEATURES, Feature
from statemachine.testing.hook_scenario import HookScenario, built
from statemachine.testing.scenario import Scenario

try:
    from hypothesis import strategies as st
except ImportError as error:
    raise ImportError(
        "the strategies need hypothesis: pip install 'monitored-session[testing]'"
    ) from error


def scenarios(features: Iterable[Feature] = FEATURES) -> st.SearchStrategy[Scenario]:
    """A strategy for scenarios that end in the final state.

    One costs a single draw of bytes. It shrinks by leaving out ingredients, and by making those
    that are left simpler.

    Args:
        features: What the scenarios may make use of; everything, if left out.
    """
    return st.binary(min_size=BYTES, max_size=BYTES).map(Builder(features).build)


@st.composite
def hook_scenarios(draw: st.DrawFn) -> HookScenario:
    """A strategy for what happens around a hook: the scenarios of `runtime.testing.check_hook`."""
    return built(lambda count: draw(st.integers(0, count - 1)))
