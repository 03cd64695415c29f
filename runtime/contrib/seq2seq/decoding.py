"""Decoders, and the loop that runs them.

Source: the documentation of ``tf.contrib.seq2seq.dynamic_decode`` and its neighbours.
"""

from typing import Any, NamedTuple

from runtime.contrib.seq2seq.feeding import Helper, turned
from runtime.graph import dtypes, nest
from runtime.graph.convert import TensorLike, convert_to_tensor
from runtime.graph.export import export
from runtime.graph.ops.array import concat, shape, stack, where, zeros, zeros_like
from runtime.graph.ops.loops import while_loop
from runtime.graph.ops.math import cast, logical_not, logical_or
from runtime.graph.ops.reduction import reduce_all
from runtime.graph.ops.tensor_array import TensorArray
from runtime.graph.rnn_cells import sizes_of
from runtime.graph.scopes import variable_scope
from runtime.graph.shapes import TensorShape
from runtime.graph.tensor import Tensor
from runtime.graph.values import get_static_value


@export("contrib.seq2seq.Decoder")
class Decoder:
    """Base of the decoders: what `dynamic_decode` runs.

    Subclasses have `batch_size`, `output_size` and `output_dtype`.
    """

    @property
    def batch_size(self) -> Any:
        """The number of examples."""
        raise NotImplementedError(f"{type(self).__name__} does not say its batch_size.")

    @property
    def output_size(self) -> Any:
        """The sizes of what a step gives, without the batch."""
        raise NotImplementedError(f"{type(self).__name__} does not say its output_size.")

    @property
    def output_dtype(self) -> Any:
        """The types of what a step gives."""
        raise NotImplementedError(f"{type(self).__name__} does not say its output_dtype.")

    def initialize(self, name: str | None = None) -> Any:
        """What comes before the first step.

        Args:
            name: Without effect.

        Returns:
            Which examples are finished already, the first inputs, and the state.
        """
        raise NotImplementedError(f"{type(self).__name__} does not say how it begins.")

    def step(self, time: Any, inputs: Any, state: Any, name: str | None = None) -> Any:
        """One step.

        Args:
            time: Its number.
            inputs: What it is fed.
            state: The state before.
            name: Without effect.

        Returns:
            The outputs, the state, the next inputs, and which examples are finished.
        """
        raise NotImplementedError(f"{type(self).__name__} does not say what a step is.")

    def finalize(self, outputs: Any, final_state: Any, sequence_lengths: Any) -> Any:
        """What is made of all outputs at the end. Subclasses may define it.

        Args:
            outputs: The outputs, with time as the first axis.
            final_state: The last state.
            sequence_lengths: How many steps each example took.

        Returns:
            The outputs and the state.
        """
        raise NotImplementedError

    @property
    def tracks_own_finished(self) -> bool:
        """Whether `step` says of all examples which are finished, not only since the last step."""
        return False


@export("contrib.seq2seq.BasicDecoderOutput")
class BasicDecoderOutput(NamedTuple):
    """What a step of a `BasicDecoder` gives.

    Attributes:
        rnn_output: The output of the cell, or of the layer above it.
        sample_id: The symbols that it stands for.
    """

    rnn_output: Any
    sample_id: Any


def layer_size(layer: Any, inner: Any) -> Any:
    """The size of what a cell gives, after a layer.

    Args:
        layer: The layer, or None.
        inner: The size of the cell's output.

    Returns:
        A shape without the batch.
    """
    if layer is None:
        return inner
    return TensorShape([int(layer.units)])


@export("contrib.seq2seq.BasicDecoder")
class BasicDecoder(Decoder):
    """Runs a cell on what a helper feeds.

    Args:
        cell: The cell.
        helper: The helper.
        initial_state: The state before.
        output_layer: A layer that is applied to each output, such as `tf.layers.Dense`; or None.

    Raises:
        TypeError: If the cell or the helper is none.
    """

    def __init__(
        self, cell: Any, helper: Helper, initial_state: Any, output_layer: Any = None
    ) -> None:
        if not (hasattr(cell, "state_size") and callable(cell)):
            raise TypeError(f"The argument 'cell' ({cell!r}) is not an RNNCell.")
        if not isinstance(helper, Helper):
            raise TypeError(f"helper must be a Helper, received: {type(helper)}")
        self._cell, self._helper = cell, helper
        self._initial_state, self._output_layer = initial_state, output_layer

    @property
    def batch_size(self) -> Any:
        """The number of examples."""
        return self._helper.batch_size

    @property
    def output_size(self) -> Any:
        """The sizes of what a step gives, without the batch."""
        size = layer_size(self._output_layer, self._cell.output_size)
        return BasicDecoderOutput(size, self._helper.sample_ids_shape)

    @property
    def output_dtype(self) -> Any:
        """The types of what a step gives."""
        dtype = nest.flatten(self._initial_state)[0].dtype
        kinds = nest.map_structure(lambda _: dtype, self.output_size.rnn_output)
        return BasicDecoderOutput(kinds, self._helper.sample_ids_dtype)

    def initialize(self, name: str | None = None) -> Any:
        """What comes before the first step.

        Args:
            name: Without effect.

        Returns:
            Which examples are finished already, the first inputs, and the state.
        """
        return (*self._helper.initialize(), self._initial_state)

    def step(self, time: Any, inputs: Any, state: Any, name: str | None = None) -> Any:
        """One step.

        Args:
            time: Its number.
            inputs: What it is fed.
            state: The state before.
            name: Without effect.

        Returns:
            The outputs, the state, the next inputs, and which examples are finished.
        """
        outputs, after = self._cell(inputs, state)
        if self._output_layer is not None:
            outputs = self._output_layer(outputs)
        ids = self._helper.sample(time=time, outputs=outputs, state=after)
        finished, following, after = self._helper.next_inputs(
            time=time, outputs=outputs, state=after, sample_ids=ids
        )
        return BasicDecoderOutput(outputs, ids), after, following, finished


