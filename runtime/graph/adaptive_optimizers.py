"""Optimizers that give each element of a variable a rate of its own."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from runtime.graph.convert import convert_to_tensor
from runtime.graph.indexed_slices import IndexedSlices
from runtime.graph.operation import Operation
from runtime.graph.ops import adaptive
from runtime.graph.ops.adaptive import Algorithm
from runtime.graph.optimizers import Optimizer, adding, parameter, step_of, typed
from runtime.graph.tensor import Tensor
from runtime.graph.variables import Variable

__all__ = [
    "AdadeltaOptimizer",
    "AdagradDAOptimizer",
    "AdagradOptimizer",
    "FtrlOptimizer",
    "ProximalAdagradOptimizer",
    "ProximalGradientDescentOptimizer",
    "RMSPropOptimizer",
]


class _Elementwise(Optimizer):
    """Base of the optimizers here.

    Args:
        name: The default name of what is added to the graph.
        use_locking: Without effect.
        algorithm: The operations.
        slots: What each slot begins with, by its name, in the order of the operations' inputs.
        parameters: The numbers, by their names, in the order of the operations' inputs.
        names: What the names of slots end with, where it is not the optimizer's name.
    """

    # Any: parameters are numbers, tensors, or functions that give them.
    def __init__(
        self,
        name: str,
        use_locking: bool,
        algorithm: Algorithm,
        slots: Mapping[str, float],
        parameters: Mapping[str, Any],
        names: Mapping[str, str | None] = MappingProxyType({}),
    ) -> None:
        super().__init__(use_locking, name)
        self._algorithm = algorithm
        self._begins = slots
        self._given = parameters
        self._learning_rate = next(iter(parameters.values()))
        self._names = names
        self._parameters: list[Tensor] = []

    def _create_slots(self, var_list: Sequence[Variable]) -> None:
        for variable in var_list:
            self._slots_of(variable)

    def _slots_of(self, variable: Variable) -> list[Variable]:
        return [
            self._filled_slot(variable, slot, self._names.get(slot) or self._name, begin)
            for slot, begin in self._begins.items()
        ]

    def _prepare(self) -> None:
        self._parameters = [parameter(value, name) for name, value in self._given.items()]

    def _apply_dense(self, grad: Tensor, var: Variable) -> Operation:
        return step_of(self._algorithm.whole, *self._inputs(var), grad)

    @adding
    def _apply_sparse(self, grad: IndexedSlices, var: Variable) -> Operation:
        rows = (grad.values, grad.indices)
        return step_of(self._algorithm.rows, *self._inputs(var), *rows)

    def _inputs(self, variable: Variable) -> list[Tensor]:
        cells = [variable, *self._slots_of(variable)]
        numbers = [typed(tensor, variable.dtype) for tensor in self._parameters]
        return [*[cell._ref() for cell in cells], *numbers]


class AdagradOptimizer(_Elementwise):
    """The Adagrad algorithm (Duchi et al., 2011).

    Source: the ``tf.compat.v1.train.AdagradOptimizer`` documentation.

    Args:
        learning_rate: The rate: a number, a tensor, or a function that gives one.
        initial_accumulator_value: What the sums of squared gradients begin with; positive.
        use_locking: Without effect.
        name: The default name of what is added to the graph.

    Raises:
        ValueError: If the sums don't begin above 0.
    """

    def __init__(
        self,
        learning_rate: Any,
        initial_accumulator_value: float = 0.1,
        use_locking: bool = False,
        name: str = "Adagrad",
    ) -> None:
        _check_positive("initial_accumulator_value", initial_accumulator_value)
        super().__init__(
            name,
            use_locking,
            adaptive.ADAGRAD,
            {"accumulator": initial_accumulator_value},
            {"learning_rate": learning_rate},
        )


class AdadeltaOptimizer(_Elementwise):
    """The Adadelta algorithm (Zeiler, 2012).

    Source: the ``tf.compat.v1.train.AdadeltaOptimizer`` documentation.

    Args:
        learning_rate: The rate: a number, a tensor, or a function that gives one.
        rho: How much is kept of the means of squares.
        epsilon: Added to the means of squares.
        use_locking: Without effect.
        name: The default name of what is added to the graph.
    """

    def __init__(
        self,
        learning_rate: Any = 0.001,
        rho: Any = 0.95,
        epsilon: Any = 1e-8,
        use_locking: bool = False,
        name: str = "Adadelta",
    ) -> None:
        super().__init__(
            name,
            use_locking,
            adaptive.ADADELTA,
            {"accum": 0.0, "accum_update": 0.0},
            {"lr": learning_rate, "rho": rho, "epsilon": epsilon},
        )


class RMSPropOptimizer(_Elementwise):
    """The RMSProp algorithm (Tieleman and Hinton, 2012).

    Source: the ``tf.compat.v1.train.RMSPropOptimizer`` documentation.

    Args:
        learning_rate: The rate: a number, a tensor, or a function that gives one.
        decay: How much is kept of the mean of squared gradients.
        momentum: How much is kept of the last change.
        epsilon: Added under the root.
        use_locking: Without effect.
        centered: Whether the gradients' mean is subtracted, so that it is their variance.
        name: The default name of what is added to the graph.
    """

    def __init__(
        self,
        learning_rate: Any,
        decay: Any = 0.9,
        momentum: Any = 0.0,
        epsilon: Any = 1e-10,
        use_locking: bool = False,
        centered: bool = False,
        name: str = "RMSProp",
    ) -> None:
        mean = {"mg": 0.0} if centered else {}
        super().__init__(
            name,
            use_locking,
            adaptive.CENTERED_RMS_PROP if centered else adaptive.RMS_PROP,
            {"rms": 1.0, **mean, "momentum": 0.0},
            {
                "learning_rate": learning_rate,
                "decay": decay,
                "momentum": momentum,
                "epsilon": epsilon,
            },
        )


class FtrlOptimizer(_Elementwise):
    """The FTRL-Proximal algorithm (McMahan et al., 2013), which makes weights sparse.

    Source: the ``tf.compat.v1.train.FtrlOptimizer`` documentation.

    Args:
        learning_rate: The rate: a number, a tensor, or a function that gives one.
        learning_rate_power: The exponent of the sums of squared gradients; not positive.
        initial_accumulator_value: What these sums begin with; not negative.
        l1_regularization_strength: The strength of L1; not negative.
        l2_regularization_strength: The strength of L2; not negative.
        use_locking: Without effect.
        name: The default name of what is added to the graph.
        accum_name: Name of the slot with the sums of squares.
        linear_name: Name of the other slot.
        l2_shrinkage_regularization_strength: The strength of an L2 that shrinks weights alone,
            and not the sums of squares; not negative.
        beta: Added to the roots of the sums of squares; 0 if None.

    Raises:
        ValueError: If a number is out of its range.
    """

    def __init__(
        self,
        learning_rate: Any,
        learning_rate_power: float = -0.5,
        initial_accumulator_value: float = 0.1,
        l1_regularization_strength: float = 0.0,
        l2_regularization_strength: float = 0.0,
        use_locking: bool = False,
        name: str = "Ftrl",
        accum_name: str | None = None,
        linear_name: str | None = None,
        l2_shrinkage_regularization_strength: float = 0.0,
        beta: float | None = None,
    ) -> None:
        _check_sign("initial_accumulator_value", initial_accumulator_value)
        _check_sign("l1_regularization_strength", l1_regularization_strength)
        _check_sign("l2_regularization_strength", l2_regularization_strength)
        _check_sign("l2_shrinkage_regularization_strength", l2_shrinkage_regularization_strength)
        if learning_rate_power > 0.0:
            raise ValueError(
                f"learning_rate_power {learning_rate_power} needs to be negative or zero"
            )
        super().__init__(
            name,
            use_locking,
            adaptive.FTRL,
            {"accum": initial_accumulator_value, "linear": 0.0},
            {
                "learning_rate": learning_rate,
                "l1_regularization_strength": l1_regularization_strength,
                "l2_regularization_strength": l2_regularization_strength,
                "l2_shrinkage_regularization_strength": l2_shrinkage_regularization_strength,
                "beta": beta or 0.0,
                "learning_rate_power": learning_rate_power,
            },
            {"accum": accum_name, "linear": linear_name},
        )


class AdagradDAOptimizer(_Elementwise):
    """Adagrad with dual averaging (Duchi et al., 2011), for sparse linear models.

    Source: the ``tf.compat.v1.train.AdagradDAOptimizer`` documentation.

    Args:
        learning_rate: The rate: a number, a tensor, or a function that gives one.
        global_step: The number of the step, from 0.
        initial_gradient_squared_accumulator_value: What the sums of squared gradients begin with;
            positive.
        l1_regularization_strength: The strength of L1.
        l2_regularization_strength: The strength of L2.
        use_locking: Without effect.
        name: The default name of what is added to the graph.

    Raises:
        ValueError: If the sums don't begin above 0.
    """

    def __init__(
        self,
        learning_rate: Any,
        global_step: Any,
        initial_gradient_squared_accumulator_value: float = 0.1,
        l1_regularization_strength: float = 0.0,
        l2_regularization_strength: float = 0.0,
        use_locking: bool = False,
        name: str = "AdagradDA",
    ) -> None:
        begin = initial_gradient_squared_accumulator_value
        _check_positive("initial_gradient_squared_accumulator_value", begin)
        super().__init__(
            name,
            use_locking,
            adaptive.ADAGRAD_DA,
            {"gradient_accumulator": 0.0, "gradient_squared_accumulator": begin},
            {
                "learning_rate": learning_rate,
                "l1_regularization_strength": l1_regularization_strength,
                "l2_regularization_strength": l2_regularization_strength,
                "global_step": lambda: convert_to_tensor(global_step) + 1,
            },
        )


class ProximalGradientDescentOptimizer(_Elementwise):
    """Gradient descent whose step ends with the proximal operator (Duchi, Singer, 2009).

    Source: the ``tf.compat.v1.train.ProximalGradientDescentOptimizer`` documentation.

    Args:
        learning_rate: The rate: a number, a tensor, or a function that gives one.
        l1_regularization_strength: The strength of L1.
        l2_regularization_strength: The strength of L2.
        use_locking: Without effect.
        name: The default name of what is added to the graph.
    """

    def __init__(
        self,
        learning_rate: Any,
        l1_regularization_strength: float = 0.0,
        l2_regularization_strength: float = 0.0,
        use_locking: bool = False,
        name: str = "ProximalGradientDescent",
    ) -> None:
        super().__init__(
            name,
            use_locking,
            adaptive.PROXIMAL_DESCENT,
            {},
            {
                "learning_rate": learning_rate,
                "l1_regularization_strength": l1_regularization_strength,
                "l2_regularization_strength": l2_regularization_strength,
            },
        )


class ProximalAdagradOptimizer(_Elementwise):
    """Adagrad whose step ends with the proximal operator (Duchi, Singer, 2009).

    Source: the ``tf.compat.v1.train.ProximalAdagradOptimizer`` documentation.

    Args:
        learning_rate: The rate: a number, a tensor, or a function that gives one.
        initial_accumulator_value: What the sums of squared gradients begin with; positive.
        l1_regularization_strength: The strength of L1.
        l2_regularization_strength: The strength of L2.
        use_locking: Without effect.
        name: The default name of what is added to the graph.

    Raises:
        ValueError: If the sums don't begin above 0.
    """

    def __init__(
        self,
        learning_rate: Any,
        initial_accumulator_value: float = 0.1,
        l1_regularization_strength: float = 0.0,
        l2_regularization_strength: float = 0.0,
        use_locking: bool = False,
        name: str = "ProximalAdagrad",
    ) -> None:
        _check_positive("initial_accumulator_value", initial_accumulator_value)
        super().__init__(
            name,
            use_locking,
            adaptive.PROXIMAL_ADAGRAD,
            {"accumulator": initial_accumulator_value},
            {
                "learning_rate": learning_rate,
                "l1_regularization_strength": l1_regularization_strength,
                "l2_regularization_strength": l2_regularization_strength,
            },
        )


def _check_sign(name: str, value: float) -> None:
    if value < 0.0:
        raise ValueError(f"{name} {value} needs to be positive or zero")


def _check_positive(name: str, value: float) -> None:
    if value <= 0.0:
        raise ValueError(f"{name} must be positive: {value}")
