"""Running recurrent cells over sequences.

Cells that can (`RNNCell.can_run_sequences`) work through a sequence in one operation; others
are run step by step: in a ``while_loop``, or, by `static_rnn`, one after the other.

Source: the documentation of ``tf.compat.v1.nn.dynamic_rnn`` and its neighbours.
"""

from collections.abc import Callable, Sequence
from typing import Any

import attrs

from runtime.graph import nest
from runtime.graph.convert import TensorLike, convert_to_tensor
from runtime.graph.definition import Definition, Spec, not_differentiable
from runtime.graph.dtypes import as_dtype, int32
from runtime.graph.export import export
from runtime.graph.ops.array import (
    concat,
    expand_dims,
    identity,
    shape,
    stack,
    transpose,
    unstack,
    where,
)
from runtime.graph.ops.layout import reverse_sequence
from runtime.graph.ops.loops import while_loop
from runtime.graph.ops.math import cast, logical_not, logical_or
from runtime.graph.ops.reduction import reduce_all
from runtime.graph.ops.tensor_array import TensorArray
from runtime.graph.rnn_cells import RNNCell, check_cell, sizes_of, zero_states
from runtime.graph.scopes import get_variable_scope, variable_scope
from runtime.graph.shapes import TensorShape, compatible, described
from runtime.graph.tensor import Tensor


def _turned(tensor: Any) -> Tensor:
    """Batch and time exchanged."""
    value = convert_to_tensor(tensor)
    if value.dims is None or len(value.dims) < 2:
        raise ValueError(
            f"The inputs of a recurrent network need at least two axes, batch and time, but "
            f"{value.name!r} has shape {described(value.dims)}."
        )
    return transpose(value, [1, 0, *range(2, len(value.dims))])


def _checked_lengths(lengths: Any, batch: Any) -> Any:
    if lengths.shape != (int(batch),):
        raise ValueError(
            f"sequence_length must be a vector of length batch_size, {batch}, but has shape "
            f"{lengths.shape}"
        )
    return lengths


# Lengths that are compared with the number of examples in each run.
LENGTHS: Definition = Definition(
    "SequenceLengths",
    lambda view: Spec(view.first.dtype, (None,)),
    _checked_lengths,
    aliases=True,
    gradient=not_differentiable,
)


def _lengths(sequence_length: TensorLike, known: int | None, batch: Any) -> Tensor | None:
    if sequence_length is None:
        return None
    lengths = cast(convert_to_tensor(sequence_length), int32)
    if not compatible(lengths.dims, (known,)):
        raise ValueError(
            f"sequence_length must be a vector of length batch_size, {known}, but has shape "
            f"{described(lengths.dims)}."
        )
    if known is not None and lengths.dims == (known,):
        return identity(lengths, name="sequence_length")
    made: Tensor = LENGTHS(lengths, convert_to_tensor(batch), name="CheckSeqLen")
    made.set_shape(lengths.dims)
    return made


def _initial(cell: Any, state: Any, batch: Any, dtype: Any) -> Any:
    if state is not None:
        return nest.map_structure(convert_to_tensor, state)
    if dtype is None:
        raise ValueError("If there is no initial_state, you must give a dtype.")
    if not as_dtype(dtype).is_floating:
        raise ValueError(f"A recurrent cell works with floating-point numbers, not {dtype!r}.")
    if hasattr(cell, "zero_state"):
        return cell.zero_state(batch, dtype)
    return zero_states(cell.state_size, batch, dtype)


def _check_types(inputs: Tensor, state: Any) -> None:
    """Checks that states have the inputs' type, where both are floating-point numbers."""
    for part in nest.flatten(state):
        both = part.dtype.is_floating and inputs.dtype.is_floating
        if both and part.dtype is not inputs.dtype:
            raise TypeError(
                f"The inputs of the recurrent network, {inputs.name!r}, are of type "
                f"{inputs.dtype.name}, but the state {part.name!r} is of type {part.dtype.name}; "
                "give the same dtype, or use tf.cast."
            )


def _fused(cell: Any, inputs: Any) -> bool:
    """Whether a cell can work through the sequences in one operation."""
    one = isinstance(inputs, Tensor) and inputs.dims is not None and len(inputs.dims) == 3
    return one and isinstance(cell, RNNCell) and cell.can_run_sequences()


