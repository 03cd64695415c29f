"""The hooks that watch a training: its speed, summaries, loss, start and end, and its profile.

The names, the rules of timing and the meaning of the messages are those of tf.compat.v1.train.
"""

import os
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from runtime import errors, logging
from runtime.basic_session_run_hooks import SecondOrStepTimer, required_global_step, step_before
from runtime.graph.config import RunMetadata, RunOptions
from runtime.rehearsal import is_rehearsal
from runtime.session_run_hook import (
    SessionRunArgs,
    SessionRunContext,
    SessionRunHook,
    SessionRunValues,
)
from runtime.summary_format import messages
from runtime.summary_writer import FileWriter, FileWriterCache
from runtime.timeline import chrome_trace

if TYPE_CHECKING:
    from runtime.graph.session import Session
    from runtime.graph.tensor import Tensor
    from runtime.scaffold import Scaffold

__all__ = [
    "FeedFnHook",
    "FinalOpsHook",
    "GlobalStepWaiterHook",
    "NanLossDuringTrainingError",
    "NanTensorHook",
    "ProfilerHook",
    "StepCounterHook",
    "SummarySaverHook",
]

_RUNS_WITHOUT_A_STEP = 20
_WARNINGS = 5
_WAITING_SECS = 0.5


class StepCounterHook(SessionRunHook):
    """Counts steps per second; warns when the global step does not move.

    The speed is logged with ``tf.logging.info``, and written as a summary with the tag
    ``<name of the global step>/sec`` if there is a place to write to. Nothing is said at the first
    step, for there is nothing yet to compare it with.

    Source of the rules: tf.compat.v1.train.StepCounterHook documentation.

    Args:
        every_n_steps: Steps between two measurements.
        every_n_secs: Seconds between two measurements. Exactly one of the two must be given.
        output_dir: Directory of the event file; needs the extra ``summary``.
        summary_writer: Instead of the directory: the writer.

    Raises:
        ValueError: Not exactly one of ``every_n_steps`` and ``every_n_secs`` is given.
    """

    def __init__(
        self,
        every_n_steps: int | None = 100,
        every_n_secs: float | None = None,
        output_dir: str | os.PathLike[str] | None = None,
        summary_writer: FileWriter | None = None,
    ) -> None:
        if (every_n_steps is None) == (every_n_secs is None):
            raise ValueError("exactly one of every_n_steps and every_n_secs should be provided.")
        self._timer = SecondOrStepTimer(every_steps=every_n_steps, every_secs=every_n_secs)
        self._summary_writer = summary_writer
        self._output_dir = output_dir
        self._steps_per_run = 1
        self._last_global_step: int | None = None
        self._runs_without_a_step = 0

    def _set_steps_per_run(self, steps_per_run: int) -> None:
        self._steps_per_run = steps_per_run

    def begin(self) -> None:
        """Finds the global step in the default graph, and the writer.

        Raises:
            RuntimeError: The graph has no global step.
            ImportError: A directory was given, but the extra ``summary`` is not installed.
        """
        self._summary_writer = _writer(self._summary_writer, self._output_dir)
        self._global_step_tensor = required_global_step("StepCounterHook")
        self._summary_tag = f"{self._global_step_tensor.op.name}/sec"

    def before_run(self, run_context: SessionRunContext) -> SessionRunArgs:
        """Asks for the global step.

        Args:
            run_context: The run.

        Returns:
            The global step.
        """
        return SessionRunArgs(step_before(self._global_step_tensor))

    def after_run(self, run_context: SessionRunContext, run_values: SessionRunValues) -> None:
        """Tells the speed if that is due.

        Args:
            run_context: The run.
            run_values: The global step, which may be that before the run.
        """
        stale_global_step = run_values.results
        is_due = self._timer.should_trigger_for_step(stale_global_step + self._steps_per_run)
        if is_due:
            global_step = int(run_context.session.run(self._global_step_tensor))
            if self._timer.should_trigger_for_step(global_step):
                secs, steps = self._timer.update_last_triggered_step(global_step)
                if secs is not None and steps is not None:
                    self._log_and_record(steps, secs, global_step)
        self._watch(stale_global_step, is_due)

    def _log_and_record(self, elapsed_steps: int, elapsed_time: float, global_step: int) -> None:
        speed = elapsed_steps / elapsed_time if elapsed_time else float("inf")
        if self._summary_writer is not None:
            summary = messages("summary").Summary()
            summary.value.add(tag=self._summary_tag, simple_value=speed)
            self._summary_writer.add_summary(summary, global_step)
        logging.info(f"{self._summary_tag}: {speed:g}")

    def _watch(self, global_step: int, is_due: bool) -> None:
        """Warns of a step that stands still; some optimizers don't move it in every run."""
        if global_step != self._last_global_step:
            self._runs_without_a_step = 0
            self._last_global_step = global_step
            return
        self._runs_without_a_step += 1
        if is_due or self._runs_without_a_step % _RUNS_WITHOUT_A_STEP == 0:
            logging.log_first_n(
                logging.WARN,
                "It seems that global step (tf.train.get_global_step) has not been increased. "
                f"Current value (could be stable): {global_step} vs previous value: "
                f"{self._last_global_step}. You could increase the global step by passing "
                "tf.train.get_global_step() to Optimizer.apply_gradients or Optimizer.minimize.",
                _WARNINGS,
            )


