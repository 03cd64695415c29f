"""Everything that affects the state of a session, as one table.

A session is always at one *point*. A point belongs to one of the seven states and is entered
by one kind of event; `POINTS` lists them. `MOVES` says from which point which other one may
follow, and which rule of the documented ordering wants it so. The `transitions` machines, the
compiled look-up of the hot path, the audit, and the diagrams are all derived from here.

Four things are written once for all points instead of in each row:

* A point with ``each_hook`` is entered once for each hook, in list order: first hook 0, then
  1, and what follows the point may come only after the last one. Without hooks it is
  skipped.
* A point with ``each_on_error`` is entered once for each hook that has an `on_error`, in list
  order, whatever the others raise: its ``!`` point leads on as the point itself does. Where no
  hook has one, there is no such point.
* A point that names a ``failure`` is a call, and may raise. Then the point
  ``<its name>!`` follows, entered by ``raised``, and the moves of the failure's
  name say what comes after it.
* Points with the context ``RUN`` carry three flags: whether they are inside a step function,
  whether a stop was asked for, and whether a call is repeated after a recovery, so that the
  stop does not bar it. Moves may demand or set the first. The second only ever rises: a
  request may come at any time, also from another thread. The third falls when the call is over.
* Points with the context ``START`` carry what kind of construction it is: the first, a
  repetition of it, or the re-creation of a session that was running; and whether a session
  creator makes the session, in a way of its own.
* Points with the context ``RECOVERY`` deal with a session that is given up for another one.
* Points with the context ``UNDO`` carry the state in which the first construction failed.
"""

import enum
import hashlib
from collections.abc import Iterator
from typing import Final

import attrs

from statemachine.events import EventKind


class State(enum.Enum):
    """The seven states of a session's life."""

    CREATED = "created"
    FINALIZED = "finalized"
    INITIALIZED = "initialized"
    RESTORED = "restored"
    RUNNING = "running"
    STOPPING = "stopping"
    CLOSED = "closed"


class Trigger(enum.Enum):
    """What moves a session from one state to the next."""

    FINALIZE = "finalize"
    INITIALIZE = "initialize"
    RESTORE = "restore"
    START = "start"
    STOP = "stop"
    CLOSE = "close"
    ABORT = "abort"
    RECOVER = "recover"


class Context(enum.Enum):
    """What the mark of a point's codes means."""

    PLAIN = "plain"
    START = "start"
    RUN = "run"
    RECOVERY = "recovery"
    EXIT = "exit"
    UNDO = "undo"


IN_STEP_FN: Final = 1
"""Mark of a RUN point: inside a step function."""
STOP_ASKED: Final = 2
"""Mark of a RUN, RECOVERY or recovering START point: a stop was asked for."""
REPEATED: Final = 4
"""Mark of a RUN point: a call is repeated after a recovery, which no stop bars."""
BY_CREATOR: Final = 1
"""Mark of a START point: a session creator makes the session in its own way."""
AGAIN: Final = 2
"""Mark of a START point that is not RECOVERING: the first construction is repeated."""
RECOVERING: Final = 4
"""Mark of a START or RECOVERY point: a session that was running is created again."""
ENDS_OWED: Final = 1
"""Mark of an EXIT point: every hook's `end` is owed."""
NOTHING_OPEN: Final = 2
"""Mark of an EXIT point: the session was lost, there is nothing to close."""

UNDO_STATES: Final = (State.FINALIZED, State.INITIALIZED, State.RESTORED)
"""States in which something is open that a failed construction must close again."""


@attrs.frozen
class Point:
    """A place in a session's life.

    Attributes:
        name: The point's name.
        state: The state that it belongs to; None where its context tells (UNDO).
        event: The kind of event that enters it.
        context: What its mark means.
        each_hook: Whether it is entered once for each hook, in order.
        of_hook: Whether its events name a hook.
        each_on_error: Whether it is entered once for each hook that has an `on_error`, in order.
        failure: Under which name `MOVES` says what follows when its call raises.
        at: For points that deal with an error: the call that it came out of.
    """

    name: str
    state: State | None
    event: EventKind
    context: Context = Context.PLAIN
    each_hook: bool = False
    failure: str | None = None
    at: EventKind | None = None
    of_hook: bool = attrs.field(kw_only=True)
    each_on_error: bool = attrs.field(default=False, kw_only=True)

    @of_hook.default
    def _names_a_hook(self) -> bool:
        return self.each_hook


