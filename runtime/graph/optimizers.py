"""Optimizers: operations that change variables along gradients."""

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from typing import Any, Final, TypeVar

from runtime.graph import dtypes
from runtime.graph.convert import TensorLike, constant, convert_to_tensor
from runtime.graph.definition import Definition
from runtime.graph.dtypes import DType, as_dtype
from runtime.graph.export import public
from runtime.graph.gradients import gradients
from runtime.graph.graph import Graph, get_default_graph
from runtime.graph.indexed_slices import IndexedSlices
from runtime.graph.keys import GraphKeys
from runtime.graph.operation import Operation
from runtime.graph.ops import scatter, state
from runtime.graph.ops.array import fill, shape, zeros
from runtime.graph.ops.control_flow import group
from runtime.graph.ops.math import cast
from runtime.graph.scopes import variable_scope
from runtime.graph.shapes import as_dims, fully_known
from runtime.graph.tensor import Tensor
from runtime.graph.variables import Variable, assign, assign_add, trainable_variables

Pairs = list[tuple[Tensor | None, Any]]
M = TypeVar("M", bound=Callable[..., Any])

# Methods `_apply_sparse` that take rows of which several have one index.
_ADDING: Final[set[Any]] = set()


def adding(method: M) -> M:
    """Says of a method `_apply_sparse` that its kernel adds up the rows that have one index."""
    _ADDING.add(method)
    return method


def _var_key(var: Any) -> tuple[Graph, str]:
    """By what a variable's slots are found; programs look into `_slots`, and sort its keys."""
    return var.op.graph, var.op.name


