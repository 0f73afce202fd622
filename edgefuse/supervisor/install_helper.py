"""The install helper: started for one step's work, told what it is, heard, and ended with all that it started.

Requests for chunks and the chunks are passed between it and the link as they are; nothing of them is read here.
"""

from __future__ import annotations

import asyncio
import logging
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import msgspec

from edgefuse.interpreter import module_command
from edgefuse.ota.events import Failed, Progressed
from edgefuse.ota.wire import FrameError, FrameReader, HelperAnswer, Job, Kind, pack
from edgefuse.store.versioned import BROKEN
from edgefuse.supervisor.child_socket import ChildSocket
from edgefuse.supervisor.children import Children, describe_end, signal_group

logger = logging.getLogger(__name__)

MODULE = "edgefuse.ota"
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
        self._request, self._on_progress, self._seq = request, on_progress, job.seq
        self._answer: HelperAnswer | None = None
        self._ended: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._frames, self._decoder = FrameReader(), msgspec.json.Decoder(HelperAnswer)
        self._socket = ChildSocket(self._take)
        try:
            theirs = self._socket.theirs.fileno()
            command = module_command(sys.executable, MODULE, "--socket", str(theirs))
            self.pid = children.spawn(command, self._end, inherit=(theirs,)).pid
        except OSError:
            self._socket.close()
            raise
        finally:
            self._socket.theirs.close()
        with suppress(OSError):
            Path(f"/proc/{self.pid}/oom_score_adj").write_text(_OOM_SCORE)
        self._socket.listen()
        self._socket.send(pack(Kind.JOB, msgspec.json.encode(job)))

    def take_chunk(self, payload: bytes) -> None:
        """Pass on what the repository sent; what there is no room for, or nobody any more, is dropped."""
        if not self._ended.done() and self._socket.unsent_bytes + len(payload) <= MAX_UNSENT_BYTES:
            self._socket.send(pack(Kind.CHUNK, payload))

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
        self._socket.hear_last_words()
        self._socket.close()
        self._ended.set_result(code)
