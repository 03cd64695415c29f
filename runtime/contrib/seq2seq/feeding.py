"""What a decoder is fed: the sequences of a training set, or what it gave itself.

Source: the ``tf.contrib.seq2seq.Helper`` documentation.
"""

from collections.abc import Callable
from typing import Any

from runtime.graph import dtypes, nest
from runtime.graph.convert import TensorLike, convert_to_tensor
from runtime.graph.export import export
from runtime.graph.graph import get_default_graph
from runtime.graph.ops.array import concat, reshape, shape, size, transpose, where
from runtime.graph.ops.layout import tile
from runtime.graph.ops.math import cast, equal, greater_equal, less, maximum, minimum
from runtime.graph.ops.random import multinomial, random_uniform
from runtime.graph.ops.reduction import argmax
from runtime.graph.ops.sampling import embedding_lookup
from runtime.graph.ops.tensor_array import TensorArray
from runtime.graph.shapes import TensorShape
from runtime.graph.tensor import Tensor


@export("contrib.seq2seq.Helper")
class Helper:
    """Base of what feeds a decoder."""

    @property
    def batch_size(self) -> Any:
        """The number of examples."""
        raise NotImplementedError(f"{type(self).__name__} does not say its batch_size.")

    @property
    def sample_ids_shape(self) -> TensorShape:
        """The shape of a sample without the batch."""
        return TensorShape([])

    @property
    def sample_ids_dtype(self) -> Any:
        """The type of samples."""
        return dtypes.int32

    def initialize(self, name: str | None = None) -> Any:
        """What is fed first.

        Args:
            name: Without effect.

        Returns:
            Which examples are finished already, and the first inputs.
        """
        raise NotImplementedError(f"{type(self).__name__} does not say what comes first.")

    def sample(self, time: Any, outputs: Any, state: Any, name: str | None = None) -> Any:
        """The symbols that an output stands for.

        Args:
            time: The number of the step.
            outputs: The outputs of the step.
            state: The state after it.
            name: Without effect.

        Returns:
            The symbols.
        """
        raise NotImplementedError(f"{type(self).__name__} does not say what is sampled.")

    def next_inputs(
        self, time: Any, outputs: Any, state: Any, sample_ids: Any, name: str | None = None
    ) -> Any:
        """What is fed next.

        Args:
            time: The number of the step.
            outputs: The outputs of the step.
            state: The state after it.
            sample_ids: What was sampled.
            name: Without effect.

        Returns:
            Which examples are finished, the inputs, and the state.
        """
        raise NotImplementedError(f"{type(self).__name__} does not say what comes next.")


@export("contrib.seq2seq.CustomHelper")
class CustomHelper(Helper):
    """Feeds what a program's own functions say.

    Args:
        initialize_fn: Gives which examples are finished, and the first inputs.
        sample_fn: A function of ``time``, ``outputs`` and ``state`` that gives symbols.
        next_inputs_fn: A function of ``time``, ``outputs``, ``state`` and ``sample_ids`` that
            gives which examples are finished, the inputs, and the state.
        sample_ids_shape: The shape of a sample without the batch.
        sample_ids_dtype: The type of samples.
    """

    def __init__(
        self,
        initialize_fn: Callable[..., Any],
        sample_fn: Callable[..., Any],
        next_inputs_fn: Callable[..., Any],
        sample_ids_shape: Any = None,
        sample_ids_dtype: Any = None,
    ) -> None:
        self._initialize_fn, self._sample_fn = initialize_fn, sample_fn
        self._next_inputs_fn = next_inputs_fn
        self._shape = TensorShape(sample_ids_shape or [])
        self._dtype = sample_ids_dtype or dtypes.int32
        self._batch_size: Tensor | None = None

    @property
    def batch_size(self) -> Any:
        """The number of examples; known after `initialize`."""
        if self._batch_size is None:
            raise ValueError("batch_size accessed before initialize was called")
        return self._batch_size

    @property
    def sample_ids_shape(self) -> TensorShape:
        """The shape of a sample without the batch."""
        return self._shape

    @property
    def sample_ids_dtype(self) -> Any:
        """The type of samples."""
        return self._dtype

    def initialize(self, name: str | None = None) -> Any:
        """What is fed first.

        Args:
            name: Without effect.

        Returns:
            Which examples are finished already, and the first inputs.
        """
        finished, inputs = self._initialize_fn()
        if self._batch_size is None:
            self._batch_size = size(finished)
        return finished, inputs

    def sample(self, time: Any, outputs: Any, state: Any, name: str | None = None) -> Any:
        """The symbols that an output stands for.

        Args:
            time: The number of the step.
            outputs: The outputs of the step.
            state: The state after it.
            name: Without effect.

        Returns:
            The symbols.
        """
        return self._sample_fn(time=time, outputs=outputs, state=state)

    def next_inputs(
        self, time: Any, outputs: Any, state: Any, sample_ids: Any, name: str | None = None
    ) -> Any:
        """What is fed next.

        Args:
            time: The number of the step.
            outputs: The outputs of the step.
            state: The state after it.
            sample_ids: What was sampled.
            name: Without effect.

        Returns:
            Which examples are finished, the inputs, and the state.
        """
        return self._next_inputs_fn(time=time, outputs=outputs, state=state, sample_ids=sample_ids)


