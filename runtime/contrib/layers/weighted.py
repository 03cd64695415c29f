"""Layers with weights: fully connected ones and convolutions.

Source: the documentation of ``tf.contrib.layers.fully_connected`` and its neighbours.
"""

import functools
from collections.abc import Callable
from typing import Any

from runtime.contrib.framework.arguments import add_arg_scope
from runtime.contrib.framework.variables import model_scope, model_variable
from runtime.contrib.layers.collected import (
    add_variable,
    collect_named_outputs,
    variable_collections,
)
from runtime.contrib.layers.initial_values import xavier_initializer
from runtime.graph import layers as core
from runtime.graph.convert import TensorLike, convert_to_tensor
from runtime.graph.export import F, export
from runtime.graph.initializers import Zeros
from runtime.graph.layer import last_size
from runtime.graph.layers_3d import Conv3D
from runtime.graph.ops import activation, nn
from runtime.graph.ops.convolution import depthwise_conv2d
from runtime.graph.scopes import VariableScope
from runtime.graph.tensor import Tensor

Initial = Any  # a function of a shape, an array or a number
_XAVIER, _ZEROS = xavier_initializer(), Zeros()
# The names of layers' variables in contrib.
_RENAMED = {
    "bias": "biases",
    "kernel": "weights",
    "depthwise_kernel": "depthwise_weights",
    "pointwise_kernel": "pointwise_weights",
}


def layer_function(*names: str) -> Callable[[F], F]:
    """Makes a function public in `contrib.layers` and `contrib.slim`, and known to `arg_scope`.

    Args:
        *names: Its names.

    Returns:
        A decorator.
    """
    places = [f"contrib.{place}.{name}" for name in names for place in ("layers", "slim")]

    def decorate(function: F) -> F:
        return export(*places)(add_arg_scope(function))

    return decorate


def channels_last_or_first(data_format: str | None) -> str:
    """A format of images as `tf.layers` names it.

    Args:
        data_format: For example ``"NHWC"``; None for the channels last.

    Returns:
        ``"channels_last"`` or ``"channels_first"``.

    Raises:
        ValueError: If it is neither.
    """
    known = {None: "last", "NWC": "last", "NHWC": "last", "NDHWC": "last"}
    known |= {"NCW": "first", "NCHW": "first", "NCDHW": "first"}
    if data_format not in known:
        raise ValueError(f"data_format has to be either NCHW or NHWC, not {data_format!r}.")
    return f"channels_{known[data_format]}"


def _weighted(
    default_scope: str,
    options: dict[str, Any],
    make: Callable[..., Any],
    weights: tuple[str, ...] = ("kernel",),
) -> Tensor:
    """Makes a layer of `tf.layers`, applies and finishes it.

    Args:
        default_scope: The scope's default name.
        options: The arguments of the function in contrib.
        make: Makes the layer from what all have in common.
        weights: The variables of the layer that count as weights.
    """
    with model_scope(options["scope"], default_scope, options["reuse"], _RENAMED) as scope:
        layer = make(
            activation=None,
            use_bias=not options["normalizer_fn"] and options["biases_initializer"] is not None,
            bias_initializer=options["biases_initializer"],
            bias_regularizer=options["biases_regularizer"],
            trainable=options["trainable"],
            name=scope.name,
            _scope=scope,
            _reuse=options["reuse"],
        )
        outputs = layer.apply(options["inputs"])
        for name in weights:
            add_variable(vars(layer)[name], options["variables_collections"], "weights")
        add_variable(layer.bias, options["variables_collections"], "biases")
        return _finished(outputs, options, scope)


def _finished(outputs: Tensor, options: dict[str, Any], scope: VariableScope) -> Tensor:
    """Normalized, activated and collected."""
    if options["normalizer_fn"] is not None:
        outputs = options["normalizer_fn"](outputs, **(options["normalizer_params"] or {}))
    if options["activation_fn"] is not None:
        outputs = options["activation_fn"](outputs)
    collect_named_outputs(options["outputs_collections"], scope.name, outputs)
    return outputs


