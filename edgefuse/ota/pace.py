"""How fast pieces of files are asked for: what the way to the repository was seen to bear, from file to file.

The window begins with 4 small chunks, grows by one a round trip while few wait for each other, and is halved where
pieces are lost, or take so long that commands on the same line would wait behind them. Where it cannot be smaller, the
pieces become smaller.

Source:
    RFC 6298, "Computing TCP's Retransmission Timer", 2011: the constants of ``_note_round_trip``.
"""

from __future__ import annotations

from edgefuse import clock
from edgefuse.ota.chunks import MAX_CHUNK_BYTES

FIRST_WINDOW = 4.0
MAX_WINDOW = 32
MAX_QUEUED = 16
"""Chunks that only wait for each other somewhere on the way. More make nothing faster, and cost memory.

Source:
    Brakmo, O'Malley, Peterson, "TCP Vegas", SIGCOMM 1994: the window times what a round trip has become longer.
"""
MIN_CHUNK_BYTES = 1 << 12
"""Also of the first, as long as nothing is known of the line."""
MIN_LIMITED_BYTES = 1 << 10
"""Of a piece where bandwidth is limited: it has what a second may take, but no less."""
SLOW_NS = clock.NS_PER_S
"""A chunk that takes longer is in the way of commands."""
FAST_NS = SLOW_NS // 4
FIRST_TIMEOUT_NS = clock.NS_PER_S
MIN_TIMEOUT_NS = clock.NS_PER_S // 10
MAX_TIMEOUT_NS = 60 * clock.NS_PER_S
MAX_PAUSE_NS = 2 * clock.NS_PER_S
"""Between two tries, unless a chunk takes longer: bounds how long it takes to see that a broker is back."""
BURST_NS = clock.NS_PER_S
"""What was not used of a limited bandwidth is forgotten after so long."""


class Pace:
    """Pure; time is passed in."""

    def __init__(self, limit_bytes_per_s: int | None) -> None:
        """Begin as on a line that nobody knows."""
        self._limit_bytes_per_s = limit_bytes_per_s
        self._window = FIRST_WINDOW
        self._chunk_bytes = MIN_CHUNK_BYTES
        self._smoothed_ns: int | None = None
        self._shortest_ns = MAX_TIMEOUT_NS
        self._spread_ns = 0
        self._timeout_ns = FIRST_TIMEOUT_NS
        self._cut_ns = -1
        self._free_ns = 0

    @property
    def window(self) -> int:
        """Give how many pieces may be under way."""
        return int(self._window)

    @property
    def chunk_bytes(self) -> int:
        """Give how long the next piece may be."""
        if self._limit_bytes_per_s is None:
            return self._chunk_bytes
        return min(self._chunk_bytes, max(MIN_LIMITED_BYTES, self._limit_bytes_per_s))

    @property
    def free_ns(self) -> int:
        """Give when the next piece may be asked for, as far as bandwidth is concerned."""
        return self._free_ns

    def find_timeout_ns(self, tries: int) -> int:
        """Give how long to wait for a chunk that was asked for so many times."""
        longest_ns = max(self._timeout_ns, MAX_PAUSE_NS)
        return min(longest_ns, self._timeout_ns << min(tries - 1, 16))

    def note_request(self, length_bytes: int, now_ns: int) -> None:
        """Take note that a piece was asked for."""
        if self._limit_bytes_per_s is not None:
            cost_ns = length_bytes * clock.NS_PER_S // self._limit_bytes_per_s
            self._free_ns = max(self._free_ns, now_ns - BURST_NS) + cost_ns

    def note_chunk(self, sent_ns: int, now_ns: int) -> None:
        """Take note that a chunk came of a request from then."""
        passed_ns = max(1, now_ns - sent_ns)
        self._shortest_ns = min(self._shortest_ns, passed_ns)
        self._note_round_trip(passed_ns)
        if passed_ns > SLOW_NS:
            self.note_jam(sent_ns, now_ns)
            return
        if self._window * (1 - self._shortest_ns / passed_ns) < MAX_QUEUED:
            self._window = min(MAX_WINDOW, self._window + 1 / self._window)
        if passed_ns < FAST_NS:
            self._chunk_bytes = min(MAX_CHUNK_BYTES, self._chunk_bytes * 2)

    def note_jam(self, sent_ns: int, now_ns: int) -> None:
        """Take note that a request from then was lost or slow; those that left before the last time say nothing new."""
        if sent_ns <= self._cut_ns:
            return
        self._cut_ns = now_ns
        if self._window > 1.0:
            self._window = max(1.0, self._window / 2)
        else:
            self._chunk_bytes = max(MIN_CHUNK_BYTES, self._chunk_bytes // 2)

    def _note_round_trip(self, passed_ns: int) -> None:
        if self._smoothed_ns is None:
            self._smoothed_ns, self._spread_ns = passed_ns, passed_ns // 2
        else:
            self._spread_ns += (abs(self._smoothed_ns - passed_ns) - self._spread_ns) // 4
            self._smoothed_ns += (passed_ns - self._smoothed_ns) // 8
        timeout_ns = self._smoothed_ns + 4 * self._spread_ns
        self._timeout_ns = min(MAX_TIMEOUT_NS, max(MIN_TIMEOUT_NS, timeout_ns))
