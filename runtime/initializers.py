"""``tf.initializers``: initial values of variables."""

from typing import Any

import runtime.graph.initializers  # noqa: F401  # registers the initializers
from runtime.graph.export import exported, missing

globals().update(exported("initializers"))
globals()["global_variables"] = exported()["global_variables_initializer"]
globals()["local_variables"] = exported()["local_variables_initializer"]
globals()["variables"] = exported()["variables_initializer"]
_fail = missing("tf.initializers", globals())


def __getattr__(name: str) -> Any:  # any name of the namespace, filled in above
    return _fail(name)
