"""``tf.contrib.losses``: losses with the predictions first, as before ``tf.losses``."""

from runtime.graph.export import attributes as _attributes

__getattr__, __dir__ = _attributes("contrib.losses", globals())
