"""Recurrent cells.

A cell makes its output and next state from an input and a state. Cells of known kinds can also
work through a whole sequence in one operation (`RNNCell.sequence`).

Source: the ``tf.compat.v1.nn.rnn_cell`` module documentation.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from runtime.graph import nest
from runtime.graph.convert import convert_to_tensor
from runtime.graph.dtypes import as_dtype
from runtime.graph.export import export
from runtime.graph.graph import device, get_default_graph
from runtime.graph.initializers import Ones, Zeros
from runtime.graph.layer import Layer, last_size
from runtime.graph.ops import recurrent
from runtime.graph.ops.array import concat, stack, zeros
from runtime.graph.ops.layout import split
from runtime.graph.ops.math import add, clip_by_value, matmul, multiply, sigmoid, tanh
from runtime.graph.ops.nn import bias_add
from runtime.graph.ops.sampling import dropout
from runtime.graph.scopes import variable_scope
from runtime.graph.shapes import as_dims
from runtime.graph.spellings import activation_of
from runtime.graph.tensor import Tensor


@export("nn.rnn_cell.LSTMStateTuple")
class LSTMStateTuple(NamedTuple):
    """The state of an LSTM cell.

    Attributes:
        c: What the cell remembers.
        h: What it gave last.
    """

    c: Any
    h: Any

    @property
    def dtype(self) -> Any:
        """The element type of both.

        Raises:
            TypeError: If they differ.
        """
        if self.c.dtype is not self.h.dtype:
            raise TypeError(f"Inconsistent types: {self.c.dtype.name}, {self.h.dtype.name}.")
        return self.c.dtype


def check_cell(cell: Any, name: str = "cell") -> None:
    """Checks that something can be used as a cell.

    Args:
        cell: What should be a cell.
        name: The argument, for the message.

    Raises:
        TypeError: If it is none.
    """
    if not (hasattr(cell, "state_size") and hasattr(cell, "output_size") and callable(cell)):
        raise TypeError(
            f"The argument {name!r} ({cell!r}) is not an RNNCell: it needs state_size, "
            "output_size and to be callable."
        )


def sizes_of(size: Any) -> list[int | None]:
    """A part of a state's size as a shape without the batch.

    Args:
        size: A number or a shape.

    Returns:
        A list of sizes.
    """
    return list(as_dims(size) or ())


def zero_states(state_size: Any, batch_size: Any, dtype: Any) -> Any:
    """States of zeros.

    Args:
        state_size: The structure of sizes.
        batch_size: A number or a scalar tensor.
        dtype: The element type.

    Returns:
        The structure of tensors.
    """

    def one(size: Any) -> Tensor:
        dims = sizes_of(size)
        known = convert_to_tensor(batch_size, "int32").spec.value
        batch = batch_size if known is None else int(known)
        made = zeros(stack([batch, *dims]) if known is None else [batch, *dims], dtype)
        made.set_shape([None if known is None else int(known), *dims])
        return made

    return nest.map_structure(one, _leaves(state_size))


def _leaves(state_size: Any) -> Any:
    """State sizes with shapes as leaves, which a structure would go into."""
    from runtime.graph.shapes import TensorShape

    if isinstance(state_size, TensorShape) or not nest.is_nested(state_size):
        return state_size
    if isinstance(state_size, tuple) and hasattr(state_size, "_fields"):
        return type(state_size)(*[_leaves(size) for size in state_size])
    return type(state_size)([_leaves(size) for size in state_size])


@export("nn.rnn_cell.RNNCell")
class RNNCell(Layer):
    """Base of the cells.

    Subclasses define `state_size`, `output_size` and `call` (inputs, state) → (output, state).
    """

    @property
    def state_size(self) -> Any:
        """The sizes of the state: a number or a structure of them."""
        raise NotImplementedError(f"{type(self).__name__} does not say its state_size.")

    @property
    def output_size(self) -> Any:
        """The size of the output."""
        raise NotImplementedError(f"{type(self).__name__} does not say its output_size.")

    def __call__(self, inputs: Any, state: Any = None, scope: Any = None, **kwargs: Any) -> Any:
        """Makes one step.

        Args:
            inputs: ``[batch, size]``.
            state: The state before.
            scope: Where the variables are made.
            **kwargs: Further arguments of `call`.

        Returns:
            The output, and the state after.
        """
        return super().__call__(inputs, state, scope=scope, **kwargs)

    def zero_state(self, batch_size: Any, dtype: Any) -> Any:
        """A state of zeros.

        Args:
            batch_size: A number or a scalar tensor.
            dtype: The element type.

        Returns:
            A tensor, or a structure of tensors.
        """
        with get_default_graph().name_scope(f"{type(self).__name__}ZeroState"):
            return zero_states(self.state_size, batch_size, as_dtype(dtype))

    def get_initial_state(
        self, inputs: Any = None, batch_size: Any = None, dtype: Any = None
    ) -> Any:
        """A state of zeros, for inputs or a given size.

        Args:
            inputs: ``[batch, …]``, which says the other two.
            batch_size: A number or a scalar tensor.
            dtype: The element type.

        Returns:
            A tensor, or a structure of tensors.
        """
        if inputs is not None:
            from runtime.graph.ops.array import shape

            tensor = convert_to_tensor(inputs)
            batch_size, dtype = shape(tensor)[0], tensor.dtype
        return self.zero_state(batch_size, dtype)

    # Whole sequences.

    def can_run_sequences(self) -> bool:
        """Whether `sequence` does the same as a loop over steps would."""
        return False

    def sequence(self, inputs: Tensor, lengths: Tensor | None, state: Any) -> Any:
        """Works through whole sequences in one operation.

        Args:
            inputs: ``[time, batch, size]``.
            lengths: The length of each example; None if all are full.
            state: The state before.

        Returns:
            The outputs, zero beyond the ends, and the last states.
        """
        raise NotImplementedError(f"{type(self).__name__} works step by step.")


def _given(lengths: Tensor | None) -> list[Tensor]:
    return [] if lengths is None else [lengths]


class _Cell(RNNCell):
    """A cell with units and an activation."""

    def __init__(
        self, num_units: int, activation: Any, reuse: Any, name: Any, dtype: Any, options: Any
    ) -> None:
        super().__init__(name=name, dtype=dtype, _reuse=reuse, **options)
        self._units = int(num_units)
        self._activation = _activation(activation)

    @property
    def state_size(self) -> Any:
        """The number of units."""
        return self._units

    @property
    def output_size(self) -> Any:
        """The number of units."""
        return self._units

    def _is_plain(self, kind: type) -> bool:
        return type(self) is kind and self._activation is tanh


def _activation(given: Any) -> Callable[..., Any]:
    if given is None:
        return tanh
    if isinstance(given, str):
        return activation_of(given) or (lambda x: x)
    return given  # type: ignore[no-any-return]  # a user's function


@export("nn.rnn_cell.BasicRNNCell")
class BasicRNNCell(_Cell):
    """output = state = activation(W · [input, state] + b).

    Args:
        num_units: The size of state and output.
        activation: A function of a tensor; tanh if None.
        reuse: Whether its variables exist already.
        name: Its name.
        dtype: Its element type.
        **kwargs: As for `Layer`.
    """

    def __init__(
        self,
        num_units: int,
        activation: Any = None,
        reuse: Any = None,
        name: str | None = None,
        dtype: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(num_units, activation, reuse, name, dtype, kwargs)

    def build(self, input_shape: Any) -> None:
        """Makes the variables.

        Args:
            input_shape: The shape of the inputs.
        """
        size = last_size(input_shape, -1, "BasicRNNCell")
        self._kernel = self.add_weight("kernel", [size + self._units, self._units])
        self._bias = self.add_weight("bias", [self._units], initializer=Zeros())
        self.built = True

    def call(self, inputs: Any, state: Any) -> Any:
        """One step.

        Args:
            inputs: ``[batch, size]``.
            state: ``[batch, units]``.

        Returns:
            The output, and the state after.
        """
        joined = matmul(concat([inputs, state], 1), self._kernel)
        output = self._activation(bias_add(joined, self._bias))
        return output, output

    def can_run_sequences(self) -> bool:
        """Whether it has the usual activation."""
        return self._is_plain(BasicRNNCell)

    def sequence(self, inputs: Tensor, lengths: Tensor | None, state: Any) -> Any:
        """Works through whole sequences in one operation.

        Args:
            inputs: ``[time, batch, size]``.
            lengths: The length of each example; None if all are full.
            state: The state before.

        Returns:
            The outputs and the last state.
        """
        return self._applied(
            inputs,
            lambda x: recurrent.PLAIN(
                x, state, *map(convert_to_tensor, (self._kernel, self._bias)), *_given(lengths)
            ),
        )


@export("nn.rnn_cell.GRUCell")
class GRUCell(_Cell):
    """A gated recurrent unit.

    Source: Cho et al., "Learning Phrase Representations using RNN Encoder-Decoder" (2014).

    Args:
        num_units: The size of state and output.
        activation: A function of a tensor; tanh if None.
        reuse: Whether its variables exist already.
        kernel_initializer: Initial value of the kernels; the scope's if None.
        bias_initializer: Initial value of the biases; 1 for the gates and 0 for the candidate
            if None.
        name: Its name.
        dtype: Its element type.
        **kwargs: As for `Layer`.
    """

    def __init__(
        self,
        num_units: int,
        activation: Any = None,
        reuse: Any = None,
        kernel_initializer: Any = None,
        bias_initializer: Any = None,
        name: str | None = None,
        dtype: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(num_units, activation, reuse, name, dtype, kwargs)
        self._initializers = kernel_initializer, bias_initializer

    def build(self, input_shape: Any) -> None:
        """Makes the variables.

        Args:
            input_shape: The shape of the inputs.
        """
        rows = last_size(input_shape, -1, "GRUCell") + self._units
        kernel, bias = self._initializers
        made = []
        for part, columns, default in (("gates", 2 * self._units, Ones()),
                                       ("candidate", self._units, Zeros())):  # fmt: skip
            made.append(self.add_weight(f"{part}/kernel", [rows, columns], initializer=kernel))
            made.append(self.add_weight(f"{part}/bias", [columns], initializer=bias or default))
        self._gate_kernel, self._gate_bias, self._kernel, self._bias = made
        self.built = True

    def call(self, inputs: Any, state: Any) -> Any:
        """One step.

        Args:
            inputs: ``[batch, size]``.
            state: ``[batch, units]``.

        Returns:
            The output, and the state after.
        """
        gates = matmul(concat([inputs, state], 1), self._gate_kernel)
        reset, update = split(sigmoid(bias_add(gates, self._gate_bias)), 2, 1)
        joined = matmul(concat([inputs, reset * state], 1), self._kernel)
        candidate = self._activation(bias_add(joined, self._bias))
        output = update * state + (1 - update) * candidate
        return output, output

    def can_run_sequences(self) -> bool:
        """Whether it has the usual activation."""
        return self._is_plain(GRUCell)

    def sequence(self, inputs: Tensor, lengths: Tensor | None, state: Any) -> Any:
        """Works through whole sequences in one operation.

        Args:
            inputs: ``[time, batch, size]``.
            lengths: The length of each example; None if all are full.
            state: The state before.

        Returns:
            The outputs and the last state.
        """
        return self._applied(inputs, lambda x: self._fused(x, lengths, state)[:2])

    def _fused(self, x: Tensor, lengths: Tensor | None, state: Any) -> Any:
        weights = self._gate_kernel, self._gate_bias, self._kernel, self._bias
        return recurrent.GRU(x, state, *map(convert_to_tensor, weights), *_given(lengths))


class _LSTM(_Cell):
    """What LSTM cells share."""

    _forget_bias: float
    _tuple: bool

    @property
    def state_size(self) -> Any:
        """The sizes of c and h."""
        sizes = LSTMStateTuple(self._units, self.output_size)
        return sizes if self._tuple else sum(sizes)

    def _parts(self, state: Any) -> Any:
        """C and h of a state."""
        if self._tuple:
            return state
        return split(state, [self._units, self.output_size], 1)

    def _joined(self, c: Any, h: Any) -> Any:
        return LSTMStateTuple(c, h) if self._tuple else concat([c, h], 1)

    def _fused(self, x: Tensor, lengths: Tensor | None, state: Any, weights: Any) -> Any:
        outputs, c, h, *_ = recurrent.LSTM(
            x,
            *self._parts(state),
            *map(convert_to_tensor, weights),
            *_given(lengths),
            forget_bias=float(self._forget_bias),
        )
        return outputs, self._joined(c, h)


@export("nn.rnn_cell.BasicLSTMCell")
class BasicLSTMCell(_LSTM):
    """A cell with long short-term memory.

    Source: Zaremba et al., "Recurrent Neural Network Regularization" (2014).

    Args:
        num_units: The number of units.
        forget_bias: What is added to the input of the forget gate.
        state_is_tuple: Whether the state is an `LSTMStateTuple`; else c and h side by side.
        activation: A function of a tensor; tanh if None.
        reuse: Whether its variables exist already.
        name: Its name.
        dtype: Its element type.
        **kwargs: As for `Layer`.
    """

    def __init__(
        self,
        num_units: int,
        forget_bias: float = 1.0,
        state_is_tuple: bool = True,
        activation: Any = None,
        reuse: Any = None,
        name: str | None = None,
        dtype: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(num_units, activation, reuse, name, dtype, kwargs)
        self._forget_bias, self._tuple = forget_bias, state_is_tuple

    def build(self, input_shape: Any) -> None:
        """Makes the variables.

        Args:
            input_shape: The shape of the inputs.
        """
        size = last_size(input_shape, -1, "BasicLSTMCell")
        self._kernel = self.add_weight("kernel", [size + self._units, 4 * self._units])
        self._bias = self.add_weight("bias", [4 * self._units], initializer=Zeros())
        self.built = True

    def call(self, inputs: Any, state: Any) -> Any:
        """One step.

        Args:
            inputs: ``[batch, size]``.
            state: The state before.

        Returns:
            The output, and the state after.
        """
        c, h = self._parts(state)
        gates = bias_add(matmul(concat([inputs, h], 1), self._kernel), self._bias)
        i, j, f, o = split(gates, 4, 1)
        kept = multiply(c, sigmoid(add(f, self._forget_bias)))
        new = add(kept, multiply(sigmoid(i), self._activation(j)))
        output = multiply(self._activation(new), sigmoid(o))
        return output, self._joined(new, output)

    def can_run_sequences(self) -> bool:
        """Whether it has the usual activation."""
        return self._is_plain(BasicLSTMCell)

    def sequence(self, inputs: Tensor, lengths: Tensor | None, state: Any) -> Any:
        """Works through whole sequences in one operation.

        Args:
            inputs: ``[time, batch, size]``.
            lengths: The length of each example; None if all are full.
            state: The state before.

        Returns:
            The outputs and the last state.
        """
        return self._applied(
            inputs, lambda x: self._fused(x, lengths, state, (self._kernel, self._bias))
        )


@export("nn.rnn_cell.LSTMCell")
class LSTMCell(_LSTM):
    """A cell with long short-term memory, optionally with peepholes, clipping and projection.

    Source: Sak et al., "Long Short-Term Memory Recurrent Neural Network Architectures for Large
    Scale Acoustic Modeling" (2014).

    Args:
        num_units: The number of units.
        use_peepholes: Whether the gates see c.
        cell_clip: The limit of c; None for no limit.
        initializer: Initial value of the kernels; the scope's if None.
        num_proj: The size that the output is projected to; None for no projection.
        proj_clip: The limit of the projected output.
        num_unit_shards: Without effect.
        num_proj_shards: Without effect.
        forget_bias: What is added to the input of the forget gate.
        state_is_tuple: Whether the state is an `LSTMStateTuple`; else c and h side by side.
        activation: A function of a tensor; tanh if None.
        reuse: Whether its variables exist already.
        name: Its name.
        dtype: Its element type.
        **kwargs: As for `Layer`.
    """

    def __init__(
        self,
        num_units: int,
        use_peepholes: bool = False,
        cell_clip: float | None = None,
        initializer: Any = None,
        num_proj: int | None = None,
        proj_clip: float | None = None,
        num_unit_shards: int | None = None,
        num_proj_shards: int | None = None,
        forget_bias: float = 1.0,
        state_is_tuple: bool = True,
        activation: Any = None,
        reuse: Any = None,
        name: str | None = None,
        dtype: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(num_units, activation, reuse, name, dtype, kwargs)
        self._forget_bias, self._tuple = forget_bias, state_is_tuple
        self._peepholes, self._initializer = use_peepholes, initializer
        self._cell_clip, self._num_proj, self._proj_clip = cell_clip, num_proj, proj_clip

    @property
    def output_size(self) -> Any:
        """The size of the projection, or the number of units."""
        return self._num_proj or self._units

    def build(self, input_shape: Any) -> None:
        """Makes the variables.

        Args:
            input_shape: The shape of the inputs.
        """
        size, units, initializer = last_size(input_shape, -1, "LSTMCell"), self._units, None
        initializer = self._initializer
        rows = size + self.output_size
        self._kernel = self.add_weight("kernel", [rows, 4 * units], initializer=initializer)
        self._bias = self.add_weight("bias", [4 * units], initializer=Zeros())
        if self._peepholes:
            self._w_f, self._w_i, self._w_o = (
                self.add_weight(f"w_{gate}_diag", [units], initializer=initializer)
                for gate in "fio"
            )
        if self._num_proj is not None:
            shape = [units, self._num_proj]
            self._proj = self.add_weight("projection/kernel", shape, initializer=initializer)
        self.built = True

    def call(self, inputs: Any, state: Any) -> Any:
        """One step.

        Args:
            inputs: ``[batch, size]``.
            state: The state before.

        Returns:
            The output, and the state after.
        """
        c, h = self._parts(state)
        gates = bias_add(matmul(concat([inputs, h], 1), self._kernel), self._bias)
        i, j, f, o = split(gates, 4, 1)
        if self._peepholes:
            f, i = f + self._w_f * c, i + self._w_i * c
        new = sigmoid(f + self._forget_bias) * c + sigmoid(i) * self._activation(j)
        if self._cell_clip is not None:
            new = clip_by_value(new, -self._cell_clip, self._cell_clip)
        if self._peepholes:
            o = o + self._w_o * new
        output = sigmoid(o) * self._activation(new)
        if self._num_proj is not None:
            output = matmul(output, self._proj)
            if self._proj_clip is not None:
                output = clip_by_value(output, -self._proj_clip, self._proj_clip)
        return output, self._joined(new, output)

    def can_run_sequences(self) -> bool:
        """Whether it is a cell without peepholes, clipping, projection."""
        more = self._peepholes, self._cell_clip is not None, self._num_proj is not None
        return self._is_plain(LSTMCell) and not any(more)

    def sequence(self, inputs: Tensor, lengths: Tensor | None, state: Any) -> Any:
        """Works through whole sequences in one operation.

        Args:
            inputs: ``[time, batch, size]``.
            lengths: The length of each example; None if all are full.
            state: The state before.

        Returns:
            The outputs and the last state.
        """
        return self._applied(
            inputs, lambda x: self._fused(x, lengths, state, (self._kernel, self._bias))
        )


@export("nn.rnn_cell.MultiRNNCell")
class MultiRNNCell(RNNCell):
    """Cells one above the other: the output of each is the input of the next.

    Args:
        cells: The cells.
        state_is_tuple: Whether the state is a tuple; else the states side by side.

    Raises:
        ValueError: If there is no cell.
        TypeError: If something else is among them.
    """

    def __init__(self, cells: Sequence[Any], state_is_tuple: bool = True) -> None:
        super().__init__()
        if not isinstance(cells, (list, tuple)):
            raise TypeError(f"cells must be a list or tuple, but saw: {cells!r}.")
        if not cells:
            raise ValueError("Must specify at least one cell for MultiRNNCell.")
        for number, cell in enumerate(cells):
            check_cell(cell, f"cells[{number}]")
        self._cells, self._tuple = list(cells), state_is_tuple
        if not state_is_tuple and any(nest.is_nested(cell.state_size) for cell in cells):
            raise ValueError("Some cells return tuples of states, but state_is_tuple is not set.")

    @property
    def cells(self) -> list[Any]:
        """The cells."""
        return list(self._cells)

    @property
    def state_size(self) -> Any:
        """The sizes of all cells' states."""
        sizes = tuple([cell.state_size for cell in self._cells])
        return sizes if self._tuple else sum(sizes)

    @property
    def output_size(self) -> Any:
        """The size of the last cell's output."""
        return self._cells[-1].output_size

    @property
    def trainable_variables(self) -> list[Any]:
        """The variables of all cells that optimizers change."""
        return [v for cell in self._cells for v in cell.trainable_variables]

    @property
    def non_trainable_variables(self) -> list[Any]:
        """The other variables of all cells."""
        return [v for cell in self._cells for v in cell.non_trainable_variables]

    def zero_state(self, batch_size: Any, dtype: Any) -> Any:
        """A state of zeros.

        Args:
            batch_size: A number or a scalar tensor.
            dtype: The element type.

        Returns:
            A structure of tensors.
        """
        with get_default_graph().name_scope(f"{type(self).__name__}ZeroState"):
            if self._tuple:
                return tuple([cell.zero_state(batch_size, dtype) for cell in self._cells])
            return zero_states(self.state_size, batch_size, as_dtype(dtype))

    def call(self, inputs: Any, state: Any) -> Any:
        """One step of each cell.

        Args:
            inputs: ``[batch, size]``.
            state: The states before.

        Returns:
            The last output, and the states after.
        """
        return self._through(inputs, state, lambda cell, x, part: cell(x, part))

    def _through(self, inputs: Any, state: Any, step: Callable[..., Any]) -> Any:
        parts = state if self._tuple else split(state, [c.state_size for c in self._cells], 1)
        after = []
        for number, (cell, part) in enumerate(zip(self._cells, parts, strict=True)):
            with variable_scope(f"cell_{number}"):
                inputs, new = step(cell, inputs, part)
            after.append(new)
        return inputs, tuple(after) if self._tuple else concat(after, 1)

    def can_run_sequences(self) -> bool:
        """Whether all cells can."""
        return type(self) is MultiRNNCell and all(_can(cell) for cell in self._cells)

    def sequence(self, inputs: Tensor, lengths: Tensor | None, state: Any) -> Any:
        """Works through whole sequences, one cell after the other.

        Args:
            inputs: ``[time, batch, size]``.
            lengths: The length of each example; None if all are full.
            state: The states before.

        Returns:
            The outputs and the last states.
        """
        return self._applied(
            inputs,
            lambda x: self._through(
                x, state, lambda cell, y, part: cell.sequence(y, lengths, part)
            ),
        )


