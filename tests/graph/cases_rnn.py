"""The operations on sequences, which are our own: how to make them, and what they must give."""

from collections.abc import Callable
from typing import Any

import numpy as np

import runtime as tf
from runtime.graph.ops import recurrent
from tests.graph.cases import Array, Case, _sigmoid, numbers


def _one_by_one(step: Callable[..., Any], x: Array, states: Any, lengths: Any) -> list[Array]:
    """Outputs and last states, example by example and step by step."""
    outputs = np.zeros((*x.shape[:2], states[0].shape[1]))
    last = [state.copy() for state in states]
    for n in range(x.shape[1]):
        for t in range(len(x) if lengths is None else lengths[n]):
            after = step(x[t, n], *[state[n] for state in last])
            for state, value in zip(last, after, strict=True):
                state[n] = value
            outputs[t, n] = after[-1]
    return [outputs, *last]


def _lstm(x: Array, c: Array, h: Array, w: Array, b: Array, *lengths: Any) -> Any:
    def step(x: Array, c: Array, h: Array) -> Any:
        i, j, f, o = np.split(np.concatenate([x, h]) @ w + b, 4)
        new = _sigmoid(f + 1.0) * c + _sigmoid(i) * np.tanh(j)
        return new, _sigmoid(o) * np.tanh(new)

    return _joined(_one_by_one(step, x, (c, h), *(lengths or (None,))))


def _gru(x: Array, h: Array, wg: Array, bg: Array, w: Array, b: Array, *lengths: Any) -> Any:
    def step(x: Array, h: Array) -> Any:
        r, u = np.split(_sigmoid(np.concatenate([x, h]) @ wg + bg), 2)
        c = np.tanh(np.concatenate([x, r * h]) @ w + b)
        return (u * h + (1 - u) * c,)

    return _joined(_one_by_one(step, x, (h,), *(lengths or (None,))))


def _plain(x: Array, h: Array, w: Array, b: Array, *lengths: Any) -> Any:
    def step(x: Array, h: Array) -> Any:
        return (np.tanh(np.concatenate([x, h]) @ w + b),)

    return _joined(_one_by_one(step, x, (h,), *(lengths or (None,))))


def _joined(values: Any) -> Any:
    """Outputs and last states weighted, so that each counts in a gradient."""
    return sum(v.sum(0) * (n + 1) if v.ndim == 3 else v * (n + 1) for n, v in enumerate(values))


def _sequences() -> list[Case]:
    x, c, h = numbers(3, 2, 4), numbers(2, 3, seed=1), numbers(2, 3, seed=2)
    wide, mid, slim = (numbers(7, 3 * n, low=-1, high=1, seed=n) for n in (4, 2, 1))
    inputs = {
        "lstm": (recurrent.LSTM, _lstm, (x, c, h, wide, numbers(12)), {"forget_bias": 1.0}, 3),
        "gru": (recurrent.GRU, _gru, (x, h, mid, numbers(6), slim, numbers(3)), {}, 2),
        "rnn": (recurrent.PLAIN, _plain, (x, h, slim, numbers(3)), {}, 2),
    }
    cases = []
    for name, (kind, expected, values, options, count) in inputs.items():
        for lengths in ((), (np.array([1, 0], np.int32),), (np.array([3, 2], np.int32),)):
            cases.append(Case(
                f"{name}-{lengths}",
                lambda *x, k=kind, o=options, n=count: _weighted(k(*x, **o)[:n]), expected,
                (*values, *lengths), tuple(range(len(values)))))  # fmt: skip
    return cases


def _weighted(tensors: Any) -> Any:
    return tf.add_n([
        tf.reduce_sum(t, 0) if n == 0 else t * (n + 1.0) for n, t in enumerate(tensors)
    ])  # fmt: skip


SEQUENCE_CASES = _sequences()
