"""Variables: tensors that keep their value between the runs of a session."""

from collections.abc import Callable, Sequence
from typing import Any

import attrs

from runtime.graph.convert import TensorLike, convert_to_tensor
from runtime.graph.definition import Definition
from runtime.graph.dtypes import DType, as_dtype
from runtime.graph.export import export
from runtime.graph.graph import Graph, get_default_graph, get_default_session
from runtime.graph.indexed_slices import IndexedSlices
from runtime.graph.keys import GraphKeys
from runtime.graph.operation import Operation
from runtime.graph.ops import state
from runtime.graph.ops.control_flow import group, no_op
from runtime.graph.ops.scatter import PLACES, ROWS, scattered
from runtime.graph.session import SINGLE
from runtime.graph.shapes import Dims, TensorShape, as_dims, compatible, described, fully_known
from runtime.graph.tensor import Operators, Tensor


@attrs.frozen
class VariableDef:
    """The names of a variable's operations.

    Attributes:
        variable_name: The tensor that stands for it.
        initial_value_name: Its initial value.
        initializer_name: The operation that assigns that.
        snapshot_name: The tensor that reads it.
        trainable: Whether optimizers change it by default.
    """

    variable_name: str
    initial_value_name: str
    initializer_name: str
    snapshot_name: str
    trainable: bool = True


@attrs.frozen
class Reference:
    """Stands for a variable or tensor in dicts and sets."""

    _target: Any = attrs.field(eq=id)  # a variable or a tensor

    def deref(self) -> Any:
        """The variable or tensor."""
        return self._target


