"""What devices say, whole and valid, to be changed as wished."""

from __future__ import annotations

from edgefuse.link.messages import Deployment, Event, Inventory, Latency, PipelineReport, State, SystemReport

ONLINE = State(
    t="2026-11-20T12:00:00Z",
    presence="online",
    version="0.1.0",
    release="0",
    service="RUNNING",
    mode="normal",
    mqtt="5",
    boot="b",
)
INVENTORY = Inventory(
    t="2026-11-20T12:00:00Z",
    profile="raspberry-pi-5",
    board="Raspberry Pi 5 Model B Rev 1.0",
    host={"os": "Debian"},
    runtimes={"tflite": "2.1.0"},
    choices={},
    rejections={},
)
SYSTEM = SystemReport(
    t="2026-11-20T12:00:10Z",
    n=1,
    temp_c={"cpu": 51.5, "gpu": 60.25},
    band="warm",
    is_throttled=False,
    mem_mb=180.5,
    disk_free_mb=9000.0,
)
PIPELINE = PipelineReport(
    t="2026-11-20T12:00:10Z",
    n=1,
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
EVENT = Event(
    t="2026-11-20T12:00:00Z", stream="s", n=1, level="warning", kind="worker_crashed", text="the worker crashed"
)
DEPLOYMENT = Deployment(t="2026-11-20T12:00:00Z", id="d1", release="1", state="TRIAL", seq=7)
