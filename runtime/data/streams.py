"""Streams of elements that look at several elements, or at several sources, at once.

Source of the rules: the ``tf.data.Dataset`` and ``tf.data.experimental`` documentation.
"""

import random
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import Any, Final

import numpy as np

from runtime import errors
from runtime.data.sources import Element, Source, Watch

__all__ = [
    "chosen",
    "grouped",
    "sampled",
    "scanned",
    "single",
    "unique",
    "windowed",
    "without_errors",
]

_STOPPING: Final = (errors.CancelledError, errors.DeadlineExceededError)


def of_elements(elements: Sequence[Element]) -> Source:
    """Elements that are there already."""
    return Source(lambda watch: iter(elements))


class _Windows:
    """Windows of a stream, each a tuple of a source for each component."""

    def __init__(
        self, elements: Iterator[Element], size: int, shift: int, stride: int, whole: bool
    ) -> None:
        self._elements = elements
        self._size = size
        self._span = (size - 1) * stride + 1
        self._shift = shift
        self._stride = stride
        self._whole = whole
        self._buffer: deque[Element] = deque()
        self._skip = 0

    def __iter__(self) -> Iterator[Element]:
        return self

    def __next__(self) -> Element:
        while self._skip:
            self._skip -= 1
            next(self._elements)
        for element in islice(self._elements, self._span - len(self._buffer)):
            self._buffer.append(element)
        if not self._buffer or (self._whole and len(self._buffer) < self._span):
            raise StopIteration
        window = list(self._buffer)[:: self._stride]
        for _ in range(min(self._shift, len(self._buffer))):
            self._buffer.popleft()
        self._skip = max(0, self._shift - self._span)
        return tuple(
            [of_elements([(part,) for part in column]) for column in zip(*window, strict=True)]
        )


def windowed(source: Source, size: int, shift: int, stride: int, whole: bool) -> Source:
    """Windows of elements.

    Args:
        source: The source.
        size: How many elements a window has.
        shift: How many elements lie between the beginnings of windows.
        stride: How far apart in the stream the elements of a window are.
        whole: Whether windows of fewer elements are left out.

    Returns:
        A source whose components are sources.

    Raises:
        ValueError: If a number is less than one.
    """
    for name, value in (("size", size), ("shift", shift), ("stride", stride)):
        if value < 1:
            raise ValueError(f"Window {name} must be greater than zero, but is {value}.")
    return Source(lambda watch: _Windows(source.elements(watch), size, shift, stride, whole))


class _Scanned:
    def __init__(
        self, elements: Iterator[Element], state: Element, step: Callable[[Element], Element]
    ) -> None:
        self._elements = elements
        self._state = state
        self._step = step

    def __iter__(self) -> Iterator[Element]:
        return self

    def __next__(self) -> Element:
        found = self._step((*self._state, *next(self._elements)))
        self._state, element = found[: len(self._state)], found[len(self._state) :]
        return element


def scanned(source: Source, state: Element, step: Callable[[Watch, Element], Element]) -> Source:
    """What a function makes of a state and each element, which also gives the next state.

    Args:
        source: The source.
        state: The first state.
        step: Takes a state and an element, gives a state and an element.

    Returns:
        The other source.
    """
    return Source(
        lambda watch: _Scanned(source.elements(watch), state, lambda both: step(watch, both))
    )


class _Grouped:
    """Elements of the sources that are made of groups, as soon as a group is full."""

    def __init__(
        self,
        elements: Iterator[Element],
        key: Callable[[Element], int],
        size: Callable[[int], int],
        reduce: Callable[[int, Source], Iterator[Element]],
    ) -> None:
        self._elements: Iterator[Element] | None = elements
        self._key = key
        self._size = size
        self._reduce = reduce
        self._groups: dict[int, list[Element]] = {}
        self._ready: Iterator[Element] = iter(())

    def __iter__(self) -> Iterator[Element]:
        return self

    def __next__(self) -> Element:
        while True:
            for element in self._ready:
                return element
            self._ready = self._next_group()

    def _next_group(self) -> Iterator[Element]:
        for element in self._elements or ():
            key = self._key(element)
            group = self._groups.setdefault(key, [])
            group.append(element)
            if len(group) >= self._wanted(key):
                return self._of_group(key)
        self._elements = None
        if not self._groups:
            raise StopIteration
        return self._of_group(min(self._groups))

    def _wanted(self, key: int) -> int:
        size = self._size(key)
        if size < 1:
            raise ValueError(f"Window size must be greater than zero, but is {size}.")
        return size

    def _of_group(self, key: int) -> Iterator[Element]:
        return self._reduce(key, of_elements(self._groups.pop(key)))


# Calls of functions of the user: what they give for components.
Call = Callable[[Watch, Element], Element]


