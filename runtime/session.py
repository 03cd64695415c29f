"""`SingularMonitoredSession`: a session that runs hooks, and writes down everything it does.

The sentences that decide are those of the documentation of
tf.compat.v1.train.SingularMonitoredSession; where it is silent, TensorFlow's behaviour does.
`specs/divergences.toml` lists where this class differs, and why.
"""

import contextlib
import functools
import inspect
import os
import sys
import threading
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from types import FrameType, TracebackType
from typing import Any, Final, NoReturn, Self, TypeAlias

import attrs

from runtime.attribution import hook_name, name_adder
from runtime.backoff import PREEMPTION, Backoff
from runtime.engine import Engine, NumpyEngine, RawSession
from runtime.error_hooks import CLEAN, ErrorHooks, having_on_error
from runtime.recording import ValueRecorder
from runtime.scaffold import Scaffold
from runtime.session_layers import Coordination
from runtime.session_run_hook import SessionRunHook, SessionRunValues
from runtime.signatures import Signatures, is_element
from runtime.starting import METHOD_OF_POINT, Creator, Start, struck_between_calls
from runtime.step import ASKED, Requests, RunContext, raw_run
from runtime.threads import frames_of_other_threads
from statemachine.block import KIND_MASK, error_detail
from statemachine.compiled import Place
from statemachine.events import EMPTY, INDEX_SHIFT, EventKind
from statemachine.log import EventLog, new_path
from statemachine.machine import Lifecycle
from statemachine.recorder import Answer, Call, StepPlan
from statemachine.table import (
    ENDS_OWED,
    IN_STEP_FN,
    NOTHING_OPEN,
    POINTS,
    RECOVERING,
    REPEATED,
    STOP_ASKED,
    State,
    Trigger,
)

__all__ = ["HookedSession", "SingularMonitoredSession", "StepContext"]

_ADVICE_IN_STEP: Final = (
    "A hook uses run_context.session to run without hooks, and run_context.request_stop() to stop "
    "the training."
)
_ADVICE_AT: Final = {
    "beginning": (
        "There is no session to run with yet: add to the graph there, and run in "
        "after_create_session, which is given the raw session."
    ),
    "announcing": (
        "The raw session that after_create_session was given runs without hooks, and the "
        "coordinator's request_stop() stops the training; steps come later."
    ),
    "ending": (
        "The raw session that end was given runs without hooks; the session is being closed "
        "already, so there is nothing left to stop or close."
    ),
    "telling": (
        "The run_context that on_error was given, if it was, has the raw session and "
        "request_stop(); the call that failed raises its error when the hooks have been told."
    ),
    "telling of loss": "There is no session any more, and nothing to stop or close.",
}
"""What a hook can do instead, in its methods that are given no `run_context`."""
_HOOK_METHODS: Final = ("begin", "after_create_session", "before_run", "after_run", "end")


@attrs.frozen
class _StepCodes:
    """The codes of a step, for steps inside or outside of a step function.

    Attributes:
        plan: The codes of a step that nobody interferes with.
        merge: The code of merging requests.
        refused: The code of a step that is refused.
        replaced: The code of an error that is replaced by another.
        inside: Whether the step is inside of a step function.
    """

    plan: StepPlan
    merge: int
    refused: int
    replaced: int
    inside: bool

    @classmethod
    def of(cls, hooks: tuple[SessionRunHook, ...], mark: int) -> "_StepCodes":
        inside = bool(mark & IN_STEP_FN)
        over = mark if inside else mark & ~REPEATED

        def each(point: str) -> tuple[tuple[SessionRunHook, int], ...]:
            return tuple((h, Place(point, i, mark).code) for i, h in enumerate(hooks))

        def one(point: str, mark: int = mark) -> int:
            return Place(point, 0, mark).code

        plan = (
            one("step"),
            each("gathering"),
            one("computing"),
            each("delivering"),
            one("step done", over),
        )
        return cls(
            plan,
            one("merging"),
            one("refused", over),
            one("step error replaced", over),
            inside,
        )


class StepContext:
    """What a step function gets: the raw session, and a way to run with hooks.

    Source of the rule: tf.compat.v1.train.MonitoredSession.StepContext documentation.

    Args:
        session: The raw session.
        run_with_hooks: `run` of the monitored session.
        request_stop: Tells the monitored session of a stop request.
    """

    def __init__(
        self,
        session: RawSession,
        run_with_hooks: Callable[..., Any],
        request_stop: Callable[[], None],
    ) -> None:
        self._session = session
        self._run_with_hooks = run_with_hooks
        self._request_stop = request_stop

    @property
    def session(self) -> RawSession:
        """The raw session; running it calls no hooks."""
        return self._session

    # Any: as Session.run.
    def run_with_hooks(self, *args: Any, **kwargs: Any) -> Any:
        """The same as `run` of the monitored session."""
        return self._run_with_hooks(*args, **kwargs)

    def request_stop(self) -> NoReturn:
        """Ends the step function and stops the training.

        Whatever stands after this call in the step function never runs. The next
        `should_stop()` of the session is True, even if the exception is caught.

        Raises:
            StopIteration: Always. ``with session:`` suppresses it.
        """
        self._request_stop()
        raise StopIteration("step_fn has requested the iterations to stop.")


