"""Variables of models, and finding and restoring variables.

Source: the ``tf.contrib.framework`` documentation.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from runtime import logging
from runtime.contrib.framework.arguments import add_arg_scope
from runtime.graph import dtypes
from runtime.graph.choices import VariableAggregation, VariableSynchronization
from runtime.graph.export import F, export
from runtime.graph.graph import get_default_graph
from runtime.graph.keys import GraphKeys
from runtime.graph.ops.array import placeholder
from runtime.graph.ops.control_flow import group
from runtime.graph.scopes import VariableScope, get_variable, get_variable_scope, variable_scope
from runtime.graph.variables import Variable

_AUTO, _NONE = VariableSynchronization.AUTO, VariableAggregation.NONE


def _both(name: str) -> Callable[[F], F]:
    """Exports a function from `contrib.framework` and from `contrib.slim`."""
    return export(f"contrib.framework.{name}", f"contrib.slim.{name}")


# Making variables.


@_both("variable")
@add_arg_scope
def variable(
    name: str,
    shape: Any = None,
    dtype: Any = None,
    initializer: Any = None,
    regularizer: Any = None,
    trainable: bool = True,
    collections: Any = None,
    caching_device: Any = None,
    device: Any = None,
    partitioner: Any = None,
    custom_getter: Callable[..., Any] | None = None,
    use_resource: bool | None = None,
    synchronization: Any = _AUTO,
    aggregation: Any = _NONE,
) -> Any:
    """Makes a variable, or gives the one of that name, as `tf.get_variable` does.

    Args:
        name: Its name in the current variable scope.
        shape: Its shape.
        dtype: Its element type.
        initializer: Its initial value.
        regularizer: A function that gives a loss.
        trainable: Whether optimizers change it by default.
        collections: The collections that it is added to; GLOBAL_VARIABLES if None.
        caching_device: Without effect.
        device: Without effect.
        partitioner: Without effect.
        custom_getter: Called instead of `tf.get_variable`.
        use_resource: Without effect.
        synchronization: Without effect.
        aggregation: Without effect.

    Returns:
        The variable.
    """
    options = {
        "shape": shape,
        "dtype": dtype,
        "initializer": initializer,
        "regularizer": regularizer,
        "trainable": trainable,
        "collections": list(dict.fromkeys(collections or [GraphKeys.GLOBAL_VARIABLES])),
    }
    if custom_getter is None:
        return get_variable(name, **options)
    return custom_getter(name, reuse=get_variable_scope().reuse, **options)


@_both("model_variable")
@add_arg_scope
def model_variable(
    name: str,
    shape: Any = None,
    dtype: Any = dtypes.float32,
    initializer: Any = None,
    regularizer: Any = None,
    trainable: bool = True,
    collections: Any = None,
    caching_device: Any = None,
    device: Any = None,
    partitioner: Any = None,
    custom_getter: Callable[..., Any] | None = None,
    use_resource: bool | None = None,
    synchronization: Any = _AUTO,
    aggregation: Any = _NONE,
) -> Any:
    """Makes a variable that is also in the collection MODEL_VARIABLES.

    Args:
        name: Its name in the current variable scope.
        shape: Its shape.
        dtype: Its element type.
        initializer: Its initial value.
        regularizer: A function that gives a loss.
        trainable: Whether optimizers change it by default.
        collections: Further collections.
        caching_device: Without effect.
        device: Without effect.
        partitioner: Without effect.
        custom_getter: Called instead of `tf.get_variable`.
        use_resource: Without effect.
        synchronization: Without effect.
        aggregation: Without effect.

    Returns:
        The variable.
    """
    return variable(
        name,
        shape,
        dtype,
        initializer,
        regularizer,
        trainable,
        [*(collections or ()), GraphKeys.GLOBAL_VARIABLES, GraphKeys.MODEL_VARIABLES],
        custom_getter=custom_getter,
    )


@contextmanager
def model_scope(
    scope: Any, default: str, reuse: Any, renamed: Mapping[str, str] | None = None
) -> Iterator[VariableScope]:
    """A variable scope whose variables are model variables.

    Args:
        scope: The scope, or its name, or None.
        default: The name if that is None.
        reuse: Whether variables exist already.
        renamed: Other names for the variables of layers.

    Yields:
        The scope.
    """

    def getter(true_getter: Callable[..., Any], name: str, **options: Any) -> Any:
        head, slash, last = name.rpartition("/")
        for dropped in ("validate_shape", "constraint", "reuse"):
            options.pop(dropped, None)
        return model_variable(
            head + slash + (renamed or {}).get(last, last), custom_getter=true_getter, **options
        )

    with variable_scope(scope, default, reuse=reuse, custom_getter=getter) as opened:
        yield opened


@export("contrib.framework.local_variable", "contrib.slim.local_variable")
def local_variable(
    initial_value: Any,
    validate_shape: bool = True,
    name: str | None = None,
    use_resource: bool | None = None,
) -> Variable:
    """Makes a variable that is local and not trainable.

    Args:
        initial_value: Its initial value.
        validate_shape: Whether its shape must be known.
        name: Its name.
        use_resource: Without effect.

    Returns:
        The variable.
    """
    keys = [GraphKeys.LOCAL_VARIABLES]
    return Variable(initial_value, False, keys, validate_shape, name=name)


@export("contrib.framework.global_variable", "contrib.slim.global_variable")
def global_variable(
    initial_value: Any,
    validate_shape: bool = True,
    name: str | None = None,
    use_resource: bool | None = None,
) -> Variable:
    """Makes a variable that is global and not trainable.

    Args:
        initial_value: Its initial value.
        validate_shape: Whether its shape must be known.
        name: Its name.
        use_resource: Without effect.

    Returns:
        The variable.
    """
    keys = [GraphKeys.GLOBAL_VARIABLES]
    return Variable(initial_value, False, keys, validate_shape, name=name)


@_both("add_model_variable")
def add_model_variable(var: Any) -> None:
    """Adds a variable to the collection MODEL_VARIABLES, if it is not there.

    Args:
        var: The variable.
    """
    if var not in get_default_graph().get_collection(GraphKeys.MODEL_VARIABLES):
        get_default_graph().add_to_collection(GraphKeys.MODEL_VARIABLES, var)


# Finding variables.


@_both("get_variables")
def get_variables(
    scope: Any = None, suffix: str | None = None, collection: str = GraphKeys.GLOBAL_VARIABLES
) -> list[Any]:
    """The variables of a scope.

    Args:
        scope: A variable scope, or a regular expression with which names begin.
        suffix: What names end in.
        collection: The collection that is searched.

    Returns:
        The variables.
    """
    pattern = scope.name if isinstance(scope, VariableScope) else scope
    if suffix is not None:
        pattern = f"{pattern or ''}.*{suffix}{'' if ':' in suffix else ':'}"
    return get_default_graph().get_collection(collection, pattern)


@_both("get_model_variables")
def get_model_variables(scope: Any = None, suffix: str | None = None) -> list[Any]:
    """The model variables of a scope.

    Args:
        scope: As for `get_variables`.
        suffix: As for `get_variables`.

    Returns:
        The variables.
    """
    return get_variables(scope, suffix, GraphKeys.MODEL_VARIABLES)


@_both("get_local_variables")
def get_local_variables(scope: Any = None, suffix: str | None = None) -> list[Any]:
    """The local variables of a scope.

    Args:
        scope: As for `get_variables`.
        suffix: As for `get_variables`.

    Returns:
        The variables.
    """
    return get_variables(scope, suffix, GraphKeys.LOCAL_VARIABLES)


@_both("get_trainable_variables")
def get_trainable_variables(scope: Any = None, suffix: str | None = None) -> list[Any]:
    """The trainable variables of a scope.

    Args:
        scope: As for `get_variables`.
        suffix: As for `get_variables`.

    Returns:
        The variables.
    """
    return get_variables(scope, suffix, GraphKeys.TRAINABLE_VARIABLES)


@_both("get_variables_by_suffix")
def get_variables_by_suffix(suffix: str, scope: Any = None) -> list[Any]:
    """The variables whose names end in something.

    Args:
        suffix: The end of the names.
        scope: As for `get_variables`.

    Returns:
        The variables.
    """
    return get_variables(scope, suffix)


@_both("get_variables_by_name")
def get_variables_by_name(given_name: str, scope: Any = None) -> list[Any]:
    """The variables of a name, in whatever scopes.

    Args:
        given_name: The name without scopes.
        scope: As for `get_variables`.

    Returns:
        The variables.
    """
    return get_variables(scope, f"/{given_name}:|^{given_name}:")


@_both("get_unique_variable")
def get_unique_variable(var_op_name: str) -> Any:
    """The variable of a name.

    Args:
        var_op_name: The full name.

    Returns:
        The variable.

    Raises:
        ValueError: If there is none.
    """
    for candidate in get_variables(var_op_name):
        if candidate.op.name == var_op_name:
            return candidate
    raise ValueError(f"Couldn't find variable {var_op_name}.")


@_both("get_variables_to_restore")
def get_variables_to_restore(
    include: Sequence[str] | None = None, exclude: Sequence[str] | None = None
) -> list[Any]:
    """The global variables, or some of them.

    Args:
        include: The scopes whose variables are wanted; all if None.
        exclude: The scopes whose variables are not.

    Returns:
        The variables.

    Raises:
        TypeError: If an argument is not a list.
    """
    for name, value in (("include", include), ("exclude", exclude)):
        if value is not None and not isinstance(value, (list, tuple)):
            raise TypeError(f"{name} is provided but is not a list or a tuple: {value!r}.")
    wanted = [v for scope in ([None] if include is None else include) for v in get_variables(scope)]
    left = {v for scope in exclude or () for v in get_variables(scope)}
    return [v for v in wanted if v not in left]


@_both("filter_variables")
def filter_variables(
    var_list: Iterable[Any],
    include_patterns: Sequence[str] | None = None,
    exclude_patterns: Sequence[str] | None = None,
    reg_search: bool = True,
) -> list[Any]:
    """The variables whose names match one pattern, and none of others.

    Args:
        var_list: The variables.
        include_patterns: Regular expressions of which one must match; all match if None.
        exclude_patterns: Regular expressions of which none may match.
        reg_search: Whether they may match anywhere in the name; else at its begin.

    Returns:
        The variables.
    """
    import re

    found = re.search if reg_search else re.match

    def matches(patterns: Sequence[str], one: Any) -> bool:
        return any(found(pattern, one.op.name) for pattern in patterns)

    return [
        one
        for one in var_list
        if (include_patterns is None or matches(include_patterns, one))
        and not matches(exclude_patterns or (), one)
    ]


# Restoring variables.


@_both("assign_from_values")
def assign_from_values(var_names_to_values: Mapping[str, Any]) -> tuple[Any, dict[Any, Any]]:
    """An operation that assigns arrays to variables.

    Args:
        var_names_to_values: The arrays, by the names of variables.

    Returns:
        The operation, and what has to be fed to it.
    """
    pairs = [(get_unique_variable(name), value) for name, value in var_names_to_values.items()]
    return _assignment(pairs)


def _assignment(pairs: Sequence[tuple[Any, Any]]) -> tuple[Any, dict[Any, Any]]:
    feeds, assigned = {}, []
    for var, value in pairs:
        fed = placeholder(var.dtype, var.shape, name=f"placeholder/{var.op.name}")
        feeds[fed] = value
        assigned.append(var.assign(fed))
    return group(*assigned), feeds


@_both("assign_from_values_fn")
def assign_from_values_fn(var_names_to_values: Mapping[str, Any]) -> Callable[[Any], Any]:
    """A function that assigns arrays to variables.

    Args:
        var_names_to_values: The arrays, by the names of variables.

    Returns:
        A function of a session.
    """
    operation, feeds = assign_from_values(var_names_to_values)
    return lambda session: session.run(operation, feeds)


def _named(var_list: Any) -> dict[str, list[Any]]:
    """Variables by the names that they have in the checkpoint."""
    if not isinstance(var_list, Mapping):
        var_list = {var.op.name: var for var in var_list}
    return {n: list(v) if isinstance(v, (list, tuple)) else [v] for n, v in var_list.items()}


@_both("assign_from_checkpoint")
def assign_from_checkpoint(
    model_path: str, var_list: Any, ignore_missing_vars: bool = False
) -> tuple[Any, dict[Any, Any]]:
    """An operation that assigns what a checkpoint holds to variables.

    Args:
        model_path: The checkpoint.
        var_list: The variables; or a mapping from names in the checkpoint to them.
        ignore_missing_vars: Whether variables that it does not hold are left out, with a warning.

    Returns:
        The operation, and what has to be fed to it.

    Raises:
        ValueError: If the checkpoint lacks a variable, or holds one of another shape.
    """
    from runtime.checkpoint_utils import load_checkpoint

    reader, pairs = load_checkpoint(model_path), []
    for name, variables in _named(var_list).items():
        if not reader.has_tensor(name):
            if not ignore_missing_vars:
                raise ValueError(f"Checkpoint {model_path} is missing variable [{name}].")
            logging.warning("Checkpoint is missing variable [%s]", name)
            continue
        value = reader.get_tensor(name)
        for var in variables:
            if var.shape.as_list() != list(value.shape):
                raise ValueError(
                    f"Total size of new array must be unchanged for {name}: the checkpoint has "
                    f"shape {list(value.shape)}, the variable {var.shape.as_list()}."
                )
            pairs.append((var, value))
    return _assignment(pairs)


@_both("assign_from_checkpoint_fn")
def assign_from_checkpoint_fn(
    model_path: str,
    var_list: Any,
    ignore_missing_vars: bool = False,
    reshape_variables: bool = False,
) -> Callable[[Any], None] | None:
    """A function that restores variables from a checkpoint.

    Args:
        model_path: The checkpoint.
        var_list: The variables; or a mapping from names in the checkpoint to them.
        ignore_missing_vars: Whether variables that it does not hold are left out, with a warning.
        reshape_variables: Whether a variable may have another shape with as many elements.

    Returns:
        A function of a session; None if the checkpoint holds none of the variables.

    Raises:
        ValueError: If there are no variables.
    """
    from runtime.checkpoint_utils import load_checkpoint
    from runtime.saver import Saver

    if not var_list:
        raise ValueError("var_list cannot be empty: there is nothing to restore.")
    wanted = var_list if isinstance(var_list, Mapping) else {var.op.name: var for var in var_list}
    if ignore_missing_vars:
        reader = load_checkpoint(model_path)
        for name in [name for name in wanted if not reader.has_tensor(name)]:
            logging.warning("Variable %s missing in checkpoint %s", name, model_path)
        wanted = {name: var for name, var in wanted.items() if reader.has_tensor(name)}
    if not wanted:
        logging.warning("No Variables to restore")
        return None
    saver = Saver(wanted, reshape=reshape_variables)
    return lambda session: saver.restore(session, model_path)
