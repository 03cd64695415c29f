"""The names of tf.train."""

import pytest

import runtime as tf

NAMES = [
    *("AdamOptimizer", "GradientDescentOptimizer", "MomentumOptimizer", "Optimizer"),
    *("CheckpointSaverHook", "CheckpointSaverListener", "LoggingTensorHook", "StopAtStepHook"),
    *("SecondOrStepTimer", "SessionRunArgs", "SessionRunContext", "SessionRunHook"),
    *("SessionRunValues", "Coordinator", "LooperThread", "QueueRunner", "add_queue_runner"),
    *("start_queue_runners", "Saver", "Scaffold", "SingularMonitoredSession"),
    *("latest_checkpoint", "get_checkpoint_state", "update_checkpoint_state"),
    *("checkpoint_exists", "generate_checkpoint_state_proto", "get_checkpoint_mtimes"),
    *("remove_checkpoint", "assert_global_step", "create_global_step", "get_global_step"),
    *("get_or_create_global_step", "global_step"),
]


@pytest.mark.parametrize("name", NAMES)
def test_tf_train_has(name: str) -> None:
    """A program that is moved over finds the name where TensorFlow has it."""
    assert getattr(tf.train, name) is not None
    assert name in tf.train.__all__


def test_every_public_name_is_there() -> None:
    """What `from runtime.train import *` promises exists."""
    assert [name for name in tf.train.__all__ if not hasattr(tf.train, name)] == []


def test_a_name_that_is_missing_is_told_with_its_neighbours() -> None:
    """AttributeError with the nearest names that exist."""
    with pytest.raises(AttributeError, match=r"tf\.train\.StopAtStep does .*StopAtStepHook"):
        _ = tf.train.StopAtStep
