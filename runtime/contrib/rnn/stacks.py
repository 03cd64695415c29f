"""Bidirectional networks one above the other.

Source: the documentation of ``tf.contrib.rnn.stack_bidirectional_dynamic_rnn``.
"""

from collections.abc import Callable, Sequence
from typing import Any

from runtime.contrib.rnn.cells import checked_stacks
from runtime.graph.convert import TensorLike
from runtime.graph.export import export
from runtime.graph.ops.array import concat
from runtime.graph.rnn import bidirectional_dynamic_rnn, static_bidirectional_rnn
from runtime.graph.scopes import variable_scope


def _stacked(
    cells: tuple[Any, Any],
    states: tuple[Sequence[Any] | None, Sequence[Any] | None],
    scope: Any,
    inputs: Any,
    layer: Callable[..., tuple[Any, Any, Any]],
) -> tuple[Any, tuple[Any, ...], tuple[Any, ...]]:
    checked_stacks(*cells, *states)
    begin = [given or [None] * len(cells[0]) for given in states]
    last = []
    with variable_scope(scope or "stack_bidirectional_rnn"):
        for number, (pair, before) in enumerate(
            zip(zip(*cells, strict=True), zip(*begin, strict=True), strict=True)
        ):
            with variable_scope(f"cell_{number}") as inner:
                inputs, *after = layer(*pair, inputs, *before, inner)
            last.append(after)
    forwards, backwards = zip(*last, strict=True)
    return inputs, forwards, backwards


@export("contrib.rnn.stack_bidirectional_rnn")
def stack_bidirectional_rnn(
    cells_fw: list[Any],
    cells_bw: list[Any],
    inputs: Sequence[Any],
    initial_states_fw: Sequence[Any] | None = None,
    initial_states_bw: Sequence[Any] | None = None,
    dtype: Any = None,
    sequence_length: TensorLike = None,
    scope: Any = None,
) -> tuple[Any, tuple[Any, ...], tuple[Any, ...]]:
    """Runs several layers over a list of inputs, each of them forwards and backwards.

    Args:
        cells_fw: The cells forwards, one for each layer.
        cells_bw: The cells backwards.
        inputs: A list of ``[batch, size]``, one for each step.
        initial_states_fw: The states before, forwards; zeros if None.
        initial_states_bw: The states before, backwards; zeros if None.
        dtype: The element type of the states, if they are not given.
        sequence_length: The length of each example.
        scope: The variable scope; ``"stack_bidirectional_rnn"`` if None.

    Returns:
        A list of outputs, the last states forwards, and backwards.

    Raises:
        ValueError: If there are not as many cells in both directions.
    """

    def layer(fw: Any, bw: Any, x: Any, start_fw: Any, start_bw: Any, scope: Any) -> Any:
        return static_bidirectional_rnn(
            fw, bw, x, start_fw, start_bw, dtype, sequence_length, scope
        )

    states = initial_states_fw, initial_states_bw
    return _stacked((cells_fw, cells_bw), states, scope, inputs, layer)


@export("contrib.rnn.stack_bidirectional_dynamic_rnn")
def stack_bidirectional_dynamic_rnn(
    cells_fw: list[Any],
    cells_bw: list[Any],
    inputs: Any,
    initial_states_fw: Sequence[Any] | None = None,
    initial_states_bw: Sequence[Any] | None = None,
    dtype: Any = None,
    sequence_length: TensorLike = None,
    parallel_iterations: int | None = None,
    time_major: bool = False,
    scope: Any = None,
    swap_memory: bool = False,
) -> tuple[Any, tuple[Any, ...], tuple[Any, ...]]:
    """Runs several layers over sequences, each of them forwards and backwards.

    Args:
        cells_fw: The cells forwards, one for each layer.
        cells_bw: The cells backwards.
        inputs: ``[batch, time, size]``.
        initial_states_fw: The states before, forwards; zeros if None.
        initial_states_bw: The states before, backwards; zeros if None.
        dtype: The element type of the states, if they are not given.
        sequence_length: The length of each example.
        parallel_iterations: Without effect.
        time_major: Whether time is the first axis, of the outputs, too.
        scope: The variable scope; ``"stack_bidirectional_rnn"`` if None.
        swap_memory: Without effect.

    Returns:
        The outputs of both directions side by side, the last states forwards, and backwards.

    Raises:
        ValueError: If there are not as many cells in both directions.
    """

    def layer(fw: Any, bw: Any, x: Any, start_fw: Any, start_bw: Any, scope: Any) -> Any:
        outputs, (last_fw, last_bw) = bidirectional_dynamic_rnn(
            fw, bw, x, sequence_length, start_fw, start_bw, dtype, time_major=time_major
        )
        return concat(list(outputs), 2), last_fw, last_bw

    states = initial_states_fw, initial_states_bw
    return _stacked((cells_fw, cells_bw), states, scope, inputs, layer)
