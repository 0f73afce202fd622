"""The supervisor's part towards one worker, in a test's hands: it starts the real process and talks to it."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from edgefuse import ipc
from edgefuse.in_flight import make_in_flight, read_in_flight
from edgefuse.interpreter import module_command

CHECKOUT = Path(__file__).resolve().parents[2]
PATIENCE_S = 60.0  # a busy machine takes long, a worker that hangs takes for ever
M = TypeVar("M", bound=ipc.Message)


class WorkerDriver:
    """The other end of one worker's socket pair."""

    def __init__(self) -> None:
        self.socket, theirs = socket.socketpair()
        self.in_flight = make_in_flight()
        descriptors = (theirs.fileno(), self.in_flight)
        options = ("--ipc", str(descriptors[0]), "--in-flight", str(descriptors[1]))
        self.process = subprocess.Popen(
            module_command(sys.executable, "edgefuse.worker", *options),
            pass_fds=descriptors,
            env={**os.environ, "PYTHONPATH": str(CHECKOUT)},
        )
        theirs.close()
        self.heard: list[ipc.Message] = []
        self._lines = ipc.LineReader(ipc.ToSupervisor)

    def send(self, *messages: ipc.Message) -> None:
        self.socket.sendall(b"".join(map(ipc.encode, messages)))

    def wait_for(self, kind: type[M], meets: Callable[[M], bool] = lambda _: True) -> M:
        """Give the next message of a kind that meets a condition; what comes before it is only kept."""
        self.socket.settimeout(PATIENCE_S)
        until_s = time.monotonic() + PATIENCE_S
        while time.monotonic() < until_s and (data := self.socket.recv(1 << 16)):
            new = list(self._lines.feed(data))
            self.heard += new
            if found := [m for m in new if isinstance(m, kind) and meets(m)]:
                return found[0]
        raise AssertionError(f"no {kind.__name__} came; heard {self.heard[-3:]}")

    def drain(self) -> list[ipc.Message]:
        """Give everything that was heard, to the last word of a worker that has ended."""
        while data := self.socket.recv(1 << 16):
            self.heard += self._lines.feed(data)
        return self.heard

    def wait_for_end(self) -> int:
        """Take the exit code."""
        return self.process.wait(PATIENCE_S)

    @property
    def watched(self) -> dict[int, str]:
        """What the worker is or was at."""
        return dict(read_in_flight(self.in_flight))


@contextmanager
def driven(start: ipc.Start) -> Iterator[WorkerDriver]:
    """Start a worker, tell it what to run, and leave nothing of it behind."""
    driver = WorkerDriver()
    try:
        driver.send(start)
        yield driver
    finally:
        driver.process.kill()
        driver.process.wait()
        driver.socket.close()
        os.close(driver.in_flight)
