"""`Supervisor`: the sessions, checkpoints and summaries of programs from before `MonitoredSession`.

Source of the rules: the ``tf.compat.v1.train.Supervisor`` documentation.
"""

import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final

from runtime import errors, logging
from runtime.coordinator import Coordinator, LooperThread
from runtime.global_step import get_global_step
from runtime.global_step import global_step as step_of
from runtime.graph.graph import get_default_graph
from runtime.graph.graph_def import write_graph
from runtime.graph.keys import GraphKeys
from runtime.graph.ops.control_flow import group
from runtime.graph.variables import (
    global_variables,
    global_variables_initializer,
    local_variables_initializer,
    report_uninitialized_variables,
    tables_initializer,
)
from runtime.saver import Saver
from runtime.session_manager import SessionManager

__all__ = ["Supervisor", "basic_train_loop"]

_USE_DEFAULT: Final = 0


class Supervisor:
    """Prepares sessions, and saves and summarizes in threads beside them.

    It writes no event log: `MonitoredTrainingSession` takes its place in new programs, and does.

    Source: the ``tf.compat.v1.train.Supervisor`` documentation.

    Args:
        graph: The graph; the default one if None. It is finalized.
        ready_op: Gives the names of variables that are not ready; by default all that have no
            value. None for no check. This and what follows can be made by default:
            `Supervisor.USE_DEFAULT`.
        ready_for_local_init_op: The same, before the local init op is run.
        is_chief: Whether this process initializes, saves and summarizes.
        init_op: Initializes the model.
        init_feed_dict: What is fed to that.
        local_init_op: Initializes what no checkpoint holds.
        logdir: Directory for checkpoints and summaries; none are written if None.
        summary_op: What is summarized; all summaries by default.
        saver: Saves and restores.
        global_step: Counts the steps.
        save_summaries_secs: Seconds between summaries; 0 for none.
        save_model_secs: Seconds between checkpoints; 0 for none.
        recovery_wait_secs: Seconds between two looks for a ready model, if not the chief.
        stop_grace_secs: Seconds that threads have to stop.
        checkpoint_basename: How the names of checkpoints begin.
        session_manager: Opens sessions.
        summary_writer: Writes summaries; None for no summaries.
        init_fn: Called with the session after `init_op`.
        local_init_run_options: Options for the run of the local init op.
    """

    USE_DEFAULT: Final = _USE_DEFAULT

    # Any: operations, feeds and options are as `Session.run` takes them.
    def __init__(
        self,
        graph: Any = None,
        ready_op: Any = _USE_DEFAULT,
        ready_for_local_init_op: Any = _USE_DEFAULT,
        is_chief: bool = True,
        init_op: Any = _USE_DEFAULT,
        init_feed_dict: Mapping[Any, Any] | None = None,
        local_init_op: Any = _USE_DEFAULT,
        logdir: str | os.PathLike[str] | None = None,
        summary_op: Any = _USE_DEFAULT,
        saver: Any = _USE_DEFAULT,
        global_step: Any = _USE_DEFAULT,
        save_summaries_secs: float = 120,
        save_model_secs: float = 600,
        recovery_wait_secs: float = 30,
        stop_grace_secs: float = 120,
        checkpoint_basename: str = "model.ckpt",
        session_manager: Any = None,
        summary_writer: Any = _USE_DEFAULT,
        init_fn: Callable[[Any], object] | None = None,
        local_init_run_options: Any = None,
    ) -> None:
        self._graph = get_default_graph() if graph is None else graph
        self._is_chief = is_chief
        self._init_feed_dict, self._init_fn = init_feed_dict, init_fn
        self._logdir = None if logdir is None else os.fspath(logdir)
        self._save_path = self._logdir and os.path.join(self._logdir, checkpoint_basename)
        self._save_summaries_secs, self._save_model_secs = save_summaries_secs, save_model_secs
        self._stop_grace_secs = stop_grace_secs
        self._coord = Coordinator()
        self._graph_written = False
        self._writing = threading.Lock()
        with self._graph.as_default():
            self._ready_op = _chosen(ready_op, GraphKeys.READY_OP, report_uninitialized_variables)
            self._init_op = _chosen(init_op, GraphKeys.INIT_OP, global_variables_initializer)
            local = _chosen(local_init_op, GraphKeys.LOCAL_INIT_OP, _local_init_op)
            ready_for_local = _chosen(
                ready_for_local_init_op, GraphKeys.READY_FOR_LOCAL_INIT_OP, lambda: None
            )
            self._saver = _chosen(
                saver, GraphKeys.SAVERS, lambda: Saver() if global_variables() else None
            )
            self._summary_op = _chosen(summary_op, GraphKeys.SUMMARY_OP, _all_summaries)
            self._global_step = get_global_step() if _is_default(global_step) else global_step
        self._summary_writer = summary_writer
        if _is_default(summary_writer):
            self._summary_writer = self._writer() if self._is_chief and self._logdir else None
        self._session_manager = session_manager or SessionManager(
            local_init_op=local,
            ready_op=self._ready_op,
            ready_for_local_init_op=ready_for_local if local is not None else None,
            graph=self._graph,
            recovery_wait_secs=recovery_wait_secs,
            local_init_run_options=local_init_run_options,
        )
        self._graph.finalize()

    def _writer(self) -> Any:
        from runtime.summary_writer import FileWriter

        try:
            return FileWriter(str(self._logdir))
        except ImportError as error:
            logging.warning(f"No summaries are written: {error}")
            return None

    # What it was made with.

    @property
    def is_chief(self) -> bool:
        """Whether this process initializes, saves and summarizes."""
        return self._is_chief

    @property
    def session_manager(self) -> Any:
        """What opens sessions."""
        return self._session_manager

    @property
    def coord(self) -> Coordinator:
        """The coordinator of the threads."""
        return self._coord

    @property
    def init_op(self) -> Any:
        """What initializes the model."""
        return self._init_op

    @property
    def init_feed_dict(self) -> Any:
        """What is fed to that."""
        return self._init_feed_dict

    @property
    def ready_op(self) -> Any:
        """What gives the names of variables that are not ready."""
        return self._ready_op

    @property
    def saver(self) -> Any:
        """What saves and restores."""
        return self._saver

    @property
    def summary_op(self) -> Any:
        """What is summarized."""
        return self._summary_op

    @property
    def summary_writer(self) -> Any:
        """What writes summaries; None for none."""
        return self._summary_writer

    @property
    def global_step(self) -> Any:
        """What counts the steps, or None."""
        return self._global_step

    @property
    def save_path(self) -> str | None:
        """How the paths of checkpoints begin."""
        return self._save_path

    @property
    def save_model_secs(self) -> float:
        """Seconds between checkpoints."""
        return self._save_model_secs

    @property
    def save_summaries_secs(self) -> float:
        """Seconds between summaries."""
        return self._save_summaries_secs

    # Sessions.

    @contextmanager
    def managed_session(
        self,
        master: str = "",
        config: Any = None,
        start_standard_services: bool = True,
        close_summary_writer: bool = True,
    ) -> Iterator[Any]:
        """A session for a block, with its threads; both end with it.

        An error of the block stops the threads, and comes out of it unless it is the end of input
        (`OutOfRangeError`).

        Args:
            master: Must be ``''``.
            config: A `ConfigProto`.
            start_standard_services: Whether checkpoints and summaries are written meanwhile, and
                queue runners started.
            close_summary_writer: Whether the writer of summaries is closed at the end.

        Yields:
            The session.
        """
        session = None
        try:
            session = self.prepare_or_wait_for_session(
                master, config, start_standard_services=start_standard_services
            )
            yield session
        except Exception as error:  # comes out of stop()
            self.request_stop(error)
        finally:
            try:
                self.stop(close_summary_writer=close_summary_writer)
            finally:
                if session is not None:
                    session.close()

    def prepare_or_wait_for_session(
        self,
        master: str = "",
        config: Any = None,
        wait_for_checkpoint: bool = False,
        max_wait_secs: float = 7200,
        start_standard_services: bool = True,
    ) -> Any:
        """Opens a session whose model is ready.

        Args:
            master: Must be ``''``.
            config: A `ConfigProto`.
            wait_for_checkpoint: Whether to wait until there is a checkpoint.
            max_wait_secs: Seconds to wait at most.
            start_standard_services: Whether checkpoints and summaries are written meanwhile, and
                queue runners started.

        Returns:
            The session.
        """
        self._coord.clear_stop()
        if self._summary_writer is not None:
            self._summary_writer.reopen()
        if not self._is_chief:
            session = self._session_manager.wait_for_session(
                master, config=config, max_wait_secs=max_wait_secs
            )
        else:
            session = self._session_manager.prepare_session(
                master,
                init_op=self._init_op,
                saver=self._saver,
                checkpoint_dir=self._logdir,
                wait_for_checkpoint=wait_for_checkpoint,
                max_wait_secs=max_wait_secs,
                config=config,
                init_feed_dict=self._init_feed_dict,
                init_fn=self._init_fn,
            )
            self._write_graph()
            if start_standard_services:
                logging.info("Starting standard services.")
                self.start_standard_services(session)
        if start_standard_services:
            logging.info("Starting queue runners.")
            self.start_queue_runners(session)
        return session

    def _write_graph(self) -> None:
        if self._logdir:
            write_graph(self._graph, self._logdir, "graph.pbtxt")
        if self._summary_writer is not None and not self._graph_written:
            self._summary_writer.add_graph(self._graph)
            self._graph_written = True

    def start_standard_services(self, sess: Any) -> list[threading.Thread]:
        """Starts the threads that summarize, count steps and save.

        Args:
            sess: The session.

        Returns:
            The threads.

        Raises:
            RuntimeError: If this is not the chief.
        """
        if not self._is_chief:
            raise RuntimeError(
                "Only chief supervisor can start standard services. Because only chief "
                "supervisors can write events."
            )
        if not self._logdir:
            logging.warning("Standard services need a 'logdir' passed to the SessionManager")
            return []
        self._log_session("START", self._current_step(sess))
        threads: list[threading.Thread] = list(self._services(sess))
        for thread in threads:
            thread.start()
        return threads

    def _services(self, session: Any) -> Iterator[LooperThread]:
        if self._save_summaries_secs and self._summary_writer is not None:
            if self._summary_op is not None:
                yield self._timer(self._save_summaries_secs, self._summarize, session)
            if self._global_step is not None:
                yield _StepCounter(self, session)
        if self._saver is not None and self._save_model_secs:
            yield self._timer(self._save_model_secs, self._save, session)

    def _timer(self, secs: float, target: Callable[..., object], session: Any) -> LooperThread:
        return LooperThread(self._coord, secs, target=target, args=(session,))

    def _summarize(self, session: Any) -> None:
        self.summary_computed(session, session.run(self._summary_op))

    def _save(self, session: Any) -> None:
        self._saver.save(session, self._save_path, global_step=self._global_step)
        self._log_session("CHECKPOINT", self._current_step(session), self._save_path)

    def _current_step(self, session: Any) -> int | None:
        return None if self._global_step is None else step_of(session, self._global_step)

    def _log_session(self, status: str, step: int | None, path: str | None = None) -> None:
        if self._summary_writer is None or (step is None and status != "STOP"):
            return
        from runtime import summary

        kind = summary.SessionLog
        message = kind(status=getattr(kind, status), checkpoint_path=path or "")
        with self._writing:
            self._summary_writer.add_session_log(message, step)

    def start_queue_runners(
        self, sess: Any, queue_runners: Sequence[Any] | None = None
    ) -> list[threading.Thread]:
        """Starts the threads that fill queues.

        Args:
            sess: The session.
            queue_runners: The queue runners; all in the graph if None.

        Returns:
            The threads.
        """
        runners = queue_runners
        if runners is None:
            runners = self._graph.get_collection(GraphKeys.QUEUE_RUNNERS)
        found: list[threading.Thread] = []
        for runner in runners:
            found += runner.create_threads(sess, coord=self._coord, daemon=True, start=True)
        return found

    def loop(
        self,
        timer_interval_secs: float | None,
        target: Callable[..., object],
        args: Sequence[Any] | None = None,
        kwargs: Mapping[str, Any] | None = None,
    ) -> LooperThread:
        """Calls a function again and again in a thread, until the sessions stop.

        Args:
            timer_interval_secs: Seconds between calls; no pause if None.
            target: The function.
            args: Its arguments.
            kwargs: Its arguments by name.

        Returns:
            The thread.
        """
        thread = LooperThread(
            self._coord, timer_interval_secs, target=target, args=args, kwargs=kwargs
        )
        thread.start()
        return thread

    def summary_computed(self, sess: Any, summary: Any, global_step: int | None = None) -> None:
        """Writes a summary.

        Args:
            sess: The session.
            summary: The summary.
            global_step: The step; that of the session if None.

        Raises:
            RuntimeError: If no summaries are written.
        """
        if self._summary_writer is None:
            raise RuntimeError("Writing a summary requires a summary writer.")
        step = self._current_step(sess) if global_step is None else global_step
        with self._writing:
            self._summary_writer.add_summary(summary, step)

    # Stopping.

    def stop(
        self,
        threads: Sequence[threading.Thread] | None = None,
        close_summary_writer: bool = True,
        ignore_live_threads: bool = False,
    ) -> None:
        """Asks the threads to stop, and waits for them. An error of one comes out.

        Args:
            threads: More threads to wait for.
            close_summary_writer: Whether the writer of summaries is closed.
            ignore_live_threads: Whether threads that don't stop are no error.
        """
        self._coord.request_stop()
        try:
            self._coord.join(
                threads,
                stop_grace_period_secs=self._stop_grace_secs,
                ignore_live_threads=ignore_live_threads,
            )
        finally:
            if close_summary_writer and self._summary_writer is not None:
                self._log_session("STOP", None)
                self._summary_writer.close()
                self._graph_written = False

    def request_stop(self, ex: Any = None) -> None:
        """Asks the threads to stop.

        Args:
            ex: The error that is the reason.
        """
        self._coord.request_stop(ex)

    def should_stop(self) -> bool:
        """Whether somebody has asked to stop."""
        return self._coord.should_stop()

    def stop_on_exception(self) -> Any:
        """A context manager whose errors ask the threads to stop."""
        return self._coord.stop_on_exception()

    def wait_for_stop(self) -> None:
        """Waits until somebody asks to stop."""
        self._coord.wait_for_stop()

    # Old spellings.
    PrepareSession = prepare_or_wait_for_session
    StartQueueRunners = start_queue_runners
    StartStandardServices = start_standard_services
    Stop = stop
    RequestStop = request_stop
    ShouldStop = should_stop
    StopOnException = stop_on_exception
    WaitForStop = wait_for_stop
    SummaryComputed = summary_computed
    Loop = loop


