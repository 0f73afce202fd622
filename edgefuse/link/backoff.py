"""When to try to connect again: full jitter, so that a fleet which lost its broker does not come back as one.

Source:
    Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015.
"""

from __future__ import annotations

import random

BASE_S = 4.0
CAP_S = 120.0
STABLE_S = 60.0
"""A connection that lasted so long was a good one: the next pause is short again. Two clients with one id, which throw
each other out at once, never get there and end up trying every minute or so."""


class Backoff:
    """Gives the pause before each try; every device has its own, and always the same, series."""

    def __init__(self, device: str, cap_s: float = CAP_S) -> None:
        """Seed the series with the device's id; no pause is longer than ``cap_s``."""
        self._random = random.Random(device)
        self._cap_s = cap_s
        self._tries = 0

    def next_s(self) -> float:
        """Give the pause before the next try: anything up to a bound that doubles each time."""
        bound_s = min(self._cap_s, BASE_S * 2.0 ** min(self._tries, 16))
        self._tries += 1
        return self._random.uniform(0.0, bound_s)

    def note_lasted(self, seconds: float) -> None:
        """Begin anew after a connection that was good."""
        if seconds >= STABLE_S:
            self._tries = 0

    def yield_way(self) -> None:
        """Let another client with the same id have the broker: from now on the longest pauses."""
        self._tries = 16
