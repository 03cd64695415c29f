"""The `transitions` machines, built from the table.

`Lifecycle` is the session's own machine over the seven states, with a facade for observers.
`Walker` is the machine over the fine points: slower than the compiled look-ups and telling
more, it explains what they refuse, and the tests hold the two against each other.
"""

import logging
from collections.abc import Callable, Iterator
from functools import cache, lru_cache, partial
from typing import TYPE_CHECKING, Any, Final

import attrs

from statemachine.compiled import (
    END_CODE,
    START_CODE,
    Place,
    marks_after,
    next_of,
    place_at,
    steps_from,
)
from statemachine.errors import IllegalStep
from statemachine.events import Code, EventKind, decode
from statemachine.table import (
    ENDS_OWED,
    FINAL,
    IN_STEP_FN,
    INITIAL,
    MOVES,
    NOTHING_OPEN,
    POINTS,
    RECOVERING,
    REPEATED,
    STOP_ASKED,
    UNDO_STATES,
    Context,
    Move,
    Point,
    State,
    Trigger,
    onward,
    points_named,
)

if TYPE_CHECKING:
    from transitions import Machine

Observer = Callable[["Transition"], object]

_NAME: Final = "monitored-session"


def _is_news(record: logging.LogRecord) -> bool:
    """Whether a message of `transitions` is of somebody else's machine, or a warning.

    A program whose root logger shows information, as ``tf.app.run`` makes it, asks for its own.
    What a session's machine does, the event log tells.
    """
    ours = isinstance(record.args, tuple) and record.args[:1] == (f"{_NAME}: ",)
    return not ours or record.levelno >= logging.WARNING


@attrs.frozen
class Transition:
    """A change of state, as an observer gets it.

    Attributes:
        trigger: What moved the session.
        source: The state that it left.
        target: The state that it is in now (on entering) or will be in (on leaving).
    """

    trigger: Trigger
    source: State
    target: State


@cache
def state_changes() -> tuple[tuple[Trigger, State, State], ...]:
    """The changes of state that the table holds: trigger, source, target."""
    return tuple(_state_changes())


def _state_changes() -> Iterator[tuple[Trigger, State, State]]:
    seen = set()
    for move in MOVES:
        target = POINTS[move.target].state
        if move.trigger is None or target is None:
            continue
        for source in (s for p in points_named(move.source) for s in _states_of(p)):
            if (move.trigger, source, target) not in seen:
                seen.add((move.trigger, source, target))
                yield move.trigger, source, target


def _states_of(point: Point) -> tuple[State, ...]:
    return (point.state,) if point.state else UNDO_STATES


class _Model:
    """What the private machine moves; nobody else sees it."""

    state: str
    trigger: Callable[[str], bool]


class Lifecycle:
    """The session's state, and the place to attach observers to it.

    ``lifecycle.on_enter_running(callback)`` and its likes (``on_enter_`` or ``on_exit_`` and
    the name of a state) have the callback called with a `Transition` each time. The callbacks
    are `transitions` callbacks on a private machine. An observer's error is written to
    the log and comes out of the call that changed the state; the change itself is
    completed first, so the machine never stands half moved.

    Example:
        >>> lifecycle = Lifecycle()
        >>> lifecycle.on_enter_finalized(lambda change: print(change.trigger.value))
        >>> lifecycle.state
        <State.CREATED: 'created'>
    """

    def __init__(self) -> None:
        from transitions import Machine  # 60 ms that nobody pays who makes no session

        logging.getLogger("transitions.core").addFilter(_is_news)
        self._model = _Model()
        self._errors: list[BaseException] = []
        self._machine = Machine(
            self._model,
            states=[state.value for state in State],
            transitions=[[t.value, a.value, b.value] for t, a, b in state_changes()],
            initial=State.CREATED.value,
            auto_transitions=False,
            send_event=True,
            name=_NAME,
        )

    @property
    def state(self) -> State:
        """The state that the session is in."""
        return State(self._model.state)

    def on_enter(self, state: State, callback: Observer) -> None:
        """Have `callback` called with a `Transition` whenever `state` has been entered."""
        self._attach(state, "enter", callback)

    def on_exit(self, state: State, callback: Observer) -> None:
        """Have `callback` called with a `Transition` whenever `state` is about to be left."""
        self._attach(state, "exit", callback)

    def __getattr__(self, name: str) -> Callable[[Observer], None]:
        """`on_enter_<state>` and `on_exit_<state>`, as `transitions` names them."""
        for prefix, attach in (("on_enter_", self.on_enter), ("on_exit_", self.on_exit)):
            state = name.removeprefix(prefix)
            if state != name and state in {s.value for s in State}:
                return partial(attach, State(state))
        states = ", ".join(s.value for s in State)
        raise AttributeError(
            f"Lifecycle has no {name!r}; observers are attached with on_enter_<state> and "
            f"on_exit_<state>, the states are {states}"
        )

    def _attach(self, state: State, when: str, callback: Observer) -> None:
        if not callable(callback):
            raise TypeError(f"an observer must be callable, not {callback!r}")
        guarded = partial(self._observe, callback)
        self._machine.get_state(state.value).add_callback(when, guarded)

    # `transitions` passes its own EventData, which its stubs leave untyped.
    def _observe(self, callback: Observer, data: Any) -> None:
        change = data.transition
        transition = Transition(Trigger(data.event.name), State(change.source), State(change.dest))
        try:
            callback(transition)
        except BaseException as error:
            self._errors.append(error)

    def settle(self, state: State) -> None:
        """Stand in the state that the log tells of, after an interrupt between the two.

        For the owner of the session only; observers are not called.
        """
        if self.state is not state:
            self._machine.set_state(state.value)

    def move(self, trigger: Trigger) -> list[BaseException]:
        """Change the state. For the owner of the session only.

        Returns:
            What observers raised, in order.

        Raises:
            IllegalStep: If the table has no such change from the present state.
        """
        from transitions import MachineError

        before = self.state
        try:
            self._model.trigger(trigger.value)
        except MachineError:
            allowed = [t.value for t, source, _ in state_changes() if source is before]
            raise IllegalStep(f"state {before.value}", trigger.value, allowed) from None
        errors, self._errors = self._errors, []
        return errors