@export("Variable")
class Variable(Operators):
    """A tensor that keeps its value between the runs of a session.

    Used in place of a tensor it stands for its value at the beginning of a run, or, if it is
    used inside `control_dependencies`, for the value after these.

    Source: the ``tf.compat.v1.Variable`` documentation.

    Args:
        initial_value: The value that the initializer gives it: anything that converts to a
            tensor, or a function without arguments that gives it.
        trainable: Whether optimizers change it by default.
        collections: The collections that it is added to; GLOBAL_VARIABLES if None.
        validate_shape: Whether its shape is fixed to that of the initial value.
        caching_device: Without effect.
        name: Its name.
        variable_def: Not supported.
        dtype: Its element type; that of the initial value if None.
        expected_shape: Not supported.
        import_scope: Without effect.
        constraint: A function that optimizers apply to the variable after they changed it.
        use_resource: Without effect.
        synchronization: Without effect.
        aggregation: Without effect.
        shape: Its static shape; that of the initial value if None.

    Raises:
        ValueError: If there is no initial value, or its shape is not known but must be.
    """

    __slots__ = (
        "__dict__",  # for what programs hang on variables
        "__weakref__",
        "_constraint",
        "_initial",
        "_initializer",
        "_read",
        "_save_slice_info",
        "_tensor",
        "_trainable",
    )

    def __init__(
        self,
        initial_value: TensorLike = None,
        trainable: bool | None = None,
        collections: Sequence[str] | None = None,
        validate_shape: bool = True,
        caching_device: Any = None,
        name: str | None = None,
        variable_def: Any = None,
        dtype: Any = None,
        expected_shape: Any = None,
        import_scope: str | None = None,
        constraint: Callable[[Tensor], Tensor] | None = None,
        use_resource: bool | None = None,
        synchronization: Any = None,
        aggregation: Any = None,
        shape: Any = None,
    ) -> None:
        if initial_value is None:
            raise ValueError("initial_value must be specified to create a tf.Variable.")
        self._trainable = True if trainable is None else trainable
        self._constraint = constraint
        self._save_slice_info: Any = None  # whatever a partitioned variable's maker noted
        graph = get_default_graph()
        element_type = None if dtype is None else as_dtype(dtype)
        with (
            graph.control_dependencies(None),
            graph.name_scope("Variable" if name is None else name) as scope,
        ):
            self._initial = _initial_tensor(initial_value, element_type)
            self._make(scope, as_dims(shape), validate_shape)
        self._collect(graph, collections)

    @classmethod
    def restored(
        cls,
        tensor: Tensor,
        initial_value: Tensor,
        initializer: Operation,
        snapshot: Tensor,
        trainable: bool,
    ) -> "Variable":
        """Makes the object for a variable whose operations are in a graph already.

        Args:
            tensor: The tensor that stands for the variable.
            initial_value: Its initial value.
            initializer: The operation that assigns that.
            snapshot: The tensor that reads it.
            trainable: Whether optimizers change it by default.

        Returns:
            The variable; it is in no collection.

        Raises:
            ValueError: The tensor stands for no variable.
        """
        if tensor.op.definition is not state.VARIABLE:
            raise ValueError(f"{tensor.name!r} stands for no variable but is of {tensor.op.type}.")
        found = cls.__new__(cls)
        found._tensor, found._initial = tensor, initial_value
        found._initializer, found._read = initializer, snapshot
        found._trainable, found._constraint, found._save_slice_info = trainable, None, None
        return found

    def _make(self, scope: str, dims: Dims, validate_shape: bool) -> None:
        if validate_shape:
            dims = self._initial.dims if dims is None else dims
            if not fully_known(self._initial.dims):
                raise ValueError(
                    f"initial_value must have a shape specified: {self._initial!r}. "
                    "Give it one by set_shape, or give validate_shape=False."
                )
            if not compatible(self._initial.dims, dims):
                raise ValueError(
                    f"The initial value of shape {described(self._initial.dims)} does not fit "
                    f"the variable {scope[:-1]!r} of shape {described(dims)}."
                )
        self._tensor: Tensor = state.VARIABLE(dtype=self._initial.dtype, dims=dims, name=scope)
        self._initializer: Operation = state.ASSIGN(
            self._tensor, self._initial, validate_shape=validate_shape, name="Assign"
        ).op
        self._read: Tensor = state.READ(self._tensor, name="read")

    def _collect(self, graph: Graph, collections: Sequence[str] | None) -> None:
        names = [GraphKeys.GLOBAL_VARIABLES] if collections is None else list(collections)
        if self._trainable and GraphKeys.TRAINABLE_VARIABLES not in names:
            names.append(GraphKeys.TRAINABLE_VARIABLES)
        graph.add_to_collections(names, self)

    # What it is.

    @property
    def name(self) -> str:
        """Its name: ``"w:0"``."""
        return self._tensor.name

    @property
    def _shared_name(self) -> str:
        return self._tensor.op.name

    @property
    def dtype(self) -> DType:
        """Its element type."""
        return self._tensor.dtype

    @property
    def op(self) -> Operation:
        """Its operation."""
        return self._tensor.op

    @property
    def graph(self) -> Graph:
        """The graph that it belongs to."""
        return self._tensor.graph

    @property
    def device(self) -> str:
        """The device that was asked for."""
        return self._tensor.device

    @property
    def shape(self) -> TensorShape:
        """Its static shape."""
        return self._tensor.shape

    def get_shape(self) -> TensorShape:
        """Its static shape."""
        return self._tensor.shape

    def set_shape(self, shape: Any) -> None:
        """Adds knowledge about the static shape.

        Args:
            shape: Anything that can be made into a shape.
        """
        self._tensor.set_shape(shape)
        self._read.set_shape(shape)

    @property
    def trainable(self) -> bool:
        """Whether optimizers change it by default."""
        return self._trainable

    @property
    def constraint(self) -> Callable[[Tensor], Tensor] | None:
        """What optimizers apply to it after they changed it, or None."""
        return self._constraint

    @property
    def initializer(self) -> Operation:
        """The operation that gives it its initial value."""
        return self._initializer

    @property
    def initial_value(self) -> Tensor:
        """The tensor with its initial value."""
        return self._initial

    def set_initial_value(self, value: Tensor, initializer: Operation) -> None:
        """Replaces the initial value, for what starts a model from a checkpoint.

        Args:
            value: The tensor with the new initial value.
            initializer: The operation that assigns it.
        """
        self._initial, self._initializer = value, initializer

    def _set_save_slice_info(self, save_slice_info: Any) -> None:
        self._save_slice_info = save_slice_info

    def _get_save_slice_info(self) -> Any:
        return self._save_slice_info

    # Its value.

    def value(self) -> Tensor:
        """A tensor with its value at the beginning of a run."""
        return self._read

    def read_value(self) -> Tensor:
        """A new tensor with the value that it has after the current control dependencies."""
        return state.READ(self._tensor, name="read")  # type: ignore[no-any-return]

    def ref(self) -> Reference:
        """What stands for the variable as a key of dicts and an element of sets.

        Returns:
            A hashable object; its method `deref` gives the variable.
        """
        return Reference(self)

    def to_proto(self, export_scope: str | None = None) -> VariableDef:
        """The names of the variable's operations.

        Args:
            export_scope: Without effect.

        Returns:
            What TensorFlow's protocol message of this name holds.
        """
        return VariableDef(
            self.name, self._initial.name, self._initializer.name, self._read.name, self._trainable
        )

    def _as_tensor(self) -> Tensor:
        if self.graph.under_control():
            return state.READ(self._tensor, name="read_value")  # type: ignore[no-any-return]
        return self._read

    def _as_graph_element(self) -> Tensor:
        return self._tensor

    def _ref(self) -> Tensor:
        """The tensor that stands for the variable itself, not for a value."""
        return self._tensor

    def initialized_value(self) -> Tensor:
        """Its value if it has one; else its initial value.

        Returns:
            A tensor, for initial values of other variables.
        """
        self.graph.unique_name("IsVariableInitialized")
        with self.graph.name_scope("cond"):
            return state.INITIALIZED_VALUE(self._tensor, self._initial, name="Merge")  # type: ignore[no-any-return]

    def eval(self, session: Any = None) -> Any:
        """Gets its value in a session.

        Args:
            session: The session; the default session if None.

        Returns:
            A NumPy array or scalar.
        """
        return self._read.eval(session=session)

    # Changing it.

    def assign(
        self,
        value: TensorLike,
        use_locking: bool = False,
        name: str | None = None,
        read_value: bool = True,
    ) -> Any:
        """Gives it a new value.

        Args:
            value: The value, of the variable's shape.
            use_locking: Without effect.
            name: Name of the operation.
            read_value: Whether to return a tensor.

        Returns:
            A tensor with the new value; the operation if `read_value` is false.
        """
        tensor = assign(self, value, name=name)
        return tensor if read_value else tensor.op

    def assign_add(
        self,
        delta: TensorLike,
        use_locking: bool = False,
        name: str | None = None,
        read_value: bool = True,
    ) -> Any:
        """Adds something to it.

        Args:
            delta: What to add, of the variable's shape.
            use_locking: Without effect: adding is never interrupted by another addition.
            name: Name of the operation.
            read_value: Whether to return a tensor.

        Returns:
            A tensor with the new value; the operation if `read_value` is false.
        """
        tensor = assign_add(self, delta, name=name)
        return tensor if read_value else tensor.op

    def assign_sub(
        self,
        delta: TensorLike,
        use_locking: bool = False,
        name: str | None = None,
        read_value: bool = True,
    ) -> Any:
        """Subtracts something from it.

        Args:
            delta: What to subtract, of the variable's shape.
            use_locking: Without effect: subtracting is never interrupted by another.
            name: Name of the operation.
            read_value: Whether to return a tensor.

        Returns:
            A tensor with the new value; the operation if `read_value` is false.
        """
        tensor = assign_sub(self, delta, name=name)
        return tensor if read_value else tensor.op

    def count_up_to(self, limit: int) -> Tensor:
        """Adds one in each run until a limit is reached.

        Args:
            limit: The limit.

        Returns:
            A tensor with the value before. It raises OutOfRangeError at the limit.
        """
        return state.COUNT_UP_TO(self._tensor, limit=limit)  # type: ignore[no-any-return]

    def load(self, value: Any, session: Any = None) -> None:
        """Gives it a value in a session, without changing the graph.

        Args:
            value: The value.
            session: The session; the default session if None.

        Raises:
            ValueError: If there is no session.
        """
        chosen = get_default_session() if session is None else session
        if chosen is None:
            raise ValueError(
                "Variable.load needs a session: there is no default session. Use `with "
                "session:`, or give session=."
            )
        chosen.run(self._initializer, {self._initializer.inputs[1]: value})

    def scatter_sub(
        self, sparse_delta: IndexedSlices, use_locking: bool = False, name: str | None = None
    ) -> Tensor:
        """Subtracts rows.

        Args:
            sparse_delta: The rows.
            use_locking: Without effect.
            name: Name of the operation.

        Returns:
            A tensor with the new value.
        """
        return self._scattered("Sub", sparse_delta, name)

    def scatter_add(
        self, sparse_delta: IndexedSlices, use_locking: bool = False, name: str | None = None
    ) -> Tensor:
        """Adds rows.

        Args:
            sparse_delta: The rows.
            use_locking: Without effect.
            name: Name of the operation.

        Returns:
            A tensor with the new value.
        """
        return self._scattered("Add", sparse_delta, name)

    def scatter_update(
        self, sparse_delta: IndexedSlices, use_locking: bool = False, name: str | None = None
    ) -> Tensor:
        """Replaces rows.

        Args:
            sparse_delta: The rows.
            use_locking: Without effect.
            name: Name of the operation.

        Returns:
            A tensor with the new value.
        """
        return self._scattered("Update", sparse_delta, name)

    def _scattered(self, kind: str, rows: IndexedSlices, name: str | None) -> Tensor:
        if not isinstance(rows, IndexedSlices):
            raise TypeError(f"sparse_delta is not IndexedSlices: {rows!r}")
        return scattered(ROWS[kind], self._tensor, rows.indices, rows.values, name)

    def __repr__(self) -> str:
        return f"<tf.Variable {self.name!r} shape={self.shape} dtype={self.dtype.name}>"

    # An operator's result is a tensor; equality is that of objects, as variables are keys.
    __hash__ = object.__hash__

    def __eq__(self, other: object) -> bool:
        return self is other

    def __bool__(self) -> bool:
        return True  # the object, not its value: so programs ask whether one was given


