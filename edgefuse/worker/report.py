"""What a run tells when it is over, as JSON for scripts and as lines for people."""

from __future__ import annotations

from pathlib import Path

import msgspec

from edgefuse import clock
from edgefuse.ipc import Latency
from edgefuse.memory import BYTES_PER_MB, resident_mb
from edgefuse.planning.plan import Plan
from edgefuse.worker.histogram import Histogram


class Memory(msgspec.Struct, frozen=True):
    """Resident memory of the process, megabytes (10⁶ bytes)."""

    start: float
    end: float
    peak: float


class Pool(msgspec.Struct, frozen=True):
    """Balance of the buffer pool."""

    buffers: int
    leased: int
    returned: int
    peak: int


class StageTime(msgspec.Struct, frozen=True):
    """What one stage took of its thread."""

    p50_ms: float
    p95_ms: float
    p99_ms: float
    share: float
    """Of the run's duration, 0..1: near 1, this stage's thread is what bounds the rate."""


class RunReport(msgspec.Struct, frozen=True, kw_only=True):
    """One run from first to last frame; ``frames_in == frames_out + dropped + skipped``."""

    v: int = 1
    frames_in: int
    """Frames that the source gave."""
    frames_out: int
    """Frames that the sink got."""
    dropped: int
    """Frames that a newer one displaced."""
    skipped: int
    """Frames above the operating point's rate."""
    failures: int
    """Frames on which a model failed."""
    source_losses: int
    """How often a live source went away and was waited for."""
    is_interrupted: bool
    """Ctrl-C or ``kill`` ended the run; all that was delivered is complete."""
    fps: float
    duration_s: float
    cpu_s: float
    """Processor seconds of all threads."""
    latency_ms: Latency
    """Until delivery: from capture of a live stream, from the start of decoding of a file."""
    rss_mb: Memory
    pool: Pool
    stages: dict[str, StageTime]
    """By stage; ``capture`` and ``deliver`` are source and sink. Waiting for a camera is no work of ``capture``."""
    faces: int
    """Faces in delivered frames, summed up."""
    passed_over: int
    """Of these, the faces that the effect should have changed and could not."""
    point: int
    effect: str
    plan: Plan

    def to_json(self) -> bytes:
        """Give indented JSON."""
        return msgspec.json.format(msgspec.json.encode(self), indent=2) + b"\n"


def stage_time(histogram: Histogram, duration_s: float) -> StageTime:
    """Sum up a stage's histogram over a run of ``duration_s``."""
    p50_ms, p95_ms, p99_ms = (histogram.percentile_ms(p) for p in (50, 95, 99))
    share = histogram.total_ns / clock.NS_PER_S / duration_s
    return StageTime(p50_ms, p95_ms, p99_ms, round(share, 4))


def peak_rss_mb() -> float:
    """Read the largest resident memory that this process ever had."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024 / BYTES_PER_MB
    return resident_mb()  # kernels without VmHWM
