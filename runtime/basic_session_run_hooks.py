"""The hooks that most training programs use: saving, stopping, logging.

The names, the rules of timing and the meaning of the messages are those of tf.compat.v1.train.

Two facts shape the hooks here. The global step that a hook fetched in a run is stale: the same run
may have increased it before or after it was read. So a hook that is about to act reads it again.
And the time is read as ``time.time()``, looked up at each call, so that a test can patch it.
"""

import os
import time
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Any

import numpy as np

from runtime import logging
from runtime.global_step import get_global_step
from runtime.graph.graph import get_default_graph
from runtime.graph.graph_def import write_graph
from runtime.graph.keys import GraphKeys
from runtime.graph.variables import Variable
from runtime.rehearsal import is_rehearsal
from runtime.saver import Saver
from runtime.session_run_hook import (
    SessionRunArgs,
    SessionRunContext,
    SessionRunHook,
    SessionRunValues,
)
from runtime.summary_format import messages
from runtime.summary_writer import FileWriterCache

if TYPE_CHECKING:
    from runtime.coordinator import Coordinator
    from runtime.graph.graph import Graph
    from runtime.graph.operation import Operation
    from runtime.graph.session import Session
    from runtime.graph.tensor import Tensor
    from runtime.scaffold import Scaffold

__all__ = [
    "CheckpointSaverHook",
    "CheckpointSaverListener",
    "LoggingTensorHook",
    "NeverTriggerTimer",
    "SecondOrStepTimer",
    "StopAtStepHook",
    "required_global_step",
]

_ANY_NUMBER_OF_STEPS = 1_000_000
"""How far one run may move the global step: before it is saved, the step is always read again."""


class SecondOrStepTimer:
    """Decides when something is due that happens every so many seconds, or steps.

    It is due at the first step that it is asked about, and never twice for one step.

    Source of the rules: tf.compat.v1.train.SecondOrStepTimer documentation.

    Example:
        >>> timer = SecondOrStepTimer(every_steps=10)
        >>> timer.should_trigger_for_step(5)
        True
        >>> timer.update_last_triggered_step(5)
        (None, None)
        >>> [step for step in range(5, 20) if timer.should_trigger_for_step(step)]
        [15, 16, 17, 18, 19]

    Args:
        every_secs: Seconds between two times.
        every_steps: Steps between two times. Exactly one of the two must be given.

    Raises:
        ValueError: None of the two is given, or both are.
    """

    def __init__(self, every_secs: float | None = None, every_steps: int | None = None) -> None:
        if every_secs is None and every_steps is None:
            raise ValueError("Either every_secs or every_steps should be provided.")
        if every_secs is not None and every_steps is not None:
            raise ValueError("Can not provide both every_secs and every_steps.")
        self._every_secs = every_secs
        self._every_steps = every_steps
        self.reset()

    def reset(self) -> None:
        """Forgets when it was due last."""
        self._last_triggered_step: int | None = None
        self._last_triggered_time: float | None = None

    def should_trigger_for_step(self, step: int) -> bool:
        """Whether the thing is due.

        Args:
            step: The global step, or any other count.

        Returns:
            True if it never was due, or if enough seconds or steps have passed since then.
        """
        if self._last_triggered_step is None or self._last_triggered_time is None:
            return True
        if step == self._last_triggered_step:
            return False
        if self._every_secs is not None:
            return time.time() >= self._last_triggered_time + self._every_secs
        return self._every_steps is not None and bool(
            step >= self._last_triggered_step + self._every_steps
        )

    def update_last_triggered_step(self, step: int) -> tuple[float | None, int | None]:
        """Notes that the thing was done.

        Args:
            step: The step that it was done at.

        Returns:
            Seconds and steps since the time before; (None, None) at the first time.
        """
        now = time.time()
        elapsed_secs: float | None = None
        elapsed_steps: int | None = None
        if self._last_triggered_time is not None and self._last_triggered_step is not None:
            elapsed_secs = now - self._last_triggered_time
            elapsed_steps = step - self._last_triggered_step
        self._last_triggered_time = now
        self._last_triggered_step = step
        return elapsed_secs, elapsed_steps

    def last_triggered_step(self) -> int | None:
        """The step that the thing was last done at, None if never."""
        return self._last_triggered_step


