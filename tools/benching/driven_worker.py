"""The worker process in the hands of a bench command, as the supervisor has it, and a viewer of its live page."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TypeVar

from edgefuse import clock, ipc
from edgefuse.errors import EdgefuseError
from edgefuse.in_flight import make_in_flight
from edgefuse.interpreter import module_command
from edgefuse.planning.child import child_environment

PATIENCE_S = 60.0
_RETRY_S = 0.005
M = TypeVar("M", bound=ipc.Message)


class DrivenWorker:
    """A worker that runs."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._lines = ipc.LineReader(ipc.ToSupervisor)
        self._waiting: list[ipc.Message] = []

    def tell(self, message: ipc.Message) -> None:
        """Say something that is not answered."""
        self._connection.sendall(ipc.encode(message))

    def ask(self, order: ipc.Try | ipc.Keep) -> None:
        """Have something done.

        Raises:
            EdgefuseError: It was not.
        """
        self.tell(order)
        if error := self.wait_for(ipc.Answer).error:
            raise EdgefuseError(error)

    def wait_for(self, kind: type[M], meets: Callable[[M], bool] = lambda _: True) -> M:
        """Give the next message of a kind that meets a condition, and forget those before.

        Raises:
            EdgefuseError: The worker ended, or says nothing any more.
        """
        self._connection.settimeout(PATIENCE_S)
        while True:
            while self._waiting:
                message = self._waiting.pop(0)
                if isinstance(message, kind) and meets(message):
                    return message
                if isinstance(message, ipc.Failed):
                    raise EdgefuseError(message.reason)
            data = self._connection.recv(1 << 16)
            if not data:
                raise EdgefuseError("cannot measure: the worker ended")
            self._waiting += self._lines.feed(data)


@contextmanager
def open_worker(start: ipc.Start) -> Iterator[DrivenWorker]:
    """Start a worker, and stop it after."""
    ours, theirs = socket.socketpair()
    in_flight = make_in_flight()
    descriptors = (theirs.fileno(), in_flight)
    command = module_command(
        sys.executable, "edgefuse.worker", "--ipc", str(descriptors[0]), "--in-flight", str(descriptors[1])
    )
    with ours, subprocess.Popen(command, pass_fds=descriptors, env=child_environment()) as process:
        theirs.close()
        worker = DrivenWorker(ours)
        try:
            worker.tell(start)
            yield worker
            worker.tell(ipc.Stop())
            process.wait(PATIENCE_S)
        finally:
            process.kill()
    os.close(in_flight)


class Viewer:
    """Somebody who watches the live page for as long as there is one, and comes back when there is one again."""

    def __init__(self, port: int) -> None:
        self.seen_ns: list[int] = []
        """When frames had come."""
        self._port = port
        self._is_leaving = threading.Event()
        threading.Thread(target=self._run, name="viewer", daemon=True).start()

    def leave(self) -> None:
        """Watch no more."""
        self._is_leaving.set()

    def longest_gap_s(self, since_ns: int, until_ns: int) -> float:
        """Give the longest time without a frame that ended within a time."""
        ends = [(before, now) for before, now in zip(self.seen_ns, self.seen_ns[1:], strict=False)]
        return max(now - before for before, now in ends if since_ns <= now <= until_ns) / clock.NS_PER_S

    def _run(self) -> None:
        while not self._is_leaving.wait(_RETRY_S):
            with suppress(OSError):
                self._watch()

    def _watch(self) -> None:
        with socket.create_connection(("127.0.0.1", self._port), PATIENCE_S) as page, page.makefile("rb") as stream:
            page.sendall(f"GET /stream HTTP/1.0\r\nHost: localhost:{self._port}\r\n\r\n".encode())
            for line in stream:
                if line.startswith(b"Content-Length: "):
                    stream.readline()
                    stream.read(int(line.split()[1]))
                    self.seen_ns.append(clock.now_ns())
                if self._is_leaving.is_set():
                    return
