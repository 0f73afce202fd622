"""The newest of all devices, looked up again and again at the cost of what has changed meanwhile.

A look reads a few short columns of every device, and in full only those where one of them is another than before. The
inventory, which is nearly all that a database holds of a device, is read once for each connection of it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import Connection, Row, Select, select

from edgefuse.fleet.database import DEVICES, REPORTS, Database
from edgefuse.fleet.freshness import is_paired
from edgefuse.fleet.roster import Presence
from edgefuse.fleet.store import Listening, judge, read_listening, read_said
from edgefuse.link.messages import Deployment, PipelineReport, State, SystemReport

MAX_NAMES = 500
"""That one query asks for; databases bound their parameters."""


class Board(msgspec.Struct, frozen=True):
    """What a line says of an inventory."""

    profile: str
    board: str


UNKNOWN = Board("", "")


@dataclass(frozen=True, slots=True)
class Latest:
    """The newest of one device, without its inventory; times are Unix time by the controllers' clocks."""

    device: str
    since_s: float | None
    """Since when the broker takes it for online or offline."""
    state: State | None
    deployment: Deployment | None
    system: SystemReport | None
    pipeline: PipelineReport | None
    """Nothing where no pipeline ran at the moment of ``system``."""
    reported_s: float | None
    heard_s: float
    """When it reported or changed its state last."""
    board: Board


class _Mark(NamedTuple):
    """Another one tells that there is news of a device."""

    state_s: float | None
    deployment: str | None
    reported_s: float | None
    has_inventory: bool


class Lookout:
    """Used by one thread at a time."""

    def __init__(self, database: Database) -> None:
        """Begin with nothing."""
        self.latest: dict[str, Latest] = {}
        """By device, as of the last look."""
        self._database = database
        self._marks: dict[str, _Mark] = {}
        self._listening = Listening(0.0, 0.0)

    def look(self) -> set[str]:
        """Read what is new, and give the devices of which something is, and those that are there no longer.

        Raises:
            DatabaseError: The database cannot be read; what was known stays.
        """
        with self._database.reading() as connection:
            listening = read_listening(connection)
            marks = {row.device: _make_mark(row) for row in connection.execute(_SELECT_MARKS)}
            news = [device for device, mark in marks.items() if self._marks.get(device) != mark]
            boards = _read_boards(connection, [device for device in news if self._is_inventory_new(device, marks)])
            latest = {row.device: self._take(row, boards) for row in _read_rows(connection, _SELECT_LATEST, news)}
        gone = self.latest.keys() - marks.keys()
        for device in gone:
            del self.latest[device]
        self.latest |= latest
        self._marks, self._listening = marks, listening
        return {*latest, *gone}

    def judge(self, device: str) -> Presence:
        """Tell whether a device was there at the last look."""
        latest = self.latest.get(device)
        return "unseen" if latest is None else judge(latest.state, latest.heard_s, self._listening)

    def _is_inventory_new(self, device: str, marks: dict[str, _Mark]) -> bool:
        """An inventory comes with a connection, as a state does, or a moment later."""
        before, now = self._marks.get(device), marks[device]
        return before is None or (before.state_s, before.has_inventory) != (now.state_s, now.has_inventory)

    def _take(self, row: Row[Any], boards: dict[str, Board]) -> Latest:
        state, system = read_said(row.state, State), read_said(row.system, SystemReport)
        pipeline = read_said(row.pipeline, PipelineReport)
        is_shown = system is not None and pipeline is not None and is_paired(pipeline, system)
        before = self.latest.get(row.device)
        return Latest(
            device=row.device,
            since_s=row.since_s,
            state=state,
            deployment=read_said(row.deployment, Deployment),
            system=system,
            pipeline=pipeline if is_shown else None,
            reported_s=row.reported_s,
            heard_s=max(row.state_s or 0.0, row.reported_s or 0.0),
            board=boards.get(row.device) or (before.board if before else UNKNOWN),
        )


def _make_mark(row: Row[Any]) -> _Mark:
    return _Mark(row.state_s, row.deployment, row.reported_s, row.has_inventory)


_JOINED = DEVICES.outerjoin(REPORTS, DEVICES.c.device == REPORTS.c.device)
_SELECT_MARKS: Select[Any] = select(
    *(DEVICES.c[name] for name in ("device", "state_s", "deployment")),
    REPORTS.c.reported_s,
    DEVICES.c.inventory.is_not(None).label("has_inventory"),
).select_from(_JOINED)
_SELECT_LATEST = select(
    *(DEVICES.c[name] for name in ("device", "since_s", "state", "state_s", "deployment")),
    *(REPORTS.c[name] for name in ("system", "pipeline", "reported_s")),
).select_from(_JOINED)
_SELECT_INVENTORIES = select(DEVICES.c.device, DEVICES.c.inventory)


def _read_boards(connection: Connection, devices: Sequence[str]) -> dict[str, Board]:
    rows = _read_rows(connection, _SELECT_INVENTORIES, devices)
    return {row.device: board for row in rows if (board := read_said(row.inventory, Board)) is not None}


def _read_rows(connection: Connection, query: Any, devices: Collection[str]) -> Iterator[Row[Any]]:
    """Give the rows of some devices; the query's own type says which columns, which SQLAlchemy cannot tell here."""
    names = list(devices)
    for first in range(0, len(names), MAX_NAMES):
        yield from connection.execute(query.where(DEVICES.c.device.in_(names[first : first + MAX_NAMES])))