def _kernel(options: dict[str, Any]) -> dict[str, Any]:
    return {
        "kernel_initializer": options["weights_initializer"],
        "kernel_regularizer": options["weights_regularizer"],
    }


@layer_function("fully_connected")
def fully_connected(
    inputs: TensorLike,
    num_outputs: int,
    activation_fn: Any = activation.relu,
    normalizer_fn: Any = None,
    normalizer_params: Any = None,
    weights_initializer: Initial = _XAVIER,
    weights_regularizer: Any = None,
    biases_initializer: Initial = _ZEROS,
    biases_regularizer: Any = None,
    reuse: bool | None = None,
    variables_collections: Any = None,
    outputs_collections: Any = None,
    trainable: bool = True,
    scope: Any = None,
) -> Tensor:
    """activation(inputs · weights + biases).

    Args:
        inputs: A tensor with at least two axes, of which the last one has a known size.
        num_outputs: The size of the result's last axis.
        activation_fn: A function of a tensor, or None.
        normalizer_fn: What takes the place of the biases, such as `batch_norm`.
        normalizer_params: Its further arguments.
        weights_initializer: Initial value of the weights.
        weights_regularizer: A function that gives a loss.
        biases_initializer: Initial value of the biases; None for no biases.
        biases_regularizer: A function that gives a loss.
        reuse: Whether the variables exist already.
        variables_collections: Collections for the variables: a list, or a mapping of lists by
            ``"weights"`` and ``"biases"``.
        outputs_collections: Collections for the result.
        trainable: Whether optimizers change the variables.
        scope: The variable scope.

    Returns:
        A tensor.

    Raises:
        ValueError: If `num_outputs` is no integer.
    """
    options = locals()
    if isinstance(num_outputs, bool) or not hasattr(num_outputs, "__index__"):
        raise ValueError(f"num_outputs should be an integer, got {num_outputs!r}.")
    return _weighted(
        "fully_connected",
        options,
        lambda **shared: core.Dense(num_outputs, **_kernel(options), **shared),
    )


def _published_partial(name: str, activation_fn: Any) -> Any:
    made = functools.partial(fully_connected, activation_fn=activation_fn)
    made.__doc__ = f"`fully_connected` with the activation {name}."
    made.__module__ = __name__
    return export(f"contrib.layers.{name}", f"contrib.slim.{name}")(made)


linear = _published_partial("linear", None)
relu = _published_partial("relu", activation.relu)
relu6 = _published_partial("relu6", activation.relu6)
elu = _published_partial("elu", activation.elu)

_CONVOLUTIONS: dict[int, Any] = {1: core.Conv1D, 2: core.Conv2D, 3: Conv3D}


@layer_function("convolution")
def convolution(
    inputs: TensorLike,
    num_outputs: int,
    kernel_size: Any,
    stride: Any = 1,
    padding: str = "SAME",
    data_format: str | None = None,
    rate: Any = 1,
    activation_fn: Any = activation.relu,
    normalizer_fn: Any = None,
    normalizer_params: Any = None,
    weights_initializer: Initial = _XAVIER,
    weights_regularizer: Any = None,
    biases_initializer: Initial = _ZEROS,
    biases_regularizer: Any = None,
    reuse: bool | None = None,
    variables_collections: Any = None,
    outputs_collections: Any = None,
    trainable: bool = True,
    scope: Any = None,
    conv_dims: int | None = None,
) -> Tensor:
    """A convolution of sequences, images or volumes, as many axes as the input has.

    Args:
        inputs: A tensor with the batch, one to three axes of space, and the channels.
        num_outputs: The channels of the result.
        kernel_size: The size of the windows: one number, or one for each axis.
        stride: The distance of neighbouring windows.
        padding: ``"SAME"`` or ``"VALID"``.
        data_format: Where the channels are, such as ``"NHWC"``.
        rate: The distance of neighbouring elements of a window.
        activation_fn: A function of a tensor, or None.
        normalizer_fn: What takes the place of the biases, such as `batch_norm`.
        normalizer_params: Its further arguments.
        weights_initializer: Initial value of the weights.
        weights_regularizer: A function that gives a loss.
        biases_initializer: Initial value of the biases; None for no biases.
        biases_regularizer: A function that gives a loss.
        reuse: Whether the variables exist already.
        variables_collections: Collections for the variables: a list, or a mapping of lists by
            ``"weights"`` and ``"biases"``.
        outputs_collections: Collections for the result.
        trainable: Whether optimizers change the variables.
        scope: The variable scope.
        conv_dims: The number of axes of space, to be checked.

    Returns:
        A tensor.

    Raises:
        ValueError: If the input has another number of axes, or sizes don't fit.
    """
    options = locals()
    options["inputs"] = tensor = convert_to_tensor(inputs)
    rank = None if tensor.dims is None else len(tensor.dims) - 2
    if rank not in _CONVOLUTIONS or conv_dims not in (None, rank):
        wanted = f"{conv_dims + 2}" if conv_dims else "3, 4 or 5"
        raise ValueError(
            f"Convolution expects input with rank {wanted}, got {tensor.name!r} of shape "
            f"{tensor.shape}."
        )
    assert rank is not None
    return _weighted(
        "Conv",
        options,
        lambda **shared: _CONVOLUTIONS[rank](
            num_outputs,
            kernel_size if isinstance(kernel_size, int) else _sizes(kernel_size, rank),
            stride if isinstance(stride, int) else _sizes(stride, rank),
            padding,
            channels_last_or_first(data_format),
            rate if isinstance(rate, int) else _sizes(rate, rank),
            **_kernel(options),
            **shared,
        ),
    )