class NanLossDuringTrainingError(RuntimeError):
    """The loss became NaN."""

    def __str__(self) -> str:
        return "NaN loss during training."


class NanTensorHook(SessionRunHook):
    """Watches the loss, and ends the training when it becomes NaN.

    Source of the rules: tf.compat.v1.train.NanTensorHook documentation.

    Args:
        loss_tensor: The loss.
        fail_on_nan_loss: Whether to raise an error; else the training is asked to stop.
    """

    def __init__(self, loss_tensor: "Tensor", fail_on_nan_loss: bool = True) -> None:
        self._loss_tensor = loss_tensor
        self._fail_on_nan_loss = fail_on_nan_loss

    def before_run(self, run_context: SessionRunContext) -> SessionRunArgs:
        """Asks for the loss.

        Args:
            run_context: The run.

        Returns:
            The loss.
        """
        return SessionRunArgs(self._loss_tensor)

    def after_run(self, run_context: SessionRunContext, run_values: SessionRunValues) -> None:
        """Looks at the loss.

        Args:
            run_context: The run; asked to stop if no error is wanted.
            run_values: The loss.

        Raises:
            NanLossDuringTrainingError: The loss is NaN.
        """
        if not np.isnan(run_values.results).any():
            return
        failure = "Model diverged with loss = NaN."
        if self._fail_on_nan_loss:
            logging.error(failure)
            raise NanLossDuringTrainingError
        logging.warning(failure)
        run_context.request_stop()


class SummarySaverHook(SessionRunHook):
    """Writes summaries every so many steps or seconds.

    The summaries are computed in runs that are written, and in no others. The first run is
    written.

    Source of the rules: tf.compat.v1.train.SummarySaverHook documentation.

    Args:
        save_steps: Steps between two summaries.
        save_secs: Seconds between two summaries. Exactly one of the two must be given.
        output_dir: Directory of the event file; needs the extra ``summary``.
        summary_writer: Instead of the directory: the writer.
        scaffold: Gives the operation of the summaries, once it is finalized.
        summary_op: The operation, or a list of operations. Exactly one of it and the scaffold
            must be given.

    Raises:
        ValueError: Not exactly one of two arguments is given.
    """

    def __init__(
        self,
        save_steps: int | None = None,
        save_secs: float | None = None,
        output_dir: str | os.PathLike[str] | None = None,
        summary_writer: FileWriter | None = None,
        scaffold: "Scaffold | None" = None,
        summary_op: Any = None,  # a tensor, or a list of tensors
    ) -> None:
        if (scaffold is None) == (summary_op is None):
            raise ValueError("Exactly one of scaffold or summary_op must be provided.")
        self._summary_op = summary_op
        self._summary_writer = summary_writer
        self._output_dir = output_dir
        self._scaffold = scaffold
        self._timer = SecondOrStepTimer(every_secs=save_secs, every_steps=save_steps)

    def begin(self) -> None:
        """Finds the global step in the default graph, and the writer.

        Raises:
            RuntimeError: The graph has no global step.
            ImportError: A directory was given, but the extra ``summary`` is not installed.
        """
        self._summary_writer = _writer(self._summary_writer, self._output_dir)
        self._next_step: int | None = None
        self._global_step_tensor = required_global_step("SummarySaverHook")

    def before_run(self, run_context: SessionRunContext) -> SessionRunArgs:
        """Asks for the summaries if this run is to be written.

        Args:
            run_context: The run.

        Returns:
            The global step, and perhaps the summaries.
        """
        self._is_due = self._next_step is None or self._timer.should_trigger_for_step(
            self._next_step
        )
        requests: dict[str, Any] = {"global_step": step_before(self._global_step_tensor)}
        summary_op = self._summaries() if self._is_due else None
        if summary_op is not None:
            requests["summary"] = summary_op
        return SessionRunArgs(requests)

    def _summaries(self) -> Any:
        return self._scaffold.summary_op if self._scaffold is not None else self._summary_op

    def after_run(self, run_context: SessionRunContext, run_values: SessionRunValues) -> None:
        """Writes the summaries that were asked for.

        Args:
            run_context: The run.
            run_values: The global step, which may be that before the run, and the summaries.
        """
        writer = self._summary_writer
        if writer is None:
            return
        results = run_values.results
        global_step = int(results["global_step"]) + 1
        if self._is_due:
            global_step = int(run_context.session.run(self._global_step_tensor))
            if self._next_step is None:
                session_log = messages("event").SessionLog
                writer.add_session_log(session_log(status=session_log.START), global_step)
            self._timer.update_last_triggered_step(global_step)
            for summary in _listed(results.get("summary", [])):
                writer.add_summary(summary, global_step)
        self._next_step = global_step + 1

    def end(self, session: "Session") -> None:
        """Flushes what was written.

        Args:
            session: Not used.
        """
        if self._summary_writer is not None:
            self._summary_writer.flush()


