"""Moving averages of variables and tensors.

Source of the rules: the ``tf.compat.v1.train.ExponentialMovingAverage`` documentation.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from runtime.graph.convert import TensorLike, constant, convert_to_tensor
from runtime.graph.graph import get_default_graph
from runtime.graph.keys import GraphKeys
from runtime.graph.operation import Operation
from runtime.graph.ops.array import zeros
from runtime.graph.ops.control_flow import group
from runtime.graph.ops.math import cast, minimum
from runtime.graph.optimizers import beside
from runtime.graph.shapes import fully_known
from runtime.graph.tensor import Tensor
from runtime.graph.variables import (
    Variable,
    assign,
    assign_add,
    assign_sub,
    global_variables,
    moving_average_variables,
    trainable_variables,
)

__all__ = ["ExponentialMovingAverage"]


class ExponentialMovingAverage:
    """Keeps averages in which the past counts less and less.

    Each run of what `apply` returns makes an average ``decay * average + (1 - decay) * value``.

    Source: the ``tf.compat.v1.train.ExponentialMovingAverage`` documentation.

    Args:
        decay: How much of the average is kept: a number or scalar, close to 1.
        num_updates: The number of updates so far, if the average is to follow faster in the
            beginning: then at most ``(1 + num_updates) / (10 + num_updates)`` is kept.
        zero_debias: Whether averages of tensors, which begin with 0, are corrected for that.
        name: What the names of averages end with.
    """

    def __init__(
        self,
        decay: TensorLike,
        num_updates: Any = None,
        zero_debias: bool = False,
        name: str = "ExponentialMovingAverage",
    ) -> None:
        self._decay = decay
        self._num_updates = num_updates
        self._zero_debias = zero_debias
        self._name = name
        self._averages: dict[Any, Variable] = {}

    @property
    def name(self) -> str:
        """What the names of averages end with."""
        return self._name

    def apply(self, var_list: Sequence[Any] | None = None) -> Operation:
        """Makes averages, and an operation that updates them.

        An average of a variable begins with the variable's initial value, one of a tensor with 0.

        Args:
            var_list: Variables and tensors of floating-point types; all trainable variables if
                None.

        Returns:
            The operation.

        Raises:
            TypeError: If a type is no floating-point type.
        """
        values = list(trainable_variables() if var_list is None else var_list)
        graph = get_default_graph()
        for value in values:
            self._check(value)
        with graph.control_dependencies(None):
            for value in values:
                if value not in self._averages:
                    self._averages[value] = self._made(value)
        with graph.name_scope(self._name) as scope:
            decay = self._current_decay()
            updates = [self._update(value, decay) for value in values]
            return group(*updates, name=scope)

    def _check(self, value: Any) -> None:
        if not value.dtype.is_floating:
            raise TypeError(
                f"The variables must be half, float, or double: {value.name} is {value.dtype.name}."
            )

    def _made(self, value: Any) -> Variable:
        if not isinstance(value, Variable):
            return beside(value, _zeros(value), self._name)
        get_default_graph().add_to_collection(GraphKeys.MOVING_AVERAGE_VARIABLES, value)
        return beside(value, value.initialized_value(), self._name)

    def _current_decay(self) -> Tensor:
        decay = convert_to_tensor(self._decay, name="decay")
        if self._num_updates is None:
            return decay
        done = cast(convert_to_tensor(self._num_updates, name="num_updates"), decay.dtype)
        one, ten = constant(1.0, decay.dtype), constant(10.0, decay.dtype)
        return minimum(decay, (one + done) / (ten + done))

    def _update(self, value: Any, decay: Tensor) -> Operation:
        average = self._averages[value]
        kept = cast(decay, average.dtype)
        current = convert_to_tensor(value)  # what it is after the control dependencies
        if self._zero_debias and not isinstance(value, Variable):
            return _debiased(average, current, kept)
        lost = (convert_to_tensor(average) - current) * (constant(1.0, average.dtype) - kept)
        return assign_sub(average, lost, name="AssignMovingAvg").op

    def average(self, var: Any) -> Variable | None:
        """The average of a variable or tensor.

        Args:
            var: What `apply` was given.

        Returns:
            The variable that holds the average; None if there is none.
        """
        return self._averages.get(var)

    def average_name(self, var: Any) -> str:
        """The name of the average, in the graph and in checkpoints, also of one not made yet.

        Args:
            var: A variable or tensor.

        Returns:
            The name.
        """
        found = self._averages.get(var)
        return f"{var.op.name}/{self._name}" if found is None else found.op.name

    def variables_to_restore(
        self, moving_avg_variables: Iterable[Any] | None = None
    ) -> dict[str, Any]:
        """What a `Saver` must be given so that variables are restored from their averages.

        Args:
            moving_avg_variables: The variables that have averages in the checkpoint; all trainable
                ones and those that `apply` was given if None.

        Returns:
            All global variables by the name to restore from.
        """
        averaged = (
            [*trainable_variables(), *moving_average_variables()]
            if moving_avg_variables is None
            else list(moving_avg_variables)
        )
        found = {self.average_name(variable): variable for variable in averaged}
        names = {variable.op.name for variable in averaged}
        for variable in global_variables():
            if variable.op.name not in names:
                found.setdefault(variable.op.name, variable)
        return found


def _zeros(like: Any) -> Callable[[], Tensor]:
    if not fully_known(like.dims):
        raise ValueError(
            f"The shape of {like.name!r} must be known for its moving average, but it is "
            f"{like.shape}. Use set_shape, or average what is made of it."
        )
    shape, dtype = list(like.dims or ()), like.dtype
    return lambda: zeros(shape, dtype)


def _debiased(average: Variable, value: Tensor, kept: Tensor) -> Operation:
    """Sets an average to what it would be had it not begun with 0."""
    graph, name = average.graph, average.op.name
    one = constant(1.0, average.dtype)
    with graph.control_dependencies(None), graph.name_scope(None):
        biased = Variable(_zeros(value), trainable=False, name=f"{name}/biased")
        steps = Variable(
            lambda: zeros([], average.dtype), trainable=False, name=f"{name}/local_step"
        )
    new = assign_sub(biased, (convert_to_tensor(biased) - value) * (one - kept))
    count = assign_add(steps, one)
    return assign(average, new / (one - kept**count), name="AssignMovingAvg").op