def _array(size: Any, dtype: Any, batch: Any) -> TensorArray:
    known = get_static_value(convert_to_tensor(batch))
    count = None if known is None else int(known)
    return TensorArray(dtype, 0, dynamic_size=True, element_shape=[count, *sizes_of(size)])


def _zeros(size: Any, dtype: Any, batch: Any) -> Tensor:
    sizes = convert_to_tensor([int(number or 0) for number in sizes_of(size)], dtypes.int32)
    count = stack([cast(convert_to_tensor(batch), dtypes.int32)])
    return zeros(concat([count, sizes], 0) if sizes.dims != (0,) else count, dtype)


def _kept(finished: Tensor, new: Any, old: Any) -> Any:
    """A part of the state: that of finished examples stays."""
    if isinstance(new, TensorArray):
        return new
    if old.dims == ():
        return new
    return where(finished, old, new)


def _alike(new: Any, old: Any) -> Any:
    if isinstance(new, Tensor) and isinstance(old, Tensor):
        new.set_shape(old.dims)
    return new


@export("contrib.seq2seq.dynamic_decode")
def dynamic_decode(
    decoder: Decoder,
    output_time_major: bool = False,
    impute_finished: bool = False,
    maximum_iterations: TensorLike = None,
    parallel_iterations: int = 32,
    swap_memory: bool = False,
    scope: Any = None,
    **kwargs: Any,
) -> tuple[Any, Any, Any]:
    """Runs a decoder until all examples are finished.

    Args:
        decoder: The decoder.
        output_time_major: Whether time is the first axis of the outputs.
        impute_finished: Whether outputs of finished examples are zero and their states stay.
        maximum_iterations: The greatest number of steps; None for no limit.
        parallel_iterations: Without effect.
        swap_memory: Without effect.
        scope: The variable scope; ``"decoder"`` if None.
        **kwargs: Without effect.

    Returns:
        The outputs, the last state, and how many steps each example took.

    Raises:
        TypeError: If there is no decoder.
        ValueError: If `maximum_iterations` is no scalar.
    """
    if not isinstance(decoder, Decoder):
        raise TypeError(f"Expected decoder to be type Decoder, but saw: {type(decoder)}")
    with variable_scope(scope, "decoder"):
        limit = None
        if maximum_iterations is not None:
            limit = cast(convert_to_tensor(maximum_iterations), dtypes.int32)
            if limit.dims not in (None, ()):
                raise ValueError("maximum_iterations must be a scalar")
        finished, inputs, state = decoder.initialize()
        if limit is not None:
            finished = logical_or(finished, limit <= 0)
        sizes, kinds, batch = decoder.output_size, decoder.output_dtype, decoder.batch_size
        arrays = nest.map_structure(lambda s, d: _array(s, d, batch), sizes, kinds)

        def body(
            time: Tensor, arrays: Any, state: Any, inputs: Any, finished: Tensor, lengths: Tensor
        ) -> Any:
            outputs, after, following, over = decoder.step(time, inputs, state)
            if not decoder.tracks_own_finished:
                over = logical_or(over, finished)
            if impute_finished:
                outputs = nest.map_structure(
                    lambda new, size, kind: where(finished, _zeros(size, kind, batch), new),
                    outputs,
                    sizes,
                    kinds,
                )
                after = nest.map_structure(lambda n, o: _kept(finished, n, o), after, state)
            after = nest.map_structure(_alike, after, state)
            arrays = nest.map_structure(lambda a, new: a.write(time, new), arrays, outputs)
            steps = where(finished, lengths, zeros_like(lengths) + time + 1)
            return time + 1, arrays, after, following, over, steps

        def unfinished(time: Tensor, *rest: Any) -> Tensor:
            return logical_not(reduce_all(rest[3]))

        start = convert_to_tensor(0, dtypes.int32)
        lengths = zeros(shape(finished), dtypes.int32)
        lengths.set_shape(finished.dims)
        _, arrays, last, _, _, steps = while_loop(
            unfinished,
            body,
            (start, arrays, state, inputs, finished, lengths),
            maximum_iterations=limit,
        )
        outputs = nest.map_structure(lambda array: array.stack(), arrays)
        if type(decoder).finalize is not Decoder.finalize:
            outputs, last = decoder.finalize(outputs, last, steps)
        if not output_time_major:
            outputs = nest.map_structure(turned, outputs)
    return outputs, last, steps
