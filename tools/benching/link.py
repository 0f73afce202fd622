"""Measure what the link costs a supervisor, and how fast commands are answered.

The same unit runs twice, without a link and with one to a mosquitto on loopback, at the default rates; its worker is a
process that says what a worker at 30 fps says, and does nothing. Then commands are sent one after the other: each is
signed, checked, written down durably, done, and replied to.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

import msgspec
from fakes.broker import Broker
from fakes.operator_station import Observer, Signer, trust
from fakes.supervisor import Running, start_supervisor, write_board, write_site

from benching.command import run_bench
from benching.link_device import cpu_s
from edgefuse import paths
from edgefuse.errors import EdgefuseError

WARM = 20
COMMANDS: dict[str, object] = {"status": {}, "pin-point": {"point": 0}, "snapshot": {}}


class Cost(msgspec.Struct, frozen=True):
    """Of the supervisor's process."""

    rss_mb: float
    cpu_percent: float
    """Of one core."""


class Times(msgspec.Struct, frozen=True):
    """From sending a command to its reply, milliseconds."""

    best: float
    p50: float
    p95: float


class Figures(msgspec.Struct, frozen=True, kw_only=True):
    """All of it."""

    without: Cost
    linked: Cost
    seconds: float
    round_trips: dict[str, Times]
    sync_ms: float
    """Median of putting one line on this disk, which a command does once."""


def measure(options: argparse.Namespace) -> Figures:
    """Do it, in a root of its own."""
    with tempfile.TemporaryDirectory(prefix="ef", dir=options.folder) as folder:
        os.environ["EDGEFUSE_ROOT"] = f"{folder}/root"
        broker = Broker(Path(folder) / "broker")
        broker.start()
        try:
            write_board()
            without = _run(options.seconds)
            return _measure_linked(options, broker, without, _sync_ms(Path(folder)))
        finally:
            broker.close()


def _measure_linked(options: argparse.Namespace, broker: Broker, without: Cost, sync_ms: float) -> Figures:
    signer = Signer()
    trust(paths.config_dir() / "link/operators.json", signer)
    observer = Observer(broker.port)
    running = _start(link={"broker": broker.url, "device_id": "dev1", "allow": ["snapshot"]})
    try:
        observer.wait(lambda: observer.on("up/tm/pipe"), 60.0)
        cost = _watch(running, options.seconds)
        trips = {name: _time(observer, signer, name, args, options.commands) for name, args in COMMANDS.items()}
    finally:
        running.stop()
        observer.close()
    return Figures(without=without, linked=cost, seconds=options.seconds, round_trips=trips, sync_ms=sync_ms)


def _run(seconds: float) -> Cost:
    running = _start()
    try:
        return _watch(running, seconds)
    finally:
        running.stop()


def _start(**more: object) -> Running:
    write_site("well", **more)
    running = start_supervisor()
    try:
        running.wait_for_frames()
    except AssertionError as e:
        running.stop()
        raise EdgefuseError(f"cannot measure: the worker delivers nothing: {e}") from e
    return running


def _watch(running: Running, seconds: float) -> Cost:
    time.sleep(5.0)  # what the start still does
    before_s, began_s = cpu_s(running.process.pid), time.monotonic()
    time.sleep(seconds)
    used_s, passed_s = cpu_s(running.process.pid) - before_s, time.monotonic() - began_s
    return Cost(running.status().supervisor_mb, round(100.0 * used_s / passed_s, 2))


def _time(observer: Observer, signer: Signer, name: str, args: object, count: int) -> Times:
    times_ms = []
    for _ in range(WARM + count):
        command = signer.make(name)
        payload = signer.seal(name, args=args, id=command.id)
        began_s = time.perf_counter()
        observer.send(payload)
        reply = observer.reply(command.id)
        times_ms.append((time.perf_counter() - began_s) * 1000.0)
        if reply.outcome != "done":
            raise EdgefuseError(f"cannot measure {name}: {reply.reason}")
        observer.messages.clear()
    times_ms = sorted(times_ms[WARM:])
    return Times(*(round(ms, 2) for ms in (times_ms[0], statistics.median(times_ms), times_ms[int(0.95 * count)])))


def _sync_ms(folder: Path) -> float:
    times_ms = []
    with (folder / "sync").open("ab", buffering=0) as file:
        for _ in range(50):
            began_s = time.perf_counter()
            file.write(bytes(300))
            os.fdatasync(file.fileno())
            times_ms.append((time.perf_counter() - began_s) * 1000.0)
    return round(statistics.median(times_ms), 2)


def describe(figures: Figures) -> str:
    """Say it in lines."""
    lines = [f"supervisor, over {figures.seconds:g} s                          MB   % of a core"]
    for name, cost in (("without a link", figures.without), ("with a link", figures.linked)):
        lines.append(f"  {name:42}{cost.rss_mb:8.1f}{cost.cpu_percent:10.2f}")
    lines.append("command and reply, ms                    best     p50     p95")
    for name, times in figures.round_trips.items():
        lines.append(f"  {name:34}{times.best:8.2f}{times.p50:8.2f}{times.p95:8.2f}")
    return "\n".join([*lines, f"one line on this disk, synced: {figures.sync_ms} ms"])


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="tools/bench/link", description=__doc__)
    parser.add_argument("--seconds", type=float, default=60.0, help="how long the supervisor is watched, twice (60)")
    parser.add_argument("--commands", type=int, default=300, help="of each kind (300)")
    parser.add_argument("--folder", default="/tmp", help="where the unit's disk is (/tmp)")
    run_bench(parser, measure, describe)
    return 0


if __name__ == "__main__":
    sys.exit(main())
