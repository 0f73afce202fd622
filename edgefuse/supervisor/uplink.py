"""The link of this unit, for as long as its site configuration has one.

Without one nothing of it is loaded. What goes wrong with it is noted and costs the pipeline nothing. One that could not
be opened, such as before this unit has joined, is tried again after a reload and every minute.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from edgefuse import clock, paths
from edgefuse.config.link import LinkSettings
from edgefuse.errors import EdgefuseError
from edgefuse.planning.plan import Plan
from edgefuse.supervisor.control import DeploymentStatus, Event, Status
from edgefuse.supervisor.journal import Journal

if TYPE_CHECKING:
    from edgefuse.link.client import Link
    from edgefuse.link.commands import Port
    from edgefuse.trusted_time import TrustedTime


RETRY_S = 60.0
PROGRESS_S = 10.0
"""Between two reports of bytes that come."""


class Uplink:
    """Opens and closes the link, and feeds it."""

    def __init__(self, journal: Journal, make_port: Callable[[], Port]) -> None:
        """Take where events come from, and what makes the fleet's way in; events of before are told once it is open."""
        self._journal, self._make_port = journal, make_port
        self._link: Link | None = None
        self._settings: LinkSettings | None = None
        self._refusal = ""
        self._retry_s = math.inf
        """When to open again what could not be opened."""
        self._changing = asyncio.Lock()
        self._shown: tuple[str, str] | None = None
        self._shown_plan: Plan | None = None
        self._has_told = False
        self._time: TrustedTime | None = None
        self._shown_deployment: tuple[int, float] | None = None
        """Number of the report, and when it was made."""
        journal.listen(self._tell)

    async def follow(self, settings: LinkSettings | None, now_s: float) -> None:
        """Have the link that the configuration asks for now, or none."""
        async with self._changing:
            if settings == self._settings and now_s < self._retry_s:
                return
            await self.close()
            self._settings, self._retry_s = settings, math.inf
            if settings is None:
                return
            try:
                self._link = await asyncio.to_thread(self._open, settings, asyncio.get_running_loop())
            except EdgefuseError as e:
                self._retry_s = now_s + RETRY_S
                if str(e) != self._refusal:
                    self._refusal = str(e)
                    self._journal.note("error", "link_refused", str(e))
                return
            self._refusal = ""
            self._shown, self._shown_plan, self._shown_deployment = None, None, None
            self._link.start()
            if not self._has_told:
                self._has_told = True
                for event in self._journal.newest():
                    self._tell(event)

    def try_again(self) -> None:
        """Open at the next ``follow`` what could not be opened before."""
        if self._retry_s != math.inf:
            self._retry_s = -math.inf

    def show(self, status: Status) -> None:
        """Tell the fleet what has changed in what this unit is and runs."""
        if self._link is None:
            return
        state = (status.release, status.service.state)
        if state != self._shown:
            self._shown = state
            self._link.set_state(*state)
        if status.plan is not None and status.plan is not self._shown_plan:
            from edgefuse.supervisor.telling import read_inventory

            self._shown_plan = status.plan
            self._link.set_inventory(partial(read_inventory, status, status.plan))

        if status.deployment is not None:
            self.show_deployment(status.deployment)

    def show_deployment(self, deployment: DeploymentStatus) -> None:
        """Tell how the newest deployment stands: each change at once, and bytes that come now and then."""
        if self._link is None:
            return
        now_s, (seq, shown_s) = clock.now_ns() / clock.NS_PER_S, self._shown_deployment or (-1, 0.0)
        is_coming = deployment.total_bytes > 0 and now_s - shown_s >= PROGRESS_S
        if deployment.seq != seq or is_coming:
            from edgefuse.supervisor.telling import make_deployment_report

            self._shown_deployment = (deployment.seq, now_s)
            self._link.set_deployment(make_deployment_report(deployment))

    def request_chunk(self, payload: bytes) -> None:
        """Ask the repository for something; without a link nobody hears it, and whoever asks does so again."""
        if self._link is not None:
            self._link.request_chunk(payload)

    def read_trusted_time(self) -> str | None:
        """Give the wall time as this unit can prove it, ISO 8601; may take a while."""
        from edgefuse.trusted_time import TrustedTime, UntrustedClockError

        try:
            return clock.to_iso((self._time or TrustedTime()).now())
        except UntrustedClockError:
            return None

    async def close(self) -> None:
        """Take leave of the fleet."""
        link, self._link, self._settings = self._link, None, None
        if link is not None:
            await asyncio.to_thread(link.stop)

    def _tell(self, event: Event) -> None:
        if self._link is not None:
            self._link.say(event.level, event.kind, event.text)

    def _open(self, settings: LinkSettings, loop: asyncio.AbstractEventLoop) -> Link:
        """Load and open the link, which takes a while on a card."""
        from edgefuse.link.client import Link
        from edgefuse.trusted_time import TrustedTime

        self._time = TrustedTime()
        return Link(settings, paths.state_dir(), self._make_port(), loop, self._time)
