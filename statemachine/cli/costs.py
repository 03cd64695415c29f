"""Where the time of a session went: counted block by block, in bounded memory.

An event is written down before the call that it names, so the time that the call took is the
time to the next event of the ordered lane.
"""

import enum
import heapq
from collections.abc import Iterable, Mapping
from typing import Final

import attrs
import numpy as np
import numpy.typing as npt

from statemachine.block import Block, Codes, Int64s
from statemachine.cli.histogram import Distribution, Histograms
from statemachine.events import AT_SHIFT, INDEX_SHIFT, KIND_OF_NUMBER, EventKind
from statemachine.replay import hook_name

_K = EventKind


class Place(enum.Enum):
    """Who had the time."""

    HOOKS = "hooks"
    RAW_SESSION = "raw_session"
    SESSION = "session"
    BETWEEN_STEPS = "between_steps"
    STARTING = "starting"
    STOPPING = "stopping"


PLACE_WORDS: Final = {
    Place.HOOKS: "hooks",
    Place.RAW_SESSION: "raw session (the computation itself)",
    Place.SESSION: "session's own work in steps",
    Place.BETWEEN_STEPS: "caller's code between steps",
    Place.STARTING: "starting, without the hooks",
    Place.STOPPING: "stopping, without the hooks",
}

_BETWEEN: Final = (_K.STATE_RUNNING, _K.STEP_END, _K.STEP_REFUSED, _K.STEP_FN_BEGIN, _K.STEP_FN_END)
_STOPPING: Final = (
    _K.STATE_STOPPING, _K.STATE_CLOSED, _K.JOIN, _K.SESSION_CLOSE, _K.SWALLOWED, _K.SUPPRESSED,
)  # fmt: skip
_OPEN: Final = (_K.STEP_BEGIN, _K.BEFORE_RUN, _K.MERGE, _K.RUN, _K.AFTER_RUN)
_IN_RUNNING: Final = (*_OPEN, _K.STEP_FN_BEGIN, _K.STEP_REFUSED)

_IS_OPEN: Final = np.zeros(128, dtype=np.bool_)
_IS_OPEN[[kind.number for kind in _OPEN]] = True

_STEP_KEY: Final = 1 << 29
_GAP_KEY: Final = _STEP_KEY + 1
_LONGEST_STEP: Final = 1 << 20
"""Events; a step with more of them is no step, and not kept in memory."""


@attrs.frozen
class Call:
    """What is measured: a kind of call, of one hook if it is a hook's.

    Attributes:
        kind: What was called.
        hook: The hook's place in the list, or None.
        at: For what became of an error: the call that it came out of.
    """

    kind: EventKind
    hook: int | None = None
    at: EventKind | None = None

    @property
    def begins_step(self) -> bool:
        """Whether a step begins with it."""
        return self.kind is _K.STEP_BEGIN

    @property
    def place(self) -> Place:
        """Who has the time after such an event."""
        if self.kind.value.startswith("hook."):
            return Place.HOOKS
        if self.kind is _K.RUN:
            return Place.RAW_SESSION
        if self.kind in (_K.STEP_BEGIN, _K.MERGE):
            return Place.SESSION
        if self.kind in _BETWEEN or self.at in _IN_RUNNING:
            return Place.BETWEEN_STEPS
        if self.kind is _K.REPLACED and self.at is None:
            return Place.BETWEEN_STEPS
        stopping = self.kind in _STOPPING or self.at in (*_STOPPING, _K.HOOK_END)
        return Place.STOPPING if stopping else Place.STARTING


def keys_of(codes: Codes) -> Int64s:
    """The call of each code as a number: kind, call of an error, hook.

    Args:
        codes: Codes of the ordered lane, int32, shape (events,).

    Returns:
        Numbers below 2**29, int64, shape (events,).
    """
    kinds = codes & 0x7F
    calls = codes >> AT_SHIFT & 0x3F
    hooked = _HOOKED[np.where(calls > 0, calls, kinds)]
    index = np.where(hooked, codes >> INDEX_SHIFT, 0)
    return (kinds | calls << 7 | index << 13).astype(np.int64)


_HOOKED: Final = np.zeros(128, dtype=np.bool_)
_HOOKED[[kind.number for kind in EventKind if kind.value.startswith("hook.")]] = True


def call_of(key: int) -> Call | None:
    """The call that a number of `keys_of` stands for; None if there is none such."""
    kind, at = KIND_OF_NUMBER.get(key & 0x7F), KIND_OF_NUMBER.get(key >> 7 & 0x3F)
    if kind is None:
        return None
    return Call(kind, key >> 13 if (at or kind).value.startswith("hook.") else None, at)


@attrs.frozen(order=True)
class SlowStep:
    """One of the slowest steps.

    Attributes:
        duration: Its duration in nanoseconds, to the caller's getting the result or an error.
        step: Its number.
        start: When it began, in nanoseconds since the log began.
        slowest: The call that took longest in it.
        slowest_duration: How long that took, in nanoseconds.
    """

    duration: int
    step: int
    start: int
    slowest: Call = attrs.field(order=False)
    slowest_duration: int = attrs.field(order=False)


