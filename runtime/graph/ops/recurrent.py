"""Recurrent cells over whole sequences, one operation for all steps.

The products of the inputs with the weights are made for all steps at once, before the loop over
the steps; so are, after the loop backwards, the derivatives by inputs and weights. In between a
step only multiplies its state.

Sequences are ``[time, batch, size]``. Beyond the end of an example its outputs are zero and its
state stays as it was.
"""

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np

from runtime.graph.buffers import Buffers
from runtime.graph.definition import Definition, Kernel, Spec, View
from runtime.graph.ops.math import add
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
    return kernel, np.add.reduce(flat, 0)


def _slopes(buffers: Buffers, like: Array, ends: _Ends) -> Array:
    """Where the derivatives by the products go: zero where no example runs any more."""
    slopes = buffers.take(like.shape, like.dtype)
    slopes[ends.last :] = 0
    return slopes


BY_INPUTS: Definition = Definition(
    "SequenceInputsGrad",
    lambda view: Spec(view.first.dtype, view.inputs[2].dims),
    lambda slopes, kernel, x: (_flat(slopes) @ kernel[: x.shape[2]].T).reshape(x.shape),
    floating=True,
)


# Long short-term memory.


def _halves(units: int, dtype: Any) -> tuple[Array, Array]:
    """Factors and shifts of the gates i, j, f, o such that one tanh makes all four.

    sigmoid(x) = tanh(x / 2) / 2 + 1 / 2.
    """
    factors = np.full(4 * units, 0.5, dtype)
    shifts = factors.copy()
    factors[units : 2 * units], shifts[units : 2 * units] = 1, 0
    return factors, shifts


def _quarters(gates: Array) -> tuple[Array, Array, Array, Array]:
    """The gates i, j, f, o."""
    size = gates.shape[-1] // 4
    i, j, f, o = (gates[..., k * size : (k + 1) * size] for k in range(4))
    return i, j, f, o


def _bind_lstm(view: View) -> Kernel:
    forget, buffers = view["forget_bias"], Buffers()

    def kernel(x: Array, c: Array, h: Array, kernel: Array, bias: Array, *lengths: Array) -> Any:
        size, depth = h.shape[1], x.shape[2]
        factors, shifts = _halves(size, x.dtype)
        start = bias.copy()
        start[2 * size : 3 * size] += forget
        weights = kernel * factors
        recurrent = weights[depth:]
        gates = _projected(x, weights[:depth], start * factors, buffers)
        outputs, cells, squashed = _taken(buffers, 3, (*x.shape[:2], size), x.dtype)
        ends, scratch = _Ends(lengths[0] if lengths else None, len(x)), gates[:1].copy()
        for t in range(ends.last):
            g = gates[t]
            g += np.matmul(h, recurrent, out=scratch[0])
            np.tanh(g, g)
            g *= factors
            g += shifts
            i, j, f, o = _quarters(g)
            new = np.multiply(i, j, cells[t])
            new += f * c
            out = np.multiply(np.tanh(new, squashed[t]), o, outputs[t])
            running = ends.running(t)
            c, h = _kept(running, new, c), _kept(running, out, h)
            if running is not None:
                out *= running
        outputs[ends.last :] = 0
        return outputs, np.array(c), np.array(h), gates, cells, squashed

    return kernel