def _sizes(sizes: Any, rank: int) -> Any:
    """One size may stand for all axes."""
    listed = [int(size) for size in sizes]
    return listed * rank if len(listed) == 1 else listed


def _of_rank(rank: int) -> Any:
    """`convolution` for one number of axes of space."""

    def function(
        inputs: TensorLike,
        num_outputs: int,
        kernel_size: Any,
        stride: Any = 1,
        padding: str = "SAME",
        data_format: str | None = None,
        rate: Any = 1,
        activation_fn: Any = activation.relu,
        normalizer_fn: Any = None,
        normalizer_params: Any = None,
        weights_initializer: Initial = _XAVIER,
        weights_regularizer: Any = None,
        biases_initializer: Initial = _ZEROS,
        biases_regularizer: Any = None,
        reuse: bool | None = None,
        variables_collections: Any = None,
        outputs_collections: Any = None,
        trainable: bool = True,
        scope: Any = None,
    ) -> Tensor:
        given = {name: value for name, value in locals().items() if name != "rank"}
        return convolution(**given, conv_dims=rank)

    function.__name__ = function.__qualname__ = f"convolution{rank}d"
    documented, _, _ = (convolution.__doc__ or "").partition("        conv_dims:")
    function.__doc__ = documented.replace("as many axes as the input has", f"{rank}-dimensional")
    return layer_function(f"convolution{rank}d", f"conv{rank}d")(function)


convolution1d = conv1d = _of_rank(1)
convolution2d = conv2d = _of_rank(2)
convolution3d = conv3d = _of_rank(3)


@layer_function("convolution2d_transpose", "conv2d_transpose")
def convolution2d_transpose(
    inputs: TensorLike,
    num_outputs: int,
    kernel_size: Any,
    stride: Any = 1,
    padding: str = "SAME",
    data_format: str = "NHWC",
    activation_fn: Any = activation.relu,
    normalizer_fn: Any = None,
    normalizer_params: Any = None,
    weights_initializer: Initial = _XAVIER,
    weights_regularizer: Any = None,
    biases_initializer: Initial = _ZEROS,
    biases_regularizer: Any = None,
    reuse: bool | None = None,
    variables_collections: Any = None,
    outputs_collections: Any = None,
    trainable: bool = True,
    scope: Any = None,
) -> Tensor:
    """The transpose of a convolution: makes images larger.

    Args:
        inputs: Images.
        num_outputs: The channels of the result.
        kernel_size: Height and width of the windows, or one number.
        stride: The distance of neighbouring windows in the result.
        padding: ``"SAME"`` or ``"VALID"``.
        data_format: ``"NHWC"`` or ``"NCHW"``.
        activation_fn: A function of a tensor, or None.
        normalizer_fn: What takes the place of the biases, such as `batch_norm`.
        normalizer_params: Its further arguments.
        weights_initializer: Initial value of the weights.
        weights_regularizer: A function that gives a loss.
        biases_initializer: Initial value of the biases; None for no biases.
        biases_regularizer: A function that gives a loss.
        reuse: Whether the variables exist already.
        variables_collections: Collections for the variables: a list, or a mapping of lists by
            ``"weights"`` and ``"biases"``.
        outputs_collections: Collections for the result.
        trainable: Whether optimizers change the variables.
        scope: The variable scope.

    Returns:
        Images.
    """
    options = locals()
    return _weighted(
        "Conv2d_transpose",
        options,
        lambda **shared: core.Conv2DTranspose(
            num_outputs,
            kernel_size,
            stride,
            padding,
            channels_last_or_first(data_format),
            **_kernel(options),
            **shared,
        ),
    )


