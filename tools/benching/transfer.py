"""Measure how fast a release's file comes over the broker, against paho alone, and what it takes of a device's memory.

    mosquitto ◄─► repository service        the same mosquitto ◄─► a client that sends 64 KiB for every request
        ◄─► link, relay ◄─► install helper          ◄─► a client that asks and counts

Everything is a process of its own on loopback, without TLS. First the helper only receives, as paho's client does; then
it does what it does on a device, where it also hashes and writes; then the same with a kill in the middle.
"""

from __future__ import annotations

import argparse
import os
import random
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import msgspec
from fakes.broker import Broker
from fakes.helped_unit import HelpedUnit
from fakes.memory_folder import memory_folder
from fakes.release_site import Site

from benching.command import run_bench
from benching.transfer_device import Order, Worked
from edgefuse.config.updates import UpdateSettings
from edgefuse.errors import EdgefuseError
from edgefuse.ota.events import Done
from edgefuse.ota.pace import MAX_WINDOW

WINDOWS = (4, 8, 16, MAX_WINDOW)
RELEASE = "large"


class Figures(msgspec.Struct, frozen=True, kw_only=True):
    """All of it."""

    size_mb: float
    bare_mb_per_s: float
    """Of the best window and try."""
    mb_per_s: float
    """Of the best try, as are the others."""
    kept_mb_per_s: float
    """With hashing, and writing to memory."""
    supervisor_mb: float
    """Above idle, at most."""
    helper_mb: float
    """Above what it has before the first byte, at most."""
    again_kb: float
    """Fetched twice, because the helper was killed in the middle."""

    @property
    def percent(self) -> float:
        """Give what is left of the bare speed."""
        return 100 * self.mb_per_s / self.bare_mb_per_s


def measure(options: argparse.Namespace) -> Figures:
    """Do it, in a root of its own."""
    with ExitStack() as stack:
        folder = stack.enter_context(memory_folder(Path(stack.enter_context(tempfile.TemporaryDirectory()))))
        site = Site(folder / "site")
        site.start()
        unit = HelpedUnit(folder / "root", site)
        unit.settings = UpdateSettings()
        content = random.Random(1).randbytes(options.mb * 1_000_000)
        unit.publish(RELEASE, 2, content)
        broker = Broker(folder / "broker")
        broker.start()
        stack.callback(broker.close)
        stack.enter_context(running("benching.transfer_peer", "serve", broker.url, str(site.published)))
        device = stack.enter_context(running("benching.transfer_device", str(unit.root), broker.url, root=unit.root))
        for step in ("REFRESH", "RESOLVE"):
            work(device, Order(unit.make_job(step, RELEASE)))
        bare, received, kept = [], [], []
        for _ in range(options.tries):
            bare += [measure_bare(broker.url, window, options.mb) for window in WINDOWS]
            received.append(work(device, receive_only(unit, site)))
            kept.append(fetch(device, unit))
        killed = work(device, Order(unit.make_job("FETCH", RELEASE), kill_at_bytes=len(content) // 2))
        begun_bytes = sum(part.size_bytes for part in unit.parts())
        again = fetch(device, unit)
    if not 0 < begun_bytes < len(content):
        raise EdgefuseError("cannot measure a kill: the helper was not in the middle of the file")
    return Figures(
        size_mb=options.mb,
        bare_mb_per_s=max(bare),
        mb_per_s=options.mb / min(each.seconds for each in received),
        kept_mb_per_s=options.mb / min(each.seconds for each in kept),
        supervisor_mb=max(each.supervisor_mb for each in received + kept),
        helper_mb=max(each.helper_mb for each in kept),
        again_kb=(killed.relayed_bytes + again.relayed_bytes - kept[0].relayed_bytes) / 1e3,
    )


def receive_only(unit: HelpedUnit, site: Site) -> Order:
    """Give the order to bring the large file and do nothing with it."""
    place = max(site.published.glob("targets/models/*/*"), key=lambda path: path.stat().st_size)
    job = unit.make_job("FETCH", str(place.relative_to(site.published)))
    return Order(job, helper="benching.transfer_helper")


def measure_bare(url: str, window: int, size_mb: int) -> float:
    """Give how many MB a second paho brings."""
    with running("benching.transfer_peer", "answer", url) as answering:
        assert answering.stdout is not None
        answering.stdout.readline()
        with running("benching.transfer_peer", "ask", url, str(window), str(size_mb)) as asking:
            return float(asking.communicate()[0])


def fetch(device: subprocess.Popen[str], unit: HelpedUnit) -> Worked:
    """Have all of the file fetched that is not there, and take it away."""
    worked = work(device, Order(unit.make_job("FETCH", RELEASE)))
    if not isinstance(worked.answer, Done):
        raise EdgefuseError(f"cannot measure a transfer: {worked.answer}")
    for part in unit.parts():
        part.remove()
    return worked


def work(device: subprocess.Popen[str], order: Order) -> Worked:
    """Have a device do something."""
    assert device.stdin is not None and device.stdout is not None
    device.stdin.write(msgspec.json.encode(order).decode() + "\n")
    device.stdin.flush()
    return msgspec.json.decode(device.stdout.readline(), type=Worked)


@contextmanager
def running(module: str, *arguments: str, root: Path | None = None) -> Iterator[subprocess.Popen[str]]:
    """Run a module beside this one."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    if root is not None:
        environment["EDGEFUSE_ROOT"] = str(root)
    command = [sys.executable, "-m", module, *arguments]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(command, **pipes, text=True, env=environment) as process:
        try:
            yield process
        finally:
            process.terminate()


def describe(figures: Figures) -> str:
    """Write what was found."""
    return "\n".join(
        (
            f"{figures.size_mb:.0f} MB over mosquitto: {figures.mb_per_s:.1f} MB/s; paho alone, with the best window: "
            f"{figures.bare_mb_per_s:.1f} MB/s; {figures.percent:.0f} %",
            f"hashed and written to memory: {figures.kept_mb_per_s:.1f} MB/s",
            f"memory above idle: supervisor {figures.supervisor_mb:.1f} MB, helper {figures.helper_mb:.1f} MB",
            f"after a kill in the middle {figures.again_kb:.0f} kB came twice",
        )
    )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="tools/bench/transfer", description=__doc__)
    parser.add_argument("--mb", type=int, default=256, help="size of the file (default %(default)s)")
    parser.add_argument("--tries", type=int, default=5, help="of which the best counts (default %(default)s)")
    run_bench(parser, measure, describe)


if __name__ == "__main__":
    main()
