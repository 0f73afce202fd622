"""The check that needs a whole machine: control groups that really count memory."""

from __future__ import annotations

from pathlib import Path

from unit import UNIT, CheckError, expect, frames_flow_from, show, status, supervisor_pid, wait, worker_pids

START_S = 400.0  # an emulated processor is some twenty times slower, and other work runs beside it


def memory_limit() -> str:
    """A worker over its memory limit dies alone: no restart of the unit, and another worker comes."""
    wait("frames", frames_flow_from, START_S)
    worker, supervisor = status()["service"]["pid"], supervisor_pid()
    group = Path("/sys/fs/cgroup/system.slice") / UNIT / "worker"
    expect(
        "members of the worker's group",
        {int(pid) for pid in (group / "cgroup.procs").read_text().split()},
        worker_pids(),
    )
    limit = (group / "memory.max").read_text().strip()
    if not limit.isdigit():
        raise CheckError(f"the worker has no memory limit: {limit}")
    # Below what it holds: the kernel then ends it, as if it had grown to its limit.
    (group / "memory.max").write_text(str(int((group / "memory.current").read_text()) // 4))
    wait("the end of the worker", lambda: worker not in worker_pids(), 60)
    took_s = wait("frames of another worker", lambda: frames_flow_from(worker), START_S)
    expect("main process, restarts of the unit", (supervisor_pid(), show("NRestarts")), (supervisor, "0"))
    expect("limit of the new worker", (group / "memory.max").read_text().strip(), limit)
    kinds = [event["kind"] for event in status()["events"]]
    if "memory_killed" not in kinds:
        raise CheckError(f"nobody was told that memory was the reason: {kinds}")
    return (
        f"limit {int(limit) // 1_000_000} MB, frames of another worker after {took_s:.0f} s, supervisor {supervisor} lives on"
    )


SCENARIO = (memory_limit,)
