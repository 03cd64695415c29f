"""Fourier transforms and frames: how to make them, and what they must give."""

from typing import Any

import numpy as np

import runtime as tf
from tests.graph.cases import Array, Case, numbers

RE, IM = numbers(2, 4, 6, seed=31), numbers(2, 4, 6, seed=32)
SIGNAL = numbers(3, 11, seed=33)


def _both(y: Any) -> Any:
    """Real and imaginary parts together, so that both have a gradient."""
    return tf.real(y) + 2.0 * tf.imag(y)


def _pair(y: Array) -> Any:
    return y.real + 2 * y.imag


def _frames(x: Array, length: int, step: int) -> Array:
    starts = range(0, x.shape[-1] - length + 1, step)
    return np.stack([x[..., s : s + length] for s in starts], -2)


def _hann(length: int) -> Array:
    found: Array = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(length) / length)
    return found


def _added(frames: Array, step: int) -> Array:
    total = np.zeros((*frames.shape[:-2], step * (frames.shape[-2] - 1) + frames.shape[-1]))
    for i in range(frames.shape[-2]):
        total[..., i * step : i * step + frames.shape[-1]] += frames[..., i, :]
    return total


def _padded(x: Array) -> Array:
    return np.pad(x, [(0, 0), (0, 4)], constant_values=0.5)


def _transforms() -> list[Case]:
    table = [("fft", tf.fft, np.fft.fft), ("ifft", tf.ifft, np.fft.ifft),
             ("fft2d", tf.fft2d, np.fft.fft2), ("ifft3d", tf.signal.ifft3d, np.fft.ifftn),
             ("rfft-of-real", lambda z: tf.signal.rfft(tf.real(z)),
              lambda z: np.fft.rfft(z.real))]  # fmt: skip
    return [
        Case(f"signal-{name}", lambda x, y, m=make: _both(m(tf.complex(x, y))),
             lambda x, y, e=expected: _pair(e(x + 1j * y)), (RE, IM), (0,))
        for name, make, expected in table
    ]  # fmt: skip


SIGNAL_CASES = [
    *_transforms(),
    *[Case(f"signal-rfft-{n}", lambda x, n=n: _both(tf.signal.rfft(x, [n])),
           lambda x, n=n: _pair(np.fft.rfft(x, n)), (SIGNAL,), (0,) if n > 10 else ())
      for n in (8, 11, 16)],
    *[Case(f"signal-irfft-{n}", lambda x, y, n=n: tf.signal.irfft(tf.complex(x, y), [n]),
           lambda x, y, n=n: np.fft.irfft(x + 1j * y, n), (RE, IM), (0, 1) if n > 9 else ())
      for n in (7, 10, 11, 14)],
    Case("signal-rfft2d", lambda x: _both(tf.signal.rfft2d(x)), lambda x: _pair(np.fft.rfft2(x)),
         (RE,), (0,)),
    Case("signal-irfft2d", lambda x, y: tf.signal.irfft2d(tf.complex(x, y)),
         lambda x, y: np.fft.irfft2(x + 1j * y), (RE, IM), (0, 1)),
    Case("signal-fftshift", tf.signal.fftshift, np.fft.fftshift, (RE,), (0,)),
    Case("signal-ifftshift", lambda x: tf.signal.ifftshift(x, axes=[1]),
         lambda x: np.fft.ifftshift(x, 1), (SIGNAL,), (0,)),
    Case("signal-frame", lambda x: tf.signal.frame(x, 4, 3), lambda x: _frames(x, 4, 3), (SIGNAL,),
         (0,)),
    Case("signal-frame-padded", lambda x: tf.signal.frame(x, 5, 3, True, 0.5),
         lambda x: _frames(_padded(x), 5, 3)[:, :4], (SIGNAL,), (0,)),
    Case("signal-frame-axis", lambda x: tf.signal.frame(x, 2, 1, axis=0),
         lambda x: np.stack([x[:2], x[1:]]), (SIGNAL,), (0,)),
    Case("signal-overlap_and_add", lambda x: tf.signal.overlap_and_add(x, 2),
         lambda x: _added(x, 2), (RE,), (0,)),
    Case("signal-stft", lambda x: _both(tf.signal.stft(x, 6, 2)),
         lambda x: _pair(np.fft.rfft(_frames(x, 6, 2) * _hann(6), 8)), (SIGNAL,), (0,)),
    Case("signal-inverse_stft",
         lambda x, y: tf.signal.inverse_stft(tf.complex(x, y), 6, 2, 10),
         lambda x, y: _added(np.fft.irfft(x + 1j * y, 10)[..., :6] * _hann(6), 2), (RE, IM),
         (0, 1)),
]  # fmt: skip
