"""Variable scopes and `get_variable`."""

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from inspect import Parameter, signature
from typing import Any

from runtime.graph import dtypes, initializers
from runtime.graph.choices import VariableAggregation, VariableSynchronization
from runtime.graph.convert import convert_to_tensor
from runtime.graph.dtypes import as_dtype
from runtime.graph.export import export
from runtime.graph.graph import Graph, get_default_graph
from runtime.graph.keys import GraphKeys
from runtime.graph.ops.array import slice_
from runtime.graph.partitions import (
    PartitionedVariable,
    axis_of,
    checked_partitions,
    sizes_of_parts,
)
from runtime.graph.shapes import TensorShape, as_dims, compatible, described, fully_known
from runtime.graph.variables import Variable

Regularizer = Callable[[Any], Any]


class _Reuse:
    """The value of ``tf.AUTO_REUSE``: take a variable if it exists, else make it."""

    def __repr__(self) -> str:
        return "tf.AUTO_REUSE"


AUTO_REUSE = export("AUTO_REUSE")(_Reuse())


@export("VariableScope")
class VariableScope:
    """The defaults for `get_variable` in a scope.

    Source: the ``tf.compat.v1.VariableScope`` documentation.

    Attributes:
        name: The scope's name, which begins the names of its variables.
        reuse: True: variables must exist; False or None: they must not; AUTO_REUSE: either.
        initializer: The default initializer.
        regularizer: The default regularizer.
        dtype: The default element type.
        original_name_scope: The name scope that was opened with it.
    """

    def __init__(
        self,
        reuse: Any,
        name: str = "",
        initializer: Any = None,
        regularizer: Regularizer | None = None,
        caching_device: Any = None,
        partitioner: Any = None,
        custom_getter: Callable[..., Any] | None = None,
        name_scope: str = "",
        dtype: Any = dtypes.float32,
        use_resource: bool | None = None,
        constraint: Any = None,
    ) -> None:
        self.name = name
        self.reuse = reuse
        self.initializer = initializer
        self.regularizer = regularizer
        self.caching_device = caching_device
        self.partitioner = partitioner
        self.custom_getter = custom_getter
        self.original_name_scope = name_scope
        self.dtype = as_dtype(dtype)
        self.use_resource = use_resource
        self.constraint = constraint

    def reuse_variables(self) -> None:
        """From now on variables of this scope must exist already."""
        self.reuse = True

    def set_initializer(self, initializer: Any) -> None:
        """Sets the default initializer.

        Args:
            initializer: The initializer.
        """
        self.initializer = initializer

    def set_regularizer(self, regularizer: Regularizer | None) -> None:
        """Sets the default regularizer.

        Args:
            regularizer: The regularizer.
        """
        self.regularizer = regularizer

    def set_dtype(self, dtype: Any) -> None:
        """Sets the default element type.

        Args:
            dtype: The type.
        """
        self.dtype = as_dtype(dtype)

    def set_partitioner(self, partitioner: Any) -> None:
        """Sets the default partitioner.

        Args:
            partitioner: A function of a shape and an element type.
        """
        self.partitioner = partitioner

    def set_use_resource(self, use_resource: bool | None) -> None:
        """Notes a wish that is without effect here.

        Args:
            use_resource: Noted.
        """
        self.use_resource = use_resource

    def set_caching_device(self, caching_device: Any) -> None:
        """Notes a wish that is without effect here.

        Args:
            caching_device: Noted.
        """
        self.caching_device = caching_device

    def set_custom_getter(self, custom_getter: Callable[..., Any] | None) -> None:
        """Sets what is called instead of the true `get_variable`.

        Args:
            custom_getter: A function whose first argument is the true getter.
        """
        self.custom_getter = custom_getter

    def copy(self, **changes: Any) -> "VariableScope":
        """A scope with some attributes changed."""
        fields = {
            "reuse": self.reuse,
            "name": self.name,
            "initializer": self.initializer,
            "regularizer": self.regularizer,
            "caching_device": self.caching_device,
            "partitioner": self.partitioner,
            "custom_getter": self.custom_getter,
            "name_scope": self.original_name_scope,
            "dtype": self.dtype,
            "use_resource": self.use_resource,
            "constraint": self.constraint,
        }
        return VariableScope(**{**fields, **changes})

    def trainable_variables(self) -> list[Any]:
        """The trainable variables of this scope."""
        return get_default_graph().get_collection(GraphKeys.TRAINABLE_VARIABLES, self._prefix)

    def global_variables(self) -> list[Any]:
        """The global variables of this scope."""
        return get_default_graph().get_collection(GraphKeys.GLOBAL_VARIABLES, self._prefix)

    def local_variables(self) -> list[Any]:
        """The local variables of this scope."""
        return get_default_graph().get_collection(GraphKeys.LOCAL_VARIABLES, self._prefix)

    @property
    def _prefix(self) -> str | None:
        return f"{self.name}/" if self.name else None


