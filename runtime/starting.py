"""How a monitored session comes to life, and how a construction that failed is undone."""

import contextlib
import os
import traceback
from collections.abc import Callable, Mapping
from typing import Any, Final, Protocol

import numpy as np

from runtime import errors, logging
from runtime.attribution import hook_name, name_adder
from runtime.backoff import PREEMPTION, Backoff
from runtime.checkpoint_state import get_checkpoint_state
from runtime.coordinator import Coordinator
from runtime.engine import Engine, EventListener
from runtime.hook_state import HookStates
from runtime.scaffold import Scaffold
from runtime.session_run_hook import SessionRunHook
from statemachine.block import error_detail
from statemachine.compiled import Place
from statemachine.errors import IllegalStep, LogError
from statemachine.events import EMPTY, EventKind
from statemachine.journal import Journal
from statemachine.log import EventLog
from statemachine.table import AGAIN, BY_CREATOR, POINTS, UNDO_STATES, State, Trigger

Path = str | os.PathLike[str]

METHOD_OF_POINT: Final = {
    "beginning": "begin",
    "announcing": "after_create_session",
    "gathering": "before_run",
    "delivering": "after_run",
    "ending": "end",
    "telling": "on_error",
    "telling of loss": "on_error",
}
"""The hook's method that is called at a point of the lifecycle."""


class Creator(Protocol):
    """What makes sessions in a way of its own."""

    @property
    def name(self) -> str:
        """Its name, for the log."""

    @property
    def scaffold(self) -> Scaffold | None:
        """The scaffold that is to be finalized before it makes one; None: it does that itself."""

    # Any: whatever it makes.
    def create_session(self) -> Any:
        """A new raw session, ready to be used."""


_NOT_READY: Final = "Init operations did not make model ready"


