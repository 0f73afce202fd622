"""The controller: takes in what all devices say, and writes it to the store.

    broker ──► Listening ──► Batch    ── at most 50 ms later ──► database ──► acknowledged
                         └─► Figures  ── every 2 s ────────────► database

One thread does it all, so that nothing waits anywhere else than at the broker: while the database is away, events and
states are not acknowledged, and before they could pile up here, nothing is read any more. Several controllers may work
on one database.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass

from edgefuse import clock
from edgefuse.fleet.batch import Batch
from edgefuse.fleet.chores import Chores
from edgefuse.fleet.database import Database, DatabaseError
from edgefuse.fleet.figures import Figures
from edgefuse.fleet.line import Arrival
from edgefuse.fleet.listening import Listening
from edgefuse.link.connection import Received
from edgefuse.link.messages import PipelineReport, State, SystemReport, decode
from edgefuse.link.topics import parse_topic

logger = logging.getLogger(__name__)

BATCH_S = 0.05
"""A broker sends on only so much that is not acknowledged, 20 messages by default, so nothing waits long."""
BATCH_MESSAGES = 500
MAX_WAITING = 2000
"""Messages to be acknowledged, above what brokers send on; then nothing is read until the database takes them."""
FIGURES_S = 0.5
"""Who looks at the database once a second sees a report within 1.7 s, at p95 of ten thousand devices."""
RETRY_S = (0.5, 1.0, 2.0, 5.0, 10.0)
"""Pauses while the database is away."""
TICK_S = 0.5
"""For chores; also bounds how long a stop takes."""
COMPLAINT_S = 60.0
"""Messages that cannot be read are told of so often."""


@dataclass(slots=True)
class Counts:
    """Since the start."""

    taken: int = 0
    """Messages that were of use."""
    unreadable: int = 0
    committed: int = 0
    """Messages at QoS 1 that are safe and acknowledged."""
    delay_s: float = 0.0
    """From the first message of the newest batch until all of it was safe."""
    is_listening: bool = False
    """Now: devices are heard, and all that the broker held when we connected is known."""


class Controller:
    """A component of ``edgefuse fleet serve``."""

    name = "controller"

    def __init__(self, database: Database, listening: Listening, name: str) -> None:
        """Take what devices say from ``listening`` into the database, under a name that no other controller has."""
        self.counts = Counts()
        self._database = database
        self._listening = listening
        self._chores = Chores(database, name)
        self._figures = Figures()
        self._batch = Batch()
        self._waiting: list[Arrival] = []
        self._batch_ns = self._figures_ns = self._retry_ns = clock.now_ns()
        self._failures = 0
        self._complaint_ns = 0

    def run(self, stop: threading.Event) -> None:
        """Work until ``stop`` is set, and write what is left."""
        while not stop.is_set():
            self._turn()
        self._finish()

    def _turn(self) -> None:
        arrivals = self._listening.step(self._find_wait_s(), is_reading=len(self._waiting) < MAX_WAITING)
        self.counts.is_listening = self._listening.is_caught_up
        heard_s = clock.wall_now().timestamp()
        for arrival in arrivals:
            self._take(arrival, heard_s)
        if clock.now_ns() < self._retry_ns:
            return
        try:
            self._write_due()
            self._chores.step(self._listening.since_s, must_take_turns=self._listening.must_take_turns)
            self._listening.take_reports(is_wanted="reports" in self._chores.duties)
            self._note_success()
        except DatabaseError as e:
            self._note_failure(e)

    @property
    def _has_batch(self) -> bool:
        """Something is to be written, or, where it changes nothing, to be acknowledged."""
        return bool(self._batch or self._waiting)

    def _find_wait_s(self) -> float:
        """Give how long to wait for messages, at most."""
        due_ns = min(self._figures_ns, self._batch_ns) if self._has_batch else self._figures_ns
        left_s = (max(due_ns, self._retry_ns) - clock.now_ns()) / clock.NS_PER_S
        return min(TICK_S, max(0.0, left_s))

    def _take(self, arrival: Arrival, heard_s: float) -> None:
        received = arrival.received
        try:
            self._read(received, heard_s)
        except ValueError as e:
            self._pass_over(arrival, e)
            return
        self.counts.taken += 1
        if received.qos:
            self._waiting.append(arrival)

    def _read(self, received: Received, heard_s: float) -> None:
        address = parse_topic(received.topic)
        content = address.topic.content
        if content is None:
            raise ValueError("nobody reads this topic here")
        if not received.payload and address.topic.is_retained:
            self._gather(lambda batch: batch.remove(address))
            return
        said, payload = decode(received.payload, content), received.payload.decode()
        if isinstance(said, SystemReport | PipelineReport):
            self._figures.add(address.device, said, payload, heard_s)
            return
        self._gather(lambda batch: batch.add(address, said, payload, heard_s))
        if isinstance(said, State) and said.presence == "online" and received.is_live:  # last wills were made long ago
            self._figures.greet(address.device, said.t, heard_s)

    def _gather(self, change: Callable[[Batch], None]) -> None:
        """Change the batch, which is written soon from the first change on."""
        if not self._has_batch:
            self._batch_ns = clock.now_ns() + round(BATCH_S * clock.NS_PER_S)
        change(self._batch)

    def _pass_over(self, arrival: Arrival, reason: ValueError) -> None:
        """Forget what nobody can read; the broker shall, too."""
        arrival.acknowledge()
        self.counts.unreadable += 1
        now_ns = clock.now_ns()
        if now_ns >= self._complaint_ns:
            self._complaint_ns = now_ns + round(COMPLAINT_S * clock.NS_PER_S)
            text = "message passed over topic=%s reason=%s passed_over=%d"
            logger.warning(text, arrival.received.topic, reason, self.counts.unreadable)

    def _write_due(self) -> None:
        now_ns = clock.now_ns()
        if self._has_batch and (now_ns >= self._batch_ns or len(self._batch) >= BATCH_MESSAGES):
            self._write_batch()
        if now_ns >= self._figures_ns:
            self._write_figures(is_last=False)
            self._figures_ns = now_ns + round(FIGURES_S * clock.NS_PER_S)

    def _write_batch(self) -> None:
        """Write what came at QoS 1; only when no power cut can undo it, the broker may forget it."""
        with self._database.writing() as connection:
            self._batch.write(connection)
        self._batch = Batch()
        for arrival in self._waiting:
            arrival.acknowledge()
        self.counts.committed += len(self._waiting)
        self.counts.delay_s = (clock.now_ns() - self._batch_ns) / clock.NS_PER_S + BATCH_S
        self._waiting.clear()

    def _write_figures(self, *, is_last: bool) -> None:
        now_s = clock.wall_now().timestamp()
        with self._database.writing(is_durable=False) as connection:
            self._figures.write(connection, now_s, is_last=is_last)
        self._figures.forget(now_s)

    def _note_success(self) -> None:
        if self._failures:
            logger.info("the database is back lost_buckets=%d", self._figures.lost)
        self._failures = 0

    def _note_failure(self, error: DatabaseError) -> None:
        """Try again later; the broker keeps what it does not know to be safe."""
        if not self._failures:
            logger.error("%s; trying again, nothing is acknowledged until then", error)
        pause_s = RETRY_S[min(self._failures, len(RETRY_S) - 1)]
        self._failures += 1
        self._retry_ns = clock.now_ns() + round(pause_s * clock.NS_PER_S)
        self._figures.trim()

    def _finish(self) -> None:
        try:
            if self._has_batch:
                self._write_batch()
            self._write_figures(is_last=True)
            self._chores.end()
        except DatabaseError as e:
            logger.error("%s; the broker keeps %d messages", e, len(self._waiting))
        self._listening.close()
        logger.info("controller stopped %s", self.counts)
