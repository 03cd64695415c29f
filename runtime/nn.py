"""``tf.nn``: activations, losses and other parts of neural networks."""

from runtime.graph.export import attributes

__getattr__, __dir__ = attributes("nn", globals())
