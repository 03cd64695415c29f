"""What a dataset gives out when it is iterated over: streams of elements, on NumPy alone.

An element is a tuple of arrays and scalars. A stream consists of *items*, from which elements are
made where they are needed: the items of a sliced array are its indices. So shuffling moves
numbers, and a batch is one gather. Nobody writes into the arrays of an element.

After an error a stream goes on with the next element, as in TensorFlow; Python's generators would
end. This is why there are iterators with `__next__` here.

Source of the rules: the ``tf.data.Dataset`` documentation.
"""

import random
import time
from collections.abc import Callable, Iterator, Sequence
from itertools import chain, compress, count, cycle, islice
from typing import Any, TypeAlias

import attrs
import numpy as np

from runtime import errors
from runtime.graph.arrays import pad
from runtime.graph.state import DEADLINE

# Arrays and scalars of any element type; items are of any kind.
Element: TypeAlias = tuple[Any, ...]
Items: TypeAlias = Iterator[Any]


class Watch:
    """Whether whoever iterates may go on: the session is open, and there is time.

    Attributes:
        closed: Whether the session was closed.
    """

    def __init__(self) -> None:
        self.closed = False

    def check(self) -> None:
        """Ends an iteration that nobody waits for any more.

        Raises:
            CancelledError: If the session was closed.
            DeadlineExceededError: If the run's time is up.
        """
        if self.closed:
            raise errors.CancelledError(
                None, None, "Making the next element ended: the session was closed."
            )
        moment = DEADLINE.moment
        if moment is not None and time.monotonic() > moment:
            raise errors.DeadlineExceededError(
                None, None, "The run's time was up before the next element was there."
            )


def _same(item: Any) -> Any:
    return item


def stacked(elements: Sequence[Element]) -> Element:
    """Elements joined along a new first axis.

    Args:
        elements: At least one.

    Returns:
        One element.

    Raises:
        ValueError: If their shapes differ.
    """
    return tuple([_column(i, c) for i, c in enumerate(zip(*elements, strict=True))])


def _column(component: int, values: Sequence[Any]) -> Any:
    shape = values[0].shape
    for number, value in enumerate(values):
        if value.shape != shape:
            raise ValueError(
                "Cannot batch tensors with different shapes in component "
                f"{component}. First element had shape {list(shape)} and element {number} had "
                f"shape {list(value.shape)}. Use padded_batch to make them equal."
            )
    return np.array(values) if isinstance(values[0], np.generic) else np.stack(values)


@attrs.frozen(eq=False)
class Source:
    """What can be iterated over, more than once.

    Attributes:
        start: Begins an iteration.
        element: Makes the element of an item.
        batch: Makes one element of several items.
    """

    start: Callable[[Watch], Items]
    element: Callable[[Any], Element] = _same
    batch: Callable[[Sequence[Any]], Element] = stacked

    def elements(self, watch: Watch) -> Iterator[Element]:
        """Begins an iteration over elements.

        Args:
            watch: Asked whether to go on.

        Returns:
            The elements.
        """
        items = self.start(watch)
        return items if self.element is _same else map(self.element, items)

    def with_items(self, change: Callable[[Items], Items]) -> "Source":
        """The same kind of items in another stream.

        Args:
            change: Makes the other stream of this one.

        Returns:
            The other.
        """
        start = self.start
        return attrs.evolve(self, start=lambda watch: change(start(watch)))


# Where elements come from.


def of_tensors(components: Element) -> Source:
    """One element."""
    return Source(lambda watch: iter((components,)))


def of_slices(components: Element) -> Source:
    """The rows of arrays.

    Args:
        components: Arrays with as many rows.

    Returns:
        The source.

    Raises:
        ValueError: If they have different numbers of rows.
    """
    lengths = sorted({len(component) for component in components})
    if len(lengths) > 1:
        raise ValueError(
            f"from_tensor_slices needs tensors with as many rows, but got {lengths} rows."
        )
    rows = [_row_of(component) for component in components]
    return Source(
        lambda watch: iter(range(lengths[0])),
        lambda index: tuple([row(index) for row in rows]),
        lambda indices: tuple([component.take(indices, 0) for component in components]),
    )


def _row_of(component: Any) -> Callable[[int], Any]:
    """How a row is taken out; strings stay arrays without axes."""
    if component.dtype == object and component.ndim == 1:
        return lambda index: component[index : index + 1].reshape(())
    return component.__getitem__  # type: ignore[no-any-return]  # it takes an index


def of_range(numbers: range, dtype: np.dtype[Any]) -> Source:
    """Numbers."""
    return Source(
        lambda watch: iter(numbers),
        lambda number: (dtype.type(number),),
        lambda items: (np.array(items, dtype),),
    )


# What changes the stream, not its items.


