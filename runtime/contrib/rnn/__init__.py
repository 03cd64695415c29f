"""``tf.contrib.rnn``: cells under the names that they had first, and cells around cells."""

from runtime.graph.export import attributes as _attributes

_CELLS = (
    *("BasicLSTMCell", "BasicRNNCell", "DeviceWrapper", "DropoutWrapper", "GRUCell", "LSTMCell"),
    *("LSTMStateTuple", "MultiRNNCell", "RNNCell", "ResidualWrapper"),
)
_ALIASES = {
    **{name: f"nn.rnn_cell.{name}" for name in _CELLS},
    "LayerRNNCell": "nn.rnn_cell.RNNCell",
    "static_rnn": "nn.static_rnn",
    "static_bidirectional_rnn": "nn.static_bidirectional_rnn",
}
__getattr__, __dir__ = _attributes("contrib.rnn", globals(), aliases=_ALIASES)
