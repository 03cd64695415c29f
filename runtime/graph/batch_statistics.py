"""Batch normalization beside the common case: several axes, virtual batches, renormalization.

It is made of plain operations.

Source: the ``tf.compat.v1.layers.BatchNormalization`` documentation; Ioffe, "Batch
Renormalization" (2017).
"""

from collections.abc import Callable, Sequence
from typing import Any

from runtime.graph.convert import convert_to_tensor
from runtime.graph.graph import get_default_graph
from runtime.graph.initializers import Initializer
from runtime.graph.ops.activation import relu
from runtime.graph.ops.array import identity, reshape, shape, stop_gradient, where
from runtime.graph.ops.math import clip_by_value, maximum, sqrt
from runtime.graph.ops.normalization import batch_normalization, moments
from runtime.graph.ops.reduction import reduce_mean
from runtime.graph.shapes import Dims, as_dims
from runtime.graph.tensor import Tensor

CLIPPING = ("rmin", "rmax", "dmax")


def parameter_dims(dims: Sequence[int | None], axes: Sequence[int], ghosts: bool) -> list[int]:
    """The shape of gamma and the like for several axes, or for virtual batches.

    Args:
        dims: The shape of the input, known along the axes.
        axes: The axes of the channels.
        ghosts: Whether batches are cut into virtual ones, which are one more axis.

    Returns:
        The sizes: 1 but along the axes.
    """
    sizes = [int(size or 0) if axis in axes else 1 for axis, size in enumerate(dims)]
    return [1, *sizes] if ghosts else sizes


def root_of(initializer: Any) -> Callable[..., Tensor]:
    """What gives a standard deviation where another initializer gives a variance.

    Args:
        initializer: The initializer of the variance.

    Returns:
        An initializer.
    """

    def made(sizes: Any, dtype: Any = None, partition_info: Any = None) -> Tensor:
        given = initializer() if isinstance(initializer, type) else initializer
        return sqrt(given(sizes, dtype) if isinstance(given, Initializer) else given(sizes))

    return made


