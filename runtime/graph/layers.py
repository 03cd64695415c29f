"""Layers: functions and classes that make their variables themselves.

Source: the ``tf.compat.v1.layers`` module documentation.
"""

from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

from runtime.graph import dtypes
from runtime.graph.batch_statistics import CLIPPING, Statistics, parameter_dims, root_of
from runtime.graph.convert import convert_to_tensor
from runtime.graph.export import export
from runtime.graph.graph import get_default_graph
from runtime.graph.initializers import Ones, Zeros
from runtime.graph.layer import InputSpec, Layer, last_size
from runtime.graph.ops import convolution, nn, pooling, sampling
from runtime.graph.ops.array import (
    concat,
    expand_dims,
    identity,
    reshape,
    shape,
    squeeze,
    stack,
    transpose,
    where,
)
from runtime.graph.ops.math import cast, matmul
from runtime.graph.ops.normalization import FUSED
from runtime.graph.shapes import as_dims, described, fully_known
from runtime.graph.spellings import activation_of
from runtime.graph.tensor import Tensor

_ZEROS = Zeros()
_ONES = Ones()


def _sizes(value: Any, count: int, what: str) -> tuple[int, ...]:
    """An argument such as a kernel's size: one number for all axes, or one for each."""
    if isinstance(value, int):
        return (value,) * count
    numbers = tuple([int(number) for number in value])
    if len(numbers) != count:
        raise ValueError(f"The {what} argument must be {count} integers or one, not {value!r}.")
    return numbers


def _order(data_format: str) -> bool:
    """Whether the channels are the first axis after the batch."""
    if data_format not in ("channels_last", "channels_first"):
        raise ValueError(
            "The data_format argument must be one of 'channels_first', 'channels_last', not "
            f"{data_format!r}."
        )
    return data_format == "channels_first"


def nn_format(rank: int, first: bool) -> str:
    """The order of the axes as `tf.nn` spells it.

    Args:
        rank: The number of axes beside batch and channels.
        first: Whether the channels are the first axis after the batch.

    Returns:
        For example ``"NHWC"``.
    """
    inner = "DHW"[3 - rank :]
    return f"NC{inner}" if first else f"N{inner}C"


class _WithWeights(Layer):
    """What layers with a kernel, a bias and an activation share."""

    def __init__(self, options: dict[str, Any]) -> None:
        kept = {k: v for k, v in options.items() if k not in ("self", "kwargs", "__class__")}
        super().__init__(
            trainable=kept.pop("trainable"),
            name=kept.pop("name"),
            activity_regularizer=kept.pop("activity_regularizer", None),
            **options["kwargs"],
        )
        self.activation: Any = activation_of(kept.pop("activation", None))
        self.use_bias: bool = kept.pop("use_bias", True)
        vars(self).update(kept)

    def _weight(self, name: str, shape: Any, kind: str | None = None) -> Any:
        options = vars(self)
        return self.add_weight(
            name,
            shape,
            initializer=options[f"{kind or name}_initializer"],
            regularizer=options[f"{kind or name}_regularizer"],
            constraint=options[f"{kind or name}_constraint"],
        )

    def _finished(self, result: Tensor, first: bool = False) -> Tensor:
        """With the bias added, and activated."""
        if self.use_bias:
            result = nn.bias_add(result, vars(self)["bias"], "NCHW" if first else "NHWC")
        return result if self.activation is None else self.activation(result)


