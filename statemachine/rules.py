"""Rules that reach further than from one event to the next.

The pairs of neighbours (see `pairs`) decide about the order. What is judged here: numbering and
clock, the second lane and where its events fall, and what was done about each error.
"""

import copy
from collections.abc import Hashable, Iterator, Mapping
from typing import Final

import attrs
import numpy as np

from statemachine.block import KIND_MASK, Block, event_of, read_detail
from statemachine.error_classes import CLEAN_ERRORS, PREEMPTIONS, classes_of, identity_of
from statemachine.errors import UnreadableLog
from statemachine.events import (
    EMPTY,
    INDEX_SHIFT,
    KIND_OF_NUMBER,
    MARK_SHIFT,
    MAX_INDEX,
    SECOND_LANE,
    SYMBOL_MASK,
    Event,
    EventKind,
    encode,
)
from statemachine.form import Header
from statemachine.on_error import OnErrorRules
from statemachine.table import (
    BY_CREATOR,
    ENDS_OWED,
    NOTHING_OPEN,
    POINTS,
    RECOVERING,
    REPEATED,
    STOP_ASKED,
    Context,
    State,
)

_STOP_CAN_SHOW: Final = np.zeros(SYMBOL_MASK + 1, dtype=np.bool_)
_FLAGS: Final = np.zeros(SYMBOL_MASK + 1, dtype=np.bool_)
_MARKS_WITH_STOP_FLAG: Final = {
    Context.RUN: range(8),
    Context.START: range(RECOVERING, 8),
    Context.RECOVERY: range(RECOVERING, 8),
}
for _point in POINTS.values():
    for _mark in _MARKS_WITH_STOP_FLAG.get(_point.context, ()):
        _symbol = encode(_point.event, 0, _mark, _point.at)
        _STOP_CAN_SHOW[_symbol] = True
        _FLAGS[_symbol] = bool(_mark & STOP_ASKED)

_ASKING_CALLS: Final = (
    EventKind.BEFORE_RUN.value,
    EventKind.AFTER_RUN.value,
    EventKind.ON_ERROR.value,
)
_ERRORS: Final = frozenset(
    {
        EventKind.RAISED,
        EventKind.REPLACED,
        EventKind.SWALLOWED,
        EventKind.SUPPRESSED,
        EventKind.ABANDON,
        EventKind.ON_ERROR,
    }
)
_TOLD: Final = (
    *_ERRORS,
    EventKind.STATE_STOPPING,
    EventKind.SESSION_CLOSE,
    EventKind.STATE_CLOSED,
    EventKind.JOIN,
    EventKind.OBSERVER_RAISED,
    EventKind.STOP_REQUESTED,
    EventKind.RECOVER,
    EventKind.LOST,
    EventKind.SESSION_OPEN,
    EventKind.STATE_RUNNING,
)


_BESIDE: Final = np.zeros(SYMBOL_MASK + 1, dtype=np.bool_)
_BESIDE[[kind.number for kind in EventKind if kind.in_second_lane]] = True


@attrs.frozen
class Observation:
    """A rule that does not hold.

    Attributes:
        rule: Its id.
        seen: What the log holds, in words.
        sequence: The number of the event.
        time: Its time in nanoseconds since 1970-01-01 UTC.
    """

    rule: str
    seen: str
    sequence: int | None = None
    time: int | None = None


@attrs.frozen
class Lost:
    """Events that a log says it lost.

    Attributes:
        first: The number of the first one.
        last: The number of the last one.
        steps: How many steps began among them.
    """

    first: int
    last: int
    steps: int


def lost_before(block: Block) -> Lost | None:
    """What was lost right before a block, by its own first event; None if it does not say so."""
    if not len(block) or block.codes[0] != EventKind.EVENTS_LOST.number:
        return None
    try:
        told = _detail(block, 0)
    except UnreadableLog:
        return None
    first, last, steps = (told.get(name) for name in ("first", "last", "steps"))
    if isinstance(first, int) and isinstance(last, int) and isinstance(steps, int):
        return Lost(first, last, steps)
    return None


