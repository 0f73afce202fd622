"""Measure what the console's API costs with a whole fleet of simulated devices: all rows, following, cores."""

from __future__ import annotations

import argparse
import statistics
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from http.client import HTTPConnection
from pathlib import Path

import msgspec
from fakes.broker import BrokerMissingError
from fakes.watched_fleet import WatchedFleet, watched_fleet

from benching.command import run_bench
from benching.link_device import cpu_s
from edgefuse.errors import EdgefuseError

FETCHES = 10
PAUSE_S = 1.5
"""From one fetch to the next: each finds that the store was looked at too long ago."""
ARRIVAL_S = 900.0
"""Ten thousand devices come within four minutes on a busy machine."""
FOLLOWERS = (0, 1, 10)
PIECE_BYTES = 1 << 16


class Load(msgspec.Struct, frozen=True, kw_only=True):
    """Of controller and console in one process, with so many who follow."""

    followers: int
    cores: float
    sent_kb_s: float
    """To each follower, under gzip."""


class Figures(msgspec.Struct, frozen=True, kw_only=True):
    """What was measured."""

    devices: int
    fetch_ms: list[float]
    """From asking for all rows until they are here, under gzip."""
    packed_kb: float
    plain_kb: float
    loads: list[Load]
    memory_mb: float
    """Of the process at the end."""


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="tools/bench/console", description=__doc__)
    parser.add_argument("--devices", type=int, default=10_000, help="(default %(default)s)")
    parser.add_argument("--seconds", type=float, default=30.0, help="that each load is looked at (default %(default)g)")
    run_bench(parser, _measure, _describe)
    return 0


def _measure(options: argparse.Namespace) -> Figures:
    try:
        with tempfile.TemporaryDirectory() as folder, _running(Path(folder), options.devices) as fleet:
            loads = [_load(fleet, count, options.seconds) for count in FOLLOWERS]
            fetches = [_fetch(fleet, is_packed=True) for _ in range(FETCHES)]
            return Figures(
                devices=options.devices,
                fetch_ms=[1000 * taken_s for taken_s, _ in fetches],
                packed_kb=fetches[-1][1] / 1e3,
                plain_kb=_fetch(fleet, is_packed=False)[1] / 1e3,
                loads=loads,
                memory_mb=_resident_mb(fleet.pid),
            )
    except BrokerMissingError as e:
        raise EdgefuseError("cannot measure: mosquitto is needed") from e


@contextmanager
def _running(folder: Path, devices: int) -> Iterator[WatchedFleet]:
    with watched_fleet(folder, devices, "--hot", "20", patience_s=ARRIVAL_S) as fleet:
        yield fleet


def _fetch(fleet: WatchedFleet, *, is_packed: bool) -> tuple[float, int]:
    """Give how long it takes to get all rows, and how many bytes they are."""
    time.sleep(PAUSE_S)
    begun_s = time.perf_counter()
    with _asking(fleet, "/api/devices", is_packed=is_packed) as connection:
        content = connection.getresponse().read()
    return time.perf_counter() - begun_s, len(content)


def _load(fleet: WatchedFleet, followers: int, length_s: float) -> Load:
    """Have so many follow, and look at the process for a while."""
    with ExitStack() as following:
        sizes = [following.enter_context(_following(fleet)) for _ in range(followers)]
        time.sleep(3.0)  # the first event is everything
        before, begun_cpu_s, begun_s = sum(size[0] for size in sizes), cpu_s(fleet.pid), time.monotonic()
        time.sleep(length_s)
        taken_s = time.monotonic() - begun_s
        sent = (sum(size[0] for size in sizes) - before) / max(1, followers)
        cores = (cpu_s(fleet.pid) - begun_cpu_s) / taken_s
    return Load(followers=followers, cores=cores, sent_kb_s=sent / 1e3 / taken_s)


@contextmanager
def _following(fleet: WatchedFleet) -> Iterator[list[int]]:
    """Follow, and count the bytes that come, in a list of one number."""
    size, is_over = [0], threading.Event()
    with _asking(fleet, "/api/changes", is_packed=True) as connection:
        answer = connection.getresponse()

        def count() -> None:
            while not is_over.is_set() and (piece := answer.read1(PIECE_BYTES)):
                size[0] += len(piece)

        thread = threading.Thread(target=count)
        thread.start()
        yield size
        is_over.set()
        thread.join()


@contextmanager
def _asking(fleet: WatchedFleet, path: str, *, is_packed: bool) -> Iterator[HTTPConnection]:
    connection = HTTPConnection("127.0.0.1", fleet.port, timeout=60.0)
    headers = {"Authorization": f"Bearer {fleet.tokens['viewer']}"}
    connection.request("GET", path, headers=headers | ({"Accept-Encoding": "gzip"} if is_packed else {}))
    try:
        yield connection
    finally:
        connection.close()


def _resident_mb(pid: int) -> float:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return int(next(line.split()[1] for line in lines if line.startswith("VmRSS:"))) / 1024


def _describe(figures: Figures) -> str:
    loads = [
        f"{load.followers:2} who follow: {load.cores:.2f} cores for controller and console, {load.sent_kb_s:.1f} kB/s"
        for load in figures.loads
    ]
    rows = (
        f"{figures.devices} rows: median {statistics.median(figures.fetch_ms):.0f} ms, longest "
        f"{max(figures.fetch_ms):.0f} ms; {figures.packed_kb:.0f} kB under gzip, {figures.plain_kb:.0f} kB without"
    )
    return "\n".join([rows, *loads, f"{figures.memory_mb:.0f} MB"])


if __name__ == "__main__":
    raise SystemExit(main())
