"""A worker that speaks `edgefuse.ipc` and does on request what real ones do in bad hours; run as an interpreter.

What it does stands in the source's address: ``well``, ``waiting``, ``idle`` (beats and delivers nothing), ``refuse``
(says what a person must mend), ``crash`` (dies of SIGSEGV in a model), ``leave`` (its sink goes away after a moment),
``deaf`` (does not stop), ``broken`` (its settings do not pass a check), ``mute`` (gives no sign of life),
``full`` (has no room for another effect beside its own). How a release does stands in its id: ``slow``, ``blind``
(finds no face), ``crash`` (a while after it was begun with), ``defect``, ``tight`` (has no room beside the other),
``innocent`` (a model of the release before dies beside it), ``growing``, ``unopened`` (also where it runs alone: it
says what a person must mend); ``wrong`` does not pass its check, ``needy`` passes and needs much memory.
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
TRIAL_PLACE = 32
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
        self.release, self.trial, self.tried_beats, self.rss_mb = "", "", 0, 100.0
        self.lived_beats = 0

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
        elif kind in ("Try", "Keep", "GoBack"):
            self.take_trial(kind, message)
        elif kind in ("Pause", "Resume"):
            self.is_paused = kind == "Pause"
        elif kind == "Snapshot":
            Path(message["path"]).write_bytes(b"picture")
            self.send(**{"is": "Answer", "id": message["id"]})
        return None

    def take_trial(self, kind: str, message: dict[str, Any]) -> None:
        """Open a release beside the other, keep it, or go back."""
        error = ""
        if kind == "Try" and "tight" in message["release"]:
            error = "both need 900 MB more together"
        elif kind == "Try" and "unopened" in message["release"]:
            error = "cannot open its model"
        elif kind == "Try":
            self.trial, self.tried_beats = message["release"], 0
            self.send_plan(self.trial, first_place=TRIAL_PLACE, is_trial=True)
        elif kind == "Keep":
            self.release, self.trial = self.trial, ""
            self.send_plan(self.release, first_place=TRIAL_PLACE)
        else:
            self.trial = ""
            return
        self.send(**{"is": "Answer", "id": message["id"], "error": error, "needs_restart": "both" in error})

    def send_plan(self, release: str, **more: object) -> None:
        """Tell what is opened."""
        self.send(**{"is": "Planned", "plan": {**PLAN, "release": release}, "setups": [SETUP], **more})

    def compare(self) -> None:
        """Tell of a block of frames on trial."""
        self.tried_beats += 1
        if "crash" in self.trial and self.tried_beats > 2:
            os.pwrite(self.in_flight, b"\2", TRIAL_PLACE)
            os.pwrite(self.in_flight, b"\0", 0)
            os.kill(os.getpid(), signal.SIGSEGV)
        if "innocent" in self.trial and self.tried_beats > 2:  # the breadcrumb of the release before lies there
            os.kill(os.getpid(), signal.SIGSEGV)
        if "defect" in self.trial:
            self.send(**{"is": "TrialFailed", "reason": "its model gives no sense"})
            self.trial = ""
            return
        self.rss_mb += 5.0 * ("growing" in self.trial)
        factor = 1.5 if "slow" in self.trial else 1.0
        self.send(**{
            "is": "Compared", "point": self.point, "block_s": 10.0, "old": {"median_ms": 8.0, "p95_ms": 10.0},
            "new": {"median_ms": 8.0 * factor, "p95_ms": 10.0 * factor}, "old_faces": 30,
            "both_faces": 0 if "blind" in self.trial else 30, "fps_in": 30.0, "fps": 30.0, "rss_mb": self.rss_mb,
        })  # fmt: skip

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
        self.release = message["release"] or _read_current()
        if "unopened" in self.release:
            self.send(**{"is": "Failed", "reason": "cannot open its model"})
            return 2
        self.send_plan(self.release)
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
            "stages_ms": {"detect_faces": 12.0 if "slow" in self.release else 8.0}, "point": self.point,
            "effect": self.effect, "rss_mb": self.rss_mb,
        })  # fmt: skip
        if self.trial and state == "flowing":
            self.compare()
        self.lived_beats += 1
        if "crash" in self.release and self.lived_beats > 5:
            os.kill(os.getpid(), signal.SIGSEGV)


def _check(path: Path) -> int:
    """Say what is wrong with a configuration."""
    if json.loads(path.read_text())["source"] == "broken":
        sys.stdout.write("cannot load source 'broken': there is none")
        return 2
    return 0


def _read_current() -> str:
    """Give the id of the release that is live."""
    pointer = Path(os.environ.get("EDGEFUSE_ROOT", "/nowhere"), "var/lib/edgefuse/store/current")
    return pointer.read_text().split()[0] if pointer.exists() else "0"


def _check_release(path: Path, answer: int) -> int:
    """Report on a release."""
    report: dict[str, object] = {"needs_mb": 5000 if "needy" in path.stem else 1}
    if "wrong" in path.stem:
        report = {"error": "the golden outputs of blazeface differ", "fault": "bad"}
    if "endless" in path.stem:
        time.sleep(600)
    os.write(answer, json.dumps(report).encode() + b"\n")
    return 0


def _main(arguments: list[str]) -> int:
    if "--check-config" in arguments:
        return _check(Path(arguments[-1]))
    if "--check-release" in arguments:
        path, answer = (arguments[arguments.index(name) + 1] for name in ("--check-release", "--answer"))
        return _check_release(Path(path), int(answer))
    ipc, in_flight = (int(arguments[arguments.index(name) + 1]) for name in ("--ipc", "--in-flight"))
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        return Worker(socket.socket(fileno=ipc), in_flight).run()
    except BrokenPipeError:
        return 0


if __name__ == "__main__":
    sys.exit(_main(sys.argv))
