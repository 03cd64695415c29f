"""TensorFlow 1's working vocabulary on NumPy, with training sessions that can be audited.

``import runtime as tf`` takes the place of ``import tensorflow.compat.v1 as tf``. Each name is
imported when it is first used; `runtime.names` says from where.
"""

from typing import TYPE_CHECKING, Any

from runtime.graph.export import attributes as _attributes

if TYPE_CHECKING:  # for type checkers, and for runtime.graph.naming
    from runtime import (
        app,
        contrib,
        data,
        errors,
        flags,
        initializers,
        layers,
        logging,
        losses,
        metrics,
        nn,
        summary,
        train,
    )
    from runtime.behavior import VERSION
    from runtime.data.structures import TensorSpec
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
    from runtime.hook_replay import (
        HookDifference,
        HookReplay,
        HooksDiffer,
        NotRecorded,
        replay_hooks,
    )
    from runtime.train import MetaGraphDef, MonitoredSession

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
    "MetaGraphDef",
    "MonitoredSession",
    "NotRecorded",
    "Operation",
    "QueueBase",
    "RunMetadata",
    "RunOptions",
    "Session",
    "Tensor",
    "TensorShape",
    "TensorSpec",
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
    "contrib",
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

# Messages of TensorBoard that TensorFlow 1 also has at the top.
_MESSAGES = ("Event", "HistogramProto", "SessionLog", "Summary", "SummaryMetadata")

__version__ = "1.15.0"  # the version of TensorFlow whose interface this is
newaxis = None

_MODULES = (
    "app",
    "compat",
    "contrib",
    "data",
    "errors",
    "flags",
    "initializers",
    "layers",
    "logging",
    "losses",
    "metrics",
    "nn",
    "summary",
    "train",
)
_look_up, __dir__ = _attributes("", globals(), _MODULES)


def __getattr__(name: str) -> Any:  # any public name
    if name in _MESSAGES:
        return getattr(_look_up("summary"), name)
    return _look_up(name)
