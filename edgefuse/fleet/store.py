"""The store of the fleet: what controllers heard of every device, for everybody who wants to know.

``Store.devices`` has the newest of all, ``Store.events`` what happened, ``Store.series`` how figures went. Any thread
and process may read while controllers write. Nothing in it is the only copy of what runs a device: lost, it is filled
again by what the broker holds and by the next reports; past events and history are gone then.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeVar

import msgspec
from sqlalchemy import Connection, Row, Select, select

from edgefuse import clock
from edgefuse.errors import ConfigError
from edgefuse.fleet.database import CONTROLLERS, DEVICES, EVENTS, METRICS, REPORTS, Database
from edgefuse.fleet.freshness import is_overdue, is_paired
from edgefuse.fleet.roster import Presence
from edgefuse.fleet.series import Point, choose_span, read_points
from edgefuse.link.messages import Deployment, Event, Inventory, PipelineReport, State, SystemReport, decode

BEAT_S = 10.0
"""A controller says so often that it listens."""
MISSED_BEATS = 3
"""So many in a row, and it does so no longer."""

S = TypeVar("S", bound=msgspec.Struct)


@dataclass(frozen=True, slots=True)
class DeviceRecord:
    """What is known of one device; times are Unix time by the controllers' clocks."""

    device: str
    presence: Presence
    """``revoked`` never stands here: whom the site trusts is no matter of the database."""
    since_s: float | None
    """Since when the broker takes it for online or offline, as far as a controller was there to see."""
    state: State | None
    inventory: Inventory | None
    deployment: Deployment | None
    system: SystemReport | None
    """The newest report, also of a device that is offline by now."""
    pipeline: PipelineReport | None
    """Of the same moment as ``system``, or nothing where no pipeline ran."""
    reported_s: float | None
    """When the newest report came."""


@dataclass(frozen=True, slots=True)
class EventRecord:
    """What a device told, and when it was heard."""

    id: int
    """Counts up in the order of arrival over all devices, with gaps."""
    device: str
    heard_s: float
    event: Event


@dataclass(frozen=True, slots=True)
class Listening:
    """When controllers listened last without a break."""

    since_s: float
    until_s: float


class Store:
    """Reads may come from any thread."""

    def __init__(self, database: Database) -> None:
        """Read and write this database."""
        self._database = database

    def devices(self) -> list[DeviceRecord]:
        """Give all devices that were ever heard of, by name.

        Raises:
            DatabaseError: The database cannot be read.
        """
        return self._read_devices(_SELECT_DEVICES)

    def device(self, name: str) -> DeviceRecord | None:
        """Give one device; nothing when it was never heard of.

        Raises:
            DatabaseError: The database cannot be read.
        """
        return next(iter(self._read_devices(_SELECT_DEVICES.where(DEVICES.c.device == name))), None)

    def events(self, device: str | None = None, *, after: int = 0, limit: int = 1000) -> list[EventRecord]:
        """Give events of a device, or of all, in the order of arrival.

        Args:
            device: Nothing for all of them.
            after: The ``id`` of the last one that is known already.
            limit: At most so many.

        Raises:
            DatabaseError: The database cannot be read.
        """
        return self._read_events(device, select(EVENTS).where(EVENTS.c.id > after).order_by(EVENTS.c.id).limit(limit))

    def last_events(self, device: str | None = None, *, limit: int = 100) -> list[EventRecord]:
        """Give the newest events of a device, or of all, the newest first.

        Raises:
            DatabaseError: The database cannot be read.
        """
        return self._read_events(device, select(EVENTS).order_by(EVENTS.c.id.desc()).limit(limit))

    def series(self, device: str, metric: str, since_s: float, until_s: float, step_s: float) -> list[Point]:
        """Give how a figure of one device went, a point a step with reports; steps begin at multiples of ``step_s``.

        Args:
            device: Its id.
            metric: One of ``METRICS``.
            since_s: Unix time, included.
            until_s: Unix time, excluded.
            step_s: At least; history that is kept only coarser makes it longer.

        Raises:
            ConfigError: There is no such figure.
            DatabaseError: The database cannot be read.
        """
        if metric not in METRICS:
            raise ConfigError(f"cannot give '{metric}' of '{device}': history has {' '.join(METRICS)}")
        span = choose_span(since_s, until_s, step_s, clock.wall_now().timestamp())
        with self._database.reading() as connection:
            return read_points(connection, device, metric, span)

    def _read_devices(self, query: Select[Any]) -> list[DeviceRecord]:
        with self._database.reading() as connection:
            listening = read_listening(connection)
            return [_make_record(row, listening) for row in connection.execute(query)]

    def _read_events(self, device: str | None, query: Select[Any]) -> list[EventRecord]:
        if device is not None:
            query = query.where(EVENTS.c.device == device)
        with self._database.reading() as connection:
            rows = connection.execute(query).all()
        found = ((row, read_said(row.event, Event)) for row in rows)
        return [EventRecord(row.id, row.device, row.heard_s, event) for row, event in found if event is not None]


_SELECT_DEVICES = (
    select(DEVICES, REPORTS.c.system, REPORTS.c.pipeline, REPORTS.c.reported_s)
    .select_from(DEVICES.outerjoin(REPORTS, DEVICES.c.device == REPORTS.c.device))
    .order_by(DEVICES.c.device)
)


def _make_record(row: Row[Any], listening: Listening) -> DeviceRecord:
    state = read_said(row.state, State)
    system, pipeline = read_said(row.system, SystemReport), read_said(row.pipeline, PipelineReport)
    is_shown = system is not None and pipeline is not None and is_paired(pipeline, system)
    heard_s = max(row.state_s or 0.0, row.reported_s or 0.0)
    return DeviceRecord(
        device=row.device,
        presence=judge(state, heard_s, listening),
        since_s=row.since_s,
        state=state,
        inventory=read_said(row.inventory, Inventory),
        deployment=read_said(row.deployment, Deployment),
        system=system,
        pipeline=pipeline if is_shown else None,
        reported_s=row.reported_s,
    )


def read_said(payload: str | None, kind: type[S]) -> S | None:
    """Read what was said; nothing where another edgefuse took it in that knows it in another form."""
    try:
        return None if payload is None else decode(payload.encode(), kind)
    except ValueError:
        return None


def judge(state: State | None, heard_s: float, listening: Listening) -> Presence:
    """Tell whether a device is there; one that the broker takes for online may be silent, as far as anybody listened.

    Args:
        state: What the device said last, or the broker for it; nothing where it was never heard of.
        heard_s: When it reported or changed its state last, Unix time.
        listening: When anybody could have heard it.
    """
    if state is None:
        return "unseen"
    if state.presence == "offline":
        return "offline"
    return "silent" if is_overdue(state, listening.until_s - max(heard_s, listening.since_s)) else "online"


def read_listening(connection: Connection) -> Listening:
    """Find since when at least one of the controllers that listen now has done so."""
    rows = connection.execute(select(CONTROLLERS)).all()
    until_s = max((row.beat_s for row in rows), default=0.0)
    alive = [row.listening_since_s for row in rows if until_s - row.beat_s < MISSED_BEATS * BEAT_S]
    return Listening(min(alive, default=0.0), until_s)