@attrs.frozen
class Move:
    """One row: `target` may follow `source`.

    Attributes:
        source: Name of a point, of a group of points, or of a failure.
        target: Name of a point.
        rule: The id of the rule of the documented ordering that it follows from.
        in_step_fn: Demanded of the source's flag, or None where it doesn't matter.
        enters_step_fn: What the flag is afterwards, or None where it stays.
        ends_owed: Demanded of the source's flag, for EXIT points.
        nothing_open: Demanded of the source's flag, for EXIT points.
        repeated: Demanded of the source's flag, for RUN points.
        recovering: Demanded of the source's flag, for START points.
        by_creator: Demanded of the source's flag, for START points.
        takes_creator: What that flag is afterwards, or None where it stays.
        stop_asked: Demanded: whether a stop was asked for by the time of the move.
        trigger: For a change of state: the trigger that makes it.
    """

    source: str
    target: str
    rule: str
    in_step_fn: bool | None = None
    enters_step_fn: bool | None = None
    stop_asked: bool | None = None
    ends_owed: bool | None = None
    nothing_open: bool | None = None
    repeated: bool | None = None
    recovering: bool | None = None
    by_creator: bool | None = None
    takes_creator: bool | None = None
    trigger: Trigger | None = None


K = EventKind
S = State
_START = Context.START
_RUN = Context.RUN
_RECOVERY = Context.RECOVERY
_EXIT = Context.EXIT
_UNDO = Context.UNDO


def _on_error(name: str, state: State, context: Context) -> Point:
    """The point at which each hook that has an `on_error` is told of an error."""
    failure = f"{name} failed"
    return Point(
        name, state, K.ON_ERROR, context, failure=failure, of_hook=True, each_on_error=True
    )


