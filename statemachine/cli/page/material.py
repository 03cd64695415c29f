"""What a report tells of: gathered from the log in a few passes, before anything is written."""

from collections import deque
from collections.abc import Iterable, Mapping
from typing import Final

import attrs

from statemachine.audit import AuditReport, audit
from statemachine.cli.costs import Costs, costs_of
from statemachine.cli.lineage import Descent, Family, ancestry_of
from statemachine.cli.page.curves import Curve, curves_of
from statemachine.cli.page.timeline import timeline_data
from statemachine.cli.selection import Selection, events_at
from statemachine.cli.source import Source
from statemachine.cli.spans import Span, state_spans
from statemachine.events import Event, EventKind
from statemachine.form import Header
from statemachine.log import EventLog
from statemachine.replay import SessionState, replay

_K = EventKind
_TOLD: Final = frozenset(
    kind.number
    for kind in (
        *(kind for kind in _K if kind.value.startswith("state.")),
        *(_K.RAISED, _K.REPLACED, _K.SWALLOWED, _K.SUPPRESSED, _K.STEP_REFUSED),
        *(_K.CHECKPOINT_SAVED, _K.CHECKPOINT_RESTORED, _K.STOP_REQUESTED, _K.CALL_REFUSED),
        *(_K.THREADS_LEFT, _K.OBSERVER_RAISED, _K.NOTE, _K.EVENTS_LOST),
    )
)
FIRST_TOLD: Final = 150
LAST_TOLD: Final = 350


@attrs.frozen
class Story:
    """The rare events of a session.

    Attributes:
        first: The first ones.
        last: The last ones, none of them among the first.
        left_out: How many there are between.
    """

    first: tuple[Event, ...]
    last: tuple[Event, ...]
    left_out: int

    @property
    def events(self) -> tuple[Event, ...]:
        """All that are told."""
        return self.first + self.last


@attrs.frozen
class Material:
    """Everything that a page is made of.

    Attributes:
        path: The log.
        header: Its header.
        running: Whether it is still being written.
        state: What it folds to.
        audit: Its audit.
        costs: Where the time went.
        timeline: The data of the timeline.
        states: How long the session was in each state.
        story: The rare events.
        saved: The checkpoints that were saved, each with its event.
        restored: The checkpoints that were restored.
        descents: Which of the logs that were given descends from which.
        curves: The scalars that were recorded.
        curves_left_out: How many more there are.
    """

    path: Source
    header: Header
    running: bool
    state: SessionState
    audit: AuditReport
    costs: Costs
    timeline: Mapping[str, object]
    states: tuple[Span, ...]
    story: Story
    saved: Story
    restored: Story
    descents: tuple[Descent, ...] = ()
    curves: tuple[Curve, ...] = ()
    curves_left_out: int = 0


def gather(path: Source, log: EventLog, known: Iterable[Source]) -> Material:
    """Gather what a report tells of.

    Args:
        path: The log's file.
        log: The log.
        known: Other logs, for lineage.

    Raises:
        OSError: If a file can't be read.
        UnreadableLog: If a part of the log, or another log, can't be read.
    """
    others = [other for other in known if other.resolved != path.resolved]
    family = Family(ancestry_of(member) for member in (path, *others)) if others else Family(())
    state = replay(log)
    costs = costs_of(log.read(), slowest=10)
    curves, left_out = curves_of(log)
    return Material(
        path=path,
        header=log.header,
        running=log.running,
        state=state,
        audit=audit(log, known=[other.open() for other in others]),
        costs=costs,
        timeline=timeline_data(log.read(), costs, log.hooks, state.events),
        states=tuple(state_spans(log)),
        story=story_of(log, _TOLD),
        saved=story_of(log, frozenset({_K.CHECKPOINT_SAVED.number})),
        restored=story_of(log, frozenset({_K.CHECKPOINT_RESTORED.number})),
        descents=tuple(family.descents()),
        curves=curves,
        curves_left_out=left_out,
    )


def story_of(log: EventLog, kinds: frozenset[int]) -> Story:
    """The events of some kinds: the first ones, the last ones, and how many lie between.

    Raises:
        UnreadableLog: If a part of the log can't be read.
    """
    first: list[Event] = []
    last: deque[Event] = deque(maxlen=LAST_TOLD)
    count, inside, selection = 0, False, Selection(kinds=kinds)
    reading = log.read()
    for block in reading:
        mask = selection.mask(block, inside)
        for event in events_at(block, mask, reading.header.started, inside):
            count += 1
            if len(first) < FIRST_TOLD:
                first.append(event)
            else:
                last.append(event)
        inside = block.in_step_after(inside)
    return Story(tuple(first), tuple(last), count - len(first) - len(last))
