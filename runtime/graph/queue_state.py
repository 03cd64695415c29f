"""The contents of a queue in one session, and waiting for them.

Every wait ends when the queue changes, when it is closed, when the session is closed
(CancelledError), or when the run's time is up (DeadlineExceededError).

Source of the rules of closing: the ``tf.queue.QueueBase.close`` documentation.
"""

import heapq
import itertools
import random
import threading
from collections import deque
from collections.abc import Callable
from typing import Any

from runtime import errors
from runtime.graph.state import DEADLINE

Element = tuple[Any, ...]


class QueueState:
    """A bounded buffer of elements, each a tuple of components.

    Args:
        name: The queue's name, for messages.
        capacity: The most elements it holds; unbounded if negative.
    """

    def __init__(self, name: str, capacity: int) -> None:
        self._name = name
        self._capacity = capacity
        self._changed = threading.Condition()
        self._elements: deque[Element] = deque()
        self._line: deque[object] = deque()
        self._closed = False
        self._pending = 0
        self._cancelled_before = 0
        self._attempts = 0
        self._dead = False

    @property
    def size(self) -> int:
        """The number of elements in it."""
        return len(self._elements)

    @property
    def closed(self) -> bool:
        """Whether it was closed."""
        return self._closed

    def enqueue(self, elements: list[Element]) -> None:
        """Adds elements, one after the other; waits while it is full.

        Args:
            elements: The elements.

        Raises:
            CancelledError: If it is closed.
        """
        with self._changed:
            if self._closed:
                raise self._cancelled()
            self._attempts += 1
            attempt = self._attempts
            self._pending += 1
            try:
                for element in elements:
                    self._wait(lambda: self._has_room() or attempt <= self._cancelled_before)
                    if attempt <= self._cancelled_before:
                        raise self._cancelled()
                    self._put(element)
                    self._changed.notify_all()
            finally:
                self._pending -= 1
                self._changed.notify_all()

    def dequeue(self, count: int, allow_fewer: bool = False) -> list[Element]:
        """Takes elements out; waits until there are enough.

        Args:
            count: How many.
            allow_fewer: Whether fewer, but at least one, are enough once it is closed.

        Returns:
            The elements.

        Raises:
            OutOfRangeError: If it is closed and there are not enough.
        """
        with self._changed:
            ticket = object()
            self._line.append(ticket)
            taken: list[Element] = []
            try:
                self._wait(lambda: self._line[0] is ticket)
                self._collect(taken, count, allow_fewer)
            except BaseException:
                self._restore(taken)
                raise
            finally:
                self._line.remove(ticket)
                self._changed.notify_all()
            return taken

    def _collect(self, taken: list[Element], count: int, allow_fewer: bool) -> None:
        """Takes elements as they come, so that more can be asked for than there is room for."""
        while len(taken) < count:
            self._wait(lambda: self._available() > 0 or self._ended())
            if self._available() > 0:
                taken.append(self._take())
                self._changed.notify_all()
            elif allow_fewer and taken:
                return
            else:
                raise errors.OutOfRangeError(
                    None,
                    None,
                    f"Queue {self._name!r} is closed and has insufficient elements "
                    f"(requested {count}, current size {len(taken)}).",
                )

    def close(self, cancel_pending: bool) -> None:
        """Makes it take no more elements; what is in it can still be taken out.

        Args:
            cancel_pending: Whether enqueues that are waiting fail, too.
        """
        with self._changed:
            self._closed = True
            if cancel_pending:
                self._cancelled_before = self._attempts
            self._changed.notify_all()

    def cancel(self) -> None:
        """Makes everything that waits fail: the session is closed."""
        with self._changed:
            self._dead = True
            self._changed.notify_all()

    def _has_room(self) -> bool:
        return self._capacity < 0 or self.size < self._capacity

    def _available(self) -> int:
        return self.size

    def _ended(self) -> bool:
        """Whether no element will come any more."""
        return self._closed and not (self._pending and self._attempts > self._cancelled_before)

    def _put(self, element: Element) -> None:
        self._elements.append(element)

    def _take(self) -> Element:
        return self._elements.popleft()

    def _restore(self, taken: list[Element]) -> None:
        self._elements.extendleft(reversed(taken))

    def _wait(self, ready: Callable[[], bool]) -> None:
        while not ready():
            if self._dead:
                raise errors.CancelledError(
                    None, None, f"Waiting for queue {self._name!r} ended: the session was closed."
                )
            remaining = DEADLINE.remaining()
            if remaining is not None and remaining <= 0:
                raise errors.DeadlineExceededError(
                    None, None, f"Timed out waiting for queue {self._name!r}."
                )
            self._changed.wait(remaining)

    def _cancelled(self) -> errors.CancelledError:
        return errors.CancelledError(None, None, f"Queue {self._name!r} is closed.")


class RandomQueueState(QueueState):
    """A buffer that gives its elements out in random order.

    Args:
        name: The queue's name, for messages.
        capacity: The most elements it holds.
        kept: How many stay in it, so that there is something to choose from, until it is closed.
        seeds: What the order follows from; None for another order each time.
        first: Whether the choice is among the first `kept` + 1 elements only. Then the order does
            not depend on how far the threads are that fill it.
    """

    def __init__(
        self,
        name: str,
        capacity: int,
        kept: int,
        seeds: tuple[int | None, int | None],
        first: bool,
    ) -> None:
        super().__init__(name, capacity)
        self._kept = kept
        self._draw = random.Random(None if seeds == (None, None) else repr(seeds)).random
        self._window = kept + 1 if first else None

    def _available(self) -> int:
        return self.size if self._closed else max(0, self.size - self._kept)

    def _take(self) -> Element:
        among = self.size if self._window is None else min(self.size, self._window)
        index = int(self._draw() * among)
        element = self._elements[index]
        del self._elements[index]
        return element


class PriorityQueueState(QueueState):
    """A buffer that gives out the element whose first component is least.

    Args:
        name: The queue's name, for messages.
        capacity: The most elements it holds; unbounded if negative.
    """

    def __init__(self, name: str, capacity: int) -> None:
        super().__init__(name, capacity)
        self._heap: list[tuple[int, int, Element]] = []
        self._numbers = itertools.count()

    @property
    def size(self) -> int:
        """The number of elements in it."""
        return len(self._heap)

    def _put(self, element: Element) -> None:
        heapq.heappush(self._heap, (int(element[0]), next(self._numbers), element))

    def _take(self) -> Element:
        return heapq.heappop(self._heap)[2]

    def _restore(self, taken: list[Element]) -> None:
        for element in taken:
            self._put(element)
