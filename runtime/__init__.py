"""TensorFlow 1's working vocabulary on NumPy, with training sessions that can be audited.

``import runtime as tf`` takes the place of ``import tensorflow.compat.v1 as tf``.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

import runtime.behavior
import runtime.gfile
import runtime.graph.gradients
import runtime.graph.initializers
import runtime.graph.ops
import runtime.graph.scopes
import runtime.graph.values  # noqa: F401  # these register the public functions
from runtime import errors, initializers, logging, nn, summary
from runtime.behavior import VERSION
from runtime.graph.config import ConfigProto, GPUOptions, RunMetadata, RunOptions
from runtime.graph.convert import constant, convert_to_tensor
from runtime.graph.dtypes import (
    DType,
    as_dtype,
    bool,
    complex64,
    complex128,
    double,
    float16,
    float32,
    float64,
    half,
    int8,
    int16,
    int32,
    int64,
    resource,
    string,
    uint8,
    uint16,
    uint32,
    uint64,
    variant,
)
from runtime.graph.export import exported, missing, namespace
from runtime.graph.gradients import gradients
from runtime.graph.graph import (
    Graph,
    add_to_collection,
    add_to_collections,
    colocate_with,
    control_dependencies,
    device,
    get_collection,
    get_collection_ref,
    get_default_graph,
    get_default_session,
    name_scope,
    op_scope,
    reset_default_graph,
)
from runtime.graph.keys import GraphKeys
from runtime.graph.operation import Operation
from runtime.graph.ops.data_flow import FIFOQueue, QueueBase
from runtime.graph.scopes import VariableScope, get_variable, variable_scope
from runtime.graph.session import InteractiveSession, Session
from runtime.graph.shapes import Dimension, TensorShape, dimension_value
from runtime.graph.tensor import Tensor
from runtime.graph.variables import Variable

__all__ = [
    "VERSION",
    "ConfigProto",
    "DType",
    "Dimension",
    "FIFOQueue",
    "GPUOptions",
    "Graph",
    "GraphKeys",
    "HookDifference",
    "HookReplay",
    "HooksDiffer",
    "InteractiveSession",
    "NotRecorded",
    "Operation",
    "QueueBase",
    "RunMetadata",
    "RunOptions",
    "Session",
    "Tensor",
    "TensorShape",
    "Variable",
    "VariableScope",
    "add_to_collection",
    "add_to_collections",
    "app",
    "as_dtype",
    "bool",
    "colocate_with",
    "compat",
    "complex64",
    "complex128",
    "constant",
    "control_dependencies",
    "convert_to_tensor",
    "data",
    "device",
    "dimension_value",
    "double",
    "errors",
    "flags",
    "float16",
    "float32",
    "float64",
    "get_collection",
    "get_collection_ref",
    "get_default_graph",
    "get_default_session",
    "get_variable",
    "gradients",
    "half",
    "initializers",
    "int8",
    "int16",
    "int32",
    "int64",
    "layers",
    "logging",
    "losses",
    "metrics",
    "name_scope",
    "newaxis",
    "nn",
    "op_scope",
    "replay_hooks",
    "reset_default_graph",
    "resource",
    "string",
    "summary",
    "train",
    "uint8",
    "uint16",
    "uint32",
    "uint64",
    "variable_scope",
    "variant",
]

if TYPE_CHECKING:
    from runtime import app, data, flags, layers, losses, metrics, train
    from runtime.hook_replay import (
        HookDifference,
        HookReplay,
        HooksDiffer,
        NotRecorded,
        replay_hooks,
    )

# What later TensorFlows don't have either, and what takes its place.
_GONE = {
    "contrib": "tf.contrib is no part of tf.compat.v1. Use tf.glorot_uniform_initializer() for "
    "contrib.layers.xavier_initializer, tf.layers.dense for contrib.layers.fully_connected, "
    "tf.layers for contrib.layers, tf.nn.rnn_cell and tf.nn.static_rnn for contrib.rnn, and "
    "lambda w: scale * tf.nn.l2_loss(w) for contrib.layers.l2_regularizer(scale).",
}

newaxis = None
__version__ = VERSION
globals().update(exported())

# The families that have a namespace of their own, beside those that are modules here.
_FAMILIES = "bitwise debugging dtypes gfile io linalg manip math nest queue random strings"
for _name in _FAMILIES.split():
    globals()[_name] = namespace(_name)

from runtime import compat  # noqa: E402  # it needs what is above

_fail = missing("tf", globals())
# Imported when they are first used: what sessions and logs need, and what needs an extra.
_LATER = ("app", "data", "flags", "layers", "losses", "metrics", "train")
_REPLAY = ("HookDifference", "HookReplay", "HooksDiffer", "NotRecorded", "replay_hooks")
"""Ours, not TensorFlow's: hooks of today against the log of an earlier session."""
_ELSEWHERE = {
    "MetaGraphDef": "runtime.train",
    "MonitoredSession": "runtime.train",  # the documentation's example has it here
    "TensorSpec": "runtime.data.structures",
    **dict.fromkeys(_REPLAY, "runtime.hook_replay"),
}
"""Modules of names that are imported when they are first used."""


def __getattr__(name: str) -> Any:  # any public name, filled in above
    if name in _LATER:
        return import_module(f"runtime.{name}")
    if name in _GONE:
        raise AttributeError(_GONE[name])
    if name in _ELSEWHERE:
        return getattr(import_module(_ELSEWHERE[name]), name)
    return _fail(name)


def __dir__() -> list[str]:
    return sorted({*globals(), *_LATER, *_ELSEWHERE})
