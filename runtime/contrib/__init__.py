"""``tf.contrib``: what TensorFlow 1.15 has beside its stable interface, as far as programs use it.

Each part is a module of its own, imported when it is first used: ``tf.contrib.layers``,
``import runtime.contrib.slim as slim``.

Source of the names: the ``tf.contrib`` documentation of TensorFlow 1.15.
"""

from runtime.graph.export import attributes as _attributes

_MODULES = (
    "crf",
    "data",
    "distributions",
    "framework",
    "layers",
    "legacy_seq2seq",
    "lookup",
    "losses",
    "metrics",
    "opt",
    "rnn",
    "seq2seq",
    "slim",
    "training",
    "util",
)
__getattr__, __dir__ = _attributes("contrib", globals(), _MODULES)
