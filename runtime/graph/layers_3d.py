"""Layers that work along three dimensions.

Source: the ``tf.compat.v1.layers`` module documentation.
"""

from collections.abc import Callable
from typing import Any

from runtime.graph.export import export
from runtime.graph.layers import _ZEROS, _Convolution, _Pooling, _Transposed
from runtime.graph.ops import volumes
from runtime.graph.tensor import Tensor


@export("layers.Conv3D")
class Conv3D(_Convolution):
    """A convolution of volumes.

    Args:
        filters: The channels of the result.
        kernel_size: Depth, height and width of the windows.
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
        strides: Any = (1, 1, 1),
        padding: str = "valid",
        data_format: str = "channels_last",
        dilation_rate: Any = (1, 1, 1),
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
        super().__init__(3, locals())

    def call(self, inputs: Any) -> Tensor:
        """The result.

        Args:
            inputs: Volumes.

        Returns:
            Volumes.
        """
        made = volumes.conv3d(
            inputs,
            self.kernel,
            list(self.strides),
            self.padding,
            data_format=self._nn_format,
            dilations=list(self.dilation_rate),
        )
        return self._finished(made, self._first)


@export("layers.Conv3DTranspose")
class Conv3DTranspose(_Transposed):
    """The transpose of a convolution: makes volumes larger.

    Args:
        filters: The channels of the result.
        kernel_size: Depth, height and width of the windows.
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

    _function = volumes.conv3d_transpose

    def __init__(
        self,
        filters: int,
        kernel_size: Any,
        strides: Any = (1, 1, 1),
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
        super().__init__(3, locals())


@export("layers.MaxPooling3D")
class MaxPooling3D(_Pooling):
    """The largest element of each window of volumes.

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
        super().__init__(3, pool_size, strides, padding, data_format, name, kwargs)

    def call(self, inputs: Any) -> Tensor:
        """The result.

        Args:
            inputs: Volumes.

        Returns:
            Volumes.
        """
        return self._pooled(volumes.max_pool3d, inputs)


@export("layers.AveragePooling3D")
class AveragePooling3D(_Pooling):
    """The mean of each window of volumes.

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
        super().__init__(3, pool_size, strides, padding, data_format, name, kwargs)

    def call(self, inputs: Any) -> Tensor:
        """The result.

        Args:
            inputs: Volumes.

        Returns:
            Volumes.
        """
        return self._pooled(volumes.avg_pool3d, inputs)


@export("layers.conv3d")
def conv3d(
    inputs: Any,
    filters: int,
    kernel_size: Any,
    strides: Any = (1, 1, 1),
    padding: str = "valid",
    data_format: str = "channels_last",
    dilation_rate: Any = (1, 1, 1),
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
    """A convolution of volumes.

    Args:
        inputs: The input.
        filters: The channels of the result.
        kernel_size: Depth, height and width of the windows.
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
    layer = Conv3D(
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


@export("layers.conv3d_transpose")
def conv3d_transpose(
    inputs: Any,
    filters: int,
    kernel_size: Any,
    strides: Any = (1, 1, 1),
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
    """The transpose of a convolution: makes volumes larger.

    Args:
        inputs: The input.
        filters: The channels of the result.
        kernel_size: Depth, height and width of the windows.
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
    layer = Conv3DTranspose(
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


@export("layers.max_pooling3d")
def max_pooling3d(
    inputs: Any,
    pool_size: Any,
    strides: Any,
    padding: str = "valid",
    data_format: str = "channels_last",
    name: str | None = None,
) -> Tensor:
    """The largest element of each window of volumes.

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
    layer = MaxPooling3D(
        pool_size=pool_size, strides=strides, padding=padding, data_format=data_format, name=name
    )
    return layer(inputs)  # type: ignore[no-any-return]  # what a layer gives is untyped


@export("layers.average_pooling3d")
def average_pooling3d(
    inputs: Any,
    pool_size: Any,
    strides: Any,
    padding: str = "valid",
    data_format: str = "channels_last",
    name: str | None = None,
) -> Tensor:
    """The mean of each window of volumes.

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
    layer = AveragePooling3D(
        pool_size=pool_size, strides=strides, padding=padding, data_format=data_format, name=name
    )
    return layer(inputs)  # type: ignore[no-any-return]  # what a layer gives is untyped
