"""Evaluation of checkpoints.

Source: the documentation of ``tf.contrib.training.evaluate_once``,
``tf.contrib.training.evaluate_repeatedly`` and ``tf.contrib.slim.evaluation``.
"""

from collections.abc import Callable
from typing import Any

from runtime import logging
from runtime.checkpoint_utils import checkpoints_iterator, wait_for_new_checkpoint
from runtime.global_step import get_or_create_global_step
from runtime.graph.export import export
from runtime.graph.graph import get_default_graph
from runtime.graph.initializers import Zeros
from runtime.graph.keys import GraphKeys
from runtime.graph.scopes import get_variable
from runtime.graph.variables import assign_add
from runtime.monitored_session import MonitoredSession
from runtime.monitoring_hooks import FinalOpsHook
from runtime.saver import Saver
from runtime.scaffold import Scaffold
from runtime.session_creator import ChiefSessionCreator
from runtime.session_run_hook import (
    SessionRunArgs,
    SessionRunContext,
    SessionRunHook,
    SessionRunValues,
)

_DEFAULT = 0  # stands for an argument's default, as in TensorFlow


def _both(name: str) -> Any:
    return export(f"contrib.training.{name}", f"contrib.slim.evaluation.{name}")


_both("checkpoints_iterator")(checkpoints_iterator)
_both("wait_for_new_checkpoint")(wait_for_new_checkpoint)


@export("contrib.training.get_or_create_eval_step")
def get_or_create_eval_step() -> Any:
    """What counts the steps of an evaluation: a local variable, made if need be.

    Returns:
        The variable.
    """
    found = get_default_graph().get_collection(GraphKeys.EVAL_STEP)
    if found:
        return found[0]
    return get_variable(
        "eval_step",
        [],
        "int64",
        Zeros(),
        trainable=False,
        collections=[GraphKeys.LOCAL_VARIABLES, GraphKeys.EVAL_STEP],
    )


class StopAfterNEvalsHook(SessionRunHook):
    """Stops an evaluation after so many steps.

    Args:
        num_evals: The number of steps; None for no end.
        log_progress: Whether each step is logged.
    """

    def __init__(self, num_evals: int | None, log_progress: bool = True) -> None:
        self._num_evals, self._log_progress = num_evals, log_progress
        self._completed: Any = None

    def _set_evals_completed_tensor(self, updated_eval_step: Any) -> None:
        self._completed = updated_eval_step

    def before_run(self, run_context: SessionRunContext) -> SessionRunArgs:
        """Asks for the number of the step.

        Args:
            run_context: The run.

        Returns:
            The request.
        """
        return SessionRunArgs({"evals_completed": self._completed})

    def after_run(self, run_context: SessionRunContext, run_values: SessionRunValues) -> None:
        """Asks to stop, if it was the last one.

        Args:
            run_context: The run.
            run_values: The number of the step.
        """
        done = int(run_values.results["evals_completed"])
        if self._log_progress:
            logging.info("Evaluation [%d/%s]", done, self._num_evals or "?")
        if self._num_evals is not None and done >= self._num_evals:
            run_context.request_stop()


_both("StopAfterNEvalsHook")(StopAfterNEvalsHook)


class SummaryAtEndHook(SessionRunHook):
    """Writes summaries at the end of a session.

    Args:
        log_dir: The directory of the event file; needs the extra ``summary``.
        summary_writer: Instead of the directory: the writer.
        summary_op: The summaries; all of the graph if None.
        feed_dict: What is fed to them.

    Raises:
        ValueError: If there is neither a directory nor a writer.
    """

    def __init__(
        self,
        log_dir: str | None = None,
        summary_writer: Any = None,
        summary_op: Any = None,
        feed_dict: Any = None,
    ) -> None:
        if log_dir is None and summary_writer is None:
            raise ValueError("One of log_dir or summary_writer should be used.")
        self._directory, self._writer = log_dir, summary_writer
        self._given, self._feeds = summary_op, feed_dict

    def begin(self) -> None:
        """Finds the summaries and the global step."""
        from runtime.summary_ops import merge_all

        self._summaries = merge_all() if self._given is None else self._given
        self._step = get_or_create_global_step()

    def end(self, session: Any) -> None:
        """Writes the summaries.

        Args:
            session: The session.
        """
        if self._summaries is None:
            return
        from runtime.summary import FileWriterCache

        writer = self._writer or FileWriterCache.get(self._directory or "")
        step, summary = session.run([self._step, self._summaries], self._feeds)
        writer.add_summary(summary, int(step))
        writer.flush()


