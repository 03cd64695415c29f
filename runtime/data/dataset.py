"""Datasets: descriptions of how elements are made, for an iterator to give out.

Source of the rules: the ``tf.compat.v1.data.Dataset`` documentation.
"""

import os
from collections.abc import Callable
from typing import Any, Final, NoReturn

from runtime.data import definitions
from runtime.data.functions import Traced, steady, traced, used
from runtime.data.iterators import ITERATOR, MAKE, ONE_SHOT, Iterator, check_one_shot
from runtime.data.structures import (
    DatasetSpec,
    TensorSpec,
    check_no_datasets,
    generalisation,
    mapped,
    parts_of,
    spec_of,
    specs_for,
    tensors_of,
)
from runtime.graph import dtypes, nest
from runtime.graph.convert import TensorLike, constant, convert_to_tensor
from runtime.graph.definition import Definition
from runtime.graph.dtypes import as_dtype
from runtime.graph.export import missing
from runtime.graph.ops.math import cast
from runtime.graph.ops.random import get_seed
from runtime.graph.shapes import Dims, TensorShape, as_dims, merged
from runtime.graph.tensor import Tensor

AUTOTUNE: Final = -1
_CYCLE_LENGTH = 4


def _integer(value: TensorLike, name: str) -> Tensor:
    if isinstance(value, Tensor) and value.dtype is not dtypes.int64:
        return cast(value, dtypes.int64)
    return convert_to_tensor(value, dtypes.int64, name=name)


class Options:
    """Accepted without effect: how TensorFlow carries a pipeline out."""

    def __getattr__(self, name: str) -> "Options":
        if name.startswith("__"):
            raise AttributeError(name)
        vars(self)[name] = Options()
        return self.__dict__[name]  # type: ignore[no-any-return]  # it was just made


