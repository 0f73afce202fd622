"""Bandwidth that a site spares for others, on transports that take what they get."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

from edgefuse import clock
from edgefuse.ota.fetching import Transport


class ThrottledFetcher(Transport):
    """Passes on what another transport brings, and waits after each piece until it may have come."""

    def __init__(
        self,
        inner: Transport,
        limit_bytes_per_s: float,
        now_ns: Callable[[], int] = clock.now_ns,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._inner = inner
        self._limit_bytes_per_s = limit_bytes_per_s
        self._now_ns = now_ns
        self._sleep = sleep

    def fetch_from(self, url: str, offset_bytes: int) -> Iterator[bytes]:
        """Give what a file has from an offset on; what a stall left over is not made up for."""
        begin_ns = self._now_ns()
        for chunk in self._inner.fetch_from(url, offset_bytes):
            yield chunk
            due_ns = begin_ns + int(len(chunk) / self._limit_bytes_per_s * clock.NS_PER_S)
            self._sleep(max(0, due_ns - self._now_ns()) / clock.NS_PER_S)
            begin_ns = self._now_ns()
