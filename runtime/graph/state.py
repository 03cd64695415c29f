"""What a session holds between runs: contents of variables, queues, random generators.

Nothing of this belongs to the graph: two sessions on one graph share no state, and a new
session starts from nothing.
"""

import threading
import time
from typing import TYPE_CHECKING, Any

from runtime.graph.dtypes import DType
from runtime.graph.shapes import Dims

if TYPE_CHECKING:
    from runtime.graph.operation import Operation


class VariableCell:
    """The contents of one variable in one session.

    Attributes:
        name: The variable's name.
        dtype: Its element type.
        dims: Its static shape.
        value: The array or scalar. Reading it before it was assigned raises AttributeError,
            which the session reports as an uninitialized variable.
        lock: Held by updates that read before they write.
    """

    __slots__ = ("dims", "dtype", "lock", "name", "value")

    value: Any

    def __init__(self, name: str, dtype: DType, dims: Dims) -> None:
        self.name = name
        self.dtype = dtype
        self.dims = dims
        self.lock = threading.Lock()

    @property
    def initialized(self) -> bool:
        """Whether it has a value."""
        return hasattr(self, "value")


class Deadline(threading.local):
    """The moment at which the run that this thread carries out has to give up waiting."""

    def __init__(self) -> None:
        self.moment: float | None = None

    def remaining(self) -> float | None:
        """Seconds that are left, None if there is no limit."""
        return None if self.moment is None else self.moment - time.monotonic()


DEADLINE = Deadline()


class SessionState:
    """The states of all stateful operations in one session."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._states: dict[Operation, Any] = {}
        self._cancelled = False

    def of(self, op: "Operation") -> Any:
        """The state of an operation, made at its first use.

        Args:
            op: An operation whose definition has a state.

        Returns:
            The state object.
        """
        with self._lock:
            if op not in self._states:
                make = op.definition.state
                assert make is not None
                self._states[op] = make(op)
                if self._cancelled:
                    _cancel(self._states[op])
            return self._states[op]

    def cancel(self) -> None:
        """Wakes everything that waits, for good."""
        with self._lock:
            self._cancelled = True
            states = list(self._states.values())
        for state in states:
            _cancel(state)


def _cancel(state: Any) -> None:
    cancel = getattr(state, "cancel", None)
    if cancel is not None:
        cancel()
