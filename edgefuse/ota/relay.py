"""The install helper's end of the socket to the supervisor, and the repository that lies behind it."""

from __future__ import annotations

import secrets
import select
import socket
from collections import deque
from collections.abc import Callable, Iterator
from http import HTTPStatus

from tuf.api.exceptions import DownloadError, DownloadHTTPError

from edgefuse import clock
from edgefuse.config.updates import UpdateSettings
from edgefuse.errors import EdgefuseError
from edgefuse.ota.chunks import is_place, read_chunk, write_request
from edgefuse.ota.fetching import Transport
from edgefuse.ota.pace import MAX_WINDOW, Pace
from edgefuse.ota.window import Window
from edgefuse.ota.wire import FrameReader, Kind, pack

READ_BYTES = 1 << 18
SILENCE_S = 120.0
"""Without a byte of the file; retries leave every two seconds at the latest."""


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
        self._buffer = memoryview(bytearray(READ_BYTES))
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

    def send(self, kind: Kind, *payloads: bytes) -> None:
        """Send a frame for each payload, and wait until the supervisor takes them.

        Raises:
            RelayEndedError: The supervisor is gone.
        """
        try:
            self._socket.sendall(b"".join(pack(kind, payload) for payload in payloads))
        except OSError as e:
            raise RelayEndedError(f"cannot send to the supervisor: {e.strerror}") from e

    def _read(self) -> memoryview:
        """Give what came, until more is read."""
        try:
            count = self._socket.recv_into(self._buffer)
        except OSError as e:
            raise RelayEndedError(f"cannot read from the supervisor: {e.strerror}") from e
        if not count:
            raise RelayEndedError("cannot read from the supervisor: it has ended")
        return self._buffer[:count]


class RelayFetcher(Transport):
    """Asks a repository behind the broker; the supervisor relays, and reads nothing of it."""

    def __init__(self, relay: Relay, settings: UpdateSettings, now_ns: Callable[[], int] = clock.now_ns) -> None:
        """Read chunks from ``relay`` while one fetches, and nothing after; what the line bears is remembered."""
        self._relay = relay
        limit_kb_per_s = settings.limit_kb_per_s
        self._pace = Pace(limit_kb_per_s * 1000 if limit_kb_per_s else None)
        self._now_ns = now_ns

    def fetch_from(self, url: str, offset_bytes: int) -> Iterator[bytes]:
        """Give what a file has from an offset on."""
        if not is_place(url):
            raise DownloadHTTPError(f"no repository has {url}", HTTPStatus.NOT_FOUND)
        window = Window(secrets.randbits(32), url, offset_bytes, self._pace)
        heard_ns, wait_s = self._now_ns(), 0.0
        while not window.is_complete:
            self._take_chunks(window, wait_s)
            if requests := [write_request(request) for request in window.ask(self._now_ns())]:
                self._relay.send(Kind.REQUEST, *requests)
            for data in window.read():
                yield data
                heard_ns = self._now_ns()
            wait_s = self._find_wait_s(window, heard_ns)

    def _take_chunks(self, window: Window, wait_s: float) -> None:
        """Take in all that came, so that nothing which is here is asked for again; wait for the first."""
        for _ in range(MAX_WINDOW):
            frame = self._relay.receive(wait_s)
            if frame is None:
                return
            wait_s = 0.0
            try:
                chunk = read_chunk(frame[1])
            except ValueError:
                continue  # as if it had been lost
            window.take(chunk, self._now_ns())

    def _find_wait_s(self, window: Window, heard_ns: int) -> float:
        """Give how long to wait for a chunk.

        Raises:
            DownloadError: None came for so long that somebody should try again later.
        """
        now_ns = self._now_ns()
        if now_ns - heard_ns > SILENCE_S * clock.NS_PER_S:
            raise DownloadError(f"no repository answers for {SILENCE_S:.0f} s")
        due_ns = window.find_due_ns()
        return 0.0 if due_ns is None else (due_ns - now_ns) / clock.NS_PER_S