def _can(cell: Any) -> bool:
    return isinstance(cell, RNNCell) and cell.can_run_sequences()


class _Wrapper(RNNCell):
    """A cell around a cell. It has no scope of its own."""

    def __init__(self, cell: Any, options: dict[str, Any]) -> None:
        super().__init__(**options)
        check_cell(cell)
        self._cell = cell

    @property
    def wrapped_cell(self) -> Any:
        """The cell inside."""
        return self._cell

    @property
    def state_size(self) -> Any:
        """That of the cell inside."""
        return self._cell.state_size

    @property
    def output_size(self) -> Any:
        """That of the cell inside."""
        return self._cell.output_size

    @property
    def trainable_variables(self) -> list[Any]:
        """Those of the cell inside."""
        found: list[Any] = self._cell.trainable_variables
        return found

    @property
    def non_trainable_variables(self) -> list[Any]:
        """Those of the cell inside."""
        found: list[Any] = self._cell.non_trainable_variables
        return found

    def zero_state(self, batch_size: Any, dtype: Any) -> Any:
        """A state of zeros.

        Args:
            batch_size: A number or a scalar tensor.
            dtype: The element type.

        Returns:
            That of the cell inside.
        """
        with get_default_graph().name_scope(f"{type(self).__name__}ZeroState"):
            return self._cell.zero_state(batch_size, dtype)


