"""Whether each event of a history may follow the one before, decided for a whole block at once.

A code says where the session stands after it. So a history is legal exactly when every pair
of neighbours is, and that is one look-up per event in a table of pairs.
"""

from functools import lru_cache
from typing import Final

import attrs
import numpy as np
import numpy.typing as npt

from statemachine.block import KIND_MASK, Codes
from statemachine.compiled import END_CODE, RUN_SYMBOL, START_CODE, compile_table
from statemachine.events import INDEX_SHIFT, MAX_INDEX, SYMBOL_MASK, encode
from statemachine.table import POINTS

_MOST_UNROLLED: Final = 64
_FEW: Final = 4
"""With so many hooks there is a first one, a last one, and in between one that follows another."""
_NO_HOOK: Final = MAX_INDEX
_ON_ERROR: Final = np.zeros(SYMBOL_MASK + 1, dtype=np.bool_)
"""The symbols of events whose index is that of a hook with an `on_error`."""
for _point in POINTS.values():
    if _point.each_on_error:
        _ON_ERROR[[encode(_point.event, 0, mark, _point.at) for mark in range(8)]] = True
_SIGNATURES: Final = 16
"""So many signatures of runs are looked up at once; a log seldom has more."""


@attrs.frozen(eq=False)
class PairTable:
    """The allowed pairs of neighbours for one number of hooks.

    Attributes:
        hooks: The number of hooks.
        on_error: The places in their list of those that have an `on_error`.
        base: For each symbol (a code without its index) the number of its first place, int64,
            shape (65536,); 0 for symbols that the table doesn't have.
        span: For each symbol how many indices it may carry, int64, shape (65536,).
        places: How many places there are; place 0 stands for what can't be.
        allowed: Whether a pair is, at ``before * places + after``.
        place_of: For codes with a small index their place, int32; 0 for others that can't be, for
            START_CODE, and for the last, which stands for all beyond. Empty with very many hooks.
    """

    hooks: int
    on_error: tuple[int, ...]
    base: npt.NDArray[np.int64]
    span: npt.NDArray[np.int64]
    places: int
    allowed: npt.NDArray[np.bool_]
    place_of: npt.NDArray[np.int32]

    def faults(self, codes: Codes) -> npt.NDArray[np.int64]:
        """Positions of codes that may not follow the one before; position 0 is not judged.

        Args:
            codes: Codes of the ordered lane, in order, int32, shape (events,).
        """
        if self._are_plainly_right(codes):
            return np.array([], np.int64)
        symbols = codes & SYMBOL_MASK
        index = np.where(codes & KIND_MASK == RUN_SYMBOL, 0, codes >> INDEX_SHIFT)
        if self.hooks <= _MOST_UNROLLED:
            places = self._place(symbols, index)
            before, after = places[:-1], places[1:]
        else:
            told = _ON_ERROR[symbols]
            index = np.where(told, self._order(index), index)
            hooks = np.where(told, len(self.on_error), self.hooks)
            first, second = _as_if_few(index, hooks)
            before, after = self._place(symbols[:-1], first), self._place(symbols[1:], second)
        return np.flatnonzero(~self.allowed[before * self.places + after]) + 1

    def _are_plainly_right(self, codes: Codes) -> bool:
        """Whether all is well, by one look-up a code: so it nearly always is."""
        if not len(self.place_of):
            return False
        places = self.place_of.take(codes, mode="clip")
        pairs = np.multiply(places[:-1], self.places, dtype=np.intp)
        pairs += places[1:]
        return bool(places.all() and self.allowed.take(pairs).all())

    def _order(self, index: npt.NDArray[np.integer]) -> npt.NDArray[np.int64]:
        """Where hooks stand among those that have an `on_error`."""
        having = np.array((*self.on_error, _NO_HOOK), np.int64)
        order = np.searchsorted(having, index)
        return np.where(having[np.minimum(order, len(having) - 1)] == index, order, _NO_HOOK)

    def _place(self, symbols: Codes, index: npt.NDArray[np.integer]) -> npt.NDArray[np.int64]:
        """The numbers of the places that codes lead to; 0 for codes that can't be."""
        known = (index >= 0) & (index < self.span[symbols])
        return np.where(known, self.base[symbols] + index, 0)


def _as_if_few(
    index: npt.NDArray[np.integer], hooks: npt.NDArray[np.integer]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """The indices of each pair, as they would be with few hooks.

    What may follow depends only on whether an index is the first, the last, the one before,
    or the one after that; so the table is not unrolled for very many hooks.
    """
    before, after = index[:-1], index[1:]
    last = hooks[:-1] - 1
    known = (before >= 0) & (before <= last)
    place = np.where(before == 0, 0, np.where(before == last, _FEW - 1, 1))
    first = np.where(known, place, _NO_HOOK)
    near = np.where(after == before, first, np.where(after == before + 1, first + 1, _NO_HOOK))
    second = np.where(after == 0, 0, near)
    few = hooks <= _FEW  # so few have an `on_error`: each is itself
    return np.where(few[:-1], before, first), np.where(few[1:], after, second)


@lru_cache(maxsize=16)
def pair_table(hooks: int, on_error: tuple[int, ...] = ()) -> PairTable:
    """The table of pairs for a number of hooks, start and end of a log included.

    Args:
        hooks: How many there are.
        on_error: The places in their list of those that have an `on_error`, ascending.
    """
    if hooks <= _MOST_UNROLLED:
        table = compile_table(hooks, on_error)
    else:
        table = compile_table(_FEW, tuple(range(min(len(on_error), _FEW))))
    codes = [START_CODE, END_CODE, *table.places]
    base, span = _number_places(codes)
    places = int((base + span).max())
    wanted = [
        (before, after)
        for before in codes
        for after in (*table.followers.get(before, ()), START_CODE, END_CODE)
        if table.allows(before, after)
    ]
    wanted += [(START_CODE, code) for code in table.start]
    array = np.array(wanted, dtype=np.int64)
    allowed = np.zeros(places * places, dtype=np.bool_)
    allowed[_place(base, array[:, 0]) * places + _place(base, array[:, 1])] = True
    return PairTable(hooks, on_error, base, span, places, allowed, _places_of(codes, base, hooks))


def _number_places(codes: list[int]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Consecutive numbers for the indices of each symbol, from 1."""
    span = np.zeros(SYMBOL_MASK + 1, dtype=np.int64)
    for code in codes:
        symbol = code & SYMBOL_MASK
        span[symbol] = max(span[symbol], (code >> INDEX_SHIFT) + 1)
    base = np.where(span > 0, 1 + np.cumsum(span) - span, 0)
    return base, span


def _places_of(codes: list[int], base: npt.NDArray[np.int64], hooks: int) -> npt.NDArray[np.int32]:
    """The place of each code whose index is small; a run's signature makes no difference."""
    if hooks > _MOST_UNROLLED:
        return np.zeros(0, np.int32)
    found = np.zeros((max(hooks, _SIGNATURES), SYMBOL_MASK + 1), np.int32)
    for code in codes:
        symbol, index = code & SYMBOL_MASK, code >> INDEX_SHIFT
        every = slice(None) if code & KIND_MASK == RUN_SYMBOL else index
        found[every, symbol] = base[symbol] + index
    found[0, START_CODE] = 0
    return found.reshape(-1)


def _place(base: npt.NDArray[np.int64], codes: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    places: npt.NDArray[np.int64] = base[codes & SYMBOL_MASK] + (codes >> INDEX_SHIFT)
    return places