def _bind_lstm_gradient(view: View) -> Kernel:
    buffers = Buffers()

    def gradient(
        x: Array, c0: Array, h0: Array, kernel: Array, outputs: Array, gates: Array,
        cells: Array, squashed: Array, dy: Array, dc: Array, dh: Array, *lengths: Array,
    ) -> Any:  # fmt: skip
        back = kernel[x.shape[2] :].T.copy()
        ends = _Ends(lengths[0] if lengths else None, len(x))
        slopes = _slopes(buffers, gates, ends)
        dh, dc = np.array(dh), np.array(dc)
        for t in reversed(range(ends.last)):
            running, g, slope, tc = ends.running(t), gates[t], slopes[t], squashed[t]
            (i, j, f, o), (di, dj, df, do) = _quarters(g), _quarters(slope)
            # The derivatives of the gates themselves: g - g² of a sigmoid, 1 - g² of a tanh.
            np.multiply(g, g, slope)
            np.subtract(g, slope, slope)
            dj += 1 - j
            total = dh + _masked(running, dy[t])
            do *= total
            do *= tc
            total *= o
            inner = dc + total
            inner -= total * (tc * tc)
            di *= inner
            di *= j
            dj *= inner
            dj *= i
            df *= inner
            df *= cells[t - 1] if t else c0
            if running is not None:
                slope *= running
            dh = _kept(running, slope @ back, dh)
            inner *= f
            dc = _kept(running, inner, dc)
        return slopes, dc, dh, *_weights(x, outputs, slopes, h0)

    return gradient


# Gated recurrent units.


def _sigmoid(x: Array) -> Array:
    half = x.dtype.type(0.5)
    x *= half
    np.tanh(x, x)
    x *= half
    x += half
    return x


def _bind_gru(view: View) -> Kernel:
    buffers = Buffers()

    def kernel(
        x: Array, h: Array, gate_kernel: Array, gate_bias: Array, kernel: Array, bias: Array,
        *lengths: Array,
    ) -> Any:  # fmt: skip
        size, depth = h.shape[1], x.shape[2]
        gates = _projected(x, gate_kernel[:depth], gate_bias, buffers)
        candidates = _projected(x, kernel[:depth], bias, buffers)
        outputs, resets = _taken(buffers, 2, (*x.shape[:2], size), x.dtype)
        ends = _Ends(lengths[0] if lengths else None, len(x))
        for t in range(ends.last):
            g, c = gates[t], candidates[t]
            g += h @ gate_kernel[depth:]
            _sigmoid(g)
            update = g[:, size:]
            c += np.multiply(g[:, :size], h, resets[t]) @ kernel[depth:]
            np.tanh(c, c)
            out = np.multiply(update, h - c, outputs[t])
            out += c
            running = ends.running(t)
            h = _kept(running, out, h)
            if running is not None:
                out *= running
        outputs[ends.last :] = 0
        resets[ends.last :] = 0
        return outputs, np.array(h), gates, candidates, resets

    return kernel