_StepContext = StepContext


class HookedSession:
    """What session classes have in common; users make one of them, not of this class.

    Attributes:
        graph: The graph that was launched; None after close.
        event_log: The session's `EventLog`.
        lifecycle: The session's `Lifecycle`: its state, and the place for observers.
    """

    # What each step looks at is had fastest from slots.
    __slots__ = (
        "__dict__",
        "__weakref__",
        "_context",
        "_give_turn",
        "_idle",
        "_inside",
        "_latest_fetches",
        "_latest_signature",
        "_mark",
        "_outside",
        "_plain_step",
        "_raw",
        "_step_fn_thread",
        "_take_turn",
        "_values",
    )
    StepContext: TypeAlias = _StepContext  # the documented name
    _engine: Engine = NumpyEngine()
    _for_threads = "raw_session()"
    _recovers = False

    # Any: what an engine's users know of its configuration is its own.
    def _begin(
        self,
        hooks: Iterable[SessionRunHook] | None,
        scaffold: Scaffold | None,
        master: str,
        config: Any,
        checkpoint_dir: str | os.PathLike[str] | None,
        stop_grace_period_secs: float,
        checkpoint_file: str | os.PathLike[str] | None,
        event_log: Any,
        creator: Creator | None = None,
        backoff: Backoff | None = None,
    ) -> None:
        """Check the arguments, and construct the session."""
        _check_start(scaffold, checkpoint_dir, checkpoint_file)
        self._hooks = as_hooks(hooks)
        self._places = first_places(self._hooks)
        self._grace_secs = _as_seconds(stop_grace_period_secs)
        self._log = _as_log(event_log, checkpoint_dir)
        self._prepare_to_run()
        self._start = Start(
            self._engine,
            self._log,
            self._journal,
            self._hooks,
            scaffold,
            master,
            config,
            checkpoint_dir,
            checkpoint_file,
            self._grace_secs,
            self._tell_of_raw_session,
            self._keep_reads_of,
            creator,
            backoff,
        )
        with self._turn:
            self._start.run()
        self._take_opened()

    def _prepare_to_run(self) -> None:
        """Make everything that steps need."""
        self._turn = threading.Lock()
        self._sealing = False
        self._take_turn, self._give_turn = self._turn.acquire, self._turn.release
        self._mark = 0
        self._flags = threading.RLock()
        self._excused = self._lost = False
        self._step_fn_thread: int | None = None
        self._outside = _StepCodes.of(self._hooks, 0)
        self._inside = _StepCodes.of(self._hooks, IN_STEP_FN)
        having = having_on_error(self._hooks)
        names = [type(hook).__qualname__ for hook in self._hooks]
        self._journal = self._log.begin(names, having)
        session = self._log.header.session
        self._error_hooks = ErrorHooks(
            self._hooks, having, self._journal, session, self.request_stop
        )
        self._record = self._journal.record
        self._plain_step = self._journal.recorder.step
        self._context: RunContext | None = None
        self._latest_fetches: object = self
        self._latest_signature = 0
        self._signatures = Signatures(self._describe_signature)
        record = self._journal.records
        self._values = None if record is None else ValueRecorder(self._journal, record)
        self._idle = SessionRunValues(None, self._engine.run_options(), self._engine.run_metadata())

    def _take_opened(self) -> None:
        self._raw: Any = self._start.raw  # Any: what an engine's users know of it is its own
        self._coord = self._start.coordinator

    # What a user sees

    @property
    def graph(self) -> Any:
        """The graph that was launched in this session; None after close."""
        return None if self._closed else self._start.graph

    @property
    def _closed(self) -> bool:
        return self._raw is None and not self._lost

    # What TensorFlow's class has privately, and programs have come to use.

    @property
    def _coordinated_creator(self) -> Coordination:
        return Coordination(self._raw, self._coord, self._hooks)

    @property
    def _sess(self) -> Any:
        """The raw session: there are no layers between that and this one."""
        return self._raw

    def _tf_sess(self) -> Any:
        return self._raw

    def _is_closed(self) -> bool:
        return self._raw is None

    @property
    def event_log(self) -> EventLog:
        """The log that the session writes."""
        return self._log

    @property
    def lifecycle(self) -> Lifecycle:
        """The session's state, and the place to attach observers to it."""
        assert self._log.lifecycle is not None
        return self._log.lifecycle

    def request_stop(self, reason: str | None = None) -> None:
        """Ask the session to stop: `should_stop()` is True from then on. Any thread may.

        A run that is under way is finished; after it, runs are refused. Nothing happens if
        the session is closed.

        Args:
            reason: Why, for the event log.

        Raises:
            LogWriteFailed: If the log can't be written; the session stops all the same.
        """
        if not self._closed:
            self._journal.add_stop({"by": "session", "reason": reason}, self._set_stop)

    def run(
        self,
        fetches: Any,
        feed_dict: Any = None,
        options: Any = None,
        run_metadata: Any = None,
    ) -> Any:
        """Run operations, with the hooks around them.

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
            Exception: What a hook or an operation raised.
        """
        if not self._take_turn(False) and not self._gets_turn_after_all():
            self._refuse("run")
        try:
            if self._step_fn_thread is None:
                return self._step(self._outside, fetches, feed_dict, options, run_metadata)
            if self._step_fn_thread != threading.get_ident():
                self._refuse("run")
            return self._step(self._inside, fetches, feed_dict, options, run_metadata)
        finally:
            self._give_turn()

    def run_step_fn(self, step_fn: Callable[[StepContext], Any]) -> Any:
        """Run a step function, which may mix runs with and without hooks.

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
        return self._call_step_fn(step_fn)

    def _call_step_fn(self, step_fn: Callable[[StepContext], Any]) -> Any:
        self._claim_turn("run_step_fn")
        try:
            if self._step_fn_thread is not None:
                self._refuse("run_step_fn")
            raw = self._open_session("run_step_fn")
            self._record(Place("step fn", 0, self._mark | IN_STEP_FN).code)
            self._step_fn_thread = threading.get_ident()
        finally:
            self._turn.release()
        context = StepContext(raw, self.run, self._stop_by_step_fn)
        try:
            value = step_fn(context)
        except BaseException as error:
            self._leave_step_fn("step fn!", error)
            raise
        self._leave_step_fn("step fn done", None)
        return value

    def close(self) -> None:
        """End the session: the hooks' `end`, then the threads, then the raw session.

        Raises:
            RuntimeError: If it is closed already, or in the middle of a call.
            BaseException: What a hook's `end` raised, or an error that a thread reported.
        """
        self._claim_turn("close")
        try:
            if self._step_fn_thread is not None:
                self._refuse("close")
            if self._closed:
                raise RuntimeError("Session is already closed.")
            self._go_out("close", None)
        finally:
            self._turn.release()

    def __enter__(self) -> Self:
        """The session itself."""
        return self

    def __exit__(
        self,
        exception_type: type[BaseException] | None,
        exception_value: BaseException | None,
        traceback: TracebackType | None,
    ) -> bool:
        """Close the session as its documentation says; see the class.

        Returns:
            True if the error that left the block is suppressed.
        """
        self._claim_turn("close")
        try:
            if self._step_fn_thread is not None and self._is_amid_step_fn():
                self._refuse("close")
            if self._closed:
                return False
            return self._go_out("with", exception_value)
        finally:
            self._turn.release()

    def _go_out(self, by: str, error: BaseException | None) -> bool:
        way_out = _Exit(self, by, error)
        try:
            return way_out.go()
        except BaseException:
            if self.lifecycle.state is not State.CLOSED:  # interrupted outside of any call
                with contextlib.suppress(Exception):
                    way_out.go()
            raise

    # A step

    def _step(
        self, codes: _StepCodes, fetches: Any, feed_dict: Any, options: Any, metadata: Any
    ) -> Any:
        raw = self._raw
        if raw is None:
            self._open_session("run")
        if self._mark:
            codes = self._codes_despite_stop(codes)
        self._context = context = RunContext(self, (fetches, feed_dict, options), raw)
        plain = (
            fetches is self._latest_fetches
            and feed_dict is None
            and options is None
            and metadata is None
        )
        try:
            value = self._plain_step(
                codes.plan,
                context,
                raw.run if plain else None,
                fetches,
                self._latest_signature,
                self._idle,
            )
            if not plain or type(value) is Answer:
                value = self._step_with(
                    codes, context, value, fetches, feed_dict, options, metadata
                )
        except BaseException as error:
            instead = self._fail_step(codes, context, error)
            if instead is None:
                raise
            raise instead from error
        self._context = None
        if context.asked:
            self._note_stop()
        return value

    def _step_with(
        self,
        codes: _StepCodes,
        context: RunContext,
        answer: Answer | None,
        fetches: Any,
        feed_dict: Any,
        options: Any,
        metadata: Any,
    ) -> Any:
        """The rest of a step that is not plain, after the first hook that answered, or the last."""
        record = self._record
        _, before, run, after, end = codes.plan
        requests = Requests(self._engine, self._start.graph)
        if answer is not None:
            self._gather(requests, answer, before, context)
            record(codes.merge | context.asked)
        feeds = requests.merged_feeds(feed_dict)
        merged = requests.merged_options(options)
        number = self._signature(requests, fetches, feeds, merged, metadata)
        metadata = self._engine.run_metadata() if metadata is None else metadata
        if self._values is not None and feeds:
            self._values.fed(feeds, requests)
        record(run | context.asked, number << INDEX_SHIFT)
        wanted = metadata if merged is not None else None
        value, results = raw_run(self._raw, requests, fetches, feeds, merged, wanted)
        if self._values is not None:
            self._values.fetched_in_run(requests, fetches, value, results)
        shown = self._idle.options if merged is None else merged
        for index, (hook, code) in enumerate(after):
            record(code | context.asked)
            result = results.get(self._places[index])
            hook.after_run(context, SessionRunValues(result, shown, metadata))
        record(end | context.asked)
        return value

    def _gather(
        self, requests: Requests, answer: Answer, before: tuple[Call, ...], context: RunContext
    ) -> None:
        """Call `before_run` of the hooks after the one that answered first; add what they ask."""
        requests.add(self._places[answer.index], answer.hook, answer.request)
        for index in range(answer.index + 1, len(before)):
            hook, code = before[index]
            self._record(code | context.asked)
            request = hook.before_run(context)
            if request is not None:
                requests.add(self._places[index], hook, request)

    def _signature(
        self, requests: Requests, fetches: Any, feeds: Any, options: Any, metadata: Any
    ) -> int:
        """The number of what is run; that of a plain run is remembered for the next one."""
        if requests.fetches or feeds or options is not None or metadata is not None:
            return self._signatures.of(fetches, feeds or (), requests.fetches)
        number = self._signatures.of_plain(fetches)
        if is_element(fetches) and self._values is None:
            self._latest_fetches, self._latest_signature = fetches, number << INDEX_SHIFT
        return number

    def _fail_step(
        self, codes: _StepCodes, context: RunContext, error: BaseException
    ) -> BaseException | None:
        """Write down that a step failed; returns the error that takes the place of its own."""
        if isinstance(error, RuntimeError):
            name_adder(error, self._where())
        if context.asked:
            self._note_stop()
        self._journal.tell_raised({"error": error_detail(error)}, bool(self._mark & STOP_ASKED))
        instead = self._held_instead_of(error)
        if instead is not None:
            self._tell_replaced(codes.replaced | self._mark_at_rest(codes) << 7, error, instead)
        self._tell_hooks(codes, context, error if instead is None else instead)
        self._context = None
        self._journal.tell_sealed()
        return instead

    def _tell_hooks(
        self, codes: _StepCodes, context: RunContext | None, error: BaseException
    ) -> None:
        """Tell the hooks of the error of a run, unless a recovery deals with it."""
        if self._recovers and isinstance(error, PREEMPTION):
            return

        def mark() -> int:
            if context is not None and context.asked:
                self._note_stop()
            return self._mark_at_rest(codes) | IN_STEP_FN * codes.inside

        self._error_hooks.tell("telling", mark, context, error, again=True)
        mark()

    def _held_instead_of(self, error: BaseException) -> BaseException | None:
        """The coordinator's error, if it takes the place of one that comes out of a run."""
        if not isinstance(error, Exception) or isinstance(error, PREEMPTION):
            return None
        try:
            self._coord.raise_requested_exception()
        except PREEMPTION as held:
            return held
        except Exception:
            return None
        except BaseException as held:
            return held
        return None

    def _note_stop(self) -> None:
        """A stop was asked for in this very call, so it counts, even if the call is repeated."""
        self._set_stop()
        self._excused = False

    def _set_stop(self) -> None:
        with self._flags:
            self._mark |= STOP_ASKED

    def _mark_at_rest(self, codes: _StepCodes) -> int:
        return self._mark if codes.inside else self._mark & STOP_ASKED

    def _codes_despite_stop(self, codes: _StepCodes) -> _StepCodes:
        """The codes of a run that was under way when a stop was asked for; others are refused."""
        if not self._excused:
            self._refuse_stopped(codes)
        return _StepCodes.of(self._hooks, self._mark | IN_STEP_FN * codes.inside)

    def _refuse_stopped(self, codes: _StepCodes) -> NoReturn:
        error = RuntimeError("Run called even after should_stop requested.")
        error.add_note(
            "A hook or a step function asked this session to stop, so it runs no more steps: leave "
            "the loop when should_stop() is True. The raw session still works."
        )
        mark = self._mark_at_rest(codes) << 7
        self._journal.tell(codes.refused | mark, {"error": error_detail(error)})
        instead = self._held_instead_of(error)
        if instead is not None:
            self._tell_replaced(codes.replaced | mark, error, instead)
        self._tell_hooks(codes, None, error if instead is None else instead)
        if instead is not None:
            raise instead from error
        raise error

    def _tell_replaced(self, code: int, error: BaseException, instead: BaseException) -> None:
        detail = {"error": error_detail(instead), "instead_of": error_detail(error)}
        self._journal.tell(code, detail)

    def _describe_signature(self, number: int, description: dict[str, object]) -> None:
        self._journal.add(EventKind.RUN_SIGNATURE, _bounded(description), number)

    # Stops

    def is_running(self, context: RunContext) -> bool:
        """Whether the run of a context is going on. For the context."""
        return self._context is context

    def stop_by_hook(self, context: RunContext) -> None:
        """Write down that a hook asks for a stop. For the context of a run."""
        place = self._journal.place
        detail: dict[str, object] = {"by": "run_context"}
        if place is not None and place.point in ("gathering", "delivering", "telling"):
            name = type(self._hooks[place.index]).__qualname__
            by = f"hook.{METHOD_OF_POINT[place.point]}"
            detail = {"by": by, "hook": place.index, "hook_class": name}

        def take_effect() -> None:
            self._journal.recorder.ask(ASKED)
            context.asked = ASKED

        self._journal.add_stop(detail, take_effect)

    def _stop_by_step_fn(self) -> None:
        self._journal.add_stop({"by": "step_fn"}, self._note_stop)

    def _leave_step_fn(self, point: str, error: BaseException | None) -> None:
        with self._turn:
            self._step_fn_thread = None
            code = Place(point, 0, self._mark & STOP_ASKED).code
            if error is None:
                self._journal.record_with(code)
            else:
                self._journal.tell(code, {"error": error_detail(error)})
                if not (self._recovers and isinstance(error, PREEMPTION)):
                    self._error_hooks.tell("telling", self._stop_mark, None, error)
                self._journal.tell_sealed()

    def _stop_mark(self) -> int:
        return self._mark & STOP_ASKED

    def _claim_turn(self, call: str) -> None:
        """Take the turn, or refuse the call; `run` has these lines itself, for speed."""
        if not self._take_turn(False) and not self._gets_turn_after_all():
            self._refuse(call)

    def _gets_turn_after_all(self) -> bool:
        """Whether the caller has the turn although it was taken.

        That is so when another thread has a checkpoint sealed, which takes a moment, and when an
        interrupt ended a call before it could give its turn back.
        """
        if self._sealing:
            return self._turn.acquire(timeout=_SEALING_SECS)
        own = _caller_of(self, sys._getframe(1))
        return not any(_is_inside(self, frame) for frame in (own, *frames_of_other_threads()))

    def _is_amid_step_fn(self) -> bool:
        """Whether a step function goes on, for ``__exit__``: an interrupt may have ended it."""
        here = self._step_fn_thread == threading.get_ident()
        return not here or _is_inside(self, _caller_of(self, sys._getframe(1)))

    # Refusals

    def _open_session(self, call: str) -> Any:
        if self._raw is None:
            raise RuntimeError(
                f"Session is already closed: {call} was called on it. Make a new "
                f"{type(self).__name__}; with a checkpoint_dir it goes on where this one was."
            )
        return self._raw

    def _refuse(self, call: str) -> NoReturn:
        """Refuse a call in the middle of another one, and say what to use instead."""
        message = self._why_refused(call)
        self._journal.tell_beside(EventKind.CALL_REFUSED, {"call": call, "reason": message})
        raise RuntimeError(message)

    def _why_refused(self, call: str) -> str:
        if not _is_inside(self, _caller_of(self, sys._getframe(1))):
            return (
                f"{call} was called while another thread drives this session. One thread drives "
                f"a session; other threads use {self._for_threads}, which is thread-safe and calls "
                "no hooks."
            )
        place, where = self._journal.place, self._where()
        advice = _ADVICE_AT.get(place.point) if place else None
        if advice is None and self._step_fn_thread is not None and call != "run":
            amid = f" ({where})" if place and place.point in METHOD_OF_POINT else ""
            return (
                f"{call} was called inside a step function{amid}. Use step_context.session, "
                "step_context.run_with_hooks() or step_context.request_stop() there."
            )
        return f"{call} was called inside {where}. {advice or _ADVICE_IN_STEP}"

    def _where(self) -> str:
        place = self._journal.place
        name = METHOD_OF_POINT.get(place.point) if place else None
        if place is None or name is None:
            return "a call of this session"
        return f"{name} of hook {place.index} ({type(self._hooks[place.index]).__qualname__})"

    # What the raw session tells

    def _keep_reads_of(self, raw: Any) -> None:
        """Keep what hooks read with runs of their own, if the log records values."""
        if self._values is None:
            return
        run = raw.run
        self._values.watch(run, self._start.graph)

        @functools.wraps(run)
        def run_and_keep(fetches: Any, *args: Any, **kwargs: Any) -> Any:
            value = run(fetches, *args, **kwargs)
            self._keep_read(fetches, value)
            return value

        raw.run = run_and_keep

    def _keep_read(self, fetches: Any, value: Any) -> None:
        _, _, code = self._journal.recorder.position()
        if code & KIND_MASK == EventKind.RUN.number:  # the run of the step itself
            return
        place = self._journal.place
        in_hook = place is not None and place.point in METHOD_OF_POINT
        if place is not None and in_hook and _is_inside(self, sys._getframe(1)):
            assert self._values is not None
            self._values.read(fetches, value, self._places[place.index])

    def _tell_of_raw_session(self, kind: str, detail: Mapping[str, object]) -> None:
        told = {**detail, "path": _relative(str(detail.get("path", "")), self._log.path)}
        self._journal.add(EventKind(kind), told)
        self._sealing = True
        try:
            self._seal_in_turn()
        finally:
            self._sealing = False

    def _seal_in_turn(self) -> None:
        if self._turn.acquire(False):
            try:
                self._journal.seal()
            finally:
                self._turn.release()
        elif _is_inside(self, sys._getframe(1)):
            self._journal.seal()


