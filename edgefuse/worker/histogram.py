"""Durations in fixed memory: a count for each one per cent step, so that months of frames cost nothing."""

from __future__ import annotations

import math

import numpy as np

_STEP = 1.01
_SMALLEST_NS = 1_000
_BUCKETS = 1 + math.ceil(math.log(100e9 / _SMALLEST_NS, _STEP))  # up to 100 s
_LOG_STEP = math.log(_STEP)


class Histogram:
    """Counts durations; percentiles are right within one per cent."""

    def __init__(self) -> None:
        self._counts = np.zeros(_BUCKETS, np.int64)
        self.count = 0
        self.total_ns = 0

    def add(self, duration_ns: int) -> None:
        """Count one duration."""
        place = math.log(max(duration_ns, _SMALLEST_NS) / _SMALLEST_NS) / _LOG_STEP
        self._counts[min(int(place), _BUCKETS - 1)] += 1
        self.count += 1
        self.total_ns += duration_ns

    def copy(self) -> Histogram:
        """Give one that does not change."""
        return self.since(Histogram())

    def since(self, before: Histogram) -> Histogram:
        """Give what was counted after ``before``, an earlier copy of this one."""
        later = Histogram()
        np.subtract(self._counts, before._counts, out=later._counts)
        later.count, later.total_ns = int(later._counts.sum()), self.total_ns - before.total_ns
        return later

    def percentile_ms(self, percent: float) -> float:
        """Give the duration that ``percent`` of all stay below, in milliseconds; 0 without any."""
        if not self.count:
            return 0.0
        place = int(np.searchsorted(np.cumsum(self._counts), math.ceil(self.count * percent / 100)))
        return round(_SMALLEST_NS * _STEP**place / 1e6, 6)
