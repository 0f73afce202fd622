"""This process's end of a socket pair with a child: nothing waits; what does not go at once goes later, in order."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from contextlib import suppress

_READ_BYTES = 1 << 16


class ChildSocket:
    """Used in the loop; ``theirs`` is closed here once the child has inherited it."""

    def __init__(self, on_data: Callable[[bytes], object]) -> None:
        """Make both ends; nothing is heard before ``listen``.

        Args:
            on_data: Gets what the child says, cut anywhere.
        """
        self._loop = asyncio.get_running_loop()
        self._on_data = on_data
        self._unsent = bytearray()
        self._socket, self.theirs = socket.socketpair()
        self._socket.setblocking(False)

    @property
    def unsent_bytes(self) -> int:
        """Give how much waits for a child that does not read."""
        return len(self._unsent)

    def listen(self) -> None:
        """Hear the child from now on."""
        self._loop.add_reader(self._socket, self._read)

    def send(self, data: bytes) -> None:
        """Tell it something; what is taken at once is not copied."""
        if self._unsent:
            self._unsent += data
        elif (sent := self._push(data)) < len(data):
            self._unsent += memoryview(data)[sent:]
            self._loop.add_writer(self._socket, self._flush)

    def hear_last_words(self) -> None:
        """Take in what a child that has ended had said."""
        with suppress(BlockingIOError, ConnectionResetError):
            while data := self._socket.recv(_READ_BYTES):
                self._on_data(data)

    def close(self) -> None:
        """Give this end back; what waits is let go."""
        self._loop.remove_reader(self._socket)
        self._loop.remove_writer(self._socket)
        self._socket.close()

    def _read(self) -> None:
        try:
            data = self._socket.recv(_READ_BYTES)
        except (BlockingIOError, ConnectionResetError):
            return
        if data:
            self._on_data(data)
        else:
            self._loop.remove_reader(self._socket)

    def _flush(self) -> None:
        """Send what waits, as far as it goes now."""
        del self._unsent[: self._push(self._unsent)]
        if not self._unsent:
            self._loop.remove_writer(self._socket)

    def _push(self, data: bytes | bytearray) -> int:
        """Give how much the socket takes."""
        try:
            return self._socket.send(data)
        except BlockingIOError:
            return 0
        except (BrokenPipeError, ConnectionResetError):
            return len(data)  # it is gone, and nobody reads the rest
