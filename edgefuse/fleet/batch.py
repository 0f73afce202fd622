"""What devices said at QoS 1, gathered until it is written in one transaction; only then is it acknowledged.

Each message may come twice, here and to another controller: events have numbers, deployments count up, and of state and
inventory the last one counts, as every controller is told all of them in one order.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, case, delete, or_

from edgefuse.fleet.database import DEVICES, EVENTS, REPORTS, upsert
from edgefuse.link.messages import Deployment, Event, Inventory, State
from edgefuse.link.topics import STATE, Address

MAX_NUMBER = 1 << 63
"""What a database's whole numbers stay below; a device may write any."""
MAX_STREAM_CHARS = 64

Values = dict[str, Any]
"""One row for SQL, whose columns have several types."""


@dataclass(slots=True)
class Batch:
    """Used by one thread."""

    states: dict[str, Values] = field(default_factory=dict)
    inventories: dict[str, Values] = field(default_factory=dict)
    deployments: dict[str, Values] = field(default_factory=dict)
    events: list[Values] = field(default_factory=list)
    removed: set[str] = field(default_factory=set)
    """Devices whose state was taken from the broker: nobody shall know them any more."""

    def __len__(self) -> int:
        """Give how many rows there are."""
        return len(self.states) + len(self.inventories) + len(self.deployments) + len(self.events) + len(self.removed)

    def add(self, address: Address, said: object, payload: str, heard_s: float) -> None:
        """Take a message in.

        Raises:
            ValueError: No database can hold it.
        """
        device = address.device
        if isinstance(said, State):
            self.removed.discard(device)
            heard = {"presence": said.presence, "since_s": heard_s, "state_s": heard_s}
            self.states[device] = {"device": device, "state": payload, **heard}
        elif isinstance(said, Inventory):
            self.inventories[device] = {"device": device, "inventory": payload}
        elif isinstance(said, Deployment):
            self._add_deployment(device, said, payload)
        elif isinstance(said, Event):
            _check_event(said)
            key = {"device": device, "stream": said.stream, "n": said.n}
            self.events.append({**key, "heard_s": heard_s, "event": payload})

    def remove(self, address: Address) -> None:
        """Take in that nothing is held there any more: without a state, a device is forgotten, but for its events."""
        if address.topic is STATE:
            for rows in (self.states, self.inventories, self.deployments):
                rows.pop(address.device, None)
            self.removed.add(address.device)

    def write(self, connection: Connection) -> None:
        """Write all of it."""
        for table in (DEVICES, REPORTS):
            if self.removed:
                connection.execute(delete(table).where(table.c.device.in_(sorted(self.removed))))
        if self.states:
            _write_states(connection, _sort(self.states))
        if self.inventories:
            _write_inventories(connection, _sort(self.inventories))
        if self.deployments:
            _write_deployments(connection, _sort(self.deployments))
        if self.events:
            _write_events(connection, self.events)

    def _add_deployment(self, device: str, said: Deployment, payload: str) -> None:
        if not 0 <= said.seq < MAX_NUMBER:
            raise ValueError(f"seq is {said.seq}")
        known = self.deployments.get(device)
        if known is None or said.seq >= known["deployment_seq"]:
            self.deployments[device] = {"device": device, "deployment": payload, "deployment_seq": said.seq}


def _sort(rows: dict[str, Values]) -> list[Values]:
    """Give rows by device: two controllers that lock them in one order never wait for each other."""
    return [rows[device] for device in sorted(rows)]


def _check_event(event: Event) -> None:
    if not 0 <= event.n < MAX_NUMBER:
        raise ValueError(f"n is {event.n}")
    if not event.stream.isprintable() or len(event.stream) > MAX_STREAM_CHARS:
        raise ValueError("stream is no name")


def _write_states(connection: Connection, rows: list[Values]) -> None:
    insert = upsert(connection, DEVICES)
    new = insert.excluded
    since_s = case((DEVICES.c.presence == new.presence, DEVICES.c.since_s), else_=new.since_s)
    changes = {"since_s": since_s, "presence": new.presence, "state": new.state, "state_s": new.state_s}
    connection.execute(insert.on_conflict_do_update(index_elements=["device"], set_=changes), rows)


def _write_inventories(connection: Connection, rows: list[Values]) -> None:
    insert = upsert(connection, DEVICES)
    changes = {"inventory": insert.excluded.inventory}
    connection.execute(insert.on_conflict_do_update(index_elements=["device"], set_=changes), rows)


def _write_deployments(connection: Connection, rows: list[Values]) -> None:
    insert = upsert(connection, DEVICES)
    known, new = DEVICES.c.deployment_seq, insert.excluded
    changes = {"deployment": new.deployment, "deployment_seq": new.deployment_seq}
    is_newer = or_(known.is_(None), new.deployment_seq >= known)
    connection.execute(insert.on_conflict_do_update(index_elements=["device"], set_=changes, where=is_newer), rows)


def _write_events(connection: Connection, rows: list[Values]) -> None:
    """Write events whose ids become visible in order: a reader that pages by id would miss one that came late."""
    if connection.dialect.name == "postgresql":  # SQLite has one writer at a time anyway
        connection.exec_driver_sql("LOCK TABLE events IN SHARE ROW EXCLUSIVE MODE")
    connection.execute(upsert(connection, EVENTS).on_conflict_do_nothing(), rows)
