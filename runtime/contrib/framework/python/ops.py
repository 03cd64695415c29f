"""``tensorflow.contrib.framework.python.ops``: the same as `contrib.framework`."""

from runtime.graph.export import attributes as _attributes

_ALIASES = {"variables": "contrib.framework"}
__getattr__, __dir__ = _attributes("contrib.framework", globals(), aliases=_ALIASES)
