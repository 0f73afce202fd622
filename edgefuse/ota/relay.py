"""The install helper's end of the socket: frames from and to the supervisor."""

from __future__ import annotations

import select
import socket
from collections import deque

from edgefuse.errors import EdgefuseError
from edgefuse.ota.wire import FrameReader, Kind, pack

READ_BYTES = 1 << 18


class RelayEndedError(EdgefuseError):
    """The supervisor is gone, and with it whoever wants this work."""


class Relay:
    """Used by one thread; nobody else reads the socket or writes to it."""

    def __init__(self, sock: socket.socket) -> None:
        """Take over a socket, which stays open."""
        self._socket = sock
        self._poll = select.poll()
        self._poll.register(sock, select.POLLIN)
        self._reader = FrameReader()
        self._frames: deque[tuple[Kind, bytes]] = deque()

    def receive(self, timeout_s: float) -> tuple[Kind, bytes] | None:
        """Give the next frame; nothing where none is complete after that time.

        Raises:
            RelayEndedError: The supervisor is gone.
            FrameError: It sends what is no frame.
        """
        if not self._frames and self._poll.poll(max(0.0, timeout_s) * 1000):
            self._frames.extend(self._reader.feed(self._read()))
        return self._frames.popleft() if self._frames else None

    def send(self, kind: Kind, payload: bytes) -> None:
        """Send a frame, and wait until the supervisor takes it.

        Raises:
            RelayEndedError: The supervisor is gone.
        """
        try:
            self._socket.sendall(pack(kind, payload))
        except OSError as e:
            raise RelayEndedError(f"cannot send to the supervisor: {e.strerror}") from e

    def _read(self) -> bytes:
        try:
            data = self._socket.recv(READ_BYTES)
        except OSError as e:
            raise RelayEndedError(f"cannot read from the supervisor: {e.strerror}") from e
        if not data:
            raise RelayEndedError("cannot read from the supervisor: it has ended")
        return data
