"""Make the contact sheets of fused faces: the first row is as it was, then a row for every donor.

fused-clip: the default clip, turned, nodding, speaking, with closed eyes, near and far. fused-light: one frame in warm,
cold, dim and side light. fused-photos: the astronaut and synthetic people as targets. fused-three-quarter: synthetic
people who turn their heads. fused-occlusion: a hand and painted things before faces, with the pauses that follow.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np

from benching.covered_faces import covered_faces
from benching.faces import POINT, Target, fetch_astronaut, fetch_people, find_faces
from benching.finding import open_models
from benching.looks import PARSER
from benching.turned_people import turned_faces
from edgefuse.disk import write_atomically
from edgefuse.errors import EdgefuseError
from edgefuse.vision.fusion.donor import Donor, find_in_photo, make_donor
from edgefuse.vision.fusion.fuser import Fuser
from edgefuse.vision.fusion.parsing import find_hair
from edgefuse.vision.types import Face, Pixels

FRAMES = (100, 290, 350, 499, 574, 610, 642, 818, 965, 982)
LIT_FRAME = 100
LIGHTS = {
    "warm": ((0.7, 0.95, 1.15), 0.0),
    "cold": ((1.25, 1.0, 0.8), 0.0),
    "dim": ((0.4, 0.4, 0.4), 0.0),
    "left": ((0.9, 0.9, 0.9), -0.5),
    "right": ((0.9, 0.9, 0.9), 0.5),
}
"""Gains of blue, green and red, and how much they change across the face."""
SEEDS = (29, 1, 3, 4, 12)
TILE_PX = 200
MARGIN = 1.5
"""Side of a tile, in units of the face's longer side."""
JPEG_QUALITY = 88


def main() -> None:
    """Write the sheets."""
    parser = argparse.ArgumentParser(prog="tools/docs/fused_faces", description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("docs/img"), metavar="FOLDER")
    options = parser.parse_args()
    try:
        found = list(_find_people())
        donors = [_donor(target) for target in found]
        clip = [Target(frame.pixels, face) for frame, face in find_faces() if frame.index in FRAMES]
        sheets = {
            "clip": clip,
            "light": list(_lights(clip[FRAMES.index(LIT_FRAME)])),
            "photos": found,
            "three-quarter": list(turned_faces()),
            "occlusion": list(covered_faces()),
        }
        for name, targets in sheets.items():
            encoded = cv2.imencode(".jpg", sheet(targets, donors), (cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY))[1]
            write_atomically(options.out / f"fused-{name}.jpg", encoded.tobytes())
    except EdgefuseError as e:
        raise SystemExit(f"fused_faces: {e}") from e


def _find_people() -> Iterator[Target]:
    """Give the photos of the donors, the astronaut first."""
    models = open_models("tflite")
    for photo in (fetch_astronaut(), *fetch_people(SEEDS)):
        yield Target(*find_in_photo(photo, models, POINT))


def _donor(target: Target) -> Donor:
    hair = find_hair(target.pixels, target.face, open_models("tflite", (PARSER,)))
    return make_donor(target.pixels, target.face, POINT.effect_px, hair)


def _lights(target: Target) -> Iterator[Target]:
    """Give a frame in other light; only what a camera would see of it: no shadows are cast."""
    x1, _, x2, _ = target.face.box.tolist()
    across = (np.arange(target.pixels.shape[1]) - (x1 + x2) / 2) / (x2 - x1)
    for gains, slope in LIGHTS.values():
        light = np.clip(1 + slope * 2 * across, 0.15, 2)[:, np.newaxis] * np.array(gains)
        yield replace(target, pixels=np.clip(target.pixels * light, 0, 255).astype(np.uint8))


def sheet(targets: Sequence[Target], donors: Sequence[Donor]) -> Pixels:
    """Fuse every donor onto every target."""
    rows = [np.hstack([crop(target.pixels, target.face) for target in targets])]
    for donor in donors:
        rows.append(np.hstack([crop(fuse(donor, target), target.face) for target in targets]))
    return np.vstack(rows)


def fuse(donor: Donor, target: Target) -> Pixels:
    """Give a frame with the donor, as the first frame that the effect sees."""
    assert target.face.mesh is not None
    fused: Pixels = target.pixels.copy()
    fuser = Fuser((donor,), POINT.effect_px, *fused.shape[:2], keeps_eyes_and_mouth=True)
    if target.opacity > 0:
        fuser.fuse(fused, target.face.mesh, 0, POINT.effect_px, target.opacity)
    return fused


def crop(pixels: Pixels, face: Face) -> Pixels:
    """Cut out the head; beyond the frame its border goes on."""
    x1, y1, x2, y2 = face.box.tolist()
    scale = TILE_PX / (MARGIN * max(x2 - x1, y2 - y1))
    middle = TILE_PX / 2
    to_tile = np.array(((scale, 0, middle - scale * (x1 + x2) / 2), (0, scale, middle - scale * (y1 + y2) / 2)))
    flags = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    tile = cv2.warpAffine(pixels, to_tile, (TILE_PX, TILE_PX), flags=flags, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(tile, np.uint8)


if __name__ == "__main__":
    main()
