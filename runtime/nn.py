"""``tf.nn``: activations, losses and other parts of neural networks."""

from typing import Any

import runtime.graph.ops  # noqa: F401  # registers the operations
from runtime.graph.export import exported, missing, namespace

globals().update(exported("nn"))
_fail = missing("tf.nn", globals())
# Recurrent networks are imported when one of them is first used.
_RECURRENT = (
    "bidirectional_dynamic_rnn",
    "dynamic_rnn",
    "rnn_cell",
    "static_bidirectional_rnn",
    "static_rnn",
)


def __getattr__(name: str) -> Any:  # any name of the namespace, filled in above
    if name not in _RECURRENT:
        return _fail(name)
    import runtime.graph.rnn  # noqa: F401  # registers the networks and cells

    globals().update(exported("nn"), rnn_cell=namespace("nn.rnn_cell"))
    return globals()[name]


def __dir__() -> list[str]:
    return sorted({*globals(), *_RECURRENT})
