"""A daemon for the link: a loop in a thread of its own that reports made-up figures and does as it is told."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from edgefuse import clock
from edgefuse.config.link import LinkSettings
from edgefuse.link.client import Link
from edgefuse.link.commands import Action, Outcome
from edgefuse.link.messages import Desired, Latency, PipelineReport, SystemReport
from edgefuse.trusted_time import TrustedTime

PATIENCE_S = 60.0


class Daemon:
    """Performs every action at once with ``outcome``, and remembers it."""

    def __init__(self) -> None:
        self.performed: list[Action] = []
        self.wishes: list[Desired] = []
        self.chunks: list[bytes] = []
        self._news = threading.Condition()
        self.outcome = Outcome()
        self.error: Exception | None = None
        self.gate: asyncio.Event | None = None
        """What actions wait for, where there is one."""
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self._thread.start()

    def make_reports(self, n: int) -> tuple[SystemReport, PipelineReport | None]:
        """Report the same figures each time."""
        system = SystemReport(
            t=clock.wall_iso(), n=n, temp_c={"cpu": 51.5}, band="cool", is_throttled=False, mem_mb=180, disk_free_mb=9e3
        )
        pipeline = PipelineReport(
            t=clock.wall_iso(),
            n=n,
            fps_in=30.0,
            fps=29.8,
            dropped=2,
            latency_ms=Latency(20.0, 28.0, 33.0),
            faces=1.2,
            width_px=1280,
            height_px=720,
            point=0,
            effect="anonymise",
            release="0",
        )
        return system, pipeline

    async def perform(self, action: Action) -> Outcome:
        """Do it."""
        if self.gate is not None:
            await self.gate.wait()
        self.performed.append(action)
        if self.error is not None:
            raise self.error
        return self.outcome

    def wish(self, desired: Desired) -> None:
        """Remember it."""
        with self._news:
            self.wishes.append(desired)
            self._news.notify_all()

    def take_chunk(self, payload: bytes) -> None:
        """Remember it."""
        with self._news:
            self.chunks.append(payload)
            self._news.notify_all()

    def wait(self, is_enough: Callable[[], object]) -> None:
        """Wait until enough was wished or came."""
        with self._news:
            if not self._news.wait_for(is_enough, PATIENCE_S):
                raise TimeoutError(f"only {self.wishes} and {len(self.chunks)} chunks came")

    def close(self) -> None:
        """End the loop."""
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join()
        self.loop.close()


def make_settings(folder: Path, url: str, **changes: object) -> LinkSettings:
    """Give the settings of the device ``dev1`` with its credentials below ``folder``."""
    return msgspec.convert(
        {"broker": url, "device_id": "dev1", "credentials": str(folder / "credentials"), **changes}, LinkSettings
    )


@contextmanager
def linked(folder: Path, daemon: Daemon, url: str, **changes: object) -> Iterator[Link]:
    """Run the link of the device ``dev1`` with everything below ``folder``."""
    link = Link(make_settings(folder, url, **changes), folder / "state", daemon, daemon.loop, TrustedTime())
    link.start()
    yield link
    link.stop()