class SingularMonitoredSession(HookedSession):
    """A session that initializes, restores, calls hooks around each run, and stops in order.

    Construction calls `hook.begin()` of each hook, finalizes the graph, opens a raw session, runs
    the init op and `init_fn`, restores a checkpoint over that if there is one, runs the local
    init op and the readiness checks, starts the queue runners, and calls
    `hook.after_create_session()` of each hook. If any of that raises, what was opened is
    closed again and the error comes out.

    Used in ``with``, OutOfRangeError and StopIteration mean the end of the input: the hooks'
    `end` is called and the error is suppressed. Other errors come out, and `end` isn't called.

    One thread drives the session; the session that `raw_session()` returns is thread-safe.

    Source of the rules: tf.compat.v1.train.SingularMonitoredSession documentation.

    Args:
        hooks: An iterable of `SessionRunHook`; it is read once.
        scaffold: Gives the supportive operations; None for the default one.
        master: Of the embedded engine only `''` is known.
        config: A `ConfigProto` for the raw session.
        checkpoint_dir: Directory whose latest checkpoint is restored, if it has one.
        stop_grace_period_secs: How many seconds threads get to stop at the end.
        checkpoint_filename_with_path: The checkpoint that is restored.
        event_log: Where the event log goes: a path (a directory gets a new file in it), an
            `EventStore`, or an `EventLog`. None: a new file in `checkpoint_dir` if that is
            a directory that can be written to, else memory.

    Attributes:
        graph: The graph that was launched; None after close.
        event_log: The session's `EventLog`.
        lifecycle: The session's `Lifecycle`: its state, and the place for observers.

    Raises:
        ValueError: If both checkpoint arguments are given, or a checkpoint is named that is none.
        TypeError: If `hooks` is no iterable of hooks.
        RuntimeError: If the model isn't ready after initialization.
        Exception: Whatever a hook or an operation raises.

    Example:
        >>> import runtime as tf
        >>> with tf.Graph().as_default():
        ...     step = tf.train.get_or_create_global_step()
        ...     train_op = tf.assign_add(step, 1)
        ...     hook = tf.train.StopAtStepHook(last_step=3)
        ...     with tf.train.SingularMonitoredSession(hooks=[hook]) as sess:
        ...         while not sess.should_stop():
        ...             value = sess.run(train_op)
        >>> int(value)
        3
    """

    def __init__(
        self,
        hooks: Iterable[SessionRunHook] | None = None,
        scaffold: Scaffold | None = None,
        master: str = "",
        config: Any = None,
        checkpoint_dir: str | os.PathLike[str] | None = None,
        stop_grace_period_secs: float = 120,
        checkpoint_filename_with_path: str | os.PathLike[str] | None = None,
        *,
        event_log: Any = None,
    ) -> None:
        self._begin(
            hooks,
            scaffold,
            master,
            config,
            checkpoint_dir,
            stop_grace_period_secs,
            checkpoint_filename_with_path,
            event_log,
        )

    def raw_session(self) -> Any:
        """The raw session, without hooks and safe to use in any thread; None after close."""
        return self._raw

    def should_stop(self) -> bool:
        """Whether the training should stop: a hook, a thread or a step function asked for it.

        Raises:
            BaseException: The error that a thread reported to the coordinator.
        """
        if self._raw is None:
            return True
        self._coord.raise_requested_exception()
        return self._coord.should_stop() or bool(self._mark & STOP_ASKED)


