"""``tensorflow.contrib.layers.python.layers``: the same as `contrib.layers`, part by part."""

from runtime.graph.export import attributes as _attributes

_PARTS = ("initializers", "layers", "normalization", "optimizers", "regularizers")
_ALIASES = {**dict.fromkeys(_PARTS, "contrib.layers"), "utils": "contrib.layers.utils"}
__getattr__, __dir__ = _attributes("contrib.layers", globals(), aliases=_ALIASES)