class Rules:
    """Judges the blocks of one log in turn; how the log is cut into blocks makes no difference.

    Args:
        header: Who wrote the log.
        whole: Whether the first block is the log's first; a bounded log forgets old ones. Then what
            depends on them is judged from the first step on that begins.
    """

    def __init__(self, header: Header, whole: bool = True) -> None:
        self._started = header.started
        self._expected = (0, 0, 0) if whole else None
        self._whole = whole
        self._declared = 0 if whole else None
        self._last = self._last_code = 0
        self._left = False
        self._asked = False
        self._owed_flag = False
        self._barred = False
        self._exit = _ErrorRules()
        self._on_error = OnErrorRules(header.on_error)
        self.restores = 0

    def fork(self) -> "Rules":
        """Another judge that goes on from here; it judges no numbers of events and signatures."""
        other = copy.copy(self)
        other._expected = other._declared = None
        other._exit, other._on_error = self._exit.fork(), self._on_error.fork()
        return other

    @property
    def standing(self) -> Hashable:
        """What the judgements of a fork depend on: two that stand alike judge alike."""
        if self._left:  # no run can come, and so nothing about stops
            return self._last_code, self._whole, self._exit.standing, self._on_error.standing
        flags = self._asked, self._owed_flag, self._barred
        further = self._exit.standing, self._on_error.standing
        return self._last_code, self._whole, flags, further

    def judge(self, block: Block) -> Iterator[Observation]:
        """What is wrong with the next block."""
        yield from self._numbering(block)
        yield from self._clock(block)
        yield from self._second_lane(block)
        yield from self._details(block)
        if block.holds(EventKind.EVENTS_LOST):
            self._forget(block)
        else:
            yield from self._signatures(block)
            yield from self._observers(block)
            yield from self._in_context(block)
        self.restores += block.count(EventKind.RESTORE)

    def _at(self, rule: str, seen: str, block: Block, position: int) -> Observation:
        time = int(block.times[position]) + self._started
        return Observation(rule, seen, block.sequence + position, time)

    def _forget(self, block: Block) -> None:
        """What depends on events or details that were lost can be judged anew from the next block.

        Until then the pairs of neighbours decide alone.
        """
        ordered = block.ordered_codes
        self._declared, self._whole, self._asked = None, False, True
        self._last = self._last_code = int(ordered[-1]) if len(ordered) else 0
        self._last &= SYMBOL_MASK
        self._owed_flag = False
        self._exit = _ErrorRules()

    def _numbering(self, block: Block) -> Iterator[Observation]:
        found = (block.sequence, block.step, block.time)
        if self._expected is not None and found != self._after(self._expected, block):
            seen = (
                f"a block begins with event {found[0]} after step {found[1]} at {found[2]} ns; "
                f"what comes before it ends where event {self._expected[0]}, step "
                f"{self._expected[1]} and {self._expected[2]} ns go on"
            )
            yield Observation("numbered-without-gap", seen, block.sequence)
        self._expected = (block.sequence_after, block.step_after, block.time_after)

    def _after(self, expected: tuple[int, int, int], block: Block) -> tuple[int, int, int]:
        """Where a block is to begin: after what it says was lost."""
        lost = lost_before(block)
        if lost is None or lost.first != expected[0]:
            return expected
        return lost.last + 1, expected[1] + lost.steps, expected[2]

    def _clock(self, block: Block) -> Iterator[Observation]:
        if not len(block) or block.elapsed.min() >= 0:
            return
        for position in np.flatnonzero(block.elapsed < 0)[:1].tolist():
            yield self._at("clock-monotonic", "the clock runs backwards", block, position)

    def _second_lane(self, block: Block) -> Iterator[Observation]:
        """Events of the second lane carry no mark, and only a signature has an index."""
        if block.in_one_lane:
            return
        codes = block.codes
        indexed = block.kinds == EventKind.RUN_SIGNATURE.number
        known = _BESIDE[codes & SYMBOL_MASK] & (codes >= 0)
        known &= indexed | (codes >> INDEX_SHIFT == 0)
        for position in np.flatnonzero(~known & ((codes & SECOND_LANE) != 0)).tolist():
            seen = f"the code {int(codes[position])} is none"
            yield self._at("known-events", seen, block, position)

    def _details(self, block: Block) -> Iterator[Observation]:
        for position, text in block.details.items():
            try:
                read_detail(text)
            except UnreadableLog as error:
                yield self._at("known-events", str(error), block, position)

    def _signatures(self, block: Block) -> Iterator[Observation]:
        if self._are_declared(block):
            return
        declares = block.kinds == EventKind.RUN_SIGNATURE.number
        index = block.codes >> INDEX_SHIFT
        if self._declared is None:  # those before were dropped: so many they were
            if not declares.any():
                return
            self._declared = int(index[np.argmax(declares)])
        declared = self._declared + np.cumsum(declares)
        runs = block.kinds == EventKind.RUN.number
        unknown = runs & (index >= declared) & (index != MAX_INDEX)
        misnumbered = declares & (index != declared - 1)
        self._declared += int(np.count_nonzero(declares))
        for position in np.flatnonzero(unknown | misnumbered)[:1].tolist():
            seen = f"the signature {int(index[position])} is used or declared out of turn"
            yield self._at("signature-declared", seen, block, position)

    def _are_declared(self, block: Block) -> bool:
        """Whether nothing new is declared, and all signatures that are used had been."""
        if self._declared is None or block.holds(EventKind.RUN_SIGNATURE):
            return False
        used = (c >> INDEX_SHIFT for c in block.census if c & KIND_MASK == EventKind.RUN.number)
        return all(index < self._declared or index == MAX_INDEX for index in used)

    def _in_context(self, block: Block) -> Iterator[Observation]:
        """What can only be judged with what came before in mind."""
        if not self._whole:
            begins = np.flatnonzero(block.kinds == EventKind.STEP_BEGIN.number)
            if not len(begins):
                return
            self._whole = True
            block = block.part(int(begins[0]), len(block))
        yield from self._stops(block)
        yield from self._errors(block)
        for seen, position in self._on_error.judge(block):
            yield self._at("on-error-called", seen, block, position)

    def _observers(self, block: Block) -> Iterator[Observation]:
        """An observer's error is told right after the change of state that it observed."""
        for position in block.positions(EventKind.OBSERVER_RAISED).tolist():
            earlier = block.codes[:position]
            ordered = earlier[(earlier & SECOND_LANE) == 0]
            last = int(ordered[-1]) if len(ordered) else self._last_code
            kind = KIND_OF_NUMBER.get(last & KIND_MASK)
            state = _detail(block, position).get("state")
            if kind is None or kind.value != f"state.{state}":
                seen = f"an observer of the state {state} raises while the session is elsewhere"
                yield self._at("observer-told-at-once", seen, block, position)

    def _stops(self, block: Block) -> Iterator[Observation]:
        """The stop flag rises exactly when a hook or a step function has asked for it."""
        told = any(_FLAGS[code & SYMBOL_MASK] for code in block.census)
        asked = block.holds(EventKind.STOP_REQUESTED)
        if not (told or asked or self._owed_flag or _FLAGS[self._last]):
            self._remember_last(block)
            return
        flags = _FLAGS[block.codes & SYMBOL_MASK]
        requests = block.kinds == EventKind.STOP_REQUESTED.number
        for position, code in enumerate(block.codes.tolist()):
            if requests[position]:
                yield from self._stop_request(block, position)
            elif not code & SECOND_LANE:
                yield from self._bar(block, position, code & KIND_MASK)
                yield from self._stop_flag(block, position, bool(flags[position]), code)
                self._remember(code)

    def _remember_last(self, block: Block) -> None:
        ordered = block.ordered_codes
        if len(ordered):
            self._left = self._left or block.holds(EventKind.STATE_STOPPING)
            self._remember(int(ordered[-1]))

    def _remember(self, code: int) -> None:
        self._last, self._last_code, self._owed_flag = code & SYMBOL_MASK, code, False
        self._left = self._left or code & KIND_MASK == EventKind.STATE_STOPPING.number

    def _stop_request(self, block: Block, position: int) -> Iterator[Observation]:
        """A hook asks in a call of its own; a step function while or after it is run."""
        detail = _detail(block, position)
        by, hook = detail.get("by"), detail.get("hook")
        if by == "coordinator":
            return
        self._asked = True
        kind = KIND_OF_NUMBER.get(self._last_code & KIND_MASK)
        if by in _ASKING_CALLS:
            self._owed_flag = True
            if kind is None or by != kind.value or hook != self._last_code >> INDEX_SHIFT:
                seen = f"hook {hook} asks for a stop in {by} while the session is elsewhere"
                yield self._at("stop-asked-in-a-run", seen, block, position)
        elif by == "step_fn":
            self._owed_flag = True
            if not (self._left or _is_run(self._last_code)):
                seen = "a step function asks for a stop while none can have been run"
                yield self._at("stop-asked-in-a-run", seen, block, position)

    def _bar(self, block: Block, position: int, kind: int) -> Iterator[Observation]:
        """No step begins once one is refused, or a stop is asked for, until a recovery."""
        if kind == EventKind.STATE_RUNNING.number:
            self._barred = False
            return
        self._barred = self._barred or self._owed_flag
        if kind == EventKind.STEP_BEGIN.number and self._barred:
            yield self._at("stop-is-kept", "a step begins after a stop", block, position)
        self._barred = self._barred or kind == EventKind.STEP_REFUSED.number

    def _stop_flag(
        self, block: Block, position: int, now: bool, code: int
    ) -> Iterator[Observation]:
        if now and not _FLAGS[self._last] and not self._asked:
            seen = "the session is told to stop, and nobody asked for it"
            yield self._at("stop-is-kept", seen, block, position)
        if self._owed_flag and not now and _is_run(code):
            yield self._at("stop-is-kept", "a stop request was forgotten", block, position)

    def _errors(self, block: Block) -> Iterator[Observation]:
        for position in block.positions(*_TOLD).tolist():
            code = int(block.codes[position])
            event = event_of(
                code,
                sequence=block.sequence + position,
                time=0,
                step=None,
                detail=_detail(block, position),
            )
            mark = code >> MARK_SHIFT & 7
            for rule, seen in self._exit.judge(event, mark):
                yield self._at(rule, seen, block, position)