class _Store:
    """The variables of a graph that `get_variable` made, and the open scopes of each thread."""

    def __init__(self) -> None:
        self.variables: dict[str, Any] = {}  # Variable or PartitionedVariable
        self.scopes = _ThreadScopes()


class _ThreadScopes(threading.local):
    def __init__(self) -> None:
        self.current = VariableScope(False)
        self.counts: dict[str, int] = {}


_STORE_KEY = ("__variable_store",)


def _store(graph: Graph) -> _Store:
    found = graph.get_collection_ref(_STORE_KEY)
    if not found:
        found.append(_Store())
    store: _Store = found[0]
    return store


@export("get_variable_scope")
def get_variable_scope() -> VariableScope:
    """The current variable scope."""
    return _store(get_default_graph()).scopes.current


@export("get_variable")
def get_variable(
    name: str,
    shape: Any = None,
    dtype: Any = None,
    initializer: Any = None,
    regularizer: Regularizer | None = None,
    trainable: bool | None = None,
    collections: Any = None,
    caching_device: Any = None,
    partitioner: Any = None,
    validate_shape: bool = True,
    use_resource: bool | None = None,
    custom_getter: Callable[..., Any] | None = None,
    constraint: Any = None,
    synchronization: Any = VariableSynchronization.AUTO,
    aggregation: Any = VariableAggregation.NONE,
) -> Any:
    """Makes a variable, or gives the one of that name, as the current scope says.

    Source: the ``tf.compat.v1.get_variable`` documentation.

    Args:
        name: Its name in the current variable scope.
        shape: Its shape; not needed if the initializer is a value.
        dtype: Its element type.
        initializer: A function of a shape, or a value; the scope's, or Glorot's uniform one
            (zeros for integers), if None.
        regularizer: A function that gives a loss, which is added to REGULARIZATION_LOSSES.
        trainable: Whether optimizers change it by default.
        collections: The collections that it is added to; GLOBAL_VARIABLES if None.
        caching_device: Without effect.
        partitioner: A function of a shape and an element type that says in how many parts the
            variable is made; then a `PartitionedVariable` is returned.
        validate_shape: Whether its shape must be known.
        use_resource: Without effect.
        custom_getter: Called instead of the true getter, which is its first argument.
        constraint: A function that optimizers apply to the variable after they changed it.
        synchronization: Without effect.
        aggregation: Without effect.

    Returns:
        The variable.

    Raises:
        ValueError: If it exists but must not, or does not exist but must, or was made with
            another shape or type.
    """
    scope = get_variable_scope()
    options = {
        "shape": shape,
        "dtype": scope.dtype if dtype is None else as_dtype(dtype),
        "initializer": scope.initializer if initializer is None else initializer,
        "regularizer": scope.regularizer if regularizer is None else regularizer,
        "reuse": scope.reuse,
        "trainable": _is_trained(trainable, synchronization),
        "collections": collections,
        "caching_device": scope.caching_device if caching_device is None else caching_device,
        "partitioner": scope.partitioner if partitioner is None else partitioner,
        "use_resource": scope.use_resource if use_resource is None else use_resource,
        "validate_shape": validate_shape,
        "constraint": scope.constraint if constraint is None else constraint,
        "synchronization": synchronization,
        "aggregation": aggregation,
    }
    full = f"{scope.name}/{name}" if scope.name else name
    getter = scope.custom_getter if custom_getter is None else custom_getter
    with get_default_graph().name_scope(None):
        if getter is not None:
            return getter(_true_getter, name=full, **options)
        return _true_getter(full, **options)


def _is_trained(trainable: bool | None, synchronization: Any) -> bool:
    """Whether optimizers change a variable of which this is said."""
    unsaid = synchronization is not VariableSynchronization.ON_READ
    return unsaid if trainable is None else trainable


def _true_getter(name: str, **options: Any) -> Any:
    graph = get_default_graph()
    variables = _store(graph).variables
    found = variables.get(name)
    reuse = options.pop("reuse", None)
    partitioner = options.pop("partitioner", None)
    if found is not None:
        return _existing(found, name, reuse, options)
    if reuse is True:
        raise ValueError(
            f"Variable {name} does not exist, or was not created with tf.get_variable(). "
            "Did you mean to set reuse=tf.AUTO_REUSE in the variable scope?"
        )
    if partitioner is None:
        variable: Any = _made(name, **options)
    else:
        variable = _made_in_parts(name, partitioner, **options)
    variables[name] = variable
    return variable


