"""One simulated unit: a board that warms up, its governor, a service that crashes now and then, an operator's pins."""

from __future__ import annotations

import math
import random
from collections.abc import Callable

from edgefuse import clock
from edgefuse.errors import EdgefuseError
from edgefuse.fleet.simulation.kind import Kind
from edgefuse.fleet.simulation.status import Choice, Known, Service, make_status
from edgefuse.fleet.simulation.updating import Updating
from edgefuse.link.commands import Action, GetStatus, Outcome, Pause, PinPoint, RestartWorker, Resume, SetEffect
from edgefuse.link.messages import Latency, PipelineReport, SystemReport
from edgefuse.link.report import Level
from edgefuse.thermal import governor, plant
from edgefuse.thermal.governor import GovernorState
from edgefuse.thermal.observation import Nearest, Observation
from edgefuse.thermal.plant import Heat, Sensor, Surroundings

Tell = Callable[[Level, str, str], None]
"""Tells the fleet of an event: level, kind, text."""

EFFECTS = ("anonymise", "fuse_mesh", "none")
CAMERA_HZ = 30.0
CRASHES_EACH_S = 1800.0
"""On average, so that ten thousand devices tell five crashes a second."""
RESTART_S = 1.5
MAX_HEATING_S = 120
"""After a longer gap the board is near its balance anyway."""
_AIR_C = (14.0, 30.0)
_SWING_K = 4.0
_SUN_K = 12.0
_BROKEN_FAN = 1.3
_STEPS_IN_LATENCY = 2.2
"""A frame takes so many times as long as its slowest step."""


