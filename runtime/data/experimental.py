"""``tf.data.experimental``: what scripts of TensorFlow 1 use of it, for `Dataset.apply`."""

from collections.abc import Callable
from typing import Any

from runtime.data.dataset import AUTOTUNE, Dataset, Options
from runtime.graph.convert import TensorLike
from runtime.graph.export import missing

__all__ = [
    "AUTOTUNE",
    "Options",
    "enumerate_dataset",
    "map_and_batch",
    "parallel_interleave",
    "prefetch_to_device",
    "shuffle_and_repeat",
    "take_while",
    "unbatch",
]

Change = Callable[[Dataset], Dataset]


def shuffle_and_repeat(
    buffer_size: TensorLike, count: TensorLike = None, seed: TensorLike = None
) -> Change:
    """The same as `shuffle`, then `repeat`.

    Args:
        buffer_size: The size of the buffer.
        count: How often; without end if None or -1.
        seed: What the order follows from.

    Returns:
        A function of a dataset.
    """
    return lambda dataset: dataset.shuffle(buffer_size, seed).repeat(count)


# Any, below: what a function takes and gives.
def map_and_batch(
    map_func: Callable[..., Any],
    batch_size: TensorLike,
    num_parallel_batches: Any = None,
    drop_remainder: bool = False,
    num_parallel_calls: Any = None,
) -> Change:
    """The same as `map`, then `batch`.

    Args:
        map_func: Takes an element, returns one.
        batch_size: How many elements become one.
        num_parallel_batches: Without effect.
        drop_remainder: Whether a last batch of fewer is left out.
        num_parallel_calls: Without effect.

    Returns:
        A function of a dataset.
    """
    return lambda dataset: dataset.map(map_func).batch(batch_size, drop_remainder)


def parallel_interleave(
    map_func: Callable[..., Any],
    cycle_length: TensorLike,
    block_length: TensorLike = 1,
    sloppy: Any = False,
    buffer_output_elements: Any = None,
    prefetch_input_elements: Any = None,
) -> Change:
    """The same as `interleave`.

    Args:
        map_func: Takes an element, returns a dataset.
        cycle_length: How many datasets are iterated over at the same time.
        block_length: How many elements of one come before those of the next.
        sloppy: Without effect: the order is always the same.
        buffer_output_elements: Without effect.
        prefetch_input_elements: Without effect.

    Returns:
        A function of a dataset.
    """
    return lambda dataset: dataset.interleave(map_func, cycle_length, block_length)


def enumerate_dataset(start: TensorLike = 0) -> Change:
    """The same as `enumerate`.

    Args:
        start: The first number.

    Returns:
        A function of a dataset.
    """
    return lambda dataset: dataset.enumerate(start)


def take_while(predicate: Callable[..., Any]) -> Change:
    """The same as `take_while` of a dataset.

    Args:
        predicate: Takes an element, returns a scalar of bool.

    Returns:
        A function of a dataset.
    """
    return lambda dataset: dataset.take_while(predicate)


def unbatch() -> Change:
    """The same as `unbatch` of a dataset."""
    return lambda dataset: dataset.unbatch()


def prefetch_to_device(device: str, buffer_size: TensorLike = None) -> Change:
    """The same dataset: there is one device.

    Args:
        device: Without effect.
        buffer_size: Without effect.

    Returns:
        A function of a dataset.
    """
    return lambda dataset: dataset


_fail = missing("tf.data.experimental", globals())


def __getattr__(name: str) -> Any:  # Any: it never returns.
    return _fail(name)
