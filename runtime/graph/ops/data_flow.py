"""Queues: operations on the queue that a session holds."""

from collections.abc import Callable
from typing import Any

import numpy as np

from runtime.graph import dtypes
from runtime.graph.arrays import pad
from runtime.graph.convert import TensorLike, convert_to_tensor
from runtime.graph.definition import Definition, Kernel, Spec, View, not_differentiable
from runtime.graph.dtypes import DType, as_dtype
from runtime.graph.export import export
from runtime.graph.operation import Operation
from runtime.graph.ops.random import get_seed
from runtime.graph.ops.rules import fixed, no_output, static_value
from runtime.graph.queue_state import PriorityQueueState, QueueState, RandomQueueState
from runtime.graph.shapes import (
    Dims,
    TensorShape,
    as_dims,
    compatible,
    described,
    fully_known,
    generalised,
)
from runtime.graph.tensor import Tensor


def _queue(name: str, state: Callable[[Operation], QueueState]) -> Definition:
    return Definition(
        name,
        lambda view: Spec(dtypes.resource, ()),
        state=state,
        stateful=True,
        gradient=not_differentiable,
    )


def _random_state(op: Operation) -> QueueState:
    given = op.attributes
    return RandomQueueState(
        op.name, given["capacity"], given["min_after_dequeue"], given["seeds"], given["first"]
    )


FIFO_QUEUE = _queue("FIFOQueueV2", lambda op: QueueState(op.name, op.attributes["capacity"]))
PADDING_QUEUE = _queue(
    "PaddingFIFOQueueV2", lambda op: QueueState(op.name, op.attributes["capacity"])
)
PRIORITY_QUEUE = _queue(
    "PriorityQueueV2", lambda op: PriorityQueueState(op.name, op.attributes["capacity"])
)
RANDOM_QUEUE = _queue("RandomShuffleQueueV2", _random_state)


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
    checks = _checks(view, 0)

    def enqueue(queue: QueueState, *components: Any) -> None:
        _check_fed(components, checks, 0)
        queue.enqueue([tuple([_kept(c, o) for c, o in zip(components, owned, strict=True)])])

    return enqueue


def _kept(component: Any, owned: bool) -> Any:
    """A component that nobody else can change."""
    return component if owned else np.array(component, order="C")


def _checks(view: View, first: int) -> list[tuple[int, Dims]]:
    """The components whose shapes have to be looked at in the run."""
    pairs = enumerate(zip(view["shapes"], view.inputs[1:], strict=True))
    return [
        (index, dims)
        for index, (dims, spec) in pairs
        if dims is not None and (spec.dims is None or not _fits(dims, spec.dims[first:]))
    ]


def _fits(dims: Dims, found: Dims) -> bool:
    return generalised(dims, found) == dims


def _check_fed(components: Any, checks: list[tuple[int, Dims]], first: int) -> None:
    for index, dims in checks:
        found = components[index].shape[first:]
        if not _fits(dims, found):
            raise ValueError(
                f"Shape mismatch in tuple component {index}. Expected {described(dims)}, got "
                f"{described(found)}."
            )


def _bind_enqueue_many(view: View) -> Kernel:
    checks = _checks(view, 1)

    def enqueue_many(queue: QueueState, *components: Any) -> None:
        _check_fed(components, checks, 1)
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
    join = _padded if view["pads"] else np.stack
    empty = [np.zeros((0, *(dims or ())), t.numpy) for t, dims in _components(view)]

    def dequeue_many(queue: QueueState, count: Any) -> Any:
        if count < 0:
            raise ValueError(f"can't dequeue {count} elements")
        elements = queue.dequeue(int(count), allow_fewer)
        columns = [join(column) for column in zip(*elements, strict=True)] or empty
        return columns[0] if single else tuple(columns)

    return dequeue_many


def _padded(column: Any) -> Any:
    fill = b"" if column[0].dtype == object else 0
    return pad(column, (-1,) * column[0].ndim, fill)


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
            self._reference,
            *inputs,
            shapes=self._shapes,
            name=name or f"{self._short_name}_enqueue",
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
            self._reference,
            *inputs,
            shapes=self._shapes,
            name=name or f"{self._short_name}_EnqueueMany",
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
        pads = self._reference.op.definition is PADDING_QUEUE
        if any(dims is None or (None in dims and not pads) for dims in self._shapes):
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
            "pads": pads,
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
        types = component_types(dtypes)
        reference = FIFO_QUEUE(capacity=_number(capacity, "capacity"), name=name)
        known = _checked_shapes(component_shapes(shapes, len(types)))
        super().__init__(reference, types, known, component_names(names, types))


