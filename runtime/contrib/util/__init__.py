"""``tf.contrib.util``: what is known of tensors."""

from runtime.graph.export import attributes as _attributes

__getattr__, __dir__ = _attributes("contrib.util", globals())