class _Exit:
    """The way out of a session: hooks' ends, threads, raw session, graph, closed."""

    def __init__(self, session: HookedSession, by: str, error: BaseException | None) -> None:
        self._session = session
        self._journal = session._journal
        self._start = session._start
        self._by = by
        self._left_with = error
        self._clean = error if isinstance(error, CLEAN) else None
        self._error = None if self._clean is not None else error
        self._lost = session._lost
        self._ends_owed = self._error is None and not self._lost
        self._parts = [self._leave]
        if not self._lost:
            self._parts += [self._call_ends, self._join_threads, self._close_raw]

    def go(self) -> bool:
        """Go out. Returns whether the error that left the `with` block is suppressed.

        Raises:
            BaseException: The error that comes out, unless it is the one that left the block.
        """
        while self._parts:
            try:
                self._parts[0]()
            except BaseException as error:  # an interrupt between the calls: once more
                self._failed(error)
                self._ends_owed, self._error = False, error
                self._leave()
            else:
                del self._parts[0]
        self._start.restore_graph()
        self._session._raw, self._session._lost = None, False
        self._finish()
        if self._error is not None and self._error is not self._left_with:
            raise self._error
        return self._error is None and self._clean is not None

    def _leave(self) -> None:
        if self._session.lifecycle.state in (State.STOPPING, State.CLOSED):
            return
        self._tell_interrupt()
        self._tell_hooks()
        detail: dict[str, object] = {"by": self._by}
        if self._left_with is not None:
            detail["error"] = error_detail(self._left_with)
        if self._session._recovers:
            detail["state"] = self._session.lifecycle.state.value
        mark = NOTHING_OPEN if self._lost else ENDS_OWED * self._ends_owed
        self._change("stopping", mark, Trigger.STOP, detail)

    def _tell_interrupt(self) -> None:
        """Write down what came out of a call, if it kept the call from doing that itself."""
        place = self._journal.place
        if place is not None and POINTS[place.point].each_on_error:
            return  # what these raise is always written down
        interrupted = {"error": error_detail(self._left_with or KeyboardInterrupt())}
        self._journal.tell_raised(interrupted, bool(self._session._mark & STOP_ASKED))

    def _tell_hooks(self) -> None:
        """Tell the hooks of an error that leaves the `with` block."""
        if self._by == "with" and self._left_with is not None:
            point = "telling of loss" if self._lost else "telling"
            tell, mark = self._session._error_hooks.tell, self._mark_at_rest
            tell(point, mark, None, self._left_with)

    def _mark_at_rest(self) -> int:
        return self._session._stop_mark() | RECOVERING * self._lost

    def _change(
        self, point: str, mark: int, trigger: Trigger, detail: Mapping[str, object]
    ) -> None:
        observed = self._start.change(Place(point, 0, mark), trigger, detail)
        if observed is not None and self._error is None:
            self._error = observed

    def _call_ends(self) -> None:
        hooks = self._session._hooks if self._ends_owed else ()
        if hooks and self._session._values is not None:
            self._session._values.read_step()
        self._ends_owed = False  # interrupted and taken up again, none is called twice
        try:
            for index, hook in enumerate(hooks):
                self._journal.tell(Place("ending", index).code)
                self._call_end(index, hook)
        except BaseException as error:
            self._failed(error)
            self._replace("end error replaced", error)
            self._error = error

    def _call_end(self, index: int, hook: SessionRunHook) -> None:
        try:
            hook.end(self._start.raw)
        except RuntimeError as error:
            name_adder(error, f"end of {hook_name(index, hook)}")
            raise

    def _failed(self, error: BaseException) -> None:
        self._journal.tell_raised({"error": error_detail(error)})

    def _replace(self, point: str, error: BaseException) -> None:
        replaced = self._error or self._clean
        if replaced is not None and replaced is not error:
            detail = {"error": error_detail(error), "instead_of": error_detail(replaced)}
            self._journal.tell(Place(point).code, detail)

    def _join_threads(self) -> None:
        try:
            self._journal.tell(Place("joining").code)
            self._start.join_threads()
        except BaseException as error:
            self._failed(error)
            self._take_thread_error(error)

    def _take_thread_error(self, error: BaseException) -> None:
        """An error that a thread reported comes out, in place of any other that is on its way."""
        pending = self._error or self._clean
        if self._session._recovers and isinstance(error, PREEMPTION):
            detail = {"error": error_detail(error)}
            self._journal.tell(Place("join error swallowed").code, detail)
            return
        if isinstance(error, CLEAN) and (self._by == "with" or self._error is not None):
            if pending is None:
                self._clean = error
            elif pending is not error:
                detail = {"error": error_detail(error)}
                self._journal.tell(Place("join error swallowed").code, detail)
            return
        self._replace("join error replaced", error)
        self._error = error

    def _close_raw(self) -> None:
        try:
            self._journal.tell(Place("closing").code)
            self._start.close_raw()
        except Exception as error:
            self._failed(error)
            detail = {"error": error_detail(error)}
            self._journal.tell(Place("close error swallowed").code, detail)
        except BaseException as error:
            self._failed(error)
            self._replace("close error replaced", error)
            self._error = error
            if struck_between_calls(error):
                self._start.make_sure()

    def _finish(self) -> None:
        if self._error is None and self._clean is not None:
            detail = {"error": error_detail(self._clean)}
            self._journal.tell(Place("suppressed").code, detail)
        self._change("closed", 0, Trigger.CLOSE, EMPTY)
        incomplete = self._start.close_log(self._error)
        if incomplete is not None:
            raise incomplete


