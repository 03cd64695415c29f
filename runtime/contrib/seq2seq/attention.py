"""Attention of a decoder's cell to the outputs of an encoder.

Source: the documentation of ``tf.contrib.seq2seq.AttentionWrapper``; Bahdanau et al., "Neural
Machine Translation by Jointly Learning to Align and Translate" (2015); Luong et al., "Effective
Approaches to Attention-based Neural Machine Translation" (2015).
"""

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from runtime.graph import dtypes, nest
from runtime.graph.convert import TensorLike, convert_to_tensor
from runtime.graph.export import export, public
from runtime.graph.graph import control_dependencies, get_default_graph
from runtime.graph.initializers import Constant, Ones, Zeros
from runtime.graph.layer import last_size
from runtime.graph.layers import Dense
from runtime.graph.ops.array import concat, expand_dims, identity, shape, squeeze, where, zeros
from runtime.graph.ops.layout import sequence_mask
from runtime.graph.ops.math import matmul, rsqrt, square, tanh
from runtime.graph.ops.nn import softmax
from runtime.graph.ops.reduction import reduce_sum
from runtime.graph.ops.tensor_array import TensorArray
from runtime.graph.rnn_cells import RNNCell, zero_states
from runtime.graph.scopes import get_variable, variable_scope
from runtime.graph.shapes import TensorShape
from runtime.graph.tensor import Tensor

_TILE = (
    "Are you using the BeamSearchDecoder? Then tile the encoder's outputs, its lengths and its "
    "state by tf.contrib.seq2seq.tile_batch(…, multiplier=beam_width), and give zero_state "
    "batch_size * beam_width."
)


@export("contrib.seq2seq.AttentionMechanism")
class AttentionMechanism:
    """Base of what says how much each place of a memory counts."""


class _Mechanism(AttentionMechanism):
    """A memory with keys.

    Args:
        memory: ``[batch, time, size]``.
        lengths: The length of each example, or None.
        units: The size of the keys.
        probability_fn: Makes scores into probabilities; softmax if None.
        mask: The score of places beyond the end; minus infinity if None.
        dtype: The element type of the layers.
        change: A function of keys and values that gives other ones, or None.
        name: Name of the scope of the operations.
    """

    def __init__(
        self,
        memory: TensorLike,
        lengths: TensorLike,
        units: int,
        probability_fn: Callable[[Tensor], Tensor] | None,
        mask: float | None,
        dtype: Any,
        change: Callable[[Any, Any], tuple[Any, Any]] | None,
        name: str,
    ) -> None:
        self.dtype = dtype or dtypes.float32
        self.memory_layer = Dense(units, name="memory_layer", use_bias=False, dtype=self.dtype)
        self._probability_fn, self._mask = probability_fn or softmax, mask
        with get_default_graph().name_scope(name):
            values = convert_to_tensor(memory)
            last_size(values.shape, -1, name)
            self._lengths = None if lengths is None else convert_to_tensor(lengths)
            if self._lengths is not None:
                inside = sequence_mask(self._lengths, shape(values)[1], dtype=values.dtype)
                masked = values * expand_dims(inside, 2)
                masked.set_shape(values.dims)
                values = masked
            self._values: Tensor = values
            self._keys: Tensor = self.memory_layer(values)
            if change is not None:
                self._keys, self._values = change(self._keys, self._values)

    @property
    def values(self) -> Tensor:
        """The memory; zero beyond the end of each example."""
        return self._values

    @property
    def keys(self) -> Tensor:
        """What is compared with queries."""
        return self._keys

    @property
    def batch_size(self) -> Any:
        """The number of examples."""
        return _size_of(self._keys, 0)

    @property
    def alignments_size(self) -> Any:
        """The number of places."""
        return _size_of(self._keys, 1)

    @property
    def state_size(self) -> Any:
        """The size of the state: the probabilities."""
        return self.alignments_size

    def initial_alignments(self, batch_size: Any, dtype: Any) -> Tensor:
        """The probabilities before the first step: zeros.

        Args:
            batch_size: The number of examples.
            dtype: The element type.

        Returns:
            ``[batch, time]``.
        """
        made = zeros([batch_size, self.alignments_size], dtype)
        known = (self._keys.dims or (None, None))[1]
        made.set_shape([batch_size if isinstance(batch_size, int) else None, known])
        return made

    def initial_state(self, batch_size: Any, dtype: Any) -> Tensor:
        """The state before the first step.

        Args:
            batch_size: The number of examples.
            dtype: The element type.

        Returns:
            ``[batch, time]``.
        """
        return self.initial_alignments(batch_size, dtype)

    def _probabilities(self, scores: Tensor) -> tuple[Tensor, Tensor]:
        if self._lengths is not None:
            mask = sequence_mask(self._lengths, shape(scores)[1])
            least = -np.inf if self._mask is None else self._mask
            scores = where(mask, scores, scores * 0 + convert_to_tensor(least, scores.dtype))
        found = self._probability_fn(scores)
        return found, found


