"""``tf.contrib.layers``: layers, initializers, regularizers and `optimize_loss`."""

from runtime.graph.export import attributes as _attributes

__getattr__, __dir__ = _attributes("contrib.layers", globals())
