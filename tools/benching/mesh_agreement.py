"""Compare edgefuse's landmarks with those of MediaPipe 0.10.14 FaceMesh, frame by frame.

Distances are means over the 468 points, in percent of the distance between the outer corners of MediaPipe's eyes.
MediaPipe runs in an environment of its own below .cache/, made at first use (400 MB).
"""

from __future__ import annotations

import argparse
import itertools
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from benching.command import run_bench
from benching.finding import Finder, fetch_clip, open_models, read_frames
from benching.peer import MediaPipe, fill
from edgefuse.vision.face.landmarks import LEFT_EYE_OUTER, RIGHT_EYE_OUTER

LIMIT_PERCENT = 1.5
DETECT_EVERY = 10

Meshes = NDArray[np.float32]
"""(frames, 468, 2) float32, pixels; not a number where no face was found."""


class Agreement(msgspec.Struct, frozen=True):
    """How near two sets of landmarks are, over the frames in which MediaPipe finds a face."""

    frames: int
    missed: int
    """Frames in which edgefuse finds none."""
    within_limit: float
    """Share of the frames whose distance is at most ``LIMIT_PERCENT``; missed ones count as beyond."""
    mean_percent: float
    p50_percent: float
    p95_percent: float
    p99_percent: float


class Report(msgspec.Struct, frozen=True):
    """What the command tells."""

    clip: str
    limit_percent: float
    raw: Agreement
    smoothed: Agreement
    """As the pipeline uses them by default; the distance is what smoothing lags behind."""


def main() -> None:
    """Run both and print the comparison."""
    parser = argparse.ArgumentParser(prog="tools/bench/mesh_agreement", description=__doc__)
    parser.add_argument("--clip", type=Path, help="a video of one face; without it, the default clip")
    run_bench(parser, lambda options: measure(options.clip or fetch_clip()), table)


def measure(clip: Path) -> Report:
    """Run both over a clip."""
    reference = find_with_mediapipe(clip)
    raw, smoothed = (compare(find_with_edgefuse(clip, is_smoothed=flag), reference) for flag in (False, True))
    return Report(clip.name, LIMIT_PERCENT, raw, smoothed)


def find_with_mediapipe(clip: Path) -> Meshes:
    """Give MediaPipe's landmarks; it is sent the very pixels that edgefuse gets."""
    frames = read_frames(clip)
    first = next(frames)
    with MediaPipe(*first.pixels.shape[:2]) as peer:
        blocks = fill(peer.frames, itertools.chain((first,), frames))
        return np.concatenate([peer.find(len(times_ns))["mesh"] for times_ns in blocks])


def find_with_edgefuse(clip: Path, *, is_smoothed: bool) -> Meshes:
    """Give edgefuse's landmarks, on LiteRT."""
    models = open_models("tflite")
    finder: Finder | None = None
    meshes = []
    for frame in read_frames(clip):
        finder = finder or Finder(models, frame.pixels.shape[:2], DETECT_EVERY, is_smoothed=is_smoothed)
        face = finder.find(frame)
        meshes.append(np.full((468, 2), np.nan) if face is None or face.mesh is None else face.mesh[:, :2])
    models.close()
    return np.array(meshes, np.float32)


def compare(meshes: Meshes, reference: Meshes) -> Agreement:
    """Measure the distances."""
    has_reference = np.isfinite(reference[:, 0, 0])
    meshes, reference = meshes[has_reference], reference[has_reference]
    eyes = np.linalg.norm(reference[:, LEFT_EYE_OUTER] - reference[:, RIGHT_EYE_OUTER], axis=1)
    percent = 100 * np.linalg.norm(meshes - reference, axis=2).mean(axis=1) / eyes
    p50, p95, p99 = np.nanpercentile(percent, (50, 95, 99)).tolist()
    return Agreement(
        frames=len(percent),
        missed=int(np.isnan(percent).sum()),
        within_limit=float((percent <= LIMIT_PERCENT).mean()),
        mean_percent=float(np.nanmean(percent)),
        p50_percent=p50,
        p95_percent=p95,
        p99_percent=p99,
    )


def table(report: Report) -> str:
    """Give the report for a person."""
    lines = [f"{report.clip}: {report.raw.frames} frames with a face; distance in % of the distance between the eyes"]
    lines.append(f"{'':10}{'mean':>8}{'p50':>8}{'p95':>8}{'p99':>8}{'missed':>8}   within {report.limit_percent} %")
    for name, a in (("raw", report.raw), ("smoothed", report.smoothed)):
        figures = "".join(f"{v:8.3f}" for v in (a.mean_percent, a.p50_percent, a.p95_percent, a.p99_percent))
        lines.append(f"{name:10}{figures}{a.missed:8}   {a.within_limit:.2%}")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
