"""Layers without weights, and layers applied again and again.

Source: the documentation of ``tf.contrib.layers``.
"""

from collections.abc import Callable
from typing import Any

from runtime.contrib.layers.collected import collect_named_outputs
from runtime.contrib.layers.weighted import channels_last_or_first, layer_function
from runtime.graph import dtypes
from runtime.graph import layers as core
from runtime.graph.convert import TensorLike, convert_to_tensor
from runtime.graph.export import export
from runtime.graph.graph import get_default_graph
from runtime.graph.ops.array import one_hot, reshape, shape
from runtime.graph.ops.math import cast, sqrt, square
from runtime.graph.ops.nn import softmax as softmax_of
from runtime.graph.ops.reduction import reduce_max, reduce_sum
from runtime.graph.scopes import variable_scope
from runtime.graph.tensor import Tensor


def _pool(kind: type, default_scope: str, options: dict[str, Any]) -> Tensor:
    with get_default_graph().name_scope(options["scope"] or default_scope) as scope:
        layer = kind(
            options["kernel_size"],
            options["stride"],
            options["padding"],
            channels_last_or_first(options["data_format"]),
            _scope=scope.removesuffix("/"),
        )
        outputs: Tensor = layer.apply(convert_to_tensor(options["inputs"]))
        collect_named_outputs(options["outputs_collections"], scope, outputs)
        return outputs


@layer_function("max_pool2d")
def max_pool2d(
    inputs: TensorLike,
    kernel_size: Any,
    stride: Any = 2,
    padding: str = "VALID",
    data_format: str = "NHWC",
    outputs_collections: Any = None,
    scope: str | None = None,
) -> Tensor:
    """The largest element of each window.

    Args:
        inputs: Images.
        kernel_size: Height and width of the windows, or one number.
        stride: The distance of neighbouring windows.
        padding: ``"SAME"`` or ``"VALID"``.
        data_format: ``"NHWC"`` or ``"NCHW"``.
        outputs_collections: Collections for the result.
        scope: Name of the scope of the operations.

    Returns:
        Images.
    """
    return _pool(core.MaxPooling2D, "MaxPool2D", locals())


@layer_function("avg_pool2d")
def avg_pool2d(
    inputs: TensorLike,
    kernel_size: Any,
    stride: Any = 2,
    padding: str = "VALID",
    data_format: str = "NHWC",
    outputs_collections: Any = None,
    scope: str | None = None,
) -> Tensor:
    """The mean of each window.

    Args:
        inputs: Images.
        kernel_size: Height and width of the windows, or one number.
        stride: The distance of neighbouring windows.
        padding: ``"SAME"`` or ``"VALID"``.
        data_format: ``"NHWC"`` or ``"NCHW"``.
        outputs_collections: Collections for the result.
        scope: Name of the scope of the operations.

    Returns:
        Images.
    """
    return _pool(core.AveragePooling2D, "AvgPool2D", locals())


@layer_function("flatten")
def flatten(
    inputs: TensorLike, outputs_collections: Any = None, scope: str | None = None
) -> Tensor:
    """All axes but the first one made into one.

    Args:
        inputs: ``[batch, …]``.
        outputs_collections: Collections for the result.
        scope: Name of the scope of the operations.

    Returns:
        ``[batch, size]``.
    """
    with get_default_graph().name_scope(scope or "Flatten") as opened:
        outputs = core.Flatten().apply(convert_to_tensor(inputs))
        collect_named_outputs(outputs_collections, opened, outputs)
        return outputs  # type: ignore[no-any-return]  # a layer gives a tensor


@layer_function("dropout")
def dropout(
    inputs: TensorLike,
    keep_prob: Any = 0.5,
    noise_shape: Any = None,
    is_training: Any = True,
    outputs_collections: Any = None,
    scope: Any = None,
    seed: int | None = None,
) -> Tensor:
    """Sets elements to zero at random in training, and scales the others.

    Args:
        inputs: A tensor.
        keep_prob: The probability that an element is kept.
        noise_shape: The shape of what is drawn, broadcast to the input.
        is_training: Whether elements are dropped: a bool or a tensor.
        outputs_collections: Collections for the result.
        scope: The variable scope, whose name the operations get.
        seed: The operation's seed.

    Returns:
        A tensor of the same shape.
    """
    with variable_scope(scope, "Dropout") as opened:
        layer = core.Dropout(1 - keep_prob, noise_shape, seed, opened.name, _scope=opened)
        outputs = layer.apply(convert_to_tensor(inputs), training=is_training)
        collect_named_outputs(outputs_collections, opened.name, outputs)
        return outputs  # type: ignore[no-any-return]  # a layer gives a tensor


@layer_function("one_hot_encoding")
def one_hot_encoding(
    labels: TensorLike,
    num_classes: int,
    on_value: Any = 1.0,
    off_value: Any = 0.0,
    outputs_collections: Any = None,
    scope: str | None = None,
) -> Tensor:
    """A vector with a one at its place for each class.

    Args:
        labels: The numbers of classes.
        num_classes: How many classes there are.
        on_value: What stands at the class's place.
        off_value: What stands elsewhere.
        outputs_collections: Collections for the result.
        scope: Name of the scope of the operations.

    Returns:
        ``[…, num_classes]``.
    """
    with get_default_graph().name_scope(scope or "OneHotEncoding") as opened:
        numbers = convert_to_tensor(labels)
        if numbers.dtype is dtypes.int32:
            numbers = cast(numbers, dtypes.int64)
        outputs = one_hot(numbers, num_classes, on_value, off_value)
        collect_named_outputs(outputs_collections, opened, outputs)
        return outputs


