"""Variants of Adam, and weights that decay beside the gradient.

Source: the ``tf.contrib.opt`` documentation.
"""

from collections.abc import Sequence
from typing import Any

from runtime.graph.convert import convert_to_tensor
from runtime.graph.export import export, public
from runtime.graph.graph import control_dependencies
from runtime.graph.indexed_slices import IndexedSlices
from runtime.graph.operation import Operation
from runtime.graph.ops import state
from runtime.graph.ops.array import gather
from runtime.graph.ops.control_flow import group
from runtime.graph.ops.math import cast, sqrt, square
from runtime.graph.optimizers import AdamOptimizer, MomentumOptimizer, Optimizer
from runtime.graph.tensor import Tensor
from runtime.graph.variables import Variable, assign, assign_sub

scatter_add, scatter_sub, scatter_update = (
    public("", f"scatter_{change}") for change in ("add", "sub", "update")
)


class _SparseAdam(AdamOptimizer):
    """What changes of Adam for gradients of rows have in common."""

    def _numbers(self, var: Variable) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """The rate of this step, both decays, and what is added to the divisor."""
        first, second = (cast(power, var.dtype) for power in self._powers)
        given = (self._lr_t, self._beta1_t, self._beta2_t, self._epsilon_t)
        rate, beta1, beta2, epsilon = (cast(convert_to_tensor(v), var.dtype) for v in given)
        return rate * sqrt(1 - second) / (1 - first), beta1, beta2, epsilon


@export("contrib.opt.LazyAdamOptimizer")
class LazyAdamOptimizer(_SparseAdam):
    """Adam that leaves rows alone, their means as well, that have no gradient in a step.

    Args:
        learning_rate: The rate.
        beta1: The decay of the mean of gradients.
        beta2: The decay of the mean of squared gradients.
        epsilon: Added to the divisor.
        use_locking: Without effect.
        name: The default name of what is added to the graph.
    """

    def _apply_sparse(self, grad: IndexedSlices, var: Variable) -> Operation:
        rate, beta1, beta2, epsilon = self._numbers(var)
        m, v = (self._zeros_slot(var, name, self._name) for name in "mv")
        values, rows = grad.values, grad.indices
        mean = beta1 * gather(m, rows) + (1 - beta1) * values
        squares = beta2 * gather(v, rows) + (1 - beta2) * square(values)
        moved = scatter_sub(var, rows, rate * mean / (sqrt(squares) + epsilon))
        return group(moved, scatter_update(m, rows, mean), scatter_update(v, rows, squares))


@export("contrib.opt.NadamOptimizer")
class NadamOptimizer(_SparseAdam):
    """Adam with Nesterov's momentum.

    Source: Dozat, "Incorporating Nesterov Momentum into Adam" (2016).

    Args:
        learning_rate: The rate.
        beta1: The decay of the mean of gradients.
        beta2: The decay of the mean of squared gradients.
        epsilon: Added to the divisor.
        use_locking: Without effect.
        name: The default name of what is added to the graph.
    """

    def _apply_dense(self, grad: Tensor, var: Variable) -> Operation:
        return self._moved(state.APPLY_ADAM, var, grad, use_nesterov=True)

    def _apply_sparse(self, grad: IndexedSlices, var: Variable) -> Operation:
        rate, beta1, beta2, epsilon = self._numbers(var)
        m, v = (self._zeros_slot(var, name, self._name) for name in "mv")
        values, rows = grad.values, grad.indices
        faded_mean, faded_squares = assign(m, m * beta1), assign(v, v * beta2)
        with control_dependencies([faded_mean, faded_squares]):
            mean = scatter_add(m, rows, values * (1 - beta1))
            squares = scatter_add(v, rows, square(values) * (1 - beta2))
        ahead = values * (1 - beta1) + beta1 * gather(mean, rows)
        change = rate * ahead / (sqrt(gather(squares, rows)) + epsilon)
        return group(scatter_sub(var, rows, change), mean, squares)