@export("nn.dynamic_rnn")
def dynamic_rnn(
    cell: Any,
    inputs: Any,
    sequence_length: TensorLike = None,
    initial_state: Any = None,
    dtype: Any = None,
    parallel_iterations: int | None = None,
    swap_memory: bool = False,
    time_major: bool = False,
    scope: Any = None,
) -> Any:
    """Runs a cell over sequences whose length may be known only in a run.

    Args:
        cell: The cell.
        inputs: ``[batch, time, …]``, or a structure of such tensors.
        sequence_length: The length of each example. Beyond it outputs are zero and the state
            stays as it was.
        initial_state: The state before; zeros if None.
        dtype: The element type of the state, if it is not given.
        parallel_iterations: Without effect.
        swap_memory: Without effect.
        time_major: Whether time is the first axis, of the outputs, too.
        scope: The variable scope; ``"rnn"`` if None.

    Returns:
        The outputs and the last state.

    Raises:
        TypeError: If `cell` is none.
        ValueError: If shapes don't fit, or neither state nor type is given.
    """
    check_cell(cell)
    with variable_scope(scope or "rnn"):
        listed = nest.map_structure(convert_to_tensor if time_major else _turned, inputs)
        first = nest.flatten(listed)[0]
        known = None if first.dims is None or len(first.dims) < 2 else first.dims[1]
        batch = shape(first)[1] if known is None else known
        lengths = _lengths(sequence_length, known, batch)
        state = _initial(cell, initial_state, batch, dtype)
        _check_types(first, state)
        if _fused(cell, listed):
            outputs, last = cell.sequence(listed, lengths, state)
        else:
            outputs, last = _looped(cell, listed, lengths, state, known)
        if not time_major:
            outputs = nest.map_structure(_turned, outputs)
        return outputs, last


def _looped(cell: Any, inputs: Any, lengths: Tensor | None, state: Any, known: int | None) -> Any:
    """Step by step, in a loop."""
    flat = nest.flatten(inputs)
    steps = shape(flat[0])[0]
    arrays = [TensorArray(x.dtype, steps, element_shape=x.dims[1:]).unstack(x) for x in flat]
    sizes = nest.flatten(cell.output_size)
    kind = nest.flatten(state)[0].dtype
    results = [TensorArray(kind, steps, element_shape=[known, *sizes_of(s)]) for s in sizes]

    def body(time: Tensor, before: Any, written: Any) -> Any:
        step = nest.pack_sequence_as(inputs, [array.read(time) for array in arrays])
        output, after = cell(step, before)
        parts = nest.flatten(output)
        if lengths is not None:
            running = time < lengths
            parts = [_only(running, part, part * 0) for part in parts]
            after = nest.map_structure(lambda new, old: _only(running, new, old), after, before)
        written = [array.write(time, part) for array, part in zip(written, parts, strict=True)]
        return time + 1, after, written

    start = convert_to_tensor(0, int32), state, results
    _, last, written = while_loop(lambda time, *_: time < steps, body, start)
    outputs = [array.stack() for array in written]
    for output, size in zip(outputs, sizes, strict=True):
        output.set_shape([flat[0].dims[0], known, *sizes_of(size)])
    return nest.pack_sequence_as(cell.output_size, outputs), last


def _only(running: Tensor, new: Tensor, old: Tensor) -> Tensor:
    """New values for examples that still run, old ones for the others."""
    if new.dims is not None and len(new.dims) < 1:
        return new
    return where(running, new, old)


# Any loop.


@export("nn.raw_rnn")
def raw_rnn(
    cell: Any,
    loop_fn: Callable[[Tensor, Any, Any, Any], Any],
    parallel_iterations: int | None = None,
    swap_memory: bool = False,
    scope: Any = None,
) -> Any:
    """Runs a cell, and lets a function say the inputs and when it ends.

    The function takes the time, the output, the state and the loop state (None for the last three
    at time 0). It gives what examples are finished, the next input, the next state (at time 0: the
    first), what to emit (at time 0: zeros in its shape and type, without the batch; None for that
    of the output), and the next loop state.

    Args:
        cell: The cell.
        loop_fn: The function.
        parallel_iterations: Without effect.
        swap_memory: Without effect.
        scope: The variable scope; ``"rnn"`` if None.

    Returns:
        What was emitted, in `TensorArray`s, zero for finished examples; the last state, which stays
        as it was once an example is finished; the last loop state.

    Raises:
        TypeError: If `cell` is none, or `loop_fn` cannot be called.
    """
    check_cell(cell)
    if not callable(loop_fn):
        raise TypeError(f"loop_fn must be a function, not {loop_fn!r}.")
    with variable_scope(scope or "rnn"):
        zero = convert_to_tensor(0, int32)
        finished, step, state, emitted, extra = loop_fn(zero, None, None, None)
        state = nest.map_structure(convert_to_tensor, state)
        blanks, results = _emitted(cell, step, state, emitted)
        body = _RawBody(cell, loop_fn, blanks)
        start = zero, convert_to_tensor(finished), step, results, state, _or_zero(extra)
        ended = while_loop(lambda _, done, *__: logical_not(reduce_all(done)), body, start)
        arrays = nest.pack_sequence_as(blanks, list(ended[3]))
        return arrays, ended[4], None if extra is None else ended[5]


