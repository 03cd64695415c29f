"""Large arrays that kernels use again from run to run, instead of asking the system for new ones.

New memory is cleared page by page when it is first written to, which can take longer than the
computation.
"""

import sys
from collections.abc import Sequence
from typing import Any

import numpy as np


def _popped(made: list[Any], index: int) -> tuple[Any, int]:
    """Takes an array away, so that no other thread sees it; says how often it is referred to."""
    array = made.pop(index)
    return array, sys.getrefcount(array)


# The count of an array that nobody else refers to. Interpreters differ in what they count.
_FREE = _popped([np.empty(0)], 0)[1]


# Arrays that take up fewer bytes are asked for anew: that is as fast.
LARGE = 1 << 17
# How many arrays of a kind are looked at; older ones that are still in use are forgotten.
_MOST = 64


class Buffers:
    """Arrays that are used again once nobody else refers to them or to a part of them.

    An array that was handed out may be kept for ever: it just isn't used again. Threads may share
    the buffers.

    Args:
        kinds: Of how many shapes and element types there may be arrays; if there are more, all are
            forgotten.
    """

    def __init__(self, kinds: int = 8) -> None:
        self._kinds = kinds
        self._made: dict[Any, list[Any]] = {}

    def take(self, shape: Sequence[int], dtype: Any) -> Any:
        """An array with any contents.

        Args:
            shape: Its shape.
            dtype: Its element type.

        Returns:
            An array that nobody else has.
        """
        kind = tuple(shape), np.dtype(dtype)
        if kind not in self._made and len(self._made) >= self._kinds:
            self._made.clear()
        made = self._made.setdefault(kind, [])
        # The first that is free was used last, as a rule, and is still in the processor's cache.
        for index in range(len(made)):
            try:
                array, references = _popped(made, index)
            except IndexError:
                break
            made.insert(index, array)
            if references == _FREE:
                return array
        array = np.empty(shape, dtype)
        made.append(array)
        del made[:-_MOST]
        return array
