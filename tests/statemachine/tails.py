"""Tails of another size, so that a short session fills several."""

import pytest

from statemachine import journal, store, tail


def resize(patch: pytest.MonkeyPatch, slots: int) -> None:
    """Have the tails of logs that are begun from now on hold so many ordered events."""
    for module in (tail, store):
        patch.setattr(module, "TAIL_SIZE", 64 + 16 * slots)
    patch.setattr(journal, "SLOTS", slots)
