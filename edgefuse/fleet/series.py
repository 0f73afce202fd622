"""Reading history: one figure of one device as points."""

from __future__ import annotations

import math
from dataclasses import dataclass

from sqlalchemy import Connection, func, select

from edgefuse.fleet.database import HISTORY
from edgefuse.fleet.history import HUNDREDTHS, RETENTION_S, begin_of

MAX_BUCKETS = 10_000
"""Of one series; a year of hours has 8,760."""


@dataclass(frozen=True, slots=True)
class Span:
    """What is read: buckets of one length, put together into steps."""

    bucket_s: int
    step_s: int
    since_s: int
    """Where the first bucket begins."""
    until_s: int
    """Where the first bucket begins that is read no more."""


@dataclass(frozen=True, slots=True)
class Point:
    """One step of a series."""

    t_s: int
    """Where the step begins, Unix time."""
    count: int
    """Reports in it."""
    mean: float
    least: float
    greatest: float


def choose_span(since_s: float, until_s: float, step_s: float, now_s: float) -> Span:
    """Choose the coarsest buckets that are fine enough, or coarser ones where those do not reach back so far."""
    bucket_s = max((length_s for length_s in HISTORY if length_s <= step_s), default=min(HISTORY))
    coarser = (length_s for length_s in HISTORY if length_s >= bucket_s)
    bucket_s = next((length_s for length_s in coarser if _reaches(length_s, since_s, until_s, now_s)), max(HISTORY))
    step = max(1, math.ceil(step_s / bucket_s)) * bucket_s
    until = math.ceil(until_s / bucket_s) * bucket_s
    since = max(math.floor(since_s / step) * step, until - MAX_BUCKETS * bucket_s)
    return Span(bucket_s, step, since, until)


def _reaches(length_s: int, since_s: float, until_s: float, now_s: float) -> bool:
    return now_s - RETENTION_S[length_s] <= since_s and until_s - since_s < MAX_BUCKETS * length_s


def read_points(connection: Connection, device: str, metric: str, span: Span) -> list[Point]:
    """Give what was kept of one figure of one device.

    Rows lie in the order of time, so each bucket is looked up by its own time: a range would read all devices.
    """
    table = HISTORY[span.bucket_s]
    step = begin_of(table, span.step_s)
    count, sum_ = func.sum(table.c[f"{metric}_n"]), func.sum(table.c[f"{metric}_sum"])
    query = (
        select(step.label("t_s"), count, sum_, func.min(table.c[f"{metric}_min"]), func.max(table.c[f"{metric}_max"]))
        .where(table.c.t_s.in_(range(span.since_s, span.until_s, span.bucket_s)), table.c.device == device)
        .group_by(step)
        .having(count > 0)
        .order_by(step)
    )
    return [
        Point(t_s, int(n), int(total) / int(n) / HUNDREDTHS, least / HUNDREDTHS, greatest / HUNDREDTHS)
        for t_s, n, total, least, greatest in connection.execute(query)
    ]