def _detail(block: Block, position: int) -> Mapping[str, object]:
    text = block.details.get(position)
    return EMPTY if text is None else read_detail(text)


def _is_run(code: int) -> bool:
    return bool(_STOP_CAN_SHOW[code & SYMBOL_MASK])


Judgement = tuple[str, str]


class _ErrorRules:
    """Follows what becomes of errors: which rule each of them falls under.

    Attributes:
        pending: What is on its way out of the session: "none", "clean" or "error".
    """

    def __init__(self) -> None:
        self.pending = "none"
        self._by = ""
        self._stopping = False
        self._told: set[tuple[str, str]] = set()
        self._held = False
        self._due: _Due | None = None
        self._recovers = self._live = self._for_good = False

    def fork(self) -> "_ErrorRules":
        """Another one that goes on from here."""
        other = copy.copy(self)
        other._told = set(self._told) if self._stopping else set()  # it is cleared when one stops
        return other

    @property
    def standing(self) -> Hashable:
        """What the judgements depend on."""
        if self._stopping:
            return self.pending, self._by, frozenset(self._told), self._due, self._recovers
        return self._due, self._held, self._live, self._for_good

    def judge(self, event: Event, mark: int) -> Iterator[Judgement]:
        """Which rules an event breaks, and how."""
        error = event.detail.get("error")
        if event.kind in _ERRORS and not classes_of(error):
            yield "errors-are-told", f"{event.kind.value} does not say which error it was"
        if self._due is not None and not event.kind.in_second_lane:
            yield from self._due.judge(event)
            self._due = None
        judges = {
            EventKind.STATE_STOPPING: self._judge_stopping,
            EventKind.OBSERVER_RAISED: self._judge_observer,
            EventKind.STOP_REQUESTED: self._judge_stop,
            EventKind.RAISED: self._judge_raised,
            EventKind.REPLACED: self._judge_replaced,
            EventKind.ABANDON: self._judge_abandon,
            EventKind.RECOVER: self._judge_recover,
            EventKind.LOST: self._judge_lost,
            EventKind.SUPPRESSED: self._judge_suppressed,
            EventKind.STATE_CLOSED: self._judge_closed,
            EventKind.SESSION_OPEN: self._judge_open,
            EventKind.STATE_RUNNING: self._judge_running,
        }
        if event.kind in judges:
            yield from judges[event.kind](event, mark)
        if self._due is not None and event.kind is EventKind.RAISED:
            self._due = attrs.evolve(self._due, error=identity_of(error))
        self._told.add(identity_of(error))

    def _judge_stopping(self, event: Event, mark: int) -> Iterator[Judgement]:
        self._stopping, self._by = True, str(event.detail.get("by"))
        self._told.clear()
        classes = classes_of(event.detail.get("error"))
        if self._by not in ("close", "with", "observer"):
            yield "stop-at-rest", "it does not say whether close() or the with block stops it"
        if self._by == "observer":
            self.pending = "error"
        elif self._by == "with" and classes:
            self.pending = "clean" if classes & CLEAN_ERRORS else "error"
        self._recovers = "state" in event.detail
        if (event.detail.get("state") == State.FINALIZED.value) != bool(mark & NOTHING_OPEN):
            yield "lost-session", "it does not say truly whether there is a session to be left"
        owed = self.pending != "error" and not mark & NOTHING_OPEN
        if owed != bool(mark & ENDS_OWED):
            wanted = "is owed, and is not called" if owed else "is not owed, and is called"
            yield "end-only-if-owed", f"the hooks' end {wanted}"

    def _judge_observer(self, event: Event, _: int) -> Iterator[Judgement]:
        """An observer's error comes out when the hooks have ended, unless another one does."""
        if self._stopping and event.detail.get("state") == State.STOPPING.value:
            self.pending = "error"
        return iter(())

    def _judge_stop(self, event: Event, _: int) -> Iterator[Judgement]:
        classes = classes_of(event.detail.get("error"))
        if event.detail.get("by") == "coordinator" and classes:
            self._held = self._held or _takes_the_place(classes)
        return iter(())

    def _judge_raised(self, event: Event, _: int) -> Iterator[Judgement]:
        classes, call = classes_of(event.detail.get("error")), str(event.detail.get("call"))
        if call == EventKind.ON_ERROR.value:
            return iter(())
        known = identity_of(event.detail.get("error")) in self._told
        if not self._stopping:
            self._judge_undoing(classes, call)
        elif call == EventKind.JOIN.value:
            self._due = self._after_join(classes, call, known)
        elif call == EventKind.SESSION_CLOSE.value and "Exception" in classes:
            self._due = _Due("error-of-close", call, EventKind.SWALLOWED, False)
        else:
            rule = "error-of-close" if call == EventKind.SESSION_CLOSE.value else "error-of-end"
            self._due = self._replaced_if_pending(rule, call, known)
        return iter(())

    def _judge_undoing(self, classes: frozenset[str], call: str) -> None:
        """An error while nobody leaves the session: of a call, or of closing what is given up."""
        if call == EventKind.JOIN.value and self._live:
            wanted = EventKind.SWALLOWED if classes & PREEMPTIONS else EventKind.REPLACED
            self._due = _Due("old-session-closed", call, wanted, False)
        elif call in (EventKind.JOIN.value, EventKind.SESSION_CLOSE.value):
            self._due = _Due("failed-start-undone", call, _undone(classes), False)
        else:
            self._for_good = bool(classes) and not classes & PREEMPTIONS

    def _judge_abandon(self, event: Event, _: int) -> Iterator[Judgement]:
        classes = classes_of(event.detail.get("error"))
        self._for_good = bool(classes) and not classes & PREEMPTIONS
        self._live = event.detail.get("call") == EventKind.STATE_RUNNING.value
        if self._live and self._for_good:
            yield "recover-from-preemption", "a session is given up for an error of another kind"

    def _judge_recover(self, _: Event, __: int) -> Iterator[Judgement]:
        if self._for_good:
            yield "recover-from-preemption", "a session is created again after another error"
        self._live = self._for_good = False

    def _judge_open(self, event: Event, mark: int) -> Iterator[Judgement]:
        if (event.detail.get("by") == "creator") != bool(mark & BY_CREATOR):
            yield "creator-creates", "it does not say truly whether a creator opens the session"

    def _judge_running(self, event: Event, mark: int) -> Iterator[Judgement]:
        if (event.detail.get("by") == "recovery") != bool(mark & REPEATED):
            yield "stop-survives-recovery", "it does not say truly whether a call is repeated"

    def _judge_lost(self, _: Event, __: int) -> Iterator[Judgement]:
        self._live = self._for_good = False
        return iter(())

    def _after_join(self, classes: frozenset[str], call: str, known: bool) -> "_Due":
        """What is to be done about an error that a thread reported."""
        rule = "error-of-thread"
        if self._by == "observer":
            return _Due(rule, call, _undone(classes), False)
        if self._recovers and classes & PREEMPTIONS:
            return _Due(rule, call, EventKind.SWALLOWED, False)
        if not classes & CLEAN_ERRORS:
            return self._replaced_if_pending(rule, call, known)
        if self.pending != "none":
            return _Due(rule, call, EventKind.SWALLOWED, known)
        self.pending = "clean" if self._by == "with" else "error"
        return _Due(rule, call, None, False)

    def _replaced_if_pending(self, rule: str, call: str, known: bool) -> "_Due":
        wanted = EventKind.REPLACED if self.pending != "none" else None
        self.pending = "error"
        if call == EventKind.STATE_STOPPING.value:
            call = EventKind.HOOK_END.value
        return _Due(rule, call, wanted, known)

    def _judge_replaced(self, event: Event, _: int) -> Iterator[Judgement]:
        if event.detail.get("call") is not None:
            self._for_good = self._for_good or not self._stopping
            return
        classes = classes_of(event.detail.get("error"))
        replaced = classes_of(event.detail.get("instead_of"))
        if not _takes_the_place(classes) or _takes_the_place(replaced):
            yield "error-out-of-run", "this error does not take the place of that one"
        if not self._held:
            yield "error-out-of-run", "no thread has reported an error that does so"

    def _judge_suppressed(self, event: Event, _: int) -> Iterator[Judgement]:
        if not classes_of(event.detail.get("error")) & CLEAN_ERRORS or self.pending != "clean":
            yield "suppress-end-of-input", "only the end of the input is suppressed, in a with"
        self.pending = "none"

    def _judge_closed(self, _: Event, __: int) -> Iterator[Judgement]:
        if self._stopping and self.pending == "clean":
            yield "suppress-end-of-input", "the end of the input is not suppressed"