@layer_function("separable_convolution2d", "separable_conv2d")
def separable_convolution2d(
    inputs: TensorLike,
    num_outputs: int | None,
    kernel_size: Any,
    depth_multiplier: int = 1,
    stride: Any = 1,
    padding: str = "SAME",
    data_format: str = "NHWC",
    rate: Any = 1,
    activation_fn: Any = activation.relu,
    normalizer_fn: Any = None,
    normalizer_params: Any = None,
    weights_initializer: Initial = _XAVIER,
    pointwise_initializer: Initial = None,
    weights_regularizer: Any = None,
    biases_initializer: Initial = _ZEROS,
    biases_regularizer: Any = None,
    reuse: bool | None = None,
    variables_collections: Any = None,
    outputs_collections: Any = None,
    trainable: bool = True,
    scope: Any = None,
) -> Tensor:
    """A convolution of each channel by itself, then a mixing of the channels at each point.

    Args:
        inputs: Images.
        num_outputs: The channels of the result; None for no mixing.
        kernel_size: Height and width of the windows, or one number.
        depth_multiplier: The number of filters for each channel.
        stride: The distance of neighbouring windows.
        padding: ``"SAME"`` or ``"VALID"``.
        data_format: ``"NHWC"`` or ``"NCHW"``.
        rate: The distance of neighbouring elements of a window.
        activation_fn: A function of a tensor, or None.
        normalizer_fn: What takes the place of the biases, such as `batch_norm`.
        normalizer_params: Its further arguments.
        weights_initializer: Initial value of the filters.
        pointwise_initializer: Initial value of the mixing weights; as the filters' if None.
        weights_regularizer: A function that gives a loss.
        biases_initializer: Initial value of the biases; None for no biases.
        biases_regularizer: A function that gives a loss.
        reuse: Whether the variables exist already.
        variables_collections: Collections for the variables: a list, or a mapping of lists by
            ``"weights"`` and ``"biases"``.
        outputs_collections: Collections for the result.
        trainable: Whether optimizers change the variables.
        scope: The variable scope.

    Returns:
        Images.
    """
    options = locals()
    if num_outputs is None:
        return _depthwise(options)
    return _weighted(
        "SeparableConv2d",
        options,
        lambda **shared: core.SeparableConv2D(
            num_outputs,
            kernel_size,
            stride,
            padding,
            channels_last_or_first(data_format),
            rate,
            depth_multiplier,
            depthwise_initializer=weights_initializer,
            pointwise_initializer=pointwise_initializer or weights_initializer,
            depthwise_regularizer=weights_regularizer,
            pointwise_regularizer=weights_regularizer,
            **shared,
        ),
        ("depthwise_kernel", "pointwise_kernel"),
    )


def _pair(value: Any) -> list[int]:
    return [value, value] if isinstance(value, int) else [int(number) for number in value]


