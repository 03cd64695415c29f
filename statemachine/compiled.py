"""The table unrolled for a given number of hooks, into look-ups over integers.

Each place where a session can stand (a point, a hook's index, a mark) has exactly one code,
so a code says where the session stands after it. What remains of the table is which code
may follow which: a dictionary of dictionaries for the writer, a matrix for the audit.
"""

import bisect
from collections.abc import Iterator
from functools import lru_cache
from typing import Final, TypeAlias

import attrs
import numpy as np
import numpy.typing as npt

from statemachine.events import INDEX_SHIFT, MAX_INDEX, SYMBOL_MASK, EventKind, encode
from statemachine.table import (
    AGAIN,
    BY_CREATOR,
    CALL_IS_OVER,
    ENDS_OWED,
    FINAL,
    IN_STEP_FN,
    INITIAL,
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
    onward,
)

Node: TypeAlias = "dict[int, Node]"
"""Where a session can stand: for each code that may follow, where it leads."""

START_CODE: Final = 0
"""Stands before the first event, where pairs of codes are looked up."""
END_CODE: Final = 0x7F
"""Stands after the last event of a session that is closed."""
RUN_SYMBOL: Final = EventKind.RUN.number
SYMBOL_SPAN: Final = 0x7F
"""A code whose bits of this mask equal RUN_SYMBOL carries a run's signature as its index."""


@attrs.frozen(order=True)
class Place:
    """Where a session stands.

    Attributes:
        point: The point's name in the table.
        index: The hook that the point concerns, or 0.
        mark: What its context adds (see `table.Context`).
    """

    point: str
    index: int = 0
    mark: int = 0

    @property
    def code(self) -> int:
        """The code of the event that leads here."""
        point = POINTS[self.point]
        return encode(point.event, self.index, self.mark, point.at)

    @property
    def state(self) -> State:
        """The state that the place belongs to."""
        return POINTS[self.point].state or UNDO_STATES[self.mark - 1]


@attrs.frozen
class Step:
    """One allowed step from a place, with the rule of the documentation behind it."""

    place: Place
    rule: str


def steps_from(place: Place, hooks: int, on_error: tuple[int, ...] = ()) -> Iterator[Step]:
    """Every step that the table allows from a place in a session with so many hooks.

    Args:
        place: The place.
        hooks: How many hooks there are.
        on_error: The places in their list of those that have an `on_error`, ascending.
    """
    point = POINTS[place.point]
    if point.failure:
        failed = POINTS[f"{point.name}!"]
        for mark in marks_after(None, point, failed, place.mark):
            yield Step(Place(failed.name, place.index, mark), "error-comes-out")
    if point.each_hook and place.index + 1 < hooks:
        for mark in marks_after(None, point, point, place.mark):
            yield Step(Place(point.name, place.index + 1, mark), "hooks-in-list-order")
        return
    if point.each_on_error and (following := next_of(on_error, place.index)) is not None:
        target = POINTS[point.name.removesuffix("!")]
        for mark in marks_after(None, point, target, place.mark):
            yield Step(Place(target.name, following, mark), "on-error-called")
        return
    for move, target in onward(point, hooks, bool(on_error)):
        index = on_error[0] if target.each_on_error else 0
        for mark in marks_after(move, point, target, place.mark):
            yield Step(Place(target.name, index, mark), move.rule)


def next_of(on_error: tuple[int, ...], index: int) -> int | None:
    """The next one after an index of the hooks that have an `on_error`; None after the last."""
    at = bisect.bisect_right(on_error, index)
    return on_error[at] if at < len(on_error) else None


def marks_after(move: Move | None, source: Point, target: Point, mark: int) -> tuple[int, ...]:
    """The marks that a place at `target` can have after one at `source` with `mark`.

    Args:
        move: The row that leads there; None for a step that the table implies.
        source: The point that is left.
        target: The point that is entered.
        mark: The mark of the place that is left.
    """
    if move is not None and not _met(move, source, mark):
        return ()
    return _MARKS[target.context](move, source, target, mark)


_FLAG_OF_DEMAND: Final = (
    ("in_step_fn", Context.RUN, IN_STEP_FN),
    ("repeated", Context.RUN, REPEATED),
    ("recovering", Context.START, RECOVERING),
    ("by_creator", Context.START, BY_CREATOR),
    ("ends_owed", Context.EXIT, ENDS_OWED),
    ("nothing_open", Context.EXIT, NOTHING_OPEN),
)


def _met(move: Move, source: Point, mark: int) -> bool:
    """Whether what a row demands of the source's flags holds; one that it lacks is down."""
    for name, context, flag in _FLAG_OF_DEMAND:
        wanted = getattr(move, name)
        if wanted is not None and wanted != (source.context is context and bool(mark & flag)):
            return False
    return True


def _plain_marks(move: Move | None, source: Point, target: Point, mark: int) -> tuple[int, ...]:
    """Where a session was lost nothing is called when it is left, so nothing can raise."""
    lost = source.context is Context.EXIT and mark & NOTHING_OPEN
    return () if move is None and lost else (0,)


def _run_marks(move: Move | None, source: Point, target: Point, mark: int) -> tuple[int, ...]:
    """Where both points carry the flags of RUN; the stop flag only rises."""
    if source.context is not Context.RUN:
        return _running_marks(mark)
    inside, asked, repeated = mark & IN_STEP_FN, mark & STOP_ASKED, mark & REPEATED
    if move is not None and move.enters_step_fn is not None:
        inside = IN_STEP_FN if move.enters_step_fn else 0
    if not inside and target.name in CALL_IS_OVER:
        repeated = 0
    if move is not None and move.stop_asked is False:
        return () if asked else (inside,)
    if move is not None and move.stop_asked:
        return (inside | STOP_ASKED | repeated,)
    return _rising(inside | repeated, asked)