SINGLE.add(Variable)
VariableV1 = RefVariable = Variable
export("VariableV1")(Variable)


def _initial_tensor(value: TensorLike, dtype: DType | None) -> Tensor:
    if callable(value) and not isinstance(value, (Tensor, Operators)):
        with get_default_graph().name_scope("Initializer"):
            value = value()
    return convert_to_tensor(value, dtype, name="initial_value")


def variable_tensor(ref: Any, what: str) -> Tensor:
    """The tensor that stands for a variable.

    Args:
        ref: A variable, or the tensor that stands for it.
        what: What is to be done, for the message.

    Returns:
        The tensor.

    Raises:
        TypeError: If it is no variable.
    """
    tensor = ref._ref() if isinstance(ref, Variable) else ref
    if isinstance(tensor, Tensor) and tensor.op.definition is state.VARIABLE:
        return tensor
    raise TypeError(f"{what} needs a variable, but got {ref!r}.")


# Any: attributes are of any type.
def _update(
    definition: Definition,
    ref: Any,
    value: TensorLike,
    name: str | None,
    what: str,
    **attributes: Any,
) -> Tensor:
    variable = variable_tensor(ref, what)
    with variable.graph.as_default():
        tensor = convert_to_tensor(value, variable.dtype, name="value")
    return definition(variable, tensor, name=name, **attributes)  # type: ignore[no-any-return]