class Optimizer:
    """Base of the optimizers, also of a program's own.

    Such a class says in `_apply_dense`, and in `_apply_sparse` for gradients of some rows, what
    changes one variable; `_create_slots`, `_prepare` and `_finish` may do something before and
    after that. For variables that were asked to be resources, `_resource_apply_dense` and
    `_resource_apply_sparse` do if a class has no others.

    Source: the ``tf.compat.v1.train.Optimizer`` documentation.

    Args:
        use_locking: Without effect.
        name: The default name of what is added to the graph.
        use_own_namescope_for_non_slot_vars: Whether variables that belong to none of the model's
            are named below the optimizer's name.

    Raises:
        ValueError: If there is no name.
    """

    GATE_NONE = 0
    GATE_OP = 1
    GATE_GRAPH = 2

    def __init__(
        self, use_locking: bool, name: str, use_own_namescope_for_non_slot_vars: bool = False
    ) -> None:
        if not name:
            raise ValueError("Must specify the optimizer name")
        self._own_scope = use_own_namescope_for_non_slot_vars
        self._use_locking = use_locking
        self._name = name
        self._slots: dict[str, dict[Any, Variable]] = {}
        self._non_slots: dict[tuple[str, Graph], Variable] = {}

    def get_name(self) -> str:
        """Its name."""
        return self._name

    def minimize(
        self,
        loss: Any,
        global_step: Any = None,
        var_list: Sequence[Any] | None = None,
        gate_gradients: int = GATE_OP,
        aggregation_method: Any = None,
        colocate_gradients_with_ops: bool = False,
        name: str | None = None,
        grad_loss: Any = None,
    ) -> Operation:
        """Adds one step of training to the graph.

        Args:
            loss: What is to become smaller.
            global_step: A variable that counts the steps.
            var_list: The variables to change; all trainable ones if None.
            gate_gradients: Without effect.
            aggregation_method: Without effect.
            colocate_gradients_with_ops: Without effect.
            name: Name of the operation.
            grad_loss: What the gradient of the loss begins with; ones if None.

        Returns:
            The operation that carries out one step.

        Raises:
            ValueError: If the loss depends on none of the variables.
        """
        pairs = self.compute_gradients(loss, var_list, gate_gradients, grad_loss=grad_loss)
        if all(gradient is None for gradient, _ in pairs):
            names = [variable.name for _, variable in pairs]
            raise ValueError(
                "No gradients provided for any variable, check your graph for ops that do not "
                f"support gradients: the loss {loss!r} does not depend on any of {names}."
            )
        return self.apply_gradients(pairs, global_step, name)

    def compute_gradients(
        self,
        loss: Any,
        var_list: Sequence[Any] | None = None,
        gate_gradients: int = GATE_OP,
        aggregation_method: Any = None,
        colocate_gradients_with_ops: bool = False,
        grad_loss: Any = None,
    ) -> Pairs:
        """Adds the gradients of a loss to the graph.

        Args:
            loss: A tensor, or a function that gives one.
            var_list: The variables, or tensors; all trainable variables if None.
            gate_gradients: Without effect; one of the constants ``GATE_…``.
            aggregation_method: Without effect.
            colocate_gradients_with_ops: Without effect.
            grad_loss: What the gradient of the loss begins with; ones if None.

        Returns:
            Pairs of a gradient (None if the loss does not depend on the variable) and variable.

        Raises:
            TypeError: If something to differentiate by is neither variable nor tensor.
            ValueError: If there are no variables, or the loss has no floating-point type.
        """
        if gate_gradients not in (self.GATE_NONE, self.GATE_OP, self.GATE_GRAPH):
            raise ValueError(
                "gate_gradients must be one of: Optimizer.GATE_NONE, Optimizer.GATE_OP, "
                f"Optimizer.GATE_GRAPH. Not {gate_gradients!r}"
            )
        if callable(loss) and not isinstance(loss, Tensor):
            loss = loss()
        variables = list(trainable_variables() if var_list is None else _flat(var_list))
        if not variables:
            raise ValueError("No variables to optimize.")
        for variable in variables:
            if not isinstance(variable, (Variable, Tensor)):
                raise TypeError(f"Argument is not a tf.Variable: {variable!r}")
        _check_type(convert_to_tensor(loss), self._valid_dtypes())
        found = gradients(loss, variables, None if grad_loss is None else [grad_loss])
        return list(zip(found, variables, strict=True))

    def apply_gradients(
        self,
        grads_and_vars: Any,
        global_step: Any = None,
        name: str | None = None,
        skip_gradients_aggregation: bool = False,
    ) -> Operation:
        """Adds one step along given gradients to the graph.

        Args:
            grads_and_vars: Pairs of a gradient (or None) and a variable.
            global_step: A variable that counts the steps.
            name: Name of the operation.
            skip_gradients_aggregation: Without effect.

        Returns:
            The operation that carries out one step.

        Raises:
            TypeError: If what is to be changed is no variable, or a gradient is no tensor.
            ValueError: If there is no gradient.
        """
        pairs = tuple(grads_and_vars)
        if not pairs:
            raise ValueError("No variables provided.")
        used = [(_slope(g), _changeable(v)) for g, v in pairs if g is not None]
        if not used:
            names = [variable.name for _, variable in pairs]
            raise ValueError(f"No gradients provided for any variable: {names}.")
        graph = used[0][1].graph
        with graph.as_default(), graph.control_dependencies(None):
            self._create_slots([variable for _, variable in used])
        with graph.as_default(), graph.name_scope(name or self._name) as scope:
            self._prepare()
            updates = [self._update(gradient, variable) for gradient, variable in used]
            step = self._counted(updates, global_step, scope)
        train_ops = graph.get_collection_ref(GraphKeys.TRAIN_OP)
        if step not in train_ops:
            train_ops.append(step)
        return step

    def _update(self, gradient: Tensor | IndexedSlices, variable: Variable) -> Any:
        graph = variable.graph
        with graph.name_scope(f"update_{variable.op.name}"):
            if isinstance(gradient, IndexedSlices):
                update = self._apply_sparse_duplicate_indices(gradient, variable)
            else:
                update = self._apply_dense(gradient, variable)
            if variable.constraint is None:
                return update
            with graph.control_dependencies([update]):
                return assign(variable, variable.constraint(variable.read_value())).op

    def _counted(self, updates: list[Any], global_step: Any, scope: str) -> Operation:
        if global_step is None:
            return operation_of(self._finish(updates, scope))
        with get_default_graph().control_dependencies([self._finish(updates, "update")]):
            return assign_add(global_step, convert_to_tensor(1, global_step.dtype), name=scope).op

    # What a class may say. Any: operations, or tensors that come out of them.

    def _finish(self, update_ops: list[Any], name_scope: str) -> Any:
        """Joins the changes of all variables, and adds what has to be done after them."""
        return group(*update_ops, name=name_scope)

    def _prepare(self) -> None:
        """Makes tensors of the parameters."""

    def _create_slots(self, var_list: Sequence[Variable]) -> None:
        """Makes the variables that the optimizer itself needs."""

    def _valid_dtypes(self) -> set[DType]:
        return {dtypes.float16, dtypes.float32, dtypes.float64}

    def _apply_dense(self, grad: Tensor, var: Variable) -> Any:
        return self._resource_apply_dense(grad, var)

    def _resource_apply_dense(self, grad: Tensor, handle: Variable) -> Any:
        raise NotImplementedError(
            f"{type(self).__name__} does not say how to change a variable: give it a method "
            "_apply_dense(grad, var) that returns the operation."
        )

    def _apply_sparse_duplicate_indices(self, grad: IndexedSlices, var: Variable) -> Any:
        return self._apply_sparse(
            grad if type(self)._apply_sparse in _ADDING else _with_unique_rows(grad), var
        )

    def _apply_sparse(self, grad: IndexedSlices, var: Variable) -> Any:
        return self._resource_apply_sparse(grad.values, var, grad.indices)

    def _resource_apply_sparse(self, grad: Tensor, handle: Variable, indices: Tensor) -> Any:
        """Changes a variable as a whole, unless a class can more."""
        return self._apply_dense(
            convert_to_tensor(IndexedSlices(grad, indices, shape(handle))), handle
        )

    def _call_if_callable(self, param: Any) -> Any:
        return param() if callable(param) else param

    # Slots: variables that belong to an optimizer and to one of the model's variables.

    def get_slot_names(self) -> list[str]:
        """The names of its slots.

        Returns:
            A sorted list.
        """
        return sorted(self._slots)

    def get_slot(self, var: Any, name: str) -> Variable | None:
        """The slot of a variable.

        Args:
            var: The variable.
            name: The slot's name.

        Returns:
            The slot, or None.
        """
        return self._slots.get(name, {}).get(_var_key(var))

    def variables(self) -> list[Variable]:
        """The variables of the optimizer in the default graph.

        Returns:
            A list in the order of their names.
        """
        graph = get_default_graph()
        own = [v for (_, where), v in self._non_slots.items() if where is graph]
        slots = [v for named in self._slots.values() for v in named.values() if v.graph is graph]
        return sorted([*own, *slots], key=lambda variable: variable.name)

    def _slot_dict(self, slot_name: str) -> dict[Any, Variable]:
        return self._slots.setdefault(slot_name, {})

    def _zeros_slot(self, var: Variable, slot_name: str, op_name: str) -> Variable:
        return self._filled_slot(var, slot_name, op_name, 0.0)

    def _filled_slot(self, var: Variable, slot_name: str, op_name: str, begin: float) -> Variable:
        if (found := self._slot_dict(slot_name).get(_var_key(var))) is not None:
            return found
        if fully_known(dims := var._ref().dims):
            sizes = list(dims or ())
            return self._get_or_make_slot(
                var, lambda: _filled(sizes, begin, var.dtype), slot_name, op_name
            )
        return self._get_or_make_slot(var, var.initialized_value() * 0 + begin, slot_name, op_name)

    def _get_or_make_slot(self, var: Variable, val: Any, slot_name: str, op_name: str) -> Variable:
        named, key = self._slot_dict(slot_name), _var_key(var)
        if key not in named:
            named[key] = beside(var, val, op_name)
        return named[key]

    def _get_or_make_slot_with_initializer(
        self, var: Variable, initializer: Any, shape: Any, dtype: Any, slot_name: str, op_name: str
    ) -> Variable:
        sizes = list(as_dims(shape) or ())
        return self._get_or_make_slot(
            var, lambda: initializer(sizes, dtype=as_dtype(dtype)), slot_name, op_name
        )

    def _create_non_slot_variable(
        self, initial_value: Any, name: str, colocate_with: Any
    ) -> Variable:
        graph = colocate_with.graph
        key = (name, graph)
        if key not in self._non_slots:
            with graph.name_scope(self._name) if self._own_scope else nullcontext():
                self._non_slots[key] = Variable(initial_value, trainable=False, name=name)
        return self._non_slots[key]

    def _get_non_slot_variable(self, name: str, graph: Graph | None = None) -> Variable | None:
        return self._non_slots.get((name, graph or get_default_graph()))

    def _non_slot_variables(self) -> list[Variable]:
        return list(self._non_slots.values())