class _StepCounter(LooperThread):
    """Tells TensorBoard how many steps there are in a second."""

    def __init__(self, supervisor: Supervisor, session: Any) -> None:
        super().__init__(supervisor.coord, supervisor.save_summaries_secs)
        self._supervisor, self._session = supervisor, session
        self._last_time, self._last_step = 0.0, 0

    def _now(self) -> tuple[float, int]:
        return time.time(), step_of(self._session, self._supervisor.global_step)

    def start_loop(self) -> None:
        """Notes where it begins."""
        self._last_time, self._last_step = self._now()

    def run_loop(self) -> None:
        """Writes the rate since the last time."""
        from runtime import summary

        moment, step = self._now()
        passed, made = moment - self._last_time, step - self._last_step
        self._last_time, self._last_step = moment, step
        rate = made / passed if passed > 0.0 else float("inf")
        value = summary.Summary.Value(tag="global_step/sec", simple_value=rate)
        self._supervisor.summary_computed(self._session, summary.Summary(value=[value]), step)


def _is_default(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value == _USE_DEFAULT


def _chosen(given: Any, key: str, make: Callable[[], Any]) -> Any:
    """What was given; by default the first of a collection, else something new that is added."""
    if not _is_default(given):
        return given
    graph = get_default_graph()
    found = graph.get_collection(key)
    if found:
        return found[0]
    made = make()
    if made is not None:
        graph.add_to_collection(key, made)
    return made


def _local_init_op() -> Any:
    return group(local_variables_initializer(), tables_initializer())


def _all_summaries() -> Any:
    if not get_default_graph().get_collection(GraphKeys.SUMMARIES):
        return None
    from runtime.summary_ops import merge_all

    return merge_all()


def basic_train_loop(
    supervisor: Supervisor,
    train_step_fn: Callable[..., object],
    args: Sequence[Any] | None = None,
    kwargs: Mapping[str, Any] | None = None,
    master: str = "",
) -> None:
    """Calls a function with a session until somebody asks to stop.

    It begins again with a new session when one was lost (`AbortedError`).

    Source: the ``tf.compat.v1.train.basic_train_loop`` documentation.

    Args:
        supervisor: Manages the sessions.
        train_step_fn: Called with the session and the arguments.
        args: Its arguments.
        kwargs: Its arguments by name.
        master: Must be ``''``.
    """
    again = True
    while again:
        again = False
        try:
            with supervisor.managed_session(master) as session:
                while not supervisor.should_stop():
                    train_step_fn(session, *(args or ()), **(kwargs or {}))
        except errors.AbortedError:
            again = True
