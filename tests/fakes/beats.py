"""Heartbeats as a worker sends them."""

from __future__ import annotations

import msgspec

from edgefuse import ipc

_BEAT = ipc.Heartbeat(
    frames_in=0,
    frames_out=0,
    dropped=0,
    skipped=0,
    failures=0,
    source_losses=0,
    source="flowing",
    fps_in=30.0,
    fps=30.0,
    faces=1.0,
    latency_ms=ipc.Latency(10.0, 12.0, 15.0),
    frame_ms=8.0,
    stages_ms={"detect_faces": 1.0},
    point=0,
    effect="anonymise",
    rss_mb=200.0,
)


def beat(**changes: object) -> ipc.Heartbeat:
    """Give a heartbeat of a healthy worker, but for some changes."""
    return msgspec.structs.replace(_BEAT, **changes)
