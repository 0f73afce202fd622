"""Telling Home Assistant of the devices that the site trusts, and taking away those that it trusts no longer.

What it is told is retained at the broker, so it is told of changes only, and of all again when we connect or it starts.
What is retained from before is read, too: devices may have left the site while nobody was here. Several controllers say
the same.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence

from edgefuse import clock
from edgefuse.fleet.database import DatabaseError
from edgefuse.fleet.home_assistant import (
    BIRTH,
    BIRTH_TOPIC,
    DISCOVERY_TOPICS,
    About,
    describe,
    discovery_topic,
    find_device,
    make_discovery,
)
from edgefuse.fleet.line import Alarm, Line, wait
from edgefuse.fleet.site import Register
from edgefuse.fleet.store import DeviceRecord
from edgefuse.link.connection import Connection, Note, Opened, Received, Sent, Target

PERIOD_S = 10.0
"""Between looks at the store: a new device is known to Home Assistant that soon."""
TICK_S = 0.5
"""Bounds how long a stop takes."""
SETTLE_S = 1.0
"""After connecting, for what is retained; what comes later is looked at the next time."""
WINDOW = 32
"""Messages under way: a broker is not sent thousands at once."""

_BEFORE = About(identifiers=(), name="", sw_version="")
"""Somebody told of the device before; it is like nothing that is told now."""

Read = Callable[[], tuple[Sequence[DeviceRecord], Register]]


class Announcer:
    """A component of ``edgefuse fleet serve``."""

    name = "home-assistant"

    def __init__(self, target: Target, read: Read) -> None:
        """Tell of the devices that ``read`` gives, over a connection of its own."""
        self._read = read
        self._alarm = Alarm()
        self._line = Line(target, self._alarm.ring)
        self._due_ns = 0
        self._told: dict[str, About | None] = {}
        self._waiting: deque[str] = deque()
        self._under_way: set[int] = set()

    def run(self, stop: threading.Event) -> None:
        """Work until ``stop`` is set."""
        while not stop.is_set():
            self._turn()
        self._line.close()
        self._alarm.close()

    def _turn(self) -> None:
        readable = wait((self._line,), self._alarm, TICK_S, is_reading=True)
        connection, notes = self._line.step(is_readable=self._line in readable)
        for note in notes:
            self._take(note, connection)
        connection = self._line.connection
        if connection is not None and connection.is_open:
            self._look()
            self._send(connection)

    def _take(self, note: Note, connection: Connection | None) -> None:
        if isinstance(note, Opened) and self._line.connection is not None:
            self._under_way.clear()
            self._line.connection.subscribe([BIRTH_TOPIC])
            self._line.connection.subscribe([DISCOVERY_TOPICS], 0)
            self._tell_again(SETTLE_S)
        elif isinstance(note, Sent):
            self._under_way.discard(note.mid)
        elif isinstance(note, Received) and connection is not None:
            connection.acknowledge(note)
            if note.topic == BIRTH_TOPIC and note.payload == BIRTH:
                self._tell_again(0.0)
            elif note.payload and (device := find_device(note.topic)):
                self._told.setdefault(device, _BEFORE)

    def _tell_again(self, wait_s: float) -> None:
        """Tell of all devices, and take those away again that left the site since somebody told of them."""
        self._told = {device: _BEFORE for device, about in self._told.items() if about is not None}
        self._waiting.clear()
        self._due_ns = clock.now_ns() + round(wait_s * clock.NS_PER_S)

    def _look(self) -> None:
        """Find out what is new; while the store cannot be read, nothing is."""
        if clock.now_ns() < self._due_ns:
            return
        self._due_ns = clock.now_ns() + round(PERIOD_S * clock.NS_PER_S)
        try:
            records, register = self._read()
        except DatabaseError:  # the controller tells of it
            return
        for device, about in find_news(records, register, self._told):
            self._told[device] = about
            self._waiting.append(device)

    def _send(self, connection: Connection) -> None:
        while self._waiting and len(self._under_way) < WINDOW:
            device = self._waiting.popleft()
            about = self._told[device]
            payload = b"" if about is None else make_discovery(device, about)
            self._under_way.add(connection.publish(discovery_topic(device), payload, 1, is_retained=True))


def find_news(
    records: Sequence[DeviceRecord], register: Register, told: Mapping[str, About | None]
) -> Iterator[tuple[str, About | None]]:
    """Give the devices of which something else was told, and what is to be told of each; nothing takes it away."""
    known = {record.device: record for record in records}
    for device, member in register.members.items():
        record = known.get(device)
        if member.is_revoked:
            about = None
        elif record is not None and record.state is not None:
            about = describe(device, record.state, record.inventory)
        else:
            continue  # a store that was lost is no reason to take a device away
        if device not in told or told[device] != about:
            yield device, about
    for device in told.keys() - register.members.keys():  # as a simulation leaves the site
        if told[device] is not None:
            yield device, None
