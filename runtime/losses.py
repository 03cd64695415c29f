"""``tf.losses``: losses, weighted, reduced and collected."""

from typing import Any

import runtime.graph.losses  # noqa: F401  # registers the losses
from runtime.graph.export import exported, missing

globals().update(exported("losses"))
_fail = missing("tf.losses", globals())


def __getattr__(name: str) -> Any:  # any name of the namespace, filled in above
    return _fail(name)
