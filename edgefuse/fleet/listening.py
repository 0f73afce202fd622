"""Hearing all devices at once, over two sessions at the broker.

=======  =====================  ========================================================================
session  outlives this process  what comes in it
=======  =====================  ========================================================================
events   yes, for a day         events at QoS 1, which wait there while we are away
figures  no                     reports at QoS 0; state, inventory and deployment, which the broker holds
=======  =====================  ========================================================================

The broker shares reports out among controllers (``$share``). It would go on to give a member that is away its share,
so that session must end with its process. All else comes to every controller: it is little, and so no event is lost as
long as one controller comes back.

What is retained is read at QoS 0, because mosquitto drops it at QoS 1 beyond some thousand messages, and under a filter
of its own, so that the one for news at QoS 1 stays as it is. It ends when a marker to ourselves comes back.
"""

from __future__ import annotations

import logging
import secrets
import ssl
from dataclasses import replace

from edgefuse import clock
from edgefuse.config.link import Broker
from edgefuse.fleet.broker import MARKER_PREFIX
from edgefuse.fleet.line import Alarm, Arrival, Line, wait
from edgefuse.link.connection import Closed, Connection, Note, Opened, Received, Target
from edgefuse.link.topics import DEPLOYMENT, EVENT, INVENTORY, PREFIX, STATE

logger = logging.getLogger(__name__)

EVENTS = f"{PREFIX}/+/{EVENT.name}"
LATEST = [f"{PREFIX}/+/{topic.name}" for topic in (STATE, INVENTORY, DEPLOYMENT)]
HELD = f"{PREFIX}/+/up/+"
"""Matches ``LATEST`` and is another filter."""
REPORTS = f"{PREFIX}/+/up/tm/+"
SHARED_REPORTS = f"$share/edgefuse/{REPORTS}"
KEEPALIVE_S = 60
MARKER_S = 10.0
"""A marker that is not back by then is sent again: one at QoS 0 may be dropped."""


class Listening:
    """Used by one thread."""

    def __init__(self, name: str, broker: Broker, tls: ssl.SSLContext | None) -> None:
        """Prepare to listen under a name that no other controller has."""
        self.since_s: float | None = None
        """Since when devices are heard, Unix time; nothing while they are not."""
        self._alarm = Alarm()
        target = Target(f"controller-{name}", broker, tls, KEEPALIVE_S)
        self._events = Line(target, self._alarm.ring)
        self._figures = Line(replace(target, device=f"{target.device}-figures", is_lasting=False), self._alarm.ring)
        self._has_reports = False
        self._held = _Held(f"{MARKER_PREFIX}/{self._figures.name}")

    @property
    def must_take_turns(self) -> bool:
        """Only one controller may have the reports, because this broker does not share them out."""
        return self.since_s is not None and not self._figures.can_share

    @property
    def is_caught_up(self) -> bool:
        """All that the broker held when we connected has come."""
        return self.since_s is not None and self._held.is_read

    def step(self, timeout_s: float, *, is_reading: bool) -> list[Arrival]:
        """Wait for messages, but not longer than that, and give them; the broker keeps them with ``is_reading`` off."""
        readable = wait((self._events, self._figures), self._alarm, timeout_s, is_reading=is_reading)
        arrivals: list[Arrival] = []
        for line in (self._events, self._figures):
            connection, notes = line.step(is_readable=line in readable)
            for note in notes:
                self._take(line, connection, note, arrivals)
        self._held.ask_again(self._figures.connection if self.since_s else None)
        return arrivals

    def take_reports(self, *, is_wanted: bool) -> None:
        """Have all reports, or none, from a broker that does not share them out."""
        connection = self._figures.connection
        if connection is None or not self.must_take_turns or is_wanted == self._has_reports:
            return
        self._has_reports = is_wanted
        if is_wanted:
            connection.subscribe([REPORTS], 0)
        else:
            connection.unsubscribe([REPORTS])

    def close(self) -> None:
        """Take leave."""
        self._events.close()
        self._figures.close()
        self._alarm.close()

    def _take(self, line: Line, connection: Connection | None, note: Note, arrivals: list[Arrival]) -> None:
        if isinstance(note, Opened):
            assert line.connection is not None
            self._open(line, line.connection)
        elif isinstance(note, Closed):
            self._note_end(line, note)
        elif isinstance(note, Received) and connection is not None and self._is_of_use(line, connection, note):
            arrivals.append(Arrival(note, connection))

    def _is_of_use(self, line: Line, connection: Connection, received: Received) -> bool:
        return line is self._events or self._held.lets_pass(connection, received)

    def _open(self, line: Line, connection: Connection) -> None:
        if line is self._events:
            connection.subscribe([EVENTS])
            logger.info("listening client=%s topics=%s", line.name, EVENTS)
            return
        connection.subscribe(LATEST, is_new_only=True)
        if line.can_share:
            connection.subscribe([SHARED_REPORTS], 0)
        self._has_reports = False
        self._held.ask(connection)
        self.since_s = clock.wall_now().timestamp()
        reports = SHARED_REPORTS if line.can_share else REPORTS
        logger.info("listening client=%s topics=%s", line.name, " ".join([*LATEST, reports]))

    def _note_end(self, line: Line, end: Closed) -> None:
        if line is self._figures:
            self.since_s = None
        if end.cause == "taken_over":
            logger.error("another controller has the name of this one, give one of them --name: client=%s", line.name)


class _Held:
    """What the broker holds, each time we connect."""

    def __init__(self, marker: str) -> None:
        """Take the topic of the marker."""
        self._marker = marker
        self._token = b""
        self._due_ns = 0
        self._fresh: set[str] = set()
        self._read = 0

    @property
    def is_read(self) -> bool:
        """Nothing more is to come."""
        return not self._token

    def ask(self, connection: Connection) -> None:
        """Begin to read it."""
        self._fresh.clear()
        self._read = 0
        connection.subscribe([self._marker, HELD], 0)
        self._mark(connection)

    def ask_again(self, connection: Connection | None) -> None:
        """Send the marker again when it is not back."""
        if connection is not None and self._token and clock.now_ns() >= self._due_ns:
            self._mark(connection)

    def lets_pass(self, connection: Connection, received: Received) -> bool:
        """Tell whether a message is of use: news, or what is held and was not overtaken by news."""
        if received.topic == self._marker:
            self._end(connection, received)
            return False
        if received.qos:
            if self._token:
                self._fresh.add(received.topic)
            return True
        if "/up/tm/" in received.topic:
            return True
        self._read += received.is_retained
        return received.is_retained and received.topic not in self._fresh

    def _mark(self, connection: Connection) -> None:
        self._token = secrets.token_bytes(8)
        self._due_ns = clock.now_ns() + round(MARKER_S * clock.NS_PER_S)
        connection.publish(self._marker, self._token, 1, is_retained=False)

    def _end(self, connection: Connection, received: Received) -> None:
        if received.payload == self._token:
            self._token = b""
            self._fresh.clear()
            connection.unsubscribe([self._marker, HELD])
            logger.info("all that the broker holds is read messages=%d", self._read)