def _size_of(tensor: Tensor, axis: int) -> Any:
    known = None if tensor.dims is None else tensor.dims[axis]
    return shape(tensor)[axis] if known is None else known


@export("contrib.seq2seq.LuongAttention")
class LuongAttention(_Mechanism):
    """Scores that are products of queries and keys.

    Args:
        num_units: The size of the keys, which has to be that of the queries.
        memory: ``[batch, time, size]``.
        memory_sequence_length: The length of each example; None if all are full.
        scale: Whether the scores have a factor that is learned.
        probability_fn: Makes scores into probabilities; softmax if None.
        score_mask_value: The score of places beyond the end; minus infinity if None.
        dtype: The element type of the layers.
        custom_key_value_fn: A function of keys and values that gives other ones.
        name: Name of the scope of the operations.
    """

    def __init__(
        self,
        num_units: int,
        memory: TensorLike,
        memory_sequence_length: TensorLike = None,
        scale: bool = False,
        probability_fn: Callable[[Tensor], Tensor] | None = None,
        score_mask_value: float | None = None,
        dtype: Any = None,
        custom_key_value_fn: Callable[[Any, Any], tuple[Any, Any]] | None = None,
        name: str = "LuongAttention",
    ) -> None:
        super().__init__(
            memory, memory_sequence_length, num_units, probability_fn, score_mask_value, dtype,
            custom_key_value_fn, name,
        )  # fmt: skip
        self._scale = scale

    def __call__(self, query: Tensor, state: Any) -> tuple[Tensor, Tensor]:
        """How much each place counts.

        Args:
            query: ``[batch, size]``.
            state: The probabilities of the step before.

        Returns:
            ``[batch, time]``, and the next state.

        Raises:
            ValueError: If queries and keys are of different sizes.
        """
        sizes = [None if t.dims is None else t.dims[-1] for t in (query, self._keys)]
        if sizes[0] != sizes[1]:
            raise ValueError(
                f"Incompatible or unknown inner dimensions between query and keys: {sizes[0]} and "
                f"{sizes[1]}. Perhaps you need to set num_units to {sizes[0]}?"
            )
        with variable_scope(None, "luong_attention"):
            scores = squeeze(matmul(expand_dims(query, 1), self._keys, transpose_b=True), [1])
            if self._scale:
                scores = scores * get_variable("attention_g", [], query.dtype, Ones())
        return self._probabilities(scores)


@export("contrib.seq2seq.BahdanauAttention")
class BahdanauAttention(_Mechanism):
    """Scores that a layer makes of the sum of queries and keys.

    Args:
        num_units: The size of the keys and of the projected queries.
        memory: ``[batch, time, size]``.
        memory_sequence_length: The length of each example; None if all are full.
        normalize: Whether the layer's weights are normalized.
        probability_fn: Makes scores into probabilities; softmax if None.
        score_mask_value: The score of places beyond the end; minus infinity if None.
        dtype: The element type of the layers.
        custom_key_value_fn: A function of keys and values that gives other ones.
        name: Name of the scope of the operations.
    """

    def __init__(
        self,
        num_units: int,
        memory: TensorLike,
        memory_sequence_length: TensorLike = None,
        normalize: bool = False,
        probability_fn: Callable[[Tensor], Tensor] | None = None,
        score_mask_value: float | None = None,
        dtype: Any = None,
        custom_key_value_fn: Callable[[Any, Any], tuple[Any, Any]] | None = None,
        name: str = "BahdanauAttention",
    ) -> None:
        super().__init__(
            memory, memory_sequence_length, num_units, probability_fn, score_mask_value, dtype,
            custom_key_value_fn, name,
        )  # fmt: skip
        self.query_layer = Dense(num_units, name="query_layer", use_bias=False, dtype=self.dtype)
        self._units, self._normalize = num_units, normalize

    def __call__(self, query: Tensor, state: Any) -> tuple[Tensor, Tensor]:
        """How much each place counts.

        Args:
            query: ``[batch, size]``.
            state: The probabilities of the step before.

        Returns:
            ``[batch, time]``, and the next state.
        """
        with variable_scope(None, "bahdanau_attention"):
            asked: Tensor = expand_dims(self.query_layer(query), 1)
            weights = get_variable("attention_v", [self._units], query.dtype)
            added = self._keys + asked
            if self._normalize:
                start = Constant(math.sqrt(1.0 / self._units))
                factor = get_variable("attention_g", [], query.dtype, start)
                bias = get_variable("attention_b", [self._units], query.dtype, Zeros())
                weights = factor * weights * rsqrt(reduce_sum(square(weights)))
                added = added + bias
            return self._probabilities(reduce_sum(weights * tanh(added), 2))


