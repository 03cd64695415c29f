"""Optimizers that give each element of a variable a rate of its own."""

from collections.abc import Mapping, Sequence
from typing import Any

from runtime.graph.indexed_slices import IndexedSlices
from runtime.graph.operation import Operation
from runtime.graph.ops import adaptive
from runtime.graph.ops.adaptive import Algorithm
from runtime.graph.optimizers import Optimizer, parameter, step_of, typed
from runtime.graph.tensor import Tensor
from runtime.graph.variables import Variable

__all__ = ["AdadeltaOptimizer", "AdagradOptimizer", "FtrlOptimizer", "RMSPropOptimizer"]


class _Elementwise(Optimizer):
    """Base of the optimizers here.

    Args:
        name: The default name of what is added to the graph.
        use_locking: Without effect.
        algorithm: The operations.
        slots: What each slot begins with, by its name, in the order of the operations' inputs.
        parameters: The numbers, by their names, in the order of the operations' inputs.
    """

    # Any: parameters are numbers, tensors, or functions that give them.
    def __init__(
        self,
        name: str,
        use_locking: bool,
        algorithm: Algorithm,
        slots: Mapping[str, float],
        parameters: Mapping[str, Any],
    ) -> None:
        super().__init__(use_locking, name)
        self._algorithm = algorithm
        self._begins = slots
        self._given = parameters
        self._parameters: list[Tensor] = []

    def _create_slots(self, variables: Sequence[Variable]) -> None:
        for variable in variables:
            self._slots_of(variable)

    def _slots_of(self, variable: Variable) -> list[Variable]:
        begins = self._begins.items()
        return [self._slot(variable, name, self._name, begin) for name, begin in begins]

    def _prepare(self) -> None:
        self._parameters = [parameter(value, name) for name, value in self._given.items()]

    def _apply(self, gradient: Tensor, variable: Variable) -> Operation:
        return step_of(self._algorithm.whole, *self._inputs(variable), gradient)

    def _apply_sparse(self, gradient: IndexedSlices, variable: Variable) -> Operation:
        rows = (gradient.values, gradient.indices)
        return step_of(self._algorithm.rows, *self._inputs(variable), *rows)

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
        if initial_accumulator_value <= 0.0:
            raise ValueError(
                f"initial_accumulator_value must be positive: {initial_accumulator_value}"
            )
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
        l2_shrinkage_regularization_strength: Must be 0.

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
    ) -> None:
        _check_sign("initial_accumulator_value", initial_accumulator_value)
        _check_sign("l1_regularization_strength", l1_regularization_strength)
        _check_sign("l2_regularization_strength", l2_regularization_strength)
        if learning_rate_power > 0.0:
            raise ValueError(f"learning_rate_power must not be positive: {learning_rate_power}")
        if l2_shrinkage_regularization_strength:
            raise ValueError("l2_shrinkage_regularization_strength is not supported: give 0.")
        super().__init__(
            name,
            use_locking,
            adaptive.FTRL,
            {"accum": initial_accumulator_value, "linear": 0.0},
            {
                "learning_rate": learning_rate,
                "l1_regularization_strength": l1_regularization_strength,
                "l2_regularization_strength": l2_regularization_strength,
                "learning_rate_power": learning_rate_power,
            },
        )
        self._names = {"accum": accum_name, "linear": linear_name}

    def _slots_of(self, variable: Variable) -> list[Variable]:
        return [
            self._slot(variable, slot, self._names[slot] or self._name, begin)
            for slot, begin in self._begins.items()
        ]


def _check_sign(name: str, value: float) -> None:
    if value < 0.0:
        raise ValueError(f"{name} must not be negative: {value}")