def _made_in_parts(
    name: str, partitioner: Any, shape: Any, initializer: Any, **options: Any
) -> PartitionedVariable:
    value = None if initializer is None or callable(initializer) else convert_to_tensor(initializer)
    whole = as_dims(shape) if value is None else value.dims
    if whole is None or not fully_known(whole) or not whole:
        raise ValueError(
            f"A partitioned variable ({name}) needs a known shape of one axis or more, but its "
            f"shape is {described(whole)}."
        )
    sizes = [size or 0 for size in whole]
    partitions = partitioner(shape=TensorShape(sizes), dtype=options["dtype"])
    counts = checked_partitions(partitions, sizes, name)
    axis = axis_of(counts)
    parts, offset = [], 0
    for number, size in enumerate(sizes_of_parts(sizes[axis], counts[axis])):
        dims = [*sizes[:axis], size, *sizes[axis + 1 :]]
        begin = [0] * axis + [offset] + [0] * (len(sizes) - axis - 1)
        initial = _part_of(initializer, value, begin, dims)
        parts.append(_made(f"{name}/part_{number}", dims, initializer=initial, **options))
        offset += size
    return PartitionedVariable(name, sizes, parts, counts)


def _part_of(initializer: Any, value: Any, begin: list[int], dims: list[int]) -> Any:
    if value is None:
        return initializer
    return lambda *_, **__: slice_(value, begin, dims)


def _existing(found: Any, name: str, reuse: Any, options: dict[str, Any]) -> Any:
    if not reuse:
        first = next(iter(found)) if isinstance(found, PartitionedVariable) else found
        file, line = first.op.place
        raise ValueError(
            f"Variable {name} already exists, disallowed. Did you mean to set reuse=True or "
            f"reuse=tf.AUTO_REUSE in the variable scope? It was made at {file}:{line}."
        )
    wanted, dims = options["dtype"], as_dims(options["shape"])
    if not compatible(dims, as_dims(found.shape)):
        raise ValueError(
            f"Trying to share variable {name}, but specified shape {described(dims)} and found "
            f"shape {found.shape}."
        )
    if wanted is not found.dtype:
        raise ValueError(
            f"Trying to share variable {name}, but specified dtype {wanted.name} and found "
            f"dtype {found.dtype.name}."
        )
    return found


def _made(
    name: str,
    shape: Any = None,
    dtype: Any = dtypes.float32,
    initializer: Any = None,
    regularizer: Regularizer | None = None,
    trainable: bool | None = None,
    collections: Any = None,
    validate_shape: bool = True,
    constraint: Any = None,
    **_: Any,
) -> Variable:
    variable = Variable(
        _initial_value(name, shape, dtype, initializer, validate_shape),
        trainable=trainable,
        collections=collections,
        validate_shape=validate_shape,
        name=name,
        dtype=None if initializer is not None and not callable(initializer) else dtype,
        constraint=constraint,
    )
    if regularizer is not None:
        _add_loss(variable, regularizer)
    return variable


def _initial_value(
    name: str, shape: Any, dtype: Any, initializer: Any, validate_shape: bool
) -> Any:
    if initializer is not None and not callable(initializer):
        if shape is not None and not isinstance(initializer, (int, float)):
            raise ValueError(
                f"Variable {name}: if the initializer is a constant, do not specify a shape."
            )
        return initializer if shape is None else _constant(initializer, shape, dtype)
    if shape is None and initializer is not None and not isinstance(initializer, type):
        try:
            signature(initializer).bind()
        except (TypeError, ValueError):
            pass  # it needs a shape
        else:
            return initializer
    dims = as_dims(shape)
    if not fully_known(dims) and validate_shape:
        raise ValueError(
            f"Shape of a new variable ({name}) must be fully defined, but instead was "
            f"{described(dims)}."
        )
    make = _as_function(initializer or initializers.default_for(dtype))
    return lambda: _called(make, dims, dtype)


def _constant(value: Any, shape: Any, dtype: Any) -> Callable[[], Any]:
    make = initializers.Constant(value)
    return lambda: _called(make, as_dims(shape), dtype)


def _as_function(initializer: Any) -> Any:
    """An initializer class stands for an instance with its defaults."""
    return initializer() if isinstance(initializer, type) else initializer


