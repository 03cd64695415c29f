"""Recurrent cells over whole sequences, one operation for all steps.

The products of the inputs with the weights are made for all steps at once, before the loop over
the steps; so are, after the loop backwards, the derivatives by inputs and weights. In between a
step only multiplies its state.

Sequences are ``[time, batch, size]``. Beyond the end of an example its outputs are zero and its
state stays as it was.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeAlias

import numpy as np

from runtime.graph.buffers import Buffers
from runtime.graph.definition import Definition, Kernel, Spec, View
from runtime.graph.ops.sums import column_sums
from runtime.graph.shapes import Dims, Incompatible, compatible, described
from runtime.graph.tensor import Tensor

Array: TypeAlias = Any  # NumPy's, of any element type


class _Ends:
    """Which examples still run at a step.

    Args:
        lengths: The length of each example; None if all are full.
        steps: The number of steps.
    """

    def __init__(self, lengths: Array | None, steps: int) -> None:
        self._lengths = lengths
        self.first = steps if lengths is None or not lengths.size else int(lengths.min())
        self.last = steps if lengths is None else min(steps, int(lengths.max(initial=0)))

    def running(self, step: int) -> Array | None:
        """A column of bools; None if all examples run."""
        if self._lengths is None or step < self.first:
            return None
        return (self._lengths > step)[:, None]


def _kept(running: Array | None, new: Array, old: Array) -> Array:
    return new if running is None else np.where(running, new, old)


def _masked(running: Array | None, value: Array) -> Array:
    return value if running is None else value * running


def _projected(x: Array, weights: Array, bias: Array, buffers: Buffers) -> Array:
    """The part of all steps' inputs: [time, batch, columns]."""
    result = buffers.take((*x.shape[:2], weights.shape[1]), x.dtype)
    np.matmul(_flat(x), weights, out=_flat(result))
    result += bias
    return result


def _taken(buffers: Buffers, count: int, shape: Any, dtype: Any) -> list[Array]:
    return [buffers.take(shape, dtype) for _ in range(count)]


def _flat(values: Array) -> Array:
    steps, batch, size = values.shape
    return values.reshape(steps * batch, size)


def _weights(x: Array, before: Array, slopes: Array, initial: Array | None = None) -> Any:
    """The derivatives by a kernel of inputs and states, and by a bias.

    Args:
        x: The inputs.
        before: The states before each step; or those after it, if there is an initial one.
        slopes: The derivatives by the products.
        initial: The state before the first step.

    Returns:
        Both derivatives.
    """
    flat, depth = _flat(slopes), x.shape[2]
    kernel = np.empty((depth + before.shape[2], flat.shape[1]), flat.dtype)
    np.matmul(_flat(x).T, flat, out=kernel[:depth])
    if initial is None or not len(x):
        np.matmul(_flat(before).T, flat, out=kernel[depth:])
    else:
        np.matmul(_flat(before[:-1]).T, _flat(slopes[1:]), out=kernel[depth:])
        kernel[depth:] += initial.T @ slopes[0]
    return kernel, column_sums(flat)


def _slopes(buffers: Buffers, like: Array, width: int, ends: _Ends) -> Array:
    """Where the derivatives by the products go: zero where no example runs any more."""
    slopes = buffers.take((*like.shape[:2], width * like.shape[2]), like.dtype)
    slopes[ends.last :] = 0
    return slopes


# What the results of the steps that are worked on together may take up, in bytes.
_CACHE = 1 << 17


