"""The operations that make datasets: each gives a `Source`, which an iterator starts.

What a dataset is made of (arrays, sizes, what a function uses from outside) is computed when the
operation is carried out, that is when an iterator is initialized.
"""

import glob
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeAlias

import numpy as np

from runtime import errors
from runtime.data import files, sources, streams
from runtime.data.sources import Element, Source, Watch
from runtime.graph import dtypes
from runtime.graph.arrays import array_of
from runtime.graph.bodies import Body
from runtime.graph.definition import Definition, Kernel, Nested, Spec, View, not_differentiable
from runtime.graph.dtypes import DType
from runtime.graph.failures import reraise
from runtime.graph.ops.cond import handles_of, values_of
from runtime.graph.ops.rules import fixed
from runtime.graph.ops.script import error_for
from runtime.graph.plan import Function, Request, program_of
from runtime.graph.shapes import Dims, compatible, described
from runtime.graph.tensor import Tensor

DATASETS: set[Definition] = set()
"""The definitions of operations that make datasets."""


# Any: arguments of a definition.
def _define(name: str, **how: Any) -> Definition:
    definition = Definition(
        name,
        fixed(dtypes.variant, ()),
        stateful=True,
        reading=True,
        gradient=not_differentiable,
        **how,
    )
    DATASETS.add(definition)
    return definition


# Arrays that datasets hold.


def _keeper(spec: Spec) -> Callable[[Any], Any]:
    """Makes an array one that nobody else changes; a dataset nobody changes anyhow."""
    if spec.owned or spec.value is not None or spec.dtype is dtypes.variant:
        return lambda array: array
    return lambda array: array if isinstance(array, np.generic) else np.array(array, order="C")


def _kept(view: View, first: int, make: Callable[..., Source]) -> Kernel:
    """A kernel that keeps the inputs from some index on."""
    keepers = [_keeper(spec) for spec in view.inputs[first:]]

    def kernel(*inputs: Any) -> Source:
        kept = [keep(a) for keep, a in zip(keepers, inputs[first:], strict=True)]
        return make(*inputs[:first], *kept)

    return kernel


TENSORS = _define(
    "TensorDataset", bind=lambda view: _kept(view, 0, lambda *c: sources.of_tensors(c))
)
SLICES = _define(
    "TensorSliceDataset", bind=lambda view: _kept(view, 0, lambda *c: sources.of_slices(c))
)


def _bind_range(view: View) -> Kernel:
    dtype: DType = view["dtype"]

    def kernel(start: Any, stop: Any, step: Any) -> Source:
        if step == 0:
            raise ValueError("step must be a non-zero integer.")
        return sources.of_range(range(int(start), int(stop), int(step)), dtype.numpy)

    return kernel


RANGE = _define("RangeDataset", bind=_bind_range)


# Generators of the user.


class _Generated:
    """What a user's generator yields, as elements."""

    def __init__(self, begin: Callable[[], Any], convert: Callable[[Any], Element]) -> None:
        self._begin = begin
        self._values: Iterator[Any] | None = None
        self._convert = convert

    def __iter__(self) -> Iterator[Element]:
        return self

    def __next__(self) -> Element:
        try:
            if self._values is None:
                self._values = iter(self._begin())
            return self._convert(next(self._values))
        except (StopIteration, errors.OpError):
            raise
        except Exception as error:
            raise error_for(error) from error


def _bind_generator(view: View) -> Kernel:
    function, flatten = view["function"], view["flatten"]
    types, shapes = view["types"], view["shapes"]

    def convert(value: Any) -> Element:
        parts = flatten(value)
        return tuple([_yielded(*p) for p in zip(parts, types, shapes, strict=True)])

    def kernel(*arguments: Any) -> Source:
        plain = [a.copy() if a.ndim else a[()] for a in arguments]
        return Source(lambda watch: _Generated(lambda: function(*plain), convert))

    return kernel


def _yielded(value: Any, dtype: DType, dims: Dims) -> Any:
    try:
        array = np.array(array_of(value, dtype), order="C")
    except (TypeError, ValueError) as error:
        raise TypeError(
            "`generator` yielded an element that could not be converted to the expected type. "
            f"The expected type was {dtype.name}, but the yielded element was {value!r}."
        ) from error
    if not compatible(array.shape, dims):
        raise TypeError(
            f"`generator` yielded an element of shape {array.shape} where an element of shape "
            f"{described(dims)} was expected."
        )
    return array if dtype is dtypes.string else array[()]


GENERATOR = _define("GeneratorDataset", bind=_bind_generator)


# Changes without a function.