@attrs.frozen
class Costs:
    """Where the time went.

    Attributes:
        calls: For each call its durations.
        steps: The durations of whole steps, or None if there was none.
        gaps: The times between two steps, or None.
        slowest: The slowest steps, the slowest first.
        start: When the first event was, in nanoseconds since the log began.
        span: From the first to the last event, in nanoseconds.
    """

    calls: Mapping[Call, Distribution]
    steps: Distribution | None
    gaps: Distribution | None
    slowest: tuple[SlowStep, ...]
    start: int
    span: int

    @property
    def by_place(self) -> Mapping[Place, int]:
        """How long each had, in nanoseconds."""
        totals = dict.fromkeys(Place, 0)
        for call, distribution in self.calls.items():
            totals[call.place] += distribution.total
        return totals

    @property
    def by_hook(self) -> Mapping[int, int]:
        """How long each hook took in all its methods, in nanoseconds."""
        totals: dict[int, int] = {}
        for call, distribution in self.calls.items():
            if call.place is Place.HOOKS and call.hook is not None:
                totals[call.hook] = totals.get(call.hook, 0) + distribution.total
        return dict(sorted(totals.items()))

    @property
    def slow_hook(self) -> int | None:
        """The hook that took longest in all, or None without hooks."""
        totals = self.by_hook
        return max(totals, key=totals.__getitem__, default=None)


class CostCounter:
    """Counts blocks one after the other.

    Args:
        slowest: How many of the slowest steps are kept.
    """

    def __init__(self, slowest: int = 5) -> None:
        self._wanted = slowest
        self._histograms = Histograms()
        self._slowest: list[SlowStep] = []
        self._times: Int64s = np.empty(0, dtype=np.int64)
        self._codes: Codes = np.empty(0, dtype=np.int32)
        self._steps_before = 0
        self._last_end: int | None = None
        self._first: int | None = None
        self._last = 0

    def add(self, block: Block) -> None:
        """Count the next block."""
        ordered = block.ordered
        if not len(ordered):
            return
        before = len(self._times)
        times = np.concatenate((self._times, block.times[ordered]))
        codes = np.concatenate((self._codes, block.codes[ordered]))
        durations = np.diff(times)
        counted = max(before - 1, 0)
        self._histograms.add(keys_of(codes[counted:-1]), durations[counted:])
        keep = self._count_steps(times, codes, durations)
        self._first = int(times[0]) if self._first is None else self._first
        self._last = int(times[-1])
        self._steps_before += int(np.count_nonzero(_begins(codes[:keep])))
        self._times, self._codes = times[keep:], codes[keep:]

    def _count_steps(self, times: Int64s, codes: Codes, durations: Int64s) -> int:
        """Count the steps that are over, and tell from where on events are needed again."""
        begins = np.flatnonzero(_begins(codes))
        ends_here = np.flatnonzero(~_IS_OPEN[codes & 0x7F] | _begins(codes))
        at = np.searchsorted(ends_here, begins, side="right")
        over = at < len(ends_here)
        starts, ends = begins[over], ends_here[at[over]]
        self._count_gaps(times[starts], times[ends])
        took = times[ends] - times[starts]
        self._histograms.add(np.full(len(took), _STEP_KEY, dtype=np.int64), took)
        self._keep_slowest(times, codes, durations, starts, ends)
        keep = len(times) - 1 if over.all() else int(begins[-1])
        return keep if len(times) - keep <= _LONGEST_STEP else len(times) - 1

    def _count_gaps(self, starts: Int64s, ends: Int64s) -> None:
        """Count the times before steps that are over, but for the first one."""
        if not len(starts):
            return
        if self._last_end is None:
            gaps = starts[1:] - ends[:-1]
        else:
            gaps = starts - np.concatenate((np.array([self._last_end], np.int64), ends[:-1]))
        self._histograms.add(np.full(len(gaps), _GAP_KEY, dtype=np.int64), gaps)
        self._last_end = int(ends[-1])

    def _keep_slowest(
        self, times: Int64s, codes: Codes, durations: Int64s, starts: Int64s, ends: Int64s
    ) -> None:
        took = times[ends] - times[starts]
        chosen = np.argsort(-took, kind="stable")[: self._wanted].tolist()
        found = []
        for number in chosen:
            start, end = int(starts[number]), int(ends[number])
            worst = start + int(np.argmax(durations[start:end]))
            call = call_of(int(keys_of(codes[worst : worst + 1])[0]))
            if call is not None:
                step = self._steps_before + int(np.count_nonzero(_begins(codes[: start + 1])))
                moment, duration = int(times[start]), int(took[number])
                found.append(SlowStep(duration, step, moment, call, int(durations[worst])))
        self._slowest = heapq.nlargest(self._wanted, [*self._slowest, *found])

    def result(self) -> Costs:
        """Where the time went, up to the last event that was counted."""
        found = self._histograms.distributions()
        calls = {call_of(key): d for key, d in found.items() if key < _STEP_KEY}
        return Costs(
            {call: d for call, d in calls.items() if call is not None},
            found.get(_STEP_KEY),
            found.get(_GAP_KEY),
            tuple(self._slowest),
            self._first or 0,
            self._last - (self._first or 0),
        )


def _begins(codes: Codes) -> npt.NDArray[np.bool_]:
    begins: npt.NDArray[np.bool_] = codes & 0x7F == _K.STEP_BEGIN.number
    return begins


def costs_of(blocks: Iterable[Block], slowest: int = 5) -> Costs:
    """Where the time went in a log.

    Args:
        blocks: Its blocks.
        slowest: How many of the slowest steps are wanted.
    """
    counter = CostCounter(slowest)
    for block in blocks:
        counter.add(block)
    return counter.result()


def call_words(call: Call, hooks: tuple[str, ...]) -> str:
    """A call in words."""
    kind = call.kind.value if call.at is None else f"{call.kind.value} out of {call.at.value}"
    return kind if call.hook is None else f"{kind} of {hook_name(hooks, call.hook)}"
