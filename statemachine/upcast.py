"""Logs of older versions, read as if this version had written them.

What a header of an older form lacks or calls otherwise, a function for that form puts right
(`EARLIER_FORMS`). Kinds of events are told by their names: where a log's vocabulary gives them
other numbers, its blocks are translated (`upcaster`). The order that was in force is told by the
digest of its table: that of this version, or one that it takes in (`EARLIER_TABLES`). The bytes,
and so the digests, stay as they are.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

import attrs
import numpy as np
import numpy.typing as npt

from statemachine.block import KIND_MASK, Block
from statemachine.events import AT_SHIFT, MARK_SHIFT, SECOND_LANE, SYMBOL_MASK, VOCABULARY

Fields = dict[str, Any]  # decoded JSON

EARLIER_FORMS: Final[dict[int, Callable[[Fields], Fields]]] = {}
"""For each earlier form that can be read: what makes its header one of the next form."""

EARLIER_TABLES: Final[dict[str, str]] = {
    "cbd15f7de0e2cd966a5780d5876b52dfc51dafb2a3a8d52cb6cbbd93e2d22d40": (
        "0.1 before sessions could recover: what it allows is allowed here, too"
    ),
    "d5f1f37fbe9c52b27a314175b16eed1f6187ebb1a5c92bc7486c9845c716a4c3": (
        "0.1 before hooks were told of errors: so no hook of its logs was owed a call of on_error"
    ),
}
"""The digest of each earlier table of the lifecycle whose logs can be judged by this version's."""

_UNKNOWN: Final = 0x3F
"""No kind has this number, nor this one in the second lane."""
_MARKS: Final = 7 << MARK_SHIFT


def upcast_header(fields: Fields) -> Fields:
    """The fields of a header in the latest form that leads on from its own."""
    while upcast := EARLIER_FORMS.get(_form_of(fields)):
        fields = upcast(fields)
    return fields


def _form_of(fields: Fields) -> int:
    form = fields["format"]
    return form if type(form) is int else -1


def is_translatable(vocabulary: Mapping[str, int]) -> bool:
    """Whether a log with this vocabulary can be read.

    Each kind must have a number of its own, in the lane that it has here; and a kind that is not
    known here must not have the number of one that is.
    """
    numbers = set(VOCABULARY.values())
    return len(set(vocabulary.values())) == len(vocabulary) and all(
        _is_same_lane(number, VOCABULARY[name]) if name in VOCABULARY else number not in numbers
        for name, number in vocabulary.items()
    )


def _is_same_lane(number: int, known: int) -> bool:
    return 0 < number < KIND_MASK and number & SECOND_LANE == known & SECOND_LANE


def is_renumbered(vocabulary: Mapping[str, int]) -> bool:
    """Whether a kind has another number than here."""
    return any(VOCABULARY.get(name, number) != number for name, number in vocabulary.items())


def upcaster(vocabulary: Mapping[str, int]) -> Callable[[Block], Block]:
    """What turns blocks of a log with this vocabulary into blocks of this version's.

    Codes that the vocabulary does not have, or of kinds that are unknown here, become codes that
    are unknown here.
    """
    if not is_renumbered(vocabulary):
        return lambda block: block
    symbols = _translated_symbols(vocabulary)

    def upcast(block: Block) -> Block:
        index = block.codes & ~np.int32(SYMBOL_MASK)
        return attrs.evolve(block, codes=index | symbols[block.codes & SYMBOL_MASK])

    return upcast


def _translated_symbols(vocabulary: Mapping[str, int]) -> npt.NDArray[np.int32]:
    kinds = np.full(KIND_MASK + 1, _UNKNOWN, np.int32)
    kinds[SECOND_LANE:] |= SECOND_LANE
    for name, number in vocabulary.items():
        if name in VOCABULARY:
            kinds[number] = VOCABULARY[name]
    calls = kinds[:SECOND_LANE].copy()
    calls[0] = 0  # no call
    symbols = np.arange(SYMBOL_MASK + 1, dtype=np.int32)
    called = calls[symbols >> AT_SHIFT] << AT_SHIFT
    translated: npt.NDArray[np.int32] = kinds[symbols & KIND_MASK] | symbols & _MARKS | called
    return translated