@export("contrib.seq2seq.AttentionWrapperState")
class AttentionWrapperState(NamedTuple):
    """The state of an `AttentionWrapper`.

    Attributes:
        cell_state: The state of the cell inside.
        attention: What was attended to in the step before.
        time: The number of the step.
        alignments: How much each place counted in the step before.
        alignment_history: That of all steps, as a `TensorArray`; empty if it is not kept.
        attention_state: The state of the mechanism.
    """

    cell_state: Any
    attention: Any
    time: Any
    alignments: Any
    alignment_history: Any
    attention_state: Any

    def clone(self, **kwargs: Any) -> "AttentionWrapperState":
        """Another state with some parts changed.

        Args:
            **kwargs: The new parts.

        Returns:
            The state.
        """
        return self._replace(**kwargs)


def _attended(mechanism: Any, query: Tensor, state: Any, layer: Any) -> tuple[Any, Any, Any]:
    alignments, after = mechanism(query, state)
    seen = squeeze(matmul(expand_dims(alignments, 1), mechanism.values), [1])
    attention = seen if layer is None else layer(concat([query, seen], 1))
    return attention, alignments, after


@export("contrib.seq2seq.AttentionWrapper")
class AttentionWrapper(RNNCell):
    """A cell that attends to a memory.

    Args:
        cell: The cell inside.
        attention_mechanism: Says how much each place counts: one, or a list of them.
        attention_layer_size: The size of the layer above the cell's output and what was seen, for
            each mechanism; None for no layer.
        alignment_history: Whether the state keeps how much each place counted in each step.
        cell_input_fn: Makes the cell's input of the input and the attention; they are put side by
            side if None.
        output_attention: Whether the output is the attention; else it is the cell's output.
        initial_cell_state: The state of the cell before, for `zero_state`.
        name: Its name.
        attention_layer: The layers themselves, instead of their sizes.
        attention_fn: Computes the attention, instead of the usual way.
        dtype: The element type.

    Raises:
        TypeError: If the cell or a mechanism is none.
        ValueError: If there are not as many layers as mechanisms.
    """

    def __init__(
        self,
        cell: Any,
        attention_mechanism: Any,
        attention_layer_size: Any = None,
        alignment_history: bool = False,
        cell_input_fn: Callable[[Any, Any], Any] | None = None,
        output_attention: bool = True,
        initial_cell_state: Any = None,
        name: str | None = None,
        attention_layer: Any = None,
        attention_fn: Callable[..., Any] | None = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(name=name, dtype=dtype)
        if not (hasattr(cell, "state_size") and hasattr(cell, "output_size") and callable(cell)):
            raise TypeError(f"The argument 'cell' ({cell!r}) is not an RNNCell.")
        self._many = isinstance(attention_mechanism, (list, tuple))
        self._mechanisms = list(attention_mechanism) if self._many else [attention_mechanism]
        for one in self._mechanisms:
            if not isinstance(one, AttentionMechanism):
                raise TypeError(
                    "attention_mechanism must be an AttentionMechanism or list of multiple "
                    f"AttentionMechanism instances, saw type: {type(one).__name__}"
                )
        self._cell, self._attention_fn = cell, attention_fn or _attended
        self._input_fn = cell_input_fn or (lambda x, attention: concat([x, attention], -1))
        self._output_attention, self._keeps = output_attention, alignment_history
        self._layers = self._made_layers(attention_layer_size, attention_layer)
        self._initial = None
        if initial_cell_state is not None:
            size = _size_of(nest.flatten(initial_cell_state)[-1], 0)
            self._initial = self._checked(initial_cell_state, size)

    def _made_layers(self, sizes: Any, layers: Any) -> Sequence[Any]:
        if sizes is not None and layers is not None:
            raise ValueError("Only one of attention_layer_size and attention_layer should be set")
        given = sizes if layers is None else layers
        if given is None:
            return [None] * len(self._mechanisms)
        listed = list(given) if isinstance(given, (list, tuple)) else [given]
        if len(listed) != len(self._mechanisms):
            raise ValueError(
                "If provided, attention_layer_size must contain exactly one integer per "
                f"attention_mechanism, saw: {len(listed)} vs {len(self._mechanisms)}"
            )
        if layers is not None:
            return listed
        return [
            Dense(size, name="attention_layer", use_bias=False, dtype=mechanism.dtype)
            for size, mechanism in zip(listed, self._mechanisms, strict=True)
        ]

    def _checked(self, state: Any, batch: Any) -> Any:
        """A state, after it was checked that the memories have as many examples."""
        checks = [
            public("", "assert_equal")(
                batch,
                mechanism.batch_size,
                message=f"Non-matching batch sizes between the memory and the state of "
                f"{self.name}. {_TILE}",
            )
            for mechanism in self._mechanisms
        ]
        with control_dependencies(checks):
            return nest.map_structure(identity, state)

    def _one_or_all(self, items: Sequence[Any]) -> Any:
        return tuple(items) if self._many else items[0]

    @property
    def _attention_size(self) -> int:
        return sum(
            last_size(mechanism.values.shape, -1, self.name) if layer is None else int(layer.units)
            for mechanism, layer in zip(self._mechanisms, self._layers, strict=True)
        )

    @property
    def output_size(self) -> Any:
        """The size of the attention, or of the cell's output."""
        return self._attention_size if self._output_attention else self._cell.output_size

    @property
    def state_size(self) -> AttentionWrapperState:
        """The sizes of the parts of the state."""
        sizes = [mechanism.alignments_size for mechanism in self._mechanisms]
        return AttentionWrapperState(
            cell_state=self._cell.state_size,
            time=TensorShape([]),
            attention=self._attention_size,
            alignments=self._one_or_all(sizes),
            attention_state=self._one_or_all([m.state_size for m in self._mechanisms]),
            alignment_history=self._one_or_all([s if self._keeps else () for s in sizes]),
        )

    def zero_state(self, batch_size: Any, dtype: Any) -> AttentionWrapperState:
        """The state before the first step; `clone` gives one with another state of the cell.

        Args:
            batch_size: The number of examples.
            dtype: The element type.

        Returns:
            The state.

        Raises:
            InvalidArgumentError: If the memory is known to have another number of examples; else
                the run fails with it.
        """
        with get_default_graph().name_scope(f"{type(self).__name__}ZeroState"):
            inner = self._initial
            if inner is None:
                inner = self._cell.zero_state(batch_size, dtype)
            begin = [m.initial_alignments(batch_size, dtype) for m in self._mechanisms]
            states = [m.initial_state(batch_size, dtype) for m in self._mechanisms]
            return AttentionWrapperState(
                cell_state=self._checked(inner, batch_size),
                time=zeros([], dtypes.int32),
                attention=zero_states(self._attention_size, batch_size, dtype),
                alignments=self._one_or_all(begin),
                attention_state=self._one_or_all(states),
                alignment_history=self._one_or_all(
                    [
                        TensorArray(dtype, 0, dynamic_size=True, element_shape=one.dims)
                        if self._keeps
                        else ()
                        for one in begin
                    ]
                ),
            )

    def call(self, inputs: Any, state: Any) -> Any:
        """One step.

        Args:
            inputs: ``[batch, size]``.
            state: The state before.

        Returns:
            The output, and the state after.

        Raises:
            TypeError: If the state is not one of an `AttentionWrapper`.
        """
        if not isinstance(state, AttentionWrapperState):
            raise TypeError(
                "Expected state to be instance of AttentionWrapperState. Received type "
                f"{type(state)} instead. Use zero_state(…).clone(cell_state=…)."
            )
        output, inner = self._cell(self._input_fn(inputs, state.attention), state.cell_state)
        parts = [
            self._attention_fn(mechanism, output, before, layer)
            for mechanism, before, layer in zip(
                self._mechanisms, self._each(state.attention_state), self._layers, strict=True
            )
        ]
        attentions, alignments, states = zip(*parts, strict=True)
        history = [
            kept.write(state.time, one) if self._keeps else ()
            for kept, one in zip(self._each(state.alignment_history), alignments, strict=True)
        ]
        attention = attentions[0] if len(attentions) == 1 else concat(list(attentions), 1)
        after = AttentionWrapperState(
            cell_state=inner,
            time=state.time + 1,
            attention=attention,
            alignments=self._one_or_all(alignments),
            attention_state=self._one_or_all(states),
            alignment_history=self._one_or_all(history),
        )
        return (attention if self._output_attention else output), after

    def _each(self, parts: Any) -> Sequence[Any]:
        return parts if self._many else [parts]