@export("assign")
def assign(
    ref: Any,
    value: TensorLike,
    validate_shape: bool | None = None,
    use_locking: bool | None = None,
    name: str | None = None,
) -> Tensor:
    """Gives a variable a new value.

    Args:
        ref: The variable, or a slice of one.
        value: The value.
        validate_shape: Whether the value must have the variable's shape; True if None.
        use_locking: Without effect.
        name: Name of the operation.

    Returns:
        A tensor with the new value.

    Raises:
        TypeError: If it is no variable.
        ValueError: If the shapes don't fit.
    """
    if isinstance(ref, Tensor) and hasattr(ref, "assign"):
        return ref.assign(value, name=name)  # type: ignore[no-any-return]  # a slice's own
    checked = validate_shape is not False
    return _update(state.ASSIGN, ref, value, name, "assign", validate_shape=checked)


@export("assign_add")
def assign_add(
    ref: Any, value: TensorLike, use_locking: bool | None = None, name: str | None = None
) -> Tensor:
    """Adds something to a variable.

    Args:
        ref: The variable.
        value: What to add.
        use_locking: Without effect.
        name: Name of the operation.

    Returns:
        A tensor with the new value.
    """
    return _update(state.ASSIGN_ADD, ref, value, name, "assign_add")


@export("assign_sub")
def assign_sub(
    ref: Any, value: TensorLike, use_locking: bool | None = None, name: str | None = None
) -> Tensor:
    """Subtracts something from a variable.

    Args:
        ref: The variable.
        value: What to subtract.
        use_locking: Without effect.
        name: Name of the operation.

    Returns:
        A tensor with the new value.
    """
    return _update(state.ASSIGN_SUB, ref, value, name, "assign_sub")


