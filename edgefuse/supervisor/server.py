"""The control socket's side of the supervisor: whoever is slow, silent or hostile there holds up nobody else."""

from __future__ import annotations

import asyncio
import errno
import grp
import logging
import os
import socket
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path

import msgspec

from edgefuse.errors import EdgefuseError
from edgefuse.supervisor.control import AnyRequest, GetStatus, Refused, Reply, Status, Told, Watch

logger = logging.getLogger(__name__)

GROUP = "edgefuse"
MAX_REQUEST_BYTES = 1 << 16
MAX_CLIENTS = 32
REQUEST_S = 10.0
"""A client that says nothing for so long is let go."""
REPLY_S = 2.0
"""A client that does not take a reply for so long is let go."""
WATCH_S = (0.2, 60.0)
"""Shortest and longest interval of ``Watch``."""

Perform = Callable[[AnyRequest], Awaitable[Reply]]


class Server:
    """Listens on the control socket, and answers."""

    def __init__(self, path: Path, tell_status: Callable[[], Status], perform: Perform) -> None:
        """Take what answers.

        Args:
            perform: Does what changes something; raises nothing.
        """
        self._path = path
        self._tell_status = tell_status
        self._perform = perform
        self._clients: set[asyncio.Task[None]] = set()
        self._server: asyncio.AbstractServer | None = None
        self._decoder = msgspec.json.Decoder(AnyRequest)

    async def open(self) -> None:
        """Listen; a socket that a dead supervisor left is taken over.

        Raises:
            EdgefuseError: Another supervisor listens there, or the folder cannot be written.
        """
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            listening = _bind(self._path)
        except OSError as e:
            raise EdgefuseError(f"cannot listen at {self._path}: {(e.strerror or str(e)).lower()}") from e
        self._server = await asyncio.start_unix_server(self._meet, sock=listening, limit=MAX_REQUEST_BYTES)

    async def close(self) -> None:
        """Let all clients go and take the socket away."""
        if self._server is not None:
            self._server.close()
            self._path.unlink(missing_ok=True)
        for task in self._clients:
            task.cancel()
        await asyncio.gather(*self._clients, return_exceptions=True)

    async def _meet(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._clients.add(task)
        try:
            if len(self._clients) <= MAX_CLIENTS:
                await self._converse(reader, writer)
        except (asyncio.TimeoutError, ConnectionError, asyncio.CancelledError):
            pass  # gone, too slow, or this supervisor ends
        finally:
            self._clients.discard(task)
            writer.transport.abort()  # `close` would wait for a client that takes nothing

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one request after the other."""
        while True:
            try:
                line = await asyncio.wait_for(reader.readline(), REQUEST_S)
                if not line:
                    return
                request = self._decoder.decode(line)
            except (ValueError, RecursionError) as e:  # too long a line, no JSON, no such request; brackets without end
                await _reply(writer, Refused(f"cannot understand the request: {e}"))
                return
            if isinstance(request, Watch):
                await self._watch(reader, writer, request.interval_s)
                return
            is_asking = isinstance(request, GetStatus)
            await _reply(writer, Told(self._tell_status()) if is_asking else await self._perform(request))

    async def _watch(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, interval_s: float) -> None:
        """Tell the status now and then, until the client goes away."""
        interval_s = min(max(interval_s, WATCH_S[0]), WATCH_S[1])
        while not reader.at_eof():
            await _reply(writer, Told(self._tell_status()))
            with suppress(asyncio.TimeoutError):
                await asyncio.wait_for(reader.read(1), interval_s)


async def _reply(writer: asyncio.StreamWriter, reply: Reply) -> None:
    writer.write(msgspec.json.encode(reply) + b"\n")
    await asyncio.wait_for(writer.drain(), REPLY_S)


def _bind(path: Path) -> socket.socket:
    """Make the socket, for its owner and the group ``edgefuse`` where there is one.

    Raises:
        EdgefuseError: Another supervisor listens there.
        OSError: It cannot be made.
    """
    if _is_answered(path):
        raise EdgefuseError(f"cannot listen at {path}: another supervisor does (systemctl status edgefuse)")
    path.unlink(missing_ok=True)
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        before = os.umask(0o117)  # never open to others, not even for a moment
        try:
            listening.bind(str(path))
        finally:
            os.umask(before)
        with suppress(KeyError, PermissionError):
            os.chown(path, -1, grp.getgrnam(GROUP).gr_gid)
    except OSError:
        listening.close()
        raise
    return listening


def _is_answered(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(1.0)
        return probe.connect_ex(str(path)) in (0, errno.EAGAIN)  # the latter: its queue is full
