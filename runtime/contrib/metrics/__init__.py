"""``tf.contrib.metrics``: the old names of ``tf.metrics``."""

from runtime.graph.export import attributes as _attributes

__getattr__, __dir__ = _attributes("contrib.metrics", globals())