def turned(tensor: TensorLike) -> Tensor:
    """Batch and time exchanged.

    Args:
        tensor: ``[batch, time, …]``, or the other way round.

    Returns:
        The other way round.
    """
    value = convert_to_tensor(tensor)
    if value.dims is None or len(value.dims) < 2:
        raise ValueError(f"{value.name!r} needs batch and time, but has shape {value.shape}.")
    return transpose(value, [1, 0, *range(2, len(value.dims))])


@export("contrib.seq2seq.TrainingHelper")
class TrainingHelper(Helper):
    """Feeds the sequences that a training set has.

    Args:
        inputs: ``[batch, time, …]``, or a structure of such tensors.
        sequence_length: ``[batch]``: the length of each example.
        time_major: Whether time is the first axis.
        name: Name of the scope of the operations.

    Raises:
        ValueError: If `sequence_length` is no vector.
    """

    def __init__(
        self,
        inputs: Any,
        sequence_length: TensorLike,
        time_major: bool = False,
        name: str | None = None,
    ) -> None:
        with get_default_graph().name_scope(name or "TrainingHelper"):
            self._inputs = nest.map_structure(convert_to_tensor, inputs)
            ordered = self._inputs if time_major else nest.map_structure(turned, self._inputs)
            self._sequence_length = convert_to_tensor(sequence_length, dtypes.int32)
            if self._sequence_length.dims is not None and len(self._sequence_length.dims) != 1:
                raise ValueError(
                    "Expected sequence_length to be a vector, but received shape: "
                    f"{self._sequence_length.shape}."
                )
            self._steps = shape(nest.flatten(ordered)[0])[0]
            self._arrays = nest.map_structure(self._as_array, ordered)
            self._batch_size = size(self._sequence_length)

    def _as_array(self, values: Tensor) -> TensorArray:
        known = None if values.dims is None else values.dims[1:]
        return TensorArray(values.dtype, self._steps, element_shape=known).unstack(values)

    @property
    def inputs(self) -> Any:
        """What is fed."""
        return self._inputs

    @property
    def sequence_length(self) -> Tensor:
        """The length of each example."""
        return self._sequence_length

    @property
    def batch_size(self) -> Any:
        """The number of examples."""
        return self._batch_size

    def _read(self, time: Any) -> Any:
        return nest.map_structure(lambda array: array.read(time), self._arrays)

    def initialize(self, name: str | None = None) -> Any:
        """What is fed first.

        Args:
            name: Without effect.

        Returns:
            Which examples are finished already, and the first inputs.
        """
        return equal(self._sequence_length, 0), self._read(0)

    def sample(self, time: Any, outputs: Any, state: Any = None, name: str | None = None) -> Any:
        """The most likely symbols.

        Args:
            time: The number of the step.
            outputs: The outputs of the step.
            state: The state after it.
            name: Without effect.

        Returns:
            The symbols.
        """
        return cast(argmax(outputs, -1), dtypes.int32)

    def next_inputs(
        self, time: Any, outputs: Any, state: Any, sample_ids: Any = None, name: str | None = None
    ) -> Any:
        """What is fed next.

        Args:
            time: The number of the step.
            outputs: The outputs of the step.
            state: The state after it.
            sample_ids: What was sampled.
            name: Without effect.

        Returns:
            Which examples are finished, the inputs, and the state.
        """
        finished = greater_equal(time + 1, self._sequence_length)
        # After the last step nobody uses the inputs.
        return finished, self._read(minimum(time + 1, self._steps - 1)), state


def _lookup(embedding: Any) -> Callable[[Any], Any]:
    return embedding if callable(embedding) else lambda ids: embedding_lookup(embedding, ids)


def _drawn(probability: Tensor, batch: Any, seed: int | None) -> Tensor:
    """Which examples are chosen, each with the probability."""
    return less(random_uniform(reshape(batch, [1]), seed=seed), probability)


