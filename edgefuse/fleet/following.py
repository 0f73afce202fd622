"""Following one deployment on several devices, from what they report, until it has ended on all of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from edgefuse.fleet.deployments import is_over
from edgefuse.fleet.freshness import is_newer_deployment
from edgefuse.fleet.session import Heard, Session
from edgefuse.link.messages import Deployment, State, decode
from edgefuse.link.topics import DEPLOYMENT, PREFIX, STATE, Address

HELD_S = 60.0
"""For what the broker holds of ten thousand devices."""


@dataclass(frozen=True, slots=True)
class Ended:
    """How the deployment ended on one device."""

    device: str
    state: str
    """``SUPERSEDED`` where the device reports another deployment by now, without having told how this one ended."""
    reason: str

    @property
    def is_committed(self) -> bool:
        """The release runs there."""
        return self.state == "COMMITTED"


class Following:
    """What is known so far; used by one thread."""

    def __init__(self, deployment: str, devices: Iterable[str]) -> None:
        """Wait for a deployment of that id on each of the devices."""
        self._deployment = deployment
        self._waiting: dict[str, Deployment | None] = dict.fromkeys(devices)
        """The newest report of it, of each device on which it has not ended."""
        self._newest: dict[str, Deployment] = {}
        """Of any deployment."""
        self._seq_before: dict[str, int] = {}
        """Of what was known before the wish: its id may be the same, and it may be told again."""
        self._offline: set[str] = set()

    @property
    def is_over(self) -> bool:
        """It has ended on all devices."""
        return not self._waiting

    @property
    def waiting(self) -> list[str]:
        """Give the devices on which it has not ended."""
        return sorted(self._waiting)

    def note_before(self, heard: Heard) -> None:
        """Take note of what a device reported before the deployment was wished for."""
        if isinstance(said := _read(heard), Deployment):
            self._newest[heard.address.device] = said
            self._seq_before[heard.address.device] = said.seq

    def take(self, heard: Heard) -> Ended | None:
        """Take a report in, and give how the deployment ended if this tells it."""
        device, said = heard.address.device, _read(heard)
        if device not in self._waiting:
            return None
        if isinstance(said, State):
            (self._offline.add if said.presence == "offline" else self._offline.discard)(device)
        elif isinstance(said, Deployment) and self._is_news(device, said):
            self._newest[device] = said
            return self._take_report(device, said)
        return None

    def describe(self) -> str:
        """Tell in a line how it goes: ``3 FETCH, 1 TRIAL, 2 offline (41% of 12.0 MB)``."""
        counts = Counter(self._name(device, report) for device, report in self._waiting.items())
        total_bytes = sum(report.total_bytes for report in self._waiting.values() if report is not None)
        done_bytes = sum(report.done_bytes for report in self._waiting.values() if report is not None)
        share = f" ({done_bytes / total_bytes:.0%} of {total_bytes / 1e6:.1f} MB)" if total_bytes else ""
        return ", ".join(f"{count} {name}" for name, count in sorted(counts.items())) + share

    def _is_news(self, device: str, said: Deployment) -> bool:
        return said.seq != self._seq_before.get(device) and is_newer_deployment(said, self._newest.get(device))

    def _take_report(self, device: str, said: Deployment) -> Ended | None:
        if said.id != self._deployment:
            if self._waiting[device] is None:
                return None  # one from before, which ends first
            ended = Ended(device, "SUPERSEDED", f"deployment {said.id} of release {said.release} took its place")
        elif is_over(said):
            ended = Ended(device, said.state, said.reason)
        else:
            self._waiting[device] = said
            return None
        del self._waiting[device]
        return ended

    def _name(self, device: str, report: Deployment | None) -> str:
        if device in self._offline:
            return "offline"
        return "waiting" if report is None else report.state


def observe_deployments(session: Session, devices: list[str]) -> None:
    """Ask for what devices report of deployments, and for who is there; many are asked for as one."""
    device = devices[0] if len(devices) == 1 else "+"
    session.subscribe([f"{PREFIX}/{device}/{topic.name}" for topic in (DEPLOYMENT, STATE)], qos=0)


def _read(heard: Heard) -> Deployment | State | None:
    """Read what is of use here; nonsense is nothing."""
    try:
        return _decode(heard.address, heard.payload)
    except ValueError:
        return None


def _decode(address: Address, payload: bytes) -> Deployment | State | None:
    if address.topic is DEPLOYMENT:
        return decode(payload, Deployment)
    return decode(payload, State) if address.topic is STATE else None