_CALLS: Final = (
    # created
    Point("created", S.CREATED, K.STATE_CREATED, failure="begin failed"),
    Point("beginning", S.CREATED, K.HOOK_BEGIN, each_hook=True, failure="begin failed"),
    Point("finalizing", S.CREATED, K.SCAFFOLD_FINALIZE, failure="finalize failed"),
    Point("repeating", S.CREATED, K.RECOVER, failure="finalize failed"),
    # finalized
    Point("finalized", S.FINALIZED, K.STATE_FINALIZED, _START, failure="nothing open"),
    Point("recovering", S.FINALIZED, K.RECOVER, _START, failure="nothing open"),
    Point("refinalizing", S.FINALIZED, K.SCAFFOLD_FINALIZE, _START, failure="nothing open"),
    Point("opening", S.FINALIZED, K.SESSION_OPEN, _START, failure="nothing open"),
    Point("init op", S.FINALIZED, K.INIT_OP, _START, failure="session open"),
    Point("init fn", S.FINALIZED, K.INIT_FN, _START, failure="session open"),
    # initialized
    Point("initialized", S.INITIALIZED, K.STATE_INITIALIZED, _START, failure="session open"),
    Point("restoring", S.INITIALIZED, K.RESTORE, _START, failure="session open"),
    # restored
    Point("restored", S.RESTORED, K.STATE_RESTORED, _START, failure="session open"),
    Point(
        "checking locals",
        S.RESTORED,
        K.READY_FOR_LOCAL_INIT_OP,
        _START,
        failure="session open",
    ),
    Point("local init", S.RESTORED, K.LOCAL_INIT_OP, _START, failure="session open"),
    Point("checking", S.RESTORED, K.READY_OP, _START, failure="session open"),
    Point("launching", S.RESTORED, K.START_QUEUE_RUNNERS, _START, failure="threads open"),
    Point(
        "announcing",
        S.RESTORED,
        K.AFTER_CREATE_SESSION,
        _START,
        each_hook=True,
        failure="threads open",
    ),
    # running
    Point("running", S.RUNNING, K.STATE_RUNNING, _RUN),
    Point("step", S.RUNNING, K.STEP_BEGIN, _RUN, failure="step failed"),
    Point("gathering", S.RUNNING, K.BEFORE_RUN, _RUN, each_hook=True, failure="step failed"),
    Point("merging", S.RUNNING, K.MERGE, _RUN, failure="step failed"),
    Point("computing", S.RUNNING, K.RUN, _RUN, failure="step failed"),
    Point("delivering", S.RUNNING, K.AFTER_RUN, _RUN, each_hook=True, failure="step failed"),
    Point("step done", S.RUNNING, K.STEP_END, _RUN),
    Point("refused", S.RUNNING, K.STEP_REFUSED, _RUN),
    Point("step fn", S.RUNNING, K.STEP_FN_BEGIN, _RUN),
    Point("step fn done", S.RUNNING, K.STEP_FN_END, _RUN),
    _on_error("telling", S.RUNNING, _RUN),
    # stopping
    Point("stopping", S.STOPPING, K.STATE_STOPPING, _EXIT, failure="end failed"),
    Point("ending", S.STOPPING, K.HOOK_END, each_hook=True, failure="end failed"),
    Point("joining", S.STOPPING, K.JOIN, failure="join failed"),
    Point("closing", S.STOPPING, K.SESSION_CLOSE, failure="close failed"),
    Point("suppressed", S.STOPPING, K.SUPPRESSED),
    # giving up a session for another one, or an attempt at one; `at` says what is open
    Point("abandoning", S.FINALIZED, K.ABANDON, _RECOVERY, at=K.STATE_RUNNING),
    Point("abandoning threads", S.FINALIZED, K.ABANDON, _RECOVERY, at=K.START_QUEUE_RUNNERS),
    Point("abandoning raw", S.FINALIZED, K.ABANDON, _RECOVERY, at=K.SESSION_OPEN),
    Point("abandoning nothing", S.FINALIZED, K.ABANDON, _RECOVERY, at=K.SCAFFOLD_FINALIZE),
    Point("old joining", S.FINALIZED, K.JOIN, _RECOVERY, failure="old join failed"),
    Point("old closing", S.FINALIZED, K.SESSION_CLOSE, _RECOVERY, failure="old close failed"),
    Point("lost", S.FINALIZED, K.LOST, _RECOVERY),
    _on_error("telling of loss", S.FINALIZED, _RECOVERY),
    # undoing a failed construction, in the state in which it failed
    Point("undo joining", None, K.JOIN, _UNDO, failure="undo join failed"),
    Point("undo closing", None, K.SESSION_CLOSE, _UNDO, failure="undo close failed"),
    # closed
    Point("closed", S.CLOSED, K.STATE_CLOSED),
)

_DEALT_WITH: Final = (
    # an error came out of `at`, and something was done about it
    Point("step error replaced", S.RUNNING, K.REPLACED, _RUN),
    Point("step fn!", S.RUNNING, K.RAISED, _RUN, at=K.STEP_FN_BEGIN),
    Point("end error replaced", S.STOPPING, K.REPLACED, at=K.HOOK_END),
    Point("join error replaced", S.STOPPING, K.REPLACED, at=K.JOIN),
    Point("join error swallowed", S.STOPPING, K.SWALLOWED, at=K.JOIN),
    Point("close error replaced", S.STOPPING, K.REPLACED, at=K.SESSION_CLOSE),
    Point("close error swallowed", S.STOPPING, K.SWALLOWED, at=K.SESSION_CLOSE),
    Point("old join error swallowed", S.FINALIZED, K.SWALLOWED, _RECOVERY, at=K.JOIN),
    Point("old join error replaced", S.FINALIZED, K.REPLACED, _RECOVERY, at=K.JOIN),
    Point("old close error swallowed", S.FINALIZED, K.SWALLOWED, _RECOVERY, at=K.SESSION_CLOSE),
    Point("old close error replaced", S.FINALIZED, K.REPLACED, _RECOVERY, at=K.SESSION_CLOSE),
    Point("undo join error swallowed", None, K.SWALLOWED, _UNDO, at=K.JOIN),
    Point("undo close error swallowed", None, K.SWALLOWED, _UNDO, at=K.SESSION_CLOSE),
    Point("undo join error replaced", None, K.REPLACED, _UNDO, at=K.JOIN),
    Point("undo close error replaced", None, K.REPLACED, _UNDO, at=K.SESSION_CLOSE),
)


