"""A simulated fleet at a site's real broker: as many devices as wished, one connection each, in one process.

simulating(site, wishes) ──► devices join the site, connect one by one, live ──► leave, and are taken out of the site
"""

from __future__ import annotations

import resource
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path

import msgspec

from edgefuse import clock
from edgefuse.errors import ConfigError, EdgefuseError
from edgefuse.fleet.session import connected
from edgefuse.fleet.simulation.crowd import Crowd
from edgefuse.fleet.simulation.device import Device, Part
from edgefuse.fleet.simulation.fault import Fault, deal
from edgefuse.fleet.simulation.joining import Joined, joined
from edgefuse.fleet.simulation.kind import load_kinds

MAX_DEVICES = 99_999
"""Of names with five digits."""
SPARE_FILES = 256
"""Beside one for each device: what Python and the system hold, and connections that are being made or ended."""


class Wishes(msgspec.Struct, frozen=True, kw_only=True):
    """What to simulate."""

    devices: int
    faults: Mapping[Fault, int] = {}
    """So many devices with each."""
    rate_hz: float = 200.0
    """Devices that connect in a second."""
    seed: str = "0"
    """Decides boards, weather, crashes and faults; when messages come depends on the machine."""


class Progress(msgspec.Struct, frozen=True, kw_only=True):
    """What was done so far."""

    devices: int
    """That came."""
    connected: int
    messages: int
    """That they published."""
    events_told: int
    events_waiting: int
    """The broker has not acknowledged them."""
    events_lost: int
    """They waited too long for a broker."""
    commands: int


class Simulation:
    """Used by one thread."""

    def __init__(self, crowd: Crowd) -> None:
        """Take the devices."""
        self._crowd = crowd

    @property
    def is_whole(self) -> bool:
        """Every device came."""
        return self._crowd.is_whole

    def run(self, seconds: float) -> None:
        """Go on for so long."""
        end_ns = clock.now_ns() + round(seconds * clock.NS_PER_S)
        while (left_ns := end_ns - clock.now_ns()) > 0:
            self._crowd.step(left_ns / clock.NS_PER_S)

    def leave(self) -> None:
        """Have the devices take leave, one after the other, until none is there."""
        self._crowd.leave()
        while not self._crowd.is_over:
            self._crowd.step(1.0)

    def progress(self) -> Progress:
        """Count."""
        devices = self._crowd.devices
        return Progress(
            devices=len(devices),
            connected=sum(device.is_open for device in devices),
            messages=sum(device.published for device in devices),
            events_told=sum(device.backlog.added_events for device in devices),
            events_waiting=sum(device.backlog.waiting_events for device in devices),
            events_lost=sum(device.backlog.lost_events for device in devices),
            commands=sum(device.commands for device in devices),
        )


@contextmanager
def simulating(folder: Path, wishes: Wishes) -> Iterator[Simulation]:
    """Have simulated devices in the site of a folder for as long as this lasts; they connect while it is run.

    Raises:
        ConfigError: There is no site, or the wishes cannot be met.
        EdgefuseError: The system does not let one process have so many connections, or another simulation runs there.
        BrokerError: The site's broker is not there.
    """
    parts = _cast(wishes)
    raise_file_limit(wishes.devices)
    with connected(folder):
        pass  # that there is no broker is told before ten thousand devices have joined
    with (
        joined(folder, {part.name: _label(part) for part in parts}) as site,
        closing(Crowd((partial(_make, site, part) for part in parts), wishes.rate_hz)) as crowd,
    ):
        yield Simulation(crowd)


def raise_file_limit(devices: int) -> None:
    """Let this process have as many connections as it needs.

    Raises:
        EdgefuseError: The system does not allow it.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = devices + SPARE_FILES
    if wanted > hard:
        raise EdgefuseError(
            f"cannot simulate {devices} devices: this process may open {hard} files and each takes one; "
            f"raise the limit (as root: ulimit -Hn {wanted}), or simulate {max(0, hard - SPARE_FILES)}"
        )
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted), hard))


def _cast(wishes: Wishes) -> list[Part]:
    """Give every device what it is."""
    if not 0 < wishes.devices <= MAX_DEVICES:
        raise ConfigError(f"cannot simulate {wishes.devices} devices: choose from 1 to {MAX_DEVICES}")
    if not wishes.rate_hz > 0:
        raise ConfigError(f"cannot connect {wishes.rate_hz:g} devices a second: give a rate above 0")
    kinds = load_kinds()
    names = [f"sim-{number:05}" for number in range(1, wishes.devices + 1)]
    faults = deal(wishes.devices, wishes.faults)
    return [
        Part(name, kinds[number % len(kinds)], faults[number], f"{wishes.seed} {name}")
        for number, name in enumerate(names)
    ]


def _label(part: Part) -> dict[str, str]:
    return {"board": part.kind.profile.id, **({"fault": part.fault} if part.fault else {})}


def _make(site: Joined, part: Part, wake: Callable[[], None]) -> Device:
    return Device(part, site.keys, partial(site.make_target, part.name, site.make_tls(part.name)), wake)
