"""What there is to see of devices: all rows, what they amount to, one in detail, its events and figures."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, UnsetType
from starlette.responses import Response

from edgefuse import clock
from edgefuse.console.mirror import Mirror, Rows
from edgefuse.console.operation import JSON, Asked, Operation, RefusedError
from edgefuse.console.picture import is_here
from edgefuse.console.routing import takes_gzip
from edgefuse.console.rows import Overview, Row
from edgefuse.fleet.series import Point
from edgefuse.fleet.store import EventRecord, Store
from edgefuse.link.messages import Deployment, Inventory, PipelineReport, SystemReport

HOUR_S = 3600.0
Metric = Literal["temp_c", "power_w", "mem_mb", "fps", "latency_p95_ms", "faces", "point"]
Time = Annotated[float, msgspec.Meta(ge=0, le=1e11)]
Name = Annotated[str, msgspec.Meta(max_length=64)]
UNKNOWN_DEVICE = {404: "No such device is enrolled."}
"""What every operation on a device may answer with."""


def make_unknown(device: str) -> RefusedError:
    """Say that a device is none of the site's."""
    return RefusedError(404, f"cannot find device '{device[:64]}': it is not enrolled (edgefuse fleet list)")


class Detail(msgspec.Struct, frozen=True, kw_only=True):
    """All that is kept of a device."""

    row: Row
    inventory: Inventory | None
    system: SystemReport | None
    """The newest report, of a device that is offline too."""
    pipeline: PipelineReport | None
    deployment: Deployment | None
    is_here: bool
    """It is this machine: its picture can be had."""


class Span(msgspec.Struct, frozen=True, kw_only=True):
    """What of a device's history is wanted."""

    metric: Metric
    since_s: Time | UnsetType = UNSET
    """Unix time; an hour before the end without it."""
    until_s: Time | UnsetType = UNSET
    """Unix time; now without it."""
    step_s: Annotated[float, msgspec.Meta(ge=1, le=1e9)] = 10.0
    """At least; history that is kept only coarser makes it longer."""


class SeriesPoint(msgspec.Struct, frozen=True, kw_only=True):
    """One step with reports."""

    t_s: int
    """Where it begins, Unix time."""
    mean: float
    min: float
    max: float
    n: int
    """Reports in it."""


class Series(msgspec.Struct, frozen=True, kw_only=True):
    """How a figure went."""

    metric: Metric
    points: list[SeriesPoint]
    """Steps without a report are not there."""


class EventsAfter(msgspec.Struct, frozen=True, kw_only=True):
    """Which events, from an older one on."""

    device: Name | UnsetType = UNSET
    after: Annotated[int, msgspec.Meta(ge=0, lt=1 << 53)] = 0
    """The ``id`` of the last one that is known already."""
    limit: Annotated[int, msgspec.Meta(ge=1, le=1000)] = 200


class EventsLast(msgspec.Struct, frozen=True, kw_only=True):
    """Which events, the newest first."""

    device: Name | UnsetType = UNSET
    limit: Annotated[int, msgspec.Meta(ge=1, le=1000)] = 100


class ShownEvent(msgspec.Struct, frozen=True, kw_only=True):
    """What a device told."""

    id: int
    device: str
    heard_s: float
    """When a controller heard it, Unix time."""
    t: str
    """When it happened, by the device's own clock."""
    level: Literal["info", "warning", "error"]
    kind: str
    text: str


class Events(msgspec.Struct, frozen=True):
    """Several."""

    events: list[ShownEvent]


@dataclass(frozen=True, slots=True)
class Devices:
    """The operations of looking."""

    mirror: Mirror
    store: Store

    def operations(self) -> Iterator[Operation]:
        """Give them."""
        yield Operation("GET", "/api/devices", "list_devices", "All devices.", "viewer", self._list, Rows)
        yield Operation(
            "GET",
            "/api/overview",
            "show_overview",
            "What all devices amount to.",
            "viewer",
            lambda _: self.mirror.overview(),
            Overview,
        )
        yield Operation(
            "GET",
            "/api/devices/{device}",
            "show_device",
            "All that is kept of one device.",
            "viewer",
            self._show,
            Detail,
            faults=UNKNOWN_DEVICE,
        )
        yield Operation(
            "GET",
            "/api/devices/{device}/series",
            "show_series",
            "How a figure of a device went.",
            "viewer",
            self._show_series,
            Series,
            query=Span,
            faults=UNKNOWN_DEVICE,
        )
        yield Operation(
            "GET",
            "/api/events",
            "list_events",
            "Events of a device or all, the oldest first.",
            "viewer",
            self._list_events,
            Events,
            query=EventsAfter,
        )
        yield Operation(
            "GET",
            "/api/events/last",
            "list_last_events",
            "Events of a device or all, the newest first.",
            "viewer",
            self._list_last_events,
            Events,
            query=EventsLast,
        )

    def _list(self, asked: Asked) -> Response:
        content, headers = self.mirror.packed(), {"Vary": "Accept-Encoding"}
        if not takes_gzip(asked.request):
            return Response(gzip.decompress(content), headers=headers, media_type=JSON)
        return Response(content, headers={**headers, "Content-Encoding": "gzip"}, media_type=JSON)

    def _show(self, asked: Asked) -> Detail:
        row = find_row(self.mirror, asked.device)
        record = self.store.device(asked.device) if row.presence != "revoked" else None
        return Detail(
            row=row,
            inventory=record.inventory if record else None,
            system=record.system if record else None,
            pipeline=record.pipeline if record else None,
            deployment=record.deployment if record else None,
            is_here=is_here(asked.device),
        )

    def _show_series(self, asked: Asked) -> Series:
        find_row(self.mirror, asked.device)
        span: Span = asked.query
        until_s = clock.wall_now().timestamp() if span.until_s is UNSET else span.until_s
        since_s = max(0.0, until_s - HOUR_S) if span.since_s is UNSET else span.since_s
        points = self.store.series(asked.device, span.metric, since_s, until_s, span.step_s)
        return Series(metric=span.metric, points=[_show_point(point) for point in points])

    def _list_events(self, asked: Asked) -> Events:
        query: EventsAfter = asked.query
        records = self.store.events(_find_name(query.device), after=query.after, limit=query.limit)
        return Events([_show_event(record) for record in records])

    def _list_last_events(self, asked: Asked) -> Events:
        query: EventsLast = asked.query
        return Events(
            [_show_event(record) for record in self.store.last_events(_find_name(query.device), limit=query.limit)]
        )


def _find_name(device: str | UnsetType) -> str | None:
    return None if device is UNSET else device


def find_row(mirror: Mirror, device: str) -> Row:
    """Give a device of the site.

    Raises:
        RefusedError: It is none.
    """
    row = mirror.row(device)
    if row is None:
        raise make_unknown(device)
    return row


def _show_point(point: Point) -> SeriesPoint:
    return SeriesPoint(t_s=point.t_s, mean=point.mean, min=point.least, max=point.greatest, n=point.count)


def _show_event(record: EventRecord) -> ShownEvent:
    event = record.event
    return ShownEvent(
        id=record.id,
        device=record.device,
        heard_s=record.heard_s,
        t=event.t,
        level=event.level,
        kind=event.kind,
        text=event.text,
    )
