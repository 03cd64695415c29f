"""Train on real handwritten digits, be killed, resume, and prove from the logs what happened.

    python examples/digits.py

1. A first process trains a multi-layer perceptron. In the middle of it, it is killed (SIGKILL).
2. A second process resumes from the last checkpoint and finishes.
3. Both event logs are audited. The first breaks off, and says in which call; the second is
   complete, follows the documented order, and restored what the first one saved.

The 1,797 images are split once, by a fixed permutation: 1,437 to train on, 360 to test with.
The exit code is 1 if anything is not as expected.
"""

from __future__ import annotations

import argparse
import gzip
import logging
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from tqdm import tqdm
from tqdm.contrib.logging import logging_redirect_tqdm

import runtime as tf
from statemachine import EventLog, Verdict, audit, replay

DATA = Path(__file__).parent / "data" / "digits.csv.gz"
TEST_IMAGES = 360
BATCH = 64
STEPS = 6000
SAVE_EVERY = 500
KILL_AFTER = 1000
SEED = 0
REQUIRED_ACCURACY = 0.96

Split = tuple[np.ndarray, np.ndarray]


def load_digits() -> tuple[Split, Split]:
    """The part to train on and the part to test with: images in 0..1 and labels of each."""
    with gzip.open(DATA) as file:
        rows = np.loadtxt(file, delimiter=",", dtype=np.int64)
    rows = np.random.default_rng(SEED).permutation(rows)
    images, labels = (rows[:, :64] / 16).astype(np.float32), rows[:, 64]
    test = slice(None, TEST_IMAGES)
    train = slice(TEST_IMAGES, None)
    return (images[train], labels[train]), (images[test], labels[test])


def input_queue(images: np.ndarray, labels: np.ndarray) -> tuple[tf.Tensor, tf.Tensor]:
    """Random batches, drawn by a queue runner's thread beside the training."""
    random = np.random.default_rng(SEED)

    def draw() -> Split:
        chosen = random.integers(len(images), size=BATCH)
        return images[chosen], labels[chosen]

    batch = tf.py_func(draw, [], [tf.float32, tf.int64], name="draw")
    queue = tf.FIFOQueue(16, [tf.float32, tf.int64], shapes=[[BATCH, 64], [BATCH]])
    tf.train.add_queue_runner(tf.train.QueueRunner(queue, [queue.enqueue(batch)]))
    return queue.dequeue()


def dense(inputs: tf.Tensor, units: int, name: str) -> tf.Tensor:
    """One fully connected layer."""
    with tf.variable_scope(name):
        width = inputs.shape.as_list()[-1]
        weights = tf.get_variable(
            "weights", [width, units], initializer=tf.glorot_uniform_initializer(seed=SEED)
        )
        biases = tf.get_variable("biases", [units], initializer=tf.zeros_initializer())
        return tf.matmul(inputs, weights) + biases


class ProgressHook(tf.train.SessionRunHook):
    """Shows a progress bar, starting where the checkpoint left off."""

    def __init__(self, total: int) -> None:
        self._total = total

    def begin(self) -> None:
        self._global_step = tf.train.get_global_step()

    def after_create_session(self, session: tf.Session, coord: tf.train.Coordinator) -> None:
        self._bar = tqdm(
            total=self._total,
            initial=int(session.run(self._global_step)),
            desc="training",
            unit=" steps",
            disable=None,
        )

    def after_run(self, run_context: tf.train.SessionRunContext, run_values: object) -> None:
        self._bar.update()

    def end(self, session: tf.Session) -> None:
        self._bar.close()


def build_model(train: Split) -> tuple[tf.Operation, tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor]:
    """The graph: the operation that trains, the loss, where images may be fed, the answers."""
    tf.set_random_seed(SEED)
    drawn_images, labels = input_queue(*train)
    images = tf.placeholder_with_default(drawn_images, [None, 64], name="images")
    hidden = tf.nn.relu(dense(images, 128, "hidden"))
    logits = dense(hidden, 10, "logits")
    loss = tf.reduce_mean(
        tf.nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=logits), name="loss"
    )
    global_step = tf.train.get_or_create_global_step()
    train_op = tf.train.AdamOptimizer(1e-3).minimize(loss, global_step=global_step)
    return train_op, loss, images, tf.argmax(logits, 1), global_step


def train(directory: Path, log: Path) -> None:
    """Train up to STEPS, from the last checkpoint in the directory if there is one."""
    tf.logging.set_verbosity(tf.logging.INFO)
    train_part, (test_images, test_labels) = load_digits()
    train_op, loss, images, answers, global_step = build_model(train_part)
    hooks = [
        tf.train.StopAtStepHook(last_step=STEPS),
        tf.train.CheckpointSaverHook(str(directory), save_steps=SAVE_EVERY),
        tf.train.LoggingTensorHook({"step": global_step, "loss": loss}, every_n_iter=1000),
        ProgressHook(STEPS),
    ]
    with tf.train.SingularMonitoredSession(
        hooks=hooks, checkpoint_dir=str(directory), event_log=log
    ) as session:
        while not session.should_stop():
            session.run(train_op)
        answered = session.raw_session().run(answers, {images: test_images})
    report_accuracy(test_images, test_labels, answered)


