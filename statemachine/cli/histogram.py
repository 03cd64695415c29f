"""Durations counted in bounded memory: exact sums and extremes, percentiles within 0.4 %."""

from collections.abc import Mapping
from typing import Final

import attrs
import numpy as np
import numpy.typing as npt

Int64s = npt.NDArray[np.int64]

_BITS: Final = 7
_SPAN: Final = 1 << 13
"""More than there are buckets."""


def bucket_of(durations: Int64s) -> Int64s:
    """The bucket of each duration: 128 buckets for each doubling.

    Args:
        durations: Nanoseconds, not negative, int64.
    """
    exponent = np.frexp(durations.astype(np.float64))[1].astype(np.int64) - 1
    shift = np.maximum(exponent - _BITS, 0)
    return (shift << _BITS) + (durations >> shift)


def middle_of(bucket: int) -> float:
    """The middle of a bucket, in nanoseconds."""
    shift = max((bucket >> _BITS) - 1, 0)
    low = (bucket - (shift << _BITS)) << shift
    return low + ((1 << shift) - 1) / 2


@attrs.frozen
class Distribution:
    """Durations, in nanoseconds.

    Attributes:
        count: How many there were.
        total: Their sum.
        shortest: The shortest of them.
        longest: The longest of them.
        percentiles: For 50, 90 and 99 the duration that so many percent do not exceed, within
            0.4 %.
    """

    count: int
    total: int
    shortest: int
    longest: int
    percentiles: Mapping[int, float]

    @property
    def mean(self) -> float:
        """The mean, in nanoseconds."""
        return self.total / self.count


PERCENTS: Final = (50, 90, 99)


@attrs.define
class _Extremes:
    total: int = 0
    shortest: int = 1 << 62
    longest: int = 0


class Histograms:
    """One histogram for each key, a key being a number below 2**40."""

    def __init__(self) -> None:
        self._counts: dict[int, int] = {}
        self._extremes: dict[int, _Extremes] = {}

    def add(self, keys: Int64s, durations: Int64s) -> None:
        """Count durations.

        Args:
            keys: The key of each, int64.
            durations: Nanoseconds, int64; negative ones count as 0.
        """
        durations = np.maximum(durations, 0)
        cells, counts = np.unique(keys * _SPAN + bucket_of(durations), return_counts=True)
        for cell, count in zip(cells.tolist(), counts.tolist(), strict=True):
            self._counts[cell] = self._counts.get(cell, 0) + count
        self._add_extremes(keys, durations)

    def _add_extremes(self, keys: Int64s, durations: Int64s) -> None:
        order = np.argsort(keys, kind="stable")
        distinct, starts = np.unique(keys[order], return_index=True)
        if not len(distinct):
            return
        ordered = durations[order]
        found = zip(
            distinct.tolist(),
            np.add.reduceat(ordered, starts).tolist(),
            np.minimum.reduceat(ordered, starts).tolist(),
            np.maximum.reduceat(ordered, starts).tolist(),
            strict=True,
        )
        for key, total, shortest, longest in found:
            extremes = self._extremes.setdefault(key, _Extremes())
            extremes.total += total
            extremes.shortest = min(extremes.shortest, shortest)
            extremes.longest = max(extremes.longest, longest)

    def distributions(self) -> dict[int, Distribution]:
        """The distribution of each key that occurred."""
        buckets: dict[int, dict[int, int]] = {key: {} for key in sorted(self._extremes)}
        for cell in sorted(self._counts):
            buckets[cell // _SPAN][cell % _SPAN] = self._counts[cell]
        return {key: _distribution(found, self._extremes[key]) for key, found in buckets.items()}


def _distribution(buckets: Mapping[int, int], extremes: _Extremes) -> Distribution:
    count = sum(buckets.values())
    return Distribution(
        count,
        extremes.total,
        extremes.shortest,
        extremes.longest,
        {percent: _percentile(buckets, count, percent, extremes) for percent in PERCENTS},
    )


def _percentile(buckets: Mapping[int, int], count: int, percent: int, extremes: _Extremes) -> float:
    """The nearest-rank percentile, of the middles of the buckets."""
    rank = -(-count * percent // 100)
    for bucket, number in buckets.items():
        rank -= number
        if rank <= 0:
            return float(min(max(middle_of(bucket), extremes.shortest), extremes.longest))
    return float(extremes.longest)
