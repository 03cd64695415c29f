"""Operations: the nodes of a graph."""

import os
import sys
from collections.abc import Container, Sequence
from typing import TYPE_CHECKING, Any

from runtime.graph.definition import Definition, NodeDef, Spec, View
from runtime.graph.shapes import Incompatible, element_count
from runtime.graph.tensor import Tensor, _session_for

if TYPE_CHECKING:
    from runtime.graph.bodies import Body
    from runtime.graph.graph import Graph

_PACKAGE = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep
# Constants up to this many elements are folded while the graph is built, for static shapes.
_SMALL = 1024


class Operation:
    """A node of a graph.

    Source: the ``tf.compat.v1.Operation`` documentation.

    Attributes:
        name: Its name, unique in the graph.
        definition: What its type is.
        attributes: What its kernel needs beside the inputs.
        graph: The graph that it belongs to.
        control_inputs: Operations that run before it in a run.
        device: The device that was asked for.
        number: Its place in the order of creation.
        place: File and line of the user's code that made it.
        outputs: The tensors that it computes.
        body: The branch or loop that it is inside of, or None.
    """

    __slots__ = (
        "__dict__",  # for what programs hang on operations
        "__weakref__",
        "_inputs",
        "attributes",
        "body",
        "control_inputs",
        "definition",
        "device",
        "graph",
        "name",
        "number",
        "outputs",
        "place",
    )

    def __init__(
        self,
        graph: "Graph",
        definition: Definition,
        inputs: Sequence[Tensor],
        attributes: dict[str, Any],
        name: str,
        control_inputs: list["Operation"],
        device: str,
        number: int,
        body: "Body | None" = None,
    ) -> None:
        self.graph = graph
        self.definition = definition
        self._inputs = tuple(inputs)
        self.attributes = attributes
        self.name = name
        self.control_inputs = control_inputs
        self.device = device
        self.number = number
        self.body = body
        self.place = user_place()
        specs = self._infer()
        self.outputs = [Tensor(self, index, spec) for index, spec in enumerate(specs)]
        for tensor in self._inputs:
            tensor._consumers.append(self)

    def _infer(self) -> tuple[Spec, ...]:
        view = View(self, [tensor.spec for tensor in self._inputs])
        try:
            specs = inferred(view)
        except Incompatible as error:
            raise ValueError(f"{error}, in {described(self)}.") from None
        return folded(view, specs, _SMALL) or specs

    @property
    def type(self) -> str:
        """The name of its type, for example ``"MatMul"``."""
        return self.definition.type

    @property
    def op_def(self) -> NodeDef:
        """A description of its type, of which there is the `name`."""
        return NodeDef(self.type, self.type, [])

    @property
    def inputs(self) -> Sequence[Tensor]:
        """The tensors that it takes."""
        return self._inputs

    @property
    def references(self) -> Container[int]:
        """Indices of the inputs that are variables or queues to work on."""
        references = self.definition.references
        return references(self) if callable(references) else references

    @property
    def node_def(self) -> NodeDef:
        """A description of it that holds no live objects."""
        inputs = [t.op.name if t.value_index == 0 else t.name for t in self._inputs]
        return NodeDef(
            self.name,
            self.type,
            inputs + [f"^{c.name}" for c in self.control_inputs],
            self.device,
            dict(self.attributes),
            [tensor.dims for tensor in self.outputs],
        )

    @property
    def traceback(self) -> list[tuple[str, int]]:
        """File and line of the user's code that made it."""
        return [self.place]

    def result(self) -> Any:
        """What a function that makes it returns.

        Returns:
            The output; a tuple if there are several; the operation itself if there is none.
        """
        if not self.outputs:
            return self
        return self.outputs[0] if len(self.outputs) == 1 else tuple(self.outputs)

    def values(self) -> tuple[Tensor, ...]:
        """The outputs."""
        return tuple(self.outputs)

    def get_attr(self, name: str) -> Any:
        """An attribute by its name.

        Args:
            name: The attribute.

        Returns:
            Its value.

        Raises:
            ValueError: If there is no such attribute.
        """
        if name in self.attributes:
            return self.attributes[name]
        derived = self._derived_attributes()
        if name not in derived:
            known = ", ".join(sorted({*self.attributes, *derived})) or "none"
            raise ValueError(f"Operation {self.name!r} has no attribute {name!r}; it has: {known}.")
        return derived[name]

    def _derived_attributes(self) -> dict[str, Any]:
        """What TensorFlow keeps as attributes, and what follows from inputs and outputs here."""
        tensors = [*self._inputs, *self.outputs]
        found: dict[str, Any] = {"_output_shapes": [t.shape.as_proto() for t in self.outputs]}
        if tensors:
            found["T"] = tensors[0].dtype
        if self._inputs:
            found |= {"N": len(self._inputs), "SrcT": self._inputs[0].dtype}
        if self.outputs:
            found |= {"dtype": self.outputs[0].dtype, "DstT": self.outputs[0].dtype}
            found["shape"] = self.outputs[0].shape.as_proto()
        return found

    def colocation_groups(self) -> list[bytes]:
        """With what it is in one place: only with itself, for there is one place for all."""
        return [f"loc:@{self.name}".encode()]

    def run(self, feed_dict: Any = None, session: Any = None) -> None:
        """Runs it in a session.

        Args:
            feed_dict: Values for tensors, as for ``Session.run``.
            session: The session; the default session if None.

        Raises:
            ValueError: If there is no session, or it has another graph.
        """
        _session_for(self.graph, session, "Operation.run").run(self, feed_dict)

    def __repr__(self) -> str:
        return f"<tf.Operation {self.name!r} type={self.type}>"

    def __str__(self) -> str:
        return str(self.node_def)