class NeverTriggerTimer:
    """A timer for something that is never due."""

    def reset(self) -> None:
        """Nothing is to be forgotten."""

    def should_trigger_for_step(self, step: int) -> bool:
        """Always False.

        Args:
            step: Any count.

        Returns:
            False.
        """
        return False

    def update_last_triggered_step(self, step: int) -> tuple[float | None, int | None]:
        """Nothing is noted.

        Args:
            step: Any count.

        Returns:
            (None, None)
        """
        return None, None

    def last_triggered_step(self) -> int | None:
        """Always None."""
        return None


class LoggingTensorHook(SessionRunHook):
    """Logs the values of tensors every so many runs or seconds, or once at the end.

    The text goes to ``tf.logging.info``; ``tf.logging.set_verbosity(tf.logging.INFO)`` shows it.
    With ``at_end`` alone, only the end is logged. The tensors are fetched in runs that are logged,
    and in no others.

    Source of the rules: tf.compat.v1.train.LoggingTensorHook documentation.

    Args:
        tensors: Tensors or names of tensors: a list, or a dict from the tag that stands in the
            text. A dict is logged in the order of its tags.
        every_n_iter: Runs between two texts.
        every_n_secs: Seconds between two texts.
        at_end: Whether to run and log the tensors once more at the end.
        formatter: Makes the text from a dict of tag to value.

    Raises:
        ValueError: Not exactly one of ``every_n_iter`` and ``every_n_secs`` is given (none is
            fine with ``at_end``), or ``every_n_iter`` is not positive.
    """

    def __init__(
        self,
        # Any: a tag can be what the user likes; in a list the tensor is its own tag.
        tensors: Mapping[Any, "Tensor | Variable | str"] | Sequence["Tensor | Variable | str"],
        every_n_iter: int | None = None,
        every_n_secs: float | None = None,
        at_end: bool = False,
        formatter: Callable[[dict[Any, Any]], str] | None = None,
    ) -> None:
        only_at_end = at_end and every_n_iter is None and every_n_secs is None
        if not only_at_end and (every_n_iter is None) == (every_n_secs is None):
            raise ValueError(
                "either at_end and/or exactly one of every_n_iter and every_n_secs must be "
                f"provided. They are: at_end={at_end}, every_n_iter={every_n_iter}, "
                f"every_n_secs={every_n_secs}"
            )
        if every_n_iter is not None and every_n_iter <= 0:
            raise ValueError(f"invalid every_n_iter={every_n_iter}. It must be positive.")
        by_tag = tensors if isinstance(tensors, Mapping) else {item: item for item in tensors}
        self._tensors = dict(by_tag)
        self._tag_order = sorted(by_tag) if isinstance(tensors, Mapping) else list(tensors)
        self._formatter = formatter
        self._log_at_end = at_end
        self._timer: SecondOrStepTimer | NeverTriggerTimer = (
            NeverTriggerTimer()
            if only_at_end
            else SecondOrStepTimer(every_secs=every_n_secs, every_steps=every_n_iter)
        )
        self._iter_count = 0
        self._should_trigger = False
        self._current_tensors: dict[Any, Any] = {}

    def begin(self) -> None:
        """Finds the tensors in the default graph.

        Raises:
            ValueError: A tensor belongs to another graph, or a name stands for several tensors.
            KeyError: There is no tensor of that name.
        """
        self._timer.reset()
        self._iter_count = 0
        self._current_tensors = {
            tag: _as_graph_element(tensor) for tag, tensor in self._tensors.items()
        }

    def before_run(self, run_context: SessionRunContext) -> SessionRunArgs | None:
        """Asks for the tensors if this run is to be logged.

        Args:
            run_context: The run.

        Returns:
            The tensors, or None.
        """
        self._should_trigger = self._timer.should_trigger_for_step(self._iter_count)
        return SessionRunArgs(self._current_tensors) if self._should_trigger else None

    def after_run(self, run_context: SessionRunContext, run_values: SessionRunValues) -> None:
        """Logs the values that were asked for.

        Args:
            run_context: The run.
            run_values: The values.
        """
        if self._should_trigger:
            self._log_tensors(run_values.results)
        self._iter_count += 1

    def end(self, session: "Session") -> None:
        """Runs and logs the tensors once more, if that is wanted.

        Args:
            session: The raw session.
        """
        if self._log_at_end:
            self._log_tensors(session.run(self._current_tensors))

    # Any: tags and values are of any type.
    def _log_tensors(self, values: dict[Any, Any]) -> None:
        elapsed_secs, _ = self._timer.update_last_triggered_step(self._iter_count)
        with np.printoptions(suppress=True):
            if self._formatter is not None:
                logging.info(self._formatter(values))
                return
            text = ", ".join(f"{tag} = {values[tag]}" for tag in self._tag_order)
        logging.info(text if elapsed_secs is None else f"{text} ({elapsed_secs:.3f} sec)")


