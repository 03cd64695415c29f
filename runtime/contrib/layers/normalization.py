"""Normalization of batches, layers, images and groups of channels.

Source: the documentation of ``tf.contrib.layers.batch_norm`` and its neighbours.
"""

from collections.abc import Sequence
from typing import Any

from runtime.contrib.framework.variables import model_scope, model_variable
from runtime.contrib.layers.collected import (
    add_variable,
    collect_named_outputs,
    variable_collections,
)
from runtime.contrib.layers.weighted import channels_last_or_first, layer_function
from runtime.graph import dtypes
from runtime.graph.convert import TensorLike, convert_to_tensor
from runtime.graph.graph import control_dependencies, get_default_graph
from runtime.graph.initializers import Ones, Zeros
from runtime.graph.keys import GraphKeys
from runtime.graph.layers import BatchNormalization
from runtime.graph.ops.array import identity, reshape, shape
from runtime.graph.ops.normalization import batch_normalization, moments
from runtime.graph.shapes import described, fully_known
from runtime.graph.tensor import Tensor

_ONES, _ZEROS = Ones(), Zeros()


class _BatchNorm(BatchNormalization):
    """Keeps its updates for who made it."""

    def add_update(self, updates: Any, inputs: Any = None) -> None:
        self.updates.append(updates)


def _ranked(inputs: TensorLike) -> tuple[Tensor, list[int | None]]:
    tensor = convert_to_tensor(inputs)
    if tensor.dims is None:
        raise ValueError(f"Inputs {tensor.name} has undefined rank; use set_shape.")
    return tensor, list(tensor.dims)


@layer_function("batch_norm")
def batch_norm(
    inputs: TensorLike,
    decay: Any = 0.999,
    center: bool = True,
    scale: bool = False,
    epsilon: float = 0.001,
    activation_fn: Any = None,
    param_initializers: Any = None,
    param_regularizers: Any = None,
    updates_collections: Any = GraphKeys.UPDATE_OPS,
    is_training: Any = True,
    reuse: bool | None = None,
    variables_collections: Any = None,
    outputs_collections: Any = None,
    trainable: bool = True,
    batch_weights: Any = None,
    fused: bool | None = None,
    data_format: str = "NHWC",
    zero_debias_moving_mean: bool = False,
    scope: Any = None,
    renorm: bool = False,
    renorm_clipping: Any = None,
    renorm_decay: float = 0.99,
    adjustment: Any = None,
) -> Tensor:
    """Scales each channel to mean 0 and variance 1, and adds an offset.

    In training mean and variance are those of the batch, and the moving ones are updated.

    Args:
        inputs: A tensor with the batch as its first axis.
        decay: How much of the moving mean and variance each update keeps.
        center: Whether the offset ``beta`` is added.
        scale: Whether ``gamma`` is a factor.
        epsilon: What is added to the variance.
        activation_fn: A function of a tensor, or None.
        param_initializers: Initial values by ``"beta"``, ``"gamma"``, ``"moving_mean"`` and
            ``"moving_variance"``.
        param_regularizers: Functions that give losses, by ``"beta"`` and ``"gamma"``.
        updates_collections: Collections for the updates, which a training step has to run; if
            None they are made before the result can be used.
        is_training: Whether mean and variance are those of the batch: a bool or a tensor.
        reuse: Whether the variables exist already.
        variables_collections: Collections for the variables: a list, or a mapping of lists by the
            variables' names.
        outputs_collections: Collections for the result.
        trainable: Whether optimizers change beta and gamma.
        batch_weights: Must be None.
        fused: Whether the moving variance takes the estimate from a sample, for inputs with two
            or four axes; yes if None.
        data_format: ``"NHWC"`` or ``"NCHW"``.
        zero_debias_moving_mean: Must be False.
        scope: The variable scope.
        renorm: Must be False.
        renorm_clipping: Without effect.
        renorm_decay: Without effect.
        adjustment: Must be None.

    Returns:
        A tensor of the same shape.

    Raises:
        NotImplementedError: If an argument is given that must not be.
        ValueError: If the rank or the number of channels is not known.
    """
    if batch_weights is not None or zero_debias_moving_mean or renorm or adjustment is not None:
        raise NotImplementedError(
            "batch_norm does not support batch_weights, zero_debias_moving_mean, renorm and "
            "adjustment; leave them at their defaults."
        )
    tensor, dims = _ranked(inputs)
    initial, losses = dict(param_initializers or {}), dict(param_regularizers or {})
    with model_scope(scope, "BatchNorm", reuse) as opened:
        layer = _BatchNorm(
            1 if channels_last_or_first(data_format) == "channels_first" else -1,
            decay,
            epsilon,
            center,
            scale,
            beta_initializer=initial.get("beta", _ZEROS),
            gamma_initializer=initial.get("gamma", _ONES),
            moving_mean_initializer=initial.get("moving_mean", _ZEROS),
            moving_variance_initializer=initial.get("moving_variance", _ONES),
            beta_regularizer=losses.get("beta"),
            gamma_regularizer=losses.get("gamma"),
            fused=fused is not False and len(dims) in (2, 4),
            trainable=trainable,
            name=opened.name,
            _scope=opened,
            _reuse=reuse,
        )
        outputs = layer.apply(tensor, training=is_training)
        for name in ("beta", "gamma", "moving_mean", "moving_variance"):
            add_variable(vars(layer)[name], variables_collections, name)
        if updates_collections is None:
            with control_dependencies(layer.updates):
                outputs = identity(outputs)
        else:
            for update in layer.updates:
                get_default_graph().add_to_collections(updates_collections, update)
        return _finished(outputs, activation_fn, outputs_collections, opened.name)


