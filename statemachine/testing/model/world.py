"""The world of the model: the stage, with a model session and its coordinators on it."""

from collections.abc import Collection, Mapping
from typing import Any

from statemachine.testing.model.coordinator import Coordinator
from statemachine.testing.model.graph import Raw
from statemachine.testing.model.merge import Identity, Merger
from statemachine.testing.model.session import MonitoredSession, SingularSession
from statemachine.testing.stage import Stage


class ModelWorld(Stage):
    """One scenario's world, with the rules that are switched on in it."""

    def __init__(self, scenario: Mapping[str, Any], rules: Collection[str] = ()) -> None:
        super().__init__(scenario)
        self.rules = frozenset(rules)
        self._coordinators: list[Coordinator] = []

    def wants(self, rule: str) -> bool:
        """Tells whether a rule is switched on."""
        return rule in self.rules

    def hook_index(self, key: Any) -> int:
        """Returns the number of a hook."""
        hook = key.hook if isinstance(key, Identity) else key
        return int(hook.index)

    def open(self, hooks: Any, plain: bool = False) -> Any:
        """Constructs the model session."""
        monitored = self.scenario["session"] == "monitored"
        return (MonitoredSession if monitored else SingularSession)(self, hooks, plain)

    def merged_run(self, raw: Any, merger: Merger) -> Any:
        """Runs what hooks and caller asked for."""
        player = self.player
        self.recorder.emit(
            "run",
            s=raw.number,
            fetch=merger.shown_fetches(player.shown_fetches),
            feed=player.shown_feed(merger.feed),
            options=self.shown_options(merger.options),
        )
        with self._failing("run"):
            return raw.run(merger.fetches, merger.feed)

    def create_coordinator(self) -> Coordinator:
        """Makes a coordinator."""
        coordinator = Coordinator(len(self._coordinators), self.recorder)
        self._coordinators.append(coordinator)
        return coordinator

    def start_thread(self, coordinator: Any, kind: Any, place: str) -> None:
        """Starts a thread of a hook."""
        if kind == "obedient":
            coordinator.register(place)
        elif kind == "stuck":
            self._stuck += 1
        else:
            coordinator.report(self.error(kind["raise"], f"inj:{place}.thread"))

    def wait(self) -> None:
        """Needs nothing: threads of the model have always done what they can."""

    def start_queue_runners(self, raw: Raw, coordinator: Coordinator) -> None:
        """Starts the producer; its error goes to the coordinator."""
        self.produce(raw, coordinator.report)

    def final(self) -> dict[str, Any]:
        """Returns the final state."""
        coordinators = [[c.stopped, c.joined] for c in self._coordinators]
        return {**super().final(), "coords": coordinators}
