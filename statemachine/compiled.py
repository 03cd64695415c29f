"""The table unrolled for a given number of hooks, into look-ups over integers.

Each place where a session can stand (a point, a hook's index, a mark) has exactly one code,
so a code says where the session stands after it. What remains of the table is which code
may follow which: a dictionary of dictionaries for the writer, a matrix for the audit.
"""

from collections.abc import Iterator
from functools import lru_cache
from typing import Final, TypeAlias

import attrs
import numpy as np
import numpy.typing as npt

from statemachine.events import INDEX_SHIFT, MAX_INDEX, SYMBOL_MASK, EventKind, encode
from statemachine.table import (
    ENDS_OWED,
    FINAL,
    IN_STEP_FN,
    INITIAL,
    POINTS,
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


def steps_from(place: Place, hooks: int) -> Iterator[Step]:
    """Every step that the table allows from a place in a session with so many hooks."""
    point = POINTS[place.point]
    if point.failure:
        failed = POINTS[f"{point.name}!"]
        for mark in _marks(None, point, failed, place.mark):
            yield Step(Place(failed.name, place.index, mark), "error-comes-out")
    if point.each_hook and place.index + 1 < hooks:
        for mark in _marks(None, point, point, place.mark):
            yield Step(Place(point.name, place.index + 1, mark), "hooks-in-list-order")
        return
    for move, target in onward(point, hooks):
        if move.ends_owed is None or move.ends_owed == bool(place.mark & ENDS_OWED):
            for mark in _marks(move, point, target, place.mark):
                yield Step(Place(target.name, 0, mark), move.rule)


def _marks(move: Move | None, source: Point, target: Point, mark: int) -> tuple[int, ...]:
    """The marks that a place at `target` can have after one at `source` with `mark`."""
    if move is not None and move.in_step_fn not in (None, bool(mark & IN_STEP_FN)):
        return ()
    if target.context is Context.RUN:
        return _run_marks(move, mark) if source.context is Context.RUN else (0,)
    if target.context is Context.EXIT:
        return (0, ENDS_OWED)
    if target.context is Context.UNDO:
        return (mark,) if source.state is None else (UNDO_STATES.index(source.state) + 1,)
    return (0,)


def _run_marks(move: Move | None, mark: int) -> tuple[int, ...]:
    """As `_marks` where both points carry the flags of RUN; the stop flag only rises."""
    inside, asked = mark & IN_STEP_FN, mark & STOP_ASKED
    if move is not None:
        if move.enters_step_fn is not None:
            inside = IN_STEP_FN if move.enters_step_fn else 0
        if move.stop_asked is False:
            return () if asked else (inside,)
        if move.stop_asked:
            return (inside | STOP_ASKED,)
    return (inside | STOP_ASKED,) if asked else (inside, inside | STOP_ASKED)


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
    marks = _marks(None, point, failed, place.mark)
    return Place(failed.name, place.index, marks[-1] if stop_asked else marks[0])


@attrs.frozen(eq=False)
class CompiledTable:
    """The table for one number of hooks.

    Attributes:
        hooks: The number of hooks.
        places: Every place that can be reached, by its code.
        followers: For each code, the codes that may come next.
        start: What may come first.
    """

    hooks: int
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


def _explore(hooks: int) -> dict[Place, tuple[Place, ...]]:
    first = Place(INITIAL)
    found: dict[Place, tuple[Place, ...]] = {}
    waiting = [first]
    while waiting:
        place = waiting.pop()
        if place not in found:
            found[place] = tuple(dict.fromkeys(s.place for s in steps_from(place, hooks)))
            waiting.extend(found[place])
    return found


def _linked(followers: dict[int, tuple[int, ...]]) -> dict[int, Node]:
    nodes: dict[int, Node] = {code: {} for code in followers}
    for code, following in followers.items():
        nodes[code].update((after, nodes[after]) for after in following)
    return nodes


@lru_cache(maxsize=64)
def compile_table(hooks: int) -> CompiledTable:
    """Unroll the table for a number of hooks.

    Raises:
        ValueError: If there are more hooks than a code can tell apart.
    """
    if not 0 <= hooks <= MAX_INDEX:
        raise ValueError(f"a session can have 0 to {MAX_INDEX} hooks, not {hooks}")
    reached = _explore(hooks)
    followers = {place.code: tuple(p.code for p in after) for place, after in reached.items()}
    nodes = _linked(followers)
    first = Place(INITIAL).code
    places = {place.code: place for place in reached}
    return CompiledTable(hooks, places, followers, {first: nodes[first]})


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
    place = compile_table(min(hooks, 1)).places.get(code & SYMBOL_MASK)
    index = code >> INDEX_SHIFT
    if place is None or not 0 <= index < (hooks if POINTS[place.point].of_hook else 1):
        return None
    return attrs.evolve(place, index=index)