def grouped(source: Source, key: Call, reduce: Call, size: Call) -> Source:
    """Elements in groups of the same key.

    Args:
        source: The source.
        key: Gives the key of an element.
        reduce: Gives the source of a key and the sources of a group's components.
        size: Gives how many elements of a key make a group.

    Returns:
        The elements of the sources of groups.
    """

    def begin(watch: Watch) -> Iterator[Element]:
        def reduced(number: int, group: Source) -> Iterator[Element]:
            (found,) = reduce(watch, (np.int64(number), group))
            elements: Iterator[Element] = found.elements(watch)
            return elements

        return _Grouped(
            source.elements(watch),
            lambda element: int(key(watch, element)[0]),
            lambda number: int(size(watch, (np.int64(number),))[0]),
            reduced,
        )

    return Source(begin)


class _Chosen:
    def __init__(
        self,
        choices: Iterator[int],
        streams: Sequence[Iterator[Element]],
        stop: bool,
    ) -> None:
        self._choices = choices
        self._streams: list[Iterator[Element] | None] = list(streams)
        self._stop = stop

    def __iter__(self) -> Iterator[Element]:
        return self

    def __next__(self) -> Element:
        while any(stream is not None for stream in self._streams):
            place = next(self._choices)
            if not 0 <= place < len(self._streams):
                raise ValueError(f"{place} is no index of {len(self._streams)} datasets.")
            stream = self._streams[place]
            for element in stream or ():
                return element
            self._streams[place] = None
            if self._stop:
                break
        raise StopIteration


def chosen(choices: Source, sources: Sequence[Source], stop: bool) -> Source:
    """Elements of several sources, as numbers say.

    Args:
        choices: The numbers of sources; that of one that has ended is passed over.
        sources: The sources.
        stop: Whether the end of one is the end.

    Returns:
        The source.
    """
    return Source(
        lambda watch: _Chosen(
            (int(number) for (number,) in choices.elements(watch)),
            [source.elements(watch) for source in sources],
            stop,
        )
    )


def sampled(
    sources: Sequence[Source], weights: Any, seeds: tuple[int | None, int | None], stop: bool
) -> Source:
    """Elements of several sources, at random.

    Args:
        sources: The sources.
        weights: How likely each is.
        seeds: What the order follows from; None for another order each time.
        stop: Whether the end of one is the end.

    Returns:
        The source.
    """

    def begin(watch: Watch) -> Iterator[Element]:
        generator = random.Random(None if seeds == (None, None) else repr(seeds))  # no secrets here
        streams = [source.elements(watch) for source in sources]
        return _Sampled(streams, [float(weight) for weight in weights], generator, stop)

    return Source(begin)


class _Sampled:
    def __init__(
        self,
        streams: list[Iterator[Element]],
        weights: list[float],
        generator: random.Random,
        stop: bool,
    ) -> None:
        self._streams = streams
        self._weights = weights
        self._generator = generator
        self._stop = stop

    def __iter__(self) -> Iterator[Element]:
        return self

    def __next__(self) -> Element:
        while any(self._weights):
            (place,) = self._generator.choices(range(len(self._streams)), self._weights)
            for element in self._streams[place]:
                return element
            if self._stop:
                break
            self._weights[place] = 0.0
        raise StopIteration


class _Unique:
    def __init__(self, elements: Iterator[Element]) -> None:
        self._elements = elements
        self._seen: set[Any] = set()

    def __iter__(self) -> Iterator[Element]:
        return self

    def __next__(self) -> Element:
        for element in self._elements:
            value = element[0].item()
            if value not in self._seen:
                self._seen.add(value)
                return element
        raise StopIteration


def unique(source: Source) -> Source:
    """The elements of one scalar component, each once."""
    return Source(lambda watch: _Unique(source.elements(watch)))


class _WithoutErrors:
    def __init__(self, elements: Iterator[Element], watch: Watch) -> None:
        self._elements = elements
        self._watch = watch

    def __iter__(self) -> Iterator[Element]:
        return self

    def __next__(self) -> Element:
        while True:
            self._watch.check()
            try:
                return next(self._elements)
            except (StopIteration, *_STOPPING):
                raise
            except Exception:  # that is what it is for
                continue


def without_errors(source: Source) -> Source:
    """The elements that can be made."""
    return Source(lambda watch: _WithoutErrors(source.elements(watch), watch))


def single(source: Source) -> Element:
    """The only element.

    Args:
        source: A source.

    Returns:
        The element.

    Raises:
        InvalidArgumentError: If there are none or several.
    """
    found = list(islice(source.elements(Watch()), 2))
    if len(found) != 1:
        how = "had more than one element" if found else "was empty"
        raise errors.InvalidArgumentError(None, None, f"Dataset {how}.")
    return found[0]
