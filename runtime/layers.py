"""``tf.layers``: layers that make their variables themselves."""

from typing import Any

import runtime.graph.layers  # noqa: F401  # registers the layers
from runtime.graph.export import exported, missing

globals().update(exported("layers"))
_fail = missing("tf.layers", globals())


def __getattr__(name: str) -> Any:  # any name of the namespace, filled in above
    return _fail(name)