class Dataset:
    """A series of elements: tensors, or structures (tuples, dictionaries) of tensors.

    Methods return other datasets. A run gets elements from an iterator. What is done to elements
    becomes operations once, and is compiled; everything happens in the thread that asks for the
    next element, so the same seeds give the same order.

    Args:
        variant: The tensor that stands for the dataset.
        spec: The structure of `tf.TensorSpec` of its elements.
    """

    def __init__(self, variant: Tensor, spec: Any) -> None:
        self.variant = variant
        self._spec = spec

    # Any: elements are structures of anything that converts to tensors.

    @staticmethod
    def from_tensors(tensors: Any, name: str | None = None) -> "Dataset":
        """A dataset of one element.

        Args:
            tensors: The element.
            name: Name of the operation.

        Returns:
            The dataset.
        """
        element = tensors_of(tensors)
        variant = definitions.TENSORS(*nest.flatten(element), name=name)
        return Dataset(variant, nest.map_structure(spec_of, element))

    @staticmethod
    def from_tensor_slices(tensors: Any, name: str | None = None) -> "Dataset":
        """A dataset of the rows of tensors.

        Args:
            tensors: A structure of tensors with as many rows.
            name: Name of the operation.

        Returns:
            The dataset.

        Raises:
            ValueError: If a tensor is a scalar, or they don't have as many rows.
        """
        element = tensors_of(tensors)
        flat = nest.flatten(element)
        rows = None
        for tensor in flat:
            if tensor.dims == ():
                raise ValueError(
                    "Unbatching a tensor is only supported for rank >= 1: from_tensor_slices got "
                    f"the scalar {tensor.name!r}."
                )
            if tensor.dims is not None and tensor.dims[0] is not None:
                if rows is not None and rows != tensor.dims[0]:
                    raise ValueError(
                        f"Dimensions {rows} and {tensor.dims[0]} are not compatible: "
                        "from_tensor_slices needs tensors with as many rows."
                    )
                rows = tensor.dims[0]
        variant = definitions.SLICES(*flat, name=name)
        return Dataset(variant, nest.map_structure(lambda t: _row(spec_of(t)), element))

    @staticmethod
    def from_generator(
        generator: Callable[..., Any],
        output_types: Any = None,
        output_shapes: Any = None,
        args: Any = None,
        output_signature: Any = None,
        name: str | None = None,
    ) -> "Dataset":
        """A dataset of what a Python generator yields.

        Args:
            generator: Called for each iteration; gives an iterable of elements.
            output_types: The structure of element types.
            output_shapes: The structure of shapes; unknown if None.
            args: Tensors that `generator` is called with, as arrays.
            output_signature: Instead of types and shapes: a structure of `tf.TensorSpec`.
            name: Name of the operation.

        Returns:
            The dataset. Elements of other types or shapes fail in the run.

        Raises:
            TypeError: If `generator` can't be called, or it isn't said what it yields.
        """
        if not callable(generator):
            raise TypeError("`generator` must be a Python callable.")
        if output_signature is None and output_types is None:
            raise TypeError("from_generator needs output_types or output_signature.")
        spec = output_signature
        if spec is None:
            spec = specs_for(output_types, output_shapes)
        flat = nest.flatten(spec)
        op = definitions.GENERATOR.create(
            [convert_to_tensor(argument) for argument in args or ()],
            {
                "function": generator,
                "flatten": lambda value: _flat_element(value, spec),
                "types": [s.dtype for s in flat],
                "shapes": [s.dims for s in flat],
            },
            name,
        )
        return Dataset(op.outputs[0], spec)

    @staticmethod
    def range(*args: Any, output_type: Any = dtypes.int64, name: str | None = None) -> "Dataset":
        """A dataset of numbers.

        Args:
            *args: As for Python's `range`.
            output_type: The element type.
            name: Name of the operation.

        Returns:
            The dataset.

        Raises:
            ValueError: If there are not one to three numbers.
        """
        if not 1 <= len(args) <= 3:
            raise ValueError(f"Dataset.range takes 1 to 3 numbers, but got {len(args)}.")
        start, stop, step = (*((0, *args) if len(args) == 1 else args), 1)[:3]
        bounds = [_integer(v, n) for v, n in ((start, "start"), (stop, "stop"), (step, "step"))]
        variant = definitions.RANGE(*bounds, dtype=as_dtype(output_type), name=name)
        return Dataset(variant, TensorSpec([], output_type))

    @staticmethod
    def zip(*args: Any, datasets: Any = None, name: str | None = None) -> "Dataset":
        """A dataset of elements of several; as many as the shortest has.

        Args:
            *args: Datasets, or one structure of datasets.
            datasets: The same as one argument.
            name: Name of the operation.

        Returns:
            The dataset, whose elements have the structure of the arguments.

        Raises:
            TypeError: If something is no dataset.
        """
        structure = args if datasets is None else datasets
        if datasets is None and len(args) == 1:
            structure = args[0]
        if isinstance(structure, list):
            structure = tuple(structure)
        parts = nest.flatten(structure)
        for part in parts:
            _check_dataset(part, "zip")
        variant = definitions.ZIP(*[part.variant for part in parts], name=name)
        return Dataset(variant, mapped(structure, lambda part: part.element_spec))

    @staticmethod
    def list_files(
        file_pattern: Any, shuffle: Any = None, seed: Any = None, name: str | None = None
    ) -> "Dataset":
        """A dataset of the names of files.

        Args:
            file_pattern: A pattern such as ``"data/*.txt"``, or several.
            shuffle: Whether they come in random order; they do if None.
            seed: What the order follows from.
            name: Name of the operation.

        Returns:
            The dataset. If no file matches, the run fails with InvalidArgumentError.
        """
        patterns = convert_to_tensor(file_pattern, dtypes.string)
        found = Dataset(definitions.FILES(patterns, name=name), TensorSpec([], dtypes.string))
        if shuffle is None or shuffle:
            return found.shuffle(_ALL, seed)
        return found

    def _with(self, definition: Definition, *inputs: Tensor, **attributes: Any) -> "Dataset":
        """A dataset of such elements as this one has."""
        return Dataset(definition(self.variant, *inputs, **attributes), self._spec)

    def concatenate(self, dataset: "Dataset", name: str | None = None) -> "Dataset":
        """The elements of this dataset, then those of another.

        Args:
            dataset: The other; structure and element types must be the same.
            name: Name of the operation.

        Returns:
            The dataset.

        Raises:
            TypeError: If the elements differ.
        """
        _check_dataset(dataset, "concatenate")
        spec = generalisation(self._spec, dataset.element_spec)
        return Dataset(definitions.CONCATENATE(self.variant, dataset.variant, name=name), spec)

    def map(
        self,
        map_func: Callable[..., Any],
        num_parallel_calls: Any = None,
        deterministic: bool | None = None,
        synchronous: bool | None = None,
        use_unbounded_threadpool: bool = False,
        name: str | None = None,
    ) -> "Dataset":
        """What a function makes of each element.

        Args:
            map_func: Takes an element (a tuple as several arguments), returns a structure of
                tensors. It is called once; its operations are carried out for each element.
            num_parallel_calls: Without effect: elements are made one after the other.
            deterministic: Without effect: the order is always the same.
            synchronous: Without effect.
            use_unbounded_threadpool: Without effect.
            name: Without effect.

        Returns:
            The dataset.

        Raises:
            TypeError: If the function can't be called, or returns nothing.
        """
        function = traced(map_func, self._spec, "Dataset.map")
        return Dataset(function.used_by(definitions.MAP, self.variant), function.spec)

    map_with_legacy_function = map

    def flat_map(self, map_func: Callable[..., Any], name: str | None = None) -> "Dataset":
        """The elements of the datasets that a function makes of each element, one after another.

        Args:
            map_func: Takes an element, returns a dataset.
            name: Without effect.

        Returns:
            The dataset.

        Raises:
            TypeError: If the function returns something else.
        """
        function = self._inner(map_func, "Dataset.flat_map")
        variant = function.used_by(definitions.FLAT_MAP, self.variant)
        return Dataset(variant, function.result.element_spec)

    def interleave(
        self,
        map_func: Callable[..., Any],
        cycle_length: Any = None,
        block_length: Any = None,
        num_parallel_calls: Any = None,
        deterministic: bool | None = None,
        name: str | None = None,
    ) -> "Dataset":
        """The elements of the datasets that a function makes of each element, in turn.

        Args:
            map_func: Takes an element, returns a dataset.
            cycle_length: How many of them are iterated over at the same time; 4 if None.
            block_length: How many elements of one come before those of the next; 1 if None.
            num_parallel_calls: Without effect.
            deterministic: Without effect: the order is always the same.
            name: Without effect.

        Returns:
            The dataset.

        Raises:
            TypeError: If the function returns something else.
        """
        function = self._inner(map_func, "Dataset.interleave")
        length = _CYCLE_LENGTH if cycle_length in (None, AUTOTUNE) else cycle_length
        block = 1 if block_length is None else block_length
        variant = function.used_by(
            definitions.INTERLEAVE,
            self.variant,
            _integer(length, "cycle_length"),
            _integer(block, "block_length"),
        )
        return Dataset(variant, function.result.element_spec)

    def _inner(self, map_func: Callable[..., Any], what: str) -> Traced:
        function = traced(map_func, self._spec, what)
        if not isinstance(function.result, Dataset):
            raise TypeError(
                f"The function given to {what} must return a Dataset, but it returned "
                f"{function.result!r}."
            )
        return function

    def filter(self, predicate: Callable[..., Any], name: str | None = None) -> "Dataset":
        """Those elements for which a function says so.

        Args:
            predicate: Takes an element, returns a scalar of bool.
            name: Without effect.

        Returns:
            The dataset.

        Raises:
            ValueError: If the function returns something else.
        """
        function = self._predicate(predicate, "Dataset.filter")
        return Dataset(function.used_by(definitions.FILTER, self.variant), self._spec)

    filter_with_legacy_function = filter

    def take_while(self, predicate: Callable[..., Any], name: str | None = None) -> "Dataset":
        """The elements before the first for which a function says no.

        Args:
            predicate: Takes an element, returns a scalar of bool.
            name: Without effect.

        Returns:
            The dataset.

        Raises:
            ValueError: If the function returns something else.
        """
        function = self._predicate(predicate, "Dataset.take_while")
        return Dataset(function.used_by(definitions.TAKE_WHILE, self.variant), self._spec)

    def _predicate(self, predicate: Callable[..., Any], what: str) -> Traced:
        function = traced(predicate, self._spec, what)
        spec = None if nest.is_nested(function.result) else function.spec
        if spec is None or spec.dtype is not dtypes.bool or spec.dims not in ((), None):
            raise ValueError(
                f"The predicate given to {what} must return a scalar of bool, but it returned "
                f"{function.result!r}."
            )
        return function

    def batch(
        self,
        batch_size: TensorLike,
        drop_remainder: bool = False,
        num_parallel_calls: Any = None,
        deterministic: bool | None = None,
        name: str | None = None,
    ) -> "Dataset":
        """Several elements as one, joined along a new first axis.

        Args:
            batch_size: How many.
            drop_remainder: Whether a last batch of fewer is left out.
            num_parallel_calls: Without effect.
            deterministic: Without effect.
            name: Name of the operation.

        Returns:
            The dataset.
        """
        check_no_datasets(self._spec, "Dataset.batch")
        size = _integer(batch_size, "batch_size")
        whole = _truth(drop_remainder, "drop_remainder")
        variant = definitions.BATCH(self.variant, size, drop_remainder=whole, name=name)
        return Dataset(variant, self._batched(size, whole, lambda spec: spec.dims))

    def _batched(self, size: Tensor, whole: bool, dims_of: Callable[[Any], Dims]) -> Any:
        count = int(size.spec.value) if whole and size.spec.value is not None else None

        def batched(spec: Any) -> TensorSpec:
            dims = dims_of(spec)
            return TensorSpec(None if dims is None else (count, *dims), spec.dtype)

        return nest.map_structure(batched, self._spec)

    def padded_batch(
        self,
        batch_size: TensorLike,
        padded_shapes: Any = None,
        padding_values: Any = None,
        drop_remainder: bool = False,
        name: str | None = None,
    ) -> "Dataset":
        """Several elements as one, filled up to the same size.

        Args:
            batch_size: How many.
            padded_shapes: A structure of shapes to fill up to; what isn't known in them is as
                large as the largest element of the batch. The elements' shapes if None.
            padding_values: A structure of scalars to fill up with, or one for all components;
                0 and the empty string if None.
            drop_remainder: Whether a last batch of fewer is left out.
            name: Name of the operation.

        Returns:
            The dataset.

        Raises:
            ValueError: If a component's rank is not known, or not that of its padded shape.
        """
        check_no_datasets(self._spec, "Dataset.padded_batch")
        specs = nest.flatten(self._spec)
        shapes = padded_shapes
        if shapes is None:
            targets = [(_target(spec.shape, spec), spec.dims) for spec in specs]
        else:
            pairs = zip(parts_of(shapes, self._spec), specs, strict=True)
            targets = [_as_target(shape, spec) for shape, spec in pairs]
        fills = self._fills(padding_values, specs)
        size = _integer(batch_size, "batch_size")
        whole = _truth(drop_remainder, "drop_remainder")
        variant = definitions.PADDED_BATCH(
            self.variant,
            size,
            *[target for target, _ in targets],
            *fills,
            types=[spec.dtype for spec in specs],
            drop_remainder=whole,
            name=name,
        )
        dims = iter([known for _, known in targets])
        return Dataset(variant, self._batched(size, whole, lambda spec: next(dims)))

    def _fills(self, padding_values: Any, specs: Any) -> list[Tensor]:
        if padding_values is None:
            values: list[Any] = [None] * len(specs)
        elif nest.is_nested(padding_values):
            values = parts_of(padding_values, self._spec)
        else:
            values = [padding_values] * len(specs)
        return [_fill(value, spec) for value, spec in zip(values, specs, strict=True)]

    def window(
        self,
        size: TensorLike,
        shift: TensorLike = None,
        stride: TensorLike = 1,
        drop_remainder: bool = False,
        name: str | None = None,
    ) -> "Dataset":
        """Windows of elements: each component becomes a dataset of its values in the window.

        Args:
            size: How many elements a window has.
            shift: How many elements lie between the beginnings of windows; `size` if None.
            stride: How far apart the elements of a window are.
            drop_remainder: Whether windows of fewer elements are left out.
            name: Name of the operation.

        Returns:
            The dataset.
        """
        sizes = [
            _integer(value, what)
            for value, what in (
                (size, "size"),
                (size if shift is None else shift, "shift"),
                (stride, "stride"),
            )
        ]
        whole = _truth(drop_remainder, "drop_remainder")
        variant = definitions.WINDOW(self.variant, *sizes, whole=whole, name=name)
        return Dataset(variant, nest.map_structure(DatasetSpec, self._spec))

    def reduce(
        self, initial_state: Any, reduce_func: Callable[[Any, Any], Any], name: str | None = None
    ) -> Any:
        """What a function makes of all elements, one after another.

        Args:
            initial_state: A structure of tensors.
            reduce_func: Takes the state and an element, returns the new state.
            name: Without effect.

        Returns:
            The last state.

        Raises:
            TypeError: If the new state is not like the old one.
        """
        check_no_datasets(self._spec, "Dataset.reduce")
        state = tensors_of(initial_state)
        function, spec = steady(
            lambda known: traced(reduce_func, (known, self._spec), "Dataset.reduce"),
            nest.map_structure(spec_of, state),
            lambda found: found.spec,
            "Dataset.reduce",
        )
        known = nest.flatten(spec)
        found = used(
            definitions.REDUCE,
            [self.variant, *nest.flatten(state)],
            [function],
            types=[part.dtype for part in known],
            shapes=[part.dims for part in known],
        )
        return nest.pack_sequence_as(spec, found)

    def get_single_element(self, name: str | None = None) -> Any:
        """The only element. A run fails with InvalidArgumentError if there are none or several.

        Args:
            name: Name of the operation.

        Returns:
            A structure of tensors.
        """
        check_no_datasets(self._spec, "get_single_element")
        specs = nest.flatten(self._spec)
        attributes = {"types": [s.dtype for s in specs], "shapes": [s.dims for s in specs]}
        op = definitions.SINGLE.create([self.variant], attributes, name)
        return nest.pack_sequence_as(self._spec, list(op.outputs))

    def shuffle(
        self,
        buffer_size: TensorLike,
        seed: TensorLike = None,
        reshuffle_each_iteration: bool | None = True,
        name: str | None = None,
    ) -> "Dataset":
        """The elements in random order.

        Args:
            buffer_size: The size of the buffer from which the next element is drawn. For a
                complete shuffle it is as large as the dataset.
            seed: What the order follows from, with the graph's seed.
            reshuffle_each_iteration: Whether each epoch has another order.
            name: Name of the operation.

        Returns:
            The dataset.
        """
        inputs = [_integer(buffer_size, "buffer_size")]
        seeds = get_seed(None if seed is None or isinstance(seed, Tensor) else int(seed))
        if isinstance(seed, Tensor):
            inputs.append(_integer(seed, "seed"))
            seeds = get_seed(0)[0], None
        anew = reshuffle_each_iteration is None or bool(reshuffle_each_iteration)
        return self._with(
            definitions.SHUFFLE,
            *inputs,
            seeds=seeds,
            reshuffle_each_iteration=anew,
            name=name,
        )

    def repeat(self, count: TensorLike = None, name: str | None = None) -> "Dataset":
        """The elements again and again.

        Args:
            count: How often; without end if None or -1.
            name: Name of the operation.

        Returns:
            The dataset.
        """
        times = _integer(-1 if count is None else count, "count")
        return self._with(definitions.REPEAT, times, name=name)

    def take(self, count: TensorLike, name: str | None = None) -> "Dataset":
        """The first elements.

        Args:
            count: How many at most; all if -1.
            name: Name of the operation.

        Returns:
            The dataset.
        """
        return self._with(definitions.TAKE, _integer(count, "count"), name=name)

    def skip(self, count: TensorLike, name: str | None = None) -> "Dataset":
        """All but the first elements.

        Args:
            count: How many are left out; all if -1.
            name: Name of the operation.

        Returns:
            The dataset.
        """
        return self._with(definitions.SKIP, _integer(count, "count"), name=name)

    def shard(
        self, num_shards: TensorLike, index: TensorLike, name: str | None = None
    ) -> "Dataset":
        """Every so-manieth element, for one of several workers.

        Args:
            num_shards: The number of workers.
            index: Which worker this is, from 0.
            name: Name of the operation.

        Returns:
            The dataset.
        """
        inputs = _integer(num_shards, "num_shards"), _integer(index, "index")
        return self._with(definitions.SHARD, *inputs, name=name)

    def prefetch(self, buffer_size: TensorLike, name: str | None = None) -> "Dataset":
        """The same elements: they are made when they are asked for.

        Args:
            buffer_size: Without effect.
            name: Name of the operation.

        Returns:
            The dataset.
        """
        return self._with(definitions.PREFETCH, _integer(buffer_size, "buffer_size"), name=name)

    def cache(self, filename: Any = "", name: str | None = None) -> "Dataset":
        """The same elements, made only once: for each initialization of an iterator, or for ever.

        Args:
            filename: Where the elements are kept, in the directory ``filename.cache``, which
                appears when they were iterated over to their end, and is read from then on. It
                is not made again when the dataset changes: then it must be removed. They are
                kept in memory if empty.
            name: Name of the operation.

        Returns:
            The dataset. A run fails with DataLossError if the directory is damaged, and with
            FailedPreconditionError if it holds elements of other types.

        Raises:
            TypeError: If the name is no string or path.
        """
        if not isinstance(filename, (str, os.PathLike)):
            raise TypeError(f"The file name of Dataset.cache must be a string, not {filename!r}.")
        check_no_datasets(self._spec, "Dataset.cache")
        if not (path := os.fspath(filename)):
            return self._with(definitions.CACHE, name=name)
        types = [spec.dtype.name for spec in nest.flatten(self._spec)]
        return self._with(definitions.CACHE_FILE, filename=path, types=types, name=name)

    def enumerate(self, start: TensorLike = 0, name: str | None = None) -> "Dataset":
        """Pairs of a number and an element.

        Args:
            start: The first number.
            name: Name of the operation.

        Returns:
            The dataset.
        """
        variant = definitions.ENUMERATE(self.variant, _integer(start, "start"), name=name)
        return Dataset(variant, (TensorSpec([], dtypes.int64), self._spec))

    def unbatch(self, name: str | None = None) -> "Dataset":
        """The rows of each element, as elements.

        Args:
            name: Name of the operation.

        Returns:
            The dataset.

        Raises:
            ValueError: If a component is a scalar.
        """
        if any(spec.dims == () for spec in nest.flatten(self._spec)):
            raise ValueError(f"unbatch needs elements with rows, but they are {self._spec!r}.")
        variant = definitions.UNBATCH(self.variant, name=name)
        return Dataset(variant, nest.map_structure(_row, self._spec))

    def apply(self, transformation_func: Callable[["Dataset"], "Dataset"]) -> "Dataset":
        """What a function makes of this dataset.

        Args:
            transformation_func: Takes a dataset, returns a dataset.

        Returns:
            What it returned.

        Raises:
            TypeError: If that is no dataset.
        """
        result = transformation_func(self)
        if not isinstance(result, Dataset):
            raise TypeError(
                f"`transformation_func` must return a `tf.data.Dataset` object. Got {type(result)}."
            )
        return result

    def options(self) -> Options:
        """Options, which have no effect."""
        return Options()

    def with_options(self, options: Any, name: str | None = None) -> "Dataset":
        """The same dataset.

        Args:
            options: Without effect.
            name: Without effect.

        Returns:
            The dataset.
        """
        return self

    def make_one_shot_iterator(self) -> Iterator:
        """An iterator that needs no initialization.

        Returns:
            The iterator.

        Raises:
            ValueError: If the dataset uses what a run feeds or changes.
        """
        check_no_datasets(self._spec, "An iterator")
        check_one_shot(self.variant)
        return Iterator(ONE_SHOT(self.variant), self._spec)

    def make_initializable_iterator(self, shared_name: str | None = None) -> Iterator:
        """An iterator that begins when its `initializer` is run.

        Args:
            shared_name: Without effect: an iterator is shared by the runs of one session.

        Returns:
            The iterator.
        """
        check_no_datasets(self._spec, "An iterator")
        reference = ITERATOR()
        return Iterator(reference, self._spec, MAKE(self.variant, reference))

    @property
    def element_spec(self) -> Any:
        """The structure of elements, of `tf.TensorSpec`."""
        return self._spec

    @property
    def output_types(self) -> Any:
        """The element types, in the structure of elements."""
        return nest.map_structure(lambda spec: spec.dtype, self._spec)

    @property
    def output_shapes(self) -> Any:
        """The static shapes, in the structure of elements."""
        return nest.map_structure(lambda spec: spec.shape, self._spec)

    @property
    def output_classes(self) -> Any:
        """`tf.Tensor`, in the structure of elements."""
        return nest.map_structure(lambda spec: Tensor, self._spec)

    def __iter__(self) -> NoReturn:
        raise RuntimeError(
            "A dataset can't be iterated over in Python: its elements exist only while the graph "
            "runs. Use tf.data.make_one_shot_iterator(dataset).get_next(), and run that."
        )

    def __getattr__(self, name: str) -> NoReturn:
        missing("tf.data.Dataset", dict.fromkeys(dir(Dataset)))(name)

    def __repr__(self) -> str:
        return f"<Dataset {self.variant.op.name!r} element_spec={self._spec!r}>"


