"""``tf.losses``: losses, weighted, reduced and collected."""

from runtime.graph.export import attributes as _attributes

__getattr__, __dir__ = _attributes("losses", globals())
