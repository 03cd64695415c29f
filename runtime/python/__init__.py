"""``tensorflow.python``: the inner modules of TensorFlow that programs import names from.

Nothing is defined here. A module of this package gives the public names that TensorFlow defines in
it: ``from runtime.python.ops import array_ops`` is there for ``array_ops.concat``, which is
`tf.concat`. What is no public name, and is not here either, is an error that says so.

Source of the places: the modules of TensorFlow 1.15.
"""

import sys
from collections.abc import MutableSequence, Sequence
from importlib import import_module
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any, Final

__all__: list[str] = []

# Where the names of inner modules are public, below `tf`.
_PLACES: Final = {
    "framework": "dtypes ops constant_op tensor_shape random_seed importer function common_shapes",
    "framework=errors": "errors errors_impl",
    "ops": "array_ops math_ops control_flow_ops state_ops variables variable_scope random_ops "
    "clip_ops tensor_array_ops gradients gradients_impl check_ops data_flow_ops functional_ops "
    "script_ops parsing_ops string_ops template linalg_ops confusion_matrix init_ops histogram_ops",
    "ops=nn": "nn nn_ops nn_impl rnn embedding_ops candidate_sampling_ops",
    "ops=nn.rnn_cell": "rnn_cell rnn_cell_impl",
    "ops=losses": "losses losses.losses losses.losses_impl",
    "ops=metrics": "metrics metrics_impl",
    "ops=image": "image_ops image_ops_impl",
    "layers=layers": "base core layers convolutional pooling normalization",
    "training=train": "optimizer adam adagrad momentum gradient_descent rmsprop saver training "
    "session_run_hook basic_session_run_hooks monitored_session moving_averages training_util "
    "learning_rate_decay coordinator queue_runner input checkpoint_utils supervisor",
    "platform=test": "test googletest",
    "platform=gfile": "gfile",
    "platform=logging": "tf_logging",
    "platform=flags": "flags",
    "platform=app": "app",
    "util=contrib.framework.nest": "nest",
    "util=compat": "compat",
    "client": "session",
    "summary=summary": "summary",
}


def _modules() -> dict[str, str]:
    """The public namespace of each inner module."""
    found = {}
    for key, names in _PLACES.items():
        package, _, namespace = key.partition("=")
        found[package] = ""
        found.update({f"{package}.{name}": namespace for name in names.split()})
    return found


_NAMESPACES: Final = _modules()


class _Inner(ModuleType):
    """An inner module, which looks its names up among the public ones."""

    __path__: MutableSequence[str] = []  # noqa: RUF012  # none: there are no files

    def __getattr__(self, name: str) -> Any:  # any public name
        inner = self.__name__.removeprefix(f"{__name__}.")
        if f"{inner}.{name}" in _NAMESPACES:
            return import_module(f"{self.__name__}.{name}")
        if name.startswith("__"):
            raise AttributeError(name)
        for namespace in dict.fromkeys([_NAMESPACES[inner], "", "train", "nn", "losses"]):
            try:
                return getattr(_public(namespace), name)
            except AttributeError:
                continue
        raise AttributeError(
            f"tensorflow.python.{inner}.{name} is no public name, and does not exist here; look "
            "for one in docs/vocabulary.md that does the same."
        )


def _public(namespace: str) -> Any:  # a module or class
    found: Any = import_module("runtime")
    for part in filter(None, namespace.split(".")):
        found = getattr(found, part)
    return found


class _Finder(MetaPathFinder, Loader):
    """Makes the inner modules when they are imported."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        inner = fullname.removeprefix(f"{__name__}.")
        if inner == fullname:
            return None
        if inner not in _NAMESPACES:
            raise ModuleNotFoundError(
                f"tensorflow.python.{inner} does not exist here; take the names from tf itself.",
                name=fullname,
            )
        return ModuleSpec(fullname, self, is_package=True)

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        return _Inner(
            spec.name, f"Public names of ``{spec.name.replace('runtime', 'tensorflow')}``"
        )

    def exec_module(self, module: ModuleType) -> None:
        """Does nothing: names are looked up when they are used."""


sys.meta_path.insert(0, _Finder())


def __getattr__(name: str) -> ModuleType:
    if name not in _NAMESPACES:
        raise AttributeError(f"tensorflow.python.{name} does not exist here.")
    return import_module(f"{__name__}.{name}")