class Statistics:
    """The statistics of one call of a layer.

    Args:
        layer: The layer, with its variables.
        training: Whether this is training: a bool, or a tensor.
        average: Adds the change of a moving average to the graph: a function of variable, value,
            momentum, and training.
    """

    def __init__(self, layer: Any, training: Any, average: Callable[..., Any]) -> None:
        self._layer = layer
        self._training = training
        self._average = average

    def normalized(self, inputs: Tensor, axes: Sequence[int]) -> Tensor:
        """The result; what updates the moving averages is added to the layer.

        Args:
            inputs: The input.
            axes: The axes of the channels.

        Returns:
            A tensor of the same shape.
        """
        layer, ghosts = self._layer, self._layer.virtual_batch_size
        x, inner = inputs, list(axes)
        if ghosts is not None:
            rest = [-1 if d is None else d for d in (inputs.dims or ())[1:]]
            x, inner = reshape(inputs, [ghosts, -1, *rest]), [axis + 1 for axis in axes]
        rank = len(x.dims or ())
        others = [a for a in range(rank) if a not in inner and (ghosts is None or a != 1)]
        wide = [1 if a not in inner else int((x.dims or ())[a] or 0) for a in range(rank)]
        mean, variance = self._moments(x, others)
        scale, offset = (_wide(v, wide) for v in (layer.gamma, layer.beta))
        if self._training is not False:
            scale, offset = self._adjusted(x, scale, offset)
            scale, offset = self._followed(mean, variance, scale, offset, wide, ghosts is not None)
        mean = self._chosen(mean, lambda: _wide(layer.moving_mean, wide))
        variance = self._chosen(variance, lambda: _wide(layer.moving_variance, wide))
        result = batch_normalization(x, mean, variance, offset, scale, layer.epsilon)
        if ghosts is not None:
            result = reshape(result, shape(inputs))
        result.set_shape(inputs.dims)
        return result

    def _moments(self, x: Tensor, others: list[int]) -> Any:
        if self._training is False:
            return None, None
        return moments(x, others, keepdims=True)

    def _chosen(self, here: Any, otherwise: Callable[[], Any]) -> Any:
        """A value of the batch in training, else another one."""
        if self._training is True:
            return here
        if self._training is False:
            return otherwise()
        other = otherwise()
        return where(convert_to_tensor(self._training), here + other * 0, other + here * 0)

    def _adjusted(self, x: Tensor, scale: Any, offset: Any) -> Any:
        """Scale and offset after the random ones that `adjustment` gives."""
        if self._layer.adjustment is None:
            return scale, offset
        factor, shift = self._layer.adjustment(shape(x))
        factor = self._chosen(factor, lambda: factor * 0 + 1)
        shift = self._chosen(shift, lambda: shift * 0)
        return _composed(factor, shift, scale, offset)

    def _followed(
        self, mean: Tensor, variance: Tensor, scale: Any, offset: Any, wide: Any, ghosts: bool
    ) -> Any:
        """Adds the updates; scale and offset after what renormalization corrects."""
        layer = self._layer
        if ghosts:
            mean, variance = (reduce_mean(v, 1, keepdims=True) for v in (mean, variance))
        dims = list(as_dims(layer.moving_mean.shape) or ())
        mean, variance = (reshape(v, dims) for v in (mean, variance))
        if not layer.renorm:
            layer.add_update(self._average(layer.moving_mean, mean, layer.momentum).op)
            layer.add_update(self._average(layer.moving_variance, variance, layer.momentum).op)
            return scale, offset
        deviation = sqrt(variance + layer.epsilon)
        factor, shift = self._correction(mean, deviation)
        with get_default_graph().control_dependencies([factor, shift]):
            self._follow(identity(mean), identity(deviation))
        factor, shift = (_wide(stop_gradient(v), wide) for v in (factor, shift))
        return _composed(factor, shift, scale, offset)

    def _correction(self, mean: Tensor, deviation: Tensor) -> tuple[Any, Any]:
        layer = self._layer
        known = maximum(convert_to_tensor(layer.renorm_stddev), layer.epsilon**0.5)
        factor, shift = deviation / known, (mean - layer.renorm_mean) / known
        least, most, far = (layer.renorm_clipping.get(key) for key in CLIPPING)
        if least is not None:
            factor = maximum(factor, least)
        if most is not None:
            factor = -maximum(-factor, -convert_to_tensor(most, factor.dtype))
        if far is not None:
            shift = clip_by_value(shift, -far, far)
        return (
            self._chosen(factor, lambda: factor * 0 + 1),
            self._chosen(shift, lambda: shift * 0),
        )

    def _follow(self, mean: Tensor, deviation: Tensor) -> None:
        """Updates of all averages, those of the correction first."""
        layer = self._layer
        first = [
            self._average(layer.renorm_mean, mean, layer.renorm_momentum).op,
            self._average(layer.renorm_stddev, deviation, layer.renorm_momentum).op,
        ]
        with get_default_graph().control_dependencies(first):
            layer.add_update(self._average(layer.moving_mean, mean, layer.momentum).op)
            spread = self._average(layer.moving_stddev, deviation, layer.momentum)
            variance = relu(spread * spread - layer.epsilon)
            variance = self._chosen(variance, lambda: convert_to_tensor(layer.moving_variance))
            layer.add_update(layer.moving_variance.assign(variance, name="AssignNewValue").op)


def _wide(value: Any, dims: Dims | list[int]) -> Any:
    return None if value is None else reshape(convert_to_tensor(value), list(dims or ()))


def _composed(factor: Any, shift: Any, scale: Any, offset: Any) -> tuple[Any, Any]:
    """One scaling after another."""
    if scale is not None:
        factor, shift = factor * scale, shift * scale
    return factor, shift if offset is None else shift + offset