@export("RandomShuffleQueue", "queue.RandomShuffleQueue", "io.RandomShuffleQueue")
class RandomShuffleQueue(QueueBase):
    """A queue that gives its elements out in random order.

    Source: the ``tf.queue.RandomShuffleQueue`` documentation.

    Args:
        capacity: The most elements it holds; unbounded if negative.
        min_after_dequeue: How many elements stay in it after each dequeue until it is closed, so
            that there is something to choose from.
        dtypes: The element type, or a list with one for each component.
        shapes: The shapes of the components; None if they aren't fixed.
        names: The names of the components, if they have any.
        seed: What the order follows from, with the graph's seed.
        shared_name: Without effect: a queue is shared by the runs of one session.
        name: Name of the operation.
    """

    # Whether the choice is among the first `min_after_dequeue` + 1 elements only. Then the order
    # does not depend on how far the threads are that fill the queue.
    _first_only = False

    def __init__(
        self,
        capacity: TensorLike,
        min_after_dequeue: TensorLike,
        dtypes: Any,
        shapes: Any = None,
        names: Any = None,
        seed: int | None = None,
        shared_name: str | None = None,
        name: str = "random_shuffle_queue",
    ) -> None:
        types = component_types(dtypes)
        reference = RANDOM_QUEUE(
            capacity=_number(capacity, "capacity"),
            min_after_dequeue=_number(min_after_dequeue, "min_after_dequeue"),
            seeds=get_seed(seed),
            first=self._first_only,
            name=name,
        )
        known = _checked_shapes(component_shapes(shapes, len(types)))
        super().__init__(reference, types, known, component_names(names, types))


@export("PaddingFIFOQueue", "queue.PaddingFIFOQueue", "io.PaddingFIFOQueue")
class PaddingFIFOQueue(QueueBase):
    """A queue whose elements are filled up with zeros to the same size when several are taken.

    Source: the ``tf.queue.PaddingFIFOQueue`` documentation.

    Args:
        capacity: The most elements it holds; unbounded if negative.
        dtypes: The element type, or a list with one for each component.
        shapes: The shapes of the components, in which sizes may be None.
        names: The names of the components, if they have any.
        shared_name: Without effect: a queue is shared by the runs of one session.
        name: Name of the operation.

    Raises:
        ValueError: If the rank of a component is not known.
    """

    def __init__(
        self,
        capacity: TensorLike,
        dtypes: Any,
        shapes: Any,
        names: Any = None,
        shared_name: str | None = None,
        name: str = "padding_fifo_queue",
    ) -> None:
        types = component_types(dtypes)
        known = component_shapes(shapes, len(types))
        if any(dims is None for dims in known):
            raise ValueError(f"PaddingFIFOQueue needs to know the ranks of components: {shapes!r}")
        reference = PADDING_QUEUE(capacity=_number(capacity, "capacity"), name=name)
        super().__init__(reference, types, known, component_names(names, types))


@export("PriorityQueue", "queue.PriorityQueue", "io.PriorityQueue")
class PriorityQueue(QueueBase):
    """A queue that gives out the element with the least priority number first.

    The first component of an element is its priority: a scalar of int64.

    Source: the ``tf.queue.PriorityQueue`` documentation.

    Args:
        capacity: The most elements it holds; unbounded if negative.
        types: The element types of the other components.
        shapes: Their shapes; None if they aren't fixed.
        names: The names of all components, if they have any.
        shared_name: Without effect: a queue is shared by the runs of one session.
        name: Name of the operation.
    """

    def __init__(
        self,
        capacity: TensorLike,
        types: Any,
        shapes: Any = None,
        names: Any = None,
        shared_name: str | None = None,
        name: str = "priority_queue",
    ) -> None:
        others = component_types(types)
        all_types = [dtypes.int64, *others]
        known = _checked_shapes([(), *component_shapes(shapes, len(others))])
        reference = PRIORITY_QUEUE(capacity=_number(capacity, "capacity"), name=name)
        super().__init__(reference, all_types, known, component_names(names, all_types))


def _number(value: TensorLike, what: str) -> int:
    return int(static_value(value, f"The {what} of a queue"))


def _checked_shapes(shapes: list[Dims]) -> list[Dims]:
    if any(dims is not None and not fully_known(dims) for dims in shapes):
        raise ValueError(
            f"All shapes must be fully defined: {[TensorShape(dims) for dims in shapes]}. For "
            "components of varying size use PaddingFIFOQueue, or dynamic_pad=True in train.batch."
        )
    return shapes


def component_types(given: Any) -> list[DType]:
    """The element types of a queue's components.

    Args:
        given: One, or a list.

    Returns:
        A list.
    """
    return [as_dtype(t) for t in (given if isinstance(given, (list, tuple)) else [given])]


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
