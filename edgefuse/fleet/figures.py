"""What devices report every ten seconds, gathered until it is written: the newest of each, and buckets for history.

Reports come at QoS 0, so what is gathered here may be lost with the process; it is written every few seconds.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sqlalchemy import Connection, func

from edgefuse.fleet.database import REPORTS, upsert
from edgefuse.fleet.device_clock import DeviceClocks
from edgefuse.fleet.freshness import is_newer
from edgefuse.fleet.history import FINEST_S, Bucket, write_buckets
from edgefuse.link.messages import PipelineReport, SystemReport

MAX_BUCKETS = 60_000
"""A minute of ten thousand devices; more wait only while the database is away, and then the oldest go."""
SETTLE_S = 2.0
"""A bucket is written so long after its end: both reports of a device, and most of what is late, are in it by then."""

Report = SystemReport | PipelineReport


class Figures:
    """Used by one thread."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self.lost = 0
        """Buckets that could not wait for the database any longer."""
        self._clocks = DeviceClocks()
        self._newest: dict[tuple[str, type[Report]], Report] = {}
        self._reports: dict[str, dict[str, Any]] = {}
        self._buckets: dict[tuple[int, str], Bucket] = {}

    def greet(self, device: str, t: str, heard_s: float) -> None:
        """Take note of what a device said just now, which tells how far its clock is off."""
        self._clocks.greet(device, t, heard_s)

    def add(self, device: str, report: Report, payload: str, heard_s: float) -> None:
        """Take a report in."""
        made_s = self._clocks.place(device, report.t, heard_s)
        key = (int(made_s // FINEST_S) * FINEST_S, device)
        bucket = self._buckets.get(key)
        if bucket is None:
            bucket = self._buckets[key] = Bucket()
        for metric, value in _measure(report):
            bucket.add(metric, value)
        if is_newer(report, self._newest.get((device, type(report)))):
            self._newest[device, type(report)] = report
            self._show(device, report, payload, heard_s)

    def write(self, connection: Connection, now_s: float, *, is_last: bool = False) -> None:
        """Write the newest reports, and the buckets that are over, or all of them."""
        if self._reports:
            insert = upsert(connection, REPORTS)
            known, new = REPORTS.c, insert.excluded
            changes = {
                "system": func.coalesce(new.system, known.system),
                "pipeline": func.coalesce(new.pipeline, known.pipeline),
                "reported_s": new.reported_s,
            }
            rows = [self._reports[device] for device in sorted(self._reports)]
            connection.execute(insert.on_conflict_do_update(index_elements=["device"], set_=changes), rows)
        due = self._buckets if is_last else self._due(now_s)
        write_buckets(connection, {key: self._buckets[key] for key in due}, now_s)

    def forget(self, now_s: float) -> None:
        """Forget what was written with the same ``now_s``."""
        self._reports.clear()
        for key in self._due(now_s):
            del self._buckets[key]

    def trim(self) -> None:
        """Keep no more than fits."""
        excess = len(self._buckets) - MAX_BUCKETS
        for key in sorted(self._buckets)[: max(0, excess)]:
            del self._buckets[key]
            self.lost += 1

    def _due(self, now_s: float) -> list[tuple[int, str]]:
        return [key for key in self._buckets if key[0] + FINEST_S + SETTLE_S <= now_s]

    def _show(self, device: str, report: Report, payload: str, heard_s: float) -> None:
        row = self._reports.setdefault(device, {"device": device, "system": None, "pipeline": None})
        row["system" if isinstance(report, SystemReport) else "pipeline"] = payload
        row["reported_s"] = heard_s


def _measure(report: Report) -> Iterator[tuple[str, float]]:
    """Give what history keeps of a report."""
    if isinstance(report, SystemReport):
        if report.temp_c:
            yield "temp_c", max(report.temp_c.values())
        if report.power_w is not None:
            yield "power_w", report.power_w
        yield "mem_mb", report.mem_mb
    else:
        yield "fps", report.fps
        yield "latency_p95_ms", report.latency_ms.p95
        yield "faces", report.faces
        yield "point", report.point
