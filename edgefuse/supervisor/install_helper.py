"""The install helper: started for one step's work, told what it is, heard, and ended with all that it started.

Requests for chunks and the chunks are passed between it and the link as they are; nothing of them is read here.
"""

from __future__ import annotations

import asyncio
import logging
import signal
import socket
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import msgspec

from edgefuse.interpreter import module_command
from edgefuse.ota.events import Failed, Progressed
from edgefuse.ota.wire import FrameError, FrameReader, HelperAnswer, Job, Kind, pack
from edgefuse.store.versioned import BROKEN
from edgefuse.supervisor.children import Children, describe_end, signal_group

logger = logging.getLogger(__name__)

MODULE = "edgefuse.ota"
_READ_BYTES = 1 << 16
MAX_UNSENT_BYTES = 4 << 20
"""Chunks that wait for a helper that writes to a slow card; more are dropped, and asked for again."""
_OOM_SCORE = "800"  # before the worker, where the machine's memory runs out: it can begin again


class InstallHelper:
    """A helper that runs, from its exec until it is reaped."""

    def __init__(
        self,
        children: Children,
        job: Job,
        request: Callable[[bytes], object],
        on_progress: Callable[[Progressed], object],
    ) -> None:
        """Start it and give it its job.

        Args:
            request: Sends a request for chunks to the repository.
            on_progress: Told of bytes that come.

        Raises:
            OSError: It cannot be started.
        """
        self._loop = asyncio.get_running_loop()
        self._request, self._on_progress, self._seq = request, on_progress, job.seq
        self._answer: HelperAnswer | None = None
        self._ended: asyncio.Future[int] = self._loop.create_future()
        self._frames, self._decoder = FrameReader(), msgspec.json.Decoder(HelperAnswer)
        self._unsent = bytearray()
        self._socket, theirs = socket.socketpair()
        self._socket.setblocking(False)
        try:
            command = module_command(sys.executable, MODULE, "--socket", str(theirs.fileno()))
            self.pid = children.spawn(command, self._end, inherit=(theirs.fileno(),)).pid
        except OSError:
            self._socket.close()
            raise
        finally:
            theirs.close()
        with suppress(OSError):
            Path(f"/proc/{self.pid}/oom_score_adj").write_text(_OOM_SCORE)
        self._loop.add_reader(self._socket, self._read)
        self._send(pack(Kind.JOB, msgspec.json.encode(job)))

    def take_chunk(self, payload: bytes) -> None:
        """Pass on what the repository sent; what there is no room for, or nobody any more, is dropped."""
        if not self._ended.done() and len(self._unsent) + len(payload) <= MAX_UNSENT_BYTES:
            self._send(pack(Kind.CHUNK, payload))

    async def finish(self) -> HelperAnswer:
        """Wait for what comes of the job; where nobody waits any more, the helper is ended with all that it started."""
        try:
            code = await asyncio.shield(self._ended)
        finally:
            if not self._ended.done():
                self._kill()
        if self._answer is not None:
            return self._answer
        reason = f"the install helper died: {describe_end(code)}"
        return Failed(self._seq, reason, "later" if code < 0 else "failed")  # who was killed can begin again

    def _kill(self) -> None:
        signal_group(self.pid, signal.SIGKILL)

    def _send(self, frame: bytes) -> None:
        """Send a frame, of which a part may have to wait."""
        if self._unsent:
            self._unsent += frame
        elif (sent := self._push(frame)) < len(frame):
            self._unsent += memoryview(frame)[sent:]
            self._loop.add_writer(self._socket, self._flush)

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

    def _read(self) -> None:
        try:
            data = self._socket.recv(_READ_BYTES)
        except (BlockingIOError, ConnectionResetError):
            return
        if data:
            self._take(data)
        else:
            self._loop.remove_reader(self._socket)

    def _take(self, data: bytes) -> None:
        try:
            for kind, payload in self._frames.feed(data):
                if kind is Kind.REQUEST:
                    self._request(payload)
                elif kind is Kind.ANSWER:
                    self._hear(self._decoder.decode(payload))
        except (FrameError, *BROKEN) as e:
            logger.error("install helper talks nonsense pid=%d reason=%s", self.pid, e)
            self._kill()

    def _hear(self, answer: HelperAnswer) -> None:
        if isinstance(answer, Progressed):
            self._on_progress(answer)
        else:
            self._answer = answer

    def _end(self, code: int) -> None:
        with suppress(BlockingIOError, ConnectionResetError):
            while data := self._socket.recv(_READ_BYTES):  # the last words
                self._take(data)
        self._loop.remove_reader(self._socket)
        self._loop.remove_writer(self._socket)
        self._socket.close()
        self._ended.set_result(code)