def _running_marks(mark: int) -> tuple[int, ...]:
    """Where a session comes to run: a stop may have been asked for before a recovery."""
    if not mark & RECOVERING:
        return (0,)
    return (*_rising(0, mark), *_rising(REPEATED, mark))


def _start_marks(move: Move | None, source: Point, target: Point, mark: int) -> tuple[int, ...]:
    creator = BY_CREATOR if move is not None and move.takes_creator else 0
    if source.context is Context.PLAIN:
        return (creator,)
    if source.context is Context.RECOVERY:
        return _rising(RECOVERING, mark)
    if source.state is None or target.event is EventKind.RECOVER:
        return (AGAIN,)
    kept = creator | mark & (BY_CREATOR | RECOVERING)
    return _rising(kept, mark) if mark & RECOVERING else (kept | mark & AGAIN,)


def _recovery_marks(move: Move | None, source: Point, target: Point, mark: int) -> tuple[int, ...]:
    return _rising(RECOVERING, mark)


def _rising(kept: int, mark: int) -> tuple[int, ...]:
    """A mark's other flags, with the stop flag, which may rise at any time."""
    return (kept | STOP_ASKED,) if mark & STOP_ASKED else (kept, kept | STOP_ASKED)


def _exit_marks(move: Move | None, source: Point, target: Point, mark: int) -> tuple[int, ...]:
    return (NOTHING_OPEN,) if source.context is Context.RECOVERY else (0, ENDS_OWED)


def _undo_marks(move: Move | None, source: Point, target: Point, mark: int) -> tuple[int, ...]:
    return (mark,) if source.state is None else (UNDO_STATES.index(source.state) + 1,)


_MARKS: Final = {
    Context.PLAIN: _plain_marks,
    Context.START: _start_marks,
    Context.RUN: _run_marks,
    Context.RECOVERY: _recovery_marks,
    Context.EXIT: _exit_marks,
    Context.UNDO: _undo_marks,
}


def failure_of(place: Place, stop_asked: bool = False) -> Place | None:
    """Where an error leads from a place; None if nothing is being called there.

    Args:
        place: Where the session stands.
        stop_asked: Whether a stop was asked for meanwhile.
    """
    point = POINTS[place.point]
    if point.failure is None:
        return None
    failed = POINTS[f"{point.name}!"]
    marks = marks_after(None, point, failed, place.mark)
    if not marks:
        return None
    return Place(failed.name, place.index, marks[-1] if stop_asked else marks[0])


@attrs.frozen(eq=False)
class CompiledTable:
    """The table for one number of hooks.

    Attributes:
        hooks: The number of hooks.
        on_error: The places in their list of those that have an `on_error`.
        places: Every place that can be reached, by its code.
        followers: For each code, the codes that may come next.
        start: What may come first.
    """

    hooks: int
    on_error: tuple[int, ...]
    places: dict[int, Place]
    followers: dict[int, tuple[int, ...]]
    start: Node

    @property
    def codes(self) -> npt.NDArray[np.int64]:
        """Every code that the table knows, ascending, shape (codes,)."""
        return np.array(sorted(self.places), dtype=np.int64)

    def allows(self, before: int, after: int) -> bool:
        """Whether `after` may come right after `before` (START_CODE and END_CODE included)."""
        if before == START_CODE:
            return after in self.start
        if after == END_CODE:
            return before == Place(FINAL).code
        return after in self.followers.get(before, ())


def _explore(hooks: int, on_error: tuple[int, ...]) -> dict[Place, tuple[Place, ...]]:
    first = Place(INITIAL)
    found: dict[Place, tuple[Place, ...]] = {}
    waiting = [first]
    while waiting:
        place = waiting.pop()
        if place not in found:
            found[place] = tuple(dict.fromkeys(s.place for s in steps_from(place, hooks, on_error)))
            waiting.extend(found[place])
    return found


def _linked(followers: dict[int, tuple[int, ...]]) -> dict[int, Node]:
    nodes: dict[int, Node] = {code: {} for code in followers}
    for code, following in followers.items():
        nodes[code].update((after, nodes[after]) for after in following)
    return nodes


@lru_cache(maxsize=64)
def compile_table(hooks: int, on_error: tuple[int, ...] = ()) -> CompiledTable:
    """Unroll the table for a number of hooks.

    Args:
        hooks: How many there are.
        on_error: The places in their list of those that have an `on_error`, ascending.

    Raises:
        ValueError: If there are more hooks than a code can tell apart.
    """
    if not 0 <= hooks <= MAX_INDEX:
        raise ValueError(f"a session can have 0 to {MAX_INDEX} hooks, not {hooks}")
    reached = _explore(hooks, on_error)
    followers = {place.code: tuple(p.code for p in after) for place, after in reached.items()}
    nodes = _linked(followers)
    first = Place(INITIAL).code
    places = {place.code: place for place in reached}
    return CompiledTable(hooks, on_error, places, followers, {first: nodes[first]})


def strip_signature(code: int) -> int:
    """A code without the run's signature, which the table does not know."""
    if code & SYMBOL_SPAN == RUN_SYMBOL:
        return code & SYMBOL_MASK
    return code


def place_at(code: int, hooks: int) -> Place | None:
    """Where a session with so many hooks stands after a code; None if it can't be there.

    The table is not unrolled for so many hooks: apart from its index a place is the same for each.
    """
    code = strip_signature(code)
    place = compile_table(min(hooks, 1), (0,) * min(hooks, 1)).places.get(code & SYMBOL_MASK)
    index = code >> INDEX_SHIFT
    if place is None or not 0 <= index < (hooks if POINTS[place.point].of_hook else 1):
        return None
    return attrs.evolve(place, index=index)
