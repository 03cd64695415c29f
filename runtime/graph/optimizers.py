"""Optimizers: operations that change variables along gradients."""

from collections.abc import Callable, Sequence
from typing import Any

from runtime.graph.convert import TensorLike, constant, convert_to_tensor
from runtime.graph.definition import Definition
from runtime.graph.dtypes import DType
from runtime.graph.gradients import gradients
from runtime.graph.graph import Graph, get_default_graph
from runtime.graph.indexed_slices import IndexedSlices
from runtime.graph.keys import GraphKeys
from runtime.graph.operation import Operation
from runtime.graph.ops import scatter, state
from runtime.graph.ops.array import fill, zeros
from runtime.graph.ops.control_flow import group
from runtime.graph.ops.math import cast
from runtime.graph.shapes import fully_known
from runtime.graph.tensor import Tensor
from runtime.graph.variables import Variable, assign, assign_add, trainable_variables

Pairs = list[tuple[Tensor | None, Any]]


class Optimizer:
    """Base of the optimizers.

    Source: the ``tf.compat.v1.train.Optimizer`` documentation.

    Args:
        use_locking: Without effect.
        name: The default name of what is added to the graph.

    Raises:
        ValueError: If there is no name.
    """

    GATE_NONE = 0
    GATE_OP = 1
    GATE_GRAPH = 2

    def __init__(self, use_locking: bool, name: str) -> None:
        if not name:
            raise ValueError("Must specify the optimizer name")
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
                f"No gradients provided for any variable: the loss {loss!r} does not depend "
                f"on any of {names}."
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
            var_list: The variables; all trainable ones if None.
            gate_gradients: Without effect.
            aggregation_method: Without effect.
            colocate_gradients_with_ops: Without effect.
            grad_loss: What the gradient of the loss begins with; ones if None.

        Returns:
            Pairs of a gradient (None if the loss does not depend on the variable) and variable.

        Raises:
            TypeError: If something to differentiate by is no variable.
            ValueError: If there are no variables.
        """
        if callable(loss) and not isinstance(loss, Tensor):
            loss = loss()
        variables = list(trainable_variables() if var_list is None else _flat(var_list))
        if not variables:
            raise ValueError("No variables to optimize.")
        for variable in variables:
            if not isinstance(variable, Variable):
                raise TypeError(f"Argument is not a tf.Variable: {variable!r}")
        found = gradients(loss, variables, None if grad_loss is None else [grad_loss])
        return list(zip(found, variables, strict=True))

    def apply_gradients(
        self, grads_and_vars: Any, global_step: Any = None, name: str | None = None
    ) -> Operation:
        """Adds one step along given gradients to the graph.

        Args:
            grads_and_vars: Pairs of a gradient (or None) and a variable.
            global_step: A variable that counts the steps.
            name: Name of the operation.

        Returns:
            The operation that carries out one step.

        Raises:
            ValueError: If there is no gradient.
        """
        pairs = tuple(grads_and_vars)
        if not pairs:
            raise ValueError("No variables provided.")
        used = [(_slope(g), v) for g, v in pairs if g is not None]
        if not used:
            names = [variable.name for _, variable in pairs]
            raise ValueError(f"No gradients provided for any variable: {names}.")
        graph = used[0][1].graph
        with graph.as_default(), graph.control_dependencies(None):
            self._create_slots([variable for _, variable in used])
        with graph.as_default(), graph.name_scope(name or self._name) as scope:
            self._prepare()
            updates = [self._update(gradient, variable) for gradient, variable in used]
            step = self._counted(self._finish(updates, scope), global_step, scope)
        train_ops = graph.get_collection_ref(GraphKeys.TRAIN_OP)
        if step not in train_ops:
            train_ops.append(step)
        return step

    def _update(self, gradient: Tensor | IndexedSlices, variable: Variable) -> Operation:
        graph = variable.graph
        with graph.name_scope(f"update_{variable.op.name}"):
            if isinstance(gradient, IndexedSlices):
                update = self._apply_sparse(gradient, variable)
            else:
                update = self._apply(gradient, variable)
            if variable.constraint is None:
                return update
            with graph.control_dependencies([update]):
                return assign(variable, variable.constraint(variable.read_value())).op

    def _counted(self, updates: list[Operation], global_step: Any, scope: str) -> Operation:
        if global_step is None:
            return group(*updates, name=scope)
        with get_default_graph().control_dependencies([group(*updates, name="update")]):
            return assign_add(global_step, convert_to_tensor(1, global_step.dtype), name=scope).op

    def _finish(self, updates: list[Operation], scope: str) -> list[Operation]:
        """Adds what has to be done after all variables were changed."""
        return updates

    def _prepare(self) -> None:
        """Makes tensors of the parameters."""

    def _create_slots(self, variables: Sequence[Variable]) -> None:
        """Makes the variables that the optimizer itself needs."""

    def _apply(self, gradient: Tensor, variable: Variable) -> Operation:
        raise NotImplementedError(f"{type(self).__name__} does not say how to change a variable.")

    def _apply_sparse(self, gradient: IndexedSlices, variable: Variable) -> Operation:
        """Changes a variable along a gradient of some rows; as a whole, unless a class can more."""
        return self._apply(convert_to_tensor(gradient), variable)

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
        return self._slots.get(name, {}).get(var)

    def variables(self) -> list[Variable]:
        """The variables of the optimizer in the default graph.

        Returns:
            A list in the order of their names.
        """
        graph = get_default_graph()
        own = [v for (_, where), v in self._non_slots.items() if where is graph]
        slots = [v for named in self._slots.values() for v in named.values() if v.graph is graph]
        return sorted([*own, *slots], key=lambda variable: variable.name)

    def _slot(
        self, variable: Variable, slot_name: str, op_name: str, begin: float = 0.0
    ) -> Variable:
        named = self._slots.setdefault(slot_name, {})
        if variable not in named:
            named[variable] = _slot_like(variable, op_name, begin)
        return named[variable]

    def _own_variable(self, name: str, initial: Any, graph: Graph) -> Variable:
        key = (name, graph)
        if key not in self._non_slots:
            with graph.name_scope(None):
                self._non_slots[key] = Variable(initial, trainable=False, name=name)
        return self._non_slots[key]


def _slope(gradient: Any) -> Tensor | IndexedSlices:
    return gradient if isinstance(gradient, IndexedSlices) else convert_to_tensor(gradient)


def _flat(variables: Any) -> list[Any]:
    flat: list[Any] = []
    for item in variables if isinstance(variables, (list, tuple)) else [variables]:
        flat.extend(_flat(item) if isinstance(item, (list, tuple)) else [item])
    return flat


def _slot_like(variable: Variable, op_name: str, begin: float) -> Variable:
    """A variable filled with one number, named after another one: ``w/Adam``."""
    tensor = variable._ref()
    with variable.graph.name_scope(None):
        shape = list(tensor.dims or ()) if fully_known(tensor.dims) else None
        initial: Any = (
            (lambda: _filled(shape, begin, variable.dtype))
            if shape is not None
            else variable.initialized_value() * 0 + begin
        )
        return Variable(
            initial,
            trainable=False,
            name=f"{variable.op.name}/{op_name}",
            validate_shape=shape is not None,
        )


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
        self._rate: Tensor | None = None

    def _prepare(self) -> None:
        self._rate = parameter(self._learning_rate, "learning_rate")

    def _apply(self, gradient: Tensor, variable: Variable) -> Operation:
        rate = typed(self._rate, variable.dtype)
        return step_of(state.APPLY_DESCENT, variable._ref(), rate, gradient)

    def _apply_sparse(self, gradient: IndexedSlices, variable: Variable) -> Operation:
        rate = typed(self._rate, variable.dtype)
        rows = (gradient.values, gradient.indices)
        return step_of(scatter.SPARSE_DESCENT, variable._ref(), rate, *rows)


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
        self._rate: Tensor | None = None
        self._kept: Tensor | None = None

    def _create_slots(self, variables: Sequence[Variable]) -> None:
        for variable in variables:
            self._slot(variable, "momentum", self._name)

    def _prepare(self) -> None:
        self._rate = parameter(self._learning_rate, "learning_rate")
        self._kept = parameter(self._momentum, "momentum")

    def _apply(self, gradient: Tensor, variable: Variable) -> Operation:
        return self._moved(state.APPLY_MOMENTUM, variable, gradient)

    def _apply_sparse(self, gradient: IndexedSlices, variable: Variable) -> Operation:
        rows = (gradient.values, gradient.indices)
        return self._moved(scatter.SPARSE_MOMENTUM, variable, *rows)

    def _moved(self, definition: Definition, variable: Variable, *gradient: Tensor) -> Operation:
        return step_of(
            definition,
            variable._ref(),
            self._slot(variable, "momentum", self._name)._ref(),
            typed(self._rate, variable.dtype),
            typed(self._kept, variable.dtype),
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
    ) -> None:
        super().__init__(use_locking, name)
        self._learning_rate, self._epsilon = learning_rate, epsilon
        self._beta1, self._beta2 = beta1, beta2
        self._parameters: dict[str, Tensor] = {}

    def _create_slots(self, variables: Sequence[Variable]) -> None:
        graph = min(variables, key=lambda variable: variable.name).graph
        self._own_variable("beta1_power", self._beta1, graph)
        self._own_variable("beta2_power", self._beta2, graph)
        for variable in variables:
            self._slot(variable, "m", self._name)
            self._slot(variable, "v", self._name)

    def _prepare(self) -> None:
        given = {
            "learning_rate": self._learning_rate,
            "beta1": self._beta1,
            "beta2": self._beta2,
            "epsilon": self._epsilon,
        }
        self._parameters = {name: parameter(value, name) for name, value in given.items()}

    def _get_beta_accumulators(self) -> tuple[Variable, Variable]:
        graph = get_default_graph()
        return self._non_slots["beta1_power", graph], self._non_slots["beta2_power", graph]

    def _apply(self, gradient: Tensor, variable: Variable) -> Operation:
        return self._moved(state.APPLY_ADAM, variable, gradient, use_nesterov=False)

    def _apply_sparse(self, gradient: IndexedSlices, variable: Variable) -> Operation:
        rows = (gradient.values, gradient.indices)
        return self._moved(scatter.SPARSE_ADAM, variable, *rows)

    # Any: attributes are of any type.
    def _moved(
        self, definition: Definition, variable: Variable, *gradient: Tensor, **attributes: Any
    ) -> Operation:
        powers = [power.value() for power in self._get_beta_accumulators()]
        return step_of(
            definition,
            variable._ref(),
            self._slot(variable, "m", self._name)._ref(),
            self._slot(variable, "v", self._name)._ref(),
            *[typed(power, variable.dtype) for power in powers],
            *[typed(parameter, variable.dtype) for parameter in self._parameters.values()],
            *gradient,
            **attributes,
        )

    def _finish(self, updates: list[Operation], scope: str) -> list[Operation]:
        graph = get_default_graph()
        betas = (self._parameters["beta1"], self._parameters["beta2"])
        done = list(updates)
        with graph.control_dependencies(updates):
            for power, beta in zip(self._get_beta_accumulators(), betas, strict=True):
                product = power.value() * beta
                done.append(assign(power, product, name="Assign").op)
        return done


__all__ = [
    "AdamOptimizer",
    "GradientDescentOptimizer",
    "MomentumOptimizer",
    "Optimizer",
]
