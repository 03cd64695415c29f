"""``tf.contrib.framework.nest``: `tf.nest`, with the name that a function had before."""

from runtime.graph.export import attributes as _attributes

__getattr__, __dir__ = _attributes("nest", globals(), aliases={"is_sequence": "nest.is_nested"})
