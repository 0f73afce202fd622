"""How figures went: buckets of ten seconds, five minutes and an hour.

    reports ──► buckets of 10 s ── minute by minute, once it is over ──► 5 min, 1 h
                     └── what came after its minute was summed up ────────►

A bucket has count, sum, least and greatest of each figure, so two are put together in any order, by any number of
controllers. Each report gets into each length once: summing up moves a mark in the same transaction.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
from typing import Any

from sqlalchemy import ColumnElement, Connection, Integer, Table, case, func, literal_column, select, update

from edgefuse.fleet.database import HISTORY, MARKS, METRICS, SUMMED_UP, upsert

FINEST_S, *COARSER_S = HISTORY
RETENTION_S: Mapping[int, int] = {10: 3 * 3600, 300: 7 * 86400, 3600: 365 * 86400}
"""How long buckets are kept, by their length."""
HUNDREDTHS = 100
"""What figures are counted in."""
MAX_FIGURE = 1e9
"""Nothing that is measured is more; a device may write any number."""
STEP_S = 60
"""Summed up in one transaction: what ten thousand devices say in it takes a fraction of a second."""
SETTLE_S = 60
"""A minute is summed up so long after its end, when hardly anything is still to come."""

_FIRST = {metric: 4 * i for i, metric in enumerate(METRICS)}
_COLUMNS = ("t_s", "device", *(f"{metric}_{part}" for metric in METRICS for part in ("n", "sum", "min", "max")))

_TOTALS: Mapping[str, Callable[[ColumnElement[Any]], ColumnElement[Any]]] = {
    "n": func.sum,
    "sum": func.sum,
    "min": func.min,
    "max": func.max,
}

Key = tuple[int, str]
"""Where a bucket begins, Unix time, and the device."""


class Bucket:
    """Count, sum, least and greatest of every metric in the order of the columns, in hundredths."""

    __slots__ = ("values",)

    def __init__(self) -> None:
        """Begin with nothing."""
        self.values: list[Any] = [0, 0, None, None] * len(METRICS)  # of whole numbers, or nothing for least, greatest

    def add(self, metric: str, figure: float) -> None:
        """Take one figure in; what cannot be a measurement is passed over."""
        if abs(figure) <= MAX_FIGURE:
            value = round(figure * HUNDREDTHS)
            self._add(_FIRST[metric], (1, value, value, value))

    def merge(self, other: Bucket) -> None:
        """Take another bucket in."""
        for first in _FIRST.values():
            if other.values[first]:
                self._add(first, other.values[first : first + 4])

    def _add(self, first: int, new: Any) -> None:
        values = self.values
        is_first = not values[first]
        values[first] += new[0]
        values[first + 1] += new[1]
        values[first + 2] = new[2] if is_first else min(values[first + 2], new[2])
        values[first + 3] = new[3] if is_first else max(values[first + 3], new[3])


def write_buckets(connection: Connection, buckets: Mapping[Key, Bucket], now_s: float) -> None:
    """Add finest buckets to what is there, and to coarser ones where those were summed up already."""
    mark_s = _read_mark(connection, is_mover=False)
    _add_rows(connection, FINEST_S, {key: b for key, b in buckets.items() if key[0] >= now_s - RETENTION_S[FINEST_S]})
    for length_s in COARSER_S:
        late: defaultdict[Key, Bucket] = defaultdict(Bucket)
        for (t_s, device), bucket in buckets.items():
            if now_s - RETENTION_S[length_s] <= t_s < mark_s:
                late[t_s - t_s % length_s, device].merge(bucket)
        _add_rows(connection, length_s, late)


def sum_up(connection: Connection, now_s: float) -> bool:
    """Add the oldest minute that was not summed up to the coarser buckets; tell whether there may be another."""
    fine = HISTORY[FINEST_S]
    mark_s = _read_mark(connection, is_mover=True)
    oldest_s = connection.execute(select(func.min(fine.c.t_s)).where(fine.c.t_s >= mark_s)).scalar()
    if oldest_s is None or oldest_s - oldest_s % STEP_S + STEP_S + SETTLE_S > now_s:
        return False
    begin_s = oldest_s - oldest_s % STEP_S
    for length_s in COARSER_S:
        _sum_minute(connection, length_s, begin_s)
    connection.execute(update(MARKS).where(MARKS.c.name == SUMMED_UP).values(t_s=begin_s + STEP_S))
    return True


def read_summed_up(connection: Connection) -> int:
    """Give up to where coarser buckets have what finer ones have, Unix time."""
    return _read_mark(connection, is_mover=False)


def begin_of(table: Table, length_s: int) -> ColumnElement[int]:
    """Give where the bucket of that length begins which a row belongs to, in a form that can be grouped by."""
    return table.c.t_s - table.c.t_s % literal_column(str(length_s), Integer)


def _read_mark(connection: Connection, *, is_mover: bool) -> int:
    """Give up to where history is summed up, and keep it there until this transaction ends."""
    query = select(MARKS.c.t_s).where(MARKS.c.name == SUMMED_UP).with_for_update(read=not is_mover)
    return int(connection.execute(query).scalar_one())


def _sum_minute(connection: Connection, length_s: int, begin_s: int) -> None:
    fine = HISTORY[FINEST_S]
    columns = [_TOTALS[name.rpartition("_")[2]](fine.c[name]) for name in _COLUMNS[2:]]
    query = (
        select(begin_of(fine, length_s), fine.c.device, *columns)
        .where(fine.c.t_s >= begin_s, fine.c.t_s < begin_s + STEP_S)
        .group_by(begin_of(fine, length_s), fine.c.device)
    )
    table = HISTORY[length_s]
    insert = upsert(connection, table).from_select(_COLUMNS, query)
    connection.execute(insert.on_conflict_do_update(index_elements=_COLUMNS[:2], set_=_merge(table, insert.excluded)))


def _add_rows(connection: Connection, length_s: int, buckets: Mapping[Key, Bucket]) -> None:
    if not buckets:
        return
    table = HISTORY[length_s]
    rows = [dict(zip(_COLUMNS, (*key, *buckets[key].values), strict=True)) for key in sorted(buckets)]
    insert = upsert(connection, table)
    connection.execute(
        insert.on_conflict_do_update(index_elements=_COLUMNS[:2], set_=_merge(table, insert.excluded)), rows
    )


def _merge(table: Table, new: Any) -> dict[str, ColumnElement[Any]]:
    """Give how a row takes another one in; SQL's own least and greatest differ from database to database."""
    merged: dict[str, ColumnElement[Any]] = {}
    for metric in METRICS:
        n, total, least, greatest = (f"{metric}_{part}" for part in ("n", "sum", "min", "max"))
        merged[n], merged[total] = table.c[n] + new[n], table.c[total] + new[total]
        merged[least] = _choose(table.c[least], new[least], table.c[least] < new[least])
        merged[greatest] = _choose(table.c[greatest], new[greatest], table.c[greatest] > new[greatest])
    return merged


def _choose(known: ColumnElement[Any], new: ColumnElement[Any], is_known: ColumnElement[bool]) -> ColumnElement[Any]:
    return case((new.is_(None) | is_known, known), else_=new)
