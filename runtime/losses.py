"""``tf.losses``: losses, weighted, reduced and collected."""

from runtime.graph.export import attributes

__getattr__, __dir__ = attributes("losses", globals())
