"""The metrics of devices, as a table; pure.

What is not known has no sample: a board without a sensor is neither at 0 °C nor at NaN, and a device that is away has
no frame rate.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import get_args

from edgefuse.fleet.exposition import Metric, Sample, write_label
from edgefuse.fleet.freshness import find_period_s, is_overdue
from edgefuse.fleet.roster import Presence
from edgefuse.fleet.site import Register
from edgefuse.fleet.store import DeviceRecord
from edgefuse.link.messages import Band, Deployment, Inventory, PipelineReport, State, SystemReport
from edgefuse.memory import BYTES_PER_MB

MAX_ZONES = 16
"""Of one device, because a device may say anything; the boards that we know have ten at most."""
MAX_CHARACTERS = 64
"""Of a label's value, for the same reason."""
_BANDS = get_args(Band)
"""From the coolest on."""


@dataclass(frozen=True, slots=True)
class Seen:
    """One device at the moment of a scrape."""

    device: str
    labels: Mapping[str, str]
    """Which its operator gave it."""
    presence: Presence
    state: State | None = None
    """Nothing of a device that was never heard of."""
    inventory: Inventory | None = None
    deployment: Deployment | None = None
    period_s: float = 0.0
    """Between its reports."""
    age_s: float | None = None
    """Of the newest report, where the device is there."""
    system: SystemReport | None = None
    """How the machine is; nothing where the newest report is too old to tell."""
    pipeline: PipelineReport | None = None
    """How the pipeline is; nothing where none runs."""


@dataclass(frozen=True, slots=True)
class DeviceMetric:
    """A metric, and how to tell its samples of one device; their labels are those beside the device's name."""

    metric: Metric
    read: Callable[[Seen], Iterable[Sample]]

    def samples(self, devices: Iterable[Seen]) -> Iterator[Sample]:
        """Give the samples of all devices."""
        read = self.read
        for seen in devices:
            for labels, value in read(seen):
                yield f'device="{seen.device}"{labels}', value


def look(records: Iterable[DeviceRecord], register: Register, now_s: float) -> list[Seen]:
    """Look at all devices that the site trusts at one moment of Unix time; strangers at its broker are none of them."""
    known = {record.device: record for record in records}
    return [
        _see(known[device], member.labels, now_s) if device in known else Seen(device, member.labels, "unseen")
        for device, member in register.members.items()
        if not member.is_revoked
    ]


def _see(record: DeviceRecord, labels: Mapping[str, str], now_s: float) -> Seen:
    is_there = record.presence in {"online", "silent"}
    age_s = max(0.0, now_s - record.reported_s) if is_there and record.reported_s is not None else None
    is_fresh = age_s is not None and not is_overdue(record.state, age_s)
    return Seen(
        record.device,
        labels,
        record.presence,
        record.state,
        record.inventory,
        record.deployment,
        find_period_s(record.state),
        age_s,
        record.system if is_fresh else None,
        record.pipeline if is_fresh else None,
    )


def _label(name: str, value: str) -> str:
    return "," + write_label(name, value[:MAX_CHARACTERS])


def _one(value: float | None) -> Sequence[Sample]:
    return () if value is None else (("", value),)


def _info(**labels: str) -> Sequence[Sample]:
    return (("".join([_label(name, value) for name, value in labels.items()]), 1),)


def _of_system(read: Callable[[SystemReport], float | None]) -> Callable[[Seen], Sequence[Sample]]:
    return lambda seen: _one(read(seen.system)) if seen.system else ()


def _of_pipeline(read: Callable[[PipelineReport], float | None]) -> Callable[[Seen], Sequence[Sample]]:
    return lambda seen: _one(read(seen.pipeline)) if seen.pipeline else ()


def _read_device(seen: Seen) -> Sequence[Sample]:
    if seen.state is None:
        return ()
    profile = seen.inventory.profile if seen.inventory else ""
    return _info(profile=profile, release=seen.state.release, version=seen.state.version)


def _read_labels(seen: Seen) -> Iterator[Sample]:
    """Give one without a label too, so that a choice of ``.*`` finds all devices."""
    yield "", 1
    for key, value in seen.labels.items():
        yield "," + write_label("label", f"{key}={value}"), 1


def _read_service(seen: Seen) -> Sequence[Sample]:
    return _info(service=seen.state.service) if seen.state and seen.age_s is not None else ()


