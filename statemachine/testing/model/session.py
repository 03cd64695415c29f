"""What the session classes do, step by step; the world knows the rules that are switched on."""

import inspect
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import attrs

from statemachine.testing.model import errors
from statemachine.testing.model.coordinator import Coordinator
from statemachine.testing.model.graph import Raw
from statemachine.testing.model.opened import STOPPED, Opened, close_all
from statemachine.testing.world import MOST_RECOVERIES

if TYPE_CHECKING:
    from statemachine.testing.model.world import ModelWorld

CLOSED = "Session is already closed."
STEP_FN = "`step_fn` may either have one `step_context` argument"
STEP_STOP = "step_fn has requested the iterations to stop."
BOTH = "Can not provide both checkpoint_dir and checkpoint_filename_with_path."
LOCAL_NOT_READY = "Init operations did not make model ready for local_init."
NOT_READY = "Init operations did not make model ready."


@attrs.define
class StepContext:
    """What a step function is given."""

    session: Raw | None
    run_with_hooks: Callable[..., Any]
    request_stop: Callable[[], None]


class Session:
    """What both session classes have in common."""

    def __init__(self, world: "ModelWorld", hooks: Any, plain: bool) -> None:
        self.world = world
        self._checkpoint = None if plain else world.checkpoint()
        self._scaffold = world.scaffold(plain)
        self._made: Raw | None = None
        self._raw: Raw | None = None
        self._coordinator: Coordinator | None = None
        self._opened: Opened | None = None
        self._closed = False
        self._inside: list[str] = []
        if self._wants("both_checkpoints_first"):
            self._check_checkpoint()
        self._was_finalized = world.graph.finalized
        self.hooks = tuple(hooks or ()) if self._wants("hooks_read_once") else hooks or []
        self._start()

    def _wants(self, rule: str) -> bool:
        return self.world.wants(rule)

    # Construction.

    def _start(self) -> None:
        try:
            for hook in self.hooks:
                self.call(hook.begin)
            self._opened = self._open()
        except BaseException:
            if self._wants("failed_start_cleans_up"):
                self._clean_up()
            raise

    def _clean_up(self) -> None:
        """Closes what was opened; only an interrupt takes the place of the original error."""
        error = close_all(self.world.close_raw, self._made, self._coordinator)
        self._open_graph()
        if error is not None and not isinstance(error, Exception):
            raise error

    def _open(self) -> Opened:
        return self._open_once()

    def _open_once(self) -> Opened:
        self.world.finalize(self._scaffold)
        raw = self._made = self.world.create_raw()
        self._check_checkpoint()
        self._prepare(raw)
        self._raw = raw
        self._coordinator = self.world.create_coordinator()
        self.world.start_queue_runners(raw, self._coordinator)
        for hook in self.hooks:
            self.call(hook.after_create_session, raw, self._coordinator)
        return Opened(self, raw, self._coordinator)

    def _check_checkpoint(self) -> None:
        if self._checkpoint == "both":
            raise ValueError(BOTH)

    def _prepare(self, raw: Raw) -> None:
        if self._checkpoint is None or self._wants("init_before_restore"):
            self.world.initialize(raw, self._scaffold)
        if self._checkpoint is not None:
            self.world.restore(raw, self._scaffold, self._checkpoint)
        if not self.world.ready("ready_for_local_init_op", raw, self._scaffold):
            raise RuntimeError(LOCAL_NOT_READY)
        self.world.initialize_local(raw, self._scaffold)
        if not self.world.ready("ready_op", raw, self._scaffold):
            raise RuntimeError(NOT_READY)

    # Use.

    @property
    def graph(self) -> Any:
        """The graph, or None after close."""
        return None if self._closed else self.world.graph

    def should_stop(self) -> bool:
        """Tells whether to stop."""
        if self._closed or self._stopped_from_outside():
            return True
        return self._opened is None or self._opened.stop

    def _stopped_from_outside(self) -> bool:
        raise NotImplementedError

    def run(self, fetches: Any, feed_dict: Any = None, options: Any = None) -> Any:
        """Runs with hooks."""
        self._refuse_inside("run")
        self._refuse_closed("run")
        return self._run(fetches, feed_dict, options)

    def _run(self, fetches: Any, feed_dict: Any, options: Any) -> Any:
        raise NotImplementedError

    def call(self, method: Callable[..., Any], *arguments: Any) -> Any:
        """Calls a method of a hook."""
        self._inside.append("hook")
        try:
            return method(*arguments)
        finally:
            self._inside.pop()

    def _refuse_inside(self, method: str) -> None:
        place = self._inside[-1] if self._inside else ""
        allowed = not place or (place == "step_fn" and method == "run")
        if self._wants("no_reentrance") and not allowed:
            raise RuntimeError(f"{method} must not be called from {place}")

    def _refuse_closed(self, method: str) -> None:
        if self._closed and self._wants("closed_is_runtime_error"):
            raise RuntimeError(f"{method} of a closed session")
        if self._closed:
            raise AttributeError(f"'NoneType' object has no attribute '{method}'")

    # Step functions.

    def run_step_fn(self, step_fn: Any) -> Any:
        """Calls a step function."""
        self._check_step_fn(step_fn)
        self._refuse_inside("run_step_fn")
        self._refuse_closed("run_step_fn")
        return self._run_step_fn(step_fn)

    def _run_step_fn(self, step_fn: Callable[[StepContext], Any]) -> Any:
        raise NotImplementedError

    def _call_step_fn(self, step_fn: Callable[[StepContext], Any], raw: Raw | None) -> Any:
        assert self._opened is not None
        context = StepContext(raw, self._opened.run, self._stop_in_step)
        self._inside.append("step_fn")
        try:
            return step_fn(context)
        finally:
            self._inside.pop()

    def _check_step_fn(self, step_fn: Any) -> None:
        strict = self._wants("step_fn_must_be_callable")
        if not callable(step_fn):
            raise ValueError(STEP_FN) if strict else TypeError("unsupported callable")
        names = _positional(step_fn)
        if names == ["self", "step_context"] and not strict:
            return
        if names != ["step_context"]:
            raise ValueError(STEP_FN)

    def _stop_in_step(self) -> None:
        if self._wants("step_stop_is_kept") and self._opened is not None:
            self._opened.stop = True
        raise StopIteration(STEP_STOP)

    # The end.

    def __enter__(self) -> "Session":
        return self

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> bool:
        self._refuse_inside("close")
        clean = error is None or self._is_end_of_input(error)
        if self._closed and self._wants("second_close_calls_no_hook"):
            return False
        self._close(None if clean else error, call_end=clean, suppressing=True)
        return clean

    def close(self) -> None:
        """Closes; always calls end."""
        self._refuse_inside("close")
        self._close(None, call_end=True, suppressing=False)

    def _is_end_of_input(self, error: BaseException | None) -> bool:
        if self._wants("end_of_input_by_isinstance"):
            return isinstance(error, errors.END_OF_INPUT)
        return type(error) in errors.END_OF_INPUT

    def _close(self, pending: BaseException | None, call_end: bool, suppressing: bool) -> None:
        if self._closed and self._wants("second_close_calls_no_hook"):
            raise RuntimeError(CLOSED)
        if call_end and not (self._is_lost() and self._wants("lost_session_is_not_ended")):
            pending = self._end()
        if self._closed:
            self._open_graph()
            raise RuntimeError(CLOSED)
        pending = self._release(pending, suppressing)
        self._open_graph()
        self._closed = True
        if pending is not None:
            raise pending

    def _is_lost(self) -> bool:
        """Tells whether there is no session any more, and none was closed by the user."""
        return self._opened is None and not self._closed

    def _end(self) -> BaseException | None:
        try:
            for hook in self.hooks:
                self.call(hook.end, None if self._closed else self._raw)
        except BaseException as error:
            return error
        return None

    def _release(self, pending: BaseException | None, suppressing: bool) -> BaseException | None:
        """Closes what is open; returns the error that comes out."""
        if self._opened is None:
            return pending
        error = self._opened.close(pending)
        if error is pending or not self._wants("end_of_input_by_isinstance"):
            return error
        held = self._opened.coordinator.held
        told = error is not None and error is held
        if told and self._is_end_of_input(held) and (pending or suppressing):
            return pending
        return error

    def _open_graph(self) -> None:
        if not self._was_finalized:
            self.world.graph_to_open(self._wants("own_graph_is_opened")).switch(False)


