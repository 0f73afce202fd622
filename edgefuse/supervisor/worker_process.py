"""One worker: started by exec, told and heard over a socket pair, ended, and nothing of it left."""

from __future__ import annotations

import logging
import os
import signal
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from edgefuse import ipc
from edgefuse.in_flight import make_in_flight, read_in_flight
from edgefuse.interpreter import module_command
from edgefuse.store.versioned import BROKEN
from edgefuse.supervisor.child_socket import ChildSocket
from edgefuse.supervisor.children import Children, signal_group

logger = logging.getLogger(__name__)

MODULE = "edgefuse.worker"
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
        self._on_message, self._on_ended = on_message, on_ended
        self._lines = ipc.LineReader(ipc.ToSupervisor)
        self._in_flight = make_in_flight()
        self._socket = ChildSocket(self._take)
        try:
            theirs = self._socket.theirs.fileno()
            command = module_command(python, MODULE, "--ipc", str(theirs), "--in-flight", str(self._in_flight))
            self.pid = children.spawn(command, self._end, inherit=(theirs, self._in_flight)).pid
        except OSError:
            self._close()
            raise
        finally:
            self._socket.theirs.close()
        with suppress(OSError):
            Path(f"/proc/{self.pid}/oom_score_adj").write_text(_OOM_SCORE)
        self._socket.listen()
        self.send(start)

    def send(self, message: ipc.Message) -> None:
        """Tell it something; what does not go at once waits, whole lines in order, and one that never reads is killed.

        To let a message go would be worse: an operator believes in a pause.
        """
        self._socket.send(ipc.encode(message))
        if self._socket.unsent_bytes > MAX_UNSENT_BYTES:
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

    def _take(self, data: bytes) -> None:
        try:
            for message in self._lines.feed(data):
                self._on_message(message)
        except BROKEN as e:
            logger.error("worker talks nonsense pid=%d reason=%s", self.pid, e)
            self.kill()

    def _end(self, code: int) -> None:
        self._socket.hear_last_words()
        end = End(code, read_in_flight(self._in_flight))
        self._close()
        self._on_ended(end)

    def _close(self) -> None:
        self._socket.close()
        os.close(self._in_flight)
