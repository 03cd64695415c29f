"""Large arrays that kernels use again from run to run, instead of asking the system for new ones.

New memory is cleared page by page when it is first written to, which can take longer than the
computation.
"""

import sys
from collections.abc import Sequence
from typing import Any

import numpy as np


def _popped(made: list[Any]) -> tuple[Any, int]:
    """Takes an array away, so that no other thread sees it; says how often it is referred to."""
    array = made.pop(0)
    return array, sys.getrefcount(array)


# The count of an array that nobody else refers to. Interpreters differ in what they count.
_FREE = _popped([np.empty(0)])[1]


class Buffers:
    """Arrays that are used again once nobody else refers to them or to a part of them.

    An array that was handed out may be kept for ever: it just isn't used again. Threads may share
    the buffers.
    """

    def __init__(self) -> None:
        self._made: dict[Any, list[Any]] = {}

    def take(self, shape: Sequence[int], dtype: Any) -> Any:
        """An array with any contents.

        Args:
            shape: Its shape.
            dtype: Its element type.

        Returns:
            An array that nobody else has.
        """
        made = self._made.setdefault((tuple(shape), np.dtype(dtype)), [])
        for _ in range(len(made)):
            try:
                array, references = _popped(made)
            except IndexError:
                break
            made.append(array)
            if references == _FREE:
                return array
        array = np.empty(shape, dtype)
        made.append(array)
        return array
