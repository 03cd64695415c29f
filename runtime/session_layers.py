"""One layer each around a session: stops, threads, hooks, recovery; as TensorFlow's internals do.

TensorFlow builds a monitored session out of layers that wrap each other, and programs and tests
have come to use these layers although they are not public: a raw session with hooks and nothing
else, or with a coordinator and nothing else. `runtime.monitored_session` offers them under
TensorFlow's private names (`_HookedSession` and so on).

Our own sessions are not built of them: they keep the documented order with one machine and write
it down, which layers that know nothing of each other can't. A layer writes no log, and checks no
order. What hooks ask for is merged by the same code as in a session.
"""

from collections.abc import Iterable
from typing import Any, Protocol

import attrs

from runtime import logging
from runtime.backoff import PREEMPTION, Backoff
from runtime.coordinator import Coordinator
from runtime.engine import NumpyEngine
from runtime.session_run_hook import (
    SessionRunArgs,
    SessionRunContext,
    SessionRunHook,
    SessionRunValues,
)
from runtime.step import Requests

__all__ = ["CoordinatedLayer", "Coordination", "HookedLayer", "RecoverableLayer", "SessionLayer"]


@attrs.frozen
class Coordination:
    """What runs below the hooks of a monitored session, for programs that look there.

    Attributes:
        tf_sess: The raw session; None after close.
        coord: The coordinator of its threads.
        hooks: The hooks.
    """

    tf_sess: Any  # of the engine's own class
    coord: Coordinator
    hooks: tuple[SessionRunHook, ...]


class SessionLayer:
    """Wraps a session, or another layer; each call goes on to it.

    Args:
        sess: Anything with `run` and `close`.
    """

    # Any: a session of any kind; what it runs and returns is its own affair.
    def __init__(self, sess: Any) -> None:
        self._sess = sess

    @property
    def graph(self) -> Any:
        """The graph of what is wrapped."""
        return self._sess.graph

    @property
    def sess_str(self) -> Any:
        """The target of what is wrapped."""
        return self._sess.sess_str

    def should_stop(self) -> bool:
        """Whether this layer or one below it is to stop; True once it is closed."""
        if self._check_stop() or self._sess is None:
            return True
        return isinstance(self._sess, SessionLayer) and self._sess.should_stop()

    def _check_stop(self) -> bool:
        """Whether this very layer is to stop; a subclass may have its own answer."""
        return False

    def close(self) -> None:
        """Closes what is wrapped, once. A preemption that comes up then is logged."""
        sess, self._sess = self._sess, None
        if sess is None:
            return
        try:
            sess.close()
        except PREEMPTION as error:
            logging.error(f"Closing a session was preempted; it counts as closed. Error: {error}")

    def run(self, *args: Any, **kwargs: Any) -> Any:
        """What the wrapped session's `run` does."""
        return self._sess.run(*args, **kwargs)


class CoordinatedLayer(SessionLayer):
    """Stops when a coordinator says so, and has its threads stopped when it is closed.

    Args:
        sess: What is wrapped.
        coord: The coordinator.
        stop_grace_period_secs: How many seconds threads get to stop in `close`.
    """

    def __init__(self, sess: Any, coord: Coordinator, stop_grace_period_secs: float = 120) -> None:
        super().__init__(sess)
        self._coord = coord
        self._stop_grace_period_secs = stop_grace_period_secs

    def _check_stop(self) -> bool:
        self._coord.raise_requested_exception()
        return self._coord.should_stop()

    def close(self) -> None:
        """Stops the threads and closes what is wrapped, whose errors don't come out.

        Raises:
            Exception: What a thread has reported to the coordinator.
        """
        self._coord.request_stop()
        grace_secs = self._stop_grace_period_secs
        try:
            self._coord.join(stop_grace_period_secs=grace_secs, ignore_live_threads=True)
        finally:
            self._close_quietly()

    def _close_quietly(self) -> None:
        try:
            super().close()
        except Exception as error:
            logging.info(f"A session could not be closed: {error}")

    def run(self, *args: Any, **kwargs: Any) -> Any:
        """Runs; a preemption that the coordinator holds takes the place of another error.

        Raises:
            Exception: What the wrapped session raised, or that preemption.
        """
        try:
            return super().run(*args, **kwargs)
        except Exception as error:
            held = None if isinstance(error, PREEMPTION) else self._held_preemption()
            if held is None:
                raise
            raise held from error

    def _held_preemption(self) -> Exception | None:
        try:
            self._coord.raise_requested_exception()
        except PREEMPTION as held:
            return held
        except Exception:
            return None
        return None


