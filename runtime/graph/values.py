"""Questions about tensors that are answered while the graph is built, and what stands around."""

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import numpy as np

from runtime.errors import OpError
from runtime.graph import dtypes
from runtime.graph.convert import TensorLike, convert_to_tensor
from runtime.graph.definition import Definition, not_differentiable
from runtime.graph.export import export
from runtime.graph.graph import get_default_graph
from runtime.graph.indexed_slices import IndexedSlices
from runtime.graph.ops.rules import fixed
from runtime.graph.scopes import VariableScope, variable_scope
from runtime.graph.shapes import Dimension, TensorShape
from runtime.graph.tensor import Tensor
from runtime.graph.variables import Variable, trainable_variables


@export("is_tensor")
def is_tensor(x: Any) -> bool:
    """Whether something is a tensor, or stands for one.

    Args:
        x: Anything.

    Returns:
        True for tensors, variables and `IndexedSlices`.
    """
    return isinstance(x, (Tensor, Variable, IndexedSlices))


@export("is_symbolic_tensor")
def is_symbolic_tensor(tensor: Any) -> bool:
    """The same as `is_tensor`: there are only symbolic tensors.

    Args:
        tensor: Anything.

    Returns:
        Whether it is a tensor.
    """
    return is_tensor(tensor)


@export("get_static_value")
def get_static_value(tensor: Any, partial: bool = False) -> Any:
    """The value of a tensor, if it is known before the graph runs.

    Args:
        tensor: A tensor.
        partial: Whether to give a vector of integers of which only some are known.

    Returns:
        An array or scalar; None if it isn't known.
    """
    if not isinstance(tensor, Tensor):
        return np.asarray(tensor)
    if tensor.spec.value is None and partial and tensor.spec.partial is not None:
        return np.array(tensor.spec.partial, object)
    return tensor.spec.value


@export("dimension_at_index")
def dimension_at_index(shape: TensorShape, index: int) -> Dimension:
    """The size of an axis of a shape.

    Args:
        shape: The shape.
        index: The axis.

    Returns:
        The size, which may be unknown.
    """
    return Dimension(None) if shape.rank is None else shape[index]


@export("convert_to_tensor_or_indexed_slices")
def convert_to_tensor_or_indexed_slices(
    value: TensorLike, dtype: Any = None, name: str | None = None
) -> Any:
    """Makes a tensor of a value, unless it is `IndexedSlices`.

    Args:
        value: A tensor, a value, or `IndexedSlices`.
        dtype: The element type.
        name: Name of a constant that is made.

    Returns:
        A tensor, or the `IndexedSlices`.
    """
    return value if isinstance(value, IndexedSlices) else convert_to_tensor(value, dtype, name)


@export("init_scope")
def init_scope() -> AbstractContextManager[None]:
    """Leads out of control dependencies, branches and loops, as for making variables.

    Returns:
        A context manager.
    """
    return get_default_graph().control_dependencies(None)


@export("make_template")
def make_template(
    name_: str,
    func_: Callable[..., Any],
    create_scope_now_: bool = False,
    unique_name_: str | None = None,
    custom_getter_: Callable[..., Any] | None = None,
    **kwargs: Any,
) -> Callable[..., Any]:
    """Makes a function that shares its variables between calls.

    Source: the ``tf.compat.v1.make_template`` documentation.

    Args:
        name_: The name of the scope of its variables.
        func_: The function.
        create_scope_now_: Whether the scope is made now, not at the first call.
        unique_name_: The name of the scope, if it must be just that.
        custom_getter_: A getter for its variables.
        **kwargs: Arguments that the function is always called with.

    Returns:
        The function.
    """
    template = _Template(name_, func_, unique_name_, custom_getter_, kwargs)
    if create_scope_now_:
        template.create_scope()
    return template


class _Template:
    """A function that shares its variables between calls."""

    def __init__(
        self,
        name: str,
        function: Callable[..., Any],
        unique_name: str | None,
        getter: Callable[..., Any] | None,
        arguments: dict[str, Any],
    ) -> None:
        self._name, self._unique_name, self._getter = name, unique_name, getter
        self._function = function
        self._arguments = arguments
        self._scope: VariableScope | None = None
        self._called = False

    def create_scope(self) -> None:
        """Makes the scope of its variables now; a name scope is opened with the first call."""
        with variable_scope(
            self._unique_name,
            self._name,
            custom_getter=self._getter,
            auxiliary_name_scope=False,
        ) as scope:
            self._scope = scope

    @property
    def name(self) -> str:
        """The name that it was given."""
        return self._name

    @property
    def _variables_created(self) -> bool:
        """Whether it was called; libraries look for it under this name."""
        return self._called

    @property
    def func(self) -> Callable[..., Any]:
        """The function that it calls."""
        return self._function

    @property
    def variable_scope(self) -> VariableScope | None:
        """The scope of its variables; None before the first call."""
        return self._scope

    var_scope = variable_scope

    @property
    def variable_scope_name(self) -> str | None:
        """What the names of its variables begin with; None before the first call."""
        if self._scope is None:
            return None
        return self._scope.name and f"{self._scope.name}/"

    @property
    def global_variables(self) -> list[Any]:
        """The global variables of its scope."""
        return [] if self._scope is None else self._scope.global_variables()

    @property
    def local_variables(self) -> list[Any]:
        """The local variables of its scope."""
        return [] if self._scope is None else self._scope.local_variables()

    @property
    def variables(self) -> list[Any]:
        """The global and local variables of its scope."""
        return [*self.global_variables, *self.local_variables]

    @property
    def trainable_variables(self) -> list[Any]:
        """The trainable variables of its scope."""
        return [] if self._scope is None else self._scope.trainable_variables()

    @contextmanager
    def scope(self) -> Iterator[None]:
        """Enters the scope of its variables; they are made in the first call."""
        reuse = True if self._called else None
        if self._scope is not None:
            entered = variable_scope(self._scope, reuse=reuse)
        else:
            entered = variable_scope(self._unique_name, self._name, custom_getter=self._getter)
        with entered as scope:
            self._scope = self._scope or scope
            yield

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        before = len(trainable_variables())
        with self.scope():
            result = self._function(*args, **{**self._arguments, **kwargs})
        made = trainable_variables()[before:]
        if self._called and made:
            raise ValueError(
                f"The template {self._name!r} made trainable variables when it was called again: "
                f"{[v.name for v in made]}. Use tf.get_variable, which shares them, in place of "
                "tf.Variable."
            )
        self._called = True
        return result


@export("container")
@contextmanager
def container(container_name: str) -> Iterator[str]:
    """Accepted and without effect: every session has its own state.

    Args:
        container_name: The name.

    Yields:
        The name.
    """
    yield container_name


@export("timestamp")
def timestamp(name: str | None = None) -> Tensor:
    """The time of the run, in seconds since 1970.

    Args:
        name: Name of the operation.

    Returns:
        A scalar of float64.
    """
    result: Tensor = _TIMESTAMP(name=name)
    return result


_TIMESTAMP: Definition = Definition(
    "Timestamp",
    fixed(dtypes.float64, ()),
    lambda: np.float64(time.time()),
    stateful=True,
    gradient=not_differentiable,
)


for _dtype in (*dtypes.ALL, dtypes.resource, dtypes.variant):
    export(f"dtypes.{_dtype.name}")(_dtype)
export("dtypes.double")(dtypes.double)
export("dtypes.half")(dtypes.half)
export("dtypes.DType")(dtypes.DType)
export("dtypes.as_dtype")(dtypes.as_dtype)
export("OpError")(OpError)
