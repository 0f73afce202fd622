"""Measure what the effects cost a 720p frame, by the size that they work at.

The frames are those of the default clip in which the face is largest, scaled to 720p; faces are found beforehand. The
donor is the astronaut. Times are of the processor, one thread, so that other work on the machine hardly counts.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from dataclasses import replace

import cv2
import msgspec
import numpy as np

from benching.anonymity import MOBILEFACENET
from benching.command import run_bench
from benching.finding import VARIANTS, fetch_clip, open_models, read_frames
from benching.synthetic_people import draw_strangers
from edgefuse.config.profile import OperatingPoint
from edgefuse.store.fetch import open_fetcher
from edgefuse.store.media import ASTRONAUT, fetch_media
from edgefuse.store.store import open_store
from edgefuse.vision.model import Models
from edgefuse.vision.pool import Buffer
from edgefuse.vision.stage import Stage, StageContext
from edgefuse.vision.stages import detect_faces, track_faces
from edgefuse.vision.stages.anonymise import Anonymise
from edgefuse.vision.stages.anonymise import Options as AnonymiseOptions
from edgefuse.vision.stages.fuse_mesh import FuseMesh
from edgefuse.vision.stages.fuse_mesh import Options as FuseMeshOptions
from edgefuse.vision.stages.mark import Mark
from edgefuse.vision.stages.mark import Options as MarkOptions
from edgefuse.vision.types import Attention, Packet

HEIGHT_PX, WIDTH_PX = 720, 1280
FRAMES = slice(790, 890)
"""The person leans forward: the face is 290 to 420 pixels high in 720p."""
PASSES = 3
LADDER = tuple(
    OperatingPoint(effect_px=px, detect_px=128, rate_hz=30.0, detect_every=10) for px in (360, 256, 192, 128)
)


class Row(msgspec.Struct, frozen=True):
    """One effect at one size, milliseconds a frame."""

    effect: str
    effect_px: int
    p50_ms: float
    p95_ms: float


def main() -> None:
    """Measure and print."""
    cv2.setNumThreads(1)
    parser = argparse.ArgumentParser(prog="tools/bench/effects", description=__doc__)
    run_bench(parser, lambda _: measure(), table)


def measure() -> list[Row]:
    """Run every effect over the same packets."""
    models = open_models("tflite", (*VARIANTS, MOBILEFACENET))
    draw_strangers()
    context = StageContext(models, LADDER, HEIGHT_PX, WIDTH_PX, Attention())
    store = open_store()
    with open_fetcher(store, lambda *_: None) as fetcher:
        donor = str(fetch_media(ASTRONAUT, store, fetcher))
    packets = find(models)
    fuse = FuseMesh(FuseMeshOptions(face=donor), context)
    rows = [time_stage("fuse_mesh", fuse, packets, point) for point in LADDER]
    mesh = Anonymise(AnonymiseOptions(method="mesh"), context)
    rows += [time_stage("anonymise, mesh", mesh, packets, point) for point in LADDER]
    others: tuple[tuple[str, Callable[[], Stage]], ...] = (
        ("anonymise", lambda: Anonymise(AnonymiseOptions(), context)),
        ("mark", lambda: Mark(MarkOptions(), context)),
    )
    return [*rows, *(time_stage(name, make(), packets, LADDER[0]) for name, make in others)]


def find(models: Models) -> list[Packet]:
    """Give frames of 720p with their faces."""
    context = StageContext(models, LADDER, HEIGHT_PX, WIDTH_PX, Attention())
    stages = (
        detect_faces.DetectFaces(detect_faces.Options(), context),
        track_faces.TrackFaces(track_faces.Options(), context),
    )
    packets = []
    for frame in read_frames(fetch_clip()):
        if not FRAMES.start <= frame.index < FRAMES.stop:
            continue
        buffer = Buffer(HEIGHT_PX * WIDTH_PX * 3)
        view = buffer.view(HEIGHT_PX, WIDTH_PX)
        view[:] = enlarge(frame.pixels)
        packet = Packet(replace(frame, pixels=view, buffer=buffer), LADDER[0])
        for stage in stages:
            packet = stage.run(packet)
        packets.append(packet)
    return packets


def enlarge(pixels: np.ndarray) -> np.ndarray:
    """Scale a frame to 720 rows and put it into the middle of 1280 columns."""
    width_px = pixels.shape[1] * HEIGHT_PX // pixels.shape[0]
    border_px = (WIDTH_PX - width_px) // 2
    scaled = cv2.resize(pixels, (width_px, HEIGHT_PX), interpolation=cv2.INTER_CUBIC)
    return cv2.copyMakeBorder(scaled, 0, 0, border_px, WIDTH_PX - width_px - border_px, cv2.BORDER_REPLICATE)


def time_stage(name: str, stage: Stage, packets: list[Packet], point: OperatingPoint) -> Row:
    """Run a stage over all packets, several times; the first pass only warms up."""
    times_ms: list[float] = []
    for number in range(PASSES + 1):
        for packet in packets:
            given = replace(packet, point=point)
            start_ns = time.thread_time_ns()
            stage.run(given)
            if number:
                times_ms.append((time.thread_time_ns() - start_ns) / 1e6)
    p50, p95 = np.percentile(times_ms, (50, 95)).tolist()
    return Row(name, point.effect_px, p50, p95)


def table(rows: list[Row]) -> str:
    """Give the rows for a person."""
    lines = [f"{'effect':16}{'effect_px':>10}{'p50 ms':>9}{'p95 ms':>9}"]
    lines += [f"{r.effect:16}{r.effect_px:>10}{r.p50_ms:>9.2f}{r.p95_ms:>9.2f}" for r in rows]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
