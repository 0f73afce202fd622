"""Compare the product's blend with a multi-band blend of the same picture: border, landmarks, identity, leak and time.

Multi-band is Burt and Adelson's: Laplacian pyramids of the donor and the frame, mixed level by level by a Gaussian
pyramid of the alpha, at the size of the work picture. Columns as in tools/bench/looks; "leak" is the share of pixels
outside of the hull, within a tenth of the face, that it changes; time is of one thread's processor, a whole fusion.
"""

from __future__ import annotations

import argparse
import itertools
import time
from collections.abc import Sequence
from typing import Any

import cv2
import msgspec
import numpy as np
from numpy.typing import NDArray

from benching.command import run_bench
from benching.faces import POINT, fetch_astronaut, fetch_people, find_faces
from benching.finding import open_models
from benching.judging import Judge, Seen, border_step, inside_of, is_frontal
from benching.looks import PARSER
from edgefuse.vision.fusion.blend import Alpha, Blender
from edgefuse.vision.fusion.donor import Donor, find_in_photo, make_donor
from edgefuse.vision.fusion.fuser import Fuser
from edgefuse.vision.fusion.parsing import find_hair
from edgefuse.vision.fusion.texture import Cutout
from edgefuse.vision.types import Pixels

LEVELS = 4
SEEDS = (4, 12)
EVERY = 30
NEAR = 1.1
"""Of the outline's size, around which a leak is looked for."""

Bands = list[NDArray[Any]]
"""Signed, the finest first."""


class Row(msgspec.Struct, frozen=True):
    """One donor, one blend."""

    donor: str
    blend: str
    border: float
    landmarks: float
    identity: float
    leak: float
    p50_ms: float


class MultiBandBlender(Blender):
    """Blends band by band; allocates as it likes."""

    def lay(self, picture: Cutout, alpha: Alpha, area: Pixels, strength: float = 1.0) -> None:
        """Blend as ``Blender.lay`` does, but for what reaches beyond the alpha."""
        size, whole = (alpha.shape[1], alpha.shape[0]), (area.shape[1], area.shape[0])
        weight = alpha.astype(np.float32) * picture[:, :, 3] * np.float32(strength / 255**2)
        below = cv2.resize(area, size, interpolation=cv2.INTER_AREA).astype(np.float32)
        mixed: NDArray[Any] | None = None
        weights = _halvings(weight)
        for share, own, under in reversed(
            list(zip(weights, _bands(picture[:, :, :3].astype(np.float32)), _bands(below), strict=True))
        ):
            band = under + (own - under) * share[:, :, np.newaxis]
            mixed = band if mixed is None else band + cv2.pyrUp(mixed, dstsize=(band.shape[1], band.shape[0]))
        assert mixed is not None
        change = cv2.resize(mixed - below, whole, interpolation=cv2.INTER_LINEAR)
        area[:] = np.clip(np.rint(area + change), 0, 255)


def _halvings(picture: NDArray[Any]) -> Bands:
    pictures = [picture]
    for _ in range(LEVELS):
        pictures.append(cv2.pyrDown(pictures[-1]))
    return pictures


def _bands(picture: NDArray[Any]) -> Bands:
    pictures = _halvings(picture)
    coarser = [cv2.pyrUp(c, dstsize=(p.shape[1], p.shape[0])) for p, c in itertools.pairwise(pictures)]
    return [*(p - c for p, c in zip(pictures, coarser, strict=False)), pictures[-1]]


class MultiBandFuser(Fuser):
    """The product's fuser but for the blend."""

    def __init__(self, donors: Sequence[Donor], longest_px: int, height_px: int, width_px: int) -> None:
        super().__init__(donors, longest_px, height_px, width_px, keeps_eyes_and_mouth=True)
        self._blender = MultiBandBlender(longest_px, height_px, width_px)


def main() -> None:
    """Measure and print."""
    cv2.setNumThreads(1)
    parser = argparse.ArgumentParser(
        prog="tools/bench/blending", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    run_bench(parser, lambda _: measure(), table)


def measure() -> list[Row]:
    """Fuse every donor onto frames of the default clip, with both blends."""
    seen = [(frame.pixels, face) for frame, face in find_faces() if frame.index % EVERY == 0 and is_frontal(face)]
    models, rows = open_models("tflite"), []
    size = POINT.effect_px, *seen[0][0].shape[:2]
    names = ("astronaut", *(f"person {seed}" for seed in SEEDS))
    photos = zip(names, (fetch_astronaut(), *fetch_people(SEEDS)), strict=True)
    for name, photo in photos:
        found = find_in_photo(photo, models, POINT)
        donor = make_donor(*found, POINT.effect_px, find_hair(*found, open_models("tflite", (PARSER,))))
        judge = Judge(models, *found)
        plain = Fuser((donor,), *size, keeps_eyes_and_mouth=True)
        rows += [_row(name, "product", judge, plain, seen)]
        rows += [_row(name, "multi-band", judge, MultiBandFuser((donor,), *size), seen)]
    return rows


def _row(name: str, blend: str, judge: Judge, fuser: Fuser, seen: list[Seen]) -> Row:
    borders, landmarks, alike, leaks, times_ms = [], [], [], [], []
    for pixels, face in seen:
        assert face.mesh is not None
        fused = pixels.copy()
        start_ns = time.thread_time_ns()
        fuser.fuse(fused, face.mesh, 0, POINT.effect_px)
        times_ms.append((time.thread_time_ns() - start_ns) / 1e6)
        borders.append((border_step(fused, face), border_step(pixels, face)))
        landmarks.append(judge.landmark_error(fused, face))
        alike.append(judge.is_more_like_donor(fused, pixels, face))
        beside = inside_of(face, pixels.shape, NEAR) & ~inside_of(face, pixels.shape, 1.0)
        leaks.append(float((fused != pixels).any(axis=2)[beside].mean()))
    fused_sum, clear_sum = np.sum(borders, axis=0)
    return Row(
        name,
        blend,
        border=float(fused_sum / clear_sum),
        landmarks=float(np.mean(landmarks)),
        identity=float(np.mean(alike)),
        leak=float(np.mean(leaks)),
        p50_ms=float(np.median(times_ms)),
    )


def table(rows: list[Row]) -> str:
    """Give the rows for a person."""
    lines = [f"{'donor':12}{'blend':12}{'border':>8}{'landmarks':>11}{'identity':>10}{'leak':>7}{'p50 ms':>8}"]
    lines += [
        f"{r.donor:12}{r.blend:12}{r.border:8.2f}{r.landmarks:11.2%}{r.identity:10.1%}{r.leak:7.0%}{r.p50_ms:8.2f}"
        for r in rows
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