def _bind_gru_gradient(view: View) -> Kernel:
    buffers = Buffers()

    def gradient(
        x: Array, h0: Array, gate_kernel: Array, kernel: Array, outputs: Array, gates: Array,
        candidates: Array, resets: Array, dy: Array, dh: Array, *lengths: Array,
    ) -> Any:  # fmt: skip
        size, depth = h0.shape[1], x.shape[2]
        gates_back, back = gate_kernel[depth:].T.copy(), kernel[depth:].T.copy()
        ends = _Ends(lengths[0] if lengths else None, len(x))
        gate_slopes, slopes = (_slopes(buffers, v, ends) for v in (gates, candidates))
        dh = np.array(dh)
        for t in reversed(range(ends.last)):
            running = ends.running(t)
            total = dh + _masked(running, dy[t])
            r, u, c = gates[t, :, :size], gates[t, :, size:], candidates[t]
            h = outputs[t - 1] if t else h0
            np.multiply(total * (1 - u), 1 - c * c, slopes[t])
            np.multiply(total * (h - c), u * (1 - u), gate_slopes[t, :, size:])
            by_reset = slopes[t] @ back
            np.multiply(by_reset * h, r * (1 - r), gate_slopes[t, :, :size])
            if running is not None:
                slopes[t] *= running
                gate_slopes[t] *= running
            new = total * u + by_reset * r + gate_slopes[t] @ gates_back
            dh = _kept(running, new, dh)
        by_gates = _weights(x, outputs, gate_slopes, h0)
        return gate_slopes, slopes, dh, *by_gates, *_weights(x, resets, slopes)

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
        x: Array, h0: Array, kernel: Array, outputs: Array, dy: Array, dh: Array, *lengths: Array
    ) -> Any:
        back = kernel[x.shape[2] :].T.copy()
        ends = _Ends(lengths[0] if lengths else None, len(x))
        slopes, dh = _slopes(buffers, outputs, ends), np.array(dh)
        for t in reversed(range(ends.last)):
            running, out = ends.running(t), outputs[t]
            np.multiply(dh + _masked(running, dy[t]), 1 - out * out, slopes[t])
            if running is not None:
                slopes[t] *= running
            dh = _kept(running, slopes[t] @ back, dh)
        return slopes, dh, *_weights(x, outputs, slopes, h0)

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
    """The rule for outputs, last states, and what the gradient needs: its width in states."""

    def infer(view: View) -> tuple[Spec, ...]:
        _check(view, kernels, 1)
        x, dtype = view.first.dims, view.first.dtype
        time, batch = (None, None) if x is None else x[:2]
        units = _last(view.inputs[1].dims)

        def wide(width: int) -> Dims:
            return time, batch, None if units is None else width * units

        last = [Spec(dtype, (batch, units)) for _ in range(states)]
        return Spec(dtype, wide(1)), *last, *[Spec(dtype, wide(width)) for width in saved]

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
    x, c, h, kernel, _, *lengths = op.inputs
    dy, dc, dh = _zeros_for_none(op, slopes[:3])
    outputs, _, _, *saved = op.outputs
    found = LSTM_GRADIENT(x, c, h, kernel, outputs, *saved, dy, dc, dh, *lengths)
    return [BY_INPUTS(found[0], kernel, x), *found[1:], *[None] * len(lengths)]


def _gru_rule(op: Any, *slopes: Any) -> list[Tensor | None]:
    x, h, gate_kernel, _, kernel, _, *lengths = op.inputs
    dy, dh = _zeros_for_none(op, slopes[:2])
    outputs, _, *saved = op.outputs
    by_gates, by_candidates, *found = GRU_GRADIENT(
        x, h, gate_kernel, kernel, outputs, *saved, dy, dh, *lengths
    )
    dx = add(BY_INPUTS(by_gates, gate_kernel, x), BY_INPUTS(by_candidates, kernel, x))
    return [dx, *found, *[None] * len(lengths)]


def _plain_rule(op: Any, *slopes: Any) -> list[Tensor | None]:
    x, h, kernel, _, *lengths = op.inputs
    dy, dh = _zeros_for_none(op, slopes[:2])
    found = PLAIN_GRADIENT(x, h, kernel, op.outputs[0], dy, dh, *lengths)
    return [BY_INPUTS(found[0], kernel, x), *found[1:], *[None] * len(lengths)]


LSTM: Definition = Definition(
    "LSTMSequence",
    _sequence_spec({3: 4}, 2, (4, 1, 1)),
    bind=_bind_lstm,
    gradient=_lstm_rule,
    floating=True,
)
LSTM_GRADIENT: Definition = Definition(
    "LSTMSequenceGrad", _gradient_spec(5, 1, 2, 3, -3), bind=_bind_lstm_gradient, floating=True
)
GRU: Definition = Definition(
    "GRUSequence",
    _sequence_spec({2: 2, 4: 1}, 1, (2, 1, 1)),
    bind=_bind_gru,
    gradient=_gru_rule,
    floating=True,
)
GRU_GRADIENT: Definition = Definition(
    "GRUSequenceGrad", _gradient_spec(5, 6, 1, 2, -2, 3, -3), bind=_bind_gru_gradient, floating=True
)
PLAIN: Definition = Definition(
    "RNNSequence",
    _sequence_spec({2: 1}, 1, ()),
    bind=_bind_plain,
    gradient=_plain_rule,
    floating=True,
)
PLAIN_GRADIENT: Definition = Definition(
    "RNNSequenceGrad", _gradient_spec(3, 1, 2, -2), bind=_bind_plain_gradient, floating=True
)
