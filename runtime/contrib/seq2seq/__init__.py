"""``tf.contrib.seq2seq``: decoders, attention and beam search over sequences in one tensor."""

from runtime.graph.export import attributes as _attributes

__getattr__, __dir__ = _attributes("contrib.seq2seq", globals())