def _raised(point: Point) -> Point:
    """The point that a call's error leads to, in the same state and context."""
    context = Context.PLAIN if point.context is _EXIT else point.context
    name = f"{point.name}!"
    return Point(
        name,
        point.state,
        K.RAISED,
        context,
        at=point.event,
        of_hook=point.of_hook,
        each_on_error=point.each_on_error,
    )


POINTS: Final = {
    point.name: point
    for point in (*_CALLS, *_DEALT_WITH, *(_raised(p) for p in _CALLS if p.failure))
}
"""Every point by its name."""

GROUPS: Final = {
    "at rest": (
        "running",
        "step done",
        "refused",
        "step failed",
        "step error replaced",
        "step fn",
        "step fn done",
        "step fn!",
        "told",
    ),
    "after a call": (
        "step done",
        "refused",
        "step failed",
        "step error replaced",
        "step fn done",
        "step fn!",
        "told",
    ),
    "a call failed": ("refused", "step failed", "step error replaced", "step fn!"),
    "told": ("telling", "telling failed"),
    "lost for now": ("lost", "telling of loss", "telling of loss failed"),
    "old session closed": (
        "old closing",
        "old close error swallowed",
        "abandoning nothing",
    ),
    "undone": ("undo closing", "undo close error swallowed"),
}
"""Names for several points from which the same may follow; may hold names of failures."""

