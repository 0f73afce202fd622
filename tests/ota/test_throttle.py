"""Bandwidth that a site spares for others."""

from __future__ import annotations

from collections.abc import Iterator

from edgefuse import clock
from edgefuse.ota.fetching import Transport
from edgefuse.ota.throttle import ThrottledFetcher

BEGIN_S = 1000.0
"""No clock begins when a fetch does."""


class Line(Transport):
    """Brings pieces of 1000 bytes, each so many seconds after it was asked for."""

    def __init__(self, *waits_s: float) -> None:
        self.waits_s = waits_s
        self.now_s = BEGIN_S

    def fetch_from(self, url: str, offset_bytes: int) -> Iterator[bytes]:
        for wait_s in self.waits_s:
            self.now_s += wait_s
            yield bytes(1000)

    def now_ns(self) -> int:
        return round(self.now_s * clock.NS_PER_S)

    def sleep(self, duration_s: float) -> None:
        self.now_s += duration_s


def arrivals_s(line: Line) -> list[float]:
    throttled = ThrottledFetcher(line, 1000, line.now_ns, line.sleep)
    return [line.now_s - BEGIN_S for _ in throttled.fetch_from("x", 0)]


def test_a_fast_line_takes_no_more_than_it_may() -> None:
    assert arrivals_s(Line(0, 0, 0, 0)) == [0, 1, 2, 3]


def test_what_a_stall_left_over_is_not_made_up_for() -> None:
    assert arrivals_s(Line(0, 10, 0, 0, 0)) == [0, 11, 11, 12, 13]


def test_a_line_that_is_slower_by_itself_is_not_held_up() -> None:
    assert arrivals_s(Line(2, 2, 2)) == [2, 4, 6]
