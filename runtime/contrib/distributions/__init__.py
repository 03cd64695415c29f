"""``tf.contrib.distributions``: `tf.distributions`, and distributions of vectors."""

from runtime.graph.export import attributes as _attributes

__getattr__, __dir__ = _attributes("contrib.distributions", globals())
