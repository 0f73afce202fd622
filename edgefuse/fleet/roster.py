"""What is known of a site's devices from what they said themselves; nothing is stored.

The broker holds the newest state and inventory of each device, so a roster knows all devices as soon as it has read
these; figures come with the next report.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

import msgspec

from edgefuse import clock
from edgefuse.fleet.freshness import is_newer, is_newer_deployment, is_overdue, is_paired
from edgefuse.fleet.labels import ALL, Selector
from edgefuse.fleet.site import Register
from edgefuse.link.messages import Band, Deployment, Inventory, PipelineReport, State, SystemReport, decode
from edgefuse.link.topics import DEPLOYMENT, INVENTORY, PIPELINE, STATE, SYSTEM, Address

Presence = Literal["online", "offline", "silent", "unseen", "revoked"]
"""``silent``: the broker takes it for online, but it does not report. ``unseen``: enrolled and never heard of."""

TOPICS = (STATE, INVENTORY, DEPLOYMENT, SYSTEM, PIPELINE)
"""What a roster reads."""


@dataclass(frozen=True, slots=True)
class View:
    """What one device said last."""

    device: str
    seen_ns: int
    """When it reported or appeared last, or since when it is waited for."""
    reported_ns: int | None = None
    is_revoked: bool = False
    labels: Mapping[str, str] = field(default_factory=dict)
    state: State | None = None
    inventory: Inventory | None = None
    deployment: Deployment | None = None
    system: SystemReport | None = None
    pipeline: PipelineReport | None = None

    @property
    def is_online(self) -> bool:
        """The broker takes it for online, and the site trusts it."""
        return self.state is not None and self.state.presence == "online" and not self.is_revoked

    @property
    def is_complete(self) -> bool:
        """All came that comes every ten seconds, or nothing of the kind can be waited for."""
        if not self.is_online or self.state is None or self.state.mode == "metered":
            return True
        return self.system is not None and (self.pipeline is not None or self.state.service != "RUNNING")

    def presence(self, now_ns: int) -> Presence:
        """Give whether the device is there."""
        if self.is_revoked:
            return "revoked"
        if self.state is None:
            return "unseen"
        if self.state.presence == "offline":
            return "offline"
        return "silent" if is_overdue(self.state, (now_ns - self.seen_ns) / clock.NS_PER_S) else "online"


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One device for people and programs; figures only of one that is online or silent, and has reported."""

    device: str
    presence: Presence
    report_age_s: float | None = None
    """Nothing where no report came yet."""
    temp_c: float | None = None
    """Of the hottest zone; nothing in spite of a report where the board has no sensor."""
    fps: float | None = None
    point: int | None = None
    band: Band | None = None
    release: str | None = None
    service: str | None = None
    effect: str | None = None
    faces: float | None = None
    latency_p95_ms: float | None = None
    mem_mb: float | None = None
    version: str | None = None
    profile: str | None = None
    mode: str | None = None
    deployment: Deployment | None = None
    """The newest, under way or over."""
    labels: Mapping[str, str] = {}


class Roster:
    """Used by one thread."""

    def __init__(self, register: Register, now_ns: int, selector: Selector = ALL) -> None:
        """Begin with the devices that are enrolled; none but those that ``selector`` names is taken note of."""
        self._selector = selector
        self._members = register.members
        self._views = {
            device: View(device, now_ns, is_revoked=member.is_revoked, labels=member.labels)
            for device, member in register.members.items()
            if selector.matches(member.labels)
        }
        self._awaited: set[str] = set()

    def take(self, address: Address, payload: bytes, now_ns: int) -> None:
        """Take note of what a device said; what cannot be read, or is of no use here, changes nothing."""
        content = address.topic.content
        if address.topic not in TOPICS or content is None or not self._is_meant(address.device):
            return
        try:
            said = decode(payload, content)
        except ValueError:
            return
        view = self._views.get(address.device) or View(address.device, now_ns)
        view = self._views[address.device] = _update(view, said, now_ns)
        (self._awaited.discard if view.is_complete else self._awaited.add)(address.device)

    def _is_meant(self, device: str) -> bool:
        member = self._members.get(device)
        return self._selector.matches(member.labels if member else {})

    def view(self, device: str) -> View:
        """Give what one device said; it must be known."""
        return self._views[device]

    @property
    def is_complete(self) -> bool:
        """Nothing more is to come soon."""
        return not self._awaited

    def rows(self, now_ns: int) -> list[Row]:
        """Give all devices by name."""
        return [make_row(self._views[device], now_ns) for device in sorted(self._views)]


def _update(view: View, said: object, now_ns: int) -> View:
    if isinstance(said, State):
        return replace(view, state=said, seen_ns=now_ns)
    if isinstance(said, Inventory):
        return replace(view, inventory=said)
    if isinstance(said, Deployment) and is_newer_deployment(said, view.deployment):
        return replace(view, deployment=said)
    if isinstance(said, SystemReport) and is_newer(said, view.system):
        return replace(view, system=said, seen_ns=now_ns, reported_ns=now_ns)
    if isinstance(said, PipelineReport) and is_newer(said, view.pipeline):
        return replace(view, pipeline=said)
    return view


def make_row(view: View, now_ns: int) -> Row:
    """Sum one device up."""
    row = Row(device=view.device, presence=view.presence(now_ns), labels=view.labels, deployment=view.deployment)
    if view.inventory is not None:
        row = msgspec.structs.replace(row, profile=view.inventory.profile)
    if view.state is not None:
        state = view.state
        row = msgspec.structs.replace(
            row, release=state.release, service=state.service, version=state.version, mode=state.mode
        )
    return _add_reports(row, view, now_ns) if view.is_online else row


def _add_reports(row: Row, view: View, now_ns: int) -> Row:
    system, pipeline = view.system, view.pipeline
    if system is None or view.reported_ns is None:
        return row
    row = msgspec.structs.replace(
        row,
        report_age_s=round((now_ns - view.reported_ns) / clock.NS_PER_S, 1),
        temp_c=max(system.temp_c.values(), default=None),
        band=system.band,
        mem_mb=system.mem_mb,
    )
    if pipeline is None or not is_paired(pipeline, system):
        return row
    return msgspec.structs.replace(
        row,
        fps=pipeline.fps,
        point=pipeline.point,
        effect=pipeline.effect,
        faces=pipeline.faces,
        latency_p95_ms=pipeline.latency_ms.p95,
    )
