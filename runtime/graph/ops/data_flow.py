"""Queues: operations on the queue that a session holds."""

from typing import Any

import numpy as np

from runtime.graph import dtypes
from runtime.graph.convert import TensorLike, convert_to_tensor
from runtime.graph.definition import Definition, Kernel, Spec, View, not_differentiable
from runtime.graph.dtypes import DType, as_dtype
from runtime.graph.export import export
from runtime.graph.operation import Operation
from runtime.graph.ops.rules import fixed, no_output, static_value
from runtime.graph.queue_state import QueueState
from runtime.graph.shapes import Dims, as_dims, compatible, described
from runtime.graph.tensor import Tensor

FIFO_QUEUE: Definition = Definition(
    "FIFOQueueV2",
    lambda view: Spec(dtypes.resource, ()),
    state=lambda op: QueueState(op.name, op.attributes["capacity"]),
    stateful=True,
    gradient=not_differentiable,
)


def _define(name: str, bind: Any, infer: Any = no_output) -> Definition:
    return Definition(
        name,
        infer,
        bind=bind,
        references=(0,),
        stateful=True,
        gradient=not_differentiable,
    )


def _bind_enqueue(view: View) -> Kernel:
    owned = [spec.owned for spec in view.inputs[1:]]

    def enqueue(queue: QueueState, *components: Any) -> None:
        queue.enqueue([tuple([_kept(c, o) for c, o in zip(components, owned, strict=True)])])

    return enqueue


def _kept(component: Any, owned: bool) -> Any:
    """A component that nobody else can change."""
    return component if owned else np.array(component, order="C")


def _bind_enqueue_many(view: View) -> Kernel:
    def enqueue_many(queue: QueueState, *components: Any) -> None:
        copies = [np.array(component, order="C") for component in components]
        if len({len(copy) for copy in copies}) > 1:
            raise ValueError("the components of enqueue_many have first axes of different sizes")
        queue.enqueue(list(zip(*copies, strict=True)))

    return enqueue_many


def _component_specs(view: View) -> tuple[Spec, ...]:
    pairs = zip(view["dtypes"], view["shapes"], strict=True)
    return tuple([Spec(dtype, dims) for dtype, dims in pairs])


def _bind_dequeue(view: View) -> Kernel:
    single = len(view["dtypes"]) == 1

    def dequeue(queue: QueueState) -> Any:
        (element,) = queue.dequeue(1)
        return element[0] if single else element

    return dequeue


def _bind_dequeue_many(view: View) -> Kernel:
    single, allow_fewer = len(view["dtypes"]) == 1, view["allow_fewer"]
    empty = [np.zeros((0, *(dims or ())), t.numpy) for t, dims in _components(view)]

    def dequeue_many(queue: QueueState, count: Any) -> Any:
        if count < 0:
            raise ValueError(f"can't dequeue {count} elements")
        elements = queue.dequeue(int(count), allow_fewer)
        columns = [np.stack(column) for column in zip(*elements, strict=True)] or empty
        return columns[0] if single else tuple(columns)

    return dequeue_many


def _components(view: View) -> Any:
    return [
        (dtype, None if dims is None else tuple(d or 0 for d in dims[1:]))
        for dtype, dims in zip(view["dtypes"], view["shapes"], strict=True)
    ]


ENQUEUE: Definition = _define("QueueEnqueueV2", _bind_enqueue)
ENQUEUE_MANY: Definition = _define("QueueEnqueueManyV2", _bind_enqueue_many)
DEQUEUE: Definition = _define("QueueDequeueV2", _bind_dequeue, _component_specs)
DEQUEUE_MANY: Definition = _define("QueueDequeueManyV2", _bind_dequeue_many, _component_specs)
CLOSE: Definition = _define(
    "QueueCloseV2", lambda view: lambda queue: queue.close(view["cancel_pending_enqueues"])
)
SIZE: Definition = _define(
    "QueueSizeV2",
    lambda view: lambda queue: np.int32(queue.size),
    fixed(dtypes.int32, ()),
)
IS_CLOSED: Definition = _define(
    "QueueIsClosedV2",
    lambda view: lambda queue: np.bool_(queue.closed),
    fixed(dtypes.bool, ()),
)


