"""Fourier transforms, frames of signals, and what is made of both.

Source of the rules: the tf.signal documentation of each function.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from runtime.graph.convert import TensorLike, convert_to_tensor
from runtime.graph.definition import Definition, Kernel, Spec, View
from runtime.graph.dtypes import DType, as_dtype, complex64, complex128, float32
from runtime.graph.export import export
from runtime.graph.graph import get_default_graph
from runtime.graph.ops.array import gather, range_, shape
from runtime.graph.ops.layout import matrix_transpose, pad, roll
from runtime.graph.ops.math import conj, maximum
from runtime.graph.ops.rules import checked_kind, rank_of, static_int, static_ints, unchanged
from runtime.graph.shapes import Dims, Incompatible, described
from runtime.graph.tensor import Tensor

# Transforms of complex numbers.


def _bind_transform(view: View) -> Kernel:
    axes = tuple(range(-view["axes"], 0))
    change = np.fft.ifftn if view["inverse"] else np.fft.fftn
    target = view.first.dtype.numpy
    return lambda x: change(x, axes=axes).astype(target)


def _transform_spec(view: View) -> Spec:
    dims = view.first.dims
    if dims is not None and len(dims) < view["axes"]:
        raise Incompatible(f"{view['axes']} axes are needed, not shape {described(dims)}")
    return unchanged(view)


def _transform_gradient(op: Any, dy: Tensor) -> list[Tensor]:
    """The matrix of the transform is symmetric; its gradient is by the conjugate one."""
    return [conj(_TRANSFORM(conj(dy), **op.attributes))]


_TRANSFORM: Definition = Definition(
    "FFT", _transform_spec, bind=_bind_transform, gradient=_transform_gradient, floating=True
)


def _transform(name: str, axes: int, inverse: bool, doc: str) -> None:
    @export(name, f"signal.{name}", f"spectral.{name}")
    def function(input: TensorLike, name: str | None = None) -> Tensor:
        tensor = checked_kind(convert_to_tensor(input), "c", function.__name__)
        result: Tensor = _TRANSFORM(
            tensor, axes=axes, inverse=inverse, name=name or function.__name__.upper()
        )
        return result

    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"""{doc} over the last {"axis" if axes == 1 else f"{axes} axes"}.

    Args:
        input: Complex numbers.
        name: Name of the operation.

    Returns:
        A tensor of the same shape.
    """


for _axes, _end in ((1, ""), (2, "2d"), (3, "3d")):
    _transform(f"fft{_end}", _axes, False, "The discrete Fourier transform")
    _transform(f"ifft{_end}", _axes, True, "The inverse of the discrete Fourier transform")


# Transforms of real numbers: `length` is the number of these, None for what fits.


def _complex_of(dtype: DType) -> DType:
    return complex64 if dtype is float32 else complex128


def _last_replaced(dims: Dims, size: int | None) -> Dims:
    return None if dims is None else (*dims[:-1], size)


def _real_spec(view: View) -> Spec:
    dims, length = view.first.dims, view["length"]
    count = length if length is not None or not dims else dims[-1]
    bins = None if count is None else count // 2 + 1
    return Spec(_complex_of(view.first.dtype), _last_replaced(dims, bins))


def _bind_real(view: View) -> Kernel:
    target, length = _complex_of(view.first.dtype).numpy, view["length"]
    return lambda x: np.fft.rfft(x, length).astype(target)


def _back_spec(view: View) -> Spec:
    dims, length = view.first.dims, view["length"]
    if length is None and dims and dims[-1] is not None:
        length = 2 * (dims[-1] - 1)
    return Spec(view.first.dtype.real_dtype, _last_replaced(dims, length))


def _bind_back(view: View) -> Kernel:
    target, length = view.first.dtype.real_dtype.numpy, view["length"]
    return lambda x: np.fft.irfft(x, length).astype(target)


def _fitted(x: Any, size: int) -> Any:
    """The values along the last axis, cut off or with zeros at the end."""
    missing = size - x.shape[-1]
    if missing <= 0:
        return x[..., :size]
    return np.pad(x, [(0, 0)] * (x.ndim - 1) + [(0, missing)])


def _bind_real_gradient(view: View) -> Kernel:
    def kernel(dy: Any, like: Any) -> Any:
        count = view["length"] or like.shape[-1]
        whole = np.fft.ifft(_fitted(dy, count)).real * count
        return _fitted(whole, like.shape[-1]).astype(like.dtype)

    return kernel


def _bind_back_gradient(view: View) -> Kernel:
    def kernel(dy: Any, like: Any) -> Any:
        count = dy.shape[-1]
        bins = np.fft.rfft(dy) / count
        bins[..., 1 : (count + 1) // 2] *= 2  # each stands for its conjugate, too
        return _fitted(bins, like.shape[-1]).astype(like.dtype)

    return kernel


def _like_second(view: View) -> Spec:
    return Spec(view.inputs[1].dtype, view.inputs[1].dims)


_REAL: Definition = Definition(
    "RFFT",
    _real_spec,
    bind=_bind_real,
    floating=True,
    gradient=lambda op, dy: [_REAL_GRADIENT(dy, op.inputs[0], **op.attributes)],
)
_REAL_GRADIENT: Definition = Definition(
    "RFFTGrad",
    _like_second,
    bind=_bind_real_gradient,
    floating=True,
    gradient=lambda op, dy: [_REAL(dy, **op.attributes), None],
)
_BACK: Definition = Definition(
    "IRFFT",
    _back_spec,
    bind=_bind_back,
    floating=True,
    gradient=lambda op, dy: [_BACK_GRADIENT(dy, op.inputs[0], **op.attributes)],
)
_BACK_GRADIENT: Definition = Definition(
    "IRFFTGrad",
    _like_second,
    bind=_bind_back_gradient,
    floating=True,
    gradient=lambda op, dy: [_BACK(dy, **op.attributes), None],
)


def _length(fft_length: TensorLike) -> int | None:
    return None if fft_length is None else static_ints(fft_length, "fft_length")[-1]


@export("signal.rfft", "spectral.rfft")
def rfft(
    input_tensor: TensorLike, fft_length: TensorLike = None, name: str | None = None
) -> Tensor:
    """The first half of the Fourier transform of real numbers, over the last axis.

    Args:
        input_tensor: Floating-point numbers.
        fft_length: ``[n]``: how many numbers to take, with zeros at the end if there are fewer;
            all if None.
        name: Name of the operation.

    Returns:
        ``n // 2 + 1`` complex numbers along the last axis.
    """
    tensor = checked_kind(convert_to_tensor(input_tensor), "f", "rfft")
    result: Tensor = _REAL(tensor, length=_length(fft_length), name=name or "rfft")
    return result


@export("signal.irfft", "spectral.irfft")
def irfft(
    input_tensor: TensorLike, fft_length: TensorLike = None, name: str | None = None
) -> Tensor:
    """The real numbers of which `rfft` gives the first half of the transform.

    Args:
        input_tensor: Complex numbers.
        fft_length: ``[n]``: the number of real ones; ``2 * (bins - 1)`` if None.
        name: Name of the operation.

    Returns:
        Real numbers along the last axis.
    """
    tensor = checked_kind(convert_to_tensor(input_tensor), "c", "irfft")
    result: Tensor = _BACK(tensor, length=_length(fft_length), name=name or "irfft")
    return result


def _shifted(x: TensorLike, axes: Any, back: bool, name: str | None) -> Tensor:
    tensor = convert_to_tensor(x)
    rank = rank_of(tensor, "fftshift")
    chosen = list(range(rank)) if axes is None else list(static_ints(axes, "The axes of fftshift"))
    sizes = shape(tensor)
    by = [-(sizes[axis] // 2) if back else sizes[axis] // 2 for axis in chosen]
    return roll(tensor, by, chosen, name)


@export("signal.fftshift")
def fftshift(x: TensorLike, axes: Any = None, name: str | None = None) -> Tensor:
    """The bins of a transform, with that of frequency zero in the middle.

    Args:
        x: A tensor of known rank.
        axes: The axes; all if None.
        name: Name of the operation.

    Returns:
        A tensor of the same shape.
    """
    return _shifted(x, axes, False, name or "fftshift")


@export("signal.ifftshift")
def ifftshift(x: TensorLike, axes: Any = None, name: str | None = None) -> Tensor:
    """What `fftshift` shifts, back where it was.

    Args:
        x: A tensor of known rank.
        axes: The axes; all if None.
        name: Name of the operation.

    Returns:
        A tensor of the same shape.
    """
    return _shifted(x, axes, True, name or "ifftshift")


# Frames and windows.


@export("signal.frame")
def frame(
    signal: TensorLike,
    frame_length: TensorLike,
    frame_step: TensorLike,
    pad_end: bool = False,
    pad_value: TensorLike = 0,
    axis: int = -1,
    name: str | None = None,
) -> Tensor:
    """Pieces of a signal, which may overlap.

    Args:
        signal: A tensor of known rank.
        frame_length: The length of each piece.
        frame_step: How far apart pieces begin.
        pad_end: Whether there are pieces that go beyond the end, filled up.
        pad_value: What they are filled up with.
        axis: The axis that is cut into pieces.
        name: Name of the scope of the operations.

    Returns:
        A tensor with the axes ``[pieces, frame_length]`` in the place of `axis`.
    """
    length, step = static_int(frame_length, "frame_length"), static_int(frame_step, "frame_step")
    with get_default_graph().name_scope(name or "frame"):
        tensor = convert_to_tensor(signal)
        rank = rank_of(tensor, "frame")
        place = axis % rank
        size = tensor.dims[place] if tensor.dims is not None else None
        count: Any = shape(tensor)[place] if size is None else size
        if pad_end:
            pieces = (count + step - 1) // step
            missing = _at_least_none(length + step * (pieces - 1) - count)
            edges: list[Any] = [[0, 0]] * place + [[0, missing]] + [[0, 0]] * (rank - place - 1)
            tensor = pad(tensor, edges, constant_values=pad_value)
        else:
            pieces = _at_least_none((count - length) // step + 1)
        starts = range_(pieces) * step
        places = starts[:, np.newaxis] + np.arange(length, dtype=np.int32)
        return gather(tensor, places, axis=place)


def _at_least_none(count: Any) -> Any:
    return max(count, 0) if isinstance(count, int) else maximum(count, 0)


def _bind_overlap(view: View) -> Kernel:
    step = view["step"]

    def add(frames: Any) -> Any:
        *lead, count, length = frames.shape
        total = np.zeros((*lead, length + step * (count - 1) if count else 0), frames.dtype)
        for i in range(count):
            total[..., i * step : i * step + length] += frames[..., i, :]
        return total

    return add


def _overlap_spec(view: View) -> Spec:
    dims = view.first.dims
    if dims is None:
        return Spec(view.first.dtype, None)
    if len(dims) < 2:
        raise Incompatible(f"frames need two axes, not shape {described(dims)}")
    count, length = dims[-2:]
    known = None if count is None or length is None else length + view["step"] * (count - 1)
    return Spec(view.first.dtype, (*dims[:-2], known))


_OVERLAP: Definition = Definition(
    "OverlapAndAdd",
    _overlap_spec,
    bind=_bind_overlap,
    floating=True,
    gradient=lambda op, dy: [_FRAMES_LIKE(dy, op.inputs[0], **op.attributes)],
)


def _bind_frames_like(view: View) -> Kernel:
    step = view["step"]

    def cut(whole: Any, like: Any) -> Any:
        count, length = like.shape[-2:]
        places = np.arange(count)[:, None] * step + np.arange(length)
        return whole[..., places]

    return cut


_FRAMES_LIKE: Definition = Definition(
    "FramesLike",
    _like_second,
    bind=_bind_frames_like,
    gradient=lambda op, dy: [_OVERLAP(dy, **op.attributes), None],
)


@export("signal.overlap_and_add")
def overlap_and_add(signal: TensorLike, frame_step: TensorLike, name: str | None = None) -> Tensor:
    """A signal of pieces that overlap: what `frame` would cut up, if the pieces are added.

    Args:
        signal: ``[..., pieces, length]``.
        frame_step: How far apart pieces begin.
        name: Name of the operation.

    Returns:
        A tensor with one axis less.
    """
    step = static_int(frame_step, "frame_step")
    result: Tensor = _OVERLAP(convert_to_tensor(signal), step=step, name=name or "overlap_and_add")
    return result


def _window(name: str, share: float) -> Callable[..., Tensor]:
    @export(f"signal.{name}_window")
    def function(
        window_length: TensorLike,
        periodic: Any = True,
        dtype: Any = float32,
        name: str | None = None,
    ) -> Tensor:
        length = static_int(window_length, "window_length")
        even = 1 - length % 2
        span = length + (even if periodic else 0) - 1
        angles = 2 * np.pi * np.arange(length) / max(span, 1)
        values = share - (1 - share) * np.cos(angles) if length > 1 else np.ones(length)
        found = values.astype(as_dtype(dtype).numpy)
        return convert_to_tensor(found, name=name or function.__name__)

    function.__name__ = function.__qualname__ = f"{name}_window"
    function.__doc__ = f"""The {name.capitalize()} window.

    Args:
        window_length: The number of its values.
        periodic: Whether it is part of a periodic function; else it is symmetric.
        dtype: A floating-point type.
        name: Name of the operation.

    Returns:
        A vector.
    """
    return function


hann_window = _window("hann", 0.5)
hamming_window = _window("hamming", 0.54)


def _enclosing_power(length: int) -> int:
    return 1 << max(length - 1, 0).bit_length()


@export("signal.stft")
def stft(
    signals: TensorLike,
    frame_length: TensorLike,
    frame_step: TensorLike,
    fft_length: TensorLike = None,
    window_fn: Callable[..., Tensor] | None = hann_window,
    pad_end: bool = False,
    name: str | None = None,
) -> Tensor:
    """The transforms of pieces of signals.

    Args:
        signals: ``[..., samples]``: floating-point numbers.
        frame_length: The length of each piece.
        frame_step: How far apart pieces begin.
        fft_length: The length of the transform; the next power of two if None.
        window_fn: Gives from a length and ``dtype=`` what pieces are multiplied with; None for
            nothing.
        pad_end: Whether there are pieces that go beyond the end, filled up with zeros.
        name: Name of the scope of the operations.

    Returns:
        ``[..., pieces, fft_length // 2 + 1]``: complex numbers.
    """
    with get_default_graph().name_scope(name or "stft"):
        tensor = checked_kind(convert_to_tensor(signals), "f", "stft")
        length = static_int(frame_length, "frame_length")
        size = _enclosing_power(length) if fft_length is None else static_int(fft_length, "n")
        pieces = frame(tensor, length, frame_step, pad_end)
        if window_fn is not None:
            pieces = pieces * window_fn(length, dtype=tensor.dtype)
        return rfft(pieces, [size])


@export("signal.inverse_stft")
def inverse_stft(
    stfts: TensorLike,
    frame_length: TensorLike,
    frame_step: TensorLike,
    fft_length: TensorLike = None,
    window_fn: Callable[..., Tensor] | None = hann_window,
    name: str | None = None,
) -> Tensor:
    """The signals of transforms of pieces.

    It is the inverse of `stft` with the window that `inverse_stft_window_fn` gives.

    Args:
        stfts: ``[..., pieces, fft_length // 2 + 1]``: complex numbers.
        frame_length: The length of each piece.
        frame_step: How far apart pieces begin.
        fft_length: The length of the transform; the next power of two if None.
        window_fn: Gives from a length and ``dtype=`` what pieces are multiplied with; None for
            nothing.
        name: Name of the scope of the operations.

    Returns:
        ``[..., samples]``.
    """
    with get_default_graph().name_scope(name or "inverse_stft"):
        tensor = checked_kind(convert_to_tensor(stfts), "c", "inverse_stft")
        length = static_int(frame_length, "frame_length")
        size = _enclosing_power(length) if fft_length is None else static_int(fft_length, "n")
        pieces = irfft(tensor, [size])[..., :length]
        if length > size:
            edges = [[0, 0]] * (rank_of(pieces, "inverse_stft") - 1) + [[0, length - size]]
            pieces = pad(pieces, edges)
        if window_fn is not None:
            pieces = pieces * window_fn(length, dtype=tensor.dtype.real_dtype)
        return overlap_and_add(pieces, frame_step)


@export("signal.inverse_stft_window_fn")
def inverse_stft_window_fn(
    frame_step: TensorLike,
    forward_window_fn: Callable[..., Tensor] = hann_window,
    name: str | None = None,
) -> Callable[..., Tensor]:
    """The window with which `inverse_stft` gives the signal that `stft` was given.

    Args:
        frame_step: How far apart pieces begin.
        forward_window_fn: The window of `stft`.
        name: Without effect.

    Returns:
        A function of the length and the element type.
    """
    step = static_int(frame_step, "frame_step")

    def window(frame_length: TensorLike, dtype: Any) -> Tensor:
        from runtime.graph.ops.array import reshape
        from runtime.graph.ops.layout import tile
        from runtime.graph.ops.reduction import reduce_sum

        length = static_int(frame_length, "frame_length")
        forward = forward_window_fn(length, dtype=dtype)
        overlaps = -(-length // step)
        squares = pad(forward * forward, [[0, overlaps * step - length]])
        total = reduce_sum(reshape(squares, [overlaps, step]), 0, keepdims=True)
        return forward / reshape(tile(total, [overlaps, 1]), [-1])[:length]

    return window


# Images of real numbers.


def _by_columns(definition: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    """A transform along the axis before the last one."""
    return matrix_transpose(definition(matrix_transpose(x)))


@export("signal.rfft2d", "spectral.rfft2d")
def rfft2d(
    input_tensor: TensorLike, fft_length: TensorLike = None, name: str | None = None
) -> Tensor:
    """The first half of the Fourier transform of real numbers, over the last two axes.

    Args:
        input_tensor: Floating-point numbers.
        fft_length: Must be None: all numbers are taken.
        name: Name of the scope of the operations.

    Returns:
        Complex numbers.

    Raises:
        ValueError: If a length is given.
    """
    _no_length(fft_length, "rfft2d")
    with get_default_graph().name_scope(name or "rfft2d"):
        rows = rfft(input_tensor)
        return _by_columns(lambda x: _TRANSFORM(x, axes=1, inverse=False), rows)


@export("signal.irfft2d", "spectral.irfft2d")
def irfft2d(
    input_tensor: TensorLike, fft_length: TensorLike = None, name: str | None = None
) -> Tensor:
    """The real numbers of which `rfft2d` gives the first half of the transform.

    Args:
        input_tensor: Complex numbers.
        fft_length: Must be None: the last axis has ``2 * (bins - 1)`` numbers.
        name: Name of the scope of the operations.

    Returns:
        Real numbers.

    Raises:
        ValueError: If a length is given.
    """
    _no_length(fft_length, "irfft2d")
    with get_default_graph().name_scope(name or "irfft2d"):
        tensor = checked_kind(convert_to_tensor(input_tensor), "c", "irfft2d")
        return irfft(_by_columns(lambda x: _TRANSFORM(x, axes=1, inverse=True), tensor))


def _no_length(fft_length: TensorLike, what: str) -> None:
    if fft_length is not None:
        raise ValueError(f"{what} takes no fft_length here: crop or pad the tensor first.")
