"""Everything that can be told: the letters of histories, and each of them as an event of a log."""

import functools
from collections.abc import Iterable, Iterator

from statemachine import Event, EventKind
from tests.specification.model import Letter, Told

K = EventKind
VALUE: Told = ("planned", ("ValueError", "Exception", "BaseException"))
OTHER: Told = ("another", ("ValueError", "Exception", "BaseException"))
END_OF_INPUT: Told = ("planned", ("OutOfRangeError", "OpError", "Exception", "BaseException"))
PREEMPTION: Told = ("planned", ("AbortedError", "OpError", "Exception", "BaseException"))
INTERRUPT: Told = ("planned", ("KeyboardInterrupt", "BaseException"))
ERRORS = (VALUE, OTHER, END_OF_INPUT, PREEMPTION, INTERRUPT)
"""One error of each class that the rules tell apart, and one more that differs in its message."""
ABOUT_ERRORS = (K.RAISED, K.REPLACED, K.SWALLOWED, K.SUPPRESSED)
CLOSING = (K.HOOK_END, K.JOIN, K.SESSION_CLOSE)
OPEN = (K.STATE_RUNNING, K.START_QUEUE_RUNNERS, K.SESSION_OPEN, K.SCAFFOLD_FINALIZE)
"""What may stand in the log as what was open in a session that is given up."""


def letters(hooks: int, errors: tuple[Told, ...] = ERRORS) -> tuple[Letter, ...]:
    """All letters of a session with so many hooks, those that make no sense included."""
    found = (*_calls(hooks, errors), *_errors(hooks, errors), *_beside(hooks, errors))
    return tuple(dict.fromkeys(found))


def letters_of_reports(hooks: int, errors: tuple[Told, ...] = ERRORS) -> tuple[Letter, ...]:
    """What more is told where hooks have an `on_error`: of which errors each event is."""
    found = [Letter(K.ON_ERROR.value, hook, error=e) for hook in range(hooks + 1) for e in errors]
    found += [Letter(k.value, error=e) for k in (K.STEP_REFUSED, K.LOST) for e in errors]
    found += [Letter("error.replaced", error=e, instead_of=VALUE) for e in errors]
    found += [
        Letter(K.STOP_REQUESTED.value, hook, by=K.ON_ERROR.value) for hook in range(hooks + 1)
    ]
    found.append(Letter(K.STATE_CREATED.value, recovers=True))
    return tuple(dict.fromkeys((*letters(hooks, errors), *found)))


_OF_RECOVERY = (K.ABANDON.value, K.RECOVER.value, K.LOST.value)


def without_recovery(found: Iterable[Letter]) -> tuple[Letter, ...]:
    """Those of some letters that a session can tell which neither recovers nor has a creator."""
    return tuple(
        letter
        for letter in found
        if letter.kind not in _OF_RECOVERY
        and letter.by not in ("creator", "recovery")
        and not (letter.kind == K.STATE_STOPPING.value and letter.state)
    )


def _calls(hooks: int, errors: tuple[Told, ...]) -> Iterator[Letter]:
    for kind in K:
        if kind.in_second_lane or kind in ABOUT_ERRORS:
            continue
        if kind.value.startswith("hook."):
            yield from (Letter(kind.value, hook) for hook in range(hooks + 1))
        elif kind is K.STATE_STOPPING:
            yield from _stopping(errors)
        elif kind is K.ABANDON:
            calls = (*OPEN, K.RUN)
            yield from (Letter(kind.value, call=c.value, error=e) for c in calls for e in errors)
            yield Letter(kind.value, call=K.STATE_RUNNING.value)
        else:
            yield Letter(kind.value)
    yield Letter(K.SESSION_OPEN.value, by="creator")
    yield Letter(K.STATE_RUNNING.value, by="recovery")


def _stopping(errors: tuple[Told, ...]) -> Iterator[Letter]:
    for by in ("close", "with", "observer", "nobody"):
        for state in ("", "running", "finalized"):
            for error in (None, *errors):
                yield Letter(K.STATE_STOPPING.value, by=by, state=state, error=error)


def _errors(hooks: int, errors: tuple[Told, ...]) -> Iterator[Letter]:
    for kind in (k for k in K if not k.in_second_lane):
        for hook in range(hooks + 1) if kind.value.startswith("hook.") else (None,):
            for error in (None, *errors):
                yield Letter("raised", hook, kind.value, error=error)
    for call in ("", *(kind.value for kind in (*CLOSING, K.RUN))):
        hook = 0 if call == K.HOOK_END.value else None
        for error in (None, *errors):
            yield Letter("error.swallowed", hook, call, error=error)
            for replaced in errors:
                yield Letter("error.replaced", hook, call, error=error, instead_of=replaced)
    for error in (None, *errors):
        yield Letter("error.suppressed", error=error)


def _beside(hooks: int, errors: tuple[Told, ...]) -> Iterator[Letter]:
    for by in (K.BEFORE_RUN, K.AFTER_RUN):
        yield from (Letter(K.STOP_REQUESTED.value, hook, by=by.value) for hook in range(hooks + 1))
    for by in ("step_fn", "coordinator", "session", "run_context"):
        yield Letter(K.STOP_REQUESTED.value, by=by)
    for error in errors:
        yield Letter(K.STOP_REQUESTED.value, by="coordinator", error=error)
    for state in ("created", "running", "stopping", "closed"):
        yield Letter(K.OBSERVER_RAISED.value, state=state, error=VALUE)
    yield Letter(K.NOTE.value)


@functools.cache
def event_of(letter: Letter) -> Event:
    """A letter as a reader of a log sees it."""
    kind = EventKind(letter.kind)
    detail: dict[str, object] = {
        name: getattr(letter, name) for name in ("call", "by", "state") if getattr(letter, name)
    }
    for name in ("error", "instead_of"):
        told = getattr(letter, name)
        if told is not None:
            detail[name] = {"type": told[1][0], "message": told[0], "bases": list(told[1])}
    if letter.recovers:
        detail["recovers"] = True
    if kind.in_second_lane and letter.hook is not None:
        return Event(0, 0, kind, detail=detail | {"hook": letter.hook})
    return Event(0, 0, kind, letter.hook, detail=detail)
