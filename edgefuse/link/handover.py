"""Chunks on their way between the link's thread and the daemon's loop, at most so many: a file comes in thousands.

    daemon's loop ── ask ──► requests ──► link's thread        daemon's loop ◄── chunks ◄── bring ── link's thread

What there is no room for is dropped: whoever fetches asks again for what does not come.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from contextlib import suppress

from edgefuse.link.connection import MAX_PACKET_BYTES

MAX_WAITING = 32
"""Each way; no fetcher has more chunks on their way at once, and these have 2 MB."""


class Handover:
    """Asks and gives in the daemon's loop, is asked and brings in the link's thread."""

    def __init__(self, loop: asyncio.AbstractEventLoop, give: Callable[[bytes], None]) -> None:
        """Take the daemon's loop, and who takes chunks there."""
        self._loop, self._give = loop, give
        self._requests: deque[bytes] = deque(maxlen=MAX_WAITING)
        self._chunks: deque[bytes] = deque()
        self._is_giving = False

    def ask(self, request: bytes) -> None:
        """Take a request; with too many that wait the oldest is dropped."""
        self._requests.append(request)

    def take_requests(self, send: Callable[[bytes], None]) -> None:
        """Send the requests that wait."""
        while self._requests:
            send(self._requests.popleft())

    def bring(self, chunk: bytes) -> None:
        """Have a chunk given in the daemon's loop; one that is too large or finds no room is dropped."""
        if len(chunk) > MAX_PACKET_BYTES or len(self._chunks) >= MAX_WAITING:
            return
        self._chunks.append(chunk)
        if not self._is_giving:
            self._is_giving = True
            with suppress(RuntimeError):  # the daemon's loop is closed; its end is near
                self._loop.call_soon_threadsafe(self._give_all)

    def _give_all(self) -> None:
        self._is_giving = False  # first, so that what is brought from now on is given, if not by this turn
        for _ in range(len(self._chunks)):
            self._give(self._chunks.popleft())
