"""Beam search: the most likely sequences among several that are kept at each step.

Source: the ``tf.contrib.seq2seq.BeamSearchDecoder`` documentation; Wu et al., "Google's Neural
Machine Translation System" (2016) for the penalty of lengths.
"""

from typing import Any, NamedTuple

import numpy as np

from runtime.contrib.seq2seq.decoding import Decoder
from runtime.contrib.seq2seq.feeding import _lookup
from runtime.contrib.seq2seq.sequences import gather_tree
from runtime.graph import dtypes, nest
from runtime.graph.convert import TensorLike, convert_to_tensor
from runtime.graph.export import export
from runtime.graph.ops.array import (
    concat,
    expand_dims,
    gather,
    one_hot,
    ones_like,
    range_,
    reshape,
    shape,
    size,
    where,
    zeros,
)
from runtime.graph.ops.layout import tile, where_v2
from runtime.graph.ops.math import cast, equal, floormod, logical_not, logical_or
from runtime.graph.ops.nn import log_softmax, top_k
from runtime.graph.ops.reduction import reduce_max
from runtime.graph.ops.tensor_array import TensorArray
from runtime.graph.shapes import TensorShape
from runtime.graph.tensor import Tensor


@export("contrib.seq2seq.BeamSearchDecoderState")
class BeamSearchDecoderState(NamedTuple):
    """The state of a beam search.

    Attributes:
        cell_state: The state of the cell, for each beam.
        log_probs: The log-probabilities of the beams.
        finished: Which are at their end.
        lengths: Their lengths.
        accumulated_attention_probs: Empty.
    """

    cell_state: Any
    log_probs: Any
    finished: Any
    lengths: Any
    accumulated_attention_probs: Any


@export("contrib.seq2seq.BeamSearchDecoderOutput")
class BeamSearchDecoderOutput(NamedTuple):
    """What a step of a beam search gives.

    Attributes:
        scores: The scores of the beams.
        predicted_ids: Their last symbols.
        parent_ids: From which beam of the step before each comes.
    """

    scores: Any
    predicted_ids: Any
    parent_ids: Any


@export("contrib.seq2seq.FinalBeamSearchDecoderOutput")
class FinalBeamSearchDecoderOutput(NamedTuple):
    """What a beam search gives.

    Attributes:
        predicted_ids: The sequences, the best first: ``[batch, time, beams]``.
        beam_search_decoder_output: What the steps gave.
    """

    predicted_ids: Any
    beam_search_decoder_output: Any