class HookedLayer(SessionLayer):
    """Calls hooks before and after each run, and nothing else of them.

    Args:
        sess: What is wrapped.
        hooks: The hooks.
    """

    def __init__(self, sess: Any, hooks: Iterable[SessionRunHook]) -> None:
        super().__init__(sess)
        self._hooks = tuple(hooks)
        self._should_stop = False

    def _check_stop(self) -> bool:
        return self._should_stop

    def run(
        self, fetches: Any, feed_dict: Any = None, options: Any = None, run_metadata: Any = None
    ) -> Any:
        """Runs what the caller and the hooks ask for, in one run.

        Raises:
            RuntimeError: A stop was asked for, or two parties feed one tensor.
            Exception: What a hook or the wrapped session raised.
        """
        if self.should_stop():
            raise RuntimeError("Run called even after should_stop requested.")
        context = SessionRunContext(SessionRunArgs(fetches, feed_dict), self._sess)
        engine = NumpyEngine()
        requests = Requests(engine, self._sess.graph)
        for index, hook in enumerate(self._hooks):
            request = hook.before_run(context)
            if request is not None:
                requests.add(index, hook, request)
        if requests.options or options is None:
            options = requests.merged_options(options) or engine.run_options()
        metadata = engine.run_metadata() if run_metadata is None else run_metadata
        results = super().run(
            {**requests.fetches, "caller": fetches},
            feed_dict=requests.merged_feeds(feed_dict),
            options=options,
            run_metadata=metadata,
        )
        for index, hook in enumerate(self._hooks):
            hook.after_run(context, SessionRunValues(results.get(index), options, metadata))
        self._should_stop = self._should_stop or context.stop_requested
        return results["caller"]


class _Creator(Protocol):
    def create_session(self) -> Any:
        """A new session."""


class RecoverableLayer(SessionLayer):
    """Has another session created, and runs again, after AbortedError and UnavailableError.

    It tries without limit, the first time at once, later ones after a while, as a
    `MonitoredSession` does.

    Args:
        sess_creator: Creates sessions.
    """

    def __init__(self, sess_creator: _Creator) -> None:
        self._sess_creator = sess_creator
        super().__init__(self._create_session())

    def _create_session(self) -> Any:
        attempt = 0
        while True:
            try:
                return self._sess_creator.create_session()
            except PREEMPTION as error:
                attempt += 1
                Backoff().wait(attempt, error)

    def _check_stop(self) -> bool:
        if self._sess is None:
            return True
        try:
            return isinstance(self._sess, SessionLayer) and self._sess._check_stop()
        except PREEMPTION as error:
            self._replace(error)
            return False
        except Exception:
            return True

    def run(
        self, fetches: Any, feed_dict: Any = None, options: Any = None, run_metadata: Any = None
    ) -> Any:
        """Runs, on as many sessions as it takes.

        Raises:
            Exception: Anything but a preemption that a run or the creation of a session raised.
        """
        while True:
            if self._sess is None:
                self._sess = self._create_session()
            try:
                return self._sess.run(
                    fetches, feed_dict=feed_dict, options=options, run_metadata=run_metadata
                )
            except PREEMPTION as error:
                logging.info(f"A run was preempted; it is run again in a new session: {error}")
                self.close()

    def _replace(self, error: BaseException) -> None:
        logging.info(f"A preemption was reported; another session is created: {error}")
        self.close()
        self._sess = self._create_session()
