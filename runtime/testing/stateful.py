"""Exploring a live session: hypothesis chooses the next operation while the session is open.

Beside the strategy of whole scenarios this finds what depends on what has happened so far. The
operations make up a scenario's body; after each of them the trace must be the expected one.
"""

from collections.abc import Mapping
from typing import Any

import attrs

try:
    from hypothesis import strategies as st
    from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule
except ImportError as error:
    raise ImportError(
        "SessionMachine needs hypothesis: pip install 'monitored-session[testing]'"
    ) from error

from runtime.testing.adapter import SessionAdapter
from statemachine.testing.building import ERRORS, FETCHES
from statemachine.testing.expected import expected
from statemachine.testing.features import OF_OPERATION
from statemachine.testing.live import LiveStage
from statemachine.testing.player import Player
from statemachine.testing.scenario import Scenario
from statemachine.testing.strategies import scenarios
from statemachine.testing.trace import Difference, Observation
from statemachine.testing.view import View

# Any, here: operations are JSON, and a session is of whatever class is tested.


class SessionMachine(RuleBasedStateMachine):
    """Drives a live session. Set `adapter` in a subclass, or use `session_machine`.

    Further rules call `self.do(operation)` with an operation of a scenario.
    """

    adapter: SessionAdapter

    def __init__(self) -> None:
        super().__init__()
        self._surroundings = self.adapter.surroundings()
        self._surroundings.__enter__()
        self._view = View(self.adapter.sees, self.adapter.features)
        self._body: list[Mapping[str, Any]] = []
        self._base = Scenario()
        self._stage: LiveStage | None = None
        self._open = False

    @initialize(data=st.data())
    def construct(self, data: st.DataObject) -> None:
        """Construct the session, with hooks and scaffold of a drawn scenario."""
        drawn = data.draw(scenarios(self.adapter.features))
        self._base = Scenario(
            session=drawn.session,
            hooks=drawn.hooks,
            scaffold=drawn.scaffold,
            ckpt_file=drawn.ckpt_file,
        )
        self._stage = self.adapter.stage(self._base)
        self._player = Player(self._stage.scenario, self._stage)
        self._open = self._player.construct()
        self._compare()

    def able(self, kind: str) -> bool:
        """Whether the session is open, and can do an operation of this kind."""
        needed = OF_OPERATION.get(kind)
        return self._open and (needed is None or needed in self.adapter.features)

    def do(self, operation: Mapping[str, Any]) -> None:
        """Carry out an operation on the session, catching its error, and compare."""
        caught = {**operation, "catch": True}
        self._body.append(caught)
        self._player.perform(caught, str(len(self._body) - 1))
        self._compare()

    @precondition(lambda self: self.able("run"))
    @rule(fetch=st.sampled_from(FETCHES))
    def run(self, fetch: Any) -> None:
        """Run something."""
        self.do({"op": "run", "fetch": fetch})

    @precondition(lambda self: self.able("run"))
    @rule(error=st.sampled_from(ERRORS))
    def fail(self, error: str) -> None:
        """Run something that fails."""
        self.do({"op": "run", "fetch": "yd", "feed": {"xd": {"bomb": error}}})

    @precondition(lambda self: self.able("should_stop"))
    @rule()
    def ask(self) -> None:
        """Ask whether to stop."""
        self.do({"op": "should_stop"})

    @precondition(lambda self: self.able("step_fn"))
    @rule(stops=st.booleans())
    def step(self, stops: bool) -> None:
        """Call a step function."""
        parts = [{"hooks": "c"}, {"stop": True}] if stops else [{"hooks": "c"}, {"run": "w"}]
        self.do({"op": "step_fn", "do": parts})

    @precondition(lambda self: self.able("coord_stop"))
    @rule(error=st.none() | st.sampled_from(ERRORS))
    def report(self, error: str | None) -> None:
        """Ask the coordinator to stop, perhaps with an error."""
        self.do({"op": "coord_stop"} if error is None else {"op": "coord_stop", "err": error})

    @precondition(lambda self: self.able("close"))
    @rule()
    def close(self) -> None:
        """Close the session; what is done afterwards must be refused."""
        self.do({"op": "close"})

    @precondition(lambda self: not self._open)
    @rule()
    def rest(self) -> None:
        """Do nothing: there is no session, for its construction failed."""

    def _compare(self) -> None:
        """The trace so far must be how the expected trace of the scenario so far begins."""
        assert self._stage is not None
        scenario = attrs.evolve(self._base, mode="none", body=self._body)
        derived = expected(scenario.spec).trace[:-1]  # the final state is still to come
        wanted = self._view.of(Observation(derived))
        found = self._view.of(Observation(self._stage.recorder.events))
        if wanted != found:
            pairs = zip(wanted, found, strict=False)
            same = min(len(wanted), len(found))
            at = next((n for n, (a, b) in enumerate(pairs) if a != b), same)
            difference = Difference(at, wanted, found).render()
            raise AssertionError(f"scenario: {scenario.to_json()}\n{difference}")

    def teardown(self) -> None:
        """Close what is open."""
        if self._stage is not None:
            if self._open:
                self._player.perform({"op": "close", "catch": True}, "close")
            self._stage.tear_down()
        self._surroundings.__exit__(None, None, None)


def session_machine(adapter: SessionAdapter) -> type[SessionMachine]:
    """A state machine for one adapter; its attribute ``TestCase`` is a test.

    Args:
        adapter: The adapter.
    """
    return type("SessionMachineOf", (SessionMachine,), {"adapter": adapter})
