"""A daemon that relays between its link and an install helper, as the supervisor does, and reads nothing of it."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from fakes.daemon import Daemon

from edgefuse.config.updates import UpdateSettings
from edgefuse.link.client import Link
from edgefuse.ota.relay import Relay, RelayFetcher
from edgefuse.ota.wire import FrameReader, Kind, pack


class RelayingDaemon(Daemon):
    """Has a socket to one helper."""

    def __init__(self) -> None:
        super().__init__()
        self._ours, self._theirs = socket.socketpair()

    @contextmanager
    def helping(self, link: Link, settings: UpdateSettings | None = None) -> Iterator[RelayFetcher]:
        """Give what a helper would fetch with, while the link is there."""
        thread = threading.Thread(target=self._relay, args=(link,), daemon=True)
        thread.start()
        yield RelayFetcher(Relay(self._theirs), settings or UpdateSettings())
        for end in (self._ours, self._theirs):
            end.shutdown(socket.SHUT_RDWR)
        thread.join()

    def take_chunk(self, payload: bytes) -> None:
        """Pass it on."""
        with suppress(OSError):  # of a helper that has ended
            self._ours.sendall(pack(Kind.CHUNK, payload))

    def close(self) -> None:
        """End the loop and the socket."""
        super().close()
        self._ours.close()
        self._theirs.close()

    def _relay(self, link: Link) -> None:
        reader = FrameReader()
        while data := self._ours.recv(1 << 16):
            for kind, payload in reader.feed(data):
                assert kind is Kind.REQUEST
                self.loop.call_soon_threadsafe(link.request_chunk, payload)