_both("SummaryAtEndHook")(SummaryAtEndHook)


def _with_step(eval_ops: Any, hooks: list[Any]) -> Any:
    """The operations, and what counts the steps for the hooks."""
    counted = assign_add(get_or_create_eval_step(), 1)
    for hook in hooks:
        if isinstance(hook, StopAfterNEvalsHook):
            hook._set_evals_completed_tensor(counted)
    return None if eval_ops is None else {"eval_ops": eval_ops, "update_eval_step": counted}


def _evaluated(creator: ChiefSessionCreator, hooks: list[Any], ops: Any, feeds: Any) -> None:
    with MonitoredSession(creator, hooks) as session:
        logging.info("Starting evaluation")
        while ops is not None and not session.should_stop():
            session.run(ops, feeds)
    logging.info("Finished evaluation")


@export("contrib.training.evaluate_once")
def evaluate_once(
    checkpoint_path: str,
    master: str = "",
    scaffold: Scaffold | None = None,
    eval_ops: Any = None,
    feed_dict: Any = None,
    final_ops: Any = None,
    final_ops_feed_dict: Any = None,
    hooks: Any = None,
    config: Any = None,
) -> Any:
    """Evaluates a checkpoint.

    Args:
        checkpoint_path: The checkpoint.
        master: Must be ``""``.
        scaffold: How the session is made.
        eval_ops: What is run until a hook stops the session, such as the updates of metrics.
        feed_dict: What is fed to it.
        final_ops: What is run at the end, such as the values of metrics.
        final_ops_feed_dict: What is fed to it.
        hooks: The hooks, such as `StopAfterNEvalsHook`.
        config: The session's options.

    Returns:
        What `final_ops` gave.
    """
    final = FinalOpsHook(final_ops, final_ops_feed_dict)
    listed = [*(hooks or ()), final]
    ops = _with_step(eval_ops, listed)
    creator = ChiefSessionCreator(
        scaffold, master, config, checkpoint_filename_with_path=checkpoint_path
    )
    _evaluated(creator, listed, ops, feed_dict)
    return final.final_ops_values


@export("contrib.training.evaluate_repeatedly")
def evaluate_repeatedly(
    checkpoint_dir: str,
    master: str = "",
    scaffold: Scaffold | None = None,
    eval_ops: Any = None,
    feed_dict: Any = None,
    final_ops: Any = None,
    final_ops_feed_dict: Any = None,
    eval_interval_secs: float = 60,
    hooks: Any = None,
    config: Any = None,
    max_number_of_evaluations: int | None = None,
    timeout: float | None = None,
    timeout_fn: Callable[[], bool] | None = None,
) -> Any:
    """Evaluates each new checkpoint of a directory.

    Args:
        checkpoint_dir: The directory.
        master: Must be ``""``.
        scaffold: How the sessions are made.
        eval_ops: As for `evaluate_once`.
        feed_dict: As for `evaluate_once`.
        final_ops: As for `evaluate_once`.
        final_ops_feed_dict: As for `evaluate_once`.
        eval_interval_secs: The least time between evaluations, in seconds.
        hooks: As for `evaluate_once`.
        config: The sessions' options.
        max_number_of_evaluations: How many checkpoints are evaluated; None for no end.
        timeout: How long a new checkpoint is waited for, in seconds; None for ever.
        timeout_fn: Called when that time is over; the waiting goes on unless it gives True.

    Returns:
        What `final_ops` gave at last.
    """
    final = FinalOpsHook(final_ops, final_ops_feed_dict)
    listed = [*(hooks or ()), final]
    ops = _with_step(eval_ops, listed)
    found = checkpoints_iterator(checkpoint_dir, eval_interval_secs, timeout, timeout_fn)
    for number, path in enumerate(found, 1):
        creator = ChiefSessionCreator(scaffold, master, config, checkpoint_filename_with_path=path)
        _evaluated(creator, listed, ops, feed_dict)
        if max_number_of_evaluations is not None and number >= max_number_of_evaluations:
            break
    return final.final_ops_values