class Start:
    """The construction of a session, step by step, each written down before it is done.

    Attributes:
        raw: The raw session, once it is open.
        coordinator: The coordinator of the session's threads, once it is made.
        graph: The graph.
        undone: Whether a failed attempt was undone, and no other one follows.
    """

    raw: Any  # of the engine's own class
    coordinator: Any  # a Coordinator, or None before it is made
    _scaffold: Any  # a Scaffold, or None where a creator has its own

    # Any: the configuration is the engine's.
    def __init__(
        self,
        engine: Engine,
        log: EventLog,
        journal: Journal,
        hooks: tuple[SessionRunHook, ...],
        scaffold: Scaffold | None,
        master: str,
        config: Any,
        checkpoint_dir: Path | None,
        checkpoint_file: Path | None,
        grace_secs: float,
        listener: EventListener,
        on_raw: Callable[[Any], None],
        creator: Creator | None = None,
        backoff: Backoff | None = None,
    ) -> None:
        self._engine = engine
        self._log = log
        self._journal = journal
        self._hooks = hooks
        self._scaffold_given = scaffold
        self._master = master
        self._config = config
        self._checkpoint_dir = checkpoint_dir
        self._checkpoint_file = checkpoint_file
        self._grace_secs = grace_secs
        self._listener = listener
        self._on_raw = on_raw
        self._creator = creator
        self._backoff = backoff
        self._mark = 0
        self._finalized = self.undone = False
        self.raw = self.coordinator = None
        self.graph = engine.current_graph()
        self._was_finalized = engine.is_finalized(self.graph)

    def run(self) -> None:
        """Go from created to running.

        Raises:
            BaseException: What went wrong; everything that was opened is closed again then.
        """
        try:
            detail = {} if self._backoff is None else {"recovers": True}
            self._journal.record_with(Place("created").code, detail)
            self._each_hook("beginning", lambda hook: hook.begin())
            self._create_persistently()
        except BaseException as error:
            undo(self, error)
            raise
        self._enter_running()

    def _create_persistently(self) -> None:
        """Create the session; where it can recover, once more after each preemption."""
        attempt = 0
        while True:
            try:
                self._finalize()
                self._create()
                return
            except PREEMPTION as error:
                attempt += 1
                if self._backoff is None or not self._backoff.allows(attempt):
                    raise
                failure = error
            self._prepare_another_attempt(self._backoff, attempt, failure)

    def _prepare_another_attempt(
        self, backoff: Backoff, attempt: int, failure: BaseException
    ) -> None:
        self._journal.tell_raised({"error": error_detail(failure)})
        interrupt = _undo_open(self, failure)
        self.raw = self.coordinator = None
        if interrupt is not None:
            self.undone = True
            raise interrupt from failure
        detail = backoff.told(attempt, failure)
        if self._finalized:
            self._mark = AGAIN
            self._enter("recovering", Trigger.RECOVER, detail)
        else:
            self._tell("repeating", detail)
        backoff.wait(attempt, failure)

    def create_again(
        self, mark: int, detail: Mapping[str, object], wait: Callable[[], None]
    ) -> None:
        """Create a session in the place of one that was given up; the hooks' `begin` is not called.

        Args:
            mark: The mark of the events.
            detail: What is told of the attempt.
            wait: Called before it begins.

        Raises:
            BaseException: What went wrong; what was opened is still open.
        """
        self._mark = mark
        self.raw = self.coordinator = None
        with self._engine.as_default(self.graph):
            self._tell("recovering", detail)
            wait()
            self._finalize()
            self._create()

    def _finalize(self) -> None:
        """Finalize the graph, unless a creator does that in its own way."""
        creator = self._creator
        self._scaffold = self._scaffold_given if creator is None else creator.scaffold
        if creator is None or self._scaffold is not None:
            self._tell("refinalizing" if self._finalized else "finalizing")
            self._scaffold = self._scaffold or Scaffold()
            self._scaffold.finalize()
        if not self._finalized:
            self._mark |= BY_CREATOR * (creator is not None)
            self._finalized = True
            self._enter("finalized", Trigger.FINALIZE)

    def _create(self) -> None:
        if self._creator is None:
            self._initialize()
            self._restore()
            self._make_ready()
        else:
            self._leave_to(self._creator)
        self._launch()

    def _leave_to(self, creator: "Creator") -> None:
        """Have a creator open, initialize and restore a session in its own way."""
        self._mark |= BY_CREATOR
        self._tell("opening", {"by": "creator", "creator": creator.name})
        self.raw = creator.create_session()
        self._take(self.raw)
        self._enter("initialized", Trigger.INITIALIZE)
        self._enter("restored", Trigger.RESTORE)

    def _take(self, raw: Any) -> None:  # Any: of the engine's own class, or a creator's
        self.raw = raw
        with contextlib.suppress(AttributeError):  # a creator's session need not take them
            raw.event_listener = self._listener
            raw.hook_states = HookStates(self._hooks)

    def _initialize(self) -> None:
        self._tell("opening")
        self.raw = self._engine.open_session(self.graph, self._master, self._config)
        self._take(self.raw)
        self._tell("init op")
        scaffold = self._scaffold
        self.raw.run(scaffold.init_op, feed_dict=scaffold.init_feed_dict)
        if scaffold.init_fn is not None:
            self._tell("init fn")
            scaffold.init_fn(self.raw)
        self._enter("initialized", Trigger.INITIALIZE)

    def _restore(self) -> None:
        path, others = self._checkpoint()
        if path is not None:
            self._tell("restoring", {"path": os.fspath(path)})
            saver: Any = self._scaffold.saver  # any object that can restore
            saver.restore(self.raw, path)
            if others:
                saver.recover_last_checkpoints(others)
        self._enter("restored", Trigger.RESTORE)

    def _checkpoint(self) -> tuple[Path | None, list[str]]:
        """The checkpoint to restore, and all that its directory lists."""
        if self._checkpoint_file:
            return self._checkpoint_file, []
        state = get_checkpoint_state(self._checkpoint_dir) if self._checkpoint_dir else None
        if state is None or not state.model_checkpoint_path:
            return None, []
        return state.model_checkpoint_path, list(state.all_model_checkpoint_paths)

    def _make_ready(self) -> None:
        self._tell("checking locals")
        self._check_ready(self._scaffold.ready_for_local_init_op, " for local_init")
        self._tell("local init")
        if self._scaffold.local_init_op is not None:
            feeds = self._scaffold.local_init_feed_dict
            logging.info("Running local_init_op.")
            self.raw.run(self._scaffold.local_init_op, feed_dict=feeds)
            logging.info("Done running local_init_op.")
        self._tell("checking")
        self._check_ready(self._scaffold.ready_op, "")

    def _launch(self) -> None:
        self.coordinator = Coordinator(clean_stop_exception_types=[])
        self.coordinator.stop_listener = self._tell_stop
        if self._engine.has_queue_runners(self.graph):
            self._tell("launching")
            self._engine.start_queue_runners(self.raw, self.coordinator)
        with contextlib.suppress(AttributeError):  # as above
            self._on_raw(self.raw)
        self._each_hook(
            "announcing", lambda hook: hook.after_create_session(self.raw, self.coordinator)
        )

    def _check_ready(self, ready_op: Any, what_for: str) -> None:
        """Raise RuntimeError unless a readiness check names no variable that is not ready."""
        if ready_op is None:
            return
        try:
            value = self.raw.run(ready_op)
        except errors.FailedPreconditionError as error:
            if "uninitialized" not in str(error):
                raise
            problem = str(error)
        else:
            if value is None or value.dtype == np.int32 or value.size == 0:
                return
            names = ", ".join(_text(name) for name in np.ravel(value).tolist())
            problem = f"Variables not initialized: {names}"
        scaffold = self._scaffold
        raise RuntimeError(
            f"{_NOT_READY}{what_for}. Init op: {_name(scaffold.init_op)}, init fn: "
            f"{scaffold.init_fn}, local_init_op: {_name(scaffold.local_init_op)}, "
            f"error: {problem}"
        )

    def _enter_running(self) -> None:
        observed = self.change(Place("running"), Trigger.START)
        if observed is None:
            return
        detail = {"by": "observer", "error": error_detail(observed)}
        self.change(Place("stopping"), Trigger.STOP, detail)
        steps = [("joining", self.join_threads), ("closing", self.close_raw)]
        interrupt = close_all(self, steps, 0, observed)
        self.restore_graph()
        self.change(Place("closed"), Trigger.CLOSE)
        self.close_log(observed)
        raise interrupt or observed

    # Parts that the way out needs, too

    def change(
        self, place: Place, trigger: Trigger, detail: Mapping[str, object] = EMPTY
    ) -> BaseException | None:
        """Change the state: write it down, move the machine, call the observers.

        Returns:
            The first error of an observer, or None. The change is completed in any case.
        """
        assert self._log.lifecycle is not None
        if place.state in (State.STOPPING, State.CLOSED):
            record, seal = self._journal.tell, self._journal.tell_sealed
        else:
            record, seal = self._journal.record_with, self._journal.seal
        record(place.code, detail)
        raised = self._log.lifecycle.move(trigger)
        for error in raised:
            told = {"state": place.state.value, "error": error_detail(error)}
            self._journal.tell_beside(EventKind.OBSERVER_RAISED, told)
        seal()
        return raised[0] if raised else None

    def settle(self) -> None:
        """Have the machine stand where the log does, after an interrupt between the two."""
        place = self._journal.place
        if place is not None and self._journal.failure is None:
            assert self._log.lifecycle is not None
            self._log.lifecycle.settle(place.state)

    def make_sure(self) -> None:
        """Once more, after an interrupt: threads are asked to stop, the raw session is closed.

        The interrupt may have come before either; to do it twice does no harm.
        """
        if self.coordinator is not None:
            self.coordinator.request_stop()
        if self.raw is not None:
            with contextlib.suppress(Exception):
                self.raw.close()

    def join_threads(self) -> None:
        """Ask the threads to stop and wait for them, as long as the grace period is."""
        self.coordinator.request_stop()
        try:
            self.coordinator.join(stop_grace_period_secs=self._grace_secs, ignore_live_threads=True)
        finally:
            self._tell_of_live_threads()

    def close_raw(self) -> None:
        """Close the raw session."""
        self.raw.close()

    def restore_graph(self) -> None:
        """Let operations be added again, unless the graph was finalized before the session."""
        if not self._was_finalized and self._engine.is_finalized(self.graph):
            self._engine.unfinalize(self.graph)

    def close_log(self, pending: BaseException | None) -> Exception | None:
        """Complete the log; returns the error if that fails and no other is on its way out."""
        try:
            self._journal.close()
        except (LogError, IllegalStep) as error:
            if pending is None:
                return error
            logging.warning("%s", error)
            pending.add_note(f"The event log of the session is incomplete: {error}")
        return None

    def _tell_of_live_threads(self) -> None:
        left = list(self.coordinator.live_threads)
        if left:
            detail = {"threads": left, "seconds": self._grace_secs}
            self._journal.tell_beside(EventKind.THREADS_LEFT, detail)
            logging.warning(
                "%d threads did not stop in the grace period of %s seconds: %s. They go on "
                "running; make them look at coord.should_stop().",
                len(left),
                self._grace_secs,
                ", ".join(left),
            )

    def _tell_stop(self, error: BaseException | None) -> None:
        detail: dict[str, object] = {"by": "coordinator"}
        if error is not None:
            detail["error"] = error_detail(error)
        self._journal.tell_beside(EventKind.STOP_REQUESTED, detail)

    def _tell(self, point: str, detail: Mapping[str, object] = EMPTY) -> None:
        self._journal.record_with(Place(point, 0, self._mark).code, detail)

    def _enter(self, point: str, trigger: Trigger, detail: Mapping[str, object] = EMPTY) -> None:
        observed = self.change(Place(point, 0, self._mark), trigger, detail)
        if observed is not None:
            raise observed

    def _each_hook(self, point: str, call: Callable[[SessionRunHook], None]) -> None:
        for index, hook in enumerate(self._hooks):
            self._journal.record(Place(point, index, self._mark).code)
            try:
                call(hook)
            except RuntimeError as error:
                name_adder(error, f"{METHOD_OF_POINT[point]} of {hook_name(index, hook)}")
                raise


