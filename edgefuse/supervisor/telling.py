"""What the fleet is told of this unit, in the link's messages."""

from __future__ import annotations

import shutil
from collections.abc import Mapping

from edgefuse import clock, ipc, paths
from edgefuse.errors import StoreError
from edgefuse.link.messages import Inventory, Latency, PipelineReport, SystemReport
from edgefuse.memory import BYTES_PER_MB
from edgefuse.planning.host import read_host
from edgefuse.planning.plan import Choice, Plan, Rejection
from edgefuse.store.state import load_state, state_path
from edgefuse.supervisor.control import Status


def make_system_report(status: Status, n: int) -> SystemReport:
    """Say how the machine is."""
    heat, beat = status.heat, status.heartbeat
    return SystemReport(
        t=clock.wall_iso(),
        n=n,
        temp_c=heat.temps_c,
        band=heat.band,
        is_throttled=heat.is_throttled,
        power_w=heat.power_w,
        mem_mb=round(status.supervisor_mb + (beat.rss_mb if beat else 0.0), 1),
        disk_free_mb=round(shutil.disk_usage(paths.state_dir()).free / BYTES_PER_MB),
    )


def make_pipeline_report(status: Status, beat: ipc.Heartbeat, size_px: tuple[int, int], n: int) -> PipelineReport:
    """Say how the pipeline is, whose frames have that width and height."""
    return PipelineReport(
        t=clock.wall_iso(),
        n=n,
        fps_in=beat.fps_in,
        fps=beat.fps,
        dropped=beat.dropped,
        latency_ms=Latency(beat.latency_ms.p50, beat.latency_ms.p95, beat.latency_ms.p99),
        faces=beat.faces,
        width_px=size_px[0],
        height_px=size_px[1],
        point=beat.point,
        effect=beat.effect,
        release=status.release,
    )


def make_inventory(status: Status, plan: Plan) -> Inventory:
    """Say what this unit is and what was decided for it; reads files."""
    host = read_host()
    facts = {"arch": host.arch, "os": host.os, "python": host.python, "cores": host.cores, "memory_mb": host.memory_mb}
    return Inventory(
        t=clock.wall_iso(),
        profile=status.profile,
        board=status.board,
        host={name: str(fact) for name, fact in facts.items() if fact},
        runtimes=_read_runtimes(),
        choices={f"{choice.task} {choice.size_px}": _name(choice) for choice in plan.choices},
        rejections=_group(plan.rejections),
    )


def _read_runtimes() -> Mapping[str, str]:
    """Give what the last probe found: versions, or why a runtime is of no use."""
    try:
        probe = load_state(state_path()).probe
    except StoreError:  # the supervisor has noted that
        return {}
    return {fact.id: fact.version if fact.is_usable else fact.reason for fact in (probe.runtimes if probe else ())}


def _name(choice: Choice) -> str:
    return f"{choice.model} {choice.variant} on {choice.runtime} {choice.target}"


def _group(rejections: tuple[Rejection, ...]) -> Mapping[str, tuple[str, ...]]:
    grouped: dict[str, tuple[str, ...]] = {}
    for rejection in rejections:
        line = f"{rejection.variant} on {rejection.runtime}: {rejection.reason}"
        grouped[rejection.model] = (*grouped.get(rejection.model, ()), line)
    return grouped
