"""The fixed graph of the scenarios, and a raw session that computes on it, in plain Python."""

from collections.abc import Callable, Mapping
from typing import Any

import attrs

from statemachine.testing.faults import Bomb

FINALIZED = "Graph is finalized and cannot be modified."
CHECKPOINTS: Mapping[str, Mapping[str, float]] = {
    "full": {"w": 42.0, "step": 100},
    "partial": {"w": 42.0},
}
INITIAL: Mapping[str, float] = {"w": 5.0, "step": 0}
FAILING: Mapping[str, tuple[str, str]] = {
    "oor": ("OutOfRangeError", "StopIteration: inj:oor"),
    "inv": ("InvalidArgumentError", "ValueError: inj:inv"),
    "unk": ("UnknownError", "RuntimeError: inj:unk"),
    "pyabort": ("UnknownError", "AbortedError: inj:pyabort"),
}
MakeError = Callable[[str, str], BaseException]
COMPUTED = ("c", "s", "x", "y", "xd", "yd", "w", "setw", "step", "inc", "lv", "noop", "deq")
SYMBOLS = frozenset(COMPUTED) | frozenset(FAILING)


@attrs.frozen
class Symbol:
    """Something in the graph that can be fetched or fed."""

    name: str


class Graph:
    """A graph that can be finalized; what scaffolds put into collections is remembered."""

    def __init__(self, on_flip: Callable[[bool], None], finalized: bool = False) -> None:
        self.finalized = finalized
        self.collections: set[str] = set()
        self.constants: dict[str, float] = {}
        self._on_flip = on_flip

    def add(self) -> None:
        """Adds an operation."""
        if self.finalized:
            raise RuntimeError(FINALIZED)

    def switch(self, finalized: bool) -> None:
        """Finalizes or opens the graph."""
        if self.finalized != finalized:
            self.finalized = finalized
            self._on_flip(finalized)


class Raw:
    """A raw session: variables, a queue, and whether it is closed."""

    def __init__(
        self, number: int, graph: Graph, globals_: Mapping[str, float], error: MakeError
    ) -> None:
        self.number = number
        self.error = error
        self.closed = False
        self.queue: list[int] = []
        self.initial = globals_
        self.variables: dict[str, float] = {}
        self._graph = graph

    def run(self, fetches: Any, feed_dict: Mapping[Any, Any] | None = None) -> Any:
        """Computes what is fetched."""
        if self.closed:
            raise RuntimeError("Attempted to use a closed Session.")
        return Computation(self, self._graph, feed_dict or {}).fetch(fetches)

    def initialize(self) -> None:
        """Sets the global variables."""
        self.variables.update(self.initial)

    def initialize_local(self) -> None:
        """Sets the local variable."""
        if self.initial:
            self.variables["lv"] = 7.0

    def restore(self, name: str) -> None:
        """Overwrites the global variables from a checkpoint."""
        if not self.initial:
            return
        if name not in CHECKPOINTS:
            raise ValueError("no such checkpoint")
        if missing := self.initial.keys() - CHECKPOINTS[name].keys():
            raise self.error("NotFoundError", f"lacks {missing}")
        self.variables.update(CHECKPOINTS[name])


class Computation:
    """One raw run: each operation runs at most once."""

    def __init__(self, raw: Raw, graph: Graph, feed_dict: Mapping[Any, Any]) -> None:
        self._raw = raw
        self._graph = graph
        self._known: dict[str, Any] = {}
        for key, value in feed_dict.items():
            if symbol_name(key) not in SYMBOLS | graph.constants.keys():
                raise TypeError(f"Cannot interpret feed_dict key as Tensor: {key}")
            taken = value.take() if isinstance(value, Bomb) else value
            self._known[symbol_name(key)] = taken

    def fetch(self, fetches: Any) -> Any:
        """Computes a structure of fetches; all names are checked first."""
        self._check(fetches)
        return self._compute(fetches)

    def _check(self, fetches: Any) -> None:
        if fetches is None:
            raise TypeError("None cannot be fetched")
        if isinstance(fetches, str):
            raise ValueError(f"{fetches} is not in the graph")
        for part in _parts(fetches):
            self._check(part)

    def _compute(self, fetches: Any) -> Any:
        if isinstance(fetches, Symbol):
            return self._value(fetches.name)
        if isinstance(fetches, Mapping):
            return {k: self._compute(v) for k, v in fetches.items()}
        return [self._compute(v) for v in fetches]

    def _value(self, name: str) -> Any:
        if name not in self._known:
            self._known[name] = self._operate(name)
        return self._known[name]

    def _operate(self, name: str) -> Any:
        if name in FAILING:
            raise self._raw.error(*FAILING[name])
        if name in self._graph.constants:
            return self._graph.constants[name]
        return getattr(self, f"_{name}")()

    def _c(self) -> float:
        return 3.0

    def _s(self) -> str:
        return "hi"

    def _x(self) -> float:
        raise self._raw.error(
            "InvalidArgumentError", "You must feed a value for placeholder tensor 'x'"
        )

    def _y(self) -> float:
        return float(self._value("x") * 2)

    def _xd(self) -> float:
        return 1.0

    def _yd(self) -> float:
        return float(self._value("xd") * 10)

    def _w(self) -> float:
        return self._read("w")

    def _step(self) -> float:
        return self._read("step")

    def _lv(self) -> float:
        return self._read("lv")

    def _read(self, variable: str) -> float:
        if variable not in self._raw.variables:
            raise self._raw.error("FailedPreconditionError", f"Could not find variable {variable}.")
        return self._raw.variables[variable]

    def _setw(self) -> None:
        self._raw.variables["w"] = 9.0

    def _noop(self) -> None:
        return None

    def _inc(self) -> float:
        if "step" not in self._raw.variables:
            raise self._raw.error("NotFoundError", "Could not find resource: step")
        self._raw.variables["step"] += 1
        return self._raw.variables["step"]

    def _deq(self) -> int:
        if not self._raw.queue:
            raise self._raw.error(
                "OutOfRangeError", "FIFOQueue is closed and has insufficient elements"
            )
        return self._raw.queue.pop(0)


def symbol_name(key: Any) -> str:
    """Returns which symbol a feed names, be it by tensor or by name."""
    return key.name if isinstance(key, Symbol) else key.partition(":")[0]


def _parts(fetches: Any) -> list[Any]:
    if isinstance(fetches, Symbol):
        return []
    return list(fetches.values() if isinstance(fetches, Mapping) else fetches)