@export("contrib.seq2seq.BeamSearchDecoder")
class BeamSearchDecoder(Decoder):
    """Keeps the best sequences at each step.

    Args:
        cell: The cell.
        embedding: The vectors of the symbols, or a function of symbols.
        start_tokens: ``[batch]``: the first symbols.
        end_token: The symbol that ends a sequence.
        initial_state: The cell's state before, tiled by `tile_batch`.
        beam_width: How many sequences are kept.
        output_layer: A layer that is applied to each output; or None.
        length_penalty_weight: How much long sequences are made up for; 0 for not at all.
        coverage_penalty_weight: Must be 0.
        reorder_tensor_arrays: Must be False if the state holds the history of an attention, which
            then stays in the order of the steps.

    Raises:
        NotImplementedError: If an argument is given that must not be.
        TypeError: If there is no cell.
        ValueError: If tokens are not of the right shapes.
    """

    def __init__(
        self,
        cell: Any,
        embedding: Any,
        start_tokens: TensorLike,
        end_token: TensorLike,
        initial_state: Any,
        beam_width: int,
        output_layer: Any = None,
        length_penalty_weight: float = 0.0,
        coverage_penalty_weight: float = 0.0,
        reorder_tensor_arrays: bool = True,
    ) -> None:
        if not (hasattr(cell, "state_size") and callable(cell)):
            raise TypeError(f"The argument 'cell' ({cell!r}) is not an RNNCell.")
        arrays = [s for s in nest.flatten(initial_state) if isinstance(s, TensorArray)]
        if coverage_penalty_weight or (arrays and reorder_tensor_arrays):
            raise NotImplementedError(
                "BeamSearchDecoder does not support coverage_penalty_weight, and an alignment "
                "history only with reorder_tensor_arrays=False."
            )
        self._cell, self._output_layer = cell, output_layer
        self._embedding_fn, self._width = _lookup(embedding), beam_width
        self._penalty = length_penalty_weight
        tokens = convert_to_tensor(start_tokens, dtypes.int32, name="start_tokens")
        self._end_token = convert_to_tensor(end_token, dtypes.int32, name="end_token")
        if tokens.dims is not None and len(tokens.dims) != 1:
            raise ValueError("start_tokens must be a vector")
        if self._end_token.dims not in (None, ()):
            raise ValueError("end_token must be a scalar")
        self._batch = size(tokens)
        self._known = None if tokens.dims is None else tokens.dims[0]
        self._initial_state = nest.map_structure(self._split, initial_state)
        self._start_inputs = self._embedding_fn(tile(expand_dims(tokens, 1), [1, beam_width]))

    # The axes of examples and beams, as one or as two.

    def _split(self, value: Any) -> Any:
        if isinstance(value, TensorArray) or value.dims == ():
            return value
        made = reshape(value, concat([[self._batch, self._width], shape(value)[1:]], 0))
        made.set_shape([self._known, self._width, *(value.dims or (None,))[1:]])
        return made

    def _merge(self, value: Any) -> Any:
        if isinstance(value, TensorArray) or value.dims == ():
            return value
        made = reshape(value, concat([[self._batch * self._width], shape(value)[2:]], 0))
        count = None if self._known is None else self._known * self._width
        made.set_shape([count, *(value.dims or (None, None))[2:]])
        return made

    def _picked(self, value: Any, beams: Tensor, per_beam: Any = 1) -> Any:
        """What belongs to other beams of the same examples."""
        if isinstance(value, TensorArray) or value.dims == ():
            return value
        flat = reshape(value, concat([[-1], shape(value)[2:]], 0))
        begin = expand_dims(range_(self._batch) * (self._width * per_beam), 1)
        made = gather(flat, beams + begin)
        made.set_shape(None if value.dims is None else [self._known, self._width, *value.dims[2:]])
        return made

    @property
    def batch_size(self) -> Any:
        """The number of examples."""
        return self._batch

    @property
    def tracks_own_finished(self) -> bool:
        """Whether `step` says of all beams which are finished: yes, for they change places."""
        return True

    @property
    def output_size(self) -> Any:
        """The sizes of what a step gives, without the batch."""
        return BeamSearchDecoderOutput(*[TensorShape([self._width])] * 3)

    @property
    def output_dtype(self) -> Any:
        """The types of what a step gives."""
        return BeamSearchDecoderOutput(self._dtype, dtypes.int32, dtypes.int32)

    @property
    def _dtype(self) -> Any:
        return nest.flatten(self._initial_state)[0].dtype

    def initialize(self, name: str | None = None) -> Any:
        """What comes before the first step: one beam that counts.

        Args:
            name: Without effect.

        Returns:
            Which beams are finished already, the first inputs, and the state.
        """
        first = one_hot(zeros([self._batch], dtypes.int32), self._width, dtype=self._dtype)
        first.set_shape([self._known, self._width])
        unlikely = where(first > 0, first * 0, _least(first))
        finished = logical_not(first > 0)
        state = BeamSearchDecoderState(
            cell_state=self._initial_state,
            log_probs=unlikely,
            finished=finished,
            lengths=cast(first * 0, dtypes.int64),
            accumulated_attention_probs=(),
        )
        return finished, self._start_inputs, state

    def step(self, time: Any, inputs: Any, state: Any, name: str | None = None) -> Any:
        """One step.

        Args:
            time: Its number.
            inputs: The vectors of the beams' last symbols.
            state: The state before.
            name: Without effect.

        Returns:
            The outputs, the state, the next inputs, and which beams are finished.
        """
        merged = nest.map_structure(self._merge, state.cell_state)
        outputs, after = self._cell(nest.map_structure(self._merge, inputs), merged)
        after = nest.map_structure(self._split, after)
        if self._output_layer is not None:
            outputs = self._output_layer(outputs)
        found, following = self._best(self._split(outputs), after, state)
        return found, following, self._embedding_fn(found.predicted_ids), following.finished

    def _best(self, logits: Tensor, cell_state: Any, state: Any) -> Any:
        symbols = (logits.dims or (None,))[-1] or shape(logits)[-1]
        total = expand_dims(state.log_probs, 2) + self._log_probs(logits, state.finished, symbols)
        scores = total / self._length_penalty(state, symbols)
        flat = reshape(scores, [self._batch, self._width * symbols])
        best, places = top_k(flat, self._width)
        ids, parents = floormod(places, symbols), places // symbols
        probabilities = self._picked(
            expand_dims(reshape(total, [self._batch, -1]), 2), places, symbols
        )
        over = self._picked(state.finished, parents)
        lengths = self._picked(state.lengths, parents) + cast(logical_not(over), dtypes.int64)
        for tensor in (best, ids, parents):
            tensor.set_shape([self._known, self._width])
        following = BeamSearchDecoderState(
            cell_state=nest.map_structure(lambda s: self._picked(s, parents), cell_state),
            log_probs=_shaped(probabilities, state.log_probs),
            finished=logical_or(over, equal(ids, self._end_token)),
            lengths=lengths,
            accumulated_attention_probs=(),
        )
        return BeamSearchDecoderOutput(best, ids, parents), following

    def _log_probs(self, logits: Tensor, finished: Tensor, symbols: Any) -> Tensor:
        """A finished beam goes on with the end only."""
        end = one_hot(self._end_token, symbols, dtype=logits.dtype)
        only = (1 - end) * convert_to_tensor(logits.dtype.min, logits.dtype)
        return where_v2(expand_dims(finished, 2), only, log_softmax(logits))

    def _length_penalty(self, state: Any, symbols: Any) -> Any:
        if not self._penalty:
            return 1.0
        longer = 1 - one_hot(self._end_token, symbols, dtype=dtypes.float32)
        running = cast(logical_not(state.finished), dtypes.float32)
        lengths = cast(expand_dims(state.lengths, 2), dtypes.float32)
        lengths = lengths + expand_dims(running, 2) * longer
        return cast(((5.0 + lengths) / 6.0) ** self._penalty, self._dtype)

    def finalize(self, outputs: Any, final_state: Any, sequence_lengths: Any) -> Any:
        """The sequences from their beginnings.

        Args:
            outputs: What the steps gave.
            final_state: The last state.
            sequence_lengths: Without effect.

        Returns:
            The sequences, and the state.
        """
        longest = cast(reduce_max(final_state.lengths, 1), dtypes.int32)
        found = gather_tree(outputs.predicted_ids, outputs.parent_ids, longest, self._end_token)
        return FinalBeamSearchDecoderOutput(found, outputs), final_state


def _least(like: Tensor) -> Tensor:
    return ones_like(like) * convert_to_tensor(-np.inf, like.dtype)


def _shaped(tensor: Tensor, like: Tensor) -> Tensor:
    made = reshape(tensor, shape(like))
    made.set_shape(like.dims)
    return made
