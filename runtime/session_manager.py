"""`SessionManager`: opens a raw session and makes the model in it ready.

Source of the names and rules: the documentation of tf.compat.v1.train.SessionManager.
"""

import contextlib
import os
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

import numpy as np

from runtime import errors, logging
from runtime.checkpoint_state import get_checkpoint_state
from runtime.graph.graph import get_default_graph
from runtime.graph.session import Session

__all__ = ["SessionManager"]

Path = str | os.PathLike[str]
_ROUNDS_BETWEEN_WARNINGS: Final = 10


class SessionManager:
    """Opens a raw session, and initializes, restores, or waits for the model.

    Args:
        local_init_op: Run in each new session; None for nothing.
        ready_op: Gives the names of variables that are not ready, shape (names,), strings; None
            if nothing is to be checked.
        ready_for_local_init_op: The same, before the local init op is run.
        graph: The graph; the default one if None.
        recovery_wait_secs: Seconds between two looks for a checkpoint or a ready model.
        local_init_run_options: `RunOptions` for the run of the local init op.
        local_init_feed_dict: What is fed to that run.

    Raises:
        ValueError: If there is something to check before a local init op that there is not.
    """

    # Any: operations, options and feeds are as `Session.run` takes them.
    def __init__(
        self,
        local_init_op: Any = None,
        ready_op: Any = None,
        ready_for_local_init_op: Any = None,
        graph: Any = None,
        recovery_wait_secs: float = 30,
        local_init_run_options: Any = None,
        local_init_feed_dict: Mapping[Any, Any] | None = None,
    ) -> None:
        self._local_init_op = local_init_op
        self._ready_op = ready_op
        self._ready_for_local_init_op = ready_for_local_init_op
        self._graph = get_default_graph() if graph is None else graph
        self._recovery_wait_secs = recovery_wait_secs
        self._local_init_run_options = local_init_run_options
        self._local_init_feed_dict = local_init_feed_dict
        if ready_for_local_init_op is not None and local_init_op is None:
            raise ValueError(
                "If you pass a ready_for_local_init_op you must also pass a local_init_op , "
                f"ready_for_local_init_op [{ready_for_local_init_op}]"
            )

    def prepare_session(
        self,
        master: str,
        init_op: Any = None,
        saver: Any = None,
        checkpoint_dir: Path | None = None,
        checkpoint_filename_with_path: Path | None = None,
        wait_for_checkpoint: bool = False,
        max_wait_secs: float = 7200,
        config: Any = None,
        init_feed_dict: Mapping[Any, Any] | None = None,
        init_fn: Callable[[Any], object] | None = None,
    ) -> Any:
        """Opens a session and makes its model ready: from a checkpoint if there is one, or anew.

        Args:
            master: Of the embedded engine only `''` is known.
            init_op: Initializes the model.
            saver: Restores it.
            checkpoint_dir: Directory whose latest checkpoint is restored.
            checkpoint_filename_with_path: The checkpoint that is restored.
            wait_for_checkpoint: Whether to wait until there is one.
            max_wait_secs: For how many seconds at most.
            config: A `ConfigProto`.
            init_feed_dict: What is fed to `init_op`.
            init_fn: Called with the session after `init_op`.

        Returns:
            The session.

        Raises:
            RuntimeError: If nothing was given that could initialize the model, or it is not ready.
            ValueError: If both a directory and a checkpoint are given.
        """
        sess, restored = self._restored_session(
            master,
            saver,
            checkpoint_dir,
            checkpoint_filename_with_path,
            wait_for_checkpoint,
            max_wait_secs,
            config,
        )
        with _closed_if_that_fails(sess):
            if not restored:
                self._initialize(sess, init_op, init_feed_dict, init_fn)
            self._make_ready(sess, init_op, init_fn)
        return sess

    def _make_ready(self, sess: Any, init_op: Any, init_fn: Any) -> None:
        problem = self._try_local_init(sess)
        if problem is not None:
            raise RuntimeError(
                "Init operations did not make model ready for local_init. "
                f"Init op: {_name(init_op)}, init fn: {init_fn}, error: {problem}"
            )
        problem = _not_ready(sess, self._ready_op)
        if problem is not None:
            raise RuntimeError(
                f"Init operations did not make model ready. Init op: {_name(init_op)}, init fn: "
                f"{init_fn}, local_init_op: {_name(self._local_init_op)}, error: {problem}"
            )

    def _initialize(
        self,
        sess: Any,
        init_op: Any,
        feeds: Mapping[Any, Any] | None,
        init_fn: Callable[[Any], object] | None,
    ) -> None:
        if init_op is None and init_fn is None and self._local_init_op is None:
            raise RuntimeError(
                "Model is not initialized and no init_op or init_fn or local_init_op was given"
            )
        if init_op is not None:
            sess.run(init_op, feed_dict=feeds)
        if init_fn is not None:
            init_fn(sess)

    def recover_session(
        self,
        master: str,
        saver: Any = None,
        checkpoint_dir: Path | None = None,
        checkpoint_filename_with_path: Path | None = None,
        wait_for_checkpoint: bool = False,
        max_wait_secs: float = 7200,
        config: Any = None,
    ) -> tuple[Any, bool]:
        """Opens a session and restores its model if there is a checkpoint.

        The local init op is run in any case.

        Args:
            master: As for `prepare_session`; so the others.
            saver: Restores the model.
            checkpoint_dir: Directory whose latest checkpoint is restored.
            checkpoint_filename_with_path: The checkpoint that is restored.
            wait_for_checkpoint: Whether to wait until there is one.
            max_wait_secs: For how many seconds at most.
            config: A `ConfigProto`.

        Returns:
            The session, and whether its model was restored and is ready.

        Raises:
            ValueError: If both a directory and a checkpoint are given.
        """
        sess, restored = self._restored_session(
            master,
            saver,
            checkpoint_dir,
            checkpoint_filename_with_path,
            wait_for_checkpoint,
            max_wait_secs,
            config,
        )
        with _closed_if_that_fails(sess):
            problem = self._try_local_init(sess)
            if not restored:
                return sess, False
            return sess, self._is_ready(
                sess, problem, checkpoint_dir or checkpoint_filename_with_path
            )

    def _is_ready(self, sess: Any, problem: str | None, source: Path | None) -> bool:
        """Whether a restored model is ready; what it lacks before its local init op is known."""
        if problem is not None:
            logging.info(
                f"Restoring model from {source} did not make model ready for local init: {problem}"
            )
            return False
        problem = _not_ready(sess, self._ready_op)
        if problem is not None:
            logging.info(f"Restoring model from {source} did not make model ready: {problem}")
            return False
        logging.info(f"Restored model from {source}")
        return True

    def wait_for_session(
        self, master: str, config: Any = None, max_wait_secs: float = float("inf")
    ) -> Any:
        """Opens sessions, one after the other, until the model in one of them is ready.

        Says after each look what it waits for, and warns of it now and then.

        Args:
            master: Of the embedded engine only `''` is known.
            config: A `ConfigProto`.
            max_wait_secs: For how many seconds at most; None for no limit.

        Returns:
            The session, with its local variables initialized.

        Raises:
            DeadlineExceededError: If the model is not ready in time.
        """
        limit = float("inf") if max_wait_secs is None else max_wait_secs
        begun, rounds = time.time(), 0
        while True:
            sess = Session(master, graph=self._graph, config=config)
            with _closed_if_that_fails(sess):
                problem = local = self._try_local_init(sess)
                if problem is None:
                    problem = _not_ready(sess, self._ready_op)
            if problem is None:
                return sess
            _close(sess)
            if limit - (time.time() - begun) - self._recovery_wait_secs < 0:
                raise errors.DeadlineExceededError(
                    None, None, f"Session was not ready after waiting {max_wait_secs} secs."
                )
            waiting = (
                f"Waiting for model to be ready.  Ready_for_local_init_op:  {local}, "
                f"ready: {problem}"
            )
            rounds += 1
            (logging.info if rounds % _ROUNDS_BETWEEN_WARNINGS else logging.warning)(waiting)
            time.sleep(self._recovery_wait_secs)

    def _restored_session(
        self,
        master: str,
        saver: Any,
        directory: Path | None,
        file: Path | None,
        wait: bool,
        max_wait_secs: float,
        config: Any,
    ) -> tuple[Any, bool]:
        """A new session, and whether a checkpoint was restored into it."""
        if directory and file:
            raise ValueError(
                "Can not provide both checkpoint_dir and checkpoint_filename_with_path."
            )
        sess = Session(master, graph=self._graph, config=config)
        if saver is None or not (directory or file):
            return sess, False
        with _closed_if_that_fails(sess):
            if file:
                saver.restore(sess, file)
                return sess, True
            state = self._checkpoint_state(directory, max_wait_secs if wait else 0)
            if state is None:
                return sess, False
            saver.restore(sess, state.model_checkpoint_path)
            saver.recover_last_checkpoints(state.all_model_checkpoint_paths)
        return sess, True

    def _checkpoint_state(self, directory: Path | None, patience: float) -> Any:
        """What a directory says of its checkpoints, as soon as it does; None if it never does."""
        waited = 0.0
        while True:
            state = get_checkpoint_state(directory) if directory else None
            if state is not None and state.model_checkpoint_path:
                return state
            if waited >= patience:
                return None
            logging.info("Waiting for checkpoint to be available.")
            time.sleep(self._recovery_wait_secs)
            waited += self._recovery_wait_secs

    def _try_local_init(self, sess: Any) -> str | None:
        """Run the local init op; returns what it could not be run for, or None."""
        if self._local_init_op is None:
            return None
        problem = _not_ready(sess, self._ready_for_local_init_op)
        if problem is None:
            logging.info("Running local_init_op.")
            sess.run(
                self._local_init_op,
                feed_dict=self._local_init_feed_dict,
                options=self._local_init_run_options,
            )
            logging.info("Done running local_init_op.")
        return problem


def _not_ready(sess: Any, ready_op: Any) -> str | None:
    """What a readiness check says is not ready, or None."""
    if ready_op is None:
        return None
    try:
        names = sess.run(ready_op)
    except errors.FailedPreconditionError as error:
        if "uninitialized" not in str(error):
            raise
        return str(error)
    value = np.asarray([] if names is None else names)
    if value.dtype == np.int32 or value.size == 0:
        return None
    missing = (n.decode("utf-8", "replace") if isinstance(n, bytes) else str(n) for n in value.flat)
    return f"Variables not initialized: {', '.join(missing)}"


@contextlib.contextmanager
def _closed_if_that_fails(sess: Any) -> Iterator[None]:
    """Whoever opens a session here gets no hold of it after an error, so it is closed."""
    try:
        yield
    except BaseException:
        _close(sess)
        raise


def _close(sess: Any) -> None:
    """Close a session that is of no use; whatever goes wrong with it does no harm."""
    try:
        sess.close()
    except Exception as error:
        logging.info(f"A session that is not ready could not be closed: {error}")


def _name(operation: Any) -> str:
    return str(getattr(operation, "name", operation))