def _finished(outputs: Tensor, activation_fn: Any, collections: Any, name: str) -> Tensor:
    if activation_fn is not None:
        outputs = activation_fn(outputs)
    collect_named_outputs(collections, name, outputs)
    return outputs


def _scaling(options: dict[str, Any], dims: Sequence[int | None], like: Tensor) -> tuple[Any, Any]:
    """The variables ``beta`` and ``gamma``, None where they are not wanted."""
    if not fully_known(tuple(dims)):
        raise ValueError(
            f"Inputs {like.name} of shape {described(like.dims)}: the sizes "
            f"{described(tuple(dims))} of beta and gamma must be known; use set_shape."
        )
    initial = {"beta": _ZEROS, "gamma": _ONES, **(options.get("param_initializers") or {})}
    return tuple(
        model_variable(
            name,
            dims,
            like.dtype,
            initial[name],
            None,
            options["trainable"],
            variable_collections(options["variables_collections"], name),
        )
        if options[wanted]
        else None
        for name, wanted in (("beta", "center"), ("gamma", "scale"))
    )  # type: ignore[return-value]  # there are two


@layer_function("layer_norm")
def layer_norm(
    inputs: TensorLike,
    center: bool = True,
    scale: bool = True,
    activation_fn: Any = None,
    reuse: bool | None = None,
    variables_collections: Any = None,
    outputs_collections: Any = None,
    trainable: bool = True,
    begin_norm_axis: int = 1,
    begin_params_axis: int = -1,
    scope: Any = None,
) -> Tensor:
    """Scales each example to mean 0 and variance 1, then by gamma, and adds beta.

    Args:
        inputs: ``[batch, …]``.
        center: Whether ``beta`` is added.
        scale: Whether ``gamma`` is a factor.
        activation_fn: A function of a tensor, or None.
        reuse: Whether the variables exist already.
        variables_collections: Collections for the variables.
        outputs_collections: Collections for the result.
        trainable: Whether optimizers change the variables.
        begin_norm_axis: The first of the axes over which mean and variance are taken.
        begin_params_axis: The first of the axes that beta and gamma have.
        scope: The variable scope.

    Returns:
        A tensor of the same shape.

    Raises:
        ValueError: If there is no such axis, or sizes are not known.
    """
    options = locals()
    with model_scope(scope, "LayerNorm", reuse) as opened:
        tensor, dims = _ranked(inputs)
        first = begin_norm_axis + len(dims) if begin_norm_axis < 0 else begin_norm_axis
        if begin_params_axis >= len(dims) or first >= len(dims):
            raise ValueError(
                f"begin_params_axis ({begin_params_axis}) and begin_norm_axis ({first}) must be < "
                f"rank(inputs) ({len(dims)})"
            )
        beta, gamma = _scaling(options, dims[begin_params_axis:], tensor)
        mean, variance = moments(tensor, list(range(first, len(dims))), keep_dims=True)
        small = 1e-3 if tensor.dtype is dtypes.float16 else 1e-12
        outputs = batch_normalization(tensor, mean, variance, beta, gamma, small)
        outputs.set_shape(dims)
        return _finished(outputs, activation_fn, outputs_collections, opened.name)