@export("contrib.opt.DecoupledWeightDecayExtension")
class DecoupledWeightDecayExtension:
    """Lets weights decay in each step, beside what an optimizer does; to be inherited first.

    Source: Loshchilov and Hutter, "Decoupled Weight Decay Regularization" (2019).

    Args:
        weight_decay: What part of a weight is taken away in each step: a number, a tensor, or a
            function that gives one.
        **kwargs: The optimizer's arguments.
    """

    def __init__(self, weight_decay: Any, **kwargs: Any) -> None:
        self._weight_decay = weight_decay
        self._decayed: list[Any] | None = None
        super().__init__(**kwargs)

    def minimize(
        self,
        loss: Any,
        global_step: Any = None,
        var_list: Sequence[Any] | None = None,
        gate_gradients: int = Optimizer.GATE_OP,
        aggregation_method: Any = None,
        colocate_gradients_with_ops: bool = False,
        name: str | None = None,
        grad_loss: Any = None,
        decay_var_list: Sequence[Any] | None = None,
    ) -> Any:
        """Adds one step of training to the graph.

        Args:
            loss: The loss.
            global_step: What counts the steps.
            var_list: The variables; the trainable ones if None.
            gate_gradients: Without effect.
            aggregation_method: Without effect.
            colocate_gradients_with_ops: Without effect.
            name: Name of the operation.
            grad_loss: The gradient of what depends on the loss.
            decay_var_list: The variables that decay; all if None.

        Returns:
            The operation.
        """
        pairs = self.compute_gradients(  # type: ignore[attr-defined]  # of the optimizer
            loss, var_list, grad_loss=grad_loss
        )
        return self.apply_gradients(pairs, global_step, name, decay_var_list)

    def apply_gradients(
        self,
        grads_and_vars: Any,
        global_step: Any = None,
        name: str | None = None,
        decay_var_list: Sequence[Any] | None = None,
    ) -> Any:
        """Adds one step along given gradients to the graph.

        Args:
            grads_and_vars: Pairs of gradients and variables.
            global_step: What counts the steps.
            name: Name of the operation.
            decay_var_list: The variables that decay; all if None.

        Returns:
            The operation.
        """
        self._decayed = list(decay_var_list) if decay_var_list else None
        base: Any = super()
        return base.apply_gradients(grads_and_vars, global_step=global_step, name=name)

    def _decay(self, var: Any) -> Any:
        given = self._weight_decay() if callable(self._weight_decay) else self._weight_decay
        return cast(convert_to_tensor(given), var.dtype)

    def _wanted(self, var: Any) -> bool:
        return self._decayed is None or any(var is one for one in self._decayed)

    def _apply_dense(self, grad: Any, var: Any) -> Any:
        decayed = [assign_sub(var, self._decay(var) * var)] if self._wanted(var) else []
        base: Any = super()
        with control_dependencies(decayed):
            return base._apply_dense(grad, var)

    def _apply_sparse(self, grad: Any, var: Any) -> Any:
        decayed = []
        if self._wanted(var):
            rows = gather(var, grad.indices)
            decayed.append(scatter_sub(var, grad.indices, self._decay(var) * rows))
        base: Any = super()
        with control_dependencies(decayed):
            return base._apply_sparse(grad, var)


@export("contrib.opt.extend_with_decoupled_weight_decay")
def extend_with_decoupled_weight_decay(base_optimizer: type) -> type:
    """A class of optimizers whose weights decay.

    Args:
        base_optimizer: A class of optimizers.

    Returns:
        A class whose first argument is the part of a weight that is taken away in each step.
    """
    import inspect

    names = [name for name in inspect.signature(base_optimizer).parameters if name != "self"]

    class OptimizerWithDecoupledWeightDecay(DecoupledWeightDecayExtension, base_optimizer):  # type: ignore[misc]  # any optimizer
        """The optimizer, and a decay of the weights beside it."""

        def __init__(self, weight_decay: Any, *args: Any, **kwargs: Any) -> None:
            super().__init__(weight_decay, **dict(zip(names, args, strict=False)), **kwargs)

    return OptimizerWithDecoupledWeightDecay


@export("contrib.opt.MomentumWOptimizer")
class MomentumWOptimizer(DecoupledWeightDecayExtension, MomentumOptimizer):  # type: ignore[misc]  # takes one more argument
    """Momentum, and a decay of the weights beside it.

    Args:
        weight_decay: What part of a weight is taken away in each step.
        learning_rate: The rate.
        momentum: The decay of the sum of gradients.
        use_locking: Without effect.
        name: The default name of what is added to the graph.
        use_nesterov: Whether the momentum is Nesterov's.
    """

    def __init__(
        self,
        weight_decay: Any,
        learning_rate: Any,
        momentum: Any,
        use_locking: bool = False,
        name: str = "MomentumW",
        use_nesterov: bool = False,
    ) -> None:
        super().__init__(
            weight_decay,
            learning_rate=learning_rate,
            momentum=momentum,
            use_locking=use_locking,
            name=name,
            use_nesterov=use_nesterov,
        )


@export("contrib.opt.AdamWOptimizer")
class AdamWOptimizer(DecoupledWeightDecayExtension, AdamOptimizer):  # type: ignore[misc]  # takes one more argument
    """Adam, and a decay of the weights beside it.

    Args:
        weight_decay: What part of a weight is taken away in each step.
        learning_rate: The rate.
        beta1: The decay of the mean of gradients.
        beta2: The decay of the mean of squared gradients.
        epsilon: Added to the divisor.
        use_locking: Without effect.
        name: The default name of what is added to the graph.
    """

    def __init__(
        self,
        weight_decay: Any,
        learning_rate: Any = 0.001,
        beta1: Any = 0.9,
        beta2: Any = 0.999,
        epsilon: Any = 1e-8,
        use_locking: bool = False,
        name: str = "AdamW",
    ) -> None:
        super().__init__(
            weight_decay,
            learning_rate=learning_rate,
            beta1=beta1,
            beta2=beta2,
            epsilon=epsilon,
            use_locking=use_locking,
            name=name,
        )