@export("QueueBase", "queue.QueueBase")
class QueueBase:
    """Operations on a queue; its contents belong to a session.

    Source: the ``tf.queue.QueueBase`` documentation.
    """

    def __init__(
        self,
        reference: Tensor,
        types: list[DType],
        shapes: list[Dims],
        names: list[str] | None,
    ) -> None:
        self._reference = reference
        self._types = types
        self._shapes = shapes
        self._names = names

    @property
    def queue_ref(self) -> Tensor:
        """The tensor that stands for the queue."""
        return self._reference

    @property
    def name(self) -> str:
        """The name of the queue's operation."""
        return self._reference.op.name

    @property
    def dtypes(self) -> list[DType]:
        """The element types of the components."""
        return self._types

    @property
    def shapes(self) -> list[Any]:
        """The static shapes of the components."""
        from runtime.graph.shapes import TensorShape

        return [TensorShape(dims) for dims in self._shapes]

    @property
    def names(self) -> list[str] | None:
        """The names of the components, or None."""
        return self._names

    def _inputs(self, vals: Any, many: bool) -> list[Tensor]:
        values = self._listed(vals)
        if len(values) != len(self._types):
            raise ValueError(
                f"Queue {self.name!r} has {len(self._types)} components, but {len(values)} were "
                "given to enqueue."
            )
        tensors = [convert_to_tensor(v, t) for v, t in zip(values, self._types, strict=True)]
        for index, (tensor, dims) in enumerate(zip(tensors, self._shapes, strict=True)):
            self._check(index, tensor, (None, *dims) if many and dims is not None else dims)
        return tensors

    def _check(self, index: int, tensor: Tensor, dims: Dims) -> None:
        if not compatible(tensor.dims, dims):
            raise ValueError(
                f"Component {index} of queue {self.name!r} has shape {described(dims)}, to which "
                f"{tensor.name!r} of shape {described(tensor.dims)} does not fit."
            )

    def _listed(self, vals: Any) -> list[Any]:
        if isinstance(vals, dict):
            if not self._names or set(vals) != set(self._names):
                raise ValueError(
                    f"Queue {self.name!r} has components named {self._names}, got {sorted(vals)}."
                )
            return [vals[name] for name in self._names]
        if self._names:
            raise ValueError(f"Queue {self.name!r} has named components: enqueue a dictionary.")
        return (
            list(vals)
            if isinstance(vals, (list, tuple)) and len(self._types) > 1
            else ([vals[0]] if isinstance(vals, (list, tuple)) and len(vals) == 1 else [vals])
        )

    def enqueue(self, vals: Any, name: str | None = None) -> Operation:
        """Adds one element; waits while the queue is full.

        Args:
            vals: A tensor, a list of tensors, or a dictionary of them if components have names.
            name: Name of the operation.

        Returns:
            The operation. It raises CancelledError if the queue is closed.
        """
        inputs = self._inputs(vals, many=False)
        result: Operation = ENQUEUE(
            self._reference, *inputs, name=name or f"{self._short_name}_enqueue"
        )
        return result

    def enqueue_many(self, vals: Any, name: str | None = None) -> Operation:
        """Adds elements, which are the slices of tensors along their first axis.

        Args:
            vals: As for `enqueue`, each with one more axis.
            name: Name of the operation.

        Returns:
            The operation. It raises CancelledError if the queue is closed.
        """
        inputs = self._inputs(vals, many=True)
        result: Operation = ENQUEUE_MANY(
            self._reference, *inputs, name=name or f"{self._short_name}_EnqueueMany"
        )
        return result

    def dequeue(self, name: str | None = None) -> Any:
        """Takes one element out; waits while the queue is empty.

        Args:
            name: Name of the operation.

        Returns:
            A tensor; a list of tensors if there are several components; a dictionary if they
            have names. It raises OutOfRangeError if the queue is closed and empty.
        """
        op = DEQUEUE.create(
            [self._reference],
            {"dtypes": self._types, "shapes": self._shapes},
            name or f"{self._short_name}_Dequeue",
        )
        return self._returned(op)

    def dequeue_many(self, n: TensorLike, name: str | None = None) -> Any:
        """Takes several elements out, joined along a new first axis.

        Args:
            n: How many.
            name: Name of the operation.

        Returns:
            As for `dequeue`. It raises OutOfRangeError if the queue is closed and has fewer.

        Raises:
            ValueError: If the queue was made without shapes.
        """
        return self._dequeue_many(n, False, name or f"{self._short_name}_DequeueMany")

    def dequeue_up_to(self, n: TensorLike, name: str | None = None) -> Any:
        """Like `dequeue_many`, but takes what is left if the queue is closed.

        Args:
            n: How many at most.
            name: Name of the operation.

        Returns:
            As for `dequeue`. It raises OutOfRangeError if the queue is closed and empty.

        Raises:
            ValueError: If the queue was made without shapes.
        """
        return self._dequeue_many(n, True, name or f"{self._short_name}_DequeueUpTo")

    def _dequeue_many(self, n: TensorLike, allow_fewer: bool, name: str) -> Any:
        if any(dims is None or None in dims for dims in self._shapes):
            raise ValueError(
                f"Queue {self.name!r} was made without shapes, which dequeue_many and "
                "dequeue_up_to need: give shapes=."
            )
        count = convert_to_tensor(n)
        known = None if allow_fewer or count.spec.value is None else int(static_value(n, "n"))
        attributes = {
            "dtypes": self._types,
            "shapes": [(known, *(dims or ())) for dims in self._shapes],
            "allow_fewer": allow_fewer,
        }
        return self._returned(DEQUEUE_MANY.create([self._reference, count], attributes, name))

    def _returned(self, op: Operation) -> Any:
        if self._names:
            return dict(zip(self._names, op.outputs, strict=True))
        return op.outputs[0] if len(op.outputs) == 1 else list(op.outputs)

    def close(self, cancel_pending_enqueues: bool = False, name: str | None = None) -> Operation:
        """Makes the queue take no more elements.

        Args:
            cancel_pending_enqueues: Whether enqueues that are waiting fail, too.
            name: Name of the operation.

        Returns:
            The operation.
        """
        result: Operation = CLOSE(
            self._reference,
            cancel_pending_enqueues=cancel_pending_enqueues,
            name=name or f"{self._short_name}_Close",
        )
        return result

    def is_closed(self, name: str | None = None) -> Tensor:
        """Whether the queue is closed.

        Args:
            name: Name of the operation.

        Returns:
            A scalar of bool.
        """
        result: Tensor = IS_CLOSED(self._reference, name=name or f"{self._short_name}_Is_Closed")
        return result

    def size(self, name: str | None = None) -> Tensor:
        """The number of elements in the queue.

        Args:
            name: Name of the operation.

        Returns:
            A scalar of int32.
        """
        result: Tensor = SIZE(self._reference, name=name or f"{self._short_name}_Size")
        return result

    @property
    def _short_name(self) -> str:
        return self.name.rpartition("/")[2]


