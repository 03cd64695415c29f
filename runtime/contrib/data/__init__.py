"""``tf.contrib.data``: what became ``tf.data.experimental``."""

from typing import Any

from runtime.data import (
    Dataset,
    FixedLengthRecordDataset,
    Iterator,
    TextLineDataset,
    TFRecordDataset,
)
from runtime.data.experimental import (
    AUTOTUNE,
    Change,
    Counter,
    CsvDataset,
    bucket_by_sequence_length,
    choose_from_datasets,
    enumerate_dataset,
    get_single_element,
    group_by_window,
    ignore_errors,
    map_and_batch,
    parallel_interleave,
    prefetch_to_device,
    sample_from_datasets,
    scan,
    shuffle_and_repeat,
    unbatch,
    unique,
)
from runtime.graph.convert import TensorLike
from runtime.graph.export import missing

__all__ = [
    "AUTOTUNE",
    "Counter",
    "CsvDataset",
    "Dataset",
    "FixedLengthRecordDataset",
    "Iterator",
    "TFRecordDataset",
    "TextLineDataset",
    "batch_and_drop_remainder",
    "bucket_by_sequence_length",
    "choose_from_datasets",
    "enumerate_dataset",
    "get_single_element",
    "group_by_window",
    "ignore_errors",
    "map_and_batch",
    "padded_batch_and_drop_remainder",
    "parallel_interleave",
    "prefetch_to_device",
    "sample_from_datasets",
    "scan",
    "shuffle_and_repeat",
    "sloppy_interleave",
    "unbatch",
    "unique",
]

sloppy_interleave = parallel_interleave


def batch_and_drop_remainder(batch_size: TensorLike) -> Change:
    """The same as `batch` with `drop_remainder`.

    Args:
        batch_size: How many elements become one.

    Returns:
        A function of a dataset.
    """
    return lambda dataset: dataset.batch(batch_size, drop_remainder=True)


# Any: structures of shapes and numbers.
def padded_batch_and_drop_remainder(
    batch_size: TensorLike, padded_shapes: Any, padding_values: Any = None
) -> Change:
    """The same as `padded_batch` with `drop_remainder`.

    Args:
        batch_size: How many elements become one.
        padded_shapes: As for `padded_batch`.
        padding_values: As for `padded_batch`.

    Returns:
        A function of a dataset.
    """
    return lambda dataset: dataset.padded_batch(
        batch_size, padded_shapes, padding_values, drop_remainder=True
    )


_fail = missing("tf.contrib.data", globals())


def __getattr__(name: str) -> Any:  # Any: it never returns.
    return _fail(name)
