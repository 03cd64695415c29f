"""``tensorflow.contrib.rnn.python.ops``: the same as `contrib.rnn`, part by part."""

from runtime.contrib.rnn.python.ops import core_rnn_cell

core_rnn = rnn = rnn_cell = core_rnn_cell

__all__ = ["core_rnn", "core_rnn_cell", "rnn", "rnn_cell"]
