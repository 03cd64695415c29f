"""Decoders and whole models over lists of inputs.

Source: the ``tf.contrib.legacy_seq2seq`` documentation.
"""

import copy
from collections.abc import Callable, Sequence
from typing import Any

from runtime.contrib.rnn.cells import EmbeddingWrapper, OutputProjectionWrapper, linear
from runtime.graph import dtypes, nest
from runtime.graph.convert import TensorLike, convert_to_tensor
from runtime.graph.export import export
from runtime.graph.layer import last_size
from runtime.graph.ops.array import (
    concat,
    expand_dims,
    reshape,
    shape,
    stack,
    stop_gradient,
    zeros,
)
from runtime.graph.ops.cond import cond
from runtime.graph.ops.math import matmul, tanh
from runtime.graph.ops.nn import bias_add, softmax
from runtime.graph.ops.reduction import argmax, reduce_sum
from runtime.graph.ops.sampling import embedding_lookup
from runtime.graph.rnn import static_rnn
from runtime.graph.scopes import get_variable, get_variable_scope, variable_scope
from runtime.graph.tensor import Tensor

Inputs = Sequence[TensorLike]
Loop = Callable[[Tensor, int], Tensor]


def _loop_function(embedding: Any, projection: Any, update: bool) -> Loop:
    """Gives the vector of the symbol that was most likely in the step before."""

    def loop(before: Tensor, _: int) -> Tensor:
        if projection is not None:
            before = bias_add(matmul(before, projection[0]), projection[1])
        found = embedding_lookup(embedding, argmax(before, 1))
        return found if update else stop_gradient(found)

    return loop


def _check_projection(projection: Any, symbols: int, dtype: Any) -> None:
    if projection is None:
        return
    for given, sizes in zip(projection, ([None, symbols], [symbols]), strict=True):
        convert_to_tensor(given, dtype).shape.assert_is_compatible_with(sizes)


def _either(feed_previous: Any, decoder: Callable[[bool], tuple[list[Any], Any]]) -> Any:
    """A decoder that is fed its own symbols or not, as a run says; with the same variables."""

    def branch(fed: bool) -> list[Any]:
        with variable_scope(get_variable_scope(), reuse=None if fed else True):
            outputs, state = decoder(fed)
            template.append((len(outputs), state))
            return [*outputs, *nest.flatten(state)]

    template: list[tuple[int, Any]] = []
    found = cond(feed_previous, lambda: branch(True), lambda: branch(False))
    count, state = template[0]
    return found[:count], nest.pack_sequence_as(state, found[count:])


@export("contrib.legacy_seq2seq.rnn_decoder")
def rnn_decoder(
    decoder_inputs: Any,
    initial_state: Any,
    cell: Any,
    loop_function: Loop | None = None,
    scope: Any = None,
) -> tuple[list[Tensor], Any]:
    """Runs a cell over a list of inputs.

    Args:
        decoder_inputs: A list of ``[batch, size]``, one for each step.
        initial_state: The state before.
        cell: The cell.
        loop_function: Gives the input of each step but the first, from the output before and the
            step's number; if None the inputs are those that were given.
        scope: The variable scope; ``"rnn_decoder"`` if None.

    Returns:
        A list of outputs, and the last state.
    """
    with variable_scope(scope or "rnn_decoder"):
        state = initial_state
        outputs: list[Tensor] = []
        for number, given in enumerate(decoder_inputs):
            step = _fed(given, outputs, loop_function, number)
            if number > 0:
                get_variable_scope().reuse_variables()
            output, state = cell(step, state)
            outputs.append(output)
    return outputs, state


def _fed(given: Any, outputs: list[Any], loop_function: Loop | None, number: int) -> Any:
    """The input of a step."""
    if loop_function is None or not outputs:
        return given
    with variable_scope("loop_function", reuse=True):
        return loop_function(outputs[-1], number)


