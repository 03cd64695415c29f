"""Per-thread stacks of defaults: the default graph and the default session."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Generic, TypeVar

T = TypeVar("T")


class DefaultStack(threading.local, Generic[T]):
    """A stack of defaults; each thread has its own."""

    def __init__(self) -> None:
        self.items: list[T] = []

    def top(self) -> T | None:
        """The innermost default, or None."""
        return self.items[-1] if self.items else None

    @contextmanager
    def pushed(self, item: T) -> Iterator[T]:
        """Makes an item the default inside a `with` block.

        Args:
            item: The new default.

        Yields:
            The item.

        Raises:
            AssertionError: If blocks are left in another order than they were entered.
        """
        self.items.append(item)
        try:
            yield item
        finally:
            self._pop(item)

    def _pop(self, item: T) -> None:
        if self.items and self.items[-1] is item:
            self.items.pop()
        elif item in self.items:
            self.items.remove(item)
            raise AssertionError(
                f"Nesting violated: {item!r} stopped being the default while another default "
                "that was set later was still in force. Leave `with` blocks in reverse order."
            )