def _slope(gradient: Any) -> Tensor | IndexedSlices:
    if isinstance(gradient, IndexedSlices):
        return gradient
    try:
        tensor = convert_to_tensor(gradient)
    except (TypeError, ValueError):
        tensor = None
    if tensor is None or not tensor.dtype.is_floating:
        raise TypeError(
            f"Gradient must be convertible to a Tensor or IndexedSlices, or None: {gradient!r}"
        )
    return tensor


def _changeable(variable: Any) -> Variable:
    if not isinstance(variable, Variable):
        raise TypeError(f"Only a tf.Variable can be changed along a gradient, not {variable!r}")
    return variable


def _check_type(tensor: Tensor, valid: set[DType]) -> None:
    if tensor.dtype not in valid:
        names = ", ".join(sorted(dtype.name for dtype in valid))
        raise ValueError(f"Invalid type {tensor.dtype!r} for {tensor.name}, expected: {names}.")


def operation_of(result: Any) -> Operation:
    """The operation that a class of a program's own gave, be it as a tensor."""
    return result if isinstance(result, Operation) else result.op


def _with_unique_rows(slices: IndexedSlices) -> IndexedSlices:
    rows, places = public("", "unique")(slices.indices)
    summed = public("", "unsorted_segment_sum")(slices.values, places, shape(rows)[0])
    return IndexedSlices(summed, rows, slices.dense_shape)


