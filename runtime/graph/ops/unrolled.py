"""Recurrence step by step, of plain operations, for the second derivatives of `recurrent`."""

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

from runtime.graph.ops.array import concat, identity, stack, where
from runtime.graph.ops.layout import split
from runtime.graph.ops.math import matmul, sigmoid, tanh
from runtime.graph.shapes import described
from runtime.graph.tensor import Tensor

# From an input, states and weights to an output and the states after.
Step: TypeAlias = Callable[[Tensor, Sequence[Tensor], Sequence[Tensor], Any], Any]


def lstm(x: Tensor, states: Sequence[Tensor], weights: Sequence[Tensor], op: Any) -> Any:
    """One step of long short-term memory."""
    (c, h), (kernel, bias) = states, weights
    i, j, f, o = split(matmul(concat([x, h], 1), kernel) + bias, 4, 1)
    new = c * sigmoid(f + op.attributes["forget_bias"]) + sigmoid(i) * tanh(j)
    output = tanh(new) * sigmoid(o)
    return output, [new, output]


def gru(x: Tensor, states: Sequence[Tensor], weights: Sequence[Tensor], op: Any) -> Any:
    """One step of a gated recurrent unit."""
    (h,), (gate_kernel, gate_bias, kernel, bias) = states, weights
    gates = sigmoid(matmul(concat([x, h], 1), gate_kernel) + gate_bias)
    reset, update = split(gates, 2, 1)
    candidate = tanh(matmul(concat([x, reset * h], 1), kernel) + bias)
    output = update * h + (1 - update) * candidate
    return output, [output]


def plain(x: Tensor, states: Sequence[Tensor], weights: Sequence[Tensor], op: Any) -> Any:
    """One step of a plain recurrence."""
    (h,), (kernel, bias) = states, weights
    output = tanh(matmul(concat([x, h], 1), kernel) + bias)
    return output, [output]


def _unrolled(
    step: Step, x: Tensor, states: Sequence[Tensor], weights: Any, lengths: Any, op: Any
) -> Any:
    """All outputs, and the last states."""
    assert x.dims is not None and x.dims[0] is not None
    outputs = []
    for time in range(x.dims[0]):
        output, after = step(x[time], states, weights, op)
        for ends in lengths:
            running = ends > time
            output = where(running, output, output * 0)
            after = [where(running, new, old) for new, old in zip(after, states, strict=True)]
        outputs.append(output)
        states = after
    return [stack(outputs), *states]


def second_derivatives(
    step: Step, forward: Sequence[int], upstream: Sequence[int]
) -> Callable[..., list[Tensor | None]]:
    """The gradient rule of the operation that gives the first derivatives.

    Args:
        step: One step.
        forward: Which of that operation's inputs are those of the recurrence: inputs, states and
            weights, in the order of the derivatives that it gives.
        upstream: Which of them are the derivatives by the outputs and the last states.

    Returns:
        The rule. What follows all these inputs are the lengths of the examples, if there are any.
    """

    def rule(op: Any, *slopes: Tensor | None) -> list[Tensor | None]:
        from runtime.graph.gradients import gradients

        x = op.inputs[0]
        if x.dims is None or x.dims[0] is None:
            raise NotImplementedError(
                "Second-order gradients of a recurrent network need to know the number of steps, "
                f"but the inputs of operation {op.name!r} have shape {described(x.dims)}. Use "
                "tf.nn.static_rnn, or set_shape."
            )
        places = [*forward, *upstream]
        copies = [identity(op.inputs[place]) for place in places]
        count = len(upstream)
        inputs, given = copies[:-count], copies[-count:]
        weights = inputs[count:]
        lengths = op.inputs[max(places) + 1 :]
        made = _unrolled(step, inputs[0], inputs[1:count], weights, lengths, op)
        first = gradients(made, inputs, given)
        pairs = [(y, dy) for y, dy in zip(first, slopes, strict=True) if dy is not None]
        found = gradients([y for y, _ in pairs], copies, [dy for _, dy in pairs])
        by_place = dict(zip(places, found, strict=True))
        return [by_place.get(place) for place in range(len(op.inputs))]

    return rule
