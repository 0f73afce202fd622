"""The worker's memory against its limit: warn, then restart at a quiet moment, before the limit kills it; pure.

    fine ──► high: a warning ──► quiet, or nearly full ──► restart

A restart is only worth it where it gives memory back: a worker that needs that much from its start is left alone.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

HIGH_SHARE = 0.85
FULL_SHARE = 0.95
GAIN_SHARE = 0.10
"""Of the limit, that a restart must give back."""
SETTLING_S = 60.0
"""Caches and pools fill meanwhile; what is held then, a new worker will hold too."""
SAMPLE_S = 10.0
SAMPLES = 60
AHEAD_S = 600.0
"""Memory that reaches the limit so soon is high already."""


@dataclass(frozen=True, slots=True)
class MemoryRing:
    """What one worker held, now and then."""

    limit_mb: float
    started_s: float
    samples: tuple[tuple[float, float], ...] = ()
    """Seconds and MB, the newest last, ``SAMPLE_S`` apart."""
    settled_mb: float | None = None
    is_warned: bool = False

    @property
    def slope_mb_per_s(self) -> float:
        """Growth, as the line through the samples that errs least; zero while there are few."""
        if len(self.samples) < SAMPLES // 2:
            return 0.0
        mean_s = sum(at_s for at_s, _ in self.samples) / len(self.samples)
        mean_mb = sum(mb for _, mb in self.samples) / len(self.samples)
        spread = sum((at_s - mean_s) ** 2 for at_s, _ in self.samples)
        return sum((at_s - mean_s) * (mb - mean_mb) for at_s, mb in self.samples) / spread


@dataclass(frozen=True, slots=True)
class Advice:
    """What to do about the memory; empty texts mean nothing."""

    warning: str = ""
    """Given once a worker."""
    restart: str = ""


def step(ring: MemoryRing, rss_mb: float, now_s: float, *, is_quiet: bool) -> tuple[MemoryRing, Advice]:
    """Take a reading and judge it.

    Args:
        is_quiet: Nobody is in the picture, so that nobody misses a second of it.
    """
    ring = _sample(ring, rss_mb, now_s)
    ahead_mb = rss_mb + max(0.0, ring.slope_mb_per_s) * AHEAD_S
    if ring.settled_mb is None or (rss_mb < HIGH_SHARE * ring.limit_mb and ahead_mb < ring.limit_mb):
        return ring, Advice()
    text = f"the worker holds {rss_mb:.0f} MB of {ring.limit_mb:.0f} and grows by {_per_hour(ring):.0f} MB an hour"
    is_worth_it = rss_mb - ring.settled_mb >= GAIN_SHARE * ring.limit_mb
    if is_worth_it and (is_quiet or rss_mb >= FULL_SHARE * ring.limit_mb):
        return ring, Advice(restart=text)
    return replace(ring, is_warned=True), Advice(warning="" if ring.is_warned else text)


def _per_hour(ring: MemoryRing) -> float:
    return ring.slope_mb_per_s * 3600


def _sample(ring: MemoryRing, rss_mb: float, now_s: float) -> MemoryRing:
    if ring.samples and now_s - ring.samples[-1][0] < SAMPLE_S:
        return ring
    is_settled = now_s - ring.started_s >= SETTLING_S
    settled_mb = rss_mb if is_settled and ring.settled_mb is None else ring.settled_mb
    return replace(ring, samples=(*ring.samples, (now_s, rss_mb))[-SAMPLES:], settled_mb=settled_mb)
