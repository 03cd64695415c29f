"""TensorFlow's inner modules, from which programs import public names."""

from importlib import import_module
from typing import Any

import pytest

import runtime as tf


@pytest.mark.parametrize(
    ("module", "name", "public"),
    [
        ("framework.ops", "RegisterGradient", lambda: tf.RegisterGradient),
        ("framework.dtypes", "float32", lambda: tf.float32),
        ("framework.errors_impl", "OutOfRangeError", lambda: tf.errors.OutOfRangeError),
        ("ops.array_ops", "concat", lambda: tf.concat),
        ("ops.math_ops", "matmul", lambda: tf.matmul),
        ("ops.nn_ops", "bias_add", lambda: tf.nn.bias_add),
        ("ops.rnn_cell_impl", "LSTMStateTuple", lambda: tf.nn.rnn_cell.LSTMStateTuple),
        ("ops.rnn", "dynamic_rnn", lambda: tf.nn.dynamic_rnn),
        ("ops.losses.losses_impl", "Reduction", lambda: tf.losses.Reduction),
        ("training.optimizer", "Optimizer", lambda: tf.train.Optimizer),
        ("training.session_run_hook", "SessionRunHook", lambda: tf.train.SessionRunHook),
        ("platform.gfile", "GFile", lambda: tf.gfile.GFile),
        ("util.nest", "flatten", lambda: tf.nest.flatten),
    ],
)
def test_an_inner_module_gives_the_public_names_that_are_defined_in_it(
    module: str, name: str, public: Any
) -> None:
    """``from runtime.python.ops import array_ops`` and the like."""
    assert getattr(import_module(f"runtime.python.{module}"), name) is public()


def test_inner_modules_are_imported_from_their_packages() -> None:
    """As programs write it, and as attributes of the package."""
    from runtime.python.framework import ops
    from runtime.python.ops import array_ops, math_ops

    assert ops.get_default_graph is tf.get_default_graph
    assert (array_ops.reshape, math_ops.reduce_sum) == (tf.reshape, tf.reduce_sum)
    assert import_module("runtime.python").ops.array_ops is array_ops


def test_what_is_inside_of_tensorflow_alone_is_named() -> None:
    """A module and a name that are not here."""
    with pytest.raises(ModuleNotFoundError, match=r"tensorflow.python.keras.* does not exist here"):
        import_module("runtime.python.keras")
    with pytest.raises(AttributeError, match=r"array_ops._shape_tuple_of is no public name"):
        _ = import_module("runtime.python.ops.array_ops")._shape_tuple_of


def test_structures_are_told_by_the_old_name_of_the_function() -> None:
    """Cells of that time ask ``nest.is_sequence(state)``."""
    from runtime.python.util import nest

    for module in (nest, tf.contrib.framework.nest):
        assert module.is_sequence is tf.nest.is_nested
        assert module.map_structure is tf.nest.map_structure