@export("contrib.legacy_seq2seq.basic_rnn_seq2seq")
def basic_rnn_seq2seq(
    encoder_inputs: Inputs,
    decoder_inputs: Inputs,
    cell: Any,
    dtype: Any = dtypes.float32,
    scope: Any = None,
) -> tuple[list[Tensor], Any]:
    """An encoder whose last state is the decoder's first one; each has its own variables.

    Args:
        encoder_inputs: A list of ``[batch, size]``, one for each step.
        decoder_inputs: The same for the decoder.
        cell: The cell, of which the encoder takes a copy.
        dtype: The element type of the state.
        scope: The variable scope; ``"basic_rnn_seq2seq"`` if None.

    Returns:
        The decoder's outputs, and its last state.
    """
    with variable_scope(scope or "basic_rnn_seq2seq"):
        _, state = static_rnn(copy.deepcopy(cell), encoder_inputs, dtype=dtype)
        return rnn_decoder(decoder_inputs, state, cell)


@export("contrib.legacy_seq2seq.tied_rnn_seq2seq")
def tied_rnn_seq2seq(
    encoder_inputs: Inputs,
    decoder_inputs: Inputs,
    cell: Any,
    loop_function: Loop | None = None,
    dtype: Any = dtypes.float32,
    scope: Any = None,
) -> tuple[list[Tensor], Any]:
    """An encoder whose last state is the decoder's first one; both have the same variables.

    Args:
        encoder_inputs: A list of ``[batch, size]``, one for each step.
        decoder_inputs: The same for the decoder.
        cell: The cell.
        loop_function: As for `rnn_decoder`.
        dtype: The element type of the state.
        scope: The variable scope; ``"tied_rnn_seq2seq"`` if None.

    Returns:
        The decoder's outputs, and its last state.
    """
    with variable_scope("combined_tied_rnn_seq2seq"):
        inner = scope or "tied_rnn_seq2seq"
        _, state = static_rnn(cell, encoder_inputs, dtype=dtype, scope=inner)
        get_variable_scope().reuse_variables()
        return rnn_decoder(decoder_inputs, state, cell, loop_function, inner)


@export("contrib.legacy_seq2seq.embedding_rnn_decoder")
def embedding_rnn_decoder(
    decoder_inputs: Inputs,
    initial_state: Any,
    cell: Any,
    num_symbols: int,
    embedding_size: int,
    output_projection: Any = None,
    feed_previous: bool = False,
    update_embedding_for_previous: bool = True,
    scope: Any = None,
) -> tuple[list[Tensor], Any]:
    """Runs a cell over a list of symbols.

    Args:
        decoder_inputs: A list of ``[batch]``: the symbols' numbers.
        initial_state: The state before.
        cell: The cell.
        num_symbols: The number of symbols.
        embedding_size: The size of their vectors.
        output_projection: Weights ``[size, symbols]`` and biases ``[symbols]`` that make an output
            into logits; None if it is that already.
        feed_previous: Whether each input but the first is the symbol that was most likely.
        update_embedding_for_previous: Whether gradients flow into the vectors of such symbols.
        scope: The variable scope; ``"embedding_rnn_decoder"`` if None.

    Returns:
        A list of outputs, and the last state.
    """
    with variable_scope(scope or "embedding_rnn_decoder") as opened:
        _check_projection(output_projection, num_symbols, opened.dtype)
        embedding = get_variable("embedding", [num_symbols, embedding_size])
        update = update_embedding_for_previous
        loop = _loop_function(embedding, output_projection, update) if feed_previous else None
        vectors = (embedding_lookup(embedding, symbols) for symbols in decoder_inputs)
        return rnn_decoder(vectors, initial_state, cell, loop)


