"""``tf.metrics``: figures that are added up over many runs."""

from runtime.graph.export import attributes

__getattr__, __dir__ = attributes("metrics", globals())
