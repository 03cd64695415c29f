"""``tf.contrib.framework``: `arg_scope`, model variables, and what restores variables."""

from runtime.graph.export import attributes as _attributes

_ALIASES = {
    "assert_global_step": "train.assert_global_step",
    "create_global_step": "train.create_global_step",
    "get_global_step": "train.get_global_step",
    "get_or_create_global_step": "train.get_or_create_global_step",
    "is_tensor": "is_tensor",
    "list_variables": "train.list_variables",
    "load_checkpoint": "train.load_checkpoint",
    "load_variable": "train.load_variable",
    "init_from_checkpoint": "train.init_from_checkpoint",
    "argsort": "argsort",
    "sort": "sort",
}
__getattr__, __dir__ = _attributes("contrib.framework", globals(), ("nest",), aliases=_ALIASES)
