"""Cells of `contrib.rnn` beside those of `tf.nn.rnn_cell`.

Source: the ``tf.contrib.rnn`` documentation.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any

from runtime.contrib.layers.normalization import layer_norm
from runtime.graph import nest
from runtime.graph.convert import convert_to_tensor
from runtime.graph.export import export
from runtime.graph.initializers import Constant, RandomUniform
from runtime.graph.ops.array import concat, expand_dims, reshape
from runtime.graph.ops.layout import split
from runtime.graph.ops.math import matmul, sigmoid, tanh
from runtime.graph.ops.nn import bias_add, softmax
from runtime.graph.ops.reduction import reduce_sum
from runtime.graph.ops.sampling import dropout, embedding_lookup
from runtime.graph.rnn_cells import GRUCell, LSTMCell, LSTMStateTuple, RNNCell
from runtime.graph.scopes import get_variable, get_variable_scope, variable_scope
from runtime.graph.tensor import Tensor


def linear(args: Any, output_size: int, bias: bool = True, bias_initializer: Any = None) -> Tensor:
    """[args] · kernel + bias, with variables of the current scope.

    Args:
        args: A tensor ``[batch, size]``, or a list of them, which are put side by side.
        output_size: The size of the result's last axis.
        bias: Whether there is a bias.
        bias_initializer: Initial value of the bias; 0 if None.

    Returns:
        ``[batch, output_size]``.

    Raises:
        ValueError: If an argument is no matrix, or its size is not known.
    """
    tensors = [convert_to_tensor(t) for t in (args if isinstance(args, (list, tuple)) else [args])]
    for tensor in tensors:
        if tensor.dims is None or len(tensor.dims) != 2 or tensor.dims[1] is None:
            raise ValueError(
                f"linear is expecting 2D arguments with a known size, not {tensor.name!r} of shape "
                f"{tensor.shape}."
            )
    joined = tensors[0] if len(tensors) == 1 else concat(tensors, 1)
    rows = sum(tensor.dims[1] for tensor in tensors)  # type: ignore[index, misc]  # checked above
    dtype = tensors[0].dtype
    result = matmul(joined, get_variable("kernel", [rows, output_size], dtype))
    if not bias:
        return result
    start = Constant(0.0) if bias_initializer is None else bias_initializer
    return bias_add(result, get_variable("bias", [output_size], dtype, start))


class _Around(RNNCell):
    """A cell around a cell, with variables of its own beside it."""

    def __init__(self, cell: Any, reuse: Any) -> None:
        super().__init__(_reuse=reuse)
        if not (hasattr(cell, "state_size") and hasattr(cell, "output_size") and callable(cell)):
            raise TypeError(f"The argument 'cell' ({cell!r}) is not an RNNCell.")
        self._cell = cell

    @property
    def state_size(self) -> Any:
        """That of the cell inside."""
        return self._cell.state_size

    @property
    def output_size(self) -> Any:
        """That of the cell inside."""
        return self._cell.output_size

    def zero_state(self, batch_size: Any, dtype: Any) -> Any:
        """A state of zeros.

        Args:
            batch_size: A number or a scalar tensor.
            dtype: The element type.

        Returns:
            That of the cell inside.
        """
        return self._cell.zero_state(batch_size, dtype)


@export("contrib.rnn.EmbeddingWrapper")
class EmbeddingWrapper(_Around):
    """A cell whose input is a symbol's number, for which it gets a vector.

    Args:
        cell: The cell inside.
        embedding_classes: The number of symbols.
        embedding_size: The size of the vectors.
        initializer: Initial value of the vectors; the scope's, or uniform with variance 1, if
            None.
        reuse: Whether the variables exist already.

    Raises:
        TypeError: If there is no cell.
        ValueError: If a size is not positive.
    """

    def __init__(
        self,
        cell: Any,
        embedding_classes: int,
        embedding_size: int,
        initializer: Any = None,
        reuse: Any = None,
    ) -> None:
        super().__init__(cell, reuse)
        if embedding_classes <= 0 or embedding_size <= 0:
            raise ValueError(
                "Both embedding_classes and embedding_size must be > 0: "
                f"{embedding_classes}, {embedding_size}."
            )
        self._sizes, self._initializer = [embedding_classes, embedding_size], initializer

    def call(self, inputs: Any, state: Any) -> Any:
        """One step.

        Args:
            inputs: ``[batch]``: the symbols' numbers.
            state: The state before.

        Returns:
            The output, and the state after.
        """
        bound = math.sqrt(3)
        chosen = self._initializer or get_variable_scope().initializer
        embedding = get_variable(
            "embedding",
            self._sizes,
            nest.flatten(state)[0].dtype,
            chosen or RandomUniform(-bound, bound),
        )
        return self._cell(embedding_lookup(embedding, reshape(inputs, [-1])), state)


@export("contrib.rnn.InputProjectionWrapper")
class InputProjectionWrapper(_Around):
    """A cell whose input is projected first.

    Args:
        cell: The cell inside.
        num_proj: The size of the projected input.
        activation: A function of it, or None.
        input_size: Without effect.
        reuse: Whether the variables exist already.

    Raises:
        TypeError: If there is no cell.
    """

    def __init__(
        self,
        cell: Any,
        num_proj: int,
        activation: Callable[[Tensor], Tensor] | None = None,
        input_size: int | None = None,
        reuse: Any = None,
    ) -> None:
        super().__init__(cell, reuse)
        self._num_proj, self._activation = num_proj, activation

    def call(self, inputs: Any, state: Any) -> Any:
        """One step.

        Args:
            inputs: ``[batch, size]``.
            state: The state before.

        Returns:
            The output, and the state after.
        """
        projected = linear(inputs, self._num_proj)
        return self._cell(self._activation(projected) if self._activation else projected, state)


@export("contrib.rnn.OutputProjectionWrapper")
class OutputProjectionWrapper(_Around):
    """A cell whose output is projected.

    Args:
        cell: The cell inside.
        output_size: The size of the projected output.
        activation: A function of it, or None.
        reuse: Whether the variables exist already.

    Raises:
        TypeError: If there is no cell.
        ValueError: If the size is not positive.
    """

    def __init__(
        self,
        cell: Any,
        output_size: int,
        activation: Callable[[Tensor], Tensor] | None = None,
        reuse: Any = None,
    ) -> None:
        super().__init__(cell, reuse)
        if output_size < 1:
            raise ValueError(f"Parameter output_size must be > 0: {output_size}.")
        self._output_size, self._activation = output_size, activation

    @property
    def output_size(self) -> Any:
        """The size of the projection."""
        return self._output_size

    def call(self, inputs: Any, state: Any) -> Any:
        """One step.

        Args:
            inputs: ``[batch, size]``.
            state: The state before.

        Returns:
            The output, and the state after.
        """
        output, after = self._cell(inputs, state)
        projected = linear(output, self._output_size)
        return (self._activation(projected) if self._activation else projected), after


@export("contrib.rnn.AttentionCellWrapper")
class AttentionCellWrapper(_Around):
    """A cell that attends to its own last outputs.

    Args:
        cell: The cell inside.
        attn_length: How many outputs it sees.
        attn_size: The size of the output; that of the cell if None.
        attn_vec_size: The size of the attention's hidden layer; that of the output if None.
        input_size: The size of the input with the attention; that of the input if None.
        state_is_tuple: Must be True.
        reuse: Whether the variables exist already.

    Raises:
        TypeError: If there is no cell.
        ValueError: If the length is not positive, or the state is to be no tuple.
    """

    def __init__(
        self,
        cell: Any,
        attn_length: int,
        attn_size: int | None = None,
        attn_vec_size: int | None = None,
        input_size: int | None = None,
        state_is_tuple: bool = True,
        reuse: Any = None,
    ) -> None:
        super().__init__(cell, reuse)
        if not state_is_tuple:
            raise ValueError("AttentionCellWrapper needs state_is_tuple=True here.")
        if attn_length <= 0:
            raise ValueError(f"attn_length should be greater than zero, got {attn_length}.")
        self._length, self._size = attn_length, attn_size or cell.output_size
        self._hidden, self._input_size = attn_vec_size or self._size, input_size

    @property
    def state_size(self) -> Any:
        """The cell's, the attention's, and that of all outputs that are seen."""
        return self._cell.state_size, self._size, self._size * self._length

    @property
    def output_size(self) -> Any:
        """The size of the output."""
        return self._size

    def zero_state(self, batch_size: Any, dtype: Any) -> Any:
        """A state of zeros.

        Args:
            batch_size: A number or a scalar tensor.
            dtype: The element type.

        Returns:
            A tuple of three.
        """
        return RNNCell.zero_state(self, batch_size, dtype)

    def call(self, inputs: Any, state: Any) -> Any:
        """One step.

        Args:
            inputs: ``[batch, size]``.
            state: The state before.

        Returns:
            The output, and the state after.
        """
        inner, attended, seen = state
        window = reshape(seen, [-1, self._length, self._size])
        joined = linear([inputs, attended], self._input_size or inputs.dims[1])
        output, after = self._cell(joined, inner)
        attended = self._attention(concat(nest.flatten(after), 1), window)
        with variable_scope("attn_output_projection"):
            output = linear([output, attended], self._size)
        seen = concat([window[:, 1:], expand_dims(output, 1)], 1)
        return output, (after, attended, reshape(seen, [-1, self._length * self._size]))

    def _attention(self, query: Tensor, window: Tensor) -> Tensor:
        with variable_scope("attention"):
            kernel = get_variable("attn_w", [1, 1, self._size, self._hidden])
            vector = get_variable("attn_v", [self._hidden])
            flat = reshape(window, [-1, self._size])
            features = matmul(flat, reshape(kernel, [self._size, self._hidden]))
            hidden = reshape(features, [-1, self._length, self._hidden])
            asked = expand_dims(linear(query, self._hidden), 1)
            weights = softmax(reduce_sum(vector * tanh(hidden + asked), 2))
            return reduce_sum(expand_dims(weights, 2) * window, 1)


@export("contrib.rnn.LayerNormBasicLSTMCell")
class LayerNormBasicLSTMCell(RNNCell):
    """A cell with long short-term memory whose gates are normalized, with dropout inside.

    Source: Ba et al., "Layer Normalization" (2016); Semeniuta et al., "Recurrent Dropout without
    Memory Loss" (2016).

    Args:
        num_units: The number of units.
        forget_bias: What is added to the input of the forget gate.
        input_size: Without effect.
        activation: A function of a tensor.
        layer_norm: Whether the gates are normalized.
        norm_gain: Initial value of gamma.
        norm_shift: Initial value of beta.
        dropout_keep_prob: The probability that an element of the new memory is kept.
        dropout_prob_seed: The seed of what is dropped.
        reuse: Whether the variables exist already.
    """

    def __init__(
        self,
        num_units: int,
        forget_bias: float = 1.0,
        input_size: int | None = None,
        activation: Callable[[Tensor], Tensor] = tanh,
        layer_norm: bool = True,
        norm_gain: float = 1.0,
        norm_shift: float = 0.0,
        dropout_keep_prob: Any = 1.0,
        dropout_prob_seed: int | None = None,
        reuse: Any = None,
    ) -> None:
        super().__init__(_reuse=reuse)
        self._units, self._activation, self._forget_bias = num_units, activation, forget_bias
        self._layer_norm, self._gain, self._shift = layer_norm, norm_gain, norm_shift
        self._keep_prob, self._seed = dropout_keep_prob, dropout_prob_seed

    @property
    def state_size(self) -> LSTMStateTuple:
        """The number of units, twice."""
        return LSTMStateTuple(self._units, self._units)

    @property
    def output_size(self) -> int:
        """The number of units."""
        return self._units

    def _normalized(self, tensor: Tensor, scope: str) -> Tensor:
        if not self._layer_norm:
            return tensor
        with variable_scope(scope):
            for name, start in (("gamma", self._gain), ("beta", self._shift)):
                get_variable(name, [self._units], tensor.dtype, Constant(start))
        return layer_norm(tensor, reuse=True, scope=scope)

    def call(self, inputs: Any, state: Any) -> Any:
        """One step.

        Args:
            inputs: ``[batch, size]``.
            state: The state before.

        Returns:
            The output, and the state after.
        """
        c, h = state
        gates = split(linear([inputs, h], 4 * self._units, not self._layer_norm), 4, 1)
        names = ("input", "transform", "forget", "output")
        i, j, f, o = (self._normalized(gate, n) for gate, n in zip(gates, names, strict=True))
        new = self._activation(j)
        if not isinstance(self._keep_prob, float) or self._keep_prob < 1:
            new = dropout(new, self._keep_prob, seed=self._seed)
        c = c * sigmoid(f + self._forget_bias) + sigmoid(i) * new
        c = self._normalized(c, "state")
        h = self._activation(c) * sigmoid(o)
        return h, LSTMStateTuple(c, h)


@export("contrib.rnn.LSTMBlockCell")
class LSTMBlockCell(LSTMCell):
    """The same as `LSTMCell`, whose sequences are worked through in one operation anyway.

    Args:
        num_units: The number of units.
        forget_bias: What is added to the input of the forget gate.
        cell_clip: The limit of the memory; None for no limit.
        use_peephole: Whether the gates see the memory.
        dtype: The element type.
        reuse: Whether the variables exist already.
        name: Its name.
    """

    def __init__(
        self,
        num_units: int,
        forget_bias: float = 1.0,
        cell_clip: float | None = None,
        use_peephole: bool = False,
        dtype: Any = None,
        reuse: Any = None,
        name: str = "lstm_cell",
    ) -> None:
        super().__init__(
            num_units,
            use_peephole,
            cell_clip,
            forget_bias=forget_bias,
            reuse=reuse,
            name=name,
            dtype=dtype,
        )


@export("contrib.rnn.GRUBlockCell", "contrib.rnn.GRUBlockCellV2")
class GRUBlockCell(GRUCell):
    """The same as `GRUCell`, whose sequences are worked through in one operation anyway.

    Args:
        num_units: The number of units.
        cell_size: The old name of `num_units`.
        reuse: Whether the variables exist already.
        name: Its name.
    """

    def __init__(
        self,
        num_units: int | None = None,
        cell_size: int | None = None,
        reuse: Any = None,
        name: str = "gru_cell",
    ) -> None:
        if (num_units is None) == (cell_size is None):
            raise ValueError("Exactly one of num_units or cell_size must be provided.")
        super().__init__(int(num_units or cell_size or 0), reuse=reuse, name=name)


def checked_stacks(cells_fw: Any, cells_bw: Any, *states: Sequence[Any] | None) -> None:
    """Checks that there are as many cells forwards as backwards, and states.

    Args:
        cells_fw: The cells forwards.
        cells_bw: The cells backwards.
        *states: Lists of states, or None.

    Raises:
        ValueError: If not.
    """
    if not isinstance(cells_fw, list) or not isinstance(cells_bw, list):
        raise ValueError("cells_fw and cells_bw must be lists of RNNCells (one per layer).")
    if not cells_fw or len(cells_fw) != len(cells_bw):
        raise ValueError(
            f"Forward and Backward cells must have the same depth, at least 1: {len(cells_fw)} and "
            f"{len(cells_bw)}."
        )
    for given in states:
        if given is not None and (not isinstance(given, list) or len(given) != len(cells_fw)):
            raise ValueError("Initial states must be a list of state tensors (one per layer).")
