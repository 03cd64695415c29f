"""``tf.data``: input pipelines.

Source of the names: the ``tf.compat.v1.data`` module documentation.
"""

from typing import Any

from runtime.data import experimental
from runtime.data.dataset import (
    AUTOTUNE,
    Dataset,
    FixedLengthRecordDataset,
    Options,
    TextLineDataset,
    TFRecordDataset,
)
from runtime.data.iterators import Iterator
from runtime.graph.export import missing

__all__ = [
    "AUTOTUNE",
    "Dataset",
    "FixedLengthRecordDataset",
    "Iterator",
    "Options",
    "TFRecordDataset",
    "TextLineDataset",
    "experimental",
    "get_output_classes",
    "get_output_shapes",
    "get_output_types",
    "make_initializable_iterator",
    "make_one_shot_iterator",
]


def make_one_shot_iterator(dataset: Dataset) -> Iterator:
    """An iterator that needs no initialization.

    Args:
        dataset: What it gives out, in each session from its beginning, once.

    Returns:
        The iterator.

    Raises:
        ValueError: If the dataset uses what a run feeds or changes.
    """
    return dataset.make_one_shot_iterator()


def make_initializable_iterator(dataset: Dataset, shared_name: str | None = None) -> Iterator:
    """An iterator that begins when its `initializer` is run.

    Args:
        dataset: What it gives out.
        shared_name: Without effect: an iterator is shared by the runs of one session.

    Returns:
        The iterator.
    """
    return dataset.make_initializable_iterator(shared_name)


# Any: structures of anything.
def get_output_types(dataset_or_iterator: Dataset | Iterator) -> Any:
    """The element types, in the structure of elements.

    Args:
        dataset_or_iterator: A dataset or an iterator.

    Returns:
        A structure of element types.
    """
    return dataset_or_iterator.output_types


def get_output_shapes(dataset_or_iterator: Dataset | Iterator) -> Any:
    """The static shapes, in the structure of elements.

    Args:
        dataset_or_iterator: A dataset or an iterator.

    Returns:
        A structure of shapes.
    """
    return dataset_or_iterator.output_shapes


def get_output_classes(dataset_or_iterator: Dataset | Iterator) -> Any:
    """`tf.Tensor`, in the structure of elements.

    Args:
        dataset_or_iterator: A dataset or an iterator.

    Returns:
        A structure of classes.
    """
    return dataset_or_iterator.output_classes


_fail = missing("tf.data", globals())


def __getattr__(name: str) -> Any:  # Any: it never returns.
    return _fail(name)
