"""Measure what smoothing gains at rest and costs in motion, on a face whose true place is known.

A photo is moved by known similarities, 720p at 30 frames a second, with sensor noise. The true landmarks are the mean
of the raw ones at rest, moved likewise. Jitter is the root of a landmark's variance over the frames at rest; both
figures are means over the 468 landmarks.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import cv2
import msgspec
import numpy as np
from numpy.typing import NDArray

from benching.command import run_bench
from benching.finding import Finder, open_models
from edgefuse.clock import NS_PER_S
from edgefuse.errors import EdgefuseError
from edgefuse.store.fetch import open_fetcher
from edgefuse.store.media import ASTRONAUT, fetch_media
from edgefuse.store.store import open_store
from edgefuse.vision.face.geometry import Matrix
from edgefuse.vision.model import Models
from edgefuse.vision.pool import Buffer
from edgefuse.vision.types import Frame, Pixels

HEIGHT_PX, WIDTH_PX, RATE_HZ, FRAMES = 720, 1280, 30, 120
SETTLING_FRAMES = 30
NOISE_LEVELS = 4.0
"""Spread of the noise in levels of 0..255, a webcam's in a lit room."""
FACE_IN_PHOTO = (224.0, 118.0)
SCALE = 1.75

Meshes = NDArray[np.float64]
"""(frames, 468, 2) pixels."""


class Report(msgspec.Struct, frozen=True):
    """Pixels of a face of ``face_px``."""

    face_px: float
    raw_jitter_px: float
    smoothed_jitter_px: float
    raw_error_px: float
    smoothed_error_px: float


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="tools/bench/smoothing", description=__doc__)
    run_bench(parser, lambda _: measure(), table)


def measure() -> Report:
    """Run the tracker over the photo at rest and in motion, raw and smoothed."""
    store = open_store()
    with open_fetcher(store, lambda *_: None) as fetcher:
        photo = read_photo(fetch_media(ASTRONAUT, store, fetcher))
    models = open_models("tflite")
    rest, motion = [move(0)] * FRAMES, [move(i / RATE_HZ) for i in range(FRAMES)]
    still = find(models, photo, rest, is_smoothed=False)
    truth = still[SETTLING_FRAMES:].mean(axis=0)
    in_photo = _apply(np.asarray(cv2.invertAffineTransform(rest[0]), np.float64), truth)
    true_places = np.array([_apply(matrix, in_photo) for matrix in motion])
    return Report(
        face_px=float(np.ptp(truth, axis=0).mean()),
        raw_jitter_px=jitter_px(still),
        smoothed_jitter_px=jitter_px(find(models, photo, rest, is_smoothed=True)),
        raw_error_px=error_px(find(models, photo, motion, is_smoothed=False), true_places),
        smoothed_error_px=error_px(find(models, photo, motion, is_smoothed=True), true_places),
    )


def read_photo(path: Path) -> Pixels:
    """Read the photo."""
    photo = cv2.imread(str(path), cv2.IMREAD_COLOR)
    assert photo is not None  # its sha256 was checked when it came
    return np.asarray(photo, np.uint8)


def move(time_s: float) -> Matrix:
    """Give the map from photo to frame: sway, nod, turn and lean, all at rest at 0."""
    wave = {rate_hz: np.sin(2 * np.pi * rate_hz * time_s) for rate_hz in (0.4, 0.5, 0.6, 0.9)}
    scale, angle = SCALE * (1 + 0.1 * wave[0.4]), 0.15 * wave[0.5]
    turn = scale * np.array(((np.cos(angle), -np.sin(angle)), (np.sin(angle), np.cos(angle))))
    place = np.array((WIDTH_PX / 2 + 120 * wave[0.6], HEIGHT_PX / 2 + 40 * wave[0.9]))
    return np.column_stack((turn, place - turn @ FACE_IN_PHOTO))


def find(models: Models, photo: Pixels, matrices: list[Matrix], *, is_smoothed: bool) -> Meshes:
    """Give the landmarks of the photo moved by each matrix, with noise that is the same for the same frame."""
    finder = Finder(models, (HEIGHT_PX, WIDTH_PX), FRAMES, is_smoothed=is_smoothed)
    buffer = Buffer(HEIGHT_PX * WIDTH_PX * 3)
    pixels = buffer.view(HEIGHT_PX, WIDTH_PX)
    random = np.random.default_rng(0)
    noise = random.normal(0, NOISE_LEVELS, (HEIGHT_PX * 2, WIDTH_PX, 3)).astype(np.float32)
    meshes = []
    for index, matrix in enumerate(matrices):
        moved = cv2.warpAffine(photo, matrix, (WIDTH_PX, HEIGHT_PX), borderMode=cv2.BORDER_REFLECT)
        start = random.integers(HEIGHT_PX)
        pixels[:] = np.clip(moved + noise[start : start + HEIGHT_PX], 0, 255)
        face = finder.find(Frame(pixels, index, index * NS_PER_S // RATE_HZ, buffer))
        if face is None or face.mesh is None:
            raise EdgefuseError(f"cannot measure smoothing: no face in frame {index}")
        meshes.append(face.mesh[:, :2])
    return np.array(meshes, np.float64)


def jitter_px(meshes: Meshes) -> float:
    """Measure how far landmarks that should rest go."""
    return float(np.sqrt(meshes[SETTLING_FRAMES:].var(axis=0).sum(axis=1)).mean())


def error_px(meshes: Meshes, truth: Meshes) -> float:
    """Measure how far landmarks are from where they should be."""
    return float(np.linalg.norm(meshes - truth, axis=2)[SETTLING_FRAMES:].mean())


def table(report: Report) -> str:
    """Give the report for a person."""
    rows = (
        ("jitter at rest", report.raw_jitter_px, report.smoothed_jitter_px),
        ("error in motion", report.raw_error_px, report.smoothed_error_px),
    )
    lines = [f"face of {report.face_px:.0f} px, pixels: {'raw':>9}{'smoothed':>10}{'ratio':>8}"]
    lines += [f"{name:24}{raw:9.3f}{smoothed:10.3f}{smoothed / raw:8.2f}" for name, raw, smoothed in rows]
    return "\n".join(lines)


def _apply(matrix: Matrix, points: NDArray[np.float64]) -> NDArray[np.float64]:
    moved: NDArray[np.float64] = points @ matrix[:, :2].T + matrix[:, 2]
    return moved


if __name__ == "__main__":
    main()
