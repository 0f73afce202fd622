"""What only one of several controllers may do, and which one does; who falls silent is replaced.

free ── take ──► held ── take, again and again ──► held ── time is up, or give_back ──► free

Time is the database's, so that clocks of several machines need not agree.
"""

from __future__ import annotations

from sqlalchemy import Connection, Double, delete, literal_column, or_, select

from edgefuse.fleet.database import LEASES, upsert

LEASE_S = 30.0
_NOW_S = {
    "sqlite": "(julianday('now') - 2440587.5) * 86400.0",
    "postgresql": "extract(epoch from clock_timestamp())::float8",
}


def take_lease(connection: Connection, duty: str, holder: str) -> bool:
    """Take a duty on, or keep it; tell whether it is ours."""
    now_s = connection.execute(select(literal_column(_NOW_S[connection.dialect.name], Double))).scalar_one()
    insert = upsert(connection, LEASES).values(duty=duty, holder=holder, until_s=now_s + LEASE_S)
    is_free = or_(LEASES.c.holder == holder, LEASES.c.until_s < now_s)
    changes = {"holder": insert.excluded.holder, "until_s": insert.excluded.until_s}
    connection.execute(insert.on_conflict_do_update(index_elements=["duty"], set_=changes, where=is_free))
    return bool(connection.execute(select(LEASES.c.holder == holder).where(LEASES.c.duty == duty)).scalar_one())


def give_back_leases(connection: Connection, holder: str) -> None:
    """Leave all duties to others, at once."""
    connection.execute(delete(LEASES).where(LEASES.c.holder == holder))
