"""``tf.nn``: activations, losses and other parts of neural networks."""

from typing import Any

import runtime.graph.ops
import runtime.graph.rnn  # noqa: F401  # these register the operations and networks
from runtime.graph.export import exported, missing, namespace

globals().update(exported("nn"))
rnn_cell = namespace("nn.rnn_cell")
_fail = missing("tf.nn", globals())


def __getattr__(name: str) -> Any:  # any name of the namespace, filled in above
    return _fail(name)