def _scatter_function(name_of: str, definition: Definition, locking: bool, what: str) -> None:
    @export(name_of)
    def function(
        ref: Any,
        indices: TensorLike,
        updates: TensorLike,
        use_locking: bool = locking,
        name: str | None = None,
    ) -> Tensor:
        return scattered(definition, variable_tensor(ref, name_of), indices, updates, name)

    function.__name__ = function.__qualname__ = name_of
    function.__doc__ = f"""{what}

    Args:
        ref: The variable.
        indices: The rows; for names with ``nd`` coordinates along the last axis.
        updates: The values for them.
        use_locking: Without effect.
        name: Name of the operation.

    Returns:
        A tensor with the new value.
    """


for _kind, _what in (
    ("Update", "Replaces {} of a variable."),
    ("Add", "Adds to {} of a variable."),
    ("Sub", "Subtracts from {} of a variable."),
    ("Mul", "Multiplies {} of a variable."),
    ("Div", "Divides {} of a variable."),
    ("Max", "Replaces {} of a variable where others are larger."),
    ("Min", "Replaces {} of a variable where others are smaller."),
):
    _text = _what.format("some rows")
    _scatter_function(f"scatter_{_kind.lower()}", ROWS[_kind], _kind == "Update", _text)
    if _kind in PLACES:
        _text = _what.format("some elements or slices")
        _scatter_function(f"scatter_nd_{_kind.lower()}", PLACES[_kind], _kind == "Update", _text)


@export("count_up_to")
def count_up_to(ref: Any, limit: int, name: str | None = None) -> Tensor:
    """Adds one to a variable in each run until a limit is reached.

    Args:
        ref: The variable.
        limit: The limit.
        name: Name of the operation.

    Returns:
        A tensor with the value before. It raises OutOfRangeError at the limit.
    """
    return state.COUNT_UP_TO(variable_tensor(ref, "count_up_to"), limit=limit, name=name)  # type: ignore[no-any-return]


# The variables of a graph.


@export("all_variables")
def all_variables() -> list[Any]:
    """The old name of `global_variables`.

    Returns:
        A list.
    """
    return global_variables()


@export("global_variables")
def global_variables(scope: str | None = None) -> list[Any]:
    """The variables of the default graph that checkpoints hold.

    Args:
        scope: A regular expression that names must match at their start.

    Returns:
        A list.
    """
    return get_default_graph().get_collection(GraphKeys.GLOBAL_VARIABLES, scope)


@export("local_variables")
def local_variables(scope: str | None = None) -> list[Any]:
    """The variables of the default graph that belong to one process.

    Args:
        scope: A regular expression that names must match at their start.

    Returns:
        A list.
    """
    return get_default_graph().get_collection(GraphKeys.LOCAL_VARIABLES, scope)


