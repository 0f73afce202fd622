"""The worker's end of the socket pair that joins it to the supervisor."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import suppress

from edgefuse import ipc

_CHUNK_BYTES = 1 << 16


class Link:
    """Sends from any thread, receives in one."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._sending = threading.Lock()

    def send(self, message: ipc.ToSupervisor) -> None:
        """Send a message; where the supervisor is gone it is lost, and ``receive`` ends."""
        with self._sending, suppress(OSError):
            self._connection.sendall(ipc.encode(message))

    def receive(self) -> Iterator[ipc.Message]:
        """Give one message after the other until the supervisor is gone.

        Raises:
            msgspec.DecodeError: A line is no message.
        """
        reader = ipc.LineReader(ipc.ToWorker)
        with suppress(OSError):
            while data := self._connection.recv(_CHUNK_BYTES):
                yield from reader.feed(data)
