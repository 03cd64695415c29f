"""Parts of a graph that an operation carries out: branches, and what loops repeat.

The operations of a body are operations of the graph like all others, but each knows the body that
it belongs to and runs only when the operation that owns the body carries it out. What a body uses
from outside is computed before and becomes an input of its owner. The gradient of a body is
another body, which may use what the first one computed: its owner then gives that out, too.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from runtime.graph.tensor import Tensor

if TYPE_CHECKING:
    from runtime.graph.operation import Operation


class Body:
    """A branch of a condition, or what a loop repeats.

    Args:
        what: What it is, for messages: ``"a branch of the condition 'cond'"``.
        parent: The body that it is inside of, or None.
        forward: The body whose gradient it computes, or None.

    Attributes:
        what: What it is, for messages.
        parent: The body that it is inside of, or None.
        forward: The body whose gradient it computes, or None.
        owner: The operation that carries it out; its definition can `save`.
        outputs: What the owner gives out of it for gradients, by the tensor inside.
        arguments: Tensors that the owner feeds, such as a loop's variables.
        feeds: Tensors that come from outside: each with the tensor outside that it is.
        elements: Tensors of the body that it goes back through, one value of which is fed in each
            turn: each with the tensor outside that holds all values.
        handles: Variables and queues that it works on.
        controls: Operations outside that run before it.
        results: What the owner takes from it; None where it gives nothing.
    """

    def __init__(
        self, what: str, parent: "Body | None" = None, forward: "Body | None" = None
    ) -> None:
        self.what = what
        self.parent = parent
        self.forward = forward
        self.owner: Operation | None = None
        self.outputs: dict[Tensor, Tensor] = {}
        self.arguments: list[Tensor] = []
        self.feeds: dict[Tensor, Tensor] = {}
        self.elements: dict[Tensor, Tensor] = {}
        self.handles: dict[Tensor, None] = {}
        self.controls: dict[Operation, None] = {}
        self.results: list[Tensor | None] = []

    def own(self, owner: "Operation") -> None:
        """Says which operation carries it out.

        Args:
            owner: An operation whose definition can `save`.
        """
        self.owner = owner

    def take(self, tensor: Tensor, reference: bool) -> None:
        """Makes a tensor available to an operation of this body.

        Args:
            tensor: An input of the operation.
            reference: Whether the operation works on the variable or queue that it stands for.

        Raises:
            ValueError: If it belongs to a body that this one is not inside of.
        """
        if tensor.op.body is self or tensor in self.feeds or _is_everywhere(tensor):
            return
        source = self._source(tensor)
        if source is None:
            raise _unreachable(tensor)
        if reference:
            self.handles[tensor] = None
        else:
            self.feeds[tensor] = source

    def _source(self, tensor: Tensor) -> Tensor | None:
        """How a tensor of another body is known where the owner is; None if it isn't."""
        forward, parent = self.forward, self.parent
        if forward is not None and tensor.op.body is forward:
            return forward.saved(tensor)
        if forward is not None and tensor in forward.feeds:
            return forward.feeds[tensor]
        if forward is not None and tensor in forward.elements:
            return forward.elements[tensor]
        if tensor.op.body is None or tensor.op.body is parent:
            return tensor
        return tensor if parent is not None and parent._source(tensor) is not None else None

    def follow(self, op: "Operation") -> bool:
        """Says that an operation of this body runs after another.

        Args:
            op: The other.

        Returns:
            Whether it is one of this body, too; else it runs before the whole body.

        Raises:
            ValueError: If it belongs to a body that this one is not inside of.
        """
        if op.body is self:
            return True
        if op.body not in self._surrounding():
            raise _unreachable_operation(op)
        self.controls[op] = None
        return False

    def _surrounding(self) -> Iterator["Body | None"]:
        here: Body | None = self.parent
        while here is not None:
            yield here
            here = here.parent
        yield None

    def saved(self, tensor: Tensor) -> Tensor:
        """What the owner gives out so that the gradient knows a tensor of this body.

        Args:
            tensor: A tensor of this body.

        Returns:
            An output of the owner.
        """
        if tensor not in self.outputs:
            assert self.owner is not None and self.owner.definition.save is not None
            self.outputs[tensor] = self.owner.definition.save(self.owner, self, tensor)
        return self.outputs[tensor]


def _is_everywhere(tensor: Tensor) -> bool:
    """Whether a tensor is a constant that need not be handed in: that nobody differentiates by.

    One that waits for something is handed in, for that happens outside.
    """
    if tensor.op.type != "Const" or tensor.op.control_inputs:
        return False
    return tensor.op.body is not None or not (tensor.dtype.is_floating or tensor.dtype.is_complex)


def check_reachable(op: "Operation") -> None:
    """Checks that an operation outside of all bodies can use or follow another.

    Args:
        op: The other.

    Raises:
        ValueError: If that one is inside of a body.
    """
    if op.body is not None:
        raise _unreachable_operation(op)


def _unreachable(tensor: Tensor) -> ValueError:
    return ValueError(
        f"Tensor {tensor.name!r} can't be used here: it is inside of {tensor.op.body.what}. "  # type: ignore[union-attr]  # it has one
        "Return it from the function that makes it, and use what comes out."
    )


def _unreachable_operation(op: "Operation") -> ValueError:
    return ValueError(
        f"Operation {op.name!r} can't be a control input or input here: it is inside of "
        f"{op.body.what}. Return it from the function that makes it, and use what comes out."  # type: ignore[union-attr]  # it has one
    )
