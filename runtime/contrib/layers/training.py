"""`optimize_loss`: a loss, an optimizer and what belongs around them in one call.

Source: the ``tf.contrib.layers.optimize_loss`` documentation.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from operator import mul
from typing import Any, Final

from runtime.contrib.training.steps import changed
from runtime.global_step import assert_global_step, get_global_step
from runtime.graph.adaptive_optimizers import AdagradOptimizer, FtrlOptimizer, RMSPropOptimizer
from runtime.graph.convert import convert_to_tensor
from runtime.graph.export import export
from runtime.graph.graph import control_dependencies, get_default_graph
from runtime.graph.initializers import Constant
from runtime.graph.keys import GraphKeys
from runtime.graph.ops.array import identity, shape
from runtime.graph.ops.norms import clip_by_global_norm, global_norm
from runtime.graph.ops.random import truncated_normal
from runtime.graph.optimizers import (
    AdamOptimizer,
    GradientDescentOptimizer,
    MomentumOptimizer,
    Optimizer,
)
from runtime.graph.scopes import get_variable, variable_scope
from runtime.graph.tensor import Tensor
from runtime.graph.variables import trainable_variables

Pairs = list[tuple[Any, Any]]

OPTIMIZER_CLS_NAMES: Final[Mapping[str, Callable[..., Optimizer]]] = {
    "Adagrad": AdagradOptimizer,
    "Adam": AdamOptimizer,
    "Ftrl": FtrlOptimizer,
    "Momentum": lambda learning_rate: MomentumOptimizer(learning_rate, momentum=0.9),
    "RMSProp": RMSPropOptimizer,
    "SGD": GradientDescentOptimizer,
}
OPTIMIZER_SUMMARIES: Final = [
    *("learning_rate", "loss", "gradients", "gradient_norm", "global_gradient_norm")
]


@export("contrib.layers.optimize_loss", "contrib.slim.optimize_loss")
def optimize_loss(
    loss: Tensor,
    global_step: Any,
    learning_rate: Any,
    optimizer: Any,
    gradient_noise_scale: float | None = None,
    gradient_multipliers: Mapping[Any, Any] | None = None,
    clip_gradients: Any = None,
    learning_rate_decay_fn: Callable[[Any, Any], Any] | None = None,
    update_ops: Sequence[Any] | None = None,
    variables: Sequence[Any] | None = None,
    name: str | None = None,
    summaries: Sequence[str] | None = None,
    colocate_gradients_with_ops: bool = False,
    increment_global_step: bool = True,
) -> Tensor:
    """A tensor whose evaluation makes a step of training and gives the loss.

    Args:
        loss: A scalar.
        global_step: What counts the steps; the graph's own, if there is one, if None.
        learning_rate: A float or a scalar tensor; None if the optimizer has one.
        optimizer: A name (``"Adam"``, ``"SGD"``, ``"Adagrad"``, ``"Ftrl"``, ``"Momentum"``,
            ``"RMSProp"``), a class, an optimizer, or a function of the learning rate.
        gradient_noise_scale: The factor of noise that is added to gradients; None for none.
        gradient_multipliers: Factors of gradients by variables or their names.
        clip_gradients: The greatest length of all gradients together; or a function of the pairs
            of gradients and variables that gives such pairs.
        learning_rate_decay_fn: A function of the learning rate and the step.
        update_ops: The updates that come first; those of UPDATE_OPS if None.
        variables: The variables; the trainable ones if None.
        name: Name of the scope.
        summaries: Of what summaries are added: ``"learning_rate"``, ``"loss"``, ``"gradients"``,
            ``"gradient_norm"``, ``"global_gradient_norm"``; the loss, the learning rate and the
            global norm if None.
        colocate_gradients_with_ops: Without effect.
        increment_global_step: Whether the step is counted.

    Returns:
        The loss, before the step.

    Raises:
        ValueError: If an argument is none of what it may be.
    """
    loss = convert_to_tensor(loss)
    if loss.dims not in (None, ()):
        raise ValueError(f"Expected a scalar loss, but {loss.name!r} has shape {loss.shape}.")
    step = get_global_step() if global_step is None else global_step
    if step is not None:
        assert_global_step(step)
    wanted = _wanted(summaries)
    with variable_scope(name, "OptimizeLoss"):
        updates = update_ops
        if updates is None:
            updates = get_default_graph().get_collection(GraphKeys.UPDATE_OPS)
        if updates:
            with control_dependencies(list(dict.fromkeys(updates))):
                loss = identity(loss)
        rate = _rate(learning_rate, learning_rate_decay_fn, step, wanted)
        chosen = _optimizer(optimizer, rate)
        pairs = chosen.compute_gradients(loss, variables or trainable_variables())
        pairs = _adapted(pairs, gradient_noise_scale, gradient_multipliers)
        _norm_summary("global_norm/gradient_norm", pairs, wanted)
        pairs = _clipped(pairs, clip_gradients)
        if "loss" in wanted:
            _summarized("loss", loss)
        _gradient_summaries(pairs, wanted)
        if clip_gradients is not None:
            _norm_summary("global_norm/clipped_gradient_norm", pairs, wanted)
        counted = step if increment_global_step else None
        applied = chosen.apply_gradients(pairs, global_step=counted, name="train")
        with control_dependencies([applied]):
            return identity(loss)


def _wanted(summaries: Sequence[str] | None) -> Sequence[str]:
    if summaries is None:
        return ("loss", "learning_rate", "global_gradient_norm")
    for one in summaries:
        if one not in OPTIMIZER_SUMMARIES:
            raise ValueError(
                f"Summaries should be one of {OPTIMIZER_SUMMARIES}, you provided {one!r}."
            )
    return summaries


def _summarized(name: str, values: Any, histogram: bool = False) -> None:
    from runtime import summary_ops

    (summary_ops.histogram if histogram else summary_ops.scalar)(name, values)


def _rate(given: Any, decay: Any, step: Any, wanted: Sequence[str]) -> Any:
    if given is None:
        return None
    if isinstance(given, Tensor) and given.dims == ():
        rate: Any = given
    elif isinstance(given, float):
        if given < 0.0:
            raise ValueError(f"Invalid learning_rate {given}: it must not be negative.")
        rate = get_variable("learning_rate", [], initializer=Constant(given), trainable=False)
    else:
        raise ValueError(
            f"Learning rate should be 0d Tensor or float. Got {given!r} of type {type(given)}."
        )
    if decay is not None:
        if step is None:
            raise ValueError("global_step is required for learning_rate_decay_fn.")
        rate = decay(rate, step)
        if "learning_rate" in wanted:
            _summarized("learning_rate", rate)
    return rate


def _optimizer(given: Any, rate: Any) -> Optimizer:
    if isinstance(given, Optimizer):
        return given
    if isinstance(given, str) and given not in OPTIMIZER_CLS_NAMES:
        raise ValueError(
            f"Optimizer name should be one of {', '.join(OPTIMIZER_CLS_NAMES)}, you provided "
            f"{given!r}."
        )
    make = OPTIMIZER_CLS_NAMES[given] if isinstance(given, str) else given
    if isinstance(given, (str, type)) and rate is None:
        raise ValueError(
            f"Learning rate is None, but should be specified if optimizer is {given!r}."
        )
    if not callable(make):
        raise ValueError(
            "Unrecognized optimizer: should be string, subclass of Optimizer, instance of subclass "
            f"of Optimizer or function with one argument. Got {given!r}."
        )
    made = make() if rate is None else make(rate)
    if not isinstance(made, Optimizer):
        raise ValueError(f"Unrecognized optimizer: the function should return one, not {made!r}.")
    return made


def _adapted(pairs: Any, noise: float | None, factors: Mapping[Any, Any] | None) -> Pairs:
    """With noise and factors."""
    made = []
    for gradient, variable in pairs:
        if noise is not None and gradient is not None:
            dense = convert_to_tensor(gradient)
            gradient = dense + truncated_normal(shape(dense), dtype=dense.dtype) * noise
        factor = (factors or {}).get(variable, (factors or {}).get(variable.name))
        if factor is not None:
            gradient = changed(gradient, partial(mul, factor))
        made.append((gradient, variable))
    return made


def _clipped(pairs: Pairs, clip: Any) -> Pairs:
    if clip is None:
        return pairs
    if callable(clip):
        return list(clip(pairs))
    if not isinstance(clip, float):
        raise ValueError(f"Unknown type {type(clip)} for clip_gradients: give a float.")
    gradients, variables = zip(*pairs, strict=True)
    clipped, _ = clip_by_global_norm(list(gradients), clip)
    return list(zip(clipped, variables, strict=True))


def _norm_summary(name: str, pairs: Pairs, wanted: Sequence[str]) -> None:
    if "global_gradient_norm" in wanted or "gradient_norm" in wanted:
        _summarized(name, global_norm([gradient for gradient, _ in pairs]))


def _gradient_summaries(pairs: Pairs, wanted: Sequence[str]) -> None:
    for gradient, variable in pairs:
        if gradient is None:
            continue
        values, label = getattr(gradient, "values", gradient), variable.name.replace(":", "_")
        if "gradients" in wanted:
            _summarized(f"gradients/{label}", values, histogram=True)
        if "gradient_norm" in wanted:
            _summarized(f"gradient_norm/{label}", global_norm([values]))
