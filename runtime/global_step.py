"""The global step: the variable that counts the training steps of a graph."""

from typing import TYPE_CHECKING

from runtime import logging
from runtime.graph.dtypes import int64
from runtime.graph.graph import control_dependencies, get_default_graph
from runtime.graph.keys import GraphKeys
from runtime.graph.variables import Variable, assign_add

if TYPE_CHECKING:
    from runtime.graph.graph import Graph
    from runtime.graph.session import Session
    from runtime.graph.tensor import Tensor

__all__ = [
    "assert_global_step",
    "create_global_step",
    "get_global_step",
    "get_or_create_global_step",
    "global_step",
]

_READS = "global_step_read_op_cache"


def global_step(sess: "Session", global_step_tensor: "Tensor | Variable") -> int:
    """Reads the global step.

    Source of the rule: tf.compat.v1.train.global_step documentation.

    Args:
        sess: The raw session.
        global_step_tensor: The global step, a scalar of an integer type.

    Returns:
        Its value.
    """
    return int(sess.run(global_step_tensor))


def get_global_step(graph: "Graph | None" = None) -> "Tensor | Variable | None":
    """Finds the global step of a graph.

    It is the only element of the collection ``GLOBAL_STEP``, or else the tensor named
    ``global_step:0``.

    Source of the rule: tf.compat.v1.train.get_global_step documentation.

    Args:
        graph: The graph; the default graph if not given.

    Returns:
        The global step; None if the graph has none, or several (which is logged as an error).

    Raises:
        TypeError: It is no integer scalar.
    """
    graph = graph or get_default_graph()
    candidates = graph.get_collection(GraphKeys.GLOBAL_STEP)
    if len(candidates) > 1:
        logging.error(f"Multiple tensors in global_step collection: {candidates}")
        return None
    try:
        found = candidates[0] if candidates else graph.get_tensor_by_name("global_step:0")
    except KeyError:
        return None
    assert_global_step(found)
    tensor: Tensor | Variable = found
    return tensor


def create_global_step(graph: "Graph | None" = None) -> Variable:
    """Makes the global step: a variable named ``global_step``, int64, initially 0.

    Source of the rule: tf.compat.v1.train.create_global_step documentation.

    Args:
        graph: The graph; the default graph if not given.

    Returns:
        The variable. It isn't trainable.

    Raises:
        ValueError: The graph has a global step already.
    """
    graph = graph or get_default_graph()
    if get_global_step(graph) is not None:
        raise ValueError('"global_step" already exists. Get it with get_global_step().')
    with graph.as_default(), graph.name_scope(None):
        return Variable(
            0,
            name=GraphKeys.GLOBAL_STEP,
            dtype=int64,
            trainable=False,
            collections=[GraphKeys.GLOBAL_VARIABLES, GraphKeys.GLOBAL_STEP],
        )


def get_or_create_global_step(graph: "Graph | None" = None) -> "Tensor | Variable":
    """Finds the global step of a graph, or makes it.

    Source of the rule: tf.compat.v1.train.get_or_create_global_step documentation.

    Args:
        graph: The graph; the default graph if not given.

    Returns:
        The global step.
    """
    graph = graph or get_default_graph()
    found = get_global_step(graph)
    return create_global_step(graph) if found is None else found


def assert_global_step(global_step_tensor: "Tensor | Variable") -> None:
    """Checks that something can be a global step.

    Source of the rule: tf.compat.v1.train.assert_global_step documentation.

    Args:
        global_step_tensor: A tensor or variable.

    Raises:
        TypeError: It has no integer type, or is no scalar.
    """
    dtype, shape = global_step_tensor.dtype, global_step_tensor.shape
    if not dtype.is_integer:
        raise TypeError(
            f'Existing "global_step" does not have integer type: {dtype.name}. Make it with '
            "tf.train.create_global_step()."
        )
    if shape.ndims != 0 and shape.is_fully_defined():
        raise TypeError(
            f'Existing "global_step" is not scalar: its shape is {shape}. Make it with '
            "tf.train.create_global_step()."
        )


# TensorFlow's private names, for programs and tests that use them.


def _get_global_step_read(graph: "Graph | None" = None) -> "Tensor | None":
    found = (graph or get_default_graph()).get_collection(_READS)
    return found[0] if found else None


def _get_or_create_global_step_read(graph: "Graph | None" = None) -> "Tensor | None":
    """A copy of the global step, made once for a graph; None if that has no global step."""
    graph = graph or get_default_graph()
    step, read = get_global_step(graph), _get_global_step_read(graph)
    if step is None or read is not None:
        return read
    with graph.as_default(), graph.name_scope(None), graph.name_scope(f"{step.op.name}/"):
        read = step + 0
    graph.add_to_collection(_READS, read)
    return read


def _increment_global_step(increment: int, graph: "Graph | None" = None) -> "Tensor":
    """Adds to the global step, after it was read for whoever fetches that copy."""
    graph = graph or get_default_graph()
    step = get_global_step(graph)
    if step is None:
        raise ValueError(
            "Global step tensor should be created by tf.train.get_or_create_global_step before "
            "calling increment."
        )
    read = _get_or_create_global_step_read(graph)
    with (
        graph.as_default(),
        graph.name_scope(None),
        graph.name_scope(f"{step.op.name}/"),
        control_dependencies([read]),
    ):
        return assign_add(step, increment)
