"""What devices wait for, each in its turn: a device that asks for more than others only waits longer itself."""

from __future__ import annotations

from collections import deque

from edgefuse import clock
from edgefuse.ota.chunks import Request

MAX_WAITING = 4096
"""Of all devices: 256 MB of chunks, which is seconds of a good line. Who is dropped asks again, and more slowly."""
MAX_OF_DEVICE = 64
"""Two of the largest windows there are."""
PIECES_PER_S = 8000
"""Of one device; each costs work, however short. With long ones that is four gigabits, which no board has."""
BURST_NS = clock.NS_PER_S // 4
MAX_REMEMBERED = 4096


class FairQueue:
    """Requests by device; pure, time is passed in."""

    def __init__(self) -> None:
        """Begin empty."""
        self._waiting: dict[str, deque[Request]] = {}
        self._count = 0
        self._free_ns: dict[str, int] = {}

    def __len__(self) -> int:
        return self._count

    def add(self, device: str, request: Request, now_ns: int) -> bool:
        """Take a request, or say that it is one too many."""
        requests = self._waiting.get(device, ())
        if self._count >= MAX_WAITING or len(requests) >= MAX_OF_DEVICE or not self._spend(device, now_ns):
            return False
        self._waiting.setdefault(device, deque()).append(request)
        self._count += 1
        return True

    def take(self) -> tuple[str, Request]:
        """Give the next request, of the device that waits longest for its turn.

        Raises:
            KeyError: None waits.
        """
        device = next(iter(self._waiting), "")
        requests = self._waiting.pop(device)
        request = requests.popleft()
        if requests:
            self._waiting[device] = requests  # behind all others
        self._count -= 1
        return device, request

    def _spend(self, device: str, now_ns: int) -> bool:
        """Tell whether a device may have one more now."""
        free_ns = max(self._free_ns.get(device, -BURST_NS), now_ns - BURST_NS)
        if free_ns > now_ns:
            return False
        if len(self._free_ns) >= MAX_REMEMBERED:
            self._free_ns = {name: ns for name, ns in self._free_ns.items() if ns > now_ns - BURST_NS}
        self._free_ns[device] = free_ns + clock.NS_PER_S // PIECES_PER_S
        return True
