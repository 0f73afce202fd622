"""The check that needs a whole machine: control groups that really count memory."""

from __future__ import annotations

import os
from pathlib import Path

from unit import UNIT, CheckError, expect, frames_flow_from, show, status, supervisor_pid, wait

BID = Path("/var/lib/edgefuse/grow")
START_S = 300.0  # an emulated processor is some twenty times slower, and other work runs beside it


def memory_limit() -> str:
    """A worker that grows over its memory limit dies alone: the unit goes on, and another worker comes."""
    wait("frames", frames_flow_from, START_S)
    worker, supervisor = status()["service"]["pid"], supervisor_pid()
    group = Path("/sys/fs/cgroup/system.slice") / UNIT / "worker"
    expect("members of the worker's group", (group / "cgroup.procs").read_text().split(), [str(worker)])
    limit = (group / "memory.max").read_text().strip()
    BID.touch()
    os.chown(BID, BID.parent.stat().st_uid, -1)
    took_s = wait("frames of another worker", lambda: frames_flow_from(worker), START_S)
    expect("main process, restarts of the unit", (supervisor_pid(), show("NRestarts")), (supervisor, "0"))
    expect("limit of the new worker", (group / "memory.max").read_text().strip(), limit)
    counts = dict(line.split() for line in (group / "memory.events").read_text().splitlines())
    kinds = [event["kind"] for event in status()["events"]]
    if counts["oom_kill"] == "0" or "memory_killed" not in kinds:
        raise CheckError(f"the limit did not end it, or nobody was told: {counts}, {kinds}")
    return f"limit {int(limit) // 1_000_000} MB; frames after {took_s:.0f} s; the supervisor lives on"


SCENARIO = (memory_limit,)