@export("layers.Dense")
class Dense(_WithWeights):
    """activation(inputs · kernel + bias).

    Args:
        units: The size of the result's last axis.
        activation: A function of a tensor, or None.
        use_bias: Whether there is a bias.
        kernel_initializer: Initial value of the kernel; the scope's if None.
        bias_initializer: Initial value of the bias.
        kernel_regularizer: A function that gives a loss.
        bias_regularizer: A function that gives a loss.
        activity_regularizer: A function of the result that gives a loss.
        kernel_constraint: A function that optimizers apply to the kernel.
        bias_constraint: A function that optimizers apply to the bias.
        trainable: Whether the variables are trainable.
        name: The layer's name.
        **kwargs: As for `Layer`.
    """

    units: int

    def __init__(
        self,
        units: int,
        activation: Callable[[Any], Any] | None = None,
        use_bias: bool = True,
        kernel_initializer: Any = None,
        bias_initializer: Any = _ZEROS,
        kernel_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        kernel_constraint: Any = None,
        bias_constraint: Any = None,
        trainable: bool = True,
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(locals())
        self.units = int(units)
        if self.units <= 0:
            raise ValueError(f"The units of layer {self.name} must be at least 1, not {units}.")
        self.input_spec = InputSpec(min_ndim=2)

    def build(self, input_shape: Any) -> None:
        """Makes kernel and bias.

        Args:
            input_shape: The shape of the input; its last size must be known.
        """
        if self.dtype is not None and self.dtype.numpy.kind not in "fc":
            raise TypeError(
                f"Unable to build layer {self.name}: it works with floating-point numbers, not "
                f"with inputs of type {self.dtype.name}. Use tf.cast to convert."
            )
        size = last_size(input_shape, -1, "Dense")
        self.input_spec = InputSpec(min_ndim=2, axes={-1: size})
        self.kernel = self._weight("kernel", [size, self.units])
        self.bias = self._weight("bias", [self.units]) if self.use_bias else None
        self.built = True

    def call(self, inputs: Any) -> Tensor:
        """The result.

        Args:
            inputs: A tensor with at least two axes.

        Returns:
            A tensor whose last axis has the size `units`.
        """
        rank = None if inputs.dims is None else len(inputs.dims)
        if rank == 2:
            return self._finished(matmul(inputs, self.kernel))
        with get_default_graph().name_scope("Tensordot"):
            flat = matmul(reshape(inputs, [-1, inputs.dims[-1]]), self.kernel)
            known = (*inputs.dims[:-1], self.units)
            sizes = list(known) if fully_known(known) else None
            made = reshape(flat, sizes or concat([shape(inputs)[:-1], [self.units]], 0))
        made.set_shape(known)
        return self._finished(made)


class _Convolution(_WithWeights):
    """What convolutions share."""

    rank: int
    filters: int
    kernel_size: tuple[int, ...]
    strides: tuple[int, ...]
    dilation_rate: tuple[int, ...]
    padding: str
    data_format: str

    def __init__(self, rank: int, options: dict[str, Any]) -> None:
        super().__init__(options)
        self.rank = rank
        self.filters = int(self.filters)
        if self.filters <= 0:
            raise ValueError(
                f"The filters of layer {self.name} must be at least 1, not {self.filters}."
            )
        self.kernel_size = _sizes(self.kernel_size, rank, "kernel_size")
        self.strides = _sizes(self.strides, rank, "strides")
        self.dilation_rate = _sizes(vars(self).get("dilation_rate", 1), rank, "dilation_rate")
        self.padding = str(self.padding).upper()
        self._first = _order(self.data_format)
        self.input_spec = InputSpec(ndim=rank + 2)

    def _channels(self, input_shape: Any) -> int:
        axis = 1 if self._first else -1
        size = last_size(input_shape, axis, type(self).__name__)
        self.input_spec = InputSpec(ndim=self.rank + 2, axes={axis: size})
        return size

    def build(self, input_shape: Any) -> None:
        """Makes kernel and bias.

        Args:
            input_shape: The shape of the input; the number of channels must be known.
        """
        channels = self._channels(input_shape)
        self.kernel = self._weight("kernel", [*self.kernel_size, channels, self.filters])
        self.bias = self._weight("bias", [self.filters]) if self.use_bias else None
        self.built = True

    @property
    def _nn_format(self) -> str:
        return nn_format(self.rank, self._first)


@export("layers.Conv2D")
class Conv2D(_Convolution):
    """A convolution of images.

    Args:
        filters: The channels of the result.
        kernel_size: Height and width of the windows.
        strides: The distance of neighbouring windows.
        padding: ``"valid"`` or ``"same"``.
        data_format: ``"channels_last"`` or ``"channels_first"``.
        dilation_rate: The distance of neighbouring elements of a window.
        activation: A function of a tensor, or None.
        use_bias: Whether there is a bias.
        kernel_initializer: Initial value of the kernel; the scope's if None.
        bias_initializer: Initial value of the bias.
        kernel_regularizer: A function that gives a loss.
        bias_regularizer: A function that gives a loss.
        activity_regularizer: A function of the result that gives a loss.
        kernel_constraint: A function that optimizers apply to the kernel.
        bias_constraint: A function that optimizers apply to the bias.
        trainable: Whether the variables are trainable.
        name: The layer's name.
        **kwargs: As for `Layer`.
    """

    def __init__(
        self,
        filters: int,
        kernel_size: Any,
        strides: Any = (1, 1),
        padding: str = "valid",
        data_format: str = "channels_last",
        dilation_rate: Any = (1, 1),
        activation: Callable[[Any], Any] | None = None,
        use_bias: bool = True,
        kernel_initializer: Any = None,
        bias_initializer: Any = _ZEROS,
        kernel_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        kernel_constraint: Any = None,
        bias_constraint: Any = None,
        trainable: bool = True,
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(2, locals())

    def call(self, inputs: Any) -> Tensor:
        """The result.

        Args:
            inputs: Images.

        Returns:
            Images.
        """
        made = convolution.conv2d(
            inputs,
            self.kernel,
            list(self.strides),
            self.padding,
            data_format=self._nn_format,
            dilations=list(self.dilation_rate),
        )
        return self._finished(made, self._first)


@export("layers.Conv1D")
class Conv1D(_Convolution):
    """A convolution of sequences.

    Args:
        filters: The channels of the result.
        kernel_size: The length of the windows.
        strides: The distance of neighbouring windows.
        padding: ``"valid"`` or ``"same"``.
        data_format: ``"channels_last"`` or ``"channels_first"``.
        dilation_rate: The distance of neighbouring elements of a window.
        activation: A function of a tensor, or None.
        use_bias: Whether there is a bias.
        kernel_initializer: Initial value of the kernel; the scope's if None.
        bias_initializer: Initial value of the bias.
        kernel_regularizer: A function that gives a loss.
        bias_regularizer: A function that gives a loss.
        activity_regularizer: A function of the result that gives a loss.
        kernel_constraint: A function that optimizers apply to the kernel.
        bias_constraint: A function that optimizers apply to the bias.
        trainable: Whether the variables are trainable.
        name: The layer's name.
        **kwargs: As for `Layer`.
    """

    def __init__(
        self,
        filters: int,
        kernel_size: Any,
        strides: Any = 1,
        padding: str = "valid",
        data_format: str = "channels_last",
        dilation_rate: Any = 1,
        activation: Callable[[Any], Any] | None = None,
        use_bias: bool = True,
        kernel_initializer: Any = None,
        bias_initializer: Any = _ZEROS,
        kernel_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        kernel_constraint: Any = None,
        bias_constraint: Any = None,
        trainable: bool = True,
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(1, locals())

    def call(self, inputs: Any) -> Tensor:
        """The result.

        Args:
            inputs: Sequences.

        Returns:
            Sequences.
        """
        made = convolution.conv1d(
            inputs,
            self.kernel,
            self.strides[0],
            self.padding,
            data_format="NCW" if self._first else "NWC",
            dilations=self.dilation_rate[0],
        )
        return self._finished(made, self._first)


class _Separable(_Convolution):
    """What separable convolutions share."""

    depth_multiplier: int

    def build(self, input_shape: Any) -> None:
        """Makes the kernels and the bias.

        Args:
            input_shape: The shape of the input; the number of channels must be known.
        """
        channels, many = self._channels(input_shape), self.depth_multiplier
        self.depthwise_kernel = self._weight(
            "depthwise_kernel", [*self.kernel_size, channels, many], "depthwise"
        )
        self.pointwise_kernel = self._weight(
            "pointwise_kernel", [*[1] * self.rank, channels * many, self.filters], "pointwise"
        )
        self.bias = self._weight("bias", [self.filters]) if self.use_bias else None
        self.built = True


@export("layers.SeparableConv2D")
class SeparableConv2D(_Separable):
    """A convolution of each channel by itself, then a mixing of the channels at each point.

    Args:
        filters: The channels of the result.
        kernel_size: Height and width of the windows.
        strides: The distance of neighbouring windows.
        padding: ``"valid"`` or ``"same"``.
        data_format: ``"channels_last"`` or ``"channels_first"``.
        dilation_rate: The distance of neighbouring elements of a window.
        depth_multiplier: The number of filters for each channel.
        activation: A function of a tensor, or None.
        use_bias: Whether there is a bias.
        depthwise_initializer: Initial value of the filters; the scope's if None.
        pointwise_initializer: Initial value of the mixing kernel; the scope's if None.
        bias_initializer: Initial value of the bias.
        depthwise_regularizer: A function that gives a loss.
        pointwise_regularizer: A function that gives a loss.
        bias_regularizer: A function that gives a loss.
        activity_regularizer: A function of the result that gives a loss.
        depthwise_constraint: A function that optimizers apply to the filters.
        pointwise_constraint: A function that optimizers apply to the mixing kernel.
        bias_constraint: A function that optimizers apply to the bias.
        trainable: Whether the variables are trainable.
        name: The layer's name.
        **kwargs: As for `Layer`.
    """

    def __init__(
        self,
        filters: int,
        kernel_size: Any,
        strides: Any = (1, 1),
        padding: str = "valid",
        data_format: str = "channels_last",
        dilation_rate: Any = (1, 1),
        depth_multiplier: int = 1,
        activation: Callable[[Any], Any] | None = None,
        use_bias: bool = True,
        depthwise_initializer: Any = None,
        pointwise_initializer: Any = None,
        bias_initializer: Any = _ZEROS,
        depthwise_regularizer: Any = None,
        pointwise_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        depthwise_constraint: Any = None,
        pointwise_constraint: Any = None,
        bias_constraint: Any = None,
        trainable: bool = True,
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(2, locals())

    def call(self, inputs: Any) -> Tensor:
        """The result.

        Args:
            inputs: Images.

        Returns:
            Images.
        """
        made = convolution.separable_conv2d(
            inputs,
            self.depthwise_kernel,
            self.pointwise_kernel,
            list(self.strides),
            self.padding,
            list(self.dilation_rate),
            data_format=self._nn_format,
        )
        return self._finished(made, self._first)


@export("layers.SeparableConv1D")
class SeparableConv1D(_Separable):
    """A convolution of each channel by itself, then a mixing of the channels at each point.

    Args:
        filters: The channels of the result.
        kernel_size: The length of the windows.
        strides: The distance of neighbouring windows.
        padding: ``"valid"`` or ``"same"``.
        data_format: ``"channels_last"`` or ``"channels_first"``.
        dilation_rate: The distance of neighbouring elements of a window.
        depth_multiplier: The number of filters for each channel.
        activation: A function of a tensor, or None.
        use_bias: Whether there is a bias.
        depthwise_initializer: Initial value of the filters; the scope's if None.
        pointwise_initializer: Initial value of the mixing kernel; the scope's if None.
        bias_initializer: Initial value of the bias.
        depthwise_regularizer: A function that gives a loss.
        pointwise_regularizer: A function that gives a loss.
        bias_regularizer: A function that gives a loss.
        activity_regularizer: A function of the result that gives a loss.
        depthwise_constraint: A function that optimizers apply to the filters.
        pointwise_constraint: A function that optimizers apply to the mixing kernel.
        bias_constraint: A function that optimizers apply to the bias.
        trainable: Whether the variables are trainable.
        name: The layer's name.
        **kwargs: As for `Layer`.
    """

    def __init__(
        self,
        filters: int,
        kernel_size: Any,
        strides: Any = 1,
        padding: str = "valid",
        data_format: str = "channels_last",
        dilation_rate: Any = 1,
        depth_multiplier: int = 1,
        activation: Callable[[Any], Any] | None = None,
        use_bias: bool = True,
        depthwise_initializer: Any = None,
        pointwise_initializer: Any = None,
        bias_initializer: Any = _ZEROS,
        depthwise_regularizer: Any = None,
        pointwise_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        depthwise_constraint: Any = None,
        pointwise_constraint: Any = None,
        bias_constraint: Any = None,
        trainable: bool = True,
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(1, locals())

    def call(self, inputs: Any) -> Tensor:
        """The result.

        Args:
            inputs: Sequences.

        Returns:
            Sequences.
        """
        axis = 2 if self._first else 1
        made = convolution.separable_conv2d(
            expand_dims(inputs, axis),
            expand_dims(self.depthwise_kernel, 0),
            expand_dims(self.pointwise_kernel, 0),
            list(self.strides) * 2,
            self.padding,
            [1, *self.dilation_rate],
            data_format="NCHW" if self._first else "NHWC",
        )
        made = squeeze(made, [axis])
        return self._finished(made, self._first)


class _Transposed(_Convolution):
    """What transposes of convolutions share."""

    _function: Callable[..., Tensor]

    def build(self, input_shape: Any) -> None:
        """Makes kernel and bias.

        Args:
            input_shape: The shape of the input; the number of channels must be known.
        """
        channels = self._channels(input_shape)
        self.kernel = self._weight("kernel", [*self.kernel_size, self.filters, channels])
        self.bias = self._weight("bias", [self.filters]) if self.use_bias else None
        self.built = True

    def call(self, inputs: Any) -> Tensor:
        """The result.

        Args:
            inputs: Images or volumes.

        Returns:
            Larger ones.
        """
        dims, actual = inputs.dims, shape(inputs)
        sizes = [actual[i] if d is None else d for i, d in enumerate(dims)]
        begin = 2 if self._first else 1
        larger = [
            self._larger(sizes[begin + axis], self.kernel_size[axis], self.strides[axis])
            for axis in range(self.rank)
        ]
        made = type(self)._function(
            inputs,
            self.kernel,
            stack(
                [sizes[0], *([self.filters, *larger] if self._first else [*larger, self.filters])]
            ),
            list(self.strides),
            self.padding,
            self._nn_format,
        )
        return self._finished(made, self._first)

    def _larger(self, size: Any, window: int, stride: int) -> Any:
        return size * stride + (max(window - stride, 0) if self.padding == "VALID" else 0)


@export("layers.Conv2DTranspose")
class Conv2DTranspose(_Transposed):
    """The transpose of a convolution: makes images larger.

    Args:
        filters: The channels of the result.
        kernel_size: Height and width of the windows.
        strides: The distance of neighbouring windows in the result.
        padding: ``"valid"`` or ``"same"``.
        data_format: ``"channels_last"`` or ``"channels_first"``.
        activation: A function of a tensor, or None.
        use_bias: Whether there is a bias.
        kernel_initializer: Initial value of the kernel; the scope's if None.
        bias_initializer: Initial value of the bias.
        kernel_regularizer: A function that gives a loss.
        bias_regularizer: A function that gives a loss.
        activity_regularizer: A function of the result that gives a loss.
        kernel_constraint: A function that optimizers apply to the kernel.
        bias_constraint: A function that optimizers apply to the bias.
        trainable: Whether the variables are trainable.
        name: The layer's name.
        **kwargs: As for `Layer`.
    """

    _function = convolution.conv2d_transpose

    def __init__(
        self,
        filters: int,
        kernel_size: Any,
        strides: Any = (1, 1),
        padding: str = "valid",
        data_format: str = "channels_last",
        activation: Callable[[Any], Any] | None = None,
        use_bias: bool = True,
        kernel_initializer: Any = None,
        bias_initializer: Any = _ZEROS,
        kernel_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        kernel_constraint: Any = None,
        bias_constraint: Any = None,
        trainable: bool = True,
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(2, locals())


class _Pooling(Layer):
    """What pooling layers share."""

    def __init__(
        self,
        rank: int,
        pool_size: Any,
        strides: Any,
        padding: str,
        data_format: str,
        name: str | None,
        kwargs: dict[str, Any],
    ) -> None:
        super().__init__(name=name, **kwargs)
        self.pool_size = _sizes(pool_size, rank, "pool_size")
        self.strides = _sizes(strides, rank, "strides")
        self.padding = padding.upper()
        self.data_format = data_format
        self._first = _order(data_format)
        self.input_spec = InputSpec(ndim=rank + 2)

    def _pooled(self, function: Callable[..., Tensor], inputs: Any) -> Tensor:
        order = nn_format(len(self.pool_size), self._first)
        return function(inputs, list(self.pool_size), list(self.strides), self.padding, order)

    def _pooled_1d(self, function: Callable[..., Tensor], inputs: Any) -> Tensor:
        axis = 3 if self._first else 2
        size, step = [self.pool_size[0], 1], [self.strides[0], 1]
        order = "NCHW" if self._first else "NHWC"
        made = function(expand_dims(inputs, axis), size, step, self.padding, order)
        return squeeze(made, [axis])


@export("layers.MaxPooling2D")
class MaxPooling2D(_Pooling):
    """The largest element of each window of images.

    Args:
        pool_size: The size of the windows.
        strides: The distance of neighbouring windows.
        padding: ``"valid"`` or ``"same"``.
        data_format: ``"channels_last"`` or ``"channels_first"``.
        name: The layer's name.
        **kwargs: As for `Layer`.
    """

    def __init__(
        self,
        pool_size: Any,
        strides: Any,
        padding: str = "valid",
        data_format: str = "channels_last",
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(2, pool_size, strides, padding, data_format, name, kwargs)

    def call(self, inputs: Any) -> Tensor:
        """The result.

        Args:
            inputs: Images.

        Returns:
            Images.
        """
        return self._pooled(pooling.max_pool, inputs)


@export("layers.AveragePooling2D")
class AveragePooling2D(_Pooling):
    """The mean of each window of images.

    Args:
        pool_size: The size of the windows.
        strides: The distance of neighbouring windows.
        padding: ``"valid"`` or ``"same"``.
        data_format: ``"channels_last"`` or ``"channels_first"``.
        name: The layer's name.
        **kwargs: As for `Layer`.
    """

    def __init__(
        self,
        pool_size: Any,
        strides: Any,
        padding: str = "valid",
        data_format: str = "channels_last",
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(2, pool_size, strides, padding, data_format, name, kwargs)

    def call(self, inputs: Any) -> Tensor:
        """The result.

        Args:
            inputs: Images.

        Returns:
            Images.
        """
        return self._pooled(pooling.avg_pool, inputs)


@export("layers.MaxPooling1D")
class MaxPooling1D(_Pooling):
    """The largest element of each window of sequences.

    Args:
        pool_size: The size of the windows.
        strides: The distance of neighbouring windows.
        padding: ``"valid"`` or ``"same"``.
        data_format: ``"channels_last"`` or ``"channels_first"``.
        name: The layer's name.
        **kwargs: As for `Layer`.
    """

    def __init__(
        self,
        pool_size: Any,
        strides: Any,
        padding: str = "valid",
        data_format: str = "channels_last",
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(1, pool_size, strides, padding, data_format, name, kwargs)

    def call(self, inputs: Any) -> Tensor:
        """The result.

        Args:
            inputs: Sequences.

        Returns:
            Sequences.
        """
        return self._pooled_1d(pooling.max_pool, inputs)


@export("layers.AveragePooling1D")
class AveragePooling1D(_Pooling):
    """The mean of each window of sequences.

    Args:
        pool_size: The size of the windows.
        strides: The distance of neighbouring windows.
        padding: ``"valid"`` or ``"same"``.
        data_format: ``"channels_last"`` or ``"channels_first"``.
        name: The layer's name.
        **kwargs: As for `Layer`.
    """

    def __init__(
        self,
        pool_size: Any,
        strides: Any,
        padding: str = "valid",
        data_format: str = "channels_last",
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(1, pool_size, strides, padding, data_format, name, kwargs)

    def call(self, inputs: Any) -> Tensor:
        """The result.

        Args:
            inputs: Sequences.

        Returns:
            Sequences.
        """
        return self._pooled_1d(pooling.avg_pool, inputs)


@export("layers.Flatten")
class Flatten(Layer):
    """Joins all axes but the first.

    Args:
        data_format: ``"channels_last"`` or ``"channels_first"``: the order of the axes of the
            input; the elements are in the order of ``channels_last`` in both cases.
        **kwargs: As for `Layer`.
    """

    def __init__(self, data_format: str | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.data_format = data_format or "channels_last"
        self._first = _order(self.data_format)
        self.input_spec = InputSpec(min_ndim=1)

    def call(self, inputs: Any) -> Tensor:
        """The result.

        Args:
            inputs: A tensor.

        Returns:
            A matrix.
        """
        rank = len(inputs.dims)
        if self._first and rank > 2:
            inputs = transpose(inputs, [0, *range(2, rank), 1])
        rest = inputs.dims[1:]
        if fully_known(rest):
            size = 1
            for d in rest:
                size *= d
            return reshape(inputs, [-1, size])
        made = reshape(inputs, stack([shape(inputs)[0], -1]))
        made.set_shape([inputs.dims[0], None])
        return made


@export("layers.Dropout")
class Dropout(Layer):
    """Sets elements to zero at random in training, and scales the others.

    Args:
        rate: The probability that an element is dropped.
        noise_shape: The shape of what is drawn, broadcast to the input.
        seed: The operation's seed.
        name: The layer's name.
        **kwargs: As for `Layer`.
    """

    def __init__(
        self,
        rate: Any = 0.5,
        noise_shape: Any = None,
        seed: int | None = None,
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(name=name, **kwargs)
        self.rate, self.noise_shape, self.seed = rate, noise_shape, seed

    def call(self, inputs: Any, training: Any = False) -> Tensor:
        """The result.

        Args:
            inputs: A tensor.
            training: Whether elements are dropped: a bool or a tensor.

        Returns:
            A tensor of the same shape.
        """
        known = _known(training)
        if known is False:
            return identity(inputs)
        rate = self.rate
        if known is None:
            rate = cast(training, inputs.dtype) * convert_to_tensor(rate, inputs.dtype)
        return sampling.dropout(inputs, rate=rate, noise_shape=self.noise_shape, seed=self.seed)


def _known(training: Any) -> bool | None:
    """A condition's value; None if it is a tensor whose value only a run knows."""
    if training is None or isinstance(training, (bool, int)):
        return bool(training)
    value = convert_to_tensor(training).spec.value
    return None if value is None else bool(value)


def _checked_clipping(given: Any) -> dict[str, Any]:
    """Limits of the corrections of renormalization."""
    limits = dict(given or {})
    if set(limits) - set(CLIPPING):
        raise ValueError(
            f"renorm_clipping may have the keys {', '.join(CLIPPING)}, but has {sorted(limits)}."
        )
    return limits


@export("layers.BatchNormalization")
class BatchNormalization(Layer):
    """Scales each channel to mean 0 and variance 1, then by gamma, and adds beta.

    In training mean and variance are those of the batch, and the operations that update the
    moving ones are added to UPDATE_OPS: a training step has to run them.

    Args:
        axis: The axis of the channels, or a list of axes.
        momentum: How much of the moving mean and variance each update keeps.
        epsilon: What is added to the variance.
        center: Whether beta is added.
        scale: Whether gamma is a factor.
        beta_initializer: Initial value of beta.
        gamma_initializer: Initial value of gamma.
        moving_mean_initializer: Initial value of the moving mean.
        moving_variance_initializer: Initial value of the moving variance.
        beta_regularizer: A function that gives a loss.
        gamma_regularizer: A function that gives a loss.
        beta_constraint: A function that optimizers apply to beta.
        gamma_constraint: A function that optimizers apply to gamma.
        renorm: Whether moving averages correct mean and variance in training, too.
        renorm_clipping: Limits of the correction: a dict with any of ``rmin``, ``rmax``, ``dmax``.
        renorm_momentum: How much of its own averages the correction keeps in each update.
        fused: Whether the moving variance takes the estimate from a sample; None: for images.
        trainable: Whether the variables are trainable.
        virtual_batch_size: The number of virtual batches' examples, each normalized by itself; it
            must divide the batch.
        adjustment: A function of the input's shape that gives a factor and an offset to apply in
            training after the normalization; None for none.
        name: The layer's name.
        **kwargs: As for `Layer`.
    """

    def __init__(
        self,
        axis: Any = -1,
        momentum: Any = 0.99,
        epsilon: float = 1e-3,
        center: bool = True,
        scale: bool = True,
        beta_initializer: Any = _ZEROS,
        gamma_initializer: Any = _ONES,
        moving_mean_initializer: Any = _ZEROS,
        moving_variance_initializer: Any = _ONES,
        beta_regularizer: Any = None,
        gamma_regularizer: Any = None,
        beta_constraint: Any = None,
        gamma_constraint: Any = None,
        renorm: bool = False,
        renorm_clipping: Any = None,
        renorm_momentum: Any = 0.99,
        fused: bool | None = None,
        trainable: bool = True,
        virtual_batch_size: int | None = None,
        adjustment: Any = None,
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(trainable=trainable, name=name, **kwargs)
        self.axis: Any = list(axis) if isinstance(axis, (list, tuple)) else int(axis)
        self.renorm, self.renorm_momentum = renorm, renorm_momentum
        self.renorm_clipping = _checked_clipping(renorm_clipping) if renorm else {}
        self.virtual_batch_size, self.adjustment = virtual_batch_size, adjustment
        if fused and (renorm or virtual_batch_size is not None or adjustment is not None):
            raise ValueError(
                "batch_normalization with fused=True takes neither renorm nor virtual_batch_size "
                "nor adjustment; leave fused at None."
            )
        self.momentum, self.epsilon, self.fused = momentum, epsilon, fused
        self.center, self.scale = center, scale
        self._beta = beta_initializer, beta_regularizer, beta_constraint
        self._gamma = gamma_initializer, gamma_regularizer, gamma_constraint
        self._moving = moving_mean_initializer, moving_variance_initializer

    def build(self, input_shape: Any) -> None:
        """Makes gamma, beta and the moving mean and variance.

        Args:
            input_shape: The shape of the input; the number of channels must be known.
        """
        dims = as_dims(input_shape)
        self._axes = self._checked_axes(dims)
        known = {axis: last_size(input_shape, axis, "BatchNormalization") for axis in self._axes}
        self.input_spec = InputSpec(ndim=len(dims or ()), axes=known)
        sizes = list(known.values())
        if len(sizes) > 1 or self.virtual_batch_size is not None:
            sizes = parameter_dims(dims or (), self._axes, self.virtual_batch_size is not None)
        self.gamma = self._scaling("gamma", sizes, *self._gamma) if self.scale else None
        self.beta = self._scaling("beta", sizes, *self._beta) if self.center else None
        mean, variance = self._moving
        self.moving_mean = self._average("moving_mean", sizes, mean)
        self.moving_variance = self._average("moving_variance", sizes, variance)
        if self.renorm:
            self.moving_stddev = self._average("moving_stddev", sizes, root_of(variance))
            self.renorm_mean = self._average("renorm_mean", sizes, mean)
            self.renorm_stddev = self._average("renorm_stddev", sizes, root_of(variance))
        self.built = True

    def _checked_axes(self, dims: Any) -> list[int]:
        """The axes of the channels, counted from the front."""
        axes = self.axis if isinstance(self.axis, list) else [self.axis]
        for axis in axes:
            if dims is None or not -len(dims) <= axis < len(dims):
                raise ValueError(f"Invalid axis {axis} for an input of shape {described(dims)}.")
        found = [int(axis) % len(dims) for axis in axes]
        if len(found) != len(set(found)) or not found:
            raise ValueError(f"The axes of batch_normalization must differ, not {self.axis}.")
        return found

    def _average(self, name: str, sizes: list[int], initializer: Any) -> Any:
        return self.add_weight(name, sizes, initializer=initializer, trainable=False)

    def _scaling(
        self, name: str, sizes: list[int], initializer: Any, regularizer: Any, constraint: Any
    ) -> Any:
        return self.add_weight(
            name,
            sizes,
            initializer=initializer,
            regularizer=regularizer,
            constraint=constraint,
        )

    def call(self, inputs: Any, training: Any = False) -> Tensor:
        """The result.

        Args:
            inputs: A tensor.
            training: Whether mean and variance are those of the batch: a bool or a tensor.

        Returns:
            A tensor of the same shape.
        """
        rank, (axis, *more) = len(inputs.dims), self._axes
        if more or self.renorm or self.virtual_batch_size is not None or self.adjustment:
            known = _known(training)
            when = training if known is None else known
            return Statistics(self, when, self._averaged(training)).normalized(inputs, self._axes)
        order = [*[i for i in range(rank) if i != axis], axis]
        moved = inputs if axis == rank - 1 else transpose(inputs, order)
        result, mean, variance = self._normalized(moved, training, rank == 4)
        if _known(training) is not False:
            average = self._averaged(training)
            self.add_update(average(self.moving_mean, mean, self.momentum).op)
            self.add_update(average(self.moving_variance, variance, self.momentum).op)
        back = sorted(range(rank), key=order.__getitem__)
        return result if axis == rank - 1 else transpose(result, back)

    def _normalized(self, x: Tensor, training: Any, images: bool) -> Any:
        """The result, and mean and variance of the batch."""
        known, size = _known(training), x.dims[-1]  # type: ignore[index]  # checked in build
        fused = images if self.fused is None else self.fused
        one, zero = (convert_to_tensor([number] * size, x.dtype) for number in (1.0, 0.0))  # type: ignore[operator]  # known
        statistics = [self.moving_mean, self.moving_variance] if known is not True else []
        condition = [convert_to_tensor(training, dtypes.bool)] if known is None else []
        scope = nullcontext() if fused else get_default_graph().name_scope("batchnorm")
        with scope:
            return FUSED(
                x,
                one if self.gamma is None else convert_to_tensor(self.gamma),
                zero if self.beta is None else convert_to_tensor(self.beta),
                *[convert_to_tensor(value) for value in statistics],
                *condition,
                epsilon=float(self.epsilon),
                is_training=known,
                estimate=fused,
                name="FusedBatchNormV3" if fused else "add_1",
            )[:3]

    def _averaged(self, training: Any) -> Callable[..., Any]:
        """What adds the change of a moving average, which there is in training only."""

        def change(variable: Any, value: Tensor, momentum: Any) -> Any:
            with get_default_graph().name_scope("AssignMovingAvg") as scope:
                rate = convert_to_tensor(1.0 - momentum, variable.dtype)
                if _known(training) is None:
                    rate = where(convert_to_tensor(training), rate, rate * 0)
                return variable.assign_sub((variable - value) * rate, name=scope)

        return change


@export("layers.dense")
def dense(
    inputs: Any,
    units: int,
    activation: Callable[[Any], Any] | None = None,
    use_bias: bool = True,
    kernel_initializer: Any = None,
    bias_initializer: Any = _ZEROS,
    kernel_regularizer: Any = None,
    bias_regularizer: Any = None,
    activity_regularizer: Any = None,
    kernel_constraint: Any = None,
    bias_constraint: Any = None,
    trainable: bool = True,
    name: str | None = None,
    reuse: Any = None,
) -> Tensor:
    """activation(inputs · kernel + bias).

    Args:
        inputs: The input.
        units: The size of the result's last axis.
        activation: A function of a tensor, or None.
        use_bias: Whether there is a bias.
        kernel_initializer: Initial value of the kernel; the scope's if None.
        bias_initializer: Initial value of the bias.
        kernel_regularizer: A function that gives a loss.
        bias_regularizer: A function that gives a loss.
        activity_regularizer: A function of the result that gives a loss.
        kernel_constraint: A function that optimizers apply to the kernel.
        bias_constraint: A function that optimizers apply to the bias.
        trainable: Whether the variables are trainable.
        name: The layer's name.
        reuse: Whether the layer's variables exist already.

    Returns:
        The result.
    """
    layer = Dense(
        units=units,
        activation=activation,
        use_bias=use_bias,
        kernel_initializer=kernel_initializer,
        bias_initializer=bias_initializer,
        kernel_regularizer=kernel_regularizer,
        bias_regularizer=bias_regularizer,
        activity_regularizer=activity_regularizer,
        kernel_constraint=kernel_constraint,
        bias_constraint=bias_constraint,
        trainable=trainable,
        name=name,
        _reuse=reuse,
        _scope=name,
    )
    return layer(inputs)  # type: ignore[no-any-return]  # what a layer gives is untyped


@export("layers.conv1d")
def conv1d(
    inputs: Any,
    filters: int,
    kernel_size: Any,
    strides: Any = 1,
    padding: str = "valid",
    data_format: str = "channels_last",
    dilation_rate: Any = 1,
    activation: Callable[[Any], Any] | None = None,
    use_bias: bool = True,
    kernel_initializer: Any = None,
    bias_initializer: Any = _ZEROS,
    kernel_regularizer: Any = None,
    bias_regularizer: Any = None,
    activity_regularizer: Any = None,
    kernel_constraint: Any = None,
    bias_constraint: Any = None,
    trainable: bool = True,
    name: str | None = None,
    reuse: Any = None,
) -> Tensor:
    """A convolution of sequences.

    Args:
        inputs: The input.
        filters: The channels of the result.
        kernel_size: The length of the windows.
        strides: The distance of neighbouring windows.
        padding: ``"valid"`` or ``"same"``.
        data_format: ``"channels_last"`` or ``"channels_first"``.
        dilation_rate: The distance of neighbouring elements of a window.
        activation: A function of a tensor, or None.
        use_bias: Whether there is a bias.
        kernel_initializer: Initial value of the kernel; the scope's if None.
        bias_initializer: Initial value of the bias.
        kernel_regularizer: A function that gives a loss.
        bias_regularizer: A function that gives a loss.
        activity_regularizer: A function of the result that gives a loss.
        kernel_constraint: A function that optimizers apply to the kernel.
        bias_constraint: A function that optimizers apply to the bias.
        trainable: Whether the variables are trainable.
        name: The layer's name.
        reuse: Whether the layer's variables exist already.

    Returns:
        The result.
    """
    layer = Conv1D(
        filters=filters,
        kernel_size=kernel_size,
        strides=strides,
        padding=padding,
        data_format=data_format,
        dilation_rate=dilation_rate,
        activation=activation,
        use_bias=use_bias,
        kernel_initializer=kernel_initializer,
        bias_initializer=bias_initializer,
        kernel_regularizer=kernel_regularizer,
        bias_regularizer=bias_regularizer,
        activity_regularizer=activity_regularizer,
        kernel_constraint=kernel_constraint,
        bias_constraint=bias_constraint,
        trainable=trainable,
        name=name,
        _reuse=reuse,
        _scope=name,
    )
    return layer(inputs)  # type: ignore[no-any-return]  # what a layer gives is untyped


@export("layers.conv2d")
def conv2d(
    inputs: Any,
    filters: int,
    kernel_size: Any,
    strides: Any = (1, 1),
    padding: str = "valid",
    data_format: str = "channels_last",
    dilation_rate: Any = (1, 1),
    activation: Callable[[Any], Any] | None = None,
    use_bias: bool = True,
    kernel_initializer: Any = None,
    bias_initializer: Any = _ZEROS,
    kernel_regularizer: Any = None,
    bias_regularizer: Any = None,
    activity_regularizer: Any = None,
    kernel_constraint: Any = None,
    bias_constraint: Any = None,
    trainable: bool = True,
    name: str | None = None,
    reuse: Any = None,
) -> Tensor:
    """A convolution of images.

    Args:
        inputs: The input.
        filters: The channels of the result.
        kernel_size: Height and width of the windows.
        strides: The distance of neighbouring windows.
        padding: ``"valid"`` or ``"same"``.
        data_format: ``"channels_last"`` or ``"channels_first"``.
        dilation_rate: The distance of neighbouring elements of a window.
        activation: A function of a tensor, or None.
        use_bias: Whether there is a bias.
        kernel_initializer: Initial value of the kernel; the scope's if None.
        bias_initializer: Initial value of the bias.
        kernel_regularizer: A function that gives a loss.
        bias_regularizer: A function that gives a loss.
        activity_regularizer: A function of the result that gives a loss.
        kernel_constraint: A function that optimizers apply to the kernel.
        bias_constraint: A function that optimizers apply to the bias.
        trainable: Whether the variables are trainable.
        name: The layer's name.
        reuse: Whether the layer's variables exist already.

    Returns:
        The result.
    """
    layer = Conv2D(
        filters=filters,
        kernel_size=kernel_size,
        strides=strides,
        padding=padding,
        data_format=data_format,
        dilation_rate=dilation_rate,
        activation=activation,
        use_bias=use_bias,
        kernel_initializer=kernel_initializer,
        bias_initializer=bias_initializer,
        kernel_regularizer=kernel_regularizer,
        bias_regularizer=bias_regularizer,
        activity_regularizer=activity_regularizer,
        kernel_constraint=kernel_constraint,
        bias_constraint=bias_constraint,
        trainable=trainable,
        name=name,
        _reuse=reuse,
        _scope=name,
    )
    return layer(inputs)  # type: ignore[no-any-return]  # what a layer gives is untyped


@export("layers.separable_conv2d")
def separable_conv2d(
    inputs: Any,
    filters: int,
    kernel_size: Any,
    strides: Any = (1, 1),
    padding: str = "valid",
    data_format: str = "channels_last",
    dilation_rate: Any = (1, 1),
    depth_multiplier: int = 1,
    activation: Callable[[Any], Any] | None = None,
    use_bias: bool = True,
    depthwise_initializer: Any = None,
    pointwise_initializer: Any = None,
    bias_initializer: Any = _ZEROS,
    depthwise_regularizer: Any = None,
    pointwise_regularizer: Any = None,
    bias_regularizer: Any = None,
    activity_regularizer: Any = None,
    depthwise_constraint: Any = None,
    pointwise_constraint: Any = None,
    bias_constraint: Any = None,
    trainable: bool = True,
    name: str | None = None,
    reuse: Any = None,
) -> Tensor:
    """A convolution of each channel by itself, then a mixing of the channels at each point.

    Args:
        inputs: The input.
        filters: The channels of the result.
        kernel_size: Height and width of the windows.
        strides: The distance of neighbouring windows.
        padding: ``"valid"`` or ``"same"``.
        data_format: ``"channels_last"`` or ``"channels_first"``.
        dilation_rate: The distance of neighbouring elements of a window.
        depth_multiplier: The number of filters for each channel.
        activation: A function of a tensor, or None.
        use_bias: Whether there is a bias.
        depthwise_initializer: Initial value of the filters; the scope's if None.
        pointwise_initializer: Initial value of the mixing kernel; the scope's if None.
        bias_initializer: Initial value of the bias.
        depthwise_regularizer: A function that gives a loss.
        pointwise_regularizer: A function that gives a loss.
        bias_regularizer: A function that gives a loss.
        activity_regularizer: A function of the result that gives a loss.
        depthwise_constraint: A function that optimizers apply to the filters.
        pointwise_constraint: A function that optimizers apply to the mixing kernel.
        bias_constraint: A function that optimizers apply to the bias.
        trainable: Whether the variables are trainable.
        name: The layer's name.
        reuse: Whether the layer's variables exist already.

    Returns:
        The result.
    """
    layer = SeparableConv2D(
        filters=filters,
        kernel_size=kernel_size,
        strides=strides,
        padding=padding,
        data_format=data_format,
        dilation_rate=dilation_rate,
        depth_multiplier=depth_multiplier,
        activation=activation,
        use_bias=use_bias,
        depthwise_initializer=depthwise_initializer,
        pointwise_initializer=pointwise_initializer,
        bias_initializer=bias_initializer,
        depthwise_regularizer=depthwise_regularizer,
        pointwise_regularizer=pointwise_regularizer,
        bias_regularizer=bias_regularizer,
        activity_regularizer=activity_regularizer,
        depthwise_constraint=depthwise_constraint,
        pointwise_constraint=pointwise_constraint,
        bias_constraint=bias_constraint,
        trainable=trainable,
        name=name,
        _reuse=reuse,
        _scope=name,
    )
    return layer(inputs)  # type: ignore[no-any-return]  # what a layer gives is untyped


@export("layers.separable_conv1d")
def separable_conv1d(
    inputs: Any,
    filters: int,
    kernel_size: Any,
    strides: Any = 1,
    padding: str = "valid",
    data_format: str = "channels_last",
    dilation_rate: Any = 1,
    depth_multiplier: int = 1,
    activation: Callable[[Any], Any] | None = None,
    use_bias: bool = True,
    depthwise_initializer: Any = None,
    pointwise_initializer: Any = None,
    bias_initializer: Any = _ZEROS,
    depthwise_regularizer: Any = None,
    pointwise_regularizer: Any = None,
    bias_regularizer: Any = None,
    activity_regularizer: Any = None,
    depthwise_constraint: Any = None,
    pointwise_constraint: Any = None,
    bias_constraint: Any = None,
    trainable: bool = True,
    name: str | None = None,
    reuse: Any = None,
) -> Tensor:
    """A convolution of each channel by itself, then a mixing of the channels at each point.

    Args:
        inputs: The input.
        filters: The channels of the result.
        kernel_size: The length of the windows.
        strides: The distance of neighbouring windows.
        padding: ``"valid"`` or ``"same"``.
        data_format: ``"channels_last"`` or ``"channels_first"``.
        dilation_rate: The distance of neighbouring elements of a window.
        depth_multiplier: The number of filters for each channel.
        activation: A function of a tensor, or None.
        use_bias: Whether there is a bias.
        depthwise_initializer: Initial value of the filters; the scope's if None.
        pointwise_initializer: Initial value of the mixing kernel; the scope's if None.
        bias_initializer: Initial value of the bias.
        depthwise_regularizer: A function that gives a loss.
        pointwise_regularizer: A function that gives a loss.
        bias_regularizer: A function that gives a loss.
        activity_regularizer: A function of the result that gives a loss.
        depthwise_constraint: A function that optimizers apply to the filters.
        pointwise_constraint: A function that optimizers apply to the mixing kernel.
        bias_constraint: A function that optimizers apply to the bias.
        trainable: Whether the variables are trainable.
        name: The layer's name.
        reuse: Whether the layer's variables exist already.

    Returns:
        The result.
    """
    layer = SeparableConv1D(
        filters=filters,
        kernel_size=kernel_size,
        strides=strides,
        padding=padding,
        data_format=data_format,
        dilation_rate=dilation_rate,
        depth_multiplier=depth_multiplier,
        activation=activation,
        use_bias=use_bias,
        depthwise_initializer=depthwise_initializer,
        pointwise_initializer=pointwise_initializer,
        bias_initializer=bias_initializer,
        depthwise_regularizer=depthwise_regularizer,
        pointwise_regularizer=pointwise_regularizer,
        bias_regularizer=bias_regularizer,
        activity_regularizer=activity_regularizer,
        depthwise_constraint=depthwise_constraint,
        pointwise_constraint=pointwise_constraint,
        bias_constraint=bias_constraint,
        trainable=trainable,
        name=name,
        _reuse=reuse,
        _scope=name,
    )
    return layer(inputs)  # type: ignore[no-any-return]  # what a layer gives is untyped


@export("layers.conv2d_transpose")
def conv2d_transpose(
    inputs: Any,
    filters: int,
    kernel_size: Any,
    strides: Any = (1, 1),
    padding: str = "valid",
    data_format: str = "channels_last",
    activation: Callable[[Any], Any] | None = None,
    use_bias: bool = True,
    kernel_initializer: Any = None,
    bias_initializer: Any = _ZEROS,
    kernel_regularizer: Any = None,
    bias_regularizer: Any = None,
    activity_regularizer: Any = None,
    kernel_constraint: Any = None,
    bias_constraint: Any = None,
    trainable: bool = True,
    name: str | None = None,
    reuse: Any = None,
) -> Tensor:
    """The transpose of a convolution: makes images larger.

    Args:
        inputs: The input.
        filters: The channels of the result.
        kernel_size: Height and width of the windows.
        strides: The distance of neighbouring windows in the result.
        padding: ``"valid"`` or ``"same"``.
        data_format: ``"channels_last"`` or ``"channels_first"``.
        activation: A function of a tensor, or None.
        use_bias: Whether there is a bias.
        kernel_initializer: Initial value of the kernel; the scope's if None.
        bias_initializer: Initial value of the bias.
        kernel_regularizer: A function that gives a loss.
        bias_regularizer: A function that gives a loss.
        activity_regularizer: A function of the result that gives a loss.
        kernel_constraint: A function that optimizers apply to the kernel.
        bias_constraint: A function that optimizers apply to the bias.
        trainable: Whether the variables are trainable.
        name: The layer's name.
        reuse: Whether the layer's variables exist already.

    Returns:
        The result.
    """
    layer = Conv2DTranspose(
        filters=filters,
        kernel_size=kernel_size,
        strides=strides,
        padding=padding,
        data_format=data_format,
        activation=activation,
        use_bias=use_bias,
        kernel_initializer=kernel_initializer,
        bias_initializer=bias_initializer,
        kernel_regularizer=kernel_regularizer,
        bias_regularizer=bias_regularizer,
        activity_regularizer=activity_regularizer,
        kernel_constraint=kernel_constraint,
        bias_constraint=bias_constraint,
        trainable=trainable,
        name=name,
        _reuse=reuse,
        _scope=name,
    )
    return layer(inputs)  # type: ignore[no-any-return]  # what a layer gives is untyped


@export("layers.max_pooling1d")
def max_pooling1d(
    inputs: Any,
    pool_size: Any,
    strides: Any,
    padding: str = "valid",
    data_format: str = "channels_last",
    name: str | None = None,
) -> Tensor:
    """The largest element of each window of sequences.

    Args:
        inputs: The input.
        pool_size: The size of the windows.
        strides: The distance of neighbouring windows.
        padding: ``"valid"`` or ``"same"``.
        data_format: ``"channels_last"`` or ``"channels_first"``.
        name: The layer's name.

    Returns:
        The result.
    """
    layer = MaxPooling1D(
        pool_size=pool_size, strides=strides, padding=padding, data_format=data_format, name=name
    )
    return layer(inputs)  # type: ignore[no-any-return]  # what a layer gives is untyped


@export("layers.max_pooling2d")
def max_pooling2d(
    inputs: Any,
    pool_size: Any,
    strides: Any,
    padding: str = "valid",
    data_format: str = "channels_last",
    name: str | None = None,
) -> Tensor:
    """The largest element of each window of images.

    Args:
        inputs: The input.
        pool_size: The size of the windows.
        strides: The distance of neighbouring windows.
        padding: ``"valid"`` or ``"same"``.
        data_format: ``"channels_last"`` or ``"channels_first"``.
        name: The layer's name.

    Returns:
        The result.
    """
    layer = MaxPooling2D(
        pool_size=pool_size, strides=strides, padding=padding, data_format=data_format, name=name
    )
    return layer(inputs)  # type: ignore[no-any-return]  # what a layer gives is untyped


@export("layers.average_pooling1d")
def average_pooling1d(
    inputs: Any,
    pool_size: Any,
    strides: Any,
    padding: str = "valid",
    data_format: str = "channels_last",
    name: str | None = None,
) -> Tensor:
    """The mean of each window of sequences.

    Args:
        inputs: The input.
        pool_size: The size of the windows.
        strides: The distance of neighbouring windows.
        padding: ``"valid"`` or ``"same"``.
        data_format: ``"channels_last"`` or ``"channels_first"``.
        name: The layer's name.

    Returns:
        The result.
    """
    layer = AveragePooling1D(
        pool_size=pool_size, strides=strides, padding=padding, data_format=data_format, name=name
    )
    return layer(inputs)  # type: ignore[no-any-return]  # what a layer gives is untyped


@export("layers.average_pooling2d")
def average_pooling2d(
    inputs: Any,
    pool_size: Any,
    strides: Any,
    padding: str = "valid",
    data_format: str = "channels_last",
    name: str | None = None,
) -> Tensor:
    """The mean of each window of images.

    Args:
        inputs: The input.
        pool_size: The size of the windows.
        strides: The distance of neighbouring windows.
        padding: ``"valid"`` or ``"same"``.
        data_format: ``"channels_last"`` or ``"channels_first"``.
        name: The layer's name.

    Returns:
        The result.
    """
    layer = AveragePooling2D(
        pool_size=pool_size, strides=strides, padding=padding, data_format=data_format, name=name
    )
    return layer(inputs)  # type: ignore[no-any-return]  # what a layer gives is untyped


@export("layers.flatten")
def flatten(
    inputs: Any,
    name: str | None = None,
    data_format: str = "channels_last",
) -> Tensor:
    """Joins all axes but the first.

    Args:
        inputs: The input.
        name: The layer's name.
        data_format: ``"channels_last"`` or ``"channels_first"``: the order of the axes of the
            input; the elements are in the order of ``channels_last`` in both cases.

    Returns:
        The result.
    """
    layer = Flatten(data_format=data_format, name=name)
    return layer(inputs)  # type: ignore[no-any-return]  # what a layer gives is untyped


@export("layers.dropout")
def dropout(
    inputs: Any,
    rate: Any = 0.5,
    noise_shape: Any = None,
    seed: int | None = None,
    training: Any = False,
    name: str | None = None,
) -> Tensor:
    """Sets elements to zero at random in training, and scales the others.

    Args:
        inputs: The input.
        rate: The probability that an element is dropped.
        noise_shape: The shape of what is drawn, broadcast to the input.
        seed: The operation's seed.
        training: Whether this is training: a bool or a tensor.
        name: The layer's name.

    Returns:
        The result.
    """
    layer = Dropout(rate=rate, noise_shape=noise_shape, seed=seed, name=name)
    return layer(inputs, training=training)  # type: ignore[no-any-return]  # what a layer gives is untyped


@export("layers.batch_normalization")
def batch_normalization(
    inputs: Any,
    axis: Any = -1,
    momentum: Any = 0.99,
    epsilon: float = 1e-3,
    center: bool = True,
    scale: bool = True,
    beta_initializer: Any = _ZEROS,
    gamma_initializer: Any = _ONES,
    moving_mean_initializer: Any = _ZEROS,
    moving_variance_initializer: Any = _ONES,
    beta_regularizer: Any = None,
    gamma_regularizer: Any = None,
    beta_constraint: Any = None,
    gamma_constraint: Any = None,
    training: Any = False,
    trainable: bool = True,
    name: str | None = None,
    reuse: Any = None,
    renorm: bool = False,
    renorm_clipping: Any = None,
    renorm_momentum: Any = 0.99,
    fused: bool | None = None,
    virtual_batch_size: int | None = None,
    adjustment: Any = None,
) -> Tensor:
    """Scales each channel to mean 0 and variance 1, then by gamma, and adds beta.

    Args:
        inputs: The input.
        axis: The axis of the channels, or a list of axes.
        momentum: How much of the moving mean and variance each update keeps.
        epsilon: What is added to the variance.
        center: Whether beta is added.
        scale: Whether gamma is a factor.
        beta_initializer: Initial value of beta.
        gamma_initializer: Initial value of gamma.
        moving_mean_initializer: Initial value of the moving mean.
        moving_variance_initializer: Initial value of the moving variance.
        beta_regularizer: A function that gives a loss.
        gamma_regularizer: A function that gives a loss.
        beta_constraint: A function that optimizers apply to beta.
        gamma_constraint: A function that optimizers apply to gamma.
        training: Whether this is training: a bool or a tensor.
        trainable: Whether the variables are trainable.
        name: The layer's name.
        reuse: Whether the layer's variables exist already.
        renorm: Whether moving averages correct mean and variance in training, too.
        renorm_clipping: Limits of the correction: a dict with any of ``rmin``, ``rmax``, ``dmax``.
        renorm_momentum: How much of its own averages the correction keeps in each update.
        fused: Whether the moving variance takes the estimate from a sample; None: for images.
        virtual_batch_size: The number of virtual batches' examples, each normalized by itself; it
            must divide the batch.
        adjustment: A function of the input's shape that gives a factor and an offset to apply in
            training after the normalization; None for none.

    Returns:
        The result.
    """
    layer = BatchNormalization(
        axis=axis,
        momentum=momentum,
        epsilon=epsilon,
        center=center,
        scale=scale,
        beta_initializer=beta_initializer,
        gamma_initializer=gamma_initializer,
        moving_mean_initializer=moving_mean_initializer,
        moving_variance_initializer=moving_variance_initializer,
        beta_regularizer=beta_regularizer,
        gamma_regularizer=gamma_regularizer,
        beta_constraint=beta_constraint,
        gamma_constraint=gamma_constraint,
        renorm=renorm,
        renorm_clipping=renorm_clipping,
        renorm_momentum=renorm_momentum,
        fused=fused,
        trainable=trainable,
        virtual_batch_size=virtual_batch_size,
        adjustment=adjustment,
        name=name,
        _reuse=reuse,
        _scope=name,
    )
    return layer(inputs, training=training)  # type: ignore[no-any-return]  # what a layer gives is untyped