@export("contrib.legacy_seq2seq.embedding_rnn_seq2seq")
def embedding_rnn_seq2seq(
    encoder_inputs: Inputs,
    decoder_inputs: Inputs,
    cell: Any,
    num_encoder_symbols: int,
    num_decoder_symbols: int,
    embedding_size: int,
    output_projection: Any = None,
    feed_previous: Any = False,
    dtype: Any = None,
    scope: Any = None,
) -> tuple[list[Tensor], Any]:
    """Symbols to symbols: an encoder whose last state is the decoder's first one.

    Args:
        encoder_inputs: A list of ``[batch]``: the symbols' numbers.
        decoder_inputs: The same for the decoder.
        cell: The cell, of which the encoder takes a copy.
        num_encoder_symbols: The number of the encoder's symbols.
        num_decoder_symbols: The number of the decoder's symbols.
        embedding_size: The size of their vectors.
        output_projection: As for `embedding_rnn_decoder`; if None, the cell's outputs are
            projected to logits.
        feed_previous: Whether each input of the decoder but the first is the symbol that was most
            likely: a bool or a tensor.
        dtype: The element type of the state.
        scope: The variable scope; ``"embedding_rnn_seq2seq"`` if None.

    Returns:
        The decoder's outputs, and its last state.
    """
    with variable_scope(scope or "embedding_rnn_seq2seq", dtype=dtype) as opened:
        encoder = EmbeddingWrapper(copy.deepcopy(cell), num_encoder_symbols, embedding_size)
        _, state = static_rnn(encoder, encoder_inputs, dtype=opened.dtype)
        if output_projection is None:
            cell = OutputProjectionWrapper(cell, num_decoder_symbols)

        def decoder(fed: bool, update: bool = False) -> tuple[list[Any], Any]:
            sizes = num_decoder_symbols, embedding_size
            return embedding_rnn_decoder(
                decoder_inputs, state, cell, *sizes, output_projection, fed, update
            )

        if isinstance(feed_previous, bool):
            return decoder(feed_previous, True)
        return _either(feed_previous, decoder)  # type: ignore[no-any-return]  # as decoder


@export("contrib.legacy_seq2seq.embedding_tied_rnn_seq2seq")
def embedding_tied_rnn_seq2seq(
    encoder_inputs: Inputs,
    decoder_inputs: Inputs,
    cell: Any,
    num_symbols: int,
    embedding_size: int,
    num_decoder_symbols: int | None = None,
    output_projection: Any = None,
    feed_previous: Any = False,
    dtype: Any = None,
    scope: Any = None,
) -> tuple[list[Tensor], Any]:
    """Symbols to symbols of the same kind, with the same variables in encoder and decoder.

    Args:
        encoder_inputs: A list of ``[batch]``: the symbols' numbers.
        decoder_inputs: The same for the decoder.
        cell: The cell.
        num_symbols: The number of symbols.
        embedding_size: The size of their vectors.
        num_decoder_symbols: The number of symbols that come out; all if None.
        output_projection: As for `embedding_rnn_seq2seq`.
        feed_previous: As for `embedding_rnn_seq2seq`.
        dtype: The element type of the state.
        scope: The variable scope; ``"embedding_tied_rnn_seq2seq"`` if None.

    Returns:
        The decoder's outputs, and its last state.
    """
    with variable_scope(scope or "embedding_tied_rnn_seq2seq", dtype=dtype) as opened:
        _check_projection(output_projection, num_symbols, opened.dtype)
        embedding = get_variable("embedding", [num_symbols, embedding_size])
        encoded, decoded = (
            [embedding_lookup(embedding, symbols) for symbols in inputs]
            for inputs in (encoder_inputs, decoder_inputs)
        )
        if output_projection is None:
            cell = OutputProjectionWrapper(cell, num_decoder_symbols or num_symbols)

        def decoder(fed: bool, update: bool = False) -> tuple[list[Any], Any]:
            loop = _loop_function(embedding, output_projection, update) if fed else None
            return tied_rnn_seq2seq(encoded, decoded, cell, loop, opened.dtype)

        if isinstance(feed_previous, bool):
            return decoder(feed_previous, True)
        return _either(feed_previous, decoder)  # type: ignore[no-any-return]  # as decoder


