"""Hooks that TensorFlow does not have: a progress bar, evaluation, stopping early."""

import importlib
import math
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from runtime import errors, logging
from runtime.basic_session_run_hooks import SecondOrStepTimer, required_global_step, step_before
from runtime.session_run_hook import (
    SessionRunArgs,
    SessionRunContext,
    SessionRunHook,
    SessionRunValues,
)

if TYPE_CHECKING:
    from runtime.coordinator import Coordinator
    from runtime.graph.session import Session
    from runtime.graph.tensor import Tensor

__all__ = ["EarlyStoppingHook", "EvaluationHook", "ProgressBarHook"]


class ProgressBarHook(SessionRunHook):
    """Shows the global step as a progress bar, in a terminal and in a notebook.

    The bar begins at the step that the session starts with, so that a resumed training shows the
    whole way. It goes on from one session to the next one after a recovery.

    Args:
        total: The last step; None if it is not known, then there is no end to show.
        tensors: Scalars that are shown beside the bar, by their tag; fetched in runs that refresh
            the bar, and in no others.
        description: What stands before the bar.
        every_n_secs: Seconds between two refreshes.
        **options: Passed on to ``tqdm``, for example ``file`` or ``disable``.

    Raises:
        ImportError: tqdm is not installed; the message names the extra ``demo``.

    Example:
        >>> import runtime as tf
        >>> hook = tf.train.ProgressBarHook(total=1000, description="train")
    """

    def __init__(
        self,
        total: int | None = None,
        tensors: "Mapping[str, Tensor] | None" = None,
        description: str | None = None,
        every_n_secs: float = 0.1,
        **options: Any,  # what tqdm takes
    ) -> None:
        self._tqdm = _tqdm()
        self._tensors = dict(tensors or {})
        self._timer = SecondOrStepTimer(every_secs=every_n_secs)
        self._options = {"total": total, "desc": description, "unit": "step", **options}
        self._bar: Any = None  # of tqdm's own class, which differs in a notebook

    def begin(self) -> None:
        """Finds the global step in the default graph.

        Raises:
            RuntimeError: The graph has no global step.
        """
        self._global_step_tensor = required_global_step("ProgressBarHook")

    def after_create_session(self, session: "Session", coord: "Coordinator") -> None:
        """Opens the bar at the step that the session starts with.

        Args:
            session: The raw session.
            coord: Not used.
        """
        step = int(session.run(self._global_step_tensor))
        self._open(step)
        self._timer.reset()
        self._timer.update_last_triggered_step(step)
        self._show(step)

    def before_run(self, run_context: SessionRunContext) -> SessionRunArgs:
        """Asks for the global step, and for the scalars if the bar is to be refreshed.

        Args:
            run_context: The run.

        Returns:
            What is to be fetched.
        """
        self._is_due = self._timer.should_trigger_for_step(-1)
        tensors = self._tensors if self._is_due else {}
        return SessionRunArgs((step_before(self._global_step_tensor), tensors))

    def after_run(self, run_context: SessionRunContext, run_values: SessionRunValues) -> None:
        """Refreshes the bar if that is due.

        Args:
            run_context: The run.
            run_values: The global step, which may be that before the run, and the scalars.
        """
        if not self._is_due:
            return
        step, values = run_values.results
        self._timer.update_last_triggered_step(int(step))
        self._open(int(step))
        if values:
            self._bar.set_postfix(_readable(values), refresh=False)
        self._show(int(run_context.session.run(self._global_step_tensor)))

    def end(self, session: "Session") -> None:
        """Shows the last step and closes the bar.

        Args:
            session: The raw session.
        """
        if self._bar is not None:
            self._show(int(session.run(self._global_step_tensor)))
            self._close()

    def on_error(self, run_context: SessionRunContext | None, error: BaseException) -> None:
        """Closes the bar, so that what is printed next begins a line of its own.

        Args:
            run_context: Not used.
            error: Not used.
        """
        if self._bar is not None:
            self._close()

    def _open(self, step: int) -> Any:  # see _bar
        """The bar, which a run that failed has closed, and the next one opens again."""
        if self._bar is None:
            self._bar = self._tqdm(initial=step, **self._options)
        return self._bar

    def _show(self, step: int) -> None:
        self._bar.update(step - self._bar.n)
        self._bar.refresh()

    def _close(self) -> None:
        bar, self._bar = self._bar, None
        bar.close()


