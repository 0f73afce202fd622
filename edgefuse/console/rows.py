"""One line for each device of a site, and what they amount to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

import msgspec

from edgefuse.fleet.deployments import is_over
from edgefuse.fleet.latest import UNKNOWN, Latest
from edgefuse.fleet.roster import Presence
from edgefuse.fleet.site import Member
from edgefuse.link.messages import Band, Deployment

THERE = frozenset({"online", "silent"})
"""Of a device that is not, nobody knows how it is now."""
SLOW = 0.8
"""A pipeline that delivers a smaller share of the frames that come in is slow."""


class Progress(msgspec.Struct, frozen=True, kw_only=True):
    """How the newest deployment of a device stands."""

    id: str
    release: str
    state: str
    """A step, and in the end how it ended."""
    is_over: bool
    reason: str
    done_bytes: int
    total_bytes: int
    """0 where nothing is fetched or rebuilt in this step, or nobody knows yet."""
    t: str
    """When the device said so, by its own clock."""


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One device; figures only of one that is online or silent, and has reported. Times are Unix time."""

    device: str
    presence: Presence
    since_s: float | None
    """Since when the broker takes it for online or offline."""
    labels: Mapping[str, str]
    reported_s: float | None = None
    """When its newest report came, also of a device that is offline by now."""
    temp_c: float | None = None
    """Of the hottest zone; nothing in spite of a report where the board has no sensor."""
    band: Band | None = None
    is_throttled: bool | None = None
    power_w: float | None = None
    mem_mb: float | None = None
    fps: float | None = None
    fps_in: float | None = None
    latency_p95_ms: float | None = None
    faces: float | None = None
    point: int | None = None
    effect: str | None = None
    release: str | None = None
    service: str | None = None
    profile: str | None = None
    board: str | None = None
    version: str | None = None
    mode: str | None = None
    """How often it reports: ``normal metered watch``."""
    deployment: Progress | None = None


class Oldest(msgspec.Struct, frozen=True, kw_only=True):
    """The device that is online and reported longest ago."""

    device: str
    reported_s: float


class Overview(msgspec.Struct, frozen=True, kw_only=True):
    """What all devices amount to; counts by what devices have in common, only where there are any."""

    n: int
    now_s: float
    devices: int
    presence: Mapping[str, int]
    bands: Mapping[str, int]
    """Of devices with figures."""
    throttled: int
    slow: int
    """Deliver less than four fifths of the frames that come in."""
    services: Mapping[str, int]
    releases: Mapping[str, int]
    deployments: Mapping[str, int]
    """The newest of each device, by state."""
    oldest: Oldest | None


def make_row(device: str, member: Member, latest: Latest | None, presence: Presence) -> Row:
    """Sum one device up; of one that the site trusts no longer, nothing is told."""
    if latest is None or member.is_revoked:
        shown: Presence = "revoked" if member.is_revoked else "unseen"
        return Row(device=device, presence=shown, since_s=None, labels=member.labels)
    row = Row(
        device=device,
        presence=presence,
        since_s=latest.since_s,
        labels=member.labels,
        reported_s=latest.reported_s,
        deployment=_sum_up(latest.deployment) if latest.deployment else None,
    )
    if (state := latest.state) is not None:
        row = msgspec.structs.replace(
            row, release=state.release, service=state.service, version=state.version, mode=state.mode
        )
    if latest.board != UNKNOWN:
        row = msgspec.structs.replace(row, profile=latest.board.profile, board=latest.board.board)
    return _add_figures(row, latest) if presence in THERE else row


def _add_figures(row: Row, latest: Latest) -> Row:
    if (system := latest.system) is not None:
        row = msgspec.structs.replace(
            row,
            temp_c=max(system.temp_c.values(), default=None),
            band=system.band,
            is_throttled=system.is_throttled,
            power_w=system.power_w,
            mem_mb=system.mem_mb,
        )
    if (pipeline := latest.pipeline) is not None:
        row = msgspec.structs.replace(
            row,
            fps=pipeline.fps,
            fps_in=pipeline.fps_in,
            latency_p95_ms=pipeline.latency_ms.p95,
            faces=pipeline.faces,
            point=pipeline.point,
            effect=pipeline.effect,
        )
    return row


def _sum_up(deployment: Deployment) -> Progress:
    return Progress(
        id=deployment.id,
        release=deployment.release,
        state=deployment.state,
        is_over=is_over(deployment),
        reason=deployment.reason,
        done_bytes=deployment.done_bytes,
        total_bytes=deployment.total_bytes,
        t=deployment.t,
    )


def count(rows: Iterable[Row], n: int, now_s: float) -> Overview:
    """Sum all devices up."""
    rows = list(rows)
    reported = [(row.reported_s, row.device) for row in rows if row.presence == "online" and row.reported_s]
    oldest = min(reported, default=None)
    return Overview(
        n=n,
        now_s=now_s,
        devices=len(rows),
        presence=Counter(row.presence for row in rows),
        bands=Counter(row.band for row in rows if row.band),
        throttled=sum(bool(row.is_throttled) for row in rows),
        slow=sum(is_slow(row) for row in rows),
        services=Counter(row.service for row in rows if row.service and row.presence in THERE),
        releases=Counter(row.release for row in rows if row.release),
        deployments=Counter(row.deployment.state for row in rows if row.deployment),
        oldest=None if oldest is None else Oldest(device=oldest[1], reported_s=oldest[0]),
    )


def is_slow(row: Row) -> bool:
    """Tell whether a pipeline delivers much less than comes in."""
    return row.fps is not None and row.fps_in is not None and row.fps < SLOW * row.fps_in