@layer_function("softmax")
def softmax(logits: TensorLike, scope: Any = None) -> Tensor:
    """Probabilities along the last axis.

    Args:
        logits: A tensor.
        scope: The variable scope, whose name the operations get.

    Returns:
        A tensor of the same shape.
    """
    with variable_scope(scope, "softmax"):
        tensor = convert_to_tensor(logits)
        rows = reshape(tensor, [-1, -1 if tensor.dims is None else tensor.dims[-1]])
        made = reshape(softmax_of(rows), shape(tensor))
        made.set_shape(tensor.dims)
        return made


@layer_function("unit_norm")
def unit_norm(inputs: TensorLike, dim: int, epsilon: float = 1e-7, scope: Any = None) -> Tensor:
    """Scales a tensor to length 1 along an axis.

    Args:
        inputs: A tensor of known rank.
        dim: The axis, counted from the front.
        epsilon: What is added to the squared lengths, against division by zero.
        scope: The variable scope, whose name the operations get.

    Returns:
        A tensor of the same shape.

    Raises:
        ValueError: If there is no such axis.
    """
    with variable_scope(scope, "UnitNorm"):
        tensor = convert_to_tensor(inputs)
        if tensor.dims is None:
            raise ValueError("The input rank must be known.")
        if not 0 <= dim < len(tensor.dims):
            raise ValueError(
                f"dim must be positive but smaller than the input rank {len(tensor.dims)}, not "
                f"{dim}."
            )
        return tensor / sqrt(epsilon + reduce_sum(square(tensor), dim, keepdims=True))


@layer_function("maxout")
def maxout(inputs: TensorLike, num_units: int, axis: int = -1, scope: str | None = None) -> Tensor:
    """The largest element of each group along an axis.

    Args:
        inputs: A tensor.
        num_units: The number of groups.
        axis: The axis.
        scope: Name of the scope of the operations.

    Returns:
        A tensor whose axis has the size `num_units`.

    Raises:
        ValueError: If the axis's size is not a multiple of that.
    """
    with get_default_graph().name_scope(scope or "MaxOut"):
        tensor = convert_to_tensor(inputs)
        sizes = list(tensor.dims or ())
        size = sizes[axis]
        if size is None or size % num_units:
            raise ValueError(
                f"number of features({size}) is not a multiple of num_units({num_units})"
            )
        axis %= len(sizes)
        actual = shape(tensor)
        known = [actual[i] if d is None else d for i, d in enumerate(sizes)]
        grouped = [*known[:axis], num_units, size // num_units, *known[axis + 1 :]]
        return reduce_max(reshape(tensor, grouped), axis + 1)


def _name_of(layer: Any, default: str) -> str:
    """The name of a function, also inside of a `functools.partial`."""
    inner = getattr(layer, "func", layer)
    return str(getattr(layer, "__name__", getattr(inner, "__name__", default)))


@export("contrib.layers.repeat", "contrib.slim.repeat")
def repeat(
    inputs: TensorLike, repetitions: int, layer: Callable[..., Any], *args: Any, **kwargs: Any
) -> Any:
    """Applies a layer several times, each time in a scope of its own.

    Args:
        inputs: The input of the first one.
        repetitions: How often.
        layer: The function that makes the layer.
        *args: Its further arguments.
        **kwargs: Its further arguments. ``scope``: the scope of all; the layers' own end in
            ``_1``, ``_2``, ….

    Returns:
        The output of the last one.
    """
    return stack(inputs, layer, [args] * repetitions, _default="Repeat", **kwargs)


@export("contrib.layers.stack", "contrib.slim.stack")
def stack(inputs: TensorLike, layer: Callable[..., Any], stack_args: Any, **kwargs: Any) -> Any:
    """Applies a layer several times with different arguments.

    Args:
        inputs: The input of the first one.
        layer: The function that makes the layer.
        stack_args: What each one gets beside its input: a list of arguments, or one of them.
        **kwargs: What all get. ``scope``: the scope of all; the layers' own end in ``_1``, ….

    Returns:
        The output of the last one.

    Raises:
        ValueError: If `stack_args` is no list.
    """
    scope, default = kwargs.pop("scope", None), kwargs.pop("_default", "Stack")
    if not isinstance(stack_args, (list, tuple)):
        raise ValueError(f"stack_args need to be a list or tuple, not {stack_args!r}.")
    with variable_scope(scope, default):
        outputs: Any = convert_to_tensor(inputs)
        base = scope or _name_of(layer, default.lower())
        for number, one in enumerate(stack_args, 1):
            args = one if isinstance(one, (list, tuple)) else [one]
            outputs = layer(outputs, *args, **{**kwargs, "scope": f"{base}_{number}"})
        return outputs