def _called(make: Any, dims: Any, dtype: Any) -> Any:
    """What an initializer gives; functions are told what they ask for."""
    options = {"dtype": dtype, "partition_info": None}
    try:
        wanted = signature(make).parameters
    except ValueError:  # a function of C tells nothing about itself
        return make(list(dims or ()), dtype=dtype)
    if not wanted:
        return make()
    if any(parameter.kind is Parameter.VAR_KEYWORD for parameter in wanted.values()):
        return make(list(dims or ()), dtype=dtype)
    return make(list(dims or ()), **{key: options[key] for key in options if key in wanted})


def _add_loss(variable: Variable, regularizer: Regularizer) -> None:
    graph = get_default_graph()
    with graph.name_scope(f"{variable.op.name}/Regularizer/"):
        loss = regularizer(variable)
    if loss is not None:
        graph.add_to_collection(GraphKeys.REGULARIZATION_LOSSES, loss)


@export("get_local_variable")
def get_local_variable(
    name: str,
    shape: Any = None,
    dtype: Any = None,
    initializer: Any = None,
    regularizer: Regularizer | None = None,
    trainable: bool = False,
    collections: Any = None,
    caching_device: Any = None,
    partitioner: Any = None,
    validate_shape: bool = True,
    use_resource: bool | None = None,
    custom_getter: Callable[..., Any] | None = None,
    constraint: Any = None,
    synchronization: Any = VariableSynchronization.AUTO,
    aggregation: Any = VariableAggregation.NONE,
) -> Any:
    """Like `get_variable`, for a variable that is local and not trainable.

    Args:
        name: Its name in the current variable scope.
        shape: As for `get_variable`.
        dtype: As for `get_variable`.
        initializer: As for `get_variable`.
        regularizer: As for `get_variable`.
        trainable: Without effect: it is not.
        collections: Further collections, beside LOCAL_VARIABLES.
        caching_device: Without effect.
        partitioner: As for `get_variable`.
        validate_shape: As for `get_variable`.
        use_resource: Without effect.
        custom_getter: As for `get_variable`.
        constraint: As for `get_variable`.
        synchronization: Without effect.
        aggregation: Without effect.

    Returns:
        The variable.
    """
    return get_variable(
        name,
        shape,
        dtype,
        initializer,
        regularizer,
        False,
        [*(collections or ()), GraphKeys.LOCAL_VARIABLES],
        partitioner=partitioner,
        validate_shape=validate_shape,
        custom_getter=custom_getter,
        constraint=constraint,
    )


@export("variable_scope")
class variable_scope:
    """Opens a variable scope, and a name scope of the same name.

    Source: the ``tf.compat.v1.variable_scope`` documentation.

    Args:
        name_or_scope: A name, or a scope to enter again.
        default_name: The name if that is None; made unique.
        values: Without effect.
        initializer: The default initializer.
        regularizer: The default regularizer.
        caching_device: Without effect.
        partitioner: The default partitioner.
        custom_getter: Called instead of the true getter.
        reuse: True, False, None (inherited) or AUTO_REUSE.
        dtype: The default element type.
        use_resource: Without effect.
        constraint: The default constraint.
        auxiliary_name_scope: Whether a name scope is opened, too.

    Raises:
        TypeError: If there is no name.
        ValueError: If `reuse` is given with a default name.
    """

    def __init__(
        self,
        name_or_scope: str | VariableScope | None,
        default_name: str | None = None,
        values: Any = None,
        initializer: Any = None,
        regularizer: Regularizer | None = None,
        caching_device: Any = None,
        partitioner: Any = None,
        custom_getter: Callable[..., Any] | None = None,
        reuse: Any = None,
        dtype: Any = None,
        use_resource: bool | None = None,
        constraint: Any = None,
        auxiliary_name_scope: bool = True,
    ) -> None:
        if name_or_scope is None and default_name is None:
            raise TypeError("variable_scope needs name_or_scope or default_name.")
        if name_or_scope is None and reuse is True:
            raise ValueError("reuse=True cannot be used without a name_or_scope.")
        if name_or_scope is not None and not isinstance(name_or_scope, (str, VariableScope)):
            raise TypeError("VariableScope: name_or_scope must be a string or VariableScope.")
        self._target = name_or_scope
        self._default_name = default_name
        self._auxiliary = auxiliary_name_scope
        given = {
            "initializer": initializer,
            "regularizer": regularizer,
            "caching_device": caching_device,
            "partitioner": partitioner,
            "custom_getter": custom_getter,
            "dtype": dtype,
            "use_resource": use_resource,
            "constraint": constraint,
        }
        self._changes = {key: value for key, value in given.items() if value is not None}
        self._reuse = reuse
        self._stack: list[ExitStack] = []

    def __enter__(self) -> VariableScope:
        stack = ExitStack()
        try:
            scope = self._entered(stack)
        except BaseException:
            stack.close()
            raise
        self._stack.append(stack)
        return scope

    def __exit__(self, *error: Any) -> bool | None:
        return self._stack.pop().__exit__(*error)

    def _entered(self, stack: ExitStack) -> VariableScope:
        graph = get_default_graph()
        scopes = _store(graph).scopes
        target = self._target
        if target is None:
            assert self._default_name is not None
            target = _unique_scope(scopes, self._default_name)
        short = self._default_name if self._target is None else target
        if isinstance(target, VariableScope):
            short = target.name.rpartition("/")[2]
        opened = graph.get_name_scope()
        opened = f"{opened}/" if opened else ""
        if self._auxiliary and short:
            opened = stack.enter_context(graph.name_scope(str(short)))
        scope = self._scope(scopes.current, target, opened)
        stack.enter_context(_current(scopes, scope, isinstance(target, VariableScope)))
        return scope

    def _scope(
        self, outer: VariableScope, target: str | VariableScope, opened: str
    ) -> VariableScope:
        changes = dict(self._changes)
        if isinstance(target, VariableScope):
            base, name, opened = target, target.name, target.original_name_scope
        else:
            base = outer
            name = f"{outer.name}/{target}" if outer.name else target
        getters = [g for g in (base.custom_getter, changes.get("custom_getter")) if g is not None]
        if len(getters) == 2:
            changes["custom_getter"] = _nested_getter(*getters)
        reuse = self._reuse or base.reuse or outer.reuse
        return base.copy(name=name, reuse=reuse, name_scope=opened, **changes)


