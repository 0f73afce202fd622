"""What the device says of itself: its state, its reports, its events; now, or later from the spool."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable
from typing import Literal

import edgefuse
from edgefuse import clock
from edgefuse.errors import StoreError
from edgefuse.link import topics
from edgefuse.link.cadence import Cadence, Mode
from edgefuse.link.messages import Deployment, Event, PipelineReport, Presence, State, SystemReport, encode
from edgefuse.link.outbox import Outbox, Publication
from edgefuse.link.spool import Backlog
from edgefuse.link.topics import Topic

logger = logging.getLogger(__name__)

Level = Literal["info", "warning", "error"]

MAX_TEXT = 2000
"""Characters of an event's text."""


class Reporter:
    """Used by the link's thread."""

    def __init__(
        self, backlog: Backlog, outbox: Outbox, *, is_metered: bool, wall_iso: Callable[[], str] = clock.wall_iso
    ) -> None:
        """Report through the outbox while there is a broker, else keep it in the backlog."""
        self.due_ns = clock.now_ns()
        """When the next reports shall be made."""
        self._mqtt = ""
        self._backlog = backlog
        self._outbox = outbox
        self._wall_iso = wall_iso
        self._cadence = Cadence(is_metered)
        self._shown_mode: Mode | None = None
        self._release, self._service = "", ""
        self._online_since = ""
        self._boot = secrets.token_hex(6)
        self._deployment_seq = -1
        self._n = 0
        self._dropped = 0
        self._said_lost = 0

    def next_report(self) -> int | None:
        """Give the number of the reports that are due now; nothing while none are."""
        now_ns = clock.now_ns()
        if self._cadence.mode(now_ns) != self._shown_mode:
            self.show_state(self._release, self._service)
        if now_ns < self.due_ns:
            return None
        self.due_ns = now_ns + self._cadence.period_ns(now_ns)
        self._n += 1
        return self._n

    def watch(self, lease_s: float) -> None:
        """Report often for a while."""
        self._cadence = self._cadence.with_lease(lease_s, clock.now_ns())
        self.due_ns = clock.now_ns()

    def send(self, system: SystemReport, pipeline: PipelineReport | None, *, is_open: bool) -> None:
        """Publish reports at once where the connection keeps up, else keep them for later."""
        is_live = is_open and self._outbox.takes_live()
        for topic, report in ((topics.SYSTEM, system), (topics.PIPELINE, pipeline)):
            if report is not None and is_live:
                self._outbox.post(Publication(topic, encode(report)))
            elif report is not None:
                self._keep(topic, encode(report))

    def say(self, at: str, level: Level, kind: str, text: str) -> None:
        """Keep an event until the broker has it."""
        event = Event(
            t=at, stream=self._backlog.stream, n=self._backlog.next_n, level=level, kind=kind, text=text[:MAX_TEXT]
        )
        if not self._keep(topics.EVENT, encode(event)):
            self._dropped += 1

    def say_lost(self, dropped: int) -> None:
        """Say how many events were lost in all, ``dropped`` of them before they came here."""
        lost = self._backlog.lost_events + self._dropped + dropped
        if lost > self._said_lost:
            text = f"{lost - self._said_lost} events are lost: the disk or the spool was full"
            self._said_lost = lost
            self.say(self._wall_iso(), "warning", "events_lost", text)

    def show_state(self, release: str, service: str) -> None:
        """Publish what runs here, now and on every connection."""
        self._release, self._service = release, service
        self._shown_mode = self._cadence.mode(clock.now_ns())
        self._outbox.retain(topics.STATE, encode(self.make_state("online", self._online_since)))

    def show_deployment(self, deployment: Deployment) -> None:
        """Publish how the newest deployment stands, now and on every connection; an older report changes nothing."""
        if deployment.seq >= self._deployment_seq:
            self._deployment_seq = deployment.seq
            self._outbox.retain(topics.DEPLOYMENT, encode(deployment))

    def show_again(self, mqtt: str) -> None:
        """Publish the state as it is now, over a broker that understands this version of the protocol."""
        self._mqtt, self._online_since = mqtt, self._wall_iso()
        self.show_state(self._release, self._service)

    def make_state(self, presence: Presence, since: str = "") -> State:
        """Give the state as it is now; without ``since`` for the broker to say later."""
        return State(
            t=self._wall_iso(),
            presence=presence,
            since=since,
            version=edgefuse.__version__,
            release=self._release,
            service=self._service,
            mode=self._cadence.mode(clock.now_ns()),
            mqtt=self._mqtt,
            boot=self._boot,
        )

    def _keep(self, topic: Topic, payload: bytes) -> bool:
        try:
            self._backlog.add(topic.name, payload)
        except (StoreError, ValueError) as e:
            logger.warning("report is lost topic=%s reason=%s", topic.name, e)
            return False
        return True