def _chosen(mask: Tensor, these: Any, others: Any) -> Any:
    return nest.map_structure(lambda a, b: where(mask, a, b), these, others)


@export("contrib.seq2seq.ScheduledEmbeddingTrainingHelper")
class ScheduledEmbeddingTrainingHelper(TrainingHelper):
    """Feeds sequences, and at random the vectors of symbols that were sampled.

    Source: Bengio et al., "Scheduled Sampling for Sequence Prediction" (2015).

    Args:
        inputs: ``[batch, time, …]``.
        sequence_length: ``[batch]``: the length of each example.
        embedding: The vectors of the symbols, or a function of symbols.
        sampling_probability: How likely a sampled symbol is fed.
        time_major: Whether time is the first axis.
        seed: The seed of the symbols.
        scheduling_seed: The seed of the choice.
        name: Name of the scope of the operations.
    """

    def __init__(
        self,
        inputs: Any,
        sequence_length: TensorLike,
        embedding: Any,
        sampling_probability: TensorLike,
        time_major: bool = False,
        seed: int | None = None,
        scheduling_seed: int | None = None,
        name: str | None = None,
    ) -> None:
        self._embedding_fn = _lookup(embedding)
        self._probability = convert_to_tensor(sampling_probability, dtypes.float32)
        self._seed, self._scheduling_seed = seed, scheduling_seed
        super().__init__(inputs, sequence_length, time_major, name)

    def sample(self, time: Any, outputs: Any, state: Any = None, name: str | None = None) -> Any:
        """Symbols of some examples, -1 for the others.

        Args:
            time: The number of the step.
            outputs: The outputs of the step.
            state: The state after it.
            name: Without effect.

        Returns:
            The symbols.
        """
        drawn = reshape(multinomial(outputs, 1, self._seed, output_dtype=dtypes.int32), [-1])
        chosen = _drawn(self._probability, self.batch_size, self._scheduling_seed)
        return where(chosen, drawn, drawn * 0 - 1)

    def next_inputs(
        self, time: Any, outputs: Any, state: Any, sample_ids: Any = None, name: str | None = None
    ) -> Any:
        """What is fed next.

        Args:
            time: The number of the step.
            outputs: The outputs of the step.
            state: The state after it.
            sample_ids: What was sampled.
            name: Without effect.

        Returns:
            Which examples are finished, the inputs, and the state.
        """
        finished, inputs, state = super().next_inputs(time, outputs, state)
        sampled = self._embedding_fn(maximum(sample_ids, 0))
        return finished, _chosen(greater_equal(sample_ids, 0), sampled, inputs), state


@export("contrib.seq2seq.ScheduledOutputTrainingHelper")
class ScheduledOutputTrainingHelper(TrainingHelper):
    """Feeds sequences, and at random the outputs of the step before.

    Args:
        inputs: ``[batch, time, size]``.
        sequence_length: ``[batch]``: the length of each example.
        sampling_probability: How likely an output is fed.
        time_major: Whether time is the first axis.
        seed: The seed of the choice.
        next_inputs_fn: Makes an input of an output; they are the same if None.
        auxiliary_inputs: ``[batch, time, size]``: what stands beside inputs and outputs alike.
        name: Name of the scope of the operations.
    """

    def __init__(
        self,
        inputs: Any,
        sequence_length: TensorLike,
        sampling_probability: TensorLike,
        time_major: bool = False,
        seed: int | None = None,
        next_inputs_fn: Callable[[Any], Any] | None = None,
        auxiliary_inputs: Any = None,
        name: str | None = None,
    ) -> None:
        self._probability = convert_to_tensor(sampling_probability, dtypes.float32)
        self._seed, self._next_inputs_fn = seed, next_inputs_fn
        whole = inputs
        if auxiliary_inputs is not None:
            whole = concat([convert_to_tensor(inputs), convert_to_tensor(auxiliary_inputs)], -1)
        super().__init__(whole, sequence_length, time_major, name)
        self._beside: TensorArray | None = None
        if auxiliary_inputs is not None:
            beside = convert_to_tensor(auxiliary_inputs)
            self._beside = self._as_array(beside if time_major else turned(beside))

    def sample(self, time: Any, outputs: Any, state: Any = None, name: str | None = None) -> Any:
        """1 for examples whose output is fed, else 0.

        Args:
            time: The number of the step.
            outputs: The outputs of the step.
            state: The state after it.
            name: Without effect.

        Returns:
            A vector of integers.
        """
        return cast(_drawn(self._probability, self.batch_size, self._seed), dtypes.int32)

    def next_inputs(
        self, time: Any, outputs: Any, state: Any, sample_ids: Any = None, name: str | None = None
    ) -> Any:
        """What is fed next.

        Args:
            time: The number of the step.
            outputs: The outputs of the step.
            state: The state after it.
            sample_ids: What was sampled.
            name: Without effect.

        Returns:
            Which examples are finished, the inputs, and the state.
        """
        finished, inputs, state = super().next_inputs(time, outputs, state)
        own = outputs if self._next_inputs_fn is None else self._next_inputs_fn(outputs)
        if self._beside is not None:
            own = concat([own, self._beside.read(minimum(time + 1, self._steps - 1))], -1)
        return finished, _chosen(equal(sample_ids, 1), own, inputs), state


