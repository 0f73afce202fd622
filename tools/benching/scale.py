"""Run a broker, a controller and thousands of simulated devices on this machine: what does it cost, and is all there?

The devices come one after the other; then everything is watched for a while, with one more device whose state changes
each second; then the broker is killed, if wished; then the devices take leave, and the events that they told are
counted in the store. Passes when none is missing, the controller took one core at most, and of 100 changes of state 95
were in the store within two seconds (else exit code 1).
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from collections import Counter
from contextlib import closing
from itertools import pairwise
from pathlib import Path

import msgspec
from sqlalchemy import func, select

from benching.command import run_bench
from benching.scaled_fleet import ScaledFleet, Use
from benching.state_probe import StateProbe
from benching.traffic import read_traffic
from edgefuse.errors import EdgefuseError
from edgefuse.fleet.database import EVENTS, open_database

BIN_S = 10
COME_S = 300.0
"""Beyond the time that the rate asks for; busy machines take long over ten thousand handshakes."""
RETURN_S = 400.0
STORE_S = 30.0
MAX_CONTROLLER_CORES = 1.0
MAX_STATE_MS = 2000.0


class Cost(msgspec.Struct, frozen=True):
    """Of one process."""

    cores: float
    cpu_s_a_thousand: float
    """A thousand messages that devices published."""
    rss_mb: float


class Watched(msgspec.Struct, frozen=True, kw_only=True):
    """While all devices were there."""

    seconds: float
    messages_a_second: float
    """That devices published."""
    costs: dict[str, Cost]
    """By process."""
    up_bytes: int
    """Of one device in an hour, TCP and IP headers included."""
    down_bytes: int
    dropped: int | None
    """Messages that mosquitto gave up."""
    state_p50_ms: float
    """From a device's daemon to the store."""
    state_p95_ms: float
    state_max_ms: float


class Figures(msgspec.Struct, frozen=True, kw_only=True):
    """All of it."""

    devices: int
    broker: str
    came_s: float
    """Until all were connected."""
    watched: Watched
    told: int
    """Events, by devices."""
    stored: int
    returns: dict[int, int]
    """Devices that came back, by the second of the bin's start after the broker's."""

    @property
    def has_passed(self) -> bool:
        """Nothing is lost, and everything is as fast and cheap as it shall be."""
        is_cheap = self.watched.costs["controller"].cores <= MAX_CONTROLLER_CORES
        return self.told == self.stored and is_cheap and self.watched.state_p95_ms <= MAX_STATE_MS


def measure(options: argparse.Namespace) -> Figures:
    """Do it, in a folder of its own."""
    with (
        tempfile.TemporaryDirectory(prefix="ef", dir=options.folder) as name,
        closing(ScaledFleet(Path(name), is_embedded=options.embedded)) as fleet,
        closing(StateProbe(Path(name), fleet.site, fleet.database)) as probe,
    ):
        began_s = time.monotonic()
        fleet.simulate(options.devices, options.rate)
        _await_connected(fleet, options.devices, options.devices / options.rate + COME_S)
        came_s = time.monotonic() - began_s
        watched = _watch(fleet, probe, options.devices, options.seconds)
        returns = _kill(fleet, options.devices, options.kill_s) if options.kill_s else {}
        last = fleet.end_simulation()
        stored = _await_events(fleet.database, last.events_told)
    return Figures(
        devices=options.devices,
        broker="embedded" if options.embedded else "mosquitto",
        came_s=round(came_s, 1),
        watched=watched,
        told=last.events_told,
        stored=stored,
        returns=returns,
    )


def _await_connected(fleet: ScaledFleet, devices: int, patience_s: float) -> None:
    end_s = time.monotonic() + patience_s
    while (progress := fleet.progress()) is None or progress.connected < devices:
        if time.monotonic() > end_s:
            raise EdgefuseError(f"cannot measure: after {patience_s:.0f} s not all devices are connected: {progress}")
        time.sleep(0.2)


