"""Training operations and loops.

Source: the documentation of ``tf.contrib.training.create_train_op``, ``tf.contrib.training.train``
and ``tf.contrib.slim.learning.train``.
"""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from operator import mul
from typing import Any

from runtime import logging
from runtime.basic_session_run_hooks import CheckpointSaverHook
from runtime.global_step import get_or_create_global_step
from runtime.graph.export import F, export
from runtime.graph.graph import control_dependencies, get_default_graph
from runtime.graph.indexed_slices import IndexedSlices
from runtime.graph.keys import GraphKeys
from runtime.graph.ops.array import identity
from runtime.graph.ops.checks import check_numerics as checked
from runtime.graph.ops.control_flow import no_op
from runtime.graph.ops.norms import clip_by_norm, global_norm
from runtime.graph.optimizers import Optimizer
from runtime.graph.tensor import Tensor
from runtime.graph.variables import trainable_variables
from runtime.monitored_session import MonitoredSession
from runtime.monitored_training_session import MonitoredTrainingSession
from runtime.monitoring_hooks import SummarySaverHook
from runtime.scaffold import Scaffold
from runtime.session_creator import ChiefSessionCreator

Pairs = list[tuple[Any, Any]]
_DEFAULT = 0  # stands for an argument's default, as in TensorFlow


def _both(name: str) -> Callable[[F], F]:
    return export(f"contrib.training.{name}", f"contrib.slim.learning.{name}")


def changed(gradient: Any, change: Callable[[Any], Any]) -> Any:
    """A gradient, of rows as well, with its values changed.

    Args:
        gradient: The gradient, or None.
        change: A function of its values.

    Returns:
        The gradient.
    """
    if isinstance(gradient, IndexedSlices):
        return IndexedSlices(change(gradient.values), gradient.indices, gradient.dense_shape)
    return None if gradient is None else change(gradient)


@_both("clip_gradient_norms")
def clip_gradient_norms(gradients_to_variables: Iterable[Any], max_norm: float) -> Pairs:
    """Gradients none of which is longer than a limit.

    Args:
        gradients_to_variables: Pairs of gradients and variables.
        max_norm: The greatest length of each gradient.

    Returns:
        The pairs.
    """
    return [
        (changed(gradient, lambda values: clip_by_norm(values, max_norm)), variable)
        for gradient, variable in gradients_to_variables
    ]


@export("contrib.training.clip_gradient_norms_fn")
def clip_gradient_norms_fn(max_norm: float) -> Callable[[Iterable[Any]], Pairs]:
    """`clip_gradient_norms` with a limit, for `create_train_op`.

    Args:
        max_norm: The greatest length of each gradient.

    Returns:
        A function of pairs of gradients and variables.
    """
    return lambda pairs: clip_gradient_norms(pairs, max_norm)


@_both("multiply_gradients")
def multiply_gradients(
    grads_and_vars: Iterable[Any], gradient_multipliers: Mapping[Any, Any]
) -> Pairs:
    """Gradients, some of them with a factor.

    Args:
        grads_and_vars: Pairs of gradients and variables.
        gradient_multipliers: Factors by variables or the names of their operations.

    Returns:
        The pairs.

    Raises:
        ValueError: If there are no factors, or a variable that has one has no gradient.
    """
    if not isinstance(gradient_multipliers, Mapping) or not gradient_multipliers:
        raise ValueError("`gradient_multipliers` must be a dict that is not empty.")
    made = []
    for gradient, variable in grads_and_vars:
        factor = gradient_multipliers.get(variable, gradient_multipliers.get(variable.op.name))
        if factor is not None and gradient is None:
            raise ValueError(f"Requested multiple of `None` gradient: {variable.op.name}.")
        if factor is not None:
            gradient = changed(gradient, partial(mul, factor))
        made.append((gradient, variable))
    return made


@_both("add_gradients_summaries")
def add_gradients_summaries(grads_and_vars: Iterable[Any]) -> list[Tensor]:
    """Summaries of gradients: their values and their lengths.

    Args:
        grads_and_vars: Pairs of gradients and variables.

    Returns:
        The summaries.
    """
    from runtime.summary_ops import histogram, scalar

    made = []
    for gradient, variable in grads_and_vars:
        if gradient is None:
            logging.info("Var %s has no gradient", variable.op.name)
            continue
        values = gradient.values if isinstance(gradient, IndexedSlices) else gradient
        made.append(histogram(f"{variable.op.name}/gradient", values))
        made.append(scalar(f"{variable.op.name}/gradient_norm", global_norm([values])))
    return made


