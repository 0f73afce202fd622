"""What a simulated unit answers to ``status``: the JSON of ``supervisor.control.Status``.

That class is of this layer, too, so it is not known here; a test holds the two together.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import msgspec

import edgefuse
from edgefuse.fleet.simulation.kind import Kind
from edgefuse.ipc import Heartbeat, Latency
from edgefuse.link.messages import PipelineReport, SystemReport


@dataclass(frozen=True, slots=True)
class Choice:
    """A setting in force, and what decided it: ``pin``, ``governor`` or ``default``."""

    value: str
    origin: str


@dataclass(frozen=True, slots=True)
class Service:
    """How the worker is."""

    state: str
    since_s: float
    """Seconds in that state."""
    restarts: int
    retry_in_s: float | None
    """Nothing while it runs."""
    name: str = "worker"


@dataclass(frozen=True, slots=True)
class Known:
    """How the unit is right now."""

    release: str
    uptime_s: float
    service: Service
    settings: Mapping[str, Choice]
    """``effect point``."""
    point: int
    """Under which frames are captured."""
    point_reason: str
    system: SystemReport
    pipeline: PipelineReport | None
    """Nothing while it does not run or is paused."""


def make_status(kind: Kind, known: Known) -> msgspec.Raw:
    """Give the answer as it is sent."""
    status = {
        "v": 1,
        "version": edgefuse.__version__,
        "board": kind.profile.sample.board,
        "profile": kind.profile.id,
        "release": known.release,
        "uptime_s": known.uptime_s,
        "service": known.service,
        "settings": known.settings,
        "heartbeat": _make_heartbeat(known) if known.service.state == "RUNNING" else None,
        "heat": _describe_heat(kind, known),
        "ladder": kind.profile.ladder,
    }
    return msgspec.Raw(msgspec.json.encode(status))


def _make_heartbeat(known: Known) -> Heartbeat:
    """Count frames as if the worker had done since its start as it does now; while it is paused none flow."""
    pipeline, since_s = known.pipeline, known.service.since_s
    fps_in, fps, dropped = (pipeline.fps_in, pipeline.fps, pipeline.dropped) if pipeline else (0.0, 0.0, 0)
    latency_ms = msgspec.convert(pipeline.latency_ms, Latency, from_attributes=True) if pipeline else Latency(0, 0, 0)
    return Heartbeat(
        frames_in=int(fps_in * since_s),
        frames_out=int(fps * since_s),
        dropped=dropped,
        skipped=0,
        failures=0,
        source_losses=0,
        source="flowing" if pipeline else "paused",
        fps_in=fps_in,
        fps=fps,
        faces=pipeline.faces if pipeline else 0.0,
        latency_ms=latency_ms,
        frame_ms=1000.0 / fps if fps else 0.0,  # what bounds the rate, where it is bounded, is the slowest thread
        stages_ms={},
        point=known.point,
        effect=known.settings["effect"].value,
        rss_mb=known.system.mem_mb,
    )


def _describe_heat(kind: Kind, known: Known) -> Mapping[str, object]:
    """Tell the one zone that has a trip; its name is a pattern in the profile."""
    trip_c, temps_c = kind.profile.trips[0].enter_c, known.system.temp_c
    return {
        "temps_c": temps_c,
        "trips_c": dict.fromkeys(temps_c, trip_c),
        "band": known.system.band,
        "margin_c": round(trip_c - max(temps_c.values()), 1),
        "is_throttled": known.system.is_throttled,
        "point_reason": known.point_reason,
    }
