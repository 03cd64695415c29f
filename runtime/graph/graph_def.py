"""What a graph consists of, without live objects, and in the form of TensorFlow's ``GraphDef``.

Beside the operations themselves this form holds only what TensorBoard's page of graphs shows.
What makes a graph again is a meta graph: see `runtime.meta_graph`.
"""

import json
import os
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, Final

import attrs

from runtime.graph.definition import NodeDef
from runtime.graph.dtypes import DType
from runtime.graph.export import export
from runtime.graph.shapes import Dims

if TYPE_CHECKING:
    from runtime.graph.graph import Graph

__all__ = ["GraphDef", "write_graph"]

_PRODUCER: Final = 27  # TensorFlow's number for what its release 1.15 wrote


@export("GraphDef")
@attrs.define
class GraphDef:
    """A description of a graph.

    Its text (``str``) and its bytes (`SerializeToString`) are those of TensorFlow's protocol
    message of this name; values of constants are not in them.

    Source of the names: the ``tf.compat.v1.GraphDef`` documentation.

    Attributes:
        node: The operations, in the order of their creation.
    """

    node: list[NodeDef] = attrs.field(factory=list)

    def SerializeToString(self) -> bytes:
        """The bytes of TensorFlow's protocol message.

        Returns:
            A serialized ``GraphDef``.

        Raises:
            ImportError: The extra ``summary`` is not installed.
        """
        from runtime.summary_format import messages

        message = messages("graph").GraphDef()
        message.versions.producer = _PRODUCER
        for node in self.node:
            _add_node(message, node)
        content: bytes = message.SerializeToString()
        return content

    def __str__(self) -> str:
        return "".join([line + "\n" for line in self._lines()])

    def _lines(self) -> Iterator[str]:
        for node in self.node:
            yield from _block("node", _node_lines(node))
        yield from _block("versions", [f"producer: {_PRODUCER}"])


@export("io.write_graph")
def write_graph(
    graph_or_graph_def: "Graph | GraphDef",
    logdir: str | os.PathLike[str],
    name: str,
    as_text: bool = True,
) -> str:
    """Writes a description of a graph, as TensorFlow's tools and TensorBoard read it.

    Source of the rules: tf.io.write_graph documentation.

    Args:
        graph_or_graph_def: The graph, or its description.
        logdir: The directory; it is made if it doesn't exist.
        name: Name of the file.
        as_text: Whether it is text; if not, the extra ``summary`` is needed.

    Returns:
        The path of the file.

    Raises:
        OpError: The file cannot be written; a subclass says why.
    """
    from runtime.durable_file import replace_file

    described = (
        graph_or_graph_def
        if isinstance(graph_or_graph_def, GraphDef)
        else graph_or_graph_def.as_graph_def()
    )
    path = os.path.join(os.fspath(logdir), name)
    os.makedirs(os.fspath(logdir), exist_ok=True)
    replace_file(path, [str(described).encode() if as_text else described.SerializeToString()])
    return path


def _types(node: NodeDef) -> Iterator[tuple[str, DType]]:
    return ((name, value) for name, value in node.attr.items() if isinstance(value, DType))


# Any: the message is of a package that is imported when it is needed.
def _add_node(message: Any, node: NodeDef) -> None:
    added = message.node.add(name=node.name, op=node.op, device=node.device)
    added.input.extend(node.input)
    for name, dtype in _types(node):
        added.attr[name].type = dtype.as_datatype_enum
    shapes = added.attr["_output_shapes"].list
    shapes.SetInParent()
    for dims in node.output_shapes:
        shape = shapes.shape.add()
        shape.unknown_rank = dims is None
        for size in dims or ():
            shape.dim.add(size=-1 if size is None else size)


def node_text(node: NodeDef) -> str:
    """The text of TensorFlow's protocol message for an operation.

    Args:
        node: The operation.

    Returns:
        Lines, each with its end.
    """
    return "".join([line + "\n" for line in _node_lines(node)])


def _node_lines(node: NodeDef) -> Iterator[str]:
    yield f"name: {json.dumps(node.name)}"
    yield f"op: {json.dumps(node.op)}"
    for name in node.input:
        yield f"input: {json.dumps(name)}"
    if node.device:
        yield f"device: {json.dumps(node.device)}"
    for name, dtype in _types(node):
        yield from _attribute(name, [f"type: {dtype.as_datatype_enum}"])
    shapes = [line for dims in node.output_shapes for line in _block("shape", _shape_lines(dims))]
    yield from _attribute("_output_shapes", _block("list", shapes))


def _attribute(name: str, value: Iterable[str]) -> Iterator[str]:
    return _block("attr", [f"key: {json.dumps(name)}", *_block("value", value)])


def _shape_lines(dims: Dims) -> Iterator[str]:
    if dims is None:
        yield "unknown_rank: true"
    for size in dims or ():
        yield from _block("dim", [f"size: {-1 if size is None else size}"])


def _block(name: str, lines: Iterable[str]) -> Iterator[str]:
    yield f"{name} {{"
    for line in lines:
        yield f"  {line}"
    yield "}"