def described(op: Operation) -> str:
    """An operation as error messages name it.

    Args:
        op: The operation.

    Returns:
        Its name and type, and where the user made it.
    """
    file, line = op.place
    return f"operation {op.name!r} ({op.type}), made at {file}:{line}"


def user_place() -> tuple[str, int]:
    """File and line of the innermost frame outside this package."""
    frame = sys._getframe(1)
    while frame.f_code.co_filename.startswith(_PACKAGE) and frame.f_back is not None:
        frame = frame.f_back
    return frame.f_code.co_filename, frame.f_lineno


def inferred(view: View) -> tuple[Spec, ...]:
    """What is known of an operation's outputs.

    Args:
        view: The operation and what is known of its inputs.

    Returns:
        One `Spec` for each output.
    """
    specs = view.op.definition.infer(view)
    return specs if isinstance(specs, tuple) else (specs,)


def folded(view: View, specs: tuple[Spec, ...], limit: int) -> tuple[Spec, ...] | None:
    """Computes an operation ahead of time, if all its inputs are known.

    Args:
        view: The operation and what is known of its inputs.
        specs: What is known of its outputs.
        limit: The largest number of elements to compute or to read.

    Returns:
        The outputs with their values; None if they can't be or aren't worth being computed. An
        operation that fails is left to fail in the run, where the error is reported.
    """
    definition = view.op.definition
    if definition.stateful or not view.inputs or not _all_known(view, specs, limit):
        return None
    try:
        kernel = definition.kernel_for(view)
        values = kernel(*[spec.value for spec in view.inputs])
    except Exception:  # whatever a kernel raises will be raised again, and reported, in a run
        return None
    if len(specs) == 1:
        values = (values,)
    return tuple([known(spec, value) for spec, value in zip(specs, values, strict=True)])


def known(spec: Spec, value: Any) -> Spec:
    """The spec of a value that is known.

    Args:
        spec: What was inferred.
        value: The array or scalar.

    Returns:
        A spec with the value and its true shape.
    """
    if not hasattr(value, "shape"):
        return spec
    return Spec(spec.dtype, value.shape, value)


def _all_known(view: View, specs: tuple[Spec, ...], limit: int) -> bool:
    for spec in view.inputs:
        if spec.value is None or spec.value.size > limit:
            return False
    return all((element_count(spec.dims) or 0) <= limit for spec in specs)
