"""A user's function of an element, traced once: its operations become a body of a dataset."""

from collections.abc import Callable, Sequence
from typing import Any

import attrs

from runtime.data.structures import DatasetSpec, generalisation, mapped, spec_of
from runtime.graph import nest
from runtime.graph.bodies import Body
from runtime.graph.convert import convert_to_tensor
from runtime.graph.definition import Definition
from runtime.graph.graph import Graph, get_default_graph
from runtime.graph.ops.array import identity
from runtime.graph.ops.cond import built, owned
from runtime.graph.ops.loops import LOOP_VARIABLE
from runtime.graph.sparse_tensor import SparseTensor
from runtime.graph.tensor import Tensor


@attrs.frozen(eq=False)
class Traced:
    """A function whose operations are in the graph.

    Attributes:
        body: Its operations.
        result: What it returned: a structure of tensors, or a dataset.
    """

    body: Body
    result: Any  # a structure

    @property
    def spec(self) -> Any:
        """The structure of `TensorSpec` of the result."""
        return nest.map_structure(spec_of, self.result)

    def used_by(self, definition: Definition, *inputs: Tensor, **attributes: Any) -> Tensor:
        """Adds the operation that makes the dataset.

        Args:
            definition: Its type.
            *inputs: The dataset that elements come from, and what else it needs.
            **attributes: What else its kernel needs.

        Returns:
            The dataset.
        """
        return used(definition, inputs, [self], **attributes)[0]


def used(
    definition: Definition,
    inputs: Sequence[Tensor],
    functions: Sequence[Traced],
    **attributes: Any,  # of any type
) -> list[Tensor]:
    """Adds an operation that carries out functions.

    Args:
        definition: Its type.
        inputs: What it takes.
        functions: The functions.
        **attributes: What else its kernel needs.

    Returns:
        What it gives.
    """
    bodies = [function.body for function in functions]
    return list(owned(definition, inputs, bodies, definition.type, **attributes).outputs)


def steady(
    trace: Callable[[Any], Traced], spec: Any, state_of: Callable[[Traced], Any], what: str
) -> tuple[Traced, Any]:
    """Traces a function of a state until what it makes of a state is a state of the same kind.

    Args:
        trace: Traces the function for what is known of a state.
        spec: What is known of the first state.
        state_of: Gives what is known of the new state.
        what: What takes the function, for messages.

    Returns:
        The function, and what is known of every state.

    Raises:
        TypeError: If the new state has another structure or other element types.
    """
    while True:
        function = trace(spec)
        try:
            wider = generalisation(spec, state_of(function))
        except TypeError as error:
            raise TypeError(
                f"The new state that the function of {what} returns must be like the old one. "
                f"{error}"
            ) from None
        if wider == spec:
            return function, spec
        spec = wider


def traced(function: Callable[..., Any], spec: Any, what: str) -> Traced:
    """Calls a function with an element.

    Args:
        function: The function: of as many arguments as the element, if a tuple, has parts.
        spec: The structure of `TensorSpec` of elements.
        what: What takes the function, for messages.

    Returns:
        What it made.

    Raises:
        TypeError: If the function can't be called, or returns nothing.
    """
    if not callable(function):
        raise TypeError(f"The function given to {what} must be callable, not {function!r}.")
    graph = get_default_graph()
    body = Body(f"the function of {what}", graph.body)
    result = built(graph, body, lambda: _called(graph, body, function, spec, what))
    body.results = [getattr(t, "variant", t) for t in nest.flatten(result)]
    return Traced(body, result)


def _called(graph: Graph, body: Body, function: Any, spec: Any, what: str) -> Any:
    with graph.control_dependencies([]):
        flat = [_argument(part) for part in nest.flatten(spec)]
    body.arguments = flat
    parts = zip(flat, nest.flatten(spec), strict=True)
    element = nest.pack_sequence_as(spec, [_component(*part) for part in parts])
    found = function(*element) if type(element) is tuple else function(element)
    if found is None:
        raise TypeError(f"The function given to {what} must return a value, but it returned None.")
    return mapped(tuple(found) if isinstance(found, list) else found, _result)


def _argument(spec: Any) -> Tensor:
    result: Tensor = LOOP_VARIABLE(dtype=spec.dtype, dims=spec.dims, name="args")
    return result


def _component(tensor: Tensor, spec: Any) -> Any:
    """What a function gets for a component of elements."""
    if not isinstance(spec, DatasetSpec):
        return tensor
    from runtime.data.dataset import Dataset

    return Dataset(tensor, spec.element_spec)


def _result(value: Any) -> Any:
    """A dataset as it is; anything else as a tensor of the body."""
    if isinstance(value, SparseTensor):
        raise TypeError(
            "Elements of a dataset can't be sparse here. Use tf.sparse_tensor_to_dense in the "
            "function, or parse examples after the dataset's get_next()."
        )
    return value if hasattr(value, "variant") else identity(convert_to_tensor(value))
