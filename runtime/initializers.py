"""``tf.initializers``: initial values of variables."""

from runtime.graph.export import attributes

__getattr__, __dir__ = attributes("initializers", globals())