def _depthwise(options: dict[str, Any]) -> Tensor:
    """Without the mixing."""
    inputs, many = convert_to_tensor(options["inputs"]), options["depth_multiplier"]
    first = channels_last_or_first(options["data_format"]) == "channels_first"
    with model_scope(options["scope"], "SeparableConv2d", options["reuse"]) as scope:
        channels = last_size(inputs.shape, 1 if first else -1, "separable_conv2d")

        def variable(name: str, shape: list[int], kind: str) -> Any:
            return model_variable(
                name,
                shape,
                inputs.dtype,
                options[f"{kind}_initializer"],
                options[f"{kind}_regularizer"],
                options["trainable"],
                variable_collections(options["variables_collections"], kind),
            )

        shape = [*_pair(options["kernel_size"]), channels, many]
        outputs = depthwise_conv2d(
            inputs,
            variable("depthwise_weights", shape, "weights"),
            [1, 1, *_pair(options["stride"])] if first else [1, *_pair(options["stride"]), 1],
            options["padding"],
            _pair(options["rate"]),
            data_format=options["data_format"],
        )
        if options["normalizer_fn"] is None and options["biases_initializer"] is not None:
            biases = variable("biases", [many * channels], "biases")
            outputs = nn.bias_add(outputs, biases, options["data_format"])
        return _finished(outputs, options, scope)


@layer_function("bias_add")
def bias_add(
    inputs: TensorLike,
    activation_fn: Any = None,
    initializer: Initial = _ZEROS,
    regularizer: Any = None,
    reuse: bool | None = None,
    variables_collections: Any = None,
    outputs_collections: Any = None,
    trainable: bool = True,
    data_format: str = "NHWC",
    scope: Any = None,
) -> Tensor:
    """Adds a bias to each channel.

    Args:
        inputs: A tensor.
        activation_fn: A function of a tensor, or None.
        initializer: Initial value of the biases.
        regularizer: A function that gives a loss.
        reuse: Whether the variable exists already.
        variables_collections: Collections for the variable.
        outputs_collections: Collections for the result.
        trainable: Whether optimizers change the variable.
        data_format: ``"NHWC"`` or ``"NCHW"``.
        scope: The variable scope.

    Returns:
        A tensor of the same shape.
    """
    options = {**locals(), "normalizer_fn": None}
    with model_scope(scope, "BiasAdd", reuse) as opened:
        tensor = convert_to_tensor(inputs)
        first = channels_last_or_first(data_format) == "channels_first"
        biases = model_variable(
            "biases",
            [last_size(tensor.shape, 1 if first else -1, "bias_add")],
            tensor.dtype,
            initializer,
            regularizer,
            trainable,
            variable_collections(variables_collections, "biases"),
        )
        return _finished(nn.bias_add(tensor, biases, data_format), options, opened)


@export("contrib.layers.embed_sequence")
def embed_sequence(
    ids: TensorLike,
    vocab_size: int | None = None,
    embed_dim: int | None = None,
    unique: bool = False,
    initializer: Initial = None,
    regularizer: Any = None,
    trainable: bool = True,
    scope: Any = None,
    reuse: bool | None = None,
) -> Tensor:
    """Vectors for the symbols of sequences, from a variable ``embeddings``.

    Args:
        ids: The symbols' numbers.
        vocab_size: How many symbols there are.
        embed_dim: The size of the vectors.
        unique: Without effect on the result.
        initializer: Initial value of the vectors; the scope's if None.
        regularizer: A function that gives a loss.
        trainable: Whether optimizers change the vectors.
        scope: The variable scope.
        reuse: Whether the variable exists already.

    Returns:
        ``[…, embed_dim]``.

    Raises:
        ValueError: If a size is not given and the variable does not exist already.
    """
    from runtime.graph.ops.sampling import embedding_lookup

    if not (reuse or (vocab_size and embed_dim)):
        raise ValueError(
            "Must specify vocab size and embedding dimension when not reusing. Got "
            f"vocab_size={vocab_size} and embed_dim={embed_dim}."
        )
    with model_scope(scope, "EmbedSequence", reuse):
        shape = [vocab_size, embed_dim] if vocab_size and embed_dim else None
        embeddings = model_variable(
            "embeddings",
            shape,
            initializer=initializer,
            regularizer=regularizer,
            trainable=trainable,
        )
        return embedding_lookup(embeddings, ids)
