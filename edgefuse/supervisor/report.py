"""What the supervisor tells of its unit: everything for `edgefuse status`, one line for `systemctl status`."""

from __future__ import annotations

import edgefuse
from edgefuse.memory import resident_mb
from edgefuse.supervisor.control import DeploymentStatus, Heat, ServiceStatus, Status
from edgefuse.supervisor.health import Phase
from edgefuse.supervisor.journal import Journal
from edgefuse.supervisor.steering import Steering
from edgefuse.supervisor.supervision import Supervision

_DOING: dict[Phase, str] = {
    "planning": "plans what to run; models that are missing are fetched",
    "opening": "opens its models",
    "open": "waits for the first frame",
}


def make_status(
    steering: Steering,
    supervision: Supervision,
    journal: Journal,
    deployment: DeploymentStatus | None,
    *,
    started_s: float,
    now_s: float,
) -> Status:
    """Tell everything that is known of this unit now."""
    unit, wanted, plan = steering.unit, steering.wanted, supervision.plan
    service = supervision.service
    return Status(
        version=edgefuse.__version__,
        board=unit.board if unit else "",
        profile=unit.profile.id if unit else "",
        release=plan.release if plan else "",
        uptime_s=round(now_s - started_s, 1),
        service=ServiceStatus(
            name="worker",
            state=service.state,
            reason=service.reason or _doing(supervision),
            pid=supervision.pid,
            since_s=round(now_s - service.since_s, 1),
            restarts=service.restarts,
            retry_in_s=_retry_in_s(supervision, now_s),
            is_flapping=service.is_flapping(now_s),
            memory_limit_mb=wanted.memory_mb if wanted else None,
        ),
        settings=wanted.settings if wanted else {},
        heartbeat=supervision.beat,
        heat=steering.heat.describe() if steering.heat else Heat(temps_c={}),
        ladder=unit.profile.ladder if unit else (),
        plan=plan,
        events=journal.newest(),
        supervisor_mb=round(resident_mb(), 1),
        deployment=deployment,
    )


def _doing(supervision: Supervision) -> str:
    """Say what a start is at, which may take minutes."""
    phase = supervision.phase if supervision.service.state == "STARTING" else None
    return _DOING[phase] if phase else ""


def _retry_in_s(supervision: Supervision, now_s: float) -> float | None:
    service = supervision.service
    if service.state not in ("BACKOFF", "FATAL") or service.due_s is None:
        return None
    return round(max(0.0, service.due_s - now_s), 1)


def describe(status: Status) -> str:
    """Give one line that says how the unit is."""
    beat, heat = status.heartbeat, status.heat
    parts = [status.service.state.lower() + (f" ({status.service.reason})" if status.service.reason else "")]
    if beat is not None:
        parts.append(f"{beat.fps:.1f} fps, point {beat.point}, {beat.rss_mb:.0f} MB")
    if heat.temps_c:
        parts.append(f"{max(heat.temps_c.values()):.0f} °C, {heat.band}")
    return "; ".join(" ".join(part.split()) for part in parts)