def _bind_shuffle(view: View) -> Kernel:
    anew: bool = view["reshuffle_each_iteration"]
    graph_seed, seed = view["seeds"]

    def kernel(source: Source, size: Any, *given: Any) -> Source:
        seeds = (graph_seed, int(given[0]) if given else seed)
        return sources.shuffled(source, int(size), seeds, anew)

    return kernel


def _bind_padded(view: View) -> Kernel:
    whole, count = view["drop_remainder"], len(view["types"])

    def kernel(source: Source, size: Any, *rest: Any) -> Source:
        shapes, fills = rest[:count], rest[count:]
        return sources.padded(source, int(size), whole, shapes, fills)

    return kernel


def _bind_cache_file(view: View) -> Kernel:
    from runtime.data.cache_file import cached_in

    filename, types = view["filename"], view["types"]
    return lambda source: cached_in(source, filename, types)


def _bind_window(view: View) -> Kernel:
    whole: bool = view["whole"]

    def kernel(source: Source, size: Any, shift: Any, stride: Any) -> Source:
        return streams.windowed(source, int(size), int(shift), int(stride), whole)

    return kernel


ZIP = _define("ZipDataset", kernel=lambda *parts: sources.zipped(parts))
CONCATENATE = _define("ConcatenateDataset", kernel=sources.concatenated)
ENUMERATE = _define("EnumerateDataset", kernel=lambda s, first: sources.enumerated(s, int(first)))
REPEAT = _define("RepeatDataset", kernel=lambda s, times: sources.repeated(s, int(times)))
TAKE = _define("TakeDataset", kernel=lambda s, most: sources.taken(s, int(most)))
SKIP = _define("SkipDataset", kernel=lambda s, number: sources.skipped(s, int(number)))
SHARD = _define("ShardDataset", kernel=lambda s, n, i: sources.sharded(s, int(n), int(i)))
PREFETCH = _define("PrefetchDataset", kernel=lambda source, size: source)
CACHE = _define("CacheDataset", kernel=sources.cached)
CACHE_FILE = _define("CacheDatasetV2", bind=_bind_cache_file)
SHUFFLE = _define("ShuffleDataset", bind=_bind_shuffle)
UNBATCH = _define("UnbatchDataset", kernel=sources.unbatched)
PADDED_BATCH = _define("PaddedBatchDatasetV2", bind=_bind_padded)
UNIQUE = _define("UniqueDataset", kernel=streams.unique)
IGNORE_ERRORS = _define("IgnoreErrorsDataset", kernel=streams.without_errors)
WINDOW = _define("WindowDataset", bind=_bind_window)
CHOOSE = _define(
    "DirectedInterleaveDataset",
    bind=lambda view: lambda choices, *parts: streams.chosen(choices, parts, view["stop"]),
)
SAMPLE = _define(
    "SampleFromDatasets",
    bind=lambda view: (
        lambda weights, *parts: streams.sampled(parts, weights, view["seeds"], view["stop"])
    ),
)
BATCH = _define(
    "BatchDatasetV2",
    bind=lambda view: lambda s, size: sources.batched(s, int(size), view["drop_remainder"]),
)


# Changes with a function of the user.

# Calls a function for an element.
Call: TypeAlias = Callable[[Watch, Element], Element]


def _tuple_of(values: Sequence[str]) -> str:
    return f"({''.join(f'{value}, ' for value in values)})"


def _request(body: Body, feeds: Sequence[Tensor], specs: Sequence[Spec], view: View) -> Request:
    known = [Spec(argument.dtype, argument.dims) for argument in body.arguments]
    return Request(
        [t for t in body.results if t is not None],
        _tuple_of,
        [*body.arguments, *feeds],
        [*known, *specs],
        {},
        kept={t.op for t in view.op.inputs},
    )


def _calling(make: Callable[[View], Callable[..., Any]]) -> Callable[..., Nested]:
    """How an operation carries out its function.

    Args:
        make: Gives from a `View` what makes the result from the operation's own inputs and a
            `Call` for each function.

    Returns:
        What a definition has as `nested`.
    """

    def nested(view: View, used: Sequence[bool]) -> Nested:
        feeds, specs = values_of(view)
        requests = [_request(body, feeds, specs, view) for body in view["bodies"]]
        own = view["own"]
        keepers = [_keeper(spec) for spec in view.inputs[own : own + len(feeds)]]

        def kernel_of(*functions: Function) -> Kernel:
            def kernel(*inputs: Any) -> Any:
                kept = [keep(a) for keep, a in zip(keepers, inputs[own:], strict=True)]
                calls = [_call(f, kept, bool(view["handles"])) for f in functions]
                return make(view)(*inputs[:own], *calls)

            return kernel

        return Nested(requests, kernel_of)

    return nested


