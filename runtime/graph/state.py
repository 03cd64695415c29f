"""What a session holds between runs: contents of variables, queues, random generators.

Nothing of this belongs to the graph: two sessions on one graph share no state, and a new
session starts from nothing.
"""

import threading
import time
from typing import TYPE_CHECKING, Any

from runtime import errors
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
        lock: Held by updates that read before they write, or that write into the array.
    """

    __slots__ = ("_pinned", "_pins", "dims", "dtype", "lock", "name", "value")

    value: Any

    def __init__(self, name: str, dtype: DType, dims: Dims) -> None:
        self.name = name
        self.dtype = dtype
        self.dims = dims
        self.lock = threading.Lock()
        self._pinned: Any = None
        self._pins = 0

    @property
    def initialized(self) -> bool:
        """Whether it has a value."""
        return hasattr(self, "value")

    def writable(self) -> Any:
        """The array, for an update that overwrites it; the caller holds the lock.

        Returns:
            The contents; a copy takes their place first if somebody has pinned them.
        """
        if self._pinned is not None and self._pinned is self.value:
            self.value = self.value.copy()
        return self.value

    def pin(self) -> Any:
        """Keeps the contents as they are now for a reader, without a copy, until `unpin`.

        Returns:
            The array or scalar. Updates leave it alone from now on; they copy.

        Raises:
            AttributeError: If it has no value.
        """
        with self.lock:
            value = self.value
            self._pins = self._pins + 1 if self._pinned is value else 1
            self._pinned = value
        return value

    def unpin(self, value: Any) -> None:
        """Ends what `pin` began.

        Args:
            value: What `pin` returned. What was replaced since needs no ending.
        """
        with self.lock:
            if self._pinned is value:
                self._pins -= 1
                if not self._pins:
                    self._pinned = None


class Deadline(threading.local):
    """The moment at which the run that this thread carries out has to give up waiting."""

    def __init__(self) -> None:
        self.moment: float | None = None

    def remaining(self) -> float | None:
        """Seconds that are left, None if there is no limit."""
        return None if self.moment is None else self.moment - time.monotonic()


DEADLINE = Deadline()


class SessionState:
    """The states of all stateful operations in one session.

    Attributes:
        cancelled: Whether the session is closed; loops that are being run ask.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._states: dict[Operation, Any] = {}
        self.cancelled = False

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
                if self.cancelled:
                    _cancel(self._states[op])
            return self._states[op]

    def fail(self) -> None:
        """Ends a loop or branch of a run whose session was closed.

        Raises:
            CancelledError: Always.
        """
        raise errors.CancelledError(None, None, "The run was cancelled: its session was closed.")

    def cancel(self) -> None:
        """Wakes everything that waits, for good."""
        with self._lock:
            self.cancelled = True
            states = list(self._states.values())
        for state in states:
            _cancel(state)


def _cancel(state: Any) -> None:
    cancel = getattr(state, "cancel", None)
    if cancel is not None:
        cancel()
