"""How often an address may try to log in; used by any thread."""

from __future__ import annotations

import ipaddress
import math
import threading
from collections import deque

from edgefuse import clock

MAX_FAILURES = 5
WINDOW_S = 60.0
MAX_ADDRESSES = 10_000
"""Beyond that the oldest are forgotten: memory is bounded, whoever tries."""


class Attempts:
    """Counts failures of the last minute by address."""

    def __init__(self) -> None:
        """Begin with none."""
        self._failures: dict[str, deque[int]] = {}
        self._lock = threading.Lock()

    def find_wait_s(self, address: str) -> int:
        """Give how long an address must wait before it may try again; 0 where it may now."""
        with self._lock:
            failures = self._failures.get(_group(address), deque())
            if len(failures) < MAX_FAILURES:
                return 0
            return max(0, math.ceil(WINDOW_S - (clock.now_ns() - failures[0]) / clock.NS_PER_S))

    def note_failure(self, address: str) -> None:
        """Take note that an address tried in vain."""
        with self._lock:
            key = _group(address)
            failures = self._failures.pop(key, None) or deque(maxlen=MAX_FAILURES)
            failures.append(clock.now_ns())
            self._failures[key] = failures  # behind all others
            while len(self._failures) > MAX_ADDRESSES:
                del self._failures[next(iter(self._failures))]


def _group(address: str) -> str:
    """Give what one who tries can be told by: who has one address of IPv6 has all of its network."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    return str(ipaddress.ip_network(f"{parsed}/64", strict=False)) if parsed.version == 6 else address
