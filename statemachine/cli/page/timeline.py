"""The timeline's data: who had the session's thread, at each moment.

Short logs give every call. Of long ones the time is cut into bins, and what is kept is which
share of each bin each lane had, so that the page stays small however long the log is.
"""

import base64
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import attrs
import numpy as np

from statemachine.block import Block, Codes, Int64s
from statemachine.cli.costs import Call, Costs, Place, call_of, call_words, keys_of
from statemachine.cli.plain_text import plain

MOST_CALLS: Final = 200_000
"""Up to so many ordered events each is kept."""
BINS: Final = 1 << 15
MOST_HOOKS: Final = 16
"""So many hooks have a lane of their own, those that take longest; the others share one."""


@attrs.frozen
class Lane:
    """A row of the timeline.

    Attributes:
        title: What stands beside it.
        place: Who has the time in it.
        hook: The hook that it belongs to, or None.
    """

    title: str
    place: Place
    hook: int | None = None


_FIXED: Final = (
    Lane("Caller's code", Place.BETWEEN_STEPS),
    Lane("Starting", Place.STARTING),
    Lane("Session itself", Place.SESSION),
    Lane("Computation", Place.RAW_SESSION),
)
_LAST: Final = Lane("Stopping", Place.STOPPING)


def lanes_of(costs: Costs, hooks: tuple[str, ...]) -> list[Lane]:
    """The rows of a timeline; only places that had any time have one."""
    totals = costs.by_place
    ranked = sorted(costs.by_hook, key=lambda hook: -costs.by_hook[hook])
    own = sorted(ranked[:MOST_HOOKS])
    named = [
        Lane(f"{hook} {plain(hooks[hook]) if 0 <= hook < len(hooks) else '?'}", Place.HOOKS, hook)
        for hook in own
    ]
    others = [Lane("Other hooks", Place.HOOKS)] if len(ranked) > MOST_HOOKS else []
    return [lane for lane in (*_FIXED, *named, *others, _LAST) if totals[lane.place]]


def lane_of(call: Call, lanes: Sequence[Lane]) -> int | None:
    """The row that a call belongs to."""
    found = [number for number, lane in enumerate(lanes) if lane.place is call.place]
    exact = [number for number in found if lanes[number].hook == call.hook]
    shared = [number for number in found if lanes[number].hook is None]
    return next(iter([*exact, *shared]), None)


class Timeline:
    """Takes a log's blocks in turn.

    Args:
        costs: Where the time went, from a pass before.
        hooks: The classes of the session's hooks.
        events: How many ordered events there are.
        most_calls: Up to how many of them each is kept.
        bins: Into how many pieces the time is cut otherwise.
    """

    def __init__(
        self,
        costs: Costs,
        hooks: tuple[str, ...],
        events: int,
        most_calls: int = MOST_CALLS,
        bins: int = BINS,
    ) -> None:
        self.lanes = lanes_of(costs, hooks)
        self._hooks = hooks
        self._calls: dict[int, int] = {}
        self._names: list[list[object]] = []
        self._start, self._span = costs.start, max(costs.span, 1)
        self._whole = events <= most_calls
        self._edges = np.linspace(0, self._span, bins + 1) + self._start
        self._busy = np.zeros((len(self.lanes), bins + 1))
        self._so_far = np.zeros(len(self.lanes))
        self._kept: list[tuple[Int64s, Int64s]] = []
        self._last: tuple[Int64s, Codes] | None = None

    def add(self, block: Block) -> None:
        """Take the next block."""
        ordered = block.ordered
        times, codes = block.times[ordered], block.codes[ordered]
        if self._last is not None:
            times = np.concatenate((self._last[0], times))
            codes = np.concatenate((self._last[1], codes))
        if not len(times):
            return
        self._last = times[-1:], codes[-1:]
        numbers = self._number(codes[:-1])
        if self._whole:
            self._kept.append((times[:-1], numbers))
        elif len(numbers):
            self._add_to_bins(times, numbers)

    def _number(self, codes: Codes) -> Int64s:
        """A small number for each code's call, new calls numbered as they come."""
        keys, which = np.unique(keys_of(codes), return_inverse=True)
        numbers = [self._number_of(key) for key in keys.tolist()]
        return np.array(numbers, dtype=np.int64)[which]

    def _number_of(self, key: int) -> int:
        if key not in self._calls:
            call = call_of(key)
            lane = None if call is None else lane_of(call, self.lanes)
            words = "an unknown event" if call is None else call_words(call, self._hooks)
            begins = call is not None and call.begins_step
            self._calls[key] = len(self._names)
            self._names.append([plain(words), -1 if lane is None else lane, begins])
        return self._calls[key]

    def _add_to_bins(self, times: Int64s, numbers: Int64s) -> None:
        """Add up, for each lane, the time that it has had by each edge of a bin."""
        lanes = np.array([name[1] for name in self._names])[numbers]
        first, last = np.searchsorted(self._edges, (times[0], times[-1]), side="right")
        edges = self._edges[first:last]
        durations = np.diff(times)
        for lane in range(len(self.lanes)):
            sums = np.concatenate(([0], np.cumsum(np.where(lanes == lane, durations, 0))))
            self._busy[lane, first:last] = self._so_far[lane] + np.interp(edges, times, sums)
            self._so_far[lane] += sums[-1]

    def data(self) -> dict[str, object]:
        """What the page's program draws, as JSON has it."""
        shared = {
            "start": self._start,
            "span": self._span,
            "lanes": [{"title": lane.title, "place": lane.place.value} for lane in self.lanes],
        }
        return {**shared, **(self._calls_data() if self._whole else self._bins_data())}

    def _calls_data(self) -> dict[str, object]:
        times = np.concatenate([kept[0] for kept in self._kept] or [np.empty(0, np.int64)])
        numbers = np.concatenate([kept[1] for kept in self._kept] or [np.empty(0, np.int64)])
        relative = (times - self._start).astype("<f8")
        return {
            "names": self._names,
            "times": _base64(relative),
            "calls": _base64(np.minimum(numbers, 0xFFFF), "<u2"),
        }

    def _bins_data(self) -> dict[str, object]:
        self._busy[:, -1] = self._so_far
        shares = np.diff(self._busy, axis=1) * (self._busy.shape[1] - 1) / self._span
        levels = np.clip(np.ceil(shares * 255 - 1e-6), 0, 255)
        return {"bins": self._busy.shape[1] - 1, "busy": [_base64(row, "u1") for row in levels]}


def _base64(values: "np.ndarray[Any, Any]", dtype: str | None = None) -> str:
    data = values if dtype is None else values.astype(dtype)
    return base64.b64encode(data.tobytes()).decode()


def timeline_data(
    blocks: Iterable[Block], costs: Costs, hooks: tuple[str, ...], events: int
) -> Mapping[str, object]:
    """The data of a log's timeline.

    Args:
        blocks: The log's blocks.
        costs: Where the time went, from a pass before.
        hooks: The classes of the session's hooks.
        events: How many events there are.
    """
    timeline = Timeline(costs, hooks, events)
    for block in blocks:
        timeline.add(block)
    return timeline.data()