class StopAtStepHook(SessionRunHook):
    """Asks for a stop when the global step has come to a number.

    Source of the rules: tf.compat.v1.train.StopAtStepHook documentation.

    Args:
        num_steps: How many steps to make from the step that the session starts with.
        last_step: The step to stop at. Exactly one of the two must be given.

    Raises:
        ValueError: None of the two is given, or both are.
    """

    def __init__(self, num_steps: int | None = None, last_step: int | None = None) -> None:
        if num_steps is None and last_step is None:
            raise ValueError("One of num_steps or last_step must be specified.")
        if num_steps is not None and last_step is not None:
            raise ValueError("Only one of num_steps or last_step can be specified.")
        self._num_steps = num_steps
        self._last_step = last_step

    def begin(self) -> None:
        """Finds the global step in the default graph.

        Raises:
            RuntimeError: The graph has no global step.
        """
        self._global_step_tensor = required_global_step("StopAtStepHook")

    def after_create_session(self, session: "Session", coord: "Coordinator") -> None:
        """Works out the last step, at the first session of this hook.

        Args:
            session: The raw session.
            coord: Not used.
        """
        if self._last_step is None and self._num_steps is not None:
            self._last_step = int(session.run(self._global_step_tensor)) + self._num_steps

    def before_run(self, run_context: SessionRunContext) -> SessionRunArgs:
        """Asks for the global step.

        Args:
            run_context: The run.

        Returns:
            The global step.
        """
        return SessionRunArgs(step_before(self._global_step_tensor))

    def after_run(self, run_context: SessionRunContext, run_values: SessionRunValues) -> None:
        """Asks for a stop if the step has been reached.

        Args:
            run_context: The run.
            run_values: The global step, which may be that before the run.
        """
        if self._last_step is None or run_values.results + 1 < self._last_step:
            return
        if run_context.session.run(self._global_step_tensor) >= self._last_step:
            run_context.request_stop()


class CheckpointSaverListener:
    """Base class for what wants to act before and after each save of a `CheckpointSaverHook`.

    Source of the rules: tf.compat.v1.train.CheckpointSaverListener documentation.
    """

    def begin(self) -> None:
        """Called once while operations can still be added to the graph."""

    def before_save(self, session: "Session", global_step_value: int) -> None:
        """Called before each save.

        Args:
            session: The raw session.
            global_step_value: The global step of the checkpoint.
        """

    def after_save(self, session: "Session", global_step_value: int) -> bool | None:
        """Called after each save.

        Args:
            session: The raw session.
            global_step_value: The global step of the checkpoint.

        Returns:
            True to ask for a stop of the training.
        """
        return None

    def end(self, session: "Session", global_step_value: int) -> None:
        """Called once at the end, whether or not something was left to save.

        Args:
            session: The raw session.
            global_step_value: The last global step.
        """


