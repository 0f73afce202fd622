"""What becomes new of devices, as it does: server-sent events, one a second at most.

Source:
    https://html.spec.whatwg.org/multipage/server-sent-events.html
"""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Annotated

import msgspec
from msgspec import UNSET, UnsetType
from starlette.responses import StreamingResponse

from edgefuse import clock
from edgefuse.console.access import Access
from edgefuse.console.mirror import Mirror, Rows
from edgefuse.console.operation import Asked, Fault, Operation, RefusedError
from edgefuse.console.routing import takes_gzip
from edgefuse.console.threads import call_in_thread
from edgefuse.errors import EdgefuseError
from edgefuse.link.messages import encode

EVENT_STREAM = "text/event-stream"
TICK_S = 1.0
HEARTBEAT_S = 15.0
"""Proxies and browsers take a connection that is still for so long for a dead one."""
RETRY_MS = 2000
"""So long a browser waits before it connects again."""
_GZIP_STREAM = 31
"""zlib's word for gzip with the largest window."""


class Known(msgspec.Struct, frozen=True, kw_only=True):
    """What is known already."""

    n: Annotated[int, msgspec.Meta(ge=0, lt=1 << 53)] | UnsetType = UNSET
    """Number of the newest change; the header Last-Event-ID counts more, as browsers send it when they come back."""


@dataclass(frozen=True, slots=True)
class Changes:
    """The operation of following devices."""

    mirror: Mirror
    access: Access
    cookie: str
    ending: asyncio.Event
    """Set when the console ends."""

    def operations(self) -> Iterator[Operation]:
        """Give it."""
        yield Operation(
            "GET",
            "/api/changes",
            "follow_changes",
            "What becomes new, as events: `rows` with rows, `trouble` with a reason, and `beat` while nothing is new.",
            "viewer",
            self._follow,
            Rows,
            query=Known,
            media=EVENT_STREAM,
        )

    def _follow(self, asked: Asked) -> StreamingResponse:
        pieces, headers = self._tell(asked), {"X-Accel-Buffering": "no", "Vary": "Accept-Encoding"}
        if takes_gzip(asked.request):
            pieces, headers["Content-Encoding"] = _compress(pieces), "gzip"
        return StreamingResponse(pieces, headers=headers, media_type=EVENT_STREAM)

    async def _tell(self, asked: Asked) -> AsyncIterator[bytes]:
        """Give event after event until the console ends, the browser leaves, or may see this no longer."""
        n, told_ns = _find_known(asked), clock.now_ns()
        yield f"retry: {RETRY_MS}\n\n".encode()
        while not self.ending.is_set():
            event = b""
            try:
                await call_in_thread(partial(self.access.check, asked.request, "viewer", self.cookie))
                rows = await call_in_thread(partial(self.mirror.since, n))
                event = b"" if rows.n == n else _write_event(rows)
                n = rows.n
            except RefusedError:
                return
            except EdgefuseError as e:
                event = b"event: trouble\ndata: %b\n\n" % encode(Fault(str(e)))
            now_ns = clock.now_ns()
            if event or now_ns - told_ns > HEARTBEAT_S * clock.NS_PER_S:
                yield event or b"event: beat\ndata: {}\n\n"
                told_ns = now_ns
            await self._pause()

    async def _pause(self) -> None:
        """Wait for the next tick, which all who follow have at once, so that one look at the store is new to all."""
        waiting = asyncio.ensure_future(self.ending.wait())
        await asyncio.wait([waiting], timeout=TICK_S - clock.now_ns() / clock.NS_PER_S % TICK_S)
        waiting.cancel()


def _find_known(asked: Asked) -> int | None:
    last_id = asked.request.headers.get("Last-Event-ID", "")
    is_number = last_id.isascii() and last_id.isdigit() and len(last_id) < 20
    known: Known = asked.query
    if is_number:
        return int(last_id)
    return None if known.n is UNSET else known.n


def _write_event(rows: Rows) -> bytes:
    return b"id: %d\nevent: rows\ndata: %b\n\n" % (rows.n, encode(rows))


async def _compress(pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    packer = zlib.compressobj(1, zlib.DEFLATED, _GZIP_STREAM)
    async for piece in pieces:
        yield packer.compress(piece) + packer.flush(zlib.Z_SYNC_FLUSH)
    yield packer.flush()
