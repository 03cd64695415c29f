"""`MonitoredTrainingSession`: a `MonitoredSession` with the hooks that training usually has.

Source of the names and rules: the documentation of tf.compat.v1.train.MonitoredTrainingSession.
"""

import os
from collections.abc import Iterable
from typing import Any, Final

from runtime.basic_session_run_hooks import CheckpointSaverHook
from runtime.monitored_session import MonitoredSession
from runtime.monitoring_hooks import StepCounterHook, SummarySaverHook
from runtime.scaffold import Scaffold
from runtime.session_creator import ChiefSessionCreator, WorkerSessionCreator
from runtime.session_run_hook import SessionRunHook

__all__ = ["MonitoredTrainingSession"]

USE_DEFAULT: Final = object()
"""Stands for an argument that was not given."""


# Any: numbers may be left out, None or USE_DEFAULT; the configuration is the engine's.
def MonitoredTrainingSession(
    master: str = "",
    is_chief: bool = True,
    checkpoint_dir: str | os.PathLike[str] | None = None,
    scaffold: Scaffold | None = None,
    hooks: Iterable[SessionRunHook] | None = None,
    chief_only_hooks: Iterable[SessionRunHook] | None = None,
    save_checkpoint_secs: Any = USE_DEFAULT,
    save_summaries_steps: Any = USE_DEFAULT,
    save_summaries_secs: Any = USE_DEFAULT,
    config: Any = None,
    stop_grace_period_secs: float = 120,
    log_step_count_steps: int | None = 100,
    max_wait_secs: float = 7200,
    save_checkpoint_steps: Any = USE_DEFAULT,
    summary_dir: str | os.PathLike[str] | None = None,
    save_graph_def: bool = True,
    *,
    event_log: Any = None,
    max_recoveries: int | None = None,
) -> MonitoredSession:
    """Makes a `MonitoredSession` for training.

    A chief's session initializes and restores the model, counts steps, and saves summaries and
    checkpoints, as far as there is a directory for them; a worker's waits for the chief.

    Args:
        master: Of the embedded engine only `''` is known.
        is_chief: Whether it is the chief's.
        checkpoint_dir: Where checkpoints are, and are saved.
        scaffold: Gives the supportive operations; None for the default one.
        hooks: Hooks of every session.
        chief_only_hooks: Hooks of the chief's, called before all others.
        save_checkpoint_secs: Seconds between two checkpoints; 600 if neither it nor
            `save_checkpoint_steps` is given, None or 0 for none.
        save_summaries_steps: Steps between two summaries; 100 if neither it nor
            `save_summaries_secs` is given, None or 0 for none.
        save_summaries_secs: Seconds between two summaries.
        config: A `ConfigProto`.
        stop_grace_period_secs: How many seconds threads get to stop at the end.
        log_step_count_steps: Steps between two counts of steps per second; None or 0 for none.
        max_wait_secs: How many seconds a worker waits for the chief.
        save_checkpoint_steps: Steps between two checkpoints.
        summary_dir: Where summaries go; `checkpoint_dir` if None.
        save_graph_def: Whether the graph is saved beside checkpoints.
        event_log: Where the event log goes; if None, into a chief's `checkpoint_dir`, if any.
        max_recoveries: As for `MonitoredSession`.

    Returns:
        The session.
    """
    scaffold = scaffold or Scaffold()
    listed = list(hooks or ())
    creator: ChiefSessionCreator | WorkerSessionCreator
    if is_chief:
        creator = ChiefSessionCreator(scaffold, master, config, checkpoint_dir)
        summaries = _summary_hooks(
            summary_dir or checkpoint_dir,
            scaffold,
            log_step_count_steps,
            *_steps_and_secs(save_summaries_steps, save_summaries_secs, (100, None)),
        )
        checkpoints = _checkpoint_hooks(
            checkpoint_dir,
            scaffold,
            save_graph_def,
            *_steps_and_secs(save_checkpoint_steps, save_checkpoint_secs, (None, 600)),
        )
        listed = [*(chief_only_hooks or ()), *summaries, *checkpoints, *listed]
    else:
        creator = WorkerSessionCreator(scaffold, master, config, max_wait_secs)
    return MonitoredSession(
        creator,
        listed,
        stop_grace_period_secs,
        event_log=event_log,
        max_recoveries=max_recoveries,
    )


def _steps_and_secs(steps: Any, secs: Any, usual: tuple[Any, Any]) -> tuple[Any, Any]:
    """What was given; where one was not it is None, where neither was it is as usual."""
    if steps is USE_DEFAULT and secs is USE_DEFAULT:
        return usual
    return None if steps is USE_DEFAULT else steps, None if secs is USE_DEFAULT else secs


def _summary_hooks(
    directory: Any, scaffold: Scaffold, count_steps: Any, steps: Any, secs: Any
) -> list[SessionRunHook]:
    if not directory:
        return []
    found: list[SessionRunHook] = []
    if count_steps and count_steps > 0:
        found.append(StepCounterHook(output_dir=directory, every_n_steps=count_steps))
    if _wanted(steps) or _wanted(secs):
        found.append(
            SummarySaverHook(
                scaffold=scaffold, save_steps=steps, save_secs=secs, output_dir=directory
            )
        )
    return found


def _checkpoint_hooks(
    directory: Any, scaffold: Scaffold, save_graph_def: bool, steps: Any, secs: Any
) -> list[SessionRunHook]:
    if not directory or not (_wanted(steps) or _wanted(secs)):
        return []
    return [
        CheckpointSaverHook(
            directory,
            save_steps=steps,
            save_secs=secs,
            scaffold=scaffold,
            save_graph_def=save_graph_def,
        )
    ]


def _wanted(number: Any) -> bool:
    return bool(number) and number > 0