class CheckpointSaverHook(SessionRunHook):
    """Saves checkpoints every so many seconds or steps, at the start and at the end.

    The first is saved when the session was made, so that a run that fails early can be resumed;
    the last at the end, unless that step is saved already.

    If another hook writes summaries to the same directory, TensorBoard gets the graph and a mark
    for each checkpoint, too.

    Source of the rules: tf.compat.v1.train.CheckpointSaverHook documentation. Ours differs: a
    listener's wish to stop also counts when it comes with the first save.

    Args:
        checkpoint_dir: The directory; it is made if it doesn't exist.
        save_secs: Seconds between two checkpoints.
        save_steps: Steps between two checkpoints. Exactly one of the two must be given.
        saver: The saver; by default that of the scaffold, or else the one in the graph's
            collection ``SAVERS``.
        checkpoint_basename: What the names of the checkpoints begin with.
        scaffold: The scaffold whose saver is used.
        listeners: Objects that are called before and after each save.
        save_graph_def: Whether the graph is written: once as ``graph.pbtxt``, which describes it
            to TensorFlow's tools, and beside each checkpoint as `import_meta_graph` reads it.

    Raises:
        ValueError: Both a saver and a scaffold are given; or not exactly one of ``save_secs`` and
            ``save_steps``.
    """

    def __init__(
        self,
        checkpoint_dir: str | os.PathLike[str],
        save_secs: float | None = None,
        save_steps: int | None = None,
        saver: Saver | None = None,
        checkpoint_basename: str = "model.ckpt",
        scaffold: "Scaffold | None" = None,
        listeners: Sequence[CheckpointSaverListener] | None = None,
        save_graph_def: bool = True,
    ) -> None:
        if saver is not None and scaffold is not None:
            raise ValueError("You cannot provide both saver and scaffold.")
        logging.info("Create CheckpointSaverHook.")
        self._saver = saver
        self._checkpoint_dir = os.fspath(checkpoint_dir)
        self._save_path = os.path.join(self._checkpoint_dir, checkpoint_basename)
        self._scaffold = scaffold
        self._timer = SecondOrStepTimer(every_secs=save_secs, every_steps=save_steps)
        self._listeners = list(listeners or ())
        self._save_graph_def = save_graph_def
        self._steps_per_run = _ANY_NUMBER_OF_STEPS
        self._last_saved_step: int | None = None

    def _set_steps_per_run(self, steps_per_run: int) -> None:
        self._steps_per_run = steps_per_run

    def begin(self) -> None:
        """Makes the directory, finds the global step, tells the listeners.

        Raises:
            RuntimeError: The graph has no global step.
        """
        if not is_rehearsal():
            os.makedirs(self._checkpoint_dir, exist_ok=True)
        self._global_step_tensor = required_global_step("CheckpointSaverHook")
        for listener in self._listeners:
            listener.begin()

    def after_create_session(self, session: "Session", coord: "Coordinator | None") -> None:
        """Saves the first checkpoint.

        Args:
            session: The raw session.
            coord: Asked to stop if a listener asks for it.
        """
        global_step = self._read_global_step(session)
        if self._save_graph_def and not is_rehearsal():
            write_graph(session.graph, self._checkpoint_dir, "graph.pbtxt")
        writer = FileWriterCache.find(self._checkpoint_dir)
        if writer is not None:
            writer.add_graph(session.graph)
        should_stop = self._save(session, global_step)
        self._timer.update_last_triggered_step(global_step)
        if should_stop and coord is not None:
            coord.request_stop()

    def before_run(self, run_context: SessionRunContext) -> SessionRunArgs:
        """Asks for the global step.

        Args:
            run_context: The run.

        Returns:
            The global step.
        """
        return SessionRunArgs(step_before(self._global_step_tensor))

    def after_run(self, run_context: SessionRunContext, run_values: SessionRunValues) -> None:
        """Saves a checkpoint if one is due.

        Args:
            run_context: The run; asked to stop if a listener asks for it.
            run_values: The global step, which may be that before the run.
        """
        stale_global_step = run_values.results
        if not self._timer.should_trigger_for_step(stale_global_step + self._steps_per_run):
            return
        global_step = self._read_global_step(run_context.session)
        if self._timer.should_trigger_for_step(global_step):
            self._timer.update_last_triggered_step(global_step)
            if self._save(run_context.session, global_step):
                run_context.request_stop()

    def end(self, session: "Session") -> None:
        """Saves the last checkpoint, if that step isn't saved yet; tells the listeners.

        Args:
            session: The raw session.
        """
        last_step = self._read_global_step(session)
        if last_step != self._last_saved_step:
            self._save(session, last_step)
        for listener in self._listeners:
            listener.end(session, last_step)
        writer = FileWriterCache.find(self._checkpoint_dir)
        if writer is not None:
            writer.flush()

    def _read_global_step(self, session: "Session") -> int:
        return int(session.run(self._global_step_tensor))

    def _save(self, session: "Session", step: int) -> bool:
        """Saves a checkpoint between the calls of the listeners; whether one asks for a stop."""
        logging.info(f"Calling checkpoint listeners before saving checkpoint {step}...")
        for listener in self._listeners:
            listener.before_save(session, step)
        logging.info(f"Saving checkpoints for {step} into {self._save_path}.")
        if not is_rehearsal():
            self._get_saver(session.graph).save(
                session, self._save_path, global_step=step, write_meta_graph=self._save_graph_def
            )
        self._last_saved_step = step
        self._mark_in_summaries(step)
        logging.info(f"Calling checkpoint listeners after saving checkpoint {step}...")
        should_stop = False
        for listener in self._listeners:
            if listener.after_save(session, step):
                logging.info(
                    "A CheckpointSaverListener requested that training be stopped. "
                    f"listener: {listener}"
                )
                should_stop = True
        return should_stop

    def _mark_in_summaries(self, step: int) -> None:
        writer = FileWriterCache.find(self._checkpoint_dir)
        if writer is not None:
            session_log = messages("event").SessionLog
            mark = session_log(status=session_log.CHECKPOINT, checkpoint_path=self._save_path)
            writer.add_session_log(mark, step)

    def _get_saver(self, graph: "Graph | None" = None) -> Saver:
        if self._saver is not None:
            return self._saver
        if self._scaffold is not None and self._scaffold.saver is not None:
            return self._scaffold.saver
        return _only_saver(graph or get_default_graph())