def _flat(variables: Any) -> list[Any]:
    flat: list[Any] = []
    for item in variables if isinstance(variables, (list, tuple)) else [variables]:
        flat.extend(_flat(item) if isinstance(item, (list, tuple)) else [item])
    return flat


def beside(of: Any, initial: Any, name: str) -> Variable:
    """A variable named after another one, or a tensor, in the variable scope: ``w/Adam``.

    Args:
        of: The variable or tensor.
        initial: The initial value, or a function that gives it.
        name: What its name ends with.

    Returns:
        The new variable, which is not trainable.
    """
    with variable_scope(None, f"{of.op.name}/{name}", auxiliary_name_scope=False) as scope:
        full = scope.name
    known = fully_known(of.op.outputs[0].dims)
    with of.graph.name_scope(None):
        return Variable(initial, trainable=False, name=full, validate_shape=known)


def _filled(shape: list[Any], begin: float, dtype: DType) -> Tensor:
    return fill(shape, constant(begin, dtype)) if begin else zeros(shape, dtype)


def parameter(value: TensorLike | Callable[[], TensorLike], name: str) -> Tensor:
    """The tensor of an optimizer's parameter.

    Args:
        value: A number, a tensor, or a function that gives one.
        name: The parameter's name.

    Returns:
        A scalar.
    """
    return convert_to_tensor(value() if callable(value) else value, name=name)


