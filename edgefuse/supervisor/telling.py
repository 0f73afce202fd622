"""What the fleet is told of this unit, in the link's messages."""

from __future__ import annotations

from edgefuse import clock, disk, ipc, paths
from edgefuse.config.host import RuntimeFact
from edgefuse.errors import StoreError
from edgefuse.link.inventory import make_inventory
from edgefuse.link.messages import Deployment as DeploymentReport
from edgefuse.link.messages import Inventory, Latency, PipelineReport, SystemReport
from edgefuse.memory import BYTES_PER_MB
from edgefuse.planning.host import read_host
from edgefuse.planning.plan import Plan
from edgefuse.store.state import load_state, state_path
from edgefuse.supervisor.control import DeploymentStatus, Status


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
        disk_free_mb=round(disk.free_bytes(paths.state_dir()) / BYTES_PER_MB),
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


def make_deployment_report(status: DeploymentStatus) -> DeploymentReport:
    """Say how the newest deployment stands."""
    deployment = status.deployment
    return DeploymentReport(
        t=clock.wall_iso(),
        id=deployment.id,
        release=deployment.release,
        state=deployment.state,
        seq=status.seq,
        reason=deployment.reason,
        gates={finding.gate: finding.value for finding in status.findings if finding.value is not None},
        done_bytes=status.done_bytes,
        total_bytes=status.total_bytes,
        ended_at=deployment.ended_at,
    )


def read_inventory(status: Status, plan: Plan) -> Inventory:
    """Say what this unit is and what was decided for it; reads files."""
    return make_inventory(clock.wall_iso(), read_host(), status.board, _read_runtimes(), plan)


def _read_runtimes() -> tuple[RuntimeFact, ...]:
    """Give what the last probe found."""
    try:
        probe = load_state(state_path()).probe
    except StoreError:  # the supervisor has noted that
        return ()
    return probe.runtimes if probe else ()