MOVES: Final = (
    # created
    Move("created", "beginning", "begin-first"),
    Move("beginning", "finalizing", "finalize-after-begin"),
    Move("finalizing", "finalized", "finalize-after-begin", trigger=Trigger.FINALIZE),
    Move(
        "beginning",
        "finalized",
        "creator-creates",
        takes_creator=True,
        trigger=Trigger.FINALIZE,
    ),
    Move("finalize failed", "repeating", "recover-from-preemption"),
    Move("repeating", "finalizing", "recover-from-preemption"),
    # finalized
    Move("finalized", "opening", "session-after-finalize", by_creator=False),
    Move("finalized", "opening", "creator-creates", takes_creator=True),
    Move("recovering", "refinalizing", "finalize-again"),
    Move("recovering", "opening", "creator-creates", takes_creator=True),
    Move("refinalizing", "opening", "session-after-finalize"),
    Move("refinalizing", "opening", "creator-creates", takes_creator=True),
    Move("opening", "init op", "initialize-new-session", by_creator=False),
    Move("opening", "initialized", "creator-creates", by_creator=True, trigger=Trigger.INITIALIZE),
    Move("init op", "init fn", "init-fn-after-init-op"),
    Move("init op", "initialized", "initialize-new-session", trigger=Trigger.INITIALIZE),
    Move("init fn", "initialized", "initialize-new-session", trigger=Trigger.INITIALIZE),
    # initialized
    Move("initialized", "restoring", "restore-after-init", by_creator=False),
    Move("initialized", "restored", "restore-after-init", trigger=Trigger.RESTORE),
    Move("restoring", "restored", "restore-after-init", trigger=Trigger.RESTORE),
    # restored
    Move("restored", "checking locals", "ready-before-start", by_creator=False),
    Move("restored", "launching", "creator-creates", by_creator=True),
    Move("restored", "announcing", "creator-creates", by_creator=True),
    Move("checking locals", "local init", "ready-before-start"),
    Move("local init", "checking", "ready-before-start"),
    Move("checking", "launching", "queue-runners-after-restore"),
    Move("checking", "announcing", "after-create-session-in-order"),
    Move("launching", "announcing", "after-create-session-in-order"),
    Move("announcing", "running", "run-after-start", trigger=Trigger.START),
    # recovering
    Move(
        "at rest",
        "abandoning",
        "recover-from-preemption",
        in_step_fn=False,
        trigger=Trigger.RECOVER,
    ),
    Move(
        "threads open",
        "abandoning threads",
        "failed-recovery-undone",
        recovering=True,
        trigger=Trigger.RECOVER,
    ),
    Move(
        "session open",
        "abandoning raw",
        "failed-recovery-undone",
        recovering=True,
        trigger=Trigger.RECOVER,
    ),
    Move(
        "nothing open",
        "abandoning nothing",
        "failed-recovery-undone",
        recovering=True,
        trigger=Trigger.RECOVER,
    ),
    Move("abandoning", "old joining", "old-session-closed"),
    Move("abandoning threads", "old joining", "failed-recovery-undone"),
    Move("abandoning raw", "old closing", "failed-recovery-undone"),
    Move("old joining", "old closing", "old-session-closed"),
    Move("old join failed", "old join error swallowed", "old-session-closed"),
    Move("old join failed", "old join error replaced", "old-session-closed"),
    Move("old join error swallowed", "old closing", "old-session-closed"),
    Move("old join error replaced", "old closing", "old-session-closed"),
    Move("old close failed", "old close error swallowed", "old-session-closed"),
    Move("old close failed", "old close error replaced", "old-session-closed"),
    Move("old session closed", "recovering", "recover-from-preemption"),
    Move("old session closed", "lost", "lost-session"),
    Move("old close error replaced", "lost", "lost-session"),
    Move("lost for now", "recovering", "lost-session"),
    Move("lost for now", "stopping", "lost-session", trigger=Trigger.STOP),
    # running
    Move("at rest", "step", "one-run-at-a-time", stop_asked=False),
    Move("at rest", "refused", "stop-is-kept", stop_asked=True),
    Move("step", "gathering", "before-run-first"),
    Move("gathering", "merging", "feeds-merged"),
    Move("merging", "computing", "run-after-before-run"),
    Move("gathering", "computing", "run-after-before-run"),
    Move("computing", "delivering", "after-run-follows-run"),
    Move("delivering", "step done", "result-returned"),
    Move("step failed", "step error replaced", "error-out-of-run"),
    Move("refused", "step error replaced", "error-out-of-run"),
    Move("at rest", "step fn", "step-fn", in_step_fn=False, enters_step_fn=True),
    Move("at rest", "step fn done", "step-fn", in_step_fn=True, enters_step_fn=False),
    Move("at rest", "step fn!", "step-fn", in_step_fn=True, enters_step_fn=False),
    Move("at rest", "stopping", "stop-at-rest", in_step_fn=False, trigger=Trigger.STOP),
    Move("at rest", "step", "stop-survives-recovery", repeated=True),
    # telling the hooks of an error: of a call, or before the session is left
    Move("a call failed", "telling", "on-error-called"),
    Move("at rest", "telling", "on-error-called", in_step_fn=False),
    Move("lost for now", "telling of loss", "on-error-called"),
    # stopping
    Move("stopping", "ending", "end-first", ends_owed=True),
    Move("stopping", "joining", "end-only-if-owed", ends_owed=False, nothing_open=False),
    Move("stopping", "suppressed", "lost-session", nothing_open=True),
    Move("stopping", "closed", "lost-session", nothing_open=True, trigger=Trigger.CLOSE),
    Move("ending", "joining", "close-after-end"),
    Move("end failed", "end error replaced", "error-of-end"),
    Move("end failed", "joining", "close-after-end"),
    Move("end error replaced", "joining", "close-after-end"),
    Move("joining", "closing", "close-after-end"),
    Move("join failed", "join error replaced", "error-of-thread"),
    Move("join failed", "closing", "close-after-end"),
    Move("join failed", "join error swallowed", "error-of-thread"),
    Move("join error replaced", "closing", "close-after-end"),
    Move("join error swallowed", "closing", "close-after-end"),
    Move("closing", "suppressed", "suppress-end-of-input"),
    Move("closing", "closed", "close-after-end", trigger=Trigger.CLOSE),
    Move("close failed", "close error swallowed", "error-of-close"),
    Move("close failed", "close error replaced", "error-of-close"),
    Move("close failed", "closed", "close-after-end", trigger=Trigger.CLOSE),
    Move("close error replaced", "closed", "close-after-end", trigger=Trigger.CLOSE),
    Move("close error swallowed", "suppressed", "suppress-end-of-input"),
    Move("close error swallowed", "closed", "close-after-end", trigger=Trigger.CLOSE),
    Move("suppressed", "closed", "close-after-end", trigger=Trigger.CLOSE),
    # undoing a failed construction
    Move("begin failed", "closed", "failed-start-undone", trigger=Trigger.ABORT),
    Move("finalize failed", "closed", "failed-start-undone", trigger=Trigger.ABORT),
    Move(
        "nothing open",
        "closed",
        "failed-start-undone",
        recovering=False,
        trigger=Trigger.ABORT,
    ),
    Move("session open", "undo closing", "failed-start-undone", recovering=False),
    Move("threads open", "undo joining", "failed-start-undone", recovering=False),
    Move("undo joining", "undo closing", "failed-start-undone"),
    Move("undo join failed", "undo join error swallowed", "failed-start-undone"),
    Move("undo join failed", "undo join error replaced", "failed-start-undone"),
    Move("undo join error swallowed", "undo closing", "failed-start-undone"),
    Move("undo join error replaced", "undo closing", "failed-start-undone"),
    Move("undo close failed", "undo close error swallowed", "failed-start-undone"),
    Move("undo close failed", "undo close error replaced", "failed-start-undone"),
    Move("undone", "closed", "failed-start-undone", trigger=Trigger.ABORT),
    Move("undo close error replaced", "closed", "failed-start-undone", trigger=Trigger.ABORT),
    Move("undone", "recovering", "recover-from-preemption", trigger=Trigger.RECOVER),
    Move(
        "nothing open",
        "recovering",
        "recover-from-preemption",
        recovering=False,
        trigger=Trigger.RECOVER,
    ),
)
"""Every row of the table. Moves into a `!` point of a call are implied (see above)."""