@export("nn.rnn_cell.DropoutWrapper")
class DropoutWrapper(_Wrapper):
    """Drops elements of inputs, outputs and states of a cell.

    Args:
        cell: The cell.
        input_keep_prob: The probability that an element of the input is kept.
        output_keep_prob: The probability that an element of the output is kept.
        state_keep_prob: The probability that an element of the state is kept; an LSTM's c is
            always kept.
        variational_recurrent: Whether the same elements are dropped in all steps.
        input_size: The size of the input, if that is so.
        dtype: The element type, if that is so.
        seed: The seed of what is dropped.
        dropout_state_filter_visitor: A function of a part of the state that says whether
            elements of it are dropped.
        **kwargs: As for `Layer`.

    Raises:
        ValueError: If a probability is out of range, or what the variational kind needs is
            missing.
    """

    def __init__(
        self,
        cell: Any,
        input_keep_prob: Any = 1.0,
        output_keep_prob: Any = 1.0,
        state_keep_prob: Any = 1.0,
        variational_recurrent: bool = False,
        input_size: Any = None,
        dtype: Any = None,
        seed: int | None = None,
        dropout_state_filter_visitor: Callable[[Any], Any] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(cell, {"dtype": dtype, **kwargs})
        self._keep = input_keep_prob, state_keep_prob, output_keep_prob
        for value in self._keep:
            if isinstance(value, (int, float)) and not 0 < value <= 1:
                raise ValueError(f"A keep probability must be in the range (0, 1], got {value}.")
        self._seed, self._filter = seed, dropout_state_filter_visitor
        self._variational = variational_recurrent
        self._masks: dict[Any, Tensor] = {}
        if variational_recurrent and dtype is None:
            raise ValueError("When variational_recurrent=True, dtype must be provided")
        if variational_recurrent and input_size is None and not _is_one(input_keep_prob):
            raise ValueError(
                "When variational_recurrent=True and input_keep_prob < 1.0 or is unknown, "
                "input_size must be provided"
            )

    def __call__(self, inputs: Any, state: Any = None, scope: Any = None, **kwargs: Any) -> Any:
        """One step.

        Args:
            inputs: ``[batch, size]``.
            state: The state before.
            scope: Where the variables are made.
            **kwargs: Without effect.

        Returns:
            The output, and the state after.
        """
        output, after = self._cell(self._dropped(inputs, 0, "input"), state, scope)
        if not _is_one(self._keep[1]):
            after = self._dropped_state(after)
        return self._dropped(output, 2, "output"), after

    def _dropped(self, value: Tensor, which: int, salt: str) -> Tensor:
        keep = self._keep[which]
        if _is_one(keep):
            return value
        if not self._variational:
            return dropout(value, keep, seed=self._salted(salt))
        return value * self._mask(value, keep, salt)

    def _mask(self, value: Tensor, keep: Any, salt: str) -> Tensor:
        """Drawn once a run, outside of any loop, and used in every step."""
        if salt not in self._masks:
            from runtime.graph.ops.array import ones

            dims = [1 if d is None else d for d in (value.dims or ())[1:]]
            with get_default_graph().control_dependencies(None):
                mask = dropout(ones([1, *dims], value.dtype), keep, seed=self._salted(salt))
            self._masks[salt] = mask
        return self._masks[salt]

    def _salted(self, salt: str) -> int | None:
        """A seed of its own for each thing that is dropped."""
        if self._seed is None:
            return None
        import hashlib

        digest = hashlib.sha256(f"{self._seed}{salt}".encode()).digest()
        return int.from_bytes(digest[:4], "big") & 0x7FFFFFFF

    def _dropped_state(self, state: Any) -> Any:
        choose = self._filter or _all_but_memory
        parts: list[Tensor] = nest.flatten(state)
        wanted = nest.flatten(_spread_choice(choose, state))
        dropped = [
            self._dropped(part, 1, f"state{number}") if want else part
            for number, (part, want) in enumerate(zip(parts, wanted, strict=True))
        ]
        return nest.pack_sequence_as(state, dropped)

    def can_run_sequences(self) -> bool:
        """Whether states are kept and each step drops anew."""
        fresh = _is_one(self._keep[1]) and not self._variational
        return type(self) is DropoutWrapper and fresh and _can(self._cell)

    def sequence(self, inputs: Tensor, lengths: Tensor | None, state: Any) -> Any:
        """Works through whole sequences.

        Args:
            inputs: ``[time, batch, size]``.
            lengths: The length of each example; None if all are full.
            state: The state before.

        Returns:
            The outputs and the last state.
        """
        outputs, after = self._cell.sequence(self._dropped(inputs, 0, "input"), lengths, state)
        return self._dropped(outputs, 2, "output"), after


def _is_one(value: Any) -> bool:
    return isinstance(value, (int, float)) and value == 1


def _all_but_memory(state: Any) -> Any:
    return LSTMStateTuple(False, True) if isinstance(state, LSTMStateTuple) else True


def _spread_choice(choose: Callable[[Any], Any], state: Any) -> Any:
    """Which parts of a state a visitor wants, in the state's structure."""
    if isinstance(state, LSTMStateTuple) or not nest.is_nested(state):
        chosen = choose(state)
        if nest.is_nested(chosen) or not nest.is_nested(state):
            return chosen
        return nest.map_structure(lambda _: chosen, state)
    return [_spread_choice(choose, part) for part in state]


@export("nn.rnn_cell.ResidualWrapper")
class ResidualWrapper(_Wrapper):
    """Adds the input of a cell to its output.

    Args:
        cell: The cell.
        residual_fn: A function of input and output instead of their sum.
        **kwargs: As for `Layer`.
    """

    def __init__(self, cell: Any, residual_fn: Any = None, **kwargs: Any) -> None:
        super().__init__(cell, kwargs)
        self._residual = residual_fn

    def __call__(self, inputs: Any, state: Any = None, scope: Any = None, **kwargs: Any) -> Any:
        """One step.

        Args:
            inputs: ``[batch, size]``.
            state: The state before.
            scope: Where the variables are made.
            **kwargs: Without effect.

        Returns:
            The output, and the state after.
        """
        output, after = self._cell(inputs, state, scope)
        if self._residual is not None:
            return self._residual(inputs, output), after
        return nest.map_structure(lambda x, y: x + y, inputs, output), after


@export("nn.rnn_cell.DeviceWrapper")
class DeviceWrapper(_Wrapper):
    """Puts a cell on a device.

    Args:
        cell: The cell.
        device: The device.
        **kwargs: As for `Layer`.
    """

    def __init__(self, cell: Any, device: Any, **kwargs: Any) -> None:
        super().__init__(cell, kwargs)
        self._device = device

    def __call__(self, inputs: Any, state: Any = None, scope: Any = None, **kwargs: Any) -> Any:
        """One step.

        Args:
            inputs: ``[batch, size]``.
            state: The state before.
            scope: Where the variables are made.
            **kwargs: Without effect.

        Returns:
            The output, and the state after.
        """
        with device(self._device):
            return self._cell(inputs, state, scope)