def report_accuracy(images: np.ndarray, labels: np.ndarray, answered: np.ndarray) -> None:
    """Say how many test images were read right, and show one that was not."""
    right = answered == labels
    print(f"read {right.sum()} of {len(labels)} test images right: {right.mean():.1%}")
    for wrong in np.flatnonzero(~right)[:1]:
        print(f"taken for a {answered[wrong]}, though it is a {labels[wrong]}:")
        for row in images[wrong].reshape(8, 8):
            print("    " + "".join(" .:-=+*#%@"[int(ink * 9)] * 2 for ink in row))
    if right.mean() <= REQUIRED_ACCURACY:
        sys.exit(f"expected more than {REQUIRED_ACCURACY:.0%}")


def training_process(directory: Path, log: Path) -> subprocess.Popen[bytes]:
    """This program once more, as the process that trains."""
    command = [sys.executable, __file__, "--train", "--directory", directory, "--log", log]
    # One thread multiplies matrices this small faster than several that wait for each other.
    return subprocess.Popen(command, env=os.environ | {"OPENBLAS_NUM_THREADS": "1"})


def saved_step(directory: Path) -> int:
    """The step of the newest checkpoint, 0 if there is none."""
    newest = tf.train.latest_checkpoint(str(directory))
    return int(newest.rsplit("-", 1)[1]) if newest else 0


def train_and_kill(directory: Path, log: Path) -> None:
    """Kill the process in the middle of its training, some time after a checkpoint."""
    process = training_process(directory, log)
    while process.poll() is None and saved_step(directory) < KILL_AFTER:
        time.sleep(0.01)
    time.sleep(0.1)  # some hundred steps that no checkpoint has
    process.kill()
    if process.wait() != -signal.SIGKILL:
        sys.exit(f"the first process was to be killed, but ended by itself: {process.returncode}")
    print(f"\nkilled; the last checkpoint is of step {saved_step(directory)}")


def train_to_the_end(directory: Path, log: Path) -> None:
    """Resume, and let the process finish."""
    if code := training_process(directory, log).wait():
        sys.exit(f"the second process was to finish, but ended with {code}")


def demonstrate(directory: Path) -> None:
    """Train in two processes and audit what they left."""
    first, second = directory / "first.arrows", directory / "second.arrows"
    print(f"checkpoints and logs are in {directory}\n\nFirst process, to be killed")
    train_and_kill(directory, first)
    print("\nSecond process, resuming")
    train_to_the_end(directory, second)
    print("\nAudit")
    audit_both(EventLog.open(first), EventLog.open(second))


def audit_both(first: EventLog, second: EventLog) -> None:
    """Audit what the processes left, and compare with what is expected."""
    died, of_first = replay(first), audit(first)
    print(f"The first log\n{of_first}")
    print(f"{died.steps_done} steps were done. It died in: {died.stopped_in}\n")
    finished, of_second = replay(second), audit(second, known=[first])
    print(f"The second log, with the first one known\n{of_second}")
    print(f"{finished.steps_done} steps were done. It stopped: {finished.stop_reason}")
    expect("the first log breaks off", of_first.completeness is Verdict.FAIL)
    expect("the first log names the call in which it died", died.stopped_in is not None)
    expect("what is in the first log keeps the order", of_first.conformance is Verdict.PASS)
    for name in ("integrity", "completeness", "conformance", "lineage"):
        expect(f"{name} of the second log", getattr(of_second, name) is Verdict.PASS)
    restored = finished.last_restored
    expect("the second process resumed", restored is not None and (restored.step or 0) > 0)


def expect(what: str, holds: bool) -> None:
    """End with an error if it doesn't hold."""
    if not holds:
        sys.exit(f"not as expected: {what}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--directory", type=Path, help="where checkpoints and logs go")
    parser.add_argument("--train", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--log", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    sys.stdout.reconfigure(line_buffering=True)  # what both processes say, in its order
    if options.train:
        logger = logging.getLogger("tensorflow")
        logger.addFilter(lambda record: "listeners" not in record.getMessage())
        with logging_redirect_tqdm([logger]):
            train(options.directory, options.log)
    else:
        demonstrate(fresh_directory(options.directory))


def fresh_directory(parent: Path | None) -> Path:
    """A new directory for one demonstration."""
    if parent is None:
        return Path(tempfile.mkdtemp(prefix="digits-"))
    directory = parent / time.strftime("%Y-%m-%dT%H%M%S")
    directory.mkdir(parents=True)
    return directory


if __name__ == "__main__":
    main()