def undo(start: Start, error: BaseException) -> None:
    """Close what a failed construction has opened, and write it down.

    Errors of the closing itself are written down and dropped: the one that made the construction
    fail comes out.
    """
    interrupt = None
    try:
        if not start.undone:
            start._journal.tell_raised({"error": error_detail(error)})
            interrupt = _undo_open(start, error)
    finally:
        start.restore_graph()
    start.change(Place("closed"), Trigger.ABORT)
    start.close_log(error)
    if interrupt is not None:
        raise interrupt from error


def _undo_open(start: Start, error: BaseException) -> BaseException | None:
    place, lost = start._journal.place, start._journal.failure is not None
    failure = POINTS[place.point.removesuffix("!")].failure if place else "nothing open"
    steps = []
    if start.coordinator is not None and (failure == "threads open" or lost):
        steps.append(("undo joining", start.join_threads))
    if start.raw is not None and (failure != "nothing open" or lost):
        steps.append(("undo closing", start.close_raw))
    known = place is not None and place.state in UNDO_STATES
    mark = UNDO_STATES.index(place.state) + 1 if place is not None and known else 1
    instead = close_all(start, steps, mark, error)
    if not steps:
        start.make_sure()
    return instead


def close_all(
    start: Start,
    steps: list[tuple[str, Callable[[], None]]],
    mark: int,
    error: BaseException,
    *,
    of_threads: bool = False,
) -> BaseException | None:
    """Take the steps of closing.

    Args:
        start: Whose events are written.
        steps: Each a point of the table, and what is called there.
        mark: The mark of the events.
        error: What is on its way out.
        of_threads: Whether an error that a thread reported comes out, unless it is a preemption.

    Returns:
        What must come out in place of `error`, or None.
    """
    journal, instead = start._journal, None
    for point, call in steps:
        journal.tell(Place(point, 0, mark).code)
        try:
            call()
        except BaseException as another:
            journal.tell_raised({"error": error_detail(another)})
            detail = {"error": error_detail(another), "instead_of": error_detail(error)}
            late = of_threads and point == "old joining" and not isinstance(another, PREEMPTION)
            swallowed = isinstance(another, Exception) and not late
            dealt_with = "swallowed" if swallowed else "replaced"
            journal.tell(Place(f"{_ERROR_OF[point]} {dealt_with}", 0, mark).code, detail)
            if not swallowed:
                instead = error = another
    if instead is not None and struck_between_calls(instead):
        start.make_sure()
    return instead


_OWN_FILES: Final = frozenset(
    os.path.join(os.path.dirname(__file__), name)
    for name in ("starting.py", "session.py", "recovery.py", "monitored_session.py")
)


def struck_between_calls(error: BaseException) -> bool:
    """Whether an interrupt struck in the session's own code, not in a join or a close it made."""
    if isinstance(error, Exception):
        return False
    codes = (frame.f_code for frame, _ in traceback.walk_tb(error.__traceback__))
    return not any(
        code.co_name in ("join", "close") and code.co_filename not in _OWN_FILES for code in codes
    )


_ERROR_OF: Final = {
    "joining": "join error",
    "closing": "close error",
    "undo joining": "undo join error",
    "undo closing": "undo close error",
    "old joining": "old join error",
    "old closing": "old close error",
}


def _name(operation: Any) -> str:
    return str(getattr(operation, "name", operation))


def _text(name: object) -> str:
    return name.decode("utf-8", "replace") if isinstance(name, bytes) else str(name)
