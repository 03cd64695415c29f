"""``tf.layers``: layers that make their variables themselves."""

from runtime.graph.export import attributes

__getattr__, __dir__ = attributes("layers", globals())