def _only_saver(graph: "Graph") -> Saver:
    """The saver in the graph's collection, where a default scaffold puts its own."""
    key = GraphKeys.SAVERS
    savers = graph.get_collection(key)
    if not savers:
        raise RuntimeError(
            f"No items in collection {key}. Please add a saver to the collection or provide a "
            "saver or scaffold to the CheckpointSaverHook."
        )
    if len(savers) > 1:
        raise RuntimeError(
            f"More than one item in collection {key}. Please indicate which one to use by passing "
            "it to the constructor of the CheckpointSaverHook."
        )
    saver: Saver = savers[0]
    return saver


def step_before(global_step: "Tensor | Variable") -> "Tensor | Variable":
    """What a hook fetches to know the global step before a run.

    Args:
        global_step: The global step.

    Returns:
        A tensor that reads it where the run begins; fetched itself, it is read where it ends. The
        same by its name, where hooks are replayed; itself, if there is no such tensor.
    """
    if isinstance(global_step, Variable):
        return global_step.value()
    try:
        return global_step.graph.get_tensor_by_name(f"{global_step.op.name}/read:0")
    except KeyError:
        return global_step


def required_global_step(hook: str) -> "Tensor | Variable":
    """The global step of the default graph, for a hook that can't do without.

    Args:
        hook: Name of the hook's class, for the message.

    Returns:
        The global step.

    Raises:
        RuntimeError: The graph has none.
    """
    global_step = get_global_step()
    if global_step is None:
        raise RuntimeError(
            f"Global step should be created to use {hook}. Call "
            "tf.train.get_or_create_global_step() while the graph is built."
        )
    return global_step


def _as_graph_element(tensor: "Tensor | Variable | str") -> "Tensor | Variable | Operation":
    """What a tensor or a name of one stands for in the default graph."""
    graph = get_default_graph()
    if not isinstance(tensor, str):
        if getattr(tensor, "graph", None) is not graph:
            raise ValueError(
                f"Passed {tensor} should have graph attribute that is equal to current graph "
                f"{graph}."
            )
        return tensor
    if ":" in tensor:
        return graph.as_graph_element(tensor)
    element = graph.as_graph_element(f"{tensor}:0")
    try:
        graph.as_graph_element(f"{tensor}:1")
    except (KeyError, ValueError):
        return element
    raise ValueError(
        f"Name {tensor} is ambiguous, as this `Operation` has multiple outputs (at least 2). "
        f"Write {tensor}:0 for the first."
    )


def __getattr__(name: str) -> Any:  # the other hooks that TensorFlow's module of this name has
    hooks = import_module("runtime.monitoring_hooks")
    if name not in hooks.__all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(hooks, name)