class EvaluationHook(SessionRunHook):
    """Evaluates every so many steps, in runs of its own.

    The metrics are run on the raw session, after the training step and apart from it: no hook
    sees these runs, and the step's inputs are left alone.

    Args:
        metrics: Tensors to evaluate, by their tag; or a function that takes the raw session and
            returns a dict from tag to value, for what takes more than one run.
        every_n_steps: Global steps between two evaluations.
        feed_fn: Gives what is fed to one run of the metrics; called once for each batch.
        batches: Runs of the metrics in one evaluation; their mean counts. It ends earlier when the
            input ends (OutOfRangeError).
        at_end: Whether to evaluate at the end, too, if that step has not been evaluated.
        on_result: Called with the global step and the values by tag.

    Attributes:
        last_values: The values of the latest evaluation by tag, None before the first.

    Raises:
        ValueError: ``every_n_steps`` or ``batches`` is not positive.
    """

    def __init__(
        self,
        # Any: keys of feeds are tensors or names, values are of any type.
        metrics: "Mapping[str, Tensor] | Callable[[Session], Mapping[str, Any]]",
        every_n_steps: int,
        feed_fn: Callable[[], Mapping[Any, Any]] | None = None,
        batches: int = 1,
        at_end: bool = True,
        on_result: Callable[[int, Mapping[str, Any]], object] | None = None,
    ) -> None:
        for name, value in (("every_n_steps", every_n_steps), ("batches", batches)):
            if value <= 0:
                raise ValueError(f"invalid {name}={value}. It must be positive.")
        self._metrics = metrics
        self._feed_fn = feed_fn
        self._batches = batches
        self._at_end = at_end
        self._on_result = on_result
        self._timer = SecondOrStepTimer(every_steps=every_n_steps)
        self.last_values: Mapping[str, Any] | None = None

    def begin(self) -> None:
        """Finds the global step in the default graph.

        Raises:
            RuntimeError: The graph has no global step.
        """
        self._global_step_tensor = required_global_step("EvaluationHook")

    def after_create_session(self, session: "Session", coord: "Coordinator") -> None:
        """Counts the steps from the one that the session starts with.

        Args:
            session: The raw session.
            coord: Not used.
        """
        self._timer.update_last_triggered_step(int(session.run(self._global_step_tensor)))

    def before_run(self, run_context: SessionRunContext) -> SessionRunArgs:
        """Asks for the global step.

        Args:
            run_context: The run.

        Returns:
            The global step.
        """
        return SessionRunArgs(step_before(self._global_step_tensor))

    def after_run(self, run_context: SessionRunContext, run_values: SessionRunValues) -> None:
        """Evaluates if that is due.

        Args:
            run_context: The run.
            run_values: The global step, which may be that before the run.
        """
        if not self._timer.should_trigger_for_step(int(run_values.results) + 1):
            return
        step = int(run_context.session.run(self._global_step_tensor))
        if self._timer.should_trigger_for_step(step):
            self._evaluate(run_context.session, step)

    def end(self, session: "Session") -> None:
        """Evaluates the last step, if that is wanted and not done yet.

        Args:
            session: The raw session.
        """
        step = int(session.run(self._global_step_tensor))
        if self._at_end and step != self._timer.last_triggered_step():
            self._evaluate(session, step)

    def _evaluate(self, session: "Session", step: int) -> None:
        self._timer.update_last_triggered_step(step)
        metrics = self._metrics
        values = metrics(session) if callable(metrics) else self._mean(session, metrics)
        self.last_values = values
        shown = ", ".join(f"{tag} = {value}" for tag, value in _readable(values).items())
        logging.info(f"Evaluation at step {step}: {shown}")
        if self._on_result is not None:
            self._on_result(step, values)

    def _mean(self, session: "Session", metrics: "Mapping[str, Tensor]") -> dict[str, Any]:
        found: list[dict[str, Any]] = []
        for _ in range(self._batches):
            feeds = self._feed_fn() if self._feed_fn is not None else None
            try:
                found.append(session.run(dict(metrics), feeds))
            except errors.OutOfRangeError:
                if not found:
                    raise
                break
        return {tag: np.mean([values[tag] for values in found], axis=0) for tag in metrics}