@export("FIFOQueue", "queue.FIFOQueue")
class FIFOQueue(QueueBase):
    """A queue that gives its elements out in the order in which they came.

    Source: the ``tf.queue.FIFOQueue`` documentation.

    Args:
        capacity: The most elements it holds; unbounded if negative.
        dtypes: The element type, or a list with one for each component.
        shapes: The shapes of the components; None if they aren't fixed.
        names: The names of the components, if they have any.
        shared_name: Without effect: a queue is shared by the runs of one session.
        name: Name of the operation.
    """

    def __init__(
        self,
        capacity: TensorLike,
        dtypes: Any,
        shapes: Any = None,
        names: Any = None,
        shared_name: str | None = None,
        name: str = "fifo_queue",
    ) -> None:
        types = [as_dtype(t) for t in (dtypes if isinstance(dtypes, (list, tuple)) else [dtypes])]
        reference = FIFO_QUEUE(
            capacity=int(static_value(capacity, "The capacity of a queue")), name=name
        )
        super().__init__(
            reference, types, component_shapes(shapes, len(types)), component_names(names, types)
        )


def component_shapes(shapes: Any, count: int) -> list[Dims]:
    """The shapes of a queue's components.

    Args:
        shapes: None, one shape, or a list of shapes.
        count: The number of components.

    Returns:
        A shape for each.

    Raises:
        ValueError: If there are not as many shapes as components.
    """
    if shapes is None:
        return [None] * count
    listed = isinstance(shapes, (list, tuple)) and len(shapes) == count
    nested = listed and all(not isinstance(s, (int, np.integer)) and s is not None for s in shapes)
    found = [as_dims(s) for s in shapes] if nested else [as_dims(shapes)]
    if len(found) != count:
        raise ValueError(f"A queue of {count} components needs {count} shapes, not {shapes!r}.")
    return found


def component_names(names: Any, types: list[DType]) -> list[str] | None:
    """The names of a queue's components.

    Args:
        names: None, one name, or a list of names.
        types: The element types of the components.

    Returns:
        A list of names, or None.

    Raises:
        ValueError: If there are not as many names as components.
    """
    if not names:
        return None
    found = [names] if isinstance(names, str) else list(names)
    if len(found) != len(types):
        raise ValueError(f"A queue of {len(types)} components needs {len(types)} names: {names!r}")
    return found
