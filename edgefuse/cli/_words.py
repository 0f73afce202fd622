"""What ``status`` and ``top`` say of a unit in the same words: time, settings, heat, and what bounds the rate."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from edgefuse.config.profile import OperatingPoint
from edgefuse.ipc import Heartbeat
from edgefuse.supervisor.control import DeploymentStatus, Event, Heat, ServiceStatus, Setting, Status

NEAR = 0.95  # a rate within 5 % of what was asked for is that rate: a second holds no whole number of frames
_SPANS_S = (("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1))
_ORIGINS = {"pin": "pinned", "site": "site configuration"}


def show_span(duration_s: float) -> str:
    """Give a span of time by its two largest units: ``2 h 14 min``."""
    parts: list[str] = []
    rest_s = max(0, round(duration_s))
    for unit, unit_s in _SPANS_S:
        count, rest_s = divmod(rest_s, unit_s)
        parts += [f"{count} {unit}"] if count or parts else []
    return " ".join(parts[:2]) or "0 s"


def show_time(at: str) -> str:
    """Give wall time as the clock of this user's zone shows it, like the journal does; what is none stays as it is."""
    try:
        return f"{datetime.fromisoformat(at.replace('Z', '+00:00')).astimezone():%m-%d %H:%M:%S}"
    except (ValueError, OverflowError):
        return at


def show_event(event: Event) -> str:
    """Give an event on one line."""
    return printable(f"{show_time(event.at)} {event.level:<7} {event.text} ({event.kind})")


def printable(text: str) -> str:
    """Give a text on one line, without what a terminal would obey: it may hold what a camera or a file is called."""
    return "".join(c if c.isprintable() else "?" for c in "; ".join(text.splitlines()))


def show_origin(setting: Setting) -> str:
    """Tell what decided a setting, and since when it is pinned."""
    since = f" since {show_time(setting.since)}" if setting.since else ""
    return _ORIGINS.get(setting.origin, setting.origin) + since


def show_service(service: ServiceStatus) -> str:
    """Tell the state, for how long, and what is next."""
    text = f"{service.state} for {show_span(service.since_s)}"
    if service.retry_in_s is not None:
        text += f", next try in {show_span(service.retry_in_s)}"
    return f"{text}: {printable(service.reason)}" if service.reason else text


def show_memory(status: Status) -> str:
    """Tell what worker and supervisor hold."""
    beat, limit_mb = status.heartbeat, status.service.memory_limit_mb
    supervisor = f"supervisor {status.supervisor_mb:.0f} MB"
    if beat is None:
        return f"worker unknown, {supervisor}"
    if limit_mb is None:
        return f"worker {beat.rss_mb:.0f} MB without a limit, {supervisor}"
    return f"worker {beat.rss_mb:.0f} of {limit_mb:.0f} MB ({beat.rss_mb / limit_mb:.0%}), {supervisor}"


def show_restarts(service: ServiceStatus) -> str:
    """Count the restarts, and say whether they come in a row."""
    return show_count(service.restarts, "restart") + ", flapping" * service.is_flapping


def show_count(count: int, noun: str) -> str:
    """Give a count with its noun."""
    return f"{count:,} {noun}{'s' * (count != 1)}"


def show_zones(heat: Heat) -> Iterator[str]:
    """Tell each zone with its distance to the trip, the nearest to its trip first."""
    for zone in sorted(heat.temps_c, key=lambda zone: (margin_c(heat, zone), -heat.temps_c[zone])):
        temp_c, trip_c = heat.temps_c[zone], heat.trips_c.get(zone)
        text = f"{zone} {temp_c:.1f} C"
        if trip_c is not None:
            side = "below" if temp_c <= trip_c else "ABOVE"
            text += f", {abs(trip_c - temp_c):.1f} {side} its trip at {trip_c:g}"
        yield text + ", an old reading: the sensor is silent" * (zone in heat.stale)


def margin_c(heat: Heat, zone: str) -> float:
    """Give a zone's distance to its trip; infinite for a zone that is only watched."""
    return heat.trips_c.get(zone, float("inf")) - heat.temps_c[zone]


def show_heat(heat: Heat) -> str:
    """Sum the zones up."""
    power = [] if heat.power_w is None else [f"{heat.power_w:.1f} W"]
    throttled = "THROTTLED: the kernel slows the processor" if heat.is_throttled else "not throttled"
    return ", ".join([heat.band, throttled, *power])


def show_deployment(status: DeploymentStatus) -> str:
    """Tell how a deployment stands, with what it waits for or why it ended."""
    deployment = status.deployment
    share = f" {status.done_bytes / status.total_bytes:.0%}" if status.total_bytes and not deployment.is_over else ""
    reason = f": {printable(deployment.reason)}" if deployment.reason else ""
    return f"{deployment.state}{share}{reason}"


def show_point(point: OperatingPoint) -> str:
    """Tell what a point does."""
    every = "every frame" if point.detect_every == 1 else f"every {point.detect_every} frames"
    return f"up to {point.rate_hz:g} fps, detect at {point.detect_px} px {every}, effect at {point.effect_px} px"


def current_point(status: Status) -> OperatingPoint | None:
    """Give the point that frames are captured under; nothing where no worker runs."""
    beat = status.heartbeat
    return status.ladder[beat.point] if beat and beat.point < len(status.ladder) else None


def explain_rate(status: Status) -> str:
    """Tell what bounds the rate, so that nobody has to guess why a unit is slow."""
    beat = status.heartbeat
    if beat is None:
        return f"no frames: the worker is {status.service.state}"
    if beat.source == "waiting":
        return "the source is not there; waiting for it"
    if beat.source == "paused":
        return "paused: edgefuse set resume"
    return _explain_flow(beat, current_point(status))


def _explain_flow(beat: Heartbeat, point: OperatingPoint | None) -> str:
    share = beat.fps / point.rate_hz if point else 0.0
    if NEAR <= share <= 1 / NEAR:
        return f"all that point {beat.point} allows"
    if beat.fps >= NEAR * beat.fps_in and share < NEAR:  # a file has no rate: its frames wait for the slowest thread
        return "all that the source gives"
    slowest = max(beat.stages_ms, key=lambda stage: beat.stages_ms[stage], default="")
    return f"bounded by {slowest or 'a thread'}: its thread takes {beat.frame_ms:.0f} ms a frame"