def _in_reverse(steps: int, results: Array) -> Iterator[slice]:
    """Steps, some at a time, the last first."""
    some = max(1, _CACHE // max(1, results[:1].nbytes))
    for begin in reversed(range(0, steps, some)):
        yield slice(begin, min(begin + some, steps))


def _by_inputs(slopes: Array, kernel: Array, x: Array) -> Array:
    """The derivatives by the inputs."""
    return (_flat(slopes) @ kernel[: x.shape[2]].T).reshape(x.shape)


# Gates. What belongs to a step, and in it to a gate, lies together: [time, gate, batch, unit].


def _gate_weights(matrix: Array, order: Iterable[int], sigmoids: int) -> Array:
    """The weights of each gate, such that one tanh makes all gates: [gate, row, unit].

    sigmoid(x) = tanh(x / 2) / 2 + 1 / 2.

    Args:
        matrix: Their columns are those of the gates.
        order: The numbers of the gates.
        sigmoids: How many of these, from the first on, are sigmoids.
    """
    gates = list(order)
    split = matrix.reshape(len(matrix), len(gates), -1)
    weights: Array = split.take(gates, 1).transpose(1, 0, 2).copy()
    weights[:sigmoids] *= 0.5
    return weights


def _gates(x: Array, weights: Array, buffers: Buffers) -> tuple[Array, Array]:
    """Memory for the gates, and the part of all steps' inputs in them."""
    count, _, units = weights.shape
    inputs = buffers.take((count, *x.shape[:2], units), x.dtype)
    np.matmul(_flat(x), weights[:, : x.shape[2]], out=inputs.reshape(count, len(_flat(x)), units))
    return buffers.take((len(x), count, x.shape[1], units), x.dtype), inputs.swapaxes(0, 1)


def _with_ones(h: Array) -> Array:
    """A state with a column for the bias."""
    state = np.ones((len(h), h.shape[1] + 1), h.dtype)
    state[:, :-1] = h
    return state


def _sigmoids(gates: Array) -> Array:
    gates *= 0.5
    gates += 0.5
    return gates


# Long short-term memory. A kernel's columns are those of the gates i, j, f, o. Here the gates are
# in another order, and each by itself: what is computed for three of them lies together.

_ORDER = 3, 0, 2, 1  # o, i, f, j: three sigmoids first; the state flows through the last three
_BACK = 1, 3, 2, 0


def _reordered(kernel: Array, order: tuple[int, ...]) -> Array:
    """A kernel or bias with the columns of the gates in another order."""
    gates = kernel.reshape(-1, 4, kernel.shape[-1] // 4)
    return gates.take(order, 1).reshape(kernel.shape)


def _bind_lstm(view: View) -> Kernel:
    forget, buffers = view["forget_bias"], Buffers()

    def kernel(x: Array, c: Array, h: Array, kernel: Array, bias: Array, *lengths: Array) -> Any:
        size, shape = h.shape[1], (*x.shape[:2], h.shape[1])
        whole = np.concatenate([kernel, bias[None]])
        whole[-1, 2 * size : 3 * size] += forget
        weights = _gate_weights(whole, _ORDER, 3)
        recurrent = weights[:, x.shape[2] :]
        gates, inputs = _gates(x, weights, buffers)
        outputs, cells, squashed = _taken(buffers, 3, shape, x.dtype)
        ends = _Ends(lengths[0] if lengths else None, len(x))
        state, spare = _with_ones(h), np.empty_like(c)
        h = state[:, :size]
        for t in range(ends.last):
            g = np.matmul(state, recurrent, out=gates[t])
            g += inputs[t]
            np.tanh(g, g)
            o, i, f = _sigmoids(g[:3])
            new = np.multiply(i, g[3], cells[t])
            new += np.multiply(f, c, spare)
            out = np.multiply(np.tanh(new, squashed[t]), o, outputs[t])
            running = ends.running(t)
            c = _kept(running, new, c)
            h[...] = _kept(running, out, h)
            if running is not None:
                out *= running
        outputs[ends.last :] = 0
        return outputs, np.array(c), h.copy(), gates, cells, squashed

    return kernel


def _lstm_factors(gates: Array, before: Array, squashed: Array) -> tuple[Array, Array]:
    """How a change of the gates' products changes the output (o) and the state (i, f, j).

    And how a change of the state changes the output.
    """
    o, i, _, j = gates.swapaxes(0, 1)
    by_gates = gates * gates
    np.subtract(gates[:, :3], by_gates[:, :3], by_gates[:, :3])  # of a sigmoid: g - g²
    np.subtract(1, by_gates[:, 3], by_gates[:, 3])  # of a tanh: 1 - g²
    for slope, factor in zip(by_gates.swapaxes(0, 1), (squashed, j, before, i), strict=True):
        slope *= factor
    by_state = squashed * squashed
    np.subtract(1, by_state, by_state)
    by_state *= o
    return by_gates, by_state


def _bind_lstm_gradient(view: View) -> Kernel:
    buffers = Buffers()

    def gradient(
        x: Array, c0: Array, h0: Array, kernel: Array, outputs: Array, gates: Array,
        cells: Array, squashed: Array, dy: Array, dc: Array, dh: Array, bias: Array,
        *lengths: Array,
    ) -> Any:  # fmt: skip
        own = _reordered(kernel, _ORDER)
        back = own[x.shape[2] :].T
        ends = _Ends(lengths[0] if lengths else None, len(x))
        slopes = _slopes(buffers, outputs, 4, ends)
        by_gate = slopes.reshape(*x.shape[:2], 4, h0.shape[1]).transpose(0, 2, 1, 3)
        before = np.concatenate([c0[None], cells[:-1]])
        for some in _in_reverse(ends.last, outputs):
            factors, by_state = _lstm_factors(gates[some], before[some], squashed[some])
            for t in reversed(range(some.start, some.stop)):
                running, at = ends.running(t), t - some.start
                total = dh + _masked(running, dy[t])
                inner = total * by_state[at]
                inner += dc
                np.multiply(factors[at, 0], total, by_gate[t, 0])
                np.multiply(factors[at, 1:], inner, by_gate[t, 1:])
                if running is not None:
                    slopes[t] *= running
                if t or view.needs(2):
                    dh = _kept(running, slopes[t] @ back, dh)
                inner *= gates[t, 2]
                dc = _kept(running, inner, dc)
        dx = _by_inputs(slopes, own, x) if view.needs(0) else None
        by_weights = [_reordered(found, _BACK) for found in _weights(x, outputs, slopes, h0)]
        return dx, np.array(dc), np.array(dh), *by_weights

    return gradient


# Gated recurrent units. The gates are r and u: which part of the state makes the new one, and which
# is kept.


def _bind_gru(view: View) -> Kernel:
    buffers = Buffers()

    def kernel(
        x: Array, h: Array, gate_kernel: Array, gate_bias: Array, kernel: Array, bias: Array,
        *lengths: Array,
    ) -> Any:  # fmt: skip
        size, depth, shape = h.shape[1], x.shape[2], (*x.shape[:2], h.shape[1])
        weights = _gate_weights(np.concatenate([gate_kernel, gate_bias[None]]), range(2), 2)
        recurrent = weights[:, depth:]
        gates, inputs = _gates(x, weights, buffers)
        candidates = _projected(x, kernel[:depth], bias, buffers)
        outputs, resets = _taken(buffers, 2, shape, x.dtype)
        ends = _Ends(lengths[0] if lengths else None, len(x))
        state = _with_ones(h)
        h = state[:, :size]
        for t in range(ends.last):
            c, g = candidates[t], np.matmul(state, recurrent, out=gates[t])
            g += inputs[t]
            r, u = _sigmoids(np.tanh(g, g))
            c += np.multiply(r, h, resets[t]) @ kernel[depth:]
            np.tanh(c, c)
            out = np.subtract(h, c, outputs[t])
            out *= u
            out += c
            running = ends.running(t)
            h[...] = _kept(running, out, h)
            if running is not None:
                out *= running
        outputs[ends.last :] = 0
        resets[ends.last :] = 0
        return outputs, h.copy(), gates, candidates, resets

    return kernel


def _gru_factors(gates: Array, before: Array, c: Array) -> tuple[Array, Array]:
    """How a change of the state changes the candidates' products; and, by r and u, the gates'."""
    by_gates = gates * gates
    np.subtract(gates, by_gates, by_gates)
    by_gates[:, 0] *= before
    by_gates[:, 1] *= before - c
    by_candidates = c * c
    np.subtract(1, by_candidates, by_candidates)
    by_candidates *= 1 - gates[:, 1]
    return by_candidates, by_gates


def _bind_gru_gradient(view: View) -> Kernel:
    buffers = Buffers()

    def gradient(
        x: Array, h0: Array, gate_kernel: Array, kernel: Array, outputs: Array, gates: Array,
        candidates: Array, resets: Array, dy: Array, dh: Array, gate_bias: Array, bias: Array,
        *lengths: Array,
    ) -> Any:  # fmt: skip
        depth, shape = x.shape[2], outputs.shape
        gates_back, back = gate_kernel[depth:].T, kernel[depth:].T
        ends = _Ends(lengths[0] if lengths else None, len(x))
        slopes = _slopes(buffers, outputs, 1, ends)
        gate_slopes = _slopes(buffers, outputs, 2, ends)
        by_gate = gate_slopes.reshape(*shape[:2], 2, shape[2]).transpose(0, 2, 1, 3)
        before = np.concatenate([h0[None], outputs[:-1]])
        for some in _in_reverse(ends.last, slopes):
            factors = _gru_factors(gates[some], before[some], candidates[some])
            for t in reversed(range(some.start, some.stop)):
                running, at = ends.running(t), t - some.start
                total = dh + _masked(running, dy[t])
                slope = np.multiply(factors[0][at], total, slopes[t])
                by_reset = slope @ back
                np.multiply(factors[1][at, 0], by_reset, by_gate[t, 0])
                np.multiply(factors[1][at, 1], total, by_gate[t, 1])
                if running is not None:
                    slope *= running
                    gate_slopes[t] *= running
                by_reset *= gates[t, 0]
                total *= gates[t, 1]
                total += by_reset
                total += gate_slopes[t] @ gates_back
                dh = _kept(running, total, dh)
        dx = None
        if view.needs(0):
            dx = _by_inputs(gate_slopes, gate_kernel, x)
            dx += _by_inputs(slopes, kernel, x)
        by_gates = _weights(x, outputs, gate_slopes, h0)
        return dx, np.array(dh), *by_gates, *_weights(x, resets, slopes)

    return gradient


# Plain recurrence.


def _bind_plain(view: View) -> Kernel:
    buffers = Buffers()

    def kernel(x: Array, h: Array, kernel: Array, bias: Array, *lengths: Array) -> Any:
        depth = x.shape[2]
        outputs = _projected(x, kernel[:depth], bias, buffers)
        ends = _Ends(lengths[0] if lengths else None, len(x))
        for t in range(ends.last):
            out = outputs[t]
            out += h @ kernel[depth:]
            np.tanh(out, out)
            running = ends.running(t)
            h = _kept(running, out, h)
            if running is not None:
                out *= running
        outputs[ends.last :] = 0
        return outputs, np.array(h)

    return kernel


def _bind_plain_gradient(view: View) -> Kernel:
    buffers = Buffers()

    def gradient(
        x: Array, h0: Array, kernel: Array, outputs: Array, dy: Array, dh: Array, bias: Array,
        *lengths: Array,
    ) -> Any:  # fmt: skip
        back = kernel[x.shape[2] :].T.copy()
        ends = _Ends(lengths[0] if lengths else None, len(x))
        slopes, dh = _slopes(buffers, outputs, 1, ends), np.array(dh)
        for t in reversed(range(ends.last)):
            running, out = ends.running(t), outputs[t]
            np.multiply(dh + _masked(running, dy[t]), 1 - out * out, slopes[t])
            if running is not None:
                slopes[t] *= running
            dh = _kept(running, slopes[t] @ back, dh)
        dx = _by_inputs(slopes, kernel, x) if view.needs(0) else None
        return dx, dh, *_weights(x, outputs, slopes, h0)

    return gradient


# Definitions.


def _check(view: View, kernels: dict[int, int], state: int) -> None:
    """Checks kernels, given by the index of the input with how many states wide they are."""
    x, units = view.first.dims, _last(view.inputs[state].dims)
    for index, width in kernels.items():
        found = view.inputs[index].dims
        size = _last(x)
        rows = None if None in (size, units) else size + units  # type: ignore[operator]  # known
        columns = None if units is None else width * units
        if not compatible(found, (rows, columns)):
            raise Incompatible(
                f"inputs of shape {described(x)} and a state of shape "
                f"{described(view.inputs[state].dims)} need a kernel of shape "
                f"{described((rows, columns))}, not {described(found)}"
            )


def _last(dims: Dims) -> int | None:
    return None if not dims else dims[-1]


def _sequence_spec(kernels: dict[int, int], states: int, saved: tuple[int, ...]) -> Any:
    """The rule for outputs, last states, and what the gradient needs: of how many gates."""

    def infer(view: View) -> tuple[Spec, ...]:
        _check(view, kernels, 1)
        x, dtype = view.first.dims, view.first.dtype
        time, batch = (None, None) if x is None else x[:2]
        units = _last(view.inputs[1].dims)

        full = time, batch, units
        last = [Spec(dtype, (batch, units)) for _ in range(states)]
        kept = [Spec(dtype, full if n == 1 else (time, n, batch, units)) for n in saved]
        return Spec(dtype, full), *last, *kept

    return infer


def _gradient_spec(*indices: int) -> Any:
    """The derivatives have the shapes of some of the inputs; a bias that of a kernel's row."""

    def infer(view: View) -> tuple[Spec, ...]:
        specs = []
        for index in indices:
            dims = view.inputs[abs(index)].dims
            specs.append(Spec(view.first.dtype, dims if index >= 0 else (_last(dims),)))
        return tuple(specs)

    return infer


Rule: TypeAlias = Callable[..., list[Tensor | None]]


def _zeros_for_none(op: Any, slopes: tuple[Any, ...]) -> list[Tensor]:
    from runtime.graph.ops.array import zeros_like

    return [zeros_like(y) if dy is None else dy for y, dy in zip(op.outputs, slopes, strict=False)]


def _lstm_rule(op: Any, *slopes: Any) -> list[Tensor | None]:
    x, c, h, kernel, bias, *lengths = op.inputs
    dy, dc, dh = _zeros_for_none(op, slopes[:3])
    outputs, _, _, *saved = op.outputs
    found = LSTM_GRADIENT(
        x, c, h, kernel, outputs, *saved, dy, dc, dh, bias, *lengths,
        forget_bias=op.attributes["forget_bias"],
    )  # fmt: skip
    return [*found, *[None] * len(lengths)]


def _gru_rule(op: Any, *slopes: Any) -> list[Tensor | None]:
    x, h, gate_kernel, gate_bias, kernel, bias, *lengths = op.inputs
    dy, dh = _zeros_for_none(op, slopes[:2])
    outputs, _, *saved = op.outputs
    found = GRU_GRADIENT(
        x, h, gate_kernel, kernel, outputs, *saved, dy, dh, gate_bias, bias, *lengths
    )
    return [*found, *[None] * len(lengths)]


def _plain_rule(op: Any, *slopes: Any) -> list[Tensor | None]:
    x, h, kernel, bias, *lengths = op.inputs
    dy, dh = _zeros_for_none(op, slopes[:2])
    found = PLAIN_GRADIENT(x, h, kernel, op.outputs[0], dy, dh, bias, *lengths)
    return [*found, *[None] * len(lengths)]


def _second(step: str, forward: tuple[int, ...], upstream: tuple[int, ...]) -> Rule:
    """The rule for second derivatives; the biases are inputs of the gradients only for it."""

    def rule(op: Any, *slopes: Any) -> list[Tensor | None]:
        from runtime.graph.ops import unrolled

        made = unrolled.second_derivatives(getattr(unrolled, step), forward, upstream)
        return made(op, *slopes)

    return rule


LSTM: Definition = Definition(
    "LSTMSequence",
    _sequence_spec({3: 4}, 2, (4, 1, 1)),
    bind=_bind_lstm,
    gradient=_lstm_rule,
    floating=True,
)
LSTM_GRADIENT: Definition = Definition(
    "LSTMSequenceGrad",
    _gradient_spec(0, 1, 2, 3, -3),
    bind=_bind_lstm_gradient,
    gradient=_second("lstm", (0, 1, 2, 3, 11), (8, 9, 10)),
    floating=True,
)
GRU: Definition = Definition(
    "GRUSequence",
    _sequence_spec({2: 2, 4: 1}, 1, (2, 1, 1)),
    bind=_bind_gru,
    gradient=_gru_rule,
    floating=True,
)
GRU_GRADIENT: Definition = Definition(
    "GRUSequenceGrad",
    _gradient_spec(0, 1, 2, -2, 3, -3),
    bind=_bind_gru_gradient,
    gradient=_second("gru", (0, 1, 2, 10, 3, 11), (8, 9)),
    floating=True,
)
PLAIN: Definition = Definition(
    "RNNSequence",
    _sequence_spec({2: 1}, 1, ()),
    bind=_bind_plain,
    gradient=_plain_rule,
    floating=True,
)
PLAIN_GRADIENT: Definition = Definition(
    "RNNSequenceGrad",
    _gradient_spec(0, 1, 2, -2),
    bind=_bind_plain_gradient,
    gradient=_second("plain", (0, 1, 2, 6), (4, 5)),
    floating=True,
)
