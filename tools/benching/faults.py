"""What goes wrong on boards, done to a supervised unit on purpose: one function a fault, and what must follow."""

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
from fakes.rtsp_server import RtspServer

from benching.supervised import SupervisedUnit, write_site
from edgefuse import clock
from edgefuse.config.site import site_path
from edgefuse.errors import EdgefuseError
from edgefuse.supervisor.control import Status

PATIENCE_S = 45.0
ABSENT_S = 8.0
"""How long a camera stays away."""
NORMAL_C, ABSURD_C = 45.0, (-256.0, 200.0)


class Camera:
    """A network camera that can be taken away; it plays a clip in a loop, 30 frames a second."""

    def __init__(self, clip: str) -> None:
        self._server, self._clip = RtspServer(), clip
        self.address = self._server.url
        self._player = self._play()

    def leave(self) -> None:
        """Go away without a word."""
        self._player.kill()
        self._player.wait()
        self._server.cut()

    def come_back(self) -> None:
        """Play again."""
        self._player = self._play()

    def close(self) -> None:
        """End for good."""
        self._player.kill()
        self._player.wait()
        self._server.close()

    def _play(self) -> subprocess.Popen[bytes]:
        return subprocess.Popen([sys.executable, "-m", "benching.camera", self.address, self._clip])


class Sensors:
    """A sensor in a folder that stands for ``/``."""

    def __init__(self, root: Path) -> None:
        self._folder = root / "sys/class/thermal/thermal_zone0"
        self._folder.mkdir(parents=True)
        (self._folder / "type").write_text("x86_pkg_temp\n")
        self.read_as(NORMAL_C)

    def read_as(self, temp_c: float) -> None:
        """Let it give another reading."""
        (self._folder / "temp").write_text(f"{round(temp_c * 1000)}\n")


@dataclass(frozen=True)
class Bench:
    """Everything that a fault may need."""

    unit: SupervisedUnit
    camera: Camera
    sensors: Sensors
    site: dict[str, object]


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What followed from a fault."""

    fault: str
    recovered_s: float
    """Until frames flowed, from the fault, or from the moment that its cause was gone."""
    wrong: str = ""
    """What did not follow as it must."""


def inflict(name: str, bench: Bench) -> Outcome:
    """Do something bad, and see what follows."""
    before = clock.wall_iso()
    expected = FAULTS[name][1]
    try:
        recovered_s = FAULTS[name][0](bench)
        bench.unit.wait(lambda s: _reported(s, before).issuperset(expected), PATIENCE_S)
    except EdgefuseError as e:
        seen = _reported(bench.unit.status(), before)
        return Outcome(fault=name, recovered_s=PATIENCE_S, wrong=f"{e}; reported: {sorted(seen)}")
    return Outcome(fault=name, recovered_s=round(recovered_s, 3))


def is_delivering(status: Status) -> bool:
    """Tell whether frames flow."""
    beat = status.heartbeat
    return status.service.state == "RUNNING" and beat is not None and beat.source == "flowing" and beat.fps > 0


def _reported(status: Status, since: str) -> set[str]:
    return {event.kind for event in status.events if event.at >= since}


def _kill(bench: Bench) -> float:
    return _replace_after(bench, signal.SIGKILL)


def _hang(bench: Bench) -> float:
    return _replace_after(bench, signal.SIGSTOP)


def _replace_after(bench: Bench, number: signal.Signals) -> float:
    pid = bench.unit.kill_worker(number)
    return bench.unit.wait(lambda s: s.service.pid not in (None, pid) and is_delivering(s), PATIENCE_S)[1]


def _lose_source(bench: Bench) -> float:
    pid = bench.unit.status().service.pid
    bench.camera.leave()
    bench.unit.wait(lambda s: s.heartbeat and s.heartbeat.source == "waiting", PATIENCE_S)
    time.sleep(ABSENT_S)
    bench.camera.come_back()
    status, elapsed_s = bench.unit.wait(is_delivering, PATIENCE_S)
    _require(status.service.pid == pid, "the worker was restarted for a camera that was away")
    return elapsed_s


def _spike(bench: Bench) -> float:
    before = bench.unit.status()
    for temp_c in ABSURD_C:
        bench.sensors.read_as(temp_c)
        time.sleep(5)
    bench.sensors.read_as(NORMAL_C)
    after, elapsed_s = bench.unit.wait(is_delivering, PATIENCE_S)
    _require(after.service.pid == before.service.pid, "the worker was restarted for a sensor")
    _require(max(after.heat.temps_c.values()) < 100, f"an absurd temperature was believed: {after.heat.temps_c}")
    _require(after.settings["point"] == before.settings["point"], "the point changed for an absurd temperature")
    return elapsed_s


def _reload(bench: Bench) -> float:
    before = bench.unit.status()
    effect = "none" if before.settings["effect"].value == "anonymise" else "anonymise"
    write_site({**bench.site, "effect": effect})
    os.kill(bench.unit.process.pid, signal.SIGHUP)
    status, elapsed_s = bench.unit.wait(lambda s: s.heartbeat and s.heartbeat.effect == effect, PATIENCE_S)
    _require(status.service.pid == before.service.pid, "the worker was restarted for another effect")
    return elapsed_s


def _reload_broken(bench: Bench) -> float:
    before, good = bench.unit.status(), site_path().read_bytes()
    site_path().write_text("source: pattern\nsinc: null\n")
    since = clock.wall_iso()
    os.kill(bench.unit.process.pid, signal.SIGHUP)
    status, elapsed_s = bench.unit.wait(lambda s: "configuration_refused" in _reported(s, since), PATIENCE_S)
    site_path().write_bytes(good)
    _require(status.service.pid == before.service.pid and is_delivering(status), "a broken file disturbed the worker")
    return elapsed_s


def _require(is_so: bool, otherwise: str) -> None:
    if not is_so:
        raise EdgefuseError(otherwise)


FAULTS: dict[str, tuple[Callable[[Bench], float], set[str]]] = {
    "kill": (_kill, {"worker_crashed", "worker_running"}),
    "hang": (_hang, {"worker_hung", "worker_running"}),
    "source loss": (_lose_source, {"source_lost", "source_back"}),
    "sensor spikes": (_spike, set()),
    "good file": (_reload, {"configuration_read"}),
    "broken file": (_reload_broken, {"configuration_refused"}),
}
"""Each with the kinds of events that must be reported."""