class _Repeated:
    def __init__(self, begin: Callable[[], Items], times: int) -> None:
        self._begin = begin
        self._left = times
        self._items: Items = iter(())
        self._empty = False

    def __iter__(self) -> Items:
        return self

    def __next__(self) -> Any:
        while True:
            for item in self._items:
                self._empty = False
                return item
            if self._left == 0 or (self._left < 0 and self._empty):
                raise StopIteration
            self._left -= self._left > 0
            self._items, self._empty = self._begin(), True


def repeated(source: Source, times: int) -> Source:
    """A source again and again.

    Args:
        source: The source; if it has no elements, neither has the result.
        times: How often; without end if negative.

    Returns:
        The other source.
    """
    start = source.start
    return attrs.evolve(source, start=lambda watch: _Repeated(lambda: start(watch), times))


class _Taken:
    def __init__(self, items: Items, most: int) -> None:
        self._items = items
        self._left = most

    def __iter__(self) -> Items:
        return self

    def __next__(self) -> Any:
        if not self._left:
            raise StopIteration
        self._left -= 1
        return next(self._items)


def taken(source: Source, most: int) -> Source:
    """The first elements; all if the number is negative."""
    return source if most < 0 else source.with_items(lambda items: _Taken(items, most))


class _Skipped:
    def __init__(self, items: Items, number: int, watch: Watch) -> None:
        self._items = items
        self._left = number
        self._watch = watch

    def __iter__(self) -> Items:
        return self

    def __next__(self) -> Any:
        while self._left:
            self._watch.check()
            self._left -= 1
            next(self._items)
        return next(self._items)


def skipped(source: Source, number: int) -> Source:
    """All but the first elements; none if the number is negative."""
    if number < 0:
        return attrs.evolve(source, start=lambda watch: iter(()))
    start = source.start
    return attrs.evolve(source, start=lambda watch: _Skipped(start(watch), number, watch))


def sharded(source: Source, shards: int, index: int) -> Source:
    """Each element whose number leaves a remainder.

    Args:
        source: The source.
        shards: What the number is divided by.
        index: The remainder.

    Returns:
        The other source.

    Raises:
        ValueError: If there is no such remainder.
    """
    if shards < 1 or not 0 <= index < shards:
        raise ValueError(
            f"shard needs an index between 0 and num_shards - 1, but got index {index} of "
            f"{shards} shards."
        )
    pattern = [number == index for number in range(shards)]
    return source.with_items(lambda items: compress(items, cycle(pattern)))


class _Shuffled:
    """Gives a random one of those in a buffer, and puts the next item into its place."""

    def __init__(self, items: Items, size: int, generator: random.Random) -> None:
        self._items: Items | None = items
        self._size = size
        self._draw = generator.random
        self._buffer: list[Any] = []

    def __iter__(self) -> Items:
        return self

    def __next__(self) -> Any:
        buffer = self._buffer
        if self._items is not None:
            buffer.extend(islice(self._items, self._size - len(buffer)))
            if len(buffer) < self._size:
                self._items = None
        if not buffer:
            raise StopIteration
        index = int(self._draw() * len(buffer))
        buffer[index], buffer[-1] = buffer[-1], buffer[index]
        return buffer.pop()


def shuffled(source: Source, size: int, seeds: tuple[int | None, int | None], anew: bool) -> Source:
    """A source in random order.

    Args:
        source: The source.
        size: The size of the buffer that elements are drawn from.
        seeds: What the order follows from; None for another order each time.
        anew: Whether each iteration has an order of its own.

    Returns:
        The other source.

    Raises:
        ValueError: If the buffer holds nothing.
    """
    if size < 1:
        raise ValueError(f"buffer_size of shuffle must be greater than zero, but is {size}.")
    start, given = source.start, seeds != (None, None)
    orders = random.Random(repr(seeds) if given else None)  # no secrets here
    fixed = orders.getrandbits(64)

    def begin(watch: Watch) -> Items:
        seed = orders.getrandbits(64) if anew else fixed
        return _Shuffled(start(watch), size, random.Random(seed))

    return attrs.evolve(source, start=begin)


class _Recorded:
    """Remembers what it gives; says so when it has given everything."""

    def __init__(self, items: Items, finish: Callable[[list[Any]], None]) -> None:
        self._items = items
        self._finish = finish
        self._seen: list[Any] = []

    def __iter__(self) -> Items:
        return self

    def __next__(self) -> Any:
        for item in self._items:
            self._seen.append(item)
            return item
        self._finish(self._seen)
        raise StopIteration


def cached(source: Source) -> Source:
    """A source that is computed only once: until it was iterated to its end."""
    known: list[list[Any]] = []
    start = source.start

    def begin(watch: Watch) -> Items:
        return iter(known[0]) if known else _Recorded(start(watch), known.append)

    return attrs.evolve(source, start=begin)