def typed(parameter: Tensor | None, dtype: DType) -> Tensor:
    """A parameter in the element type of a variable.

    Args:
        parameter: The parameter; there must be one.
        dtype: The element type.

    Returns:
        A scalar of that type.
    """
    assert parameter is not None
    return cast(parameter, dtype)


def step_of(definition: Definition, *inputs: Tensor, **attributes: Any) -> Operation:
    """Adds an operation that changes a variable.

    Args:
        definition: Its type.
        *inputs: Its inputs.
        **attributes: Its attributes.

    Returns:
        The operation.
    """
    result: Tensor = definition(*inputs, **attributes)
    return result.op


class GradientDescentOptimizer(Optimizer):
    """Changes variables by the gradient times a rate.

    Source: the ``tf.compat.v1.train.GradientDescentOptimizer`` documentation.

    Args:
        learning_rate: The rate: a number, a tensor, or a function that gives one.
        use_locking: Without effect.
        name: The default name of what is added to the graph.
    """

    def __init__(
        self, learning_rate: Any, use_locking: bool = False, name: str = "GradientDescent"
    ) -> None:
        super().__init__(use_locking, name)
        self._learning_rate = learning_rate
        self._learning_rate_tensor: Tensor | None = None

    def _prepare(self) -> None:
        self._learning_rate_tensor = parameter(self._learning_rate, "learning_rate")

    def _apply_dense(self, grad: Tensor, var: Variable) -> Operation:
        rate = typed(self._learning_rate_tensor, var.dtype)
        return step_of(state.APPLY_DESCENT, var._ref(), rate, grad)

    @adding
    def _apply_sparse(self, grad: IndexedSlices, var: Variable) -> Operation:
        rate = typed(self._learning_rate_tensor, var.dtype)
        rows = (grad.values, grad.indices)
        return step_of(scatter.SPARSE_DESCENT, var._ref(), rate, *rows)


class MomentumOptimizer(Optimizer):
    """Gradient descent with momentum.

    Source: the ``tf.compat.v1.train.MomentumOptimizer`` documentation.

    Args:
        learning_rate: The rate.
        momentum: How much of the last change is kept.
        use_locking: Without effect.
        name: The default name of what is added to the graph.
        use_nesterov: Whether to use Nesterov's variant.
    """

    def __init__(
        self,
        learning_rate: Any,
        momentum: Any,
        use_locking: bool = False,
        name: str = "Momentum",
        use_nesterov: bool = False,
    ) -> None:
        super().__init__(use_locking, name)
        self._learning_rate, self._momentum = learning_rate, momentum
        self._use_nesterov = use_nesterov
        self._learning_rate_tensor: Tensor | None = None
        self._momentum_tensor: Tensor | None = None

    def _create_slots(self, var_list: Sequence[Variable]) -> None:
        for variable in var_list:
            self._zeros_slot(variable, "momentum", self._name)

    def _prepare(self) -> None:
        self._learning_rate_tensor = parameter(self._learning_rate, "learning_rate")
        self._momentum_tensor = parameter(self._momentum, "momentum")

    def _apply_dense(self, grad: Tensor, var: Variable) -> Operation:
        return self._moved(state.APPLY_MOMENTUM, var, grad)

    @adding
    def _apply_sparse(self, grad: IndexedSlices, var: Variable) -> Operation:
        rows = (grad.values, grad.indices)
        return self._moved(scatter.SPARSE_MOMENTUM, var, *rows)

    def _moved(self, definition: Definition, variable: Variable, *gradient: Tensor) -> Operation:
        return step_of(
            definition,
            variable._ref(),
            self._zeros_slot(variable, "momentum", self._name)._ref(),
            typed(self._learning_rate_tensor, variable.dtype),
            typed(self._momentum_tensor, variable.dtype),
            *gradient,
            use_nesterov=self._use_nesterov,
        )