def _watch(fleet: ScaledFleet, probe: StateProbe, devices: int, seconds: float) -> Watched:
    messages, traffic, use = fleet.count_messages(), read_traffic(fleet.register.port), fleet.use()
    dropped, began_s = fleet.count_dropped(), time.monotonic()
    taken_ms = sorted(probe.watch(seconds))
    passed_s = time.monotonic() - began_s
    messages = fleet.count_messages() - messages
    moved, used, dropped_after = read_traffic(fleet.register.port) - traffic, fleet.use(), fleet.count_dropped()
    device_hours = devices * passed_s / 3600.0
    return Watched(
        seconds=round(passed_s, 1),
        messages_a_second=round(messages / passed_s, 1),
        costs={name: _cost(use[name], used[name], passed_s, messages) for name in used},
        up_bytes=round(moved.up_bytes / device_hours),
        down_bytes=round(moved.down_bytes / device_hours),
        dropped=None if dropped is None or dropped_after is None else dropped_after - dropped,
        state_p50_ms=round(statistics.median(taken_ms), 1),
        state_p95_ms=round(taken_ms[int(0.95 * len(taken_ms))], 1),
        state_max_ms=round(taken_ms[-1], 1),
    )


def _cost(before: Use, after: Use, passed_s: float, messages: int) -> Cost:
    used_s = after.cpu_s - before.cpu_s
    return Cost(round(used_s / passed_s, 3), round(1000.0 * used_s / messages, 3), round(after.rss_mb, 1))


def _kill(fleet: ScaledFleet, devices: int, seconds: float) -> dict[int, int]:
    """Take the broker away for so long, and give when the devices came back."""
    fleet.broker.kill()
    time.sleep(seconds)
    fleet.start_broker()
    started_s = time.monotonic()
    _await_connected(fleet, devices, RETURN_S)
    bins: Counter[int] = Counter()
    for (_, before), (at_s, now) in pairwise(fleet.history()):
        if at_s > started_s:
            bins[int((at_s - started_s) // BIN_S) * BIN_S] += now.connected - before.connected
    return dict(sorted(bins.items()))


def _await_events(url: str, told: int) -> int:
    """Count the events of simulated devices in the store, once they are all there or no more come."""
    end_s = time.monotonic() + STORE_S
    query = select(func.count()).select_from(EVENTS).where(EVENTS.c.device.startswith("sim-"))
    with closing(open_database(url)) as database:
        while True:
            with database.reading() as connection:
                stored: int = connection.execute(query).scalar_one()
            if stored >= told or time.monotonic() > end_s:
                return stored
            time.sleep(0.5)


def describe(figures: Figures) -> str:
    """Say it in lines."""
    watched = figures.watched
    lines = [
        f"{figures.devices} devices on {figures.broker}, all connected after {figures.came_s} s; "
        f"watched for {watched.seconds} s: {watched.messages_a_second} messages a second",
        "                 cores   CPU s per 1,000 messages   MB",
        *(f"  {name:12}{c.cores:8.3f}{c.cpu_s_a_thousand:17.3f}{c.rss_mb:16.1f}" for name, c in watched.costs.items()),
        f"a device in an hour: {watched.up_bytes / 1e3:.1f} kB up, {watched.down_bytes / 1e3:.1f} kB down",
        f"a change of state is in the store after {watched.state_p50_ms} ms (median), {watched.state_p95_ms} ms "
        f"(95th percentile), {watched.state_max_ms} ms (longest)",
        f"events: {figures.told} told, {figures.stored} in the store",
    ]
    if watched.dropped is not None:
        lines.append(f"messages that the broker gave up: {watched.dropped}")
    if figures.returns:
        widest = max(figures.returns.values())
        lines.append(f"devices that came back after the broker's start, by {BIN_S} s:")
        lines += [f"{at:5} s {n:6} {'█' * round(40 * n / widest)}" for at, n in figures.returns.items()]
    return "\n".join([*lines, "passed" if figures.has_passed else "failed"])


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="tools/bench/scale", description=__doc__)
    parser.add_argument("--devices", type=int, default=10_000, help="(10000)")
    parser.add_argument("--seconds", type=float, default=60.0, help="to watch (60)")
    parser.add_argument("--rate", type=float, default=200.0, help="devices that connect a second (200)")
    parser.add_argument("--embedded", action="store_true", help="the broker of edgefuse up, not mosquitto")
    parser.add_argument("--kill-s", type=float, default=0.0, help="then kill the broker for so long (0: not)")
    parser.add_argument("--folder", default="/tmp", help="where the site and the store are (/tmp)")
    _, figures = run_bench(parser, measure, describe)
    return 0 if figures.has_passed else 1


if __name__ == "__main__":
    sys.exit(main())