_ALL: Final = 1 << 31


class TextLineDataset(Dataset):
    """A dataset of the lines of text files, without what ends them.

    Source: the ``tf.compat.v1.data.TextLineDataset`` documentation.

    Args:
        filenames: One name, several, or a dataset of names.
        compression_type: None, ``"GZIP"`` or ``"ZLIB"``.
        buffer_size: Without effect.
        num_parallel_reads: Without effect.
        name: Name of the operation.
    """

    def __init__(
        self,
        filenames: Any,
        compression_type: str | None = None,
        buffer_size: Any = None,
        num_parallel_reads: Any = None,
        name: str | None = None,
    ) -> None:
        kind = _compression(compression_type)
        variant = _of_files(
            filenames,
            lambda names: definitions.TEXT_LINES(names, compression_type=kind, name=name),
        )
        super().__init__(variant, TensorSpec([], dtypes.string))


class FixedLengthRecordDataset(Dataset):
    """A dataset of the records of files.

    Source: the ``tf.compat.v1.data.FixedLengthRecordDataset`` documentation.

    Args:
        filenames: One name, several, or a dataset of names.
        record_bytes: The size of a record in bytes.
        header_bytes: How many bytes come before the first record of a file.
        footer_bytes: How many bytes come after the last.
        buffer_size: Without effect.
        compression_type: None, ``"GZIP"`` or ``"ZLIB"``.
        num_parallel_reads: Without effect.
        name: Name of the operation.

    Raises:
        ValueError: If a size is negative.
    """

    def __init__(
        self,
        filenames: Any,
        record_bytes: int,
        header_bytes: int | None = None,
        footer_bytes: int | None = None,
        buffer_size: Any = None,
        compression_type: str | None = None,
        num_parallel_reads: Any = None,
        name: str | None = None,
    ) -> None:
        sizes = [int(record_bytes), int(header_bytes or 0), int(footer_bytes or 0)]
        if sizes[0] < 1 or min(sizes) < 0:
            raise ValueError(
                "record_bytes must be positive, header_bytes and footer_bytes not negative, but "
                f"they are {sizes}."
            )
        kind = _compression(compression_type)
        variant = _of_files(
            filenames,
            lambda names: definitions.RECORDS(names, sizes=sizes, compression_type=kind, name=name),
        )
        super().__init__(variant, TensorSpec([], dtypes.string))