@export("trainable_variables")
def trainable_variables(scope: str | None = None) -> list[Any]:
    """The variables of the default graph that optimizers change.

    Args:
        scope: A regular expression that names must match at their start.

    Returns:
        A list.
    """
    return get_default_graph().get_collection(GraphKeys.TRAINABLE_VARIABLES, scope)


@export("model_variables")
def model_variables(scope: str | None = None) -> list[Any]:
    """The variables in the collection MODEL_VARIABLES.

    Args:
        scope: A regular expression that names must match at their start.

    Returns:
        A list.
    """
    return get_default_graph().get_collection(GraphKeys.MODEL_VARIABLES, scope)


@export("moving_average_variables")
def moving_average_variables(scope: str | None = None) -> list[Any]:
    """The variables that have a moving average.

    Args:
        scope: A regular expression that names must match at their start.

    Returns:
        A list.
    """
    return get_default_graph().get_collection(GraphKeys.MOVING_AVERAGE_VARIABLES, scope)


@export("variables_initializer", "initialize_variables", "initializers.variables")
def variables_initializer(var_list: Sequence[Any], name: str = "init") -> Operation:
    """An operation that gives variables their initial values.

    Args:
        var_list: The variables.
        name: Name of the operation.

    Returns:
        The operation.
    """
    if not var_list:
        return no_op(name)
    return group(*[variable.initializer for variable in var_list], name=name)


@export("global_variables_initializer", "initialize_all_variables", "initializers.global_variables")
def global_variables_initializer() -> Operation:
    """An operation that gives all global variables their initial values.

    Returns:
        The operation.
    """
    return variables_initializer(global_variables())


@export("local_variables_initializer", "initialize_local_variables", "initializers.local_variables")
def local_variables_initializer() -> Operation:
    """An operation that gives all local variables their initial values.

    Returns:
        The operation.
    """
    return variables_initializer(local_variables())


@export("tables_initializer", "initialize_all_tables", "initializers.tables_initializer")
def tables_initializer(name: str = "init_all_tables") -> Operation:
    """An operation that initializes all tables: those in TABLE_INITIALIZERS.

    Args:
        name: Name of the operation.

    Returns:
        The operation.
    """
    initializers = get_default_graph().get_collection(GraphKeys.TABLE_INITIALIZERS)
    return group(*initializers, name=name) if initializers else no_op(name)


@export("report_uninitialized_variables")
def report_uninitialized_variables(
    var_list: Sequence[Any] | None = None, name: str = "report_uninitialized_variables"
) -> Tensor:
    """The names of the variables that have no value in the session.

    Args:
        var_list: The variables; all global and local ones if None.
        name: Name of the operation.

    Returns:
        A vector of strings.
    """
    variables = [*global_variables(), *local_variables()] if var_list is None else var_list
    tensors = [variable_tensor(variable, name) for variable in variables]
    graph = get_default_graph()
    with graph.name_scope(name), graph.name_scope("boolean_mask"):
        return state.REPORT_UNINITIALIZED(*tensors, name="GatherV2")  # type: ignore[no-any-return]


@export("is_variable_initialized")
def is_variable_initialized(variable: Any) -> Tensor:
    """Whether a variable has a value in the session.

    Args:
        variable: The variable.

    Returns:
        A scalar of bool.
    """
    tensor = variable_tensor(variable, "is_variable_initialized")
    return state.IS_INITIALIZED(tensor)  # type: ignore[no-any-return]


@export("assert_variables_initialized")
def assert_variables_initialized(var_list: Sequence[Any] | None = None) -> Tensor | None:
    """A tensor that fails in a run if a variable has no value.

    Args:
        var_list: The variables; all global and local ones if None.

    Returns:
        A tensor of the variables' ranks, whose run fails; None if there is no variable.
    """
    variables = [*global_variables(), *local_variables()] if var_list is None else var_list
    if not variables:
        return None
    with get_default_graph().control_dependencies([v.read_value() for v in variables]):
        return convert_to_tensor([v.shape.ndims or 0 for v in variables])