def _or_zero(extra: Any) -> Any:
    return convert_to_tensor(0, int32) if extra is None else extra


def _emitted(cell: Any, step: Any, state: Any, emitted: Any) -> Any:
    """Zeros like what each step emits, and the arrays for it."""
    first = convert_to_tensor(nest.flatten(step)[0])
    known = first.dims[0] if first.dims else None
    batch = shape(first)[0] if known is None else known
    if emitted is None:
        kind = nest.flatten(state)[0].dtype
        blanks = zero_states(cell.output_size, batch, kind)
    else:
        blanks = nest.map_structure(lambda e: _blank(convert_to_tensor(e), batch), emitted)
    arrays = [
        TensorArray(blank.dtype, 0, dynamic_size=True, element_shape=blank.dims)
        for blank in nest.flatten(blanks)
    ]
    return blanks, arrays


def _blank(example: Tensor, batch: Any) -> Tensor:
    return zero_states(TensorShape(example.dims), batch, example.dtype)  # type: ignore[no-any-return]  # of one size it is one tensor


@attrs.frozen
class _RawBody:
    """One step of `raw_rnn`."""

    cell: Any
    loop_fn: Callable[[Tensor, Any, Any, Any], Any]
    blanks: Any

    def __call__(
        self, time: Tensor, done: Tensor, step: Any, written: Any, state: Any, extra: Any
    ) -> Any:
        output, after = self.cell(step, state)
        finished, step, after, emitted, new = self.loop_fn(time + 1, output, after, extra)
        parts = [
            _unless(done, convert_to_tensor(part), blank)
            for part, blank in zip(nest.flatten(emitted), nest.flatten(self.blanks), strict=True)
        ]
        after = nest.map_structure(lambda x, old: _unless(done, x, old), after, state)
        written = [array.write(time, part) for array, part in zip(written, parts, strict=True)]
        finished = logical_or(done, finished)
        return time + 1, finished, step, written, after, extra if new is None else new


def _unless(done: Tensor, new: Any, old: Any) -> Any:
    """Old values for examples that are finished."""
    if isinstance(new, TensorArray):
        return new
    tensor = convert_to_tensor(new)
    return tensor if tensor.dims == () else where(done, old, tensor)


@export("nn.static_rnn")
def static_rnn(
    cell: Any,
    inputs: Sequence[Any],
    initial_state: Any = None,
    dtype: Any = None,
    sequence_length: TensorLike = None,
    scope: Any = None,
) -> Any:
    """Runs a cell over a list of inputs, one for each step.

    Args:
        cell: The cell.
        inputs: A list of ``[batch, size]``, or of structures of such tensors.
        initial_state: The state before; zeros if None.
        dtype: The element type of the state, if it is not given.
        sequence_length: The length of each example. Beyond it outputs are zero and the state
            stays as it was.
        scope: The variable scope; ``"rnn"`` if None.

    Returns:
        A list of outputs, and the last state.

    Raises:
        TypeError: If `cell` or `inputs` is none.
        ValueError: If there are no inputs, or neither state nor type is given.
    """
    check_cell(cell)
    if not isinstance(inputs, (list, tuple)):
        raise TypeError(f"inputs must be a list of tensors, one for each step, not {inputs!r}.")
    if not inputs:
        raise ValueError("inputs must not be empty.")
    with variable_scope(scope or "rnn"):
        steps = [nest.map_structure(convert_to_tensor, step) for step in inputs]
        first = nest.flatten(steps[0])[0]
        known = None if not first.dims else first.dims[0]
        batch = shape(first)[0] if known is None else known
        lengths = _lengths(sequence_length, known, batch)
        state = _initial(cell, initial_state, batch, dtype)
        _check_types(first, state)
        if isinstance(steps[0], Tensor) and _fused(cell, expand_dims(first, 0)):
            outputs, last = cell.sequence(stack(steps), lengths, state)
            return unstack(outputs, len(steps)), last
        return _stepwise(cell, steps, lengths, state)


def _stepwise(cell: Any, steps: Sequence[Any], lengths: Tensor | None, state: Any) -> Any:
    outputs = []
    for time, step in enumerate(steps):
        if time:
            get_variable_scope().reuse_variables()  # cells that are no layers ask again each time
        output, after = cell(step, state)
        if lengths is not None:
            running = lengths > time
            output = nest.map_structure(lambda new, r=running: _only(r, new, new * 0), output)
            after = nest.map_structure(lambda new, old, r=running: _only(r, new, old), after, state)
        outputs.append(output)
        state = after
    return outputs, state


# Both directions.


