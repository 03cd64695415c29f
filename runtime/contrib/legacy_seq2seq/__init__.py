"""``tf.contrib.legacy_seq2seq``: sequences to sequences, over lists of inputs."""

from runtime.graph.export import attributes as _attributes

__getattr__, __dir__ = _attributes("contrib.legacy_seq2seq", globals())