class SingularSession(Session):
    """The expected life of a SingularMonitoredSession."""

    def raw_session(self) -> Any:
        """Returns the raw session, or None after close."""
        return None if self._closed else self._raw

    def _stopped_from_outside(self) -> bool:
        return self._opened is not None and self._opened.coordinator_stopped()

    def _run(self, fetches: Any, feed_dict: Any, options: Any) -> Any:
        assert self._opened is not None
        return self._opened.run(fetches, feed_dict, options)

    def _run_step_fn(self, step_fn: Callable[[StepContext], Any]) -> Any:
        return self._call_step_fn(step_fn, self._raw)


class MonitoredSession(Session):
    """The expected life of a MonitoredSession with a chief session creator."""

    _stop_carried = False
    _coordinator_stop_carried = False

    def _open(self) -> Opened:
        while True:
            self._made, self._coordinator = None, None
            try:
                return self._carrying(self._open_once())
            except errors.PREEMPTION:
                self._undo_attempt()
            except BaseException:
                self._undo_attempt()
                raise

    def _undo_attempt(self) -> None:
        """Closes what a failed attempt opened; only an interrupt takes the error's place."""
        if not self._wants("failed_attempt_is_undone"):
            return
        made, coordinator = self._made, self._coordinator
        self._made, self._coordinator = None, None
        error = close_all(self.world.close_raw, made, coordinator)
        if error is not None and not isinstance(error, Exception):
            raise error

    def _carrying(self, opened: Opened) -> Opened:
        """Hands a stop that was asked for on to the new session."""
        opened.stop, self._stop_carried = self._stop_carried, False
        return opened

    def _carry_stop(self, opened: Opened) -> None:
        if self._wants("stop_survives_recovery"):
            coordinator = opened.coordinator
            self._stop_carried = opened.stop
            plain = coordinator.stopped and coordinator.held is None
            self._coordinator_stop_carried = self._coordinator_stop_carried or plain

    def _stopped_from_outside(self) -> bool:
        if self._opened is None:
            return True
        try:
            return self._opened.coordinator_stopped() or self._coordinator_stop_carried
        except errors.PREEMPTION:
            if self._inside and self._wants("step_fn_keeps_its_session"):
                return False
            self._let_go()
            self._opened = self._open()
            return self._coordinator_stop_carried
        except Exception:
            return True

    def _run(self, fetches: Any, feed_dict: Any, options: Any) -> Any:
        return self._recovering(lambda opened: opened.run(fetches, feed_dict, options))

    def _run_step_fn(self, step_fn: Callable[[StepContext], Any]) -> Any:
        raw = self._raw

        def call(opened: Opened) -> Any:
            newest = self._wants("step_fn_keeps_its_session")
            return self._call_step_fn(step_fn, opened.raw if newest else raw)

        return self._recovering(call)

    def _recovering(self, use: Callable[[Opened], Any]) -> Any:
        if self._opened is None and (self._stop_carried or self._coordinator_stop_carried):
            raise RuntimeError(STOPPED)
        barred = self._opened is not None and self._opened.stop
        repeated = 0
        while True:
            try:
                if self._opened is None:
                    self._opened = self._open()
                self._opened.excused = repeated > 0 and not barred
                return use(self._opened)
            except errors.PREEMPTION:
                self._let_go()
                repeated += 1
                if repeated > MOST_RECOVERIES:
                    raise
            finally:
                if self._opened is not None:
                    self._opened.excused = False

    def _let_go(self) -> None:
        opened, self._opened = self._opened, None
        if opened is not None:
            self._carry_stop(opened)
        error = opened.close() if opened is not None else None
        if error is not None and not isinstance(error, errors.PREEMPTION):
            raise error

    def _release(self, pending: BaseException | None, suppressing: bool) -> BaseException | None:
        error = super()._release(pending, suppressing)
        self._opened = None
        return pending if isinstance(error, errors.PREEMPTION) else error


def _positional(function: Any) -> list[str]:
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    parameters = inspect.signature(function).parameters.values()
    return [p.name for p in parameters if p.kind in kinds or p.kind is p.VAR_POSITIONAL]
