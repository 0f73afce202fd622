"""What a store knows of devices, made up."""

from __future__ import annotations

from dataclasses import replace

from fakes import sayings
from msgspec import structs

from edgefuse.fleet.site import Member, Register
from edgefuse.fleet.store import DeviceRecord
from edgefuse.link.messages import SystemReport

T = "2026-11-20T12:00:00.000+00:00"
NOW_S = 1_795_176_005.0
REPORTED_S = NOW_S - 5.0

STATE = structs.replace(sayings.ONLINE, t=T)
INVENTORY = structs.replace(
    sayings.INVENTORY,
    t=T,
    choices={"detect_faces 192": "blazeface f32 on tflite cpu"},
    rejections={"yunet": ("f32 on openvino: the runtime is not installed",)},
)
SYSTEM = structs.replace(
    sayings.SYSTEM, t=T, temp_c={"cpu-thermal": 51.5, "gpu": 49.0}, band="hot", is_throttled=True, power_w=4.2
)
PIPELINE = structs.replace(sayings.PIPELINE, t=T)
DEPLOYMENT = structs.replace(sayings.DEPLOYMENT, t=T, release="7", state="ROLLED_BACK")


def make_record(device: str = "door-3", **changes: object) -> DeviceRecord:
    """Give a device that has just reported, changed as wished."""
    record = DeviceRecord(device, "online", NOW_S - 60, STATE, INVENTORY, None, SYSTEM, PIPELINE, REPORTED_S)
    return replace(record, **changes)  # type: ignore[arg-type]  # as the caller says


def with_zones(**temp_c: float) -> SystemReport:
    """Give a report with other zones."""
    return structs.replace(SYSTEM, temp_c=temp_c)


def make_register(*devices: str, **members: Member) -> Register:
    """Give a site that trusts these devices; the members have names with underscores for hyphens."""
    plain = {device: Member(serial="a1", key_id="k1") for device in devices}
    named = {name.replace("_", "-"): member for name, member in members.items()}
    return Register(host="broker.example", port=8883, key_id="k1", members={**plain, **named})