def _call(function: Function, kept: Sequence[Any], copying: bool) -> Call:
    """Calls a compiled function.

    Args:
        function: The function.
        kept: What it uses from outside.
        copying: Whether its results may lie in the memory of variables.

    Returns:
        The call.
    """

    def call(watch: Watch, element: Element) -> Element:
        watch.check()
        try:
            found = function(*element, *kept)
        except Exception as error:
            reraise(error, program_of(function))
        return tuple([_copied(part) for part in found]) if copying else found

    return call


def _copied(part: Any) -> Any:
    return part if isinstance(part, Source) else np.array(part)[()]


def _map(source: Source, call: Call) -> Source:
    return Source(lambda watch: map(lambda e: call(watch, e), source.elements(watch)))


def _filter(source: Source, call: Call) -> Source:
    return Source(lambda watch: filter(lambda e: bool(call(watch, e)[0]), source.elements(watch)))


class _While:
    def __init__(self, elements: Iterator[Element], test: Callable[[Element], Any]) -> None:
        self._elements = elements
        self._test = test

    def __iter__(self) -> Iterator[Element]:
        return self

    def __next__(self) -> Element:
        element = next(self._elements)
        if not self._test(element):
            raise StopIteration
        return element


def _take_while(source: Source, call: Call) -> Source:
    return Source(lambda watch: _While(source.elements(watch), lambda e: call(watch, e)[0]))


def _interleave(source: Source, cycle: Any, block: Any, call: Call) -> Source:
    def inner(watch: Watch) -> Iterator[Source]:
        return map(lambda e: call(watch, e)[0], source.elements(watch))

    return sources.interleaved(inner, int(cycle), int(block))


def _define_calling(name: str, make: Callable[..., Source]) -> Definition:
    return _define(name, nested=_calling(lambda view: make), references=handles_of, aliases=True)


MAP = _define_calling("MapDataset", _map)
FILTER = _define_calling("FilterDataset", _filter)
TAKE_WHILE = _define_calling("TakeWhileDataset", _take_while)
INTERLEAVE = _define_calling("InterleaveDataset", _interleave)
FLAT_MAP = _define_calling("FlatMapDataset", lambda s, call: _interleave(s, 1, 1, call))


def _scan(source: Source, *rest: Any) -> Source:
    *state, call = rest
    return streams.scanned(source, tuple(state), call)


def _reduce(source: Source, *rest: Any) -> Any:
    *state, call = rest
    watch = Watch()
    values: Element = tuple(state)
    for element in source.elements(watch):
        values = call(watch, (*values, *element))
    return values if len(values) > 1 else values[0]


def _result_specs(view: View) -> tuple[Spec, ...]:
    pairs = zip(view["types"], view["shapes"], strict=True)
    return tuple([Spec(dtype, dims) for dtype, dims in pairs])


SCAN = _define_calling("ScanDataset", _scan)
GROUP = _define_calling("GroupByWindowDataset", streams.grouped)
REDUCE = Definition(
    "ReduceDataset",
    _result_specs,
    nested=_calling(lambda view: _reduce),
    references=handles_of,
    aliases=True,
    stateful=True,
    gradient=not_differentiable,
)
SINGLE = Definition(
    "DatasetToSingleElement",
    _result_specs,
    bind=lambda view: (
        streams.single if len(view["types"]) > 1 else lambda source: streams.single(source)[0]
    ),
    aliases=True,
    stateful=True,
    gradient=not_differentiable,
)


# Files.


def _names(array: Any) -> list[str]:
    return [bytes(name).decode() for name in np.ravel(array)]


def _bind_lines(view: View) -> Kernel:
    compression = view["compression_type"]
    return lambda names: Source(lambda watch: files.lines(_names(names), compression))


def _bind_records(view: View) -> Kernel:
    sizes, compression = view["sizes"], view["compression_type"]
    return lambda names: Source(
        lambda watch: files.records(_names(names), files.Layout(*sizes), compression)
    )


def _bind_tf_records(view: View) -> Kernel:
    compression = view["compression_type"]
    return lambda names: Source(lambda watch: files.tf_records(_names(names), compression))


def _matching(patterns: Any) -> Any:
    found = sorted({name for pattern in _names(patterns) for name in glob.glob(pattern)})
    if not found:
        raise ValueError(f"No files matched pattern: {', '.join(_names(patterns))}")
    return np.array([name.encode() for name in found], dtype=object)


TEXT_LINES = _define("TextLineDataset", bind=_bind_lines)
RECORDS = _define("FixedLengthRecordDatasetV2", bind=_bind_records)
TF_RECORDS = _define("TFRecordDatasetV2", bind=_bind_tf_records)
FILES = _define("MatchingFilesDataset", kernel=lambda p: sources.of_slices((_matching(p),)))
