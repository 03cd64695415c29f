"""``tf.contrib.opt``: further optimizers."""

from runtime.graph.export import attributes as _attributes

__getattr__, __dir__ = _attributes("contrib.opt", globals())
