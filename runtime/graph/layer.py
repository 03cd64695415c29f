"""What all layers have in common: a scope with variables, made at the first call.

Source: the ``tf.compat.v1.layers.Layer`` documentation.
"""

import re
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from copy import deepcopy
from typing import Any

import attrs

from runtime.graph import nest
from runtime.graph.dtypes import as_dtype, float32
from runtime.graph.export import export
from runtime.graph.graph import Graph, get_default_graph
from runtime.graph.keys import GraphKeys
from runtime.graph.ops.array import placeholder, shape
from runtime.graph.ops.math import cast
from runtime.graph.scopes import VariableScope, get_variable, variable_scope
from runtime.graph.shapes import TensorShape, as_dims, described, element_count
from runtime.graph.spellings import initializer_of, regularizer_of
from runtime.graph.tensor import Tensor

_NAMES_KEY = ("__layer_names",)


@export("layers.InputSpec")
@attrs.define
class InputSpec:
    """What a layer's input must be like.

    Attributes:
        dtype: The element type.
        shape: The shape.
        ndim: The number of axes.
        max_ndim: The largest number of axes.
        min_ndim: The least number of axes.
        axes: Sizes of axes, by their numbers.
    """

    dtype: Any = None
    shape: Any = None
    ndim: int | None = None
    max_ndim: int | None = None
    min_ndim: int | None = None
    axes: dict[int, int] | None = None

    def check(self, value: Tensor, layer: str) -> None:
        """Compares an input.

        Args:
            value: The input.
            layer: The layer's name, for the message.

        Raises:
            ValueError: If it is not as it must be.
        """
        dims = value.dims
        if dims is None:
            if self.ndim is not None or self.min_ndim is not None:
                raise ValueError(
                    f"Input 0 of layer {layer} is incompatible with the layer: its rank is "
                    f"undefined, but the layer requires a defined rank ({value!r})."
                )
            return
        least = self.min_ndim if self.ndim is None else self.ndim
        most = self.max_ndim if self.ndim is None else self.ndim
        if (least is not None and len(dims) < least) or (most is not None and len(dims) > most):
            wanted = f"min_ndim={least}" if most is None else f"ndim={most}"
            raise ValueError(
                f"Input 0 of layer {layer} is incompatible with the layer: expected {wanted}, "
                f"found ndim={len(dims)}. Full shape received: {described(dims)}."
            )
        self._check_sizes(dims, layer)

    def _check_sizes(self, dims: Sequence[int | None], layer: str) -> None:
        for axis, size in (self.axes or {}).items():
            if dims[axis] not in (None, size):
                raise ValueError(
                    f"Input 0 of layer {layer} is incompatible with the layer: expected axis "
                    f"{axis} of input shape to have value {size}, but received input of shape "
                    f"{described(tuple(dims))}."
                )


def snake_case(name: str) -> str:
    """A class's name as the default name of its layers.

    Args:
        name: For example ``"BasicLSTMCell"``.

    Returns:
        For example ``"basic_lstm_cell"``.
    """
    words = re.sub(r"(.)([A-Z][a-z0-9]+)", r"\1_\2", name)
    made = re.sub(r"([a-z])([A-Z])", r"\1_\2", words).lower()
    return f"private{made}" if made.startswith("_") else made


def _numbered(graph: Graph, base: str) -> str:
    """The next unused name of a layer in a graph."""
    names = graph.get_collection_ref(_NAMES_KEY)
    if not names:
        names.append({})
    names[0][base] = names[0].get(base, 0) + 1
    return f"{base}_{names[0][base]}"