@export("contrib.seq2seq.GreedyEmbeddingHelper")
class GreedyEmbeddingHelper(Helper):
    """Feeds the vector of the symbol that was most likely.

    Args:
        embedding: The vectors of the symbols, or a function of symbols.
        start_tokens: ``[batch]``: the first symbols.
        end_token: The symbol after which an example is finished.

    Raises:
        ValueError: If these are not of such shapes.
    """

    def __init__(self, embedding: Any, start_tokens: TensorLike, end_token: TensorLike) -> None:
        self._embedding_fn = _lookup(embedding)
        self._start_tokens = convert_to_tensor(start_tokens, dtypes.int32, name="start_tokens")
        self._end_token = convert_to_tensor(end_token, dtypes.int32, name="end_token")
        if self._start_tokens.dims is not None and len(self._start_tokens.dims) != 1:
            raise ValueError("start_tokens must be a vector")
        if self._end_token.dims not in (None, ()):
            raise ValueError("end_token must be a scalar")
        self._batch_size = size(self._start_tokens)
        self._start_inputs = self._embedding_fn(self._start_tokens)

    @property
    def batch_size(self) -> Any:
        """The number of examples."""
        return self._batch_size

    def initialize(self, name: str | None = None) -> Any:
        """What is fed first.

        Args:
            name: Without effect.

        Returns:
            Which examples are finished already (none), and the first inputs.
        """
        return tile(convert_to_tensor([False]), reshape(self._batch_size, [1])), self._start_inputs

    def sample(self, time: Any, outputs: Any, state: Any, name: str | None = None) -> Any:
        """The most likely symbols.

        Args:
            time: The number of the step.
            outputs: The outputs of the step.
            state: The state after it.
            name: Without effect.

        Returns:
            The symbols.
        """
        if not isinstance(outputs, Tensor):
            raise TypeError(f"Expected outputs to be a single Tensor, got: {type(outputs)}")
        return argmax(outputs, -1, output_type=dtypes.int32)

    def next_inputs(
        self, time: Any, outputs: Any, state: Any, sample_ids: Any, name: str | None = None
    ) -> Any:
        """What is fed next.

        Args:
            time: The number of the step.
            outputs: The outputs of the step.
            state: The state after it.
            sample_ids: What was sampled.
            name: Without effect.

        Returns:
            Which examples are finished, the inputs, and the state.
        """
        return equal(sample_ids, self._end_token), self._embedding_fn(sample_ids), state


@export("contrib.seq2seq.SampleEmbeddingHelper")
class SampleEmbeddingHelper(GreedyEmbeddingHelper):
    """Feeds the vector of a symbol that is drawn by its probability.

    Args:
        embedding: The vectors of the symbols, or a function of symbols.
        start_tokens: ``[batch]``: the first symbols.
        end_token: The symbol after which an example is finished.
        softmax_temperature: What logits are divided by; 1 if None.
        seed: The seed of the symbols.
    """

    def __init__(
        self,
        embedding: Any,
        start_tokens: TensorLike,
        end_token: TensorLike,
        softmax_temperature: Any = None,
        seed: int | None = None,
    ) -> None:
        super().__init__(embedding, start_tokens, end_token)
        self._temperature, self._seed = softmax_temperature, seed

    def sample(self, time: Any, outputs: Any, state: Any, name: str | None = None) -> Any:
        """Symbols that are drawn.

        Args:
            time: The number of the step.
            outputs: The outputs of the step.
            state: The state after it.
            name: Without effect.

        Returns:
            The symbols.
        """
        logits = outputs if self._temperature is None else outputs / self._temperature
        return reshape(multinomial(logits, 1, self._seed, output_dtype=dtypes.int32), [-1])