class EarlyStoppingHook(SessionRunHook):
    """Asks for a stop when a metric has not become better for a while.

    What it remembers is saved in each checkpoint, so that a resumed training does not begin its
    patience anew.

    Args:
        metric: A scalar, fetched in each run; or an `EvaluationHook` and a tag, as a pair: then
            each of its evaluations counts. Put the evaluation first in the list of hooks.
        patience: How many values in a row may fail to be better, before the stop.
        direction: ``"min"`` if less is better, ``"max"`` if more is.
        min_delta: By how much a value must be better to count.

    Attributes:
        best: The best value so far; None before the first.

    Raises:
        ValueError: The direction is none, ``patience`` is not positive, ``min_delta`` negative.
    """

    def __init__(
        self,
        metric: "Tensor | tuple[EvaluationHook, str]",
        patience: int,
        direction: Literal["min", "max"] = "min",
        min_delta: float = 0.0,
    ) -> None:
        if direction not in ("min", "max"):
            raise ValueError(f"direction is 'min' or 'max', not {direction!r}.")
        if patience <= 0 or min_delta < 0:
            raise ValueError(
                f"patience={patience} must be positive, min_delta={min_delta} not negative."
            )
        self._metric = metric
        self._patience = patience
        self._sign = 1.0 if direction == "min" else -1.0
        self._min_delta = min_delta
        self._seen: object = None
        self._waited = 0
        self.best: float | None = None

    def before_run(self, run_context: SessionRunContext) -> SessionRunArgs | None:
        """Asks for the metric, unless an evaluation gives it.

        Args:
            run_context: The run.

        Returns:
            The metric, or None.
        """
        return None if isinstance(self._metric, tuple) else SessionRunArgs(self._metric)

    def after_run(self, run_context: SessionRunContext, run_values: SessionRunValues) -> None:
        """Asks for a stop if the patience is at its end.

        Args:
            run_context: The run.
            run_values: The metric.
        """
        if isinstance(self._metric, tuple):
            evaluation, tag = self._metric
            if evaluation.last_values is None or evaluation.last_values is self._seen:
                return
            self._seen = evaluation.last_values
            value = float(evaluation.last_values[tag])
        else:
            value = float(run_values.results)
        self._take(value)
        if self._waited >= self._patience:
            logging.info(
                f"No value better than {self.best} in {self._waited} values: stopping early."
            )
            run_context.request_stop()

    def _take(self, value: float) -> None:
        """Compares a value with the best one; NaN is never better."""
        if math.isnan(value) or not self._is_better(value):
            self._waited += 1
            return
        self.best, self._waited = value, 0

    def _is_better(self, value: float) -> bool:
        return self.best is None or (self.best - value) * self._sign > self._min_delta

    def state_dict(self) -> dict[str, Any]:
        """What is saved in a checkpoint: the best value, and how long there was none better."""
        return {"best": self.best, "waited": self._waited}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Goes on where an earlier session was.

        Args:
            state: What `state_dict` gave.
        """
        self.best, self._waited = state["best"], state["waited"]


def _tqdm() -> Any:  # Any: one of tqdm's classes, which differs in a notebook
    """Without the thread that tqdm starts to watch its bars: each refresh here is asked for."""
    try:
        bar = importlib.import_module("tqdm.auto").tqdm
        return type(bar.__name__, (bar,), {"monitor_interval": 0})
    except ImportError as error:
        raise ImportError(
            f"ProgressBarHook needs the package tqdm, which cannot be imported ({error}). Install "
            "it with the extra 'demo': pip install 'monitored-session[demo]'",
            name=error.name,
        ) from error


def _readable(values: Mapping[str, Any]) -> dict[str, str]:
    return {
        tag: f"{float(value):.4g}" if np.ndim(value) == 0 else str(value)
        for tag, value in values.items()
    }
