"""What a supervisor tells of a unit."""

from __future__ import annotations

from edgefuse.supervisor.control import Heat, ServiceStatus, Status

STATUS = Status(
    version="0",
    board="a board",
    profile="generic-x86-64",
    release="0",
    uptime_s=1.0,
    service=ServiceStatus(name="worker", state="RUNNING", since_s=1.0),
    settings={},
    heat=Heat(temps_c={}),
)