class AdamOptimizer(Optimizer):
    """The Adam algorithm (Kingma and Ba, 2014).

    Source: the ``tf.compat.v1.train.AdamOptimizer`` documentation.

    Args:
        learning_rate: The rate.
        beta1: The decay of the mean of gradients.
        beta2: The decay of the mean of squared gradients.
        epsilon: Added to the divisor.
        use_locking: Without effect.
        name: The default name of what is added to the graph.
    """

    def __init__(
        self,
        learning_rate: Any = 0.001,
        beta1: Any = 0.9,
        beta2: Any = 0.999,
        epsilon: Any = 1e-8,
        use_locking: bool = False,
        name: str = "Adam",
        use_own_namescope_for_non_slot_vars: bool = False,
    ) -> None:
        super().__init__(use_locking, name, use_own_namescope_for_non_slot_vars)
        self._lr, self._epsilon = learning_rate, epsilon
        self._beta1, self._beta2 = beta1, beta2
        self._lr_t: Tensor | None = None
        self._beta1_t: Tensor | None = None
        self._beta2_t: Tensor | None = None
        self._epsilon_t: Tensor | None = None
        self._powers: list[Tensor] = []

    def _create_slots(self, var_list: Sequence[Variable]) -> None:
        first = min(var_list, key=lambda variable: variable.name)
        self._create_non_slot_variable(self._beta1, "beta1_power", first)
        self._create_non_slot_variable(self._beta2, "beta2_power", first)
        for variable in var_list:
            self._zeros_slot(variable, "m", self._name)
            self._zeros_slot(variable, "v", self._name)

    def _prepare(self) -> None:
        self._lr_t = parameter(self._lr, "learning_rate")
        self._beta1_t = parameter(self._beta1, "beta1")
        self._beta2_t = parameter(self._beta2, "beta2")
        self._epsilon_t = parameter(self._epsilon, "epsilon")
        self._powers = [convert_to_tensor(power) for power in self._get_beta_accumulators()]

    def _get_beta_accumulators(self) -> tuple[Variable, Variable]:
        graph = get_default_graph()
        return self._non_slots["beta1_power", graph], self._non_slots["beta2_power", graph]

    def _apply_dense(self, grad: Tensor, var: Variable) -> Operation:
        return self._moved(state.APPLY_ADAM, var, grad, use_nesterov=False)

    @adding
    def _apply_sparse(self, grad: IndexedSlices, var: Variable) -> Operation:
        return self._moved(scatter.SPARSE_ADAM, var, grad.values, grad.indices)

    # Any: attributes are of any type.
    def _moved(
        self, definition: Definition, variable: Variable, *gradient: Tensor, **attributes: Any
    ) -> Operation:
        parameters = (self._lr_t, self._beta1_t, self._beta2_t, self._epsilon_t)
        return step_of(
            definition,
            variable._ref(),
            self._zeros_slot(variable, "m", self._name)._ref(),
            self._zeros_slot(variable, "v", self._name)._ref(),
            *[typed(power, variable.dtype) for power in (*self._powers, *parameters)],
            *gradient,
            **attributes,
        )

    def _finish(self, update_ops: list[Any], name_scope: str) -> Any:
        done = list(update_ops)
        betas = (self._beta1_t, self._beta2_t)
        with get_default_graph().control_dependencies(update_ops):
            for cell, power, beta in zip(
                self._get_beta_accumulators(), self._powers, betas, strict=True
            ):
                assert beta is not None  # made by _prepare
                done.append(assign(cell, power * beta, name="Assign").op)
        return group(*done, name=name_scope)


__all__ = [
    "AdamOptimizer",
    "GradientDescentOptimizer",
    "MomentumOptimizer",
    "Optimizer",
]
