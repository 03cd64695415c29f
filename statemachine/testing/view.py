"""What is compared of a trace, given what an adapter sees and what its session can do."""

from collections.abc import Iterable
from typing import Final

from statemachine.testing.features import Feature, Sees
from statemachine.testing.trace import DETAIL_KINDS, Event, Observation

_KINDS: Final = {
    Sees.RAW: {"session_create", "session_close", "run", "raw_run"},
    Sees.START: {
        "scaffold_finalize",
        "init_op",
        "init_fn",
        "restore",
        "ready_for_local_init_op",
        "local_init_op",
        "ready_op",
        "queue_runners",
        "fail",
    },
    Sees.GRAPH: {"graph_finalize", "graph_unfinalize"},
}
_FIELDS: Final = {Sees.RAW: {"s", "sessions"}, Sees.GRAPH: {"fin"}}
_FIELDS_OF_FEATURES: Final = {
    Feature.RAW: {"s"},
    Feature.REQUESTS: {"fetch", "feed", "results", "options", "step_stats"},
    Feature.COORDINATOR: {"coord_stop", "stuck"},
    Feature.STOP: {"stop"},
}
_AN_ERROR: Final = ["an error", "~"]


class View:
    """Reduces traces to what counts for one adapter.

    Args:
        sees: What the adapter reports.
        features: What its session can do.
    """

    def __init__(self, sees: Iterable[Sees], features: Iterable[Feature]) -> None:
        seen, able = frozenset(sees), frozenset(features)
        self._hidden = set(DETAIL_KINDS).union(*(k for s, k in _KINDS.items() if s not in seen))
        self._dropped = {"coords"}.union(
            *(fields for s, fields in _FIELDS.items() if s not in seen),
            *(fields for f, fields in _FIELDS_OF_FEATURES.items() if f not in able),
        )
        self._exact = Sees.ERRORS in seen

    def of(self, observation: Observation) -> list[Event]:
        """What is left of a trace, and after it which threads have ended when asked to."""
        ended = [e for e in observation.background if e["e"] == "thread_exit"]
        if len(ended) > 1:
            ended.sort(key=lambda event: str(event["of"]))
        return self._of(observation.trace) + ended

    def _of(self, trace: Iterable[Event]) -> list[Event]:
        hidden, dropped = self._hidden, self._dropped
        return [
            event
            if dropped.isdisjoint(event) and event.get("exc") is None
            else self._reduced(event)
            for event in trace
            if event["e"] not in hidden
        ]

    def _reduced(self, event: Event) -> Event:
        kept = {name: value for name, value in event.items() if name not in self._dropped}
        if kept.get("exc") is not None:
            kept["exc"] = self._error(*kept["exc"])
        return kept

    def _error(self, name: str, message: str) -> list[str]:
        """An error that a scenario asked for is known by its message, whatever its class."""
        if message.startswith("inj:"):
            return [name, message] if self._exact else ["an error", message]
        return [name, "~" if message.startswith("~") else message] if self._exact else _AN_ERROR
