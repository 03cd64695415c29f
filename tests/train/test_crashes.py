"""Trainings that are killed again and again end where an uninterrupted one does."""

import hashlib
import os
import random
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import numpy as np
import pytest

import runtime as tf
from runtime.checkpoint_file import CheckpointReader

STEPS = 400

PROGRAM = textwrap.dedent(
    """
    import sys
    import numpy as np
    import runtime as tf

    directory, last_step = sys.argv[1], int(sys.argv[2])
    data = np.random.default_rng(0).normal(size=(64, 8)).astype(np.float32)
    step = tf.train.get_or_create_global_step()
    x = tf.placeholder(tf.float32, [8, 8])
    weights = tf.get_variable("w", [8, 64], initializer=tf.ones_initializer())
    ballast = tf.get_variable("ballast", [400_000], initializer=tf.ones_initializer())
    loss = tf.reduce_mean(tf.square(tf.matmul(x, weights) - 1.0)) + tf.reduce_mean(ballast)
    train_op = tf.train.AdamOptimizer(0.01).minimize(loss, global_step=step)

    class Feeds(tf.train.SessionRunHook):
        '''The batch follows from the step alone.'''

        def before_run(self, run_context):
            at = int(run_context.session.run(step)) * 8 % 64
            return tf.train.SessionRunArgs(None, feed_dict={x: data[at : at + 8]})

    hooks = [
        Feeds(),
        tf.train.CheckpointSaverHook(directory, save_steps=3),
        tf.train.StopAtStepHook(last_step=last_step),
    ]
    with tf.train.SingularMonitoredSession(
        hooks=hooks, checkpoint_dir=directory, event_log=directory + "/../logs"
    ) as session:
        print("started", flush=True)
        while not session.should_stop():
            session.run(train_op)
    """
)


def start(directory: Path) -> subprocess.Popen[str]:
    (directory.parent / "logs").mkdir(exist_ok=True)
    arguments = [sys.executable, "-c", PROGRAM, str(directory), str(STEPS)]
    return subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def digests(directory: Path) -> dict[str, str]:
    newest = tf.train.latest_checkpoint(directory)
    assert newest is not None
    with CheckpointReader(f"{newest}.safetensors") as reader:
        values = reader.read(reader.contents())
    return {
        name: hashlib.sha256(np.ascontiguousarray(value).tobytes()).hexdigest()
        for name, value in values.items()
    }


def wait_for_start(process: subprocess.Popen[str]) -> bool:
    """Whether it starts; it ends without if it has nothing left to do wrong."""
    assert process.stdout is not None
    return process.stdout.readline() == "started\n"


@pytest.mark.deep
def test_killed_many_times_and_never_killed_are_bit_identical(tmp_path: Path) -> None:
    """SIGKILL at random moments: each restart finds a whole checkpoint, and the end is the same."""
    whole, killed = tmp_path / "whole" / "saved", tmp_path / "killed" / "saved"
    for directory in (whole, killed):
        directory.mkdir(parents=True)
    process = start(whole)
    assert process.communicate(timeout=300)[1] == ""
    rng, kills = random.Random(0), 0
    for _ in range(300):
        process = start(killed)
        assert wait_for_start(process), process.communicate()
        time.sleep(rng.uniform(0.0, 0.25))
        if process.poll() is None:
            process.send_signal(signal.SIGKILL)
        _, errors = process.communicate(timeout=60)
        assert errors == ""
        kills += process.returncode == -signal.SIGKILL
        # A program that is killed on its way out, all steps done, would do one more if started.
        newest = tf.train.latest_checkpoint(killed) or ""
        if process.returncode == 0 or newest.endswith(f"-{STEPS}"):
            break
    assert kills >= 3
    assert digests(killed) == digests(whole)
    left = [name for name in os.listdir(killed) if name.endswith(".saving")]
    assert left == []
