"""Queues that threads keep filled with input: producers of file names or rows, and batches.

Each of these functions adds a queue and its queue runner to the graph; a monitored session (or
`start_queue_runners`) starts the threads. At the end of the input a dequeue raises
OutOfRangeError.

Unlike TensorFlow's, they add no summaries of how full the queues are.

Source of the names and rules: the tf.compat.v1.train documentation of each function.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from runtime.graph import dtypes
from runtime.graph.convert import TensorLike, constant, convert_to_tensor
from runtime.graph.export import export
from runtime.graph.graph import get_default_graph
from runtime.graph.keys import GraphKeys
from runtime.graph.operation import Operation
from runtime.graph.ops.array import boolean_mask, gather, identity, range_, shape, size
from runtime.graph.ops.cond import cond
from runtime.graph.ops.control_flow import assert_, no_op
from runtime.graph.ops.data_flow import (
    FIFOQueue,
    PaddingFIFOQueue,
    QueueBase,
    RandomShuffleQueue,
)
from runtime.graph.ops.math import greater
from runtime.graph.ops.random import random_shuffle
from runtime.graph.shapes import Dims, as_dims, described, fully_known, generalised, merged
from runtime.graph.tensor import Tensor
from runtime.graph.variables import Variable
from runtime.queue_runner import QueueRunner, add_queue_runner

__all__ = [
    "batch",
    "batch_join",
    "input_producer",
    "limit_epochs",
    "match_filenames_once",
    "maybe_batch",
    "maybe_batch_join",
    "maybe_shuffle_batch",
    "maybe_shuffle_batch_join",
    "range_input_producer",
    "shuffle_batch",
    "shuffle_batch_join",
    "slice_input_producer",
    "string_input_producer",
]


@export("train.limit_epochs")
def limit_epochs(
    tensor: TensorLike, num_epochs: int | None = None, name: str | None = None
) -> Tensor:
    """A tensor that can be computed so many times; then OutOfRangeError is raised.

    Args:
        tensor: The tensor.
        num_epochs: How many times; without limit if None. Counted in a local variable, which
            `local_variables_initializer` initializes.
        name: Name of the scope of the operations.

    Returns:
        The tensor.

    Raises:
        ValueError: If the number is not positive.
    """
    if num_epochs is None:
        return convert_to_tensor(tensor)
    if num_epochs <= 0:
        raise ValueError(f"num_epochs must be > 0 not {num_epochs}.")
    with get_default_graph().name_scope(name or "limit_epochs") as scope:
        epochs = Variable(
            constant(0, dtypes.int64),
            name="epochs",
            trainable=False,
            collections=[GraphKeys.LOCAL_VARIABLES],
        )
        with get_default_graph().control_dependencies([epochs.count_up_to(num_epochs)]):
            return identity(convert_to_tensor(tensor), name=scope)


# Any, here and below: shapes in any form, structures of tensors.
@export("train.input_producer")
def input_producer(
    input_tensor: TensorLike,
    element_shape: Any = None,
    num_epochs: int | None = None,
    shuffle: bool = True,
    seed: int | None = None,
    capacity: int = 32,
    shared_name: str | None = None,
    summary_name: str | None = None,
    name: str | None = None,
    cancel_op: Operation | None = None,
) -> FIFOQueue:
    """A queue of the rows of a tensor, epoch after epoch.

    Args:
        input_tensor: The tensor.
        element_shape: The shape of a row, if the tensor does not tell.
        num_epochs: How often each row comes; without end if None.
        shuffle: Whether the rows of each epoch come in random order.
        seed: What the order follows from.
        capacity: The most elements the queue holds.
        shared_name: Without effect.
        summary_name: Without effect.
        name: Name of the scope of the operations.
        cancel_op: What closes the queue at a stop.

    Returns:
        The queue. A queue runner is in the collection of the graph.

    Raises:
        ValueError: If the shape of a row is not known.
    """
    with get_default_graph().name_scope(name or "input_producer") as scope:
        rows = convert_to_tensor(input_tensor, name="input_tensor")
        dims = merged(None if rows.dims is None else rows.dims[1:], as_dims(element_shape))
        if not fully_known(dims):
            raise ValueError(
                "Either `input_tensor` must have a fully defined shape or `element_shape` must be "
                f"specified: the shape of a row of {rows.name!r} is {described(dims)}."
            )
        if shuffle:
            rows = random_shuffle(rows, seed)
        rows = limit_epochs(rows, num_epochs)
        queue = FIFOQueue(capacity, [rows.dtype], [dims], name=scope)
        enqueue = queue.enqueue_many([rows])
        add_queue_runner(QueueRunner(queue, [enqueue], cancel_op=cancel_op))
        return queue


@export("train.string_input_producer")
def string_input_producer(
    string_tensor: TensorLike,
    num_epochs: int | None = None,
    shuffle: bool = True,
    seed: int | None = None,
    capacity: int = 32,
    shared_name: str | None = None,
    name: str | None = None,
    cancel_op: Operation | None = None,
) -> FIFOQueue:
    """A queue of strings, such as the names of files, for a reader.

    Args:
        string_tensor: A vector of strings.
        num_epochs: How often each comes; without end if None.
        shuffle: Whether those of each epoch come in random order.
        seed: What the order follows from.
        capacity: The most elements the queue holds.
        shared_name: Without effect.
        name: Name of the scope of the operations.
        cancel_op: What closes the queue at a stop.

    Returns:
        The queue. A queue runner is in the collection of the graph.

    Raises:
        ValueError: If there are no strings. If that is known only in a run, it fails with
            InvalidArgumentError.
    """
    message = "string_input_producer requires a non-null input tensor"
    if not isinstance(string_tensor, Tensor) and not len(string_tensor):
        raise ValueError(message)
    with get_default_graph().name_scope(name or "input_producer") as scope:
        strings = convert_to_tensor(string_tensor, dtypes.string)
        with get_default_graph().control_dependencies(
            [assert_(greater(size(strings), 0), [message])]
        ):
            strings = identity(strings)
        return input_producer(
            strings, [], num_epochs, shuffle, seed, capacity, name=scope, cancel_op=cancel_op
        )


@export("train.range_input_producer")
def range_input_producer(
    limit: TensorLike,
    num_epochs: int | None = None,
    shuffle: bool = True,
    seed: int | None = None,
    capacity: int = 32,
    shared_name: str | None = None,
    name: str | None = None,
) -> FIFOQueue:
    """A queue of the numbers from 0.

    Args:
        limit: How many.
        num_epochs: How often each comes; without end if None.
        shuffle: Whether those of each epoch come in random order.
        seed: What the order follows from.
        capacity: The most elements the queue holds.
        shared_name: Without effect.
        name: Name of the scope of the operations.

    Returns:
        The queue. A queue runner is in the collection of the graph.
    """
    with get_default_graph().name_scope(name or "input_producer") as scope:
        return input_producer(range_(limit), [], num_epochs, shuffle, seed, capacity, name=scope)


@export("train.slice_input_producer")
def slice_input_producer(
    tensor_list: Sequence[TensorLike],
    num_epochs: int | None = None,
    shuffle: bool = True,
    seed: int | None = None,
    capacity: int = 32,
    shared_name: str | None = None,
    name: str | None = None,
) -> list[Tensor]:
    """A row of each tensor, another one in each run.

    Args:
        tensor_list: Tensors with as many rows.
        num_epochs: How often each row comes; without end if None.
        shuffle: Whether those of each epoch come in random order.
        seed: What the order follows from.
        capacity: The most elements the queue of row numbers holds.
        shared_name: Without effect.
        name: Name of the scope of the operations.

    Returns:
        A tensor for each of the list.

    Raises:
        ValueError: If the list is empty.
    """
    with get_default_graph().name_scope(name or "input_producer"):
        tensors = [convert_to_tensor(tensor) for tensor in tensor_list]
        if not tensors:
            raise ValueError("Expected at least one tensor in slice_input_producer().")
        rows = shape(tensors[0])[0]
        queue = range_input_producer(rows, num_epochs, shuffle, seed, capacity)
        index = queue.dequeue()
        return [gather(tensor, index) for tensor in tensors]


@export("train.match_filenames_once", "io.match_filenames_once")
def match_filenames_once(pattern: TensorLike, name: str | None = None) -> Variable:
    """The names of files that match a pattern, found when the variable is initialized.

    Args:
        pattern: A pattern such as ``"data/*.txt"``, or several.
        name: Name of the operations.

    Returns:
        A local variable.
    """
    from runtime.parsing import matching_files

    with get_default_graph().name_scope(name or "matching_filenames") as scope:
        return Variable(
            matching_files(pattern),
            trainable=False,
            name=scope,
            collections=[GraphKeys.LOCAL_VARIABLES],
            validate_shape=False,
        )


# Batches.


class _Batching:
    """How elements get into a queue and out of it in batches.

    Args:
        lists: For each thread, what it enqueues: a list of tensors, or a dictionary.
        shapes: The shapes of an element's components, or None.
        many: Whether each tensor holds several elements, as its rows.
        keep_input: A scalar of bool (or a vector, for several elements) that says what gets in.
    """

    def __init__(
        self, lists: Sequence[Any], shapes: Any, many: bool, keep_input: TensorLike
    ) -> None:
        if not lists:
            raise ValueError("Expected at least one list of tensors.")
        self._form = lists[0]
        self._lists = [_listed(tensors) for tensors in lists]
        self._many = many
        self._keep = None if keep_input is True else convert_to_tensor(keep_input, dtypes.bool)
        self._check()
        self.types = [tensor.dtype for tensor in self._lists[0]]
        self.shapes = self._shapes() if shapes is None else list(shapes)

    def _check(self) -> None:
        kinds = {tuple(t.dtype.name for t in tensors) for tensors in self._lists}
        if len(kinds) > 1:
            raise TypeError(f"Expected all lists to have the same types, but got: {sorted(kinds)}")
        keep = self._keep
        if keep is not None and keep.dims not in ((), (None,)) and not self._many:
            raise ValueError("keep_input must be a scalar unless enqueue_many is True.")

    def _shapes(self) -> list[Dims]:
        found: list[Dims] = []
        for component in zip(*self._lists, strict=True):
            dims = _element_dims(component[0], self._many)
            for tensor in component[1:]:
                dims = generalised(dims, _element_dims(tensor, self._many))
            found.append(dims)
        return found

    def queue(self, dynamic_pad: bool, capacity: int) -> QueueBase:
        """The queue for elements whose order is kept."""
        kind = PaddingFIFOQueue if dynamic_pad else FIFOQueue
        return kind(capacity, self.types, self.shapes)

    def finish(
        self,
        queue: QueueBase,
        threads: int,
        batch_size: TensorLike,
        allow_smaller: bool,
        scope: str,
    ) -> Any:
        """Adds the queue runner and what takes batches out."""
        operations = [self._enqueue(queue, tensors) for tensors in self._lists]
        add_queue_runner(QueueRunner(queue, operations * threads))
        take = queue.dequeue_up_to if allow_smaller else queue.dequeue_many
        found = take(batch_size, name=scope)
        if isinstance(self._form, Mapping):
            outputs = found if isinstance(found, list) else [found]
            return dict(zip(sorted(self._form), outputs, strict=True))
        return found

    def _enqueue(self, queue: QueueBase, tensors: list[Tensor]) -> Operation:
        if self._keep is None:
            return self._plain(queue, tensors)
        if self._keep.dims == ():
            kept = cond(self._keep, lambda: self._plain(queue, tensors), no_op)
            result: Operation = kept.op
            return result
        return queue.enqueue_many([boolean_mask(tensor, self._keep) for tensor in tensors])

    def _plain(self, queue: QueueBase, tensors: list[Tensor]) -> Operation:
        return queue.enqueue_many(tensors) if self._many else queue.enqueue(tensors)


def _listed(tensors: Any) -> list[Tensor]:
    if isinstance(tensors, Mapping):
        tensors = [tensors[key] for key in sorted(tensors)]
    elif not isinstance(tensors, (list, tuple)):
        tensors = [tensors]
    if not tensors:
        raise ValueError("Must provide at least one tensor.")
    return [convert_to_tensor(tensor) for tensor in tensors]


def _element_dims(tensor: Tensor, many: bool) -> Dims:
    if tensor.dims is None:
        raise ValueError(f"Cannot infer Tensor's rank: {tensor!r}. Use set_shape, or give shapes=.")
    return tensor.dims[1:] if many else tensor.dims


@export("train.batch")
def batch(
    tensors: Any,
    batch_size: TensorLike,
    num_threads: int = 1,
    capacity: int = 32,
    enqueue_many: bool = False,
    shapes: Any = None,
    dynamic_pad: bool = False,
    allow_smaller_final_batch: bool = False,
    shared_name: str | None = None,
    name: str | None = None,
) -> Any:
    """Batches of what tensors are in one run after another.

    Args:
        tensors: A list of tensors, a dictionary of them, or one.
        batch_size: How many elements a batch has.
        num_threads: How many threads compute the tensors.
        capacity: The most elements the queue holds.
        enqueue_many: Whether the tensors hold several elements, as their rows.
        shapes: The shapes of an element's components, if the tensors don't tell.
        dynamic_pad: Whether elements of varying size are filled up with zeros.
        allow_smaller_final_batch: Whether what is left at the end is a batch, too.
        shared_name: Without effect.
        name: Name of the scope of the operations.

    Returns:
        Tensors in the form of `tensors`, with one axis more.

    Raises:
        ValueError: If shapes are not known.
    """
    return maybe_batch(
        tensors,
        True,
        batch_size,
        num_threads,
        capacity,
        enqueue_many,
        shapes,
        dynamic_pad,
        allow_smaller_final_batch,
        shared_name,
        name,
    )


@export("train.maybe_batch")
def maybe_batch(
    tensors: Any,
    keep_input: TensorLike,
    batch_size: TensorLike,
    num_threads: int = 1,
    capacity: int = 32,
    enqueue_many: bool = False,
    shapes: Any = None,
    dynamic_pad: bool = False,
    allow_smaller_final_batch: bool = False,
    shared_name: str | None = None,
    name: str | None = None,
) -> Any:
    """The same as `batch`, of those elements only for which a condition holds.

    Args:
        tensors: As for `batch`.
        keep_input: A scalar of bool; with `enqueue_many` also a vector with one for each row.
        batch_size: As for `batch`.
        num_threads: As for `batch`.
        capacity: As for `batch`.
        enqueue_many: As for `batch`.
        shapes: As for `batch`.
        dynamic_pad: As for `batch`.
        allow_smaller_final_batch: As for `batch`.
        shared_name: Without effect.
        name: Name of the scope of the operations.

    Returns:
        As for `batch`.
    """
    with get_default_graph().name_scope(name or "batch") as scope:
        batching = _Batching([tensors], shapes, enqueue_many, keep_input)
        queue = batching.queue(dynamic_pad, capacity)
        return batching.finish(queue, num_threads, batch_size, allow_smaller_final_batch, scope)


@export("train.batch_join")
def batch_join(
    tensors_list: Sequence[Any],
    batch_size: TensorLike,
    capacity: int = 32,
    enqueue_many: bool = False,
    shapes: Any = None,
    dynamic_pad: bool = False,
    allow_smaller_final_batch: bool = False,
    shared_name: str | None = None,
    name: str | None = None,
) -> Any:
    """The same as `batch`, of several lists of tensors, each with a thread of its own.

    Args:
        tensors_list: For each thread a list of tensors, or a dictionary of them.
        batch_size: As for `batch`.
        capacity: As for `batch`.
        enqueue_many: As for `batch`.
        shapes: As for `batch`.
        dynamic_pad: As for `batch`.
        allow_smaller_final_batch: As for `batch`.
        shared_name: Without effect.
        name: Name of the scope of the operations.

    Returns:
        As for `batch`.
    """
    return maybe_batch_join(
        tensors_list,
        True,
        batch_size,
        capacity,
        enqueue_many,
        shapes,
        dynamic_pad,
        allow_smaller_final_batch,
        shared_name,
        name,
    )


@export("train.maybe_batch_join")
def maybe_batch_join(
    tensors_list: Sequence[Any],
    keep_input: TensorLike,
    batch_size: TensorLike,
    capacity: int = 32,
    enqueue_many: bool = False,
    shapes: Any = None,
    dynamic_pad: bool = False,
    allow_smaller_final_batch: bool = False,
    shared_name: str | None = None,
    name: str | None = None,
) -> Any:
    """The same as `batch_join`, of those elements only for which a condition holds.

    Args:
        tensors_list: As for `batch_join`.
        keep_input: As for `maybe_batch`.
        batch_size: As for `batch`.
        capacity: As for `batch`.
        enqueue_many: As for `batch`.
        shapes: As for `batch`.
        dynamic_pad: As for `batch`.
        allow_smaller_final_batch: As for `batch`.
        shared_name: Without effect.
        name: Name of the scope of the operations.

    Returns:
        As for `batch`.
    """
    with get_default_graph().name_scope(name or "batch_join") as scope:
        batching = _Batching(tensors_list, shapes, enqueue_many, keep_input)
        queue = batching.queue(dynamic_pad, capacity)
        return batching.finish(queue, 1, batch_size, allow_smaller_final_batch, scope)


@export("train.shuffle_batch")
def shuffle_batch(
    tensors: Any,
    batch_size: TensorLike,
    capacity: int,
    min_after_dequeue: int,
    num_threads: int = 1,
    seed: int | None = None,
    enqueue_many: bool = False,
    shapes: Any = None,
    allow_smaller_final_batch: bool = False,
    shared_name: str | None = None,
    name: str | None = None,
) -> Any:
    """Batches in random order of what tensors are in one run after another.

    An element is drawn from the first `min_after_dequeue` + 1 that are there. So with one thread
    and a seed the order is the same in each run of the program, however fast the threads are.

    Args:
        tensors: A list of tensors, a dictionary of them, or one.
        batch_size: How many elements a batch has.
        capacity: The most elements the queue holds.
        min_after_dequeue: How many elements stay in the queue to be chosen from. If 0, elements
            are drawn from all that are there.
        num_threads: How many threads compute the tensors.
        seed: What the order follows from.
        enqueue_many: Whether the tensors hold several elements, as their rows.
        shapes: The shapes of an element's components, if the tensors don't tell.
        allow_smaller_final_batch: Whether what is left at the end is a batch, too.
        shared_name: Without effect.
        name: Name of the scope of the operations.

    Returns:
        Tensors in the form of `tensors`, with one axis more.

    Raises:
        ValueError: If shapes are not known.
    """
    return maybe_shuffle_batch(
        tensors,
        batch_size,
        capacity,
        min_after_dequeue,
        True,
        num_threads,
        seed,
        enqueue_many,
        shapes,
        allow_smaller_final_batch,
        shared_name,
        name,
    )


@export("train.maybe_shuffle_batch")
def maybe_shuffle_batch(
    tensors: Any,
    batch_size: TensorLike,
    capacity: int,
    min_after_dequeue: int,
    keep_input: TensorLike,
    num_threads: int = 1,
    seed: int | None = None,
    enqueue_many: bool = False,
    shapes: Any = None,
    allow_smaller_final_batch: bool = False,
    shared_name: str | None = None,
    name: str | None = None,
) -> Any:
    """The same as `shuffle_batch`, of those elements only for which a condition holds.

    Args:
        tensors: As for `shuffle_batch`.
        batch_size: As for `shuffle_batch`.
        capacity: As for `shuffle_batch`.
        min_after_dequeue: As for `shuffle_batch`.
        keep_input: As for `maybe_batch`.
        num_threads: As for `shuffle_batch`.
        seed: As for `shuffle_batch`.
        enqueue_many: As for `shuffle_batch`.
        shapes: As for `shuffle_batch`.
        allow_smaller_final_batch: As for `shuffle_batch`.
        shared_name: Without effect.
        name: Name of the scope of the operations.

    Returns:
        As for `shuffle_batch`.
    """
    with get_default_graph().name_scope(name or "shuffle_batch") as scope:
        batching = _Batching([tensors], shapes, enqueue_many, keep_input)
        queue = _shuffling(batching, capacity, min_after_dequeue, seed)
        return batching.finish(queue, num_threads, batch_size, allow_smaller_final_batch, scope)


@export("train.shuffle_batch_join")
def shuffle_batch_join(
    tensors_list: Sequence[Any],
    batch_size: TensorLike,
    capacity: int,
    min_after_dequeue: int,
    seed: int | None = None,
    enqueue_many: bool = False,
    shapes: Any = None,
    allow_smaller_final_batch: bool = False,
    shared_name: str | None = None,
    name: str | None = None,
) -> Any:
    """The same as `shuffle_batch`, of several lists of tensors, each with a thread of its own.

    Args:
        tensors_list: For each thread a list of tensors, or a dictionary of them.
        batch_size: As for `shuffle_batch`.
        capacity: As for `shuffle_batch`.
        min_after_dequeue: As for `shuffle_batch`.
        seed: As for `shuffle_batch`; with several threads the order depends on them, too.
        enqueue_many: As for `shuffle_batch`.
        shapes: As for `shuffle_batch`.
        allow_smaller_final_batch: As for `shuffle_batch`.
        shared_name: Without effect.
        name: Name of the scope of the operations.

    Returns:
        As for `shuffle_batch`.
    """
    return maybe_shuffle_batch_join(
        tensors_list,
        batch_size,
        capacity,
        min_after_dequeue,
        True,
        seed,
        enqueue_many,
        shapes,
        allow_smaller_final_batch,
        shared_name,
        name,
    )


@export("train.maybe_shuffle_batch_join")
def maybe_shuffle_batch_join(
    tensors_list: Sequence[Any],
    batch_size: TensorLike,
    capacity: int,
    min_after_dequeue: int,
    keep_input: TensorLike,
    seed: int | None = None,
    enqueue_many: bool = False,
    shapes: Any = None,
    allow_smaller_final_batch: bool = False,
    shared_name: str | None = None,
    name: str | None = None,
) -> Any:
    """The same as `shuffle_batch_join`, of those elements only for which a condition holds.

    Args:
        tensors_list: As for `shuffle_batch_join`.
        batch_size: As for `shuffle_batch`.
        capacity: As for `shuffle_batch`.
        min_after_dequeue: As for `shuffle_batch`.
        keep_input: As for `maybe_batch`.
        seed: As for `shuffle_batch_join`.
        enqueue_many: As for `shuffle_batch`.
        shapes: As for `shuffle_batch`.
        allow_smaller_final_batch: As for `shuffle_batch`.
        shared_name: Without effect.
        name: Name of the scope of the operations.

    Returns:
        As for `shuffle_batch`.
    """
    with get_default_graph().name_scope(name or "shuffle_batch_join") as scope:
        batching = _Batching(tensors_list, shapes, enqueue_many, keep_input)
        queue = _shuffling(batching, capacity, min_after_dequeue, seed)
        return batching.finish(queue, 1, batch_size, allow_smaller_final_batch, scope)


class _SteadyShuffleQueue(RandomShuffleQueue):
    """One whose order does not depend on how far the threads are that fill it."""

    _first_only = True


def _shuffling(
    batching: _Batching, capacity: int, min_after_dequeue: int, seed: int | None
) -> QueueBase:
    kind = _SteadyShuffleQueue if min_after_dequeue > 0 else RandomShuffleQueue
    return kind(capacity, min_after_dequeue, batching.types, batching.shapes, seed=seed)