INITIAL: Final = "created"
FINAL: Final = "closed"


def points_named(name: str) -> tuple[Point, ...]:
    """The points that a name in a row stands for: a point, a group, or a failure's points."""
    if name in POINTS:
        return (POINTS[name],)
    if name in GROUPS:
        return tuple(point for member in GROUPS[name] for point in points_named(member))
    return tuple(POINTS[f"{point.name}!"] for point in _CALLS if point.failure == name)


def _moves_by_source() -> dict[str, tuple[Move, ...]]:
    rows: dict[str, list[Move]] = {name: [] for name in POINTS}
    for move in MOVES:
        for point in points_named(move.source):
            rows[point.name].append(move)
    return {name: tuple(moves) for name, moves in rows.items()}


MOVES_FROM: Final = _moves_by_source()
"""For each point the rows that leave it."""

CALL_IS_OVER: Final = frozenset(point.name for point in points_named("after a call"))
"""Points at which a run or a step function is over, unless it is a run inside of one."""


def onward(point: Point, hooks: int, on_error: bool = False) -> Iterator[tuple[Move, Point]]:
    """The rows that leave a point and where each leads, with hookless phases skipped.

    Args:
        point: The point that is left.
        hooks: How many hooks the session has.
        on_error: Whether any of them has an `on_error`.
    """
    for move in MOVES_FROM[point.name]:
        target = POINTS[move.target]
        if on_error or not target.each_on_error:
            yield from _landing(move, target, hooks)


_DEMANDS: Final = (
    "in_step_fn",
    "stop_asked",
    "ends_owed",
    "nothing_open",
    "repeated",
    "recovering",
    "by_creator",
)


def _landing(move: Move, target: Point, hooks: int) -> Iterator[tuple[Move, Point]]:
    if hooks or not target.each_hook:
        yield move, target
        return
    for following in MOVES_FROM[target.name]:
        for row, landing in _landing(following, POINTS[following.target], hooks):
            yield attrs.evolve(row, **{name: getattr(move, name) for name in _DEMANDS}), landing


def _digest() -> str:
    rows = repr((tuple(POINTS.values()), GROUPS, MOVES, INITIAL, FINAL))
    return hashlib.sha256(rows.encode()).hexdigest()


DIGEST: Final = _digest()
"""SHA-256 of the table; it stands in every log, so that a log names the rules it was made by."""
