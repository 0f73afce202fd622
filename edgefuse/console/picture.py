"""The live picture of this machine, passed on from its live page to whoever is on this machine, or in a tunnel to it.

Pixels of a device never travel otherwise: only where the console runs beside its supervisor (``edgefuse up``), and only
to an address of this machine, as the live page itself would.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from functools import partial

import msgspec
from starlette.requests import Request
from starlette.responses import StreamingResponse

from edgefuse import clock
from edgefuse.config.site import load_site, site_path
from edgefuse.console.access import Access, find_address
from edgefuse.console.operation import Asked, Operation, RefusedError
from edgefuse.console.threads import call_in_thread
from edgefuse.errors import EdgefuseError
from edgefuse.supervisor.control import GetStatus, Told, ask, asked_socket

SINK = "mjpeg:"
STREAM = "multipart/x-mixed-replace"
PATIENCE_S = 5.0
"""For the live page to answer; how long frames may be away nobody can tell, as a pipeline may be paused."""
MAX_HEAD_BYTES = 4096
PIECE_BYTES = 1 << 16
TICK_S = 1.0
"""So often it is looked whether the console ends, and whether who watches still may."""


class Picture(msgspec.Struct, frozen=True):
    """Frames as JPEG, one after the other."""


@dataclass(frozen=True, slots=True)
class Pictures:
    """The operation of watching."""

    access: Access
    cookie: str
    ending: asyncio.Event
    """Set when the console ends."""

    def operations(self) -> Iterator[Operation]:
        """Give it."""
        yield Operation(
            "GET",
            "/api/devices/{device}/picture",
            "watch_device",
            "The live picture, where the device is this machine and whoever asks is on it, or in a tunnel to it.",
            "viewer",
            self._show,
            Picture,
            media=STREAM,
            faults={404: "There is no picture here; the reason says why."},
        )

    def _show(self, asked: Asked) -> StreamingResponse:
        check_is_near(find_address(asked.request))
        stream, media = open_stream(find_port(asked.device))
        return StreamingResponse(self._pass_on(asked.request, stream), media_type=media)

    async def _pass_on(self, request: Request, stream: socket.socket) -> AsyncIterator[bytes]:
        """Give frames until the console ends, the browser leaves, or may see this no longer."""
        loop, checked_ns = asyncio.get_running_loop(), clock.now_ns()
        with closing(stream):
            stream.setblocking(False)
            while not self.ending.is_set():
                if clock.now_ns() - checked_ns >= TICK_S * clock.NS_PER_S:
                    if not await call_in_thread(partial(self._may_see, request)):
                        return
                    checked_ns = clock.now_ns()
                with suppress(asyncio.TimeoutError):
                    piece = await asyncio.wait_for(loop.sock_recv(stream, PIECE_BYTES), TICK_S)
                    if not piece:
                        return
                    yield piece

    def _may_see(self, request: Request) -> bool:
        """Tell whether who asked is still let in."""
        try:
            self.access.check(request, "viewer", self.cookie)
        except EdgefuseError:
            return False
        return True


def is_here(device: str) -> bool:
    """Tell whether a device is this machine, and its supervisor runs."""
    try:
        site = load_site(site_path())
    except EdgefuseError:  # nothing runs here, or for other users
        return False
    return site.link is not None and site.link.device_id == device and asked_socket().exists()


def check_is_near(address: str) -> None:
    """Refuse who is on another machine, and in no tunnel to this one.

    Raises:
        RefusedError: The address is of another machine.
    """
    try:
        is_near = ipaddress.ip_address(address).is_loopback
    except ValueError:  # a proxy may say "unknown"
        is_near = False
    if not is_near:
        raise RefusedError(
            404,
            "cannot show the picture: it is shown on its own machine only, or through a tunnel to it "
            "(ssh -L 8090:127.0.0.1:8090 USER@MACHINE)",
        )


def find_port(device: str) -> int:
    """Give the port of this machine's live page.

    Raises:
        RefusedError: The device is not this machine, or has no live page.
    """
    if not is_here(device):
        raise RefusedError(404, f"cannot show the picture of '{device[:64]}': it does not run on this machine")
    try:
        reply = ask(GetStatus(), PATIENCE_S)
    except EdgefuseError as e:
        raise RefusedError(404, f"cannot show the picture: {e}") from e
    sink = reply.status.settings["sink"].value if isinstance(reply, Told) else ""
    _, _, port = sink.rpartition(":")
    if not sink.startswith(SINK) or not port.isdecimal():
        raise RefusedError(404, f"cannot show the picture: it goes to {sink}, not to a live page (sink: mjpeg:8080)")
    return int(port)


def open_stream(port: int) -> tuple[socket.socket, str]:
    """Connect to a live page of this machine, and give the stream of its pictures and of what type it is.

    Raises:
        RefusedError: It does not answer.
    """
    try:
        stream = socket.create_connection(("127.0.0.1", port), PATIENCE_S)
    except OSError as e:
        raise RefusedError(404, f"cannot show the picture: the live page does not answer ({e.strerror or e})") from e
    try:
        stream.sendall(f"GET /stream HTTP/1.0\r\nHost: localhost:{port}\r\n\r\n".encode())
        return stream, _read_head(stream)
    except (OSError, ValueError) as e:
        stream.close()
        raise RefusedError(404, f"cannot show the picture: the live page does not answer ({e})") from e


def _read_head(stream: socket.socket) -> str:
    """Read an answer up to its content, and give the content's type."""
    head = bytearray()
    while not head.endswith(b"\r\n\r\n"):
        byte = stream.recv(1)  # one by one: what follows is the content
        if not byte or len(head) > MAX_HEAD_BYTES:
            raise ValueError("it has no head")
        head += byte
    for line in head.decode("latin-1").split("\r\n"):
        name, _, value = line.partition(":")
        if name.lower() == "content-type" and value.strip().startswith(STREAM):
            return value.strip()
    raise ValueError("it has no pictures")