class _Attention:
    """Heads that look at the encoder's outputs.

    Args:
        states: ``[batch, length, size]``.
        heads: The number of heads.
    """

    def __init__(self, states: Tensor, heads: int) -> None:
        size = last_size(states.shape, -1, "attention_decoder")
        self._states, self._size, self._heads = states, size, heads
        flat = reshape(states, [-1, size])
        sizes = shape(states)
        self._features, self._vectors = [], []
        for head in range(heads):
            kernel = get_variable(f"AttnW_{head}", [1, 1, size, size])
            features = matmul(flat, reshape(kernel, [size, size]))
            self._features.append(reshape(features, sizes))
            self._vectors.append(get_variable(f"AttnV_{head}", [size]))

    def __call__(self, state: Any) -> list[Tensor]:
        """What the heads see from a state: ``[batch, size]`` each."""
        query = concat(nest.flatten(state), 1) if nest.is_nested(state) else state
        return [self._head(head, query) for head in range(self._heads)]

    def _head(self, head: int, query: Tensor) -> Tensor:
        with variable_scope(f"Attention_{head}"):
            asked = expand_dims(linear(query, self._size), 1)
            seen = reduce_sum(self._vectors[head] * tanh(self._features[head] + asked), 2)
            result = reduce_sum(expand_dims(softmax(seen), 2) * self._states, 1)
            result.set_shape([None, self._size])
            return result

    def zeros(self, batch: Any) -> list[Tensor]:
        """What is seen before the first step: nothing."""
        made = [zeros(stack([batch, self._size]), self._states.dtype) for _ in range(self._heads)]
        for one in made:
            one.set_shape([None, self._size])
        return made


@export("contrib.legacy_seq2seq.attention_decoder")
def attention_decoder(
    decoder_inputs: Inputs,
    initial_state: Any,
    attention_states: Tensor,
    cell: Any,
    output_size: int | None = None,
    num_heads: int = 1,
    loop_function: Loop | None = None,
    dtype: Any = None,
    scope: Any = None,
    initial_state_attention: bool = False,
) -> tuple[list[Tensor], Any]:
    """Runs a cell over a list of inputs while it attends to the encoder's outputs.

    Args:
        decoder_inputs: A list of ``[batch, size]``, one for each step.
        initial_state: The state before.
        attention_states: ``[batch, length, size]``: what is attended to.
        cell: The cell.
        output_size: The size of the outputs; that of the cell if None.
        num_heads: How many places are attended to at once.
        loop_function: As for `rnn_decoder`.
        dtype: The element type of the variables.
        scope: The variable scope; ``"attention_decoder"`` if None.
        initial_state_attention: Whether there is attention before the first step already.

    Returns:
        A list of outputs, and the last state.

    Raises:
        ValueError: If there are no inputs or heads, or sizes are not known.
    """
    if not decoder_inputs:
        raise ValueError("Must provide at least 1 input to attention decoder.")
    if num_heads < 1:
        raise ValueError("With less than 1 heads, use a non-attention decoder.")
    if attention_states.dims is None or attention_states.dims[2] is None:
        raise ValueError(f"Shape[2] of attention_states must be known: {attention_states.shape}")
    size = output_size or cell.output_size
    with variable_scope(scope or "attention_decoder", dtype=dtype):
        attention = _Attention(attention_states, num_heads)
        state = initial_state
        outputs: list[Tensor] = []
        seen = attention.zeros(shape(decoder_inputs[0])[0])
        if initial_state_attention:
            seen = attention(initial_state)
        for number, given in enumerate(decoder_inputs):
            if number > 0:
                get_variable_scope().reuse_variables()
            step = convert_to_tensor(_fed(given, outputs, loop_function, number))
            joined = linear([step, *seen], last_size(step.shape, -1, "attention_decoder"))
            output, state = cell(joined, state)
            again = True if number or initial_state_attention else None
            with variable_scope(get_variable_scope(), reuse=again):
                seen = attention(state)
            with variable_scope("AttnOutputProjection"):
                outputs.append(linear([output, *seen], size))
    return outputs, state