def _read_deployment(seen: Seen) -> Sequence[Sample]:
    if seen.deployment is None:
        return ()
    return _info(release=seen.deployment.release, state=seen.deployment.state)


def _read_temperatures(seen: Seen) -> Sequence[Sample]:
    zones = sorted(seen.system.temp_c.items())[:MAX_ZONES] if seen.system else ()
    named = {zone[:MAX_CHARACTERS]: temp_c for zone, temp_c in zones}  # two long names may begin alike
    return [(_label("zone", zone), temp_c) for zone, temp_c in named.items()]


def _read_latency(seen: Seen) -> Sequence[Sample]:
    if seen.pipeline is None:
        return ()
    latency = seen.pipeline.latency_ms
    percentiles = (("50", latency.p50), ("95", latency.p95), ("99", latency.p99))
    return [(_label("percentile", percentile), value_ms / 1000) for percentile, value_ms in percentiles]


DEVICE_METRICS = (
    DeviceMetric(
        Metric("edgefuse_presence_info", "Whether the device is there: online, silent, offline or unseen."),
        lambda seen: _info(presence=seen.presence),
    ),
    DeviceMetric(
        Metric("edgefuse_device_info", "Profile of the board, release and version of edgefuse."), _read_device
    ),
    DeviceMetric(Metric("edgefuse_label_info", "Labels that the operator gave; and one sample without."), _read_labels),
    DeviceMetric(
        Metric("edgefuse_service_info", "State of the pipeline's service, RUNNING where all is well."), _read_service
    ),
    DeviceMetric(
        Metric("edgefuse_deployment_info", "State of the newest deployment, and its release."), _read_deployment
    ),
    DeviceMetric(
        Metric("edgefuse_report_age_seconds", "Since the newest report of a device that is connected."),
        lambda seen: _one(seen.age_s),
    ),
    DeviceMetric(
        Metric("edgefuse_report_period_seconds", "Between reports; three that do not come make a device silent."),
        lambda seen: _one(seen.period_s if seen.age_s is not None else None),
    ),
    DeviceMetric(Metric("edgefuse_temperature_celsius", "Temperature of a zone of the board."), _read_temperatures),
    DeviceMetric(
        Metric("edgefuse_band_index", "Distance to the trip: 0 cool, 1 warm, 2 hot, 3 critical."),
        _of_system(lambda report: _BANDS.index(report.band)),
    ),
    DeviceMetric(
        Metric("edgefuse_throttled", "1 while the board slows itself down."),
        _of_system(lambda report: int(report.is_throttled)),
    ),
    DeviceMetric(
        Metric("edgefuse_power_watts", "Power that the board draws."), _of_system(lambda report: report.power_w)
    ),
    DeviceMetric(
        Metric("edgefuse_memory_bytes", "Resident memory of supervisor and worker."),
        _of_system(lambda report: report.mem_mb * BYTES_PER_MB),
    ),
    DeviceMetric(
        Metric("edgefuse_disk_free_bytes", "Free space where edgefuse keeps its state."),
        _of_system(lambda report: report.disk_free_mb * BYTES_PER_MB),
    ),
    DeviceMetric(
        Metric("edgefuse_source_fps", "Frames a second that come from the source."),
        _of_pipeline(lambda report: report.fps_in),
    ),
    DeviceMetric(
        Metric("edgefuse_pipeline_fps", "Frames a second that are delivered."), _of_pipeline(lambda report: report.fps)
    ),
    DeviceMetric(
        Metric(
            "edgefuse_dropped_frames_total", "Frames that newer ones displaced since the worker started.", "counter"
        ),
        _of_pipeline(lambda report: report.dropped),
    ),
    DeviceMetric(
        Metric("edgefuse_latency_seconds", "From capture to delivery, by percentile of recent frames."), _read_latency
    ),
    DeviceMetric(
        Metric("edgefuse_faces_per_frame", "Faces in a delivered frame, on average."),
        _of_pipeline(lambda report: report.faces),
    ),
    DeviceMetric(
        Metric("edgefuse_point_index", "Operating point; 0 is the best."), _of_pipeline(lambda report: report.point)
    ),
    DeviceMetric(
        Metric("edgefuse_effect_info", "What is done to faces."),
        lambda seen: _info(effect=seen.pipeline.effect) if seen.pipeline else (),
    ),
)