def _slim_parts(options: dict[str, Any]) -> dict[str, Any]:
    """The arguments of slim as those of `evaluate_once`."""
    hooks = [StopAfterNEvalsHook(options["num_evals"]), *(options["hooks"] or ())]
    summary_op, logdir = options["summary_op"], options["logdir"]
    wanted = not isinstance(summary_op, int) or bool(
        get_default_graph().get_collection(GraphKeys.SUMMARIES)
    )
    if summary_op is not None and logdir and wanted:
        chosen = None if isinstance(summary_op, int) else summary_op
        feeds = options["summary_op_feed_dict"]
        hooks.append(SummaryAtEndHook(logdir, summary_op=chosen, feed_dict=feeds))
    restored = options["variables_to_restore"]
    return {
        "master": options["master"],
        "scaffold": Scaffold(
            init_op=options["initial_op"],
            init_feed_dict=options["initial_op_feed_dict"],
            init_fn=options.get("init_fn"),
            saver=None if restored is None else Saver(restored),
        ),
        "eval_ops": options["eval_op"],
        "feed_dict": options["eval_op_feed_dict"],
        "final_ops": options["final_op"],
        "final_ops_feed_dict": options["final_op_feed_dict"],
        "hooks": hooks,
        "config": options["session_config"],
    }


@export("contrib.slim.evaluation.evaluate_once")
def evaluate_once_slim(
    master: str,
    checkpoint_path: str,
    logdir: str | None,
    num_evals: int = 1,
    initial_op: Any = None,
    initial_op_feed_dict: Any = None,
    eval_op: Any = None,
    eval_op_feed_dict: Any = None,
    final_op: Any = None,
    final_op_feed_dict: Any = None,
    summary_op: Any = _DEFAULT,
    summary_op_feed_dict: Any = None,
    variables_to_restore: Any = None,
    session_config: Any = None,
    hooks: Any = None,
) -> Any:
    """Evaluates a checkpoint.

    Args:
        master: Must be ``""``.
        checkpoint_path: The checkpoint.
        logdir: The directory of summaries, or None.
        num_evals: How often `eval_op` is run.
        initial_op: What is run first.
        initial_op_feed_dict: What is fed to it.
        eval_op: What is run in each step, such as the updates of metrics.
        eval_op_feed_dict: What is fed to it.
        final_op: What is run at the end, such as the values of metrics.
        final_op_feed_dict: What is fed to it.
        summary_op: The summaries; all of the graph by default; None for none.
        summary_op_feed_dict: What is fed to them.
        variables_to_restore: The variables that the checkpoint holds; all if None.
        session_config: The session's options.
        hooks: Further hooks.

    Returns:
        What `final_op` gave.
    """
    return evaluate_once(checkpoint_path, **_slim_parts(locals()))


@export("contrib.slim.evaluation.evaluation_loop")
def evaluation_loop(
    master: str,
    checkpoint_dir: str,
    logdir: str | None,
    num_evals: int = 1,
    initial_op: Any = None,
    initial_op_feed_dict: Any = None,
    init_fn: Any = None,
    eval_op: Any = None,
    eval_op_feed_dict: Any = None,
    final_op: Any = None,
    final_op_feed_dict: Any = None,
    summary_op: Any = _DEFAULT,
    summary_op_feed_dict: Any = None,
    variables_to_restore: Any = None,
    eval_interval_secs: float = 60,
    max_number_of_evaluations: int | None = None,
    session_config: Any = None,
    timeout: float | None = None,
    timeout_fn: Callable[[], bool] | None = None,
    hooks: Any = None,
) -> Any:
    """Evaluates each new checkpoint of a directory.

    Args:
        master: Must be ``""``.
        checkpoint_dir: The directory.
        logdir: The directory of summaries, or None.
        num_evals: How often `eval_op` is run for each checkpoint.
        initial_op: What is run first.
        initial_op_feed_dict: What is fed to it.
        init_fn: A function of the scaffold and the session, called after `initial_op`.
        eval_op: What is run in each step, such as the updates of metrics.
        eval_op_feed_dict: What is fed to it.
        final_op: What is run at the end, such as the values of metrics.
        final_op_feed_dict: What is fed to it.
        summary_op: The summaries; all of the graph by default; None for none.
        summary_op_feed_dict: What is fed to them.
        variables_to_restore: The variables that the checkpoints hold; all if None.
        eval_interval_secs: The least time between evaluations, in seconds.
        max_number_of_evaluations: How many checkpoints are evaluated; None for no end.
        session_config: The sessions' options.
        timeout: How long a new checkpoint is waited for, in seconds; None for ever.
        timeout_fn: Called when that time is over; the waiting goes on unless it gives True.
        hooks: Further hooks.

    Returns:
        What `final_op` gave at last.
    """
    return evaluate_repeatedly(
        checkpoint_dir,
        **_slim_parts(locals()),
        eval_interval_secs=eval_interval_secs,
        max_number_of_evaluations=max_number_of_evaluations,
        timeout=timeout,
        timeout_fn=timeout_fn,
    )