class Unit:
    """Everything of a device but its link; deterministic for a seed, a kind and the times at which it is asked."""

    def __init__(self, kind: Kind, seed: str, now_ns: int, tell: Tell, *, is_hot: bool) -> None:
        """Switch it on; it is as warm as the air."""
        self.service = "RUNNING"
        self.due_ns = 0
        """When it does something by itself."""
        self.updating = Updating(seed, is_hot=is_hot)
        self._kind, self._tell = kind, tell
        self._random = random.Random(seed)
        self._began_ns = self._heated_ns = self._reported_ns = self._since_ns = now_ns
        self._air_c = self._random.uniform(*_AIR_C) + (_SUN_K if is_hot else 0.0)
        self._resistance = _BROKEN_FAN if is_hot else 1.0
        self._swing_s = self._random.uniform(1800.0, 7200.0)
        self._heat = Heat(self._air_c, self._air_c)
        self._sensor = Sensor(kind.board, self._random.getrandbits(32))
        self._governor = GovernorState()
        self._point_reason = ""
        self._pin: int | None = None
        self._pinned_effect = ""
        self._restarts = 0
        self._is_paused = False
        self._delivered = 1.0
        self._dropped = 0.0
        self._plan_crash(now_ns)
        tell("info", "started", "the supervisor has started")

    def live(self, now_ns: int) -> None:
        """Do what the unit does by itself when it is due."""
        if now_ns < self.due_ns:
            return
        if self.service == "RUNNING":
            self.service, self._since_ns = "BACKOFF", now_ns
            self.due_ns = now_ns + round(RESTART_S * clock.NS_PER_S)
            self._tell("warning", "worker_crashed", "the worker was ended by signal SIGSEGV")
        else:
            self._start_worker(now_ns)

    def make_reports(self, n: int, t: str, now_ns: int) -> tuple[SystemReport, PipelineReport | None]:
        """Move the heat on, let the governor decide, and say how machine and pipeline are."""
        passed_s, self._reported_ns = (now_ns - self._reported_ns) / clock.NS_PER_S, now_ns
        reading_c = self._warm(now_ns)
        decision = self._govern(reading_c, now_ns)
        clock_share = plant.clock_at(self._kind.board, self._heat.die_c)
        system = SystemReport(
            t=t,
            n=n,
            temp_c={self._kind.zone: round(reading_c, 1)},
            band=decision.band,
            is_throttled=clock_share < 1.0,
            mem_mb=round(self._random.gauss(180.0, 2.0), 1),
            disk_free_mb=9000.0,
        )
        return system, self._make_pipeline_report(n, t, clock_share, passed_s) if self._runs else None

    def perform(self, action: Action, now_ns: int) -> Outcome:
        """Do what an operator asked for.

        Raises:
            EdgefuseError: It cannot be done.
        """
        if isinstance(action, GetStatus):
            return Outcome(result=make_status(self._kind, self._know(now_ns)))
        if isinstance(action, PinPoint):
            self._pin = self._check_point(action.point)
        elif isinstance(action, SetEffect):
            self._pinned_effect = _check_effect(action.effect)
        elif isinstance(action, Pause | Resume):
            self._is_paused = isinstance(action, Pause)
        elif isinstance(action, RestartWorker):
            self._start_worker(now_ns)
        else:
            raise EdgefuseError("cannot do that: this device is simulated")
        return Outcome()

    @property
    def _runs(self) -> bool:
        return self.service == "RUNNING" and not self._is_paused

    @property
    def _effect(self) -> str:
        return self._pinned_effect or EFFECTS[0]

    def _start_worker(self, now_ns: int) -> None:
        self.service, self._since_ns, self._dropped = "RUNNING", now_ns, 0.0
        self._restarts += 1
        self._plan_crash(now_ns)
        self._tell("info", "worker_running", "the worker runs")

    def _plan_crash(self, now_ns: int) -> None:
        self.due_ns = now_ns + round(self._random.expovariate(1.0 / CRASHES_EACH_S) * clock.NS_PER_S)

    def _warm(self, now_ns: int) -> float:
        """Move the heat on, second by second, and read the sensor."""
        passed_s = (now_ns - self._heated_ns) // clock.NS_PER_S
        self._heated_ns += passed_s * clock.NS_PER_S
        age_s = (now_ns - self._began_ns) / clock.NS_PER_S
        air_c = self._air_c + _SWING_K * math.sin(2.0 * math.pi * age_s / self._swing_s)
        around = Surroundings(air_c, self._resistance)
        for _ in range(min(passed_s, MAX_HEATING_S)):
            self._delivered = plant.advance(self._kind.board, self._heat, around, self._governor.point)
        return self._sensor.read(self._heat.die_c)

    def _govern(self, reading_c: float, now_ns: int) -> governor.Decision:
        trip, before = self._kind.profile.trips[0], self._governor.point
        seen = Observation(
            now_s=now_ns / clock.NS_PER_S,
            nearest=Nearest(self._kind.zone, reading_c, trip.enter_c, trip.exit_c),
            running=before if self._runs else None,
            pin=self._pin,
        )
        self._governor, decision = governor.step(self._governor, seen, self._kind.profile.ladder)
        self._point_reason = decision.text
        if decision.point != before:
            self._tell("info", "point_changed", f"point {decision.point}: {decision.text}")
        return decision

    def _make_pipeline_report(self, n: int, t: str, clock_share: float, passed_s: float) -> PipelineReport:
        board, ladder, point = self._kind.board, self._kind.profile.ladder, self._governor.point
        rate_hz = ladder[point].rate_hz
        fps = rate_hz * self._delivered * self._random.uniform(0.99, 1.0)
        self._dropped += (rate_hz - fps) * passed_s
        frame_share = board.shares[point] * ladder[0].rate_hz / rate_hz  # of a frame's work at point 0
        p50_ms = _STEPS_IN_LATENCY * 1000.0 * board.busy * frame_share / (ladder[0].rate_hz * clock_share)
        return PipelineReport(
            t=t,
            n=n,
            fps_in=CAMERA_HZ,
            fps=round(fps, 1),
            dropped=int(self._dropped),
            latency_ms=Latency(round(p50_ms, 1), round(1.3 * p50_ms, 1), round(1.6 * p50_ms, 1)),
            faces=round(self._random.uniform(0.0, 3.0), 1),
            width_px=1280,
            height_px=720,
            point=point,
            effect=self._effect,
            release=self.updating.release,
        )

    def _know(self, now_ns: int) -> Known:
        system, pipeline = self.make_reports(0, "", now_ns)
        point = self._governor.point
        return Known(
            release=self.updating.release,
            uptime_s=(now_ns - self._began_ns) / clock.NS_PER_S,
            service=Service(
                state=self.service,
                since_s=(now_ns - self._since_ns) / clock.NS_PER_S,
                restarts=self._restarts,
                retry_in_s=None if self.service == "RUNNING" else max(0.0, (self.due_ns - now_ns) / clock.NS_PER_S),
            ),
            settings={
                "effect": Choice(self._effect, "pin" if self._pinned_effect else "default"),
                "point": Choice(str(point), "governor" if self._pin is None else "pin"),
            },
            point=point,
            point_reason=self._point_reason,
            system=system,
            pipeline=pipeline,
        )

    def _check_point(self, point: int | None) -> int | None:
        last = len(self._kind.profile.ladder) - 1
        if point is not None and point > last:
            raise EdgefuseError(f"cannot pin point {point}: the last of {self._kind.profile.id} is {last}")
        return point


def _check_effect(effect: str) -> str:
    """Give an effect that can be pinned; an empty text takes the pin away."""
    if effect and effect not in EFFECTS:
        raise EdgefuseError(f"cannot pin effect '{effect}': choose from {', '.join(EFFECTS)}")
    return effect
