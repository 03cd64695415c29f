"""`MonitoredSession`: a session with hooks that is created again when its machine is taken away.

The sentences that decide are those of the documentation of tf.compat.v1.train.MonitoredSession;
where it is silent, TensorFlow's behaviour does. `specs/divergences.toml` lists where this class
differs, and why.
"""

from collections.abc import Callable, Iterable
from functools import partial
from importlib import import_module
from typing import Any

from runtime.backoff import PREEMPTION, Backoff
from runtime.recovery import Recovery
from runtime.session import HookedSession, StepContext, check_step_fn
from runtime.session_creator import ChiefSessionCreator, start_arguments
from runtime.session_layers import (
    CoordinatedLayer,
    HookedLayer,
    RecoverableLayer,
    SessionLayer,
)
from runtime.session_run_hook import SessionRunHook
from statemachine.events import EventKind
from statemachine.table import REPEATED, STOP_ASKED

__all__ = ["MonitoredSession"]


class MonitoredSession(HookedSession):
    """A session that initializes, restores, calls hooks, and recovers from preemptions.

    Constructed and left as `SingularMonitoredSession`. In addition, an AbortedError or
    UnavailableError of a run, a step function, or a thread makes it recover: the threads are
    stopped, the raw session is closed, and another one is created as the first one was, save that
    the hooks' `begin` is not called; `after_create_session` is. Then the call is made again. So
    everything that was not saved in a checkpoint is lost, and a step may be done twice.

    It tries again without limit: the first time at once, then after 1, 2, 4 ... 30 seconds. If
    the creation fails with another error, that error comes out and there is no session:
    `should_stop()` is True, the hooks' `end` is not called; the next `run` tries once more.

    A stop that was asked for survives a recovery; the call that recovers is finished first.

    Source of the rules: tf.compat.v1.train.MonitoredSession documentation.

    Args:
        session_creator: A `SessionCreator`; `ChiefSessionCreator()` if None.
        hooks: An iterable of `SessionRunHook`; it is read once.
        stop_grace_period_secs: How many seconds threads get to stop at the end.
        event_log: Where the event log goes, as for `SingularMonitoredSession`.
        max_recoveries: How many attempts in a row are made at most; None for no limit.

    Raises:
        ValueError: If both checkpoint arguments were given to the creator.
        TypeError: If `hooks` is no iterable of hooks, or `session_creator` cannot create sessions.
        Exception: Whatever a hook or an operation raises.

    Example:
        >>> import runtime as tf
        >>> with tf.Graph().as_default():
        ...     step = tf.train.get_or_create_global_step()
        ...     train_op = tf.assign_add(step, 1)
        ...     hook = tf.train.StopAtStepHook(last_step=3)
        ...     with tf.train.MonitoredSession(hooks=[hook]) as sess:
        ...         while not sess.should_stop():
        ...             value = sess.run(train_op)
        >>> int(value)
        3
    """

    _for_threads = "run_context.session or step_context.session"
    _recovers = True

    # Any: a creator is any object with create_session(); a log is a path, a store, or a log.
    def __init__(
        self,
        session_creator: Any = None,
        hooks: Iterable[SessionRunHook] | None = None,
        stop_grace_period_secs: float = 120,
        *,
        event_log: Any = None,
        max_recoveries: int | None = None,
    ) -> None:
        creator = ChiefSessionCreator() if session_creator is None else session_creator
        scaffold, master, config, directory, file, other = start_arguments(creator)
        self._backoff = Backoff(_as_count(max_recoveries))
        self._stop_carried = False
        self._begin(
            hooks,
            scaffold,
            master,
            config,
            directory,
            stop_grace_period_secs,
            file,
            event_log,
            other,
            self._backoff,
        )
        self._recovery = Recovery(
            self._start, self._journal, self._backoff, lambda: self._mark, self._error_hooks
        )

    def should_stop(self) -> bool:
        """Whether the training should stop; recovers if a thread has reported a preemption.

        Raises:
            BaseException: An interrupt that a thread reported, or what went wrong in a recovery.
        """
        if self._raw is None:
            return True
        try:
            self._coord.raise_requested_exception()
        except PREEMPTION as error:
            self._recover_at_rest(error)
            return self._stop_is_asked()
        except Exception:
            return True
        return self._coord.should_stop() or self._stop_is_asked()

    def _stop_is_asked(self) -> bool:
        return bool(self._mark & STOP_ASKED) or self._stop_carried

    def _recover_at_rest(self, error: BaseException) -> None:
        """Recover, unless a call is under way: that deals with it, or the next one does."""
        if not self._turn.acquire(False):
            return
        try:
            if self._step_fn_thread is None:
                self._recovery.attempt = 0
                self._replace(error, repeated=False)
        finally:
            self._turn.release()

    def run(
        self,
        fetches: Any,
        feed_dict: Any = None,
        options: Any = None,
        run_metadata: Any = None,
    ) -> Any:
        """Run operations, with the hooks around them; repeated after each recovery.

        Args:
            fetches: As `Session.run`.
            feed_dict: As `Session.run`.
            options: As `Session.run`; merged with the hooks' in a copy.
            run_metadata: As `Session.run`.

        Returns:
            As `Session.run`: the value of `fetches`.

        Raises:
            RuntimeError: If the session is closed, was asked to stop, or is in the middle of a
                call; or if two parties feed one tensor.
            Exception: What a hook or an operation raised, or what went wrong in a recovery.
        """
        if self._step_fn_thread is not None:
            return super().run(fetches, feed_dict, options, run_metadata)
        self._claim_turn("run")
        try:
            cause, barred = None, bool(self._mark & STOP_ASKED)
            if not self._lost:
                try:
                    return self._step(self._outside, fetches, feed_dict, options, run_metadata)
                except PREEMPTION as error:
                    cause = error
            step = partial(self._step, self._outside, fetches, feed_dict, options, run_metadata)
            return self._call_again(step, cause, barred)
        finally:
            self._turn.release()

    def run_step_fn(self, step_fn: Callable[[StepContext], Any]) -> Any:
        """Run a step function; after a recovery it is called again, with the new session.

        Args:
            step_fn: A function with a single argument, named `step_context`.

        Returns:
            What the function returns.

        Raises:
            ValueError: If it can't be called with a single argument of that name.
            StopIteration: If it has called `step_context.request_stop()`.
            RuntimeError: If the session is closed or in the middle of a call.
        """
        check_step_fn(step_fn)
        cause, barred = None, bool(self._mark & STOP_ASKED)
        if not self._lost:
            try:
                return self._call_step_fn(step_fn)
            except PREEMPTION as error:
                cause = error
        call = partial(self._call_step_fn, step_fn)
        return self._call_again(call, cause, barred, unlocked=True)

    # Recovering

    def _call_again(
        self,
        call: Callable[[], Any],
        cause: BaseException | None,
        barred: bool,
        unlocked: bool = False,
    ) -> Any:
        """Recover and call, until no preemption comes out of the call.

        A stop that was asked for before the call (`barred`) bars its repetitions, too.
        """
        self._recovery.attempt = 0
        while True:
            repeated = cause is not None and not barred
            if unlocked:
                self._replace_unlocked(cause, repeated)
            else:
                self._replace(cause, repeated)
            try:
                return call()
            except PREEMPTION as error:
                cause = error
            finally:
                self._excused = False
                with self._flags:
                    self._mark &= STOP_ASKED

    def _replace_unlocked(self, cause: BaseException | None, repeated: bool) -> None:
        self._claim_turn("run_step_fn")
        try:
            self._replace(cause, repeated)
        finally:
            self._turn.release()

    def _replace(self, cause: BaseException | None, repeated: bool) -> None:
        """Have another session in the place of the present one; None: there is none."""
        if cause is None:
            self._refuse_if_stopped()
        else:
            self._carry_stop()
        try:
            observed = self._recover(cause, repeated)
        except BaseException as error:
            self._lost = not self._recovery.settle(error)
            if not self._lost:
                self._take_opened()
            raise
        if observed is not None:
            raise observed
        if repeated:
            self._excused = True
            with self._flags:
                self._mark |= REPEATED

    def _recover(self, cause: BaseException | None, repeated: bool) -> BaseException | None:
        self._raw, self._lost = None, True
        if cause is None:
            self._recovery.create(None)
        else:
            self._recovery.replace(cause)
        observed = self._recovery.run_again(repeated)
        self._take_opened()
        self._lost = False
        return observed

    def _carry_stop(self) -> None:
        """A stop that somebody asked the coordinator for is not forgotten."""
        try:
            self._coord.raise_requested_exception()
        except Exception:
            return
        except BaseException as error:
            if error is self._held_instead_of(RuntimeError()):
                return
            raise
        self._stop_carried = self._stop_carried or self._coord.should_stop()

    def _refuse_if_stopped(self) -> None:
        """A session that was asked to stop and is lost is not created once more."""
        if self._stop_is_asked():
            message = "Run called even after should_stop requested."
            self._journal.tell_beside(EventKind.CALL_REFUSED, {"call": "run", "reason": message})
            raise RuntimeError(message)


def _as_count(value: object) -> int | None:
    if value is None or (isinstance(value, int) and not isinstance(value, bool) and value >= 0):
        return value
    raise ValueError(f"max_recoveries is a number of attempts from 0, or None, not {value!r}")


# TensorFlow's private names, for programs and tests that use the layers of a session themselves.
_MonitoredSession = HookedSession
_WrappedSession = SessionLayer
_CoordinatedSession = CoordinatedLayer
_HookedSession = HookedLayer
_RecoverableSession = RecoverableLayer


def __getattr__(name: str) -> Any:  # any name that TensorFlow's module of this name has, too
    if name == "USE_DEFAULT":
        return import_module("runtime.monitored_training_session").USE_DEFAULT
    if name.startswith("__"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module("runtime.train"), name)