@export("layers.Layer")
class Layer:
    """Base of the layers.

    Subclasses make variables in `build` (by `add_weight`) and compute in `call`.

    Args:
        trainable: Whether its variables are trainable.
        name: Its name, which begins the names of its variables.
        dtype: Its element type; that of the first input if None.
        **kwargs: ``_reuse``: whether its variables exist already. ``_scope``: its scope.
    """

    def __init__(
        self, trainable: bool = True, name: Any = None, dtype: Any = None, **kwargs: Any
    ) -> None:
        self.trainable = trainable
        self.built = False
        self.input_spec: InputSpec | None = None
        self.updates: list[Any] = []
        self.losses: list[Tensor] = []
        self._dtype = None if dtype is None else as_dtype(dtype)
        self._reuse = kwargs.pop("_reuse", None)
        scope = kwargs.pop("_scope", None)
        self.activity_regularizer = kwargs.pop("activity_regularizer", None)
        if kwargs:
            raise TypeError(f"Keyword argument not understood: {', '.join(kwargs)}")
        self.graph = get_default_graph()
        self._base_name = str(getattr(name, "name", name) or snake_case(type(self).__name__))
        self.name = self._base_name if name else _numbered(self.graph, self._base_name)
        self._variables: list[Any] = []
        self._trainable: list[Any] = []
        self._scope: VariableScope | None = None
        self._current: VariableScope | None = None
        if scope:
            with variable_scope(scope) as captured:
                self._scope = captured

    def __deepcopy__(self, memo: dict[int, Any]) -> "Layer":
        """Another layer with the same arguments, whose variables are not made yet."""
        made = type(self).__new__(type(self))
        shared = [self.graph, self._scope, *self._variables]
        memo |= {id(one): one for one in shared} | {id(self): made}
        vars(made).update({name: deepcopy(value, memo) for name, value in vars(self).items()})
        if self.built:
            made.built, made._scope = False, None
            made._variables, made._trainable, made.updates, made.losses = [], [], [], []
        return made

    @property
    def dtype(self) -> Any:
        """The element type; None before the first call, if none was given."""
        return self._dtype

    @property
    def scope_name(self) -> str:
        """The name of the variable scope.

        Raises:
            ValueError: Before the first call.
        """
        if self._scope is None:
            raise ValueError(
                f"No name available for layer scope because the layer {self.name!r} has not "
                "been used yet. Call it first."
            )
        return self._scope.name

    # Variables.

    @property
    def variables(self) -> list[Any]:
        """All variables, the trainable ones first."""
        return [*self.trainable_variables, *self.non_trainable_variables]

    @property
    def trainable_variables(self) -> list[Any]:
        """The variables that optimizers change."""
        return list(self._trainable) if self.trainable else []

    @property
    def non_trainable_variables(self) -> list[Any]:
        """The other variables."""
        if not self.trainable:
            return list(self._variables)
        return [v for v in self._variables if v not in self._trainable]

    @property
    def weights(self) -> list[Any]:
        """The same as `variables`."""
        return self.variables

    @property
    def trainable_weights(self) -> list[Any]:
        """The same as `trainable_variables`."""
        return self.trainable_variables

    @property
    def non_trainable_weights(self) -> list[Any]:
        """The same as `non_trainable_variables`."""
        return self.non_trainable_variables

    def compute_output_shape(self, input_shape: Any) -> TensorShape:
        """The shape of what it gives, as a copy of it tells in a graph of its own.

        Args:
            input_shape: The shape of an input.

        Returns:
            The shape of the output.

        Raises:
            ValueError: If it can't work with such an input.
        """
        with Graph().as_default() as graph:
            tried = deepcopy(self)
            tried.graph, tried._scope = graph, None
            return TensorShape(tried(placeholder(self.dtype or float32, input_shape)).dims)

    def count_params(self) -> int:
        """The number of elements of all variables."""
        return sum(element_count(as_dims(v.shape)) or 0 for v in self.variables)

    def add_weight(
        self,
        name: str,
        shape: Any,
        dtype: Any = None,
        initializer: Any = None,
        regularizer: Any = None,
        trainable: bool | None = None,
        constraint: Any = None,
        use_resource: bool | None = None,
        synchronization: Any = None,
        aggregation: Any = None,
        partitioner: Any = None,
        **kwargs: Any,
    ) -> Any:
        """Makes a variable of the layer, or takes it if it exists and the scope says so.

        Args:
            name: Its name below that of the layer.
            shape: Its shape.
            dtype: Its element type; the layer's if None.
            initializer: Its initial value; the scope's initializer if None.
            regularizer: A function that gives a loss, which is added to
                REGULARIZATION_LOSSES.
            trainable: Whether optimizers change it.
            constraint: A function that optimizers apply to it.
            use_resource: Without effect.
            synchronization: Without effect.
            aggregation: Without effect.
            partitioner: Without effect.
            **kwargs: Without effect.

        Returns:
            The variable.
        """
        losses = self.graph.get_collection_ref(GraphKeys.REGULARIZATION_LOSSES)
        before = len(losses)
        wanted = self.trainable if trainable is None else trainable and self.trainable
        with self._inside(self._reuse if not self.built else True):
            variable = get_variable(
                name,
                shape,
                dtype or self._dtype or float32,
                initializer_of(initializer),
                regularizer_of(regularizer),
                wanted,
                constraint=constraint,
            )
        self.losses += losses[before:]
        self._variables.append(variable)
        if trainable is not False:
            self._trainable.append(variable)
        return variable

    def add_variable(self, *args: Any, **kwargs: Any) -> Any:
        """The old spelling of `add_weight`.

        Args:
            *args: As for `add_weight`.
            **kwargs: As for `add_weight`.

        Returns:
            The variable.
        """
        return self.add_weight(*args, **kwargs)

    # Updates and losses.

    def add_update(self, updates: Any, inputs: Any = None) -> None:
        """Adds operations that are to run with each training step, to UPDATE_OPS.

        A layer that is not trainable has none.

        Args:
            updates: An operation, or a list of them.
            inputs: Without effect.
        """
        if not self.trainable:
            return
        for update in updates if isinstance(updates, (list, tuple)) else [updates]:
            self.updates.append(update)
            self.graph.add_to_collection(GraphKeys.UPDATE_OPS, update)

    def add_loss(self, losses: Any, inputs: Any = None) -> None:
        """Adds losses to REGULARIZATION_LOSSES.

        Args:
            losses: A scalar, or a list of them.
            inputs: Without effect.
        """
        for loss in losses if isinstance(losses, (list, tuple)) else [losses]:
            self.losses.append(loss)
            self.graph.add_to_collection(GraphKeys.REGULARIZATION_LOSSES, loss)

    def get_updates_for(self, inputs: Any) -> list[Any]:
        """The operations that are to run with each training step.

        Args:
            inputs: Without effect.

        Returns:
            All of them.
        """
        return list(self.updates)

    def get_losses_for(self, inputs: Any) -> list[Tensor]:
        """The losses.

        Args:
            inputs: Without effect.

        Returns:
            All of them.
        """
        return list(self.losses)

    # Calling.

    def build(self, input_shape: Any) -> None:
        """Makes the variables. Subclasses override it.

        Args:
            input_shape: The shape of the first input.
        """
        self.built = True

    def call(self, inputs: Any, *args: Any, **kwargs: Any) -> Any:
        """Computes the result. Subclasses override it.

        Args:
            inputs: The input.
            *args: Further arguments of the call.
            **kwargs: Further arguments of the call.

        Returns:
            The result.
        """
        return inputs

    def __call__(self, inputs: Any, *args: Any, **kwargs: Any) -> Any:
        """Builds the layer, if this is the first call, and adds its operations to the graph.

        Args:
            inputs: A tensor, or a nest of them.
            *args: Further arguments for `call`.
            **kwargs: Further arguments for `call`. ``scope``: where its variables are made.

        Returns:
            What `call` gives.
        """
        scope = kwargs.pop("scope", None)
        return self._applied(inputs, lambda x: self.call(x, *args, **kwargs), scope)

    def _applied(self, inputs: Any, function: Callable[[Any], Any], scope: Any = None) -> Any:
        """Calls a function inside the layer's scope, after building the layer if need be."""
        self._open(scope)
        values = _converted(inputs, self._dtype)
        with self._inside(True if self.built else self._reuse):
            first = _first(values)
            if self._dtype is None and isinstance(first, Tensor):
                self._dtype = first.dtype
            self._check(values)
            if not self.built:
                self.build(_shapes(values))
                self.built = True
                self._check(values)
            result = function(values)
            self._regularize(result)
            return result

    def _regularize(self, result: Any) -> None:
        """Adds what the activity regularizer gives for each output, per example."""
        if self.activity_regularizer is None:
            return
        regularizer = regularizer_of(self.activity_regularizer)
        with get_default_graph().name_scope("ActivityRegularizer"):
            for output in nest.flatten(result):
                loss = regularizer(output)
                self.add_loss(loss / cast(shape(output)[0], loss.dtype))

    def _check(self, values: Any) -> None:
        if self.input_spec is not None and isinstance(values, Tensor):
            self.input_spec.check(values, self.name)

    def apply(self, inputs: Any, *args: Any, **kwargs: Any) -> Any:
        """The same as calling the layer.

        Args:
            inputs: A tensor, or a nest of them.
            *args: Further arguments.
            **kwargs: Further arguments.

        Returns:
            The result.
        """
        return self(inputs, *args, **kwargs)

    def _open(self, scope: Any) -> None:
        """Chooses the layer's scope, at its first call."""
        if self._scope is not None:
            return
        named = scope if scope is not None else self._base_name if self._reuse else None
        with variable_scope(named, default_name=self._base_name) as captured:
            self._scope = captured

    def _inside(self, reuse: Any) -> "_Inside":
        self._open(None)
        assert self._scope is not None
        return _Inside(self.graph, self._scope, reuse)


