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
from statemachine.events import INDEX_SHIFT, SYMBOL_MASK

_MATRIX_LIMIT: Final = 4096


@attrs.frozen(eq=False)
class PairTable:
    """The allowed pairs of neighbours for one number of hooks.

    Attributes:
        base: For each symbol (a code without its index) the number of its first place, int64,
            shape (65536,); 0 for symbols that the table doesn't have.
        span: For each symbol how many indices it may carry, int64, shape (65536,).
        places: How many places there are; place 0 stands for what can't be.
        allowed: The allowed pairs as ``before * places + after``: a boolean array over all of
            them, or, for very many hooks, the sorted numbers themselves.
    """

    base: npt.NDArray[np.int64]
    span: npt.NDArray[np.int64]
    places: int
    allowed: npt.NDArray[np.bool_] | npt.NDArray[np.int64]

    def place(self, codes: Codes) -> npt.NDArray[np.int64]:
        """The numbers of the places that codes lead to; 0 for codes that can't be."""
        symbols = codes & SYMBOL_MASK
        index = codes >> INDEX_SHIFT
        index = np.where(codes & KIND_MASK == RUN_SYMBOL, 0, index)
        known = (index >= 0) & (index < self.span[symbols])
        return np.where(known, self.base[symbols] + index, 0)

    def faults(self, codes: Codes) -> npt.NDArray[np.int64]:
        """Positions of codes that may not follow the one before; position 0 is not judged.

        Args:
            codes: Codes of the ordered lane, in order, int32, shape (events,).
        """
        places = self.place(codes)
        pairs = places[:-1] * self.places + places[1:]
        if self.allowed.dtype == np.bool_:
            legal = self.allowed[pairs]
        else:
            at = np.minimum(np.searchsorted(self.allowed, pairs), len(self.allowed) - 1)
            legal = self.allowed[at] == pairs
        return np.flatnonzero(~legal) + 1


@lru_cache(maxsize=16)
def pair_table(hooks: int) -> PairTable:
    """The table of pairs for a number of hooks, start and end of a log included."""
    table = compile_table(hooks)
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
    keys = _place(base, array[:, 0]) * places + _place(base, array[:, 1])
    if places > _MATRIX_LIMIT:
        return PairTable(base, span, places, np.unique(keys))
    allowed = np.zeros(places * places, dtype=np.bool_)
    allowed[keys] = True
    return PairTable(base, span, places, allowed)


def _number_places(codes: list[int]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Consecutive numbers for the indices of each symbol, from 1."""
    span = np.zeros(SYMBOL_MASK + 1, dtype=np.int64)
    for code in codes:
        symbol = code & SYMBOL_MASK
        span[symbol] = max(span[symbol], (code >> INDEX_SHIFT) + 1)
    base = np.where(span > 0, 1 + np.cumsum(span) - span, 0)
    return base, span


def _place(base: npt.NDArray[np.int64], codes: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    places: npt.NDArray[np.int64] = base[codes & SYMBOL_MASK] + (codes >> INDEX_SHIFT)
    return places
