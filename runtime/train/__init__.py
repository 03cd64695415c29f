"""``tf.train``: sessions, hooks, threads, checkpoints and optimizers for training.

Source of the names: the ``tf.compat.v1.train`` module documentation.
"""

from typing import Any

import runtime.graph.core  # noqa: F401  # sessions come with what every graph needs
from runtime import queue_runner
from runtime.basic_session_run_hooks import (
    CheckpointSaverHook,
    CheckpointSaverListener,
    LoggingTensorHook,
    SecondOrStepTimer,
    StopAtStepHook,
)
from runtime.checkpoint_state import (
    CheckpointState,
    checkpoint_exists,
    generate_checkpoint_state_proto,
    get_checkpoint_mtimes,
    get_checkpoint_state,
    latest_checkpoint,
    remove_checkpoint,
    update_checkpoint_state,
)
from runtime.checkpoint_utils import (
    LoadedCheckpoint,
    checkpoints_iterator,
    init_from_checkpoint,
    list_variables,
    load_checkpoint,
    load_variable,
    warm_start,
)
from runtime.cluster import ClusterSpec, Server, ServerDef, replica_device_setter
from runtime.coordinator import Coordinator, LooperThread
from runtime.example_messages import MESSAGES, message
from runtime.extra_hooks import EarlyStoppingHook, EvaluationHook, ProgressBarHook
from runtime.global_step import (
    assert_global_step,
    create_global_step,
    get_global_step,
    get_or_create_global_step,
    global_step,
)
from runtime.graph.adaptive_optimizers import (
    AdadeltaOptimizer,
    AdagradDAOptimizer,
    AdagradOptimizer,
    FtrlOptimizer,
    ProximalAdagradOptimizer,
    ProximalGradientDescentOptimizer,
    RMSPropOptimizer,
)
from runtime.graph.export import attributes
from runtime.graph.graph_def import write_graph
from runtime.graph.learning_rates import (
    cosine_decay,
    cosine_decay_restarts,
    exponential_decay,
    inverse_time_decay,
    linear_cosine_decay,
    natural_exp_decay,
    noisy_linear_cosine_decay,
    piecewise_constant,
    polynomial_decay,
)
from runtime.graph.moving_averages import ExponentialMovingAverage
from runtime.graph.optimizers import (
    AdamOptimizer,
    GradientDescentOptimizer,
    MomentumOptimizer,
    Optimizer,
)
from runtime.meta_graph import MetaGraphDef, export_meta_graph, import_meta_graph
from runtime.monitored_session import MonitoredSession
from runtime.monitored_training_session import MonitoredTrainingSession
from runtime.monitoring_hooks import (
    FeedFnHook,
    FinalOpsHook,
    GlobalStepWaiterHook,
    NanLossDuringTrainingError,
    NanTensorHook,
    ProfilerHook,
    StepCounterHook,
    SummarySaverHook,
)
from runtime.queue_runner import QueueRunner, add_queue_runner, start_queue_runners
from runtime.saver import Saver, SaverDef
from runtime.scaffold import Scaffold
from runtime.session import SingularMonitoredSession
from runtime.session_creator import (
    ChiefSessionCreator,
    SessionCreator,
    WorkerSessionCreator,
)
from runtime.session_manager import SessionManager
from runtime.session_run_hook import (
    SessionRunArgs,
    SessionRunContext,
    SessionRunHook,
    SessionRunValues,
)
from runtime.summary_writer import summary_iterator
from runtime.supervisor import Supervisor, basic_train_loop

NewCheckpointReader = LoadedCheckpoint
piecewise_constant_decay = piecewise_constant

__all__ = [
    "AdadeltaOptimizer",
    "AdagradDAOptimizer",
    "AdagradOptimizer",
    "AdamOptimizer",
    "CheckpointSaverHook",
    "CheckpointSaverListener",
    "CheckpointState",
    "ChiefSessionCreator",
    "ClusterSpec",
    "Coordinator",
    "EarlyStoppingHook",
    "EvaluationHook",
    "ExponentialMovingAverage",
    "FeedFnHook",
    "FinalOpsHook",
    "FtrlOptimizer",
    "GlobalStepWaiterHook",
    "GradientDescentOptimizer",
    "LoggingTensorHook",
    "LooperThread",
    "MetaGraphDef",
    "MomentumOptimizer",
    "MonitoredSession",
    "MonitoredTrainingSession",
    "NanLossDuringTrainingError",
    "NanTensorHook",
    "NewCheckpointReader",
    "Optimizer",
    "ProfilerHook",
    "ProgressBarHook",
    "ProximalAdagradOptimizer",
    "ProximalGradientDescentOptimizer",
    "QueueRunner",
    "RMSPropOptimizer",
    "Saver",
    "SaverDef",
    "Scaffold",
    "SecondOrStepTimer",
    "Server",
    "ServerDef",
    "SessionCreator",
    "SessionManager",
    "SessionRunArgs",
    "SessionRunContext",
    "SessionRunHook",
    "SessionRunValues",
    "SingularMonitoredSession",
    "StepCounterHook",
    "StopAtStepHook",
    "SummarySaverHook",
    "Supervisor",
    "WorkerSessionCreator",
    "add_queue_runner",
    "assert_global_step",
    "basic_train_loop",
    "checkpoint_exists",
    "checkpoints_iterator",
    "cosine_decay",
    "cosine_decay_restarts",
    "create_global_step",
    "exponential_decay",
    "export_meta_graph",
    "generate_checkpoint_state_proto",
    "get_checkpoint_mtimes",
    "get_checkpoint_state",
    "get_global_step",
    "get_or_create_global_step",
    "global_step",
    "import_meta_graph",
    "init_from_checkpoint",
    "inverse_time_decay",
    "latest_checkpoint",
    "linear_cosine_decay",
    "list_variables",
    "load_checkpoint",
    "load_variable",
    "natural_exp_decay",
    "noisy_linear_cosine_decay",
    "piecewise_constant",
    "piecewise_constant_decay",
    "polynomial_decay",
    "queue_runner",
    "remove_checkpoint",
    "replica_device_setter",
    "start_queue_runners",
    "summary_iterator",
    "update_checkpoint_state",
    "warm_start",
    "write_graph",
]

_look_up, __dir__ = attributes("train", globals())


def __getattr__(name: str) -> Any:  # Any: any public name
    return message(name) if name in MESSAGES else _look_up(name)