@layer_function("instance_norm")
def instance_norm(
    inputs: TensorLike,
    center: bool = True,
    scale: bool = True,
    epsilon: float = 1e-06,
    activation_fn: Any = None,
    param_initializers: Any = None,
    reuse: bool | None = None,
    variables_collections: Any = None,
    outputs_collections: Any = None,
    trainable: bool = True,
    data_format: str = "NHWC",
    scope: Any = None,
) -> Tensor:
    """Scales each channel of each image to mean 0 and variance 1, then by gamma, and adds beta.

    Args:
        inputs: Images.
        center: Whether ``beta`` is added.
        scale: Whether ``gamma`` is a factor.
        epsilon: What is added to the variance.
        activation_fn: A function of a tensor, or None.
        param_initializers: Initial values by ``"beta"`` and ``"gamma"``.
        reuse: Whether the variables exist already.
        variables_collections: Collections for the variables.
        outputs_collections: Collections for the result.
        trainable: Whether optimizers change the variables.
        data_format: ``"NHWC"`` or ``"NCHW"``.
        scope: The variable scope.

    Returns:
        A tensor of the same shape.

    Raises:
        ValueError: If the rank or the number of channels is not known.
    """
    options = locals()
    tensor, dims = _ranked(inputs)
    axis = 1 if channels_last_or_first(data_format) == "channels_first" else len(dims) - 1
    with model_scope(scope, "InstanceNorm", reuse) as opened:
        beta, gamma = _scaling(options, dims[axis : axis + 1], tensor)
        if axis == 1:
            wide = [1, dims[1], *[1] * (len(dims) - 2)]
            beta, gamma = (None if v is None else reshape(v, wide) for v in (beta, gamma))
        inside = [number for number in range(1, len(dims)) if number != axis]
        mean, variance = moments(tensor, inside, keep_dims=True)
        outputs = batch_normalization(tensor, mean, variance, beta, gamma, epsilon)
        outputs.set_shape(dims)
        return _finished(outputs, activation_fn, outputs_collections, opened.name)


@layer_function("group_norm")
def group_norm(
    inputs: TensorLike,
    groups: int = 32,
    channels_axis: int = -1,
    reduction_axes: Sequence[int] = (-3, -2),
    center: bool = True,
    scale: bool = True,
    epsilon: float = 1e-06,
    activation_fn: Any = None,
    param_initializers: Any = None,
    reuse: bool | None = None,
    variables_collections: Any = None,
    outputs_collections: Any = None,
    trainable: bool = True,
    scope: Any = None,
    mean_close_to_zero: bool = False,
) -> Tensor:
    """Scales groups of channels to mean 0 and variance 1, then by gamma, and adds beta.

    Args:
        inputs: Images.
        groups: The number of groups.
        channels_axis: The axis of the channels.
        reduction_axes: Further axes over which mean and variance are taken.
        center: Whether ``beta`` is added.
        scale: Whether ``gamma`` is a factor.
        epsilon: What is added to the variance.
        activation_fn: A function of a tensor, or None.
        param_initializers: Initial values by ``"beta"`` and ``"gamma"``.
        reuse: Whether the variables exist already.
        variables_collections: Collections for the variables.
        outputs_collections: Collections for the result.
        trainable: Whether optimizers change the variables.
        scope: The variable scope.
        mean_close_to_zero: Without effect.

    Returns:
        A tensor of the same shape.

    Raises:
        ValueError: If the groups don't divide the channels, or axes don't fit.
    """
    options = locals()
    tensor, dims = _ranked(inputs)
    axis = channels_axis % len(dims)
    channels, over = dims[axis], [number % len(dims) for number in reduction_axes]
    if channels is None or axis in over:
        raise ValueError(
            f"Inputs {tensor.name} of shape {described(tensor.dims)}: the channels (axis {axis}) "
            "must be known and not among reduction_axes."
        )
    if groups > channels or channels % groups:
        raise ValueError(f"{channels} channels is not commensurate with {groups} groups.")
    with model_scope(scope, "GroupNorm", reuse) as opened:
        beta, gamma = _scaling(options, [channels], tensor)
        actual = shape(tensor)
        sizes = [actual[i] if d is None else d for i, d in enumerate(dims)]
        split = [groups, channels // groups]
        grouped = reshape(tensor, [*sizes[:axis], *split, *sizes[axis + 1 :]])
        wide = [*[1] * axis, *split, *[1] * (len(dims) - axis - 1)]
        beta, gamma = (None if v is None else reshape(v, wide) for v in (beta, gamma))
        axes = [axis + 1, *[number + (number > axis) for number in over]]
        mean, variance = moments(grouped, axes, keep_dims=True)
        outputs = reshape(batch_normalization(grouped, mean, variance, beta, gamma, epsilon), sizes)
        outputs.set_shape(dims)
        return _finished(outputs, activation_fn, outputs_collections, opened.name)
