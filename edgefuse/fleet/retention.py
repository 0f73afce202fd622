"""Forgetting what is too old, in small steps: nobody waits long for a step to end."""

from __future__ import annotations

from sqlalchemy import Connection, delete, func, select

from edgefuse.fleet.database import EVENTS, HISTORY
from edgefuse.fleet.history import FINEST_S, RETENTION_S, read_summed_up

EVENTS_KEPT_S = 90 * 86400
EVENTS_KEPT = 10_000
"""Of one device: one that tells of everything shall not push the others out, nor fill the disk."""
STEP_BUCKETS = 6
STEP_EVENTS = 2000


def forget_history(connection: Connection, now_s: float) -> bool:
    """Forget the oldest buckets that are too old; tell whether there may be more."""
    unfinished = [length_s for length_s in HISTORY if _forget_buckets(connection, length_s, now_s)]
    return bool(unfinished)


def _forget_buckets(connection: Connection, length_s: int, now_s: float) -> bool:
    table, end_s = HISTORY[length_s], now_s - RETENTION_S[length_s]
    if length_s == FINEST_S:
        end_s = min(end_s, read_summed_up(connection))
    oldest_s = connection.execute(select(func.min(table.c.t_s))).scalar()
    if oldest_s is None or oldest_s >= end_s:
        return False
    connection.execute(delete(table).where(table.c.t_s < min(end_s, oldest_s + STEP_BUCKETS * length_s)))
    return True


def forget_old_events(connection: Connection, now_s: float) -> bool:
    """Forget the oldest events that are too old; tell whether there may be more."""
    query = select(EVENTS.c.id, EVENTS.c.heard_s).order_by(EVENTS.c.id).limit(STEP_EVENTS)
    ids = [id for id, heard_s in connection.execute(query) if heard_s < now_s - EVENTS_KEPT_S]
    if ids:
        connection.execute(delete(EVENTS).where(EVENTS.c.id <= ids[-1]))
    return len(ids) == STEP_EVENTS


def forget_surplus_events(connection: Connection, _now_s: float) -> bool:
    """Forget the oldest events of each device that has too many; tell that this was all."""
    per_device = select(EVENTS.c.device).group_by(EVENTS.c.device).having(func.count() > EVENTS_KEPT)
    for device in connection.execute(per_device).scalars().all():
        own = EVENTS.c.device == device
        newest = select(EVENTS.c.id).where(own).order_by(EVENTS.c.id.desc()).offset(EVENTS_KEPT).limit(1)
        connection.execute(delete(EVENTS).where(own, EVENTS.c.id <= newest.scalar_subquery()))
    return False
