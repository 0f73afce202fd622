"""What a store knows of devices, made up."""

from __future__ import annotations

from dataclasses import replace

import msgspec

from edgefuse.fleet.site import Member, Register
from edgefuse.fleet.store import DeviceRecord
from edgefuse.link.messages import Deployment, Inventory, Latency, PipelineReport, State, SystemReport

T = "2026-11-20T12:00:00.000+00:00"
NOW_S = 1_795_176_005.0
REPORTED_S = NOW_S - 5.0

STATE = State(
    t=T, presence="online", version="0.1.0", release="0", service="RUNNING", mode="normal", mqtt="5", boot="b1"
)
INVENTORY = Inventory(
    t=T,
    profile="raspberry-pi-5",
    board="Raspberry Pi 5 Model B Rev 1.0",
    host={"arch": "aarch64"},
    runtimes={"tflite": "2.3.0"},
    choices={"detect_faces 192": "blazeface f32 on tflite cpu"},
    rejections={"yunet": ("f32 on openvino: the runtime is not installed",)},
)
SYSTEM = SystemReport(
    t=T,
    n=7,
    temp_c={"cpu-thermal": 51.5, "gpu": 49.0},
    band="hot",
    is_throttled=True,
    power_w=4.2,
    mem_mb=180.5,
    disk_free_mb=9000.0,
)
PIPELINE = PipelineReport(
    t=T,
    n=7,
    fps_in=30.0,
    fps=29.8,
    dropped=2,
    latency_ms=Latency(20.0, 28.0, 32.0),
    faces=1.2,
    width_px=1280,
    height_px=720,
    point=1,
    effect="anonymise",
    release="0",
)
DEPLOYMENT = Deployment(t=T, id="d1", release="7", state="ROLLED_BACK", seq=3)


def make_record(device: str = "door-3", **changes: object) -> DeviceRecord:
    """Give a device that has just reported, changed as wished."""
    record = DeviceRecord(device, "online", NOW_S - 60, STATE, INVENTORY, None, SYSTEM, PIPELINE, REPORTED_S)
    return replace(record, **changes)  # type: ignore[arg-type]  # as the caller says


def with_zones(**temp_c: float) -> SystemReport:
    """Give a report with other zones."""
    return msgspec.structs.replace(SYSTEM, temp_c=temp_c)


def make_register(*devices: str, **members: Member) -> Register:
    """Give a site that trusts these devices; the members have names with underscores for hyphens."""
    plain = {device: Member(serial="a1", key_id="k1") for device in devices}
    named = {name.replace("_", "-"): member for name, member in members.items()}
    return Register(host="broker.example", port=8883, key_id="k1", members={**plain, **named})
