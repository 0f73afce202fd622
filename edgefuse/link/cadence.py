"""How often the device reports.

normal ── every 10 s          metered ── every 60 s          watch ── every 2 s, for as long as its lease lasts
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

from edgefuse import clock

Mode = Literal["normal", "metered", "watch"]

PERIODS_S: Mapping[Mode, float] = {"normal": 10.0, "metered": 60.0, "watch": 2.0}


@dataclass(frozen=True, slots=True)
class Cadence:
    """What is in force; the fleet's lease ends by itself, so that a forgotten watcher costs nothing."""

    is_metered: bool
    leased_until_ns: int = 0

    def with_lease(self, lease_s: float, now_ns: int) -> Cadence:
        """Watch for so long from now on, unless an earlier lease lasts longer."""
        until_ns = now_ns + round(lease_s * clock.NS_PER_S)
        return replace(self, leased_until_ns=max(until_ns, self.leased_until_ns))

    def mode(self, now_ns: int) -> Mode:
        """Give the mode that is in force."""
        if now_ns < self.leased_until_ns:
            return "watch"
        return "metered" if self.is_metered else "normal"

    def period_ns(self, now_ns: int) -> int:
        """Give the time from one report to the next."""
        return round(PERIODS_S[self.mode(now_ns)] * clock.NS_PER_S)
