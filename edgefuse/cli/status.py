"""``edgefuse status``: how the service on this unit does, and which setting won from where."""

from __future__ import annotations

import argparse
from collections.abc import Iterator

import msgspec

from edgefuse.cli._sheet import lay_out
from edgefuse.cli._supervisor import get_status
from edgefuse.cli._words import (
    current_point,
    explain_rate,
    show_deployment,
    show_event,
    show_heat,
    show_memory,
    show_origin,
    show_point,
    show_restarts,
    show_service,
    show_span,
    show_zones,
)
from edgefuse.command import Command
from edgefuse.ipc import Heartbeat
from edgefuse.supervisor.control import Status

_EVENTS = 5


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="print JSON")


def _run(options: argparse.Namespace) -> int:
    status = get_status()
    print(msgspec.json.format(msgspec.json.encode(status), indent=1).decode() if options.json else describe(status))
    return 0 if is_well(status) else 1


def is_well(status: Status) -> bool:
    """Tell whether the service does what it was asked to: it runs, and its source gives frames or is paused."""
    beat = status.heartbeat
    is_waiting = beat is not None and beat.source == "waiting"
    return status.service.state == "RUNNING" and not status.service.is_flapping and not is_waiting


def describe(status: Status) -> str:
    """Give a status as people read it, in 80 columns; the most urgent first."""
    return lay_out(_rows(status))


def _rows(status: Status) -> Iterator[tuple[str, Iterator[str]]]:
    """Give the texts of each label."""
    yield "service", _service(status)
    yield "video", _video(status)
    yield "heat", _heat(status)
    yield "point", _point(status)
    yield "memory", _memory(status)
    for name, setting in status.settings.items():
        if name != "point":
            yield name, iter([f"{setting.value or 'none'} ({show_origin(setting)})"])
    yield "plan", _plan(status)
    yield "unit", _unit(status)
    yield "update", _update(status)
    yield "events", (show_event(event) for event in status.events[-_EVENTS:])


def _service(status: Status) -> Iterator[str]:
    service = status.service
    yield show_service(service)
    pid = "no process" if service.pid is None else f"pid {service.pid}"
    yield f"{pid}, {show_restarts(service)}"


def _video(status: Status) -> Iterator[str]:
    beat = status.heartbeat
    if beat is None:
        yield explain_rate(status)
        return
    yield f"{beat.fps:.1f} fps out of {beat.fps_in:.1f} fps in: {explain_rate(status)}"
    yield f"latency {beat.latency_ms.p50:.0f} ms (95 %: {beat.latency_ms.p95:.0f} ms), {beat.faces:.1f} faces a frame"
    yield _count_frames(beat)


def _count_frames(beat: Heartbeat) -> str:
    counts = [
        f"{beat.frames_out:,} out",
        f"{beat.dropped:,} dropped (too slow)",
        f"{beat.skipped:,} skipped (by the point)",
        f"{beat.failures:,} failed",
    ]
    return ", ".join([*counts, f"source lost {beat.source_losses:,}×"] if beat.source_losses else counts)


def _heat(status: Status) -> Iterator[str]:
    heat = status.heat
    yield show_heat(heat) if heat.temps_c or heat.stale else f"no sensor; {show_heat(heat)}"
    yield from show_zones(heat)


def _point(status: Status) -> Iterator[str]:
    setting, point = status.settings.get("point"), current_point(status)
    if setting is None:
        return
    what = f": {show_point(point)}" if point else ""
    yield f"{setting.value}{what} ({show_origin(setting)})"
    if status.heat.point_reason:
        yield status.heat.point_reason


def _memory(status: Status) -> Iterator[str]:
    yield show_memory(status)


def _plan(status: Status) -> Iterator[str]:
    for choice in status.plan.choices if status.plan else ():
        yield f"{choice.task}: {choice.model} {choice.variant} on {choice.runtime} {choice.target}"


def _unit(status: Status) -> Iterator[str]:
    if status.profile:
        yield f"{status.board}, profile {status.profile}, release {status.release or 'not known yet'}"
    yield f"edgefuse {status.version}, up {show_span(status.uptime_s)}"


def _update(status: Status) -> Iterator[str]:
    if status.deployment is not None:
        yield f"release {status.deployment.deployment.release} {show_deployment(status.deployment)}"


PLUGIN = Command(
    help="tell how the service on this unit does, what decided its settings, and what happened lately",
    example="edgefuse status",
    add_arguments=_add_arguments,
    run=_run,
)