@export("contrib.training.create_train_op")
def create_train_op(
    total_loss: Tensor,
    optimizer: Optimizer,
    global_step: Any = _DEFAULT,
    update_ops: Any = None,
    variables_to_train: Sequence[Any] | None = None,
    transform_grads_fn: Callable[[Pairs], Pairs] | None = None,
    summarize_gradients: bool = False,
    gate_gradients: int = Optimizer.GATE_OP,
    aggregation_method: Any = None,
    colocate_gradients_with_ops: bool = False,
    check_numerics: bool = True,
) -> Tensor:
    """A tensor whose evaluation makes a step of training and gives the loss.

    The updates of UPDATE_OPS (of batch normalization, for example) come first.

    Args:
        total_loss: The loss.
        optimizer: The optimizer.
        global_step: What counts the steps; the graph's own (made if need be) by default, or None.
        update_ops: The updates; those of UPDATE_OPS if None.
        variables_to_train: The variables; the trainable ones if None.
        transform_grads_fn: Changes the pairs of gradients and variables.
        summarize_gradients: Whether summaries of the gradients are added.
        gate_gradients: Without effect.
        aggregation_method: Without effect.
        colocate_gradients_with_ops: Without effect.
        check_numerics: Whether a loss that is no number is an error.

    Returns:
        The loss, before the step.
    """
    graph = get_default_graph()
    if isinstance(global_step, int):
        global_step = get_or_create_global_step()
    updates = graph.get_collection(GraphKeys.UPDATE_OPS) if update_ops is None else update_ops
    if updates:
        with control_dependencies(list(dict.fromkeys(updates))):
            barrier = no_op(name="update_barrier")
        with control_dependencies([barrier]):
            total_loss = identity(total_loss)
    variables = variables_to_train or trainable_variables()
    pairs = optimizer.compute_gradients(total_loss, variables)
    if transform_grads_fn is not None:
        pairs = transform_grads_fn(pairs)
    if summarize_gradients:
        with graph.name_scope("summarize_grads"):
            add_gradients_summaries(pairs)
    applied = optimizer.apply_gradients(pairs, global_step=global_step)
    with graph.name_scope("train_op"):
        if check_numerics:
            total_loss = checked(total_loss, "LossTensor is inf or nan")
        with control_dependencies([applied]):
            train_op = identity(total_loss)
    graph.add_to_collection(GraphKeys.TRAIN_OP, train_op)
    return train_op


@export("contrib.slim.learning.create_train_op")
def create_slim_train_op(
    total_loss: Tensor,
    optimizer: Optimizer,
    global_step: Any = _DEFAULT,
    update_ops: Any = None,
    variables_to_train: Sequence[Any] | None = None,
    clip_gradient_norm: float = 0,
    summarize_gradients: bool = False,
    gate_gradients: int = Optimizer.GATE_OP,
    aggregation_method: Any = None,
    colocate_gradients_with_ops: bool = False,
    gradient_multipliers: Mapping[Any, Any] | None = None,
    check_numerics: bool = True,
) -> Tensor:
    """A tensor whose evaluation makes a step of training and gives the loss.

    Args:
        total_loss: The loss.
        optimizer: The optimizer.
        global_step: What counts the steps; the graph's own (made if need be) by default, or None.
        update_ops: The updates that come first; those of UPDATE_OPS if None.
        variables_to_train: The variables; the trainable ones if None.
        clip_gradient_norm: The greatest length of each gradient; 0 for none.
        summarize_gradients: Whether summaries of the gradients are added.
        gate_gradients: Without effect.
        aggregation_method: Without effect.
        colocate_gradients_with_ops: Without effect.
        gradient_multipliers: Factors by variables or the names of their operations.
        check_numerics: Whether a loss that is no number is an error.

    Returns:
        The loss, before the step.
    """

    def transform(pairs: Pairs) -> Pairs:
        if gradient_multipliers:
            pairs = multiply_gradients(pairs, gradient_multipliers)
        if clip_gradient_norm > 0:
            pairs = clip_gradient_norms(pairs, clip_gradient_norm)
        return pairs

    return create_train_op(
        total_loss,
        optimizer,
        global_step,
        update_ops,
        variables_to_train,
        transform,
        summarize_gradients,
        check_numerics=check_numerics,
    )


