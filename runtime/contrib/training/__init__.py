"""``tf.contrib.training``: `HParams`, `create_train_op` and a training loop."""

from runtime.graph.export import attributes as _attributes

__getattr__, __dir__ = _attributes("contrib.training", globals())
