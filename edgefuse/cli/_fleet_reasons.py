"""Why a device is as it is, in sentences: from what it said last, and its status where it answered."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from edgefuse import clock
from edgefuse.cli._words import (
    current_point,
    explain_rate,
    show_event,
    show_heat,
    show_point,
    show_service,
    show_span,
    show_time,
    show_zones,
)
from edgefuse.fleet.deployments import is_over, show_progress
from edgefuse.fleet.roster import Row, View
from edgefuse.link.cadence import PERIODS_S
from edgefuse.link.messages import Deployment, Inventory
from edgefuse.supervisor.control import Setting, Status

_EVENTS = 5
_ONLY_DEVICE = "what decided that, only the device can tell"
_ORIGINS = {
    "pin": "an operator pinned it",
    "site": "its site configuration says so",
    "profile": "its profile says so",
    "governor": "its governor chose it",
    "default": "nobody chose another",
}
_ABSENCES = {
    "revoked": "revoked: this site trusts it no longer, and the broker neither reads nor tells it anything",
    "unseen": "enrolled, and the broker has never heard of it: it has not joined, or cannot reach the broker",
    "silent": "the broker takes it for online, but its reports do not come",
}


@dataclass(frozen=True, slots=True)
class Known:
    """Everything that sentences are made from."""

    view: View
    row: Row
    now_ns: int
    status: Status | None
    silence: str
    """Why there is no status; empty where there is one."""


def explain(known: Known) -> Iterator[tuple[str, Iterable[str]]]:
    """Give the sentences of each topic, the most urgent first."""
    yield "presence", _presence(known)
    yield "answer", _answer(known)
    if known.view.state is None:
        return
    yield "service", _service(known)
    yield "video", _video(known)
    yield "heat", _heat(known)
    yield "point", _point(known)
    yield "effect", _effect(known)
    yield "release", _release(known)
    if known.view.inventory is not None:
        yield "plan", _plan(known.view.inventory)
    if known.status is not None:
        yield "events", _events(known.status)


def _presence(known: Known) -> Iterator[str]:
    state = known.view.state
    if state is None or known.row.presence in _ABSENCES:
        yield _ABSENCES.get(known.row.presence, known.row.presence)
    elif state.presence == "online":
        since = f" since {show_time(state.since)}" if state.since else ""
        yield f"online{since} over MQTT {state.mqtt}, reporting {_pace(state.mode)}"
    elif state.since:
        yield f"offline since {show_time(state.since)}: it took leave, as at a shutdown or a change of its link"
    else:
        yield (
            "offline: the broker lost it without a word, as by a power cut, a broken network or a crash; "
            f"the connection that was lost had begun at {show_time(state.t)}"
        )
    if known.view.reported_ns is not None:
        yield f"its last report came {show_span((known.now_ns - known.view.reported_ns) / clock.NS_PER_S)} ago"


def _pace(mode: str) -> str:
    period_s = next((period_s for name, period_s in PERIODS_S.items() if name == mode), None)
    return mode if period_s is None else f"every {period_s:g} s ({mode})"


def _answer(known: Known) -> Iterator[str]:
    if known.status is not None:
        yield f"it answered a signed command: edgefuse {known.status.version}, up {show_span(known.status.uptime_s)}"
    elif known.view.state is not None:
        yield f"it gave no status ({known.silence}); what follows is what it said last, without most of the reasons"


def _service(known: Known) -> Iterator[str]:
    if known.status is not None:
        yield show_service(known.status.service)
    elif known.row.service:
        yield f"{known.row.service}, as it said last"


def _video(known: Known) -> Iterator[str]:
    status, row = known.status, known.row
    if status is not None:
        beat = status.heartbeat
        rate = f"{beat.fps:.1f} fps out of {beat.fps_in:.1f} fps in: " if beat else ""
        yield rate + explain_rate(status)
    elif row.fps is not None:
        yield f"{row.fps:.1f} fps; what bounds the rate, only the device can tell"
    else:
        yield "no figures"


def _heat(known: Known) -> Iterator[str]:
    status, system = known.status, known.view.system
    if status is not None:
        yield show_heat(status.heat) if status.heat.temps_c else f"no sensor; {show_heat(status.heat)}"
        yield from show_zones(status.heat)
    elif system is not None and known.view.is_online:
        zones = ", ".join(f"{zone} {temp_c:.1f} C" for zone, temp_c in system.temp_c.items()) or "no sensor"
        yield f"{system.band}: {zones}; where the trips are, only the device can tell"
    else:
        yield "no figures"


def _point(known: Known) -> Iterator[str]:
    status = known.status
    if status is None:
        yield "unknown" if known.row.point is None else f"{known.row.point}; {_ONLY_DEVICE}"
        return
    if (setting := status.settings.get("point")) is not None:
        yield _because(setting)
    if status.heat.point_reason:
        yield f"the governor: {status.heat.point_reason}"
    if (point := current_point(status)) is not None:
        yield f"it allows {show_point(point)}"


def _effect(known: Known) -> Iterator[str]:
    if known.status is None:
        yield "unknown" if known.row.effect is None else f"{known.row.effect}; {_ONLY_DEVICE}"
        return
    for name in ("effect", "face"):
        if (setting := known.status.settings.get(name)) is not None and setting.value:
            yield _because(setting)


def _because(setting: Setting) -> str:
    since = f" on {show_time(setting.since)}" if setting.since else ""
    return f"{setting.value}, because {_ORIGINS.get(setting.origin, setting.origin)}{since}"


def _release(known: Known) -> Iterator[str]:
    release = known.row.release
    yield f"{release}, which ships with edgefuse {known.row.version}" if release == "0" else release or "not known yet"
    if (deployment := known.view.deployment) is not None:
        yield _tell_deployment(deployment)


def _tell_deployment(deployment: Deployment) -> str:
    """Tell how the newest one stands, and why."""
    at = show_time(deployment.ended_at or deployment.t)
    how = "ended" if is_over(deployment) else "is under way"
    text = f"deployment {deployment.id} of release {deployment.release} {how}: {show_progress(deployment)} at {at}"
    return f"{text}: {deployment.reason}" if deployment.reason else text


def _plan(inventory: Inventory) -> Iterator[str]:
    for key, choice in inventory.choices.items():
        yield f"{key} px: {choice}"
        for better in inventory.passed_over.get(key, ()):
            yield f"  not {better}"


def _events(status: Status) -> Iterator[str]:
    urgent = [event for event in status.events if event.level != "info"]
    for event in urgent[-_EVENTS:]:
        yield show_event(event)
    if not urgent:
        yield f"none of the newest {len(status.events)} needs attention"