@export("contrib.training.train")
def train(
    train_op: Any,
    logdir: str | None,
    master: str = "",
    is_chief: bool = True,
    scaffold: Scaffold | None = None,
    hooks: Any = None,
    chief_only_hooks: Any = None,
    save_checkpoint_secs: int | None = 600,
    save_summaries_steps: int | None = 100,
    config: Any = None,
    max_wait_secs: int = 7200,
    run_metadata: Any = None,
) -> Any:
    """Runs a training operation until a hook stops the session.

    Args:
        train_op: What is run.
        logdir: The directory of checkpoints and summaries, or None.
        master: Must be ``""``.
        is_chief: Whether this is the only process.
        scaffold: How the session is made.
        hooks: The hooks; one of them has to stop the session.
        chief_only_hooks: Further hooks.
        save_checkpoint_secs: The time between checkpoints, in seconds.
        save_summaries_steps: The steps between summaries.
        config: The session's options.
        max_wait_secs: Without effect.
        run_metadata: Filled with what is known of the runs.

    Returns:
        What the last run gave; None if there was none.

    Raises:
        ValueError: If there is no directory, and no hook either.
    """
    if logdir is None and is_chief and (save_summaries_steps or save_checkpoint_secs):
        raise ValueError(
            "logdir cannot be None when save_summaries_steps or save_checkpoint_secs is set; give "
            "both as None for a training that saves nothing."
        )
    loss = None
    with MonitoredTrainingSession(
        master,
        is_chief,
        logdir,
        scaffold,
        hooks,
        chief_only_hooks,
        save_checkpoint_secs=save_checkpoint_secs,
        save_summaries_steps=save_summaries_steps,
        config=config,
    ) as session:
        while not session.should_stop():
            loss = session.run(train_op, run_metadata=run_metadata)
    return loss


@export("contrib.slim.learning.train_step")
def train_step(
    sess: Any, train_op: Any, global_step: Any, train_step_kwargs: Mapping[str, Any]
) -> tuple[Any, Any]:
    """One step of `slim.learning.train`.

    Args:
        sess: The session.
        train_op: What makes the step and gives the loss.
        global_step: What counts the steps.
        train_step_kwargs: ``should_log`` and ``should_stop``: bool tensors.

    Returns:
        The loss, and whether the training is over.
    """
    begin = time.time()
    loss, step = sess.run([train_op, global_step])
    elapsed = time.time() - begin
    asked = {
        k: train_step_kwargs[k] for k in ("should_log", "should_stop") if k in train_step_kwargs
    }
    # Not a step of its own: hooks need not know of it.
    answers = _raw(sess).run(asked)
    if answers.get("should_log"):
        logging.info("global step %d: loss = %.4f (%.3f sec/step)", step, loss, elapsed)
    return loss, answers.get("should_stop", False)


def _raw(session: Any) -> Any:
    return session._tf_sess() if hasattr(session, "_tf_sess") else session


