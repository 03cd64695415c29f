"""``tensorflow.contrib.rnn.python.ops.core_rnn_cell``: `contrib.rnn`, and `_linear`."""

from typing import Any

from runtime.contrib import rnn
from runtime.contrib.rnn.cells import linear

_linear = linear


def __getattr__(name: str) -> Any:  # any public name
    return getattr(rnn, name)


def __dir__() -> list[str]:
    return dir(rnn)