class TFRecordDataset(Dataset):
    """A dataset of the records of files in TensorFlow's form.

    Needs the extra ``records``.

    Source: the ``tf.compat.v1.data.TFRecordDataset`` documentation.

    Args:
        filenames: One name, several, or a dataset of names.
        compression_type: None, ``"GZIP"`` or ``"ZLIB"``.
        buffer_size: Without effect.
        num_parallel_reads: Without effect.
        name: Name of the operation.
    """

    def __init__(
        self,
        filenames: Any,
        compression_type: str | None = None,
        buffer_size: Any = None,
        num_parallel_reads: Any = None,
        name: str | None = None,
    ) -> None:
        kind = _compression(compression_type)
        variant = _of_files(
            filenames,
            lambda names: definitions.TF_RECORDS(names, compression_type=kind, name=name),
        )
        super().__init__(variant, TensorSpec([], dtypes.string))


def _of_files(filenames: Any, make: Callable[[Tensor], Tensor]) -> Tensor:
    if not isinstance(filenames, Dataset):
        return make(convert_to_tensor(filenames, dtypes.string, name="filenames"))
    inner = filenames.flat_map(lambda name: Dataset(make(name), TensorSpec([], dtypes.string)))
    return inner.variant


def _compression(compression_type: str | None) -> str:
    kind = compression_type or ""
    if kind not in ("", "GZIP", "ZLIB"):
        raise ValueError(f"compression_type must be None, 'GZIP' or 'ZLIB', not {kind!r}.")
    return kind