@export("contrib.slim.learning.train")
def train_slim(
    train_op: Any,
    logdir: str | None,
    train_step_fn: Callable[..., tuple[Any, Any]] = train_step,
    train_step_kwargs: Any = _DEFAULT,
    log_every_n_steps: int | None = 1,
    graph: Any = None,
    master: str = "",
    is_chief: bool = True,
    global_step: Any = None,
    number_of_steps: int | None = None,
    init_op: Any = _DEFAULT,
    init_feed_dict: Any = None,
    local_init_op: Any = _DEFAULT,
    init_fn: Callable[[Any], None] | None = None,
    ready_op: Any = _DEFAULT,
    summary_op: Any = _DEFAULT,
    save_summaries_secs: int | None = 600,
    summary_writer: Any = _DEFAULT,
    startup_delay_steps: int = 0,
    saver: Any = None,
    save_interval_secs: int = 600,
    sync_optimizer: Any = None,
    session_config: Any = None,
    session_wrapper: Callable[[Any], Any] | None = None,
    trace_every_n_steps: int | None = None,
    ignore_live_threads: bool = False,
) -> Any:
    """Trains, saves checkpoints and summaries, until there have been so many steps.

    Args:
        train_op: What makes a step and gives the loss, made by `create_train_op`.
        logdir: The directory of checkpoints and summaries; None for neither.
        train_step_fn: Makes a step, as `train_step` does.
        train_step_kwargs: What `train_step_fn` gets as its last argument.
        log_every_n_steps: How often the loss is logged; None for never.
        graph: The graph; the default graph if None.
        master: Must be ``""``.
        is_chief: Must be True.
        global_step: What counts the steps; the graph's own if None.
        number_of_steps: How many steps there are in all; None for no end.
        init_op: Initializes what no checkpoint holds.
        init_feed_dict: What is fed to it.
        local_init_op: Initializes local variables.
        init_fn: Called with the session after `init_op`.
        ready_op: Tells which variables are not initialized.
        summary_op: The summaries; all of the graph by default; None for none.
        save_summaries_secs: The time between summaries, in seconds.
        summary_writer: Without effect unless it is None, which is for no summaries.
        startup_delay_steps: Without effect.
        saver: Saves and restores.
        save_interval_secs: The time between checkpoints, in seconds.
        sync_optimizer: Must be None.
        session_config: The session's options.
        session_wrapper: Changes the session that `train_step_fn` gets.
        trace_every_n_steps: Without effect; `tf.train.ProfilerHook` does that.
        ignore_live_threads: Without effect.

    Returns:
        The last loss; None if there was no step.

    Raises:
        ValueError: If `train_op` is None, or several processes are asked for.
    """
    if train_op is None:
        raise ValueError("train_op cannot be None.")
    if master or not is_chief or sync_optimizer is not None:
        raise ValueError(
            "slim.learning.train trains in one process here: leave master, is_chief and "
            "sync_optimizer at their defaults."
        )
    with (graph or train_op.graph).as_default():
        step = get_or_create_global_step() if global_step is None else global_step
        kwargs = train_step_kwargs
        if _is_default(kwargs):
            kwargs = _conditions(step, number_of_steps, log_every_n_steps, logdir)
        given = {"init_op": init_op, "local_init_op": local_init_op, "ready_op": ready_op}
        scaffold = Scaffold(
            init_feed_dict=init_feed_dict,
            init_fn=None if init_fn is None else lambda _, session: init_fn(session),
            saver=saver,
            **{name: value for name, value in given.items() if not _is_default(value)},
        )
        hooks: list[Any] = []
        if logdir is not None:
            hooks.append(CheckpointSaverHook(logdir, save_interval_secs, scaffold=scaffold))
            if summary_writer is not None and save_summaries_secs:
                hooks += _summary_hooks(summary_op, save_summaries_secs, logdir, scaffold)
        creator = ChiefSessionCreator(scaffold, config=session_config, checkpoint_dir=logdir)
        return _looped(creator, hooks, train_op, step, train_step_fn, kwargs, session_wrapper)


def _is_default(value: Any) -> bool:
    return isinstance(value, int)


def _summary_hooks(
    summary_op: Any, seconds: float, logdir: str, scaffold: Scaffold
) -> list[SummarySaverHook]:
    """What writes the summaries that were asked for; nothing if the graph has none."""
    if summary_op is None:
        return []
    if not _is_default(summary_op):
        return [SummarySaverHook(None, seconds, logdir, summary_op=summary_op)]
    if not get_default_graph().get_collection(GraphKeys.SUMMARIES):
        return []
    return [SummarySaverHook(None, seconds, logdir, scaffold=scaffold)]


def _conditions(
    step: Any, number_of_steps: int | None, log_every: int | None, logdir: str | None
) -> dict[str, Any]:
    """Tensors that tell when to stop and when to log."""
    with get_default_graph().name_scope("train_step"):
        made: dict[str, Any] = {"logdir": logdir}
        if number_of_steps:
            made["should_stop"] = step >= number_of_steps
        if log_every:
            made["should_log"] = identity(step) % log_every <= 0
        return made


def _looped(
    creator: ChiefSessionCreator,
    hooks: list[Any],
    train_op: Any,
    step: Any,
    train_step_fn: Callable[..., tuple[Any, Any]],
    kwargs: Any,
    wrapper: Callable[[Any], Any] | None,
) -> Any:
    loss, over = None, False
    with MonitoredSession(creator, hooks) as session:
        used = session if wrapper is None else wrapper(session)
        if isinstance(kwargs, dict) and "should_stop" in kwargs:
            over = bool(_raw(session).run(kwargs["should_stop"]))
        while not over and not session.should_stop():
            loss, over = train_step_fn(used, train_op, step, kwargs)
    return loss