@attrs.frozen
class _Due:
    """What must be said next about an error that came out of a call.

    Attributes:
        rule: The rule that wants it.
        call: The call, as what is said names it.
        error: What came out, by class and message.
        wanted: The kind of event; None where nothing is to be said.
        spared: Whether nothing need be said: the very error has been told of before.
    """

    rule: str
    call: str
    wanted: EventKind | None
    spared: bool
    error: tuple[str, str] = ("", "")

    def judge(self, event: Event) -> Iterator[Judgement]:
        """Whether the next event is what must be said."""
        said = None
        if event.kind in (EventKind.REPLACED, EventKind.SWALLOWED):
            said = event.kind if event.detail.get("call") == self.call else None
        if said is self.wanted or (said is None and self.spared):
            if said is not None and identity_of(event.detail.get("error")) != self.error:
                yield "error-comes-out", f"{said.value} speaks of another error than came out"
            return
        wanted = self.wanted.value if self.wanted else "none"
        found = said.value if said else "none"
        yield self.rule, f"what becomes of the error of {self.call}: {wanted} is due, not {found}"


def _undone(classes: frozenset[str]) -> EventKind:
    """What becomes of an error of closing while another one comes out anyway."""
    return EventKind.SWALLOWED if "Exception" in classes else EventKind.REPLACED


def _takes_the_place(classes: frozenset[str]) -> bool:
    """Whether such an error of a thread takes the place of an ordinary one of a run."""
    return bool(classes & PREEMPTIONS) or "Exception" not in classes
