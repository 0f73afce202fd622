"""One worker: started by exec, told and heard over a socket pair, ended, and nothing of it left."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import socket
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import msgspec

from edgefuse import ipc
from edgefuse.in_flight import make_in_flight, read_in_flight
from edgefuse.interpreter import module_command
from edgefuse.supervisor.children import Children, signal_group

logger = logging.getLogger(__name__)

MODULE = "edgefuse.worker"
_READ_BYTES = 1 << 16
MAX_UNSENT_BYTES = 1 << 20
"""That wait for a worker that does not read: ten thousand changes of mind."""
_OOM_SCORE = "500"  # without a control group of its own, the worker must be what the kernel chooses


@dataclass(frozen=True, slots=True)
class End:
    """How a worker ended."""

    code: int
    """As ``subprocess`` gives it: negative for a signal."""
    in_flight: Mapping[int, Literal["opening", "running"]]
    """What native code was at, by the choice's place in the plan."""


class WorkerProcess:
    """A worker that runs, from its exec until it is reaped."""

    def __init__(
        self,
        children: Children,
        python: str,
        start: ipc.Start,
        on_message: Callable[[ipc.Message], object],
        on_ended: Callable[[End], object],
    ) -> None:
        """Start it and tell it what to run.

        Raises:
            OSError: It cannot be started.
        """
        self._loop = asyncio.get_running_loop()
        self._on_message, self._on_ended = on_message, on_ended
        self._lines = ipc.LineReader(ipc.ToSupervisor)
        self._unsent = bytearray()
        self._in_flight = make_in_flight()
        self._socket, theirs = socket.socketpair()
        self._socket.setblocking(False)
        try:
            inherit = (theirs.fileno(), self._in_flight)
            command = module_command(python, MODULE, "--ipc", str(theirs.fileno()), "--in-flight", str(self._in_flight))
            self.pid = children.spawn(command, self._end, inherit=inherit).pid
        except OSError:
            self._close()
            raise
        finally:
            theirs.close()
        with suppress(OSError):
            Path(f"/proc/{self.pid}/oom_score_adj").write_text(_OOM_SCORE)
        self._loop.add_reader(self._socket, self._read)
        self.send(start)

    def send(self, message: ipc.Message) -> None:
        """Tell it something; what does not go at once waits, whole lines in order, and one that never reads is killed.

        To let a message go would be worse: an operator believes in a pause.
        """
        self._unsent += ipc.encode(message)
        self._flush()
        if len(self._unsent) > MAX_UNSENT_BYTES:
            logger.error("worker takes no messages, it is killed pid=%d", self.pid)
            self.kill()

    def is_stopped(self) -> bool:
        """Tell whether somebody has stopped it (SIGSTOP), so that its silence is not its own."""
        with suppress(OSError):
            return Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()[0] in "Tt"
        return False

    def ask_to_stop(self) -> None:
        """Let it deliver what is under way, and end."""
        self.send(ipc.Stop())

    def abort(self) -> None:
        """Make it write to the log where each thread is, and die; a stopped one is woken for that."""
        signal_group(self.pid, signal.SIGCONT)
        with suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGABRT)

    def kill(self) -> None:
        """End it and all that it started, now."""
        signal_group(self.pid, signal.SIGKILL)

    def _flush(self) -> None:
        """Send what goes now, and come back when more does."""
        try:
            sent = self._socket.send(self._unsent)
        except BlockingIOError:
            sent = 0
        except (BrokenPipeError, ConnectionResetError):
            sent = len(self._unsent)  # it is gone, and nobody reads the rest
        del self._unsent[:sent]
        if self._unsent:
            self._loop.add_writer(self._socket, self._flush)
        else:
            self._loop.remove_writer(self._socket)

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
            for message in self._lines.feed(data):
                self._on_message(message)
        except msgspec.DecodeError as e:
            logger.error("worker talks nonsense pid=%d reason=%s", self.pid, e)
            self.kill()

    def _end(self, code: int) -> None:
        with suppress(BlockingIOError, ConnectionResetError):
            while data := self._socket.recv(_READ_BYTES):  # the last words
                self._take(data)
        end = End(code, read_in_flight(self._in_flight))
        self._close()
        self._on_ended(end)

    def _close(self) -> None:
        self._loop.remove_reader(self._socket)
        self._loop.remove_writer(self._socket)
        self._socket.close()
        os.close(self._in_flight)
