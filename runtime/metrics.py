"""``tf.metrics``: figures that are added up over many runs."""

from typing import Any

import runtime.graph.metrics  # noqa: F401  # registers the metrics
from runtime.graph.export import exported, missing

globals().update(exported("metrics"))
_fail = missing("tf.metrics", globals())


def __getattr__(name: str) -> Any:  # any name of the namespace, filled in above
    return _fail(name)