def describe(code: int) -> str:
    """A code in words, for messages."""
    if code in (START_CODE, END_CODE):
        return "the start of the log" if code == START_CODE else "the end of the log"
    try:
        return _describe(decode(code))
    except ValueError:
        return f"the unknown code {code}"


def _describe(code: Code) -> str:
    words: str = code.kind.value
    if code.at is not None:
        words += f" out of {code.at.value}"
    if (code.at or code.kind).value.startswith("hook."):
        words += f" of hook {code.index}"
    place = place_at(code.number, code.index + 1)
    points = (p for p in POINTS.values() if p.event is code.kind and p.at is code.at)
    point = POINTS[place.point] if place else next(points, None)
    return words + _describe_mark(point, code.mark)


def _describe_mark(point: Point | None, mark: int) -> str:
    notes = []
    if point is not None and point.context is Context.RUN:
        notes += ["inside a step function"] * bool(mark & IN_STEP_FN)
        notes += ["a stop was asked for"] * bool(mark & STOP_ASKED)
        notes += ["repeated after a recovery"] * bool(mark & REPEATED)
    elif point is not None and point.context in (Context.START, Context.RECOVERY):
        notes += ["recovering"] * bool(mark & RECOVERING)
        notes += ["a stop was asked for"] * (mark >= RECOVERING | STOP_ASKED)
    elif point is not None and point.context is Context.EXIT:
        notes += ["the hooks' end is owed" if mark & ENDS_OWED else "no end is owed"]
        notes += ["nothing is open"] * bool(mark & NOTHING_OPEN)
    return f" ({', '.join(notes)})" if notes else ""


def place_of(code: int, hooks: int) -> Place | None:
    """Where a session with so many hooks stands after a code; None if it can't be."""
    return place_at(code, hooks)


def illegal(before: int, tried: int, hooks: int, on_error: tuple[int, ...] = ()) -> IllegalStep:
    """The error for a step from one code to another that the table does not allow."""
    if before == START_CODE:
        allowed = [describe(Place(INITIAL).code)]
    else:
        place = place_of(before, hooks)
        steps = () if place is None else steps_from(place, hooks, on_error)
        allowed = [describe(step.place.code) for step in steps]
        if before == Place(FINAL).code:
            allowed.append(describe(END_CODE))
    return IllegalStep(describe(before), describe(tried), tuple(dict.fromkeys(allowed)))


def rules_of(before: int, hooks: int, on_error: tuple[int, ...] = ()) -> tuple[str, ...]:
    """The rules that say what comes after a code, those of ordinary steps first."""
    place = place_of(before, hooks)
    if place is None:
        return ("begin-first",)
    rules = dict.fromkeys(step.rule for step in steps_from(place, hooks, on_error))
    late = ("on-error-called", "error-comes-out")
    ordinary = [rule for rule in rules if rule not in late]
    return (*ordinary, *(rule for rule in late if rule in rules or rule == late[-1]))


class _Position:
    """What the points' machine moves: the point is its state, the rest its variables."""

    def __init__(self, hooks: int, on_error: tuple[int, ...]) -> None:
        self.state = "start"
        self.hooks = hooks
        self.on_error = on_error
        self.index = 0
        self.mark = 0


