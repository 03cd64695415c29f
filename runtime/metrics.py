"""``tf.metrics``: figures that are added up over many runs."""

from runtime.graph.export import attributes as _attributes

__getattr__, __dir__ = _attributes("metrics", globals())
