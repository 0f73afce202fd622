"""How figures went: buckets of ten seconds, five minutes and an hour, and what is kept how long.

    report ──► bucket of 10 s ── a minute at a time, once it is over ──► 5 min, 1 h
    report that waited on a device ───────────────────────────────────►

A bucket has count, sum, least and greatest of each figure, so two are put together in any order and by any number of
controllers.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import Connection, func, select

from edgefuse.fleet.database import HISTORY

HUNDREDTHS = 100
"""What figures are counted in."""


RETENTION: Mapping[int, int] = {10: 3 * 3600, 300: 7 * 86400, 3600: 365 * 86400}
"""How long buckets are kept, by their length, the finest first; all in seconds."""


@dataclass(frozen=True, slots=True)
class Span:
    """What is read: buckets of one length, put together into steps."""

    bucket_s: int
    step_s: int
    since_s: int
    """Multiples of ``bucket_s``; the first bucket, and the first that is read no more."""
    until_s: int


@dataclass(frozen=True, slots=True)
class Point:
    """One step of a series."""

    t_s: int
    """Where the step begins, Unix time."""
    count: int
    mean: float
    least: float
    greatest: float


MAX_BUCKETS = 10_000
"""Of one series; a year of hours has 8,760."""


def choose_span(since_s: float, until_s: float, step_s: float, now_s: float) -> Span:
    """Choose the coarsest buckets that are fine enough, or coarser ones where those do not reach back so far."""
    fine = [bucket_s for bucket_s in RETENTION if bucket_s <= max(step_s, min(RETENTION))]
    coarse = [bucket_s for bucket_s in RETENTION if bucket_s > fine[-1]]
    reaching = [
        b for b in (fine[-1], *coarse) if now_s - RETENTION[b] <= since_s and (until_s - since_s) / b < MAX_BUCKETS
    ]
    bucket_s = reaching[0] if reaching else max(RETENTION)
    step = max(1, math.ceil(step_s / bucket_s)) * bucket_s
    until = math.ceil(until_s / bucket_s) * bucket_s
    since = max(math.floor(since_s / step) * step, until - MAX_BUCKETS * bucket_s)
    return Span(bucket_s, step, since, until)


def read_points(connection: Connection, device: str, metric: str, span: Span) -> list[Point]:
    """Give what was kept of one figure of one device.

    Rows lie in the order of time, so each bucket is looked up by its own time: a range would read all devices.
    """
    table = HISTORY[span.bucket_s]
    step = table.c.t_s - table.c.t_s % span.step_s
    count, total = func.sum(table.c[f"{metric}_n"]), func.sum(table.c[f"{metric}_sum"])
    query = (
        select(step.label("t_s"), count, total, func.min(table.c[f"{metric}_min"]), func.max(table.c[f"{metric}_max"]))
        .where(table.c.t_s.in_(range(span.since_s, span.until_s, span.bucket_s)), table.c.device == device)
        .group_by(step)
        .having(count > 0)
        .order_by(step)
    )
    return [
        Point(t_s, int(n), float(sum_) / n / HUNDREDTHS, least / HUNDREDTHS, greatest / HUNDREDTHS)
        for t_s, n, sum_, least, greatest in connection.execute(query)
    ]
