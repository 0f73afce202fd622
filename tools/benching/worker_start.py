"""The service's worker from its exec to its first frame."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time

import msgspec

from edgefuse import ipc
from edgefuse.in_flight import make_in_flight
from edgefuse.interpreter import module_command
from edgefuse.planning.child import child_environment

SOURCE = "pattern:640x480@30,live"


class Part(msgspec.Struct, frozen=True):
    """One part of a start."""

    name: str
    seconds: float


def measure_worker(effect: str) -> list[Part]:
    """Start a worker as the supervisor does, wait for its first frame, and stop it."""
    begun_s = time.monotonic()
    ours, theirs = socket.socketpair()
    in_flight = make_in_flight()
    descriptors = (theirs.fileno(), in_flight)
    options = ("--ipc", str(descriptors[0]), "--in-flight", str(descriptors[1]))
    command = module_command(sys.executable, "edgefuse.worker", *options)
    with ours, subprocess.Popen(command, pass_fds=descriptors, env=child_environment()) as worker:
        theirs.close()
        ours.sendall(ipc.encode(ipc.Start(source=SOURCE, sink="null", effect=effect)))
        at_s, startup_s = _listen(ours)
        worker.terminate()
    os.close(in_flight)
    before_s = at_s - begun_s - sum(startup_s.values())
    return [Part("interpreter, imports, first frame", before_s), *(Part(name, s) for name, s in startup_s.items())]


def _listen(connection: socket.socket) -> tuple[float, dict[str, float]]:
    """Wait for the first frame; give the time then, and what the worker says that its start took."""
    lines = ipc.LineReader(ipc.ToSupervisor)
    startup_s: dict[str, float] = {}
    while data := connection.recv(1 << 16):
        for message in lines.feed(data):
            if isinstance(message, ipc.Failed):
                raise SystemExit(message.reason)
            if isinstance(message, ipc.Opened):
                startup_s = dict(message.startup_s)
            if isinstance(message, ipc.Heartbeat) and message.frames_out:
                return time.monotonic(), startup_s
    raise SystemExit("the worker ended before its first frame")
