"""One session at the broker that is kept up: dialed again with short pauses, and read as fast as messages come."""

from __future__ import annotations

import select
import socket
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial

from edgefuse import clock
from edgefuse.link.connection import Connection, Note, Received, Target
from edgefuse.link.dialer import Dialer

MAX_PAUSE_S = 10.0
"""Between two tries to connect."""
MAX_AT_ONCE = 500
"""Notes taken in before somebody else has a turn."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """A message, and where to acknowledge it."""

    received: Received
    connection: Connection

    def acknowledge(self) -> None:
        """Tell the broker that it is safe here; one whose connection is gone comes again."""
        self.connection.acknowledge(self.received)


class Alarm:
    """Ends a wait from another thread."""

    def __init__(self) -> None:
        """Begin without one to end."""
        self._ringing, self.socket = socket.socketpair()
        self._ringing.setblocking(False)
        self.socket.setblocking(False)

    def ring(self) -> None:
        """End the wait, or the next one; any thread may."""
        with suppress(BlockingIOError, OSError):  # enough rings wait already, or it is over
            self._ringing.send(b"\0")

    def silence(self) -> None:
        """Forget that it rang."""
        with suppress(BlockingIOError):
            self.socket.recv(4096)

    def close(self) -> None:
        """End it."""
        self._ringing.close()
        self.socket.close()


class Line:
    """Used by one thread."""

    def __init__(self, target: Target, wake: Callable[[], None]) -> None:
        """Connect at the first step; ``wake`` is called from another thread when that came to something."""
        self.name = target.device
        self._dialer = Dialer(target.device, partial(Connection, target), wake, MAX_PAUSE_S)

    @property
    def connection(self) -> Connection | None:
        """Give the connection, which the broker may not have taken yet."""
        return self._dialer.connection

    @property
    def can_share(self) -> bool:
        """Tell whether the broker shares messages out among subscribers, for which MQTT 3.1.1 has no word."""
        return self._dialer.protocol == "5"

    def step(self, *, is_readable: bool) -> tuple[Connection | None, list[Note]]:
        """Take in what came, without waiting, and give it and the connection that it came over."""
        connection = self._dialer.connection
        notes = self._dialer.step(clock.now_ns(), is_readable=is_readable)
        while is_readable and self._dialer.connection is connection and len(notes) < MAX_AT_ONCE:
            is_readable = _is_readable(connection)
            if is_readable:
                notes += self._dialer.step(clock.now_ns(), is_readable=True)
        return connection, notes

    def close(self) -> None:
        """Take leave; the broker keeps a session that lasts."""
        if self._dialer.connection is not None:
            self._dialer.connection.close()


def wait(lines: Sequence[Line], alarm: Alarm, timeout_s: float, *, is_reading: bool) -> set[Line]:
    """Wait for something to do, but not longer than that; give the lines that have something to read.

    With ``is_reading`` off nothing is read, so the broker keeps what it has for us.
    """
    poll = select.poll()
    poll.register(alarm.socket, select.POLLIN)
    sockets = {}
    for line in lines:
        connection = line.connection
        sock = connection.socket() if connection else None
        if connection and sock and sock.fileno() >= 0:
            sockets[sock.fileno()] = line
            writing = select.POLLOUT if connection.wants_to_write() else 0
            poll.register(sock, (select.POLLIN if is_reading else 0) | writing)
            timeout_s = 0.0 if connection.has_news() else timeout_s
    ready = {number for number, event in poll.poll(timeout_s * 1000) if event & ~select.POLLOUT}
    alarm.silence()
    return {line for number, line in sockets.items() if number in ready}


def _is_readable(connection: Connection | None) -> bool:
    sock = connection.socket() if connection else None
    if sock is None or sock.fileno() < 0:
        return False
    poll = select.poll()
    poll.register(sock, select.POLLIN)
    return bool(poll.poll(0))