class GlobalStepWaiterHook(SessionRunHook):
    """Delays the first run until the global step has come to a number.

    Source of the rules: tf.compat.v1.train.GlobalStepWaiterHook documentation.

    Args:
        wait_until_step: The step to wait for.
    """

    def __init__(self, wait_until_step: int) -> None:
        self._wait_until_step = wait_until_step
        self._worker_is_started = False

    def begin(self) -> None:
        """Finds the global step in the default graph.

        Raises:
            RuntimeError: The graph has no global step.
        """
        self._worker_is_started = False
        self._global_step_tensor = required_global_step("GlobalStepWaiterHook")

    def before_run(self, run_context: SessionRunContext) -> None:
        """Waits, in the first run.

        Args:
            run_context: The run.
        """
        if self._worker_is_started:
            return
        if self._wait_until_step > 0:
            self._wait(run_context.session)
        self._worker_is_started = True

    def _wait(self, session: "Session") -> None:
        wanted, last_logged = self._wait_until_step, 0
        logging.info(f"Waiting for global step {wanted} before starting training.")
        while (current := int(session.run(self._global_step_tensor))) < wanted:
            if current - last_logged > 1000:
                logging.info(
                    f"Waiting for global step {wanted} before starting training. "
                    f"Current step is {current}."
                )
                last_logged = current
            time.sleep(_WAITING_SECS)
        logging.info(f"Global step {wanted} is reached: it is {current}. The training starts.")


class FinalOpsHook(SessionRunHook):
    """Runs operations at the end of a session, and keeps their values.

    Source of the rules: tf.compat.v1.train.FinalOpsHook documentation.

    Args:
        final_ops: Tensors and operations, in any structure that ``Session.run`` takes.
        final_ops_feed_dict: What is fed when they are run.

    Attributes:
        final_ops_values: Their values; None before the end.
    """

    # Any: fetches and feeds are an open set of structures.
    def __init__(self, final_ops: Any, final_ops_feed_dict: Mapping[Any, Any] | None = None):
        self._final_ops = final_ops
        self._final_ops_feed_dict = final_ops_feed_dict
        self._final_ops_values: Any = None

    @property
    def final_ops_values(self) -> Any:
        """The values; None before the end."""
        return self._final_ops_values

    def end(self, session: "Session") -> None:
        """Runs the operations, if there are any.

        Args:
            session: The raw session.
        """
        if self._final_ops is None:
            return
        try:
            values = session.run(self._final_ops, feed_dict=self._final_ops_feed_dict)
        except (errors.OutOfRangeError, StopIteration) as error:
            logging.error(
                "An OutOfRangeError or StopIteration was raised by the operations of "
                "FinalOpsHook. They should not depend on the input, which has ended by now: "
                f"{error}"
            )
            raise
        self._final_ops_values = values