class _Inside:
    """Inside a layer: its variable scope, and the name scope that came with it."""

    def __init__(self, graph: Graph, scope: VariableScope, reuse: Any) -> None:
        self._variables = variable_scope(scope, reuse=reuse, auxiliary_name_scope=False)
        self._names: AbstractContextManager[str] = graph.name_scope(scope.original_name_scope)

    def __enter__(self) -> None:
        self._variables.__enter__()
        self._names.__enter__()

    def __exit__(self, *error: Any) -> None:
        self._names.__exit__(*error)
        self._variables.__exit__(*error)


def _converted(inputs: Any, dtype: Any) -> Any:
    """Arrays, variables and lists of numbers as tensors; other nests are left as they are."""
    from runtime.graph.convert import convert_to_tensor

    if inputs is None or isinstance(inputs, dict):
        return inputs
    if isinstance(inputs, (list, tuple)):
        numbers = all(isinstance(leaf, (int, float)) for leaf in nest.flatten(inputs))
        return convert_to_tensor(inputs, dtype) if numbers and inputs else inputs
    if not isinstance(inputs, Tensor) and not hasattr(inputs, "_as_tensor"):
        return convert_to_tensor(inputs, dtype)
    return convert_to_tensor(inputs)


def _first(values: Any) -> Any:
    while isinstance(values, (list, tuple)) and values:
        values = values[0]
    return values


def _shapes(values: Any) -> Any:
    if isinstance(values, (list, tuple)):
        return [_shapes(value) for value in values]
    return getattr(values, "shape", None)


def last_size(shape: Any, axis: int, layer: str) -> int:
    """The size of an axis that a layer must know to make its variables.

    Args:
        shape: The shape of the input.
        axis: The axis.
        layer: The layer's class, for the message.

    Returns:
        The size.

    Raises:
        ValueError: If it is not known.
    """
    dims = as_dims(shape)
    size = None if not dims else dims[axis]
    if size is None:
        place = "last dimension" if axis == -1 else "channel dimension"
        raise ValueError(
            f"The {place} of the inputs to a {layer} layer should be defined. Found None. "
            f"Full input shape received: {described(dims)}."
        )
    return size