# What makes other elements.


def zipped(sources: Sequence[Source]) -> Source:
    """Elements with the components of several; as many as the shortest has."""
    return Source(
        lambda watch: map(
            lambda parts: tuple(chain.from_iterable(parts)),
            zip(*[source.elements(watch) for source in sources], strict=False),
        )
    )


def enumerated(source: Source, start: int) -> Source:
    """Elements with their numbers."""
    return Source(
        lambda watch: map(
            lambda number, element: (np.int64(number), *element),
            count(start),
            source.elements(watch),
        )
    )


def concatenated(first: Source, second: Source) -> Source:
    """The elements of one source, then those of another."""
    return Source(
        lambda watch: chain.from_iterable(
            map(lambda source: source.elements(watch), (first, second))
        )
    )


class _Batches:
    def __init__(
        self,
        items: Items,
        size: int,
        whole: bool,
        join: Callable[[Sequence[Any]], Element],
    ) -> None:
        self._items = items
        self._size = size
        self._whole = whole
        self._join = join

    def __iter__(self) -> Iterator[Element]:
        return self

    def __next__(self) -> Element:
        items = list(islice(self._items, self._size))
        if not items or (self._whole and len(items) < self._size):
            raise StopIteration
        return self._join(items)


def batched(source: Source, size: int, whole: bool) -> Source:
    """Several elements at once.

    Args:
        source: The source.
        size: How many.
        whole: Whether a last batch of fewer is left out.

    Returns:
        The other source.

    Raises:
        ValueError: If a batch holds nothing.
    """
    _check_size(size)
    return Source(lambda watch: _Batches(source.start(watch), size, whole, source.batch))


def _check_size(size: int) -> None:
    if size < 1:
        raise ValueError(f"Batch size must be greater than zero, but is {size}.")


def padded(
    source: Source, size: int, whole: bool, shapes: Sequence[Any], fills: Sequence[Any]
) -> Source:
    """Several elements at once, made as large as the largest.

    Args:
        source: The source.
        size: How many.
        whole: Whether a last batch of fewer is left out.
        shapes: For each component the shape of the elements; -1 for as much as is needed.
        fills: For each component what it is filled up with.

    Returns:
        The other source.

    Raises:
        ValueError: If a batch holds nothing.
    """
    _check_size(size)

    def join(elements: Sequence[Element]) -> Element:
        columns = zip(*elements, strict=True)
        return tuple([pad(*c) for c in zip(columns, shapes, fills, strict=True)])

    return Source(lambda watch: _Batches(source.elements(watch), size, whole, join))


class _Interleaved:
    """Elements of several streams in turn, a block of each; ended streams are replaced."""

    def __init__(
        self, streams: Iterator[Iterator[Element]], cycle_length: int, block_length: int
    ) -> None:
        self._streams = streams
        self._open: list[Iterator[Element] | None] = [None] * cycle_length
        self._block_length = block_length
        self._place = 0
        self._given = 0
        self._more = True

    def __iter__(self) -> Iterator[Element]:
        return self

    def __next__(self) -> Element:
        while self._more or any(stream is not None for stream in self._open):
            stream = self._open[self._place]
            if stream is None:
                self._refill()
                continue
            for element in stream:
                self._given += 1
                if self._given == self._block_length:
                    self._advance()
                return element
            self._open[self._place] = None
            self._advance()
        raise StopIteration

    def _refill(self) -> None:
        stream = next(self._streams, None) if self._more else None
        if stream is None:
            self._more = False
            self._advance()
        else:
            self._open[self._place] = stream

    def _advance(self) -> None:
        self._place = (self._place + 1) % len(self._open)
        self._given = 0


def interleaved(
    sources: Callable[[Watch], Iterator[Source]], cycle_length: int, block_length: int
) -> Source:
    """The elements of many sources.

    Args:
        sources: Begins an iteration over the sources.
        cycle_length: How many sources are iterated over at the same time.
        block_length: How many elements of one come before those of the next.

    Returns:
        The source.

    Raises:
        ValueError: If a length is less than one.
    """
    if cycle_length < 1 or block_length < 1:
        raise ValueError(
            "cycle_length and block_length of interleave must be greater than zero, but are "
            f"{cycle_length} and {block_length}."
        )
    return Source(
        lambda watch: _Interleaved(
            map(lambda source: source.elements(watch), sources(watch)), cycle_length, block_length
        )
    )


def unbatched(source: Source) -> Source:
    """The rows of each element, as elements."""

    def parts(watch: Watch) -> Iterator[Source]:
        def part(element: Element) -> Source:
            watch.check()  # for there may be no end of elements without rows
            return of_slices(element)

        return map(part, source.elements(watch))

    return interleaved(parts, 1, 1)
