"""``tf.data.experimental``: what scripts of TensorFlow 1 use of it, for `Dataset.apply`."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from runtime.data import definitions
from runtime.data.dataset import AUTOTUNE, Dataset, Options, TextLineDataset
from runtime.data.functions import Traced, steady, traced, used
from runtime.data.structures import (
    DatasetSpec,
    TensorSpec,
    generalisation,
    parts_of,
    spec_of,
    tensors_of,
)
from runtime.graph import dtypes, nest
from runtime.graph.convert import TensorLike, constant, convert_to_tensor
from runtime.graph.dtypes import DType, as_dtype
from runtime.graph.export import missing
from runtime.graph.ops.array import gather, reshape, stack
from runtime.graph.ops.math import cast, greater_equal
from runtime.graph.ops.random import get_seed
from runtime.graph.ops.reduction import reduce_sum
from runtime.graph.shapes import as_dims, compatible
from runtime.parsing import decode_csv

__all__ = [
    "AUTOTUNE",
    "Counter",
    "CsvDataset",
    "Options",
    "bucket_by_sequence_length",
    "choose_from_datasets",
    "enumerate_dataset",
    "get_single_element",
    "group_by_window",
    "ignore_errors",
    "map_and_batch",
    "parallel_interleave",
    "prefetch_to_device",
    "sample_from_datasets",
    "scan",
    "shuffle_and_repeat",
    "take_while",
    "unbatch",
    "unique",
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


def ignore_errors(log_warning: bool = False) -> Change:
    """Leaves out elements that can't be made.

    Args:
        log_warning: Without effect.

    Returns:
        A function of a dataset.
    """
    return lambda dataset: dataset._with(definitions.IGNORE_ERRORS)


def unique() -> Change:
    """Leaves out elements that came before; elements are scalars.

    Returns:
        A function of a dataset.
    """

    def change(dataset: Dataset) -> Dataset:
        spec = dataset.element_spec
        if nest.is_nested(spec) or spec.dims not in ((), None):
            raise TypeError(f"unique needs elements that are scalars, but they are {spec!r}.")
        return dataset._with(definitions.UNIQUE)

    return change


def get_single_element(dataset: Dataset) -> Any:
    """The only element of a dataset.

    Args:
        dataset: The dataset.

    Returns:
        A structure of tensors. A run fails with InvalidArgumentError if there are no elements or
        several.
    """
    return dataset.get_single_element()


def scan(initial_state: Any, scan_func: Callable[[Any, Any], Any]) -> Change:
    """What a function makes of each element and a state that it hands on.

    Args:
        initial_state: A structure of tensors.
        scan_func: Takes the state and an element, returns the new state and an element.

    Returns:
        A function of a dataset.
    """

    def change(dataset: Dataset) -> Dataset:
        state = tensors_of(initial_state)
        what = "tf.data.experimental.scan"
        function, _ = steady(
            lambda known: traced(scan_func, (known, dataset.element_spec), what),
            nest.map_structure(spec_of, state),
            lambda found: _pair(found, what)[0],
            what,
        )
        variant = function.used_by(definitions.SCAN, dataset.variant, *nest.flatten(state))
        return Dataset(variant, function.spec[1])

    return change


def _pair(function: Traced, what: str) -> Any:
    spec = function.spec
    if not isinstance(spec, tuple) or len(spec) != 2:
        raise TypeError(f"The function of {what} must return the new state and an element.")
    return spec


def Counter(start: TensorLike = 0, step: TensorLike = 1, dtype: Any = dtypes.int64) -> Dataset:
    """A dataset of numbers without an end.

    Args:
        start: The first.
        step: How far apart they are.
        dtype: The element type.

    Returns:
        The dataset.
    """
    first = convert_to_tensor(start, dtype)
    forever = Dataset.from_tensors(convert_to_tensor(step, dtype)).repeat()
    return forever.apply(scan(first, lambda number, by: (number + by, number)))


def group_by_window(
    key_func: Callable[..., Any],
    reduce_func: Callable[[Any, Any], Any],
    window_size: Any = None,
    window_size_func: Callable[[Any], Any] | None = None,
) -> Change:
    """Makes datasets of groups of elements that have the same key.

    Args:
        key_func: Takes an element, returns its key: a scalar of int64.
        reduce_func: Takes a key and the dataset of a group, returns a dataset.
        window_size: How many elements make a group.
        window_size_func: Instead: takes a key, returns that number.

    Returns:
        A function of a dataset, which gives the elements of the datasets of groups.

    Raises:
        ValueError: If the size is not given, or twice.
    """
    if (window_size is None) == (window_size_func is None):
        raise ValueError("Must pass either window_size or window_size_func, but not both.")
    what = "tf.data.experimental.group_by_window"

    def size_of(key: Any) -> Any:
        size = window_size if window_size_func is None else window_size_func(key)
        return cast(convert_to_tensor(size), dtypes.int64)

    def change(dataset: Dataset) -> Dataset:
        number = TensorSpec([], dtypes.int64)
        elements = dataset.element_spec
        key = traced(lambda *parts: cast(key_func(*parts), dtypes.int64), _as_tuple(elements), what)
        reduced = traced(reduce_func, (number, DatasetSpec(elements)), what)
        if not isinstance(reduced.result, Dataset):
            raise TypeError(f"reduce_func must return a Dataset, not {reduced.result!r}.")
        size = traced(size_of, (number,), what)
        (variant,) = used(definitions.GROUP, [dataset.variant], [key, reduced, size])
        return Dataset(variant, reduced.result.element_spec)

    return change


def _as_tuple(spec: Any) -> tuple[Any, ...]:
    return spec if type(spec) is tuple else (spec,)


def bucket_by_sequence_length(
    element_length_func: Callable[..., Any],
    bucket_boundaries: Sequence[int],
    bucket_batch_sizes: Sequence[int],
    padded_shapes: Any = None,
    padding_values: Any = None,
    pad_to_bucket_boundary: bool = False,
    no_padding: bool = False,
    drop_remainder: bool = False,
) -> Change:
    """Makes batches of elements of about the same length.

    Args:
        element_length_func: Takes an element, returns its length: a scalar of int32.
        bucket_boundaries: The lengths at which buckets begin, but for the first.
        bucket_batch_sizes: The size of a batch in each bucket: one more than boundaries.
        padded_shapes: As for `padded_batch`.
        padding_values: As for `padded_batch`.
        pad_to_bucket_boundary: Whether unknown sizes are filled up to the greatest length of the
            bucket; then no element may belong to the last.
        no_padding: Whether elements of a batch have the same shape anyhow.
        drop_remainder: Whether last batches of fewer elements are left out.

    Returns:
        A function of a dataset.

    Raises:
        ValueError: If there isn't one more batch size than boundaries.
    """
    if len(bucket_batch_sizes) != len(bucket_boundaries) + 1:
        raise ValueError(
            "len(bucket_batch_sizes) must equal len(bucket_boundaries) + 1, but there are "
            f"{len(bucket_batch_sizes)} sizes and {len(bucket_boundaries)} boundaries."
        )

    def bucket_of(*element: Any) -> Any:
        length = cast(element_length_func(*element), dtypes.int64)
        limits = convert_to_tensor(list(bucket_boundaries), dtypes.int64)
        return reduce_sum(cast(greater_equal(length, limits), dtypes.int64))

    def size_of(bucket: Any) -> Any:
        return gather(convert_to_tensor(list(bucket_batch_sizes), dtypes.int64), bucket)

    def batch_of(bucket: Any, grouped: Dataset) -> Dataset:
        size = size_of(bucket)
        if no_padding:
            return grouped.batch(size, drop_remainder)
        shapes = grouped.output_shapes if padded_shapes is None else padded_shapes
        if pad_to_bucket_boundary:
            shapes = _up_to(shapes, grouped.element_spec, bucket, bucket_boundaries)
        return grouped.padded_batch(size, shapes, padding_values, drop_remainder)

    return group_by_window(bucket_of, batch_of, window_size_func=size_of)


def _up_to(shapes: Any, spec: Any, bucket: Any, boundaries: Sequence[int]) -> Any:
    """Shapes whose unknown sizes are the greatest length of a bucket."""
    longest = gather(convert_to_tensor([b - 1 for b in boundaries], dtypes.int64), bucket)
    filled = [
        stack([longest if size is None else np.int64(size) for size in sizes]) if sizes else sizes
        for sizes in (as_dims(shape) or () for shape in parts_of(shapes, spec))
    ]
    return nest.pack_sequence_as(spec, filled)


def choose_from_datasets(
    datasets: Sequence[Dataset], choice_dataset: Dataset, stop_on_empty_dataset: bool = False
) -> Dataset:
    """The elements of several datasets, as the elements of another say.

    Args:
        datasets: The datasets, whose elements are alike.
        choice_dataset: Scalars of int64: the number of the dataset that the next element is of.
            The number of one that has ended is passed over.
        stop_on_empty_dataset: Whether the end of one is the end.

    Returns:
        The dataset.

    Raises:
        TypeError: If the elements differ.
    """
    variants, spec = _alike(datasets)
    stop = bool(stop_on_empty_dataset)
    return Dataset(definitions.CHOOSE(choice_dataset.variant, *variants, stop=stop), spec)


def sample_from_datasets(
    datasets: Sequence[Dataset],
    weights: TensorLike = None,
    seed: Any = None,
    stop_on_empty_dataset: bool = False,
) -> Dataset:
    """The elements of several datasets, drawn at random.

    Args:
        datasets: The datasets, whose elements are alike.
        weights: How likely each is; all the same if None.
        seed: What the order follows from.
        stop_on_empty_dataset: Whether the end of one is the end.

    Returns:
        The dataset.

    Raises:
        TypeError: If the elements differ.
        ValueError: If there are not as many weights as datasets.
    """
    variants, spec = _alike(datasets)
    chances = convert_to_tensor([1.0] * len(variants) if weights is None else weights)
    if not compatible(chances.dims, (len(variants),)):
        raise ValueError(f"There are {len(variants)} datasets, but weights of {chances.shape}.")
    stop = bool(stop_on_empty_dataset)
    variant = definitions.SAMPLE(chances, *variants, seeds=get_seed(seed), stop=stop)
    return Dataset(variant, spec)


def _alike(datasets: Sequence[Dataset]) -> tuple[list[Any], Any]:
    if not datasets:
        raise ValueError("There must be at least one dataset.")
    spec = datasets[0].element_spec
    for dataset in datasets[1:]:
        spec = generalisation(spec, dataset.element_spec)
    return [dataset.variant for dataset in datasets], spec


class CsvDataset(Dataset):
    """A dataset of the records of files of comma-separated values; a record is a line.

    Source: the ``tf.data.experimental.CsvDataset`` documentation.

    Args:
        filenames: One name, several, or a dataset of names.
        record_defaults: For each column an element type, if no field may be empty, or what is
            taken where a field is empty.
        compression_type: None, ``"GZIP"`` or ``"ZLIB"``.
        buffer_size: Without effect.
        header: Whether the first line of each file is left out.
        field_delim: What separates fields.
        use_quote_delim: Whether double quotes may surround a field.
        na_value: What also means an empty field.
        select_cols: The columns to take, in rising order; all if None.
        exclude_cols: Instead: the columns to leave out.

    Raises:
        ValueError: If columns are both taken and left out.
    """

    def __init__(
        self,
        filenames: Any,
        record_defaults: Sequence[Any],
        compression_type: str | None = None,
        buffer_size: Any = None,
        header: bool = False,
        field_delim: str = ",",
        use_quote_delim: bool = True,
        na_value: str = "",
        select_cols: Sequence[int] | None = None,
        exclude_cols: Sequence[int] | None = None,
    ) -> None:
        if select_cols and exclude_cols:
            raise ValueError("Only one of select_cols and exclude_cols can be given.")
        if exclude_cols:
            count = len(record_defaults) + len(exclude_cols)
            select_cols = sorted(set(range(count)) - set(exclude_cols))
        columns = [_default(column) for column in record_defaults]
        names = filenames
        if not isinstance(filenames, Dataset):
            vector = reshape(convert_to_tensor(filenames, dtypes.string), [-1])
            names = Dataset.from_tensor_slices(vector)
        lines = names.flat_map(
            lambda name: TextLineDataset(name, compression_type).skip(1 if header else 0)
        )
        records = lines.map(
            lambda line: tuple(
                decode_csv(
                    *(line, columns, field_delim, use_quote_delim),
                    na_value=na_value,
                    select_cols=select_cols,
                )
            )
        )
        super().__init__(records.variant, records.element_spec)


def _default(column: Any) -> Any:
    """What `decode_csv` takes for a column: nothing if it is only a type."""
    if isinstance(column, (DType, np.dtype, type)):
        return constant([], as_dtype(column))
    return column


_fail = missing("tf.data.experimental", globals())


def __getattr__(name: str) -> Any:  # Any: it never returns.
    return _fail(name)