@export("contrib.legacy_seq2seq.embedding_attention_decoder")
def embedding_attention_decoder(
    decoder_inputs: Inputs,
    initial_state: Any,
    attention_states: Tensor,
    cell: Any,
    num_symbols: int,
    embedding_size: int,
    num_heads: int = 1,
    output_size: int | None = None,
    output_projection: Any = None,
    feed_previous: bool = False,
    update_embedding_for_previous: bool = True,
    dtype: Any = None,
    scope: Any = None,
    initial_state_attention: bool = False,
) -> tuple[list[Tensor], Any]:
    """Runs a cell over a list of symbols while it attends to the encoder's outputs.

    Args:
        decoder_inputs: A list of ``[batch]``: the symbols' numbers.
        initial_state: The state before.
        attention_states: ``[batch, length, size]``: what is attended to.
        cell: The cell.
        num_symbols: The number of symbols.
        embedding_size: The size of their vectors.
        num_heads: How many places are attended to at once.
        output_size: The size of the outputs; that of the cell if None.
        output_projection: As for `embedding_rnn_decoder`.
        feed_previous: As for `embedding_rnn_decoder`.
        update_embedding_for_previous: As for `embedding_rnn_decoder`.
        dtype: The element type of the variables.
        scope: The variable scope; ``"embedding_attention_decoder"`` if None.
        initial_state_attention: Whether there is attention before the first step already.

    Returns:
        A list of outputs, and the last state.
    """
    with variable_scope(scope or "embedding_attention_decoder", dtype=dtype) as opened:
        _check_projection(output_projection, num_symbols, opened.dtype)
        embedding = get_variable("embedding", [num_symbols, embedding_size])
        update = update_embedding_for_previous
        loop = _loop_function(embedding, output_projection, update) if feed_previous else None
        return attention_decoder(
            [embedding_lookup(embedding, symbols) for symbols in decoder_inputs],
            initial_state,
            attention_states,
            cell,
            output_size or cell.output_size,
            num_heads,
            loop,
            initial_state_attention=initial_state_attention,
        )


@export("contrib.legacy_seq2seq.embedding_attention_seq2seq")
def embedding_attention_seq2seq(
    encoder_inputs: Inputs,
    decoder_inputs: Inputs,
    cell: Any,
    num_encoder_symbols: int,
    num_decoder_symbols: int,
    embedding_size: int,
    num_heads: int = 1,
    output_projection: Any = None,
    feed_previous: Any = False,
    dtype: Any = None,
    scope: Any = None,
    initial_state_attention: bool = False,
) -> tuple[list[Tensor], Any]:
    """Symbols to symbols: a decoder that attends to all outputs of the encoder.

    Args:
        encoder_inputs: A list of ``[batch]``: the symbols' numbers.
        decoder_inputs: The same for the decoder.
        cell: The cell, of which the encoder takes a copy.
        num_encoder_symbols: The number of the encoder's symbols.
        num_decoder_symbols: The number of the decoder's symbols.
        embedding_size: The size of their vectors.
        num_heads: How many places are attended to at once.
        output_projection: As for `embedding_rnn_seq2seq`.
        feed_previous: As for `embedding_rnn_seq2seq`.
        dtype: The element type of the state.
        scope: The variable scope; ``"embedding_attention_seq2seq"`` if None.
        initial_state_attention: Whether there is attention before the first step already.

    Returns:
        The decoder's outputs, and its last state.
    """
    with variable_scope(scope or "embedding_attention_seq2seq", dtype=dtype) as opened:
        encoder = EmbeddingWrapper(copy.deepcopy(cell), num_encoder_symbols, embedding_size)
        found, state = static_rnn(encoder, encoder_inputs, dtype=opened.dtype)
        tops = concat([reshape(output, [-1, 1, cell.output_size]) for output in found], 1)
        size = None
        if output_projection is None:
            cell, size = OutputProjectionWrapper(cell, num_decoder_symbols), num_decoder_symbols

        def decoder(fed: bool, update: bool = False) -> tuple[list[Any], Any]:
            return embedding_attention_decoder(
                decoder_inputs,
                state,
                tops,
                cell,
                num_decoder_symbols,
                embedding_size,
                num_heads,
                size,
                output_projection,
                fed,
                update,
                initial_state_attention=initial_state_attention,
            )

        if isinstance(feed_previous, bool):
            return decoder(feed_previous, True)
        return _either(feed_previous, decoder)  # type: ignore[no-any-return]  # as decoder