def _check_start(scaffold: object, directory: object, file: object) -> None:
    _check_path("checkpoint_dir", directory)
    _check_path("checkpoint_filename_with_path", file)
    if directory and file:
        raise ValueError(
            "Can not provide both checkpoint_dir and checkpoint_filename_with_path."
            f" They are {directory!r} and {file!r}: leave one out"
        )
    if isinstance(scaffold, type):
        raise TypeError(
            f"scaffold must be a Scaffold, not a class: call it, as in {scaffold.__name__}()"
        )
    if scaffold is not None and not callable(getattr(scaffold, "finalize", None)):
        raise TypeError(f"scaffold must be a Scaffold, not {scaffold!r}")


def _check_path(name: str, value: object) -> None:
    if value is not None and not isinstance(value, (str, os.PathLike)):
        raise TypeError(f"{name} must be a path (str or os.PathLike) or None, not {value!r}")


def as_hooks(hooks: object) -> tuple[SessionRunHook, ...]:
    """The hooks that an iterable gives; TypeError if there is something else in it."""
    if hooks is None:
        return ()
    if not isinstance(hooks, Iterable) or isinstance(hooks, (str, bytes)):
        raise TypeError(
            f"hooks must be an iterable of SessionRunHook objects, not {hooks!r}; "
            "a single hook goes into a list"
        )
    listed = tuple(hooks)
    for index, hook in enumerate(listed):
        missing = [name for name in _HOOK_METHODS if not callable(getattr(hook, name, None))]
        if missing or isinstance(hook, type):
            what = "is a class, not an object of it" if isinstance(hook, type) else ""
            raise TypeError(
                f"hook {index} is no SessionRunHook: {hook!r} "
                f"{what or 'has no method ' + ', '.join(missing)}"
            )
    return listed


