"""A supervisor that runs as a process, asked over its socket."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import msgspec
from fakes import worker_program

from edgefuse import paths
from edgefuse.config.site import site_path
from edgefuse.errors import EdgefuseError
from edgefuse.interpreter import module_command
from edgefuse.planning.child import child_environment
from edgefuse.supervisor import control
from edgefuse.supervisor.control import AnyRequest, GetStatus, Reply, Status, Told

DEADLINE_S = 30.0
"""Busy machines are slow; a test that passes never waits so long."""


@dataclass
class Running:
    """A supervisor in a process of its own, with a root of its own."""

    process: subprocess.Popen[bytes]

    def status(self) -> Status:
        """Ask it."""
        reply = self.ask(GetStatus())
        assert isinstance(reply, Told)
        return reply.status

    def ask(self, request: AnyRequest) -> Reply:
        """Ask it for something."""
        return control.ask(request, timeout_s=DEADLINE_S)

    def wait(self, is_so: Callable[[Status], object], patience_s: float = DEADLINE_S) -> Status:
        """Wait until its status is as wished."""
        status = self.status()
        end_s = time.monotonic() + patience_s
        while not is_so(status):
            assert time.monotonic() < end_s, msgspec.json.format(msgspec.json.encode(status)).decode()
            time.sleep(0.03)
            status = self.status()
        return status

    def wait_for_frames(self) -> Status:
        """Wait until its worker delivers."""
        return self.wait(lambda s: s.service.state == "RUNNING" and s.heartbeat and s.heartbeat.frames_out > 0)

    def count_descriptors(self) -> int:
        """Count its open files, when connections of this client that ended are closed at its side too."""
        folder = Path(f"/proc/{self.process.pid}/fd")
        counts = []
        for _ in range(10):
            counts.append(len(list(folder.iterdir())))
            time.sleep(0.05)
        return min(counts)

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal."""
        self.process.send_signal(number)

    def kill_worker(self, number: signal.Signals) -> None:
        """Send its worker a signal."""
        pid = self.status().service.pid
        assert pid is not None
        os.kill(pid, number)

    def stop(self) -> int:
        """Let it end in order, and give its exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(DEADLINE_S)


def kinds(status: Status) -> list[str]:
    """Give the kinds of the events, the newest last."""
    return [event.kind for event in status.events]


def start_supervisor(**variables: str) -> Running:
    """Start a supervisor of this root, and wait until it answers."""
    command = module_command(sys.executable, "edgefuse", "supervise")
    return await_answer(subprocess.Popen(command, env={**child_environment(), **variables}))


def await_answer(process: subprocess.Popen[bytes]) -> Running:
    """Wait until a supervisor that was just started answers."""
    running = Running(process)
    end_s = time.monotonic() + DEADLINE_S
    while time.monotonic() < end_s and running.process.poll() is None:
        try:
            running.status()
            break
        except EdgefuseError:
            time.sleep(0.03)
    return running


def write_site(source: str, **more: object) -> None:
    """Write the site configuration of this root."""
    lines = {"source": source, "sink": "null", "profile": "fake-board", **more}
    site_path().parent.mkdir(parents=True, exist_ok=True)
    site_path().write_text("".join(f"{key}: {msgspec.json.encode(value).decode()}\n" for key, value in lines.items()))


def write_board() -> None:
    """Describe a board of this root, whose workers do what the source's address says."""
    local, shipped = paths.profile_dirs()
    local.mkdir(parents=True)
    profile = (shipped / "generic-x86-64.yaml").read_text().replace("id: generic-x86-64", "id: fake-board", 1)
    python = worker_program.install(local.parent)
    (local / "fake-board.yaml").write_text(f"{profile}\nworker_python: {python}\n")
