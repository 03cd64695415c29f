"""``tf.nn``: activations, losses and other parts of neural networks."""

from runtime.graph.export import attributes as _attributes

__getattr__, __dir__ = _attributes("nn", globals())
