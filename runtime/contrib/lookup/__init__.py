"""``tf.contrib.lookup``: tables of vocabularies."""

from runtime.graph.export import attributes as _attributes

__getattr__, __dir__ = _attributes("contrib.lookup", globals())