def _nested_getter(outer: Callable[..., Any], inner: Callable[..., Any]) -> Callable[..., Any]:
    def getter(true_getter: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        return inner(lambda *a, **k: outer(true_getter, *a, **k), *args, **kwargs)

    return getter


def _unique_scope(scopes: _ThreadScopes, name: str) -> str:
    prefix = f"{scopes.current.name}/" if scopes.current.name else ""
    candidate, number = name, 0
    while scopes.counts.get(prefix + candidate, 0):
        number += 1
        candidate = f"{name}_{number}"
    return candidate


@contextmanager
def _current(scopes: _ThreadScopes, scope: VariableScope, again: bool) -> Iterator[None]:
    """Makes a scope the current one; entering a scope object again uses up no default name."""
    before, counts = scopes.current, dict(scopes.counts) if again else scopes.counts
    scopes.counts[scope.name] = scopes.counts.get(scope.name, 0) + 1
    scopes.current = scope
    try:
        yield
    finally:
        scopes.current, scopes.counts = before, counts
        if not again:
            _close_children(scopes, scope.name)


def _close_children(scopes: _ThreadScopes, name: str) -> None:
    """Forgets the default names used inside a scope, so that entering it again repeats them."""
    for key in [key for key in scopes.counts if key.startswith(f"{name}/")]:
        del scopes.counts[key]


@export("no_regularizer")
def no_regularizer(_: Any) -> None:
    """A regularizer that gives no loss, to override that of a surrounding scope."""
    return None


@export("variable_op_scope")
def variable_op_scope(
    values: Any,
    name_or_scope: Any,
    default_name: str | None = None,
    initializer: Any = None,
    regularizer: Regularizer | None = None,
    caching_device: Any = None,
    partitioner: Any = None,
    custom_getter: Callable[..., Any] | None = None,
    reuse: Any = None,
    dtype: Any = None,
    use_resource: bool | None = None,
    constraint: Any = None,
) -> variable_scope:
    """An old spelling of `variable_scope`.

    Args:
        values: Without effect.
        name_or_scope: A name, or a scope to enter again.
        default_name: The name if that is None.
        initializer: As for `variable_scope`.
        regularizer: As for `variable_scope`.
        caching_device: Without effect.
        partitioner: As for `variable_scope`.
        custom_getter: As for `variable_scope`.
        reuse: As for `variable_scope`.
        dtype: As for `variable_scope`.
        use_resource: Without effect.
        constraint: As for `variable_scope`.

    Returns:
        A context manager.
    """
    return variable_scope(
        name_or_scope,
        default_name,
        values,
        initializer=initializer,
        regularizer=regularizer,
        partitioner=partitioner,
        custom_getter=custom_getter,
        reuse=reuse,
        dtype=dtype,
        constraint=constraint,
    )
