"""Timing of frames at the source: playing a file like a camera, and letting only so many frames a second through."""

from __future__ import annotations

import threading

from edgefuse import clock


class Player:
    """Holds frames of a file back until their time has come."""

    def __init__(self, is_stopping: threading.Event) -> None:
        self._is_stopping = is_stopping
        self._offset_ns: int | None = None

    def wait_until(self, presented_ns: int) -> int:
        """Wait for a frame's time of presentation and give the monotonic time at which it now counts as captured."""
        if self._offset_ns is None:
            self._offset_ns = clock.now_ns() - presented_ns
        wait_s = (presented_ns + self._offset_ns - clock.now_ns()) / clock.NS_PER_S
        if wait_s > 0:
            self._is_stopping.wait(wait_s)
        return clock.now_ns()


class RateLimiter:
    """Lets frames through at a rate that may change at any frame; on average the rate is exact."""

    def __init__(self) -> None:
        self._due_ns: float | None = None

    def admits(self, captured_ns: int, rate_hz: float) -> bool:
        """Decide about one frame."""
        period_ns = clock.NS_PER_S / rate_hz
        if self._due_ns is None:
            self._due_ns = captured_ns
        # A quarter of a period early is still on time: cameras jitter, and 30 Hz out of 30 Hz must lose nothing.
        if captured_ns < self._due_ns - period_ns / 4:
            return False
        self._due_ns = max(self._due_ns + period_ns, captured_ns)
        return True
