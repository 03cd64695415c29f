"""``tf.initializers``: initial values of variables."""

from runtime.graph.export import attributes as _attributes

__getattr__, __dir__ = _attributes("initializers", globals())
