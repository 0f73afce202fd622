"""A device that does as its supervisor does: link, relay, and the real install helper, one job after the other."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from contextlib import suppress
from pathlib import Path

import msgspec
from fakes.daemon import Daemon, make_settings

from edgefuse.link.client import Link
from edgefuse.ota.events import Progressed
from edgefuse.ota.wire import HelperAnswer, Job
from edgefuse.supervisor import install_helper
from edgefuse.supervisor.children import Children
from edgefuse.supervisor.install_helper import InstallHelper
from edgefuse.trusted_time import TrustedTime

LOOK_S = 0.05


class Order(msgspec.Struct, frozen=True):
    """What to do; one line of stdin."""

    job: Job
    helper: str = install_helper.MODULE
    """What is started as such."""
    kill_at_bytes: int | None = None
    """Kill the helper when so much has been relayed to it."""


class Worked(msgspec.Struct, kw_only=True):
    """What it took; one line of stdout."""

    answer: HelperAnswer | None = None
    relayed_bytes: int = 0
    seconds: float = 0.0
    """From the first sign of progress to the last chunk."""
    supervisor_mb: float = 0.0
    """By how much it grew meanwhile, at most."""
    helper_mb: float = 0.0
    """Likewise, from its first sign of progress on."""


class Device(Daemon):
    """What the link belongs to."""

    def __init__(self) -> None:
        super().__init__()
        self.children = Children()
        self.link: Link
        self._helper: InstallHelper | None = None
        self._work, self._kill_at_bytes = Worked(), None
        self._began_s = self._idle_mb = 0.0

    def take_chunk(self, payload: bytes) -> None:
        """Pass it on."""
        if self._helper is None:
            return
        self._helper.take_chunk(payload)
        self._work.relayed_bytes += len(payload)
        self._work.seconds = time.perf_counter() - self._began_s
        if self._kill_at_bytes is not None and self._work.relayed_bytes >= self._kill_at_bytes:
            with suppress(ProcessLookupError):
                os.kill(self._helper.pid, signal.SIGKILL)

    async def do(self, order: Order) -> Worked:
        """Have a job done."""
        self._work, self._kill_at_bytes, self._idle_mb = Worked(), order.kill_at_bytes, 0.0
        Path("/proc/self/clear_refs").write_text("5")  # forget the peak
        before_mb = _memory_mb(os.getpid(), "VmRSS")
        self._began_s = time.perf_counter()
        install_helper.MODULE = order.helper
        self._helper = InstallHelper(self.children, order.job, self.link.request_chunk, self._begin)
        watching = asyncio.create_task(self._watch(self._helper.pid))
        self._work.answer = await self._helper.finish()
        self._helper = None
        watching.cancel()
        self._work.supervisor_mb = _memory_mb(os.getpid(), "VmHWM") - before_mb
        return self._work

    def _begin(self, _progress: Progressed) -> None:
        if self._helper is not None and not self._idle_mb:
            self._began_s = time.perf_counter()
            self._idle_mb = _memory_mb(self._helper.pid, "VmRSS")

    async def _watch(self, pid: int) -> None:
        while True:
            await asyncio.sleep(LOOK_S)
            with suppress(OSError, StopIteration):
                if self._idle_mb:
                    self._work.helper_mb = _memory_mb(pid, "VmHWM") - self._idle_mb


def _memory_mb(pid: int, name: str) -> float:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return int(next(line.split()[1] for line in lines if line.startswith(name))) * 1024 / 1e6


async def run(folder: Path, url: str) -> None:
    """Do what stdin says until its end."""
    loop = asyncio.get_running_loop()
    device = Device()
    device.children.watch(loop)
    device.link = Link(make_settings(folder, url), folder / "state", device, loop, TrustedTime())
    device.link.start()
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        worked = await device.do(msgspec.json.decode(line, type=Order))
        print(msgspec.json.encode(worked).decode(), flush=True)
    device.link.stop()


if __name__ == "__main__":
    asyncio.run(run(Path(sys.argv[1]), sys.argv[2]))