def _row(spec: TensorSpec) -> TensorSpec:
    return TensorSpec(None if spec.dims is None else spec.dims[1:], spec.dtype)


def _check_dataset(value: Any, what: str) -> None:
    if not isinstance(value, Dataset):
        raise TypeError(f"Dataset.{what} takes datasets, not {value!r}.")


def _truth(value: Any, name: str) -> bool:
    if isinstance(value, Tensor):
        value = value.spec.value
        if value is None:
            raise ValueError(f"{name} must be known when the graph is built.")
    return bool(value)


def _flat_element(value: Any, spec: Any) -> list[Any]:
    """The components of what a generator yielded."""
    try:
        return parts_of(tuple(value) if isinstance(value, list) else value, spec)
    except (ValueError, TypeError):
        raise TypeError(
            "`generator` yielded an element that did not match the expected structure. The "
            f"expected structure was {spec!r}, but the yielded element was {value!r}."
        ) from None


def _target(shape: Any, spec: TensorSpec) -> Tensor:
    """A shape to fill up to, as numbers; -1 for as much as is needed."""
    dims = as_dims(shape)
    if dims is None:
        raise ValueError(
            f"padded_batch needs to know the rank of each component, but one is {spec!r}. Give "
            "padded_shapes, or use set_shape in a map function."
        )
    return constant([-1 if d is None else d for d in dims], dtypes.int64, [len(dims)])


def _as_target(shape: Any, spec: TensorSpec) -> tuple[Tensor, Dims]:
    if isinstance(shape, Tensor):
        known = shape.dims[0] if shape.dims is not None else None
        return cast(shape, dtypes.int64), None if known is None else (None,) * known
    if isinstance(shape, (list, tuple)):
        shape = [None if size == -1 else size for size in shape]
    dims = as_dims(shape)
    if dims is not None and spec.dims is not None and len(dims) != len(spec.dims):
        raise ValueError(
            f"The padded shape {TensorShape(dims)} is not compatible with the shape {spec.shape} "
            "of the corresponding input component: the ranks differ."
        )
    return _target(shape, spec), merged(dims, None)


def _fill(value: Any, spec: TensorSpec) -> Tensor:
    if value is None:
        value = "" if spec.dtype is dtypes.string else 0
        return cast(value, spec.dtype) if spec.dtype is dtypes.bool else constant(value, spec.dtype)
    tensor = convert_to_tensor(value, spec.dtype)
    if tensor.dims not in ((), None):
        raise ValueError(f"padding_values must be scalars, but one is {tensor!r}.")
    return tensor
