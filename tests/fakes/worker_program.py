"""A worker that speaks `edgefuse.ipc` and does on request what real ones do in bad hours; run as an interpreter.

What it does stands in the source's address: ``well``, ``waiting``, ``idle`` (beats and delivers nothing), ``refuse``
(says what a person must mend), ``crash`` (dies of SIGSEGV in a model), ``leave`` (its sink goes away after a moment),
``deaf`` (does not stop), ``broken`` (its settings do not pass a check), ``mute`` (gives no sign of life),
``full`` (has no room for another effect beside its own).
"""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any  # Any: JSON as it comes

BEAT_S = 0.05
MISSING = "cannot open camera /dev/video7: no such device"
SETUP = {"sha256": "ab" * 32, "size_px": 128, "runtime": "tflite", "version": "1", "target": "cpu", "threads": 1}
CHOICE = {
    "task": "detect_faces",
    "model": "blazeface",
    "variant": "fp32",
    "size_px": 128,
    "precision": "fp32",
    "runtime": "tflite",
    "target": "cpu",
    "threads": 1,
    "basis": "expected",
}
PLAN = {"profile": "fake-board", "release": "0", "choices": [CHOICE], "rejections": []}


def install(folder: Path) -> Path:
    """Make the executable that a profile may name as its ``worker_python``."""
    path = folder / "fake_python"
    path.write_text(f'#!/bin/sh\nexec {sys.executable} -I -S {Path(__file__).resolve()} "$@"\n')
    path.chmod(0o755)
    return path


def _messages(connection: socket.socket) -> Iterator[dict[str, Any] | None]:
    """Give messages, and nothing every ``BEAT_S``."""
    connection.settimeout(BEAT_S)
    rest = b""
    while True:
        try:
            data = connection.recv(1 << 16)
        except TimeoutError:
            yield None
            continue
        if not data:
            return
        *lines, rest = (rest + data).split(b"\n")
        yield from map(json.loads, lines)


class Worker:
    """One life of it."""

    def __init__(self, connection: socket.socket, in_flight: int) -> None:
        self.connection, self.in_flight = connection, in_flight
        self.frames, self.point, self.effect, self.is_paused = 0, 0, "", False
        self.source = ""

    def send(self, **message: object) -> None:
        """Tell the supervisor."""
        self.connection.sendall(json.dumps(message).encode() + b"\n")

    def run(self) -> int:
        """Live, and give the exit code."""
        for message in _messages(self.connection):
            if message is None:
                self.beat()
                if self.source == "leave" and self.frames > 3:
                    self.send(**{"is": "Failed", "reason": "cannot push to rtsp://nvr/out"})
                    return 2
            elif message["is"] == "Stop" and self.source != "deaf":
                return 0
            elif (code := self.take(message)) is not None:
                return code
        return 0

    def take(self, message: dict[str, Any]) -> int | None:
        """Do what a message asks for."""
        kind = message["is"]
        if kind == "Start":
            return self.start(message)
        if kind == "SetPoint":
            self.point = message["point"]
        elif kind == "SetEffect":
            error = self.go_over(message["effect"], message["settings"])
            self.send(**{"is": "Answer", "id": message["id"], "error": error, "needs_restart": self.source == "full"})
        elif kind in ("Pause", "Resume"):
            self.is_paused = kind == "Pause"
        elif kind == "Snapshot":
            Path(message["path"]).write_bytes(b"picture")
            self.send(**{"is": "Answer", "id": message["id"]})
        return None

    def go_over(self, effect: str, settings: dict[str, dict[str, str]]) -> str:
        """Take another effect, or say why not."""
        if effect not in ("fuse_mesh", "anonymise", "none"):
            return f"cannot find effect '{effect}'"
        if self.source == "full":
            return "cannot go over at once: both need 900 MB more together"
        if settings.get(effect, {}).get("face") == '"/no/face"':
            return "cannot find a face"
        self.effect = effect
        return ""

    def start(self, message: dict[str, Any]) -> int | None:
        """Begin."""
        self.source, self.point, self.effect = message["source"], message["point"], message["effect"]
        self.is_paused = message["is_paused"]
        if self.source == "mute":
            time.sleep(600)
        if self.source == "full" and self.effect == "fuse_mesh":
            self.send(**{"is": "Failed", "reason": "cannot find a model for 'make_person'"})
            return 2
        if self.source == "refuse":
            self.send(**{"is": "Failed", "reason": "cannot open /dev/video0: permission denied"})
            return 2
        self.send(**{"is": "Planned", "plan": PLAN, "setups": [SETUP]})
        os.pwrite(self.in_flight, b"\1", 0)
        if self.source == "crash":
            os.kill(os.getpid(), signal.SIGSEGV)
        os.pwrite(self.in_flight, b"\2", 0)
        self.send(**{"is": "Opened", "width_px": 640, "height_px": 480, "startup_s": {"all": 0.1}})
        return None

    def beat(self) -> None:
        """Tell how it goes."""
        state = "paused" if self.is_paused else "waiting" if self.source == "waiting" else "flowing"
        self.frames += state == "flowing" and self.source != "idle"
        missing = MISSING if state == "waiting" else ""
        counts = dict.fromkeys(("dropped", "skipped", "failures", "source_losses"), 0)
        self.send(**{
            "is": "Heartbeat", "frames_in": self.frames, "frames_out": self.frames, **counts, "source": state,
            "missing": missing,
            "fps_in": 30.0, "fps": 30.0, "faces": 1.0, "latency_ms": {"p50": 9, "p95": 10, "p99": 11}, "frame_ms": 8.0,
            "stages_ms": {}, "point": self.point, "effect": self.effect, "rss_mb": 100.0,
        })  # fmt: skip


def _check(path: Path) -> int:
    """Say what is wrong with a configuration."""
    if json.loads(path.read_text())["source"] == "broken":
        sys.stdout.write("cannot load source 'broken': there is none")
        return 2
    return 0


def _main(arguments: list[str]) -> int:
    if "--check-config" in arguments:
        return _check(Path(arguments[-1]))
    ipc, in_flight = (int(arguments[arguments.index(name) + 1]) for name in ("--ipc", "--in-flight"))
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        return Worker(socket.socket(fileno=ipc), in_flight).run()
    except BrokenPipeError:
        return 0


if __name__ == "__main__":
    sys.exit(_main(sys.argv))
