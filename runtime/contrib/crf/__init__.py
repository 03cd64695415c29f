"""``tf.contrib.crf``: conditional random fields over sequences of tags."""

from runtime.graph.export import attributes as _attributes

__getattr__, __dir__ = _attributes("contrib.crf", globals())
