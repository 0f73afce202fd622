"""What controllers do beside listening: say that they listen, sum history up, and forget what is too old.

Only one of them does the latter two at a time, in steps of a fraction of a second between which messages are taken in.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Literal

from sqlalchemy import Connection

from edgefuse import clock
from edgefuse.fleet.database import CONTROLLERS, Database, upsert
from edgefuse.fleet.history import sum_up
from edgefuse.fleet.leases import give_back_leases, take_lease
from edgefuse.fleet.retention import forget_history, forget_old_events, forget_surplus_events
from edgefuse.fleet.store import BEAT_S

Duty = Literal["history", "reports"]
"""``reports``: taking in all reports, at a broker that does not share them out."""
Job = Callable[[Connection, float], bool]
"""One step; tells whether another shall follow at once."""

EVENTS_S = 3600.0
"""Events are looked through so often."""


class Chores:
    """Used by one thread."""

    def __init__(self, database: Database, name: str) -> None:
        """Work in the name of a controller."""
        self.duties: frozenset[Duty] = frozenset()
        """What only this controller does."""
        self._database = database
        self._name = name
        self._jobs: deque[Job] = deque()
        self._beat_ns = 0
        self._since_s: float | None = None
        self._events_ns = 0

    def step(self, listening_since_s: float | None, *, must_take_turns: bool) -> None:
        """Do one thing that is due.

        Args:
            listening_since_s: Unix time; nothing where devices are not heard now.
            must_take_turns: Only one controller may have the reports.

        Raises:
            DatabaseError: It could not be done, and is to be tried again.
        """
        now_ns, now_s = clock.now_ns(), clock.wall_now().timestamp()
        if now_ns >= self._beat_ns or listening_since_s != self._since_s:  # who just came may have duties at once
            self._beat(listening_since_s, now_s, must_take_turns=must_take_turns)
            self._beat_ns, self._since_s = now_ns + round(BEAT_S * clock.NS_PER_S), listening_since_s
            self._plan(now_ns)
        elif self._jobs:
            with self._database.writing(is_durable=False) as connection:
                is_unfinished = self._jobs[0](connection, now_s)
            if not is_unfinished:
                self._jobs.popleft()

    def end(self) -> None:
        """Leave the duties to others.

        Raises:
            DatabaseError: They are left when their time is up.
        """
        with self._database.writing(is_durable=False) as connection:
            give_back_leases(connection, self._name)

    def _beat(self, since_s: float | None, now_s: float, *, must_take_turns: bool) -> None:
        duties: dict[Duty, bool] = {"history": True, "reports": must_take_turns}
        with self._database.writing(is_durable=False) as connection:
            if since_s is not None:
                beat = {"listening_since_s": since_s, "beat_s": now_s}
                insert = upsert(connection, CONTROLLERS).values(name=self._name, **beat)
                connection.execute(insert.on_conflict_do_update(index_elements=["name"], set_=beat))
            held = {duty for duty, is_due in duties.items() if is_due and take_lease(connection, duty, self._name)}
        self.duties = frozenset(held)

    def _plan(self, now_ns: int) -> None:
        if "history" not in self.duties or self._jobs:
            return
        self._jobs.extend((sum_up, forget_history))
        if now_ns >= self._events_ns:
            self._events_ns = now_ns + round(EVENTS_S * clock.NS_PER_S)
            self._jobs.extend((forget_old_events, forget_surplus_events))
