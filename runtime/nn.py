"""``tf.nn``: activations, losses and other parts of neural networks."""

from typing import Any

import runtime.graph.ops  # noqa: F401  # registers the operations
from runtime.graph.export import exported, missing

globals().update(exported("nn"))
_fail = missing("tf.nn", globals())


def __getattr__(name: str) -> Any:  # any name of the namespace, filled in above
    return _fail(name)