class Walker:
    """Walks a history through a `transitions` machine over the points.

    Args:
        hooks: How many hooks the session has.
        after: The code after which the walk begins; START_CODE for a whole history.
        on_error: The places in the list of the hooks that have an `on_error`, ascending.

    Example:
        >>> from statemachine.events import EventKind, encode
        >>> walker = Walker(hooks=0)
        >>> walker.step(encode(EventKind.STATE_CREATED))
        >>> walker.step(encode(EventKind.RUN))
        Traceback (most recent call last):
        ...
        statemachine.errors.IllegalStep: session.run is not allowed after state.created; \
allowed there: raised out of state.created, scaffold.finalize, state.finalized
    """

    def __init__(self, hooks: int, after: int = START_CODE, on_error: tuple[int, ...] = ()) -> None:
        self.hooks = hooks
        self.on_error = on_error
        self.last = START_CODE
        self._position = _Position(hooks, on_error)
        self._machine = _machine_of_points(hooks, bool(on_error))
        if after != START_CODE:
            self._stand_at(after)

    def _stand_at(self, code: int) -> None:
        place = place_of(code, self.hooks)
        if place is None:
            raise illegal(START_CODE, code, self.hooks)
        self._position.state = place.point
        self._position.index, self._position.mark, self.last = place.index, place.mark, code

    def step(self, code: int) -> None:
        """Take one step.

        Raises:
            IllegalStep: If the machine does not allow it. The walker stays where it is.
        """
        try:
            moved = self._try(code)
        except ValueError:
            moved = False
        if not moved:
            raise illegal(self.last, code, self.hooks, self.on_error)
        self.last = code

    def allows(self, code: int) -> bool:
        """Whether a step could be taken; the walker stays where it is."""
        position = self._position
        before = position.state, position.index, position.mark
        try:
            return self._try(code)
        except ValueError:
            return False
        finally:
            position.state, position.index, position.mark = before

    def _try(self, number: int) -> bool:
        from transitions import MachineError

        if number == END_CODE:
            return self._position.state == FINAL
        code = decode(number)
        trigger = self._machine.events.get(_trigger_name(code.kind, code.at))
        if trigger is None:
            return False
        try:
            return bool(trigger.trigger(self._position, self._position, code))
        except MachineError:
            return False


# It knows no position: which one it moves it is told with each step, so walkers can share it.
@lru_cache(maxsize=16)
def _machine_of_points(hooks: int, on_error: bool) -> "Machine":
    from transitions import Machine

    rows = list(_rows(hooks, on_error))
    states = ["start", *POINTS, "end"]
    return Machine(None, states, transitions=rows, initial="start", auto_transitions=False)


def _trigger_name(kind: EventKind, at: EventKind | None) -> str:
    return kind.name if at is None else f"{kind.name} at {at.name}"


_Condition = Callable[[_Position, Code], bool]


def _rows(hooks: int, on_error: bool) -> Iterator[dict[str, object]]:
    """The rows of the points' machine: the table's, and what it implies for each point."""
    initial = POINTS[INITIAL]
    yield _row("start", initial, [_first_hook, partial(_fits, None, initial, initial)])
    for source in POINTS.values():
        if source.failure:
            failed = POINTS[f"{source.name}!"]
            yield _row(source.name, failed, [_same_hook, partial(_fits, None, source, failed)])
        if source.each_hook:
            yield _row(source.name, source, [_next_hook, partial(_fits, None, source, source)])
        if on_error and source.each_on_error:
            told = POINTS[source.name.removesuffix("!")]
            yield _row(source.name, told, [_next_on_error, partial(_fits, None, source, told)])
        for move, target in onward(source, hooks, on_error):
            first = _first_on_error if target.each_on_error else _first_hook
            conditions: list[_Condition] = [partial(_fits, move, source, target), first]
            if source.each_hook:
                conditions.append(_after_last_hook)
            elif source.each_on_error:
                conditions.append(_after_last_on_error)
            yield _row(source.name, target, conditions)


def _row(source: str, target: Point, conditions: list[_Condition]) -> dict[str, object]:
    return {
        "trigger": _trigger_name(target.event, target.at),
        "source": source,
        "dest": target.name,
        "conditions": conditions,
        "after": _arrive,
    }


def _arrive(position: _Position, code: Code) -> None:
    position.index, position.mark = code.index, code.mark


def _first_hook(_: _Position, code: Code) -> bool:
    return code.index == 0


def _same_hook(position: _Position, code: Code) -> bool:
    return code.index == position.index


def _next_hook(position: _Position, code: Code) -> bool:
    return code.index == position.index + 1 < position.hooks


def _after_last_hook(position: _Position, _: Code) -> bool:
    return position.index == position.hooks - 1


def _first_on_error(position: _Position, code: Code) -> bool:
    return code.index == position.on_error[0]


def _next_on_error(position: _Position, code: Code) -> bool:
    return code.index == next_of(position.on_error, position.index)


def _after_last_on_error(position: _Position, _: Code) -> bool:
    return next_of(position.on_error, position.index) is None


def _fits(move: Move | None, source: Point, target: Point, position: _Position, code: Code) -> bool:
    """Whether a code's mark may follow the mark that the machine stands with."""
    return code.mark in marks_after(move, source, target, position.mark)
