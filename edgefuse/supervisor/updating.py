"""Updates of this unit: what the fleet wishes for, fed to the state machine; what that asks for, performed.

    link ── wish ──────────┐
    operator ── cancel ────┼─► events, one after the other ──► ledger ──► Performer ──► answers ──┐
    every second ──────────┘     ▲                                                               │
                                 └───────────────────────────────────────────────────────────────┘

The ledger, ``deployment.json``, is written in a thread, and nothing is begun before it is. It is not read before there
is something in it, or a wish.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

from edgefuse import paths
from edgefuse.errors import StoreError
from edgefuse.ota import journal as ota_journal
from edgefuse.ota.actions import Work
from edgefuse.ota.deployment import InstallState, Wish
from edgefuse.ota.events import BaselineMeasured, Cancelled, Event, Started, Ticked, Wished
from edgefuse.supervisor.children import Children
from edgefuse.supervisor.control import CancelUpdate, DeploymentStatus, Done, GetHistory, History, Refused, Reply
from edgefuse.supervisor.journal import Journal
from edgefuse.supervisor.steering import Steering
from edgefuse.supervisor.supervision import Supervision
from edgefuse.supervisor.trial import Pace
from edgefuse.supervisor.update_news import find_news
from edgefuse.supervisor.update_work import Performer
from edgefuse.supervisor.uplink import Uplink

BASELINE_BLOCKS = 8
"""Fewer tell nothing."""


class Updating:
    """Owns the ledger, and whoever performs what it says."""

    def __init__(
        self,
        children: Children,
        steering: Steering,
        supervision: Supervision,
        uplink: Uplink,
        *,
        journal: Journal,
        pace: Pace,
    ) -> None:
        """Take whom it works with; nothing is read yet."""
        self._uplink, self._journal = uplink, journal
        self._path = paths.state_dir() / "deployment.json"
        self._events: asyncio.Queue[Event] = asyncio.Queue()
        self._wish: Wish | None = None
        """The newest that waits for its turn among the events; others are not kept, however many a broker brings."""
        self._ledger: ota_journal.Journal | None = None
        self._task: asyncio.Task[None] | None = None
        self._performer = Performer(
            children, steering, supervision, uplink, journal=journal, say=self._take_event, pace=pace
        )
        steering.before_change = self._performer.interrupt

    def start(self) -> None:
        """Go on with what a restart interrupted."""
        if self._path.exists():
            self._follow()

    def wish(self, release: str, deployment: str, seq: int) -> None:
        """Take note of what the fleet would like to see here."""
        before, wish = self._wish, Wish(release=release, deployment=deployment, seq=seq)
        if before is None or wish.seq > before.seq:
            self._wish = wish
        if before is None:
            self._take_event(Wished(wish))

    def take_chunk(self, payload: bytes) -> None:
        """Pass on what the repository sent."""
        self._performer.take_chunk(payload)

    def tick(self) -> None:
        """Let time pass; call it every second."""
        if self._ledger is not None and self._events.empty() and _is_under_way(self._ledger.state):
            self._take_event(Ticked())

    def perform(self, request: CancelUpdate | GetHistory) -> Reply:
        """Do what somebody asked for."""
        state = self._ledger.state if self._ledger else InstallState()
        if isinstance(request, GetHistory):
            newest = (state.deployment,) if state.deployment else ()
            return History((*state.history, *newest), state.bad.entries)
        if not _is_under_way(state):
            return Refused("cannot cancel an update: none is under way")
        if state.deployment is not None and state.deployment.step in ("COMMIT", "CLEANUP"):
            return Refused(f"cannot cancel the update: it is all but over ({state.deployment.step})")
        self._take_event(Cancelled(request.reason or "an operator ended it"))
        return Done()

    def status(self) -> DeploymentStatus | None:
        """Tell how the newest deployment stands; nothing where there was none."""
        state = self._ledger.state if self._ledger else None
        if state is None or state.deployment is None:
            return None
        watch = state.watch
        return DeploymentStatus(
            seq=state.seq,
            deployment=state.deployment,
            findings=watch.findings or state.deployment.findings,
            done_bytes=watch.done_bytes,
            total_bytes=watch.total_bytes,
        )

    async def close(self) -> None:
        """End whatever is under way; the next start goes on with it."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
        await self._performer.close()

    def _take_event(self, event: Event) -> None:
        self._events.put_nowait(event)
        self._follow()

    def _follow(self) -> None:
        """Go on taking events; a ledger that could not be read is tried again."""
        if self._task is None or self._task.done():
            self._task = asyncio.get_running_loop().create_task(self._run())

    async def _run(self) -> None:
        """Take one event after the other."""
        try:
            ledger = await asyncio.to_thread(ota_journal.Journal, self._path, self._performer.settings)
        except StoreError as e:
            self._events, self._wish = asyncio.Queue(), None
            self._journal.note("error", "update_failed", f"no release can be installed: {e}")
            return
        self._ledger = ledger
        await self._take(ledger, Started())
        while True:
            event = await self._events.get()
            if isinstance(event, Wished) and self._wish is not None:
                event, self._wish = Wished(self._wish), None
            for earlier in self._find_baselines(ledger.state, event):
                await self._take(ledger, earlier)
            await self._take(ledger, event)

    def _find_baselines(self, state: InstallState, event: Event) -> Iterator[BaselineMeasured]:
        """Give what the release that runs is like before another one comes: seldom enough for a card that wears."""
        if isinstance(event, Wished) and event.wish.seq > state.wish_seq and not _is_under_way(state):
            for figures in self._performer.meter.all():
                if len(figures.frame_ms) >= BASELINE_BLOCKS:
                    yield BaselineMeasured(figures)

    async def _take(self, ledger: ota_journal.Journal, event: Event) -> None:
        """Have an event written down, and do what follows."""
        before, ledger.settings = ledger.state, self._performer.settings
        actions = await asyncio.to_thread(ledger.take, event)
        if (status := self.status()) is not None:
            self._uplink.show_deployment(status)
        for level, kind, text in find_news(before, ledger.state):
            self._journal.note(level, kind, text)
        for action in actions:
            if isinstance(action, Work):
                self._performer.begin(action)
            else:
                self._performer.stop()


def _is_under_way(state: InstallState) -> bool:
    return state.deployment is not None and not state.deployment.is_over