def _reversed(tensor: Tensor, lengths: TensorLike, time: int) -> Tensor:
    if lengths is not None:
        return reverse_sequence(tensor, lengths, seq_axis=time, batch_axis=1 - time)
    return tensor[::-1] if time == 0 else tensor[:, ::-1]


@export("nn.bidirectional_dynamic_rnn")
def bidirectional_dynamic_rnn(
    cell_fw: Any,
    cell_bw: Any,
    inputs: Any,
    sequence_length: TensorLike = None,
    initial_state_fw: Any = None,
    initial_state_bw: Any = None,
    dtype: Any = None,
    parallel_iterations: int | None = None,
    swap_memory: bool = False,
    time_major: bool = False,
    scope: Any = None,
) -> Any:
    """Runs a cell over sequences forwards and another one backwards.

    Args:
        cell_fw: The cell for forwards.
        cell_bw: The cell for backwards.
        inputs: ``[batch, time, …]``.
        sequence_length: The length of each example.
        initial_state_fw: The state before, forwards; zeros if None.
        initial_state_bw: The state before, backwards; zeros if None.
        dtype: The element type of the states, if they are not given.
        parallel_iterations: Without effect.
        swap_memory: Without effect.
        time_major: Whether time is the first axis, of the outputs, too.
        scope: The variable scope; ``"bidirectional_rnn"`` if None.

    Returns:
        A pair of outputs and a pair of last states.

    Raises:
        TypeError: If a cell is none.
        ValueError: If shapes don't fit, or neither state nor type is given.
    """
    check_cell(cell_fw, "cell_fw")
    check_cell(cell_bw, "cell_bw")
    time = 0 if time_major else 1
    options = {"sequence_length": sequence_length, "dtype": dtype, "time_major": time_major}
    with variable_scope(scope or "bidirectional_rnn"):
        with variable_scope("fw") as inner:
            forwards, last = dynamic_rnn(
                cell_fw, inputs, initial_state=initial_state_fw, scope=inner, **options
            )
        with variable_scope("bw") as inner:
            turned = nest.map_structure(
                lambda x: _reversed(convert_to_tensor(x), sequence_length, time), inputs
            )
            backwards, first = dynamic_rnn(
                cell_bw, turned, initial_state=initial_state_bw, scope=inner, **options
            )
    backwards = nest.map_structure(lambda y: _reversed(y, sequence_length, time), backwards)
    return (forwards, backwards), (last, first)


@export("nn.static_bidirectional_rnn")
def static_bidirectional_rnn(
    cell_fw: Any,
    cell_bw: Any,
    inputs: Sequence[Any],
    initial_state_fw: Any = None,
    initial_state_bw: Any = None,
    dtype: Any = None,
    sequence_length: TensorLike = None,
    scope: Any = None,
) -> Any:
    """Runs a cell over a list of inputs forwards and another one backwards.

    Args:
        cell_fw: The cell for forwards.
        cell_bw: The cell for backwards.
        inputs: A list of ``[batch, size]``, one for each step.
        initial_state_fw: The state before, forwards; zeros if None.
        initial_state_bw: The state before, backwards; zeros if None.
        dtype: The element type of the states, if they are not given.
        sequence_length: The length of each example.
        scope: The variable scope; ``"bidirectional_rnn"`` if None.

    Returns:
        A list of outputs of both side by side, the last state forwards, and backwards.

    Raises:
        TypeError: If a cell or the inputs are none.
        ValueError: If there are no inputs, or neither state nor type is given.
    """
    check_cell(cell_fw, "cell_fw")
    check_cell(cell_bw, "cell_bw")
    if not isinstance(inputs, (list, tuple)):
        raise TypeError(f"inputs must be a list of tensors, one for each step, not {inputs!r}.")
    if not inputs:
        raise ValueError("inputs must not be empty.")
    with variable_scope(scope or "bidirectional_rnn"):
        with variable_scope("fw") as inner:
            forwards, last = static_rnn(
                cell_fw, inputs, initial_state_fw, dtype, sequence_length, inner
            )
        with variable_scope("bw") as inner:
            turned = _reversed_steps(inputs, sequence_length)
            found, first = static_rnn(
                cell_bw, turned, initial_state_bw, dtype, sequence_length, inner
            )
    backwards = _reversed_steps(found, sequence_length)
    pairs = zip(forwards, backwards, strict=True)
    return [concat([f, b], 1) for f, b in pairs], last, first


def _reversed_steps(steps: Sequence[Any], lengths: TensorLike) -> list[Any]:
    if lengths is None:
        return list(steps)[::-1]
    turned = reverse_sequence(stack(list(steps)), lengths, seq_axis=0, batch_axis=1)
    return unstack(turned, len(steps))
