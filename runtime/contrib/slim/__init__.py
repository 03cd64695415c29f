"""``tf.contrib.slim``: the layers of `contrib.layers`, `arg_scope`, losses and a training loop."""

from runtime.graph.export import attributes as _attributes

_ALIASES = {
    "create_global_step": "train.create_global_step",
    "get_global_step": "train.get_global_step",
    "get_or_create_global_step": "train.get_or_create_global_step",
    "assert_global_step": "train.assert_global_step",
    "layers": "contrib.layers",
    "metrics": "contrib.metrics",
}
__getattr__, __dir__ = _attributes("contrib.slim", globals(), aliases=_ALIASES)
