"""The scaffold of the model: what it adds to the graph, and its ready checks."""

from collections.abc import Mapping
from typing import Any

from statemachine.testing.faults import Fault
from statemachine.testing.model.graph import Graph

# The parts that a scaffold takes from a collection or adds to it, in this order.
PARTS = (
    "init_op",
    "ready_op",
    "ready_for_local_init_op",
    "local_init_op",
    "summary_op",
    "saver",
)


class Scaffold:
    """Knows which parts were given and adds the others when it is finalized."""

    def __init__(self, spec: Mapping[str, Any] | None) -> None:
        spec = spec or {}
        self.spec = spec
        self.faults: dict[str, Fault] = {
            part: Fault.from_spec(value)
            for part, value in spec.items()
            if isinstance(value, Mapping) and ("raise" in value or "not_ready" in value)
        }
        # A fault of the saver strikes the default one; it is not a part that was given.
        self._has = {part for part in PARTS if part in spec and part != "saver"}
        self._duplicates = bool(spec.get("dup_init_op"))

    def finalize(self, graph: Graph) -> None:
        """Adds what is missing, then finalizes the graph."""
        for part in PARTS:
            if part not in self._has:
                self._take_or_add(part, graph)
                self._has.add(part)
        graph.switch(True)

    def _take_or_add(self, part: str, graph: Graph) -> None:
        if part == "init_op" and self._duplicates:
            raise RuntimeError("More than one item in the collection")
        if part not in graph.collections:
            graph.add()
            graph.collections.add(part)