class FeedFnHook(SessionRunHook):
    """Feeds each run with what a function gives.

    Source of the rules: tf.compat.v1.train.FeedFnHook documentation.

    Args:
        feed_fn: Takes nothing; returns a dict from tensors to values.
    """

    # Any: keys are tensors or names, values are of any type.
    def __init__(self, feed_fn: Callable[[], Mapping[Any, Any]]) -> None:
        self.feed_fn = feed_fn

    def before_run(self, run_context: SessionRunContext) -> SessionRunArgs:
        """Asks to feed what the function gives.

        Args:
            run_context: The run.

        Returns:
            The feeds.
        """
        return SessionRunArgs(fetches=None, feed_dict=self.feed_fn())


class ProfilerHook(SessionRunHook):
    """Records the times of the operations of a run every so many steps or seconds.

    Each recording is a file ``timeline-<step>.json`` in Chrome's trace format, for
    ``about:tracing`` and Perfetto. The first run is never recorded, as it compiles the plan. If
    something else writes summaries to the same directory, TensorBoard's page of graphs gets the
    times, too.

    Source of the rules: tf.compat.v1.train.ProfilerHook documentation.

    Args:
        save_steps: Steps between two recordings.
        save_secs: Seconds between two recordings. Exactly one of the two must be given.
        output_dir: The directory; it is made if it doesn't exist.
        show_dataflow: Whether arrows show which operation uses which one's output.
        show_memory: Kept for TensorFlow's signature; memory is not recorded.

    Raises:
        ValueError: Not exactly one of ``save_steps`` and ``save_secs`` is given.
    """

    def __init__(
        self,
        save_steps: int | None = None,
        save_secs: float | None = None,
        output_dir: str | os.PathLike[str] = "",
        show_dataflow: bool = True,
        show_memory: bool = False,
    ) -> None:
        self._output_dir = os.fspath(output_dir)
        self._show_dataflow = show_dataflow
        self._timer = SecondOrStepTimer(every_secs=save_secs, every_steps=save_steps)

    def begin(self) -> None:
        """Makes the directory, finds the global step in the default graph.

        Raises:
            RuntimeError: The graph has no global step.
        """
        self._next_step: int | None = None
        self._last_saved_step: int | None = None
        self._global_step_tensor = required_global_step("ProfilerHook")
        if not is_rehearsal():
            os.makedirs(self._output_dir or ".", exist_ok=True)

    def before_run(self, run_context: SessionRunContext) -> SessionRunArgs:
        """Asks for the times if this run is to be recorded.

        Args:
            run_context: The run.

        Returns:
            The global step, and perhaps options.
        """
        self._is_due = self._next_step is not None and self._timer.should_trigger_for_step(
            self._next_step
        )
        options = RunOptions(trace_level=RunOptions.FULL_TRACE) if self._is_due else None
        return SessionRunArgs(
            {"global_step": step_before(self._global_step_tensor)}, options=options
        )

    def after_run(self, run_context: SessionRunContext, run_values: SessionRunValues) -> None:
        """Writes the times that were asked for.

        Args:
            run_context: The run.
            run_values: The global step, which may be that before the run, and the times.
        """
        stale_global_step = int(run_values.results["global_step"])
        if self._next_step is None:
            # So that it is not due before so many steps or seconds have passed.
            self._timer.update_last_triggered_step(stale_global_step)
        global_step = stale_global_step + 1
        if self._is_due:
            global_step = int(run_context.session.run(self._global_step_tensor))
            self._timer.update_last_triggered_step(global_step)
            if global_step != self._last_saved_step:
                self._save(global_step, run_values.run_metadata)
        self._next_step = global_step + 1

    def _save(self, step: int, run_metadata: RunMetadata) -> None:
        path = os.path.join(self._output_dir, f"timeline-{step}.json")
        logging.info(f"Saving timeline for {step} into '{path}'.")
        self._last_saved_step = step
        if is_rehearsal():
            return
        with open(path, "w", encoding="utf-8") as file:
            file.write(chrome_trace(run_metadata.step_stats, self._show_dataflow))
        writer = FileWriterCache.find(self._output_dir)
        if writer is not None:
            writer.add_run_metadata(run_metadata, f"step_{step}", step)


def _writer(
    given: FileWriter | None, output_dir: str | os.PathLike[str] | None
) -> FileWriter | None:
    if given is not None or not output_dir:
        return given
    return FileWriterCache.get(output_dir)


def _listed(value: Any) -> list[Any]:
    return list(value) if isinstance(value, (list, tuple)) else [value]