def first_places(hooks: tuple[SessionRunHook, ...]) -> tuple[int, ...]:
    """For each hook the place where the same object stands first: it gets one set of results."""
    first: dict[int, int] = {}
    return tuple(first.setdefault(id(hook), index) for index, hook in enumerate(hooks))


def _as_seconds(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not value >= 0:
        raise ValueError(f"stop_grace_period_secs is a number of seconds from 0, not {value!r}")
    return value


def _as_log(event_log: object, checkpoint_dir: str | os.PathLike[str] | None) -> EventLog:
    if isinstance(event_log, EventLog):
        return event_log
    if event_log == "":
        raise ValueError(
            "event_log is the empty text. Give a path, a directory, an EventStore or an EventLog; "
            "None, the default, makes a new file in checkpoint_dir, or keeps the log in memory"
        )
    if event_log is not None:
        return EventLog(event_log)  # type: ignore[arg-type]  # it says what it can't take
    if checkpoint_dir and os.path.isdir(checkpoint_dir) and os.access(checkpoint_dir, os.W_OK):
        return EventLog(new_path(Path(checkpoint_dir)))
    return EventLog()


def check_step_fn(step_fn: object) -> None:
    """Raise ValueError unless a function can be called with one argument `step_context`."""
    problem = _step_fn_problem(step_fn)
    if problem:
        raise ValueError(f"`step_fn` may either have one `step_context` argument: {problem}")


def _step_fn_problem(step_fn: object) -> str | None:
    if not callable(step_fn):
        return f"{step_fn!r} can't be called"
    if _is_async(step_fn):
        return f"{step_fn!r} is async, and nothing would await it; use a plain function"
    try:
        names, keywords = _positional(step_fn), _required_keywords(step_fn)
    except (TypeError, ValueError):
        return f"the arguments of {step_fn!r} can't be told"
    if names == ("self", "step_context"):
        return f"{step_fn!r} takes self without being bound to an object"
    if names != ("step_context",):
        return f"{step_fn!r} takes ({', '.join(names)})"
    if keywords:
        needed = ", ".join(keywords)
        return f"{step_fn!r} also needs the keyword {needed}; bind it with functools.partial"
    return None


def _is_async(function: Callable[..., object]) -> bool:
    call = getattr(type(function), "__call__", None)  # noqa: B004  # the method, not a question
    return inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(call)


def _positional(function: Callable[..., object]) -> tuple[str, ...]:
    """The names of the arguments that have to be given by position, bound ones left out."""
    parameters = inspect.signature(function).parameters.values()
    bound = function.keywords if isinstance(function, functools.partial) else {}
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return tuple(p.name for p in parameters if p.kind in kinds and p.name not in bound)


def _required_keywords(function: Callable[..., object]) -> tuple[str, ...]:
    """The names of the arguments that have to be given by keyword."""
    parameters = inspect.signature(function).parameters.values()
    keyword, nothing = inspect.Parameter.KEYWORD_ONLY, inspect.Parameter.empty
    return tuple(p.name for p in parameters if p.kind is keyword and p.default is nothing)


_ENTRIES: Final = frozenset({"run", "run_step_fn", "close", "__exit__", "_begin", "_replace"})
_FILES: Final = frozenset({__file__, str(Path(__file__).with_name("monitored_session.py"))})
_SEALING_SECS: Final = 10.0


def _caller_of(session: HookedSession, frame: FrameType | None) -> FrameType | None:
    """Who has called the method of the session that is being carried out."""
    while frame is not None and frame.f_code.co_filename in _FILES:
        if frame.f_locals.get("self") is not session:
            break
        frame = frame.f_back
    return frame


def _is_inside(session: HookedSession, frame: FrameType | None) -> bool:
    """Whether the calling thread is in the middle of a call of the session's own."""
    while frame is not None:
        code = frame.f_code
        if (
            code.co_name in _ENTRIES
            and code.co_filename in _FILES
            and frame.f_locals.get("self") is session
        ):
            return True
        frame = frame.f_back
    return False


def _relative(path: str, log: Path | None) -> str:
    """A path as seen from the log's directory, where it lies below it."""
    if log is None or not path:
        return path
    try:
        return str(Path(path).absolute().relative_to(log.parent.absolute()))
    except ValueError:
        return path


def _bounded(description: dict[str, object]) -> dict[str, object]:
    """A description short enough for a log."""
    if len(repr(description)) <= 16_000:
        return description
    return {"fetches": repr(description["fetches"])[:8_000] + "…", "feeds": [], "cut": True}
