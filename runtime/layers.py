"""``tf.layers``: layers that make their variables themselves."""

from runtime.graph.export import attributes as _attributes

__getattr__, __dir__ = _attributes("layers", globals())
