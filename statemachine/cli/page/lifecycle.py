"""The lifecycle as a drawing: the states and triggers of the table, and the path taken."""

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Final

import attrs

from statemachine.cli.page.html import Html, element, joined
from statemachine.cli.spans import Span
from statemachine.cli.units import duration
from statemachine.machine import state_changes
from statemachine.table import State, Trigger

_WIDTH: Final = 104
_HEIGHT: Final = 46
_GAP: Final = 68
_TOP: Final = 30
_DEPTH: Final = 26
_ORDER: Final = tuple(State)


@attrs.frozen
class Edge:
    """A change of state that the table allows.

    Attributes:
        triggers: What may make it.
        source: The state before.
        target: The state after.
        taken: How often the session took it.
    """

    triggers: tuple[Trigger, ...]
    source: State
    target: State
    taken: int

    @property
    def length(self) -> int:
        """How many places further the target stands; negative if it stands before."""
        return _ORDER.index(self.target) - _ORDER.index(self.source)


def edges_taken(path: Sequence[State]) -> list[Edge]:
    """Every change of state that the table has, with how often a path takes it."""
    counts = Counter(pairwise(path))
    triggers: dict[tuple[State, State], list[Trigger]] = {}
    for trigger, source, target in state_changes():
        triggers.setdefault((source, target), []).append(trigger)
    return [Edge(tuple(t), *pair, taken=counts[pair]) for pair, t in triggers.items()]


def lifecycle_svg(states: Sequence[Span], finished: bool) -> Html:
    """The drawing.

    Args:
        states: How long the session was in each state, in order.
        finished: Whether the session was closed.
    """
    path = [State(str(span.event.kind.value).removeprefix("state.")) for span in states]
    edges = sorted(edges_taken(path), key=lambda edge: bool(edge.taken))
    arcs = [edge for edge in edges if edge.length != 1]
    below = max((abs(edge.length) for edge in arcs if edge.length > 1), default=1)
    above = max((abs(edge.length) for edge in arcs if edge.length < 0), default=0)
    top = _TOP + _DEPTH * above
    height = top + _HEIGHT + 4 + _DEPTH * (below - 1)
    width = len(_ORDER) * (_WIDTH + _GAP) - _GAP + 8
    return element(
        "svg",
        _markers(),
        *(_edge(edge, top) for edge in edges),
        *(_box(state, path, states, top, finished) for state in _ORDER),
        viewBox=f"0 0 {width} {height}",
        class_="lifecycle",
        role="img",
        aria_label=_words(path, finished),
    )


def _words(path: Sequence[State], finished: bool) -> str:
    taken = ", ".join(state.value for state in path) or "no state"
    return f"The session went through: {taken}" + ("" if finished else "; there the log ends")


def _markers() -> Html:
    def marker(name: str) -> Html:
        return element(
            "marker",
            element("path", d="M0 0 L8 4 L0 8 z"),
            id=name,
            class_=name,
            viewBox="0 0 8 8",
            refX=7,
            refY=4,
            markerWidth=7,
            markerHeight=7,
            orient="auto-start-reverse",
        )

    return element("defs", marker("arrow"), marker("arrow-taken"))


def _left(state: State) -> int:
    return 4 + _ORDER.index(state) * (_WIDTH + _GAP)


def _edge(edge: Edge, top: int) -> Html:
    label = " / ".join(trigger.value for trigger in edge.triggers)
    if edge.taken > 1:
        label += f" ×{edge.taken}"
    line, x, y = _straight(edge, top) if edge.length == 1 else _arc(edge, top)
    taken = bool(edge.taken)
    marker = "url(#arrow-taken)" if taken else "url(#arrow)"
    return element(
        "g",
        element("path", d=line, marker_end=marker),
        element("text", label, x=x, y=y),
        class_="edge taken" if taken else "edge",
    )


def _straight(edge: Edge, top: int) -> tuple[str, int, int]:
    start, end = _left(edge.source) + _WIDTH, _left(edge.target)
    y = top + _HEIGHT // 2
    return f"M{start} {y} H{end - 2}", (start + end) // 2, y - 8


def _arc(edge: Edge, top: int) -> tuple[str, int, int]:
    """A line around the boxes between: below them onward, above them back."""
    depth = _DEPTH * (abs(edge.length) - 1)
    onward = edge.length > 0
    offset = 10 * abs(edge.length)
    start = _left(edge.source) + _WIDTH // 2 + (8 if onward else -8)
    end = _left(edge.target) + _WIDTH // 2 + (30 - offset if onward else offset - 30)
    border = top + _HEIGHT if onward else top
    y = border + 18 + depth - _DEPTH if onward else border - 18 - depth
    tip = border + 2 if onward else border - 2
    turn = 8 if onward else -8
    side = 8 if end > start else -8
    line = (
        f"M{start} {border} V{y - turn} Q{start} {y} {start + side} {y} "
        f"H{end - side} Q{end} {y} {end} {y - turn} V{tip}"
    )
    return line, start + (34 if end > start else -34), y - 5


def _box(
    state: State, path: Sequence[State], spans: Sequence[Span], top: int, finished: bool
) -> Html:
    visited = state in path
    here = bool(path) and path[-1] is state and not finished
    left = _left(state)
    classes = "state" + (" visited" if visited else "") + (" here" if here else "")
    return element(
        "g",
        *_ring(left, top, here),
        element("rect", x=left, y=top, width=_WIDTH, height=_HEIGHT, rx=9),
        element("text", state.value, x=left + _WIDTH / 2, y=top + 21, class_="name"),
        *_time_text(state, path, spans, left, top),
        class_=classes,
    )


def _ring(left: int, top: int, here: bool) -> Iterator[Html]:
    if here:
        yield element("text", "the log ends here", x=left + _WIDTH / 2, y=top - 14, class_="end")


def _time_text(
    state: State, path: Sequence[State], spans: Sequence[Span], left: int, top: int
) -> Iterator[Html]:
    if state not in path:
        return
    total = sum(s.end - s.start for at, s in zip(path, spans, strict=True) if at is state)
    words = "the end" if state is State.CLOSED else duration(total)
    yield joined(element("text", words, x=left + _WIDTH / 2, y=top + 37, class_="time"))
